//! Signing in and out.

use std::net::IpAddr;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::{Extension, Form};
use maud::{Markup, html};
use record::{Actor, Kind};
use serde::Deserialize;
use serde_json::json;

use super::{Visit, bare, see_other_with};
use crate::http::{App, By, Cookies, Counts, Fault, Keep, Peer, Shared};
use crate::people::{Attempt, Refusal, SignedIn};

/// Sign-ins that wait for their turn at most so long, in seconds.
const TURN_SECONDS: u64 = 10;

/// Where to go on.
#[derive(Deserialize, Default)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

/// What the form holds.
#[derive(Deserialize)]
pub(crate) struct Typed {
    name: String,
    password: String,
    code: String,
    #[serde(default)]
    next: String,
}

/// Only a path of this server, never `//host`.
fn path(next: &str) -> &str {
    let plain = next.starts_with('/') && !next.starts_with("//") && next.len() < 200;
    if plain && next.chars().all(|letter| letter.is_ascii_graphic() && letter != '\\') { next } else { "/" }
}

/// `GET /signin`.
pub(crate) async fn page(
    State(app): State<Shared>,
    headers: HeaderMap,
    Query(next): Query<Next>,
) -> Response {
    bare(Cookies(&headers).theme(), "Sign in", &form(&app, path(&next.next), "", None))
}

fn form(app: &App, next: &str, name: &str, wrong: Option<&str>) -> Markup {
    html! {
        h1 { "Sign in" }
        @if let Some(oidc) = &app.oidc { p { a class="button" href="/signin/oidc" { "Sign in with " (oidc.provider.title) } } p class="hint" { "Or with an account of this server:" } }
        @if let Some(wrong) = wrong { p class="notice warning" role="alert" { (wrong) } }
        form method="post" action="/signin" {
            input type="hidden" name="next" value=(next);
            label { span { "Name" } input name="name" value=(name) autocomplete="username" required maxlength="64" autofocus[name.is_empty()]; }
            label { span { "Password" } input type="password" name="password" autocomplete="current-password" required maxlength="256" autofocus[!name.is_empty()]; }
            label { span { "Code of the app, or a recovery code" } input name="code" autocomplete="one-time-code" required maxlength="40"; }
            button class="primary" { "Sign in" }
        }
        p class="hint" { "Lost everything? An administrator can make a new link, or whoever stands at the server: " code { "hemicycle user link NAME --config FILE" } }
    }
}

/// `POST /signin`.
pub(crate) async fn sign_in(
    State(app): State<Shared>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    Form(typed): Form<Typed>,
) -> Result<Response, Fault> {
    let attempt = attempt(&typed, address, &headers);
    let known = {
        let attempt = attempt.clone();
        app.wait(move |app| app.people.is_known(&attempt)).await?
    };
    // Strangers wait for strangers only, so that however many come, a known device has its turn.
    let turns = if known { &app.known } else { &app.strangers };
    let turn = tokio::time::timeout(std::time::Duration::from_secs(TURN_SECONDS), turns.acquire());
    let Ok(Ok(_turn)) = turn.await else { return Err(Fault::Busy) };
    let result = app.wait(move |app| decide(app, &attempt)).await?;
    let theme = Cookies(&headers).theme();
    match result {
        Ok(signed_in) => {
            let started = &signed_in.started;
            let place = if signed_in.by_recovery_code { "/settings#recovery" } else { path(&typed.next) };
            let device = Keep::Device(&started.device, app.options.policy.device_seconds);
            Ok(see_other_with(place, &[Keep::Session(&started.token), device]))
        }
        Err(Refusal::Wrong) => {
            let mut page = bare(
                theme,
                "Sign in",
                &form(&app, path(&typed.next), &typed.name, Some("Name, password or code is wrong.")),
            );
            *page.status_mut() = StatusCode::UNAUTHORIZED;
            Ok(page)
        }
        Err(Refusal::Wait(seconds)) => {
            let text = format!("Too many tries from here. The next one in {seconds} s.");
            let mut page = bare(theme, "Sign in", &form(&app, path(&typed.next), &typed.name, Some(&text)));
            *page.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(page)
        }
    }
}

fn attempt(typed: &Typed, address: IpAddr, headers: &HeaderMap) -> Attempt {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Attempt {
        name: typed.name.trim().to_owned(),
        password: typed.password.clone(),
        code: typed.code.trim().to_owned(),
        device: Cookies(headers).device().map(str::to_owned),
        address,
        agent: agent.to_owned(),
    }
}

fn decide(app: &App, attempt: &Attempt) -> Result<Result<SignedIn, Refusal>, crate::people::Error> {
    let result = app.people.sign_in(attempt)?;
    let (counter, what) = match &result {
        Ok(_) => (&app.counts.sign_ins, "in"),
        Err(Refusal::Wrong) => (&app.counts.sign_ins_refused, "refused"),
        Err(Refusal::Wait(_)) => (&app.counts.sign_ins_delayed, "delayed"),
    };
    Counts::add(counter);
    // Tries that were only told to wait are counted, not written down: they cost the sender nothing and the ledger a line.
    if what != "delayed" {
        let name: String = attempt.name.chars().take(64).collect();
        let recovery = result.as_ref().is_ok_and(|signed_in| signed_in.by_recovery_code);
        let body = json!({"what": what, "address": attempt.address.to_canonical().to_string(), "recovery_code": recovery});
        // A full disk must not keep the duty officer out: the failure is counted and signing in goes on.
        let _ = app.write_down(Kind::SignedIn, Actor::Person(name.clone()), &name, body);
    }
    Ok(result)
}

/// `POST /signout`.
pub(crate) async fn sign_out(visit: Visit) -> Result<Response, Fault> {
    if let By::Session { session, .. } = &visit.principal.by {
        let (id, handle, actor) =
            (visit.principal.account.id, session.handle.clone(), visit.principal.actor());
        visit.app.wait(move |app| app.people.end_session(id, &handle)).await?;
        let name = visit.principal.account.name.clone();
        let _: Result<(), Fault> = visit
            .app
            .wait(move |app| app.write_down(Kind::SignedIn, actor, &name, json!({"what": "out"})))
            .await;
    }
    Ok(see_other_with("/signin", &[Keep::NoSession]))
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn going_on_never_leaves_this_server() {
        assert_eq!(path("/floods?q=a%20b"), "/floods?q=a%20b");
        for elsewhere in
            ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "", "/a\r\nb"]
        {
            assert_eq!(path(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
