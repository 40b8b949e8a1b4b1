//! Which network is of which country, from a file in the MMDB format (MaxMind DB file format, version 2.0), as several
//! publishers give it away.
//!
//! The file is the site's own and still read as if it were hostile: every offset is checked, nesting and steps are bounded,
//! and what is not understood is no country. The crate `maxminddb` reads such bytes past the compiler's checks
//! (`get_unchecked`); here it is the tests' oracle. Limits: [`LARGEST_FILE_BYTES`]; read once, at the start.

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::Path;

/// Largest file.
const LARGEST_FILE_BYTES: u64 = 256 << 20;
/// What the metadata begins with, and how far from the end it may be.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
const METADATA_BYTES: usize = 128 << 10;
/// Between the tree and the data.
const SEPARATOR_BYTES: usize = 16;
/// Maps in maps.
const MAXIMUM_DEPTH: usize = 8;
/// Values that are read for one answer.
const MAXIMUM_STEPS: usize = 4_096;
/// Where a country stands, in the order of trust.
const PATHS: [[&str; 2]; 2] = [["country", "iso_code"], ["registered_country", "iso_code"]];

/// The file, read.
pub struct Countries {
    bytes: Vec<u8>,
    nodes: usize,
    record_bits: usize,
    /// The node below which IPv4 is.
    ipv4: usize,
    is_ipv6: bool,
    /// Where the data begins.
    data: usize,
}

impl Countries {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no such file.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let failed = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(|error| failed(&error))?;
        file.take(LARGEST_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() as u64 > LARGEST_FILE_BYTES {
            return Err(failed(&"larger than 256 MiB"));
        }
        Self::of(bytes).ok_or_else(|| failed(&"no file in the MMDB format, or a damaged one"))
    }

    /// The same of bytes; none if they are no such file.
    #[must_use]
    pub fn of(bytes: Vec<u8>) -> Option<Self> {
        let from = bytes.len().saturating_sub(METADATA_BYTES);
        let at = bytes.get(from..)?.windows(MARKER.len()).rposition(|window| window == MARKER)?;
        let metadata = Data { bytes: bytes.get(from + at + MARKER.len()..)? };
        let number = |name: &str| metadata.number(metadata.find(0, &[name])?);
        let (nodes, record_bits) = (number("node_count")?, number("record_size")?);
        let is_ipv6 = number("ip_version")? == 6;
        let (nodes, record_bits) = (usize::try_from(nodes).ok()?, usize::try_from(record_bits).ok()?);
        if !matches!(record_bits, 24 | 28 | 32) {
            return None;
        }
        let data = nodes.checked_mul(record_bits / 4)?.checked_add(SEPARATOR_BYTES)?;
        if data > bytes.len() {
            return None;
        }
        let mut countries = Self { bytes, nodes, record_bits, ipv4: 0, is_ipv6, data };
        if is_ipv6 {
            for _ in 0..96 {
                if countries.ipv4 >= nodes {
                    break;
                }
                countries.ipv4 = countries.branch(countries.ipv4, false)?;
            }
        }
        Some(countries)
    }

    /// Two letters of the country that has an address; none if that is not known.
    #[must_use]
    pub fn of_address(&self, address: IpAddr) -> Option<String> {
        let (mut node, bits, count) = match address.to_canonical() {
            IpAddr::V4(address) => (self.ipv4, u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) if self.is_ipv6 => (0, address.to_bits(), 128),
            IpAddr::V6(_) => return None,
        };
        for place in 0..count {
            if node >= self.nodes {
                break;
            }
            node = self.branch(node, bits >> (127 - place) & 1 == 1)?;
        }
        let offset = node.checked_sub(self.nodes)?.checked_sub(SEPARATOR_BYTES)?;
        let data = Data { bytes: self.bytes.get(self.data..)? };
        let code = PATHS.iter().find_map(|path| data.text(data.find(offset, path)?))?;
        let is_code = code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase());
        is_code.then(|| code.to_owned())
    }

    /// Where one of the two ways out of a node leads.
    fn branch(&self, node: usize, is_right: bool) -> Option<usize> {
        let size = self.record_bits / 4;
        let record = self.bytes.get(node.checked_mul(size)?..)?.get(..size)?;
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte));
        Some(match (self.record_bits, is_right) {
            (28, false) => usize::from(record[3] >> 4) << 24 | number(&record[..3]),
            (28, true) => usize::from(record[3] & 15) << 24 | number(&record[4..]),
            (_, false) => number(&record[..size / 2]),
            (_, true) => number(&record[size / 2..]),
        })
    }
}

/// A section of data.
struct Data<'a> {
    bytes: &'a [u8],
}

/// A value that is no pointer: its type, its size, and where its content begins.
#[derive(Clone, Copy)]
struct Value {
    kind: u8,
    size: usize,
    at: usize,
}

const TEXT: u8 = 2;
const MAP: u8 = 7;
const ARRAY: u8 = 11;
const BOOLEAN: u8 = 14;
const POINTER: u8 = 1;

impl<'a> Data<'a> {
    /// The value at the end of a path of keys.
    fn find(&self, at: usize, path: &[&str]) -> Option<Value> {
        let (mut value, _) = self.value(at)?;
        let mut steps = 0;
        for name in path {
            if value.kind != MAP {
                return None;
            }
            let mut at = value.at;
            let mut found = None;
            for _ in 0..value.size {
                steps += 1;
                if steps > MAXIMUM_STEPS {
                    return None;
                }
                let (key, behind) = self.value(at)?;
                let (inner, after) = self.value(behind)?;
                if self.text(key)? == *name {
                    found = Some(inner);
                    break;
                }
                at = if after == usize::MAX { self.skip(inner, 0, &mut steps)? } else { after };
            }
            value = found?;
        }
        Some(value)
    }

    /// The value at a place, and where the next one is: [`usize::MAX`] if that has to be looked for behind its content.
    fn value(&self, at: usize) -> Option<(Value, usize)> {
        let control = *self.bytes.get(at)?;
        if control >> 5 == POINTER {
            let (target, behind) = self.pointer(control, at)?;
            let (value, _) = self.plain(target)?;
            return Some((value, behind));
        }
        self.plain(at)
    }

    /// A value that may not be a pointer: what a pointer leads to never is.
    fn plain(&self, at: usize) -> Option<(Value, usize)> {
        let control = *self.bytes.get(at)?;
        let (mut kind, mut at) = (control >> 5, at + 1);
        if kind == POINTER {
            return None;
        }
        if kind == 0 {
            kind = self.bytes.get(at)?.checked_add(7)?;
            at += 1;
        }
        let more = |count: usize| -> Option<usize> {
            let bytes = self.bytes.get(at..at.checked_add(count)?)?;
            Some(bytes.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
        };
        let (size, extra) = match control & 31 {
            29 => (29 + more(1)?, 1),
            30 => (285 + more(2)?, 2),
            31 => (65_821 + more(3)?, 3),
            size => (usize::from(size), 0),
        };
        at += extra;
        let value = Value { kind, size, at };
        let after = match kind {
            MAP | ARRAY => usize::MAX,
            BOOLEAN => at,
            _ => at.checked_add(size)?,
        };
        Some((value, after))
    }

    fn pointer(&self, control: u8, at: usize) -> Option<(usize, usize)> {
        let size = usize::from(control >> 3 & 3);
        let bytes = self.bytes.get(at + 1..)?.get(..size + 1)?;
        let number = bytes.iter().fold(0, |sum: usize, byte| sum << 8 | usize::from(*byte));
        let high = usize::from(control & 7);
        let target = match size {
            0 => high << 8 | number,
            1 => (high << 16 | number) + 2_048,
            2 => (high << 24 | number) + 526_336,
            _ => number,
        };
        Some((target, at + 2 + size))
    }

    /// Where what comes behind a map or an array begins.
    fn skip(&self, value: Value, depth: usize, steps: &mut usize) -> Option<usize> {
        if depth > MAXIMUM_DEPTH {
            return None;
        }
        let count = if value.kind == MAP { value.size.checked_mul(2)? } else { value.size };
        let mut at = value.at;
        for _ in 0..count {
            *steps += 1;
            if *steps > MAXIMUM_STEPS {
                return None;
            }
            let is_pointer = *self.bytes.get(at)? >> 5 == POINTER;
            let (inner, after) = self.value(at)?;
            at = if after == usize::MAX && !is_pointer { self.skip(inner, depth + 1, steps)? } else { after };
        }
        Some(at)
    }

    fn text(&self, value: Value) -> Option<&'a str> {
        let bytes = self.bytes.get(value.at..value.at.checked_add(value.size)?)?;
        if value.kind == TEXT { std::str::from_utf8(bytes).ok() } else { None }
    }

    fn number(&self, value: Value) -> Option<u64> {
        let is_unsigned = matches!(value.kind, 5 | 6 | 9) && value.size <= 8;
        let bytes = self.bytes.get(value.at..value.at.checked_add(value.size)?)?;
        is_unsigned.then(|| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests;
