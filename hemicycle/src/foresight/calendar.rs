//! `hemicycle foresee calendar`.

use std::io::Write;

use anyhow::Result;
use foresee::scenario;
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Who, known, line, moment, output};
use crate::cli::CalendarArguments;
use crate::style::{Style, plain};
use hemicycle::intelligence::text;

/// Days before an election from which its scenarios are shown.
const ELECTION_DAYS: i32 = 60;

/// Prints what is coming.
///
/// # Errors
/// When an input cannot be used.
pub(super) fn run(arguments: &CalendarArguments) -> Result<()> {
    let style = Style::new(arguments.color.color, &std::io::stdout());
    let who = Who::of(&arguments.who, style.color)?;
    let zone = who.institution.as_ref().map_or(TimeZone::UTC, |institution| institution.time_zone.clone());
    let at = moment::of(arguments.at.as_deref(), &zone)?;
    let from = moment::day(at, &zone);
    let today = moment::day(jiff::Timestamp::now().max(at), &zone);
    let (folder, _) = known(&arguments.known, &who.place, today)?;
    let mut coming: Vec<_> = folder
        .events
        .iter()
        .filter(|event| {
            (0..i32::from(arguments.days)).contains(&event.date.since(from)) && event.known_from <= from
        })
        .filter(|event| event.concerns(&who.place) || event.scope == "own")
        .collect();
    coming.sort_by(|a, b| (a.date, &a.kind, &a.title).cmp(&(b.date, &b.kind, &b.title)));
    let election = coming
        .iter()
        .any(|event| event.kind.starts_with("election") && event.date.since(from) <= ELECTION_DAYS);
    let scenarios = match &arguments.scenarios {
        Some(path) if election => {
            scenario::read(&path.display().to_string(), &text(path)?, who.institution.as_ref())?
        }
        _ => Vec::new(),
    };
    let mut output = output();
    for event in &coming {
        if arguments.json {
            let mut value = serde_json::to_value(event)?;
            value["kind"] = json!("event");
            line(&mut output, &value)?;
        } else {
            let sure = if event.verified { "" } else { " (date not checked)" };
            writeln!(output, "{}  {:<20} {}{sure}", event.date, plain(&event.kind), plain(&event.title))?;
        }
    }
    for scenario in &scenarios {
        if arguments.json {
            line(&mut output, scenario)?;
            continue;
        }
        writeln!(
            output,
            "\n{} ({}, {})",
            style.bold(&plain(&scenario.threat)),
            plain(&scenario.phase),
            plain(&scenario.area)
        )?;
        if !scenario.services.is_empty() {
            writeln!(output, "  ours: {}", plain(&scenario.services.join(", ")))?;
        }
        scenario.prepare.iter().try_for_each(|step| writeln!(output, "  [ ] {step}"))?;
    }
    if coming.is_empty() && !arguments.json {
        writeln!(output, "nothing is known of the {} days from {from} on", arguments.days)?;
    }
    Ok(output.flush()?)
}
