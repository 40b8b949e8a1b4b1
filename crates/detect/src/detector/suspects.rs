//! Which targets are looked at closer: a pool of sketches of fixed size.

use super::Detector;
use crate::flood::Subject;
use crate::suspect::{Care, Suspect};
use crate::tally::flag;
use crate::target::TargetState;

/// A suspect that gave no more reason is dropped after this many steps.
const SUSPECT_STEPS: i64 = 50;
/// Of more suspects than this each gets less care.
const CROWD: usize = 128;

/// Part of the pool that is kept for services, groups and prefixes: one of so many. Of a carpet over sampled
/// addresses each may be suspect, and it is found by what holds them.
const WIDER_SHARE: usize = 8;

impl Detector {
    pub(super) fn state_mut(&mut self, subject: Subject) -> &mut TargetState {
        match subject {
            Subject::Address(index) => &mut self.targets.states[index as usize],
            Subject::Wider(index) => &mut self.wider[index as usize],
        }
    }

    pub(super) fn state(&self, subject: Subject) -> &TargetState {
        match subject {
            Subject::Address(index) => &self.targets.states[index as usize],
            Subject::Wider(index) => &self.wider[index as usize],
        }
    }

    pub(super) fn make_suspect(&mut self, subject: Subject, step: i64) {
        let of_addresses = self.suspect_owners.len() - self.wider_suspects as usize;
        let has_room = of_addresses < self.suspects_maximum - self.suspects_maximum / WIDER_SHARE;
        if matches!(subject, Subject::Address(_)) && !has_room {
            self.counters.suspects_refused += 1;
            return;
        }
        let slot = if let Some(slot) = self.free_suspects.pop() {
            self.suspects[slot as usize].reset(step);
            slot
        } else if self.suspects.len() < self.suspects_maximum {
            let Some(suspect) = Suspect::new(self.hash, step) else { return };
            self.suspects.push(suspect);
            (self.suspects.len() - 1) as u32
        } else {
            self.counters.suspects_refused += 1;
            return;
        };
        self.suspect_owners.push((slot, subject));
        self.wider_suspects += u32::from(matches!(subject, Subject::Wider(_)));
        self.state_mut(subject).suspect = Some(slot);
        if let Subject::Address(index) = subject {
            let tally = &mut self.targets.tallies[index as usize];
            tally.set(flag::SUSPECT, true);
            tally.suspect = slot as u16;
        }
    }

    pub(super) fn drop_idle_suspects(&mut self, step: i64) {
        self.care = if self.suspect_owners.len() > CROWD { Care::Crowded } else { Care::Full };
        let owners = std::mem::take(&mut self.suspect_owners);
        for (slot, subject) in owners {
            let state = self.state(subject);
            let is_touched = step.saturating_sub(state.step) < SUSPECT_STEPS;
            let has_reason = state.flood.is_some() || (is_touched && state.running().next().is_some());
            let suspect = &mut self.suspects[slot as usize];
            if has_reason {
                suspect.suspect_step = step;
            }
            if step - suspect.suspect_step <= SUSPECT_STEPS {
                self.suspect_owners.push((slot, subject));
            } else {
                self.state_mut(subject).suspect = None;
                if let Subject::Address(index) = subject {
                    self.targets.tallies[index as usize].set(flag::SUSPECT, false);
                }
                self.wider_suspects -= u32::from(matches!(subject, Subject::Wider(_)));
                self.free_suspects.push(slot);
            }
        }
    }
}
