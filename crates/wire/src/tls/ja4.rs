//! JA4: a TLS client's fingerprint in 36 characters.

use std::fmt;

use sha2::{Digest, Sha256};

use super::hello::{ClientHello, MAX_LISTED, pairs};

/// Characters of a fingerprint.
const TEXT_BYTES: usize = 36;
/// Where the first part ends, and the second.
const PARTS: [usize; 2] = [10, 23];
/// Characters that are kept of a hash.
const HASH_CHARACTERS: usize = 12;
const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
/// Two digits are all there is.
const COUNT_MAXIMUM: usize = 99;

/// What carried the ClientHello.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Transport {
    /// TLS over TCP.
    Tcp,
    /// QUIC.
    Quic,
}

/// A fingerprint. It is text of lower-case letters, digits and underscores.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Ja4([u8; TEXT_BYTES]);

/// Reserved values that clients strew in so that servers tolerate new ones (RFC 8701).
const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// A list of values of fixed size, GREASE left out.
struct Listed {
    values: [u16; MAX_LISTED],
    count: usize,
}

impl Listed {
    /// `None` if there are too many.
    fn of(values: impl Iterator<Item = u16>) -> Option<Self> {
        let mut listed = Self { values: [0; MAX_LISTED], count: 0 };
        for value in values.filter(|value| !is_grease(*value)) {
            *listed.values.get_mut(listed.count)? = value;
            listed.count += 1;
        }
        Some(listed)
    }

    fn sorted(&mut self) -> &[u16] {
        let values = &mut self.values[..self.count];
        values.sort_unstable();
        values
    }
}

/// A hash of text that is written to it.
#[derive(Default)]
struct Text(Sha256);

/// Values that are written at once, and the bytes of each.
const AT_ONCE: usize = 32;
const VALUE_BYTES: usize = 5;

impl Text {
    /// Adds values as four hexadecimal digits each, with commas between them.
    fn list(&mut self, mut values: impl Iterator<Item = u16>) {
        let mut skipped = 1;
        loop {
            let (mut text, mut length) = ([b','; AT_ONCE * VALUE_BYTES], 0);
            for (place, value) in text.chunks_exact_mut(VALUE_BYTES).zip(values.by_ref().take(AT_ONCE)) {
                let [high, low] = value.to_be_bytes();
                place[1..3].copy_from_slice(&hexadecimal(high));
                place[3..].copy_from_slice(&hexadecimal(low));
                length += VALUE_BYTES;
            }
            // There is no comma before the first.
            self.0.update(text.get(skipped..length).unwrap_or_default());
            if length < text.len() {
                return;
            }
            skipped = 0;
        }
    }

    fn finish(self, part: &mut [u8]) {
        for (characters, byte) in part.chunks_mut(2).zip(self.0.finalize()) {
            characters.copy_from_slice(&hexadecimal(byte));
        }
    }
}

const fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

const fn hexadecimal(byte: u8) -> [u8; 2] {
    [digit(byte >> 4), digit(byte & 15)]
}

impl Ja4 {
    /// The fingerprint of a ClientHello. `None` if it lists more than [`MAX_LISTED`] ciphers or extensions.
    pub fn of(hello: &ClientHello<'_>, transport: Transport) -> Option<Self> {
        let mut ciphers = Listed::of(hello.ciphers())?;
        let mut extensions = Listed::of(hello.extensions().map(|extension| extension.0))?;
        let mut text = [b'0'; TEXT_BYTES];
        text[0] = if transport == Transport::Quic { b'q' } else { b't' };
        text[1..3].copy_from_slice(version(hello));
        text[3] = if hello.extension(SERVER_NAME).is_some() { b'd' } else { b'i' };
        for (at, count) in [(4, ciphers.count), (6, extensions.count)] {
            let count = count.min(COUNT_MAXIMUM) as u8;
            text[at..at + 2].copy_from_slice(&[b'0' + count / 10, b'0' + count % 10]);
        }
        text[8..10].copy_from_slice(&protocol(hello.protocols().next().unwrap_or_default()));
        for at in PARTS {
            text[at] = b'_';
        }
        if ciphers.count > 0 {
            let mut hash = Text::default();
            hash.list(ciphers.sorted().iter().copied());
            hash.finish(&mut text[PARTS[0] + 1..][..HASH_CHARACTERS]);
        }
        if extensions.count > 0 {
            let mut hash = Text::default();
            let named = |value: &&u16| !matches!(**value, SERVER_NAME | ALPN);
            hash.list(extensions.sorted().iter().filter(named).copied());
            // The list has its length in front.
            let algorithms = hello
                .extension(SIGNATURE_ALGORITHMS)
                .and_then(|content| content.get(2..))
                .unwrap_or_default();
            if !algorithms.is_empty() {
                hash.0.update(b"_");
                hash.list(pairs(algorithms).filter(|value| !is_grease(*value)));
            }
            hash.finish(&mut text[PARTS[1] + 1..]);
        }
        Some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Only such characters were put into it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The text's bytes.
    pub const fn as_bytes(&self) -> &[u8; TEXT_BYTES] {
        &self.0
    }
}

impl fmt::Display for Ja4 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The highest version that is offered.
fn version(hello: &ClientHello<'_>) -> &'static [u8; 2] {
    let offered =
        hello.extension(SUPPORTED_VERSIONS).and_then(|content| content.get(1..)).unwrap_or_default();
    let highest = pairs(offered).filter(|value| !is_grease(*value)).max().unwrap_or(hello.legacy_version);
    match highest {
        0x0304 => b"13",
        0x0303 => b"12",
        0x0302 => b"11",
        0x0301 => b"10",
        0x0300 => b"s3",
        0x0002 => b"s2",
        _ => b"00",
    }
}

/// First and last character of a protocol's name; of its hexadecimal form where one of them is no letter or digit.
fn protocol(name: &[u8]) -> [u8; 2] {
    let (Some(&first), Some(&last)) = (name.first(), name.last()) else { return *b"00" };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        [first, last]
    } else {
        [hexadecimal(first)[0], hexadecimal(last)[1]]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello as a record, of ciphers, extensions and the version in front.
    pub(crate) fn record(ciphers: &[u16], extensions: &[(u16, &[u8])], version: u16) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.push(0);
        body.extend((2 * ciphers.len() as u16).to_be_bytes());
        body.extend(ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()));
        body.extend([1, 0]);
        let list: Vec<u8> = extensions
            .iter()
            .flat_map(|(kind, content)| {
                [&kind.to_be_bytes()[..], &(content.len() as u16).to_be_bytes(), content].concat()
            })
            .collect();
        body.extend((list.len() as u16).to_be_bytes());
        body.extend(list);
        let mut message = vec![1, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        let mut record = vec![22, 3, 1];
        record.extend((message.len() as u16).to_be_bytes());
        record.extend(message);
        record
    }

    fn text(record: &[u8]) -> Option<String> {
        ClientHello::of_record(record)
            .and_then(|hello| Ja4::of(&hello, Transport::Tcp))
            .map(|ja4| ja4.to_string())
    }

    /// The worked example of the method's public description, with GREASE and another order.
    #[test]
    fn the_published_example_has_its_published_fingerprint() {
        let ciphers = [
            0x1a1a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let algorithms = b"\x00\x10\x04\x03\x08\x04\x04\x01\x05\x03\x08\x05\x05\x01\x08\x06\x06\x01";
        let extensions: [(u16, &[u8]); 18] = [
            (0x5a5a, b""),
            (0x001b, b""),
            (0x0000, b"\x00\x04\x00\x00\x01a"),
            (0x0033, b""),
            (0x0010, b"\x00\x0c\x02h2\x08http/1.1"),
            (0x4469, b""),
            (0x0017, b""),
            (0x002d, b""),
            (0x000d, algorithms),
            (0x0005, b""),
            (0x0023, b""),
            (0x0012, b""),
            (0x002b, b"\x04\xfa\xfa\x03\x04"),
            (0xff01, b""),
            (0x000b, b""),
            (0x000a, b""),
            (0x8a8a, b""),
            (0x0015, b""),
        ];
        let text = text(&record(&ciphers, &extensions, 0x0303));
        assert_eq!(text.as_deref(), Some("t13d1516h2_8daaf6152771_e5627efa2ab1"));
    }

    #[test]
    fn what_is_missing_is_noughts() {
        let text = text(&record(&[], &[], 0x0301));
        assert_eq!(text.as_deref(), Some("t10i000000_000000000000_000000000000"));
    }

    #[test]
    fn a_protocol_that_is_no_text_is_shown_in_hexadecimal() {
        assert_eq!(
            (protocol(b"h3"), protocol(b""), protocol(b"\xab\xcd"), protocol(b"0\xff")),
            (*b"h3", *b"00", *b"ad", *b"3f")
        );
        assert_eq!(protocol(b"http/1.1"), *b"h1");
    }

    #[test]
    fn more_than_can_be_listed_has_no_fingerprint() {
        let many: Vec<u16> = (0..MAX_LISTED as u16).collect();
        assert!(text(&record(&many, &[], 0x0303)).is_some());
        let more: Vec<u16> = (0..=MAX_LISTED as u16).collect();
        assert_eq!(text(&record(&more, &[], 0x0303)), None);
    }
}
