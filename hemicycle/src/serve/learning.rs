//! What the service learns: recalled at the start, kept while it runs, saved at a clean stop.
//!
//! The detector's thread only collects what it knows; a thread of its own writes it, so that nothing that receives
//! waits for the disk. At the start a state file that cannot be used is said and set aside, and learning begins anew:
//! a service that finds floods by its floors is better than none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use detect::{Detector, Learnt};
use institution::Institution;
use wire::Time;

use super::outlet::{Drain, Outlet};
use super::output::Log;
use super::shared::Shared;
use crate::learn::learning;
use crate::replay::timeline::timestamp;
use crate::state::{self, Recalled, State};
use crate::style::duration;

/// Between two saves. What is lost when the machine fails is this much of a mean of half an hour.
const SAVE_NANOSECONDS: i64 = 600_000_000_000;
/// Places looked at in one tick: collecting 65,536 targets at once takes some 38 ms, in which nothing is received, 4,096 one
/// (`cargo run --release -p detect --example learnt_speed`).
const PLACES_PER_TICK: usize = 4_096;
const HOUR_NANOSECONDS: i64 = 3_600_000_000_000;
/// One that is being written and one that waits: the last one of all always finds room.
const PLACES: usize = 2;

/// Counts for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Targets that were known from before at the start.
    pub(crate) recalled: AtomicU64,
    /// Targets in the state file that are not watched any more, or for which there was no room.
    pub(crate) not_watched: AtomicU64,
    /// Lines of the state file that could not be used.
    pub(crate) skipped_lines: AtomicU64,
    /// Seconds between the end of what was recalled and the start.
    pub(crate) recalled_age_seconds: AtomicU64,
    /// Targets of which enough was known when it was collected last.
    pub(crate) learnt: AtomicU64,
    /// Targets in the state file that were kept as they were.
    pub(crate) kept: AtomicU64,
    /// Files written.
    pub(crate) saves: AtomicU64,
    /// Files that could not be written.
    pub(crate) saves_failed: AtomicU64,
    /// Services whose requests were known from before at the start.
    pub(crate) web_recalled: AtomicU64,
    /// Services of whose requests enough was known when that was collected last.
    pub(crate) web_learnt: AtomicU64,
    /// Services that were left out of their file when it was written last: not seen for long, or too many.
    pub(crate) web_left_out: AtomicU64,
    /// When the last file was written, in seconds since the epoch; 0 if none was.
    pub(crate) saved_at_seconds: AtomicI64,
}

/// What was learnt before, as it was found at the start.
pub(super) struct Before {
    folder: PathBuf,
    state: State,
}

impl Before {
    /// Reads the state file, and says what came of it.
    pub(super) fn read(folder: &Path) -> (Self, Vec<String>) {
        let mut lines = Vec::new();
        let state = state::load(folder).unwrap_or_else(|error| {
            lines.push(format!("warning: {error:#}; what is ordinary is learnt anew"));
            State::default()
        });
        lines.extend(state::warning(&state, folder));
        (Self { folder: folder.to_owned(), state }, lines)
    }

    /// What the start would do with it.
    pub(super) fn line(&self) -> String {
        let name = crate::files::shown(&state::path(&self.folder));
        match self.state.written {
            None => format!("nothing is learnt yet: {name}"),
            Some(written) => {
                format!("learnt of {} targets until {written}: {name}", self.state.entries.len())
            }
        }
    }
}

/// The part of it on the detector's thread.
pub(super) struct Student {
    institution: Arc<Institution>,
    keeper: Outlet<Collected>,
    /// Of UTC; offsets of time zones change on the hour.
    hour: i64,
    next_save_nanoseconds: i64,
    /// What is collected so far for a save that is under way, and the place to go on at.
    under_way: Option<(Vec<Learnt>, usize)>,
}

/// What a detector knew at a time.
struct Collected {
    learnt: Vec<Learnt>,
    at: Time,
    institution: Arc<Institution>,
}

impl Student {
    /// Recalls what was learnt before, and starts the thread that keeps it from now on.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(super) fn start(
        before: Before,
        detector: &mut Detector,
        shared: &Arc<Shared>,
        log: &Log,
        now: Time,
    ) -> io::Result<(Self, Drain)> {
        let institution = shared.institution();
        detector.learn(learning(&institution, now));
        let recalled = before.state.recall(detector, now, None);
        log.say(&told(&before, &recalled, now));
        let counts = &shared.learning;
        counts.recalled.store(recalled.targets, Ordering::Relaxed);
        counts.not_watched.store(recalled.not_watched, Ordering::Relaxed);
        counts.skipped_lines.store(before.state.skipped_lines, Ordering::Relaxed);
        counts.recalled_age_seconds.store(age_seconds(&recalled, now), Ordering::Relaxed);
        let (keeper, drain) = keeper(before.folder, shared.clone(), log.clone())?;
        let next_save_nanoseconds = now.nanoseconds().saturating_add(SAVE_NANOSECONDS);
        Ok((Self { institution, keeper, hour: hour(now), next_save_nanoseconds, under_way: None }, drain))
    }

    /// Another institution file holds.
    pub(super) fn replace(&mut self, institution: Arc<Institution>, detector: &mut Detector, now: Time) {
        self.institution = institution;
        // Places of what is wider are others now.
        if let Some((learnt, place)) = &mut self.under_way {
            (*learnt, *place) = (Vec::new(), 0);
        }
        detector.learn(learning(&self.institution, now));
    }

    /// About ten times a second.
    pub(super) fn tick(&mut self, detector: &mut Detector, now: Time) {
        if std::mem::replace(&mut self.hour, hour(now)) != self.hour {
            detector.learn(learning(&self.institution, now));
        }
        let due = self.next_save_nanoseconds;
        // Also where the clock was set back by more than the time between two saves.
        let is_due = now.nanoseconds() >= due || due - now.nanoseconds() > 2 * SAVE_NANOSECONDS;
        if is_due {
            self.next_save_nanoseconds = now.nanoseconds().saturating_add(SAVE_NANOSECONDS);
            self.under_way = Some((Vec::with_capacity(detector.learnt_places()), 0));
        }
        self.collect_more(detector, now);
    }

    /// Goes on with a save that is under way, and hands it over when nothing is left to collect.
    fn collect_more(&mut self, detector: &Detector, now: Time) {
        let Some((mut learnt, from)) = self.under_way.take() else { return };
        let to = from.saturating_add(PLACES_PER_TICK);
        learnt.extend(detector.learnt_at(from..to));
        if to < detector.learnt_places() {
            self.under_way = Some((learnt, to));
        } else {
            self.hand_over(learnt, now);
        }
    }

    /// Hands over what the detector knows, all at once: at the end.
    pub(super) fn collect(&self, detector: &Detector, now: Time) {
        self.hand_over(detector.learnt().collect(), now);
    }

    /// A keeper that is still writing the one before the last is not waited for.
    fn hand_over(&self, learnt: Vec<Learnt>, now: Time) {
        self.keeper.put(Collected { learnt, at: now, institution: self.institution.clone() });
    }
}

fn hour(now: Time) -> i64 {
    now.nanoseconds().div_euclid(HOUR_NANOSECONDS)
}

fn age_seconds(recalled: &Recalled, now: Time) -> u64 {
    recalled.newest.map_or(0, |newest| timestamp(now).as_second().abs_diff(newest.as_second()))
}

fn told(before: &Before, recalled: &Recalled, now: Time) -> String {
    if before.state.entries.is_empty() {
        return before.line();
    }
    let gone = match recalled.not_watched {
        0 => String::new(),
        count => format!(", {count} are not watched any more"),
    };
    let age = duration(age_seconds(recalled, now) as f64);
    format!("recalled what is ordinary for {} targets, learnt until {age} ago{gone}", recalled.targets)
}

/// The thread that writes.
fn keeper(folder: PathBuf, shared: Arc<Shared>, log: Log) -> io::Result<(Outlet<Collected>, Drain)> {
    Outlet::open("state", PLACES, move |_| {
        Box::new(move |collected: Collected| keep(&folder, collected, &shared.learning, &log))
    })
}

fn keep(folder: &Path, collected: Collected, counts: &Counts, log: &Log) {
    let Collected { mut learnt, at, institution } = collected;
    learnt.retain(|learnt| state::is_own(&institution, &learnt.target));
    counts.learnt.store(learnt.len() as u64, Ordering::Relaxed);
    match state::save(folder, learnt, at, at) {
        Ok(saved) => {
            counts.kept.store(saved.kept, Ordering::Relaxed);
            counts.saved_at_seconds.store(timestamp(at).as_second(), Ordering::Relaxed);
            counts.saves.fetch_add(1, Ordering::Relaxed);
            if let Some(aside) = saved.set_aside {
                log.say(&format!(
                    "the state file that was refused is kept as {}",
                    crate::files::shown(&aside)
                ));
            }
        }
        Err(error) => {
            counts.saves_failed.fetch_add(1, Ordering::Relaxed);
            log.say(&format!("warning: what was learnt is not saved: {error:#}"));
        }
    }
}
