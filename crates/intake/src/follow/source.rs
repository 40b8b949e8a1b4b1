//! One open file: read where it was left, cut into lines.

use std::{fs::File, io, os::unix::fs::FileExt};

use sketch::KeyedState;

use super::{
    Line,
    counters::FollowCounters,
    cut::Cutter,
    options::TURN_BYTES,
    position::{FINGERPRINT_BYTES, Fingerprint, Identity, Position},
};
use crate::hole;

/// An open file.
#[derive(Debug)]
pub(super) struct Source {
    file: File,
    pub(super) identity: Identity,
    pub(super) cutter: Cutter,
    fingerprint: Fingerprint,
    /// Size at the end of the last turn: with the same size nothing new is there.
    seen: u64,
    /// Size at the beginning of the last turn.
    length: u64,
}

/// What all files of a follower share.
pub(super) struct Shared {
    pub(super) buffer: Vec<u8>,
    pub(super) longest: usize,
    pub(super) state: KeyedState,
    pub(super) counters: FollowCounters,
}

impl Source {
    /// A file, from its first byte on.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let identity = Identity::of(&file.metadata()?);
        let (cutter, fingerprint) = (Cutter::default(), Fingerprint::default());
        Ok(Self { file, identity, cutter, fingerprint, seen: 0, length: 0 })
    }

    /// Passes over what is there. If that ends in the middle of a line, the rest of the line is skipped too.
    pub(super) fn pass_over(&mut self, state: &KeyedState) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            self.file.read_exact_at(&mut last, length - 1)?;
        }
        (self.cutter.offset, self.cutter.is_skipping) = (length, last != *b"\n");
        self.recognise(state)
    }

    /// Goes on where a file was left, if this is that one.
    pub(super) fn resume(&mut self, saved: &Position, state: &KeyedState) -> io::Result<bool> {
        let known = saved.beginning();
        let mut room = [0; FINGERPRINT_BYTES];
        if self.file.metadata()?.len() < saved.offset || !known.fits(state, self.beginning(&mut room)?) {
            return Ok(false);
        }
        (self.cutter.offset, self.cutter.is_skipping) = (saved.offset, saved.is_skipping);
        self.fingerprint = known;
        Ok(true)
    }

    /// Goes on where it was left under another name.
    pub(super) fn go_on(&mut self, cutter: Cutter, fingerprint: Fingerprint) {
        (self.cutter, self.fingerprint) = (cutter, fingerprint);
    }

    fn beginning<'a>(&self, room: &'a mut [u8; FINGERPRINT_BYTES]) -> io::Result<&'a [u8]> {
        let mut filled = 0;
        while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(room.get(..filled).unwrap_or_default())
    }

    /// Takes note of how the file begins, as far as it was read.
    fn recognise(&mut self, state: &KeyedState) -> io::Result<()> {
        let known = self.cutter.offset.min(FINGERPRINT_BYTES as u64) as usize;
        if (self.fingerprint.bytes as usize) < known {
            let mut room = [0; FINGERPRINT_BYTES];
            let beginning = self.beginning(&mut room)?;
            self.fingerprint = Fingerprint::of(state, beginning.get(..known).unwrap_or(beginning));
        }
        Ok(())
    }

    /// Gives new lines, [`TURN_BYTES`] at most. Gives how many bytes were used.
    pub(super) fn turn(&mut self, shared: &mut Shared, take: &mut impl FnMut(Line<'_>)) -> io::Result<usize> {
        let length = self.file.metadata()?.len();
        self.length = length;
        if length == self.seen && length >= self.cutter.offset {
            return Ok(0);
        }
        let mut room = [0; FINGERPRINT_BYTES];
        if length < self.cutter.offset || !self.fingerprint.fits(&shared.state, self.beginning(&mut room)?) {
            shared.counters.truncations += 1;
            self.cutter = Cutter { is_history: self.cutter.is_history, ..Cutter::default() };
            (self.fingerprint, self.seen) = (Fingerprint::default(), 0);
        }
        let mut total = 0;
        while total < TURN_BYTES {
            let from = self.cutter.offset;
            let read = match self.file.read_at(&mut shared.buffer, from) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            let bytes = shared.buffer.get(..read).unwrap_or_default();
            let used = self.cutter.cut(bytes, shared.longest, &mut shared.counters, take);
            total += used;
            self.pass_hole(length, &mut shared.counters);
            if used == 0 || read < shared.buffer.len() {
                // All of it was seen; the size was asked before, so what came since is seen next time.
                self.seen = length.min(from + read as u64);
                break;
            }
        }
        self.recognise(&shared.state)?;
        Ok(total)
    }

    /// Passes over a hole in the middle of a line that is too long, unread.
    fn pass_hole(&mut self, length: u64, counters: &mut FollowCounters) {
        let from = self.cutter.offset;
        if !self.cutter.is_skipping || from >= length {
            return;
        }
        // What was written since the length was asked is looked at with the next turn.
        let end = hole::end_of_hole(&self.file, from).unwrap_or(from).min(length);
        counters.skipped_bytes += end - from;
        self.cutter.offset = end;
    }

    /// Gives what is left as a line, if something is.
    pub(super) fn finish(&mut self, shared: &mut Shared, take: &mut impl FnMut(Line<'_>)) -> io::Result<()> {
        let read = self.file.read_at(&mut shared.buffer, self.cutter.offset)?;
        let bytes = shared.buffer.get(..read).unwrap_or_default();
        let used = self.cutter.cut(bytes, shared.longest, &mut shared.counters, take);
        let rest = bytes.get(used..).unwrap_or_default();
        self.cutter.finish(rest, &mut shared.counters, take);
        Ok(())
    }

    /// Bytes that were there at the last turn and are not read, a last line without its end included.
    pub(super) fn unread_bytes(&self) -> u64 {
        self.length.saturating_sub(self.cutter.offset)
    }

    /// How far it was read.
    pub(super) fn position(&self, path: &str) -> Position {
        Position {
            path: path.to_owned(),
            device: self.identity.device,
            inode: self.identity.inode,
            offset: self.cutter.offset,
            is_skipping: self.cutter.is_skipping,
            fingerprint_bytes: self.fingerprint.bytes,
            fingerprint: self.fingerprint.hash,
        }
    }
}
