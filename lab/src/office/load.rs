//! What the service takes in on one core, with nothing beside the detector and with everything.
//!
//! Conversations of 1,000 hosts at a rate beyond what one core can do, and eight floods, whose events are printed in both kinds of run
//! and in the second are written down and told to 50 readers too. All threads of the service share one core; sender and readers
//! have the other one. Counted are datagrams that the kernel did not drop, by processor time of the whole service: what one core takes in.

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Options;
use super::readers::{READERS, Readers};
use super::site::{Beside, Site};
use crate::live::datagram::Protocol;
use crate::live::ring::Mix;
use crate::live::sender::{Load, Sender};
use crate::live::tools::load_institution;
use crate::live::{RECEIVING_CORE, kernel, pace, processor};
use crate::report::{Bar, Report, median, spread};
use crate::table::Table;

/// What has to hold.
pub(super) const BAR: &str =
    "records a core takes in with record, console and 50 readers, by those of the bare pipeline";
/// At least.
const LEAST: f64 = 0.9;
/// Datagrams a second: more than a core can do.
const RATE: f64 = 300_000.0;
/// Of the floods.
const FLOOD_RATE: f64 = 1_000.0;
/// Hosts under a flood.
const FLOODED: u32 = 8;
const HOSTS: u32 = 1_000;
const PROTOCOL: Protocol = Protocol::Netflow9;

/// What one run gave.
struct Taken {
    records_per_second: f64,
    dropped_share: f64,
    lines: usize,
}

pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let title =
        format!("NetFlow v9 of {HOSTS} hosts and {FLOODED} floods for {} s on one core", options.seconds);
    let mut table = Table::new(
        title,
        &[
            "beside the detector",
            "M records a second of a core, runs",
            "median",
            "dropped by the kernel",
            "lines told to readers",
        ],
    );
    let mut rates = [Vec::new(), Vec::new()];
    let mut last = [None, None];
    for _ in 0..options.runs {
        for (place, beside) in [Beside::Nothing, Beside::All].into_iter().enumerate() {
            let taken = once(beside, options.seconds)?;
            report.line(&json!({"kind": "load", "beside": format!("{beside:?}"), "records_per_second": taken.records_per_second, "lines": taken.lines}));
            rates[place].push(taken.records_per_second / 1e6);
            last[place] = Some(taken);
        }
    }
    for (place, name) in ["nothing", "record, console, 50 readers"].into_iter().enumerate() {
        let Some(taken) = &last[place] else { continue };
        table.row(vec![
            name.to_owned(),
            spread(&rates[place]),
            format!("{:.2}", median(&rates[place]).unwrap_or(0.0)),
            format!("{:.0} %", taken.dropped_share * 100.0),
            taken.lines.to_string(),
        ]);
    }
    report.table(table);
    let ratio = median(&rates[1]).zip(median(&rates[0])).map(|(all, bare)| all / bare);
    report.bar(Bar::at_least(BAR, ratio, LEAST, "", "no runs"));
    Ok(())
}

fn once(beside: Beside, seconds: f64) -> Result<Taken> {
    let site = Site::new(&load_institution(), beside, false)?;
    let askers = (beside == Beside::All).then(|| site.accounts("own")).transpose()?;
    let mut running = site.start(Some(&[RECEIVING_CORE]))?;
    let readers = match &askers {
        Some([house, _]) => {
            let (address, trust) = running.console()?;
            Some(Readers::listen(address, &trust, house, true)?)
        }
        None => None,
    };
    // Its lines are taken, so that it never waits for us.
    let output = running.output().context("no output")?;
    let printed = std::thread::spawn(move || output.iter().count());
    let to = running.flows()?;
    let sender = |hosts, mix| Sender::new(&Load { protocol: PROTOCOL, hosts, mix }, to);
    let (mut ordinary, mut floods) = (sender(HOSTS, Mix::Conversations)?, sender(FLOODED, Mix::Forged)?);
    // Memory and templates are new: not measured.
    ordinary.run(20_000.0, 0.5)?;
    pace::wait(std::time::Duration::from_millis(200));
    let dropped = || kernel::drops(to.port()).context("it does not listen any more");
    let (before, busy) = (dropped()?, processor::time_of_tree(running.process()));
    let (sent, flooded) = std::thread::scope(|scope| {
        let flooding = scope.spawn(|| floods.run(FLOOD_RATE, seconds));
        let sent = ordinary.run(RATE, seconds);
        (sent, flooding.join().unwrap_or_else(|_| anyhow::bail!("the sender panicked")))
    });
    let (sent, flooded) = (sent?, flooded?);
    let spent = processor::time_of_tree(running.process()).saturating_sub(busy).as_secs_f64();
    let all = sent.datagrams + flooded.datagrams;
    let lost = dropped()?.saturating_sub(before);
    ensure!(sent.errors + flooded.errors == 0, "sends failed");
    drop(running);
    let _ = printed.join();
    let lines: usize = readers.map_or(0, |readers| readers.finish().iter().map(Vec::len).sum());
    ensure!(beside == Beside::Nothing || lines > READERS, "the readers were told nothing");
    Ok(Taken {
        records_per_second: all.saturating_sub(lost) as f64 * PROTOCOL.records() as f64 / spent.max(1e-9),
        dropped_share: lost as f64 / all.max(1) as f64,
        lines,
    })
}
