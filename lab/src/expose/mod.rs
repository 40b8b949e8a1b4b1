//! `lab expose`: whether what is said of an institution file is true.
//!
//! Four parts: [`models`], random ones against trying everything; [`known`], answers that were worked out by hand; [`speed`] of
//! large models, the page and hostile inputs; [`topology`], predictions against real programs in network namespaces.

mod known;
mod models;
mod speed;
mod topology;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::report::Report;

/// Why the bars of a part that was not asked for do not hold.
const LEFT_OUT: &str = "left out by --parts";

/// Parts of the evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Part {
    /// Random models against trying everything
    Models,
    /// Answers that were worked out by hand
    Known,
    /// Large models, the page, hostile inputs
    Speed,
    /// Predictions against floods in network namespaces
    Topologies,
}

/// Options of `lab expose`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only these parts; the bars of the others are not held
    #[arg(long, value_enum, value_delimiter = ',',
          default_values_t = [Part::Models, Part::Known, Part::Speed, Part::Topologies])]
    parts: Vec<Part>,
    /// Random models
    #[arg(long, default_value_t = models::MODELS)]
    models: u64,
    /// Seed of everything that is generated
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object a line for each figure and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/expose.md
    #[arg(long)]
    write: bool,
    /// Make a flood here: KIND ADDRESS SIZE SECONDS
    #[arg(long, hide = true, num_args = 4)]
    flood: Vec<String>,
}

/// Runs the evaluation. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    if !options.flood.is_empty() {
        topology::flood::run(&options.flood)?;
        return Ok(true);
    }
    let mut report = Report::new("expose", options.json);
    let asked = |part| options.parts.contains(&part);
    models::run(asked(Part::Models), options.models, options.seed, &mut report)?;
    known::run(asked(Part::Known), &mut report)?;
    speed::run(asked(Part::Speed), options.seed, &mut report)?;
    topology::run(asked(Part::Topologies), &mut report);
    report.finish(options.write)
}
