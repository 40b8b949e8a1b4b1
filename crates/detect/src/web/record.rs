//! The most that ordinary days had of something: what comes near it is no news.
//!
//! Ordinary traffic is not all alike: a crawler comes every night, a school class on Tuesdays. A test that knows how far
//! it was ever moved by that need not be so insensitive that nobody's crawler can move it. What is seen counts once a whole
//! period went by without an alarm, since it may be the beginning of a flood; a record goes within days.

use crate::fade::faded;

/// A record decays over this many seconds.
const RECORD_SECONDS: f32 = 5.0 * 86_400.0;

/// The highest value of ordinary times.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Record {
    /// The record.
    pub(crate) highest: f32,
    /// The highest of the running period and of the one before it, which may yet turn out to be a flood's.
    candidates: [f32; 2],
}

impl Record {
    /// Takes a value.
    pub(crate) const fn see(&mut self, value: f32) {
        self.candidates[0] = self.candidates[0].max(value);
    }

    /// A period is over. `was_calm`: so was the one before it, and this one.
    pub(crate) const fn settle(&mut self, was_calm: bool) {
        if was_calm {
            self.highest = self.highest.max(self.candidates[1]);
        }
        self.candidates = [0.0, self.candidates[0]];
    }

    /// What was seen lately may be a flood's.
    pub(crate) const fn forget(&mut self) {
        self.candidates = [0.0; 2];
    }

    /// Seconds go by.
    pub(crate) fn age(&mut self, seconds: f32) {
        self.highest = faded(self.highest * (-seconds / RECORD_SECONDS).exp());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_set_by_what_was_followed_by_calm() {
        let mut record = Record::default();
        record.see(7.0);
        record.settle(true);
        assert!(record.highest == 0.0, "it may be a flood's yet");
        record.settle(true);
        assert!(record.highest == 7.0);
        record.see(90.0);
        record.settle(true);
        record.settle(false);
        assert!(record.highest == 7.0, "an alarm came");
        record.see(90.0);
        record.settle(true);
        record.forget();
        record.settle(true);
        assert!(record.highest == 7.0);
        record.age(RECORD_SECONDS);
        assert!(record.highest < 3.0);
    }
}
