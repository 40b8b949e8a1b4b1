//! Random models, and cut sets found by trying everything.

use std::collections::BTreeSet;

use expose::{Area, Element, Event, Expression, Kind, Model, Party};
use institution::{Capacity, Criticality, Exposure, NodeKind};

/// SplitMix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }

    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// At most 14 elements and causes.
pub(crate) fn model(random: &mut Random) -> Model {
    let causes = random.below(4);
    let nodes = 1 + random.below(7);
    let services = 1 + random.below(3);
    let mut elements = Vec::new();
    for place in 0..nodes + services {
        let is_service = place >= nodes;
        let needs = (place > 0 && random.chance(if is_service { 95 } else { 60 }))
            .then(|| expression(random, place, 3));
        let kinds = [
            NodeKind::Link,
            NodeKind::Firewall,
            NodeKind::NameServer,
            NodeKind::LoadBalancer,
            NodeKind::Storage,
        ];
        elements.push(Element {
            name: format!("{}{place}", if is_service { "s" } else { "n" }),
            kind: if is_service { Kind::Service } else { Kind::Node(kinds[random.below(kinds.len())]) },
            area: Some(random.below(2)),
            party: random.below(2),
            provider: None,
            capacity: capacity(random),
            causes: (0..causes).filter(|_| random.chance(25)).collect(),
            needs,
            criticality: Criticality::Important,
            has_workaround: false,
        });
    }
    // Sometimes a cause has the name of an element.
    let cause =
        |number: usize| if number == 0 && random.chance(30) { "n0".to_owned() } else { format!("c{number}") };
    let causes = (0..causes).map(cause).collect();
    let area = |name: &str, exposure| Area { name: name.into(), title: name.into(), exposure, party: 0 };
    let party = |name: &str, own| Party { name: name.into(), title: name.into(), own };
    Model {
        name: "random".into(),
        elements,
        causes,
        areas: vec![area("out", Exposure::Internet), area("in", Exposure::Internal)],
        parties: vec![party("own", true), party("other", false)],
    }
}

fn capacity(random: &mut Random) -> Capacity {
    let mut some = |percent| random.chance(percent).then(|| (1 + random.below(100)) as f64);
    Capacity {
        bits_per_second: some(40),
        packets_per_second: some(40),
        new_connections_per_second: some(40),
        table_entries: some(40),
        queries_per_second: some(40),
    }
}

fn expression(random: &mut Random, before: usize, depth: usize) -> Expression {
    if depth == 0 || random.chance(40) {
        return Expression::Element(random.below(before));
    }
    let parts: Vec<Expression> =
        (0..1 + random.below(4)).map(|_| expression(random, before, depth - 1)).collect();
    if random.chance(40) {
        return Expression::All(parts);
    }
    Expression::Any { count: 1 + random.below(parts.len()), of: parts }
}

/// Whether an element fails, straight from its meaning, by names and by recursion.
pub(crate) fn fails(model: &Model, place: usize, failed: &BTreeSet<&str>) -> bool {
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

/// Every name that can fail.
pub(crate) fn names(model: &Model) -> Vec<&str> {
    let names: BTreeSet<&str> = model
        .elements
        .iter()
        .map(|element| element.name.as_str())
        .chain(model.causes.iter().map(String::as_str))
        .collect();
    names.into_iter().collect()
}

/// The minimal cut sets up to an order, by trying every set of names.
pub(crate) fn by_force(model: &Model, service: usize, order: usize) -> BTreeSet<BTreeSet<String>> {
    let own = model.elements[service].name.as_str();
    let names: Vec<&str> = names(model).into_iter().filter(|name| *name != own).collect();
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    let mut masks: Vec<u32> =
        (1..1_u32 << names.len()).filter(|mask| mask.count_ones() as usize <= order).collect();
    masks.sort_by_key(|mask| mask.count_ones());
    for mask in masks {
        let set: BTreeSet<&str> =
            names.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0).map(|(_, name)| *name).collect();
        if !found.iter().any(|smaller| smaller.is_subset(&set)) && fails(model, service, &set) {
            found.push(set);
        }
    }
    found.into_iter().map(|set| set.into_iter().map(str::to_owned).collect()).collect()
}

/// The same from the room.
pub(crate) fn by_the_room(model: &Model, cuts: &expose::CutSets) -> BTreeSet<BTreeSet<String>> {
    let names = |set: &expose::CutSet| {
        set.events().iter().map(|&event: &Event| model.event_name(event).to_owned()).collect()
    };
    cuts.sets.iter().map(names).collect()
}
