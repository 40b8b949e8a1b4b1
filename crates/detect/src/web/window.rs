//! Who opened a connection and says nothing, and who reads so slowly that the server is kept waiting.
//!
//! [`Opened`] remembers handshakes of TCP from SYN to the client's first word, so that completed ones are told from SYN
//! floods, and the shift of the client's windows. [`Reading`] follows those windows: a client is a slow reader when its
//! window was closed and since then less than [`HONEST_BYTES_PER_SECOND`] came through.
//!
//! Limits: a fixed table under a secret hash in which the newest handshake of a place stands. Where the SYN was not seen, only
//! windows of nought are known for what they are. Who took [`PAUSED_BYTES`] before is somebody whose player rests.

/// Handshakes remembered.
const OPENED: usize = 1 << 16;
/// Bytes a second at which nobody reads on purpose.
pub(super) const HONEST_BYTES_PER_SECOND: u32 = 400;
/// A window that takes no whole segment.
const SMALL_WINDOW_BYTES: u32 = 1_400;
/// Who got so much first has paused, and is not slow.
const PAUSED_BYTES: u32 = 192 * 1_024;
/// A window that was open for so long was not closed by a slow reader.
const OPEN_SECONDS: u32 = 10;
/// No shift is known.
const NO_SHIFT: u8 = 15;

const ASKED: u32 = 1;
const ANSWERED: u32 = 2;

/// Handshakes under way: of each place its tag, the shift, and how far it is.
#[derive(Default)]
pub(super) struct Opened(Box<[u32]>);

const fn place(hash: u64) -> (usize, u32) {
    (hash as usize % OPENED, ((hash >> 40) as u32) << 8)
}

impl Opened {
    /// A client's SYN.
    pub(super) fn ask(&mut self, hash: u64, shift: Option<u8>) {
        if self.0.is_empty() {
            self.0 = vec![0; OPENED].into_boxed_slice();
        }
        let (at, tag) = place(hash);
        // Without the option windows are not shifted at all (RFC 7323 section 2.2).
        self.0[at] = tag | u32::from(shift.unwrap_or(0)) << 4 | ASKED;
    }

    /// The server's answer.
    pub(super) fn answer(&mut self, hash: u64) {
        let (at, tag) = place(hash);
        if let Some(entry) = self.0.get_mut(at)
            && *entry & !0xff == tag
        {
            *entry = *entry & !0xf | ANSWERED;
        }
    }

    /// A word of the client, with or without payload. Gives the shift if that completes a handshake.
    pub(super) fn complete(&mut self, hash: u64) -> Option<u8> {
        let (at, tag) = place(hash);
        let entry = self.0.get_mut(at)?;
        if *entry & !0xf0 != tag | ANSWERED {
            return None;
        }
        Some((std::mem::take(entry) >> 4 & 0xf) as u8)
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }
}

/// How a client reads.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    shift: u8,
    is_closed: bool,
    /// The largest window so far.
    largest: u32,
    /// Second since which the client reads slowly; nought if it does not.
    since: u32,
    /// When its window was closed last.
    closed: u32,
    /// Bytes of the server since then.
    bytes: u32,
    all: u32,
}

impl Default for Reading {
    fn default() -> Self {
        Self { shift: NO_SHIFT, is_closed: false, largest: 0, since: 0, closed: 0, bytes: 0, all: 0 }
    }
}

impl Reading {
    /// That of a connection whose windows have this shift.
    pub(super) fn of(shift: Option<u8>) -> Self {
        Self { shift: shift.unwrap_or(NO_SHIFT), ..Self::default() }
    }

    /// The server sends so many bytes.
    #[inline]
    pub(super) fn answer(&mut self, bytes: u32) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.all = self.all.saturating_add(bytes);
    }

    /// The client announces a window. Says whether it has just begun to read slowly.
    #[inline]
    pub(super) fn window(&mut self, raw: u16, second: u32) -> bool {
        let bytes = if self.shift == NO_SHIFT { u32::from(raw) << 14 } else { u32::from(raw) << self.shift };
        if bytes >= SMALL_WINDOW_BYTES && !self.is_closed && self.since == 0 {
            self.largest = self.largest.max(bytes);
            return false;
        }
        self.change(bytes, second)
    }

    fn change(&mut self, bytes: u32, second: u32) -> bool {
        self.largest = self.largest.max(bytes);
        // A client with little memory is slow only where its window is full.
        self.is_closed = bytes < SMALL_WINDOW_BYTES && bytes * 4 < self.largest;
        if !self.is_closed {
            return false;
        }
        self.closed = second;
        if self.since > 0 {
            return false;
        }
        (self.since, self.bytes) = (second.max(1), 0);
        true
    }

    /// Whether somebody should look again whether this is slow.
    pub(super) const fn is_watched(&self) -> bool {
        self.since > 0
    }

    /// Whether the client has read slowly for so long.
    pub(super) fn is_slow(&mut self, second: u32, seconds: u32) -> bool {
        if self.since == 0 {
            return false;
        }
        let waits = second.saturating_sub(self.since);
        let is_honest = self.bytes >= waits.max(1).saturating_mul(HONEST_BYTES_PER_SECOND);
        let is_open = !self.is_closed && second.saturating_sub(self.closed) > OPEN_SECONDS;
        if is_open || (is_honest && waits >= seconds) {
            (self.since, self.is_closed) = (0, false);
            return false;
        }
        waits >= seconds && !is_honest && self.all < PAUSED_BYTES && self.all > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answered_handshake_is_completed_and_only_once() {
        let mut opened = Opened::default();
        assert_eq!(opened.complete(5), None);
        opened.ask(5, Some(7));
        assert_eq!(opened.complete(5), None, "an ACK after a SYN is easily forged");
        opened.answer(5);
        assert_eq!(
            (opened.complete(5 | 1 << 50), opened.complete(5), opened.complete(5)),
            (None, Some(7), None)
        );
    }

    /// Whether a client is slow after half a minute: `take` bytes every `every` seconds of a buffer of `room`.
    fn is_slow(room: u32, take: u32, every: u32, whole: u32) -> bool {
        let mut reading = Reading::of(Some(0));
        let (mut held, mut sent, mut slow) = (0, 0, false);
        reading.window(room.min(65_535) as u16, 100);
        for second in 100..132 {
            if second % every == 0 {
                held -= take.min(held);
            }
            let window = room - held;
            if reading.window(window.min(65_535) as u16, second) || second % 5 == 0 {
                slow = reading.is_slow(second, 8);
            }
            let more = window.min(whole - sent);
            (held, sent) = (held + more, sent + more);
            reading.answer(more);
            reading.window((room - held).min(65_535) as u16, second);
        }
        slow
    }

    #[test]
    fn slow_readers_are_told_from_small_and_resting_ones() {
        assert!(is_slow(1_152, 16, 3, 300_000), "sixteen bytes every three seconds");
        assert!(is_slow(500, 64, 1, 300_000));
        assert!(is_slow(65_535, 0, 1, 300_000), "nothing at all");
        assert!(!is_slow(2_144, 2_144, 1, 300_000), "a small device that reads what it gets");
        assert!(!is_slow(1_152, 1_152, 1, 2_000), "and has it all");
        assert!(!is_slow(60_000, 60_000, 1, 100_000_000), "a download");
    }
}
