//! What a second adds to what is known: cut, kept until it is known that it did not become an alarm, then taken in.

use super::{
    ACCEPTED, ALARMED, BLOCKS_SPOILT, Baseline, INTAKE_SECONDS, LEARN_SECONDS, LONG_BLOCK_SPOILT, Moment,
    SHORT_BLOCK_SPOILT, SLOW_SECONDS, STEPS_PER_SECOND, WATCHED, lower_half, upper_half, whole,
};
use crate::plan::{Lines, Plan, SCALE_STEPS, SCALES};

const FAST_SECONDS: f32 = 120.0;
/// `ln 2 / 3600`: the slow mean doubles in an hour at most.
const SLOW_RISE_PER_SECOND: f32 = 1.925_4e-4;
const FAST_OVER_SLOW: f32 = 3.0;
/// Established enough for the bound of the rise.
const BOUND_SECONDS: u32 = 600;
/// Memory of the deviations.
const DEVIATION_SECONDS: f32 = 14_400.0;
/// A second is cut at this share of the way to the alarm before it is learnt.
const CUT: f32 = 0.5;
/// The same for its deviation, which needs more of the tail.
const DEVIATION_CUT: f32 = 0.6;
/// What was collected waits while the score is above this: it may be the beginning of a flood.
const LEARNING_SCORE: f32 = 0.5;
/// It waits so long at most, in seconds.
const PENDING_SECONDS: u8 = 64;
/// Nothing in a second in which so many samples are ordinary is an outage: by chance once in 9 million seconds.
const OUTAGE_SAMPLES: f32 = 16.0;
const MOST_EXCESS: f32 = 1e6;
/// Scores above this are counted, and when there are too many the test becomes more tolerant.
const WATCHED_SCORE: f32 = 0.6;
const TOLERANCE_STEP: f32 = 0.02;
/// What is left of the tolerance after an hour: half after ten days.
const TOLERANCE_LEFT: f32 = 0.997;
/// Blocks of 8 s below the lowest line after which an alarm is over.
const QUIET_BLOCKS: u8 = 2;
/// Empty seconds that are gone through one by one; more are taken as one.
const IDLE_SECONDS: u32 = 64;
/// Seconds learnt that make an hour one to remember.
const HOUR_ENOUGH_SECONDS: u16 = 900;

impl Baseline {
    #[inline(never)]
    pub(super) fn seconds(&mut self, plan: &Plan, now: &Moment, second: u32, seconds: u32, hold: bool) {
        self.second(plan, now, second, hold);
        for empty in 1..seconds.min(IDLE_SECONDS) {
            self.second(plan, now, second.wrapping_add(empty), hold);
        }
        if seconds > IDLE_SECONDS {
            self.idle(plan, now, seconds - IDLE_SECONDS);
        }
        if now.hour() != self.hour {
            self.end_hour(now.hour());
        }
    }

    /// A long silence at once.
    fn idle(&mut self, plan: &Plan, now: &Moment, seconds: u32) {
        self.forget_pending();
        self.blocks = [0.0; 2];
        let mut learnt = seconds;
        if self.is_outage(0.0) {
            let waited = u32::from(self.held_seconds) + seconds;
            learnt = waited.saturating_sub(u32::from(INTAKE_SECONDS)).min(seconds);
            self.held_seconds = waited.min(u32::from(u16::MAX)) as u16;
        }
        let silence = learnt as f32;
        self.fast *= (-silence / FAST_SECONDS).exp();
        self.slow *= (-silence / SLOW_SECONDS).exp();
        self.age_seconds = self.age_seconds.saturating_add(learnt);
        if self.age_seconds >= LEARN_SECONDS {
            self.relearn(plan, now);
        }
    }

    /// A silent second that chance does not make: the network or the exporter is out of order, and what is ordinary
    /// stays what it was.
    fn is_outage(&self, samples: f32) -> bool {
        samples == 0.0 && self.is_established() && self.ordinary_samples_per_second() >= OUTAGE_SAMPLES
    }

    fn second(&mut self, plan: &Plan, now: &Moment, second: u32, hold: bool) {
        let (samples, squares) = (self.second_samples, self.second_squares);
        (self.second_samples, self.second_squares) = (0.0, 0.0);
        let score = self.score();
        let phase = second.wrapping_add(u32::from(self.phase));
        self.watch(score);
        let deviation = samples - self.ordinary_samples_per_second();
        self.blocks[0] += deviation;
        self.blocks[1] += deviation;
        let is_accepted = self.flags & (ALARMED | ACCEPTED) == ALARMED | ACCEPTED;
        self.flags &= !ACCEPTED;
        let held = hold || (self.flags & ALARMED != 0 && !is_accepted) || self.is_outage(samples);
        if held {
            self.held_seconds = self.held_seconds.saturating_add(1);
        } else {
            self.held_seconds = self.held_seconds.saturating_sub(1);
        }
        let learning = !held || self.held_seconds >= INTAKE_SECONDS;
        if learning {
            let deviations = self.pending_excess;
            self.collect(samples, squares);
            if is_accepted {
                self.pending_excess = std::array::from_fn(|scale| deviations[scale] + self.excess[scale]);
                self.flags |= BLOCKS_SPOILT;
            }
        } else {
            self.forget_pending();
        }
        self.end_blocks(phase);
        let settled = score < LEARNING_SCORE || learning && self.pending_seconds >= PENDING_SECONDS;
        if learning && settled && phase.is_multiple_of(self.epoch_seconds()) {
            self.take_in(plan);
            if self.age_seconds >= LEARN_SECONDS {
                self.relearn(plan, now);
            }
        }
    }

    /// Seconds between two times at which what was collected is taken in.
    fn epoch_seconds(&self) -> u32 {
        match self.age_seconds {
            ..16 => 1,
            16..64 => 4,
            64..256 => 8,
            _ => 16,
        }
    }

    /// Too many scores near the alarm mean that the tail is heavier than learnt.
    fn watch(&mut self, score: f32) {
        if score < 0.5 * WATCHED_SCORE {
            self.flags &= !WATCHED;
        } else if score >= WATCHED_SCORE && self.flags & WATCHED == 0 {
            self.flags |= WATCHED;
            self.set_tolerance(self.tolerance() + TOLERANCE_STEP);
        }
    }

    /// Cuts a second and keeps it until it is known whether it became an alarm.
    fn collect(&mut self, samples: f32, squares: f32) {
        let expected = self.ordinary_samples_per_second();
        let cut = if self.is_established() {
            let reach = CUT * self.reach(1);
            samples.max(expected - reach).min(expected + reach)
        } else if self.age_seconds >= 10 {
            samples.min(8.0 * self.fast.max(1.0))
        } else {
            samples
        };
        self.pending_rate += cut;
        self.pending_seconds = self.pending_seconds.saturating_add(1);
        // Around a mean of a few seconds every signal seems to deviate little.
        if self.age_seconds >= 10 {
            let step = self.expected;
            let of_steps = squares * 0.1 - 0.2 * samples * step + step * step;
            self.pending_excess[0] += self.beyond(0, of_steps);
            self.pending_excess[1] += self.beyond(1, (samples - expected) * (samples - expected));
        }
    }

    /// A squared deviation at a scale: what of it is beyond Poisson, relative to the square of the mean.
    fn beyond(&self, scale: usize, squared: f32) -> f32 {
        let mean = self.expected * SCALE_STEPS[scale] as f32;
        let most =
            if self.is_established() { (DEVIATION_CUT * self.reach(scale)).powi(2) } else { f32::INFINITY };
        let beyond = (squared.min(most) - mean) / (mean * mean);
        if beyond.is_finite() { beyond.clamp(-MOST_EXCESS, MOST_EXCESS) } else { 0.0 }
    }

    pub(super) fn forget_pending(&mut self) {
        self.flags |= BLOCKS_SPOILT;
        self.pending_rate = 0.0;
        self.pending_excess = [0.0; 3];
        self.pending_seconds = 0;
    }

    /// What was collected becomes part of what is ordinary.
    fn take_in(&mut self, plan: &Plan) {
        if self.pending_seconds == 0 {
            return;
        }
        let seconds = f32::from(self.pending_seconds);
        let age = self.age_seconds as f32;
        let rate = self.pending_rate / seconds;
        let share = |memory: f32| seconds / (age + seconds).min(memory).max(seconds);
        let slow = self.slow + (rate - self.slow) * share(SLOW_SECONDS);
        let fast = self.fast + (rate - self.fast) * share(FAST_SECONDS);
        if self.age_seconds > BOUND_SECONDS {
            let least = plan.least_samples_per_step() * STEPS_PER_SECOND as f32;
            self.slow = slow.min(self.slow.max(least) * (1.0 + SLOW_RISE_PER_SECOND * seconds));
            self.fast = fast.min(FAST_OVER_SLOW * self.slow.max(least));
        } else {
            (self.slow, self.fast) = (slow, fast);
        }
        let part = share(DEVIATION_SECONDS);
        for (excess, pending) in self.excess.iter_mut().zip(self.pending_excess) {
            *excess += part * (pending / seconds - *excess);
        }
        self.age_seconds = self.age_seconds.saturating_add(u32::from(self.pending_seconds));
        self.learnt_seconds = self.learnt_seconds.saturating_add(u16::from(self.pending_seconds));
        let spoilt = self.flags & BLOCKS_SPOILT;
        self.forget_pending();
        self.flags = self.flags & !BLOCKS_SPOILT | spoilt;
        self.set_expected(plan);
    }

    fn set_expected(&mut self, plan: &Plan) {
        let rate = self.fast.max(self.slow).max(self.floor);
        self.expected = (rate / STEPS_PER_SECOND as f32).max(plan.least_samples_per_step());
    }

    /// Blocks of 8 and 64 s: their deviations, and whether an alarm is over.
    fn end_blocks(&mut self, phase: u32) {
        if phase.is_multiple_of(8) {
            let deviation = std::mem::take(&mut self.blocks[0]);
            if self.flags & SHORT_BLOCK_SPOILT == 0 {
                self.pending_excess[2] += 8.0 * self.beyond(2, deviation * deviation);
            }
            self.flags &= !SHORT_BLOCK_SPOILT;
            if self.flags & ALARMED != 0 {
                let least = (whole(self.slopes[SCALES - 1]) - 1.0) * self.expected * SCALE_STEPS[2] as f32;
                self.quiet = if deviation <= least { self.quiet + 1 } else { 0 };
                if self.quiet >= QUIET_BLOCKS {
                    self.clear();
                }
            }
        }
        if phase.is_multiple_of(64) {
            let deviation = std::mem::take(&mut self.blocks[1]);
            if self.flags & LONG_BLOCK_SPOILT == 0 {
                let learnt = self.beyond(3, deviation * deviation);
                let part = 64.0 / (self.age_seconds as f32 + 1.0).clamp(128.0, DEVIATION_SECONDS);
                self.excess[3] += part * (learnt - self.excess[3]);
            }
            self.flags &= !LONG_BLOCK_SPOILT;
        }
    }

    /// The lines anew, and what the week says.
    pub(super) fn relearn(&mut self, plan: &Plan, now: &Moment) {
        let rate = self.fast.max(self.slow);
        self.floor = 0.0;
        if let Some((ordinary, trust)) = self.week.as_ref().and_then(|week| week.ordinary(now.second_of_week))
            && ordinary > rate
        {
            let base = rate.max(plan.least_samples_per_step());
            self.floor = base * (ordinary / base).powf(trust);
        }
        self.set_expected(plan);
        if !self.is_established() {
            self.sums = [0.0; SCALES];
        }
        let mean = f64::from(self.expected);
        let age = f64::from(self.age_seconds).min(f64::from(DEVIATION_SECONDS));
        let Lines { slope, height } = plan.lines(mean, &self.excess, age, f64::from(self.tolerance()));
        for scale in 0..SCALES {
            self.slopes[scale] = upper_half((slope[scale] / mean) as f32);
            self.inverses[scale] = lower_half((1.0 / height[scale]) as f32);
        }
    }

    fn end_hour(&mut self, hour: u8) {
        if self.learnt_seconds >= HOUR_ENOUGH_SECONDS && self.is_established() {
            let (past, rate) = (self.hour, self.slow);
            self.week.get_or_insert_default().learn(past, rate);
        }
        self.learnt_seconds = 0;
        self.hour = hour;
        self.set_tolerance(1.0 + (self.tolerance() - 1.0) * TOLERANCE_LEFT);
    }
}
