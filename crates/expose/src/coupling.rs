//! Flood coupling: which flood on a public service takes down what else, through which element, at which size.
//!
//! This is a prediction, made before anything happens, and the one that an explanation of an outage is tested against
//! ([`Couplings::lost_at`]). A flood on a target loads what its packets pass and what the target asks
//! ([`crate::unit::Reach`]). Where loaded elements alone are a cut set of another service, that service is lost with them.
//!
//! # Sizes
//! One element gives way at its capacity, in the unit that costs an attacker least. Several that stand in for each other
//! give way between the largest of them (each takes everything over when the one before gave way) and their sum (they share
//! the load evenly). What is not written down makes the size a range or unknown; nothing is guessed. An element that is asked
//! gives way at its capacity if each request asks it once, and later if answers are kept.
//!
//! # Limits
//! [`MAXIMUM_ROWS`] rows, [`MAXIMUM_ROWS_OF_TARGET`] of one target, single elements first; the rest is counted. What no `needs` says is not known here.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cuts::CutSets;
use crate::model::{Kind, Model};
use crate::set::{CutSet, MAXIMUM_ORDER};
use crate::unit::{Reach, Unit, carries, end_of, is_finite};

/// Most rows of the table.
pub const MAXIMUM_ROWS: usize = 20_000;
/// Most rows of one target: those of few elements before others.
pub const MAXIMUM_ROWS_OF_TARGET: usize = 500;

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Coupling {
    /// The public service that the flood is aimed at.
    pub target: String,
    /// The element that gives way; the first of `elements`.
    pub element: String,
    /// All elements that have to give way together: more than one where they stand in for each other.
    pub elements: Vec<String>,
    /// How the flood gets there.
    pub reach: Reach,
    /// The unit that gives way first; none if no capacity is known.
    pub unit: Option<Unit>,
    /// At which size of the flood, in that unit; for several elements the smallest size that is enough.
    pub at: Option<f64>,
    /// Not below this size; none if it can be any smaller one, because a capacity is not known.
    pub low: Option<f64>,
    /// At this size at the latest; none if it is not known.
    pub high: Option<f64>,
    /// Units in which there is an end that is not written down.
    pub unknown: Vec<Unit>,
    /// Every known unit of the first element with its capacity, the one that costs an attacker least first.
    pub units: Vec<(Unit, f64)>,
    /// Bits per second that fill it in that unit with the smallest packets or requests; for comparing rows.
    pub bits_per_second: Option<f64>,
    /// All other services that are lost with it, the most critical first.
    pub inside: Vec<String>,
    /// Those of them that stand in a zone which everybody can reach.
    pub public: Vec<String>,
    /// Whether the target is lost with it.
    pub target_lost: bool,
    /// Organisations outside the institution's control that run one of the elements.
    pub outside_control: Vec<String>,
}

impl Coupling {
    /// Whether the size is one number that everything needed for is known.
    pub fn is_certain(&self) -> bool {
        self.low.is_some() && self.low == self.high
    }
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Couplings {
    /// Rows by target, then by what they cost.
    pub rows: Vec<Coupling>,
    /// Rows beyond the limits.
    pub omitted: usize,
}

impl Couplings {
    /// Other services that a flood of this size on a target is predicted to take down, each with the row that says
    /// so. Rows without a known size predict nothing; those with a range predict from its upper end on if
    /// `surely`, else from the lower.
    pub fn lost_at(&self, target: &str, unit: Unit, size: f64, surely: bool) -> BTreeMap<&str, &Coupling> {
        let mut lost = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.target == target) {
            let in_unit = row.units.iter().find(|(known, _)| *known == unit).map(|(_, value)| *value);
            let limit = match row.unit == Some(unit) {
                true if surely => row.high,
                true => row.low.or(row.at),
                // Of one element every unit is an end of its own.
                false if row.elements.len() == 1 => in_unit,
                false => None,
            };
            if limit.is_some_and(|limit| size >= limit) {
                row.inside.iter().for_each(|service| {
                    lost.entry(service.as_str()).or_insert(row);
                });
            }
        }
        lost
    }
}

/// Which elements a flood on a target loads, and how.
pub fn loaded(model: &Model, needed: &[Vec<usize>], target: usize) -> BTreeMap<usize, Reach> {
    let mut loaded = BTreeMap::from([(target, Reach::Carried)]);
    let mut open = vec![(target, Reach::Carried)];
    while let Some((at, reach)) = open.pop() {
        for &next in needed.get(at).map_or(&[][..], Vec::as_slice) {
            let passes = matches!(model.elements[next].kind, Kind::Node(kind) if carries(kind));
            let how = match (reach, passes) {
                (Reach::Carried, true) => Reach::Carried,
                // What is asked is inside: its own way from outside carries none of this.
                (Reach::Asked, true) => continue,
                (_, false) => Reach::Asked,
            };
            if !is_finite(model.elements[next].kind) || loaded.get(&next).is_some_and(|known| *known <= how) {
                continue;
            }
            loaded.insert(next, how);
            open.push((next, how));
        }
    }
    loaded
}

/// Which services are lost when events happen, from the cut sets of all services: sorted sets, and behind each the services of
/// which it is a minimal cut set.
pub(crate) struct Losses {
    sets: Vec<CutSet>,
    starts: Vec<usize>,
    services: Vec<usize>,
}

impl Losses {
    pub(crate) fn new(cuts: &[Option<CutSets>]) -> Self {
        let mut pairs: Vec<(CutSet, usize)> = Vec::new();
        for (place, cuts) in cuts.iter().enumerate() {
            pairs.extend(cuts.iter().flat_map(|cuts| &cuts.sets).map(|set| (*set, place)));
        }
        pairs.sort_unstable();
        let mut losses =
            Self { sets: Vec::new(), starts: Vec::new(), services: Vec::with_capacity(pairs.len()) };
        for (set, service) in pairs {
            if losses.sets.last() != Some(&set) {
                losses.sets.push(set);
                losses.starts.push(losses.services.len());
            }
            losses.services.push(service);
        }
        losses
    }

    fn exactly(&self, set: &CutSet) -> &[usize] {
        let Ok(at) = self.sets.binary_search(set) else { return &[] };
        let end = self.starts.get(at + 1).copied().unwrap_or(self.services.len());
        self.services.get(self.starts[at]..end).unwrap_or_default()
    }

    /// Services that are lost when all of these happen, ascending.
    pub(crate) fn of(&self, model: &Model, set: &CutSet) -> Vec<usize> {
        let mut lost: Vec<usize> = set.subsets().flat_map(|subset| self.exactly(&subset).to_vec()).collect();
        let own = set.events().iter().map(|&event| event as usize);
        lost.extend(
            own.filter(|&place| model.elements.get(place).is_some_and(|it| it.kind == Kind::Service)),
        );
        lost.sort_unstable();
        lost.dedup();
        lost
    }
}

/// The table for every public service.
pub(crate) fn couplings(model: &Model, needed: &[Vec<usize>], losses: &Losses) -> Couplings {
    // Sets of elements alone, by their first one and the smallest first, so that each target looks only at what it loads.
    let mut by_first: Vec<Vec<CutSet>> = vec![Vec::new(); model.elements.len()];
    for set in &losses.sets {
        if set.events().iter().all(|&event| (event as usize) < model.elements.len())
            && let Some(list) = set.events().first().and_then(|&first| by_first.get_mut(first as usize))
        {
            list.push(*set);
        }
    }
    let mut table = Couplings::default();
    for target in model.services().filter(|&place| model.is_public(place)) {
        let loaded = loaded(model, needed, target);
        let mut reach_of: Vec<Option<Reach>> = vec![None; model.elements.len()];
        loaded.iter().for_each(|(&place, &reach)| reach_of[place] = Some(reach));
        let mut rows = Vec::new();
        for order in 1..=MAXIMUM_ORDER {
            for set in loaded.keys().filter_map(|&first| by_first.get(first)).flatten() {
                let is_loaded = set.order() == order
                    && set.events().iter().all(|&event| reach_of[event as usize].is_some());
                if !is_loaded {
                    continue;
                }
                if rows.len() >= MAXIMUM_ROWS_OF_TARGET || rows.len() + table.rows.len() >= MAXIMUM_ROWS {
                    table.omitted += 1;
                    continue;
                }
                let reach: Vec<Reach> =
                    set.events().iter().filter_map(|&event| reach_of[event as usize]).collect();
                rows.extend(row(model, losses, target, set, &reach));
            }
        }
        rows.sort_by(|one: &Coupling, other| {
            let cost = |row: &Coupling| row.bits_per_second.unwrap_or(f64::INFINITY);
            cost(one).total_cmp(&cost(other)).then_with(|| one.elements.cmp(&other.elements))
        });
        table.rows.extend(rows);
    }
    table
}

fn row(model: &Model, losses: &Losses, target: usize, set: &CutSet, reach: &[Reach]) -> Option<Coupling> {
    let places: Vec<usize> = set.events().iter().map(|&event| event as usize).collect();
    let mut lost = losses.of(model, set);
    let target_lost = lost.contains(&target);
    lost.retain(|&place| place != target);
    if lost.is_empty() {
        return None;
    }
    lost.sort_by_key(|&place| (std::cmp::Reverse(model.elements[place].criticality), place));
    let name = |&place: &usize| model.elements[place].name.clone();
    let size = size(model, &places, reach);
    let mut outside: Vec<String> = places
        .iter()
        .filter(|&&place| !model.is_own(place))
        .filter_map(|&place| model.party(&model.elements[place]).map(|party| party.name.clone()))
        .collect();
    outside.dedup();
    Some(Coupling {
        target: model.elements[target].name.clone(),
        element: places.first().map(name).unwrap_or_default(),
        elements: places.iter().map(name).collect(),
        reach: reach.iter().copied().max().unwrap_or(Reach::Carried),
        unit: size.unit,
        at: size.at,
        low: size.low,
        high: size.high,
        unknown: size.unknown,
        units: size.units,
        bits_per_second: size.cost,
        inside: lost.iter().map(name).collect(),
        public: lost.iter().filter(|&&place| model.is_public(place)).map(name).collect(),
        target_lost,
        outside_control: outside,
    })
}

#[derive(Default)]
struct Size {
    unit: Option<Unit>,
    at: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    cost: Option<f64>,
    unknown: Vec<Unit>,
    units: Vec<(Unit, f64)>,
}

/// At which flood all of these have given way.
fn size(model: &Model, places: &[usize], reach: &[Reach]) -> Size {
    let mut size = Size::default();
    // The last to give way decides: the one whose own end costs most.
    let mut hardest: Option<(f64, Unit, f64)> = None;
    let mut known = true;
    for (&place, &reach) in places.iter().zip(reach) {
        let element = &model.elements[place];
        let end = end_of(element.kind, &element.capacity, reach);
        size.unknown.extend(end.unknown);
        match end.known.first() {
            None => known = false,
            Some(&(unit, value)) => {
                let cost = unit.cost_bits_per_second(value, element.kind);
                if hardest.is_none_or(|(most, ..)| cost > most) {
                    hardest = Some((cost, unit, value));
                }
            }
        }
        if places.len() == 1 {
            size.units = end.known;
        }
    }
    size.unknown.sort_unstable();
    size.unknown.dedup();
    let Some((cost, unit, value)) = hardest.filter(|_| known) else { return size };
    let values: Option<Vec<f64>> =
        places.iter().map(|&place| unit.of(&model.elements[place].capacity)).collect();
    let sum = values.map(|values| values.iter().sum::<f64>());
    size.unit = Some(unit);
    size.at = Some(value);
    size.cost = Some(cost);
    size.low = size.unknown.is_empty().then_some(value);
    size.high = if places.len() == 1 { Some(value) } else { sum };
    size
}
