//! What to do first: changes by how much they would take away.
//!
//! The effect of each fix is what the command beside it makes of the model, asked of the model itself ([`Trial`]): a second one
//! does not help what shares a cause of its name, and an own one helps only what gets to it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::analysis::{Exposure, worth};
use crate::failing::{Failing, Trial};
use crate::model::{Error, Event, Kind};
use crate::unit::carries;

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
///
/// # Errors
/// When needs go in a circle.
pub fn fixes(exposure: &Exposure) -> Result<Vec<Fix>, Error> {
    let mut alone: BTreeMap<Event, Vec<usize>> = BTreeMap::new();
    for (place, cuts) in exposure.services() {
        cuts.single().for_each(|event| alone.entry(event).or_default().push(place));
    }
    let mut failing = Failing::new(&exposure.model)?;
    let mut carriers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (place, element) in exposure.model.elements.iter().enumerate() {
        element.causes.iter().for_each(|&cause| carriers.entry(cause).or_default().push(place));
    }
    let mut fixes: Vec<Fix> = Vec::new();
    for (event, places) in alone {
        fixes.extend(single(exposure, event, &places, &mut failing, &carriers));
    }
    fixes.extend(splits(exposure, &mut failing));
    fixes.sort_by(|one, other| {
        other
            .effect
            .total_cmp(&one.effect)
            .then_with(|| (one.remedy, &one.element).cmp(&(other.remedy, &other.element)))
    });
    Ok(fixes)
}

/// Takes one event off the lists of all services that it stops alone.
fn single(
    exposure: &Exposure,
    event: Event,
    places: &[usize],
    failing: &mut Failing<'_>,
    carriers: &BTreeMap<usize, Vec<usize>>,
) -> Vec<Fix> {
    let model = &exposure.model;
    let name = model.event_name(event).to_owned();
    let apart = format!("Take apart what fails together with {name}");
    if model.event_element(event).is_none() {
        // One command takes one of them off it; of several each takes one.
        let one = match carriers.get(&(event as usize - model.elements.len())).map(Vec::as_slice) {
            Some(&[one]) => Some(format!("apart:{}:{name}", model.elements[one].name)),
            _ => None,
        };
        return vec![fix(exposure, Remedy::Apart, event, apart, places, one)];
    }
    let left = failing.with(&[event], Trial::Second(event as usize));
    // Some it stops as a cause that they share, and a second one would not help them.
    let (rest, helped): (Vec<usize>, Vec<usize>) = places.iter().partition(|&&place| left[place]);
    let mut fixes = Vec::new();
    if !helped.is_empty() {
        let text = format!("Set up a second {} that can stand in for {name}", kind_word(exposure, event));
        let what_if = Some(format!("second:{name}"));
        fixes.push(fix(exposure, Remedy::Second, event, text, &helped, what_if));
    }
    if !rest.is_empty() {
        fixes.push(fix(exposure, Remedy::Apart, event, apart, &rest, None));
    }
    fixes
}

/// Own ones for what is inside, of elements through which floods on public services get there.
fn splits(exposure: &Exposure, failing: &mut Failing<'_>) -> Vec<Fix> {
    let model = &exposure.model;
    let needed = exposure.needed();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); model.elements.len()];
    for (place, needs) in needed.iter().enumerate() {
        needs.iter().for_each(|&need| users[need].push(place));
    }
    let mut public = vec![false; model.elements.len()];
    let services = model.services().filter(|&place| model.is_public(place));
    exposure.needed_by_all(services).into_iter().for_each(|place| public[place] = true);
    let names = model.names();
    let mut shared: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for row in
        exposure.couplings.rows.iter().filter(|row| row.elements.len() == 1 && row.element != row.target)
    {
        let Some(&place) = names.get(row.element.as_str()) else { continue };
        let inside = row.inside.iter().filter(|name| !row.public.contains(name));
        shared.entry(place).or_default().extend(inside.filter_map(|name| names.get(name.as_str())));
    }
    let mut fixes = Vec::new();
    let mut own = vec![false; model.elements.len()];
    for (element, inside) in shared.into_iter().filter(|(_, inside)| !inside.is_empty()) {
        // Who gets the own one: what needs it itself and is not on the way of a public service.
        let carries = matches!(model.elements[element].kind, Kind::Node(kind) if carries(kind));
        let takes = |place: usize| match model.elements[place].kind {
            Kind::Service => inside.contains(&place) && (carries || !public[place]),
            Kind::Node(_) => !public[place],
        };
        let takers: Vec<usize> = users[element].iter().copied().filter(|&place| takes(place)).collect();
        takers.iter().for_each(|&place| own[place] = true);
        let left = failing.with(&[element as Event], Trial::Split(element, &own));
        let helped: Vec<usize> = inside.iter().copied().filter(|&place| !left[place]).collect();
        takers.iter().for_each(|&place| own[place] = false);
        if helped.is_empty() {
            continue;
        }
        let name = &model.elements[element].name;
        let names: Vec<&str> = takers.iter().map(|&place| model.elements[place].name.as_str()).collect();
        let what_if = Some(format!("split:{name}:{}", names.join(",")));
        let kind = kind_word(exposure, element as Event);
        let text = format!("Give what is inside a {kind} of its own, apart from {name}");
        fixes.push(fix(exposure, Remedy::Split, element as Event, text, &helped, what_if));
    }
    fixes
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    /// A cause has the name of a firewall: a second firewall helps one service, and the other one must be told something too.
    #[test]
    fn each_service_that_something_stops_has_advice() {
        let text = "[institution]\nname = \"n\"\n[zone.a]\nprefixes = [\"192.0.2.0/24\"]\n\
            [node.fw]\nkind = \"firewall\"\n[service.s]\nzone = \"a\"\nneeds = [\"fw\"]\n\
            [service.u]\nzone = \"a\"\nneeds = [\"fw\"]\nshared_cause = [\"fw\"]\n";
        let exposure = Exposure::of(Model::of(&institution::parse("n", text).unwrap())).unwrap();
        let fixes = fixes(&exposure).unwrap();
        let of_firewall: Vec<(Remedy, Vec<&str>)> = fixes
            .iter()
            .filter(|fix| fix.element == "fw")
            .map(|fix| (fix.remedy, fix.services.iter().map(String::as_str).collect()))
            .collect();
        assert_eq!(of_firewall, [(Remedy::Second, vec!["s"]), (Remedy::Apart, vec!["u"])]);
    }
}
