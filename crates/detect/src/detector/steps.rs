//! What happens when a step ends: tests, decisions, floods.

use wire::Time;

use super::levels::{SWEEP_STEPS, learn, learn_outside};
use super::{AHEAD, Detector, list};
use crate::confirm;
use crate::event::{Direction, Target};
use crate::flood::{Alarm, Flood, Subject, View};
use crate::learning::Learner;
use crate::rules::factor_of;
use crate::tally::flag;
use crate::target::{STEP_NANOSECONDS, TargetState};
use crate::targets::Targets;

/// The part of an alarm at which a target becomes suspect.
const SUSPECT_WEIGHT: f32 = 0.125;

/// Floods that ended and are remembered.
const MAXIMUM_PAUSES: usize = 64;

impl Detector {
    pub(super) fn close_step(&mut self, step: i64, is_final: bool) {
        self.counters.steps += 1;
        let listed = std::mem::take(&mut self.listed);
        let mut restless = std::mem::take(&mut self.restless);
        self.begin_policies(step);
        self.begin_readiness(step);
        if let Some(meter) = &mut self.meter {
            meter.begin_step(step);
        }
        self.begin_levels(step);
        for (place, &index) in listed.iter().enumerate() {
            if let Some(&later) = listed.get(place + AHEAD) {
                self.targets.fetch_all(later);
            }
            if !self.close_address(index, step) {
                restless.push(index);
            }
        }
        for &index in &restless {
            self.decide(Subject::Address(index), step, 1.0, is_final);
        }
        let mut wider = std::mem::take(&mut self.wider_listed);
        wider.sort_unstable_by_key(|&index| (self.scope.wider()[index as usize].kind, index));
        for &index in &wider {
            let factor = factor_of(self.scope.wider()[index as usize].kind);
            let closed = self.wider[index as usize].close_step(step);
            self.learn_wider(index, closed);
            self.decide(Subject::Wider(index), step, factor, is_final);
        }
        self.decide_levels(step, &listed, &wider);
        self.decide_ceilings(step, &mut restless);
        self.move_floods(step);
        for &index in &wider {
            let wide = &mut self.wider[index as usize];
            wide.listed = wide.clear_step();
            if wide.listed {
                self.wider_listed.push(index);
            }
        }
        self.listed = listed;
        self.listed.clear();
        for index in restless.drain(..) {
            if self.targets.states[index as usize].clear_step() {
                list(&mut self.listed, &mut self.targets.tallies[index as usize], index);
            }
        }
        self.restless = restless;
        self.list_ceilings();
        self.drop_idle_suspects(step);
    }

    /// Closes the step of an address. Returns whether it was calm.
    pub(super) fn close_address(&mut self, index: u32, step: i64) -> bool {
        self.add_to_wider(index, step);
        let hold = self.is_in_wider_flood(index) || self.policies.held.has(index);
        let Targets { tallies, states, places, known, .. } = &mut self.targets;
        let number = index as usize;
        let (tally, state, place) = (&mut tallies[number], &mut states[number], &places[number]);
        tally.set(flag::LISTED, false);
        let calm = state.close_calm(tally, step);
        let closed = calm.unwrap_or_else(|| {
            state.absorb(tally, step);
            state.close_step(step)
        });
        if place.is_of_service
            && let Some(meter) = &mut self.meter
        {
            meter.add(tally.address, closed.packets, closed.bytes, state.flowed_out());
            if self.learner.is_none() {
                state.take_flowed_out();
            }
        }
        if let Some(learner) = &self.learner
            && place.is_outside
        {
            learn_outside(learner, state, calm.is_some().then_some(tally), hold);
        } else if let Some(learner) = &self.learner {
            let known = &mut known[number];
            if learn(learner, known, state, closed, calm.is_some().then_some(tally), hold) >= 1.0 {
                self.level_alarms.push(index);
                if calm.is_some() {
                    state.show(tally.lead(), closed.packets, tally.bytes);
                }
            }
            if !state.reservoirs.is_empty() && !tally.has(flag::DRIPS) {
                tally.set(flag::DRIPS, true);
                self.dripping[number % SWEEP_STEPS].push(index);
            }
        }
        tally.clear();
        if closed.unwanted > 0.0 && state.flood.is_none() {
            let recent = state.recent_unwanted;
            for &wider in place.wider() {
                self.wider[wider as usize].note_member(index, recent, closed.unwanted, step);
            }
        }
        let is_calm = !state.has_tests();
        if !is_calm && state.suspect.is_none() && state.heaviest_alarm(1.0) >= SUSPECT_WEIGHT {
            self.make_suspect(Subject::Address(index), step);
        }
        is_calm
    }

    /// Adds what came to an address so far in this step to the wider targets that hold it.
    #[inline]
    fn add_to_wider(&mut self, index: u32, step: i64) {
        let Targets { tallies, states, places, .. } = &self.targets;
        let number = index as usize;
        let (tally, state, place) = (&tallies[number], &states[number], &places[number]);
        let is_explained = state.flood.is_some();
        for &wider in place.wider() {
            let wide = &mut self.wider[wider as usize];
            if !wide.listed {
                wide.listed = true;
                self.wider_listed.push(wider);
            }
            wide.catch_up(step);
            wide.add(tally, is_explained);
            wide.excuses.add(&state.excuses, step);
            self.policies.count_wider(wider, tally, step);
        }
    }

    /// Makes room in the counters of an address that got more kinds in this step than they hold.
    pub(super) fn spill(&mut self, index: u32, step: i64) {
        self.add_to_wider(index, step);
        let tally = &mut self.targets.tallies[index as usize];
        self.policies.count_spilled(tally, step);
        self.targets.states[index as usize].absorb(tally, step);
        tally.clear();
    }

    /// Starts a flood on a target whose excess calls for it.
    pub(super) fn decide(&mut self, subject: Subject, step: i64, factor: f32, is_final: bool) {
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
        let Some((lead, weight)) = confirm::confirm(view.state, view.suspect, factor, is_final) else {
            return;
        };
        let alarm = Alarm { lead, weight, level: None };
        if self.is_usual(subject, lead) {
            return;
        }
        if let Subject::Wider(index) = subject {
            let kind = self.scope.wider()[index as usize].kind;
            if self.is_explained(index) || !confirm::is_shared(view.state, view.suspect, kind, is_final) {
                return;
            }
        } else if self.is_part_of_carpet(subject) {
            return;
        }
        self.begin_flood(subject, step, alarm);
    }

    /// Whether a narrower of the wider targets, such as the service of which this is the prefix, has a flood
    /// already.
    fn is_explained(&self, index: u32) -> bool {
        let heaviest = self.wider[index as usize].heaviest_member.1;
        let Some(place) = self.targets.places.get(heaviest as usize) else { return false };
        place.wider().iter().any(|&other| other != index && self.wider[other as usize].flood.is_some())
    }

    /// An address has a flood of its own from now on: the wider targets that hold it show it too, and what it
    /// explains is no reason for a flood of theirs. Returns them.
    fn explain_to_wider(&mut self, index: u32) -> Vec<Target> {
        let state = &self.targets.states[index as usize];
        let mut also = Vec::new();
        for &wider in self.targets.places[index as usize].wider() {
            if let Some(wide) = self.wider.get_mut(wider as usize) {
                wide.explain(state);
                let target = &self.scope.wider()[wider as usize];
                if state.heaviest_alarm(factor_of(target.kind)) >= 1.0 {
                    also.push(target.clone());
                }
            }
        }
        also
    }

    /// Whether a wider flood goes on of which this address is no more than half.
    pub(super) fn is_part_of_carpet(&self, subject: Subject) -> bool {
        let Subject::Address(index) = subject else { return false };
        let own = self.targets.states[index as usize].recent_unwanted;
        self.targets.places[index as usize].wider().iter().any(|&wider| {
            let wide = &self.wider[wider as usize];
            wide.flood.is_some() && own <= 0.5 * wide.members_unwanted
        })
    }

    pub(super) fn begin_flood(&mut self, subject: Subject, step: i64, alarm: Alarm) {
        let (target, is_outside) = match subject {
            Subject::Address(index) => {
                let place = &self.targets.places[index as usize];
                (self.scope.target_of(self.targets.tallies[index as usize].address), place.is_outside)
            }
            Subject::Wider(index) => (self.scope.wider()[index as usize].clone(), false),
        };
        let mut flood = Flood::begin(subject, target, &self.key, &self.view(subject, step), alarm);
        if is_outside {
            flood.direction = Direction::Out;
        }
        if let Subject::Address(index) = subject {
            flood.also = self.explain_to_wider(index);
        }
        flood.said = self.policies.target_of(&flood.target);
        if let Some((_, pause)) = self.pauses.iter().rev().find(|(target, _)| *target == flood.target) {
            flood.follow(pause);
        }
        self.note_floors(&mut flood, subject, step);
        self.mark_level(subject, alarm.level.is_some());
        let is_settling = self.learner.as_ref().is_some_and(Learner::is_settling);
        let number = self.floods.len() as u32;
        let state = self.state_mut(subject);
        state.flood = Some(number);
        if is_settling {
            // What was believed of it in the steps before it was one would soon make it pass for usual.
            state.usual.forget(alarm.lead.index());
        }
        self.floods.push(flood);
        self.counters.floods += 1;
    }

    /// Adds the step to every flood; writes lines; ends what is over.
    pub(super) fn move_floods(&mut self, step: i64) {
        let mut floods = std::mem::take(&mut self.floods);
        let mut borne_out = Vec::new();
        for flood in &mut floods {
            let factor = factor_of(flood.target.kind);
            let state = self.state(flood.subject);
            if state.step == step {
                flood.step(state, step, factor);
                borne_out.extend(flood.compare(state, step, factor));
            } else {
                flood.skip_steps(step, step + 1);
            }
            let view = self.view(flood.subject, step);
            if let Some(event) = flood.next_line(&view) {
                self.tell(flood, event, step);
            }
        }
        borne_out.into_iter().for_each(|occasion| self.ready.note_borne_out(occasion));
        floods.retain_mut(|flood| {
            let over = flood.is_over(step);
            if over {
                self.end_flood(flood, step, "quiet");
                if self.pauses.len() >= MAXIMUM_PAUSES {
                    self.pauses.pop_front();
                }
                self.pauses.push_back((flood.target.clone(), flood.pause(step)));
            }
            !over
        });
        for (index, flood) in floods.iter().enumerate() {
            self.state_mut(flood.subject).flood = Some(index as u32);
        }
        self.floods = floods;
    }

    pub(super) fn end_flood(&mut self, flood: &mut Flood, step: i64, ended_by: &'static str) {
        let view = self.view(flood.subject, step);
        let (start, end) = (flood.is_overdue().then(|| flood.start(&view)), flood.end(&view, ended_by));
        self.tell_end(flood, Some(flood.subject), start, end);
        let state = self.state_mut(flood.subject);
        state.flood = None;
        state.end_tests();
        if flood.is_of_level() {
            self.mark_level(flood.subject, false);
        }
        if let Some(known) = self.known_mut(flood.subject) {
            known.level.clear();
        }
        if let Subject::Wider(index) = flood.subject {
            self.forget_members_of(index);
        }
    }

    /// Ends a flood on a target that is not watched any more.
    pub(super) fn end_vanished(&mut self, flood: &mut Flood, step: i64) {
        let state = TargetState::default();
        let now = Time::from_nanoseconds((step + 1).saturating_mul(STEP_NANOSECONDS)).min(self.latest);
        let view = View { state: &state, suspect: None, now, step, lost: false };
        let (start, end) = (flood.is_overdue().then(|| flood.start(&view)), flood.end(&view, "not_watched"));
        // What its number stands for is another target by now.
        self.tell_end(flood, None, start, end);
        if let Subject::Address(index) = flood.subject {
            let state = &mut self.targets.states[index as usize];
            state.flood = None;
            state.end_tests();
            self.mark_level(flood.subject, false);
        }
    }

    pub(super) fn view(&self, subject: Subject, step: i64) -> View<'_> {
        let state = self.state(subject);
        let suspect = state.suspect.and_then(|slot| self.suspects.get(slot as usize));
        let end = Time::from_nanoseconds((step + 1).saturating_mul(STEP_NANOSECONDS));
        let begins = Time::from_nanoseconds(step.saturating_mul(STEP_NANOSECONDS));
        let has_record = self.step == Some(step) && self.latest >= begins;
        let now = if has_record { self.latest.min(end) } else { end };
        View { state, suspect, now, step, lost: step <= self.lost_until_step }
    }
}
