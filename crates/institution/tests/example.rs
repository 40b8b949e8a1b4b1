//! The shipped example, the generated reference, and what a look-up says.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests may panic")]

use std::fs;
use std::path::{Path, PathBuf};

use institution::{Institution, OrganisationKind, parse};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn examplia() -> Institution {
    let text = fs::read_to_string(repository().join("data/institution/examplia.toml")).unwrap();
    parse("examplia.toml", &text).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn reference_is_the_committed_one() {
    let path = repository().join("docs/institution-file.md");
    let reference = institution::reference();
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, &reference).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == reference,
        "docs/institution-file.md is not what the code says; run: UPDATE_REFERENCE=1 cargo test -p institution reference"
    );
}

#[test]
fn the_example_is_read_in_full() {
    let institution = examplia();
    let summary = institution::describe(&institution);
    println!("{summary}\n{}", institution.warnings);
    assert_eq!(summary.time_zone.as_deref(), Some("Europe/Brussels"));
    let counts = &summary.counts;
    assert_eq!((counts.organisations, counts.zones, counts.services, counts.exporters), (4, 7, 11, 4));
    assert_eq!((counts.prefixes, counts.protected_prefixes), (14, 10));
    assert_eq!((counts.groups, counts.conduits, counts.allowed_networks), (4, 5, 3));
    assert_eq!((counts.target_settings, counts.maintenance_windows, counts.mutes), (3, 1, 1));
    // 20:00 in Brussels in winter is 19:00 UTC; the mute states its offset.
    assert_eq!(institution.detect.maintenance[0].start.to_string(), "2026-12-28T19:00:00Z");
    assert_eq!(institution.detect.mutes[0].end.to_string(), "2027-01-30T23:00:00Z");
}

#[test]
fn warnings_of_the_example_are_these() {
    let institution = examplia();
    let messages: Vec<&str> =
        institution.warnings.list().iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "essential service `vote-system` has no redundancy: each of its needs alone can stop it",
            "service `party-x-site` names nothing that it needs",
        ]
    );
}

#[test]
fn addresses_of_the_example_are_found() {
    let institution = examplia();
    let names = |address: &str| {
        let found = institution.lookup(address.parse().unwrap());
        let zone = found.zone().map(|zone| zone.id.clone());
        let services: Vec<_> = found.services().map(|service| service.id.clone()).collect();
        let groups: Vec<_> = found.groups().map(|group| group.id.clone()).collect();
        (zone.unwrap_or_default(), services.join(" "), groups.join(" "))
    };
    let expected =
        |zone: &str, services: &str, groups: &str| (zone.to_owned(), services.to_owned(), groups.to_owned());
    assert_eq!(names("192.0.2.10"), expected("public", "www", "public-web"));
    assert_eq!(names("2001:db8:1::10"), expected("public", "www", "public-web"));
    assert_eq!(names("192.0.2.41"), expected("public", "vote-display", "public-web plenary"));
    assert_eq!(names("192.0.2.140"), expected("internal", "vote-system", "plenary"));
    assert_eq!(names("192.0.2.209"), expected("members", "", "members-wifi"));
    assert_eq!(names("192.0.2.239"), expected("management", "", ""));
    assert_eq!(names("192.0.2.240"), expected("", "", ""));
    assert_eq!(names("8.8.8.8"), expected("", "", ""));

    let www = institution.lookup("192.0.2.10".parse().unwrap());
    assert_eq!(www.service_on(6, 443).map(|id| institution[id].id.as_str()), Some("www"));
    assert_eq!(www.service_on(6, 22), None);
    assert!(www.lookup.protected);
    let party = institution.lookup("203.0.113.10".parse().unwrap());
    assert!(!party.lookup.protected, "the network of a party is protected only where the file says so");
    assert_eq!(institution[party.zone().unwrap().organisation].kind, OrganisationKind::Party);
    assert!(institution.lookup("198.51.100.135".parse().unwrap()).lookup.protected);
    assert!(institution.lookup("198.51.100.7".parse().unwrap()).lookup.allowed);
    assert!(institution.lookup("203.0.113.200".parse().unwrap()).lookup.allowed);
    assert!(institution.lookup("198.51.100.65".parse().unwrap()).lookup.trusted_proxy);
}

/// The example of the documented contract, with the three names declared that its excerpt leaves out.
#[test]
fn the_excerpt_of_the_contract_is_read() {
    let text = include_str!("excerpt.toml");
    let institution = parse("excerpt.toml", text).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(institution.exporters[0].sampling, institution::Sampling::OneIn(1000));
    assert_eq!(institution.nodes[1].capacity.table_entries, Some(2e6));
    assert_eq!(institution.conduits[0].allow[0].purpose.as_deref(), Some("app-db"));
}

#[test]
fn an_institution_of_everything_protects_every_address() {
    let institution = Institution::everything();
    for address in
        ["0.0.0.0", "255.255.255.255", "::", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
    {
        let found = institution.lookup(address.parse().unwrap());
        assert!(found.lookup.protected, "{address}");
    }
}
