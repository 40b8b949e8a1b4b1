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
/// memory of the largest batch so far, 208 bytes a record.
#[derive(Default)]
pub struct Batch {
    pub(crate) records: Vec<Pending>,
}

/// A record that waits to be counted with others of its step.
#[derive(Clone)]
pub(crate) struct Pending {
    pub(crate) observation: Observation,
    /// Of the conversation, or of that of the packet that it quotes.
    pub(crate) key: Key,
    /// Whether it is an ICMP error that quotes a packet.
    pub(crate) quotes: bool,
    /// Of the destination.
    pub(crate) hash: u64,
    /// Of the source, where the record tells of it.
    pub(crate) sender_hash: u64,
    pub(crate) vector: Vector,
    /// `None`: nothing new, see [`is_routine`](crate::judge::is_routine).
    pub(crate) judgement: Option<Judgement>,
    /// The entry of the destination, where it has one.
    pub(crate) target: Option<u32>,
    /// Of the source under the key of the sketches, where the destination is suspect.
    pub(crate) source_hash: Option<u64>,
}

impl Preparer {
    /// For a detector of this key.
    pub fn new(key: [u8; 16]) -> Self {
        let state = KeyedState::new(key);
        Self { conversations: ConversationKeys::new(&state), targets: targets::key(&state) }
    }

    #[inline]
    pub(crate) fn prepare(&self, observation: &Observation, quoted: Option<&Quoted>) -> Pending {
        let quoted = quoted.filter(|_| is_icmp_error(observation));
        let key = match quoted {
            Some(quoted) => self.conversations.key(&quoted.as_observation()),
            None => self.conversations.key(observation),
        };
        Pending {
            observation: *observation,
            key,
            quotes: quoted.is_some(),
            hash: self.targets.hash_address(observation.destination.bits()),
            sender_hash: 0,
            vector: Vector::of(observation),
            judgement: None,
            target: None,
            source_hash: None,
        }
    }
}

impl Batch {
    /// Adds a record.
    #[inline]
    pub fn push(&mut self, preparer: &Preparer, observation: &Observation) {
        self.records.push(preparer.prepare(observation, None));
    }

    /// Adds a packet that is an ICMP error, with the packet that it quotes.
    #[inline]
    pub fn push_error(&mut self, preparer: &Preparer, observation: &Observation, quoted: &Quoted) {
        self.records.push(preparer.prepare(observation, Some(quoted)));
    }

    /// How many records wait.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}
