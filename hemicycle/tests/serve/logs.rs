//! Log files and syslog come in, are counted, and none is lost or read twice over a restart.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::path::Path;
use std::process::Stdio;

use crate::service::{CONFIG, INSTITUTION, Service, command, folder};

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn figure(path: &Path, name: &str) -> String {
    format!("log_{name}{{log=\"{}\"}}", path.display())
}

#[test]
fn a_log_is_followed_through_a_rotation_and_a_restart() {
    let config = format!("{CONFIG}[[log]]\npath = \"access.log\"\nservice = \"www\"\nfrom = \"beginning\"\n");
    let folder = folder("log", &config, INSTITUTION);
    let path = folder.join("access.log");
    append(&path, "one\ntwo\n");
    let service = Service::run(folder.clone(), Stdio::piped());
    assert!(service.log.contains("access.log: format auto, service www"), "{}", service.log);
    service.reaches(&figure(&path, "lines_total"), 2.0);
    append(&path, "three\n");
    fs::rename(&path, folder.join("access.log.1")).unwrap();
    append(&path, "four\nunfin");
    service.reaches(&figure(&path, "lines_total"), 4.0);
    service.reaches(&figure(&path, "rotations_total"), 1.0);
    assert_eq!(service.stop("TERM").0.code(), Some(0));
    append(&path, "ished\n");
    append(&folder.join("access.log.1"), "late\n");
    let service = Service::run(folder.clone(), Stdio::piped());
    service.reaches(&figure(&path, "lines_total"), 2.0);
    append(&path, "last\n");
    service.reaches(&figure(&path, "lines_total"), 3.0);
    assert_eq!(service.get("/healthz").0, 200);
    let kept = fs::read_to_string(folder.join("state/logs.json")).unwrap();
    assert!(!kept.contains("unfin"), "no line is kept: {kept}");
}

#[test]
fn syslog_of_declared_senders_is_heard_without_any_flows() {
    let config = CONFIG.replace("flows = [\"127.0.0.1:0\"]", "flows = []");
    let syslog = "[syslog]\nlisten_udp = [\"127.0.0.1:0\"]\nlisten_tcp = [\"127.0.0.1:0\"]\nsenders = [\"127.0.0.1\"]\n";
    let service = Service::start("syslog", &format!("{config}{syslog}"));
    let of = |transport: &str| -> std::net::SocketAddr {
        let before = format!("syslog by {transport} on ");
        let line = service.log.lines().find_map(|line| line.split_once(&before)).unwrap().1;
        line.trim().parse().unwrap()
    };
    UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"<13>one", of("UDP")).unwrap();
    UdpSocket::bind("127.0.0.2:0").unwrap().send_to(b"<13>forged", of("UDP")).unwrap();
    let mut stream = TcpStream::connect(of("TCP")).unwrap();
    stream.write_all(b"<13>two\n9 <13>three").unwrap();
    service.reaches("syslog_messages_total", 3.0);
    service.reaches("syslog_undeclared_datagrams_total", 1.0);
    assert_eq!(service.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(service.stop("TERM").0.code(), Some(0));
}

#[test]
fn what_is_wrong_with_a_log_or_syslog_is_said_with_its_place() {
    let broken = "[[log]]\npath = \"/var/*/access.log\"\n[[log]]\nfrom = \"start\"\n[syslog]\nsenders = []\ncertificate = \"x\"\n[[mirror]]\ninterface = \"a\"\nsampling = 0\n[[mirror]]\ninterface = \"a\"\n";
    let folder_ = folder("logs_broken", &format!("{CONFIG}{broken}"), INSTITUTION);
    let output = command(&folder_, &["--check"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    for part in [
        "pattern in its last part",
        "[[log]] lacks the key `path`",
        "unknown word `start`",
        "nobody would be heard",
        "go together",
        "listens nowhere",
        "between 1 and 1000000",
        "mirrored twice",
        "serve.toml:13:8",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    for (format, why) in [
        ("combine", "neither a known name nor a format string"),
        ("$time_local $status$remote_addr", "at byte 19"),
        ("$remote_addr $status", "no field of it is a time"),
    ] {
        let log = format!("{CONFIG}[[log]]\npath = \"a\"\nformat = '{format}'\n");
        let output = command(&folder("logs_format", &log, INSTITUTION), &["--check"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        for part in [why, "serve.toml:14:10", "`vhost_combined`", "^^^"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
    let folder_ =
        folder("logs_service", &format!("{CONFIG}[[log]]\npath = \"a\"\nservice = \"wwww\"\n"), INSTITUTION);
    let output = command(&folder_, &["--check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("has no service `wwww`"));
}
