//! Sampling rates that an exporter states apart from its records.
//!
//! An exporter may sample each interface or each direction at its own rate: options records say which sampler
//! (elements 48, 302) or interface has which rate, and records name their sampler. A record's rate is, in this
//! order: its own; that of the sampler it names; that of its input interface; the source's one rate; the rate
//! that all named samplers share. Else it is unknown, which is not the same as 1.

use super::{fields::Slot, layout::Fields};

/// What learning a rate did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Learnt {
    Nothing,
    Changed,
    Refused,
}

/// Rates of one source.
#[derive(Clone, Debug, Default)]
pub(super) struct Samplers {
    /// Rate that is stated for the whole source; 0 = none.
    default: u32,
    /// Rate that all of `named` have; 0 = none or they differ.
    common: u32,
    /// By sampler id, sorted.
    named: Vec<(u64, u32)>,
    /// By interface, sorted.
    interfaces: Vec<(u64, u32)>,
}

impl Samplers {
    /// Takes in an options record.
    pub(super) fn learn(&mut self, record: impl Fields, limit: usize) -> Learnt {
        let rate = stated(record);
        if rate == 0 {
            return Learnt::Nothing;
        }
        if record.has(Slot::Sampler) {
            let learnt = set(&mut self.named, record.integer(Slot::Sampler), rate, limit);
            let first = self.named.first().map_or(0, |&(_, rate)| rate);
            self.common = if self.named.iter().all(|&(_, rate)| rate == first) { first } else { 0 };
            return learnt;
        }
        let interface = if record.has(Slot::InputInterface) {
            record.integer(Slot::InputInterface)
        } else {
            record.integer(Slot::OutputInterface)
        };
        if interface != 0 {
            return set(&mut self.interfaces, interface, rate, limit);
        }
        let changed = self.default != rate;
        self.default = rate;
        if changed { Learnt::Changed } else { Learnt::Nothing }
    }

    /// Rate of records that say nothing themselves and whose interface has no rate of its own.
    #[inline]
    pub(super) const fn shared(&self) -> u32 {
        if self.default > 0 { self.default } else { self.common }
    }

    #[inline]
    pub(super) const fn by_interface(&self) -> bool {
        !self.interfaces.is_empty()
    }

    /// Rate of one record.
    #[inline]
    pub(super) fn rate(&self, record: impl Fields) -> u32 {
        let own = stated(record);
        if own > 0 {
            return own;
        }
        if record.has(Slot::Sampler) {
            let sampler = record.integer(Slot::Sampler);
            if let Some(rate) = get(&self.named, sampler) {
                return rate;
            }
            // Where samplers are named, the shared rate of others says nothing about an unnamed one.
            return get(&self.interfaces, record.integer(Slot::InputInterface)).unwrap_or(self.default);
        }
        get(&self.interfaces, record.integer(Slot::InputInterface)).unwrap_or(self.shared())
    }
}

#[inline]
fn get(rates: &[(u64, u32)], key: u64) -> Option<u32> {
    let index = rates.binary_search_by_key(&key, |&(key, _)| key).ok()?;
    rates.get(index).map(|&(_, rate)| rate)
}

fn set(rates: &mut Vec<(u64, u32)>, key: u64, rate: u32, limit: usize) -> Learnt {
    match rates.binary_search_by_key(&key, |&(key, _)| key) {
        Ok(index) => match rates.get_mut(index) {
            Some(entry) if entry.1 != rate => {
                entry.1 = rate;
                Learnt::Changed
            }
            _ => Learnt::Nothing,
        },
        Err(_) if rates.len() >= limit => Learnt::Refused,
        Err(index) => {
            rates.insert(index, (key, rate));
            Learnt::Changed
        }
    }
}

/// The rate that a record or options record states itself, 0 if none: an interval (34, 50); packets sampled
/// and then left out (305, 306); a size out of a population (309, 310); packets between samples (305 alone, as
/// exporters use it that state no space); a probability (311).
#[inline]
fn stated(record: impl Fields) -> u32 {
    let interval = record.integer(Slot::SamplingInterval);
    if interval > 0 {
        return u32::try_from(interval).unwrap_or(u32::MAX);
    }
    let sampled = record.integer(Slot::SampledPackets);
    let space = record.integer(Slot::SampledSpace);
    if sampled > 0 && record.has(Slot::SampledSpace) {
        return ratio(sampled.saturating_add(space), sampled);
    }
    let size = record.integer(Slot::SampleSize);
    let population = record.integer(Slot::SamplePopulation);
    if population > 0 {
        return ratio(population, size.max(1));
    }
    if sampled > 0 {
        return u32::try_from(sampled).unwrap_or(u32::MAX);
    }
    let probability = f64::from_bits(record.integer(Slot::SampleProbability));
    if probability > 0.0 && probability <= 1.0 {
        return (1.0 / probability).round().min(f64::from(u32::MAX)) as u32;
    }
    0
}

/// `a / b` rounded, at least 1.
fn ratio(a: u64, b: u64) -> u32 {
    u32::try_from((a.saturating_add(b / 2) / b).max(1)).unwrap_or(u32::MAX)
}
