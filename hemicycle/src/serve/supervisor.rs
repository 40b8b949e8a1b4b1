//! What systemd is told (sd_notify(3)): that the start is complete, that files are read again, that the end has begun, and
//! that the service is alive. Without systemd nothing is told and nothing is lost.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

use super::shared::Shared;

/// How the service is told to systemd.
pub(super) struct Supervisor {
    /// How long systemd waits for a sign of life, if it does.
    limit: Option<Duration>,
    last: Option<Instant>,
}

impl Supervisor {
    /// Asks the environment whether somebody wants to know.
    pub(super) fn new() -> Self {
        Self { limit: sd_notify::watchdog_enabled(), last: None }
    }

    /// Everything is open and runs.
    pub(super) fn ready(&self, status: &str) {
        tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The institution file is being read again; [`Self::ready`] ends it.
    pub(super) fn reloading(&self) {
        if let Ok(now) = NotifyState::monotonic_usec_now() {
            tell(&[NotifyState::Reloading, now]);
        }
    }

    /// The end has begun.
    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// A sign of life, at half the time that systemd waits, while every thread reports: a service that hangs is started anew.
    pub(super) fn alive(&mut self, shared: &Shared) {
        let Some(limit) = self.limit else { return };
        let is_due = self.last.is_none_or(|last| last.elapsed() >= limit / 2);
        if is_due && shared.unwell().is_empty() {
            tell(&[NotifyState::Watchdog]);
            self.last = Some(Instant::now());
        }
    }
}

/// Whoever wants to know and does not listen is no reason to stop.
fn tell(state: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(state);
}
