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
//! Limits: [`CONNECTIONS`] in sets of [`WAYS`](super::wheel::WAYS) under a secret hash, the least recent ones make room; no reassembly.

mod clear;
mod due;
mod life;
mod sealed;

pub(super) use due::close;

use sketch::TableKey;
use wire::web::{Client, head};
use wire::{Packet, TcpFlags, Time};

use super::class::Class;
use super::hello::{Hellos, Print};
use super::shape::{Company, Pace, Paced};
use super::tls::Tls;
use super::wheel::{Place, Wheel};
use super::window::{Opened, Reading};
use super::{WebDetector, quic};
use crate::vector::protocol;
use clear::{from_client, from_server};
use life::{enter, hang_up, leave, look_again, read_window};

/// Connections followed at once.
const CONNECTIONS: usize = 1 << 16;
/// What a client owes has to be there after this long.
const SLOW_SECONDS: u32 = 8;
/// Who has closed the window and takes next to nothing is slow after this long: no network does that.
const CLOSED_SECONDS: u32 = 4;
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
    /// Bytes of the server since the last request inside TLS.
    answered: u32,
    /// There was such a request.
    awaits: bool,
    /// The second in which it was last said of it that its streams are reset.
    reset: u32,
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
    /// Clients that ask at an even pace.
    steady: Company,
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
    /// The tag of each entry, and nought where there is no connection: most packets are looked up here alone, in one line of the
    /// cache, where four entries are many.
    tags: Box<[u32]>,
    /// Ports at which a server of requests was met, a bit each.
    ports: Box<[u64; 1024]>,
    wheel: Wheel<WHEEL>,
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
            entries: Box::default(),
            tags: Box::default(),
            ports,
            wheel: Wheel::default(),
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
        self.slow == 0 && self.wheel.is_empty()
    }

    pub(super) fn begin_again(&mut self) {
        self.entries.fill(Entry::default());
        self.tags.fill(0);
        self.wheel.clear();
        self.opened.clear();
        (self.slow, self.live) = (0, 0);
    }

    fn is_server_port(&self, port: u16) -> bool {
        self.ports[usize::from(port) / 64] >> (port % 64) & 1 != 0
    }

    fn site(&mut self, service: u32) -> &mut Site {
        site(&mut self.sites, service)
    }

    /// The client of a connection asks so many times, inside TLS or in clear text.
    fn pace(&mut self, at: usize, second: u32, asks: u16) -> Paced {
        let Entry { service, client, is_tls, tls, pace, .. } = &mut self.entries[at];
        let pace = if *is_tls { &mut tls.pace } else { pace };
        let sites = &mut self.sites;
        pace.ask(second, asks, || site(sites, *service).steady.join(*client, second, asks))
    }

    /// The place of a connection, and whether it is there.
    fn find(&self, packet: &Packet<'_>, to_server: bool) -> (Place, Option<usize>) {
        let place = Place::of(&self.key, packet, to_server, CONNECTIONS);
        // Before the first connection there is no table.
        let tags = self.tags.get(place.ways()).unwrap_or_default();
        let found = tags.iter().position(|tag| *tag == place.tag).map(|way| place.set + way);
        (place, found)
    }
}

fn site(sites: &mut Vec<Site>, service: u32) -> &mut Site {
    let index = service as usize;
    if index >= sites.len() {
        sites.resize(index + 1, Site::default());
    }
    &mut sites[index]
}

/// Whether a packet can say anything here. Most packets of a flood cannot: of those without payload only the handshakes and
/// acknowledgements at the ports of web servers.
#[inline]
pub(super) fn is_of_interest(packet: &Packet<'_>) -> bool {
    match packet.protocol {
        protocol::TCP => {
            packet.payload_length_bytes() > 0
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
    let (place, found) = table.find(packet, to_server);
    let ends = packet.tcp_flags.0 & (TcpFlags::FIN | TcpFlags::RST) != 0;
    if packet.payload.is_empty() && packet.missing_bytes == 0 && !ends {
        return note_bare(web, (place, found), packet, to_server);
    }
    if let Some(at) = found {
        let has_payload = packet.payload_length_bytes() > 0;
        if to_server && has_payload {
            from_client(web, at, place.hash, time, packet);
        } else if !to_server && has_payload {
            from_server(web, at, milliseconds(time), packet);
        }
        if ends {
            hang_up(web, at, time);
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
fn note_bare(
    web: &mut WebDetector,
    (place, found): (Place, Option<usize>),
    packet: &Packet<'_>,
    to_server: bool,
) {
    let opened = &mut web.connections.opened;
    match (to_server, packet.tcp_flags.0 & (TcpFlags::SYN | TcpFlags::ACK)) {
        (true, TcpFlags::SYN) => {
            opened.ask(place.hash, packet.window_shift());
            if let Some(at) = found {
                // The ports are used again.
                leave(web, at);
            }
        }
        (false, flags) if flags == TcpFlags::SYN | TcpFlags::ACK => opened.answer(place.hash),
        (true, TcpFlags::ACK) => match found {
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
