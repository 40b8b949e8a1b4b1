//! The five units of capacity: which of them matter for what, and how they compare.
//!
//! An element gives way in the unit that costs an attacker least. To compare units, each is taken as the traffic that uses
//! it up: bits as large packets; packets, new connections and entries of a table as packets of [`SMALLEST_PACKET_BITS`];
//! an entry is held for [`HOLD_SECONDS`]; a query has [`NAME_QUERY_BITS`] or [`WEB_REQUEST_BITS`]. This ranks units of one
//! element; the size that is given is always the capacity in its own unit, as the file has it.

use institution::{Capacity, NodeKind};
use serde::Serialize;

use crate::model::Kind;

/// Bits of the smallest Ethernet frame (64 bytes, IEEE 802.3), which carries a SYN.
pub const SMALLEST_PACKET_BITS: f64 = 512.0;
/// How long a half-open connection stays in a table: what Linux takes (`nf_conntrack_tcp_timeout_syn_recv`).
pub const HOLD_SECONDS: f64 = 60.0;
/// Bits of a DNS query over UDP with its headers.
pub const NAME_QUERY_BITS: f64 = 640.0;
/// Bits of an HTTP request with its headers, as browsers send them.
pub const WEB_REQUEST_BITS: f64 = 5_600.0;

/// A unit of capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Bits per second.
    BitsPerSecond,
    /// Packets per second.
    PacketsPerSecond,
    /// New connections per second.
    NewConnectionsPerSecond,
    /// Entries of a state table.
    TableEntries,
    /// DNS queries or HTTP requests per second.
    QueriesPerSecond,
}

impl Unit {
    /// All of them, in the order of the file's reference.
    pub const ALL: [Self; 5] = [
        Self::BitsPerSecond,
        Self::PacketsPerSecond,
        Self::NewConnectionsPerSecond,
        Self::TableEntries,
        Self::QueriesPerSecond,
    ];

    /// The key of the institution file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BitsPerSecond => "bits_per_second",
            Self::PacketsPerSecond => "packets_per_second",
            Self::NewConnectionsPerSecond => "new_connections_per_second",
            Self::TableEntries => "table_entries",
            Self::QueriesPerSecond => "queries_per_second",
        }
    }

    /// The unit behind a number, for people.
    pub const fn short(self) -> &'static str {
        match self {
            Self::BitsPerSecond => "bit/s",
            Self::PacketsPerSecond => "packets/s",
            Self::NewConnectionsPerSecond => "connections/s",
            Self::TableEntries => "table entries",
            Self::QueriesPerSecond => "queries/s",
        }
    }

    /// The unit of a key.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// What a capacity says in this unit.
    pub const fn of(self, capacity: &Capacity) -> Option<f64> {
        match self {
            Self::BitsPerSecond => capacity.bits_per_second,
            Self::PacketsPerSecond => capacity.packets_per_second,
            Self::NewConnectionsPerSecond => capacity.new_connections_per_second,
            Self::TableEntries => capacity.table_entries,
            Self::QueriesPerSecond => capacity.queries_per_second,
        }
    }

    /// Sets a capacity in this unit.
    pub const fn set(self, capacity: &mut Capacity, value: Option<f64>) {
        match self {
            Self::BitsPerSecond => capacity.bits_per_second = value,
            Self::PacketsPerSecond => capacity.packets_per_second = value,
            Self::NewConnectionsPerSecond => capacity.new_connections_per_second = value,
            Self::TableEntries => capacity.table_entries = value,
            Self::QueriesPerSecond => capacity.queries_per_second = value,
        }
    }

    /// Bits per second that an attacker has to send to use so much of it up.
    pub fn cost_bits_per_second(self, value: f64, kind: Kind) -> f64 {
        match self {
            Self::BitsPerSecond => value,
            Self::PacketsPerSecond | Self::NewConnectionsPerSecond => value * SMALLEST_PACKET_BITS,
            Self::TableEntries => value / HOLD_SECONDS * SMALLEST_PACKET_BITS,
            Self::QueriesPerSecond if kind == Kind::Node(NodeKind::NameServer) => value * NAME_QUERY_BITS,
            Self::QueriesPerSecond => value * WEB_REQUEST_BITS,
        }
    }
}

/// How a flood on a service reaches an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Its packets pass it, or end there.
    Carried,
    /// The service asks it for something, at most once for each request.
    Asked,
}

/// Whether traffic passes such a node, instead of ending there.
pub const fn carries(kind: NodeKind) -> bool {
    matches!(
        kind,
        NodeKind::Link
            | NodeKind::Router
            | NodeKind::Switch
            | NodeKind::Firewall
            | NodeKind::LoadBalancer
            | NodeKind::Proxy
            | NodeKind::Scrubber
            | NodeKind::VpnGateway
            | NodeKind::Other
    )
}

/// Whether traffic can exhaust such a node at all.
pub const fn is_finite(kind: Kind) -> bool {
    !matches!(kind, Kind::Node(NodeKind::Power | NodeKind::Site))
}

/// Units in which such an element always has an end, so that one that is not written down is unknown. Others count where
/// they are written down.
pub const fn limits_of(kind: Kind, reach: Reach) -> &'static [Unit] {
    const ASKED: &[Unit] = &[Unit::QueriesPerSecond];
    const LINE: &[Unit] = &[Unit::BitsPerSecond, Unit::PacketsPerSecond];
    const STATE: &[Unit] = &[Unit::PacketsPerSecond, Unit::NewConnectionsPerSecond, Unit::TableEntries];
    const PROXY: &[Unit] = &[Unit::NewConnectionsPerSecond, Unit::QueriesPerSecond];
    match (reach, kind) {
        (Reach::Asked, _) => ASKED,
        (Reach::Carried, Kind::Service) => &[Unit::QueriesPerSecond],
        (Reach::Carried, Kind::Node(kind)) => match kind {
            NodeKind::Link | NodeKind::Router | NodeKind::Switch | NodeKind::Scrubber => LINE,
            NodeKind::Firewall | NodeKind::VpnGateway => STATE,
            NodeKind::LoadBalancer | NodeKind::Proxy => PROXY,
            _ => ASKED,
        },
    }
}

/// Whether a unit can be used up in that way.
pub(crate) const fn counts(unit: Unit, reach: Reach) -> bool {
    match reach {
        Reach::Carried => true,
        Reach::Asked => matches!(unit, Unit::QueriesPerSecond | Unit::NewConnectionsPerSecond),
    }
}

/// What is known of the end of one element.
#[derive(Clone, Debug, PartialEq)]
pub struct End {
    /// Units that are written down, the one that costs least first, each with its capacity.
    pub known: Vec<(Unit, f64)>,
    /// Units that are not, and in which there is an end.
    pub unknown: Vec<Unit>,
}

/// Where an element ends if it is reached in that way.
pub fn end_of(kind: Kind, capacity: &Capacity, reach: Reach) -> End {
    let mut known: Vec<(Unit, f64)> = Unit::ALL
        .into_iter()
        .filter(|&unit| counts(unit, reach))
        .filter_map(|unit| Some((unit, unit.of(capacity)?)))
        .collect();
    known.sort_by(|one, other| {
        let cost = |&(unit, value): &(Unit, f64)| unit.cost_bits_per_second(value, kind);
        cost(one).total_cmp(&cost(other))
    });
    let limits = limits_of(kind, reach);
    let unknown = limits.iter().copied().filter(|unit| unit.of(capacity).is_none()).collect();
    End { known, unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_that_costs_least_breaks_first() {
        let capacity = Capacity {
            packets_per_second: Some(4e6),
            new_connections_per_second: Some(80e3),
            table_entries: Some(2e6),
            ..Capacity::default()
        };
        let end = end_of(Kind::Node(NodeKind::Firewall), &capacity, Reach::Carried);
        let units: Vec<Unit> = end.known.iter().map(|&(unit, _)| unit).collect();
        assert_eq!(units, [Unit::TableEntries, Unit::NewConnectionsPerSecond, Unit::PacketsPerSecond]);
        assert!(end.unknown.is_empty());
        // A table that is so large that filling it takes more than opening connections.
        let large = Capacity { table_entries: Some(20e6), ..capacity };
        let end = end_of(Kind::Node(NodeKind::Firewall), &large, Reach::Carried);
        assert_eq!(end.known[0].0, Unit::NewConnectionsPerSecond);
    }

    #[test]
    fn what_is_not_written_down_is_unknown_and_not_without_end() {
        let end = end_of(Kind::Node(NodeKind::Link), &Capacity::default(), Reach::Carried);
        assert!(end.known.is_empty());
        assert_eq!(end.unknown, [Unit::BitsPerSecond, Unit::PacketsPerSecond]);
        assert!(!is_finite(Kind::Node(NodeKind::Power)));
    }

    #[test]
    fn names_lead_back() {
        for unit in Unit::ALL {
            assert_eq!(Unit::named(unit.name()), Some(unit));
            let mut capacity = Capacity::default();
            unit.set(&mut capacity, Some(7.0));
            assert_eq!(unit.of(&capacity), Some(7.0));
        }
    }
}
