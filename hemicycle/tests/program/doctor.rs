//! `hemicycle doctor`.

use std::net::UdpSocket;

use serde_json::Value;

use crate::support::{file, repository, run};

/// A configuration on ports that are free but for the first, in a folder of its own.
fn config(name: &str, flows: &str, more: &str) -> String {
    let institution = repository("data/institution/examplia.toml");
    let institution = std::fs::canonicalize(institution).unwrap();
    let text = format!(
        "institution = {institution:?}\n[listen]\nflows = [\"{flows}\"]\n[state]\nfolder = \"doctor-{name}\"\n{more}"
    );
    file(&format!("doctor-{name}.toml"), text.as_bytes()).to_str().unwrap().to_owned()
}

fn finding(lines: &[Value], name: &str) -> Value {
    let of = |line: &&Value| line["name"] == name;
    lines.iter().find(of).unwrap_or_else(|| panic!("no finding {name} in {lines:?}")).clone()
}

#[test]
fn a_machine_that_is_fit_has_no_problem_and_nothing_is_made() {
    let config = config("fit", "127.0.0.1:0", "");
    let ran = run(&["doctor", "--config", &config, "--json"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.output, ran.errors);
    let lines = ran.lines();
    assert_eq!(ran.summary()["problems"], 0);
    for name in ["clock", "receive_buffer", "flow_port", "state_folder", "disk", "key", "user"] {
        assert!(finding(&lines, name)["found"].is_string());
    }
    assert!(finding(&lines, "key")["found"].as_str().unwrap().contains("will be made"));
    assert!(!std::path::Path::new(&config.replace(".toml", "")).exists(), "it made the state folder");
}

#[test]
fn what_would_stop_the_service_is_a_problem_with_what_to_do() {
    let more = "[console]\nlisten = [\"192.0.2.77:8443\"]\n[[mirror]]\ninterface = \"nowhere0\"\n";
    let config = config("unfit", "192.0.2.77:2055", more);
    let ran = run(&["doctor", "--config", &config, "--json"]);
    assert_eq!(ran.code, Some(1));
    let lines = ran.lines();
    let port = finding(&lines, "flow_port");
    assert_eq!(port["state"], "problem");
    assert!(port["advice"].as_str().unwrap().contains("ip address"));
    assert_eq!(finding(&lines, "mirror")["state"], "problem");
    assert_eq!(finding(&lines, "console_port")["state"], "problem");
    assert!(ran.errors.contains("3 problems"), "{}", ran.errors);
    let told = run(&["doctor", "--config", &config, "--color", "never"]);
    assert!(
        told.output.contains("PROBLEM  mirror") && told.output.contains("no interface nowhere0"),
        "{}",
        told.output
    );
}

#[test]
fn a_port_in_use_may_be_the_service_itself() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = config("taken", &taken.local_addr().unwrap().to_string(), "");
    let ran = run(&["doctor", "--config", &config, "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let port = finding(&ran.lines(), "flow_port");
    assert_eq!(port["state"], "warning");
    assert!(port["advice"].as_str().unwrap().contains("if the service runs"));
}
