//! Readiness, put to use: floors of all targets are lowered when a window opens and back when it is over.

use wire::Time;

use super::Detector;
use crate::flood::{Flood, Subject};
use crate::readiness::{LEVEL_FALSE_ALARMS, Readiness, ReadinessState, Usually};
use crate::target::STEP_NANOSECONDS;

impl Detector {
    /// Asks for less from one time on until another one, instead of what was asked for before; nothing, and the usual floors hold at once.
    /// Times are those of the records.
    pub fn set_readiness(&mut self, readiness: Option<Readiness>) {
        self.settle_pending();
        self.ready.window = readiness;
    }

    /// What became of it so far.
    pub fn readiness(&self) -> ReadinessState {
        self.ready.state()
    }

    /// Before a step is closed: which floors hold in it.
    pub(super) fn begin_readiness(&mut self, step: i64) {
        if self.ready.is_idle() {
            return;
        }
        let now = Time::from_nanoseconds(step.saturating_mul(STEP_NANOSECONDS));
        let allowed = self.learner.as_ref().map_or(1.0, |learner| learner.false_alarms_per_month());
        let Some(floors) = self.ready.begin_step(now, step, allowed) else { return };
        self.targets.lower_floors(floors);
        self.wider.iter_mut().for_each(|state| state.lower_floors(floors));
        if let Some(learner) = &mut self.learner {
            learner.allow(if floors < 1.0 { LEVEL_FALSE_ALARMS } else { 1.0 });
        }
    }

    /// Notes of a flood that begins whether the usual floors would have found it too.
    pub(super) fn note_floors(&mut self, flood: &mut Flood, subject: Subject, step: i64) {
        let Some(window) = self.ready.window.as_ref().filter(|_| self.ready.floors() < 1.0) else { return };
        if flood.is_of_level() {
            return;
        }
        let (lead, kind) = (flood.lead(), flood.target.kind);
        let mut usually = Usually::begin(self.state(subject), lead, kind, window);
        if !usually.is_alarm(self.state(subject), lead, crate::rules::factor_of(kind)) {
            usually.belongs_to(self.ready.note_flood(step));
            flood.usually = Some(Box::new(usually));
        }
    }
}
