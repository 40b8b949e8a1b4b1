//! What to do about each alarm.

use axum::extract::Path;
use axum::response::Response;
use maud::html;

use super::Visit;
use crate::http::Fault;
use crate::runbooks::{RUNBOOKS, render, text, title};

/// `GET /runbooks`.
pub(crate) async fn list(visit: Visit) -> Response {
    let content = html! {
        header class="title" { h1 { "Runbooks" } }
        section class="panel prose" {
            p { "What to do about each alarm. They are part of this server and are there without the internet." }
            ul { @for (name, text) in RUNBOOKS { li { a href={ "/runbooks/" (name) } { (title(text)) } } } }
        }
    };
    visit.page("/runbooks", "Runbooks", &content)
}

/// `GET /runbooks/{page}`.
pub(crate) async fn page(visit: Visit, Path(name): Path<String>) -> Result<Response, Fault> {
    let text = text(&name).ok_or(Fault::Missing)?;
    let content = html! {
        p class="path" { a href="/runbooks" { "Runbooks" } " / " span { (title(text)) } }
        header class="title" { h1 { (title(text)) } }
        section class="panel prose" { (render(text)) }
    };
    Ok(visit.page("/runbooks", title(text), &content))
}
