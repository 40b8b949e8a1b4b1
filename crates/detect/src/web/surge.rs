//! A crowd: many times the usual readers, who do what readers do.
//!
//! The kinds of requests grow alike, so no sum of [`super::usual`] stands, and yet there is several times as much as
//! usual. That is worth a line for the person on duty (the site may need help), and it is no flood.

use super::class::{CLASSES, Class};
use super::usual::Usual;

/// From so many times the usual on it is a surge.
const TIMES: f32 = 3.0;
/// And at least so many requests a second more than usual.
const LEAST_EXCESS: f32 = 6.0;
/// For so long.
const SECONDS: u32 = 10;
/// More is not remembered, so that it is forgotten as fast.
const SECONDS_MAXIMUM: u32 = 2 * SECONDS;
/// It is over below so many times what was usual before.
const OVER_TIMES: f32 = 1.6;

/// How long there was a crowd.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crowd {
    seconds: u32,
    /// What was usual when it began: in a long one the mean follows.
    usual: f32,
    goes_on: bool,
}

impl Crowd {
    /// Takes a second. `excess` is what a flood explains. Says whether it is a surge.
    pub(crate) fn step(&mut self, usual: &Usual, counts: &[u32; CLASSES], excess: f32) -> bool {
        if !usual.is_learnt() {
            return false;
        }
        if self.seconds == 0 {
            self.usual = usual.mean();
        }
        let now = (usual.now() - excess).max(0.0);
        let is_more = now > TIMES * self.usual && now > self.usual + LEAST_EXCESS;
        let is_unexplained = now - self.usual > excess;
        // Whole pages, not a program that a flood was found for.
        let has_readers =
            counts[Class::Asset as usize] > 0 || usual.kinds[Class::Asset as usize].now > 0.2 * now;
        self.goes_on =
            self.seconds > 0 && now > OVER_TIMES * self.usual && now > self.usual + 0.5 * LEAST_EXCESS;
        self.seconds = if is_more && is_unexplained && has_readers {
            (self.seconds + 1).min(SECONDS_MAXIMUM)
        } else if self.seconds >= SECONDS && self.goes_on {
            self.seconds
        } else {
            self.seconds.saturating_sub(2)
        };
        self.seconds >= SECONDS
    }

    /// Whether there may soon be one.
    pub(crate) const fn is_near(&self) -> bool {
        self.seconds >= 2
    }

    /// For how long there was one.
    pub(crate) const fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Whether there is still more than usual.
    pub(crate) const fn goes_on(&self) -> bool {
        self.goes_on
    }
}
