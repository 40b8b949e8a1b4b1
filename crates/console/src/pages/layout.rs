//! What is around every page.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Visit, words};
use crate::http::{App, Fault, script_path, stylesheet_path};

/// Where one can go: path, name, key.
const PLACES: &[(&str, &str, &str)] = &[
    ("/", "Now", "n"),
    ("/outlook", "Outlook", "o"),
    ("/floods", "History", "h"),
    ("/institution", "Institution", "i"),
    ("/exposure", "Exposure", "e"),
    ("/settings", "Settings", "s"),
];

/// What a form's answer says in passing; only words of this list are ever shown.
pub(super) fn notice(word: &str) -> Option<&'static str> {
    Some(match word {
        "note" => "The note is written down.",
        "password" => "The password is changed; all other sessions are ended.",
        "session" => "The session is ended.",
        "token" => "The token is withdrawn.",
        "proposal" => "The proposal is written down, for whoever writes the institution file.",
        "person" => "The account is changed.",
        _ => return None,
    })
}

fn head(title: &str, refresh: bool) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width, initial-scale=1";
        meta name="color-scheme" content="light dark";
        meta name="robots" content="noindex";
        title { (title) " · Hemicycle" }
        link rel="stylesheet" href=(stylesheet_path());
        link rel="icon" type="image/svg+xml" href="/static/0/icon.svg";
        script defer src=(script_path()) {}
        @if refresh { noscript { meta http-equiv="refresh" content="30"; } }
    }
}

/// The mark: five seats in a half circle.
pub(super) fn mark() -> Markup {
    html! {
        svg class="mark" viewBox="0 0 32 20" width="32" height="20" aria-hidden="true" focusable="false" {
            circle cx="4" cy="15.5" r="2.9" {}
            circle cx="8" cy="7.6" r="2.9" {}
            circle cx="16" cy="4" r="2.9" {}
            circle cx="24" cy="7.6" r="2.9" {}
            circle cx="28" cy="15.5" r="2.9" {}
        }
    }
}

fn answer(markup: Markup) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], markup.into_string()).into_response()
}

/// A page for somebody who is signed in.
pub(super) fn page(visit: &Visit, here: &str, title: &str, content: &Markup) -> Response {
    let snapshot = visit.app.snapshot();
    let live = here == "/";
    answer(html! {
        (DOCTYPE)
        html lang="en" data-theme=(visit.theme) {
            head { (head(title, live)) }
            body data-live=[live.then_some("")] {
                a class="skip" href="#content" { "Skip to content" }
                header class="bar" {
                    a class="brand" href="/" { (mark()) span { "Hemicycle" } }
                    nav aria-label="Pages" {
                        @for (path, name, key) in PLACES {
                            a href=(path) data-key=(key) aria-current=[(*path == here).then_some("page")] { (name) }
                        }
                    }
                    div class="house" {
                        span class="mode" title="Nothing is filtered until somebody arms it" { (words::capital(&snapshot.mode)) }
                        span class="institution" { (snapshot.institution) }
                        (words::clock(visit.now(), &visit.zone))
                    }
                }
                main id="content" tabindex="-1" {
                    @if let Some(done) = visit.done { p class="notice" role="status" { (done) } }
                    @if visit.principal.sees_house() {
                        @for warning in &snapshot.warnings { p class="notice warning" role="alert" { (warning) } }
                    }
                    (content)
                }
                footer class="foot" {
                    span { (visit.principal.account.name) " · " (visit.principal.account.role.title())
                        @if let Some(organisation) = visit.principal.organisation() { " · " (words::organisation(&snapshot, organisation)) } }
                    a href="/data-protection" { "Data protection" }
                    a href="/runbooks" { "Runbooks" }
                    a href="/api" { "API" }
                    span class="keys" { "Press " kbd { "?" } " for keys" }
                    form method="post" action="/signout" { (visit.csrf()) button class="link" { "Sign out" } }
                }
                (keys())
            }
        }
    })
}

/// The keys; the script shows it.
fn keys() -> Markup {
    html! {
        dialog id="keys" aria-labelledby="keys-title" {
            h2 id="keys-title" { "Keys" }
            dl {
                @for (_, name, key) in PLACES { div { dt { kbd { "g" } " " kbd { (key) } } dd { (name) } } }
                div { dt { kbd { "/" } } dd { "Search in history" } }
                div { dt { kbd { "j" } " " kbd { "k" } } dd { "Next, previous in a list" } }
                div { dt { kbd { "?" } } dd { "This list" } }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}

/// A page for somebody who is not signed in: a card in the middle.
pub(crate) fn bare(theme: &str, title: &str, content: &Markup) -> Response {
    answer(html! {
        (DOCTYPE)
        html lang="en" data-theme=(theme) {
            head { (head(title, false)) }
            body class="bare" {
                main id="content" {
                    div class="card" {
                        p class="brand" { (mark()) span { "Hemicycle" } }
                        (content)
                    }
                }
            }
        }
    })
}

/// The same, which leads on by itself.
pub(crate) fn bare_going_to(place: &str, theme: &str, title: &str, content: &Markup) -> Response {
    answer(html! {
        (DOCTYPE)
        html lang="en" data-theme=(theme) {
            head { (head(title, false)) meta http-equiv="refresh" content={ "0; url=" (place) }; }
            body class="bare" { main id="content" { div class="card" { p class="brand" { (mark()) span { "Hemicycle" } } (content) } } }
        }
    })
}

/// A page that says what went wrong.
pub(crate) fn fault(_: &App, fault: &Fault, theme: &str) -> Response {
    let content = html! {
        h1 { (fault.title()) }
        p { (fault.detail()) }
        p { a class="button" href="/" { "To the first page" } }
    };
    let mut response = bare(theme, fault.title(), &content);
    *response.status_mut() = fault.status();
    response
}

/// A glyph of a state: another shape for each, so that nothing hangs on colours.
pub(super) fn glyph(state: &str) -> Markup {
    html! {
        svg class={ "glyph " (state) } viewBox="-12 -12 24 24" width="18" height="18" aria-hidden="true" focusable="false" {
            (PreEscaped(shape(state, 0.0, 0.0, 8.0)))
        }
    }
}

/// The shape of a state about a point.
pub(super) fn shape(state: &str, x: f64, y: f64, size: f64) -> String {
    let polygon = |corners: &[(f64, f64)]| {
        let points: Vec<String> =
            corners.iter().map(|(dx, dy)| format!("{:.1},{:.1}", x + dx * size, y + dy * size)).collect();
        format!("<polygon points=\"{}\"/>", points.join(" "))
    };
    match state {
        "flood" | "losing" => {
            // An octagon, as of the sign that says stop.
            let corners = [
                (0.42, -1.02),
                (1.02, -0.42),
                (1.02, 0.42),
                (0.42, 1.02),
                (-0.42, 1.02),
                (-1.02, 0.42),
                (-1.02, -0.42),
                (-0.42, -1.02),
            ];
            polygon(&corners)
        }
        "surge" => polygon(&[(0.0, -1.18), (1.18, 0.0), (0.0, 1.18), (-1.18, 0.0)]),
        "silent" => polygon(&[(0.0, -1.1), (1.1, 0.9), (-1.1, 0.9)]),
        _ => format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\"/>", size * 0.92),
    }
}
