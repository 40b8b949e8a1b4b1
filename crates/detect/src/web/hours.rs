//! How busy a service is at each hour of the week.
//!
//! The mean of the last half hour is behind where a day begins: at seven in the morning there are twice as many readers as
//! half an hour before, every day, and that is no crowd. What is learnt here says how much of a rise is the hour's.
//!
//! Hours are those of UTC. An hour in which a flood or surge went on, or that was not seen from its begin to its end, is not
//! learnt. Where an hour of the week is not known yet, the same hour of other days stands for it.

/// Hours of a week.
pub(crate) const HOURS: usize = 168;
const HOUR_SECONDS: u32 = 3_600;
/// Weight of the last week.
const NEWEST: f32 = 0.4;
/// An hour has to be seen for so long.
const WHOLE_SECONDS: u32 = 3_300;
/// No hour is taken for more than so many times the one before.
const RISE_MAXIMUM: f32 = 3.0;

/// An hour that none is near.
const NOT_KNOWN: u32 = u32::MAX / 2;

/// Mean requests a second of each hour of the week; below 0 where none is known.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    means: Box<[f32; HOURS]>,
    /// What is known of three hours, and the first of them: those that a second is between.
    near: [Option<f32>; 3],
    near_from: u32,
    requests: f32,
    /// First second of the running hour that was seen.
    began: u32,
    hour: u32,
    is_spoilt: bool,
}

impl Hours {
    /// Nothing is known.
    pub(crate) fn new(second: u32) -> Self {
        let hour = second / HOUR_SECONDS;
        Self {
            means: Box::new([-1.0; HOURS]),
            near: [None; 3],
            near_from: NOT_KNOWN,
            requests: 0.0,
            began: second,
            hour,
            is_spoilt: false,
        }
    }

    /// What is known of each hour of the week; below 0 where nothing is.
    pub(crate) fn means(&self) -> &[f32] {
        &*self.means
    }

    /// Takes back what was known.
    pub(crate) fn recall(&mut self, means: &[f32]) {
        for (mean, kept) in self.means.iter_mut().zip(means) {
            *mean = kept.max(-1.0);
        }
        self.near_from = NOT_KNOWN;
    }

    /// Takes a second. `spoils`: a flood or surge goes on.
    pub(crate) fn note(&mut self, requests: f32, second: u32, spoils: bool) {
        let hour = second / HOUR_SECONDS;
        if hour != self.hour {
            let end = self.hour.saturating_add(1).saturating_mul(HOUR_SECONDS);
            let is_whole = end.saturating_sub(self.began) >= WHOLE_SECONDS;
            if is_whole && !self.is_spoilt && hour == self.hour + 1 {
                let mean = &mut self.means[self.hour as usize % HOURS];
                let seen = self.requests / HOUR_SECONDS as f32;
                *mean = if *mean < 0.0 { seen } else { *mean + NEWEST * (seen - *mean) };
            }
            (self.requests, self.hour, self.is_spoilt, self.began) = (0.0, hour, false, second);
            self.near_from = NOT_KNOWN;
        }
        let from = (second.saturating_sub(HOUR_SECONDS / 2) / HOUR_SECONDS).saturating_sub(1);
        if from != self.near_from {
            self.near = [0, 1, 2].map(|after| self.find(from + after));
            self.near_from = from;
        }
        self.requests += requests;
        self.is_spoilt |= spoils;
    }

    /// What is not known of the running hour any more.
    pub(crate) const fn spoil(&mut self) {
        self.is_spoilt = true;
    }

    fn of(&self, hour: u32) -> Option<f32> {
        let place = hour.wrapping_sub(self.near_from) as usize;
        self.near.get(place).copied().unwrap_or_else(|| self.find(hour))
    }

    fn find(&self, hour: u32) -> Option<f32> {
        let own = self.means[hour as usize % HOURS];
        if own >= 0.0 {
            return Some(own);
        }
        let days = (0..HOURS).step_by(24).map(|days| self.means[(hour as usize + days) % HOURS]);
        let (sum, count) =
            days.filter(|mean| *mean >= 0.0).fold((0.0, 0.0), |(sum, count), mean| (sum + mean, count + 1.0));
        (count > 0.0).then(|| sum / count)
    }

    /// Ordinary requests a second at a time, between the middles of hours in a straight line.
    pub(crate) fn at(&self, second: u32) -> Option<f32> {
        let from = second.saturating_sub(HOUR_SECONDS / 2);
        let part = (from % HOUR_SECONDS) as f32 / HOUR_SECONDS as f32;
        let (before, after) = (self.of(from / HOUR_SECONDS)?, self.of(from / HOUR_SECONDS + 1)?);
        Some(before + (after - before) * part)
    }

    /// How much more there is ordinarily at a time than so many seconds before; 1 where that is not known.
    pub(crate) fn rise(&self, second: u32, before_seconds: u32) -> f32 {
        match (self.at(second), self.at(second.saturating_sub(before_seconds))) {
            (Some(now), Some(before)) => (now / before.max(0.01)).clamp(1.0 / RISE_MAXIMUM, RISE_MAXIMUM),
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_learnt_when_it_was_whole_and_ordinary() {
        let mut hours = Hours::new(0);
        let rate = |second: u32| if second / HOUR_SECONDS % 24 == 7 { 8.0 } else { 2.0 };
        for second in 0..86_400 {
            hours.note(rate(second), second, false);
        }
        let seven = 86_400 + 7 * HOUR_SECONDS + HOUR_SECONDS / 2;
        assert_eq!(hours.at(seven), Some(8.0), "the same hour of yesterday");
        assert!((hours.rise(seven, 1_800) - 8.0 / 5.0).abs() < 0.01);
        assert!((hours.rise(seven + 12 * HOUR_SECONDS, 1_800) - 1.0).abs() < 0.01);
        // A surge, and an hour that was half seen.
        for second in 86_400..90_000 {
            hours.note(100.0, second, second == 88_000);
        }
        for second in 91_900..100_000 {
            hours.note(100.0, second, false);
        }
        assert!(hours.means[24] < 0.0 && hours.means[25] < 0.0 && hours.means[26] == 100.0);
    }

    #[test]
    fn nothing_is_known_before_a_whole_hour_was_seen() {
        let hours = Hours::new(5_000);
        assert_eq!((hours.at(90_000), hours.rise(90_000, 1_800)), (None, 1.0));
    }
}
