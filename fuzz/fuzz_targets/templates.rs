//! Template announcements, changes, withdrawals and data in any order, against a simple model.
//!
//! Each pair of input bytes is an operation on one of sixteen template ids of two observation domains. The
//! model is a map from domain and id to the field order announced last; the decoder must give exactly the
//! records that the model says.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use wire::flow::{FlowDecoder, Limits};
use wire::{Address, FlowRecord, Time};

/// Operations of one input: enough to announce, change, withdraw and use every id of both domains. A longer
/// series only repeats them, and took about 30 ms with the sanitizer.
const OPERATIONS: usize = 96;

/// Element and length; each layout reads the same bytes differently.
const LAYOUTS: [&[(u16, u16)]; 4] = [
    &[(8, 4), (12, 4), (2, 4), (1, 4)],
    &[(12, 4), (8, 4), (1, 8)],
    &[(8, 4), (500, 3), (4, 1), (2, 8)],
    &[(8, 4), (500, 0xffff), (12, 4)],
];
/// Bytes of a data set. For the layout of variable length the fifth byte is that length.
const DATA: [u8; 16] = [10, 0, 0, 1, 7, 9, 8, 7, 0, 0, 0, 5, 0, 0, 2, 0];

fn message(domain: u32, set_id: u16, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0, 10];
    out.extend((20 + body.len() as u16).to_be_bytes());
    for word in [1_700_000_000, 0, domain] {
        out.extend(u32::to_be_bytes(word));
    }
    out.extend(set_id.to_be_bytes());
    out.extend((4 + body.len() as u16).to_be_bytes());
    out.extend(body);
    out
}

fn template(id: u16, fields: &[(u16, u16)]) -> Vec<u8> {
    let mut out = id.to_be_bytes().to_vec();
    out.extend((fields.len() as u16).to_be_bytes());
    for (element, length) in fields {
        out.extend(element.to_be_bytes());
        out.extend(length.to_be_bytes());
    }
    out
}

/// Source, destination, packets, bytes and protocol that a layout reads from [`DATA`].
fn expected(layout: usize) -> (u32, u32, u64, u64, u8) {
    let word = |at: usize| u32::from_be_bytes([DATA[at], DATA[at + 1], DATA[at + 2], DATA[at + 3]]);
    let long = |at: usize| u64::from(word(at)) << 32 | u64::from(word(at + 4));
    match layout {
        0 => (word(0), word(4), word(8).into(), word(12).into(), 0),
        1 => (word(4), word(0), 0, long(8), 0),
        2 => (word(0), 0, long(8), 0, DATA[7]),
        // One byte of length, seven bytes skipped, then the destination.
        _ => (word(0), word(12), 0, 0, 0),
    }
}

fuzz_target!(|data: &[u8]| {
    let mut decoder = FlowDecoder::new(Limits::default(), [5; 16]);
    let mut model: BTreeMap<(u32, u16), usize> = BTreeMap::new();
    for operation in data.chunks_exact(2).take(OPERATIONS) {
        let domain = u32::from(operation[0] >> 7);
        let id = 256 + u16::from(operation[0] & 15);
        let layout = usize::from(operation[1] & 3);
        let datagram = match operation[1] >> 5 {
            0..=2 => {
                model.insert((domain, id), layout);
                message(domain, 2, &template(id, LAYOUTS[layout]))
            }
            3 => {
                model.remove(&(domain, id));
                message(domain, 2, &template(id, &[]))
            }
            4 if operation[1] & 4 != 0 => {
                model.retain(|&(kept, _), _| kept != domain);
                message(domain, 2, &template(2, &[]))
            }
            _ => message(domain, id, &DATA),
        };
        let is_data = datagram[16] != 0;
        let mut records: Vec<FlowRecord> = Vec::new();
        decoder.decode(Address::default(), Time::default(), &datagram, &mut records);
        let known = model.get(&(domain, id)).filter(|_| is_data);
        assert_eq!(records.len(), usize::from(known.is_some()));
        if let (Some(record), Some(&layout)) = (records.first(), known) {
            let (source, destination, packets, bytes, protocol) = expected(layout);
            assert_eq!(record.source, Address::from_ipv4(source.to_be_bytes()));
            assert_eq!(record.destination, Address::from_ipv4(destination.to_be_bytes()));
            assert_eq!((record.packets, record.bytes, record.protocol), (packets, bytes, protocol));
        }
        let kept: usize = decoder.sources().map(|source| source.templates).sum();
        assert_eq!(kept, model.len());
    }
});
