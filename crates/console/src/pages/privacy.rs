//! A page to hand to a data protection officer: what is kept, what never, for how long, and who looked.

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use record::{Filter, Kind, Page, StoredEntry};
use serde::Deserialize;
use serde_json::Value;

use super::{Visit, words};
use crate::http::Fault;
use crate::people::{Role, Roles};

/// Openings that are shown.
const SHOWN: usize = 100;

/// `GET /data-protection`.
pub(crate) async fn page(visit: Visit) -> Result<Response, Fault> {
    show(&visit, None).await
}

/// Who sees who looked: data protection and administrators, of the whole house.
fn oversees(visit: &Visit) -> bool {
    matches!(visit.principal.account.role, Role::DataProtection | Role::Administrator)
        && visit.principal.sees_house()
}

pub(super) async fn show(visit: &Visit, once: Option<Markup>) -> Result<Response, Fault> {
    let oversees = oversees(visit);
    let opened = visit
        .app
        .wait(move |app| {
            if !oversees {
                return Ok(Vec::new());
            }
            let filter = Filter { kinds: vec![Kind::Opened, Kind::Erased], ..Filter::default() };
            app.archive.entries(&filter, &Page { after: None, limit: SHOWN }).map(|page| page.items)
        })
        .await?;
    let answers = Roles::GUARDIANS.has(visit.principal.account.role) && visit.principal.sees_house();
    let may_open = Roles::ANALYSTS.has(visit.principal.account.role) && visit.principal.sees_house();
    let content = html! {
        header class="title" { h1 { "Data protection" } }
        @if let Some(once) = once { (once) }
        (statement(visit))
        @if may_open { section class="panel" id="open" { h2 { "Open an address" } (open_form(visit)) } }
        @if answers { section class="panel" id="person" { h2 { "What a person may ask for" } (super::person::forms(visit)) } }
        @if oversees { section class="panel flush" id="opened" tabindex="0" aria-label="Who looked" { h2 { "Who looked" } (looked(visit, &opened)) } }
    };
    Ok(visit.page("/data-protection", "Data protection", &content))
}

fn statement(visit: &Visit) -> Markup {
    let retention = &visit.app.options.retention;
    html! {
        div class="columns prose" {
            section class="panel" { h2 { "What is kept" } ul {
                li { b { "Counts" } " of packets, bytes and requests for each protected service: no persons in them." }
                li { b { "Floods" } " with their time line and up to ten of their sources, as codes." }
                li { b { "Evidence" } " of floods: headers of sampled packets and flow records, sealed." }
                li { b { "The ledger" } ": what was seen, decided and done, and by whom, in a chain that shows changes." }
                li { b { "Accounts" } ": name, role, sign-ins with the address they came from." }
            } }
            section class="panel" { h2 { "What is never kept" } ul {
                li { "The content of anybody's traffic: of packets only headers are kept." }
                li { "Which member or visitor reads what: requests are counted, not listed." }
                li { "Passwords, sessions, tokens: only digests that lead to nothing." }
                li { "Anything outside this machine: no page loads, and no figure is sent, elsewhere." }
            } }
            section class="panel" { h2 { "Codes in place of addresses" }
                p { "Addresses of persons are replaced by codes under a secret key that changes in time. The same address has the same code within one period and another one in the next." }
                p { "An address is opened one at a time, for a purpose that is written into the ledger before it is shown, and everybody in the role of data protection sees who did it. Erasing an address leaves codes that lead nowhere, and the chain whole." }
            }
            section class="panel" { h2 { "For how long" }
                @if retention.is_empty() { p class="empty" { "As the configuration says." } } @else {
                    dl class="pairs" { @for (what, time) in retention { div { dt { (what) } dd { (time) } } } } }
            }
        }
    }
}

fn open_form(visit: &Visit) -> Markup {
    html! {
        form class="row" method="post" action="/data-protection/open" {
            (visit.csrf())
            label { span { "Code" } input name="code" required maxlength="64" autocomplete="off" spellcheck="false"; }
            (super::purpose_field("to ask the provider of this source to stop it"))
            button { "Open" }
        }
        p class="hint" { "Your name, the code and the purpose are written down first, and stay." }
    }
}

fn looked(visit: &Visit, entries: &[StoredEntry]) -> Markup {
    let word = |entry: &StoredEntry, name: &str| -> String {
        let body: Option<Value> = entry.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        body.and_then(|body| body[name].as_str().map(str::to_owned)).unwrap_or_default()
    };
    html! {
        @if entries.is_empty() { p class="empty" { "Nobody has opened or erased an address." } } @else {
            table { thead { tr { th { "When" } th { "Who" } th { "What" } th { "About" } th { "Purpose" } } }
                tbody { @for entry in entries { tr {
                    td { (words::date_time(words::at(entry.time), &visit.zone)) } td { (entry.actor.trim_start_matches("person:")) }
                    td { (entry.kind) } td { code { (entry.subject) } } td { (word(entry, "purpose")) }
                } } } }
        }
    }
}

/// The form of an opening.
#[derive(Deserialize)]
pub(crate) struct Opening {
    code: String,
    purpose: String,
}

/// `POST /data-protection/open`.
pub(crate) async fn open(visit: Visit, Form(form): Form<Opening>) -> Result<Response, Fault> {
    let (code, purpose) = (form.code.trim().to_owned(), super::purpose(&form.purpose)?);
    if code.is_empty() || code.len() > 64 {
        return Err(Fault::Bad("A code has 1 to 64 characters."));
    }
    let (who, shown) = (visit.principal.account.name.clone(), code.clone());
    let address = visit.app.wait(move |app| app.journal.open_address(&code, &purpose, &who)).await?;
    let once = html! { div class="notice once" role="status" {
        @match address {
            Some(address) => { p { "Behind " code { (shown) } " is " code { (address) } "." } }
            None => { p { "Nothing is kept behind " code { (shown) } " any more." } }
        }
    } };
    show(&visit, Some(once)).await
}
