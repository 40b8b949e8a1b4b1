//! Warning lists: what must never become a rule, whoever says that it is evil. Own networks and those never filtered, addresses of nobody in
//! particular, big providers and resolvers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde_json::Value;

use crate::host::{Host, of_authority, of_url};
use crate::index::Needle;
use crate::indicator::{Kind, MAXIMUM_VALUE_BYTES, needle};

/// Most entries.
pub const MAXIMUM_WARNINGS: usize = 1 << 18;
/// Most lists; entries of further ones are said to be on [`OTHER`].
const MAXIMUM_LISTS: usize = 4_096;
/// The name of what no list name is left for.
const OTHER: &str = "other list";
/// Most labels of a name that are looked at; no name has more.
const MAXIMUM_LABELS: usize = 128;

/// Networks and names that are warned of, each with the list that it is on.
///
/// A value is warned of if it lies in an entry **or covers one**: an indicator of a network matches all of it, one of a name all names below. Other ways of
/// writing an IPv4 address are the same address: mapped and compatible ones (RFC 4291), 6to4 (RFC 3056), NAT64 (RFC 6052, RFC 8215), SIIT (RFC 7915), Teredo
/// (RFC 4380) and ISATAP (RFC 5214).
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    lists: Vec<String>,
    known: BTreeMap<String, u16>,
    /// By family: beginning and length.
    networks: [BTreeMap<(u128, u8), u16>; 2],
    lengths: [BTreeSet<u8>; 2],
    /// Names with their labels turned round, so that what lies below one follows it.
    domains: BTreeMap<String, Named>,
    count: usize,
    /// Entries that could not be read or had no room.
    pub skipped: usize,
}

/// A name that is warned of.
#[derive(Clone, Copy, Debug)]
struct Named {
    place: u16,
    /// Whether names below it are warned of too.
    is_whole: bool,
}

/// Networks that belong to nobody or to everybody (IANA's special-purpose registries, RFC 6890), and public resolvers.
const GENERAL: [(&str, &str); 21] = [
    ("special", "0.0.0.0/8"),
    ("special", "10.0.0.0/8"),
    ("special", "100.64.0.0/10"),
    ("special", "127.0.0.0/8"),
    ("special", "169.254.0.0/16"),
    ("special", "172.16.0.0/12"),
    ("special", "192.168.0.0/16"),
    ("special", "224.0.0.0/4"),
    ("special", "240.0.0.0/4"),
    ("special", "::/127"),
    ("special", "fc00::/7"),
    ("special", "fe80::/10"),
    ("special", "ff00::/8"),
    ("public resolver", "1.1.1.1/32"),
    ("public resolver", "1.0.0.1/32"),
    ("public resolver", "8.8.8.8/32"),
    ("public resolver", "8.8.4.4/32"),
    ("public resolver", "9.9.9.9/32"),
    ("public resolver", "2606:4700:4700::1111/128"),
    ("public resolver", "2001:4860:4860::8888/128"),
    ("public resolver", "2620:fe::fe/128"),
];

impl Warnings {
    /// What is warned of everywhere.
    #[must_use]
    pub fn general() -> Self {
        let mut warnings = Self::default();
        for (list, network) in GENERAL {
            match network.parse() {
                Ok(network) => warnings.network(list, network),
                Err(_) => warnings.skipped += 1,
            }
        }
        warnings
    }

    fn place(&mut self, list: &str) -> u16 {
        let list =
            if self.lists.len() < MAXIMUM_LISTS || self.known.contains_key(list) { list } else { OTHER };
        if let Some(known) = self.known.get(list) {
            return *known;
        }
        let place = self.lists.len() as u16;
        self.lists.push(list.to_owned());
        self.known.insert(list.to_owned(), place);
        place
    }

    /// Counts one more entry; no if there is no room.
    fn has_room(&mut self) -> bool {
        let has_room = self.count < MAXIMUM_WARNINGS;
        self.count += usize::from(has_room);
        self.skipped += usize::from(!has_room);
        has_room
    }

    /// Warns of a network.
    pub fn network(&mut self, list: &str, network: IpNet) {
        if !self.has_room() {
            return;
        }
        let place = self.place(list);
        let (family, start, length) = parts(canonical(network));
        self.put(family, start, length, place);
        if family == 0 {
            for (start, length) in images(start as u32, length) {
                self.put(1, start, length, place);
            }
        }
    }

    fn put(&mut self, family: usize, start: u128, length: u8, place: u16) {
        self.networks[family].entry((start, length)).or_insert(place);
        self.lengths[family].insert(length);
    }

    /// Warns of a name and everything below it.
    pub fn domain(&mut self, list: &str, name: &str) {
        if !self.has_room() {
            return;
        }
        let place = self.place(list);
        self.domains.insert(turned(name), Named { place, is_whole: true });
    }

    /// Warns of a name alone: names below it may be of other people.
    fn exact(&mut self, list: &str, name: &str) {
        if !self.has_room() {
            return;
        }
        let place = self.place(list);
        self.domains.entry(turned(name)).or_insert(Named { place, is_whole: false });
    }

    /// Reads a list in MISP's form: `{"name": …, "type": "hostname|string|cidr", "list": […]}`. A host's name stands for all below it, a string (or what says
    /// no type) for itself; a list of networks has no names. What only resembles entries (`substring`, `regex`) is counted as skipped.
    pub fn read_misp(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            self.skipped += 1;
            return;
        };
        let name = value["name"].as_str().unwrap_or("unnamed list").to_owned();
        let kind = match &value["type"] {
            Value::Null => "string",
            kind => kind.as_str().unwrap_or_default(),
        };
        let is_known = matches!(kind, "hostname" | "string" | "cidr");
        for entry in value["list"].as_array().into_iter().flatten() {
            let Some(text) = entry.as_str().map(str::trim).filter(|_| is_known) else {
                self.skipped += 1;
                continue;
            };
            let host = if text.contains("://") { of_url(text) } else { of_authority(text) };
            match (text.parse::<IpNet>(), host) {
                (Ok(network), _) => self.network(&name, network),
                (Err(_), Some(Host::Address(address))) => self.network(&name, address.into()),
                (Err(_), Some(Host::Name(host)))
                    if kind != "cidr"
                        && host.contains('.')
                        && (text.contains("://") || !text.contains('/')) =>
                {
                    if kind == "hostname" {
                        self.domain(&name, &host);
                    } else {
                        self.exact(&name, &host);
                    }
                }
                _ => self.skipped += 1,
            }
        }
    }

    /// Whether a value lies in, or covers, something that is warned of.
    #[must_use]
    pub fn holds(&self, kind: Kind, value: &str) -> bool {
        self.list_of(kind, value).is_some()
    }

    /// The list that a value is on.
    #[must_use]
    pub fn list_of(&self, kind: Kind, value: &str) -> Option<&str> {
        let mut buffer = [0; MAXIMUM_VALUE_BYTES];
        let (_, needle) = needle(kind, value, &mut buffer)?;
        self.list(needle)
    }

    /// The list that a value is on, in the form in which it is looked up.
    pub(crate) fn list(&self, needle: Needle<'_>) -> Option<&str> {
        match needle {
            Needle::V4(bits) => self.address(IpAddr::V4(bits.into())),
            Needle::V6(bits) => self.address(IpAddr::V6(bits.into())),
            Needle::Network(network) => self.touching(network),
            Needle::Text(kind, bytes) => {
                let text = std::str::from_utf8(bytes).ok()?;
                match kind {
                    Kind::Url => self.host(&of_url(text)?),
                    Kind::Email => self.host(&of_authority(text.rsplit_once('@')?.1)?),
                    // A name that is an odd way of writing an address is that address.
                    Kind::Domain => self.host(&of_authority(text)?),
                    Kind::Address | Kind::Network | Kind::Hash => None,
                }
            }
        }
    }

    fn host(&self, host: &Host<'_>) -> Option<&str> {
        match host {
            Host::Address(address) => self.address(*address),
            Host::Name(name) => self.name(name),
        }
    }

    fn address(&self, address: IpAddr) -> Option<&str> {
        let inside = match address {
            IpAddr::V6(address) => hidden(address),
            IpAddr::V4(_) => None,
        };
        self.touching(address.into()).or_else(|| self.touching(IpAddr::V4(inside?).into()))
    }

    /// The list of an entry that holds a network or lies in it. Two looks for each length that is there, however many entries there are.
    fn touching(&self, network: IpNet) -> Option<&str> {
        let (family, start, length) = parts(canonical(network));
        let networks = &self.networks[family];
        let width = if family == 0 { 32 } else { 128 };
        let above = |length: &u8| networks.get(&(start & mask(width, *length), *length));
        let found = self.lengths[family].range(..=length).rev().find_map(above).or_else(|| {
            let end = start | !mask(width, length) & mask(128, 128) >> (128 - u32::from(width));
            networks.range((start, length)..=(end, u8::MAX)).next().map(|(_, place)| place)
        });
        self.lists.get(usize::from(*found?)).map(String::as_str)
    }

    /// The list of an entry that a name is or lies above, or lies below if the entry stands for all of that.
    fn name(&self, name: &str) -> Option<&str> {
        let name = turned(name);
        let ends = name.match_indices('.').map(|(at, _)| at).take(MAXIMUM_LABELS).chain([name.len()]);
        let holds =
            |end: usize| self.domains.get(&name[..end]).filter(|entry| entry.is_whole || end == name.len());
        let above = ends.filter_map(holds).next();
        let found = above.or_else(|| {
            let below = format!("{name}.");
            let (first, entry) = self.domains.range(below.clone()..).next()?;
            first.starts_with(&below).then_some(entry)
        });
        self.lists.get(usize::from(found?.place)).map(String::as_str)
    }
}

/// `a.b.example` as `example.b.a`, in lower case and without dots at the ends.
fn turned(name: &str) -> String {
    let name =
        name.trim_matches(|character: char| character == '.' || character.is_whitespace()).to_lowercase();
    name.rsplit('.').collect::<Vec<_>>().join(".")
}

/// A network of IPv4 that is written as one of IPv6 (RFC 4291, 2.5.5.2).
fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    match (network.network().to_canonical(), network.prefix_len()) {
        (IpAddr::V4(address), length @ 96..) if network.network().is_ipv6() => {
            IpNet::new(IpAddr::V4(address), length - 96).unwrap_or(network)
        }
        _ => network,
    }
}

fn parts(network: IpNet) -> (usize, u128, u8) {
    let start = match network.network() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    };
    (usize::from(network.network().is_ipv6()), start, network.prefix_len())
}

fn mask(width: u8, length: u8) -> u128 {
    let all = u128::MAX >> (128 - u32::from(width));
    all & u128::MAX.checked_shl(u32::from(width) - u32::from(length.min(width))).unwrap_or(0)
}

/// A network of IPv4 in the parts of IPv6 that stand for IPv4.
fn images(start: u32, length: u8) -> [(u128, u8); 7] {
    let bits = u128::from(start);
    let low = |prefix: u128| (prefix | bits, 96 + length);
    // RFC 6052, 2.2: behind a prefix of 48 bits the octet in the middle stays empty.
    let (upper, lower) = (bits >> 16 << 64, (bits & 0xffff) << 40);
    let split = (0x0064_ff9b_0001 << 80 | upper | lower, 48 + length + if length > 16 { 8 } else { 0 });
    [
        low(0),
        low(0xffff << 32),
        low(0xffff << 48),
        low(0x0064_ff9b << 96),
        low(0x0064_ff9b_0001 << 80),
        split,
        (0x2002 << 112 | bits << 80, 16 + length),
    ]
}

/// The IPv4 address in the last bits of Teredo and of ISATAP.
fn hidden(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let groups = address.segments();
    let last = address.to_bits() as u32;
    if groups[..2] == [0x2001, 0] {
        return Some(Ipv4Addr::from_bits(!last));
    }
    (groups[4] & 0xfdff == 0 && groups[5] == 0x5efe).then(|| Ipv4Addr::from_bits(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_what_lies_in_them_and_what_covers_them() {
        let mut warnings = Warnings::general();
        warnings
            .read_misp(r#"{"name":"big","type":"hostname","list":["198.51.100.0/24","203.0.113.5","cdn.example",7,"???"]}"#);
        assert_eq!(warnings.skipped, 2);
        assert_eq!(warnings.list_of(Kind::Address, "198.51.100.9"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Network, "198.0.0.0/8"), Some("big"), "what covers it is as bad");
        assert_eq!(warnings.list_of(Kind::Url, "https://a.cdn.example/x"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Url, "https://203.0.113.5/x"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Email, "a@cdn.example"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Address, "10.1.1.1"), Some("special"));
        assert_eq!(warnings.list_of(Kind::Domain, "notcdn.example"), None);
    }

    #[test]
    fn a_list_warns_of_as_much_as_its_type_says() {
        let read = |kind: &str, entry: &str| {
            let mut warnings = Warnings::default();
            warnings.read_misp(&format!(r#"{{"name":"l",{kind}"list":["{entry}"]}}"#));
            warnings
        };
        for kind in [r#""type":"string","#, ""] {
            let warnings = read(kind, "co.uk");
            assert_eq!(warnings.skipped, 0);
            assert!(warnings.holds(Kind::Domain, "co.uk"), "itself");
            for below in ["evil.co.uk", "a.evil.co.uk"] {
                assert!(!warnings.holds(Kind::Domain, below), "a whole zone is not silenced: {below}");
            }
            assert!(!warnings.holds(Kind::Url, "https://evil.co.uk/x"));
            let warnings = read(kind, "www.provider.example");
            assert!(warnings.holds(Kind::Domain, "provider.example"), "an indicator that covers it");
            assert!(read(kind, "203.0.113.5").holds(Kind::Address, "203.0.113.5"));
        }
        assert!(read(r#""type":"hostname","#, "co.uk").holds(Kind::Domain, "evil.co.uk"));
        assert!(read(r#""type":"cidr","#, "203.0.113.0/24").holds(Kind::Address, "203.0.113.5"));
        for kind in [r#""type":"cidr","#, r#""type":"substring","#, r#""type":"regex","#, r#""type":7,"#] {
            let warnings = read(kind, "co.uk");
            assert_eq!((warnings.skipped, warnings.count), (1, 0), "{kind}");
        }
        let mut both = read(r#""type":"string","#, "cdn.example");
        both.domain("own", "cdn.example");
        both.read_misp(r#"{"type":"string","list":["cdn.example"]}"#);
        assert!(both.holds(Kind::Domain, "a.cdn.example"), "the wider of two entries holds");
    }

    #[test]
    fn other_ways_of_writing_hide_nothing_of_ours() {
        let mut warnings = Warnings::default();
        warnings.network("own", "192.0.2.0/24".parse().unwrap());
        warnings.network("own", "2001:db8:1::/48".parse().unwrap());
        warnings.domain("own", "Parliament.Example.");
        for (kind, value) in [
            (Kind::Address, " 192.0.2.10 "),
            (Kind::Address, "::ffff:192.0.2.10"),
            (Kind::Address, "::192.0.2.10"),
            (Kind::Address, "::ffff:0:192.0.2.10"),
            (Kind::Address, "2002:c000:20a::1"),
            (Kind::Address, "64:ff9b::192.0.2.10"),
            (Kind::Address, "64:ff9b:1::192.0.2.10"),
            (Kind::Address, "64:ff9b:1:c000:2:a00::"),
            (Kind::Address, "2001:0:4136:e378:8000:63bf:3fff:fdf5"),
            (Kind::Address, "2001:db8:7::5efe:192.0.2.10"),
            (Kind::Address, "2001:db8:1::7"),
            (Kind::Network, "192.0.2.128/25"),
            (Kind::Network, "192.0.0.0/16"),
            (Kind::Network, "::ffff:192.0.2.0/120"),
            (Kind::Network, "::ffff:0:0/96"),
            (Kind::Network, "2002::/16"),
            (Kind::Network, "2002:c000:200::/40"),
            (Kind::Network, "64:ff9b::/96"),
            (Kind::Network, "0.0.0.0/0"),
            (Kind::Network, "::/0"),
            (Kind::Network, "2001:db8::/32"),
            (Kind::Domain, "WWW.PARLIAMENT.EXAMPLE."),
            (Kind::Domain, "*.parliament.example"),
            (Kind::Domain, "192.0.2.10"),
            (Kind::Url, "HTTPS://User:x@WWW.Parliament.Example.:443/x"),
            (Kind::Url, "https://[::ffff:192.0.2.10]/"),
            (Kind::Url, "http://3221225994/"),
            (Kind::Email, "a@PARLIAMENT.example."),
            (Kind::Email, "a@[192.0.2.10]"),
        ] {
            assert_eq!(warnings.list_of(kind, value), Some("own"), "{value}");
        }
        let mut deep = Warnings::default();
        deep.domain("own", "parliament.gov.example");
        assert_eq!(deep.list_of(Kind::Domain, "gov.example"), Some("own"), "names below it would match");
        assert_eq!(deep.list_of(Kind::Domain, "other.gov.example"), None);
        for (kind, value) in [
            (Kind::Address, "192.0.3.1"),
            (Kind::Address, "2002:c000:30a::1"),
            (Kind::Address, "64:ff9b::192.0.3.1"),
            (Kind::Address, "64:ff9b:1:c000:3:a00::"),
            (Kind::Address, "2001:db8:7::7"),
            (Kind::Network, "192.0.3.0/24"),
            (Kind::Domain, "parliament-example.example"),
            (Kind::Url, "https://www.parliament.example@evil.example/"),
        ] {
            assert_eq!(warnings.list_of(kind, value), None, "{value}");
        }
    }

    #[test]
    fn many_warnings_cost_no_more_than_few() {
        let mut warnings = Warnings::default();
        for number in 0..(MAXIMUM_WARNINGS as u32 + 10) {
            warnings.network("big", IpNet::new(IpAddr::V4((number << 8).into()), 24).unwrap());
        }
        assert_eq!((warnings.skipped, warnings.count), (10, MAXIMUM_WARNINGS));
        // With a look at each entry these would be thirteen thousand million looks.
        let found = (0..50_000u32)
            .filter(|number| warnings.list(Needle::V4(number.wrapping_mul(0x9e37_79b9))).is_some());
        assert!((500..1_200).contains(&found.count()));
    }
}
