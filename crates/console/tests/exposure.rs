//! The page Exposure: who sees which view, that names are text, and that everything is a link without the script.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::collections::BTreeMap;

use client::Console;
use console::exposure::{Coupling, Exposure, Fix, SinglePoint, View, document};
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
