//! The ClientHello (RFC 8446 section 4.1.2), read in place.

/// Ciphers or extensions of one ClientHello from which on there is no fingerprint; browsers have about twenty of each.
pub const MAX_LISTED: usize = 128;
/// Head of a TLS record (RFC 8446 section 5.1).
pub const RECORD_HEADER_BYTES: usize = 5;
/// Head of a handshake message (RFC 8446 section 4).
pub const HANDSHAKE_HEADER_BYTES: usize = 4;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const RANDOM_BYTES: usize = 32;
const ALPN: u16 = 16;

/// A whole ClientHello that borrows from its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientHello<'a> {
    /// The version in the message, which TLS 1.3 does not use.
    pub legacy_version: u16,
    /// Cipher suites, two bytes each.
    ciphers: &'a [u8],
    /// The list of extensions without its length.
    extensions: &'a [u8],
}

/// One byte, or two, that say how long what follows is.
fn prefixed<const BYTES: usize>(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<BYTES>()?;
    let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// Values of two bytes each; an odd byte at the end is left out.
pub(super) fn pairs(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
    bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

impl<'a> ClientHello<'a> {
    /// Bytes of the handshake message that begins here, its head included; `None` if no ClientHello does. `bytes` are those of
    /// the handshake, without heads of records.
    #[inline]
    pub fn length(bytes: &[u8]) -> Option<usize> {
        match *bytes {
            [CLIENT_HELLO, high, middle, low, ..] => Some(
                HANDSHAKE_HEADER_BYTES
                    + usize::from(high) * 65_536
                    + usize::from(middle) * 256
                    + usize::from(low),
            ),
            _ => None,
        }
    }

    /// Reads a handshake message. `None` if it is no ClientHello, is not whole, or contradicts itself before its extensions.
    pub fn read(handshake: &'a [u8]) -> Option<Self> {
        let message = handshake.get(HANDSHAKE_HEADER_BYTES..Self::length(handshake)?)?;
        let (version, rest) = message.split_first_chunk::<2>()?;
        let (_session, rest) = prefixed::<1>(rest.get(RANDOM_BYTES..)?)?;
        let (ciphers, rest) = prefixed::<2>(rest)?;
        let (_compressions, rest) = prefixed::<1>(rest)?;
        // Before TLS 1.2 there may be none at all.
        let extensions = if rest.is_empty() { rest } else { prefixed::<2>(rest)?.0 };
        Some(Self { legacy_version: u16::from_be_bytes(*version), ciphers, extensions })
    }

    /// Reads the first record of a TLS connection. `None` as [`ClientHello::read`], or where the message goes on in another
    /// record or segment.
    pub fn of_record(payload: &'a [u8]) -> Option<Self> {
        let (head, rest) = payload.split_first_chunk::<RECORD_HEADER_BYTES>()?;
        if head[0] != HANDSHAKE || head[1] != 3 {
            return None;
        }
        Self::read(rest.get(..usize::from(u16::from_be_bytes([head[3], head[4]])))?)
    }

    /// Cipher suites in the client's order.
    pub fn ciphers(&self) -> impl Iterator<Item = u16> + 'a {
        pairs(self.ciphers)
    }

    /// Extensions in the client's order: type and content. Ends at the first one that is not whole.
    pub fn extensions(&self) -> impl Iterator<Item = (u16, &'a [u8])> + 'a {
        let mut rest = self.extensions;
        // Each takes four bytes at least, so this ends.
        std::iter::from_fn(move || {
            let (kind, after) = rest.split_first_chunk::<2>()?;
            let (content, after) = prefixed::<2>(after)?;
            rest = after;
            Some((u16::from_be_bytes(*kind), content))
        })
    }

    /// The content of an extension.
    pub fn extension(&self, kind: u16) -> Option<&'a [u8]> {
        self.extensions().find(|extension| extension.0 == kind).map(|extension| extension.1)
    }

    /// Names of application protocols that the client offers (RFC 7301), in its order.
    pub fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + 'a {
        let list = self.extension(ALPN).and_then(prefixed::<2>).map_or(&[][..], |list| list.0);
        let mut rest = list;
        std::iter::from_fn(move || {
            let (name, after) = prefixed::<1>(rest)?;
            rest = after;
            Some(name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_whole_is_none() {
        let hello = b"\x16\x03\x01\x00\x30\x01\x00\x00\x2c\x03\x03aaaaaaaabbbbbbbbccccccccdddddddd\x00\x00\x02\x13\x01\x01\x00\x00\x01\x00";
        // The list of extensions says one byte and has one, which is no extension.
        let read = ClientHello::of_record(hello);
        assert_eq!(read.map(|hello| (hello.ciphers().count(), hello.extensions().count())), Some((1, 0)));
        for cut in 0..hello.len() {
            assert_eq!(ClientHello::of_record(&hello[..cut]), None, "{cut}");
        }
    }
}
