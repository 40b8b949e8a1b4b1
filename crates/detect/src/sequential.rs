//! The sequential test of one vector: Page's cumulative sum ("Continuous inspection schemes", Biometrika 1954).
//!
//! What is above the floor adds up, what is below takes away; an alarm is so much above the floor, however long it
//! took. The same is done with all packets of a kind, where a rule says so.

use crate::rules::{Floor, Rule};
use crate::target::STEPS_PER_SECOND;
use crate::vector::VECTOR_COUNT;

/// Where the cumulative sum stops growing, in alarms: how far back a flood is remembered after it ended.
const SUM_MAXIMUM_ALARMS: f32 = 50.0;
/// Step number of "not running".
pub(crate) const NEVER: i64 = i64::MIN;

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

/// The cells of the running step and the tests of a target that is out of the ordinary.
#[derive(Clone, Debug)]
pub(crate) struct Tests {
    /// By vector.
    pub(crate) cells: [Cell; VECTOR_COUNT],
    /// By vector.
    pub(crate) sums: [Sum; VECTOR_COUNT],
}

impl Default for Tests {
    fn default() -> Self {
        Self { cells: [Cell::default(); VECTOR_COUNT], sums: [Sum::default(); VECTOR_COUNT] }
    }
}

/// What a test measures by.
pub(crate) struct Level {
    /// The floor.
    pub(crate) floor: Floor,
    /// Unwanted packets that are usual in a step.
    pub(crate) usual: f32,
    /// Packets that the least number of samples stands for; 0 without sampling.
    pub(crate) samples: f32,
    /// How many times the floor holds.
    pub(crate) factor: f32,
}

/// One step of the test of one vector.
#[inline]
pub(crate) fn advance(sum: &mut Sum, rule: &Rule, cell: Cell, level: &Level, step: i64) {
    let Level { floor, usual, samples, factor } = *level;
    let drift = floor.packets_per_second * factor / STEPS_PER_SECOND + usual;
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
