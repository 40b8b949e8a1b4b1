//! The path on which a finding stands: from outside, over the element, to the service that is lost.

use std::collections::VecDeque;

use institution::NodeKind;

use crate::model::{Event, Kind, Model};
use crate::unit::carries;

/// Everything outside all zones.
pub const INTERNET: &str = "internet";

/// Finds paths towards one service; made once for each service.
pub struct Witness<'m> {
    model: &'m Model,
    needed: &'m [Vec<usize>],
    causes: &'m [Event],
    service: usize,
    /// For each element, the one that needs it on a shortest way to the service.
    towards: Vec<Option<usize>>,
    /// Elements in the order of their distance.
    near_first: Vec<usize>,
}

impl<'m> Witness<'m> {
    /// For one service; `needed` is [`Model::needed`], `causes` is [`Model::cause_events`].
    pub fn new(model: &'m Model, needed: &'m [Vec<usize>], causes: &'m [Event], service: usize) -> Self {
        let mut towards = vec![None; model.elements.len()];
        let mut near_first = vec![service];
        let mut open = VecDeque::from([service]);
        while let Some(at) = open.pop_front() {
            for &next in needed.get(at).map_or(&[][..], Vec::as_slice) {
                if next != service && towards[next].is_none() {
                    towards[next] = Some(at);
                    near_first.push(next);
                    open.push_back(next);
                }
            }
        }
        Self { model, needed, causes, service, towards, near_first }
    }

    /// Names from outside to the service, over what fails in an event.
    pub fn path(&self, event: Event) -> Vec<String> {
        let mut path = Vec::new();
        let place = event as usize;
        let start = if self.reaches(place) {
            self.outside_of(place, &mut path);
            place
        } else {
            // A cause: what carries it, the nearest first.
            let carries = |&&at: &&usize| {
                let of = &self.model.elements[at].causes;
                of.iter().any(|&cause| self.causes.get(cause) == Some(&event))
            };
            path.push(self.model.event_name(event).to_owned());
            self.near_first.iter().find(carries).copied().unwrap_or(self.service)
        };
        let mut at = start;
        path.push(self.name(at));
        while let Some(next) = self.towards[at].filter(|_| at != self.service) {
            path.push(self.name(next));
            at = next;
        }
        path
    }

    fn reaches(&self, place: usize) -> bool {
        place == self.service || self.towards.get(place).is_some_and(Option::is_some)
    }

    fn name(&self, place: usize) -> String {
        self.model.elements[place].name.clone()
    }

    /// What lies before an element on the way from outside, if traffic passes it.
    fn outside_of(&self, place: usize, path: &mut Vec<String>) {
        let mut chain = Vec::new();
        let mut at = place;
        // No longer than there are elements: needs have no circles.
        for _ in 0..self.model.elements.len() {
            let passes =
                |&&next: &&usize| matches!(self.model.elements[next].kind, Kind::Node(kind) if carries(kind));
            let Some(&next) = self.needed.get(at).and_then(|list| list.iter().find(passes)) else { break };
            chain.push(next);
            at = next;
        }
        let last = chain.last().copied().unwrap_or(place);
        let is_door = matches!(self.model.elements[last].kind, Kind::Node(NodeKind::Link))
            || self.model.is_public(last);
        if is_door {
            path.push(INTERNET.to_owned());
        }
        path.extend(chain.iter().rev().map(|&at| self.name(at)));
    }
}
