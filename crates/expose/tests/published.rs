//! Hand-worked answers: the example parliament and three topologies from the literature.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use expose::{Change, Exposure, Model, Unit, difference};

fn exposure(text: &str) -> Exposure {
    let institution = institution::parse("test", text).unwrap();
    Exposure::of(Model::of(&institution)).unwrap()
}

fn examplia() -> Exposure {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/institution/examplia.toml");
    exposure(&std::fs::read_to_string(path).unwrap())
}

/// Cut sets of a service as words, sorted.
fn cuts(exposure: &Exposure, service: &str) -> BTreeSet<String> {
    let place = exposure.model.find(service).unwrap();
    let sets = &exposure.cuts[place].as_ref().unwrap().sets;
    sets.iter()
        .map(|set| {
            let mut names = exposure.names(set);
            names.sort();
            names.join(" ")
        })
        .collect()
}

fn words(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|set| (*set).to_owned()).collect()
}

fn service(needs: &str, nodes: &[(&str, &str)]) -> String {
    let mut text = String::from(
        "[institution]\nname = \"test\"\n[zone.out]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n",
    );
    for (name, needs) in nodes {
        text.push_str(&format!("[node.{name}]\nkind = \"router\"\n"));
        if !needs.is_empty() {
            text.push_str(&format!("needs = {needs}\n"));
        }
    }
    text + &format!("[service.top]\nzone = \"out\"\nneeds = {needs}\n")
}

/// By hand: what stops the load balancer, both name servers, both firewalls or both lines.
#[test]
fn the_site_of_the_example_parliament() {
    let exposure = examplia();
    let expected = words(&[
        "lb-1",
        "power-main",
        "dns-public",
        "fw-software",
        "fw-edge-1 fw-edge-2",
        "fw-edge-1 power-backup",
        "isp-a isp-b",
        "duct-south isp-a",
        "duct-north isp-b",
        "duct-north duct-south",
        "ns-1 ns-2",
        "isp-hosting ns-1",
    ]);
    assert_eq!(cuts(&exposure, "www"), expected);
    let place = exposure.model.find("www").unwrap();
    assert!(!exposure.cuts[place].as_ref().unwrap().truncated);
}

#[test]
fn the_other_services_of_the_example_parliament() {
    let exposure = examplia();
    let firewalls = [
        "fw-software",
        "fw-edge-1 fw-edge-2",
        "fw-edge-1 power-backup",
        "fw-edge-2 power-main",
        "power-backup power-main",
        "isp-a isp-b",
        "duct-south isp-a",
        "duct-north isp-b",
        "duct-north duct-south",
    ];
    let mut vpn = words(&firewalls);
    vpn.extend(words(&["directory", "vm-cluster"]));
    assert_eq!(cuts(&exposure, "vpn"), vpn);
    assert_eq!(cuts(&exposure, "files"), words(&["directory", "vm-cluster", "storage", "power-main"]));
    let mut documents = words(&["directory", "vm-cluster", "storage", "power-main"]);
    documents.insert("files".to_owned());
    assert_eq!(cuts(&exposure, "documents"), documents);
    assert_eq!(cuts(&exposure, "vote-system"), words(&["vm-cluster", "storage", "power-main"]));
    assert_eq!(cuts(&exposure, "static-copy"), words(&["isp-hosting"]));
    assert_eq!(cuts(&exposure, "party-x-site"), words(&[]));
    let mut vote_display =
        words(&["dns-public", "vote-system", "vm-cluster", "storage", "power-main", "fw-software"]);
    vote_display.extend(words(&firewalls).into_iter().filter(|set| !set.contains("power-main")));
    vote_display.extend(words(&["ns-1 ns-2", "isp-hosting ns-1"]));
    assert_eq!(cuts(&exposure, "vote-display"), vote_display);
}

#[test]
fn what_a_flood_on_the_site_takes_down_in_the_example() {
    let exposure = examplia();
    let row = |element: &[&str]| {
        let found = exposure.couplings.rows.iter().find(|row| row.target == "www" && row.elements == element);
        found.unwrap_or_else(|| panic!("{element:?}")).clone()
    };
    let firewalls = row(&["fw-edge-1", "fw-edge-2"]);
    assert_eq!(firewalls.unit, Some(Unit::TableEntries));
    assert_eq!((firewalls.low, firewalls.high), (Some(2e6), Some(4e6)));
    assert_eq!(firewalls.inside, ["vote-display", "mail", "vpn", "stream"]);
    assert!(firewalls.target_lost && !firewalls.is_certain());
    let lines = row(&["isp-a", "isp-b"]);
    assert_eq!(lines.unit, Some(Unit::PacketsPerSecond));
    assert_eq!((lines.low, lines.high), (Some(3e6), Some(4e6)));
    // The balancer stands in front of the site alone.
    assert!(!exposure.couplings.rows.iter().any(|row| row.elements == ["lb-1"]));
    let lost = exposure.couplings.lost_at("www", Unit::TableEntries, 2e6, false);
    assert!(lost.contains_key("vpn") && lost.contains_key("mail"));
    assert!(exposure.couplings.lost_at("www", Unit::TableEntries, 2e6, true).is_empty());
    assert!(exposure.couplings.lost_at("www", Unit::TableEntries, 1e6, false).is_empty());
}

#[test]
fn how_much_gets_through_to_the_site_of_the_example() {
    let exposure = examplia();
    let place = exposure.model.find("www").unwrap();
    let through = |unit| exposure.through(place, unit).unwrap();
    // Both lines together, less than the balancer's 10 Gbit/s lets through: the balancer.
    assert_eq!(through(Unit::BitsPerSecond).high, Some(10e9));
    assert_eq!(through(Unit::PacketsPerSecond).high, Some(4e6));
    assert_eq!(through(Unit::NewConnectionsPerSecond).high, Some(20e3));
    assert_eq!(through(Unit::QueriesPerSecond).high, Some(15e3));
    assert_eq!(through(Unit::TableEntries).high, Some(4e6));
    assert_eq!(exposure.connectivity(place), Some(1));
}

#[test]
fn witnesses_lead_from_outside_to_the_service() {
    let exposure = examplia();
    let findings = exposure.all_findings();
    let of = |service: &str, element: &str| {
        let found =
            findings.iter().find(|finding| finding.service == service && finding.elements == [element]);
        found.unwrap_or_else(|| panic!("{service} {element}")).clone()
    };
    assert_eq!(of("www", "lb-1").witness, ["internet", "lb-1", "www"]);
    assert_eq!(of("www", "power-main").witness, ["power-main", "lb-1", "www"]);
    assert_eq!(of("vpn", "directory").witness, ["directory", "vpn"]);
    assert_eq!(of("static-copy", "isp-hosting").outside_control, ["hosting"]);
    let vm = of("vote-system", "vm-cluster");
    assert!(vm.lost.contains(&"files".to_owned()) && vm.lost.contains(&"mail".to_owned()));
}

#[test]
fn a_second_directory_takes_it_off_every_list() {
    let before = examplia();
    let change: Change = "second:directory".parse().unwrap();
    let after = Exposure::of(before.model.changed(&change).unwrap()).unwrap();
    let difference = difference(&before, &after).unwrap();
    let alone = |service: &str| (service.to_owned(), vec!["directory".to_owned()]);
    for service in ["mail", "vpn", "files", "documents"] {
        assert!(difference.gone.contains(&alone(service)), "{service}");
        assert!(!cuts(&after, service).contains("directory"));
    }
    let fixes = expose::fixes(&before).unwrap();
    let fix =
        fixes.iter().find(|fix| fix.element == "directory" && fix.remedy == expose::Remedy::Second).unwrap();
    let gone: BTreeSet<&String> =
        difference.gone.iter().filter(|(_, set)| *set == ["directory"]).map(|(service, _)| service).collect();
    assert_eq!(gone, fix.services.iter().collect());
}

/// The bridge (Barlow and Proschan, Statistical Theory of Reliability, 1975, chapter 1).
#[test]
fn the_bridge() {
    let ways = "{ any = 1, of = [{ all = [\"a\", \"d\"] }, { all = [\"b\", \"e\"] }, { all = [\"a\", \"c\", \"e\"] }, { all = [\"b\", \"c\", \"d\"] }] }";
    let nodes = ["a", "b", "c", "d", "e"].map(|name| (name, ""));
    let exposure = exposure(&service(ways, &nodes));
    assert_eq!(cuts(&exposure, "top"), words(&["a b", "d e", "a c e", "b c d"]));
    // By symmetry the bridge matters least.
    let weights = exposure.weights();
    assert_eq!(weights.last().unwrap().element, "c");
    assert_eq!(exposure.connectivity(exposure.model.find("top").unwrap()), Some(2));
}

/// The pressure tank (Vesely, Goldberg, Roberts and Haasl, Fault Tree Handbook, NUREG-0492, 1981, chapter VIII).
#[test]
fn the_pressure_tank() {
    let needs = "{ all = [\"tank\", \"k2\", { any = 1, of = [\"s\", { all = [\"s1\", \"k1\", \"r\"] }] }] }";
    let nodes = ["tank", "k2", "s", "s1", "k1", "r"].map(|name| (name, ""));
    let exposure = exposure(&service(needs, &nodes));
    assert_eq!(cuts(&exposure, "top"), words(&["tank", "k2", "s s1", "k1 s", "r s"]));
}

/// One host of a fat tree with k = 4 (Al-Fares, Loukissas and Vahdat, SIGCOMM 2008): all four cores together are a cut set of
/// order 4, beyond the limit, which is said.
#[test]
fn the_fat_tree() {
    let nodes = [
        ("core-1", ""),
        ("core-2", ""),
        ("core-3", ""),
        ("core-4", ""),
        ("pod-1", "{ any = 1, of = [\"core-1\", \"core-2\"] }"),
        ("pod-2", "{ any = 1, of = [\"core-3\", \"core-4\"] }"),
        ("edge", "{ any = 1, of = [\"pod-1\", \"pod-2\"] }"),
    ];
    let exposure = exposure(&service("[\"edge\"]", &nodes));
    let expected = words(&["edge", "pod-1 pod-2", "core-3 core-4 pod-1", "core-1 core-2 pod-2"]);
    assert_eq!(cuts(&exposure, "top"), expected);
    let limits: Vec<&str> = exposure.limits().map(|(service, _)| service).collect();
    assert_eq!(limits, ["top"]);
}

#[test]
fn a_circle_is_refused_and_not_followed_for_ever() {
    let mut model = examplia().model;
    let (directory, storage) = (model.find("directory").unwrap(), model.find("storage").unwrap());
    model.elements[directory].needs = Some(expose::Expression::Element(storage));
    model.elements[storage].needs = Some(expose::Expression::Element(directory));
    assert!(matches!(Exposure::of(model), Err(expose::Error::Circle(_))));
}
