//! `hemicycle foresee backtest`.

use std::io::Write;

use anyhow::{Context, Result};
use foresee::Day;
use foresee::backtest::{self, Outcome};
use foresee::panel::Label;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{line, moment, output};
use crate::cli::BacktestArguments;
use crate::style::{Style, table};
use hemicycle::intelligence::Folder;

/// Runs the back-test and prints its tables.
///
/// # Errors
/// When an input cannot be used, or a row would make the run look ahead.
pub(super) fn run(arguments: &BacktestArguments) -> Result<()> {
    let today = moment::day(jiff::Timestamp::now(), &TimeZone::UTC);
    let folder = Folder::read(&arguments.data, None, today)?;
    let from = arguments.from.as_deref();
    let from = from.map(|text| Day::parse(text).with_context(|| format!("{text} is no date"))).transpose()?;
    let label = if arguments.any { Label::Any } else { Label::Public };
    let outcome = backtest::run(folder.panel()?, label, &folder.events, from)?;
    let mut output = output();
    if arguments.json {
        print_json(&mut output, &outcome)?;
    } else {
        print(&mut output, &outcome, Style::new(arguments.color.color, &std::io::stdout()))?;
    }
    Ok(output.flush()?)
}

fn print_json(output: &mut impl Write, outcome: &Outcome) -> Result<()> {
    let kinds = [
        ("score", outcome.rows.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?),
        ("factor", outcome.factors.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?),
        ("reliability", outcome.reliability.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?),
        ("shown", outcome.shown.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>()?),
    ];
    for (kind, values) in kinds {
        for mut value in values {
            value["kind"] = json!(kind);
            line(output, &value)?;
        }
    }
    let (from, to) = outcome.span;
    line(
        output,
        &json!({"kind": "summary", "from": from, "to": to, "unknown_days": outcome.unknown_days, "version": foresee::model::VERSION}),
    )
}

fn print(output: &mut impl Write, outcome: &Outcome, style: Style) -> Result<()> {
    let (from, to) = outcome.span;
    writeln!(output, "Each morning from {from} to {to}, {} days of them unknown.\n", outcome.unknown_days)?;
    let rows: Vec<Vec<String>> = outcome
        .rows
        .iter()
        .filter(|row| ["all", "onset", "election"].contains(&row.subset.as_str()))
        .map(|row| {
            let auc = row.score.auc.map_or_else(|| "-".to_owned(), |auc| format!("{auc:.2}"));
            vec![
                row.days.to_string(),
                row.subset.clone(),
                row.model.clone(),
                format!("{:.4}", row.score.brier),
                format!("{:+.2}", row.skill.skill),
                format!("{:+.2} to {:+.2}", row.skill.low, row.skill.high),
                auc,
                format!("{:.3}", row.score.ece),
                format!("{:.2}", row.score.recall),
                format!("{:.2}", row.score.precision),
                row.score.n.to_string(),
                row.score.positives.to_string(),
            ]
        })
        .collect();
    let headings = [
        "days",
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
    ];
    let right = [true, false, false, true, true, true, true, true, true, true, true, true];
    writeln!(output, "{}", table(&headings, &right, &rows, style))?;
    print_factors(output, outcome, style)?;
    for bin in &outcome.reliability {
        writeln!(
            output,
            "said {:.2} to {:.2}: {:>6} times, {:.3} on average, happened {:.3}",
            bin.from, bin.to, bin.n, bin.said, bin.observed
        )?;
    }
    for shown in &outcome.shown {
        writeln!(
            output,
            "\n{} days: {} is shown: it {}",
            shown.days,
            style.bold(&shown.model),
            shown.reason
        )?;
    }
    Ok(())
}

fn print_factors(output: &mut impl Write, outcome: &Outcome, style: Style) -> Result<()> {
    let rows: Vec<Vec<String>> = outcome
        .factors
        .iter()
        .map(|factor| {
            vec![
                factor.kind.clone(),
                factor.offset.clone(),
                factor.events.to_string(),
                format!("{:.0}", factor.observed),
                format!("{:.1}", factor.expected),
                format!("{:.1}", factor.ratio),
                format!("{:.1} to {:.1}", factor.low, factor.high),
                format!("{:.4}", factor.chance),
                factor.verdict.to_owned(),
            ]
        })
        .collect();
    let headings = ["event", "days", "events", "observed", "expected", "ratio", "90 %", "chance", ""];
    let right = [false, true, true, true, true, true, true, true, false];
    writeln!(output, "{}", table(&headings, &right, &rows, style))?;
    Ok(())
}
