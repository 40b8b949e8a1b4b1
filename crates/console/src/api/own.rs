//! What an account of one organisation is shown of a flood that concerns others too: its own things, and nothing that names
//! those of others.
//!
//! Every way out asks here: pages, the API, the stream of events, entries of the ledger, files of evidence. What stays is that
//! there are others, and how many: a campaign is one whoever it hits. An address is theirs if a service of theirs stands on
//! it, or it lies in a zone of theirs ([`crate::Options::belongs`]).
//!
//! Limit: a note on a flood is read, with the name of who wrote it, by every organisation that the flood hits.

use std::net::IpAddr;
use std::sync::Arc;

use record::{Filter, FloodRow, Page, PageOf, StoredEntry};
use serde_json::Value;

use crate::http::{App, Fault, Principal};
use crate::live::Snapshot;
use crate::options::Belongs;

/// What the detector puts behind the reason of a flood that took lowered floors.
const FLOOR_LOWERED: &str = "; floor lowered";
/// Pages of the record that are looked through for one page of a search.
const SEARCHED_PAGES: usize = 10;

/// What belongs to the organisation of an account.
pub(crate) struct Own {
    organisation: String,
    snapshot: Arc<Snapshot>,
    belongs: Belongs,
}

impl Own {
    /// None for who sees the whole house.
    pub(crate) fn of(app: &App, principal: &Principal) -> Option<Self> {
        Some(Self {
            organisation: principal.organisation()?.to_owned(),
            snapshot: app.snapshot(),
            belongs: app.options.belongs.clone(),
        })
    }

    /// Whether a service is theirs.
    fn service(&self, name: &str) -> bool {
        let mut services = self.snapshot.services.iter();
        services.any(|service| service.name == name && service.organisation == self.organisation)
    }

    /// Whether an address is theirs.
    pub(crate) fn address(&self, address: IpAddr) -> bool {
        (self.belongs)(address.to_canonical(), &self.organisation)
    }

    /// Whether a text is the name of a service or an address of theirs.
    fn names(&self, text: &str) -> bool {
        self.service(text) || text.parse().is_ok_and(|address| self.address(address))
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
        changed |= without_why(event);
        changed
    }

    fn row(&self, mut row: FloodRow) -> FloodRow {
        row.services.retain(|name| self.service(name));
        row.organisations.retain(|name| *name == self.organisation);
        cut(&mut row.reason);
        self.event(&mut row.last);
        row
    }

    /// The same for an entry of the ledger. Its hashes stay those of the whole.
    pub(crate) fn entry(&self, mut entry: StoredEntry) -> StoredEntry {
        entry.services.retain(|name| self.service(name));
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

/// Takes out why floors are lowered: lists name whom they name. Whether there was any.
fn without_why(event: &mut Value) -> bool {
    let mut changed = false;
    if let Some(why) = event.pointer_mut("/evidence/lowered_floors/reason").filter(|why| **why != "") {
        *why = "".into();
        changed = true;
    }
    if let Some(Value::String(reason)) = event.pointer_mut("/evidence/reason") {
        changed |= cut(reason);
    }
    changed
}

/// Why floors were lowered stood in the reason too, and is in what was recorded then; whether it did.
fn cut(reason: &mut String) -> bool {
    match reason.find(FLOOR_LOWERED).map(|at| at + FLOOR_LOWERED.len()) {
        Some(end) if end < reason.len() => {
            reason.truncate(end);
            true
        }
        _ => false,
    }
}

/// A flood as somebody may see it.
pub(crate) fn shown(app: &App, principal: &Principal, flood: FloodRow) -> FloodRow {
    match Own::of(app, principal) {
        Some(own) => own.row(flood),
        None => flood,
    }
}

/// A page of floods as somebody may see them. For accounts of one organisation a search may give less than a page with more to
/// come: [`SEARCHED_PAGES`] are looked through at once.
pub(crate) fn floods(
    app: &App,
    principal: &Principal,
    filter: Filter,
    page: &Page,
) -> Result<PageOf<FloodRow>, Fault> {
    let Some(own) = Own::of(app, principal) else { return Ok(app.archive.floods(&filter, page)?) };
    // Otherwise the answer would say which services of others the same flood hits.
    let is_foreign = |name: &String| !own.service(name);
    let is_address = |text: &String| text.parse().is_ok_and(|address| !own.address(address));
    if filter.service.as_ref().is_some_and(is_foreign) || filter.target.as_ref().is_some_and(is_address) {
        return Ok(PageOf { items: Vec::new(), next: None });
    }
    // The record would find by words of others too, and where its next page begins would say that it did. So it is asked for
    // everything that is theirs, and only what is shown is searched: a word of others leaves what a word of nobody leaves.
    let text = filter.text.as_deref().unwrap_or_default().to_lowercase();
    let filter = Filter { organisations: principal.filter(), text: None, ..filter };
    let mut given = PageOf { items: Vec::new(), next: page.after.clone() };
    for _ in 0..SEARCHED_PAGES {
        let rest = Page { after: given.next.take(), limit: page.limit.saturating_sub(given.items.len()) };
        let found = app.archive.floods(&filter, &rest)?;
        let rows = found.items.into_iter().map(|row| own.row(row));
        given.items.extend(rows.filter(|row| {
            let shown = said(row);
            text.split_whitespace().all(|word| shown.contains(word))
        }));
        given.next = found.next;
        if given.next.is_none() || given.items.len() >= page.limit {
            break;
        }
    }
    Ok(given)
}

/// Every word by which a row is found, in lower case: what [`Filter::text`] names, of what is shown.
fn said(row: &FloodRow) -> String {
    let mut said = vec![row.id.as_str(), &row.target, &row.reason];
    said.extend(row.vectors.iter().chain(&row.services).map(String::as_str));
    let list = |place: &str| row.last.pointer(place).and_then(Value::as_array).into_iter().flatten();
    said.extend(list("/target/addresses").filter_map(Value::as_str));
    for name in ["address", "network"] {
        said.extend(list("/sources/top").filter_map(|source| source.get(name)?.as_str()));
    }
    said.join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::live::Service;

    fn own() -> Own {
        let mut snapshot = Snapshot::empty("Examplia", "UTC", jiff::Timestamp::UNIX_EPOCH);
        let service = |name: &str, organisation: &str| Service {
            name: name.into(),
            organisation: organisation.into(),
            ..Service::default()
        };
        snapshot.services = vec![service("party-x-www", "party-x"), service("party-y-www", "party-y")];
        Own {
            organisation: "party-x".into(),
            snapshot: Arc::new(snapshot),
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

    /// Why floors are lowered names what is listed of whomever. It stood in two places, and in the older one without a field.
    #[test]
    fn why_floors_are_lowered_is_not_for_one_organisation() {
        let why = "party-y-www of party-y is on the list of N";
        let mut event = json!({"evidence": {
            "reason": format!("far more than ordinary, from 9 sources; floor lowered: {why}"),
            "lowered_floors": {"times": 0.5, "reason": why, "was_needed": true},
        }});
        assert!(own().event(&mut event));
        assert_eq!(
            event["evidence"],
            json!({"reason": "far more than ordinary, from 9 sources; floor lowered",
                "lowered_floors": {"times": 0.5, "reason": "", "was_needed": true}})
        );
        assert!(!own().event(&mut event), "once is enough");
        let mut odd = json!({"evidence": {"reason": 7, "lowered_floors": {"reason": [why]}}});
        assert!(own().event(&mut odd));
        assert_eq!(odd, json!({"evidence": {"reason": 7, "lowered_floors": {"reason": ""}}}));
    }
}
