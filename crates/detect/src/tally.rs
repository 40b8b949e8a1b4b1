//! What came to one address in the running step: two cache lines, whatever comes.
//!
//! Of the tens of thousands of addresses that a step touches, nearly all are as calm as ever. Here a record costs
//! one or two cache lines; only what is out of the ordinary when the step ends gets the tests of
//! [`crate::target`], which are ten times as large. Kinds beyond [`SLOTS`] in one step go to the tests at once.

use wire::{Address, Time};

use crate::target::STEPS_PER_SECOND;
use crate::vector::Vector;

/// Kinds of packets that one address can have in a step before it is looked at like a suspicious one.
pub(crate) const SLOTS: usize = 4;

/// Flow records of a kind are sorted by how long they lasted: a long one must not slow a short one down. In seconds,
/// inclusive. What does not outlast a step has none of these.
const SCALES_SECONDS: [f32; 3] = [1.0, 10.0, f32::INFINITY];
/// Place of the scale in the name of a slot.
const SCALE_SHIFT: u32 = 6;

/// Which packets a slot counts: a vector, and for flow records that outlast a step how long they lasted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SlotKind(u8);

impl SlotKind {
    /// Packets that came in the step.
    #[inline]
    pub(crate) const fn at_once(vector: Vector) -> Self {
        Self(vector as u8)
    }

    /// Packets of flow records that lasted `seconds`.
    #[inline]
    pub(crate) fn spread(vector: Vector, seconds: f32) -> Self {
        let scale = 1 + u8::from(seconds > SCALES_SECONDS[0]) + u8::from(seconds > SCALES_SECONDS[1]);
        Self(vector as u8 | scale << SCALE_SHIFT)
    }

    /// Index of the vector.
    #[inline]
    pub(crate) const fn vector(self) -> usize {
        (self.0 & ((1 << SCALE_SHIFT) - 1)) as usize
    }

    /// Whether the packets are still to be spread over the time that their records lasted.
    #[inline]
    pub(crate) const fn is_spread(self) -> bool {
        self.0 >> SCALE_SHIFT != 0
    }
}

/// Counts of one kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    /// Packets of the kind.
    pub(crate) packets: f32,
    /// Those that nobody asked for or answered; negative when earlier ones were taken back.
    pub(crate) unwanted: f32,
    /// Their bytes if they came at once; all bytes if they are still to be spread.
    pub(crate) bytes: f32,
    /// Those that began a conversation.
    pub(crate) fresh: f32,
    /// How long the records lasted, weighted by packets.
    pub(crate) packet_seconds: f32,
}

impl Slot {
    /// How long the records lasted in the mean.
    #[inline]
    pub(crate) fn mean_seconds(&self) -> f32 {
        self.packet_seconds / self.packets.max(1.0)
    }

    /// The part of the packets that a step gets: all, but for records that outlast it.
    #[inline]
    pub(crate) fn part_of_step(&self) -> f32 {
        if self.packet_seconds > 0.0 { 1.0 / (self.mean_seconds() * STEPS_PER_SECOND).max(1.0) } else { 1.0 }
    }
}

/// The slots are taken. The caller moves them to the tests and tries again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

/// The counters of the running step of one address.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(crate) struct Tally {
    /// Whose counters these are.
    pub(crate) address: Address,
    /// When the last packet came.
    pub(crate) last_packet: Time,
    /// Bytes of packets that came at once.
    pub(crate) bytes: f32,
    /// Largest sampling rate.
    pub(crate) sampling: u32,
    /// Index of the sketches, where [`flag::SUSPECT`] is set.
    pub(crate) suspect: u16,
    flags: u8,
    used: u8,
    kinds: [SlotKind; SLOTS],
    /// The first one ends in the first cache line, and most records need no other.
    slots: [Slot; SLOTS],
    /// New conversations.
    pub(crate) new_flows: f32,
    /// Later fragments that the first ones of the step excuse.
    pub(crate) excuses_fragments: f32,
}

/// Bits of `flags`.
pub(crate) mod flag {
    /// The target was seen to send.
    pub(crate) const SENDS: u8 = 1;
    /// It is on the list of those to look at when the step ends.
    pub(crate) const LISTED: u8 = 2;
    /// It is somebody else's address: what comes there leaves the institution.
    pub(crate) const OUTSIDE: u8 = 4;
    /// It has sketches.
    pub(crate) const SUSPECT: u8 = 8;
    /// Packets of long flow records are still to come, and somebody wants to know when.
    pub(crate) const DRIPS: u8 = 16;
    /// All of its packets are looked at, not only unwanted ones: there are too many of them.
    pub(crate) const LEVEL: u8 = 32;
}

impl Tally {
    /// Empty counters of an address.
    pub(crate) fn new(address: Address, flags: u8) -> Self {
        Self {
            address,
            last_packet: Time::default(),
            bytes: 0.0,
            new_flows: 0.0,
            excuses_fragments: 0.0,
            sampling: 1,
            suspect: 0,
            flags,
            used: 0,
            kinds: [SlotKind::default(); SLOTS],
            slots: [Slot::default(); SLOTS],
        }
    }

    /// Whether a bit of [`flag`] is set.
    #[inline]
    pub(crate) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// Sets a bit of [`flag`], or clears it.
    #[inline]
    pub(crate) const fn set(&mut self, flag: u8, is_set: bool) {
        if is_set {
            self.flags |= flag;
        } else {
            self.flags &= !flag;
        }
    }

    /// The counts of a kind, made if there is room.
    #[inline]
    pub(crate) fn slot(&mut self, kind: SlotKind) -> Result<&mut Slot, Full> {
        let used = usize::from(self.used);
        for place in 0..SLOTS {
            if self.kinds[place] == kind && place < used {
                return Ok(&mut self.slots[place]);
            }
        }
        if used == SLOTS {
            return Err(Full);
        }
        self.used += 1;
        self.kinds[used] = kind;
        Ok(&mut self.slots[used])
    }

    /// The counts of packets of a vector that came at once in this step.
    #[inline]
    pub(crate) fn at_once(&self, vector: Vector) -> Slot {
        let kind = SlotKind::at_once(vector);
        self.iter().find(|slot| slot.0 == kind).map(|slot| slot.1).unwrap_or_default()
    }

    /// What was counted, by kind.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SlotKind, Slot)> + '_ {
        self.slots().map(|(kind, slot)| (kind, *slot))
    }

    /// As [`Tally::iter`], without copies.
    #[inline]
    pub(crate) fn slots(&self) -> impl Iterator<Item = (SlotKind, &Slot)> {
        let used = usize::from(self.used).min(SLOTS);
        self.kinds[..used].iter().copied().zip(&self.slots[..used])
    }

    /// The kind of most packets.
    pub(crate) fn lead(&self) -> Vector {
        let rate = |slot: &Slot| slot.packets * slot.part_of_step();
        let heaviest = self.iter().max_by(|a, b| rate(&a.1).total_cmp(&rate(&b.1)));
        heaviest.map_or(Vector::UdpFlood, |(kind, _)| Vector::ALL[kind.vector()])
    }

    /// Empties the counters; what is known of the address stays.
    #[inline]
    pub(crate) fn clear(&mut self) {
        for place in 0..SLOTS {
            if place >= usize::from(self.used) {
                break;
            }
            self.slots[place] = Slot::default();
        }
        self.used = 0;
        self.bytes = 0.0;
        self.new_flows = 0.0;
        self.excuses_fragments = 0.0;
        self.sampling = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_is_two_cache_lines() {
        assert_eq!(size_of::<Tally>(), 128);
    }

    #[test]
    fn kinds_have_slots_of_their_own_until_there_are_none() {
        let mut tally = Tally::new(Address::default(), 0);
        let kinds = [
            SlotKind::at_once(Vector::SynFlood),
            SlotKind::spread(Vector::SynFlood, 0.5),
            SlotKind::spread(Vector::SynFlood, 5.0),
            SlotKind::spread(Vector::SynFlood, 50.0),
        ];
        for (number, kind) in kinds.into_iter().enumerate() {
            tally.slot(kind).unwrap().packets += 1.0 + number as f32;
        }
        tally.slot(kinds[2]).unwrap().packets += 1.0;
        assert_eq!(tally.iter().map(|slot| slot.1.packets).collect::<Vec<_>>(), [1.0, 2.0, 4.0, 4.0]);
        assert_eq!(tally.slot(SlotKind::at_once(Vector::AckFlood)).err(), Some(Full));
        tally.clear();
        assert_eq!(tally.iter().count(), 0);
        assert_eq!(tally.slot(kinds[3]).unwrap().packets, 0.0, "nothing is left of the step before");
    }
}
