//! Which keys weigh most: Space-Saving (Metwally, Agrawal, El Abbadi, ICDT 2005) with weights.
//!
//! A key that is not held takes the place of the lightest one and inherits its weight as its error. So for
//! every key held `count - error <= true weight <= count`, every key not held weighs at most
//! [`HeavyHitters::bound`], and the bound is at most `total / capacity`. Merging keeps these (Agarwal and
//! others, "Mergeable summaries", PODS 2012): counts are added, a key that one side does not hold gets that
//! side's bound as count and error, and the heaviest `capacity` keys stay.
//!
//! The lightest key is on top of a heap and keys are found through a table with linear probing that is
//! never more than half full and deletes by shifting back. Unlike a table with tombstones it never has to be
//! rebuilt, so each update costs O(log capacity) whatever the order of the keys, and no memory is allocated
//! after `new`. Ties are broken by position, so equal streams give equal summaries.

use std::hash::{BuildHasher, Hash};

use crate::{KeyedState, MergeError, ShapeError};

/// Most keys of one summary.
pub const MAXIMUM_CAPACITY: usize = 1 << 24;

const VACANT: u32 = u32::MAX;

/// A key with what is known of its weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hitter<K> {
    /// The key.
    pub key: K,
    /// Its weight at most.
    pub count: u64,
    /// How much of `count` may belong to others: its weight is at least `count - error`.
    pub error: u64,
}

#[derive(Clone, Debug)]
struct Slot<K> {
    key: K,
    hash: u64,
    error: u64,
    heap_position: u32,
}

/// A count stands in the heap beside the number of its slot, so that comparing needs no look at the slot.
#[derive(Clone, Copy, Debug)]
struct Weight {
    count: u64,
    slot: u32,
}

/// The heaviest keys of a stream, `capacity` of them at most.
#[derive(Clone, Debug)]
pub struct HeavyHitters<K> {
    slots: Vec<Slot<K>>,
    /// One weight for each slot, lightest first.
    heap: Vec<Weight>,
    /// Slot numbers by hash.
    table: Box<[u32]>,
    capacity: usize,
    total: u64,
    state: KeyedState,
}

impl<K: Copy + Eq + Hash> HeavyHitters<K> {
    /// An empty summary of at most `capacity` keys.
    ///
    /// # Errors
    /// [`ShapeError::Capacity`] for nought or more than [`MAXIMUM_CAPACITY`].
    pub fn new(capacity: usize, state: KeyedState) -> Result<Self, ShapeError> {
        if capacity == 0 || capacity > MAXIMUM_CAPACITY {
            return Err(ShapeError::Capacity(capacity));
        }
        Ok(Self {
            slots: Vec::with_capacity(capacity),
            heap: Vec::with_capacity(capacity),
            table: vec![VACANT; (capacity * 2).next_power_of_two()].into_boxed_slice(),
            capacity,
            total: 0,
            state,
        })
    }

    /// Adds `weight` to a key.
    #[inline]
    pub fn add(&mut self, key: K, weight: u64) {
        self.add_hashed(key, self.state.hash_one(key), weight);
    }

    /// As [`HeavyHitters::add`] for a caller that has the hash already. It must be the same function of the key
    /// in every call on summaries that are merged, and made with the summary's key.
    #[inline]
    pub fn add_hashed(&mut self, key: K, hash: u64, weight: u64) {
        if weight == 0 {
            return;
        }
        self.total = self.total.saturating_add(weight);
        if let Some(slot) = self.find(&key, hash) {
            let position = self.slots[slot].heap_position as usize;
            self.sink(position, self.heap[position].count.saturating_add(weight));
        } else if self.slots.len() < self.capacity {
            self.push(Hitter { key, count: weight, error: 0 }, hash);
        } else {
            self.replace_lightest(key, hash, weight);
        }
    }

    /// What is known of one key, if it is held.
    pub fn get(&self, key: &K) -> Option<Hitter<K>> {
        self.get_hashed(key, self.state.hash_one(key))
    }

    /// As [`HeavyHitters::get`], for keys that were added with [`HeavyHitters::add_hashed`].
    pub fn get_hashed(&self, key: &K, hash: u64) -> Option<Hitter<K>> {
        self.find(key, hash).map(|slot| self.hitter(slot))
    }

    /// The heaviest `limit` keys, heaviest first; equal ones in the order of their hashes.
    pub fn top(&self, limit: usize) -> Vec<Hitter<K>> {
        let mut order: Vec<(Hitter<K>, u64)> = self.with_hashes().collect();
        order.sort_unstable_by_key(|(hitter, hash)| (std::cmp::Reverse(hitter.count), *hash));
        order.into_iter().take(limit).map(|(hitter, _)| hitter).collect()
    }

    /// Every key held, in no meaningful order.
    pub fn iter(&self) -> impl Iterator<Item = Hitter<K>> + '_ {
        self.with_hashes().map(|(hitter, _)| hitter)
    }

    /// The weight of the whole stream.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many keys are held.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether no key is held.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The most that a key which is not held can weigh.
    pub fn bound(&self) -> u64 {
        match self.heap.first() {
            Some(lightest) if self.slots.len() == self.capacity => lightest.count,
            _ => 0,
        }
    }

    /// How many places of the table the longest search visits: some tens under a secret key, up to the
    /// capacity under a key that the sender knows. For diagnosis; takes time in proportion to the capacity.
    pub fn longest_search(&self) -> usize {
        let (mut longest, mut run) = (0, 0);
        // Twice around, because a run may go over the end.
        for &number in self.table.iter().chain(&self.table) {
            run = if number == VACANT { 0 } else { run + 1 };
            longest = longest.max(run);
        }
        longest
    }

    /// Makes this the summary of both streams.
    ///
    /// # Errors
    /// [`MergeError`] if key or capacity differ.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        if self.state != other.state {
            return Err(MergeError::DifferentKeys);
        }
        if self.capacity != other.capacity {
            return Err(MergeError::DifferentShapes);
        }
        let (ours, theirs) = (self.bound(), other.bound());
        let mut merged: Vec<(Hitter<K>, u64)> = Vec::with_capacity(self.slots.len() + other.slots.len());
        for (hitter, hash) in self.with_hashes() {
            let (count, error) = match other.get_hashed(&hitter.key, hash) {
                Some(twin) => (twin.count, twin.error),
                None => (theirs, theirs),
            };
            merged.push((hitter.plus(count, error), hash));
        }
        let missing = other.with_hashes().filter(|(hitter, hash)| self.find(&hitter.key, *hash).is_none());
        merged.extend(missing.map(|(hitter, hash)| (hitter.plus(ours, ours), hash)));
        merged.sort_unstable_by_key(|(hitter, hash)| (std::cmp::Reverse(hitter.count), *hash));
        let total = self.total.saturating_add(other.total);
        self.clear();
        self.total = total;
        for (hitter, hash) in merged.into_iter().take(self.capacity) {
            self.push(hitter, hash);
        }
        Ok(())
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.heap.clear();
        self.table.fill(VACANT);
        self.total = 0;
    }

    fn hitter(&self, slot: usize) -> Hitter<K> {
        let Slot { key, error, heap_position, .. } = self.slots[slot];
        Hitter { key, count: self.heap[heap_position as usize].count, error }
    }

    fn with_hashes(&self) -> impl Iterator<Item = (Hitter<K>, u64)> + '_ {
        (0..self.slots.len()).map(|slot| (self.hitter(slot), self.slots[slot].hash))
    }

    fn push(&mut self, hitter: Hitter<K>, hash: u64) {
        let slot = self.slots.len() as u32;
        let position = self.heap.len();
        self.table_insert(hash, slot);
        let heap_position = position as u32;
        self.slots.push(Slot { key: hitter.key, hash, error: hitter.error, heap_position });
        let weight = Weight { count: hitter.count, slot };
        self.heap.push(weight);
        self.rise(position, weight);
    }

    fn replace_lightest(&mut self, key: K, hash: u64, weight: u64) {
        let Some(&lightest) = self.heap.first() else { return };
        let number = lightest.slot as usize;
        let old = self.slots[number].hash;
        self.table_remove(old, lightest.slot);
        self.slots[number] = Slot { key, hash, error: lightest.count, heap_position: 0 };
        self.table_insert(hash, lightest.slot);
        self.sink(0, lightest.count.saturating_add(weight));
    }

    fn mask(&self) -> usize {
        self.table.len() - 1
    }

    #[inline]
    fn find(&self, key: &K, hash: u64) -> Option<usize> {
        let mut at = hash as usize & self.mask();
        // At least half of the table is vacant, so this ends.
        loop {
            let number = self.table[at];
            if number == VACANT {
                return None;
            }
            let slot = &self.slots[number as usize];
            if slot.hash == hash && slot.key == *key {
                return Some(number as usize);
            }
            at = (at + 1) & self.mask();
        }
    }

    fn table_insert(&mut self, hash: u64, number: u32) {
        let mut at = hash as usize & self.mask();
        while self.table[at] != VACANT {
            at = (at + 1) & self.mask();
        }
        self.table[at] = number;
    }

    /// Empties the place of a slot and moves back what linear probing had put behind it.
    fn table_remove(&mut self, hash: u64, number: u32) {
        let mask = self.mask();
        let mut hole = hash as usize & mask;
        while self.table[hole] != number {
            hole = (hole + 1) & mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            let candidate = self.table[at];
            if candidate == VACANT {
                break;
            }
            let home = self.slots[candidate as usize].hash as usize & mask;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.table[hole] = candidate;
                hole = at;
            }
        }
        self.table[hole] = VACANT;
    }

    fn place(&mut self, position: usize, weight: Weight) {
        self.heap[position] = weight;
        self.slots[weight.slot as usize].heap_position = position as u32;
    }

    fn rise(&mut self, mut position: usize, weight: Weight) {
        while position > 0 {
            let parent = (position - 1) / 2;
            if self.heap[parent].count <= weight.count {
                break;
            }
            self.place(position, self.heap[parent]);
            position = parent;
        }
        self.place(position, weight);
    }

    /// Gives the weight at a position a count that is not less, and moves it down to where it belongs.
    fn sink(&mut self, mut position: usize, count: u64) {
        let weight = Weight { count, slot: self.heap[position].slot };
        loop {
            let left = 2 * position + 1;
            let Some(&child) = self.heap.get(left) else { break };
            let (lighter, child) = match self.heap.get(left + 1) {
                Some(&right) if right.count < child.count => (left + 1, right),
                _ => (left, child),
            };
            if count <= child.count {
                break;
            }
            self.place(position, child);
            position = lighter;
        }
        self.place(position, weight);
    }
}

impl<K> Hitter<K> {
    fn plus(self, count: u64, error: u64) -> Self {
        Self {
            key: self.key,
            count: self.count.saturating_add(count),
            error: self.error.saturating_add(error),
        }
    }
}
