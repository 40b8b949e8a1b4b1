//! NetFlow v9 and IPFIX (RFC 3954, RFC 7011) and sFlow version 5, written field by field, so that any can be wrong.

use std::time::{SystemTime, UNIX_EPOCH};

/// When something is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Hundredths of a second since the beginning.
    pub(crate) step: u32,
    /// Milliseconds since 1970.
    pub(crate) milliseconds: u64,
}

impl Moment {
    /// Of a step after a beginning, in data time.
    pub(crate) fn of(step: u32) -> Self {
        Self { step, milliseconds: 1_790_000_000_000 + u64::from(step) * 10 }
    }

    /// Of a step, by the clock.
    #[expect(clippy::disallowed_methods, reason = "an exporter has a clock")]
    pub(crate) fn now(step: u32) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self { step, milliseconds: since.as_millis() as u64 }
    }

    pub(crate) const fn seconds(self) -> u32 {
        (self.milliseconds / 1000) as u32
    }

    /// Of an exporter that has been up for some hours.
    pub(crate) const fn uptime(self) -> u32 {
        (self.milliseconds % 1_000_000_000) as u32 + 10_000_000
    }
}

/// Element and length.
pub(crate) type Field = (u16, u16);

/// Source and destination, ports, protocol, flags, packets, bytes, first and last switched.
pub(crate) const FIELDS: [Field; 10] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 8), (1, 8), (22, 4), (21, 4)];

/// A flow. Its fields are written in any order that a template asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) source: [u8; 4],
    pub(crate) target: [u8; 4],
    pub(crate) protocol: u8,
    pub(crate) flags: u8,
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
    /// First and last switched, in milliseconds of uptime or since 1970.
    pub(crate) times: (u64, u64),
    pub(crate) sampler: u64,
}

impl Flow {
    /// One UDP packet to a target, of the last tenth of a second.
    pub(crate) fn to(target: [u8; 4], moment: Moment) -> Self {
        let uptime = u64::from(moment.uptime());
        let source = [20, 0, (moment.step >> 8) as u8, moment.step as u8];
        let times = (uptime - 100, uptime);
        Self { source, target, protocol: 17, flags: 0, packets: 1, bytes: 500, times, sampler: 0 }
    }

    /// The record of a template.
    pub(crate) fn record(&self, fields: &[Field]) -> Vec<u8> {
        let of = |address: [u8; 4]| u64::from(u32::from_be_bytes(address));
        let value = |element| match element {
            8 => of(self.source),
            12 => of(self.target),
            7 => 1024 + u64::from(self.source[3]),
            11 => 443,
            4 => u64::from(self.protocol),
            6 => u64::from(self.flags),
            2 => self.packets,
            1 => self.bytes,
            22 | 152 => self.times.0,
            21 | 153 => self.times.1,
            48 => self.sampler,
            _ => 0,
        };
        let bytes = fields.iter().flat_map(|&(element, length)| {
            let value = value(element).to_be_bytes();
            let length = usize::from(length);
            [&vec![0; length.saturating_sub(8)][..], &value[8 - length.min(8)..]].concat()
        });
        bytes.collect()
    }
}

fn shorts(values: &[u16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// A template as a record of a template set.
pub(crate) fn template(id: u16, fields: &[Field]) -> Vec<u8> {
    let specifiers = fields.iter().flat_map(|&(element, length)| shorts(&[element, length]));
    shorts(&[id, fields.len() as u16]).into_iter().chain(specifiers).collect()
}

/// A set of either protocol.
pub(crate) fn set(id: u16, content: &[u8]) -> Vec<u8> {
    let padding = content.len().next_multiple_of(4) - content.len();
    let length = (content.len() + padding + 4) as u16;
    [&shorts(&[id, length]), content, &[0; 3][..padding]].concat()
}

/// The sets of NetFlow v9 that name a sampler and give its interval.
pub(crate) fn sampler(id: u16, sampler: u8, interval: u32) -> Vec<u8> {
    // Lengths in bytes of the scope (1: the system) and of the options.
    let announced = shorts(&[id, 4, 8, 1, 4, 48, 1, 34, 4]);
    let record = [&[0; 4][..], &[sampler], &interval.to_be_bytes()].concat();
    [set(1, &announced), set(id, &record)].concat()
}

/// A NetFlow v9 datagram of these sets: its time of export and uptime, sequence number and domain are given.
pub(crate) fn netflow9(
    (seconds, uptime): (u32, u32),
    sequence: u32,
    domain: u32,
    sets: &[Vec<u8>],
) -> Vec<u8> {
    let head = [shorts(&[9, sets.len() as u16]), words(&[uptime, seconds, sequence, domain])];
    [head.concat(), sets.concat()].concat()
}

/// An IPFIX message of these sets.
pub(crate) fn ipfix(seconds: u32, sequence: u32, domain: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let body = sets.concat();
    [shorts(&[10, body.len() as u16 + 16]), words(&[seconds, sequence, domain]), body].concat()
}

/// An sFlow datagram with a sample of one TCP packet of a connection, that stands for `sampling` packets.
pub(crate) fn sflow(moment: Moment, target: [u8; 4], sampling: u32) -> Vec<u8> {
    let mut frame = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0].to_vec();
    frame.extend([0x45, 0, 1, 0xd4, 0, 0, 0, 0, 60, 6, 0, 0, 20, 1, 2, 3]);
    frame.extend(target);
    frame.extend([0x9c, 0x40, 1, 0xbb, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 4, 0]);
    frame.resize(128, 0x2a);
    let raw = [words(&[1, 144, 1, 486, 4, 128]), frame].concat();
    let sample = [words(&[moment.step, 1, sampling, moment.step, 0, 1, 2, 1]), raw].concat();
    let head = words(&[5, 1, 0x7f00_0003, 0, moment.step, moment.uptime(), 1, 1, sample.len() as u32]);
    [head, sample].concat()
}
