//! pcapng: blocks in sections (draft-ietf-opsawg-pcapng-03).

use super::{Damage, Frame, MAX_INTERFACES, MAX_RECORD_BYTES, Order, Step};
use crate::{Time, packet::LinkType};

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MARK: u32 = 0x1a2b_3c4d;
/// Block type, length, and the length again at the end.
const MINIMUM_BLOCK_BYTES: u32 = 12;
const SECTION_HEADER_BYTES: u32 = 28;
/// Where the frame begins in an enhanced or obsolete packet block, and in a simple one.
const ENHANCED_DATA_AT: usize = 28;
const SIMPLE_DATA_AT: usize = 12;

const OPTION_END: u16 = 0;
const OPTION_TIME_RESOLUTION: u16 = 9;
const OPTION_TIME_OFFSET: u16 = 14;
const OPTION_INTERFACE_DROPS: u16 = 5;
const OPTION_SYSTEM_DROPS: u16 = 7;

/// Whether a file begins with a section header, in either byte order.
pub(super) fn is_section_header(bytes: &[u8]) -> bool {
    let mark = bytes.get(8..12).unwrap_or_default();
    bytes.starts_with(&SECTION_HEADER.to_be_bytes())
        && (mark == BYTE_ORDER_MARK.to_be_bytes() || mark == BYTE_ORDER_MARK.to_le_bytes())
}

/// How ticks become nanoseconds (option `if_tsresol`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resolution {
    Multiply(u64),
    Divide(u64),
    /// Ticks are 2 to the minus this many seconds.
    Binary(u32),
}

impl Resolution {
    /// The top bit chooses between powers of 2 and of 10. Powers of 10 beyond 10^-28 leave nothing of 64 bits.
    fn of_option(value: u8) -> Self {
        let exponent = u32::from(value & 0x7f);
        if value & 0x80 != 0 {
            Self::Binary(exponent)
        } else if exponent <= 9 {
            Self::Multiply(10_u64.pow(9 - exponent))
        } else {
            Self::Divide(10_u64.checked_pow(exponent - 9).unwrap_or(u64::MAX))
        }
    }

    #[inline]
    fn nanoseconds(self, ticks: u64) -> i64 {
        let nanoseconds = match self {
            Self::Multiply(factor) => ticks.saturating_mul(factor),
            Self::Divide(divisor) => ticks / divisor,
            Self::Binary(exponent) => {
                u64::try_from((u128::from(ticks) * 1_000_000_000) >> exponent).unwrap_or(u64::MAX)
            }
        };
        i64::try_from(nanoseconds).unwrap_or(i64::MAX)
    }
}

#[derive(Clone, Copy, Debug)]
struct Interface {
    link: LinkType,
    snap_length: u32,
    resolution: Resolution,
    offset_seconds: i64,
    dropped: u64,
}

impl Interface {
    #[inline]
    fn time(&self, high: u32, low: u32) -> Time {
        let ticks = u64::from(high) << 32 | u64::from(low);
        Time::from_seconds(self.offset_seconds, self.resolution.nanoseconds(ticks))
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Pcapng {
    order: Order,
    interfaces: Vec<Interface>,
    last_time: Time,
    skipped: u64,
    lost_before: u64,
}

impl Pcapng {
    pub(super) fn skipped(&self) -> u64 {
        self.skipped
    }

    pub(super) fn lost(&self) -> u64 {
        self.interfaces.iter().fold(self.lost_before, |sum, interface| sum.saturating_add(interface.dropped))
    }

    #[inline]
    pub(super) fn next<'a>(&mut self, window: &'a [u8], offset: u64) -> Step<'a> {
        let Some(header) = window.first_chunk::<8>() else { return Step::More { needed: 8 } };
        let kind = self.order.u32([header[0], header[1], header[2], header[3]]);
        // The same in both byte orders, and it may change the byte order.
        if kind == SECTION_HEADER {
            return self.section(window, offset);
        }
        let length = self.order.u32([header[4], header[5], header[6], header[7]]);
        if length < MINIMUM_BLOCK_BYTES || !length.is_multiple_of(4) {
            return Step::Damaged(Damage::Length { offset, length: u64::from(length) });
        }
        if !matches!(
            kind,
            ENHANCED_PACKET | SIMPLE_PACKET | OBSOLETE_PACKET | INTERFACE_DESCRIPTION | INTERFACE_STATISTICS
        ) {
            return Step::Pass { used: u64::from(length) };
        }
        let used = length as usize;
        if used > MAX_RECORD_BYTES {
            return Step::Damaged(Damage::Length { offset, length: u64::from(length) });
        }
        let (Some(body), Some(second)) = (window.get(8..used - 4), window.get(used - 4..used)) else {
            return Step::More { needed: used };
        };
        let second = self.order.u32_at(second, 0);
        if second != length {
            return Step::Damaged(Damage::LengthsDiffer { offset, first: length, second });
        }
        if let Some(frame) = self.block(kind, body) {
            self.last_time = frame.time;
            let data_at = if kind == SIMPLE_PACKET { SIMPLE_DATA_AT } else { ENHANCED_DATA_AT };
            return Step::Frame { frame, data_at, used };
        }
        Step::Pass { used: u64::from(length) }
    }

    /// The body of a block that is looked at; a frame if it has one.
    #[inline]
    fn block<'a>(&mut self, kind: u32, body: &'a [u8]) -> Option<Frame<'a>> {
        let frame = match kind {
            ENHANCED_PACKET => self.enhanced(body),
            SIMPLE_PACKET => self.simple(body),
            OBSOLETE_PACKET => self.obsolete(body),
            INTERFACE_DESCRIPTION => {
                self.interface(body);
                return None;
            }
            _ => {
                self.statistics(body);
                return None;
            }
        };
        self.skipped += u64::from(frame.is_none());
        frame
    }

    #[cold]
    fn section<'a>(&mut self, window: &'a [u8], offset: u64) -> Step<'a> {
        let Some(header) = window.first_chunk::<16>() else { return Step::More { needed: 16 } };
        let big = match u32::from_be_bytes([header[8], header[9], header[10], header[11]]) {
            BYTE_ORDER_MARK => true,
            mark if mark.swap_bytes() == BYTE_ORDER_MARK => false,
            _ => return Step::Damaged(Damage::ByteOrder { offset }),
        };
        let order = Order { big };
        let length = order.u32_at(header, 4);
        if length < SECTION_HEADER_BYTES || !length.is_multiple_of(4) {
            return Step::Damaged(Damage::Length { offset, length: u64::from(length) });
        }
        let (major, minor) = (order.u16_at(header, 12), order.u16_at(header, 14));
        if major != 1 {
            return Step::Damaged(Damage::Version { offset, major, minor });
        }
        self.lost_before = self.lost();
        self.interfaces.clear();
        self.order = order;
        Step::Pass { used: u64::from(length) }
    }

    /// Section 4.2.
    fn interface(&mut self, body: &[u8]) {
        if self.interfaces.len() >= MAX_INTERFACES {
            return;
        }
        let mut interface = Interface {
            link: LinkType(u32::from(self.order.u16_at(body, 0))),
            snap_length: self.order.u32_at(body, 4),
            resolution: Resolution::Multiply(1000),
            offset_seconds: 0,
            dropped: 0,
        };
        for (code, value) in self.options(body.get(8..).unwrap_or_default()) {
            match (code, value) {
                (OPTION_TIME_RESOLUTION, [value, ..]) => {
                    interface.resolution = Resolution::of_option(*value);
                }
                (OPTION_TIME_OFFSET, value) => {
                    interface.offset_seconds = self.u64(value).map_or(0, |seconds| seconds as i64);
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
    }

    /// Section 4.3.
    #[inline]
    fn enhanced<'a>(&self, body: &'a [u8]) -> Option<Frame<'a>> {
        let (header, rest) = body.split_first_chunk::<20>()?;
        let field = |at: usize| self.order.u32([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let interface = self.interfaces.get(field(0) as usize)?;
        let data = rest.get(..field(12) as usize)?;
        let time = interface.time(field(4), field(8));
        Some(Frame { time, link: interface.link, original_length: field(16), data })
    }

    /// Section 4.4: always of the first interface, captured length by its snap length.
    fn simple<'a>(&self, body: &'a [u8]) -> Option<Frame<'a>> {
        let (header, rest) = body.split_first_chunk::<4>()?;
        let interface = self.interfaces.first()?;
        let original_length = self.order.u32(*header);
        let snap_length = if interface.snap_length == 0 { u32::MAX } else { interface.snap_length };
        let captured = original_length.min(snap_length) as usize;
        let data = rest.get(..captured).unwrap_or(rest);
        Some(Frame { time: self.last_time, link: interface.link, original_length, data })
    }

    /// Appendix A: as the enhanced block, with 16 bits each for interface and drops.
    fn obsolete<'a>(&self, body: &'a [u8]) -> Option<Frame<'a>> {
        let (header, rest) = body.split_first_chunk::<20>()?;
        let interface = self.interfaces.get(usize::from(self.order.u16_at(header, 0)))?;
        let data = rest.get(..self.order.u32_at(header, 12) as usize)?;
        let time = interface.time(self.order.u32_at(header, 4), self.order.u32_at(header, 8));
        Some(Frame { time, link: interface.link, original_length: self.order.u32_at(header, 16), data })
    }

    /// Section 4.6. Counters are since the beginning of the capture, so the last block counts.
    fn statistics(&mut self, body: &[u8]) {
        let id = self.order.u32_at(body, 0) as usize;
        let mut dropped: u64 = 0;
        for (code, value) in self.options(body.get(12..).unwrap_or_default()) {
            if matches!(code, OPTION_INTERFACE_DROPS | OPTION_SYSTEM_DROPS) {
                dropped = dropped.saturating_add(self.u64(value).unwrap_or(0));
            }
        }
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.dropped = dropped;
        }
    }

    fn u64(&self, value: &[u8]) -> Option<u64> {
        let value = *value.first_chunk::<8>()?;
        Some(if self.order.big { u64::from_be_bytes(value) } else { u64::from_le_bytes(value) })
    }

    /// Code and value of each option (section 3.5): padded to 4 bytes, ended by code 0 or by the block.
    fn options<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = (u16, &'a [u8])> + use<'a> {
        let order = self.order;
        let mut rest = bytes;
        std::iter::from_fn(move || {
            let header = rest.first_chunk::<4>()?;
            let (code, length) = (order.u16([header[0], header[1]]), order.u16([header[2], header[3]]));
            let length = usize::from(length);
            let value = rest.get(4..4 + length)?;
            rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
            (code != OPTION_END).then_some((code, value))
        })
    }
}
