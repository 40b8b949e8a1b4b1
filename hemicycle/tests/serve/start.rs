//! What the start says, refuses and leaves behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::service::{CONFIG, INSTITUTION, Service, command, folder};

fn run(name: &str, config: &str, institution: &str, more: &[&str]) -> (Output, String) {
    let folder = folder(name, config, institution);
    let output = command(&folder, more).output().unwrap();
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    (output, errors)
}

#[test]
fn the_start_says_what_is_listened_on_and_who_is_believed() {
    let service = Service::start("says", CONFIG);
    for part in [
        "Parliament of Examplia, 1 protected prefixes, 2 services, 0 groups, 2 exporters",
        "1 worker, receive buffer of ",
        "believed: edge (127.0.0.1), core (127.0.0.3)",
        "metrics on http://127.0.0.1:",
    ] {
        assert!(service.log.contains(part), "{part} in {}", service.log);
    }
    let key = service.folder.join("state").join("key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!service.log.contains(fs::read_to_string(&key).unwrap().trim()), "the key is not told");
}

#[test]
fn a_broken_configuration_is_refused_with_line_and_caret() {
    let config = CONFIG.replace("flows", "flow").replace("watch = false", "watch = 1");
    let (output, errors) = run("broken", &config, INSTITUTION, &[]);
    assert_eq!(output.status.code(), Some(1));
    for part in ["serve.toml:3:9", "serve.toml:5:1", "did you mean `flows`", "^^^^", "has 2 problems"] {
        assert!(errors.contains(part), "{part} in {errors}");
    }
    assert!(output.stdout.is_empty());
    let (output, errors) = run("broken_institution", CONFIG, "[institution]\nnam = \"x\"\n", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("institution.toml:2:1"), "{errors}");
}

#[test]
fn what_cannot_be_opened_stops_the_start_and_leaves_nothing() {
    let running = Service::start("first", CONFIG);
    let taken = CONFIG.replace("127.0.0.1:0\"]", &format!("{}\"]", running.flows()));
    let (output, errors) = run("second", &taken, INSTITUTION, &[]);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains(&running.flows().to_string()) && errors.contains("in use"), "{errors}");
    let taken = CONFIG.replace("listen = \"127.0.0.1:0\"", &format!("listen = \"{}\"", running.web()));
    let (output, errors) = run("third", &taken, INSTITUTION, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("cannot serve metrics"), "{errors}");
    for name in ["second", "third"] {
        let folder = running.folder.with_file_name(name);
        assert!(!folder.join("state").exists(), "no key is made for a service that does not start");
    }
}

#[test]
fn a_check_says_what_would_be_done_and_does_nothing() {
    let (output, errors) = run("check", CONFIG, INSTITUTION, &["--check"]);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("would listen on 127.0.0.1:0") && text.contains("to be made"), "{text}");
    let folder = folder("check_again", CONFIG, "");
    assert!(!folder.with_file_name("check").join("state").exists());
    let (output, errors) = run("check_broken", "listen = 7\n", INSTITUTION, &["--check"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("serve.toml:1:10") && errors.contains("^"), "{errors}");
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = folder("key", CONFIG, INSTITUTION);
    fs::create_dir_all(folder.join("state")).unwrap();
    let key = folder.join("state").join("key");
    fs::write(&key, "00112233445566778899aabbccddeeff\n").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let output = command(&folder, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("chmod 600"));
}

#[test]
fn no_configuration_is_wrong_usage() {
    let output = std::process::Command::new(crate::service::PROGRAM).arg("serve").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
