//! How full links are, from the interface counters of sFlow agents.
//!
//! An agent sends the counters of each interface every 20 to 30 seconds; two samples give rates over the time
//! between their arrivals. Counters of packets have 32 bits and may wrap in between, which is told from the bytes;
//! counters of bytes have 64, but some agents fill them from 32-bit ones. A counter that went back otherwise means
//! that the agent began anew: that sample gives no rate, is counted, and the next one compares with it.
//!
//! Limits: bytes are those of layer 2 (RFC 2863, `ifHCInOctets`), without preamble and gaps, which take 20 bytes more
//! for each packet on Ethernet. Rates are as exact as the interval is long beside the delay of a datagram.

use std::collections::BTreeMap;

use sketch::KeyedState;
use wire::{Address, Time, flow::InterfaceCounters};

use super::table::{Added, Table};

/// Interfaces of all exporters that are kept.
pub const INTERFACES: usize = 8192;
/// Interfaces kept for one exporter, so that one that lies cannot take the place of the others.
pub const INTERFACES_PER_EXPORTER: u32 = 1024;
/// Seconds between two samples below which the later one is left out: rates would be mostly noise.
pub const SHORTEST_INTERVAL_SECONDS: f64 = 1.0;
/// Seconds between two samples above which they are not compared. Also the silence after which an interface
/// may leave for another.
pub const LONGEST_INTERVAL_SECONDS: u32 = 600;
/// Rates above this are no truth about one interface: 10 Tbit/s.
pub const MOST_BITS_PER_SECOND: f64 = 1e13;
/// Fewer bytes than any packet has: an IP header.
const LEAST_PACKET_BYTES: u64 = 20;
/// Shortest frame on a link so fast that its packets could wrap their counter: Ethernet, without check sequence.
const LEAST_FRAME_BYTES: u64 = 60;
/// More bytes than any packet has.
const MOST_PACKET_BYTES: u64 = 65_536;

/// Rates of one direction of an interface.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct DirectionRate {
    /// Bits a second, at layer 2.
    pub bits_per_second: f64,
    /// Packets of all kinds a second; `None` if the agent does not count them, or if their counter may have wrapped
    /// more than once.
    pub packets_per_second: Option<f64>,
    /// Packets a second that were dropped for want of room; `None` if the agent does not count them.
    pub discards_per_second: Option<f64>,
    /// Packets a second with errors; `None` if the agent does not count them.
    pub errors_per_second: Option<f64>,
}

/// The use of one interface between two samples.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LinkRate {
    /// Who said so.
    pub exporter: Address,
    /// SNMP index of the interface.
    pub index: u32,
    /// When the later sample came.
    pub at: Time,
    /// Seconds between the samples.
    pub interval_seconds: f64,
    /// Speed in bits per second as the agent gives it; 0 where it does not know.
    pub speed_bits_per_second: u64,
    /// Whether the interface is up.
    pub up: bool,
    /// What came in by it.
    pub input: DirectionRate,
    /// What left by it.
    pub output: DirectionRate,
}

/// What became of samples. Each is counted in `samples` and in one of the others.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkCounters {
    /// Samples taken in.
    pub samples: u64,
    /// Samples that gave a rate.
    pub rates: u64,
    /// First samples of an interface.
    pub first: u64,
    /// Samples too soon after the one before: left out.
    pub too_soon: u64,
    /// Samples too long after the one before, or before it.
    pub too_late: u64,
    /// Samples whose counters went back: the agent began anew.
    pub resets: u64,
    /// Samples whose rates cannot be true.
    pub implausible: u64,
    /// Samples of interfaces for which there was no room.
    pub refused: u64,
}

/// The use of the interfaces of all exporters.
#[derive(Debug)]
pub struct LinkUse {
    table: Table<(Address, u32), Link>,
    /// Interfaces in the table by exporter.
    shares: BTreeMap<Address, u32>,
    counters: LinkCounters,
    state: KeyedState,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    at: Time,
    counters: InterfaceCounters,
    rate: Option<LinkRate>,
}

/// Why two samples give no rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Useless {
    Reset,
    Implausible,
}

impl LinkUse {
    /// Nothing is known. `key` is the secret of the deployment.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            table: Table::new(INTERFACES, LONGEST_INTERVAL_SECONDS),
            shares: BTreeMap::new(),
            counters: LinkCounters::default(),
            state: KeyedState::new(key),
        }
    }

    /// Takes in the counters of an interface that came from a declared exporter at `arrival`; gives its rates since
    /// the sample before, if there are any.
    pub fn observe(
        &mut self,
        exporter: Address,
        arrival: Time,
        sample: &InterfaceCounters,
    ) -> Option<LinkRate> {
        self.counters.samples += 1;
        let key = (exporter, sample.index);
        let hash = self.state.hash_address(exporter.bits()) ^ self.state.hash_u64(u64::from(sample.index));
        let Some(link) = self.table.get(&key, hash, arrival) else {
            self.take_up(key, hash, arrival, sample);
            return None;
        };
        let seconds = arrival.seconds_since(link.at);
        if (0.0..SHORTEST_INTERVAL_SECONDS).contains(&seconds) {
            self.counters.too_soon += 1;
            return None;
        }
        let before = std::mem::replace(&mut link.counters, *sample);
        link.at = arrival;
        link.rate = None;
        if !(0.0..=f64::from(LONGEST_INTERVAL_SECONDS)).contains(&seconds) {
            self.counters.too_late += 1;
            return None;
        }
        match rate(exporter, arrival, seconds, &before, sample) {
            Ok(rate) => {
                self.counters.rates += 1;
                link.rate = Some(rate);
                Some(rate)
            }
            Err(Useless::Reset) => {
                self.counters.resets += 1;
                None
            }
            Err(Useless::Implausible) => {
                self.counters.implausible += 1;
                None
            }
        }
    }

    /// The latest rates of every interface whose last two samples gave some, in no particular order.
    /// [`LinkRate::at`] says how old they are.
    pub fn rates(&self) -> impl Iterator<Item = &LinkRate> {
        self.table.iter().filter_map(|(_, link)| link.rate.as_ref())
    }

    /// Totals.
    pub fn counters(&self) -> LinkCounters {
        self.counters
    }

    fn take_up(&mut self, key: (Address, u32), hash: u64, arrival: Time, sample: &InterfaceCounters) {
        let exporter = key.0;
        if self.shares.get(&exporter).is_some_and(|&share| share >= INTERFACES_PER_EXPORTER) {
            self.counters.refused += 1;
            return;
        }
        let link = Link { at: arrival, counters: *sample, rate: None };
        match self.table.add(key, hash, arrival, link) {
            Added::Refused => self.counters.refused += 1,
            Added::In(_, left) => {
                self.counters.first += 1;
                *self.shares.entry(exporter).or_insert(0) += 1;
                if let Some(((left, _), _)) = left
                    && let Some(share) = self.shares.get_mut(&left)
                {
                    *share -= 1;
                    if *share == 0 {
                        self.shares.remove(&left);
                    }
                }
            }
        }
    }
}

fn rate(
    exporter: Address,
    at: Time,
    seconds: f64,
    before: &InterfaceCounters,
    sample: &InterfaceCounters,
) -> Result<LinkRate, Useless> {
    Ok(LinkRate {
        exporter,
        index: sample.index,
        at,
        interval_seconds: seconds,
        speed_bits_per_second: sample.speed_bits_per_second,
        up: sample.up,
        input: Side::input(before).until(&Side::input(sample), seconds)?,
        output: Side::output(before).until(&Side::output(sample), seconds)?,
    })
}

/// The counters of one direction.
#[derive(Clone, Copy, Debug)]
struct Side {
    bytes: u64,
    /// Unicast, multicast and broadcast.
    packets: [u32; 3],
    discards: u32,
    errors: u32,
}

impl Side {
    fn input(counters: &InterfaceCounters) -> Self {
        Self {
            bytes: counters.input_bytes,
            packets: [
                counters.input_packets,
                counters.input_multicast_packets,
                counters.input_broadcast_packets,
            ],
            discards: counters.input_discards,
            errors: counters.input_errors,
        }
    }

    fn output(counters: &InterfaceCounters) -> Self {
        Self {
            bytes: counters.output_bytes,
            packets: [
                counters.output_packets,
                counters.output_multicast_packets,
                counters.output_broadcast_packets,
            ],
            discards: counters.output_discards,
            errors: counters.output_errors,
        }
    }

    fn until(&self, later: &Self, seconds: f64) -> Result<DirectionRate, Useless> {
        let packets = self.packets_until(later);
        let bytes = self.bytes_until(later, packets)?;
        let bits_per_second = bytes as f64 * 8.0 / seconds;
        if bits_per_second > MOST_BITS_PER_SECOND {
            return Err(Useless::Implausible);
        }
        // Otherwise there may have been 2^32 packets more.
        let certain = bytes / LEAST_FRAME_BYTES < 1 << 32;
        let per_second = |count: u64| count as f64 / seconds;
        Ok(DirectionRate {
            bits_per_second,
            packets_per_second: packets.filter(|_| certain).map(per_second),
            discards_per_second: since(self.discards, later.discards).map(per_second),
            errors_per_second: since(self.errors, later.errors).map(per_second),
        })
    }

    /// Packets of all kinds, `None` if those to single destinations are not counted. Kinds that are not counted
    /// beside them have to be left out.
    fn packets_until(&self, later: &Self) -> Option<u64> {
        let [unicast, multicast, broadcast] =
            std::array::from_fn(|kind| since(self.packets[kind], later.packets[kind]));
        Some(unicast? + multicast.unwrap_or(0) + broadcast.unwrap_or(0))
    }

    fn bytes_until(&self, later: &Self, packets: Option<u64>) -> Result<u64, Useless> {
        let packets_went_back = self.packets.iter().zip(&later.packets).any(|(before, after)| after < before);
        let agrees = |bytes: u64| {
            packets.is_some_and(|packets| {
                (packets * LEAST_PACKET_BYTES..=packets.saturating_mul(MOST_PACKET_BYTES)).contains(&bytes)
            })
        };
        if let Some(bytes) = later.bytes.checked_sub(self.bytes) {
            // An agent that began anew and has counted more bytes since than before, but not more packets.
            let anew = packets_went_back && packets.is_some() && !agrees(bytes);
            return if anew { Err(Useless::Reset) } else { Ok(bytes) };
        }
        let wrapped = match u32::try_from(self.bytes) {
            Ok(before) => (later.bytes as u32).wrapping_sub(before).into(),
            Err(_) => later.bytes.wrapping_sub(self.bytes),
        };
        if agrees(wrapped) { Ok(wrapped) } else { Err(Useless::Reset) }
    }
}

/// How much a 32-bit counter has grown, over its wrap; `None` if the agent says by all ones that it does not count this
/// (sFlow version 5, section 5).
fn since(before: u32, after: u32) -> Option<u64> {
    (before != u32::MAX || after != u32::MAX).then(|| u64::from(after.wrapping_sub(before)))
}

#[cfg(test)]
mod tests;
