//! Pages: rendered here, readable without the script, with nothing inline and nothing from elsewhere.

pub(crate) mod api;
pub(crate) mod chamber;
pub(crate) mod chart;
pub(crate) mod exposure;
pub(crate) mod flood;
pub(crate) mod history;
pub(crate) mod institution;
pub(crate) mod judgement;
pub(crate) mod layout;
pub(crate) mod listed;
pub(crate) mod now;
pub(crate) mod oidc;
pub(crate) mod outlook;
pub(crate) mod people;
pub(crate) mod person;
pub(crate) mod privacy;
pub(crate) mod proposals;
pub(crate) mod reliability;
pub(crate) mod runbooks;
pub(crate) mod settings;
pub(crate) mod signin;
pub(crate) mod sources;
pub(crate) mod welcome;
pub(crate) mod words;

use std::ops::RangeInclusive;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

pub(crate) use layout::{bare, bare_going_to, fault};

use crate::http::{Cookies, Fault, Keep, Principal, Shared};

/// Somebody who looks at a page.
pub(crate) struct Visit {
    pub(crate) app: Shared,
    pub(crate) principal: Principal,
    pub(crate) theme: &'static str,
    pub(crate) zone: TimeZone,
    /// What just happened, in a word that a form's answer put behind the question mark.
    pub(crate) done: Option<&'static str>,
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Fault> {
        let principal = parts.extensions.get::<Principal>().cloned().ok_or(Fault::SignIn)?;
        let theme = Cookies(&parts.headers).theme();
        let done = parts.uri.query().and_then(|query| query.strip_prefix("done=")).and_then(layout::notice);
        Ok(Self { app: app.clone(), principal, theme, zone: app.zone(), done })
    }
}

impl Visit {
    pub(crate) fn now(&self) -> Timestamp {
        self.app.now()
    }

    /// A page with everything around it.
    pub(crate) fn page(&self, here: &str, title: &str, content: &Markup) -> Response {
        layout::page(self, here, title, content)
    }

    /// The hidden field without which no form is taken.
    pub(crate) fn csrf(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.principal.csrf()); }
    }
}

/// Goes on to another page, after a form was sent.
pub(crate) fn see_other(place: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, place.to_owned())]).into_response()
}

/// The same with cookies.
pub(crate) fn see_other_with(place: &str, keep: &[Keep<'_>]) -> Response {
    let mut response = see_other(place);
    add_cookies(response.headers_mut(), keep);
    response
}

/// Cookies to be kept.
pub(crate) fn add_cookies(headers: &mut HeaderMap, keep: &[Keep<'_>]) {
    for cookie in keep {
        headers.append(header::SET_COOKIE, cookie.header());
    }
}

/// A text as a value behind the question mark.
pub(crate) fn escape_query(text: &str) -> String {
    crate::oidc::percent_query(text)
}

/// Characters of a purpose: why personal data is opened. Characters, so that no alphabet has less room than another.
const PURPOSE_CHARACTERS: RangeInclusive<usize> = 10..=500;

/// A purpose as it is written down, without which nothing is opened.
pub(crate) fn purpose(text: &str) -> Result<String, Fault> {
    let purpose = text.trim();
    if !PURPOSE_CHARACTERS.contains(&purpose.chars().count()) {
        return Err(Fault::Bad("A purpose has 10 to 500 characters."));
    }
    Ok(purpose.to_owned())
}

/// Most characters of a note, 8,000 bytes at most. Characters as of a purpose, and an end of line is one, as the browser counts
/// it that sends two. Long notes in letters of three bytes meet the bound of a form first, which the gate holds.
pub(crate) const NOTE_CHARACTERS: usize = 2_000;

/// A note as it is written down; it may be empty.
pub(crate) fn note(text: &str) -> Result<String, Fault> {
    let note = text.replace("\r\n", "\n");
    let note = note.trim();
    if note.chars().count() > NOTE_CHARACTERS {
        return Err(Fault::Bad("A note has at most 2,000 characters."));
    }
    Ok(note.to_owned())
}

/// The field of a form for a purpose.
pub(crate) fn purpose_field(example: &str) -> Markup {
    html! {
        label class="wide" { span { "Purpose" } input name="purpose" required minlength=(PURPOSE_CHARACTERS.start()) maxlength=(PURPOSE_CHARACTERS.end()) placeholder=(example); }
    }
}

#[cfg(test)]
mod tests {
    use super::{note, purpose};

    /// It counted bytes, two for each end of a line and each letter of Greek, beside a form that says 2,000 characters.
    #[test]
    fn a_note_is_counted_in_characters_and_lines_end_once() {
        assert_eq!(note(" one\r\ntwo\r\n").unwrap(), "one\ntwo");
        assert_eq!(note(" \r\n ").unwrap(), "");
        for (text, fits) in [
            ("α".repeat(2_000), true),
            ("\u{1d6fc}".repeat(2_000), true),
            ("α".repeat(2_001), false),
            ("x".repeat(2_001), false),
            (format!("{}x", "x\r\n".repeat(999)), true),
            (format!("{}xxx", "x\r\n".repeat(999)), false),
        ] {
            assert_eq!(note(&text).is_ok(), fits, "{} characters", text.chars().count());
        }
    }

    /// It counted bytes: 300 letters of Greek were too long, and the page had said that 500 characters are taken.
    #[test]
    fn a_purpose_is_counted_in_characters() {
        assert_eq!(purpose("  to ask the provider ").unwrap(), "to ask the provider");
        for (text, fits) in [
            ("α".repeat(500), true),
            ("α".repeat(501), false),
            ("α".repeat(9), false),
            (" ".repeat(50), false),
        ] {
            assert_eq!(purpose(&text).is_ok(), fits, "{} characters", text.chars().count());
        }
    }
}
