//! What was learnt, for people and for programs.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use detect::event::TargetKind;
use detect::{Learnt, LearntTarget, Usually};
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::files::shown;
use crate::replay::summary::Summary;
use crate::state::{Entry, Recalled, Saved};
use crate::style::{Style, short, table};

/// Rows printed: the busiest.
const MAXIMUM_ROWS: usize = 200;

/// What is told at the end.
pub(super) struct Report<'a> {
    pub(super) entries: &'a BTreeMap<LearntTarget, Entry>,
    pub(super) recalled: Recalled,
    pub(super) saved: Saved,
    pub(super) path: PathBuf,
    pub(super) summary: Summary,
    pub(super) floods: u64,
}

/// The line of a target.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    target: Name,
    /// Until when it was learnt.
    time: jiff::Timestamp,
    /// Mean of the last half hour.
    ordinary_packets_per_second: f64,
    /// Of 168, at the time of the institution.
    hours_of_week_known: usize,
    sampling: u32,
    usual_unwanted: &'a [Usually],
}

#[derive(Serialize)]
struct Name {
    kind: TargetKind,
    name: String,
}

/// The last line: the fields of `replay --json`, and what became of the file.
#[derive(Serialize)]
struct Last<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    state_file: String,
    targets_learnt: u64,
    targets_recalled: u64,
    targets_not_watched: u64,
    targets_kept: u64,
    targets_left_out: u64,
    floods_left_out: u64,
}

impl Report<'_> {
    /// One object a line.
    ///
    /// # Errors
    /// When the output fails.
    pub(super) fn write_json(&self, output: &mut impl Write) -> io::Result<()> {
        for Entry { at, learnt } in self.entries.values() {
            let line = Line {
                kind: "learnt",
                target: name(&learnt.target),
                time: *at,
                ordinary_packets_per_second: rounded(ordinary_packets_per_second(learnt)),
                hours_of_week_known: hours(learnt),
                sampling: learnt.sampling,
                usual_unwanted: &learnt.usual,
            };
            writeln!(output, "{}", serde_json::to_string(&line)?)?;
        }
        let last = Last {
            summary: &self.summary,
            state_file: shown(&self.path),
            targets_learnt: self.saved.targets,
            targets_recalled: self.recalled.targets,
            targets_not_watched: self.recalled.not_watched,
            targets_kept: self.saved.kept,
            targets_left_out: self.saved.left_out,
            floods_left_out: self.floods,
        };
        writeln!(output, "{}", serde_json::to_string(&last)?)
    }

    /// A table of the busiest targets, and what became of the file.
    pub(super) fn text(&self, style: Style, zone: &TimeZone) -> String {
        let mut text = self.table(style, zone);
        text.push_str(&self.summary.text(style));
        if self.floods > 0 {
            let plural = if self.floods == 1 { "flood was" } else { "floods were" };
            text.push_str(&format!("{} {plural} left out of what was learnt.\n", self.floods));
        }
        let Saved { targets, kept, left_out, .. } = &self.saved;
        if targets + kept == 0 {
            return text;
        }
        let not_watched = match self.recalled.not_watched {
            0 => String::new(),
            count => format!(", {count} not watched now"),
        };
        text.push_str(&format!(
            "{}: {targets} targets learnt ({} known before{not_watched}), {kept} kept as they were, {left_out} left out.\n",
            shown(&self.path),
            self.recalled.targets,
        ));
        text
    }

    fn table(&self, style: Style, zone: &TimeZone) -> String {
        if self.entries.is_empty() {
            return "\nNothing was learnt: a target needs a minute of traffic.\n".to_owned();
        }
        let mut entries: Vec<&Entry> = self.entries.values().collect();
        let rate = |entry: &&Entry| ordinary_packets_per_second(&entry.learnt);
        entries.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
        let rows: Vec<_> = entries.iter().take(MAXIMUM_ROWS).map(|entry| row(entry, zone)).collect();
        let headings = ["TARGET", "KIND", "PACKETS/S", "HOURS", "SAMPLING", "USUAL", "UNTIL"];
        let right = [false, false, true, true, true, false, false];
        let mut text = format!("\n{}", table(&headings, &right, &rows, style));
        if entries.len() > rows.len() {
            text.push_str(&format!("... and {} more\n", entries.len() - rows.len()));
        }
        text.push_str(&style.dim(
            "Packets/s: mean of the last half hour. Hours: of the 168 of a week. Usual: always there unwanted.\n",
        ));
        text
    }
}

fn row(entry: &Entry, zone: &TimeZone) -> Vec<String> {
    let learnt = &entry.learnt;
    let Name { kind, name } = name(&learnt.target);
    let kind = match kind {
        TargetKind::Address => "address",
        TargetKind::Service => "service",
        TargetKind::Group => "group",
        TargetKind::Prefix => "prefix",
    };
    let sampling = if learnt.sampling > 1 { format!("1:{}", learnt.sampling) } else { "-".to_owned() };
    let usual: Vec<_> = learnt.usual.iter().filter(|usual| usual.packets_per_second >= 0.5).collect();
    let usual: Vec<_> = usual
        .iter()
        .map(|usual| format!("{} {}/s", usual.vector, short(f64::from(usual.packets_per_second))))
        .collect();
    vec![
        name,
        kind.to_owned(),
        short(ordinary_packets_per_second(learnt)),
        hours(learnt).to_string(),
        sampling,
        if usual.is_empty() { "-".to_owned() } else { usual.join(", ") },
        entry.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    ]
}

fn name(target: &LearntTarget) -> Name {
    match target {
        LearntTarget::Address(address) => Name { kind: TargetKind::Address, name: address.to_string() },
        LearntTarget::Wider { kind, name } => Name { kind: *kind, name: name.clone() },
    }
}

/// Mean of the last half hour.
fn ordinary_packets_per_second(learnt: &Learnt) -> f64 {
    f64::from(learnt.level.slow) * f64::from(learnt.sampling.max(1))
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Hours of the week of which something is known.
fn hours(learnt: &Learnt) -> usize {
    learnt.level.week.as_ref().map_or(0, |week| week.cells.iter().filter(|&&code| code != 0).count())
}
