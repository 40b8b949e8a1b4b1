//! The detector: records in, events out, no clock.
//!
//! Time is cut into steps of 100 ms. Within a step every record only adds to counters; when the first record
//! of a later step comes, the step is closed: tests move on, wider targets add up their members, floods start,
//! go on and end. So the answer depends on the records alone, whether they come from a file or live.

mod count;
mod learnt;
mod levels;
mod policies;
mod ready;
mod reload;
mod steps;
mod suspects;

use std::collections::VecDeque;

use sketch::KeyedState;
use wire::{Address, Time};

use crate::campaign::Campaigns;
use crate::conversation::{Conversations, DEFAULT_CONVERSATIONS};
use crate::counters::Counters;
use crate::event::{Event, Target};
use crate::flood::{Flood, Subject};
use crate::judge::is_group;
use crate::learning::{Known, Learner};
use crate::meter::{Meter, Metered};
use crate::observation::{Observation, Quoted};
use crate::prepare::{Batch, Pending, Preparer};
use crate::readiness::Ready;
use crate::scope::Scope;
use crate::shape::Pause;
use crate::suspect::{Care, DEFAULT_SUSPECTS, Suspect};
use crate::tally::{Tally, flag};
use crate::target::{STEP_NANOSECONDS, TargetState};
use crate::targets::{DEFAULT_TARGETS, Targets};
use levels::SWEEP_STEPS;
use policies::Policies;

pub use learnt::{Learnt, LearntTarget, Usually};

/// Records that are older than the running step by more than this are counted as late and left out.
pub const LATE_AFTER_SECONDS: i64 = 2;
/// After a loss figures are lower bounds for this long: what was lost may have been of any second of it.
pub const LOSS_SECONDS: i64 = 60;
/// Records that are counted together.
const BATCH: usize = 32;
/// Memory of a target is asked for when so many others are still to be looked at.
const AHEAD: usize = 8;
/// After this many late records in a row the clock is taken to have been set back, and they are believed.
const CLOCK_RESET_AFTER: u32 = 256;
/// Steps without any record that are closed one by one; a longer silence ends everything. This bounds the work
/// that two records with times far apart can cause.
const EMPTY_STEPS_MAXIMUM: i64 = 300;

/// Limits of a detector. All memory that it ever takes follows from them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Addresses counted at once.
    pub targets: usize,
    /// Conversations remembered at once.
    pub conversations: usize,
    /// Targets under closer look at once, 65,535 at most.
    pub suspects: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { targets: DEFAULT_TARGETS, conversations: DEFAULT_CONVERSATIONS, suspects: DEFAULT_SUSPECTS }
    }
}

/// Finds floods in records.
pub struct Detector {
    key: [u8; 16],
    hash: KeyedState,
    scope: Scope,
    preparer: Preparer,
    conversations: Conversations,
    targets: Targets,
    wider: Vec<TargetState>,
    wider_suspects: u32,
    wider_known: Vec<Known>,
    /// Wider targets with a flood of too many packets.
    wider_levels: u32,
    learner: Option<Learner>,
    /// Unless nobody wants to know.
    meter: Option<Meter>,
    policies: Policies,
    /// Whether less is needed for a while.
    ready: Ready,
    /// Addresses with too many packets; empty but while a step is closed.
    level_alarms: Vec<u32>,
    /// Addresses with long records on the way, by the step in which they are looked at.
    dripping: [Vec<u32>; SWEEP_STEPS],
    listed: Vec<u32>,
    /// Listed targets whose step was not calm; empty but while a step is closed.
    restless: Vec<u32>,
    wider_listed: Vec<u32>,
    suspects: Vec<Suspect>,
    care: Care,
    free_suspects: Vec<u32>,
    suspect_owners: Vec<(u32, Subject)>,
    suspects_maximum: usize,
    floods: Vec<Flood>,
    /// The last floods that ended, the newest last: what comes soon after one may be its next pulse.
    pauses: VecDeque<(Target, Pause)>,
    /// What belongs together.
    campaigns: Campaigns,
    events: Vec<Event>,
    step: Option<i64>,
    /// Where that begins, in nanoseconds.
    step_begins: i64,
    latest: Time,
    late_in_a_row: u32,
    lost_until_step: i64,
    counters: Counters,
    /// Records of the running step that are not counted yet, fewer than [`BATCH`].
    pending: Batch,
}

impl Detector {
    /// A detector under a secret key. The same key, limits, scope and records give the same events.
    pub fn new(scope: Scope, limits: &Limits, key: [u8; 16]) -> Self {
        let hash = KeyedState::new(key);
        let policies = Policies::of(&scope, &hash);
        Self {
            key,
            hash,
            scope,
            preparer: Preparer::new(key),
            conversations: Conversations::new(limits.conversations),
            targets: Targets::new(limits.targets, &hash),
            wider: Vec::new(),
            wider_suspects: 0,
            wider_known: Vec::new(),
            wider_levels: 0,
            learner: None,
            meter: None,
            policies,
            ready: Ready::default(),
            level_alarms: Vec::new(),
            dripping: Default::default(),
            listed: Vec::new(),
            restless: Vec::new(),
            wider_listed: Vec::new(),
            suspects: Vec::new(),
            care: Care::Full,
            free_suspects: Vec::new(),
            suspect_owners: Vec::new(),
            suspects_maximum: limits.suspects.min(usize::from(u16::MAX)),
            floods: Vec::new(),
            pauses: VecDeque::new(),
            campaigns: Campaigns::default(),
            events: Vec::new(),
            step: None,
            step_begins: 0,
            latest: Time::default(),
            late_in_a_row: 0,
            lost_until_step: i64::MIN,
            counters: Counters::default(),
            pending: Batch::default(),
        }
    }

    /// What prepares records for this detector.
    pub fn preparer(&self) -> &Preparer {
        &self.preparer
    }

    /// Takes one record. Always inlined: then it is written where it waits, and nowhere before.
    #[inline(always)]
    pub fn observe(&mut self, observation: &Observation) {
        self.take(observation, None);
    }

    /// Takes one packet that is an ICMP error, with the packet that it quotes.
    pub fn observe_error(&mut self, observation: &Observation, quoted: &Quoted) {
        self.take(observation, Some(quoted));
    }

    #[inline(always)]
    fn take(&mut self, observation: &Observation, quoted: Option<&Quoted>) {
        if !self.admits(observation) {
            return;
        }
        let pending = self.pending.add(&self.preparer, observation, quoted);
        self.conversations.fetch(pending.key);
        self.targets.fetch_index(pending.hash);
        let hash = pending.hash;
        self.has_taken(observation.source, observation.destination, hash);
    }

    /// As [`Detector::take`], of a record that is prepared.
    fn take_prepared(&mut self, record: &Pending) {
        if self.admits(&record.observation) {
            self.pending.keep(record);
            self.has_taken(record.observation.source, record.observation.destination, record.hash);
        }
    }

    /// Moves the clock. Whether a record is to be counted.
    #[inline]
    fn admits(&mut self, observation: &Observation) -> bool {
        self.counters.observations += 1;
        if !self.clock(observation.time) {
            return false;
        }
        let is_group = is_group(observation.destination);
        self.counters.multicast += u64::from(is_group);
        !is_group
    }

    #[inline]
    fn has_taken(&mut self, source: Address, destination: Address, hash: u64) {
        if self.policies.counts_sources {
            self.count_source(source, destination, hash);
        }
        if self.pending.len() >= BATCH {
            self.settle_pending();
        }
    }

    /// Takes records that were prepared with the key of this detector, in order, and leaves the batch empty. The same as
    /// [`Detector::observe`] for each.
    pub fn observe_batch(&mut self, batch: &mut Batch) {
        self.take_batch(batch, |_, _| {});
    }

    /// As [`Detector::observe_batch`], for who wants to know which record an event came with: `tell` is called with its index
    /// in the batch, and the events are not kept for [`Detector::take_events`].
    pub fn observe_batch_telling(&mut self, batch: &mut Batch, mut tell: impl FnMut(usize, Event)) {
        self.take_batch(batch, |detector, index| {
            if detector.has_events() {
                detector.take_events().into_iter().for_each(|event| tell(index, event));
            }
        });
    }

    #[inline(always)]
    fn take_batch(&mut self, batch: &mut Batch, mut after: impl FnMut(&mut Self, usize)) {
        let records = batch.records();
        records.iter().take(BATCH).for_each(|record| self.fetch(record));
        let mut at = 0;
        while at < records.len() {
            let whole = records.get(at..at + BATCH).is_some_and(|records| self.can_take_together(records));
            let count = if whole { BATCH } else { 1 };
            records.iter().skip(at + BATCH).take(count).for_each(|record| self.fetch(record));
            if whole {
                self.take_together(&mut records[at..at + BATCH]);
            } else {
                self.take_prepared(&records[at]);
            }
            after(self, at);
            at += count;
        }
        batch.clear();
    }

    /// Whether records can be counted where they are: those that [`Detector::observe`] would count together.
    fn can_take_together(&self, records: &[Pending]) -> bool {
        let is_of_this_step = |record: &Pending| {
            self.is_in_step(record.observation.time) && !is_group(record.observation.destination)
        };
        self.pending.is_empty() && records.iter().all(is_of_this_step)
    }

    fn take_together(&mut self, records: &mut [Pending]) {
        self.counters.observations += records.len() as u64;
        self.late_in_a_row = 0;
        for record in records.iter() {
            self.latest = self.latest.max(record.observation.time);
        }
        if self.policies.counts_sources {
            for record in records.iter() {
                self.count_source(record.observation.source, record.observation.destination, record.hash);
            }
        }
        self.settle_all(records);
    }

    /// Brings near the memory that a record needs first.
    #[inline]
    fn fetch(&self, record: &Pending) {
        self.conversations.fetch(record.key);
        self.targets.fetch_index(record.hash);
    }

    /// Says that records were lost before they came here: figures of the next [`LOSS_SECONDS`] are lower bounds, and
    /// those of every flood that goes on until its end.
    pub fn note_loss(&mut self) {
        self.settle_pending();
        self.lost_until_step = self.step.unwrap_or_default().saturating_add(LOSS_SECONDS * 10);
        self.floods.iter_mut().for_each(Flood::note_loss);
    }

    /// Closes every step before `now`, as if a record had come then: floods end although nothing comes.
    ///
    /// Within a step nothing changes: whatever it tells has the times that it would have had if a record had come.
    pub fn advance(&mut self, now: Time) {
        let step = now.nanoseconds().div_euclid(STEP_NANOSECONDS);
        let begins = Time::from_nanoseconds(step.saturating_mul(STEP_NANOSECONDS));
        let moves_on = self.step.is_none_or(|current| current < step);
        self.clock(begins);
        if moves_on {
            // No record of this step was seen.
            self.latest = begins.plus_nanoseconds(-1);
        }
    }

    /// Closes the last window and ends what still goes on. The detector can be used further.
    pub fn finish(&mut self) {
        self.settle_pending();
        let Some(step) = self.step else { return };
        self.close_step(step, true);
        if let Some(meter) = &mut self.meter {
            meter.turn();
        }
        let mut floods = std::mem::take(&mut self.floods);
        for flood in &mut floods {
            self.end_flood(flood, step, "end_of_input");
        }
    }

    /// The events since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// From now on it is counted how much comes to the addresses of services.
    pub fn meter(&mut self) {
        self.meter = Some(Meter::new(self.hash));
    }

    /// What came in the oldest second that is over and was not taken; none unless [`Detector::meter`] was called. The second is
    /// of the data's time.
    pub fn take_metered(&mut self) -> Option<Metered> {
        self.meter.as_mut()?.take()
    }

    /// Whether there are events to take.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.conversations_evicted = self.conversations.evicted;
        counters.targets = self.targets.states.len() as u64;
        counters.targets_evicted = self.targets.evicted;
        counters.targets_refused = self.targets.refused;
        counters.prefixes_refused = self.scope.prefixes_refused;
        counters.ceilings_unwatched = self.policies.unwatched;
        counters.suspects = self.suspect_owners.len() as u64;
        counters.campaigns = self.campaigns.found;
        counters.campaign_floods_left_out = self.campaigns.left_out;
        counters.metered_seconds_lost = self.meter.as_ref().map_or(0, |meter| meter.lost);
        counters
    }

    /// Closes every step before that of a time. Says whether what has this time is to be counted: not if it is too
    /// late.
    #[inline]
    fn clock(&mut self, time: Time) -> bool {
        if self.is_in_step(time) {
            self.late_in_a_row = 0;
            self.latest = self.latest.max(time);
            return true;
        }
        self.clock_moves(time)
    }

    #[inline]
    fn is_in_step(&self, time: Time) -> bool {
        let into = time.nanoseconds().wrapping_sub(self.step_begins) as u64;
        into < STEP_NANOSECONDS as u64 && self.step.is_some()
    }

    fn clock_moves(&mut self, time: Time) -> bool {
        let step = time.nanoseconds().div_euclid(STEP_NANOSECONDS);
        match self.step {
            Some(current) if step < current => return self.late(time, step, current),
            Some(current) if step > current => self.move_on(current, step),
            _ => self.set_step(step),
        }
        self.late_in_a_row = 0;
        self.latest = time;
        true
    }

    fn set_step(&mut self, step: i64) {
        self.step = Some(step);
        self.step_begins = step.saturating_mul(STEP_NANOSECONDS);
    }

    fn late(&mut self, time: Time, step: i64, current: i64) -> bool {
        if current - step <= LATE_AFTER_SECONDS * 10 {
            self.counters.reordered += 1;
            return true;
        }
        self.counters.late += 1;
        self.late_in_a_row += 1;
        if self.late_in_a_row < CLOCK_RESET_AFTER {
            return false;
        }
        // Two captures in one file, or one record with a time in the far future: the many are right.
        self.counters.clock_resets += 1;
        self.finish();
        self.forget_times(step);
        self.late_in_a_row = 0;
        self.set_step(step);
        self.latest = time;
        true
    }

    /// Forgets all that has a time, since the clock was set back to a step; who sends and who is suspect stays.
    fn forget_times(&mut self, step: i64) {
        self.targets.states.iter_mut().chain(&mut self.wider).for_each(TargetState::forget_times);
        for tally in &mut self.targets.tallies {
            tally.set(flag::LISTED, false);
            tally.clear();
        }
        self.listed.clear();
        self.wider_listed.clear();
        self.dripping.iter_mut().for_each(Vec::clear);
        self.targets.tallies.iter_mut().for_each(|tally| tally.set(flag::DRIPS, false));
        self.policies.begin_again();
        self.ready.begin_again(step);
        if let Some(learner) = &mut self.learner {
            learner.begin_again();
        }
    }

    /// Closes the current step and the empty ones up to `step`.
    fn move_on(&mut self, current: i64, step: i64) {
        self.settle_pending();
        self.close_step(current, false);
        let mut at = current + 1;
        // Empty steps matter only while something ends or flows out; then time may jump.
        while at < step
            && !(self.floods.is_empty()
                && self.listed.is_empty()
                && self.wider_listed.is_empty()
                && self.suspect_owners.is_empty())
        {
            if at - current > EMPTY_STEPS_MAXIMUM {
                self.cut_short(at);
                break;
            }
            self.close_step(at, false);
            at += 1;
        }
        self.set_step(step);
    }

    /// Ends what still goes on after a silence of [`EMPTY_STEPS_MAXIMUM`]: only long flow records can.
    fn cut_short(&mut self, step: i64) {
        let mut cut: u64 = 0;
        for index in std::mem::take(&mut self.listed) {
            let tally = &mut self.targets.tallies[index as usize];
            tally.set(flag::LISTED, false);
            tally.clear();
            cut = cut.saturating_add(self.targets.states[index as usize].cut_reservoirs());
        }
        for index in std::mem::take(&mut self.wider_listed) {
            let wide = &mut self.wider[index as usize];
            wide.listed = false;
            wide.cut_reservoirs();
        }
        self.counters.spreads_cut = self.counters.spreads_cut.saturating_add(cut);
        let mut floods = std::mem::take(&mut self.floods);
        for flood in &mut floods {
            self.end_flood(flood, step, "quiet");
        }
    }
}

/// Puts a target on the list of those to look at when the step ends.
#[inline]
fn list(listed: &mut Vec<u32>, tally: &mut Tally, index: u32) {
    if !tally.has(flag::LISTED) {
        tally.set(flag::LISTED, true);
        listed.push(index);
    }
}
