//! From the hash of an address to its entry, in one load.
//!
//! Open addressing with linear probing (Knuth, The Art of Computer Programming 6.4, algorithms L and R), at most half
//! full: a place is eight bytes, half of the hash and the entry, so that a look-up seldom touches a second cache line,
//! and a whole batch of them can be read ahead without knowing what they find. A general map needs two loads, one after
//! the other.

use crate::near;

/// A place of the table.
#[derive(Clone, Copy, Default, Debug)]
struct Place {
    /// The upper half of the hash.
    tag: u32,
    /// The entry and 1 more; 0 is a free place, so that a new table is memory that the system has not yet touched.
    entry: u32,
}

/// The table. It grows with its entries, so that few entries are near.
#[derive(Debug)]
pub(super) struct Index {
    places: Vec<Place>,
    mask: usize,
    entries: usize,
}

/// Places of an empty table.
const PLACES_MINIMUM: usize = 64;

impl Index {
    /// An empty table.
    pub(super) fn new() -> Self {
        Self { places: vec![Place::default(); PLACES_MINIMUM], mask: PLACES_MINIMUM - 1, entries: 0 }
    }

    /// The first entry of this hash that is the right one.
    #[inline]
    pub(super) fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let (tag, mut at) = (tag_of(hash), hash as usize & self.mask);
        loop {
            let place = self.places[at];
            if place.entry == 0 {
                return None;
            }
            if place.tag == tag && is_it(place.entry - 1) {
                return Some(place.entry - 1);
            }
            at = (at + 1) & self.mask;
        }
    }

    /// Brings near the place where a hash is looked for first.
    #[inline]
    pub(super) fn fetch(&self, hash: u64) {
        near::fetch(&self.places[hash as usize & self.mask]);
    }

    /// Adds an entry that is not there. `hash_of` gives the hashes of entries.
    pub(super) fn insert(&mut self, hash: u64, entry: u32, hash_of: impl Fn(u32) -> u64) {
        if 2 * (self.entries + 1) > self.places.len() {
            let before = std::mem::take(&mut self.places);
            self.places = vec![Place::default(); 2 * before.len()];
            self.mask = self.places.len() - 1;
            for place in before.iter().filter(|place| place.entry != 0) {
                self.put(hash_of(place.entry - 1), place.entry - 1);
            }
        }
        self.entries += 1;
        self.put(hash, entry);
    }

    fn put(&mut self, hash: u64, entry: u32) {
        let mut at = hash as usize & self.mask;
        while self.places[at].entry != 0 {
            at = (at + 1) & self.mask;
        }
        self.places[at] = Place { tag: tag_of(hash), entry: entry + 1 };
    }

    /// Takes an entry out, and moves those behind it up so that no search ends early. `hash_of` gives the hashes of
    /// entries.
    pub(super) fn remove(&mut self, hash: u64, entry: u32, hash_of: impl Fn(u32) -> u64) {
        let mut free = hash as usize & self.mask;
        while self.places[free].entry != entry + 1 {
            if self.places[free].entry == 0 {
                return;
            }
            free = (free + 1) & self.mask;
        }
        self.entries -= 1;
        let mut at = free;
        loop {
            self.places[free] = Place::default();
            let moved = loop {
                at = (at + 1) & self.mask;
                let place = self.places[at];
                if place.entry == 0 {
                    return;
                }
                let home = hash_of(place.entry - 1) as usize & self.mask;
                // It may go to the free place if that is not before its home.
                if at.wrapping_sub(home) & self.mask >= at.wrapping_sub(free) & self.mask {
                    break place;
                }
            };
            self.places[free] = moved;
            free = at;
        }
    }
}

#[inline]
const fn tag_of(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_map(operations in proptest::collection::vec((any::<bool>(), 0_u32..60), 0..400)) {
            // Few homes, so that runs are long and go over the end of the table.
            let hash_of = |entry: u32| u64::from(entry % 5 + 60) | u64::from(entry / 7) << 32;
            let (mut index, mut known) = (Index::new(), BTreeMap::new());
            for (adds, entry) in operations {
                if adds && !known.contains_key(&entry) {
                    index.insert(hash_of(entry), entry, hash_of);
                    known.insert(entry, ());
                } else if !adds {
                    index.remove(hash_of(entry), entry, hash_of);
                    known.remove(&entry);
                }
                for entry in 0..60 {
                    let found = index.find(hash_of(entry), |found| found == entry);
                    prop_assert_eq!(found.is_some(), known.contains_key(&entry), "entry {}", entry);
                }
            }
        }
    }
}
