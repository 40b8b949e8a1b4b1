//! Institution: what is protected, and what is seen of it and what is not.

use axum::response::Response;
use maud::{Markup, html};

use super::layout::glyph;
use super::{Visit, words};
use crate::api::{visible, visible_sensors};
use crate::live::{Hearing, Sensor, Service, Snapshot};
use crate::runbooks::{Alarm, runbook};

/// `GET /institution`.
pub(crate) async fn page(visit: Visit) -> Response {
    let snapshot = visit.app.snapshot();
    let services = visible(&snapshot, &visit.principal);
    let sensors = visible_sensors(&snapshot, &visit.principal);
    let unseen: Vec<&&Service> = services.iter().filter(|service| !seen(service, &sensors)).collect();
    let content = html! {
        header class="title" { h1 { (snapshot.institution) } }
        p class="reason" {
            (services.len()) " services in " (snapshot.zones.iter().filter(|zone| services.iter().any(|service| service.zone == zone.name)).count()) " zones, "
            (sensors.len()) " sensors. "
            @if unseen.is_empty() { "Every service is seen by a sensor that hears." }
            @else { b { (unseen.len()) @if unseen.len() == 1 { " service is" } @else { " services are" } " seen by no sensor that hears: " } (names(&unseen)) "." }
        }
        section class="panel flush" id="sensors" tabindex="0" aria-label="Sensors" { h2 { "Sensors: coverage and blindness" } (sensor_table(&visit, &sensors, &services)) }
        @for zone in &snapshot.zones {
            @let here: Vec<&&Service> = services.iter().filter(|service| service.zone == zone.name).collect();
            @if !here.is_empty() {
                section class="panel flush" {
                    h2 { (zone.title) " " small { @if zone.public { "public" } @else { "internal" } } }
                    (service_table(&snapshot, &here, &sensors))
                }
            }
        }
    };
    visit.page("/institution", "Institution", &content)
}

fn names(services: &[&&Service]) -> String {
    let names: Vec<&str> = services.iter().take(12).map(|service| service.name.as_str()).collect();
    names.join(", ") + if services.len() > 12 { ", …" } else { "" }
}

fn hears(sensor: &Sensor) -> bool {
    matches!(sensor.state, Hearing::Hearing | Hearing::Losing)
}

fn seen(service: &Service, sensors: &[Sensor]) -> bool {
    sensors.iter().any(|sensor| hears(sensor) && service.seen_by.contains(&sensor.name))
}

/// The runbook of a sensor that is not well.
fn what_to_do(sensor: &Sensor) -> Option<&'static str> {
    match sensor.state {
        Hearing::Silent => Some(runbook(Alarm::SensorSilent)),
        Hearing::Losing => Some(runbook(Alarm::SensorLosing)),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown in few digits")]
fn sensor_table(visit: &Visit, sensors: &[Sensor], services: &[&Service]) -> Markup {
    html! {
        @if sensors.is_empty() { p class="empty" { "No sensor is declared: nothing can be seen." } } @else {
            table class="sensors" {
                thead { tr { th { "Sensor" } th { "Kind" } th class="number" { "Records/s" } th class="number" { "Lost" } th class="number" { "Sampling" } th class="number" { "Services" } th { "Heard" } th { "Cannot see" } } }
                tbody { @for sensor in sensors {
                    tr class=(sensor.state.name()) {
                        th scope="row" { (glyph(sensor.state.name())) " " (sensor.name) " " span class="state" { (sensor.state.name()) }
                            @if let Some(name) = what_to_do(sensor) { " " a href={ "/runbooks/" (name) } { "What to do" } } }
                        td { (sensor.kind) }
                        td class="number" { @match sensor.records_per_second { Some(rate) => (words::short(rate)), None => "–" } }
                        td class="number" title={ (sensor.lost) " of " (sensor.records + sensor.lost) " since the start" } {
                            @match sensor.lost_share { Some(share) => (words::percent(share)), None => (words::short(sensor.lost as f64)) } }
                        td class="number" { @match sensor.sampling { Some(1) => "all", Some(rate) => { "1 in " (words::count(rate as f64)) } None => "–" } }
                        td class="number" { (services.iter().filter(|service| service.seen_by.contains(&sensor.name)).count()) }
                        td { @match sensor.heard { Some(heard) => (words::ago(heard, visit.now())), None => "never" } }
                        td class="blind" { @if sensor.blind_to.is_empty() { "–" } @else { (sensor.blind_to.join("; ")) } }
                    }
                } }
            }
        }
    }
}

fn service_table(snapshot: &Snapshot, services: &[&&Service], sensors: &[Sensor]) -> Markup {
    html! {
        table class="protected" {
            thead { tr { th { "Service" } th { "Whose" } th { "Criticality" } th { "Addresses" } th { "Seen by" } } }
            tbody { @for service in services {
                tr id={ "service-" (service.name) } class=(service.state.name()) {
                    th scope="row" { (glyph(service.state.name())) " " (service.name)
                        @if let Some(name) = service.names.first() { small { (name) } }
                        @if let Some(workaround) = &service.workaround { small { "If it is away: " (workaround) } } }
                    td { (words::organisation(snapshot, &service.organisation)) }
                    td { (service.criticality.name()) }
                    td class="addresses" { @for address in service.addresses.iter().take(6) { code { (address) } " " } @if service.addresses.len() > 6 { "and " (service.addresses.len() - 6) " more" } }
                    td { @if seen(service, sensors) { (service.seen_by.join(", ")) } @else { span class="tag warning" { "nobody that hears" } } }
                }
            } }
        }
    }
}
