//! Evidence as bytes, before it is sealed: a version, then records of known length, numbers with the lowest byte first.

use std::net::{IpAddr, Ipv6Addr};

use super::{EvidenceKind, FlowRow, Frame, MAXIMUM_HEADER_BYTES, Records};
use crate::keys::bits;

/// First byte.
const VERSION: u8 = 1;

/// The bytes of records.
pub(super) fn encode(records: &Records) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    match records {
        Records::Packets(frames) => {
            for frame in frames {
                let captured = frame.bytes.get(..MAXIMUM_HEADER_BYTES).unwrap_or(&frame.bytes);
                bytes.extend(frame.time.to_le_bytes());
                bytes.extend(frame.link_type.to_le_bytes());
                bytes.extend(frame.original_bytes.to_le_bytes());
                bytes.push(captured.len() as u8);
                bytes.extend(captured);
            }
        }
        Records::Flows(flows) => flows.iter().for_each(|flow| put(flow, &mut bytes)),
    }
    bytes
}

fn put(flow: &FlowRow, bytes: &mut Vec<u8>) {
    for number in [flow.first, flow.last] {
        bytes.extend(number.to_le_bytes());
    }
    for address in [flow.exporter, flow.source, flow.destination] {
        bytes.extend(bits(address));
    }
    bytes.extend([flow.protocol, flow.tcp_flags]);
    for port in [flow.source_port, flow.destination_port] {
        bytes.extend(port.to_le_bytes());
    }
    for number in [flow.packets, flow.bytes] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(flow.sampling.to_le_bytes());
}

/// Records of bytes; none if they are not what [`encode`] gives.
pub(super) fn decode(kind: EvidenceKind, bytes: &[u8]) -> Option<Records> {
    let (&version, mut rest) = bytes.split_first()?;
    if version != VERSION {
        return None;
    }
    let rest = &mut rest;
    match kind {
        EvidenceKind::Packets => {
            let mut frames = Vec::new();
            while !rest.is_empty() {
                let (time, link_type) = (i64::from_le_bytes(take(rest)?), u32::from_le_bytes(take(rest)?));
                let original_bytes = u32::from_le_bytes(take(rest)?);
                let [length] = take::<1>(rest)?;
                let (captured, after) = rest.split_at_checked(usize::from(length))?;
                *rest = after;
                frames.push(Frame { time, link_type, original_bytes, bytes: captured.to_vec() });
            }
            Some(Records::Packets(frames))
        }
        EvidenceKind::Flows => {
            let mut flows = Vec::new();
            while !rest.is_empty() {
                flows.push(flow(rest)?);
            }
            Some(Records::Flows(flows))
        }
    }
}

fn flow(rest: &mut &[u8]) -> Option<FlowRow> {
    let address = |bits: [u8; 16]| IpAddr::V6(Ipv6Addr::from(bits)).to_canonical();
    Some(FlowRow {
        first: i64::from_le_bytes(take(rest)?),
        last: i64::from_le_bytes(take(rest)?),
        exporter: address(take(rest)?),
        source: address(take(rest)?),
        destination: address(take(rest)?),
        protocol: take::<1>(rest)?[0],
        tcp_flags: take::<1>(rest)?[0],
        source_port: u16::from_le_bytes(take(rest)?),
        destination_port: u16::from_le_bytes(take(rest)?),
        packets: u64::from_le_bytes(take(rest)?),
        bytes: u64::from_le_bytes(take(rest)?),
        sampling: u32::from_le_bytes(take(rest)?),
    })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back() {
        let frame = Frame { time: -5, link_type: 1, original_bytes: 1500, bytes: vec![7; 60] };
        let address: IpAddr = "2001:db8::1".parse().unwrap();
        let flow = FlowRow {
            first: 1,
            last: 2,
            exporter: "192.0.2.254".parse().unwrap(),
            source: address,
            destination: address,
            protocol: 6,
            tcp_flags: 2,
            source_port: 1024,
            destination_port: 443,
            packets: 1 << 40,
            bytes: 9,
            sampling: 1000,
        };
        for (kind, records) in [
            (EvidenceKind::Packets, Records::Packets(vec![frame.clone(), Frame { bytes: vec![], ..frame }])),
            (EvidenceKind::Flows, Records::Flows(vec![flow, flow])),
        ] {
            let bytes = encode(&records);
            assert_eq!(decode(kind, &bytes), Some(records));
            assert!(decode(kind, &bytes[..bytes.len() - 1]).is_none() && decode(kind, &[9]).is_none());
        }
    }
}
