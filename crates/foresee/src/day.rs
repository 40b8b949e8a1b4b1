//! A day of the calendar, without a zone: lists and events are dated so.

use jiff::civil::{Date, Weekday};
use jiff::{Span, Unit};

/// Days since 1 January 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(i32);

/// The first day.
const EPOCH: Date = Date::constant(1970, 1, 1);

impl Day {
    /// Of a date.
    #[must_use]
    pub fn of(date: Date) -> Self {
        Self(date.since((Unit::Day, EPOCH)).map_or(0, |span| span.get_days()))
    }

    /// `2024-06-01`, or the day of a time that begins so.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.get(..10)?;
        text.parse::<Date>().ok().filter(|date| (1970..=9000).contains(&date.year())).map(Self::of)
    }

    /// As a date.
    #[must_use]
    pub fn date(self) -> Date {
        EPOCH.checked_add(Span::new().days(self.0)).unwrap_or(EPOCH)
    }

    /// So many days later.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// How many days it is after another.
    #[must_use]
    pub const fn since(self, other: Self) -> i32 {
        self.0 - other.0
    }

    /// Its day of the week.
    #[must_use]
    pub fn weekday(self) -> Weekday {
        self.date().weekday()
    }
}

impl std::fmt::Display for Day {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.date().fmt(formatter)
    }
}

impl serde::Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a date"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        let day = Day::parse("2024-02-28").unwrap();
        assert_eq!(day.plus(2).to_string(), "2024-03-01");
        assert_eq!(Day::parse("2024-03-01T07:20:00Z").unwrap().since(day), 2);
        assert_eq!(day.weekday(), Weekday::Wednesday);
        assert!(Day::parse("2024-02-30").is_none() && Day::parse("soon").is_none());
    }
}
