//! From an exporter's ways to write a time to the data's time.

use super::fields::TimeForm;
use crate::Time;

/// Seconds from 1900 (NTP's era 0) to 1970.
const NTP_TO_UNIX_SECONDS: i64 = 2_208_988_800;
/// Milliseconds after which a 32-bit uptime starts again: 49.7 days.
const UPTIME_WRAP_MILLISECONDS: i64 = 1 << 32;
const NANOSECONDS_PER_MILLISECOND: i64 = 1_000_000;

/// What a datagram says about the exporter's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Export time of the header.
    pub(super) exported: Time,
    /// Milliseconds since the exporter started, of the same moment (NetFlow v5 and v9).
    pub(super) uptime: Option<u32>,
    /// When the exporter started, from options (IPFIX element 160), milliseconds since 1970; 0 = unknown.
    pub(super) started: u64,
}

impl Clock {
    /// The time that `value` stands for; 0 is "not set" in every form.
    #[inline]
    pub(super) fn time(&self, form: TimeForm, value: u64) -> Option<Time> {
        if value == 0 {
            return None;
        }
        match form {
            TimeForm::Uptime => self.at_uptime(value as u32),
            TimeForm::Seconds => Some(Time::from_seconds(i64::try_from(value).ok()?, 0)),
            TimeForm::Milliseconds => Some(Time::from_milliseconds(i64::try_from(value).ok()?)),
            TimeForm::Ntp => Some(ntp(value)),
            TimeForm::MicrosecondsAgo => {
                Some(self.exported.plus_nanoseconds(-nanoseconds_of_microseconds(value)))
            }
            TimeForm::Absent | TimeForm::DurationMilliseconds | TimeForm::DurationMicroseconds => None,
        }
    }

    /// The time at which the uptime was `value`. An uptime wraps every 49.7 days, so of the possible times the
    /// one nearest to the export is meant: differences are taken modulo 2^32 and as signed.
    #[inline]
    fn at_uptime(&self, value: u32) -> Option<Time> {
        if let Some(now) = self.uptime {
            let age = i64::from(now.wrapping_sub(value) as i32) * NANOSECONDS_PER_MILLISECOND;
            // Nothing to saturate: headers with an uptime give the export in 32 bits of seconds.
            return Some(Time::from_nanoseconds(self.exported.nanoseconds().wrapping_sub(age)));
        }
        if self.started == 0 {
            return None;
        }
        let once = i64::try_from(self.started).ok()?.checked_add(i64::from(value))?;
        let exported = self.exported.nanoseconds() / NANOSECONDS_PER_MILLISECOND;
        let wraps = exported
            .saturating_sub(once)
            .saturating_add(UPTIME_WRAP_MILLISECONDS / 2)
            .div_euclid(UPTIME_WRAP_MILLISECONDS);
        Some(Time::from_milliseconds(once.saturating_add(wraps.saturating_mul(UPTIME_WRAP_MILLISECONDS))))
    }
}

/// Nanoseconds of a duration.
pub(super) fn duration(form: TimeForm, value: u64) -> i64 {
    match form {
        TimeForm::DurationMilliseconds => {
            i64::try_from(value).unwrap_or(i64::MAX).saturating_mul(NANOSECONDS_PER_MILLISECOND)
        }
        TimeForm::DurationMicroseconds => nanoseconds_of_microseconds(value),
        _ => 0,
    }
}

fn nanoseconds_of_microseconds(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX).saturating_mul(1000)
}

/// An NTP timestamp: 32 bits of seconds, 32 bits of fraction. Seconds before 1970 belong to the era that
/// began in 2036.
fn ntp(value: u64) -> Time {
    let mut seconds = (value >> 32) as i64 - NTP_TO_UNIX_SECONDS;
    if seconds < 0 {
        seconds += 1 << 32;
    }
    let fraction = value & 0xffff_ffff;
    // Rounded, so that a time written as a fraction and read back is the same nanosecond.
    Time::from_seconds(seconds, ((fraction * 1_000_000_000 + (1 << 31)) >> 32) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPORTED: Time = Time::from_seconds(1_700_000_000, 0);

    #[test]
    fn uptime_counts_back_from_the_export_and_over_its_wrap() {
        let clock = Clock { exported: EXPORTED, uptime: Some(5_000), started: 0 };
        assert_eq!(clock.time(TimeForm::Uptime, 2_000), Some(EXPORTED.plus_nanoseconds(-3_000_000_000)));
        let before_wrap = u64::from(u32::MAX) + 1 - 1_000;
        assert_eq!(
            clock.time(TimeForm::Uptime, before_wrap),
            Some(EXPORTED.plus_nanoseconds(-6_000_000_000))
        );
        assert_eq!(clock.time(TimeForm::Uptime, 6_000), Some(EXPORTED.plus_nanoseconds(1_000_000_000)));
        assert_eq!(clock.time(TimeForm::Uptime, 0), None);
    }

    #[test]
    fn uptime_since_a_known_start_may_have_wrapped() {
        let started = 1_600_000_000_000_u64;
        let clock = Clock { exported: EXPORTED, uptime: None, started };
        let up = 1_700_000_000_000 - started - 250;
        let found = clock.time(TimeForm::Uptime, up & 0xffff_ffff);
        assert_eq!(found, Some(EXPORTED.plus_nanoseconds(-250_000_000)));
        let unknown = Clock { exported: EXPORTED, uptime: None, started: 0 };
        assert_eq!(unknown.time(TimeForm::Uptime, 9), None);
    }

    #[test]
    fn ntp_times_of_both_eras() {
        let half = (1_700_000_000_u64 + 2_208_988_800) << 32 | 1 << 31;
        assert_eq!(ntp(half), Time::from_seconds(1_700_000_000, 500_000_000));
        let second_era = (1_u64 << 32) - 2_208_988_800;
        assert_eq!(ntp(1 << 32), Time::from_seconds(second_era as i64 + 1, 0));
    }
}
