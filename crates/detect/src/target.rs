//! The counters of one target, and the sequential test on them.
//!
//! A target is an address, or a service, group or prefix into which its addresses are added up. Everything
//! here is of fixed size and cheap, because every target has it; what costs more is in [`crate::suspect`].

use wire::{Address, Time};

use crate::rules::{Floor, MINIMUM_SAMPLES, RULES, Rule};
use crate::vector::{VECTOR_COUNT, Vector};

/// Length of a step in nanoseconds.
pub const STEP_NANOSECONDS: i64 = 100_000_000;
/// Steps in a second.
pub(crate) const STEPS_PER_SECOND: f32 = 10.0;
/// Where the cumulative sum stops growing, in alarms: how far back a flood is remembered after it ended.
const SUM_MAXIMUM_ALARMS: f32 = 50.0;
/// The least excess of all packets of a kind that raises an alarm.
const VOLUME_ALARM_PACKETS: f32 = 300.0;
/// Step number of "not running".
const NEVER: i64 = i64::MIN;

/// What one vector's packets were in the current step.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Cell {
    /// Packets of the kind.
    pub(crate) packets: f32,
    /// Those that nobody asked for or answered; negative when earlier ones were taken back.
    pub(crate) unwanted: f32,
    /// Those that began a conversation.
    pub(crate) fresh: f32,
}

impl Cell {
    /// How many give reason to look closer.
    #[inline]
    pub(crate) fn interesting(&self) -> f32 {
        self.unwanted.max(self.fresh)
    }
}

/// The sequential test of one vector.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    /// Excess of unwanted packets over the floor.
    pub(crate) unwanted: f32,
    /// Excess of all packets of the kind over the volume floor.
    pub(crate) volume: f32,
    /// The step in which the excess began.
    pub(crate) since_step: i64,
    /// Packets of the kind since then.
    pub(crate) packets: f32,
    /// Unwanted ones of them.
    pub(crate) unwanted_packets: f32,
}

impl Default for Sum {
    fn default() -> Self {
        Self { unwanted: 0.0, volume: 0.0, since_step: NEVER, packets: 0.0, unwanted_packets: 0.0 }
    }
}

impl Sum {
    /// Whether the test is running.
    pub(crate) fn is_running(&self) -> bool {
        self.since_step != NEVER
    }
}

/// Flow records last longer than a step. Their packets lie here and flow into the steps at their own rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reservoir {
    vector: u8,
    scale: u8,
    packets: f32,
    unwanted: f32,
    bytes: f32,
    mean_seconds: f32,
}

/// The counters of one target.
#[derive(Clone, Debug)]
pub(crate) struct TargetState {
    /// Cells of the current step, by vector.
    pub(crate) cells: [Cell; VECTOR_COUNT],
    /// Tests, by vector.
    pub(crate) sums: [Sum; VECTOR_COUNT],
    /// Vectors with a cell that is not empty or a test that runs: one bit each.
    pub(crate) active: u64,
    /// Packets of the current step.
    pub(crate) packets: f32,
    /// Bytes of the current step.
    pub(crate) bytes: f32,
    /// New conversations of the current step.
    pub(crate) new_flows: f32,
    /// Unwanted bytes of the current step.
    pub(crate) unwanted_bytes: f32,
    /// Later fragments that first ones excuse and that have not come yet.
    pub(crate) fragments_excused: f32,
    /// Unwanted packets of the addresses that were added in the current step (of wider targets).
    pub(crate) members_unwanted: f32,
    /// The heaviest of them.
    pub(crate) heaviest_member: (f32, u32),
    /// Largest sampling rate since a test runs.
    pub(crate) sampling: u32,
    /// Handshakes completed, decaying over some seconds.
    pub(crate) completed: f32,
    /// Handshakes begun, decaying likewise.
    pub(crate) begun: f32,
    /// Packets a second towards the target before the flood, smoothed over a minute.
    pub(crate) baseline: f32,
    /// Steps that `baseline` has seen.
    pub(crate) baseline_steps: u32,
    /// Whether the target was seen to send.
    pub(crate) sends: bool,
    /// DNS answers it sent, decaying over some seconds.
    pub(crate) dns_answers: f32,
    /// Those that said that the name does not exist.
    pub(crate) dns_failures: f32,
    /// Whether it was seen to ask DNS servers, so that it is likely a resolver.
    pub(crate) resolves: bool,
    /// Step of the cells.
    pub(crate) step: i64,
    /// When the last packet came.
    pub(crate) last_packet: Time,
    /// Packets of long flow records that are still to be spread.
    pub(crate) reservoirs: Vec<Reservoir>,
    /// Index of the sketches while this target is suspect.
    pub(crate) suspect: Option<u32>,
    /// Index of the flood while there is one.
    pub(crate) flood: Option<u32>,
    /// Whether it is on the list of those to look at when the step ends.
    pub(crate) listed: bool,
}

impl Default for TargetState {
    fn default() -> Self {
        Self {
            cells: [Cell::default(); VECTOR_COUNT],
            sums: [Sum::default(); VECTOR_COUNT],
            active: 0,
            packets: 0.0,
            bytes: 0.0,
            new_flows: 0.0,
            unwanted_bytes: 0.0,
            fragments_excused: 0.0,
            members_unwanted: 0.0,
            heaviest_member: (0.0, u32::MAX),
            sampling: 1,
            completed: 0.0,
            begun: 0.0,
            baseline: 0.0,
            baseline_steps: 0,
            sends: false,
            resolves: false,
            dns_answers: 0.0,
            dns_failures: 0.0,
            step: NEVER,
            last_packet: Time::default(),
            reservoirs: Vec::new(),
            suspect: None,
            flood: None,
            listed: false,
        }
    }
}

/// An address with what the institution says of it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The address.
    pub(crate) address: Address,
    /// Indexes of the wider targets that hold it.
    pub(crate) wider: [u32; MAXIMUM_WIDER],
    /// How many of `wider` are set.
    pub(crate) wider_count: u8,
    /// Whether the flood would leave the institution: the address is somebody else's.
    pub(crate) is_outside: bool,
}

/// Most services, groups and prefixes that one address is counted into; more are left out (and said at start).
pub(crate) const MAXIMUM_WIDER: usize = 6;

/// How long flow records are sorted by, in seconds: a long one must not slow a short one down.
const SCALES_SECONDS: [f32; 3] = [1.0, 10.0, f32::INFINITY];

impl TargetState {
    /// Counts packets of a kind into the current step.
    #[inline]
    pub(crate) fn count(&mut self, vector: Vector, packets: f32, unwanted: f32) {
        let cell = &mut self.cells[vector.index()];
        cell.packets += packets;
        cell.unwanted += unwanted;
        self.active |= 1 << vector.index();
    }

    /// Counts a flow record that lasted `seconds`: its packets come into the following steps at their own
    /// rate, so that a long record that arrives at once is not a burst.
    pub(crate) fn spread(&mut self, vector: Vector, packets: f32, unwanted: f32, bytes: f32, seconds: f32) {
        let scale = SCALES_SECONDS.iter().position(|&limit| seconds <= limit).unwrap_or(2) as u8;
        let index = vector.index() as u8;
        self.active |= 1 << index;
        for reservoir in &mut self.reservoirs {
            if reservoir.vector == index && reservoir.scale == scale {
                let total = reservoir.packets + packets;
                reservoir.mean_seconds =
                    (reservoir.mean_seconds * reservoir.packets + seconds * packets) / total;
                reservoir.packets = total;
                reservoir.unwanted += unwanted;
                reservoir.bytes += bytes;
                return;
            }
        }
        // At most one per vector and scale, so the list is bounded.
        let mean_seconds = seconds;
        self.reservoirs.push(Reservoir { vector: index, scale, packets, unwanted, bytes, mean_seconds });
    }

    /// Takes back packets that were counted as unwanted and turned out wanted.
    #[inline]
    pub(crate) fn take_back(&mut self, vector: Vector, packets: f32) {
        let mut left = packets;
        for reservoir in &mut self.reservoirs {
            if reservoir.vector == vector.index() as u8 {
                let taken = left.min(reservoir.unwanted);
                reservoir.unwanted -= taken;
                left -= taken;
            }
        }
        if left > 0.0 {
            self.count(vector, 0.0, -left);
        }
    }

    /// Empties the reservoirs. Returns the packets that were in them.
    pub(crate) fn cut_reservoirs(&mut self) -> u64 {
        let packets: f32 = self.reservoirs.iter().map(|reservoir| reservoir.packets).sum();
        self.reservoirs.clear();
        self.active = 0;
        packets as u64
    }

    /// Lets the reservoirs flow into the step's cells.
    fn drain(&mut self) {
        let mut reservoirs = std::mem::take(&mut self.reservoirs);
        reservoirs.retain_mut(|reservoir| {
            let seconds = reservoir.mean_seconds.max(1.0 / STEPS_PER_SECOND);
            let all = reservoir.packets < 0.5;
            let part = if all { 1.0 } else { 1.0 - (-1.0 / (STEPS_PER_SECOND * seconds)).exp() };
            let (packets, unwanted) = (reservoir.packets * part, reservoir.unwanted * part);
            let bytes = reservoir.bytes * part;
            reservoir.packets -= packets;
            reservoir.unwanted -= unwanted;
            reservoir.bytes -= bytes;
            self.count(Vector::ALL[usize::from(reservoir.vector)], packets, unwanted);
            self.packets += packets;
            self.bytes += bytes;
            if packets > 0.0 {
                self.unwanted_bytes += bytes * (unwanted / packets);
            }
            !all
        });
        self.reservoirs = reservoirs;
    }

    /// Closes the step: spreads flow records, excuses fragments, moves every test on. Returns the unwanted
    /// packets of the step. The cells stay until [`TargetState::clear_step`], so that wider targets can add
    /// them up.
    pub(crate) fn close_step(&mut self, step: i64, factor: f32) -> f32 {
        if self.step != NEVER && step > self.step + 1 {
            self.idle(step - self.step - 1, factor);
        }
        self.step = step;
        self.drain();
        self.excuse_fragments();
        let blind = !self.sends;
        let samples = self.packets_of_samples();
        let mut unwanted = 0.0;
        for index in bits(self.active) {
            let cell = self.cells[index];
            unwanted += cell.unwanted;
            advance(&mut self.sums[index], &RULES[index], cell, (blind, samples), factor, step);
        }
        let decay = 1.0 - 1.0 / (3.0 * STEPS_PER_SECOND);
        self.dns_answers *= decay;
        self.dns_failures *= decay;
        self.completed *= decay;
        self.begun = self.begun * decay + self.cells[Vector::SynFlood.index()].packets;
        if self.flood.is_none() {
            self.move_baseline();
        }
        unwanted.max(0.0)
    }

    /// Later fragments are ordinary as far as first ones came with them. The two may be in different steps: samples
    /// are few, and the records of an export are not in order.
    fn excuse_fragments(&mut self) {
        const KEPT_PER_STEP: f32 = 0.998;
        let cell = &mut self.cells[Vector::FragmentFlood.index()];
        let excused = self.fragments_excused.min(cell.unwanted.max(0.0));
        cell.unwanted -= excused;
        self.fragments_excused = (self.fragments_excused - excused) * KEPT_PER_STEP;
    }

    /// Moves the tests over steps in which nothing came.
    fn idle(&mut self, steps: i64, factor: f32) {
        let seconds = steps as f32 / STEPS_PER_SECOND;
        let blind = !self.sends;
        for index in bits(self.active) {
            let floor = side(&RULES[index], blind);
            let sum = &mut self.sums[index];
            sum.unwanted -= floor.packets_per_second * factor * seconds;
            sum.volume -= RULES[index].volume_packets_per_second * factor * seconds;
            if sum.unwanted.max(sum.volume) <= 0.0 {
                *sum = Sum::default();
            }
        }
        let fade = (-seconds / 3.0).exp();
        self.completed *= fade;
        self.dns_answers *= fade;
        self.dns_failures *= fade;
        self.begun *= fade;
        let faded = (-seconds / 60.0).exp();
        self.baseline *= faded;
        self.baseline_steps = self.baseline_steps.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
    }

    /// Exponentially smoothed over a minute; over what there is while there is less.
    fn move_baseline(&mut self) {
        const WINDOW_STEPS: u32 = 600;
        self.baseline_steps = self.baseline_steps.saturating_add(1);
        let weight = 1.0 / self.baseline_steps.min(WINDOW_STEPS) as f32;
        self.baseline += (self.packets * STEPS_PER_SECOND - self.baseline) * weight;
    }

    /// Empties the cells for the next step. Returns whether there is still something to follow.
    pub(crate) fn clear_step(&mut self) -> bool {
        let mut still = 0;
        for index in bits(self.active) {
            self.cells[index] = Cell::default();
            if self.sums[index].is_running() {
                still |= 1 << index;
            }
        }
        for reservoir in &self.reservoirs {
            still |= 1 << reservoir.vector;
        }
        self.active = still;
        if still == 0 {
            self.sampling = 1;
        }
        self.packets = 0.0;
        self.bytes = 0.0;
        self.new_flows = 0.0;
        self.unwanted_bytes = 0.0;
        self.members_unwanted = 0.0;
        self.heaviest_member = (0.0, u32::MAX);
        !self.reservoirs.is_empty()
    }

    /// The floor that holds for a vector now.
    pub(crate) fn floor(&self, vector: Vector) -> Floor {
        side(&RULES[vector.index()], !self.sends)
    }

    /// The vectors whose excess is large enough for an alarm, with how many alarms' worth it is.
    pub(crate) fn alarms(&self, factor: f32) -> impl Iterator<Item = (Vector, f32)> + '_ {
        bits(self.active).filter_map(move |index| {
            let vector = Vector::ALL[index];
            let weight = self.alarm_weight(vector, factor);
            (weight >= 1.0).then_some((vector, weight))
        })
    }

    /// The packets that [`MINIMUM_SAMPLES`] stand for; 0 without sampling.
    fn packets_of_samples(&self) -> f32 {
        if self.sampling > 1 { MINIMUM_SAMPLES * self.sampling as f32 } else { 0.0 }
    }

    /// How many alarms the excess of a vector is worth; 1 and more is an alarm.
    pub(crate) fn alarm_weight(&self, vector: Vector, factor: f32) -> f32 {
        let sum = &self.sums[vector.index()];
        let needed = self.floor(vector).alarm_packets * factor;
        let of_samples = self.packets_of_samples();
        let needed = needed.max(of_samples);
        (sum.unwanted / needed).max(sum.volume / of_samples.max(VOLUME_ALARM_PACKETS * factor))
    }

    /// The largest [`TargetState::alarm_weight`].
    pub(crate) fn heaviest_alarm(&self, factor: f32) -> f32 {
        bits(self.active).map(|index| self.alarm_weight(Vector::ALL[index], factor)).fold(0.0, f32::max)
    }

    /// Takes out what an address added since its tests began: a flood of its own explains it.
    pub(crate) fn explain(&mut self, member: &Self, unwanted: f32) {
        for index in bits(member.active) {
            let (cell, since) = (member.cells[index], member.sums[index]);
            let own = &mut self.cells[index];
            own.packets -= cell.packets;
            own.unwanted -= cell.unwanted;
            own.fresh -= cell.fresh;
            let sum = &mut self.sums[index];
            sum.unwanted = (sum.unwanted - since.unwanted_packets + cell.unwanted).max(0.0);
            sum.unwanted_packets = (sum.unwanted_packets - since.unwanted_packets + cell.unwanted).max(0.0);
            sum.volume = (sum.volume - since.volume).max(0.0);
        }
        if unwanted > 0.0 {
            self.members_unwanted -= unwanted;
        }
    }

    /// Adds an address's step to this wider target. What the address's own flood explains is not unwanted here.
    pub(crate) fn add(&mut self, member: &Self, unwanted: f32, member_index: u32) {
        for index in bits(member.active) {
            let cell = member.cells[index];
            if member.flood.is_none() {
                self.cells[index].fresh += cell.fresh;
                self.count(Vector::ALL[index], cell.packets, cell.unwanted);
            }
        }
        self.packets += member.packets;
        self.bytes += member.bytes;
        self.new_flows += member.new_flows;
        self.unwanted_bytes += member.unwanted_bytes;
        self.sampling = self.sampling.max(member.sampling);
        self.sends |= member.sends;
        self.last_packet = self.last_packet.max(member.last_packet);
        if unwanted > 0.0 && member.flood.is_none() {
            self.members_unwanted += unwanted;
            if unwanted > self.heaviest_member.0 {
                self.heaviest_member = (unwanted, member_index);
            }
        }
    }
}

/// The column of a rule.
#[inline]
const fn side(rule: &Rule, blind: bool) -> Floor {
    if blind { rule.blind } else { rule.judged }
}

/// One step of the test of one vector.
#[inline]
fn advance(sum: &mut Sum, rule: &Rule, cell: Cell, (blind, samples): (bool, f32), factor: f32, step: i64) {
    let floor = side(rule, blind);
    let drift = floor.packets_per_second * factor / STEPS_PER_SECOND;
    let limit = (floor.alarm_packets * factor).max(samples) * SUM_MAXIMUM_ALARMS;
    let unwanted = (sum.unwanted + cell.unwanted - drift).clamp(0.0, limit.max(cell.unwanted));
    let volume = if rule.volume_packets_per_second.is_finite() {
        let drift = rule.volume_packets_per_second * factor / STEPS_PER_SECOND;
        let counted = if rule.volume_is_of_conversations { cell.fresh } else { cell.packets };
        (sum.volume + counted - drift).clamp(0.0, limit.max(counted))
    } else {
        0.0
    };
    if unwanted <= 0.0 && volume <= 0.0 {
        *sum = Sum::default();
        return;
    }
    if sum.since_step == NEVER {
        sum.since_step = step;
    }
    sum.unwanted = unwanted;
    sum.volume = volume;
    sum.packets += cell.packets;
    sum.unwanted_packets += cell.unwanted;
}

/// The indexes of the set bits.
#[inline]
pub(crate) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let index = set.trailing_zeros() as usize;
        set &= set - 1;
        Some(index)
    })
}

#[cfg(test)]
mod tests;
