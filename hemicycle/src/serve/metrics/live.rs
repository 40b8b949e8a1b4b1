//! Figures of mirrors and logs.

use intake::mirror::{MirrorCounters, MirrorPort};
use wire::packet::Skip;

use crate::serve::live::FramesReport;
use crate::serve::shared::Slot;
use crate::serve::text::Kind::{Counter, Gauge};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_of_a_mirror_has_a_row() {
        // Debug names every field; a field without a row is a counter that nobody can see.
        let shown = format!("{:?}", MirrorCounters::default());
        let fields: Vec<&str> = shown.split(": ").filter_map(|part| part.rsplit([' ', '{']).next()).collect();
        let fields = &fields[..fields.len() - 1];
        for field in fields {
            assert!(MIRROR.iter().any(|(name, ..)| name == field), "{field} has no row");
        }
        assert_eq!(MIRROR.len(), fields.len());
    }
}
