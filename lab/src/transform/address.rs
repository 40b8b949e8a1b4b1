//! Addresses changed for others of the same kind and neighbourhood, by a keyed bijection.
//!
//! Kept: the family; whether an address is private, loopback, link-local, multicast, broadcast or of no use at
//! all; which addresses share a /24 (IPv4) or a /64 (IPv6). Checksums are not mended, since capture files are
//! full of wrong ones anyway (offloading).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::random::mix;
use crate::trace::Trace;
use crate::traffic::packet::put;

/// A keyed bijection of addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapping(u64);

impl Mapping {
    /// The mapping of a key.
    pub(crate) const fn new(key: u64) -> Self {
        Self(key)
    }

    /// The address that stands for this one.
    pub(crate) fn of(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => IpAddr::V4(self.of_v4(address)),
            IpAddr::V6(address) => IpAddr::V6(self.of_v6(address)),
        }
    }

    fn of_v4(self, address: Ipv4Addr) -> Ipv4Addr {
        let class = class_v4(address);
        let bits = address.to_bits();
        // The bits that make the class are kept and the others of the network are permuted.
        let network = match class {
            Class::Fixed => return address,
            Class::Private10 => self.permute(bits >> 8, 16),
            Class::Private172 => self.permute(bits >> 8, 12),
            Class::Private192 => self.permute(bits >> 8, 8),
            // What comes first says whether the block is in use (RFC 5771): captures that were made anonymous have victims in
            // blocks that are not.
            Class::Multicast if bits >> 24 == 224 => self.permute(bits >> 8, 8),
            Class::Multicast => self.permute(bits >> 8, 16),
            Class::Public => self.public(bits >> 8),
        };
        let host = feistel(bits & 0xff, 8, self.0 ^ mix(u64::from(network)));
        Ipv4Addr::from_bits(network << 8 | host)
    }

    fn permute(self, network: u32, bits: u32) -> u32 {
        let mask = (1 << bits) - 1;
        network & !mask | feistel(network & mask, bits, self.0)
    }

    /// Walking the cycle of a permutation until a public network is met again is a permutation of those.
    fn public(self, network: u32) -> u32 {
        let mut network = network;
        loop {
            network = feistel(network, 24, self.0);
            if class_v4(Ipv4Addr::from_bits(network << 8 | 1)) == Class::Public {
                return network;
            }
        }
    }

    fn of_v6(self, address: Ipv6Addr) -> Ipv6Addr {
        let bits = address.to_bits();
        let (network, host) = ((bits >> 64) as u64, bits as u64);
        let first = (network >> 56) as u8;
        if network == 0 || first >= 0xfc {
            return address;
        }
        // The first 16 bits are kept: they say what kind of address it is.
        let low = feistel((network >> 24 & 0xff_ffff) as u32, 24, self.0);
        let lower = feistel((network & 0xff_ffff) as u32, 24, self.0 ^ 1);
        let network = network & 0xffff_0000_0000_0000 | u64::from(low) << 24 | u64::from(lower);
        let host = mix(host ^ mix(self.0));
        Ipv6Addr::from_bits(u128::from(network) << 64 | u128::from(host))
    }

    /// Changes every address of a trace, those inside ICMP errors and IP-in-IP tunnels too.
    pub(crate) fn apply(self, trace: &Trace) -> Trace {
        let mut changed = Trace::default();
        for seen in trace.iter() {
            let mut bytes = seen.bytes.to_vec();
            self.change(&mut bytes, 0);
            changed.push(seen.time, &bytes, seen.original);
        }
        changed
    }

    fn change(self, bytes: &mut [u8], depth: u8) {
        const DEEPEST: u8 = 2;
        let Some(layout) = Layout::of(bytes).filter(|_| depth <= DEEPEST) else { return };
        for at in layout.addresses {
            match layout.width {
                4 => {
                    if let Some(old) = bytes.get(at..at + 4).and_then(|old| <[u8; 4]>::try_from(old).ok()) {
                        put(bytes, at, &self.of_v4(Ipv4Addr::from(old)).octets());
                    }
                }
                _ => {
                    if let Some(old) = bytes.get(at..at + 16).and_then(|old| <[u8; 16]>::try_from(old).ok()) {
                        put(bytes, at, &self.of_v6(Ipv6Addr::from(old)).octets());
                    }
                }
            }
        }
        if let Some(inner) = layout.inner.and_then(|at| bytes.get_mut(at..)) {
            self.change(inner, depth + 1);
        }
    }
}

/// Where things are in an IP packet.
struct Layout {
    addresses: [usize; 2],
    width: usize,
    inner: Option<usize>,
}

impl Layout {
    fn of(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        match first >> 4 {
            4 => {
                let header = usize::from(first & 15) * 4;
                let inner = match bytes.get(9)? {
                    1 if matches!(bytes.get(header), Some(3 | 4 | 5 | 11 | 12)) => Some(header + 8),
                    4 | 41 => Some(header),
                    _ => None,
                };
                Some(Self { addresses: [12, 16], width: 4, inner })
            }
            6 => {
                let inner = match bytes.get(6)? {
                    58 if matches!(bytes.get(40), Some(1..=4)) => Some(48),
                    4 | 41 => Some(40),
                    _ => None,
                };
                Some(Self { addresses: [8, 24], width: 16, inner })
            }
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Fixed,
    Private10,
    Private172,
    Private192,
    Multicast,
    Public,
}

/// Addresses that name no host of the Internet stay as they are.
fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [0 | 127 | 240..=255, ..] | [169, 254, ..] => Class::Fixed,
        [10, ..] => Class::Private10,
        [172, 16..=31, ..] => Class::Private172,
        [192, 168, ..] => Class::Private192,
        [224..=239, ..] => Class::Multicast,
        _ => Class::Public,
    }
}

/// A permutation of numbers of `bits` (even, at most 32) bits: four Feistel rounds.
fn feistel(value: u32, bits: u32, key: u64) -> u32 {
    let half = bits / 2;
    let mask = (1u32 << half) - 1;
    let (mut left, mut right) = (value >> half & mask, value & mask);
    for round in 0..4u64 {
        let mixed = mix(key ^ mix(u64::from(right) << 8 | round)) as u32 & mask;
        (left, right) = (right, left ^ mixed);
    }
    left << half | right
}
