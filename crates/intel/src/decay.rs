//! How much an indicator is still worth: less with time, as much as at first after a sighting, and never deleted.
//!
//! The form is MISP's (Mokaddem and others, 2018): `base × (1 − (age / lifetime)^(1 / speed))`. Lifetimes are by type and marking: addresses change hands
//! in weeks, hashes never do.

use crate::indicator::Kind;
use crate::tlp::Tlp;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// Whose end counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expiry {
    /// The earlier of the feed's `valid_until` and the own lifetime.
    #[default]
    Earlier,
    /// The feed's where it says one.
    Feed,
    /// The own one.
    Own,
}

/// Days that an indicator of a type lives, and how its worth falls: below 1 late, above 1 soon.
#[must_use]
pub const fn lifetime(kind: Kind) -> (f64, f64) {
    match kind {
        Kind::Address | Kind::Network => (30.0, 1.0),
        Kind::Domain => (120.0, 0.8),
        Kind::Url => (60.0, 1.0),
        Kind::Email => (180.0, 0.8),
        Kind::Hash => (3_650.0, 0.3),
    }
}

/// Narrow circles share what is fresh and checked; it lives half as long again.
const fn by_marking(tlp: Tlp) -> f64 {
    match tlp {
        Tlp::Clear | Tlp::Green => 1.0,
        Tlp::Amber | Tlp::AmberStrict | Tlp::Red => 1.5,
    }
}

/// The worth at a time, from 0 to `base`, of an indicator that was last seen (or first given) at `seen`; seconds since 1970.
#[must_use]
pub fn worth(kind: Kind, tlp: Tlp, base: u8, seen: u32, until: Option<u32>, now: u32, expiry: Expiry) -> u8 {
    let (days, speed) = lifetime(kind);
    let own_end = f64::from(seen) + days * by_marking(tlp) * DAY;
    let end = match (expiry, until) {
        (Expiry::Own, _) | (_, None) => own_end,
        (Expiry::Feed, Some(until)) => f64::from(until),
        (Expiry::Earlier, Some(until)) => own_end.min(f64::from(until)),
    };
    let (age, span) = (f64::from(now.saturating_sub(seen)), end - f64::from(seen));
    if span <= 0.0 || age >= span {
        return 0;
    }
    (f64::from(base) * (1.0 - (age / span).powf(1.0 / speed))).round().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u32 = 1_700_000_000;

    fn at(days: u32, until: Option<u32>, expiry: Expiry) -> u8 {
        worth(Kind::Address, Tlp::Clear, 80, START, until, START + days * 86_400, expiry)
    }

    #[test]
    fn worth_falls_to_nought_at_the_end_of_life() {
        assert_eq!(at(0, None, Expiry::Own), 80);
        assert_eq!(at(15, None, Expiry::Own), 40);
        assert_eq!(at(30, None, Expiry::Own), 0);
        let ten_days = Some(START + 10 * 86_400);
        assert_eq!((at(10, ten_days, Expiry::Earlier), at(10, ten_days, Expiry::Own)), (0, 53));
        assert!(at(35, Some(START + 100 * 86_400), Expiry::Feed) > 0);
        let hash = |tlp| worth(Kind::Hash, tlp, 80, START, None, START + 365 * 86_400, Expiry::Own);
        assert!(hash(Tlp::Clear) > 70);
        let amber = worth(Kind::Address, Tlp::Amber, 80, START, None, START + 30 * 86_400, Expiry::Own);
        assert!(amber > 0);
    }
}
