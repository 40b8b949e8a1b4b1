//! One entry of the ledger, as it is handed in and as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What an entry says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something was seen: the body is an event (`flood`, `surge`, `sign`).
    Observed,
    /// Something was decided, by a rule or a person: a proposal, an approval, a verdict.
    Decided,
    /// Something was done: a filter set or taken back, a notification sent.
    Done,
    /// The configuration or the institution file changed.
    Configured,
    /// Somebody signed in or out, or failed to.
    SignedIn,
    /// A person's address was opened, or a report of what is held about one was made.
    Opened,
    /// Something was erased: an address, or what was past its time.
    Erased,
    /// The service started.
    Started,
    /// The service stopped in an orderly way.
    Stopped,
    /// A report or an export was shown or handed out.
    Shown,
    /// Something could not be recorded for a while; the body says what and how much.
    Lost,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Observed,
        Self::Decided,
        Self::Done,
        Self::Configured,
        Self::SignedIn,
        Self::Opened,
        Self::Erased,
        Self::Started,
        Self::Stopped,
        Self::Shown,
        Self::Lost,
    ];

    /// The name under which it is stored and exported.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Decided => "decided",
            Self::Done => "done",
            Self::Configured => "configured",
            Self::SignedIn => "signed_in",
            Self::Opened => "opened",
            Self::Erased => "erased",
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::Shown => "shown",
            Self::Lost => "lost",
        }
    }

    /// The kind of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Who did it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum Actor {
    /// This program by itself, with the name of the room: `detect`, `defend`, `record`.
    Room(String),
    /// A person, by the name of the account.
    Person(String),
    /// Another program, by the name of its token.
    Program(String),
}

impl Actor {
    /// As it is stored: `room:detect`, `person:anna`, `program:siem`.
    pub fn text(&self) -> String {
        match self {
            Self::Room(name) => format!("room:{name}"),
            Self::Person(name) => format!("person:{name}"),
            Self::Program(name) => format!("program:{name}"),
        }
    }
}

/// An entry as it is handed in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it says.
    pub kind: Kind,
    /// When it was so, nanoseconds since 1970 in UTC; without it, when it is written. Of events their `time`.
    pub time: Option<i64>,
    /// Who did it.
    pub actor: Actor,
    /// What it is about: the id of a flood, the name of a service or an account. At most 256 bytes are kept.
    pub subject: String,
    /// The organisations that may see it. Empty: only who may see everything.
    pub organisations: Vec<String>,
    /// The services that it is about, by the names of the institution file.
    pub services: Vec<String>,
    /// The rest. Addresses of persons in it are replaced by their codes before it is stored.
    pub body: Value,
}

impl Entry {
    /// An event of the detector or of the web layer, as serve prints it: a JSON object whose `kind` is `flood`,
    /// `surge` or `sign`. Its time and subject are the event's.
    pub fn observed(event: Value) -> Self {
        let time = event.get("time").and_then(Value::as_str).and_then(crate::point::parse_time);
        let subject =
            ["id", "target", "name"].iter().find_map(|name| event.get(name).and_then(Value::as_str));
        Self {
            kind: Kind::Observed,
            time,
            actor: Actor::Room("detect".to_owned()),
            subject: subject.unwrap_or_default().to_owned(),
            organisations: Vec::new(),
            services: Vec::new(),
            body: event,
        }
    }

    /// An entry with an empty scope.
    pub fn new(kind: Kind, actor: Actor, subject: impl Into<String>, body: Value) -> Self {
        let (organisations, services) = (Vec::new(), Vec::new());
        Self { kind, time: None, actor, subject: subject.into(), organisations, services, body }
    }

    /// The same, seen by these organisations and about these services.
    #[must_use]
    pub fn scoped(mut self, organisations: Vec<String>, services: Vec<String>) -> Self {
        (self.organisations, self.services) = (organisations, services);
        self
    }
}

/// What an acknowledged entry became.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Its number; the first is 1.
    pub seq: u64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

/// An entry as it is stored.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StoredEntry {
    /// Its number, without gaps; the first is 1.
    pub seq: u64,
    /// When it was so, nanoseconds since 1970 in UTC.
    pub time: i64,
    /// When it was written, by the clock of this host, in the same unit.
    pub written: i64,
    /// What it says.
    pub kind: String,
    /// Who did it: `room:detect`, `person:anna`.
    pub actor: String,
    /// What it is about.
    pub subject: String,
    /// The organisations that may see it.
    pub organisations: Vec<String>,
    /// The services that it is about.
    pub services: Vec<String>,
    /// The canonical text of the body; none once its time was up, which leaves the chain whole.
    pub body: Option<String>,
    /// SHA-256 of the body, in hexadecimal digits.
    pub body_hash: String,
    /// The hash of the entry before, in hexadecimal digits.
    pub previous: String,
    /// The hash of this entry, in hexadecimal digits.
    pub hash: String,
    /// The seal under the deployment's key, in hexadecimal digits: who can write to the file but has not the key cannot
    /// make a chain that holds.
    pub seal: String,
}
