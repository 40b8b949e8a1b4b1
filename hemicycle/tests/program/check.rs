//! `hemicycle check`.

use crate::support::{file, repository, run, run_with_input};

fn example() -> String {
    repository("data/institution/examplia.toml").to_str().unwrap().to_owned()
}

#[test]
fn a_good_file_is_summed_up() {
    let ran = run(&["check", &example()]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    assert!(
        ran.output.contains("Parliament of Examplia") && ran.output.contains("services"),
        "{}",
        ran.output
    );
}

#[test]
fn the_json_summary_is_one_object() {
    let ran = run(&["check", "--json", &example()]);
    let [summary] = ran.lines().try_into().unwrap();
    assert_eq!(summary["kind"], "institution");
    assert_eq!(summary["time_zone"], "Europe/Brussels");
    assert!(summary["counts"]["services"].as_u64().unwrap() > 0);
    assert!(summary["warnings"].is_array());
}

const TWO_MISTAKES: &str = r#"[institution]
name = "Test"
time_zone = "Mars/Olympus"
[zone.public]
prefixes = ["192.0.2.0/33"]
exposure = "internet"
"#;

#[test]
fn every_mistake_is_shown_with_its_place_and_a_mark() {
    let path = file("check_two.toml", TWO_MISTAKES.as_bytes());
    let ran = run(&["check".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.output.is_empty(), "{}", ran.output);
    for needed in
        ["check_two.toml:3:13", "check_two.toml:5:1", "Mars/Olympus", "192.0.2.0/33", "^^^", "2 problems"]
    {
        assert!(ran.errors.contains(needed), "{needed} in {}", ran.errors);
    }
}

#[test]
fn every_mistake_is_a_line_of_json() {
    let path = file("check_two_json.toml", TWO_MISTAKES.as_bytes());
    let ran = run(&["check".as_ref(), "--json".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, Some(1));
    let lines = ran.lines();
    assert_eq!(lines.len(), 2, "{}", ran.output);
    for (line, place) in lines.iter().zip([3, 5]) {
        assert_eq!((line["kind"].as_str(), line["severity"].as_str()), (Some("problem"), Some("error")));
        assert_eq!(line["line"], place);
        assert!(line["column"].is_u64() && line["message"].is_string());
    }
}

#[test]
fn files_that_are_no_text_are_named_with_the_place() {
    let path = file("check_bytes.toml", b"[institution]\nname = \"a\xff\"\n");
    let ran = run(&["check".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("check_bytes.toml:2: the byte at offset 23 is not UTF-8"), "{}", ran.errors);
}

#[test]
fn a_missing_or_endless_file_is_an_error() {
    let missing = run(&["check", "/no/such/institution.toml"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.errors.contains("/no/such/institution.toml"), "{}", missing.errors);
    let endless = run(&["check", "/dev/zero"]);
    assert_eq!(endless.code, Some(1));
    assert!(endless.errors.contains("has more than"), "{}", endless.errors);
}

#[test]
fn standard_input_can_be_checked() {
    let ran = run_with_input(&["check", "-"], TWO_MISTAKES.as_bytes());
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("standard input:3:13"), "{}", ran.errors);
}
