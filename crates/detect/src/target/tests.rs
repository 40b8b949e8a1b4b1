use super::*;
use crate::tally::flag;
use wire::Address;

/// A step in which `packets` of a kind came, all unwanted.
fn step_of(vector: Vector, packets: f32, sends: bool) -> Tally {
    let mut tally = Tally::new(Address::default(), if sends { flag::SENDS } else { 0 });
    let slot = tally.slot(SlotKind::at_once(vector)).unwrap();
    slot.packets = packets;
    slot.unwanted = packets;
    tally
}

/// A step in which a flow record of so many packets and seconds came, all unwanted.
fn step_of_record(vector: Vector, packets: f32, seconds: f32) -> Tally {
    let mut tally = Tally::new(Address::default(), flag::SENDS);
    let slot = tally.slot(SlotKind::spread(vector, seconds)).unwrap();
    slot.packets = packets;
    slot.unwanted = packets;
    slot.packet_seconds = packets * seconds;
    tally
}

/// Closes a step as the detector does. Returns whether there is an alarm.
fn close(target: &mut TargetState, tally: &Tally, step: i64) -> bool {
    if target.close_calm(tally, step).is_some() {
        return false;
    }
    target.absorb(tally, step);
    target.close_step(step);
    target.alarms(1.0).next().is_some()
}

fn run(vector: Vector, per_step: &[f32], sends: bool) -> Option<usize> {
    let mut target = TargetState::default();
    for (step, &packets) in per_step.iter().enumerate() {
        if close(&mut target, &step_of(vector, packets, sends), step as i64) {
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
    let mut target = TargetState::default();
    for step in 0..100 {
        let mut tally = step_of(Vector::UdpFlood, 500.0, true);
        tally.slot(SlotKind::at_once(Vector::UdpFlood)).unwrap().unwanted -= 500.0;
        assert!(!close(&mut target, &tally, step));
        target.clear_step();
    }
    assert!(!target.has_tests(), "nothing was out of the ordinary");
}

#[test]
fn what_was_to_be_spread_is_taken_back_too() {
    for rate in [100.0, 1_000.0] {
        let mut target = TargetState::default();
        // Half a minute: above the floor of 150 a second at the higher rate.
        close(&mut target, &step_of_record(Vector::UdpFlood, rate * 30.0, 30.0), 0);
        target.clear_step();
        let mut tally = step_of(Vector::UdpFlood, 0.0, true);
        tally.slot(SlotKind::at_once(Vector::UdpFlood)).unwrap().unwanted = -rate * 30.0;
        close(&mut target, &tally, 1);
        assert_eq!(target.reservoirs.next_unwanted(Vector::UdpFlood.index()), 0.0, "at {rate}");
        assert!(target.reservoirs.next_packets(Vector::UdpFlood.index()) > 0.0, "at {rate}");
    }
}

#[test]
fn a_long_flow_record_is_spread_over_its_duration() {
    let mut target = TargetState::default();
    // 60 s at 120 packets/s, arriving at once: below the floor of 150 whatever the moment.
    let empty = Tally::new(Address::default(), flag::SENDS);
    assert!(!close(&mut target, &step_of_record(Vector::UdpFlood, 7_200.0, 60.0), 0));
    assert!(!target.has_tests(), "calm");
    for step in 1..6_000 {
        assert!(!close(&mut target, &empty, step), "step {step}");
        target.clear_step();
    }
    assert!(target.reservoirs.is_empty());
}

#[test]
fn what_was_not_looked_at_flows_out_all_the_same() {
    let (mut each, mut late) = (TargetState::default(), TargetState::default());
    let empty = Tally::new(Address::default(), flag::SENDS);
    for target in [&mut each, &mut late] {
        close(target, &step_of_record(Vector::UdpFlood, 7_200.0, 60.0), 0);
    }
    for step in 1..=300 {
        close(&mut each, &empty, step);
    }
    close(&mut late, &empty, 300);
    let vector = Vector::UdpFlood.index();
    let left = (each.reservoirs.next_packets(vector), late.reservoirs.next_packets(vector));
    assert!((left.0 - left.1).abs() < 0.01 * left.0, "{left:?}");
    assert!(
        (each.baseline - late.baseline).abs() < 0.2 * each.baseline,
        "{} {}",
        each.baseline,
        late.baseline
    );
}

#[test]
fn calm_is_what_the_floor_lets_through() {
    let calm = |tallies: &[Tally]| {
        let mut target = TargetState::default();
        tallies.iter().enumerate().all(|(step, tally)| target.close_calm(tally, step as i64).is_some())
    };
    assert!(calm(&[step_of(Vector::UdpFlood, 15.0, true)]), "150 a second");
    assert!(!calm(&[step_of(Vector::UdpFlood, 16.0, true)]));
    assert!(calm(&[step_of_record(Vector::UdpFlood, 9_000.0, 60.0)]), "150 a second for a minute");
    assert!(!calm(&[step_of_record(Vector::UdpFlood, 9_060.0, 60.0)]));
    let half = step_of_record(Vector::UdpFlood, 6_000.0, 60.0);
    assert!(!calm(&[half.clone(), half]), "two records at once are as one of both");
    assert!(!calm(&[step_of_record(Vector::UdpFlood, 6_000.0, 60.0), step_of(Vector::UdpFlood, 6.0, true)]));
}

#[test]
fn later_fragments_are_excused_by_first_ones() {
    let mut target = TargetState::default();
    for step in 0..100 {
        let mut tally = step_of(Vector::FragmentFlood, 200.0, true);
        tally.excuses_fragments = 4_400.0;
        assert!(!close(&mut target, &tally, step));
        target.clear_step();
    }
    assert_eq!(run(Vector::FragmentFlood, &[100.0; 10], true), Some(1));
}

/// Found by `lab detect`: a prefix did not hear of the first fragments of its addresses.
#[test]
fn later_fragments_are_excused_in_what_holds_the_address_too() {
    let mut wide = TargetState::wider(4.0);
    for step in 0..100 {
        let mut tally = step_of(Vector::FragmentFlood, 2_000.0, true);
        tally.excuses_fragments = 44_000.0;
        wide.catch_up(step);
        wide.add(&tally, false);
        wide.close_step(step);
        assert_eq!(wide.alarms(4.0).count(), 0);
        wide.clear_step();
    }
}

#[test]
fn what_fades_leaves_no_numbers_next_to_nought() {
    let mut target = TargetState::default();
    let mut tally = step_of(Vector::SynFlood, 1.0, true);
    tally.excuses_fragments = 44.0;
    close(&mut target, &tally, 0);
    (target.dns_answers, target.dns_failures, target.completed) = (3.0, 1.0, 2.0);
    for step in 1..40_000 {
        // A target that something comes to in each step, or in none for a while.
        let mut tally = step_of(Vector::AckFlood, f32::from(u8::from(step % 1_000 < 500)), true);
        tally.slot(SlotKind::at_once(Vector::AckFlood)).unwrap().unwanted = 0.0;
        close(&mut target, &tally, step);
        target.clear_step();
        let numbers = [
            target.dns_answers,
            target.dns_failures,
            target.completed,
            target.begun,
            target.recent_unwanted,
            target.recent_packets,
            target.fragments_excused,
            target.baseline,
        ];
        assert!(numbers.iter().all(|number| *number == 0.0 || number.is_normal()), "{step}: {numbers:?}");
    }
    assert!(target.begun == 0.0 && target.fragments_excused == 0.0 && target.recent_unwanted == 0.0);
}

/// One sample of a long record: 1,000 packets over some seconds.
fn step_of_sample(vector: Vector) -> Tally {
    let mut tally = step_of_record(vector, 1_000.0, 5.0);
    tally.sampling = 1_000;
    tally
}

#[test]
fn one_sample_is_no_alarm_while_it_flows_out_however_long_ago_it_came() {
    let mut target = TargetState::default();
    assert!(!close(&mut target, &step_of_sample(Vector::SynAckFlood), 0));
    for step in 1..600 {
        let nothing = Tally::new(Address::default(), flag::SENDS);
        if step == 5 {
            // The test ends for a moment, and begins anew with what is still to come.
            let index = Vector::SynAckFlood.index();
            target.excuse(index, target.sum(index).unwanted + 30.0);
        }
        assert!(!close(&mut target, &nothing, step), "step {step}");
        target.clear_step();
    }
    assert!(target.reservoirs.is_empty() && target.sampling == 1, "what comes next is of its own sampling");
}

#[test]
fn what_goes_excuses_what_came_and_is_still_to_be_spread() {
    let left = |excused: f32| {
        let mut target = TargetState::default();
        close(&mut target, &step_of_sample(Vector::UdpFlood), 0);
        target.excuse(Vector::UdpFlood.index(), excused);
        target.reservoirs.take_back(Vector::UdpFlood.index(), 2_000.0)
    };
    let none = 2_000.0 - left(0.0);
    assert!(none > 800.0, "{none} are to come");
    assert!(2_000.0 - left(500.0) < none - 300.0);
    assert!(2_000.0 - left(2_000.0) < 1.0, "nothing is left");
}
