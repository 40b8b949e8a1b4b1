//! Heavy hitters, distinct counts and quantiles under any order of updates, merges and clears: the stated
//! bounds hold against an exact count.
#![no_main]

use std::collections::BTreeMap;

use sketch::{DistinctCount, HeavyHitters, KeyedState, Quantiles};

const SUMMARIES: usize = 3;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((head, operations)) = data.split_first_chunk::<17>() else { return };
    let mut key = [0; 16];
    key.copy_from_slice(&head[..16]);
    let state = KeyedState::new(key);
    let capacity = usize::from(head[16] % 32) + 1;
    let hitters = HeavyHitters::<u8>::new(capacity, state).expect("a good capacity");
    let mut summaries = [hitters.clone(), hitters.clone(), hitters];
    let mut exact: [BTreeMap<u8, u64>; SUMMARIES] = Default::default();
    let count = DistinctCount::new(4 + head[16] % 9, &state).expect("a good precision");
    let mut distinct = [count.clone(), count];
    let mut quantiles = Quantiles::new(1.0, 1e6, 0.05).expect("a good range");
    for operation in operations.chunks_exact(3) {
        let (kind, key, weight) = (operation[0], operation[1], u64::from(operation[2]));
        let target = usize::from(kind) % SUMMARIES;
        match kind {
            0..240 => {
                summaries[target].add(key, weight);
                let sum = exact[target].entry(key).or_insert(0);
                *sum = sum.saturating_add(weight);
                let hash = state.hash_u64(u64::from(key) << 8 | weight);
                distinct[target % 2].insert_hash(hash);
                quantiles.insert_many(f64::from(key) * weight as f64, weight);
            }
            240..252 => {
                let from = usize::from(key) % SUMMARIES;
                let (other, weights) = (summaries[from].clone(), exact[from].clone());
                summaries[target].merge(&other).expect("one key, one shape");
                for (key, weight) in weights {
                    let sum = exact[target].entry(key).or_insert(0);
                    *sum = sum.saturating_add(weight);
                }
                let other = distinct[0].clone();
                distinct[1].merge(&other).expect("one key, one shape");
            }
            _ => {
                summaries[target].clear();
                exact[target].clear();
            }
        }
    }
    for (summary, weights) in summaries.iter().zip(&exact) {
        check(summary, weights, capacity);
    }
    let [one, merged] = &distinct;
    let mut union = merged.clone();
    union.merge(one).expect("one key, one shape");
    assert!(union.estimate().is_finite() && union.estimate() >= merged.estimate() * (1.0 - 1e-9));
    let answers = [0.0, 0.25, 0.5, 0.75, 1.0].map(|share| quantiles.quantile(share));
    assert!(answers.is_sorted());
});

fn check(summary: &HeavyHitters<u8>, weights: &BTreeMap<u8, u64>, capacity: usize) {
    // Merging with itself doubles; where the exact sums reach the end of the type the bounds no longer mean anything.
    let Some(total) = weights.values().try_fold(0u64, |sum, &weight| sum.checked_add(weight)) else { return };
    assert_eq!(summary.total(), total);
    assert!(summary.len() <= capacity && summary.bound() <= total / capacity as u64);
    for hitter in summary.iter() {
        let weight = weights.get(&hitter.key).copied().unwrap_or(0);
        assert!(hitter.count >= weight && hitter.count - hitter.error <= weight);
    }
    for (key, &weight) in weights {
        assert!(summary.get(key).is_some() || weight <= summary.bound());
    }
}
