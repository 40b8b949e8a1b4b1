//! The shell: connections, who asks, what they may, and what every answer carries.

mod assets;
mod cookies;
mod external;
mod gate;
mod headers;
mod patience;
mod principal;
mod problem;
mod routes;
mod server;
mod tls;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use record::{Actor, Entry, Kind};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

pub(crate) use assets::{asset, script_path, stylesheet_path};
pub(crate) use cookies::{Cookies, Keep};
pub use external::ExternalFlood;
pub(crate) use external::{Replays, verify_signature};
pub(crate) use principal::{By, Principal};
pub(crate) use problem::{Fault, Problem};
pub(crate) use routes::router;
pub use routes::{Answer, Door, Look, Parameter, ROUTES, Reach, Route};
pub(crate) use server::Peer;
pub use server::{Handle, start, start_with};

use crate::archive::{Archive, Journal};
use crate::countries::Countries;
use crate::live::{Live, Snapshot};
use crate::oidc::Oidc;
use crate::options::{MAXIMUM_EVENT_READERS, Options};
use crate::people::People;

/// What is counted, for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) connections: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) handshakes_failed: AtomicU64,
    pub(crate) answers: [AtomicU64; 6],
    pub(crate) sign_ins: AtomicU64,
    pub(crate) sign_ins_refused: AtomicU64,
    pub(crate) sign_ins_delayed: AtomicU64,
    pub(crate) readers_refused: AtomicU64,
    pub(crate) readers_dropped: AtomicU64,
    pub(crate) webhooks: AtomicU64,
    pub(crate) webhooks_refused: AtomicU64,
    pub(crate) journal_failures: AtomicU64,
    pub(crate) faults: AtomicU64,
}

impl Counts {
    pub(crate) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// In the text form of Prometheus.
    pub(crate) fn text(&self) -> String {
        let rows = [
            ("connections", &self.connections, "Connections taken."),
            (
                "connections_refused",
                &self.connections_refused,
                "Connections closed at once, since there were too many.",
            ),
            ("handshakes_failed", &self.handshakes_failed, "TLS handshakes that came to nothing."),
            ("sign_ins", &self.sign_ins, "Sign-ins."),
            ("sign_ins_refused", &self.sign_ins_refused, "Sign-ins with something wrong."),
            ("sign_ins_delayed", &self.sign_ins_delayed, "Sign-ins that were told to wait."),
            ("event_readers_refused", &self.readers_refused, "Readers of events beyond the limit."),
            ("event_readers_dropped", &self.readers_dropped, "Readers of events that were too slow."),
            ("webhooks", &self.webhooks, "Webhooks taken up."),
            ("webhooks_refused", &self.webhooks_refused, "Webhooks refused."),
            ("faults", &self.faults, "Requests that something of ours kept from an answer."),
            ("journal_failures", &self.journal_failures, "Deeds of people that could not be written down."),
        ];
        let mut text = String::new();
        for (name, counter, help) in rows {
            let name = format!("hemicycle_console_{name}_total");
            let value = counter.load(Ordering::Relaxed);
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n"));
        }
        let name = "hemicycle_console_answers_total";
        text.push_str(&format!("# HELP {name} Answers by class of status.\n# TYPE {name} counter\n"));
        for (class, counter) in self.answers.iter().enumerate().skip(1) {
            let value = counter.load(Ordering::Relaxed);
            text.push_str(&format!("{name}{{class=\"{class}xx\"}} {value}\n"));
        }
        text
    }
}

/// What every handler has.
pub(crate) struct App {
    pub(crate) options: Options,
    pub(crate) live: Live,
    pub(crate) people: Arc<People>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) counts: Counts,
    /// One sign-in of strangers at a time, and one of known devices: see `people::throttle`.
    pub(crate) strangers: Semaphore,
    pub(crate) known: Semaphore,
    pub(crate) readers: Arc<Semaphore>,
    pub(crate) replays: Mutex<Replays>,
    pub(crate) closing: watch::Receiver<bool>,
    /// Whether cookies and links are for `https`.
    pub(crate) secure: bool,
    pub(crate) fingerprint: ArcSwapOption<String>,
    /// Unless only local accounts sign in.
    pub(crate) oidc: Option<Oidc>,
    /// Unless nobody said where countries stand.
    pub(crate) countries: Option<Countries>,
}

/// Shared by every connection.
pub(crate) type Shared = Arc<App>;

impl App {
    pub(crate) fn new(
        options: Options,
        live: Live,
        people: Arc<People>,
        archive: Arc<dyn Archive>,
        journal: Arc<dyn Journal>,
        closing: watch::Receiver<bool>,
        (fingerprint, oidc, countries): (Option<String>, Option<Oidc>, Option<Countries>),
    ) -> Shared {
        let secure = fingerprint.is_some();
        Arc::new(Self {
            options,
            live,
            people,
            archive,
            journal,
            counts: Counts::default(),
            strangers: Semaphore::new(1),
            known: Semaphore::new(1),
            readers: Arc::new(Semaphore::new(MAXIMUM_EVENT_READERS)),
            replays: Mutex::default(),
            closing,
            secure,
            fingerprint: ArcSwapOption::new(fingerprint.map(Arc::new)),
            oidc,
            countries,
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.options.clock)()
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.live.snapshot()
    }

    pub(crate) fn exposure(&self) -> Arc<crate::exposure::Exposure> {
        self.live.exposure()
    }

    /// The institution's time zone; UTC if the machine does not know it.
    pub(crate) fn zone(&self) -> TimeZone {
        TimeZone::get(&self.snapshot().time_zone).unwrap_or(TimeZone::UTC)
    }

    pub(crate) fn replays(&self) -> std::sync::MutexGuard<'_, Replays> {
        self.replays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something that may wait, such as reading a file, on a thread that may.
    pub(crate) async fn wait<T, E>(
        self: &Shared,
        work: impl FnOnce(&App) -> std::result::Result<T, E> + Send + 'static,
    ) -> std::result::Result<T, Fault>
    where
        T: Send + 'static,
        E: Send + 'static,
        Fault: From<E>,
    {
        let app = Arc::clone(self);
        match tokio::task::spawn_blocking(move || work(&app)).await {
            Ok(result) => result.map_err(Fault::from),
            Err(_) => Err(Fault::Internal("the work was broken off".into())),
        }
    }

    /// Writes down what somebody did.
    pub(crate) fn write_down(
        &self,
        kind: Kind,
        actor: Actor,
        subject: &str,
        body: Value,
    ) -> record::Result<()> {
        let result = self.journal.append(Entry::new(kind, actor, subject, body));
        if result.is_err() {
            Counts::add(&self.counts.journal_failures);
        }
        result
    }
}
