//! The state of one signal: what is learnt and the sums of the test, 128 bytes beside its week.
//!
//! The level is the larger of two exponential means, of two minutes and of half an hour: one follows a rising day,
//! the other remembers more of the day, and what the hour of the week says may raise both. Each second is cut at
//! half the way to its own alarm, what was collected is learnt when it is known that it did not become an alarm, and a rise
//! has a bound per hour. A new level that stays is taken in after [`INTAKE_SECONDS`], or at once if the caller knows that it is no
//! flood ([`Baseline::accept`]).

mod learn;

use crate::plan::{Plan, SCALE_STEPS, SCALES};
use crate::week::Week;

/// Steps of the test in a second.
pub const STEPS_PER_SECOND: u64 = 10;
/// Seconds of traffic before the test begins.
pub const LEARN_SECONDS: u32 = 60;
/// Seconds that an alarm (or a hold by the caller) lasts before the new level is learnt all the same.
pub const INTAKE_SECONDS: u16 = 21_600;
/// An established level rises by at most this factor in an hour, whatever comes: the slow mean may double, and the fast one
/// may be three times the slow one.
pub const MAXIMUM_RISE_PER_HOUR: f32 = 6.0;
/// Where the score ends, in alarms.
pub const MAXIMUM_SCORE: f32 = 8.0;

const SLOW_SECONDS: f32 = 1_800.0;
pub(crate) const MAXIMUM_TOLERANCE: f32 = 16.0;
/// Positions of steps wrap here, at a whole number of 64 s.
const WRAP: u64 = 640 * 6_710_886;
/// Samples in a step are counted up to this.
const MOST_SAMPLES: f32 = 1e12;

const BEGUN: u8 = 1;
const ALARMED: u8 = 2;
const WATCHED: u8 = 4;
const SHORT_BLOCK_SPOILT: u8 = 8;
const LONG_BLOCK_SPOILT: u8 = 16;
const ACCEPTED: u8 = 32;
const BLOCKS_SPOILT: u8 = SHORT_BLOCK_SPOILT | LONG_BLOCK_SPOILT;

/// A step of time, made once and used for every signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    position: u32,
    second_of_week: u32,
}

impl Moment {
    /// The step of 100 ms (counted from any fixed origin) and the second of the week in the institution's time zone (taken modulo a week).
    pub const fn new(step: u64, second_of_week: u32) -> Self {
        Self { position: (step % WRAP) as u32, second_of_week: second_of_week % 604_800 }
    }

    const fn hour(&self) -> u8 {
        (self.second_of_week / 3600) as u8
    }
}

/// What is ordinary for one signal of one target, and its test.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    sums: [f32; SCALES],
    /// Fall of the sums in levels a step, and 1 over their alarm in samples, as the upper halves of `f32`.
    slopes: [u16; SCALES],
    inverses: [u16; SCALES],
    /// Samples a step.
    expected: f32,
    second_samples: f32,
    second_squares: f32,
    /// Deviation of the running blocks of 8 and 64 s, in samples.
    blocks: [f32; 2],
    /// Not yet taken in: the sum of cut seconds, and of the excess variances at 0.1, 1 and 8 s times seconds.
    pending_rate: f32,
    pending_excess: [f32; 3],
    /// Variance beyond Poisson at each scale, relative to the square of the mean.
    pub(crate) excess: [f32; SCALES],
    /// Samples a second.
    pub(crate) fast: f32,
    pub(crate) slow: f32,
    /// What the week says, 0 if it says no more than the means.
    floor: f32,
    pub(crate) age_seconds: u32,
    position: u32,
    held_seconds: u16,
    learnt_seconds: u16,
    peak: u16,
    /// Above 1, in 4096ths.
    tolerance: u16,
    quiet: u8,
    flags: u8,
    phase: u8,
    hour: u8,
    pending_seconds: u8,
    pub(crate) week: Option<Box<Week>>,
}

/// The upper half of an `f32`, rounded towards larger (values here are positive).
fn upper_half(value: f32) -> u16 {
    (value.to_bits().saturating_add(0xffff) >> 16) as u16
}

/// The same, rounded towards smaller.
fn lower_half(value: f32) -> u16 {
    (value.to_bits() >> 16) as u16
}

#[inline]
fn whole(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

impl Baseline {
    /// Nothing known. `phase` (such as the target's number) spreads the rarer work of many signals over the seconds.
    pub fn new(phase: u8) -> Self {
        Self {
            sums: [0.0; SCALES],
            slopes: [0; SCALES],
            inverses: [0; SCALES],
            expected: 0.0,
            second_samples: 0.0,
            second_squares: 0.0,
            blocks: [0.0; 2],
            pending_rate: 0.0,
            pending_excess: [0.0; 3],
            excess: [0.0; SCALES],
            fast: 0.0,
            slow: 0.0,
            floor: 0.0,
            age_seconds: 0,
            position: 0,
            held_seconds: 0,
            learnt_seconds: 0,
            peak: 0,
            tolerance: 0,
            quiet: 0,
            flags: 0,
            phase,
            hour: 0,
            pending_seconds: 0,
            week: None,
        }
    }

    /// Counts the samples of a step and returns the score: 1 or more is an alarm, 0 while nothing is known. Steps must not
    /// go back; a step earlier than the last one is counted to the time given from then on. Counts that are not finite
    /// or negative count as none.
    #[inline]
    pub fn step(&mut self, plan: &Plan, now: &Moment, samples: f32, hold: bool) -> f32 {
        // `max` takes the other operand where one is not a number.
        let samples = samples.max(0.0).clamp(0.0, MOST_SAMPLES);
        if now.position != self.position || self.flags & BEGUN == 0 {
            self.advance(plan, now, hold);
        }
        self.second_samples += samples;
        self.second_squares += samples * samples;
        let mut score = 0.0f32;
        for (sum, inverse) in self.sums.iter_mut().zip(self.inverses) {
            let inverse = whole(inverse);
            // Before the lines exist `inverse` is 0 and so is the score.
            *sum += samples;
            score = score.max(*sum * inverse);
        }
        if score >= 1.0 { self.alarm(score) } else { score }
    }

    #[cold]
    fn alarm(&mut self, score: f32) -> f32 {
        let score = score.min(MAXIMUM_SCORE);
        for (sum, inverse) in self.sums.iter_mut().zip(self.inverses) {
            *sum = sum.min(MAXIMUM_SCORE / whole(inverse));
        }
        // The peak of an alarm is known until the next one begins, so that it may be dismissed after its end.
        let before = if self.flags & ALARMED == 0 { 0 } else { self.peak };
        self.peak = before.max(lower_half(score));
        self.flags |= ALARMED;
        score
    }

    /// Brings the state to a moment without counting anything in it: steps between are empty. Called by
    /// [`Baseline::step`]; call it yourself for signals in alarm that are not touched, and before saving.
    pub fn advance(&mut self, plan: &Plan, now: &Moment, hold: bool) {
        if self.flags & BEGUN == 0 {
            self.begin(plan, now);
            return;
        }
        let (new, old) = (u64::from(now.position), u64::from(self.position));
        let gap = if new >= old { new - old } else { new + WRAP - old };
        if gap > WRAP / 2 {
            self.begin(plan, now);
            return;
        }
        self.position = now.position;
        for (sum, slope) in self.sums.iter_mut().zip(self.slopes) {
            *sum = (*sum - self.expected * whole(slope) * gap as f32).max(0.0);
        }
        let second = (old / STEPS_PER_SECOND) as u32;
        let seconds = ((old + gap) / STEPS_PER_SECOND) as u32 - second;
        if seconds > 0 {
            self.seconds(plan, now, second, seconds, hold);
        }
    }

    /// The first step, and the first after the clock was set back: what the second lacks is not learnt.
    fn begin(&mut self, plan: &Plan, now: &Moment) {
        self.position = now.position;
        self.hour = now.hour();
        self.second_samples = 0.0;
        self.second_squares = 0.0;
        self.flags |= BEGUN | BLOCKS_SPOILT;
        // Restored.
        if self.age_seconds >= LEARN_SECONDS && !self.is_established() {
            self.relearn(plan, now);
        }
    }

    /// Samples above the level at which the line of this scale alarms in its own time.
    fn reach(&self, scale: usize) -> f32 {
        let steps = SCALE_STEPS[scale] as f32;
        let fall = whole(self.slopes[scale]) * (steps - 1.0) - steps;
        1.0 / whole(self.inverses[scale]) + fall * self.expected
    }

    /// The score now.
    pub fn score(&self) -> f32 {
        self.sums.iter().zip(self.inverses).map(|(sum, inverse)| sum * whole(inverse)).fold(0.0, f32::max)
    }

    /// Whether enough is known for the test.
    pub fn is_established(&self) -> bool {
        self.inverses[0] != 0
    }

    /// What is ordinary now, in samples a second.
    pub fn ordinary_samples_per_second(&self) -> f32 {
        self.expected * STEPS_PER_SECOND as f32
    }

    /// By how much the tail is taken to be heavier than gamma, 1 to 16.
    pub fn tolerance(&self) -> f32 {
        1.0 + f32::from(self.tolerance) / 4096.0
    }

    pub(crate) fn set_tolerance(&mut self, tolerance: f32) {
        self.tolerance =
            ((tolerance.clamp(1.0, MAXIMUM_TOLERANCE) - 1.0) * 4096.0).round().min(65_535.0) as u16;
    }

    /// Ends an alarm: the sums begin anew.
    pub fn clear(&mut self) {
        self.sums = [0.0; SCALES];
        self.quiet = 0;
        self.flags &= !(ALARMED | WATCHED);
    }

    /// Says of an alarm that it is no flood but more of what is asked for, such as a rise in demand: for this second the level is
    /// learnt as if there were no alarm; the deviations are not. Say it again as long as it is so.
    pub fn accept(&mut self) {
        self.flags |= ACCEPTED;
    }

    /// Ends an alarm that was false: from now on as much is ordinary for bursts of this signal (half of it after ten
    /// days). Not for floods, which would teach the test to overlook the next.
    pub fn dismiss(&mut self) {
        self.set_tolerance(self.tolerance() * (1.1 * whole(self.peak)).max(1.0));
        self.peak = 0;
        self.clear();
    }

    /// The hours of the week, to learn from history.
    pub fn week_mut(&mut self) -> &mut Week {
        self.week.get_or_insert_default()
    }

    /// The sampling rate changed: every count is `factor` times what it was. Not finite or not above 0: ignored.
    pub fn rescale(&mut self, plan: &Plan, now: &Moment, factor: f32) {
        if !(factor.is_finite() && factor > 0.0) {
            return;
        }
        let most = |rate: f32| (rate * factor).min(MOST_SAMPLES);
        (self.fast, self.slow) = (most(self.fast), most(self.slow));
        if let Some(week) = &mut self.week {
            week.scale(factor);
        }
        self.clear();
        (self.second_samples, self.second_squares, self.blocks) = (0.0, 0.0, [0.0; 2]);
        self.forget_pending();
        if self.is_established() {
            self.relearn(plan, now);
        }
    }

    /// Time in which the service was down. After half an hour at most the test goes on at once with what was known; after
    /// more, level and deviations are learnt anew first. The week is kept and counts less.
    pub fn age(&mut self, seconds: u64) {
        let most = if seconds as f64 <= f64::from(SLOW_SECONDS) { 4 * LEARN_SECONDS } else { 1 };
        self.age_seconds = self.age_seconds.min(most);
        if let Some(week) = &mut self.week {
            week.age(seconds);
        }
        self.clear();
        self.forget_pending();
        self.inverses = [0; SCALES];
        self.flags &= !BEGUN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<Baseline>() <= 128, "{}", size_of::<Baseline>());
        assert!(size_of::<Week>() <= 170);
    }
}
