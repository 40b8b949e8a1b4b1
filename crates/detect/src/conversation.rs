//! Who spoke first, and was anybody answered: the memory that tells a wanted packet from an unwanted one.
//!
//! A fixed table of recent conversations (addresses, protocol, ports; both directions are one entry). It is a
//! cache, not a record: sets of eight in one cache line, keyed hash, and when a set is full the entry goes that was never
//! answered and is the oldest. A flood of new conversations therefore pushes out other unanswered ones before
//! it touches what two sides have agreed to. Losing an entry makes a packet look new, nothing worse.
//!
//! An entry is 8 bytes with a tag of 16 bits, so one packet in 8,000 is taken for one of another conversation.
//! That is the price of a table that stays in the cache and its pages in the TLB: with 16 bytes and twice the
//! entries this one load was a third of the time of a whole replay.

use sketch::{KeyedState, TableKey};
use wire::Address;

use crate::vector::protocol;
use crate::{Observation, near};

/// Default number of conversations that are remembered: 2^18 entries of 8 bytes, 2 MiB.
pub const DEFAULT_CONVERSATIONS: usize = 1 << 18;
/// A conversation that was silent for this many seconds is forgotten.
const FORGET_AFTER_SECONDS: u16 = 300;
const STEPS_PER_SECOND: u32 = 10;
const WAYS: usize = 8;
const TAGS_PER_WORD: usize = 4;

/// Bits of [`Conversation::state`].
pub(crate) mod state {
    /// The side with the lower address and port has sent.
    pub(crate) const LOW_SENT: u16 = 1;
    /// The other side has sent.
    pub(crate) const HIGH_SENT: u16 = 2;
    /// The other side sent first.
    pub(crate) const HIGH_FIRST: u16 = 4;
    /// The side that spoke first sent a SYN.
    pub(crate) const SYN: u16 = 8;
    /// The other side answered with SYN and ACK.
    pub(crate) const SYN_ACK: u16 = 16;
    /// The handshake is complete.
    pub(crate) const ESTABLISHED: u16 = 32;
    /// The side that spoke first has sent payload.
    pub(crate) const CARRIED: u16 = 64;
    /// That payload began with a TLS ClientHello.
    pub(crate) const HELLO: u16 = 128;
    /// The side that did not speak first has answered.
    pub(crate) const ANSWERED: u16 = 256;
    /// How many packets with payload the side that spoke first has sent, up to [`CARRIED_MAXIMUM`].
    pub(crate) const CARRIED_COUNT: u16 = 0b11 << CARRIED_SHIFT;
    /// Place of that count.
    pub(crate) const CARRIED_SHIFT: u32 = 9;
    /// Where it stops.
    pub(crate) const CARRIED_MAXIMUM: u16 = 3;
}

/// What is remembered of one conversation, taken out of the table for as long as a packet of it is judged.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Conversation {
    /// Bits of [`state`].
    pub(crate) state: u16,
    /// Packets that were counted as unwanted and are taken back when the conversation turns out wanted; in the
    /// code of [`encode`].
    outstanding: u8,
    /// Index of the vector that `outstanding` was counted under.
    pub(crate) vector: u8,
}

/// Where a conversation is to be put back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    set: usize,
    way: usize,
}

/// Numbers up to half a million in 8 bits, exact up to 32 and then to one part in 16, rounded down: flow records
/// stand for thousands of packets.
const fn encode(number: u32) -> u8 {
    if number < 16 {
        return number as u8;
    }
    let exponent = 27 - number.leading_zeros();
    if exponent >= 15 { u8::MAX } else { ((exponent + 1) << 4 | (number >> exponent & 0xf)) as u8 }
}

/// The number of a code.
const fn decode(code: u8) -> u32 {
    let (exponent, mantissa) = (code as u32 >> 4, code as u32 & 0xf);
    if exponent == 0 { mantissa } else { (16 + mantissa) << (exponent - 1) }
}

/// Where a conversation is, and which side of it a packet is on.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Key {
    /// The keyed hash of both directions.
    hash: u64,
    /// Whether the side with the lower address and port is the sender.
    low_sends: bool,
}

/// The entries that one hash can be in: one cache line, field by field, so that all eight are compared at once.
#[derive(Clone, Copy, Default, Debug)]
#[repr(C, align(64))]
struct Set {
    /// Parts of the hashes, four in a word, the first in its lowest bits; 0 = this entry is free.
    tags: [u64; WAYS / TAGS_PER_WORD],
    /// Seconds of the last packets, wrapping.
    seen_seconds: [u16; WAYS],
    states: [u16; WAYS],
    outstanding: [u8; WAYS],
    vectors: [u8; WAYS],
}

impl Set {
    #[inline]
    const fn tag(&self, way: usize) -> u16 {
        (self.tags[way / TAGS_PER_WORD] >> (16 * (way % TAGS_PER_WORD))) as u16
    }

    #[inline]
    const fn set_tag(&mut self, way: usize, tag: u16) {
        let (word, shift) = (&mut self.tags[way / TAGS_PER_WORD], 16 * (way % TAGS_PER_WORD));
        *word = *word & !(0xffff << shift) | (tag as u64) << shift;
    }
}

impl Conversation {
    /// A SYN on ports that were in use before: another conversation, begun by this packet's sender.
    pub(crate) fn begin_again(&mut self, side: Side) {
        let high_first = if side.sent == state::HIGH_SENT { state::HIGH_FIRST } else { 0 };
        self.state = side.sent | high_first;
        self.outstanding = 0;
    }

    /// Packets that were counted as unwanted, about.
    #[inline]
    pub(crate) fn outstanding(&self) -> u32 {
        decode(self.outstanding)
    }

    /// Notes packets as counted under a vector.
    #[inline]
    pub(crate) fn owe(&mut self, vector: u8, packets: u64) {
        let before = if self.vector == vector { self.outstanding() } else { 0 };
        self.vector = vector;
        let packets = u32::try_from(packets).unwrap_or(u32::MAX);
        self.outstanding = encode(before.saturating_add(packets));
    }

    /// Takes back everything that is outstanding.
    #[inline]
    pub(crate) fn settle(&mut self) -> u32 {
        decode(std::mem::take(&mut self.outstanding))
    }

    /// Counts a packet with payload of the side that spoke first. Returns the count, which stops at
    /// [`state::CARRIED_MAXIMUM`].
    pub(crate) fn count_carried(&mut self) -> u16 {
        let count = (self.state & state::CARRIED_COUNT) >> state::CARRIED_SHIFT;
        let count = (count + 1).min(state::CARRIED_MAXIMUM);
        self.state = self.state & !state::CARRIED_COUNT | count << state::CARRIED_SHIFT;
        count
    }
}

/// The two sides of a packet as its conversation sees them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    /// The bit that this packet's sender sets.
    pub(crate) sent: u16,
    /// The bit that the receiver would have set.
    pub(crate) other_sent: u16,
    /// Whether this packet's sender is the one that spoke first.
    pub(crate) is_first_speaker: bool,
    /// Whether the conversation was not known before.
    pub(crate) is_new: bool,
}

/// The table of conversations.
pub(crate) struct Conversations {
    sets: Vec<Set>,
    mask: usize,
    /// Entries that were pushed out before they were forgotten.
    pub(crate) evicted: u64,
}

/// What the places of conversations are found by.
#[derive(Clone, Debug)]
pub(crate) struct ConversationKeys {
    ipv4_key: TableKey<2>,
    ipv6_key: TableKey<5>,
}

impl Conversations {
    /// A table of about `capacity` entries (rounded up to a power of two).
    pub(crate) fn new(capacity: usize) -> Self {
        let sets = (capacity / WAYS).next_power_of_two().max(1);
        Self { sets: vec![Set::default(); sets], mask: sets - 1, evicted: 0 }
    }

    /// The state of this packet's conversation and whether its sender spoke first, if both sides have spoken, no
    /// handshake is under way and nothing is to be taken back: hardly a packet of such a one tells anything new.
    #[inline]
    pub(crate) fn settled(&mut self, key: Key, step: u32) -> Option<(u16, bool)> {
        const BOTH: u16 = state::LOW_SENT | state::HIGH_SENT | state::ANSWERED;
        let set = &mut self.sets[key.hash as usize & self.mask];
        let second = (step / STEPS_PER_SECOND) as u16;
        let way = find(set, key.tag(), second)?;
        let state = set.states[way];
        let opens = state & (state::SYN | state::ESTABLISHED) == state::SYN;
        if state & BOTH != BOTH || opens || set.outstanding[way] != 0 {
            return None;
        }
        set.seen_seconds[way] = second;
        Some((state, (state & state::HIGH_FIRST == 0) == key.low_sends))
    }

    /// The entry of this packet's conversation, made if it is not there, with the sender noted in it unless
    /// `quiet` (a reset or an error message is no answer). It is a copy: put it back with [`Conversations::put`].
    #[inline]
    pub(crate) fn note(&mut self, key: Key, step: u32, quiet: bool) -> (Conversation, Side, Place) {
        let place = key.hash as usize & self.mask;
        let set = &mut self.sets[place];
        let tag = key.tag();
        let second = (step / STEPS_PER_SECOND) as u16;
        let found = find(set, tag, second);
        let is_new = found.is_none();
        let way = found.unwrap_or_else(|| {
            let (way, is_evicted) = victim(set, second);
            self.evicted += u64::from(is_evicted);
            way
        });
        let (sent, other_sent) = if key.low_sends {
            (state::LOW_SENT, state::HIGH_SENT)
        } else {
            (state::HIGH_SENT, state::LOW_SENT)
        };
        let mut conversation = if is_new {
            let state = if key.low_sends { 0 } else { state::HIGH_FIRST };
            Conversation { state, ..Conversation::default() }
        } else {
            Conversation {
                state: set.states[way],
                outstanding: set.outstanding[way],
                vector: set.vectors[way],
            }
        };
        set.set_tag(way, tag);
        set.seen_seconds[way] = second;
        let is_first_speaker = (conversation.state & state::HIGH_FIRST == 0) == key.low_sends;
        let side = Side { sent, other_sent, is_first_speaker, is_new };
        if !quiet {
            conversation.state |= sent;
        }
        (conversation, side, Place { set: place, way })
    }

    /// Puts a conversation back where [`Conversations::note`] took it from.
    #[inline]
    pub(crate) fn put(&mut self, place: Place, conversation: Conversation) {
        let (set, way) = (&mut self.sets[place.set], place.way % WAYS);
        set.states[way] = conversation.state;
        set.outstanding[way] = conversation.outstanding;
        set.vectors[way] = conversation.vector;
    }

    /// Brings the cache line of a conversation near.
    #[inline]
    pub(crate) fn fetch(&self, key: Key) {
        near::fetch(&self.sets[key.hash as usize & self.mask]);
    }
}

impl ConversationKeys {
    /// Those of a secret key.
    pub(crate) fn new(key: &KeyedState) -> Self {
        Self {
            ipv4_key: TableKey::new(key, u64::from_le_bytes(*b"convers4")),
            ipv6_key: TableKey::new(key, u64::from_le_bytes(*b"convers6")),
        }
    }

    /// The key of the conversation that this belongs to.
    #[inline(always)]
    pub(crate) fn key(&self, observation: &Observation) -> Key {
        // An authentication header makes another conversation of the same two hosts.
        let (protocol, source_port, destination_port) = match observation.protocol {
            _ if observation.first_protocol == protocol::AH => (protocol::AH, 0, 0),
            protocol @ (protocol::TCP | protocol::UDP | protocol::UDP_LITE) => {
                (protocol, observation.source_port, observation.destination_port)
            }
            protocol => (protocol, 0, 0),
        };
        let (source, destination) = (observation.source.bits(), observation.destination.bits());
        if Address::are_ipv4(observation.source, observation.destination) {
            let from = u64::from(source as u32) << 16 | u64::from(source_port);
            let to = u64::from(destination as u32) << 16 | u64::from(destination_port);
            let hash = self.ipv4_key.hash([from.min(to) << 8 | u64::from(protocol), from.max(to)]);
            return Key { hash, low_sends: from <= to };
        }
        let (from, to) = ((source, source_port), (destination, destination_port));
        let (low, high) = if from <= to { (from, to) } else { (to, from) };
        let ports = u64::from(low.1) << 32 | u64::from(high.1) << 8 | u64::from(protocol);
        let halves = [low.0 as u64, (low.0 >> 64) as u64, high.0 as u64, (high.0 >> 64) as u64];
        let hash = self.ipv6_key.hash([ports, halves[0], halves[1], halves[2], halves[3]]);
        Key { hash, low_sends: from <= to }
    }
}

impl Key {
    /// Part of the hash that tells entries of a set apart; never 0.
    #[inline]
    const fn tag(self) -> u16 {
        (self.hash >> 48) as u16 | 1
    }
}

/// The way of a set that has the tag and is not forgotten.
#[inline]
fn find(set: &Set, tag: u16, second: u16) -> Option<usize> {
    const ONES: u64 = 0x0001_0001_0001_0001;
    // The lowest lane of a difference that is nought borrows into its own top bit.
    let noughts = |word: u64| {
        let difference = word ^ (ONES * u64::from(tag));
        difference.wrapping_sub(ONES) & !difference & (ONES << 15)
    };
    let (first, second_word) = (noughts(set.tags[0]), noughts(set.tags[1]));
    let way =
        if first != 0 { first.trailing_zeros() } else { 64 + second_word.trailing_zeros() } as usize / 16;
    let is_fresh = second.wrapping_sub(set.seen_seconds[way % WAYS]) <= FORGET_AFTER_SECONDS;
    (first | second_word != 0 && is_fresh).then_some(way % WAYS)
}

/// The way of a set to overwrite, and whether something is lost by it.
#[inline]
fn victim(set: &Set, second: u16) -> (usize, bool) {
    const BOTH: u16 = state::LOW_SENT | state::HIGH_SENT;
    // More than any age, so that what is agreed goes last.
    const AGREED: u16 = 512;
    const { assert!(FORGET_AFTER_SECONDS < AGREED && (2 * AGREED) << WAYS.ilog2() > 0) };
    let mut least = u16::MAX;
    for way in 0..WAYS {
        let age = second.wrapping_sub(set.seen_seconds[way]);
        let agreed = if set.states[way] & BOTH == BOTH { AGREED } else { 0 };
        let rank = (1 + agreed + FORGET_AFTER_SECONDS).wrapping_sub(age);
        let rank = if (set.tag(way) == 0) | (age > FORGET_AFTER_SECONDS) { 0 } else { rank };
        least = least.min(rank << WAYS.ilog2() | way as u16);
    }
    (usize::from(least) % WAYS, least >= WAYS as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(source: u8, destination: u8) -> Observation {
        Observation {
            source: Address::from_ipv4([192, 0, 2, source]),
            destination: Address::from_ipv4([192, 0, 2, destination]),
            protocol: protocol::UDP,
            source_port: 1000 + u16::from(source),
            destination_port: 1000 + u16::from(destination),
            ..Observation::default()
        }
    }

    fn note(table: &mut Conversations, source: u8, destination: u8, step: u32, quiet: bool) -> (u16, Side) {
        let key = ConversationKeys::new(&KeyedState::new([1; 16])).key(&between(source, destination));
        let (conversation, side, place) = table.note(key, step, quiet);
        table.put(place, conversation);
        (conversation.state, side)
    }

    #[test]
    fn both_directions_are_one_conversation() {
        let mut table = Conversations::new(1024);
        let (_, first) = note(&mut table, 9, 3, 5, false);
        assert!(first.is_new && first.is_first_speaker);
        let (entry, answer) = note(&mut table, 3, 9, 6, false);
        assert!(!answer.is_new && !answer.is_first_speaker);
        assert!(entry & answer.other_sent != 0, "the first speaker has sent");
    }

    #[test]
    fn a_reset_is_no_answer() {
        let mut table = Conversations::new(1024);
        note(&mut table, 1, 2, 5, false);
        note(&mut table, 2, 1, 5, true);
        let (entry, side) = note(&mut table, 1, 2, 6, false);
        assert_eq!(entry & side.other_sent, 0);
    }

    #[test]
    fn a_silent_conversation_is_forgotten() {
        let mut table = Conversations::new(1024);
        note(&mut table, 1, 2, 5, false);
        assert!(note(&mut table, 1, 2, 20 + 10 * u32::from(FORGET_AFTER_SECONDS), false).1.is_new);
    }

    #[test]
    fn outstanding_packets_are_kept_to_one_part_in_sixteen() {
        for number in (0..1_000).chain([4_095, 65_537, 400_000]) {
            let kept = decode(encode(number));
            assert!(kept <= number && number - kept <= number / 16, "{number} became {kept}");
            assert!(number > 32 || kept == number);
        }
        assert!(decode(encode(u32::MAX)) >= 500_000);
    }

    #[test]
    fn unanswered_ones_go_first_when_a_set_is_full() {
        let mut table = Conversations::new(WAYS);
        note(&mut table, 1, 2, 1, false);
        note(&mut table, 2, 1, 1, false);
        for other in 10..200 {
            note(&mut table, other, 2, 2, false);
        }
        assert!(!note(&mut table, 1, 2, 3, false).1.is_new, "the answered one is still there");
        assert!(table.evicted > 100);
    }
}
