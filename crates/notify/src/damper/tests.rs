use serde_json::Value;

use super::*;

fn notice(subject: &str, topic: &str, phase: Phase, severity: Severity) -> Notice {
    Notice {
        time: 0,
        severity,
        kind: "flood".into(),
        subject: subject.into(),
        topic: topic.into(),
        phase,
        title: format!("{subject} {}", phase.name()),
        text: String::new(),
        services: vec![],
        organisations: vec![],
        link: None,
        body: Value::Null,
    }
}

fn damper() -> Damper {
    Damper::new(DamperOptions::default())
}

fn covers(starts: u64, updates: u64, ends: u64) -> Covers {
    Covers { starts, updates, ends }
}

/// A start, an update or an end with the severity of most.
fn give(damper: &mut Damper, now: u64, subject: &str, phase: Phase) {
    damper.take(now, notice(subject, "", phase, Severity::Warning));
}

#[test]
fn a_start_goes_at_once_updates_seldom_and_the_end_once() {
    let mut damper = damper();
    give(&mut damper, 0, "a", Phase::Start);
    assert_eq!(damper.next_due(0, None), Some(0));
    assert_eq!(damper.poll(0, None).unwrap().covers(), covers(1, 0, 0));
    for second in 1..250 {
        give(&mut damper, second * 1_000, "a", Phase::Update);
        assert_eq!(damper.poll(second * 1_000, None), None);
    }
    assert_eq!(damper.next_due(250_000, None), Some(300_000));
    assert_eq!(damper.poll(299_999, None), None);
    assert_eq!(damper.poll(300_000, None).unwrap().covers(), covers(0, 249, 0));
    give(&mut damper, 301_000, "a", Phase::Update);
    give(&mut damper, 302_000, "a", Phase::End);
    let end = damper.poll(302_000, None).unwrap();
    assert_eq!((end.covers(), end.entries[0].phase()), (covers(0, 1, 1), Phase::End));
    give(&mut damper, 303_000, "a", Phase::End);
    give(&mut damper, 303_000, "a", Phase::Update);
    assert_eq!(damper.poll(1_000_000, None), None);
    assert_eq!(damper.counters().repeated, covers(0, 1, 1));
    assert!(!damper.follows("a"));
}

#[test]
fn what_gets_worse_is_told_at_once_and_only_then() {
    let mut damper = damper();
    give(&mut damper, 0, "a", Phase::Start);
    damper.poll(0, None);
    damper.take(1, notice("a", "", Phase::Update, Severity::Critical));
    assert_eq!(damper.poll(1, None).unwrap().severity, Severity::Critical);
    for (now, severity) in [(2, Severity::Info), (3, Severity::Critical), (4, Severity::Warning)] {
        damper.take(now, notice("a", "", Phase::Update, severity));
        assert_eq!(damper.poll(now, None), None);
    }
}

#[test]
fn a_burst_is_put_together_in_the_last_place() {
    let mut damper = damper();
    for number in 0..30 {
        give(&mut damper, number, &format!("{number}"), Phase::Start);
    }
    let mut single = 0;
    while let Some(batch) = damper.poll(30, None) {
        assert_eq!(batch.entries.len(), 1);
        single += 1;
    }
    assert_eq!(single, 9);
    assert_eq!(damper.next_due(30, None), Some(10_030));
    give(&mut damper, 5_000, "29", Phase::End);
    assert_eq!(damper.poll(10_029, None), None);
    let digest = damper.poll(10_030, None).unwrap();
    assert_eq!((digest.entries.len(), digest.covers()), (21, covers(21, 0, 1)));
    give(&mut damper, 11_000, "late", Phase::Start);
    assert_eq!(damper.poll(40_000, None), None);
    assert_eq!(damper.next_due(40_000, None), Some(60_030));
    assert_eq!(damper.poll(60_030, None).unwrap().covers(), covers(1, 0, 0));
    assert_eq!(damper.counters().digests, 1);
}

#[test]
fn what_comes_and_goes_is_said_and_then_told_together() {
    let mut damper = damper();
    let flap = |damper: &mut Damper, now: u64, number: u64| {
        damper.take(now, notice(&format!("f{number}"), "www", Phase::Start, Severity::Warning));
        let start = damper.poll(now, None);
        damper.take(now + 10_000, notice(&format!("f{number}"), "www", Phase::End, Severity::Warning));
        (start, damper.poll(now + 10_000, None))
    };
    for number in 0..2 {
        let (start, end) = flap(&mut damper, number * 100_000, number);
        assert_eq!(start.unwrap().entries[0].steadiness, Steadiness::Steady);
        assert!(end.is_some());
    }
    let (start, end) = flap(&mut damper, 200_000, 2);
    assert_eq!(start.unwrap().entries[0].steadiness, Steadiness::Flapping);
    assert!(end.is_none());
    let mut told = Covers::default();
    for number in 3..12 {
        let (start, end) = flap(&mut damper, number * 100_000, number);
        for batch in [start, end].into_iter().flatten() {
            assert_eq!(batch.entries[0].steadiness, Steadiness::Flapping);
            told.add(batch.covers());
        }
    }
    assert!(damper.counters().flapping == 1 && told.total() < 19, "{told:?}");
    // Something worse does not wait.
    damper.take(1_205_000, notice("worse", "www", Phase::Start, Severity::Critical));
    told.add(damper.poll(1_205_000, None).unwrap().covers());
    damper.take(1_210_000, notice("worse", "www", Phase::End, Severity::Critical));
    assert_eq!(damper.poll(1_210_000, None), None);
    let mut last = None;
    let mut now = 1_210_000;
    while let Some(due) = damper.next_due(now, None) {
        now = due;
        last = damper.poll(now, None).inspect(|batch| told.add(batch.covers())).or(last);
    }
    // Nine floods and the worse one, and the end of the third.
    assert_eq!(told, covers(10, 0, 11));
    assert!(last.is_some());
}

#[test]
fn steady_again_is_said_if_something_waited() {
    let mut damper = Damper::new(DamperOptions { repeat_seconds: 3_600, ..DamperOptions::default() });
    for number in 0..5 {
        damper.take(number * 1_000, notice(&format!("{number}"), "www", Phase::Start, Severity::Info));
        while damper.poll(number * 1_000, None).is_some() {}
    }
    assert_eq!(damper.next_due(5_000, None), Some(904_000));
    let batch = damper.poll(904_000, None).unwrap();
    assert_eq!((batch.entries[0].steadiness, batch.covers()), (Steadiness::Settled, covers(2, 0, 0)));
    damper.take(905_000, notice("new", "www", Phase::Start, Severity::Info));
    assert_eq!(damper.poll(905_000, None).unwrap().entries[0].steadiness, Steadiness::Steady);
}

#[test]
fn in_quiet_hours_only_what_is_urgent_is_told_and_the_rest_after_them() {
    let mut damper = damper();
    let quiet = Some(Severity::Critical);
    for number in 0..4 {
        give(&mut damper, number, &format!("{number}"), Phase::Start);
        assert_eq!(damper.poll(number, quiet), None);
        assert_eq!(damper.next_due(number, quiet), None, "nothing to wake up for");
    }
    damper.take(10, notice("urgent", "", Phase::Start, Severity::Critical));
    assert_eq!(damper.poll(10, quiet).unwrap().covers(), covers(1, 0, 0));
    assert_eq!(damper.poll(20, quiet), None);
    let morning = damper.poll(1_000, None).unwrap();
    assert_eq!(morning.entries.len(), 4);
    give(&mut damper, 2_000, "day", Phase::Start);
    assert_eq!(damper.poll(2_000, None).unwrap().entries.len(), 1);
}

#[test]
fn tables_are_bounded_and_what_does_not_fit_is_counted() {
    let mut damper = damper();
    for number in 0..2_000u64 {
        let severity = if number == 1_500 { Severity::Critical } else { Severity::Info };
        damper.take(number, notice(&format!("{number}"), "", Phase::Start, severity));
        damper.take(number, notice(&format!("{number}"), "", Phase::Update, Severity::Info));
    }
    assert!(damper.waiting() <= MAX_WAITING + crate::limits::MAX_SUBJECTS);
    let batch = damper.poll(2_000, None);
    assert_eq!(batch, None, "it is gathered first");
    let batch = damper.poll(12_000, None).unwrap();
    assert_eq!(batch.entries.len(), MAX_WAITING);
    assert!(batch.entries.iter().any(|entry| entry.notice.subject == "1500"), "what is worse stays");
    let mut all = batch.covers();
    all.add(damper.flush().unwrap().covers());
    assert_eq!(all, damper.counters().taken);
    assert!(damper.counters().folded.total() > 0);
    assert_eq!(damper.flush(), None);
}
