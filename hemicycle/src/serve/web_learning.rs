//! What the web layer learns: recalled at the start, saved every ten minutes and at a clean stop.
//!
//! As with `learning`, the thread that detects only collects, and a thread of its own writes. A file that cannot be used is
//! said and set aside, and learning begins anew.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result};
use detect::web::{LearntWeb, WebDetector};
use hemicycle::baselines::timestamp;
use hemicycle::web_baselines::WebState;
use wire::Time;

use super::outlet::{Drain, Outlet};
use super::output::Log;
use super::shared::Shared;
use crate::files::shown;
use crate::state;

/// Between two saves.
const SAVE_NANOSECONDS: i64 = 600_000_000_000;
/// What was not seen for so long is forgotten, as with addresses.
const KEPT_SECONDS: i64 = 26 * 604_800;
/// One that is being written and one that waits: the last one of all always finds room.
const PLACES: usize = 2;

/// What a detector knew at a time.
struct Collected {
    learnt: Vec<LearntWeb>,
    at: Time,
}

/// The part of it beside the detector.
pub(super) struct WebStudent {
    keeper: Outlet<Collected>,
    next_save: Time,
}

impl WebStudent {
    /// Recalls what was learnt before, and starts the thread that keeps it from now on.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn start(
        folder: &Path,
        detector: &mut WebDetector,
        shared: &Arc<Shared>,
        log: &Log,
        now: Time,
    ) -> io::Result<(Self, Drain)> {
        let state = state::load_web(folder).unwrap_or_else(|error| {
            log.say(&format!("warning: {error:#}; what is ordinary at the web layer is learnt anew"));
            WebState::default()
        });
        if let Some(warning) = state::web_warning(&state, folder) {
            log.say(&warning);
        }
        let recalled = state.recall(detector, now);
        if recalled > 0 {
            log.say(&format!("recalled what is ordinary at the web layer of {recalled} services"));
        }
        shared.learning.web_recalled.store(recalled, Ordering::Relaxed);
        let (folder, shared, log): (PathBuf, _, _) = (folder.to_owned(), shared.clone(), log.clone());
        let (keeper, drain) = Outlet::open("web-state", PLACES, move |_| {
            Box::new(move |collected| keep(&folder, collected, &shared, &log))
        })?;
        Ok((Self { keeper, next_save: now.plus_nanoseconds(SAVE_NANOSECONDS) }, drain))
    }

    /// About ten times a second.
    pub(super) fn tick(&mut self, detector: &WebDetector, now: Time) {
        let left = self.next_save.nanoseconds_since(now);
        // Also where the clock was set back by more than the time between two saves.
        if left <= 0 || left > 2 * SAVE_NANOSECONDS {
            self.next_save = now.plus_nanoseconds(SAVE_NANOSECONDS);
            self.collect(detector, now);
        }
    }

    /// Hands over what is known. A keeper that is still writing the one before the last is not waited for.
    pub(super) fn collect(&self, detector: &WebDetector, now: Time) {
        self.keeper.put(Collected { learnt: detector.learnt().collect(), at: now });
    }
}

fn keep(folder: &Path, collected: Collected, shared: &Shared, log: &Log) {
    let counts = &shared.learning;
    match save(folder, collected) {
        Ok((services, left_out)) => {
            counts.web_learnt.store(services, Ordering::Relaxed);
            counts.web_left_out.store(left_out, Ordering::Relaxed);
            counts.saves.fetch_add(1, Ordering::Relaxed);
        }
        Err(error) => {
            counts.saves_failed.fetch_add(1, Ordering::Relaxed);
            log.say(&format!("warning: what was learnt at the web layer is not saved: {error:#}"));
        }
    }
}

/// Saves what was learnt beside what the file knows of other services. Says of how many it was, and how many services were
/// left out.
fn save(folder: &Path, collected: Collected) -> Result<(u64, u64)> {
    let Collected { learnt, at } = collected;
    let (count, at) = (learnt.len() as u64, timestamp(at));
    let mut state = match state::load_web(folder) {
        Ok(state) => state,
        Err(_) => {
            state::set_aside(folder, state::WEB_FILE_NAME)?;
            WebState::default()
        }
    };
    let oldest = jiff::Timestamp::from_second(at.as_second().saturating_sub(KEPT_SECONDS)).unwrap_or(at);
    let left_out = state.renew(learnt, at, oldest);
    if !state.entries.is_empty() {
        state::write_file(folder, state::WEB_FILE_NAME, |file| state.write(file, at))
            .with_context(|| format!("cannot write {}", shown(&folder.join(state::WEB_FILE_NAME))))?;
    }
    Ok((count, left_out))
}
