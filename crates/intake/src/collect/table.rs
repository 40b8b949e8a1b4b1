//! A table of fixed size for keys that others choose.
//!
//! Keys are found by a hash under the secret of the deployment. When the table is full, each new key looks at one
//! entry, the next in turn, and takes its place if that was silent long enough; otherwise the new key is refused. So a
//! flood of keys costs a fixed time for each, cannot push out what is alive, and is forgotten after it has ended.

use hashbrown::HashTable;
use wire::Time;

/// At most `limit` values by key.
#[derive(Debug)]
pub(super) struct Table<K, V> {
    slots: Vec<Slot<K, V>>,
    index: HashTable<u32>,
    limit: usize,
    idle_nanoseconds: i64,
    /// The entry that a new key looks at next.
    hand: usize,
}

#[derive(Debug)]
struct Slot<K, V> {
    key: K,
    hash: u64,
    last: Time,
    value: V,
}

/// What became of a new key.
pub(super) enum Added<'a, K, V> {
    /// It is in the table; something silent had to leave for it, or nothing.
    In(&'a mut V, Option<(K, V)>),
    /// The table is full of what is alive.
    Refused,
}

impl<K: Copy + Eq, V> Table<K, V> {
    /// An empty table. An entry that was not asked for during `idle_seconds` may leave for another.
    pub(super) fn new(limit: usize, idle_seconds: u32) -> Self {
        Self {
            slots: Vec::new(),
            index: HashTable::new(),
            limit: limit.min(u32::MAX as usize),
            idle_nanoseconds: i64::from(idle_seconds) * 1_000_000_000,
            hand: 0,
        }
    }

    /// The value of a key, which is thereby alive at `now`. `hash` is the same keyed function of the key in every call.
    #[inline]
    pub(super) fn get(&mut self, key: &K, hash: u64, now: Time) -> Option<&mut V> {
        let Self { slots, index, .. } = self;
        let found =
            *index.find(hash, |&number| slots.get(number as usize).is_some_and(|slot| slot.key == *key))?;
        let slot = slots.get_mut(found as usize)?;
        slot.last = now;
        Some(&mut slot.value)
    }

    /// Takes up a key that is not in the table.
    pub(super) fn add(&mut self, key: K, hash: u64, now: Time, value: V) -> Added<'_, K, V> {
        let slot = Slot { key, hash, last: now, value };
        let (number, left) = if self.slots.len() < self.limit {
            self.slots.push(slot);
            (self.slots.len() - 1, None)
        } else {
            let number = self.hand;
            self.hand = if number + 1 < self.slots.len() { number + 1 } else { 0 };
            let Some(old) = self.slots.get_mut(number) else { return Added::Refused };
            // A clock that was set back makes nobody silent, one that was set far back does.
            if now.nanoseconds_since(old.last).saturating_abs() < self.idle_nanoseconds {
                return Added::Refused;
            }
            let old = std::mem::replace(old, slot);
            if let Ok(entry) = self.index.find_entry(old.hash, |&found| found as usize == number) {
                entry.remove();
            }
            (number, Some((old.key, old.value)))
        };
        let slots = &mut self.slots;
        let rehash = |&number: &u32| slots.get(number as usize).map_or(0, |slot| slot.hash);
        self.index.insert_unique(hash, number as u32, rehash);
        match slots.get_mut(number) {
            Some(slot) => Added::In(&mut slot.value, left),
            None => Added::Refused,
        }
    }

    /// Takes a key out.
    pub(super) fn remove(&mut self, key: &K, hash: u64) -> Option<V> {
        let Self { slots, index, .. } = self;
        let same = |&number: &u32| slots.get(number as usize).is_some_and(|slot| slot.key == *key);
        let (number, _) = index.find_entry(hash, same).ok()?.remove();
        let removed = slots.swap_remove(number as usize);
        // The last one has moved to its place.
        let last = slots.len();
        if let Some(moved) = slots.get(number as usize)
            && let Some(entry) = index.find_mut(moved.hash, |&found| found as usize == last)
        {
            *entry = number;
        }
        Some(removed.value)
    }

    /// Every key and value, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.slots.iter().map(|slot| (&slot.key, &slot.value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds, 0)
    }

    #[test]
    fn what_is_alive_stays_and_what_is_silent_leaves() {
        let mut table = Table::new(2, 60);
        for key in [1_u32, 2] {
            assert!(matches!(table.add(key, 7, at(0), key), Added::In(_, None)));
        }
        assert!(matches!(table.add(3, 7, at(59), 3), Added::Refused));
        table.get(&2, 7, at(59));
        assert!(matches!(table.add(3, 7, at(60), 3), Added::Refused), "2 is alive");
        assert!(matches!(table.add(3, 7, at(60), 3), Added::In(3, Some((1, 1)))));
        assert_eq!(table.get(&1, 7, at(60)), None);
        assert_eq!(table.get(&2, 7, at(60)), Some(&mut 2));
        assert_eq!(table.iter().count(), 2);
    }

    #[test]
    fn a_table_without_room_refuses() {
        let mut table = Table::new(0, 60);
        assert!(matches!(table.add(1_u32, 1, at(0), ()), Added::Refused));
    }

    proptest! {
        /// Against a map, with hashes that collide.
        #[test]
        fn it_is_a_map(steps in proptest::collection::vec((0_u8..24, 0_u8..3), 0..200)) {
            let mut table = Table::new(16, 1_000_000);
            let mut oracle = BTreeMap::new();
            for (number, (key, step)) in steps.into_iter().enumerate() {
                let hash = u64::from(key % 5);
                match step {
                    0 => prop_assert_eq!(table.remove(&key, hash), oracle.remove(&key)),
                    1 => prop_assert_eq!(table.get(&key, hash, at(0)).copied(), oracle.get(&key).copied()),
                    _ if oracle.contains_key(&key) => {}
                    _ => match table.add(key, hash, at(0), number) {
                        Added::In(value, left) => {
                            prop_assert!(*value == number && left.is_none());
                            oracle.insert(key, number);
                        }
                        Added::Refused => prop_assert_eq!(oracle.len(), 16),
                    },
                }
                let found: BTreeMap<u8, usize> = table.iter().map(|(&key, &value)| (key, value)).collect();
                prop_assert_eq!(&found, &oracle);
            }
        }
    }
}
