//! How inputs are opened.

use wire::{Time, flow, web::Format};

/// UDP ports that flow exports are usually sent to: NetFlow (2055, 9995, 9996), IPFIX (4739), sFlow (6343).
pub const FLOW_PORTS: [u16; 5] = [2055, 4739, 6343, 9995, 9996];

/// Default bound on the decompressed size of one input, in bytes. Decompression needs no memory, so this bounds
/// the time that a small hostile file can take.
pub const DECOMPRESSED_BYTES_LIMIT: u64 = 1 << 38;

/// A fixed key, so that replays repeat (ARCHITECTURE.md, sketch keys).
const REPLAY_KEY: [u8; 16] = *b"hemicycle replay";

/// How inputs are opened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenOptions {
    /// UDP destination ports at which a captured packet may be a flow export. It also has to look like one.
    pub flow_ports: Vec<u16>,
    /// What the flow decoder may remember.
    pub flow_limits: flow::Limits,
    /// Key of the flow decoder's hash tables.
    pub key: [u8; 16],
    /// Largest decompressed size of one input in bytes; what is beyond is not read and reported as damage.
    pub decompressed_bytes_limit: u64,
    /// The format of access logs, where it is not one that is recognised. Inputs that it does not fit are looked at as without it.
    pub log_format: Option<Format>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            flow_ports: FLOW_PORTS.to_vec(),
            flow_limits: flow::Limits::default(),
            key: REPLAY_KEY,
            decompressed_bytes_limit: DECOMPRESSED_BYTES_LIMIT,
            log_format: None,
        }
    }
}

/// Plays an input at another time than it was captured, for days that are composed of captures. The times inside
/// flow records stay as they are.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Clock {
    /// When its first frame or datagram is played.
    pub start: Time,
    /// How many times as fast as it was captured; above 0.
    pub speed: f64,
}

impl Clock {
    /// The time at which what was captured at `time` is played, in an input that begins at `first`.
    pub(crate) fn played(self, first: Time, time: Time) -> Time {
        let nanoseconds = time.nanoseconds_since(first);
        let nanoseconds =
            if self.speed == 1.0 { nanoseconds } else { (nanoseconds as f64 / self.speed) as i64 };
        self.start.plus_nanoseconds(nanoseconds)
    }
}

/// A set of ports with a membership test of one load.
#[derive(Clone, Debug)]
pub(crate) struct PortSet(Vec<u64>);

impl PortSet {
    pub(crate) fn new(ports: &[u16]) -> Self {
        let mut words = vec![0; 1 << 10];
        for port in ports {
            if let Some(word) = words.get_mut(usize::from(port >> 6)) {
                *word |= 1 << (port & 63);
            }
        }
        Self(words)
    }

    #[inline]
    pub(crate) fn has(&self, port: u16) -> bool {
        self.0.get(usize::from(port >> 6)).is_some_and(|word| word >> (port & 63) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_moves_and_stretches() {
        let clock = Clock { start: Time::from_seconds(1000, 0), speed: 0.5 };
        let first = Time::from_seconds(7, 0);
        assert_eq!(clock.played(first, first), clock.start);
        assert_eq!(clock.played(first, Time::from_seconds(10, 0)), Time::from_seconds(1006, 0));
        assert_eq!(clock.played(first, Time::from_seconds(6, 0)), Time::from_seconds(998, 0));
    }

    #[test]
    fn a_port_set_has_exactly_its_ports() {
        let ports = PortSet::new(&[0, 63, 64, 2055, 65535]);
        let found: Vec<u16> = (0..=u16::MAX).filter(|port| ports.has(*port)).collect();
        assert_eq!(found, [0, 63, 64, 2055, 65535]);
    }
}
