//! Figures of mirrors and logs.

use intake::follow::FollowCounters;
use intake::mirror::{MirrorCounters, MirrorPort};
use intake::syslog::SyslogCounters;
use wire::packet::Skip;
use wire::web;

use crate::serve::live::{FramesReport, LinesReport, LogReport, SyslogReport};
use crate::serve::shared::Slot;
use crate::serve::text::Kind::{self, Counter, Gauge};
use crate::serve::text::Text;

type MirrorRow = (&'static str, &'static str, fn(&MirrorCounters) -> u64);

const MIRROR: &[MirrorRow] = &[
    ("frames", "Frames read and looked at.", |counters| counters.frames),
    ("bytes", "Bytes of these frames on the link.", |counters| counters.bytes),
    ("cut", "Frames of which the end was cut off by `snap_bytes`.", |counters| counters.cut),
    (
        "merged",
        "Frames that the card or driver merged from several packets; turn GRO and LRO off.",
        |counters| counters.merged,
    ),
    ("sampled_out", "Frames passed over because of `sampling`.", |counters| counters.sampled_out),
    ("outgoing", "Frames passed over because this machine sent them.", |counters| counters.outgoing),
    ("unusable", "Entries of the ring that could not be read.", |counters| counters.unusable),
    ("kernel_frames", "Frames that the kernel had for this worker, those dropped included.", |counters| {
        counters.kernel_frames
    }),
    ("kernel_drops", "Frames that the kernel dropped because the ring was full.", |counters| {
        counters.kernel_drops
    }),
    ("freezes", "Times that the ring was full.", |counters| counters.freezes),
    ("downs", "Times that the interface went down.", |counters| counters.downs),
    ("removals", "Times that the interface was removed.", |counters| counters.removals),
    ("reopenings", "Times that it was opened again after that.", |counters| counters.reopenings),
    ("errors", "Calls that failed; attempts to open an interface that is not there included.", |counters| {
        counters.errors
    }),
];

/// Of each worker of each mirror; nothing if there is none.
pub(super) fn mirrors(text: &mut Text, ports: &[MirrorPort], reports: &[Slot<FramesReport>]) {
    if ports.is_empty() {
        return;
    }
    let read: Vec<MirrorCounters> = ports.iter().map(MirrorPort::counters).collect();
    let worker = |port: &MirrorPort| port.worker.to_string();
    for (name, help, value) in MIRROR {
        let name = format!("mirror_{name}_total");
        text.metric(&name, Counter, help);
        for (port, counters) in ports.iter().zip(&read) {
            text.value(
                &name,
                &[("interface", &*port.interface), ("worker", &*worker(port))],
                value(counters),
            );
        }
    }
    let name = "mirror_up";
    text.metric(name, Gauge, "1 if the interface is there and up.");
    for port in ports {
        let labels = [("interface", &*port.interface), ("worker", &*worker(port))];
        text.value(name, &labels, u64::from(port.is_up()));
    }
    let reports: Vec<FramesReport> = reports.iter().map(Slot::read).collect();
    let sum = |value: fn(&FramesReport) -> u64| reports.iter().map(value).sum::<u64>();
    let help = "Packets given to the detector; one inside a tunnel is one of its own.";
    text.single("mirror_packets_total", Counter, help, sum(|report| report.packets));
    let help =
        "Times that a worker had all the packets that it may gather and waited for others at the detector.";
    text.single("mirror_detector_waits_total", Counter, help, sum(|report| report.detector_waits));
    let name = "mirror_skipped_total";
    text.metric(name, Counter, "Frames without a usable IP header, by reason.");
    for skip in Skip::ALL {
        let count: u64 = reports.iter().filter_map(|report| report.skipped.get(skip.index())).sum();
        text.value(name, &[("reason", skip.name())], count);
    }
}

type LogRow = (&'static str, Kind, &'static str, fn(&FollowCounters) -> u64);

const LOG: &[LogRow] = &[
    ("lines_total", Counter, "Lines read.", |counters| counters.lines),
    ("bytes_total", Counter, "Their bytes.", |counters| counters.bytes),
    (
        "skipped_lines_total",
        Counter,
        "Lines that were too long, or the rest of one in which reading began.",
        |counters| counters.skipped_lines,
    ),
    ("skipped_bytes_total", Counter, "Bytes of these.", |counters| counters.skipped_bytes),
    ("unfinished_lines_total", Counter, "Last lines without end of files that were given up.", |counters| {
        counters.unfinished_lines
    }),
    ("rotations_total", Counter, "Times that another file, or none, was in the place of one.", |counters| {
        counters.rotations
    }),
    (
        "truncations_total",
        Counter,
        "Times that a file was cut, or began otherwise than before.",
        |counters| counters.truncations,
    ),
    (
        "left_out_total",
        Counter,
        "Files for which there was no room, or that were rotated away unseen.",
        |counters| counters.left_out,
    ),
    ("history_files_total", Counter, "Rotated files read.", |counters| counters.history_files),
    ("errors_total", Counter, "Calls that failed.", |counters| counters.errors),
    ("open_files", Gauge, "Files open now.", |counters| counters.open_files),
    (
        "unread_bytes",
        Gauge,
        "Bytes of these files that are not read yet: they grow faster, or end in the middle of a line.",
        |counters| counters.unread_bytes,
    ),
];

/// Of each `[[log]]`; nothing if there is none.
pub(super) fn logs(text: &mut Text, names: &[String], reports: &[Slot<LogReport>]) {
    if names.is_empty() {
        return;
    }
    let reports: Vec<LogReport> = reports.iter().map(Slot::read).collect();
    for (name, kind, help, value) in LOG {
        let name = format!("log_{name}");
        text.metric(&name, *kind, help);
        for (log, report) in names.iter().zip(&reports) {
            text.value(&name, &[("log", log)], value(&report.counters));
        }
    }
    decoded(text, "log", reports.iter().map(|report| &report.lines), |number| {
        names.get(number).map(String::as_str)
    });
    let failed = reports.iter().map(|report| report.saves_failed).max().unwrap_or(0);
    let help = "Times that it could not be saved how far logs were read.";
    text.single("log_saves_failed_total", Counter, help, failed);
}

type SyslogRow = (&'static str, Kind, &'static str, fn(&SyslogCounters) -> u64);

const SYSLOG: &[SyslogRow] = &[
    ("messages_total", Counter, "Messages received of declared senders.", |counters| counters.messages),
    ("bytes_total", Counter, "Their bytes.", |counters| counters.bytes),
    ("oversized_total", Counter, "Messages that were too long.", |counters| counters.oversized),
    ("malformed_total", Counter, "Streams that broke the framing.", |counters| counters.malformed),
    ("unfinished_total", Counter, "Messages whose connection ended before they did.", |counters| {
        counters.unfinished
    }),
    ("undeclared_datagrams_total", Counter, "Datagrams of others.", |counters| counters.undeclared_datagrams),
    ("undeclared_connections_total", Counter, "Connections of others, closed at once.", |counters| {
        counters.undeclared_connections
    }),
    ("connections_total", Counter, "Connections taken up.", |counters| counters.connections),
    ("open_connections", Gauge, "Connections open now.", |counters| counters.open_connections),
    ("refused_connections_total", Counter, "Connections closed because there were too many.", |counters| {
        counters.refused_connections
    }),
    ("idle_connections_total", Counter, "Connections closed because they were silent.", |counters| {
        counters.idle_connections
    }),
    ("broken_connections_total", Counter, "Connections that ended by an error.", |counters| {
        counters.broken_connections
    }),
    ("tls_failures_total", Counter, "Of these, those by an error of TLS.", |counters| counters.tls_failures),
    (
        "full_reads_total",
        Counter,
        "Times that a sender had more than is read at once, and waits.",
        |counters| counters.full_reads,
    ),
    ("kernel_drops_total", Counter, "Datagrams that the kernel dropped.", |counters| counters.kernel_drops),
    ("errors_total", Counter, "Calls that failed.", |counters| counters.errors),
];

/// Nothing if there is no `[syslog]`.
pub(super) fn syslog(text: &mut Text, reports: &[Slot<SyslogReport>]) {
    let Some(report) = reports.first().map(Slot::read) else { return };
    for (name, kind, help, value) in SYSLOG {
        text.single(&format!("syslog_{name}"), *kind, help, value(&report.counters));
    }
    decoded(text, "syslog", std::iter::once(&report.lines), |_| None);
    let help = "Messages of senders beyond those that there is a decoder for; read with those of others.";
    text.single("syslog_senders_refused_total", Counter, help, report.lines.senders_refused);
}

type LinesRow = (&'static str, Kind, &'static str, fn(&LinesReport) -> u64);

const LINES: &[LinesRow] = &[
    ("requests_total", Counter, "Lines that told of a request.", |lines| lines.requests),
    ("unrecognised_lines_total", Counter, "Lines that came while no format was recognised.", |lines| {
        lines.unrecognised
    }),
    ("waiting_lines", Gauge, "Lines that wait until there are enough to recognise their format.", |lines| {
        lines.waiting
    }),
];

/// What became of lines, with the name of their log if they are of one.
fn decoded<'a>(
    text: &mut Text,
    of: &str,
    reports: impl Iterator<Item = &'a LinesReport> + Clone,
    log: impl Fn(usize) -> Option<&'a str>,
) {
    let label = |number| log(number).map(|log| ("log", log));
    for (name, kind, help, value) in LINES {
        let name = format!("{of}_{name}");
        text.metric(&name, *kind, help);
        for (number, report) in reports.clone().enumerate() {
            let labels: Vec<_> = label(number).into_iter().collect();
            text.value(&name, &labels, value(report));
        }
    }
    let name = format!("{of}_unread_lines_total");
    text.metric(&name, Counter, "Lines that told of no request, by reason.");
    for (number, report) in reports.clone().enumerate() {
        for skip in web::Skip::ALL {
            let count = report.skips.get(skip.index()).copied().unwrap_or(0);
            let labels: Vec<_> = label(number).into_iter().chain([("reason", skip.name())]).collect();
            text.value(&name, &labels, count);
        }
    }
    let name = format!("{of}_format");
    text.metric(&name, Gauge, "Always 1; the format in which lines are read is a label.");
    for (number, report) in reports.enumerate() {
        if let Some(format) = report.format {
            let labels: Vec<_> = label(number).into_iter().chain([("format", format)]).collect();
            text.value(&name, &labels, 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Debug names every field; a field without a row is a counter that nobody can see.
    fn all_have_rows(shown: &str, rows: &[&str]) {
        let fields: Vec<&str> = shown.split(": ").filter_map(|part| part.rsplit([' ', '{']).next()).collect();
        let fields = &fields[..fields.len() - 1];
        assert!(fields.len() > 8, "{fields:?}");
        for field in fields {
            assert!(rows.iter().any(|name| name.trim_end_matches("_total") == *field), "{field} has no row");
        }
        assert_eq!(rows.len(), fields.len());
    }

    #[test]
    fn every_counter_has_a_row() {
        let names: Vec<&str> = MIRROR.iter().map(|row| row.0).collect();
        all_have_rows(&format!("{:?}", MirrorCounters::default()), &names);
        let names: Vec<&str> = LOG.iter().map(|row| row.0).collect();
        all_have_rows(&format!("{:?}", FollowCounters::default()), &names);
        let names: Vec<&str> = SYSLOG.iter().map(|row| row.0).collect();
        all_have_rows(&format!("{:?}", SyslogCounters::default()), &names);
    }
}
