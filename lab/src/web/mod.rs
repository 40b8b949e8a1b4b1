//! `lab web`: requests, from logs and from packets, with floods and surges whose truth is known.
//!
//! Four parts: [`weeks`] of generated requests of several services, [`recordings`] with labels, [`speed`] beside other
//! programs, and what [`sampling`] costs. Ordinary traffic of the weeks is made of the sessions of a real log ([`corpus`]) at rates that vary as real ones do
//! ([`rate`]); what is inserted is in [`event`]; [`traffic`] puts them in order, [`score`] judges what an [`Answerer`] said.

mod corpus;
mod detected;
mod event;
mod plot;
mod rate;
mod recordings;
mod request;
mod sampling;
mod score;
mod speed;
mod traffic;
mod weeks;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, ValueEnum};
use wire::web::Request;

use self::score::Found;
use self::traffic::Settings;
use crate::report::Report;

/// Why the bars of a part that was not asked for do not hold.
const LEFT_OUT: &str = "left out by --parts";

/// Parts of the evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Part {
    /// Generated requests of several services over weeks
    Weeks,
    /// Captures and logs with labels
    Recordings,
    /// Lines and packets a second, beside other programs
    Speed,
    /// Generated requests of which one in so many is seen
    Sampling,
}

/// Options of `lab web`.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Only these parts; the bars of the others are not held
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Part::Weeks, Part::Recordings, Part::Speed, Part::Sampling])]
    parts: Vec<Part>,
    /// A folder with EXPECTED.tsv for the recordings; default: data/captures of the repository. Its own recordings are always run
    #[arg(long, value_name = "FOLDER")]
    data: Vec<PathBuf>,
    /// Services, from quiet to busy ones
    #[arg(long, default_value_t = 20)]
    services: u32,
    /// Simulated days, the first of which is a Monday
    #[arg(long, default_value_t = 60)]
    days: u32,
    /// Days before the first event
    #[arg(long, default_value_t = 3)]
    quiet: u32,
    /// Requests a second of the quietest service, on average
    #[arg(long, default_value_t = 1.0)]
    least: f64,
    /// Requests a second of the busiest service, on average
    #[arg(long, default_value_t = 20.0)]
    most: f64,
    /// Coefficient of variation of a minute's rate
    #[arg(long, default_value_t = 0.25)]
    variation: f64,
    /// Floods in all, spread over the services
    #[arg(long, default_value_t = 200)]
    floods: u32,
    /// Surges on each service
    #[arg(long, default_value_t = 2)]
    surges: u32,
    /// Seed of everything that is generated
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object a line for each event and each bar, before the closing line
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/measured/web.md, and the curve beside it
    #[arg(long)]
    write: bool,
}

/// Something that is shown all requests in order of time and says what it makes of them.
///
/// Times of services whose logs have whole seconds are up to a second behind the others.
pub(crate) trait Answerer {
    /// One request of a service.
    fn request(&mut self, service: u32, request: &Request<'_>);
    /// What was found, floods and surges.
    fn finish(self) -> Vec<Found>;
}

impl Options {
    fn settings(&self) -> Settings {
        let floods = self.floods.div_ceil(self.services.max(1));
        Settings {
            services: self.services.max(1),
            seconds: i64::from(self.days) * 86_400,
            rates: (self.least, self.most),
            variation: self.variation,
            rises: 1.0,
            monitors: 2,
            quiet: i64::from(self.quiet) * 86_400,
            floods: floods as usize,
            surges: self.surges as usize,
            seed: self.seed,
        }
    }
}

/// Runs the evaluation. Gives whether all bars hold.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let mut report = Report::new("web", options.json);
    let wants = |part: Part| options.parts.contains(&part);
    // First, since a namespace is entered while no other thread runs.
    match wants(Part::Speed) {
        true => speed::run(&mut report)?,
        false => speed::skip(LEFT_OUT, &mut report),
    }
    match wants(Part::Recordings) {
        true => recordings::run(&options.data, &mut report)?,
        false => recordings::skip(LEFT_OUT, &mut report),
    }
    match wants(Part::Weeks) {
        true => weeks::run(options, &mut report)?,
        false => weeks::skip(LEFT_OUT, &mut report),
    }
    if wants(Part::Sampling) {
        sampling::run(options.seed, &mut report)?;
    }
    report.finish(options.write)
}
