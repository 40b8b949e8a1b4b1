//! The detector of the service: fed by a worker on its own thread, or by several over a queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use detect::{Detector, Event, Limits, Observation, Phase, Scope};
use institution::Institution;
use intake::collect;
use sketch::KeyedState;
use wire::Time;

use super::learning::Student;
use super::outlet::{Drain, Outlet};
use super::output::{Log, Output};
use super::shared::Shared;

/// Records that are handed over together.
const BATCH_RECORDS: usize = 256;
/// Batches that may wait for the detector: 65,536 records, 65 ms of a million a second.
const BATCHES: usize = 256;
/// Time between two looks at the clock when nothing comes.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Where a worker's observations go.
pub(super) trait Sink {
    /// Takes one.
    fn observe(&mut self, observation: &Observation);
    /// Something was lost on the way.
    fn loss(&mut self);
    /// It is `now`, and everything that was received before is here.
    fn advance(&mut self, now: Time);
    /// About ten times a second: reports, and takes another institution if there is one.
    fn tick(&mut self);
    /// Nothing more comes.
    fn finish(self);
    /// Records that found no room.
    fn dropped_records(&self) -> u64;
}

/// The detector with what it needs to be heard.
pub(super) struct Detection {
    detector: Detector,
    /// Unless nothing is to be learnt.
    student: Option<Student>,
    now: Time,
    key: [u8; 16],
    events: Outlet<Output>,
    log: Log,
    shared: Arc<Shared>,
    generation: u64,
    floods: u64,
    floods_running: u64,
    traffic_bytes: u64,
    losses_noted: u64,
}

impl Detection {
    /// Nothing is seen yet.
    pub(super) fn new(
        shared: Arc<Shared>,
        limits: &Limits,
        key: [u8; 16],
        (events, log): (Outlet<Output>, Log),
    ) -> Self {
        let scope = scope_of(&shared.institution(), key);
        let detection = Self {
            detector: Detector::new(scope, limits, key),
            student: None,
            now: collect::now(),
            key,
            events,
            log,
            shared,
            generation: 0,
            floods: 0,
            floods_running: 0,
            traffic_bytes: 0,
            losses_noted: 0,
        };
        detection.warn();
        detection
    }

    /// What is ordinary is learnt from now on.
    pub(super) fn teach(
        &mut self,
        start: impl FnOnce(&mut Detector, Time) -> std::io::Result<(Student, Drain)>,
    ) -> std::io::Result<Drain> {
        let (student, drain) = start(&mut self.detector, self.now)?;
        self.student = Some(student);
        Ok(drain)
    }

    #[inline]
    fn tell(&mut self) {
        if self.detector.has_events() {
            self.tell_all();
        }
    }

    #[cold]
    fn tell_all(&mut self) {
        for event in self.detector.take_events() {
            let Event::Flood(flood) = &event;
            match flood.phase {
                Phase::Start => {
                    self.floods += 1;
                    self.floods_running += 1;
                }
                Phase::End => self.floods_running = self.floods_running.saturating_sub(1),
                Phase::Update => {}
            }
            if flood.phase == Phase::Update {
                self.events.put_minor(Output::Event(event));
            } else {
                self.events.put(Output::Event(event));
            }
        }
    }
}

impl Sink for Detection {
    #[inline]
    fn observe(&mut self, observation: &Observation) {
        self.traffic_bytes = self.traffic_bytes.saturating_add(observation.bytes);
        self.detector.observe(observation);
        self.tell();
    }

    fn loss(&mut self) {
        self.losses_noted += 1;
        self.detector.note_loss();
    }

    fn advance(&mut self, now: Time) {
        self.now = now;
        self.detector.advance(now);
        self.tell();
    }

    fn tick(&mut self) {
        if let Some(institution) = self.shared.newer_institution(&mut self.generation) {
            self.replace_scope(institution);
        }
        if let Some(student) = &mut self.student {
            student.tick(&mut self.detector, self.now);
        }
        self.shared.report(&self.shared.detection, |report| self.fill(report));
    }

    fn finish(mut self) {
        if let Some(student) = &self.student {
            student.collect(&self.detector, self.now);
        }
        self.detector.finish();
        self.tell();
        self.shared.report_last(&self.shared.detection, |report| self.fill(report));
    }

    fn dropped_records(&self) -> u64 {
        0
    }
}

impl Detection {
    fn fill(&self, report: &mut super::shared::DetectionReport) {
        report.counters = self.detector.counters();
        report.floods = self.floods;
        report.floods_running = self.floods_running;
        report.traffic_bytes = self.traffic_bytes;
        report.losses_noted = self.losses_noted;
    }

    /// A ceiling on what is not watched would be silent for ever: said once for each institution file.
    fn warn(&self) {
        let unwatched = self.detector.counters().ceilings_unwatched;
        if unwatched > 0 {
            let are = if unwatched == 1 { "ceiling is" } else { "ceilings are" };
            self.log.say(&format!(
                "warning: {unwatched} {are} not watched: what they are for is no protected address, declared service, group or prefix"
            ));
        }
    }

    /// Watches another institution from now on. Floods on targets that are still there go on, counters stay, and so
    /// does what was learnt.
    fn replace_scope(&mut self, institution: Arc<Institution>) {
        self.detector.replace_scope(scope_of(&institution, self.key));
        self.warn();
        if let Some(student) = &mut self.student {
            student.replace(institution, &mut self.detector, self.now);
        }
        self.tell();
    }
}

fn scope_of(institution: &Institution, key: [u8; 16]) -> Scope {
    Scope::of(institution.clone(), KeyedState::new(key))
}

/// A worker's end of the queue to a detector that has a thread of its own. It never waits: batches that find no
/// room are counted and gone.
pub(super) struct Remote {
    batch: Vec<Observation>,
    batches: SyncSender<Vec<Observation>>,
    /// Batches that come back empty, so that nothing is allocated.
    empty: Receiver<Vec<Observation>>,
    lost: Arc<AtomicBool>,
    dropped_records: Arc<AtomicU64>,
}

impl Remote {
    fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let next = self.empty.try_recv().unwrap_or_else(|_| Vec::with_capacity(BATCH_RECORDS));
        let batch = std::mem::replace(&mut self.batch, next);
        let records = batch.len() as u64;
        if self.batches.try_send(batch).is_err() {
            self.dropped_records.fetch_add(records, Ordering::Relaxed);
            self.loss();
        }
    }
}

impl Sink for Remote {
    #[inline]
    fn observe(&mut self, observation: &Observation) {
        self.batch.push(*observation);
        if self.batch.len() >= BATCH_RECORDS {
            self.hand_over();
        }
    }

    fn loss(&mut self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    fn advance(&mut self, _now: Time) {
        self.hand_over();
    }

    fn tick(&mut self) {}

    fn finish(mut self) {
        self.hand_over();
    }

    fn dropped_records(&self) -> u64 {
        self.dropped_records.load(Ordering::Relaxed)
    }
}

/// Starts the detector on a thread of its own, with one end of its queue for each worker.
///
/// # Errors
/// When the system refuses another thread.
pub(super) fn start(
    detection: Detection,
    workers: usize,
) -> std::io::Result<(Vec<Remote>, thread::JoinHandle<()>)> {
    let (batches, filled) = sync_channel(BATCHES);
    let lost = Arc::new(AtomicBool::new(false));
    let mut returns = Vec::new();
    let remotes = (0..workers).map(|_| {
        let (back, empty) = sync_channel(BATCHES);
        returns.push(back);
        let dropped_records = Arc::new(AtomicU64::new(0));
        let (batch, batches) = (Vec::with_capacity(BATCH_RECORDS), batches.clone());
        Remote { batch, batches, empty, lost: lost.clone(), dropped_records }
    });
    let remotes: Vec<Remote> = remotes.collect();
    let run = move || detect(detection, &filled, &returns, &lost);
    Ok((remotes, thread::Builder::new().name("detector".to_owned()).spawn(run)?))
}

fn detect(
    mut detection: Detection,
    filled: &Receiver<Vec<Observation>>,
    returns: &[SyncSender<Vec<Observation>>],
    lost: &AtomicBool,
) {
    let mut next = 0;
    let mut ticked = collect::now();
    loop {
        let ended = match filled.recv_timeout(TICK) {
            Ok(mut batch) => {
                batch.iter().for_each(|observation| detection.observe(observation));
                batch.clear();
                // To one worker after the other; who has enough empty ones takes no more.
                next = (next + 1) % returns.len().max(1);
                if let Some(back) = returns.get(next) {
                    let _ = back.try_send(batch);
                }
                false
            }
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => true,
        };
        if lost.swap(false, Ordering::Relaxed) {
            detection.loss();
        }
        if ended {
            return detection.finish();
        }
        let now = collect::now();
        detection.advance(now);
        if now.nanoseconds_since(ticked).unsigned_abs() >= TICK.as_nanos() as u64 {
            ticked = now;
            detection.tick();
        }
    }
}
