//! A step in which nothing is out of the ordinary, and the time in which nothing comes at all.

use super::{
    Closed, FRAGMENTS_KEPT_PER_STEP, MEMBERS_KEPT_PER_STEP, STEPS_PER_SECOND, TargetState, lowered,
    members_kept,
};
use crate::fade::faded;
use crate::rules::{RULES, side};
use crate::sampled;
use crate::sequential::{NEVER, Sum, bits};
use crate::tally::{Slot, SlotKind, Tally, flag};
use crate::vector::Vector;

impl TargetState {
    /// Whether nothing of a step can move a test off its rest: no kind has more than its floor lets through.
    #[inline]
    pub(super) fn is_calm(&self, tally: &Tally) -> bool {
        if self.tests.is_some() {
            return false;
        }
        let is_wanted = |(kind, slot): (SlotKind, &Slot)| {
            slot.unwanted <= 0.0 && RULES[kind.vector()].volume_packets_per_second == f32::INFINITY
        };
        (tally.slots().all(is_wanted) && !self.reservoirs.has_unwanted()) || self.is_below_floors(tally)
    }

    pub(super) fn is_below_floors(&self, tally: &Tally) -> bool {
        let blind = !tally.has(flag::SENDS);
        tally.slots().all(|(kind, _)| {
            let vector = kind.vector();
            let rule = &RULES[vector];
            let mut unwanted = self.reservoirs.next_unwanted(vector);
            let (mut packets, mut fresh) = (self.reservoirs.next_packets(vector), 0.0);
            for (_, slot) in tally.slots().filter(|other| other.0.vector() == vector) {
                let part = slot.part_of_step();
                unwanted += slot.unwanted * part;
                packets += slot.packets * part;
                fresh += slot.fresh;
            }
            let counted = if rule.volume_is_of_conversations { fresh } else { packets };
            let usual = self.usual.allowed(vector, self.ordinary_per_step);
            let floors = lowered(self.floors, vector, self.ordinary_per_step);
            (unwanted - usual) * STEPS_PER_SECOND <= side(rule, blind).packets_per_second * floors
                && counted * STEPS_PER_SECOND <= rule.volume_packets_per_second * floors
        })
    }

    /// Closes a step in which nothing was out of the ordinary. `None` if it was not calm, with nothing changed.
    #[inline]
    pub(crate) fn close_calm(&mut self, tally: &Tally, step: i64) -> Option<Closed> {
        if !self.is_calm(tally) {
            return None;
        }
        self.catch_up(step);
        self.step = step;
        let (mut packets, mut unwanted, mut syns, mut bytes) = (0.0, 0.0, 0.0, tally.bytes);
        for (kind, slot) in tally.slots() {
            if kind.is_spread() {
                self.reservoirs.fill(kind, slot);
            } else {
                packets += slot.packets;
                unwanted += self.take_back_of_spread(kind, slot);
                if kind.vector() == Vector::SynFlood.index() {
                    syns = slot.packets;
                }
            }
        }
        if !self.reservoirs.is_empty() {
            self.reservoirs.drain(|out| {
                packets += out.packets;
                unwanted += out.unwanted;
                bytes += out.bytes;
                if out.vector == Vector::SynFlood.index() {
                    syns += out.packets;
                }
            });
        }
        let unwanted = unwanted.max(0.0);
        self.take_up(tally);
        self.fragments_excused = faded(self.fragments_excused * FRAGMENTS_KEPT_PER_STEP);
        self.decay(syns, packets, unwanted);
        self.move_baseline(packets);
        self.forget_sampling();
        Some(Closed { packets, unwanted, bytes })
    }

    /// Takes up what is known of the target beside its counts.
    #[inline]
    pub(super) fn take_up(&mut self, tally: &Tally) {
        self.sends = tally.has(flag::SENDS);
        self.last_packet = tally.last_packet;
        self.fragments_excused += tally.excuses_fragments;
        if tally.sampling > 1 {
            self.sampling = self.sampling.max(tally.sampling);
            self.completed += sampled::completed(tally);
        }
    }

    /// What is remembered of the last seconds fades, and the step is added to it.
    #[inline]
    pub(super) fn decay(&mut self, syns: f32, packets: f32, unwanted: f32) {
        const KEPT: f32 = 1.0 - 1.0 / (3.0 * STEPS_PER_SECOND);
        self.dns_answers = faded(self.dns_answers * KEPT);
        self.dns_failures = faded(self.dns_failures * KEPT);
        self.completed = faded(self.completed * KEPT);
        self.begun = faded(self.begun * KEPT + syns);
        self.recent_unwanted = faded(self.recent_unwanted * MEMBERS_KEPT_PER_STEP + unwanted);
        self.recent_packets = faded(self.recent_packets * MEMBERS_KEPT_PER_STEP + packets);
    }

    /// Moves over the steps before this one in which nothing came.
    #[inline]
    pub(crate) fn catch_up(&mut self, step: i64) {
        if self.step == NEVER {
            self.step = step.saturating_sub(1);
        } else if step > self.step.saturating_add(1) {
            self.idle(step - 1 - self.step);
            self.step = step - 1;
        }
    }

    pub(super) fn idle(&mut self, steps: i64) {
        let seconds = steps as f32 / STEPS_PER_SECOND;
        let came = if self.reservoirs.is_empty() { 0.0 } else { self.reservoirs.leave(steps) };
        self.flowed_out = (self.flowed_out.0 + came, self.flowed_out.1 + steps);
        if self.tests.is_some() {
            self.idle_tests(seconds);
        }
        if self.active == 0 {
            self.forget_sampling();
        }
        if self.completed + self.dns_answers + self.begun > 0.0 {
            let fade = (-seconds / 3.0).exp();
            self.completed = faded(self.completed * fade);
            self.dns_answers = faded(self.dns_answers * fade);
            self.dns_failures = faded(self.dns_failures * fade);
            self.begun = faded(self.begun * fade);
        }
        if self.recent_packets > 0.0 {
            let kept = members_kept(steps);
            self.recent_unwanted = faded(self.recent_unwanted * kept);
            self.recent_packets = faded(self.recent_packets * kept);
            self.recent_packets += came / steps as f32 * (1.0 - kept) / (1.0 - MEMBERS_KEPT_PER_STEP);
        }
        let mean = came / seconds;
        let left = (-seconds / 60.0).exp();
        self.baseline = faded(mean + (self.baseline - mean) * left);
        self.baseline_steps = self.baseline_steps.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
    }

    /// Moves the tests over time in which nothing came.
    pub(super) fn idle_tests(&mut self, seconds: f32) {
        let blind = !self.sends;
        let (own, floors, ordinary) = (self.factor, self.floors, self.ordinary_per_step);
        let Some(tests) = &mut self.tests else { return };
        for index in bits(self.active) {
            let factor = own * lowered(floors, index, ordinary);
            let floor = side(&RULES[index], blind);
            let sum = &mut tests.sums[index];
            sum.unwanted -= floor.packets_per_second * factor * seconds;
            sum.volume -= RULES[index].volume_packets_per_second * factor * seconds;
            if sum.unwanted.max(sum.volume) <= 0.0 {
                *sum = Sum::default();
            }
        }
    }

    /// Exponentially smoothed over a minute; over what there is while there is less.
    #[inline]
    pub(super) fn move_baseline(&mut self, packets: f32) {
        const WINDOW_STEPS: u32 = 600;
        self.baseline_steps = self.baseline_steps.saturating_add(1);
        let weight = 1.0 / self.baseline_steps.min(WINDOW_STEPS) as f32;
        self.baseline = faded(self.baseline + (packets * STEPS_PER_SECOND - self.baseline) * weight);
    }
}
