//! Fingerprints of TLS clients: read from their ClientHello, kept for the evidence.
//!
//! The ClientHello of a browser fills two segments since it offers a post-quantum key, so that the first one is kept until
//! the second is there.
//!
//! Limits: [`PARTIAL`] ClientHellos of [`PARTIAL_BYTES`] under way at once, in their order; [`PRINTS`] fingerprints, of which
//! a newer one may take an older one's place. A fingerprint decides nothing.

use wire::Packet;
use wire::tls::{ClientHello, Ja4, RECORD_HEADER_BYTES, Transport};

/// Fingerprints kept.
const PRINTS: usize = 4_096;
/// ClientHellos of which a part is there.
const PARTIAL: usize = 64;
const PARTIAL_BYTES: usize = 4_096;

/// Where the fingerprint of a connection is; the default stands for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Print {
    place: u16,
    tag: u16,
}

#[derive(Clone)]
struct Partial {
    owner: u64,
    length: usize,
    bytes: [u8; PARTIAL_BYTES],
}

/// The table.
#[derive(Default)]
pub(super) struct Hellos {
    prints: Box<[Option<Ja4>]>,
    partial: Vec<Partial>,
    next: usize,
    /// ClientHellos that gave a fingerprint.
    pub(super) read: u64,
    /// Those that did not: cut by the capture, in pieces out of order, or with too long lists.
    pub(super) unread: u64,
}

/// What a ClientHello says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Hello {
    pub(super) print: Print,
    /// HTTP/2 is among the protocols that the client offers.
    pub(super) offers_http2: bool,
}

impl Hellos {
    /// Reads the segment in which a ClientHello begins. `owner` names its connection.
    pub(super) fn begin(&mut self, owner: u64, packet: &Packet<'_>) -> Option<Hello> {
        if let Some(hello) = ClientHello::of_record(packet.payload) {
            return Some(self.keep(&hello));
        }
        let whole = match packet.payload {
            [_, _, _, high, low, ..] => RECORD_HEADER_BYTES + usize::from(u16::from_be_bytes([*high, *low])),
            _ => 0,
        };
        if packet.missing_bytes > 0 || whole > PARTIAL_BYTES || packet.payload.len() >= whole {
            self.unread += 1;
            return None;
        }
        if self.partial.len() < PARTIAL {
            self.partial.push(Partial { owner: 0, length: 0, bytes: [0; PARTIAL_BYTES] });
        }
        self.next = (self.next + 1) % PARTIAL;
        let place = self.next.min(self.partial.len() - 1);
        let partial = &mut self.partial[place];
        self.unread += u64::from(partial.length > 0);
        (partial.owner, partial.length) = (owner, 0);
        partial.add(packet.payload);
        None
    }

    /// Reads a further segment of a connection whose ClientHello was not whole.
    pub(super) fn go_on(&mut self, owner: u64, packet: &Packet<'_>) -> Option<Hello> {
        let at = self.partial.iter().position(|partial| partial.length > 0 && partial.owner == owner)?;
        let partial = &mut self.partial[at];
        partial.add(packet.payload);
        let (length, bytes) = (partial.length, partial.bytes);
        if let Some(hello) = ClientHello::of_record(&bytes[..length]) {
            self.partial[at].length = 0;
            return Some(self.keep(&hello));
        }
        if packet.missing_bytes > 0 || length == PARTIAL_BYTES {
            self.partial[at].length = 0;
            self.unread += 1;
        }
        None
    }

    fn keep(&mut self, hello: &ClientHello<'_>) -> Hello {
        let offers_http2 = hello.protocols().any(|protocol| protocol == b"h2");
        let Some(ja4) = Ja4::of(hello, Transport::Tcp) else {
            self.unread += 1;
            return Hello { print: Print::default(), offers_http2 };
        };
        self.read += 1;
        if self.prints.is_empty() {
            self.prints = vec![None; PRINTS].into_boxed_slice();
        }
        // Its text is a hash already, and what a clash costs is a wrong word in the evidence.
        let hash = ja4.as_bytes().iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let print = Print { place: (hash % PRINTS as u64) as u16, tag: (hash >> 48) as u16 | 1 };
        self.prints[usize::from(print.place)] = Some(ja4);
        Hello { print, offers_http2 }
    }

    /// The text of a fingerprint.
    pub(super) fn text(&self, print: Print) -> Option<Ja4> {
        if print.tag == 0 {
            return None;
        }
        self.prints.get(usize::from(print.place)).copied().flatten()
    }
}

impl Partial {
    fn add(&mut self, bytes: &[u8]) {
        let room = &mut self.bytes[self.length..];
        let taken = bytes.len().min(room.len());
        room[..taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
    }
}
