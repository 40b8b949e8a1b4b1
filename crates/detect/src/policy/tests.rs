use super::*;
use crate::event::SourceShare;

const NETWORK: &str = r#"
[institution]
name = "Parliament of Examplia"
time_zone = "Europe/Brussels"

[zone.public]
prefixes = ["192.0.2.0/24", "2001:db8:1::/48"]
exposure = "internet"

[service.www]
zone = "public"
addresses = ["192.0.2.10", "2001:db8:1::10"]
ports = ["tcp/443"]
criticality = "essential"

[service.vpn]
zone = "public"
addresses = ["192.0.2.20"]
ports = ["udp/4500"]
criticality = "essential"

[service.relay]
zone = "public"
addresses = ["192.0.2.20"]
ports = ["tcp/25"]
criticality = "supporting"

[service.cloud]
zone = "public"
names = ["cloud.parliament.example"]
criticality = "supporting"

[group.web]
services = ["www"]
prefixes = ["192.0.2.64/26"]
"#;

fn policy(settings: &str) -> Policy {
    let text = format!("{NETWORK}\n{settings}");
    let institution = institution::parse("test.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    Policy::of(&institution)
}

fn network(text: &str) -> Target {
    Target::Network(text.parse().unwrap_or_else(|_| IpNet::from(text.parse::<IpAddr>().unwrap())))
}

fn named(policy: &Policy, kind: TargetKind, name: &str) -> Target {
    let target = event::Target { kind, name: name.to_owned(), addresses: Vec::new() };
    policy.target_of(&target).unwrap()
}

fn service(policy: &Policy, name: &str) -> Target {
    named(policy, TargetKind::Service, name)
}

fn group(policy: &Policy, name: &str) -> Target {
    named(policy, TargetKind::Group, name)
}

fn at(text: &str) -> Time {
    let timestamp: Timestamp = text.parse().unwrap();
    Time::from_nanoseconds(i64::try_from(timestamp.as_nanosecond()).unwrap())
}

fn sources(top: &[&str]) -> Sources {
    let top = top.iter().map(|address| SourceShare { address: (*address).to_owned(), share: 0.05 });
    Sources { distinct: Some(top.len() as u64), spoofing: Spoofing::Unknown, top: top.collect() }
}

fn vectors(shares: &[(Vector, f64)]) -> Vec<VectorShare> {
    shares.iter().map(|&(name, share)| VectorShare { name, share }).collect()
}

const NOW: &str = "2026-06-01T12:00:00Z";

/// Whether a mute covers a UDP flood on a target from one source.
fn is_muted(policy: &Policy, target: Target) -> bool {
    let flood = vectors(&[(Vector::UdpFlood, 1.0)]);
    policy.muted(&target, &flood, &sources(&["203.0.113.7"]), at(NOW)).is_some()
}

#[test]
fn nothing_said_is_nothing_held() {
    for policy in [policy(""), Policy::default(), Policy::of(&Institution::everything())] {
        let address = network("192.0.2.10");
        assert!(policy.ceiling(&address).is_none());
        assert_eq!(policy.with_ceilings().count(), 0);
        assert_eq!(policy.maintenance(&address, at(NOW)), None);
        assert!(!is_muted(&policy, address));
        assert_eq!(policy.false_alarms_per_month(&address), None);
    }
}

#[test]
fn targets_of_events_are_found_by_kind_and_name() {
    let policy = policy("");
    let address = event::Target::of_address(Some("vpn"), "192.0.2.20".parse().unwrap());
    assert_eq!(policy.target_of(&address), Some(network("192.0.2.20/32")));
    let address = event::Target::of_address(None, "2001:db8:1::10".parse().unwrap());
    assert_eq!(policy.target_of(&address), Some(network("2001:db8:1::10/128")));
    assert_eq!(named(&policy, TargetKind::Prefix, "2001:db8:1::/48"), network("2001:db8:1::/48"));
    assert_eq!(service(&policy, "www"), Target::Service(ServiceId(0)));
    assert_eq!(group(&policy, "web"), Target::Group(GroupId(0)));
    let stranger = event::Target { kind: TargetKind::Group, name: "www".to_owned(), addresses: Vec::new() };
    assert_eq!(policy.target_of(&stranger), None, "a service is no group");
}

/// An id of another file, such as that of before a reload, is answered and does not panic.
#[test]
fn a_target_of_another_institution_is_unknown() {
    let policy = policy(
        "[[detect.mute]]\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\ntarget = \"192.0.2.0/24\"\n\
         [[detect.maintenance]]\nstart = 2026-01-01T00:00:00Z\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\n\
         targets = [\"web\"]",
    );
    for target in [Target::Service(ServiceId(99)), Target::Group(GroupId(99))] {
        assert!(policy.ceiling(&target).is_none());
        assert_eq!(policy.maintenance(&target, at(NOW)), None);
        assert!(!is_muted(&policy, target));
    }
}

#[test]
fn a_ceiling_is_found_by_the_target_that_is_watched() {
    let policy = policy(
        r#"
        [detect.target.www]
        ceiling = { bits_per_second = 5e9 }
        [detect.target.web]
        ceiling = { sources_per_second = 7e3 }
        [detect.target."2001:db8:1::/48"]
        ceiling = { packets_per_second = 1e6 }
        [detect.target."192.0.2.0/25"]
        ceiling = { packets_per_second = 2e6 }
        [detect.target."2001:db8:1::53"]
        ceiling = { queries_per_second = 8e4 }
        [detect.target."192.0.2.77"]
        false_alarms_per_month = 2
        "#,
    );
    let bits = |target| policy.ceiling(&target).and_then(|ceiling| ceiling.bits_per_second);
    assert_eq!(bits(service(&policy, "www")), Some(5e9));
    assert_eq!(bits(network("192.0.2.10")), None, "the ceiling is for the sum of both addresses");
    let packets = |target| policy.ceiling(&target).and_then(|ceiling| ceiling.packets_per_second);
    assert_eq!(packets(network("2001:db8:1::/48")), Some(1e6));
    assert_eq!(packets(network("2001:db8:1::/64")), None);
    let targets: Vec<_> = policy.with_ceilings().map(|(target, _)| target).collect();
    let networks = ["192.0.2.0/25", "2001:db8:1::/48", "2001:db8:1::53/128"].map(network);
    assert_eq!(targets[..2], [service(&policy, "www"), group(&policy, "web")]);
    assert_eq!(targets[2..], networks);
}

#[test]
fn the_lowest_ceiling_of_an_address_holds() {
    let policy = policy(
        r#"
        [detect.target."192.0.2.20"]
        ceiling = { bits_per_second = 3e9, packets_per_second = 9e5 }
        [detect.target.vpn]
        ceiling = { bits_per_second = 2e9, sources_per_second = 500 }
        [detect.target.relay]
        ceiling = { packets_per_second = 1e6, new_connections_per_second = 50 }
        "#,
    );
    let expected = Ceiling {
        bits_per_second: Some(2e9),
        packets_per_second: Some(9e5),
        new_connections_per_second: Some(50.0),
        queries_per_second: None,
        sources_per_second: Some(500.0),
    };
    let address = network("192.0.2.20");
    for target in [address, service(&policy, "vpn"), service(&policy, "relay")] {
        assert_eq!(policy.ceiling(&target), Some(&expected));
    }
    assert_eq!(policy.with_ceilings().collect::<Vec<_>>(), [(address, &expected)]);
}

#[test]
fn exceeded_names_the_rate_that_is_furthest_above() {
    let ceiling =
        Ceiling { bits_per_second: Some(1e9), sources_per_second: Some(100.0), ..Ceiling::default() };
    let below = Measured {
        bits_per_second: 1e9,
        packets_per_second: 1e12,
        sources_per_second: 100.0,
        ..Measured::default()
    };
    assert_eq!(exceeded(&ceiling, &below), None, "at the ceiling is not above; no ceiling is no limit");
    let above = Measured { bits_per_second: 2e9, sources_per_second: 300.0, ..below };
    let found = exceeded(&ceiling, &above).unwrap();
    let expected = Exceeded { what: Rate::SourcesPerSecond, ratio: 3.0, measured: 300.0, ceiling: 100.0 };
    assert_eq!(found, expected);
    assert_eq!(serde_json::to_value(found.what).unwrap(), found.what.name());
    let unknown = Measured { bits_per_second: f64::NAN, ..Measured::default() };
    assert_eq!(exceeded(&ceiling, &unknown), None);
}

#[test]
fn every_rate_has_its_own_ceiling() {
    let one = Some(1.0);
    let ceiling = Ceiling {
        bits_per_second: one,
        packets_per_second: one,
        new_connections_per_second: one,
        queries_per_second: one,
        sources_per_second: one,
    };
    let none = Measured::default();
    let cases = [
        (Measured { bits_per_second: 2.0, ..none }, Rate::BitsPerSecond),
        (Measured { packets_per_second: 2.0, ..none }, Rate::PacketsPerSecond),
        (Measured { new_connections_per_second: 2.0, ..none }, Rate::NewConnectionsPerSecond),
        (Measured { queries_per_second: 2.0, ..none }, Rate::QueriesPerSecond),
        (Measured { sources_per_second: 2.0, ..none }, Rate::SourcesPerSecond),
    ];
    for (measured, rate) in cases {
        let found = exceeded(&ceiling, &measured).unwrap();
        assert_eq!((found.what, found.ratio), (rate, 2.0));
        assert_eq!(serde_json::to_value(rate).unwrap(), rate.name());
    }
}

#[test]
fn the_edges_of_a_window_are_exact() {
    let policy = policy(
        "[[detect.maintenance]]\nstart = 2026-06-01T10:00:00Z\nend = 2026-06-01T14:00:00Z\nreason = \"all\"",
    );
    let reason = |time| policy.maintenance(&network("203.0.113.1"), time);
    let (start, end) = (at("2026-06-01T10:00:00Z"), at("2026-06-01T14:00:00Z"));
    assert_eq!(reason(start.plus_nanoseconds(-1)), None);
    assert_eq!(reason(start), Some("all"), "no target named: everything");
    assert_eq!(reason(end.plus_nanoseconds(-1)), Some("all"));
    assert_eq!(reason(end), None);
    assert_eq!(reason(Time::from_nanoseconds(i64::MIN)), None);
    assert_eq!(reason(Time::from_nanoseconds(i64::MAX)), None);
}

/// Clocks go back at 01:00 UTC on 25 October 2026 and forward on 28 March 2027: local times are
/// fixed to UTC when the file is read, so that a window has its length whatever clocks do in it.
#[test]
fn windows_over_a_change_of_clocks_are_in_utc() {
    let policy = policy(
        r#"
        [[detect.maintenance]]
        start = 2026-10-25T01:30:00
        end = 2026-10-25T04:00:00
        reason = "autumn"
        [[detect.maintenance]]
        start = 2027-03-28T01:30:00
        end = 2027-03-28T04:00:00
        reason = "spring"
        "#,
    );
    let reason = |time| policy.maintenance(&network("192.0.2.10"), at(time));
    assert_eq!(reason("2026-10-24T23:29:59.999999999Z"), None);
    assert_eq!(reason("2026-10-24T23:30:00Z"), Some("autumn"));
    assert_eq!(reason("2026-10-25T02:59:59.999999999Z"), Some("autumn"), "three and a half hours");
    assert_eq!(reason("2026-10-25T03:00:00Z"), None);
    assert_eq!(reason("2027-03-28T00:30:00Z"), Some("spring"));
    assert_eq!(reason("2027-03-28T01:59:59.999999999Z"), Some("spring"), "one and a half hours");
    assert_eq!(reason("2027-03-28T02:00:00Z"), None);
}

#[test]
fn a_long_window_is_found_behind_short_ones() {
    let window = |day: &str, end: &str, reason: &str| {
        format!(
            "[[detect.maintenance]]\nstart = 2026-{day}T00:00:00Z\nend = {end}T00:00:00Z\n\
             reason = \"{reason}\"\ntargets = [\"192.0.2.0/24\"]\n"
        )
    };
    let windows = window("05-03", "2026-05-04", "short")
        + &window("05-01", "9999-12-01", "long")
        + &window("05-02", "2026-05-05", "middle")
        + &window("05-04", "2026-05-06", "last");
    let policy = policy(&windows);
    let reason = |time| policy.maintenance(&network("192.0.2.10"), at(time));
    assert_eq!(reason("2026-04-30T23:59:59Z"), None);
    assert_eq!(reason("2026-05-01T12:00:00Z"), Some("long"));
    assert_eq!(reason("2026-05-03T12:00:00Z"), Some("short"), "the one that started last");
    assert_eq!(reason("2026-05-04T12:00:00Z"), Some("last"));
    assert_eq!(reason("2026-06-04T12:00:00Z"), Some("long"));
    let furthest = policy.maintenance(&network("192.0.2.10"), Time::from_nanoseconds(i64::MAX));
    assert_eq!(furthest, Some("long"), "the file reaches further than the data's time");
}

/// What a window for these targets covers, of the targets given.
fn covered(targets: &str, asked: &[&str]) -> Vec<bool> {
    let policy = policy(&format!(
        "[[detect.maintenance]]\nstart = 2026-01-01T00:00:00Z\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\n\
         targets = [{targets}]"
    ));
    let answer = |name: &&str| {
        let target = match *name {
            "web" => group(&policy, name),
            "www" | "vpn" | "relay" | "cloud" => service(&policy, name),
            _ => network(name),
        };
        policy.maintenance(&target, at(NOW)).is_some()
    };
    asked.iter().map(answer).collect()
}

#[test]
fn a_target_is_covered_if_all_its_addresses_are() {
    let asked = ["www", "192.0.2.10", "2001:db8:1::10", "web", "192.0.2.64/27", "192.0.2.0/24", "192.0.2.11"];
    let check = |targets, expected: [u8; 7]| {
        assert_eq!(covered(targets, &asked), expected.map(|one| one == 1), "{targets}");
    };
    check(r#""www""#, [1, 1, 1, 0, 0, 0, 0]);
    check(r#""web""#, [1, 1, 1, 1, 1, 0, 0]);
    check(r#""192.0.2.0/24""#, [0, 1, 0, 0, 1, 1, 1]);
    check(r#""192.0.2.10""#, [0, 1, 0, 0, 0, 0, 0]);
    check(r#""2001:db8:1::/48""#, [0, 0, 1, 0, 0, 0, 0]);
    check(r#""192.0.2.0/24", "2001:db8:1::/48""#, [1, 1, 1, 1, 1, 1, 1]);
    check(r#""192.0.2.128/25", "192.0.2.0/25""#, [0, 1, 0, 0, 1, 1, 1]);
    check(r#""www", "192.0.2.64/27", "192.0.2.96/27""#, [1, 1, 1, 1, 1, 0, 0]);
    check(r#""vpn""#, [0; 7]);
}

#[test]
fn families_are_kept_apart() {
    assert_eq!(
        covered(r#""::/0""#, &["192.0.2.10", "2001:db8:1::10", "::/0", "www"]),
        [false, true, true, false]
    );
    assert_eq!(
        covered(r#""0.0.0.0/0""#, &["192.0.2.10", "2001:db8:1::10", "0.0.0.0/0", "::/96"]),
        [true, false, true, false]
    );
}

#[test]
fn services_that_share_an_address_share_its_windows() {
    assert_eq!(covered(r#""vpn""#, &["vpn", "192.0.2.20", "relay"]), [true; 3]);
}

/// A service without addresses covers nothing; it must not become everything.
#[test]
fn a_service_without_addresses_covers_nothing() {
    assert_eq!(covered(r#""cloud""#, &["cloud", "192.0.2.10", "web"]), [false; 3]);
    assert_eq!(covered(r#""192.0.2.0/24""#, &["cloud"]), [false]);
}

#[test]
fn a_mute_ends_exactly() {
    let policy = policy("[[detect.mute]]\nend = 2026-06-01T12:00:00+02:00\nreason = \"r\"");
    let flood = vectors(&[(Vector::SynFlood, 1.0)]);
    let muted = |time| policy.muted(&network("192.0.2.10"), &flood, &Sources::default(), time);
    let end = at("2026-06-01T10:00:00Z");
    assert_eq!(muted(end.plus_nanoseconds(-1)).map(|mute| mute.reason.as_str()), Some("r"));
    assert!(muted(end).is_none());
    assert!(muted(at(NOW)).is_none());
}

#[test]
fn a_mute_is_for_its_target_and_what_belongs_to_it() {
    let of = |target: &str| {
        policy(&format!("[[detect.mute]]\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\ntarget = \"{target}\""))
    };
    let www = of("www");
    for target in [service(&www, "www"), network("192.0.2.10"), network("2001:db8:1::10")] {
        assert!(is_muted(&www, target));
    }
    for target in [group(&www, "web"), network("192.0.2.0/24"), network("192.0.2.11")] {
        assert!(!is_muted(&www, target), "{target:?}: other members may be flooded too");
    }
    let web = of("web");
    for target in [group(&web, "web"), service(&web, "www"), network("192.0.2.127")] {
        assert!(is_muted(&web, target));
    }
    assert!(!is_muted(&web, network("192.0.2.128")));
    assert!(is_muted(&of("2001:db8:1::/48"), network("2001:db8:1:ffff::/64")));
}

#[test]
fn every_vector_that_counts_must_be_muted() {
    let policy = policy(
        "[[detect.mute]]\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\n\
         vectors = [\"udp_flood\", \"quic_flood\", \"http_flood\"]",
    );
    let muted = |shares: &[(Vector, f64)]| {
        policy.muted(&network("192.0.2.10"), &vectors(shares), &Sources::default(), at(NOW)).is_some()
    };
    assert!(muted(&[(Vector::UdpFlood, 1.0)]));
    assert!(muted(&[(Vector::UdpFlood, 0.6), (Vector::QuicFlood, 0.4)]));
    assert!(muted(&[(Vector::UdpFlood, 0.901), (Vector::SynFlood, 0.099)]));
    assert!(!muted(&[(Vector::UdpFlood, 0.9), (Vector::SynFlood, 0.1)]));
    assert!(!muted(&[(Vector::SynFlood, 1.0)]));
    assert!(!muted(&[(Vector::UdpFlood, 0.09), (Vector::SynFlood, 0.08)]), "many small ones: all count");
    assert!(!muted(&[]), "unknown is not muted");
}

#[test]
fn a_mute_of_what_only_other_rooms_see_mutes_nothing() {
    let policy =
        policy("[[detect.mute]]\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\nvectors = [\"http_flood\"]");
    assert!(!is_muted(&policy, network("192.0.2.10")));
}

#[test]
fn every_named_source_must_be_inside() {
    let policy = policy(
        "[[detect.mute]]\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\n\
         sources = [\"203.0.113.0/26\", \"203.0.113.64/26\", \"2001:db8:5::/48\"]",
    );
    let flood = vectors(&[(Vector::UdpFlood, 1.0)]);
    let muted = |sources: &Sources| policy.muted(&network("192.0.2.10"), &flood, sources, at(NOW)).is_some();
    assert!(muted(&sources(&["203.0.113.1", "203.0.113.127", "2001:db8:5::1"])));
    assert!(muted(&sources(&["203.0.113.32/26", "2001:db8:5:1::/64"])), "a network stands for its sources");
    assert!(!muted(&sources(&["203.0.113.1", "203.0.113.128"])));
    assert!(!muted(&sources(&["203.0.113.0/24"])));
    assert!(!muted(&sources(&["2001:db8:6::1"])));
    assert!(!muted(&sources(&["someone"])));
    assert!(!muted(&sources(&[])), "unknown sources are not inside");
    assert!(!muted(&Sources { spoofing: Spoofing::Likely, ..sources(&["203.0.113.1"]) }));
}

/// The named sources are the heaviest. Behind those of a delivery network that is muted, thousands of bots that send
/// little each must not be hidden.
#[test]
fn more_sources_than_the_networks_hold_are_not_muted() {
    let policy =
        policy("[[detect.mute]]\nend = 2030-01-01T00:00:00Z\nreason = \"r\"\nsources = [\"203.0.113.0/26\"]");
    let flood = vectors(&[(Vector::UdpFlood, 1.0)]);
    let muted = |distinct| {
        let sources = Sources { distinct, ..sources(&["203.0.113.1", "203.0.113.2"]) };
        policy.muted(&network("192.0.2.10"), &flood, &sources, at(NOW)).is_some()
    };
    assert!(muted(None));
    assert!(muted(Some(2 * 64 + 100)));
    assert!(!muted(Some(2 * 64 + 101)));
}

#[test]
fn of_several_mutes_the_one_that_ends_last_is_named() {
    let mute = |end: &str, rest: &str| format!("[[detect.mute]]\nend = {end}\nreason = \"{end}\"\n{rest}\n");
    let policy = policy(
        &(mute("2026-07-01T00:00:00Z", "")
            + &mute("2027-07-01T00:00:00Z", "target = \"192.0.2.0/24\"")
            + &mute("2028-07-01T00:00:00Z", "vectors = [\"syn_flood\"]")),
    );
    let flood = vectors(&[(Vector::UdpFlood, 1.0)]);
    let named = |address| {
        let mute = policy.muted(&network(address), &flood, &sources(&["203.0.113.7"]), at(NOW));
        mute.map(|mute| mute.reason.as_str())
    };
    assert_eq!(named("192.0.2.10"), Some("2027-07-01T00:00:00Z"));
    assert_eq!(named("2001:db8:1::10"), Some("2026-07-01T00:00:00Z"));
}

#[test]
fn what_a_service_may_alarm_is_shared_by_its_addresses_and_their_sum() {
    let policy = policy(
        r#"
        [detect.target."192.0.2.10"]
        false_alarms_per_month = 5
        [detect.target.www]
        false_alarms_per_month = 3
        [detect.target.vpn]
        false_alarms_per_month = 0.5
        [detect.target.relay]
        false_alarms_per_month = 0.25
        [detect.target.web]
        false_alarms_per_month = 2
        [detect.target."2001:db8:1::/48"]
        false_alarms_per_month = 0.1
        "#,
    );
    let allowed = |target| policy.false_alarms_per_month(&target);
    assert_eq!(allowed(service(&policy, "www")), Some(1.0));
    assert_eq!(allowed(network("2001:db8:1::10")), Some(1.0));
    assert_eq!(allowed(network("192.0.2.10")), Some(5.0), "said of the address itself");
    assert_eq!(allowed(network("192.0.2.20")), Some(0.25), "shared by two services: the smaller one");
    assert_eq!(allowed(service(&policy, "vpn")), Some(0.25), "watched as its address");
    assert_eq!(allowed(group(&policy, "web")), Some(2.0));
    assert_eq!(allowed(network("192.0.2.65")), None, "a group's is not its members'");
    assert_eq!(allowed(network("2001:db8:1::/48")), Some(0.1));
    assert_eq!(allowed(network("2001:db8:1::99")), None);
    assert_eq!(policy.with_ceilings().count(), 0);
}

/// The shipped example keeps its meaning.
#[test]
fn the_example_institution() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/institution/examplia.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let institution =
        institution::parse("examplia.toml", &text).unwrap_or_else(|problems| panic!("{problems}"));
    let policy = Policy::of(&institution);
    assert_eq!(policy.with_ceilings().count(), 3);
    let vpn = institution.services.iter().find(|service| service.id == "vpn").unwrap();
    let vpn = Target::Network(vpn.addresses[0].into());
    assert_eq!(policy.maintenance(&vpn, at("2026-12-28T18:59:59Z")), None);
    assert_eq!(policy.maintenance(&vpn, at("2026-12-28T19:00:00Z")), Some("New VPN gateway"));
    assert_eq!(policy.maintenance(&vpn, at("2026-12-29T01:00:00Z")), None);
    let stream = institution.services.iter().find(|service| service.id == "stream").unwrap();
    let stream = Target::Network(stream.addresses[0].into());
    let flood = vectors(&[(Vector::UdpFlood, 1.0)]);
    let muted = |time, source| policy.muted(&stream, &flood, &sources(&[source]), at(time)).is_some();
    assert!(muted("2027-01-30T22:59:59Z", "198.51.100.65"));
    assert!(!muted("2027-01-30T23:00:00Z", "198.51.100.65"));
    assert!(!muted("2027-01-30T22:59:59Z", "198.51.100.63"));
}

/// Prints CPU nanoseconds per question: `cargo test --release -p detect --lib -- --ignored --nocapture policy`.
#[test]
#[ignore = "a measurement; run it alone and in release mode"]
fn speed() {
    let window = |number: u32, end: &str| {
        format!(
            "[[detect.maintenance]]\nstart = 2026-05-01T00:00:00Z\nend = {end}\nreason = \"r\"\n\
             targets = [\"192.0.2.{number}\"]\n"
        )
    };
    let windows = |end| policy(&(0..100).map(|number| window(number, end)).collect::<String>());
    let (over, in_force) = (windows("2026-05-02T00:00:00Z"), windows("2026-07-01T00:00:00Z"));
    let targets: Vec<_> =
        (0..=255u8).map(|last| Target::Network(IpAddr::from([192, 0, 2, last]).into())).collect();
    for (name, policy) in [("none", policy("")), ("100, all over", over), ("100, all in force", in_force)] {
        let before = cpu_time::ThreadTime::now();
        let now = at(NOW);
        let rounds = 1_000;
        let found: usize = (0..rounds)
            .map(|_| targets.iter().filter(|target| policy.maintenance(target, now).is_some()).count())
            .sum();
        let nanoseconds = before.elapsed().as_nanos() as f64 / (rounds * targets.len()) as f64;
        println!("maintenance windows: {name}: {nanoseconds:.1} ns a question, {found} covered");
    }
}
