//! What `/metrics` says: every counter that moves, with loss beside what it taints.

mod rows;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use intake::collect::BoundSocket;

use super::outlet::Counts;
use super::shared::{DetectionReport, ExporterCounts, Shared, WorkerReport};
use super::text::Kind::{Counter, Gauge};
use super::text::Text;

/// Exporters with figures of their own; those of further ones are added up.
pub(super) const MAXIMUM_LABELLED_EXPORTERS: usize = 256;
/// The label of further ones; no name in an institution file has a space.
const FURTHER_EXPORTERS: &str = "further exporters";

/// Everything that can be asked for figures.
pub(super) struct Sources {
    pub(super) shared: Arc<Shared>,
    pub(super) sockets: Vec<BoundSocket>,
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
        rows::flow(&mut text, &reports);
        rows::detect(&mut text, &detection.counters);
        self.found(&mut text, &detection);
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
    let sum = |value: fn(&WorkerReport) -> u64| reports.iter().map(value).sum::<u64>();
    let mut counter = |name: &str, help: &str, value: u64| text.single(name, Counter, help, value);
    counter(
        "undeclared_datagrams_total",
        "Datagrams of senders that the institution file does not declare; they were not looked at.",
        sum(|report| report.undeclared_datagrams),
    );
    counter("undeclared_bytes_total", "Bytes of these datagrams.", sum(|report| report.undeclared_bytes));
    counter(
        "other_interface_records_total",
        "Records not counted because they crossed no external interface, or were counted already.",
        sum(|report| report.exporters.other_interface_records),
    );
    counter(
        "no_interface_records_total",
        "Records that name no interface, of exporters with external interfaces; they were counted.",
        sum(|report| report.exporters.no_interface_records),
    );
    counter(
        "dropped_records_total",
        "Records that the detector had no time for.",
        sum(|report| report.dropped_records),
    );
}

fn by_exporter(text: &mut Text, reports: &[WorkerReport]) {
    let mut known: BTreeMap<&str, ExporterCounts> = BTreeMap::new();
    for (name, counts) in reports.iter().flat_map(|report| &report.by_exporter) {
        let is_full = known.len() >= MAXIMUM_LABELLED_EXPORTERS && !known.contains_key(&**name);
        let sum = known.entry(if is_full { FURTHER_EXPORTERS } else { name }).or_default();
        sum.datagrams += counts.datagrams;
        sum.bytes += counts.bytes;
        sum.records += counts.records;
        sum.lost += counts.lost;
    }
    type Value = fn(&ExporterCounts) -> u64;
    let metrics: [(&str, &str, Value); 4] = [
        ("exporter_datagrams_total", "Datagrams of a declared exporter.", |counts| counts.datagrams),
        ("exporter_bytes_total", "Bytes of these datagrams.", |counts| counts.bytes),
        ("exporter_records_total", "Flow records and samples read from them.", |counts| counts.records),
        (
            "exporter_lost_total",
            "What sequence numbers show as lost: flows (NetFlow v5), data records (IPFIX), else datagrams.",
            |counts| counts.lost,
        ),
    ];
    for (name, help, value) in metrics {
        text.metric(name, Counter, help);
        for (exporter, counts) in &known {
            text.value(name, &[("exporter", exporter)], value(counts));
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
