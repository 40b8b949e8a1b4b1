//! How rules about conduits are answered.

use institution::{Conduit, End, Exposure as Reachable, Institution, Permit};

use super::checks::{Answer, WIDE_PORTS, is_inside, listed};
use super::rules::State;

fn name_of(institution: &Institution, end: End) -> String {
    match end {
        End::Internet => crate::witness::INTERNET.to_owned(),
        End::Zone(zone) => institution[zone].id.clone(),
    }
}

pub(super) fn title(institution: &Institution, conduit: &Conduit) -> String {
    format!("{} to {}", name_of(institution, conduit.from), name_of(institution, conduit.to))
}

pub(super) fn exposure_of(institution: &Institution, end: End) -> Reachable {
    match end {
        End::Internet => Reachable::Internet,
        End::Zone(zone) => institution[zone].exposure,
    }
}

pub(super) fn permit_text(permit: &Permit) -> String {
    let (first, last) = (permit.ports.first, permit.ports.last);
    let transport = permit.ports.transport.as_str();
    if first == last { format!("{transport}/{first}") } else { format!("{transport}/{first}-{last}") }
}

pub(super) fn from_outside_to_inside(institution: &Institution) -> Vec<Answer> {
    let mut answers = Vec::new();
    for conduit in &institution.conduits {
        let to = exposure_of(institution, conduit.to);
        let from_outside = conduit.from == End::Internet;
        let isolated =
            to == Reachable::Isolated && exposure_of(institution, conduit.from) == Reachable::Internet;
        if from_outside && is_inside(to) || isolated {
            let allowed: Vec<String> = conduit.allow.iter().map(permit_text).collect();
            let detail = format!(
                "lets {} into a zone that is {}",
                listed(allowed.iter().map(String::as_str)),
                to.as_str()
            );
            answers.push((State::Fail, title(institution, conduit), detail));
        }
    }
    if institution.conduits.is_empty() {
        answers.push((State::Unknown, String::new(), "the file declares no conduit".to_owned()));
    }
    answers
}

pub(super) fn wide_conduits(institution: &Institution) -> Vec<Answer> {
    let mut answers = Vec::new();
    for conduit in &institution.conduits {
        for permit in
            conduit.allow.iter().filter(|permit| permit.ports.last - permit.ports.first >= WIDE_PORTS)
        {
            let ports = u32::from(permit.ports.last - permit.ports.first) + 1;
            let detail = format!("{} are {ports} ports", permit_text(permit));
            answers.push((State::Fail, title(institution, conduit), detail));
        }
    }
    answers
}

pub(super) fn unexplained_conduits(institution: &Institution) -> Vec<Answer> {
    let silent = institution.conduits.iter().filter(|conduit| conduit.reason.is_none());
    silent
        .map(|conduit| (State::Fail, title(institution, conduit), "it has no `reason`".to_owned()))
        .collect()
}

pub(super) fn upwards(institution: &Institution) -> Vec<Answer> {
    let mut answers = Vec::new();
    for conduit in institution.conduits.iter().filter(|conduit| conduit.from != End::Internet) {
        let (from, to) = (exposure_of(institution, conduit.from), exposure_of(institution, conduit.to));
        if from == Reachable::Internet && is_inside(to) {
            let allowed: Vec<String> = conduit.allow.iter().map(permit_text).collect();
            let detail =
                format!("a public zone opens {} inwards", listed(allowed.iter().map(String::as_str)));
            answers.push((State::Fail, title(institution, conduit), detail));
        }
    }
    answers
}

pub(super) fn other_organisations(institution: &Institution) -> Vec<Answer> {
    let own = |end: End| match end {
        End::Internet => None,
        End::Zone(zone) => {
            let organisation = &institution[institution[zone].organisation];
            Some(organisation.kind == institution::OrganisationKind::Own)
        }
    };
    let crossing = institution
        .conduits
        .iter()
        .filter(|conduit| own(conduit.from) == Some(false) && own(conduit.to) == Some(true));
    crossing
        .map(|conduit| {
            (
                State::Fail,
                title(institution, conduit),
                "another organisation's network opens connections into an own one".to_owned(),
            )
        })
        .collect()
}
