//! The short way and the long way come to the same.

use proptest::prelude::*;
use sketch::KeyedState;

use super::*;
use crate::conversation::ConversationKeys;

const FLAGS: [u8; 10] = [0, 0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14, 0x1b, 0x01];
const PORTS: [u16; 6] = [53, 123, 443, 1900, 4500, 40_000];

/// A packet or flow record of one of a few conversations of which all sides and kinds come, so that few states are
/// left out.
fn observations() -> impl Strategy<Value = Observation> {
    let kind = (0_usize..3, 0..FLAGS.len(), 0..PORTS.len(), any::<bool>());
    let what = (prop_oneof![Just(0_u64), Just(1), Just(10)], any::<bool>(), 0_u8..3);
    (kind, what).prop_map(|((protocol, flags, port, answers), (flow_packets, carries_payload, opening))| {
        let protocol = [protocol::TCP, protocol::UDP, protocol::GRE][protocol];
        let mut ports = (40_001, PORTS[port]);
        let mut sides = (Address::from_ipv4([198, 18, 0, 1]), Address::from_ipv4([192, 0, 2, 1]));
        if answers {
            (ports, sides) = ((ports.1, ports.0), (sides.1, sides.0));
        }
        let is_packet = flow_packets == 0;
        Observation {
            source: sides.0,
            destination: sides.1,
            protocol,
            first_protocol: protocol,
            source_port: ports.0,
            destination_port: ports.1,
            tcp_flags: TcpFlags(if protocol == protocol::TCP { FLAGS[flags] } else { 0 }),
            packets: flow_packets.max(1),
            bytes: 400 * flow_packets.max(1),
            sampling: 1,
            flow_packets,
            carries_payload: is_packet && carries_payload,
            opening: match opening {
                1 if is_packet => Opening::ClientHello,
                2 if is_packet => Opening::ApplicationData,
                _ => Opening::Other,
            },
            ..Observation::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_routine_is_what_would_have_been_judged(
        sequence in prop::collection::vec((observations(), 0_u32..40), 1..60)
    ) {
        let keys = ConversationKeys::new(&KeyedState::new([3; 16]));
        let (mut long, mut short) = (Conversations::new(64), Conversations::new(64));
        let mut step = 10;
        for (observation, later) in sequence {
            step += later;
            let (key, vector) = (keys.key(&observation), Vector::of(&observation));
            let judged = judge(&mut long, &observation, (key, false), vector, step);
            let found = if is_routine(&mut short, &observation, key, vector, step) {
                ROUTINE
            } else {
                judge(&mut short, &observation, (key, false), vector, step)
            };
            prop_assert_eq!(found, judged, "{:?}", observation);
        }
    }
}

#[test]
fn most_packets_of_a_connection_are_routine() {
    let keys = ConversationKeys::new(&KeyedState::new([3; 16]));
    let mut table = Conversations::new(64);
    let mut routine = 0;
    for packet in 0..100 {
        let mut observation = Observation {
            source: Address::from_ipv4([198, 18, 0, 1]),
            destination: Address::from_ipv4([192, 0, 2, 1]),
            protocol: protocol::TCP,
            first_protocol: protocol::TCP,
            source_port: 40_001,
            destination_port: 443,
            tcp_flags: TcpFlags(match packet {
                0 => 0x02,
                1 => 0x12,
                _ => 0x18,
            }),
            packets: 1,
            sampling: 1,
            carries_payload: packet > 2,
            ..Observation::default()
        };
        if packet % 2 == 1 {
            std::mem::swap(&mut observation.source, &mut observation.destination);
            std::mem::swap(&mut observation.source_port, &mut observation.destination_port);
        }
        let (key, vector) = (keys.key(&observation), Vector::of(&observation));
        if is_routine(&mut table, &observation, key, vector, 1) {
            routine += 1;
        } else {
            judge(&mut table, &observation, (key, false), vector, 1);
        }
    }
    assert!(routine > 90, "{routine} of 100");
}
