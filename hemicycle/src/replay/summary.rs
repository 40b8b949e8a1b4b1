//! What became of the inputs and of everything that was left out: the last line of `--json`, and the end of the text.

use std::collections::BTreeMap;
use std::time::Instant;

use detect::event::format_time;
use hemicycle::pipeline::Ran;
use intake::{Damage, InputSummary};
use serde::Serialize;
use wire::packet::Skip;
use wire::web;

use super::floods::Floods;
use super::privacy::Privacy;
use crate::style::{Style, duration, plain, short, table};

/// The last line of `--json`. Only `elapsed_seconds` depends on anything but the inputs and the arguments.
#[derive(Serialize)]
pub(crate) struct Summary {
    kind: &'static str,
    inputs: Vec<Input>,
    span_seconds: f64,
    floods: u64,
    elapsed_seconds: f64,
    institution: Option<String>,
    addresses_shown_for: Option<String>,
    records: u64,
    requests: u64,
    traffic_bytes: u64,
    lost: u64,
    detector: detect::Counters,
    exporters: hemicycle::exporters::Counters,
}

/// One input.
#[derive(Serialize)]
struct Input {
    name: String,
    kind: &'static str,
    records: u64,
    bytes: u64,
    skipped: u64,
    lost: u64,
    first: Option<String>,
    last: Option<String>,
    damage: Option<Broken>,
    counters: BTreeMap<&'static str, u64>,
}

/// Where and why an input ended before its end.
#[derive(Serialize)]
struct Broken {
    message: String,
    offset: Option<u64>,
}

impl Summary {
    /// After a run.
    pub(crate) fn new(
        inputs: &[InputSummary],
        ran: &Ran,
        floods: &Floods,
        privacy: &Privacy,
        institution: Option<&str>,
        started: Instant,
    ) -> Self {
        Self {
            kind: "summary",
            inputs: inputs.iter().map(Input::new).collect(),
            span_seconds: ran.span_seconds,
            floods: floods.count(),
            elapsed_seconds: started.elapsed().as_secs_f64(),
            institution: institution.map(str::to_owned),
            addresses_shown_for: privacy.purpose().map(str::to_owned),
            records: ran.records,
            requests: ran.requests,
            traffic_bytes: ran.traffic_bytes,
            lost: ran.lost,
            detector: ran.counters,
            exporters: ran.exporters,
        }
    }

    /// The inputs, what was left out, and how long it took.
    pub(crate) fn text(&self, style: Style) -> String {
        format!("{}{}", self.inputs_table(style), self.remarks_text(style))
    }

    /// The same without the table of inputs.
    pub(crate) fn remarks_text(&self, style: Style) -> String {
        let mut text = String::new();
        for input in &self.inputs {
            text.push_str(&input.remarks(style));
        }
        for remark in self.remarks() {
            text.push_str(&format!("{} {remark}\n", style.yellow("note:")));
        }
        if let Some(purpose) = &self.addresses_shown_for {
            text.push_str(&format!("Source addresses are shown for: {purpose}\n"));
        }
        text.push_str(&self.speed());
        text
    }

    /// How much it was, and how fast. An input without packets and flow records is measured by its requests.
    fn speed(&self) -> String {
        let (counted, unit) = match (self.records, self.requests) {
            (0, 1..) => (self.requests, "requests"),
            _ => (self.records, "records"),
        };
        let beside = match (self.records, self.requests) {
            (1.., 1..) => format!(" and {} requests", short(self.requests as f64)),
            _ => String::new(),
        };
        let (span, elapsed) = (duration(self.span_seconds), duration(self.elapsed_seconds));
        let per_second = short(counted as f64 / self.elapsed_seconds.max(1e-6));
        let counted = short(counted as f64);
        format!("{counted} {unit}{beside} of {span} of traffic in {elapsed}, {per_second} {unit}/s.\n")
    }

    fn inputs_table(&self, style: Style) -> String {
        let rows: Vec<Vec<String>> = self.inputs.iter().map(Input::row).collect();
        let headings = ["INPUT", "KIND", "RECORDS", "BYTES", "SKIPPED", "LOST"];
        format!("\n{}", table(&headings, &[false, false, true, true, true, true], &rows, style))
    }

    /// What was left out or may be less than it was, each with what it means.
    fn remarks(&self) -> Vec<String> {
        let (detector, exporters) = (&self.detector, &self.exporters);
        let counted = [
            (self.lost, "lost before it came here; figures from there on are lower bounds"),
            (detector.late, "records came too late to be counted"),
            (detector.reordered, "records out of order were counted into the running 100 ms"),
            (detector.clock_resets, "times the clock of the data was set back; floods were closed there"),
            (detector.unprotected, "records were neither from nor to a protected address"),
            (detector.targets_refused, "records to addresses for which there was no room were not counted"),
            (detector.targets_evicted, "quiet addresses made room for others"),
            (detector.prefixes_refused, "prefixes were not watched as a whole because there were too many"),
            (detector.conversations_evicted, "conversations were forgotten for want of room"),
            (detector.suspects_refused, "times a target was not looked at closer for want of room"),
            (
                exporters.undeclared_records,
                "flow records came from exporters that the institution file does not declare",
            ),
            (
                exporters.other_interface_records,
                "flow records crossed no external interface, or were counted already",
            ),
            (exporters.no_interface_records, "flow records named no interface, and were counted"),
            (
                exporters.implausible_records,
                "flow records said more than any link carries, and were not counted",
            ),
            (
                exporters.contradictory_records,
                "flow records had too few bytes for their packets, and were counted by their bytes",
            ),
            (
                exporters.implausible_sampling_records,
                "flow records had a sampling rate that nobody can set, and were counted without it",
            ),
        ];
        let several = counted.into_iter().filter(|&(count, _)| count > 0);
        several.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

impl Input {
    fn new(summary: &InputSummary) -> Self {
        Self {
            name: summary.name.clone(),
            kind: summary.kind.name(),
            records: summary.records,
            bytes: summary.bytes,
            skipped: summary.skipped,
            lost: summary.lost,
            first: summary.first.map(format_time),
            last: summary.last.map(format_time),
            damage: summary
                .damage
                .as_ref()
                .map(|damage| Broken { message: damage.to_string(), offset: offset(damage) }),
            counters: summary.counters.details().collect(),
        }
    }

    fn row(&self) -> Vec<String> {
        let mut row = vec![plain(&self.name).into_owned(), self.kind.to_owned()];
        let counts = [self.records, self.bytes, self.skipped, self.lost];
        row.extend(counts.iter().map(u64::to_string));
        row
    }

    /// What is wrong with it, and why things in it were skipped.
    fn remarks(&self, style: Style) -> String {
        let mut text = String::new();
        let name = plain(&self.name);
        if let Some(damage) = &self.damage {
            let message = plain(&damage.message);
            text.push_str(&format!(
                "{} {name}: {message}; what came before was read\n",
                style.red("damaged:")
            ));
        }
        let other = ["blocks_skipped", "flow_elements_skipped"];
        let lines = web::Skip::ALL.iter().filter(|skip| skip.is_loss()).map(|skip| skip.name());
        let reasons = Skip::ALL.iter().map(|skip| skip.name()).chain(other).chain(lines);
        let skipped = reasons.filter_map(|reason| {
            let count = self.counters.get(reason)?;
            Some(format!("{} {count}", reason.replace('_', " ")))
        });
        let skipped = skipped.collect::<Vec<_>>().join(", ");
        if !skipped.is_empty() {
            text.push_str(&format!("{} {name}: {skipped}\n", style.yellow("skipped:")));
        }
        if self.lost > 0 {
            let lost = self.lost;
            text.push_str(&format!("{} {name}: {lost}, as the input says\n", style.yellow("lost:")));
        }
        text
    }
}

/// The place of a damage in bytes, where it has one.
fn offset(damage: &Damage) -> Option<u64> {
    use wire::capture::Damage as Framing;
    match damage {
        Damage::Capture(framing) => match framing {
            Framing::NotACapture => Some(0),
            Framing::Version { offset, .. }
            | Framing::CutOff { offset, .. }
            | Framing::Length { offset, .. }
            | Framing::LengthsDiffer { offset, .. }
            | Framing::ByteOrder { offset } => Some(*offset),
        },
        Damage::Read { offset, .. }
        | Damage::NotADatagram { offset }
        | Damage::DatagramCutOff { offset, .. } => Some(*offset),
        Damage::TooLarge { .. } => None,
    }
}
