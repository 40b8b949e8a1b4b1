//! Export datagrams into the pipeline without a socket: what the service does with them, in the data's own time.

use detect::{Event, Learning};
use hemicycle::pipeline::{Listener, Pipeline, Ran};
use institution::Institution;
use intake::Visitor as _;
use sketch::PUBLISHED_KEY;
use wire::flow::{FlowDecoder, FlowSink, Limits};
use wire::{Address, FlowRecord, Time};

/// Decoder and pipeline.
pub(crate) struct Feed<'a, L> {
    decoder: FlowDecoder,
    pipeline: Pipeline<'a, L>,
}

/// Hands records on.
struct Sink<'p, 'a, L> {
    pipeline: &'p mut Pipeline<'a, L>,
    arrival: Time,
    exporter: Address,
}

impl<L: Listener> FlowSink for Sink<'_, '_, L> {
    #[inline]
    fn flow(&mut self, record: &FlowRecord) {
        self.pipeline.flow(0, self.arrival, self.exporter, record);
    }
}

impl<'a, L: Listener> Feed<'a, L> {
    /// A new one, which learns what is ordinary as the service does unless it is told otherwise: as many false alarms a
    /// month as the institution allows, on the clock of UTC.
    pub(crate) fn new(institution: Institution, listener: &'a mut L) -> Self {
        let false_alarms_per_month = institution.detect.false_alarms_per_month;
        let decoder = FlowDecoder::new(Limits::default(), PUBLISHED_KEY);
        let mut pipeline = Pipeline::new(Some(institution), listener);
        pipeline.learn(Learning { false_alarms_per_month, utc_offset_seconds: 0 });
        Self { decoder, pipeline }
    }

    /// A datagram that arrived at that time.
    pub(crate) fn datagram(&mut self, exporter: Address, arrival: Time, bytes: &[u8]) {
        let mut sink = Sink { pipeline: &mut self.pipeline, arrival, exporter };
        self.decoder.decode(exporter, arrival, bytes, &mut sink);
    }

    /// Ends the input: floods that go on end with it.
    pub(crate) fn finish(self) -> Ran {
        self.pipeline.finish()
    }

    /// The pipeline itself.
    pub(crate) fn pipeline(&mut self) -> &mut Pipeline<'a, L> {
        &mut self.pipeline
    }
}

/// Keeps starts of floods with the time of the clock that the feeder sets.
#[derive(Default)]
pub(crate) struct Starts {
    /// Seconds, of the feeder's clock.
    pub(crate) now: f64,
    /// Time and event.
    pub(crate) list: Vec<(f64, serde_json::Value)>,
}

impl Listener for Starts {
    fn event(&mut self, event: &Event) {
        let flood = event.line();
        if flood.phase == detect::Phase::Start
            && let Ok(value) = serde_json::to_value(event)
        {
            self.list.push((self.now, value));
        }
    }
}
