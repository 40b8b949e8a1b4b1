//! Signing in by the house's own provider: there and back.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use maud::html;
use record::{Actor, Kind};
use serde::Deserialize;
use serde_json::json;

use super::{bare, bare_going_to, see_other_with};
use crate::http::{App, Cookies, Counts, Fault, Keep, Peer, Shared};
use crate::oidc::{Oidc, Refused, TICKET_SECONDS, Vouched};
use crate::people::{self, Started};

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
        Err(refused) => Ok(refusal(&app, &headers, &refused)),
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
        Err(Refused::Provider(crate::oidc::plain(&back.error)))
    };
    let vouched = match vouched {
        Ok(vouched) => vouched,
        Err(refused) => return Ok(refusal(&app, &headers, &refused)),
    };
    let address = address.to_canonical().to_string();
    let agent =
        headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let started = app.wait(move |app| let_in(app, &vouched, &address, &agent)).await?;
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
    for keep in [Keep::Session(&started.token), Keep::NoTicket] {
        page.headers_mut().append(header::SET_COOKIE, keep.header());
    }
    Ok(page)
}

fn let_in(app: &App, vouched: &Vouched, address: &str, agent: &str) -> Result<Started, people::Error> {
    let organisation = vouched.organisation.as_deref();
    let account = app.people.vouched(&vouched.subject, &vouched.name, vouched.role, organisation)?;
    let started = app.people.start_session(&account, address, agent)?;
    Counts::add(&app.counts.sign_ins);
    let body = json!({"what": "in", "by": "provider", "address": address, "role": account.role.name()});
    // As with a password: a full disk keeps nobody out.
    let _ = app.write_down(Kind::SignedIn, Actor::Person(account.name.clone()), &account.name, body);
    Ok(started)
}

fn refusal(app: &App, headers: &HeaderMap, refused: &Refused) -> Response {
    Counts::add(&app.counts.sign_ins_refused);
    (app.options.complain)(&format!("console: a sign-in by the provider is refused: {refused}"));
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
