//! Frames to IP packets, for the link layers of the evaluation's files.
//!
//! Written apart from the product's decoder, so that a transformed file does not inherit its faults.

use wire::packet::LinkType;

/// From the first byte of the IP header on, without what Ethernet pads. `None`: no IP packet is in it.
pub(crate) fn ip_bytes(link: LinkType, frame: &[u8]) -> Option<&[u8]> {
    let ip = match link {
        LinkType::ETHERNET => after_type(frame, 12),
        LinkType::LINUX_SLL => after_type(frame, 14),
        LinkType::LINUX_SLL2 => frame.get(20..),
        LinkType::NULL | LinkType::LOOP => frame.get(4..),
        LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Some(frame)
        }
        _ => None,
    }?;
    let length = match ip.first()? >> 4 {
        4 => usize::from(u16::from_be_bytes([*ip.get(2)?, *ip.get(3)?])),
        6 => 40 + usize::from(u16::from_be_bytes([*ip.get(4)?, *ip.get(5)?])),
        _ => return None,
    };
    // A length of 0 is left to a network card by the sender; the frame's stands in.
    Some(if length == 0 { ip } else { ip.get(..length).unwrap_or(ip) })
}

/// What follows the Ethernet type at `at` and any VLAN tags, if it is IP.
fn after_type(frame: &[u8], mut at: usize) -> Option<&[u8]> {
    loop {
        match u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]) {
            0x0800 | 0x86dd => return frame.get(at + 2..),
            0x8100 | 0x88a8 | 0x9100 => at += 4,
            _ => return None,
        }
    }
}
