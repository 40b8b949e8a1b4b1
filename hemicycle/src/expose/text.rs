//! Findings for people: what stops what, what a flood takes down, what to do first, what is not known.

use std::collections::BTreeMap;

use expose::segregation::{Observed, State, Verdict};
use expose::{Coupling, Reach, Unit};
use jiff::Timestamp;

use super::Told;
use crate::style::{Style, few, plain, short, table};

/// Fixes that are shown.
const FIXES: usize = 10;
/// Rows of any other table that are shown; the rest is counted.
const ROWS: usize = 25;
/// Names in one cell.
const NAMES: usize = 5;

/// Everything, for a terminal.
pub(super) fn text(told: &Told, style: Style) -> String {
    let mut text = heading(told, style);
    text.push_str(&alone(told, style));
    text.push_str(&together(told, style));
    text.push_str(&coupling(told, style));
    text.push_str(&first(told, style));
    text.push_str(&rules(told, style));
    if let Some(observed) = &told.observed {
        text.push_str(&seen(observed, style));
    }
    text
}

fn names(list: &[String]) -> String {
    few(list, NAMES)
}

fn part(title: &str, explained: &str, style: Style) -> String {
    format!("\n{}\n{}\n", style.bold(title), style.dim(explained))
}

/// Cuts a list to what is shown, before anything dear is worked out for it.
fn cut<T>(rows: &mut Vec<T>) -> String {
    let more = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    if more > 0 { format!("... and {more} more; --json has all of them\n") } else { String::new() }
}

fn heading(told: &Told, style: Style) -> String {
    let institution = &told.institution;
    let count = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    format!(
        "{}\n{}, {}, {}\n",
        style.bold(&plain(&institution.name)),
        count(institution.services.len(), "service"),
        count(institution.nodes.len(), "node"),
        count(institution.causes.len(), "shared cause"),
    )
}

/// Single points: one row for each element, with everything that it stops.
fn alone(told: &Told, style: Style) -> String {
    let exposure = &told.exposure;
    let mut services: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (place, cuts) in exposure.services() {
        cuts.single().for_each(|event| services.entry(event).or_default().push(place));
    }
    if services.is_empty() {
        return part("Single points of failure", "Nothing that the file names stops a service alone.", style);
    }
    let mut list: Vec<(u32, Vec<usize>)> = services.into_iter().collect();
    let model = &exposure.model;
    let weight = |places: &Vec<usize>| -> f64 {
        places.iter().map(|&place| expose::worth(model.elements[place].criticality)).sum()
    };
    list.sort_by(|one, other| weight(&other.1).total_cmp(&weight(&one.1)).then(one.0.cmp(&other.0)));
    let more = cut(&mut list);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (event, mut places) in list {
        places.sort_by_key(|&place| std::cmp::Reverse(model.elements[place].criticality));
        let stopped: Vec<String> = places.iter().map(|&place| model.elements[place].name.clone()).collect();
        let element = model.event_element(event);
        let whose = element.and_then(|element| model.party(element)).filter(|party| !party.own);
        let kind = element.map_or("shared cause", |element| element.kind.word());
        let witness =
            places.first().map(|&place| exposure.witness(place, event).join(" > ")).unwrap_or_default();
        rows.push(vec![
            model.event_name(event).to_owned(),
            kind.replace('_', " "),
            whose.map_or_else(String::new, |party| party.name.clone()),
            places.len().to_string(),
            names(&stopped),
            witness,
        ]);
    }
    let headings = ["ELEMENT", "KIND", "NOT OURS", "STOPS", "SERVICES", "FOR EXAMPLE"];
    part("Single points of failure", "What stops a service alone, the most critical services first.", style)
        + &table(&headings, &[false, false, false, true], &rows, style)
        + &more
}

/// How many larger sets each service has, and where there can be more.
fn together(told: &Told, style: Style) -> String {
    let exposure = &told.exposure;
    let mut list: Vec<(usize, &expose::CutSets)> = exposure.services().collect();
    let more = cut(&mut list);
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (place, cuts) in list {
        let count = |order: usize| cuts.sets.iter().filter(|set| set.order() == order).count().to_string();
        let element = &exposure.model.elements[place];
        let gets_through: Vec<String> = [Unit::BitsPerSecond, Unit::PacketsPerSecond]
            .iter()
            .filter_map(|&unit| {
                let range = exposure.through(place, unit)?;
                let high = range.high?;
                let low = if range.low < high { format!("{} to ", short(range.low)) } else { String::new() };
                Some(format!("{low}{} {}", short(high), unit.short()))
            })
            .collect();
        rows.push(vec![
            element.name.clone(),
            element.criticality.as_str().to_owned(),
            count(1),
            count(2),
            count(3),
            if element.needs.is_none() {
                "needs not known".to_owned()
            } else if cuts.truncated {
                format!("complete up to {}", cuts.complete)
            } else {
                "none larger".to_owned()
            },
            gets_through.join(", "),
        ]);
    }
    let headings =
        ["SERVICE", "CRITICALITY", "ALONE", "PAIRS", "TRIPLES", "LARGER SETS", "GETS THROUGH FROM OUTSIDE"];
    part("What has to fail together", "How many smallest sets stop each service, by their size.", style)
        + &table(&headings, &[false, false, true, true, true], &rows, style)
        + &more
}

/// The size of a row of the table in words.
pub(super) fn size(row: &Coupling) -> String {
    let Some((unit, at)) = row.unit.zip(row.at) else { return "unknown".to_owned() };
    let number = |value: f64| format!("{} {}", short(value), unit.short());
    match (row.low, row.high) {
        (None, Some(_)) => format!("{} at the latest", number(at)),
        (None, None) => format!("not known, {} is written down", number(at)),
        (Some(_), None) => format!("{} at the earliest", number(at)),
        (Some(low), Some(high)) if low < high => format!("{} to {}", short(low), number(high)),
        _ => number(at),
    }
}

fn through(row: &Coupling) -> String {
    let asked = if row.reach == Reach::Asked { " (asked)" } else { "" };
    format!("{}{asked}", row.elements.join(" + "))
}

fn coupling(told: &Told, style: Style) -> String {
    let title = "What a flood outside takes down inside";
    let table_of = &told.exposure.couplings;
    if table_of.rows.is_empty() {
        return part(
            title,
            "Nothing that the file names is shared by a public service and another one.",
            style,
        );
    }
    let mut rows: Vec<Vec<String>> = table_of
        .rows
        .iter()
        .map(|row| vec![row.target.clone(), through(row), size(row), names(&row.inside)])
        .collect();
    let mut more = cut(&mut rows);
    if table_of.omitted > 0 {
        more.push_str(&format!(
            "{} rows were left out at a limit, none of them worse than those kept\n",
            table_of.omitted
        ));
    }
    if table_of.complete_order < expose::MAXIMUM_ORDER {
        let order = table_of.complete_order;
        more.push_str(&format!(
            "Only what {order} elements together take down is complete; more were too many to look at\n"
        ));
    }
    part(
        title,
        "A flood on a public service, what gives way, at which size, and what else is lost with it.",
        style,
    ) + &table(&["FLOOD ON", "THROUGH", "AT", "TAKES DOWN"], &[], &rows, style)
        + &more
}

fn first(told: &Told, style: Style) -> String {
    let shown: Vec<&expose::Fix> = told.fixes.iter().take(FIXES).collect();
    let row = |(number, fix): (usize, &&expose::Fix)| {
        vec![(number + 1).to_string(), plain(&fix.text).into_owned(), names(&fix.services)]
    };
    let rows: Vec<Vec<String>> = shown.iter().enumerate().map(row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut text = part("Do first", "Changes by how much they take away.", style)
        + &table(&["", "WHAT", "HELPS"], &[true], &rows, style);
    // Whole, however long: it is meant to be copied.
    let commands: Vec<String> = shown
        .iter()
        .enumerate()
        .filter_map(|(number, fix)| Some(format!("{:>2}  --what-if {}\n", number + 1, fix.what_if.as_ref()?)))
        .collect();
    if !commands.is_empty() {
        text.push_str("To try one:\n");
        text.push_str(&plain(&commands.concat()));
    }
    text
}

fn rules(told: &Told, style: Style) -> String {
    let mut rows: Vec<Vec<String>> = told
        .verdicts
        .iter()
        .filter(|verdict| verdict.state != State::Pass && verdict.rule.id != "SPOF-01")
        .map(|verdict| {
            vec![
                verdict.state.name().to_owned(),
                verdict.rule.id.to_owned(),
                verdict.subject.clone(),
                verdict.detail.clone(),
                sources(verdict),
            ]
        })
        .collect();
    let passed: Vec<&str> = told
        .verdicts
        .iter()
        .filter(|verdict| verdict.state == State::Pass)
        .map(|verdict| verdict.rule.id)
        .collect();
    let more = cut(&mut rows);
    let passed = if passed.is_empty() { String::new() } else { format!("Passed: {}\n", passed.join(", ")) };
    part(
        "Kept apart or not",
        "Rules that fail, and what the file does not say; the last column has their sources.",
        style,
    ) + &table(&["STATE", "RULE", "ABOUT", "WHY", "SOURCES"], &[], &rows, style)
        + &more
        + &passed
}

/// ANSSI's guide, the annex of NIS2 and SP 800-53 in one cell.
pub(super) fn sources(verdict: &Verdict) -> String {
    let rule = verdict.rule;
    let mut parts = Vec::new();
    if !rule.anssi.is_empty() {
        parts.push(format!("ANSSI {}", rule.anssi.join(" ")));
    }
    if !rule.nis2.is_empty() {
        parts.push(format!("NIS2 {}", rule.nis2.join(" ")));
    }
    if !rule.sp800_53.is_empty() {
        parts.push(rule.sp800_53.join(" "));
    }
    parts.join("; ")
}

fn time(seconds: f64) -> String {
    let time = Timestamp::from_nanosecond((seconds * 1e9) as i128).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

fn seen(observed: &Observed, style: Style) -> String {
    let mut rows: Vec<Vec<String>> = observed
        .drifts
        .iter()
        .map(|drift| {
            let witness = drift.witnesses.first().map(|(client, server)| format!("{client} to {server}"));
            let answered = if drift.answered { "answered" } else { "asked only" };
            vec![
                drift.from.clone(),
                drift.to.clone(),
                drift.port.clone(),
                drift.flows.to_string(),
                answered.to_owned(),
                time(drift.first_seconds),
                time(drift.last_seconds),
                witness.unwrap_or_default(),
            ]
        })
        .collect();
    let more = cut(&mut rows);
    let explained = format!(
        "{} records make {} flows; {} were closed early for want of room, {} records have no ports. Crossed zones although no conduit allows it:",
        observed.records, observed.flows, observed.cut_short, observed.without_ports
    );
    let mut text = part("Seen", &explained, style);
    text += &table(
        &["FROM", "TO", "PORT", "FLOWS", "", "FIRST", "LAST", "WITNESS"],
        &[false, false, false, true],
        &rows,
        style,
    );
    text += &more;
    if observed.drifts_omitted > 0 {
        text += &format!("{} flows of further kinds have no room\n", observed.drifts_omitted);
    }
    text + &needed(observed, style)
}

/// Dependencies by the looks of flows, and conduits over which nothing was seen.
fn needed(observed: &Observed, style: Style) -> String {
    let mut rows: Vec<Vec<String>> = observed
        .proposals
        .iter()
        .map(|proposal| {
            let rank = proposal.rank.map_or_else(|| "not ranked".to_owned(), |rank| format!("{rank:.2}"));
            vec![
                proposal.service.clone(),
                proposal.needs.clone(),
                proposal.port.clone(),
                format!("{} of {}", proposal.count, proposal.asked),
                rank,
                time(proposal.first_seconds),
                time(proposal.last_seconds),
            ]
        })
        .collect();
    let more = cut(&mut rows);
    let mut text = part(
        "Seems to need",
        "By the looks of flows, which the file does not say; put into the file what is true.",
        style,
    );
    text += &table(&["SERVICE", "NEEDS", "PORT", "SEEN", "RANK", "FIRST", "LAST"], &[], &rows, style);
    text += &more;
    if observed.not_mined + observed.proposals_omitted > 0 {
        text += &format!(
            "{} flows were not looked at for this, {} proposals of low rank are left out\n",
            observed.not_mined, observed.proposals_omitted
        );
    }
    if !observed.unused.is_empty() {
        text.push_str(&format!("Allowed and not seen: {}\n", names(&observed.unused)));
    }
    text
}
