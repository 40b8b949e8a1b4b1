//! Indicators against what passes by: addresses of flow records and packets, clients and referrers of logs, names in TLS and DNS.
//!
//! Those who see traffic only write down who spoke to whom ([`scout`]); a thread of its own looks that up in the table of the store ([`known`])
//! and tells at most one sign for each indicator, and one more where the source is ours, in [`limit::EACH`]. Nobody waits for it. The store's files are looked at
//! every few seconds and read again when they changed; without any the scouts write nothing down.
//!
//! # What is not matched
//! What stands on a warning list or is our own, what has lost its worth, what its feed said is over, what is TLP:RED (a sign gives it on, and a
//! machine gives that to nobody), hashes and addresses of mail (nothing here sees one), and patterns of more than one observation.
//!
//! # Limits
//! * A scout writes down [`scout::EACH_TICK`] things in a tenth of a second, and a conversation once in that time. What it leaves out, and what finds no room in the queue while
//!   the table is read or the machine is busy, is counted: then it is a sample that is looked at.
//! * Sightings are remembered until the service stops or the value leaves the store.
//! * Of a referrer the host alone is told, since paths and queries may be about a person; the whole URL only where the indicator is that URL.
//! * Names are read from the first packet of a ClientHello and the first question of a DNS message over UDP.

mod known;
mod limit;
mod names;
mod scout;
mod sign;

use std::borrow::Cow;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use institution::Institution;
use intel::host::{Host, of_url};
use intel::indicator::Kind;

use super::config::Foresight;
use super::outlet::{Drain, Outlet};
use super::output::{Log, Output};
use super::shared::Shared;
use known::Known;
use limit::{Limit, Slot, Verdict};
use scout::{Batch, Row};
pub(super) use scout::{Scout, What};
pub(super) use sign::Sign;
use sign::{Found, Party};

/// Batches that wait for the thread.
const BATCHES: usize = 32;
/// Between two looks at the store.
const LOOK: Duration = Duration::from_secs(2);
/// Between two looks at what has lost its worth: it falls by the day.
const WORTH: Duration = Duration::from_secs(3_600);

/// What was counted, for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Whether there is anything to look for.
    wanted: AtomicBool,
    pub(crate) indicators: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) warned: AtomicU64,
    pub(crate) withheld: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) patterns: AtomicU64,
    pub(crate) loads: AtomicU64,
    pub(crate) loads_failed: AtomicU64,
    pub(crate) looked: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) matches: AtomicU64,
    pub(crate) matches_expired: AtomicU64,
    pub(crate) signs: AtomicU64,
    pub(crate) signs_suppressed: AtomicU64,
}

/// Makes scouts.
pub(super) struct Scouts {
    sender: Option<SyncSender<Batch>>,
    key: [u8; 16],
    shared: Arc<Shared>,
}

impl Scouts {
    /// Those of a service that is to look for the indicators of a store, and its thread; without a store they write nothing down.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn start(
        settings: Option<&Foresight>,
        key: [u8; 16],
        shared: &Arc<Shared>,
        (events, log): (Outlet<Output>, Log),
    ) -> std::io::Result<(Self, Option<Drain>)> {
        let mut scouts = Self { sender: None, key, shared: shared.clone() };
        let matched = settings.filter(|settings| !settings.ignore_indicators);
        let Some((store, settings)) = matched.and_then(|own| Some((own.store.clone()?, own))) else {
            return Ok((scouts, None));
        };
        let (sender, receiver) = sync_channel(BATCHES);
        let (alive, drain) = Drain::pair();
        let matcher =
            Matcher::new((store, settings.warning_lists.clone()), key, shared.clone(), (events, log));
        thread::Builder::new().name("indicators".to_owned()).spawn(move || {
            matcher.run(&receiver);
            drop(alive);
        })?;
        scouts.sender = Some(sender);
        Ok((scouts, Some(drain)))
    }

    /// Another one.
    pub(super) fn scout(&self) -> Scout {
        match &self.sender {
            Some(sender) => Scout::new(sender.clone(), self.shared.clone(), self.key),
            None => Scout::blind(),
        }
    }
}

/// The thread.
struct Matcher {
    store: PathBuf,
    warning_lists: Vec<PathBuf>,
    known: Known,
    /// Addresses of a batch, which are looked up together, and the row of each.
    ends: Vec<IpAddr>,
    rows: Vec<usize>,
    /// Those that are known, and the indicator of each.
    found: Vec<(usize, u32)>,
    limit: Limit,
    begun: Instant,
    key: [u8; 16],
    shared: Arc<Shared>,
    generation: u64,
    events: Outlet<Output>,
    log: Log,
    /// The last complaint.
    said: String,
}

impl Matcher {
    fn new(
        (store, warning_lists): (PathBuf, Vec<PathBuf>),
        key: [u8; 16],
        shared: Arc<Shared>,
        (events, log): (Outlet<Output>, Log),
    ) -> Self {
        Self {
            store,
            warning_lists,
            known: Known::new(key),
            ends: Vec::new(),
            rows: Vec::new(),
            found: Vec::new(),
            limit: Limit::default(),
            begun: Instant::now(),
            key,
            shared,
            generation: 0,
            events,
            log,
            said: String::new(),
        }
    }

    fn run(mut self, receiver: &Receiver<Batch>) {
        let (mut looked, mut weighed) = (None::<Instant>, Instant::now());
        loop {
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                if self.look_at_store() {
                    weighed = Instant::now();
                }
            }
            if weighed.elapsed() >= WORTH {
                weighed = Instant::now();
                self.known.weigh(now_seconds());
                self.count_known();
            }
            match receiver.recv_timeout(LOOK) {
                Ok(batch) => self.look_at(batch, self.begun.elapsed()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Reads the store if it changed. Whether it was read.
    fn look_at_store(&mut self) -> bool {
        let is_other_house = self.shared.newer_institution(&mut self.generation).is_some();
        if !self.known.has_changed(&self.store, &self.warning_lists) && !is_other_house {
            return false;
        }
        let counts = &self.shared.indicators;
        let institution = self.shared.institution();
        match Known::read(&self.store, &self.warning_lists, &institution, self.key) {
            Ok(mut known) => {
                known.succeed(&mut self.known, now_seconds());
                let before = self.known.line();
                self.known = known;
                self.limit.renumber(|kind, value| self.known.find(kind, value));
                counts.loads.fetch_add(1, Ordering::Relaxed);
                let line = self.known.line();
                if line != before {
                    self.log.say(&line);
                }
                self.said.clear();
            }
            Err(error) => {
                counts.loads_failed.fetch_add(1, Ordering::Relaxed);
                let text = format!("warning: indicators are as before: {error:#}");
                if text != self.said {
                    self.log.say(&text);
                }
                self.said = text;
            }
        }
        self.count_known();
        true
    }

    fn count_known(&self) {
        let (counts, known) = (&self.shared.indicators, &self.known);
        counts.wanted.store(known.len() > 0, Ordering::Relaxed);
        for (counter, value) in [
            (&counts.indicators, known.len()),
            (&counts.expired, known.expired),
            (&counts.warned, known.warned()),
            (&counts.withheld, known.withheld),
            (&counts.refused, known.refused()),
            (&counts.patterns, known.patterns),
        ] {
            counter.store(value as u64, Ordering::Relaxed);
        }
    }

    /// What a batch has; `now` is the time since the thread began, since rows say of their own times what they like.
    fn look_at(&mut self, batch: Batch, now: Duration) {
        self.shared.indicators.looked.fetch_add(batch.rows.len() as u64, Ordering::Relaxed);
        self.ends.clear();
        self.rows.clear();
        for (place, row) in batch.rows.iter().enumerate() {
            if row.what.is_conversation() || row.what == What::Client {
                self.ends.push(row.source.to_ip());
                self.rows.push(place);
            }
            if row.what.is_conversation() {
                self.ends.push(row.destination.to_ip());
                self.rows.push(place);
            }
        }
        self.found.clear();
        let found = &mut self.found;
        self.known.addresses(&self.ends, |end, index| found.push((end, index)));
        let institution = self.shared.institution();
        let here = Here { institution: &institution, now };
        for found in 0..self.found.len() {
            let Some((end, index)) = self.found.get(found).copied() else { break };
            if let Some(row) = self.rows.get(end).and_then(|place| batch.rows.get(*place)) {
                let target = if row.what == What::Client {
                    Target::Nothing
                } else {
                    Target::Address(row.destination.to_ip())
                };
                self.met(index, row, target, here);
            }
        }
        for row in batch.rows.iter().filter(|row| !row.what.is_conversation() && row.what != What::Client) {
            let text = batch.text_of(row);
            let named = if row.what == What::Referrer {
                self.referrer(&text)
            } else {
                self.known.domain(&text).map(|index| (index, Target::Name(Cow::Borrowed(&*text))))
            };
            if let Some((index, target)) = named {
                self.met(index, row, target, here);
            }
        }
        batch.give_back();
    }

    /// The indicator that a referrer is or whose host it names, the first that is worth something, and what of the referrer it is.
    fn referrer<'a>(&self, url: &'a str) -> Option<(u32, Target<'a>)> {
        let whole = self.known.find(Kind::Url, url).map(|index| (index, Target::Name(Cow::Borrowed(url))));
        if whole.as_ref().is_some_and(|(index, _)| self.known.is_alive(*index)) {
            return whole;
        }
        let host = match of_url(url)? {
            Host::Address(address) => {
                self.known.address(address).map(|index| (index, Target::Address(address)))
            }
            Host::Name(name) => self.known.domain(&name).map(|index| (index, Target::Name(name))),
        };
        host.or(whole)
    }

    /// Something known passed by.
    fn met(&mut self, index: u32, row: &Row, target: Target<'_>, here: Here<'_>) {
        let counts = &self.shared.indicators;
        counts.matches.fetch_add(1, Ordering::Relaxed);
        if !self.known.is_alive(index) {
            counts.matches_expired.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let source = row.source.to_ip();
        let slot = Slot { index, is_ours: here.institution.lookup(source).zone().is_some() };
        let Verdict::Tell { further } = self.limit.judge(slot, here.now) else {
            counts.signs_suppressed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let seconds = u32::try_from(row.time.nanoseconds().div_euclid(1_000_000_000)).unwrap_or(0);
        let Some(found) = self.known.sight(index, seconds) else {
            counts.matches_expired.fetch_add(1, Ordering::Relaxed);
            return;
        };
        self.limit.told(slot, here.now, (found.kind, &found.value));
        counts.signs.fetch_add(1, Ordering::Relaxed);
        let target = match target {
            Target::Nothing => Party::named(""),
            Target::Address(address) => Party::of(address, here.institution),
            Target::Name(name) => Party::named(&name),
        };
        let (source, found) = (Party::of(source, here.institution), Found { found, further });
        let sign = Sign { time: row.time, source, target, seen_in: row.what, found };
        self.events.put_minor(Output::Sign(Box::new(sign)));
    }
}

/// Where and when a batch is looked at.
#[derive(Clone, Copy)]
struct Here<'a> {
    institution: &'a Institution,
    now: Duration,
}

/// What somebody wanted of which something is known.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Target<'a> {
    /// Something of ours: of a client no more is known.
    Nothing,
    Address(IpAddr),
    Name(Cow<'a, str>),
}

fn now_seconds() -> u32 {
    u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
