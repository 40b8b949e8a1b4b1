//! The site's own certificate is read again at a reload; a broken one is refused and everybody sees that.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use console::people::Role;

use crate::person::{Person, can_ask};
use crate::service::{CONFIG, INSTITUTION, Service, folder};

/// A certificate and its key, made by openssl. Whether that is there.
fn make(folder: &Path, name: &str) -> bool {
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]);
    command.args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=IP:127.0.0.1"]);
    command.arg("-keyout").arg(folder.join("new.key")).arg("-out").arg(folder.join("new.pem"));
    command.output().is_ok_and(|output| output.status.success())
}

fn take(folder: &Path) {
    for (from, to) in [("new.pem", "console.pem"), ("new.key", "console.key")] {
        fs::copy(folder.join(from), folder.join(to)).unwrap();
    }
}

/// The subject that is shown to somebody who connects.
fn shown(service: &Service) -> String {
    let line = service.log.lines().find(|line| line.contains("console on")).unwrap();
    let address = line[line.find("https://").unwrap() + 8..].trim_end_matches('/').to_owned();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", &address]).stdin(Stdio::null());
    String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
}

#[test]
fn a_reload_takes_another_certificate_and_refuses_a_broken_one() {
    let test = "a_reload_takes_another_certificate_and_refuses_a_broken_one";
    if !can_ask(test) {
        return;
    }
    let config = format!(
        "{CONFIG}[console]\nlisten = [\"127.0.0.1:0\"]\ncertificate = \"console.pem\"\nkey = \"console.key\"\n"
    );
    let folder = folder("certificate", &config, INSTITUTION);
    if !make(&folder, "the-first") {
        println!("skipped: {test}: openssl is not installed");
        return;
    }
    take(&folder);
    let mut service = Service::run(folder.clone(), Stdio::piped());
    let person = Person::of(&service, "ada", Role::Analyst);
    assert!(shown(&service).contains("the-first"));
    assert!(make(&folder, "the-second"));
    take(&folder);
    service.signal("HUP");
    service.hears("the console has another certificate");
    assert!(shown(&service).contains("the-second"), "connections from now on get it");
    // The key of another one.
    assert!(make(&folder, "the-third"));
    fs::copy(folder.join("new.pem"), folder.join("console.pem")).unwrap();
    service.signal("HUP");
    service.hears("certificate is refused, and the one before stays");
    assert!(shown(&service).contains("the-second"), "the one before stays");
    let started = std::time::Instant::now();
    while !person.text("/").contains("new certificate is refused") {
        assert!(started.elapsed().as_secs() < 30, "everybody sees it");
        crate::service::pause();
    }
    assert_eq!(service.figure("certificate_reloads_refused_total"), Some(1.0));
    take(&folder);
    service.signal("HUP");
    service.hears("the console has another certificate");
    assert!(shown(&service).contains("the-third"));
    assert_eq!(service.figure("certificate_reloads_total"), Some(2.0));
    let entries = person.json("/api/v1/entries?kind=configured");
    assert!(entries.to_string().contains("console certificate"), "{entries}");
    assert!(service.stop("TERM").0.success());
}
