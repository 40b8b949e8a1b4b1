//! An excess was found: is it a flood, and what is it called?
//!
//! The sums say how much is unwanted; the sketches say what it looks like. Here the two meet: a port scan is
//! not a flood although nobody answers it, answers from one port of many hosts are reflection although the
//! service has no name, and SYNs wait for a round trip before they count as unanswered.

use crate::event::{Spoofing, TargetKind, VectorShare};
use crate::rules::{FEW_SOURCES_FACTOR, of};
use crate::suspect::Suspect;
use crate::target::{STEPS_PER_SECOND, TargetState};
use crate::vector::{VECTOR_COUNT, Vector};

/// Steps that handshakes are given to complete.
const ROUND_TRIP_STEPS: i64 = 3;
/// An excess of SYNs worth this many alarms waits for no round trip.
const OVERWHELMING: f32 = 40.0;
/// Unfinished handshakes below this rate a second are a flood only when they go on for [`WEAK_STEPS`]: path
/// discovery over TCP and a host that restarts are over by then.
const WEAK_SYNS: f32 = 100.0;
const WEAK_STEPS: i64 = 200;
/// A scanner of ports or hosts stays below this rate, in packets a second.
const SCAN_MAXIMUM: f32 = 3_000.0;
/// The same over UDP.
const UDP_SCAN_MAXIMUM: f32 = 500.0;
/// Questions a second that need no further reason: more than a large resolver is asked.
const QUERIES_OVERWHELMING: f32 = 150_000.0;
/// New conversations of UDP a second that need no further reason. Of sampled packets each sample counts as one: whether
/// it begins a conversation is not known.
const CONVERSATIONS_OVERWHELMING: f32 = 20_000.0;
/// Vectors with a smaller share are left out of events.
const SHARE_MINIMUM: f64 = 0.05;

/// The vectors of a target that make a flood now, with how many alarms the heaviest is worth.
pub(crate) fn confirm(
    target: &TargetState,
    suspect: Option<&Suspect>,
    factor: f32,
    is_final: bool,
) -> Option<(Vector, f32)> {
    let mut best: Option<(Vector, f32)> = None;
    for (vector, weight) in target.alarms(factor) {
        if is_flood(target, suspect, vector, weight, factor, is_final)
            && best.is_none_or(|(_, heaviest)| weight > heaviest)
        {
            best = Some((vector, weight));
        }
    }
    best
}

fn is_flood(
    target: &TargetState,
    suspect: Option<&Suspect>,
    vector: Vector,
    weight: f32,
    factor: f32,
    is_final: bool,
) -> bool {
    let sum = target.sum(vector.index());
    let steps = target.step - sum.since_step + 1;
    let rate = sum.unwanted_packets * STEPS_PER_SECOND / steps as f32;
    let floor = target.floor(vector);
    // Readiness asks for less of it, not for fewer sources.
    let usual = target.usual_floor(vector).packets_per_second;
    if floor.minimum_sources > 0.0 && rate < usual * factor * FEW_SOURCES_FACTOR {
        let sources = suspect.map_or(0.0, Suspect::distinct_sources);
        if sources < f64::from(floor.minimum_sources) {
            return false;
        }
    }
    let waits = steps <= ROUND_TRIP_STEPS && weight < OVERWHELMING && !is_final;
    match vector {
        Vector::SynFlood | Vector::ConnectionFlood | Vector::TlsHandshakeFlood => {
            let hasty = rate < WEAK_SYNS && steps < WEAK_STEPS;
            let crowd = vector == Vector::SynFlood && is_mostly_completed(target);
            !waits && !hasty && !crowd && !is_scan(suspect, rate, SCAN_MAXIMUM)
        }
        Vector::UdpFlood | Vector::QuicFlood if sum.unwanted <= 0.0 || is_mostly_volume(target, vector) => {
            // What the test of the volume let through, and what it kept.
            let begun = of(vector).volume_packets_per_second * factor * target.floors(vector)
                + sum.volume * STEPS_PER_SECOND / steps as f32;
            begun >= CONVERSATIONS_OVERWHELMING || is_cycling(suspect)
        }
        // A capture that begins in the middle of connections sees the first packet of each of them at once.
        Vector::AckFlood | Vector::FinFlood | Vector::RstFlood if !target.sends => {
            sum.unwanted_packets >= 0.5 * sum.packets && !is_scan(suspect, rate, SCAN_MAXIMUM)
        }
        Vector::TcpFlagFlood | Vector::FinFlood | Vector::AckFlood => !is_scan(suspect, rate, SCAN_MAXIMUM),
        // Closed ports of UDP answer a few times a second, so that scanners are slow.
        Vector::UdpFlood => !is_scan(suspect, rate, UDP_SCAN_MAXIMUM),
        Vector::DnsQueryFlood if is_mostly_volume(target, vector) => {
            let total = sum.packets * STEPS_PER_SECOND / steps as f32;
            total >= QUERIES_OVERWHELMING || asks_for_made_up_names(target, suspect)
        }
        _ => true,
    }
}

/// Whether most of the handshakes of the last seconds were completed: a crowd, not a flood.
fn is_mostly_completed(target: &TargetState) -> bool {
    target.begun > 0.0 && target.completed >= 0.5 * target.begun
}

/// Whether it is the volume of a vector that alarms, and not what is unwanted of it: a sample or two of that are chance.
pub(crate) fn is_mostly_volume(target: &TargetState, vector: Vector) -> bool {
    let needed = target.floor(vector).alarm_packets.max(target.packets_of_samples());
    target.sum(vector.index()).unwanted < needed
}

/// One or two sources that send each packet from another port to one port.
fn is_cycling(suspect: Option<&Suspect>) -> bool {
    let Some(suspect) = suspect else { return false };
    let from = suspect.top_source_port().is_some_and(|(_, share)| share < 0.1);
    let to = suspect.top_destination_port().is_some_and(|(_, share)| share > 0.5);
    from && to && suspect.distinct_sources() <= 2.5 && suspect.observations >= 100
}

/// Whether names are asked for that nobody has: most answers say so, or, where no answer is seen, hardly a name
/// comes twice.
fn asks_for_made_up_names(target: &TargetState, suspect: Option<&Suspect>) -> bool {
    const FAILURE_SHARE: f32 = 0.5;
    const UNIQUE_SHARE: f64 = 0.75;
    const ANSWERS_MINIMUM: f32 = 50.0;
    if target.dns_answers >= ANSWERS_MINIMUM {
        return target.dns_failures >= FAILURE_SHARE * target.dns_answers;
    }
    let unique = suspect.and_then(Suspect::random_name_share).unwrap_or(0.0);
    !target.sends && unique >= UNIQUE_SHARE
}

/// A source that goes through many ports with few packets each.
fn is_scan(suspect: Option<&Suspect>, rate: f32, maximum: f32) -> bool {
    const SCANNER_SHARE: f64 = 0.7;
    let Some(suspect) = suspect else { return false };
    let spread = suspect.top_destination_port().is_some_and(|(_, share)| share < 0.2);
    spread && suspect.top_source_share() >= SCANNER_SHARE && rate < maximum
}

/// What a wider target must show beside the excess: several members, none of which is most of it, and more
/// than a sweep's few packets for each.
pub(crate) fn is_shared(
    target: &TargetState,
    suspect: Option<&Suspect>,
    kind: TargetKind,
    is_final: bool,
) -> bool {
    const PACKETS_PER_MEMBER: f64 = 6.0;
    const SWEEP_SOURCES: f64 = 2.5;
    // Of a prefix many; a service or group is named because its few addresses belong together.
    let (members_minimum, heaviest_share) = if kind == TargetKind::Prefix { (8.0, 0.5) } else { (1.5, 0.9) };
    let Some(suspect) = suspect else { return false };
    let members = suspect.destinations.estimate();
    if members < members_minimum || (suspect.observations < 64 && !is_final) {
        return false;
    }
    let unwanted: f32 = target.running().map(|sum| sum.unwanted).sum();
    let since = target.running().map(|sum| target.step - sum.since_step + 1).max().unwrap_or(1);
    let rate = f64::from(unwanted * STEPS_PER_SECOND / since as f32);
    let is_sweep =
        suspect.packets / members < PACKETS_PER_MEMBER || suspect.distinct_sources() < SWEEP_SOURCES;
    target.heaviest_member.0 <= heaviest_share * target.members_unwanted
        && (!is_sweep || rate >= f64::from(SCAN_MAXIMUM))
}

/// Shares by name, the largest first. What only the sketches can tell is named here: answers from one port of
/// many hosts, and SYN-ACKs and resets of real servers.
pub(crate) fn name_vectors(
    totals: &[f32; VECTOR_COUNT],
    suspect: Option<&Suspect>,
    least: Option<Vector>,
) -> Vec<VectorShare> {
    let mut totals = *totals;
    if let Some(suspect) = suspect {
        rename(&mut totals, suspect);
    }
    let sum: f32 = totals.iter().map(|packets| packets.max(0.0)).sum();
    let share = |packets: f32| f64::from(packets.max(0.0)) / f64::from(sum.max(1.0));
    let mut shares: Vec<_> = Vector::of_packets()
        .iter()
        .map(|&name| VectorShare { name, share: round(share(totals[name.index()])) })
        .filter(|vector| vector.share >= SHARE_MINIMUM)
        .collect();
    shares.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.name.cmp(&b.name)));
    if shares.is_empty()
        && let Some(name) = least
    {
        shares.push(VectorShare { name, share: 1.0 });
    }
    shares
}

fn rename(totals: &mut [f32; VECTOR_COUNT], suspect: &Suspect) {
    const REFLECTORS_MINIMUM: f64 = 12.0;
    const SERVER_PORT_MAXIMUM: u16 = 10_000;
    let many = suspect.distinct_sources() >= REFLECTORS_MINIMUM;
    let Some((port, share)) = suspect.top_source_port() else { return };
    let mut move_all = |from: Vector, to: Vector| {
        totals[to.index()] += totals[from.index()].max(0.0);
        totals[from.index()] = 0.0;
    };
    let is_tcp = suspect.is_top_source_port_of_tcp();
    if many && share >= 0.3 && !is_tcp {
        move_all(Vector::UdpFlood, Vector::UdpAmplification);
    }
    if many && share >= 0.3 && is_tcp && port < SERVER_PORT_MAXIMUM && !matches!(port, 53 | 123) {
        move_all(Vector::SynAckFlood, Vector::TcpReflection);
    }
    if many && share >= 0.3 && totals[Vector::TcpReflection.index()] > 0.0 {
        // Hosts whose port is closed or that know no such connection answer a forged SYN with a reset.
        let resets = totals[Vector::RstFlood.index()];
        totals[Vector::TcpReflection.index()] += resets.max(0.0);
        totals[Vector::RstFlood.index()] = 0.0;
    }
}

/// Whether the sources are forged, from what they look like.
pub(crate) fn spoofing(lead: Vector, suspect: Option<&Suspect>, target: &TargetState) -> Spoofing {
    const IMPOSSIBLE_SHARE: f64 = 0.02;
    let Some(suspect) = suspect.filter(|suspect| suspect.observations >= 50) else {
        return Spoofing::Unknown;
    };
    let observations = suspect.observations as f64;
    let distinct = suspect.distinct_sources();
    if lead.is_reflection() || matches!(lead, Vector::ConnectionFlood | Vector::TlsHandshakeFlood) {
        return Spoofing::Unlikely;
    }
    if suspect.impossible_sources as f64 > IMPOSSIBLE_SHARE * observations && distinct > 50.0 {
        return Spoofing::Likely;
    }
    if distinct > 500.0 && distinct > 0.5 * observations {
        return Spoofing::Likely;
    }
    if target.begun > 10.0 && is_mostly_completed(target) {
        return Spoofing::Unlikely;
    }
    Spoofing::Unknown
}

/// The stated probability that this is a flood: from even at the alarm towards certainty with the excess, less
/// where only one direction is seen or the sketches have little to say.
pub(crate) fn confidence(weight: f32, target: &TargetState, suspect: Option<&Suspect>) -> f64 {
    let mut doubt = 0.25 * f64::from((-(weight - 1.0) / 2.0).exp()) + 0.01;
    if !target.sends {
        doubt *= 2.0;
    }
    if suspect.is_none_or(|suspect| suspect.observations < 50) {
        doubt += 0.1;
    }
    round((1.0 - doubt).clamp(0.5, 0.99))
}

/// To three places: more would claim too much and make lines long.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
