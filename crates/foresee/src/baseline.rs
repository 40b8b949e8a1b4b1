//! What a forecast has to beat: the pooled rate, the place's own rate, a Markov table, last week again, the day of the week.
//!
//! Each sees a window's answer on the evening on which it closes, like the model.

use crate::memory::HALF_LIFE_DAYS;
use crate::panel::Panel;
use crate::walk::{Answers, Walk};

/// The simple ways.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Baseline {
    /// One rate for all places.
    Pooled,
    /// The rate of the place.
    Base,
    /// The rate after a listed and after an unlisted day.
    Markov,
    /// The rate after a week with and without a listing.
    Week,
    /// The rate of the place, times what the day of the week usually adds.
    Weekday,
}

impl Baseline {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pooled, Self::Base, Self::Markov, Self::Week, Self::Weekday];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pooled => "pooled_rate",
            Self::Base => "country_rate",
            Self::Markov => "markov",
            Self::Week => "last_week",
            Self::Weekday => "weekday",
        }
    }
}

/// Counts with forgetting, and tables without.
struct Counts {
    countries: usize,
    listed: Vec<f64>,
    windows: f64,
    yesterday: [(f64, f64); 2],
    week: [(f64, f64); 2],
    weekday: [(f64, f64); 7],
}

impl Counts {
    fn new(places: usize, countries: usize) -> Self {
        let tables = (1.0, 30.0);
        Self {
            countries,
            listed: vec![0.0; places],
            windows: 0.0,
            yesterday: [tables; 2],
            week: [tables; 2],
            weekday: [(1.0, 30.0); 7],
        }
    }

    fn fade(&mut self) {
        let fade = 0.5f64.powf(1.0 / HALF_LIFE_DAYS);
        self.windows *= fade;
        self.listed.iter_mut().for_each(|value| *value *= fade);
    }

    fn say(&self, which: Baseline, since: u32, weekday: usize, place: usize) -> f64 {
        let listed: f64 = self.listed.iter().take(self.countries).sum();
        let pooled = (listed + 1.0) / (self.windows * self.countries as f64 + 10.0);
        let base = (self.listed[place] + 20.0 * pooled) / (self.windows + 20.0);
        let rate = |(listed, windows): (f64, f64)| listed / windows;
        match which {
            Baseline::Pooled => pooled,
            Baseline::Base => base,
            Baseline::Markov => rate(self.yesterday[usize::from(since <= 1)]),
            Baseline::Week => rate(self.week[usize::from(since <= 7)]),
            Baseline::Weekday => {
                let all = self.weekday.iter().fold((0.0, 0.0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1));
                (base * rate(self.weekday[weekday]) / rate(all)).min(0.99)
            }
        }
    }
}

/// Each baseline's probability for each day and country, and for the morning after the last day:
/// `[baseline][day * countries + place]`.
#[must_use]
pub fn forecasts(panel: &Panel, walk: &Walk, answers: &Answers) -> Vec<Vec<f64>> {
    let places = panel.places.len();
    let mut counts = Counts::new(places, panel.countries);
    let mut said = vec![Vec::with_capacity((panel.days() + 1) * places); Baseline::ALL.len()];
    let weekday = |day: usize| panel.day(day).weekday().to_monday_zero_offset().unsigned_abs() as usize;
    for day in 0..=panel.days() {
        for place in 0..places {
            let since = walk.at(day, place).since;
            for (which, said) in Baseline::ALL.into_iter().zip(&mut said) {
                said.push(counts.say(which, since, weekday(day), place));
            }
        }
        counts.fade();
        // The window that began so many days ago closes this evening.
        let Some(closed) = (day + 1).checked_sub(answers.length) else { continue };
        if (0..places).all(|place| answers.at(closed, place).is_none()) {
            continue;
        }
        counts.windows += 1.0;
        for place in 0..places {
            let Some(answer) = answers.at(closed, place) else { continue };
            let yes = f64::from(u8::from(answer));
            let since = walk.at(closed, place).since;
            counts.listed[place] += yes;
            if place >= panel.countries {
                continue;
            }
            let cells = [
                &mut counts.yesterday[usize::from(since <= 1)],
                &mut counts.week[usize::from(since <= 7)],
                &mut counts.weekday[weekday(closed)],
            ];
            cells.into_iter().for_each(|cell| *cell = (cell.0 + yes, cell.1 + 1.0));
        }
    }
    said
}
