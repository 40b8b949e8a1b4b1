//! Export datagrams whose times and sequence numbers move, as a router sends them.
//!
//! A datagram is built once and stamped whenever it is sent: time of export, uptime, first and last switched,
//! sequence numbers. Records that carry the same second for ever would be late, or ahead, for whoever looks at time.
//! NetFlow v9: 28 records of 48 bytes in 1,368; IPFIX: 24 of 56 in 1,364; sFlow: 10 samples of 128 in 1,308.

use std::net::IpAddr;

/// Export protocols.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// NetFlow v9 (RFC 3954).
    Netflow9,
    /// IPFIX (RFC 7011).
    Ipfix,
    /// sFlow version 5.
    Sflow,
}

impl Protocol {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Netflow9, Self::Ipfix, Self::Sflow];

    /// As people write it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Netflow9 => "NetFlow v9",
            Self::Ipfix => "IPFIX",
            Self::Sflow => "sFlow",
        }
    }

    /// Records of a full datagram.
    pub(crate) const fn records(self) -> usize {
        match self {
            Self::Netflow9 => 28,
            Self::Ipfix => 24,
            Self::Sflow => 10,
        }
    }

    const fn header_bytes(self) -> usize {
        match self {
            Self::Netflow9 => 20,
            Self::Ipfix => 16,
            Self::Sflow => 28,
        }
    }
}

/// One packet in this many is in a sample.
pub(crate) const SFLOW_RATE: u32 = 1_000;
/// Bytes of a frame beside its IP packet: Ethernet header and check sequence.
const FRAME_BYTES: u32 = 18;
/// Template of IPv4 records and of IPv6 records.
const TEMPLATES: [u16; 2] = [256, 257];
/// How long exporters are up already at the epoch of [`Exporter::new`], in milliseconds.
const UP_MILLISECONDS: i64 = 3_600_000;

const NETFLOW9_FIELDS: [(u16, u16); 16] = [
    (8, 4),
    (12, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
    (5, 1),
    (13, 1),
    (10, 4),
    (14, 4),
    (2, 4),
    (1, 4),
    (22, 4),
    (21, 4),
    (16, 4),
    (17, 4),
];
const IPFIX_FIELDS: [(u16, u16); 14] = [
    (8, 4),
    (12, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (6, 1),
    (5, 1),
    (13, 1),
    (10, 4),
    (14, 4),
    (2, 8),
    (1, 8),
    (152, 8),
    (153, 8),
];

/// A flow, or for sFlow a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Source address.
    pub(crate) source: IpAddr,
    /// Destination address, of the same family.
    pub(crate) destination: IpAddr,
    /// Source and destination port.
    pub(crate) ports: (u16, u16),
    /// IP protocol number.
    pub(crate) protocol: u8,
    /// TCP flags.
    pub(crate) flags: u8,
    /// Packets; a sample is one.
    pub(crate) packets: u32,
    /// Bytes of each packet at the IP layer.
    pub(crate) packet_bytes: u32,
    /// How long before the export the first and the last packet were seen, in milliseconds.
    pub(crate) ages: (u32, u32),
}

/// A datagram without its stamps.
#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    /// The bytes, to be sent after [`Exporter::stamp`].
    pub(crate) bytes: Vec<u8>,
    ages: Vec<(u32, u32)>,
    record_bytes: usize,
}

/// The state of one exporter and observation domain.
#[derive(Clone, Debug)]
pub(crate) struct Exporter {
    protocol: Protocol,
    domain: u32,
    epoch: i64,
    sequence: u32,
    samples: u32,
}

impl Exporter {
    /// An exporter that has been up for an hour at `epoch` (nanoseconds since 1970).
    pub(crate) const fn new(protocol: Protocol, domain: u32, epoch: i64) -> Self {
        Self { protocol, domain, epoch, sequence: 0, samples: 0 }
    }

    /// The templates; sFlow has none.
    pub(crate) fn templates(&mut self, now: i64) -> Option<Vec<u8>> {
        let fields: &[(u16, u16)] = match self.protocol {
            Protocol::Netflow9 => &NETFLOW9_FIELDS,
            Protocol::Ipfix => &IPFIX_FIELDS,
            Protocol::Sflow => return None,
        };
        let mut body = Vec::new();
        for (id, ipv6) in TEMPLATES.into_iter().zip([false, true]) {
            short(&mut body, id);
            short(&mut body, fields.len() as u16);
            for &(element, length) in fields {
                let (element, length) = match (ipv6, element) {
                    (true, 8) => (27, 16),
                    (true, 12) => (28, 16),
                    _ => (element, length),
                };
                short(&mut body, element);
                short(&mut body, length);
            }
        }
        let set = if self.protocol == Protocol::Netflow9 { 0 } else { 2 };
        let mut datagram = self.framed(set, TEMPLATES.len(), &body);
        self.head(now, &mut datagram);
        // NetFlow v9 counts datagrams, IPFIX data records only.
        self.sequence = self.sequence.wrapping_add(u32::from(self.protocol == Protocol::Netflow9));
        Some(datagram)
    }

    /// A datagram of records that are all of one family.
    pub(crate) fn datagram(&self, records: &[Record]) -> Datagram {
        let ages = records.iter().map(|record| record.ages).collect();
        let ipv6 = records.first().is_some_and(|record| record.destination.is_ipv6());
        let mut body = Vec::new();
        if self.protocol == Protocol::Sflow {
            records.iter().for_each(|record| sample(&mut body, record));
            let mut bytes = Vec::new();
            words(&mut bytes, &[5, 1, 0x7f00_0001, self.domain, 0, 0, records.len() as u32]);
            bytes.extend(&body);
            return Datagram { bytes, ages, record_bytes: body.len() / records.len().max(1) };
        }
        records.iter().for_each(|record| self.flow(&mut body, record));
        let record_bytes = body.len() / records.len().max(1);
        let bytes = self.framed(TEMPLATES[usize::from(ipv6)], records.len(), &body);
        Datagram { bytes, ages, record_bytes }
    }

    /// Sets times to those of `now` (nanoseconds since 1970) and sequence numbers to the next ones.
    pub(crate) fn stamp(&mut self, now: i64, datagram: &mut Datagram) {
        self.head(now, &mut datagram.bytes);
        let records = datagram.ages.len() as u32;
        let first = self.protocol.header_bytes();
        match self.protocol {
            Protocol::Netflow9 => {
                self.sequence = self.sequence.wrapping_add(1);
                let uptime = self.uptime(now);
                // The last two times stand before two words of autonomous systems.
                for (place, (begin, end)) in datagram.ages.iter().enumerate() {
                    let at = first + 4 + (place + 1) * datagram.record_bytes - 16;
                    put(&mut datagram.bytes, at, &uptime.wrapping_sub(*begin).to_be_bytes());
                    put(&mut datagram.bytes, at + 4, &uptime.wrapping_sub(*end).to_be_bytes());
                }
            }
            Protocol::Ipfix => {
                self.sequence = self.sequence.wrapping_add(records);
                let milliseconds = now / 1_000_000;
                for (place, (begin, end)) in datagram.ages.iter().enumerate() {
                    let at = first + 4 + (place + 1) * datagram.record_bytes - 16;
                    put(&mut datagram.bytes, at, &(milliseconds - i64::from(*begin)).to_be_bytes());
                    put(&mut datagram.bytes, at + 8, &(milliseconds - i64::from(*end)).to_be_bytes());
                }
            }
            Protocol::Sflow => {
                self.sequence = self.sequence.wrapping_add(1);
                for place in 0..records {
                    self.samples = self.samples.wrapping_add(1);
                    let at = first + place as usize * datagram.record_bytes;
                    put(&mut datagram.bytes, at + 8, &self.samples.to_be_bytes());
                    let pool = self.samples.wrapping_mul(SFLOW_RATE);
                    put(&mut datagram.bytes, at + 20, &pool.to_be_bytes());
                }
            }
        }
    }

    /// Puts this exporter's domain into a datagram that another one built.
    pub(crate) fn name(&self, datagram: &mut Datagram) {
        let at = if self.protocol == Protocol::Netflow9 { 16 } else { 12 };
        put(&mut datagram.bytes, at, &self.domain.to_be_bytes());
    }

    /// The last so many stamped datagrams, all of them full, were not sent after all.
    pub(crate) fn take_back(&mut self, datagrams: u32) {
        let each = if self.protocol == Protocol::Ipfix { self.protocol.records() as u32 } else { 1 };
        self.sequence = self.sequence.wrapping_sub(datagrams * each);
    }

    fn uptime(&self, now: i64) -> u32 {
        ((now - self.epoch) / 1_000_000 + UP_MILLISECONDS) as u32
    }

    /// Header and one set around its content.
    fn framed(&self, set: u16, records: usize, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.protocol == Protocol::Netflow9 {
            short(&mut bytes, 9);
            short(&mut bytes, records as u16);
            words(&mut bytes, &[0, 0, 0, self.domain]);
        } else {
            short(&mut bytes, 10);
            short(&mut bytes, (16 + 4 + body.len()) as u16);
            words(&mut bytes, &[0, 0, self.domain]);
        }
        short(&mut bytes, set);
        short(&mut bytes, (4 + body.len()) as u16);
        bytes.extend(body);
        bytes
    }

    /// Time and sequence number of the header.
    fn head(&self, now: i64, bytes: &mut [u8]) {
        let (uptime, seconds) = (self.uptime(now), (now / 1_000_000_000) as u32);
        match self.protocol {
            Protocol::Netflow9 => {
                put(bytes, 4, &uptime.to_be_bytes());
                // The time of the header is the time of the uptime, which has milliseconds: whoever adds them up gets
                // the time of each flow right to the second, as with a real router.
                put(bytes, 8, &seconds.to_be_bytes());
                put(bytes, 12, &self.sequence.to_be_bytes());
            }
            Protocol::Ipfix => {
                put(bytes, 4, &seconds.to_be_bytes());
                put(bytes, 8, &self.sequence.to_be_bytes());
            }
            Protocol::Sflow => {
                put(bytes, 16, &self.sequence.to_be_bytes());
                put(bytes, 20, &uptime.to_be_bytes());
            }
        }
    }

    fn flow(&self, body: &mut Vec<u8>, record: &Record) {
        address(body, record.source);
        address(body, record.destination);
        short(body, record.ports.0);
        short(body, record.ports.1);
        let mask = if record.destination.is_ipv6() { 64 } else { 24 };
        body.extend([record.protocol, record.flags, 0, mask]);
        words(body, &[1, 2]);
        let bytes = u64::from(record.packets) * u64::from(record.packet_bytes);
        if self.protocol == Protocol::Netflow9 {
            words(body, &[record.packets, bytes.min(u64::from(u32::MAX)) as u32, 0, 0, 64_512, 64_513]);
        } else {
            body.extend(u64::from(record.packets).to_be_bytes());
            body.extend(bytes.to_be_bytes());
            body.extend([0; 16]);
        }
    }
}

/// A flow sample with one raw header of 64 bytes.
fn sample(body: &mut Vec<u8>, record: &Record) {
    const HEADER_BYTES: usize = 64;
    words(body, &[1, 120, 0, 1, SFLOW_RATE, 0, 0, 1, 2, 1]);
    words(body, &[1, 80, 1, record.packet_bytes + FRAME_BYTES, 4, HEADER_BYTES as u32]);
    let mut header = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    let payload = (record.packet_bytes as u16).saturating_sub(20);
    if record.destination.is_ipv4() {
        header.extend([8, 0, 0x45, 0]);
        short(&mut header, record.packet_bytes as u16);
        header.extend([0, 0, 0x40, 0, 64, record.protocol, 0, 0]);
    } else {
        header.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        short(&mut header, (record.packet_bytes as u16).saturating_sub(40));
        header.extend([record.protocol, 64]);
    }
    address(&mut header, record.source);
    address(&mut header, record.destination);
    short(&mut header, record.ports.0);
    short(&mut header, record.ports.1);
    if record.protocol == 6 {
        words(&mut header, &[1, 1]);
        header.extend([0x50, record.flags, 4, 0]);
    } else {
        short(&mut header, payload);
    }
    header.resize(HEADER_BYTES, 0);
    body.extend(header);
}

fn short(bytes: &mut Vec<u8>, value: u16) {
    bytes.extend(value.to_be_bytes());
}

fn words(bytes: &mut Vec<u8>, values: &[u32]) {
    values.iter().for_each(|value| bytes.extend(value.to_be_bytes()));
}

fn address(bytes: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => bytes.extend(address.octets()),
        IpAddr::V6(address) => bytes.extend(address.octets()),
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::flow::{FlowDecoder, FlowSink, Limits};
    use wire::{Address, FlowRecord, Time};

    #[derive(Default)]
    struct Seen(Vec<FlowRecord>);

    impl FlowSink for Seen {
        fn flow(&mut self, record: &FlowRecord) {
            self.0.push(*record);
        }
    }

    fn record(ipv6: bool) -> Record {
        let ip = |text: &str| text.parse().unwrap();
        let (source, destination) = if ipv6 {
            (ip("2001:db8:9::1"), ip("2001:db8::10"))
        } else {
            (ip("198.51.100.1"), ip("10.20.0.1"))
        };
        Record {
            source,
            destination,
            ports: (5_000, 443),
            protocol: 17,
            flags: 0,
            packets: 10,
            packet_bytes: 500,
            ages: (900, 100),
        }
    }

    /// Datagrams have the sizes of the comparison, and the decoder of the product reads what was meant.
    #[test]
    fn datagrams_are_read_as_they_were_meant() {
        let epoch = 1_780_000_000_000_000_000;
        let now = epoch + 86_400_000_000_000;
        for protocol in Protocol::ALL {
            for ipv6 in [false, true] {
                let mut exporter = Exporter::new(protocol, 7, epoch);
                let mut decoder = FlowDecoder::new(Limits::default(), [1; 16]);
                let mut seen = Seen::default();
                let from = Address::from_ipv4([127, 0, 0, 1]);
                if let Some(templates) = exporter.templates(now) {
                    decoder.decode(from, Time::default(), &templates, &mut seen);
                }
                for _ in 0..3 {
                    let mut datagram = exporter.datagram(&vec![record(ipv6); protocol.records()]);
                    exporter.stamp(now, &mut datagram);
                    let length = datagram.bytes.len();
                    assert!(ipv6 || length == [1_368, 1_364, 1_308][protocol as usize], "{length}");
                    let outcome = decoder.decode(from, Time::default(), &datagram.bytes, &mut seen);
                    assert_eq!((outcome.lost, outcome.skipped), (0, 0), "{protocol:?}");
                }
                assert_eq!(seen.0.len(), 3 * protocol.records());
                let found = seen.0.last().unwrap();
                assert_eq!(found.destination.to_ip(), record(ipv6).destination);
                assert_eq!((found.source_port, found.destination_port, found.protocol), (5_000, 443, 17));
                if protocol == Protocol::Sflow {
                    assert_eq!((found.packets, found.bytes, found.sampling), (1, 500, 1_000));
                } else {
                    assert_eq!((found.packets, found.bytes), (10, 5_000));
                    let age = |time: Option<Time>| (now - time.unwrap().nanoseconds()) / 1_000_000;
                    assert_eq!((age(found.first), age(found.last)), (900, 100));
                }
            }
        }
    }
}
