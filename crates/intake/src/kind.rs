//! What an input is, found from its first bytes.

use std::fmt;

use wire::{
    capture, flow,
    web::{self, Format},
};

use crate::datagrams;

/// How much of an input is looked at.
pub(crate) const RECOGNISE_BYTES: usize = 4096;

/// What an input can be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Capture,
    Datagrams,
    Gzip,
    Log(Format),
    Foreign(Foreign),
}

/// Content that cannot be replayed (yet).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Foreign {
    /// Lines of Suricata's EVE JSON.
    EveJson,
    /// Lines of a web server's access log, in a format that is not recognised.
    AccessLog,
    /// Other JSON.
    Json,
    /// Other text.
    Text,
    /// A gzip file inside a gzip file.
    NestedGzip,
    /// A gzip file that cannot be decompressed.
    BrokenGzip,
    /// A compressed file or archive of another format: zip, xz, zstd, bzip2, 7z.
    Archive(&'static str),
    /// A capture or flow file in a format of other tools: snoop, nfdump.
    OtherCapture(&'static str),
    /// Nothing that is known.
    Unknown,
}

impl Foreign {
    /// Whether a later release is to read it.
    pub(crate) fn is_planned(self) -> bool {
        matches!(self, Self::EveJson)
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EveJson => "EVE JSON",
            Self::AccessLog => "a web server's access log",
            Self::Json => "JSON",
            Self::Text => "text",
            Self::NestedGzip => "a gzip file inside a gzip file",
            Self::BrokenGzip => "a damaged gzip file",
            Self::Archive(name) | Self::OtherCapture(name) => name,
            Self::Unknown => "unknown binary content",
        })
    }
}

const GZIP: &[u8] = &[0x1f, 0x8b];

const MAGICS: [(&[u8], Foreign); 9] = [
    (b"PK\x03\x04", Foreign::Archive("a zip archive")),
    (b"\xfd7zXZ\0", Foreign::Archive("an xz file")),
    (b"\x28\xb5\x2f\xfd", Foreign::Archive("a zstd file")),
    (b"BZh", Foreign::Archive("a bzip2 file")),
    (b"7z\xbc\xaf\x27\x1c", Foreign::Archive("a 7z archive")),
    (b"snoop\0\0\0", Foreign::OtherCapture("a snoop capture")),
    (b"\x0c\xa5", Foreign::OtherCapture("an nfdump file")),
    (b"\xa5\x0c", Foreign::OtherCapture("an nfdump file")),
    (b"\x1c\x00\x01\xac", Foreign::OtherCapture("an IXIA capture")),
];

/// How much of an input is looked at for lines of a log.
const LOG_BYTES: usize = 1 << 16;

/// What the content that begins with `bytes` is. `bytes` are not empty. `log_format` is what the user says of logs.
pub(crate) fn recognise(bytes: &[u8], log_format: Option<&Format>) -> Kind {
    if capture::recognise(bytes).is_some() {
        return Kind::Capture;
    }
    if bytes.starts_with(GZIP) {
        return Kind::Gzip;
    }
    let first = datagrams::first(bytes);
    if flow::looks_like(first).is_some() {
        return Kind::Datagrams;
    }
    let by_magic = MAGICS.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, foreign)| *foreign);
    if by_magic.is_none() && datagrams::is_plausible(bytes) {
        return Kind::Datagrams;
    }
    if let Some(foreign) = by_magic {
        return Kind::Foreign(foreign);
    }
    match log(bytes.get(..LOG_BYTES).unwrap_or(bytes), log_format) {
        Some(format) => Kind::Log(format),
        None => Kind::Foreign(text(bytes)),
    }
}

/// The format of a log: the declared one where it fits, else what is found.
fn log(bytes: &[u8], declared: Option<&Format>) -> Option<Format> {
    declared.and_then(|format| web::fitted(format, bytes)).or_else(|| web::recognise(bytes))
}

fn text(bytes: &[u8]) -> Foreign {
    let printable = |byte: &u8| *byte >= b' ' || matches!(byte, b'\n' | b'\r' | b'\t' | 0x1b);
    // The window may end inside a character.
    let is_utf8 = std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true);
    if !is_utf8 || !bytes.iter().all(printable) {
        return Foreign::Unknown;
    }
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') if has(b"\"event_type\"") => Foreign::EveJson,
        Some(b'{' | b'[') if has(b"\":") => Foreign::Json,
        _ if has(b" HTTP/1.") || has(b" HTTP/2") || has(b"\"GET ") || has(b"\"POST ") => Foreign::AccessLog,
        _ => Foreign::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_named() {
        let cases: [(&[u8], Foreign); 7] = [
            (b"{\"timestamp\":\"2026\",\"event_type\":\"alert\"}\n", Foreign::EveJson),
            (b"{\"a\":1}", Foreign::Json),
            (b"nobody knows: \"GET / HTTP/1.1\" 200\n", Foreign::AccessLog),
            (b"just a line\n", Foreign::Text),
            (b"PK\x03\x04rest", Foreign::Archive("a zip archive")),
            (b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", Foreign::Unknown),
            (b"\x28\xb5\x2f\xfd\x04", Foreign::Archive("a zstd file")),
        ];
        for (bytes, foreign) in cases {
            assert_eq!(recognise(bytes, None), Kind::Foreign(foreign), "{bytes:?}");
        }
        assert_eq!(recognise(b"\x1f\x8b\x08", None), Kind::Gzip);
    }

    #[test]
    fn a_declared_format_counts_where_it_fits() {
        let combined = b"192.0.2.1 - - [01/Jan/2026:00:00:00 +0000] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\"\n";
        let own = b"1767225600 192.0.2.1 GET /\n";
        let declared = Format::of("$msec $remote_addr $request_method $request_uri").unwrap();
        let name = |bytes, declared| match recognise(bytes, declared) {
            Kind::Log(format) => Some(format.name()),
            _ => None,
        };
        assert_eq!(name(combined, None), Some("combined"));
        assert_eq!(name(combined, Some(&declared)), Some("combined"));
        assert_eq!(name(own, None), None);
        assert_eq!(name(own, Some(&declared)), Some("nginx"));
    }
}
