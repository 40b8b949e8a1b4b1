//! `hemicycle demo`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{PROGRAM, run};

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
        "PREDICTED TO TAKE DOWN",
        "it cannot be told",
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
    predictions(&summary);
    one_time_line(&ran.lines());
    no_foreign_address(&ran.lines());
}

/// Beside each flood on a service stands what the coupling table says of it, and what was seen of the others.
fn predictions(summary: &Value) {
    let list = summary["predictions"].as_array().unwrap();
    let on_site = list.iter().find(|it| it["target"].as_str().unwrap().contains("192.0.2.10")).unwrap();
    assert!(on_site["nearest"]["share"].as_f64().unwrap() < 1.0, "{on_site}");
    let names = |key: &str| on_site[key].as_array().unwrap().len();
    assert!(names("answering") + names("silent") + names("not_told") > 0, "{on_site}");
    // The rates are those of a lab, so nothing is predicted, and what can be heard goes on; of the rest nothing is said.
    let of = |agreement: &str| list.iter().filter(|it| it["agreement"] == agreement).count();
    assert_eq!((of("disagrees"), of("agrees") + of("cannot_tell")), (0, list.len()));
    assert!(of("agrees") > 0);
    assert!(
        list.iter().all(|it| it["agreement"] != "agrees" || !it["answering"].as_array().unwrap().is_empty())
    );
}

/// The web layer has steps of a second, so its line may come after one of the network layer that is so much later.
fn one_time_line(lines: &[Value]) {
    let mut latest = jiff::Timestamp::MIN;
    for time in lines.iter().filter_map(|line| line["time"].as_str()) {
        let time: jiff::Timestamp = time.parse().unwrap();
        assert!(
            time >= latest.saturating_sub(jiff::Span::new().seconds(1)).unwrap(),
            "{time} after {latest}"
        );
        latest = latest.max(time);
    }
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
fn without_exit_the_console_stays_open_until_it_is_told_to_stop() {
    let mut child = Command::new(PROGRAM).arg("demo").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| Some(line.strip_prefix("console on https://")?.to_owned())).unwrap();
    assert!(lines.any(|line| line.contains("/welcome/")), "nobody could come in");
    assert!(lines.any(|line| line.contains("Ctrl-C")));
    let mut stream = TcpStream::connect(address.trim_end_matches('/')).unwrap();
    // Something that is no TLS is answered with an alert, or the end.
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "passwords would go in clear");
    assert!(child.try_wait().unwrap().is_none(), "it stays open");
    let stopped = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(stopped.success() && child.wait().unwrap().success());
}
