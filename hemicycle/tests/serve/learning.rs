//! What was learnt is there after a start, and nothing that is wrong with it stops the service.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::export::{ELEMENTS, Exporter, netflow5, now};
use crate::service::{CONFIG, INSTITUTION, PROGRAM, Service, folder, pause};

const WWW: [u8; 4] = [192, 0, 2, 10];
/// Packets in a record of an ordinary tenth of a second: 1,000 packets a second.
const ORDINARY: u32 = 10;

fn config() -> String {
    CONFIG.replace("enabled = false", "enabled = true")
}

/// Two hours of ordinary traffic that ended a minute ago, as a dump of export datagrams, and a flood in the middle.
fn history(folder: &Path) -> PathBuf {
    let (ends, _) = now();
    let mut bytes = Vec::new();
    let mut sequence = 0;
    for second in 0..7200 {
        let at = (ends - 60 - 7200 + second, 0);
        let packets = if (3000..3030).contains(&second) { 100_000 } else { 10 * ORDINARY };
        let sources: Vec<[u8; 4]> =
            (0..ELEMENTS).map(|number| [20, number as u8, (second % 50) as u8, 9]).collect();
        bytes.extend(netflow5(at, sequence, &sources, WWW, (packets, 1000)));
        sequence += ELEMENTS;
    }
    let path = folder.join("history.nf5");
    fs::write(&path, bytes).unwrap();
    path
}

fn learn(folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["learn", "--institution"]).arg(folder.join("institution.toml"));
    command.arg("--state").arg(folder.join("state")).args(more).arg(history(folder));
    command.stdin(Stdio::null()).output().unwrap()
}

/// Sends ordinary traffic and then ten times as much, until there is an event or it has lasted too long.
fn increase(service: &Service, seconds: u32) -> Option<Value> {
    let mut edge = Exporter::at([127, 0, 0, 1], service.flows());
    for tenth in 0..seconds * 10 {
        edge.ordinary(WWW, if tenth < 20 { ORDINARY } else { 10 * ORDINARY });
        // A tenth of a second altogether.
        for _ in 0..10 {
            if let Some(event) = service.event_soon() {
                return Some(event);
            }
        }
    }
    None
}

#[test]
fn what_files_taught_is_known_at_the_start_and_kept_at_the_stop() {
    let folder = folder("learnt", &config(), INSTITUTION);
    let output = learn(&folder, &["--json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |name: &str| lines.iter().find(|line| line["target"]["name"] == name).unwrap();
    for name in ["192.0.2.10", "192.0.2.0/25"] {
        let rate = of(name)["ordinary_packets_per_second"].as_f64().unwrap();
        assert!((900.0..1_100.0).contains(&rate), "{name} has {rate}: floods are not learnt");
        assert!(of(name)["hours_of_week_known"].as_u64() >= Some(1));
    }
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["targets_learnt"], &summary["floods_left_out"]),
        (&2.into(), &1.into()),
        "{summary}"
    );

    let mut service = Service::run(folder.clone(), Stdio::piped());
    assert!(service.log.contains("recalled what is ordinary for 2 targets, learnt until"), "{}", service.log);
    assert_eq!(service.figure("learnt_targets_recalled"), Some(2.0));
    let age = service.figure("learnt_recalled_age_seconds").unwrap();
    assert!((60.0..600.0).contains(&age), "{age}");
    let flood = increase(&service, 10).expect("more than is ordinary, a few seconds after the start");
    assert_eq!((&flood["phase"], &flood["target"]["name"]), (&"start".into(), &"www".into()), "{flood}");
    let known = flood["baseline_packets_per_second"].as_f64().unwrap();
    assert!((800.0..1_300.0).contains(&known), "{flood}");
    assert!(service.runs());
    assert_eq!(service.stop("TERM").0.code(), Some(0));

    // The prefix and the address are known after another start too.
    let again = Service::run(folder, Stdio::piped());
    assert!(again.log.contains("recalled what is ordinary for 2 targets"), "{}", again.log);
    assert!(again.figure("learnt_recalled_age_seconds") < Some(age));
}

#[test]
fn without_a_history_the_same_is_learnt_first() {
    let service = Service::start("unlearnt", &config());
    assert!(service.log.contains("nothing is learnt yet"), "{}", service.log);
    let event = increase(&service, 5);
    assert!(event.is_none(), "nobody knows that this is not ordinary: {event:?}");
}

#[test]
fn a_broken_state_file_is_said_set_aside_and_stops_nothing() {
    let folder = folder("broken_state", &config(), INSTITUTION);
    let state = folder.join("state");
    let file = state.join("baselines.json.gz");
    assert_eq!(learn(&folder, &["--quiet"]).status.code(), Some(0));
    let good = fs::read(&file).unwrap();
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    let refused = learn(&folder, &[]);
    assert_eq!(refused.status.code(), Some(1), "a person is there to decide");
    assert!(String::from_utf8(refused.stderr).unwrap().contains("remove it, or name another folder"));

    let service = Service::run(folder.clone(), Stdio::piped());
    assert!(service.log.contains("baselines.json.gz is refused: it is damaged"), "{}", service.log);
    assert!(service.log.contains("is learnt anew"), "{}", service.log);
    assert_eq!(service.get("/healthz").0, 200);
    assert_eq!(service.figure("learnt_targets_recalled"), Some(0.0));
    assert_eq!(service.stop("TERM").0.code(), Some(0));
    let aside = fs::read(state.join("baselines.json.gz.refused")).unwrap();
    assert_eq!(aside, good[..good.len() / 2], "nothing is thrown away");
    let again = Service::run(folder, Stdio::piped());
    assert!(!again.log.contains("refused"), "{}", again.log);
}

#[test]
fn a_state_that_cannot_be_written_is_said() {
    let folder = folder("unwritten", &config(), INSTITUTION);
    assert_eq!(learn(&folder, &["--quiet"]).status.code(), Some(0));
    let mut service = Service::run(folder.clone(), Stdio::piped());
    let before = fs::read(folder.join("state").join("baselines.json.gz")).unwrap();
    // Where the unfinished file would be, something else is in the way.
    let name = format!("baselines.json.gz.new-{}", service.id());
    fs::create_dir(folder.join("state").join(name)).unwrap();
    service.signal("TERM");
    service.hears("what was learnt is not saved");
    pause();
    assert_eq!(fs::read(folder.join("state").join("baselines.json.gz")).unwrap(), before);
}
