//! A set of at most three events, and lists of such sets without what is superfluous.

use crate::model::Event;

/// Most events of a set: cut sets of a higher order are not looked for.
pub const MAXIMUM_ORDER: usize = 3;

/// Events that happen together, in ascending order. Sets are ordered by their size, then by their events.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct CutSet {
    length: u8,
    events: [Event; MAXIMUM_ORDER],
}

impl CutSet {
    /// No event at all.
    pub const EMPTY: Self = Self { length: 0, events: [0; MAXIMUM_ORDER] };

    /// One event.
    pub const fn one(event: Event) -> Self {
        Self { length: 1, events: [event, 0, 0] }
    }

    /// Several events; none if there are more than [`MAXIMUM_ORDER`].
    pub fn of(events: &[Event]) -> Option<Self> {
        events.iter().try_fold(Self::EMPTY, |set, &event| set.with(event))
    }

    /// How many events.
    pub const fn order(&self) -> usize {
        self.length as usize
    }

    /// The events, ascending.
    pub fn events(&self) -> &[Event] {
        self.events.get(..self.order()).unwrap_or_default()
    }

    /// Whether an event is in it.
    pub fn contains(&self, event: Event) -> bool {
        self.events().contains(&event)
    }

    /// With one event more; none if that is one too many.
    pub fn with(self, event: Event) -> Option<Self> {
        let at = self.events().partition_point(|&other| other < event);
        if self.events().get(at) == Some(&event) {
            return Some(self);
        }
        if self.order() == MAXIMUM_ORDER {
            return None;
        }
        let mut set = self;
        set.events.copy_within(at..MAXIMUM_ORDER - 1, at + 1);
        set.events[at] = event;
        set.length += 1;
        Some(set)
    }

    /// Both together; none if that is more than `order` events.
    pub fn union(self, other: &Self, order: usize) -> Option<Self> {
        let set = other.events().iter().try_fold(self, |set, &event| set.with(event))?;
        (set.order() <= order).then_some(set)
    }

    /// Every set of some of these events, itself and the empty one included.
    pub fn subsets(&self) -> impl Iterator<Item = Self> + '_ {
        (0..1u8 << self.length).map(|mask| {
            let chosen = self.events().iter().enumerate().filter(move |(at, _)| mask & (1 << at) != 0);
            chosen.fold(Self::EMPTY, |mut set, (_, &event)| {
                set.events[set.order()] = event;
                set.length += 1;
                set
            })
        })
    }

    /// Whether one of the sets of a sorted list lies in this one.
    pub(crate) fn holds_one_of(&self, sorted: &[Self]) -> bool {
        !sorted.is_empty() && self.subsets().any(|subset| sorted.binary_search(&subset).is_ok())
    }
}

/// Sorted, each once, without those in which another one lies.
pub(crate) fn minimal(mut sets: Vec<CutSet>) -> Vec<CutSet> {
    sets.sort_unstable();
    sets.dedup();
    if sets.first() == Some(&CutSet::EMPTY) {
        return vec![CutSet::EMPTY];
    }
    // All of one event, or all of the same size: nothing can lie in another.
    if sets.first().map(CutSet::order) == sets.last().map(CutSet::order) {
        return sets;
    }
    let mut kept: Vec<CutSet> = Vec::with_capacity(sets.len());
    // Smaller ones come first, so that what is kept stays sorted and all that could lie in a set is there already.
    for set in sets {
        if !set.holds_one_of(&kept) {
            kept.push(set);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(events: &[Event]) -> CutSet {
        CutSet::of(events).unwrap()
    }

    #[test]
    fn sets_are_sorted_and_bounded() {
        assert_eq!(set(&[5, 2, 5, 9]).events(), [2, 5, 9]);
        assert_eq!(CutSet::of(&[1, 2, 3, 4]), None);
        assert_eq!(set(&[1, 2]).union(&set(&[2, 3]), 3), Some(set(&[1, 2, 3])));
        assert_eq!(set(&[1, 2]).union(&set(&[2, 3]), 2), None);
        assert_eq!(set(&[1, 2, 3]).subsets().count(), 8);
    }

    #[test]
    fn what_holds_another_set_goes() {
        let found = minimal(vec![set(&[1, 2]), set(&[2]), set(&[3, 4, 5]), set(&[4, 5]), set(&[6, 7, 8])]);
        assert_eq!(found, [set(&[2]), set(&[4, 5]), set(&[6, 7, 8])]);
        assert_eq!(minimal(vec![set(&[1]), CutSet::EMPTY]), [CutSet::EMPTY]);
        assert!(set(&[1, 4, 5]).holds_one_of(&found));
        assert!(!set(&[1, 4]).holds_one_of(&found));
    }
}
