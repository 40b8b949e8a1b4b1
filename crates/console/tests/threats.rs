//! The threat model names a test for each threat; this one looks whether they are there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_threat_has_its_test() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(here.join("../../docs/threat-model.md")).unwrap();
    let mut text = String::new();
    sources(here, &mut text);
    let mut named = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat")) {
        let tests = line.rsplit('|').nth(1).unwrap_or_default();
        assert!(tests.contains('`'), "no test: {line}");
        for name in tests.split('`').skip(1).step_by(2) {
            named += 1;
            assert!(text.contains(&format!("fn {name}(")), "{name} is not there");
        }
    }
    assert!(named > 40, "{named}");
}
