//! One flood: how much against what is ordinary, how, from where, how it is known, and what people noted.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use record::{
    EvidenceItem, EvidenceKind, Filter, FloodRow, Kind, Mine, NetworkShare, Page, Point, Resolution,
    StoredEntry,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::chart::Chart;
use super::layout::glyph;
use super::{Visit, see_other, words};
use crate::api::own::{self, Own};
use crate::api::{evidence, flood_of};
use crate::http::{App, Fault, Principal};
use crate::people::Roles;
use crate::runbooks::{Alarm, runbook};

/// Most vectors that have a chart.
const MAXIMUM_VECTORS: usize = 6;
/// Most notes of one flood that are shown.
const MAXIMUM_NOTES: usize = 200;

/// Everything that the page shows.
struct Shown {
    flood: FloodRow,
    points: Vec<(i64, f64)>,
    unit: &'static str,
    ordinary: Option<f64>,
    vectors: Vec<(String, Vec<(i64, f64)>)>,
    evidence: Vec<EvidenceItem>,
    /// None where the kept files cannot be read.
    networks: Option<Vec<NetworkShare>>,
    notes: Vec<StoredEntry>,
}

fn value(point: &Point, requests: bool) -> (i64, f64) {
    (point.second, if requests { point.requests_per_second } else { point.packets_per_second })
}

fn span(flood: &FloodRow) -> (i64, i64) {
    let seconds = |time: i64| time.div_euclid(1_000_000_000);
    let (from, to) = (seconds(flood.onset), seconds(flood.ended.unwrap_or(flood.updated)) + 1);
    // A tenth of quiet before and after, so that the onset is seen.
    let around = ((to - from) / 10).clamp(10, 3_600);
    (from - around, to + around)
}

fn gather(app: &App, principal: &Principal, id: &str) -> Result<Shown, Fault> {
    let flood = own::shown(app, principal, flood_of(app, principal, id)?);
    let requests = flood.peak_requests_per_second.is_some_and(|rate| rate >= words::LEAST_REQUESTS);
    let (from, to) = span(&flood);
    let resolution = if to - from > 6 * 3_600 { Resolution::Minute } else { Resolution::Second };
    let read = |vector: &str| -> Result<Vec<(i64, f64)>, Fault> {
        let points = app.archive.series(&flood.target, vector, resolution, from..to)?;
        Ok(points.iter().map(|point| value(point, requests)).collect())
    };
    // Requests have a series of their own: the two layers close a second at different times.
    let mut points = read(if requests { "requests" } else { "all" })?;
    if points.is_empty() {
        points = app.archive.flood_points(id)?.iter().map(|point| value(point, requests)).collect();
    }
    let mut vectors = Vec::new();
    for name in flood.vectors.iter().take(MAXIMUM_VECTORS) {
        vectors.push((name.clone(), read(name)?));
    }
    let filter = Filter {
        subject: Some(id.to_owned()),
        kinds: vec![Kind::Decided],
        organisations: principal.filter(),
        ..Filter::default()
    };
    let notes = app.archive.entries(&filter, &Page { after: None, limit: MAXIMUM_NOTES })?.items;
    let name = if requests { "baseline_requests_per_second" } else { "baseline_packets_per_second" };
    let ordinary = flood.last[name].as_f64();
    let unit = if requests { "requests/s" } else { "packets/s" };
    let (evidence, networks) = (app.archive.evidence(id)?, networks(app, principal, id));
    Ok(Shown { points, unit, ordinary, vectors, evidence, networks, notes, flood })
}

/// Networks of what is kept of its traffic. A file that is damaged costs itself, and not the page of a flood.
fn networks(app: &App, principal: &Principal, id: &str) -> Option<Vec<NetworkShare>> {
    let own = Own::of(app, principal);
    let mine = own.as_ref().map(|own| |address| own.address(address));
    let read = app.archive.evidence_networks(id, mine.as_ref().map(|mine| mine as &Mine<'_>));
    read.inspect_err(|error| (app.options.complain)(&format!("console: evidence of flood {id}: {error}")))
        .ok()
}

/// `GET /floods/{id}`.
pub(crate) async fn page(visit: Visit, Path(id): Path<String>) -> Result<Response, Fault> {
    let principal = visit.principal.clone();
    let shown = visit.app.wait(move |app| gather(app, &principal, &id)).await?;
    let flood = &shown.flood;
    let kind = if flood.event == "surge" { "surge" } else { "flood" };
    let content = html! {
        p class="path" { a href="/floods" { "History" } " / " span { (flood.target) } }
        header class="title" {
            h1 { (glyph(kind)) " " (flood.target) }
            span class={ "tag level-" (words::severity(flood.severity)) } { (words::severity(flood.severity)) }
            @if flood.ended.is_none() { span class="tag live" { "going on" } }
        }
        p class="sentence sub" { (words::sentence(&flood.last, &visit.zone)) }
        p class="hint" { a href={ "/runbooks/" (what_to_do(flood)) } { "What to do" } }
        @if !flood.reason.is_empty() { p class="reason" { (words::capital(&flood.reason)) "." } }
        @if let Some(why) = why_lowered(flood) { p class="hint" { "Floors were lowered: " (why) "." } }
        (facts(&visit, &shown))
        section class="panel" { h2 { "Rate" } (rate(&visit, &shown)) }
        @if !shown.vectors.is_empty() { section class="panel" { h2 { "Vectors over time" } (vectors(&visit, &shown)) } }
        div class="columns" {
            section class="panel" { h2 { "Sources" } (super::sources::sources(&visit, &flood.last, shown.networks.as_deref().unwrap_or_default())) }
            section class="panel" { h2 { "Evidence" } (kept(&visit, &shown)) }
        }
        section class="panel" id="notes" { h2 { "Scratchpad" } (notes(&visit, &shown)) }
    };
    Ok(visit.page("/floods", &flood.target, &content))
}

/// Why floors were lowered, if that is what found it and who looks may read it.
fn why_lowered(flood: &FloodRow) -> Option<&str> {
    let lowered = &flood.last["evidence"]["lowered_floors"];
    lowered["reason"].as_str().filter(|why| lowered["was_needed"] == true && !why.is_empty())
}

/// The runbook of a flood.
fn what_to_do(flood: &FloodRow) -> &'static str {
    let lead = flood.vectors.first().map_or("", String::as_str);
    runbook(match (flood.event.as_str(), flood.direction.as_str()) {
        ("surge", _) => Alarm::Surge,
        (_, "out") => Alarm::Outgoing,
        _ => Alarm::Vector(lead),
    })
}

fn fact(name: &str, value: &Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn facts(visit: &Visit, shown: &Shown) -> Markup {
    let flood = &shown.flood;
    let seen = |time: i64| words::day_time(words::at(time), &visit.zone);
    let end = flood.ended.unwrap_or(flood.updated);
    let confidence = flood.last["confidence"].as_f64();
    html! {
        dl class="facts" {
            (fact("Onset", &seen(flood.onset)))
            (fact("Time to detect", &html! { (words::precise(flood.started - flood.onset)) }))
            (fact("Lasted", &html! { (words::duration((end - flood.onset) / 1_000_000_000)) @if flood.ended.is_none() { " so far" } }))
            @if let Some(rate) = flood.peak_packets_per_second { (fact("Peak", &html! { (words::short(rate)) " packets/s" })) }
            @if let Some(rate) = flood.peak_bits_per_second { (fact("Peak", &html! { (words::short(rate)) "bit/s" })) }
            @if let Some(rate) = flood.peak_requests_per_second.filter(|rate| *rate >= words::LEAST_REQUESTS) { (fact("Peak", &html! { (words::short(rate)) " requests/s" })) }
            @if let Some(confidence) = confidence { (fact("Confidence", &html! { (words::percent(confidence)) })) }
            (fact("Figures are", &html! { (flood.certainty.replace('_', " ")) @if let Some(rate) = flood.last["sampling"].as_u64().filter(|rate| *rate > 1) { ", 1 in " (rate) } }))
            @if flood.ended.is_some() { (fact("Over", &seen(end))) }
        }
    }
}

fn rate(visit: &Visit, shown: &Shown) -> Markup {
    let flood = &shown.flood;
    let seconds = |time: i64| time.div_euclid(1_000_000_000);
    let mut marks = vec![(seconds(flood.onset), "onset"), (seconds(flood.started), "told")];
    if let Some(ended) = flood.ended {
        marks.push((seconds(ended), "over"));
    }
    let chart = Chart {
        label: "Rate over time against what is ordinary",
        unit: shown.unit,
        points: &shown.points,
        ordinary: shown.ordinary,
        span: span(flood),
        marks: &marks,
        highest: None,
        height: 260.0,
        zone: &visit.zone,
    };
    html! {
        @if shown.points.is_empty() { p class="empty" { "No point of its time line is kept." } }
        @else if shown.points.iter().all(|point| point.1 <= 0.0) { p class="empty" { "It is not one of packets or requests a second: connections are held." } }
        @else { (chart.draw()) }
        p class="key" { span class="swatch line" {} (words::capital(shown.unit)) @if let Some(ordinary) = shown.ordinary {
            span class="swatch ordinary" {} "Ordinary: " (words::count(ordinary)) } }
    }
}

fn vectors(visit: &Visit, shown: &Shown) -> Markup {
    let highest =
        shown.vectors.iter().flat_map(|(_, points)| points).map(|point| point.1).fold(0.0, f64::max);
    let share = |name: &str| {
        let items = shown.flood.last["vectors"].as_array().into_iter().flatten();
        items.filter(|item| item["name"] == name).find_map(|item| item["share"].as_f64())
    };
    html! {
        @for (name, points) in &shown.vectors {
            div class="strip" {
                h3 { (words::capital(&words::vector(name))) @if let Some(share) = share(name) { small { " " (words::percent(share)) " at last" } } }
                @if points.is_empty() { p class="empty" { "No time line of its own is kept." } } @else {
                    (Chart { label: &words::vector(name), unit: shown.unit, points, ordinary: None, span: span(&shown.flood), marks: &[],
                        highest: Some(highest), height: 96.0, zone: &visit.zone }.draw())
                }
            }
        }
    }
}

/// A value of the evidence for people, if it is one for them.
fn said(visit: &Visit, name: &str, value: &Value) -> Option<Markup> {
    let text = match value {
        Value::String(text) => match text.parse() {
            Ok(time) => return Some(words::date_time(time, &visit.zone)),
            Err(_) => text.clone(),
        },
        Value::Bool(true) => "yes".to_owned(),
        Value::Number(number) if name.ends_with("share") => words::percent(number.as_f64()?),
        Value::Number(number) => words::count(number.as_f64()?),
        _ => return None,
    };
    Some(html! { (text) })
}

fn kept(visit: &Visit, shown: &Shown) -> Markup {
    // The reason stands on top of the page.
    let simple: Vec<(String, Markup)> = shown.flood.last["evidence"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| name.as_str() != "reason")
        .filter_map(|(name, value)| {
            Some((words::capital(&name.replace('_', " ")), said(visit, name, value)?))
        })
        .take(16)
        .collect();
    let may_open = visit.principal.sees_house() && Roles::ANALYSTS.has(visit.principal.account.role);
    html! {
        @if !simple.is_empty() { dl class="pairs" { @for (name, text) in &simple { div { dt { (name) } dd { (text) } } } } }
        @if shown.networks.is_none() { p class="notice warning" { "What is kept of its traffic cannot be read: a file is damaged, or was written under another key. The service's log says which." } }
        @if !visit.principal.sees_house() && !shown.evidence.is_empty() { p class="hint" { "Counts are of the whole flood. The files hold what went to addresses of your organisation, or came from them; there is none where nothing did." } }
        @if shown.evidence.is_empty() { p class="empty" { "No packets or flow records are kept." } } @else {
            ul class="files" { @for item in &shown.evidence { li {
                b { @match item.kind { EvidenceKind::Packets => "Headers of packets", EvidenceKind::Flows => "Flow records" } }
                " " (words::count(to_f64(item.records))) ", " (words::bytes(item.bytes)) " sealed"
                @if item.left_out > 0 { ", " (words::count(to_f64(item.left_out))) " did not fit" }
                ", " (words::date_time(words::at(item.written), &visit.zone)) ". "
                a href={ "/api/v1/floods/" (super::escape_query(&shown.flood.id)) "/evidence/" (item.kind.name()) } { "As " (item.kind.extension()) }
                ", hosts hidden"
            } } }
            @if may_open { (open_form(visit, shown)) }
        }
        p class="hint" { "Entries " (shown.flood.first_seq) " to " (shown.flood.last_seq) " of the ledger. "
            a href={ "/api/v1/floods/" (super::escape_query(&shown.flood.id)) } { "As JSON" } }
    }
}

/// Evidence with plain addresses, for who works on the flood with a provider or the police.
fn open_form(visit: &Visit, shown: &Shown) -> Markup {
    html! {
        form class="row" method="post" action="/evidence/open" {
            (visit.csrf())
            input type="hidden" name="flood" value=(shown.flood.id);
            label { span { "With plain addresses" } select name="kind" {
                @for item in &shown.evidence { option value=(item.kind.name()) { (item.kind.extension()) } } } }
            (super::purpose_field("for the provider of these sources, ticket 4711"))
            button { "Open" }
        }
        p class="hint" { "Your name and the purpose are written down first, and stay." }
    }
}

/// The form of an opening.
#[derive(Deserialize)]
pub(crate) struct Opening {
    flood: String,
    kind: String,
    purpose: String,
}

/// `POST /evidence/open`.
pub(crate) async fn open_evidence(visit: Visit, Form(form): Form<Opening>) -> Result<Response, Fault> {
    let purpose = super::purpose(&form.purpose)?;
    let kind = evidence::kind_of(&form.kind)?;
    let (principal, who) = (visit.principal.clone(), visit.principal.account.name.clone());
    let work = move |app: &App| {
        let flood = flood_of(app, &principal, &form.flood)?;
        let bytes = app.journal.open_evidence(&flood.id, kind, &purpose, &who)?.ok_or(Fault::Missing)?;
        Ok::<_, Fault>((flood.id, bytes))
    };
    let (id, bytes) = visit.app.wait(work).await?;
    Ok(evidence::download(&id, kind, bytes))
}

#[expect(clippy::cast_precision_loss, reason = "shown with few digits")]
fn to_f64(value: u64) -> f64 {
    value as f64
}

fn notes(visit: &Visit, shown: &Shown) -> Markup {
    let text = |entry: &StoredEntry| -> Option<String> {
        let body: Value = serde_json::from_str(entry.body.as_deref()?).ok()?;
        body["note"].as_str().map(str::to_owned)
    };
    let notes: Vec<(&StoredEntry, String)> =
        shown.notes.iter().rev().filter_map(|entry| Some((entry, text(entry)?))).collect();
    let may_write = Roles::ANALYSTS.has(visit.principal.account.role);
    html! {
        @if notes.is_empty() { p class="empty" { "Nobody has noted anything yet." } }
        ol class="notes" { @for (entry, text) in &notes { li {
            p class="by" { b { (entry.actor.trim_start_matches("person:")) } " " (words::date_time(words::at(entry.time), &visit.zone)) }
            p { (text) }
        } } }
        @if may_write {
            form method="post" action={ "/floods/" (super::escape_query(&shown.flood.id)) "/notes" } {
                (visit.csrf())
                label for="note" { "Add a note" }
                textarea id="note" name="note" rows="3" required maxlength=(super::NOTE_CHARACTERS) {}
                button { "Write down" }
                span class="hint" { " Everybody who sees this flood sees it; it goes into the ledger and stays there." }
            }
        }
    }
}

/// The form of a note.
#[derive(Deserialize)]
pub(crate) struct Note {
    note: String,
}

/// `POST /floods/{id}/notes`.
pub(crate) async fn note(
    visit: Visit,
    Path(id): Path<String>,
    Form(form): Form<Note>,
) -> Result<Response, Fault> {
    let text = super::note(&form.note)?;
    let principal = visit.principal.clone();
    let place = format!("/floods/{}?done=note", super::escape_query(&id));
    visit
        .app
        .wait(move |app| {
            let flood = flood_of(app, &principal, &id)?;
            if text.is_empty() {
                return Err(Fault::Bad("A note is not empty."));
            }
            let entry = record::Entry::new(Kind::Decided, principal.actor(), &id, json!({"note": text}));
            Ok(app.journal.append(entry.scoped(flood.organisations, flood.services))?)
        })
        .await?;
    Ok(see_other(&place))
}
