//! The decoder of all export protocols.

use super::{
    bytes::Bytes,
    clock::Clock,
    counters::{FlowCounters, SourceStatus},
    limits::Limits,
    netflow5,
    record::{FlowSink, Outcome, Protocol},
    sets::{Environment, Message},
    sflow::{self, Samples},
    sniff,
    sources::{SourceKey, Sources},
};
use crate::{Address, Time};

const NETFLOW9_HEADER_BYTES: usize = 20;
const IPFIX_HEADER_BYTES: usize = 16;

/// Decodes the datagrams of many exporters, remembering for each source its templates, sampling rates and
/// sequence number, within [`Limits`].
#[derive(Debug)]
pub struct FlowDecoder {
    limits: Limits,
    counters: FlowCounters,
    sources: Sources,
    fields_used: usize,
}

impl FlowDecoder {
    /// A decoder that has learnt nothing. `key` keys its table of sources: a secret of the deployment, so
    /// that nobody can forge addresses whose entries collide.
    pub fn new(limits: Limits, key: [u8; 16]) -> Self {
        Self { limits, counters: FlowCounters::default(), sources: Sources::new(key), fields_used: 0 }
    }

    /// Decodes one datagram that came from `exporter` at `arrival`, and gives each record to `sink`.
    ///
    /// Nothing is refused as a whole while something in it can be read; what was skipped is in the
    /// [`Outcome`] and in the [counters](Self::counters). `arrival` is used only to tell silent sources.
    pub fn decode(
        &mut self,
        exporter: Address,
        arrival: Time,
        datagram: &[u8],
        sink: &mut impl FlowSink,
    ) -> Outcome {
        self.counters.datagrams += 1;
        self.counters.bytes += datagram.len() as u64;
        let from = Origin { exporter, arrival };
        let mut outcome = Outcome::default();
        let known = match sniff::version(datagram) {
            Some(Protocol::Netflow5) => self.netflow5(from, datagram, sink, &mut outcome),
            Some(Protocol::Netflow9) => self.netflow9(from, datagram, sink, &mut outcome),
            Some(Protocol::Ipfix) => self.ipfix(from, datagram, sink, &mut outcome),
            Some(Protocol::Sflow5) => self.sflow5(from, datagram, sink, &mut outcome),
            None => None,
        };
        if known.is_none() {
            self.counters.unknown_datagrams += 1;
            outcome.skipped = 1;
        }
        self.counters.records += u64::from(outcome.records);
        outcome
    }

    /// Totals since the decoder was made.
    pub fn counters(&self) -> &FlowCounters {
        &self.counters
    }

    /// What is known of each source, in no particular order.
    pub fn sources(&self) -> impl Iterator<Item = SourceStatus> + '_ {
        self.sources.iter()
    }

    fn netflow5(
        &mut self,
        from: Origin,
        datagram: &[u8],
        sink: &mut impl FlowSink,
        outcome: &mut Outcome,
    ) -> Option<()> {
        let header = netflow5::header(datagram)?;
        self.counters.netflow5_datagrams += 1;
        let body = datagram.get(netflow5::HEADER_BYTES..)?;
        outcome.protocol = Some(Protocol::Netflow5);
        outcome.exported = Some(header.clock.exported);
        let (records, _) = body.as_chunks::<{ netflow5::RECORD_BYTES }>();
        if records.len() < usize::from(header.count) {
            self.counters.bad_lengths += 1;
            outcome.skipped += 1;
        }
        for record in records.iter().take(usize::from(header.count)) {
            sink.flow(&netflow5::record(record, &header));
            outcome.records += 1;
        }
        let key = from.key(Protocol::Netflow5, u32::from(header.engine));
        // The records need no memory, so they are read even from a source that is refused.
        if let Some(source) =
            self.sources.get(key, from.arrival, &self.limits, &mut self.counters, &mut self.fields_used)
        {
            source.records += u64::from(outcome.records);
            outcome.lost = source.observe(header.sequence, Some(u32::from(header.count)), &mut self.counters);
        }
        Some(())
    }

    fn netflow9(
        &mut self,
        from: Origin,
        datagram: &[u8],
        sink: &mut impl FlowSink,
        outcome: &mut Outcome,
    ) -> Option<()> {
        let mut header = Bytes::new(datagram);
        // Version, and a count that some exporters give in records and others in sets.
        header.u32()?;
        let uptime = header.u32()?;
        let exported = Time::from_seconds(i64::from(header.u32()?), 0);
        let sequence = header.u32()?;
        let domain = header.u32()?;
        self.counters.netflow9_datagrams += 1;
        let parts = Parts {
            protocol: Protocol::Netflow9,
            domain,
            sequence,
            clock: Clock { exported, uptime: Some(uptime), started: 0 },
            bytes: datagram,
            header: NETFLOW9_HEADER_BYTES,
            skipped: 0,
        };
        self.message(from, &parts, sink, outcome);
        Some(())
    }

    fn ipfix(
        &mut self,
        from: Origin,
        datagram: &[u8],
        sink: &mut impl FlowSink,
        outcome: &mut Outcome,
    ) -> Option<()> {
        let mut header = Bytes::new(datagram);
        header.u16()?;
        let length = usize::from(header.u16()?);
        let exported = Time::from_seconds(i64::from(header.u32()?), 0);
        let sequence = header.u32()?;
        let domain = header.u32()?;
        self.counters.ipfix_datagrams += 1;
        // One message is one datagram (RFC 7011 section 10.3.3); a length that differs is a damaged one.
        let wrong = length != datagram.len();
        self.counters.bad_lengths += u64::from(wrong);
        let end = if length < IPFIX_HEADER_BYTES { datagram.len() } else { length.min(datagram.len()) };
        let parts = Parts {
            protocol: Protocol::Ipfix,
            domain,
            sequence,
            clock: Clock { exported, uptime: None, started: 0 },
            bytes: datagram.get(..end)?,
            header: IPFIX_HEADER_BYTES,
            skipped: u32::from(wrong),
        };
        self.message(from, &parts, sink, outcome);
        Some(())
    }

    /// A message of sets.
    fn message(&mut self, from: Origin, parts: &Parts<'_>, sink: &mut impl FlowSink, outcome: &mut Outcome) {
        outcome.protocol = Some(parts.protocol);
        outcome.exported = Some(parts.clock.exported);
        outcome.skipped = parts.skipped;
        let key = from.key(parts.protocol, parts.domain);
        let (limits, counters) = (&self.limits, &mut self.counters);
        let Some((source, exporter_fields)) =
            self.sources.get_with_share(key, from.arrival, limits, counters, &mut self.fields_used)
        else {
            outcome.skipped += 1;
            return;
        };
        let mut environment = Environment {
            limits: &self.limits,
            counters: &mut self.counters,
            fields_used: &mut self.fields_used,
            exporter_fields,
        };
        let message = Message {
            protocol: parts.protocol,
            bytes: parts.bytes,
            clock: parts.clock,
            source,
            environment: &mut environment,
            sink,
            tally: super::sets::Tally::default(),
        };
        let (tally, source) = message.read(parts.header);
        source.records += u64::from(tally.records);
        let units = match parts.protocol {
            Protocol::Ipfix if tally.uncounted => None,
            Protocol::Ipfix => Some(tally.data_records),
            _ => Some(1),
        };
        outcome.records = tally.records;
        outcome.skipped += tally.skipped;
        outcome.lost = source.observe(parts.sequence, units, &mut self.counters);
    }

    fn sflow5(
        &mut self,
        from: Origin,
        datagram: &[u8],
        sink: &mut impl FlowSink,
        outcome: &mut Outcome,
    ) -> Option<()> {
        let mut rest = Bytes::new(datagram);
        let header = sflow::header(&mut rest)?;
        self.counters.sflow5_datagrams += 1;
        outcome.protocol = Some(Protocol::Sflow5);
        let key = SourceKey { agent: header.agent, ..from.key(Protocol::Sflow5, header.sub_agent) };
        let mut source =
            self.sources.get(key, from.arrival, &self.limits, &mut self.counters, &mut self.fields_used);
        if let Some(source) = &mut source {
            outcome.lost = source.observe(header.sequence, Some(1), &mut self.counters);
        }
        let samples = Samples::new(source.as_deref_mut(), &mut self.counters, sink);
        (outcome.records, outcome.skipped) = samples.read(rest, header.samples);
        if let Some(source) = source {
            source.records += u64::from(outcome.records);
        }
        Some(())
    }
}

/// Where and when a datagram came from.
#[derive(Clone, Copy)]
struct Origin {
    exporter: Address,
    arrival: Time,
}

impl Origin {
    fn key(self, protocol: Protocol, domain: u32) -> SourceKey {
        SourceKey { exporter: self.exporter, agent: self.exporter, protocol, domain }
    }
}

/// What NetFlow v9 and IPFIX headers have in common.
struct Parts<'a> {
    protocol: Protocol,
    domain: u32,
    sequence: u32,
    clock: Clock,
    bytes: &'a [u8],
    /// Length of the header.
    header: usize,
    skipped: u32,
}
