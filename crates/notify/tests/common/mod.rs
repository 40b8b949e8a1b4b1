//! Receivers on loopback that do what the test says, and what every test needs.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking; not every test needs all"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::{
    ChannelKind, ChannelOptions, ChannelState, Notice, Notifier, Phase, RetryOptions, Secret, Severity,
    Surroundings, WebhookOptions,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivateKeyDer};
use serde_json::Value;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const KEY: &str = "a key of 32 bytes for the tests..";
/// The time of day in the tests: 2026-11-27T16:00:00Z.
pub(crate) const NOW: i64 = 1_795_795_200_000_000_000;

pub(crate) fn notice(subject: &str, phase: Phase) -> Notice {
    Notice {
        time: NOW,
        severity: Severity::Critical,
        kind: "flood".into(),
        subject: subject.into(),
        topic: String::new(),
        phase,
        title: format!("syn_flood on www, {subject}"),
        text: "210,000 packets a second.".into(),
        services: vec!["www".into()],
        organisations: vec!["own".into()],
        link: Some("https://console.example/floods/1".into()),
        body: serde_json::json!({"packets_per_second": 210_000}),
    }
}

pub(crate) fn open(channels: &[ChannelOptions]) -> Notifier {
    let own = vec!["192.0.2.0/24".parse().unwrap()];
    Notifier::open(channels, &Surroundings { clock: Arc::new(|| NOW), own, seed: 1 }).unwrap()
}

/// A channel that tries again soon.
pub(crate) fn hasty(kind: ChannelKind) -> ChannelOptions {
    ChannelOptions {
        retry: RetryOptions { first_milliseconds: 20, longest_seconds: 1, ..RetryOptions::default() },
        timeout_milliseconds: 2_000,
        ..ChannelOptions::new("channel", kind)
    }
}

pub(crate) fn webhook(to: SocketAddr) -> ChannelOptions {
    hasty(ChannelKind::Webhook(WebhookOptions {
        url: Secret::Value(format!("http://{to}/hook/token-in-path")),
        key: Secret::Value(KEY.into()),
        ca_file: None,
        allow_plain: false,
    }))
}

/// Waits until the only channel is so.
pub(crate) fn until(notifier: &Notifier, is_so: impl Fn(&ChannelState) -> bool) -> ChannelState {
    let started = Instant::now();
    loop {
        let state = notifier.states().remove(0);
        if is_so(&state) {
            return state;
        }
        assert!(started.elapsed() < PATIENCE, "{state:?}");
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// What a connection gets for an answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// This text.
    Text(String),
    /// Nothing, and it stays open.
    Silence,
    /// More and more of a head.
    Endless,
}

pub(crate) fn status(code: u16) -> Answer {
    Answer::Text(format!("HTTP/1.1 {code} x\r\nContent-Length: 0\r\n\r\n"))
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) fields: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(&name.to_ascii_lowercase()).map_or("", String::as_str)
    }
}

/// A web server that answers each connection with the next of its answers, the last for ever.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    pub(crate) requests: Receiver<Request>,
}

impl Web {
    pub(crate) fn new(answers: Vec<Answer>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answers, None)
    }

    pub(crate) fn on(listener: TcpListener, answers: Vec<Answer>, tls: Option<Arc<ServerConfig>>) -> Self {
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (index, socket) in listener.incoming().flatten().enumerate() {
                let answer = answers.get(index).or(answers.last()).unwrap().clone();
                let (sender, tls) = (sender.clone(), tls.clone());
                thread::spawn(move || match tls {
                    None => answer_one(socket, &answer, &sender),
                    Some(tls) => answer_one(accepted(socket, &tls), &answer, &sender),
                });
            }
        });
        Self { address, requests }
    }

    pub(crate) fn next(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).unwrap()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.requests.recv_timeout(Duration::from_millis(200)).is_err()
    }
}

fn answer_one(mut stream: impl Read + Write, answer: &Answer, sender: &Sender<Request>) {
    let Some(request) = read_request(&mut stream) else { return };
    let _ = sender.send(request);
    match answer {
        Answer::Text(text) => {
            let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
        }
        Answer::Silence => {
            let _ = stream.read(&mut [0; 16]);
        }
        Answer::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
            while stream.write_all(&[b'x'; 4_096]).is_ok() {}
        }
    }
}

fn read_request(stream: &mut impl Read) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
    let mut fields = BTreeMap::new();
    loop {
        let mut field = String::new();
        reader.read_line(&mut field).ok()?;
        let Some((name, value)) = field.trim_end().split_once(": ") else { break };
        fields.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; fields.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line: line.trim_end().to_owned(), fields, body })
}

/// A certificate for `localhost`: the file that makes it believed, and the server that has it.
pub(crate) fn certificate(test: &str) -> (PathBuf, Arc<ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.pem"));
    fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let configuration =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let configuration =
        configuration.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key);
    (file, Arc::new(configuration.unwrap()))
}

pub(crate) fn accepted(
    socket: TcpStream,
    tls: &Arc<ServerConfig>,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(Arc::clone(tls)).unwrap(), socket)
}
