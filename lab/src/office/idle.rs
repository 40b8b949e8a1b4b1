//! The service with the example institution, record and console, while nothing comes: what it takes all night.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::Options;
use super::client::Connection;
use super::site::{Beside, Site};
use crate::live::{pace, processor};
use crate::report::{Bar, Report};

/// What has to hold.
pub(super) const BARS: [&str; 2] =
    ["resident memory, idle on the example", "processor time of a core, idle on the example"];
const MOST_MEBIBYTES: f64 = 60.0;
const MOST_PERCENT: f64 = 1.0;
const INSTITUTION: &str = include_str!("../../../data/institution/examplia.toml");
/// Pages that somebody looked at before going home.
const LOOKED_AT: [&str; 5] = ["/", "/floods", "/institution", "/settings", "/data-protection"];
/// Until what a start leaves is done.
const SETTLE: Duration = Duration::from_secs(3);

pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let site = Site::new(INSTITUTION, Beside::All, true)?;
    let [asker, _] = site.accounts("party-x")?;
    let running = site.start(None)?;
    let (address, trust) = running.console()?;
    let mut connection = Connection::open(address, &trust)?;
    for path in LOOKED_AT {
        ensure!(connection.ask(path, &asker)?.status == 200, "{path} is refused");
    }
    drop(connection);
    pace::wait(SETTLE);
    let before = processor::time_of_tree(running.process());
    let seconds = options.seconds;
    pace::wait(Duration::from_secs_f64(seconds));
    let spent = processor::time_of_tree(running.process()).saturating_sub(before).as_secs_f64();
    let memory = processor::memory_of_tree(running.process());
    let (mebibytes, percent) = (memory as f64 / f64::from(1 << 20), spent / seconds * 100.0);
    report.line(&json!({"kind": "idle", "seconds": seconds, "resident_mebibytes": mebibytes, "percent_of_a_core": percent}));
    let memory = (memory > 0).then_some(mebibytes).context("its memory is not known")?;
    report.bar(Bar::at_most(BARS[0], Some(memory), MOST_MEBIBYTES, " MiB", ""));
    report.bar(Bar::at_most(BARS[1], Some(percent), MOST_PERCENT, " %", ""));
    Ok(())
}
