//! Sketches of what comes to a target, kept only while it is suspect.
//!
//! They answer what the cheap counters cannot: how many sources, from which ports to which ports, how large, is
//! the sender forged. All of fixed size, from a pool of fixed size.

use std::hash::Hash;

use sketch::{DistinctCount, HeavyHitters, KeyedState};
use wire::Address;

use crate::Observation;
use crate::vector::protocol;

/// Default number of targets that can be suspect at once, about 6 KiB each.
pub const DEFAULT_SUSPECTS: usize = 2_048;
/// HyperLogLog with 2^10 registers: a standard error of 3.3 %.
const SOURCES_PRECISION: u8 = 10;
const SOURCES_KEPT: usize = 24;
const PORTS_KEPT: usize = 16;
const SIZES_KEPT: usize = 16;
const NAMES_PRECISION: u8 = 8;
/// After this many observations in one step only every [`THIN_EVERY`]th goes into the heavy hitters: the
/// order of magnitude is settled by then, and the time is needed.
const FULL_PER_STEP: u32 = 16;
const THIN_EVERY: u32 = 16;
/// Where hundreds are suspect at once these hold instead.
const CROWDED_FULL_PER_STEP: u32 = 2;
const CROWDED_THIN_EVERY: u32 = 64;
/// Observations after which it is found out which sources change nothing any more.
const RANKS_EVERY: u64 = 4_096;

/// How much of what comes is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Care {
    /// Few are suspect.
    Full,
    /// Many are: each gets less.
    Crowded,
}

/// What is known of the traffic of a suspect target since it became one.
pub(crate) struct Suspect {
    pub(crate) sources: DistinctCount,
    pub(crate) top_sources: HeavyHitters<Address>,
    /// With the protocol above them: port 443 of segments is not that of datagrams.
    source_ports: HeavyHitters<u32>,
    pub(crate) destination_ports: HeavyHitters<u16>,
    pub(crate) sizes: HeavyHitters<u16>,
    pub(crate) query_names: DistinctCount,
    pub(crate) destinations: DistinctCount,
    /// Observations seen.
    pub(crate) observations: u64,
    /// Packets they stand for.
    pub(crate) packets: f64,
    /// Packets from addresses that cannot be anybody's (RFC 6890 and class E).
    pub(crate) impossible_sources: u64,
    /// DNS questions whose name was read.
    pub(crate) queries: u64,
    in_step: u32,
    step: i64,
    /// The last step in which it had reason to be suspect.
    pub(crate) suspect_step: i64,
}

impl Suspect {
    /// Empty sketches. `None` cannot happen with the sizes above; it spares a panic.
    pub(crate) fn new(key: KeyedState, step: i64) -> Option<Self> {
        Some(Self {
            sources: DistinctCount::new(SOURCES_PRECISION, &key).ok()?,
            top_sources: HeavyHitters::new(SOURCES_KEPT, key).ok()?,
            source_ports: HeavyHitters::new(PORTS_KEPT, key).ok()?,
            destination_ports: HeavyHitters::new(PORTS_KEPT, key).ok()?,
            sizes: HeavyHitters::new(SIZES_KEPT, key).ok()?,
            query_names: DistinctCount::new(NAMES_PRECISION, &key).ok()?,
            destinations: DistinctCount::new(NAMES_PRECISION, &key).ok()?,
            observations: 0,
            packets: 0.0,
            impossible_sources: 0,
            queries: 0,
            in_step: 0,
            step,
            suspect_step: step,
        })
    }

    /// Forgets everything, to be used for another target.
    pub(crate) fn reset(&mut self, step: i64) {
        self.sources.clear();
        self.top_sources.clear();
        self.source_ports.clear();
        self.destination_ports.clear();
        self.sizes.clear();
        self.query_names.clear();
        self.destinations.clear();
        self.observations = 0;
        self.packets = 0.0;
        self.impossible_sources = 0;
        self.queries = 0;
        self.in_step = 0;
        self.step = step;
        self.suspect_step = step;
    }

    /// Reads the memory that [`Suspect::note`] needs.
    #[inline]
    pub(crate) fn touch(&self, hash: u64) -> u16 {
        u16::from(self.sources.register(hash)) ^ self.in_step as u16
    }

    /// Looks at one unwanted packet or record, with the keyed hash of its source.
    #[inline]
    pub(crate) fn note(
        &mut self,
        observation: &Observation,
        hash: u64,
        key: &KeyedState,
        step: i64,
        care: Care,
    ) {
        self.sources.insert_hash(hash);
        self.observations += 1;
        self.packets += observation.packets as f64;
        self.impossible_sources += u64::from(is_impossible(observation.source));
        if self.step != step {
            self.step = step;
            self.in_step = 0;
        }
        self.in_step += 1;
        let (full, every) = match care {
            Care::Full => (FULL_PER_STEP, THIN_EVERY),
            Care::Crowded => (CROWDED_FULL_PER_STEP, CROWDED_THIN_EVERY),
        };
        if self.in_step <= full {
            self.note_keys(observation, key, hash, observation.packets);
        } else if self.in_step.is_multiple_of(every) {
            self.note_keys(observation, key, hash, observation.packets.saturating_mul(u64::from(every)));
        }
        if self.observations.is_multiple_of(RANKS_EVERY) {
            self.sources.skip_what_changes_nothing();
        }
    }

    fn note_keys(&mut self, observation: &Observation, key: &KeyedState, hash: u64, weight: u64) {
        self.top_sources.add_hashed(observation.source, hash, weight);
        self.destinations.insert_hash(key.hash_address(observation.destination.bits()));
        if matches!(observation.protocol, protocol::TCP | protocol::UDP | protocol::UDP_LITE) {
            self.source_ports
                .add(u32::from(observation.protocol) << 16 | u32::from(observation.source_port), weight);
            self.destination_ports.add(observation.destination_port, weight);
        }
        let size = observation.bytes / observation.packets.max(1);
        self.sizes.add(u16::try_from(size).unwrap_or(u16::MAX), weight);
        if observation.query_name != 0 {
            self.queries += 1;
            self.query_names.insert_hash(key.hash_u64(observation.query_name));
        }
    }

    /// Estimated number of sources.
    pub(crate) fn distinct_sources(&self) -> f64 {
        self.sources.estimate()
    }

    /// The least share that the heaviest source has of the packets.
    pub(crate) fn top_source_share(&self) -> f64 {
        let top = self.top_sources.top(1);
        let total = self.top_sources.total().max(1) as f64;
        top.first().map_or(0.0, |top| (top.count - top.error) as f64 / total)
    }

    /// The heaviest source port and its share of packets.
    pub(crate) fn top_source_port(&self) -> Option<(u16, f64)> {
        top_share(&self.source_ports).map(|(port, share)| (port as u16, share))
    }

    /// Whether it is one of TCP.
    pub(crate) fn is_top_source_port_of_tcp(&self) -> bool {
        top_share(&self.source_ports).is_some_and(|(port, _)| port >> 16 == u32::from(protocol::TCP))
    }

    /// The heaviest destination port and its share of packets.
    pub(crate) fn top_destination_port(&self) -> Option<(u16, f64)> {
        top_share(&self.destination_ports)
    }

    /// The share of DNS questions that ask for a name of their own; `None` where none was read.
    pub(crate) fn random_name_share(&self) -> Option<f64> {
        (self.queries >= 100).then(|| (self.query_names.estimate() / self.queries as f64).min(1.0))
    }
}

fn top_share<K: Copy + Eq + Hash>(hitters: &HeavyHitters<K>) -> Option<(K, f64)> {
    let top = hitters.top(1);
    let first = top.first()?;
    Some((first.key, (first.count - first.error) as f64 / hitters.total().max(1) as f64))
}

/// Whether no packet on the Internet can truly come from this address (RFC 6890; 240/4 of RFC 1112). Private
/// space is left out: replays of laboratories are full of it.
fn is_impossible(address: Address) -> bool {
    let bits = address.bits();
    if address.is_ipv4() {
        let first = (bits as u32) >> 24;
        first == 0 || first == 127 || first >= 224
    } else {
        // Only 2000::/3 is given out; fe80::/10 and fc00::/7 are local and real.
        let top = (bits >> 121) as u32;
        let is_global = bits >> 125 == 1;
        !(is_global || top == 0x7e || bits >> 118 == 0x3fa)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_sources_are_known_in_both_families() {
        for text in ["0.1.2.3", "127.0.0.1", "224.0.0.1", "250.1.1.1", "::1", "4000::1", "ff02::1"] {
            assert!(is_impossible(text.parse::<std::net::IpAddr>().unwrap().into()), "{text}");
        }
        for text in ["8.8.8.8", "10.0.0.1", "223.255.255.1", "2001:db8::1", "fe80::1", "fd00::1", "3fff::1"] {
            assert!(!is_impossible(text.parse::<std::net::IpAddr>().unwrap().into()), "{text}");
        }
    }
}
