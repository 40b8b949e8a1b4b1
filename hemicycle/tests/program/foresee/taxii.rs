//! A TAXII server on loopback that does what servers should not.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use super::folder;
use crate::support::run;

const OBJECTS: usize = 5_000;
const TIME: &str = "2024-01-01T00:00:00.000000Z";

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wrong {
    Nothing,
    /// No tokens, and objects of the asked time are left out.
    NoTokens,
    /// The same token for ever.
    Circle,
    /// Says nothing.
    Slow,
    /// An answer without an end.
    Huge,
    /// A list that is none, and elements that are none.
    Types,
    /// Breaks off in the middle.
    Breaks,
}

struct Server {
    url: String,
    stop: Arc<AtomicBool>,
}

impl Server {
    fn start(wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/api/collections/one", listener.local_addr().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                thread::spawn(move || answer(stream.unwrap(), wrong));
            }
        });
        Self { url, stop }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for somebody.
        let _ = TcpStream::connect(self.url.split('/').nth(2).unwrap());
    }
}

fn field(query: &str, name: &str) -> Option<String> {
    let found = query.split(['?', '&']).find_map(|part| part.strip_prefix(&format!("{name}=")))?;
    Some(found.replace("%3A", ":"))
}

fn answer(mut stream: TcpStream, wrong: Wrong) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let query = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut accepts = false;
    loop {
        let mut head = String::new();
        if reader.read_line(&mut head).unwrap() < 3 {
            break;
        }
        accepts |= head.trim() == "Accept: application/taxii+json;version=2.1";
    }
    assert!(accepts, "the client says what it takes");
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/taxii+json;version=2.1\r\n";
    match wrong {
        Wrong::Slow => {
            // Until the client has had enough.
            let _ = reader.read_line(&mut line);
        }
        Wrong::Huge => {
            let _ = write!(stream, "{head}\r\n{{\"objects\":[");
            let filler = vec![b' '; 1 << 16];
            while stream.write_all(&filler).is_ok() {}
        }
        Wrong::Breaks => {
            let _ = write!(stream, "{head}Content-Length: 1000\r\n\r\n{{\"objects\":[");
        }
        _ => {
            let body = page(&query, wrong).to_string();
            let added = format!("X-TAXII-Date-Added-First: {TIME}\r\nX-TAXII-Date-Added-Last: {TIME}\r\n");
            let _ = write!(stream, "{head}{added}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    }
}

fn page(query: &str, wrong: Wrong) -> Value {
    let object = |n: usize| json!({"type": "tool", "id": format!("tool--{n:08}"), "modified": TIME, "created": TIME, "name": "x"});
    let limit = field(query, "limit").unwrap().parse::<usize>().unwrap();
    let from = field(query, "next").and_then(|next| next.parse().ok()).unwrap_or(0usize);
    match wrong {
        Wrong::Types if from == 0 => {
            json!({"objects": [1, "x", null, {"id": 7}, object(1)], "more": "yes", "next": 5})
        }
        Wrong::Types => json!({"objects": {"a": 1}, "more": true}),
        Wrong::Circle => {
            json!({"objects": (0..100).map(object).collect::<Vec<_>>(), "more": true, "next": "1"})
        }
        Wrong::NoTokens => {
            let left_out = field(query, "added_after").is_some_and(|after| after.as_str() >= "2024-01-01");
            let count = if left_out { 0 } else { limit.min(OBJECTS) };
            json!({"objects": (0..count).map(object).collect::<Vec<_>>(), "more": !left_out && count < OBJECTS})
        }
        _ => {
            let to = (from + limit.min(200)).min(OBJECTS);
            json!({"objects": (from..to).map(object).collect::<Vec<_>>(), "more": to < OBJECTS, "next": to.to_string()})
        }
    }
}

fn fetch(wrong: Wrong, store: &str) -> (Option<i32>, Value, String) {
    let server = Server::start(wrong);
    let ran = run(&[
        "foresee",
        "intel",
        "fetch",
        &server.url,
        "--store",
        store,
        "--allow-plain",
        "--timeout",
        "2",
        "--json",
    ]);
    let line = ran.lines().pop().unwrap_or_else(|| panic!("{wrong:?}: {}", ran.errors));
    (ran.code, line, ran.errors)
}

#[test]
fn five_thousand_objects_of_one_time_come_once_each_over_a_socket() {
    for wrong in [Wrong::Nothing, Wrong::NoTokens] {
        let store = folder(&format!("taxii {wrong:?}"));
        let store = store.to_str().unwrap();
        let (code, line, errors) = fetch(wrong, store);
        assert_eq!(
            (code, &line["objects"], &line["complete"]),
            (Some(0), &OBJECTS.into(), &true.into()),
            "{wrong:?} {errors}"
        );
        let (code, line, errors) = fetch(wrong, store);
        assert_eq!((code, &line["objects"]), (Some(0), &0.into()), "{wrong:?}: nothing twice {errors}");
    }
}

#[test]
fn a_server_that_keeps_something_back_is_said_to() {
    for (wrong, objects) in
        [(Wrong::Circle, 100), (Wrong::Slow, 0), (Wrong::Huge, 0), (Wrong::Types, 1), (Wrong::Breaks, 0)]
    {
        let store = folder(&format!("taxii {wrong:?}"));
        let (code, line, errors) = fetch(wrong, store.to_str().unwrap());
        assert_eq!(
            (code, &line["objects"], &line["complete"]),
            (Some(1), &objects.into(), &false.into()),
            "{wrong:?} {errors}"
        );
        assert!(errors.contains("did not give everything"), "{wrong:?} {errors}");
        // A good server gives the rest, and nothing twice.
        let (code, line, errors) = fetch_good_after(wrong, store.to_str().unwrap());
        assert_eq!((code, &line["complete"]), (Some(0), &true.into()), "{wrong:?} {errors}");
    }
}

/// The good server has another address, so that this is another collection: what is kept is what matters.
fn fetch_good_after(wrong: Wrong, store: &str) -> (Option<i32>, Value, String) {
    let (code, line, errors) = fetch(Wrong::Nothing, store);
    let known = match wrong {
        Wrong::Circle => 100,
        Wrong::Types => 1,
        _ => 0,
    };
    assert_eq!(line["objects"], OBJECTS - known, "{wrong:?} {errors}");
    (code, line, errors)
}
