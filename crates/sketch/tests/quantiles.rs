//! Quantiles: within the stated relative error of the exact ones, and mergeable.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may panic")]

use proptest::prelude::*;
use sketch::{MergeError, Quantiles};

fn of(values: &[f64]) -> Quantiles {
    let mut summary = Quantiles::new(1.0, 1e9, 0.02).unwrap();
    values.iter().for_each(|&value| summary.insert(value));
    summary
}

/// The value that the summary approximates: the one of rank `floor(q * (n - 1))`.
fn exact(values: &[f64], quantile: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(quantile * (values.len() - 1) as f64) as usize]
}

proptest! {
    #[test]
    fn within_the_relative_error(
        values in prop::collection::vec(0.0f64..8.9, 1..500),
        quantile in 0.0f64..=1.0,
    ) {
        let values: Vec<f64> = values.into_iter().map(|exponent| 10f64.powf(exponent)).collect();
        let found = of(&values).quantile(quantile).unwrap();
        let wanted = exact(&values, quantile);
        prop_assert!((found / wanted - 1.0).abs() <= 0.02 + 1e-9, "{found} for {wanted}");
    }

    #[test]
    fn merging_is_having_seen_both(
        one in prop::collection::vec(-10.0f64..2e9, 0..200),
        two in prop::collection::vec(-10.0f64..2e9, 0..200),
    ) {
        let mut merged = of(&one);
        merged.merge(&of(&two)).unwrap();
        prop_assert_eq!(&merged, &of(&[one.clone(), two.clone()].concat()));
        let mut other_way = of(&two);
        other_way.merge(&of(&one)).unwrap();
        prop_assert_eq!(merged, other_way);
    }
}

#[test]
fn what_lies_outside_the_range_is_counted_at_its_ends() {
    let mut summary = Quantiles::new(10.0, 1000.0, 0.01).unwrap();
    for value in [0.0, -5.0, 1e12, f64::INFINITY, f64::NAN, 100.0] {
        summary.insert(value);
    }
    assert_eq!(summary.total(), 5);
    assert_eq!((summary.minimum(), summary.maximum()), (Some(-5.0), Some(f64::INFINITY)));
    assert_eq!(summary.quantile(0.0), Some(-5.0));
    assert_eq!(summary.quantile(1.0), Some(f64::INFINITY));
    assert!((summary.quantile(0.5).unwrap() / 100.0 - 1.0).abs() <= 0.01);
    summary.clear();
    assert_eq!((summary.total(), summary.quantile(0.5), summary.minimum()), (0, None, None));
}

#[test]
fn shapes_are_checked() {
    for (low, high, error) in
        [(0.0, 1.0, 0.1), (1.0, 1.0, 0.1), (1.0, f64::INFINITY, 0.1), (1.0, 2.0, 1.0), (1.0, 2.0, f64::NAN)]
    {
        assert!(Quantiles::new(low, high, error).is_err(), "{low} {high} {error}");
    }
    assert!(Quantiles::new(1.0, 1e12, 0.000_1).is_err(), "too many buckets");
    let mut one = Quantiles::new(1.0, 100.0, 0.01).unwrap();
    let other = Quantiles::new(1.0, 100.0, 0.02).unwrap();
    assert_eq!(one.merge(&other), Err(MergeError::DifferentShapes));
    assert_eq!(one.quantile(f64::NAN), None);
}
