//! Conversations of real captures, to be held again with other hosts.

use std::collections::BTreeMap;

use wire::packet::{LinkType, decode};
use wire::{Address, Fragment, TcpFlags};

use super::packet::{End, ip, protocol, put};
use crate::trace::Trace;

/// Packets of a conversation that are kept.
const LONGEST: usize = 200;

/// One packet of a conversation.
#[derive(Clone, Debug)]
struct Step {
    after: i64,
    from_client: bool,
    segment: Vec<u8>,
}

/// A whole conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversation {
    steps: Vec<Step>,
    both: bool,
    accepted: bool,
}

/// Conversations by protocol and port of the server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversations(BTreeMap<(u8, u16), Vec<Conversation>>);

type Key = (u8, (Address, u16), (Address, u16));

impl Conversations {
    /// Adds those of a capture that begin in it and in which both sides speak.
    pub(crate) fn add(&mut self, trace: &Trace) {
        let mut open: BTreeMap<Key, (i64, Conversation)> = BTreeMap::new();
        for seen in trace.iter() {
            let Ok(packet) = decode(LinkType::RAW, seen.bytes).map(|decoded| decoded.outer) else { continue };
            let is_ip_payload = matches!(packet.protocol, protocol::TCP | protocol::UDP);
            if !is_ip_payload || packet.fragment != Fragment::None || packet.protocol != packet.first_protocol
            {
                continue;
            }
            let header = if packet.source.is_ipv4() { 20 } else { 40 };
            let Some(segment) = seen.bytes.get(header..) else { continue };
            let (from, to) =
                ((packet.source, packet.source_port), (packet.destination, packet.destination_port));
            let (forward, backward) = ((packet.protocol, from, to), (packet.protocol, to, from));
            let key = if open.contains_key(&backward) { backward } else { forward };
            let begins = packet.protocol == protocol::UDP
                || packet.tcp_flags.has(TcpFlags::SYN) && !packet.tcp_flags.has(TcpFlags::ACK);
            if !open.contains_key(&key) && !begins {
                continue;
            }
            let (first, conversation) =
                open.entry(key).or_insert_with(|| (seen.time, Conversation::default()));
            let from_client = key == forward;
            conversation.both |= !from_client;
            conversation.accepted |= packet.protocol == protocol::UDP
                || !from_client && packet.tcp_flags.has(TcpFlags::SYN) && packet.tcp_flags.has(TcpFlags::ACK);
            if conversation.steps.len() < LONGEST {
                let (after, segment) = (seen.time - *first, segment.to_vec());
                conversation.steps.push(Step { after, from_client, segment });
            }
        }
        for ((protocol, _, server), (_, conversation)) in open {
            if conversation.both && conversation.accepted && conversation.steps.len() >= 2 {
                self.0.entry((protocol, server.1)).or_default().push(conversation);
            }
        }
    }

    /// Those of a protocol and a server's port.
    pub(crate) fn of(&self, protocol: u8, port: u16) -> &[Conversation] {
        self.0.get(&(protocol, port)).map_or(&[], Vec::as_slice)
    }
}

impl Conversation {
    /// Has it between these two from `time` on, within `span` nanoseconds.
    pub(crate) fn hold(
        &self,
        trace: &mut Trace,
        (time, span): (i64, i64),
        (client, server): (End, End),
        protocol: u8,
    ) {
        let length = self.steps.iter().map(|step| step.after).max().unwrap_or(0).max(1);
        for step in &self.steps {
            let after = if length > span {
                (step.after as f64 * span as f64 / length as f64) as i64
            } else {
                step.after
            };
            let (from, to) = if step.from_client { (client, server) } else { (server, client) };
            let mut segment = step.segment.clone();
            put(&mut segment, 0, &from.port.to_be_bytes());
            put(&mut segment, 2, &to.port.to_be_bytes());
            trace.add(time + after, &ip(from.address, to.address, protocol, &segment));
        }
    }
}
