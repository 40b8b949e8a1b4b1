//! `hemicycle foresee scorecard`.

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Context, Result};
use foresee::issued::scorecards;
use jiff::tz::TimeZone;

use super::graded::own_days;
use super::{Who, known, line, moment, output};
use crate::cli::ScorecardArguments;
use crate::files;
use crate::style::Style;

/// Grades what was issued.
///
/// # Errors
/// When an input cannot be used.
pub(super) fn run(arguments: &ScorecardArguments) -> Result<()> {
    let style = Style::new(arguments.color.color, &std::io::stdout());
    let who = Who::of(&arguments.who, style.color)?;
    let today = moment::day(jiff::Timestamp::now(), &TimeZone::UTC);
    let (folder, store) = known(&arguments.known, &who.place, today)?;
    let store = store.context("say where forecasts were kept: --store FOLDER")?;
    let zone = who.institution.as_ref().map_or(TimeZone::UTC, |institution| institution.time_zone.clone());
    let (issued, skipped) = store.issued(&zone)?;
    if skipped > 0 {
        files::eprint_text(&format!("{skipped} lines of what was issued could not be read\n"));
    }
    let own = match &who.institution {
        Some(institution) => own_days(&store, institution, None)?,
        None => BTreeSet::new(),
    };
    let cards = scorecards(&issued, folder.panel()?, &own, &zone);
    let mut output = output();
    for card in &cards {
        if arguments.json {
            line(&mut output, card)?;
            continue;
        }
        writeln!(output, "{}, {} days, {}: {}", style.bold(&card.who), card.days, card.model, card.words)?;
        writeln!(output, "  it happened {} times; {} forecasts are still open", card.happened, card.open)?;
        if card.hindsight > 0 {
            writeln!(
                output,
                "  {} more were made when their day was over, or nobody knows when: they do not count",
                card.hindsight
            )?;
        }
        for bin in &card.reliability {
            let of_ten = |share: f64| (share * 10.0).round();
            writeln!(
                output,
                "  said about {} in 10, {} times: happened {} in 10",
                of_ten(bin.said),
                bin.n,
                of_ten(bin.observed)
            )?;
        }
    }
    if cards.is_empty() {
        files::eprint_text("nothing was issued yet: `hemicycle foresee outlook --issue`\n");
    }
    Ok(output.flush()?)
}
