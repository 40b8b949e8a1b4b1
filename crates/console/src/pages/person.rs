//! What a person may ask for (GDPR articles 15 and 17): what is held about their address, and that it is erased. Both are
//! entries of the ledger before they are answered, with a purpose; neither holds the address.

use std::net::IpAddr;

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use record::{AddressReport, Erasure};
use serde::Deserialize;

use super::{Visit, privacy, words};
use crate::http::Fault;

/// Codes, entries and floods that are shown.
const SHOWN: usize = 50;

/// The form of both.
#[derive(Deserialize)]
pub(crate) struct Request {
    address: String,
    purpose: String,
}

/// What was asked, checked.
fn checked(form: &Request) -> Result<(IpAddr, String), Fault> {
    let address = form.address.trim().parse().map_err(|_| Fault::Bad("That is not an address."))?;
    Ok((address, super::purpose(&form.purpose)?))
}

/// `POST /data-protection/report`.
pub(crate) async fn report(visit: Visit, Form(form): Form<Request>) -> Result<Response, Fault> {
    let (address, purpose) = checked(&form)?;
    let who = visit.principal.account.name.clone();
    let report = visit.app.wait(move |app| app.journal.held_about(address, &purpose, &who)).await?;
    let shown = shown_report(&visit, address, &report);
    privacy::show(&visit, Some(shown)).await
}

/// `POST /data-protection/erase`.
pub(crate) async fn erase(visit: Visit, Form(form): Form<Request>) -> Result<Response, Fault> {
    let (address, purpose) = checked(&form)?;
    let who = visit.principal.account.name.clone();
    let done = visit.app.wait(move |app| app.journal.erase(address, &purpose, &who)).await?;
    privacy::show(&visit, Some(shown_erasure(address, &done))).await
}

/// The two forms.
pub(super) fn forms(visit: &Visit) -> Markup {
    let form = |place: &str, verb: &str, example: &str| {
        html! {
            form class="row" method="post" action=(place) {
                (visit.csrf())
                label { span { "Address" } input name="address" required maxlength="64" autocomplete="off" spellcheck="false"; }
                (super::purpose_field(example))
                button { (verb) }
            }
        }
    };
    html! {
        (form("/data-protection/report", "Report", "request of the person of 27 November, file 2026/114"))
        (form("/data-protection/erase", "Erase", "erasure asked for on 27 November, file 2026/114"))
        p class="hint" {
            "A report says which codes, floods and files hold the address. Erasing removes the plain address, what leads from it to its codes, and its packets and flow records in evidence; "
            "codes that stay lead nowhere, and the chain holds. What comes of it within a day, as of a flood that goes on, gets a code that leads nowhere and is no evidence. Copies that were made before are not reached. Both are written down with your name and the purpose, and without the address."
        }
    }
}

fn shown_report(visit: &Visit, address: IpAddr, report: &AddressReport) -> Markup {
    let seen = |time: i64| words::day_time(words::at(time), &visit.zone);
    html! { div class="notice once" role="status" {
        p { "About " code { (address) } ": "
            @if report.codes.is_empty() { "no code is known. " } @else { (report.codes.len()) " codes. " }
            @if report.plain_kept { "The plain address is kept, sealed. " } @else { "The plain address is not kept. " }
            @if report.evidence.is_empty() { "No evidence holds it." } @else { "Evidence of " (report.evidence.len()) " floods holds it." }
        }
        @if !report.codes.is_empty() {
            table { thead { tr { th { "Code" } th { "First seen" } th { "Last seen" } th { "Entries" } th { "Floods" } } }
                tbody { @for code in report.codes.iter().take(SHOWN) { tr {
                    td { code { (code.code) } } td { (seen(code.first_seen)) } td { (seen(code.last_seen)) }
                    td { (code.entries.len()) }
                    td { @for flood in code.floods.iter().take(SHOWN) { (link(flood)) " " } }
                } } } }
        }
        @if !report.evidence.is_empty() { p { "Evidence: " @for flood in report.evidence.iter().take(SHOWN) { (link(flood)) " " } } }
    } }
}

fn link(flood: &str) -> Markup {
    html! { a href={ "/floods/" (super::escape_query(flood)) } { code { (flood) } } }
}

fn shown_erasure(address: IpAddr, done: &Erasure) -> Markup {
    html! { div class="notice once" role="status" {
        p { code { (address) } " is erased: " (done.codes.len()) " codes lead nowhere now, and "
            (done.evidence_records) " packets and flow records are gone. Entry " (done.seq) " of the ledger says so." }
    } }
}
