//! The thread that writes.
//!
//! It takes what waits, up to [`BATCH`], into one transaction and acknowledges all of it when that is on the disk. While the
//! disk takes nothing, entries that were offered are held up to a limit, who waits is told at once, and every second it is
//! tried again; the first entry after that says what was lost.

pub(crate) mod commit;
pub(crate) mod evidence;
pub(crate) mod retire;

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::conceal::{is_persons, network};
use crate::erased::Erased;
use crate::event::Line;
use crate::evidence::Records;
use crate::evidence::store::Gathered;
use crate::record::{self, Opened};
use crate::shared::{Count, Shared};
use crate::{Entry, Error, FlowRow, Frame, Kind, Receipt, Result, Sample, SensorSeen, State, schema};

/// Things that go into one transaction at most.
const BATCH: usize = 1024;
/// Where nobody waits, more is gathered for so long before it is written.
const LINGER: Duration = Duration::from_millis(50);
/// How often it is looked after what is due.
const TICK: Duration = Duration::from_secs(1);
/// Ticks from one writing of all that changed to the next.
const FLUSH_TICKS: u64 = 60;
/// Ticks until the first evidence of a flood is written: whoever is on duty looks at once.
const EVIDENCE_TICKS: u64 = 5;
/// Ticks from one removal of what is past its time to the next.
const RETIRE_TICKS: u64 = 600;
/// Rows of one series that are held for a disk that takes nothing.
const HELD_ROWS: usize = 12;

/// Where an acknowledgement goes. None: nothing new, kept in the time line only.
pub(crate) type Reply = SyncSender<Result<Option<Receipt>>>;
/// Something to be done between two transactions.
pub(crate) type Task = Box<dyn FnOnce(&mut Room) + Send>;

/// What is handed over.
pub(crate) enum Message {
    Append(Box<Entry>, Reply),
    Offer(Box<Entry>),
    Samples(Vec<Sample>),
    Frames(String, Vec<Frame>),
    Flows(String, Vec<FlowRow>),
    Sensors(Vec<SensorSeen>),
    Do(Task),
    Stop,
}

/// Everything that only the writer's thread touches.
pub(crate) struct Room {
    pub(crate) connection: Connection,
    pub(crate) shared: Arc<Shared>,
    pub(crate) gathered: Gathered,
    pub(crate) erased: Erased,
    held: VecDeque<Entry>,
    ticks: u64,
    /// Whether the folder was ever opened; until then the connection leads nowhere.
    is_open: bool,
    /// The service's lock on the folder, until this thread ends.
    lock: Option<File>,
}

/// What came in, sorted.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    replies: Vec<Option<Reply>>,
    sensors: Vec<SensorSeen>,
    tasks: Vec<Task>,
    stop: bool,
}

impl Room {
    /// Before the first message.
    pub(crate) fn new(opened: Opened, is_open: bool, shared: Arc<Shared>) -> Self {
        let Opened { connection, lock } = opened;
        let (gathered, erased, held) = (Gathered::default(), Erased::default(), VecDeque::new());
        Self { connection, shared, gathered, erased, held, ticks: 0, is_open, lock }
    }

    /// Until it is told to stop or nobody is left who could say anything.
    pub(crate) fn run(mut self, receiver: &Receiver<Message>) {
        let mut next = Instant::now() + TICK;
        loop {
            let batch = match receiver.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(first) => self.collect(first, receiver),
                Err(RecvTimeoutError::Timeout) => Batch::default(),
                Err(RecvTimeoutError::Disconnected) => Batch { stop: true, ..Batch::default() },
            };
            let stop = batch.stop;
            self.handle(batch);
            if stop {
                break;
            }
            if Instant::now() >= next {
                self.tick();
                next = Instant::now() + TICK;
            }
        }
        self.finish();
    }

    /// What waits, and where nobody waits for it what comes within [`LINGER`].
    fn collect(&mut self, first: Message, receiver: &Receiver<Message>) -> Batch {
        let mut batch = Batch::default();
        let until = Instant::now() + LINGER;
        let mut message = Some(first);
        let mut taken = 0;
        while let Some(next) = message.take() {
            self.shared.queued.fetch_sub(1, Ordering::Relaxed);
            self.sort(next, &mut batch);
            taken += 1;
            if batch.stop || taken >= BATCH {
                break;
            }
            let waits = batch.replies.iter().any(Option::is_some) || !batch.tasks.is_empty();
            message = if waits {
                receiver.try_recv().ok()
            } else {
                receiver.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
            };
        }
        batch
    }

    fn sort(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Append(entry, reply) => {
                self.samples_of(&entry);
                batch.entries.push(*entry);
                batch.replies.push(Some(reply));
            }
            Message::Offer(entry) => {
                self.samples_of(&entry);
                batch.entries.push(*entry);
                batch.replies.push(None);
            }
            Message::Samples(samples) => self.samples(samples, true),
            Message::Frames(flood, frames) => self.gather(&flood, Records::Packets(frames)),
            Message::Flows(flood, flows) => self.gather(&flood, Records::Flows(flows)),
            Message::Sensors(sensors) => batch.sensors.extend(sensors),
            Message::Do(task) => batch.tasks.push(task),
            Message::Stop => batch.stop = true,
        }
    }

    /// Takes evidence up, but nothing of whom was erased lately.
    fn gather(&mut self, flood: &str, mut records: Records) {
        let now = self.shared.now();
        let erased: usize = self.erased.addresses(now).map(|address| records.remove(address)).sum();
        self.shared.count(Count::EvidenceErased, erased as u64);
        let (all, limits) = (records.len() as u64, &self.shared.options.limits);
        let left = match records {
            Records::Packets(frames) => self.gathered.frames(flood, frames, limits),
            Records::Flows(flows) => self.gathered.flows(flood, flows, limits),
        };
        self.shared.count(Count::EvidenceTaken, all - left);
        self.shared.lose(Count::EvidenceLost, left);
    }

    /// What an event says of the vectors of its target is a sample of its second.
    fn samples_of(&mut self, entry: &Entry) {
        if entry.kind == Kind::Observed
            && let Some(line) = Line::of(&entry.body)
        {
            let mut samples = line.samples();
            samples.retain(|sample| sample.packets + sample.requests > 0.0);
            // Of a start and an update in one second the first counts: the second is no loss.
            self.samples(samples, false);
        }
    }

    fn samples(&mut self, samples: Vec<Sample>, losses_count: bool) {
        let (now, maximum) = (self.shared.now() / 1_000_000_000, self.shared.limits().series);
        let (mut taken, mut lost) = (0, 0);
        let mut rollup = self.shared.rollup();
        for mut sample in samples {
            self.conceal(&mut sample);
            match rollup.push(&self.connection, sample, now, maximum) {
                Ok(true) => taken += 1,
                // A series that cannot be looked up is lost with the sample; the state says why nothing is written.
                Ok(false) | Err(_) => lost += 1,
            }
        }
        drop(rollup);
        self.shared.count(Count::Samples, taken);
        if losses_count {
            self.shared.lose(Count::SamplesLost, lost);
        }
    }

    /// The target of what own hosts send may be a person: its network stands for it.
    fn conceal(&self, sample: &mut Sample) {
        let person = sample.target.parse().ok().map(|address: std::net::IpAddr| address.to_canonical());
        if let Some(person) =
            person.filter(|person| is_persons(*person) && !(self.shared.options.own)(*person))
        {
            sample.target = network(person);
        }
    }

    fn handle(&mut self, batch: Batch) {
        let Batch { entries, replies, sensors, tasks, .. } = batch;
        if !entries.is_empty() || !sensors.is_empty() {
            if self.is_degraded() {
                self.put_off(entries, replies);
            } else {
                self.write(entries, replies, &sensors);
            }
        }
        for task in tasks {
            task(self);
        }
    }

    /// Whether the disk takes nothing.
    pub(crate) fn is_degraded(&self) -> bool {
        matches!(*self.shared.state(), State::Degraded { .. })
    }

    fn write(&mut self, entries: Vec<Entry>, replies: Vec<Option<Reply>>, sensors: &[SensorSeen]) {
        match self.commit(&entries, sensors) {
            Ok(done) => {
                for (reply, receipt) in replies.into_iter().zip(done) {
                    answer(reply, receipt, &self.shared);
                }
            }
            Err(error) if commit::is_of_the_disk(&error) => {
                self.degrade(&error);
                self.put_off(entries, replies);
            }
            // One of them cannot be written, whatever the disk says: each by itself, so that it costs only itself.
            Err(error) if entries.len() > 1 => {
                drop(error);
                for (entry, reply) in entries.into_iter().zip(replies) {
                    self.write(vec![entry], vec![reply], &[]);
                }
            }
            Err(error) => {
                for reply in replies {
                    let error = Error::Refused(error.to_string());
                    answer(reply, Err(error), &self.shared);
                }
            }
        }
    }

    /// Nothing can be written from now on.
    pub(crate) fn degrade(&mut self, error: &Error) {
        let mut state = self.shared.state();
        if !matches!(*state, State::Degraded { .. }) {
            *state = State::Degraded { why: error.to_string(), since: self.shared.now(), lost: 0 };
        }
    }

    /// The state says another reason from now on.
    fn blame(&self, error: &Error) {
        if let State::Degraded { why, .. } = &mut *self.shared.state() {
            *why = error.to_string();
        }
    }

    /// Who waits is told; what was offered is held as long as there is room.
    fn put_off(&mut self, entries: Vec<Entry>, replies: Vec<Option<Reply>>) {
        let why = match &*self.shared.state() {
            State::Degraded { why, .. } => why.clone(),
            _ => String::new(),
        };
        for (entry, reply) in entries.into_iter().zip(replies) {
            match reply {
                Some(reply) => drop(reply.try_send(Err(Error::NotWritten(why.clone())))),
                None if self.held.len() < self.shared.limits().held_entries => self.held.push_back(entry),
                None => self.shared.lose(Count::EntriesLost, 1),
            }
        }
    }

    fn tick(&mut self) {
        self.ticks += 1;
        if self.is_degraded() {
            self.recover();
        }
        let all = self.ticks.is_multiple_of(FLUSH_TICKS);
        if !self.is_degraded() && (all || self.shared.rollup().has_full_rows()) {
            self.flush(all);
        }
        if !self.is_degraded()
            && self.ticks.is_multiple_of(EVIDENCE_TICKS)
            && let Err(error) = self.write_evidence(true)
        {
            self.degrade(&error);
        }
        if self.is_degraded() {
            let lost = self.shared.rollup().shed(HELD_ROWS);
            self.shared.lose(Count::SamplesLost, lost);
        } else if self.ticks % RETIRE_TICKS == FLUSH_TICKS {
            self.retire();
        }
    }

    /// Points, and with `all` evidence too.
    pub(crate) fn flush(&mut self, all: bool) {
        let done = self.write_points(all);
        let done = if all { done.and_then(|()| self.write_evidence(false)) } else { done };
        if let Err(error) = done {
            self.shared.count(Count::CommitsFailed, 1);
            self.degrade(&error);
        }
    }

    /// Tries again, over a connection of its own: an old one may hold on to what the disk was before.
    fn recover(&mut self) {
        let opened = if self.is_open {
            let connection = schema::open(&self.shared.folder.join(schema::FILE_NAME), false);
            connection.map(|connection| Opened { connection, lock: self.lock.take() })
        } else {
            record::open_folder(&self.shared)
        };
        match opened {
            Ok(opened) => (self.connection, self.lock, self.is_open) = (opened.connection, opened.lock, true),
            // It may be another reason by now, such as a key that is not the one of this record.
            Err(error) if !self.is_open => return self.blame(&error),
            Err(_) => return,
        }
        let mut entries: Vec<Entry> = self.held.iter().cloned().collect();
        if let State::Degraded { why, since, lost } = &*self.shared.state() {
            entries.push(commit::lost_entry(why, *since, *lost, self.held.len()));
        }
        if self.commit(&entries, &[]).is_ok() {
            self.held.clear();
            *self.shared.state() = State::Writing;
        }
    }

    /// The last things, when it stops.
    fn finish(&mut self) {
        if self.is_degraded() {
            self.recover();
        }
        self.shared.rollup().rest();
        self.flush(true);
        // Readers that are still there keep the log; then it is the next start's to tidy up.
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);");
        *self.shared.state() = State::Closed;
    }
}

fn answer(reply: Option<Reply>, receipt: Result<Option<Receipt>>, shared: &Shared) {
    if receipt.is_err() {
        shared.count(Count::EntriesRefused, 1);
    }
    if let Some(reply) = reply {
        // Who no longer waits has given up; the entry is there all the same.
        let _ = reply.try_send(receipt);
    }
}
