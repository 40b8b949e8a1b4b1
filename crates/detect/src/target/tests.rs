use super::*;

fn run(vector: Vector, per_step: &[f32], sends: bool) -> Option<usize> {
    let mut target = TargetState { sends, ..TargetState::default() };
    for (step, &packets) in per_step.iter().enumerate() {
        target.count(vector, packets, packets);
        target.close_step(step as i64, 1.0);
        if target.alarms(1.0).next().is_some() {
            return Some(step);
        }
        target.clear_step();
    }
    None
}

#[test]
fn a_strong_flood_alarms_in_its_first_step_and_a_weak_one_later() {
    assert_eq!(run(Vector::SsdpAmplification, &[2_000.0], true), Some(0));
    let weak = run(Vector::SsdpAmplification, &[5.0; 200], true);
    assert!(matches!(weak, Some(20..=40)), "{weak:?}: 30 above the floor a second reach 80 in 2.7 s");
    assert_eq!(run(Vector::SsdpAmplification, &[2.0; 2_000], true), None, "at the floor: never");
}

#[test]
fn a_burst_drains_away() {
    let mut steps = vec![70.0];
    steps.extend([0.0; 100]);
    steps.push(70.0);
    assert_eq!(run(Vector::SsdpAmplification, &steps, true), None);
}

#[test]
fn what_is_answered_later_is_taken_back() {
    let mut target = TargetState { sends: true, ..TargetState::default() };
    for step in 0..100 {
        target.count(Vector::UdpFlood, 500.0, 500.0);
        target.take_back(Vector::UdpFlood, 500.0);
        target.close_step(step, 1.0);
        assert_eq!(target.alarms(1.0).count(), 0);
        target.clear_step();
    }
}

#[test]
fn a_long_flow_record_is_spread_over_its_duration() {
    let mut target = TargetState { sends: true, ..TargetState::default() };
    // 60 s at 120 packets/s, arriving at once: below the floor of 150 whatever the moment.
    target.spread(Vector::UdpFlood, 7_200.0, 7_200.0, 7.2e5, 60.0);
    let mut seen = 0.0;
    for step in 0..6_000 {
        target.close_step(step, 1.0);
        seen += target.packets;
        assert_eq!(target.alarms(1.0).count(), 0, "step {step}");
        target.clear_step();
    }
    assert!((seen - 7_200.0).abs() < 20.0, "{seen}: nothing is lost");
}

#[test]
fn later_fragments_are_excused_by_first_ones() {
    let mut target = TargetState { sends: true, ..TargetState::default() };
    for step in 0..100 {
        target.count(Vector::FragmentFlood, 200.0, 200.0);
        target.fragments_excused += 4_400.0;
        target.close_step(step, 1.0);
        assert_eq!(target.alarms(1.0).count(), 0);
        target.clear_step();
    }
    assert_eq!(run(Vector::FragmentFlood, &[100.0; 10], true), Some(1));
}
