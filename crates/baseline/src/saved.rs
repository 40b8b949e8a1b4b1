//! The form in which a baseline is saved. What is read back was outside and is checked like any foreign byte.

use serde::{Deserialize, Serialize};

use crate::level::{Baseline, MAXIMUM_TOLERANCE};
use crate::plan::SCALES;
use crate::week::{HOURS, Week};

/// Version of [`Saved`]; another one is refused.
pub const SAVED_VERSION: u8 = 1;
/// Rates above this, in samples a second, are no rates.
const MOST_SAMPLES_PER_SECOND: f32 = 1e12;

/// Relative excess variances beyond this are none.
const MOST_EXCESS: f32 = 1e6;

/// One baseline as saved: about 30 numbers, and 168 more with a week.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    /// [`SAVED_VERSION`].
    pub version: u8,
    /// Mean of some minutes, samples a second.
    pub fast: f32,
    /// Mean of the last half hour, samples a second.
    pub slow: f32,
    /// Variance beyond Poisson at 0.1, 1, 8 and 64 s, relative to the square of the mean.
    pub excess: [f32; SCALES],
    /// How much heavier than gamma the tail is, 1 to 16.
    pub tolerance: f32,
    /// Seconds learnt.
    pub age_seconds: u32,
    /// The hours of the week, if any is known.
    pub week: Option<SavedWeek>,
}

/// [`Week`] as saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedWeek {
    /// Hours learnt.
    pub hours: u16,
    /// 168 codes, 0 for unknown.
    pub cells: Vec<u8>,
}

/// Why a saved baseline is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Written by another version.
    #[error("saved by version {0} of the format, not {SAVED_VERSION}")]
    Version(u8),
    /// A number that no baseline can have.
    #[error("{0} is out of range")]
    Range(&'static str),
    /// A week of another length than 168 hours.
    #[error("a week of {0} hours")]
    Hours(usize),
}

impl Baseline {
    /// What is worth keeping. Sums of the test are not.
    pub fn save(&self) -> Saved {
        Saved {
            version: SAVED_VERSION,
            // What no traffic reaches is no reason to lose the rest at the next start.
            fast: self.fast.min(MOST_SAMPLES_PER_SECOND),
            slow: self.slow.min(MOST_SAMPLES_PER_SECOND),
            excess: self.excess.map(|excess| excess.clamp(-MOST_EXCESS, MOST_EXCESS)),
            tolerance: self.tolerance(),
            age_seconds: self.age_seconds,
            week: self.week.as_ref().map(|week| SavedWeek { hours: week.hours, cells: week.cells.to_vec() }),
        }
    }

    /// The baseline that was saved. Call [`Baseline::age`] with the time since. The test begins after a second of traffic.
    ///
    /// # Errors
    /// Another version, numbers out of range, a week of another length.
    pub fn restore(saved: &Saved, phase: u8) -> Result<Self, RestoreError> {
        if saved.version != SAVED_VERSION {
            return Err(RestoreError::Version(saved.version));
        }
        let check = |name, value: f32, least: f32, most: f32| {
            // Not a number is in no range.
            if (least..=most).contains(&value) { Ok(()) } else { Err(RestoreError::Range(name)) }
        };
        check("fast", saved.fast, 0.0, MOST_SAMPLES_PER_SECOND)?;
        check("slow", saved.slow, 0.0, MOST_SAMPLES_PER_SECOND)?;
        check("tolerance", saved.tolerance, 1.0, MAXIMUM_TOLERANCE)?;
        for excess in saved.excess {
            check("excess", excess, -MOST_EXCESS, MOST_EXCESS)?;
        }
        let mut restored = Self::new(phase);
        if let Some(week) = &saved.week {
            let cells: [u8; HOURS] =
                week.cells.as_slice().try_into().map_err(|_| RestoreError::Hours(week.cells.len()))?;
            restored.week = Some(Box::new(Week { cells, hours: week.hours }));
        }
        (restored.fast, restored.slow) = (saved.fast, saved.slow);
        (restored.excess, restored.age_seconds) = (saved.excess, saved.age_seconds);
        restored.set_tolerance(saved.tolerance);
        Ok(restored)
    }

    /// Takes in what another baseline of the same signal learnt (another worker, or history): each counts by its age, the
    /// larger tolerance holds. The state of the test is kept.
    pub fn merge(&mut self, other: &Self) {
        let (own, theirs) = (self.age_seconds as f32, other.age_seconds as f32);
        let share = if own + theirs > 0.0 { theirs / (own + theirs) } else { 0.0 };
        let mix = |mine: &mut f32, its: f32| *mine += share * (its - *mine);
        mix(&mut self.fast, other.fast);
        mix(&mut self.slow, other.slow);
        for (mine, its) in self.excess.iter_mut().zip(other.excess) {
            mix(mine, its);
        }
        self.age_seconds = self.age_seconds.max(other.age_seconds);
        self.set_tolerance(self.tolerance().max(other.tolerance()));
        if let Some(week) = &other.week {
            self.week_mut().merge(week);
        }
    }
}
