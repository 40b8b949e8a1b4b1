//! Two days on which the European Parliament was flooded, with what was known on them.

use std::fs;

use anyhow::Result;
use foresee::listed::Whose;
use foresee::outlook::State;
use foresee::own::Class;
use foresee::targets::List;
use foresee::{Day, Outlook, Past, Technique, outlook};
use hemicycle::intelligence::Folder;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::repository;
use crate::report::{Bar, Report};
use crate::table::Table;

/// Replays both days for the example institution, as a house of the bloc.
pub(super) fn run(folder: &Folder, report: &mut Report) -> Result<()> {
    let examplia = fs::read_to_string(repository("data/institution/examplia.toml"))?;
    let institution = institution::parse("examplia.toml", &examplia)
        .map_err(|problems| anyhow::anyhow!("{}", problems.render(false)))?;
    let seen: Timestamp = "2023-12-14T07:20:00Z".parse()?;
    let text = fs::read_to_string(repository("data/foresee/ddosia/list-2023-12-14-redacted.json"))?;
    let lists = [List::read("list of 2023-12-14", "NoName057(16)", seen, &text)?];
    let at = |time: &str| -> Result<Outlook> {
        let time: Timestamp = time.parse()?;
        let past = Past {
            panel: folder.panel.as_ref(),
            events: &folder.events,
            claims: &folder.claims,
            mix: &folder.mix,
            incidents: &folder.incidents,
            lists: &lists,
            institution: Some(&institution),
            place: "eu",
            class: Class::Parliament,
        };
        Ok(outlook(&past, time, &TimeZone::UTC)?)
    };
    let (before, early, listed, noon) = (
        at("2023-12-13T12:00:00Z")?,
        at("2023-12-14T07:19:00Z")?,
        at("2023-12-14T07:20:00Z")?,
        at("2022-11-23T12:00:00Z")?,
    );
    show(&[&before, &early, &listed, &noon], report);
    december(&before, &early, &listed, &lists, report);
    november(&noon, report);
    Ok(())
}

fn show(outlooks: &[&Outlook], report: &mut Report) {
    let mut table = Table::new("Replays", &["moment", "state", "our house, three days", "why"]);
    for outlook in outlooks {
        let own = outlook.forecasts.iter().find(|forecast| forecast.who == "own" && forecast.days == 3);
        table.row(vec![
            outlook.time.to_string(),
            format!("{:?}", outlook.state).to_lowercase(),
            own.map_or_else(String::new, |own| own.words.clone()),
            own.map_or_else(String::new, |own| own.reasons.join("; ")),
        ]);
    }
    report.table(table);
}

fn december(before: &Outlook, early: &Outlook, listed: &Outlook, lists: &[List], report: &mut Report) {
    let own = |outlook: &Outlook| {
        outlook.forecasts.iter().find(|forecast| forecast.who == "own" && forecast.days == 1).cloned()
    };
    let day_before = own(before);
    let low = day_before.as_ref().and_then(|own| own.probability);
    report.bar(Bar::new(
        "2023-12-13: the odds are low, and it is said why",
        "below 0.05, with reasons",
        low.map_or_else(|| "not known".to_owned(), |low| format!("{low:.3}")),
        low.is_some_and(|low| low < 0.05)
            && day_before.is_some_and(|own| own.reasons.len() >= 2)
            && before.listings.is_empty(),
    ));
    report.bar(Bar::new(
        "2023-12-14: LISTED at 07:20 and not at 07:19",
        "listed at once",
        format!("{:?} then {:?}", early.state, listed.state).to_lowercase(),
        early.state != State::Listed && listed.state == State::Listed,
    ));
    let mine: Vec<_> = listed.listings.iter().filter(|listing| listing.whose == Whose::Own).collect();
    let asked: Vec<Technique> = mine.iter().flat_map(|listing| listing.techniques.iter().copied()).collect();
    let proposed: Vec<Technique> =
        mine.iter().flat_map(|listing| listing.proposals.iter().map(|proposal| proposal.technique)).collect();
    let all = asked.iter().all(|technique| proposed.contains(technique))
        && proposed.iter().all(|technique| asked.contains(technique));
    report.bar(Bar::new(
        "2023-12-14: proposed filters are for what the list asks",
        "the same techniques",
        format!(
            "{} listings of {} targets, {} filters",
            mine.len(),
            lists.first().map_or(0, List::hosts),
            proposed.len()
        ),
        all && !asked.is_empty(),
    ));
}

fn november(noon: &Outlook, report: &mut Report) {
    let unknown = noon.forecasts.iter().all(|forecast| forecast.probability.is_none());
    let agenda = noon
        .calendar
        .iter()
        .any(|event| event.kind.starts_with("ep_vote") && Day::parse("2022-11-23") == Some(event.date));
    report.bar(Bar::new(
        "2022-11-23, noon: the vote is on the calendar, and nothing is said that nobody knew",
        "event shown, no number",
        format!("{} events, {}", noon.calendar.len(), if unknown { "no number" } else { "a number" }),
        unknown && agenda,
    ));
}
