//! `lab console`: what the console costs and how fast it answers, with the service as users run it.
//!
//! * `pages`: every page and answer with 10,000 floods in the record.
//! * `load`: records that the service takes in on one core with nothing beside it, and with record, console and 50 readers of
//!   events, runs alternating.
//! * `crowd`: 1,000 clients, 50 of them readers of events, and one that drips its request.
//! * `idle`: memory and processor time of the service with the example institution while nothing comes.
//! * `size`: what 200 services take on the disk.
//!
//! Limits: clients run on the same machine, so their TLS is in every waiting time; the disk is memory where there is /dev/shm.

mod client;
mod crowd;
mod idle;
mod load;
mod pages;
mod readers;
mod site;
mod size;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::live::namespace;
use crate::report::{Bar, Report};

/// A part of the evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Part {
    /// Pages with 10,000 floods
    Pages,
    /// Throughput beside the bare pipeline
    Load,
    /// 1,000 clients
    Crowd,
    /// Nothing comes
    Idle,
    /// Bytes on the disk
    Size,
}

/// Options of `lab console`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only these parts (the bars of others are skipped)
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// Pairs of runs of `load`
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Seconds of each load, of the crowd and of idling
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Floods in the record for `pages`
    #[arg(long, default_value_t = 10_000)]
    floods: usize,
    /// One JSON object a line for each figure and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/console.md
    #[arg(long)]
    write: bool,
}

/// What measures a part.
type Measure = fn(&Options, &mut Report) -> Result<()>;

/// Runs the evaluation. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut report = Report::new("console", options.json);
    // Before any thread runs. Where it is not allowed, loopback is shared with whatever else runs here.
    if let Err(error) = namespace::enter() {
        eprintln!("no network namespace of our own: {error:#}");
    }
    let parts: [(Part, &[&str], Measure); 5] = [
        (Part::Pages, &[pages::BAR], pages::run),
        (Part::Load, &[load::BAR], load::run),
        (Part::Crowd, &crowd::BARS, crowd::run),
        (Part::Idle, &idle::BARS, idle::run),
        (Part::Size, &[size::BAR], size::run),
    ];
    for (part, bars, measure) in parts {
        let reason = if !options.only.is_empty() && !options.only.contains(&part) {
            Some("left out by --only".to_owned())
        } else {
            measure(options, &mut report).err().map(|error| format!("{error:#}"))
        };
        if let Some(reason) = reason {
            bars.iter().for_each(|bar| report.bar(Bar::skipped(*bar, "", reason.clone())));
        }
    }
    report.finish(options.write)
}

/// The value that so large a share of values does not exceed; values are sorted by this.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len().saturating_sub(1) as f64 * share).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_values_that_were_there() {
        let mut values = [5.0, 1.0, 3.0, 2.0, 4.0];
        assert_eq!([0.0, 0.5, 1.0].map(|share| quantile(&mut values, share)), [1.0, 3.0, 5.0]);
        assert!(quantile(&mut [], 0.5).is_nan());
    }
}
