//! What TCP connections to web servers do: requests in clear text, and connections that never become a request.
//!
//! A connection is followed from the first thing that its client says, if that begins as an HTTP request or a TLS
//! handshake. It is *slow* when what the client owes is not there [`SLOW_SECONDS`] later: the rest of a head, of an
//! announced body, of a handshake; or, over TLS, when the client goes on sending small records and the server has
//! nothing to answer yet. Whoever sends [`HONEST_BYTES_PER_SECOND`] of a body is not slow, and neither is a server that
//! has not answered a whole request.
//!
//! Limits: [`CONNECTIONS`] in sets of [`WAYS`] under a secret hash, the least recent ones make room; no reassembly. A
//! client that reads its answer too slowly is not told from one that is idle.

use sketch::TableKey;
use wire::web::{Client, head};
use wire::{Packet, TcpFlags, Time};

use super::class::{self, Class};
use super::{Seen, WebDetector};
use crate::vector::protocol;

/// Connections followed at once.
const CONNECTIONS: usize = 1 << 16;
const WAYS: usize = 4;
/// What a client owes has to be there after this long.
const SLOW_SECONDS: u32 = 8;
/// Over TLS the client has to say something so long after it first had no answer.
const GOES_ON_SECONDS: u32 = 4;
/// A body that comes at this rate is only large.
const HONEST_BYTES_PER_SECOND: u32 = 400;
/// Nothing is remembered of a connection that was silent for so long.
const SILENT_SECONDS: u32 = 900;
/// Length of the wheel: each connection that owes something is looked at once in so many seconds.
const WHEEL: usize = 16;
/// A record of HTTP/2 with less is of the protocol itself: window updates, pings, resets (RFC 9113 section 6), with 17 to 24
/// bytes of TLS around them.
const REQUEST_RECORD_BYTES: usize = 45;
/// A segment of this size is full on most paths (RFC 9293 section 3.7.1, less tunnels).
const WHOLE_SEGMENT_BYTES: u64 = 1_100;
/// Records of this many bytes and fewer carry no more than a line of a head.
const SMALL_RECORD_BYTES: usize = 256;

/// Where a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Stage {
    /// There is none.
    #[default]
    Free,
    /// A head has begun.
    Head,
    /// A body is on the way.
    Body,
    /// The server has the word, or nobody.
    Settled,
    /// TLS, before the server has spoken and the client has answered.
    Handshake,
    /// TLS: the client has sent something that was not answered yet.
    Record,
    /// It was taken from the table; a place on the wheel may still name it.
    Gone,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    tag: u32,
    service: u32,
    /// The client's address, as a client is counted.
    client: u128,
    second: u32,
    since: u32,
    /// Bytes of body that are still to come.
    owed: u64,
    /// Bytes of the client since `since`.
    bytes: u32,
    stage: Stage,
    is_slow: bool,
    /// The request that counts when its body is there.
    held: Option<Held>,
    is_tls: bool,
    /// Something was asked inside TLS.
    has_asked: bool,
    /// The server has spoken after the ClientHello.
    is_greeted: bool,
    is_on_wheel: bool,
}

/// What is kept of a request whose body is on the way.
#[derive(Clone, Copy)]
struct Held {
    class: Class,
    agent: u64,
    path: u64,
}

/// The table.
pub(super) struct Connections {
    key: TableKey<5>,
    entries: Box<[Entry]>,
    /// Ports at which a server of requests was met, a bit each.
    ports: Box<[u64; 1024]>,
    wheel: [Vec<u32>; WHEEL],
    slow: u32,
    pub(super) live: u64,
    pub(super) evicted: u64,
}

impl Connections {
    pub(super) fn new(key: TableKey<5>) -> Self {
        Self {
            key,
            entries: Vec::new().into_boxed_slice(),
            ports: Box::new([0; 1024]),
            wheel: Default::default(),
            slow: 0,
            live: 0,
            evicted: 0,
        }
    }

    /// Whether no connection owes anything: then time may jump.
    pub(super) fn is_calm(&self) -> bool {
        self.slow == 0 && self.wheel.iter().all(Vec::is_empty)
    }

    pub(super) fn begin_again(&mut self) {
        self.entries.fill(Entry::default());
        self.wheel.iter_mut().for_each(Vec::clear);
        (self.slow, self.live) = (0, 0);
    }

    fn is_server_port(&self, port: u16) -> bool {
        self.ports[usize::from(port) / 64] >> (port % 64) & 1 != 0
    }

    /// The place of a connection, and whether it is there.
    fn find(&self, packet: &Packet<'_>, to_server: bool) -> (usize, u32, Option<usize>) {
        let (client, server) = if to_server {
            ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
        } else {
            ((packet.destination, packet.destination_port), (packet.source, packet.source_port))
        };
        let ports = u64::from(client.1) << 16 | u64::from(server.1);
        let halves = |bits: u128| ((bits >> 64) as u64, bits as u64);
        let ((a, b), (c, d)) = (halves(client.0.bits()), halves(server.0.bits()));
        let hash = self.key.hash([ports, a, b, c, d]);
        let (set, tag) = ((hash as usize % (CONNECTIONS / WAYS)) * WAYS, (hash >> 32) as u32 | 1);
        let is_it = |at: &usize| {
            let entry = &self.entries[*at];
            entry.tag == tag && !matches!(entry.stage, Stage::Free | Stage::Gone)
        };
        let found = if self.entries.is_empty() { None } else { (set..set + WAYS).find(is_it) };
        (set, tag, found)
    }
}

/// Whether a packet can say anything here. Most packets of a flood cannot.
#[inline]
pub(super) fn is_of_interest(packet: &Packet<'_>) -> bool {
    packet.protocol == protocol::TCP
        && (!packet.payload.is_empty() || packet.tcp_flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0)
}

/// Whether a payload begins as a request does: a first look that costs next to nothing.
#[inline]
fn begins_request(payload: &[u8]) -> bool {
    matches!(
        payload.first_chunk::<4>(),
        Some(
            b"GET " | b"POST" | b"HEAD" | b"PUT " | b"DELE" | b"OPTI" | b"PATC" | b"CONN" | b"TRAC" | b"PROP"
        )
    )
}

/// Whether a payload begins as a TLS ClientHello does (RFC 8446 sections 4 and 5.1).
fn begins_tls(payload: &[u8]) -> bool {
    matches!(payload, [22, 3, _, _, _, 1, ..])
}

/// Takes a packet that [`is_of_interest`].
pub(super) fn note(web: &mut WebDetector, time: Time, packet: &Packet<'_>) {
    let begins = begins_request(packet.payload) || begins_tls(packet.payload);
    let table = &web.connections;
    let to_server = begins || table.is_server_port(packet.destination_port);
    if !to_server && !table.is_server_port(packet.source_port) {
        return;
    }
    let (set, tag, found) = table.find(packet, to_server);
    let ends = packet.tcp_flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0;
    if let Some(at) = found {
        if to_server && !packet.payload.is_empty() {
            from_client(web, at, time, packet);
        } else if !to_server && !packet.payload.is_empty() {
            from_server(web, at);
        }
        if ends {
            hang_up(web, at);
        }
    } else if begins && !ends {
        let Some(service) = web.service_at(packet.destination) else { return };
        let at = enter(web, set, tag, (service, super::client_bits(packet.source)));
        let port = packet.destination_port;
        web.connections.ports[usize::from(port) / 64] |= 1 << (port % 64);
        from_client(web, at, time, packet);
    } else if begins
        && let Some(head) = head(packet.payload)
        && let Some(service) = web.service_at(packet.destination)
    {
        let client = Client::Address(packet.source);
        web.observe(service, &head.request(time, client));
    }
}

/// Makes a place for a connection.
fn enter(web: &mut WebDetector, set: usize, tag: u32, (service, client): (u32, u128)) -> usize {
    if web.connections.entries.is_empty() {
        web.connections.entries = vec![Entry::default(); CONNECTIONS].into_boxed_slice();
    }
    let second = web.second.unwrap_or(0);
    let table = &mut web.connections;
    let rank = |at: &usize| {
        let entry = &table.entries[*at];
        match entry.stage {
            Stage::Free | Stage::Gone if !entry.is_on_wheel => 0,
            Stage::Free | Stage::Gone => 1,
            _ => 2 + u64::from(entry.second),
        }
    };
    let at = (set..set + WAYS).min_by_key(rank).unwrap_or(set);
    if !matches!(table.entries[at].stage, Stage::Free | Stage::Gone) {
        table.evicted += u64::from(second.saturating_sub(table.entries[at].second) < SILENT_SECONDS);
        leave(web, at);
    }
    let table = &mut web.connections;
    let is_on_wheel = table.entries[at].is_on_wheel;
    table.entries[at] = Entry {
        tag,
        service,
        client,
        second,
        since: second,
        stage: Stage::Settled,
        is_on_wheel,
        ..Entry::default()
    };
    table.live += 1;
    web.services[service as usize].has_connections = true;
    at
}

/// A side ends the connection. A handshake that led to nothing counts.
fn hang_up(web: &mut WebDetector, at: usize) {
    let entry = &web.connections.entries[at];
    if entry.is_tls && !entry.has_asked {
        web.note_class(entry.service, Class::Hello, entry.client);
    }
    leave(web, at);
}

/// A connection has ended, or made room.
fn leave(web: &mut WebDetector, at: usize) {
    set_slow(web, at, false);
    let table = &mut web.connections;
    table.entries[at].stage = Stage::Gone;
    table.live = table.live.saturating_sub(1);
}

fn set_slow(web: &mut WebDetector, at: usize, is_slow: bool) {
    let entry = &mut web.connections.entries[at];
    if entry.is_slow == is_slow {
        return;
    }
    entry.is_slow = is_slow;
    let service = entry.service;
    let counts = [&mut web.connections.slow, &mut web.services[service as usize].slow];
    for count in counts {
        *count = if is_slow { count.saturating_add(1) } else { count.saturating_sub(1) };
    }
    web.touch(service);
}

/// The connection owes something from now on.
fn owe(web: &mut WebDetector, at: usize, stage: Stage) {
    let second = web.second.unwrap_or(0);
    let table = &mut web.connections;
    let entry = &mut table.entries[at];
    entry.stage = stage;
    entry.since = second;
    entry.bytes = 0;
    if !std::mem::replace(&mut entry.is_on_wheel, true) {
        table.wheel[(second as usize + SLOW_SECONDS as usize) % WHEEL].push(at as u32);
    }
}

fn settle(web: &mut WebDetector, at: usize) {
    set_slow(web, at, false);
    web.connections.entries[at].stage = Stage::Settled;
}

fn from_client(web: &mut WebDetector, at: usize, time: Time, packet: &Packet<'_>) {
    let second = web.second.unwrap_or(0);
    let entry = &mut web.connections.entries[at];
    entry.second = second;
    let bytes = packet.payload.len().max(payload_bytes(packet)) as u64;
    entry.bytes = entry.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    if begins_tls(packet.payload) {
        (entry.is_tls, entry.is_greeted) = (true, false);
        return owe(web, at, Stage::Handshake);
    }
    if entry.is_tls {
        return tls_from_client(web, at, packet);
    }
    if begins_request(packet.payload) {
        return begin_request(web, at, time, packet, bytes);
    }
    match entry.stage {
        Stage::Head if packet.payload.windows(4).any(|four| four == b"\r\n\r\n") => settle(web, at),
        // The end of the head may be cut in two.
        Stage::Head if matches!(packet.payload, b"\r\n" | b"\n" | b"\n\r\n") => settle(web, at),
        Stage::Body => {
            entry.owed = entry.owed.saturating_sub(bytes);
            if entry.owed == 0 {
                let held = entry.held.take();
                settle(web, at);
                count_held(web, at, held);
            }
        }
        _ => {}
    }
}

/// Bytes of TCP payload as the IP header says, which a capture may have cut: at least what was captured.
fn payload_bytes(packet: &Packet<'_>) -> usize {
    const HEADERS_BYTES: usize = 60;
    (packet.ip_length_bytes as usize).saturating_sub(HEADERS_BYTES)
}

fn begin_request(web: &mut WebDetector, at: usize, time: Time, packet: &Packet<'_>, bytes: u64) {
    let Some(head) = head(packet.payload) else { return };
    let is_cut = (packet.payload.len() as u64) < bytes;
    let body = head.content_length.unwrap_or(0);
    let there = bytes.saturating_sub(head.bytes as u64);
    if head.is_complete || is_cut {
        settle(web, at);
        if body > there && !is_cut {
            web.connections.entries[at].owed = body - there;
            owe(web, at, Stage::Body);
            return hold(web, at, &head.request(time, Client::Address(packet.source)));
        }
    } else if web.connections.entries[at].stage != Stage::Head {
        owe(web, at, Stage::Head);
    }
    // A head of more than a segment is one by its first; a line or two are a promise.
    if !head.is_complete && !is_cut && bytes < WHOLE_SEGMENT_BYTES {
        return;
    }
    let service = web.connections.entries[at].service;
    let request = head.request(time, Client::Address(packet.source));
    if is_cut && !head.is_complete && !class::is_told_by_its_line(&request) {
        // The capture ends before the page that it came from: that it was asked is all there is.
        return web.note_sealed(service, packet.source, 1);
    }
    web.observe(service, &request);
}

/// Keeps a request until its body is there: who only promises one has asked for nothing yet.
fn hold(web: &mut WebDetector, at: usize, request: &wire::web::Request<'_>) {
    let service = web.connections.entries[at].service;
    let seen = web.look_at(service, request);
    let held = Held { class: seen.class, agent: seen.agent, path: seen.path };
    web.connections.entries[at].held = Some(held);
}

fn count_held(web: &mut WebDetector, at: usize, held: Option<Held>) {
    let Some(Held { class, agent, path }) = held else { return };
    let Entry { service, client, .. } = web.connections.entries[at];
    let seen = Seen { class, client, is_named: false, agent, path };
    web.touch(service);
    web.counters.requests += 1;
    web.services[service as usize].note(&wire::web::Request::default(), &seen, &web.hash);
}

fn tls_from_client(web: &mut WebDetector, at: usize, packet: &Packet<'_>) {
    let entry = &web.connections.entries[at];
    let is_application_data = packet.payload.first() == Some(&23);
    let (service, is_greeted) = (entry.service, entry.is_greeted);
    let asks = if is_greeted { asks_in_tls(packet.payload) } else { 0 };
    let entry = &web.connections.entries[at];
    let is_first = entry.stage == Stage::Handshake;
    // The first record ends the handshake (RFC 8446 section 4.4.4), with or without a request behind it.
    let asks = asks.saturating_sub(u32::from(is_first));
    match entry.stage {
        Stage::Handshake if entry.is_greeted && is_application_data => settle(web, at),
        Stage::Settled if is_application_data && packet.payload.len() <= SMALL_RECORD_BYTES => {
            owe(web, at, Stage::Record);
        }
        _ => {}
    }
    web.connections.entries[at].has_asked |= asks > 0;
    web.note_sealed(service, packet.source, asks);
}

/// Records in a segment that may be requests: by their type and their size.
fn asks_in_tls(payload: &[u8]) -> u32 {
    let (mut rest, mut asks) = (payload, 0);
    // Each record takes five bytes at least, so this ends.
    while let [kind, 3, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        asks += u32::from(*kind == 23 && length >= REQUEST_RECORD_BYTES);
        rest = after.get(length..).unwrap_or_default();
    }
    asks
}

fn from_server(web: &mut WebDetector, at: usize) {
    let second = web.second.unwrap_or(0);
    let entry = &mut web.connections.entries[at];
    entry.second = second;
    entry.is_greeted = true;
    // Whatever the server says to a request, it had enough of it.
    if matches!(entry.stage, Stage::Head | Stage::Body | Stage::Record) {
        settle(web, at);
    }
}

/// Looks at the connections whose time has come.
pub(super) fn close(web: &mut WebDetector, second: u32) {
    let slot = second as usize % WHEEL;
    if web.connections.wheel[slot].is_empty() {
        return;
    }
    let mut due = std::mem::take(&mut web.connections.wheel[slot]);
    for index in due.drain(..) {
        let at = index as usize;
        let entry = &mut web.connections.entries[at];
        let owes = matches!(entry.stage, Stage::Head | Stage::Body | Stage::Handshake | Stage::Record);
        let waits = second.saturating_sub(entry.since);
        let is_silent = second.saturating_sub(entry.second) > SILENT_SECONDS;
        let is_honest = matches!(entry.stage, Stage::Body | Stage::Record)
            && entry.bytes >= waits.saturating_mul(HONEST_BYTES_PER_SECOND);
        if !owes || is_silent {
            entry.is_on_wheel = false;
            if owes {
                leave(web, at);
            }
            continue;
        }
        // A browser that rests may have had the last word; who is slow goes on.
        let rests =
            entry.stage == Stage::Record && entry.second.saturating_sub(entry.since) < GOES_ON_SECONDS;
        let is_slow = waits >= SLOW_SECONDS && !is_honest && !rests;
        let next = if is_slow { 5 } else { SLOW_SECONDS.saturating_sub(waits).clamp(1, WHEEL as u32 - 1) };
        set_slow(web, at, is_slow);
        web.connections.wheel[(second as usize + next as usize) % WHEEL].push(index);
    }
    if web.connections.wheel[slot].is_empty() {
        web.connections.wheel[slot] = due;
    }
}
