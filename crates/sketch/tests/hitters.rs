//! Heavy hitters: the stated bounds hold for every stream and after every merge, and no order of keys is dear.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may panic")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

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

/// Nanoseconds that this thread has run, so that a busy machine does not count; the wall clock where Linux's
/// figure cannot be had. As fine as a scheduler tick, so what is measured must take longer.
fn cpu_nanoseconds(started: std::time::Instant) -> u64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let ran = statistics.split_whitespace().next().and_then(|ran| ran.parse().ok());
    ran.unwrap_or_else(|| started.elapsed().as_nanos() as u64)
}

/// Prints CPU nanoseconds per operation:
/// `cargo test --release -p sketch --test hitters -- --ignored --nocapture speed`.
#[test]
#[ignore = "a measurement; run it alone and in release mode"]
fn speed() {
    const COUNT: u64 = 1 << 21;
    let state = KeyedState::new([9; 16]);
    let report = |what: &str, run: &mut dyn FnMut(u64)| {
        let mut best = f64::INFINITY;
        for _ in 0..5 {
            let clock = Instant::now();
            let before = cpu_nanoseconds(clock);
            (0..COUNT).for_each(&mut *run);
            best = best.min((cpu_nanoseconds(clock) - before) as f64 / COUNT as f64);
        }
        println!("{what:42} {best:6.1} ns");
    };
    let mut sum = 0u64;
    report("hash of an address", &mut |n| sum = sum.wrapping_add(state.hash_address(u128::from(n))));
    black_box(sum);
    let mut hitters = HeavyHitters::new(1024, state).unwrap();
    let mut fresh = 0u128;
    report("heavy hitters, 1024 keys, every key new", &mut |_| {
        fresh += 1;
        hitters.add_hashed(fresh, state.hash_address(fresh), 1);
    });
    hitters.clear();
    report("heavy hitters, 1024 keys, 512 keys in all", &mut |n| {
        let key = u128::from(n % 512);
        hitters.add_hashed(key, state.hash_address(key), 1);
    });
    let mut count = sketch::DistinctCount::new(10, &state).unwrap();
    report("distinct count, precision 10, with hash", &mut |n| {
        count.insert_hash(state.hash_address(u128::from(n)));
    });
    let mut quantiles = sketch::Quantiles::new(1.0, 1e9, 0.02).unwrap();
    report("quantiles, 518 buckets", &mut |n| quantiles.insert(n as f64));
    black_box((hitters.bound(), count.estimate(), quantiles.quantile(0.5)));
}
