//! What is told: one notice about one subject.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How much it matters, least first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing, nothing to be done.
    Info,
    /// Somebody should look in working hours.
    Warning,
    /// Somebody should look now.
    Critical,
}

impl Severity {
    /// All of them, least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// The word for it, as in a configuration and in payloads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The severity of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

/// Where in the life of its subject a notice stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It began, or it is the only word about it.
    Start,
    /// It goes on, and something about it is new.
    Update,
    /// It is over.
    End,
}

impl Phase {
    /// The word for it, as in payloads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Update => "update",
            Self::End => "end",
        }
    }
}

/// One notice. It may be larger than what is sent: every channel cuts it to the limits of [`crate::limits`] and counts
/// that, and masks addresses that are not the institution's own.
#[derive(Clone, PartialEq, Debug)]
pub struct Notice {
    /// When it happened: nanoseconds since 1970 in UTC, the time of the data.
    pub time: i64,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: `flood`, `surge`, `sign`, `sensor`, `disk`.
    pub kind: String,
    /// What start, updates and end have in common, such as a flood's id.
    pub subject: String,
    /// What subjects that come and go have in common, such as kind and target (`flood service www`). Empty: the subject.
    /// Floods of one target have different ids, so this is by what flapping is told.
    pub topic: String,
    /// Where in its subject's life it stands.
    pub phase: Phase,
    /// One line for people.
    pub title: String,
    /// A few lines for people, without markup.
    pub text: String,
    /// Services that are concerned, by name.
    pub services: Vec<String>,
    /// Organisations that are concerned, by name.
    pub organisations: Vec<String>,
    /// Page that shows more. It is sent as it is, so it must hold nothing of a person.
    pub link: Option<String>,
    /// More for programs; webhooks get it.
    pub body: Value,
}

impl Notice {
    /// What flapping is told by.
    pub fn topic(&self) -> &str {
        if self.topic.is_empty() { &self.subject } else { &self.topic }
    }
}
