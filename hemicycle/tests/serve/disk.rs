//! A full disk under everything that the service writes: it goes on finding floods, says so, and needs no restart.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::export::Exporter;
use crate::service::{CONFIG, INSTITUTION, Service, folder, pause};

/// Rounds of a flood.
const MOST: usize = 6000;

/// A small file system in memory, with room for the evidence of some floods.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf, size: &str, test: &str) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at));
        }
        println!("skipped: {test}: not allowed to mount a file system");
        None
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut file = File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Also where the service still has files open on it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Goes on with floods on several hosts, and with a log, until something is so.
fn until(service: &Service, exporter: &mut Exporter, what: &str, is_so: impl Fn(&Service) -> bool) {
    for round in 0..MOST {
        for host in [10, 25, 40, 50, 60, 70] {
            exporter.netflow9([192, 0, 2, host]);
        }
        append(&service.folder.join("access.log"), "a line\n");
        pause();
        if round % 10 == 0 && is_so(service) {
            return;
        }
    }
    panic!("{what}: {}", service.log);
}

#[test]
fn a_full_disk_stops_nothing_and_is_used_again_when_there_is_room() {
    let config = CONFIG.replace("folder = \"state\"", "folder = \"small/state\"");
    let config = format!("{config}[[log]]\npath = \"access.log\"\n");
    let folder = folder("disk", &config, INSTITUTION);
    let Some(disk) = SmallDisk::mount(folder.join("small"), "32m", "a_full_disk_stops_nothing") else {
        return;
    };
    let events = disk.0.join("events.jsonl");
    let output = OpenOptions::new().create(true).append(true).open(&events).unwrap();
    append(&folder.join("access.log"), "");
    let mut service = Service::run(folder.clone(), Stdio::from(output));
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());

    disk.fill();
    let figure = |service: &Service, name: &str| service.figure(name).unwrap();
    until(&service, &mut exporter, "events are dropped", |service| {
        figure(service, "events_dropped_total") >= 2.0 && figure(service, "log_saves_failed_total") >= 1.0
    });
    service.has_said("events cannot be written");
    service.has_said("how far logs were read cannot be saved");
    assert!(figure(&service, "detect_floods_total") >= 6.0, "floods are found all the same");
    assert_eq!(service.get("/healthz").0, 200);

    disk.make_room();
    let (dropped, failed) = (figure(&service, "events_dropped_total"), figure(&service, "events_total"));
    until(&service, &mut exporter, "events are written again", |service| {
        figure(service, "events_total") >= failed + 12.0
            && fs::metadata(folder.join("small/state/logs.json")).is_ok_and(|data| data.len() > 2)
    });
    service.has_said("events are written again");
    service.has_said("how far logs were read is saved again");
    assert!(figure(&service, "events_dropped_total") <= dropped + 12.0, "no more of them are dropped");
    assert_eq!(service.stop("TERM").0.code(), Some(0));
    let text = fs::read_to_string(&events).unwrap();
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    assert_eq!(lines.last().unwrap()["kind"], "summary");
    assert!(lines.iter().filter(|line| line["phase"] == "end").count() >= 6, "{text}");
}

#[test]
fn a_disk_that_is_full_at_the_start_is_used_once_there_is_room() {
    let test = "a_disk_that_is_full_at_the_start_is_used_once_there_is_room";
    let folder = folder("disk_at_start", "", INSTITUTION);
    let place = format!("folder = \"small/state\"\nkey_file = {:?}", folder.join("key"));
    let config = CONFIG.replace("folder = \"state\"", &place);
    fs::write(folder.join("serve.toml"), format!("{config}[console]\nlisten = [\"127.0.0.1:0\"]\n")).unwrap();
    let Some(disk) = SmallDisk::mount(folder.join("small"), "32m", test) else { return };
    disk.fill();
    let mut service = Service::run(folder.clone(), Stdio::null());
    service.has_said("nothing is recorded until the disk takes it");
    service.has_said("there is no console until the disk takes something");
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());
    append(&folder.join("access.log"), "");
    until(&service, &mut exporter, "floods are found", |service| {
        service.figure("detect_floods_total").unwrap() >= 6.0
    });
    assert_eq!(service.figure("record_writing"), Some(0.0), "the alarm stands");
    disk.make_room();
    service.hears("the record is written again");
    service.hears("console on https://");
    service.reaches("record_writing", 1.0);
    assert!(service.stop("TERM").0.success());
    let ledger = |what: &str| {
        let mut command = Command::new(crate::service::PROGRAM);
        command.args(["ledger", what]).arg(folder.join("small/state/record"));
        command.arg("--key-file").arg(folder.join("key")).output().unwrap()
    };
    assert!(ledger("verify").status.success());
    let exported = String::from_utf8(ledger("export").stdout).unwrap();
    for kind in ["started", "observed", "lost", "stopped"] {
        assert!(exported.contains(&format!("\"kind\":\"{kind}\"")), "{kind}: {exported}");
    }
}
