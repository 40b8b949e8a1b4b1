//! What is known of one target between the steps, and the sequential tests on it.
//!
//! A target is an address, or a service, group or prefix into which its addresses are added up. What came in the
//! running step is in its [`Tally`]. The tests are large and exist only while one of them runs; a target whose
//! step was calm ([`TargetState::close_calm`]) has none. What costs more still is in [`crate::suspect`].
//!
//! Limit: the packets of long flow records lie in reservoirs that flow out by themselves. A calm target is looked at
//! again when a record comes for it; what flowed out until then is added up in one go.

mod alarm;
mod calm;
mod wider;

use wire::Time;

use crate::fade::faded;
use crate::learning::Usual;
use crate::reservoir::Reservoirs;
use crate::rules::{RULES, is_seen_in_ordinary_days, side};
use crate::sampled::{self, Excuses};
use crate::sequential::{Cell, Level, NEVER, Sum, Tests, advance, bits};
use crate::tally::{Slot, SlotKind, Tally};
use crate::vector::{VECTOR_COUNT, Vector};

/// Length of a step in nanoseconds.
pub const STEP_NANOSECONDS: i64 = 100_000_000;
/// Steps in a second.
pub(crate) const STEPS_PER_SECOND: f32 = 10.0;
/// The least excess of all packets of a kind that raises an alarm.
pub(crate) const VOLUME_ALARM_PACKETS: f32 = 300.0;
/// Part of the later fragments that first ones excuse that is still excused a step later.
const FRAGMENTS_KEPT_PER_STEP: f32 = 0.998;
/// Part of recent unwanted packets that is recent a step later. The records of an export come in lumps, a member of a
/// prefix now and then.
const MEMBERS_KEPT_PER_STEP: f32 = 0.9;

/// What came in a step, of what was still to come too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Closed {
    /// Packets.
    pub(crate) packets: f32,
    /// Unwanted packets.
    pub(crate) unwanted: f32,
    /// Bytes.
    pub(crate) bytes: f32,
}

/// What is known of one target. In cache lines of its own: what is asked for ahead is all of it and nothing else.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct TargetState {
    /// Step of what is here.
    pub(crate) step: i64,
    tests: Option<Box<Tests>>,
    /// Vectors with a cell that is not empty or a test that runs: one bit each.
    pub(crate) active: u64,
    /// Packets of long flow records that are still to be spread.
    pub(crate) reservoirs: Reservoirs,
    /// Packets a second towards the target before the flood, smoothed over a minute.
    pub(crate) baseline: f32,
    /// Steps that `baseline` has seen.
    pub(crate) baseline_steps: u32,
    /// Packets, decaying over a second.
    pub(crate) recent_packets: f32,
    /// Unwanted packets, decaying over a second ([`MEMBERS_KEPT_PER_STEP`]).
    pub(crate) recent_unwanted: f32,
    /// Handshakes completed, decaying over some seconds.
    pub(crate) completed: f32,
    /// Handshakes begun, decaying likewise.
    pub(crate) begun: f32,
    /// DNS answers it sent, decaying likewise.
    pub(crate) dns_answers: f32,
    /// Those that said that the name does not exist.
    pub(crate) dns_failures: f32,
    /// Later fragments that first ones excuse and that have not come yet.
    fragments_excused: f32,
    /// Packets of the current step.
    pub(crate) packets: f32,
    /// Bytes of the current step.
    pub(crate) bytes: f32,
    /// New conversations of the current step.
    pub(crate) new_flows: f32,
    /// Unwanted bytes of the current step.
    pub(crate) unwanted_bytes: f32,
    /// Recent unwanted packets of all addresses of a wider target.
    pub(crate) members_unwanted: f32,
    /// The heaviest of them.
    pub(crate) heaviest_member: (f32, u32),
    /// Step of the two.
    members_step: i64,
    /// Unwanted packets that it always gets.
    pub(crate) usual: Usual,
    /// Packets in an ordinary step, 0 if that is not known.
    pub(crate) ordinary_per_step: f32,
    /// Packets of long records that flowed out, and in how many steps, since somebody asked.
    flowed_out: (f32, i64),
    /// What the target sent in a step, where packets are sampled.
    pub(crate) excuses: Excuses,
    /// Largest sampling rate since a test runs or there is something to come.
    pub(crate) sampling: u32,
    /// Whether the target was seen to send.
    pub(crate) sends: bool,
    /// How many times the floors of an address hold here.
    factor: f32,
    /// What readiness multiplies them by: 1 on any day.
    floors: f32,
    /// When the last packet came.
    pub(crate) last_packet: Time,
    /// Index of the sketches while this target is suspect.
    pub(crate) suspect: Option<u32>,
    /// Index of the flood while there is one.
    pub(crate) flood: Option<u32>,
    /// Whether a wider target is on the list of those to look at when the step ends.
    pub(crate) listed: bool,
}

impl Default for TargetState {
    fn default() -> Self {
        Self {
            step: NEVER,
            tests: None,
            active: 0,
            reservoirs: Reservoirs::default(),
            baseline: 0.0,
            baseline_steps: 0,
            recent_packets: 0.0,
            recent_unwanted: 0.0,
            completed: 0.0,
            begun: 0.0,
            dns_answers: 0.0,
            dns_failures: 0.0,
            fragments_excused: 0.0,
            packets: 0.0,
            bytes: 0.0,
            new_flows: 0.0,
            unwanted_bytes: 0.0,
            members_unwanted: 0.0,
            heaviest_member: (0.0, u32::MAX),
            members_step: NEVER,
            usual: Usual::default(),
            ordinary_per_step: 0.0,
            flowed_out: (0.0, 0),
            excuses: Excuses::default(),
            sampling: 1,
            sends: false,
            factor: 1.0,
            floors: 1.0,
            last_packet: Time::default(),
            suspect: None,
            flood: None,
            listed: false,
        }
    }
}

impl TargetState {
    /// An address of which nothing is known, while floors are multiplied by this.
    pub(crate) fn with_floors(floors: f32) -> Self {
        Self { floors, ..Self::default() }
    }

    /// Floors are multiplied by this from now on.
    pub(crate) const fn lower_floors(&mut self, floors: f32) {
        self.floors = floors;
    }

    /// Forgets all that has a time; whether it sends and is suspect stays.
    pub(crate) fn forget_times(&mut self) {
        let Self { sends, suspect, factor, floors, usual, ordinary_per_step, .. } = *self;
        *self = Self { sends, suspect, factor, floors, usual, ordinary_per_step, ..Self::default() };
    }

    /// Whether there are tests, and so something out of the ordinary.
    #[inline]
    pub(crate) fn has_tests(&self) -> bool {
        self.tests.is_some()
    }

    /// What a vector's packets were in the current step.
    #[inline]
    pub(crate) fn cell(&self, index: usize) -> Cell {
        self.tests.as_ref().map_or_else(Cell::default, |tests| tests.cells[index])
    }

    /// The test of a vector.
    #[inline]
    pub(crate) fn sum(&self, index: usize) -> Sum {
        self.tests.as_ref().map_or_else(Sum::default, |tests| tests.sums[index])
    }

    /// The tests of the vectors that have any.
    pub(crate) fn running(&self) -> impl Iterator<Item = Sum> + '_ {
        self.running_by_vector().map(|(_, sum)| sum)
    }

    /// The same, each with its vector.
    pub(crate) fn running_by_vector(&self) -> impl Iterator<Item = (Vector, Sum)> + '_ {
        let all = bits(self.active).map(|index| (Vector::ALL[index], self.sum(index)));
        all.filter(|(_, sum)| sum.is_running())
    }

    /// Ends every test: what they found is a flood that is over.
    pub(crate) fn end_tests(&mut self) {
        if let Some(tests) = &mut self.tests {
            tests.sums = [Sum::default(); VECTOR_COUNT];
        }
    }

    /// Counts packets of a kind into the current step.
    #[inline]
    pub(crate) fn count(&mut self, index: usize, packets: f32, unwanted: f32) {
        let cell = &mut self.tests.get_or_insert_default().cells[index];
        cell.packets += packets;
        cell.unwanted += unwanted;
        self.active |= 1 << index;
    }

    /// Takes unwanted packets away that something explains: those that were counted, and beyond them those of long records that
    /// came and are still to be spread.
    pub(crate) fn excuse(&mut self, index: usize, packets: f32) {
        if !self.reservoirs.is_empty() {
            let cell = self.tests.as_ref().map_or(0.0, |tests| tests.cells[index].unwanted);
            let counted = self.sum(index).unwanted.max(0.0) + cell.max(0.0);
            self.reservoirs.take_back(index, (packets - counted).max(0.0));
        }
        self.count(index, 0.0, -packets);
    }

    /// Moves what came so far in the step into the cells and reservoirs. The caller empties the tally.
    pub(crate) fn absorb(&mut self, tally: &Tally, step: i64) {
        self.catch_up(step);
        self.take_up(tally);
        self.take_in(tally);
        self.sum_up(tally);
        if tally.sampling > 1 {
            sampled::excuse_by_inbound(self, tally);
        }
    }

    /// Adds the counts to cells and reservoirs.
    #[inline]
    fn take_in(&mut self, tally: &Tally) {
        // What is spread goes first: of it may be what is taken back.
        let mut comes_at_once = false;
        for (kind, slot) in tally.slots() {
            if kind.is_spread() {
                self.reservoirs.fill(kind, slot);
            } else {
                comes_at_once = true;
            }
        }
        if !comes_at_once {
            return;
        }
        for (kind, slot) in tally.slots().filter(|slot| !slot.0.is_spread()) {
            let unwanted = self.take_back_of_spread(kind, slot);
            self.count(kind.vector(), slot.packets, unwanted);
            self.tests.get_or_insert_default().cells[kind.vector()].fresh += slot.fresh;
        }
    }

    /// What is taken back may be of records that are still to be spread. Returns the unwanted packets of the step.
    #[inline]
    fn take_back_of_spread(&mut self, kind: SlotKind, slot: &Slot) -> f32 {
        if slot.unwanted < 0.0 && !self.reservoirs.is_empty() {
            -self.reservoirs.take_back(kind.vector(), -slot.unwanted)
        } else {
            slot.unwanted
        }
    }

    /// Empties the reservoirs. Returns the packets that were in them.
    pub(crate) fn cut_reservoirs(&mut self) -> u64 {
        self.active = 0;
        self.tests = None;
        self.reservoirs.cut()
    }

    /// Lets the reservoirs flow into the step's cells.
    fn drain(&mut self) {
        let mut reservoirs = std::mem::take(&mut self.reservoirs);
        reservoirs.drain(|out| {
            self.count(out.vector, out.packets, out.unwanted);
            self.packets += out.packets;
            self.bytes += out.bytes;
            if out.packets > 0.0 {
                self.unwanted_bytes += out.bytes * (out.unwanted / out.packets);
            }
        });
        self.reservoirs = reservoirs;
    }

    /// Closes the step: spreads flow records, excuses fragments, moves every test on. The
    /// cells stay until [`TargetState::clear_step`].
    pub(crate) fn close_step(&mut self, step: i64) -> Closed {
        self.catch_up(step);
        self.step = step;
        self.drain();
        if self.excuses.step == step {
            sampled::excuse_by_outbound(self);
        }
        self.excuse_fragments();
        let (blind, factor) = (!self.sends, self.factor);
        let samples = self.packets_of_samples();
        let mut unwanted = 0.0;
        let mut syns = 0.0;
        if let Some(tests) = &mut self.tests {
            for index in bits(self.active) {
                let cell = tests.cells[index];
                unwanted += cell.unwanted;
                let usual = self.usual.allowed(index, self.ordinary_per_step);
                let factor = factor * lowered(self.floors, index, self.ordinary_per_step);
                let level = Level { floor: side(&RULES[index], blind), usual, samples, factor };
                advance(&mut tests.sums[index], &RULES[index], cell, &level, step);
            }
            syns = tests.cells[Vector::SynFlood.index()].packets;
        }
        let unwanted = unwanted.max(0.0);
        let packets = self.packets;
        self.decay(syns, packets, unwanted);
        if self.flood.is_none() {
            self.move_baseline(packets);
        }
        Closed { packets, unwanted, bytes: self.bytes }
    }

    /// Later fragments are ordinary as far as first ones came with them. The two may be in different steps: samples
    /// are few, and the records of an export are not in order.
    fn excuse_fragments(&mut self) {
        if let Some(tests) = &mut self.tests {
            let cell = &mut tests.cells[Vector::FragmentFlood.index()];
            let excused = self.fragments_excused.min(cell.unwanted.max(0.0));
            cell.unwanted -= excused;
            self.fragments_excused -= excused;
        }
        self.fragments_excused = faded(self.fragments_excused * FRAGMENTS_KEPT_PER_STEP);
    }

    /// Empties the cells for the next step. Returns whether the next step is to be looked at even if nothing comes.
    pub(crate) fn clear_step(&mut self) -> bool {
        self.packets = 0.0;
        self.bytes = 0.0;
        self.new_flows = 0.0;
        self.unwanted_bytes = 0.0;
        let Some(tests) = &mut self.tests else { return false };
        let mut still = 0;
        for index in bits(self.active) {
            tests.cells[index] = Cell::default();
            if tests.sums[index].is_running() {
                still |= 1 << index;
            }
        }
        self.active = still;
        if still == 0 {
            self.forget_sampling();
            let flows_on = self.flows_out_above_floor();
            // A wider target has tests all the time.
            if self.flood.is_none() && !flows_on && self.factor == 1.0 {
                self.tests = None;
            }
            return flows_on;
        }
        !self.reservoirs.is_empty()
    }

    /// Nothing is tested: what comes next may be of another exporter. Not while there is to come what was sampled.
    #[inline]
    fn forget_sampling(&mut self) {
        if self.reservoirs.is_empty() {
            self.sampling = 1;
        }
    }

    /// Adds the totals of what came at once.
    #[inline]
    fn sum_up(&mut self, tally: &Tally) {
        for (_, slot) in tally.slots().filter(|slot| !slot.0.is_spread()) {
            self.packets += slot.packets;
            self.unwanted_bytes += slot.bytes;
        }
        self.bytes += tally.bytes;
        self.new_flows += tally.new_flows;
    }
}

/// What the floors of a vector are multiplied by. Of kinds of which ordinary hosts may always get many, only where it is known what is ordinary
/// for the target: a stream of media that is below the usual floor is no flood because a vote is near.
#[inline]
fn lowered(floors: f32, vector: usize, ordinary_per_step: f32) -> f32 {
    if floors < 1.0 && ordinary_per_step <= 0.0 && is_seen_in_ordinary_days(Vector::ALL[vector]) {
        1.0
    } else {
        floors
    }
}

/// What is left of recent unwanted packets after so many steps.
#[inline]
fn members_kept(steps: i64) -> f32 {
    MEMBERS_KEPT_PER_STEP.powi(i32::try_from(steps).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests;
