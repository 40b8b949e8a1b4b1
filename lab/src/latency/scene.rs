//! What happens in one run: ordinary traffic to hosts of an institution, and at given times a step on some of them.
//!
//! Each act has a network of its own, so that no act disturbs another, and its hosts get ordinary traffic at rate B all
//! the time.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::traffic::VARIATIONS;
use crate::random::Random;

/// How traffic is exported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Export {
    /// One packet in a thousand.
    Sflow,
    /// NetFlow v9 with short records.
    Netflow,
}

/// What happens to the hosts of an act.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Kind {
    /// One host gets so many times B.
    Step(f64),
    /// 200 hosts that get B in all get so many times that.
    Carpet(f64),
    /// One IPv6 host gets 125,000 packets a second, told by one record every 8 s.
    FewRecords,
    /// One host that is always at the same rate, told by 30 records a minute that arrive together. No flood.
    LongFlows,
}

/// One act.
#[derive(Clone, Debug)]
pub(super) struct Act {
    /// For tables and as the name of the service.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) export: Export,
    /// Seconds from the start of the run.
    pub(super) begin: f64,
    pub(super) seconds: f64,
    /// The alarm has to come within so many seconds; `None`: its delay is only reported.
    pub(super) limit: Option<f64>,
    /// The network of its hosts.
    pub(super) network: IpNet,
}

/// Hosts of a carpet.
pub(super) const CARPET_HOSTS: u8 = 200;
/// How long after an act its alarms are still its own.
const AFTERMATH_SECONDS: f64 = 15.0;

/// A run.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    /// B: packets a second to every act's hosts.
    pub(super) rate: f64,
    /// How many times as much as usual the rates vary.
    pub(super) dispersion: f64,
    pub(super) acts: Vec<Act>,
    pub(super) seconds: f64,
}

impl Scene {
    /// All acts, the first one after `ordinary` seconds. Each begins somewhere in a second of its own, so that none
    /// knows where the steps of a detector begin.
    pub(super) fn new((rate, dispersion): (f64, f64), ordinary: f64, seed: u64) -> Self {
        use Export::{Netflow, Sflow};
        let mut random = Random::named(seed, "scene");
        let acts = [
            ("sflow-10x", Kind::Step(10.0), Sflow, 6.0, Some(0.5)),
            ("netflow-10x", Kind::Step(10.0), Netflow, 6.0, Some(0.5)),
            ("sflow-2x", Kind::Step(2.0), Sflow, 10.0, Some(1.5)),
            ("netflow-2x", Kind::Step(2.0), Netflow, 10.0, Some(1.5)),
            ("sflow-1.2x", Kind::Step(1.2), Sflow, 30.0, None),
            ("netflow-1.2x", Kind::Step(1.2), Netflow, 30.0, None),
            ("carpet", Kind::Carpet(2.0), Sflow, 10.0, Some(2.0)),
            ("ipv6-few-records", Kind::FewRecords, Netflow, 17.0, Some(1.0)),
            ("long-flows", Kind::LongFlows, Netflow, 0.0, None),
        ];
        let mut begin = ordinary;
        let mut list = Vec::new();
        for (place, (name, kind, export, seconds, limit)) in acts.into_iter().enumerate() {
            let network = network(place as u8, kind == Kind::FewRecords);
            let begins = begin + random.below(100) as f64 / 100.0;
            list.push(Act { name, kind, export, begin: begins, seconds, limit, network });
            begin += seconds + 5.0;
        }
        Self { rate, dispersion, acts: list, seconds: begin }
    }

    /// How the rates vary, for the head of a table.
    pub(super) fn variation(&self) -> String {
        let [slow, fast] = VARIATIONS.map(|usual| usual * self.dispersion);
        format!("cv {slow:.2} over 10 s, {fast:.2} over 0.1 s")
    }

    /// The institution file: a zone for each act, a service for each host that stands alone.
    pub(super) fn institution(&self) -> String {
        let mut text = String::from(
            "[institution]\nname = \"Latency\"\ntime_zone = \"UTC\"\n\n[exporter.sflow]\naddress = \"127.0.0.1\"\n\n\
             [exporter.netflow]\naddress = \"127.0.0.2\"\n",
        );
        for (place, act) in self.acts.iter().enumerate() {
            let network = act.network;
            let _ = write!(text, "\n[zone.z{place}]\nprefixes = [\"{network}\"]\nexposure = \"internet\"\n");
            if !matches!(act.kind, Kind::Carpet(_)) {
                let (zone, host) = (format!("z{place}"), act.host(0));
                let _ = write!(
                    text,
                    "\n[service.s{place}]\nzone = \"{zone}\"\naddresses = [\"{host}\"]\nnames = [\"{}.example\"]\n",
                    act.name.replace('.', "-")
                );
            }
        }
        text
    }

    /// Networks as a list, one a line.
    pub(super) fn networks(&self) -> String {
        self.acts.iter().map(|act| format!("{}\n", act.network)).collect()
    }
}

impl Act {
    /// The host of that number.
    pub(super) fn host(&self, number: u8) -> IpAddr {
        match self.network.network() {
            IpAddr::V4(network) => {
                IpAddr::V4(Ipv4Addr::from_bits(network.to_bits() + 10 + u32::from(number)))
            }
            IpAddr::V6(network) => {
                IpAddr::V6(Ipv6Addr::from_bits(network.to_bits() + 10 + u128::from(number)))
            }
        }
    }

    /// How many hosts it has.
    pub(super) const fn hosts(&self) -> u8 {
        if let Kind::Carpet(_) = self.kind { CARPET_HOSTS } else { 1 }
    }

    /// Whether it is a flood at all.
    pub(super) const fn is_flood(&self) -> bool {
        !matches!(self.kind, Kind::LongFlows)
    }

    /// Whether this target is what is flooded: the host itself, or of a carpet a prefix around it.
    pub(super) fn is_hit_by(&self, target: &IpNet) -> bool {
        if self.hosts() == 1 {
            return *target == IpNet::from(self.host(0));
        }
        target.contains(&self.network) && target.prefix_len() >= self.network.prefix_len().saturating_sub(8)
    }

    /// Whether an alarm on this target at that time is explained by the act.
    pub(super) fn explains(&self, target: &IpNet, time: f64) -> bool {
        let overlaps = target.contains(&self.network) || self.network.contains(target);
        let during = (self.begin..self.begin + self.seconds + AFTERMATH_SECONDS).contains(&time);
        self.is_flood() && overlaps && during
    }
}

fn network(place: u8, ipv6: bool) -> IpNet {
    let (address, length) = if ipv6 {
        (IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x20, u16::from(place), 0, 0, 0, 0)), 64)
    } else {
        (IpAddr::V4(Ipv4Addr::new(10, 20, place, 0)), 24)
    };
    IpNet::new_assert(address, length)
}
