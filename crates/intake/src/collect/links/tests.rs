use proptest::prelude::*;

use super::*;

const KEY: [u8; 16] = [3; 16];
const AGENT: Address = Address::from_ipv4([192, 0, 2, 1]);

fn at(seconds: i64) -> Time {
    Time::from_seconds(1_700_000_000 + seconds, 0)
}

/// Counters that are the same in both directions.
fn sample(bytes: u64, packets: u32) -> InterfaceCounters {
    InterfaceCounters {
        index: 3,
        speed_bits_per_second: 10_000_000_000,
        up: true,
        input_bytes: bytes,
        input_packets: packets,
        output_bytes: bytes,
        output_packets: packets,
        ..InterfaceCounters::default()
    }
}

/// The rates of the second of two samples that are 20 s apart.
fn between(before: InterfaceCounters, after: InterfaceCounters) -> (Option<LinkRate>, LinkCounters) {
    let mut links = LinkUse::new(KEY);
    assert_eq!(links.observe(AGENT, at(0), &before), None);
    let rate = links.observe(AGENT, at(20), &after);
    assert_eq!(links.rates().copied().collect::<Vec<_>>(), rate.into_iter().collect::<Vec<_>>());
    (rate, links.counters())
}

#[test]
fn two_samples_give_rates_of_both_directions() {
    let before = sample(1_000, 10);
    let after = InterfaceCounters {
        input_bytes: 1_000 + 25_000_000,
        input_packets: 10 + 18_000,
        input_multicast_packets: 1_500,
        input_broadcast_packets: 500,
        input_discards: 40,
        output_bytes: 1_000 + 2_500,
        output_packets: 10 + 20,
        output_errors: 20,
        ..before
    };
    let (rate, counters) = between(before, after);
    let rate = rate.unwrap();
    assert_eq!((rate.exporter, rate.index, rate.at), (AGENT, 3, at(20)));
    assert_eq!((rate.interval_seconds, rate.speed_bits_per_second, rate.up), (20.0, 10_000_000_000, true));
    let expected = DirectionRate {
        bits_per_second: 1e7,
        packets_per_second: Some(1_000.0),
        discards_per_second: Some(2.0),
        errors_per_second: Some(0.0),
    };
    assert_eq!(rate.input, expected);
    assert_eq!((rate.output.bits_per_second, rate.output.packets_per_second), (1_000.0, Some(1.0)));
    assert_eq!(rate.output.errors_per_second, Some(1.0));
    assert_eq!(counters, LinkCounters { samples: 2, first: 1, rates: 1, ..LinkCounters::default() });
}

#[test]
fn packets_wrap_at_32_bits_and_bytes_too_where_they_have_only_those() {
    let (rate, _) = between(sample(1 << 40, u32::MAX - 999), sample((1 << 40) + 2_000_000, 1_000));
    assert_eq!(rate.unwrap().input.packets_per_second, Some(100.0));
    let before = (1 << 32) - 1_000_000;
    let (rate, _) = between(sample(before, 7), sample(1_000_000, 2_007));
    assert_eq!(rate.unwrap().input.bits_per_second, 2_000_000.0 * 8.0 / 20.0);
    let (rate, _) = between(sample(u64::MAX - 999_999, 7), sample(1_000_000, 2_007));
    assert_eq!(rate.unwrap().output.bits_per_second, 2_000_000.0 * 8.0 / 20.0);
}

#[test]
fn an_agent_that_began_anew_gives_no_rate_and_the_next_sample_does() {
    for (before, after) in [
        (sample(3_000_000_000, 4_000_000), sample(100_000, 200)),
        (sample(1 << 45, 4_000_000), sample(100_000, 200)),
        // More bytes since than before, but fewer packets.
        (sample(100_000, 1_000), sample(150_000, 150)),
    ] {
        let mut links = LinkUse::new(KEY);
        links.observe(AGENT, at(0), &before);
        assert_eq!(links.observe(AGENT, at(20), &after), None);
        assert_eq!(links.counters().resets, 1);
        assert_eq!(links.rates().count(), 0);
        let next = InterfaceCounters {
            input_bytes: after.input_bytes + 2_500,
            input_packets: after.input_packets + 2,
            ..after
        };
        assert_eq!(links.observe(AGENT, at(40), &next).unwrap().input.bits_per_second, 1_000.0);
    }
}

#[test]
fn a_lie_is_counted_and_forgotten() {
    let honest = |seconds: u64| sample(1_000_000 * seconds, 1_000 * seconds as u32);
    let mut links = LinkUse::new(KEY);
    links.observe(AGENT, at(0), &honest(0));
    assert_eq!(links.observe(AGENT, at(20), &sample(u64::MAX / 2, 1)), None);
    assert_eq!(links.counters().implausible, 1);
    assert_eq!(links.observe(AGENT, at(40), &honest(40)), None);
    assert_eq!(links.counters().resets, 1);
    assert_eq!(links.observe(AGENT, at(60), &honest(60)).unwrap().input.bits_per_second, 8e6);
}

#[test]
fn what_is_not_counted_is_not_known() {
    let unknown = |bytes| InterfaceCounters {
        input_packets: u32::MAX,
        input_multicast_packets: u32::MAX,
        input_broadcast_packets: u32::MAX,
        input_discards: u32::MAX,
        output_multicast_packets: u32::MAX,
        ..sample(bytes, 5)
    };
    let (rate, _) = between(unknown(1_000), unknown(3_500));
    let rate = rate.unwrap();
    assert_eq!((rate.input.packets_per_second, rate.input.discards_per_second), (None, None));
    assert_eq!((rate.input.bits_per_second, rate.output.packets_per_second), (1_000.0, Some(0.0)));
    // At 100 Gbit/s a counter of packets wraps once in 20 s at most; at 120 Gbit/s it may do so twice.
    let (rate, _) = between(sample(0, 0), sample(250_000_000_000, 200_000_000));
    assert_eq!(rate.unwrap().input.packets_per_second, Some(10_000_000.0));
    let (rate, _) = between(sample(0, 0), sample(300_000_000_000, 200_000_000));
    assert_eq!(rate.unwrap().input.packets_per_second, None);
}

#[test]
fn samples_too_close_too_far_or_out_of_order_are_not_compared() {
    let mut links = LinkUse::new(KEY);
    links.observe(AGENT, at(0), &sample(0, 0));
    assert_eq!(links.observe(AGENT, at(0), &sample(5_000, 50)), None);
    let rate = links.observe(AGENT, at(10), &sample(12_500, 100)).unwrap();
    assert_eq!(rate.input.bits_per_second, 10_000.0, "since the first, not since the one left out");
    assert_eq!(links.observe(AGENT, at(5), &sample(12_500, 100)), None);
    assert_eq!(links.observe(AGENT, at(606), &sample(12_500, 100)), None);
    let expected =
        LinkCounters { samples: 5, first: 1, rates: 1, too_soon: 1, too_late: 2, ..LinkCounters::default() };
    assert_eq!(links.counters(), expected);
}

#[test]
fn one_exporter_cannot_take_all_the_room() {
    let mut links = LinkUse::new(KEY);
    let numbered = |index| InterfaceCounters { index, ..sample(1, 1) };
    for index in 0..65_000 {
        links.observe(AGENT, at(0), &numbered(index));
    }
    assert_eq!(links.counters().first, u64::from(INTERFACES_PER_EXPORTER));
    assert_eq!(links.counters().refused, 65_000 - u64::from(INTERFACES_PER_EXPORTER));
    // Many together can; those that are silent leave.
    let agent = |number: u32| Address::from_bits(u128::from(number) << 64);
    for number in 1..20 {
        for index in 0..1_000 {
            links.observe(agent(number), at(1), &numbered(index));
        }
    }
    assert_eq!(links.table.iter().count(), INTERFACES);
    assert_eq!(links.shares.values().sum::<u32>() as usize, INTERFACES);
    let refused = links.counters().refused;
    for index in 0..1_000 {
        links.observe(agent(99), at(602), &numbered(index));
    }
    assert_eq!(links.counters().refused, refused);
    assert_eq!(links.shares.values().sum::<u32>() as usize, INTERFACES);
}

proptest! {
    /// Whatever agents say: every sample is counted once, and rates are finite and within the bound.
    #[test]
    fn nothing_is_believed_beyond_the_bound(
        samples in proptest::collection::vec((any::<u64>(), any::<u32>(), 0_i64..900, 0_u32..3), 0..60)
    ) {
        let mut links = LinkUse::new(KEY);
        let mut now = 0;
        for (bytes, packets, later, index) in samples {
            now += later;
            if let Some(rate) = links.observe(AGENT, at(now), &InterfaceCounters { index, ..sample(bytes, packets) }) {
                for direction in [rate.input, rate.output] {
                    prop_assert!((0.0..=MOST_BITS_PER_SECOND).contains(&direction.bits_per_second));
                    prop_assert!(direction.packets_per_second.is_none_or(|rate| rate.is_finite() && rate >= 0.0));
                }
            }
        }
        let LinkCounters { samples, rates, first, too_soon, too_late, resets, implausible, refused } =
            links.counters();
        prop_assert_eq!(samples, rates + first + too_soon + too_late + resets + implausible + refused);
    }
}
