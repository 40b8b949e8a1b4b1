//! Authorisation, in one place: every request goes through here with its line of the table of routes.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::cookies::Cookies;
use super::principal::{By, Principal};
use super::routes::{Door, Look, Reach, Route};
use super::{Counts, Fault, Shared};
use crate::pages;
use crate::people::secret::{digest, equal, hex};

/// Largest body of a form.
const LARGEST_FORM_BYTES: usize = 16 << 10;
/// Largest body of a webhook.
const LARGEST_WEBHOOK_BYTES: usize = 256 << 10;

/// The layer's state: everything, and the line of the table.
#[derive(Clone)]
pub(super) struct Gate {
    pub(super) app: Shared,
    pub(super) route: &'static Route,
}

/// Lets a request in, or says why not, in the form that the route speaks.
pub(super) async fn gate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let theme = Cookies(request.headers()).theme();
    let wants_page = request.method() == Method::GET;
    let path = request.uri().path_and_query().map(ToString::to_string);
    let response = match admit(&gate.app, gate.route, request).await {
        Ok(request) => next.run(request).await,
        Err(fault) => fault.into_response(),
    };
    let fault = match response.extensions().get::<Arc<Fault>>() {
        Some(fault) => Arc::clone(fault),
        // A form or a path that axum could not read.
        None if response.status().is_client_error() && is_plain(&response) => {
            Arc::new(Fault::Bad("Something is missing, or not of the form that this place takes."))
        }
        None => return response,
    };
    if let Fault::Internal(text) = &*fault {
        // The operator is told; what the asker gets names no inner thing.
        Counts::add(&gate.app.counts.faults);
        (gate.app.options.complain)(&format!("console: {} {}: {text}", gate.route.method, gate.route.path));
    }
    match (gate.route.look, &*fault) {
        (Look::Page, Fault::SignIn) => to_sign_in(path.filter(|_| wants_page).as_deref()),
        (Look::Page, fault) => {
            let mut page = pages::fault(&gate.app, fault, theme);
            if let Some(wait) = response.headers().get(header::RETRY_AFTER) {
                page.headers_mut().insert(header::RETRY_AFTER, wait.clone());
            }
            page
        }
        _ if response.extensions().get::<Arc<Fault>>().is_none() => fault.problem_response(),
        _ => response,
    }
}

fn is_plain(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    kind.is_none_or(|kind| kind.starts_with(b"text/plain"))
}

fn to_sign_in(next: Option<&str>) -> Response {
    // Only a path of this server, in plain characters, comes back as the way to go on.
    let plain = |path: &&str| path.starts_with('/') && !path.starts_with("//") && path.len() < 200;
    let place = match next.filter(plain).filter(|path| *path != "/") {
        Some(path) => format!("/signin?next={}", pages::escape_query(path)),
        None => "/signin".to_owned(),
    };
    let place = HeaderValue::from_str(&place).unwrap_or(HeaderValue::from_static("/signin"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

async fn admit(app: &Shared, route: &'static Route, request: Request) -> Result<Request, Fault> {
    let (mut parts, body) = request.into_parts();
    let principal = match route.door {
        Door::Open => None,
        Door::Signed | Door::Roles(_) => find(app, &parts.headers).await?,
    };
    match (route.door, &principal) {
        (Door::Open, _) | (Door::Signed, None) => {}
        (Door::Roles(_), None) => return Err(Fault::SignIn),
        (Door::Signed, Some(principal)) if matches!(principal.by, By::Session { .. }) => {
            return Err(Fault::Forbidden);
        }
        (_, Some(principal)) => allowed(route, principal)?,
    }
    let changes = parts.method != Method::GET && parts.method != Method::HEAD;
    let by_cookie = principal.as_ref().is_some_and(|principal| matches!(principal.by, By::Session { .. }));
    if changes && route.look == Look::Page && !same_origin(&parts.headers, app.secure) {
        return Err(Fault::Foreign);
    }
    let body = if changes {
        let limit = if route.look == Look::Page { LARGEST_FORM_BYTES } else { LARGEST_WEBHOOK_BYTES };
        let bytes = whole(body, limit, app.options.patience.body).await?;
        let csrf = principal.as_ref().map_or("", Principal::csrf);
        if by_cookie && !repeats(&bytes, csrf) {
            return Err(Fault::Foreign);
        }
        Body::from(bytes)
    } else {
        // Nothing here reads a body that comes with a question.
        Body::empty()
    };
    if let Some(principal) = principal {
        parts.extensions.insert(principal);
    }
    Ok(Request::from_parts(parts, body))
}

/// Role, scope and reach.
fn allowed(route: &Route, principal: &Principal) -> Result<(), Fault> {
    let role = match route.door {
        Door::Roles(roles) => roles.has(principal.account.role),
        Door::Open | Door::Signed => true,
    };
    let scope = match (&principal.by, route.scope) {
        (By::Session { .. }, _) => true,
        (By::Token(_), Some(scope)) => principal.has(scope),
        // Pages and forms are for people.
        (By::Token(_), None) => false,
    };
    let reach = route.reach != Reach::House || principal.sees_house();
    if role && scope && reach { Ok(()) } else { Err(Fault::Forbidden) }
}

/// Who asks: by token if there is one, else by cookie.
async fn find(app: &Shared, headers: &HeaderMap) -> Result<Option<Principal>, Fault> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
        let Some(text) = text else { return Ok(None) };
        let found = app.wait(move |app| app.people.token(text.trim())).await?;
        return Ok(found.map(|(account, token)| Principal { account, by: By::Token(token) }));
    }
    let Some(cookie) = Cookies(headers).session().map(str::to_owned) else { return Ok(None) };
    let csrf = hex(&digest("csrf", &cookie));
    let found = app
        .wait(move |app| app.people.session(&cookie).map(|found| found.map(|found| (found, cookie))))
        .await?;
    Ok(found
        .map(|((account, session), cookie)| Principal { account, by: By::Session { session, cookie, csrf } }))
}

/// Whether a form comes from a page of this server: browsers say so in `Origin`, which no page can forge.
fn same_origin(headers: &HeaderMap, secure: bool) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else { return false };
    let scheme = if secure { "https" } else { "http" };
    origin.strip_prefix(scheme).and_then(|rest| rest.strip_prefix("://")) == Some(host)
}

/// The whole body, if it is small enough and in time.
async fn whole(body: Body, limit: usize, patience: Duration) -> Result<Bytes, Fault> {
    match tokio::time::timeout(patience, to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Fault::TooLarge),
        Err(_) => Err(Fault::TooSlow),
    }
}

/// Whether a form repeats the session's word. It is hexadecimal, so nothing in it is ever escaped.
fn repeats(body: &[u8], csrf: &str) -> bool {
    let given = body.split(|byte| *byte == b'&').find_map(|pair| pair.strip_prefix(b"csrf="));
    !csrf.is_empty() && given.is_some_and(|given| equal(given, csrf.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_origin_is_the_same() {
        let check = |origin: Option<&str>, secure| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("h.example:8443"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
            }
            same_origin(&headers, secure)
        };
        assert!(check(Some("https://h.example:8443"), true));
        assert!(check(Some("http://h.example:8443"), false));
        for (origin, secure) in [
            (None, true),
            (Some("null"), true),
            (Some("http://h.example:8443"), true),
            (Some("https://h.example"), true),
            (Some("https://evil.example"), true),
            (Some("https://h.example:8443.evil.example"), true),
        ] {
            assert!(!check(origin, secure), "{origin:?}");
        }
    }

    #[test]
    fn a_form_repeats_the_word_or_is_foreign() {
        assert!(repeats(b"a=b&csrf=abcd&c=d", "abcd"));
        for body in [&b"csrf=abce"[..], b"xcsrf=abcd", b"csrf=", b""] {
            assert!(!repeats(body, "abcd"));
        }
        assert!(!repeats(b"csrf=", ""), "no word, no form");
    }
}
