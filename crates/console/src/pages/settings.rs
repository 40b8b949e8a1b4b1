//! Settings: the own account; people, for administrators; what this is.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;

use maud::{Markup, html};
use record::{Actor, Kind, Totals};
use serde::Deserialize;
use serde_json::{Value, json};

use super::welcome::recovery_codes;
use super::{Visit, bare, see_other, see_other_with, words};
use crate::http::{By, Fault, Keep};
use crate::live::Snapshot;
use crate::people::{Account, Roles, Scope, Session, Token};

/// What the page shows beside the visit.
struct Shown {
    sessions: Vec<Session>,
    tokens: Vec<Token>,
    codes_left: i64,
    people: Vec<Account>,
    totals: Totals,
}

/// Whether somebody manages people.
pub(super) fn manages(visit: &Visit) -> bool {
    Roles::ADMINISTRATORS.has(visit.principal.account.role) && visit.principal.sees_house()
}

/// `GET /settings`.
pub(crate) async fn page(visit: Visit) -> Result<Response, Fault> {
    show(&visit, None).await
}

/// The page, with something that is shown once on top.
pub(super) async fn show(visit: &Visit, once: Option<Markup>) -> Result<Response, Fault> {
    let (id, manages) = (visit.principal.account.id, manages(visit));
    let shown = visit
        .app
        .wait(move |app| {
            Ok::<_, Fault>(Shown {
                sessions: app.people.sessions(id)?,
                tokens: app.people.tokens(id)?,
                codes_left: app.people.recovery_codes_left(id)?,
                people: if manages { app.people.accounts()? } else { Vec::new() },
                // A page of settings is of use without the record.
                totals: app.archive.totals().unwrap_or_default(),
            })
        })
        .await?;
    let snapshot = visit.app.snapshot();
    let content = html! {
        header class="title" { h1 { "Settings" } }
        @if let Some(once) = once { (once) }
        div class="settings" {
            @if manages { section class="panel flush" id="people" { h2 { "People" } (super::people::section(visit, &shown.people, &snapshot)) } }
            section class="panel" id="appearance" { h2 { "Colours" } (theme_form(visit)) }
            section class="panel" id="password" { h2 { "Password" } (password_form(visit)) }
            section class="panel" id="recovery" { h2 { "Recovery codes" } (recovery_form(visit, shown.codes_left)) }
            section class="panel flush" id="sessions" tabindex="0" aria-label="Sessions" { h2 { "Sessions" } (sessions(visit, &shown.sessions)) }
            section class="panel flush" id="tokens" { h2 { "API tokens" } (tokens(visit, &shown.tokens, &snapshot)) }
            section class="panel" id="about" { h2 { "About" } (about(visit, &shown.totals, &snapshot)) }
        }
    };
    Ok(visit.page("/settings", "Settings", &content))
}

fn theme_form(visit: &Visit) -> Markup {
    html! {
        form class="inline" method="post" action="/settings/theme" {
            (visit.csrf())
            fieldset class="segments" { legend class="visually-hidden" { "Colours" }
                @for (value, label) in [("auto", "As the system"), ("light", "Light"), ("dark", "Dark")] {
                    label { input type="radio" name="theme" value=(value) checked[visit.theme == value]; span { (label) } }
                }
            }
            button { "Use" }
        }
    }
}

fn password_form(visit: &Visit) -> Markup {
    html! {
        form method="post" action="/settings/password" {
            (visit.csrf())
            label { span { "Present password" } input type="password" name="old" autocomplete="current-password" required maxlength="256"; }
            label { span { "New password, at least 12 characters" } input type="password" name="new" autocomplete="new-password" required minlength="12" maxlength="256"; }
            button { "Change" }
        }
    }
}

fn recovery_form(visit: &Visit, left: i64) -> Markup {
    html! {
        p { b { (left) } " of 10 are left." @if left < 4 { " Better make new ones." } }
        form method="post" action="/settings/recovery" { (visit.csrf()) button { "Make new ones" } span class="hint" { " The old ones are then worth nothing." } }
    }
}

fn sessions(visit: &Visit, sessions: &[Session]) -> Markup {
    let own = match &visit.principal.by {
        By::Session { session, .. } => session.handle.as_str(),
        By::Token(_) => "",
    };
    let time =
        |seconds| words::date_time(jiff::Timestamp::from_second(seconds).unwrap_or_default(), &visit.zone);
    html! {
        table { thead { tr { th { "Began" } th { "Last used" } th { "From" } th { "Browser" } th { span class="visually-hidden" { "End" } } } }
            tbody { @for session in sessions { tr {
                td { (time(session.created_seconds)) } td { (time(session.seen_seconds)) } td { code { (session.address) } }
                td class="agent" { (browser(&session.agent)) }
                td class="act" { @if session.handle == own { span class="tag" { "this one" } } @else {
                    form method="post" action={ "/settings/sessions/" (session.handle) "/end" } { (visit.csrf()) button class="small" { "End" } } } }
            } } }
        }
    }
}

/// The name of a browser, out of what it says of itself.
fn browser(agent: &str) -> &str {
    let known = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    known
        .iter()
        .find(|(mark, _)| agent.contains(mark))
        .map_or_else(|| agent.split(' ').next().unwrap_or("?"), |(_, name)| name)
}

fn tokens(visit: &Visit, tokens: &[Token], snapshot: &Snapshot) -> Markup {
    let time =
        |seconds| words::date_time(jiff::Timestamp::from_second(seconds).unwrap_or_default(), &visit.zone);
    html! {
        @if tokens.is_empty() { p class="empty" { "None. Programs show a token instead of a session." } } @else {
            table { thead { tr { th { "Name" } th { "For" } th { "Sees" } th { "Until" } th { "Last used" } th { span class="visually-hidden" { "Withdraw" } } } }
                tbody { @for token in tokens { tr {
                    th scope="row" { (token.name) }
                    td { (token.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(", ")) }
                    td { (token.organisation.as_deref().map_or("the whole house", |name| words::organisation(snapshot, name))) }
                    td { (time(token.expires_seconds)) } td { @match token.used_seconds { Some(used) => (time(used)), None => "never" } }
                    td class="act" { form method="post" action={ "/settings/tokens/" (token.id) "/withdraw" } { (visit.csrf()) button class="small" { "Withdraw" } } }
                } } } }
        }
        form class="row" method="post" action="/settings/tokens" {
            (visit.csrf())
            label { span { "Name" } input name="name" required maxlength="64" placeholder="grafana"; }
            label { span { "Days" } input type="number" name="days" value="90" min="1" max="366" required; }
            fieldset { legend { "For" } @for scope in Scope::ALL {
                label class="check" title=(scope.description()) { input type="checkbox" name=(scope.name()) value="1" checked[scope == Scope::Read]; span { (scope.name()) } } } }
            (super::people::reach_field(snapshot, visit.principal.organisation(), visit.principal.sees_house()))
            button { "Make" }
        }
        @if visit.app.oidc.is_some() {
            p class="hint" { "Tokens of whom the provider vouches for rest " (words::duration(visit.app.options.policy.vouched_seconds)) " after their last sign-in by it, until the next." }
        }
    }
}

fn about(visit: &Visit, totals: &Totals, snapshot: &Snapshot) -> Markup {
    #[expect(clippy::cast_precision_loss, reason = "shown in few digits")]
    let count = |value: u64| words::count(value as f64);
    html! {
        dl class="pairs" {
            div { dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) } }
            div { dt { "Running since" } dd { (words::date_time(snapshot.started, &visit.zone)) } }
            div { dt { "Mode" } dd { (words::capital(&snapshot.mode)) } }
            @if visit.principal.sees_house() {
                div { dt { "Ledger" } dd { (count(totals.entries)) " entries, " (words::bytes(totals.database_bytes + totals.evidence_bytes)) } }
                div { dt { "Last entry" } dd { code class="hash" { (totals.last_hash) } } }
            }
            @if let Some(fingerprint) = visit.app.fingerprint.load().as_deref() { div { dt { "Certificate, SHA-256" } dd { code class="hash" { (fingerprint) } } } }
            div { dt { "Licence" } dd { "Apache-2.0" } }
        }
    }
}

/// The form of the colours.
#[derive(Deserialize)]
pub(crate) struct Theme {
    theme: String,
}

/// `POST /settings/theme`.
pub(crate) async fn theme(_: Visit, Form(form): Form<Theme>) -> Result<Response, Fault> {
    match form.theme.as_str() {
        theme @ ("auto" | "light" | "dark") => Ok(see_other_with("/settings", &[Keep::Theme(theme)])),
        _ => Err(Fault::Bad("Colours are auto, light or dark.")),
    }
}

/// The form of the password.
#[derive(Deserialize)]
pub(crate) struct Password {
    old: String,
    new: String,
}

fn write(app: &crate::http::App, actor: Actor, subject: &str, body: Value) -> Result<(), Fault> {
    Ok(app.write_down(Kind::Configured, actor, subject, body)?)
}

/// `POST /settings/password`.
pub(crate) async fn password(visit: Visit, Form(form): Form<Password>) -> Result<Response, Fault> {
    let By::Session { session, .. } = &visit.principal.by else { return Err(Fault::Forbidden) };
    let (name, handle, actor) =
        (visit.principal.account.name.clone(), session.handle.clone(), visit.principal.actor());
    let work = move |app: &crate::http::App| {
        app.people.change_password(&name, &form.old, &form.new, &handle)?;
        write(app, actor, &name, json!({"what": "password"}))
    };
    visit.app.wait(work).await?;
    Ok(see_other("/settings?done=password"))
}

/// `POST /settings/recovery`.
pub(crate) async fn recovery(visit: Visit) -> Result<Response, Fault> {
    let (account, actor) = (visit.principal.account.clone(), visit.principal.actor());
    let work = move |app: &crate::http::App| {
        let codes = app.people.new_recovery_codes(account.id)?;
        write(app, actor, &account.name, json!({"what": "recovery codes"}))?;
        Ok::<_, Fault>(codes)
    };
    let codes = visit.app.wait(work).await?;
    Ok(bare(visit.theme, "Recovery codes", &recovery_codes(&codes, "/settings")))
}

/// `POST /settings/sessions/{handle}/end`.
pub(crate) async fn end_session(visit: Visit, Path(handle): Path<String>) -> Result<Response, Fault> {
    let id = visit.principal.account.id;
    let ended = visit.app.wait(move |app| app.people.end_session(id, &handle)).await?;
    if ended { Ok(see_other("/settings?done=session")) } else { Err(Fault::Missing) }
}

/// The form of a token.
#[derive(Deserialize)]
pub(crate) struct NewToken {
    name: String,
    days: i64,
    #[serde(default)]
    organisation: String,
    read: Option<String>,
    ledger: Option<String>,
    metrics: Option<String>,
    webhook: Option<String>,
}

/// `POST /settings/tokens`.
pub(crate) async fn create_token(visit: Visit, Form(form): Form<NewToken>) -> Result<Response, Fault> {
    let ticked = [&form.read, &form.ledger, &form.metrics, &form.webhook];
    let scopes: Vec<Scope> = Scope::ALL
        .into_iter()
        .zip(ticked)
        .filter(|(_, tick)| tick.is_some())
        .map(|(scope, _)| scope)
        .collect();
    let organisation = Some(form.organisation.clone()).filter(|name| !name.is_empty());
    let (account, actor, name) =
        (visit.principal.account.clone(), visit.principal.actor(), form.name.trim().to_owned());
    let work = move |app: &crate::http::App| {
        let text = app.people.create_token(&account, &name, &scopes, organisation.as_deref(), form.days)?;
        let words: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        write(
            app,
            actor,
            &name,
            json!({"what": "token made", "scopes": words, "organisation": organisation}),
        )?;
        Ok::<_, Fault>(text)
    };
    let text = visit.app.wait(work).await?;
    let once = html! { div class="notice once" role="status" { p { "The token, shown this once:" } p { code { (text) } } } };
    show(&visit, Some(once)).await
}

/// `POST /settings/tokens/{id}/withdraw`.
pub(crate) async fn withdraw_token(visit: Visit, Path(id): Path<i64>) -> Result<Response, Fault> {
    let (account, actor) = (visit.principal.account.id, visit.principal.actor());
    let work = move |app: &crate::http::App| {
        if !app.people.withdraw_token(account, id)? {
            return Err(Fault::Missing);
        }
        write(app, actor, &id.to_string(), json!({"what": "token withdrawn"}))
    };
    visit.app.wait(work).await?;
    Ok(see_other("/settings?done=token"))
}
