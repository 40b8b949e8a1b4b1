//! Hides persons' addresses in evidence that is shown: the network stays, the host is replaced.
//!
//! Of IPv4 the /24 stays and the last byte is permuted under a key of flood and network, so that different hosts stay
//! different; of IPv6 the /48 stays. Hardware addresses, options and extension headers are made nought, and checksums too: from
//! a header's checksum the hidden byte could be worked out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::headers::{self, measure};
use super::{FlowRow, Frame, Records};
use crate::OwnAddresses;
use crate::conceal::is_persons;
use crate::keys::{Keys, bits};

/// Rounds of the permutation of a byte.
const ROUNDS: usize = 4;

/// Hides hosts in the evidence of one flood.
pub(crate) struct Hider<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) own: &'a OwnAddresses,
    pub(crate) flood: &'a str,
}

impl Hider<'_> {
    /// All records with hosts hidden.
    pub(crate) fn records(&self, records: &mut Records) {
        match records {
            Records::Packets(frames) => frames.iter_mut().for_each(|frame| self.frame(frame)),
            Records::Flows(flows) => flows.iter_mut().for_each(|flow| self.flow(flow)),
        }
    }

    fn flow(&self, flow: &mut FlowRow) {
        for address in [&mut flow.source, &mut flow.destination] {
            *address = self.address(*address);
        }
    }

    fn frame(&self, frame: &mut Frame) {
        let headers = measure(frame.link_type, &frame.bytes);
        for range in headers.addresses.iter().flatten() {
            let hidden = headers::address(&frame.bytes, range).map(|address| self.address(address));
            match (hidden, frame.bytes.get_mut(range.clone())) {
                (Some(IpAddr::V4(hidden)), Some(place)) => place.copy_from_slice(&hidden.octets()),
                (Some(IpAddr::V6(hidden)), Some(place)) => place.copy_from_slice(&hidden.octets()),
                // A piece of an address, where the frame was cut off.
                _ => frame.bytes.truncate(range.start),
            }
        }
        let [network, transport] = headers.checksums;
        for range in [headers.hardware, headers.options, network, transport] {
            let end = range.end.min(frame.bytes.len());
            if let Some(place) = frame.bytes.get_mut(range.start.min(end)..end) {
                place.fill(0);
            }
        }
    }

    /// What stands for an address; own ones and those that are nobody's stay.
    pub(crate) fn address(&self, address: IpAddr) -> IpAddr {
        let plain = address.to_canonical();
        if !is_persons(plain) || (self.own)(plain) {
            return address;
        }
        match plain {
            IpAddr::V4(plain) => {
                let [a, b, c, host] = plain.octets();
                let table = self.keys.mask(&[self.flood.as_bytes(), &[4, a, b, c]]);
                let hidden = Ipv4Addr::new(a, b, c, permute(host, &table));
                if address.is_ipv6() { hidden.to_ipv6_mapped().into() } else { hidden.into() }
            }
            IpAddr::V6(_) => {
                let mut octets = bits(plain);
                let mask = self.keys.mask(&[self.flood.as_bytes(), &[6], &octets]);
                octets[6..].copy_from_slice(&mask[..10]);
                Ipv6Addr::from(octets).into()
            }
        }
    }
}

/// A byte for a byte, different ones for different ones: a Feistel network of half bytes whose functions are the table.
fn permute(byte: u8, table: &[u8; 32]) -> u8 {
    let (mut left, mut right) = (byte >> 4, byte & 15);
    for round in 0..ROUNDS {
        let pair = table[round * 8 + usize::from(right / 2)];
        let mixed = left ^ if right % 2 == 0 { pair & 15 } else { pair >> 4 };
        (left, right) = (right, mixed);
    }
    left << 4 | right
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;

    fn own() -> OwnAddresses {
        Arc::new(|address| address.to_string().starts_with("192.0.2."))
    }

    #[test]
    fn hosts_stay_different_and_own_ones_as_they_are() {
        let keys = Keys::new([9; 16]).unwrap();
        let (own, flood) = (own(), "f");
        let hider = Hider { keys: &keys, own: &own, flood };
        let hidden: BTreeSet<IpAddr> =
            (0..=255).map(|host| hider.address(Ipv4Addr::new(198, 51, 100, host).into())).collect();
        assert_eq!(hidden.len(), 256);
        assert!(hidden.iter().all(|address| address.to_string().starts_with("198.51.100.")));
        let target: IpAddr = "192.0.2.10".parse().unwrap();
        assert_eq!(hider.address(target), target);
        let six: IpAddr = "2001:db8:1:2::77".parse().unwrap();
        let hidden = hider.address(six);
        assert!(hidden != six && hidden.to_string().starts_with("2001:db8:1:"), "{hidden}");
        assert_ne!(hidden, Hider { keys: &keys, own: &own, flood: "g" }.address(six));
    }

    #[test]
    fn a_hidden_frame_keeps_ports_and_loses_what_would_tell_the_host() {
        let keys = Keys::new([9; 16]).unwrap();
        let own = own();
        let hider = Hider { keys: &keys, own: &own, flood: "f" };
        let mut bytes = [&[0x11; 12][..], &[8, 0]].concat();
        bytes.extend([0x46, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0xab, 0xcd, 198, 51, 100, 7, 192, 0, 2, 10]);
        bytes.extend([7, 4, 198, 51, 0x12, 0x34, 0, 53, 0, 8, 0xbe, 0xef]);
        let mut frame = Frame { time: 0, link_type: 1, original_bytes: 60, bytes: bytes.clone() };
        hider.frame(&mut frame);
        assert_eq!(frame.bytes[..12], [0; 12]);
        assert_eq!(frame.bytes[24..26], [0, 0], "checksum of IP");
        assert_eq!(frame.bytes[30..34], bytes[30..34], "the target");
        assert_eq!(frame.bytes[26..29], bytes[26..29], "the network of the source");
        assert_eq!(frame.bytes[34..38], [0; 4], "options");
        assert_eq!(frame.bytes[38..42], bytes[38..42], "ports");
        assert_eq!(frame.bytes[44..46], [0, 0], "checksum of UDP");
    }
}
