//! `lab foresee`: the forecast on years of lists of targets, and what it must not be able to do.
//!
//! Parts: the table of the reference back-test rebuilt ([`mod@reference`]), events and rows that must change nothing or stop the run ([`effects`]), two days
//! replayed ([`replays`]), the registered attempt on first strikes ([`attempt`]), a million indicators and a hostile server ([`indicators`]).

mod attempt;
mod effects;
mod indicators;
mod reference;
mod replays;
mod waves;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;
use foresee::Day;
use foresee::backtest::{self, Outcome};
use foresee::panel::Label;
use hemicycle::intelligence::Folder;
use serde_json::json;

use crate::report::{Bar, Report};
use crate::table::Table;

/// Most seconds of the back-test.
const MOST_SECONDS: f64 = 30.0;
/// The first graded day of the reference.
const FIRST_GRADED: &str = "2024-06-01";

/// Options of `lab foresee`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A folder in the form of data/foresee (docs/foresee.md); default: that of the repository
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Look at the months that the attempt on first strikes kept untouched
    #[arg(long)]
    untouched: bool,
    /// One JSON object a line for each figure and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/foresee.md
    #[arg(long)]
    write: bool,
    /// Only load a million indicators, here, and print figures
    #[arg(long, hide = true)]
    inside: bool,
}

/// Runs the evaluation. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if options.inside {
        println!("{}", indicators::inside());
        return Ok(true);
    }
    let mut report = Report::new("foresee", options.json);
    let folder = options.data.clone().unwrap_or_else(|| repository("data/foresee"));
    let until = Day::parse("9000-01-01").context("a day")?;
    let read = Folder::read(&folder, None, until)?;
    let started = Instant::now();
    let outcome = table(&read, &mut report)?;
    let seconds = started.elapsed().as_secs_f64();
    report.bar(Bar::at_most("back-test of all models", Some(seconds), MOST_SECONDS, " s", ""));
    reference::bars(&outcome, &mut report);
    effects::run(&folder, &read, &mut report)?;
    replays::run(&read, &mut report)?;
    attempt::run(&read, options.untouched, &mut report)?;
    indicators::run(&folder, &mut report);
    report.finish(options.write)
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Runs the back-test and shows it.
fn table(folder: &Folder, report: &mut Report) -> Result<Outcome> {
    // The reference knows no bloc: the panel of the countries alone.
    let panel = folder.panel()?.clone().without_bloc();
    let outcome = backtest::run(&panel, Label::Public, &folder.events, Day::parse(FIRST_GRADED))?;
    let mut scores = Table::new(
        "Back-test: at least one public institution of the country is listed within k days",
        &[
            "k",
            "subset",
            "model",
            "Brier",
            "skill",
            "90 %",
            "AUC",
            "ECE",
            "recall",
            "precision",
            "n",
            "happened",
        ],
    );
    for row in &outcome.rows {
        report.line(&json!({"kind": "score", "model": row.model, "days": row.days, "subset": row.subset,
            "brier": row.score.brier, "skill": row.skill.skill, "low": row.skill.low, "high": row.skill.high,
            "auc": row.score.auc, "ece": row.score.ece, "n": row.score.n, "positives": row.score.positives}));
        if row.subset.contains("-H") {
            continue;
        }
        scores.row(vec![
            row.days.to_string(),
            row.subset.clone(),
            row.model.clone(),
            format!("{:.5}", row.score.brier),
            format!("{:+.3}", row.skill.skill),
            format!("{:+.3} to {:+.3}", row.skill.low, row.skill.high),
            row.score.auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.3}")),
            format!("{:.4}", row.score.ece),
            format!("{:.2}", row.score.recall),
            format!("{:.2}", row.score.precision),
            row.score.n.to_string(),
            row.score.positives.to_string(),
        ]);
    }
    report.table(scores);
    waves::tell(&panel, report);
    tell_factors(&outcome, report);
    Ok(outcome)
}

/// What became of the types of events, and how reliable the numbers were.
fn tell_factors(outcome: &Outcome, report: &mut Report) {
    let mut factors = Table::new(
        "Events: listed place-days against those expected by the base rate",
        &["type", "days", "events", "observed", "expected", "ratio", "90 %", "chance", "verdict"],
    );
    for factor in &outcome.factors {
        report.line(&json!({"kind": "factor", "type": factor.kind, "offset": factor.offset, "observed": factor.observed,
            "expected": factor.expected, "ratio": factor.ratio, "low": factor.low, "high": factor.high, "used": factor.used}));
        factors.row(vec![
            factor.kind.clone(),
            factor.offset.clone(),
            factor.events.to_string(),
            format!("{:.0}", factor.observed),
            format!("{:.1}", factor.expected),
            format!("{:.2}", factor.ratio),
            format!("{:.2} to {:.2}", factor.low, factor.high),
            format!("{:.4}", factor.chance),
            factor.verdict.to_owned(),
        ]);
    }
    report.table(factors);
    let mut reliability =
        Table::new("Reliability of base and memory, 3 days", &["said", "n", "mean", "happened"]);
    for bin in &outcome.reliability {
        reliability.row(vec![
            format!("{:.2} to {:.2}", bin.from, bin.to),
            bin.n.to_string(),
            format!("{:.3}", bin.said),
            format!("{:.3}", bin.observed),
        ]);
    }
    report.table(reliability);
}
