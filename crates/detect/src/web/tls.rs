//! What is seen of TLS from outside: where the handshake is, which records may be requests, and what the connection was
//! good for when it ends.
//!
//! Records say their kind and length. The first application data of a TLS 1.3 client ends the handshake (RFC 8446 section 4.4.4);
//! what HTTP/2 sends for its own sake is small and of known size (RFC 9113 sections 3.4 and 6), or comes first. Where the
//! capture left the rest of a segment out, its length still says that there was more.
//!
//! A client that goes on after the server's words with a record that is no end of a handshake speaks no TLS: a tunnel, a proxy,
//! somebody's own protocol, or a client with a certificate that leaves out what all others send. Nothing is said of what it
//! asks for.
//!
//! Limits: whoever pads the end of the handshake and announces no change of ciphers, which no library in use does, hides what it
//! asks for from a mirror; the server's log has it. No reassembly. A segment that was seen before counts once; after one that is missing, records are found again where
//! one begins with a segment.

use wire::Packet;

use super::shape::{Batches, Pace};

/// Bytes that TLS 1.3 adds to what it carries, and TLS 1.2 with the ciphers in use (RFC 5246, RFC 5288).
const ADDED_BYTES: [u32; 2] = [17, 24];
/// Frames of HTTP/2 with so many bytes and fewer open no stream: window updates, resets and acknowledged settings have 13
/// and 9.
const FRAME_BYTES: u32 = 13;
/// Further sizes that are frames of the protocol itself: a ping; two of the above together.
const PROTOCOL_BYTES: [u32; 3] = [17, 22, 26];
/// What HTTP/2 begins with: its preface, settings and a window update.
const PREFACE_BYTES: u32 = 100;
/// A record of a request and what is around it.
const REQUEST_BYTES: u32 = 62;
/// The longest message that ends a handshake without a certificate, as a record.
const FINISHED_BYTES: u32 = 74;
const RECORD_HEADER_BYTES: u32 = 5;
/// Who is not understood is told so in fewer bytes: an alert.
const ALERT_BYTES: u32 = 512;

const CHANGE_CIPHER: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// What is known of one TLS connection.
#[derive(Clone, Copy, Default)]
pub(super) struct Tls {
    /// When the ClientHello came, in milliseconds, wrapping.
    pub(super) begun: u32,
    /// When the server spoke last.
    pub(super) answered: u32,
    /// Requests so far.
    pub(super) asks: u32,
    pub(super) pace: Pace,
    pub(super) batches: Batches,
    /// Changes of ciphers that the client announced: more than one are renegotiations.
    changes: u8,
    /// Sequence number of what comes next; meaningless before the first segment.
    next: u32,
    has_next: bool,
    /// Bytes of the last record that are still to come.
    left: u32,
    is_finished: bool,
    is_old: bool,
    /// The handshake was not ended as TLS ends it.
    is_foreign: bool,
    /// Bytes that the server answered to such a one.
    foreign_answer: u32,
    pub(super) offers_http2: bool,
    /// The client did not offer HTTP/2, or spoke it already.
    is_past_preface: bool,
    /// The server refused the handshake.
    pub(super) is_refused: bool,
}

/// What a segment of the client holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) asks: u16,
    /// The client has said something that is not of the handshake.
    pub(super) has_said: bool,
    /// The handshake ended with it.
    pub(super) finishes: bool,
    /// Handshakes begun anew on the same connection.
    pub(super) again: u16,
    pub(super) bytes: u32,
    pub(super) records: u32,
    pub(super) largest: u32,
    /// Records of the size that takes a stream back.
    pub(super) resets: u32,
    /// The capture left out where there may have been further records.
    pub(super) is_cut: bool,
}

impl Tls {
    /// That of a connection whose ClientHello came at `begun`.
    pub(super) fn begin(begun: u32, offers_http2: bool) -> Self {
        Self { begun, offers_http2, is_past_preface: !offers_http2, ..Self::default() }
    }

    /// The server says something.
    #[inline]
    pub(super) fn answer(&mut self, now: u32, packet: &Packet<'_>, is_first: bool) {
        self.answered = now;
        let bytes = packet.payload_length_bytes();
        self.pace.answer(bytes);
        self.batches.answer(bytes);
        self.is_refused |= is_first && packet.payload.first() == Some(&ALERT);
        if self.is_foreign {
            self.foreign_answer = self.foreign_answer.saturating_add(bytes);
        }
    }

    /// What was said in place of the end of the handshake was not answered: it was nothing.
    pub(super) const fn is_unheard(&self) -> bool {
        self.is_foreign && self.foreign_answer < ALERT_BYTES
    }

    /// Reads what the client sends after its ClientHello. `is_greeted`: the server has spoken.
    pub(super) fn read(&mut self, packet: &Packet<'_>, is_greeted: bool) -> Sent {
        let mut sent = Sent::default();
        let all = packet.payload_length_bytes();
        let end = packet.sequence.wrapping_add(all);
        // Half of all numbers lie behind (RFC 9293 section 3.4).
        let is_ahead = end.wrapping_sub(self.next).wrapping_sub(1) < 1 << 31;
        if std::mem::replace(&mut self.has_next, true) && !is_ahead {
            return sent;
        }
        let left = if packet.sequence == self.next { self.left.min(all) } else { 0 };
        self.left -= left;
        self.next = end;
        let (mut rest, mut passed) = (packet.payload.get(left as usize..).unwrap_or_default(), left);
        // Each record takes five bytes at least, so this ends.
        while let [kind @ CHANGE_CIPHER..=APPLICATION_DATA, 3, _, high, low, after @ ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            self.record(*kind, length as u32, is_greeted, &mut sent);
            passed = passed.saturating_add(RECORD_HEADER_BYTES + length as u32);
            self.left = passed.saturating_sub(all);
            rest = after.get(length..).unwrap_or_default();
        }
        let unseen = all.saturating_sub(passed);
        if passed > 0 && unseen > 0 && packet.missing_bytes > 0 {
            self.unseen(unseen, &mut sent);
            sent.is_cut = true;
        }
        self.asks = self.asks.saturating_add(u32::from(sent.asks));
        sent
    }

    fn record(&mut self, kind: u8, length: u32, is_greeted: bool, sent: &mut Sent) {
        match kind {
            CHANGE_CIPHER => {
                sent.again += u16::from(self.changes > 0);
                self.changes = self.changes.saturating_add(1);
            }
            HANDSHAKE if self.changes > 0 && !self.is_finished => {
                (self.is_old, self.is_finished, sent.finishes) = (true, true, true);
            }
            APPLICATION_DATA if !self.is_finished && is_greeted => {
                (self.is_finished, sent.finishes) = (true, true);
                // With a certificate it is longer, after the change of ciphers that clients announce (RFC 8446 appendix D.4).
                self.is_foreign = length > FINISHED_BYTES && self.changes == 0;
                sent.has_said |= self.is_foreign;
            }
            APPLICATION_DATA if self.is_foreign => sent.has_said = true,
            APPLICATION_DATA => self.application_data(length, sent),
            _ => {}
        }
    }

    fn application_data(&mut self, length: u32, sent: &mut Sent) {
        let carried = length.saturating_sub(ADDED_BYTES[usize::from(self.is_old)]);
        if carried <= FRAME_BYTES || PROTOCOL_BYTES.contains(&carried) {
            // A closing alert is two bytes; none of these says anything of its own.
            sent.resets += u32::from(carried == FRAME_BYTES);
            return;
        }
        sent.has_said = true;
        sent.bytes = sent.bytes.saturating_add(length);
        sent.records += 1;
        sent.largest = sent.largest.max(length);
        let is_preface = !std::mem::replace(&mut self.is_past_preface, true) && carried <= PREFACE_BYTES;
        sent.asks += u16::from(!is_preface);
    }

    /// Bytes that the capture left out: the end of the handshake first, and then at least one record.
    fn unseen(&mut self, bytes: u32, sent: &mut Sent) {
        let mut bytes = bytes;
        if !self.is_finished && self.changes > 0 {
            (self.is_finished, sent.finishes) = (true, true);
            bytes = bytes.saturating_sub(FINISHED_BYTES);
        }
        if self.is_finished && !self.is_foreign && bytes >= REQUEST_BYTES {
            self.application_data(bytes - RECORD_HEADER_BYTES, sent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(list: &[(u8, u16)]) -> Vec<u8> {
        list.iter()
            .flat_map(|(kind, length)| {
                let [high, low] = length.to_be_bytes();
                [vec![*kind, 3, 3, high, low], vec![0xee; usize::from(*length)]].concat()
            })
            .collect()
    }

    fn read(tls: &mut Tls, list: &[(u8, u16)]) -> Sent {
        let payload = records(list);
        tls.read(&Packet { payload: &payload, sequence: tls.next, ..Packet::default() }, true)
    }

    #[test]
    fn a_request_is_told_from_what_the_protocols_say_to_each_other() {
        let mut tls = Tls::begin(0, true);
        let sent = read(&mut tls, &[(20, 1), (23, 53), (23, 87)]);
        assert!(
            sent.finishes && sent.has_said && sent.asks == 0,
            "the preface of HTTP/2 asks for nothing: {sent:?}"
        );
        assert_eq!(read(&mut tls, &[(23, 31)]).asks, 1, "a request whose fields the server knows");
        assert_eq!(read(&mut tls, &[(23, 30), (23, 34), (23, 43), (23, 26), (23, 19)]).asks, 0);
        let mut old = Tls::begin(0, false);
        let sent = read(&mut old, &[(22, 70), (20, 1), (22, 40), (23, 300)]);
        assert_eq!((sent.asks, sent.again), (1, 0));
        assert_eq!(read(&mut old, &[(23, 37), (23, 41)]).asks, 0);
        assert_eq!(read(&mut old, &[(22, 200), (22, 90), (20, 1), (22, 40)]).again, 1, "a renegotiation");
    }

    #[test]
    fn what_is_no_handshake_asks_for_nothing_and_is_heard_when_it_is_answered() {
        let mut tls = Tls::begin(0, false);
        let sent = read(&mut tls, &[(23, 475)]);
        assert_eq!((sent.finishes, sent.has_said, sent.asks), (true, true, 0));
        assert!(tls.is_unheard());
        let sent = read(&mut tls, &[(23, 475), (23, 300)]);
        assert_eq!((sent.has_said, sent.asks, sent.bytes), (true, 0, 0));
        let alert = Packet { payload: &[23; 24], ..Packet::default() };
        tls.answer(0, &alert, false);
        assert!(tls.is_unheard(), "an alert is no answer");
        tls.answer(0, &Packet { payload: &[0; 1_400], ..Packet::default() }, false);
        assert!(!tls.is_unheard());
        let mut certified = Tls::begin(0, false);
        assert_eq!(read(&mut certified, &[(20, 1), (23, 1_900), (23, 300)]).asks, 1, "it has a certificate");
        let mut short = Tls::begin(0, false);
        assert_eq!(read(&mut short, &[(23, 69), (23, 300)]).asks, 1, "it announces no change of ciphers");
        assert!(!short.is_unheard());
    }

    #[test]
    fn a_record_in_pieces_and_a_segment_sent_again_count_once() {
        let mut tls = Tls::begin(0, false);
        read(&mut tls, &[(20, 1), (23, 53)]);
        let all = records(&[(23, 9_000), (23, 300)]);
        let (mut sent, begin) = (Vec::new(), tls.next);
        for at in (0..all.len()).step_by(1_400) {
            let payload = &all[at..all.len().min(at + 1_400)];
            for _ in 0..2 {
                let packet = Packet { payload, sequence: begin + at as u32, ..Packet::default() };
                sent.push(tls.read(&packet, true));
            }
        }
        let sum = |of: fn(&Sent) -> u32| sent.iter().map(of).sum::<u32>();
        assert_eq!((sum(|sent| u32::from(sent.asks)), sum(|sent| sent.bytes)), (2, 9_300));
    }

    #[test]
    fn what_the_capture_left_out_is_known_by_its_length() {
        let (mut tls, all) = (Tls::begin(0, false), records(&[(20, 1), (23, 69), (23, 420)]));
        let packet = Packet { payload: &all[..5], missing_bytes: all.len() as u32 - 5, ..Packet::default() };
        let sent = tls.read(&packet, true);
        assert_eq!((sent.finishes, sent.asks), (true, 1));
        let (mut tls, all) = (Tls::begin(0, false), records(&[(20, 1), (23, 69)]));
        let packet = Packet { payload: &all[..5], missing_bytes: all.len() as u32 - 5, ..Packet::default() };
        let sent = tls.read(&packet, true);
        assert_eq!((sent.finishes, sent.asks, sent.has_said), (true, 0, false));
    }
}
