//! Times of log lines. A second that was read stays known, because most lines have that of the line before.
//!
//! What a time looks like says which form it has: `17/May/2015:10:05:03 +0000` (the form of NCSA's servers), RFC 3339 and its
//! relatives, or a number since 1970, whose size says the unit. A time without a zone is taken for
//! [`Clock::set_zone`]'s, UTC by default. Years outside 1970 to 2261 are no times.

use super::text;
use crate::Time;

const NANOSECONDS: i64 = 1_000_000_000;
const DAY_SECONDS: i64 = 86_400;
const FIRST_YEAR: i64 = 1970;
const LAST_YEAR: i64 = 2261;
/// Widest zone offset there is.
const MAX_ZONE_SECONDS: i64 = 24 * 3600;
const NCSA_BYTES: usize = 20;
const ISO_BYTES: usize = 19;
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Reads times, and remembers the last second.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Clock {
    text: [u8; NCSA_BYTES],
    /// Of `text`, as if it were in UTC.
    seconds: i64,
    /// Of times that do not say it, in seconds east of Greenwich.
    zone_seconds: i64,
}

/// A date and time of day that comes in parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Civil {
    pub(super) year: u16,
    pub(super) month: u8,
    pub(super) day: u8,
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    pub(super) zone_seconds: Option<i32>,
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March: leap days come last then.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + in_year - 719_468
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Seconds of a date and a time of day. A leap second is the one after it.
fn seconds_of(date: (i64, i64, i64), (hour, minute, second): (i64, i64, i64)) -> Option<i64> {
    let (year, month, day) = date;
    let is_date = (FIRST_YEAR..=LAST_YEAR).contains(&year)
        && (1..=12).contains(&month)
        && (1..=month_days(year, month)).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    (is_date && is_time).then(|| days(year, month, day) * DAY_SECONDS + hour * 3600 + minute * 60 + second)
}

fn digits(text: &[u8], at: usize, count: usize) -> Option<i64> {
    text::number(text.get(at..at + count)?).map(|value| value as i64)
}

/// The month of a name of three letters, from 1.
pub(super) fn month(name: &[u8]) -> Option<u8> {
    MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name)).map(|index| index as u8 + 1)
}

/// `Z`, `+01`, `+0100`, `+01:00`, with or without a space before it; seconds east of Greenwich.
pub(super) fn zone(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, rest) = match text {
        b"Z" | b"z" | b"UTC" | b"GMT" => return Some(0),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let minutes = match rest.len() {
        2 => 0,
        4 => digits(rest, 2, 2)?,
        5 if rest.get(2) == Some(&b':') => digits(rest, 3, 2)?,
        _ => return None,
    };
    let seconds = digits(rest, 0, 2)? * 3600 + minutes * 60;
    (minutes < 60 && seconds <= MAX_ZONE_SECONDS).then_some(sign * seconds)
}

/// Nanoseconds of the digits behind a decimal sign, and what follows them.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.' | b',', rest @ ..] = text else { return Some((0, text)) };
    let length = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
    let kept = rest.get(..length.min(9))?;
    let value = text::number(kept)? as i64;
    Some((value * 10_i64.pow(9 - kept.len() as u32), rest.get(length..)?))
}

/// A number of seconds, or of smaller units if it is large, since 1970.
fn since_1970(text: &[u8]) -> Option<Time> {
    let length = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let unit = match length {
        0 => return None,
        1..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let nanoseconds = i64::try_from(text::decimal(text, unit)?).ok()?;
    Some(Time::from_nanoseconds(nanoseconds))
}

impl Clock {
    /// The zone of times that name none, in seconds east of Greenwich.
    pub(super) fn set_zone(&mut self, seconds: i32) {
        self.zone_seconds = i64::from(seconds).clamp(-MAX_ZONE_SECONDS, MAX_ZONE_SECONDS);
    }

    /// The time that a text is.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8]) -> Option<Time> {
        match text {
            [_, _, b'/', ..] => self.known::<NCSA_BYTES>(text, ncsa),
            [_, _, _, _, b'-', ..] => self.known::<ISO_BYTES>(text, iso),
            _ => since_1970(text),
        }
    }

    #[inline]
    fn known<const BYTES: usize>(&mut self, text: &[u8], read: fn(&[u8]) -> Option<i64>) -> Option<Time> {
        let (second, rest) = text.split_first_chunk::<BYTES>()?;
        let known = self.text.first_chunk_mut::<BYTES>()?;
        if known != second {
            self.seconds = read(second)?;
            *known = *second;
        }
        let (nanoseconds, rest) = fraction(rest)?;
        let zone_seconds = match rest {
            b" +0000" | b"Z" | b"+00:00" => 0,
            b"" => self.zone_seconds,
            rest => zone(rest)?,
        };
        Some(Time::from_seconds(self.seconds - zone_seconds, nanoseconds))
    }

    /// The time of a date and time of day.
    pub(super) fn of(&self, civil: &Civil) -> Option<Time> {
        let date = (i64::from(civil.year), i64::from(civil.month), i64::from(civil.day));
        let time = (i64::from(civil.hour), i64::from(civil.minute), i64::from(civil.second));
        let zone_seconds = civil.zone_seconds.map_or(self.zone_seconds, i64::from);
        Some(Time::from_seconds(seconds_of(date, time)? - zone_seconds, 0))
    }
}

/// `17/May/2015:10:05:03`.
fn ncsa(text: &[u8]) -> Option<i64> {
    let [_, _, b'/', a, b, c, b'/', _, _, _, _, b':', _, _, b':', _, _, b':', ..] = text else { return None };
    let date = (digits(text, 7, 4)?, i64::from(month(&[*a, *b, *c])?), digits(text, 0, 2)?);
    seconds_of(date, (digits(text, 12, 2)?, digits(text, 15, 2)?, digits(text, 18, 2)?))
}

/// `2015-05-17T10:05:03`, with a space or `T` in the middle.
fn iso(text: &[u8]) -> Option<i64> {
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', _, _, b':', _, _, b':', ..] = text else {
        return None;
    };
    let date = (digits(text, 0, 4)?, digits(text, 5, 2)?, digits(text, 8, 2)?);
    seconds_of(date, (digits(text, 11, 2)?, digits(text, 14, 2)?, digits(text, 17, 2)?))
}

impl Civil {
    /// Takes over `2015-05-17`.
    pub(super) fn set_date(&mut self, text: &[u8]) -> Option<()> {
        let [_, _, _, _, b'-', _, _, b'-', _, _] = text else { return None };
        self.year = digits(text, 0, 4)? as u16;
        self.month = digits(text, 5, 2)? as u8;
        self.day = digits(text, 8, 2)? as u8;
        Some(())
    }

    /// Takes over `10:05:03`, and gives back the nanoseconds behind it.
    pub(super) fn set_time(&mut self, text: &[u8]) -> Option<i64> {
        let [_, _, b':', _, _, b':', _, _, rest @ ..] = text else { return None };
        self.hour = digits(text, 0, 2)? as u8;
        self.minute = digits(text, 3, 2)? as u8;
        self.second = digits(text, 6, 2)? as u8;
        let (nanoseconds, rest) = fraction(rest)?;
        if !rest.is_empty() {
            self.zone_seconds = Some(zone(rest)? as i32);
        }
        Some(nanoseconds)
    }

    /// Whether any part of a date is known.
    pub(super) fn has_date(&self) -> bool {
        self.year != 0
    }
}

/// Nanoseconds of a part of a second that is written as so many digits.
pub(super) fn part_of_second(text: &[u8]) -> Option<i64> {
    let value = text::number(text)? as i64;
    (text.len() <= 9).then(|| value * (NANOSECONDS / 10_i64.pow(text.len() as u32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_gives_the_same_moment() {
        let mut clock = Clock::default();
        let expected = Time::from_seconds(1_431_857_103, 0);
        for text in [
            "17/May/2015:10:05:03 +0000",
            "17/May/2015:12:05:03 +0200",
            "17/May/2015:10:05:03",
            "2015-05-17T10:05:03Z",
            "2015-05-17T10:05:03+00:00",
            "2015-05-17 05:05:03-05:00",
            "2015-05-17T10:05:03.000Z",
            "1431857103",
            "1431857103.000",
            "1431857103000",
            "1431857103000000",
            "1431857103000000000",
        ] {
            assert_eq!(clock.read(text.as_bytes()), Some(expected), "{text}");
        }
        clock.set_zone(3600);
        assert_eq!(clock.read(b"17/May/2015:11:05:03"), Some(expected));
        let later = Time::from_seconds(1_431_857_103, 81_000_000);
        assert_eq!(clock.read(b"17/May/2015:11:05:03.081"), Some(later));
        assert_eq!(clock.read(b"1431857103.081"), Some(later));
    }

    #[test]
    fn what_is_no_time_is_refused_also_after_a_good_one() {
        let mut clock = Clock::default();
        for text in [
            "17/Mai/2015:10:05:03 +0000",
            "32/May/2015:10:05:03 +0000",
            "29/Feb/2015:10:05:03 +0000",
            "17/May/2015:24:05:03 +0000",
            "17/May/2015:10:05:03 +2500",
            "17/May/2015:10:05:03 CEST",
            "17/May/1915:10:05:03 +0000",
            "2015-05-17",
            "2015-05-17T10:05:03.Z",
            "",
            "-1",
            "99999999999999999999",
        ] {
            assert_eq!(clock.read(text.as_bytes()), None, "{text}");
            assert!(clock.read(b"17/May/2015:10:05:03 +0000").is_some());
        }
    }

    #[test]
    fn days_agree_with_counting_them_one_by_one() {
        let mut counted = 0;
        for year in FIRST_YEAR..=LAST_YEAR {
            for month in 1..=12 {
                for day in 1..=month_days(year, month) {
                    assert_eq!(days(year, month, day), counted);
                    counted += 1;
                }
            }
        }
    }
}
