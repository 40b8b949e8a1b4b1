//! The outlook: what is shown of it, and to whom.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use client::Console;
use console::outlook::{Coming, Height, Likely, Listed, Odds, Outlook, Proposal, Readiness, Reliability};
use console::people::Role;
use jiff::Timestamp;

fn listed(organisation: &str, named: &str) -> Listed {
    Listed {
        organisation: organisation.into(),
        named: named.into(),
        seen: "2026-11-23T06:20:00Z".into(),
        techniques: vec!["requests that never end".into()],
        proposals: vec![Proposal {
            layer: "proxy".into(),
            matches: "tcp/443".into(),
            action: "time limit for heads".into(),
            destination: named.into(),
        }],
        checks: vec!["Who is on call knows of the list.".into()],
        ..Listed::default()
    }
}

fn plotted(who: &str, title: &str) -> Reliability {
    let heights = vec![Height { said_percent: 4, happened_percent: 7, forecasts: 123 }];
    Reliability { who: who.into(), title: title.into(), words: "so good".into(), heights }
}

fn outlook() -> Outlook {
    let odds = |who: &str, words: &str| Odds {
        who: who.into(),
        days: 3,
        state: "listed".into(),
        words: words.into(),
        reasons: vec!["why".into()],
    };
    Outlook {
        time: Timestamp::UNIX_EPOCH,
        state: "listed".into(),
        level: "high".into(),
        level_meaning: "we are named".into(),
        odds: vec![odds("country", "country words"), odds("own", "house words")],
        listed: vec![listed("own", "www.parliament.example"), listed("party-x", "www.party-x.example")],
        coming: vec![
            Coming {
                date: "2026-11-24".into(),
                kind: "vote".into(),
                title: "A vote <b>".into(),
                effect: "no evidence".into(),
                own: false,
            },
            Coming { title: "secret session".into(), own: true, ..Coming::default() },
        ],
        likely: vec![Likely { technique: "floods".into(), of_ten: 9, hits: vec!["fw-edge-1".into()] }],
        readiness: "ready".into(),
        readiness_until: "25 November".into(),
        readiness_reasons: vec!["secret reason".into()],
        checklist: vec!["secret check".into()],
        record: vec!["clearly better".into()],
        reliability: vec![plotted("country", "the country's plot"), plotted("own", "secret plot")],
        became: Vec::new(),
        notes: vec!["secret note".into()],
        stale: String::new(),
    }
}

#[test]
fn the_house_sees_all_of_it_and_a_party_what_is_its_own() {
    let console = Console::new();
    let (analyst, _) = console.member("anna", Role::Analyst, None);
    let (party, _) = console.member("paul", Role::Analyst, Some("party-x"));
    let page = |account| console.get("/outlook", Some(&console.session(account)));
    assert!(page(&analyst).body.contains("Nothing is known of the next days"));
    let mut snapshot = (*console.live.snapshot()).clone();
    snapshot.outlook = Some(Arc::new(outlook()));
    console.live.show(snapshot);
    let body = page(&analyst).body;
    for needed in [
        "LISTED",
        "www.parliament.example",
        "www.party-x.example",
        "house words",
        "secret check",
        "secret session",
        "fw-edge-1",
        "no evidence",
        "clearly better",
        "secret plot",
        "<circle",
        "<td class=\"number\">123</td>",
    ] {
        assert!(body.contains(needed), "{needed}");
    }
    assert!(body.contains("A vote &lt;b&gt;"), "what others wrote is text");
    let body = page(&party).body;
    assert!(body.contains("www.party-x.example") && body.contains("country words"));
    assert!(body.contains("the country&#39;s plot") || body.contains("the country's plot"));
    for hidden in ["www.parliament.example", "house words", "secret", "fw-edge-1"] {
        assert!(!body.contains(hidden), "{hidden} is not for a party");
    }
    let json = console.get("/api/v1/outlook", Some(&console.session(&party))).body;
    assert!(
        json.contains("party-x.example")
            && !json.contains("www.parliament.example")
            && !json.contains("secret"),
        "{json}"
    );
}

/// It was a 503: the page has the record for what analysts think, and for nothing else.
#[test]
fn a_record_that_cannot_be_read_costs_what_analysts_think_and_not_the_page() {
    let console = Console::new();
    let session = console.session(&console.member("anna", Role::Analyst, None).0);
    let mut snapshot = (*console.live.snapshot()).clone();
    snapshot.outlook = Some(Arc::new(outlook()));
    console.live.show(snapshot);
    let page = || console.get("/outlook", Some(&session));
    assert!(page().body.contains("Nobody has said anything yet") && !page().body.contains("cannot be read"));
    console.memory.broken.store(true, Ordering::Relaxed);
    let page = page();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("house words") && page.body.contains("What was judged cannot be read now."));
    assert!(!page.body.contains("Nobody has said anything yet"), "that is not known");
}

#[test]
fn an_old_outlook_is_shown_as_old() {
    let console = Console::new();
    let (analyst, _) = console.member("anna", Role::Analyst, None);
    let (party, _) = console.member("paul", Role::Analyst, Some("party-x"));
    let page = |account| console.get("/outlook", Some(&console.session(account)));
    let mut snapshot = (*console.live.snapshot()).clone();
    snapshot.outlook = Some(Arc::new(outlook()));
    console.live.show(snapshot.clone());
    assert!(!page(&analyst).body.contains("This outlook is old"));
    snapshot.outlook =
        Some(Arc::new(Outlook { stale: "cannot read secret/lists.jsonl".into(), ..outlook() }));
    console.live.show(snapshot);
    let body = page(&analyst).body;
    assert!(body.contains("This outlook is old") && body.contains("secret/lists.jsonl"));
    let body = page(&party).body;
    assert!(body.contains("This outlook is old") && !body.contains("secret/lists.jsonl"));
}

#[test]
fn readiness_is_on_the_page_now_and_in_the_status_for_the_house_alone() {
    let console = Console::new();
    let (analyst, _) = console.member("anna", Role::Analyst, None);
    let (party, _) = console.member("paul", Role::Viewer, Some("party-x"));
    let get = |path: &str, account| console.get(path, Some(&console.session(account))).body;
    assert!(!get("/", &analyst).contains("Readiness"));
    assert!(get("/api/v1/now", &analyst).contains("\"readiness\":null"));
    let mut snapshot = (*console.live.snapshot()).clone();
    snapshot.readiness = Some(Readiness {
        state: "ready".into(),
        from: "2026-11-28T06:00:00Z".into(),
        until: "2026-11-30T06:00:00Z".into(),
        floors_percent: 50,
        is_spent: false,
        reasons: vec!["www is on a list <i>".into()],
        checklist: vec!["call the provider".into()],
    });
    console.live.show(snapshot.clone());
    let body = get("/", &analyst);
    for needed in ["Readiness: ready", "50 hundredths", "www is on a list &lt;i&gt;", "call the provider"] {
        assert!(body.contains(needed), "{needed}");
    }
    assert!(get("/api/v1/now", &analyst).contains("\"floors_percent\":50"));
    // They stood twice on the page Outlook, under two headings.
    let mut both = snapshot.clone();
    let same = Outlook { checklist: vec!["call the provider".into()], ..outlook() };
    both.outlook = Some(Arc::new(same));
    console.live.show(both);
    let body = get("/outlook", &analyst);
    assert_eq!(body.matches("call the provider").count(), 1);
    assert!(body.contains("Readiness: ready") && !body.contains("What to prepare"));
    console.live.show(snapshot.clone());
    for path in ["/", "/api/v1/now", "/outlook"] {
        assert!(!get(path, &party).contains("on a list"), "{path} is not for a party");
    }
    if let Some(readiness) = &mut snapshot.readiness {
        (readiness.is_spent, readiness.floors_percent) = (true, 100);
    }
    console.live.show(snapshot);
    assert!(get("/", &analyst).contains("usual floors: lowered ones told of as much"));
}
