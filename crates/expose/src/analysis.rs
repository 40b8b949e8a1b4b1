//! Everything that follows from a model, worked out once.

use std::collections::BTreeMap;

use institution::Criticality;

use crate::capacity::{Range, connectivity, through};
use crate::coupling::{Couplings, Losses, couplings};
use crate::cuts::{CutSets, cut_sets};
use crate::importance::{Importance, importance};
use crate::model::{Error, Event, Model};
use crate::set::CutSet;
use crate::unit::Unit;
use crate::witness::Witness;

/// What an institution is exposed to.
pub struct Exposure {
    /// The model that was looked at.
    pub model: Model,
    /// The cut sets of each service, by its place in the model; nodes have none.
    pub cuts: Vec<Option<CutSets>>,
    /// The flood coupling table.
    pub couplings: Couplings,
    needed: Vec<Vec<usize>>,
    causes: Vec<Event>,
    losses: Losses,
    /// Cut sets without causes, where a cause has the name of an element.
    without_causes: Option<Vec<Option<CutSets>>>,
}

/// One cut set of one service, with what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The service that is lost.
    pub service: String,
    /// What has to fail together.
    pub elements: Vec<String>,
    /// How many.
    pub order: usize,
    /// The path from outside over the first of them to the service.
    pub witness: Vec<String>,
    /// A path for each of them, where there are several.
    pub witnesses: Vec<Vec<String>>,
    /// All services that are lost with it.
    pub lost: Vec<String>,
    /// Whether there can be more of them, because the cut sets of some service are not known up to this order.
    pub lost_at_least: bool,
    /// Organisations outside the institution's control that run one of them.
    pub outside_control: Vec<String>,
}

/// How much one element matters over all services.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Weight {
    /// Its name.
    pub element: String,
    /// Services that it can stop alone.
    pub alone: Vec<String>,
    /// The sum of its Birnbaum importance over all services, each by its criticality.
    pub birnbaum: f64,
    /// The largest Fussell-Vesely importance that it has for a service.
    pub fussell_vesely: f64,
}

impl Exposure {
    /// Works everything out.
    ///
    /// # Errors
    /// When needs go in a circle.
    pub fn of(model: Model) -> Result<Self, Error> {
        let cuts = cut_sets(&model)?;
        let needed = model.needed();
        let causes = model.cause_events();
        let losses = Losses::new(&cuts);
        let couplings = couplings(&model, &needed, &losses, &cuts)?;
        let is_element = causes.iter().any(|&event| (event as usize) < model.elements.len());
        let without_causes = if is_element { Some(cut_sets(&model.without_causes())?) } else { None };
        Ok(Self { model, cuts, couplings, needed, causes, losses, without_causes })
    }

    /// The names of the events of a set.
    pub fn names(&self, set: &CutSet) -> Vec<String> {
        set.events().iter().map(|&event| self.model.event_name(event).to_owned()).collect()
    }

    /// The places of the services and their cut sets, in the order of the file.
    pub fn services(&self) -> impl Iterator<Item = (usize, &CutSets)> {
        self.cuts.iter().enumerate().filter_map(|(place, cuts)| Some((place, cuts.as_ref()?)))
    }

    /// What each element needs, each thing once.
    pub fn needed(&self) -> &[Vec<usize>] {
        &self.needed
    }

    /// Everything that some elements need, directly or through others, each thing once.
    pub(crate) fn needed_by_all(&self, places: impl IntoIterator<Item = usize>) -> Vec<usize> {
        let mut seen = vec![false; self.model.elements.len()];
        let mut list = Vec::new();
        let mut open: Vec<usize> = places.into_iter().collect();
        while let Some(at) = open.pop() {
            for &next in &self.needed[at] {
                if !std::mem::replace(&mut seen[next], true) {
                    list.push(next);
                    open.push(next);
                }
            }
        }
        list
    }

    /// Services that are lost when events happen, by name.
    pub fn lost(&self, set: &CutSet) -> Vec<String> {
        let lost = self.losses.of(&self.model, set);
        lost.into_iter().map(|place| self.model.elements[place].name.clone()).collect()
    }

    /// Calls `tell` with every cut set of every service, one service after the other, the smallest first.
    ///
    /// # Errors
    /// Whatever `tell` gives; nothing more is told then.
    pub fn findings<E>(&self, mut tell: impl FnMut(Finding) -> Result<(), E>) -> Result<(), E> {
        for (place, cuts) in self.services() {
            let witness = Witness::new(&self.model, &self.needed, &self.causes, place);
            for set in &cuts.sets {
                tell(self.finding(place, set, &witness))?;
            }
        }
        Ok(())
    }

    /// Every finding at once.
    pub fn all_findings(&self) -> Vec<Finding> {
        let mut all = Vec::new();
        let told: Result<(), std::convert::Infallible> = self.findings(|finding| {
            all.push(finding);
            Ok(())
        });
        match told {
            Ok(()) => all,
        }
    }

    fn finding(&self, place: usize, set: &CutSet, witness: &Witness<'_>) -> Finding {
        let paths: Vec<Vec<String>> = set.events().iter().map(|&event| witness.path(event)).collect();
        let elements = set.events().iter().filter_map(|&event| self.model.event_element(event));
        let mut outside: Vec<String> = elements
            .filter_map(|element| self.model.party(element).filter(|party| !party.own))
            .map(|party| party.name.clone())
            .collect();
        outside.sort();
        outside.dedup();
        Finding {
            service: self.model.elements[place].name.clone(),
            elements: self.names(set),
            order: set.order(),
            witness: paths.first().cloned().unwrap_or_default(),
            witnesses: if set.order() > 1 { paths } else { Vec::new() },
            lost: self.lost(set),
            lost_at_least: set.order() > self.couplings.complete_order,
            outside_control: outside,
        }
    }

    /// The path from outside over an event to a service.
    pub fn witness(&self, service: usize, event: Event) -> Vec<String> {
        Witness::new(&self.model, &self.needed, &self.causes, service).path(event)
    }

    /// How much gets through to a service in a unit.
    pub fn through(&self, service: usize, unit: Unit) -> Option<Range> {
        let cuts = self.without_causes.as_ref().unwrap_or(&self.cuts).get(service)?.as_ref()?;
        Some(through(&self.model, &self.needed, service, unit, cuts))
    }

    /// How many nodes or other services have to fail together to stop a service.
    pub fn connectivity(&self, service: usize) -> Option<usize> {
        connectivity(&self.model, service, self.cuts.get(service)?.as_ref()?)
    }

    /// The importance of each event for one service.
    pub fn importance(&self, service: usize) -> BTreeMap<Event, Importance> {
        self.cuts.get(service).and_then(Option::as_ref).map(importance).unwrap_or_default()
    }

    /// Every event that is in a cut set, the one that matters most first.
    pub fn weights(&self) -> Vec<Weight> {
        let mut weights: BTreeMap<Event, Weight> = BTreeMap::new();
        for (place, cuts) in self.services() {
            let service = &self.model.elements[place];
            for (event, importance) in importance(cuts) {
                let weight = weights.entry(event).or_insert_with(|| Weight {
                    element: self.model.event_name(event).to_owned(),
                    alone: Vec::new(),
                    birnbaum: 0.0,
                    fussell_vesely: 0.0,
                });
                weight.birnbaum += importance.birnbaum * worth(service.criticality);
                weight.fussell_vesely = weight.fussell_vesely.max(importance.fussell_vesely);
            }
            for event in cuts.single() {
                if let Some(weight) = weights.get_mut(&event) {
                    weight.alone.push(service.name.clone());
                }
            }
        }
        let mut weights: Vec<Weight> = weights.into_values().collect();
        weights.sort_by(|one, other| {
            other.birnbaum.total_cmp(&one.birnbaum).then_with(|| one.element.cmp(&other.element))
        });
        weights
    }

    /// Services up to which order their list is complete, where that is less than the highest order, or where there can
    /// be larger sets.
    pub fn limits(&self) -> impl Iterator<Item = (&str, &CutSets)> {
        let cut = |(place, cuts): (usize, &CutSets)| cuts.truncated.then_some(place);
        let places: Vec<usize> = self.services().filter_map(cut).collect();
        places.into_iter().filter_map(|place| {
            let cuts = self.cuts.get(place)?.as_ref()?;
            Some((self.model.elements[place].name.as_str(), cuts))
        })
    }
}

/// How much more the loss of a service weighs than that of a supporting one.
pub const fn worth(criticality: Criticality) -> f64 {
    match criticality {
        Criticality::Supporting => 1.0,
        Criticality::Important => 3.0,
        Criticality::Essential => 10.0,
    }
}
