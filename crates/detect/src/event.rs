//! The events of the contract: what a flood looks like to everybody outside this room.
//!
//! Fields are only ever added. Unknown is `null`, times are RFC 3339 in UTC, rates are in the unit that their
//! name ends with.

use std::net::IpAddr;

use serde::{Deserialize, Serialize, Serializer};
use wire::Time;

use crate::Vector;
use crate::policy::Exceeded;
use crate::readiness::LoweredFloors;

/// Something the detector has to say.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A flood starts, goes on or ends.
    Flood(Box<FloodEvent>),
    /// Many more readers than usual, judged to be readers; the reason is in the evidence.
    Surge(Box<FloodEvent>),
}

impl Event {
    /// What is said, of a flood as of a surge.
    pub fn line(&self) -> &FloodEvent {
        match self {
            Self::Flood(line) | Self::Surge(line) => line,
        }
    }

    /// As [`Event::line`], to be changed: by who shows less of it.
    pub fn line_mut(&mut self) -> &mut FloodEvent {
        match self {
            Self::Flood(line) | Self::Surge(line) => line,
        }
    }

    /// The line, where only floods can be.
    pub fn into_flood(self) -> FloodEvent {
        match self {
            Self::Flood(line) | Self::Surge(line) => *line,
        }
    }
}

/// One line about one flood.
#[derive(Clone, Debug, Serialize)]
pub struct FloodEvent {
    /// Start, update or end.
    pub phase: Phase,
    /// Stable for one flood, and the same for the same input.
    pub id: String,
    /// When this was known, in the data's time.
    #[serde(serialize_with = "rfc3339")]
    pub time: Time,
    /// When the excess began.
    #[serde(serialize_with = "rfc3339")]
    pub onset: Time,
    /// `in`: towards the institution; `out`: its own hosts flood others.
    pub direction: Direction,
    /// What is flooded.
    pub target: Target,
    /// What the flood is made of, the largest share first.
    pub vectors: Vec<VectorShare>,
    /// Unwanted packets a second: over the last second, or since onset if that is shorter. Unknown at the web layer.
    pub packets_per_second: Option<f64>,
    /// Unwanted bits a second at the IP layer, over the same time. Unknown at the web layer.
    pub bits_per_second: Option<f64>,
    /// Requests a second, at the web layer only.
    pub requests_per_second: Option<f64>,
    /// All packets a second towards the target before the flood, smoothed over a minute.
    pub baseline_packets_per_second: Option<f64>,
    /// Where it comes from.
    pub sources: Sources,
    /// The detector's probability that this is a flood and not ordinary traffic.
    pub confidence: f64,
    /// How far the figures of this line can be trusted.
    pub certainty: Certainty,
    /// One packet in this many was seen.
    pub sampling: u32,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// Where in its life a flood is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// First line of a flood.
    Start,
    /// At most once a second, and when the vectors change.
    Update,
    /// Last line, with totals over the whole flood.
    End,
}

/// Which way a flood goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards the institution.
    In,
    /// From own hosts to others.
    Out,
}

/// What is flooded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Target {
    /// Address, prefix, service or group.
    pub kind: TargetKind,
    /// The institution's name for it; without one, its address or prefix.
    pub name: String,
    /// The addresses that are hit; of a prefix the prefix.
    pub addresses: Vec<String>,
}

/// Kinds of target, the narrowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// One address.
    Address,
    /// A declared service with several addresses.
    Service,
    /// A declared group.
    Group,
    /// A protected prefix.
    Prefix,
}

/// One vector and its share of the flood's packets.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct VectorShare {
    /// The vector.
    pub name: Vector,
    /// Its share, 0 to 1.
    pub share: f64,
}

/// When a flood had a vector.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct VectorSpan {
    /// The vector.
    pub name: Vector,
    /// When it came first.
    #[serde(serialize_with = "rfc3339")]
    pub from: Time,
    /// When it came last.
    #[serde(serialize_with = "rfc3339")]
    pub to: Time,
}

/// Where a flood comes from.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Sources {
    /// Estimated number of source addresses since the target became suspect; a standard error of 3.3 %.
    pub distinct: Option<u64>,
    /// Whether the sources are forged.
    pub spoofing: Spoofing,
    /// The heaviest sources. Personal data: who prints events decides in how much detail.
    pub top: Vec<SourceShare>,
}

/// One source and its share of the flood's packets.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SourceShare {
    /// The address, or the network that stands for it.
    pub address: String,
    /// Its share at least, 0 to 1.
    pub share: f64,
}

/// Whether sources are forged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoofing {
    /// Addresses that cannot exist, or hardly one packet from each.
    Likely,
    /// Handshakes are completed, answers come from real services, or a few sources send much.
    Unlikely,
    /// Neither can be said.
    #[default]
    Unknown,
}

/// How far figures can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Everything was seen.
    Exact,
    /// Scaled up from a sample.
    Sampled,
    /// Something was lost, so there was at least as much.
    LowerBound,
}

/// What speaks for a flood, as far as it was looked at.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Evidence {
    /// One sentence for the person on duty.
    pub reason: String,
    /// `both`: the target is seen to send, so that unasked is known; `towards_target`: only one way is seen.
    pub visibility: &'static str,
    /// How many times over the alarm the excess is.
    pub excess_ratio: f64,
    /// Many addresses of one prefix.
    #[serde(skip_serializing_if = "is_false")]
    pub carpet_bombing: bool,
    /// More than one vector with a share of a tenth or more.
    #[serde(skip_serializing_if = "is_false")]
    pub multi_vector: bool,
    /// Which vector it had when, where they changed: at most 16 spans.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vector_timeline: Vec<VectorSpan>,
    /// It comes in pulses of one period.
    #[serde(skip_serializing_if = "is_false")]
    pub pulse_wave: bool,
    /// That period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_seconds: Option<f64>,
    /// The flood on the same target that ended shortly before, where this is taken for its next pulse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// Floods on other targets at the same time by the same sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub campaign: Option<Campaign>,
    /// The target is IPv6.
    #[serde(skip_serializing_if = "is_false")]
    pub ipv6: bool,
    /// Wider targets that show it too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Target>,
    /// Estimated number of attacked addresses, of wider targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct_destinations: Option<u64>,
    /// All packets a second towards the target over the last second, wanted ones included.
    pub target_packets_per_second: f64,
    /// Handshakes begun and completed in the last seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshakes: Option<Handshakes>,
    /// The heaviest source port and its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_source_port: Option<PortShare>,
    /// The heaviest destination port and its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_destination_port: Option<PortShare>,
    /// The heaviest packet size and its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_packet_size: Option<SizeShare>,
    /// Share of DNS questions with a name of their own: near 1 is the "water torture" of authoritative servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub random_query_name_share: Option<f64>,
    /// Share of the target's DNS answers of the last seconds that say that the name does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_dns_answer_share: Option<f64>,
    /// Unwanted packets over the whole flood so far.
    pub packets: f64,
    /// The fixed ceiling of the institution file that was exceeded, where it was furthest above it so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<Exceeded>,
    /// That it began while readiness had lowered the floors, which found it before the usual ones did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lowered_floors: Option<LoweredFloors>,
    /// The reason of the maintenance window that is in force for the target when this is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<String>,
    /// Highest rate of one second so far.
    pub peak_packets_per_second: f64,
    /// When the last unwanted packet came.
    #[serde(serialize_with = "rfc3339")]
    pub last_packet: Time,
    /// What the web layer shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub web: Option<Box<WebEvidence>>,
    /// Why the flood ended: `quiet`, `end_of_input` or `not_watched` (another institution file).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<&'static str>,
}

/// Floods on several targets by the same sources.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Campaign {
    /// The same for all of its floods: the identity of the first of them.
    pub id: String,
    /// How many targets it has had so far, this one included.
    pub targets: u64,
    /// Names of the others, 16 at most.
    pub also: Vec<String>,
    /// Share of the sources that another of its floods has as well, of the smaller one of the two; estimated, 0 to 1.
    pub shared_sources: f64,
}

/// What the calendar expects of a time.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ExpectedCrowd {
    /// What it is, as the institution file says.
    pub reason: String,
    /// How many times the usual readers may come.
    pub times: f64,
}

/// What the web layer shows of a flood or surge.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct WebEvidence {
    /// `requests`: from logs or from requests in clear text; `connections`: from what connections do, without their content.
    pub seen_in: &'static str,
    /// Requests of the flood so far, or slow connections met.
    pub requests: f64,
    /// Highest rate of one second so far.
    pub peak_requests_per_second: f64,
    /// All requests to the service over the last second.
    pub service_requests_per_second: f64,
    /// Requests a second that are ordinary now; none before enough was seen.
    pub usual_requests_per_second: Option<f64>,
    /// What the calendar expects of this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedCrowd>,
    /// Line by line what speaks for and against a flood.
    pub lines: Vec<String>,
    /// Share of requests for images, scripts and the like, over the last seconds.
    pub asset_share: f64,
    /// Share of the flood's requests with a query of their own.
    pub random_query_share: f64,
    /// They search for words that nobody meant: what tools such as DDoSia are told to do.
    #[serde(skip_serializing_if = "is_false")]
    pub random_search: bool,
    /// The path asked for most, cut to 128 bytes, and its share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_path: Option<PathShare>,
    /// Requests for each client.
    pub requests_per_client: Option<f64>,
    /// Different `User-Agent`s, estimated.
    pub distinct_agents: Option<u64>,
    /// Connections that are open and hardly move.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_connections: Option<u64>,
    /// The fingerprint of most of the flood's TLS clients (JA4; of logs, what they say) and its share of those that have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_fingerprint: Option<FingerprintShare>,
}

/// A path and its share.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PathShare {
    /// The path, without control characters.
    pub path: String,
    /// Its share of the flood's requests, 0 to 1.
    pub share: f64,
}

/// A fingerprint and its share.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct FingerprintShare {
    /// The fingerprint, without control characters.
    pub fingerprint: String,
    /// Its share of requests or connections with a fingerprint, 0 to 1.
    pub share: f64,
}

/// Handshakes of the last seconds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Handshakes {
    /// SYN packets.
    pub begun: f64,
    /// Handshakes that the initiator completed.
    pub completed: f64,
}

/// A port and its share.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct PortShare {
    /// The port.
    pub port: u16,
    /// Its share of packets, 0 to 1.
    pub share: f64,
}

/// A packet size and its share.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct SizeShare {
    /// Bytes at the IP layer.
    pub bytes: u16,
    /// Its share of packets, 0 to 1.
    pub share: f64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !value
}

fn rfc3339<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_time(*time))
}

/// A time as RFC 3339 in UTC with microseconds.
pub fn format_time(time: Time) -> String {
    let nanoseconds = i128::from(time.nanoseconds());
    jiff::Timestamp::from_nanosecond(nanoseconds)
        .map_or_else(|_| "9999-12-31T23:59:59Z".to_owned(), |timestamp| format!("{timestamp:.6}"))
}

impl Target {
    /// The target that is one address.
    pub fn of_address(name: Option<&str>, address: IpAddr) -> Self {
        let text = address.to_string();
        let name = name.map_or_else(|| text.clone(), str::to_owned);
        Self { kind: TargetKind::Address, name, addresses: vec![text] }
    }
}
