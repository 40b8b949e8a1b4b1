//! What is ordinary for each target, learnt from what comes: the statistics are in the room `baseline`, here is which
//! numbers it gets.
//!
//! The signal is packets towards the target, in samples: one sampled packet is one piece of evidence, whatever it
//! stands for. Beside it the usual amount of *unwanted* packets is learnt for the kinds that a target has most
//! of, so that a one-way stream that was always there is no flood.
//!
//! A service that starts sees traffic that may have been there for years. For [`SETTLE_SECONDS`] what a target gets
//! that is not seen to send is learnt and not reported, unless it is of a kind that nobody gets in an ordinary day or
//! more than [`SETTLE_PACKETS_PER_SECOND`]. Of those kinds SYNs that nothing follows are not learnt either; the others are
//! until they are a flood, so that one of answers that comes evenly from the first second on may pass for usual.

use baseline::{Baseline, Budget, Moment, Plan};

use crate::fade::faded;
use crate::target::STEPS_PER_SECOND;
use crate::vector::Vector;

/// How long after the first record blind targets are learnt only.
pub const SETTLE_SECONDS: i64 = 60;
/// What is reported all the same in that time.
pub const SETTLE_PACKETS_PER_SECOND: f32 = 100_000.0;
/// The same for what holds several addresses: so many times more.
pub(crate) const SETTLE_WIDER_FACTOR: f32 = 40.0;
/// Every signal is held for being at least this busy: a page that somebody loads is no flood of an idle host.
const LEAST_PACKETS_PER_SECOND: f64 = 200.0;
/// And for being seen in at least this many samples a second.
const LEAST_SAMPLES_PER_SECOND: f64 = 0.2;
/// Plans are made for sampling rates of 1, 4, 16 and so on.
const PLANS: usize = 7;
/// Tests for which the budget is shared out at least.
const TESTS_MINIMUM: u32 = 16;
/// Steps without a look after which packets of long records are fed as so many equal steps.
const FED_STEPS_MAXIMUM: i64 = 20;
/// Below this part of an alarm nothing has begun.
const RESTING_SCORE: f32 = 0.2;
const SECONDS_OF_WEEK: i64 = 604_800;
/// 1 January 1970 was a Thursday; weeks begin on Monday.
const MONDAY_OFFSET_SECONDS: i64 = 3 * 86_400;

/// How a detector learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learning {
    /// False alarms that all targets together may raise in a month of ordinary traffic.
    pub false_alarms_per_month: f64,
    /// What is added to UTC for the institution's time, for the hour of the week.
    pub utc_offset_seconds: i32,
}

impl Default for Learning {
    fn default() -> Self {
        Self { false_alarms_per_month: 1.0, utc_offset_seconds: 0 }
    }
}

/// What is known of one target, in cache lines of its own.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Known {
    /// Packets, in samples.
    pub(crate) level: Baseline,
    /// The last score; 1 and more is an alarm.
    pub(crate) score: f32,
    /// Since when the score is not at rest.
    pub(crate) since_step: i64,
    /// Largest sampling rate seen, that `level` is in.
    sampling: u32,
    /// Step that was fed last.
    step: i64,
}

impl Known {
    /// Nothing.
    pub(crate) fn new(phase: u8) -> Self {
        Self { level: Baseline::new(phase), score: 0.0, since_step: i64::MIN, sampling: 1, step: i64::MIN }
    }

    /// What was known, in samples of this rate.
    pub(crate) fn restored(level: Baseline, sampling: u32) -> Self {
        Self { level, score: 0.0, since_step: i64::MIN, sampling: sampling.max(1), step: i64::MIN }
    }

    /// Sampling rate of the level.
    pub(crate) const fn sampling(&self) -> u32 {
        self.sampling
    }

    /// What is ordinary now, once that is known.
    pub(crate) fn ordinary_packets_per_second(&self) -> Option<f32> {
        let rate = self.level.ordinary_samples_per_second() * self.sampling as f32;
        self.level.is_established().then_some(rate)
    }
}

/// What a step brought to a target.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fed {
    /// Packets of the step.
    pub(crate) packets: f32,
    /// Packets of long flow records that flowed out since the target was looked at last.
    pub(crate) late_packets: f32,
    /// Largest sampling rate of the step.
    pub(crate) sampling: u32,
    /// Nothing is to be learnt: a flood, or maintenance.
    pub(crate) hold: bool,
}

/// The plans and the clock of all targets.
pub(crate) struct Learner {
    learning: Learning,
    /// How many times as many false alarms may be for a while.
    times: f64,
    tests: u32,
    plans: [Plan; PLANS],
    began_step: Option<i64>,
    step: i64,
    moment: Moment,
}

impl Learner {
    pub(crate) fn new(learning: Learning) -> Self {
        let plans = plans(&learning, TESTS_MINIMUM);
        let moment = Moment::new(0, 0);
        Self { learning, times: 1.0, tests: TESTS_MINIMUM, plans, began_step: None, step: 0, moment }
    }

    /// The institution's time moved, or the operator allows more.
    pub(crate) fn set(&mut self, learning: Learning) {
        self.learning = learning;
        self.make_plans();
    }

    /// For a while there may be so many times as many false alarms.
    pub(crate) fn allow(&mut self, times: f64) {
        self.times = times;
        self.make_plans();
    }

    /// What the operator allows on any day.
    pub(crate) const fn false_alarms_per_month(&self) -> f64 {
        self.learning.false_alarms_per_month
    }

    fn make_plans(&mut self) {
        let allowed = self.learning.false_alarms_per_month * self.times;
        self.plans = plans(&Learning { false_alarms_per_month: allowed, ..self.learning }, self.tests);
    }

    /// A step is closed, with so many targets.
    pub(crate) fn begin_step(&mut self, step: i64, targets: usize) {
        self.began_step = Some(self.began_step.map_or(step, |began| began.min(step)));
        self.step = step;
        self.moment = self.moment_of(step);
        let tests = u32::try_from(targets).unwrap_or(u32::MAX / 2).max(TESTS_MINIMUM).next_power_of_two();
        if tests > self.tests {
            self.tests = tests;
            self.make_plans();
        }
    }

    /// Whether the service has only just started.
    pub(crate) fn is_settling(&self) -> bool {
        self.began_step.is_none_or(|began| self.step < began.saturating_add(SETTLE_SECONDS * 10))
    }

    /// Forgets when it started: the clock was set back.
    pub(crate) fn begin_again(&mut self) {
        self.began_step = None;
    }

    fn moment_of(&self, step: i64) -> Moment {
        let seconds = step.div_euclid(10).saturating_add(i64::from(self.learning.utc_offset_seconds));
        let of_week = seconds.saturating_add(MONDAY_OFFSET_SECONDS).rem_euclid(SECONDS_OF_WEEK);
        Moment::new(step.rem_euclid(1 << 50) as u64, of_week as u32)
    }

    /// How unlikely an excess of samples over those that are excused has to be for the budget, in nats.
    pub(crate) fn chance_nats(&self) -> f32 {
        self.plans[0].nats() as f32
    }

    fn plan(&self, sampling: u32) -> &Plan {
        &self.plans[(sampling.max(1).ilog2() as usize / 2).min(PLANS - 1)]
    }

    /// Feeds a step. Returns the score.
    #[inline]
    pub(crate) fn feed(&self, known: &mut Known, fed: &Fed) -> f32 {
        if fed.sampling > known.sampling {
            let factor = known.sampling as f32 / fed.sampling as f32;
            known.level.rescale(self.plan(fed.sampling), &self.moment, factor);
            known.sampling = fed.sampling;
        }
        let plan = self.plan(known.sampling);
        let scale = 1.0 / known.sampling as f32;
        let idle = self.step.saturating_sub(known.step).saturating_sub(1);
        if fed.late_packets > 0.0 && idle > 0 && known.step != i64::MIN {
            let steps = idle.min(FED_STEPS_MAXIMUM);
            let each = fed.late_packets * scale / steps as f32;
            for step in self.step - steps..self.step {
                known.level.step(plan, &self.moment_of(step), each, fed.hold);
            }
        }
        known.step = self.step;
        let score = known.level.step(plan, &self.moment, fed.packets * scale, fed.hold);
        if known.score < RESTING_SCORE {
            known.since_step = self.step;
        }
        known.score = score;
        score
    }
}

fn plans(learning: &Learning, tests: u32) -> [Plan; PLANS] {
    let budget = Budget { false_alarms_per_month: learning.false_alarms_per_month, tests };
    std::array::from_fn(|number| {
        let sampling = f64::from(1_u32 << (2 * number));
        Plan::new(budget, (LEAST_PACKETS_PER_SECOND / sampling).max(LEAST_SAMPLES_PER_SECOND))
    })
}

/// Kinds of which the usual unwanted amount is remembered.
pub(crate) const USUAL_KINDS: usize = 2;
/// Usual amounts follow with this time constant.
const USUAL_SECONDS: f32 = 600.0;
/// A step counts as at most this many times what is usual, and [`USUAL_LEAST_SAMPLES`] more, so that a flood is not learnt.
const USUAL_TIMES_MAXIMUM: f32 = 2.0;
const USUAL_LEAST_SAMPLES: f32 = 2.0;
/// How many times the usual amount an ordinary step may have, where the level has the last word.
const MAIN_MARGIN: f32 = 1.3;
/// And where it has not, because the kind is a small part of what comes.
const MARGIN: f32 = 4.0;

/// The unwanted packets that a target always gets, by kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usual {
    kinds: [(u8, f32); USUAL_KINDS],
    steps: u32,
    /// Packets that a sample stands for.
    sampling: u32,
}

impl Usual {
    /// Unwanted packets of a vector in an ordinary step, with a margin.
    #[inline]
    pub(crate) fn allowed(&self, vector: usize, ordinary_per_step: f32) -> f32 {
        let known = self.kinds.iter().find(|kind| kind.1 > 0.0 && usize::from(kind.0) == vector);
        known
            .map_or(0.0, |kind| kind.1 * if 2.0 * kind.1 >= ordinary_per_step { MAIN_MARGIN } else { MARGIN })
    }

    /// Whether a kind is most of what the target always gets: then its level says what is too much.
    #[inline]
    pub(crate) fn is_main(&self, vector: Vector, ordinary_per_step: f32) -> bool {
        let index = vector as u8;
        let is_main = |kind: &(u8, f32)| kind.0 == index && 2.0 * kind.1 >= ordinary_per_step;
        // Before the level is known it has no say.
        ordinary_per_step > 0.0 && self.kinds.iter().any(is_main)
    }

    /// What is learnt from now on is in samples of this many packets.
    #[inline]
    pub(crate) const fn set_sampling(&mut self, sampling: u32) {
        self.sampling = sampling;
    }

    /// Learns a step in which `unwanted` packets of a vector came, fewer than none where more were excused than came: a
    /// balance of samples is as often below its mean as above, and only the mean is usual. What is believed counts
    /// whole, since it may have come for years: while the service settles, all but SYNs that nothing follows.
    pub(crate) fn learn(&mut self, vector: usize, unwanted: f32, is_believed: bool) {
        let found = self.kinds.iter().position(|kind| kind.1 > 0.0 && usize::from(kind.0) == vector);
        let known = found.map_or(0.0, |place| self.kinds[place].1);
        let most = known * USUAL_TIMES_MAXIMUM + USUAL_LEAST_SAMPLES * self.sampling.max(1) as f32;
        let (cut, weight) = if is_believed {
            (unwanted, 1.0 / (1.0 + self.steps as f32))
        } else {
            (unwanted.clamp(-most, most), 1.0 / (10.0 * USUAL_SECONDS))
        };
        let place = match found {
            Some(place) => place,
            None if cut <= 0.0 => return,
            None => {
                let least = if self.kinds[0].1 <= self.kinds[1].1 { 0 } else { 1 };
                // By what counts of it: a flood takes the place of nothing that is usual.
                if self.kinds[least].1 > cut {
                    return;
                }
                self.kinds[least] = (vector as u8, 0.0);
                least
            }
        };
        let usual = &mut self.kinds[place].1;
        // At 0 the place is free again.
        *usual = faded(*usual + (cut - *usual) * weight).max(0.0);
    }

    /// A kind is not usual after all.
    pub(crate) fn forget(&mut self, vector: usize) {
        self.kinds.iter_mut().filter(|kind| usize::from(kind.0) == vector).for_each(|kind| kind.1 = 0.0);
    }

    /// The kinds, with packets a second.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (Vector, f32)> + '_ {
        let known = self.kinds.iter().filter(|kind| kind.1 > 0.0);
        known.map(|kind| (Vector::ALL[usize::from(kind.0)], kind.1 * STEPS_PER_SECOND))
    }

    /// What was known before, in packets a second.
    pub(crate) fn recall(&mut self, kinds: &[(Vector, f32)]) {
        for (place, (vector, packets_per_second)) in self.kinds.iter_mut().zip(kinds) {
            *place = (*vector as u8, packets_per_second / STEPS_PER_SECOND);
        }
        self.steps = SETTLE_SECONDS as u32 * 10;
    }

    /// A step was learnt.
    #[inline]
    pub(crate) fn end_step(&mut self) {
        self.steps = self.steps.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_week_begins_on_monday_in_the_institutions_time() {
        let mut learner = Learner::new(Learning { utc_offset_seconds: 3_600, ..Learning::default() });
        // Monday, 23 November 2026, 00:30 in Brussels is Sunday, 23:30 UTC.
        learner.begin_step(1_795_390_200 * 10, 1);
        assert_eq!(learner.moment, Moment::new(1_795_390_200 * 10, 1_800));
    }

    #[test]
    fn the_chance_of_a_balance_is_no_usual_excess_and_a_thin_stream_stays_usual() {
        let (mut balance, mut stream) = (Usual::default(), Usual::default());
        balance.set_sampling(1_000);
        stream.set_sampling(1_000);
        for step in 0..200_000 {
            // Three samples in ten steps come and as many go, and each that goes excuses one and a half.
            let came = if step % 10 < 3 { 1_000.0 } else { 0.0 };
            let went = if step % 10 > 6 { 1_500.0 } else { 0.0 };
            balance.learn(Vector::QuicFlood.index(), came - went, step < 600);
            stream.learn(Vector::UdpFlood.index(), came, step < 600);
            balance.end_step();
            stream.end_step();
        }
        let excess = balance.allowed(Vector::QuicFlood.index(), 1e6);
        assert!(excess < 4.0 * 50.0, "{excess}");
        assert!(stream.is_main(Vector::UdpFlood, 300.0), "{stream:?}");
    }

    #[test]
    fn one_way_traffic_that_was_always_there_is_usual() {
        let mut usual = Usual::default();
        for _ in 0..600 {
            usual.learn(Vector::UdpFlood.index(), 2_000.0, true);
            usual.end_step();
        }
        let allowed = usual.allowed(Vector::UdpFlood.index(), 2_000.0);
        assert!((2_500.0..2_700.0).contains(&allowed), "{allowed}");
        assert!(usual.is_main(Vector::UdpFlood, 2_000.0));
        assert!(!usual.is_main(Vector::UdpFlood, 20_000.0));
        assert_eq!(usual.allowed(Vector::SynFlood.index(), 2_000.0), 0.0);
        for _ in 0..600 {
            usual.learn(Vector::UdpFlood.index(), 1e6, false);
        }
        assert!(
            usual.allowed(Vector::UdpFlood.index(), 2_000.0) < 3_000.0,
            "a flood of a minute is not learnt"
        );
    }
}
