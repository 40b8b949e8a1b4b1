//! Floods that others saw, told by FastNetMon or Alertmanager.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::{Extension, extract::OptionalFromRequestParts};
use record::{Actor, Kind};
use serde_json::{Value, json};

use super::types::Taken;
use crate::http::{App, By, Counts, ExternalFlood, Fault, Principal, Shared, verify_signature};

/// A principal, if the gate found one.
pub(crate) struct Bearer(Option<Extension<Principal>>);

impl axum::extract::FromRequestParts<Shared> for Bearer {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Fault> {
        let found =
            <Extension<Principal> as OptionalFromRequestParts<Shared>>::from_request_parts(parts, state)
                .await;
        Ok(Self(found.unwrap_or(None)))
    }
}

/// Who tells: by token, or by signature over the body.
fn teller(app: &App, bearer: &Bearer, headers: &HeaderMap, body: &[u8]) -> Result<String, Fault> {
    if let Some(Extension(principal)) = &bearer.0
        && let By::Token(token) = &principal.by
    {
        return Ok(token.name.clone());
    }
    let header = headers.get("hemicycle-signature").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let now = app.now().as_second();
    verify_signature(&app.options.signers, &mut app.replays(), header, body, now).ok_or(Fault::SignIn)
}

fn take(app: &App, by: &str, floods: Vec<ExternalFlood>) -> Result<Json<Taken>, Fault> {
    let told = floods.len();
    let taken = floods.into_iter().filter(|flood| (app.options.outside)(flood.clone())).count();
    let body = json!({"what": "webhook", "floods": told, "taken": taken});
    app.write_down(Kind::Observed, Actor::Program(by.to_owned()), "webhook", body)?;
    if told > 0 && taken == 0 {
        return Err(Fault::Busy);
    }
    Counts::add(&app.counts.webhooks);
    Ok(Json(Taken { taken, refused: told - taken }))
}

async fn told(
    app: Shared,
    bearer: Bearer,
    headers: HeaderMap,
    body: Bytes,
    read: fn(&Value, &str) -> Option<Vec<ExternalFlood>>,
) -> Result<Json<Taken>, Fault> {
    let result = app
        .wait(move |app| {
            let by = teller(app, &bearer, &headers, &body)?;
            let value: Value =
                serde_json::from_slice(&body).map_err(|_| Fault::Bad("The body is not JSON."))?;
            let floods =
                read(&value, &by).ok_or(Fault::Bad("The body is not of the form that this place takes."))?;
            take(app, &by, floods)
        })
        .await;
    if result.is_err() {
        Counts::add(&app.counts.webhooks_refused);
    }
    result
}

/// `POST /api/v1/webhooks/fastnetmon`.
pub(crate) async fn fastnetmon(
    State(app): State<Shared>,
    bearer: Bearer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Taken>, Fault> {
    told(app, bearer, headers, body, |value, by| {
        ExternalFlood::of_fastnetmon(value, by).map(|flood| vec![flood])
    })
    .await
}

/// `POST /api/v1/webhooks/alertmanager`.
pub(crate) async fn alertmanager(
    State(app): State<Shared>,
    bearer: Bearer,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Taken>, Fault> {
    told(app, bearer, headers, body, ExternalFlood::of_alertmanager).await
}
