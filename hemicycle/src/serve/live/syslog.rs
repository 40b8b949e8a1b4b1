//! The thread that receives syslog.

use std::sync::Arc;
use std::time::Duration;

use intake::collect;
use intake::syslog::{Message, Syslog, SyslogCounters, SyslogError};
use wire::Time;

use super::{Lines, LinesReport, Origin, RawLine};
use crate::serve::shared::Shared;

/// Longest wait for messages, and time between two reports.
const TICK: Duration = Duration::from_millis(100);
/// Reads after the service was asked to stop.
const LAST_READS: usize = 64;

/// What was received.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SyslogReport {
    pub(crate) counters: SyslogCounters,
    /// What became of the messages.
    pub(crate) lines: LinesReport,
}

/// A receiver that has not begun.
pub(in crate::serve) struct Receiver<L> {
    pub(in crate::serve) syslog: Syslog,
    pub(in crate::serve) origin: Origin,
    pub(in crate::serve) lines: L,
    pub(in crate::serve) shared: Arc<Shared>,
}

impl<L: Lines> Receiver<L> {
    /// Receives until the service stops.
    ///
    /// # Errors
    /// When the system refuses to wait for messages.
    pub(in crate::serve) fn run(mut self) -> Result<(), SyslogError> {
        let mut ticked = Time::default();
        while !self.shared.is_stopping() {
            self.receive(TICK)?;
            let now = collect::now();
            if now.nanoseconds_since(ticked).unsigned_abs() >= TICK.as_nanos() as u64 {
                ticked = now;
                self.tick(now);
            }
        }
        for _ in 0..LAST_READS {
            if self.receive(Duration::ZERO)? == 0 {
                break;
            }
        }
        self.tick(collect::now());
        self.lines.finish();
        if let Some(slot) = self.shared.syslog.first() {
            self.shared.report_last(slot, |report| self.fill(report));
        }
        Ok(())
    }

    fn receive(&mut self, patience: Duration) -> Result<u64, SyslogError> {
        let Self { syslog, origin, lines, .. } = self;
        syslog.receive(patience, &mut |message: Message<'_>| {
            let Message { bytes, arrival, sender, .. } = message;
            lines.line(origin, &RawLine { bytes, arrival, sender: Some(sender) });
        })
    }

    fn tick(&mut self, now: Time) {
        if self.syslog.kernel_drops() > 0 {
            self.lines.loss();
        }
        self.lines.advance(now);
        if let Some(slot) = self.shared.syslog.first() {
            self.shared.report(slot, |report| self.fill(report));
        }
    }

    fn fill(&self, report: &mut SyslogReport) {
        report.counters = self.syslog.counters();
        report.lines = self.lines.report(&self.origin);
    }
}
