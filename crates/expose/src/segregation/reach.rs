//! What can reach what by the declared conduits, and what is different in another version of the file.

use std::collections::{BTreeMap, BTreeSet};

use institution::{End, Institution, Transport};
use serde::Serialize;

const PORTS: usize = 1 << 16;
const WORDS: usize = PORTS / 64;

/// Ports of one transport, one bit each.
type Ports = Box<[u64; WORDS]>;

/// Ports that can be reached from one zone in another.
#[derive(Clone, Debug, Default)]
pub struct Reachability {
    ports: BTreeMap<(String, String, &'static str), Ports>,
}

/// A range of ports that is open in one version of the file only.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Opening {
    /// `opened` or `closed`.
    pub change: &'static str,
    /// The zone from which.
    pub from: String,
    /// The zone to which.
    pub to: String,
    /// Such as `tcp/443` or `udp/8000-8100`.
    pub ports: String,
    /// Zones on the way from the Internet to `to` in the version in which it is open, if there is a way.
    pub from_internet: Vec<String>,
}

impl Reachability {
    /// By the conduits of a file.
    pub fn of(institution: &Institution) -> Self {
        let mut ports: BTreeMap<(String, String, &'static str), Ports> = BTreeMap::new();
        let name = |end: End| match end {
            End::Internet => crate::witness::INTERNET.to_owned(),
            End::Zone(zone) => institution[zone].id.clone(),
        };
        for conduit in &institution.conduits {
            for permit in &conduit.allow {
                let transport = transport(permit.ports.transport);
                let key = (name(conduit.from), name(conduit.to), transport);
                let bits = ports.entry(key).or_insert_with(|| Box::new([0; WORDS]));
                for port in permit.ports.first..=permit.ports.last {
                    bits[usize::from(port) / 64] |= 1 << (port % 64);
                }
            }
        }
        Self { ports }
    }

    /// Zones on a shortest way from the Internet to a zone, both included; empty if there is none.
    pub fn way_from_internet(&self, to: &str) -> Vec<String> {
        let mut before: BTreeMap<&str, &str> = BTreeMap::new();
        let mut open: Vec<&str> = vec![crate::witness::INTERNET];
        let mut seen: BTreeSet<&str> = open.iter().copied().collect();
        while !open.is_empty() {
            let mut next = Vec::new();
            for (from, zone, _) in self.ports.keys() {
                if open.contains(&from.as_str()) && seen.insert(zone) {
                    before.insert(zone, from);
                    next.push(zone.as_str());
                }
            }
            open = next;
        }
        if !seen.contains(to) {
            return Vec::new();
        }
        let mut way = vec![to.to_owned()];
        let mut at = to;
        while let Some(&from) = before.get(at) {
            way.push(from.to_owned());
            at = from;
        }
        way.reverse();
        way
    }

    fn only_here(&self, other: &Self, change: &'static str, into: &mut Vec<Opening>) {
        for ((from, to, transport), ports) in &self.ports {
            let theirs = other.ports.get(&(from.clone(), to.clone(), transport));
            let is_open = |port: usize| {
                let bit = |ports: &Ports| ports[port / 64] >> (port % 64) & 1 == 1;
                bit(ports) && !theirs.is_some_and(bit)
            };
            let mut start = None;
            for port in 0..=PORTS {
                match (start, port < PORTS && is_open(port)) {
                    (None, true) => start = Some(port),
                    (Some(first), false) => {
                        let last = port - 1;
                        let ports = if first == last {
                            format!("{transport}/{first}")
                        } else {
                            format!("{transport}/{first}-{last}")
                        };
                        let from_internet = self.way_from_internet(to);
                        into.push(Opening {
                            change,
                            from: from.clone(),
                            to: to.clone(),
                            ports,
                            from_internet,
                        });
                        start = None;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// What is open in one version and not in the other.
pub fn differences(before: &Reachability, after: &Reachability) -> Vec<Opening> {
    let mut list = Vec::new();
    after.only_here(before, "opened", &mut list);
    before.only_here(after, "closed", &mut list);
    list
}

const fn transport(transport: Transport) -> &'static str {
    transport.as_str()
}
