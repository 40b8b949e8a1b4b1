//! The outlook of the service: made by a thread of its own every quarter of an hour, since it takes seconds, and shown by the console.
//!
//! The thread begins at the first look and not at the start, so that it has the rights that the service keeps and no more.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use console::outlook::Outlook;

use crate::foresight;
use crate::serve::config::Foresight;
use crate::serve::output::Log;
use crate::serve::shared::Shared;

/// Between two outlooks: a list that comes at twenty past is shown by half past.
const EVERY: Duration = Duration::from_secs(15 * 60);

/// The latest outlook, and the thread that makes it.
pub(super) struct Forecast {
    latest: Arc<Mutex<Option<Arc<Outlook>>>>,
    /// The thread ends when this goes.
    _ends: Sender<()>,
}

impl Forecast {
    /// Begins to make outlooks.
    pub(super) fn start(settings: &Foresight, shared: &Arc<Shared>, log: &Log) -> Self {
        let latest = Arc::new(Mutex::new(None));
        let (sender, receiver) = channel();
        let complaints = log.clone();
        let (into, settings, shared, log) = (latest.clone(), settings.clone(), shared.clone(), log.clone());
        let work = move || {
            let mut said = String::new();
            loop {
                match foresight::now(&settings, &shared.institution()) {
                    Ok(outlook) => {
                        *into.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(outlook));
                        said.clear();
                    }
                    Err(error) => {
                        let text = format!("warning: there is no new outlook: {error:#}");
                        if text != said {
                            log.say(&text);
                        }
                        said = text;
                    }
                }
                if receiver.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
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

    /// The latest one.
    pub(super) fn latest(&self) -> Option<Arc<Outlook>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
