//! What only shows when everything has been read: prefixes and addresses against each other, cycles, and
//! what is allowed but probably a mistake.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Builder;
use crate::kinds::Criticality;
use crate::model::{Institution, PortRange, ServiceId, ZoneId};
use crate::needs::Element;

/// Most services that may share one address.
pub const MAXIMUM_SERVICES_PER_ADDRESS: usize = 64;

/// No prefix may stand in two zones, or twice in one.
pub(super) fn prefixes(builder: &mut Builder<'_, '_>) {
    let mut seen: BTreeMap<IpNet, ZoneId> = BTreeMap::new();
    for (prefix, span) in builder.model.prefixes.iter().zip(&builder.places.prefixes) {
        if let Some(other) = seen.insert(prefix.network, prefix.zone) {
            let other = &builder.model[other].id;
            let message = format!("{} is in zone `{other}` already", prefix.network);
            builder.reader.error(span.clone(), message);
        }
    }
}

/// Addresses of services: in their own zone, and shared only where the ports differ.
pub(super) fn addresses(builder: &mut Builder<'_, '_>) {
    let Builder { model, places, reader, .. } = builder;
    let mut owners: BTreeMap<IpAddr, Vec<ServiceId>> = BTreeMap::new();
    for (number, service) in model.services.iter().enumerate() {
        let id = ServiceId(number as u16);
        for (&address, span) in service.addresses.iter().zip(&places.service_addresses[number]) {
            let zone = model.index.lookup(address).zone;
            if let Some(expected) = model.zones.get(service.zone.index())
                && zone != Some(service.zone)
            {
                let message = match zone {
                    Some(other) => {
                        format!("{address} is in zone `{}`, not in `{}`", model[other].id, expected.id)
                    }
                    None => format!("{address} is in no zone"),
                };
                let help = format!(
                    "the prefixes of zone `{}` are {}",
                    expected.id,
                    prefixes_of(model, service.zone)
                );
                reader.error_with_help(span.clone(), message, help);
            }
            let others = owners.entry(address).or_default();
            if others.len() >= MAXIMUM_SERVICES_PER_ADDRESS {
                let message = format!("more than {MAXIMUM_SERVICES_PER_ADDRESS} services share {address}");
                reader.error(span.clone(), message);
                continue;
            }
            if let Some(&other) = others.iter().find(|&&other| clash(&model[other].ports, &service.ports)) {
                let message = format!("{address} belongs to service `{}` already", model[other].id);
                let help = "services may share an address only if both name `ports`, and different ones";
                reader.error_with_help(span.clone(), message, help);
            }
            others.push(id);
        }
    }
}

fn prefixes_of(model: &Institution, zone: ZoneId) -> String {
    const SHOWN: usize = 8;
    let mut list: Vec<String> =
        model[zone].prefixes.iter().take(SHOWN).map(|&id| model[id].network.to_string()).collect();
    if model[zone].prefixes.len() > SHOWN {
        list.push("...".to_owned());
    }
    list.join(", ")
}

fn clash(one: &[PortRange], other: &[PortRange]) -> bool {
    one.is_empty()
        || other.is_empty()
        || one.iter().any(|range| other.iter().any(|with| range.overlaps(*with)))
}

/// Each exporter must have an address of its own.
pub(super) fn exporters(builder: &mut Builder<'_, '_>) {
    let mut seen: BTreeMap<IpAddr, &str> = BTreeMap::new();
    for (exporter, span) in builder.model.exporters.iter().zip(&builder.places.exporters) {
        if let Some(other) = seen.insert(exporter.address, &exporter.id) {
            let message = format!("{} is the address of exporter `{other}` already", exporter.address);
            builder.reader.error(span.clone(), message);
        }
    }
}

/// Nothing may need itself, directly or through others. Each cycle is reported where it closes.
pub(super) fn cycles(builder: &mut Builder<'_, '_>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let Builder { model, places, reader, .. } = builder;
    let nodes = model.nodes.len();
    let number = |element: Element| match element {
        Element::Node(id) => id.index(),
        Element::Service(id) => nodes + id.index(),
    };
    let count = nodes + model.services.len();
    let mut edges: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (place, need) in places.needs.iter().enumerate() {
        edges[number(need.from)].push(place);
    }
    let mut marks = vec![Mark::New; count];
    for start in 0..count {
        // A path of elements, each with how many of its needs were followed.
        let mut path = vec![(start, 0)];
        if marks[start] != Mark::New {
            continue;
        }
        marks[start] = Mark::Open;
        while let Some((at, followed)) = path.last_mut() {
            let Some(&place) = edges[*at].get(*followed) else {
                marks[*at] = Mark::Done;
                path.pop();
                continue;
            };
            *followed += 1;
            let next = number(places.needs[place].to);
            match marks[next] {
                Mark::New => {
                    marks[next] = Mark::Open;
                    path.push((next, 0));
                }
                Mark::Open if reader.errors.is_full() => reader.error(places.needs[place].span.clone(), ""),
                Mark::Open => {
                    let from = path.iter().position(|&(element, _)| element == next).unwrap_or(0);
                    let names = path[from..].iter().map(|&(element, _)| name_of(model, element));
                    let message = cycle_message(names.collect());
                    reader.error(places.needs[place].span.clone(), message);
                }
                Mark::Done => {}
            }
        }
    }
}

fn name_of(model: &Institution, number: usize) -> &str {
    match model.nodes.get(number) {
        Some(node) => &node.id,
        None => model.services.get(number - model.nodes.len()).map_or("", |service| &service.id),
    }
}

fn cycle_message(mut names: Vec<&str>) -> String {
    const SHOWN: usize = 12;
    let first = names.first().copied().unwrap_or_default();
    if names.len() > SHOWN {
        names.truncate(SHOWN);
        names.push("...");
    }
    format!("needs go in a circle: {} needs {first}", names.join(" needs "))
}

/// What can be worked with but is probably a mistake or a gap.
pub(super) fn warnings(builder: &mut Builder<'_, '_>) {
    let Builder { model, places, reader, .. } = builder;
    for (service, span) in model.services.iter().zip(&places.services) {
        let essential = service.criticality == Criticality::Essential;
        let id = &service.id;
        if essential && service.workaround.is_none() {
            let help = "say under `workaround` what people do while it is down";
            reader.warning(span.clone(), format!("essential service `{id}` has no workaround"), help);
        }
        match &service.needs {
            None => {
                let help = "without `needs` nothing can be said about what its loss would come from";
                reader.warning(span.clone(), format!("service `{id}` names nothing that it needs"), help);
            }
            Some(needs) if essential && !needs.has_redundancy() => {
                let help = "if there is a second of something, say so with `{ any = 1, of = [...] }`";
                let message = format!(
                    "essential service `{id}` has no redundancy: each of its needs alone can stop it"
                );
                reader.warning(span.clone(), message, help);
            }
            Some(_) => {}
        }
        if service.addresses.is_empty() {
            let help = "floods on it cannot be told from floods on its zone";
            reader.warning(span.clone(), format!("service `{id}` has no address"), help);
        }
    }
    let mut unseen: Vec<bool> = vec![!model.exporters.is_empty(); model.zones.len()];
    for exporter in &model.exporters {
        if exporter.zones.is_empty() {
            unseen.fill(false);
        }
        for zone in &exporter.zones {
            unseen[zone.index()] = false;
        }
    }
    for (prefix, span) in model.prefixes.iter().zip(&places.prefixes) {
        if prefix.protected && unseen[prefix.zone.index()] {
            let message = format!("no exporter sees {}", prefix.network);
            let help = "add the zone to the `zones` of an exporter, unless a mirror or log covers it";
            reader.warning(span.clone(), message, help);
        }
    }
}
