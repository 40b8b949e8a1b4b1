//! A capture in memory: IP packets with times, to be changed, merged and written as a pcap file.

use anyhow::{Result, ensure};
use wire::capture::frames;

use crate::link::ip_bytes;

/// Longest packet that is kept whole; longer ones are cut, as a capture would.
const SNAP_BYTES: usize = 65_535;
/// pcap with times in nanoseconds, little endian.
const PCAP_MAGIC: u32 = 0xa1b2_3c4d;
/// Raw IP.
const LINK_RAW: u32 = 101;

/// A packet of a [`Trace`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    /// From the first byte of the IP header on, as far as captured.
    pub(crate) bytes: &'a [u8],
    /// Length in bytes before any cut.
    pub(crate) original: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    time: i64,
    start: usize,
    captured: u32,
    original: u32,
}

/// IP packets, in one block of memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Trace {
    /// The IP packets of a capture file; frames that hold none are left out.
    pub(crate) fn of_capture(file: &[u8]) -> Result<Self> {
        let mut trace = Self::default();
        for frame in frames(file) {
            let Ok(frame) = frame else { break };
            let Some(ip) = ip_bytes(frame.link, frame.data) else { continue };
            let link_bytes = (frame.data.len() - ip.len()) as u32;
            trace.push(frame.time.nanoseconds(), ip, frame.original_length.saturating_sub(link_bytes));
        }
        ensure!(!trace.is_empty(), "no IP packet in it");
        Ok(trace)
    }

    /// Adds a packet; `original` is its length before a cut.
    pub(crate) fn push(&mut self, time: i64, bytes: &[u8], original: u32) {
        let bytes = bytes.get(..SNAP_BYTES).unwrap_or(bytes);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        let captured = bytes.len() as u32;
        self.entries.push(Entry { time, start, captured, original: original.max(captured) });
    }

    /// Adds a whole packet.
    pub(crate) fn add(&mut self, time: i64, bytes: &[u8]) {
        self.push(time, bytes, bytes.len() as u32);
    }

    /// How many packets.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The packets in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Seen<'_>> {
        self.entries.iter().map(|entry| self.seen(entry))
    }

    fn seen(&self, entry: &Entry) -> Seen<'_> {
        let bytes = self.bytes.get(entry.start..entry.start + entry.captured as usize).unwrap_or_default();
        Seen { time: entry.time, bytes, original: entry.original }
    }

    /// Time of the earliest and the latest packet; 0 and 0 if there are none.
    pub(crate) fn span(&self) -> (i64, i64) {
        let times = || self.entries.iter().map(|entry| entry.time);
        (times().min().unwrap_or(0), times().max().unwrap_or(0))
    }

    /// Moves every packet in time.
    pub(crate) fn retime(&mut self, change: impl Fn(i64) -> i64) {
        self.entries.iter_mut().for_each(|entry| entry.time = change(entry.time));
    }

    /// Adds all packets of another one and puts everything in the order of time.
    pub(crate) fn merge(&mut self, other: &Self) {
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.entries.extend(other.entries.iter().map(|entry| Entry { start: entry.start + shift, ..*entry }));
        self.sort();
    }

    /// Puts packets in the order of time; those of the same time keep theirs.
    pub(crate) fn sort(&mut self) {
        self.entries.sort_by_key(|entry| entry.time);
    }

    /// Keeps the packets for which `keep` is true.
    pub(crate) fn retain(&mut self, keep: impl Fn(Seen<'_>) -> bool) {
        let entries = std::mem::take(&mut self.entries);
        self.entries = entries.into_iter().filter(|entry| keep(self.seen(entry))).collect();
    }

    /// A pcap file of raw IP packets with times in nanoseconds.
    pub(crate) fn to_pcap(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(24 + self.bytes.len() + self.entries.len() * 16);
        for word in [PCAP_MAGIC, 2 | 4 << 16, 0, 0, 1 << 18, LINK_RAW] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        for seen in self.iter() {
            let time = seen.time.max(0);
            let seconds = (time / 1_000_000_000).min(i64::from(u32::MAX)) as u32;
            let nanoseconds = (time % 1_000_000_000) as u32;
            for word in [seconds, nanoseconds, seen.bytes.len() as u32, seen.original] {
                file.extend_from_slice(&word.to_le_bytes());
            }
            file.extend_from_slice(seen.bytes);
        }
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut trace = Trace::default();
        let packet = [0x45, 0, 0, 24, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3, 4];
        trace.push(1_700_000_000_000_000_001, &packet, 900);
        trace.add(1_600_000_000_000_000_000, &packet);
        trace.sort();
        let again = Trace::of_capture(&trace.to_pcap()).unwrap();
        let of = |trace: &Trace| -> Vec<_> {
            trace.iter().map(|seen| (seen.time, seen.bytes.to_vec(), seen.original)).collect()
        };
        assert_eq!(of(&trace), of(&again));
        assert_eq!(again.span(), (1_600_000_000_000_000_000, 1_700_000_000_000_000_001));
    }
}
