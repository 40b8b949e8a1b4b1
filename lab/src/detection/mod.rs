//! `lab detect`: what the detector says of traffic whose truth is known.

mod captures;
mod case;
mod generated;
mod report;
mod scenario;
mod score;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use clap::Args;

use self::case::{Case, Outcome};
use self::report::{Bar, Control};
use crate::table::Table;
use crate::{dataset, machine};

/// Options of `lab detect`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// A folder with MANIFEST.tsv and EXPECTED.tsv; default: data/captures and data/recorded of the repository
    #[arg(long, value_name = "FOLDER")]
    data: Vec<PathBuf>,
    /// One JSON object a line for each case and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/detect.md
    #[arg(long)]
    write: bool,
    /// Seed of everything that is generated
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Save the input of every case that goes wrong to this folder
    #[arg(long, value_name = "FOLDER")]
    save: Option<PathBuf>,
}

/// Runs the evaluation. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let names = bar_names();
    let cases = cases(options)?;
    let outcomes = run_all(&cases);
    if let Some(folder) = &options.save {
        save(folder, &cases, &outcomes)?;
    }
    let mut bars = report::bars(&names, &outcomes);
    let (controls, control_bars) = controls(&names, &outcomes);
    bars.extend(control_bars);
    let tables = tables(&outcomes, &bars, controls);
    let held = bars.iter().filter(|bar| bar.holds()).count();
    let closing = format!("lab detect: {held} of {} bars hold", bars.len());
    print(options, &outcomes, &bars, &tables);
    if options.write {
        write(&tables, &closing)?;
    }
    println!("{closing}");
    Ok(held == bars.len())
}

/// The bars, in a fixed number whatever is run.
fn bar_names() -> Vec<String> {
    let sets = ["plain", "re-addressed", "stretched by 4", "squeezed by 4", "ipv6", "mixed"];
    let captures = sets.iter().flat_map(|set| [format!("{set}: attacks"), format!("{set}: quiet")]);
    captures.chain(generated::bar_names()).chain(scenario::BARS.map(str::to_owned)).collect()
}

fn cases(options: &Options) -> Result<Vec<Case>> {
    let captures = captures::read(&dataset::read(&dataset::folders(&options.data))?)?;
    let mut cases = captures::plain(&captures);
    cases.extend(captures::readdressed(&captures, options.seed));
    cases.extend(captures::retimed(&captures, "stretched by 4", 4.0));
    cases.extend(captures::retimed(&captures, "squeezed by 4", 0.25));
    cases.extend(captures::in_ipv6(&captures));
    cases.extend(captures::mixed(&captures, options.seed));
    cases.extend(generated::vectors(options.seed));
    cases.extend(generated::exported(options.seed));
    cases.extend(scenario::cases(options.seed));
    let wanted = |case: &Case| options.only.as_ref().is_none_or(|only| case.name.contains(only));
    cases.retain(wanted);
    Ok(cases)
}

/// Runs all cases, one worker for each core.
fn run_all(cases: &[Case]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(cases.len()));
    let work = || {
        while let Some((place, case)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            cases.get(place).map(|case| (place, case))
        } {
            let outcome = case::run(case);
            if !outcome.verdict.held && !outcome.bar.is_empty() {
                eprintln!("{}", report::wrong_line(&outcome));
            }
            if let Ok(mut outcomes) = outcomes.lock() {
                outcomes.push((place, outcome));
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let mut outcomes = outcomes.into_inner().unwrap_or_default();
    outcomes.sort_by_key(|(place, _)| *place);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// The answers without a detector have to fail, or the evaluation proves nothing.
fn controls(names: &[String], outcomes: &[Outcome]) -> (Table, Vec<Bar>) {
    let mut table = Table::new("Answers without a detector", &["answer", "bars that it holds", ""]);
    let mut bars = Vec::new();
    for control in Control::ALL {
        let theirs = control.bars(names, outcomes);
        let held = theirs.iter().filter(|bar| bar.holds()).count();
        let fails = held < theirs.len() && !outcomes.is_empty();
        let verdict = if fails { "fails, as it should" } else { "PASSES: the evaluation proves nothing" };
        table.row(vec![control.name().to_owned(), format!("{held} of {}", theirs.len()), verdict.to_owned()]);
        let name = format!("{} fails", control.name());
        bars.push(Bar { name, held_cases: usize::from(fails), cases: 1, needed: 1 });
    }
    (table, bars)
}

fn tables(outcomes: &[Outcome], bars: &[Bar], controls: Table) -> Vec<Table> {
    let mut sets: Vec<&str> = Vec::new();
    let set_of = |outcome: &Outcome| outcome.name.len().min(outcome.name.find('/').unwrap_or(usize::MAX));
    for outcome in outcomes {
        let set = outcome.name.get(..set_of(outcome)).unwrap_or_default();
        if !sets.contains(&set) {
            sets.push(set);
        }
    }
    let mut tables: Vec<Table> = sets
        .iter()
        .map(|set| {
            let of_set = outcomes.iter().filter(|outcome| outcome.name.get(..set_of(outcome)) == Some(set));
            report::outcomes_table(set, &of_set.collect::<Vec<_>>())
        })
        .collect();
    tables.push(report::confidence_table(outcomes).0);
    tables.push(controls);
    let mut table = Table::new("Bars", &["bar", "needed", "right", ""]);
    bars.iter().for_each(|bar| table.row(bar.row()));
    tables.push(table);
    tables
}

fn print(options: &Options, outcomes: &[Outcome], bars: &[Bar], tables: &[Table]) {
    if options.json {
        outcomes.iter().for_each(|outcome| println!("{}", report::json_line(outcome)));
        for bar in bars {
            let line = serde_json::json!({"kind": "bar", "name": bar.name, "holds": bar.holds(),
                "held_cases": bar.held_cases, "cases": bar.cases, "needed": bar.needed});
            println!("{line}");
        }
        return;
    }
    println!("{}\n{}\nseed {}\n", machine::command(), machine::describe(), options.seed);
    tables.iter().filter(|table| !table.is_empty()).for_each(|table| println!("{}", table.text()));
}

fn save(folder: &PathBuf, cases: &[Case], outcomes: &[Outcome]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let wrong = |outcome: &Outcome| !outcome.verdict.held && !outcome.bar.is_empty();
    for (case, outcome) in cases.iter().zip(outcomes).filter(|(_, outcome)| wrong(outcome)) {
        let file = folder.join(format!("{}.pcap", outcome.name.replace(['/', ' '], "_")));
        std::fs::write(&file, (case.make)()?.file).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn write(tables: &[Table], closing: &str) -> Result<()> {
    let mut text = format!("# lab detect\n\n`{}`\n\n{}\n\n", machine::command(), machine::describe());
    tables.iter().for_each(|table| {
        text.push_str(&table.text());
        text.push('\n');
    });
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/measured/detect.md");
    std::fs::create_dir_all(path.with_file_name(""))?;
    std::fs::write(&path, format!("{text}{closing}\n")).with_context(|| path.display().to_string())
}
