//! One address type for both families, so that no table and no rule exists for one of them only.
//!
//! An IPv4 address is kept in its IPv4-mapped form (RFC 4291 section 2.5.5.2). Such an address must not
//! appear inside an IPv6 header on a wire (RFC 4942 section 2.2); one that does is counted as its IPv4 twin.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const IPV4_MAPPED: u128 = 0xffff_0000_0000;

/// An IPv4 or IPv6 address in 16 bytes, ordered by its bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Address(u128);

impl Address {
    /// The address of four bytes in network order.
    #[inline]
    pub const fn from_ipv4(bytes: [u8; 4]) -> Self {
        Self(IPV4_MAPPED | u32::from_be_bytes(bytes) as u128)
    }

    /// The address of sixteen bytes in network order.
    #[inline]
    pub const fn from_ipv6(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    /// The address whose 128 bits (IPv4-mapped for IPv4) are given.
    #[inline]
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits, IPv4-mapped for IPv4: a key for tables of both families.
    #[inline]
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Whether this is an IPv4 address.
    #[inline]
    pub const fn is_ipv4(self) -> bool {
        self.beside_ipv4() == 0
    }

    /// Whether both are IPv4 addresses, by one test.
    #[inline]
    pub const fn are_ipv4(one: Self, other: Self) -> bool {
        one.beside_ipv4() | other.beside_ipv4() == 0
    }

    /// What an IPv4 address has not: nought for these alone.
    #[inline]
    const fn beside_ipv4(self) -> u64 {
        (self.0 >> 64) as u64 | (self.0 as u64 >> 32) ^ (IPV4_MAPPED >> 32) as u64
    }

    /// The address as the standard library's type.
    #[inline]
    pub const fn to_ip(self) -> IpAddr {
        if self.is_ipv4() {
            IpAddr::V4(Ipv4Addr::from_bits(self.0 as u32))
        } else {
            IpAddr::V6(Ipv6Addr::from_bits(self.0))
        }
    }
}

impl From<IpAddr> for Address {
    #[inline]
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::from_ipv4(v4.octets()),
            IpAddr::V6(v6) => Self::from_ipv6(v6.octets()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_ip().fmt(formatter)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_families_survive_the_round_trip() {
        for text in ["0.0.0.0", "192.0.2.10", "255.255.255.255", "::", "::1", "2001:db8:1::10"] {
            let ip: IpAddr = text.parse().unwrap();
            assert_eq!(Address::from(ip).to_ip(), ip);
            assert_eq!(Address::from(ip).to_string(), text);
            assert_eq!(Address::from(ip).is_ipv4(), ip.is_ipv4());
        }
    }
}
