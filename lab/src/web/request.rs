//! The requests of sessions, floods and monitors, as a log would have them.

use wire::web::{Cache, Client, Method, Request, Version};
use wire::{Address, Time};

use super::event::{Event, Kind};
use super::traffic::{Running, Seen, Traffic, address, slow_seconds};
use crate::random::mix;

/// A Monday 0:00 UTC, in nanoseconds since 1970: the first second of all traffic.
pub(super) const MONDAY: i64 = 1_777_852_800_000_000_000;
const SECOND: i64 = 1_000_000_000;
/// Mean time of an answer.
const ANSWER_NANOSECONDS: f64 = 30e6;
/// Share of pages that a cache has.
const CACHED: f64 = 0.7;
/// Share of requests that get no answer while a strong flood is on.
const REFUSED: f64 = 0.15;

const NEWS_SITE: &[u8] = b"https://news.example/politics/parliament-decides";
const MONITOR: &[u8] = b"check_http/v2.3.3 (monitoring-plugins 2.3.3)";
const TOOLS: [&[u8]; 4] = [
    b"python-requests/2.31.0",
    b"Go-http-client/1.1",
    b"",
    b"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
];
const LOGINS: [&[u8]; 3] = [b"/login", b"/api/login", b"/wp-login.php"];
const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The time of a nanosecond since the first second; logs in Apache's combined format have whole seconds.
fn stamp(time: i64, is_rich: bool) -> Time {
    Time::from_nanoseconds(MONDAY + if is_rich { time } else { time - time % SECOND })
}

impl Traffic<'_> {
    /// The request of a session.
    pub(super) fn of_session(&mut self, time: i64, running: &Running) -> Seen<'_> {
        let (chance, lasted) = (self.random.unit(), self.random.exponential(ANSWER_NANOSECONDS));
        let is_strained =
            self.services.get(running.service as usize).is_some_and(|service| service.is_strained);
        let refused = is_strained && self.random.unit() < REFUSED;
        let corpus = self.corpus;
        let mut request = Request {
            time: stamp(time, false),
            client: Client::Address(running.client),
            ..Request::default()
        };
        if let Some(entry) = corpus.entries.get(running.entry as usize) {
            request.method = entry.method;
            request.target = corpus.text(entry.target);
            request.version = entry.version;
            request.status = entry.status;
            request.response_bytes = entry.bytes;
            request.referrer = corpus.text(entry.referrer);
            request.agent = corpus.text(entry.agent);
            let of_page =
                if !request.query().is_empty() || chance > CACHED { Cache::Miss } else { Cache::Hit };
            request.cache = if entry.is_asset { Cache::Unknown } else { of_page };
        }
        let kind = running.event.and_then(|event| self.events.get(event as usize)).map(|event| event.kind);
        if running.is_first && kind == Some(Kind::NewsLink) {
            request.referrer = NEWS_SITE;
        }
        if refused {
            request.status = if chance < 0.5 { 503 } else { 499 };
            request.is_aborted = chance >= 0.5;
        }
        self.finished(request, time, running.service, running.event, lasted as i64)
    }

    /// A request of a flood.
    pub(super) fn of_flood(&mut self, time: i64, at: u32) -> Seen<'_> {
        let Some(event) = self.events.get(at as usize).cloned() else {
            return Seen { service: 0, request: Request::default(), event: None };
        };
        let own = mix(u64::from(at) ^ 0x66_6c6f_6f64);
        let member = self.random.below(u64::from(event.clients.max(1)));
        let client = address(mix(own ^ member << 20));
        let refused = event.factor >= 5.0 && self.random.unit() < 2.0 * REFUSED;
        let lasted = match event.kind {
            Kind::Slow => slow_seconds(at) * SECOND,
            _ => self.random.exponential(ANSWER_NANOSECONDS * event.factor.sqrt()) as i64,
        };
        self.write_target(own, &event);
        let agent = self.agent(own);
        let mut request = Request {
            time: stamp(time, false),
            client: Client::Address(client),
            method: if matches!(event.kind, Kind::Login | Kind::Slow) { Method::Post } else { Method::Get },
            version: Version::Http11,
            status: match event.kind {
                _ if refused => 503,
                Kind::Login => 401,
                Kind::Slow => 408,
                _ => 200,
            },
            response_bytes: Some(if event.kind == Kind::Slow { 0 } else { 1_000 + own % 9_000 }),
            is_timed_out: event.kind == Kind::Slow,
            cache: match event.kind {
                Kind::RandomQuery | Kind::RandomSearch => Cache::Miss,
                Kind::FixedPath if own & 1 == 0 => Cache::Hit,
                _ => Cache::Unknown,
            },
            ..Request::default()
        };
        // Borrowed last, since the random stream is used above.
        request.agent =
            agent.map_or(TOOLS[(own >> 8) as usize % TOOLS.len()], |entry| self.corpus.agent(entry));
        self.finished(request, time, event.service, Some(at), lasted)
    }

    /// A request of a monitor.
    pub(super) fn of_monitor(&mut self, time: i64, service: u32, number: u32) -> Seen<'_> {
        let client: Address = address(mix(u64::from(number) ^ 0x6d6f_6e69));
        let lasted = self.random.exponential(ANSWER_NANOSECONDS) as i64;
        let request = Request {
            time: stamp(time, false),
            client: Client::Address(client),
            method: Method::Get,
            target: b"/",
            version: Version::Http11,
            status: 200,
            response_bytes: Some(8_000),
            agent: MONITOR,
            ..Request::default()
        };
        self.finished(request, time, service, None, lasted)
    }

    /// Which entry's agent a request of a flood has: `None` for a tool's.
    fn agent(&mut self, own: u64) -> Option<u32> {
        let entries = self.corpus.entries.len() as u64;
        match (own >> 4) % 3 {
            0 => None,
            1 => Some((mix(own ^ self.random.below(6)) % entries) as u32),
            _ => Some(self.random.below(entries) as u32),
        }
    }

    /// Writes the target of a flood's request into the scratch space.
    fn write_target(&mut self, own: u64, event: &Event) {
        let Self { scratch, random, corpus, .. } = self;
        scratch.clear();
        let mut noise = |scratch: &mut Vec<u8>, low: u64, high: u64| {
            let (count, mut bits) = (random.between(low, high), random.bits());
            for _ in 0..count {
                scratch.push(LETTERS[(bits % 36) as usize]);
                bits /= 36;
            }
        };
        match event.kind {
            Kind::Login => scratch.extend_from_slice(LOGINS[(own >> 16) as usize % LOGINS.len()]),
            Kind::RandomSearch => {
                scratch.extend_from_slice(b"/search?q=");
                noise(scratch, 5, 12);
            }
            Kind::RandomQuery => {
                scratch.extend_from_slice(corpus.page(own));
                scratch.push(b'?');
                noise(scratch, 3, 8);
                scratch.push(b'=');
                noise(scratch, 3, 10);
            }
            _ => scratch.extend_from_slice(corpus.page(own)),
        }
    }

    /// Adds what the service's log has, and takes away what it has not.
    fn finished<'a>(
        &'a self,
        mut request: Request<'a>,
        time: i64,
        service: u32,
        event: Option<u32>,
        lasted: i64,
    ) -> Seen<'a> {
        let is_flood = event
            .and_then(|event| self.events.get(event as usize))
            .is_some_and(|event| event.kind.is_flood());
        if is_flood {
            request.target = &self.scratch;
        }
        match self.services.get(service as usize) {
            Some(log) if log.is_rich => {
                request.time = stamp(time, true);
                request.host = &log.host;
                request.duration_nanoseconds = u64::try_from(lasted).ok();
                request.request_bytes = Some(300 + request.target.len() as u64);
            }
            _ => {
                request.cache = Cache::Unknown;
                request.is_aborted = false;
                request.is_timed_out = request.status == 408;
            }
        }
        Seen { service, request, event }
    }
}
