//! Addresses with the numbers of their indicators in one flat table: a look touches one cache line nearly always, and that line can be asked for beforehand.
//!
//! Open addressing with linear probing (Knuth, The Art of Computer Programming, volume 3, section 6.4), at most half full. Whoever chooses addresses does not
//! know the hash, which is under a secret key, and so cannot make them meet. Nothing is ever taken out.

use prefetch_index::prefetch_index;

/// Places of an empty one.
const FIRST_PLACES: usize = 1 << 6;
/// The number of a place in which nothing is.
const NOTHING: u32 = u32::MAX;

/// The table.
#[derive(Debug)]
pub(crate) struct Flat<K> {
    /// A power of two of them.
    places: Vec<(K, u32)>,
    count: usize,
}

impl<K: Copy + PartialEq + Default> Flat<K> {
    pub(crate) fn new() -> Self {
        Self { places: vec![(K::default(), NOTHING); FIRST_PLACES], count: 0 }
    }

    /// The number of a key.
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: K) -> Option<u32> {
        let first = self.first(hash);
        for step in 0..self.places.len() {
            let place = self.places.get((first + step) & (self.places.len() - 1))?;
            if place.1 == NOTHING {
                return None;
            }
            if place.0 == key {
                return Some(place.1);
            }
        }
        None
    }

    /// Asks for the line in which the key of a hash is.
    #[inline]
    pub(crate) fn ask(&self, hash: u64) {
        prefetch_index(&self.places, self.first(hash));
    }

    /// Puts in what is not there yet; `hash_of` is that of all keys.
    pub(crate) fn insert(&mut self, key: K, number: u32, hash_of: impl Fn(K) -> u64) {
        debug_assert!(number != NOTHING);
        if self.count * 2 >= self.places.len() {
            let twice = self.places.len() * 2;
            let old = std::mem::replace(&mut self.places, vec![(K::default(), NOTHING); twice]);
            for (key, number) in old.into_iter().filter(|place| place.1 != NOTHING) {
                self.put(hash_of(key), key, number);
            }
        }
        self.count += 1;
        self.put(hash_of(key), key, number);
    }

    /// All keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = K> + '_ {
        self.places.iter().filter(|place| place.1 != NOTHING).map(|place| place.0)
    }

    fn put(&mut self, hash: u64, key: K, number: u32) {
        let (first, last) = (self.first(hash), self.places.len() - 1);
        let free = (0..=last).map(|step| (first + step) & last).find(|at| self.places[*at].1 == NOTHING);
        if let Some(place) = free.and_then(|at| self.places.get_mut(at)) {
            *place = (key, number);
        }
    }

    #[inline]
    const fn first(&self, hash: u64) -> usize {
        (hash >> 24) as usize & (self.places.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// It agrees with a map, whether hashes are good or all keys meet in a few places.
        #[test]
        fn agrees_with_a_map(keys in prop::collection::btree_map(0u32..400, 0u32..1_000, 0..300), shift in prop::sample::select(vec![24u32, 30, 40])) {
            let hash_of = |key: u32| u64::from(key) << shift;
            let mut flat = Flat::new();
            for (&key, &number) in &keys {
                flat.insert(key, number, hash_of);
            }
            for key in 0..400 {
                prop_assert_eq!(flat.find(hash_of(key), key), keys.get(&key).copied());
            }
            let kept: BTreeMap<u32, u32> = flat.keys().map(|key| (key, flat.find(hash_of(key), key).unwrap())).collect();
            prop_assert_eq!(kept, keys);
        }
    }
}
