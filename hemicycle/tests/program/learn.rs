//! `learn` for people, and what `replay` makes of it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use detect::web::WebDetector;
use hemicycle::web_baselines::WebState;
use jiff::{Timestamp, tz::TimeZone};
use wire::Time;
use wire::web::{Client, Method, Request};

use crate::support::{BEGIN, Ran, file, run};

const INSTITUTION: &str = "[institution]\nname = \"Test\"\ntime_zone = \"Europe/Brussels\"\n\
                           [zone.public]\nprefixes = [\"192.0.2.0/25\"]\nexposure = \"internet\"\n";

/// NetFlow v5: so many packets a second of connections to 192.0.2.10, ten records a second.
fn exports(name: &str, from_second: u64, seconds: u64, packets_per_second: impl Fn(u64) -> u32) -> PathBuf {
    let mut bytes = Vec::new();
    for second in from_second..from_second + seconds {
        bytes.extend([0, 5, 0, 10]);
        let uptime = 10_000_000_u32;
        let words = [uptime, (BEGIN + second) as u32, 0, second as u32 * 10, 0];
        bytes.extend(words.map(u32::to_be_bytes).concat());
        for number in 0..10 {
            bytes.extend([20, number, (second % 50) as u8, 9, 192, 0, 2, 10, 0, 0, 0, 0, 0, 3, 0, 9]);
            let packets = packets_per_second(second - from_second) / 10;
            bytes.extend([packets, packets * 500, uptime - 1000, uptime].map(u32::to_be_bytes).concat());
            bytes.extend([0x9c, 0x40 + number, 1, 187, 0, 0x18, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
    }
    file(name, &bytes)
}

fn state(name: &str) -> String {
    let folder = file(&format!("{name}.txt"), b"").with_file_name(name);
    let _ = fs::remove_dir_all(&folder);
    folder.to_str().unwrap().to_owned()
}

fn learn(state: &str, files: &[&PathBuf], more: &[&str]) -> Ran {
    let institution = file("learn.toml", INSTITUTION.as_bytes());
    let mut arguments = vec!["learn", "--institution", institution.to_str().unwrap(), "--state", state];
    arguments.extend(more);
    arguments.extend(files.iter().map(|path| path.to_str().unwrap()));
    run(&arguments)
}

#[test]
fn a_table_says_what_was_learnt_and_replay_judges_by_it() {
    let state = state("learn_state");
    let day = exports("learn_day.nf5", 0, 3900, |_| 2_000);
    let ran = learn(&state, &[&day], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    for part in [
        "192.0.2.10    address     2.00 k",
        "192.0.2.0/25  prefix      2.00 k",
        "2 targets learnt (0 known before)",
    ] {
        assert!(ran.output.contains(part), "{part} in {}", ran.output);
    }
    assert!(!ran.output.contains("left out of what was learnt"), "{}", ran.output);

    // Five minutes later, ten seconds of the same and then six times as much.
    let later = exports("learn_later.nf5", 4200, 20, |second| if second < 10 { 2_000 } else { 12_000 });
    let institution = file("learn_replay.toml", INSTITUTION.as_bytes());
    let [institution, later] = [&institution, &later].map(|path| path.to_str().unwrap());
    let arguments = ["replay", "--json", "--institution", institution, later, "--baselines", &state];
    let told = |ran: &Ran| {
        assert_eq!((ran.code, ran.starts().len()), (Some(0), 1), "{}", ran.errors);
        ran.lines()[0]["time"].as_str().unwrap()[11..19].to_owned()
    };
    assert_eq!(told(&run(&arguments[..5])), "13:10:00", "floors alone take one-way traffic for a flood");
    let with = run(&arguments);
    assert_eq!(told(&with), "13:10:10", "{}", with.output);
    let known = with.lines()[0]["baseline_packets_per_second"].as_f64().unwrap();
    assert!((1_800.0..2_200.0).contains(&known), "{known}");
}

#[test]
fn the_order_of_learning_does_not_change_what_is_ordinary_now() {
    let hours = |name, from, rate| exports(name, from, 2 * 3600, move |_| rate);
    let (early, late) = (hours("learn_early.nf5", 0, 500), hours("learn_late.nf5", 7200, 510));
    for (name, order) in [("learn_forward", [&early, &late]), ("learn_backward", [&late, &early])] {
        let state = state(name);
        let first = learn(&state, &order[..1], &["--json"]).summary();
        assert_eq!((&first["targets_learnt"], &first["targets_recalled"]), (&2.into(), &0.into()));
        let ran = learn(&state, &order[1..], &["--json"]);
        let line = &ran.lines()[0];
        let rate = line["ordinary_packets_per_second"].as_f64().unwrap();
        assert!((500.0..515.0).contains(&rate), "{name}: {line}");
        assert!(line["hours_of_week_known"].as_u64() >= Some(2), "{name}: {line}");
        assert!(line["time"].as_str().unwrap().starts_with("2026-11-22T15:59:5"), "{name}: {line}");
    }
}

#[test]
fn too_little_teaches_nothing_and_wrong_files_are_named() {
    let state = state("learn_little");
    let ran = learn(&state, &[&exports("learn_little.nf5", 0, 20, |_| 1_000)], &[]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    assert!(ran.output.contains("Nothing was learnt"), "{}", ran.output);
    assert!(!PathBuf::from(&state).exists(), "and nothing is written");
    let missing = learn(&state, &[&PathBuf::from("/nowhere.pcap")], &[]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.errors.contains("cannot learn") && missing.errors.contains("/nowhere.pcap"));
    assert_eq!(run(&["learn", "x.pcap"]).code, Some(2));
    let replay = run(&["replay", "x.pcap", "--baselines", &state]);
    assert_eq!(replay.code, Some(2), "what is protected has to be said: {}", replay.errors);
}

/// One reader of a page with what belongs to it in each second, and pages of others: client, target, referrer.
fn visits(second: i64, others: u8) -> Vec<(Ipv4Addr, &'static str, &'static str)> {
    let reader = Ipv4Addr::new(20, 0, (second / 500 % 250) as u8, (second / 2 % 250) as u8);
    let page = [(reader, "/agenda", "https://www.example/")];
    let assets = [(reader, "/a.css", "https://www.example/agenda"); 4];
    let others = (0..others).map(|other| (Ipv4Addr::new(20, 0, 251, other), "/agenda", "-"));
    page.into_iter().chain(assets).chain(others).collect()
}

/// What a service would have kept after an hour of readers of the service with this name.
fn keep_web(folder: &Path, service: &str, begin: i64) {
    let mut web = WebDetector::new([5; 16]);
    let number = web.service(service, &[]).unwrap();
    for second in 0..4_000 {
        for (client, target, referrer) in visits(second, 0) {
            let client = Client::Address(std::net::IpAddr::from(client).into());
            let (time, target, referrer) =
                (Time::from_seconds(begin + second, 0), target.as_bytes(), referrer.as_bytes());
            let method = Method::Get;
            web.observe(number, &Request { time, client, method, target, referrer, ..Request::default() });
        }
    }
    let (mut state, until) = (WebState::default(), Timestamp::from_second(begin + 4_000).unwrap());
    state.renew(web.learnt().collect(), until, Timestamp::UNIX_EPOCH);
    assert_eq!(state.entries.len(), 1);
    fs::write(folder.join("web-baselines.json.gz"), state.write(Vec::new(), until).unwrap()).unwrap();
}

#[test]
fn replay_judges_requests_by_what_a_service_kept_too() {
    let (begin, folder) = (BEGIN as i64, PathBuf::from(state("learn_web_state")));
    fs::create_dir_all(&folder).unwrap();
    let nothing = hemicycle::baselines::write(Vec::new(), std::iter::empty(), Timestamp::UNIX_EPOCH).unwrap();
    fs::write(folder.join("baselines.json.gz"), nothing).unwrap();
    let mut text = String::new();
    for second in 4_060..4_135 {
        let time = Timestamp::from_second(begin + second).unwrap().to_zoned(TimeZone::UTC);
        let time = time.strftime("%d/%b/%Y:%H:%M:%S %z");
        for (client, target, referrer) in visits(second, if second < 4_120 { 0 } else { 20 }) {
            text.push_str(&format!(
                "{client} - - [{time}] \"GET {target} HTTP/1.1\" 200 500 \"{referrer}\" \"Mozilla/5.0\"\n"
            ));
        }
    }
    let log = file("learn_web.log", text.as_bytes());
    let institution = file("learn_web.toml", INSTITUTION.as_bytes());
    let [log, institution, known] = [&log, &institution, &folder].map(|path| path.to_str().unwrap());
    let arguments = ["replay", "--json", "--institution", institution, log, "--baselines", known];
    let without = run(&arguments);
    assert_eq!((without.code, without.starts().len()), (Some(0), 0), "{}", without.output);
    keep_web(&folder, "learn_web.log", begin);
    let with = run(&arguments);
    assert_eq!((with.code, with.starts().len()), (Some(0), 1), "{} {}", with.output, with.errors);
    // A file that is refused is said: a person is there to decide.
    fs::write(folder.join("web-baselines.json.gz"), b"else").unwrap();
    let refused = run(&arguments);
    assert_eq!(refused.code, Some(1));
    assert!(refused.errors.contains("web-baselines.json.gz is refused"), "{}", refused.errors);
}
