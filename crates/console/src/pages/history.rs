//! History: every flood and surge, asked for by anything, with links that stay.

use axum::response::Response;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use record::{FloodRow, Page, PageOf};

use super::layout::glyph;
use super::{Visit, words};
use crate::api::query::Asked;
use crate::api::{own, visible};
use crate::http::Fault;

/// Rows of one page.
const ROWS: usize = 50;

/// `GET /floods`.
pub(crate) async fn page(visit: Visit, asked: Asked) -> Result<Response, Fault> {
    let (filter, principal) = (asked.floods(&visit.zone)?, visit.principal.clone());
    let page = Page { limit: ROWS, ..asked.page()? };
    let found = visit.app.wait(move |app| own::floods(app, &principal, filter, &page)).await?;
    let content = html! {
        header class="title" { h1 { "History" } }
        (filters(&visit, &asked))
        section class="panel flush" { (table(&visit, &found)) }
        nav class="pages" aria-label="Pages of the list" {
            @if asked.get("after").is_some() { a class="button" href={ "/floods" (asked.with(&[("after", "")])) } { "Newest" } }
            @if let Some(next) = &found.next { a class="button" rel="next" href={ "/floods" (asked.with(&[("after", next)])) } { "Older" } }
        }
    };
    Ok(visit.page("/floods", "History", &content))
}

fn choice(name: &str, label: &str, asked: &Asked, any: &str, values: &[&str]) -> Markup {
    html! {
        label { span { (label) }
            select name=(name) {
                option value="" { (any) }
                @for value in values { option value=(value) selected[asked.get(name) == Some(value)] { (words::capital(value)) } }
            }
        }
    }
}

fn filters(visit: &Visit, asked: &Asked) -> Markup {
    let snapshot = visit.app.snapshot();
    let mut services: Vec<&str> =
        visible(&snapshot, &visit.principal).iter().map(|service| service.name.as_str()).collect();
    services.sort_unstable();
    let day = |days: i64| date(visit, days);
    html! {
        form class="filters" method="get" action="/floods" {
            label class="wide" { span { "Search" } input type="search" name="q" value=[asked.get("q")] placeholder="name, address, vector, reason" data-search; }
            label { span { "From" } input type="date" name="from" value=[asked.get("from").and_then(|text| text.get(..10))]; }
            label { span { "Until before" } input type="date" name="to" value=[asked.get("to").and_then(|text| text.get(..10))]; }
            label { span { "Service" } select name="service" {
                option value="" { "Any" }
                @for name in services { option value=(name) selected[asked.get("service") == Some(name)] { (name) } }
            } }
            (choice("kind", "Kind", asked, "Both", &["flood", "surge"]))
            (choice("severity", "At least", asked, "Any", &["notice", "warning", "severe", "critical"]))
            button { "Show" }
        }
        p class="quick" {
            a href="/floods" { "Everything" } " · "
            a href={ "/floods?from=" (day(0)) } { "Today" } " · "
            a href={ "/floods?from=" (day(6)) } { "Last seven days" } " · "
            a href={ "/floods?from=" (day(13)) "&to=" (day(6)) } { "The seven before" }
        }
    }
}

/// The date of so many days ago, in the institution's zone.
fn date(visit: &Visit, days: i64) -> String {
    let today = visit.now().to_zoned(visit.zone.clone()).date();
    today.checked_sub(jiff::Span::new().days(days)).unwrap_or(today).to_string()
}

fn table(visit: &Visit, found: &PageOf<FloodRow>) -> Markup {
    html! {
        @if found.items.is_empty() { p class="empty" { @if found.next.is_some() { "Nothing was found so far; what is older is not looked through yet." } @else { "Nothing was found." } } }
        @else {
            table class="history" {
                thead { tr { th { "Onset" } th { "Target" } th { "What" } th class="number" { "Peak" } th class="number" { "Lasted" } th { "Severity" } } }
                tbody { @for flood in &found.items { (row(flood, &visit.zone)) } }
            }
        }
    }
}

fn row(flood: &FloodRow, zone: &TimeZone) -> Markup {
    let kind = if flood.event == "surge" { "surge" } else { "flood" };
    let vector = match flood.vectors.first() {
        _ if kind == "surge" => "more readers".to_owned(),
        Some(name) => words::vector(name),
        None => kind.to_owned(),
    };
    html! {
        tr data-row {
            td class="when" { (words::date_time(words::at(flood.onset), zone)) }
            th scope="row" { (glyph(kind)) " " a href={ "/floods/" (super::escape_query(&flood.id)) } { (flood.target) } }
            td class="vector" { (words::capital(&vector)) @if flood.vectors.len() > 1 && kind == "flood" { small { " +" (flood.vectors.len() - 1) } } }
            td class="number" { (peak(flood)) }
            td class="number" { @match flood.ended { Some(ended) => (words::duration((ended - flood.onset) / 1_000_000_000)), None => span class="tag live" { "going on" } } }
            td { span class={ "tag level-" (words::severity(flood.severity)) } { (words::severity(flood.severity)) } }
        }
    }
}

fn peak(flood: &FloodRow) -> Markup {
    html! {
        @match (flood.peak_requests_per_second.filter(|rate| *rate >= words::LEAST_REQUESTS), flood.peak_packets_per_second) {
            (Some(rate), _) => { (words::short(rate)) small { " requests/s" } }
            (_, Some(rate)) if rate > 0.0 => { (words::short(rate)) small { " packets/s" } }
            _ => "–",
        }
    }
}
