//! A record in a folder of its own, a clock that stands where it is put, and events as the detector prints them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

use record::{Actor, Entry, Kind, Options, Record};
use serde_json::{Value, json};

pub(crate) const KEY: [u8; 16] = *b"a secret of test";
/// Noon of 27 November 2026, a Friday of week 48.
pub(crate) const NOON: i64 = 1_795_780_800;
pub(crate) const SECOND: i64 = 1_000_000_000;

/// A clock that is set by hand.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOON * SECOND)))
    }

    pub(crate) fn set(&self, second: i64) {
        self.0.store(second * SECOND, Ordering::Relaxed);
    }

    pub(crate) fn options(&self) -> Options {
        let hand = self.0.clone();
        let mut options = Options::new(KEY, Arc::new(move || hand.load(Ordering::Relaxed)));
        options.own = Arc::new(|address| address.to_string().starts_with("192.0.2."));
        options
    }
}

pub(crate) fn open(folder: &Path) -> Record {
    Record::open(folder, Hand::new().options()).unwrap()
}

/// An entry of a person.
pub(crate) fn act(number: u64) -> Entry {
    let body = json!({"number": number});
    Entry::new(Kind::Done, Actor::Person("anna".to_owned()), format!("act-{number}"), body)
}

/// The time as events have it.
pub(crate) fn time(second: i64) -> String {
    let timestamp = jiff::Timestamp::from_second(second).unwrap();
    format!("{timestamp:.6}")
}

/// A line about a flood of `www`.
pub(crate) fn flood(id: &str, phase: &str, second: i64, packets: f64, vector: &str) -> Value {
    json!({
        "kind": "flood", "phase": phase, "id": id, "time": time(second), "onset": time(second - 1),
        "direction": "in", "target": {"kind": "address", "name": "www", "addresses": ["203.0.113.80"]},
        "vectors": [{"name": vector, "share": 1.0}],
        "packets_per_second": packets, "bits_per_second": packets * 480.0, "requests_per_second": null,
        "baseline_packets_per_second": 900.0,
        "sources": {"distinct": 41_000, "spoofing": "unlikely",
            "top": [{"address": "198.51.100.7", "share": 0.02}, {"address": "2001:db8:5::9", "share": 0.01}]},
        "confidence": 0.98, "certainty": "exact", "sampling": 1,
        "evidence": {"reason": "SYN packets from 198.51.100.7 and others to 203.0.113.80", "excess_ratio": 20.0,
            "peak_packets_per_second": packets}
    })
}

/// An event, scoped as the wiring does it.
pub(crate) fn observed(event: Value) -> Entry {
    Entry::observed(event).scoped(vec!["own".to_owned()], vec!["www".to_owned()])
}

/// Waits until something outside of this process is so; there is no clock to set there.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let (_keep, never) = channel::<()>();
    for _ in 0..400 {
        if is_so() {
            return;
        }
        let _ = never.recv_timeout(Duration::from_millis(50));
    }
    panic!("{what}: not within 20 seconds");
}
