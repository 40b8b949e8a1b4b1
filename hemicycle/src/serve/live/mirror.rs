//! The thread of one worker of one mirror.

use std::sync::Arc;
use std::time::Duration;

use intake::collect;
use intake::mirror::{Mirror, MirrorError, RETIRE_MILLISECONDS};
use wire::Time;

use super::Frames;
use crate::serve::detection::TICK;
use crate::serve::shared::Shared;

/// How long frames may be on their way to us: the kernel hands them over in blocks, and late where the machine is busy.
const ON_THE_WAY_NANOSECONDS: i64 = 5 * RETIRE_MILLISECONDS as i64 * 1_000_000;
/// After the service was asked to stop: what the rings hold is taken, but a link at full rate does not keep it alive.
const DRAIN: Duration = Duration::from_millis(250);

/// A worker that has not begun.
pub(in crate::serve) struct Worker<F> {
    number: usize,
    mirror: Mirror,
    sampling: u32,
    frames: F,
    shared: Arc<Shared>,
    ticked: Time,
    /// Of the latest frame.
    latest: Time,
}

impl<F: Frames> Worker<F> {
    /// The worker of this number among those of all mirrors.
    pub(in crate::serve) fn new(
        number: usize,
        (mirror, sampling): (Mirror, u32),
        frames: F,
        shared: Arc<Shared>,
    ) -> Self {
        Self { number, mirror, sampling, frames, shared, ticked: collect::now(), latest: Time::default() }
    }

    /// Reads until the service stops.
    ///
    /// # Errors
    /// When the system refuses to wait for packets.
    pub(in crate::serve) fn run(mut self) -> Result<(), MirrorError> {
        while !self.shared.is_stopping() {
            let patience = if self.frames.holds_back() { Duration::ZERO } else { TICK };
            // Before the rings are looked at: whatever came before has been read if they are found empty. Where they are not,
            // there may be more, and only the frames themselves say how far it is. A clock that ran ahead of frames that
            // wait would count them in a later step than a replay does.
            let asked = collect::now();
            let blocks = self.read(patience)?;
            self.tick(if blocks == 0 { asked } else { self.latest.min(asked) }, blocks == 0);
        }
        let until = collect::now().plus_nanoseconds(DRAIN.as_nanos() as i64);
        // Twice the time after which the kernel hands over what it has begun.
        let patience = Duration::from_nanos(ON_THE_WAY_NANOSECONDS.unsigned_abs());
        while self.read(patience)? > 0 && collect::now() < until {}
        if self.mirror.kernel_drops() > 0 {
            self.frames.loss();
        }
        self.frames.advance(collect::now(), true);
        if let Some(slot) = self.shared.mirrors.get(self.number) {
            self.shared.report_last(slot, |report| *report = self.frames.report());
        }
        self.frames.finish();
        Ok(())
    }

    fn read(&mut self, patience: Duration) -> Result<usize, MirrorError> {
        let Self { mirror, frames, sampling, latest, .. } = self;
        mirror.read(patience, &mut |frame| {
            *latest = frame.time;
            frames.frame(&frame, *sampling);
        })
    }

    /// Everything until `seen` was read.
    fn tick(&mut self, seen: Time, is_idle: bool) {
        self.frames.advance(seen.plus_nanoseconds(-ON_THE_WAY_NANOSECONDS), is_idle);
        let now = collect::now();
        if now.nanoseconds_since(self.ticked).unsigned_abs() < TICK.as_nanos() as u64 {
            return;
        }
        self.ticked = now;
        if self.mirror.kernel_drops() > 0 {
            self.frames.loss();
        }
        self.frames.tick();
        if let Some(slot) = self.shared.mirrors.get(self.number) {
            self.shared.report(slot, |report| *report = self.frames.report());
        }
    }
}
