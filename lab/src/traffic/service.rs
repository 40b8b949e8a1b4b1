//! Questions and answers of the services that reflect, as their specifications have them.

use std::fmt::Write as _;

use crate::random::Random;

/// A service over UDP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// The vector that its unasked answers make.
    pub(crate) vector: &'static str,
    /// Its port.
    pub(crate) port: u16,
    question: fn(&mut Random) -> Vec<u8>,
    answer: fn(&mut Random, usize) -> Vec<u8>,
}

impl Service {
    /// A client's question.
    pub(crate) fn question(&self, random: &mut Random) -> Vec<u8> {
        (self.question)(random)
    }

    /// An answer of an ordinary size.
    pub(crate) fn answer(&self, random: &mut Random) -> Vec<u8> {
        let size = random.between(60, 300) as usize;
        (self.answer)(random, size)
    }

    /// An answer as an attacker makes a reflector give it: about as long as a packet can be.
    pub(crate) fn long_answer(&self, random: &mut Random) -> Vec<u8> {
        let size = random.between(900, 1_350) as usize;
        (self.answer)(random, size)
    }

    /// The service of a port; a question and an answer of no known form if there is none.
    pub(crate) fn of_port(port: u16) -> Self {
        let known = ALL.iter().copied().find(|service| service.port == port);
        known.unwrap_or(Self {
            vector: "udp_flood",
            port,
            question: |random| sized(random, b"", 40, 200),
            answer: |random, size| sized(random, b"", size, size),
        })
    }
}

macro_rules! services {
    ($($vector:literal $port:literal $question:expr, $answer:expr;)+) => {
        /// All services, several for `udp_amplification`.
        pub(crate) const ALL: &[Service] =
            &[$(Service { vector: $vector, port: $port, question: $question, answer: $answer }),+];
    };
}

services! {
    "dns_amplification" 53 dns_question, dns_answer;
    "ntp_amplification" 123 ntp_question, ntp_answer;
    "ssdp_amplification" 1900 ssdp_question, ssdp_answer;
    "cldap_amplification" 389 cldap_question, cldap_answer;
    "memcached_amplification" 11_211 memcached_question, memcached_answer;
    "chargen_amplification" 19 |random| random.bytes(1), chargen_answer;
    "snmp_amplification" 161 |random| snmp(random, 0xa5, 0), |random, size| snmp(random, 0xa2, size);
    "portmap_amplification" 111 |random| rpc(random, false, 0), |random, size| rpc(random, true, size);
    "tftp_amplification" 69 |_| b"\0\x01startup-config\0octet\0".to_vec(),
        |random, _| sized(random, &[0, 3, 0, 1], 516, 516);
    "netbios_amplification" 137 |random| netbios(random, false), |random, _| netbios(random, true);
    "mdns_amplification" 5353 |random| mdns(random, 0), mdns;
    "ws_discovery_amplification" 3702 |_| ws_discovery(false, 0), |_, size| ws_discovery(true, size);
    "coap_amplification" 5683 |random| [&[0x40, 1][..], &random.bytes(2), b"\xbb.well-known\x04core"].concat(),
        coap_answer;
    "arms_amplification" 3283 |_| vec![0, 0x14, 0, 1, 3], arms_answer;
    "stun_amplification" 3478 |random| stun(random, 0x0001, 0), |random, size| stun(random, 0x0101, size.min(500));
    "sip_amplification" 5060 |random| sip("OPTIONS sip:100@h SIP/2.0", random, 0),
        |random, size| sip("SIP/2.0 200 OK", random, size);
    "qotd_amplification" 17 |random| random.bytes(1), |_, size| text(
        "\"We have nothing to fear but fear itself.\" Franklin D. Roosevelt (1882-1945)\r\n", size.min(512));
    "rip_amplification" 520 |_| [&[1, 1][..], &[0; 21], &[16]].concat(), rip_answer;
    "mssql_amplification" 1434 |_| vec![3], mssql_answer;
    "steam_amplification" 27_015 |_| b"\xff\xff\xff\xffTSource Engine Query\0".to_vec(), steam_answer;
    "ubiquiti_amplification" 10_001 |_| vec![1, 0, 0, 0], ubiquiti_answer;
    "openvpn_amplification" 1194 |random| openvpn(random, 0x38), |random, _| openvpn(random, 0x40);
    "dtls_amplification" 443 |random| dtls(random, 1, 180), |random, size| dtls(random, 2, size);
    "l2tp_amplification" 1701 |_| l2tp(1), |_, _| l2tp(2);
    "udp_amplification" 427 |random| slp(random, 1, 40), |random, size| slp(random, 2, size);
    "udp_amplification" 47_808 |random| bacnet(random, false), |random, _| bacnet(random, true);
    "udp_amplification" 500 |random| ike(random, false, 280), |random, size| ike(random, true, size);
    "udp_amplification" 4500 |random| nat_ike(random, false, 280), |random, size| nat_ike(random, true, size);
    "udp_amplification" 37_810 |_| b"\x20\0\0\0DHIP\0\0\0\0".to_vec(), dvr_answer;
}

fn sized(random: &mut Random, head: &[u8], low: usize, high: usize) -> Vec<u8> {
    let length = random.between(low as u64, high.max(low) as u64) as usize;
    let mut bytes = random.bytes(length.max(head.len()));
    bytes.iter_mut().zip(head).for_each(|(to, from)| *to = *from);
    bytes
}

fn text(line: &str, size: usize) -> Vec<u8> {
    line.bytes().cycle().take(size.max(20)).collect()
}

/// A name of three labels, the first one random.
fn name(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![8];
    bytes.extend((0..8).map(|_| b'a' + random.below(26) as u8));
    bytes.extend(b"\x07example\x03org\0");
    bytes
}

/// A question for `name` with EDNS, as stub resolvers ask.
pub(crate) fn dns_question(random: &mut Random) -> Vec<u8> {
    let id = random.short().to_be_bytes();
    let mut bytes = vec![id[0], id[1], 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    bytes.extend(name(random));
    let kind = random.pick(&[1u8, 28, 16, 255]).unwrap_or(1);
    bytes.extend([0, kind, 0, 1]);
    bytes.extend([0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0]);
    bytes
}

/// An answer with as many TXT records as fill `size`.
pub(crate) fn dns_answer(random: &mut Random, size: usize) -> Vec<u8> {
    let id = random.short().to_be_bytes();
    let records = (size.saturating_sub(40) / 112).max(1) as u8;
    let mut bytes = vec![id[0], id[1], 0x81, 0x80, 0, 1, 0, records, 0, 0, 0, 0];
    bytes.extend(name(random));
    bytes.extend([0, 16, 0, 1]);
    for _ in 0..records {
        bytes.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0x0e, 0x10, 0, 100, 99]);
        bytes.extend((0..99).map(|_| b'a' + random.below(26) as u8));
    }
    bytes
}

/// A client's poll (RFC 5905).
fn ntp_question(random: &mut Random) -> Vec<u8> {
    let mut bytes = vec![0x23, 0, 6, 0xec];
    bytes.extend([0; 36]);
    bytes.extend(random.bytes(8));
    bytes
}

/// A server's answer to a poll if it is short, and one of `monlist` if it is long.
fn ntp_answer(random: &mut Random, size: usize) -> Vec<u8> {
    if size < 400 {
        let mut bytes = vec![0x24, 2, 6, 0xec, 0, 0, 1, 0, 0, 0, 2, 0, 192, 0, 2, 1];
        for _ in 0..4 {
            bytes.extend([0xe9, 0x01, 0x02]);
            bytes.extend(random.bytes(5));
        }
        return bytes;
    }
    let mut bytes = vec![0xd7, 0, 3, 0x2a, 0, 6, 0, 72];
    for _ in 0..6 {
        bytes.extend([0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5]);
        bytes.extend(random.bytes(8));
        bytes.extend([0, 0, 0, 1, 0, 80, 7, 2]);
        bytes.extend([0; 40]);
    }
    bytes
}

fn ssdp_question(_: &mut Random) -> Vec<u8> {
    b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\nMX: 2\r\nST: ssdp:all\r\n\r\n"
        .to_vec()
}

fn ssdp_answer(random: &mut Random, _: usize) -> Vec<u8> {
    let number = random.below(1 << 32);
    format!(
        "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: upnp:rootdevice\r\n\
         USN: uuid:{number:08x}-0000::upnp:rootdevice\r\nEXT:\r\nSERVER: Linux/3.10 UPnP/1.0 MiniUPnPd/1.9\r\n\
         LOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n"
    )
    .into_bytes()
}

/// A search for the root entry (RFC 4511 over UDP, MS-ADTS 6.3.3).
fn cldap_question(_: &mut Random) -> Vec<u8> {
    let mut bytes =
        vec![0x30, 0x25, 2, 1, 1, 0x63, 0x20, 4, 0, 0x0a, 1, 0, 0x0a, 1, 0, 2, 1, 0, 2, 1, 0, 1, 1, 0];
    bytes.extend(b"\x87\x0bobjectclass0\0");
    bytes
}

fn cldap_answer(random: &mut Random, size: usize) -> Vec<u8> {
    let body = sized(random, b"\x02\x01\x01\x64\x82\0\0\x04\x00\x30\x82", size, size);
    let length = (body.len() as u16).to_be_bytes();
    [&[0x30, 0x84, 0, 0, length[0], length[1]][..], &body].concat()
}

fn memcached_question(random: &mut Random) -> Vec<u8> {
    [&random.bytes(2)[..], &[0, 0, 0, 1, 0, 0], b"get session:1\r\n"].concat()
}

fn memcached_answer(random: &mut Random, size: usize) -> Vec<u8> {
    let head = format!("VALUE session:1 0 {size}\r\n");
    let id = random.bytes(2);
    [&id[..], &[0, 0, 0, 1, 0, 0], head.as_bytes(), &text("abcdefghij", size), b"\r\nEND\r\n"].concat()
}

/// RFC 864: lines of 72 printable characters, each begun one further.
fn chargen_answer(_: &mut Random, size: usize) -> Vec<u8> {
    let line = |start: usize| (0..72).map(move |at| b' ' + ((start + at) % 95) as u8).chain(*b"\r\n");
    (0..).flat_map(line).take(size).collect()
}

/// SNMP version 2c (RFC 3416) with the community `public`.
fn snmp(random: &mut Random, kind: u8, size: usize) -> Vec<u8> {
    let mut list = Vec::new();
    let entry = [0x30, 0x82, 0, 110, 6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0, 4, 98];
    for _ in 0..(size / 114).max(1) {
        if size == 0 {
            list.extend([0x30, 12, 6, 8, 0x2b, 6, 1, 2, 1, 1, 1, 0, 5, 0]);
        } else {
            list.extend(entry);
            list.extend(text("Linux router 5.4.0 #1 SMP ", 98));
        }
    }
    let long = |tag: u8, body: &[u8]| {
        let length = (body.len() as u16).to_be_bytes();
        [&[tag, 0x82, length[0], length[1]][..], body].concat()
    };
    let id = random.bytes(2);
    let counts: &[u8] = if kind == 0xa5 { &[2, 1, 0, 2, 1, 50] } else { &[2, 1, 0, 2, 1, 0] };
    let pdu = [&[2, 2, id.first().copied().unwrap_or(0) & 0x7f, 1][..], counts, &long(0x30, &list)].concat();
    long(0x30, &[&[2, 1, 1][..], b"\x04\x06public", &long(kind, &pdu)].concat())
}

/// Call of, or reply to, the port mapper's DUMP (RFC 1833).
fn rpc(random: &mut Random, reply: bool, size: usize) -> Vec<u8> {
    let mut bytes = random.bytes(4);
    if !reply {
        for word in [0u32, 2, 100_000, 2, 4, 0, 0, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        return bytes;
    }
    for word in [1u32, 0, 0, 0, 0] {
        bytes.extend(word.to_be_bytes());
    }
    for place in 0..(size / 20).max(1) as u32 {
        for word in [1u32, 100_000 + place, 2, 17, 111 + place] {
            bytes.extend(word.to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes
}

/// A node status request, or its answer (RFC 1002 section 4.2.17).
fn netbios(random: &mut Random, reply: bool) -> Vec<u8> {
    let id = random.bytes(2);
    let encoded = b"\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0\0\x21\0\x01";
    if !reply {
        return [&id[..], &[0, 0, 0, 1, 0, 0, 0, 0, 0, 0], encoded].concat();
    }
    let mut bytes = [&id[..], &[0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0], encoded, &[0, 0, 0, 0, 0, 137, 5]].concat();
    for place in 0..5u8 {
        bytes.extend(b"WORKSTATION-PC ");
        bytes.extend([place, 4, 0]);
    }
    bytes.extend([0; 46]);
    bytes
}

fn mdns(_: &mut Random, size: usize) -> Vec<u8> {
    let name = b"\x09_services\x07_dns-sd\x04_udp\x05local\0";
    if size == 0 {
        return [&[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0][..], name, &[0, 12, 0, 1]].concat();
    }
    let records = (size / 32).clamp(1, 40) as u8;
    let mut bytes = [&[0, 0, 0x84, 0, 0, 1, 0, records, 0, 0, 0, 0][..], name, &[0, 12, 0, 1]].concat();
    for _ in 0..records {
        bytes.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 10, 0, 20]);
        bytes.extend(b"\x0c_workstation\x04_tcp\xc0\x23");
    }
    bytes
}

fn ws_discovery(reply: bool, size: usize) -> Vec<u8> {
    let mut xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
        xmlns:soap=\"http://www.w3.org/2003/05/soap-envelope\" \
        xmlns:wsd=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"><soap:Header><wsa:Action>\
        http://schemas.xmlsoap.org/ws/2005/04/discovery/"
        .to_owned();
    xml.push_str(if reply { "ProbeMatches" } else { "Probe" });
    xml.push_str("</wsa:Action></soap:Header><soap:Body>");
    while xml.len() < size {
        xml.push_str("<wsd:ProbeMatch><wsd:XAddrs>http://192.168.1.64/onvif/device_service</wsd:XAddrs></wsd:ProbeMatch>");
    }
    xml.push_str(if reply { "<wsd:ProbeMatches/>" } else { "<wsd:Probe/>" });
    xml.push_str("</soap:Body></soap:Envelope>");
    xml.into_bytes()
}

/// 2.05 Content with a list of links (RFC 6690).
fn coap_answer(random: &mut Random, size: usize) -> Vec<u8> {
    let id = random.bytes(2);
    [
        &[0x60, 0x45][..],
        &id,
        &[0xc1, 40, 0xff],
        &text("</sensors/temp>;rt=\"temperature\";if=\"sensor\",", size),
    ]
    .concat()
}

fn arms_answer(random: &mut Random, _: usize) -> Vec<u8> {
    let mut bytes = vec![0, 1, 3, 0xea, 0, 0x14, 0, 0];
    bytes.extend(text("iMac of the press office 10.15.7 ", 96));
    bytes.extend(random.bytes(32));
    bytes.resize(1_006, 0);
    bytes
}

/// A binding request or success response (RFC 8489).
fn stun(random: &mut Random, kind: u16, size: usize) -> Vec<u8> {
    let mut attributes = Vec::new();
    if kind == 0x0101 {
        attributes.extend([0, 0x20, 0, 8, 0, 1]);
        attributes.extend(random.bytes(6));
        let software = size / 4 * 4;
        attributes.extend([0x80, 0x22]);
        attributes.extend((software as u16).to_be_bytes());
        attributes
            .extend(text("Coturn-4.5.2 'dan Eider'", software.max(20)).get(..software).unwrap_or_default());
    }
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend((attributes.len() as u16).to_be_bytes());
    bytes.extend([0x21, 0x12, 0xa4, 0x42]);
    bytes.extend(random.bytes(12));
    bytes.extend(attributes);
    bytes
}

fn sip(first: &str, random: &mut Random, size: usize) -> Vec<u8> {
    let call = random.below(1 << 32);
    let mut message = format!(
        "{first}\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK{call:x}\r\nFrom: <sip:100@h>;tag={call:x}\r\n\
         To: <sip:100@h>\r\nCall-ID: {call:08x}\r\nCSeq: 1 OPTIONS\r\n"
    );
    while message.len() < size {
        let _ = write!(message, "Supported: replaces, timer, path, 100rel\r\n");
    }
    message.push_str("Content-Length: 0\r\n\r\n");
    message.into_bytes()
}

/// A table of 25 routes (RFC 1058).
fn rip_answer(random: &mut Random, _: usize) -> Vec<u8> {
    let mut bytes = vec![2, 1, 0, 0];
    for place in 0..25u8 {
        bytes.extend([0, 2, 0, 0, 10, place, random.below(256) as u8, 0]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3]);
    }
    bytes
}

fn mssql_answer(_: &mut Random, size: usize) -> Vec<u8> {
    let body =
        text("ServerName;DB1;InstanceName;SQLEXPRESS;IsClustered;No;Version;12.0.2000.8;tcp;1433;;", size);
    let length = (body.len() as u16).to_le_bytes();
    [&[5, length[0], length[1]][..], &body].concat()
}

fn steam_answer(_: &mut Random, size: usize) -> Vec<u8> {
    [
        &b"\xff\xff\xff\xffI\x11"[..],
        &text("My server de_dust2 cstrike Counter-Strike ", size),
        &[0, 10, 32, 0],
    ]
    .concat()
}

fn ubiquiti_answer(random: &mut Random, _: usize) -> Vec<u8> {
    let mut fields = Vec::new();
    for (kind, length) in [(2u8, 10usize), (1, 6), (0x0a, 4), (0x0b, 14), (0x0c, 6), (0x0d, 20), (3, 60)] {
        fields.extend([kind, 0, length as u8]);
        fields.extend(random.bytes(length));
    }
    let length = (fields.len() as u16).to_be_bytes();
    [&[1, 0, length[0], length[1]][..], &fields].concat()
}

/// A hard reset (first byte: opcode and key).
fn openvpn(random: &mut Random, opcode: u8) -> Vec<u8> {
    let session = random.bytes(8);
    if opcode == 0x38 {
        return [&[opcode][..], &session, &[0, 0, 0, 0, 0]].concat();
    }
    let remote = random.bytes(8);
    [&[opcode][..], &session, &[1, 0, 0, 0, 0], &remote, &[0, 0, 0, 0]].concat()
}

/// A handshake record of DTLS 1.2 (RFC 6347): 1 = ClientHello, 2 = ServerHello.
fn dtls(random: &mut Random, kind: u8, size: usize) -> Vec<u8> {
    let body = sized(random, &[0xfe, 0xfd], size.max(60), size.max(60));
    let length = (body.len() as u32).to_be_bytes();
    let record = ((body.len() + 12) as u16).to_be_bytes();
    let mut bytes = vec![0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, record[0], record[1]];
    bytes.extend([kind, length[1], length[2], length[3], 0, 0, 0, 0, 0, length[1], length[2], length[3]]);
    bytes.extend(body);
    bytes
}

/// Start-Control-Connection request (1) or reply (2) (RFC 2661 section 6).
fn l2tp(kind: u8) -> Vec<u8> {
    let mut attributes = vec![0x80, 8, 0, 0, 0, 0, 0, kind, 0x80, 8, 0, 0, 0, 2, 1, 0];
    attributes.extend(b"\x80\x16\0\0\0\x07access-concent.1");
    attributes.extend([0x80, 10, 0, 0, 0, 3, 0, 0, 0, 3, 0x80, 8, 0, 0, 0, 9, 0, 1]);
    let length = ((attributes.len() + 12) as u16).to_be_bytes();
    [&[0xc8, 2, length[0], length[1], 0, 1, 0, 0, 0, 0, 0, 1][..], &attributes].concat()
}

/// SLP version 2 (RFC 2608).
fn slp(random: &mut Random, function: u8, size: usize) -> Vec<u8> {
    let length = ((size + 16) as u32).to_be_bytes();
    let mut bytes = vec![2, function, length[1], length[2], length[3], 0, 0, 0, 0, 0];
    bytes.extend(random.bytes(2));
    bytes.extend(b"\0\x02en");
    bytes.extend(text("service:VMwareInfrastructure://esx,", size).get(..size.max(20)).unwrap_or_default());
    bytes.truncate(size + 16);
    bytes
}

/// ReadProperty, or its answer (ASHRAE 135).
fn bacnet(random: &mut Random, reply: bool) -> Vec<u8> {
    let id = random.below(256) as u8;
    let apdu = if reply {
        let mut bytes = vec![0x30, id, 0x0c, 0x0c, 2, 0, 0, 1, 0x19, 0x4d, 0x3e, 0x75, 0x42, 0];
        bytes.extend(text("Building controller of the east wing ", 320));
        bytes.push(0x3f);
        bytes
    } else {
        vec![0, 5, id, 0x0c, 0x0c, 2, 0, 0, 1, 0x19, 0x4d]
    };
    let length = ((apdu.len() + 6) as u16).to_be_bytes();
    [&[0x81, 0x0a, length[0], length[1], 1, if reply { 0 } else { 4 }][..], &apdu].concat()
}

/// IKE_SA_INIT (RFC 7296).
fn ike(random: &mut Random, reply: bool, size: usize) -> Vec<u8> {
    let mut bytes = random.bytes(8);
    bytes.extend(if reply { random.bytes(8) } else { vec![0; 8] });
    bytes.extend([33, 0x20, 34, if reply { 0x20 } else { 8 }, 0, 0, 0, 0]);
    bytes.extend(((size + 28) as u32).to_be_bytes());
    bytes.extend(random.bytes(size));
    bytes
}

/// IKE behind the marker of NAT traversal (RFC 3948).
fn nat_ike(random: &mut Random, reply: bool, size: usize) -> Vec<u8> {
    [vec![0; 4], ike(random, reply, size)].concat()
}

fn dvr_answer(_: &mut Random, size: usize) -> Vec<u8> {
    [
        &b"\x20\0\0\0DHIP\0\0\0\0\0\0\0\0"[..],
        b"{\"mac\":\"3c:ef:8c:00:00:01\",\"method\":\"client.notifyDevInfo\",\"params\":{\"deviceInfo\":{",
        &text("\"DeviceType\":\"DHI-NVR4216\",\"HttpPort\":80,", size),
        b"}}}",
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The product's reader knows them: not a proof of either, but a disagreement would be a fault of one.
    #[test]
    fn answers_are_recognised_at_their_port() {
        let mut random = Random::new(1);
        for service in ALL {
            for _ in 0..20 {
                let answer = service.long_answer(&mut random);
                let found = wire::payload::classify(service.port, 40_000, &answer);
                assert_ne!(found.service, wire::Service::Unknown, "{} {}", service.vector, service.port);
                assert_ne!(found.role, wire::Role::Request, "{} {}", service.vector, service.port);
                let question = service.question(&mut random);
                let found = wire::payload::classify(40_000, service.port, &question);
                assert_ne!(found.role, wire::Role::Response, "{} {}", service.vector, service.port);
            }
        }
    }
}
