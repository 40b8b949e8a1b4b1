//! How often signs are told: one for each indicator in a while, and so many of all of them.
//!
//! Whoever is not of the institution can make matches as they like: with packets, with clients' addresses and with referrers. So what they make has a slot of its
//! own for each indicator and a part of the minute alone: an infected host of ours is told whatever strangers do.
//!
//! Times are those of the thread's own clock, which never goes back: what a log or a flow record says of its time moves no limit.

use std::collections::BTreeMap;
use std::time::Duration;

use intel::indicator::Kind;

/// Between two signs of one indicator: ten minutes.
pub(super) const EACH: Duration = Duration::from_secs(600);
/// Signs in a minute, whatever they are of.
const ALL_IN_A_MINUTE: u32 = 60;
/// Of those, signs whose source is not ours.
const STRANGERS_IN_A_MINUTE: u32 = 45;
const MINUTE_SECONDS: u64 = 60;
/// Indicators that are remembered to have been told.
const MAXIMUM_TOLD: usize = 65_536;

/// Which indicator it is, by its number, and whether the source of what met it is ours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Slot {
    pub(super) index: u32,
    pub(super) is_ours: bool,
}

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
    time: Duration,
    further: u64,
    kind: Kind,
    value: String,
}

/// What was told lately.
#[derive(Debug, Default)]
pub(super) struct Limit {
    told: BTreeMap<Slot, Told>,
    minute: u64,
    in_minute: u32,
    strangers_in_minute: u32,
}

impl Limit {
    /// Whether a match is to be told; then [`Limit::told`] says that it was. `now` is the time since the thread began.
    pub(super) fn judge(&mut self, slot: Slot, now: Duration) -> Verdict {
        let minute = now.as_secs() / MINUTE_SECONDS;
        if self.minute != minute {
            (self.minute, self.in_minute, self.strangers_in_minute) = (minute, 0, 0);
        }
        let is_full = self.in_minute >= ALL_IN_A_MINUTE
            || !slot.is_ours && self.strangers_in_minute >= STRANGERS_IN_A_MINUTE;
        let known = self.told.get_mut(&slot);
        let is_recent = known.as_ref().is_some_and(|told| now.saturating_sub(told.time) < EACH);
        if is_recent || is_full {
            known.into_iter().for_each(|told| told.further += 1);
            return Verdict::Suppress;
        }
        Verdict::Tell { further: known.map_or(0, |told| told.further) }
    }

    /// It was told.
    pub(super) fn told(&mut self, slot: Slot, now: Duration, (kind, value): (Kind, &str)) {
        self.in_minute += 1;
        self.strangers_in_minute += u32::from(!slot.is_ours);
        if self.told.len() >= MAXIMUM_TOLD {
            self.told.retain(|_, told| now.saturating_sub(told.time) < EACH);
        }
        self.told.insert(slot, Told { time: now, further: 0, kind, value: value.to_owned() });
    }

    /// Indicators have other numbers now.
    pub(super) fn renumber(&mut self, find: impl Fn(Kind, &str) -> Option<u32>) {
        let told = std::mem::take(&mut self.told);
        self.told.extend(told.into_iter().filter_map(|(slot, told)| {
            let index = find(told.kind, &told.value)?;
            Some((Slot { index, ..slot }, told))
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn of(index: u32, is_ours: bool) -> Slot {
        Slot { index, is_ours }
    }

    fn tell(limit: &mut Limit, slot: Slot, seconds: u64) -> Option<u64> {
        let now = Duration::from_secs(seconds);
        match limit.judge(slot, now) {
            Verdict::Tell { further } => {
                limit.told(slot, now, (Kind::Domain, &format!("n{}.example", slot.index)));
                Some(further)
            }
            Verdict::Suppress => None,
        }
    }

    #[test]
    fn an_indicator_is_told_once_in_ten_minutes_with_how_often_it_was_met() {
        let mut limit = Limit::default();
        assert_eq!(tell(&mut limit, of(1, false), 0), Some(0));
        for second in 1..600 {
            assert_eq!(tell(&mut limit, of(1, false), second), None);
        }
        assert_eq!(tell(&mut limit, of(2, false), 599), Some(0), "another one is another one");
        assert_eq!(tell(&mut limit, of(1, false), 600), Some(599));
        // The store is read again: the same indicator has another number.
        limit.renumber(|_, value| (value == "n1.example").then_some(9));
        assert_eq!(tell(&mut limit, of(9, false), 601), None);
        assert_eq!(tell(&mut limit, of(2, false), 602), Some(0), "and one that is gone is forgotten");
    }

    #[test]
    fn strangers_keep_no_host_of_ours_from_being_told() {
        let mut limit = Limit::default();
        assert_eq!(tell(&mut limit, of(1, false), 0), Some(0));
        assert_eq!(tell(&mut limit, of(1, true), 1), Some(0), "it answers, or begins itself");
        assert_eq!(tell(&mut limit, of(1, true), 2), None);
        limit.renumber(|_, _| Some(5));
        assert_eq!((tell(&mut limit, of(5, true), 3), tell(&mut limit, of(5, false), 3)), (None, None));
        // Whatever they send, a part of the minute is left.
        let strangers =
            (100..10_000).filter(|&index| tell(&mut limit, of(index, false), 60).is_some()).count();
        let ours = (100..10_000).filter(|&index| tell(&mut limit, of(index, true), 61).is_some()).count();
        assert_eq!((strangers, ours), (45, 15));
    }

    #[test]
    fn all_together_have_a_limit_too() {
        let mut limit = Limit::default();
        let told = (0..10_000).filter(|&index| tell(&mut limit, of(index, true), 0).is_some()).count();
        assert_eq!(told, 60);
        assert_eq!(tell(&mut limit, of(20_000, false), 59), None);
        assert_eq!(tell(&mut limit, of(20_000, false), 60), Some(0));
    }
}
