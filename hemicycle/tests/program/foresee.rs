//! `hemicycle foresee`.

mod feed;
mod taxii;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Ran, file, repository, run};

const LIST: &str = "data/foresee/ddosia/list-2023-12-14-redacted.json";

fn path(text: &str) -> String {
    repository(text).to_str().unwrap().to_owned()
}

/// A folder of a test that is empty.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("foresee").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// An outlook of the example institution as a house of the bloc.
fn outlook(at: &str, more: &[&str]) -> Ran {
    let (data, institution) = (path("data/foresee"), path("data/institution/examplia.toml"));
    let mut arguments = vec![
        "foresee",
        "outlook",
        "--json",
        "--data",
        &data,
        "--institution",
        &institution,
        "--place",
        "eu",
        "--at",
        at,
    ];
    arguments.extend(more);
    let ran = run(&arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    ran
}

fn forecast(ran: &Ran, who: &str, days: u64) -> Value {
    let fits = |line: &Value| line["kind"] == "outlook" && line["who"] == who && line["days"] == days;
    ran.lines().into_iter().find(fits).unwrap()
}

#[test]
fn on_14_december_2023_we_are_listed_at_once_and_the_day_before_the_odds_are_low() {
    let list = format!("{}@2023-12-14T07:20:00Z", path(LIST));
    let before = outlook("2023-12-13T12:00:00Z", &["--list", &list]);
    let own = forecast(&before, "own", 1);
    assert!(own["probability"].as_f64().unwrap() < 0.05, "{own}");
    assert!(own["reasons"].as_array().unwrap().len() >= 2, "{own}");
    assert_ne!(own["state"], "listed");
    let early = outlook("2023-12-14T07:19:00Z", &["--list", &list]);
    assert!(early.lines().iter().all(|line| line["kind"] != "listed"), "nobody has seen the list yet");
    let listed = outlook("2023-12-14T07:20:00Z", &["--list", &list]);
    assert_eq!(forecast(&listed, "own", 1)["state"], "listed");
    let lines = listed.lines();
    let www = lines.iter().find(|line| line["kind"] == "listed" && line["service"] == "www").unwrap();
    let techniques = www["techniques"].as_array().unwrap();
    let proposed: Vec<&Value> =
        www["proposals"].as_array().unwrap().iter().map(|proposal| &proposal["technique"]).collect();
    assert!(
        !techniques.is_empty() && techniques.iter().all(|technique| proposed.contains(&technique)),
        "{www}"
    );
    assert!(www["proposals"][0]["match"].is_object() && www["proposals"][0]["layer"].is_string());
    let readiness = lines.iter().find(|line| line["kind"] == "readiness").unwrap();
    assert_eq!((&readiness["state"], &readiness["floors"]), (&"ready".into(), &0.5.into()));
}

#[test]
fn on_23_november_2022_at_noon_only_the_vote_was_known() {
    let noon = outlook("2022-11-23T12:00:00Z", &[]);
    for days in [1, 3, 7] {
        assert_eq!(forecast(&noon, "own", days)["probability"], Value::Null);
    }
    let lines = noon.lines();
    assert!(lines.iter().any(|line| line["kind"] == "event"
        && line["type"] == "ep_vote_resolution"
        && line["date"] == "2022-11-23"));
    assert!(forecast(&noon, "own", 3)["reasons"][0].as_str().unwrap().contains("begin on 2023-06-05"));
}

#[test]
fn the_text_has_no_decimals() {
    let (data, institution) = (path("data/foresee"), path("data/institution/examplia.toml"));
    let ran =
        run(&["foresee", "outlook", "--data", &data, "--institution", &institution, "--at", "2024-06-07"]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let decimal = |word: &str| word.parse::<f64>().is_ok() && word.contains('.');
    assert!(!ran.output.split_whitespace().any(decimal), "{}", ran.output);
    assert!(ran.output.contains("election"), "{}", ran.output);
}

#[test]
fn the_back_test_keeps_its_contract() {
    let ran = run(&["foresee", "backtest", "--json", "--data", &path("data/foresee")]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let lines = ran.lines();
    let score = lines
        .iter()
        .find(|line| {
            line["kind"] == "score"
                && line["model"] == "base_recency"
                && line["days"] == 3
                && line["subset"] == "all"
        })
        .unwrap();
    assert!((score["skill"].as_f64().unwrap() - 0.273).abs() < 0.03, "{score}");
    assert!((score["auc"].as_f64().unwrap() - 0.903).abs() < 0.02, "{score}");
    for field in ["brier", "ece", "n", "positives", "low", "high"] {
        assert!(score[field].is_number(), "{field}");
    }
    let factor = lines
        .iter()
        .find(|line| {
            line["kind"] == "factor" && line["type"] == "election_national" && line["offset"] == "-2..0"
        })
        .unwrap();
    assert_eq!(factor["used"], true, "{factor}");
    assert!(
        lines
            .iter()
            .filter(|line| line["kind"] == "factor" && line["type"] != "election_national")
            .all(|line| line["used"] == false)
    );
    assert_eq!(ran.summary()["kind"], "summary");
}

#[test]
fn a_row_that_looks_ahead_stops_the_run_and_is_named() {
    for (number, (part, row)) in [
        ("events/political_events.csv", "2024-03-03,be,election_national,planted,2024-03-10,no,test"),
        ("ddosia/ddosia_country_days.csv", "2099-01-01,be,3,2,1"),
        ("ddosia/ddosia_covered_days.csv", "2099-01-01,3"),
    ]
    .into_iter()
    .enumerate()
    {
        let copy = folder(&format!("ahead{number}"));
        for part in [
            "events/political_events.csv",
            "ddosia/ddosia_country_days.csv",
            "ddosia/ddosia_covered_days.csv",
        ] {
            fs::create_dir_all(copy.join(part).parent().unwrap()).unwrap();
            fs::copy(repository("data/foresee").join(part), copy.join(part)).unwrap();
        }
        let text = fs::read_to_string(copy.join(part)).unwrap();
        let line = text.lines().count() + 1;
        fs::write(copy.join(part), format!("{}\n{row}\n", text.trim_end())).unwrap();
        let ran = run(&["foresee", "backtest", "--data", copy.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{part}");
        assert!(ran.errors.contains(&format!("{part}:{line}")), "{part}: {}", ran.errors);
    }
}

/// The scorecards of a store.
fn cards_of(store: &str, institution: &str) -> Vec<Value> {
    let data = path("data/foresee");
    let known = ["--data", &data, "--store", store, "--institution", institution];
    let ran = run(&[&["foresee", "scorecard", "--json"], &known[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    ran.lines()
}

/// Writes of each forecast that it was made on the morning of its first day.
fn make_timely(kept: &Path) {
    let lines = fs::read_to_string(kept).unwrap();
    let on_time = lines.lines().map(|text| {
        let mut line: Value = serde_json::from_str(text).unwrap();
        line["issued"] = format!("{}T08:00:00Z", line["date"].as_str().unwrap()).into();
        format!("{line}\n")
    });
    fs::write(kept, on_time.collect::<String>()).unwrap();
}

#[test]
fn what_is_imported_is_seen_issued_and_graded() {
    let store = folder("store");
    let store = store.to_str().unwrap();
    let ics = file("agenda.ics", b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20240609\nSUMMARY:Own hearing\nX-HEMICYCLE-TYPE:hearing\nEND:VEVENT\nEND:VCALENDAR\n");
    let claims = file("claims.csv", b"date,actor,country,target\n2024-06-05,NoName057(16),be,a ministry\n");
    let institution = path("data/institution/examplia.toml");
    let list = path(LIST);
    let arguments = [
        "foresee",
        "import",
        "--store",
        store,
        "--institution",
        &institution,
        "--time",
        "2024-06-07T07:20:00Z",
        "--json",
    ];
    let ran = run(&[&arguments[..], &[ics.to_str().unwrap(), claims.to_str().unwrap(), &list]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    let kinds: Vec<String> = ran
        .lines()
        .iter()
        .filter(|line| line["kind"] == "imported")
        .map(|line| line["is"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["days of events", "claims", "targets of a list"]);
    assert!(ran.lines().iter().any(|line| line["kind"] == "listed" && line["service"] == "www"));
    for at in ["2024-06-07T08:00:00Z", "2024-06-08T08:00:00Z"] {
        let seen = outlook(at, &["--store", store, "--issue", "--analyst", "5"]);
        assert!(seen.lines().iter().any(|line| line["kind"] == "event" && line["type"] == "hearing"));
        assert_eq!(forecast(&seen, "own", 3)["state"], "listed");
    }
    let graded = || cards_of(store, &institution);
    // They were made years after their days: that is hindsight, and counts for nothing.
    for card in graded() {
        assert_eq!((&card["graded"], &card["hindsight"]), (&0.into(), &2.into()), "{card}");
    }
    // The same, as if they had been made on those mornings.
    make_timely(&Path::new(store).join("issued.jsonl"));
    let cards = graded();
    let analyst = cards.iter().find(|card| card["model"] == "analyst").unwrap();
    assert_eq!((&analyst["graded"], &analyst["happened"]), (&2.into(), &1.into()), "{analyst}");
    assert!(cards.iter().any(|card| card["who"] == "country" && card["graded"] == 2));
}

#[test]
fn before_an_election_there_is_what_to_prepare() {
    let institution = path("data/institution/examplia.toml");
    let calendar = run(&[
        "foresee",
        "calendar",
        "--data",
        &path("data/foresee"),
        "--institution",
        &institution,
        "--at",
        "2024-06-01",
        "--scenarios",
        &path("data/foresee/election-guidelines.json"),
        "--json",
    ]);
    assert_eq!(calendar.code, Some(0), "{}", calendar.errors);
    assert_eq!(calendar.lines().iter().filter(|line| line["kind"] == "scenario").count(), 23);
}

#[test]
fn nothing_leaves_that_may_not() {
    let store = folder("tlp");
    let store = store.to_str().unwrap();
    let table = file(
        "indicators.csv",
        b"value,tlp,confidence,first\n198.51.100.7,TLP:CLEAR,80,2026-01-01\n198.51.100.8,TLP:GREEN,80,2026-01-01\n198.51.100.9,TLP:AMBER,80,2026-01-01\n198.51.100.10,TLP:RED,80,2026-01-01\n198.51.100.11,,80,2026-01-01\n",
    );
    assert_eq!(run(&["foresee", "import", "--store", store, table.to_str().unwrap()]).code, Some(0));
    for (audience, reaches) in [("public", 1), ("community", 2), ("clients", 3), ("organisation", 4)] {
        for form in ["csv", "stix", "misp"] {
            let ran =
                run(&["foresee", "intel", "export", "--store", store, "--for", audience, "--form", form]);
            assert_eq!(ran.code, Some(0), "{}", ran.errors);
            let found = [7, 8, 9, 10, 11].iter().filter(|last| {
                let value = format!("198.51.100.{last}");
                ran.output.contains(&format!("'{value}'")) || ran.output.contains(&format!("\"{value}\""))
            });
            assert_eq!(found.count(), reaches, "{audience} {form}: {}", ran.output);
        }
    }
    let log = file(
        "log.txt",
        b"src=198.51.100.8 dst=192.0.2.10\nGET 203.0.113.1\n198.51.100.10 is red\n10.0.0.1\n",
    );
    let ran =
        run(&["foresee", "intel", "match", "--store", store, "--at", "2026-01-02", log.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.errors);
    assert_eq!(ran.summary()["matched"], 1, "{}", ran.output);
    assert_eq!(
        (&ran.lines()[0]["name"], &ran.lines()[0]["target"]),
        (&"indicator_matched".into(), &"198.51.100.8".into())
    );
    let log = file("log2.txt", b"1198.51.100.8 -> 192.0.2.10\nnothing\n");
    let ran =
        run(&["foresee", "intel", "match", "--store", store, "--at", "2026-01-02", log.to_str().unwrap()]);
    assert_eq!(ran.summary()["matched"], 0, "a part of a word is no word");
}

/// A list that says of its values neither when they were given nor how they may be given on.
#[test]
fn an_undated_list_matches_at_first_sight_and_nothing_of_its_url_leaves() {
    let store = folder("undated");
    let store = store.to_str().unwrap();
    let list = file("undated.csv", b"value,tlp,source\n203.0.113.250,TLP:CLEAR,https://user:secret@feed.example/x?key=secret\nevil.example,,\n192.0.2.10,,\n");
    assert_eq!(run(&["foresee", "import", "--store", store, list.to_str().unwrap()]).code, Some(0));
    let log = file(
        "undated.log",
        b"GET https://user@www.EVIL.example:8443/x, from [::ffff:203.0.113.250]:443.\ndst=192.0.2.10\n",
    );
    let institution = path("data/institution/examplia.toml");
    let found = |more: &[&str]| {
        let log = log.to_str().unwrap();
        let first = ["foresee", "intel", "match", "--store", store, "--institution", &institution];
        let ran = run(&[&first, more, &[log]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.errors);
        (ran.summary(), ran.output)
    };
    let (summary, _) = found(&[]);
    assert_eq!(
        (&summary["matched"], &summary["withheld"], &summary["warned"]),
        (&2.into(), &0.into(), &1.into())
    );
    let (summary, output) = found(&["--for", "public"]);
    assert_eq!((&summary["matched"], &summary["withheld"]), (&1.into(), &1.into()));
    assert!(
        !output.contains("evil.example") && !output.contains("EVIL") && !output.contains("secret"),
        "{output}"
    );
    for form in ["csv", "stix", "misp"] {
        let ran = run(&["foresee", "intel", "export", "--store", store, "--for", "public", "--form", form]);
        assert!(ran.output.contains("203.0.113.250") && !ran.output.contains("secret"), "{}", ran.output);
    }
}

/// What is red, and kept because STIX objects are kept as they come, is printed for nobody.
#[test]
fn a_red_indicator_is_not_printed() {
    let store = folder("red");
    let store = store.to_str().unwrap();
    let bundle = file(
        "red.json",
        br#"{"type":"bundle","id":"bundle--1","objects":[{"type":"indicator","id":"indicator--1","pattern":"[ipv4-addr:value = '198.51.100.7']",
        "pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","object_marking_refs":["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]}]}"#,
    );
    assert_eq!(run(&["foresee", "import", "--store", store, bundle.to_str().unwrap()]).code, Some(0));
    let log = file("red.log", b"198.51.100.7\n");
    let ran =
        run(&["foresee", "intel", "match", "--store", store, "--at", "2026-01-02", log.to_str().unwrap()]);
    assert_eq!(
        (&ran.summary()["matched"], &ran.summary()["withheld"]),
        (&0.into(), &1.into()),
        "{}",
        ran.output
    );
    assert!(!ran.output.contains("198.51.100.7"), "{}", ran.output);
    // Nor does it hide what holds it and may be told.
    let table = file("wider.csv", b"value,type,tlp,first\n198.51.100.0/24,network,TLP:GREEN,2026-01-01\n");
    assert_eq!(run(&["foresee", "import", "--store", store, table.to_str().unwrap()]).code, Some(0));
    let ran =
        run(&["foresee", "intel", "match", "--store", store, "--at", "2026-01-02", log.to_str().unwrap()]);
    assert_eq!((&ran.summary()["matched"], &ran.summary()["withheld"]), (&1.into(), &0.into()));
    assert_eq!(ran.lines()[0]["detail"]["indicator"]["value"], "198.51.100.0/24", "{}", ran.output);
}

/// A program of the environment that `cargo xtask test` makes, or of this machine.
fn tool(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let own = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../xtask/python/bin");
    std::iter::once(own)
        .chain(std::env::split_paths(&folders))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

#[test]
fn bundles_pass_the_validator() {
    let Some(validator) = tool("stix2_validator") else {
        println!(
            "skipped: bundles_pass_the_validator: stix2_validator (PyPI stix2-validator) is not installed"
        );
        return;
    };
    let store = folder("validator");
    let store = store.to_str().unwrap();
    let table = file(
        "valid.csv",
        b"value,tlp,first,until\n198.51.100.7,TLP:CLEAR,2026-01-01,2026-02-01\n2001:db8::7,TLP:CLEAR,2026-01-01,\nevil.example,TLP:GREEN,2026-01-01,\nhttps://evil.example/it's,TLP:CLEAR,2026-01-01,\n203.0.113.0/24,TLP:AMBER,2026-01-01,\nd41d8cd98f00b204e9800998ecf8427e,TLP:CLEAR,2026-01-01,\n",
    );
    assert_eq!(run(&["foresee", "import", "--store", store, table.to_str().unwrap()]).code, Some(0));
    let ran = run(&["foresee", "intel", "export", "--store", store, "--for", "organisation"]);
    let bundle = file("bundle.json", ran.output.as_bytes());
    let output = Command::new(validator).arg("--disable").arg("all").arg(&bundle).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn events_load_in_pymisp() {
    let Some(python) = tool("python3").filter(|python| {
        Command::new(python)
            .args(["-c", "import pymisp"])
            .output()
            .is_ok_and(|output| output.status.success())
    }) else {
        println!("skipped: events_load_in_pymisp: pymisp is not installed");
        return;
    };
    let store = folder("pymisp");
    let store = store.to_str().unwrap();
    let table = file(
        "misp.csv",
        b"value,tlp,first\n198.51.100.7,TLP:CLEAR,2026-01-01\nevil.example,TLP:GREEN,2026-01-01\n",
    );
    assert_eq!(run(&["foresee", "import", "--store", store, table.to_str().unwrap()]).code, Some(0));
    let ran = run(&["foresee", "intel", "export", "--store", store, "--for", "community", "--form", "misp"]);
    let event = file("event.json", ran.output.as_bytes());
    let code = "import sys, pymisp\nevent = pymisp.MISPEvent()\nevent.load_file(sys.argv[1])\nprint(len(event.attributes), event.info)";
    let output = Command::new(python).args(["-c", code]).arg(&event).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("2 Indicators"),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}
