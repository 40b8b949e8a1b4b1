//! Of which export protocol some bytes are, and where the datagrams of a raw dump begin.
//!
//! Cheap and strict: the decoder itself goes by the version number alone and keeps what it can of a damaged
//! datagram, but here the question is whether bytes of unknown origin are flow exports at all.

use super::{bytes::Bytes, netflow5, record::Protocol, sflow};

const NETFLOW9_HEADER_BYTES: usize = 20;
const IPFIX_HEADER_BYTES: usize = 16;
/// The version of NetFlow v9 read as a set id, which is reserved there: so the next datagram of a dump begins.
const NETFLOW9_VERSION: u16 = 9;

/// The export protocol of a datagram, or of a raw dump or IPFIX file (RFC 5655) that begins with one. `None`
/// unless the version, counts and lengths of the whole first datagram agree.
pub fn looks_like(datagram: &[u8]) -> Option<Protocol> {
    let (protocol, length) = first(datagram)?;
    let rest = datagram.get(length..)?;
    (rest.len() < 4 || version(rest) == Some(protocol)).then_some(protocol)
}

/// The datagrams that stand one after the other in `bytes`, as in an IPFIX file or a raw dump of payloads. Each
/// ends where its own lengths say; bytes from which no datagram can be told are given as a last one.
pub fn datagrams(bytes: &[u8]) -> Datagrams<'_> {
    Datagrams { rest: bytes }
}

/// Iterator of [`datagrams`].
#[derive(Clone, Debug)]
pub struct Datagrams<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Datagrams<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let length = first(self.rest).map_or(self.rest.len(), |(_, length)| length);
        let (head, tail) = self.rest.split_at_checked(length)?;
        self.rest = tail;
        Some(head)
    }
}

/// The protocol that a version number names.
pub(super) fn version(bytes: &[u8]) -> Option<Protocol> {
    match bytes {
        [0, 5, ..] => Some(Protocol::Netflow5),
        [0, 9, ..] => Some(Protocol::Netflow9),
        [0, 10, ..] => Some(Protocol::Ipfix),
        [0, 0, 0, 5, ..] => Some(Protocol::Sflow5),
        _ => None,
    }
}

/// The protocol and length in bytes of the datagram at the start, if all of it is plausible.
fn first(bytes: &[u8]) -> Option<(Protocol, usize)> {
    let protocol = version(bytes)?;
    let length = match protocol {
        Protocol::Netflow5 => {
            let count = netflow5::header(bytes)?.count;
            if !(1..=netflow5::MOST_RECORDS).contains(&count) {
                return None;
            }
            netflow5::HEADER_BYTES + netflow5::RECORD_BYTES * usize::from(count)
        }
        Protocol::Netflow9 => netflow9(bytes)?,
        Protocol::Ipfix => ipfix(bytes)?,
        Protocol::Sflow5 => sflow5(bytes)?,
    };
    (length <= bytes.len()).then_some((protocol, length))
}

fn netflow9(bytes: &[u8]) -> Option<usize> {
    let mut rest = Bytes::new(bytes);
    rest.u16()?;
    let count = rest.u16()?;
    rest.take(NETFLOW9_HEADER_BYTES - 4)?;
    let mut sets = 0;
    while rest.len() >= 4 {
        let before = rest;
        let (id, length) = (rest.u16()?, usize::from(rest.u16()?));
        match id {
            0 | 1 | 256.. => rest.take(length.checked_sub(4)?)?,
            NETFLOW9_VERSION if sets > 0 => {
                rest = before;
                break;
            }
            _ => return None,
        };
        sets += 1;
    }
    // The count is of records or, with some exporters, of sets.
    (sets > 0 && count > 0).then_some(bytes.len() - rest.len())
}

fn ipfix(bytes: &[u8]) -> Option<usize> {
    let mut header = Bytes::new(bytes);
    header.u16()?;
    let length = usize::from(header.u16()?);
    let mut rest = Bytes::new(bytes.get(..length)?);
    rest.take(IPFIX_HEADER_BYTES)?;
    while rest.len() > 0 {
        let (id, length) = (rest.u16()?, usize::from(rest.u16()?));
        if !matches!(id, 2 | 3 | 256..) {
            return None;
        }
        rest.take(length.checked_sub(4)?)?;
    }
    Some(length)
}

fn sflow5(bytes: &[u8]) -> Option<usize> {
    let mut rest = Bytes::new(bytes);
    let header = sflow::header(&mut rest)?;
    if header.samples as usize > rest.len() / 8 {
        return None;
    }
    for _ in 0..header.samples {
        rest.u32()?;
        let length = rest.u32()? as usize;
        rest.take(length)?;
    }
    Some(bytes.len() - rest.len())
}
