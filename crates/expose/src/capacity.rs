//! How much gets through to a service, by maximum flow (Dinic, 1970), and how many elements have to fail.
//!
//! A least cut is a cut set: where all cut sets are known, the one whose capacities add up to least says how much gets through,
//! exactly. Where larger ones can exist, the ways are a network with capacities at its nodes, and maximum flow finds its least cut,
//! of whatever size. Something that needs all of several things gets no more than the least of them lets through, so each of them is
//! looked at; if that is so for the service alone, the answer is exact. If it is so for elements on the way too, each combination of
//! ways is a bound from above, of which [`MAXIMUM_CHOICES`] are tried, and nothing is said from below.
//!
//! Only what traffic passes can hold it up. What the service asks, and what that asks, is left out, and so are causes: of a model in
//! which a cause has the name of an element, cut sets without causes are weighed.
//!
//! What is not known is taken once as nothing and once as without end: the answer is a range.
//!
//! Limits: in models of more than [`MAXIMUM_ELEMENTS`] elements only the cut sets are weighed.

use std::collections::BTreeMap;

use crate::coupling::loaded;
use crate::cuts::CutSets;
use crate::model::{Element, Expression, Model};
use crate::network::{NO_END, Network};
use crate::set::CutSet;
use crate::unit::{Reach, Unit, limits_of};

/// Most combinations of ways that are looked at for one service and unit.
pub const MAXIMUM_CHOICES: usize = 32;
/// Largest model of which flows are worked out.
pub const MAXIMUM_ELEMENTS: usize = 1_500;

/// From what surely gets through to what at most does; none is without known end.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Range {
    /// At least so much.
    pub low: f64,
    /// At most so much.
    pub high: Option<f64>,
}

/// What the weight of an element is.
#[derive(Clone, Copy)]
enum Weight<'w> {
    /// Its capacity in a unit if the service's traffic passes it; what is unknown is nothing or without end.
    Unit(Unit, bool, &'w BTreeMap<usize, Reach>),
    /// One, for counting elements.
    One,
}

/// How much of a unit gets through from outside to a service; `needed` is [`Model::needed`], `cuts` are those without causes.
pub(crate) fn through(
    model: &Model,
    needed: &[Vec<usize>],
    service: usize,
    unit: Unit,
    cuts: &CutSets,
) -> Range {
    let passed = loaded(model, needed, service);
    let (low, is_exact) = least(model, service, Weight::Unit(unit, false, &passed), cuts);
    let (high, _) = least(model, service, Weight::Unit(unit, true, &passed), cuts);
    // Without any end, known or unknown, the unit does not limit it.
    Range { low: if low >= NO_END || !is_exact { 0.0 } else { low }, high: (high < NO_END).then_some(high) }
}

/// How many nodes and other services have to fail together to stop a service; none if nothing stops it, or if it cannot be
/// said. Causes are left out: they are counted by the cut sets.
pub(crate) fn connectivity(model: &Model, service: usize, cuts: &CutSets) -> Option<usize> {
    let (count, is_exact) = least(model, service, Weight::One, cuts);
    // A single one is the least there can be, whatever else is not known.
    (count < NO_END && (is_exact || count <= 1.0)).then_some(count as usize)
}

/// The least cut that was found, and whether there can be no smaller one.
fn least(model: &Model, service: usize, weight: Weight<'_>, cuts: &CutSets) -> (f64, bool) {
    let mut bound = match weight {
        Weight::One => NO_END,
        Weight::Unit(unit, endless, _) => of_element(&model.elements[service], unit, endless),
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
    if !cuts.truncated && cuts.complete >= crate::MAXIMUM_ORDER {
        return (bound, true);
    }
    // Nothing can be less than nothing, or than a single one; and where nothing has an end nothing more is found.
    let least = if matches!(weight, Weight::One) { 1.0 } else { 0.0 };
    if bound <= least || !has_end(model, service, weight) {
        return (bound, true);
    }
    if model.elements.len() > MAXIMUM_ELEMENTS {
        return (bound, false);
    }
    let (choices, is_exact) = choices(model, service);
    // A cause that has the name of an element stops more than what passes the element; of capacities causes are left out.
    let is_exact = is_exact
        && (matches!(weight, Weight::Unit(..))
            || model.cause_events().iter().all(|&event| event as usize >= model.elements.len()));
    for choice in 0..choices {
        bound = bound.min(flow(model, service, weight, choice));
    }
    (bound, is_exact)
}

/// Whether anything on the way to a service has an end.
fn has_end(model: &Model, service: usize, weight: Weight<'_>) -> bool {
    match weight {
        Weight::One => true,
        Weight::Unit(_, _, passed) => {
            passed.keys().any(|&place| place != service && value(model, place, weight) < NO_END)
        }
    }
}

/// How many combinations of ways to try, and whether these are all that there are.
fn choices(model: &Model, service: usize) -> (usize, bool) {
    let own = model.elements[service].needs.as_ref();
    let below = model.needed_by(service);
    let is_plain_below = below.iter().all(|&place| model.elements[place].needs.as_ref().is_none_or(is_plain));
    match own {
        Some(Expression::All(parts)) if is_plain_below && parts.iter().all(is_plain) => {
            (parts.len().min(MAXIMUM_CHOICES), parts.len() <= MAXIMUM_CHOICES)
        }
        Some(needs) if is_plain_below && is_plain(needs) => (1, true),
        _ => (MAXIMUM_CHOICES, false),
    }
}

/// Whether one way through it is enough: nothing in it needs several things at once.
fn is_plain(needs: &Expression) -> bool {
    match needs {
        Expression::Element(_) => true,
        Expression::All(parts) => parts.len() == 1 && parts.iter().all(is_plain),
        Expression::Any { count, of } => *count == 1 && of.iter().all(is_plain),
    }
}

/// The flow if everything that needs all of several goes on through the one that the choice says.
fn flow(model: &Model, service: usize, weight: Weight<'_>, choice: usize) -> f64 {
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
            // The first choices are each part in turn; later ones are another one for each element.
            let chosen =
                if list.is_empty() { 0 } else { (choice + (choice / list.len()) * salt) % list.len() };
            if let Some(part) = list.get(chosen) {
                ways(part, choice, salt, next);
            }
        }
        Expression::Any { of, .. } => of.iter().for_each(|part| ways(part, choice, salt, next)),
    }
}

/// What an element on the way weighs; what the service asks for something does not stand in the way.
fn value(model: &Model, place: usize, weight: Weight<'_>) -> f64 {
    match weight {
        Weight::One => 1.0,
        Weight::Unit(unit, endless, passed) if passed.get(&place) == Some(&Reach::Carried) => {
            of_element(&model.elements[place], unit, endless)
        }
        Weight::Unit(..) => NO_END,
    }
}

fn of_element(element: &Element, unit: Unit, unknown_is_endless: bool) -> f64 {
    match unit.of(&element.capacity) {
        Some(value) => value,
        None if !unknown_is_endless && limits_of(element.kind, Reach::Carried).contains(&unit) => 0.0,
        None => NO_END,
    }
}
