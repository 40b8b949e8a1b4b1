//! The registered attempt on first strikes (docs/measured/foresee-first-strikes.md): what was tried, and what became of it.

use anyhow::{Context, Result};
use foresee::Day;
use foresee::onset::{self, Tried};
use hemicycle::intelligence::Folder;
use serde_json::json;

use crate::report::{Bar, Report};
use crate::table::Table;

/// Development: candidates may be compared here.
const DEVELOPMENT: (&str, &str) = ("2023-12-01", "2024-11-06");
/// Kept untouched until the end.
const UNTOUCHED: (&str, &str) = ("2024-11-06", "2025-11-06");

/// Shows development, and the untouched months only when asked to.
pub(super) fn run(folder: &Folder, untouched: bool, report: &mut Report) -> Result<()> {
    let panel = folder.panel()?.clone().without_bloc();
    let span = |(from, to): (&str, &str)| Day::parse(from).zip(Day::parse(to)).context("a day");
    let (from, to) = span(DEVELOPMENT)?;
    let tried = onset::run(&panel, &folder.claims, 3, from, to)?;
    show("First strikes within 3 days: development", &tried, report);
    if untouched {
        let (from, to) = span(UNTOUCHED)?;
        let tried = onset::run(&panel, &folder.claims, 3, from, to)?;
        show("First strikes within 3 days: the untouched months", &tried, report);
    }
    report.bar(Bar::new(
        "first strikes: every registered candidate was tried",
        onset::CANDIDATES.len().to_string(),
        tried.len().to_string(),
        tried.len() == onset::CANDIDATES.len(),
    ));
    Ok(())
}

fn show(title: &str, tried: &[Tried], report: &mut Report) {
    let mut table = Table::new(
        title,
        &["candidate", "Brier", "model's", "skill over the model", "90 %", "AUC", "model's", "n", "happened"],
    );
    for one in tried {
        let area = |auc: Option<f64>| auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.3}"));
        report.line(
            &json!({"kind": "attempt", "span": title, "candidate": one.candidate, "skill": one.skill.skill,
            "low": one.skill.low, "high": one.skill.high}),
        );
        table.row(vec![
            one.candidate.to_owned(),
            format!("{:.5}", one.score.brier),
            format!("{:.5}", one.reference.brier),
            format!("{:+.4}", one.skill.skill),
            format!("{:+.4} to {:+.4}", one.skill.low, one.skill.high),
            area(one.score.auc),
            area(one.reference.auc),
            one.score.n.to_string(),
            one.score.positives.to_string(),
        ]);
    }
    report.table(table);
}
