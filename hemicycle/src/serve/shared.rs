//! What the threads of the service tell each other.
//!
//! A worker never waits for whoever reads: what it reports it leaves in a slot, and if somebody looks into the slot at that
//! moment, it comes again a tenth of a second later.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use institution::Institution;
use intake::collect::{LinkCounters, LinkRate, UndeclaredSender, UndeclaredTotals};
use wire::Time;
use wire::flow::FlowCounters;

use super::live::{FramesReport, LogReport, SyslogReport};
use super::web::WebReport;

/// A thread that has not reported for this long is not well.
pub(crate) const WELL_SECONDS: u64 = 5;

/// What one declared exporter sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExporterCounts {
    pub(crate) datagrams: u64,
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// What its sequence numbers show as lost: flows (NetFlow v5), data records (IPFIX), else datagrams.
    pub(crate) lost: u64,
    /// Datagrams that came before, byte for byte, and were not decoded again.
    pub(crate) replayed: u64,
    /// Records that cannot be true, and were not counted.
    pub(crate) implausible: u64,
    /// When the last datagram came.
    pub(crate) last: Option<Time>,
    /// By how much its clock is ahead of ours.
    pub(crate) clock_offset_nanoseconds: Option<i64>,
}

impl ExporterCounts {
    /// Adds what another worker had from it; of its clock the latest word counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.records += other.records;
        self.lost += other.lost;
        self.replayed += other.replayed;
        self.implausible += other.implausible;
        if other.last > self.last {
            self.clock_offset_nanoseconds = other.clock_offset_nanoseconds;
        }
        self.last = self.last.max(other.last);
    }
}

/// What a worker has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerReport {
    pub(crate) flow: FlowCounters,
    pub(crate) exporters: hemicycle::exporters::Counters,
    /// By name.
    pub(crate) by_exporter: Vec<(Arc<str>, ExporterCounts)>,
    pub(crate) undeclared: UndeclaredTotals,
    /// Those that there was room for; as of the last second.
    pub(crate) undeclared_senders: Vec<UndeclaredSender>,
    pub(crate) links: LinkCounters,
    /// Times that it had to wait for other workers at the detector.
    pub(crate) detector_waits: u64,
    /// The fullest interfaces with the names of their exporters; as of the last second.
    pub(crate) link_rates: Vec<(Arc<str>, LinkRate)>,
}

/// What the detector has found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DetectionReport {
    pub(crate) counters: detect::Counters,
    pub(crate) floods: u64,
    pub(crate) floods_running: u64,
    /// Bytes of the traffic that the records stand for, at the IP layer, corrected for sampling.
    pub(crate) traffic_bytes: u64,
    /// Times that a loss was noted, which makes figures lower bounds.
    pub(crate) losses_noted: u64,
    /// What became of readiness.
    pub(crate) readiness: detect::ReadinessState,
}

/// A place to leave a report in, and when that was last done.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    report: Mutex<T>,
    /// Milliseconds since the start of the service.
    reported: AtomicU64,
}

impl<T: Clone + Default> Slot<T> {
    fn new() -> Self {
        Self { report: Mutex::new(T::default()), reported: AtomicU64::new(0) }
    }

    /// The last report.
    pub(crate) fn read(&self) -> T {
        lock(&self.report).clone()
    }
}

/// How many threads report, or what else has a report of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places {
    pub(crate) workers: usize,
    pub(crate) mirrors: usize,
    pub(crate) logs: usize,
    pub(crate) syslog: usize,
}

fn slots<T: Clone + Default>(count: usize) -> Vec<Slot<T>> {
    (0..count).map(|_| Slot::new()).collect()
}

/// What all threads can see.
pub(crate) struct Shared {
    started: Instant,
    stop: AtomicBool,
    generation: AtomicU64,
    institution: Mutex<Arc<Institution>>,
    pub(crate) workers: Vec<Slot<WorkerReport>>,
    /// Of the workers of all mirrors.
    pub(crate) mirrors: Vec<Slot<FramesReport>>,
    /// Of every `[[log]]`, in their order.
    pub(crate) logs: Vec<Slot<LogReport>>,
    /// One or none.
    pub(crate) syslog: Vec<Slot<SyslogReport>>,
    pub(crate) detection: Slot<DetectionReport>,
    /// One or none: of the web layer, if there is a log, syslog or a mirror.
    pub(crate) web: Vec<Slot<WebReport>>,
    /// What was looked for and met.
    pub(crate) indicators: super::indicators::Counts,
    /// How ready to be.
    pub(crate) posture: super::posture::Posture,
    /// What is known of learning.
    pub(crate) learning: super::learning::Counts,
    /// Institution files taken since the start.
    pub(crate) reloads: AtomicU64,
    /// Institution files refused because they could not be read or had errors.
    pub(crate) reloads_refused: AtomicU64,
    /// Certificates of the console taken since the start, and refused.
    pub(crate) certificates: AtomicU64,
    pub(crate) certificates_refused: AtomicU64,
}

impl Shared {
    /// For so many threads of each kind.
    pub(crate) fn new(institution: Arc<Institution>, places: &Places) -> Self {
        Self {
            started: Instant::now(),
            stop: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            institution: Mutex::new(institution),
            workers: slots(places.workers),
            mirrors: slots(places.mirrors),
            logs: slots(places.logs),
            syslog: slots(places.syslog),
            detection: Slot::new(),
            web: slots(usize::from(places.mirrors + places.logs + places.syslog > 0)),
            indicators: super::indicators::Counts::default(),
            posture: super::posture::Posture::default(),
            learning: super::learning::Counts::default(),
            reloads: AtomicU64::new(0),
            reloads_refused: AtomicU64::new(0),
            certificates: AtomicU64::new(0),
            certificates_refused: AtomicU64::new(0),
        }
    }

    /// Asks every thread to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether to end.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Seconds since the start of the service.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Puts another institution in the place of the one before; every thread takes it within a tick.
    pub(crate) fn replace_institution(&self, institution: Arc<Institution>) {
        *lock(&self.institution) = institution;
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The institution, if it is another one than at `seen`, which is brought up to date.
    pub(crate) fn newer_institution(&self, seen: &mut u64) -> Option<Arc<Institution>> {
        let generation = self.generation.load(Ordering::Acquire);
        if generation == *seen {
            return None;
        }
        *seen = generation;
        Some(self.institution())
    }

    /// The institution as it is now.
    pub(crate) fn institution(&self) -> Arc<Institution> {
        lock(&self.institution).clone()
    }

    /// Leaves a report, unless somebody is reading the one before.
    pub(crate) fn report<T>(&self, slot: &Slot<T>, fill: impl FnOnce(&mut T)) {
        if let Ok(mut report) = slot.report.try_lock() {
            fill(&mut report);
        }
        slot.reported.store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    /// Leaves the last report of a thread, and waits if somebody is reading.
    pub(crate) fn report_last<T>(&self, slot: &Slot<T>, fill: impl FnOnce(&mut T)) {
        fill(&mut lock(&slot.report));
    }

    /// Names of the threads that have not reported for too long.
    pub(crate) fn unwell(&self) -> Vec<String> {
        let now = self.started.elapsed().as_millis() as u64;
        let is_late =
            |reported: &AtomicU64| now.saturating_sub(reported.load(Ordering::Relaxed)) > WELL_SECONDS * 1000;
        let workers = self.workers.iter().enumerate().filter(|(_, slot)| is_late(&slot.reported));
        let mut names: Vec<String> = workers.map(|(number, _)| format!("worker {number}")).collect();
        let mirrors = self.mirrors.iter().enumerate().filter(|(_, slot)| is_late(&slot.reported));
        names.extend(mirrors.map(|(number, _)| format!("mirror worker {number}")));
        let mut one = |name: &str, is_unwell: bool| {
            if is_unwell {
                names.push(name.to_owned());
            }
        };
        one("logs", self.logs.iter().any(|slot| is_late(&slot.reported)));
        one("syslog", self.syslog.iter().any(|slot| is_late(&slot.reported)));
        // Without packets and flows nobody drives it.
        let is_driven = !self.workers.is_empty() || !self.mirrors.is_empty();
        if is_driven && is_late(&self.detection.reported) {
            names.push("detector".to_owned());
        }
        names
    }
}

/// A panic of another thread leaves counters as they were, which is no reason to stop.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
