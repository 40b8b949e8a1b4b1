//! Logs as they should not be: cut, binary, endless, with holes of 100 GB, faster than they can be read, pipes, forbidden.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::service::{CONFIG, INSTITUTION, PROGRAM, Service, command, folder, pause};

const HOLE_BYTES: u64 = 100 << 30;
/// Nobody's number.
const NOBODY: u32 = 65_534;

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// A hole, and nothing behind it.
fn grow(path: &Path, bytes: u64) {
    let file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() + bytes).unwrap();
}

/// Requests in Apache's combined format.
fn requests(count: usize) -> Vec<u8> {
    let line = |number| {
        format!(
            "198.51.100.{} - - [27/Nov/2026:13:52:46 +0000] \"GET /{number} HTTP/1.1\" 200 5 \"-\" \"reader\"\n",
            number % 200
        )
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

/// Anything, the same each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

fn config(more: &str) -> String {
    let config = CONFIG.replace("flows = [\"127.0.0.1:0\"]", "flows = []");
    format!("{config}[[log]]\npath = \"access.log\"\n{more}")
}

fn figure(path: &Path, name: &str) -> String {
    format!("log_{name}{{log=\"{}\"}}", path.display())
}

fn start(test: &str, more: &str) -> (Service, PathBuf) {
    let folder = folder(test, &config(more), INSTITUTION);
    let path = folder.join("access.log");
    append(&path, b"");
    let service = Service::run(folder, Stdio::piped());
    service.reaches(&figure(&path, "open_files"), 1.0);
    (service, path)
}

#[test]
fn a_log_that_is_copied_and_cut_is_read_on() {
    let (service, path) = start("log_cut", "");
    append(&path, &requests(100));
    service.reaches(&figure(&path, "requests_total"), 100.0);
    fs::copy(&path, path.with_extension("log.1")).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(0).unwrap();
    service.reaches(&figure(&path, "truncations_total"), 1.0);
    append(&path, &requests(50));
    service.reaches(&figure(&path, "requests_total"), 150.0);
    // Cut and longer than before at once.
    fs::write(&path, [b"something else\n".to_vec(), requests(400)].concat()).unwrap();
    service.reaches(&figure(&path, "truncations_total"), 2.0);
    service.reaches(&figure(&path, "requests_total"), 550.0);
}

#[test]
fn what_is_no_log_costs_itself_and_lines_are_read_again() {
    let (service, path) = start("log_binary", "");
    append(&path, &requests(100));
    service.reaches(&figure(&path, "requests_total"), 100.0);
    append(&path, &[noise(1 << 20), b"\n".to_vec()].concat());
    let mut lines = 0;
    while service.figure(&figure(&path, "requests_total")) < Some(600.0) {
        append(&path, &requests(500));
        lines += 500;
        assert!(lines < 100_000, "it is never read again");
        pause();
    }
    service.reaches(&figure(&path, "unread_bytes"), 0.0);
    assert_eq!(service.get("/healthz").0, 200);
    let (status, _) = service.stop("TERM");
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_hole_of_a_hundred_gigabytes_and_an_endless_line_are_one_line_each() {
    let (service, path) = start("log_hole", "");
    append(&path, &requests(100));
    service.reaches(&figure(&path, "requests_total"), 100.0);
    grow(&path, HOLE_BYTES);
    append(&path, b"\n");
    append(&path, &requests(50));
    service.reaches(&figure(&path, "requests_total"), 150.0);
    service.reaches(&figure(&path, "skipped_lines_total"), 1.0);
    service.reaches(&figure(&path, "skipped_bytes_total"), HOLE_BYTES as f64 + 1.0);
    let endless = vec![b'x'; 1 << 20];
    (0..64).for_each(|_| append(&path, &endless));
    append(&path, b"\n");
    append(&path, &requests(50));
    service.reaches(&figure(&path, "requests_total"), 200.0);
    service.reaches(&figure(&path, "skipped_lines_total"), 2.0);
    service.reaches(&figure(&path, "unread_bytes"), 0.0);
    let memory = service.figure("process_resident_memory_bytes").unwrap();
    assert!(memory < 256e6, "{memory} bytes");
    // A position behind the hole is kept.
    let folder = service.folder.clone();
    assert_eq!(service.stop("TERM").0.code(), Some(0));
    append(&path, &requests(25));
    let service = Service::run(folder, Stdio::piped());
    service.reaches(&figure(&path, "requests_total"), 25.0);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_log_of_a_hundred_gigabytes_is_followed_from_its_end_at_once() {
    let folder = folder("log_large", &config(""), INSTITUTION);
    let path = folder.join("access.log");
    grow(&path, HOLE_BYTES);
    let service = Service::run(folder, Stdio::piped());
    service.reaches(&figure(&path, "open_files"), 1.0);
    append(&path, b" the rest of a line\n");
    append(&path, &requests(100));
    service.reaches(&figure(&path, "requests_total"), 100.0);
    service.reaches(&figure(&path, "skipped_lines_total"), 1.0);
    service.reaches(&figure(&path, "lines_total"), 100.0);
    fs::remove_file(path).unwrap();
}

#[test]
fn a_log_of_a_hundred_gigabytes_is_replayed_in_little_time_and_memory() {
    let folder = folder("log_large_replay", &config(""), INSTITUTION);
    let path = folder.join("access.log");
    append(&path, &requests(100));
    grow(&path, HOLE_BYTES);
    append(&path, b"\n");
    append(&path, &requests(50));
    let started = Instant::now();
    let output = Command::new(PROGRAM).args(["replay", "--json"]).arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let input = &summary["inputs"][0];
    assert_eq!((&input["records"], &input["skipped"]), (&150.into(), &1.into()), "{summary}");
    assert!(input["bytes"].as_u64().unwrap() > HOLE_BYTES, "{summary}");
    // Reading it takes longer than that.
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    fs::remove_file(path).unwrap();
}

#[test]
fn a_log_that_grows_faster_than_it_is_read_shows_its_backlog_and_loses_nothing() {
    let (service, path) = start("log_fast", "");
    let (piece, pieces) = (requests(10_000), 20);
    (0..pieces).for_each(|_| append(&path, &piece));
    let mut most = 0.0_f64;
    let all = f64::from(10_000 * pieces);
    while service.figure(&figure(&path, "requests_total")) < Some(all) {
        most = most.max(service.figure(&figure(&path, "unread_bytes")).unwrap());
        assert_eq!(service.get("/healthz").0, 200);
    }
    assert!(most > piece.len() as f64, "{most} bytes");
    service.reaches(&figure(&path, "unread_bytes"), 0.0);
    service.reaches(&figure(&path, "lines_total"), all);
}

#[test]
fn a_pipe_in_the_place_of_a_log_is_said_and_a_file_that_comes_is_read() {
    let folder = folder("log_pipe", &config(""), INSTITUTION);
    let path = folder.join("access.log");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut service = Service::run(folder, Stdio::piped());
    service.has_said("access.log cannot be read");
    while service.figure(&figure(&path, "errors_total")) == Some(0.0) {
        pause();
    }
    fs::remove_file(&path).unwrap();
    append(&path, &requests(100));
    service.has_said("access.log is read");
    // Nothing was followed before, so that it is begun at its end.
    append(&path, &requests(10));
    service.reaches(&figure(&path, "open_files"), 1.0);
    append(&path, &requests(70));
    while service.figure(&figure(&path, "requests_total")) < Some(70.0) {
        pause();
    }
}

#[test]
fn a_log_that_may_not_be_read_is_read_once_it_may() {
    const TEST: &str = "a_log_that_may_not_be_read";
    let folder = folder("log_forbidden", &config("from = \"beginning\"\n"), INSTITUTION);
    let path = folder.join("access.log");
    append(&path, &requests(100));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    // Who may read everything cannot be forbidden to.
    if chown(&folder, Some(NOBODY), None).is_err() {
        println!("skipped: {TEST}: not root, which can run the service as somebody else");
        return;
    }
    let mut command = command(&folder, &[]);
    command.uid(NOBODY);
    if let Err(error) = Command::new(PROGRAM).arg("--version").uid(NOBODY).output() {
        println!("skipped: {TEST}: nobody may not run the program here: {error}");
        return;
    }
    let mut service = Service::of(command, folder);
    service.has_said("access.log cannot be read (permission denied); it is tried again");
    assert_eq!(service.get("/healthz").0, 200);
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    service.has_said("access.log is read");
    service.reaches(&figure(&path, "requests_total"), 100.0);
    // Taken away again: the file that is open stays readable, the one that comes after it is not.
    fs::rename(&path, path.with_extension("log.1")).unwrap();
    File::create(&path).unwrap().set_permissions(Permissions::from_mode(0o600)).unwrap();
    append(&path, &requests(10));
    service.hears("access.log cannot be read (permission denied)");
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    service.reaches(&figure(&path, "requests_total"), 110.0);
}
