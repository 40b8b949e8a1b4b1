//! The detector of the service: a worker's own, or shared by several.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

use detect::{Batch, Detector, Limits, Observation, Phase, Preparer, Quoted, Scope};
use institution::Institution;
use intake::collect;
use sketch::KeyedState;
use wire::Time;

use super::learning::Student;
use super::outlet::{Drain, Outlet};
use super::output::{Log, Output};
use super::shared::Shared;
use super::witness::Figures;

/// Records that a worker hands over together, if it finds the detector free.
const BATCH_RECORDS: usize = 512;
/// So many may gather while it is not; then the worker waits, and what comes meanwhile waits in the kernel.
const WAITING_RECORDS_MAXIMUM: usize = 4 * BATCH_RECORDS;
/// Time between two looks at the clock when nothing comes.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// Workers that share a detector are not further apart than this.
const MOST_BEHIND_NANOSECONDS: i64 = 1_000_000_000;

/// Where a worker's observations go.
pub(super) trait Sink {
    /// Takes one.
    fn observe(&mut self, observation: &Observation);
    /// Takes a packet that is an ICMP error, with the packet that it quotes.
    fn observe_error(&mut self, observation: &Observation, quoted: &Quoted);
    /// Something was lost on the way.
    fn loss(&mut self);
    /// It is `now`, and everything that was received before is here. A worker that is idle has the time to wait.
    fn advance(&mut self, now: Time, is_idle: bool);
    /// Whether something waits that was not handed over yet.
    fn holds_back(&self) -> bool;
    /// About ten times a second: reports, and takes another institution if there is one.
    fn tick(&mut self);
    /// Nothing more comes.
    fn finish(self);
    /// Times that it had to wait for others with all that it may gather.
    fn waits(&self) -> u64;
}

/// The detector with what it needs to be heard.
pub(super) struct Detection {
    detector: Detector,
    /// Unless nothing is to be learnt.
    student: Option<Student>,
    figures: Figures,
    now: Time,
    /// When the last tick was.
    ticked: Time,
    key: [u8; 16],
    events: Outlet<Output>,
    log: Log,
    shared: Arc<Shared>,
    generation: u64,
    ready_generation: u64,
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
            figures: Figures::new(None),
            now: collect::now(),
            ticked: Time::default(),
            key,
            events,
            log,
            shared,
            generation: 0,
            ready_generation: 0,
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

    /// How much comes to each service is handed over from now on, if somebody wants it.
    pub(super) fn meter(&mut self, figures: Figures) {
        if figures.are_wanted() {
            self.detector.meter();
            self.figures = figures;
        }
    }

    /// Seconds that are over.
    fn tell_figures(&mut self) {
        while let Some(metered) = self.detector.take_metered() {
            self.figures.network(&metered, &self.shared.institution());
        }
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
            let flood = event.line();
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
    #[inline(always)]
    fn observe(&mut self, observation: &Observation) {
        self.traffic_bytes = self.traffic_bytes.saturating_add(observation.bytes);
        self.detector.observe(observation);
        self.tell();
    }

    fn observe_error(&mut self, observation: &Observation, quoted: &Quoted) {
        self.traffic_bytes = self.traffic_bytes.saturating_add(observation.bytes);
        self.detector.observe_error(observation, quoted);
        self.tell();
    }

    fn loss(&mut self) {
        self.losses_noted += 1;
        self.detector.note_loss();
    }

    fn advance(&mut self, now: Time, _is_idle: bool) {
        let behind = self.now.nanoseconds_since(now);
        // Packets of a mirror are some milliseconds on their way, so its workers are behind others. A clock that was
        // set back is further behind.
        if (1..MOST_BEHIND_NANOSECONDS).contains(&behind) {
            return self.tell();
        }
        self.now = now;
        self.detector.advance(now);
        self.tell();
    }

    fn holds_back(&self) -> bool {
        false
    }

    fn tick(&mut self) {
        // Of several workers each ticks.
        if self.now.nanoseconds_since(self.ticked).unsigned_abs() < TICK.as_nanos() as u64 {
            return;
        }
        self.ticked = self.now;
        if let Some(institution) = self.shared.newer_institution(&mut self.generation) {
            self.replace_scope(institution);
        }
        if let Some(standing) = self.shared.posture.newer(&mut self.ready_generation) {
            self.detector.set_readiness(standing.map(|standing| standing.for_detector()));
        }
        if let Some(student) = &mut self.student {
            student.tick(&mut self.detector, self.now);
        }
        self.tell_figures();
        self.shared.report(&self.shared.detection, |report| self.fill(report));
    }

    fn finish(mut self) {
        if let Some(student) = &self.student {
            student.collect(&self.detector, self.now);
        }
        self.detector.finish();
        self.tell();
        self.tell_figures();
        self.shared.report_last(&self.shared.detection, |report| self.fill(report));
    }

    fn waits(&self) -> u64 {
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
        report.readiness = self.detector.readiness();
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

/// A worker's way to a detector that several share, one at a time. Who finds it taken goes on receiving, and waits for
/// its turn only once much has gathered or nothing else is to be done.
pub(super) struct Together {
    preparer: Preparer,
    batch: Batch,
    traffic_bytes: u64,
    lost: bool,
    waits: u64,
    detection: Arc<Mutex<Detection>>,
}

impl Together {
    /// The ways of so many workers.
    pub(super) fn share(detection: Detection, workers: usize) -> Vec<Self> {
        let preparer = Preparer::new(detection.key);
        let detection = Arc::new(Mutex::new(detection));
        let way = |_| Self {
            preparer: preparer.clone(),
            batch: Batch::default(),
            traffic_bytes: 0,
            lost: false,
            waits: 0,
            detection: detection.clone(),
        };
        (0..workers).map(way).collect()
    }

    #[inline]
    fn gathered(&mut self) {
        let waiting = self.batch.len();
        if waiting.is_multiple_of(BATCH_RECORDS) {
            self.hand_over(waiting >= WAITING_RECORDS_MAXIMUM, |_| ());
        }
    }

    /// Hands over what has gathered, and more than that is done while it is this worker's turn.
    fn hand_over(&mut self, must: bool, more: impl FnOnce(&mut Detection)) {
        let detection = match self.detection.try_lock() {
            Ok(detection) => Ok(detection),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if must => {
                self.waits += u64::from(self.batch.len() >= WAITING_RECORDS_MAXIMUM);
                self.detection.lock()
            }
            Err(TryLockError::WouldBlock) => return,
        };
        // Another worker ended by a fault, which ends the service within a second; a record that it left half counted is
        // the least of that.
        let mut detection = detection.unwrap_or_else(PoisonError::into_inner);
        detection.traffic_bytes =
            detection.traffic_bytes.saturating_add(std::mem::take(&mut self.traffic_bytes));
        if !self.batch.is_empty() {
            detection.detector.observe_batch(&mut self.batch);
        }
        if std::mem::take(&mut self.lost) {
            detection.loss();
        }
        detection.tell();
        more(&mut detection);
    }
}

impl Sink for Together {
    #[inline(always)]
    fn observe(&mut self, observation: &Observation) {
        self.traffic_bytes = self.traffic_bytes.saturating_add(observation.bytes);
        self.batch.push(&self.preparer, observation);
        self.gathered();
    }

    fn observe_error(&mut self, observation: &Observation, quoted: &Quoted) {
        self.traffic_bytes = self.traffic_bytes.saturating_add(observation.bytes);
        self.batch.push_error(&self.preparer, observation, quoted);
        self.gathered();
    }

    fn loss(&mut self) {
        self.lost = true;
    }

    fn advance(&mut self, now: Time, is_idle: bool) {
        self.hand_over(is_idle, |detection| detection.advance(now, is_idle));
    }

    fn holds_back(&self) -> bool {
        !self.batch.is_empty()
    }

    fn tick(&mut self) {
        self.hand_over(true, Detection::tick);
    }

    fn finish(mut self) {
        self.hand_over(true, |_| ());
        // Whoever is last.
        if let Some(detection) = Arc::into_inner(self.detection) {
            detection.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        }
    }

    fn waits(&self) -> u64 {
        self.waits
    }
}
