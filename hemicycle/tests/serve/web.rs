//! Requests in logs, in syslog and on mirrors become floods, the same ones as with `replay`.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp, fmt::strtime, tz::TimeZone};
use serde_json::Value;

use crate::service::{CONFIG, INSTITUTION, PROGRAM, Service, folder};

const BEGIN: &str = "%d/%b/%Y:%H:%M:%S %z";
/// As these logs were written.
const FORMAT: &str = r#"$remote_addr - - [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" msec=$msec host=$host scheme=$scheme"#;
/// Pauses that an event may take.
const MOST: usize = 6000;

/// The recorded log of an attack by requests that no cache answers.
fn recorded() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../data/recorded/web/attacks/http_cache_bypass/hulk_http.log.gz");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// The times of a line, in both places, as if the log had ended at `end`.
fn shifted(text: &str, end: Timestamp) -> String {
    let local = |line: &str| {
        let (before, rest) = line.split_once('[').unwrap();
        let (time, after) = rest.split_once(']').unwrap();
        let (middle, rest) = after.split_once("msec=").unwrap();
        let (msec, last) = rest.split_once(' ').unwrap();
        let time = strtime::parse(BEGIN, time).unwrap().to_timestamp().unwrap();
        let msec = (msec.parse::<f64>().unwrap() * 1000.0).round() as i64;
        (before.to_owned(), time, middle.to_owned(), msec, last.to_owned())
    };
    let ended = text.lines().map(|line| local(line).1).max().unwrap();
    let shift = SignedDuration::from_secs(end.as_second() - ended.as_second());
    let line = |line| {
        let (before, time, middle, msec, last) = local(line);
        let time = (time + shift).to_zoned(TimeZone::UTC).strftime(BEGIN).to_string();
        let msec = msec + i64::try_from(shift.as_millis()).unwrap();
        format!("{before}[{time}]{middle}msec={}.{:03} {last}\n", msec / 1000, msec % 1000)
    };
    text.lines().map(line).collect()
}

/// A single request at a time: whatever went on is over by then, in the time of the log itself.
fn straggler(time: Timestamp) -> String {
    let shown = time.to_zoned(TimeZone::UTC).strftime(BEGIN);
    format!(
        "198.51.100.7 - - [{shown}] \"GET / HTTP/1.1\" 200 5 \"-\" \"late\" msec={}.000 host=www.parliament.example scheme=https\n",
        time.as_second()
    )
}

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(hours)
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn config(more: &str) -> String {
    format!("{}{more}", CONFIG.replace("flows = [\"127.0.0.1:0\"]", "flows = []"))
}

fn institution() -> String {
    INSTITUTION.replace("[service.www]", "[service.www]\nnames = [\"www.parliament.example\"]")
}

/// The key of the service, which is not the published one.
pub(crate) fn key(folder: &Path) {
    fs::create_dir(folder.join("state")).unwrap();
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(folder.join("state/key")).unwrap();
    file.write_all(b"00112233445566778899aabbccddeeff\n").unwrap();
}

/// What a replay of a log prints under the key of a service, without the summary.
fn replayed(folder: &Path, log: &str, more: &[&str]) -> Vec<String> {
    let mut command = Command::new(PROGRAM);
    command.args(["replay", "--json", "--institution"]).arg(folder.join("institution.toml"));
    command.arg("--key-file").arg(folder.join("state/key")).args(more).arg(folder.join(log));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut lines: Vec<String> =
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(lines.pop().unwrap().contains("\"summary\""));
    assert!(lines.iter().any(|line| line.contains("\"http_cache_bypass\"")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("\"end\"")), "{lines:?}");
    lines
}

fn event(service: &Service, phase: &str) -> Value {
    (0..MOST)
        .find_map(|_| {
            service.event_soon().filter(|event| event["phase"] == phase && event["kind"] == "flood")
        })
        .unwrap_or_else(|| panic!("no {phase}"))
}

fn figure(path: &Path, name: &str) -> String {
    format!("log_{name}{{log=\"{}\"}}", path.display())
}

#[test]
fn a_flood_in_a_followed_log_starts_over_a_rotation_and_the_clock_ends_it() {
    let log = "[[log]]\npath = \"access.log\"\nservice = \"www\"\n";
    let folder = folder("web_log", &config(log), INSTITUTION);
    let path = folder.join("access.log");
    append(&path, "");
    let service = Service::run(folder.clone(), Stdio::piped());
    service.reaches(&figure(&path, "open_files"), 1.0);
    // The last line is a minute old, so that once lines stop, silence of fifty seconds is told at once.
    let text = shifted(&recorded(), Timestamp::now() - SignedDuration::from_secs(60));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    append(&path, &first.concat());
    fs::rename(&path, folder.join("access.log.1")).unwrap();
    append(&path, &second.concat());
    service.reaches(&figure(&path, "requests_total"), lines.len() as f64);
    let start = event(&service, "start");
    assert_eq!(start["target"]["name"], "www", "{start}");
    let names = start["vectors"].to_string();
    assert!(names.contains("http_cache_bypass") || names.contains("http_flood"), "{start}");
    let end = event(&service, "end");
    assert_eq!(end["id"], start["id"]);
    assert_ne!(end["evidence"]["ended_by"], "end_of_input", "{end}");
    service.reaches("web_floods_total", 1.0);
    service.reaches("web_floods_running", 0.0);
    service.reaches("web_requests_total", lines.len() as f64);
    service.reaches("web_late_total", 0.0);
    let (_, lines_left) = service.stop("TERM");
    let summary = lines_left.last().unwrap();
    assert_eq!((&summary["floods"], &summary["web"]["floods"]), (&1.into(), &1.into()));
    assert_eq!(summary["requests"], lines.len());
    assert_eq!(summary["inputs"].as_array().unwrap().last().unwrap()["records"], lines.len());
}

#[test]
fn a_log_gives_the_same_bytes_live_as_replayed() {
    let log = "[[log]]\npath = \"access.log\"\nfrom = \"beginning\"\n";
    let folder = folder("web_same", &config(log), &institution());
    key(&folder);
    let path = folder.join("access.log");
    let mut text = shifted(&recorded(), hours_ago(2));
    text.push_str(&straggler(hours_ago(1)));
    append(&path, &text);
    let expected = replayed(&folder, "access.log", &[]);
    let service = Service::run(folder, Stdio::piped());
    service.reaches(&figure(&path, "requests_total"), text.lines().count() as f64);
    let (status, mut lines) = service.stop_with_text("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(lines.pop().unwrap().contains("\"summary\""));
    assert_eq!(lines, expected);
}

#[test]
fn syslog_gives_the_same_bytes_as_a_replay_of_the_lines() {
    let syslog =
        format!("[syslog]\nlisten_tcp = [\"127.0.0.1:0\"]\nsenders = [\"127.0.0.1\"]\nformat = '{FORMAT}'\n");
    let folder = folder("web_syslog", &config(&syslog), &institution());
    key(&folder);
    let mut text = shifted(&recorded(), hours_ago(2));
    text.push_str(&straggler(hours_ago(1)));
    append(&folder.join("access.log"), &text);
    let expected = replayed(&folder, "access.log", &["--log-format", FORMAT]);
    assert!(expected.iter().all(|line| line.contains("\"name\":\"www\"")), "{expected:?}");
    let service = Service::run(folder, Stdio::piped());
    let address = service.log.lines().find_map(|line| line.split_once("syslog by TCP on ")).unwrap().1;
    let mut stream = TcpStream::connect(address.trim().parse::<SocketAddr>().unwrap()).unwrap();
    for line in text.lines() {
        stream.write_all(format!("<190>Nov 27 14:00:00 web-1 nginx: {line}\n").as_bytes()).unwrap();
    }
    // A line about something else costs itself.
    stream.write_all(b"<190>Nov 27 14:00:00 web-1 nginx: started\n").unwrap();
    service.reaches("syslog_requests_total", text.lines().count() as f64);
    service.reaches("syslog_unread_lines_total{reason=\"lines_of_another_format\"}", 1.0);
    let (status, mut lines) = service.stop_with_text("TERM");
    assert_eq!(status.code(), Some(0));
    assert!(lines.pop().unwrap().contains("\"summary\""));
    assert_eq!(lines, expected);
}

#[test]
fn a_flood_goes_on_over_a_reload_that_brings_other_services() {
    let log = format!("[[log]]\npath = \"access.log\"\nformat = '{FORMAT}'\n");
    let folder = folder("web_reload", &config(&log), &institution());
    let path = folder.join("access.log");
    append(&path, "");
    let service = Service::run(folder.clone(), Stdio::piped());
    service.reaches(&figure(&path, "open_files"), 1.0);
    let text = shifted(&recorded(), hours_ago(1));
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let (first, second) = lines.split_at(lines.len() / 2);
    append(&path, &first.concat());
    let start = event(&service, "start");
    assert_eq!(start["target"]["name"], "www", "{start}");
    let services = service.figure("web_services").unwrap();
    let more = "[service.news]\nzone = \"public\"\naddresses = [\"192.0.2.11\"]\nnames = [\"news.parliament.example\"]\n[proxies]\ntrusted = [\"198.51.100.64/26\"]\n";
    fs::write(folder.join("institution.toml"), format!("{}{more}", institution())).unwrap();
    service.signal("HUP");
    service.reaches("web_services", services + 1.0);
    service.reaches("web_floods_running", 1.0);
    append(&path, &second.concat());
    append(&path, &straggler(hours_ago(0) - SignedDuration::from_mins(1)).replace("www.", "news."));
    let end = event(&service, "end");
    assert_eq!((&end["id"], &end["target"]["name"]), (&start["id"], &"www".into()));
    service.reaches("web_requests_refused_total", 0.0);
}
