//! The part of an input that is at hand: all of it, or a bounded window that moves along.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read, Seek},
    sync::Arc,
};

use flate2::bufread::MultiGzDecoder;

use crate::{Damage, hole};

/// Bytes read ahead. Grows, up to the longest record, only for a record that is longer.
const READ_AHEAD_BYTES: usize = 1 << 18;

/// An input in memory.
#[derive(Clone, Debug)]
pub enum Memory {
    /// Part of the program.
    Static(&'static [u8]),
    /// Shared, for inputs that are opened several times.
    Shared(Arc<[u8]>),
}

impl Memory {
    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Static(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Memory {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl From<Vec<u8>> for Memory {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Shared(bytes.into())
    }
}

impl From<Arc<[u8]>> for Memory {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Shared(bytes)
    }
}

impl From<&'static [u8]> for Memory {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Static(bytes)
    }
}

enum Backing {
    Memory(Memory),
    Stream { reader: Box<dyn Read + Send>, buffer: Vec<u8>, filled: usize, ended: bool, file: Option<File> },
}

/// A window on an input.
pub(crate) struct Window {
    backing: Backing,
    /// Where the window begins in the memory or the buffer.
    start: usize,
    /// Where the window begins in the input.
    offset: u64,
    /// Why reading ended before the end.
    failure: Option<Damage>,
    /// How much of a compressed input may still be read.
    left: u64,
    limit: u64,
    /// Up to where memory was read ahead.
    read_ahead: usize,
}

/// How much memory is read ahead at a time, in bytes. Each record says where the next one begins, so the waits for
/// memory would come one after the other; in order they are a stream that the processor fetches ahead itself.
const AHEAD_BYTES: usize = 1 << 15;
const CACHE_LINE_BYTES: usize = 64;

impl Window {
    pub(crate) fn memory(memory: Memory) -> Self {
        Self::new(Backing::Memory(memory), u64::MAX)
    }

    pub(crate) fn stream(reader: Box<dyn Read + Send>) -> Self {
        Self::limited(reader, u64::MAX)
    }

    /// A file, whose holes need not be read. Its other descriptor reads at the same place.
    pub(crate) fn file(file: File) -> Self {
        let same = file.try_clone().ok();
        let mut window = Self::stream(Box::new(file));
        if let Backing::Stream { file, .. } = &mut window.backing {
            *file = same;
        }
        window
    }

    fn limited(reader: Box<dyn Read + Send>, limit: u64) -> Self {
        let (buffer, filled) = (Vec::new(), 0);
        Self::new(Backing::Stream { reader, buffer, filled, ended: false, file: None }, limit)
    }

    fn new(backing: Backing, limit: u64) -> Self {
        // What was just read from a stream is in the cache.
        let read_ahead = if matches!(backing, Backing::Memory(_)) { 0 } else { usize::MAX };
        Self { backing, start: 0, offset: 0, failure: None, left: limit, limit, read_ahead }
    }

    /// The decompressed form of an input that is gzip and of which nothing was used yet.
    pub(crate) fn gunzip(self, limit: u64) -> Self {
        let reader: Box<dyn Read + Send> = match self.backing {
            Backing::Memory(memory) => Box::new(MultiGzDecoder::new(Cursor::new(memory))),
            Backing::Stream { reader, mut buffer, filled, .. } => {
                buffer.truncate(filled);
                let whole = Cursor::new(buffer).chain(reader);
                Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ_AHEAD_BYTES, whole)))
            }
        };
        Self::limited(reader, limit)
    }

    /// What is at hand.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let bytes = match &self.backing {
            Backing::Memory(memory) => memory.bytes(),
            Backing::Stream { buffer, filled, .. } => buffer.get(..*filled).unwrap_or_default(),
        };
        bytes.get(self.start..).unwrap_or_default()
    }

    /// Where the window begins, in bytes of the input.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Moves the beginning of the window, by no more than it has.
    #[inline]
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.start += bytes;
        self.offset += bytes as u64;
        if self.start >= self.read_ahead {
            self.look_ahead();
        }
    }

    /// Reads one byte of each cache line that comes next.
    #[cold]
    fn look_ahead(&mut self) {
        let Backing::Memory(memory) = &self.backing else { return };
        let ahead = memory.bytes().get(self.start..).unwrap_or_default();
        let ahead = ahead.get(..AHEAD_BYTES).unwrap_or(ahead);
        let seen =
            ahead.chunks(CACHE_LINE_BYTES).fold(0, |seen, line| seen ^ line.first().copied().unwrap_or(0));
        std::hint::black_box(seen);
        self.read_ahead = self.start.saturating_add(AHEAD_BYTES);
    }

    /// Passes over bytes that need not be at hand; the number of those that the input did not have.
    pub(crate) fn pass(&mut self, bytes: u64) -> u64 {
        let mut left = bytes;
        while left > 0 {
            let here = usize::try_from(left).unwrap_or(usize::MAX).min(self.bytes().len());
            self.advance(here);
            left -= here as u64;
            if left > 0 && self.fill(1) == 0 {
                break;
            }
        }
        left
    }

    /// Passes over everything at hand and what follows it of a hole in the file.
    pub(crate) fn pass_hole(&mut self) {
        self.advance(self.bytes().len());
        let Backing::Stream { file: Some(file), ended: false, .. } = &self.backing else { return };
        let mut place: &File = file;
        if let Ok(at) = place.stream_position()
            && let Some(end) = hole::end_of_hole(file, at)
        {
            self.offset += end - at;
        }
    }

    /// Makes the window at least `needed` bytes long if the input has that many; its length then.
    #[cold]
    pub(crate) fn fill(&mut self, needed: usize) -> usize {
        let mut have = self.bytes().len();
        let Backing::Stream { reader, buffer, filled, ended, .. } = &mut self.backing else { return have };
        if have >= needed || *ended {
            return have;
        }
        buffer.copy_within(self.start..*filled, 0);
        (self.start, *filled) = (0, have);
        buffer.resize(buffer.len().max(needed).max(READ_AHEAD_BYTES), 0);
        while have < needed && !*ended {
            let room = buffer.get_mut(have..).unwrap_or_default();
            match reader.read(room) {
                Ok(0) => *ended = true,
                Ok(count) if count as u64 > self.left => {
                    have += self.left as usize;
                    (self.left, *ended) = (0, true);
                    self.failure = Some(Damage::TooLarge { limit: self.limit });
                }
                Ok(count) => {
                    have += count;
                    self.left -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *ended = true;
                    let offset = self.offset + have as u64;
                    self.failure = Some(Damage::Read { offset, message: error.to_string() });
                }
            }
        }
        *filled = have;
        have
    }

    /// Whether nothing follows what is at hand, as far as is known.
    pub(crate) fn ends(&self) -> bool {
        match &self.backing {
            Backing::Memory(_) => true,
            Backing::Stream { ended, .. } => *ended,
        }
    }

    /// Whether reading ended before the end.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Why reading ended before the end, if it did.
    pub(crate) fn take_failure(&mut self) -> Option<Damage> {
        self.failure.take()
    }
}
