//! `hemicycle foresee outlook`.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use foresee::issued::Issued;
use foresee::listed::Listing;
use foresee::outlook::{Forecast, State};
use foresee::targets::List;
use foresee::{Outlook, Past, outlook};
use jiff::tz::TimeZone;
use serde_json::json;

use super::{Who, known, line, moment, output};
use crate::cli::OutlookArguments;
use crate::files;
use crate::style::{Style, plain};
use hemicycle::intelligence::text;

/// Prints the outlook of a moment.
///
/// # Errors
/// When an input cannot be used.
pub(super) fn run(arguments: &OutlookArguments) -> Result<()> {
    let color = Style::new(arguments.color.color, &std::io::stdout());
    let who = Who::of(&arguments.who, color.color)?;
    let zone = who.institution.as_ref().map_or(TimeZone::UTC, |institution| institution.time_zone.clone());
    let at = moment::of(arguments.at.as_deref(), &zone)?;
    // What is dated after today stops the run; what is dated after the moment is only not looked at, as in a replay.
    let today = moment::day(jiff::Timestamp::now().max(at), &zone);
    let (mut folder, store) = known(&arguments.known, &who.place, today)?;
    for path in &arguments.claims {
        folder.claims(path)?;
    }
    if let Some(path) = &arguments.incidents {
        folder.incidents(path, today)?;
    }
    let mut lists = match &store {
        Some(store) => store.lists(at)?,
        None => Vec::new(),
    };
    for given in &arguments.list {
        lists.push(list(given, &zone, at)?);
    }
    let past = Past {
        panel: folder.panel.as_ref(),
        events: &folder.events,
        claims: &folder.claims,
        mix: &folder.mix,
        incidents: &folder.incidents,
        lists: &lists,
        institution: who.institution.as_ref(),
        place: &who.place,
        class: who.class,
    };
    let found = outlook(&past, at, &zone)?;
    if let (true, Some(store)) = (arguments.issue, &store) {
        store.issue(&issued(&found, arguments.analyst, jiff::Timestamp::now()))?;
    }
    let mut output = output();
    if arguments.json {
        print_json(&mut output, &found)?;
    } else {
        print(&mut output, &found, &who.place, color)?;
    }
    Ok(output.flush()?)
}

/// `FILE@TIME`; without a time it was seen at the moment.
fn list(given: &str, zone: &TimeZone, at: jiff::Timestamp) -> Result<List> {
    let (path, time) = match given.rsplit_once('@') {
        Some((path, time)) if !Path::new(given).is_file() => (path, moment::of(Some(time), zone)?),
        _ => (given, at),
    };
    let text = text(Path::new(path))?;
    List::read(path, "", time, &text).with_context(|| format!("cannot use {path}"))
}

/// What is kept, with the time of the machine and not that of the outlook: a forecast of a day that is over is hindsight.
pub(super) fn issued(outlook: &Outlook, analyst: Option<u8>, now: jiff::Timestamp) -> Vec<Issued> {
    let of = |forecast: &Forecast| {
        Some(Issued {
            kind: "issued".to_owned(),
            issued: Some(now),
            date: forecast.date,
            days: forecast.days,
            who: forecast.who.to_owned(),
            place: forecast.place.clone(),
            model: forecast.model.clone(),
            version: forecast.version.to_owned(),
            cutoff: forecast.cutoff?,
            probability: forecast.probability?,
            low: forecast.low?,
            high: forecast.high?,
            base: forecast.base?,
        })
    };
    let mut issued: Vec<Issued> = outlook.forecasts.iter().filter_map(of).collect();
    let three = issued.iter().find(|item| item.days == 3 && item.who == "own").cloned();
    if let (Some(percent), Some(own)) = (analyst, three) {
        let probability = f64::from(percent) / 100.0;
        issued.push(Issued {
            model: "analyst".to_owned(),
            version: "1".to_owned(),
            probability,
            low: probability,
            high: probability,
            ..own
        });
    }
    issued
}

fn print_json(output: &mut impl Write, outlook: &Outlook) -> Result<()> {
    outlook.forecasts.iter().try_for_each(|forecast| line(output, forecast))?;
    outlook.listings.iter().try_for_each(|listing| line(output, listing))?;
    for event in &outlook.calendar {
        let mut value = serde_json::to_value(event)?;
        value["kind"] = json!("event");
        line(output, &value)?;
    }
    for factor in &outlook.factors {
        let mut value = serde_json::to_value(factor)?;
        value["kind"] = json!("factor");
        line(output, &value)?;
    }
    line(output, &outlook.readiness)?;
    line(
        output,
        &json!({
            "kind": "background", "date": outlook.date, "time": outlook.time, "state": outlook.state,
            "techniques": outlook.techniques, "techniques_age_days": outlook.techniques_age_days,
            "actors": outlook.actors, "shown": outlook.shown, "notes": outlook.notes,
        }),
    )
}

fn print(output: &mut impl Write, outlook: &Outlook, place: &str, style: Style) -> Result<()> {
    writeln!(output, "{}", style.bold(&format!("Outlook of {} for {}", outlook.date, plain(place))))?;
    for listing in &outlook.listings {
        print_listing(output, listing, style)?;
    }
    let names = [
        ("country", "public institutions of the country"),
        ("own", "our house"),
        ("degraded", "something hard to reach"),
    ];
    for (who, title) in names {
        writeln!(output, "\n{}", style.bold(title))?;
        let mine: Vec<&Forecast> = outlook.forecasts.iter().filter(|forecast| forecast.who == who).collect();
        for forecast in &mine {
            let days = if forecast.days == 1 {
                "today".to_owned()
            } else {
                format!("within {} days", forecast.days)
            };
            let words = if forecast.state == State::Quiet {
                plain(&forecast.words).into_owned()
            } else {
                style.yellow(&forecast.words)
            };
            writeln!(output, "  {days:<15} {words}")?;
        }
        for reason in mine.get(1).or(mine.first()).into_iter().flat_map(|forecast| &forecast.reasons) {
            writeln!(output, "    {}", style.dim(&plain(reason)))?;
        }
    }
    print_rest(output, outlook, style)
}

fn print_listing(output: &mut impl Write, listing: &Listing, style: Style) -> Result<()> {
    let whose = if listing.service.is_some() {
        listing.service.as_deref().unwrap_or_default()
    } else {
        &listing.organisation
    };
    writeln!(
        output,
        "\n{} {} ({}), seen {} on {}",
        style.red("LISTED"),
        plain(&listing.named),
        plain(whose),
        listing.time,
        plain(&listing.source)
    )?;
    let techniques: Vec<&str> = listing.techniques.iter().map(|technique| technique.words()).collect();
    writeln!(output, "  asked of the attackers: {}", techniques.join("; "))?;
    for proposal in &listing.proposals {
        let matches: Vec<String> =
            proposal.matches.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect();
        writeln!(output, "  {:<9} {}: {}", proposal.layer, matches.join(", "), proposal.action)?;
    }
    listing.checks.iter().try_for_each(|check| writeln!(output, "  [ ] {}", plain(check)))?;
    Ok(())
}

fn print_rest(output: &mut impl Write, outlook: &Outlook, style: Style) -> Result<()> {
    let readiness = &outlook.readiness;
    writeln!(output, "\n{} {} until {}", style.bold("readiness"), readiness.state.name(), readiness.until)?;
    readiness.reasons.iter().try_for_each(|reason| writeln!(output, "  {}", plain(reason)))?;
    readiness.checklist.iter().try_for_each(|check| writeln!(output, "  [ ] {}", plain(check)))?;
    if !outlook.calendar.is_empty() {
        writeln!(output, "\n{}", style.bold("coming"))?;
        for event in &outlook.calendar {
            writeln!(output, "  {}  {:<20} {}", event.date, plain(&event.kind), plain(&event.title))?;
        }
    }
    if !outlook.factors.is_empty() {
        writeln!(output, "\n{}", style.bold("what events did in the past"))?;
        for factor in outlook.factors.iter().filter(|factor| factor.offset == "-2..0" || factor.used) {
            writeln!(output, "  {:<22} {:>6} days  {}", plain(&factor.kind), factor.offset, factor.verdict)?;
        }
    }
    if !outlook.techniques.is_empty() {
        let age = outlook.techniques_age_days.unwrap_or(0);
        writeln!(output, "\n{}", style.bold(&format!("how they attack (newest list {age} days old)")))?;
        for share in outlook.techniques.iter().take(6) {
            writeln!(output, "  {:>2} in 10  {}", (share.share * 10.0).round(), share.technique.words())?;
        }
    }
    outlook.notes.iter().try_for_each(|note| writeln!(output, "  {}", plain(note)))?;
    for shown in &outlook.shown {
        let words = foresee::words::skill(shown.over_base.low, shown.over_base.skill);
        writeln!(output, "  forecasts of {} days on the past: {words}", shown.days)?;
    }
    if outlook.forecasts.iter().all(|forecast| forecast.probability.is_none()) {
        files::eprint_text("no number is shown where nothing is known\n");
    }
    Ok(())
}
