//! Rules, drift, mined dependencies and differences of reachability, on the example parliament.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::net::IpAddr;

use expose::segregation::{MAXIMUM_OF_PAIR, Reachability, Seen, State, Watch, differences, judge};
use expose::{Exposure, Model};
use institution::Institution;

fn examplia(change: impl Fn(&str) -> String) -> Institution {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/institution/examplia.toml");
    let text = change(&std::fs::read_to_string(path).unwrap());
    institution::parse("examplia", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn plain() -> Institution {
    examplia(str::to_owned)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn seen(source: &str, destination: &str, ports: (u16, u16), first_seconds: f64, last_seconds: f64) -> Seen {
    Seen {
        first_seconds,
        last_seconds,
        source: address(source),
        destination: address(destination),
        protocol: 6,
        source_port: ports.0,
        destination_port: ports.1,
        packets: 4,
        sampling: 1,
        opens: None,
    }
}

#[test]
fn rules_fail_where_the_example_is_weak_and_have_sources() {
    let institution = plain();
    let exposure = Exposure::of(Model::of(&institution)).unwrap();
    let verdicts = judge(&institution, &exposure);
    let state = |id: &str, subject: &str| {
        verdicts
            .iter()
            .find(|verdict| verdict.rule.id == id && verdict.subject == subject)
            .map(|verdict| verdict.state)
    };
    // Mail and remote access in the public zone ask the directory, and a conduit lets LDAP in.
    assert_eq!(state("SEG-04", "directory"), Some(State::Fail));
    assert_eq!(state("SEG-04", "public to internal"), Some(State::Fail));
    assert_eq!(state("SEG-09", "public to internal"), Some(State::Fail));
    assert_eq!(state("SEG-08", "members to internal"), Some(State::Fail));
    assert_eq!(state("SPOF-01", "www"), Some(State::Fail));
    assert_eq!(state("SPOF-02", "fw-software"), Some(State::Fail));
    assert_eq!(state("SPOF-02", "power-main"), None);
    // The lines come from two providers through two ducts, and each essential service has a workaround.
    assert_eq!(state("WORK-01", ""), Some(State::Pass));
    assert_eq!(state("SEG-11", ""), Some(State::Pass));
    // Failed before unknown before passed.
    assert!(verdicts.is_sorted_by_key(|verdict| verdict.state));
    for verdict in &verdicts {
        let rule = verdict.rule;
        assert!(!rule.nis2.is_empty() && !rule.sp800_53.is_empty(), "{}", rule.id);
        assert!(rule.question.ends_with('?') && !verdict.detail.is_empty());
    }
}

#[test]
fn unknown_is_never_passed() {
    let text = "[institution]\nname = \"n\"\n[zone.a]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n\
        [service.s]\nzone = \"a\"\ncriticality = \"essential\"\n";
    let institution = institution::parse("n", text).unwrap();
    let exposure = Exposure::of(Model::of(&institution)).unwrap();
    let verdicts = judge(&institution, &exposure);
    for id in ["SPOF-01", "SPOF-04", "CAP-02", "SEG-02", "SEG-05"] {
        assert!(
            verdicts.iter().any(|verdict| verdict.rule.id == id && verdict.state == State::Unknown),
            "{id}"
        );
    }
}

/// Nothing is known of what the services need: whatever hangs on that cannot be told.
#[test]
fn what_hangs_on_needs_is_not_passed_without_them() {
    let text = "[institution]\nname = \"n\"\n[zone.a]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n\
        [zone.b]\nprefixes = [\"198.51.100.0/24\"]\n[node.fw]\nkind = \"firewall\"\n\
        [service.s]\nzone = \"a\"\n[service.t]\nzone = \"b\"\n";
    let institution = institution::parse("n", text).unwrap();
    let exposure = Exposure::of(Model::of(&institution)).unwrap();
    let passed: Vec<&str> = judge(&institution, &exposure)
        .iter()
        .filter(|verdict| verdict.state == State::Pass)
        .map(|verdict| verdict.rule.id)
        .collect();
    // No service matters and none is essential by the default that the file's reference has.
    assert_eq!(passed, ["SPOF-01", "CAP-02", "WORK-01"]);
}

/// A file from which something was left out has no rule passed that was not passed before.
#[test]
fn forgetting_never_removes_a_finding() {
    let open = |institution: &Institution| -> std::collections::BTreeSet<&'static str> {
        let exposure = Exposure::of(Model::of(institution)).unwrap();
        let verdicts = judge(institution, &exposure);
        verdicts.iter().filter(|it| it.state != State::Pass).map(|it| it.rule.id).collect()
    };
    let split = |text: &str| {
        text.replace("needs = [\"files\", \"directory\"]", "needs = [\"files\", \"directory\", \"fw-inner\"]")
            + "\n[node.fw-inner]\nkind = \"firewall\"\nneeds = [\"isp-a\"]\n"
    };
    let mut bits = 7_u64;
    let mut chance = move || {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        bits >> 62 == 0
    };
    for known in [plain(), examplia(split)] {
        let before = open(&known);
        for _ in 0..60 {
            let mut less = known.clone();
            less.services.iter_mut().filter(|_| chance()).for_each(|service| service.needs = None);
            less.services.iter_mut().filter(|_| chance()).for_each(|service| service.workaround = None);
            less.services.iter_mut().filter(|_| chance()).for_each(|service| service.shared_cause.clear());
            for node in &mut less.nodes {
                let carries = expose::carries(node.kind) && node.kind != institution::NodeKind::Link;
                node.needs = node.needs.take().filter(|_| !(carries && chance()));
                node.provider = node.provider.take().filter(|_| !chance());
                if chance() {
                    node.shared_cause.clear();
                    node.capacity = institution::Capacity::default();
                }
            }
            if chance() {
                less.conduits.clear();
            }
            let after = open(&less);
            assert!(before.is_subset(&after), "{:?}", before.difference(&after).collect::<Vec<_>>());
        }
    }
}

#[test]
fn traffic_without_a_conduit_is_drift_with_witnesses() {
    let institution = plain();
    let mut watch = Watch::new(&institution);
    // A file share asked from the public zone, answered, seen as two records of flows.
    watch.see(&seen("192.0.2.10", "192.0.2.130", (40_000, 445), 10.0, 12.0));
    watch.see(&seen("192.0.2.130", "192.0.2.10", (445, 40_000), 10.1, 12.0));
    // Allowed: documents; within one zone; from outside to the site.
    watch.see(&seen("192.0.2.10", "192.0.2.131", (40_001, 443), 11.0, 11.0));
    watch.see(&seen("192.0.2.10", "192.0.2.25", (40_002, 9_999), 11.0, 11.0));
    watch.see(&seen("198.18.0.1", "192.0.2.10", (40_003, 443), 11.0, 11.0));
    // Without ports no conduit speaks of it.
    watch.see(&Seen { protocol: 1, ..seen("192.0.2.10", "192.0.2.130", (0, 0), 1.0, 1.0) });
    let observed = watch.finish();
    let [drift] = observed.drifts.as_slice() else { panic!("{:?}", observed.drifts) };
    assert_eq!(
        (drift.from.as_str(), drift.to.as_str(), drift.port.as_str()),
        ("public", "internal", "tcp/445")
    );
    assert!(drift.answered && drift.conduit && drift.flows == 1);
    assert_eq!(drift.witnesses, [(address("192.0.2.10"), address("192.0.2.130"))]);
    assert_eq!((drift.first_seconds, drift.last_seconds), (10.0, 12.0));
    assert_eq!((observed.records, observed.without_ports), (6, 1));
    assert!(observed.unused.contains(&"members internal tcp/445".to_owned()));
    assert!(!observed.unused.contains(&"public internal tcp/443".to_owned()));
}

#[test]
fn a_server_that_asks_while_it_is_asked_seems_to_need() {
    let institution = plain();
    let proposals = |times: u32, sampling: u32| {
        let mut watch = Watch::new(&institution);
        for number in 0..times {
            let start = f64::from(number) * 100.0;
            let client = 10_000 + number as u16;
            let asked = seen("198.18.0.1", "192.0.2.10", (client, 443), start, start + 1.0);
            let asking = seen("192.0.2.10", "192.0.2.131", (client, 443), start + 0.2, start + 0.8);
            // Not while it is asked.
            let alone = seen("192.0.2.10", "192.0.2.140", (client, 5_432), start + 50.0, start + 50.5);
            for record in [asked, asking, alone] {
                watch.see(&Seen { sampling, ..record });
            }
        }
        watch.finish().proposals
    };
    let found = proposals(60, 1);
    let [proposal] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (proposal.service.as_str(), proposal.needs.as_str(), proposal.port.as_str()),
        ("www", "documents", "tcp/443")
    );
    assert_eq!((proposal.count, proposal.asked), (60, 60));
    assert!(proposal.rank.is_some_and(|rank| rank > 0.99));
    assert_eq!((proposal.first_seconds, proposal.last_seconds), (0.2, 5_900.8));
    // Too few, or sampled: told, and not ranked.
    assert_eq!(proposals(20, 1)[0].rank, None);
    assert_eq!(proposals(60, 100)[0].rank, None);
    // What the file says already is not proposed.
    let known = examplia(|text| {
        text.replace(
            "needs = { all = [\"lb-1\", \"dns-public\",",
            "needs = { all = [\"documents\", \"lb-1\", \"dns-public\",",
        )
    });
    let mut watch = Watch::new(&known);
    watch.see(&seen("198.18.0.1", "192.0.2.10", (1_025, 443), 0.0, 1.0));
    watch.see(&seen("192.0.2.10", "192.0.2.131", (1_026, 443), 0.2, 0.8));
    assert!(watch.finish().proposals.is_empty());
}

#[test]
fn what_another_version_opens_and_closes() {
    let before = Reachability::of(&plain());
    let after = Reachability::of(&examplia(|text| {
        text.replace(
            "allow = [\"tcp/443 documents\", \"tcp/445 files\"]",
            "allow = [\"tcp/440-443 documents\"]",
        )
    }));
    let list = differences(&before, &after);
    let words: Vec<String> = list
        .iter()
        .map(|opening| format!("{} {} {} {}", opening.change, opening.from, opening.to, opening.ports))
        .collect();
    assert_eq!(words, ["opened members internal tcp/440-442", "closed members internal tcp/445"]);
    assert_eq!(list[0].from_internet, ["internet", "public", "internal"]);
    assert!(differences(&after, &after).is_empty());
}

/// Forged senders, of the Internet and of our own zones, to every port: what is really answered is still found, and
/// so is what one server asks while it is asked.
#[test]
fn a_flood_of_forged_senders_hides_nothing() {
    let institution = plain();
    // As many as come in three seconds; as many as the room for 262,144 at 90,000 packets a second.
    let most = 3_000;
    let mut watch = Watch::new(&institution).with_flows(most).with_mined(2_000);
    let mut forged = 0_u32;
    let mut flood = |watch: &mut Watch<'_>, time: f64, count: u32| {
        for _ in 0..count {
            forged = forged.wrapping_add(1);
            let port = forged as u16;
            let source = match forged % 3 {
                0 => format!("192.0.2.{}", 193 + forged / 3 % 30),
                1 => format!("203.0.113.{}", 1 + forged / 3 % 60),
                _ => format!("198.18.{}.{}", forged / 3 / 256 % 256, forged / 3 % 256),
            };
            let to = if forged.is_multiple_of(2) { "192.0.2.10" } else { "192.0.2.131" };
            // SYNs, so that it is known who asks.
            watch.see(&Seen { opens: Some(true), ..seen(&source, to, (50_000, port.max(1)), time, time) });
        }
    };
    for number in 0..60_u32 {
        let start = f64::from(number);
        let client = 10_000 + number as u16;
        flood(&mut watch, start, 700);
        let asked = seen("198.18.0.1", "192.0.2.10", (client, 443), start, start + 0.1);
        watch.see(&Seen { opens: Some(true), ..asked });
        flood(&mut watch, start + 0.15, 300);
        let asking = seen("192.0.2.10", "192.0.2.131", (client, 443), start + 0.2, start + 0.3);
        watch.see(&Seen { opens: Some(true), ..asking });
        let answer = seen("192.0.2.131", "192.0.2.10", (443, client), start + 0.3, start + 0.6);
        watch.see(&Seen { opens: Some(false), ..answer });
        let back = seen("192.0.2.10", "198.18.0.1", (443, client), start + 0.7, start + 0.9);
        watch.see(&Seen { opens: Some(false), ..back });
    }
    // A file share asked from the public zone, after the flood had every table to itself.
    let share = seen("192.0.2.10", "192.0.2.130", (40_000, 445), 70.0, 70.1);
    watch.see(&Seen { opens: Some(true), ..share });
    let answer = seen("192.0.2.130", "192.0.2.10", (445, 40_000), 70.1, 70.2);
    watch.see(&Seen { opens: Some(false), ..answer });
    // And a question between two other zones that nobody answers.
    let unanswered = seen("198.51.100.130", "192.0.2.226", (40_000, 3_389), 71.0, 71.1);
    watch.see(&Seen { opens: Some(true), ..unanswered });
    let observed = watch.finish();
    assert!(observed.cut_short > 0 && observed.drifts_omitted > 0 && observed.not_mined > 0);
    let mut of_pairs: std::collections::BTreeMap<(&str, &str), usize> = std::collections::BTreeMap::new();
    for drift in observed.drifts.iter().filter(|drift| !drift.answered) {
        *of_pairs.entry((&drift.from, &drift.to)).or_default() += 1;
    }
    assert_eq!(
        of_pairs.get(&("members", "public")),
        Some(&MAXIMUM_OF_PAIR),
        "the flood fills what is its own"
    );
    assert!(of_pairs.values().all(|&kinds| kinds <= MAXIMUM_OF_PAIR), "{of_pairs:?}");
    assert_eq!(of_pairs.get(&("hosted", "management")), Some(&1), "{of_pairs:?}");
    let first = &observed.drifts[0];
    assert_eq!((first.from.as_str(), first.port.as_str(), first.answered), ("public", "tcp/445", true));
    let found = observed.proposals.iter().find(|it| it.service == "www" && it.needs == "documents");
    assert_eq!(found.map(|it| (it.count, it.rank.is_some())), Some((60, true)));
}
