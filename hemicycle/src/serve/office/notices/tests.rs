use detect::event::{Campaign, Evidence, SourceShare, Sources, Spoofing, Target};
use wire::Time;

use super::*;

const FILE: &str = include_str!("../../../../../data/institution/examplia.toml");
const SOURCE: &str = "198.51.100.77";

fn house() -> Institution {
    institution::parse("examplia.toml", FILE).unwrap()
}

fn service(id: &str) -> Target {
    Target { kind: TargetKind::Service, name: id.to_owned(), addresses: Vec::new() }
}

fn line(target: Target, phase: Phase, seconds: i64) -> FloodEvent {
    let top = vec![SourceShare { address: SOURCE.to_owned(), share: 0.5 }];
    FloodEvent {
        phase,
        id: "01J".to_owned(),
        time: Time::from_seconds(1_700_000_000 + seconds, 0),
        onset: Time::from_seconds(1_700_000_000, 0),
        direction: Direction::In,
        target,
        vectors: vec![VectorShare { name: Vector::SynFlood, share: 1.0 }],
        packets_per_second: Some(210_000.0),
        bits_per_second: Some(84e6),
        requests_per_second: None,
        baseline_packets_per_second: Some(900.0),
        sources: Sources { distinct: Some(1), spoofing: Spoofing::Unknown, top },
        confidence: 0.97,
        certainty: Certainty::LowerBound,
        sampling: 1,
        evidence: Evidence {
            reason: "connections are begun and not completed".to_owned(),
            ..Evidence::default()
        },
    }
}

fn flood(target: Target, phase: Phase, seconds: i64) -> Event {
    Event::Flood(Box::new(line(target, phase, seconds)))
}

fn notices() -> Notices {
    Notices { channels: Channels::default(), links: Links::default(), told: BTreeMap::new() }
}

#[test]
fn a_notice_says_how_much_of_what_and_how_sure_and_nothing_of_a_source() {
    let (mut notices, house) = (notices(), house());
    let told = notices.notices(&flood(service("www"), Phase::Start, 1), &house);
    let [start] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((start.subject.as_str(), start.topic.as_str()), ("01J", "flood service www"));
    assert_eq!(start.title, "syn_flood on www");
    for expected in [
        "210 k packets a second",
        "Mbit/s",
        "900 packets a second before",
        "Vectors: syn_flood",
        "Why: connections are begun",
        "lower bounds",
        "97",
    ] {
        assert!(start.text.contains(expected), "{expected} in {}", start.text);
    }
    assert!(!format!("{told:?}").contains(SOURCE), "{told:?}");
    let mut over = line(service("www"), Phase::End, 300);
    over.evidence.ended_by = Some("quiet");
    let told = notices.notices(&Event::Flood(Box::new(over.clone())), &house);
    assert!(told[0].title.ends_with("is over") && told[0].text.contains("It lasted"), "{told:?}");
    over.evidence.ended_by = Some(END_OF_INPUT);
    let told = notices.notices(&Event::Flood(Box::new(over)), &house);
    assert!(told[0].title.ends_with("no longer watched") && told[0].text.contains("not known"), "{told:?}");
}

/// Targets of others that the same sources hit, and wider targets: whoever runs the one is not told of the other.
#[test]
fn a_notice_names_no_target_but_its_own() {
    let (mut notices, house) = (notices(), house());
    let mut hit = line(service("party-x-site"), Phase::Start, 1);
    let also = vec!["www".to_owned(), "mail".to_owned()];
    hit.evidence.campaign = Some(Campaign { id: "02J".to_owned(), targets: 3, also, shared_sources: 0.9 });
    hit.evidence.also = vec![service("www")];
    let told = notices.notices(&Event::Flood(Box::new(hit)), &house);
    assert_eq!(told[0].organisations, ["party-x"]);
    let said = format!("{told:?}");
    assert!(!said.contains("www") && !said.contains("\"mail\""), "{said}");
}

#[test]
fn severity_is_by_what_is_hit() {
    let house = house();
    let of = |target: Target| severity(&flood(target, Phase::Start, 0), &house);
    let is = |wanted: Criticality| {
        let found = house.services.iter().find(|service| service.criticality == wanted).unwrap();
        service(&found.id)
    };
    assert_eq!(of(is(Criticality::Essential)), Severity::Critical);
    assert_eq!(of(is(Criticality::Important)), Severity::Warning);
    let prefix = |text: &str| Target {
        kind: TargetKind::Prefix,
        name: text.to_owned(),
        addresses: vec![text.to_owned()],
    };
    assert_eq!(of(prefix("192.0.2.0/24")), Severity::Critical);
    assert_eq!(of(prefix("203.0.113.0/26")), Severity::Warning);
    let surge = Event::Surge(Box::new(line(is(Criticality::Essential), Phase::Start, 0)));
    assert_eq!(severity(&surge, &house), Severity::Info);
}

#[test]
fn each_organisation_is_told_by_itself_and_of_its_own_services() {
    let (mut notices, house) = (notices(), house());
    let of = |id: &str| {
        let service = house.services.iter().find(|service| service.id == id).unwrap();
        service.addresses.first().unwrap().to_string()
    };
    let addresses = vec![of("www"), of("party-x-site")];
    let both = Target { kind: TargetKind::Address, name: "both".to_owned(), addresses };
    let told = notices.notices(&flood(both, Phase::Start, 0), &house);
    assert_eq!(told.len(), 2, "{told:?}");
    for notice in &told {
        let [organisation] = notice.organisations.as_slice() else { panic!("{notice:?}") };
        assert_eq!(notice.subject, format!("01J {organisation}"));
        let is_own = organisation == "own";
        assert_eq!(notice.services.iter().any(|name| name == "party-x-site"), !is_own, "{notice:?}");
        assert_eq!(notice.services.iter().any(|name| name == "www"), is_own, "{notice:?}");
    }
    // To its end, though the target be another one by then.
    let over = notices.notices(&flood(service("www"), Phase::End, 60), &house);
    let subjects = |of: &[Notice]| of.iter().map(|notice| notice.subject.clone()).collect::<Vec<_>>();
    assert_eq!(subjects(&over), subjects(&told));
}

#[test]
fn updates_are_handed_over_when_they_are_news() {
    let (mut notices, house) = (notices(), house());
    let mut count = |event: &Event| notices.notices(event, &house).len();
    assert_eq!(count(&flood(service("www"), Phase::Start, 0)), 1);
    assert_eq!(count(&flood(service("www"), Phase::Update, 1)), 0);
    let mut other = line(service("www"), Phase::Update, 2);
    other.vectors.push(VectorShare { name: Vector::UdpFlood, share: 0.4 });
    assert_eq!(count(&Event::Flood(Box::new(other))), 1);
    assert_eq!(count(&flood(service("www"), Phase::Update, 3)), 1, "the vector is gone again");
    assert_eq!(count(&flood(service("www"), Phase::Update, 12)), 0);
    assert_eq!(count(&flood(service("www"), Phase::Update, 13)), 1);
    assert_eq!(count(&flood(service("www"), Phase::End, 14)), 1);
    assert!(notices.told.is_empty());
}

#[test]
fn every_vector_has_a_runbook_and_notices_lead_to_it() {
    for vector in Vector::ALL {
        let name = console::runbook(console::Alarm::Vector(vector.name()));
        assert_ne!(name, "any-flood", "{} has no runbook: add it to console::runbook", vector.name());
        assert!(console::RUNBOOKS.iter().any(|(known, _)| *known == name), "{name}");
    }
    let links = Links::new(Some("https://h.example".to_owned()));
    let mut notices = Notices { links, ..notices() };
    let told = notices.notices(&flood(service("www"), Phase::Start, 0), &house());
    assert_eq!(told[0].link.as_deref(), Some("https://h.example/floods/01J"));
    let runbook = told[0].body["runbook"].as_str().unwrap();
    assert!(runbook.starts_with("https://h.example/runbooks/"), "{runbook}");
}
