//! Recordings of the web layer with labels: captures and access logs through the pipeline, as `replay` reads them.
//!
//! Rows with stage `behaviour` are judged, those that are not counted are shown; `network` is the business of `lab detect`.
//! The folders that are named are one group, the repository's own recordings two: `train`, whose files were looked at when
//! the detector was made, and `held_out`.

mod judge;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use hemicycle::pipeline::Pipeline;
use intake::{Inputs, Memory, OpenOptions, Visitor};
use serde_json::json;
use wire::packet::Decoded;
use wire::web::{Format, Request};
use wire::{Address, FlowRecord, Time};

use self::judge::{CONTROLS, Label, Said, Verdict, control, said};
use crate::dataset::{self, Labelled, Stage};
use crate::report::{Bar, Report};
use crate::table::Table;

/// Share of the attacks that has to be found.
const LEAST_FOUND: f64 = 0.9;
/// Groups of files, each with a bar for attacks and one for the rest.
const GROUPS: [&str; 3] = ["folder", "train", "held_out"];
/// Destinations of a file that an answer without a detector knows.
const MOST_TARGETS: usize = 10_000;
/// How the server of the own recordings writes its log.
const RECORDED: &str = concat!(
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "#,
    "msec=$msec host=$host scheme=$scheme request_length=$request_length bytes_sent=$bytes_sent ",
    "request_time=$request_time tls=$ssl_protocol cipher=$ssl_cipher cache=$upstream_cache_status ",
    "upstream_time=$upstream_response_time connection=$connection requests=$connection_requests ",
    "completed=$request_completion"
);

/// A recording and what came of it.
struct Outcome {
    path: String,
    group: &'static str,
    set: String,
    is_counted: bool,
    label: Label,
    said: Vec<Said>,
    verdict: Verdict,
    delay_seconds: Option<f64>,
    /// What answers without a detector know.
    targets: Vec<String>,
    failure: Option<String>,
}

/// A recording before it is run.
struct Case {
    row: Labelled,
    group: &'static str,
    begins: Option<i64>,
}

/// The part left out: its bars are not held.
pub(super) fn skip(reason: &str, report: &mut Report) {
    for (name, needed) in bar_names() {
        report.bar(Bar::skipped(name, needed, reason));
    }
}

/// Runs all recordings: tables and bars.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn run(folders: &[PathBuf], report: &mut Report) -> Result<()> {
    let outcomes = run_all(&cases(folders)?);
    for group in GROUPS {
        report.table(table(group, &outcomes));
    }
    for outcome in &outcomes {
        report.line(&json!({"kind": "recording", "path": outcome.path, "group": outcome.group, "set": outcome.set,
            "counted": outcome.is_counted, "held": outcome.verdict.held, "expected": outcome.label.text(),
            "said": outcome.said.iter().map(Said::text).collect::<Vec<_>>(), "delay_seconds": outcome.delay_seconds}));
    }
    bars(&outcomes, |outcome| outcome.verdict).into_iter().for_each(|bar| report.bar(bar));
    controls(&outcomes, report);
    Ok(())
}

fn bar_names() -> Vec<(String, String)> {
    let groups = GROUPS.iter().flat_map(|group| {
        let attacks = (format!("recordings, {group}: share of attacks found"), format!(">= {LEAST_FOUND}"));
        [attacks, (format!("recordings, {group}: files with a flood that is none"), "0".to_owned())]
    });
    groups.chain(CONTROLS.map(|name| (format!("{name} fails"), "fails".to_owned()))).collect()
}

/// The folders that were asked for, or the captures of the repository; and its own recordings.
fn cases(folders: &[PathBuf]) -> Result<Vec<Case>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data");
    let named = if folders.is_empty() { vec![root.join("captures")] } else { folders.to_vec() };
    let own = root.join("recorded");
    let mut cases = Vec::new();
    for (folder, is_own) in named.iter().map(|folder| (folder, false)).chain([(&own, true)]) {
        let begins = begins(folder);
        for row in dataset::read(std::slice::from_ref(folder))? {
            let group = match (is_own, row.set.as_str()) {
                (false, _) => GROUPS[0],
                (true, "train") => GROUPS[1],
                (true, _) => GROUPS[2],
            };
            let begins = begins.get(stem(&row.path)).copied();
            if row.stage != Stage::Network {
                cases.push(Case { row, group, begins });
            }
        }
    }
    Ok(cases)
}

/// When attacks of a folder begin, by path without kind of file, in nanoseconds since 1970.
fn begins(folder: &Path) -> BTreeMap<String, i64> {
    let mut begins = BTreeMap::new();
    for file in ["TIMES.tsv", "web/TIMES.tsv"] {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
        for line in text.lines().skip(1) {
            let mut cells = line.split('\t');
            let (path, seconds) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            if let Ok(seconds) = seconds.parse::<f64>() {
                begins.insert(path.to_owned(), (seconds * 1e9) as i64);
            }
        }
    }
    begins
}

fn stem(path: &str) -> &str {
    let end = [".pcap", ".log", ".tsv"].iter().filter_map(|kind| path.rfind(kind)).max();
    path.get(..end.unwrap_or(path.len())).unwrap_or(path)
}

/// The format of a log, where it is known and not for Hemicycle to recognise: tables by their own first line.
fn declared(row: &Labelled) -> Option<Format> {
    if row.is_capture() {
        return None;
    }
    if stem(&row.path) != row.path && row.path.contains(".tsv") {
        let header = row.bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let names = String::from_utf8_lossy(header).trim_end().replace('\t', " ");
        return Format::of(&format!("tsv {names}")).ok();
    }
    let is_own = row.path.starts_with("web/");
    is_own.then(|| Format::of(RECORDED).ok()).flatten()
}

/// Runs all cases, one worker for each core.
fn run_all(cases: &[Case]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(cases.len()));
    let work = || loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(case) = cases.get(place) else { break };
        let outcome = outcome(case);
        if let Ok(mut outcomes) = outcomes.lock() {
            outcomes.push((place, outcome));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn outcome(case: &Case) -> Outcome {
    let row = &case.row;
    let label = Label { names: row.names.clone(), target: row.target_text.clone() };
    let mut outcome = Outcome {
        path: row.path.clone(),
        group: case.group,
        set: row.set.clone(),
        is_counted: row.stage == Stage::Behaviour,
        label,
        said: Vec::new(),
        verdict: Verdict::default(),
        delay_seconds: None,
        targets: Vec::new(),
        failure: None,
    };
    match play(row) {
        Ok((said, targets)) => {
            outcome.verdict = outcome.label.judge(&said);
            let right = outcome.verdict.right.and_then(|place| said.get(place));
            let after = |alarm: i64| case.begins.map(|begins| (alarm - begins) as f64 / 1e9);
            outcome.delay_seconds = right.and_then(|right| after(right.alarm));
            (outcome.said, outcome.targets) = (said, targets);
        }
        Err(error) => outcome.failure = Some(format!("{error:#}")),
    }
    outcome
}

/// What is said of a recording, and whom it is for.
fn play(row: &Labelled) -> Result<(Vec<Said>, Vec<String>)> {
    let options = OpenOptions { log_format: declared(row), ..OpenOptions::default() };
    let file = Memory::from(std::sync::Arc::clone(&row.bytes));
    let mut survey = Survey::default();
    Inputs::from_memory(&*row.path, file.clone(), &options)?.run(&mut survey)?;
    let mut events = Vec::new();
    let mut inputs = Inputs::from_memory(&*row.path, file, &options)?;
    let ran = Pipeline::new(None, &mut events).run(&mut inputs).with_context(|| row.path.clone())?;
    anyhow::ensure!(ran.records + ran.requests > 0, "nothing in it could be read");
    Ok((said(&events), survey.0.into_iter().collect()))
}

/// Destinations and host names.
#[derive(Default)]
struct Survey(BTreeSet<String>);

impl Survey {
    fn add(&mut self, name: String) {
        if self.0.len() < MOST_TARGETS {
            self.0.insert(name);
        }
    }
}

impl Visitor for Survey {
    fn packet(&mut self, _input: usize, _time: Time, decoded: &Decoded<'_>) {
        self.add(decoded.outer.destination.to_ip().to_string());
    }

    fn flow(&mut self, _input: usize, _arrival: Time, _exporter: Address, _record: &FlowRecord) {}

    fn request(&mut self, _input: usize, request: &Request<'_>) {
        self.add(String::from_utf8_lossy(request.host).into_owned());
    }
}

fn bars(outcomes: &[Outcome], verdict: impl Fn(&Outcome) -> Verdict) -> Vec<Bar> {
    let mut bars = Vec::new();
    for group in GROUPS {
        let of = |is_attack: bool| {
            let counted = outcomes.iter().filter(move |one| one.group == group && one.is_counted);
            counted.filter(move |one| one.label.names.is_empty() != is_attack)
        };
        let held = |is_attack: bool| of(is_attack).filter(|one| verdict(one).held).count();
        let (attacks, quiet) = (of(true).count(), of(false).count());
        let name = format!("recordings, {group}: share of attacks found");
        let share = (attacks > 0).then(|| held(true) as f64 / attacks as f64);
        let measured = format!("{} of {attacks}", held(true));
        let found = Bar::at_least(&name, share, LEAST_FOUND, "", "there are none");
        bars.push(Bar { measured, ..found });
        let name = format!("recordings, {group}: files with a flood that is none");
        let wrong = quiet - held(false);
        bars.push(match quiet {
            0 => Bar::skipped(name, "0", "there are none"),
            _ => Bar::new(name, "0", format!("{wrong} of {quiet}"), wrong == 0),
        });
    }
    bars
}

/// Answers without a detector go through the same judgement and have to fail in every group.
fn controls(outcomes: &[Outcome], report: &mut Report) {
    let mut table =
        Table::new("Recordings: answers without a detector", &["answer", "bars that it holds", ""]);
    for (place, name) in CONTROLS.iter().enumerate() {
        let theirs = bars(outcomes, |outcome| outcome.label.judge(&control(place, &outcome.targets)));
        let held = theirs.iter().filter(|bar| bar.verdict == crate::report::Verdict::Holds).count();
        let all_of_a_group =
            theirs.chunks(2).any(|pair| pair.iter().all(|bar| bar.verdict == crate::report::Verdict::Holds));
        let fails = !all_of_a_group;
        let verdict = if fails { "fails, as it should" } else { "PASSES: the evaluation proves nothing" };
        table.row(vec![(*name).to_owned(), format!("{held} of {}", theirs.len()), verdict.to_owned()]);
        report.bar(Bar::new(format!("{name} fails"), "fails", verdict, fails));
    }
    report.table(table);
}

fn table(group: &str, outcomes: &[Outcome]) -> Table {
    let mut table = Table::new(
        format!("Recordings: {group}"),
        &["file", "set", "expected", "said", "delay (s)", "beside it", ""],
    );
    for outcome in outcomes.iter().filter(|outcome| outcome.group == group) {
        let right = outcome.verdict.right.and_then(|place| outcome.said.get(place));
        let told = right.or_else(|| outcome.said.first()).map_or_else(|| "-".to_owned(), Said::text);
        let verdict = match (outcome.verdict.held, outcome.is_counted) {
            (true, true) => "right",
            (false, true) => "WRONG",
            (true, false) => "right, not counted",
            (false, false) => "wrong, not counted",
        };
        table.row(vec![
            outcome.path.clone(),
            outcome.set.clone(),
            outcome.label.text(),
            outcome.failure.clone().unwrap_or(told),
            outcome.delay_seconds.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.1}")),
            outcome.verdict.extra.to_string(),
            verdict.to_owned(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_formats_fit() {
        assert!(Format::of(RECORDED).is_ok());
        let row = Labelled {
            path: "weblogs/a.tsv.gz".to_owned(),
            names: Vec::new(),
            target: None,
            target_text: String::new(),
            set: String::new(),
            stage: Stage::Behaviour,
            bytes: b"host\ttime\tmethod\turl\tresponse\tbytes\n"[..].into(),
        };
        assert!(declared(&row).is_some(), "a table by its first line");
        assert!(declared(&Labelled { path: "weblogs/a.log".to_owned(), ..row.clone() }).is_none());
        assert!(declared(&Labelled { path: "web/attacks/a.log.gz".to_owned(), ..row.clone() }).is_some());
        assert!(declared(&Labelled { path: "web/attacks/a.pcap.gz".to_owned(), ..row }).is_none());
    }

    fn one(names: &[&str], held: bool) -> Outcome {
        Outcome {
            path: "a".to_owned(),
            group: GROUPS[0],
            set: String::new(),
            is_counted: true,
            label: Label {
                names: names.iter().map(|name| (*name).to_owned()).collect(),
                target: String::new(),
            },
            said: Vec::new(),
            verdict: Verdict { held, right: None, extra: 0 },
            delay_seconds: None,
            targets: vec!["192.0.2.1".to_owned()],
            failure: None,
        }
    }

    #[test]
    fn bars_are_as_many_whatever_there_is_and_what_is_not_counted_does_not_count() {
        let mut outcomes = vec![one(&["http_flood"], true), one(&[], true), one(&["http_flood"], false)];
        let verdicts = |outcomes: &[Outcome]| {
            let bars = bars(outcomes, |outcome| outcome.verdict);
            assert_eq!(bars.len() + CONTROLS.len(), bar_names().len());
            assert!(bars.iter().zip(bar_names()).all(|(bar, (name, _))| bar.name == name));
            bars.iter().map(|bar| bar.verdict == crate::report::Verdict::Holds).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(&outcomes), [false, true, false, false, false, false]);
        outcomes[2].is_counted = false;
        assert_eq!(verdicts(&outcomes)[..2], [true, true]);
        outcomes[1].verdict.held = false;
        assert_eq!(verdicts(&outcomes)[..2], [true, false]);
    }

    #[test]
    fn answers_without_a_detector_fail() {
        let outcomes = [one(&["http_flood"], true), one(&["slow_http"], true), one(&[], true)];
        for place in 0..CONTROLS.len() {
            let theirs = bars(&outcomes, |outcome| outcome.label.judge(&control(place, &outcome.targets)));
            assert!(theirs[..2].iter().any(|bar| bar.verdict != crate::report::Verdict::Holds), "{place}");
        }
    }
}
