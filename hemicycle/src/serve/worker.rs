//! One worker: its sockets to observations. The only place that hands them to the detector.
//!
//! Datagrams of senders that the institution file does not declare are counted and looked at no further. What the
//! kernel dropped and what sequence numbers show as lost is told to the detector, so that its figures say so.
//!
//! Limits: all that one sender's port sends goes to one worker, so templates that an exporter sends from one port do
//! not serve the data that it sends from another, if there are several workers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use detect::Observation;
use hemicycle::exporters::{Exporters, Judge, Known};
use institution::Institution;
use intake::collect::{
    self, CollectError, Datagram, FingerprintKey, LinkRate, LinkUse, Repeats, Senders, Skew, Standing,
};
use record::FlowRow;
use wire::flow::{FlowDecoder, FlowSink, InterfaceCounters, Limits};
use wire::{Address, FlowRecord, Time};

use super::detection::{Sink, TICK};
use super::indicators::Scout;
use super::shared::{ExporterCounts, Shared, WorkerReport};
use super::witness::{Tap, flow_row};

/// Calls of the receiver after the service was asked to stop: what the kernel holds is taken, but a sender that goes
/// on at full rate does not keep the service alive. 64 datagrams a call and socket.
const DRAIN_CALLS: usize = 4096;
/// And no longer than this.
const DRAIN: Duration = Duration::from_millis(250);

/// Every so many ticks lists are reported too, which may be long.
const TICKS_PER_LIST: u32 = 10;
/// Interfaces that are reported: the fullest.
const MAXIMUM_LINKS: usize = 256;

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
    senders: Senders,
    exporters: Exporters,
    /// In the order of their addresses, as in `senders` and `exporters`.
    declared: Vec<Declared>,
    links: LinkUse,
    fingerprints: FingerprintKey,
    sink: S,
    tap: Tap<FlowRow>,
    scout: Scout,
    shared: Arc<Shared>,
    generation: u64,
    ticks: u32,
}

/// A declared exporter.
#[derive(Clone)]
struct Declared {
    address: Address,
    name: Arc<str>,
    records: u64,
    lost: u64,
    replayed: u64,
    implausible: u64,
    repeats: Repeats,
    skew: Skew,
}

impl<S: Sink> Worker<S> {
    /// The worker of this number, which hands over to `sink` and shows what it sees to `tap` and `scout`.
    pub(super) fn new(
        number: usize,
        collector: collect::Worker,
        (sink, tap, scout): (S, Tap<FlowRow>, Scout),
        shared: Arc<Shared>,
        key: [u8; 16],
    ) -> Self {
        let institution = shared.institution();
        let mut reader = Reader {
            number,
            decoder: FlowDecoder::new(Limits::default(), key),
            senders: Senders::new(key),
            exporters: Exporters::new(Some(&institution)),
            declared: Vec::new(),
            links: LinkUse::new(key),
            fingerprints: FingerprintKey::new(key),
            sink,
            tap,
            scout,
            shared,
            generation: 0,
            ticks: 0,
        };
        reader.declare(&institution);
        Self { collector, reader, ticked: collect::now() }
    }

    /// Receives until the service stops.
    ///
    /// # Errors
    /// When the system refuses to wait for datagrams.
    pub(super) fn run(mut self) -> Result<(), CollectError> {
        while !self.reader.shared.is_stopping() {
            let Self { collector, reader, .. } = &mut self;
            let patience = if reader.sink.holds_back() { Duration::ZERO } else { TICK };
            let received = collector.receive(patience, |datagram| reader.take(&datagram))?;
            self.tick(received == 0);
        }
        let started = collect::now();
        for _ in 0..DRAIN_CALLS {
            let Self { collector, reader, .. } = &mut self;
            let received = collector.receive(Duration::ZERO, |datagram| reader.take(&datagram))?;
            let now = collect::now();
            reader.sink.advance(now, received == 0);
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

    fn tick(&mut self, is_idle: bool) {
        let now = collect::now();
        self.reader.sink.advance(now, is_idle);
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
        let (sender, arrival) = (datagram.sender(), datagram.arrival);
        let Standing::Declared(place) = self.senders.judge(sender, datagram.bytes, arrival) else { return };
        let (Some(declared), Some(exporter)) = (self.declared.get_mut(place), self.exporters.at(place))
        else {
            return;
        };
        if declared.repeats.is_repeated(&self.fingerprints, datagram.bytes) {
            declared.replayed += 1;
            return;
        }
        let correction_nanoseconds = match exported(datagram.bytes) {
            Some(exported) => {
                declared.skew.observe(arrival, exported);
                declared.skew.correction_nanoseconds(arrival, exported)
            }
            None => 0,
        };
        let mut records = Records {
            exporter,
            links: &mut self.links,
            sink: &mut self.sink,
            tap: &mut self.tap,
            scout: &mut self.scout,
            sender,
            arrival,
            correction_nanoseconds,
            implausible: 0,
        };
        let outcome = self.decoder.decode(sender, arrival, datagram.bytes, &mut records);
        declared.records += u64::from(outcome.records);
        let implausible = records.implausible;
        declared.lost += u64::from(outcome.lost);
        declared.implausible += implausible;
        // What was meant by a record that cannot be true is not known, so it is missing.
        if outcome.lost > 0 || implausible > 0 || datagram.truncated {
            self.sink.loss();
        }
    }

    fn tick(&mut self) {
        if let Some(institution) = self.shared.newer_institution(&mut self.generation) {
            self.declare(&institution);
            self.exporters.replace(&institution);
        }
        self.sink.tick();
        self.tap.tick(Instant::now());
        self.scout.tick();
        self.ticks = self.ticks.wrapping_add(1);
        let with_lists = self.ticks.is_multiple_of(TICKS_PER_LIST);
        if let Some(slot) = self.shared.workers.get(self.number) {
            self.shared.report(slot, |report| self.fill(report, with_lists));
        }
    }

    /// Believes the exporters of an institution; those that were there before keep their counts.
    fn declare(&mut self, institution: &Institution) {
        let mut declared: Vec<Declared> = institution.exporters.iter().map(Declared::new).collect();
        declared.sort_by_key(|exporter| exporter.address);
        for exporter in &mut declared {
            let known = self.declared.binary_search_by_key(&exporter.address, |known| known.address);
            if let Some(known) = known.ok().and_then(|place| self.declared.get(place)) {
                *exporter = Declared { name: exporter.name.clone(), ..known.clone() };
            }
        }
        self.senders.declare(declared.iter().map(|exporter| exporter.address));
        self.declared = declared;
    }

    fn finish(mut self) {
        self.tap.finish(Instant::now());
        self.scout.tick();
        if let Some(slot) = self.shared.workers.get(self.number) {
            self.shared.report_last(slot, |report| self.fill(report, true));
        }
        self.sink.finish();
    }

    fn fill(&self, report: &mut WorkerReport, with_lists: bool) {
        report.flow = *self.decoder.counters();
        report.exporters = self.exporters.counters();
        report.by_exporter.clear();
        let senders = self.senders.declared().iter();
        report.by_exporter.extend(self.declared.iter().zip(senders).map(|(declared, sender)| {
            let counts = ExporterCounts {
                datagrams: sender.datagrams,
                bytes: sender.bytes,
                records: declared.records,
                lost: declared.lost,
                replayed: declared.replayed,
                implausible: declared.implausible,
                last: sender.last,
                clock_offset_nanoseconds: declared.skew.offset_nanoseconds(),
            };
            (declared.name.clone(), counts)
        }));
        report.undeclared = self.senders.undeclared_totals();
        report.links = self.links.counters();
        report.detector_waits = self.sink.waits();
        if with_lists {
            report.undeclared_senders.clear();
            report.undeclared_senders.extend(self.senders.undeclared());
            report.link_rates = self.fullest_links();
        }
    }

    fn fullest_links(&self) -> Vec<(Arc<str>, LinkRate)> {
        let fullness = |rate: &LinkRate| rate.input.bits_per_second.max(rate.output.bits_per_second);
        let mut rates: Vec<LinkRate> = self.links.rates().copied().collect();
        rates.sort_by(|a, b| fullness(b).total_cmp(&fullness(a)));
        rates.truncate(MAXIMUM_LINKS);
        let named = rates.into_iter().filter_map(|rate| {
            let place = self.declared.binary_search_by_key(&rate.exporter, |known| known.address).ok()?;
            Some((self.declared.get(place)?.name.clone(), rate))
        });
        named.collect()
    }
}

impl Declared {
    fn new(exporter: &institution::Exporter) -> Self {
        let (address, name) = (Address::from(exporter.address), Arc::from(exporter.id.as_str()));
        Self {
            address,
            name,
            records: 0,
            lost: 0,
            replayed: 0,
            implausible: 0,
            repeats: Repeats::new(),
            skew: Skew::new(),
        }
    }
}

/// The export time in the header of a NetFlow or IPFIX datagram, which has to be known before its records are read.
#[inline]
fn exported(datagram: &[u8]) -> Option<Time> {
    let word = |at: usize| Some(i64::from(u32::from_be_bytes(*datagram.get(at..)?.first_chunk()?)));
    match datagram {
        // Seconds and nanoseconds.
        [0, 5, ..] => Some(Time::from_seconds(word(8)?, word(12)?)),
        // RFC 3954 section 5.1, RFC 7011 section 3.1.
        [0, 9, ..] => Some(Time::from_seconds(word(8)?, 0)),
        [0, 10, ..] => Some(Time::from_seconds(word(4)?, 0)),
        _ => None,
    }
}

/// Takes the records of one datagram.
struct Records<'a, S> {
    exporter: Judge<'a>,
    links: &'a mut LinkUse,
    sink: &'a mut S,
    tap: &'a mut Tap<FlowRow>,
    scout: &'a mut Scout,
    sender: Address,
    arrival: Time,
    /// From the exporter's clock to ours.
    correction_nanoseconds: i64,
    /// Records that cannot be true.
    implausible: u64,
}

impl<S> Records<'_, S> {
    /// Keeps a record as evidence. It is given a copy: of what others have a reference to, every field would have to be in memory.
    #[inline(never)]
    fn witness(&mut self, record: &FlowRecord, observation: Observation) {
        self.tap.take(flow_row(self.sender, record, &observation));
    }
}

impl<S: Sink> FlowSink for Records<'_, S> {
    #[inline(always)]
    fn flow(&mut self, record: &FlowRecord) {
        let sampling = match self.exporter.judge(record) {
            Known::Counts { sampling } => sampling,
            Known::CountedElsewhere => return,
            Known::Implausible => {
                self.implausible += 1;
                return;
            }
        };
        let mut observation = Observation::of_flow(self.arrival, record, sampling);
        if record.last.is_some() {
            observation = observation.by_our_clock(self.correction_nanoseconds);
        }
        if self.tap.admits() {
            self.witness(record, observation);
        }
        self.scout.flow(observation.time, record.source, record.destination);
        self.sink.observe(&observation);
    }

    fn interface(&mut self, counters: &InterfaceCounters) {
        self.links.observe(self.sender, self.arrival, counters);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_export_time_of_every_header_is_the_decoders() {
        for version in [5_u16, 9, 10] {
            let mut datagram = vec![0; 24];
            datagram[..2].copy_from_slice(&version.to_be_bytes());
            let at = if version == 10 { 4 } else { 8 };
            datagram[at..at + 4].copy_from_slice(&1_795_348_800_u32.to_be_bytes());
            if version == 5 {
                datagram[12..16].copy_from_slice(&7_000_000_u32.to_be_bytes());
            }
            let mut decoder = FlowDecoder::new(Limits::default(), [1; 16]);
            let outcome = decoder.decode(Address::default(), Time::default(), &datagram, &mut Vec::new());
            assert!(outcome.exported.is_some());
            assert_eq!(exported(&datagram), outcome.exported, "version {version}");
        }
        assert_eq!(exported(&[0, 0, 0, 5, 0, 0, 0, 1]), None);
        assert_eq!(exported(&[0, 9, 0]), None);
    }
}
