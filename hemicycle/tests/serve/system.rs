//! What the system around it sees: systemd's notices, and the user that the service becomes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use crate::service::{CONFIG, INSTITUTION, Service, folder, pause};

/// What was said to systemd, one notice at a time, until one has this in it.
fn heard(socket: &UnixDatagram, what: &str) -> String {
    let mut bytes = [0; 4096];
    loop {
        let length = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("{what} was not said: {error}"));
        let notice = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if notice.contains(what) {
            return notice;
        }
    }
}

#[test]
fn systemd_hears_of_the_start_of_signs_of_life_of_a_reload_and_of_the_end() {
    let folder = folder("notices", CONFIG, INSTITUTION);
    // Names of sockets are short.
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "2000000")];
    let service = Service::run_with(folder, Stdio::piped(), &variables);
    assert!(heard(&socket, "READY=1").contains("STATUS=Parliament of Examplia, "));
    heard(&socket, "WATCHDOG=1");
    service.signal("HUP");
    assert!(heard(&socket, "RELOADING=1").contains("MONOTONIC_USEC="));
    heard(&socket, "READY=1");
    let (status, _) = service.stop("TERM");
    assert!(status.success());
    heard(&socket, "STOPPING=1");
}

#[test]
fn a_start_as_root_becomes_the_user_for_good_and_what_is_kept_is_theirs() {
    let test = "a_start_as_root_becomes_the_user_for_good_and_what_is_kept_is_theirs";
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        println!("skipped: {test}: it needs root");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(place.path().join("institution.toml"), INSTITUTION).unwrap();
    fs::write(place.path().join("serve.toml"), format!("{CONFIG}[service]\nuser = \"nobody\"\n")).unwrap();
    let mut service = Service::run(place.path().to_owned(), Stdio::piped());
    assert!(service.log.contains("running as nobody"), "{}", service.log);
    let process = fs::read_to_string(format!("/proc/{}/status", service.id())).unwrap();
    let line = |name: &str| process.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    let nobody = fs::metadata(place.path().join("state/key")).unwrap().uid();
    assert_ne!(nobody, 0, "the key is root's");
    // Real, effective, saved and file system.
    assert_eq!(line("Uid:").split_whitespace().skip(1).collect::<Vec<_>>(), vec![nobody.to_string(); 4]);
    for set in ["CapInh:", "CapPrm:", "CapEff:"] {
        let bits = line(set);
        assert!(bits.trim_end().ends_with("\t0000000000000000"), "{bits}");
    }
    // Threads are users of their own to the kernel.
    for thread in fs::read_dir(format!("/proc/{}/task", service.id())).unwrap() {
        assert_eq!(thread.unwrap().metadata().unwrap().uid(), nobody);
    }
    pause();
    assert!(service.runs());
    service.stop("TERM");
}

#[test]
fn a_state_folder_of_somebody_else_stops_the_start() {
    let test = "a_state_folder_of_somebody_else_stops_the_start";
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        println!("skipped: {test}: it needs root");
        return;
    }
    let folder = folder("foreign_state", &format!("{CONFIG}[service]\nuser = \"nobody\"\n"), INSTITUTION);
    fs::create_dir(folder.join("state")).unwrap();
    let output = crate::service::command(&folder, &[]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("chown -R nobody"), "{errors}");
}
