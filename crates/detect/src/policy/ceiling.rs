//! Ceilings: what was measured beside what the operator allows, rate by rate.

use institution::Ceiling;
use serde::Serialize;

/// What was counted of a target in the last second, wanted and unwanted; 0 where it cannot be seen.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Measured {
    /// Bits per second at the IP layer.
    pub bits_per_second: f64,
    /// Packets per second.
    pub packets_per_second: f64,
    /// New connections per second.
    pub new_connections_per_second: f64,
    /// DNS queries or HTTP requests per second.
    pub queries_per_second: f64,
    /// Distinct sources in that second.
    pub sources_per_second: f64,
}

/// What a ceiling limits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Bits per second.
    BitsPerSecond,
    /// Packets per second.
    PacketsPerSecond,
    /// New connections per second.
    NewConnectionsPerSecond,
    /// DNS queries or HTTP requests per second.
    QueriesPerSecond,
    /// Distinct sources per second.
    SourcesPerSecond,
}

impl Rate {
    /// The key in the institution file and in events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BitsPerSecond => "bits_per_second",
            Self::PacketsPerSecond => "packets_per_second",
            Self::NewConnectionsPerSecond => "new_connections_per_second",
            Self::QueriesPerSecond => "queries_per_second",
            Self::SourcesPerSecond => "sources_per_second",
        }
    }
}

/// A ceiling that was exceeded, for evidence.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Exceeded {
    /// The rate that is furthest above its ceiling.
    pub what: Rate,
    /// How many times the ceiling it is, more than 1.
    pub ratio: f64,
    /// What was measured, in the unit of `what`.
    pub measured: f64,
    /// The ceiling, in the same unit.
    pub ceiling: f64,
}

impl Exceeded {
    /// Why that is a flood, for the person on duty.
    pub(crate) fn sentence(&self) -> String {
        let Self { what, ratio, measured, ceiling } = *self;
        let unit = match what {
            Rate::BitsPerSecond => "bits a second",
            Rate::PacketsPerSecond => "packets a second",
            Rate::NewConnectionsPerSecond => "new connections a second",
            Rate::QueriesPerSecond => "queries a second",
            Rate::SourcesPerSecond => "sources a second",
        };
        format!("{measured:.0} {unit}, {ratio:.1} times the ceiling of {ceiling}")
    }
}

/// The rate that is furthest above its ceiling; none if all are at or below theirs.
pub fn exceeded(ceiling: &Ceiling, measured: &Measured) -> Option<Exceeded> {
    let rates = [
        (Rate::BitsPerSecond, measured.bits_per_second, ceiling.bits_per_second),
        (Rate::PacketsPerSecond, measured.packets_per_second, ceiling.packets_per_second),
        (
            Rate::NewConnectionsPerSecond,
            measured.new_connections_per_second,
            ceiling.new_connections_per_second,
        ),
        (Rate::QueriesPerSecond, measured.queries_per_second, ceiling.queries_per_second),
        (Rate::SourcesPerSecond, measured.sources_per_second, ceiling.sources_per_second),
    ];
    let mut worst: Option<Exceeded> = None;
    for (what, measured, ceiling) in rates {
        let Some(ceiling) = ceiling.filter(|&ceiling| measured > ceiling) else { continue };
        let ratio = measured / ceiling;
        if worst.is_none_or(|worst| ratio > worst.ratio) {
            worst = Some(Exceeded { what, ratio, measured, ceiling });
        }
    }
    worst
}

/// Rate by rate the lower of two ceilings.
pub(super) fn lower(one: Option<Ceiling>, other: Option<Ceiling>) -> Option<Ceiling> {
    let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
    let least = |one: Option<f64>, other: Option<f64>| one.into_iter().chain(other).reduce(f64::min);
    Some(Ceiling {
        bits_per_second: least(one.bits_per_second, other.bits_per_second),
        packets_per_second: least(one.packets_per_second, other.packets_per_second),
        new_connections_per_second: least(one.new_connections_per_second, other.new_connections_per_second),
        queries_per_second: least(one.queries_per_second, other.queries_per_second),
        sources_per_second: least(one.sources_per_second, other.sources_per_second),
    })
}
