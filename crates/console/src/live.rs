//! What is so right now: a snapshot that the binary fills, and lines of events as they come.
//!
//! The console reads a snapshot without a lock and never computes what a room should: whether a service is calm is told
//! to it. Whoever fills it calls [`Live::show`] at its own pace and [`Live::publish`] for each line; neither ever waits
//! for a reader. Limits: [`KEPT_LINES`] lines are kept for readers that come back.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::broadcast;

use crate::exposure::Exposure;

/// Lines that are kept for a reader that was away, and that a slow one may lie behind before it is dropped.
pub const KEPT_LINES: usize = 512;

/// How a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing says how it is.
    #[default]
    Unknown,
    /// As on other days.
    Calm,
    /// More readers than on other days.
    Surge,
    /// Under a flood.
    Flood,
}

impl State {
    /// Every state, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Flood, Self::Surge, Self::Calm, Self::Unknown];

    /// The word in classes and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Calm => "calm",
            Self::Surge => "surge",
            Self::Flood => "flood",
        }
    }
}

/// How much a service matters, the most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Criticality {
    /// Parliament cannot work without it.
    Essential,
    /// Parliament works badly without it.
    #[default]
    Important,
    /// Somebody would notice.
    Supporting,
}

impl Criticality {
    /// All, the most critical first.
    pub const ALL: [Self; 3] = [Self::Essential, Self::Important, Self::Supporting];

    /// The word of the institution file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Essential => "essential",
            Self::Important => "important",
            Self::Supporting => "supporting",
        }
    }
}

/// A zone of the institution file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Zone {
    /// Its key.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Whether everybody can reach it: the public lane.
    pub public: bool,
}

/// An organisation of the institution file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Organisation {
    /// Its key.
    pub name: String,
    /// What people call it.
    pub title: String,
}

/// A service and how it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Service {
    /// Its key in the institution file.
    pub name: String,
    /// Whose it is.
    pub organisation: String,
    /// Where it stands.
    pub zone: String,
    /// How much it matters.
    pub criticality: Criticality,
    /// How it is.
    pub state: State,
    /// The id of the flood or surge that it is in.
    pub flood: Option<String>,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Its names.
    pub names: Vec<String>,
    /// Packets a second now.
    pub packets_per_second: Option<f64>,
    /// What is ordinary at this hour.
    pub ordinary_packets_per_second: Option<f64>,
    /// Sensors that see its traffic.
    pub seen_by: Vec<String>,
    /// What people can do while it is away.
    pub workaround: Option<String>,
}

/// How a sensor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Hearing {
    /// Never heard yet.
    #[default]
    Waiting,
    /// Everything that it sends is taken up.
    Hearing,
    /// Something is lost on the way: figures are lower bounds.
    Losing,
    /// It was heard and is not any more.
    Silent,
}

impl Hearing {
    /// The word in classes and the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Hearing => "hearing",
            Self::Losing => "losing",
            Self::Silent => "silent",
        }
    }
}

/// A sensor: where bytes come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
pub struct Sensor {
    /// Its name.
    pub name: String,
    /// `flow`, `mirror`, `log`, `syslog`, `webhook`.
    pub kind: String,
    /// How it is.
    pub state: Hearing,
    /// When it was last heard.
    #[schemars(with = "Option<String>")]
    pub heard: Option<Timestamp>,
    /// Records since the start.
    pub records: u64,
    /// Records a second now.
    pub records_per_second: Option<f64>,
    /// Records that are known to be lost since the start.
    pub lost: u64,
    /// The share that was lost in the last minutes, 0 to 1.
    pub lost_share: Option<f64>,
    /// One packet in this many is seen; 1 for all.
    pub sampling: Option<u64>,
    /// What it cannot see, in a few words.
    pub blind_to: Vec<String>,
}

/// Everything that is so right now.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The institution's name.
    pub institution: String,
    /// Its time zone, by IANA name.
    pub time_zone: String,
    /// When this was so.
    pub time: Timestamp,
    /// When the service started.
    pub started: Timestamp,
    /// Whether anything may be filtered, in words: `observe only`.
    pub mode: String,
    /// Something that everybody has to know, such as a disk that takes nothing.
    pub warnings: Vec<String>,
    /// Zones, in the order of the file.
    pub zones: Vec<Zone>,
    /// Organisations, in the order of the file.
    pub organisations: Vec<Organisation>,
    /// Services, in the order of the file.
    pub services: Vec<Service>,
    /// Floods and surges that go on: the last line of each, with codes or networks in place of addresses
    /// of persons.
    pub floods: Vec<Value>,
    /// Sensors.
    pub sensors: Vec<Sensor>,
    /// What the next days may bring, if anything is known of that.
    pub outlook: Option<Arc<crate::outlook::Outlook>>,
    /// How ready to be, while that is more than on other days.
    pub readiness: Option<crate::outlook::Readiness>,
}

impl Snapshot {
    /// Nothing yet.
    #[must_use]
    pub fn empty(institution: &str, time_zone: &str, now: Timestamp) -> Self {
        Self {
            institution: institution.to_owned(),
            time_zone: time_zone.to_owned(),
            time: now,
            started: now,
            mode: "observe only".to_owned(),
            warnings: Vec::new(),
            zones: Vec::new(),
            organisations: Vec::new(),
            services: Vec::new(),
            floods: Vec::new(),
            sensors: Vec::new(),
            outlook: None,
            readiness: None,
        }
    }
}

/// One line of the stream of events.
#[derive(Debug, Clone)]
pub struct Line {
    /// Counts up from 1 since the start.
    pub number: u64,
    /// `flood`, `surge` or `sign`.
    pub kind: String,
    /// Organisations that may see it; none means only who sees the whole house.
    pub organisations: Arc<[String]>,
    /// One JSON object.
    pub text: Arc<str>,
}

struct Inner {
    snapshot: ArcSwap<Snapshot>,
    exposure: ArcSwap<Exposure>,
    sender: broadcast::Sender<Line>,
    kept: Mutex<VecDeque<Line>>,
}

/// What is so right now; clones are the same.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

impl Live {
    /// Begins with a snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot) -> Self {
        let sender = broadcast::Sender::new(KEPT_LINES);
        Self(Arc::new(Inner {
            snapshot: ArcSwap::from_pointee(snapshot),
            exposure: ArcSwap::default(),
            sender,
            kept: Mutex::default(),
        }))
    }

    /// Shows another snapshot from now on.
    pub fn show(&self, snapshot: Snapshot) {
        self.0.snapshot.store(Arc::new(snapshot));
    }

    /// Shows what the institution is exposed to, from now on: to be called when its file was read.
    pub fn show_exposure(&self, exposure: Exposure) {
        self.0.exposure.store(Arc::new(exposure));
    }

    /// What was shown of that last; nothing before the first time.
    #[must_use]
    pub fn exposure(&self) -> Arc<Exposure> {
        self.0.exposure.load_full()
    }

    /// The snapshot of now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.0.snapshot.load_full()
    }

    /// Sends one line to whoever listens and may see it. Never waits: readers that are too slow lose their connection.
    pub fn publish(&self, kind: &str, organisations: &[String], text: &str) {
        let mut kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.back().map_or(1, |line| line.number + 1);
        let line =
            Line { number, kind: kind.to_owned(), organisations: organisations.into(), text: text.into() };
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line.clone());
        // An error only says that nobody listens.
        let _ = self.0.sender.send(line);
    }

    /// Lines after a number that are still kept, and those that come. Without a number only those that come.
    pub(crate) fn listen(&self, after: Option<u64>) -> (VecDeque<Line>, broadcast::Receiver<Line>) {
        // Under the lock of `publish`, so that no line is between the two or in both.
        let kept = self.0.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = after.map(|after| kept.iter().filter(|line| line.number > after).cloned().collect());
        (missed.unwrap_or_default(), self.0.sender.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_was_away_gets_what_it_missed_and_nothing_twice() {
        let live = Live::new(Snapshot::empty("x", "UTC", Timestamp::UNIX_EPOCH));
        for number in 1..=KEPT_LINES + 3 {
            live.publish("flood", &[], &number.to_string());
        }
        let (missed, mut coming) = live.listen(Some(u64::try_from(KEPT_LINES).unwrap()));
        let texts: Vec<&str> = missed.iter().map(|line| &*line.text).collect();
        assert_eq!(texts, ["513", "514", "515"]);
        assert!(coming.try_recv().is_err());
        live.publish("flood", &[], "next");
        assert_eq!(&*coming.try_recv().unwrap().text, "next");
        assert_eq!(live.listen(Some(0)).0.len(), KEPT_LINES, "bounded");
        assert!(live.listen(None).0.is_empty());
    }
}
