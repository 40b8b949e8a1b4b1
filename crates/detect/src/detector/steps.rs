//! What happens when a step ends: tests, decisions, floods.

use wire::Time;

use super::{Detector, list};
use crate::confirm;
use crate::event::Direction;
use crate::flood::{Flood, Subject, View};
use crate::rules::PREFIX_FACTOR;
use crate::target::{STEP_NANOSECONDS, Sum, TargetState};
use crate::vector::{VECTOR_COUNT, Vector};

/// The part of an alarm at which a target becomes suspect.
const SUSPECT_WEIGHT: f32 = 0.125;

impl Detector {
    pub(super) fn close_step(&mut self, step: i64, is_final: bool) {
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

    pub(super) fn close_address(&mut self, index: u32, step: i64) {
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
    pub(super) fn note_wider(&mut self, index: u32) {
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
    pub(super) fn is_part_of_carpet(&self, subject: Subject) -> bool {
        let Subject::Address(index) = subject else { return false };
        let own: f32 = self.targets.states[index as usize].cells.iter().map(|cell| cell.unwanted).sum();
        self.targets.places[index as usize].wider().iter().any(|&wider| {
            let wide = &self.wider[wider as usize];
            wide.flood.is_some() && own <= 0.5 * wide.members_unwanted
        })
    }

    pub(super) fn begin_flood(&mut self, subject: Subject, step: i64, alarm: (Vector, f32)) {
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
    pub(super) fn move_floods(&mut self, step: i64) {
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

    pub(super) fn end_flood(&mut self, flood: &Flood, step: i64, ended_by: &'static str) {
        let event = flood.end(&self.view(flood.subject, step), ended_by);
        self.events.push(event);
        let state = self.state_mut(flood.subject);
        state.flood = None;
        state.sums = [Sum::default(); VECTOR_COUNT];
    }

    pub(super) fn view(&self, subject: Subject, step: i64) -> View<'_> {
        let state = self.state(subject);
        let suspect = state.suspect.and_then(|slot| self.suspects[slot as usize].as_deref());
        let end = Time::from_nanoseconds((step + 1).saturating_mul(STEP_NANOSECONDS));
        let now = if self.step == Some(step) { self.latest.min(end) } else { end };
        View { state, suspect, now, step, lost: self.lost }
    }
}
