//! The oracles: netflow_parser for NetFlow and IPFIX, sflow-parser with etherparse for sFlow.
//!
//! They give fields; which field of ours each fills is written here a second time, as plainly as possible, so
//! that the decoder's compiled templates are compared with a search by element number.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
use netflow_parser::variable_versions::{
    field_value::FieldValue,
    ipfix::{self, lookup::IPFixField},
    v9::{self, lookup::V9Field},
};
use netflow_parser::{NetflowPacket, NetflowParser};
use sflow_parser::models::core::{FlowData, FlowRecord, SampleData};
use sflow_parser::models::record_flows::HeaderProtocol;

use crate::seen::Seen;

const REVERSE: u32 = 29305;

/// What an oracle made of one datagram.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) records: Vec<Seen>,
    /// Why the oracle stopped before the end, if it did.
    pub(crate) error: Option<String>,
}

/// Oracles with their templates, one parser for each source.
#[derive(Default)]
pub(crate) struct Oracle {
    parsers: BTreeMap<(IpAddr, u8, Vec<u8>), Source>,
}

#[derive(Default)]
struct Source {
    parser: NetflowParser,
    /// Element 160 of options records.
    started: Option<u64>,
}

impl Oracle {
    pub(crate) fn decode(&mut self, exporter: IpAddr, datagram: &[u8]) -> Verdict {
        match datagram {
            [0, 0, 0, 5, ..] => sflow(datagram),
            [0, version @ (5 | 9 | 10), ..] => {
                let domain = match version {
                    9 => datagram.get(16..20),
                    10 => datagram.get(12..16),
                    _ => None,
                };
                let key = (exporter, *version, domain.unwrap_or_default().to_vec());
                netflow(self.parsers.entry(key).or_default(), datagram)
            }
            _ => Verdict { error: Some("unknown version".into()), ..Verdict::default() },
        }
    }
}

fn netflow(source: &mut Source, datagram: &[u8]) -> Verdict {
    let result = source.parser.parse_bytes(datagram);
    let mut verdict = Verdict { error: result.error.map(|error| error.to_string()), ..Verdict::default() };
    for packet in result.packets {
        match packet {
            NetflowPacket::V5(packet) => {
                let exported =
                    i64::from(packet.header.unix_secs) * 1_000_000_000 + i64::from(packet.header.unix_nsecs);
                let clock = Clock { exported, uptime: Some(packet.header.sys_up_time), started: None };
                for set in packet.flowsets {
                    verdict.records.push(with_icmp(Seen {
                        source: set.src_addr.to_string(),
                        destination: set.dst_addr.to_string(),
                        protocol: set.protocol_number,
                        ports: (set.src_port, set.dst_port),
                        flags: set.tcp_flags,
                        packets: set.d_pkts.into(),
                        bytes: set.d_octets.into(),
                        interfaces: (set.input.into(), set.output.into()),
                        first: clock.uptime(Some(set.first.into())),
                        last: clock.uptime(Some(set.last.into())),
                        ..Seen::default()
                    }));
                }
            }
            NetflowPacket::V9(packet) => {
                let exported = i64::from(packet.header.unix_secs) * 1_000_000_000;
                let clock = Clock { exported, uptime: Some(packet.header.sys_up_time), started: None };
                for set in packet.flowsets {
                    if let v9::FlowSetBody::Data(data) = set.body {
                        for record in data.fields {
                            Fields::v9(&record).reduce(&clock, &mut verdict.records);
                        }
                    }
                }
            }
            NetflowPacket::IPFix(packet) => {
                let exported = i64::from(packet.header.export_time) * 1_000_000_000;
                for set in packet.flowsets {
                    let clock = Clock { exported, uptime: None, started: source.started };
                    match set.body {
                        ipfix::FlowSetBody::Data(data) => {
                            for record in data.fields {
                                Fields::ipfix(&record).reduce(&clock, &mut verdict.records);
                            }
                        }
                        ipfix::FlowSetBody::OptionsData(data) => {
                            for record in data.fields {
                                source.started = Fields::ipfix(&record).number(160).or(source.started);
                            }
                        }
                        _ => {}
                    }
                }
            }
            other => verdict.error = Some(format!("{other:?}")),
        }
    }
    verdict
}

struct Clock {
    exported: i64,
    uptime: Option<u32>,
    started: Option<u64>,
}

impl Clock {
    fn uptime(&self, value: Option<u64>) -> Option<i64> {
        let value = value.filter(|&value| value != 0)? as u32;
        let now = match (self.uptime, self.started) {
            (Some(now), _) => now,
            (None, Some(started)) => {
                // No fixture ran for longer than 49 days, so no wrap is undone here.
                return Some((started as i64 + i64::from(value)) * 1_000_000);
            }
            (None, None) => return None,
        };
        let age = i64::from(now) - i64::from(value);
        // The nearest of the moments at which a 32-bit count of milliseconds had that value.
        let wrap = 1_i64 << 32;
        let age = if age >= wrap / 2 {
            age - wrap
        } else if age < -wrap / 2 {
            age + wrap
        } else {
            age
        };
        Some(self.exported - age * 1_000_000)
    }
}

/// A record's fields by enterprise and element, the first of each.
struct Fields {
    values: BTreeMap<(u32, u16), Vec<u8>>,
    /// Whether an IPv6 address comes before any IPv4 address.
    new_first: bool,
}

fn raw(value: &FieldValue) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.write_be_bytes(&mut bytes).unwrap();
    bytes
}

impl Fields {
    fn v9(record: &[(V9Field, FieldValue)]) -> Self {
        let mut fields = BTreeMap::new();
        for (field, value) in record {
            fields.entry((0, u16::from(*field))).or_insert_with(|| raw(value));
        }
        let addresses = record.iter().map(|(field, _)| u16::from(*field));
        let new_first =
            addresses.clone().find(|field| matches!(field, 8 | 12 | 27 | 28)).is_some_and(|first| first > 12);
        Self { values: fields, new_first }
    }

    fn ipfix(record: &[(IPFixField, FieldValue)]) -> Self {
        let mut fields = BTreeMap::new();
        for enterprise in [0, REVERSE] {
            for element in 0..512 {
                let wanted = IPFixField::new(element, (enterprise != 0).then_some(enterprise));
                if let Some((_, value)) = record.iter().find(|(field, _)| *field == wanted) {
                    fields.insert((enterprise, element), raw(value));
                }
            }
        }
        let position =
            |element| record.iter().position(|(field, _)| *field == IPFixField::new(element, None));
        let new_first = match (position(8).or(position(12)), position(27).or(position(28))) {
            (Some(old), Some(new)) => new < old,
            (old, _) => old.is_none(),
        };
        Self { values: fields, new_first }
    }

    fn bytes(&self, element: u16) -> Option<&[u8]> {
        self.values.get(&(0, element)).map(Vec::as_slice).filter(|bytes| !bytes.is_empty())
    }

    fn of(&self, enterprise: u32, element: u16) -> Option<u64> {
        let bytes = self.values.get(&(enterprise, element)).filter(|bytes| !bytes.is_empty())?;
        Some(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn number(&self, element: u16) -> Option<u64> {
        self.of(0, element)
    }

    fn any(&self, elements: &[u16]) -> u64 {
        elements.iter().find_map(|&element| self.number(element)).unwrap_or(0)
    }

    fn address(&self, old: u16, new: u16) -> Option<IpAddr> {
        let old = self.bytes(old).and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(Ipv4Addr::from);
        let new = self.bytes(new).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()).map(Ipv6Addr::from);
        match (old, new) {
            (Some(old), Some(new)) if old.is_unspecified() && !new.is_unspecified() => Some(new.into()),
            (Some(old), Some(new)) if self.new_first && (!new.is_unspecified() || old.is_unspecified()) => {
                Some(new.into())
            }
            (Some(old), _) => Some(old.into()),
            (None, new) => new.map(IpAddr::from),
        }
    }

    /// A record that is a sampled frame.
    fn frame(&self, clock: &Clock) -> Option<Seen> {
        let sliced = LaxSlicedPacket::from_ethernet(self.bytes(315)?).ok()?;
        let mut seen = packet(&sliced)?;
        seen.packets = self.number(2).filter(|&packets| packets > 0).unwrap_or(1);
        seen.bytes = self.number(1).filter(|&bytes| bytes > 0).unwrap_or(seen.bytes);
        seen.interfaces = (self.any(&[10]) as u32, self.any(&[14]) as u32);
        (seen.first, seen.last) = self.times(clock);
        Some(seen)
    }

    fn reduce(&self, clock: &Clock, records: &mut Vec<Seen>) {
        let (source, destination) = (self.address(8, 27), self.address(12, 28));
        let Some(family) = source.or(destination) else {
            records.extend(self.frame(clock));
            return;
        };
        let unset: IpAddr =
            if family.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let non_zero = |value: u64, other: u64| if value == 0 { other } else { value };
        let mut seen = Seen {
            source: source.unwrap_or(unset).to_string(),
            destination: destination.unwrap_or(unset).to_string(),
            protocol: self.any(&[4]) as u8,
            ports: (self.any(&[7, 180, 182]) as u16, self.any(&[11, 181, 183]) as u16),
            flags: self.any(&[6]) as u8,
            packets: non_zero(self.any(&[2, 86, 298]), self.any(&[24])),
            bytes: non_zero(self.any(&[1, 85, 231]), self.any(&[23])),
            interfaces: (self.any(&[10]) as u32, self.any(&[14]) as u32),
            ..Seen::default()
        };
        (seen.first, seen.last) = self.times(clock);
        let type_code = if seen.protocol == 1 {
            non_zero(self.any(&[32]), self.any(&[176]) << 8 | self.any(&[177]))
        } else {
            non_zero(self.any(&[139]), self.any(&[178]) << 8 | self.any(&[179]))
        };
        if matches!(seen.protocol, 1 | 58) && type_code != 0 {
            seen.icmp = ((type_code >> 8) as u8, type_code as u8);
            seen.ports = (0, 0);
        } else {
            seen = with_icmp(seen);
        }
        let mut reverse = Seen {
            source: seen.destination.clone(),
            destination: seen.source.clone(),
            ports: (seen.ports.1, seen.ports.0),
            interfaces: (seen.interfaces.1, seen.interfaces.0),
            flags: self.of(REVERSE, 6).unwrap_or(0) as u8,
            packets: self.of(REVERSE, 2).or(self.of(REVERSE, 86)).unwrap_or(self.any(&[299])),
            bytes: self.of(REVERSE, 1).or(self.of(REVERSE, 85)).unwrap_or(self.any(&[232])),
            ..seen.clone()
        };
        let milliseconds = |element| {
            self.of(REVERSE, element).filter(|&value| value != 0).map(|value| value as i64 * 1_000_000)
        };
        reverse.first = milliseconds(152).or(seen.first);
        reverse.last = milliseconds(153).or(seen.last);
        records.push(seen);
        if reverse.packets > 0 || reverse.bytes > 0 {
            records.push(reverse);
        }
    }

    /// First and last in nanoseconds, by the forms that the fixtures have.
    fn times(&self, clock: &Clock) -> (Option<i64>, Option<i64>) {
        let one = |nano, micro, milli, seconds, uptime, ago, observed: Option<u16>| {
            let set = |element| self.number(element).filter(|&value: &u64| value != 0);
            if let Some(ntp) = set(nano).or(set(micro)) {
                let fraction = ((ntp & 0xffff_ffff) as f64 * 1e9 / 4_294_967_296.0).round() as i64;
                return Some(((ntp >> 32) as i64 - 2_208_988_800) * 1_000_000_000 + fraction);
            }
            let milliseconds = || set(milli).map(|value| value as i64 * 1_000_000);
            let seconds = || set(seconds).map(|value| value as i64 * 1_000_000_000);
            milliseconds()
                .or_else(|| clock.uptime(self.number(uptime)))
                .or_else(seconds)
                .or_else(|| set(ago).map(|value| clock.exported - value as i64 * 1_000))
                .or_else(|| observed.and_then(set).map(|value| value as i64 * 1_000_000))
        };
        let first = one(156, 154, 152, 150, 22, 158, None);
        let last = one(157, 155, 153, 151, 21, 159, Some(323));
        let uptimes = (self.number(22), self.number(21));
        match (first, last, uptimes) {
            // Uptimes against an unknown start: the end is placed at the export.
            (None, None, (Some(start), Some(end))) if clock.uptime.is_none() && end != 0 => {
                let lasted = i64::from((end as u32).wrapping_sub(start as u32)) * 1_000_000;
                (Some(clock.exported - lasted), Some(clock.exported))
            }
            (first, last, _) => (first, last),
        }
    }
}

/// ICMP has no ports: type and code stand in the destination port.
fn with_icmp(mut seen: Seen) -> Seen {
    if matches!(seen.protocol, 1 | 58) {
        if seen.ports.0 == 0 {
            seen.icmp = ((seen.ports.1 >> 8) as u8, seen.ports.1 as u8);
        }
        seen.ports = (0, 0);
    }
    seen
}

fn sflow(datagram: &[u8]) -> Verdict {
    let parsed = match sflow_parser::parse_datagram(datagram) {
        Ok(parsed) => parsed,
        Err(error) => return Verdict { error: Some(format!("{error:?}")), ..Verdict::default() },
    };
    let mut verdict = Verdict::default();
    for sample in parsed.samples {
        let single = |format: u32, value: u32| {
            if format == 0 && !matches!(value, 0x3fff_ffff | u32::MAX) { value } else { 0 }
        };
        let (records, interfaces) = match sample.sample_data {
            SampleData::FlowSample(sample) => {
                let index = |interface: sflow_parser::models::core::Interface| {
                    single(interface.format().into(), interface.value())
                };
                (sample.flow_records, (index(sample.input), index(sample.output)))
            }
            SampleData::FlowSampleExpanded(sample) => {
                let index = |interface: &sflow_parser::models::core::InterfaceExpanded| {
                    single(interface.format, interface.value)
                };
                let interfaces = (index(&sample.input), index(&sample.output));
                (sample.flow_records, interfaces)
            }
            _ => continue,
        };
        let header = records.iter().find_map(sampled_header);
        if let Some(mut seen) = header.or_else(|| records.iter().find_map(sampled_ip)) {
            seen.interfaces = interfaces;
            verdict.records.push(seen);
        }
    }
    verdict
}

fn sampled_ip(record: &FlowRecord) -> Option<Seen> {
    match &record.flow_data {
        FlowData::SampledIpv4(ip) => Some(Seen {
            source: ip.src_ip.to_string(),
            destination: ip.dst_ip.to_string(),
            protocol: ip.protocol as u8,
            ports: (ip.src_port as u16, ip.dst_port as u16),
            flags: ip.tcp_flags as u8,
            packets: 1,
            bytes: ip.length.into(),
            ..Seen::default()
        }),
        FlowData::SampledIpv6(ip) => Some(Seen {
            source: ip.src_ip.to_string(),
            destination: ip.dst_ip.to_string(),
            protocol: ip.protocol as u8,
            ports: (ip.src_port as u16, ip.dst_port as u16),
            flags: ip.tcp_flags as u8,
            packets: 1,
            bytes: ip.length.into(),
            ..Seen::default()
        }),
        _ => None,
    }
}

fn sampled_header(record: &FlowRecord) -> Option<Seen> {
    let FlowData::SampledHeader(header) = &record.flow_data else { return None };
    let sliced = match header.protocol {
        HeaderProtocol::EthernetIso88023 => LaxSlicedPacket::from_ethernet(&header.header).ok()?,
        HeaderProtocol::Ipv4 | HeaderProtocol::Ipv6 => LaxSlicedPacket::from_ip(&header.header).ok()?,
        _ => return None,
    };
    packet(&sliced)
}

fn packet(sliced: &LaxSlicedPacket<'_>) -> Option<Seen> {
    let mut seen = Seen { packets: 1, ..Seen::default() };
    match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            seen.source = ip.header().source_addr().to_string();
            seen.destination = ip.header().destination_addr().to_string();
            seen.protocol = ip.payload().ip_number.0;
            seen.bytes = ip.header().total_len().into();
        }
        LaxNetSlice::Ipv6(ip) => {
            seen.source = ip.header().source_addr().to_string();
            seen.destination = ip.header().destination_addr().to_string();
            seen.protocol = ip.payload().ip_number.0;
            seen.bytes = u64::from(ip.header().payload_length()) + 40;
        }
        _ => return None,
    }
    match &sliced.transport {
        Some(TransportSlice::Tcp(tcp)) => {
            seen.ports = (tcp.source_port(), tcp.destination_port());
            let bits =
                [tcp.fin(), tcp.syn(), tcp.rst(), tcp.psh(), tcp.ack(), tcp.urg(), tcp.ece(), tcp.cwr()];
            seen.flags = bits.iter().rev().fold(0, |flags, &bit| flags << 1 | u8::from(bit));
        }
        Some(TransportSlice::Udp(udp)) => seen.ports = (udp.source_port(), udp.destination_port()),
        Some(TransportSlice::Icmpv4(icmp)) => seen.icmp = (icmp.type_u8(), icmp.code_u8()),
        Some(TransportSlice::Icmpv6(icmp)) => seen.icmp = (icmp.type_u8(), icmp.code_u8()),
        _ => {}
    }
    Some(seen)
}
