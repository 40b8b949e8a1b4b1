//! Models of Threagile: technical assets become services or nodes, communication links needs, trust boundaries zones, shared
//! runtimes hypervisors.
//!
//! Threagile knows no addresses and no capacities: these stay open. External entities are who uses the services, so they
//! are left out.

use std::collections::BTreeMap;

use super::Error;
use super::draft::{Draft, slug};
use super::yaml::{self, Node};

/// What a technology is as a node; what is not listed is a service.
const NODES: [(&str, &str); 18] = [
    ("load-balancer", "load_balancer"),
    ("reverse-proxy", "proxy"),
    ("waf", "proxy"),
    ("gateway", "proxy"),
    ("web-service-gateway", "proxy"),
    ("service-mesh", "proxy"),
    ("service-registry", "server"),
    ("ids", "other"),
    ("ips", "other"),
    ("identity-provider", "identity_provider"),
    ("identity-store-ldap", "identity_provider"),
    ("identity-store-database", "identity_provider"),
    ("database", "storage"),
    ("file-server", "storage"),
    ("block-storage", "storage"),
    ("local-file-system", "storage"),
    ("vault", "server"),
    ("container-platform", "hypervisor"),
];

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Error> {
    let document = yaml::read(text)?;
    let assets = document.get("technical_assets");
    let mut names: BTreeMap<&str, (&'static str, String)> = BTreeMap::new();
    for (title, asset) in assets.pairs() {
        if asset.get("type").text() == "external-entity" {
            draft.skip_what("external entities, which use the services", title);
            continue;
        }
        let id = if asset.get("id").text().is_empty() { title } else { asset.get("id").text() };
        let (table, name) = one(title, id, asset, draft);
        names.insert(id, (table, name));
    }
    for (title, asset) in assets.pairs() {
        let id = if asset.get("id").text().is_empty() { title } else { asset.get("id").text() };
        let Some((table, name)) = names.get(id) else { continue };
        for (link, communication) in asset.get("communication_links").pairs() {
            let target = communication.get("target").text();
            match names.get(target) {
                Some((_, other)) => draft.need(
                    table,
                    name,
                    vec![other.clone()],
                    &format!("communication links such as {link:?}"),
                ),
                None => draft.skip_what("communication links to what is not in the model", target),
            }
        }
    }
    boundaries(&document, &names, draft);
    runtimes(&document, &names, draft);
    Ok(())
}

fn one(title: &str, id: &str, asset: &Node, draft: &mut Draft) -> (&'static str, String) {
    // Older models name one technology, newer ones a list.
    let technology = asset.get("technology").text();
    let technology = if technology.is_empty() {
        asset.get("technologies").list().first().map_or("", Node::text)
    } else {
        technology
    };
    let kind = NODES.iter().find(|(name, _)| *name == technology).map(|(_, kind)| *kind);
    let name = draft.free_name(&slug(id));
    let table = if kind.is_some() { "node" } else { "service" };
    if let Some(entry) = draft.entry(table, &name, &format!("technical asset {title:?}")) {
        match kind {
            Some(kind) => {
                entry.text("kind", kind, format!("technology {technology}"));
                entry.missing("capacity", "Threagile knows no capacities");
            }
            None => {
                entry.text("description", title, "title");
                let criticality = match asset.get("availability").text() {
                    "mission-critical" | "critical" => "essential",
                    "important" => "important",
                    _ => "supporting",
                };
                entry.text(
                    "criticality",
                    criticality,
                    format!("availability {:?}", asset.get("availability").text()),
                );
            }
        }
        if asset.get("redundant").text() == "true" {
            entry.settings.push(super::Setting {
                key: "redundant".to_owned(),
                value: None,
                reason: "Threagile says that it is redundant, but not what stands in for what".to_owned(),
            });
        }
    }
    (table, name)
}

fn boundaries(document: &Node, names: &BTreeMap<&str, (&'static str, String)>, draft: &mut Draft) {
    for (title, boundary) in document.get("trust_boundaries").pairs() {
        if !boundary.get("type").text().starts_with("network") {
            draft.skip_what("trust boundaries that are no networks", title);
            continue;
        }
        let id = if boundary.get("id").text().is_empty() { title } else { boundary.get("id").text() };
        let zone = slug(id);
        if let Some(entry) = draft.entry("zone", &zone, &format!("trust boundary {title:?}")) {
            entry.missing("prefixes", "Threagile knows no addresses");
        }
        for inside in boundary.get("technical_assets_inside").list() {
            if let Some((table, name)) = names.get(inside.text())
                && let Some(entry) = draft.entry(table, name, "")
            {
                entry.text("zone", &zone, format!("inside the trust boundary {title:?}"));
            } else {
                draft.skip_what("what lies in a trust boundary and is no asset of the model", inside.text());
            }
        }
    }
    for (table, name) in names.values().filter(|(table, _)| *table == "service") {
        if let Some(entry) = draft.entry(table, name, "") {
            entry.missing("zone", "it lies in no trust boundary of a network");
        }
    }
}

fn runtimes(document: &Node, names: &BTreeMap<&str, (&'static str, String)>, draft: &mut Draft) {
    for (title, runtime) in document.get("shared_runtimes").pairs() {
        let name = draft.free_name(&slug(title));
        if let Some(entry) = draft.entry("node", &name, &format!("shared runtime {title:?}")) {
            entry.text("kind", "hypervisor", "it runs several assets");
        }
        for running in runtime.get("technical_assets_running").list() {
            if let Some((table, asset)) = names.get(running.text()) {
                draft.need(
                    table,
                    asset,
                    vec![name.clone()],
                    &format!("it runs on the shared runtime {title:?}"),
                );
            } else {
                draft.skip_what("what runs on a shared runtime and is no asset of the model", running.text());
            }
        }
    }
}
