//! What was learnt, out of the detector and back into it.

use std::net::IpAddr;
use std::ops::Range;

use baseline::{Baseline, RestoreError, Saved};
use serde::{Deserialize, Serialize};
use wire::Address;

use super::Detector;
use crate::event::TargetKind;
use crate::learning::{Known, USUAL_KINDS};
use crate::vector::Vector;

/// What was learnt of one target, to be kept between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learnt {
    /// The target.
    pub target: LearntTarget,
    /// Packets that one sample of `level` stands for.
    pub sampling: u32,
    /// Its level in samples, with the hours of the week.
    pub level: Saved,
    /// Unwanted packets that it always gets.
    pub usual: Vec<Usually>,
}

/// A target by what stays the same over a restart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LearntTarget {
    /// An address.
    Address(IpAddr),
    /// A service, group or prefix.
    Wider {
        /// Which of the three.
        kind: TargetKind,
        /// Its name in the institution file, or the prefix.
        name: String,
    },
}

/// A kind of packets that a target always gets unwanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usually {
    /// Name of the vector.
    pub vector: String,
    /// Unwanted packets of it.
    pub packets_per_second: f32,
}

impl Detector {
    /// What was learnt, of targets of which enough is known; nothing unless [`Detector::learn`] was called.
    pub fn learnt(&self) -> impl Iterator<Item = Learnt> + '_ {
        self.learnt_at(0..self.learnt_places())
    }

    /// Places at which something may be learnt, for [`Detector::learnt_at`].
    pub fn learnt_places(&self) -> usize {
        self.targets.known.len() + self.wider_known.len()
    }

    /// The same as [`Detector::learnt`] of some places only: for who has no time to collect everything at once. A target
    /// that takes the place of an idle one in the meantime is found in its place or not at all. Places that do not exist
    /// hold nothing.
    pub fn learnt_at(&self, places: Range<usize>) -> impl Iterator<Item = Learnt> + '_ {
        let addresses = self.targets.known.len();
        let established = places.filter(move |&place| {
            let wider = || self.wider_known.get(place - addresses);
            self.targets.known.get(place).or_else(wider).is_some_and(|known| known.level.is_established())
        });
        established.filter_map(move |place| {
            let (target, known, usual) = match place.checked_sub(addresses) {
                None => {
                    let address = self.targets.tallies.get(place)?.address;
                    let target = LearntTarget::Address(address.to_ip());
                    (target, self.targets.known.get(place)?, &self.targets.states.get(place)?.usual)
                }
                Some(place) => {
                    let wider = self.scope.wider().get(place)?;
                    let target = LearntTarget::Wider { kind: wider.kind, name: wider.name.clone() };
                    (target, self.wider_known.get(place)?, &self.wider.get(place)?.usual)
                }
            };
            let usual = usual.kinds().map(|(vector, packets_per_second)| Usually {
                vector: vector.name().to_owned(),
                packets_per_second,
            });
            let (sampling, level) = (known.sampling(), known.level.save());
            Some(Learnt { target, sampling, level, usual: usual.collect() })
        })
    }

    /// Takes back what was learnt `seconds_ago`. Call it after [`Detector::learn`], before the first record. False if the
    /// target is not watched any more, there is no room for it, or nothing is to be learnt.
    ///
    /// # Errors
    /// [`RestoreError`] if it is not what a detector learns; nothing is taken then.
    pub fn recall(&mut self, learnt: &Learnt, seconds_ago: u64) -> Result<bool, RestoreError> {
        if self.learner.is_none() {
            return Ok(false);
        }
        let mut level = Baseline::restore(&learnt.level, 0)?;
        level.age(seconds_ago);
        let known = Known::restored(level, learnt.sampling);
        let vectors = learnt.usual.iter().filter_map(|usual| {
            let vector = Vector::of_packets().iter().find(|vector| vector.name() == usual.vector)?;
            let is_rate = usual.packets_per_second.is_finite() && usual.packets_per_second > 0.0;
            is_rate.then_some((*vector, usual.packets_per_second))
        });
        let usual: Vec<_> = vectors.take(USUAL_KINDS).collect();
        match &learnt.target {
            LearntTarget::Address(address) => {
                let address = Address::from(*address);
                if !self.scope.protects(address) {
                    return Ok(false);
                }
                let hash = self.targets.hash(address);
                let index = match self.targets.find(address, hash) {
                    Some(index) => index,
                    None => match self.add_target(address, hash, self.step.unwrap_or(i64::MIN)) {
                        Some(index) => index,
                        None => return Ok(false),
                    },
                };
                self.targets.known[index as usize] = known;
                self.targets.states[index as usize].usual.recall(&usual);
            }
            LearntTarget::Wider { kind, name } => {
                let is_it = |target: &crate::event::Target| target.kind == *kind && target.name == *name;
                let Some(index) = self.scope.wider().iter().position(is_it) else { return Ok(false) };
                self.grow_wider();
                self.wider_known[index] = known;
                self.wider[index].usual.recall(&usual);
            }
        }
        Ok(true)
    }
}
