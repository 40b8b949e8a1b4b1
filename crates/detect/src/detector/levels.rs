//! Too many packets, wanted or not: more than is ordinary for the target at this time.

use super::{AHEAD, Detector};
use crate::confirm::is_mostly_volume;
use crate::flood::{Alarm, Level, Subject};
use crate::learning::{Fed, Known, Learner, Learning, SETTLE_PACKETS_PER_SECOND, SETTLE_WIDER_FACTOR};
use crate::rules::{is_seen_in_ordinary_days, of};
use crate::sampled::nats_of_balance;
use crate::sequential::{Sum, bits};
use crate::tally::{Tally, flag};
use crate::target::{Closed, STEPS_PER_SECOND, TargetState};
use crate::vector::Vector;

/// Targets with long records on the way are looked at once in so many steps even if nothing comes.
pub(super) const SWEEP_STEPS: usize = 10;
/// A member with a larger share of the excess is the target, not the prefix.
const MEMBER_SHARE_MAXIMUM: f32 = 0.5;
/// Less than so many times what is ordinary is no flood, however long it lasts.
const LEAST_EXCESS: f32 = 1.08;
/// Up to so many times what is ordinary, and so many deviations of the samples of a second above it, is a crowd if it is
/// asked for and answered. Twice as many readers are common; for a second there may be twice as many of these.
const CROWD_TIMES: f32 = 4.0;
const CROWD_DEVIATIONS: f32 = 4.0;
/// A smaller share of the excess is unwanted of a crowd.
const CROWD_UNWANTED_SHARE: f32 = 0.25;
/// The same of samples, by how unlikely their balance is: once in a million excursions, some per second, in the half an hour
/// for which a crowd stays.
const CROWD_NATS: f32 = 14.0;
/// So unlikely an excess of samples over those that are excused has to be where nothing is learnt: thirty samples that nothing
/// excuses have twenty nats, and chance alone makes thirty of hundreds, that are excused, once an hour.
const UNLEARNT_NATS: f32 = 14.0;
/// Less of the excess left over is explained by the floods of members.
const UNEXPLAINED_SHARE_MINIMUM: f32 = 0.5;

/// Feeds a closed step to what is known of a target. Returns the score.
#[inline]
pub(super) fn learn(
    learner: &Learner,
    known: &mut Known,
    state: &mut TargetState,
    closed: Closed,
    calm: Option<&Tally>,
    hold: bool,
) -> f32 {
    let hold = hold || state.flood.is_some();
    let sampling = calm.map_or(state.sampling, |tally| tally.sampling);
    if !hold {
        state.usual.set_sampling(sampling);
        state.learn_usual(calm, learner.is_settling());
    }
    let (late_packets, _) = state.take_flowed_out();
    let score = learner.feed(known, &Fed { packets: closed.packets, late_packets, sampling, hold });
    state.ordinary_per_step = known.ordinary_packets_per_second().unwrap_or(0.0) / STEPS_PER_SECOND;
    score
}

/// The same for an address of somebody else, of which it is of no interest what is ordinary: too many packets never
/// make a flood of it. It would take memory, time and a part of the budget from those that are protected.
#[inline]
pub(super) fn learn_outside(learner: &Learner, state: &mut TargetState, calm: Option<&Tally>, hold: bool) {
    if !hold && state.flood.is_none() {
        state.usual.set_sampling(calm.map_or(state.sampling, |tally| tally.sampling));
        state.learn_usual(calm, learner.is_settling());
    }
    state.take_flowed_out();
    // No kind is most of what it gets, and no level has the last word.
    state.ordinary_per_step = f32::INFINITY;
}

impl Detector {
    /// From now on it is learnt what is ordinary, and more than that is a flood.
    pub fn learn(&mut self, learning: Learning) {
        if let Some(learner) = &mut self.learner {
            learner.set(learning);
            return;
        }
        self.learner = Some(Learner::new(learning));
        self.targets.learn();
        self.grow_wider();
    }

    pub(super) fn known_mut(&mut self, subject: Subject) -> Option<&mut Known> {
        match subject {
            Subject::Address(index) => self.targets.known.get_mut(index as usize),
            Subject::Wider(index) => self.wider_known.get_mut(index as usize),
        }
    }

    fn known(&self, subject: Subject) -> Option<&Known> {
        match subject {
            Subject::Address(index) => self.targets.known.get(index as usize),
            Subject::Wider(index) => self.wider_known.get(index as usize),
        }
    }

    /// The clock of what is learnt moves on; targets with long records on the way are looked at in turn.
    pub(super) fn begin_levels(&mut self, step: i64) {
        self.level_alarms.clear();
        let Some(learner) = &mut self.learner else { return };
        let settled = learner.is_settling();
        learner.begin_step(step, self.targets.inside() + self.wider.len());
        if settled && !learner.is_settling() {
            // What was always there has filled the sums.
            let quiet = |state: &&mut TargetState| state.flood.is_none();
            self.targets
                .states
                .iter_mut()
                .chain(&mut self.wider)
                .filter(quiet)
                .for_each(TargetState::end_tests);
        }
        let due = step.rem_euclid(SWEEP_STEPS as i64) as usize;
        let mut dripping = std::mem::take(&mut self.dripping[due]);
        let mut kept = 0;
        for place in 0..dripping.len() {
            if let Some(&later) = dripping.get(place + AHEAD) {
                self.targets.fetch_all(later);
            }
            let index = dripping[place];
            if self.drip(index, step) {
                dripping[kept] = index;
                kept += 1;
            }
        }
        dripping.truncate(kept);
        self.dripping[due] = dripping;
    }

    /// Looks at an address with long records on the way. Returns whether there still are any.
    fn drip(&mut self, index: u32, step: i64) -> bool {
        let tally = &mut self.targets.tallies[index as usize];
        let state = &mut self.targets.states[index as usize];
        if tally.has(flag::LISTED) {
            return true;
        }
        state.catch_up(step.saturating_add(1));
        let (packets, steps) = state.take_flowed_out();
        if self.targets.places[index as usize].is_of_service
            && let Some(meter) = &mut self.meter
        {
            meter.add(tally.address, 0.0, 0.0, packets);
        }
        let each = packets / steps.max(1) as f32;
        let hold = state.flood.is_some() || self.policies.held.has(index);
        let fed = Fed { packets: each, late_packets: packets - each, sampling: 1, hold };
        if let Some(learner) = &self.learner {
            learner.feed(&mut self.targets.known[index as usize], &fed);
        }
        let drips = !state.reservoirs.is_empty();
        tally.set(flag::DRIPS, drips);
        drips
    }

    pub(super) fn learn_wider(&mut self, index: u32, closed: Closed) {
        let Some(learner) = &self.learner else { return };
        let (known, state) = (&mut self.wider_known[index as usize], &mut self.wider[index as usize]);
        learn(learner, known, state, closed, None, self.policies.held.has_wider(index));
    }

    /// Whether an excess of unwanted packets is no news: while the service has only just started, and where the target
    /// always gets mostly this, so that its level says what is too much ([`Detector::decide_levels`]).
    pub(super) fn is_usual(&self, subject: Subject, lead: Vector) -> bool {
        let state = self.state(subject);
        let sum = state.sum(lead.index());
        if state.sampling > 1 && !is_mostly_volume(state, lead) {
            let samples = |packets: f32| packets / state.sampling as f32;
            let nats =
                nats_of_balance(lead, samples(sum.packets), samples(sum.packets - sum.unwanted_packets));
            if nats < self.learner.as_ref().map_or(UNLEARNT_NATS, Learner::chance_nats) {
                return true;
            }
        }
        let Some(learner) = &self.learner else { return false };
        let is_known = self.known(subject).is_some_and(|known| known.level.is_established());
        // Whoever has only just started to look sees every conversation for the first time.
        if learner.is_settling() && of(lead).volume_is_of_conversations && is_mostly_volume(state, lead) {
            return true;
        }
        if learner.is_settling() && !is_known && !state.sends && is_seen_in_ordinary_days(lead) {
            let steps = (state.step - sum.since_step + 1).max(1) as f32;
            let factor = if matches!(subject, Subject::Address(_)) { 1.0 } else { SETTLE_WIDER_FACTOR };
            return sum.unwanted_packets * STEPS_PER_SECOND < SETTLE_PACKETS_PER_SECOND * factor * steps;
        }
        state.usual.is_main(lead, state.ordinary_per_step)
    }

    /// Starts floods of too many packets: on the addresses that have them, or on what holds many such addresses.
    pub(super) fn decide_levels(&mut self, step: i64, listed: &[u32], wider: &[u32]) {
        if self.learner.is_none() {
            return;
        }
        for &index in wider {
            let wide = &self.wider[index as usize];
            let known = self.wider_known.get(index as usize).filter(|known| known.score >= 1.0);
            let ordinary = known.and_then(Known::ordinary_packets_per_second);
            let Some(ordinary) = ordinary else { continue };
            let over = wide.recent_packets - ordinary;
            if wide.flood.is_some() {
                continue;
            }
            // A score remembers for some seconds what is over.
            if wide.recent_packets < LEAST_EXCESS * ordinary {
                self.wider_known[index as usize].level.accept();
                continue;
            }
            let excess = self.excess_of_members(index, listed);
            if excess.free < UNEXPLAINED_SHARE_MINIMUM * excess.all {
                self.wider_known[index as usize].level.clear();
            } else if excess.heaviest.0 > MEMBER_SHARE_MAXIMUM * excess.free {
                self.wider_known[index as usize].level.accept();
                // One that has a little more than usual has nothing to do with it.
                if excess.heaviest.0 > MEMBER_SHARE_MAXIMUM * over {
                    self.level_alarms.push(excess.heaviest.1);
                }
            } else {
                self.begin_level(Subject::Wider(index), step);
            }
        }
        for index in std::mem::take(&mut self.level_alarms) {
            let is_explained =
                self.targets.states[index as usize].flood.is_some() || self.is_in_wider_flood(index);
            if !is_explained && !self.targets.places[index as usize].is_outside {
                self.begin_level(Subject::Address(index), step);
            }
        }
    }

    fn begin_level(&mut self, subject: Subject, step: i64) {
        if self.is_in_maintenance(subject, step) {
            return;
        }
        let Some(known) = self.known(subject) else { return };
        let Some(ordinary) = known.ordinary_packets_per_second() else { return };
        // A score remembers for some seconds what is over.
        let is_over = self.state(subject).recent_packets < LEAST_EXCESS * ordinary;
        if is_over || is_crowd(self.state(subject), ordinary, known.sampling()) {
            // A day that begins with a crowd would else be measured by the night before.
            if let Some(known) = self.known_mut(subject) {
                known.level.accept();
            }
            return;
        }
        let weight = known.score.max(1.0);
        let since_step = known.since_step;
        let state = self.state(subject);
        let heaviest = |a: &usize, b: &usize| state.cell(*a).packets.total_cmp(&state.cell(*b).packets);
        let lead = bits(state.active).max_by(heaviest).map_or(Vector::UdpFlood, |index| Vector::ALL[index]);
        if self.state(subject).suspect.is_none() {
            self.make_suspect(subject, step);
        }
        let level = Level { packets_per_second: ordinary, since_step, ceiling: None };
        self.begin_flood(subject, step, Alarm { lead, weight, level: Some(level) });
    }

    /// What was ordinary of the members of a wider target begins anew: its flood is over.
    pub(super) fn forget_members_of(&mut self, wide: u32) {
        for (known, place) in self.targets.known.iter_mut().zip(&self.targets.places) {
            if place.wider().contains(&wide) {
                known.level.clear();
            }
        }
    }

    /// Whether a wider target that holds this address has a flood.
    #[inline]
    pub(super) fn is_in_wider_flood(&self, index: u32) -> bool {
        !self.floods.is_empty()
            && self.targets.places[index as usize]
                .wider()
                .iter()
                .any(|&wide| self.wider[wide as usize].flood.is_some())
    }

    /// From now on all packets of a target are looked at, or no longer.
    pub(super) fn mark_level(&mut self, subject: Subject, is_level: bool) {
        match subject {
            Subject::Address(index) => self.targets.tallies[index as usize].set(flag::LEVEL, is_level),
            Subject::Wider(_) if is_level => self.wider_levels += 1,
            Subject::Wider(_) => self.wider_levels = self.wider_levels.saturating_sub(1),
        }
    }

    /// How much more than ordinary the addresses of a wider target get, and how much of it no flood explains.
    fn excess_of_members(&self, wide: u32, listed: &[u32]) -> Excess {
        let mut excess = Excess::default();
        for &index in listed {
            let place = &self.targets.places[index as usize];
            if !place.wider().contains(&wide) {
                continue;
            }
            let state = &self.targets.states[index as usize];
            let ordinary = self.targets.known[index as usize].ordinary_packets_per_second();
            let over = (state.recent_packets - ordinary.unwrap_or(state.baseline)).max(0.0);
            excess.all += over;
            let in_flood = |&other: &u32| self.wider[other as usize].flood.is_some();
            // What maintenance explains is no flood of a wider target that it does not cover.
            let is_explained = state.flood.is_some() || self.policies.held.has(index);
            if !is_explained && !place.wider().iter().any(in_flood) {
                excess.free += over;
                if over > excess.heaviest.0 {
                    excess.heaviest = (over, index);
                }
            }
        }
        excess
    }
}

/// Whether what is too much is asked for and answered, and not so much that it would be a flood all the same: a rise
/// in demand.
fn is_crowd(state: &TargetState, ordinary: f32, sampling: u32) -> bool {
    if !state.sends {
        return false;
    }
    let sampling = sampling.max(1) as f32;
    let crowd = CROWD_TIMES * ordinary / sampling;
    if state.recent_packets / sampling > crowd + CROWD_DEVIATIONS * crowd.sqrt() {
        return false;
    }
    if sampling <= 1.0 {
        let over = state.recent_packets - ordinary;
        return state.recent_unwanted < CROWD_UNWANTED_SHARE * over;
    }
    let nats = |(vector, sum): (Vector, Sum)| {
        nats_of_balance(vector, sum.packets / sampling, (sum.packets - sum.unwanted_packets) / sampling)
    };
    state.running_by_vector().map(nats).fold(0.0, f32::max) < CROWD_NATS
}

#[derive(Clone, Copy, Debug, Default)]
struct Excess {
    all: f32,
    free: f32,
    heaviest: (f32, u32),
}
