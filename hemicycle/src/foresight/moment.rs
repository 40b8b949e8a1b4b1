//! Moments as people type them.

use anyhow::{Context, Result};
use foresee::Day;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A time with its zone, a time of the institution's zone, or the beginning of a day; nothing is now.
///
/// # Errors
/// When it is none of them.
pub(super) fn of(text: Option<&str>, zone: &TimeZone) -> Result<Timestamp> {
    let Some(text) = text else { return Ok(Timestamp::now()) };
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let civil =
        text.parse::<DateTime>().ok().or_else(|| text.parse::<Date>().ok().map(|date| date.at(0, 0, 0, 0)));
    let civil = civil.with_context(|| format!("{text} is no time: write 2024-06-09, or 2024-06-09T07:20"))?;
    Ok(civil.to_zoned(zone.clone()).context("no such time in this zone")?.timestamp())
}

/// The day of a moment.
pub(super) fn day(time: Timestamp, zone: &TimeZone) -> Day {
    Day::of(time.to_zoned(zone.clone()).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_of_the_zone_unless_they_say_one() {
        let brussels = TimeZone::get("Europe/Brussels").unwrap();
        let of = |text: &str| of(Some(text), &brussels).unwrap().to_string();
        assert_eq!(of("2023-12-14"), "2023-12-13T23:00:00Z");
        assert_eq!(of("2023-12-14T07:20"), "2023-12-14T06:20:00Z");
        assert_eq!(of("2023-12-14T07:20:00Z"), "2023-12-14T07:20:00Z");
        assert!(super::of(Some("soon"), &brussels).is_err());
        assert_eq!(day(of("2023-12-14").parse().unwrap(), &brussels).to_string(), "2023-12-14");
    }
}
