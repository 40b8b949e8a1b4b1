//! `hemicycle demo`.

use serde_json::Value;

use crate::support::run;

#[test]
fn the_day_plays_without_any_file_and_says_what_it_is() {
    let ran = run(&["demo", "--exit"]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    for said in [
        "are invented",
        "made for this project",
        "Addresses are mapped",
        "ATTACK",
        "START",
        "END",
        "attacks were found",
    ] {
        assert!(ran.output.contains(said), "{said}");
    }
    assert!(!ran.output.contains("console"), "`--exit` asks for no console");
}

#[test]
fn its_json_is_that_of_replay_with_the_scenes() {
    let ran = run(&["demo", "--exit", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let summary = ran.summary();
    assert_eq!(summary["institution"], "Parliament of Examplia");
    assert!(summary["span_seconds"].as_f64().unwrap() > 80_000.0, "a day");
    let scenes = summary["scenes"].as_array().unwrap();
    assert!(scenes.len() >= 10);
    let found = scenes.iter().filter(|scene| scene["verdict"] == "found").count();
    assert!(found * 10 >= scenes.len() * 7, "{found} of {}", scenes.len());
    for scene in scenes.iter().filter(|scene| scene["verdict"] == "found") {
        assert!(scene["delay_seconds"].as_f64().unwrap() >= 0.0, "{scene}");
    }
    assert!(summary["unexplained"].is_array());
    let times: Vec<&str> =
        ran.output.lines().filter_map(|line| line.split("\"time\":\"").nth(1)?.split('"').next()).collect();
    assert!(times.is_sorted(), "one time line");
    no_foreign_address(&ran.lines());
}

/// Every address is in a range for documentation or benchmarks, or names nobody, as forged multicast sources do.
fn no_foreign_address(lines: &[Value]) {
    for line in lines.iter().filter(|line| line["kind"] == "flood") {
        let targets = line["target"]["addresses"].as_array().unwrap().iter();
        let sources = line["sources"]["top"].as_array().unwrap().iter().map(|source| &source["address"]);
        for address in targets.chain(sources).filter_map(Value::as_str) {
            let ours = ["192.0.2.", "198.18.", "198.19.", "198.51.100.", "203.0.113.", "2001:db8:"];
            let network = address.split('/').next().unwrap().parse::<std::net::IpAddr>().unwrap();
            let names_nobody = network.is_multicast() || address.starts_with("169.254.");
            assert!(names_nobody || ours.iter().any(|start| address.starts_with(start)), "{address}");
        }
    }
}

#[test]
fn without_exit_it_says_that_there_is_no_console_yet() {
    let ran = run(&["demo"]);
    assert_eq!(ran.code, Some(0));
    assert!(ran.output.lines().last().unwrap().contains("console"), "{}", ran.output);
}
