//! The table of sources: bounded, and keyed with a secret, because exporter addresses can be forged.
//!
//! A full table does not throw out a source that is in use for one that is new: whoever forges addresses could
//! otherwise make a router's templates be forgotten. It refuses the new one, unless some source has been
//! silent for long. The other side of this is that forged sources can keep real new ones out; who needs
//! more declares the exporters and filters before the decoder.

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use super::{
    counters::{FlowCounters, SourceStatus},
    limits::Limits,
    record::Protocol,
    sampling::Samplers,
    sequence::{Gap, Sequence},
    template::Template,
};
use crate::{Address, Time};

/// Data sources of one sFlow agent whose drops are followed; others share their places.
const DROP_PLACES: usize = 128;

/// What tells one source from another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct SourceKey {
    pub(super) exporter: Address,
    pub(super) agent: Address,
    pub(super) protocol: Protocol,
    pub(super) domain: u32,
}

/// The drops field last seen of one sFlow data source.
#[derive(Clone, Copy, Debug, Default)]
struct Drops {
    source: u32,
    seen: bool,
    drops: u32,
}

/// One exporter's observation domain.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) key: SourceKey,
    /// Place of its exporter's share.
    share: usize,
    last_seen: Time,
    pub(super) datagrams: u64,
    pub(super) records: u64,
    lost: u64,
    sequence: Sequence,
    /// Sorted by id.
    pub(super) templates: Vec<Template>,
    pub(super) samplers: Samplers,
    /// When the exporter started (element 160), milliseconds since 1970; 0 = unknown.
    pub(super) started: u64,
    drops: Vec<Drops>,
}

impl Source {
    fn new(key: SourceKey, share: usize) -> Self {
        Self {
            key,
            share,
            last_seen: Time::from_nanoseconds(i64::MIN),
            datagrams: 0,
            records: 0,
            lost: 0,
            sequence: Sequence::default(),
            templates: Vec::new(),
            samplers: Samplers::default(),
            started: 0,
            drops: Vec::new(),
        }
    }

    /// Follows the sequence number; gives what was lost.
    pub(super) fn observe(&mut self, sequence: u32, units: Option<u32>, counters: &mut FlowCounters) -> u32 {
        match self.sequence.observe(sequence, units) {
            Gap::None => 0,
            Gap::Late => {
                counters.reordered_datagrams += 1;
                0
            }
            Gap::Reset => {
                counters.sequence_resets += 1;
                0
            }
            Gap::Lost(lost) => {
                self.lost += u64::from(lost);
                match self.key.protocol {
                    Protocol::Netflow5 | Protocol::Ipfix => counters.lost_records += u64::from(lost),
                    Protocol::Netflow9 | Protocol::Sflow5 => counters.lost_datagrams += u64::from(lost),
                }
                lost
            }
        }
    }

    /// Index of the template with this id.
    #[inline]
    pub(super) fn template(&self, id: u16) -> Result<usize, usize> {
        self.templates.binary_search_by_key(&id, |template| template.id)
    }

    /// By how much the drops of an sFlow data source grew since they were last seen.
    #[inline]
    pub(super) fn new_drops(&mut self, source: u32, drops: u32) -> u32 {
        if self.drops.is_empty() {
            self.drops.resize(DROP_PLACES, Drops::default());
        }
        let index = source as usize % DROP_PLACES;
        let Some(place) = self.drops.get_mut(index) else { return 0 };
        let known = place.seen && place.source == source;
        let grown = drops.wrapping_sub(place.drops);
        *place = Drops { source, seen: true, drops };
        // A count that went back is a restarted agent or a late datagram.
        if known && grown < 1 << 31 { grown } else { 0 }
    }

    fn status(&self) -> SourceStatus {
        SourceStatus {
            exporter: self.key.exporter,
            protocol: self.key.protocol,
            agent: self.key.agent,
            domain: self.key.domain,
            datagrams: self.datagrams,
            records: self.records,
            lost: self.lost,
            templates: self.templates.len(),
        }
    }
}

/// What the sources of one exporter hold together.
#[derive(Clone, Copy, Debug)]
struct Share {
    exporter: Address,
    /// None: the place is free.
    sources: usize,
    /// Part of [`Limits::fields_per_exporter`] that is in use.
    fields: usize,
}

/// All sources.
#[derive(Debug)]
pub(super) struct Sources {
    key: [u8; 16],
    index: HashTable<u32>,
    sources: Vec<Source>,
    /// As many as there ever were exporters at once.
    shares: Vec<Share>,
    /// The source of the last datagram, which is likely that of the next.
    recent: usize,
    /// No source is idle before this time, so that a full table is not searched for every new source.
    full_until: Time,
}

impl Sources {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self {
            key,
            index: HashTable::new(),
            sources: Vec::new(),
            shares: Vec::new(),
            recent: 0,
            full_until: Time::from_nanoseconds(i64::MIN),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = SourceStatus> + '_ {
        self.sources.iter().map(Source::status)
    }

    /// The source with this key, made if need be and if there is room. `fields_used` is lowered by what an
    /// evicted source held.
    #[inline]
    pub(super) fn get(
        &mut self,
        key: SourceKey,
        arrival: Time,
        limits: &Limits,
        counters: &mut FlowCounters,
        fields_used: &mut usize,
    ) -> Option<&mut Source> {
        self.get_with_share(key, arrival, limits, counters, fields_used).map(|(source, _)| source)
    }

    /// As [`Self::get`], with the template fields that all sources of the exporter hold.
    #[inline]
    pub(super) fn get_with_share(
        &mut self,
        key: SourceKey,
        arrival: Time,
        limits: &Limits,
        counters: &mut FlowCounters,
        fields_used: &mut usize,
    ) -> Option<(&mut Source, &mut usize)> {
        if self.sources.get(self.recent).is_none_or(|source| source.key != key) {
            self.recent = match self.find(key) {
                Some(index) => index,
                None => self.add(key, arrival, limits, counters, fields_used)?,
            };
        }
        let source = self.sources.get_mut(self.recent)?;
        source.last_seen = source.last_seen.max(arrival);
        source.datagrams += 1;
        let share = self.shares.get_mut(source.share)?;
        Some((source, &mut share.fields))
    }

    fn find(&self, key: SourceKey) -> Option<usize> {
        let same = |&index: &u32| self.sources.get(index as usize).is_some_and(|source| source.key == key);
        self.index.find(hash(&self.key, &key), same).map(|&index| index as usize)
    }

    #[cold]
    fn add(
        &mut self,
        key: SourceKey,
        arrival: Time,
        limits: &Limits,
        counters: &mut FlowCounters,
        fields_used: &mut usize,
    ) -> Option<usize> {
        let joined = |share: &&Share| share.sources > 0 && share.exporter == key.exporter;
        let of_exporter = self.shares.iter().find(joined);
        let exporter_is_full = of_exporter.is_some_and(|share| share.sources >= limits.domains_per_exporter);
        if exporter_is_full || self.sources.len() >= limits.sources {
            let only = exporter_is_full.then_some(key.exporter);
            let Some(evicted) = self.evict(only, arrival, limits) else {
                counters.sources_refused += 1;
                return None;
            };
            let freed = evicted.templates.iter().map(Template::cost).sum::<usize>();
            *fields_used = fields_used.saturating_sub(freed);
            if let Some(share) = self.shares.get_mut(evicted.share) {
                share.sources = share.sources.saturating_sub(1);
                share.fields = share.fields.saturating_sub(freed);
            }
            counters.sources_evicted += 1;
        }
        let index = self.sources.len();
        let share = self.join_share(key.exporter)?;
        let (secret, sources) = (self.key, &mut self.sources);
        sources.push(Source::new(key, share));
        let rehash =
            |&index: &u32| sources.get(index as usize).map_or(0, |source| hash(&secret, &source.key));
        self.index.insert_unique(hash(&secret, &key), u32::try_from(index).ok()?, rehash);
        counters.sources_added += 1;
        Some(index)
    }

    /// Counts one more source of an exporter; gives the place of its share.
    fn join_share(&mut self, exporter: Address) -> Option<usize> {
        let of_exporter = |share: &Share| share.sources > 0 && share.exporter == exporter;
        let known = self.shares.iter().position(of_exporter);
        let place = known.or_else(|| self.shares.iter().position(|share| share.sources == 0));
        let place = place.unwrap_or_else(|| {
            self.shares.push(Share { exporter, sources: 0, fields: 0 });
            self.shares.len() - 1
        });
        let share = self.shares.get_mut(place)?;
        if known.is_none() {
            *share = Share { exporter, sources: 0, fields: 0 };
        }
        share.sources += 1;
        Some(place)
    }

    /// Removes the source (of one exporter, if given) that was silent longest, if that is long enough.
    fn evict(&mut self, exporter: Option<Address>, arrival: Time, limits: &Limits) -> Option<Source> {
        if exporter.is_none() && arrival < self.full_until {
            return None;
        }
        let idle_nanoseconds = i64::from(limits.idle_seconds) * 1_000_000_000;
        let (index, last_seen) = self
            .sources
            .iter()
            .enumerate()
            .filter(|(_, source)| exporter.is_none_or(|exporter| source.key.exporter == exporter))
            .map(|(index, source)| (index, source.last_seen))
            .min_by_key(|&(_, last_seen)| last_seen)?;
        let idle_from = last_seen.plus_nanoseconds(idle_nanoseconds);
        if arrival < idle_from {
            if exporter.is_none() {
                self.full_until = idle_from;
            }
            return None;
        }
        self.remove(index)
    }

    fn remove(&mut self, index: usize) -> Option<Source> {
        let position = |table: &mut HashTable<u32>, secret, key: &SourceKey, index: usize| {
            table.find_entry(hash(secret, key), |&found| found as usize == index).ok().map(|entry| {
                entry.remove();
            })
        };
        let last = self.sources.len().checked_sub(1)?;
        let secret = self.key;
        position(&mut self.index, &secret, &self.sources.get(index)?.key, index);
        let removed = self.sources.swap_remove(index);
        if let Some(moved) = self.sources.get(index)
            && let Some(entry) =
                self.index.find_mut(hash(&secret, &moved.key), |&found| found as usize == last)
        {
            *entry = index as u32;
        }
        Some(removed)
    }
}

/// The secret decides which keys collide, so nobody can choose addresses that all do.
fn hash(secret: &[u8; 16], key: &SourceKey) -> u64 {
    let mut hasher = SipHasher13::new_with_key(secret);
    key.hash(&mut hasher);
    hasher.finish()
}
