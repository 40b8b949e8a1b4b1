//! Where values are looked up: tables whose places hold all that a look needs, so that a record that matches nothing touches no indicator.
//!
//! One hash under a secret key for each value, since others choose them. In front of the addresses stands a filter that is small enough to stay close to the
//! processor and answers nearly all looks that find nothing; each family has a table whose places hold the address itself. Networks are looked for by the
//! lengths that are there, and only where a bitmap of the first bits says that one may be.

use std::net::IpAddr;

use hashbrown::HashTable;
use ipnet::IpNet;
use siphasher::sip::SipHasher13;
use sketch::{KeyedState, TableKey};

use crate::filter::Filter;
use crate::flat::Flat;
use crate::indicator::Kind;

/// Set in the number of an indicator that must never match.
const WARNED: u32 = 1 << 31;
/// The domain of the hashes of addresses.
const ADDRESSES: u64 = 1;
/// First bits by which networks are told to be near, as a number of places.
const NEAR_PLACES: usize = 1 << 16;

/// A value in the form in which it is looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Needle<'a> {
    /// An IPv4 address, or one mapped into IPv6.
    V4(u32),
    /// Another IPv6 address.
    V6(u128),
    /// A network, without bits behind its length.
    Network(IpNet),
    /// A text of a kind, normalised.
    Text(Kind, &'a [u8]),
}

impl Needle<'static> {
    /// Of an address.
    #[inline]
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6(address.to_bits()),
        }
    }
}

/// An indicator that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    pub(crate) index: u32,
    pub(crate) warned: bool,
}

impl Found {
    #[inline]
    const fn of(number: u32) -> Self {
        Self { index: number & !WARNED, warned: number & WARNED != 0 }
    }

    const fn number(self) -> u32 {
        if self.warned { self.index | WARNED } else { self.index }
    }
}

/// Networks of one family.
#[derive(Debug)]
struct Networks {
    /// Bits, length, number.
    table: HashTable<(u128, u8, u32)>,
    /// Lengths that are there, the longest first.
    lengths: Vec<u8>,
    /// A bit for each beginning under which a network lies.
    near: Vec<u64>,
    /// Whether one is so short that beginnings say nothing.
    wide: bool,
}

impl Networks {
    fn new() -> Self {
        Self { table: HashTable::new(), lengths: Vec::new(), near: Vec::new(), wide: false }
    }

    #[inline]
    fn may_be_near(&self, place: usize) -> bool {
        self.wide || self.near.get(place / 64).is_some_and(|word| word & (1 << (place % 64)) != 0)
    }

    fn mark(&mut self, places: std::ops::Range<usize>) {
        self.near.resize(NEAR_PLACES / 64, 0);
        for place in places {
            if let Some(word) = self.near.get_mut(place / 64) {
                *word |= 1 << (place % 64);
            }
        }
    }
}

/// Addresses that are looked up together: as many as a word has bits.
const TOGETHER: usize = 64;

/// All tables.
#[derive(Debug)]
pub(crate) struct Index {
    key: (u64, u64),
    /// Of the same key, for addresses.
    addresses: TableKey<2>,
    /// Hashes of addresses of both families.
    filter: Filter,
    v4: Flat<u32>,
    v6: Flat<u128>,
    networks: [Networks; 2],
    /// Whole hash and number.
    texts: HashTable<(u64, u32)>,
    /// Numbers of labels that domains have, as bits.
    labels: u128,
}

impl Index {
    pub(crate) fn new(key: (u64, u64)) -> Self {
        Self {
            key,
            addresses: TableKey::new(&state(key), ADDRESSES),
            filter: Filter::new(),
            v4: Flat::new(),
            v6: Flat::new(),
            networks: [Networks::new(), Networks::new()],
            texts: HashTable::new(),
            labels: 0,
        }
    }

    /// The indicator of just this value. `same` says whether an indicator has a text.
    #[inline]
    pub(crate) fn get(&self, needle: Needle<'_>, same: impl Fn(u32) -> bool) -> Option<Found> {
        match needle {
            Needle::V4(_) | Needle::V6(_) => self.own(needle),
            Needle::Network(network) => {
                let (family, bits) = parts(network);
                self.network(family, bits, network.prefix_len())
            }
            Needle::Text(kind, bytes) => {
                let hash = hash(self.key, kind as u64, bytes);
                let is = |place: &(u64, u32)| place.0 == hash && same(place.1 & !WARNED);
                self.texts.find(hash, is).map(|place| Found::of(place.1))
            }
        }
    }

    /// The indicator of just this address.
    #[inline]
    fn own(&self, needle: Needle<'_>) -> Option<Found> {
        let hash = self.hash_of(needle);
        if self.filter.has(hash) { self.found(needle, hash) } else { None }
    }

    fn network(&self, family: usize, bits: u128, length: u8) -> Option<Found> {
        let hash = hash_network(self.key, bits, length);
        let is = |place: &(u128, u8, u32)| place.0 == bits && place.1 == length;
        self.networks.get(family)?.table.find(hash, is).map(|place| Found::of(place.2))
    }

    /// The indicator of an address, or of the longest network that holds it; none that is warned of. One that is preferred hides behind none that is not; where
    /// none is preferred, the nearest is given.
    #[inline]
    pub(crate) fn address(&self, address: IpAddr, prefers: impl Fn(u32) -> bool) -> Option<u32> {
        let needle = Needle::of(address);
        self.nearest(needle, self.own(needle), &prefers)
    }

    /// Hands the number of each address's indicator to `take`, with the place of the address: what [`Self::address`] finds, sooner, since the looks of many
    /// wait for memory together and not one after the other.
    pub(crate) fn addresses(
        &self,
        addresses: &[IpAddr],
        prefers: impl Fn(u32) -> bool,
        mut take: impl FnMut(usize, u32),
    ) {
        let has_networks = self.networks.iter().any(|networks| !networks.lengths.is_empty());
        let mut hashes = [0; TOGETHER];
        for (chunk, addresses) in addresses.chunks(TOGETHER).enumerate() {
            for (address, hash) in addresses.iter().zip(&mut hashes) {
                *hash = self.hash_of(Needle::of(*address));
                self.filter.ask(*hash);
            }
            let mut may_be: u64 = 0;
            for (place, hash) in hashes.iter().enumerate().take(addresses.len()) {
                may_be |= u64::from(self.filter.has(*hash)) << place;
            }
            let at = |place: usize| Some((Needle::of(*addresses.get(place)?), *hashes.get(place)?));
            for (needle, hash) in bits(may_be).map_while(at) {
                self.ask(needle, hash);
            }
            let looked_at = if has_networks { u64::MAX } else { may_be };
            for place in bits(looked_at) {
                let Some((needle, hash)) = at(place) else { break };
                let own = if may_be & 1 << place != 0 { self.found(needle, hash) } else { None };
                if let Some(number) = self.nearest(needle, own, &prefers) {
                    take(chunk * TOGETHER + place, number);
                }
            }
        }
    }

    /// The indicator of an address, or that of a network that holds it.
    #[inline]
    fn nearest(&self, needle: Needle<'_>, own: Option<Found>, prefers: &impl Fn(u32) -> bool) -> Option<u32> {
        match own.filter(|found| !found.warned) {
            Some(found) if prefers(found.index) => Some(found.index),
            Some(found) => {
                self.holder(needle, prefers).filter(|holder| prefers(*holder)).or(Some(found.index))
            }
            None => self.holder(needle, prefers),
        }
    }

    /// Of an address.
    #[inline]
    fn hash_of(&self, needle: Needle<'_>) -> u64 {
        match needle {
            Needle::V4(bits) => self.addresses.hash_address(bits.into()),
            Needle::V6(bits) => self.addresses.hash_address(bits),
            Needle::Network(_) | Needle::Text(..) => 0,
        }
    }

    /// Asks for the place of an address.
    #[inline]
    fn ask(&self, needle: Needle<'_>, hash: u64) {
        match needle {
            Needle::V4(_) => self.v4.ask(hash),
            Needle::V6(_) => self.v6.ask(hash),
            Needle::Network(_) | Needle::Text(..) => {}
        }
    }

    /// The indicator of just this address.
    #[inline]
    fn found(&self, needle: Needle<'_>, hash: u64) -> Option<Found> {
        let number = match needle {
            Needle::V4(bits) => self.v4.find(hash, bits),
            Needle::V6(bits) => self.v6.find(hash, bits),
            Needle::Network(_) | Needle::Text(..) => None,
        };
        number.map(Found::of)
    }

    /// The longest network that holds an address and is preferred, or else the longest.
    #[inline]
    fn holder(&self, needle: Needle<'_>, prefers: &impl Fn(u32) -> bool) -> Option<u32> {
        let (family, bits) = match needle {
            Needle::V4(bits) => (0, u128::from(bits)),
            Needle::V6(bits) => (1, bits),
            Needle::Network(_) | Needle::Text(..) => return None,
        };
        let networks = &self.networks[family];
        if networks.lengths.is_empty() || !networks.may_be_near(near(self.key, family, bits)) {
            return None;
        }
        let holding = networks.lengths.iter().filter_map(|length| {
            let found = self.network(family, bits & mask(family, *length), *length)?;
            (!found.warned).then_some(found.index)
        });
        let mut longest = None;
        for index in holding {
            if prefers(index) {
                return Some(index);
            }
            longest = longest.or(Some(index));
        }
        longest
    }

    /// Whether a domain of so many labels is there.
    #[inline]
    pub(crate) const fn has_labels(&self, count: usize) -> bool {
        self.labels & (1 << if count < 127 { count } else { 127 }) != 0
    }

    /// Puts in what is not there yet.
    pub(crate) fn insert(&mut self, needle: Needle<'_>, found: Found) {
        let (key, number) = (self.key, found.number());
        match needle {
            Needle::V4(bits) => {
                let key = self.addresses;
                self.put(self.hash_of(needle));
                self.v4.insert(bits, number, |bits| key.hash_address(bits.into()));
            }
            Needle::V6(bits) => {
                let key = self.addresses;
                self.put(self.hash_of(needle));
                self.v6.insert(bits, number, |bits| key.hash_address(bits));
            }
            Needle::Network(network) => self.insert_network(network, number),
            Needle::Text(kind, bytes) => {
                let hash = hash(key, kind as u64, bytes);
                self.texts.insert_unique(hash, (hash, number), |place| place.0);
                if kind == Kind::Domain {
                    let labels = bytes.iter().filter(|byte| **byte == b'.').count() + 1;
                    self.labels |= 1 << labels.min(127);
                }
            }
        }
    }

    /// Lets a hash pass the filter.
    fn put(&mut self, hash: u64) {
        if self.filter.is_full() {
            let key = self.addresses;
            let v4 = self.v4.keys().map(|bits| key.hash_address(bits.into()));
            let v6 = self.v6.keys().map(|bits| key.hash_address(bits));
            self.filter = self.filter.grown(v4.chain(v6));
        }
        self.filter.put(hash);
    }

    fn insert_network(&mut self, network: IpNet, number: u32) {
        let (key, length) = (self.key, network.prefix_len());
        let (family, bits) = parts(network);
        let networks = &mut self.networks[family];
        let place = (bits, length, number);
        networks.table.insert_unique(hash_network(key, bits, length), place, |place| {
            hash_network(key, place.0, place.1)
        });
        if let Err(at) = networks.lengths.binary_search_by(|known| length.cmp(known)) {
            networks.lengths.insert(at, length);
        }
        let first = near(key, family, bits);
        match family {
            // The first sixteen bits, in order: a shorter network lies under several.
            0 => networks.mark(first..first + (1 << 16u8.saturating_sub(length))),
            _ if length < 32 => networks.wide = true,
            _ => networks.mark(first..first + 1),
        }
    }
}

/// The places of a word's bits, the lowest first.
fn bits(word: u64) -> impl Iterator<Item = usize> {
    std::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)))
        .take_while(|word| *word != 0)
        .map(|word| word.trailing_zeros() as usize)
}

/// Of the beginning of an address: the first 16 bits of IPv4; of IPv6, whose used part lies close together, a mixture of the first 32. Who makes
/// beginnings meet makes one more look necessary, and no more.
#[inline]
fn near(key: (u64, u64), family: usize, bits: u128) -> usize {
    if family == 0 {
        return (bits >> 16) as usize & (NEAR_PLACES - 1);
    }
    let first = (bits >> 96) as u64 ^ (key.0 & 0xffff_ffff);
    (first.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}

/// Bits of a length, at the upper end of the family's width.
#[inline]
fn mask(family: usize, length: u8) -> u128 {
    let width = if family == 0 { 32 } else { 128 };
    let all = if family == 0 { u128::from(u32::MAX) } else { u128::MAX };
    all & u128::MAX.checked_shl(width - u32::from(length).min(width)).unwrap_or(0)
}

fn parts(network: IpNet) -> (usize, u128) {
    match network {
        IpNet::V4(network) => (0, u128::from(network.network().to_bits())),
        IpNet::V6(network) => (1, network.network().to_bits()),
    }
}

/// The key as `sketch` has it.
fn state((first, second): (u64, u64)) -> KeyedState {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&first.to_le_bytes());
    key[8..].copy_from_slice(&second.to_le_bytes());
    KeyedState::new(key)
}

#[inline]
fn hash_network(key: (u64, u64), bits: u128, length: u8) -> u64 {
    hash(key, 0x80 | u64::from(length) << 8, &bits.to_ne_bytes())
}

#[inline]
fn hash(key: (u64, u64), domain: u64, bytes: &[u8]) -> u64 {
    SipHasher13::new_with_keys(key.0 ^ domain, key.1).hash(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_are_of_the_width() {
        assert_eq!((mask(0, 0), mask(0, 8), mask(0, 32)), (0, 0xff00_0000, 0xffff_ffff));
        assert_eq!((mask(1, 0), mask(1, 128), mask(1, 16)), (0, u128::MAX, 0xffff << 112));
    }

    proptest! {
        /// The tables agree with a look at every network.
        #[test]
        fn networks_are_found_as_by_hand(networks in prop::collection::vec((any::<u32>(), 0u8..=32, any::<bool>()), 0..40), looks in prop::collection::vec(any::<u32>(), 1..40)) {
            let mut index = Index::new((3, 4));
            let mut all: Vec<IpNet> = Vec::new();
            for (bits, length, six) in networks {
                let network: IpNet = if six {
                    IpNet::new(IpAddr::V6((u128::from(bits) << 96).into()), length * 4).unwrap().trunc()
                } else {
                    IpNet::new(IpAddr::V4(bits.into()), length).unwrap().trunc()
                };
                if !all.contains(&network) {
                    index.insert(Needle::Network(network), Found { index: all.len() as u32, warned: false });
                    all.push(network);
                }
            }
            let near = all.iter().map(IpNet::network).collect::<Vec<_>>();
            let looked = looks.iter().map(|bits| IpAddr::V4((*bits).into())).chain(looks.iter().map(|bits| IpAddr::V6((u128::from(*bits) << 96).into())));
            for address in looked.chain(near) {
                let wanted = all.iter().enumerate().filter(|(_, network)| network.contains(&address)).max_by_key(|(_, network)| network.prefix_len());
                prop_assert_eq!(index.address(address, |_| true), wanted.map(|(at, _)| at as u32), "{}", address);
                // Of some only: the longest of those, and the longest of all where none holds it.
                let some = |at: u32| at % 2 == 1;
                let preferred = all.iter().enumerate().filter(|(at, network)| some(*at as u32) && network.contains(&address));
                let wanted = preferred.max_by_key(|(_, network)| network.prefix_len()).or(wanted);
                prop_assert_eq!(index.address(address, some), wanted.map(|(at, _)| at as u32), "{}", address);
            }
        }

        /// Many at once are found as one after the other: more of them than are looked at together, warned ones and those in networks among them.
        #[test]
        fn many_at_once_are_found_as_one_by_one(
            known in prop::collection::vec((0u32..300, any::<bool>(), any::<bool>()), 0..120),
            networks in prop::collection::vec((0u32..300, 24u8..=31), 0..4),
            looks in prop::collection::vec((0u32..300, any::<bool>()), 0..200),
        ) {
            let address = |bits: u32, six: bool| if six { IpAddr::V6((1u128 << 80 | u128::from(bits)).into()) } else { IpAddr::V4(bits.into()) };
            let mut index = Index::new((5, 6));
            let mut number = 0;
            for (bits, six, warned) in known {
                let needle = Needle::of(address(bits, six));
                if index.get(needle, |_| false).is_none() {
                    index.insert(needle, Found { index: number, warned });
                    number += 1;
                }
            }
            for (bits, length) in networks {
                let needle = Needle::Network(IpNet::new(address(bits, false), length).unwrap().trunc());
                if index.get(needle, |_| false).is_none() {
                    index.insert(needle, Found { index: number, warned: false });
                    number += 1;
                }
            }
            let looks: Vec<IpAddr> = looks.into_iter().map(|(bits, six)| address(bits, six)).collect();
            let mut together = vec![None; looks.len()];
            index.addresses(&looks, |number| number % 3 != 0, |place, number| together[place] = Some(number));
            let alone: Vec<_> = looks.iter().map(|look| index.address(*look, |number| number % 3 != 0)).collect();
            prop_assert_eq!(together, alone);
        }
    }
}
