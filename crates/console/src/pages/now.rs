//! Now: one page to look at, and know.

use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;

use super::layout::glyph;
use super::{Visit, chamber, words};
use crate::api::{visible, visible_floods, visible_readiness, visible_sensors};
use crate::live::{Hearing, Sensor, Service, Snapshot, State};
use crate::outlook::Readiness;

/// `GET /`.
pub(crate) async fn page(visit: Visit) -> Response {
    let snapshot = visit.app.snapshot();
    let services = visible(&snapshot, &visit.principal);
    let floods = visible_floods(&visit.app, &snapshot, &visit.principal);
    let sensors = visible_sensors(&snapshot, &visit.principal);
    let content = html! {
        h1 class="visually-hidden" { "Now" }
        section class="verdict" aria-live="polite" { (verdict(&visit, &floods, &services)) }
        @if let Some(readiness) = visible_readiness(&snapshot, &visit.principal) { (ready(&visit, readiness)) }
        div class="now" {
            section class="panel stage" aria-label="Chamber" {
                @if services.is_empty() {
                    p class="empty" { "No service is declared. The institution file says what is protected." }
                } @else {
                    (chamber::picture(&snapshot, &services))
                    (legend(&services))
                }
            }
            aside class="side" {
                (going_on(&visit, &floods))
                (hearing(&visit, &sensors))
            }
        }
        div class="lanes" {
            (lane(&snapshot, &services, true))
            (lane(&snapshot, &services, false))
        }
    };
    visit.page("/", "Now", &content)
}

/// The one sentence.
fn verdict(visit: &Visit, floods: &[Value], services: &[&Service]) -> Markup {
    let unknown = services.iter().filter(|service| service.state == State::Unknown).count();
    let worst = floods.iter().find(|flood| flood["kind"] == "flood").or_else(|| floods.first());
    html! {
        @match worst {
            Some(flood) => {
                p class={ "sentence " (if flood["kind"] == "surge" { "surge" } else { "flood" }) } { (words::sentence(flood, &visit.zone)) }
                @if floods.len() > 1 { p class="aside" { "And " (floods.len() - 1) " more " @if floods.len() == 2 { "is" } @else { "are" } " going on." } }
            }
            None if services.is_empty() => { p class="sentence unknown" { "Nothing is watched yet." } }
            None if unknown == services.len() => { p class="sentence unknown" { "Nothing says how the services are." } }
            None => {
                p class="sentence calm" { "All is calm." }
                p class="aside" { (services.len() - unknown) " of " (services.len()) " services are as on other days"
                    @if unknown > 0 { "; of " (unknown) " nothing is known" } "." }
            }
        }
    }
}

/// That less is needed for now to say that there is a flood, why, and what people do.
pub(super) fn ready(visit: &Visit, readiness: &Readiness) -> Markup {
    html! {
        section class="panel" id="readiness" {
            h2 { "Readiness: " (readiness.state) " " small { "until " (words::local(&readiness.until, &visit.zone)) } }
            p {
                @if readiness.is_spent { "The detector works with its usual floors: lowered ones told of as much in a month as they may." }
                @else if readiness.floors_percent < 100 { "The detector needs " (readiness.floors_percent) " hundredths of the usual to say that there is a flood." }
                @else { "The detector works with its usual floors." }
            }
            ul { @for reason in &readiness.reasons { li { (reason) } } }
            @if !readiness.checklist.is_empty() { ol class="checklist" { @for check in &readiness.checklist { li { (check) } } } }
        }
    }
}

fn legend(services: &[&Service]) -> Markup {
    html! {
        ul class="legend" aria-label="States" {
            @for state in State::ALL {
                li { (glyph(state.name())) " " (state.name()) " "
                    b { (services.iter().filter(|service| service.state == state).count()) } }
            }
        }
    }
}

fn going_on(visit: &Visit, floods: &[Value]) -> Markup {
    html! {
        section class="panel" {
            h2 { "Going on" }
            @if floods.is_empty() { p class="empty" { "No flood, no surge." } }
            @for flood in floods {
                @let kind = if flood["kind"] == "surge" { "surge" } else { "flood" };
                @let target = flood["target"]["name"].as_str().unwrap_or("?");
                a class={ "event " (kind) } href={ "/floods/" (super::escape_query(flood["id"].as_str().unwrap_or_default())) } {
                    (glyph(kind))
                    span class="what" { (target) }
                    span class="how" { (first_vector(flood, kind)) }
                    span class="rate" { (rate(flood)) }
                    @if let Some(onset) = words::event_time(flood, "onset") {
                        span class="since" { "for " (words::duration(visit.now().as_second() - onset.as_second())) }
                    }
                }
            }
            p class="more" { a href="/floods" { "History" } }
        }
    }
}

fn first_vector(flood: &Value, kind: &str) -> String {
    if kind == "surge" {
        return "More readers".to_owned();
    }
    let name = flood["vectors"][0]["name"].as_str();
    words::capital(&name.map_or_else(|| kind.to_owned(), words::vector))
}

fn rate(flood: &Value) -> String {
    let requests = flood["requests_per_second"].as_f64().filter(|rate| *rate >= words::LEAST_REQUESTS);
    match (requests, flood["packets_per_second"].as_f64()) {
        (Some(rate), _) => format!("{} requests/s", words::short(rate)),
        (_, Some(rate)) => format!("{} packets/s", words::short(rate)),
        _ => String::new(),
    }
}

fn hearing(visit: &Visit, sensors: &[Sensor]) -> Markup {
    let count = |state| sensors.iter().filter(|sensor| sensor.state == state).count();
    let bad: Vec<&Sensor> =
        sensors.iter().filter(|sensor| matches!(sensor.state, Hearing::Losing | Hearing::Silent)).collect();
    html! {
        section class="panel" {
            h2 { "Sensors" }
            p class="figure" { b { (count(Hearing::Hearing)) } " of " (sensors.len()) " hear everything that they are sent" }
            @for sensor in bad {
                p class={ "sensor " (sensor.state.name()) } {
                    (glyph(sensor.state.name())) " " b { (sensor.name) } " "
                    @if sensor.state == Hearing::Losing { "loses " (words::percent(sensor.lost_share.unwrap_or(0.0))) }
                    @else if let Some(heard) = sensor.heard { "silent for " (words::duration(visit.now().as_second() - heard.as_second())) }
                    @else { "silent" }
                }
            }
            p class="more" { a href="/institution#sensors" { "What is seen, and what is not" } }
        }
    }
}

/// One lane: what everybody can reach, or what only the house can.
fn lane(snapshot: &Snapshot, services: &[&Service], public: bool) -> Markup {
    let is_public =
        |service: &&&Service| snapshot.zones.iter().any(|zone| zone.name == service.zone && zone.public);
    let mut here: Vec<&&Service> = services.iter().filter(|service| is_public(service) == public).collect();
    here.sort_by(|a, b| {
        b.state.cmp(&a.state).then(a.criticality.cmp(&b.criticality)).then(a.name.cmp(&b.name))
    });
    html! {
        section class="panel lane" {
            h2 { @if public { "Public lane" } @else { "Internal lane" } " " small { (here.len()) } }
            @if here.is_empty() { p class="empty" { "No service here." } }
            @else {
                table class="services" {
                    thead class="visually-hidden" { tr { th { "Service" } th { "Zone" } th { "Now, of ordinary" } th { "State" } } }
                    tbody { @for service in here { (row(snapshot, service)) } }
                }
            }
        }
    }
}

fn row(snapshot: &Snapshot, service: &Service) -> Markup {
    let state = service.state.name();
    html! {
        tr class=(state) {
            th scope="row" { (glyph(state)) " " a href={ "/institution#service-" (service.name) } { (service.name) } }
            td class="zone" { (words::zone(snapshot, &service.zone)) }
            td class="rate" {
                @match (service.packets_per_second, service.ordinary_packets_per_second) {
                    (Some(now), Some(ordinary)) => {
                        (words::short(now)) span class="of" { " of " (words::short(ordinary)) " packets/s" }
                    }
                    (Some(now), None) => { (words::short(now)) span class="of" { " packets/s" } }
                    _ => span class="of" { "–" },
                }
            }
            td class="state" { (state) }
        }
    }
}
