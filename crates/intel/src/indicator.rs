//! Indicators: one value each, with whose it is, how sure, how it may be given on, and when it was seen.
//!
//! Values are kept in one arena and found by a keyed hash, since others choose them. A million take about 120 MiB. An indicator is never deleted: it
//! loses its worth ([`crate::decay`]). What stands on a warning list is kept and shown, and never matches: it must not become a rule.

use std::net::IpAddr;

use hashbrown::HashTable;
use ipnet::IpNet;
use serde::Serialize;
use siphasher::sip::SipHasher13;

use crate::decay::{Expiry, worth};
use crate::tlp::Tlp;
use crate::warning::Warnings;

/// Most indicators.
pub const MAXIMUM_INDICATORS: usize = 4_000_000;
/// Longest value.
pub const MAXIMUM_VALUE_BYTES: usize = 2_048;
/// Most sources.
pub const MAXIMUM_SOURCES: usize = 65_535;

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
    /// When it was first given, seconds since 1970.
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
    table: HashTable<u32>,
    /// Lengths of networks that are there, by family.
    lengths: [Vec<u8>; 2],
    sources: Vec<String>,
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
            table: HashTable::new(),
            lengths: [Vec::new(), Vec::new()],
            sources: Vec::new(),
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
        let mut buffer = Key::default();
        let Some(network) = buffer.of(indicator.kind, &indicator.value) else {
            self.refused += 1;
            return;
        };
        let hash = hash(self.key, indicator.kind, buffer.bytes());
        if let Some(index) =
            find(&self.table, &self.entries, &self.arena, hash, indicator.kind, buffer.bytes())
        {
            self.repeated += 1;
            if let Some(entry) = self.entries.get_mut(index as usize) {
                entry.first = entry.first.min(indicator.first);
                entry.seen = entry.seen.max(indicator.first);
                entry.until = entry.until.max(indicator.until.unwrap_or(u32::MAX));
                entry.confidence = entry.confidence.max(indicator.confidence);
                // Who gives it in a narrower circle is not overruled by who gives it in a wider one.
                entry.tlp = entry.tlp.max(indicator.tlp);
            }
            return;
        }
        let Some(source) = self.source(&indicator.source).filter(|_| self.has_room(buffer.bytes().len()))
        else {
            self.refused += 1;
            return;
        };
        let warned = warnings.holds(indicator.kind, &indicator.value);
        self.warned += usize::from(warned);
        let at = self.arena.len() as u32;
        self.arena.extend_from_slice(buffer.bytes());
        if let Some(network) = network {
            let lengths = &mut self.lengths[usize::from(matches!(network, IpNet::V6(_)))];
            if let Err(place) = lengths.binary_search(&network.prefix_len()) {
                lengths.insert(place, network.prefix_len());
            }
        }
        let index = self.entries.len() as u32;
        self.entries.push(Entry {
            at,
            first: indicator.first,
            seen: indicator.first,
            until: indicator.until.unwrap_or(u32::MAX),
            sightings: 0,
            length: buffer.bytes().len() as u16,
            source,
            kind: indicator.kind,
            tlp: indicator.tlp,
            confidence: indicator.confidence.min(100),
            warned,
        });
        let (key, entries, arena) = (self.key, &self.entries, &self.arena);
        self.table.insert_unique(hash, index, |index| {
            entries.get(*index as usize).map_or(0, |entry| self::hash(key, entry.kind, text(arena, entry)))
        });
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.entries.len() < MAXIMUM_INDICATORS && u32::try_from(self.arena.len() + bytes).is_ok()
    }

    fn source(&mut self, name: &str) -> Option<u16> {
        // The same source gives many in a row.
        let known = self.sources.iter().rposition(|source| source == name);
        known
            .or_else(|| {
                (self.sources.len() < MAXIMUM_SOURCES).then(|| {
                    self.sources.push(name.chars().take(200).collect());
                    self.sources.len() - 1
                })
            })
            .and_then(|index| u16::try_from(index).ok())
    }

    /// The indicator of an address, or of a network that holds it: its number.
    #[inline]
    #[must_use]
    pub fn address(&self, address: IpAddr) -> Option<u32> {
        let mut bytes = [0; 17];
        let length = write_address(&mut bytes, address);
        let found = self.find(Kind::Address, &bytes[..length]);
        if found.is_some() || self.lengths.iter().all(Vec::is_empty) {
            return found;
        }
        self.networks(address)
    }

    fn networks(&self, address: IpAddr) -> Option<u32> {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        lengths.iter().rev().find_map(|length| {
            let network = IpNet::new(address, *length).ok()?.trunc();
            let mut bytes = [0; 18];
            let used = write_network(&mut bytes, network);
            self.find(Kind::Network, &bytes[..used])
        })
    }

    /// The indicator of a name or of one above it.
    #[must_use]
    pub fn domain(&self, name: &str) -> Option<u32> {
        let lower;
        let name = name.trim_end_matches('.');
        let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            lower = name.to_ascii_lowercase();
            lower.as_str()
        } else {
            name
        };
        let mut rest = name;
        for _ in 0..16 {
            if let Some(found) = self.find(Kind::Domain, rest.as_bytes()) {
                return Some(found);
            }
            rest = rest.split_once('.')?.1;
        }
        None
    }

    /// The indicator of a URL, a hash or an address of mail.
    #[must_use]
    pub fn value(&self, kind: Kind, value: &str) -> Option<u32> {
        let mut key = Key::default();
        key.of(kind, value)?;
        self.find(kind, key.bytes())
    }

    #[inline]
    fn find(&self, kind: Kind, bytes: &[u8]) -> Option<u32> {
        let found = find(&self.table, &self.entries, &self.arena, hash(self.key, kind, bytes), kind, bytes)?;
        self.entries.get(found as usize).is_some_and(|entry| !entry.warned).then_some(found)
    }

    /// Writes a sighting down and says what was matched, if it is still worth something.
    pub fn sight(&mut self, index: u32, now: u32) -> Option<Match> {
        let expiry = self.expiry;
        let entry = self.entries.get_mut(index as usize)?;
        let until = (entry.until != u32::MAX).then_some(entry.until);
        let worth = worth(entry.kind, entry.tlp, entry.confidence, entry.seen, until, now, expiry);
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
            let until = (entry.until != u32::MAX).then_some(entry.until);
            let worth = worth(entry.kind, entry.tlp, entry.confidence, entry.seen, until, now, self.expiry);
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

#[inline]
fn hash(key: (u64, u64), kind: Kind, bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(key.0 ^ kind as u64, key.1).hash(bytes)
}

#[inline]
fn find(
    table: &HashTable<u32>,
    entries: &[Entry],
    arena: &[u8],
    hash: u64,
    kind: Kind,
    bytes: &[u8],
) -> Option<u32> {
    let same = |index: &u32| {
        entries.get(*index as usize).is_some_and(|entry| entry.kind == kind && text(arena, entry) == bytes)
    };
    table.find(hash, same).copied()
}

/// The bytes by which a value is found.
#[derive(Default)]
struct Key {
    bytes: Vec<u8>,
}

impl Key {
    fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The outer nothing where the value is none of its kind; the network where it is one.
    fn of(&mut self, kind: Kind, value: &str) -> Option<Option<IpNet>> {
        let value = value.trim();
        if value.is_empty() || value.len() > MAXIMUM_VALUE_BYTES {
            return None;
        }
        match kind {
            Kind::Address => {
                let mut bytes = [0; 17];
                let length = write_address(&mut bytes, value.parse().ok()?);
                self.bytes = bytes[..length].to_vec();
            }
            Kind::Network => {
                let network = value.parse::<IpNet>().ok()?.trunc();
                let mut bytes = [0; 18];
                let length = write_network(&mut bytes, network);
                self.bytes = bytes[..length].to_vec();
                return Some(Some(network));
            }
            Kind::Domain => {
                let name = value.trim_end_matches('.').to_ascii_lowercase();
                if !name.contains('.') || name.contains(['/', ' ', ':']) {
                    return None;
                }
                self.bytes = name.into_bytes();
            }
            Kind::Hash | Kind::Email => self.bytes = value.to_ascii_lowercase().into_bytes(),
            Kind::Url => self.bytes = value.as_bytes().to_vec(),
        }
        Some(None)
    }
}

/// An IPv4-mapped address is its IPv4 twin.
#[inline]
fn write_address(bytes: &mut [u8; 17], address: IpAddr) -> usize {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            bytes[..4].copy_from_slice(&address.octets());
            4
        }
        IpAddr::V6(address) => {
            bytes[..16].copy_from_slice(&address.octets());
            16
        }
    }
}

fn write_network(bytes: &mut [u8; 18], network: IpNet) -> usize {
    let used = match network.network() {
        IpAddr::V4(address) => {
            bytes[..4].copy_from_slice(&address.octets());
            4
        }
        IpAddr::V6(address) => {
            bytes[..16].copy_from_slice(&address.octets());
            16
        }
    };
    bytes[used] = network.prefix_len();
    used + 1
}

fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(bytes));
    }
    <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indicator(kind: Kind, value: &str) -> Indicator {
        Indicator {
            kind,
            value: value.to_owned(),
            tlp: Tlp::Green,
            confidence: 80,
            first: 1_700_000_000,
            until: None,
            source: "feed".to_owned(),
        }
    }

    fn with(items: &[(Kind, &str)], warnings: &Warnings) -> Indicators {
        let mut indicators = Indicators::new((1, 2), Expiry::Own);
        items.iter().for_each(|(kind, value)| indicators.add(&indicator(*kind, value), warnings));
        indicators
    }

    #[test]
    fn values_are_found_and_others_are_not() {
        let items = [
            (Kind::Address, "198.51.100.7"),
            (Kind::Address, "2001:db8::7"),
            (Kind::Network, "203.0.113.0/24"),
            (Kind::Network, "2001:db8:9::/48"),
            (Kind::Domain, "Evil.Example."),
            (Kind::Hash, "ABCD"),
            (Kind::Url, "https://x.example/A"),
            (Kind::Domain, "nodot"),
            (Kind::Address, "300.1.1.1"),
        ];
        let mut indicators = with(&items, &Warnings::default());
        assert_eq!((indicators.len(), indicators.refused), (7, 2));
        let is = |text: &str| indicators.address(text.parse().unwrap()).is_some();
        assert!(is("198.51.100.7") && is("::ffff:198.51.100.7") && is("2001:db8::7") && is("203.0.113.200"));
        assert!(is("2001:db8:9:1::1") && !is("198.51.100.8") && !is("2001:db8:8::1") && !is("203.0.114.1"));
        assert!(
            indicators.domain("a.b.EVIL.example").is_some() && indicators.domain("notevil.example").is_none()
        );
        assert!(
            indicators.value(Kind::Hash, "abcd").is_some()
                && indicators.value(Kind::Url, "https://x.example/a").is_none()
        );
        let index = indicators.address("203.0.113.9".parse().unwrap()).unwrap();
        let found = indicators.sight(index, 1_700_000_100).unwrap();
        assert_eq!(
            (found.value.as_str(), found.worth, found.source.as_str(), found.sightings),
            ("203.0.113.0/24", 80, "feed", 1)
        );
    }

    #[test]
    fn expiry_deletes_nothing_and_a_sighting_restores() {
        let mut indicators = with(&[(Kind::Address, "198.51.100.7")], &Warnings::default());
        let later = 1_700_000_000 + 100 * 86_400;
        let index = indicators.address("198.51.100.7".parse().unwrap()).unwrap();
        assert_eq!(indicators.each(later).map(|(_, worth, _)| worth).collect::<Vec<_>>(), [0]);
        assert!(indicators.sight(index, later).is_none(), "worth nothing, but seen");
        assert_eq!(indicators.len(), 1);
        assert!(indicators.sight(index, later + 60).unwrap().worth >= 79, "seen again: worth what it was");
    }

    #[test]
    fn what_is_warned_of_is_kept_and_never_matches() {
        let mut warnings = Warnings::default();
        warnings.network("own", "192.0.2.0/24".parse().unwrap());
        warnings.domain("provider", "cdn.example");
        let items =
            [(Kind::Address, "192.0.2.9"), (Kind::Domain, "a.cdn.example"), (Kind::Network, "192.0.0.0/16")];
        let indicators = with(&items, &warnings);
        assert_eq!((indicators.len(), indicators.warned), (3, 3));
        assert!(indicators.address("192.0.2.9".parse().unwrap()).is_none());
        assert!(indicators.domain("a.cdn.example").is_none());
        assert!(indicators.each(0).all(|(_, _, warned)| warned));
    }

    #[test]
    fn the_narrower_marking_stays() {
        let mut indicators = with(&[(Kind::Address, "198.51.100.7")], &Warnings::default());
        let mut red = indicator(Kind::Address, "198.51.100.7");
        red.tlp = Tlp::Red;
        indicators.add(&red, &Warnings::default());
        indicators.add(&indicator(Kind::Address, "198.51.100.7"), &Warnings::default());
        assert_eq!((indicators.len(), indicators.repeated), (1, 2));
        assert_eq!(indicators.each(0).next().unwrap().0.tlp, Tlp::Red);
    }
}
