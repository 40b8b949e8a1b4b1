//! One worker: its sockets to observations. The only place that hands them to the detector.
//!
//! Datagrams of senders that the institution file does not declare are counted and looked at no further. What the
//! kernel dropped and what sequence numbers show as lost is told to the detector, so that its figures say so.
//!
//! Limits: all that one sender's port sends goes to one worker, so templates that an exporter sends from one port do
//! not serve the data that it sends from another, if there are several workers.

use std::sync::Arc;
use std::time::Duration;

use detect::Observation;
use hemicycle::exporters::{Exporters, Known};
use institution::Institution;
use intake::collect::{self, CollectError, Datagram};
use wire::flow::{FlowDecoder, FlowSink, Limits};
use wire::{Address, FlowRecord, Time};

use super::detection::{Sink, TICK};
use super::shared::{ExporterCounts, Shared, WorkerReport};

/// Calls of the receiver after the service was asked to stop: what the kernel holds is taken, but a sender that goes
/// on at full rate does not keep the service alive. 64 datagrams a call and socket.
const DRAIN_CALLS: usize = 4096;
/// And no longer than this.
const DRAIN: Duration = Duration::from_millis(250);

/// A worker that has not begun.
pub(super) struct Worker<S> {
    collector: collect::Worker,
    reader: Reader<S>,
    ticked: Time,
}

/// Everything but the sockets.
struct Reader<S> {
    number: usize,
    decoder: FlowDecoder,
    exporters: Exporters,
    /// In the order of their addresses, as in `exporters`.
    counts: Vec<Declared>,
    undeclared_datagrams: u64,
    undeclared_bytes: u64,
    sink: S,
    shared: Arc<Shared>,
    generation: u64,
}

/// A declared exporter.
struct Declared {
    address: Address,
    name: Arc<str>,
    counts: ExporterCounts,
}

impl<S: Sink> Worker<S> {
    /// The worker of this number, which hands over to `sink`.
    pub(super) fn new(
        number: usize,
        collector: collect::Worker,
        sink: S,
        shared: Arc<Shared>,
        key: [u8; 16],
    ) -> Self {
        let institution = shared.institution();
        let reader = Reader {
            number,
            decoder: FlowDecoder::new(Limits::default(), key),
            exporters: Exporters::new(Some(&institution)),
            counts: declared(&institution, &[]),
            undeclared_datagrams: 0,
            undeclared_bytes: 0,
            sink,
            shared,
            generation: 0,
        };
        Self { collector, reader, ticked: collect::now() }
    }

    /// Receives until the service stops.
    ///
    /// # Errors
    /// When the system refuses to wait for datagrams.
    pub(super) fn run(mut self) -> Result<(), CollectError> {
        while !self.reader.shared.is_stopping() {
            let Self { collector, reader, .. } = &mut self;
            collector.receive(TICK, |datagram| reader.take(&datagram))?;
            self.tick();
        }
        let started = collect::now();
        for _ in 0..DRAIN_CALLS {
            let Self { collector, reader, .. } = &mut self;
            let received = collector.receive(Duration::ZERO, |datagram| reader.take(&datagram))?;
            let now = collect::now();
            reader.sink.advance(now);
            if received == 0 || now.nanoseconds_since(started).unsigned_abs() > DRAIN.as_nanos() as u64 {
                break;
            }
        }
        if self.collector.kernel_drops() > 0 {
            self.reader.sink.loss();
        }
        self.reader.finish();
        Ok(())
    }

    fn tick(&mut self) {
        let now = collect::now();
        self.reader.sink.advance(now);
        if now.nanoseconds_since(self.ticked).unsigned_abs() < TICK.as_nanos() as u64 {
            return;
        }
        self.ticked = now;
        if self.collector.kernel_drops() > 0 {
            self.reader.sink.loss();
        }
        self.reader.tick();
    }
}

impl<S: Sink> Reader<S> {
    #[inline]
    fn take(&mut self, datagram: &Datagram<'_>) {
        let exporter = datagram.sender();
        let Some(place) = self.exporters.place(exporter) else {
            self.undeclared_datagrams += 1;
            self.undeclared_bytes += datagram.bytes.len() as u64;
            return;
        };
        let arrival = datagram.arrival;
        let mut records = Records { exporters: &mut self.exporters, place, arrival, sink: &mut self.sink };
        let outcome = self.decoder.decode(exporter, arrival, datagram.bytes, &mut records);
        if outcome.lost > 0 || datagram.truncated {
            self.sink.loss();
        }
        if let Some(Declared { counts, .. }) = self.counts.get_mut(place) {
            counts.datagrams += 1;
            counts.bytes += datagram.bytes.len() as u64;
            counts.records += u64::from(outcome.records);
            counts.lost += u64::from(outcome.lost);
        }
    }

    fn tick(&mut self) {
        if let Some(institution) = self.shared.newer_institution(&mut self.generation) {
            self.exporters.replace(&institution);
            self.counts = declared(&institution, &self.counts);
        }
        self.sink.tick();
        if let Some(slot) = self.shared.workers.get(self.number) {
            self.shared.report(slot, |report| self.fill(report));
        }
    }

    fn finish(self) {
        if let Some(slot) = self.shared.workers.get(self.number) {
            self.shared.report_last(slot, |report| self.fill(report));
        }
        self.sink.finish();
    }

    fn fill(&self, report: &mut WorkerReport) {
        report.flow = *self.decoder.counters();
        report.exporters = self.exporters.counters();
        report.by_exporter.clear();
        report.by_exporter.extend(self.counts.iter().map(|known| (known.name.clone(), known.counts)));
        report.undeclared_datagrams = self.undeclared_datagrams;
        report.undeclared_bytes = self.undeclared_bytes;
        report.dropped_records = self.sink.dropped_records();
    }
}

/// The exporters of an institution in the order of their addresses; those that were there before keep their counts.
fn declared(institution: &Institution, before: &[Declared]) -> Vec<Declared> {
    let counts_of = |address: Address| {
        let found = before.iter().find(|known| known.address == address);
        found.map(|known| known.counts).unwrap_or_default()
    };
    let mut declared: Vec<Declared> = institution
        .exporters
        .iter()
        .map(|exporter| {
            let address = Address::from(exporter.address);
            Declared { address, name: Arc::from(exporter.id.as_str()), counts: counts_of(address) }
        })
        .collect();
    declared.sort_by_key(|known| known.address);
    declared
}

/// Takes the records of one datagram.
struct Records<'a, S> {
    exporters: &'a mut Exporters,
    place: usize,
    arrival: Time,
    sink: &'a mut S,
}

impl<S: Sink> FlowSink for Records<'_, S> {
    #[inline]
    fn flow(&mut self, record: &FlowRecord) {
        if let Known::Counts { sampling } = self.exporters.judge_declared(self.place, record) {
            self.sink.observe(&Observation::of_flow(self.arrival, record, sampling));
        }
    }
}
