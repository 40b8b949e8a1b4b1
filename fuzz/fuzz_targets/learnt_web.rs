//! Any state file of the web layer: refused, or read as entries that are written and read again as they are, that a detector
//! takes back, and from which it goes on to learn what can be written again. What a file says of one service changes
//! nothing for another that it does not name.
#![no_main]

use std::io::Write;

use cpu_time::ThreadTime;
use detect::web::{LearntKind, LearntWeb, MAXIMUM_SERVICES, WebDetector};
use detect::{Event, Phase};
use flate2::Compression;
use flate2::write::GzEncoder;
use hemicycle::baselines::timestamp;
use hemicycle::web_baselines::{WebEntry, WebState};
use wire::web::{Client, Method, Request};
use wire::{Address, Time};

const KEY: [u8; 16] = *b"fuzz of learnt w";
const HEADER: &str =
    "{\"format\":\"hemicycle-web-baselines\",\"version\":1,\"written\":\"2026-11-22T12:00:00Z\"}\n";
const NOW_SECONDS: i64 = 1_795_348_800;
/// A service that is flooded in every run.
const BYSTANDER: &str = "bystander";
const SERVICES: [&str; 3] = ["www", "vote", BYSTANDER];
/// Kinds of requests that there are, and one that there is not.
const KINDS: [&str; 8] =
    ["asset", "page_referred", "page_bare", "query_novel", "login", "sealed", "steady", "of another version"];
const HOURS: usize = 168;
/// Bytes of one entry that is made of bytes and not read as text.
const MADE_BYTES: usize = 64;
/// Seconds that are played.
const SECONDS: i64 = 8;
/// Longest time for one input, with the sanitizer's slowness in it.
const WORST_SECONDS: f64 = 4.0;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((&first, rest)) = data.split_first() else { return };
    let started = ThreadTime::now();
    // As it is on the disk; its text; its lines without the first; or entries made of bytes.
    let state = match first {
        0x1f => WebState::read(data),
        b'{' => WebState::read(&*packed(data)),
        b'\n' => WebState::read(&*packed(&[HEADER.as_bytes(), rest].concat())),
        _ => WebState::read(&*packed(&made(rest))),
    };
    if let Ok(state) = state {
        try_state(&state, rest.last().copied().unwrap_or(first));
    }
    assert!(started.elapsed().as_secs_f64() < WORST_SECONDS, "{:?}", started.elapsed());
});

/// What a file says that was read.
fn try_state(state: &WebState, busy: u8) {
    assert!(state.entries.len() <= MAXIMUM_SERVICES);
    survives(state);
    let now = Time::from_seconds(NOW_SECONDS, 0);
    let (mut one, mut twin, mut fresh) = (detector(), detector(), detector());
    let named = SERVICES.iter().filter(|name| state.entries.contains_key(**name)).count() as u64;
    assert_eq!(state.recall(&mut one, now), named, "of the services that there are");
    // Taken back twice is once.
    state.recall(&mut twin, now);
    state.recall(&mut twin, now);
    let (found, again) = (play(&mut one, busy), play(&mut twin, busy));
    assert_eq!(told(&found, ""), told(&again, ""), "one file, one result");
    if !state.entries.contains_key(BYSTANDER) {
        let without = play(&mut fresh, busy);
        assert_eq!(told(&found, BYSTANDER), told(&without, BYSTANDER), "the file says nothing of it");
        let starts = without.iter().filter(|event| event.line().phase == Phase::Start);
        assert!(starts.count() > 0, "a flood of a bystander is found");
    }
    // What is learnt from there on is as good, and takes the place of what was there.
    let learnt: Vec<LearntWeb> = one.learnt().collect();
    assert_eq!(learnt, twin.learnt().collect::<Vec<_>>(), "one file, one result");
    let until = timestamp(Time::from_seconds(NOW_SECONDS + SECONDS, 0));
    let mut later = state.clone();
    let left_out = later.renew(learnt.clone(), until, jiff_past());
    for learnt in &learnt {
        assert_eq!(learnt.check(), Ok(()), "{learnt:?}");
        assert_eq!(later.entries[&learnt.service].learnt, *learnt);
    }
    let others = state.entries.keys().filter(|name| !learnt.iter().any(|learnt| learnt.service == **name));
    assert_eq!(later.entries.len() as u64 + left_out, (learnt.len() + others.count()) as u64);
    assert!(later.entries.values().all(|entry| entry.at <= until), "nothing is from the future");
    survives(&later);
}

/// Nothing is too old.
fn jiff_past() -> jiff::Timestamp {
    jiff::Timestamp::MIN
}

/// Entries are written and read as they are, all of them.
fn survives(state: &WebState) {
    for (name, entry) in &state.entries {
        assert_eq!((name, entry.learnt.check()), (&entry.learnt.service, Ok(())));
    }
    let file = state.write(Vec::new(), timestamp(Time::from_seconds(NOW_SECONDS, 0)));
    let read = WebState::read(&*file.expect("memory takes all")).expect("what was written is read");
    assert_eq!((read.skipped_lines, read.entries.len()), (0, state.entries.len()));
    assert_eq!(read.entries, state.entries);
}

fn detector() -> WebDetector {
    let mut web = WebDetector::new(KEY);
    SERVICES.iter().for_each(|name| assert!(web.service(name, &[]).is_some()));
    web
}

/// Readers and tools at the services of the file, and new queries at the bystander.
fn play(web: &mut WebDetector, busy: u8) -> Vec<Event> {
    let numbers = SERVICES.map(|name| web.service(name, &[]).expect("it is there"));
    for second in 0..SECONDS {
        for number in 0..i64::from(busy % 64) {
            let target: &[u8] = if busy < 128 || number % 4 == 0 { b"/agenda" } else { b"/a.css" };
            ask(web, numbers[number as usize % 2], second, number, target);
        }
        for number in 0..120 {
            let target = format!("/search?q={second}x{number}");
            ask(web, numbers[2], second, 1_000 + number, target.as_bytes());
        }
    }
    web.finish();
    web.take_events()
}

fn ask(web: &mut WebDetector, service: u32, second: i64, number: i64, target: &[u8]) {
    let [.., c, d] = number.to_be_bytes();
    let client = Client::Address(Address::from_ipv4([20, 0, c, d]));
    let time = Time::from_seconds(NOW_SECONDS + second, number % 1_000 * 1_000_000);
    web.observe(service, &Request { time, client, method: Method::Get, target, ..Request::default() });
}

/// Events as who reads them gets them, of one service or of all.
fn told(events: &[Event], service: &str) -> Vec<String> {
    let of_it = events.iter().filter(|event| service.is_empty() || event.line().target.name == service);
    of_it.map(|event| serde_json::to_string(event).expect("an event is text")).collect()
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(text).expect("memory takes all");
    encoder.finish().expect("memory takes all")
}

/// The text of a file with entries whose numbers are the bytes: inputs of few bytes reach every number.
fn made(bytes: &[u8]) -> Vec<u8> {
    let mut text = HEADER.as_bytes().to_vec();
    for bytes in bytes.chunks_exact(MADE_BYTES) {
        serde_json::to_writer(&mut text, &entry(bytes)).expect("memory takes all");
        text.push(b'\n');
    }
    text
}

fn entry(bytes: &[u8]) -> WebEntry {
    let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let float = |at: usize| match bytes[at] {
        // Ends of what is allowed and of what a float holds.
        0xff => [0.0, -0.0, f32::MIN_POSITIVE, 1e-45, 1.0, 16.0, 1e9, -1.0, 1e12, f32::MAX]
            [usize::from(bytes[at + 1]) % 10],
        0xfe => f32::from(bytes[at + 1]),
        _ => f32::from_bits(word(at)),
    };
    let kinds = (0..usize::from(bytes[1] % 4)).map(|kind| LearntKind {
        kind: KINDS[usize::from(bytes[2 + kind]) % KINDS.len()].to_owned(),
        mean: float(8 + 4 * kind),
        dispersion: float(20 + 4 * kind),
        lasting: float(32),
        records: [36, 40, 44, 36 + 4 * kind].map(float),
    });
    let hours = if bytes[5] == 0 { usize::from(bytes[6]) } else { HOURS };
    // From the far past to the far future, mostly a little while ago.
    let ago = i64::from(bytes[60]) << (bytes[61] % 32);
    let ago = if bytes[62] % 8 == 0 { -ago } else { ago };
    WebEntry {
        at: timestamp(Time::from_seconds(NOW_SECONDS.saturating_sub(ago), 0)),
        learnt: LearntWeb {
            service: ["www", "vote", "else", BYSTANDER][usize::from(bytes[0] % 16).min(3)].to_owned(),
            seconds: word(52) >> (bytes[7] % 32),
            kinds: kinds.collect(),
            hours: (0..hours).map(|hour| if hour % 3 == 0 { -1.0 } else { float(48) }).collect(),
            readers: float(56),
            readers_seconds: word(53),
            slow_connections: f32::from(bytes[63]),
        },
    }
}
