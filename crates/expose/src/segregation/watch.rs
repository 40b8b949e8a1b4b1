//! Flows that were seen, put together to conversations with a client and a server.
//!
//! Who is the server: what opened the connection says so (a TCP segment that asks, or that answers); else a declared service
//! does; else the smaller port. Tables are ordered trees, so that who chooses addresses and ports cannot choose what a look-up costs.
//!
//! # Limits
//! [`MAXIMUM_FLOWS`] flows at once. A flow that was silent for a minute is another one when it goes on. When there is no room for
//! another, flows are closed before their time, and counted as such: those that are over first, then questions that nobody
//! answered, those from undeclared addresses first, then the oldest. What is closed has been counted, so a flood of forged senders hides
//! nothing: it makes flows shorter, and its own first.

use std::collections::BTreeMap;
use std::net::IpAddr;

use institution::Institution;
use serde::Serialize;

use super::drift::{Drift, Drifts};
use super::mining::{Miner, Proposal};

/// Most flows that are remembered.
pub const MAXIMUM_FLOWS: usize = 262_144;
/// After so long in silence a flow is over.
pub(crate) const IDLE_SECONDS: f64 = 60.0;

/// How long a question waits for its answer before it makes room.
const ANSWER_SECONDS: f64 = 1.0;

/// One record of a flow, or one packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Of its first packet, seconds since the epoch.
    pub first_seconds: f64,
    /// Of its last packet.
    pub last_seconds: f64,
    /// Who sent it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// Number of the protocol over IP.
    pub protocol: u8,
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Packets as counted, not corrected for sampling.
    pub packets: u64,
    /// One packet in this many was looked at.
    pub sampling: u32,
    /// Whether the sender opened the connection (a SYN), or answers (a SYN-ACK), where that was seen.
    pub opens: Option<bool>,
}

/// A flow from a client to a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flow {
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
    pub(super) protocol: u8,
    pub(super) port: u16,
    pub(super) client_port: u16,
    pub(super) first: f64,
    pub(super) last: f64,
    pub(super) packets: u64,
    pub(super) sampling: u32,
    pub(super) asked: bool,
    pub(super) answered: bool,
}

type Key = (IpAddr, IpAddr, u8, u16, u16);

/// What came of watching.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Observed {
    /// What no conduit allows, the answered first.
    pub drifts: Vec<Drift>,
    /// Flows of kinds of drift for which there was no room.
    pub drifts_omitted: u64,
    /// Dependencies by the looks of it; proposals, nothing more.
    pub proposals: Vec<Proposal>,
    /// Conduits over which nothing was seen, as `from to ports`.
    pub unused: Vec<String>,
    /// Records taken up.
    pub records: u64,
    /// Flows that they make.
    pub flows: u64,
    /// Flows that were closed before their time to make room.
    pub cut_short: u64,
    /// Flows of which dependencies were not looked for, because there was no room.
    pub not_mined: u64,
    /// Dependencies beyond the limit, none of them ranked higher than those told.
    pub proposals_omitted: u64,
    /// Records of protocols without ports, which no conduit speaks of.
    pub without_ports: u64,
}

/// Takes up flows.
pub struct Watch<'i> {
    institution: &'i Institution,
    open: BTreeMap<Key, Flow>,
    drifts: Drifts<'i>,
    miner: Miner<'i>,
    observed: Observed,
    /// The latest time that was seen.
    now: f64,
    most: usize,
}

impl<'i> Watch<'i> {
    /// Against the conduits of a file.
    pub fn new(institution: &'i Institution) -> Self {
        Self {
            institution,
            open: BTreeMap::new(),
            drifts: Drifts::new(institution),
            miner: Miner::new(institution),
            observed: Observed::default(),
            now: f64::NEG_INFINITY,
            most: MAXIMUM_FLOWS,
        }
    }

    /// The same with room for fewer flows.
    #[must_use]
    pub fn with_flows(mut self, most: usize) -> Self {
        self.most = most.clamp(1, MAXIMUM_FLOWS);
        self
    }

    /// The same with room for fewer flows in which dependencies are looked for.
    #[must_use]
    pub fn with_mined(mut self, most: usize) -> Self {
        self.miner = self.miner.with_kept(most);
        self
    }

    /// Takes up one record.
    pub fn see(&mut self, seen: &Seen) {
        self.observed.records += 1;
        if !matches!(seen.protocol, 6 | 17 | 132) {
            self.observed.without_ports += 1;
            return;
        }
        let forward = self.is_forward(seen);
        let (client, server, client_port, port) = match forward {
            true => (seen.source, seen.destination, seen.source_port, seen.destination_port),
            false => (seen.destination, seen.source, seen.destination_port, seen.source_port),
        };
        let flow = Flow {
            client,
            server,
            protocol: seen.protocol,
            port,
            client_port,
            first: seen.first_seconds,
            last: seen.last_seconds.max(seen.first_seconds),
            packets: seen.packets,
            sampling: seen.sampling.max(1),
            asked: forward,
            answered: !forward,
        };
        self.join(flow);
    }

    fn join(&mut self, flow: Flow) {
        let key = (flow.client, flow.server, flow.protocol, flow.client_port, flow.port);
        self.now = self.now.max(flow.last);
        match self.open.get_mut(&key) {
            Some(known) if flow.first - known.last <= IDLE_SECONDS => {
                known.first = known.first.min(flow.first);
                known.last = known.last.max(flow.last);
                known.packets = known.packets.saturating_add(flow.packets);
                known.sampling = known.sampling.max(flow.sampling);
                known.asked |= flow.asked;
                known.answered |= flow.answered;
            }
            Some(known) => {
                let over = std::mem::replace(known, flow);
                self.close(&over);
            }
            None => {
                if self.open.len() >= self.most {
                    self.make_room();
                }
                self.open.insert(key, flow);
            }
        }
    }

    /// Closes at least half of the flows, so that each record pays for few of them.
    fn make_room(&mut self) {
        let half = self.most / 2;
        let over = self.now - IDLE_SECONDS;
        self.close_if(|flow| flow.last < over);
        let before = self.open.len();
        let institution = self.institution;
        let declared = |address| institution.lookup(address).lookup.zone.is_some();
        let is_whole = |flow: &Flow| flow.asked && flow.answered;
        // Who asked just now may still be answered.
        let lately = self.now - ANSWER_SECONDS;
        let is_foreign = |flow: &Flow| !(declared(flow.client) && declared(flow.server));
        if self.open.len() > half {
            self.close_if(|flow| !is_whole(flow) && flow.last < lately && is_foreign(flow));
        }
        if self.open.len() > half {
            self.close_if(|flow| !is_whole(flow) && flow.last < lately);
        }
        if self.open.len() > half {
            self.close_if(|flow| !is_whole(flow) && is_foreign(flow));
        }
        if self.open.len() > half {
            self.close_if(|flow| !is_whole(flow));
        }
        if self.open.len() > half {
            let mut ages: Vec<f64> = self.open.values().map(|flow| flow.last).collect();
            let middle = ages.len() / 2;
            let (_, &mut median, _) = ages.select_nth_unstable_by(middle, f64::total_cmp);
            self.close_if(|flow| flow.last <= median);
        }
        self.observed.cut_short += (before - self.open.len()) as u64;
    }

    fn close_if(&mut self, is_over: impl Fn(&Flow) -> bool) {
        let mut closed = Vec::new();
        self.open.retain(|_, flow| {
            let over = is_over(flow);
            if over {
                closed.push(*flow);
            }
            !over
        });
        closed.iter().for_each(|flow| self.close(flow));
    }

    /// Whether the sender is the client.
    fn is_forward(&self, seen: &Seen) -> bool {
        if let Some(opens) = seen.opens {
            return opens;
        }
        // What is known already of this pair of ends.
        let one = (seen.source, seen.destination, seen.protocol, seen.source_port, seen.destination_port);
        let other = (seen.destination, seen.source, seen.protocol, seen.destination_port, seen.source_port);
        if self.open.contains_key(&one) {
            return true;
        }
        if self.open.contains_key(&other) {
            return false;
        }
        let serves = |address: IpAddr, port: u16| {
            self.institution.lookup(address).service_on(seen.protocol, port).is_some()
        };
        match (serves(seen.destination, seen.destination_port), serves(seen.source, seen.source_port)) {
            (true, false) => true,
            (false, true) => false,
            _ => seen.destination_port <= seen.source_port,
        }
    }

    fn close(&mut self, flow: &Flow) {
        self.observed.flows += 1;
        self.drifts.add(flow);
        self.miner.add(flow);
    }

    /// Closes every flow and tells what there is.
    pub fn finish(mut self) -> Observed {
        for flow in std::mem::take(&mut self.open).into_values() {
            self.close(&flow);
        }
        let (drifts, omitted, unused) = self.drifts.finish();
        let mined = self.miner.finish();
        let mut observed = self.observed;
        observed.drifts = drifts;
        observed.drifts_omitted = omitted;
        observed.unused = unused;
        observed.proposals = mined.proposals;
        observed.proposals_omitted = mined.omitted;
        observed.not_mined = mined.left_out;
        observed
    }
}
