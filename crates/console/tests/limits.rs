//! Clients that are slow, silent, many or too large.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use client::{Console, answer};
use console::people::Role;
use console::{MAXIMUM_EVENT_READERS, Options, Tls};

fn impatient(options: &mut Options) {
    let patience = &mut options.patience;
    (patience.head, patience.body, patience.idle) =
        (Duration::from_millis(400), Duration::from_millis(400), Duration::from_secs(2));
}

#[test]
fn a_slow_loris_holds_nobody_up_and_is_cut_off() {
    let console = Console::with(impatient);
    let mut slow: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = console.connect();
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(console.get("/healthz", None).status, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    for stream in &mut slow {
        // What is left of it: at most an answer that says that it was too slow, then the end.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"));
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_body_that_drips_is_refused() {
    let console = Console::with(impatient);
    let mut stream = console.connect();
    let head = format!(
        "POST /signin HTTP/1.1\r\nHost: {0}\r\nOrigin: http://{0}\r\nConnection: close\r\nContent-Length: 100\r\n\r\nname",
        console.address
    );
    stream.write_all(head.as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).status, 408);
}

#[test]
fn heads_and_bodies_have_a_size() {
    let console = Console::new();
    let long = "x".repeat(40_000);
    let mut stream = console.connect();
    let _ =
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n").as_bytes());
    let status = answer(&mut stream).status;
    assert!(status == 431 || status == 0, "{status}");
    assert_eq!(console.form("/signin", "", &long).status, 413);
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let session = console.session(&ada);
    assert_eq!(console.get(&format!("/floods?q={}", &long[..600]), Some(&session)).status, 400);
    let many: Vec<(String, &str)> = (0..100).map(|number| (format!("X-{number}"), "1")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(console.ask("GET", "/healthz", &many, "").status, 431);
}

#[test]
fn a_thousand_clients_are_served() {
    let console = Console::new();
    let connections: Vec<_> = (0..1_000)
        .map(|_| {
            let mut stream = console.connect();
            stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            stream
        })
        .collect();
    for mut stream in connections {
        let mut start = [0; 15];
        stream.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 200 OK");
    }
}

#[test]
fn connections_beyond_the_limit_are_closed_and_counted() {
    let console = Console::new();
    let held: Vec<_> = (0..console::MAXIMUM_CONNECTIONS + 50).map(|_| console.connect()).collect();
    let refused = |console: &Console| {
        let figures = console.handle.figures();
        let line = figures
            .lines()
            .find(|line| line.starts_with("hemicycle_console_connections_refused_total "))
            .unwrap_or_default();
        line.rsplit(' ').next().and_then(|number| number.parse::<usize>().ok()).unwrap_or(0)
    };
    let begun = Instant::now();
    while refused(&console) < 50 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    assert_eq!(refused(&console), 50);
    drop(held);
    while console.get_status("/healthz") != 200 && begun.elapsed() < Duration::from_secs(20) {
        std::thread::yield_now();
    }
    assert_eq!(console.get("/healthz", None).status, 200, "places come back");
}

impl Console {
    fn get_status(&self, path: &str) -> u16 {
        let mut stream = self.connect();
        let _ = stream
            .write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
        answer(&mut stream).status
    }
}

#[test]
fn fifty_listen_and_the_next_is_told_to_wait() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let session = console.session(&ada);
    let listen = || {
        let mut stream = console.connect();
        let request =
            format!("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nCookie: __Host-session={session}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        (stream, String::from_utf8_lossy(&start).into_owned())
    };
    let held: Vec<_> = (0..MAXIMUM_EVENT_READERS).map(|_| listen()).collect();
    assert!(held.iter().all(|(_, start)| start == "HTTP/1.1 200"));
    assert_eq!(listen().1, "HTTP/1.1 503");
    assert!(console.handle.figures().contains("hemicycle_console_event_readers_refused_total 1\n"));
}

#[test]
fn without_tls_only_loopback_is_listened_on() {
    let clock: console::people::Clock = std::sync::Arc::new(|| jiff::Timestamp::UNIX_EPOCH);
    let folder = tempfile::tempdir().unwrap();
    let mut options = Options::new(folder.path().to_path_buf(), vec![([0, 0, 0, 0], 0).into()], clock);
    options.tls = Tls::Off;
    let memory = std::sync::Arc::new(house::Memory::new(jiff::Timestamp::UNIX_EPOCH));
    let live = console::Live::new(house::snapshot(jiff::Timestamp::UNIX_EPOCH));
    let result = console::start(options, live, memory.clone(), memory);
    assert!(matches!(result, Err(console::Error::Plain(_))));
}
