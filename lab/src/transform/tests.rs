//! Transformed packets are still packets, and the changes can be undone or seen through.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use wire::packet::{LinkType, decode};

use super::address::Mapping;
use super::ipv6;
use crate::random::Random;
use crate::trace::Trace;
use crate::traffic::packet::{end, fragment, icmp, ip, protocol, tcp, udp};
use crate::traffic::{hosts, ordinary, service};

fn sample() -> Trace {
    let mut trace = Trace::default();
    let mut random = Random::new(3);
    let (client, server) = (IpAddr::from([198, 51, 100, 7]), IpAddr::from([192, 0, 2, 10]));
    let ends = ordinary::ends(&mut random, client, server, 443);
    ordinary::tcp_session(&mut trace, &mut random, 1_000_000_000, ends, &ordinary::Session::PAGE);
    ordinary::ping(&mut trace, (2_000_000_000, 5_000), client, server, 1);
    let question = service::dns_question(&mut random);
    let answer = service::dns_answer(&mut random, 3_600);
    let dns = (end(client, 40_000), end(server, 53));
    ordinary::fragmented_answer(&mut trace, &mut random, (3_000_000_000, 1_000), dns, (&question, &answer));
    let inner = udp(end(server, 53), end(client, 9), b"nobody asked");
    trace.add(4_000_000_000, &icmp(client, server, (3, 3), [0; 4], &inner));
    trace
}

#[test]
fn mapping_is_a_bijection_that_keeps_kinds_and_neighbours() {
    let mapping = Mapping::new(77);
    let mut images = BTreeSet::new();
    let mut networks: BTreeMap<u32, u32> = BTreeMap::new();
    for high in [0x0a00_0000u32, 0xac10_0000, 0xc0a8_0000, 0x0808_0000, 0xe000_0000, 0xe3d5_0000, 0xc000_0000]
    {
        for low in 0..2048u32 {
            let old = Ipv4Addr::from_bits(high | low);
            let IpAddr::V4(new) = mapping.of(IpAddr::V4(old)) else { panic!("family") };
            assert!(images.insert(new), "{old} meets another at {new}");
            assert_eq!(old.is_private(), new.is_private(), "{old} {new}");
            assert_eq!(old.is_multicast(), new.is_multicast(), "{old} {new}");
            let block = |address: Ipv4Addr| address.octets().first().filter(|first| **first >= 224).copied();
            assert_eq!(block(old), block(new), "a block that nobody uses is none that somebody uses");
            let network = networks.entry(old.to_bits() >> 8).or_insert(new.to_bits() >> 8);
            assert_eq!(*network, new.to_bits() >> 8, "neighbours stay neighbours");
        }
    }
    assert_eq!(networks.values().collect::<BTreeSet<_>>().len(), networks.len());
    for fixed in ["127.0.0.1", "255.255.255.255", "169.254.1.1", "0.0.0.0", "fe80::1", "ff02::1", "::1"] {
        let fixed: IpAddr = fixed.parse().unwrap();
        assert_eq!(mapping.of(fixed), fixed);
    }
    assert_ne!(mapping.of("8.8.8.8".parse().unwrap()), Mapping::new(78).of("8.8.8.8".parse().unwrap()));
}

#[test]
fn readdressed_packets_differ_in_addresses_only() {
    let (old, mapping) = (sample(), Mapping::new(5));
    let new = mapping.apply(&old);
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(new.iter()) {
        let before = decode(LinkType::RAW, old.bytes).unwrap().outer;
        let after = decode(LinkType::RAW, new.bytes).unwrap().outer;
        assert_eq!(after.source.to_ip(), mapping.of(before.source.to_ip()));
        assert_eq!(after.destination.to_ip(), mapping.of(before.destination.to_ip()));
        assert_eq!(
            (before.protocol, before.source_port, before.destination_port, before.tcp_flags, before.fragment),
            (after.protocol, after.source_port, after.destination_port, after.tcp_flags, after.fragment)
        );
    }
}

#[test]
fn translated_packets_say_the_same_in_ipv6() {
    let old = sample();
    let new = ipv6::apply(&old);
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(new.iter()) {
        let before = decode(LinkType::RAW, old.bytes).unwrap().outer;
        let after = decode(LinkType::RAW, new.bytes).unwrap().outer;
        assert_eq!(new.bytes[0] >> 4, 6);
        assert_eq!(after.source.to_ip(), ipv6::address(before.source.to_ip()));
        assert_eq!(after.destination.to_ip(), ipv6::address(before.destination.to_ip()));
        assert_eq!(
            (before.source_port, before.destination_port, before.tcp_flags, before.fragment),
            (after.source_port, after.destination_port, after.tcp_flags, after.fragment)
        );
        let types = [(8, 128), (0, 129), (3, 1)];
        if before.protocol == protocol::ICMP {
            assert_eq!(after.protocol, protocol::ICMPV6);
            assert!(types.contains(&(before.icmp_type, after.icmp_type)));
        }
        assert_eq!(before.payload_kind, after.payload_kind);
    }
    let error = new.iter().last().unwrap();
    let inner = decode(LinkType::RAW, &error.bytes[48..]).unwrap().outer;
    assert_eq!(inner.destination_port, 9, "the packet inside an error is translated too");
    assert_eq!(new.iter().map(|seen| seen.bytes.to_vec()).collect::<Vec<_>>(), {
        let again = ipv6::apply(&new);
        again.iter().map(|seen| seen.bytes.to_vec()).collect::<Vec<_>>()
    });
}

/// An independent reader agrees that checksums, lengths and headers are right. Skipped where it is not
/// installed, and it says so.
#[test]
fn tshark_finds_no_fault_in_what_is_made() {
    let mut trace = sample();
    let v6 = |host| hosts::own(true, host);
    trace.add(5_000_000_000, &udp(end(v6(1), 123), end(v6(2), 123), &[0x23; 48]));
    trace.add(5_000_000_001, &tcp(end(v6(1), 50_000), end(v6(2), 443), 2, (1, 0), &[]));
    trace.add(5_000_000_002, &icmp(v6(1), v6(2), (128, 0), [0; 4], b"abcd"));
    trace.add(5_000_000_003, &fragment((v6(1), v6(2)), protocol::UDP, (181, false, 7), b"the end"));
    trace.add(5_000_000_004, &ip(hosts::own(false, 1), hosts::own(false, 2), protocol::ESP, &[1; 40]));
    let path = std::env::temp_dir().join(format!("lab-made-{}.pcap", std::process::id()));
    std::fs::write(&path, trace.to_pcap()).unwrap();
    let checks = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"];
    let mut command = std::process::Command::new("tshark");
    command.arg("-r").arg(&path);
    for check in checks {
        command.args(["-o", &format!("{check}:TRUE")]);
    }
    let bad = "(_ws.malformed && !tls) || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 \
        || icmp.checksum.status == 0 || icmpv6.checksum.status == 0";
    let output = command.args(["-Y", bad]).output();
    let _ = std::fs::remove_file(&path);
    let Ok(output) = output else {
        println!("skipped: tshark is not installed");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
}
