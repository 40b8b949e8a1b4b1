//! Capture file framing: pcap and pcapng to frames, without I/O.
//!
//! [`Framer`] is given windows of a file and says how many bytes it used, so that the same code reads a file
//! in memory, a file larger than memory and a pipe. [`frames`] is the short form for bytes in memory.
//!
//! Read are pcap in either byte order with microsecond or nanosecond stamps and in Kuznetzov's modified form,
//! and pcapng with any number of sections and interfaces, each with its own link type, resolution and offset;
//! enhanced, simple and obsolete packet blocks; drops from interface statistics. Other blocks are passed over.
//!
//! A damaged file gives every frame before the damage and then a [`Damage`] with its byte offset. No attempt is
//! made to find the next good record, since frames made up of wrong bytes would be worse than none.
//!
//! The framing is written here rather than taken from the `pcap-parser` crate, which is the oracle of the
//! tests: it takes about half the time per frame of a pcap file and less than that of a pcapng file
//! (`cargo run --release -p intake --example speed` prints both), and it passes over a large foreign block
//! without holding it in memory.
//!
//! Limits: a record is at most [`MAX_RECORD_BYTES`], a section has at most [`MAX_INTERFACES`] interfaces.

mod pcap;
mod pcapng;

use crate::{Time, packet::LinkType};

/// Longest record or packet block, headers included. Captures are cut at 262 144 bytes a frame by the usual
/// tools; a larger length means that the file is damaged.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// Interfaces kept in one pcapng section; frames of further ones are counted as skipped.
pub const MAX_INTERFACES: usize = 4096;

/// Bytes that [`recognise`] needs to tell the format.
pub const RECOGNISE_BYTES: usize = 12;

/// A kind of capture file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Format {
    /// The format of tcpdump (draft-ietf-opsawg-pcap).
    Pcap,
    /// The block format of Wireshark (draft-ietf-opsawg-pcapng).
    Pcapng,
}

/// The capture format that a file beginning with these bytes has, if any.
pub fn recognise(bytes: &[u8]) -> Option<Format> {
    if pcapng::is_section_header(bytes) {
        return Some(Format::Pcapng);
    }
    pcap::Variant::of_magic(*bytes.first_chunk()?).map(|_| Format::Pcap)
}

/// One captured frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// When it was captured. Simple packet blocks have no time: they get that of the frame before.
    pub time: Time,
    /// The link layer that `data` begins with.
    pub link: LinkType,
    /// Length on the link in bytes, as the file says.
    pub original_length: u32,
    /// The bytes captured.
    pub data: &'a [u8],
}

/// What [`Framer::next`] found at the beginning of the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step<'a> {
    /// A frame; `used` bytes of the window are done with.
    Frame {
        /// The frame.
        frame: Frame<'a>,
        /// Where in the window `frame.data` begins.
        data_at: usize,
        /// Bytes to drop from the window.
        used: usize,
    },
    /// No frame: `used` bytes of the file are done with, possibly more than the window has.
    Pass {
        /// Bytes of the file to pass over.
        used: u64,
    },
    /// The window has to be at least `needed` bytes; if the file has no more, [`Framer::finish`] says what
    /// that means.
    More {
        /// Size of the window in bytes, at most [`MAX_RECORD_BYTES`].
        needed: usize,
    },
    /// Nothing after this can be read.
    Damaged(Damage),
}

/// Why a capture file cannot be read further. Offsets are in bytes from the beginning of the file (of the
/// decompressed file, if it was compressed) and point to the record concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// The file does not begin as a capture file.
    #[error("not a pcap or pcapng file")]
    NotACapture,
    /// A version of the format that is not known.
    #[error("unsupported format version {major}.{minor} at byte {offset}")]
    Version {
        /// Where the header begins.
        offset: u64,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// The file ends inside a record.
    #[error("cut off: the record at byte {offset} is not complete ({present} bytes of it are present)")]
    CutOff {
        /// Where the record begins.
        offset: u64,
        /// How much of it there is.
        present: u64,
    },
    /// A length that cannot be.
    #[error("impossible length {length} at byte {offset}")]
    Length {
        /// Where the record begins.
        offset: u64,
        /// The length in bytes that the record claims.
        length: u64,
    },
    /// A pcapng block whose second length differs from its first.
    #[error("the block at byte {offset} says {first} bytes at its beginning and {second} at its end")]
    LengthsDiffer {
        /// Where the block begins.
        offset: u64,
        /// Length in bytes at the beginning.
        first: u32,
        /// Length in bytes at the end.
        second: u32,
    },
    /// A pcapng section whose byte order mark is none.
    #[error("no byte order mark in the section header at byte {offset}")]
    ByteOrder {
        /// Where the section header begins.
        offset: u64,
    },
}

#[derive(Clone, Debug)]
enum State {
    Start,
    Pcap(pcap::Pcap),
    Pcapng(pcapng::Pcapng),
}

/// Reads a capture file from windows of its bytes.
#[derive(Clone, Debug)]
pub struct Framer {
    state: State,
    offset: u64,
}

impl Default for Framer {
    fn default() -> Self {
        Self::new()
    }
}

impl Framer {
    /// At the beginning of a file.
    pub fn new() -> Self {
        Self { state: State::Start, offset: 0 }
    }

    /// Looks at what the file has at the current offset, of which `window` is as much as is at hand. After
    /// [`Step::Frame`] and [`Step::Pass`] the next window begins `used` bytes further on.
    #[inline]
    pub fn next<'a>(&mut self, window: &'a [u8]) -> Step<'a> {
        let step = match &mut self.state {
            State::Pcap(pcap) => pcap.next(window, self.offset),
            State::Pcapng(pcapng) => pcapng.next(window, self.offset),
            State::Start => self.start(window),
        };
        match &step {
            Step::Frame { used, .. } => self.offset += *used as u64,
            Step::Pass { used } => self.offset = self.offset.saturating_add(*used),
            Step::More { .. } | Step::Damaged(_) => {}
        }
        step
    }

    /// What [`Framer::next`] gives of nearly every record of a pcap file, with the bytes of the window that are done with; `None`
    /// says to ask that. Always inlined: what is found stays in registers.
    #[inline(always)]
    pub fn frame<'a>(&mut self, window: &'a [u8]) -> Option<(Frame<'a>, usize)> {
        let State::Pcap(pcap) = &self.state else { return None };
        let (frame, used) = pcap.frame(window)?;
        self.offset += used as u64;
        Some((frame, used))
    }

    #[cold]
    fn start<'a>(&mut self, window: &'a [u8]) -> Step<'a> {
        if window.len() < RECOGNISE_BYTES {
            return Step::More { needed: RECOGNISE_BYTES };
        }
        match recognise(window) {
            None => Step::Damaged(Damage::NotACapture),
            Some(Format::Pcapng) => {
                self.state = State::Pcapng(pcapng::Pcapng::default());
                Step::Pass { used: 0 }
            }
            Some(Format::Pcap) => match pcap::Pcap::header(window) {
                Ok(Some(pcap)) => {
                    self.state = State::Pcap(pcap);
                    Step::Pass { used: pcap::FILE_HEADER_BYTES as u64 }
                }
                Ok(None) => Step::More { needed: pcap::FILE_HEADER_BYTES },
                Err(damage) => Step::Damaged(damage),
            },
        }
    }

    /// The end of the file, `present` bytes after the current offset.
    ///
    /// # Errors
    /// [`Damage::CutOff`] if that is inside a record, [`Damage::NotACapture`] if nothing was recognised.
    pub fn finish(&self, present: u64) -> Result<(), Damage> {
        match &self.state {
            State::Start if present < RECOGNISE_BYTES as u64 => Err(Damage::NotACapture),
            _ if present > 0 => Err(Damage::CutOff { offset: self.offset, present }),
            _ => Ok(()),
        }
    }

    /// Where the next window begins, in bytes from the beginning of the file.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The format, once it is known.
    pub fn format(&self) -> Option<Format> {
        match self.state {
            State::Start => None,
            State::Pcap(_) => Some(Format::Pcap),
            State::Pcapng(_) => Some(Format::Pcapng),
        }
    }

    /// Packet blocks that could not be used: of an interface that was not described, or with a captured
    /// length beyond their block.
    pub fn skipped(&self) -> u64 {
        match &self.state {
            State::Pcapng(pcapng) => pcapng.skipped(),
            _ => 0,
        }
    }

    /// Frames that the capturing machine says it lost (pcapng interface statistics; pcap cannot say).
    pub fn lost(&self) -> u64 {
        match &self.state {
            State::Pcapng(pcapng) => pcapng.lost(),
            _ => 0,
        }
    }
}

/// The frames of a capture file in memory. The last item is an error if the file is damaged.
pub fn frames(bytes: &[u8]) -> Frames<'_> {
    Frames { framer: Framer::new(), rest: bytes, done: false }
}

/// See [`frames`].
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    framer: Framer,
    rest: &'a [u8],
    done: bool,
}

impl Frames<'_> {
    /// The reader, for its format and counters.
    pub fn framer(&self) -> &Framer {
        &self.framer
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.framer.next(self.rest) {
                Step::Frame { frame, used, .. } => {
                    self.rest = self.rest.get(used..).unwrap_or_default();
                    return Some(Ok(frame));
                }
                Step::Pass { used } => {
                    let used = usize::try_from(used).unwrap_or(usize::MAX);
                    match self.rest.get(used..) {
                        Some(rest) => self.rest = rest,
                        None => {
                            self.done = true;
                            let (offset, present) =
                                (self.framer.offset() - used as u64, self.rest.len() as u64);
                            return Some(Err(Damage::CutOff { offset, present }));
                        }
                    }
                }
                Step::More { .. } => {
                    self.done = true;
                    return self.framer.finish(self.rest.len() as u64).err().map(Err);
                }
                Step::Damaged(damage) => {
                    self.done = true;
                    return Some(Err(damage));
                }
            }
        }
        None
    }
}

/// Reads integers in the byte order of a file. The caller has looked at the length of the slice; bytes that
/// are not there read as 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Order {
    big: bool,
}

impl Order {
    #[inline]
    fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
    }

    #[inline]
    fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }

    #[inline]
    fn u16_at(self, bytes: &[u8], at: usize) -> u16 {
        bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| self.u16(*bytes))
    }

    #[inline]
    fn u32_at(self, bytes: &[u8], at: usize) -> u32 {
        bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| self.u32(*bytes))
    }
}
