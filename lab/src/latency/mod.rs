//! `lab latency`: how long after a step in the traffic the alarm comes, and whether it comes without one.

mod days;
mod live;
mod scene;
mod score;
mod simulated;
mod traffic;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use self::scene::{Act, Scene};
use self::score::Outcome;
use crate::live::namespace;
use crate::report::{Bar, Report, median};
use crate::table::Table;

/// Most false alarms in the simulated days.
const MOST_FALSE_ALARMS: usize = 1;
/// Rates that are shown beside the one for which bars are set.
const OTHER_RATES: [f64; 2] = [20_000.0, 1_000_000.0];

/// Options of `lab latency`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// B: ordinary packets a second to each host, for which the bars are set
    #[arg(long, default_value_t = 100_000.0)]
    rate: f64,
    /// Seconds of ordinary traffic before the first step
    #[arg(long, default_value_t = 120.0)]
    ordinary: f64,
    /// How many times as much as usual ordinary rates vary (see the head of the tables)
    #[arg(long, default_value_t = 1.0)]
    dispersion: f64,
    /// Live runs, each of some five minutes
    #[arg(long, default_value_t = 3)]
    runs: u64,
    /// Simulated runs
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Simulated days of ordinary traffic
    #[arg(long, default_value_t = 30)]
    days: u32,
    /// Seed of everything that is generated
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object a line for each figure and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/latency.md
    #[arg(long)]
    write: bool,
}

/// Runs the evaluation. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut report = Report::new("latency", options.json);
    let scene = Scene::new((options.rate, options.dispersion), options.ordinary, options.seed);
    // First, since a namespace is entered while no other thread runs.
    live_part(options, &mut report);
    simulated_part(options, &mut report)?;
    days_part(options, &mut report)?;
    controls(&scene, &mut report);
    report.finish(options.write)
}

fn live_part(options: &Options, report: &mut Report) {
    let (mut ours, mut peers): (Vec<Outcome>, Vec<Outcome>) = (Vec::new(), Vec::new());
    let (mut problem, mut peer_problem) = (None, None);
    let mut dropped = 0;
    if let Err(error) = namespace::enter() {
        problem = Some(format!("{error:#}"));
        peer_problem.clone_from(&problem);
    }
    for run in 0..if problem.is_none() { options.runs } else { 0 } {
        let seed = options.seed + run;
        let found = live::run(&Scene::new((options.rate, options.dispersion), options.ordinary, seed), seed);
        dropped += found.dropped;
        match found.ours {
            Ok(outcome) => ours.push(outcome),
            Err(error) => problem = Some(format!("{error:#}")),
        }
        match found.peer {
            Ok(outcome) => peers.push(outcome),
            Err(error) => peer_problem = Some(format!("{error:#}")),
        }
        eprintln!(
            "live run {} of {}: {}",
            run + 1,
            options.runs,
            ours.last().map_or_else(String::new, short)
        );
    }
    let scene = &Scene::new((options.rate, options.dispersion), options.ordinary, options.seed);
    let table = live_table(options, scene, (&ours, &peers), dropped, report);
    report.table(table);
    let reason = problem.or_else(|| ours.is_empty().then(|| "no live run".to_owned()));
    bars("live", scene, &ours, reason.as_deref(), median_delay, report);
    let needed = "in every run";
    let reason = peer_problem.or_else(|| peers.is_empty().then(|| "no live run".to_owned()));
    report.bar(match reason {
        Some(reason) => Bar::skipped("live: FastNetMon ran beside it", needed, reason),
        None => Bar::new("live: FastNetMon ran beside it", needed, peers.len().to_string(), true),
    });
}

/// Delays of the live runs, ours and FastNetMon's.
fn live_table(
    options: &Options,
    scene: &Scene,
    (ours, peers): (&[Outcome], &[Outcome]),
    dropped: u64,
    report: &mut Report,
) -> Table {
    let mut table = Table::new(
        format!(
            "Live: seconds to the alarm, B = {:.0} packets/s, {}, {} runs",
            scene.rate,
            scene.variation(),
            options.runs
        ),
        &["act", "hemicycle median", "all runs", "FastNetMon median", "all runs"],
    );
    for (place, act) in scene.acts.iter().enumerate() {
        let (of_ours, of_peers) = (delays(ours, place), delays(peers, place));
        report.line(&json!({"kind": "latency", "how": "live", "act": act.name, "rate": scene.rate,
            "seconds": of_ours, "fastnetmon_seconds": of_peers}));
        table.row(vec![
            act.name.to_owned(),
            middle(&of_ours),
            all(&of_ours),
            middle(&of_peers),
            all(&of_peers),
        ]);
    }
    table.row(vec!["false alarms".to_owned(), String::new(), falses(ours), String::new(), falses(peers)]);
    table.row(vec![
        "kernel drops".to_owned(),
        String::new(),
        dropped.to_string(),
        String::new(),
        String::new(),
    ]);
    table
}

fn simulated_part(options: &Options, report: &mut Report) -> Result<()> {
    let others = OTHER_RATES.into_iter().filter(|rate| (rate - options.rate).abs() >= 1.0);
    for rate in std::iter::once(options.rate).chain(others) {
        let scene = &Scene::new((rate, options.dispersion), options.ordinary, options.seed);
        // Shown beside it: fewer seeds, since ten times the rate is ten times the records.
        let seeds = if rate > options.rate { options.seeds.div_ceil(10) } else { options.seeds };
        let mut outcomes = Vec::new();
        for seed in (0..seeds).map(|seed| options.seed + seed) {
            outcomes
                .push(simulated::run(&Scene::new((rate, options.dispersion), options.ordinary, seed), seed)?);
        }
        let mut table = Table::new(
            format!(
                "Simulated: seconds to the alarm, B = {rate:.0} packets/s, {}, {seeds} seeds from {}",
                scene.variation(),
                options.seed
            ),
            &["act", "median", "19 of 20 within", "longest", "missed"],
        );
        for (place, act) in scene.acts.iter().enumerate() {
            let delays = delays(&outcomes, place);
            let missed = delays.iter().filter(|delay| delay.is_none()).count();
            report.line(&json!({"kind": "latency", "how": "simulated", "act": act.name, "rate": rate, "seconds": delays}));
            let longest = text(delays.iter().map(|delay| delay.unwrap_or(f64::INFINITY)).reduce(f64::max));
            let within = text(nineteen_of_twenty(&delays));
            table.row(vec![act.name.to_owned(), middle(&delays), within, longest, missed.to_string()]);
        }
        table.row(vec!["false alarms".to_owned(), falses(&outcomes)]);
        report.table(table);
        if (rate - options.rate).abs() < 1.0 {
            bars("simulated", scene, &outcomes, None, nineteen_of_twenty, report);
        }
    }
    Ok(())
}

fn days_part(options: &Options, report: &mut Report) -> Result<()> {
    let name = "false alarms in 30 simulated days of ordinary traffic";
    let needed = format!("<= {MOST_FALSE_ALARMS}");
    let alarms = days::run(options.days, options.seed, options.dispersion)?;
    let title = format!(
        "False alarms in {} simulated days of ordinary traffic, {}, seed {}: {}",
        options.days,
        days::variation(options.dispersion),
        options.seed,
        alarms.len()
    );
    let mut table = Table::new(title, &["alarm"]);
    alarms.iter().take(20).for_each(|alarm| table.row(vec![alarm.text.clone()]));
    report.table(table);
    if options.days < 30 {
        report.bar(Bar::skipped(name, needed, format!("only {} days were asked for", options.days)));
        return Ok(());
    }
    let most = MOST_FALSE_ALARMS * options.days as usize / 30;
    report.bar(Bar::new(name, needed, alarms.len().to_string(), alarms.len() <= most));
    Ok(())
}

/// Answers without a detector go through the same judgement and have to fail.
fn controls(scene: &Scene, report: &mut Report) {
    let flooded: Vec<Option<f64>> =
        scene.acts.iter().map(|act| act.is_flood().then_some(act.begin)).collect();
    let mut table = Table::new("Answers without a detector", &["answer", "acts in time", "false alarms", ""]);
    for (place, name) in score::CONTROLS.iter().enumerate() {
        let outcome = score::judge(scene, &flooded, &score::control(scene, &flooded, place));
        let limited = scene.acts.iter().zip(&outcome.delays).filter(|(act, _)| act.limit.is_some());
        let in_time = limited
            .filter(|(act, delay)| delay.is_some_and(|delay| act.limit.is_some_and(|limit| delay <= limit)));
        let fails = !score::passes(scene, &outcome);
        let verdict = if fails { "fails, as it should" } else { "PASSES: the evaluation proves nothing" };
        let cells = [in_time.count(), outcome.false_alarms.len()].map(|count| count.to_string());
        table.row([vec![(*name).to_owned()], cells.to_vec(), vec![verdict.to_owned()]].concat());
        report.bar(Bar::new(format!("{name} fails"), "fails", verdict, fails));
    }
    report.table(table);
}

/// Bars of a part: delay of each act with a limit, no false alarm, none on the long flows.
fn bars(
    part: &str,
    scene: &Scene,
    outcomes: &[Outcome],
    reason: Option<&str>,
    figure: fn(&[Option<f64>]) -> Option<f64>,
    report: &mut Report,
) {
    for (place, act) in scene.acts.iter().enumerate() {
        let Act { name, limit: Some(limit), .. } = act else { continue };
        let value = if reason.is_none() { figure(&delays(outcomes, place)) } else { None };
        report.bar(Bar::at_most(&format!("{part}: {name}"), value, *limit, " s", reason.unwrap_or("no run")));
    }
    let alarms = || outcomes.iter().flat_map(|outcome| &outcome.false_alarms);
    let on_long = alarms().filter(|alarm| alarm.on_long_flows).count();
    for (name, count) in
        [("no alarm on long flows", on_long), ("no alarm on ordinary traffic", alarms().count() - on_long)]
    {
        let name = format!("{part}: {name}");
        report.bar(match reason {
            Some(reason) => Bar::skipped(name, "0", reason),
            None => Bar::new(name, "0", count.to_string(), count == 0),
        });
    }
}

fn delays(outcomes: &[Outcome], place: usize) -> Vec<Option<f64>> {
    outcomes.iter().map(|outcome| outcome.delays.get(place).copied().flatten()).collect()
}

/// The middle of all runs; infinite if one alarm did not come.
fn median_delay(delays: &[Option<f64>]) -> Option<f64> {
    let values: Vec<f64> = delays.iter().map(|delay| delay.unwrap_or(f64::INFINITY)).collect();
    if values.contains(&f64::INFINITY) { Some(f64::INFINITY) } else { median(&values) }
}

/// What 19 of 20 runs stay within.
fn nineteen_of_twenty(delays: &[Option<f64>]) -> Option<f64> {
    let mut values: Vec<f64> = delays.iter().map(|delay| delay.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    values.get((values.len() * 19).div_ceil(20).saturating_sub(1)).copied()
}

fn middle(delays: &[Option<f64>]) -> String {
    let values: Vec<f64> = delays.iter().map(|delay| delay.unwrap_or(f64::INFINITY)).collect();
    text(median(&values))
}

fn text(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.is_infinite() => "no alarm".to_owned(),
        Some(value) => format!("{value:.2}"),
    }
}

fn all(delays: &[Option<f64>]) -> String {
    let texts: Vec<String> = delays.iter().map(|delay| text(Some(delay.unwrap_or(f64::INFINITY)))).collect();
    texts.join(", ")
}

/// How many false alarms, and the first of them.
fn falses(outcomes: &[Outcome]) -> String {
    let count: usize = outcomes.iter().map(|outcome| outcome.false_alarms.len()).sum();
    let first = outcomes.iter().flat_map(|outcome| &outcome.false_alarms).take(2);
    let first: Vec<&str> = first.map(|alarm| alarm.text.as_str()).collect();
    format!("{count} {}", first.join("; "))
}

fn short(outcome: &Outcome) -> String {
    format!("{}; {} false alarms", all(&outcome.delays), outcome.false_alarms.len())
}
