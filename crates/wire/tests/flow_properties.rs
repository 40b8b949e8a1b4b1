//! Random templates and records decode to what was encoded; no damage makes the decoder panic or invent.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

use proptest::collection::vec;
use proptest::prelude::*;
use wire::flow::{self, FlowDecoder, Limits, Protocol};
use wire::{Address, FlowRecord, Time};

const EXPORTER: Address = Address::from_ipv4([192, 0, 2, 1]);
const TEMPLATE: u16 = 300;

/// One field of a random template.
#[derive(Clone, Debug)]
struct Field {
    enterprise: Option<u32>,
    element: u16,
    /// 0 stands for variable length.
    width: u16,
}

/// Elements of the model, each at most once in a template, with the widths that they may have.
const ELEMENTS: [(u16, &[u16]); 15] = [
    (8, &[4]),
    (12, &[4]),
    (4, &[1]),
    (7, &[2]),
    (11, &[2]),
    (6, &[1, 2]),
    (2, &[1, 2, 3, 4, 5, 6, 7, 8]),
    (1, &[1, 2, 3, 4, 5, 6, 7, 8]),
    (10, &[1, 2, 4]),
    (14, &[1, 2, 4]),
    (152, &[8]),
    (153, &[8]),
    (34, &[1, 2, 4]),
    (16, &[2, 4]),
    (58, &[2]),
];

fn fields() -> impl Strategy<Value = Vec<Field>> {
    let known =
        proptest::sample::subsequence(ELEMENTS.to_vec(), 2..=ELEMENTS.len()).prop_flat_map(|chosen| {
            chosen
                .into_iter()
                .map(|(element, widths)| {
                    proptest::sample::select(widths).prop_map(move |width| Field {
                        enterprise: None,
                        element,
                        width,
                    })
                })
                .collect::<Vec<_>>()
        });
    // Elements that nobody knows, some of a vendor, some of variable length, some without a byte.
    let unknown = vec(
        (any::<bool>(), 900_u16..1000, prop_oneof![Just(u16::MAX), Just(0), 1_u16..40])
            .prop_map(|(vendor, element, width)| Field { enterprise: vendor.then_some(9), element, width }),
        0..5,
    );
    (known, unknown).prop_flat_map(|(known, unknown)| {
        let all: Vec<Field> = known.into_iter().chain(unknown).collect();
        Just(all).prop_shuffle()
    })
}

/// A message body with the set and its header; `values` are taken as far as a field's width reaches.
fn body(fields: &[Field], records: &[Vec<u64>], ipfix: bool) -> Vec<u8> {
    let mut template = TEMPLATE.to_be_bytes().to_vec();
    template.extend((fields.len() as u16).to_be_bytes());
    for field in fields {
        let bit = if ipfix && field.enterprise.is_some() { 0x8000 } else { 0 };
        template.extend((field.element | bit).to_be_bytes());
        template.extend(width(field, ipfix).to_be_bytes());
        if ipfix && let Some(enterprise) = field.enterprise {
            template.extend(enterprise.to_be_bytes());
        }
    }
    let mut data = Vec::new();
    for record in records {
        for (field, value) in fields.iter().zip(record) {
            match width(field, ipfix) {
                u16::MAX => {
                    let length = (value % 300) as u16;
                    if length < 255 {
                        data.push(length as u8);
                    } else {
                        data.push(255);
                        data.extend(length.to_be_bytes());
                    }
                    data.extend(std::iter::repeat_n(0xee, usize::from(length)));
                }
                width => {
                    let bytes = u128::from(*value).to_be_bytes();
                    let width = usize::from(width);
                    let known = width.min(16);
                    data.extend(std::iter::repeat_n(0xdd, width - known));
                    data.extend(&bytes[16 - known..]);
                }
            }
        }
    }
    let mut out = Vec::new();
    for (id, content) in [(if ipfix { 2 } else { 0 }, template), (TEMPLATE, data)] {
        out.extend(u16::to_be_bytes(id));
        out.extend((content.len() as u16 + 4).to_be_bytes());
        out.extend(content);
    }
    out
}

/// NetFlow v9 has no variable length.
fn width(field: &Field, ipfix: bool) -> u16 {
    if field.width == u16::MAX && !ipfix { 7 } else { field.width }
}

fn message(fields: &[Field], records: &[Vec<u64>], ipfix: bool) -> Vec<u8> {
    let body = body(fields, records, ipfix);
    let mut out = Vec::new();
    if ipfix {
        out.extend([0, 10]);
        out.extend((body.len() as u16 + 16).to_be_bytes());
    } else {
        out.extend([0, 9, 0, 2, 0, 0, 0x10, 0]);
    }
    for word in [1_700_000_000_u32, 7, 1] {
        out.extend(word.to_be_bytes());
    }
    out.extend(body);
    out
}

/// What a record must be, from the values that were written.
fn expected(fields: &[Field], values: &[u64]) -> FlowRecord {
    let value = |element: u16| {
        let index = fields.iter().position(|field| field.enterprise.is_none() && field.element == element);
        index.map(|index| match fields[index].width {
            width @ 1..8 => values[index] & ((1 << (8 * width)) - 1),
            _ => values[index],
        })
    };
    let number = |element| value(element).unwrap_or(0);
    let address = |element| Address::from_ipv4((number(element) as u32).to_be_bytes());
    let time = |element| {
        value(element)
            .filter(|&value| value != 0)
            .and_then(|value| i64::try_from(value).ok())
            .map(Time::from_milliseconds)
    };
    let mut record = FlowRecord::new(address(8), address(12));
    record.protocol = number(4) as u8;
    record.source_port = number(7) as u16;
    record.destination_port = number(11) as u16;
    record.tcp_flags.0 = number(6) as u8;
    record.packets = number(2);
    record.bytes = number(1);
    record.input_interface = number(10) as u32;
    record.output_interface = number(14) as u32;
    record.first = time(152);
    record.last = time(153);
    record.sampling = number(34) as u32;
    record.source_as = number(16) as u32;
    record.vlan = number(58) as u16 & 0xfff;
    if matches!(record.protocol, 1 | 58) {
        if record.source_port == 0 {
            [record.icmp_type, record.icmp_code] = record.destination_port.to_be_bytes();
        }
        (record.source_port, record.destination_port) = (0, 0);
    }
    record
}

fn decode(datagrams: &[&[u8]]) -> (Vec<FlowRecord>, FlowDecoder) {
    let mut decoder = FlowDecoder::new(Limits::default(), [3; 16]);
    let mut records = Vec::new();
    for datagram in datagrams {
        decoder.decode(EXPORTER, Time::default(), datagram, &mut records);
    }
    (records, decoder)
}

fn case() -> impl Strategy<Value = (Vec<Field>, Vec<Vec<u64>>, bool)> {
    fields().prop_flat_map(|fields| {
        let value = prop_oneof![any::<u64>(), 0_u64..70_000, Just(0)];
        // Up to more than the longest window over short records, so that some are read in place and some at the end.
        let records = vec(vec(value, fields.len()), 1..24);
        (Just(fields), records, any::<bool>())
    })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded((fields, values, ipfix) in case()) {
        let datagram = message(&fields, &values, ipfix);
        let (records, decoder) = decode(&[&datagram]);
        let addressed = fields.iter().any(|field| matches!(field.element, 8 | 12));
        if addressed {
            let wanted: Vec<FlowRecord> = values.iter().map(|values| expected(&fields, values)).collect();
            prop_assert_eq!(records, wanted);
        } else {
            prop_assert!(records.is_empty());
            prop_assert_eq!(decoder.counters().records_without_address, values.len() as u64);
        }
        prop_assert_eq!(flow::looks_like(&datagram), Some(if ipfix { Protocol::Ipfix } else { Protocol::Netflow9 }));
    }

    #[test]
    fn a_dump_falls_into_its_datagrams(cases in vec(case(), 1..4)) {
        // One protocol for a dump: a NetFlow v9 datagram ends where the next begins.
        let ipfix = cases[0].2;
        let messages: Vec<Vec<u8>> = cases.iter().map(|(fields, values, _)| message(fields, values, ipfix)).collect();
        let dump = messages.concat();
        let pieces: Vec<&[u8]> = flow::datagrams(&dump).collect();
        prop_assert_eq!(&pieces, &messages.iter().map(Vec::as_slice).collect::<Vec<_>>());
        prop_assert_eq!(decode(&pieces).0, decode(&messages.iter().map(Vec::as_slice).collect::<Vec<_>>()).0);
    }

    #[test]
    fn damage_loses_records_and_nothing_else(
        (fields, values, ipfix) in case(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let good = message(&fields, &values, ipfix);
        let mut bad = good.clone();
        for (at, value) in damage {
            let at = at.index(bad.len());
            bad[at] = value;
        }
        let (records, _) = decode(&[&good, &bad, &bad[..cut.index(bad.len())], &good]);
        // A record takes at least the four bytes of an address.
        prop_assert!(records.len() * 4 <= good.len() * 4);
        // What was good before the damage is there.
        let (alone, _) = decode(&[&good]);
        prop_assert_eq!(&records[..alone.len()], &alone[..]);
    }

    #[test]
    fn no_bytes_make_it_panic(version in 0_u8..12, mut bytes in vec(any::<u8>(), 0..600), wide in any::<bool>()) {
        if bytes.len() >= 4 {
            bytes[..4].copy_from_slice(&if wide { [0, 0, 0, 5] } else { [0, version, 0, 9] });
        }
        let (records, decoder) = decode(&[&bytes, &bytes]);
        prop_assert!(records.len() * 4 <= bytes.len() * 2 + 8);
        prop_assert_eq!(decoder.counters().datagrams, 2);
        prop_assert!(flow::datagrams(&bytes).map(<[u8]>::len).sum::<usize>() == bytes.len());
    }
}
