//! Payloads: one of each service at its own and at another port, near misses, and random bytes.

#[cfg(test)]
mod payloads {
    use wire::payload::{Role, Service, classify};

    const ELSEWHERE: u16 = 32773;
    const CLIENT: u16 = 51_234;

    struct Case {
        service: Service,
        role: Role,
        port: u16,
        anywhere: bool,
        payload: Vec<u8>,
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let value = |digit: u8| char::from(digit).to_digit(16).map_or(0, |value| value as u8);
        digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | value(*digit))).collect()
    }

    fn padded(start: &[u8], length: usize) -> Vec<u8> {
        let mut bytes = start.to_vec();
        bytes.resize(length, 0);
        bytes
    }

    fn case(service: Service, role: Role, port: u16, anywhere: bool, payload: impl AsRef<[u8]>) -> Case {
        Case { service, role, port, anywhere, payload: payload.as_ref().to_vec() }
    }

    const QUESTION: &str = "1234 0100 0001 0000 0000 0001 03777777 076578616d706c65 00 00ff 0001";
    const EDNS: &str = "00 0029 1000 00000000 0000";

    fn text_cases() -> Vec<Case> {
        use Role::{Request, Response};
        let soap = "<?xml version=\"1.0\"?><soap:Envelope xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><wsd:";
        let pattern: Vec<u8> = (0..72).map(|at| b' ' + at).chain(*b"\r\n").collect();
        let frame = |text: &str| [&hex("0001 0000 0001 0000")[..], text.as_bytes()].concat();
        let dhip = [&hex("20000000")[..], b"DHIP", &[0; 24], b"{\"mac\":\"00:00\"}"].concat();
        vec![
            case(Service::Ssdp, Request, 1900, true, "M-SEARCH * HTTP/1.1\r\nHOST:239.255.255.250:1900\r\n"),
            case(Service::Ssdp, Response, 1900, true, "HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n"),
            case(Service::Ssdp, Response, 1900, true, "HTTP/1.1 200 OK\r\nCACHE-CONTROL:max-age=1\r\n"),
            case(Service::Memcached, Request, 11211, true, frame("get big\r\n")),
            case(Service::Memcached, Response, 11211, true, frame("VALUE big 0 1000\r\nxxxx")),
            case(Service::Memcached, Response, 11211, true, frame("STAT pid 1\r\n")),
            case(Service::Memcached, Response, 11211, false, hex("0001 0003 0005 0000 78787878")),
            case(Service::Chargen, Response, 19, true, &pattern),
            case(Service::Chargen, Request, 19, false, "x"),
            case(Service::Qotd, Response, 17, false, "\"Who is wise?\" - Pirkei Avot\r\n"),
            case(Service::WsDiscovery, Request, 3702, true, format!("{soap}Probe>")),
            case(Service::WsDiscovery, Response, 3702, true, format!("{soap}ProbeMatches>")),
            case(Service::Sip, Request, 5060, true, "OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n"),
            case(Service::Sip, Response, 5060, true, "SIP/2.0 200 OK\r\nVia: x\r\n"),
            case(Service::Dvr, Response, 37810, true, dhip),
        ]
    }

    fn name_and_time_cases() -> Vec<Case> {
        use Role::{Request, Response};
        let answer = "1234 8180 0001 0001 0000 0000 03777777 076578616d706c65 00 00ff 0001 c00c 0001 0001";
        let netbios = "8001 0000 0001 0000 0000 0000 20 434b4141414141414141414141414141 41414141414141414141414141414141 00 0021 0001";
        vec![
            case(Service::Dns, Request, 53, true, hex(&format!("{QUESTION}{EDNS}"))),
            case(Service::Dns, Response, 53, true, hex(&format!("{answer} 0000003c 0004 c0000201"))),
            case(
                Service::Mdns,
                Response,
                5353,
                false,
                hex("0000 8400 0000 0001 0000 0000 0161 00 000c 0001"),
            ),
            case(Service::Netbios, Request, 137, true, hex(netbios)),
            case(Service::Ntp, Request, 123, true, padded(&[0x17, 0, 3, 0x2a], 8)),
            case(Service::Ntp, Response, 123, true, padded(&hex("d7000 32a 0001 0048"), 8 + 0x48)),
            case(Service::Ntp, Request, 123, true, hex("160200010000000000000000")),
            case(Service::Ntp, Request, 123, true, padded(&[0x23], 48)),
            case(Service::Ntp, Response, 123, true, padded(&hex("240206e9 00000a00 00000b00 c0000201"), 48)),
        ]
    }

    fn binary_cases() -> Vec<Case> {
        use Role::{Request, Response};
        let dump = "12345678 00000001 00000000 00000000 00000000 00000000 00000001 000186a0 00000002 00000006 0000006f";
        let rip = "02020000 00020000 0a000000 ffffff00 00000000 00000001";
        vec![
            case(Service::Cldap, Request, 389, true, hex("30 0c 020101 63 07 0400 0a0100 0a01")),
            case(
                Service::Cldap,
                Response,
                389,
                true,
                hex("30840000000d 020107 65 840000000 7 0a0100 0400 0400"),
            ),
            case(Service::Snmp, Request, 161, true, hex("3026 020101 0406 7075626c6963 a519 020101")),
            case(Service::Snmp, Response, 161, true, hex("3026 020101 0406 7075626c6963 a219 020101")),
            case(
                Service::Portmap,
                Request,
                111,
                true,
                hex("12345678 00000000 00000002 000186a0 00000002 00000004"),
            ),
            case(Service::Portmap, Response, 111, true, hex(dump)),
            case(Service::Tftp, Request, 69, true, b"\x00\x01boot.bin\x00octet\x00"),
            case(Service::Tftp, Response, 69, true, padded(&[0, 3, 0, 1], 516)),
            case(Service::Tftp, Response, 69, true, b"\x00\x05\x00\x01File not found\x00"),
            case(Service::Coap, Request, 5683, true, b"\x40\x01\x00\x01\xbb.well-known\x04core"),
            case(Service::Coap, Response, 5683, true, b"\x60\x45\x00\x01\xc1\x28\xff</a>;rt=1"),
            case(Service::Coap, Response, 5683, false, b"\x60\x45\x00\x01\xffhello"),
            case(Service::Arms, Response, 3283, true, padded(&[0, 1, 3, 0xea, 0x31], 1006)),
            case(Service::Arms, Request, 3283, false, [0, 0x14, 0, 0]),
            case(Service::Stun, Request, 3478, true, hex("0001 0000 2112a442 000102030405060708090a0b")),
            case(Service::Stun, Response, 3478, true, hex("0101 0000 2112a442 000102030405060708090a0b")),
            case(Service::Rip, Response, 520, true, hex(rip)),
            case(Service::Mssql, Response, 1434, true, b"\x05\x10\x00ServerName;DB1;;"),
            case(Service::Mssql, Request, 1434, false, [3]),
        ]
    }

    fn session_cases() -> Vec<Case> {
        use Role::{Request, Response, Unknown};
        let quic = [&hex("c3 00000001 08 0102030405060708 00")[..], &[7; 1180]].concat();
        let ike = hex("0102030405060708 0000000000000000 21 20 22 08 00000000 0000001c");
        let ike_answer = hex("0102030405060708 1112131415161718 0b 20 22 20 00000000 0000001c");
        let sccrp = "c802 0014 0001 0000 0001 0001 8008 0000 0000 0002";
        let dtls = "16 feff 0000 000000000000 0010 03 000004 0000 000000 000004 fefd";
        vec![
            case(Service::Steam, Request, 27015, true, b"\xff\xff\xff\xffTSource Engine Query\x00"),
            case(Service::Steam, Response, 27015, true, b"\xff\xff\xff\xffI\x11Server\x00map\x00"),
            case(Service::Ubiquiti, Response, 10001, true, hex("0100 0009 01 0006 802aa88d692b")),
            case(Service::Ubiquiti, Request, 10001, false, hex("01000000")),
            case(Service::Openvpn, Request, 1194, true, padded(&hex("38 0102030405060708"), 14)),
            case(
                Service::Openvpn,
                Response,
                1194,
                true,
                hex("40 0102030405060708 01 00000000 0102030405060708 00000000"),
            ),
            case(Service::Dtls, Response, 443, true, hex(dtls)),
            case(Service::L2tp, Response, 1701, true, hex(sccrp)),
            case(Service::Quic, Request, 443, false, &quic),
            case(Service::Ike, Request, 500, true, &ike),
            case(Service::Ike, Request, 4500, true, [&[0; 4], &ike[..]].concat()),
            case(Service::Ike, Response, 500, true, ike_answer),
            case(Service::Bacnet, Response, 47808, true, hex("810a 000c 0100 300e 0c02 0000")),
            case(Service::Bacnet, Request, 47808, true, hex("810b 0008 0120 ffff")),
            case(Service::Slp, Request, 427, true, hex("02 01 000012 0000 000000 0005 0002 656e 0000")),
            case(Service::Rtp, Unknown, 5004, true, hex("80c90001 01020304")),
        ]
    }

    fn cases() -> Vec<Case> {
        let mut cases = text_cases();
        cases.extend(name_and_time_cases());
        cases.extend(binary_cases());
        cases.extend(session_cases());
        cases
    }

    #[test]
    fn every_service_is_named_at_its_port_and_most_at_any() {
        for Case { service, role, port, anywhere, payload } in cases() {
            let ports = if role == Role::Response { (port, CLIENT) } else { (CLIENT, port) };
            let found = classify(ports.0, ports.1, &payload);
            assert_eq!(found.service, service, "port {port}: {payload:02x?}");
            // A routed BACnet message hides its application layer.
            if service != Service::Bacnet || payload.get(5) != Some(&0x20) {
                assert_eq!(found.role, role, "{service:?} at port {port}: {payload:02x?}");
            }
            if anywhere {
                let found = classify(ELSEWHERE, CLIENT, &payload);
                assert_eq!(found.service, service, "elsewhere: {payload:02x?}");
            }
        }
    }

    #[test]
    fn no_cut_or_changed_payload_panics() {
        for Case { port, payload, .. } in cases() {
            for length in 0..payload.len() {
                classify(port, CLIENT, &payload[..length]);
                let mut changed = payload.clone();
                changed[length] ^= 0xff;
                classify(CLIENT, port, &changed);
                classify(ELSEWHERE, CLIENT, &changed);
            }
        }
    }

    #[test]
    fn near_misses_are_not_named() {
        let misses: [&[u8]; 12] = [
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
            b"GET / HTTP/1.1\r\nHost: x\r\n",
            b"\xff\xff\xff\xffgetstatus\n",
            b"\xff\xff\xff\xffinfoResponse\n",
            b"<html><body>Envelope",
            b"\x00\x01not a file\x00mode\x00",
            b"\x80\x60\x00\x01\x00\x00\x00\xa0\x01\x02\x03\x04voice",
            b"\x30\x03\x02\x01\x01",
            b"\x40\x45\x00\x01\xffhello",
            b"abcdefghijklmnop",
            b"\x16\x03\x03\x00\x10\x01\x00\x00\x0c\x03\x03\x00\x00",
            b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        ];
        for payload in misses {
            assert_eq!(classify(ELSEWHERE, CLIENT, payload).service, Service::Unknown, "{payload:02x?}");
        }
    }

    /// Numbers that look random and repeat from run to run (xorshift64*).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
        }

        fn payload(&mut self) -> Vec<u8> {
            let length = (self.next() >> 32) as usize % 300 + 1;
            (0..length.div_ceil(8)).flat_map(|_| self.next().to_be_bytes()).take(length).collect()
        }
    }

    #[test]
    fn random_bytes_are_hardly_ever_named() {
        const PAYLOADS: u32 = 100_000;
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut named = 0;
        // The first byte of each format gets its turn often enough, and so do lengths that fit.
        for round in 0..PAYLOADS {
            let mut payload = random.payload();
            let short = payload.len() % 64 + 4;
            payload.truncate(if round % 2 == 0 { 300 } else { short });
            named += u32::from(classify(ELSEWHERE, CLIENT, &payload).service != Service::Unknown);
        }
        assert!(named < PAYLOADS / 1000, "{named} of {PAYLOADS} random payloads are named");
    }

    #[test]
    fn encrypted_transports_are_not_mistaken_for_reflectors() {
        // Short-header QUIC, RTP, encrypted DTLS and WireGuard, each with random content.
        let mut random = Random(7);
        let starts: [(&[u8], Service); 5] = [
            (&[0x40], Service::Unknown),
            (&[0x5f], Service::Unknown),
            (&[0x80, 0x60], Service::Unknown),
            (&[0x04, 0, 0, 0], Service::Unknown),
            (&[0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 9, 0, 40], Service::Dtls),
        ];
        for (start, expected) in starts {
            let wrong = (0..5_000)
                .filter(|_| {
                    let payload = [start, &random.payload()].concat();
                    classify(443, CLIENT, &payload).service != expected
                })
                .count();
            assert!(wrong < 5, "{start:02x?}: {wrong} of 5000 named");
        }
    }
}
