//! What happens when a step ends: tests, decisions, floods.

use wire::Time;

use super::{Detector, list};
use crate::confirm;
use crate::event::{Direction, Target};
use crate::flood::{Flood, Subject, View};
use crate::rules::factor_of;
use crate::target::{STEP_NANOSECONDS, Sum, TargetState, bits};
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
            let factor = factor_of(self.scope.wider()[index as usize].kind);
            self.wider[index as usize].close_step(step, factor);
            self.decide(Subject::Wider(index), step, factor, is_final);
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
        let unwanted: f32 = bits(state.active).map(|vector| state.cells[vector].unwanted).sum();
        let mut also = Vec::new();
        for &wider in self.targets.places[index as usize].wider() {
            if let Some(wide) = self.wider.get_mut(wider as usize) {
                wide.explain(state, unwanted);
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
        if let Subject::Address(index) = subject {
            flood.also = self.explain_to_wider(index);
        }
        self.state_mut(subject).flood = Some(self.floods.len() as u32);
        self.floods.push(flood);
        self.counters.floods += 1;
    }

    /// Adds the step to every flood; writes lines; ends what is over.
    pub(super) fn move_floods(&mut self, step: i64) {
        let mut floods = std::mem::take(&mut self.floods);
        for flood in &mut floods {
            let factor = factor_of(flood.target.kind);
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
