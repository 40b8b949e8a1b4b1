//! What is remembered of each place on the morning of a day, and nothing of the day itself.
//!
//! The memory is told one day after the other and asked in between, so that it cannot look ahead. All averages fade: a memory without
//! forgetting is wrong three times as often in how sure it is (docs/measured/foresee.md).

use crate::day::Day;
use crate::numbers::logit;
use crate::panel::{Label, Panel};

/// Days after which what was seen counts half in the base rate.
pub const HALF_LIFE_DAYS: f64 = 120.0;
/// How many days of the pooled rate a place without a history is given.
pub const PRIOR_DAYS: f64 = 40.0;
/// Days of the three fading averages.
pub const FADING_DAYS: [f64; 3] = [2.0, 10.0, 45.0];
/// Quiet for longer than this many days: what comes then is a first strike.
pub const QUIET_DAYS: u32 = 7;
/// What stands for never.
const NEVER: u32 = 999;

/// Memory of all places.
#[derive(Clone, Debug)]
pub struct Memory {
    countries: usize,
    half_life: f64,
    days: f64,
    listed: Vec<f64>,
    fading: [Vec<f64>; 3],
    fading_days: [f64; 3],
    since: Vec<u32>,
}

/// What is remembered of one place.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Remembered {
    /// The rate of listed days, faded and drawn to that of all countries.
    pub rate: f64,
    /// Listed days that stand behind it, with the prior's.
    pub listed: f64,
    /// Days that stand behind it, with the prior's.
    pub days: f64,
    /// The fading averages.
    pub fading: [f64; 3],
    /// Days since it was last listed; 1 is yesterday.
    pub since: u32,
}

impl Memory {
    /// Nothing yet. The rate of all countries is that of the first `countries` places.
    #[must_use]
    pub fn new(places: usize, countries: usize, half_life: f64) -> Self {
        Self {
            countries,
            half_life,
            days: 0.0,
            listed: vec![0.0; places],
            fading: std::array::from_fn(|_| vec![0.0; places]),
            fading_days: [0.0; 3],
            since: vec![NEVER; places],
        }
    }

    /// Told everything before a day of a panel.
    #[must_use]
    pub fn until(panel: &Panel, label: Label, day: usize, half_life: f64) -> Self {
        let mut memory = Self::new(panel.places.len(), panel.countries, half_life);
        (0..day).for_each(|day| memory.take(panel, label, day));
        memory
    }

    /// Takes up one more day; one behind the last, or without a snapshot, makes everything older and says nothing.
    pub fn take(&mut self, panel: &Panel, label: Label, day: usize) {
        let fade = 0.5f64.powf(1.0 / self.half_life);
        self.days *= fade;
        self.listed.iter_mut().for_each(|value| *value *= fade);
        for ((values, days), span) in self.fading.iter_mut().zip(&mut self.fading_days).zip(FADING_DAYS) {
            let fade = (-1.0 / span).exp();
            *days *= fade;
            values.iter_mut().for_each(|value| *value *= fade);
        }
        self.since.iter_mut().for_each(|since| *since = (*since + 1).min(NEVER));
        if !panel.is_covered(day) {
            return;
        }
        self.days += 1.0;
        self.fading_days.iter_mut().for_each(|days| *days += 1.0);
        for place in 0..self.listed.len() {
            if panel.listed(day, place, label) {
                self.listed[place] += 1.0;
                self.fading.iter_mut().for_each(|values| values[place] += 1.0);
                self.since[place] = 1;
            }
        }
    }

    /// The rate of all countries together.
    #[must_use]
    pub fn pooled(&self) -> f64 {
        let listed: f64 = self.listed.iter().take(self.countries).sum();
        (listed + 1.0) / (self.days * self.countries as f64 + 30.0)
    }

    /// What is remembered of a place.
    #[must_use]
    pub fn of(&self, place: usize) -> Remembered {
        let at = |values: &[f64]| values.get(place).copied().unwrap_or(0.0);
        let (listed, days) = (at(&self.listed) + PRIOR_DAYS * self.pooled(), self.days + PRIOR_DAYS);
        let fading = std::array::from_fn(|index| at(&self.fading[index]) / self.fading_days[index].max(1e-9));
        Remembered {
            rate: listed / days,
            listed,
            days,
            fading,
            since: self.since.get(place).copied().unwrap_or(NEVER),
        }
    }
}

impl Remembered {
    /// Inputs of the base: a constant and the logit of the rate.
    #[must_use]
    pub fn base(&self) -> [f64; 2] {
        [1.0, logit(self.rate)]
    }

    /// Inputs of recency: logits of the fading averages, and whether it was listed yesterday.
    #[must_use]
    pub fn recency(&self) -> [f64; 4] {
        let [a, b, c] = self.fading.map(|value| logit(0.002 + 0.99 * value));
        [a, b, c, f64::from(u8::from(self.listed_yesterday()))]
    }

    /// Whether it was listed yesterday.
    #[must_use]
    pub const fn listed_yesterday(&self) -> bool {
        self.since <= 1
    }

    /// Whether it was quiet, so that a listing would be a first strike.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.since > QUIET_DAYS
    }

    /// The variance of the logit of the rate: the counts behind it are few.
    #[must_use]
    pub fn variance(&self) -> f64 {
        1.0 / self.listed.max(0.1) + 1.0 / (self.days - self.listed).max(0.1)
    }
}

/// The answer of a window that begins on a day: whether the place is listed on any of `length` days; nothing where too few of
/// them are covered to say so (three in five).
#[must_use]
pub fn window(panel: &Panel, label: Label, day: usize, length: usize, place: usize) -> Option<bool> {
    let end = day + length;
    if end > panel.days() {
        return None;
    }
    let covered = (day..end).filter(|day| panel.is_covered(*day)).count();
    (covered * 5 >= length * 3 && covered > 0).then(|| (day..end).any(|day| panel.listed(day, place, label)))
}

/// Today, for messages.
#[must_use]
pub fn since_words(since: u32, today: Day) -> String {
    if since >= NEVER {
        "never on the lists that we have".to_owned()
    } else {
        format!("last listed on {}", today.plus(-i32::try_from(since).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Cell;

    fn panel(days: usize) -> Panel {
        let first = Day::parse("2024-01-01").unwrap();
        let places = ["be".to_owned(), "fr".to_owned()];
        let mut panel = Panel::empty(first, first.plus(days as i32 - 1), &places, "x").unwrap();
        panel.covered.fill(true);
        panel
    }

    #[test]
    fn a_memory_knows_nothing_of_its_day_and_fades() {
        let mut panel = panel(300);
        panel.set(100, 0, Cell { hosts: 1, public: 1, parliament: 0 });
        let before = Memory::until(&panel, Label::Public, 100, HALF_LIFE_DAYS).of(0);
        let after = Memory::until(&panel, Label::Public, 101, HALF_LIFE_DAYS).of(0);
        let later = Memory::until(&panel, Label::Public, 221, HALF_LIFE_DAYS).of(0);
        assert!(before.is_quiet() && !before.listed_yesterday() && before.fading[0] < 1e-12);
        assert!(after.listed_yesterday() && after.rate > before.rate && after.fading[0] > 0.3);
        assert_eq!(later.since, 121);
        let own = |remembered: &Remembered, memory: &Memory| remembered.listed - PRIOR_DAYS * memory.pooled();
        let memory = Memory::until(&panel, Label::Public, 221, HALF_LIFE_DAYS);
        assert!((own(&later, &memory) - 0.5).abs() < 1e-9, "half of it is left after a half-life");
    }

    #[test]
    fn a_missing_day_is_not_nought() {
        let mut with = panel(60);
        let mut without = panel(60);
        (30..60).for_each(|day| without.covered[day] = false);
        with.set(10, 0, Cell { hosts: 1, public: 1, parliament: 0 });
        without.set(10, 0, Cell { hosts: 1, public: 1, parliament: 0 });
        let rate = |panel: &Panel| Memory::until(panel, Label::Public, 60, HALF_LIFE_DAYS).of(0).rate;
        assert!(rate(&without) > rate(&with), "days that are unknown say nothing against it");
        assert_eq!(window(&without, Label::Public, 29, 3, 0), None);
        assert_eq!(window(&without, Label::Public, 28, 3, 0), Some(false));
        assert_eq!(window(&with, Label::Public, 9, 3, 0), Some(true));
        assert_eq!(window(&with, Label::Public, 58, 3, 0), None, "its end is not known yet");
    }
}
