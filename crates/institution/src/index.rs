//! Address to everything that the file says of it, in about ten nanoseconds.
//!
//! Networks are nested or disjoint, never partly overlapping. So the address space falls into ranges
//! within which every address has the same answer; the ranges are sorted, each with the number of a prepared
//! [`Lookup`], and a lookup is one search for the range. A table over the leading bits of the space that is in
//! use narrows the search to a few ranges; the worst case is a binary search over all of them. Compared
//! with a prefix trie this asks once for zone, services, groups and lists together, and touches fewer cache lines.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::{GroupId, Institution, PrefixId, ServiceId, ZoneId};
use crate::protected::Protected;

/// Entries of the table that narrows the search, at most; 4 MiB per family, and no more than eight per range.
const MAXIMUM_BUCKETS: usize = 1 << 20;

/// What the file says of an address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// The zone of the longest prefix that holds it.
    pub zone: Option<ZoneId>,
    /// That prefix.
    pub prefix: Option<PrefixId>,
    /// Whether that zone is protected.
    pub protected: bool,
    /// Whether it is on the allow list.
    pub allowed: bool,
    /// Whether its forwarded-for header is believed.
    pub trusted_proxy: bool,
    /// The services that have it, in the order of the file.
    pub services: Box<[ServiceId]>,
    /// The groups that hold it, directly or through a service, in the order of the file.
    pub groups: Box<[GroupId]>,
}

/// Address to [`Lookup`].
#[derive(Clone, Debug, Default)]
pub struct Index {
    protected: Protected,
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    lookups: Vec<Lookup>,
    nothing: Lookup,
}

/// What one network adds to the answers within it.
#[derive(Clone, Copy, Debug)]
enum Entry {
    Prefix(PrefixId, ZoneId, bool),
    Service(ServiceId),
    Group(GroupId),
    Allowed,
    TrustedProxy,
}

impl Index {
    /// The index of an institution, whose own `index` is not looked at. Takes O(n log n).
    pub fn new(institution: &Institution) -> Self {
        let entries = entries(institution);
        let mut v4: Vec<Block<u32>> = Vec::new();
        let mut v6: Vec<Block<u128>> = Vec::new();
        for (network, entry) in entries {
            match network {
                IpNet::V4(net) => {
                    v4.push(Block { first: net.network().to_bits(), last: net.broadcast().to_bits(), entry });
                }
                IpNet::V6(net) => {
                    v6.push(Block { first: net.network().to_bits(), last: net.broadcast().to_bits(), entry });
                }
            }
        }
        let mut known = BTreeMap::new();
        known.insert(Lookup::default(), 0);
        let v4 = Ranges::new(v4, &mut known);
        let v6 = Ranges::new(v6, &mut known);
        let mut lookups = vec![Lookup::default(); known.len()];
        for (lookup, number) in known {
            lookups[number as usize] = lookup;
        }
        let nothing = Lookup::default();
        let mut index = Self { protected: Protected::default(), v4, v6, lookups, nothing };
        index.protected = Protected::new(institution, |address| index.at(index.v4.find(address)).protected);
        index
    }

    /// Whether an address is in a protected zone: [`Lookup::protected`], sooner.
    #[inline]
    pub fn is_protected(&self, bits: u128) -> bool {
        let known = if bits >> 32 == 0xffff { self.protected.of(bits as u32) } else { None };
        known.unwrap_or_else(|| self.lookup_bits(bits).protected)
    }

    /// What the file says of an address. An IPv4-mapped IPv6 address is answered as its IPv4 twin.
    #[inline]
    pub fn lookup(&self, address: IpAddr) -> &Lookup {
        match address {
            IpAddr::V4(v4) => self.at(self.v4.find(v4.to_bits())),
            IpAddr::V6(v6) => self.lookup_bits(v6.to_bits()),
        }
    }

    /// As [`Index::lookup`] for 128 bits, IPv4 in IPv4-mapped form.
    #[inline]
    pub fn lookup_bits(&self, bits: u128) -> &Lookup {
        if bits >> 32 == 0xffff { self.at(self.v4.find(bits as u32)) } else { self.at(self.v6.find(bits)) }
    }

    /// How many different answers there are.
    pub fn len(&self) -> usize {
        self.lookups.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.v4.starts.is_empty() && self.v6.starts.is_empty()
    }

    #[inline]
    fn at(&self, number: u32) -> &Lookup {
        self.lookups.get(number as usize).unwrap_or(&self.nothing)
    }
}

fn entries(institution: &Institution) -> Vec<(IpNet, Entry)> {
    let mut entries = Vec::new();
    for (number, prefix) in institution.prefixes.iter().enumerate() {
        let id = PrefixId(number as u32);
        entries.push((prefix.network, Entry::Prefix(id, prefix.zone, prefix.protected)));
    }
    for (number, service) in institution.services.iter().enumerate() {
        let id = ServiceId(number as u16);
        entries.extend(service.addresses.iter().map(|&address| (IpNet::from(address), Entry::Service(id))));
    }
    for (number, group) in institution.groups.iter().enumerate() {
        let entry = Entry::Group(GroupId(number as u16));
        entries.extend(group.networks.iter().map(|&network| (network, entry)));
        for &service in &group.services {
            let addresses = &institution[service].addresses;
            entries.extend(addresses.iter().map(|&address| (IpNet::from(address), entry)));
        }
    }
    entries.extend(institution.allow.iter().map(|&network| (network, Entry::Allowed)));
    entries.extend(institution.proxies.trusted.iter().map(|&network| (network, Entry::TrustedProxy)));
    entries
}

/// The bits of an address of one family.
trait Bits: Copy + Ord + std::fmt::Debug + Default {
    const WIDTH: u32;
    fn next(self) -> Option<Self>;
    fn leading_zeros(self) -> u32;
    /// `(self - lowest) >> shift`; the caller sees to it that this is small.
    fn bucket(self, lowest: Self, shift: u32) -> usize;
    fn minus(self, other: Self) -> Self;
}

macro_rules! bits {
    ($($type:ty),*) => {$(
        impl Bits for $type {
            const WIDTH: u32 = <$type>::BITS;
            #[inline]
            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }
            #[inline]
            fn leading_zeros(self) -> u32 {
                <$type>::leading_zeros(self)
            }
            #[inline]
            fn bucket(self, lowest: Self, shift: u32) -> usize {
                (self.wrapping_sub(lowest) >> shift) as usize
            }
            #[inline]
            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        }
    )*};
}

bits!(u32, u128);

#[derive(Clone, Copy, Debug)]
struct Block<B> {
    first: B,
    last: B,
    entry: Entry,
}

/// Sorted ranges: the one that starts at `starts[i]` has the answer `answers[i]` and ends before the next.
#[derive(Clone, Debug, Default)]
struct Ranges<B> {
    starts: Vec<B>,
    answers: Vec<u32>,
    /// For the part of the space that is in use, cut into pieces of `2^shift` addresses: the number of
    /// ranges that start at or before the piece's first address; one more entry than pieces.
    buckets: Vec<u32>,
    shift: u32,
}

impl<B: Bits> Ranges<B> {
    fn new(mut blocks: Vec<Block<B>>, known: &mut BTreeMap<Lookup, u32>) -> Self {
        // Outer blocks first, so that a stack holds the blocks around the place that is being looked at.
        blocks.sort_by_key(|block| (block.first, std::cmp::Reverse(block.last)));
        let mut ranges = Self::default();
        let mut open: Vec<Block<B>> = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            ranges.close_before(Some(block.first), &mut open, known);
            open.push(*block);
            if blocks.get(number + 1).is_none_or(|next| next.first != block.first) {
                ranges.start(block.first, &open, known);
            }
        }
        ranges.close_before(None, &mut open, known);
        ranges.index();
        ranges
    }

    /// Ends the open blocks that end before `place` (all of them for none).
    fn close_before(
        &mut self,
        place: Option<B>,
        open: &mut Vec<Block<B>>,
        known: &mut BTreeMap<Lookup, u32>,
    ) {
        while let Some(last) = open.last().map(|block| block.last) {
            if place.is_some_and(|place| place <= last) {
                return;
            }
            open.truncate(open.iter().rposition(|block| block.last != last).map_or(0, |at| at + 1));
            if let Some(next) = last.next() {
                self.start(next, open, known);
            }
        }
    }

    fn start(&mut self, place: B, open: &[Block<B>], known: &mut BTreeMap<Lookup, u32>) {
        let count = known.len() as u32;
        let answer = *known.entry(combine(open)).or_insert(count);
        if self.starts.last() == Some(&place) {
            self.starts.pop();
            self.answers.pop();
        }
        if self.answers.last() != Some(&answer) {
            self.starts.push(place);
            self.answers.push(answer);
        }
    }

    fn index(&mut self) {
        let (Some(&lowest), Some(&highest)) = (self.starts.first(), self.starts.last()) else { return };
        let wanted = (self.starts.len() * 4).next_power_of_two().min(MAXIMUM_BUCKETS);
        let used_bits = B::WIDTH - highest.minus(lowest).leading_zeros();
        self.shift = used_bits.saturating_sub(wanted.trailing_zeros()).min(B::WIDTH - 1);
        let pieces = highest.bucket(lowest, self.shift) + 1;
        self.buckets = vec![0; pieces + 1];
        for start in &self.starts {
            let piece = start.bucket(lowest, self.shift);
            self.buckets[piece + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut self.buckets {
            sum += *count;
            *count = sum;
        }
    }

    /// The number of the answer for an address; 0, nothing, where there is none.
    #[inline]
    fn find(&self, address: B) -> u32 {
        let (Some(&lowest), Some(&highest)) = (self.starts.first(), self.starts.last()) else { return 0 };
        if address < lowest {
            return 0;
        }
        // What lies above the last start is in the last range, and may lie above every piece.
        let piece = address.min(highest).bucket(lowest, self.shift);
        let (from, to) = (self.buckets[piece] as usize, self.buckets[piece + 1] as usize);
        let after = from + self.starts[from..to].partition_point(|&start| start <= address);
        self.answers[after - 1]
    }
}

fn combine<B>(open: &[Block<B>]) -> Lookup {
    let mut lookup = Lookup::default();
    let mut services = Vec::new();
    let mut groups = Vec::new();
    for block in open {
        match block.entry {
            Entry::Prefix(prefix, zone, protected) => {
                lookup.prefix = Some(prefix);
                lookup.zone = Some(zone);
                lookup.protected = protected;
            }
            Entry::Service(service) => services.push(service),
            Entry::Group(group) => groups.push(group),
            Entry::Allowed => lookup.allowed = true,
            Entry::TrustedProxy => lookup.trusted_proxy = true,
        }
    }
    services.sort_unstable();
    services.dedup();
    groups.sort_unstable();
    groups.dedup();
    lookup.services = services.into();
    lookup.groups = groups.into();
    lookup
}

#[cfg(test)]
mod tests {
    use prefix_trie::PrefixMap;
    use proptest::prelude::*;

    use super::*;
    use crate::model::Prefix;

    /// Networks crowded into few bits, so that they nest and touch, at either end of the space too.
    fn networks() -> impl Strategy<Value = Vec<IpNet>> {
        let v4 = (prop_oneof![0u32..16, u32::MAX - 15..=u32::MAX, any::<u32>()], 1u8..=32)
            .prop_map(|(bits, length)| IpNet::new(IpAddr::V4(bits.into()), length).unwrap().trunc());
        let v6 = (prop_oneof![0u128..16, u128::MAX - 15..=u128::MAX, any::<u128>()], 1u8..=128)
            .prop_map(|(bits, length)| IpNet::new(IpAddr::V6(bits.into()), length).unwrap().trunc());
        prop::collection::vec(prop_oneof![v4, v6], 0..40)
    }

    fn institution(networks: &[IpNet]) -> Institution {
        let mut institution = Institution::everything();
        institution.prefixes = networks
            .iter()
            .map(|&network| Prefix { network, zone: ZoneId(0), protected: network.prefix_len() % 3 != 0 })
            .collect();
        institution.index = Index::new(&institution);
        institution
    }

    fn naive(networks: &[IpNet], address: IpAddr) -> Option<IpNet> {
        networks.iter().copied().filter(|network| network.contains(&address)).max_by_key(IpNet::prefix_len)
    }

    proptest! {
        #[test]
        fn longest_prefix_equals_a_linear_scan(networks in networks(), more in prop::collection::vec(any::<u128>(), 20)) {
            let institution = institution(&networks);
            let edges = networks.iter().flat_map(|network| [network.network(), network.broadcast()]);
            let beside = edges.flat_map(|address| match address {
                IpAddr::V4(v4) => [-1i32, 0, 1].map(|by| IpAddr::V4(v4.to_bits().wrapping_add_signed(by).into())),
                IpAddr::V6(v6) => [-1i128, 0, 1].map(|by| IpAddr::V6(v6.to_bits().wrapping_add_signed(by).into())),
            });
            let random = more.iter().flat_map(|&bits| [IpAddr::V6(bits.into()), IpAddr::V4((bits as u32).into())]);
            for address in beside.chain(random) {
                if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
                    continue;
                }
                let found = institution.index.lookup(address).prefix.map(|id| institution[id].network);
                prop_assert_eq!(found, naive(&networks, address), "{}", address);
                let bits = match address {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
                    IpAddr::V6(v6) => v6.to_bits(),
                };
                let lookup = institution.index.lookup_bits(bits);
                prop_assert_eq!(institution.index.is_protected(bits), lookup.protected, "{}", address);
            }
        }
    }

    #[test]
    fn nothing_is_found_in_an_empty_index() {
        let index = Index::default();
        assert!(index.is_empty());
        assert_eq!(*index.lookup("192.0.2.1".parse().unwrap()), Lookup::default());
        assert_eq!(*index.lookup_bits(0), Lookup::default());
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_twin() {
        let institution = institution(&["192.0.2.0/24".parse().unwrap()]);
        let found = institution.index.lookup("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(found.prefix, Some(PrefixId(0)));
        assert_eq!(institution.index.lookup_bits(0xffff_c000_0201).prefix, Some(PrefixId(0)));
    }

    /// Prints CPU nanoseconds per look-up beside those of a prefix trie:
    /// `cargo test --release -p institution --lib -- --ignored --nocapture speed`.
    #[test]
    #[ignore = "a measurement; run it alone and in release mode"]
    fn speed() {
        for count in [20usize, 1_000, 100_000] {
            for v6 in [false, true] {
                let (own, trie) = speed_of(count, v6);
                let family = if v6 { "IPv6" } else { "IPv4" };
                println!(
                    "{count:>7} {family} prefixes: index {own:5.1} ns, prefix-trie {trie:5.1} ns per look-up"
                );
            }
        }
    }

    fn speed_of(count: usize, v6: bool) -> (f64, f64) {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        let mut address = |v6: bool| match v6 {
            false => IpAddr::V4(next().into()),
            true => {
                IpAddr::V6((0x2001_0db8_u128 << 96 | u128::from(next()) << 64 | u128::from(next())).into())
            }
        };
        let mut lengths = [24u8, 22, 20, 26, 32].into_iter().cycle();
        let networks: Vec<IpNet> = (0..count)
            .map(|_| {
                let length = lengths.next().unwrap();
                IpNet::new(address(v6), if v6 { length + 32 } else { length }).unwrap().trunc()
            })
            .collect();
        let queries: Vec<IpAddr> = (0..1 << 20).map(|_| address(v6)).collect();
        let institution = institution(&networks);
        let mut trie: PrefixMap<IpNet4or6, u32> = PrefixMap::new();
        for (number, network) in networks.iter().enumerate() {
            trie.insert(wide(*network), number as u32);
        }
        let own = time(&queries, |query| u64::from(institution.index.lookup(*query).prefix.is_some()));
        let wide: Vec<IpNet4or6> = queries.iter().map(|&query| wide(IpNet::from(query))).collect();
        let other = time(&wide, |query| u64::from(trie.get_lpm(query).is_some()));
        assert_eq!(own.1, other.1);
        (own.0, other.0)
    }

    type IpNet4or6 = (u128, u8);

    fn wide(network: IpNet) -> IpNet4or6 {
        match network {
            IpNet::V4(v4) => (u128::from(v4.addr().to_bits()) << 96, v4.prefix_len()),
            IpNet::V6(v6) => (v6.addr().to_bits(), v6.prefix_len()),
        }
    }

    /// Nanoseconds that this thread has run, so that a busy machine does not count; the wall clock where Linux's
    /// figure cannot be had. As fine as a scheduler tick, so what is measured must take longer.
    fn cpu_nanoseconds(started: std::time::Instant) -> u64 {
        let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let ran = statistics.split_whitespace().next().and_then(|ran| ran.parse().ok());
        ran.unwrap_or_else(|| started.elapsed().as_nanos() as u64)
    }

    fn time<T>(queries: &[T], mut ask: impl FnMut(&T) -> u64) -> (f64, u64) {
        let mut best = f64::INFINITY;
        let mut found = 0;
        for _ in 0..5 {
            let clock = std::time::Instant::now();
            let before = cpu_nanoseconds(clock);
            found = queries.iter().map(&mut ask).sum();
            best = best.min((cpu_nanoseconds(clock) - before) as f64 / queries.len() as f64);
        }
        (best, found)
    }
}
