//! What is ordinary for one signal of one target, and a sequential test for more than that.
//!
//! A signal is a count of *samples* (packets over the sampling rate) in steps of 100 ms. [`Baseline`] learns its
//! mean, its deviations at four time scales from 0.1 to 64 s and its hours of the week, and tests each step at once.
//! [`Plan`] turns "one false alarm a month" into thresholds. Nothing here has a clock, allocates while
//! it counts (but once for the first full hour of a signal) or knows what a packet is.
//!
//! # How it is used
//!
//! ```
//! use baseline::{Baseline, Budget, Moment, Plan};
//!
//! let plan = Plan::new(Budget { false_alarms_per_month: 1.0, tests: 1 }, 0.2);
//! let mut signal = Baseline::new(0);
//! let mut score = 0.0;
//! for step in 0..1_500 {
//!     let samples = if step < 1_490 { 2.0 } else { 20.0 };
//!     score = signal.step(&plan, &Moment::new(step, 0), samples, false);
//! }
//! assert!(score >= 1.0, "ten times the level alarms at once");
//! ```
//!
//! The caller calls [`Baseline::step`] once per touched step, in order; steps between are taken as empty. It sets
//! `hold` while a flood is reported or something is known to be out of order, and then nothing is learnt. A score
//! of 1 or more is the alarm. When traffic is ordinary again the score falls by itself; [`Baseline::clear`] ends it
//! now, and [`Baseline::dismiss`] says that the alarm was false.
//!
//! # Limits
//!
//! - What is ordinary in the first [`LEARN_SECONDS`] is believed, floods too: fixed floors must hold until then.
//! - No test finds an increase to `k` times a Poisson level of `m` samples a second faster, in the mean, than
//!   [`least_seconds`]: at 20 samples a second, 2 times, and one false alarm a month that is 2.2 s. Where
//!   traffic is over-dispersed it takes longer, since ordinary traffic reaches as much by itself.
//! - Bursts with a tail heavier than gamma exceed the budget until the test has seen them: see
//!   `docs/measured` and the example `simulate`, which prints how often.

mod level;
mod plan;
mod saved;
mod week;

pub use level::{
    Baseline, INTAKE_SECONDS, LEARN_SECONDS, MAXIMUM_RISE_PER_HOUR, MAXIMUM_SCORE, Moment, STEPS_PER_SECOND,
};
pub use plan::{Budget, MONTH_SECONDS, Plan, SCALE_STEPS, SCALES, quantile};
pub use saved::{RestoreError, SAVED_VERSION, Saved, SavedWeek};
pub use week::{HOURS, Week};

/// Seconds that any test needs in the mean to find an increase of a Poisson signal from `samples_per_second` to
/// `ratio` times as many, if it raises a false alarm once in `seconds_between_false_alarms` of 100 ms steps: the
/// logarithm of the number of steps over the divergence (Lorden 1971). Infinite if `ratio` is at most 1.
pub fn least_seconds(samples_per_second: f64, ratio: f64, seconds_between_false_alarms: f64) -> f64 {
    if ratio <= 1.0 {
        return f64::INFINITY;
    }
    let nats_per_second = samples_per_second * (ratio * ratio.ln() - (ratio - 1.0));
    ((seconds_between_false_alarms * 10.0).max(1.0).ln() / nats_per_second).max(0.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_one_in_the_documentation() {
        let seconds = least_seconds(20.0, 2.0, MONTH_SECONDS);
        assert!((2.15..2.25).contains(&seconds), "{seconds}");
    }
}
