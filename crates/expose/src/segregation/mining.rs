//! Which service seems to depend on which, from flows alone: proposals for a person to judge.
//!
//! A server that asks another one while it is being asked itself probably needs it (nested flows, after NSDMiner:
//! Natarajan, Ning, Liu, Jajodia and Hutchinson, 2012). A pair is ranked by the logarithm of how often that was seen over
//! the logarithm of how often the service was asked at all. Nothing of this enters the institution file by itself.
//!
//! # Limits
//! Sampled flows do not show short nested ones and are not ranked; neither is what was seen fewer than
//! [`LEAST_OBSERVATIONS`] times. At most [`MAXIMUM_KEPT`] flows are kept for this, half of them for flows of which both directions were
//! seen, so that questions from forged senders leave those their room; the rest is left out and counted. A flow is looked for in what is
//! asked and answered first, the latest [`LOOK_BACK`] flows of each.

use std::collections::BTreeMap;
use std::net::IpAddr;

use institution::{Institution, ServiceId};
use serde::Serialize;

use super::drift::transport;
use super::watch::Flow;

/// Fewer observations than this have no rank.
pub const LEAST_OBSERVATIONS: u64 = 50;
/// Most flows that are kept.
const MAXIMUM_KEPT: usize = 1_000_000;
/// Asked flows that are looked at for each asking one, the latest first.
const LOOK_BACK: usize = 256;
/// Clocks of exporters round to this: an inner flow may end so much after the outer one.
const SLACK_SECONDS: f64 = 0.05;
/// Most proposals.
const MAXIMUM_PROPOSALS: usize = 1_000;

/// A dependency by the looks of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// The service that seems to need something, or the address of a server without a declared service.
    pub service: String,
    /// What it seems to need: a service, or an address.
    pub needs: String,
    /// The port at which it is asked, such as `tcp/5432`.
    pub port: String,
    /// How often it was asked while the service was being asked.
    pub count: u64,
    /// How often the service was asked.
    pub asked: u64,
    /// From 0 to 1; none if it was seen too seldom or in samples.
    pub rank: Option<f64>,
    /// One packet in this many was looked at.
    pub sampling: u32,
    /// When it was first seen, seconds since the epoch.
    pub first_seconds: f64,
    /// When it was last seen.
    pub last_seconds: f64,
}

pub(super) struct Miner<'i> {
    institution: &'i Institution,
    by_server: BTreeMap<IpAddr, Asked>,
    by_client: BTreeMap<IpAddr, Vec<Flow>>,
    /// Flows that are kept, those of one direction and those of both.
    kept: [usize; 2],
    most: usize,
    left_out: u64,
}

/// What came of it.
pub(super) struct Mined {
    pub(super) proposals: Vec<Proposal>,
    /// Proposals beyond the limit.
    pub(super) omitted: u64,
    /// Flows that were not looked at.
    pub(super) left_out: u64,
}

/// Flows to one server, those that were answered apart.
#[derive(Default)]
struct Asked {
    answered: Vec<Flow>,
    alone: Vec<Flow>,
}

impl Asked {
    fn sort(&mut self) {
        for list in [&mut self.answered, &mut self.alone] {
            list.sort_by(|one, other| one.first.total_cmp(&other.first));
        }
    }

    /// The latest flow during which another one went on.
    fn around(&self, inner: &Flow) -> Option<&Flow> {
        [&self.answered, &self.alone].into_iter().find_map(|list| {
            let end = list.partition_point(|outer| outer.first <= inner.first);
            let mut before = list.get(..end).unwrap_or_default().iter().rev().take(LOOK_BACK);
            before.find(|outer| inner.last <= outer.last + SLACK_SECONDS)
        })
    }

    /// How often each port was asked.
    fn times(&self) -> BTreeMap<(u8, u16), u64> {
        let mut times = BTreeMap::new();
        for flow in self.answered.iter().chain(&self.alone) {
            *times.entry((flow.protocol, flow.port)).or_default() += 1;
        }
        times
    }
}

/// The port that was asked, and whom it asked meanwhile.
type Nested = (u8, u16, IpAddr, u8, u16);

#[derive(Default)]
struct Pair {
    count: u64,
    sampling: u32,
    first: f64,
    last: f64,
}

impl<'i> Miner<'i> {
    pub(super) fn new(institution: &'i Institution) -> Self {
        Self {
            institution,
            by_server: BTreeMap::new(),
            by_client: BTreeMap::new(),
            kept: [0; 2],
            most: MAXIMUM_KEPT,
            left_out: 0,
        }
    }

    /// The same with room for fewer flows.
    pub(super) fn with_kept(mut self, most: usize) -> Self {
        self.most = most.clamp(2, MAXIMUM_KEPT);
        self
    }

    /// Keeps a flow that one of ours serves or asks.
    pub(super) fn add(&mut self, flow: &Flow) {
        let ours = |address| self.institution.lookup(address).lookup.zone.is_some();
        let (serves, asks) = (ours(flow.server), ours(flow.client));
        if !(serves || asks) || flow.client == flow.server {
            return;
        }
        let both = flow.asked && flow.answered;
        let kept = &mut self.kept[usize::from(both)];
        if *kept >= self.most / 2 {
            self.left_out += 1;
            return;
        }
        *kept += 1;
        if serves {
            let asked = self.by_server.entry(flow.server).or_default();
            if both { asked.answered.push(*flow) } else { asked.alone.push(*flow) }
        }
        if asks {
            self.by_client.entry(flow.client).or_default().push(*flow);
        }
    }

    pub(super) fn finish(mut self) -> Mined {
        let mut proposals = Vec::new();
        for (&host, asking) in &self.by_client {
            let Some(asked) = self.by_server.get_mut(&host) else { continue };
            asked.sort();
            let mut pairs: BTreeMap<Nested, Pair> = BTreeMap::new();
            for inner in asking {
                let Some(outer) = asked.around(inner) else { continue };
                let pair = pairs
                    .entry((outer.protocol, outer.port, inner.server, inner.protocol, inner.port))
                    .or_insert(Pair { first: inner.first, last: inner.last, ..Pair::default() });
                pair.count += 1;
                pair.sampling = pair.sampling.max(inner.sampling).max(outer.sampling);
                pair.first = pair.first.min(inner.first);
                pair.last = pair.last.max(inner.last);
            }
            let times = asked.times();
            for (nested, pair) in &pairs {
                let asked = times.get(&(nested.0, nested.1)).copied().unwrap_or(0);
                proposals.extend(proposal(self.institution, host, nested, pair, asked));
            }
        }
        proposals.sort_by(|one, other| {
            let value = |proposal: &Proposal| proposal.rank.unwrap_or(-1.0);
            value(other)
                .total_cmp(&value(one))
                .then(other.count.cmp(&one.count))
                .then_with(|| (&one.service, &one.needs).cmp(&(&other.service, &other.needs)))
        });
        let omitted = proposals.len().saturating_sub(MAXIMUM_PROPOSALS) as u64;
        proposals.truncate(MAXIMUM_PROPOSALS);
        Mined { proposals, omitted, left_out: self.left_out }
    }
}

/// A proposal, unless the file says so already.
fn proposal(
    institution: &Institution,
    host: IpAddr,
    &(protocol, port, other, other_protocol, other_port): &Nested,
    pair: &Pair,
    asked: u64,
) -> Option<Proposal> {
    let service = institution.lookup(host).service_on(protocol, port);
    let needed = institution.lookup(other).service_on(other_protocol, other_port);
    if service.is_some_and(|service| is_known(institution, service, other, needed)) {
        return None;
    }
    Some(Proposal {
        service: named(institution, service, host),
        needs: named(institution, needed, other),
        port: format!("{}/{other_port}", transport(other_protocol)),
        count: pair.count,
        asked,
        rank: rank(pair, asked),
        sampling: pair.sampling,
        first_seconds: pair.first,
        last_seconds: pair.last,
    })
}

/// Whether the file says so already.
fn is_known(institution: &Institution, service: ServiceId, other: IpAddr, needed: Option<ServiceId>) -> bool {
    let mut known = false;
    if let Some(needs) = &institution[service].needs {
        needs.for_each(&mut |element| {
            known |= match element {
                institution::Element::Service(id) => {
                    Some(id) == needed || institution[id].addresses.contains(&other)
                }
                institution::Element::Node(id) => institution[id].addresses.contains(&other),
            };
        });
    }
    known
}

fn rank(pair: &Pair, asked: u64) -> Option<f64> {
    if pair.count < LEAST_OBSERVATIONS || pair.sampling > 1 {
        return None;
    }
    let rank = (pair.count as f64).ln_1p() / (asked.max(1) as f64).ln_1p();
    Some(rank.min(1.0))
}

fn named(institution: &Institution, service: Option<ServiceId>, address: IpAddr) -> String {
    service.map_or_else(|| address.to_string(), |service| institution[service].id.clone())
}
