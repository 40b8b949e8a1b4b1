//! The same packets as a router would export them: IPFIX flow records, or sFlow samples.
//!
//! Written from RFC 7011 and the sFlow version 5 document, apart from the product's decoder. The result is a
//! capture of the export datagrams.

use std::collections::BTreeMap;
use std::net::IpAddr;

use wire::packet::{LinkType, decode};
use wire::{Address, Fragment};

use super::packet::{end, udp};
use crate::random::Random;
use crate::trace::Trace;

/// Records in one datagram.
const RECORDS: usize = 20;
/// Header bytes of a sample.
const HEADER_BYTES: usize = 128;

const IPV4_FIELDS: [(u16, u16); 11] =
    [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (32, 2), (2, 8), (1, 8), (152, 8), (153, 8)];
const IPV6_FIELDS: [(u16, u16); 11] =
    [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (6, 1), (139, 2), (2, 8), (1, 8), (152, 8), (153, 8)];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Key {
    source: Address,
    destination: Address,
    protocol: u8,
    source_port: u16,
    destination_port: u16,
}

#[derive(Clone, Copy, Debug)]
struct Flow {
    flags: u8,
    icmp: u16,
    packets: u64,
    bytes: u64,
    first: i64,
    last: i64,
}

/// IPFIX with an active timeout; a flow that is silent for a quarter of it (at most 15 s) is exported too.
pub(crate) fn ipfix(trace: &Trace, active_seconds: i64) -> Trace {
    let active = active_seconds * 1_000_000_000;
    let idle = (active / 4).min(15_000_000_000);
    let mut exporter = Exporter::default();
    let mut flows: BTreeMap<Key, Flow> = BTreeMap::new();
    let step = (active / 4).min(1_000_000_000);
    let mut next = trace.span().0 + step;
    for seen in trace.iter() {
        while seen.time >= next {
            let now = next;
            let due = |flow: &Flow| now - flow.first >= active || now - flow.last >= idle;
            let expired: Vec<_> = flows.extract_if(.., |_, flow| due(flow)).collect();
            exporter.send(now, &expired);
            next += step;
        }
        let Ok(packet) = decode(LinkType::RAW, seen.bytes).map(|decoded| decoded.outer) else { continue };
        let later = packet.fragment == Fragment::Later;
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            protocol: packet.protocol,
            source_port: if later { 0 } else { packet.source_port },
            destination_port: if later { 0 } else { packet.destination_port },
        };
        let icmp = u16::from(packet.icmp_type) << 8 | u16::from(packet.icmp_code);
        let fresh = Flow { flags: 0, icmp, packets: 0, bytes: 0, first: seen.time, last: seen.time };
        let flow = flows.entry(key).or_insert(fresh);
        flow.flags |= packet.tcp_flags.0;
        flow.packets += 1;
        flow.bytes += u64::from(packet.ip_length_bytes);
        flow.last = seen.time;
    }
    // Afterwards flows go on to fall silent one by one.
    while !flows.is_empty() {
        let now = next;
        let expired: Vec<_> = flows.extract_if(.., |_, flow| now - flow.last >= idle).collect();
        exporter.send(now, &expired);
        next += step;
    }
    exporter.trace
}

#[derive(Default)]
struct Exporter {
    trace: Trace,
    sequence: u32,
}

impl Exporter {
    /// Sends records in the order in which they ended; each datagram is a microsecond after the one before.
    fn send(&mut self, now: i64, flows: &[(Key, Flow)]) {
        let mut now = now;
        for ipv4 in [true, false] {
            let mut of_family: Vec<_> =
                flows.iter().filter(|(key, _)| key.source.is_ipv4() == ipv4).collect();
            of_family.sort_by_key(|(_, flow)| flow.last);
            for chunk in of_family.chunks(RECORDS) {
                let datagram = self.datagram(now, ipv4, chunk);
                self.trace.add(now, &export_packet(4739, &datagram));
                now += 1_000;
            }
        }
    }

    fn datagram(&mut self, now: i64, ipv4: bool, flows: &[&(Key, Flow)]) -> Vec<u8> {
        let (id, fields) = if ipv4 { (256u16, IPV4_FIELDS) } else { (257, IPV6_FIELDS) };
        let mut template = Vec::new();
        template.extend(id.to_be_bytes());
        template.extend((fields.len() as u16).to_be_bytes());
        for (field, length) in fields {
            template.extend(field.to_be_bytes());
            template.extend(length.to_be_bytes());
        }
        let mut records = Vec::new();
        flows.iter().for_each(|(key, flow)| record(&mut records, key, flow));
        let sets = [set(2, &template), set(id, &records)].concat();
        let mut datagram = vec![0, 10];
        datagram.extend(((sets.len() + 16) as u16).to_be_bytes());
        datagram.extend(((now / 1_000_000_000) as u32).to_be_bytes());
        datagram.extend(self.sequence.to_be_bytes());
        datagram.extend([0, 0, 0, 1]);
        datagram.extend(sets);
        self.sequence = self.sequence.wrapping_add(flows.len() as u32);
        datagram
    }
}

fn set(id: u16, content: &[u8]) -> Vec<u8> {
    [&id.to_be_bytes(), &((content.len() + 4) as u16).to_be_bytes()[..], content].concat()
}

fn record(records: &mut Vec<u8>, key: &Key, flow: &Flow) {
    for address in [key.source, key.destination] {
        match address.to_ip() {
            IpAddr::V4(address) => records.extend(address.octets()),
            IpAddr::V6(address) => records.extend(address.octets()),
        }
    }
    records.extend(key.source_port.to_be_bytes());
    records.extend(key.destination_port.to_be_bytes());
    records.extend([key.protocol, flow.flags]);
    records.extend(flow.icmp.to_be_bytes());
    records.extend(flow.packets.to_be_bytes());
    records.extend(flow.bytes.to_be_bytes());
    records.extend(((flow.first / 1_000_000) as u64).to_be_bytes());
    records.extend(((flow.last / 1_000_000) as u64).to_be_bytes());
}

fn export_packet(port: u16, datagram: &[u8]) -> Vec<u8> {
    let exporter = end(IpAddr::from([10, 255, 0, 1]), 50_000);
    udp(exporter, end(IpAddr::from([10, 255, 0, 2]), port), datagram)
}

/// sFlow: one packet in `rate`, at random, with its first bytes behind an Ethernet header.
pub(crate) fn sflow(trace: &Trace, random: &mut Random, rate: u32) -> Trace {
    let mut exported = Trace::default();
    let mut sequence = 0u32;
    let mut pool = 0u32;
    for seen in trace.iter() {
        pool = pool.wrapping_add(1);
        if random.below(u64::from(rate)) != 0 {
            continue;
        }
        sequence = sequence.wrapping_add(1);
        let sample = sample(seen.bytes, seen.original, (sequence, rate, pool));
        let uptime = (seen.time / 1_000_000) as u32;
        let words = [5u32, 1, 0x0aff_0001, 0, sequence, uptime, 1];
        let mut datagram: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        datagram.extend(sample);
        exported.add(seen.time, &export_packet(6343, &datagram));
    }
    exported
}

fn sample(packet: &[u8], original: u32, (sequence, rate, pool): (u32, u32, u32)) -> Vec<u8> {
    let ipv4 = packet.first().is_some_and(|first| first >> 4 == 4);
    let ether_type: [u8; 2] = if ipv4 { [8, 0] } else { [0x86, 0xdd] };
    let mut header = [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2][..], &ether_type, packet].concat();
    header.truncate(HEADER_BYTES);
    let captured = header.len() as u32;
    header.resize(header.len().next_multiple_of(4), 0);
    // The frame's length includes the check sequence of 4 bytes, which is stripped.
    let raw_words = [1u32, original + 18, 4, captured];
    let mut raw: Vec<u8> = raw_words.iter().flat_map(|word| word.to_be_bytes()).collect();
    raw.extend(header);
    let head = [sequence, 1, rate, pool, 0, 1, 2, 1, 1, raw.len() as u32];
    let mut body: Vec<u8> = head.iter().flat_map(|word| word.to_be_bytes()).collect();
    body.extend(raw);
    let mut sample: Vec<u8> = [1u32, body.len() as u32].iter().flat_map(|word| word.to_be_bytes()).collect();
    sample.extend(body);
    sample
}

/// Further names that are right for a vector where only records are seen.
pub(crate) fn names_in_records(name: &str) -> Vec<String> {
    // Records have ports and no payload: a service on a port that others use more is not told apart.
    let names: &[&str] = match name {
        "dtls_amplification" => &["udp_amplification", "udp_flood"],
        "fragment_flood" => &["udp_flood"],
        _ => &[],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traffic::flood::{Plan, send};
    use crate::traffic::hosts;
    use intake::{Inputs, OpenOptions, Visitor};
    use wire::packet::Decoded;
    use wire::{FlowRecord, Time};

    #[derive(Default)]
    struct Totals {
        packets: u64,
        records: u64,
        others: u64,
    }

    impl Visitor for Totals {
        fn packet(&mut self, _: usize, _: Time, _: &Decoded<'_>) {
            self.others += 1;
        }

        fn flow(&mut self, _: usize, _: Time, _: Address, record: &FlowRecord) {
            self.records += 1;
            self.packets += record.packets * u64::from(record.sampling.max(1));
        }
    }

    fn totals(exported: &Trace) -> Totals {
        let mut totals = Totals::default();
        let options = OpenOptions::default();
        Inputs::from_memory("x", exported.to_pcap(), &options).unwrap().run(&mut totals).unwrap();
        totals
    }

    #[test]
    fn records_add_up_to_the_packets() {
        for ipv6 in [false, true] {
            let mut trace = Trace::default();
            let plan = Plan { rate: 20_000, sources: 20, one_way: true, seconds: 3.0, ipv6 };
            let mut random = Random::new(1);
            send(
                &mut trace,
                &mut random,
                "esp_flood",
                &plan,
                (1_700_000_000_000_000_000, hosts::own(ipv6, 10)),
            );
            let flows = totals(&ipfix(&trace, 1));
            assert_eq!((flows.packets, flows.others), (60_000, 0));
            assert!(flows.records >= 40, "{}", flows.records);
            let samples = totals(&sflow(&trace, &mut random, 100));
            assert_eq!(samples.others, 0);
            assert!((54_000..66_000).contains(&samples.packets), "{}", samples.packets);
        }
    }
}
