//! Addresses of hosts that do not exist.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::random::Random;

/// The host of that number in a network that is protected.
pub(crate) fn own(ipv6: bool, host: u16) -> IpAddr {
    if ipv6 {
        IpAddr::V6(Ipv6Addr::from_bits(0x2001_0db8_0001_0000 << 64 | u128::from(host)))
    } else {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, host as u8))
    }
}

/// A public address anywhere.
pub(crate) fn anywhere(random: &mut Random, ipv6: bool) -> IpAddr {
    if ipv6 {
        let network = 0x2000_u128 << 112 | u128::from(random.bits() & 0x0fff_ffff_ffff) << 64;
        return IpAddr::V6(Ipv6Addr::from_bits(network | u128::from(random.bits())));
    }
    loop {
        let bits = random.bits() as u32;
        let octets = bits.to_be_bytes();
        let usable = !matches!(
            octets,
            [0 | 10 | 127 | 192 | 198 | 203 | 224..=255, ..]
                | [169, 254, ..]
                | [172, 16..=31, ..]
                | [100, 64..=127, ..]
        );
        if usable && !matches!(octets[3], 0 | 255) {
            return IpAddr::V4(Ipv4Addr::from_bits(bits));
        }
    }
}

/// That many different hosts anywhere.
pub(crate) fn many(random: &mut Random, ipv6: bool, count: usize) -> Vec<IpAddr> {
    let mut hosts: Vec<IpAddr> = (0..count).map(|_| anywhere(random, ipv6)).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}
