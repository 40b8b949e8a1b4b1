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
//! gives way at its capacity if each request asks it once, and later if answers are kept: there is no upper end.
//!
//! # Limits
//! [`MAXIMUM_ROWS`] rows, [`MAXIMUM_ROWS_OF_TARGET`] of one target: the worst are kept, whichever target they are of, the rest is counted.
//! Worse is what takes fewer elements, then what loses more. Sets that a list of cut sets does not have for its own limits have no
//! row; [`Couplings::complete_order`] says up to which number of elements none is missing. What is lost in a row is always whole. What no `needs`
//! says is not known here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use serde::Serialize;

use crate::analysis::worth;
use crate::cuts::CutSets;
use crate::failing::Failing;
use crate::model::{Error, Kind, Model};
use crate::set::{CutSet, MAXIMUM_ORDER};
use crate::unit::{Reach, Unit, carries, end_of, is_finite};

/// Most rows of the table.
pub const MAXIMUM_ROWS: usize = 20_000;
/// Most rows of one target: the worst.
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
    /// At this size at the latest; none if it is not known, or if it is asked, where answers that are kept put it off.
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

    /// From which size in a unit on it gives way, surely or at the earliest; none if that is not known.
    pub fn limit(&self, unit: Unit, surely: bool) -> Option<f64> {
        // Of one element every unit is an end of its own; several give way in the unit of the last of them.
        let written = self.units.iter().find(|(known, _)| *known == unit).map(|(_, value)| *value);
        let is_first = self.unit == Some(unit);
        match (surely, self.reach) {
            (true, Reach::Asked) => None,
            (true, Reach::Carried) if is_first => self.high,
            (true, Reach::Carried) => written,
            // An unknown unit of the element can give way at any size of the flood.
            (false, _) if is_first => self.at.map(|_| self.low.unwrap_or(0.0)),
            (false, _) => written.map(|value| if self.low.is_none() { 0.0 } else { value }),
        }
    }
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Couplings {
    /// Rows by target, then by what they cost.
    pub rows: Vec<Coupling>,
    /// Rows beyond the limits; none of them is worse than those that are kept.
    pub omitted: usize,
    /// Up to so many elements no row is missing for a limit of the cut sets.
    pub complete_order: usize,
}

impl Couplings {
    /// Other services that a flood of this size on a target takes down: surely, or if everything is as weak as it can be. Each
    /// with the row that says so, the one that gives way first.
    ///
    /// Rows without a known size predict nothing. With `surely` a row predicts from its upper end on, and nothing if it has
    /// none; otherwise from its lower end on, and at any size if a capacity is not written down.
    pub fn lost_at(&self, target: &str, unit: Unit, size: f64, surely: bool) -> BTreeMap<&str, &Coupling> {
        let mut lost: BTreeMap<&str, (f64, &Coupling)> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.target == target) {
            let Some(limit) = row.limit(unit, surely).filter(|limit| size >= *limit) else { continue };
            for service in &row.inside {
                let first = lost.entry(service.as_str()).or_insert((limit, row));
                if limit < first.0 {
                    *first = (limit, row);
                }
            }
        }
        lost.into_iter().map(|(service, (_, row))| (service, row)).collect()
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

    /// How much is lost with a set.
    fn weighed(&self, model: &Model, set: &CutSet) -> Loss {
        let lost = self.of(model, set);
        let weight = lost.iter().map(|&place| worth(model.elements[place].criticality)).sum();
        Loss { weight, only: lost.first().copied().filter(|_| lost.len() == 1) }
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

/// What is lost with a set, in short.
#[derive(Clone, Copy)]
struct Loss {
    weight: f64,
    /// The only service, if there is one alone.
    only: Option<usize>,
}

/// A row that could be told, the worse the smaller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    order: usize,
    /// In tenths, so that it can be compared.
    weight: Reverse<u64>,
    target: usize,
    /// Place in [`Losses::sets`].
    set: usize,
}

/// The table for every public service.
pub(crate) fn couplings(
    model: &Model,
    needed: &[Vec<usize>],
    losses: &Losses,
    cuts: &[Option<CutSets>],
) -> Result<Couplings, Error> {
    let complete_order = cuts.iter().flatten().map(|cuts| cuts.complete).min().unwrap_or(MAXIMUM_ORDER);
    let mut table = Couplings { complete_order, ..Couplings::default() };
    let kept = candidates(model, needed, losses, &mut table.omitted);
    let mut failing = (complete_order < MAXIMUM_ORDER).then(|| Failing::new(model)).transpose()?;
    for of_target in kept.chunk_by(|one, other| one.target == other.target) {
        let Some(target) = of_target.first().map(|first| first.target) else { continue };
        let loaded = loaded(model, needed, target);
        let mut rows = Vec::with_capacity(of_target.len());
        for candidate in of_target {
            let set = &losses.sets[candidate.set];
            let reach: Vec<Reach> =
                set.events().iter().filter_map(|&event| loaded.get(&(event as usize)).copied()).collect();
            // Where lists of cut sets are not complete, the model itself is asked, so that nothing lost is left out.
            let lost = match &mut failing {
                Some(failing) if set.order() > complete_order => {
                    let failing = failing.of(set.events());
                    model.services().filter(|&place| failing[place]).collect()
                }
                _ => losses.of(model, set),
            };
            rows.extend(row(model, target, set, &reach, lost));
        }
        rows.sort_by(|one: &Coupling, other| {
            let cost = |row: &Coupling| row.bits_per_second.unwrap_or(f64::INFINITY);
            cost(one).total_cmp(&cost(other)).then_with(|| one.elements.cmp(&other.elements))
        });
        table.rows.extend(rows);
    }
    Ok(table)
}

/// The worst rows of all targets, by target; what there is no room for is counted.
fn candidates(model: &Model, needed: &[Vec<usize>], losses: &Losses, omitted: &mut usize) -> Vec<Candidate> {
    // Sets of elements alone, by their first one, so that each target looks only at what it loads.
    let mut by_first: Vec<Vec<usize>> = vec![Vec::new(); model.elements.len()];
    for (place, set) in losses.sets.iter().enumerate() {
        if set.events().iter().all(|&event| (event as usize) < model.elements.len())
            && let Some(list) = set.events().first().and_then(|&first| by_first.get_mut(first as usize))
        {
            list.push(place);
        }
    }
    let mut known: Vec<Option<Loss>> = vec![None; losses.sets.len()];
    let mut kept: BinaryHeap<Candidate> = BinaryHeap::new();
    let mut is_loaded = vec![false; model.elements.len()];
    for target in model.services().filter(|&place| model.is_public(place)) {
        let loaded = loaded(model, needed, target);
        loaded.keys().for_each(|&place| is_loaded[place] = true);
        let mut of_target = Vec::new();
        for &at in loaded.keys().filter_map(|&first| by_first.get(first)).flatten() {
            let set = &losses.sets[at];
            if !set.events().iter().all(|&event| is_loaded[event as usize]) {
                continue;
            }
            let loss = *known[at].get_or_insert_with(|| losses.weighed(model, set));
            if loss.only != Some(target) {
                let weight = Reverse((loss.weight * 10.0) as u64);
                of_target.push(Candidate { order: set.order(), weight, target, set: at });
            }
        }
        if of_target.len() > MAXIMUM_ROWS_OF_TARGET {
            *omitted += of_target.len() - MAXIMUM_ROWS_OF_TARGET;
            of_target.select_nth_unstable(MAXIMUM_ROWS_OF_TARGET);
            of_target.truncate(MAXIMUM_ROWS_OF_TARGET);
        }
        for candidate in of_target {
            kept.push(candidate);
            if kept.len() > MAXIMUM_ROWS {
                kept.pop();
                *omitted += 1;
            }
        }
        loaded.keys().for_each(|&place| is_loaded[place] = false);
    }
    let mut kept = kept.into_vec();
    kept.sort_unstable_by_key(|candidate| (candidate.target, candidate.set));
    kept
}

fn row(
    model: &Model,
    target: usize,
    set: &CutSet,
    reach: &[Reach],
    mut lost: Vec<usize>,
) -> Option<Coupling> {
    let places: Vec<usize> = set.events().iter().map(|&event| event as usize).collect();
    let target_lost = lost.contains(&target);
    lost.retain(|&place| place != target);
    if lost.is_empty() {
        return None;
    }
    lost.sort_by_key(|&place| (Reverse(model.elements[place].criticality), place));
    let name = |&place: &usize| model.elements[place].name.clone();
    let size = size(model, &places, reach);
    let mut outside: Vec<String> = places
        .iter()
        .filter(|&&place| !model.is_own(place))
        .filter_map(|&place| model.party(&model.elements[place]).map(|party| party.name.clone()))
        .collect();
    outside.sort();
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
    // What is asked need not be asked for every request.
    let is_asked = reach.contains(&Reach::Asked);
    size.high = if places.len() == 1 { Some(value) } else { sum }.filter(|_| !is_asked);
    size
}
