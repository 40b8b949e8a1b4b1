//! What TCP connections to web servers do: requests in clear text, and connections that never become a request.
//!
//! A connection is followed from the handshake of TCP where that is seen, or from the first thing that its client says, if
//! that begins as an HTTP request or a TLS handshake. It is *slow* when what the client owes is not there [`SLOW_SECONDS`] later:
//! the rest of a head, of an announced body, of a handshake; or, over TLS, when the client goes on sending small records
//! and the server has nothing to answer yet; or when the client does not read (`window`). Whoever sends
//! [`HONEST_BYTES_PER_SECOND`](super::window::HONEST_BYTES_PER_SECOND) of a body is not slow, and neither is a server that has not answered a whole request. It is
//! *held* when its client has asked for nothing for some seconds, unless readers explain it: browsers open one more than
//! they need. What is told from the records of TLS is in `tls` and `shape`.
//!
//! Limits: [`CONNECTIONS`] in sets of [`WAYS`] under a secret hash, the least recent ones make room; no reassembly.

mod sealed;
mod wheel;

pub(super) use wheel::close;

use sketch::TableKey;
use wire::web::{Client, head};
use wire::{Packet, TcpFlags, Time};

use super::class::{self, Class};
use super::hello::{Hellos, Print};
use super::shape::Pace;
use super::tls::Tls;
use super::window::{Opened, Reading};
use super::{Seen, WebDetector, quic};
use crate::vector::protocol;

/// Connections followed at once.
const CONNECTIONS: usize = 1 << 16;
const WAYS: usize = 4;
/// What a client owes has to be there after this long.
const SLOW_SECONDS: u32 = 8;
/// Over TLS the client has to say something so long after it first had no answer.
const GOES_ON_SECONDS: u32 = 4;
/// Who opened a connection has to say something so long after, and to ask for something so long after the handshake.
const HELD_SECONDS: u32 = 4;
/// Connections that readers may hold beside those that they use.
const SPARES_MAXIMUM: u16 = 256;
/// A connection of few requests that lasts no longer is no reader's: browsers keep theirs.
const BRIEF_MILLISECONDS: u32 = 10_000;
/// And it ends so soon after the last answer.
const GONE_MILLISECONDS: u32 = 1_000;
const BRIEF_REQUESTS: u32 = 4;
/// A handshake for nothing ends so soon; later it is a connection that was not needed after all.
const VAIN_MILLISECONDS: u32 = 8_000;
/// Ports at which handshakes are looked at before a server was met there.
const WEB_PORTS: [u16; 4] = [80, 443, 8080, 8443];
/// Nothing is remembered of a connection that was silent for so long.
const SILENT_SECONDS: u32 = 900;
/// What is slow is looked at again after so long.
const LOOK_SECONDS: u32 = 5;
/// Length of the wheel: each connection that owes something is looked at once in so many seconds.
const WHEEL: usize = 16;
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
    /// TCP is open, and the client has said nothing.
    Opened,
    /// TLS is there, and the client has asked for nothing.
    Greeted,
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
    print: Print,
    tls: Tls,
    /// Of requests in clear text.
    pace: Pace,
    reading: Reading,
}

/// What is known of the connections of one service.
#[derive(Clone, Copy, Default)]
struct Site {
    /// Connections that readers may hold and not use.
    spares: u16,
    /// The server is seen to speak.
    speaks: bool,
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
    opened: Opened,
    sites: Vec<Site>,
    pub(super) hellos: Hellos,
    slow: u32,
    pub(super) live: u64,
    pub(super) evicted: u64,
}

impl Connections {
    pub(super) fn new(key: TableKey<5>) -> Self {
        let mut ports = Box::new([0; 1024]);
        WEB_PORTS.iter().for_each(|port| ports[usize::from(*port) / 64] |= 1 << (port % 64));
        Self {
            key,
            entries: Vec::new().into_boxed_slice(),
            ports,
            wheel: Default::default(),
            opened: Opened::default(),
            sites: Vec::new(),
            hellos: Hellos::default(),
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
        self.opened.clear();
        (self.slow, self.live) = (0, 0);
    }

    fn is_server_port(&self, port: u16) -> bool {
        self.ports[usize::from(port) / 64] >> (port % 64) & 1 != 0
    }

    fn site(&mut self, service: u32) -> &mut Site {
        let index = service as usize;
        if index >= self.sites.len() {
            self.sites.resize(index + 1, Site::default());
        }
        &mut self.sites[index]
    }

    /// The place of a connection, and whether it is there.
    fn find(&self, packet: &Packet<'_>, to_server: bool) -> Place {
        let hash = key_of(&self.key, packet, to_server);
        let (set, tag) = ((hash as usize % (CONNECTIONS / WAYS)) * WAYS, (hash >> 32) as u32 | 1);
        let is_it = |at: &usize| {
            let entry = &self.entries[*at];
            entry.tag == tag && !matches!(entry.stage, Stage::Free | Stage::Gone)
        };
        let found = if self.entries.is_empty() { None } else { (set..set + WAYS).find(is_it) };
        Place { hash, set, tag, found }
    }
}

/// Where a connection is or would be.
#[derive(Clone, Copy)]
struct Place {
    hash: u64,
    set: usize,
    tag: u32,
    found: Option<usize>,
}

/// The hash of a connection, the same for both directions.
#[inline]
pub(super) fn key_of(key: &TableKey<5>, packet: &Packet<'_>, to_server: bool) -> u64 {
    let (client, server) = if to_server {
        ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
    } else {
        ((packet.destination, packet.destination_port), (packet.source, packet.source_port))
    };
    let ports = u64::from(client.1) << 16 | u64::from(server.1);
    let halves = |bits: u128| ((bits >> 64) as u64, bits as u64);
    let ((a, b), (c, d)) = (halves(client.0.bits()), halves(server.0.bits()));
    key.hash([ports, a, b, c, d])
}

/// Whether a packet can say anything here. Most packets of a flood cannot: of those without payload only the handshakes and
/// acknowledgements at the ports of web servers.
#[inline]
pub(super) fn is_of_interest(packet: &Packet<'_>) -> bool {
    match packet.protocol {
        protocol::TCP => {
            !packet.payload.is_empty()
                || packet.tcp_flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0
                || WEB_PORTS.contains(&packet.destination_port)
                || (packet.tcp_flags.0 & TcpFlags::SYN != 0 && WEB_PORTS.contains(&packet.source_port))
        }
        protocol::UDP => quic::is_of_interest(packet),
        _ => false,
    }
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
    if packet.protocol == protocol::UDP {
        return quic::note(web, packet);
    }
    let begins = begins_request(packet.payload) || begins_tls(packet.payload);
    let table = &web.connections;
    let to_server = begins || table.is_server_port(packet.destination_port);
    if !to_server && !table.is_server_port(packet.source_port) {
        return;
    }
    let place = table.find(packet, to_server);
    let ends = packet.tcp_flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0;
    if packet.payload.is_empty() && packet.missing_bytes == 0 && !ends {
        return note_bare(web, place, packet, to_server);
    }
    if let Some(at) = place.found {
        let has_payload = packet.payload_length_bytes() > 0;
        if to_server && has_payload {
            from_client(web, at, place.hash, time, packet);
        } else if !to_server && has_payload {
            from_server(web, at, milliseconds(time), packet);
        }
        if ends {
            hang_up(web, at, milliseconds(time));
        }
    } else if begins && !ends {
        let shift = web.connections.opened.complete(place.hash);
        let Some(at) = enter(web, place, packet, shift) else { return };
        from_client(web, at, place.hash, time, packet);
    } else if begins
        && let Some(head) = head(packet.payload)
        && let Some(service) = web.service_at(packet.destination)
    {
        let client = Client::Address(packet.source);
        web.observe(service, &head.request(time, client));
    }
}

/// Milliseconds of a clock that wraps after 49 days: only differences are used.
fn milliseconds(time: Time) -> u32 {
    time.nanoseconds().div_euclid(1_000_000) as u32
}

/// A packet without payload: a step of a handshake, or an acknowledgement with the client's window.
fn note_bare(web: &mut WebDetector, place: Place, packet: &Packet<'_>, to_server: bool) {
    let opened = &mut web.connections.opened;
    match (to_server, packet.tcp_flags.0 & (TcpFlags::SYN | TcpFlags::ACK)) {
        (true, TcpFlags::SYN) => {
            opened.ask(place.hash, packet.window_shift());
            if let Some(at) = place.found {
                // The ports are used again.
                leave(web, at);
            }
        }
        (false, flags) if flags == TcpFlags::SYN | TcpFlags::ACK => opened.answer(place.hash),
        (true, TcpFlags::ACK) => match place.found {
            Some(at) => read_window(web, at, packet),
            None => {
                let Some(shift) = opened.complete(place.hash) else { return };
                let Some(at) = enter(web, place, packet, Some(shift)) else { return };
                web.connections.entries[at].stage = Stage::Opened;
                look_again(web, at, HELD_SECONDS);
            }
        },
        _ => {}
    }
}

/// The client says how much it would take.
fn read_window(web: &mut WebDetector, at: usize, packet: &Packet<'_>) {
    let second = web.second.unwrap_or(0);
    if web.connections.entries[at].reading.window(packet.window, second) {
        look_again(web, at, SLOW_SECONDS);
    }
}

/// Somebody looks at the connection in so many seconds, if nobody does anyway.
fn look_again(web: &mut WebDetector, at: usize, seconds: u32) {
    let second = web.second.unwrap_or(0);
    let table = &mut web.connections;
    if !std::mem::replace(&mut table.entries[at].is_on_wheel, true) {
        table.wheel[(second as usize + seconds as usize) % WHEEL].push(at as u32);
    }
}

/// Makes a place for a connection.
fn enter(web: &mut WebDetector, place: Place, packet: &Packet<'_>, shift: Option<u8>) -> Option<usize> {
    let Place { set, tag, .. } = place;
    let service = web.service_at(packet.destination)?;
    let port = packet.destination_port;
    web.connections.ports[usize::from(port) / 64] |= 1 << (port % 64);
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
            // Who has said something goes last.
            Stage::Opened => 2 + u64::from(entry.second),
            _ => 1 << 40 | u64::from(entry.second),
        }
    };
    let at = (set..set + WAYS).min_by_key(rank).unwrap_or(set);
    if !matches!(table.entries[at].stage, Stage::Free | Stage::Gone) {
        let old = table.entries[at];
        let is_loss = second.saturating_sub(old.second) < SILENT_SECONDS;
        table.evicted += u64::from(is_loss);
        leave(web, at);
        if is_loss {
            web.note_loss(Some(old.service));
        }
    }
    let table = &mut web.connections;
    let is_on_wheel = table.entries[at].is_on_wheel;
    table.entries[at] = Entry {
        tag,
        service,
        client: super::client_bits(packet.source),
        second,
        since: second,
        stage: Stage::Settled,
        is_on_wheel,
        reading: Reading::of(shift),
        ..Entry::default()
    };
    table.live += 1;
    web.services[service as usize].has_connections = true;
    Some(at)
}

/// A side ends the connection. What it was good for counts: a handshake that led to nothing, a request or two and gone.
fn hang_up(web: &mut WebDetector, at: usize, now: u32) {
    let entry = &mut web.connections.entries[at];
    let (service, lasted) = (entry.service, now.wrapping_sub(entry.tls.begun));
    let is_vain = entry.is_tls && !entry.has_asked && !entry.tls.is_refused && lasted <= VAIN_MILLISECONDS;
    let is_gone = now.wrapping_sub(entry.tls.answered) <= GONE_MILLISECONDS;
    let is_brief = is_gone && lasted <= BRIEF_MILLISECONDS && (1..=BRIEF_REQUESTS).contains(&entry.tls.asks);
    let is_brief = entry.is_tls && is_brief && !entry.tls.batches.is_resetting;
    if is_vain && web.connections.site(service).speaks {
        count(web, at, Class::Hello, 1);
    } else if is_brief {
        count(web, at, Class::Brief, 1);
    }
    leave(web, at);
}

/// Counts so many of a class for the client of a connection.
fn count(web: &mut WebDetector, at: usize, class: Class, times: u32) {
    let Entry { service, client, print, .. } = web.connections.entries[at];
    for _ in 0..times {
        web.note_sealed(service, class, client, print);
    }
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
    let entry = &mut web.connections.entries[at];
    entry.stage = stage;
    entry.since = web.second.unwrap_or(0);
    entry.bytes = 0;
    look_again(web, at, SLOW_SECONDS);
}

fn settle(web: &mut WebDetector, at: usize) {
    let entry = &mut web.connections.entries[at];
    entry.stage = Stage::Settled;
    if !entry.reading.is_watched() {
        set_slow(web, at, false);
    }
}

fn from_client(web: &mut WebDetector, at: usize, hash: u64, time: Time, packet: &Packet<'_>) {
    read_window(web, at, packet);
    let second = web.second.unwrap_or(0);
    let entry = &mut web.connections.entries[at];
    entry.second = second;
    let bytes = u64::from(packet.payload_length_bytes());
    entry.bytes = entry.bytes.saturating_add(packet.payload_length_bytes());
    if begins_tls(packet.payload) && !entry.is_tls {
        let hello = web.connections.hellos.begin(hash, packet);
        let entry = &mut web.connections.entries[at];
        (entry.is_tls, entry.is_greeted) = (true, false);
        entry.tls = Tls::begin(milliseconds(time), hello.is_none_or(|hello| hello.offers_http2));
        entry.print = hello.unwrap_or_default().print;
        return owe(web, at, Stage::Handshake);
    }
    if entry.is_tls {
        if entry.stage == Stage::Handshake
            && !entry.is_greeted
            && let Some(hello) = web.connections.hellos.go_on(hash, packet)
        {
            let entry = &mut web.connections.entries[at];
            entry.print = hello.print;
            entry.tls = Tls::begin(entry.tls.begun, hello.offers_http2);
        }
        return sealed::from_client(web, at, time, packet);
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
        return count(web, at, Class::Sealed, 1);
    }
    let second = web.second.unwrap_or(0);
    let paced = web.connections.entries[at].pace.ask(second, 1);
    web.observe_paced(service, &request, paced.is_steady);
    count(web, at, Class::Steady, paced.before);
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

fn from_server(web: &mut WebDetector, at: usize, now: u32, packet: &Packet<'_>) {
    let second = web.second.unwrap_or(0);
    let entry = &mut web.connections.entries[at];
    entry.second = second;
    if entry.is_tls {
        entry.tls.answer(now, packet, !entry.is_greeted);
    } else {
        entry.pace.answer(packet.payload_length_bytes());
    }
    entry.is_greeted = true;
    entry.reading.answer(packet.payload_length_bytes());
    let (stage, service) = (entry.stage, entry.service);
    web.connections.site(service).speaks = true;
    // Whatever the server says to a request, it had enough of it.
    if matches!(stage, Stage::Head | Stage::Body | Stage::Record) {
        settle(web, at);
    }
}
