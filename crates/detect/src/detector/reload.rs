//! Another institution file while the detector runs: nothing that is counted or learnt is lost by it.

use super::Detector;
use super::policies::Policies;
use crate::flood::Subject;
use crate::learning::Known;
use crate::scope::Scope;
use crate::target::TargetState;

impl Detector {
    /// Watches what another institution says from now on. Floods on targets that are still there go on under their
    /// identity, counters stay, and so does what was learnt; floods on targets that are not protected any more end.
    /// Ceilings, maintenance windows and mutes are those of the new institution at once.
    pub fn replace_scope(&mut self, scope: Scope) {
        self.settle_pending();
        let step = self.step.unwrap_or_default();
        self.release_held();
        let before = std::mem::replace(&mut self.scope, scope);
        self.policies = Policies::of(&self.scope, &self.hash);
        let mut moves = self.move_wider(&before);
        self.targets.replace_places(&mut self.scope);
        if let Some(meter) = &mut self.meter {
            meter.forget_addresses();
        }
        self.grow_wider();
        moves.resize(before.wider().len(), None);
        for mut flood in std::mem::take(&mut self.floods) {
            flood.said = self.policies.target_of(&flood.target);
            let subject = match flood.subject {
                Subject::Address(index) => {
                    let is_outside = self.targets.places[index as usize].is_outside;
                    (is_outside == flood.is_outward()).then_some(flood.subject)
                }
                Subject::Wider(index) => moves[index as usize].map(Subject::Wider),
            };
            match subject {
                Some(subject) => {
                    self.state_mut(subject).flood = Some(self.floods.len() as u32);
                    self.floods.push(flood.moved_to(subject));
                }
                None => self.end_vanished(&mut flood, step),
            }
        }
        self.suspect_owners.retain_mut(|(slot, subject)| {
            let Subject::Wider(index) = *subject else { return true };
            let moved = moves[index as usize];
            match moved {
                Some(index) => *subject = Subject::Wider(index),
                None => {
                    self.free_suspects.push(*slot);
                    self.wider_suspects -= 1;
                }
            }
            moved.is_some()
        });
        let level =
            |flood: &&crate::flood::Flood| flood.is_of_level() && matches!(flood.subject, Subject::Wider(_));
        self.wider_levels = self.floods.iter().filter(level).count() as u32;
        let listed = |(index, state): (usize, &TargetState)| state.listed.then_some(index as u32);
        self.wider_listed = self.wider.iter().enumerate().filter_map(listed).collect();
    }

    /// Puts the wider targets into the order of the new scope. Returns where each went.
    fn move_wider(&mut self, before: &Scope) -> Vec<Option<u32>> {
        let mut states: Vec<Option<TargetState>> =
            std::mem::take(&mut self.wider).into_iter().map(Some).collect();
        let mut known: Vec<Option<Known>> =
            std::mem::take(&mut self.wider_known).into_iter().map(Some).collect();
        let mut moves = vec![None; states.len()];
        self.grow_wider();
        for (index, target) in self.scope.wider().iter().enumerate() {
            let is_it = |old: &crate::event::Target| old.kind == target.kind && old.name == target.name;
            let Some(old) = before.wider().iter().position(is_it) else { continue };
            if let Some(state) = states.get_mut(old).and_then(Option::take) {
                self.wider[index] = state;
                moves[old] = Some(index as u32);
            }
            if let Some(known) = known.get_mut(old).and_then(Option::take) {
                self.wider_known[index] = known;
            }
        }
        moves
    }
}
