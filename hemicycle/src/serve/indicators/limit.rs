//! How often signs are told: one for each indicator in a while, and so many of all of them.

use std::collections::BTreeMap;

use intel::indicator::Kind;
use wire::Time;

/// Between two signs of one indicator: ten minutes.
pub(super) const EACH_NANOSECONDS: i64 = 600_000_000_000;
/// Signs in a minute, whatever they are of.
const ALL_IN_A_MINUTE: u32 = 60;
const MINUTE_NANOSECONDS: i64 = 60_000_000_000;
/// Indicators that are remembered to have been told.
const MAXIMUM_TOLD: usize = 65_536;

/// What becomes of a match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is told, and how many were not since the last one.
    Tell { further: u64 },
    /// It is not.
    Suppress,
}

#[derive(Debug)]
struct Told {
    time: Time,
    further: u64,
    kind: Kind,
    value: String,
}

/// What was told lately, by the number of the indicator.
#[derive(Debug, Default)]
pub(super) struct Limit {
    told: BTreeMap<u32, Told>,
    minute: i64,
    in_minute: u32,
}

impl Limit {
    /// Whether a match is to be told; then [`Limit::told`] says that it was.
    pub(super) fn judge(&mut self, index: u32, now: Time) -> Verdict {
        let minute = now.nanoseconds().div_euclid(MINUTE_NANOSECONDS);
        if self.minute != minute {
            (self.minute, self.in_minute) = (minute, 0);
        }
        let known = self.told.get_mut(&index);
        // A clock that was set back is a new time.
        let is_recent = known
            .as_ref()
            .is_some_and(|told| (0..EACH_NANOSECONDS).contains(&now.nanoseconds_since(told.time)));
        if is_recent || self.in_minute >= ALL_IN_A_MINUTE {
            known.into_iter().for_each(|told| told.further += 1);
            return Verdict::Suppress;
        }
        Verdict::Tell { further: known.map_or(0, |told| told.further) }
    }

    /// It was told.
    pub(super) fn told(&mut self, index: u32, now: Time, (kind, value): (Kind, &str)) {
        self.in_minute += 1;
        if self.told.len() >= MAXIMUM_TOLD {
            self.told.retain(|_, told| now.nanoseconds_since(told.time).abs() < EACH_NANOSECONDS);
        }
        self.told.insert(index, Told { time: now, further: 0, kind, value: value.to_owned() });
    }

    /// Indicators have other numbers now.
    pub(super) fn renumber(&mut self, find: impl Fn(Kind, &str) -> Option<u32>) {
        let told = std::mem::take(&mut self.told);
        self.told.extend(told.into_values().filter_map(|told| Some((find(told.kind, &told.value)?, told))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(1_795_000_000 + seconds, 0)
    }

    fn tell(limit: &mut Limit, index: u32, seconds: i64) -> Option<u64> {
        match limit.judge(index, at(seconds)) {
            Verdict::Tell { further } => {
                limit.told(index, at(seconds), (Kind::Domain, &format!("n{index}.example")));
                Some(further)
            }
            Verdict::Suppress => None,
        }
    }

    #[test]
    fn an_indicator_is_told_once_in_ten_minutes_with_how_often_it_was_met() {
        let mut limit = Limit::default();
        assert_eq!(tell(&mut limit, 1, 0), Some(0));
        for second in 1..600 {
            assert_eq!(tell(&mut limit, 1, second), None);
        }
        assert_eq!(tell(&mut limit, 2, 599), Some(0), "another one is another one");
        assert_eq!(tell(&mut limit, 1, 600), Some(599));
        assert_eq!(tell(&mut limit, 1, -9_000), Some(0), "a clock that was set back");
        // The store is read again: the same indicator has another number.
        limit.renumber(|_, value| (value == "n1.example").then_some(9));
        assert_eq!(tell(&mut limit, 9, -8_999), None);
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let mut limit = Limit::default();
        let told = (0..10_000).filter(|&index| tell(&mut limit, index, 0).is_some()).count();
        assert_eq!(told, 60);
        assert_eq!(tell(&mut limit, 20_000, 60), Some(0));
    }
}
