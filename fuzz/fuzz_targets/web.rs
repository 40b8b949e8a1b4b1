//! Any requests, packets and times at the web layer: no panic, memory within its limits, every flood and surge begins,
//! goes on and ends in this order, every line keeps the contract, and a silence ends whatever there was.
#![no_main]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cpu_time::ThreadTime;
use detect::web::{MAXIMUM_SERVICES, WebDetector};
use detect::{Event, FloodEvent, Phase};
use institution::Institution;
use wire::web::{Client, Method, Request, Version};
use wire::{Address, Packet, TcpFlags, Time};

const KEY: [u8; 16] = *b"fuzz of the web!";
const INSTITUTION: &str = r#"
[institution]
name = "Fuzz"
[zone.public]
prefixes = ["192.0.2.0/24"]
exposure = "internet"
[service.web]
zone = "public"
addresses = ["192.0.2.1", "192.0.2.2"]
[service.mail]
zone = "public"
addresses = ["192.0.2.3"]
"#;
/// Connections that are followed at once: what the detector says of its own table.
const CONNECTIONS_MAXIMUM: u64 = 1 << 16;
/// No input does more: what is to be found needs few steps, and time is bounded per step.
const STEPS_MAXIMUM: usize = 400;
const STEP_BYTES: usize = 8;
/// Worst time of one step with the two minutes that it can close, times ten for the sanitizer.
const WORST_SECONDS_PER_STEP: f64 = 0.02;
/// How often one step is done; the last is enough for a clock to be taken to have been set back.
const REPEATS: [u32; 8] = [1, 1, 2, 8, 30, 64, 200, 1_100];
/// More repeats than this in one input are done once: time is for other inputs.
const REPEATS_MAXIMUM: u32 = 20_000;
/// A silence after which nothing is remembered of a connection.
const SILENCE_SECONDS: i64 = 7_200;
const LAST_SECOND: i64 = u32::MAX as i64;
const TARGETS: [&[u8]; 10] = [
    b"/",
    b"/app.js",
    b"/agenda?page=2",
    b"/search?q=",
    b"/wp-login.php",
    b"/login",
    b"*",
    b"",
    b"\xff\x00/..%00?\x1b[31m",
    b"http://www.example.org/votes",
];
const HEADS: [&[u8]; 16] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /slow HTTP/1.1\r\nHost: a\r\nX-a: ",
    b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n",
    b"POST /form HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"\r\n\r\n",
    b"X-b: c\r\n",
    b"\x16\x03\x01\x00\x06\x01\x00\x00\x02\x03\x03",
    b"\x16\x03\x03\x00\x04\x02\x00\x00\x00",
    b"\x17\x03\x03\x00\x10aaaaaaaaaaaaaaaa",
    b"\x17\x03\x03\x00\x2d0123456789012345678901234567890123456789abcde\x17\x03\x03\x00\xff",
    b"\x15\x03\x03\x00\x02\x02\x28",
    b"",
    b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x35",
    // QUIC: a first packet, and what comes when the handshake is over.
    b"\xc3\x00\x00\x00\x01\x08abcdefgh\x00\x00\x44\xd0",
    b"\x4fabcdefgh",
];

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let started = ThreadTime::now();
    let (mut run, found) = Run::of(first, rest);
    // Every fourth input twice: the same key and records give the same events.
    if first & 6 == 6 {
        assert_eq!(found, Run::of(first, rest).1, "one input, one result");
    }
    run.silence();
    let limit = 1.0 + WORST_SECONDS_PER_STEP * run.steps as f64;
    let took = started.elapsed().as_secs_f64();
    assert!(took < limit, "{} steps took {took} s", run.steps);
});

/// What goes on: its phase order, its target, whether it is a surge, the time of its last line.
struct Alive {
    name: String,
    is_surge: bool,
    time: Time,
}

struct Run {
    detector: WebDetector,
    services: Vec<u32>,
    now: i64,
    latest: i64,
    repeats: u32,
    steps: usize,
    alive: BTreeMap<String, Alive>,
    floods: u64,
    surges: u64,
    told: Vec<String>,
}

impl Run {
    fn of(first: u8, mut rest: &[u8]) -> (Self, Vec<String>) {
        static PARSED: LazyLock<Institution> =
            LazyLock::new(|| institution::parse("fuzz.toml", INSTITUTION).expect("a good file"));
        let mut detector =
            if first & 1 == 1 { WebDetector::of_institution(&PARSED, KEY) } else { WebDetector::new(KEY) };
        let services = ["web", "mail", "third"].iter().filter_map(|name| detector.service(name, &[]));
        let services = services.collect();
        let mut run = Self {
            detector,
            services,
            now: 1_800_000_000_000_000_000,
            latest: 0,
            repeats: 0,
            steps: 0,
            alive: BTreeMap::new(),
            floods: 0,
            surges: 0,
            told: Vec::new(),
        };
        while run.steps < STEPS_MAXIMUM
            && let Some(step) = take(&mut rest, STEP_BYTES)
        {
            run.steps += 1;
            run.step(step, &mut rest);
            run.events();
        }
        run.detector.finish();
        run.events();
        assert!(run.alive.is_empty(), "the end ends everything");
        let told = std::mem::take(&mut run.told);
        (run, told)
    }

    fn step(&mut self, step: &[u8], rest: &mut &[u8]) {
        let repeats = REPEATS[usize::from(step[1] % 8)];
        let repeats = if self.repeats > REPEATS_MAXIMUM { 1 } else { repeats };
        self.repeats += repeats;
        match step[0] % 16 {
            0..=5 => (0..repeats).for_each(|number| self.request(step, number)),
            6..=10 => {
                let raw = take(rest, usize::from(step[7] % 64)).unwrap_or_default();
                (0..repeats).for_each(|number| self.packet(step, raw, number));
            }
            11 => self.move_time(step),
            // Some seconds of the same, as floods are.
            12 => {
                for _ in 0..repeats.min(64) {
                    self.now = self.now.saturating_add(1_000_000_000);
                    for number in 0..u32::from(step[6] % 48) {
                        let mut step: [u8; STEP_BYTES] = step.try_into().unwrap_or_default();
                        // As readers do: pages with what belongs to them.
                        if step[4] & 128 == 128 && number % 4 > 0 {
                            step[3] = 1;
                        }
                        self.request(&step, number);
                    }
                }
            }
            13 => {
                self.note_time();
                self.detector.advance(Time::from_nanoseconds(self.now));
            }
            14 if step[2] < 64 => self.detector.finish(),
            14 => {
                let service = self.services[usize::from(step[2]) % self.services.len()];
                self.detector.note_loss((step[3] % 2 == 0).then_some(service));
            }
            _ => self.more_services(step, repeats),
        }
    }

    fn more_services(&mut self, step: &[u8], repeats: u32) {
        for number in 0..repeats {
            let name = format!("s{}-{number}", step[2] % 8);
            let address = Address::from_ipv4([192, 0, 2, step[3]]);
            let known = self.detector.service(&name, &[address]);
            let known = if step[4] < 128 { self.detector.service_at(address) } else { known };
            if let Some(service) = known
                && self.services.len() < 64
                && !self.services.contains(&service)
            {
                self.services.push(service);
            }
        }
    }

    fn move_time(&mut self, step: &[u8]) {
        let number = i64::from(step[2]) + 1;
        self.now = match step[1] % 10 {
            0..=3 => self.now.saturating_add(number * 20_000_000),
            4 | 5 => self.now.saturating_add(number * 1_000_000_000),
            6 => self.now.saturating_add(number * 60_000_000_000),
            7 => self.now.saturating_sub(number * 500_000_000),
            8 => self.now.saturating_sub(number * 3_600_000_000_000),
            _ => match step[2] % 8 {
                0 => i64::MAX,
                1 => i64::MIN,
                2 => (LAST_SECOND - i64::from(step[3] % 32)) * 1_000_000_000,
                3 => 0,
                _ => 1_800_000_000_000_000_000,
            },
        };
    }

    /// The latest time that counts.
    fn note_time(&mut self) {
        let second = self.now.div_euclid(1_000_000_000);
        if second <= LAST_SECOND {
            self.latest = self.latest.max(second);
        }
    }

    fn request(&mut self, step: &[u8], number: u32) {
        let service = self.services[usize::from(step[2]) % self.services.len()];
        // A number that there is no service of is nothing.
        let service = if step[2] == 255 { u32::MAX } else { service };
        let base = TARGETS[usize::from(step[3]) % TARGETS.len()];
        let target =
            if step[3] >= 128 { [base, number.to_string().as_bytes()].concat() } else { base.to_vec() };
        let agent = if step[4] & 1 == 1 { format!("agent {number}") } else { "agent".to_owned() };
        let last = if step[4] & 2 == 2 { number as u8 } else { step[5] };
        let methods = [Method::Get, Method::Get, Method::Post, Method::Head, Method::Other, Method::Invalid];
        let versions = [Version::Http11, Version::Http2, Version::Http3, Version::Unknown];
        let client = match step[4] >> 2 & 3 {
            0 | 1 => Client::Address(Address::from_ipv4([198, 51, 100, last])),
            2 => Client::Address(Address::from_bits(0x2001_0db8 << 96 | u128::from(last) << 64)),
            _ => Client::Name(agent.as_bytes()),
        };
        self.note_time();
        let request = Request {
            time: Time::from_nanoseconds(self.now),
            client,
            method: methods[usize::from(step[5]) % methods.len()],
            target: &target,
            version: versions[usize::from(step[7] % 4)],
            status: [200, 404, 408, 429, 499, 500, 999][usize::from(step[6]) % 7],
            referrer: if step[4] & 16 == 16 { b"https://a.example/" } else { b"" },
            agent: agent.as_bytes(),
            is_aborted: step[4] & 32 == 32,
            is_timed_out: step[4] & 64 == 64,
            ..Request::default()
        };
        self.detector.observe(service, &request);
    }

    fn packet(&mut self, step: &[u8], raw: &[u8], number: u32) {
        let head = HEADS[usize::from(step[2]) % HEADS.len()];
        let payload = match step[3] % 4 {
            0 | 1 => head.to_vec(),
            2 => [head, raw].concat(),
            _ => raw.to_vec(),
        };
        let client = Address::from_ipv4([198, 51, 100, step[4] % 8]);
        let server = Address::from_ipv4([192, 0, 2, 1 + step[4] / 8 % 8]);
        // Each repeat another connection, or all the same.
        let port = if step[5] & 1 == 1 { 10_000 + number as u16 } else { 10_000 };
        let (client, server) =
            ((client, port), (server, [80, 443, 8080, 10_000][usize::from(step[5] / 2 % 4)]));
        let (from, to) = if step[5] & 16 == 16 { (server, client) } else { (client, server) };
        const OPENS: u8 = TcpFlags::SYN | TcpFlags::ACK;
        let flags = [TcpFlags::ACK, TcpFlags::ACK, TcpFlags::PSH, TcpFlags::FIN, TcpFlags::RST, 255];
        let flags = flags.into_iter().chain([TcpFlags::SYN, OPENS]).collect::<Vec<_>>();
        let length = payload.len() as u32 + 40;
        self.note_time();
        let packet = Packet {
            source: from.0,
            destination: to.0,
            source_port: from.1,
            destination_port: to.1,
            protocol: if step[6] >= 240 { 17 } else { 6 },
            // In order, all the same, or anywhere.
            sequence: [self.steps as u32 * 64 + number, 7, u32::MAX - number][usize::from(step[6] / 80 % 3)],
            window: [64_000, 0, 500, u16::from(step[7])][usize::from(step[7] % 4)],
            tcp_options: if step[7] & 8 == 8 { &[1, 3, 3, 9] } else { &[] },
            missing_bytes: if step[7] & 16 == 16 { 1_300 } else { 0 },
            tcp_flags: TcpFlags(flags[usize::from(step[6]) % flags.len()]),
            ip_length_bytes: [length, length, 1_500, 0, u32::MAX][usize::from(step[7] / 64 + step[5] / 128)],
            payload: &payload,
            ..Packet::default()
        };
        self.detector.packet(Time::from_nanoseconds(self.now), &packet);
    }

    /// Takes the events and looks at what is counted.
    fn events(&mut self) {
        for event in self.detector.take_events() {
            let (line, is_surge) = match &event {
                Event::Flood(line) => (line, false),
                Event::Surge(line) => (line, true),
            };
            check(line, is_surge);
            self.order(line, is_surge);
            self.told.push(serde_json::to_string(&event).expect("an event is JSON"));
        }
        let counters = self.detector.counters();
        assert!(counters.services <= MAXIMUM_SERVICES as u64);
        assert!(counters.connections <= CONNECTIONS_MAXIMUM);
        assert_eq!((counters.floods, counters.surges), (self.floods, self.surges), "beginnings are counted");
        assert!(self.alive.len() <= 2 * MAXIMUM_SERVICES);
    }

    fn order(&mut self, line: &FloodEvent, is_surge: bool) {
        if line.phase == Phase::Start {
            *(if is_surge { &mut self.surges } else { &mut self.floods }) += 1;
            let alive = Alive { name: line.target.name.clone(), is_surge, time: line.time };
            let twin =
                self.alive.values().any(|other| other.name == alive.name && other.is_surge == is_surge);
            assert!(!twin, "two at one target: {}", line.target.name);
            assert!(self.alive.insert(line.id.clone(), alive).is_none(), "{} began twice", line.id);
            return;
        }
        let Some(alive) = self.alive.get_mut(&line.id) else { panic!("{:?} of nothing", line.phase) };
        assert_eq!((&alive.name, alive.is_surge), (&line.target.name, is_surge));
        assert!(alive.time <= line.time, "{:?} then {:?}", alive.time, line.time);
        alive.time = line.time;
        if line.phase == Phase::End {
            self.alive.remove(&line.id);
        }
    }

    /// After a long silence nothing is left over: a few requests are no flood, whatever came before.
    fn silence(&mut self) {
        if self.latest + SILENCE_SECONDS + 1_000 > LAST_SECOND {
            return;
        }
        let mut second = self.latest + SILENCE_SECONDS;
        // Each connection is looked at within these seconds; then what that made ends.
        for _ in 0..40 {
            self.detector.advance(Time::from_seconds(second, 0));
            second += 1;
        }
        second += 300;
        self.detector.advance(Time::from_seconds(second, 0));
        self.events();
        assert!(self.alive.is_empty(), "silence ends everything");
        self.told.clear();
        for _ in 0..6 {
            second += 1;
            for service in self.services.clone() {
                let client = Client::Address(Address::from_ipv4([203, 0, 113, 9]));
                let time = Time::from_seconds(second, 0);
                let request = Request { time, client, target: b"/", status: 200, ..Request::default() };
                self.detector.observe(service, &Request { method: Method::Get, ..request });
            }
        }
        self.detector.finish();
        self.events();
        assert!(self.told.is_empty(), "one request a second is a flood: {}", self.told[0]);
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (now, later) = rest.split_at_checked(count)?;
    *rest = later;
    Some(now)
}

/// What holds of every line.
fn check(line: &FloodEvent, is_surge: bool) {
    assert_eq!(line.vectors.is_empty(), is_surge, "{:?}", line.vectors);
    let shares: f64 = line.vectors.iter().map(|vector| vector.share).sum();
    assert!(shares <= 1.01 && line.vectors.iter().all(|vector| (0.0..=1.0).contains(&vector.share)));
    assert!((0.5..=0.99).contains(&line.confidence), "{}", line.confidence);
    assert!(line.onset <= line.time, "{:?} {:?}", line.onset, line.time);
    assert_eq!(line.id.len(), 26);
    let web = line.evidence.web.as_deref().expect("a line of the web layer shows what it saw");
    let rates = [
        line.requests_per_second.expect("requests are known"),
        line.evidence.excess_ratio,
        web.requests,
        web.peak_requests_per_second,
        web.service_requests_per_second,
        web.usual_requests_per_second.unwrap_or(0.0),
        web.requests_per_client.unwrap_or(0.0),
    ];
    assert!(rates.iter().all(|rate| rate.is_finite() && *rate >= 0.0), "{rates:?}");
    let path = web.top_path.as_ref();
    let parts = [web.asset_share, web.random_query_share, path.map_or(0.0, |path| path.share)];
    assert!(parts.iter().all(|part| (0.0..=1.001).contains(part)), "{parts:?}");
    assert!(path.is_none_or(|path| path.path.len() <= 3 * 128 && !path.path.contains(char::is_control)));
    assert!(line.sources.top.len() <= 8);
    assert!(line.sources.top.iter().all(|source| (0.0..=1.0).contains(&source.share)));
    let print = web.top_fingerprint.as_ref();
    assert!(print.is_none_or(|top| top.fingerprint.len() <= 3 * 40 && (0.0..=1.001).contains(&top.share)));
    assert!(web.slow_connections.is_none_or(|slow| slow <= CONNECTIONS_MAXIMUM));
    assert_eq!(line.evidence.ended_by.is_some(), line.phase == Phase::End);
    assert!(!line.evidence.reason.is_empty() && web.lines.len() <= 32);
}
