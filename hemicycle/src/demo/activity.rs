//! When which service was seen to send something: all that a mirror port shows of whether it works.
//!
//! Limits: [`MAXIMUM_SLICES`] slices of time of each service; beyond them nothing more is counted of it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use institution::{Institution, ServiceId};
use wire::Time;

/// Length of a slice.
const SLICE_NANOSECONDS: i64 = 5_000_000_000;
/// Most slices of one service: more than a day has.
const MAXIMUM_SLICES: usize = 20_000;

/// Packets that services sent, by slices of time.
pub(crate) struct Activity {
    institution: Institution,
    sent: BTreeMap<ServiceId, BTreeMap<i64, u64>>,
}

impl Activity {
    pub(crate) const fn new(institution: Institution) -> Self {
        Self { institution, sent: BTreeMap::new() }
    }

    /// A packet was seen.
    pub(crate) fn see(&mut self, time: Time, source: IpAddr, protocol: u8, source_port: u16) {
        let Some(service) = self.institution.lookup(source).service_on(protocol, source_port) else { return };
        let slices = self.sent.entry(service).or_default();
        let slice = time.nanoseconds().div_euclid(SLICE_NANOSECONDS);
        if slices.len() < MAXIMUM_SLICES || slices.contains_key(&slice) {
            *slices.entry(slice).or_default() += 1;
        }
    }

    /// Packets that a service sent from the slice of one time to that of another.
    pub(crate) fn between(&self, service: ServiceId, from: Time, to: Time) -> u64 {
        let slice = |time: Time| time.nanoseconds().div_euclid(SLICE_NANOSECONDS);
        let (from, to) = (slice(from), slice(to));
        let Some(slices) = self.sent.get(&service).filter(|_| from <= to) else { return 0 };
        slices.range(from..=to).map(|(_, count)| count).sum()
    }
}
