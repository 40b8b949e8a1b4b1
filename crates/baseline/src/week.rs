//! The hours of a week: what a signal had at this hour in weeks before.
//!
//! One byte an hour, the logarithm of the rate in eighths of an octave. A cell moves towards what it sees by half the
//! difference but by one octave at most, so that one flood in one week is forgotten as fast as it came; until two weeks
//! are known the median with the neighbouring hours is believed. A prediction is only ever raised by the week, never
//! lowered: a level that holds now and did not alarm is ordinary, whatever last week was.

/// Hours of a week; the caller decides where a week begins and in which time zone.
pub const HOURS: usize = 168;
/// Codes per doubling.
const CODES_PER_OCTAVE: f32 = 8.0;
/// Samples a second of code 1; 0 is unknown. Code 255 is 7 million a second.
const LEAST_RATE: f32 = 0.002;
/// A cell moves by one octave a week at most.
const MOST_CODES_PER_WEEK: i16 = 8;
/// Seconds before and after a full hour in which both hours are ordinary: schedules are not kept to the second.
const EDGE_SECONDS: u32 = 300;

/// The hours of a week of one signal: 170 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week {
    pub(crate) cells: [u8; HOURS],
    /// Hours learnt, fewer the older they are.
    pub(crate) hours: u16,
}

impl Default for Week {
    fn default() -> Self {
        Self { cells: [0; HOURS], hours: 0 }
    }
}

pub(crate) fn code_of(samples_per_second: f32) -> u8 {
    // NaN and negative rates fall to 1 as zero does: casts saturate.
    let octaves = (samples_per_second.max(LEAST_RATE) / LEAST_RATE).log2();
    1 + (octaves * CODES_PER_OCTAVE).round().min(254.0) as u8
}

pub(crate) fn rate_of(code: u8) -> f32 {
    LEAST_RATE * (f32::from(code.max(1) - 1) / CODES_PER_OCTAVE).exp2()
}

impl Week {
    /// Takes in the rate of a past or just finished hour, in samples a second. Hours of 168 or more are ignored. Call it
    /// with old weeks first.
    pub fn learn(&mut self, hour: u8, samples_per_second: f32) {
        let Some(cell) = self.cells.get_mut(usize::from(hour)) else { return };
        if !samples_per_second.is_finite() {
            return;
        }
        let seen = code_of(samples_per_second);
        if *cell == 0 {
            *cell = seen;
        } else {
            let difference = i16::from(seen) - i16::from(*cell);
            let half = difference / 2 + difference % 2;
            let moved = i16::from(*cell) + half.clamp(-MOST_CODES_PER_WEEK, MOST_CODES_PER_WEEK);
            *cell = moved.clamp(1, 255) as u8;
        }
        self.hours = self.hours.saturating_add(1);
    }

    /// What is ordinary at this second of the week, in samples a second, and how far it may be believed, 0 to below 1.
    /// `None` where nothing is known.
    pub fn ordinary(&self, second_of_week: u32) -> Option<(f32, f32)> {
        let hour = (second_of_week / 3600) as usize % HOURS;
        let within = second_of_week % 3600;
        let mut code = self.cell(hour);
        if within < EDGE_SECONDS {
            code = code.max(self.cell((hour + HOURS - 1) % HOURS));
        } else if within >= 3600 - EDGE_SECONDS {
            code = code.max(self.cell((hour + 1) % HOURS));
        }
        let weeks = f32::from(self.hours) / HOURS as f32;
        (code > 0).then(|| (rate_of(code), weeks / (weeks + 1.0)))
    }

    /// A cell, or while less than two weeks are known the median with its neighbours, so that one flood is no baseline.
    fn cell(&self, hour: usize) -> u8 {
        let own = self.cells[hour];
        if usize::from(self.hours) >= 2 * HOURS {
            return own;
        }
        let (before, after) = (self.cells[(hour + HOURS - 1) % HOURS], self.cells[(hour + 1) % HOURS]);
        let mut three = [before, own, after];
        three.sort_unstable();
        three[1]
    }

    /// Makes what is known count less after `seconds` without learning: half after eight weeks.
    pub fn age(&mut self, seconds: u64) {
        let weeks = seconds as f64 / (HOURS as f64 * 3600.0);
        // Rounded: many short breaks are to cost nothing.
        self.hours = (f64::from(self.hours) * (-weeks / 8.0).exp2()).round() as u16;
    }

    /// Takes in another week of the same signal: cells that both know meet where the hours known say.
    pub fn merge(&mut self, other: &Self) {
        let (own, others) = (f32::from(self.hours), f32::from(other.hours));
        let share = others / (own + others).max(1.0);
        for (cell, &theirs) in self.cells.iter_mut().zip(&other.cells) {
            if *cell == 0 {
                *cell = theirs;
            } else if theirs != 0 {
                let mixed = f32::from(*cell) + share * (f32::from(theirs) - f32::from(*cell));
                *cell = mixed.round() as u8;
            }
        }
        self.hours = self.hours.max(other.hours);
    }

    pub(crate) fn scale(&mut self, factor: f32) {
        for cell in self.cells.iter_mut().filter(|cell| **cell != 0) {
            *cell = code_of(rate_of(*cell) * factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_rates_within_five_percent() {
        for rate in [0.002f32, 0.5, 3.0, 50.0, 1e4, 5e6] {
            let ratio = rate_of(code_of(rate)) / rate;
            assert!((0.95..1.05).contains(&ratio), "{rate}: {ratio}");
        }
        assert_eq!(code_of(f32::INFINITY), 255);
        assert_eq!(code_of(-1.0), 1);
    }

    #[test]
    fn one_flood_in_history_changes_little() {
        let mut week = Week::default();
        for _ in 0..4 {
            (0..HOURS as u8).for_each(|hour| week.learn(hour, 100.0));
        }
        week.learn(33, 1e6);
        let (rate, _) = week.ordinary(33 * 3600 + 1800).unwrap();
        assert!(rate <= 220.0, "{rate}");
        week.learn(33, 100.0);
        assert!(week.ordinary(33 * 3600 + 1800).unwrap().0 <= 150.0);
    }

    #[test]
    fn a_flood_in_the_first_week_is_outvoted_by_its_neighbours() {
        let mut week = Week::default();
        (0..HOURS as u8).for_each(|hour| week.learn(hour, if hour == 50 { 1e5 } else { 10.0 }));
        assert!(week.ordinary(50 * 3600 + 1800).unwrap().0 < 12.0);
    }

    #[test]
    fn a_scheduled_hour_is_known_after_two_weeks_and_from_five_minutes_before() {
        let mut week = Week::default();
        for _ in 0..3 {
            (0..HOURS as u8).for_each(|hour| week.learn(hour, if hour == 50 { 1_000.0 } else { 10.0 }));
        }
        assert!(week.ordinary(50 * 3600 - 200).unwrap().0 > 900.0);
        assert!(week.ordinary(50 * 3600 - 400).unwrap().0 < 11.0);
        assert!(week.ordinary(51 * 3600 + 400).unwrap().0 < 11.0);
    }
}
