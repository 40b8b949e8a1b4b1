//! Political events, each with the day from which it could be known.
//!
//! An event that says nothing of it is taken as known for as long before its date as is usual for its type ([`notice_days`]): elections
//! are called months ahead, agendas of plenaries are published days ahead, a package of sanctions is known when it comes.

use serde::Serialize;

use crate::day::Day;
use crate::panel::{BLOC, UNION, table};
use crate::problem::Problem;

/// Most events.
pub const MAXIMUM_EVENTS: usize = 65_536;

/// Something that happens on a day.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// The day.
    pub date: Day,
    /// A country's two letters, `eu`, or `own`.
    pub scope: String,
    /// Its type: a word that users choose, such as `election_national`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is.
    pub title: String,
    /// The first day on which it could be known.
    pub known_from: Day,
    /// Whether somebody read the date in a source.
    pub verified: bool,
    /// Where it comes from.
    pub source: String,
    /// Where it stands: the file's name and line.
    #[serde(skip)]
    pub place: (String, usize),
}

/// How many days ahead an event of a type is known where it does not say it.
#[must_use]
pub fn notice_days(kind: &str) -> i32 {
    match kind {
        kind if kind.starts_with("election") => 60,
        kind if kind.starts_with("summit") => 60,
        kind if kind.starts_with("ep_vote") || kind == "vote" || kind == "plenary" => 3,
        _ => 0,
    }
}

impl Event {
    /// Whether it is about a place: its own country, or a state of the bloc it is about.
    #[must_use]
    pub fn concerns(&self, place: &str) -> bool {
        self.scope == place || (self.scope == BLOC && UNION.contains(&place))
    }

    /// Says no where somebody would have to see ahead to know it.
    ///
    /// # Errors
    /// When it was known only after `origin`.
    pub fn known_at(&self, origin: Day) -> Result<(), Problem> {
        if self.known_from <= origin {
            return Ok(());
        }
        let (file, line) = self.place.clone();
        Err(Problem::LookAhead { file, line, known_from: self.known_from, origin })
    }
}

/// Reads `date,scope,type,title,known_from,verified,source`; gives the events and how many rows were skipped.
///
/// # Errors
/// When a column is missing, there are too many, or an event was known only after it happened.
pub fn read(file: &str, text: &str) -> Result<(Vec<Event>, usize), Problem> {
    let mut table = table(file, text, &["date", "scope", "type"])?;
    let (mut events, mut skipped) = (Vec::new(), 0);
    while let Some(row) = table.next_row() {
        let (date, kind) = (Day::parse(table.get(&row, "date")), table.get(&row, "type"));
        let Some(date) = date.filter(|_| !kind.is_empty()) else {
            skipped += 1;
            continue;
        };
        let known = table.get(&row, "known_from");
        let known_from =
            if known.is_empty() { Some(date.plus(-notice_days(kind))) } else { Day::parse(known) };
        let Some(known_from) = known_from else {
            skipped += 1;
            continue;
        };
        let title = table.get(&row, "title").to_owned();
        if known_from > date {
            let file = file.to_owned();
            return Err(Problem::EventBeforeKnown { file, line: row.line, title, date, known_from });
        }
        if events.len() == MAXIMUM_EVENTS {
            return Err(Problem::TooMuch { file: file.to_owned(), limit: MAXIMUM_EVENTS, what: "events" });
        }
        events.push(Event {
            date,
            scope: table.get(&row, "scope").to_ascii_lowercase(),
            kind: kind.to_owned(),
            title,
            known_from,
            verified: table.get(&row, "verified") == "yes",
            source: table.get(&row, "source").to_owned(),
            place: (file.to_owned(), row.line),
        });
    }
    Ok((events, skipped + table.skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_before_it_was_known_stops_the_run_with_its_row() {
        let text = "date,scope,type,title,known_from,verified,source\n\
                    2024-06-09,be,election_national,a,,yes,x\n2024-06-09,be,snap,b,2024-06-10,no,y\n";
        let problem = read("events.csv", text).unwrap_err();
        assert!(problem.to_string().starts_with("events.csv:3: `b` of 2024-06-09"), "{problem}");
        let (events, skipped) = read("events.csv", text.rsplit_once("2024-06-09").unwrap().0).unwrap();
        assert_eq!((events.len(), skipped), (1, 0));
        assert_eq!(events[0].known_from.to_string(), "2024-04-10");
        assert!(events[0].known_at(events[0].known_from.plus(-1)).is_err());
        assert!(events[0].known_at(events[0].known_from).is_ok());
    }

    #[test]
    fn what_the_bloc_decides_concerns_its_states() {
        let text = "date,scope,type\n2024-06-24,eu,sanctions_package\nx,be,a\n";
        let (events, skipped) = read("e", text).unwrap();
        assert_eq!(skipped, 1);
        assert!(events[0].concerns("be") && events[0].concerns("eu") && !events[0].concerns("ua"));
    }
}
