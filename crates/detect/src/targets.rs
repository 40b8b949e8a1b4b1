//! The table of addresses that are counted, bounded.

use hashbrown::HashTable;
use sketch::KeyedState;
use wire::Address;

use crate::scope::Scope;
use crate::target::{Place, TargetState};

/// Default number of addresses that are counted at once.
pub const DEFAULT_TARGETS: usize = 65_536;
/// How many entries are looked at to find one that can go.
const EVICTION_SCAN: usize = 32;
/// An address that got nothing for this many steps may go.
const EVICTABLE_AFTER_STEPS: i64 = 20;

/// The addresses that are counted.
pub(crate) struct Targets {
    /// Address bits and index, by the keyed hash of the former.
    index: HashTable<(u128, u32)>,
    key: KeyedState,
    pub(crate) states: Vec<TargetState>,
    pub(crate) places: Vec<Place>,
    capacity: usize,
    hand: usize,
    /// Addresses that went to make room.
    pub(crate) evicted: u64,
    /// Packets to addresses for which there was no room.
    pub(crate) refused: u64,
}

impl Targets {
    /// An empty table.
    pub(crate) fn new(capacity: usize, key: KeyedState) -> Self {
        Self {
            index: HashTable::new(),
            key,
            states: Vec::new(),
            places: Vec::new(),
            capacity: capacity.max(1),
            hand: 0,
            evicted: 0,
            refused: 0,
        }
    }

    /// The keyed hash of an address, for the calls below.
    #[inline]
    pub(crate) fn hash(&self, address: Address) -> u64 {
        self.key.hash_address(address.bits())
    }

    /// The entry of an address, if it has one.
    #[inline]
    pub(crate) fn find(&self, address: Address, hash: u64) -> Option<u32> {
        self.index.find(hash, |entry| entry.0 == address.bits()).map(|entry| entry.1)
    }

    /// Reads the counters of an address, so that they are near when they are wanted.
    #[inline]
    pub(crate) fn touch(&self, address: Address, hash: u64) -> u32 {
        self.find(address, hash).map_or(0, |index| self.states[index as usize].sampling)
    }

    /// The entry of an address, made if there is room.
    #[inline]
    pub(crate) fn find_or_add(
        &mut self,
        address: Address,
        hash: u64,
        scope: &mut Scope,
        step: i64,
    ) -> Option<u32> {
        match self.find(address, hash) {
            Some(index) => Some(index),
            None => self.add(address, hash, scope, step),
        }
    }

    fn add(&mut self, address: Address, hash: u64, scope: &mut Scope, step: i64) -> Option<u32> {
        let place = scope.place(address);
        let index = if self.states.len() < self.capacity {
            self.states.push(TargetState::default());
            self.places.push(place);
            self.states.len() - 1
        } else {
            let Some(index) = self.evict(step) else {
                self.refused += 1;
                return None;
            };
            self.states[index] = TargetState::default();
            self.places[index] = place;
            index
        };
        let key = self.key;
        self.index.insert_unique(hash, (address.bits(), index as u32), |entry| key.hash_address(entry.0));
        Some(index as u32)
    }

    /// Frees the entry of an address that is quiet, by the clock algorithm.
    fn evict(&mut self, step: i64) -> Option<usize> {
        for _ in 0..EVICTION_SCAN {
            self.hand = (self.hand + 1) % self.states.len();
            let state = &self.states[self.hand];
            let is_idle = state.step.saturating_add(EVICTABLE_AFTER_STEPS) < step;
            if is_idle && !state.listed && state.flood.is_none() && state.suspect.is_none() {
                let bits = self.places[self.hand].address.bits();
                if let Ok(entry) = self.index.find_entry(self.key.hash_address(bits), |entry| entry.0 == bits)
                {
                    entry.remove();
                }
                self.evicted += 1;
                return Some(self.hand);
            }
        }
        None
    }
}
