//! pcap: a header of 24 bytes and records (draft-ietf-opsawg-pcap-05).

use super::{Damage, Frame, MAX_RECORD_BYTES, Order, Step};
use crate::{Time, packet::LinkType};

pub(super) const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// Where a record says how many bytes were captured.
const CAPTURED_AT: usize = 8;
/// The modified form adds interface index, protocol, packet type and padding to each record.
const MODIFIED_RECORD_HEADER_BYTES: usize = 24;

const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
const MAGIC_MODIFIED: u32 = 0xa1b2_cd34;
/// The upper half of the field has flags and the length of the frame check sequence.
const LINK_TYPE_BITS: u32 = 0xffff;

/// What the magic number says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Variant {
    order: Order,
    nanoseconds_per_tick: u32,
    record_header_bytes: usize,
}

impl Variant {
    pub(super) fn of_magic(magic: [u8; 4]) -> Option<Self> {
        [true, false].into_iter().find_map(|big| {
            let order = Order { big };
            let (nanoseconds_per_tick, record_header_bytes) = match order.u32(magic) {
                MAGIC_MICROSECONDS => (1000, RECORD_HEADER_BYTES),
                MAGIC_NANOSECONDS => (1, RECORD_HEADER_BYTES),
                MAGIC_MODIFIED => (1000, MODIFIED_RECORD_HEADER_BYTES),
                _ => return None,
            };
            Some(Self { order, nanoseconds_per_tick, record_header_bytes })
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Pcap {
    variant: Variant,
    link: LinkType,
}

impl Pcap {
    /// Reads the file header; `None` if it is not complete.
    pub(super) fn header(window: &[u8]) -> Result<Option<Self>, Damage> {
        let Some(header) = window.first_chunk::<FILE_HEADER_BYTES>() else { return Ok(None) };
        let magic = [header[0], header[1], header[2], header[3]];
        let variant = Variant::of_magic(magic).ok_or(Damage::NotACapture)?;
        let (major, minor) = (variant.order.u16_at(header, 4), variant.order.u16_at(header, 6));
        if major != 2 {
            return Err(Damage::Version { offset: 0, major, minor });
        }
        let link = LinkType(variant.order.u32_at(header, 20) & LINK_TYPE_BITS);
        Ok(Some(Self { variant, link }))
    }

    #[inline]
    pub(super) fn next<'a>(&self, window: &'a [u8], offset: u64) -> Step<'a> {
        let record_header_bytes = self.variant.record_header_bytes;
        if let Some((frame, used)) = self.frame(window) {
            return Step::Frame { frame, data_at: record_header_bytes, used };
        }
        let Some(header) = window.first_chunk::<RECORD_HEADER_BYTES>() else {
            return Step::More { needed: record_header_bytes };
        };
        let captured = self.variant.order.u32_at(header, CAPTURED_AT) as usize;
        if captured > MAX_RECORD_BYTES - record_header_bytes {
            return Step::Damaged(Damage::Length { offset, length: captured as u64 });
        }
        Step::More { needed: record_header_bytes + captured }
    }

    /// The frame at the beginning of the window if all of it is there, and how many bytes its record takes.
    #[inline(always)]
    pub(super) fn frame<'a>(&self, window: &'a [u8]) -> Option<(Frame<'a>, usize)> {
        let Variant { order, nanoseconds_per_tick, record_header_bytes } = self.variant;
        let header = window.first_chunk::<RECORD_HEADER_BYTES>()?;
        let field = |at: usize| order.u32([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (seconds, ticks, captured, original_length) =
            (field(0), field(4), field(CAPTURED_AT) as usize, field(12));
        if captured > MAX_RECORD_BYTES - record_header_bytes {
            return None;
        }
        let used = record_header_bytes + captured;
        let data = window.get(record_header_bytes..used)?;
        let nanoseconds = i64::from(ticks) * i64::from(nanoseconds_per_tick);
        let time = Time::from_seconds(i64::from(seconds), nanoseconds);
        Some((Frame { time, link: self.link, original_length, data }, used))
    }
}
