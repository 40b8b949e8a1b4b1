//! The model: base rate, memory, events. One regression for each length of window, fitted on windows that have closed.

use crate::memory::{HALF_LIFE_DAYS, Remembered};
use crate::numbers::{Fit, Sample, fit};
use crate::panel::Panel;
use crate::walk::{Answers, EventInputs, Walk};

/// What a forecast says of the program that made it; goes up whenever numbers may change.
pub const VERSION: &str = "base-memory-factors 1";
/// Days at the beginning on which nothing is fitted: memory is too young.
pub const YOUNG_DAYS: usize = 30;
/// Days between two fits.
pub const REFIT_DAYS: usize = 30;
/// The ridge of the regression.
const RIDGE: f64 = 3.0;

/// What goes into the regression.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Inputs {
    /// The fading averages and yesterday.
    pub recency: bool,
    /// Flags of events.
    pub events: bool,
}

impl Inputs {
    /// The inputs of one window.
    fn row(self, remembered: &Remembered, flags: [f64; 6], into: &mut Vec<f64>) {
        into.extend(remembered.base());
        if self.recency {
            into.extend(remembered.recency());
        }
        if self.events {
            into.extend(flags);
        }
    }

    const fn width(self) -> usize {
        2 + if self.recency { 4 } else { 0 } + if self.events { 6 } else { 0 }
    }
}

/// What all fits share.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The labels.
    pub panel: &'a Panel,
    /// What was remembered.
    pub walk: &'a Walk,
    /// The answers of windows.
    pub answers: &'a Answers,
    /// Events around windows.
    pub events: &'a EventInputs,
}

/// A fitted model for one length of window.
#[derive(Clone, Debug)]
pub struct Model {
    inputs: Inputs,
    fit: Fit,
}

impl Model {
    /// Fits on the windows that had closed by the evening before the day `until`; windows further back count less.
    #[must_use]
    pub fn new(ground: &Ground<'_>, inputs: Inputs, until: usize, start: Option<&Self>) -> Self {
        let mut sample = Sample { width: inputs.width(), ..Sample::default() };
        // The window of day d closes on the evening of d + length - 1.
        for day in YOUNG_DAYS..(until + 1).saturating_sub(ground.answers.length) {
            let weight = 0.5f64.powf((until - day) as f64 / HALF_LIFE_DAYS);
            for place in 0..ground.panel.countries {
                let Some(answer) = ground.answers.at(day, place) else { continue };
                inputs.row(ground.walk.at(day, place), ground.events.at(day, place), &mut sample.inputs);
                sample.answers.push(f64::from(u8::from(answer)));
                sample.weights.push(weight);
            }
        }
        let mut centre = vec![0.0; sample.width];
        centre[1] = 1.0;
        Self { inputs, fit: fit(&sample, RIDGE, &centre, start.map(|model| model.fit.weights.as_slice())) }
    }

    fn inputs_of(&self, ground: &Ground<'_>, day: usize, place: usize) -> Vec<f64> {
        let mut row = Vec::with_capacity(self.inputs.width());
        self.inputs.row(ground.walk.at(day, place), ground.events.at(day, place), &mut row);
        row
    }

    /// The probability that a place is listed in the window that begins on a day.
    #[must_use]
    pub fn probability(&self, ground: &Ground<'_>, day: usize, place: usize) -> f64 {
        self.fit.probability(&self.inputs_of(ground, day, place))
    }

    /// The same with its 90 % interval: of the weights and of the base rate, whose counts are few.
    #[must_use]
    pub fn interval(&self, ground: &Ground<'_>, day: usize, place: usize) -> (f64, f64, f64) {
        let row = self.inputs_of(ground, day, place);
        let score = self.fit.score(&row);
        let slope = self.fit.weights.get(1).copied().unwrap_or(1.0);
        let variance = self.fit.variance(&row) + slope * slope * ground.walk.at(day, place).variance();
        let half = 1.645 * variance.max(0.0).sqrt();
        let logistic = crate::numbers::logistic;
        (logistic(score), logistic(score - half), logistic(score + half))
    }

    /// The weights: constant, logit of the base rate, then three fading averages and yesterday, then events.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.fit.weights
    }
}
