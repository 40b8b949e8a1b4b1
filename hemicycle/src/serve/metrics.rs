//! What `/metrics` says: every counter that moves, with loss beside what it taints.

mod channel_rows;
mod live;
mod record_rows;
mod rows;
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use intake::collect::{BoundSocket, LinkRate, merge_undeclared};
use intake::mirror::MirrorPort;

use super::office::Channels;
use super::outlet::Counts;
use super::shared::{DetectionReport, ExporterCounts, Shared, WorkerReport};
use super::text::Kind::{self, Counter, Gauge};
use super::text::Text;
use super::witness::Witness;

/// Exporters with figures of their own; those of further ones are added up.
pub(super) const MAXIMUM_LABELLED_EXPORTERS: usize = 256;
/// The label of further ones; no name in an institution file has a space.
const FURTHER_EXPORTERS: &str = "further exporters";

/// Everything that can be asked for figures.
pub(super) struct Sources {
    pub(super) shared: Arc<Shared>,
    /// Unless nothing is kept.
    pub(super) record: Option<record::Writer>,
    /// The same for evidence.
    pub(super) witness: Option<Witness>,
    /// Whom to tell.
    pub(super) channels: Channels,
    pub(super) sockets: Vec<BoundSocket>,
    /// Of the workers of all mirrors, in their order.
    pub(super) ports: Vec<MirrorPort>,
    /// Names of every `[[log]]`.
    pub(super) logs: Vec<String>,
    pub(super) events: Arc<Counts>,
    pub(super) log: Arc<Counts>,
}

impl Sources {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let reports: Vec<WorkerReport> = self.shared.workers.iter().map(|slot| slot.read()).collect();
        let detection = self.shared.detection.read();
        let mut text = Text::default();
        self.service(&mut text);
        self.sockets(&mut text);
        senders(&mut text, &reports);
        by_exporter(&mut text, &reports);
        interfaces(&mut text, &reports);
        live::mirrors(&mut text, &self.ports, &self.shared.mirrors);
        live::logs(&mut text, &self.logs, &self.shared.logs);
        live::syslog(&mut text, &self.shared.syslog);
        web::web(&mut text, &self.shared.web);
        rows::flow(&mut text, &reports);
        rows::detect(&mut text, &detection.counters);
        self.found(&mut text, &detection);
        rows::indicators(&mut text, &self.shared.indicators);
        rows::readiness(&mut text, &detection.readiness, self.shared.posture.now());
        record_rows::record(&mut text, self.record.as_ref());
        record_rows::evidence(&mut text, self.witness.as_ref());
        channel_rows::channels(&mut text, &self.channels.states());
        rows::learning(&mut text, &self.shared.learning);
        process(&mut text);
        text.finish()
    }

    fn service(&self, text: &mut Text) {
        let shared = &self.shared;
        text.metric("build_info", Gauge, "Always 1; the version is a label.");
        text.value("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        text.single("uptime_seconds", Gauge, "Time since the start of the service.", shared.seconds());
        text.single("workers", Gauge, "Threads that receive and decode.", shared.workers.len());
        let reloads = shared.reloads.load(Ordering::Relaxed);
        text.single("reloads_total", Counter, "Institution files taken since the start.", reloads);
        let refused = shared.reloads_refused.load(Ordering::Relaxed);
        let help = "Institution files that had errors or could not be read; the one before stayed.";
        text.single("reloads_refused_total", Counter, help, refused);
        let certificates = shared.certificates.load(Ordering::Relaxed);
        let help = "Certificates of the console taken at a reload.";
        text.single("certificate_reloads_total", Counter, help, certificates);
        let refused = shared.certificates_refused.load(Ordering::Relaxed);
        let help = "Certificates of the console that could not be used; the one before stayed.";
        text.single("certificate_reloads_refused_total", Counter, help, refused);
        let institution = shared.institution();
        text.single(
            "services",
            Gauge,
            "Services that the institution file declares.",
            institution.services.len(),
        );
        let help = "Exporters that the institution file declares, which are believed.";
        text.single("exporters", Gauge, help, institution.exporters.len());
    }

    fn sockets(&self, text: &mut Text) {
        type Value = fn(&BoundSocket) -> u64;
        let metrics: [(&str, &str, Value); 6] = [
            ("socket_datagrams_total", "Datagrams received, of whomever.", |socket| {
                socket.counters().datagrams
            }),
            ("socket_bytes_total", "Bytes of the datagrams received.", |socket| socket.counters().bytes),
            ("socket_receive_calls_total", "System calls that brought datagrams.", |socket| {
                socket.counters().batches
            }),
            ("socket_truncated_datagrams_total", "Datagrams of which the end was cut off.", |socket| {
                socket.counters().truncated
            }),
            (
                "socket_kernel_drops_total",
                "Datagrams that the kernel dropped, mostly for want of room in the receive buffer.",
                |socket| socket.counters().kernel_drops,
            ),
            ("socket_errors_total", "Calls that failed.", |socket| socket.counters().errors),
        ];
        for (name, help, value) in metrics {
            text.metric(name, Counter, help);
            self.each_socket(text, name, value);
        }
        let name = "socket_receive_buffer_bytes";
        text.metric(name, Gauge, "Receive buffer that the system granted, as in net.core.rmem_max.");
        self.each_socket(text, name, |socket| socket.granted_bytes as u64);
    }

    fn each_socket(&self, text: &mut Text, name: &str, value: fn(&BoundSocket) -> u64) {
        for socket in &self.sockets {
            let labels = [("listen", &*socket.address.to_string()), ("worker", &*socket.worker.to_string())];
            text.value(name, &labels, value(socket));
        }
    }

    fn found(&self, text: &mut Text, detection: &DetectionReport) {
        text.single("floods_running", Gauge, "Floods that go on now.", detection.floods_running);
        let help =
            "Bytes of the traffic that the records stand for, at the IP layer, corrected for sampling.";
        text.single("traffic_bytes_total", Counter, help, detection.traffic_bytes);
        let help = "Times that a loss was noted, from which on figures of floods are lower bounds.";
        text.single("losses_noted_total", Counter, help, detection.losses_noted);
        let (events, log) = (&self.events, &self.log);
        text.single("events_total", Counter, "Events handed to standard output.", events.taken());
        let help = "Events that were not written because whoever reads is too slow or gone.";
        text.single("events_dropped_total", Counter, help, events.dropped());
        let help = "Texts that were not written to standard error.";
        text.single("log_lines_dropped_total", Counter, help, log.dropped());
    }
}

fn senders(text: &mut Text, reports: &[WorkerReport]) {
    type Row = (&'static str, &'static str, fn(&WorkerReport) -> u64);
    const ROWS: &[Row] = &[
        (
            "undeclared_datagrams_total",
            "Datagrams of senders that the institution file does not declare; they were not decoded.",
            |report| report.undeclared.datagrams,
        ),
        ("undeclared_bytes_total", "Bytes of these datagrams.", |report| report.undeclared.bytes),
        (
            "undeclared_without_room_datagrams_total",
            "Datagrams of undeclared senders for which there was no room; they are in the total only.",
            |report| report.undeclared.without_room,
        ),
        (
            "other_interface_records_total",
            "Records not counted because they crossed no external interface, or were counted already.",
            |report| report.exporters.other_interface_records,
        ),
        (
            "no_interface_records_total",
            "Records that name no interface, of exporters with external interfaces; they were counted.",
            |report| report.exporters.no_interface_records,
        ),
        (
            "contradictory_records_total",
            "Records with fewer bytes than their packets must have; counted as far as both can be true.",
            |report| report.exporters.contradictory_records,
        ),
        (
            "implausible_sampling_records_total",
            "Records with a sampling rate that nobody can set; counted as if no rate were known.",
            |report| report.exporters.implausible_sampling_records,
        ),
        (
            "detector_waits_total",
            "Times that a worker had all the records that it may gather and waited for others at the detector.",
            |report| report.detector_waits,
        ),
        ("interface_samples_total", "Samples of interface counters (sFlow).", |report| report.links.samples),
        ("interface_resets_total", "Samples after which the agent had begun anew.", |report| {
            report.links.resets
        }),
        ("interface_implausible_total", "Samples whose rates cannot be true.", |report| {
            report.links.implausible
        }),
        ("interface_refused_total", "Samples of interfaces for which there was no room.", |report| {
            report.links.refused
        }),
    ];
    for (name, help, value) in ROWS {
        text.single(name, Counter, help, reports.iter().map(value).sum::<u64>());
    }
    let senders = merge_undeclared(reports.iter().flat_map(|report| report.undeclared_senders.clone()));
    let help = "Undeclared addresses that sent lately and were told apart.";
    text.single("undeclared_senders", Gauge, help, senders.len());
}

fn by_exporter(text: &mut Text, reports: &[WorkerReport]) {
    let mut known: BTreeMap<&str, ExporterCounts> = BTreeMap::new();
    for (name, counts) in reports.iter().flat_map(|report| &report.by_exporter) {
        let is_full = known.len() >= MAXIMUM_LABELLED_EXPORTERS && !known.contains_key(&**name);
        known.entry(if is_full { FURTHER_EXPORTERS } else { name }).or_default().add(counts);
    }
    type Row = (&'static str, Kind, &'static str, fn(&ExporterCounts) -> Option<f64>);
    const ROWS: &[Row] = &[
        ("exporter_datagrams_total", Counter, "Datagrams of a declared exporter.", |counts| {
            Some(counts.datagrams as f64)
        }),
        ("exporter_bytes_total", Counter, "Bytes of these datagrams.", |counts| Some(counts.bytes as f64)),
        ("exporter_records_total", Counter, "Flow records and samples read from them.", |counts| {
            Some(counts.records as f64)
        }),
        (
            "exporter_lost_total",
            Counter,
            "What sequence numbers show as lost: flows (NetFlow v5), data records (IPFIX), else datagrams.",
            |counts| Some(counts.lost as f64),
        ),
        (
            "exporter_replayed_datagrams_total",
            Counter,
            "Datagrams that came before, byte for byte: on the network twice, or replayed; not decoded again.",
            |counts| Some(counts.replayed as f64),
        ),
        (
            "exporter_implausible_records_total",
            Counter,
            "Records that say more than any link carries; not counted.",
            |counts| Some(counts.implausible as f64),
        ),
        ("exporter_last_datagram_timestamp_seconds", Gauge, "When the last datagram came.", |counts| {
            Some(counts.last?.nanoseconds() as f64 / 1e9)
        }),
        (
            "exporter_clock_offset_seconds",
            Gauge,
            "By how much its clock is ahead of ours; corrected for.",
            |counts| Some(counts.clock_offset_nanoseconds? as f64 / 1e9),
        ),
    ];
    for (name, kind, help, value) in ROWS {
        text.metric(name, *kind, help);
        for (exporter, counts) in &known {
            if let Some(value) = value(counts) {
                text.value(name, &[("exporter", exporter)], value);
            }
        }
    }
}

/// Of the fullest interfaces of sFlow agents, between their last two samples.
fn interfaces(text: &mut Text, reports: &[WorkerReport]) {
    type Row = (&'static str, &'static str, fn(&LinkRate) -> f64);
    const ROWS: &[Row] = &[
        ("interface_input_bits_per_second", "What came in, at layer 2.", |rate| rate.input.bits_per_second),
        ("interface_output_bits_per_second", "What left, at layer 2.", |rate| rate.output.bits_per_second),
        ("interface_speed_bits_per_second", "Speed as the agent gives it; 0 = unknown.", |rate| {
            rate.speed_bits_per_second as f64
        }),
    ];
    for (name, help, value) in ROWS {
        text.metric(name, Gauge, help);
        // By one worker only, or a value would be there twice.
        let mut seen = BTreeSet::new();
        for (exporter, rate) in reports.iter().flat_map(|report| &report.link_rates) {
            if seen.insert((rate.exporter, rate.index)) {
                let labels = [("exporter", &**exporter), ("interface", &*rate.index.to_string())];
                text.value(name, &labels, value(rate));
            }
        }
    }
}

/// Of the process; what the system does not tell is left out.
fn process(text: &mut Text) {
    if let Ok(time) = cpu_time::ProcessTime::try_now() {
        let seconds = time.as_duration().as_secs_f64();
        text.single("process_cpu_seconds_total", Counter, "Processor time of all threads.", seconds);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok())
    };
    if let Some(kibibytes) = of("VmRSS:") {
        text.single("process_resident_memory_bytes", Gauge, "Memory in use.", kibibytes * 1024);
    }
    if let Some(kibibytes) = of("VmHWM:") {
        let help = "Most memory that was ever in use.";
        text.single("process_resident_memory_peak_bytes", Gauge, help, kibibytes * 1024);
    }
    if let Some(threads) = of("Threads:") {
        text.single("process_threads", Gauge, "Threads.", threads);
    }
}
