//! The thread of one channel: takes notices from its queue, damps them, sends what is due, tries again what failed.
//!
//! While a message is tried, what comes is taken up by the damper, which puts together what is about one subject. So a
//! receiver that was away for an hour finds one message about what happened, not hundreds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ipnet::IpNet;

use crate::clean::clean;
use crate::damper::{Batch, Damper};
use crate::delivery::Delivery;
use crate::notice::Notice;
use crate::notifier::Clock;
use crate::options::{ChannelOptions, RetryOptions};
use crate::retry::Backoff;
use crate::rule::Rule;
use crate::state::{ChannelState, Dead};
use crate::transport::{Failure, Progress, Transport};

/// The longest sleep: quiet hours end without a word.
const LONGEST_SLEEP: Duration = Duration::from_secs(20);

/// What comes to a thread.
pub(crate) enum Message {
    Notice(Arc<Notice>),
    /// Something has changed: a test succeeded, or the service ends.
    Wake,
}

/// Addresses that need no mask, for all channels.
pub(crate) type Own = Arc<RwLock<Arc<[IpNet]>>>;

/// What the thread of a channel and the others both see.
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) clock: Clock,
    pub(crate) own: Own,
    pub(crate) stopping: AtomicBool,
    /// A test got through: what waits need not wait any longer.
    pub(crate) is_back: AtomicBool,
    /// Notices in the queue.
    pub(crate) queued: AtomicU64,
    /// Notices that found the queue full, and of all that are lost those that nobody has been told of.
    pub(crate) overflow: AtomicU64,
    pub(crate) untold: AtomicU64,
    dead_failures: u64,
    dead_after: Duration,
    inner: Mutex<Inner>,
}

struct Inner {
    state: ChannelState,
    /// Since when the message that is tried has waited.
    since: Option<Instant>,
    /// Notices that the thread holds.
    held: u64,
}

impl Shared {
    pub(crate) fn new(options: &ChannelOptions, transport: Transport, clock: Clock, own: Own) -> Self {
        let state = ChannelState::new(&options.name, options.kind.name(), transport.target());
        Self {
            transport,
            clock,
            own,
            stopping: AtomicBool::new(false),
            is_back: AtomicBool::new(false),
            queued: AtomicU64::new(0),
            overflow: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            dead_failures: options.dead_failures.into(),
            dead_after: Duration::from_secs(options.dead_seconds.into()),
            inner: Mutex::new(Inner { state, since: None, held: 0 }),
        }
    }

    /// A panic elsewhere leaves counters that are still worth showing.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How the channel does now.
    pub(crate) fn state(&self, thread_is_gone: bool) -> ChannelState {
        let inner = self.lock();
        let mut state = inner.state.clone();
        state.queued = self.queued.load(Ordering::Relaxed).saturating_add(inner.held);
        state.dropped = state.dropped.saturating_add(self.overflow.load(Ordering::Relaxed));
        state.dead = if thread_is_gone {
            Some(Dead::Thread)
        } else if state.failures_in_row >= self.dead_failures {
            Some(Dead::Failures)
        } else {
            inner.since.filter(|since| since.elapsed() >= self.dead_after).map(|_| Dead::Age)
        };
        state
    }

    /// Notes what became of an attempt.
    pub(crate) fn note(&self, result: &Result<(), Failure>) {
        let now = (self.clock)();
        let state = &mut self.lock().state;
        match result {
            Ok(()) => {
                state.failures_in_row = 0;
                state.last_success = Some(now);
                state.last_error = None;
            }
            Err(failure) => {
                state.failed += 1;
                state.failures_in_row += 1;
                state.last_failure = Some(now);
                state.last_error = Some(failure.text.clone());
            }
        }
    }

    /// One test. Its message goes around the damper and the queue.
    pub(crate) fn test(&self, name: &str) -> Result<(), Failure> {
        let now = (self.clock)();
        let delivery = Delivery::test(name, now);
        let result = self.transport.send(&delivery, now, &mut Progress::default());
        self.lock().state.tests += 1;
        self.note(&result);
        self.is_back.store(result.is_ok(), Ordering::Release);
        result
    }
}

/// A message that is tried.
struct Job {
    delivery: Delivery,
    progress: Progress,
    since: Instant,
    due: Instant,
    attempts: u32,
}

/// The thread.
pub(crate) struct Worker {
    name: String,
    shared: Arc<Shared>,
    receiver: Receiver<Message>,
    /// Dropped when the thread ends, by which others see it.
    _ended: Sender<()>,
    rule: Rule,
    retry: RetryOptions,
    damper: Damper,
    backoff: Backoff,
    started: Instant,
    job: Option<Job>,
}

impl Worker {
    pub(crate) fn new(
        options: &ChannelOptions,
        shared: Arc<Shared>,
        receiver: Receiver<Message>,
        ended: Sender<()>,
        seed: u64,
    ) -> Self {
        Self {
            name: options.name.clone(),
            shared,
            receiver,
            _ended: ended,
            rule: options.rule.clone(),
            retry: options.retry,
            damper: Damper::new(options.damper),
            backoff: Backoff::new(options.retry, seed),
            started: Instant::now(),
            job: None,
        }
    }

    /// Until the service ends.
    pub(crate) fn run(mut self) {
        loop {
            let is_over = self.take_up();
            if is_over || self.shared.stopping.load(Ordering::Acquire) {
                self.finish();
                return;
            }
            self.next_job();
            self.publish();
            match &self.job {
                Some(job) if job.due <= Instant::now() => self.attempt(),
                _ => match self.receiver.recv_timeout(self.sleep()) {
                    Ok(message) => self.receive(message),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => {
                        self.finish();
                        return;
                    }
                },
            }
        }
    }

    /// Everything that is in the queue now; whether nobody can put in anything more.
    fn take_up(&mut self) -> bool {
        let most = self.shared.queued.load(Ordering::Acquire);
        for _ in 0..=most {
            match self.receiver.try_recv() {
                Ok(message) => self.receive(message),
                Err(std::sync::mpsc::TryRecvError::Empty) => break,
                Err(std::sync::mpsc::TryRecvError::Disconnected) => return true,
            }
        }
        false
    }

    fn receive(&mut self, message: Message) {
        let Message::Notice(notice) = message else {
            return;
        };
        self.shared.queued.fetch_sub(1, Ordering::AcqRel);
        let own = Arc::clone(&self.shared.own.read().unwrap_or_else(PoisonError::into_inner));
        let cleaned = clean(&notice, &own);
        let is_followed = self.damper.follows(&cleaned.notice.subject) && self.rule.may_see(&notice);
        let mut inner = self.shared.lock();
        if !self.rule.admits(&notice) && !is_followed {
            inner.state.filtered += 1;
            return;
        }
        inner.state.masked += cleaned.masked;
        inner.state.cut += cleaned.cut;
        drop(inner);
        let now = self.now();
        self.damper.take(now, cleaned.notice);
    }

    /// Milliseconds since the thread began.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn next_job(&mut self) {
        if self.shared.is_back.swap(false, Ordering::AcqRel)
            && let Some(job) = &mut self.job
        {
            job.due = Instant::now();
        }
        if self.job.is_none() {
            let least = self.rule.quiet_least((self.shared.clock)());
            if let Some(batch) = self.damper.poll(self.now(), least) {
                self.job = Some(self.job_for(batch));
            }
        }
    }

    fn job_for(&self, batch: Batch) -> Job {
        let lost = self.shared.untold.swap(0, Ordering::AcqRel);
        let delivery = Delivery::new(&self.name, batch, lost);
        let now = Instant::now();
        let mut inner = self.shared.lock();
        inner.since = Some(now);
        inner.state.waiting_since = Some((self.shared.clock)());
        drop(inner);
        Job { delivery, progress: Progress::default(), since: now, due: now, attempts: 0 }
    }

    /// Counters that others see.
    fn publish(&self) {
        let tried = self.job.as_ref().map_or(0, |job| job.delivery.batch.covers().total());
        let mut inner = self.shared.lock();
        inner.held = tried.saturating_add(self.damper.waiting() as u64);
        inner.state.damper = self.damper.counters();
    }

    fn sleep(&self) -> Duration {
        let wait = match &self.job {
            Some(job) => job.due.saturating_duration_since(Instant::now()),
            None => {
                let now = self.now();
                let least = self.rule.quiet_least((self.shared.clock)());
                let due = self.damper.next_due(now, least);
                due.map_or(LONGEST_SLEEP, |due| Duration::from_millis(due.saturating_sub(now)))
            }
        };
        wait.min(LONGEST_SLEEP)
    }

    fn attempt(&mut self) {
        let Some(mut job) = self.job.take() else { return };
        job.attempts += 1;
        let result = self.shared.transport.send(&job.delivery, (self.shared.clock)(), &mut job.progress);
        self.shared.note(&result);
        let mut inner = self.shared.lock();
        inner.state.retried += u64::from(job.attempts > 1);
        let failures = inner.state.failures_in_row;
        let Err(failure) = result else {
            inner.state.sent += 1;
            inner.state.refused_recipients += u64::from(job.progress.refused.count_ones());
            inner.since = None;
            inner.state.waiting_since = None;
            return;
        };
        let wait = self.backoff.wait(failures).max(failure.retry_after.unwrap_or_default());
        let age = Duration::from_secs(self.retry.age_seconds.into());
        let is_old = job.attempts >= self.retry.attempts || job.since.elapsed() + wait > age;
        if failure.is_permanent || is_old {
            inner.state.refused += u64::from(failure.is_permanent);
            inner.state.given_up += u64::from(!failure.is_permanent);
            drop(inner);
            self.lose(&job.delivery);
        } else {
            drop(inner);
            job.due = Instant::now() + wait;
            self.job = Some(job);
        }
    }

    /// Nobody is told this any more; but that there was something, with the next message.
    fn lose(&self, delivery: &Delivery) {
        let lost = delivery.batch.covers().total();
        self.shared.untold.fetch_add(lost.saturating_add(delivery.lost), Ordering::AcqRel);
        let mut inner = self.shared.lock();
        inner.state.dropped = inner.state.dropped.saturating_add(lost);
        inner.since = None;
        inner.state.waiting_since = None;
    }

    /// One more attempt for what is left.
    fn finish(&mut self) {
        self.take_up();
        let mut is_up = true;
        if self.job.is_some() {
            self.attempt();
            is_up = self.shared.lock().state.failures_in_row == 0;
        }
        if let Some(job) = self.job.take() {
            self.lose(&job.delivery);
        }
        if let Some(batch) = self.damper.flush() {
            let job = self.job_for(batch);
            self.job = Some(job);
            if is_up {
                self.attempt();
            }
            if let Some(job) = self.job.take() {
                self.lose(&job.delivery);
            }
        }
        self.publish();
    }
}
