//! The page Exposure: who sees which view, that names are text, and that everything is a link without the script.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::collections::BTreeMap;

use client::Console;
use console::exposure::{Coupling, Element, Exposure, Fix, SinglePoint, View, document};
use console::people::Role;

fn view(name: &str) -> View {
    View {
        picture: format!("<svg class=\"exposure\"><a href=\"#w7\"><text>{name}</text></a></svg>"),
        remarks: vec![format!("{name} stops everything.")],
        single_points: vec![SinglePoint {
            place: Some(7),
            element: format!("{name}<b>"),
            kind: "firewall".into(),
            outside_control: Some("Hosting".into()),
            services: vec!["www".into(), "vpn".into()],
            witnesses: vec![vec!["internet".into(), name.into(), "www".into()]],
        }],
        couplings: vec![Coupling {
            target: "www".into(),
            elements: vec![name.into()],
            size: "2.00 M table entries".into(),
            asked: true,
            certain: true,
            inside: vec!["vpn".into()],
        }],
        fixes: vec![Fix { text: format!("Set up a second {name}"), services: vec!["www".into()] }],
        ..View::default()
    }
}

#[test]
fn everybody_sees_their_own_view() {
    let console = Console::new();
    let organisations = BTreeMap::from([("party-x".to_owned(), view("fw-party"))]);
    console.live.show_exposure(Exposure { house: view("fw-house"), organisations });
    for (reach, own, foreign) in [
        (None, Some("fw-house"), "fw-party"),
        (Some("party-x"), Some("fw-party"), "fw-house"),
        (Some("party-y"), None, "fw-house"),
    ] {
        let (account, _) = console.member(reach.unwrap_or("house"), Role::Viewer, reach);
        let session = console.session(&account);
        for path in ["/exposure", "/api/v1/exposure"] {
            let answer = console.get(path, Some(&session));
            assert_eq!(answer.status, 200, "{path}");
            assert!(!answer.body.contains(foreign), "{path} {reach:?}");
            assert!(own.is_none_or(|own| answer.body.contains(own)), "{path} {reach:?}");
        }
    }
}

#[test]
fn a_box_leads_to_its_witness_and_names_are_text() {
    let console = Console::new();
    console.live.show_exposure(Exposure { house: view("fw"), ..Exposure::default() });
    let (account, _) = console.member("viewer", Role::Viewer, None);
    let page = console.get("/exposure", Some(&console.session(&account))).body;
    assert!(page.contains("href=\"#w7\"") && page.contains("id=\"w7\""));
    assert!(page.contains("fw&lt;b&gt;") && !page.contains("fw<b>"));
    for part in
        ["run by Hosting", "2.00 M table entries", "Set up a second fw", "aria-current=\"page\">Exposure"]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn the_report_stands_alone_and_can_be_printed() {
    let text = document("Parliament <of> Examplia", "Made today", &view("fw"));
    assert!(text.contains("Exposure of Parliament &lt;of&gt; Examplia") && text.contains("@media print"));
    for elsewhere in ["<script", "src=", "url(", "http://", "https://"] {
        assert!(!text.contains(elsewhere), "{elsewhere}");
    }
}

fn ours() -> View {
    let element =
        |name: &str, kind: &str| Element { name: name.into(), kind: kind.into(), ..Element::default() };
    View {
        elements: vec![element("lb-ours", "load balancer"), element("www-ours", "service")],
        ..View::default()
    }
}

const PROPOSED: &str =
    "element=lb-ours&what=table_entries&value=2e6&reason=data+sheet%0A%5Ballow%5D+%3Cb%3E+page+3";

#[test]
fn what_an_organisation_proposes_of_its_own_is_kept_and_shown_to_the_house() {
    let console = Console::new();
    let organisations =
        BTreeMap::from([("party-x".to_owned(), ours()), ("party-y".to_owned(), view("fw-other"))]);
    console.live.show_exposure(Exposure { house: view("fw-house"), organisations });
    let session =
        |name: &str, role, reach: Option<&str>| console.session(&console.member(name, role, reach).0);
    let party = session("paul", Role::Analyst, Some("party-x"));
    let other = session("yann", Role::Analyst, Some("party-y"));
    let looks = session("vera", Role::Viewer, Some("party-x"));
    let house = session("anna", Role::Operator, None);
    let send = |session: &str, form: &str| console.form_as(session, "/exposure/proposals", form).status;
    assert!(console.get("/exposure", Some(&party)).body.contains("action=\"/exposure/proposals\""));
    for without in [&house, &looks] {
        assert!(!console.get("/exposure", Some(without)).body.contains("action=\"/exposure/proposals\""));
    }
    assert_eq!(send(&party, PROPOSED), 303);
    let entry = console.memory.written().pop().unwrap();
    assert_eq!((entry.kind.as_str(), entry.actor.as_str()), ("decided", "person:paul"));
    assert_eq!(entry.organisations, ["party-x"]);
    let lines = "# for [node.lb-ours], into its capacity: data sheet [allow] &lt;b&gt; page 3\ntable_entries = 2000000\n";
    for reader in [&house, &party, &looks] {
        let page = console.get("/exposure", Some(reader)).body;
        assert!(page.contains(lines), "{page}");
    }
    let page = console.get("/exposure", Some(&other)).body;
    assert!(!page.contains("lb-ours") && !page.contains("data sheet [allow]"), "not for others");
    // What is others', or cannot stand in a file, or is not theirs to do.
    let before = console.memory.written().len();
    assert_eq!(send(&other, PROPOSED), 400, "an element of others");
    assert_eq!(send(&house, PROPOSED), 400, "the house writes the file");
    assert_eq!(send(&looks, PROPOSED), 403, "a viewer looks");
    for (from, to) in
        [("lb-ours", "fw-house"), ("2e6", "x"), ("table_entries", "organisation"), ("reason=data", "no=")]
    {
        assert!((400..=422).contains(&send(&party, &PROPOSED.replace(from, to))), "{from} as {to}");
    }
    assert_eq!(console.memory.written().len(), before, "none of it is written down");
}

#[test]
fn proposals_are_bounded() {
    let console = Console::new();
    let organisations = BTreeMap::from([("party-x".to_owned(), ours())]);
    console.live.show_exposure(Exposure { house: View::default(), organisations });
    let party = console.session(&console.member("paul", Role::Analyst, Some("party-x")).0);
    let statuses: Vec<u16> =
        (0..52).map(|_| console.form_as(&party, "/exposure/proposals", PROPOSED).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 50);
    assert_eq!(statuses[50..], [400, 400]);
}
