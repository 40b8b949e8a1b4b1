//! The calendar: ICS files (RFC 5545) and the votes of the European Parliament as HowTheyVote exports them.
//!
//! Of ICS only what a day needs is read: `VEVENT` with `DTSTART`, `DTEND`, `SUMMARY`, `CATEGORIES`, `CREATED`, `STATUS`. What repeats is taken
//! once and counted. A cancelled event is left out. The type comes from `CATEGORIES` or `X-HEMICYCLE-TYPE`, else from words of the summary.
//!
//! # Since when an entry was known
//! By its own stamp, the earlier of `CREATED` and `DTSTAMP`, or else from the day of the import on. A stamp is the word of whoever wrote the calendar: nobody can
//! check it, and who back-dates an entry makes a back-test look better than it was. It is therefore believed only within bounds (not later than the
//! import, not more than [`MAXIMUM_STAMP_DAYS`] days before the entry) and counted ([`Calendar::stamped`]), and such events are never `verified`. An entry without a stamp
//! that was over before it was imported was known by nobody beforehand: it is left out and counted ([`Calendar::late`]); of one that goes on, the days
//! from then on are taken.

use crate::day::Day;
use crate::event::{Event, MAXIMUM_EVENTS, notice_days};
use crate::panel::table;
use crate::problem::Problem;

/// Longest unfolded line.
const MAXIMUM_LINE_BYTES: usize = 8_192;
/// Longest title that is kept.
const MAXIMUM_TITLE_CHARACTERS: usize = 200;
/// Longest event in days; what is longer is cut to it.
const MAXIMUM_EVENT_DAYS: i32 = 31;
/// Days before an entry beyond which its stamp is not believed: some programs write 1970.
pub const MAXIMUM_STAMP_DAYS: i32 = 3 * 366;
/// Words of a summary and the type that they mean, in English, French and German.
const TYPES: &[(&str, &str)] = &[
    ("european parliament election", "election_ep"),
    ("election", "election_national"),
    ("referendum", "election_national"),
    ("élection", "election_national"),
    ("wahl", "election_national"),
    ("sanction", "sanctions_package"),
    ("summit", "summit_host"),
    ("sommet", "summit_host"),
    ("gipfel", "summit_host"),
    ("european council", "summit_host"),
    ("plenary", "plenary"),
    ("plénière", "plenary"),
    ("plenum", "plenary"),
    ("vote", "vote"),
    ("abstimmung", "vote"),
];

/// What a calendar gave.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// Its events, one for each day.
    pub events: Vec<Event>,
    /// Entries that could not be read.
    pub skipped: usize,
    /// Entries that repeat, of which the first time was taken.
    pub repeating: usize,
    /// Entries that were cancelled.
    pub cancelled: usize,
    /// Entries that say themselves since when they were known, which is believed and not checked.
    pub stamped: usize,
    /// Entries that were over before anybody here knew of them.
    pub late: usize,
}

#[derive(Default)]
struct Entry {
    line: usize,
    start: Option<Day>,
    end: Option<(Day, bool)>,
    created: Option<Day>,
    summary: String,
    kind: Option<String>,
    scope: Option<String>,
    cancelled: bool,
    repeats: bool,
}

/// Reads an ICS file that was imported on a day. `scope` is whom its events are about where they do not say it: a country, `eu` or `own`.
///
/// # Errors
/// When there are more events than [`MAXIMUM_EVENTS`].
pub fn ics(file: &str, text: &str, scope: &str, imported: Day) -> Result<Calendar, Problem> {
    let mut calendar = Calendar::default();
    let mut entry: Option<Entry> = None;
    for (line, text) in unfold(text) {
        let Some((name, value)) = text.split_once(':') else { continue };
        let (name, parameters) = name.split_once(';').unwrap_or((name, ""));
        match (name.to_ascii_uppercase().as_str(), &mut entry) {
            ("BEGIN", entry) if value.trim().eq_ignore_ascii_case("VEVENT") => {
                calendar.skipped += usize::from(entry.is_some());
                *entry = Some(Entry { line, ..Entry::default() });
            }
            ("END", current) if value.trim().eq_ignore_ascii_case("VEVENT") => {
                if let Some(entry) = current.take() {
                    calendar.take(file, entry, (scope, imported))?;
                }
            }
            (name, Some(entry)) => entry.property(name, parameters, value),
            _ => {}
        }
    }
    calendar.skipped += usize::from(entry.is_some());
    Ok(calendar)
}

impl Entry {
    fn property(&mut self, name: &str, parameters: &str, value: &str) {
        match name {
            "DTSTART" => self.start = day(value),
            "DTEND" => {
                let whole_days =
                    parameters.to_ascii_uppercase().contains("VALUE=DATE") || !value.contains('T');
                // An end at midnight, or of whole days, is not part of it (RFC 5545, 3.6.1).
                let excluded = whole_days || value.contains("T000000");
                self.end = day(value).map(|day| (day, excluded));
            }
            // The earlier of both; an export stamps every entry anew.
            "CREATED" | "DTSTAMP" => {
                self.created = match (self.created, day(value)) {
                    (Some(before), Some(day)) => Some(before.min(day)),
                    (before, day) => before.or(day),
                };
            }
            "SUMMARY" => self.summary = plain(value),
            "CATEGORIES" | "X-HEMICYCLE-TYPE" => {
                let word = value
                    .split(',')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .to_ascii_lowercase()
                    .replace([' ', '-'], "_");
                let known = TYPES.iter().any(|(_, kind)| *kind == word);
                if (known || name != "CATEGORIES") && !word.is_empty() && word.len() <= 64 {
                    self.kind = Some(word);
                }
            }
            "X-HEMICYCLE-SCOPE" => self.scope = Some(value.trim().to_ascii_lowercase()),
            "STATUS" => self.cancelled = value.trim().eq_ignore_ascii_case("CANCELLED"),
            "RRULE" | "RDATE" => self.repeats = true,
            _ => {}
        }
    }
}

impl Calendar {
    fn take(&mut self, file: &str, entry: Entry, (scope, imported): (&str, Day)) -> Result<(), Problem> {
        let Some(start) = entry.start else {
            self.skipped += 1;
            return Ok(());
        };
        if entry.cancelled {
            self.cancelled += 1;
            return Ok(());
        }
        self.repeating += usize::from(entry.repeats);
        let is_sensible =
            |stamp: &Day| *stamp <= imported.min(start) && start.since(*stamp) <= MAXIMUM_STAMP_DAYS;
        let stamp = entry.created.filter(is_sensible);
        let last = entry.end.map_or(start, |(end, excluded)| end.plus(-i32::from(excluded))).max(start);
        let days = last.since(start).min(MAXIMUM_EVENT_DAYS - 1);
        if stamp.is_none() && imported > start.plus(days) {
            self.late += 1;
            return Ok(());
        }
        self.stamped += usize::from(stamp.is_some());
        let kind = entry.kind.unwrap_or_else(|| kind_of(&entry.summary).to_owned());
        for ahead in 0..=days {
            if self.events.len() == MAXIMUM_EVENTS {
                return Err(Problem::TooMuch {
                    file: file.to_owned(),
                    limit: MAXIMUM_EVENTS,
                    what: "events",
                });
            }
            let date = start.plus(ahead);
            if stamp.is_none() && date < imported {
                continue;
            }
            self.events.push(Event {
                date,
                scope: entry.scope.clone().unwrap_or_else(|| scope.to_owned()),
                kind: kind.clone(),
                title: entry.summary.clone(),
                known_from: stamp.unwrap_or(imported),
                verified: false,
                source: file.to_owned(),
                place: (file.to_owned(), entry.line),
            });
        }
        Ok(())
    }
}

/// The type that words of a summary mean.
#[must_use]
pub fn kind_of(summary: &str) -> &'static str {
    let summary = summary.to_lowercase();
    TYPES.iter().find(|(word, _)| summary.contains(word)).map_or("other", |(_, kind)| kind)
}

/// Lines with their numbers; a line that begins with a blank goes on with the one before (RFC 5545, 3.1).
fn unfold(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) if last.len() + rest.len() <= MAXIMUM_LINE_BYTES => {
                last.push_str(rest);
            }
            (Some(_), _) => {}
            (None, _) if line.len() <= MAXIMUM_LINE_BYTES => lines.push((number + 1, line.to_owned())),
            (None, _) => {}
        }
    }
    lines
}

/// `20240609`, `20240609T120000Z`.
fn day(value: &str) -> Option<Day> {
    let digits = value.trim().get(..8).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    Day::parse(&format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..8]))
}

fn plain(value: &str) -> String {
    let text = value.replace("\\n", " ").replace("\\N", " ").replace("\\,", ",").replace("\\;", ";");
    text.chars().filter(|character| !character.is_control()).take(MAXIMUM_TITLE_CHARACTERS).collect()
}

/// Words by which a vote is one about Russia, Ukraine or Belarus.
const ABOUT: [&str; 9] =
    ["russia", "ukrain", "belarus", "kremlin", "navalny", "putin", "crimea", "lukashenk", "wagner"];

/// Main votes of the European Parliament about Russia, Ukraine and Belarus, from HowTheyVote's `votes.csv`.
///
/// # Errors
/// When a column is missing.
pub fn how_they_vote(file: &str, text: &str) -> Result<Calendar, Problem> {
    let mut table = table(file, text, &["timestamp", "display_title", "is_main", "procedure_type"])?;
    let mut calendar = Calendar::default();
    while let Some(row) = table.next_row() {
        let title = table.get(&row, "display_title");
        let lower = title.to_lowercase();
        if !table.get(&row, "is_main").eq_ignore_ascii_case("true")
            || !ABOUT.iter().any(|word| lower.contains(word))
        {
            continue;
        }
        let time = table.get(&row, "timestamp");
        let Some(date) = Day::parse(time) else {
            calendar.skipped += 1;
            continue;
        };
        if calendar.events.len() == MAXIMUM_EVENTS {
            return Err(Problem::TooMuch { file: file.to_owned(), limit: MAXIMUM_EVENTS, what: "events" });
        }
        let resolution = table.get(&row, "procedure_type") == "RSP";
        let kind = if resolution { "ep_vote_resolution" } else { "ep_vote_legislative" };
        calendar.events.push(Event {
            date,
            scope: "eu".to_owned(),
            kind: kind.to_owned(),
            title: format!("{} (vote at {})", plain(title), time.get(11..16).unwrap_or("?")),
            known_from: date.plus(-notice_days(kind)),
            verified: true,
            source: file.to_owned(),
            place: (file.to_owned(), row.line),
        });
    }
    calendar.skipped += table.skipped;
    Ok(calendar)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ICS: &str = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20240609\r\nDTEND;VALUE=DATE:20240610\r\n\
        SUMMARY:Federal elec\r\n tion\\, all regions\r\nCREATED:20240101T000000Z\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART:20240611T090000Z\r\nDTEND:20240613T000000Z\r\nSUMMARY:Plenary\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART:20240701\r\nSUMMARY:x\r\nSTATUS:CANCELLED\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nSUMMARY:no date\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nDTSTART:20240801\r\nSUMMARY:Own thing\r\nX-HEMICYCLE-TYPE:budget debate\r\nX-HEMICYCLE-SCOPE:own\r\n";

    #[test]
    fn events_have_days_types_and_when_they_were_known() {
        let imported = Day::parse("2024-05-01").unwrap();
        let calendar = ics("c", ICS, "be", imported).unwrap();
        let told: Vec<(String, &str, &str)> = calendar
            .events
            .iter()
            .map(|event| (event.date.to_string(), event.kind.as_str(), event.scope.as_str()))
            .collect();
        assert_eq!(told[0], ("2024-06-09".to_owned(), "election_national", "be"));
        assert_eq!(calendar.events[0].title, "Federal election, all regions");
        assert_eq!(calendar.events[0].known_from.to_string(), "2024-01-01");
        assert_eq!(calendar.events[1].known_from, imported, "without a stamp it is known since it is here");
        assert_eq!(
            told[1..],
            [("2024-06-11".to_owned(), "plenary", "be"), ("2024-06-12".to_owned(), "plenary", "be")]
        );
        assert_eq!((calendar.skipped, calendar.repeating, calendar.cancelled), (2, 1, 1));
        assert_eq!((calendar.stamped, calendar.late), (1, 0));
        let whole = format!("{ICS}END:VEVENT\r\n");
        let calendar = ics("c", &whole, "be", imported).unwrap();
        assert_eq!(calendar.events.last().map(|event| event.kind.as_str()), Some("budget_debate"));
    }

    #[test]
    fn nobody_knew_of_an_entry_before_it_was_stamped_or_here() {
        let known = |stamp: &str, imported: &str| {
            let text = format!("BEGIN:VEVENT\nDTSTART:20240609\nSUMMARY:Election\n{stamp}\nEND:VEVENT\n");
            let calendar = ics("c", &text, "be", Day::parse(imported).unwrap()).unwrap();
            let known = calendar.events.first().map(|event| event.known_from.to_string());
            (known.unwrap_or_default(), calendar.stamped, calendar.late)
        };
        let of = |day: &str, stamped, late| (day.to_owned(), stamped, late);
        assert_eq!(known("X:", "2024-06-01"), of("2024-06-01", 0, 0));
        assert_eq!(known("X:", "2024-06-10"), of("", 0, 1), "no look ahead by way of an import");
        assert_eq!(known("CREATED:20240101T000000Z", "2024-06-10"), of("2024-01-01", 1, 0));
        assert_eq!(
            known("DTSTAMP:20240301T000000Z\nCREATED:20240101T000000Z", "2024-06-10"),
            of("2024-01-01", 1, 0)
        );
        assert_eq!(known("DTSTAMP:20240610T000000Z", "2024-06-10"), of("", 0, 1), "stamped at the export");
        assert_eq!(
            known("CREATED:20240605T000000Z", "2024-06-01"),
            of("2024-06-01", 0, 0),
            "from the future"
        );
        assert_eq!(known("CREATED:19700101T000000Z", "2024-06-01"), of("2024-06-01", 0, 0), "not believed");
        assert_eq!(known("CREATED:19700101T000000Z", "2024-06-10"), of("", 0, 1));
    }

    #[test]
    fn votes_have_their_time() {
        let text = "id,timestamp,display_title,is_main,procedure_type\n\
            1,2022-11-23 12:12:28,Recognising the Russian Federation as a state sponsor of terrorism,True,RSP\n\
            2,2022-11-23 12:10:00,Recognising the Russian Federation,False,RSP\n3,2022-11-23 12:00:00,Fish,True,COD\n";
        let calendar = how_they_vote("votes.csv", text).unwrap();
        assert_eq!(calendar.events.len(), 1);
        assert!(calendar.events[0].title.ends_with("(vote at 12:12)"));
        assert_eq!(calendar.events[0].kind, "ep_vote_resolution");
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,200}", value in "[0-9TZ;=:A-Z\r\n ]{0,80}") {
            let _ = ics("c", &text, "be", Day::parse("2024-05-01").unwrap());
            let _ = ics("c", &format!("BEGIN:VEVENT\nDTSTART:{value}\nDTEND:{text}\nEND:VEVENT"), "be", Day::parse("2024-05-01").unwrap());
            let _ = how_they_vote("v", &text);
        }
    }
}
