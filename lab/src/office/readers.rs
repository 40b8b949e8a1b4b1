//! Readers of events, each a thread with a connection of its own, and when each line came.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::Result;
use serde_json::Value;

use super::client::{Connection, Trust};
use super::site::Asker;
use crate::live::{SENDING_CORE, processor};

/// Readers that the console takes.
pub(super) const READERS: usize = 50;

/// What came, by what tells one line from another, and when.
pub(super) type Seen = Vec<(String, Instant)>;

/// Readers that go on until the service ends.
pub(super) struct Readers(Vec<JoinHandle<Seen>>);

impl Readers {
    /// Begins to read. `aside`: not on the core of the service.
    ///
    /// # Errors
    /// When one is refused.
    pub(super) fn listen(to: SocketAddr, trust: &Trust, asker: &Asker, aside: bool) -> Result<Self> {
        let mut threads = Vec::new();
        for _ in 0..READERS {
            let mut events = Connection::open(to, trust)?.listen(asker)?;
            threads.push(std::thread::spawn(move || {
                let mut read = || {
                    let mut seen = Seen::new();
                    while let Some(text) = events.next() {
                        seen.extend(key(&text).map(|key| (key, Instant::now())));
                    }
                    seen
                };
                if aside {
                    processor::on_cores(&[SENDING_CORE], || Ok(read())).unwrap_or_default()
                } else {
                    read()
                }
            }));
        }
        Ok(Self(threads))
    }

    /// What each has seen; to be asked once the service has ended.
    pub(super) fn finish(self) -> Vec<Seen> {
        self.0.into_iter().map(|thread| thread.join().unwrap_or_default()).collect()
    }
}

/// What tells one event from another.
fn key(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    let part = |name: &str| value[name].as_str();
    Some(format!("{} {} {}", part("id")?, part("phase")?, part("time")?))
}

/// The lines of a service's output with the time at which they came, until it ends.
pub(super) fn watch(output: Receiver<String>) -> JoinHandle<BTreeMap<String, Instant>> {
    std::thread::spawn(move || output.iter().filter_map(|line| Some((key(&line)?, Instant::now()))).collect())
}
