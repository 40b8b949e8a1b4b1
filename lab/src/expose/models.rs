//! Random models of at most 14 elements and causes against trying every set of names, by a second reading of the same rules
//! that shares nothing with the product: names instead of places, recursion instead of lists.

use std::collections::BTreeSet;

use anyhow::Result;
use expose::{Area, Change, CutSets, Element, Exposure, Expression, Kind, Model, Party, Unit, cut_sets};
use institution::{Capacity, Criticality, Exposure as Reachable, NodeKind};

use super::LEFT_OUT;
use crate::random::Random;
use crate::report::{Bar, Report};
use crate::table::Table;

/// Random models for which the bars are set.
pub(super) const MODELS: u64 = 10_000;
/// Sets of more events are not looked for.
const ORDER: u32 = 3;
/// Elements and causes, at most.
const MOST: u64 = 14;

type Sets = BTreeSet<BTreeSet<String>>;

/// An answerer: the product, or one that does not think.
type Answer = fn(&Model, usize) -> Sets;

pub(super) fn run(asked: bool, models: u64, seed: u64, report: &mut Report) -> Result<()> {
    let names = [
        "cut sets equal trying everything",
        "larger cut sets are said where there are some",
        "a second of something makes no smaller cut set",
        "forgetting capacities removes no row and no finding",
        "doing nothing, flagging everything and a constant answer fail",
    ];
    if !asked || models < MODELS {
        let reason = if asked { format!("only {models} models were asked for") } else { LEFT_OUT.to_owned() };
        names.iter().for_each(|name| report.bar(Bar::skipped(*name, "all", reason.as_str())));
        return Ok(());
    }
    let answerers: [(&str, Answer); 4] = [
        ("hemicycle", product),
        ("do nothing", nothing),
        ("flag everything", everything),
        ("always the first", first),
    ];
    let mut right = [0_u64; 4];
    let (mut services, mut silent, mut smaller, mut removed) = (0_u64, 0_u64, 0_u64, 0_u64);
    for number in 0..models {
        let mut random = Random::named(seed, &format!("model {number}"));
        let model = model(&mut random);
        for service in model.services() {
            services += 1;
            let truth = by_force(&model, service, ORDER);
            for ((_, answer), right) in answerers.iter().zip(&mut right) {
                *right += u64::from(answer(&model, service) == truth);
            }
            let all = by_force(&model, service, u32::MAX);
            let cuts = cut_sets(&model)?;
            let is_said = cuts[service].as_ref().is_some_and(|cuts| cuts.truncated);
            silent += u64::from(all.iter().any(|set| set.len() > ORDER as usize) && !is_said);
        }
        smaller += u64::from(!is_no_smaller(&model, &mut random)?);
        removed += u64::from(!forgets_nothing(&model, &mut random)?);
    }
    let mut table = Table::new(
        format!("{models} random models, {services} services, every set of up to three names, seed {seed}"),
        &["answerer", "services answered exactly"],
    );
    for ((name, _), right) in answerers.iter().zip(right) {
        table.row(vec![(*name).to_owned(), format!("{right} of {services}")]);
    }
    report.table(table);
    let all = |name: &str, wrong: u64| {
        Bar::new(name, "0 wrong", format!("{wrong} wrong of {services}"), wrong == 0)
    };
    report.bar(all(names[0], services - right[0]));
    report.bar(all(names[1], silent));
    report.bar(all(names[2], smaller));
    report.bar(all(names[3], removed));
    let best = right[1..].iter().max().copied().unwrap_or(0);
    let share = best as f64 / services.max(1) as f64;
    report.bar(Bar::new(names[4], "< 50 %", format!("{:.1} % at best", share * 100.0), share < 0.5));
    Ok(())
}

fn product(model: &Model, service: usize) -> Sets {
    let cuts = cut_sets(model).unwrap_or_default();
    cuts.get(service).and_then(Option::as_ref).map(|cuts| names_of(model, cuts)).unwrap_or_default()
}

fn nothing(_: &Model, _: usize) -> Sets {
    Sets::new()
}

fn everything(model: &Model, service: usize) -> Sets {
    let own = &model.elements[service].name;
    names(model)
        .into_iter()
        .filter(|name| name != own)
        .map(|name| BTreeSet::from([name.to_owned()]))
        .collect()
}

fn first(model: &Model, _: usize) -> Sets {
    Sets::from([BTreeSet::from([model.elements[0].name.clone()])])
}

fn names_of(model: &Model, cuts: &CutSets) -> Sets {
    let names =
        |set: &expose::CutSet| set.events().iter().map(|&event| model.event_name(event).to_owned()).collect();
    cuts.sets.iter().map(names).collect()
}

/// Doubles one element: the smallest cut set of no service may become smaller.
fn is_no_smaller(model: &Model, random: &mut Random) -> Result<bool> {
    let place = random.below(model.elements.len() as u64) as usize;
    let after = model.changed(&Change::Second(model.elements[place].name.clone()))?;
    let (old, new) = (cut_sets(model)?, cut_sets(&after)?);
    let least = |cuts: &Option<CutSets>| {
        cuts.as_ref().and_then(|cuts| cuts.sets.first()).map_or(4, expose::CutSet::order)
    };
    Ok(model.services().all(|service| least(&new[service]) >= least(&old[service])))
}

fn forgets_nothing(model: &Model, random: &mut Random) -> Result<bool> {
    let mut forgotten = model.clone();
    for element in &mut forgotten.elements {
        for unit in Unit::ALL {
            if random.unit() < 0.5 {
                unit.set(&mut element.capacity, None);
            }
        }
    }
    let (known, forgotten) = (Exposure::of(model.clone())?, Exposure::of(forgotten)?);
    let rows = |exposure: &Exposure| -> BTreeSet<(String, Vec<String>, Vec<String>)> {
        let rows = exposure.couplings.rows.iter();
        rows.map(|row| (row.target.clone(), row.elements.clone(), row.inside.clone())).collect()
    };
    Ok(rows(&known).is_subset(&rows(&forgotten)) && known.all_findings() == forgotten.all_findings())
}

/// Whether an element fails, by names and by recursion.
fn fails(model: &Model, place: usize, failed: &BTreeSet<&str>) -> bool {
    let element = &model.elements[place];
    failed.contains(element.name.as_str())
        || element.causes.iter().any(|&cause| failed.contains(model.causes[cause].as_str()))
        || element.needs.as_ref().is_some_and(|needs| unmet(model, needs, failed))
}

fn unmet(model: &Model, needs: &Expression, failed: &BTreeSet<&str>) -> bool {
    match needs {
        Expression::Element(place) => fails(model, *place, failed),
        Expression::All(parts) => parts.iter().any(|part| unmet(model, part, failed)),
        Expression::Any { count, of } => {
            of.iter().filter(|part| !unmet(model, part, failed)).count() < *count
        }
    }
}

fn names(model: &Model) -> BTreeSet<&str> {
    let elements = model.elements.iter().map(|element| element.name.as_str());
    elements.chain(model.causes.iter().map(String::as_str)).collect()
}

fn by_force(model: &Model, service: usize, order: u32) -> Sets {
    let own = model.elements[service].name.as_str();
    let names: Vec<&str> = names(model).into_iter().filter(|name| *name != own).collect();
    let mut masks: Vec<u32> = (1..1_u32 << names.len()).filter(|mask| mask.count_ones() <= order).collect();
    masks.sort_by_key(|mask| mask.count_ones());
    let mut found: Vec<u32> = Vec::new();
    for mask in masks {
        if found.iter().any(|smaller| smaller & mask == *smaller) {
            continue;
        }
        let set =
            names.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, name)| *name).collect();
        if fails(model, service, &set) {
            found.push(mask);
        }
    }
    let set = |mask: u32| {
        names
            .iter()
            .enumerate()
            .filter(move |(at, _)| mask & (1 << at) != 0)
            .map(|(_, name)| (*name).to_owned())
            .collect()
    };
    found.into_iter().map(set).collect()
}

fn model(random: &mut Random) -> Model {
    let causes = random.below(4) as usize;
    let services = 1 + random.below(3) as usize;
    let nodes = 1 + random.below(MOST - 3 - 3) as usize;
    let kinds =
        [NodeKind::Link, NodeKind::Firewall, NodeKind::NameServer, NodeKind::LoadBalancer, NodeKind::Storage];
    let mut elements = Vec::new();
    for place in 0..nodes + services {
        let is_service = place >= nodes;
        let has_needs = place > 0 && random.unit() < if is_service { 0.95 } else { 0.6 };
        let mut capacity = Capacity::default();
        for unit in Unit::ALL {
            unit.set(&mut capacity, (random.unit() < 0.4).then(|| random.between(1, 100) as f64));
        }
        elements.push(Element {
            name: format!("{}{place}", if is_service { "service-" } else { "node-" }),
            kind: if is_service {
                Kind::Service
            } else {
                Kind::Node(random.pick(&kinds).unwrap_or(NodeKind::Other))
            },
            area: Some(random.below(2) as usize),
            party: 0,
            provider: None,
            capacity,
            causes: (0..causes).filter(|_| random.unit() < 0.25).collect(),
            needs: has_needs.then(|| expression(random, place, 3)),
            criticality: Criticality::Important,
            has_workaround: false,
        });
    }
    let causes =
        (0..causes)
            .map(|number| {
                if number == 0 && random.unit() < 0.3 {
                    "node-0".to_owned()
                } else {
                    format!("cause-{number}")
                }
            })
            .collect();
    let area = |name: &str, exposure| Area { name: name.into(), title: name.into(), exposure, party: 0 };
    Model {
        name: "random".to_owned(),
        elements,
        causes,
        areas: vec![area("out", Reachable::Internet), area("in", Reachable::Internal)],
        parties: vec![Party { name: "own".into(), title: "own".into(), own: true }],
    }
}

fn expression(random: &mut Random, before: usize, depth: usize) -> Expression {
    if depth == 0 || random.unit() < 0.4 {
        return Expression::Element(random.below(before as u64) as usize);
    }
    let parts: Vec<Expression> =
        (0..random.between(1, 4)).map(|_| expression(random, before, depth - 1)).collect();
    if random.unit() < 0.4 {
        return Expression::All(parts);
    }
    Expression::Any { count: random.between(1, parts.len() as u64) as usize, of: parts }
}
