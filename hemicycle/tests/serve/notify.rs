//! People and tools are told: by a webhook whose receiver is this test.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ring::hmac;
use serde_json::Value;

use crate::export::now;
use crate::office::flood;
use crate::service::{CONFIG, INSTITUTION, PROGRAM, Service, command, folder};

const KEY: &str = "a key of 32 bytes for the tests..";
const PATIENCE: Duration = Duration::from_secs(60);
/// Seconds by which a message may be older than this look at it.
const OLDEST_SECONDS: u64 = 60;
const CHANNEL: &str = r#"
[[notify]]
name = "soc"
kind = "webhook"
url_file = "soc.url"
key_file = "soc.key"
repeat_seconds = 10
"#;

/// What came: fields in small letters, and the body as it was.
struct Delivered {
    fields: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Delivered {
    /// What it says, if it is genuine and fresh.
    fn genuine(&self) -> Value {
        let stamp = &self.fields["hemicycle-timestamp"];
        let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
        let message = [stamp.as_bytes(), b".", &self.body].concat();
        let signature = self.fields["hemicycle-signature"].strip_prefix("v1=").unwrap();
        assert_eq!(signature.len(), 64, "{signature}");
        let pairs = (0..64).step_by(2).map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap());
        hmac::verify(&key, &message, &pairs.collect::<Vec<u8>>()).unwrap();
        let age = u64::from(now().0).abs_diff(stamp.parse().unwrap());
        assert!(age < OLDEST_SECONDS, "it is {age} s old");
        let value: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(value["id"], self.fields["hemicycle-delivery"].as_str());
        value
    }
}

/// A receiver that gives everybody the same answer; where it is, and what comes.
fn receiver(status: &'static str) -> (String, Receiver<Delivered>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hooks/hemicycle", listener.local_addr().unwrap());
    let (sender, came) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Some(delivered) = answer(&stream, status) else { continue };
            if sender.send(delivered).is_err() {
                return;
            }
        }
    });
    (url, came)
}

fn answer(mut stream: &TcpStream, status: &str) -> Option<Delivered> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut reader = BufReader::new(stream);
    let mut fields = BTreeMap::new();
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        fields.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; fields.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()?;
    Some(Delivered { fields, body })
}

fn secret(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A service with a channel to a receiver.
fn prepared(name: &str, more: &str, url: &str) -> PathBuf {
    let essential = "addresses = [\"192.0.2.10\"]\ncriticality = \"essential\"";
    let institution = INSTITUTION.replace("addresses = [\"192.0.2.10\"]", essential);
    let folder = folder(name, &format!("{CONFIG}{more}{CHANNEL}"), &institution);
    secret(&folder.join("soc.url"), url, 0o600);
    secret(&folder.join("soc.key"), KEY, 0o600);
    folder
}

/// Every run of digits and dots that is an address.
fn addresses(text: &str) -> Vec<Ipv4Addr> {
    let runs = text.split(|character: char| !character.is_ascii_digit() && character != '.');
    runs.filter_map(|run| run.trim_matches('.').parse().ok()).collect()
}

fn test_of(folder: &Path, name: &str, more: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["notify", "test", name, "--config"]).arg(folder.join("serve.toml")).args(more);
    command.output().unwrap()
}

#[test]
fn a_flood_is_told_with_a_signature_from_start_to_end_and_without_a_source() {
    let (url, came) = receiver("204 No Content");
    // Sources in full on standard output: what is not in a notice is not left out for want of knowing it.
    let shown = "[events]\nshow_addresses = \"a test\"\n";
    let service = Service::run(prepared("notify_flood", shown, &url), Stdio::piped());
    let event = flood(&service);
    assert!(!event["sources"]["top"].as_array().unwrap().is_empty(), "{event}");
    let mut told: Vec<Value> = Vec::new();
    let is = |notice: &Value, phase: &str| notice["subject"] == event["id"] && notice["phase"] == phase;
    while !told.iter().any(|notice| is(notice, "end")) {
        let delivered = came.recv_timeout(PATIENCE).unwrap();
        let text = String::from_utf8_lossy(&delivered.body).into_owned();
        let foreign: Vec<_> =
            addresses(&text).into_iter().filter(|found| found.octets()[..3] != [192, 0, 2]).collect();
        assert!(foreign.is_empty(), "{foreign:?} in {text}");
        // Nor had any to be masked.
        assert!(!text.contains("[address]"), "{text}");
        told.extend(delivered.genuine()["notices"].as_array().unwrap().iter().cloned());
    }
    let start = told.iter().find(|notice| is(notice, "start")).unwrap();
    assert_eq!((&start["kind"], &start["severity"]), (&"flood".into(), &"critical".into()), "{start}");
    assert_eq!(
        (&start["services"][0], &start["organisations"][0]),
        (&"www".into(), &"own".into()),
        "{start}"
    );
    assert!(start["title"].as_str().unwrap().starts_with("syn_flood on www"), "{start}");
    for expected in ["packets a second", "Vectors: syn_flood", "Confidence", "the figures are"] {
        assert!(start["text"].as_str().unwrap().contains(expected), "{expected} in {start}");
    }
    let end = told.iter().find(|notice| is(notice, "end")).unwrap();
    assert!(end["title"].as_str().unwrap().ends_with("is over"), "{end}");
    // Counted when our answer is read, which is a little later than that we have the message.
    service.passes("notify_sent_total{channel=\"soc\"}", 2.0);
    assert_eq!(service.figure("notify_dead{channel=\"soc\"}"), Some(0.0));
    assert!(service.stop("TERM").0.success());
}

#[test]
fn a_channel_that_reaches_nobody_is_seen_and_holds_nothing_up() {
    let (url, _came) = receiver("503 Service Unavailable");
    let mut service = Service::run(prepared("notify_dead", "", &url), Stdio::piped());
    assert_eq!(service.figure("notify_dead{channel=\"soc\"}"), Some(0.0));
    flood(&service);
    service.reaches("notify_dead{channel=\"soc\"}", 1.0);
    for (name, least) in [("failed_total", 3.0), ("retried_total", 2.0), ("queued", 1.0)] {
        let found = service.figure(&format!("notify_{name}{{channel=\"soc\"}}")).unwrap();
        assert!(found >= least, "{name} is {found}");
    }
    let line = service.hears("nobody is told by the channel soc");
    assert!(line.contains("warning") && !line.contains("/hooks"), "the address is a secret: {line}");
    assert!(service.stop("TERM").0.success());
}

#[test]
fn a_test_of_a_channel_says_what_became_of_it() {
    let (url, came) = receiver("200 OK");
    let folder = prepared("notify_test", "", &url);
    let output = test_of(&folder, "soc", &["--json"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["channel"], &said["delivered"]), (&"soc".into(), &true.into()), "{said}");
    let message = came.recv_timeout(PATIENCE).unwrap().genuine();
    assert_eq!((&message["kind"], &message["channel"]), (&"test".into(), &"soc".into()), "{message}");
    let (refusing, _kept) = receiver("404 Not Found");
    secret(&folder.join("soc.url"), &refusing, 0o600);
    let output = test_of(&folder, "soc", &["--json"]);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said["delivered"] == false && said["error"].as_str().unwrap().contains("404"), "{said}");
    let output = test_of(&folder, "sok", &[]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("no channel sok: soc"), "{errors}");
}

#[test]
fn a_secret_that_others_can_read_stops_the_start_and_a_test() {
    let folder = prepared("notify_secret", "", "http://127.0.0.1:9/hook");
    secret(&folder.join("soc.key"), KEY, 0o640);
    for output in [
        test_of(&folder, "soc", &[]),
        command(&folder, &[]).output().unwrap(),
        command(&folder, &["--check"]).output().unwrap(),
    ] {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.contains("others may read the secret") && errors.contains("soc.key"), "{errors}");
    }
}
