//! Access logs beside captures.

use crate::support::{file, gzip, repository, run, run_with_input};

fn replay(inputs: &[&str], more: &[&str]) -> crate::support::Ran {
    run(&[&["replay", "--json"], more, inputs].concat())
}

#[test]
fn a_recognised_log_is_an_input_like_others() {
    let log = repository("data/logs/nginx_main.log");
    let capture = repository("data/packets/gre.pcap");
    let ran = replay(&[log.to_str().unwrap(), capture.to_str().unwrap()], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let summary = ran.summary();
    let inputs = summary["inputs"].as_array().unwrap();
    assert_eq!((&inputs[0]["kind"], &inputs[1]["kind"]), (&"access_log".into(), &"pcapng".into()));
    assert_eq!((&inputs[0]["records"], &inputs[0]["counters"]["requests"]), (&12.into(), &12.into()));
    assert_eq!((&inputs[0]["skipped"], &summary["requests"]), (&0.into(), &12.into()));
    assert!(inputs[0]["first"].as_str().unwrap().starts_with("2026-11-27T13:41:2"), "{}", inputs[0]["first"]);
    assert!(summary["records"].as_u64().unwrap() > 0);
}

#[test]
fn a_declared_format_makes_another_log_readable() {
    let lines = "1767225600.5|192.0.2.4|GET /a|200\n1767225601.5|192.0.2.4|GET /b|200\nbroken\n";
    let path = file("logs_own.log.gz", &gzip(lines.as_bytes()));
    let path = path.to_str().unwrap();
    let refused = replay(&[path], &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.output.is_empty());
    let ran = replay(&[path], &["--log-format", "$msec|$remote_addr|$request|$status"]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let input = &ran.summary()["inputs"][0];
    assert_eq!((&input["records"], &input["skipped"]), (&2.into(), &1.into()));
    assert_eq!(input["counters"]["lines_of_another_format"], 1);
    let text = run(&["replay", path, "--log-format", "$msec|$remote_addr|$request|$status"]);
    assert!(text.output.contains("lines of another format 1"), "{}", text.output);
    assert!(text.output.contains("\n2 requests of 1.0 s of traffic in "), "{}", text.output);
}

#[test]
fn a_format_that_is_none_is_wrong_usage_and_says_where() {
    let ran = run(&["replay", "--log-format", "$time_local $status$remote_addr", "-"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.errors.contains("at byte 19"), "{}", ran.errors);
    let unknown = run_with_input(&["replay", "-"], b"who knows \"GET / HTTP/1.1\" 200\n");
    assert_eq!(unknown.code, Some(1));
    assert!(unknown.errors.contains("--log-format"), "{}", unknown.errors);
}
