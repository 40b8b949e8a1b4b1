//! Flows that were seen, put together to conversations with a client and a server.
//!
//! Who is the server: what opened the connection says so (a TCP segment that asks, or that answers); else a declared service
//! does; else the smaller port. Tables are ordered trees, so that who chooses addresses and ports cannot choose what a look-up costs.
//!
//! # Limits
//! [`MAXIMUM_FLOWS`] flows at once; what does not fit is counted. A flow that was silent for a minute is another
//! one when it goes on.

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
    /// Kinds of drift beyond the limit.
    pub drifts_omitted: u64,
    /// Dependencies by the looks of it; proposals, nothing more.
    pub proposals: Vec<Proposal>,
    /// Conduits over which nothing was seen, as `from to ports`.
    pub unused: Vec<String>,
    /// Records taken up.
    pub records: u64,
    /// Flows that they make.
    pub flows: u64,
    /// Records that did not fit.
    pub refused: u64,
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
        }
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
        let full = self.open.len() >= MAXIMUM_FLOWS;
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
            None if full => self.observed.refused += 1,
            None => {
                self.open.insert(key, flow);
            }
        }
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
        let mut observed = self.observed;
        observed.drifts = drifts;
        observed.drifts_omitted = omitted;
        observed.unused = unused;
        observed.proposals = self.miner.finish();
        observed
    }
}
