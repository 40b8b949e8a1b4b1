//! What stands behind the question mark.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use record::{Filter, Page, Severity};

use crate::http::{Fault, Shared};

/// Most items of one page.
const MAXIMUM_LIMIT: usize = 1_000;
/// Items of a page, if nothing is said.
const USUAL_LIMIT: usize = 100;
/// Longest value that is taken, in bytes.
const LONGEST_VALUE_BYTES: usize = 512;

/// The parameters; empty ones, as forms send them, are as if not there.
pub(crate) struct Asked(BTreeMap<String, String>);

impl FromRequestParts<Shared> for Asked {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Self, Fault> {
        let Ok(Query(mut map)) = Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri) else {
            return Err(Fault::Bad("The query is not understood."));
        };
        if map.values().any(|value| value.len() > LONGEST_VALUE_BYTES) {
            return Err(Fault::Bad("A parameter is longer than 512 bytes."));
        }
        map.retain(|_, value| !value.trim().is_empty());
        Ok(Self(map))
    }
}

/// A time as programs and forms write it: RFC 3339, or a date with or without a time in the institution's zone.
fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil = text
        .parse::<DateTime>()
        .ok()
        .or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)))?;
    Some(civil.to_zoned(zone.clone()).ok()?.timestamp())
}

impl Asked {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim())
    }

    pub(crate) fn time(&self, name: &str, zone: &TimeZone) -> Result<Option<Timestamp>, Fault> {
        let read = |text| {
            moment(text, zone)
                .ok_or(Fault::Bad("A time is a date, or RFC 3339 such as 2026-11-27T10:00:00Z."))
        };
        self.get(name).map(read).transpose()
    }

    pub(crate) fn nanoseconds(&self, name: &str, zone: &TimeZone) -> Result<Option<i64>, Fault> {
        let time = self.time(name, zone)?;
        Ok(time.and_then(|time| i64::try_from(time.as_nanosecond()).ok()))
    }

    pub(crate) fn page(&self) -> Result<Page, Fault> {
        let limit = match self.get("limit") {
            None => USUAL_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAXIMUM_LIMIT).contains(limit))
                .ok_or(Fault::Bad("limit is a number from 1 to 1000."))?,
        };
        Ok(Page { after: self.get("after").map(str::to_owned), limit })
    }

    pub(crate) fn floods(&self, zone: &TimeZone) -> Result<Filter, Fault> {
        let severity = match self.get("severity") {
            None => None,
            Some("notice") => Some(Severity::Notice),
            Some("warning") => Some(Severity::Warning),
            Some("severe") => Some(Severity::Severe),
            Some("critical") => Some(Severity::Critical),
            Some(_) => return Err(Fault::Bad("severity is one of notice, warning, severe, critical.")),
        };
        let event = self.get("kind").map(str::to_owned);
        if event.as_deref().is_some_and(|kind| kind != "flood" && kind != "surge") {
            return Err(Fault::Bad("kind is flood or surge."));
        }
        let text = |name| self.get(name).map(str::to_owned);
        Ok(Filter {
            from: self.nanoseconds("from", zone)?,
            to: self.nanoseconds("to", zone)?,
            service: text("service"),
            vector: text("vector"),
            text: text("q"),
            severity,
            event,
            ..Filter::default()
        })
    }

    /// The same question with other values, for links; an empty value leaves the parameter out.
    pub(crate) fn with(&self, changes: &[(&str, &str)]) -> String {
        let mut map = self.0.clone();
        for (name, value) in changes {
            map.insert((*name).to_owned(), (*value).to_owned());
        }
        let pairs = map.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = pairs
            .map(|(name, value)| {
                format!("{}={}", crate::pages::escape_query(name), crate::pages::escape_query(value))
            })
            .collect();
        format!("?{}", pairs.join("&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        Asked(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn times_are_instants_or_civil_times_of_the_institution() {
        let brussels = TimeZone::get("Europe/Brussels").unwrap();
        let read = |text| moment(text, &brussels).map(|time| time.to_string());
        assert_eq!(read("2026-07-01T10:00:00Z").as_deref(), Some("2026-07-01T10:00:00Z"));
        assert_eq!(read("2026-07-01").as_deref(), Some("2026-06-30T22:00:00Z"));
        assert_eq!(read("2026-01-01T10:00").as_deref(), Some("2026-01-01T09:00:00Z"));
        assert_eq!(read("yesterday"), None);
    }

    #[test]
    fn what_is_wrong_is_said_and_links_keep_the_question() {
        for bad in [("limit", "0"), ("limit", "1001"), ("limit", "x")] {
            assert!(asked(&[bad]).page().is_err());
        }
        for bad in [("kind", "x"), ("severity", "x"), ("from", "x")] {
            assert!(asked(&[bad]).floods(&TimeZone::UTC).is_err());
        }
        let asked = asked(&[("q", "a b&c"), ("after", "1")]);
        assert_eq!(asked.with(&[("after", "")]), "?q=a%20b%26c");
    }
}
