//! A thousand clients at once, fifty of them readers of events, while floods go on, and somebody who drips his request.
//!
//! Clients keep their connection and ask for the first page every eight seconds. The tick is looked at in two ways: how long after its line on
//! standard output an event is at each reader, and how long an answer to `/api/v1/now` takes that is asked for twenty times a second.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;

use super::client::{Connection, Trust};
use super::readers::{READERS, Readers, Seen, watch};
use super::site::{Asker, Beside, Site};
use super::{Options, quantile};
use crate::live::datagram::Protocol;
use crate::live::pace;
use crate::live::ring::Mix;
use crate::live::sender::{Load, Sender};
use crate::live::tools::load_institution;
use crate::report::{Bar, Report};
use crate::table::Table;

/// What has to hold.
pub(super) const BARS: [&str; 3] = [
    "events at 50 readers among 1,000 clients and a dripping one, after standard output, 99 of 100",
    "answers to /api/v1/now among them, 99 of 100",
    "clients that are connected and answered",
];
/// Most milliseconds.
const MOST_MILLISECONDS: f64 = 100.0;
/// Clients, readers among them.
const CLIENTS: usize = 1_000;
/// Threads that are clients.
const THREADS: usize = 10;
/// From one question of a client to the next.
const EVERY: Duration = Duration::from_secs(8);
/// From one look at the tick to the next.
const PROBE: Duration = Duration::from_millis(50);
/// From one dripped byte to the next.
const DRIP: Duration = Duration::from_millis(500);
/// Datagrams of floods a second, and hosts that they go to.
const FLOOD: (f64, u32) = (500.0, 8);

/// What all have in common.
struct Crowd {
    to: SocketAddr,
    trust: Trust,
    asker: Asker,
    stop: AtomicBool,
    connected: AtomicUsize,
    failed: AtomicUsize,
}

impl Crowd {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn open(&self) -> Result<Connection> {
        Connection::open(self.to, &self.trust)
    }

    /// Some clients: each in its turn. Milliseconds of each answer.
    fn clients(&self, count: usize) -> Result<Vec<f64>> {
        let mut connections = (0..count).map(|_| self.open()).collect::<Result<Vec<_>>>()?;
        self.connected.fetch_add(count, Ordering::Relaxed);
        let (begin, step) = (Instant::now(), EVERY / count as u32);
        let mut times = Vec::new();
        for turn in 0_u32.. {
            while begin.elapsed() < step * turn && self.goes_on() {
                pace::wait(Duration::from_millis(5));
            }
            if !self.goes_on() {
                break;
            }
            let connection = &mut connections[turn as usize % count];
            let asked = Instant::now();
            match connection.ask("/", &self.asker) {
                Ok(answer) if answer.status == 200 => {
                    times.push(asked.elapsed().as_secs_f64() * 1e3);
                    if !answer.stays {
                        *connection = self.open()?;
                    }
                }
                _ => {
                    self.failed.fetch_add(1, Ordering::Relaxed);
                    *connection = self.open()?;
                }
            }
        }
        Ok(times)
    }

    /// Asks for what is so now, again and again. Milliseconds of each answer.
    fn probe(&self) -> Result<Vec<f64>> {
        let mut connection = self.open()?;
        let mut times = Vec::new();
        while self.goes_on() {
            let asked = Instant::now();
            ensure!(connection.ask("/api/v1/now", &self.asker)?.status == 200, "now is refused");
            times.push(asked.elapsed().as_secs_f64() * 1e3);
            pace::wait(PROBE.saturating_sub(asked.elapsed()));
        }
        Ok(times)
    }

    /// A request that never gets whole. How often it was cut off.
    fn drip(&self) -> usize {
        let mut cut = 0;
        while self.goes_on() {
            let Ok(mut connection) = self.open() else { continue };
            let mut all = b"GET / HTTP/1.1\r\nX: ".to_vec();
            all.extend([b'a'; 10_000]);
            for byte in all {
                if !self.goes_on() {
                    return cut;
                }
                if connection.drip(&[byte]).is_err() {
                    cut += 1;
                    break;
                }
                pace::wait(DRIP);
            }
        }
        cut
    }
}

/// What was measured.
struct Found {
    pages: Vec<f64>,
    probes: Vec<f64>,
    lags: Vec<f64>,
    connected: usize,
    failed: usize,
    cut: usize,
}

pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let mut found = gather(options.seconds.max(12.0))?;
    let mut table = Table::new(
        format!("{CLIENTS} clients, {READERS} of them readers of events, while {} floods go on", FLOOD.1),
        &["what", "how many", "median ms", "99 of 100 ms", "slowest ms"],
    );
    for (name, values) in [
        ("event at a reader, after standard output", &mut found.lags),
        ("answer to /api/v1/now", &mut found.probes),
        ("first page at one of the clients", &mut found.pages),
    ] {
        let figures = [0.5, 0.99, 1.0].map(|share| format!("{:.1}", quantile(values, share)));
        report.line(&json!({"kind": "crowd", "name": name, "count": values.len(), "milliseconds": figures}));
        let mut row = vec![name.to_owned(), values.len().to_string()];
        row.extend(figures);
        table.row(row);
    }
    report.table(table);
    for (bar, values) in BARS.iter().zip([&mut found.lags, &mut found.probes]) {
        let value = (!values.is_empty()).then(|| quantile(values, 0.99));
        report.bar(Bar::at_most(bar, value, MOST_MILLISECONDS, " ms", "nothing came"));
    }
    let measured = format!(
        "{} connected, {} answers, {} failed; the dripping one was cut off {} times",
        found.connected,
        found.pages.len(),
        found.failed,
        found.cut
    );
    let holds = found.connected == CLIENTS && found.failed == 0 && found.cut > 0;
    report.bar(Bar::new(BARS[2], format!("{CLIENTS}, none failed"), measured, holds));
    Ok(())
}

fn gather(seconds: f64) -> Result<Found> {
    let site = Site::new(&load_institution(), Beside::All, false)?;
    let [asker, _] = site.accounts("own")?;
    let mut running = site.start(None)?;
    let (to, trust) = running.console()?;
    let printed = watch(running.output().context("no output")?);
    let readers = Readers::listen(to, &trust, &asker, false)?;
    let crowd = Crowd {
        to,
        trust,
        asker,
        stop: AtomicBool::new(false),
        connected: AtomicUsize::new(READERS),
        failed: AtomicUsize::new(0),
    };
    let load = Load { protocol: Protocol::Netflow9, hosts: FLOOD.1, mix: Mix::Forged };
    let mut sender = Sender::new(&load, running.flows()?)?;
    let (pages, probes, cut) = std::thread::scope(|scope| {
        let each = || crowd.clients((CLIENTS - READERS) / THREADS);
        let clients: Vec<_> = (0..THREADS).map(|_| scope.spawn(each)).collect();
        let dripping = scope.spawn(|| crowd.drip());
        pace::until(Duration::from_secs(60), || crowd.connected.load(Ordering::Relaxed) == CLIENTS);
        let probing = scope.spawn(|| crowd.probe());
        let sent = sender.run(FLOOD.0, seconds);
        crowd.stop.store(true, Ordering::Relaxed);
        let pages = clients
            .into_iter()
            .map(|client| client.join().map_err(|_| anyhow::anyhow!("a client panicked"))?);
        let pages = pages.collect::<Result<Vec<_>>>()?.concat();
        let probes = probing.join().map_err(|_| anyhow::anyhow!("the probe panicked"))??;
        let cut = dripping.join().map_err(|_| anyhow::anyhow!("the dripping one panicked"))?;
        sent.map(|_| (pages, probes, cut))
    })?;
    drop(running);
    let printed = printed.join().unwrap_or_default();
    let lags = readers.finish().iter().flat_map(|seen| lags(seen, &printed)).collect();
    let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
    Ok(Found { pages, probes, lags, connected: count(&crowd.connected), failed: count(&crowd.failed), cut })
}

/// Milliseconds after standard output at which a reader had each line.
fn lags(seen: &Seen, printed: &BTreeMap<String, Instant>) -> Vec<f64> {
    let lag = |(key, at): &(String, Instant)| {
        Some(at.saturating_duration_since(*printed.get(key)?).as_secs_f64() * 1e3)
    };
    seen.iter().filter_map(lag).collect()
}
