//! Blocks of a ring to frames, in the layout of `linux/if_packet.h` (TPACKET_V3), read as bytes.
//!
//! The kernel is believed no further than bounds go: an entry that does not fit ends its block, and is counted.

use wire::{Time, packet::LinkType};

/// Of a block (`tpacket_block_desc`): number of entries, and where the first begins.
const ENTRIES_AT: usize = 12;
const FIRST_AT: usize = 16;
/// Of an entry (`tpacket3_hdr`).
const NEXT_AT: usize = 0;
const SECONDS_AT: usize = 4;
const NANOSECONDS_AT: usize = 8;
const CAPTURED_AT: usize = 12;
const LENGTH_AT: usize = 16;
const STATUS_AT: usize = 20;
const MAC_AT: usize = 24;
const NETWORK_AT: usize = 26;
const VLAN_TCI_AT: usize = 32;
const VLAN_TPID_AT: usize = 36;
/// The address follows (`sockaddr_ll`).
const HARDWARE_AT: usize = 48 + 8;
const DIRECTION_AT: usize = 48 + 10;
/// The least that an entry is.
const ENTRY_BYTES: usize = 48 + 20;

/// Addresses of an Ethernet frame, after which a VLAN tag stands.
const ADDRESSES_BYTES: usize = 12;
/// A VLAN tag, for which the kernel leaves room before each frame.
pub(super) const TAG_BYTES: usize = 4;
const USUAL_TPID: u16 = 0x8100;

/// A frame in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) time: Time,
    pub(super) link: LinkType,
    pub(super) bytes: &'a [u8],
    /// Length on the link.
    pub(super) length: u32,
    /// This machine sent it.
    pub(super) is_outgoing: bool,
    /// It was merged from several packets.
    pub(super) is_merged: bool,
}

/// Gives every frame of a block to `take`. Gives how many entries could not be read.
#[inline]
pub(super) fn walk(block: &mut [u8], mut take: impl FnMut(Entry<'_>)) -> u64 {
    let entries = word(block, ENTRIES_AT).unwrap_or(0);
    let mut at = word(block, FIRST_AT).unwrap_or(0) as usize;
    let mut unusable = 0;
    for number in 0..entries {
        let Some(rest) = block.get_mut(at..) else { return unusable + u64::from(entries - number) };
        match entry(rest) {
            Some(entry) => take(entry),
            None => unusable += 1,
        }
        match word(block, at + NEXT_AT) {
            Some(next) if next as usize >= ENTRY_BYTES => at += next as usize,
            // 0 stands at the last one.
            _ => return unusable + u64::from(entries - number - 1),
        }
    }
    unusable
}

#[inline]
fn entry(bytes: &mut [u8]) -> Option<Entry<'_>> {
    let header: [u8; ENTRY_BYTES] = *bytes.first_chunk()?;
    let status = word(&header, STATUS_AT)?;
    let captured = word(&header, CAPTURED_AT)? as usize;
    let mut length = word(&header, LENGTH_AT)?;
    let (mac, network) = (half(&header, MAC_AT)? as usize, half(&header, NETWORK_AT)? as usize);
    let (mut from, to) = (mac, mac.checked_add(captured)?);
    let link = match half(&header, HARDWARE_AT)? {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => LinkType::ETHERNET,
        // Whatever the link is: the kernel knows where its payload begins.
        _ => {
            let link_bytes = network.checked_sub(mac)?;
            (from, length) = (network, length.saturating_sub(link_bytes as u32));
            LinkType::RAW
        }
    };
    if from < ENTRY_BYTES || from > to || to > bytes.len() {
        return None;
    }
    let has_tag = status & libc::TP_STATUS_VLAN_VALID != 0 && link == LinkType::ETHERNET;
    if has_tag && captured >= ADDRESSES_BYTES && from >= ENTRY_BYTES + TAG_BYTES {
        let tpid = match status & libc::TP_STATUS_VLAN_TPID_VALID {
            0 => USUAL_TPID,
            _ => half(&header, VLAN_TPID_AT)?,
        };
        let tci = word(&header, VLAN_TCI_AT)? as u16;
        bytes.copy_within(from..from + ADDRESSES_BYTES, from - TAG_BYTES);
        from -= TAG_BYTES;
        length = length.saturating_add(TAG_BYTES as u32);
        let tag = bytes.get_mut(from + ADDRESSES_BYTES..)?.first_chunk_mut::<TAG_BYTES>()?;
        let ([a, b], [c, d]) = (tpid.to_be_bytes(), tci.to_be_bytes());
        *tag = [a, b, c, d];
    }
    let seconds = i64::from(word(&header, SECONDS_AT)?);
    Some(Entry {
        time: Time::from_seconds(seconds, i64::from(word(&header, NANOSECONDS_AT)?)),
        link,
        bytes: bytes.get(from..to)?,
        length,
        is_outgoing: header.get(DIRECTION_AT) == Some(&libc::PACKET_OUTGOING),
        is_merged: status & TP_STATUS_GSO_TCP != 0,
    })
}

/// `TP_STATUS_GSO_TCP` of `linux/if_packet.h` (Linux 5.19).
const TP_STATUS_GSO_TCP: u32 = 1 << 8;

#[inline]
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[inline]
fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put(block: &mut [u8], at: usize, value: u32) {
        block[at..at + 4].copy_from_slice(&value.to_ne_bytes());
    }

    /// A block with entries at 48 and 48 + 256, each with a frame of 60 bytes.
    fn block(status: u32, hardware: u16) -> Vec<u8> {
        let mut block = vec![0; 1024];
        put(&mut block, ENTRIES_AT, 2);
        put(&mut block, FIRST_AT, 48);
        for (at, next, fill) in [(48, 256, 0x11_u8), (48 + 256, 0, 0x22)] {
            put(&mut block, at + NEXT_AT, next);
            put(&mut block, at + SECONDS_AT, 1_800_000_000);
            put(&mut block, at + NANOSECONDS_AT, 7);
            put(&mut block, at + CAPTURED_AT, 60);
            put(&mut block, at + LENGTH_AT, 1500);
            put(&mut block, at + STATUS_AT, status);
            block[at + MAC_AT..at + MAC_AT + 2].copy_from_slice(&82_u16.to_ne_bytes());
            block[at + NETWORK_AT..at + NETWORK_AT + 2].copy_from_slice(&96_u16.to_ne_bytes());
            put(&mut block, at + VLAN_TCI_AT, 0x2007);
            block[at + HARDWARE_AT..at + HARDWARE_AT + 2].copy_from_slice(&hardware.to_ne_bytes());
            block[at + 82..at + 82 + 60].fill(fill);
        }
        block
    }

    fn seen(block: &mut [u8]) -> (Vec<(LinkType, Vec<u8>, u32)>, u64) {
        let mut seen = Vec::new();
        let unusable = walk(block, |entry| {
            assert_eq!(entry.time, Time::from_seconds(1_800_000_000, 7));
            seen.push((entry.link, entry.bytes.to_vec(), entry.length));
        });
        (seen, unusable)
    }

    #[test]
    fn frames_are_given_as_they_are() {
        let (seen, unusable) = seen(&mut block(libc::TP_STATUS_USER, libc::ARPHRD_ETHER));
        assert_eq!(unusable, 0);
        assert_eq!(seen[0], (LinkType::ETHERNET, vec![0x11; 60], 1500));
        assert_eq!(seen[1], (LinkType::ETHERNET, vec![0x22; 60], 1500));
    }

    #[test]
    fn a_tag_that_the_card_took_out_is_put_back() {
        let mut expected = vec![0x11; 64];
        expected[12..16].copy_from_slice(&[0x81, 0x00, 0x20, 0x07]);
        let (seen, _) = seen(&mut block(libc::TP_STATUS_VLAN_VALID, libc::ARPHRD_ETHER));
        assert_eq!(seen[0], (LinkType::ETHERNET, expected, 1504));
    }

    #[test]
    fn of_a_link_without_ethernet_the_packet_is_given() {
        let (seen, _) = seen(&mut block(libc::TP_STATUS_VLAN_VALID, libc::ARPHRD_NONE));
        assert_eq!(seen[1], (LinkType::RAW, vec![0x22; 46], 1486));
    }

    #[test]
    fn an_entry_that_does_not_fit_costs_itself_and_is_counted() {
        let mut long = block(0, libc::ARPHRD_ETHER);
        put(&mut long, 48 + CAPTURED_AT, 4000);
        let (some, unusable) = seen(&mut long);
        assert_eq!((some.len(), unusable), (1, 1));
        let mut lost = block(0, libc::ARPHRD_ETHER);
        put(&mut lost, 48 + NEXT_AT, 1 << 20);
        assert_eq!((seen(&mut lost).0.len(), seen(&mut lost).1), (1, 1));
        let mut many = block(0, libc::ARPHRD_ETHER);
        put(&mut many, ENTRIES_AT, u32::MAX);
        assert_eq!(seen(&mut many).1, u64::from(u32::MAX) - 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(mut bytes in proptest::collection::vec(any::<u8>(), 0..600), first in 0_u32..200) {
            if bytes.len() > 24 {
                put(&mut bytes, ENTRIES_AT, 9);
                put(&mut bytes, FIRST_AT, first);
            }
            let mut count = 0;
            let unusable = walk(&mut bytes, |_| count += 1);
            prop_assert!(count + unusable <= u64::from(u32::MAX));
        }
    }
}
