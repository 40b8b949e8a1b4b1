//! The outlook of the service: made by a thread of its own every quarter of an hour, since it takes seconds, and shown by the console.
//!
//! The thread begins at the first look and not at the start, so that it has the rights that the service keeps and no more.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use console::outlook::Outlook;
use foresee::issued::Issued;
use jiff::{SignedDuration, Timestamp};

use crate::foresight;
use crate::serve::config::Foresight;
use crate::serve::output::Log;
use crate::serve::reload;
use crate::serve::shared::Shared;

/// Between two outlooks, unless something is imported.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// Between two looks whether something was: a list that names us is shown, and floors are lowered, within so much and the time that an outlook
/// takes.
const LOOK: Duration = Duration::from_secs(2);
/// What of the store an outlook is made of.
const FILES: [&str; 3] = ["lists.jsonl", "events.csv", "claims.csv"];

/// The model's latest number for the own house, beside which an analyst's is graded.
pub(super) type Beside = Arc<Mutex<Option<Issued>>>;

/// Behind this an outlook is old: it was not made anew twice, and says so.
const STALE: SignedDuration = SignedDuration::from_mins(31);

/// The latest outlook, and the thread that makes it.
pub(super) struct Forecast {
    latest: Arc<Mutex<Latest>>,
    /// The thread ends when this goes.
    _ends: Sender<()>,
}

/// The outlook, and why there is no newer one.
#[derive(Default)]
struct Latest {
    outlook: Option<Arc<Outlook>>,
    trouble: String,
}

impl Latest {
    /// As it is shown at a moment: an old one says that it is.
    fn at(&self, now: Timestamp) -> Option<Arc<Outlook>> {
        let outlook = self.outlook.as_ref()?;
        if now.duration_since(outlook.time) < STALE {
            return Some(outlook.clone());
        }
        let stale = if self.trouble.is_empty() { "none has been made since" } else { &self.trouble };
        Some(Arc::new(Outlook { stale: stale.to_owned(), ..Outlook::clone(outlook) }))
    }
}

/// What the files of a store were like; none without a store.
type Stamps = Option<[Option<reload::Stamp>; FILES.len()]>;

fn stamps(store: Option<&Path>) -> Stamps {
    store.map(|store| FILES.map(|name| reload::stamp(&store.join(name))))
}

/// Makes something of a store, and says what the store was like before: what is imported meanwhile makes another one due.
fn made_of<T>(store: Option<&Path>, make: impl FnOnce() -> T) -> (T, Stamps) {
    let before = stamps(store);
    (make(), before)
}

/// Waits until the next outlook is due, with a look at the store every so often. False if there is to be none.
fn waits(receiver: &Receiver<()>, store: Option<&Path>, before: &Stamps, look: Duration) -> bool {
    let begun = Instant::now();
    loop {
        if receiver.recv_timeout(look) != Err(RecvTimeoutError::Timeout) {
            return false;
        }
        if begun.elapsed() >= EVERY || stamps(store) != *before {
            return true;
        }
    }
}

impl Forecast {
    /// Begins to make outlooks.
    pub(super) fn start(settings: &Foresight, shared: &Arc<Shared>, beside: &Beside, log: &Log) -> Self {
        let latest = Arc::new(Mutex::new(Latest::default()));
        let (sender, receiver) = channel();
        let complaints = log.clone();
        let (into, settings, shared, log) = (latest.clone(), settings.clone(), shared.clone(), log.clone());
        let beside = beside.clone();
        let work = move || {
            let mut said = String::new();
            loop {
                let make = || foresight::now(&settings, &shared.institution());
                let (made, before) = made_of(settings.store.as_deref(), make);
                match made {
                    Ok(now) => {
                        let change =
                            shared.posture.take(&now.readiness, settings.keep_floors, Timestamp::now());
                        change.iter().for_each(|line| log.say(line));
                        *beside.lock().unwrap_or_else(PoisonError::into_inner) = now.beside;
                        *into.lock().unwrap_or_else(PoisonError::into_inner) =
                            Latest { outlook: Some(Arc::new(now.shown)), trouble: String::new() };
                        said.clear();
                    }
                    Err(error) => {
                        let text = format!("warning: there is no new outlook: {error:#}");
                        if text != said {
                            log.say(&text);
                        }
                        // Whole chains of causes hold paths of this machine: those are for the log.
                        into.lock().unwrap_or_else(PoisonError::into_inner).trouble = error.to_string();
                        said = text;
                    }
                }
                if !waits(&receiver, settings.store.as_deref(), &before, LOOK) {
                    return;
                }
            }
        };
        // Without the thread there is no outlook; floods are found all the same.
        if let Err(error) = thread::Builder::new().name("foresee".to_owned()).spawn(work) {
            complaints.say(&format!("warning: there is no outlook: {error}"));
        }
        Self { latest, _ends: sender }
    }

    /// The latest one, as people see it.
    pub(super) fn latest(&self) -> Option<Arc<Outlook>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).at(Timestamp::now())
    }
}

/// Numbers of analysts go to the store, where they are graded beside the model's; without either there is nothing to grade.
pub(super) fn judge(settings: Option<&Foresight>, beside: &Beside, log: &Log) -> console::Judge {
    let store = settings.and_then(|settings| settings.store.clone());
    let (beside, log) = (beside.clone(), log.clone());
    Arc::new(move |judgement| {
        let model = beside.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (Some(store), Some(model)) = (&store, model) else { return };
        if let Err(error) = foresight::graded::judge(store, &model, judgement.percent, judgement.time) {
            log.say(&format!("warning: the number of {} cannot be graded: {error:#}", judgement.by));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_outlook_says_that_it_is_old() {
        let institution =
            institution::parse("x", include_str!("../../../../data/institution/examplia.toml")).unwrap();
        let settings = Foresight::default();
        let outlook = Arc::new(foresight::now(&settings, &institution).unwrap().shown);
        let (made, minutes) = (outlook.time, SignedDuration::from_mins);
        let mut latest = Latest::default();
        assert!(latest.at(made).is_none());
        latest.outlook = Some(outlook);
        assert_eq!(latest.at(made + minutes(16)).unwrap().stale, "");
        assert!(latest.at(made + minutes(31)).unwrap().stale.contains("none has been made"));
        latest.trouble = "a file cannot be read".to_owned();
        assert_eq!(latest.at(made + minutes(60)).unwrap().stale, "a file cannot be read");
    }

    #[test]
    fn what_is_imported_while_an_outlook_is_made_makes_another_one_due() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, receiver) = channel();
        let import = || std::fs::write(folder.path().join(FILES[0]), "{}\n").unwrap();
        let ((), before) = made_of(Some(folder.path()), import);
        let begun = Instant::now();
        assert!(waits(&receiver, Some(folder.path()), &before, Duration::from_millis(1)));
        assert!(begun.elapsed() < EVERY / 2, "{:?}", begun.elapsed());
        drop(sender);
        assert!(!waits(&receiver, Some(folder.path()), &before, Duration::from_millis(1)), "it ends");
    }
}
