//! The DNS message format (RFC 1035 section 4) and its relatives.

use super::{Payload, Request, Response, Role, Service, u16_at};

const HEADER_BYTES: usize = 12;
const QR: u16 = 0x8000;
/// Reserved; the bits beside it (AD, CD) are in use.
const Z: u16 = 0x0040;
/// Longest name (RFC 1035 section 2.3.4).
const MAX_NAME_BYTES: usize = 255;
/// Records in a message beyond which it is none: 64 KiB have room for fewer.
const MAX_RECORDS: u16 = 4096;

struct Header {
    response: bool,
    opcode: u16,
    rcode: u16,
    reserved: bool,
    questions: u16,
    answers: u16,
    authorities: u16,
    additionals: u16,
}

#[inline]
fn header(payload: &[u8]) -> Option<Header> {
    let bytes = payload.first_chunk::<HEADER_BYTES>()?;
    let field = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let flags = field(2);
    Some(Header {
        response: flags & QR != 0,
        opcode: flags >> 11 & 0x0f,
        rcode: flags & 0x0f,
        reserved: flags & Z != 0,
        questions: field(4),
        answers: field(6),
        authorities: field(8),
        additionals: field(10),
    })
}

impl Header {
    fn role(&self) -> Role {
        if self.response { Response } else { Request }
    }

    /// Assigned opcodes are 0, 1, 2, 4, 5 and 6.
    fn is_sane(&self) -> bool {
        !self.reserved
            && self.opcode <= 6
            && self.opcode != 3
            && (self.response || self.rcode == 0)
            && self.answers <= MAX_RECORDS
            && self.authorities <= MAX_RECORDS
            && self.additionals <= MAX_RECORDS
            && (self.questions, self.answers, self.authorities, self.additionals) != (0, 0, 0, 0)
    }
}

enum Name {
    /// The name ends at this offset.
    Ends(usize),
    CutOff,
    Bad,
}

/// Follows the labels of an uncompressed name.
fn name(payload: &[u8], start: usize) -> Name {
    let mut at = start;
    while at - start <= MAX_NAME_BYTES {
        match payload.get(at) {
            None => return Name::CutOff,
            Some(0) => return Name::Ends(at + 1),
            Some(&length) if length <= 63 => at += 1 + usize::from(length),
            Some(_) => return Name::Bad,
        }
    }
    Name::Bad
}

/// Types and classes that questions have: assigned ones, the cache-flush or unicast bit of mDNS allowed.
fn is_question(kind: u16, class: u16) -> bool {
    (matches!(kind, 1..=65 | 99..=109 | 128 | 249..=262 | 32768 | 32769))
        && matches!(class & 0x7fff, 1 | 3 | 4 | 254 | 255)
}

/// A DNS message at its own port: a sane header and, if the question is there, a sane question.
pub(super) fn dns_at_port(payload: &[u8], service: Service) -> Option<Payload> {
    let header = header(payload)?;
    if !header.is_sane() || header.questions > 64 {
        return None;
    }
    if header.questions > 0 {
        match name(payload, HEADER_BYTES) {
            Name::Bad => return None,
            Name::CutOff => {}
            Name::Ends(at) if payload.len() >= at + 4 => {
                // Any type may be asked for, but the class has no more than these.
                if !matches!(u16_at(payload, at + 2) & 0x7fff, 1 | 3 | 4 | 254 | 255) {
                    return None;
                }
            }
            Name::Ends(_) => {}
        }
    }
    Some(Payload::new(service, header.role()))
}

/// A DNS message at any port: exactly one whole and ordinary question, counts that fit the role and the length.
pub(super) fn dns(payload: &[u8]) -> Option<Payload> {
    if payload.get(4..6) != Some(&[0, 1]) {
        return None;
    }
    let header = header(payload)?;
    if !header.is_sane() {
        return None;
    }
    if !header.response && (header.answers > 0 || header.authorities > 0 || header.additionals > 2) {
        return None;
    }
    let Name::Ends(at) = name(payload, HEADER_BYTES) else { return None };
    if payload.len() < at + 4 || !is_question(u16_at(payload, at), u16_at(payload, at + 2)) {
        return None;
    }
    let rest = payload.len() - at - 4;
    let records = header.answers + header.authorities + header.additionals;
    if (records == 0) != (rest == 0) {
        return None;
    }
    Some(Payload::new(Service::Dns, header.role()))
}

/// The first name of a NetBIOS message: 32 letters from A to P (RFC 1001 section 14.1).
fn has_netbios_name(payload: &[u8]) -> bool {
    payload.get(HEADER_BYTES) == Some(&32)
        && payload
            .get(HEADER_BYTES + 1..HEADER_BYTES + 33)
            .is_some_and(|name| name.iter().all(|byte| (b'A'..=b'P').contains(byte)))
}

/// NetBIOS name service at its own port (RFC 1002 section 4.2).
pub(super) fn netbios_at_port(payload: &[u8]) -> Option<Payload> {
    let header = header(payload)?;
    let counts = [header.questions, header.answers, header.authorities, header.additionals];
    (counts.iter().all(|count| *count <= 64) && counts != [0; 4])
        .then(|| Payload::new(Service::Netbios, header.role()))
}

/// NetBIOS name service at any port: by its encoded name.
pub(super) fn netbios(payload: &[u8]) -> Option<Payload> {
    if payload.get(HEADER_BYTES) != Some(&32) || !has_netbios_name(payload) {
        return None;
    }
    netbios_at_port(payload)
}
