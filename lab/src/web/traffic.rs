//! Weeks of requests of several services in order of time, as cheap as they can be made: an iterator that lends.
//!
//! Sessions of the [`Corpus`] begin at the rate that [`super::rate`] gives and are replayed with new clients: a page, at once what
//! it needs, time to read, the next page. Some clients are the addresses of mobile networks, some come again, most are new.
//! Each service has monitors. Events add sessions (surges) or requests (floods).
//!
//! Every second has a bucket in a ring; what falls into the present second is in a heap. Sessions keep one place in either.
//!
//! Limits: an ordinary reader's next page comes within [`RING_SECONDS`]. Services do not share readers. Half of the services log
//! what Apache's combined format has, in whole seconds, so that times of different services go back by up to a second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use wire::Address;
use wire::web::Request;

use super::corpus::Corpus;
use super::event::{Event, Kind, Wanted, plan};
use super::rate::{Rate, Week};
use crate::random::{Random, mix};

/// Seconds that anything lies ahead at most.
const RING_SECONDS: i64 = 2_048;
/// Longest time between two requests of a session.
const MOST_GAP_SECONDS: f64 = 1_800.0;
/// Seconds between two requests of a monitor.
const MONITOR_SECONDS: i64 = 60;
const SECOND: i64 = 1_000_000_000;
/// Addresses of mobile networks, for each service.
const NETWORKS: u64 = 4;
/// Readers who come again, for each service.
const KNOWN_READERS: f64 = 20_000.0;

/// What kind of traffic is made.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) services: u32,
    pub(crate) seconds: i64,
    /// Mean requests a second of the smallest and of the busiest service; between them in equal steps of their logarithm.
    pub(crate) rates: (f64, f64),
    /// Coefficient of variation of a minute's rate.
    pub(crate) variation: f64,
    /// Rises in demand that are no event, for each day and service.
    pub(crate) rises: f64,
    pub(crate) monitors: u32,
    /// Seconds before the first event.
    pub(crate) quiet: i64,
    pub(crate) floods: usize,
    pub(crate) surges: usize,
    pub(crate) seed: u64,
}

/// One request, where it went, and what it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) service: u32,
    pub(crate) request: Request<'a>,
    /// Place of the event among [`Traffic::events`].
    pub(crate) event: Option<u32>,
}

/// Something that happens at a time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Item {
    /// Nanoseconds since the first second.
    time: i64,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum What {
    Session(u32),
    Flood(u32),
    Monitor(u32),
}

/// A session that is replayed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) entry: u32,
    left: u32,
    pub(super) service: u32,
    pub(super) event: Option<u32>,
    pub(super) client: Address,
    is_robot: bool,
    /// Whether this is its first request.
    pub(super) is_first: bool,
}

/// A service while traffic is made.
#[derive(Debug)]
pub(super) struct Service {
    rate: Rate,
    /// Its events, in order of time.
    events: std::ops::Range<u32>,
    /// Whether a strong flood is on.
    pub(super) is_strained: bool,
    pub(super) host: Vec<u8>,
    /// Whether its log says more than Apache's combined format.
    pub(super) is_rich: bool,
}

/// The generator.
pub(crate) struct Traffic<'c> {
    pub(super) corpus: &'c Corpus,
    week: Week,
    settings: Settings,
    pub(super) services: Vec<Service>,
    pub(super) events: Vec<Event>,
    sessions: Vec<Running>,
    free: Vec<u32>,
    ring: Vec<Vec<Item>>,
    heap: BinaryHeap<Reverse<Item>>,
    /// The second after the one that is told.
    second: i64,
    pub(super) random: Random,
    pub(super) scratch: Vec<u8>,
}

impl<'c> Traffic<'c> {
    /// Traffic with the hours of the week.
    pub(crate) fn new(corpus: &'c Corpus, settings: &Settings) -> Self {
        Self::with(corpus, settings, Week::new())
    }

    /// Traffic with given shares of the hours.
    pub(super) fn with(corpus: &'c Corpus, settings: &Settings, week: Week) -> Self {
        let mut events = Vec::new();
        let (least, most) = settings.rates;
        let mut services = Vec::new();
        for number in 0..settings.services {
            let place = f64::from(number) / f64::from(settings.services.max(2) - 1);
            let mean = least * (most / least).powf(place);
            let name = |what: &str| Random::named(settings.seed, &format!("{what} {number}"));
            let rate = Rate::new(mean, settings.variation, settings.rises, name("rate"));
            let wanted = Wanted {
                quiet: settings.quiet,
                span: settings.seconds,
                floods: settings.floods,
                surges: settings.surges,
            };
            let begin = events.len() as u32;
            events.extend(plan(number, &wanted, &mut name("plan"), |second| rate.expected(&week, second)));
            let (events, host) = (begin..events.len() as u32, format!("service-{number}.parliament.example"));
            let is_rich = !number.is_multiple_of(2);
            services.push(Service { rate, events, is_strained: false, host: host.into_bytes(), is_rich });
        }
        let mut traffic = Self {
            corpus,
            week,
            settings: settings.clone(),
            services,
            events,
            sessions: Vec::new(),
            free: Vec::new(),
            ring: vec![Vec::new(); RING_SECONDS as usize],
            heap: BinaryHeap::new(),
            second: 0,
            random: Random::named(settings.seed, "traffic"),
            scratch: Vec::new(),
        };
        for number in 0..settings.monitors * settings.services {
            let time = traffic.random.below((MONITOR_SECONDS * SECOND) as u64) as i64;
            traffic.schedule(Item { time, what: What::Monitor(number) });
        }
        traffic
    }

    /// What is inserted: the truth.
    pub(crate) fn events(&self) -> &[Event] {
        &self.events
    }

    /// One more event on the only service.
    #[cfg(test)]
    pub(super) fn insert(&mut self, event: Event) {
        self.events.push(event);
        if let Some(service) = self.services.first_mut() {
            service.events.end = self.events.len() as u32;
        }
    }

    /// The next request; `None` at the end.
    pub(crate) fn next(&mut self) -> Option<Seen<'_>> {
        let item = loop {
            if let Some(Reverse(item)) = self.heap.pop() {
                break item;
            }
            if self.second >= self.settings.seconds {
                return None;
            }
            self.begin_second();
        };
        Some(match item.what {
            What::Session(place) => {
                let running = self.step(place, item.time);
                self.of_session(item.time, &running)
            }
            What::Flood(event) => self.of_flood(item.time, event),
            What::Monitor(number) => {
                self.schedule(Item { time: item.time + MONITOR_SECONDS * SECOND, ..item });
                let service = number % self.settings.services.max(1);
                self.of_monitor(item.time, service, number)
            }
        })
    }

    /// Fills the heap with what happens in the next second.
    fn begin_second(&mut self) {
        let second = self.second;
        self.second += 1;
        let bucket = (second % RING_SECONDS) as usize;
        if let Some(bucket) = self.ring.get_mut(bucket) {
            self.heap.extend(bucket.drain(..).map(Reverse));
        }
        for place in 0..self.services.len() {
            let week = &self.week;
            let Some(service) = self.services.get_mut(place) else { continue };
            let rate = service.rate.next(week, second);
            let expected = service.rate.expected(week, second);
            let events = service.events.clone();
            let count = self.random.poisson(rate / self.corpus.mean_requests());
            for _ in 0..count {
                let session = self.random.below(self.corpus.sessions.len() as u64) as u32;
                self.begin_session(place as u32, session, None, second);
            }
            self.step_events(place, events, expected, second);
        }
    }

    /// What the events of a service add in a second.
    fn step_events(&mut self, place: usize, mut events: std::ops::Range<u32>, expected: f64, second: i64) {
        let mut is_strained = false;
        while let Some(at) = events.next() {
            let Some(event) = self.events.get(at as usize) else { break };
            if event.start > second {
                break;
            }
            if event.end <= second {
                // Over for good.
                if let Some(service) = self.services.get_mut(place) {
                    service.events.start = events.start;
                }
                continue;
            }
            let (added, kind) = (event.added(second) * expected, event.kind);
            is_strained |= kind.is_flood() && event.factor >= 5.0 && added > 0.0;
            if kind.is_flood() {
                self.flood_second(at, kind, added, second);
            } else {
                self.surge_second(place as u32, at, added, second);
            }
        }
        if let Some(service) = self.services.get_mut(place) {
            service.is_strained = is_strained;
        }
    }

    fn flood_second(&mut self, event: u32, kind: Kind, rate: f64, second: i64) {
        for _ in 0..self.random.poisson(rate) {
            let within = self.random.below(SECOND as u64) as i64;
            // A log tells of a request when it is over.
            let lasts = if kind == Kind::Slow { slow_seconds(event) * SECOND } else { 0 };
            self.schedule(Item { time: second * SECOND + within + lasts, what: What::Flood(event) });
        }
    }

    fn surge_second(&mut self, service: u32, event: u32, rate: f64, second: i64) {
        let whole = &self.corpus.whole;
        let landing = whole.get(mix(u64::from(event)) as usize % whole.len().max(1)).copied();
        let is_news = self.events.get(event as usize).is_some_and(|event| event.kind == Kind::NewsLink);
        let of = |place: u32| {
            self.corpus.sessions.get(place as usize).map_or(1.0, |session| f64::from(session.requests))
        };
        let requests = if is_news { landing.map_or(1.0, of) } else { self.corpus.mean_whole_requests() };
        for _ in 0..self.random.poisson(rate / requests) {
            let session = if is_news { landing } else { self.random.pick(whole) };
            if let Some(session) = session {
                self.begin_session(service, session, Some(event), second);
            }
        }
    }

    fn begin_session(&mut self, service: u32, session: u32, event: Option<u32>, second: i64) {
        let Some(session) = self.corpus.sessions.get(session as usize).copied() else { return };
        let client = if event.is_some() {
            address(self.random.bits())
        } else {
            self.client(service, session.first, session.is_robot)
        };
        let running = Running {
            entry: session.first,
            left: session.requests,
            service,
            event,
            client,
            is_robot: session.is_robot,
            is_first: true,
        };
        let place = self.free.pop().unwrap_or(self.sessions.len() as u32);
        match self.sessions.get_mut(place as usize) {
            Some(session) => *session = running,
            None => self.sessions.push(running),
        }
        let within = self.random.below(SECOND as u64) as i64;
        self.schedule(Item { time: second * SECOND + within, what: What::Session(place) });
    }

    /// Who an ordinary session is from.
    fn client(&mut self, service: u32, entry: u32, is_robot: bool) -> Address {
        let own = mix(self.settings.seed ^ u64::from(service) << 40);
        let kind = self.random.unit();
        if is_robot {
            // A robot has the few addresses of its operator.
            let agent = self.corpus.entries.get(entry as usize).map_or(0, |entry| entry.agent.key());
            return address(mix(own ^ u64::from(agent) << 8 ^ self.random.below(3)));
        }
        if kind < 0.08 {
            return address(mix(own ^ 1 << 60 ^ self.random.below(NETWORKS)));
        }
        if kind < 0.5 {
            return address(mix(own ^ 1 << 61 ^ self.random.pareto(1.0, KNOWN_READERS, 0.6) as u64));
        }
        address(self.random.bits())
    }

    /// The present request of a session; its next one gets its time.
    fn step(&mut self, place: u32, time: i64) -> Running {
        let Some(session) = self.sessions.get_mut(place as usize) else { return Running::nobody() };
        let now = *session;
        session.left = session.left.saturating_sub(1);
        session.entry += 1;
        session.is_first = false;
        if session.left == 0 {
            self.free.push(place);
            return now;
        }
        let is_asset = self.corpus.entries.get(now.entry as usize + 1).is_some_and(|entry| entry.is_asset);
        let seconds = if is_asset {
            self.random.exponential(0.15)
        } else if now.is_robot {
            self.random.exponential(4.0)
        } else {
            (15.0 * self.random.normal().exp()).min(MOST_GAP_SECONDS)
        };
        self.schedule(Item { time: time + (seconds * 1e9) as i64, what: What::Session(place) });
        now
    }

    fn schedule(&mut self, item: Item) {
        let second = (item.time / SECOND).min(self.second + RING_SECONDS - 2);
        if second < self.second {
            self.heap.push(Reverse(item));
        } else if let Some(bucket) = self.ring.get_mut((second % RING_SECONDS) as usize) {
            bucket.push(item);
        }
    }
}

impl Running {
    const fn nobody() -> Self {
        let client = Address::from_bits(0);
        Self { entry: 0, left: 0, service: 0, event: None, client, is_robot: false, is_first: false }
    }
}

/// How long the requests of a slow flood take.
pub(super) const fn slow_seconds(event: u32) -> i64 {
    15 + (mix(event as u64) % 45) as i64
}

/// An address of the internet: a quarter are IPv6.
pub(super) const fn address(bits: u64) -> Address {
    if bits.trailing_zeros() >= 2 {
        return Address::from_bits(0x2a02 << 112 | (bits as u128 >> 16) << 64 | (mix(bits) & 0xffff) as u128);
    }
    let [a, b, c, d, ..] = bits.to_be_bytes();
    // No private or special networks among them.
    let first = match a % 200 + 11 {
        127 | 169 | 172 | 192 | 198 | 203 => 80,
        first => first,
    };
    Address::from_ipv4([first, b, c, d])
}
