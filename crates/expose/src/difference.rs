//! What is different between two versions of a file, or with a change made.
//!
//! A list that reached a limit does not have everything, so that something is missing from it is no improvement: it is asked of the
//! model itself whether the elements still stop the service, and what cannot be asked any more is counted as undecided.
//!
//! Limits: [`MAXIMUM_QUESTIONS`] questions to the model of each version.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Exposure;
use crate::coupling::{Coupling, loaded};
use crate::failing::Failing;
use crate::model::{Error, Event, Kind};
use crate::unit::Reach;

/// Most questions to the model of one version.
pub const MAXIMUM_QUESTIONS: usize = 20_000;

/// A target, elements, and what is lost inside.
pub type Row = (String, Vec<String>, Vec<String>);

/// What is different between two exposures, by names.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Cut sets that are gone: the service and its elements.
    pub gone: Vec<(String, Vec<String>)>,
    /// Cut sets that are new.
    pub new: Vec<(String, Vec<String>)>,
    /// Couplings that are gone: target, elements, what is lost inside.
    pub couplings_gone: Vec<Row>,
    /// Couplings that are new.
    pub couplings_new: Vec<Row>,
    /// Cut sets and couplings of one version of which it cannot be said whether the other one has them, because it reached a limit.
    pub undecided: usize,
}

/// Compares two exposures.
///
/// # Errors
/// When needs go in a circle.
pub fn difference(before: &Exposure, after: &Exposure) -> Result<Difference, Error> {
    let (old, new) = (sets(before), sets(after));
    let (old_rows, new_rows) = (rows(before), rows(after));
    let mut undecided = 0;
    let mut only = |other: &mut Other<'_>,
                    mine: (&BTreeSet<(String, Vec<String>)>, &BTreeSet<Row>),
                    theirs: (&BTreeSet<(String, Vec<String>)>, &BTreeSet<Row>)|
     -> Result<_, Error> {
        let mut sets = Vec::new();
        for (service, elements) in mine.0.difference(theirs.0) {
            match other.has_set(service, elements)? {
                Some(false) => sets.push((service.clone(), elements.clone())),
                Some(true) => {}
                None => undecided += 1,
            }
        }
        let mut rows = Vec::new();
        for row in mine.1.difference(theirs.1) {
            match other.has_row(row)? {
                Some(false) => rows.push(row.clone()),
                Some(true) => {}
                None => undecided += 1,
            }
        }
        Ok((sets, rows))
    };
    let (gone, couplings_gone) = only(&mut Other::new(after), (&old, &old_rows), (&new, &new_rows))?;
    let (new, couplings_new) = only(&mut Other::new(before), (&new, &new_rows), (&old, &old_rows))?;
    Ok(Difference { gone, new, couplings_gone, couplings_new, undecided })
}

fn sets(exposure: &Exposure) -> BTreeSet<(String, Vec<String>)> {
    let mut sets = BTreeSet::new();
    for (place, cuts) in exposure.services() {
        let service = &exposure.model.elements[place].name;
        sets.extend(cuts.sets.iter().map(|set| (service.clone(), sorted(exposure.names(set)))));
    }
    sets
}

/// The two versions number their elements in their own ways.
fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

fn rows(exposure: &Exposure) -> BTreeSet<Row> {
    let row = |row: &Coupling| (row.target.clone(), sorted(row.elements.clone()), sorted(row.inside.clone()));
    exposure.couplings.rows.iter().map(row).collect()
}

/// The version in which something is missing.
struct Other<'e> {
    exposure: &'e Exposure,
    events: BTreeMap<&'e str, Event>,
    failing: Option<Failing<'e>>,
    /// What floods on targets load there.
    loaded: BTreeMap<usize, BTreeMap<usize, Reach>>,
    questions_left: usize,
}

impl<'e> Other<'e> {
    fn new(exposure: &'e Exposure) -> Self {
        let model = &exposure.model;
        let causes = model.causes.iter().zip(model.cause_events());
        let mut events: BTreeMap<&str, Event> = causes.map(|(name, event)| (name.as_str(), event)).collect();
        let elements = model.elements.iter().enumerate();
        events.extend(elements.map(|(place, element)| (element.name.as_str(), place as Event)));
        Self { exposure, events, failing: None, loaded: BTreeMap::new(), questions_left: MAXIMUM_QUESTIONS }
    }

    /// The events of names; none if one of them is not there, so that it can stop nothing.
    fn events(&self, names: &[String]) -> Option<Vec<Event>> {
        names.iter().map(|name| self.events.get(name.as_str()).copied()).collect()
    }

    fn service(&self, name: &str) -> Option<usize> {
        let place = *self.events.get(name)? as usize;
        let is_service = self.exposure.model.elements.get(place).is_some_and(|it| it.kind == Kind::Service);
        is_service.then_some(place)
    }

    /// What fails with these events.
    fn failing(&mut self, events: &[Event]) -> Result<&[bool], Error> {
        let failing = match self.failing.take() {
            Some(failing) => failing,
            None => Failing::new(&self.exposure.model)?,
        };
        Ok(self.failing.insert(failing).of(events))
    }

    /// Services that fail with these events and with no fewer of them.
    fn lost(&mut self, events: &[Event]) -> Result<(Vec<usize>, Vec<usize>), Error> {
        let services: Vec<usize> = self.exposure.model.services().collect();
        let failing = self.failing(events)?;
        let all: Vec<usize> = services.into_iter().filter(|&place| failing[place]).collect();
        let mut minimal = all.clone();
        for left_out in events {
            let fewer: Vec<Event> = events.iter().copied().filter(|event| event != left_out).collect();
            let failing = self.failing(&fewer)?;
            minimal.retain(|&place| !failing[place]);
        }
        Ok((all, minimal))
    }

    /// Whether a cut set that is not listed here is one all the same; none if that cannot be said any more.
    fn has_set(&mut self, service: &str, elements: &[String]) -> Result<Option<bool>, Error> {
        let Some((place, events)) = self.service(service).zip(self.events(elements)) else {
            return Ok(Some(false));
        };
        let complete = self.exposure.cuts.get(place).and_then(Option::as_ref).map(|cuts| cuts.complete);
        if complete.is_none_or(|complete| complete >= events.len()) {
            return Ok(Some(false));
        }
        if self.questions_left == 0 {
            return Ok(None);
        }
        self.questions_left -= 1;
        if !self.failing(&events)?[place] {
            return Ok(Some(false));
        }
        for left_out in &events {
            let fewer: Vec<Event> = events.iter().copied().filter(|event| event != left_out).collect();
            if self.failing(&fewer)?[place] {
                return Ok(Some(false));
            }
        }
        Ok(Some(true))
    }

    /// The same for a row of the coupling table.
    fn has_row(&mut self, (target, elements, inside): &Row) -> Result<Option<bool>, Error> {
        let exposure = self.exposure;
        let (model, table) = (&exposure.model, &exposure.couplings);
        let Some((place, events)) = self.service(target).zip(self.events(elements)) else {
            return Ok(Some(false));
        };
        if table.omitted == 0 && table.complete_order >= events.len() || !model.is_public(place) {
            return Ok(Some(false));
        }
        if self.questions_left == 0 {
            return Ok(None);
        }
        self.questions_left -= 1;
        let loaded = self.loaded.entry(place).or_insert_with(|| loaded(model, exposure.needed(), place));
        if events.iter().any(|&event| !loaded.contains_key(&(event as usize))) {
            return Ok(Some(false));
        }
        let (lost, minimal) = self.lost(&events)?;
        let lost = lost.into_iter().filter(|&lost| lost != place);
        let lost = sorted(lost.map(|place| model.elements[place].name.clone()).collect());
        Ok(Some(!minimal.is_empty() && lost == *inside))
    }
}
