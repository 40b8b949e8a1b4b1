//! What must hold for every traffic, not only for the simulated one.

use baseline::{
    Baseline, Budget, INTAKE_SECONDS, LEARN_SECONDS, MAXIMUM_RISE_PER_HOUR, MAXIMUM_SCORE, Moment, Plan,
    RestoreError, Saved,
};
use proptest::prelude::*;

fn plan() -> Plan {
    Plan::new(Budget { false_alarms_per_month: 1.0, tests: 100 }, 0.2)
}

/// A signal after so many seconds of steady traffic, and the next step.
fn steady(samples_per_step: f32, seconds: u64) -> (Baseline, u64) {
    let mut signal = Baseline::new(3);
    for step in 0..seconds * 10 {
        signal.step(&plan(), &Moment::new(step, (step / 10) as u32), samples_per_step, false);
    }
    (signal, seconds * 10)
}

fn is_sane(signal: &Baseline, score: f32) -> bool {
    let saved = signal.save();
    (0.0..=MAXIMUM_SCORE).contains(&score)
        && saved.fast.is_finite()
        && saved.slow.is_finite()
        && saved.excess.iter().all(|excess| excess.is_finite())
        && signal.ordinary_samples_per_second().is_finite()
        && Baseline::restore(&saved, 0).is_ok()
}

fn counts() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => 0.0f32..50.0,
        2 => Just(0.0f32),
        1 => any::<f32>(),
        1 => Just(f32::NAN),
        1 => Just(f32::MAX),
        1 => Just(f32::INFINITY),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any counts, gaps, clocks set back, holds: never a number that is none, never out of its bounds.
    #[test]
    fn nothing_makes_it_insane(
        steps in proptest::collection::vec((counts(), 0u64..30, any::<bool>()), 1..800),
        jump in any::<u64>(),
        warm in 0u64..200,
    ) {
        let plan = plan();
        let (mut signal, mut now) = steady(2.0, warm);
        for (index, (samples, gap, hold)) in steps.into_iter().enumerate() {
            now = if index == 400 { jump } else { now.wrapping_add(gap) };
            let score = signal.step(&plan, &Moment::new(now, (now / 10) as u32), samples, hold);
            prop_assert!(is_sane(&signal, score), "{score} {signal:?}");
        }
    }

    /// More packets in a step never lower the score.
    #[test]
    fn more_packets_never_lower_the_score(
        counts in proptest::collection::vec(0.0f32..40.0, 1..60),
        more in 0.0f32..1e6,
    ) {
        let plan = plan();
        let (mut signal, start) = steady(5.0, 300);
        for (index, samples) in counts.into_iter().enumerate() {
            let now = Moment::new(start + index as u64, 0);
            let mut busier = signal.clone();
            let score = signal.step(&plan, &now, samples, false);
            prop_assert!(busier.step(&plan, &now, samples + more, false) >= score);
        }
    }

    /// A flood of any size, pulsed or not and never held by the caller, moves an established level by a bound per hour.
    #[test]
    fn a_flood_is_not_learnt(
        times in 1.0f32..1e6, on_seconds in 1u64..120, off_seconds in 0u64..120, level in 0.5f32..200.0,
    ) {
        let plan = plan();
        let (mut signal, start) = steady(level, 900);
        let before = signal.ordinary_samples_per_second();
        for second in 0..3600 {
            let on = second % (on_seconds + off_seconds) < on_seconds;
            let samples = if on { level * times } else { level };
            for tenth in 0..10 {
                signal.step(&plan, &Moment::new(start + second * 10 + tenth, 0), samples, false);
            }
        }
        let after = signal.ordinary_samples_per_second();
        prop_assert!(after <= before * MAXIMUM_RISE_PER_HOUR * 1.01, "{before} {after}");
    }

    /// What is saved is what is restored, through JSON too.
    #[test]
    fn saving_keeps_everything_that_is_learnt(rate in 0.1f32..1e4, seconds in 1u64..600, hours in 0u8..168) {
        let (mut signal, _) = steady(rate, seconds);
        for hour in 0..hours {
            signal.week_mut().learn(hour, rate * f32::from(hour + 1));
        }
        let saved = signal.save();
        let text = serde_json::to_string(&saved).unwrap();
        let read: Saved = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &saved);
        prop_assert_eq!(Baseline::restore(&read, 9).unwrap().save(), saved);
    }

    /// Bytes that nobody saved are an error or a sane baseline.
    #[test]
    fn garbage_is_refused(
        version in 0u8..3, fast in any::<f32>(), slow in any::<f32>(), excess in any::<[f32; 4]>(),
        tolerance in any::<f32>(), age_seconds in any::<u32>(),
        week in proptest::option::of((any::<u16>(), proptest::collection::vec(any::<u8>(), 166..170))),
        down in any::<u64>(),
    ) {
        let week = week.map(|(hours, cells)| baseline::SavedWeek { hours, cells });
        let saved = Saved { version, fast, slow, excess, tolerance, age_seconds, week };
        if let Ok(mut signal) = Baseline::restore(&saved, 1) {
            let plan = plan();
            signal.age(down);
            let other = signal.clone();
            signal.merge(&other);
            for step in 0..700 {
                let score = signal.step(&plan, &Moment::new(step, 100_000), 3.0, false);
                prop_assert!(is_sane(&signal, score));
            }
            signal.rescale(&plan, &Moment::new(700, 0), fast);
            prop_assert!(is_sane(&signal, signal.score()));
        }
    }
}

#[test]
fn other_versions_are_refused() {
    let saved = Saved { version: 2, ..Baseline::new(0).save() };
    assert_eq!(Baseline::restore(&saved, 0), Err(RestoreError::Version(2)));
}

#[test]
fn ten_times_alarms_in_its_first_step_and_ends_by_itself() {
    let plan = plan();
    let (mut signal, start) = steady(5.0, 120);
    assert!(signal.step(&plan, &Moment::new(start, 0), 50.0, false) >= 1.0);
    for step in 1..100 {
        assert!(signal.step(&plan, &Moment::new(start + step, 0), 50.0, false) >= 1.0);
    }
    let ordinary = signal.ordinary_samples_per_second();
    let end = (100..1_000).find(|step| signal.step(&plan, &Moment::new(start + step, 0), 5.0, false) < 1.0);
    let seconds = (end.unwrap() - 100) / 10;
    assert!(seconds <= 25, "over {seconds} s after its end");
    assert!((45.0..55.0).contains(&ordinary), "{ordinary}: the flood was learnt");
}

#[test]
fn nothing_alarms_before_enough_is_known() {
    let mut signal = Baseline::new(0);
    for step in 0..u64::from(LEARN_SECONDS - 2) * 10 {
        let samples = if step > 300 { 1e6 } else { 1.0 };
        assert_eq!(signal.step(&plan(), &Moment::new(step, 0), samples, false), 0.0);
    }
    assert!(!signal.is_established());
}

#[test]
fn a_new_level_that_stays_is_taken_in_after_hours() {
    let plan = plan();
    let (mut signal, start) = steady(5.0, 900);
    let mut score = 0.0;
    for step in 0..12 * 36_000 {
        score = signal.step(&plan, &Moment::new(start + step, 0), 20.0, false);
        if step == u64::from(INTAKE_SECONDS) * 10 - 1_000 {
            assert!(score >= 1.0 && signal.ordinary_samples_per_second() < 60.0, "{signal:?}");
        }
    }
    assert!(score < 1.0, "{signal:?}");
    assert!(signal.ordinary_samples_per_second() > 150.0);
}

#[test]
fn the_caller_can_hold() {
    let (mut signal, start) = steady(5.0, 300);
    let before = signal.ordinary_samples_per_second();
    for step in 0..6_000 {
        signal.step(&plan(), &Moment::new(start + step, 0), 5.3, true);
    }
    assert!((signal.ordinary_samples_per_second() - before).abs() < 1e-3);
}

#[test]
fn an_outage_is_no_flood_when_it_ends() {
    let plan = plan();
    let (mut signal, start) = steady(20.0, 3_600);
    let back = start + 3_000;
    for step in 0..3_000 {
        assert!(signal.step(&plan, &Moment::new(back + step, 0), 20.0, false) < 1.0, "{step}");
    }
}

#[test]
fn a_level_restored_is_tested_at_once() {
    let plan = plan();
    let (signal, _) = steady(5.0, 900);
    let mut restored = Baseline::restore(&signal.save(), 7).unwrap();
    restored.age(600);
    for step in 0..20 {
        assert!(restored.step(&plan, &Moment::new(1_000_000 + step, 0), 5.0, false) < 1.0);
    }
    assert!(restored.is_established());
    assert!(restored.step(&plan, &Moment::new(1_000_020, 0), 60.0, false) >= 1.0);
}

#[test]
fn a_level_of_hours_ago_is_learnt_anew_before_it_is_tested() {
    let plan = plan();
    let (signal, _) = steady(5.0, 900);
    let mut restored = Baseline::restore(&signal.save(), 7).unwrap();
    restored.age(3 * 3_600);
    // Three times what it was: the morning has come.
    let scores = (0..700).map(|step| restored.step(&plan, &Moment::new(step, 0), 15.0, false));
    assert!(scores.fold(0.0, f32::max) < 1.0);
    assert!(restored.is_established());
    assert!(restored.step(&plan, &Moment::new(700, 0), 150.0, false) >= 1.0);
}

#[test]
fn a_scheduled_rise_is_ordinary_when_the_week_knows_it() {
    let plan = plan();
    let rise = |known: bool| {
        let mut signal = Baseline::new(0);
        if known {
            for _ in 0..3 {
                (0..168).for_each(|hour| signal.week_mut().learn(hour, if hour == 1 { 500.0 } else { 50.0 }));
            }
        }
        (0..40_000u64).any(|step| {
            let samples = if step < 36_000 { 5.0 } else { 25.0 };
            signal.step(&plan, &Moment::new(step, (step / 10) as u32), samples, false) >= 1.0
        })
    };
    assert!(rise(false), "without the week it is an alarm");
    assert!(!rise(true), "with the week it is not");
}

#[test]
fn a_dismissed_burst_alarms_no_more() {
    let plan = plan();
    let (mut signal, start) = steady(5.0, 600);
    let mut burst = |at: u64| {
        let peak = (0..10)
            .map(|step| signal.step(&plan, &Moment::new(start + at + step, 0), 40.0, false))
            .fold(0.0, f32::max);
        for step in 10..600 {
            signal.step(&plan, &Moment::new(start + at + step, 0), 5.0, false);
        }
        signal.dismiss();
        for step in 600..900 {
            signal.step(&plan, &Moment::new(start + at + step, 0), 5.0, false);
        }
        peak
    };
    assert!(burst(0) >= 1.0);
    assert!(burst(900) < 1.0);
}

/// Whether packets of one step come in one call or in many is the same.
#[test]
fn a_step_may_come_in_parts() {
    let plan = plan();
    let (mut whole, start) = steady(5.0, 300);
    let mut parts = whole.clone();
    for step in 0..50 {
        let now = Moment::new(start + step, 0);
        let one = whole.step(&plan, &now, 9.0, false);
        parts.step(&plan, &now, 4.0, false);
        assert_eq!(parts.step(&plan, &now, 5.0, false), one);
    }
}

#[test]
fn what_is_accepted_is_learnt_and_what_is_not_is_not() {
    let plan = plan();
    let (steady, start) = steady(50.0, 1_200);
    let (mut crowd, mut flood) = (steady.clone(), steady.clone());
    let mut alarms = 0;
    for step in start..start + 18_000 {
        let now = Moment::new(step, 0);
        if crowd.step(&plan, &now, 100.0, false) >= 1.0 {
            alarms += 1;
            crowd.accept();
        }
        flood.step(&plan, &now, 100.0, false);
    }
    assert!(alarms > 100, "{alarms}");
    assert!(flood.ordinary_samples_per_second() < 510.0, "{}", flood.ordinary_samples_per_second());
    assert!(crowd.ordinary_samples_per_second() > 900.0, "{}", crowd.ordinary_samples_per_second());
    assert!(crowd.score() < 1.0, "it is ordinary by now");
    assert!(crowd.tolerance() < steady.tolerance() + 0.1, "{}", crowd.tolerance());
}
