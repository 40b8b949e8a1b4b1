//! Indicators of the store against logs and flow records of a running service.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::export::{netflow5, now};
use crate::service::{CONFIG, INSTITUTION, PROGRAM, Service, folder};

const MOST: usize = 3000;

/// Takes a file up into the store of a folder, as people do.
pub(crate) fn import(folder: &Path, name: &str, text: &str, more: &[&str]) {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    let store = folder.join("store");
    let output = Command::new(PROGRAM)
        .args(["foresee", "import", "--store"])
        .arg(store)
        .args(more)
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn table(rows: &[&str]) -> String {
    format!("value,type,tlp,confidence,first,until,source\n{}\n", rows.join("\n"))
}

/// RFC 3339 of so many days ago.
fn days_ago(days: u32) -> String {
    let seconds = i64::from(now().0) - i64::from(days) * 86_400;
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

/// A line in the combined format, of now.
fn request(client: &str, referrer: &str) -> String {
    let now = jiff::Timestamp::from_second(now().0.into()).unwrap();
    let time = now.strftime("%d/%b/%Y:%H:%M:%S +0000");
    format!("{client} - - [{time}] \"GET / HTTP/1.1\" 200 512 \"{referrer}\" \"Mozilla/5.0\"\n")
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// The next sign.
fn sign(service: &Service) -> Value {
    (0..MOST).find_map(|_| service.event_soon().filter(|event| event["kind"] == "sign")).unwrap()
}

#[test]
fn what_is_known_and_passes_by_is_told_once_and_as_its_marking_and_the_law_allow() {
    let config = format!(
        "{CONFIG}[[log]]\npath = \"access.log\"\nservice = \"www\"\nformat = \"combined\"\nfrom = \"beginning\"\n[foresee]\nstore = \"store\"\n"
    );
    let folder = folder("indicators", &config, INSTITUTION);
    let path = folder.join("access.log");
    append(&path, &request("203.0.113.7", "-"));
    let service = Service::run(folder.clone(), Stdio::piped());
    service.reaches("indicators_loads_total", 1.0);
    let (fresh, old) = (days_ago(1), days_ago(400));
    import(
        &folder,
        "feed.csv",
        &table(&[
            &format!("203.0.113.7,address,TLP:GREEN,90,{fresh},,CSIRT feed"),
            &format!("evil.example,domain,TLP:AMBER+STRICT,80,{fresh},,partner"),
            &format!("198.51.100.9,address,TLP:CLEAR,90,{old},,expired"),
            &format!("192.0.2.10,address,TLP:CLEAR,90,{fresh},,our own"),
        ]),
        &[],
    );
    // The store is read again without a restart.
    service.reaches("indicators", 4.0);
    service.reaches("indicators_expired", 1.0);
    service.reaches("indicators_warned", 1.0);
    // Whoever reads the log hears within a tick that there is something to look for.
    let seen = (0..MOST).find_map(|_| {
        append(&path, &request("198.51.100.9", "-"));
        append(&path, &request("203.0.113.99", "https://a.evil.example/erika?y=1"));
        service.event_soon()
    });
    let seen = seen.unwrap();
    assert_eq!((&seen["name"], &seen["attack_technique"]), (&"indicator_matched".into(), &Value::Null));
    let detail = &seen["detail"];
    assert_eq!(
        (&detail["seen_in"], &detail["indicator"]["value"]),
        (&"log_referrer".into(), &"evil.example".into())
    );
    assert_eq!(detail["indicator"]["tlp"], "TLP:AMBER+STRICT");
    assert_eq!(detail["indicator"]["source"], "partner");
    assert_eq!(seen["target"], "a.evil.example", "no path, which may be about a person");
    assert!(!seen.to_string().contains("erika"), "{seen}");
    assert_eq!(seen["source"], "203.0.113.0/24", "persons are shown as networks");
    append(&path, &request("203.0.113.7", "-"));
    let seen = sign(&service);
    assert_eq!(
        (&seen["detail"]["seen_in"], &seen["source"]),
        (&"log_client".into(), &"203.0.113.0/24".into())
    );
    assert!(!seen.to_string().contains("203.0.113.7"), "{seen}");
    // What is worth nothing any more was met, and is not told; what was told is not told again.
    service.reaches("signs_total", 2.0);
    assert!(service.figure("indicators_matches_expired_total").unwrap() >= 1.0);
    let (_, lines) = service.stop("TERM");
    assert!(lines.iter().all(|line| line["kind"] != "sign"), "{lines:?}");
    assert_eq!(lines.last().unwrap()["kind"], "summary");
}

#[test]
fn flow_records_are_looked_at_both_ways_and_persons_are_named_for_a_purpose_alone() {
    let config = format!(
        "{CONFIG}[events]\nshow_addresses = \"a test\"\n[foresee]\nstore = \"store\"\nwarning_lists = [\"cdn.json\"]\n"
    );
    let folder = folder("indicators_flows", &config, INSTITUTION);
    fs::write(folder.join("cdn.json"), r#"{"name":"cdn","list":["198.51.100.0/24"]}"#).unwrap();
    let fresh = days_ago(2);
    import(
        &folder,
        "feed.csv",
        &table(&[
            &format!("203.0.113.0/28,network,TLP:CLEAR,90,{fresh},,scanners"),
            &format!("198.51.100.7,address,TLP:CLEAR,90,{fresh},,wrong about a CDN"),
        ]),
        &[],
    );
    let mut service = Service::run(folder, Stdio::piped());
    service.has_said("looking for 1 of 2 indicators");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut seen = None;
    for sequence in 0..MOST {
        let sources = [[198, 51, 100, 7], [203, 0, 113, 5]];
        let datagram = netflow5(now(), sequence as u32 * 2, &sources, [192, 0, 2, 10], (1, 100));
        socket.send_to(&datagram, service.flows()).unwrap();
        seen = service.event_soon();
        if seen.is_some() {
            break;
        }
    }
    let seen = seen.unwrap();
    assert_eq!(
        (&seen["kind"], &seen["source"], &seen["target"]),
        (&"sign".into(), &"203.0.113.5".into(), &"192.0.2.10".into())
    );
    assert_eq!(seen["detail"]["seen_in"], "flow");
    assert_eq!(seen["detail"]["indicator"]["value"], "203.0.113.0/28");
    // The other way round it is of the same indicator, and a host of ours: told once more, and then not again.
    let mut signs = Vec::new();
    for sequence in 0..50 {
        let datagram = netflow5(now(), 10_000 + sequence, &[[192, 0, 2, 10]], [203, 0, 113, 6], (1, 100));
        socket.send_to(&datagram, service.flows()).unwrap();
        signs.extend(service.event_soon().filter(|event| event["kind"] == "sign"));
    }
    let suppressed =
        (0..MOST).any(|_| service.figure("signs_suppressed_total").is_some_and(|count| count >= 1.0));
    assert!(suppressed, "it was met again");
    signs.extend(service.event_soon().filter(|event| event["kind"] == "sign"));
    assert_eq!(signs.len(), 1, "{signs:?}");
    assert_eq!((&signs[0]["source"], &signs[0]["target"]), (&"192.0.2.10".into(), &"203.0.113.6".into()));
    assert!(service.figure("indicators_looked_total").unwrap() >= 2.0);
    assert_eq!(service.figure("indicators_skipped_total"), Some(0.0));
}
