//! `hemicycle replay`: files to events and a summary.

pub(crate) mod floods;
pub(crate) mod pace;
pub(crate) mod privacy;
pub(crate) mod progress;
pub(crate) mod reporter;
pub(crate) mod summary;
pub(crate) mod timeline;

use std::io::{self, BufWriter, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use hemicycle::pipeline::Pipeline;
use intake::{Inputs, OpenOptions};
use jiff::tz::TimeZone;

use crate::cli::{ReplayArguments, Speed};
use crate::files;
use crate::style::Style;
use pace::Pacer;
use privacy::Privacy;
use reporter::{Form, Reporter};
use summary::Summary;

/// Reads the inputs and prints what is in them.
///
/// # Errors
/// When an input or the institution file is unusable, or the output fails.
pub(crate) fn run(arguments: &ReplayArguments) -> Result<()> {
    let started = Instant::now();
    let style = Style::new(arguments.color.color, &io::stdout());
    let color = Style::new(arguments.color.color, &io::stderr()).color;
    let institution = match &arguments.institution {
        Some(path) => Some(files::institution(path, color)?),
        None => None,
    };
    let name = institution.as_ref().map(|known| known.name.clone());
    let zone = institution.as_ref().map_or(TimeZone::UTC, |known| known.time_zone.clone());
    let mut inputs = Inputs::open(&arguments.inputs, &options(arguments)).context("cannot replay")?;
    let privacy = Privacy::new(arguments.show_addresses.clone());
    let mut output = BufWriter::new(io::stdout().lock());
    let form = match (arguments.json, arguments.quiet) {
        (true, _) => Form::Json,
        (false, false) => Form::Text,
        (false, true) => Form::Tables,
    };
    let pacer = match arguments.speed {
        Speed::Max => None,
        Speed::Times(times) => Some(Pacer::new(times)),
    };
    let mut reporter = Reporter::new(&mut output, form, style, zone, privacy);
    reporter.play_at(pacer);
    if !arguments.quiet {
        reporter.show_progress(started);
    }
    let ran = Pipeline::new(institution, &mut reporter).run(&mut inputs)?;
    let (floods, privacy, zone) = reporter.finish()?;
    let summary = Summary::new(&inputs.summaries(), &ran, &floods, &privacy, name.as_deref(), started);
    match form {
        Form::Json => writeln!(output, "{}", serde_json::to_string(&summary)?)?,
        Form::Text | Form::Tables => {
            output.write_all(floods.table(style, &zone).as_bytes())?;
            output.write_all(summary.text(style).as_bytes())?;
        }
    }
    Ok(output.flush()?)
}

fn options(arguments: &ReplayArguments) -> OpenOptions {
    let mut options = OpenOptions::default();
    if !arguments.flow_ports.is_empty() {
        options.flow_ports.clone_from(&arguments.flow_ports);
    }
    options
}
