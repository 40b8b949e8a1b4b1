//! Events as they come, as server-sent events.
//!
//! At most [`crate::options::MAXIMUM_EVENT_READERS`] readers. Each may lie [`crate::live::KEPT_LINES`] lines behind; who
//! is slower is dropped and counted, and comes back with `Last-Event-ID`. A reader's session is looked at again with each
//! heartbeat, so that nobody who is signed out goes on listening.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::own::Own;
use crate::http::{By, Counts, Fault, Principal, Shared};
use crate::live::Line;

struct Reader {
    app: Shared,
    principal: Principal,
    missed: VecDeque<Line>,
    coming: Receiver<Line>,
    heartbeat: Interval,
    closing: watch::Receiver<bool>,
    begun: bool,
    _place: OwnedSemaphorePermit,
}

/// `GET /api/v1/events`.
pub(crate) async fn stream(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let Ok(place) = Arc::clone(&app.readers).try_acquire_owned() else {
        Counts::add(&app.counts.readers_refused);
        return Err(Fault::Busy);
    };
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let (missed, coming) = app.live.listen(last);
    let period = app.options.patience.heartbeat;
    let mut heartbeat = interval_at(Instant::now() + period, period);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let closing = app.closing.clone();
    let reader = Reader { app, principal, missed, coming, heartbeat, closing, begun: false, _place: place };
    let body = Body::from_stream(unfold(reader, |mut reader| async {
        let bytes = reader.next().await?;
        Some((Ok::<_, Infallible>(bytes), reader))
    }));
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}

impl Reader {
    /// The next bytes, or the end.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            // Browsers wait so long before they come back.
            return Some(Bytes::from_static(b"retry: 3000\n\n"));
        }
        loop {
            if let Some(line) = self.missed.pop_front() {
                match self.show(&line) {
                    Some(bytes) => return Some(bytes),
                    None => continue,
                }
            }
            tokio::select! {
                line = self.coming.recv() => match line {
                    Ok(line) => self.missed.push_back(line),
                    Err(RecvError::Lagged(_)) => {
                        Counts::add(&self.app.counts.readers_dropped);
                        return None;
                    }
                    Err(RecvError::Closed) => return None,
                },
                _ = self.heartbeat.tick() => {
                    return self.still_allowed().await.then(|| Bytes::from_static(b": \n\n"));
                }
                _ = self.closing.changed() => return None,
            }
        }
    }

    fn show(&self, line: &Line) -> Option<Bytes> {
        if !self.principal.sees(line.organisations.iter()) {
            return None;
        }
        let mut text = Cow::Borrowed(&*line.text);
        if let Some(own) = Own::of(&self.app, &self.principal) {
            // What cannot be read might name anybody.
            let mut event = serde_json::from_str(&text).ok()?;
            if own.event(&mut event) {
                text = Cow::Owned(event.to_string());
            }
        }
        // Lines are JSON without line breaks; one that had some would end the event early.
        let text = text.replace(['\n', '\r'], " ");
        Some(format!("id: {}\nevent: {}\ndata: {text}\n\n", line.number, line.kind).into())
    }

    async fn still_allowed(&self) -> bool {
        let by = self.principal.by.clone();
        let lasts = self.app.wait(move |app| match &by {
            By::Session { cookie, .. } => app.people.session_lasts(cookie),
            By::Token(token) => app.people.token_lasts(token.id),
        });
        lasts.await.unwrap_or(false)
    }
}
