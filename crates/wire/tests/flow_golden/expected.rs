//! The expected decodings of other programs: telegraf's, NetGauze's, pmacct's.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;
use wire::flow::{FlowDecoder, FlowSink, InterfaceCounters, Limits};
use wire::{FlowRecord, packet::TcpFlags};

use crate::text::{self, number};
use crate::{KEY, files};

#[derive(Default)]
struct Everything {
    records: Vec<FlowRecord>,
    interfaces: Vec<InterfaceCounters>,
}

impl FlowSink for Everything {
    fn flow(&mut self, record: &FlowRecord) {
        self.records.push(*record);
    }

    fn interface(&mut self, counters: &InterfaceCounters) {
        self.interfaces.push(*counters);
    }
}

fn decode(paths: &[PathBuf]) -> Everything {
    let mut decoder = FlowDecoder::new(Limits::default(), KEY);
    let mut out = Everything::default();
    for datagram in paths.iter().flat_map(|path| files::datagrams(path)) {
        decoder.decode(datagram.exporter, datagram.arrival, &datagram.bytes, &mut out);
    }
    out
}

/// Source, destination, protocol, ports, flags, packets, bytes, first and last in milliseconds.
type Row = (String, String, u8, (u64, u64), u8, u64, u64, u64, u64);

fn row(record: &FlowRecord, with_times: bool) -> Row {
    let time = |time: Option<wire::Time>| {
        time.filter(|_| with_times).map_or(0, |time| (time.nanoseconds() / 1_000_000) as u64)
    };
    (
        record.source.to_string(),
        record.destination.to_string(),
        record.protocol,
        (record.source_port.into(), record.destination_port.into()),
        record.tcp_flags.0,
        record.packets,
        record.bytes,
        time(record.first),
        time(record.last),
    )
}

fn telegraf_row(fields: &text::Fields) -> Row {
    (
        fields["src"].clone(),
        fields["dst"].clone(),
        text::protocol(&fields["protocol"]),
        (number(fields, &["src_port"]), number(fields, &["dst_port"])),
        fields.get("tcp_flags").map_or(0, |flags| text::flags(flags)),
        number(fields, &["in_packets", "in_total_packets"]),
        number(fields, &["in_bytes", "in_total_bytes"]),
        number(fields, &["flow_start_ms"]),
        number(fields, &["flow_end_ms"]),
    )
}

/// The reverse direction, in elements that telegraf does not name (RFC 5103).
fn telegraf_reverse(fields: &text::Fields, forward: &Row) -> Option<Row> {
    let packets = number(fields, &["type_29305_86", "type_29305_2"]);
    let bytes = number(fields, &["type_29305_85", "type_29305_1"]);
    let (source, destination, protocol, (from, to), _, _, _, first, last) = forward.clone();
    (packets > 0 || bytes > 0).then_some((
        destination,
        source,
        protocol,
        (to, from),
        0,
        packets,
        bytes,
        first,
        last,
    ))
}

fn telegraf_rows(expected: &Path) -> Vec<Row> {
    let lines = text::telegraf(&fs::read_to_string(expected).unwrap());
    let mut rows = Vec::new();
    for fields in lines.iter().filter(|fields| fields.contains_key("src")) {
        let forward = telegraf_row(fields);
        rows.extend(telegraf_reverse(fields, &forward));
        rows.push(forward);
    }
    rows.sort();
    rows
}

#[test]
fn netflow_and_ipfix_equal_telegraf() {
    let folder = files::repository();
    let ipfix: Vec<PathBuf> =
        (0..7).map(|index| folder.join(format!("ipfix/telegraf_example_{index}.bin"))).collect();
    let cases = [
        // Telegraf leaves v5's times as uptimes.
        (vec![folder.join("netflow5/telegraf_netflow_v5.bin")], "netflow5/telegraf_netflow_v5", false),
        (vec![folder.join("netflow9/telegraf_netflow_v9.bin")], "netflow9/telegraf_netflow_v9", true),
        (ipfix, "ipfix/telegraf_example", true),
    ];
    for (inputs, name, with_times) in cases {
        let expected = telegraf_rows(&folder.join(format!("{name}.expected.out")));
        let mut ours: Vec<Row> =
            decode(&inputs).records.iter().map(|record| row(record, with_times)).collect();
        ours.sort();
        // Telegraf's file holds the lines of its test in which records of the same time and tags fall together,
        // so every one of its rows must be ours, and ours must not be fewer.
        let mut rest = ours.clone();
        for wanted in &expected {
            let found = rest.iter().position(|row| row == wanted);
            let Some(found) = found else { panic!("{name}: {wanted:?} is not among {rest:#?}") };
            rest.remove(found);
        }
        println!("{name}: {} of our {} records are in telegraf's output", expected.len(), ours.len());
        assert!(!expected.is_empty());
    }
}

#[test]
fn sflow_equals_telegraf() {
    let folder = files::repository().join("sflow5");
    for name in ["telegraf_sflow_v5_example", "telegraf_sflow_issue_15918"] {
        let ours = decode(&[folder.join(format!("{name}.bin"))]);
        let lines = text::telegraf(&fs::read_to_string(folder.join(format!("{name}.expected.out"))).unwrap());
        let (samples, counters): (Vec<_>, Vec<_>) =
            lines.iter().partition(|fields| fields.contains_key("src"));
        assert_eq!((ours.records.len(), ours.interfaces.len()), (samples.len(), counters.len()), "{name}");
        for (record, fields) in ours.records.iter().zip(samples) {
            assert_eq!(record.source.to_string(), fields["src"]);
            assert_eq!(record.destination.to_string(), fields["dst"]);
            // Telegraf names the first header, we the protocol after extension headers.
            if fields["protocol"] != "hopopt" {
                assert_eq!(record.protocol, text::protocol(&fields["protocol"]));
            }
            assert_eq!(u64::from(record.source_port), number(fields, &["src_port"]));
            assert_eq!(u64::from(record.destination_port), number(fields, &["dst_port"]));
            assert_eq!(u64::from(record.sampling), number(fields, &["sampling_interval"]));
            // Telegraf shows the sampling interface as `in_snmp`, also for samples that it calls egress, and
            // leaves `out_snmp` out where several interfaces are meant.
            if fields["direction"] == "ingress" {
                assert_eq!(u64::from(record.input_interface), number(fields, &["in_snmp"]));
            }
            assert_eq!(u64::from(record.output_interface), number(fields, &["out_snmp"]));
            // Telegraf leaves the length of IPv6 packets out.
            if record.source.is_ipv4() {
                assert_eq!(record.bytes, number(fields, &["ipv4_total_len"]));
            }
            assert_eq!(u64::from(record.vlan), number(fields, &["vlan_src"]));
        }
        for (ours, fields) in ours.interfaces.iter().zip(counters) {
            assert_eq!(u64::from(ours.index), number(fields, &["interface"]));
            assert_eq!(ours.speed_bits_per_second, number(fields, &["speed"]));
            assert_eq!(ours.up, fields["status"] == "up");
            assert_eq!(
                (ours.input_bytes, ours.output_bytes),
                (number(fields, &["in_bytes"]), number(fields, &["out_bytes"]))
            );
            assert_eq!(u64::from(ours.input_packets), number(fields, &["in_unicast_packets_total"]));
            assert_eq!(u64::from(ours.output_packets), number(fields, &["out_unicast_packets_total"]));
            assert_eq!(u64::from(ours.input_multicast_packets), number(fields, &["in_mcast_packets_total"]));
            assert_eq!(
                u64::from(ours.output_broadcast_packets),
                number(fields, &["out_broadcast_packets_total"])
            );
            assert_eq!(u64::from(ours.input_discards), number(fields, &["in_dropped_packets"]));
            assert_eq!(u64::from(ours.output_errors), number(fields, &["out_errors"]));
        }
    }
}

/// The first field of that name in a record of NetGauze's JSON.
fn netgauze<'a>(record: &'a Value, names: &[&str]) -> Option<(usize, &'a Value)> {
    let fields = record["fields"].as_array().unwrap();
    fields
        .iter()
        .enumerate()
        .find_map(|(index, field)| names.iter().find_map(|name| field.get(name)).map(|value| (index, value)))
}

#[test]
fn srv6_equals_netgauze() {
    let folder = files::repository().join("ipfix");
    let text = fs::read_to_string(folder.join("netgauze_srv6.expected.json")).unwrap();
    let mut expected = Vec::new();
    for message in text::json_lines(&text) {
        for set in message["IPFIX"]["sets"].as_array().unwrap() {
            let Some(records) = set["Data"]["records"].as_array() else { continue };
            // Options records have scope fields.
            expected.extend(
                records.iter().filter(|record| record["scope_fields"] == Value::Array(vec![])).cloned(),
            );
        }
    }
    let ours = decode(&[folder.join("netgauze_srv6.pcap")]).records;
    assert_eq!(ours.len(), expected.len());
    assert!(ours.len() > 80);
    for (record, wanted) in ours.iter().zip(&expected) {
        let number = |name: &str| netgauze(wanted, &[name]).map_or(0, |(_, value)| value.as_u64().unwrap());
        let address = |names: &[&str]| {
            let (_, value) = netgauze(wanted, names).unwrap();
            value.as_str().unwrap().parse::<IpAddr>().unwrap()
        };
        assert_eq!(record.source.to_ip(), address(&["sourceIPv6Address", "sourceIPv4Address"]));
        assert_eq!(
            record.destination.to_ip(),
            address(&["destinationIPv6Address", "destinationIPv4Address"])
        );
        assert_eq!(record.packets, number("packetDeltaCount"));
        assert_eq!(record.bytes, number("octetDeltaCount"));
        assert_eq!(u64::from(record.input_interface), number("ingressInterface"));
        assert_eq!(u64::from(record.output_interface), number("egressInterface"));
        let (_, name) = netgauze(wanted, &["protocolIdentifier"]).unwrap();
        assert_eq!(record.protocol, text::protocol(name.as_str().unwrap()));
        let (_, flags) = netgauze(wanted, &["tcpControlBits"]).unwrap();
        assert_eq!(record.tcp_flags.has(TcpFlags::SYN), flags["SYN"].as_bool().unwrap());
        assert_eq!(record.tcp_flags.has(TcpFlags::ACK), flags["ACK"].as_bool().unwrap());
        let (_, direction) = netgauze(wanted, &["flowDirection"]).unwrap();
        assert_eq!(record.egress, Some(direction.as_str() == Some("egress")));
    }
}

/// What pmacct aggregates by in these tests, with packets and bytes summed.
type Aggregates = BTreeMap<(String, String, u8, u64, u64, u64, u64), (u64, u64)>;

/// Sums of a file of pmacct's: an object for each aggregate.
fn pmacct(path: &Path) -> Aggregates {
    let mut out = Aggregates::new();
    for value in text::json_lines(&fs::read_to_string(path).unwrap()) {
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        let number = |name: &str| value[name].as_u64().unwrap();
        // Of a packet in a tunnel pmacct shows the inner one and names the outer one apart; we give the outer.
        let tunnel = value["tunnel_ip_src"].as_str().is_some_and(|source| !source.is_empty());
        let prefix = if tunnel { "tunnel_ip" } else { "ip" };
        let part = |name: &str| text(&format!("{prefix}_{name}"));
        let protocol = text::protocol(&part("proto"));
        // ICMP has no ports with us; pmacct shows what the exporter wrote.
        let ports = if tunnel || matches!(protocol, 1 | 58) {
            (0, 0)
        } else {
            (number("port_src"), number("port_dst"))
        };
        let interfaces = (number("iface_in"), number("iface_out"));
        let key = (part("src"), part("dst"), protocol, ports.0, ports.1, interfaces.0, interfaces.1);
        let sum = out.entry(key).or_default();
        *sum = (sum.0 + number("packets"), sum.1 + number("bytes"));
    }
    out
}

#[test]
fn real_routers_equal_pmacct() {
    let Some(folder) = files::full_set() else { return };
    let cases: [(&[&str], &str); 6] = [
        (&["ipfix/pmacct_100-IPFIXv10-CISCO_traffic-00.pcap"], "ipfix/pmacct_100-IPFIXv10-CISCO"),
        // Renormalised by pmacct with the rate of the sampler that the records name.
        (
            &["ipfix/pmacct_104-IPFIXv10-IPv6-CISCO-sampling_option_traffic-00.pcap"],
            "ipfix/pmacct_104-IPFIXv10-IPv6-CISCO-sampling_option",
        ),
        (
            &[
                "ipfix/pmacct_111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources_traffic-00.pcap",
                "netflow9/pmacct_111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources_traffic-01.pcap",
            ],
            "ipfix/pmacct_111-IPFIXv10-NFv9-IPv6-IPv4-mix_sources",
        ),
        (
            &["ipfix/pmacct_500-IPFIXv10-BGP-CISCO-SRv6_traffic-00.pcap"],
            "ipfix/pmacct_500-IPFIXv10-BGP-CISCO-SRv6",
        ),
        (
            &["netflow9/pmacct_101-NFv9-CISCO-cust_primitives_traffic-00.pcap"],
            "netflow9/pmacct_101-NFv9-CISCO-cust_primitives",
        ),
        (
            &["netflow9/pmacct_102-NFv9-CISCO-f2rd-pretag-sampling-reload_traffic-00.pcap"],
            "netflow9/pmacct_102-NFv9-CISCO-f2rd-pretag-sampling-reload",
        ),
    ];
    for (inputs, name) in cases {
        let inputs: Vec<PathBuf> =
            inputs.iter().map(|input| folder.join(input)).filter(|path| path.exists()).collect();
        let mut ours = Aggregates::new();
        for record in decode(&inputs).records {
            let key = (
                record.source.to_string(),
                record.destination.to_string(),
                record.protocol,
                record.source_port.into(),
                record.destination_port.into(),
                record.input_interface.into(),
                record.output_interface.into(),
            );
            let sum = ours.entry(key).or_default();
            let rate = u64::from(record.sampling.max(1));
            *sum = (sum.0 + record.packets * rate, sum.1 + record.bytes * rate);
        }
        let theirs = pmacct(&folder.join(format!("{name}_expected.json")));
        println!("{name}: {} aggregates", theirs.len());
        assert_eq!(ours, theirs, "{name}");
    }
}
