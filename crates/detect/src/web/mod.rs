//! The web layer: requests to floods and surges.
//!
//! [`WebDetector`] takes requests, from access logs and from packets in clear text ([`wire::web::Request`]), and what TCP
//! connections to servers do ([`WebDetector::packet`]). It is as pure as the network layer: time comes with the
//! records, steps are seconds, the same records give the same events.
//!
//! How a flood is told from a crowd: each request is of one `class`, and each class is compared with what the
//! other classes say of the size of the crowd (`usual`). Readers load pages with what belongs to them, so a crowd
//! multiplies all classes alike and is a *surge*; a tool multiplies one. Some classes need no comparison: clients that
//! change their agent as they go (`clients`) or come back for the same again and again (`looped`), queries that nobody asked before, connections that never become a
//! request (`connections`).
//!
//! Limits, each with a counter: [`MAXIMUM_SERVICES`], [`MAXIMUM_WATCHED`] under a closer look, a fixed number of clients
//! and connections. A flood by browsers under remote control that load whole pages is a crowd here. Over TLS and QUIC only
//! the shape of a connection is seen (`shape`, `tls`, `window`, `quic`).

mod calendar;
mod class;
mod clients;
mod connections;
mod flood;
mod hello;
mod hours;
mod learnt;
mod looped;
mod meter;
mod named;
mod quic;
mod reason;
mod record;
mod rhythm;
mod seconds;
mod service;
mod shape;
mod slow;
mod surge;
mod tls;
mod usual;
mod watch;
mod wheel;
mod window;

use hashbrown::HashMap;
use sketch::{KeyedState, TableKey, TextKey};
use wire::web::{Client, Request, Version};
use wire::{Address, Packet, Time};

pub use learnt::{LearntError, LearntKind, LearntWeb};

use crate::campaign::Campaigns;
use crate::event::Event;
use calendar::Calendar;
use class::Class;
use clients::{Asked, Clients, Manner};
use connections::Connections;
use meter::Meter;
use quic::Quic;
use service::Service;

/// Services that are told apart; requests to further ones are counted and left out.
pub const MAXIMUM_SERVICES: usize = 4_096;
/// Services under a closer look at once.
pub const MAXIMUM_WATCHED: usize = 256;
/// Floods that are clear before a second is over are told at the end of a quarter of it.
const QUARTER_NANOSECONDS: i64 = 250_000_000;
/// Figures of a service are lower bounds for so long after a loss.
const LOSS_SECONDS: u32 = 60;

/// What was found out about a request when it came.
pub(crate) struct Seen {
    pub(crate) class: Class,
    /// The client's address, or the hash of its name.
    pub(crate) client: u128,
    pub(crate) is_named: bool,
    pub(crate) agent: u64,
    pub(crate) path: u64,
}

/// What is known of the connection that a request came over.
#[derive(Clone, Copy, Default)]
struct Link {
    /// It is asked over at a steady pace.
    is_steady: bool,
    /// What is answered over it is no page.
    is_small: bool,
}

/// What was counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WebCounters {
    /// Requests taken.
    pub requests: u64,
    /// Requests that came too late for their second.
    pub late: u64,
    /// Times that the clock was taken to have been set back.
    pub clock_resets: u64,
    /// Services that are told apart.
    pub services: u64,
    /// Services that there was no room for.
    pub services_refused: u64,
    /// Clients that made room while they were still counted.
    pub clients_evicted: u64,
    /// Connections that are followed.
    pub connections: u64,
    /// Connections that made room for others before they ended.
    pub connections_evicted: u64,
    /// TLS clients whose ClientHello gave a fingerprint.
    pub fingerprints: u64,
    /// ClientHellos that gave none: cut by the capture, in pieces out of order, or too long.
    pub hellos_unread: u64,
    /// Floods begun.
    pub floods: u64,
    /// Surges begun.
    pub surges: u64,
    /// Campaigns found: floods on several targets by the same sources.
    pub campaigns: u64,
    /// Floods that were not compared with all others of their time, since there were too many.
    pub campaign_floods_left_out: u64,
    /// Seconds whose figures made room before they were taken.
    pub metered_seconds_lost: u64,
}

/// Finds floods and surges in requests.
pub struct WebDetector {
    key: [u8; 16],
    hash: KeyedState,
    /// Of agents, paths, queries and referrers: whoever asks chooses them.
    texts: TextKey,
    services: Vec<Service>,
    by_name: HashMap<Box<[u8]>, u32, KeyedState>,
    by_address: HashMap<Address, u32, KeyedState>,
    /// Connections to any address are looked at, and not only those to declared services.
    watches_all: bool,
    clients: Clients,
    connections: Connections,
    quic: Quic,
    /// Services with something in the running second.
    touched: Vec<u32>,
    is_touched: Vec<bool>,
    restless: Vec<u32>,
    second: Option<u32>,
    /// Quarters of the running second that were looked at.
    quarter: u32,
    late_in_a_row: u32,
    calendar: Calendar,
    campaigns: Campaigns,
    events: Vec<Event>,
    /// Unless nobody wants to know.
    metered: Option<Meter>,
    counters: WebCounters,
}

/// A time in quarters of a second, wrapping.
fn quarter_of(time: Time) -> u32 {
    time.nanoseconds().div_euclid(QUARTER_NANOSECONDS) as u32
}

/// Who is counted as one client: an IPv4 address, or an IPv6 /64.
fn client_bits(address: Address) -> u128 {
    if address.is_ipv4() { address.bits() } else { address.bits() >> 64 << 64 }
}

impl WebDetector {
    /// A detector under a secret key. The same key and records give the same events.
    pub fn new(key: [u8; 16]) -> Self {
        let hash = KeyedState::new(key);
        Self {
            key,
            hash,
            texts: TextKey::new(&hash, u64::from_le_bytes(*b"webtexts")),
            services: Vec::new(),
            by_name: HashMap::with_hasher(hash),
            by_address: HashMap::with_hasher(hash),
            watches_all: true,
            clients: Clients::new(TableKey::new(&hash, u64::from_le_bytes(*b"webclien"))),
            connections: Connections::new(TableKey::new(&hash, u64::from_le_bytes(*b"webconns"))),
            quic: Quic::new(TableKey::new(&hash, u64::from_le_bytes(*b"webquics"))),
            touched: Vec::new(),
            is_touched: Vec::new(),
            restless: Vec::new(),
            second: None,
            quarter: 0,
            late_in_a_row: 0,
            calendar: Calendar::default(),
            campaigns: Campaigns::default(),
            events: Vec::new(),
            metered: None,
            counters: WebCounters::default(),
        }
    }

    /// Takes one request to a service. Its client is the one to be counted: whoever is behind a trusted proxy.
    pub fn observe(&mut self, service: u32, request: &Request<'_>) {
        self.observe_on(service, request, Link::default());
    }

    /// The same for a request on a connection of which more is known.
    fn observe_on(&mut self, service: u32, request: &Request<'_>, link: Link) {
        if !self.clock(request.time) || service as usize >= self.services.len() {
            return;
        }
        self.counters.requests += 1;
        let mut seen = self.look_at(service, request, link);
        if link.is_steady && seen.class.is_by_choice() {
            seen.class = Class::Steady;
        }
        self.touch(service);
        self.services[service as usize].note(request, &seen, (&self.hash, &self.texts));
    }

    fn look_at(&mut self, service: u32, request: &Request<'_>, link: Link) -> Seen {
        let (client, is_named) = match request.client {
            Client::Address(address) => (client_bits(address), false),
            Client::Name(name) => (u128::from(self.texts.hash(name)), true),
        };
        let (path_text, query) = request.path_and_query();
        let (agent, path) = (self.texts.hash(request.agent), self.texts.hash(path_text));
        let mut class = class::of_parts(request, (path_text, query));
        if class == Class::QueryNovel {
            let asked = self.texts.hash(request.target);
            if !self.services[service as usize].is_novel(asked) {
                class = Class::QueryKnown;
            }
        }
        let second = self.second.unwrap_or(0);
        let is_for_news = class.is_by_choice() && (link.is_small || looped::is_for_news(request, path_text));
        let page = (!is_for_news && looped::is_for_a_page(request, class)).then_some(path);
        let quarter = quarter_of(request.time);
        let asked = Asked { service, client, agent, second, quarter, page, is_for_news, is_kept: false };
        let (manner, is_new_reader) = self.clients.note(&asked, class == Class::Asset);
        self.services[service as usize].note_reader(is_new_reader);
        if class.is_by_choice() || (manner == Manner::Even && class == Class::Asset) {
            class = match manner {
                Manner::Ordinary => class,
                Manner::Switching => Class::Tool,
                Manner::Fast => Class::Paced,
                Manner::Looping(seen) => self.note_looping(service, seen),
                Manner::Polling => Class::Polled,
                Manner::Even => Class::Steady,
            };
        }
        Seen { class, client, is_named, agent, path }
    }

    /// A client asks for the same again.
    fn note_looping(&mut self, service: u32, seen: looped::Seen) -> Class {
        let second = self.second.unwrap_or(0);
        let service = &mut self.services[service as usize];
        service.swarm.note(seen.told, second);
        // What came before counts once, and in no evidence: it is known as a number only.
        let count = &mut service.counts[Class::Looped as usize];
        *count = count.saturating_add(seen.before);
        Class::Looped
    }

    /// The capture left out a part of a packet in which there may have been more to count.
    fn note_cut(&mut self, service: u32) {
        let until = self.second.unwrap_or(0).saturating_add(LOSS_SECONDS);
        self.services[service as usize].cut_until = until;
    }

    /// Counts something inside TLS, of which only the class and the client are known.
    fn note_sealed(&mut self, service: u32, class: Class, client: u128, print: hello::Print) {
        let print = self.connections.hellos.text(print);
        let fingerprint = print.as_ref().map_or(&[][..], |print| print.as_bytes());
        // Only streams of HTTP/2 and 3 can be given up alone.
        let version = if class == Class::Aborted { Version::Http2 } else { Version::Unknown };
        let seen = Seen { class, client, is_named: false, agent: 0, path: 0 };
        self.touch(service);
        let request = Request { fingerprint, version, ..Request::default() };
        self.services[service as usize].note(&request, &seen, (&self.hash, &self.texts));
    }

    /// Counts something of a client of which only the class is known.
    fn note_class(&mut self, service: u32, class: Class, client: u128) {
        self.note_sealed(service, class, client, hello::Print::default());
    }

    /// Whether [`WebDetector::packet`] would look at a packet at all: most are passed over by what this says, before anybody
    /// has to wait for the detector.
    #[inline]
    pub fn is_of_interest(packet: &Packet<'_>) -> bool {
        connections::is_of_interest(packet)
    }

    /// The beginning of the running second; `None` before anything came.
    pub fn now(&self) -> Option<Time> {
        self.second.map(|second| Time::from_seconds(i64::from(second), 0))
    }

    /// Takes a packet of the mirror: connections to servers, and requests in clear text.
    #[inline]
    pub fn packet(&mut self, time: Time, packet: &Packet<'_>) {
        if connections::is_of_interest(packet) && self.clock(time) {
            connections::note(self, time, packet);
        }
    }

    /// Something of what was sent to a service was lost before it came here.
    pub fn note_loss(&mut self, service: Option<u32>) {
        let until = self.second.unwrap_or(0).saturating_add(LOSS_SECONDS);
        match service {
            Some(service) => {
                if let Some(service) = self.services.get_mut(service as usize) {
                    service.lost_until = until;
                }
            }
            None => self.services.iter_mut().for_each(|service| service.lost_until = until),
        }
    }

    /// Closes every second before `now`, as if a request had come then.
    pub fn advance(&mut self, now: Time) {
        // Only records end a part of a second, so that a clock beside them changes nothing of what they say.
        self.clock(Time::from_seconds(now.nanoseconds().div_euclid(1_000_000_000), 0));
    }

    /// Closes the running second and ends what goes on. The detector can be used further.
    pub fn finish(&mut self) {
        let Some(second) = self.second else { return };
        self.close(second);
        self.end_all(second, "end_of_input");
    }

    /// The events since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// From now on it is counted how much each service is asked for.
    pub fn meter(&mut self) {
        self.metered.get_or_insert_default();
    }

    /// What came in the oldest second that is over and was not taken: the second, and the names of services with their requests.
    /// None unless [`WebDetector::meter`] was called.
    pub fn take_metered(&mut self) -> Option<(u32, Vec<(String, u64)>)> {
        let metered = self.metered.as_mut()?.take()?;
        let name = |index: u32| self.services.get(index as usize).map(|service| service.target.name.clone());
        let named =
            metered.services.into_iter().filter_map(|(index, requests)| Some((name(index)?, requests)));
        Some((metered.second, named.collect()))
    }

    /// Whether there are events to take.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What was counted so far.
    pub fn counters(&self) -> WebCounters {
        WebCounters {
            clients_evicted: self.clients.evicted,
            connections: self.connections.live,
            connections_evicted: self.connections.evicted + self.quic.evicted,
            fingerprints: self.connections.hellos.read,
            hellos_unread: self.connections.hellos.unread,
            campaigns: self.campaigns.found,
            campaign_floods_left_out: self.campaigns.left_out,
            metered_seconds_lost: self.metered.as_ref().map_or(0, |meter| meter.lost),
            ..self.counters
        }
    }

    fn touch(&mut self, service: u32) {
        if let Some(is_touched) = self.is_touched.get_mut(service as usize)
            && !std::mem::replace(is_touched, true)
        {
            self.touched.push(service);
        }
    }
}
