//! Every frame of data/packets against what tshark says of it (data/packets/EXPECTED.tsv), and against
//! etherparse.

#[cfg(test)]
mod golden {
    use std::{collections::BTreeMap, fs, net::IpAddr, path::PathBuf};

    use etherparse::{LaxNetSlice, LaxSlicedPacket, TransportSlice};
    use wire::{
        Address, Fragment, Packet, Time,
        capture::{self, Frame},
        packet::{self, LinkType, Tunnel},
    };

    fn folder() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../data/packets")
    }

    fn files() -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|name| name == "pcap" || name == "pcapng"))
            .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
            .collect();
        files.sort();
        assert!(files.len() >= 30, "{} files", files.len());
        files
    }

    fn frames<'a>(name: &str, bytes: &'a [u8]) -> Vec<Frame<'a>> {
        capture::frames(bytes)
            .map(|frame| frame.unwrap_or_else(|damage| panic!("{name}: {damage}")))
            .collect()
    }

    /// `1150344981.941650000` to nanoseconds.
    fn time(text: &str) -> Time {
        let (seconds, fraction) = text.split_once('.').unwrap();
        Time::from_seconds(seconds.parse().unwrap(), format!("{fraction:0<9}").parse().unwrap())
    }

    fn protocol(name: &str) -> Option<u8> {
        Some(match name {
            "icmp" => 1,
            "igmp" => 2,
            "tcp" => 6,
            "udp" => 17,
            "gre" => 47,
            "esp" => 50,
            "icmpv6" => 58,
            _ => return None,
        })
    }

    fn flags_or_type(packet: &Packet<'_>) -> u8 {
        if packet.protocol == 6 { packet.tcp_flags.0 } else { packet.icmp_type }
    }

    #[test]
    fn every_frame_is_what_tshark_says() {
        let expected = fs::read_to_string(folder().join("EXPECTED.tsv")).unwrap();
        let mut rows: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
        for line in expected.lines().skip(1) {
            let row: Vec<&str> = line.split('\t').collect();
            rows.entry(row[0]).or_default().push(row);
        }
        let (mut packets, mut ports) = (0, 0);
        for (name, bytes) in files() {
            let frames = frames(&name, &bytes);
            let rows = &rows[name.as_str()];
            assert_eq!(frames.len(), rows.len(), "{name}");
            for (frame, row) in frames.iter().zip(rows) {
                let context = format!("{name} frame {}", row[1]);
                assert_eq!(frame.time, time(row[2]), "{context}");
                assert_eq!(frame.original_length.to_string(), row[3], "{context}");
                let decoded = packet::decode(frame.link, frame.data);
                if row[4] == "-" {
                    assert!(decoded.is_err(), "{context}: {decoded:?}");
                    continue;
                }
                let decoded = decoded.unwrap_or_else(|skip| panic!("{context}: {skip}"));
                let outer = decoded.outer;
                packets += 1;
                assert_eq!(outer.source.to_string(), row[4], "{context}");
                assert_eq!(outer.destination.to_string(), row[5], "{context}");
                assert_eq!(outer.hop_limit.to_string(), row[6], "{context}");
                // tshark's tag of this frame is inside a pseudowire: the customer's, not the link's.
                let vlan = if context == "mpls.pcap frame 2" { "0" } else { row[11] };
                assert_eq!(decoded.vlan.to_string(), vlan, "{context}");
                if let Some(protocol) = protocol(row[7]) {
                    assert_eq!(outer.protocol, protocol, "{context}");
                }
                if row[8] != "-" {
                    assert_eq!(outer.source_port.to_string(), row[8], "{context}");
                    assert_eq!(outer.destination_port.to_string(), row[9], "{context}");
                    ports += 1;
                }
                if row[10] != "-" {
                    assert_eq!(flags_or_type(&outer).to_string(), row[10], "{context}");
                }
            }
        }
        assert!(packets > 1000 && ports > 800, "{packets} packets, {ports} with ports");
    }

    #[test]
    fn every_ethernet_frame_is_what_etherparse_says() {
        let mut compared = 0;
        for (name, bytes) in files() {
            for (number, frame) in frames(&name, &bytes).into_iter().enumerate() {
                if frame.link != LinkType::ETHERNET {
                    continue;
                }
                let (Ok(decoded), Ok(oracle)) =
                    (packet::decode(frame.link, frame.data), LaxSlicedPacket::from_ethernet(frame.data))
                else {
                    continue;
                };
                let packet = decoded.outer;
                let context = format!("{name} frame {}: {packet:?}", number + 1);
                let (source, destination) = match &oracle.net {
                    Some(LaxNetSlice::Ipv4(slice)) => {
                        let header = slice.header();
                        assert_eq!(packet.hop_limit, header.ttl(), "{context}");
                        (IpAddr::from(header.source()), IpAddr::from(header.destination()))
                    }
                    Some(LaxNetSlice::Ipv6(slice)) => {
                        let header = slice.header();
                        assert_eq!(packet.first_protocol, header.next_header().0, "{context}");
                        (IpAddr::from(header.source()), IpAddr::from(header.destination()))
                    }
                    _ => continue,
                };
                assert_eq!(packet.source, Address::from(source), "{context}");
                assert_eq!(packet.destination, Address::from(destination), "{context}");
                compared += 1;
                match &oracle.transport {
                    Some(TransportSlice::Udp(udp)) => {
                        assert_eq!(packet.source_port, udp.source_port(), "{context}");
                        assert_eq!(packet.destination_port, udp.destination_port(), "{context}");
                        assert_eq!(packet.payload, udp.payload(), "{context}");
                    }
                    Some(TransportSlice::Tcp(tcp)) => {
                        assert_eq!(packet.source_port, tcp.source_port(), "{context}");
                        assert_eq!(packet.destination_port, tcp.destination_port(), "{context}");
                        assert_eq!(packet.payload, tcp.payload(), "{context}");
                    }
                    Some(TransportSlice::Icmpv4(icmp)) => {
                        assert_eq!([packet.icmp_type, packet.icmp_code], [icmp.type_u8(), icmp.code_u8()]);
                    }
                    Some(TransportSlice::Icmpv6(icmp)) => {
                        assert_eq!([packet.icmp_type, packet.icmp_code], [icmp.type_u8(), icmp.code_u8()]);
                    }
                    Some(TransportSlice::Igmp(_)) | None => {}
                }
            }
        }
        assert!(compared > 900, "{compared} frames compared");
    }

    fn tunnels(name: &str) -> Vec<Option<(Tunnel, String, String, u8)>> {
        let bytes = fs::read(folder().join(name)).unwrap();
        frames(name, &bytes)
            .iter()
            .map(|frame| {
                let decoded = packet::decode(frame.link, frame.data).ok()?;
                let inner = decoded.inner?;
                Some((
                    decoded.tunnel?,
                    inner.source.to_string(),
                    inner.destination.to_string(),
                    inner.protocol,
                ))
            })
            .collect()
    }

    #[test]
    fn tunnels_give_the_packet_inside() {
        let vxlan = tunnels("vxlan.pcap");
        assert!(matches!(&vxlan[..], [Some((Tunnel::Vxlan, _, _, 1))]), "{vxlan:?}");
        let six_in_four = tunnels("ipv6_in_ipv4.pcap");
        assert!(matches!(&six_in_four[..], [Some((Tunnel::IpInIp, ..))]), "{six_in_four:?}");
        let gre = tunnels("gre.pcap");
        assert_eq!(gre.iter().flatten().filter(|found| found.0 == Tunnel::Gre).count(), 4, "{gre:?}");
    }

    #[test]
    fn later_fragments_have_no_ports() {
        for name in ["ipv6_fragments.pcap", "ipv6_opt_fragments.pcap"] {
            let bytes = fs::read(folder().join(name)).unwrap();
            let mut seen = [0; 3];
            for frame in frames(name, &bytes) {
                let packet = packet::decode(frame.link, frame.data).unwrap().outer;
                seen[packet.fragment as usize] += 1;
                if packet.fragment == Fragment::Later {
                    assert_eq!((packet.source_port, packet.destination_port), (0, 0), "{name}: {packet:?}");
                    assert_eq!(packet.payload_kind, wire::Payload::default());
                }
            }
            assert!(seen[1] > 0 && seen[2] > 0, "{name}: {seen:?}");
        }
    }
}
