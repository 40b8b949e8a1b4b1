//! What is done with events beside printing them: they are kept in the record, shown on the console, and told to people
//! and their tools.
//!
//! Nothing here is waited for by whoever detects: events come from the thread that prints them, and the record takes them
//! over a queue that counts what does not fit. A disk that takes nothing is said on the console, in the log and in
//! `/metrics`, and detection goes on.

mod board;
pub(crate) mod channels;
mod forecast;
mod links;
mod notices;
mod secrets;
pub(crate) mod snapshot;
mod troubles;

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use anyhow::{Context, Result};
use detect::Event;
use institution::Institution;
use record::{Actor, Entry, Kind, Record, State};
use serde_json::{Value, json};

use super::config::{Config, Foresight};
use super::indicators::Sign;
use super::metrics::Sources;
use super::output::Log;
use super::shared::Shared;
use super::witness::Witness;
use crate::files::shown;
use crate::replay::privacy::Privacy;
use crate::replay::reporter::json as line_of;
pub(crate) use board::Board;
pub(crate) use board::Concerned;
pub(in crate::serve) use board::SILENCE;
pub(crate) use channels::{Channels, KINDS};
use forecast::{Beside, Forecast};
use links::Links;
use notices::Notices;
use snapshot::Sensors;

/// The room whose acts these are.
const ROOM: &str = "serve";
/// A state of the record that lasts is said again after so many looks.
const SAID_AGAIN_LOOKS: u64 = 600;
/// Looks from one try to start a console to the next.
const CONSOLE_LOOKS: u64 = 10;

/// The record, the console and the channels, running.
pub(super) struct Office {
    record: Option<Record>,
    witness: Option<Witness>,
    live: Option<console::Live>,
    console: Option<console::Handle>,
    /// A console that did not start, because the disk takes nothing.
    waiting: Option<console::Options>,
    board: Arc<Board>,
    shared: Arc<Shared>,
    protected: Protected,
    channels: Channels,
    dead: channels::Dead,
    troubles: troubles::Troubles,
    /// What `/metrics` of the console says, once there is something.
    figures: Arc<OnceLock<Sources>>,
    sensors: Option<Sensors>,
    /// Every log and syslog, with the service that it was declared for.
    logs: Vec<(String, Option<String>)>,
    /// Looks since the record last wrote; nought while it does.
    degraded_looks: u64,
    /// What the outlook is made of, and the outlook, from the first look on.
    foresight: Option<Foresight>,
    forecast: Option<Forecast>,
    beside: Beside,
    /// Why the console's certificate was not taken at the last reload.
    certificate: Option<String>,
    /// Where links in notices lead.
    links: Links,
    looks: u64,
}

/// Hands events on: to the record, to the console's stream, to what goes on.
pub(crate) struct Teller {
    pub(crate) writer: Option<record::Writer>,
    pub(crate) live: Option<console::Live>,
    pub(crate) board: Arc<Board>,
    pub(crate) institution: Arc<Institution>,
}

impl Teller {
    /// An event, and its line as it may be shown. Never waits.
    pub(crate) fn event(&self, event: &Event, shown: &str) {
        let concerned = Concerned::by(&event.line().target, &self.institution);
        if let Some(live) = &self.live {
            let kind = if matches!(event, Event::Flood(_)) { "flood" } else { "surge" };
            live.publish(kind, &concerned.organisations, shown.trim_end());
        }
        if let Some(writer) = &self.writer {
            // Whole: the record itself puts codes in place of persons' addresses.
            let whole = serde_json::to_value(event).unwrap_or_default();
            let scope = concerned.clone();
            writer.offer(Entry::observed(whole).scoped(scope.organisations, scope.services));
        }
        let line = serde_json::from_str::<Value>(shown).unwrap_or_default();
        self.board.take(event, concerned, line, Instant::now());
    }
}

impl Teller {
    /// That something known passed by: to the record and to the console's stream, as far as its marking goes.
    fn sign(&self, sign: &Sign) {
        if !sign.may_be_told() {
            return;
        }
        let organisations = sign.organisations();
        if let Some(live) = &self.live {
            live.publish("sign", &organisations, &sign.shown(&Privacy::new(None)).to_string());
        }
        if let Some(writer) = &self.writer {
            writer.offer(Entry::observed(sign.whole()).scoped(organisations, sign.services()));
        }
    }
}

/// What the thread of events hands on, with the institution file as it is now.
pub(super) struct Told {
    teller: Teller,
    /// Unless there is nobody to tell.
    notices: Option<Notices>,
    witness: Option<Witness>,
    shared: Arc<Shared>,
    generation: u64,
}

impl Told {
    /// As [`Teller::event`], and to the channels. Nothing is done if nobody wants to know.
    pub(super) fn event(&mut self, event: &Event) {
        if self.teller.writer.is_none() && self.notices.is_none() {
            return;
        }
        if let Some(newer) = self.shared.newer_institution(&mut self.generation) {
            self.teller.institution = newer;
        }
        if let Some(witness) = &self.witness {
            witness.event(event);
        }
        if let Some(notices) = &mut self.notices {
            notices.event(event, &self.teller.institution);
        }
        if self.teller.writer.is_some() {
            // As networks, whatever standard output shows.
            self.teller.event(event, &line_of(event, &Privacy::new(None)));
        }
    }
}

impl Told {
    /// As [`Teller::sign`]. Channels are not told: who reads them is not known to be of the house.
    pub(super) fn sign(&self, sign: &Sign) {
        self.teller.sign(sign);
    }
}

/// The institution file as it is now, for whoever asks which addresses are nobody's personal data.
#[derive(Clone)]
pub(super) struct Protected(Arc<RwLock<Arc<Institution>>>);

impl Protected {
    /// That of the start.
    pub(super) fn new(institution: Arc<Institution>) -> Self {
        Self(Arc::new(RwLock::new(institution)))
    }

    fn now(&self) -> Arc<Institution> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another one was taken.
    pub(super) fn replace(&self, institution: Arc<Institution>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = institution;
    }
}

/// Opens the record, if there is to be one: before anything runs, so that a record that cannot be used stops the start.
///
/// # Errors
/// When it is of another key or a newer version, is damaged, or another process has it. A disk that takes nothing is no
/// reason not to detect: the record then waits for it, and a line says so.
pub(super) fn open_record(
    config: &Config,
    key: [u8; 16],
    protected: &Protected,
) -> Result<(Option<Record>, Option<String>)> {
    let Some(kept) = &config.record else { return Ok((None, None)) };
    let mut options = record::Options::new(key, Arc::new(now_nanoseconds));
    options.retention = kept.retention;
    let own = protected.clone();
    options.own = Arc::new(move |address| own.now().lookup(address).zone().is_some());
    let (record, error) = Record::open_or_wait(&kept.folder, options).context("cannot open the record")?;
    let line = error.map(|error| format!("warning: nothing is recorded until the disk takes it: {error}"));
    Ok((Some(record), line))
}

pub(crate) fn now_nanoseconds() -> i64 {
    i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}

impl Office {
    /// Opens the channels, starts the console, if there is to be one, and writes down that the service starts.
    ///
    /// # Errors
    /// When a channel cannot be opened or the console cannot start.
    pub(super) fn start(
        config: &Config,
        (record, protected): (Option<Record>, Protected),
        shared: &Arc<Shared>,
        log: &Log,
    ) -> Result<Self> {
        let witness = record.as_ref().map(|record| Witness::new(record.writer()));
        let mut office = Self {
            record,
            witness,
            live: None,
            console: None,
            waiting: None,
            board: Arc::new(Board::default()),
            shared: shared.clone(),
            protected,
            channels: Channels::open(&config.notify, &shared.institution())?,
            dead: channels::Dead::default(),
            troubles: troubles::Troubles::default(),
            figures: Arc::new(OnceLock::new()),
            sensors: None,
            logs: super::origins(config).into_iter().map(|origin| (origin.name, origin.service)).collect(),
            degraded_looks: 0,
            foresight: config.foresee.clone(),
            forecast: None,
            beside: Beside::default(),
            certificate: None,
            links: Links::new(config.console.as_ref().and_then(|desk| desk.url.clone())),
            looks: 0,
        };
        // The start has said that nothing is recorded, so the end of that is said too, however soon it comes.
        office.degraded_looks = u64::from(office.is_degraded());
        office.troubles.lead(&office.links);
        office.channels.lines().iter().for_each(|line| log.say(line));
        office.open_console(config, log)?;
        office.write(Kind::Started, "service", json!({ "version": env!("CARGO_PKG_VERSION") }));
        Ok(office)
    }

    /// The console, if there is to be one.
    fn open_console(&mut self, config: &Config, log: &Log) -> Result<()> {
        let (Some(desk), Some(record)) = (&config.console, &self.record) else { return Ok(()) };
        let live = console::Live::new(snapshot::first(&self.shared.institution()));
        let mut options = console::Options::new(desk.folder.clone(), desk.listen.clone(), snapshot::clock());
        options.tls = desk.tls.clone();
        let figures = self.figures.clone();
        options.figures = Arc::new(move || figures.get().map(Sources::text).unwrap_or_default());
        options.signers = secrets::signers(&config.webhooks)?;
        options.provider = secrets::provider(config, &self.shared.institution())?;
        options.countries = desk.countries.clone();
        options.outside = outside(record.writer());
        let protected = self.protected.clone();
        options.belongs = Arc::new(move |address, name| Concerned::belongs(address, name, &protected.now()));
        options.judge = forecast::judge(self.foresight.as_ref(), &self.beside, log);
        let complaints = log.clone();
        options.complain = Arc::new(move |text: &str| complaints.say(text));
        options.retention = snapshot::retention(config);
        self.live = Some(live);
        match self.start_console(&options, log) {
            Err(error) if self.is_degraded() => {
                log.say(&format!("warning: there is no console until the disk takes something: {error:#}"));
                self.waiting = Some(options);
                Ok(())
            }
            done => done,
        }
    }

    fn start_console(&mut self, options: &console::Options, log: &Log) -> Result<()> {
        let (Some(record), Some(live)) = (&self.record, &self.live) else { return Ok(()) };
        make_folder(&options.folder).with_context(|| format!("cannot make {}", shown(&options.folder)))?;
        let (archive, journal) = (Arc::new(record.reader()), Arc::new(record.writer()));
        let handle = console::start(options.clone(), live.clone(), archive, journal)
            .context("cannot start the console")?;
        said(&handle).iter().for_each(|line| log.say(line));
        if let Some(provider) = &options.provider {
            log.say(&format!("people may sign in by {}", provider.issuer));
        }
        self.console = Some(handle);
        self.show_exposure(self.shared.institution());
        Ok(())
    }

    /// A console that could not start is started once it can be; tried at a bounded pace.
    fn look_at_console(&mut self, log: &Log) {
        self.looks += 1;
        if !self.looks.is_multiple_of(CONSOLE_LOOKS) {
            return;
        }
        let Some(options) = self.waiting.take() else { return };
        if let Err(error) = self.start_console(&options, log) {
            // The disk has its own line.
            if !self.is_degraded() && self.looks.is_multiple_of(SAID_AGAIN_LOOKS / 10) {
                log.say(&format!("warning: {error:#}"));
            }
            self.waiting = Some(options);
        }
    }

    fn is_degraded(&self) -> bool {
        self.record
            .as_ref()
            .is_some_and(|record| matches!(record.writer().health().state, State::Degraded { .. }))
    }

    /// From now on sensors and figures are read from here.
    pub(super) fn reads(&mut self, sources: &dyn Fn() -> Sources) {
        // It is not set twice.
        let _ = self.figures.set(sources());
        self.sensors = Some(Sensors::new(sources()));
    }

    /// Works out what an institution is exposed to and shows it, on a thread of its own: a large file takes seconds, and
    /// nothing else waits for it.
    pub(super) fn show_exposure(&self, institution: Arc<Institution>) {
        let (Some(live), shared) = (self.live.clone(), self.shared.clone()) else { return };
        let work = move || {
            let views = crate::expose::view::views(&institution);
            // A file that was read meanwhile has its own thread.
            if Arc::ptr_eq(&institution, &shared.institution()) {
                live.show_exposure(views);
            }
        };
        // Without a thread the page stays as it is; the detector needs none of this.
        let _ = std::thread::Builder::new().name("exposure".to_owned()).spawn(work);
    }

    /// The console's certificate is read again; a broken one is refused, and everybody sees that.
    pub(super) fn reload_certificate(&mut self, log: &Log) {
        let Some(console) = &self.console else { return };
        let before = self.certificate.take();
        match console.reload_certificate() {
            Ok(None) => {}
            Ok(Some(fingerprint)) => {
                self.shared.certificates.fetch_add(1, Ordering::Relaxed);
                log.say(&format!(
                    "the console has another certificate, with the SHA-256 fingerprint {fingerprint}"
                ));
                self.write(Kind::Configured, "console certificate", json!({ "fingerprint": fingerprint }));
            }
            Err(error) => {
                self.shared.certificates_refused.fetch_add(1, Ordering::Relaxed);
                log.say(&format!(
                    "error: the console's certificate is refused, and the one before stays: {error}"
                ));
                self.certificate = Some(format!(
                    "the console's new certificate is refused, and the one before stays: {error}"
                ));
            }
        }
        if before != self.certificate {
            self.troubles.certificate(self.certificate.as_deref(), &self.channels);
        }
    }

    /// Another institution file was taken.
    pub(super) fn replace(&self, institution: Arc<Institution>) {
        self.channels.declare(&institution);
        self.protected.replace(institution);
    }

    /// Where things are kept, if they are.
    pub(super) fn writer(&self) -> Option<record::Writer> {
        self.record.as_ref().map(Record::writer)
    }

    /// Where evidence goes, if anything is kept.
    pub(super) fn witness(&self) -> Option<Witness> {
        self.witness.clone()
    }

    /// Whom to tell.
    pub(super) fn channels(&self) -> Channels {
        self.channels.clone()
    }

    /// For the thread of events.
    pub(super) fn told(&self) -> Told {
        let teller = Teller {
            writer: self.writer(),
            live: self.live.clone(),
            board: self.board.clone(),
            institution: self.shared.institution(),
        };
        let notices = Notices::new(&self.channels, &self.links);
        let witness = self.witness.clone();
        Told { teller, notices, witness, shared: self.shared.clone(), generation: 0 }
    }

    /// An act of the service itself, without waiting for the disk.
    pub(super) fn write(&self, kind: Kind, subject: &str, body: Value) {
        if let Some(record) = &self.record {
            record.writer().offer(Entry::new(kind, Actor::Room(ROOM.to_owned()), subject, body));
        }
    }

    /// About once a second: the console's snapshot, what sensors did, whether the record writes and channels lead anywhere.
    pub(super) fn look(&mut self, log: &Log) {
        // Windows lower floors whether or not anybody looks at them.
        if let (None, Some(settings)) = (&self.forecast, &self.foresight) {
            self.forecast = Some(Forecast::start(settings, &self.shared, &self.beside, log));
        }
        let Some(sensors) = &mut self.sensors else { return };
        if self.record.is_none() && self.channels.is_empty() {
            return;
        }
        let seen = sensors.look(&self.shared);
        let is_minute = sensors.is_minute();
        if let Some(witness) = &self.witness {
            witness.forget_silent();
        }
        self.look_at_console(log);
        self.troubles.sensors(&seen, &self.channels);
        let (mut warnings, lines) = self.dead.look(&self.channels);
        warnings.extend(self.certificate.clone());
        lines.iter().for_each(|line| log.say(line));
        if let Some(writer) = self.writer() {
            if is_minute {
                writer.offer_sensors(seen.iter().map(snapshot::seen).collect());
            }
            warnings.extend(self.look_at_record(&writer, log));
        }
        if let Some(live) = &self.live {
            let institution = self.shared.institution();
            let sees = |sensor: &_, service: &_| snapshot::sees(&institution, &self.logs, sensor, service);
            let mut snapshot =
                snapshot::of(&institution, &self.board.running(Instant::now()), (seen, &sees), warnings);
            snapshot.outlook = self.forecast.as_ref().and_then(Forecast::latest);
            let state = self.shared.detection.read().readiness;
            snapshot.readiness = self.shared.posture.now().map(|standing| standing.shown(&state));
            live.show(snapshot);
        }
    }

    /// A warning if nothing is recorded; the log and the channels are told when that begins and ends.
    fn look_at_record(&mut self, writer: &record::Writer, log: &Log) -> Option<String> {
        let warning = match writer.health().state {
            State::Writing => None,
            State::Degraded { why, lost, .. } => {
                Some(format!("nothing is recorded: {why}; {lost} things were lost; floods are still found"))
            }
            State::Closed => Some("nothing is recorded: the writer has ended".to_owned()),
        };
        self.troubles.record(warning.as_deref(), &self.channels);
        if let Some(warning) = &warning {
            if self.degraded_looks.is_multiple_of(SAID_AGAIN_LOOKS) {
                log.say(&format!("warning: {warning}"));
            }
            self.degraded_looks += 1;
        } else if std::mem::take(&mut self.degraded_looks) > 0 {
            log.say("the record is written again");
        }
        warning
    }

    /// The end: what waits is told and written.
    pub(super) fn stop(self, seconds: f64, log: &Log) {
        if !self.channels.stop() {
            log.say("warning: a channel is too slow; what waited for it is not told");
        }
        if let Some(console) = self.console {
            console.stop();
        }
        if let Some(record) = self.record {
            let body = json!({ "after_seconds": seconds });
            let entry = Entry::new(Kind::Stopped, Actor::Room(ROOM.to_owned()), "service", body);
            if let Err(error) = record.writer().append(entry) {
                log.say(&format!("warning: the end is not recorded: {error}"));
            }
        }
    }
}

/// Floods that others saw are kept as what was observed, with who told of them.
fn outside(writer: record::Writer) -> console::Outside {
    Arc::new(move |flood| {
        let subject = flood.id.clone().unwrap_or_else(|| flood.told_by.clone());
        let actor = Actor::Program(flood.told_by.clone());
        let told = serde_json::to_value(&flood).unwrap_or_default();
        writer.offer(Entry::new(Kind::Observed, actor, subject, json!({ "kind": "external", "told": told })))
    })
}

/// Accounts and keys are for the service's eyes only.
pub(crate) fn make_folder(folder: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// What the person who started it has to know of the console.
pub(crate) fn said(handle: &console::Handle) -> Vec<String> {
    let mut lines = Vec::new();
    let scheme = if handle.fingerprint().is_some() { "https" } else { "http" };
    for address in handle.addresses() {
        lines.push(format!("console on {scheme}://{address}/"));
    }
    if let Some(fingerprint) = handle.fingerprint() {
        lines.push(format!("its certificate has the SHA-256 fingerprint {fingerprint}"));
    }
    if let (Some(link), Some(address)) = (handle.first_link(), handle.addresses().first()) {
        lines.push(format!("nobody has an account yet; the first one is made at {scheme}://{address}{link}"));
    }
    lines
}

/// A line of a flood on some addresses.
#[cfg(test)]
pub(in crate::serve) fn told(id: &str, phase: detect::Phase, addresses: &[&str]) -> Event {
    use detect::event::{Certainty, Direction, Evidence, FloodEvent, Sources, Target, TargetKind};

    let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
    let (time, onset) = (wire::Time::from_seconds(2, 0), wire::Time::from_seconds(1, 0));
    Event::Flood(Box::new(FloodEvent {
        phase,
        id: id.to_owned(),
        time,
        onset,
        direction: Direction::In,
        target: Target { kind: TargetKind::Address, name: id.to_owned(), addresses },
        vectors: Vec::new(),
        packets_per_second: None,
        bits_per_second: None,
        requests_per_second: None,
        baseline_packets_per_second: None,
        sources: Sources::default(),
        confidence: 0.9,
        certainty: Certainty::Exact,
        sampling: 1,
        evidence: Evidence::default(),
    }))
}
