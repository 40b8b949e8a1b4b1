//! What others give: STIX bundles and patterns, MISP events and manifests, tables of indicators, warning lists, profiles, answers of a TAXII server.
//!
//! Held are: no panic; what is read and kept comes out again with every property; nothing that is narrower than TLP:CLEAR reaches the public, and nothing that
//! leaves names what stays; nothing of ours matches, however an indicator is written; every address that matches is found in a line; a server's answers end a
//! run or bring it on, and no object is given twice.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use intel::decay::Expiry;
use intel::indicator::{Indicators, Kind};
use intel::stix::Library;
use intel::taxii::{Answer, Cursor, Limits, MEDIA_TYPE, Run, State};
use intel::tlp::{Audience, Tlp};
use intel::warning::Warnings;
use intel::{list, misp, pattern, profile, source, stix};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    library(data);
    let text = String::from_utf8_lossy(data);
    if let Some(values) = pattern::values(&text) {
        // What is written of a value is read as that value.
        for (kind, value) in values.into_iter().filter(|(kind, _)| *kind == Kind::Url) {
            assert_eq!(pattern::values(&pattern::of(kind, &value)), Some(vec![(kind, value)]));
        }
    }
    if let Ok(profiles) = profile::read(&text) {
        assert!(profile::visible(&profiles, Audience::Public).all(|profile| profile.tlp == Tlp::Clear));
    }
    if let Ok((events, _)) = misp::manifest(&text) {
        // Names become paths.
        assert!(
            events
                .iter()
                .all(|event| event.uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-'))
        );
    }
    indicators(&text);
    answers(data);
});

fn library(data: &[u8]) {
    let mut library = Library::default();
    if library.import(data).is_err() {
        return;
    }
    for (audience, unmarked) in [(Audience::Organisation, Tlp::Red), (Audience::Public, Tlp::UNMARKED)] {
        let out = library.export(audience, unmarked).unwrap();
        assert_eq!(out.objects + out.withheld, library.len());
        let mut again = Library::default();
        again.import(out.text.as_bytes()).unwrap();
        assert_eq!(again.len(), out.objects);
        let id =
            |object: &serde_json::Map<String, serde_json::Value>| object["id"].as_str().unwrap().to_owned();
        let mut before: BTreeMap<String, Vec<_>> = BTreeMap::new();
        library.objects().for_each(|object| before.entry(id(object)).or_default().push(object));
        let left: BTreeSet<String> = again.objects().map(id).collect();
        for object in again.objects() {
            // Only references may be missing.
            let same = |other: &&serde_json::Map<String, serde_json::Value>| {
                other.iter().all(|(name, value)| {
                    name == "created_by_ref" || name.ends_with("_refs") || object.get(name) == Some(value)
                })
            };
            let found = &before[&id(object)];
            assert!(if out.shortened == 0 { found.contains(&object) } else { found.iter().any(same) });
            assert!(library.tlp(object).may_reach(audience) || unmarked.may_reach(audience));
        }
        for gone in before.keys().filter(|id| !left.contains(*id) && id.len() > 36) {
            if !left.iter().any(|id| id.contains(gone.as_str()))
                && gone.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            {
                let named = out
                    .text
                    .split(|character: char| !character.is_ascii_alphanumeric() && !"-_".contains(character))
                    .any(|word| word == gone);
                assert!(!named, "{gone} is named");
            }
        }
    }
    let (indicators, _) = library.indicators();
    let (public, withheld) = stix::of_indicators(&indicators, Audience::Public);
    assert_eq!(withheld, indicators.iter().filter(|indicator| indicator.tlp != Tlp::Clear).count());
    assert!(public.objects().all(|object| public.tlp(object) == Tlp::Clear));
}

fn indicators(text: &str) {
    let mut warnings = Warnings::general();
    warnings.network("own", "192.0.2.0/24".parse().unwrap());
    warnings.network("own", "2001:db8::/48".parse().unwrap());
    warnings.domain("own", "parliament.own.example");
    warnings.read_misp(text);
    let mut table = Indicators::new((1, 2), Expiry::Earlier);
    list::read(text, "fuzz", Tlp::Clear, |indicator| table.add(&indicator, &warnings));
    if let Ok(event) = misp::read(text) {
        event.indicators.iter().for_each(|indicator| table.add(indicator, &warnings));
    }
    for ours in ["192.0.2.10", "::ffff:192.0.2.200", "2001:db8::7", "127.0.0.1", "10.1.2.3"] {
        assert_eq!(table.address(ours.parse().unwrap()), None, "{ours}");
    }
    for ours in ["parliament.own.example", "WWW.Parliament.Own.Example."] {
        assert_eq!(table.domain(ours), None, "{ours}");
    }
    let all: Vec<_> = table.each(0).collect();
    for (indicator, _, warned) in &all {
        let Ok(address) = indicator.value.parse::<IpAddr>() else { continue };
        if indicator.kind != Kind::Address {
            continue;
        }
        let mut met = false;
        table.line(&format!("src=[{address}]:443,"), |_, _| met = true);
        assert!(met || *warned, "{address}");
        assert_eq!(table.address(address).is_some(), met);
    }
    let all: Vec<_> = all.into_iter().map(|(indicator, _, _)| indicator).collect();
    let (out, withheld) = list::write(&all, Audience::Public);
    let mut given = 0;
    // What is for the public is clear, and all that is clear is given.
    list::read(&out, "again", Tlp::Red, |indicator| {
        assert_eq!(indicator.tlp, Tlp::Clear);
        assert!(!indicator.source.contains("://") || source::shown(&indicator.source) == indicator.source);
        given += 1;
    });
    assert!(given <= all.len() - withheld);
    assert_eq!(all.len() - withheld, all.iter().filter(|indicator| indicator.tlp == Tlp::Clear).count());
}

/// Limits that a few answers reach.
const LIMITS: Limits = Limits { pages: 16, objects: 24, bytes: 4_096, seconds: 30, remembered: 32 };

/// Runs one after the other, each from where the last one ended. An answer is a letter that chooses its date, then its body.
fn answers(data: &[u8]) {
    let mut cursor = Cursor::default();
    let mut bodies = data.split(|byte| *byte == 0).take(64);
    for _ in 0..4 {
        let mut run = Run::within(&cursor, LIMITS);
        // What was given at the place where the last run ended may come again after it, and is not given again.
        let mut given = BTreeSet::new();
        let mut seconds = 0;
        while run.request().is_some() {
            let Some((day, body)) = bodies.next().map(|answer| answer.split_first().unwrap_or((&0, &[])))
            else {
                run.failed("nothing more");
                break;
            };
            let date = format!("2024-01-{:02}T00:00:00Z", day % 32);
            let added_last = Some(date.as_str()).filter(|_| day % 5 != 0);
            let answer = Answer { status: 200, content_type: MEDIA_TYPE, added_last, body };
            seconds += u64::from(day % 7);
            for object in run.answer(&answer, seconds) {
                let id = object["id"].as_str().unwrap().to_owned();
                assert!(
                    given.insert((id, stix::version(&object).to_owned(), text_of(&object))),
                    "given twice"
                );
            }
        }
        let next = run.cursor();
        assert!(next.given.len() <= LIMITS.remembered && next.given.iter().all(|key| key.len() == 36));
        // Only a whole run, or one that ended at a limit of its own, moves the place to go on from; otherwise all that was given is remembered.
        let is_limited =
            matches!(run.state(), State::Incomplete(why) if why.contains("the next one goes on"));
        assert!(
            *run.state() == State::Complete
                || is_limited
                || next.added_after == cursor.added_after && next.given.len() >= given.len()
        );
        cursor = next;
    }
}

/// Of an object without a version: its text stands for one.
fn text_of(object: &serde_json::Map<String, serde_json::Value>) -> String {
    if stix::version(object).is_empty() { serde_json::to_string(object).unwrap() } else { String::new() }
}
