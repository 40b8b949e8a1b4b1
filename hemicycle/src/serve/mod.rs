//! `hemicycle serve`: collectors and the detector as a service.
//!
//! Each worker has a thread: it receives, decodes and judges exporters, and runs the detector, which several workers
//! share, one at a time. Standard output, standard error and `/metrics`
//! have threads as well, and nothing that receives ever waits for them. The main thread waits for signals and looks
//! after the institution file.
//!
//! All that can go wrong at the start goes wrong before the first thread runs.

pub(crate) mod config;
mod detection;
mod http;
mod indicators;
pub(crate) mod key;
mod learning;
mod live;
mod metrics;
pub(crate) mod office;
mod outlet;
mod output;
mod posture;
mod privileges;
mod proposals;
mod reload;
mod shared;
mod start;
mod summary;
mod supervisor;
mod text;
mod web;
mod web_learning;
mod witness;
mod worker;

use std::hash::BuildHasher;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use intake::collect::Bound;
use intake::mirror::Mirror;
use intake::syslog::Syslog;
use serde_json::json;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::cli::ServeArguments;
use crate::replay::privacy::Privacy;
use config::Undeclared;
pub(crate) use config::{Config, markdown as configuration};
use detection::{Detection, Together};
use indicators::Scouts;
use learning::{Before, Student};
use live::WebLines;
use live::follow::Followers;
use live::frames::Packets;
use metrics::Sources;
use office::Office;
use outlet::Drain;
use output::{Log, Output, Shown};
use proposals::Proposals;
use reload::{Again, InstitutionFile};
use shared::{Places, Shared};
use start::Prepared;
pub(crate) use start::config_of;
use summary::Summary;
use supervisor::Supervisor;
use web::Web;
use witness::{Figures, Tap, Witness};
use worker::Worker;

/// Between two looks at the institution file and at the threads.
const LOOK: Duration = Duration::from_secs(1);
/// For whoever reads to take what is still in the queues when the service stops.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// For what was seen last to be looked up when the service stops.
const LAST_MATCHES: Duration = Duration::from_secs(2);

/// For the disk to take what was learnt when the service stops.
const LAST_SAVE: Duration = Duration::from_secs(10);

/// Runs the service until it is told to stop, or only checks its configuration.
///
/// # Errors
/// When the configuration is unusable, something cannot be opened, or a thread ended.
pub(crate) fn run(arguments: &ServeArguments) -> Result<()> {
    if arguments.print_config {
        return Ok(std::io::stdout().lock().write_all(config::commented().as_bytes())?);
    }
    if arguments.check {
        return start::check(arguments);
    }
    // First, so that no signal finds the service without an answer to it.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).context("cannot wait for signals")?;
    let prepared = start::prepare(arguments)?;
    let (sender, signalled) = channel();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().try_for_each(|signal| sender.send(signal)))?;
    Service::start(prepared)?.run(&signalled)
}

/// The service, running.
struct Service {
    shared: Arc<Shared>,
    file: InstitutionFile,
    watch: bool,
    show_addresses: Option<String>,
    proposals: Option<Proposals>,
    workers: Vec<Running>,
    /// Of the thread that saves what was learnt.
    keepers: Vec<Drain>,
    /// Of the thread that looks for indicators.
    matcher: Option<Drain>,
    sources: Sources,
    events: outlet::Outlet<Output>,
    events_drain: Drain,
    log: Log,
    log_drain: Drain,
    supervisor: Supervisor,
    office: Office,
}

impl Service {
    fn start(prepared: Prepared) -> Result<Self> {
        let Prepared {
            config,
            file,
            institution,
            record,
            protected,
            key,
            before,
            bound,
            mirrors,
            syslog,
            listener,
            lines,
            timeline,
        } = prepared;
        let (log, log_drain) = Log::open()?;
        let shown = Shown { privacy: Privacy::new(config.show_addresses.clone()), timeline };
        let shared = Arc::new(Shared::new(institution, &Places::of(&config, &bound, mirrors.len())));
        lines.iter().for_each(|line| log.say(line));
        let mut office = Office::start(&config, (record, protected), &shared, &log)?;
        let (events, events_drain) = output::events(config.events_queued, shown, log.clone(), office.told())?;
        let (writer, channels, witness) = (office.writer(), office.channels(), office.witness());
        let sources = || Sources {
            shared: shared.clone(),
            record: writer.clone(),
            witness: witness.clone(),
            channels: channels.clone(),
            sockets: bound.sockets.clone(),
            logs: config.logs.iter().map(|(origin, _)| origin.name.clone()).collect(),
            ports: mirrors.iter().flat_map(|(mirror, _)| mirror.ports().to_vec()).collect(),
            events: events.counts().clone(),
            log: log.counts().clone(),
        };
        listener.map(|listener| http::start(listener, sources())).transpose()?;
        office.reads(&sources);
        let sources = sources();
        let told = ((events.clone(), log.clone()), witness);
        let (workers, keepers, matcher) =
            start_detection(&config, (bound.workers, mirrors, syslog), (before, key), told, &shared)?;
        log.say("ready");
        let supervisor = Supervisor::new();
        supervisor.ready(&start::institution_line(&shared.institution()));
        Ok(Self {
            shared,
            file,
            watch: config.watch,
            show_addresses: config.show_addresses,
            proposals: (config.undeclared == Undeclared::Propose).then(Proposals::default),
            workers,
            keepers,
            matcher,
            sources,
            events,
            events_drain,
            log,
            log_drain,
            supervisor,
            office,
        })
    }

    fn run(mut self, signalled: &Receiver<i32>) -> Result<()> {
        loop {
            match signalled.recv_timeout(LOOK) {
                Ok(SIGHUP) => {
                    self.supervisor.reloading();
                    let again = self.file.again();
                    self.reloaded(again, true);
                    self.office.reload_certificate(&self.log);
                    self.supervisor.ready(&start::institution_line(&self.shared.institution()));
                }
                Ok(_) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    if self.watch
                        && let Some(again) = self.file.look()
                    {
                        self.reloaded(again, false);
                    }
                }
            }
            if let Some(proposals) = &mut self.proposals {
                proposals.look(&self.shared).iter().for_each(|text| self.log.say(text));
            }
            if self.workers.iter().any(JoinHandle::is_finished) {
                break;
            }
            self.supervisor.alive(&self.shared);
            self.office.look(&self.log);
        }
        self.stop()
    }

    fn reloaded(&self, again: Again, was_asked: bool) {
        let name = self.file.name();
        match again {
            Again::Same if was_asked => self.log.say(&format!("{name} says the same as before")),
            Again::Same => {}
            Again::New(institution) => {
                let summary = start::institution_line(&institution);
                let institution = Arc::new(*institution);
                self.office.replace(institution.clone());
                self.shared.replace_institution(institution.clone());
                self.office.show_exposure(institution);
                self.shared.reloads.fetch_add(1, Ordering::Relaxed);
                self.log.say(&format!("took {name}: {summary}"));
                self.office.write(record::Kind::Configured, "institution", json!({ "now": summary }));
            }
            Again::Refused(why) => {
                self.shared.reloads_refused.fetch_add(1, Ordering::Relaxed);
                self.log.lines(crate::style::plain(&why).into_owned());
                self.log.say(&format!("error: {name} is refused; the one before stays"));
            }
        }
    }

    /// Ends every thread, and says what there was.
    fn stop(self) -> Result<()> {
        let was_asked = self.workers.iter().all(|worker| !worker.is_finished());
        self.supervisor.stopping();
        self.shared.stop();
        let ended: Vec<_> = self.workers.into_iter().map(JoinHandle::join).collect();
        if !self.keepers.iter().all(|keeper| keeper.wait(LAST_SAVE)) {
            self.log.say("warning: the disk is too slow; what was learnt last is not saved");
        }
        if self.matcher.is_some_and(|matcher| !matcher.wait(LAST_MATCHES)) {
            self.log.say("warning: what passed by last was not looked up");
        }
        let summary = Summary::new(&self.sources, self.show_addresses);
        self.log.say(&format!("stopped after {}", crate::style::duration(self.shared.seconds())));
        self.events.put(Output::Summary(serde_json::to_string(&summary)?));
        drop(self.events);
        self.events_drain.wait(LAST_WORDS);
        self.office.stop(self.shared.seconds(), &self.log);
        drop(self.log);
        self.log_drain.wait(LAST_WORDS);
        for worker in ended {
            match worker {
                Ok(done) => done.context("a worker had to stop")?,
                Err(_) => bail!("a worker ended by a fault of this program"),
            }
        }
        if !was_asked {
            bail!("a worker ended although nobody asked it to");
        }
        Ok(())
    }
}

type Running = JoinHandle<Result<()>>;

impl Places {
    fn of(config: &Config, bound: &Bound, mirrors: usize) -> Self {
        let (workers, logs) = (bound.workers.len(), config.logs.len());
        Self { workers, mirrors, logs, syslog: config.syslog.iter().len() }
    }
}

/// What is ordinary is learnt from now on, and saved.
fn teach(detection: &mut Detection, before: Before, shared: &Arc<Shared>, log: &Log) -> Result<Drain> {
    let taught = detection.teach(|detector, now| Student::start(before, detector, shared, log, now));
    taught.context("cannot start the thread that saves")
}

/// Every `[[log]]`, and `[syslog]`.
fn origins(config: &Config) -> Vec<live::Origin> {
    let logs = config.logs.iter().map(|(origin, _)| origin);
    logs.chain(config.syslog.iter().map(|(origin, _)| origin)).cloned().collect()
}

/// The threads that bring lines of logs.
fn start_lines(
    config: &Config,
    syslog: Option<Syslog>,
    (web, key): (Web, [u8; 16]),
    log: &Log,
    shared: &Arc<Shared>,
) -> Result<Vec<Running>> {
    let mut running = Vec::new();
    if !config.logs.is_empty() {
        let state = (config.state_folder.as_path(), key);
        let lines = WebLines::new(web.clone(), shared.clone());
        let followers = Followers::new(&config.logs, state, lines, log.clone(), shared.clone());
        running.push(thread("logs".to_owned(), move || {
            followers.run();
            Ok(())
        })?);
    }
    if let (Some(syslog), Some((origin, _))) = (syslog, &config.syslog) {
        let lines = WebLines::new(web, shared.clone());
        let (origin, shared) = (origin.clone(), shared.clone());
        let receiver = live::syslog::Receiver { syslog, origin, lines, shared };
        running.push(thread("syslog".to_owned(), move || Ok(receiver.run()?))?);
    }
    Ok(running)
}

/// Everything that receives and finds, what saves what was learnt, and what looks for indicators.
fn start_detection(
    config: &Config,
    (collectors, mirrors, syslog): (Vec<intake::collect::Worker>, Vec<(Mirror, u32)>, Option<Syslog>),
    (before, key): (Option<Before>, [u8; 16]),
    ((events, log), witness): ((outlet::Outlet<Output>, Log), Option<Witness>),
    shared: &Arc<Shared>,
) -> Result<(Vec<Running>, Vec<Drain>, Option<Drain>)> {
    let out = (events.clone(), log.clone());
    let (scouts, matcher) = Scouts::start(config.foresee.as_ref(), key, shared, out)
        .context("cannot start the thread that looks for indicators")?;
    let mut detection = Detection::new(shared.clone(), &config.limits, key, (events.clone(), log.clone()));
    let figures = || Figures::new(witness.as_ref().map(Witness::writer));
    detection.meter(figures());
    let learns = before.is_some();
    let keeper = before.map(|before| teach(&mut detection, before, shared, &log)).transpose()?;
    let mut keepers: Vec<_> = keeper.into_iter().collect();
    let web = Web::new(origins(config), key, (events, figures(), scouts.scout()), shared.clone());
    if learns && !shared.web.is_empty() {
        let taught = web.learn(&config.state_folder, &log, intake::collect::now());
        keepers.push(taught.context("cannot start the thread that saves")?);
    }
    let seen = Seen { witness, scouts, shared: shared.clone(), key };
    let mut workers = start_workers(collectors, mirrors, (detection, web.clone()), &seen)?;
    workers.extend(start_lines(config, syslog, (web, key), &log, shared)?);
    Ok((workers, keepers, matcher))
}

/// What those who see traffic need beside the detector.
struct Seen {
    /// Unless nothing is kept.
    witness: Option<Witness>,
    scouts: Scouts,
    shared: Arc<Shared>,
    key: [u8; 16],
}

impl Seen {
    /// Another one for each worker, and nobody's to know.
    fn seed(&self, number: usize) -> u64 {
        sketch::KeyedState::new(self.key).hash_one(number as u64)
    }
}

/// One worker has the detector for itself; several share it.
fn start_workers(
    collectors: Vec<intake::collect::Worker>,
    mirrors: Vec<(Mirror, u32)>,
    (detection, web): (Detection, Web),
    seen: &Seen,
) -> Result<Vec<Running>> {
    if collectors.len() + mirrors.len() == 1 {
        return spawn(collectors, mirrors, ([detection].into_iter(), web), seen);
    }
    let ways = Together::share(detection, collectors.len() + mirrors.len());
    spawn(collectors, mirrors, (ways.into_iter(), web), seen)
}

/// Each with its way to the detector.
fn spawn<S: detection::Sink + Send + 'static>(
    collectors: Vec<intake::collect::Worker>,
    mirrors: Vec<(Mirror, u32)>,
    (mut ways, web): (impl Iterator<Item = S>, Web),
    seen: &Seen,
) -> Result<Vec<Running>> {
    let mut running = Vec::new();
    let (shared, key) = (&seen.shared, seen.key);
    let (of_flows, of_frames) = (collectors.len(), mirrors.len());
    for ((number, collector), way) in collectors.into_iter().enumerate().zip(ways.by_ref()) {
        let tap = Tap::new(seen.witness.clone(), of_flows, seen.seed(number));
        let worker = Worker::new(number, collector, (way, tap, seen.scouts.scout()), shared.clone(), key);
        running.push(thread(format!("worker-{number}"), move || Ok(worker.run()?))?);
    }
    for ((number, mirror), way) in mirrors.into_iter().enumerate().zip(ways) {
        let tap = Tap::new(seen.witness.clone(), of_frames, seen.seed(number));
        let packets = Packets::new(way, web.clone(), tap, seen.scouts.scout());
        let worker = live::mirror::Worker::new(number, mirror, packets, shared.clone());
        running.push(thread(format!("mirror-{number}"), move || Ok(worker.run()?))?);
    }
    Ok(running)
}

fn thread(name: String, run: impl FnOnce() -> Result<()> + Send + 'static) -> Result<Running> {
    thread::Builder::new().name(name).spawn(run).context("cannot start a worker")
}
