//! Where a flood comes from: the heaviest sources as codes, and networks and countries of what is kept of its traffic.

use std::collections::BTreeMap;

use maud::{Markup, html};
use record::NetworkShare;
use serde_json::Value;

use super::{Visit, words};
use crate::people::Roles;

/// Rows of a table.
const SHOWN: usize = 10;

/// A share as a bar that needs no style.
fn bar(share: f64) -> Markup {
    html! {
        svg class="bar-of" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect class="whole" width="100" height="6" {}
            rect class="part" width=(format!("{:.1}", share.clamp(0.0, 1.0) * 100.0)) height="6" {}
        }
    }
}

/// Names with shares; bars compare them with the first, which is often one in a hundred.
fn table(head: &str, rows: &[(String, f64)]) -> Markup {
    let first = rows.iter().map(|row| row.1).fold(f64::MIN_POSITIVE, f64::max);
    html! {
        table class="shares" {
            thead { tr { th { (head) } th class="number" { "Share" } th class="visually-hidden" { "Bar" } } }
            tbody { @for (name, share) in rows.iter().take(SHOWN) {
                tr { td { code { (name) } } td class="number" { (words::percent(*share)) } td { (bar(share / first)) } }
            } }
        }
    }
}

/// The panel.
pub(super) fn sources(visit: &Visit, event: &Value, networks: &[NetworkShare]) -> Markup {
    let items = event["sources"]["top"].as_array().into_iter().flatten();
    let top: Vec<(String, f64)> = items
        .filter_map(|item| {
            let name = item["address"].as_str().or(item["prefix"].as_str())?;
            Some((name.to_owned(), item["share"].as_f64()?))
        })
        .take(SHOWN)
        .collect();
    let may_open = visit.principal.sees_house() && Roles::ANALYSTS.has(visit.principal.account.role);
    html! {
        p class="figure" {
            @match event["sources"]["distinct"].as_f64() { Some(distinct) => { b { (words::count(distinct)) } " distinct" }, None => "How many is not known" }
            @if let Some(spoofing) = event["sources"]["spoofing"].as_str() { "; spoofing " (spoofing) }
        }
        @if !top.is_empty() { (table("Code", &top)) }
        (by_network(visit, networks))
        p class="hint" {
            "Addresses of persons are shown as codes. "
            @if may_open { a href="/data-protection#open" { "Opening one" } " needs a purpose and is written down." }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn by_network(visit: &Visit, networks: &[NetworkShare]) -> Markup {
    let all = networks.iter().map(|share| share.packets as f64).sum::<f64>().max(1.0);
    let rows: Vec<(String, f64)> = networks
        .iter()
        .take(SHOWN)
        .map(|share| (share.network.clone(), share.packets as f64 / all))
        .collect();
    let countries = visit.app.countries.as_ref().map(|countries| {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for share in networks {
            let country = countries.of_address(share.address).unwrap_or_else(|| "not known".to_owned());
            *sums.entry(country).or_default() += share.packets as f64 / all;
        }
        let mut rows: Vec<(String, f64)> = sums.into_iter().collect();
        rows.sort_by(|a, b| b.1.total_cmp(&a.1));
        rows
    });
    html! {
        @if !rows.is_empty() {
            h3 { "By network" }
            (table("Network", &rows))
            @if let Some(countries) = countries { h3 { "By country" } (table("Country", &countries)) }
            p class="hint" { "Of the traffic that is kept as evidence, which is a sample. Where sources are forged, networks and countries mean nothing." }
        }
    }
}
