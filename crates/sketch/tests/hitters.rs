//! Heavy hitters: the stated bounds hold for every stream and after every merge, and no order of keys is dear.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use sketch::{HeavyHitters, KeyedState, MAXIMUM_CAPACITY, MergeError, ShapeError};

type Stream = Vec<(u16, u64)>;

fn summary_of(capacity: usize, stream: &Stream) -> HeavyHitters<u16> {
    let mut summary = HeavyHitters::new(capacity, KeyedState::published()).unwrap();
    stream.iter().for_each(|&(key, weight)| summary.add(key, weight));
    summary
}

fn exact(streams: &[&Stream]) -> BTreeMap<u16, u64> {
    let mut weights = BTreeMap::new();
    for &(key, weight) in streams.iter().copied().flatten() {
        *weights.entry(key).or_insert(0) += weight;
    }
    weights
}

fn check(
    summary: &HeavyHitters<u16>,
    capacity: usize,
    weights: &BTreeMap<u16, u64>,
) -> Result<(), TestCaseError> {
    let total: u64 = weights.values().sum();
    prop_assert_eq!(summary.total(), total);
    prop_assert!(summary.len() <= capacity);
    prop_assert!(summary.bound() <= total / capacity as u64, "bound {} of {}", summary.bound(), total);
    for hitter in summary.iter() {
        let weight = weights.get(&hitter.key).copied().unwrap_or(0);
        prop_assert!(
            hitter.count >= weight && hitter.count - hitter.error <= weight,
            "{hitter:?}, truly {weight}"
        );
        prop_assert!(hitter.error <= total / capacity as u64, "{hitter:?} of {total}");
        prop_assert_eq!(summary.get(&hitter.key), Some(hitter));
    }
    for (&key, &weight) in weights {
        if summary.get(&key).is_none() {
            prop_assert!(weight <= summary.bound(), "{key} weighs {weight}, bound {}", summary.bound());
        }
    }
    let top: Vec<u64> = summary.top(usize::MAX).iter().map(|hitter| hitter.count).collect();
    prop_assert!(top.is_sorted_by(|one, next| one >= next) && top.len() == summary.len());
    Ok(())
}

fn stream() -> impl Strategy<Value = Stream> {
    prop::collection::vec((prop_oneof![0u16..8, 0u16..300], prop_oneof![Just(1u64), 0u64..50]), 0..400)
}

proptest! {
    #[test]
    fn bounds_hold(stream in stream(), capacity in 1usize..40) {
        check(&summary_of(capacity, &stream), capacity, &exact(&[&stream]))?;
    }

    #[test]
    fn bounds_hold_after_merging(one in stream(), two in stream(), three in stream(), capacity in 1usize..40) {
        let [a, b, c] = [&one, &two, &three].map(|stream| summary_of(capacity, stream));
        let weights = exact(&[&one, &two, &three]);
        let merged = |mut left: HeavyHitters<u16>, right: &HeavyHitters<u16>| { left.merge(right).unwrap(); left };
        check(&merged(merged(a.clone(), &b), &c), capacity, &weights)?;
        check(&merged(a.clone(), &merged(b.clone(), &c)), capacity, &weights)?;
        // Equal whichever way round, to the last count.
        prop_assert_eq!(merged(a.clone(), &b).top(99), merged(b, &a).top(99));
    }

    #[test]
    fn bounds_hold_when_counting_goes_on_after_a_merge(one in stream(), two in stream(), more in stream()) {
        let mut summary = summary_of(10, &one);
        summary.merge(&summary_of(10, &two)).unwrap();
        more.iter().for_each(|&(key, weight)| summary.add(key, weight));
        check(&summary, 10, &exact(&[&one, &two, &more]))?;
    }

    #[test]
    fn while_it_is_not_full_it_is_exact(stream in prop::collection::vec((0u16..50, 0u64..9), 0..200)) {
        let summary = summary_of(50, &stream);
        for (key, weight) in exact(&[&stream]).into_iter().filter(|&(_, weight)| weight > 0) {
            let hitter = summary.get(&key).unwrap();
            prop_assert_eq!((hitter.count, hitter.error), (weight, 0));
        }
    }
}

#[test]
fn equal_streams_give_equal_summaries() {
    let stream: Stream = (0..20_000u64).map(|n| ((n * 7919 % 977) as u16, n % 5)).collect();
    assert_eq!(summary_of(64, &stream).top(64), summary_of(64, &stream).top(64));
}

#[test]
fn keys_and_shapes_are_checked() {
    let mut one = HeavyHitters::<u16>::new(4, KeyedState::new([1; 16])).unwrap();
    let two = HeavyHitters::new(4, KeyedState::new([2; 16])).unwrap();
    let three = HeavyHitters::new(5, KeyedState::new([1; 16])).unwrap();
    one.add(1, 1);
    assert_eq!(one.merge(&two), Err(MergeError::DifferentKeys));
    assert_eq!(one.merge(&three), Err(MergeError::DifferentShapes));
    assert_eq!(one.top(4).len(), 1);
    for capacity in [0, MAXIMUM_CAPACITY + 1] {
        let refused = HeavyHitters::<u16>::new(capacity, KeyedState::published()).unwrap_err();
        assert_eq!(refused, ShapeError::Capacity(capacity));
    }
}

#[test]
fn weights_saturate() {
    let mut summary = HeavyHitters::<u16>::new(2, KeyedState::published()).unwrap();
    for key in 0..10 {
        summary.add(key, u64::MAX);
    }
    assert_eq!((summary.total(), summary.bound()), (u64::MAX, u64::MAX));
}

/// Time for the keys in order, best of three.
fn time(state: KeyedState, keys: &[u128]) -> Duration {
    let run = || {
        let mut summary = HeavyHitters::new(1024, state).unwrap();
        let started = Instant::now();
        for &key in keys {
            summary.add_hashed(key, state.hash_address(key), 1);
        }
        black_box(summary.bound());
        started.elapsed()
    };
    (0..3).map(|_| run()).min().unwrap()
}

/// The longest search that any of the updates could have met, looked at every hundred keys.
fn longest_search(state: KeyedState, keys: impl IntoIterator<Item = u128>) -> usize {
    let mut summary = HeavyHitters::new(1024, state).unwrap();
    let mut longest = 0;
    for (number, key) in keys.into_iter().enumerate() {
        summary.add_hashed(key, state.hash_address(key), 1);
        if number % 100 == 0 {
            longest = longest.max(summary.longest_search());
        }
    }
    longest.max(summary.longest_search())
}

/// Keys whose hashes under a known key all fall into one place of the table: under that key an update has to walk
/// over all of them, under another it costs what it costs for any keys.
#[test]
fn keys_chosen_under_a_known_key_cost_no_more_under_another() {
    let known = KeyedState::new([0; 16]);
    let colliding: Vec<u128> =
        (0..u128::MAX).filter(|&key| known.hash_address(key) & 0x7ff == 0).take(2_000).collect();
    let fooled = longest_search(known, colliding.iter().copied());
    assert_eq!(fooled, 1024, "the attack must work to be a test");
    for secret in 1..=5u8 {
        let chosen = longest_search(KeyedState::new([secret; 16]), colliding.iter().copied());
        assert!(chosen < 150, "secret {secret}: {chosen}");
    }
}

/// A flood from forged sources, each key once: the table neither fills with remains nor has to be rebuilt.
#[test]
fn churn_leaves_the_table_as_it_was() {
    let state = KeyedState::new([9; 16]);
    assert!(longest_search(state, 0..200_000) < 150);
}

/// Prints nanoseconds per operation:
/// `cargo test --release -p sketch --test hitters -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement; run it alone and in release mode"]
fn speed() {
    const COUNT: u32 = 1 << 20;
    let state = KeyedState::new([9; 16]);
    let per = |elapsed: Duration| elapsed.as_nanos() as f64 / f64::from(COUNT);
    let churn: Vec<u128> = (0..u128::from(COUNT)).collect();
    let repetition: Vec<u128> = (0..512).cycle().take(COUNT as usize).collect();
    println!("heavy hitters, 1024 keys, every key new:   {:5.1} ns", per(time(state, &churn)));
    println!("heavy hitters, 1024 keys, 512 keys in all: {:5.1} ns", per(time(state, &repetition)));
    let started = Instant::now();
    let sum = churn.iter().fold(0u64, |sum, &key| sum.wrapping_add(state.hash_address(black_box(key))));
    println!("hash of an address:                        {:5.1} ns ({sum:x})", per(started.elapsed()));
    let mut count = sketch::DistinctCount::new(10, &state).unwrap();
    let started = Instant::now();
    churn.iter().for_each(|&key| count.insert_hash(state.hash_address(key)));
    println!("distinct count, precision 10, with hash:   {:5.1} ns", per(started.elapsed()));
    let started = Instant::now();
    let estimate: f64 = (0..1000).map(|_| black_box(&count).estimate()).sum();
    println!(
        "its estimate:                              {:5.1} us ({estimate})",
        started.elapsed().as_micros() as f64 / 1e3
    );
    let mut quantiles = sketch::Quantiles::new(1.0, 1e9, 0.02).unwrap();
    let started = Instant::now();
    churn.iter().for_each(|&key| quantiles.insert(key as f64));
    println!(
        "quantiles:                                 {:5.1} ns ({:?})",
        per(started.elapsed()),
        quantiles.quantile(0.5)
    );
}
