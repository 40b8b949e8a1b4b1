//! `hemicycle foresee import`: what a file is is found from its content.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use foresee::calendar;
use foresee::event;
use foresee::listed::look_up;
use foresee::mix;
use foresee::targets::List;
use institution::Institution;
use intel::indicator::Indicator;
use intel::list;
use intel::tlp::Tlp;
use intel::{misp, source, table};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use notify::{FetchLimits, Source};
use serde_json::json;

use super::store::Store;
use super::{line, moment, output};
use crate::cli::IntelligenceArguments;
use crate::files;
use crate::style::{Style, plain};
use hemicycle::intelligence::text;

/// The table of indicators.
const TABLE: &str = "indicators.csv";
/// Indicators that are written together.
const WRITTEN_TOGETHER: usize = 50_000;
/// Longest file of the web.
const MAXIMUM_FETCHED_BYTES: usize = 32 << 20;

/// What a file may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Stix,
    Misp,
    Calendar,
    Votes,
    Events,
    Claims,
    Indicators,
    Targets,
}

/// Takes up files.
///
/// # Errors
/// When one cannot be used; those before it are kept.
pub(super) fn run(arguments: &IntelligenceArguments) -> Result<()> {
    let style = Style::new(arguments.color.color, &std::io::stdout());
    let store = Store::open(&arguments.store)?;
    let institution =
        arguments.institution.as_ref().map(|path| files::institution(path, style.color)).transpose()?;
    let zone = institution.as_ref().map_or(TimeZone::UTC, |institution| institution.time_zone.clone());
    let time = moment::of(arguments.time.as_deref(), &zone)?;
    let mut output = output();
    for path in &arguments.files {
        let taken = take(path, (&store, institution.as_ref()), (time, &zone), arguments)?;
        if arguments.json {
            line(
                &mut output,
                &json!({"kind": "imported", "file": source::shown(&path.display().to_string()), "is": taken.is,
                "taken": taken.taken, "skipped": taken.skipped, "listed": taken.listed.len()}),
            )?;
            taken.listed.iter().try_for_each(|listing| line(&mut output, listing))?;
            continue;
        }
        let skipped = if taken.skipped > 0 { format!(", {} skipped", taken.skipped) } else { String::new() };
        writeln!(
            output,
            "{}: {} {}{skipped}",
            plain(&source::shown(&path.display().to_string())),
            taken.taken,
            taken.is
        )?;
        for listing in &taken.listed {
            let what = listing.service.as_deref().unwrap_or(&listing.organisation);
            writeln!(output, "  {} {} ({})", style.red("LISTED"), plain(&listing.named), plain(what))?;
        }
    }
    Ok(output.flush()?)
}

/// What became of a file.
struct Taken {
    is: &'static str,
    taken: usize,
    skipped: usize,
    listed: Vec<foresee::listed::Listing>,
}

fn take(
    path: &Path,
    (store, institution): (&Store, Option<&Institution>),
    (time, zone): (Timestamp, &TimeZone),
    arguments: &IntelligenceArguments,
) -> Result<Taken> {
    let address = path.display().to_string();
    let text = if address.starts_with("https://") { subscribed(&address)? } else { text(path)? };
    // What is kept of where it comes from may go out with it: nothing that lets somebody in.
    let name = source::shown(&address).into_owned();
    let kind = kind(&text);
    let done = |is, taken, skipped| Ok(Taken { is, taken, skipped, listed: Vec::new() });
    match kind {
        Kind::Stix => {
            let mut library = store.library()?;
            let before = library.len();
            library.import(text.as_bytes()).with_context(|| format!("cannot use {name}"))?;
            store.keep(&library)?;
            done("STIX objects", library.len() - before, library.skipped + library.refused)
        }
        Kind::Misp => {
            let event = misp::read(&text).with_context(|| format!("cannot use {name}"))?;
            add_indicators(store, &event.indicators)?;
            done("indicators of a MISP event", event.indicators.len(), event.skipped + event.other)
        }
        Kind::Indicators => {
            let (found, skipped) = undated(&text, &name, arguments.unmarked, time);
            add_indicators(store, &found)?;
            done("indicators", found.len(), skipped)
        }
        Kind::Calendar => {
            let read = calendar::ics(&name, &text, &arguments.scope, moment::day(time, zone))?;
            tell_odd(&read);
            done("days of events", store.add_events(&read.events)?, read.skipped)
        }
        Kind::Votes => {
            let read = calendar::how_they_vote(&name, &text)?;
            done("votes", store.add_events(&read.events)?, read.skipped)
        }
        Kind::Events => {
            let (events, skipped) = event::read(&name, &text)?;
            done("events", store.add_events(&events)?, skipped)
        }
        Kind::Claims => {
            let (claims, skipped) = mix::claims(&name, &text)?;
            store.append("claims.csv", "date,actor,country,target,source\n", &lines_of(&claims))?;
            done("claims", claims.len(), skipped)
        }
        Kind::Targets => {
            let list = List::read(&name, &arguments.actor, time, &text)?;
            let listed = institution.map(|institution| look_up(&list, institution)).unwrap_or_default();
            store.add_list(&list)?;
            let hosts = list.hosts();
            if hosts == 0 {
                bail!("{name} names no target");
            }
            Ok(Taken { is: "targets of a list", taken: hosts, skipped: list.skipped + list.refused, listed })
        }
    }
}

/// Indicators of a table, and how many rows were none. What does not say when it was given is of when it was seen: it matches at once, and ages from then on.
fn undated(text: &str, source: &str, unmarked: Tlp, time: Timestamp) -> (Vec<Indicator>, usize) {
    let seen = u32::try_from(time.as_second()).unwrap_or(0);
    let mut found = Vec::new();
    let skipped = list::read(text, source, unmarked, |mut indicator| {
        indicator.first = if indicator.first == 0 { seen } else { indicator.first };
        found.push(indicator);
    });
    (found, skipped)
}

/// Says what of a calendar is not as it seems.
fn tell_odd(read: &calendar::Calendar) {
    for (count, what) in [
        (read.repeating, "repeat: the first time of each was taken"),
        (read.stamped, "say themselves since when they were known: that is believed and not checked"),
        (read.late, "were over before they were imported, without a stamp of before: they were left out"),
    ] {
        if count > 0 {
            files::eprint_text(&format!("{count} entries {what}\n"));
        }
    }
}

/// Claims as lines of `claims.csv`.
fn lines_of(claims: &[mix::Claim]) -> String {
    claims
        .iter()
        .map(|claim| {
            table::row(&[&claim.date.to_string(), &claim.actor, &claim.country, &claim.target, &claim.source])
        })
        .collect()
}

/// What lies at an address of the web: a calendar or a list that is subscribed to.
fn subscribed(address: &str) -> Result<String> {
    let source = Source::open(address, false, None)?;
    let limits = FetchLimits { timeout: Duration::from_secs(60), body_bytes: MAXIMUM_FETCHED_BYTES };
    let fetched = source.get("", &[], limits).map_err(|why| anyhow::anyhow!("{}: {why}", source.target()))?;
    if fetched.status != 200 {
        bail!("{} answered {}", source.target(), fetched.status);
    }
    String::from_utf8(fetched.body).with_context(|| format!("what {} gave is not UTF-8", source.target()))
}

pub(super) fn add_indicators(store: &Store, indicators: &[Indicator]) -> Result<()> {
    // What is red is kept, and goes to nobody: it says that what was given before, more widely, may not go out either.
    let red = indicators.iter().filter(|indicator| indicator.tlp == Tlp::Red).count();
    if red > 0 {
        files::eprint_text(&format!("{red} indicators are TLP:RED: they are kept and given to nobody\n"));
    }
    let header = format!("{}\n", list::HEADER);
    for some in indicators.chunks(WRITTEN_TOGETHER) {
        let rows = list::keep(some);
        if !store.has_room(TABLE, header.len() + rows.len()) {
            let table = without_repetitions(&store.indicators()?, &header);
            store.replace(TABLE, &table)?;
        }
        store.append(TABLE, &header, &rows)?;
    }
    Ok(())
}

/// A table of indicators without rows that stand there already: feeds give again what they gave before with each event that changes.
fn without_repetitions(table: &str, header: &str) -> String {
    // Under a secret of this run, since others choose the rows.
    let states = [RandomState::new(), RandomState::new()];
    let mut known = BTreeSet::new();
    let mut kept = header.to_owned();
    list::read(table, "store", Tlp::UNMARKED, |indicator| {
        let row = list::keep(std::slice::from_ref(&indicator));
        if known.insert(states.each_ref().map(|state| state.hash_one(&row))) {
            kept.push_str(&row);
        }
    });
    kept
}

/// What a file is, by its beginning.
fn kind(text: &str) -> Kind {
    let start: String = text.trim_start_matches('\u{feff}').trim_start().chars().take(4_096).collect();
    if start.starts_with("BEGIN:VCALENDAR") {
        return Kind::Calendar;
    }
    if start.starts_with(['{', '[']) {
        let has = |word: &str| start.contains(word);
        return match () {
            () if has("\"bundle\"") || has("\"spec_version\"") => Kind::Stix,
            () if has("\"Event\"") || has("\"Attribute\"") => Kind::Misp,
            () => Kind::Targets,
        };
    }
    let header = start.lines().next().unwrap_or_default().to_ascii_lowercase();
    let columns: Vec<&str> = header.split([',', ';', '\t']).map(str::trim).collect();
    let has = |names: &[&str]| names.iter().all(|name| columns.contains(name));
    if has(&["display_title", "is_main"]) {
        Kind::Votes
    } else if has(&["date", "scope", "type"]) {
        Kind::Events
    } else if has(&["date", "actor"]) {
        Kind::Claims
    } else if has(&["value"]) || has(&["indicator"]) || has(&["ioc"]) {
        Kind::Indicators
    } else {
        Kind::Targets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_full_of_repetitions_has_room_again_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let indicator = |value: &str, tlp: Tlp, first: u32| Indicator {
            kind: intel::indicator::Kind::Domain,
            value: value.to_owned(),
            tlp,
            confidence: 50,
            first,
            until: Some(1_900_000_000),
            source: "misp a, \"b\"".to_owned(),
        };
        let narrower = [
            indicator("evil.example", Tlp::Clear, 1_700_000_000),
            indicator("evil.example", Tlp::Red, 1_700_000_000),
            indicator("evil.example", Tlp::Red, 0),
            indicator("=b.example", Tlp::Clear, 1_700_000_000),
        ];
        for _ in 0..3 {
            add_indicators(&store, &narrower).unwrap();
        }
        // Years of feeds: a hole costs no disk, and is a row that cannot be read.
        let path = folder.path().join(TABLE);
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(hemicycle::intelligence::MAXIMUM_FILE_BYTES - 10).unwrap();
        store.append(TABLE, "", "\n").unwrap();
        add_indicators(&store, &[indicator("new.example", Tlp::Green, 1_700_000_000)]).unwrap();
        let mut rows = Vec::new();
        list::read(&store.indicators().unwrap(), "store", Tlp::UNMARKED, |row| rows.push(row));
        let mut wanted = narrower.to_vec();
        wanted.push(indicator("new.example", Tlp::Green, 1_700_000_000));
        assert_eq!(rows, wanted);
    }

    #[test]
    fn files_are_known_by_their_content() {
        for (text, wanted) in [
            ("BEGIN:VCALENDAR\r\n", Kind::Calendar),
            ("{\"type\":\"bundle\"", Kind::Stix),
            ("{\"Event\":{", Kind::Misp),
            ("{\"targets\":[", Kind::Targets),
            ("[{\"host\":\"a\"}]", Kind::Targets),
            ("id,timestamp,display_title,is_main", Kind::Votes),
            ("date,scope,type,title", Kind::Events),
            ("date,actor,country,target", Kind::Claims),
            ("value,type,tlp", Kind::Indicators),
            ("host,ip,port", Kind::Targets),
            ("www.parliament.example\n", Kind::Targets),
        ] {
            assert_eq!(kind(text), wanted, "{text}");
        }
    }
}
