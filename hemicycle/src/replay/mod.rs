//! `hemicycle replay`: files to events and a summary.

pub(crate) mod floods;
pub(crate) mod pace;
pub(crate) mod privacy;
pub(crate) mod progress;
pub(crate) mod reporter;
pub(crate) mod summary;
pub(crate) mod timeline;

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use detect::Detector;
use foresee::readiness::State;
use hemicycle::pipeline::Pipeline;
use hemicycle::web_baselines::WebState;
use intake::{Inputs, OpenOptions};
use jiff::tz::TimeZone;
use sketch::PUBLISHED_KEY;
use wire::Time;

use crate::cli::{Readiness, ReplayArguments, Speed};
use crate::files;
use crate::serve::key;
use crate::state;
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
    let known = arguments.baselines.as_deref().map(baselines).transpose()?;
    let key = match &arguments.key_file {
        Some(path) => key::read(path)?.with_context(|| format!("there is no {}", files::shown(path)))?,
        None => PUBLISHED_KEY,
    };
    let name = institution.as_ref().map(|known| known.name.clone());
    let zone = institution.as_ref().map_or(TimeZone::UTC, |known| known.time_zone.clone());
    let mut inputs = Inputs::open(&arguments.inputs, &options(arguments)).context("cannot replay")?;
    let (judged_by, mut has_begun) = (institution.clone().filter(|_| known.is_some()), false);
    let privacy = Privacy::new(arguments.show_addresses.clone());
    let mut output = BufWriter::new(io::stdout().lock());
    let form = form(arguments);
    let pacer = match arguments.speed {
        Speed::Max => None,
        Speed::Times(times) => Some(Pacer::new(times)),
    };
    let mut reporter = Reporter::new(&mut output, form, style, zone, privacy);
    reporter.play_at(pacer);
    if !arguments.quiet {
        reporter.show_progress(started);
    }
    let mut hourly = |detector: &mut Detector, time: Time| {
        let (Some(institution), Some((known, _))) = (&judged_by, &known) else { return };
        let is_first = !std::mem::replace(&mut has_begun, true);
        detector.learn(crate::learn::learning(institution, time));
        if is_first {
            known.recall(detector, time, None);
        }
    };
    let mut pipeline = Pipeline::with_key(institution, &mut reporter, key);
    if let Some(readiness) = arguments.readiness {
        pipeline.set_readiness(always(readiness));
    }
    if let Some((_, of_web)) = &known {
        pipeline.each_hour(&mut hourly);
        pipeline.recall_web(of_web);
    } else if arguments.speed == Speed::Max && !inputs.may_wait() {
        pipeline = pipeline.count_beside().context("cannot start a thread")?;
    }
    let ran = pipeline.run(&mut inputs)?;
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

/// What is written.
const fn form(arguments: &ReplayArguments) -> Form {
    match (arguments.json, arguments.quiet) {
        (true, _) => Form::Json,
        (false, false) => Form::Text,
        (false, true) => Form::Tables,
    }
}

/// A window over the whole of the input.
fn always(readiness: Readiness) -> detect::Readiness {
    let state = match readiness {
        Readiness::Watch => State::Watch,
        Readiness::Ready => State::Ready,
    };
    let ends = (Time::from_nanoseconds(i64::MIN), Time::from_nanoseconds(i64::MAX));
    let reason = format!("replayed with readiness `{}`", state.name());
    detect::Readiness::new(state.floors(), ends.0, ends.1, &reason)
}

/// What was learnt and is kept in a folder, of both layers. Of the web layer there may be nothing.
fn baselines(folder: &Path) -> Result<(state::State, WebState)> {
    let (known, of_web) = (state::load(folder)?, state::load_web(folder)?);
    if known.written.is_none() {
        bail!("there is no {}", files::shown(&state::path(folder)));
    }
    for warning in state::warning(&known, folder).into_iter().chain(state::web_warning(&of_web, folder)) {
        files::eprint_text(&format!("{}\n", crate::style::plain(&warning)));
    }
    Ok((known, of_web))
}

fn options(arguments: &ReplayArguments) -> OpenOptions {
    let mut options = OpenOptions::default();
    if !arguments.flow_ports.is_empty() {
        options.flow_ports.clone_from(&arguments.flow_ports);
    }
    options.log_format.clone_from(&arguments.log_format);
    options
}
