//! What an evaluation says: tables as it goes, bars at its end, a closing line.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::machine;
use crate::table::Table;

/// Whether a bar holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It does.
    Holds,
    /// It does not.
    Fails,
    /// It could not be measured here; it does not count as held.
    Skipped(String),
}

/// Something that is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Bar {
    /// What is measured.
    pub(crate) name: String,
    /// What it has to be.
    pub(crate) needed: String,
    /// What it is.
    pub(crate) measured: String,
    /// Whether that is enough.
    pub(crate) verdict: Verdict,
}

impl Bar {
    /// A bar that was measured.
    pub(crate) fn new(
        name: impl Into<String>,
        needed: impl Into<String>,
        measured: impl Into<String>,
        holds: bool,
    ) -> Self {
        let verdict = if holds { Verdict::Holds } else { Verdict::Fails };
        Self { name: name.into(), needed: needed.into(), measured: measured.into(), verdict }
    }

    /// A bar that could not be.
    pub(crate) fn skipped(
        name: impl Into<String>,
        needed: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        let verdict = Verdict::Skipped(reason.into());
        Self { name: name.into(), needed: needed.into(), measured: String::new(), verdict }
    }

    /// A measured value that has to be at most `most`; `None`: it could not be measured, for that reason.
    pub(crate) fn at_most(name: &str, value: Option<f64>, most: f64, unit: &str, reason: &str) -> Self {
        let needed = format!("<= {}{unit}", short(most));
        match value {
            Some(value) => Self::new(name, needed, format!("{value:.2}{unit}"), value <= most),
            None => Self::skipped(name, needed, reason),
        }
    }

    /// The same for at least.
    pub(crate) fn at_least(name: &str, value: Option<f64>, least: f64, unit: &str, reason: &str) -> Self {
        let needed = format!(">= {}{unit}", short(least));
        match value {
            Some(value) => Self::new(name, needed, format!("{value:.2}{unit}"), value >= least),
            None => Self::skipped(name, needed, reason),
        }
    }

    fn row(&self) -> Vec<String> {
        let verdict = match &self.verdict {
            Verdict::Holds => "holds".to_owned(),
            Verdict::Fails => "DOES NOT HOLD".to_owned(),
            Verdict::Skipped(reason) => format!("skipped: {reason}"),
        };
        vec![self.name.clone(), self.needed.clone(), self.measured.clone(), verdict]
    }
}

/// What one evaluation has said so far.
pub(crate) struct Report {
    name: &'static str,
    json: bool,
    tables: Vec<Table>,
    bars: Vec<Bar>,
}

impl Report {
    /// Begins: the command and the machine.
    pub(crate) fn new(name: &'static str, json: bool) -> Self {
        if !json {
            println!("{}\n{}\n", machine::command(), machine::describe());
        }
        Self { name, json, tables: Vec::new(), bars: Vec::new() }
    }

    /// A table, shown at once.
    pub(crate) fn table(&mut self, table: Table) {
        if !self.json && !table.is_empty() {
            println!("{}", table.text());
        }
        self.tables.push(table);
    }

    /// A figure for programs.
    pub(crate) fn line(&self, value: &Value) {
        if self.json {
            println!("{value}");
        }
    }

    /// A bar, told at the end.
    pub(crate) fn bar(&mut self, bar: Bar) {
        self.bars.push(bar);
    }

    /// Tells the bars, writes the tables if asked to and closes. Gives whether all bars hold.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn finish(mut self, write: bool) -> Result<bool> {
        let mut table = Table::new("Bars", &["bar", "needed", "measured", ""]);
        for bar in &self.bars {
            table.row(bar.row());
            self.line(
                &json!({"kind": "bar", "name": bar.name, "needed": bar.needed, "measured": bar.measured,
                "holds": bar.verdict == Verdict::Holds,
                "skipped": if let Verdict::Skipped(reason) = &bar.verdict { Some(reason) } else { None }}),
            );
        }
        self.table(table);
        let held = self.bars.iter().filter(|bar| bar.verdict == Verdict::Holds).count();
        let closing = format!("lab {}: {held} of {} bars hold", self.name, self.bars.len());
        if write {
            self.write(&closing)?;
        }
        println!("{closing}");
        Ok(held == self.bars.len())
    }

    fn write(&self, closing: &str) -> Result<()> {
        let mut text =
            format!("# lab {}\n\n`{}`\n\n{}\n\n", self.name, machine::command(), machine::describe());
        for table in self.tables.iter().filter(|table| !table.is_empty()) {
            text.push_str(&table.text());
            text.push('\n');
        }
        text.push_str(closing);
        text.push('\n');
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/measured");
        let file = folder.join(format!("{}.md", self.name));
        fs::write(&file, text).with_context(|| file.display().to_string())
    }
}

/// With two digits at most.
fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The middle one of several values; `None` of none.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

/// Lowest and highest, as text.
pub(crate) fn spread(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() { "-".to_owned() } else { format!("{low:.2}-{high:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_without_a_value_does_not_hold() {
        assert_eq!(Bar::at_most("a", Some(0.6), 0.6, "", "").verdict, Verdict::Holds);
        assert_eq!(Bar::at_most("a", Some(0.61), 0.6, "", "").verdict, Verdict::Fails);
        assert_eq!(Bar::at_least("a", Some(1.4), 1.5, "x", "").verdict, Verdict::Fails);
        let skipped = Bar::at_most("a", None, 0.6, "", "nfcapd is not installed").verdict;
        assert_eq!(skipped, Verdict::Skipped("nfcapd is not installed".to_owned()));
    }

    #[test]
    fn limits_are_written_short() {
        assert_eq!([short(1.0 / 0.9), short(2.0), short(0.6), short(256.0)], ["1.11", "2", "0.6", "256"]);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[]), None);
    }
}
