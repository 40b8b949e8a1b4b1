//! Maps the addresses of a recording onto the example institution.
//!
//! A packet is decoded as it was recorded, and its source and destination are exchanged before the detector sees it.
//! What a scene names goes where it says, host bits kept. Ranges for documentation and benchmarks stay. Everything
//! else is a real address of somebody, and goes to a place in the ranges set aside for it: the same to the same place,
//! two rarely to one. Addresses that name nobody (multicast, broadcast, link-local, unspecified) stay.
//!
//! Limits: addresses inside payloads, as in ICMP errors, are not exchanged; nothing prints them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use wire::Address;

use super::day::Setting;

/// A network as bits of [`Address`], whose IPv4 form has 96 bits in front.
#[derive(Clone, Copy, Debug)]
struct Network {
    bits: u128,
    mask: u128,
}

impl Network {
    fn new(network: IpNet) -> Self {
        let before = if matches!(network, IpNet::V4(_)) { 96 } else { 0 };
        let length = u32::from(network.prefix_len()) + before;
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        Self { bits: Address::from(network.network()).bits() & mask, mask }
    }

    fn has(self, address: Address) -> bool {
        address.bits() & self.mask == self.bits
    }

    /// The place in this network with the given host bits.
    fn place(self, host: u128) -> Address {
        Address::from_bits(self.bits | (host & !self.mask))
    }
}

/// The map of one scene.
#[derive(Clone, Debug)]
pub(crate) struct AddressMap {
    /// The longest first.
    named: Vec<(Network, Network)>,
    keep: Vec<Network>,
    unmapped_ipv4: Network,
    unmapped_ipv6: Network,
}

impl AddressMap {
    /// The map that a scene names, with the day's rules for everything else.
    ///
    /// # Errors
    /// When a line is no pair of addresses or prefixes of the same length and family.
    pub(crate) fn new(map: &BTreeMap<String, String>, setting: &Setting) -> Result<Self> {
        let mut named = Vec::new();
        for (from, to) in map {
            let (from, to) = (network(from)?, network(to)?);
            if from.prefix_len() != to.prefix_len() || from.addr().is_ipv4() != to.addr().is_ipv4() {
                bail!("{from} cannot be mapped to {to}: lengths or families differ");
            }
            named.push((from, to));
        }
        named.sort_by_key(|(from, _)| std::cmp::Reverse(from.prefix_len()));
        Ok(Self {
            named: named.into_iter().map(|(from, to)| (Network::new(from), Network::new(to))).collect(),
            keep: setting.keep.iter().map(|network| Network::new(*network)).collect(),
            unmapped_ipv4: Network::new(setting.unmapped_ipv4),
            unmapped_ipv6: Network::new(setting.unmapped_ipv6),
        })
    }

    /// Where an address goes.
    #[inline]
    pub(crate) fn map(&self, address: Address) -> Address {
        if let Some((_, to)) = self.named.iter().find(|(from, _)| from.has(address)) {
            return to.place(address.bits());
        }
        if self.keep.iter().any(|network| network.has(address)) || names_nobody(address) {
            return address;
        }
        let unmapped = if address.is_ipv4() { self.unmapped_ipv4 } else { self.unmapped_ipv6 };
        unmapped.place(spread(address.bits()))
    }
}

fn network(text: &str) -> Result<IpNet> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.with_context(|| format!("{text} is no address and no prefix"))
}

/// Bits that depend on all bits of an address; the finaliser of MurmurHash3 over both halves.
fn spread(bits: u128) -> u128 {
    let mix = |mut half: u64| {
        half = (half ^ (half >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        half = (half ^ (half >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        half ^ (half >> 33)
    };
    let low = mix(bits as u64 ^ mix((bits >> 64) as u64));
    u128::from(mix(low)) << 64 | u128::from(low)
}

fn names_nobody(address: Address) -> bool {
    match address.to_ip() {
        IpAddr::V4(v4) => v4.is_multicast() || v4.is_broadcast() || v4.is_unspecified() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_multicast() || v6.is_unspecified() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(address: &str) -> String {
        let setting = super::super::day::Day::bundled().unwrap().day;
        let lines = [
            ("10.0.0.0/8", "198.18.0.0/8"),
            ("10.1.2.3", "192.0.2.10"),
            ("2001:db9::/64", "2001:db8:1::/64"),
        ];
        let lines = lines.map(|(from, to)| (from.to_owned(), to.to_owned())).into_iter().collect();
        let address: IpAddr = address.parse().unwrap();
        AddressMap::new(&lines, &setting).unwrap().map(Address::from(address)).to_string()
    }

    #[test]
    fn the_longest_line_counts_and_host_bits_are_kept() {
        assert_eq!(map("10.1.2.3"), "192.0.2.10");
        assert_eq!(map("10.9.8.7"), "198.9.8.7");
        assert_eq!(map("2001:db9::25"), "2001:db8:1::25");
    }

    #[test]
    fn no_real_address_is_shown() {
        let unmapped_ipv4: IpNet = "198.18.0.0/15".parse().unwrap();
        let unmapped_ipv6: IpNet = "2001:db8:ffff::/48".parse().unwrap();
        for real in ["8.8.8.8", "141.1.1.1"] {
            assert!(unmapped_ipv4.contains(&map(real).parse::<IpAddr>().unwrap()), "{real}");
        }
        assert!(unmapped_ipv6.contains(&map("2600::1").parse::<IpAddr>().unwrap()));
        assert_ne!(map("8.8.8.8"), map("8.8.8.9"));
    }

    #[test]
    fn what_names_nobody_stays() {
        for same in ["192.0.2.10", "224.0.0.1", "255.255.255.255", "2001:db8::1", "ff02::1"] {
            assert_eq!(map(same), same);
        }
    }
}
