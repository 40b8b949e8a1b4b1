//! Minimal cut sets: the smallest sets of events that stop a service (MOCUS: Fussell and Vesely, 1972).
//!
//! Each element is worked out once, from what it needs upwards, so that what is shared costs once. A set of at most three
//! events can only come of parts with at most three, so leaving out larger ones on the way loses nothing. `all` is the
//! union of its parts. For `any k of n` sets are grown: among every k parts that still work one has to fail, so the search
//! branches over what fails the first k of them, and after three events it ends.
//!
//! # Limits
//! [`MAXIMUM_ORDER`] events a set. A list of more than [`MAXIMUM_SETS`] sets, or one that takes more than [`MAXIMUM_STEPS`]
//! steps, is worked out again for sets of one event less; [`CutSets::complete`] then says up to which order nothing is
//! missing. All elements together take at most `STEPS_OF_ELEMENT` steps each on average, after which only single points are
//! looked for.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Element, Error, Event, Expression, Model};
use crate::set::{CutSet, MAXIMUM_ORDER, minimal};

/// Most cut sets of one element.
pub const MAXIMUM_SETS: usize = 20_000;
/// Most cut sets of all services together: each has its share, and at least [`SMALLEST_SHARE`].
pub const MAXIMUM_SETS_OF_ALL: usize = 2_000_000;
/// What each service may have however many there are.
pub const SMALLEST_SHARE: usize = 2_000;
/// Most steps for one element.
pub const MAXIMUM_STEPS: usize = 200_000;
/// Most steps for the single points of one element.
pub(crate) const MAXIMUM_STEPS_FOR_SINGLE: usize = 20_000_000;
/// Most steps for all elements together, by their number.
pub(crate) const STEPS_OF_ELEMENT: usize = 3_000;

/// The cut sets of one element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CutSets {
    /// Minimal and sorted, the smallest first.
    pub sets: Vec<CutSet>,
    /// Up to this order no minimal cut set is missing.
    pub complete: usize,
    /// Whether there can be larger ones than those listed.
    pub truncated: bool,
}

impl CutSets {
    /// Whether these events are enough to stop it.
    pub fn stopped_by(&self, events: &CutSet) -> bool {
        events.holds_one_of(&self.sets)
    }

    /// Single points.
    pub fn single(&self) -> impl Iterator<Item = Event> + '_ {
        self.sets.iter().take_while(|set| set.order() == 1).filter_map(|set| set.events().first().copied())
    }
}

/// The cut sets of every service, by its place in [`Model::elements`]; nodes have none here. The event of the service
/// itself is left out: a service always stops when it stops.
///
/// # Errors
/// When needs go in a circle.
pub fn cut_sets(model: &Model) -> Result<Vec<Option<CutSets>>, Error> {
    let order = model.order()?;
    let mut search = Search {
        causes: model.cause_events(),
        lists: vec![None; model.elements.len()],
        steps_left: (model.elements.len() * STEPS_OF_ELEMENT).max(10 * MAXIMUM_STEPS),
        most: (MAXIMUM_SETS_OF_ALL / model.services().count().max(1)).clamp(SMALLEST_SHARE, MAXIMUM_SETS),
    };
    let needed = model.needed();
    let mut users: Vec<usize> = vec![0; model.elements.len()];
    needed.iter().flatten().for_each(|&place| users[place] += 1);
    let mut services: Vec<Option<CutSets>> = vec![None; model.elements.len()];
    for place in order {
        let element = &model.elements[place];
        let mut list = search.of(place, element);
        // What nobody needs any more gives its memory back.
        for &used in &needed[place] {
            users[used] -= 1;
            if users[used] == 0 {
                search.lists[used] = None;
            }
        }
        if element.kind == crate::model::Kind::Service {
            services[place] = Some(list.clone());
        }
        if users[place] > 0 {
            list.sets.push(CutSet::one(place as Event));
            list.sets = minimal(list.sets);
            search.lists[place] = Some(Arc::new(list));
        }
    }
    Ok(services)
}

struct Search {
    causes: Vec<Event>,
    lists: Vec<Option<Arc<CutSets>>>,
    steps_left: usize,
    most: usize,
}

impl Search {
    /// What stops an element, apart from itself.
    fn of(&mut self, place: usize, element: &Element) -> CutSets {
        let highest = if self.steps_left == 0 { 1 } else { MAXIMUM_ORDER };
        for order in (1..=highest).rev() {
            if let Some(list) = self.up_to(order, place, element) {
                return list;
            }
        }
        CutSets { sets: Vec::new(), complete: 0, truncated: true }
    }

    fn up_to(&mut self, order: usize, place: usize, element: &Element) -> Option<CutSets> {
        // Single points are what matters most: they are given up last.
        let steps = if order == 1 { MAXIMUM_STEPS_FOR_SINGLE } else { MAXIMUM_STEPS };
        let mut work = Work { order, complete: order, truncated: false, steps_left: steps };
        let mut sets = match &element.needs {
            Some(needs) => work.expression(needs, &self.lists),
            None => Some(Vec::new()),
        };
        if let Some(sets) = &mut sets {
            sets.extend(element.causes.iter().map(|&cause| CutSet::one(self.causes[cause])));
        }
        self.steps_left = self.steps_left.saturating_sub(steps - work.steps_left);
        let mut sets = minimal(sets?);
        sets.retain(|set| !set.contains(place as Event));
        if order > 1 && sets.len() > self.most {
            return None;
        }
        let truncated = work.truncated || work.complete < MAXIMUM_ORDER;
        Some(CutSets { sets, complete: work.complete, truncated })
    }
}

struct Work {
    order: usize,
    complete: usize,
    truncated: bool,
    steps_left: usize,
}

impl Work {
    /// None if it takes too many steps and a lower order could do with fewer.
    fn expression(&mut self, needs: &Expression, lists: &[Option<Arc<CutSets>>]) -> Option<Vec<CutSet>> {
        match needs {
            Expression::Element(place) => {
                let Some(list) = lists.get(*place).and_then(Option::as_ref) else { return Some(Vec::new()) };
                self.complete = self.complete.min(list.complete);
                self.truncated |= list.truncated;
                self.step(list.sets.len())?;
                let fit = list.sets.partition_point(|set| set.order() <= self.order);
                self.truncated |= fit < list.sets.len();
                Some(list.sets.get(..fit).unwrap_or_default().to_vec())
            }
            Expression::All(parts) => {
                let mut sets = Vec::new();
                for part in parts {
                    sets.extend(self.expression(part, lists)?);
                }
                Some(minimal(sets))
            }
            Expression::Any { count, of } => {
                let mut parts = Vec::with_capacity(of.len());
                for part in of {
                    parts.push(self.expression(part, lists)?);
                }
                self.too_few_left(parts, *count)
            }
        }
    }

    /// What leaves fewer than `count` of the parts.
    fn too_few_left(&mut self, mut parts: Vec<Vec<CutSet>>, count: usize) -> Option<Vec<CutSet>> {
        if count == 0 {
            return Some(Vec::new());
        }
        if count > parts.len() {
            return Some(vec![CutSet::EMPTY]);
        }
        if count == parts.len() {
            return Some(minimal(parts.into_iter().flatten().collect()));
        }
        // The parts that are hardest to fail first: fewest branches.
        parts.sort_by_key(Vec::len);
        let mut seen = BTreeSet::new();
        let mut open = vec![CutSet::EMPTY];
        let mut found = Vec::new();
        while let Some(set) = open.pop() {
            self.step(parts.len())?;
            let working: Vec<&Vec<CutSet>> =
                parts.iter().filter(|part| !set.holds_one_of(part)).take(count).collect();
            if working.len() < count {
                found.push(set);
                continue;
            }
            for more in working.into_iter().flatten() {
                self.step(1)?;
                match set.union(more, self.order) {
                    Some(larger) if seen.insert(larger) => open.push(larger),
                    Some(_) => {}
                    // A larger set is no loss if a part of it is enough; once one was lost, no other needs to be looked at.
                    None if !self.truncated => {
                        self.step(parts.len())?;
                        self.truncated = left(&parts, more) >= count;
                    }
                    None => {}
                }
            }
        }
        Some(minimal(found))
    }

    fn step(&mut self, steps: usize) -> Option<()> {
        self.steps_left = self.steps_left.saturating_sub(steps);
        (self.steps_left > 0).then_some(())
    }
}

/// How many parts work while these events happen.
fn left(parts: &[Vec<CutSet>], events: &CutSet) -> usize {
    parts.iter().filter(|part| !events.holds_one_of(part)).count()
}
