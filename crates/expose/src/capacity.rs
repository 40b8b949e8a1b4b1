//! How much gets through to a service, by maximum flow (Dinic, 1970), and how many elements have to fail.
//!
//! A service that needs all of several things gets no more than the least of them lets through; one of several lets
//! through the sum. So the things that are needed in any case are bounds each, and below each of them ways are a network
//! with capacities at its nodes. Where something on a way needs all of several things again, the way goes on through one
//! of them, and each choice is a bound too; the least bound of at most [`MAXIMUM_CHOICES`] choices and of the cut sets counts.
//!
//! What is not known is taken once as nothing and once as without end: the answer is a range.

use crate::cuts::CutSets;
use crate::model::{Element, Expression, Kind, Model};
use crate::network::{NO_END, Network};
use crate::set::CutSet;
use crate::unit::{Reach, Unit, carries, limits_of};

/// Most combinations of ways that are looked at for one service and unit.
pub const MAXIMUM_CHOICES: usize = 32;

/// From what surely gets through to what at most does; none is without known end.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Range {
    /// At least so much.
    pub low: f64,
    /// At most so much.
    pub high: Option<f64>,
}

/// What the weight of an element is.
#[derive(Clone, Copy, PartialEq)]
enum Weight {
    /// Its capacity in a unit; what is unknown is nothing or without end.
    Unit(Unit, bool),
    /// One, for counting elements.
    One,
}

/// How much of a unit gets through from outside to a service.
pub(crate) fn through(model: &Model, service: usize, unit: Unit, cuts: &CutSets) -> Range {
    let low = least(model, service, Weight::Unit(unit, false), cuts);
    let high = least(model, service, Weight::Unit(unit, true), cuts);
    // Nothing that limits it is known or unknown: there is no end in this unit.
    Range { low: if low == NO_END { 0.0 } else { low }, high: (high < NO_END).then_some(high) }
}

/// How many nodes and other services have to fail together to stop a service; none if nothing stops it. Causes
/// are left out: they are counted by the cut sets.
pub(crate) fn connectivity(model: &Model, service: usize, cuts: &CutSets) -> Option<usize> {
    let count = least(model, service, Weight::One, cuts);
    (count < NO_END).then_some(count as usize)
}

fn least(model: &Model, service: usize, weight: Weight, cuts: &CutSets) -> f64 {
    let mut bound = match weight {
        Weight::One => NO_END,
        Weight::Unit(unit, endless) => of_element(&model.elements[service], unit, endless),
    };
    let weigh = |set: &CutSet| -> f64 {
        let parts = set.events().iter().map(|&event| {
            if (event as usize) < model.elements.len() {
                value(model, event as usize, weight)
            } else {
                NO_END
            }
        });
        parts.sum()
    };
    bound = cuts.sets.iter().map(weigh).fold(bound, f64::min);
    // Single points and their like have been weighed; what is left is a cut of more elements than a set has.
    if cuts.truncated || cuts.complete < crate::MAXIMUM_ORDER {
        for choice in 0..MAXIMUM_CHOICES {
            bound = bound.min(flow(model, service, weight, choice));
        }
    }
    bound
}

/// The flow if everything that needs all of several goes on through the one that the choice says.
fn flow(model: &Model, service: usize, weight: Weight, choice: usize) -> f64 {
    let count = model.elements.len();
    let (source, sink) = (2 * count, 2 * count + 1);
    let mut network = Network::new(2 * count + 2);
    let mut seen = vec![false; count];
    let mut open = vec![service];
    seen[service] = true;
    while let Some(at) = open.pop() {
        let own = if at == service { NO_END } else { value(model, at, weight) };
        network.edge(2 * at, 2 * at + 1, own);
        let mut next = Vec::new();
        if let Some(needs) = &model.elements[at].needs {
            ways(needs, choice, at, &mut next);
        }
        if next.is_empty() {
            network.edge(2 * at + 1, sink, NO_END);
        }
        for place in next {
            network.edge(2 * at + 1, 2 * place, NO_END);
            if !std::mem::replace(&mut seen[place], true) {
                open.push(place);
            }
        }
    }
    network.edge(source, 2 * service, NO_END);
    network.most(source, sink)
}

/// Where the way goes on: through every one of `any`, through one of `all`.
fn ways(needs: &Expression, choice: usize, salt: usize, next: &mut Vec<usize>) {
    match needs {
        Expression::Element(place) => next.push(*place),
        Expression::All(list) => {
            // Different elements choose differently, so that the choices cover more than the diagonal.
            let chosen = if list.is_empty() { 0 } else { (choice + (choice / 4) * salt) % list.len() };
            if let Some(part) = list.get(chosen) {
                ways(part, choice, salt, next);
            }
        }
        Expression::Any { of, .. } => of.iter().for_each(|part| ways(part, choice, salt, next)),
    }
}

/// What an element on the way weighs; what the service asks for something does not stand in the way.
fn value(model: &Model, place: usize, weight: Weight) -> f64 {
    let element = &model.elements[place];
    match (weight, element.kind) {
        (Weight::One, _) => 1.0,
        (Weight::Unit(unit, endless), Kind::Node(kind)) if carries(kind) => {
            of_element(element, unit, endless)
        }
        (Weight::Unit(..), _) => NO_END,
    }
}

fn of_element(element: &Element, unit: Unit, unknown_is_endless: bool) -> f64 {
    match unit.of(&element.capacity) {
        Some(value) => value,
        None if !unknown_is_endless && limits_of(element.kind, Reach::Carried).contains(&unit) => 0.0,
        None => NO_END,
    }
}
