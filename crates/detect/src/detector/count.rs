//! Records into the counters of their targets.

use wire::Address;

use super::{Detector, list};
use crate::flood::Subject;
use crate::judge::{Judgement, ROUTINE, is_routine, judge};
use crate::learning::Known;
use crate::observation::Observation;
use crate::prepare::Pending;
use crate::rules::{RULES, factor_of, unseen_weight};
use crate::sampled;
use crate::suspect::Care;
use crate::tally::{Full, SlotKind, Tally, flag};
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
    /// Counts the records that wait.
    pub(super) fn settle_pending(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let mut pending = std::mem::take(&mut self.pending);
        self.settle_all(pending.records());
        pending.clear();
        self.pending = pending;
    }

    /// Counts records of the running step, whose conversations and places in the index are asked for already. What is found
    /// out where more memory is needed comes first, so that the waits for it overlap; they are the larger part of the time
    /// when a flood has many sources.
    pub(super) fn settle_all(&mut self, pending: &mut [Pending]) {
        let step = self.step.unwrap_or_default();
        for record in pending.iter_mut() {
            record.target = self.targets.guess(record.hash);
            if let Some(entry) = record.target {
                self.targets.fetch(entry);
            }
        }
        let mut tell_of_sender = false;
        for record in pending.iter_mut() {
            self.judge(record, step);
            if tells_of_sender(record) {
                tell_of_sender = true;
                record.sender_hash = self.targets.hash(record.observation.source);
                self.targets.fetch_index(record.sender_hash);
            }
        }
        if tell_of_sender {
            for record in pending.iter().filter(|record| tells_of_sender(record)) {
                if let Some(sender) = self.targets.guess(record.sender_hash) {
                    self.targets.fetch_sender(sender);
                }
            }
        }
        if !self.suspect_owners.is_empty() {
            std::hint::black_box(self.touch_suspects(pending));
        }
        for record in pending.iter() {
            self.settle(record, step);
        }
    }

    /// Reads the memory of the sketches of those among the records' targets that are suspect.
    fn touch_suspects(&self, pending: &mut [Pending]) -> u16 {
        let mut touched = 0;
        for record in pending {
            let Some(tally) = record.target.map(|index| &self.targets.tallies[index as usize]) else {
                continue;
            };
            let is_shown = record.judgement.is_some() || tally.has(flag::LEVEL) || self.wider_levels > 0;
            if is_shown && tally.has(flag::SUSPECT) {
                record.source_hash = self.hash.hash_address(record.observation.source.bits());
                let suspect = &self.suspects[usize::from(tally.suspect)];
                touched ^= suspect.touch(record.source_hash);
            }
        }
        touched
    }

    /// Asks the memory of conversations about a record.
    #[inline]
    fn judge(&mut self, record: &mut Pending, step: i64) {
        let Pending { observation, key, quotes, vector, .. } = record;
        if !is_routine(&mut self.conversations, observation, *key, *vector, step as u32) {
            let keys = (*key, *quotes);
            record.judgement = Some(judge(&mut self.conversations, observation, keys, *vector, step as u32));
        }
    }

    #[inline]
    fn settle(&mut self, record: &Pending, step: i64) {
        if tells_of_sender(record) {
            self.note_sender(record, step);
        }
        let Some(judgement) = &record.judgement else {
            if let Some(index) = self.target_of(record, &ROUTINE, step) {
                self.count_routine(record, index, step);
            }
            return;
        };
        if let Some(index) = self.target_of(record, judgement, step) {
            self.count(record, index, judgement, step);
        }
    }

    /// The sender of this record spoke: that is what its own packets are judged by.
    fn note_sender(&mut self, record: &Pending, step: i64) {
        let observation = &record.observation;
        let Some(index) = self.targets.find(observation.source, record.sender_hash) else { return };
        let tally = &mut self.targets.tallies[index as usize];
        tally.set(flag::SENDS, true);
        let state = &mut self.targets.states[index as usize];
        state.catch_up(step);
        state.sends = true;
        if let Some(failure) = observation.dns_failure {
            state.dns_answers += 1.0;
            state.dns_failures += f32::from(u8::from(failure));
        }
        if observation.sampling > 1 {
            if let Some((vector, packets)) = state.excuses.note(observation, step) {
                state.count(vector.index(), 0.0, packets);
            }
            // What holds it has to hear of it.
            list(&mut self.listed, tally, index);
        }
        if let Some((vector, packets)) =
            record.judgement.as_ref().and_then(|judged| judged.take_back_of_sender)
        {
            self.take_back(index, vector, packets, step);
        }
    }

    /// The entry of a record's destination, made if there is reason: `None` for what is not watched and for what has
    /// no room.
    #[inline]
    fn target_of(&mut self, record: &Pending, judgement: &Judgement, step: i64) -> Option<u32> {
        let Observation { source, destination, .. } = record.observation;
        if let Some(index) = record.target {
            let tally = &self.targets.tallies[index as usize];
            // It may have made room for another one since it was looked up.
            if tally.address == destination {
                if !tally.has(flag::OUTSIDE) {
                    return Some(index);
                }
                let is_watched = self.scope.protects(source);
                self.counters.unprotected += u64::from(!is_watched);
                return is_watched.then_some(index);
            }
        }
        self.target_beside(record, judgement, step)
    }

    /// As [`Detector::target_of`], where the guess was none.
    fn target_beside(&mut self, record: &Pending, judgement: &Judgement, step: i64) -> Option<u32> {
        let Observation { source, destination, .. } = record.observation;
        if !self.scope.protects(destination) {
            if !self.scope.protects(source) {
                self.counters.unprotected += 1;
                return None;
            }
            // Nobody is flooded by what was asked for.
            if !judgement.is_unwanted && judgement.also.is_none() {
                self.counters.outside_wanted += 1;
                return None;
            }
        }
        self.targets
            .find(destination, record.hash)
            .or_else(|| self.add_target(destination, record.hash, step))
    }

    pub(super) fn add_target(&mut self, address: Address, hash: u64, step: i64) -> Option<u32> {
        let place = self.scope.place(address);
        self.grow_wider();
        self.targets.add(address, hash, place, step)
    }

    /// Every wider target of the scope has its state.
    pub(super) fn grow_wider(&mut self) {
        let have = self.wider.len();
        let wider = self.scope.wider().get(have..).unwrap_or_default();
        let floors = self.ready.floors();
        self.wider.extend(wider.iter().map(|target| {
            let mut state = TargetState::wider(factor_of(target.kind));
            state.lower_floors(floors);
            state
        }));
        if self.learner.is_some() {
            let have = self.wider_known.len();
            self.wider_known.extend((have..self.wider.len()).map(|index| Known::new(index as u8)));
        }
    }

    /// Counts a record of which there is nothing to say but that it came.
    #[inline]
    fn count_routine(&mut self, record: &Pending, index: u32, step: i64) {
        let Pending { observation, vector, .. } = record;
        let tally = &mut self.targets.tallies[index as usize];
        list(&mut self.listed, tally, index);
        tally.set(flag::SENDS, true);
        note(tally, observation, *vector);
        if add(tally, observation, *vector, 0.0, false) == Err(Full) {
            self.spill(index, step);
            let _ = add(&mut self.targets.tallies[index as usize], observation, *vector, 0.0, false);
        }
        let tally = &self.targets.tallies[index as usize];
        if *vector == Vector::DnsQueryFlood || tally.has(flag::LEVEL) || self.wider_levels > 0 {
            self.look_closer(record, index, step);
        }
    }

    fn count(&mut self, record: &Pending, index: u32, judgement: &Judgement, step: i64) {
        let observation = &record.observation;
        let vector = record.vector;
        let tally = &mut self.targets.tallies[index as usize];
        list(&mut self.listed, tally, index);
        if judgement.receiver_sends {
            tally.set(flag::SENDS, true);
        }
        if judgement.is_new {
            tally.new_flows += 1.0;
        }
        note(tally, observation, vector);
        let weight = match (judgement.is_unwanted, tally.has(flag::SENDS)) {
            (false, _) => 0.0,
            (true, true) => judgement.weight * sampled::weight(observation, vector),
            (true, false) => unseen_weight(observation, vector, judgement.is_new),
        };
        let is_fresh = judgement.is_new && RULES[vector.index()].volume_is_of_conversations;
        let counted = add(tally, observation, vector, weight, is_fresh);
        if counted == Err(Full) {
            self.spill(index, step);
            let tally = &mut self.targets.tallies[index as usize];
            let _ = add(tally, observation, vector, weight, is_fresh);
        }
        if judgement.completes {
            self.targets.states[index as usize].completed += 1.0;
        }
        if let Some((vector, packets)) = judgement.take_back_of_receiver {
            self.take_back(index, vector, packets, step);
        }
        if let Some(also) = judgement.also {
            self.correct(index, also, 1.0, step);
        }
        let tally = &self.targets.tallies[index as usize];
        if weight > 0.0
            || is_fresh
            || vector == Vector::DnsQueryFlood
            || tally.has(flag::LEVEL)
            || self.wider_levels > 0
        {
            self.look_closer(record, index, step);
        }
    }

    /// Takes back packets that were counted as unwanted and turned out wanted.
    fn take_back(&mut self, index: u32, vector: Vector, packets: f32, step: i64) {
        list(&mut self.listed, &mut self.targets.tallies[index as usize], index);
        self.correct(index, vector, -packets, step);
    }

    /// Counts packets as unwanted, or as wanted in the end, that are not packets of the record.
    fn correct(&mut self, index: u32, vector: Vector, unwanted: f32, step: i64) {
        let kind = SlotKind::at_once(vector);
        if let Ok(slot) = self.targets.tallies[index as usize].slot(kind) {
            slot.unwanted += unwanted;
            return;
        }
        self.spill(index, step);
        if let Ok(slot) = self.targets.tallies[index as usize].slot(kind) {
            slot.unwanted += unwanted;
        }
    }

    /// Shows an unwanted record to the sketches of its targets, which are made if there is reason.
    fn look_closer(&mut self, record: &Pending, index: u32, step: i64) {
        let Pending { observation, vector, .. } = record;
        let tally = &self.targets.tallies[index as usize];
        if !tally.has(flag::SUSPECT) {
            let slot = tally.at_once(*vector);
            let state = &self.targets.states[index as usize];
            let counted = slot.unwanted.max(slot.fresh);
            if counted >= SUSPECT_PACKETS_PER_STEP
                && counted >= state.usual.allowed(vector.index(), state.ordinary_per_step)
            {
                self.make_suspect(Subject::Address(index), step);
            }
        }
        let tally = &self.targets.tallies[index as usize];
        if !tally.has(flag::SUSPECT) && self.wider_suspects == 0 {
            return;
        }
        let hash = match record.source_hash {
            0 => self.hash.hash_address(observation.source.bits()),
            known => known,
        };
        if tally.has(flag::SUSPECT) {
            self.suspects[usize::from(tally.suspect)].note(observation, hash, &self.hash, step, self.care);
        }
        if self.wider_suspects > 0 {
            for &wider in self.targets.places[index as usize].wider() {
                if let Some(slot) = self.wider[wider as usize].suspect {
                    self.suspects[slot as usize].note(observation, hash, &self.hash, step, Care::Full);
                }
            }
        }
    }
}

/// Whether a record says something of its sender.
#[inline]
fn tells_of_sender(record: &Pending) -> bool {
    let by_judgement = |judged: &Judgement| judged.sender_speaks_up || judged.take_back_of_sender.is_some();
    record.observation.sampling > 1
        || record.observation.dns_failure.is_some()
        || record.judgement.as_ref().is_some_and(by_judgement)
}

/// Notes what is no count.
#[inline]
fn note(tally: &mut Tally, observation: &Observation, vector: Vector) {
    tally.last_packet = tally.last_packet.max(observation.last);
    tally.sampling = tally.sampling.max(observation.sampling);
    if may_have_later_fragments(observation, vector) {
        tally.excuses_fragments += LATER_PER_FIRST * observation.packets as f32;
    }
}

/// Adds a record to the counters of its target.
#[inline]
fn add(
    tally: &mut Tally,
    observation: &Observation,
    vector: Vector,
    weight: f32,
    is_fresh: bool,
) -> Result<(), Full> {
    let packets = observation.packets as f32;
    let bytes = observation.bytes as f32;
    if observation.duration_nanoseconds > STEP_NANOSECONDS {
        let seconds = (observation.duration_nanoseconds as f32 * 1e-9).min(SPREAD_SECONDS_MAXIMUM);
        let slot = tally.slot(SlotKind::spread(vector, seconds))?;
        slot.packets += packets;
        slot.unwanted += packets * weight;
        slot.bytes += bytes;
        slot.packet_seconds += packets * seconds;
        slot.fresh += f32::from(u8::from(is_fresh));
        return Ok(());
    }
    let slot = tally.slot(SlotKind::at_once(vector))?;
    slot.packets += packets;
    slot.unwanted += packets * weight;
    slot.bytes += bytes * weight;
    slot.fresh += f32::from(u8::from(is_fresh));
    tally.bytes += bytes;
    Ok(())
}

/// Whether this is a first fragment of ordinary size. Flow records do not say; there any record of large packets
/// of UDP may be of first fragments.
#[inline]
fn may_have_later_fragments(observation: &Observation, vector: Vector) -> bool {
    let is_first = observation.fragment == wire::Fragment::First;
    let may_be =
        observation.protocol == protocol::UDP && observation.is_flow() && vector != Vector::FragmentFlood;
    (is_first || may_be) && observation.bytes >= FRAGMENT_MINIMUM_BYTES.saturating_mul(observation.packets)
}
