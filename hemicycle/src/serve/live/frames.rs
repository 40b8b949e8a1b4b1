//! Frames of a mirror to both layers: exactly what a replay of a capture does with them.
//!
//! Limit: where packets are sampled, the web layer gets none of them: of half a connection it would think that it hangs.

use std::time::Instant;

use detect::{Observation, Quoted};
use intake::mirror::MirrorFrame;
use wire::packet::{Decoded, Skip, decode_into};
use wire::{Packet, Time};

use crate::serve::detection::Sink;
use crate::serve::indicators::Scout;
use crate::serve::web::Web;
use crate::serve::witness::{SeenFrame, Tap};

/// Takes mirrored frames.
pub(in crate::serve) trait Frames {
    /// Takes one, of which only one in `sampling` is seen.
    fn frame(&mut self, frame: &MirrorFrame<'_>, sampling: u32);
    /// Frames were lost before they came here.
    fn loss(&mut self);
    /// Everything that came before `now` is here. Whoever is idle has the time to wait.
    fn advance(&mut self, now: Time, is_idle: bool);
    /// Whether something waits that was not handed over yet.
    fn holds_back(&self) -> bool;
    /// About ten times a second.
    fn tick(&mut self);
    /// What was counted.
    fn report(&self) -> FramesReport;
    /// Nothing more comes.
    fn finish(self);
}

/// What became of frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FramesReport {
    /// Packets given to the detector; the packet inside a tunnel is one of its own.
    pub(crate) packets: u64,
    /// Frames without a usable IP header, by [`Skip::index`].
    pub(crate) skipped: [u64; Skip::ALL.len()],
    /// Times that it had to wait for other workers at the detector.
    pub(crate) detector_waits: u64,
}

/// Gives packets to the detector.
pub(in crate::serve) struct Packets<S> {
    sink: S,
    web: Web,
    tap: Tap<SeenFrame>,
    scout: Scout,
    report: FramesReport,
}

impl<S: Sink> Packets<S> {
    /// By these ways.
    pub(in crate::serve) fn new(sink: S, web: Web, tap: Tap<SeenFrame>, scout: Scout) -> Self {
        Self { sink, web, tap, scout, report: FramesReport::default() }
    }

    #[inline]
    fn observe(&mut self, time: Time, packet: &Packet<'_>, sampling: u32) {
        let mut observation = Observation::of_packet(time, packet);
        if sampling > 1 {
            observation.packets = u64::from(sampling);
            observation.bytes = observation.bytes.saturating_mul(u64::from(sampling));
            observation.sampling = sampling;
        }
        self.report.packets += 1;
        self.scout.packet(time, packet);
        match Quoted::of_packet(packet) {
            None => self.sink.observe(&observation),
            // A copy: what others have a reference to has to be put together in memory first.
            Some(quoted) => self.sink.observe_error(&{ observation }, &quoted),
        }
        if sampling <= 1 {
            self.web.packet(time, packet);
        }
    }
}

impl<S: Sink> Frames for Packets<S> {
    #[inline]
    fn frame(&mut self, frame: &MirrorFrame<'_>, sampling: u32) {
        let mut decoded = Decoded::default();
        if let Err(skip) = decode_into(frame.link, frame.bytes, &mut decoded) {
            if let Some(count) = self.report.skipped.get_mut(skip.index()) {
                *count += 1;
            }
            return;
        }
        if self.tap.admits() {
            self.tap.take(SeenFrame::new(frame, &decoded));
        }
        self.observe(frame.time, &decoded.outer, sampling);
        if let Some(inner) = &decoded.inner {
            self.observe(frame.time, inner, sampling);
        }
    }

    fn loss(&mut self) {
        self.sink.loss();
        self.web.loss();
    }

    fn advance(&mut self, now: Time, is_idle: bool) {
        self.sink.advance(now, is_idle);
    }

    fn holds_back(&self) -> bool {
        self.sink.holds_back()
    }

    fn tick(&mut self) {
        self.sink.tick();
        self.web.tick(intake::collect::now());
        self.tap.tick(Instant::now());
        self.scout.tick();
    }

    fn report(&self) -> FramesReport {
        FramesReport { detector_waits: self.sink.waits(), ..self.report }
    }

    fn finish(mut self) {
        self.tap.finish(Instant::now());
        self.scout.tick();
        self.sink.finish();
        self.web.finish();
    }
}
