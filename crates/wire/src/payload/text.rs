//! Services that speak text.

use super::{Payload, Ports, Request, Response, Service, u16_at};

/// How far into a text is searched.
const SEARCH_BYTES: usize = 1024;

fn contains(payload: &[u8], needle: &[u8]) -> bool {
    let searched = payload.get(..SEARCH_BYTES).unwrap_or(payload);
    searched.windows(needle.len()).any(|window| window == needle)
}

/// Whether a line after the first begins with a header field of SSDP, in any case.
fn has_ssdp_field(payload: &[u8]) -> bool {
    let mut rest = payload.get(..SEARCH_BYTES).unwrap_or(payload);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        rest = rest.get(end + 1..).unwrap_or_default();
        let field: &[u8] = match rest.first() {
            Some(b'C' | b'c') => b"cache-control:",
            Some(b'E' | b'e') => b"ext:",
            Some(b'L' | b'l') => b"location:",
            Some(b'S' | b's') if matches!(rest.get(1), Some(b'T' | b't')) => b"st:",
            Some(b'S' | b's') => b"server:",
            Some(b'U' | b'u') => b"usn:",
            _ => continue,
        };
        if rest.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field)) {
            return true;
        }
    }
    false
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t'))
}

/// Text services at any port.
pub(super) fn any_port(payload: &[u8]) -> Option<Payload> {
    match payload.first()? {
        b'H' | b'M' | b'N' => ssdp(payload).or_else(|| sip(payload)),
        b'A'..=b'Z' => sip(payload),
        b'<' => ws_discovery(payload),
        _ => None,
    }
    .or_else(|| dvr(payload))
    .or_else(|| chargen(payload))
}

/// SSDP (UPnP Device Architecture 1.1 section 1): HTTP over UDP, which nobody else speaks.
pub(super) fn ssdp(payload: &[u8]) -> Option<Payload> {
    if payload.starts_with(b"M-SEARCH * HTTP/1.") {
        return Some(Payload::new(Service::Ssdp, Request));
    }
    if payload.starts_with(b"NOTIFY * HTTP/1.") {
        return Some(Payload::new(Service::Ssdp, Response));
    }
    (payload.starts_with(b"HTTP/1.") && has_ssdp_field(payload))
        .then(|| Payload::new(Service::Ssdp, Response))
}

/// SIP (RFC 3261 section 7): the version first, or a method and an address of a few schemes.
pub(super) fn sip(payload: &[u8]) -> Option<Payload> {
    if payload.starts_with(b"SIP/2.0 ") {
        return Some(Payload::new(Service::Sip, Response));
    }
    let space = payload.iter().take(12).position(|byte| *byte == b' ')?;
    let (method, rest) = payload.split_at_checked(space)?;
    let is_method = method.len() >= 3 && method.iter().all(u8::is_ascii_uppercase);
    let is_address = [&b" sip:"[..], b" sips:", b" tel:"].iter().any(|scheme| rest.starts_with(scheme));
    (is_method && is_address).then(|| Payload::new(Service::Sip, Request))
}

/// WS-Discovery at any port: SOAP that speaks of discovery, or that was cut off before it could.
fn ws_discovery(payload: &[u8]) -> Option<Payload> {
    let start = payload.get(..256).unwrap_or(payload);
    let is_soap = contains(start, b":Envelope") || contains(start, b"<Envelope");
    if !is_soap || !(payload.len() < 256 || contains(payload, b"discovery") || contains(payload, b"Probe")) {
        return None;
    }
    let asks = contains(payload, b"Probe") && !contains(payload, b"ProbeMatch");
    Some(Payload::new(Service::WsDiscovery, if asks { Request } else { Response }))
}

/// WS-Discovery at its own port.
pub(super) fn ws_discovery_at_port(ports: Ports, payload: &[u8]) -> Option<Payload> {
    payload.starts_with(b"<").then(|| Payload::new(Service::WsDiscovery, ports.role(3702)))
}

/// Characters in a line of the pattern of RFC 864.
const CHARGEN_LINE: usize = 72;

/// The pattern of RFC 864: each byte is the successor of the one before, from any beginning, and a line ends
/// after 72. Less would take the filling of path discovery for it, which counts up too.
fn chargen(payload: &[u8]) -> Option<Payload> {
    let line = payload.get(..CHARGEN_LINE)?;
    let follows = |pair: &[u8]| match pair {
        [a, b] => *b == a.wrapping_add(1) || (*a >= b'}' && matches!(*b, b' ' | b'!')),
        _ => false,
    };
    let ends = payload.get(CHARGEN_LINE..)?.starts_with(b"\r\n");
    (ends && line.windows(2).all(follows)).then(|| Payload::new(Service::Chargen, Response))
}

/// Character generator at its own port: it answers anything with text.
pub(super) fn chargen_at_port(ports: Ports, payload: &[u8]) -> Option<Payload> {
    match ports.role(19) {
        Response => (payload.len() >= 32 && is_text(payload.get(..64).unwrap_or(payload)))
            .then(|| Payload::new(Service::Chargen, Response)),
        Request => (payload.len() <= 64).then(|| Payload::new(Service::Chargen, Request)),
        super::Role::Unknown => None,
    }
}

/// Quote of the day, only at its own port: it answers anything with text.
pub(super) fn qotd(ports: Ports, payload: &[u8]) -> Option<Payload> {
    match ports.role(17) {
        Response => (payload.len() >= 8 && is_text(payload.get(..64).unwrap_or(payload)))
            .then(|| Payload::new(Service::Qotd, Response)),
        Request => (payload.len() <= 64).then(|| Payload::new(Service::Qotd, Request)),
        super::Role::Unknown => None,
    }
}

/// The frame before memcached's text (protocol.txt, "UDP protocol"): request, sequence, total, and 0.
fn memcached_text(payload: &[u8]) -> Option<&[u8]> {
    let (header, text) = payload.split_first_chunk::<8>()?;
    let (sequence, total) = (u16_at(header, 2), u16_at(header, 4));
    (header[6..] == [0, 0] && sequence < total).then_some(text)
}

/// Memcached at any port: its frame and one of its words.
pub(super) fn memcached(payload: &[u8]) -> Option<Payload> {
    if payload.get(6..8) != Some(&[0, 0]) {
        return None;
    }
    let text = memcached_text(payload)?;
    let answers: [&[u8]; 8] = [
        b"VALUE ",
        b"STAT ",
        b"END\r\n",
        b"ERROR\r\n",
        b"CLIENT_ERROR",
        b"SERVER_ERROR",
        b"STORED\r\n",
        b"VERSION ",
    ];
    let questions: [&[u8]; 7] = [b"get ", b"gets ", b"stats", b"set ", b"add ", b"version\r\n", b"flush_all"];
    if answers.iter().any(|word| text.starts_with(word)) {
        Some(Payload::new(Service::Memcached, Response))
    } else if questions.iter().any(|word| text.starts_with(word)) {
        Some(Payload::new(Service::Memcached, Request))
    } else {
        None
    }
}

/// Memcached at its own port: its frame, since only the first datagram of an answer begins with a word.
pub(super) fn memcached_at_port(ports: Ports, payload: &[u8]) -> Option<Payload> {
    memcached_text(payload)?;
    memcached(payload).or_else(|| Some(Payload::new(Service::Memcached, ports.role(11211))))
}

/// The mark of the video recorders' binary frame with its length.
fn is_dvr_frame(payload: &[u8]) -> bool {
    payload.starts_with(&[0x20, 0, 0, 0]) && payload.get(4..8) == Some(b"DHIP")
}

/// Video recorders at any port: their frame. After 32 bytes of header comes JSON, which in a question names the
/// method of discovery near its beginning.
fn dvr(payload: &[u8]) -> Option<Payload> {
    is_dvr_frame(payload).then(|| {
        let asks = contains(payload.get(..160).unwrap_or(payload), b"DHDiscover.search");
        Payload::new(Service::Dvr, if asks { Request } else { Response })
    })
}

/// Video recorders at their own port: the frame, its bare mark, or JSON.
pub(super) fn dvr_at_port(ports: Ports, payload: &[u8]) -> Option<Payload> {
    let known = is_dvr_frame(payload) || payload.starts_with(b"DHIP") || payload.starts_with(b"{");
    known.then(|| Payload::new(Service::Dvr, ports.role(37810)))
}
