//! Tests of [`super`].

use super::*;

fn indicator(kind: Kind, value: &str) -> Indicator {
    Indicator {
        kind,
        value: value.to_owned(),
        tlp: Tlp::Green,
        confidence: 80,
        first: 1_700_000_000,
        until: None,
        source: "feed".to_owned(),
    }
}

fn with(items: &[(Kind, &str)], warnings: &Warnings) -> Indicators {
    let mut indicators = Indicators::new((1, 2), Expiry::Own);
    items.iter().for_each(|(kind, value)| indicators.add(&indicator(*kind, value), warnings));
    indicators
}

#[test]
fn values_are_found_and_others_are_not() {
    let items = [
        (Kind::Address, "198.51.100.7"),
        (Kind::Address, "2001:db8::7"),
        (Kind::Network, "203.0.113.0/24"),
        (Kind::Network, "2001:db8:9::/48"),
        (Kind::Domain, "Evil.Example."),
        (Kind::Hash, "ABCD"),
        (Kind::Url, "https://x.example/A"),
        (Kind::Domain, "nodot"),
        (Kind::Address, "300.1.1.1"),
    ];
    let mut indicators = with(&items, &Warnings::default());
    assert_eq!((indicators.len(), indicators.refused), (7, 2));
    let is = |text: &str| indicators.address(text.parse().unwrap()).is_some();
    assert!(is("198.51.100.7") && is("::ffff:198.51.100.7") && is("2001:db8::7") && is("203.0.113.200"));
    assert!(is("2001:db8:9:1::1") && !is("198.51.100.8") && !is("2001:db8:8::1") && !is("203.0.114.1"));
    assert!(
        indicators.domain("a.b.EVIL.example").is_some() && indicators.domain("notevil.example").is_none()
    );
    assert!(
        indicators.value(Kind::Hash, "abcd").is_some()
            && indicators.value(Kind::Url, "https://x.example/a").is_none()
    );
    let index = indicators.address("203.0.113.9".parse().unwrap()).unwrap();
    let found = indicators.sight(index, 1_700_000_100).unwrap();
    assert_eq!(
        (found.value.as_str(), found.worth, found.source.as_str(), found.sightings),
        ("203.0.113.0/24", 80, "feed", 1)
    );
}

#[test]
fn expiry_deletes_nothing_and_a_sighting_restores() {
    let mut indicators = with(&[(Kind::Address, "198.51.100.7")], &Warnings::default());
    let later = 1_700_000_000 + 100 * 86_400;
    let index = indicators.address("198.51.100.7".parse().unwrap()).unwrap();
    assert_eq!(indicators.each(later).map(|(_, worth, _)| worth).collect::<Vec<_>>(), [0]);
    assert!(indicators.sight(index, later).is_none(), "worth nothing, but seen");
    assert_eq!(indicators.len(), 1);
    assert!(indicators.sight(index, later + 60).unwrap().worth >= 79, "seen again: worth what it was");
}

#[test]
fn what_nobody_dated_matches_at_first_sight() {
    let mut undated = indicator(Kind::Address, "198.51.100.7");
    undated.first = 0;
    let mut indicators = Indicators::new((1, 2), Expiry::Earlier);
    indicators.add(&undated, &Warnings::default());
    let index = indicators.address("198.51.100.7".parse().unwrap()).unwrap();
    assert_eq!(indicators.each(1_700_000_000).next().unwrap().1, 80);
    let found = indicators.sight(index, 1_700_000_000).unwrap();
    assert_eq!((found.worth, found.sightings), (80, 1));
    // From the sighting on it ages as any other.
    assert!(indicators.sight(index, 1_700_000_000 + 31 * 86_400).is_none());
    undated.until = Some(1_600_000_000);
    undated.value = "198.51.100.8".to_owned();
    indicators.add(&undated, &Warnings::default());
    let index = indicators.address("198.51.100.8".parse().unwrap()).unwrap();
    assert!(indicators.sight(index, 1_700_000_000).is_none(), "its feed says that it is over");
}

#[test]
fn names_with_many_labels_and_urls_in_other_case_are_found() {
    let items = [
        (Kind::Domain, "evil.example"),
        (Kind::Domain, "192.0.2.77"),
        (Kind::Url, "https://Evil.Example/A"),
        (Kind::Email, "Bad@Evil.Example"),
    ];
    let indicators = with(&items, &Warnings::default());
    let deep = "a.".repeat(110) + "EVIL.example";
    assert!(indicators.domain(&deep).is_some(), "however many labels stand in front");
    assert!(indicators.domain(&("a.".repeat(130) + "evil.example")).is_none(), "longer than a name may be");
    assert!(indicators.domain("example").is_none() && indicators.domain("").is_none());
    assert!(indicators.address("192.0.2.77".parse().unwrap()).is_some());
    assert!(indicators.value(Kind::Url, "HTTPS://evil.example/A").is_some());
    assert!(indicators.value(Kind::Email, "bad@evil.example").is_some());
    let met = |line: &str| {
        let mut found = Vec::new();
        indicators.line(line, |index, _| found.push(index));
        found.sort_unstable();
        found.dedup();
        found
    };
    assert_eq!(met("GET http://192.0.2.77:80/, from=<bad@evil.example>"), [0, 1, 3]);
    assert!(met("nothing here 192.0.2.78").is_empty());
}

#[test]
fn sources_are_bounded_and_refuse_nothing() {
    let mut indicators = Indicators::new((1, 2), Expiry::Own);
    let count = MAXIMUM_SOURCES + 50;
    for number in 0..count {
        let mut one =
            indicator(Kind::Address, &std::net::Ipv4Addr::from(0x0b00_0000 + number as u32).to_string());
        one.source = format!("{}{number}", if number == 0 { "long".repeat(100) } else { String::new() });
        indicators.add(&one, &Warnings::default());
    }
    assert_eq!((indicators.len(), indicators.refused), (count, 0));
    assert_eq!(indicators.sources.len(), MAXIMUM_SOURCES + 1);
    let last = indicators.each(0).last().unwrap().0.source;
    assert_eq!(last, OTHER_SOURCES);
    assert_eq!(indicators.each(0).nth(1).unwrap().0.source, "1");
}

#[test]
fn what_is_warned_of_is_kept_and_never_matches() {
    let mut warnings = Warnings::default();
    warnings.network("own", "192.0.2.0/24".parse().unwrap());
    warnings.domain("provider", "cdn.example");
    let items =
        [(Kind::Address, "192.0.2.9"), (Kind::Domain, "a.cdn.example"), (Kind::Network, "192.0.0.0/16")];
    let indicators = with(&items, &warnings);
    assert_eq!((indicators.len(), indicators.warned), (3, 3));
    assert!(indicators.address("192.0.2.9".parse().unwrap()).is_none());
    assert!(indicators.domain("a.cdn.example").is_none());
    assert!(indicators.each(0).all(|(_, _, warned)| warned));
}

#[test]
fn the_narrower_marking_stays() {
    let mut indicators = with(&[(Kind::Address, "198.51.100.7")], &Warnings::default());
    let mut red = indicator(Kind::Address, "198.51.100.7");
    red.tlp = Tlp::Red;
    indicators.add(&red, &Warnings::default());
    indicators.add(&indicator(Kind::Address, "198.51.100.7"), &Warnings::default());
    assert_eq!((indicators.len(), indicators.repeated), (1, 2));
    assert_eq!(indicators.each(0).next().unwrap().0.tlp, Tlp::Red);
}

#[test]
fn what_is_preferred_hides_behind_nothing_that_is_nearer() {
    let items = [
        (Kind::Address, "198.51.100.7"),
        (Kind::Network, "198.51.100.0/24"),
        (Kind::Network, "198.51.0.0/16"),
        (Kind::Domain, "a.evil.example"),
        (Kind::Domain, "evil.example"),
    ];
    let indicators = with(&items, &Warnings::default());
    let addresses: [IpAddr; 2] = ["198.51.100.7".parse().unwrap(), "198.51.100.8".parse().unwrap()];
    let met = |preferred: &[u32]| {
        let mut met = Vec::new();
        indicators.addresses_preferring(
            &addresses,
            |number| preferred.contains(&number),
            |_, number| met.push(number),
        );
        (met, indicators.domain_preferring("b.a.evil.example", |number| preferred.contains(&number)))
    };
    let mut in_line = Vec::new();
    indicators.line_preferring(
        "198.51.100.7 asked for a.evil.example",
        |number| number == 2 || number == 4,
        |number, word| in_line.push((number, word)),
    );
    assert_eq!(in_line, [(2, "198.51.100.7"), (4, "a.evil.example")]);
    assert_eq!(met(&[0, 1, 2, 3, 4]), (vec![0, 1], Some(3)));
    assert_eq!(met(&[2, 4]), (vec![2, 2], Some(4)), "the live ones are found behind those that are not");
    assert_eq!(met(&[1]), (vec![1, 1], Some(3)));
    assert_eq!(met(&[]), (vec![0, 1], Some(3)), "where none is, the nearest is");
}

#[test]
fn sightings_outlast_a_table() {
    let before =
        with(&[(Kind::Domain, "gone.example"), (Kind::Network, "198.51.100.0/24")], &Warnings::default());
    let mut before = before;
    let later = 1_700_000_000 + 20 * 86_400;
    for value in ["gone.example", "198.51.100.0/24"] {
        let kind = if value.contains('/') { Kind::Network } else { Kind::Domain };
        let index = before.value(kind, value).unwrap();
        before.sight(index, later);
    }
    let items = [(Kind::Address, "203.0.113.1"), (Kind::Network, "198.51.100.0/24")];
    let mut after = with(&items, &Warnings::default());
    after.take_sightings(&before);
    let found = after.sight(1, later).unwrap();
    assert_eq!((found.sightings, found.worth), (2, 80), "and what they restored stays restored");
    assert_eq!(after.sight(0, 1_700_000_000).unwrap().sightings, 1);
}

#[test]
fn whatever_order_it_came_in_a_value_is_marked_most_narrowly() {
    let mut one = indicator(Kind::Domain, "evil.example");
    let mut indicators = Indicators::new((1, 2), Expiry::Own);
    for tlp in [Tlp::Clear, Tlp::Amber, Tlp::Green] {
        one.tlp = tlp;
        indicators.add(&one, &Warnings::default());
    }
    assert_eq!(indicators.tlp_of(Kind::Domain, "*.EVIL.example."), Some(Tlp::Amber));
    assert_eq!(indicators.tlp_of(Kind::Domain, "other.example"), None);
}
