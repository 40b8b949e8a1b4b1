//! How much each event matters, from the cut sets.
//!
//! Nobody knows how often an element fails, so each is taken to fail with the same small probability,
//! [`ASSUMED_PROBABILITY`]: a ranking, not a forecast. A service fails with the probability that at least one of
//! its cut sets happens, taken as if they were independent (the bound of Esary and Proschan, 1963, close where probabilities
//! are small).

use std::collections::BTreeMap;

use crate::cuts::CutSets;
use crate::model::Event;
use crate::set::CutSet;

/// With what probability each element is taken to fail.
pub const ASSUMED_PROBABILITY: f64 = 0.01;

/// Two measures of one event for one service.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Importance {
    /// How much more probable the loss of the service is with the event than without (Birnbaum, 1969).
    pub birnbaum: f64,
    /// Which share of the service's losses the event has a part in (Fussell and Vesely).
    pub fussell_vesely: f64,
}

/// The importance of every event that is in a cut set.
pub fn importance(cuts: &CutSets) -> BTreeMap<Event, Importance> {
    let mut with: BTreeMap<Event, Sums> = BTreeMap::new();
    let mut all = 0.0;
    for set in &cuts.sets {
        let probability = power(set.order());
        all += survival(probability);
        for &event in set.events() {
            let sums = with.entry(event).or_default();
            sums.holding += survival(probability);
            sums.given += if set.order() == 1 { f64::NEG_INFINITY } else { survival(power(set.order() - 1)) };
        }
    }
    let total = loss(all);
    let value = |sums: Sums| {
        let without = all - sums.holding;
        let birnbaum = loss(without + sums.given) - loss(without);
        let fussell_vesely = if total > 0.0 { loss(sums.holding) / total } else { 0.0 };
        Importance { birnbaum, fussell_vesely }
    };
    with.into_iter().map(|(event, sums)| (event, value(sums))).collect()
}

/// The probability that a service is lost, under the same assumption.
pub fn probability(sets: &[CutSet]) -> f64 {
    loss(sets.iter().map(|set| survival(power(set.order()))).sum())
}

#[derive(Clone, Copy, Default)]
struct Sums {
    /// Logarithm of the probability that no set with the event happens.
    holding: f64,
    /// The same if the event has happened.
    given: f64,
}

fn power(order: usize) -> f64 {
    (0..order).fold(1.0, |product, _| product * ASSUMED_PROBABILITY)
}

fn survival(probability: f64) -> f64 {
    (-probability).ln_1p()
}

fn loss(logarithm: f64) -> f64 {
    -logarithm.exp_m1()
}
