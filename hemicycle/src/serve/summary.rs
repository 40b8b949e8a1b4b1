//! The last line on standard output: what the service received and found from its start to its stop.

use serde::Serialize;
use wire::web::Skip;

use super::live::LinesReport;
use super::metrics::Sources;
use super::shared::WorkerReport;
use super::web::WebReport;

/// The last line. The fields of `replay --json` mean the same here.
#[derive(Serialize)]
pub(super) struct Summary {
    kind: &'static str,
    inputs: Vec<Input>,
    sockets: Vec<Socket>,
    span_seconds: f64,
    floods: u64,
    elapsed_seconds: f64,
    institution: String,
    addresses_shown_for: Option<String>,
    /// Flow records, sampled packets and mirrored packets.
    records: u64,
    /// Requests taken, from lines and from packets.
    requests: u64,
    traffic_bytes: u64,
    /// Datagrams that the kernel dropped, and what sequence numbers show as lost.
    lost: u64,
    undeclared_datagrams: u64,
    /// Datagrams that came before: on the network twice, or replayed.
    replayed_datagrams: u64,
    events_dropped: u64,
    detector: detect::Counters,
    /// Nothing if there is no log, no syslog and no mirror.
    web: Option<WebSummary>,
    exporters: hemicycle::exporters::Counters,
}

/// What the web layer did.
#[derive(Serialize)]
struct WebSummary {
    requests: u64,
    late: u64,
    ahead: u64,
    clock_resets: u64,
    services: u64,
    services_refused: u64,
    requests_refused: u64,
    clients_evicted: u64,
    connections: u64,
    connections_evicted: u64,
    floods: u64,
    surges: u64,
}

/// One declared exporter, one interface of a mirror, one log, or syslog.
#[derive(Serialize)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) kind: &'static str,
    pub(super) records: u64,
    bytes: u64,
    /// Not known for one exporter.
    skipped: Option<u64>,
    pub(super) lost: u64,
}

/// One socket.
#[derive(Serialize)]
struct Socket {
    listen: String,
    worker: usize,
    datagrams: u64,
    bytes: u64,
    truncated: u64,
    kernel_drops: u64,
}

impl Summary {
    /// Of a service whose threads have left their last reports.
    pub(super) fn new(sources: &Sources, addresses_shown_for: Option<String>) -> Self {
        let shared = &sources.shared;
        let reports: Vec<WorkerReport> = shared.workers.iter().map(|slot| slot.read()).collect();
        let detection = shared.detection.read();
        let sockets: Vec<Socket> = sources.sockets.iter().map(Socket::new).collect();
        let packets = shared.mirrors.iter().map(|slot| slot.read().packets).sum::<u64>();
        let inputs = inputs_of(sources);
        let web = shared.web.first().map(|slot| slot.read());
        let floods = detection.floods + web.map_or(0, |web| web.counters.floods);
        let lost = inputs.iter().map(|input| input.lost).sum::<u64>()
            + sockets.iter().map(|socket| socket.kernel_drops).sum::<u64>();
        let seconds = shared.seconds();
        Self {
            kind: "summary",
            lost,
            replayed_datagrams: inputs_replayed(&reports),
            inputs,
            sockets,
            span_seconds: seconds,
            floods,
            requests: web.map_or(0, |web| web.counters.requests),
            web: web.as_ref().map(WebSummary::new),
            elapsed_seconds: seconds,
            institution: shared.institution().name.clone(),
            addresses_shown_for,
            records: packets + reports.iter().map(|report| report.flow.records).sum::<u64>(),
            traffic_bytes: detection.traffic_bytes,
            undeclared_datagrams: reports.iter().map(|report| report.undeclared.datagrams).sum(),
            events_dropped: sources.events.dropped(),
            detector: detection.counters,
            exporters: exporters(&reports),
        }
    }
}

fn inputs_replayed(reports: &[WorkerReport]) -> u64 {
    reports.iter().flat_map(|report| &report.by_exporter).map(|(_, counts)| counts.replayed).sum()
}

/// Every declared exporter, interface and log, always in the same order.
pub(super) fn inputs_of(sources: &Sources) -> Vec<Input> {
    let reports: Vec<WorkerReport> = sources.shared.workers.iter().map(|slot| slot.read()).collect();
    let mut inputs = exporters_heard(&reports);
    inputs.extend(mirrors(sources));
    inputs.extend(logs(sources));
    inputs
}

fn exporters_heard(reports: &[WorkerReport]) -> Vec<Input> {
    let mut inputs: Vec<Input> = Vec::new();
    // Every worker has the same exporters in the same order.
    for (at, (name, counts)) in reports.iter().flat_map(|report| report.by_exporter.iter().enumerate()) {
        if inputs.len() <= at {
            let (name, kind) = (name.to_string(), "exporter");
            inputs.push(Input { name, kind, records: 0, bytes: 0, skipped: None, lost: 0 });
        }
        if let Some(input) = inputs.get_mut(at) {
            input.records += counts.records;
            input.bytes += counts.bytes;
            input.lost += counts.lost;
        }
    }
    inputs
}

/// One for each interface.
fn mirrors(sources: &Sources) -> Vec<Input> {
    let mut inputs: Vec<Input> = Vec::new();
    for (port, report) in sources.ports.iter().zip(&sources.shared.mirrors) {
        let (counters, report) = (port.counters(), report.read());
        let at = inputs.iter().position(|input| input.name == port.interface).unwrap_or(inputs.len());
        if at == inputs.len() {
            let (name, skipped) = (port.interface.clone(), Some(0));
            inputs.push(Input { name, kind: "mirror", records: 0, bytes: 0, skipped, lost: 0 });
        }
        if let Some(input) = inputs.get_mut(at) {
            input.records += report.packets;
            input.bytes += counters.bytes;
            let skipped = report.skipped.iter().sum::<u64>() + counters.unusable;
            input.skipped = input.skipped.map(|sum| sum + skipped);
            input.lost += counters.kernel_drops;
        }
    }
    inputs
}

/// One for each log, and one for syslog.
fn logs(sources: &Sources) -> Vec<Input> {
    let of = |name: &str, kind, bytes, lines: &LinesReport, lost| {
        let losses = Skip::ALL.iter().zip(lines.skips).filter(|(skip, _)| skip.is_loss());
        let skipped = lines.unrecognised + losses.map(|(_, count)| count).sum::<u64>();
        Input { name: name.to_owned(), kind, records: lines.requests, bytes, skipped: Some(skipped), lost }
    };
    let mut inputs: Vec<Input> = Vec::new();
    for (name, slot) in sources.logs.iter().zip(&sources.shared.logs) {
        let report = slot.read();
        inputs.push(of(name, "access_log", report.counters.bytes, &report.lines, 0));
    }
    for report in sources.shared.syslog.iter().map(|slot| slot.read()) {
        let counters = report.counters;
        inputs.push(of("syslog", "syslog", counters.bytes, &report.lines, counters.kernel_drops));
    }
    inputs
}

fn exporters(reports: &[WorkerReport]) -> hemicycle::exporters::Counters {
    let mut sum = hemicycle::exporters::Counters::default();
    for report in reports {
        sum.add(&report.exporters);
    }
    sum
}

impl WebSummary {
    fn new(report: &WebReport) -> Self {
        let counters = report.counters;
        Self {
            requests: counters.requests,
            late: counters.late,
            ahead: report.ahead,
            clock_resets: counters.clock_resets,
            services: counters.services,
            services_refused: counters.services_refused,
            requests_refused: report.requests_refused,
            clients_evicted: counters.clients_evicted,
            connections: counters.connections,
            connections_evicted: counters.connections_evicted,
            floods: counters.floods,
            surges: counters.surges,
        }
    }
}

impl Socket {
    fn new(socket: &intake::collect::BoundSocket) -> Self {
        let counters = socket.counters();
        Self {
            listen: socket.address.to_string(),
            worker: socket.worker,
            datagrams: counters.datagrams,
            bytes: counters.bytes,
            truncated: counters.truncated,
            kernel_drops: counters.kernel_drops,
        }
    }
}
