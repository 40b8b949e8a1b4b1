//! Intake to detector to whoever listens: the same for a file, the demonstration and the laboratory.

use std::collections::BTreeMap;

use detect::{Detector, Event, Limits, Observation, Scope};
use institution::{Institution, Sampling};
use intake::{Inputs, IntakeError, Visitor};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::packet::Decoded;
use wire::{Address, FlowRecord, Time};

/// Who hears of events while records are read.
pub trait Listener {
    /// An event, in order.
    fn event(&mut self, event: &Event);

    /// Called about once for every [`PROGRESS_RECORDS`] records.
    fn progress(&mut self, _records: u64, _now: Time) {}
}

impl Listener for Vec<Event> {
    fn event(&mut self, event: &Event) {
        self.push(event.clone());
    }
}

/// Records between two calls of [`Listener::progress`].
pub const PROGRESS_RECORDS: u64 = 1 << 16;

/// A detector that is fed by intake.
pub struct Pipeline<'a, L> {
    detector: Detector,
    listener: &'a mut L,
    sampling: BTreeMap<Address, u32>,
    records: u64,
    first: Option<Time>,
    last: Option<Time>,
}

impl<'a, L: Listener> Pipeline<'a, L> {
    /// A pipeline for an institution, or for every destination without one. Its key is the published one, so that
    /// runs repeat: it is for files, not for a service.
    pub fn new(institution: Option<Institution>, listener: &'a mut L) -> Self {
        let key = KeyedState::new(PUBLISHED_KEY);
        let sampling = institution.as_ref().map(declared_sampling).unwrap_or_default();
        let scope = institution.map_or_else(|| Scope::everything(key), |known| Scope::of(known, key));
        let detector = Detector::new(scope, &Limits::default(), PUBLISHED_KEY);
        Self { detector, listener, sampling, records: 0, first: None, last: None }
    }

    /// Reads everything, closes the last window and gives back the detector, for its counters.
    ///
    /// # Errors
    /// As [`Inputs::run`].
    pub fn run(mut self, inputs: &mut Inputs) -> Result<Ran, IntakeError> {
        inputs.run(&mut self)?;
        self.detector.finish();
        self.tell();
        let span_seconds = match (self.first, self.last) {
            (Some(first), Some(last)) => last.seconds_since(first).max(0.0),
            _ => 0.0,
        };
        Ok(Ran { counters: self.detector.counters(), records: self.records, span_seconds })
    }

    #[inline]
    fn observe(&mut self, observation: &Observation<'_>) {
        self.detector.observe(observation);
        let time = observation.time;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        self.records += 1;
        if self.detector.has_events() {
            self.tell();
        }
        if self.records.is_multiple_of(PROGRESS_RECORDS) {
            self.listener.progress(self.records, time);
        }
    }

    fn tell(&mut self) {
        for event in self.detector.take_events() {
            self.listener.event(&event);
        }
    }
}

/// What is known after a run.
#[derive(Clone, Copy, Debug)]
pub struct Ran {
    /// The detector's counters.
    pub counters: detect::Counters,
    /// Records that were given to it.
    pub records: u64,
    /// From the earliest to the latest record.
    pub span_seconds: f64,
}

/// The sampling rates that the file sets over what exporters say.
fn declared_sampling(institution: &Institution) -> BTreeMap<Address, u32> {
    let declared = institution.exporters.iter().filter_map(|exporter| match exporter.sampling {
        Sampling::OneIn(rate) => Some((Address::from(exporter.address), rate)),
        Sampling::Auto => None,
    });
    declared.collect()
}

impl<L: Listener> Visitor for Pipeline<'_, L> {
    #[inline]
    fn packet(&mut self, _input: usize, time: Time, decoded: &Decoded<'_>) {
        self.observe(&Observation::of_packet(time, &decoded.outer));
        if let Some(inner) = &decoded.inner {
            self.observe(&Observation::of_packet(time, inner));
        }
    }

    #[inline]
    fn flow(&mut self, _input: usize, arrival: Time, exporter: Address, record: &FlowRecord) {
        let declared = self.sampling.get(&exporter).copied();
        self.observe(&Observation::of_flow(arrival, record, declared));
    }
}
