//! What an account of one organisation is shown of a flood that concerns others too: its own things, and nothing that names
//! those of others.
//!
//! Every way out asks here: pages, the API, the stream of events, entries of the ledger, files of evidence. What stays is that
//! there are others, and how many: a campaign is one whoever it hits. An address is theirs if a service of theirs stands on
//! it, or it lies in a zone of theirs ([`crate::Options::belongs`]).

use std::collections::BTreeSet;
use std::net::IpAddr;

use record::{Filter, FloodRow, Page, PageOf, StoredEntry};
use serde_json::Value;

use crate::http::{App, Fault, Principal};
use crate::options::Belongs;

/// What belongs to the organisation of an account.
pub(crate) struct Own {
    organisation: String,
    services: BTreeSet<String>,
    belongs: Belongs,
}

impl Own {
    /// None for who sees the whole house.
    pub(crate) fn of(app: &App, principal: &Principal) -> Option<Self> {
        let organisation = principal.organisation()?.to_owned();
        let snapshot = app.snapshot();
        let theirs = snapshot.services.iter().filter(|service| service.organisation == organisation);
        Some(Self {
            services: theirs.map(|service| service.name.clone()).collect(),
            belongs: app.options.belongs.clone(),
            organisation,
        })
    }

    /// Whether an address is theirs.
    pub(crate) fn address(&self, address: IpAddr) -> bool {
        (self.belongs)(address.to_canonical(), &self.organisation)
    }

    /// Whether a text is the name of a service or an address of theirs.
    fn names(&self, text: &str) -> bool {
        self.services.contains(text) || text.parse().is_ok_and(|address| self.address(address))
    }

    /// Takes out of an event what names things of others; whether there was any.
    pub(crate) fn event(&self, event: &mut Value) -> bool {
        // A network as a target holds addresses of several; it is named, and none of them is.
        let is_network = event.pointer("/target/kind").is_some_and(|kind| kind == "prefix");
        let of_target = |text: &str| self.names(text) || is_network && text.contains('/');
        let texts = |text: &Value, keep: &dyn Fn(&str) -> bool| text.as_str().is_some_and(keep);
        let mut changed = keep(event, "/target/addresses", &|text| texts(text, &of_target));
        changed |= keep(event, "/evidence/also", &|target| {
            target["name"].as_str().is_some_and(|name| self.names(name))
        });
        changed |= keep(event, "/evidence/campaign/also", &|text| texts(text, &|text| self.names(text)));
        changed
    }

    fn row(&self, mut row: FloodRow) -> FloodRow {
        row.services.retain(|name| self.services.contains(name));
        row.organisations.retain(|name| *name == self.organisation);
        self.event(&mut row.last);
        row
    }

    /// The same for an entry of the ledger. Its hashes stay those of the whole.
    pub(crate) fn entry(&self, mut entry: StoredEntry) -> StoredEntry {
        entry.services.retain(|name| self.services.contains(name));
        entry.organisations.retain(|name| *name == self.organisation);
        let body = entry.body.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(mut body) = body
            && self.event(&mut body)
        {
            entry.body = Some(body.to_string());
        }
        entry
    }
}

/// Keeps what fits of a list in an event; whether something went. What is no list and not null is no list of ours, and goes.
fn keep(event: &mut Value, place: &str, fits: &dyn Fn(&Value) -> bool) -> bool {
    match event.pointer_mut(place) {
        None | Some(Value::Null) => false,
        Some(Value::Array(list)) => {
            let before = list.len();
            list.retain(fits);
            list.len() < before
        }
        Some(other) => {
            *other = Value::Null;
            true
        }
    }
}

/// A flood as somebody may see it.
pub(crate) fn shown(app: &App, principal: &Principal, flood: FloodRow) -> FloodRow {
    match Own::of(app, principal) {
        Some(own) => own.row(flood),
        None => flood,
    }
}

/// A page of floods as somebody may see them.
pub(crate) fn floods(
    app: &App,
    principal: &Principal,
    filter: Filter,
    page: &Page,
) -> Result<PageOf<FloodRow>, Fault> {
    let Some(own) = Own::of(app, principal) else { return Ok(app.archive.floods(&filter, page)?) };
    // Otherwise the answer would say which services of others the same flood hits.
    let is_foreign = |name: &String| !own.services.contains(name);
    let is_address = |text: &String| text.parse().is_ok_and(|address| !own.address(address));
    if filter.service.as_ref().is_some_and(is_foreign) || filter.target.as_ref().is_some_and(is_address) {
        return Ok(PageOf { items: Vec::new(), next: None });
    }
    let filter = Filter { organisations: principal.filter(), ..filter };
    let text = filter.text.as_deref().unwrap_or_default().to_lowercase();
    let found = app.archive.floods(&filter, page)?;
    let mut items: Vec<FloodRow> = found.items.into_iter().map(|row| own.row(row)).collect();
    // What was found by a word that is not shown is not found.
    items.retain(|row| {
        let shown = said(row);
        text.split_whitespace().all(|word| shown.contains(word))
    });
    Ok(PageOf { items, next: found.next })
}

/// Every word that a row shows, in lower case.
fn said(row: &FloodRow) -> String {
    let mut said = vec![row.id.as_str(), &row.target, &row.reason];
    said.extend(row.vectors.iter().chain(&row.services).map(String::as_str));
    format!("{} {}", said.join(" "), row.last).to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn own() -> Own {
        Own {
            organisation: "party-x".into(),
            services: ["party-x-www".to_owned()].into(),
            belongs: Arc::new(|address, organisation| {
                organisation == "party-x" && address == IpAddr::from([203, 0, 113, 10])
            }),
        }
    }

    #[test]
    fn names_and_addresses_of_others_go_and_own_ones_stay() {
        let mut event = json!({
        "kind": "flood", "target": {"kind": "group", "name": "sites", "addresses": ["203.0.113.10", "203.0.113.70", "203.0.113.0/24"]},
        "evidence": {
            "also": [{"kind": "service", "name": "party-y-www"}, {"kind": "service", "name": "party-x-www"},
                {"kind": "prefix", "name": "203.0.113.0/24"}],
            "campaign": {"id": "a", "targets": 4, "also": ["party-y-www", "203.0.113.70", "203.0.113.10", "party-x-www"]},
        }});
        assert!(own().event(&mut event));
        assert_eq!(event["target"]["addresses"], json!(["203.0.113.10"]));
        assert_eq!(event["evidence"]["also"], json!([{"kind": "service", "name": "party-x-www"}]));
        assert_eq!(
            event["evidence"]["campaign"],
            json!({"id": "a", "targets": 4, "also": ["203.0.113.10", "party-x-www"]})
        );
        assert!(!own().event(&mut event), "once is enough");
        let mut odd =
            json!({"target": {"kind": "prefix", "addresses": ["203.0.113.0/24"]}, "evidence": {"also": "x"}});
        assert!(own().event(&mut odd));
        assert_eq!(
            odd,
            json!({"target": {"kind": "prefix", "addresses": ["203.0.113.0/24"]}, "evidence": {"also": null}})
        );
    }
}
