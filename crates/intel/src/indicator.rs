//! Indicators: one value each, with whose it is, how sure, how it may be given on, and when it was seen.
//!
//! Values are kept in one arena and found by a keyed hash, since others choose them (`index.rs`). An indicator is never deleted: it loses its
//! worth ([`crate::decay`]). What stands on a warning list is kept and shown, and never matches: it must not become a rule.
//!
//! A list that does not say when it was given is as fresh as the moment at which it is looked at: it must match at first sight. Who keeps such a list stamps it
//! when it comes.

use std::net::IpAddr;

use hashbrown::HashTable;
use ipnet::IpNet;
use serde::Serialize;
use siphasher::sip::SipHasher13;

use crate::decay::{Expiry, worth};
use crate::index::{Found, Index, Needle};
use crate::source;
use crate::tlp::Tlp;
use crate::warning::Warnings;
use crate::words::{self, Word};

/// Most indicators.
pub const MAXIMUM_INDICATORS: usize = 4_000_000;
/// Longest value.
pub const MAXIMUM_VALUE_BYTES: usize = 2_048;
/// Longest name (RFC 1035, 2.3.4).
const MAXIMUM_NAME_BYTES: usize = 253;
/// Most sources; those of further ones are called [`OTHER_SOURCES`].
pub const MAXIMUM_SOURCES: usize = 65_534;
/// What further sources are called.
pub const OTHER_SOURCES: &str = "other sources";

/// What kind of value it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An address.
    Address,
    /// A network.
    Network,
    /// A domain name; names below it match too.
    Domain,
    /// A URL.
    Url,
    /// A hash of a file.
    Hash,
    /// An address of mail.
    Email,
}

impl Kind {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Network => "network",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Hash => "hash",
            Self::Email => "email",
        }
    }
}

/// An indicator as it comes in or goes out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Indicator {
    /// What kind of value.
    pub kind: Kind,
    /// The value.
    pub value: String,
    /// How it may be given on.
    pub tlp: Tlp,
    /// How sure, 0 to 100.
    pub confidence: u8,
    /// When it was first given, seconds since 1970; nought where nobody says it.
    pub first: u32,
    /// When its feed says it ends.
    pub until: Option<u32>,
    /// Where it comes from.
    pub source: String,
}

/// What is kept of one.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: u32,
    first: u32,
    seen: u32,
    until: u32,
    sightings: u32,
    length: u16,
    source: u16,
    kind: Kind,
    tlp: Tlp,
    confidence: u8,
    warned: bool,
}

impl Entry {
    fn until(&self) -> Option<u32> {
        (self.until != u32::MAX).then_some(self.until)
    }

    fn worth(&self, now: u32, expiry: Expiry) -> u8 {
        // What nobody dated is fresh when it is looked at.
        let seen = if self.seen == 0 { now } else { self.seen };
        worth(self.kind, self.tlp, self.confidence, seen, self.until(), now, expiry)
    }
}

/// Something matched.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Match {
    /// The indicator's value.
    pub value: String,
    /// Its kind.
    pub kind: Kind,
    /// What it is worth at the time.
    pub worth: u8,
    /// How it may be given on.
    pub tlp: Tlp,
    /// Where it comes from.
    pub source: String,
    /// How often it was seen here, with this time.
    pub sightings: u32,
}

/// All indicators.
#[derive(Debug)]
pub struct Indicators {
    key: (u64, u64),
    arena: Vec<u8>,
    entries: Vec<Entry>,
    index: Index,
    sources: Vec<String>,
    /// Places of sources by their names.
    known_sources: HashTable<u16>,
    expiry: Expiry,
    /// Indicators for which there was no room, or whose value is none.
    pub refused: usize,
    /// Indicators that came again: the newer one's times and the higher confidence count.
    pub repeated: usize,
    /// Indicators that stand on a warning list.
    pub warned: usize,
}

impl Indicators {
    /// None yet. The key is secret: others choose the values.
    #[must_use]
    pub fn new(key: (u64, u64), expiry: Expiry) -> Self {
        Self {
            key,
            arena: Vec::new(),
            entries: Vec::new(),
            index: Index::new(key),
            sources: Vec::new(),
            known_sources: HashTable::new(),
            expiry,
            refused: 0,
            repeated: 0,
            warned: 0,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes one up.
    pub fn add(&mut self, indicator: &Indicator, warnings: &Warnings) {
        let mut buffer = [0; MAXIMUM_VALUE_BYTES];
        let Some((kind, needle)) = needle(indicator.kind, &indicator.value, &mut buffer) else {
            self.refused += 1;
            return;
        };
        if let Some(found) = self.get(needle) {
            self.repeated += 1;
            self.again(found.index, indicator);
            return;
        }
        let mut bytes = [0; 17];
        let stored = stored(needle, &mut bytes);
        if self.entries.len() >= MAXIMUM_INDICATORS || u32::try_from(self.arena.len() + stored.len()).is_err()
        {
            self.refused += 1;
            return;
        }
        let warned = warnings.list(needle).is_some();
        self.warned += usize::from(warned);
        let at = self.arena.len() as u32;
        self.arena.extend_from_slice(stored);
        self.index.insert(needle, Found { index: self.entries.len() as u32, warned });
        let source = self.source(&indicator.source);
        self.entries.push(Entry {
            at,
            first: indicator.first,
            seen: indicator.first,
            until: indicator.until.unwrap_or(u32::MAX),
            sightings: 0,
            length: stored.len() as u16,
            source,
            kind,
            tlp: indicator.tlp,
            confidence: indicator.confidence.min(100),
            warned,
        });
    }

    /// It came once more.
    fn again(&mut self, index: u32, indicator: &Indicator) {
        let Some(entry) = self.entries.get_mut(index as usize) else { return };
        entry.first = match (entry.first, indicator.first) {
            (0, first) | (first, 0) => first,
            (first, other) => first.min(other),
        };
        entry.seen = entry.seen.max(indicator.first);
        entry.until = entry.until.max(indicator.until.unwrap_or(u32::MAX));
        entry.confidence = entry.confidence.max(indicator.confidence.min(100));
        // Who gives it in a narrower circle is not overruled by who gives it in a wider one.
        entry.tlp = entry.tlp.max(indicator.tlp);
    }

    /// The place of a source's name. Feeds may name millions, and none of them may keep an indicator out.
    fn source(&mut self, name: &str) -> u16 {
        let name = source::cut(name);
        let is_full = self.sources.len() >= MAXIMUM_SOURCES;
        let (key, sources) = (self.key, &self.sources);
        let place = |name: &str| {
            let is = |place: &u16| sources.get(usize::from(*place)).is_some_and(|known| known == name);
            self.known_sources.find(hash_source(key, name), is).copied()
        };
        if let Some(known) = place(name).or_else(|| is_full.then(|| place(OTHER_SOURCES)).flatten()) {
            return known;
        }
        let name = if is_full { OTHER_SOURCES } else { name };
        let place = self.sources.len() as u16;
        self.sources.push(name.to_owned());
        let sources = &self.sources;
        self.known_sources.insert_unique(hash_source(key, name), place, |place| {
            sources.get(usize::from(*place)).map_or(0, |name| hash_source(key, name))
        });
        place
    }

    /// The indicator of an address, or of a network that holds it: its number.
    #[inline]
    #[must_use]
    pub fn address(&self, address: IpAddr) -> Option<u32> {
        self.index.address(address, |_| true)
    }

    /// The same of many addresses, which is sooner than of one after the other: hands the place of each that has an indicator, and the indicator's
    /// number, to `take`, in order.
    pub fn addresses(&self, addresses: &[IpAddr], take: impl FnMut(usize, u32)) {
        self.index.addresses(addresses, |_| true, take);
    }

    /// The same of those that `prefers` says yes to: the nearest of them, so that what is worth nothing any more hides none that holds it and is. Where there is
    /// none, the nearest of all.
    pub fn addresses_preferring(
        &self,
        addresses: &[IpAddr],
        prefers: impl Fn(u32) -> bool,
        take: impl FnMut(usize, u32),
    ) {
        self.index.addresses(addresses, prefers, take);
    }

    /// The indicator of a name or of one above it; names are looked at as often as there are numbers of labels among the indicators.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<u32> {
        self.domain_preferring(name, |_| true)
    }

    /// The same, the nearest that `prefers` says yes to; where there is none, the nearest of all.
    #[must_use]
    pub fn domain_preferring(&self, name: &str, prefers: impl Fn(u32) -> bool) -> Option<u32> {
        let name = name.trim_end_matches('.').as_bytes();
        let mut buffer = [0; MAXIMUM_NAME_BYTES];
        let lower = buffer.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        let mut rest: &[u8] = lower;
        let mut labels = rest.iter().filter(|byte| **byte == b'.').count() + 1;
        let mut nearest = None;
        loop {
            if self.index.has_labels(labels)
                && let Some(found) = self.find(Needle::Text(Kind::Domain, rest))
            {
                if prefers(found) {
                    return Some(found);
                }
                nearest = nearest.or(Some(found));
            }
            let Some(dot) = rest.iter().position(|byte| *byte == b'.') else { return nearest };
            rest = &rest[dot + 1..];
            labels -= 1;
        }
    }

    /// The indicator of a URL, a hash or an address of mail.
    #[must_use]
    pub fn value(&self, kind: Kind, value: &str) -> Option<u32> {
        let mut buffer = [0; MAXIMUM_VALUE_BYTES];
        let (_, needle) = needle(kind, value, &mut buffer)?;
        self.find(needle)
    }

    /// Hands each indicator that a line of text meets to `take`, with the words that met it; the same one may come more than once.
    pub fn line<'a>(&self, line: &'a str, take: impl FnMut(u32, &'a str)) {
        self.line_preferring(line, |_| true, take);
    }

    /// The same, of each word the nearest that `prefers` says yes to; where there is none, the nearest of all.
    pub fn line_preferring<'a>(
        &self,
        line: &'a str,
        prefers: impl Fn(u32) -> bool,
        mut take: impl FnMut(u32, &'a str),
    ) {
        words::each(line, |word, text| {
            let found = match word {
                Word::Address(address) => self.index.address(address, &prefers),
                Word::Name(name) => self.domain_preferring(name, &prefers),
                Word::Url(url) => self.value(Kind::Url, url),
                Word::Hash(hash) => self.value(Kind::Hash, hash),
                Word::Email(mail) => self.value(Kind::Email, mail),
            };
            if let Some(found) = found {
                take(found, text);
            }
        });
    }

    fn get(&self, needle: Needle<'_>) -> Option<Found> {
        self.index.get(needle, |index| match (needle, self.entries.get(index as usize)) {
            (Needle::Text(kind, bytes), Some(entry)) => {
                entry.kind == kind && text(&self.arena, entry) == bytes
            }
            _ => false,
        })
    }

    fn find(&self, needle: Needle<'_>) -> Option<u32> {
        self.get(needle).filter(|found| !found.warned).map(|found| found.index)
    }

    /// Writes a sighting down and says what was matched, if it is still worth something.
    pub fn sight(&mut self, index: u32, now: u32) -> Option<Match> {
        let expiry = self.expiry;
        let entry = self.entries.get_mut(index as usize)?;
        let worth = entry.worth(now, expiry);
        entry.sightings = entry.sightings.saturating_add(1);
        // A sighting restores it, whether or not it was worth something still.
        entry.seen = entry.seen.max(now);
        let entry = *entry;
        (worth > 0).then(|| Match {
            value: self.shown(&entry),
            kind: entry.kind,
            worth,
            tlp: entry.tlp,
            source: self.sources.get(usize::from(entry.source)).cloned().unwrap_or_default(),
            sightings: entry.sightings,
        })
    }

    /// How a value may be given on: as narrowly as whoever gave it most narrowly said.
    #[must_use]
    pub fn tlp_of(&self, kind: Kind, value: &str) -> Option<Tlp> {
        let mut buffer = [0; MAXIMUM_VALUE_BYTES];
        let (_, needle) = needle(kind, value, &mut buffer)?;
        Some(self.entries.get(self.get(needle)?.index as usize)?.tlp)
    }

    /// Takes over what was seen here from a table of before: the same indicators may have other numbers.
    pub fn take_sightings(&mut self, before: &Self) {
        for entry in before.entries.iter().filter(|entry| entry.sightings > 0) {
            let value = before.shown(entry);
            let mut buffer = [0; MAXIMUM_VALUE_BYTES];
            let found = needle(entry.kind, &value, &mut buffer).and_then(|(_, needle)| self.get(needle));
            let found = found.and_then(|found| self.entries.get_mut(found.index as usize));
            if let Some(known) = found {
                known.sightings = known.sightings.saturating_add(entry.sightings);
                // What nobody dated ages from its sighting on, as before.
                known.seen = known.seen.max(entry.seen);
            }
        }
    }

    fn shown(&self, entry: &Entry) -> String {
        let bytes = text(&self.arena, entry);
        match entry.kind {
            Kind::Address => read_address(bytes).map_or_else(String::new, |address| address.to_string()),
            Kind::Network => bytes
                .split_last()
                .and_then(|(length, bytes)| IpNet::new(read_address(bytes)?, *length).ok())
                .map_or_else(String::new, |network| network.to_string()),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    /// Each indicator with its worth at a time, expired and warned ones too.
    pub fn each(&self, now: u32) -> impl Iterator<Item = (Indicator, u8, bool)> + '_ {
        self.entries.iter().map(move |entry| {
            let until = entry.until();
            let worth = entry.worth(now, self.expiry);
            let indicator = Indicator {
                kind: entry.kind,
                value: self.shown(entry),
                tlp: entry.tlp,
                confidence: entry.confidence,
                first: entry.first,
                until,
                source: self.sources.get(usize::from(entry.source)).cloned().unwrap_or_default(),
            };
            (indicator, worth, entry.warned)
        })
    }
}

fn text<'a>(arena: &'a [u8], entry: &Entry) -> &'a [u8] {
    let at = entry.at as usize;
    arena.get(at..at + usize::from(entry.length)).unwrap_or_default()
}

fn hash_source(key: (u64, u64), name: &str) -> u64 {
    SipHasher13::new_with_keys(key.0 ^ 0x20, key.1).hash(name.as_bytes())
}

/// What is looked up for a value, and of which kind it is; nothing where it is none of its kind. A domain that is an
/// address is one, and names below a domain match with it, so that `*.` says nothing.
pub(crate) fn needle<'a>(
    kind: Kind,
    value: &str,
    buffer: &'a mut [u8; MAXIMUM_VALUE_BYTES],
) -> Option<(Kind, Needle<'a>)> {
    let value = value.trim();
    let value = if kind == Kind::Domain { value.strip_prefix("*.").unwrap_or(value) } else { value };
    let mut used = value.len();
    if used == 0 || used > MAXIMUM_VALUE_BYTES {
        return None;
    }
    let lower = match kind {
        Kind::Address => return Some((kind, Needle::of(value.parse().ok()?))),
        Kind::Network => return Some((kind, Needle::Network(value.parse::<IpNet>().ok()?.trunc()))),
        Kind::Domain => {
            if let Ok(address) = value.trim_end_matches('.').parse() {
                return Some((Kind::Address, Needle::of(address)));
            }
            used = value.trim_end_matches('.').len();
            let is_name = value[..used].contains('.') && !value.contains(['/', ' ', ':']);
            if !is_name || used > MAXIMUM_NAME_BYTES {
                return None;
            }
            used
        }
        Kind::Hash | Kind::Email => used,
        // Scheme and host have no case, what follows has one (RFC 3986, 6.2.2.1).
        Kind::Url => {
            let from = value.find("://").map_or(0, |at| at + 3);
            value[from..].find(['/', '?', '#']).map_or(used, |at| from + at)
        }
    };
    let bytes = buffer.get_mut(..used)?;
    bytes.copy_from_slice(&value.as_bytes()[..used]);
    bytes[..lower].make_ascii_lowercase();
    Some((kind, Needle::Text(kind, bytes)))
}

/// The bytes of a value that are kept.
fn stored<'a>(needle: Needle<'a>, buffer: &'a mut [u8; 17]) -> &'a [u8] {
    let used = match needle {
        Needle::Text(_, bytes) => return bytes,
        Needle::V4(bits) => put(buffer, &bits.to_be_bytes()),
        Needle::V6(bits) => put(buffer, &bits.to_be_bytes()),
        Needle::Network(network) => {
            let used = match network.network() {
                IpAddr::V4(address) => put(buffer, &address.octets()),
                IpAddr::V6(address) => put(buffer, &address.octets()),
            };
            buffer[used] = network.prefix_len();
            used + 1
        }
    };
    &buffer[..used]
}

fn put(buffer: &mut [u8; 17], bytes: &[u8]) -> usize {
    buffer[..bytes.len()].copy_from_slice(bytes);
    bytes.len()
}

fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(bytes));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests;
