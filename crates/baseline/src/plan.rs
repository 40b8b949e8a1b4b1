//! From a budget of false alarms to thresholds.
//!
//! For each time scale `t` there is a count that ordinary traffic exceeds so seldom that the budget holds: the
//! quantile of a gamma-Poisson variable with the learnt mean and variance of that scale. A cumulative sum that
//! falls by `slope` a step and alarms at `h` is a straight line in the plane of time and count: it alarms when
//! any window of length `t` up to now holds more than `h + slope * t`. So four sums whose lines touch the curve
//! of quantiles from above at four scales test every window length at once, without keeping windows. Since the
//! variance is learnt at each scale, correlated bursts need no model of their correlation.

/// Time scales at which dispersion is learnt and to each of which one sum belongs.
pub const SCALES: usize = 4;
/// The scales in steps of 100 ms: 0.1, 1, 8 and 64 s.
pub const SCALE_STEPS: [f64; SCALES] = [1.0, 10.0, 80.0, 640.0];
/// Mean length of a month in seconds.
pub const MONTH_SECONDS: f64 = 30.436_875 * 86_400.0;

/// The scales and their geometric middles, in steps: the lines must be above the curve there too.
const GRID_STEPS: [f64; GRID] = [1.0, 3.162, 10.0, 28.28, 80.0, 226.3, 640.0];
const GRID: usize = 2 * SCALES - 1;
/// Nats added to the logarithm of the number of tests: several scales share the budget and windows overlap, and
/// Chernoff's bound gives a part of that back. Set with `cargo run --release -p baseline --example simulate`.
const EXTRA_NATS: f64 = 2.0;
/// No level is steadier than this share of itself at long scales, whatever was learnt.
const LEAST_DEVIATION: f64 = 0.02;
/// Blocks of a scale that weigh as much as the assumption that it deviates like the next shorter one.
const PRIOR_BLOCKS: f64 = 4.0;
/// A line falls at least this much faster than the level, relative to it.
const LEAST_SLOPE: f64 = 1.04;
/// A sum falls by this share of its alarm in its own time, so that it does not add up what is longer ago: errors of the
/// level itself. It is a half where deviations grow with the root of time.
const LEAST_FALL: f64 = 1.0 / 3.0;

/// What the operator allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// False alarms in a month over all tests together. Clamped to 1e-6 ..= 1e6.
    pub false_alarms_per_month: f64,
    /// Pairs of target and signal that share the budget, at least 1.
    pub tests: u32,
}

/// A [`Budget`] in the form that the tests need; made once and shared by all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    nats: [f64; GRID],
    least_samples_per_step: f64,
}

impl Plan {
    /// Thresholds for this budget. Below `least_samples_per_second` (of ordinary traffic) every signal is held for
    /// being that busy, since one sampled packet more is no news; not finite or negative counts as 0.2.
    pub fn new(budget: Budget, least_samples_per_second: f64) -> Self {
        let allowed = budget.false_alarms_per_month;
        let allowed = if allowed.is_finite() { allowed.clamp(1e-6, 1e6) } else { 1.0 };
        let tests = f64::from(budget.tests.max(1));
        let nats = GRID_STEPS
            .map(|steps| ((tests * MONTH_SECONDS * 10.0 / (allowed * steps)).ln() + EXTRA_NATS).max(2.0));
        let usable = least_samples_per_second.is_finite() && least_samples_per_second >= 0.0;
        let least = if usable { least_samples_per_second.min(1e6) } else { 0.2 };
        Self { nats, least_samples_per_step: (least / 10.0).max(1e-6) }
    }

    /// Nats of evidence that an alarm within a single step needs.
    pub fn nats(&self) -> f64 {
        self.nats[0]
    }

    pub(crate) fn least_samples_per_step(&self) -> f32 {
        self.least_samples_per_step as f32
    }

    /// The four lines for a level of `mean` samples a step that was learnt for `age_seconds` with these relative
    /// excess variances, widened by `tolerance`.
    pub(crate) fn lines(&self, mean: f64, excess: &[f32; SCALES], age_seconds: f64, tolerance: f64) -> Lines {
        let used = believed(mean, excess, age_seconds);
        let mut curve = [0.0; GRID];
        for (index, (value, steps)) in curve.iter_mut().zip(GRID_STEPS).enumerate() {
            let relative =
                if index % 2 == 0 { used[index / 2] } else { 0.5 * (used[index / 2] + used[index / 2 + 1]) };
            let expected = mean * steps;
            // The level itself is known from `age_seconds` only.
            let unsure = relative + (steps / (10.0 * age_seconds.max(1.0))) * (relative + 1.0 / expected);
            let excess = quantile(expected, unsure, self.nats[index]) - expected;
            *value = expected + excess * tolerance;
        }
        let mut lines = Lines { slope: [0.0; SCALES], height: [0.0; SCALES] };
        for scale in 0..SCALES {
            let steps = SCALE_STEPS[scale];
            let falls = mean + LEAST_FALL * (curve[2 * scale] / steps - mean);
            let slope = touching(&curve, 2 * scale).max(falls).max(mean * LEAST_SLOPE);
            // The first step of a window has not fallen yet.
            let height = curve.iter().zip(GRID_STEPS).map(|(count, steps)| count - slope * (steps - 1.0));
            lines.slope[scale] = slope;
            lines.height[scale] = height.fold(0.5, f64::max);
        }
        lines
    }
}

/// The slope of a line through the curve at `at` that stays above the curve, near the chord of the neighbours; where the
/// curve is not concave, the least slope that stays above what follows.
fn touching(curve: &[f64; GRID], at: usize) -> f64 {
    let slope_to = |other: usize| (curve[other] - curve[at]) / (GRID_STEPS[other] - GRID_STEPS[at]);
    let (low, high) = (at.saturating_sub(1), (at + 1).min(GRID - 1));
    let chord = (curve[high] - curve[low]) / (GRID_STEPS[high] - GRID_STEPS[low]);
    let most = (0..at).map(slope_to).fold(f64::INFINITY, f64::min);
    let least = (at + 1..GRID).map(slope_to).fold(0.0, f64::max);
    chord.min(most).max(least)
}

/// Four straight lines, in samples and steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Lines {
    pub(crate) slope: [f64; SCALES],
    pub(crate) height: [f64; SCALES],
}

/// The relative excess variances to calculate with: a scale of which few blocks were seen is assumed to deviate as
/// the next shorter one does (which is never too little for a stationary signal) less what chance explains, and what was
/// learnt from little is widened.
fn believed(mean: f64, excess: &[f32; SCALES], age_seconds: f64) -> [f64; SCALES] {
    let unsure = 1.0 + (2.0 / (age_seconds / 16.0).max(1.0)).sqrt();
    let mut prior = f64::from(excess[0]).max(0.0);
    let mut used = [0.0; SCALES];
    for (scale, value) in used.iter_mut().enumerate() {
        let blocks = (age_seconds * 10.0 / SCALE_STEPS[scale]).max(1.0);
        let expected = mean * SCALE_STEPS[scale];
        let learnt = f64::from(excess[scale]);
        let mixed = ((PRIOR_BLOCKS * prior + blocks * learnt) / (PRIOR_BLOCKS + blocks)).max(0.0);
        // Deviation of the estimate of a Poisson variable's variance.
        let chance = ((2.0 + 1.0 / expected) / (PRIOR_BLOCKS + blocks)).sqrt() / expected;
        prior = (mixed - chance).max(0.0);
        *value = (mixed - 0.5 * chance).max(0.0) * unsure + LEAST_DEVIATION * LEAST_DEVIATION;
    }
    used
}

/// The count that a gamma-Poisson variable of this mean (above 0) and variance `mean + relative * mean²` reaches
/// with probability at most `exp(-nats)` by Chernoff's bound. Newton's steps begin above the root of a convex
/// function, so that a rest of error is on the safe side.
pub fn quantile(mean: f64, relative: f64, nats: f64) -> f64 {
    let extra = relative * mean;
    let mut count = mean + (2.0 * mean * (1.0 + extra) * nats).sqrt() + (1.0 / 3.0 + extra) * nats;
    for _ in 0..3 {
        let growth = (count / mean).ln();
        let (rate, slope) = if extra < 1e-4 {
            (count * growth - (count - mean), growth)
        } else {
            let shape = 1.0 / relative;
            let gamma = ((count + shape) / (mean + shape)).ln();
            (count * growth - (count + shape) * gamma, growth - gamma)
        };
        if slope <= 1e-12 {
            break;
        }
        let next = count - (rate - nats) / slope;
        if next <= mean {
            break;
        }
        count = next;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_where_the_exact_tails_are() {
        // Poisson(20): P(X >= 51) = 3.3e-9 and P(X >= 40) = 5.0e-5 (scipy.stats.poisson.sf).
        assert!((48.0..56.0).contains(&quantile(20.0, 0.0, (1.0f64 / 3.3e-9).ln())));
        assert!((39.0..44.0).contains(&quantile(20.0, 0.0, (1.0f64 / 5.0e-5).ln())));
        // Many samples, gamma of shape 4: the tail of 4e-6 begins at 5.2 to 5.7 times the mean.
        let ratio = quantile(1e6, 0.25, (1.0f64 / 4e-6).ln()) / 1e6;
        assert!((5.2..6.2).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_smaller_budget_never_lowers_a_line() {
        let strict = Plan::new(Budget { false_alarms_per_month: 1.0, tests: 1_000 }, 0.2);
        let loose = Plan::new(Budget { false_alarms_per_month: 30.0, tests: 1 }, 0.2);
        for mean in [0.05, 2.0, 50.0, 1e5] {
            let lines = [&strict, &loose].map(|plan| plan.lines(mean, &[0.1, 0.05, 0.02, 0.01], 3600.0, 1.0));
            for steps in [1.0, 5.0, 10.0, 100.0, 640.0] {
                let reach = |lines: &Lines| {
                    (0..SCALES)
                        .map(|i| lines.height[i] + lines.slope[i] * (steps - 1.0))
                        .fold(f64::MAX, f64::min)
                };
                assert!(reach(&lines[0]) >= reach(&lines[1]));
            }
        }
    }
}
