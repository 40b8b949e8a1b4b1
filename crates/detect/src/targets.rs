//! The table of addresses that are counted, bounded.
//!
//! Addresses of others, to which an institution sends, may take a quarter of it: however many clients a service
//! answers, its own addresses keep their places.

mod index;

use sketch::{KeyedState, TableKey};
use wire::Address;

use self::index::Index;
use crate::learning::Known;
use crate::near;
use crate::scope::Scope;
use crate::tally::{Tally, flag};
use crate::target::TargetState;

/// Default number of addresses that are counted at once.
pub const DEFAULT_TARGETS: usize = 65_536;
/// Part of the table that addresses of others may take: one of so many.
const OUTSIDE_SHARE: usize = 4;
/// How many entries are looked at for an idle one to make room.
const EVICTION_SCAN: usize = 32;
/// Steps after which an address without tests, sketches and flood can make room.
const EVICTABLE_AFTER_STEPS: i64 = 20;
/// The same, where it is known what is ordinary for the address: an hour.
const KNOWN_EVICTABLE_AFTER_STEPS: i64 = 36_000;
/// Most services, groups and prefixes that one address is counted into; more are left out (and said at start).
pub(crate) const MAXIMUM_WIDER: usize = 6;

/// What the institution says of an address. Never in two cache lines.
#[derive(Clone, Debug, Default)]
#[repr(align(32))]
pub(crate) struct Place {
    /// Indexes of the wider targets that hold it.
    pub(crate) wider: [u32; MAXIMUM_WIDER],
    /// How many of `wider` are set.
    pub(crate) wider_count: u8,
    /// Whether the flood would leave the institution: the address is somebody else's.
    pub(crate) is_outside: bool,
    /// Whether it is an address of a service.
    pub(crate) is_of_service: bool,
}

/// The addresses that are counted.
pub(crate) struct Targets {
    index: Index,
    key: TableKey<2>,
    /// What came to each in the running step.
    pub(crate) tallies: Vec<Tally>,
    /// What is known of each.
    pub(crate) states: Vec<TargetState>,
    /// Where each belongs.
    pub(crate) places: Vec<Place>,
    /// What is ordinary for each; empty if nothing is learnt.
    pub(crate) known: Vec<Known>,
    learns: bool,
    /// What floors are multiplied by, of addresses that come too.
    floors: f32,
    capacity: usize,
    outside: usize,
    hand: usize,
    /// Idle addresses that made room.
    pub(crate) evicted: u64,
    /// Records to addresses for which there was no room.
    pub(crate) refused: u64,
}

impl Targets {
    /// An empty table for `capacity` addresses.
    pub(crate) fn new(capacity: usize, key: &KeyedState) -> Self {
        Self {
            index: Index::new(),
            key: self::key(key),
            tallies: Vec::new(),
            states: Vec::new(),
            places: Vec::new(),
            known: Vec::new(),
            learns: false,
            floors: 1.0,
            capacity: capacity.max(1),
            outside: 0,
            hand: 0,
            evicted: 0,
            refused: 0,
        }
    }

    /// From now on it is learnt what is ordinary for each.
    pub(crate) fn learn(&mut self) {
        self.learns = true;
        self.known = (0..self.states.len()).map(|index| Known::new(index as u8)).collect();
    }

    /// Floors are multiplied by this from now on.
    pub(crate) fn lower_floors(&mut self, floors: f32) {
        self.floors = floors;
        self.states.iter_mut().for_each(|state| state.lower_floors(floors));
    }

    /// How many are watched addresses of the institution.
    pub(crate) fn inside(&self) -> usize {
        self.states.len() - self.outside
    }

    /// The keyed hash of an address, for [`Targets::find`].
    #[inline]
    pub(crate) fn hash(&self, address: Address) -> u64 {
        hash(&self.key, address)
    }

    /// The entry of an address.
    #[inline]
    pub(crate) fn find(&self, address: Address, hash: u64) -> Option<u32> {
        self.index.find(hash, |entry| self.tallies[entry as usize].address == address)
    }

    /// The entry that an address most likely has, without a look at it.
    #[inline]
    pub(crate) fn guess(&self, hash: u64) -> Option<u32> {
        self.index.find(hash, |_| true)
    }

    /// Brings near the memory that counting into an entry needs.
    #[inline]
    pub(crate) fn fetch(&self, entry: u32) {
        near::fetch_all!(self.tallies[entry as usize], Tally, last_packet);
    }

    /// Brings near the memory that noting a sender needs.
    #[inline]
    pub(crate) fn fetch_sender(&self, entry: u32) {
        near::fetch(&self.tallies[entry as usize]);
        near::fetch_all!(self.states[entry as usize], TargetState, step);
    }

    /// Brings near all that is known of an entry.
    #[inline]
    pub(crate) fn fetch_all(&self, entry: u32) {
        let place = entry as usize;
        near::fetch_all!(self.tallies[place], Tally, last_packet);
        near::fetch_all!(self.states[place], TargetState, step);
        near::fetch(&self.places[place]);
        if let Some(known) = self.known.get(place) {
            near::fetch_all!(known, Known, since_step);
        }
    }

    /// Brings near the memory that [`Targets::guess`] needs.
    #[inline]
    pub(crate) fn fetch_index(&self, hash: u64) {
        self.index.fetch(hash);
    }

    /// Makes an entry for an address that has none, if there is room.
    pub(crate) fn add(&mut self, address: Address, hash: u64, place: Place, step: i64) -> Option<u32> {
        let flags = if place.is_outside { flag::OUTSIDE } else { 0 };
        let is_crowded = place.is_outside && self.outside * OUTSIDE_SHARE >= self.capacity;
        let index = if self.states.len() < self.capacity && !is_crowded {
            self.outside += usize::from(place.is_outside);
            self.states.push(TargetState::with_floors(self.floors));
            self.tallies.push(Tally::new(address, flags));
            self.places.push(place);
            if self.learns {
                self.known.push(Known::new(self.states.len() as u8));
            }
            self.states.len() - 1
        } else {
            let Some(index) = self.evict(step, is_crowded) else {
                self.refused += 1;
                return None;
            };
            self.outside += usize::from(place.is_outside);
            self.states[index] = TargetState::with_floors(self.floors);
            self.tallies[index] = Tally::new(address, flags);
            self.places[index] = place;
            if let Some(known) = self.known.get_mut(index) {
                *known = Known::new(index as u8);
            }
            index
        };
        let (key, tallies) = (&self.key, &self.tallies);
        self.index.insert(hash, index as u32, |entry| self::hash(key, tallies[entry as usize].address));
        Some(index as u32)
    }

    /// Every address has the place that another scope gives it.
    pub(crate) fn replace_places(&mut self, scope: &mut Scope) {
        self.outside = 0;
        for ((place, tally), state) in self.places.iter_mut().zip(&mut self.tallies).zip(&mut self.states) {
            let was_outside = place.is_outside;
            *place = scope.place(tally.address);
            if place.is_outside != was_outside {
                // What it got as one of ours is no flood that leaves, and the other way round.
                state.end_tests();
            }
            tally.set(flag::OUTSIDE, place.is_outside);
            self.outside += usize::from(place.is_outside);
        }
    }

    /// Takes an idle entry out of the table, found by a hand that goes round.
    fn evict(&mut self, step: i64, only_outside: bool) -> Option<usize> {
        for _ in 0..EVICTION_SCAN {
            self.hand = (self.hand + 1) % self.states.len();
            let (state, tally) = (&self.states[self.hand], &self.tallies[self.hand]);
            let is_known = self.known.get(self.hand).is_some_and(|known| known.level.is_established());
            let after = if is_known { KNOWN_EVICTABLE_AFTER_STEPS } else { EVICTABLE_AFTER_STEPS };
            let is_idle = state.step.saturating_add(after) < step && !tally.has(flag::LISTED);
            let is_outside = tally.has(flag::OUTSIDE);
            if is_idle && (is_outside || !only_outside) && state.flood.is_none() && state.suspect.is_none() {
                let hash = self.hash(tally.address);
                let (key, tallies) = (&self.key, &self.tallies);
                let rehash = |entry: u32| self::hash(key, tallies[entry as usize].address);
                self.index.remove(hash, self.hand as u32, rehash);
                self.outside -= usize::from(is_outside);
                self.evicted += 1;
                return Some(self.hand);
            }
        }
        None
    }
}

/// What the hashes of addresses are made with.
pub(crate) fn key(state: &KeyedState) -> TableKey<2> {
    TableKey::new(state, u64::from_le_bytes(*b"targets "))
}

#[inline]
fn hash(key: &TableKey<2>, address: Address) -> u64 {
    key.hash_address(address.bits())
}
