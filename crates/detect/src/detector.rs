//! The detector: records in, events out, no clock.
//!
//! Time is cut into steps of 100 ms. Within a step every record only adds to counters; when the first record
//! of a later step comes, the step is closed: tests move on, wider targets add up their members, floods start,
//! go on and end. So the answer depends on the records alone, whether they come from a file or live.

use sketch::KeyedState;
use wire::Time;

use crate::confirm;
use crate::conversation::{Conversations, DEFAULT_CONVERSATIONS, Key};
use crate::counters::Counters;
use crate::event::{Direction, Event};
use crate::flood::{Flood, Subject, View};
use crate::judge::{Judgement, is_group, judge};
use crate::observation::Observation;
use crate::rules::{PREFIX_FACTOR, RULES, unseen_weight};
use crate::sampled;
use crate::scope::Scope;
use crate::suspect::{DEFAULT_SUSPECTS, Suspect};
use crate::target::{STEP_NANOSECONDS, Sum, TargetState};
use crate::targets::{DEFAULT_TARGETS, Targets};
use crate::vector::{VECTOR_COUNT, Vector, protocol};

/// Records that are older than the running step by more than this are counted as late and left out.
pub const LATE_AFTER_SECONDS: i64 = 2;
/// Records that are counted together.
const BATCH: usize = 16;
/// After this many late records in a row the clock is taken to have been set back, and they are believed.
const CLOCK_RESET_AFTER: u32 = 256;
/// Unwanted packets in one step that make a target suspect before the step ends.
const SUSPECT_PACKETS_PER_STEP: f32 = 12.0;
/// The part of an alarm at which a target becomes suspect.
const SUSPECT_WEIGHT: f32 = 0.125;
/// Steps without any record that are closed one by one; a longer silence ends everything. This bounds the work
/// that two records with times far apart can cause.
const EMPTY_STEPS_MAXIMUM: i64 = 1_200;
/// No flow record is spread over more seconds: exporters cut flows off at half an hour at most.
const SPREAD_SECONDS_MAXIMUM: f32 = 1_800.0;
/// No link of today makes smaller first fragments (RFC 791 asks for 576 bytes whole): such a one excuses none.
const FRAGMENT_MINIMUM_BYTES: u64 = 400;
/// A suspect that gave no more reason is dropped after this many steps.
const SUSPECT_STEPS: i64 = 50;

/// Limits of a detector. All memory that it ever takes follows from them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Addresses counted at once.
    pub targets: usize,
    /// Conversations remembered at once.
    pub conversations: usize,
    /// Targets under closer look at once.
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
    conversations: Conversations,
    targets: Targets,
    wider: Vec<TargetState>,
    wider_suspects: u32,
    listed: Vec<u32>,
    wider_listed: Vec<u32>,
    suspects: Vec<Option<Box<Suspect>>>,
    free_suspects: Vec<u32>,
    suspect_owners: Vec<(u32, Subject)>,
    suspects_maximum: usize,
    floods: Vec<Flood>,
    events: Vec<Event>,
    step: Option<i64>,
    latest: Time,
    late_in_a_row: u32,
    lost: bool,
    counters: Counters,
    /// Records of the running step that are not counted yet, fewer than [`BATCH`].
    pending: Vec<Pending>,
}

/// A record that waits to be counted with others of its step.
struct Pending {
    observation: Observation,
    step: i64,
    key: Key,
    /// Of the destination.
    hash: u64,
}

impl Detector {
    /// A detector under a secret key. The same key, limits, scope and records give the same events.
    pub fn new(scope: Scope, limits: &Limits, key: [u8; 16]) -> Self {
        let hash = KeyedState::new(key);
        Self {
            key,
            hash,
            scope,
            conversations: Conversations::new(limits.conversations, &key),
            targets: Targets::new(limits.targets, hash),
            wider: Vec::new(),
            wider_suspects: 0,
            listed: Vec::new(),
            wider_listed: Vec::new(),
            suspects: Vec::new(),
            free_suspects: Vec::new(),
            suspect_owners: Vec::new(),
            suspects_maximum: limits.suspects,
            floods: Vec::new(),
            events: Vec::new(),
            step: None,
            latest: Time::default(),
            late_in_a_row: 0,
            lost: false,
            counters: Counters::default(),
            pending: Vec::with_capacity(BATCH),
        }
    }

    /// Takes one record.
    #[inline]
    pub fn observe(&mut self, observation: &Observation) {
        self.counters.observations += 1;
        let Some(step) = self.clock(observation.time) else { return };
        if is_group(observation.destination) {
            self.counters.multicast += 1;
            return;
        }
        let key = self.conversations.key(observation);
        let hash = self.targets.hash(observation.destination);
        self.pending.push(Pending { observation: *observation, step, key, hash });
        if self.pending.len() >= BATCH {
            self.settle_pending();
        }
    }

    /// Counts the records that wait. First all memory that they need is read, so that the waits for it overlap;
    /// it is the larger part of the time when a flood has many sources.
    fn settle_pending(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        let mut touched = 0;
        for record in &pending {
            touched ^= u32::from(self.conversations.touch(record.key));
            touched ^= self.targets.touch(record.observation.destination, record.hash);
        }
        std::hint::black_box(touched);
        for record in &pending {
            self.settle(record);
        }
        pending.clear();
        self.pending = pending;
    }

    #[inline]
    fn settle(&mut self, record: &Pending) {
        let Pending { observation, step, key, hash } = record;
        let vector = Vector::of(observation);
        let judgement = judge(&mut self.conversations, observation, *key, vector, *step as u32);
        if judgement.sender_speaks_up || judgement.take_back_of_sender.is_some() || observation.sampling > 1 {
            self.note_sender(observation, &judgement, *step);
        }
        let inward = self.scope.protects(observation.destination);
        if !inward && !self.scope.protects(observation.source) {
            self.counters.unprotected += 1;
            return;
        }
        self.count(record, vector, &judgement);
        debug_assert!(*hash == self.targets.hash(observation.destination));
    }

    /// Says that records were lost before they came here, so that figures are lower bounds from now on.
    pub fn note_loss(&mut self) {
        self.settle_pending();
        self.lost = true;
    }

    /// Closes every step before `now`, as if a record had come then: floods end although nothing comes.
    pub fn advance(&mut self, now: Time) {
        self.clock(now);
    }

    /// Closes the last window and ends what still goes on. The detector can be used further.
    pub fn finish(&mut self) {
        self.settle_pending();
        let Some(step) = self.step else { return };
        self.close_step(step, true);
        let floods = std::mem::take(&mut self.floods);
        for flood in &floods {
            self.end_flood(flood, step, "end_of_input");
        }
    }

    /// The events since the last call, in order.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
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
        counters.suspects = self.suspect_owners.len() as u64;
        counters
    }

    /// The step of a time, with every step before it closed; `None` for what is too late to count.
    #[inline]
    fn clock(&mut self, time: Time) -> Option<i64> {
        let step = time.nanoseconds().div_euclid(STEP_NANOSECONDS);
        match self.step {
            Some(current) if step == current => {
                self.late_in_a_row = 0;
                self.latest = self.latest.max(time);
                Some(step)
            }
            Some(current) if step < current => self.late(time, step, current),
            Some(current) => {
                self.late_in_a_row = 0;
                self.move_on(current, step);
                self.latest = time;
                Some(step)
            }
            None => {
                self.step = Some(step);
                self.latest = time;
                Some(step)
            }
        }
    }

    fn late(&mut self, time: Time, step: i64, current: i64) -> Option<i64> {
        if current - step <= LATE_AFTER_SECONDS * 10 {
            self.counters.reordered += 1;
            return Some(current);
        }
        self.counters.late += 1;
        self.late_in_a_row += 1;
        if self.late_in_a_row < CLOCK_RESET_AFTER {
            return None;
        }
        // Two captures in one file, or one record with a time in the far future: the many are right.
        self.counters.clock_resets += 1;
        self.finish();
        for state in self.targets.states.iter_mut().chain(&mut self.wider) {
            let sends = state.sends;
            let suspect = state.suspect;
            *state = TargetState { sends, suspect, ..TargetState::default() };
        }
        self.late_in_a_row = 0;
        self.step = Some(step);
        self.latest = time;
        Some(step)
    }

    /// Closes the current step and the empty ones up to `step`.
    fn move_on(&mut self, current: i64, step: i64) {
        self.settle_pending();
        self.close_step(current, false);
        let mut at = current + 1;
        // Empty steps matter only while something ends or flows out; then time may jump.
        while at < step
            && !(self.floods.is_empty() && self.listed.is_empty() && self.suspect_owners.is_empty())
        {
            if at - current > EMPTY_STEPS_MAXIMUM {
                self.cut_short(at);
                break;
            }
            self.close_step(at, false);
            at += 1;
        }
        self.step = Some(step);
    }

    /// Ends what still goes on after a silence of [`EMPTY_STEPS_MAXIMUM`]: only long flow records can.
    fn cut_short(&mut self, step: i64) {
        for index in std::mem::take(&mut self.listed) {
            let state = &mut self.targets.states[index as usize];
            state.listed = false;
            self.counters.spreads_cut += state.cut_reservoirs();
        }
        let floods = std::mem::take(&mut self.floods);
        for flood in &floods {
            self.end_flood(flood, step, "quiet");
        }
    }

    /// The sender of this record spoke: that is what its own packets are judged by.
    fn note_sender(&mut self, observation: &Observation, judgement: &Judgement, step: i64) {
        let Some(index) = self.targets.find(observation.source, self.targets.hash(observation.source)) else {
            return;
        };
        let state = &mut self.targets.states[index as usize];
        state.sends = true;
        state.resolves |= observation.destination_port == 53 && observation.protocol == protocol::UDP;
        if let Some((vector, packets)) = judgement.take_back_of_sender {
            state.take_back(vector, packets);
            list(&mut self.listed, state, index);
        }
        if observation.sampling > 1 {
            sampled::excuse_by_outbound(state, observation);
            list(&mut self.listed, state, index);
        }
        state.step = state.step.max(step - 1);
    }

    fn count(&mut self, record: &Pending, vector: Vector, judgement: &Judgement) {
        let Pending { observation, step, hash, .. } = record;
        let address = observation.destination;
        let Some(index) = self.targets.find_or_add(address, *hash, &mut self.scope, *step) else {
            return;
        };
        let state = &mut self.targets.states[index as usize];
        list(&mut self.listed, state, index);
        state.sends |= judgement.receiver_sends;
        state.last_packet = state.last_packet.max(observation.last);
        state.new_flows += f32::from(u8::from(judgement.is_new));
        state.sampling = state.sampling.max(observation.sampling);
        if observation.fragment == wire::Fragment::First && observation.bytes >= FRAGMENT_MINIMUM_BYTES {
            state.first_fragments += observation.packets as f32;
        }
        if let Some((vector, packets)) = judgement.take_back_of_receiver {
            state.take_back(vector, packets);
        }
        if judgement.completes {
            state.completed += 1.0;
        }
        if let Some(also) = judgement.also {
            state.count(also, 0.0, 1.0);
        }
        let weight = match (judgement.is_unwanted, state.sends) {
            (false, _) => 0.0,
            (true, true) => judgement.weight,
            (true, false) => unseen_weight(observation, vector, judgement.is_new),
        };
        if observation.sampling > 1 {
            sampled::excuse_by_inbound(state, observation, vector);
        }
        add(state, observation, vector, weight);
        let is_fresh = judgement.is_new && RULES[vector.index()].volume_is_of_conversations;
        if is_fresh {
            state.cells[vector.index()].fresh += 1.0;
        }
        if weight > 0.0 || is_fresh || vector == Vector::DnsQueryFlood {
            self.look_closer(observation, vector, index, *step);
        }
    }

    /// Shows an unwanted record to the sketches of its targets, which are made if there is reason.
    #[inline]
    fn look_closer(&mut self, observation: &Observation, vector: Vector, index: u32, step: i64) {
        let state = &mut self.targets.states[index as usize];
        if state.suspect.is_none() && state.cells[vector.index()].interesting() >= SUSPECT_PACKETS_PER_STEP {
            self.make_suspect(Subject::Address(index), step);
        }
        if let Some(slot) = self.targets.states[index as usize].suspect
            && let Some(suspect) = self.suspects[slot as usize].as_mut()
        {
            suspect.note(observation, &self.hash, step);
        }
        if self.wider_suspects > 0 {
            for &wider in self.targets.places[index as usize].wider() {
                let slot = self.wider.get(wider as usize).and_then(|state| state.suspect);
                if let Some(suspect) = slot.and_then(|slot| self.suspects[slot as usize].as_mut()) {
                    suspect.note(observation, &self.hash, step);
                }
            }
        }
    }

    fn state_mut(&mut self, subject: Subject) -> &mut TargetState {
        match subject {
            Subject::Address(index) => &mut self.targets.states[index as usize],
            Subject::Wider(index) => &mut self.wider[index as usize],
        }
    }

    fn state(&self, subject: Subject) -> &TargetState {
        match subject {
            Subject::Address(index) => &self.targets.states[index as usize],
            Subject::Wider(index) => &self.wider[index as usize],
        }
    }

    fn make_suspect(&mut self, subject: Subject, step: i64) {
        let slot = if let Some(slot) = self.free_suspects.pop() {
            if let Some(suspect) = self.suspects[slot as usize].as_mut() {
                suspect.reset(step);
            }
            slot
        } else if self.suspects.len() < self.suspects_maximum {
            self.suspects.push(Suspect::new(self.hash, step).map(Box::new));
            (self.suspects.len() - 1) as u32
        } else {
            self.counters.suspects_refused += 1;
            return;
        };
        self.suspect_owners.push((slot, subject));
        self.wider_suspects += u32::from(matches!(subject, Subject::Wider(_)));
        self.state_mut(subject).suspect = Some(slot);
    }

    fn drop_idle_suspects(&mut self, step: i64) {
        let owners = std::mem::take(&mut self.suspect_owners);
        for (slot, subject) in owners {
            let state = self.state(subject);
            let is_touched = step - state.step < SUSPECT_STEPS;
            let has_reason =
                state.flood.is_some() || (is_touched && state.sums.iter().any(|sum| sum.is_running()));
            let keep = self.suspects[slot as usize].as_mut().is_some_and(|suspect| {
                if has_reason {
                    suspect.suspect_step = step;
                }
                step - suspect.suspect_step <= SUSPECT_STEPS
            });
            if keep {
                self.suspect_owners.push((slot, subject));
            } else {
                self.state_mut(subject).suspect = None;
                self.wider_suspects -= u32::from(matches!(subject, Subject::Wider(_)));
                self.free_suspects.push(slot);
            }
        }
    }

    fn close_step(&mut self, step: i64, is_final: bool) {
        self.counters.steps += 1;
        let listed = std::mem::take(&mut self.listed);
        self.wider.resize_with(self.scope.wider().len(), TargetState::default);
        for &index in &listed {
            self.close_address(index, step);
        }
        for &index in &listed {
            self.decide(Subject::Address(index), step, 1.0, is_final);
        }
        let mut wider = std::mem::take(&mut self.wider_listed);
        wider.sort_unstable_by_key(|&index| (self.scope.wider()[index as usize].kind, index));
        for &index in &wider {
            self.wider[index as usize].close_step(step, PREFIX_FACTOR);
            self.decide(Subject::Wider(index), step, PREFIX_FACTOR, is_final);
        }
        self.move_floods(step);
        for &index in &wider {
            self.wider[index as usize].listed = false;
            self.wider[index as usize].clear_step();
        }
        for &index in &listed {
            let state = &mut self.targets.states[index as usize];
            state.listed = false;
            if state.clear_step() {
                list(&mut self.listed, state, index);
            }
        }
        self.drop_idle_suspects(step);
    }

    fn close_address(&mut self, index: u32, step: i64) {
        let state = &mut self.targets.states[index as usize];
        let unwanted = state.close_step(step, 1.0);
        let place = &self.targets.places[index as usize];
        for &wider in place.wider() {
            let wide = &mut self.wider[wider as usize];
            wide.add(state, unwanted, index);
            list(&mut self.wider_listed, wide, wider);
        }
        if state.suspect.is_none() && state.heaviest_alarm(1.0) >= SUSPECT_WEIGHT {
            self.make_suspect(Subject::Address(index), step);
        }
    }

    /// Starts a flood on a target whose excess calls for it.
    fn decide(&mut self, subject: Subject, step: i64, factor: f32, is_final: bool) {
        let state = self.state(subject);
        let heaviest = state.heaviest_alarm(factor);
        if heaviest < SUSPECT_WEIGHT || state.flood.is_some() {
            return;
        }
        if matches!(subject, Subject::Wider(_)) && state.suspect.is_none() {
            self.make_suspect(subject, step);
        }
        if heaviest < 1.0 {
            return;
        }
        let view = self.view(subject, step);
        let Some(alarm) = confirm::confirm(view.state, view.suspect, factor, is_final) else { return };
        if let Subject::Wider(index) = subject {
            if view.state.flooded_unwanted > 0.5 * view.state.members_unwanted {
                self.note_wider(index);
                return;
            }
            if !confirm::is_carpet(view.state, view.suspect, is_final) {
                return;
            }
        } else if self.is_part_of_carpet(subject) {
            return;
        }
        self.begin_flood(subject, step, alarm);
    }

    /// The wider target shows what its members' floods explain: say so in their evidence.
    fn note_wider(&mut self, index: u32) {
        let target = &self.scope.wider()[index as usize];
        for flood in &mut self.floods {
            if let Subject::Address(address) = flood.subject
                && self.targets.places[address as usize].wider().contains(&index)
                && !flood.also.contains(target)
            {
                flood.also.push(target.clone());
            }
        }
    }

    /// Whether a wider flood goes on of which this address is no more than half.
    fn is_part_of_carpet(&self, subject: Subject) -> bool {
        let Subject::Address(index) = subject else { return false };
        let own: f32 = self.targets.states[index as usize].cells.iter().map(|cell| cell.unwanted).sum();
        self.targets.places[index as usize].wider().iter().any(|&wider| {
            let wide = &self.wider[wider as usize];
            wide.flood.is_some() && own <= 0.5 * wide.members_unwanted
        })
    }

    fn begin_flood(&mut self, subject: Subject, step: i64, alarm: (Vector, f32)) {
        let (target, is_outside) = match subject {
            Subject::Address(index) => {
                let place = &self.targets.places[index as usize];
                (self.scope.target_of(place.address), place.is_outside)
            }
            Subject::Wider(index) => (self.scope.wider()[index as usize].clone(), false),
        };
        let mut flood = Flood::begin(subject, target, &self.key, &self.view(subject, step), alarm);
        if is_outside {
            flood.direction = Direction::Out;
        }
        self.state_mut(subject).flood = Some(self.floods.len() as u32);
        self.floods.push(flood);
        self.counters.floods += 1;
    }

    /// Adds the step to every flood; writes lines; ends what is over.
    fn move_floods(&mut self, step: i64) {
        let mut floods = std::mem::take(&mut self.floods);
        for flood in &mut floods {
            let factor = if matches!(flood.subject, Subject::Wider(_)) { PREFIX_FACTOR } else { 1.0 };
            let state = self.state(flood.subject);
            if state.step == step {
                flood.step(state, step, factor);
            } else {
                flood.skip_steps(step, step + 1);
            }
            let view = self.view(flood.subject, step);
            let event = if flood.is_new() { Some(flood.start(&view)) } else { flood.update(&view) };
            self.events.extend(event);
        }
        floods.retain(|flood| {
            let over = flood.is_over(step);
            if over {
                self.end_flood(flood, step, "quiet");
            }
            !over
        });
        for (index, flood) in floods.iter().enumerate() {
            self.state_mut(flood.subject).flood = Some(index as u32);
        }
        self.floods = floods;
    }

    fn end_flood(&mut self, flood: &Flood, step: i64, ended_by: &'static str) {
        let event = flood.end(&self.view(flood.subject, step), ended_by);
        self.events.push(event);
        let state = self.state_mut(flood.subject);
        state.flood = None;
        state.sums = [Sum::default(); VECTOR_COUNT];
    }

    fn view(&self, subject: Subject, step: i64) -> View<'_> {
        let state = self.state(subject);
        let suspect = state.suspect.and_then(|slot| self.suspects[slot as usize].as_deref());
        let end = Time::from_nanoseconds((step + 1).saturating_mul(STEP_NANOSECONDS));
        let now = if self.step == Some(step) { self.latest.min(end) } else { end };
        View { state, suspect, now, step, lost: self.lost }
    }
}

/// Puts a target on the list of those to look at when the step ends.
#[inline]
fn list(listed: &mut Vec<u32>, state: &mut TargetState, index: u32) {
    if !state.listed {
        state.listed = true;
        listed.push(index);
    }
}

/// Adds a record to the counters of its target.
#[inline]
fn add(state: &mut TargetState, observation: &Observation, vector: Vector, weight: f32) {
    let packets = observation.packets as f32;
    let bytes = observation.bytes as f32;
    let unwanted = packets * weight;
    if observation.duration_nanoseconds > STEP_NANOSECONDS {
        let seconds = (observation.duration_nanoseconds as f32 / 1e9).min(SPREAD_SECONDS_MAXIMUM);
        state.spread(vector, packets, unwanted, bytes, seconds);
        return;
    }
    state.count(vector, packets, unwanted);
    state.packets += packets;
    state.bytes += bytes;
    state.unwanted_bytes += bytes * weight;
}
