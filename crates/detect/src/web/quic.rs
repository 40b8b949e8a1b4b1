//! QUIC handshakes that lead to nothing.
//!
//! A client's first datagram holds an Initial packet and has 1,200 bytes at least (RFC 9000 section 14.1). The server answers
//! with certificates and keys, which cost it, and then the client goes on: with Handshake packets or with what is protected
//! by the keys of the connection. One that was answered and did not go on within [`WAIT_SECONDS`] counts. Where the server
//! does not answer at all, QUIC may be blocked on the way, and the network layer judges.
//!
//! Limits: [`PENDING`] handshakes in sets of [`WAYS`](super::wheel::WAYS) under a secret hash; a completed one makes room first. A client that goes
//! on with datagrams of no meaning passes for one that completes.

use sketch::TableKey;
use wire::{Packet, packet};

use super::WebDetector;
use super::class::Class;
use super::wheel::{Place, Wheel};
use crate::vector::protocol;

/// Handshakes followed at once.
const PENDING: usize = 1 << 14;
/// A client has so long to go on.
const WAIT_SECONDS: u32 = 3;
const WHEEL: usize = 4;
/// The assigned port (RFC 9114 section 3.1.1).
const PORT: u16 = 443;
const INITIAL_BYTES: u32 = 1_200;
/// Bits of the first byte (RFC 9000 section 17): the long header, the bit that is always set, the type.
const LONG: u8 = 0x80;
const FIXED: u8 = 0x40;
const TYPE: u8 = 0x30;
/// The second version gives the types other numbers (RFC 9369 section 3.2).
const VERSION_2: u32 = 0x6b33_43cf;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Stage {
    #[default]
    Free,
    /// The client has begun.
    Asked,
    /// The server has answered.
    Answered,
    /// The client goes on.
    Done,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    tag: u32,
    service: u32,
    client: u128,
    second: u32,
    stage: Stage,
    is_on_wheel: bool,
}

/// The table.
pub(super) struct Quic {
    key: TableKey<5>,
    entries: Box<[Entry]>,
    wheel: Wheel<WHEEL>,
    /// Handshakes that made room for others while they were waited for.
    pub(super) evicted: u64,
}

/// What a packet is by its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Initial,
    GoesOn,
    Other,
}

fn kind(payload: &[u8]) -> Kind {
    match *payload {
        [first, a, b, c, d, ..] if first & (LONG | FIXED) == LONG | FIXED => {
            let version = u32::from_be_bytes([a, b, c, d]);
            let (initial, handshake) = if version == VERSION_2 { (0x10, 0x30) } else { (0, 0x20) };
            match first & TYPE {
                _ if version == 0 => Kind::Other,
                bits if bits == initial => Kind::Initial,
                bits if bits == handshake => Kind::GoesOn,
                _ => Kind::Other,
            }
        }
        [first, ..] if first & (LONG | FIXED) == FIXED => Kind::GoesOn,
        _ => Kind::Other,
    }
}

/// Whether a packet may be of a QUIC handshake.
#[inline]
pub(super) fn is_of_interest(packet: &Packet<'_>) -> bool {
    packet.protocol == protocol::UDP
        && packet.fragment != packet::Fragment::Later
        && match packet.payload.first() {
            Some(first) if packet.destination_port == PORT => first & FIXED != 0,
            Some(first) if packet.source_port == PORT => first & (LONG | FIXED) == LONG | FIXED,
            _ => false,
        }
}

impl Quic {
    pub(super) fn new(key: TableKey<5>) -> Self {
        Self { key, entries: Box::default(), wheel: Wheel::default(), evicted: 0 }
    }

    /// Whether no handshake is waited for.
    pub(super) fn is_calm(&self) -> bool {
        self.wheel.is_empty()
    }

    pub(super) fn begin_again(&mut self) {
        self.entries.fill(Entry::default());
        self.wheel.clear();
    }

    fn find(&self, place: Place) -> Option<usize> {
        let is_it = |at: &usize| self.entries[*at].tag == place.tag && self.entries[*at].stage != Stage::Free;
        if self.entries.is_empty() { None } else { place.ways().find(is_it) }
    }
}

/// Takes a packet that [`is_of_interest`].
pub(super) fn note(web: &mut WebDetector, packet: &Packet<'_>) {
    let to_server = packet.destination_port == PORT;
    let place = Place::of(&web.quic.key, packet, to_server, PENDING);
    let found = web.quic.find(place);
    match (found, to_server, kind(packet.payload)) {
        (None, true, Kind::Initial) if packet.payload_length_bytes() >= INITIAL_BYTES => {
            enter(web, place, packet);
        }
        (Some(at), true, Kind::GoesOn) => web.quic.entries[at].stage = Stage::Done,
        (Some(at), false, _) if web.quic.entries[at].stage == Stage::Asked => {
            web.quic.entries[at].stage = Stage::Answered;
        }
        _ => {}
    }
}

fn enter(web: &mut WebDetector, place: Place, packet: &Packet<'_>) {
    let Some(service) = web.service_at(packet.destination) else { return };
    let second = web.second.unwrap_or(0);
    let quic = &mut web.quic;
    if quic.entries.is_empty() {
        quic.entries = vec![Entry::default(); PENDING].into_boxed_slice();
    }
    let rank = |at: &usize| {
        let entry = &quic.entries[*at];
        let waits = matches!(entry.stage, Stage::Asked | Stage::Answered);
        (waits && entry.is_on_wheel, entry.is_on_wheel, entry.second)
    };
    let at = place.ways().min_by_key(rank).unwrap_or(place.set);
    let old = quic.entries[at];
    quic.evicted += u64::from(old.is_on_wheel && matches!(old.stage, Stage::Asked | Stage::Answered));
    let client = super::client_bits(packet.source);
    quic.entries[at] =
        Entry { tag: place.tag, service, client, second, stage: Stage::Asked, is_on_wheel: true };
    if !old.is_on_wheel {
        quic.wheel.push(second.wrapping_add(WAIT_SECONDS), at as u32);
    }
}

/// Looks at the handshakes whose time has come.
pub(super) fn close(web: &mut WebDetector, second: u32) {
    let due = web.quic.wheel.take(second);
    for &index in &due {
        let entry = &mut web.quic.entries[index as usize];
        let waits = second.saturating_sub(entry.second);
        if waits < WAIT_SECONDS && entry.stage != Stage::Done {
            // Its place was taken by a later one.
            let next = entry.second.saturating_add(WAIT_SECONDS);
            web.quic.wheel.push(next, index);
            continue;
        }
        let Entry { stage, service, client, .. } = *entry;
        entry.is_on_wheel = false;
        if stage != Stage::Done {
            entry.stage = Stage::Free;
        }
        if stage == Stage::Answered {
            web.note_class(service, Class::Quic, client);
        }
    }
    web.quic.wheel.give_back(second, due);
}
