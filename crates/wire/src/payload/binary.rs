//! Services that speak binary formats.

use super::{Payload, Ports, Request, Response, Role, Service, u16_at, u32_at};

fn role(asks: bool) -> Role {
    if asks { Request } else { Response }
}

/// NTP's modes 6 (control) and 7 (private) at any port. Mode 7 has a count and a size of items that add up to
/// the length; mode 6 has a count of bytes that does.
fn ntp_control(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<8>()?;
    let version = head[0] >> 3 & 7;
    let fits = match head[0] & 7 {
        7 if head[0] & 0x80 != 0 => {
            let count = usize::from(u16_at(head, 4) & 0x0fff);
            let size = usize::from(u16_at(head, 6) & 0x0fff);
            (2..=4).contains(&version)
                && matches!(head[2], 0 | 2 | 3)
                && head[3] <= 60
                && (8 + count * size == payload.len() || (count == 0 && payload.len() <= 48))
                && size <= 500
        }
        7 => {
            (2..=4).contains(&version)
                && matches!(head[2], 0 | 2 | 3)
                && head[3] <= 60
                && head[1] & 0x7f == 0
                && u16_at(head, 4) <= 16
                && head[6..] == [0, 0]
        }
        6 => {
            let count = usize::from(u16_at(payload, 10));
            let opcode = head[1] & 0x1f;
            (1..=4).contains(&version)
                && head[0] & 0xc0 == 0
                && (opcode <= 12 || opcode == 31)
                && payload.len() >= 12
                && payload.len() >= 12 + count
                && payload.len() <= 12 + count.next_multiple_of(4) + 24
        }
        _ => false,
    };
    let asks = if head[0] & 7 == 7 { head[0] & 0x80 == 0 } else { head[1] & 0x80 == 0 };
    fits.then(|| Payload::new(Service::Ntp, role(asks)))
}

/// NTP at its own port (RFC 5905 section 7.3): version and mode, and the 48 bytes of a clock packet.
pub(super) fn ntp_at_port(payload: &[u8]) -> Option<Payload> {
    let first = *payload.first()?;
    let version = first >> 3 & 7;
    let role = match first & 7 {
        1 | 3 => Request,
        2 | 4 | 5 => Response,
        // Tools send these cut short, and what answers them is long.
        6 if payload.len() >= 2 => role(payload.get(1).is_some_and(|byte| byte & 0x80 == 0)),
        7 => role(first & 0x80 == 0),
        _ => return None,
    };
    let long_enough = payload.len() >= 48 || first & 7 >= 6 && payload.len() >= 4;
    ((1..=4).contains(&version) && long_enough).then(|| Payload::new(Service::Ntp, role))
}

/// NTP at any port. A clock packet is 48 bytes, with an authenticator 68 or 72, and its fields have narrow ranges.
pub(super) fn ntp(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<8>()?;
    let mode = head[0] & 7;
    if mode >= 6 {
        // Away from port 123 only what amplifies is named: it is long, or the known questions for it.
        let payload_kind = ntp_control(payload)?;
        let control_question = mode == 6 && payload_kind.role == Request && payload.len() == 12;
        let private_question = mode == 7 && matches!(head[3], 0 | 1 | 16 | 20 | 42);
        let has_text = mode == 6
            && payload.get(12..44).is_some_and(|text| text.iter().all(|byte| matches!(byte, 9..=126)));
        let has_items = mode == 7 && u16_at(head, 6) >= 4;
        return (control_question || private_question || has_text || has_items).then_some(payload_kind);
    }
    let version = head[0] >> 3 & 7;
    if !matches!(mode, 3 | 4) || !matches!(version, 3 | 4) || !matches!(payload.len(), 48 | 68 | 72) {
        return None;
    }
    let bare_question =
        mode == 3 && payload.get(1..40).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    let small = head[1] <= 16 && head[2] <= 17 && head[3] >= 0xe0;
    // Root delay and dispersion below 16 s.
    let near = u32_at(payload, 4) < 16 << 16 && u32_at(payload, 8) < 16 << 16;
    (bare_question || (small && near)).then(|| Payload::new(Service::Ntp, role(mode == 3)))
}

/// A BER header (X.690 section 8.1.3) with this tag: offset of the content and its length. Lengths beyond the
/// payload are allowed, since it may be cut off or fragmented, but not beyond a datagram.
fn ber(payload: &[u8], at: usize, tag: u8) -> Option<(usize, usize)> {
    if *payload.get(at)? != tag {
        return None;
    }
    let first = *payload.get(at + 1)?;
    if first < 0x80 {
        return Some((at + 2, usize::from(first)));
    }
    let bytes = usize::from(first & 0x7f);
    if !(1..=4).contains(&bytes) {
        return None;
    }
    let digits = payload.get(at + 2..at + 2 + bytes)?;
    let length = digits.iter().fold(0_usize, |length, digit| length << 8 | usize::from(*digit));
    (length <= 0xffff).then_some((at + 2 + bytes, length))
}

/// The outer sequence of an LDAP or SNMP message: offset of its content.
fn message(payload: &[u8]) -> Option<usize> {
    let (content, length) = ber(payload, 0, 0x30)?;
    // Several messages may follow each other (CLDAP sends entry and end); a cut payload is shorter.
    (length >= 5).then_some(content)
}

/// Connectionless LDAP (RFC 4511 section 4.1.1): message id, then a search or its results.
pub(super) fn cldap(payload: &[u8]) -> Option<Payload> {
    let (id, id_length) = ber(payload, message(payload)?, 0x02)?;
    if !(1..=4).contains(&id_length) {
        return None;
    }
    let operation = id + id_length;
    let tag = *payload.get(operation)?;
    let known = matches!(tag, 0x63 | 0x64 | 0x65 | 0x73);
    (known && ber(payload, operation, tag).is_some()).then(|| Payload::new(Service::Cldap, role(tag == 0x63)))
}

/// SNMP versions 1, 2c (community, then a PDU) and 3 (RFC 3412 section 6: a sequence of message data).
pub(super) fn snmp(ports: Ports, payload: &[u8]) -> Option<Payload> {
    let (version_at, version_length) = ber(payload, message(payload)?, 0x02)?;
    if version_length != 1 {
        return None;
    }
    let next = version_at + 1;
    match *payload.get(version_at)? {
        0 | 1 => {
            let (community, length) = ber(payload, next, 0x04)?;
            let role = match *payload.get(community + length)? {
                0xa0 | 0xa1 | 0xa3 | 0xa5 => Request,
                0xa2 | 0xa8 => Response,
                0xa4 | 0xa6 | 0xa7 => Role::Unknown,
                _ => return None,
            };
            Some(Payload::new(Service::Snmp, role))
        }
        3 => {
            let (data, _) = ber(payload, next, 0x30)?;
            ber(payload, data, 0x02)?;
            Some(Payload::new(Service::Snmp, ports.role(161)))
        }
        _ => None,
    }
}

const RPC_VERSION: u32 = 2;
const PORTMAP_PROGRAM: u32 = 100_000;

/// A call of the port mapper (RFC 5531 section 9, RFC 1833 section 3.2), or the answer to a dump of its table,
/// at any port.
pub(super) fn portmap(payload: &[u8]) -> Option<Payload> {
    let word = |index: usize| u32_at(payload, index * 4);
    if payload.len() < 24 || word(1) > 1 {
        return None;
    }
    if word(1) == 0 {
        let called = word(2) == RPC_VERSION && word(3) == PORTMAP_PROGRAM && (2..=4).contains(&word(4));
        return (called && word(5) <= 12).then(|| Payload::new(Service::Portmap, Request));
    }
    let accepted = payload.get(8..24).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    let first_entry = payload.len() >= 44 && word(6) == 1 && word(7) == PORTMAP_PROGRAM && word(8) <= 4;
    (accepted && first_entry).then(|| Payload::new(Service::Portmap, Response))
}

/// The port mapper at its own port: any call of it and any well-formed reply.
pub(super) fn portmap_at_port(payload: &[u8]) -> Option<Payload> {
    if payload.len() >= 12 && u32_at(payload, 4) == 1 && u32_at(payload, 8) <= 1 {
        return Some(Payload::new(Service::Portmap, Response));
    }
    portmap(payload)
}

/// TFTP at any port (RFC 1350 section 5): a request with file and mode, a full first block, or an error text.
/// Answers come from a new port, so the usual port does not help with them.
pub(super) fn tftp(payload: &[u8]) -> Option<Payload> {
    let (head, rest) = payload.split_first_chunk::<2>()?;
    match head {
        [0, 1 | 2] => {
            let mut parts = rest.splitn(3, |byte| *byte == 0);
            let (file, mode) = (parts.next()?, parts.next()?);
            let printable = !file.is_empty() && file.iter().all(|byte| (b' '..=b'~').contains(byte));
            let known =
                [&b"octet"[..], b"netascii", b"mail"].iter().any(|name| mode.eq_ignore_ascii_case(name));
            (printable && known).then(|| Payload::new(Service::Tftp, Request))
        }
        [0, 3] => {
            // A whole first block has 516 bytes; a capture may have cut it, and a small file makes less.
            ((64..=516).contains(&payload.len()) && rest.starts_with(&[0, 1]))
                .then(|| Payload::new(Service::Tftp, Response))
        }
        [0, 5] => {
            let (code, text) = rest.split_first_chunk::<2>()?;
            let (end, text) = text.split_last()?;
            let printable = text.iter().all(|byte| (b' '..=b'~').contains(byte));
            (code[0] == 0 && code[1] <= 8 && *end == 0 && printable && text.len() >= 4)
                .then(|| Payload::new(Service::Tftp, Response))
        }
        _ => None,
    }
}

/// TFTP at its own port.
pub(super) fn tftp_at_port(payload: &[u8]) -> Option<Payload> {
    let role = match payload.first_chunk::<2>()? {
        [0, 1 | 2 | 4] => Request,
        [0, 3 | 5 | 6] => Response,
        _ => return None,
    };
    (payload.len() >= 4).then(|| Payload::new(Service::Tftp, role))
}

/// CoAP at its own port (RFC 7252 section 3): version 1, token of at most 8 bytes, an assigned code.
pub(super) fn coap_at_port(payload: &[u8]) -> Option<Payload> {
    let &[first, code, ..] = payload.first_chunk::<4>()?;
    if first >> 6 != 1 || first & 0x0f > 8 {
        return None;
    }
    let role = match (code >> 5, code & 0x1f) {
        (0, 1..=7) => Request,
        (0, 0) if payload.len() == 4 => Role::Unknown,
        (2, 1..=5 | 31) | (4, 0..=15 | 22 | 29) | (5, 0..=8) => Response,
        _ => return None,
    };
    Some(Payload::new(Service::Coap, role))
}

/// CoAP at any port: a question for, or an answer with, the list of resources (RFC 6690), which amplifies most.
pub(super) fn coap(payload: &[u8]) -> Option<Payload> {
    let kind = coap_at_port(payload)?;
    let head = payload.get(..64).unwrap_or(payload);
    let needle: &[u8] = if kind.role == Request { b".well-known" } else { b"\xff</" };
    head.windows(needle.len()).any(|window| window == needle).then_some(kind)
}

/// Apple's remote management at any port: the head of the answer that is seen in attacks, whose length field
/// counts what follows it.
pub(super) fn arms(payload: &[u8]) -> Option<Payload> {
    (payload.starts_with(&[0x00, 0x01, 0x03, 0xea]) && payload.len() == 0x03ea + 4)
        .then(|| Payload::new(Service::Arms, Response))
}

/// Apple's remote management at its own port.
pub(super) fn arms_at_port(ports: Ports, payload: &[u8]) -> Option<Payload> {
    let known = payload.len() >= 4 && matches!(payload, [0, 0x01 | 0x14, ..]);
    known.then(|| Payload::new(Service::Arms, ports.role(3283)))
}

/// STUN by its magic cookie (RFC 8489 section 5). The class is in two bits of the type.
pub(super) fn stun(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<8>()?;
    let (kind, length) = (u16_at(head, 0), usize::from(u16_at(head, 2)));
    if kind & 0xc000 != 0 || u32_at(head, 4) != 0x2112_a442 || length % 4 != 0 || length > 4096 {
        return None;
    }
    let role = match kind & 0x0110 {
        0x0000 => Request,
        0x0010 => Role::Unknown,
        _ => Response,
    };
    Some(Payload::new(Service::Stun, role))
}

/// RIP at its own port (RFC 2453 section 4).
pub(super) fn rip_at_port(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<4>()?;
    let known =
        matches!(head[0], 1 | 2) && matches!(head[1], 1 | 2) && (payload.len() - 4).is_multiple_of(20);
    known.then(|| Payload::new(Service::Rip, role(head[0] == 1)))
}

/// A RIP response at any port: its first entry has a known family and a metric from 1 to 16.
pub(super) fn rip(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<24>()?;
    let known_family = matches!(u16_at(head, 4), 2 | 0xffff);
    let known_metric = (1..=16).contains(&u32_at(head, 20)) || u16_at(head, 4) == 0xffff;
    (head[0] == 2 && head[2..4] == [0, 0] && known_family && known_metric)
        .then(|| rip_at_port(payload))
        .flatten()
}

/// The answer of the SQL Server resolution service at any port (MS-SQLR section 2.2.5).
pub(super) fn mssql(payload: &[u8]) -> Option<Payload> {
    let (head, text) = payload.split_first_chunk::<3>()?;
    let length = usize::from(u16::from_le_bytes([head[1], head[2]]));
    (head[0] == 5 && length >= text.len() && text.starts_with(b"ServerName;"))
        .then(|| Payload::new(Service::Mssql, Response))
}

/// The SQL Server resolution service at its own port: requests are a single byte, or one and a name.
pub(super) fn mssql_at_port(ports: Ports, payload: &[u8]) -> Option<Payload> {
    mssql(payload).or_else(|| {
        let asks = ports.role(1434) == Request
            && match payload {
                [2 | 3] => true,
                [4 | 15, rest @ ..] => rest.len() <= 34,
                _ => false,
            };
        asks.then(|| Payload::new(Service::Mssql, Request))
    })
}

/// Server queries of Valve's games (developer.valvesoftware.com/wiki/Server_queries) at any port.
pub(super) fn steam(payload: &[u8]) -> Option<Payload> {
    let (head, rest) = payload.split_first_chunk::<5>()?;
    if head[..4] != [0xff; 4] {
        return None;
    }
    let role = match head[4] {
        b'T' if rest.starts_with(b"Source Engine Query") => Request,
        b'U' | b'V' if rest.len() == 4 => Request,
        b'W' if rest.is_empty() || rest == [0xff; 4] => Request,
        b'A' if rest.len() == 4 => Response,
        // Protocol version, then the server's name.
        b'I' if rest.first().is_some_and(|version| (1..=64).contains(version))
            && rest.get(1).is_some_and(|byte| *byte >= b' ' || *byte == 0) =>
        {
            Response
        }
        b'D' | b'E' if rest.len() >= 3 => Response,
        _ => return None,
    };
    Some(Payload::new(Service::Steam, role))
}

/// As [`steam`], and answers in several datagrams.
pub(super) fn steam_at_port(payload: &[u8]) -> Option<Payload> {
    if payload.starts_with(&[0xfe, 0xff, 0xff, 0xff]) && payload.len() > 16 {
        return Some(Payload::new(Service::Steam, Response));
    }
    steam(payload)
}

/// Ubiquiti discovery at any port: version, command, length of the rest, and fields of type and length.
pub(super) fn ubiquiti(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<7>()?;
    let field_length = usize::from(u16_at(head, 5));
    let fits = matches!(head[0], 1 | 2)
        && head[1] <= 0x0b
        && usize::from(u16_at(head, 2)) + 4 == payload.len()
        && head[4] <= 0x20
        && (1..=64).contains(&field_length)
        && 7 + field_length <= payload.len();
    fits.then(|| Payload::new(Service::Ubiquiti, Response))
}

/// Ubiquiti discovery at its own port: a request is a header alone.
pub(super) fn ubiquiti_at_port(ports: Ports, payload: &[u8]) -> Option<Payload> {
    match payload {
        [1 | 2, command, 0, 0] if *command <= 0x0b => {
            Some(Payload::new(Service::Ubiquiti, ports.role(10001)))
        }
        _ => ubiquiti(payload).map(|kind| Payload::new(kind.service, ports.role(10001))),
    }
}

const OPENVPN_CLIENT_RESET: u8 = 7 << 3;
const OPENVPN_SERVER_RESET: u8 = 8 << 3;
const OPENVPN_CLIENT_RESET_3: u8 = 10 << 3;

/// The resets that begin an OpenVPN session, without the optional HMAC, at any port
/// (openvpn/doc, "Network protocol"): session, acknowledgements, packet number 0.
pub(super) fn openvpn(payload: &[u8]) -> Option<Payload> {
    let zero =
        |from: usize, to: usize| payload.get(from..to).is_some_and(|bytes| bytes.iter().all(|b| *b == 0));
    match (payload.first()?, payload.len()) {
        (&OPENVPN_CLIENT_RESET, 14) if zero(9, 14) => Some(Payload::new(Service::Openvpn, Request)),
        (&OPENVPN_SERVER_RESET, 26) if payload.get(9) == Some(&1) && zero(10, 14) && zero(22, 26) => {
            Some(Payload::new(Service::Openvpn, Response))
        }
        _ => None,
    }
}

/// OpenVPN's resets at its own port.
pub(super) fn openvpn_at_port(payload: &[u8]) -> Option<Payload> {
    let role = match *payload.first()? {
        OPENVPN_CLIENT_RESET | OPENVPN_CLIENT_RESET_3 => Request,
        OPENVPN_SERVER_RESET => Response,
        _ => return None,
    };
    (payload.len() >= 14).then(|| Payload::new(Service::Openvpn, role))
}

/// A DTLS record (RFC 6347 section 4.1; the version of 1.0, 1.2 or OpenSSL's old one). Versions count down.
pub(super) fn dtls(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<13>()?;
    let known = (20..=25).contains(&head[0])
        && matches!(head[1..3], [0xfe, 0xff | 0xfd] | [0x01, 0x00])
        && (1..=0x4800).contains(&u16_at(head, 11));
    if !known || (head[1] == 1 && usize::from(u16_at(head, 11)) + 13 > payload.len()) {
        return None;
    }
    let plain_handshake = head[0] == 22 && head[3..5] == [0, 0];
    let role = match payload.get(13) {
        Some(1) if plain_handshake => Request,
        Some(2 | 3) if plain_handshake => Response,
        _ => Role::Unknown,
    };
    Some(Payload::new(Service::Dtls, role))
}

/// An L2TP control message at its own port (RFC 2661 section 3.1).
pub(super) fn l2tp_at_port(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<6>()?;
    if !matches!(head[1] & 0x0f, 2 | 3) || head[0] & 0x30 != 0 || head[1] & 0xf0 != 0 {
        return None;
    }
    l2tp(payload).or_else(|| Some(Payload::new(Service::L2tp, Role::Unknown)))
}

/// An L2TP control message at any port: length, and the message type as its first value pair.
pub(super) fn l2tp(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<20>()?;
    let fits = head[..2] == [0xc8, 0x02]
        && usize::from(u16_at(head, 2)) == payload.len()
        && head[12..18] == [0x80, 0x08, 0, 0, 0, 0];
    let role = match u16_at(head, 18) {
        1 | 3 | 6 | 7 | 9 | 10 => Request,
        2 | 4 | 8 | 11 | 12 => Response,
        _ => Role::Unknown,
    };
    fits.then(|| Payload::new(Service::L2tp, role))
}

fn is_quic_version(version: u32) -> bool {
    matches!(version,
        1 | 0x6b33_43cf
        | 0xff00_0010..=0xff00_0030 // drafts
        | 0x5130_3433..=0x5130_3530 // Q043 to Q050
        | 0x5430_3530..=0x5430_3531 // T050, T051
        | 0xface_b000..=0xface_b0ff)
}

/// A QUIC long header (RFC 8999 section 5.1) of a known version, or a version negotiation. Short headers have
/// no structure and are not named.
pub(super) fn quic(ports: Ports, payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<7>()?;
    if head[0] & 0x80 == 0 {
        return None;
    }
    let (version, destination_id) = (u32_at(head, 1), usize::from(head[5]));
    if version != 0 && !is_quic_version(version) || destination_id > 20 {
        return None;
    }
    if version == 0 {
        let source_id = usize::from(*payload.get(6 + destination_id)?);
        let versions = payload.get(7 + destination_id + source_id..)?;
        let fits = source_id <= 20 && versions.len() >= 4 && versions.len().is_multiple_of(4);
        return fits.then(|| Payload::new(Service::Quic, Response));
    }
    Some(Payload::new(Service::Quic, ports.role(443)))
}

const IKE_HEADER_BYTES: usize = 28;

/// An IKE message (RFC 7296 section 3.1, RFC 2408 section 3.1), after the four zeros of port 4500
/// (RFC 3948 section 2.2) or without.
pub(super) fn ike(ports: Ports, payload: &[u8]) -> Option<Payload> {
    let message = if payload.starts_with(&[0; 4]) { payload.get(4..)? } else { payload };
    let head = message.first_chunk::<IKE_HEADER_BYTES>()?;
    let known = match head[17] {
        0x20 => matches!(head[18], 34..=43),
        0x10 => matches!(head[18], 1..=6 | 32 | 33),
        _ => false,
    };
    let at_port = ports.has(500) || ports.has(4500);
    let length = u32_at(head, 24) as usize;
    // A cut or fragmented message is shorter than it says.
    let fits = length == message.len() || at_port && (IKE_HEADER_BYTES..=0xffff).contains(&length);
    if !known || !fits || head[..8] == [0; 8] {
        return None;
    }
    let first = head[8..16] == [0; 8];
    let role = match (head[17], ports.role(500), ports.role(4500)) {
        (0x20, _, _) => role(head[19] & 0x20 == 0),
        (_, _, _) if first => Request,
        (_, Role::Unknown, by_port) => by_port,
        (_, by_port, _) => by_port,
    };
    Some(Payload::new(Service::Ike, role))
}

/// BACnet/IP (ASHRAE 135 annex J): its type, a function, the length, and version 1 of the network layer.
pub(super) fn bacnet(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<6>()?;
    let length = usize::from(u16_at(head, 2));
    if head[0] != 0x81 || head[1] > 0x0b || length < payload.len() || length > 1500 {
        return None;
    }
    let network = match head[1] {
        0x04 => 10,
        0x09..=0x0b => 4,
        _ => return Some(Payload::new(Service::Bacnet, Role::Unknown)),
    };
    if payload.get(network) != Some(&1) {
        return None;
    }
    // Without routing the application layer follows; its type is in the upper half of its first byte.
    let routed = payload.get(network + 1).is_some_and(|control| control & 0xa8 != 0);
    let role = match (routed, payload.get(network + 2).map(|first| first >> 4), payload.get(network + 3)) {
        (false, Some(0), _) | (false, Some(1), Some(7 | 8)) => Request,
        (false, Some(1), Some(0 | 1)) | (false, Some(2 | 3 | 5 | 6 | 7), _) => Response,
        _ => Role::Unknown,
    };
    Some(Payload::new(Service::Bacnet, role))
}

/// SLP at its own port (RFC 2608 section 8; version 1 is RFC 2165).
pub(super) fn slp_at_port(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<4>()?;
    let role = match head[1] {
        1 | 3 | 4 | 6 | 9 => Request,
        2 | 5 | 7 | 8 | 10 | 11 => Response,
        _ => return None,
    };
    matches!(head[0], 1 | 2).then(|| Payload::new(Service::Slp, role))
}

/// SLP version 2 at any port: its length and a language tag of letters.
pub(super) fn slp(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<16>()?;
    let length = (u32_at(head, 2) >> 8) as usize;
    let tag_length = usize::from(u16_at(head, 12));
    let fits = head[0] == 2 && length == payload.len() && (2..=8).contains(&tag_length);
    let letters = head[14].is_ascii_alphabetic() && head[15].is_ascii_alphabetic();
    if fits && letters { slp_at_port(payload) } else { None }
}

/// A compound RTCP packet (RFC 3550 section 6.1), which begins with a sender or receiver report.
pub(super) fn rtcp(payload: &[u8]) -> Option<Payload> {
    let head = payload.first_chunk::<8>()?;
    let length = (usize::from(u16_at(head, 2)) + 1) * 4;
    let known = head[0] & 0xc0 == 0x80 && matches!(head[1], 200 | 201);
    let reports = usize::from(head[0] & 0x1f);
    let smallest = if head[1] == 200 { 28 } else { 8 } + reports * 24;
    (known && length <= payload.len() && length >= smallest)
        .then(|| Payload::new(Service::Rtp, Role::Unknown))
}
