//! How each rule is answered.

use std::collections::{BTreeMap, BTreeSet};

use institution::{Criticality, Exposure as Reachable, Institution, NodeKind};

use super::conduits::{
    exposure_of, from_outside_to_inside, other_organisations, permit_text, title, unexplained_conduits,
    upwards, wide_conduits,
};
use super::gaps::MACHINES;
use super::rules::State;
use crate::analysis::Exposure;
use crate::model::{Expression, Kind, Model};

/// State, subject, detail.
pub(super) type Answer = (State, String, String);

/// More ports than this in one permit are no single service.
pub(super) const WIDE_PORTS: u16 = 64;
/// Ports of directories: Kerberos, LDAP, LDAPS, global catalogue.
const DIRECTORY_PORTS: [u16; 5] = [88, 389, 636, 3268, 3269];
/// The port of name servers.
const NAME_PORT: u16 = 53;
/// Names that are listed in one answer; the rest is counted.
const SHOWN_NAMES: usize = 8;

pub(super) fn answers(id: &str, institution: &Institution, exposure: &Exposure) -> Vec<Answer> {
    match id {
        "SPOF-01" => single_points(exposure),
        "SPOF-02" => hidden_causes(&exposure.model),
        "SPOF-04" => name_servers(institution, exposure),
        "CAP-01" => unknown_capacities(exposure),
        "CAP-02" => without_scrubber(&exposure.model),
        "SEG-01" => floods_inside(exposure),
        "SEG-02" => from_outside_to_inside(institution),
        "SEG-03" => one_firewall(&exposure.model),
        "SEG-04" => directory_in_reach(institution, exposure),
        "SEG-05" => administration(&exposure.model),
        "SEG-07" => wide_conduits(institution),
        "SEG-08" => unexplained_conduits(institution),
        "SEG-09" => upwards(institution),
        "SEG-10" => shared_machines(&exposure.model),
        "SEG-11" => other_organisations(institution),
        "WORK-01" => without_workaround(&exposure.model),
        _ => Vec::new(),
    }
}

/// Names in a line.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(SHOWN_NAMES).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN_NAMES { format!("{shown} and {} more", names.len() - SHOWN_NAMES) } else { shown }
}

fn matters(model: &Model, place: usize) -> bool {
    model.elements[place].criticality != Criticality::Supporting
}

fn single_points(exposure: &Exposure) -> Vec<Answer> {
    let model = &exposure.model;
    let mut answers = Vec::new();
    for (place, cuts) in exposure.services().filter(|&(place, _)| matters(model, place)) {
        let name = model.elements[place].name.clone();
        let single: Vec<&str> = cuts.single().map(|event| model.event_name(event)).collect();
        if !single.is_empty() {
            answers.push((State::Fail, name, format!("stopped by each of {}", listed(single))));
        } else if model.elements[place].needs.is_none() {
            answers.push((State::Unknown, name, "the file does not say what it needs".to_owned()));
        }
    }
    answers
}

fn hidden_causes(model: &Model) -> Vec<Answer> {
    let mut answers = BTreeSet::new();
    for element in &model.elements {
        if let Some(needs) = &element.needs {
            gates(needs, &mut |count, of| {
                let members: Vec<usize> = of
                    .iter()
                    .filter_map(|part| if let Expression::Element(at) = part { Some(*at) } else { None })
                    .collect();
                let mut shared: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
                for &member in &members {
                    let member = &model.elements[member];
                    for &cause in &member.causes {
                        shared.entry(("cause", &model.causes[cause])).or_default().push(&member.name);
                    }
                    if let Some(provider) = &member.provider {
                        shared.entry(("provider", provider)).or_default().push(&member.name);
                    }
                }
                for ((what, name), sharing) in shared {
                    if sharing.len() > 1 && of.len() - sharing.len().min(of.len()) < count {
                        let detail = format!("{} share the {what} {name}", listed(sharing.iter().copied()));
                        answers.insert((State::Fail, name.to_owned(), detail));
                    }
                }
            });
        }
    }
    answers.into_iter().collect()
}

/// Whether it answers for identities.
pub(super) fn serves_directory(kind: Kind) -> bool {
    kind == Kind::Node(NodeKind::IdentityProvider)
}

/// Calls `visit` for every `any k of n` with fewer needed than there are.
pub(super) fn gates(needs: &Expression, visit: &mut impl FnMut(usize, &[Expression])) {
    match needs {
        Expression::Element(_) => {}
        Expression::All(list) => list.iter().for_each(|part| gates(part, visit)),
        Expression::Any { count, of } => {
            if *count < of.len() {
                visit(*count, of);
            }
            of.iter().for_each(|part| gates(part, visit));
        }
    }
}

fn name_servers(institution: &Institution, exposure: &Exposure) -> Vec<Answer> {
    let serves_names = |service: &&institution::Service| {
        service.ports.iter().any(|ports| {
            ports.first <= NAME_PORT && NAME_PORT <= ports.last && ports.last - ports.first < WIDE_PORTS
        })
    };
    let mut answers = Vec::new();
    let mut seen = false;
    for service in institution.services.iter().filter(serves_names) {
        seen = true;
        let Ok(place) = exposure.model.find(&service.id) else { continue };
        let Some(cuts) = exposure.cuts.get(place).and_then(Option::as_ref) else { continue };
        let single: Vec<&str> = cuts.single().map(|event| exposure.model.event_name(event)).collect();
        if service.needs.is_none() {
            answers.push((
                State::Unknown,
                service.id.clone(),
                "the file does not say which servers answer".to_owned(),
            ));
        } else if !single.is_empty() {
            answers.push((State::Fail, service.id.clone(), format!("stopped by each of {}", listed(single))));
        }
    }
    if !seen {
        answers.push((State::Unknown, String::new(), "the file names no service on port 53".to_owned()));
    }
    answers
}

fn unknown_capacities(exposure: &Exposure) -> Vec<Answer> {
    let mut unknown: BTreeMap<String, BTreeSet<&'static str>> = BTreeMap::new();
    for row in exposure.couplings.rows.iter().filter(|row| !row.unknown.is_empty()) {
        let units = row.unknown.iter().map(|unit| unit.name());
        unknown.entry(row.elements.join(" + ")).or_default().extend(units);
    }
    let answer = |(elements, units): (String, BTreeSet<&'static str>)| {
        (State::Unknown, elements, format!("not written down: {}", listed(units)))
    };
    unknown.into_iter().map(answer).collect()
}

fn without_scrubber(model: &Model) -> Vec<Answer> {
    let is_scrubber = |&place: &usize| model.elements[place].kind == Kind::Node(NodeKind::Scrubber);
    let public = model.services().filter(|&place| model.is_public(place) && matters(model, place));
    public
        .filter(|&place| !model.needed_by(place).iter().any(is_scrubber))
        .map(|place| {
            (
                State::Unknown,
                model.elements[place].name.clone(),
                "the file names no scrubber on its way".to_owned(),
            )
        })
        .collect()
}

fn floods_inside(exposure: &Exposure) -> Vec<Answer> {
    let mut inside: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for row in exposure.couplings.rows.iter().filter(|row| row.element != row.target) {
        let lost = row.inside.iter().filter(|name| !row.public.contains(name)).map(String::as_str);
        inside.entry((&row.target, &row.element)).or_default().extend(lost);
    }
    let answer = |((target, element), lost): ((&str, &str), BTreeSet<&str>)| {
        (State::Fail, target.to_owned(), format!("through {element} it takes down {}", listed(lost)))
    };
    inside.into_iter().filter(|(_, lost)| !lost.is_empty()).map(answer).collect()
}

pub(super) fn is_inside(exposure: Reachable) -> bool {
    matches!(exposure, Reachable::Internal | Reachable::Isolated)
}

/// Nodes of some kinds that services of public zones need, and those that services inside need.
fn needed_by_both(model: &Model, wanted: &[NodeKind]) -> BTreeMap<usize, (Vec<usize>, Vec<usize>)> {
    let mut both: BTreeMap<usize, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for service in model.services() {
        let Some(exposure) = model.exposure(service) else { continue };
        for place in model.needed_by(service) {
            if matches!(model.elements[place].kind, Kind::Node(kind) if wanted.contains(&kind)) {
                let entry = both.entry(place).or_default();
                match exposure {
                    Reachable::Internet => entry.0.push(service),
                    exposure if is_inside(exposure) => entry.1.push(service),
                    _ => {}
                }
            }
        }
    }
    both.retain(|_, (public, inside)| !public.is_empty() && !inside.is_empty());
    both
}

fn named<'m>(model: &'m Model, places: &'m [usize]) -> impl Iterator<Item = &'m str> {
    places.iter().map(|&place| model.elements[place].name.as_str())
}

fn one_firewall(model: &Model) -> Vec<Answer> {
    let answer = |(place, (public, inside)): (usize, (Vec<usize>, Vec<usize>))| {
        let detail = format!(
            "stands in front of {} and of {}",
            listed(named(model, &public)),
            listed(named(model, &inside))
        );
        (State::Fail, model.elements[place].name.clone(), detail)
    };
    needed_by_both(model, &[NodeKind::Firewall]).into_iter().map(answer).collect()
}

fn shared_machines(model: &Model) -> Vec<Answer> {
    let answer = |(place, (public, inside)): (usize, (Vec<usize>, Vec<usize>))| {
        let detail =
            format!("carries {} and {}", listed(named(model, &public)), listed(named(model, &inside)));
        (State::Fail, model.elements[place].name.clone(), detail)
    };
    needed_by_both(model, &MACHINES).into_iter().map(answer).collect()
}

fn directory_in_reach(institution: &Institution, exposure: &Exposure) -> Vec<Answer> {
    let model = &exposure.model;
    let mut asking: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for service in model.services().filter(|&place| model.is_public(place)) {
        for place in exposure.needed_by_all([service]) {
            if serves_directory(model.elements[place].kind) && !model.is_public(place) {
                asking.entry(place).or_default().push(service);
            }
        }
    }
    let answer = |(directory, asking): (usize, Vec<usize>)| {
        let detail = format!("asked by {} in public zones", listed(named(model, &asking)));
        (State::Fail, model.elements[directory].name.clone(), detail)
    };
    let mut answers: Vec<Answer> = asking.into_iter().map(answer).collect();
    for conduit in &institution.conduits {
        let public = exposure_of(institution, conduit.from) == Reachable::Internet;
        let inside = is_inside(exposure_of(institution, conduit.to));
        let directory = conduit.allow.iter().find(|permit| {
            DIRECTORY_PORTS.iter().any(|&port| permit.ports.first <= port && port <= permit.ports.last)
        });
        if let Some(permit) = directory.filter(|_| public && inside) {
            let detail = format!("lets {} into an internal zone", permit_text(permit));
            answers.push((State::Fail, title(institution, conduit), detail));
        }
    }
    answers
}

fn administration(model: &Model) -> Vec<Answer> {
    let public: BTreeSet<usize> = model
        .services()
        .filter(|&place| model.is_public(place))
        .flat_map(|place| model.needed_by(place))
        .filter(|&place| model.elements[place].kind == Kind::Node(NodeKind::Link))
        .collect();
    let isolated =
        (0..model.elements.len()).filter(|&place| model.exposure(place) == Some(Reachable::Isolated));
    let mut answers = Vec::new();
    let mut any = false;
    for place in isolated {
        any = true;
        let shared: Vec<usize> =
            model.needed_by(place).into_iter().filter(|need| public.contains(need)).collect();
        if !shared.is_empty() {
            let detail = format!("needs {}, which public services need too", listed(named(model, &shared)));
            answers.push((State::Fail, model.elements[place].name.clone(), detail));
        }
    }
    if !any {
        answers.push((State::Unknown, String::new(), "nothing stands in an isolated zone".to_owned()));
    }
    answers
}

fn without_workaround(model: &Model) -> Vec<Answer> {
    let essential = |&place: &usize| model.elements[place].criticality == Criticality::Essential;
    model
        .services()
        .filter(essential)
        .filter(|&place| !model.elements[place].has_workaround)
        .map(|place| (State::Fail, model.elements[place].name.clone(), "it has no `workaround`".to_owned()))
        .collect()
}
