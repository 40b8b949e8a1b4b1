//! How a channel does, for pages and metrics.

use crate::damper::{Covers, DamperCounters};

/// Why a channel is dead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dead {
    /// Too many attempts in a row failed.
    Failures,
    /// Something has waited for too long.
    Age,
    /// Its thread is gone, which is a fault of this program.
    Thread,
}

impl Dead {
    /// The reason in words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failures => "too many failures in a row",
            Self::Age => "nothing has got through for too long",
            Self::Thread => "its thread has ended",
        }
    }
}

/// One channel: what it has done since it was opened. Counts are of messages unless they say otherwise.
#[derive(Clone, PartialEq, Debug)]
pub struct ChannelState {
    /// Its name.
    pub name: String,
    /// `webhook`, `chat`, `mail` or `syslog`.
    pub kind: &'static str,
    /// Where it leads, without what is secret: `https://hooks.example`.
    pub target: String,
    /// Messages that arrived, as far as the receiver says.
    pub sent: u64,
    /// Attempts that failed.
    pub failed: u64,
    /// Attempts after the first.
    pub retried: u64,
    /// Messages that were refused for good.
    pub refused: u64,
    /// Messages that were given up, by age or attempts.
    pub given_up: u64,
    /// Recipients of mails that were refused for good, while others got them.
    pub refused_recipients: u64,
    /// Notices that nobody will be told, by whatever cause. The next message says how many.
    pub dropped: u64,
    /// Notices that the rule does not admit.
    pub filtered: u64,
    /// Notices that wait: for the thread, the damper, quiet hours, the receiver.
    pub queued: u64,
    /// Addresses that were masked.
    pub masked: u64,
    /// Fields of notices that were cut or left out.
    pub cut: u64,
    /// What the damper has done.
    pub damper: DamperCounters,
    /// Tests.
    pub tests: u64,
    /// Failures since the last success.
    pub failures_in_row: u64,
    /// Time of the last success, nanoseconds since 1970.
    pub last_success: Option<i64>,
    /// Time of the last failure.
    pub last_failure: Option<i64>,
    /// The last failure in words, without secrets; gone with the next success.
    pub last_error: Option<String>,
    /// Since when the message that is tried now has waited, nanoseconds since 1970.
    pub waiting_since: Option<i64>,
    /// Why it is dead, if it is.
    pub dead: Option<Dead>,
}

impl ChannelState {
    pub(crate) fn new(name: &str, kind: &'static str, target: String) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            target,
            sent: 0,
            failed: 0,
            retried: 0,
            refused: 0,
            given_up: 0,
            refused_recipients: 0,
            dropped: 0,
            filtered: 0,
            queued: 0,
            masked: 0,
            cut: 0,
            damper: DamperCounters::default(),
            tests: 0,
            failures_in_row: 0,
            last_success: None,
            last_failure: None,
            last_error: None,
            waiting_since: None,
            dead: None,
        }
    }

    /// Whether nobody is reached through it.
    pub fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// Notices that were taken by the damper.
    pub fn taken(&self) -> Covers {
        self.damper.taken
    }
}
