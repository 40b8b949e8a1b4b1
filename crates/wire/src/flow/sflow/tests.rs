//! The short way through a sample gives what the long way gives, whatever is done to the bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::Time;
use crate::flow::{
    limits::Limits,
    record::Protocol,
    sources::{SourceKey, Sources},
};

/// What decoding some samples gave and counted.
#[derive(PartialEq, Debug)]
struct Decoded {
    records: Vec<FlowRecord>,
    tally: (u32, u32),
    counters: FlowCounters,
}

/// Reads samples of one source, by the given way.
fn result(bytes: &[u8], read: impl FnOnce(Samples<'_, Vec<FlowRecord>>, Bytes<'_>) -> (u32, u32)) -> Decoded {
    let (mut counters, mut records) = (FlowCounters::default(), Vec::new());
    let mut sources = Sources::new([5; 16]);
    let exporter = Address::from_ipv4([192, 0, 2, 1]);
    let key = SourceKey { exporter, agent: exporter, protocol: Protocol::Sflow5, domain: 0 };
    let source = sources.get(key, Time::default(), &Limits::default(), &mut counters, &mut 0);
    let samples = Samples::new(source, &mut counters, &mut records);
    let tally = read(samples, Bytes::new(bytes));
    Decoded { records, tally, counters }
}

/// As [`Samples::read`], but every sample goes the long way.
fn long_way(mut samples: Samples<'_, Vec<FlowRecord>>, mut bytes: Bytes<'_>, count: u32) -> (u32, u32) {
    for _ in 0..count {
        let (Some(format), Some(length)) = (bytes.u32(), bytes.u32()) else {
            samples.bad_length();
            break;
        };
        let whole = bytes.take(length as usize);
        samples.any_sample(format, whole.unwrap_or(bytes.rest()));
        if whole.is_none() {
            samples.bad_length();
            break;
        }
    }
    samples.counters.flow_samples += u64::from(samples.tally.flow_samples);
    samples.counters.sample_drops += samples.tally.drops;
    (samples.tally.records, samples.tally.skipped)
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A frame of the usual kind or near it.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let tag =
        prop_oneof![4 => Just(vec![]), 1 => Just(vec![0x81, 0, 0x20, 9]), 1 => Just(vec![0x81, 0, 0, 0])];
    let protocol = prop_oneof![3 => Just(6_u8), 3 => Just(17_u8), 1 => Just(1_u8), 1 => any::<u8>()];
    let lengths = prop_oneof![3 => Just([5, 220_u8]), 1 => any::<u8>().prop_map(|low| [0, low])];
    (tag, any::<bool>(), protocol, lengths, vec(any::<u8>(), 0..100)).prop_map(
        |(tag, six, protocol, [high, low], rest)| {
            let mut out = vec![2; 12];
            out.extend(tag);
            if six {
                out.extend([0x86, 0xdd, 0x60, 0, 0, 0, high, low, protocol, 64]);
                out.extend([0x20; 32]);
            } else {
                out.extend([8, 0, 0x45, 0, high, low, 0, 1, 0x40, 0, 64, protocol, 0, 0]);
                out.extend([198, 51, 100, 7, 192, 0, 2, 10]);
            }
            out.extend(rest);
            out
        },
    )
}

/// A block of a flow sample, with its format and length.
fn block() -> impl Strategy<Value = Vec<u8>> {
    let framed = |format: u32, body: Vec<u8>| [words(&[format, body.len() as u32]), body].concat();
    let raw = (prop_oneof![6 => Just(1_u32), 1 => 0_u32..14], frame()).prop_map(move |(link, frame)| {
        framed(1, [words(&[link, 1_514, 4, frame.len() as u32]), frame].concat())
    });
    let switch = (any::<u32>(), 0_usize..5)
        .prop_map(move |(vlan, fields)| framed(1001, words(&[vlan, 0, 20, 0][..fields.min(4)])));
    let router = any::<u32>().prop_map(move |hop| framed(1002, words(&[1, hop, 24, 24])));
    let gateway = any::<u32>().prop_map(move |own| framed(1003, words(&[1, own, own, 7, 8, 1, 2, 1, 9])));
    let sampled = vec(any::<u32>(), 0..15)
        .prop_flat_map(move |body| (3_u32..5).prop_map(move |format| framed(format, words(&body))));
    prop_oneof![6 => raw, 4 => switch, 1 => router, 1 => gateway, 1 => sampled]
}

fn interface() -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0_u32..50,
        1 => prop::sample::select(vec![0x3fff_ffff, 0x4000_0001, 0x8000_0003, u32::MAX]),
    ]
}

/// A sample of either form; the neighbours have mostly the same source and drops.
fn sample() -> impl Strategy<Value = Vec<u8>> {
    let fields = (any::<bool>(), 0_u32..2, 0_u32..3, interface(), interface(), any::<u32>());
    (fields, vec(block(), 0..4), prop_oneof![6 => Just(0_u32), 1 => 1_u32..4]).prop_map(
        |((expanded, source, drops, input, output, rate), blocks, more)| {
            let count = blocks.len() as u32 + more;
            let mut body = if expanded {
                let of = |word: u32| [word >> 30, word & 0x3fff_ffff];
                let [[a, b], [c, d]] = [of(input), of(output)];
                words(&[1, 0, source, rate, 9, drops, a, b, c, d, count])
            } else {
                words(&[1, source, rate, 9, drops, input, output, count])
            };
            body.extend(blocks.concat());
            [words(&[if expanded { 3 } else { 1 }, body.len() as u32]), body].concat()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_short_way_through_samples_gives_what_the_long_way_gives(
        samples in vec(sample(), 1..6),
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
        cut in prop_oneof![3 => Just(None), 1 => any::<Index>().prop_map(Some)],
    ) {
        let count = samples.len() as u32;
        let mut bytes = samples.concat();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let short = result(&bytes, |samples, bytes| samples.read(bytes, count));
        let long = result(&bytes, |samples, bytes| long_way(samples, bytes, count));
        prop_assert_eq!(short, long);
    }
}

/// The test above would hold of a short way that nothing takes.
#[test]
fn usual_samples_take_the_short_way() {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 5, 220, 0, 1, 0x40, 0, 64, 6, 0, 0, 198, 51, 100, 7, 192, 0, 2, 10]);
    frame.extend([4, 0, 1, 187, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 4, 0, 0, 0, 0, 0]);
    let raw = [words(&[1, 16 + frame.len() as u32, 1, 1_514, 4, frame.len() as u32]), frame].concat();
    let switch = words(&[1001, 16, 10, 0, 20, 0]);
    let compact = words(&[1, 3, 1_000, 9, 0, 3, 4, 2]);
    let expanded = words(&[1, 0, 3, 1_000, 9, 0, 0, 3, 0, 4, 2]);
    for blocks in [[raw.clone(), switch.clone()].concat(), [switch, raw].concat()] {
        let (first, second) =
            ([compact.clone(), blocks.clone()].concat(), [expanded.clone(), blocks].concat());
        let taken = result(&[], |mut samples, _| {
            assert!(samples.usual_sample(compact_head, &first).is_some());
            assert!(samples.usual_expanded(&second).is_some());
            (0, 0)
        });
        assert_eq!(taken.records.len(), 2);
        assert_eq!(taken.records[0], taken.records[1]);
        let record = &taken.records[0];
        assert_eq!((record.vlan, record.input_interface, record.output_interface), (10, 3, 4));
        assert_eq!((record.sampling, record.bytes, record.destination_port), (1_000, 1_500, 443));
    }
}
