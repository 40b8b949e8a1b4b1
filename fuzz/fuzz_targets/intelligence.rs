//! What others give: STIX bundles and patterns, MISP events and manifests, tables of indicators, warning lists, profiles, answers of a TAXII server.
//!
//! Held are: no panic; what is read and kept comes out again with every property; nothing that is narrower than TLP:CLEAR reaches the public; a server's
//! answers end a run or bring it on, and no object is given twice.
#![no_main]

use std::collections::BTreeSet;

use intel::decay::Expiry;
use intel::indicator::Indicators;
use intel::stix::Library;
use intel::taxii::{Answer, Cursor, MEDIA_TYPE, Run, State};
use intel::tlp::{Audience, Tlp};
use intel::warning::Warnings;
use intel::{list, misp, pattern, profile, stix};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut library = Library::default();
    if library.import(data).is_ok() {
        let out = library.export(Audience::Organisation, Tlp::Clear).unwrap();
        assert_eq!(out.objects + out.withheld, library.len());
        let mut again = Library::default();
        again.import(out.text.as_bytes()).unwrap();
        assert_eq!(again.len(), out.objects);
        assert!(again.objects().all(|object| library.objects().any(|other| other == object)));
        let (indicators, _) = library.indicators();
        let (public, withheld) = stix::of_indicators(&indicators, Audience::Public);
        assert!(withheld <= indicators.len());
        assert!(public.objects().all(|object| public.tlp(object) == Tlp::Clear));
    }
    let text = String::from_utf8_lossy(data);
    let _ = pattern::values(&text);
    let _ = profile::read(&text);
    let _ = misp::manifest(&text);
    let mut warnings = Warnings::general();
    warnings.read_misp(&text);
    let mut table = Indicators::new((1, 2), Expiry::Earlier);
    list::read(&text, "fuzz", Tlp::Clear, |indicator| table.add(&indicator, &warnings));
    if let Ok(event) = misp::read(&text) {
        event.indicators.iter().for_each(|indicator| table.add(indicator, &warnings));
    }
    let all: Vec<_> = table.each(0).map(|(indicator, _, _)| indicator).collect();
    assert_eq!(all.len(), table.len());
    let (out, _) = list::write(&all, Audience::Public);
    assert!(
        !out.contains("TLP:RED")
            || all
                .iter()
                .any(|indicator| indicator.value.contains("TLP:RED") || indicator.source.contains("TLP:RED"))
    );
    let mut run = Run::new(&Cursor::default());
    let mut given = BTreeSet::new();
    for body in data.split(|byte| *byte == 0).take(64) {
        if run.request().is_none() {
            break;
        }
        let answer =
            Answer { status: 200, content_type: MEDIA_TYPE, added_last: Some("2024-01-01T00:00:00Z"), body };
        for object in run.answer(&answer) {
            assert!(given.insert(serde_json::to_string(&object).unwrap()), "given twice");
        }
    }
    assert!(*run.state() == State::Asking || run.request().is_none());
});
