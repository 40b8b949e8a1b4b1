//! Exit codes, help, and what is not an error.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::support::{Capture, PROGRAM, file, repository, run};

#[test]
fn wrong_usage_exits_2() {
    let wrong: [&[&str]; 9] = [
        &[],
        &["replay"],
        &["replay", "--no-such-option", "x"],
        &["replay", "--speed", "0", "x"],
        &["replay", "--speed", "fast", "x"],
        &["replay", "--flow-port", "70000", "x"],
        &["replay", "--show-addresses", " ", "x"],
        &["check"],
        &["generate", "completions", "no-shell"],
    ];
    for arguments in wrong {
        let ran = run(arguments);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {}", ran.errors);
        assert!(ran.output.is_empty() && !ran.errors.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_is_not_built_yet_is_not_offered() {
    for command in ["explain", "names", "defend", "report"] {
        assert_eq!(run(&[command]).code, Some(2), "{command}");
        assert!(!run(&["--help"]).output.contains(&format!("  {command} ")), "{command}");
    }
}

#[test]
fn unusable_inputs_exit_1_and_name_the_file_and_the_cause() {
    let text = file("usage_text.pcap", b"just a line\n");
    let empty = file("usage_empty.pcap", b"");
    let cases = [
        ("/no/such/file.pcap", "No such file"),
        ("/", "directory"),
        (text.to_str().unwrap(), "text"),
        (empty.to_str().unwrap(), "empty"),
    ];
    for (path, cause) in cases {
        let ran = run(&["replay", path]);
        assert_eq!(ran.code, Some(1), "{path}");
        assert!(ran.errors.starts_with("error: "), "{}", ran.errors);
        assert!(ran.errors.contains(path) && ran.errors.contains(cause), "{}", ran.errors);
        assert!(ran.output.is_empty(), "{}", ran.output);
    }
}

#[test]
fn an_unusable_institution_file_exits_1_before_anything_is_read() {
    let broken = file("usage_broken.toml", b"[institution]\nname = 7\n");
    let ran = run(&["replay", "--institution", broken.to_str().unwrap(), "-"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.errors.contains("usage_broken.toml") && ran.errors.contains('^'), "{}", ran.errors);
}

#[test]
fn nothing_found_exits_0_and_says_so() {
    let mut capture = Capture::new();
    capture.syn_flood(0, 1, 3);
    let path = file("usage_quiet.pcap", &capture.0);
    let ran = run(&[path.as_os_str()]);
    assert_eq!(ran.code, Some(2), "a file is no command");
    let ran = run(&["replay".as_ref(), path.as_os_str()]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    assert!(ran.output.contains("No floods."), "{}", ran.output);
    assert!(ran.errors.is_empty(), "progress is for terminals only: {}", ran.errors);
}

#[test]
fn help_has_examples_and_exit_codes() {
    assert!(run(&["--help"]).output.contains("Exit codes:"));
    for command in ["check", "replay"] {
        let ran = run(&[command, "--help"]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.output.contains("Examples:"), "{command}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let flood = file("usage_pipe.pcap", &{
        let mut capture = Capture::new();
        capture.syn_flood(0, 60, 1000);
        capture.0
    });
    let mut child = Command::new(PROGRAM)
        .args(["replay".as_ref(), "--json".as_ref(), flood.as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("\"start\""), "{line}");
    let mut errors = String::new();
    child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(errors.is_empty(), "{errors}");
}

#[test]
fn colour_is_used_only_when_wanted() {
    let example = repository("data/recorded/attacks/syn_flood/pulse_wave.pcap.gz");
    let with = |when: &str| run(&["replay".as_ref(), "--color".as_ref(), when.as_ref(), example.as_os_str()]);
    assert!(with("always").output.contains('\x1b'));
    assert!(!with("auto").output.contains('\x1b'), "this is no terminal");
    assert!(!with("never").output.contains('\x1b'));
}

#[test]
fn man_pages_and_completions_are_written() {
    for command in ["check", "replay", "demo"] {
        let page = run(&["generate", "man", command]).output;
        assert!(page.contains(&format!("hemicycle\\-{command}")), "{page}");
    }
    assert!(run(&["generate", "man"]).output.contains(".SH SYNOPSIS"));
    for shell in ["bash", "fish", "zsh"] {
        assert!(run(&["generate", "completions", shell]).output.contains("institution"), "{shell}");
    }
    assert_eq!(run(&["generate", "man", "no-such"]).code, Some(1));
}
