//! Readiness: for a time less is needed to say that there is a flood, because somebody has a reason to expect one.
//!
//! Who sets it, and why, is not known here: it is a number, two ends and a sentence. Floors are multiplied by that number, never
//! by less than [`LEAST_FLOORS`]; a level may be exceeded by chance [`LEVEL_FALSE_ALARMS`] times as often as the operator allows. The two ends
//! are the only switch, so that it does not flap.
//!
//! What that may cost has a bound. Floods that only the lowered floors found within [`OCCASION_STEPS`] of the first of them are one occasion, whatever their
//! number and targets. An occasion in which one of them reached the usual alarm would have been told anyway. Of others, which may all have been
//! false, there are [`FLOOR_FALSE_ALARMS`] times the operator's false alarms of a month (one at least) in any [`MONTH_STEPS`]; once they are used up the
//! usual floors hold until one of them is a month old. So there are never more than [`FALSE_ALARMS_FACTOR`] times as many occasions of false alarms
//! as the operator allows, however often and however long a window is open. How many floods are told of in one occasion is not bounded here.
//!
//! Kinds of which ordinary hosts may always get many (streams over UDP, tunnels, questions) have lower floors only where it is learnt what is ordinary for the
//! target: else each stream of media between the two floors would be told of.
//!
//! Limits: the web layer has no floors of this kind, and nothing changes there. How many sources a kind asks for, how many samples, and how
//! long a weak excess of handshakes must last are evidence of another kind, and stay.

use std::collections::VecDeque;

use serde::Serialize;
use wire::Time;

use crate::event::TargetKind;
use crate::rules::{RULES, factor_of, side};
use crate::sequential::{Level, Sum, advance};
use crate::target::{STEPS_PER_SECOND, TargetState, VOLUME_ALARM_PACKETS};
use crate::vector::Vector;

/// No floor is multiplied by less: one that is too low makes every busy hour a flood.
pub const LEAST_FLOORS: f32 = 0.5;
/// In a window levels are exceeded by chance so many times as often as the operator allows.
pub const LEVEL_FALSE_ALARMS: f64 = 2.0;
/// Occasions that only lowered floors may tell of in a month, for each false alarm that the operator allows.
pub const FLOOR_FALSE_ALARMS: f64 = 3.0;
/// Both together.
pub const FALSE_ALARMS_FACTOR: f64 = LEVEL_FALSE_ALARMS + FLOOR_FALSE_ALARMS;
/// An occasion is over so long after it began, whatever comes in it: an hour. If it could be drawn out, it would last for a whole window.
pub(crate) const OCCASION_STEPS: i64 = 36_000;
/// Thirty days.
pub(crate) const MONTH_STEPS: i64 = 30 * 864_000;
/// No budget is larger, whatever the operator allows.
const MAXIMUM_OCCASIONS: usize = 1_000;
/// Longest reason that is kept, in characters.
const MAXIMUM_REASON: usize = 200;

/// How ready to be, from when, until when and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Readiness {
    floors: f32,
    from: Time,
    until: Time,
    reason: String,
}

impl Readiness {
    /// Floors are multiplied by `floors` from one time on and before another one. What is no number between [`LEAST_FLOORS`] and 1 is brought
    /// there: 1 if it is none.
    #[must_use]
    pub fn new(floors: f64, from: Time, until: Time, reason: &str) -> Self {
        let floors = if floors.is_nan() { 1.0 } else { floors.clamp(LEAST_FLOORS.into(), 1.0) as f32 };
        let reason =
            reason.chars().filter(|character| !character.is_control()).take(MAXIMUM_REASON).collect();
        Self { floors, from, until, reason }
    }

    /// What floors are multiplied by.
    #[must_use]
    pub const fn floors(&self) -> f32 {
        self.floors
    }

    /// When it ends.
    #[must_use]
    pub const fn until(&self) -> Time {
        self.until
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether it changes anything at a time.
    #[must_use]
    pub fn is_open(&self, now: Time) -> bool {
        self.floors < 1.0 && self.from <= now && now < self.until
    }
}

/// What is said of a flood that began while floors were lowered.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct LoweredFloors {
    /// What the usual floors were multiplied by.
    pub times: f64,
    /// Why.
    pub reason: String,
    /// Whether the usual floors would not have found it, so far.
    pub was_needed: bool,
}

/// What became of readiness so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ReadinessState {
    /// What floors are multiplied by now.
    pub floors: f32,
    /// Times that a window opened.
    pub windows: u64,
    /// Floods that lowered floors found before the usual ones would have.
    pub floods_earlier: u64,
    /// Of these, those that reached the usual alarm later.
    pub floods_borne_out: u64,
    /// Occasions of the last month that only lowered floors told of.
    pub occasions: u64,
    /// How many there may be.
    pub occasions_maximum: u64,
    /// Whether floors are as usual although a window is open, because there were as many.
    pub is_spent: bool,
}

/// Floods that only lowered floors found, close together.
#[derive(Clone, Copy, Debug)]
struct Occasion {
    number: u64,
    /// From here it is counted when it is over.
    first_step: i64,
    /// From here it is counted when it is forgotten.
    last_step: i64,
    is_borne_out: bool,
}

impl Occasion {
    const fn goes_on(&self, step: i64) -> bool {
        step.saturating_sub(self.first_step) <= OCCASION_STEPS
    }
}

/// The window, and what it may still cost.
#[derive(Debug)]
pub(crate) struct Ready {
    /// What somebody asked for.
    pub(crate) window: Option<Readiness>,
    /// What holds in this step.
    floors: f32,
    is_spent: bool,
    occasions: VecDeque<Occasion>,
    numbers: u64,
    maximum: usize,
    windows: u64,
    earlier: u64,
    borne_out: u64,
}

impl Default for ReadinessState {
    fn default() -> Self {
        Ready::default().state()
    }
}

impl Default for Ready {
    fn default() -> Self {
        Self {
            window: None,
            floors: 1.0,
            is_spent: false,
            occasions: VecDeque::new(),
            numbers: 0,
            maximum: maximum(1.0),
            windows: 0,
            earlier: 0,
            borne_out: 0,
        }
    }
}

/// Occasions that a budget of false alarms allows in a month.
fn maximum(false_alarms_per_month: f64) -> usize {
    let wanted = (FLOOR_FALSE_ALARMS * false_alarms_per_month).floor();
    (if wanted.is_finite() { wanted as usize } else { 1 }).clamp(1, MAXIMUM_OCCASIONS)
}

impl Ready {
    /// What floors are multiplied by.
    pub(crate) const fn floors(&self) -> f32 {
        self.floors
    }

    /// Whether it has ever to be asked.
    #[inline]
    pub(crate) const fn is_idle(&self) -> bool {
        self.window.is_none() && self.floors == 1.0
    }

    /// A step begins. What floors are multiplied by from now on, if that is another number than before.
    pub(crate) fn begin_step(&mut self, now: Time, step: i64, false_alarms_per_month: f64) -> Option<f32> {
        self.maximum = maximum(false_alarms_per_month);
        while self.occasions.front().is_some_and(|first| step - first.last_step > MONTH_STEPS) {
            self.occasions.pop_front();
        }
        let open = self.window.as_ref().filter(|window| window.is_open(now)).map(Readiness::floors);
        // One that goes on is not cut off in its middle.
        let goes_on = self.occasions.back().is_some_and(|last| last.goes_on(step));
        self.is_spent = open.is_some() && !goes_on && self.spent() >= self.maximum;
        let floors = if self.is_spent { 1.0 } else { open.unwrap_or(1.0) };
        if floors == self.floors {
            return None;
        }
        self.windows += u64::from(self.floors == 1.0);
        self.floors = floors;
        Some(floors)
    }

    /// The clock was set back to a step: occasions of before are over, and are a month old a month from now.
    pub(crate) fn begin_again(&mut self, step: i64) {
        for occasion in &mut self.occasions {
            occasion.first_step = occasion.first_step.min(step.saturating_sub(OCCASION_STEPS + 1));
            occasion.last_step = occasion.last_step.min(step);
        }
    }

    fn spent(&self) -> usize {
        self.occasions.iter().filter(|occasion| !occasion.is_borne_out).count()
    }

    /// A flood began that the usual floors have not found. Its occasion.
    pub(crate) fn note_flood(&mut self, step: i64) -> u64 {
        self.earlier += 1;
        match self.occasions.back_mut() {
            Some(last) if last.goes_on(step) => {
                last.last_step = step;
                last.number
            }
            _ => {
                self.numbers += 1;
                // Those that were borne out count for nothing and make room.
                if self.occasions.len() > MAXIMUM_OCCASIONS {
                    self.occasions.pop_front();
                }
                self.occasions.push_back(Occasion {
                    number: self.numbers,
                    first_step: step,
                    last_step: step,
                    is_borne_out: false,
                });
                self.numbers
            }
        }
    }

    /// A flood of an occasion reached the usual alarm.
    pub(crate) fn note_borne_out(&mut self, number: u64) {
        self.borne_out += 1;
        if let Some(occasion) = self.occasions.iter_mut().find(|occasion| occasion.number == number) {
            occasion.is_borne_out = true;
        }
    }

    /// What became of it so far.
    pub(crate) fn state(&self) -> ReadinessState {
        ReadinessState {
            floors: self.floors,
            windows: self.windows,
            floods_earlier: self.earlier,
            floods_borne_out: self.borne_out,
            occasions: self.spent() as u64,
            occasions_maximum: self.maximum as u64,
            is_spent: self.is_spent,
        }
    }
}

/// The test that the usual floors would have made of a flood that lowered ones found.
#[derive(Clone, Debug)]
pub(crate) struct Usually {
    sum: Sum,
    floors: f32,
    reason: String,
    /// None once the usual alarm was reached.
    occasion: Option<u64>,
}

impl Usually {
    /// Of a flood that begins in this step with the excess of `lead`, and how near the usual alarm it is.
    pub(crate) fn begin(state: &TargetState, lead: Vector, kind: TargetKind, window: &Readiness) -> Self {
        let (rule, of_now) = (&RULES[lead.index()], state.sum(lead.index()));
        let factor = factor_of(kind);
        let steps = (state.step - of_now.since_step + 1).max(1) as f32;
        let usual = state.usually_unwanted(lead) / STEPS_PER_SECOND;
        let drift = side(rule, !state.sends).packets_per_second * factor / STEPS_PER_SECOND + usual;
        // The sum over all of it: not more than the largest over a part.
        let unwanted = (of_now.unwanted_packets - drift * steps).max(0.0);
        let more =
            rule.volume_packets_per_second * factor / STEPS_PER_SECOND * (1.0 - state.floors(lead)) * steps;
        let volume = if more.is_finite() { (of_now.volume - more).max(0.0) } else { 0.0 };
        let sum = Sum { unwanted, volume, ..of_now };
        Self { sum, floors: state.floors(lead), reason: window.reason.clone(), occasion: None }
    }

    /// Whether the usual floors find it now.
    pub(crate) fn is_alarm(&self, state: &TargetState, lead: Vector, factor: f32) -> bool {
        let samples = state.packets_of_samples();
        let needed = side(&RULES[lead.index()], !state.sends).alarm_packets * factor;
        self.sum.unwanted >= needed.max(samples)
            || self.sum.volume >= (VOLUME_ALARM_PACKETS * factor).max(samples)
    }

    /// It is told, as part of an occasion.
    pub(crate) fn belongs_to(&mut self, occasion: u64) {
        self.occasion = Some(occasion);
    }

    /// Moves on by a closed step. The occasion if the usual floors find it in this step for the first time.
    pub(crate) fn step(&mut self, state: &TargetState, lead: Vector, factor: f32, step: i64) -> Option<u64> {
        self.occasion?;
        let level = Level {
            floor: side(&RULES[lead.index()], !state.sends),
            usual: state.usually_unwanted(lead) / STEPS_PER_SECOND,
            samples: state.packets_of_samples(),
            factor,
        };
        advance(&mut self.sum, &RULES[lead.index()], state.cell(lead.index()), &level, step);
        if self.is_alarm(state, lead, factor) { self.occasion.take() } else { None }
    }

    /// As events say it.
    pub(crate) fn told(&self) -> LoweredFloors {
        LoweredFloors {
            times: crate::confirm::round(self.floors.into()),
            reason: self.reason.clone(),
            was_needed: self.occasion.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(step: i64) -> Time {
        Time::from_nanoseconds(step * crate::target::STEP_NANOSECONDS)
    }

    fn open(floors: f64) -> Ready {
        let window = Readiness::new(floors, at(0), at(i64::from(u32::MAX)), "a vote\n");
        Ready { window: Some(window), ..Ready::default() }
    }

    #[test]
    fn floors_have_a_least_and_are_never_raised() {
        for (asked, given) in [(0.0, 0.5), (-1.0, 0.5), (0.75, 0.75), (7.0, 1.0), (f64::NAN, 1.0)] {
            let readiness = Readiness::new(asked, at(0), at(10), "x");
            assert_eq!(readiness.floors(), given);
            assert_eq!(readiness.is_open(at(5)), given < 1.0);
            assert!(!readiness.is_open(at(10)), "it ends by itself");
        }
        assert_eq!(open(0.5).window.unwrap().reason(), "a vote");
    }

    /// Floods come an hour and a half apart, less than an hour apart, and all the time, for three months.
    #[test]
    fn what_only_lowered_floors_told_of_is_bounded_in_every_month() {
        for gap in [54_000, 30_000, 600] {
            let mut ready = open(0.5);
            assert_eq!(ready.begin_step(at(0), 0, 1.0), Some(0.5));
            let mut told = std::collections::BTreeMap::new();
            for step in (0..3 * MONTH_STEPS).step_by(gap) {
                ready.begin_step(at(step), step, 1.0);
                if ready.floors() < 1.0 {
                    let first: &mut i64 = told.entry(ready.note_flood(step)).or_insert(step);
                    ready.note_flood(step);
                    assert!(step - *first <= OCCASION_STEPS, "one that began at {first} goes on at {step}");
                }
                let within = told.values().filter(|&&first| step - first <= MONTH_STEPS).count();
                assert!(within <= 3, "{within} at {step}, every {gap}");
            }
            assert_eq!(told.len(), 9, "every {gap}");
            assert!(ready.state().is_spent);
        }
    }

    /// One that was right is no reason for another one to cost nothing.
    #[test]
    fn what_is_borne_out_makes_its_own_occasion_free_and_no_other() {
        let mut ready = open(0.5);
        let mut told = std::collections::BTreeSet::new();
        for step in (0..MONTH_STEPS).step_by(30_000) {
            ready.begin_step(at(step), step, 1.0);
            if ready.floors() < 1.0 {
                let occasion = ready.note_flood(step);
                if step == 0 {
                    ready.note_borne_out(occasion);
                }
                told.insert(occasion);
            }
        }
        assert_eq!((told.len(), ready.state().occasions), (4, 3));
    }

    #[test]
    fn a_clock_that_was_set_back_gives_nothing_back() {
        let mut ready = open(0.5);
        let day = 864_000;
        for step in [day, day + 54_000, day + 108_000] {
            ready.begin_step(at(step), step, 1.0);
            ready.note_flood(step);
        }
        ready.begin_again(0);
        ready.begin_step(at(1), 1, 1.0);
        assert_eq!((ready.floors(), ready.state().is_spent), (1.0, true));
        ready.begin_step(at(MONTH_STEPS), MONTH_STEPS, 1.0);
        assert_eq!(ready.floors(), 1.0);
        ready.begin_step(at(MONTH_STEPS + 1), MONTH_STEPS + 1, 1.0);
        assert_eq!(ready.floors(), 0.5, "they are a month old");
    }

    #[test]
    fn an_occasion_that_was_borne_out_costs_nothing() {
        let mut ready = open(0.5);
        for step in (0..MONTH_STEPS).step_by(54_000) {
            ready.begin_step(at(step), step, 0.1);
            assert_eq!(ready.floors(), 0.5, "{step}");
            let occasion = ready.note_flood(step);
            ready.note_borne_out(occasion);
        }
        ready.note_flood(MONTH_STEPS);
        let end = MONTH_STEPS + OCCASION_STEPS;
        ready.begin_step(at(end), end, 0.1);
        assert_eq!(ready.floors(), 0.5, "what goes on is not cut off");
        let later = MONTH_STEPS + OCCASION_STEPS + 1;
        ready.begin_step(at(later), later, 0.1);
        assert_eq!((ready.floors(), ready.state().is_spent), (1.0, true), "one at least, and no more");
    }
}
