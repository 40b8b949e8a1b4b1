//! What goes wrong, as RFC 9457 for programs and as a page for people.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::people;

/// Why there is no answer. The words are for whoever asked; what only the operator should know goes to the log.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Nobody is signed in.
    SignIn,
    /// Signed in, but not for this.
    Forbidden,
    /// There is no such thing, or not for this account: the two answers are the same.
    Missing,
    /// What was asked is not understood.
    Bad(&'static str),
    /// The request is not from a page of this server.
    Foreign,
    /// The method is not one of this place.
    Method,
    /// Too much.
    TooLarge,
    /// Too slow.
    TooSlow,
    /// Too many at once.
    Busy,
    /// Something of ours; the text is for the log.
    Internal(String),
}

impl From<people::Error> for Fault {
    fn from(error: people::Error) -> Self {
        match error {
            people::Error::Refused(text) => Self::Bad(text),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<record::Error> for Fault {
    fn from(error: record::Error) -> Self {
        match error {
            // What was asked or said, and not the disk.
            record::Error::Refused(_) => {
                Self::Bad("The record does not take this: no such page, or too much.")
            }
            other => Self::Internal(other.to_string()),
        }
    }
}

impl Fault {
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::Forbidden | Self::Foreign => StatusCode::FORBIDDEN,
            Self::Missing => StatusCode::NOT_FOUND,
            Self::Bad(_) => StatusCode::BAD_REQUEST,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Internal(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(crate) const fn title(&self) -> &'static str {
        match self {
            Self::SignIn => "Sign in first",
            Self::Forbidden => "Not for this account",
            Self::Missing => "There is nothing here",
            Self::Bad(_) => "This cannot be done",
            Self::Foreign => "This request does not come from a page of this server",
            Self::Method => "This place does not know that method",
            Self::TooLarge => "Too large",
            Self::TooSlow => "Too slow",
            Self::Busy => "Too many at once",
            Self::Internal(_) => "Not available now",
        }
    }

    pub(crate) fn detail(&self) -> String {
        match self {
            Self::SignIn => "A session or a token with the right scope is needed.".into(),
            Self::Forbidden => "The role or the reach of this account or token does not include this.".into(),
            Self::Missing => "There is no such thing, or it belongs to another organisation.".into(),
            Self::Bad(text) => (*text).to_owned(),
            Self::Foreign => "Open the page again and send the form from there.".into(),
            Self::Method => "See /api/v1/openapi.json for what can be asked.".into(),
            Self::TooLarge => "The request is larger than what is taken here.".into(),
            Self::TooSlow => "The request did not arrive in time.".into(),
            Self::Busy => "Try again in a moment.".into(),
            Self::Internal(_) => "Something did not work. The service's log says what.".into(),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::SignIn => "sign-in",
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::Bad(_) => "bad-request",
            Self::Foreign => "foreign-origin",
            Self::Method => "method",
            Self::TooLarge => "too-large",
            Self::TooSlow => "too-slow",
            Self::Busy => "busy",
            Self::Internal(_) => "unavailable",
        }
    }

    pub(crate) fn problem(&self) -> Problem {
        Problem {
            r#type: format!("/api#problem-{}", self.kind()),
            title: self.title(),
            status: self.status().as_u16(),
            detail: self.detail(),
        }
    }
}

/// A problem as RFC 9457 has it.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub(crate) struct Problem {
    /// What kind of problem it is: a place on the page of the API.
    pub(crate) r#type: String,
    /// The kind in words.
    pub(crate) title: &'static str,
    /// The status of the answer.
    pub(crate) status: u16,
    /// This one in words.
    pub(crate) detail: String,
}

impl IntoResponse for Fault {
    /// As JSON; the gate puts a page in its place where a person asked.
    fn into_response(self) -> Response {
        let mut response = self.problem_response();
        response.extensions_mut().insert(std::sync::Arc::new(self));
        response
    }
}

impl Fault {
    /// As JSON, whoever asked.
    pub(crate) fn problem_response(&self) -> Response {
        let body = serde_json::to_string(&self.problem()).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match self {
            Self::Busy => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            Self::SignIn => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}
