//! What comes to a target that has a ceiling: all of it, wanted and unwanted, over the last second.
//!
//! It is counted beside the detector's own counters, since a calm target has none and a wider one leaves out what
//! floods of its members explain. A ceiling is of a second, so the last ten steps are added up in each step: what is
//! above it is known at once, wherever the second begins.
//!
//! Limits: packets of long flow records are spread over their time; their sources and connections count when the record
//! comes. New connections are new conversations; where packets are sampled, they are the SYN packets that the samples
//! stand for. Queries are packets of DNS over UDP. Sources are counted anew each second, with a standard error of 3.3 %.

use institution::{Ceiling, Target};
use sketch::{DistinctCount, KeyedState};

use crate::fade::faded;
use crate::policy::{Exceeded, Measured, exceeded};
use crate::reservoir::Reservoirs;
use crate::sequential::NEVER;
use crate::tally::Tally;
use crate::vector::{VECTOR_COUNT, Vector};

const WINDOW_STEPS: i64 = 10;
/// HyperLogLog with 2^10 registers, as for suspects.
const SOURCES_PRECISION: u8 = 10;
/// What is left of the packets by kind a step later.
const KINDS_KEPT_PER_STEP: f32 = 0.9;

/// Where a target with a ceiling is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// By the bits of its address: its index changes when it makes room and comes back.
    Address(wire::Address),
    /// Index of a wider target.
    Wider(u32),
}

/// What came in one step.
#[derive(Clone, Copy, Default, Debug)]
struct Step {
    packets: f32,
    bytes: f32,
    connections: f32,
    queries: f32,
}

/// A target with a ceiling.
pub(super) struct Watch {
    pub(super) place: Place,
    pub(super) target: Target,
    ceiling: Ceiling,
    steps: [Step; WINDOW_STEPS as usize],
    kinds: [f32; VECTOR_COUNT],
    reservoirs: Reservoirs,
    sources: Option<DistinctCount>,
    sources_second: i64,
    step: i64,
    closed_step: i64,
    /// Since when it is above its ceiling without a break.
    above_since: Option<i64>,
}

impl Watch {
    pub(super) fn new(place: Place, target: Target, ceiling: Ceiling, key: &KeyedState) -> Self {
        let sources =
            ceiling.sources_per_second.and_then(|_| DistinctCount::new(SOURCES_PRECISION, key).ok());
        Self {
            place,
            target,
            ceiling,
            steps: [Step::default(); WINDOW_STEPS as usize],
            kinds: [0.0; VECTOR_COUNT],
            reservoirs: Reservoirs::default(),
            sources,
            sources_second: NEVER,
            step: NEVER,
            closed_step: NEVER,
            above_since: None,
        }
    }

    /// Whether its sources are to be counted.
    pub(super) fn counts_sources(&self) -> bool {
        self.sources.is_some()
    }

    /// Forgets all that has a time.
    pub(super) fn begin_again(&mut self) {
        self.steps = [Step::default(); WINDOW_STEPS as usize];
        self.reservoirs = Reservoirs::default();
        (self.step, self.closed_step, self.above_since) = (NEVER, NEVER, None);
        self.sources_second = NEVER;
    }

    /// Moves on to a step; in those before it what is left of long records flowed out.
    pub(super) fn move_to(&mut self, step: i64) {
        if self.step == NEVER {
            self.step = step;
        }
        if step <= self.step {
            return;
        }
        let missed = step - self.step - 1;
        if missed > WINDOW_STEPS && !self.reservoirs.is_empty() {
            self.reservoirs.leave(missed - WINDOW_STEPS);
        }
        for at in step - missed.min(WINDOW_STEPS)..step {
            *self.at(at) = Step::default();
            self.drain(at);
        }
        *self.at(step) = Step::default();
        self.kinds.iter_mut().for_each(|packets| *packets = faded(*packets * KINDS_KEPT_PER_STEP));
        self.step = step;
    }

    fn at(&mut self, step: i64) -> &mut Step {
        &mut self.steps[step.rem_euclid(WINDOW_STEPS) as usize]
    }

    fn drain(&mut self, step: i64) {
        if self.reservoirs.is_empty() {
            return;
        }
        let mut reservoirs = std::mem::take(&mut self.reservoirs);
        reservoirs.drain(|out| {
            self.kinds[out.vector] += out.packets;
            let to = self.at(step);
            to.packets += out.packets;
            to.bytes += out.bytes;
            to.queries += of_queries(out.vector, out.packets);
        });
        self.reservoirs = reservoirs;
    }

    /// Adds what came to an address in this step.
    pub(super) fn add(&mut self, tally: &Tally, step: i64) {
        self.move_to(step);
        let mut syns = 0.0;
        for (kind, slot) in tally.iter() {
            if kind.vector() == Vector::SynFlood.index() {
                syns += slot.packets;
            }
            if kind.is_spread() {
                self.reservoirs.fill(kind, &slot);
                continue;
            }
            self.kinds[kind.vector()] += slot.packets;
            let to = self.at(step);
            to.packets += slot.packets;
            to.queries += of_queries(kind.vector(), slot.packets);
        }
        let to = self.at(step);
        to.bytes += tally.bytes;
        to.connections += if tally.sampling > 1 { syns } else { tally.new_flows };
    }

    /// Counts a source by its keyed hash.
    pub(super) fn add_source(&mut self, hash: u64, step: i64) {
        let Some(sources) = &mut self.sources else { return };
        let second = step.div_euclid(WINDOW_STEPS);
        if second != self.sources_second {
            self.sources_second = second;
            sources.clear();
        }
        sources.insert_hash(hash);
    }

    /// Closes a step. Returns by how much the last second is above the ceiling.
    pub(super) fn close(&mut self, step: i64) -> Option<Exceeded> {
        self.move_to(step);
        if self.closed_step != step {
            self.closed_step = step;
            self.drain(step);
        }
        let found = exceeded(&self.ceiling, &self.measure(step));
        self.above_since = found.and(self.above_since.or(Some(step)));
        found
    }

    fn measure(&self, step: i64) -> Measured {
        let sum = |of: fn(&Step) -> f32| self.steps.iter().map(|step| f64::from(of(step))).sum::<f64>();
        let of_second = |_: &&DistinctCount| self.sources_second == step.div_euclid(WINDOW_STEPS);
        Measured {
            bits_per_second: sum(|step| step.bytes) * 8.0,
            packets_per_second: sum(|step| step.packets),
            new_connections_per_second: sum(|step| step.connections),
            queries_per_second: sum(|step| step.queries),
            sources_per_second: self.sources.as_ref().filter(of_second).map_or(0.0, DistinctCount::estimate),
        }
    }

    /// Whether it has been above its ceiling for a second.
    pub(super) fn is_above_for_a_second(&self, step: i64) -> bool {
        self.above_since.is_some_and(|since| step - since >= WINDOW_STEPS)
    }

    /// Packets of the last second.
    pub(super) fn packets_per_second(&self) -> f32 {
        self.steps.iter().map(|step| step.packets).sum()
    }

    /// Packets and bytes of the last second's steps, this one first.
    pub(super) fn last_steps(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        (0..WINDOW_STEPS).map(|back| {
            let step = &self.steps[(self.step - back).rem_euclid(WINDOW_STEPS) as usize];
            (step.packets, step.bytes)
        })
    }

    /// Since which of the last second's steps there has been more than `packets_per_step`.
    pub(super) fn since(&self, packets_per_step: f32) -> i64 {
        let before = self.last_steps().skip(1).take_while(|step| step.0 > packets_per_step);
        self.step - before.count() as i64
    }

    /// The kind that most packets of the last seconds are of.
    pub(super) fn lead(&self) -> Vector {
        let heaviest = Vector::of_packets().iter().zip(&self.kinds).max_by(|a, b| a.1.total_cmp(b.1));
        heaviest.map_or(Vector::UdpFlood, |(vector, _)| *vector)
    }
}

fn of_queries(vector: usize, packets: f32) -> f32 {
    if vector == Vector::DnsQueryFlood.index() { packets } else { 0.0 }
}
