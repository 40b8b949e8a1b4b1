//! Signing in by the house's own provider: there and back.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::html;
use record::{Actor, Kind};
use serde::Deserialize;
use serde_json::json;

use super::{bare, bare_going_to, see_other_with};
use crate::http::{App, Cookies, Counts, Fault, Keep, Peer, Shared};
use crate::oidc::{Oidc, Refused, TICKET_SECONDS, Vouched};
use crate::people;

/// What the browser brings back.
#[derive(Deserialize, Default)]
pub(crate) struct Back {
    #[serde(default)]
    state: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    error: String,
}

fn oidc(app: &App) -> Result<&Oidc, Fault> {
    app.oidc.as_ref().ok_or(Fault::Missing)
}

/// `GET /signin/oidc`.
pub(crate) async fn begin(State(app): State<Shared>, headers: HeaderMap) -> Result<Response, Fault> {
    match oidc(&app)?.begin().await {
        Ok((ticket, place)) => Ok(see_other_with(&place, &[Keep::Ticket(&ticket, TICKET_SECONDS)])),
        Err(refused) => Ok(refusal(&app, &headers, &refused, None).await),
    }
}

/// `GET /signin/oidc/callback`.
pub(crate) async fn callback(
    State(app): State<Shared>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Result<Response, Fault> {
    let oidc = oidc(&app)?;
    let ticket = Cookies(&headers).ticket().unwrap_or_default().to_owned();
    let vouched = if back.error.is_empty() {
        oidc.finish(&ticket, &back.state, &back.code).await
    } else {
        oidc.declined(&ticket, &back.state, &back.error)
    };
    let address = address.to_canonical().to_string();
    let vouched = match vouched {
        Ok(vouched) => vouched,
        Err(refused) => return Ok(refusal(&app, &headers, &refused, Some(address)).await),
    };
    let agent =
        headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let token = app.wait(move |app| let_in(app, &vouched, &address, &agent)).await?;
    let theme = Cookies(&headers).theme();
    // A page and no redirect: the way here began at another site, and on such a way browsers keep strict cookies at home.
    let mut page = bare_going_to(
        "/",
        theme,
        "Signed in",
        &html! {
            h1 { "Signed in" }
            p { a href="/" { "Go on" } }
        },
    );
    for keep in [Keep::Session(&token), Keep::NoTicket] {
        page.headers_mut().append(header::SET_COOKIE, keep.header());
    }
    Ok(page)
}

fn let_in(app: &App, vouched: &Vouched, address: &str, agent: &str) -> Result<String, people::Error> {
    let organisation = vouched.organisation.as_deref();
    let account = app.people.vouched(&vouched.subject, &vouched.name, vouched.role, organisation);
    let account = account.inspect_err(|error| {
        Counts::add(&app.counts.sign_ins_refused);
        say_refused(app, &crate::oidc::plain(&vouched.name), &error.to_string(), Some(address), false);
    })?;
    let token = app.people.start_vouched_session(&account, address, agent)?;
    Counts::add(&app.counts.sign_ins);
    let body = json!({"what": "in", "by": "provider", "address": address, "role": account.role.name()});
    // As with a password: a full disk keeps nobody out.
    let _ = app.write_down(Kind::SignedIn, Actor::Person(account.name.clone()), &account.name, body);
    Ok(token)
}

/// As with a password, a refusal is written down and said; but whoever can cause one can cause many, so that both are paced
/// ([`Oidc::may_say`]). An entry that has to be written is written whenever it comes.
fn say_refused(app: &App, name: &str, why: &str, address: Option<&str>, has_to_be_written: bool) {
    let unsaid = app.oidc.as_ref().and_then(Oidc::may_say);
    if has_to_be_written || unsaid.is_some() {
        let body = json!({"what": "refused", "by": "provider", "address": address, "why": why});
        let _ = app.write_down(Kind::SignedIn, Actor::Person(name.to_owned()), name, body);
    }
    let Some(unsaid) = unsaid else { return };
    let more =
        if unsaid > 0 { format!(" ({unsaid} more were refused since the last line)") } else { String::new() };
    (app.options.complain)(&format!("console: a sign-in by the provider is refused: {why}{more}"));
}

/// What a refusal leaves behind: sessions and tokens end of whom the provider names without a role; a line, an entry.
fn take_note(app: &App, refused: &Refused, address: Option<&str>) -> Result<(), people::Error> {
    Counts::add(&app.counts.sign_ins_refused);
    let why = refused.to_string();
    match refused {
        // Anybody's word, without a sign-in that was begun here: counted, and nothing else.
        Refused::Ticket | Refused::Busy => {}
        Refused::NoRole { subject, name } => {
            // Once: who comes back has nothing left that could end.
            let has_ended = app.people.not_vouched(subject)?;
            say_refused(app, name, &why, address, has_ended);
        }
        Refused::Provider(_) | Refused::Unreachable(_) | Refused::Token(_) => {
            say_refused(app, "unknown", &why, address, false);
        }
    }
    Ok(())
}

async fn refusal(app: &Shared, headers: &HeaderMap, refused: &Refused, address: Option<String>) -> Response {
    let noted = refused.clone();
    if let Err(fault) = app.wait(move |app| take_note(app, &noted, address.as_deref())).await {
        return fault.into_response();
    }
    let mut page = bare(
        Cookies(headers).theme(),
        "Not signed in",
        &html! {
            h1 { "Not signed in" }
            p class="notice warning" role="alert" { (super::words::capital(&refused.to_string())) "." }
            p { a href="/signin" { "To the sign-in" } }
        },
    );
    *page.status_mut() = match refused {
        Refused::Unreachable(_) | Refused::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNAUTHORIZED,
    };
    if *refused == Refused::Busy {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    page
}
