//! What can be found out about a record without the detector.
//!
//! Several workers share one detector, one at a time. What each finds out for itself before it has its turn, the others
//! need not wait for: which conversation and which target a record belongs to, and of which kind it is.

use sketch::{KeyedState, TableKey};

use crate::conversation::{ConversationKeys, Key};
use crate::judge::{Judgement, is_icmp_error};
use crate::observation::{Observation, Quoted};
use crate::targets;
use crate::vector::Vector;

/// Prepares records for the detector that has the same secret key, on any thread.
#[derive(Clone)]
pub struct Preparer {
    conversations: ConversationKeys,
    targets: TableKey<2>,
}

/// Records that are prepared, in order, for [`Detector::observe_batch`](crate::Detector::observe_batch). It keeps the
/// memory of the largest batch so far, 192 bytes a record.
#[derive(Default)]
pub struct Batch {
    /// Those that wait, and behind them places that were used before: a record is written where it stays.
    places: Vec<Pending>,
    waiting: usize,
}

/// A record that waits to be counted with others of its step.
#[derive(Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) observation: Observation,
    /// Of the conversation, or of that of the packet that it quotes.
    pub(crate) key: Key,
    /// Of the destination.
    pub(crate) hash: u64,
    /// Of the source, where the record tells of it.
    pub(crate) sender_hash: u64,
    /// Of the source under the key of the sketches, where the destination is suspect and it is known already; else 0.
    pub(crate) source_hash: u64,
    /// The entry of the destination, where it has one.
    pub(crate) target: Option<u32>,
    /// `None`: nothing new, see [`is_routine`](crate::judge::is_routine).
    pub(crate) judgement: Option<Judgement>,
    pub(crate) vector: Vector,
    /// Whether it is an ICMP error that quotes a packet.
    pub(crate) quotes: bool,
}

impl Pending {
    /// A place for a record.
    fn new() -> Self {
        Self {
            observation: Observation::default(),
            key: Key::default(),
            hash: 0,
            sender_hash: 0,
            source_hash: 0,
            target: None,
            judgement: None,
            vector: Vector::UdpFlood,
            quotes: false,
        }
    }
}

impl Preparer {
    /// For a detector of this key.
    pub fn new(key: [u8; 16]) -> Self {
        let state = KeyedState::new(key);
        Self { conversations: ConversationKeys::new(&state), targets: targets::key(&state) }
    }

    #[inline(always)]
    fn prepare(&self, pending: &mut Pending, observation: &Observation, quoted: Option<&Quoted>) {
        let quoted = quoted.filter(|_| is_icmp_error(observation));
        pending.observation = *observation;
        pending.key = match quoted {
            Some(quoted) => self.conversations.key(&quoted.as_observation()),
            None => self.conversations.key(&pending.observation),
        };
        pending.hash = self.targets.hash_address(observation.destination.bits());
        pending.source_hash = 0;
        pending.judgement = None;
        pending.vector = Vector::of(&pending.observation);
        pending.quotes = quoted.is_some();
    }
}

impl Batch {
    /// Adds a record. Always inlined, as [`Detector::observe`](crate::Detector::observe) is.
    #[inline(always)]
    pub fn push(&mut self, preparer: &Preparer, observation: &Observation) {
        self.add(preparer, observation, None);
    }

    /// Adds a packet that is an ICMP error, with the packet that it quotes.
    pub fn push_error(&mut self, preparer: &Preparer, observation: &Observation, quoted: &Quoted) {
        self.add(preparer, observation, Some(quoted));
    }

    /// Adds a record and gives it back.
    #[inline(always)]
    pub(crate) fn add(
        &mut self,
        preparer: &Preparer,
        observation: &Observation,
        quoted: Option<&Quoted>,
    ) -> &Pending {
        let pending = self.place();
        preparer.prepare(pending, observation, quoted);
        pending
    }

    /// Adds a record that was prepared for another batch.
    #[inline]
    pub(crate) fn keep(&mut self, record: &Pending) {
        *self.place() = *record;
    }

    /// The next place.
    #[inline]
    fn place(&mut self) -> &mut Pending {
        let place = self.waiting;
        if place >= self.places.len() {
            self.grow();
        }
        self.waiting += 1;
        &mut self.places[place]
    }

    #[cold]
    fn grow(&mut self) {
        self.places.push(Pending::new());
    }

    /// Those that wait.
    #[inline]
    pub(crate) fn records(&mut self) -> &mut [Pending] {
        &mut self.places[..self.waiting]
    }

    /// None waits any more.
    #[inline]
    pub(crate) const fn clear(&mut self) {
        self.waiting = 0;
    }

    /// How many records wait.
    #[inline]
    pub const fn len(&self) -> usize {
        self.waiting
    }

    /// Whether none does.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_record_is_three_cache_lines() {
        assert_eq!(size_of::<Pending>(), 192);
    }
}
