//! The thread that follows log files.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use intake::collect;
use intake::follow::{FollowCounters, FollowOptions, Follower};
use wire::Time;

use super::positions::Positions;
use super::{Lines, LinesReport, Origin, RawLine};
use crate::serve::output::Log;
use crate::serve::shared::Shared;

/// Between two looks at files of which nothing is new. A tenth of a second is what the detector's steps last.
const LOOK: Duration = Duration::from_millis(50);
/// Between two reports.
const TICK_NANOSECONDS: i64 = 100_000_000;
/// Between two saves of how far files were read; what came after the last one is read twice after a crash.
const SAVE_NANOSECONDS: i64 = 5_000_000_000;
/// Turns after the service was asked to stop. What is left is read after the next start.
const LAST_TURNS: usize = 8;

/// What was read of one `[[log]]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogReport {
    pub(crate) counters: FollowCounters,
    /// What became of its lines.
    pub(crate) lines: LinesReport,
    /// Times that positions could not be saved.
    pub(crate) saves_failed: u64,
}

/// The follower of every log.
pub(in crate::serve) struct Followers<L> {
    logs: Vec<(Origin, Follower)>,
    positions: Positions,
    lines: L,
    log: Log,
    shared: Arc<Shared>,
    saves_failed: u64,
    is_save_failing: bool,
}

impl<L: Lines> Followers<L> {
    /// Goes on where the state folder says.
    pub(in crate::serve) fn new(
        logs: &[(Origin, FollowOptions)],
        (state_folder, key): (&Path, [u8; 16]),
        lines: L,
        log: Log,
        shared: Arc<Shared>,
    ) -> Self {
        let (positions, saved, problem) = Positions::read(state_folder);
        problem.iter().for_each(|problem| log.say(problem));
        let logs = logs.iter().map(|(origin, options)| {
            let options = FollowOptions { key, ..options.clone() };
            (origin.clone(), Follower::new(options, &of(&saved, origin)))
        });
        let logs = logs.collect();
        Self { logs, positions, lines, log, shared, saves_failed: 0, is_save_failing: false }
    }

    /// Follows until the service stops.
    pub(in crate::serve) fn run(mut self) {
        let (mut ticked, mut saved) = (Time::default(), collect::now());
        while !self.shared.is_stopping() {
            let now = collect::now();
            let bytes = self.turn(now);
            if now.nanoseconds_since(ticked).abs() >= TICK_NANOSECONDS {
                ticked = now;
                self.lines.advance(now);
                self.report();
            }
            if now.nanoseconds_since(saved).abs() >= SAVE_NANOSECONDS {
                saved = now;
                self.save();
            }
            if bytes == 0 {
                thread::park_timeout(LOOK);
            }
        }
        for _ in 0..LAST_TURNS {
            if self.turn(collect::now()) == 0 {
                break;
            }
        }
        self.lines.advance(collect::now());
        self.lines.finish();
        self.save();
        for ((origin, follower), slot) in self.logs.iter().zip(&self.shared.logs) {
            self.shared.report_last(slot, |report| self.fill(report, origin, follower));
        }
    }

    fn turn(&mut self, now: Time) -> usize {
        let Self { logs, lines, log, .. } = self;
        let mut bytes = 0;
        for (origin, follower) in logs {
            let mut take = |line: intake::follow::Line<'_>| {
                lines.line(origin, &RawLine { bytes: line.bytes, arrival: now, sender: None });
            };
            bytes += follower.turn(now, &mut take).bytes;
            for notice in follower.take_notices() {
                log.say(&format!("log: {notice}"));
            }
        }
        bytes
    }

    fn save(&mut self) {
        let positions: Vec<_> = self.logs.iter().flat_map(|(_, follower)| follower.positions()).collect();
        let saved = self.positions.save(&positions);
        let was_failing = std::mem::replace(&mut self.is_save_failing, saved.is_err());
        match saved {
            Err(error) => {
                self.saves_failed += 1;
                if !was_failing {
                    self.log.say(&format!(
                        "warning: how far logs were read cannot be saved: {error}; it is tried again"
                    ));
                }
            }
            Ok(()) if was_failing => self.log.say("how far logs were read is saved again"),
            Ok(()) => {}
        }
    }

    fn report(&self) {
        for ((origin, follower), slot) in self.logs.iter().zip(&self.shared.logs) {
            self.shared.report(slot, |report| self.fill(report, origin, follower));
        }
    }

    fn fill(&self, report: &mut LogReport, origin: &Origin, follower: &Follower) {
        report.counters = follower.counters();
        report.lines = self.lines.report(origin);
        report.saves_failed = self.saves_failed;
    }
}

/// The positions that one log may need: of files in its folder.
fn of(saved: &[intake::follow::Position], origin: &Origin) -> Vec<intake::follow::Position> {
    let folder = Path::new(&origin.name).parent();
    saved.iter().filter(|saved| Path::new(&saved.path).parent() == folder).cloned().collect()
}
