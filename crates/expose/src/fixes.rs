//! What to do first: changes by how much they would take away.
//!
//! A second of an element takes it off the list of every service that it can stop alone, and nothing else changes; so the
//! effect of each fix can be read off the cut sets without trying it. Splitting an element takes away what a flood on a
//! public service does to others through it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::analysis::{Exposure, worth};
use crate::model::Event;

/// What kind of change a fix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// A second one that can stand in.
    Second,
    /// Two that fail together are taken apart.
    Apart,
    /// An own one for what is inside.
    Split,
}

/// Something to do, with what it would change.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fix {
    /// What kind of change.
    pub remedy: Remedy,
    /// Of what.
    pub element: String,
    /// What to do, in a sentence.
    pub text: String,
    /// Services that lose a single point of failure, or that a flood would not take down any more.
    pub services: Vec<String>,
    /// The sum of what these services weigh: 10 for an essential one, 3 for an important one, 1 for others.
    pub effect: f64,
    /// Who has to do it, where that is not the institution.
    pub organisation: Option<String>,
    /// The change to try with `--what-if`, where it is a single one.
    pub what_if: Option<String>,
}

/// All fixes, the one with the largest effect first.
pub fn fixes(exposure: &Exposure) -> Vec<Fix> {
    let model = &exposure.model;
    let mut alone: BTreeMap<Event, Vec<usize>> = BTreeMap::new();
    for (place, cuts) in exposure.services() {
        cuts.single().for_each(|event| alone.entry(event).or_default().push(place));
    }
    let mut fixes: Vec<Fix> =
        alone.into_iter().map(|(event, places)| single(exposure, event, &places)).collect();
    let mut shared: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in
        exposure.couplings.rows.iter().filter(|row| row.elements.len() == 1 && row.element != row.target)
    {
        let inside = row.inside.iter().filter(|name| !row.public.contains(name));
        shared.entry(&row.element).or_default().extend(inside.map(String::as_str));
    }
    for (element, inside) in shared.into_iter().filter(|(_, inside)| !inside.is_empty()) {
        let Ok(place) = model.find(element) else { continue };
        let places: Vec<usize> = inside.iter().filter_map(|name| model.find(name).ok()).collect();
        let names: Vec<String> = inside.iter().map(|&name| name.to_owned()).collect();
        let what_if = Some(format!("split:{element}:{}", names.join(",")));
        let text = format!(
            "Give what is inside a {} of its own, apart from {element}",
            kind_word(exposure, place as Event)
        );
        fixes.push(fix(exposure, Remedy::Split, place as Event, text, &places, what_if));
    }
    fixes.sort_by(|one, other| {
        other
            .effect
            .total_cmp(&one.effect)
            .then_with(|| (one.remedy, &one.element).cmp(&(other.remedy, &other.element)))
    });
    fixes
}

fn single(exposure: &Exposure, event: Event, places: &[usize]) -> Fix {
    let name = exposure.model.event_name(event).to_owned();
    if exposure.model.event_element(event).is_some() {
        let text = format!("Set up a second {} that can stand in for {name}", kind_word(exposure, event));
        let what_if = Some(format!("second:{name}"));
        return fix(exposure, Remedy::Second, event, text, places, what_if);
    }
    let text = format!("Take apart what fails together with {name}");
    fix(exposure, Remedy::Apart, event, text, places, None)
}

fn fix(
    exposure: &Exposure,
    remedy: Remedy,
    event: Event,
    text: String,
    places: &[usize],
    what_if: Option<String>,
) -> Fix {
    let model = &exposure.model;
    let element = model.event_element(event);
    let party = element.and_then(|element| model.party(element)).filter(|party| !party.own);
    Fix {
        remedy,
        element: model.event_name(event).to_owned(),
        text: match party {
            Some(party) => format!("{text} (ask {})", party.title),
            None => text,
        },
        services: places.iter().map(|&place| model.elements[place].name.clone()).collect(),
        effect: places.iter().map(|&place| worth(model.elements[place].criticality)).sum(),
        organisation: party.map(|party| party.name.clone()),
        what_if,
    }
}

fn kind_word(exposure: &Exposure, event: Event) -> String {
    exposure
        .model
        .event_element(event)
        .map_or_else(String::new, |element| element.kind.word().replace('_', " "))
}
