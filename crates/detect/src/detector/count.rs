//! Records into the counters of their targets.

use super::{Detector, Pending, list};
use crate::flood::Subject;
use crate::judge::{Judgement, judge};
use crate::observation::Observation;
use crate::rules::{RULES, unseen_weight};
use crate::sampled;
use crate::target::{STEP_NANOSECONDS, TargetState};
use crate::vector::{Vector, protocol};

/// Unwanted packets in one step that make a target suspect before the step ends.
const SUSPECT_PACKETS_PER_STEP: f32 = 12.0;
/// No flow record is spread over more seconds: exporters cut flows off at half an hour at most.
const SPREAD_SECONDS_MAXIMUM: f32 = 1_800.0;
/// Later fragments that one first fragment explains: 64 KiB make 44 of 1,500 bytes.
const LATER_PER_FIRST: f32 = 44.0;
/// No link of today makes smaller first fragments (RFC 791 asks for 576 bytes whole): such a one excuses none.
const FRAGMENT_MINIMUM_BYTES: u64 = 400;

impl Detector {
    /// Counts the records that wait. First all memory that they need is read, so that the waits for it overlap;
    /// it is the larger part of the time when a flood has many sources.
    pub(super) fn settle_pending(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        let mut touched = 0;
        for record in &pending {
            touched ^= u32::from(self.conversations.touch(record.key));
        }
        let mut before = None;
        for record in &pending {
            if before != Some(record.hash) {
                touched ^= self.targets.touch(record.observation.destination, record.hash);
                before = Some(record.hash);
            }
        }
        std::hint::black_box(touched);
        for record in &pending {
            self.settle(record);
        }
        pending.clear();
        self.pending = pending;
    }

    #[inline]
    pub(super) fn settle(&mut self, record: &Pending) {
        let Pending { observation, step, key, quotes, hash } = record;
        let vector = Vector::of(observation);
        let judgement = judge(&mut self.conversations, observation, (*key, *quotes), vector, *step as u32);
        if judgement.sender_speaks_up
            || judgement.take_back_of_sender.is_some()
            || observation.sampling > 1
            || observation.dns_failure.is_some()
        {
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

    /// The sender of this record spoke: that is what its own packets are judged by.
    pub(super) fn note_sender(&mut self, observation: &Observation, judgement: &Judgement, step: i64) {
        let Some(index) = self.targets.find(observation.source, self.targets.hash(observation.source)) else {
            return;
        };
        let state = &mut self.targets.states[index as usize];
        state.sends = true;
        if let Some(failure) = observation.dns_failure {
            state.dns_answers += 1.0;
            state.dns_failures += f32::from(u8::from(failure));
        }
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

    pub(super) fn count(&mut self, record: &Pending, vector: Vector, judgement: &Judgement) {
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
        if may_have_later_fragments(observation, vector) {
            state.fragments_excused += LATER_PER_FIRST * observation.packets as f32;
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
    pub(super) fn look_closer(&mut self, observation: &Observation, vector: Vector, index: u32, step: i64) {
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

/// Whether this is a first fragment of ordinary size. Flow records do not say; there any record of large packets
/// of UDP may be of first fragments.
#[inline]
fn may_have_later_fragments(observation: &Observation, vector: Vector) -> bool {
    let is_large = observation.bytes >= FRAGMENT_MINIMUM_BYTES.saturating_mul(observation.packets);
    let is_first = observation.fragment == wire::Fragment::First;
    let may_be =
        observation.is_flow() && observation.protocol == protocol::UDP && vector != Vector::FragmentFlood;
    is_large && (is_first || may_be)
}
