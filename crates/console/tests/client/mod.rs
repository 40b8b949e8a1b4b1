//! A console on loopback with a clock that stands still, and a small HTTP client that hides nothing.

#![allow(dead_code, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use console::people::{Account, Clock, Cost, People, Policy, Role, code_at};
use console::{Archive, ExternalFlood, Handle, Journal, Live, Options, Patience, Signer, Tls, start_with};
use jiff::Timestamp;

use crate::house::{self, Memory};

/// What everybody types.
pub const PASSWORD: &str = "correct horse battery";
/// What signs webhooks.
pub const SECRET: &[u8] = b"0123456789abcdef";

/// A console that runs.
pub struct Console {
    pub handle: Handle,
    pub address: SocketAddr,
    pub people: Arc<People>,
    pub live: Live,
    pub memory: Arc<Memory>,
    pub told: Arc<Mutex<Vec<ExternalFlood>>>,
    seconds: Arc<AtomicI64>,
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A field of the head.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// A cookie that it sets.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.head.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
        cookies
            .filter_map(|line| line.split(';').next()?.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    }

    /// What a page has between two texts.
    pub fn between(&self, before: &str, after: &str) -> Option<&str> {
        let rest = self.body.split_once(before)?.1;
        Some(rest.split_once(after)?.0)
    }
}

impl Console {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Self {
        Self::build(change, None)
    }

    /// Over another record than the made-up one.
    pub fn over(archive: Arc<dyn Archive>, journal: Arc<dyn Journal>) -> Self {
        Self::build(|_| {}, Some((archive, journal)))
    }

    /// The same with other options.
    pub fn over_with(
        change: impl FnOnce(&mut Options),
        archive: Arc<dyn Archive>,
        journal: Arc<dyn Journal>,
    ) -> Self {
        Self::build(change, Some((archive, journal)))
    }

    fn build(
        change: impl FnOnce(&mut Options),
        record: Option<(Arc<dyn Archive>, Arc<dyn Journal>)>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seconds = Arc::new(AtomicI64::new(1_790_000_000));
        let shown = Arc::clone(&seconds);
        let clock: Clock = Arc::new(move || Timestamp::from_second(shown.load(Ordering::Relaxed)).unwrap());
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let mut options =
            Options::new(folder.path().to_path_buf(), vec![([127, 0, 0, 1], 0).into()], clock.clone());
        options.tls = Tls::Off;
        options.policy = Policy { cost: Cost::LIGHT, ..Policy::default() };
        options.patience = Patience {
            heartbeat: Duration::from_millis(100),
            stop: Duration::from_millis(500),
            ..Patience::default()
        };
        options.signers = vec![Signer { name: "edge".into(), secret: SECRET.to_vec() }];
        options.outside = Arc::new(move |flood| {
            let mut told = sink.lock().unwrap();
            told.push(flood);
            told.len() <= 1_000
        });
        options.figures = Arc::new(|| "hemicycle_up 1\n".to_owned());
        options.belongs = Arc::new(|address, name| {
            let theirs = [("own", house::OWN_ADDRESS), ("party-x", house::PARTY_ADDRESS)];
            theirs.iter().any(|(owner, own)| *owner == name && address == std::net::IpAddr::from(*own))
        });
        change(&mut options);
        let now = clock();
        let people = Arc::new(People::in_memory(clock, options.policy).unwrap());
        let (live, memory) = (Live::new(house::snapshot(now)), Arc::new(Memory::new(now)));
        let (archive, journal) = record.unwrap_or_else(|| (memory.clone(), memory.clone()));
        let handle = start_with(options, live.clone(), people.clone(), archive, journal).unwrap();
        let address = handle.addresses()[0];
        Self { handle, address, people, live, memory, told, seconds, _folder: folder }
    }

    pub fn now(&self) -> i64 {
        self.seconds.load(Ordering::Relaxed)
    }

    pub fn later(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// An account and the secret of its app.
    pub fn member(&self, name: &str, role: Role, organisation: Option<&str>) -> (Account, Vec<u8>) {
        let token = self.people.invite(name, role, organisation, "test").unwrap();
        let secret = self.people.link(&token).unwrap().unwrap().secret;
        let code = code_at(&secret, self.now());
        let (account, _) = self.people.follow_link(&token, name, PASSWORD, &code).unwrap();
        self.later(60);
        (account, secret)
    }

    /// A session of an account.
    pub fn session(&self, account: &Account) -> String {
        self.people.start_session(account, "127.0.0.1", "test").unwrap().token
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Answer {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        let mut stream = self.connect();
        stream.write_all(format!("{text}\r\n{body}").as_bytes()).unwrap();
        answer(&mut stream)
    }

    pub fn get(&self, path: &str, session: Option<&str>) -> Answer {
        let cookie = session.map(|session| format!("__Host-session={session}")).unwrap_or_default();
        self.ask("GET", path, &[("Cookie", &cookie)], "")
    }

    /// A form, sent the way a browser sends it from a page of this server.
    pub fn form(&self, path: &str, cookies: &str, body: &str) -> Answer {
        let origin = format!("http://{}", self.address);
        let fields = [
            ("Origin", origin.as_str()),
            ("Cookie", cookies),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        self.ask("POST", path, &fields, body)
    }

    /// A form with the word that the session's pages carry.
    pub fn form_as(&self, session: &str, path: &str, body: &str) -> Answer {
        let csrf = self
            .get("/settings", Some(session))
            .between("name=\"csrf\" value=\"", "\"")
            .unwrap_or("none")
            .to_owned();
        self.form(path, &format!("__Host-session={session}"), &format!("csrf={csrf}&{body}"))
    }
}

/// Everything until the end of the connection.
pub fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    // A reset after the answer is how some refusals end.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    let body = if head.contains("transfer-encoding: chunked") { chunks(body) } else { body.to_owned() };
    Answer { status, head: head.to_owned(), body }
}

fn chunks(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        body.push_str(&rest[..size]);
        text = rest[size..].trim_start_matches("\r\n");
    }
    body
}
