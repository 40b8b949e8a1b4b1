//! What was seen between zones against what the conduits allow.
//!
//! A flow that was only asked for may have been refused; `answered` says whether both directions were seen. Traffic
//! inside one zone crosses no conduit and is not judged.
//!
//! Limits: [`MAXIMUM_DRIFTS`] kinds (from, to, port), [`MAXIMUM_WITNESSES`] flows of each as witnesses; what does not fit is counted. Who
//! forges senders can make as many kinds as there are ports, but no answers: answered kinds have half of the room to
//! themselves, three quarters of each half are for pairs of declared zones, and of each pair at most [`MAXIMUM_OF_PAIR`] unanswered kinds are kept.

use std::collections::BTreeMap;
use std::net::IpAddr;

use institution::{End, Institution, Permit, Transport, ZoneId};
use serde::Serialize;

use super::watch::Flow;

/// Most kinds of drift.
pub const MAXIMUM_DRIFTS: usize = 4_096;
/// Most unanswered kinds between two zones.
pub const MAXIMUM_OF_PAIR: usize = 128;
/// Room of each class: answered between declared zones, answered otherwise, unanswered between declared zones, unanswered otherwise.
const ROOM: [usize; 4] =
    [MAXIMUM_DRIFTS * 3 / 8, MAXIMUM_DRIFTS / 8, MAXIMUM_DRIFTS * 3 / 8, MAXIMUM_DRIFTS / 8];
/// Most witness flows of one kind.
pub const MAXIMUM_WITNESSES: usize = 3;

/// A kind of traffic that no conduit allows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// The zone of the client, or `internet`.
    pub from: String,
    /// The zone of the server, or `internet`.
    pub to: String,
    /// Such as `tcp/445`.
    pub port: String,
    /// Flows.
    pub flows: u64,
    /// Packets as counted.
    pub packets: u64,
    /// One packet in this many was looked at, at most.
    pub sampling: u32,
    /// When the first began, seconds since the epoch.
    pub first_seconds: f64,
    /// When the last ended.
    pub last_seconds: f64,
    /// Whether one of them was seen in both directions.
    pub answered: bool,
    /// Some of the flows: client, server.
    pub witnesses: Vec<(IpAddr, IpAddr)>,
    /// Whether there is a conduit between the two zones at all.
    pub conduit: bool,
}

type Kind = (Option<ZoneId>, Option<ZoneId>, u8, u16);

pub(super) struct Drifts<'i> {
    institution: &'i Institution,
    kinds: BTreeMap<Kind, Drift>,
    /// How many kinds of each class there are.
    held: [usize; 4],
    /// Unanswered kinds of each pair of zones.
    unanswered: BTreeMap<(Option<ZoneId>, Option<ZoneId>), usize>,
    omitted: u64,
    /// For each conduit, which permits were used.
    used: Vec<Vec<bool>>,
}

impl<'i> Drifts<'i> {
    pub(super) fn new(institution: &'i Institution) -> Self {
        let used = institution.conduits.iter().map(|conduit| vec![false; conduit.allow.len()]).collect();
        Self {
            institution,
            kinds: BTreeMap::new(),
            held: [0; 4],
            unanswered: BTreeMap::new(),
            omitted: 0,
            used,
        }
    }

    pub(super) fn add(&mut self, flow: &Flow) {
        let from = self.institution.lookup(flow.client).lookup.zone;
        let to = self.institution.lookup(flow.server).lookup.zone;
        if from == to {
            return;
        }
        let mut allowed = false;
        let mut conduit_there = false;
        for (number, conduit) in self.institution.conduits.iter().enumerate() {
            if !is(conduit.from, from) || !is(conduit.to, to) {
                continue;
            }
            conduit_there = true;
            for (which, permit) in conduit.allow.iter().enumerate() {
                if permit.ports.contains(flow.protocol, flow.port) {
                    allowed = true;
                    self.used[number][which] = true;
                }
            }
        }
        if !allowed {
            self.note((from, to, flow.protocol, flow.port), flow, conduit_there);
        }
    }

    /// Whether there is room for a kind in its class; takes it.
    fn admits(&mut self, kind: Kind, answered: bool) -> bool {
        let pair = (kind.0, kind.1);
        let class = class_of(kind, answered);
        let is_pair_full =
            !answered && self.unanswered.get(&pair).is_some_and(|&held| held >= MAXIMUM_OF_PAIR);
        let has_room = self.held.get(class).zip(ROOM.get(class)).is_some_and(|(held, room)| held < room);
        if !has_room || is_pair_full {
            return false;
        }
        self.held[class] += 1;
        if !answered {
            *self.unanswered.entry(pair).or_default() += 1;
        }
        true
    }

    fn note(&mut self, kind: Kind, flow: &Flow, conduit: bool) {
        let answered = flow.asked && flow.answered;
        let known = self.kinds.get(&kind).map(|drift| drift.answered);
        let fits = match known {
            None => self.admits(kind, answered),
            // It moves to the class of the answered ones if there is room, and keeps its place if not.
            Some(false) if answered && self.admits(kind, true) => {
                let class = class_of(kind, false);
                self.held[class] = self.held[class].saturating_sub(1);
                if let Some(held) = self.unanswered.get_mut(&(kind.0, kind.1)) {
                    *held = held.saturating_sub(1);
                }
                true
            }
            Some(_) => true,
        };
        if !fits {
            self.omitted += 1;
            return;
        }
        let name = |zone: Option<ZoneId>| {
            zone.map_or_else(|| crate::witness::INTERNET.to_owned(), |zone| self.institution[zone].id.clone())
        };
        let drift = self.kinds.entry(kind).or_insert_with(|| Drift {
            from: name(kind.0),
            to: name(kind.1),
            port: format!("{}/{}", transport(flow.protocol), flow.port),
            flows: 0,
            packets: 0,
            sampling: 1,
            first_seconds: flow.first,
            last_seconds: flow.last,
            answered: false,
            witnesses: Vec::new(),
            conduit,
        });
        drift.flows += 1;
        drift.packets = drift.packets.saturating_add(flow.packets);
        drift.sampling = drift.sampling.max(flow.sampling);
        drift.first_seconds = drift.first_seconds.min(flow.first);
        drift.last_seconds = drift.last_seconds.max(flow.last);
        drift.answered |= answered;
        let witness = (flow.client, flow.server);
        if drift.witnesses.len() < MAXIMUM_WITNESSES && !drift.witnesses.contains(&witness) {
            drift.witnesses.push(witness);
        }
    }

    /// What drifted, how many flows were of kinds that did not fit, and permits that nothing used.
    pub(super) fn finish(self) -> (Vec<Drift>, u64, Vec<String>) {
        let mut drifts: Vec<Drift> = self.kinds.into_values().collect();
        drifts.sort_by(|one, other| {
            (other.answered, other.flows)
                .cmp(&(one.answered, one.flows))
                .then_with(|| (&one.from, &one.to, &one.port).cmp(&(&other.from, &other.to, &other.port)))
        });
        let mut unused = Vec::new();
        for (conduit, used) in self.institution.conduits.iter().zip(&self.used) {
            for (permit, _) in conduit.allow.iter().zip(used).filter(|(_, used)| !**used) {
                unused.push(format!(
                    "{} {} {}",
                    self_name(self.institution, conduit.from),
                    self_name(self.institution, conduit.to),
                    text(permit)
                ));
            }
        }
        (drifts, self.omitted, unused)
    }
}

/// Place in [`ROOM`].
const fn class_of(kind: Kind, answered: bool) -> usize {
    let between_zones = kind.0.is_some() && kind.1.is_some();
    match (answered, between_zones) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) => 3,
    }
}

fn self_name(institution: &Institution, end: End) -> &str {
    match end {
        End::Internet => crate::witness::INTERNET,
        End::Zone(zone) => &institution[zone].id,
    }
}

fn text(permit: &Permit) -> String {
    let (first, last) = (permit.ports.first, permit.ports.last);
    let transport = permit.ports.transport.as_str();
    if first == last { format!("{transport}/{first}") } else { format!("{transport}/{first}-{last}") }
}

fn is(end: End, zone: Option<ZoneId>) -> bool {
    match end {
        End::Internet => zone.is_none(),
        End::Zone(id) => zone == Some(id),
    }
}

pub(super) const fn transport(protocol: u8) -> &'static str {
    match protocol {
        6 => Transport::Tcp.as_str(),
        17 => Transport::Udp.as_str(),
        _ => Transport::Sctp.as_str(),
    }
}
