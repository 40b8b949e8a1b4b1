//! The counters of the decoder and of the detector, each with its help text.

use detect::Counters;
use wire::flow::FlowCounters;

use std::sync::atomic::{AtomicU64, Ordering};

use crate::serve::indicators::Counts as Indicators;
use crate::serve::learning;
use crate::serve::posture::Standing;
use crate::serve::shared::WorkerReport;
use crate::serve::text::Kind::{self, Counter, Gauge};
use crate::serve::text::Text;

/// A counter of the decoder, without its prefix and suffix.
type FlowRow = (&'static str, &'static str, fn(&FlowCounters) -> u64);

const FLOW: &[FlowRow] = &[
    ("datagrams", "Datagrams given to the decoder.", |counters| counters.datagrams),
    ("bytes", "Bytes of these datagrams.", |counters| counters.bytes),
    ("netflow5_datagrams", "NetFlow v5 datagrams.", |counters| counters.netflow5_datagrams),
    ("netflow9_datagrams", "NetFlow v9 datagrams.", |counters| counters.netflow9_datagrams),
    ("ipfix_datagrams", "IPFIX messages.", |counters| counters.ipfix_datagrams),
    ("sflow5_datagrams", "sFlow v5 datagrams.", |counters| counters.sflow5_datagrams),
    ("unknown_datagrams", "Datagrams of no known protocol or shorter than their header.", |counters| {
        counters.unknown_datagrams
    }),
    ("records", "Records given to the sink.", |counters| counters.records),
    (
        "reverse_records",
        "Records given to the sink for the reverse direction of a bidirectional flow, in records too.",
        |counters| counters.reverse_records,
    ),
    (
        "records_without_address",
        "Records or samples without an IP address (layer 2, MPLS, statistics): not given to the sink.",
        |counters| counters.records_without_address,
    ),
    ("undecodable_frames", "Records that hold a sampled frame which could not be decoded.", |counters| {
        counters.undecodable_frames
    }),
    ("options_records", "Options data records read.", |counters| counters.options_records),
    (
        "options_records_refused",
        "Options data records beyond the limit for one datagram: not interpreted.",
        |counters| counters.options_records_refused,
    ),
    ("sampling_changes", "Sampling rates learnt or changed from options records.", |counters| {
        counters.sampling_changes
    }),
    ("samplers_refused", "Sampling rates refused because a source named too many samplers.", |counters| {
        counters.samplers_refused
    }),
    ("sets_before_template", "Data sets that came before their template.", |counters| {
        counters.sets_before_template
    }),
    (
        "sets_skipped",
        "Sets skipped because their id is reserved or their template has records of no length.",
        |counters| counters.sets_skipped,
    ),
    (
        "bad_lengths",
        "Lengths that do not fit: datagram, set, record or sample; what was whole before is kept.",
        |counters| counters.bad_lengths,
    ),
    ("templates_added", "Templates added.", |counters| counters.templates_added),
    ("templates_repeated", "Templates announced again unchanged.", |counters| counters.templates_repeated),
    ("templates_changed", "Templates announced again with other fields.", |counters| {
        counters.templates_changed
    }),
    ("templates_withdrawn", "Templates withdrawn (IPFIX).", |counters| counters.templates_withdrawn),
    ("templates_evicted", "Templates that made room for others.", |counters| counters.templates_evicted),
    (
        "templates_refused",
        "Templates refused: malformed, too many fields, too many in one datagram, or no room.",
        |counters| counters.templates_refused,
    ),
    (
        "lost_records",
        "Data records that the sequence numbers show as lost (NetFlow v5 flows, IPFIX data records).",
        |counters| counters.lost_records,
    ),
    ("lost_datagrams", "Datagrams that the sequence numbers show as lost (NetFlow v9, sFlow).", |counters| {
        counters.lost_datagrams
    }),
    ("reordered_datagrams", "Datagrams that came later than their successor.", |counters| {
        counters.reordered_datagrams
    }),
    (
        "sequence_resets",
        "Sequence numbers that jumped so far that the source must have started again.",
        |counters| counters.sequence_resets,
    ),
    ("sources_added", "Sources (exporter and domain) added.", |counters| counters.sources_added),
    ("sources_evicted", "Sources that were silent and made room.", |counters| counters.sources_evicted),
    (
        "sources_refused",
        "Datagrams whose source was refused because the table or its exporter's share is full.",
        |counters| counters.sources_refused,
    ),
    ("flow_samples", "sFlow flow samples read.", |counters| counters.flow_samples),
    ("counter_samples", "sFlow counter samples read.", |counters| counters.counter_samples),
    ("interface_counters", "Interface counter blocks given to the sink.", |counters| {
        counters.interface_counters
    }),
    ("unknown_samples", "sFlow samples of an unknown or proprietary format.", |counters| {
        counters.unknown_samples
    }),
    ("discarded_packet_samples", "sFlow notifications of discarded packets (sample format 5).", |counters| {
        counters.discarded_packet_samples
    }),
    (
        "discarded_packets",
        "sFlow samples of packets that the switch dropped (output interface format 1).",
        |counters| counters.discarded_packets,
    ),
    (
        "sample_drops",
        "Packets that agents dropped instead of sampling them (increase of the drops field).",
        |counters| counters.sample_drops,
    ),
];

/// Help texts of the detector's counters, by their names.
const DETECT: &[(&str, &str)] = &[
    ("observations", "Records taken."),
    ("steps", "Steps closed."),
    ("multicast", "Records to groups of hosts, which nobody floods."),
    ("unprotected", "Records neither from nor to a protected address."),
    ("outside_wanted", "Records to addresses of others that were asked for, and so are nobody's flood."),
    ("reordered", "Records out of order that were still counted, into the running step."),
    ("late", "Records too late to be counted."),
    ("clock_resets", "Times that the clock was taken to have been set back."),
    ("targets", "Addresses counted now."),
    ("targets_evicted", "Quiet addresses that made room for others."),
    ("targets_refused", "Records to addresses for which there was no room."),
    ("prefixes_refused", "Automatic prefixes that were not made because there were too many."),
    ("conversations_evicted", "Conversations that were pushed out."),
    ("suspects", "Targets under closer look now."),
    ("suspects_refused", "Times that a target was not looked at closer for lack of room."),
    (
        "spreads_cut",
        "Flow records' packets that were left out because nothing came for minutes while they were spread.",
    ),
    ("floods", "Floods found, muted ones included."),
    ("floods_muted", "Floods of which a line was not told because of a mute."),
    ("campaigns", "Campaigns found: floods on several targets by the same sources."),
    (
        "campaign_floods_left_out",
        "Floods that were not compared with all others of their time, since there were too many.",
    ),
    ("metered_seconds_lost", "Seconds whose figures for the record nobody took in time."),
    (
        "ceilings_unwatched",
        "Ceilings of the institution file on what is not watched: no protected address, declared service, group or prefix.",
    ),
];

/// Those that go down too.
const DETECT_GAUGES: &[&str] = &["targets", "suspects", "ceilings_unwatched"];

/// The decoders' counters, added up.
pub(super) fn flow(text: &mut Text, workers: &[WorkerReport]) {
    for (name, help, value) in FLOW {
        let sum: u64 = workers.iter().map(|report| value(&report.flow)).sum();
        text.single(&format!("flow_{name}_total"), Counter, help, sum);
    }
}

/// The detector's counters. Their names are its own, so that a new one is shown without a change here.
pub(super) fn detect(text: &mut Text, counters: &Counters) {
    for (name, value) in named(counters) {
        let help =
            DETECT.iter().find(|(known, _)| *known == name).map_or("A counter of the detector.", |row| row.1);
        if DETECT_GAUGES.contains(&&*name) {
            text.single(&format!("detect_{name}"), Gauge, help, value);
        } else {
            text.single(&format!("detect_{name}_total"), Counter, help, value);
        }
    }
}

/// What was looked for among what passed by, and met.
pub(super) fn indicators(text: &mut Text, counts: &Indicators) {
    type Row = (&'static str, Kind, &'static str, fn(&Indicators) -> &AtomicU64);
    const ROWS: &[Row] = &[
        ("indicators", Gauge, "Indicators of the store.", |counts| &counts.indicators),
        (
            "indicators_expired",
            Gauge,
            "Indicators that are worth nothing any more; they never match.",
            |counts| &counts.expired,
        ),
        (
            "indicators_warned",
            Gauge,
            "Indicators on a warning list, or our own; they never match.",
            |counts| &counts.warned,
        ),
        ("indicators_withheld", Gauge, "Indicators that are TLP:RED; they never match.", |counts| {
            &counts.withheld
        }),
        ("indicators_refused", Gauge, "Indicators that are none, or had no room.", |counts| &counts.refused),
        (
            "indicators_patterns",
            Gauge,
            "Patterns of more than one observation; they are not matched.",
            |counts| &counts.patterns,
        ),
        ("indicators_loads_total", Counter, "Times that the store was read.", |counts| &counts.loads),
        (
            "indicators_loads_failed_total",
            Counter,
            "Times that it could not be; what was known stayed.",
            |counts| &counts.loads_failed,
        ),
        (
            "indicators_looked_total",
            Counter,
            "Conversations, clients and names that were looked up.",
            |counts| &counts.looked,
        ),
        ("indicators_skipped_total", Counter, "Those that were not, for want of time or room.", |counts| {
            &counts.skipped
        }),
        ("indicators_matches_total", Counter, "Those that were known.", |counts| &counts.matches),
        (
            "indicators_matches_expired_total",
            Counter,
            "Of these, such as are worth nothing any more, or may not be told; nothing was said.",
            |counts| &counts.matches_expired,
        ),
        ("signs_total", Counter, "Signs told.", |counts| &counts.signs),
        (
            "signs_suppressed_total",
            Counter,
            "Matches that were not told because others were lately.",
            |counts| &counts.signs_suppressed,
        ),
    ];
    for (name, kind, help, value) in ROWS {
        text.single(name, *kind, help, value(counts).load(Ordering::Relaxed));
    }
}

/// How ready to be, and what came of it.
pub(super) fn readiness(text: &mut Text, state: &detect::ReadinessState, standing: Option<Standing>) {
    let level = standing.as_ref().map_or(0, |standing| standing.state as u8);
    let help = "How ready to be: 0 as on other days, 1 watch, 2 ready.";
    text.single("readiness", Gauge, help, level);
    let until = standing.map_or(0, |standing| standing.until.as_second());
    text.single(
        "readiness_until_timestamp_seconds",
        Gauge,
        "When that ends; 0 if it is as on other days.",
        until,
    );
    let help = "What the floors of the detector are multiplied by now.";
    text.single("readiness_floors_ratio", Gauge, help, f64::from(state.floors));
    let help = "Times that floors were lowered.";
    text.single("readiness_windows_total", Counter, help, state.windows);
    let help = "Floods that lowered floors found before the usual ones would have.";
    text.single("readiness_floods_earlier_total", Counter, help, state.floods_earlier);
    let help = "Of these, floods that reached the usual alarm later.";
    text.single("readiness_floods_borne_out_total", Counter, help, state.floods_borne_out);
    let help = "Occasions of the last thirty days of which only lowered floors told.";
    text.single("readiness_occasions", Gauge, help, state.occasions);
    let help = "How many such occasions there may be; then the usual floors hold.";
    text.single("readiness_occasions_maximum", Gauge, help, state.occasions_maximum);
}
/// A figure of what is learnt, with its name and help text.
type LearningRow = (&'static str, Kind, &'static str, fn(&learning::Counts) -> &AtomicU64);

const LEARNING: &[LearningRow] = &[
    ("learnt_targets", Gauge, "Targets of which enough was known at the last save.", |counts| &counts.learnt),
    ("learnt_targets_recalled", Gauge, "Targets that were known from before at the start.", |counts| {
        &counts.recalled
    }),
    (
        "learnt_targets_not_watched",
        Gauge,
        "Targets of the state file that were not protected any more at the start, or had no room.",
        |counts| &counts.not_watched,
    ),
    (
        "learnt_targets_kept",
        Gauge,
        "Targets of which nothing new was learnt, kept in the state file at the last save.",
        |counts| &counts.kept,
    ),
    (
        "learnt_recalled_age_seconds",
        Gauge,
        "Time between the end of what was recalled and the start; 0 if nothing was.",
        |counts| &counts.recalled_age_seconds,
    ),
    (
        "learnt_web_services",
        Gauge,
        "Services of whose requests enough was known at the last save.",
        |counts| &counts.web_learnt,
    ),
    (
        "learnt_web_services_recalled",
        Gauge,
        "Services whose requests were known from before at the start.",
        |counts| &counts.web_recalled,
    ),
    (
        "learnt_web_services_left_out",
        Gauge,
        "Services that the last save left out of their state file: not seen for 26 weeks, or too many.",
        |counts| &counts.web_left_out,
    ),
    (
        "state_lines_skipped",
        Gauge,
        "Lines of the state file that could not be used at the start.",
        |counts| &counts.skipped_lines,
    ),
    ("state_saves_total", Counter, "State files written.", |counts| &counts.saves),
    (
        "state_saves_failed_total",
        Counter,
        "State files that could not be written; the one before is still there.",
        |counts| &counts.saves_failed,
    ),
];

/// What is known of learning.
pub(super) fn learning(text: &mut Text, counts: &learning::Counts) {
    for (name, kind, help, value) in LEARNING {
        text.single(name, *kind, help, value(counts).load(Ordering::Relaxed));
    }
    let help = "Until when what is in the state file was learnt; 0 before the first save.";
    let seconds = counts.saved_at_seconds.load(Ordering::Relaxed);
    text.single("state_saved_timestamp_seconds", Gauge, help, seconds);
}

fn named(counters: &Counters) -> Vec<(String, u64)> {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(counters) else { return Vec::new() };
    fields.into_iter().filter_map(|(name, value)| Some((name, value.as_u64()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_of_the_decoder_has_a_row() {
        // Debug names every field; a field without a row is a counter that nobody can see.
        let shown = format!("{:?}", FlowCounters::default());
        let fields: Vec<&str> = shown.split(": ").filter_map(|part| part.rsplit([' ', '{']).next()).collect();
        let fields = &fields[..fields.len() - 1];
        assert!(fields.len() > 30, "{fields:?}");
        for field in fields {
            assert!(FLOW.iter().any(|(name, ..)| name == field), "{field} has no row");
        }
        assert_eq!(FLOW.len(), fields.len());
    }

    #[test]
    fn every_counter_of_the_detector_has_a_help_text() {
        let named = named(&Counters::default());
        assert!(named.len() > 10);
        for (name, _) in named {
            assert!(DETECT.iter().any(|(known, _)| *known == name), "{name} has no help text");
        }
    }
}
