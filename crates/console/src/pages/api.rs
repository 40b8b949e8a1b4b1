//! The page of the API, made of the table of routes.

use std::future::{Ready, ready};

use axum::response::Response;
use maud::html;

use super::Visit;
use crate::http::{Door, Look, ROUTES, Reach};

/// `GET /api`. Not `async`: the table names this function and this function reads the table, so its type must not
/// depend on what is in it.
#[expect(clippy::needless_pass_by_value, reason = "handlers take what they are given")]
pub(crate) fn page(visit: Visit) -> Ready<Response> {
    let content = html! {
        header class="title" { h1 { "API" } }
        p class="reason" { "Everything that the pages show, for programs. The document: " a href="/api/v1/openapi.json" { "/api/v1/openapi.json" } " (OpenAPI 3.1)." }
        section class="panel" {
            h2 { "How to ask" }
            pre tabindex="0" { code { "curl --cacert console-certificate.pem \\\n  -H 'Authorization: Bearer hemicycle_…' \\\n  https://localhost:8443/api/v1/floods?limit=10" } }
            p { "Tokens are made under " a href="/settings#tokens" { "Settings" } ". Times are RFC 3339, null is unknown. A list that is cut has " code { "next" } "; send it back as " code { "after" } "." }
            p { "A webhook is signed: " code { "Hemicycle-Signature: t=SECONDS,v1=HEX" } ", the HMAC-SHA-256 of " code { "SECONDS.BODY" } " under the shared secret. It is good for five minutes and once." }
        }
        @for route in ROUTES.iter().filter(|route| route.look == Look::Program) {
            section class="panel route" {
                h2 { span class="method" { (route.method) } " " code { (route.path) } }
                p { (route.summary)
                    @match route.door {
                        Door::Open => " Open to everybody.",
                        Door::Signed => " Signed, or with a token.",
                        Door::Roles(_) => "",
                    }
                    @if let Some(scope) = route.scope { " Scope " code { (scope.name()) } "." }
                    @if route.reach == Reach::House { " Not for tokens of one organisation." }
                }
                @if !route.query.is_empty() {
                    table { thead class="visually-hidden" { tr { th { "Parameter" } th { "What" } } }
                        tbody { @for (name, text, values) in route.query { tr {
                            th scope="row" { code { (name) } } td { (text) @if !values.is_empty() { " One of " (values.join(", ")) "." } } } } } }
                }
            }
        }
        section class="panel" {
            h2 { "What goes wrong" }
            p { "Comes as " code { "application/problem+json" } " (RFC 9457), with one of these types." }
            dl class="pairs" {
                @for (kind, text) in PROBLEMS { div id={ "problem-" (kind) } { dt { code { (kind) } } dd { (text) } } }
            }
        }
    };
    ready(visit.page("/api", "API", &content))
}

const PROBLEMS: &[(&str, &str)] = &[
    ("sign-in", "401. Nobody is signed in; the token or signature is not good."),
    ("forbidden", "403. The role, the reach or the scope does not include this."),
    ("foreign-origin", "403. A form that does not come from a page of this server."),
    ("missing", "404. There is no such thing, or it belongs to another organisation."),
    ("bad-request", "400. Not understood; the detail says what."),
    ("method", "405. Another method."),
    ("too-large", "413. The body is too large."),
    ("too-slow", "408. The body did not arrive in time."),
    ("busy", "503. Too many at once; Retry-After says when."),
    ("unavailable", "503. Something did not work; the service's log says what."),
];
