//! Findings in the words of the console, for its page and for the report. What one organisation sees names nothing of others.

use std::collections::{BTreeMap, BTreeSet};

use console::exposure::{Coupling, Element, Exposure as Views, Fix, Rule, SinglePoint, View};
use expose::segregation::{State, Verdict};
use expose::{CutSets, Exposure, Expression, Model, Unit, picture};
use institution::Institution;
use jiff::Timestamp;

use super::text::{size, sources};
use super::{Told, tell};
use crate::style::{few, short};

/// What stands for a name that is not the reader's to see.
const OTHERS: &str = "(another organisation)";
/// Services of one single point whose witness is shown.
const WITNESSES: usize = 3;
/// Names of a remark.
const FEW: usize = 6;
/// Names of a question that is open.
const FEW_OPEN: usize = 8;
/// Most characters of an expression of needs.
const NEEDS_CHARACTERS: usize = 160;

/// The report, a document that stands alone.
pub(crate) fn document(told: &Told) -> String {
    let view = view(told, None);
    let now = Timestamp::now().to_zoned(told.institution.time_zone.clone());
    let made =
        format!("Made by hemicycle {} on {}", env!("CARGO_PKG_VERSION"), now.strftime("%-d %B %Y, %H:%M %Z"));
    console::exposure::document(&told.institution.name, &made, &view)
}

/// What the console shows of an institution; nothing if it cannot be worked out.
pub(crate) fn views(institution: &Institution) -> Views {
    let Ok(told) = tell(institution.clone()) else { return Views::default() };
    let organisations = told.institution.organisations.iter();
    let organisations =
        organisations.map(|organisation| (organisation.id.clone(), view(&told, Some(&organisation.id))));
    Views { house: view(&told, None), organisations: organisations.collect() }
}

/// What one organisation sees, or who sees the whole house.
fn view(told: &Told, organisation: Option<&str>) -> View {
    let exposure = &told.exposure;
    let model = &exposure.model;
    let seen = |place: usize| {
        let party = model.elements.get(place).and_then(|element| model.party(element));
        organisation.is_none_or(|own| party.is_some_and(|party| party.name == own))
    };
    let places = model.names();
    let named = |name: &str| places.get(name).copied().is_some_and(seen);
    let picture = picture::draw(exposure, &seen);
    let foreign = foreign(model, organisation, &seen);
    let single_points = single_points(exposure, &seen, &foreign);
    let alone: Vec<usize> = single_points.iter().filter_map(|point| point.place).collect();
    let elements = (0..model.elements.len()).filter(|place| seen(*place) && !alone.contains(place));
    let couplings = exposure.couplings.rows.iter().filter(|row| named(&row.target));
    let couplings: Vec<Coupling> =
        couplings.map(|row| coupling(row, &named, organisation.is_some())).collect();
    let fixes = told.fixes.iter().filter(|fix| named(&fix.element) || organisation.is_none());
    let fixes: Vec<Fix> = fixes
        .map(|fix| Fix {
            text: fix.text.clone(),
            services: fix.services.iter().filter(|name| named(name)).cloned().collect(),
        })
        .collect();
    let rules = told.verdicts.iter().filter(|verdict| verdict.state != State::Pass);
    let rules = rules.filter(|verdict| organisation.is_none() || named(&verdict.subject));
    let is_empty = (0..model.elements.len()).all(|place| !seen(place));
    View {
        picture: if is_empty { String::new() } else { picture.svg },
        omitted: picture.omitted,
        remarks: remarks(told, &single_points, &couplings, organisation),
        elements: elements.map(|place| element(exposure, place, &seen)).collect(),
        single_points,
        couplings,
        fixes,
        rules: rules.map(|verdict| rule(verdict, &foreign)).collect(),
        tested: Vec::new(),
    }
}

/// Names of elements, causes, zones and providers of which nothing is the reader's; none for who sees the whole house.
fn foreign(model: &Model, organisation: Option<&str>, seen: &dyn Fn(usize) -> bool) -> BTreeSet<String> {
    let Some(own) = organisation else { return BTreeSet::new() };
    let (mut ours, mut others) = (BTreeSet::new(), BTreeSet::new());
    for (place, element) in model.elements.iter().enumerate() {
        let names = if seen(place) { &mut ours } else { &mut others };
        names.insert(element.name.clone());
        names.extend(element.causes.iter().filter_map(|&cause| model.causes.get(cause).cloned()));
        names.extend(element.area.and_then(|area| model.areas.get(area)).map(|area| area.name.clone()));
        names.extend(element.provider.clone());
    }
    for area in &model.areas {
        let is_theirs = model.parties.get(area.party).is_some_and(|party| party.name == own);
        if is_theirs { &mut ours } else { &mut others }.insert(area.name.clone());
    }
    others.retain(|name| !ours.contains(name));
    others
}

/// A name, unless it is not the reader's to see.
fn shown(name: &str, foreign: &BTreeSet<String>) -> String {
    if foreign.contains(name) { OTHERS.to_owned() } else { name.to_owned() }
}

/// A sentence of a rule with every name in it looked at. Keys of an institution file are letters, digits, `-`, `_` and `.`.
fn said(text: &str, foreign: &BTreeSet<String>) -> String {
    let is_part = |letter: char| letter.is_alphanumeric() || "-_.".contains(letter);
    let mut said = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_at(rest.find(|letter| !is_part(letter)).unwrap_or(rest.len()));
        // A full stop can end a sentence as well as a key.
        let is_foreign = [name, name.trim_end_matches('.')].iter().any(|name| foreign.contains(*name));
        said.push_str(if is_foreign { OTHERS } else { name });
        let (between, next) = after.split_at(after.find(is_part).unwrap_or(after.len()));
        said.push_str(between);
        rest = next;
    }
    said
}

fn remarks(
    told: &Told,
    points: &[SinglePoint],
    couplings: &[Coupling],
    organisation: Option<&str>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    if let Some(worst) = points.first() {
        let services = worst.services.len();
        remarks.push(format!(
            "{} things stop a service alone; {} stops {services} service{}.",
            points.len(),
            worst.element,
            if services == 1 { "" } else { "s" }
        ));
    }
    if let Some(first) =
        couplings.iter().find(|row| row.elements.first() != Some(&row.target) && row.size != "unknown")
    {
        remarks.push(format!(
            "A flood on {} of {} through {} is predicted to take down {}.",
            first.target,
            first.size,
            first.elements.join(" + "),
            few(&first.inside, FEW)
        ));
    }
    remarks.extend(open_questions(&told.exposure, organisation));
    let limits = told.exposure.limits().count();
    if limits > 0 && organisation.is_none() {
        remarks.push(format!(
            "Sets of more than three elements are not looked for; {limits} services can have some."
        ));
    }
    remarks
}

/// What the file does not say: to an organisation its own, to the house how much each other one has to say.
fn open_questions(exposure: &Exposure, organisation: Option<&str>) -> Vec<String> {
    let model = &exposure.model;
    let mut open: BTreeMap<(bool, &str, &str), Vec<&str>> = BTreeMap::new();
    for (place, element) in model.elements.iter().enumerate() {
        let Some(party) = model.party(element) else { continue };
        if organisation.is_some_and(|own| own != party.name) {
            continue;
        }
        let needs = exposure.cuts.get(place).is_some_and(Option::is_some) && element.needs.is_none();
        let end = picture::is_unknown(model, place);
        if needs || end {
            let of = open.entry((party.own, party.name.as_str(), party.title.as_str())).or_default();
            of.push(&element.name);
        }
    }
    let line = |((own, name, title), elements): ((bool, &str, &str), Vec<&str>)| {
        let shown = few(&elements, FEW_OPEN);
        let is_readers = own || organisation == Some(name);
        let whose = if is_readers { "Yours to write down".to_owned() } else { format!("For {title} to say") };
        format!("{whose}, capacity or needs: {shown}.")
    };
    open.into_iter().rev().map(line).collect()
}

fn single_points(
    exposure: &Exposure,
    seen: &dyn Fn(usize) -> bool,
    foreign: &BTreeSet<String>,
) -> Vec<SinglePoint> {
    let model = &exposure.model;
    let mut by_event: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, cuts) in exposure.services().filter(|&(place, _)| seen(place)) {
        cuts.single().for_each(|event| by_event.entry(event).or_default().push(place));
    }
    let weight = |places: &[usize]| -> f64 {
        places.iter().map(|&place| expose::worth(model.elements[place].criticality)).sum()
    };
    let mut list: Vec<(u32, Vec<usize>)> = by_event.into_iter().collect();
    list.sort_by(|one, other| weight(&other.1).total_cmp(&weight(&one.1)).then(one.0.cmp(&other.0)));
    let point = |(event, mut places): (u32, Vec<usize>)| {
        places.sort_by_key(|&place| std::cmp::Reverse(model.elements[place].criticality));
        let element = model.event_element(event);
        // What another organisation runs is named only as what it is.
        let is_seen = !foreign.contains(model.event_name(event));
        let witness =
            |&place: &usize| exposure.witness(place, event).iter().map(|name| shown(name, foreign)).collect();
        SinglePoint {
            place: (element.is_some() && is_seen).then_some(event as usize),
            element: shown(model.event_name(event), foreign),
            kind: element.map_or("shared cause".to_owned(), |element| element.kind.word().replace('_', " ")),
            outside_control: outside(model, element).filter(|_| is_seen),
            services: places.iter().map(|&place| model.elements[place].name.clone()).collect(),
            witnesses: places.iter().take(WITNESSES).map(witness).collect(),
        }
    };
    list.into_iter().map(point).collect()
}

fn outside(model: &Model, element: Option<&expose::Element>) -> Option<String> {
    element
        .and_then(|element| model.party(element))
        .filter(|party| !party.own)
        .map(|party| party.title.clone())
}

fn element(exposure: &Exposure, place: usize, seen: &dyn Fn(usize) -> bool) -> Element {
    let model = &exposure.model;
    let element = &model.elements[place];
    let mut needs = element
        .needs
        .as_ref()
        .map_or_else(|| "not written down".to_owned(), |needs| words(model, needs, seen));
    if needs.chars().count() > NEEDS_CHARACTERS {
        needs = needs.chars().take(NEEDS_CHARACTERS).chain(['…']).collect();
    }
    let cuts = exposure.cuts.get(place).and_then(Option::as_ref);
    let capacity: Vec<String> = Unit::ALL
        .iter()
        .filter_map(|unit| Some(format!("{} {}", short(unit.of(&element.capacity)?), unit.short())))
        .collect();
    Element {
        place,
        name: element.name.clone(),
        kind: element.kind.word().replace('_', " "),
        outside_control: outside(model, Some(element)),
        needs,
        stopped_by: cuts.map_or_else(String::new, stopped_by),
        capacity: if capacity.is_empty() { "not written down".to_owned() } else { capacity.join(", ") },
    }
}

fn stopped_by(cuts: &CutSets) -> String {
    let count = |order: usize| cuts.sets.iter().filter(|set| set.order() == order).count();
    let larger = if cuts.truncated { ", perhaps larger sets" } else { "" };
    match (count(1), count(2), count(3)) {
        (0, 0, 0) => format!("nothing that is known{larger}"),
        (one, two, three) => format!("{one} alone, {two} pairs, {three} triples{larger}"),
    }
}

fn words(model: &Model, needs: &Expression, seen: &dyn Fn(usize) -> bool) -> String {
    let list = |parts: &[Expression], between: &str| {
        let parts: Vec<String> = parts.iter().map(|part| words(model, part, seen)).collect();
        parts.join(between)
    };
    match needs {
        Expression::Element(place) if !seen(*place) => OTHERS.to_owned(),
        Expression::Element(place) => {
            model.elements.get(*place).map_or_else(String::new, |element| element.name.clone())
        }
        Expression::All(parts) => list(parts, " and "),
        Expression::Any { count: 1, of } => format!("({})", list(of, " or ")),
        Expression::Any { count, of } => format!("{count} of ({})", list(of, ", ")),
    }
}

fn coupling(row: &expose::Coupling, named: &dyn Fn(&str) -> bool, narrow: bool) -> Coupling {
    let hide = |name: &String| {
        if named(name) || !narrow { name.clone() } else { OTHERS.to_owned() }
    };
    Coupling {
        target: row.target.clone(),
        elements: row.elements.iter().map(hide).collect(),
        asked: row.reach == expose::Reach::Asked,
        size: size(row),
        certain: row.is_certain() || row.at.is_none(),
        inside: row.inside.iter().filter(|name| !narrow || named(name)).cloned().collect(),
    }
}

fn rule(verdict: &Verdict, foreign: &BTreeSet<String>) -> Rule {
    Rule {
        state: verdict.state.name().to_owned(),
        id: verdict.rule.id.to_owned(),
        question: verdict.rule.question.to_owned(),
        subject: verdict.subject.clone(),
        detail: said(&verdict.detail, foreign),
        sources: sources(verdict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Party X stands on what the house and another party run, and shares a duct with one of them.
    const FILE: &str = r#"
[institution]
name = "Parliament of Examplia"
time_zone = "Europe/Brussels"
[organisation.own]
[organisation.party-x]
kind = "party"
[organisation.party-y]
kind = "party"
[zone.party-x]
organisation = "party-x"
prefixes = ["203.0.113.0/26"]
exposure = "internet"
[zone.party-y]
organisation = "party-y"
prefixes = ["203.0.113.64/26"]
exposure = "internet"
[zone.house-secret]
prefixes = ["192.0.2.0/24"]
exposure = "internal"
[node.fw-secret]
kind = "firewall"
zone = "house-secret"
shared_cause = ["duct-secret", "duct-ours"]
[node.link-secret]
kind = "link"
organisation = "party-y"
[node.lb-ours]
kind = "load_balancer"
organisation = "party-x"
zone = "party-x"
shared_cause = ["duct-ours"]
needs = ["fw-secret", "link-secret"]
[service.www-ours]
organisation = "party-x"
zone = "party-x"
addresses = ["203.0.113.10"]
criticality = "important"
needs = ["lb-ours"]
[service.www-secret]
organisation = "party-y"
zone = "party-y"
addresses = ["203.0.113.70"]
criticality = "essential"
needs = ["link-secret", "fw-secret", "lb-ours"]
[service.mail-secret]
zone = "house-secret"
addresses = ["192.0.2.20"]
criticality = "essential"
needs = ["fw-secret", "lb-ours"]
"#;

    /// Rules say in their details what stops a service or leans on it: names of others' elements and of causes that only they share.
    #[test]
    fn an_organisation_is_told_no_name_of_what_others_run() {
        let institution = institution::parse("examplia.toml", FILE).unwrap();
        let views = views(&institution);
        let house = format!("{:?}", views.house);
        let party = views.organisations.get("party-x").unwrap();
        for name in ["fw-secret", "link-secret", "www-secret", "mail-secret", "duct-secret"] {
            assert!(house.contains(name), "the house sees {name}");
            let mut all = format!("{party:?}");
            all.push_str(&party.picture);
            assert!(!all.contains(name), "a party is told {name}: {all}");
        }
        let spoken: Vec<&str> = party.rules.iter().map(|rule| rule.detail.as_str()).collect();
        assert!(
            spoken.iter().any(|detail| detail.contains(OTHERS)),
            "that there is something stays: {spoken:?}"
        );
        assert!(
            party.single_points.iter().any(|point| point.element == "duct-ours"),
            "a cause of their own element is theirs to know: {:?}",
            party.single_points
        );
        assert!(spoken.iter().any(|detail| detail.contains("lb-ours")), "{spoken:?}");
    }

    #[test]
    fn a_name_is_found_whole_and_at_the_end_of_a_sentence() {
        let institution = institution::parse("examplia.toml", FILE).unwrap();
        let model = Model::of(&institution);
        let seen = |place: usize| model.elements[place].name.ends_with("ours");
        let foreign = foreign(&model, Some("party-x"), &seen);
        assert_eq!(
            said("by lb-ours, fw-secret and fw-secret-2; needs fw-secret.", &foreign),
            "by lb-ours, (another organisation) and fw-secret-2; needs (another organisation)"
        );
    }
}
