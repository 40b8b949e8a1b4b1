//! The distinct count: error within what is stated, merging as union, no bias by chosen keys.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may panic")]

use proptest::prelude::*;
use sketch::{DistinctCount, KeyedState, MergeError, ShapeError};

fn count_of(precision: u8, state: &KeyedState, keys: impl IntoIterator<Item = u128>) -> DistinctCount {
    let mut count = DistinctCount::new(precision, state).unwrap();
    for key in keys {
        count.insert_hash(state.hash_address(key));
    }
    count
}

/// Over many keys the relative error has the stated spread and no bias, from one key to a million.
#[test]
fn error_is_as_stated() {
    const RUNS: u64 = 60;
    for precision in [8u8, 10, 12] {
        for distinct in [1u64, 10, 100, 1_000, 10_000, 100_000] {
            let mut sum = 0.0;
            let mut squares = 0.0;
            let mut stated = 0.0;
            for run in 0..RUNS {
                let state = KeyedState::new((u128::from(run) + 1).to_le_bytes());
                let count = count_of(precision, &state, (0..distinct).map(u128::from));
                let error = count.estimate() / distinct as f64 - 1.0;
                stated = count.standard_error();
                sum += error;
                squares += error * error;
            }
            let (mean, deviation) = (sum / RUNS as f64, (squares / RUNS as f64).sqrt());
            // The mean of 60 runs has a standard error of 0.13 of one run's; their spread one of 0.09.
            assert!(
                mean.abs() <= 0.55 * stated,
                "precision {precision}, {distinct}: bias {mean}, stated {stated}"
            );
            assert!(
                deviation <= 1.4 * stated,
                "precision {precision}, {distinct}: {deviation}, stated {stated}"
            );
        }
    }
}

#[test]
fn nothing_and_repetition_count_as_such() {
    let state = KeyedState::published();
    let mut count = count_of(10, &state, []);
    assert!(count.is_empty() && count.estimate() == 0.0);
    count = count_of(10, &state, std::iter::repeat_n(7, 100_000));
    assert!((count.estimate() - 1.0).abs() < 0.01, "{}", count.estimate());
    count.clear();
    assert!(count.is_empty());
}

/// A count whose registers are all full is large and finite.
#[test]
fn every_possible_rank_is_within_the_registers() {
    let mut count = DistinctCount::new(4, &KeyedState::published()).unwrap();
    for index in 0..16u64 {
        count.insert_hash(index << 60);
    }
    assert!(count.estimate() > 1e15, "{}", count.estimate());
}

/// Addresses picked under one key so that they all look like few: each has a hash of low rank in one of four
/// registers. Under that key they are a handful, under any other as many as they are.
#[test]
fn keys_chosen_under_a_known_key_do_not_bias_another() {
    let known = KeyedState::new([0; 16]);
    let chosen: Vec<u128> = (0..4_000_000u128)
        .filter(|&key| {
            let hash = known.hash_address(key);
            hash >> 58 == 0 && hash & (1 << 51) != 0
        })
        .collect();
    assert!(chosen.len() > 20_000, "{}", chosen.len());
    let fooled = count_of(8, &known, chosen.iter().copied()).estimate();
    assert!(
        fooled < chosen.len() as f64 / 100.0,
        "the attack must work to be a test: {fooled} of {}",
        chosen.len()
    );
    for secret in 1..=10u8 {
        let state = KeyedState::new([secret; 16]);
        let count = count_of(8, &state, chosen.iter().copied());
        let error = count.estimate() / chosen.len() as f64 - 1.0;
        assert!(error.abs() < 4.0 * count.standard_error(), "secret {secret}: {error}");
    }
}

#[test]
fn different_keys_and_shapes_do_not_merge() {
    let (one, other) = (KeyedState::new([1; 16]), KeyedState::new([2; 16]));
    let mut count = count_of(8, &one, [1, 2, 3]);
    let before = count.clone();
    assert_eq!(count.merge(&count_of(8, &other, [4])), Err(MergeError::DifferentKeys));
    assert_eq!(count.merge(&count_of(9, &one, [4])), Err(MergeError::DifferentShapes));
    assert_eq!(count, before);
    assert_eq!(DistinctCount::new(3, &one).unwrap_err(), ShapeError::Precision(3));
    assert_eq!(DistinctCount::new(17, &one).unwrap_err(), ShapeError::Precision(17));
}

proptest! {
    #[test]
    fn merging_is_the_union(
        one in prop::collection::vec(0u128..5000, 0..400),
        two in prop::collection::vec(0u128..5000, 0..400),
        three in prop::collection::vec(0u128..5000, 0..400),
        precision in 4u8..=12,
    ) {
        let state = KeyedState::published();
        let count = |keys: &[u128]| count_of(precision, &state, keys.iter().copied());
        let union = count(&[one.clone(), two.clone(), three.clone()].concat());
        let merged = |mut left: DistinctCount, right: &DistinctCount| { left.merge(right).unwrap(); left };
        let (a, b, c) = (count(&one), count(&two), count(&three));
        prop_assert_eq!(&merged(merged(a.clone(), &b), &c), &union);
        prop_assert_eq!(&merged(a.clone(), &merged(b.clone(), &c)), &union);
        prop_assert_eq!(merged(b.clone(), &a), merged(a.clone(), &b));
        prop_assert_eq!(&merged(a.clone(), &a), &a);
    }
}
