//! How many requests a service gets: the hour of the week, and what varies around it.
//!
//! The rate is the mean of the service, times the share of the hour of the week (mean 1 over the week), times gamma distributed
//! factors for each day and each minute; sessions come at Poisson times around that, so that the counts of minutes are
//! over-dispersed twice: by the factor and by the sessions themselves.

use std::ops::Range;

use crate::random::Random;

/// Coefficient of variation of a whole day's factor.
const DAY_VARIATION: f64 = 0.1;
const HOURS_PER_WEEK: usize = 168;

/// Shares of the hours of a week from Monday 0:00; their mean is 1.
#[derive(Clone, Debug)]
pub(super) struct Week([f64; HOURS_PER_WEEK]);

impl Week {
    /// A night of an eighth, a day that rises from 6 and falls from 22 with a peak in the morning, weekends of six tenths.
    pub(super) fn new() -> Self {
        let mut hours = [0.0; HOURS_PER_WEEK];
        for (place, share) in hours.iter_mut().enumerate() {
            let (day, hour) = (place / 24, (place % 24) as f64 + 0.5);
            let rising = 1.0 / (1.0 + (-(hour - 7.5) * 1.4).exp());
            let falling = 1.0 / (1.0 + ((hour - 22.0) * 1.1).exp());
            let morning = 0.25 * (-((hour - 10.5) / 2.0).powi(2)).exp();
            let weekend = if day >= 5 { 0.6 } else { 1.0 };
            *share = (0.125 + 0.875 * rising * falling + morning) * weekend;
        }
        let mean = hours.iter().sum::<f64>() / HOURS_PER_WEEK as f64;
        Self(hours.map(|share| share / mean))
    }

    /// The same rate at every hour.
    #[cfg(test)]
    pub(super) const fn flat() -> Self {
        Self([1.0; HOURS_PER_WEEK])
    }

    /// The share at a second since a Monday 0:00, between the middles of hours in a straight line.
    pub(super) fn at(&self, second: i64) -> f64 {
        let hours = (second as f64 / 3_600.0 - 0.5).rem_euclid(HOURS_PER_WEEK as f64);
        let (whole, part) = (hours as usize % HOURS_PER_WEEK, hours.fract());
        let value = |place: usize| self.0.get(place % HOURS_PER_WEEK).copied().unwrap_or(1.0);
        value(whole) * (1.0 - part) + value(whole + 1) * part
    }
}

/// The rate of one service, second by second.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// Requests a second on average.
    mean: f64,
    variation: f64,
    /// Chance of a rise in demand in a second.
    rise_chance: f64,
    day_factor: f64,
    minute_factor: f64,
    /// A rise in demand that is no event: its factor and its seconds.
    rise: (f64, Range<i64>),
    random: Random,
}

impl Rate {
    /// A service's rate. `variation` is the coefficient of variation of a minute; `rises` those of an ordinary day.
    pub(super) fn new(mean: f64, variation: f64, rises: f64, random: Random) -> Self {
        let rise_chance = rises / 86_400.0;
        Self { mean, variation, rise_chance, day_factor: 1.0, minute_factor: 1.0, rise: (1.0, 0..0), random }
    }

    /// What is expected at a second, without what varies.
    pub(super) fn expected(&self, week: &Week, second: i64) -> f64 {
        self.mean * week.at(second)
    }

    /// The rate of the next second; seconds have to come in order.
    pub(super) fn next(&mut self, week: &Week, second: i64) -> f64 {
        if second % 86_400 == 0 {
            self.day_factor = if self.variation > 0.0 { self.random.gamma(DAY_VARIATION) } else { 1.0 };
        }
        if second % 60 == 0 {
            self.minute_factor = self.random.gamma(self.variation);
        }
        if !self.rise.1.contains(&second) && self.random.unit() < self.rise_chance {
            let seconds = self.random.between(300, 1_800) as i64;
            self.rise = (1.3 + 1.2 * self.random.unit(), second..second + seconds);
        }
        let (factor, span) = &self.rise;
        let rise = if span.contains(&second) {
            // Within a minute up and down.
            let edge = (second - span.start).min(span.end - second).min(60) as f64 / 60.0;
            1.0 + (factor - 1.0) * edge
        } else {
            1.0
        };
        self.expected(week, second) * self.day_factor * self.minute_factor * rise
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_has_nights_and_weekends_and_a_mean_of_one() {
        let week = Week::new();
        let mean = (0..604_800).step_by(60).map(|second| week.at(second)).sum::<f64>() / 10_080.0;
        assert!((mean - 1.0).abs() < 0.001, "{mean}");
        let (night, morning, sunday) = (week.at(3 * 3_600), week.at(38_000), week.at(6 * 86_400 + 38_000));
        assert!(night * 5.0 < morning && sunday < 0.7 * morning, "{night} {morning} {sunday}");
        assert!((week.at(-1) - week.at(604_799)).abs() < 1e-9, "before the first Monday too");
    }

    #[test]
    fn minutes_vary_as_much_as_was_asked() {
        let mut rate = Rate::new(10.0, 0.3, 0.0, Random::new(1));
        let week = Week::flat();
        let minutes: Vec<f64> = (0..86_400 * 60).map(|second| rate.next(&week, second)).step_by(60).collect();
        let mean = minutes.iter().sum::<f64>() / minutes.len() as f64;
        let variance = minutes.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / minutes.len() as f64;
        // The day's factor is in it as well.
        let wanted = ((1.0 + 0.3_f64.powi(2)) * (1.0 + DAY_VARIATION.powi(2)) - 1.0).sqrt();
        let variation = variance.sqrt() / mean;
        assert!((mean - 10.0).abs() < 0.5 && (variation - wanted).abs() < 0.02, "{mean} {variation}");
    }

    #[test]
    fn rises_are_as_many_as_was_asked() {
        let mut rate = Rate::new(1.0, 0.0, 4.0, Random::new(2));
        let week = Week::flat();
        let mut rises = 0;
        let mut was = false;
        for second in 0..86_400 * 100 {
            let is = rate.next(&week, second) > 1.0;
            rises += usize::from(is && !was);
            was = is;
        }
        assert!((330..450).contains(&rises), "{rises}");
    }
}
