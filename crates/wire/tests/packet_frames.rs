//! Frames that are made here: every link layer, extension headers, fragments, tunnels, cut-off and mutated ones.

#[cfg(test)]
mod made {
    use etherparse::PacketBuilder;
    use proptest::{collection::vec, prelude::*};
    use wire::{
        Address, Fragment, Packet, TcpFlags,
        packet::{self, LinkType, MAX_EXTENSION_HEADERS, MAX_MPLS_LABELS, MAX_VLAN_TAGS, Skip, Tunnel},
    };

    const SOURCE: [u8; 4] = [198, 51, 100, 7];
    const DESTINATION: [u8; 4] = [192, 0, 2, 10];

    fn ipv4(protocol: u8, fragment_field: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x45, 0];
        bytes.extend((20 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 1]);
        bytes.extend(fragment_field.to_be_bytes());
        bytes.extend([61, protocol, 0, 0]);
        bytes.extend(SOURCE);
        bytes.extend(DESTINATION);
        bytes.extend(payload);
        bytes
    }

    fn ipv6(next_header: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend((payload.len() as u16).to_be_bytes());
        bytes.extend([next_header, 61]);
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        bytes.extend([0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]);
        bytes.extend(payload);
        bytes
    }

    fn udp(source: u16, destination: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = source.to_be_bytes().to_vec();
        bytes.extend(destination.to_be_bytes());
        bytes.extend((8 + payload.len() as u16).to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(payload);
        bytes
    }

    fn ethernet(types: &[&[u8]], payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        for part in types {
            bytes.extend_from_slice(part);
        }
        bytes.extend(payload);
        bytes
    }

    fn outer<'a>(link: LinkType, frame: &'a [u8]) -> Packet<'a> {
        packet::decode(link, frame).unwrap_or_else(|skip| panic!("{link:?}: {skip} in {frame:02x?}")).outer
    }

    #[test]
    fn every_link_layer_leads_to_the_same_packet() {
        let bare = ipv4(17, 0, &udp(1234, 53, b"x"));
        let cases: [(LinkType, Vec<u8>); 17] = [
            (LinkType::ETHERNET, vec![0; 12].into_iter().chain([8, 0]).collect()),
            (LinkType::NULL, vec![2, 0, 0, 0]),
            (LinkType::NULL, vec![0, 0, 0, 2]),
            (LinkType::LOOP, vec![0, 0, 0, 2]),
            (LinkType::RAW, vec![]),
            (LinkType::RAW_BSD, vec![]),
            (LinkType::RAW_OPENBSD, vec![]),
            (LinkType::IPV4, vec![]),
            (LinkType::LINUX_SLL, [[0; 14].to_vec(), vec![8, 0]].concat()),
            (LinkType::LINUX_SLL2, [vec![8, 0], [0; 18].to_vec()].concat()),
            (LinkType::PPP, vec![0, 0x21]),
            (LinkType::PPP, vec![0x21]),
            (LinkType::PPP_HDLC, vec![0xff, 3, 0, 0x21]),
            (LinkType::PPP_HDLC, vec![0x0f, 0, 8, 0]),
            (LinkType::PPPOE, vec![0x11, 0, 0, 1, 0, 9, 0, 0x21]),
            (LinkType::MPLS, vec![0, 1, 0x01, 64]),
            (LinkType::ETHERNET, [[2; 12].to_vec(), vec![0, 60, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat()),
        ];
        for (link, header) in cases {
            let frame = [header, bare.clone()].concat();
            let packet = outer(link, &frame);
            assert_eq!(packet, outer(LinkType::RAW, &bare), "{link:?}");
            assert_eq!((packet.source_port, packet.destination_port, packet.payload), (1234, 53, &b"x"[..]));
            assert_eq!(packet.source, Address::from_ipv4(SOURCE));
        }
        assert_eq!(packet::decode(LinkType(105), &bare), Err(Skip::UnknownLink));
        assert_eq!(packet::decode(LinkType::ETHERNET, &[0; 13]), Err(Skip::Truncated));
        assert_eq!(packet::decode(LinkType::ETHERNET, &ethernet(&[&[8, 6]], &[0; 28])), Err(Skip::NotIp));
    }

    #[test]
    fn tags_and_labels_are_followed_so_far_and_no_further() {
        let bare = ipv4(6, 0, &[0; 20]);
        let tags = [&[0x88, 0xa8, 0xe0, 100][..], &[0x81, 0, 0, 5], &[8, 0]];
        let decoded = packet::decode(LinkType::ETHERNET, &ethernet(&tags, &bare)).map(|found| found.vlan);
        assert_eq!(decoded, Ok(100));

        let tags = |count: usize| [vec![&[0x81, 0, 0, 5][..]; count], vec![&[8, 0][..]]].concat();
        assert!(packet::decode(LinkType::ETHERNET, &ethernet(&tags(MAX_VLAN_TAGS), &bare)).is_ok());
        let deeper = ethernet(&tags(MAX_VLAN_TAGS + 1), &bare);
        assert_eq!(packet::decode(LinkType::ETHERNET, &deeper), Err(Skip::TooDeep));

        let labels = |count: usize| {
            let mut types = vec![&[0x88, 0x47][..]];
            types.extend(vec![&[0, 1, 0, 64][..]; count - 1]);
            types.push(&[0, 1, 1, 64]);
            ethernet(&types, &bare)
        };
        assert!(packet::decode(LinkType::ETHERNET, &labels(MAX_MPLS_LABELS)).is_ok());
        assert_eq!(packet::decode(LinkType::ETHERNET, &labels(MAX_MPLS_LABELS + 1)), Err(Skip::TooDeep));
    }

    #[test]
    fn extension_headers_lead_to_the_transport_header() {
        let transport = udp(1234, 53, b"question");
        // Hop-by-hop, destination options, routing, AH, atomic fragment, UDP.
        let chain = [
            vec![60, 0, 1, 4, 0, 0, 0, 0],
            vec![43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            vec![51, 0, 0, 0, 0, 0, 0, 0],
            vec![44, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            vec![17, 0, 0, 0, 0, 0, 0, 1],
            transport,
        ]
        .concat();
        let bytes = ipv6(0, &chain);
        let packet = outer(LinkType::IPV6, &bytes);
        assert_eq!((packet.first_protocol, packet.protocol, packet.fragment), (0, 17, Fragment::None));
        assert_eq!(
            (packet.source_port, packet.destination_port, packet.payload),
            (1234, 53, &b"question"[..])
        );
        assert_eq!(packet.ip_length_bytes as usize, bytes.len());

        let endless = [60, 0, 1, 4, 0, 0, 0, 0].repeat(MAX_EXTENSION_HEADERS + 3);
        let bytes = ipv6(60, &endless);
        let packet = outer(LinkType::IPV6, &bytes);
        assert_eq!((packet.protocol, packet.source_port), (60, 0));
    }

    #[test]
    fn an_ipv4_authentication_header_is_walked_and_esp_is_not() {
        let header = [6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let tcp = [0, 80, 0x30, 0x39, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x12, 0, 0, 0, 0, 0, 0];
        let bytes = ipv4(51, 0, &[&header[..], &tcp].concat());
        let packet = outer(LinkType::IPV4, &bytes);
        assert_eq!((packet.first_protocol, packet.protocol, packet.source_port), (51, 6, 80));
        assert_eq!(packet.tcp_flags, TcpFlags(TcpFlags::SYN | TcpFlags::ACK));
        let bytes = ipv4(50, 0, &[0; 40]);
        assert_eq!(outer(LinkType::IPV4, &bytes).protocol, 50);
        // Under IPv4 these numbers are protocols of their own.
        for protocol in [0, 43, 44, 60] {
            let bytes = ipv4(protocol, 0, &[17, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
            assert_eq!(outer(LinkType::IPV4, &bytes).protocol, protocol);
        }
    }

    #[test]
    fn only_first_fragments_have_ports() {
        let transport = udp(53, 4444, &[0; 64]);
        for (field, fragment, port) in [
            (0x2000, Fragment::First, 53),
            (0x2001, Fragment::Later, 0),
            (0x0001, Fragment::Later, 0),
            (0x4000, Fragment::None, 53),
        ] {
            let bytes = ipv4(17, field, &transport);
            let packet = outer(LinkType::IPV4, &bytes);
            assert_eq!((packet.fragment, packet.source_port), (fragment, port), "{field:04x}");
        }
        for (field, fragment, port) in
            [(0x0001_u16, Fragment::First, 53), (0x0009, Fragment::Later, 0), (0x0000, Fragment::None, 53)]
        {
            let header = [&[17, 0][..], &field.to_be_bytes(), &[0, 0, 0, 1]].concat();
            let bytes = ipv6(44, &[header, transport.clone()].concat());
            let packet = outer(LinkType::IPV6, &bytes);
            assert_eq!((packet.fragment, packet.source_port), (fragment, port), "{field:04x}");
        }
    }

    #[test]
    fn tunnels_are_opened_once() {
        let inside = ipv6(17, &udp(5353, 5353, b"inside"));
        let inside_ethernet = ethernet(&[&[0x86, 0xdd]], &inside);
        let gre_all = [0xb0, 0, 0x86, 0xdd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2];
        let vxlan = udp(50000, 4789, &[&[8, 0, 0, 0, 0, 0, 7, 0][..], &inside_ethernet].concat());
        let cases: [(u8, Vec<u8>, Tunnel); 6] = [
            (41, inside.clone(), Tunnel::IpInIp),
            (47, [&[0, 0, 0x86, 0xdd][..], &inside].concat(), Tunnel::Gre),
            (47, [&gre_all[..], &inside].concat(), Tunnel::Gre),
            (47, [&[0, 0, 0x65, 0x58][..], &inside_ethernet].concat(), Tunnel::Gre),
            (47, [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1][..], &[0; 8], &inside_ethernet].concat(), Tunnel::Gre),
            (17, vxlan, Tunnel::Vxlan),
        ];
        for (protocol, payload, tunnel) in cases {
            let bytes = ipv4(protocol, 0, &payload);
            let decoded = packet::decode(LinkType::RAW, &bytes).unwrap();
            assert_eq!((decoded.outer.protocol, decoded.tunnel), (protocol, Some(tunnel)));
            assert_eq!(decoded.inner.unwrap().payload, b"inside");
        }
        for other in [&[0, 1, 0x86, 0xdd][..], &[0x40, 0, 0x86, 0xdd], &[0x30, 0x81, 0x88, 0x0b]] {
            let bytes = ipv4(47, 0, &[other, &inside].concat());
            let decoded = packet::decode(LinkType::RAW, &bytes).unwrap();
            assert_eq!((decoded.tunnel, decoded.inner), (None, None));
        }
        let twice = ipv4(4, 0, &ipv4(4, 0, &ipv4(17, 0, &udp(1, 2, b""))));
        assert_eq!(packet::decode(LinkType::RAW, &twice).unwrap().inner.unwrap().protocol, 4);
    }

    #[test]
    fn what_contradicts_itself_is_skipped_or_read_as_far_as_it_goes() {
        let mut bytes = ipv4(6, 0, &[0; 20]);
        bytes[0] = 0x44;
        assert_eq!(packet::decode(LinkType::RAW, &bytes), Err(Skip::BadLength));
        bytes[0] = 0x45;
        bytes[2..4].copy_from_slice(&[0, 19]);
        assert_eq!(packet::decode(LinkType::RAW, &bytes), Err(Skip::BadLength));
        bytes[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(outer(LinkType::RAW, &bytes).ip_length_bytes, 40, "segmentation offload");
        bytes[2..4].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(outer(LinkType::RAW, &bytes).ip_length_bytes, 65535, "cut off by the capture");
        bytes[0] = 0x75;
        assert_eq!(packet::decode(LinkType::RAW, &bytes), Err(Skip::NotIp));

        let mut tcp = vec![0; 14];
        tcp[12..].copy_from_slice(&[0x10, TcpFlags::SYN]);
        let bytes = ipv4(6, 0, &tcp);
        let packet = outer(LinkType::RAW, &bytes);
        assert_eq!(
            (packet.tcp_flags, packet.payload),
            (TcpFlags(TcpFlags::SYN), &b""[..]),
            "bad data offset"
        );

        let padded = [ipv4(17, 0, &udp(1, 2, b"abc")), vec![0; 15]].concat();
        assert_eq!(outer(LinkType::RAW, &padded).payload, b"abc", "Ethernet padding");
    }

    #[test]
    fn a_cut_off_packet_keeps_what_is_there() {
        let whole = ipv4(17, 0, &udp(1234, 53, b"payload"));
        for length in 0..whole.len() {
            match packet::decode(LinkType::RAW, &whole[..length]) {
                Err(skip) => assert!(length < 20 && skip == Skip::Truncated, "{length}: {skip}"),
                Ok(decoded) => {
                    assert_eq!(decoded.outer.ip_length_bytes as usize, whole.len());
                    let port = if length >= 24 { 53 } else { 0 };
                    assert_eq!(decoded.outer.destination_port, port, "{length}");
                }
            }
        }
    }

    fn oracle_frame(v6: bool, tcp: bool, vlan: bool, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6]);
        let mut frame = Vec::new();
        let written = match (v6, vlan) {
            (false, false) => builder.ipv4(SOURCE, DESTINATION, 33),
            (false, true) => builder.single_vlan(7.try_into().unwrap()).ipv4(SOURCE, DESTINATION, 33),
            (true, false) => builder.ipv6([3; 16], [4; 16], 33),
            (true, true) => builder.single_vlan(7.try_into().unwrap()).ipv6([3; 16], [4; 16], 33),
        };
        if tcp {
            written.tcp(ports.0, ports.1, 1, 1024).syn().write(&mut frame, payload).unwrap();
        } else {
            written.udp(ports.0, ports.1).write(&mut frame, payload).unwrap();
        }
        frame
    }

    proptest! {
        #[test]
        fn what_etherparse_builds_is_read_back(
            v6: bool, tcp: bool, vlan: bool, ports: (u16, u16), payload in vec(any::<u8>(), 0..200),
        ) {
            prop_assume!(ports.1 != 4789);
            let frame = oracle_frame(v6, tcp, vlan, ports, &payload);
            let decoded = packet::decode(LinkType::ETHERNET, &frame).unwrap();
            let packet = decoded.outer;
            let source = if v6 { Address::from_ipv6([3; 16]) } else { Address::from_ipv4(SOURCE) };
            prop_assert_eq!(packet.source, source);
            prop_assert_eq!(packet.hop_limit, 33);
            prop_assert_eq!(packet.protocol, if tcp { 6 } else { 17 });
            prop_assert_eq!((packet.source_port, packet.destination_port), ports);
            prop_assert_eq!(packet.payload, &payload[..]);
            prop_assert_eq!(packet.tcp_flags.0, if tcp { TcpFlags::SYN } else { 0 });
            prop_assert_eq!(decoded.vlan, if vlan { 7 } else { 0 });
            let header_bytes = if vlan { 18 } else { 14 };
            prop_assert_eq!(packet.ip_length_bytes as usize, frame.len() - header_bytes);
        }

        #[test]
        fn no_bytes_panic_and_payloads_stay_inside(
            link in prop::sample::select(vec![0_u32, 1, 9, 12, 50, 51, 101, 104, 108, 113, 219, 228, 229, 276]),
            bytes in vec(any::<u8>(), 0..200),
        ) {
            if let Ok(decoded) = packet::decode(LinkType(link), &bytes) {
                prop_assert!(decoded.outer.payload.len() <= bytes.len());
                prop_assert_eq!(decoded.inner.is_some(), decoded.tunnel.is_some());
            }
        }

        #[test]
        fn mutated_frames_do_not_panic(
            v6: bool, tcp: bool, payload in vec(any::<u8>(), 0..64),
            changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>(),
        ) {
            let mut frame = oracle_frame(v6, tcp, true, (53, 53), &payload);
            for (at, value) in changes {
                let at = at.index(frame.len());
                frame[at] = value;
            }
            frame.truncate(cut.index(frame.len() + 1));
            let _ = packet::decode(LinkType::ETHERNET, &frame);
        }
    }
}
