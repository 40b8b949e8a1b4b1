//! What must hold for the damper whatever comes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use notify::{Batch, Covers, Damper, DamperOptions, Notice, Phase, Severity};
use proptest::prelude::*;
use serde_json::Value;

#[derive(Clone, Debug)]
struct Step {
    /// Milliseconds since the one before.
    after: u64,
    subject: u8,
    topic: u8,
    phase: Phase,
    severity: Severity,
    quiet: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let after = prop_oneof![Just(0u64), 1..2_000u64, 1_000..120_000u64];
    let phase = prop_oneof![Just(Phase::Start), Just(Phase::Update), Just(Phase::End)];
    let severity = prop_oneof![Just(Severity::Info), Just(Severity::Warning), Just(Severity::Critical)];
    (after, 0..12u8, 0..5u8, phase, severity, prop::bool::weighted(0.1)).prop_map(
        |(after, subject, topic, phase, severity, quiet)| Step {
            after,
            subject,
            topic,
            phase,
            severity,
            quiet,
        },
    )
}

fn options() -> impl Strategy<Value = DamperOptions> {
    (1..400u32, 2..12u32, 1..60u32, 2..6u32, 60..900u32).prop_map(
        |(repeat_seconds, burst, digest_seconds, flap_starts, flap_seconds)| DamperOptions {
            repeat_seconds,
            burst,
            digest_seconds,
            flap_starts,
            flap_seconds,
        },
    )
}

fn notice(step: &Step) -> Notice {
    Notice {
        time: 0,
        severity: step.severity,
        kind: "flood".into(),
        subject: format!("s{}", step.subject),
        // Nought: the subject is the topic.
        topic: if step.topic == 0 { String::new() } else { format!("t{}", step.topic) },
        phase: step.phase,
        title: String::new(),
        text: String::new(),
        services: vec![],
        organisations: vec![],
        link: None,
        body: Value::Null,
    }
}

/// Everything that was told, with its time.
struct Told(Vec<(u64, Batch)>);

impl Told {
    fn covers(&self) -> Covers {
        let mut all = Covers::default();
        self.0.iter().for_each(|(_, batch)| all.add(batch.covers()));
        all
    }

    fn most_in_a_minute(&self) -> usize {
        let times: Vec<u64> = self.0.iter().map(|(at, _)| *at).collect();
        let within = |from: u64| times.iter().filter(|at| (from..from + 60_000).contains(*at)).count();
        times.iter().map(|from| within(*from)).max().unwrap_or(0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_burst_is_exceeded_and_everything_is_told_or_counted(
        options in options(),
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut damper = Damper::new(options);
        let mut told = Told(Vec::new());
        let mut now = 0;
        for step in &steps {
            now += step.after;
            damper.take(now, notice(step));
            let least = step.quiet.then_some(Severity::Critical);
            while let Some(batch) = damper.poll(now, least) {
                prop_assert!(least.is_none_or(|least| batch.severity >= least));
                told.0.push((now, batch));
            }
        }
        // The time goes on, and whoever follows what is due gets all of it.
        let mut turns = 0;
        while let Some(due) = damper.next_due(now, None) {
            now = due.max(now);
            while let Some(batch) = damper.poll(now, None) {
                told.0.push((now, batch));
            }
            turns += 1;
            prop_assert!(turns < 2_000, "it never comes to rest");
        }
        prop_assert_eq!(damper.waiting(), 0);
        prop_assert_eq!(damper.flush(), None);
        prop_assert!(told.most_in_a_minute() <= options.burst as usize);
        let mut all = told.covers();
        all.add(damper.counters().repeated);
        prop_assert_eq!(all, damper.counters().taken);
        // A start is never taken for a repetition.
        prop_assert_eq!(damper.counters().repeated.starts, 0);
        prop_assert!(told.0.iter().all(|(_, batch)| !batch.entries.is_empty()));
    }

    #[test]
    fn updates_of_a_steady_subject_keep_their_distance(
        options in options(),
        gaps in prop::collection::vec(1..30_000u64, 1..200),
    ) {
        let mut damper = Damper::new(DamperOptions { burst: 600, ..options });
        let mut now = 0;
        let mut last = None;
        for (index, gap) in gaps.iter().enumerate() {
            now += gap;
            let phase = if index == 0 { Phase::Start } else { Phase::Update };
            let step = Step { after: 0, subject: 0, topic: 0, phase, severity: Severity::Info, quiet: false };
            damper.take(now, notice(&step));
            while let Some(batch) = damper.poll(now, None) {
                prop_assert_eq!(batch.entries.len(), 1);
                if let Some(last) = last {
                    prop_assert!(now - last >= u64::from(options.repeat_seconds) * 1_000);
                }
                last = Some(now);
            }
        }
    }
}
