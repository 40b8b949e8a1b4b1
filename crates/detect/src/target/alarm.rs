//! How near an alarm a target is, and what is usual for it.

use super::{STEPS_PER_SECOND, TargetState, VOLUME_ALARM_PACKETS, lowered};
use crate::rules::{Floor, MINIMUM_SAMPLES, RULES, side};
use crate::sequential::bits;
use crate::tally::Tally;
use crate::vector::Vector;

impl TargetState {
    /// Learns how much of each kind is always unwanted. Call it for closed steps without a flood, before the cells are
    /// cleared; the counts of a calm step are given.
    #[inline]
    pub(crate) fn learn_usual(&mut self, calm: Option<&Tally>, settling: bool) {
        // SYNs that nothing follows are nobody's ordinary day, however evenly they come and since when. Of answers the port alone
        // says that they are some, which a client's own port may be by chance.
        let is_believed = |index: usize| settling && Vector::ALL[index] != Vector::SynFlood;
        if let Some(tally) = calm {
            for (kind, slot) in tally.slots().filter(|slot| slot.1.unwanted > 0.0) {
                let vector = kind.vector();
                let came = slot.unwanted * slot.part_of_step();
                let rest = if kind.is_spread() { self.reservoirs.next_unwanted(vector) } else { came };
                self.usual.learn(vector, came.max(rest), is_believed(vector));
            }
        } else if let Some(tests) = &self.tests {
            for index in bits(self.active) {
                self.usual.learn(index, tests.cells[index].unwanted, is_believed(index));
            }
        }
        self.usual.end_step();
    }

    /// Packets of long records that flowed out while nothing came, and in how many steps, since the last call.
    #[inline]
    pub(crate) fn take_flowed_out(&mut self) -> (f32, i64) {
        std::mem::take(&mut self.flowed_out)
    }

    /// Packets of long records that flowed out since somebody took them.
    #[inline]
    pub(crate) fn flowed_out(&self) -> f32 {
        self.flowed_out.0
    }

    /// Shows the packets of a step that was calm but for their number.
    pub(crate) fn show(&mut self, lead: Vector, packets: f32, bytes: f32) {
        self.count(lead.index(), packets, 0.0);
        self.packets = packets;
        self.bytes = bytes;
    }

    /// Whether what flows out in the next step moves a test.
    pub(super) fn flows_out_above_floor(&self) -> bool {
        bits(self.reservoirs.vectors()).any(|vector| {
            let floor =
                side(&RULES[vector], !self.sends).packets_per_second * self.floors(Vector::ALL[vector]);
            self.reservoirs.next_unwanted(vector) * STEPS_PER_SECOND > floor
        })
    }

    /// The floor that holds for a vector now.
    pub(crate) fn floor(&self, vector: Vector) -> Floor {
        let (floor, floors) = (self.usual_floor(vector), self.floors(vector));
        Floor {
            packets_per_second: floor.packets_per_second * floors,
            alarm_packets: floor.alarm_packets * floors,
            ..floor
        }
    }

    /// The floor that holds on any day.
    pub(crate) fn usual_floor(&self, vector: Vector) -> Floor {
        side(&RULES[vector.index()], !self.sends)
    }

    /// What readiness multiplies the floors of a vector by.
    #[inline]
    pub(crate) fn floors(&self, vector: Vector) -> f32 {
        lowered(self.floors, vector.index(), self.ordinary_per_step)
    }

    /// Unwanted packets a second of a vector that an ordinary second may have.
    pub(crate) fn usually_unwanted(&self, vector: Vector) -> f32 {
        self.usual.allowed(vector.index(), self.ordinary_per_step) * STEPS_PER_SECOND
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
    pub(crate) fn packets_of_samples(&self) -> f32 {
        if self.sampling > 1 { MINIMUM_SAMPLES * self.sampling as f32 } else { 0.0 }
    }

    /// How many alarms the excess of a vector is worth; 1 and more is an alarm.
    pub(crate) fn alarm_weight(&self, vector: Vector, factor: f32) -> f32 {
        let sum = self.sum(vector.index());
        let needed = self.floor(vector).alarm_packets * factor;
        let of_samples = self.packets_of_samples();
        let needed = needed.max(of_samples);
        let volume = VOLUME_ALARM_PACKETS * factor * self.floors(vector);
        (sum.unwanted / needed).max(sum.volume / of_samples.max(volume))
    }

    /// The largest [`TargetState::alarm_weight`].
    pub(crate) fn heaviest_alarm(&self, factor: f32) -> f32 {
        bits(self.active).map(|index| self.alarm_weight(Vector::ALL[index], factor)).fold(0.0, f32::max)
    }
}
