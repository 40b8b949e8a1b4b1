//! What the operator said: ceilings, maintenance windows and mutes, seen from outside. Times are the records'.
#![expect(clippy::unwrap_used, reason = "tests")]

use detect::event::TargetKind;
use detect::policy::Rate;
use detect::{Detector, Event, FloodEvent, Learning, Limits, Observation, Phase, Scope};
use sketch::{KeyedState, PUBLISHED_KEY};
use wire::{Address, Payload, Role, Service, TcpFlags, Time};

/// 2026-05-28T20:26:40Z.
const START: i64 = 1_780_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

const INSTITUTION: &str = r#"
[institution]
name = "Policy"
time_zone = "UTC"
[zone.public]
prefixes = ["192.0.2.0/24", "2001:db8:1::/48"]
exposure = "internet"
[service.www]
zone = "public"
addresses = ["192.0.2.10", "2001:db8:1::10"]
ports = ["tcp/443"]
criticality = "essential"
"#;

fn scope(settings: &str) -> Scope {
    let institution = institution::parse("test.toml", &format!("{INSTITUTION}\n{settings}")).unwrap();
    Scope::of(institution, KeyedState::new(PUBLISHED_KEY))
}

/// A detector that knows floors only, from its first second on.
fn unlearned(settings: &str) -> Detector {
    Detector::new(scope(settings), &Limits::default(), PUBLISHED_KEY)
}

fn detector(settings: &str) -> Detector {
    let mut detector = unlearned(settings);
    detector.learn(Learning::default());
    detector
}

fn at(seconds: f64) -> Time {
    Time::from_nanoseconds(START + (seconds * 1e9) as i64)
}

fn address(text: &str) -> Address {
    text.parse::<std::net::IpAddr>().unwrap().into()
}

/// A segment of a connection that goes on, of 500 bytes, from one of some hundred clients.
fn segment(time: i64, number: u64, target: Address) -> Observation {
    let client = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as u8;
    Observation {
        time: Time::from_nanoseconds(time),
        last: Time::from_nanoseconds(time),
        source: Address::from_ipv4([198, 18, 0, client]),
        destination: target,
        protocol: 6,
        first_protocol: 6,
        source_port: 1_024 + u16::from(client),
        destination_port: 443,
        tcp_flags: TcpFlags(0x18),
        packets: 1,
        bytes: 500,
        sampling: 1,
        ..Observation::default()
    }
}

/// `rate` records a second from one time to another, evenly, each as `edit` leaves it.
fn play(
    detector: &mut Detector,
    targets: &[&str],
    (from, to): (f64, f64),
    rate: f64,
    edit: impl Fn(&mut Observation, u64),
) {
    let targets: Vec<_> = targets.iter().map(|text| address(text)).collect();
    for number in 0..((to - from) * rate) as u64 {
        let time = START + ((from + number as f64 / rate) * 1e9) as i64;
        let target = targets[number as usize % targets.len()];
        let mut record = segment(time, number, target);
        edit(&mut record, number);
        detector.observe(&record);
    }
    detector.advance(at(to));
}

fn plain(_: &mut Observation, _: u64) {}

/// As one in a thousand.
fn sampled(record: &mut Observation, _: u64) {
    (record.packets, record.bytes, record.sampling) = (1_000, 500_000, 1_000);
}

/// A SYN of a forged source.
fn syn(record: &mut Observation, number: u64) {
    let [_, b, c, d] = (number as u32).wrapping_mul(2_654_435_761).to_be_bytes();
    record.source = Address::from_ipv4([93, b, c, d]);
    (record.tcp_flags, record.bytes) = (TcpFlags(TcpFlags::SYN), 40);
}

/// UDP that nobody answers, from one host.
fn udp(record: &mut Observation, _: u64) {
    record.source = Address::from_ipv4([203, 0, 113, 7]);
    (record.protocol, record.first_protocol, record.tcp_flags) = (17, 17, TcpFlags(0));
    (record.source_port, record.destination_port) = (40_000, 9_000);
}

fn lines(detector: &mut Detector) -> Vec<FloodEvent> {
    detector.take_events().into_iter().map(Event::into_flood).collect()
}

fn seconds(line: &FloodEvent) -> f64 {
    (line.time.nanoseconds() - START) as f64 / SECOND as f64
}

fn phases(lines: &[FloodEvent]) -> (Phase, Phase, usize) {
    let starts = lines.iter().filter(|line| line.phase == Phase::Start).count();
    (lines[0].phase, lines[lines.len() - 1].phase, starts)
}

#[test]
fn more_packets_than_the_ceiling_are_a_flood_whatever_is_learnt() {
    for target in ["192.0.2.20", "2001:db8:1::20"] {
        let mut detector =
            detector(&format!("[detect.target.\"{target}\"]\nceiling = {{ packets_per_second = 3000 }}"));
        play(&mut detector, &[target], (0.0, 20.0), 2_900.0, plain);
        assert!(lines(&mut detector).is_empty(), "{target}: below");
        play(&mut detector, &[target], (20.0, 30.0), 6_000.0, plain);
        play(&mut detector, &[target], (30.0, 60.0), 2_900.0, plain);
        let lines = lines(&mut detector);
        assert_eq!(phases(&lines), (Phase::Start, Phase::End, 1), "{lines:#?}");
        let (start, end) = (&lines[0], &lines[lines.len() - 1]);
        assert!((20.0..20.6).contains(&seconds(start)), "{}", seconds(start));
        assert_eq!((start.target.kind, &*start.target.addresses[0]), (TargetKind::Address, target));
        assert!((40.0..42.5).contains(&seconds(end)), "{}", seconds(end));
        let ceiling = end.evidence.ceiling.unwrap();
        assert_eq!((ceiling.what, ceiling.ceiling), (Rate::PacketsPerSecond, 3_000.0));
        assert!((5_700.0..6_300.0).contains(&ceiling.measured), "{ceiling:?}");
        assert!(end.evidence.reason.contains("2.0 times the ceiling of 3000"), "{}", end.evidence.reason);
        assert!(
            (2_500.0..3_500.0).contains(&end.packets_per_second.unwrap()),
            "the excess: {}",
            end.packets_per_second.unwrap()
        );
        let usual = end.baseline_packets_per_second.unwrap();
        assert!((2_700.0..3_200.0).contains(&usual), "{usual}");
        assert_eq!(end.evidence.ipv6, target.contains(':'));
    }
}

#[test]
fn a_ceiling_of_bits_is_of_bits() {
    for target in ["192.0.2.20", "2001:db8:1::20"] {
        // 1,000 packets of 500 bytes are 4 Mbit/s.
        for (ceiling, is_exceeded) in [(5e6, false), (1e6, true)] {
            let mut detector = detector(&format!(
                "[detect.target.\"{target}\"]\nceiling = {{ bits_per_second = {ceiling} }}"
            ));
            play(&mut detector, &[target], (0.0, 10.0), 1_000.0, plain);
            detector.finish();
            let lines = lines(&mut detector);
            assert_eq!(!lines.is_empty(), is_exceeded, "{lines:#?}");
            let Some(end) = lines.last() else { continue };
            let found = end.evidence.ceiling.unwrap();
            assert_eq!(found.what, Rate::BitsPerSecond);
            assert!((3.8..4.2).contains(&found.ratio), "{found:?}");
            let bits_per_second = end.bits_per_second.unwrap();
            assert!((2.4e6..3.6e6).contains(&bits_per_second), "{bits_per_second}");
        }
    }
}

#[test]
fn long_records_count_over_their_time() {
    for (ceiling, is_exceeded) in [(30_000, false), (5_000, true)] {
        let mut detector = detector(&format!(
            "[detect.target.\"192.0.2.20\"]\nceiling = {{ packets_per_second = {ceiling} }}"
        ));
        // 10,000 packets a second, exported once in ten seconds.
        for export in 0..6 {
            let mut record = segment(START + export * 10 * SECOND, 1, address("192.0.2.20"));
            (record.packets, record.bytes) = (100_000, 50_000_000);
            (record.flow_packets, record.duration_nanoseconds) = (100_000, 10 * SECOND);
            detector.observe(&record);
            for second in 0..10 {
                detector.advance(Time::from_nanoseconds(START + (export * 10 + second) * SECOND));
            }
        }
        let lines = lines(&mut detector);
        assert_eq!(!lines.is_empty(), is_exceeded, "{lines:#?}");
        assert!(lines.iter().all(|line| line.phase != Phase::End), "it goes on between exports: {lines:#?}");
    }
}

#[test]
fn connections_queries_and_sources_have_ceilings() {
    type Edit<'a> = &'a dyn Fn(&mut Observation, u64);
    let dns = |record: &mut Observation, number: u64| {
        udp(record, number);
        record.destination_port = 53;
        record.payload_kind = Payload { service: Service::Dns, role: Role::Request };
    };
    let many = |record: &mut Observation, number: u64| {
        let [_, b, c, d] = (number as u32).wrapping_mul(2_654_435_761).to_be_bytes();
        record.source = Address::from_ipv4([93, b, c, d]);
    };
    let new = |record: &mut Observation, number: u64| {
        record.source_port = 1_024 + (number % 60_000) as u16;
        record.tcp_flags = TcpFlags(TcpFlags::SYN);
    };
    let cases: [(&str, Rate, Edit<'_>); 3] = [
        ("new_connections_per_second", Rate::NewConnectionsPerSecond, &new),
        ("queries_per_second", Rate::QueriesPerSecond, &dns),
        ("sources_per_second", Rate::SourcesPerSecond, &many),
    ];
    for (key, what, edit) in cases {
        for (ceiling, is_exceeded) in [(60, false), (20, true)] {
            let text = format!("[detect.target.\"192.0.2.20\"]\nceiling = {{ {key} = {ceiling} }}");
            let mut detector = detector(&text);
            play(&mut detector, &["192.0.2.20"], (0.0, 5.0), 40.0, edit);
            detector.finish();
            let lines = lines(&mut detector);
            let found = lines.last().and_then(|line| line.evidence.ceiling);
            assert_eq!(found.map(|found| found.what), is_exceeded.then_some(what), "{key}: {lines:#?}");
            let ratio = found.map_or(2.0, |found| found.ratio);
            assert!((1.8..2.2).contains(&ratio), "{key}: {ratio}");
        }
    }
}

#[test]
fn what_comes_to_a_service_is_summed() {
    let mut detector = detector("[detect.target.www]\nceiling = { packets_per_second = 3000 }");
    let both = ["192.0.2.10", "2001:db8:1::10"];
    play(&mut detector, &both, (0.0, 5.0), 2_800.0, plain);
    assert!(lines(&mut detector).is_empty());
    play(&mut detector, &both, (5.0, 10.0), 4_000.0, plain);
    play(&mut detector, &both, (10.0, 30.0), 2_800.0, plain);
    let lines = lines(&mut detector);
    assert_eq!(phases(&lines), (Phase::Start, Phase::End, 1), "{lines:#?}");
    assert!(lines.iter().all(|line| line.target.kind == TargetKind::Service && line.target.name == "www"));
}

#[test]
fn a_prefix_is_above_its_ceiling_by_itself_or_because_of_one_address() {
    let settings = "[detect.target.\"192.0.2.0/24\"]\nceiling = { packets_per_second = 4000 }";
    let mut by_itself = detector(settings);
    let hosts: Vec<_> = (1..=200).map(|host| format!("192.0.2.{host}")).collect();
    let hosts: Vec<_> = hosts.iter().map(String::as_str).collect();
    play(&mut by_itself, &hosts, (0.0, 5.0), 6_000.0, plain);
    by_itself.finish();
    let all = lines(&mut by_itself);
    assert_eq!(phases(&all).2, 1, "{all:#?}");
    assert_eq!((all[0].target.kind, &*all[0].target.name), (TargetKind::Prefix, "192.0.2.0/24"));
    assert!(!all[0].evidence.carpet_bombing, "many wanted packets are no carpet");

    let mut of_one = unlearned(settings);
    play(&mut of_one, &["192.0.2.20"], (0.0, 5.0), 10_000.0, syn);
    of_one.finish();
    let all = lines(&mut of_one);
    assert_eq!(phases(&all).2, 1, "told once: {all:#?}");
    let last = &all[all.len() - 1];
    assert_eq!(last.target.kind, TargetKind::Address);
    assert!(last.evidence.also.iter().any(|target| target.name == "192.0.2.0/24"), "{last:#?}");
}

#[test]
fn a_ceiling_of_what_is_not_watched_is_counted() {
    let ceiling = "ceiling = { packets_per_second = 3000 }";
    let mut detector = detector(&format!(
        "[detect.target.\"192.0.2.0/25\"]\n{ceiling}\n[detect.target.\"203.0.113.1\"]\n{ceiling}\n\
         [detect.target.www]\n{ceiling}\n[detect.target.\"192.0.2.7\"]\n{ceiling}"
    ));
    assert_eq!(detector.counters().ceilings_unwatched, 2);
    detector.replace_scope(scope(""));
    assert_eq!(detector.counters().ceilings_unwatched, 0);
}

/// From 130 s to 160 s.
fn maintenance(targets: &str) -> String {
    format!(
        "[[detect.maintenance]]\nstart = 2026-05-28T20:28:50Z\nend = 2026-05-28T20:29:20Z\n\
         reason = \"moving the archive\"\n{targets}"
    )
}

#[test]
fn a_level_is_no_alarm_and_not_learnt_in_a_maintenance_window() {
    for targets in ["", "targets = [\"192.0.2.20\"]", "targets = [\"192.0.2.0/24\"]"] {
        let mut detector = detector(&maintenance(targets));
        let target = ["192.0.2.20"];
        play(&mut detector, &target, (0.0, 130.0), 200.0, sampled);
        play(&mut detector, &target, (130.0, 160.0), 1_000.0, sampled);
        play(&mut detector, &target, (160.0, 190.0), 200.0, sampled);
        let all = lines(&mut detector);
        assert!(all.is_empty(), "{targets}: {all:#?}");
        play(&mut detector, &target, (190.0, 195.0), 1_000.0, sampled);
        let all = lines(&mut detector);
        assert_eq!(phases(&all).2, 1, "{targets}: after the window it is one: {all:#?}");
        assert_eq!(all[0].target.kind, TargetKind::Address);
        assert_eq!(all[0].evidence.maintenance, None);
        let usual = all[0].baseline_packets_per_second.unwrap();
        assert!((180_000.0..220_000.0).contains(&usual), "not learnt in the window: {usual}");
    }
}

#[test]
fn the_edges_of_a_maintenance_window_are_kept() {
    // Before the window, and only for what it covers.
    for (settings, from) in [(maintenance(""), 125.0), (maintenance("targets = [\"www\"]"), 140.0)] {
        let mut detector = detector(&settings);
        play(&mut detector, &["192.0.2.20"], (0.0, from), 200.0, sampled);
        play(&mut detector, &["192.0.2.20"], (from, from + 3.0), 2_000.0, sampled);
        let all = lines(&mut detector);
        assert_eq!(phases(&all).2, 1, "{from}: {all:#?}");
    }
    // What goes on when it ends is an alarm then, and not before.
    let mut detector = detector(&maintenance(""));
    play(&mut detector, &["192.0.2.20"], (0.0, 140.0), 200.0, sampled);
    play(&mut detector, &["192.0.2.20"], (140.0, 170.0), 2_000.0, sampled);
    let all = lines(&mut detector);
    assert!((160.0..161.5).contains(&seconds(&all[0])), "{}", seconds(&all[0]));
}

#[test]
fn unwanted_packets_are_a_flood_in_a_maintenance_window_too() {
    let mut detector = detector(&maintenance(""));
    play(&mut detector, &["192.0.2.20"], (0.0, 130.0), 50.0, plain);
    play(&mut detector, &["192.0.2.20"], (135.0, 140.0), 5_000.0, syn);
    play(&mut detector, &["192.0.2.20"], (140.0, 170.0), 50.0, plain);
    let all = lines(&mut detector);
    assert_eq!(phases(&all), (Phase::Start, Phase::End, 1), "{all:#?}");
    assert!(all.iter().all(|line| line.evidence.maintenance.as_deref() == Some("moving the archive")));
}

#[test]
fn a_window_that_another_file_takes_away_is_over() {
    let mut detector = detector(&maintenance(""));
    play(&mut detector, &["192.0.2.20"], (0.0, 140.0), 200.0, sampled);
    play(&mut detector, &["192.0.2.20"], (140.0, 145.0), 2_000.0, sampled);
    assert!(lines(&mut detector).is_empty());
    detector.replace_scope(scope(""));
    play(&mut detector, &["192.0.2.20"], (145.0, 148.0), 2_000.0, sampled);
    assert_eq!(phases(&lines(&mut detector)).2, 1);
}

/// Until 10 s.
const MUTE: &str = "[[detect.mute]]\nend = 2026-05-28T20:26:50Z\nreason = \"known\"\n";

#[test]
fn a_mute_that_ends_while_the_flood_goes_on_lets_it_start() {
    let mut detector = unlearned(MUTE);
    play(&mut detector, &["192.0.2.20"], (0.0, 15.0), 5_000.0, syn);
    play(&mut detector, &["192.0.2.20"], (15.0, 40.0), 10.0, plain);
    let all = lines(&mut detector);
    assert_eq!(phases(&all), (Phase::Start, Phase::End, 1), "{all:#?}");
    assert!((10.0..11.2).contains(&seconds(&all[0])), "{}", seconds(&all[0]));
    assert!((all[0].onset.nanoseconds() - START) < SECOND, "it began long before");
    assert!(all.iter().all(|line| line.id == all[0].id));
    assert_eq!((detector.counters().floods, detector.counters().floods_muted), (1, 1));
}

#[test]
fn a_flood_that_nobody_heard_of_has_no_end_either() {
    let mut detector = unlearned(&MUTE.replace("20:26:50", "20:26:46"));
    play(&mut detector, &["192.0.2.20"], (0.0, 3.0), 5_000.0, syn);
    // The mute ends while the flood is held, and nothing comes any more.
    play(&mut detector, &["192.0.2.20"], (3.0, 40.0), 10.0, plain);
    let all = lines(&mut detector);
    assert!(all.is_empty(), "{all:#?}");
    assert_eq!((detector.counters().floods, detector.counters().floods_muted), (1, 1));
}

#[test]
fn a_mute_of_sources_holds_only_while_they_are_the_only_ones() {
    let settings = format!("{MUTE}target = \"192.0.2.20\"\nsources = [\"203.0.113.0/28\"]");
    let mut detector = unlearned(&settings);
    play(&mut detector, &["192.0.2.20"], (0.0, 4.0), 5_000.0, udp);
    let all = lines(&mut detector);
    assert!(all.is_empty(), "{all:#?}");
    let strange = |record: &mut Observation, number: u64| {
        udp(record, number);
        record.source = Address::from_ipv4([198, 51, 100, (number % 200) as u8]);
    };
    play(&mut detector, &["192.0.2.20"], (4.0, 8.0), 20_000.0, strange);
    let all = lines(&mut detector);
    assert_eq!(phases(&all).2, 1, "{all:#?}");
    assert!((4.0..7.0).contains(&seconds(&all[0])), "{}", seconds(&all[0]));
}

/// Its number among the wider targets stands for another one by then, or for none.
#[test]
fn a_flood_on_a_prefix_that_another_file_does_not_have_is_over() {
    let mut detector = unlearned("");
    let targets: Vec<String> = (1..=200).map(|last| format!("192.0.2.{last}")).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    play(&mut detector, &targets, (0.0, 8.0), 2_000.0, syn);
    let prefix = |line: &&FloodEvent| line.target.kind == TargetKind::Prefix;
    let told = lines(&mut detector);
    assert!(told.iter().filter(prefix).any(|line| line.phase == Phase::Start), "{told:#?}");
    let less = "[institution]\nname = \"Less\"\n[zone.public]\nprefixes = [\"198.51.100.7/32\"]\nexposure = \"internet\"\n";
    let less = institution::parse("less.toml", less).unwrap();
    detector.replace_scope(Scope::of(less, KeyedState::new(PUBLISHED_KEY)));
    let told = lines(&mut detector);
    let end = told.iter().find(prefix).unwrap();
    assert_eq!((end.phase, end.evidence.ended_by), (Phase::End, Some("not_watched")));
}

#[test]
fn a_muted_flood_is_of_no_campaign() {
    for (mute, wanted) in [("", true), (MUTE, false)] {
        let mute = mute.replace("2026", "2027");
        let target = if mute.is_empty() { "" } else { "target = \"192.0.2.20\"" };
        let mut detector = unlearned(&format!("{mute}{target}"));
        // The same host floods two; on the muted one it is over while the other goes on.
        play(&mut detector, &["192.0.2.20", "192.0.2.21"], (0.0, 6.0), 10_000.0, udp);
        play(&mut detector, &["192.0.2.21"], (6.0, 40.0), 5_000.0, udp);
        detector.finish();
        let all = lines(&mut detector);
        assert_eq!(all.iter().any(|line| line.target.name == "192.0.2.20"), wanted);
        let is_of_one = all.iter().any(|line| line.evidence.campaign.is_some());
        assert_eq!((is_of_one, detector.counters().campaigns), (wanted, u64::from(wanted)));
    }
}

/// The sketches of a target are made when its level alarms, so the first line knows no source.
#[test]
fn a_level_of_a_muted_source_is_not_told_before_its_source_is_known() {
    let ceiling = "[detect.target.\"192.0.2.20\"]\nceiling = { packets_per_second = 1000 }\n";
    let from_one = |record: &mut Observation, _: u64| record.source = Address::from_ipv4([203, 0, 113, 7]);
    for (source, is_muted) in [("203.0.113.7", true), ("203.0.113.8", false)] {
        let mut detector = unlearned(&format!("{ceiling}{MUTE}sources = [\"{source}/32\"]"));
        play(&mut detector, &["192.0.2.20"], (0.0, 5.0), 3_000.0, from_one);
        detector.finish();
        let all = lines(&mut detector);
        assert_eq!(all.is_empty(), is_muted, "{all:#?}");
        assert_eq!(detector.counters().floods_muted, u64::from(is_muted));
        if let Some(first) = all.first() {
            assert_eq!(phases(&all), (Phase::Start, Phase::End, 1));
            assert!(seconds(first) < 1.6, "{}", seconds(first));
        }
    }
}

#[test]
fn another_file_changes_a_mute_at_once() {
    let mut detector = unlearned(&MUTE.replace("2026", "2027"));
    let target = ["192.0.2.20"];
    play(&mut detector, &target, (0.0, 3.0), 5_000.0, syn);
    assert!(lines(&mut detector).is_empty());
    detector.replace_scope(scope(""));
    play(&mut detector, &target, (3.0, 6.0), 5_000.0, syn);
    let all = lines(&mut detector);
    assert_eq!(phases(&all).2, 1, "{all:#?}");
    assert!((3.0..4.2).contains(&seconds(&all[0])), "{}", seconds(&all[0]));
    // Of a flood that was told, the end is told whatever is muted since.
    detector.replace_scope(scope(&MUTE.replace("2026", "2027")));
    play(&mut detector, &target, (6.0, 9.0), 5_000.0, syn);
    assert!(lines(&mut detector).is_empty());
    play(&mut detector, &target, (9.0, 30.0), 10.0, plain);
    let all = lines(&mut detector);
    assert_eq!(all.iter().map(|line| line.phase).collect::<Vec<_>>(), [Phase::End], "{all:#?}");
    assert_eq!((detector.counters().floods, detector.counters().floods_muted), (1, 1));
}
