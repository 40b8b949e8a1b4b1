//! Packets of flow records that outlast a step: they flow into the steps at their own rate, from arrival on.
//!
//! A record of a minute that arrives at once is not a burst. One reservoir holds all records of a vector of about the
//! same duration; it empties exponentially with their mean duration. What is taken out of several steps at once is
//! the same as what these steps would have taken one by one.

use smallvec::SmallVec;

use crate::tally::{Slot, SlotKind};
use crate::target::STEPS_PER_SECOND;

/// Fewer packets than this flow out at once.
const REST_PACKETS: f32 = 0.5;

/// Packets of one kind that are still to come.
#[derive(Clone, Copy, Debug)]
struct Reservoir {
    kind: SlotKind,
    packets: f32,
    unwanted: f32,
    bytes: f32,
    mean_seconds: f32,
}

/// What flowed out of a reservoir.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outflow {
    /// Index of the vector.
    pub(crate) vector: usize,
    /// Packets.
    pub(crate) packets: f32,
    /// Unwanted ones of them.
    pub(crate) unwanted: f32,
    /// Bytes.
    pub(crate) bytes: f32,
}

impl Reservoir {
    /// The part that flows out in a step. Asked for once a step; records that are added are more.
    #[inline]
    fn part(&self) -> f32 {
        if self.packets < REST_PACKETS { 1.0 } else { part_in(STEPS_PER_SECOND * self.mean_seconds) }
    }

    /// The part that flows out in so many steps.
    fn part_of(&self, steps: f32) -> f32 {
        if self.packets < REST_PACKETS {
            return 1.0;
        }
        1.0 - (-steps / (STEPS_PER_SECOND * self.mean_seconds).max(1.0)).exp()
    }

    #[inline]
    fn take(&mut self, part: f32) -> Outflow {
        let (packets, unwanted, bytes) = (self.packets * part, self.unwanted * part, self.bytes * part);
        self.packets -= packets;
        self.unwanted -= unwanted;
        self.bytes -= bytes;
        Outflow { vector: self.kind.vector(), packets, unwanted, bytes }
    }
}

/// 1 - exp(-1 / steps), within one part in a thousand (Padé): a step's part of what empties in that many.
#[inline]
fn part_in(steps: f32) -> f32 {
    let x = 1.0 / steps.max(1.0);
    x / (1.0 + x * (0.5 + x * (1.0 / 12.0)))
}

/// The reservoirs of a target: at most one for each vector and scale, and most targets have one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reservoirs(SmallVec<[Reservoir; 1]>);

impl Reservoirs {
    /// Whether nothing is to come.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds records.
    #[inline]
    pub(crate) fn fill(&mut self, kind: SlotKind, slot: &Slot) {
        if let Some(reservoir) = self.0.iter_mut().find(|reservoir| reservoir.kind == kind) {
            let total = reservoir.packets + slot.packets;
            if total > 0.0 {
                reservoir.mean_seconds =
                    (reservoir.mean_seconds * reservoir.packets + slot.packet_seconds) / total;
            }
            reservoir.packets = total;
            reservoir.unwanted += slot.unwanted;
            reservoir.bytes += slot.bytes;
            return;
        }
        let Slot { packets, unwanted, bytes, .. } = *slot;
        let mean_seconds = slot.mean_seconds();
        self.0.push(Reservoir { kind, packets, unwanted, bytes, mean_seconds });
    }

    /// Lets one step flow out.
    #[inline]
    pub(crate) fn drain(&mut self, mut out: impl FnMut(Outflow)) {
        self.0.retain_mut(|reservoir| {
            let part = reservoir.part();
            out(reservoir.take(part));
            part < 1.0
        });
    }

    /// Lets so many steps flow out at once. Returns the packets.
    pub(crate) fn leave(&mut self, steps: i64) -> f32 {
        let mut packets = 0.0;
        self.0.retain_mut(|reservoir| {
            let part = reservoir.part_of(steps as f32);
            packets += reservoir.take(part).packets;
            part < 1.0
        });
        packets
    }

    /// Whether unwanted packets are to come.
    #[inline]
    pub(crate) fn has_unwanted(&self) -> bool {
        self.0.iter().any(|reservoir| reservoir.unwanted > 0.0)
    }

    /// Unwanted packets of a vector that flow out in the next step.
    #[inline]
    pub(crate) fn next_unwanted(&self, vector: usize) -> f32 {
        let of_vector = self.0.iter().filter(|reservoir| reservoir.kind.vector() == vector);
        of_vector.map(|reservoir| reservoir.unwanted * reservoir.part()).sum()
    }

    /// All packets of a vector that flow out in the next step.
    #[inline]
    pub(crate) fn next_packets(&self, vector: usize) -> f32 {
        let of_vector = self.0.iter().filter(|reservoir| reservoir.kind.vector() == vector);
        of_vector.map(|reservoir| reservoir.packets * reservoir.part()).sum()
    }

    /// The vectors that have something to come, a bit each.
    pub(crate) fn vectors(&self) -> u64 {
        self.0.iter().fold(0, |set, reservoir| set | 1 << reservoir.kind.vector())
    }

    /// Takes back unwanted packets of a vector. Returns how many were not there.
    pub(crate) fn take_back(&mut self, vector: usize, packets: f32) -> f32 {
        let mut left = packets;
        for reservoir in self.0.iter_mut().filter(|reservoir| reservoir.kind.vector() == vector) {
            let taken = left.min(reservoir.unwanted.max(0.0));
            reservoir.unwanted -= taken;
            left -= taken;
        }
        left
    }

    /// Takes out what another target put in: its own flood explains it.
    pub(crate) fn take_out(&mut self, other: &Self) {
        for theirs in &other.0 {
            if let Some(own) = self.0.iter_mut().find(|own| own.kind == theirs.kind) {
                own.packets = (own.packets - theirs.packets).max(0.0);
                own.unwanted = (own.unwanted - theirs.unwanted).max(0.0);
                own.bytes = (own.bytes - theirs.bytes).max(0.0);
            }
        }
    }

    /// Empties all. Returns the packets that were to come.
    pub(crate) fn cut(&mut self) -> u64 {
        let packets: f32 = self.0.iter().map(|reservoir| reservoir.packets).sum();
        self.0.clear();
        packets as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::Vector;

    fn filled(seconds: f32) -> Reservoirs {
        let mut reservoirs = Reservoirs::default();
        let slot = Slot {
            packets: 7_200.0,
            unwanted: 720.0,
            bytes: 7.2e5,
            packet_seconds: 7_200.0 * seconds,
            ..Slot::default()
        };
        reservoirs.fill(SlotKind::spread(Vector::UdpFlood, seconds), &slot);
        reservoirs
    }

    #[test]
    fn many_steps_at_once_are_as_many_steps_one_by_one() {
        let (mut one, mut all) = (filled(60.0), filled(60.0));
        let mut packets = 0.0;
        for _ in 0..300 {
            one.drain(|out| packets += out.packets);
        }
        let at_once = all.leave(300);
        assert!((packets - at_once).abs() < 1.0, "{packets} {at_once}");
        assert!(!all.is_empty());
        assert!((packets + all.leave(1_000_000) - 7_200.0).abs() < 1.0, "nothing is lost");
        assert!(all.is_empty());
    }

    #[test]
    fn the_part_of_a_step_is_that_of_an_exponential() {
        for steps in [1.0_f32, 1.5, 3.0, 10.0, 600.0, 18_000.0] {
            let exact = -(-1.0 / steps).exp_m1();
            assert!((part_in(steps) / exact - 1.0).abs() < 1e-3, "{steps}: {} {exact}", part_in(steps));
        }
        assert_eq!(part_in(0.1), part_in(1.0), "never more than a step takes");
    }

    #[test]
    fn what_is_wanted_in_the_end_is_taken_back_as_far_as_it_is_there() {
        let mut reservoirs = filled(60.0);
        assert_eq!(reservoirs.take_back(Vector::UdpFlood.index(), 1_000.0), 280.0);
        assert_eq!(reservoirs.take_back(Vector::SynFlood.index(), 5.0), 5.0);
        assert_eq!(reservoirs.next_unwanted(Vector::UdpFlood.index()), 0.0);
        assert!(reservoirs.next_packets(Vector::UdpFlood.index()) > 11.0);
    }
}
