//! `hemicycle learn`: files to what is ordinary, kept in the state folder of a service.
//!
//! What the folder has from before the files is recalled first, so that weeks add up when each night's files are
//! learnt the next morning. What it has from later is joined with what the files say of its past.

mod report;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use detect::{Learning, LearntTarget};
use hemicycle::pipeline::{Pipeline, Ran};
use institution::Institution;
use intake::{InputSummary, Inputs, OpenOptions};
use wire::Time;

use crate::cli::LearnArguments;
use crate::files;
use crate::replay::floods::Floods;
use crate::replay::privacy::Privacy;
use crate::replay::reporter::{Form, Reporter};
use crate::replay::timeline::timestamp;
use crate::state::{self, Entry, Recalled, State};
use crate::style::Style;
use report::Report;

/// How a detector of this institution learns at a time: by the clocks on its walls.
pub(crate) fn learning(institution: &Institution, now: Time) -> Learning {
    Learning {
        false_alarms_per_month: institution.detect.false_alarms_per_month,
        utc_offset_seconds: institution.time_zone.to_offset(timestamp(now)).seconds(),
    }
}

/// Reads the inputs, learns, saves, and prints what was learnt.
///
/// # Errors
/// When an input, the institution file or the state file is unusable, or the output fails.
pub(crate) fn run(arguments: &LearnArguments) -> Result<()> {
    let started = Instant::now();
    let style = Style::new(arguments.color.color, &io::stdout());
    let color = Style::new(arguments.color.color, &io::stderr()).color;
    let institution = files::institution(&arguments.institution, color)?;
    let folder = &arguments.state;
    let known = state::load(folder).context("remove it, or name another folder, to learn anew")?;
    if let Some(warning) = state::warning(&known, folder) {
        files::eprint_text(&format!("{}\n", crate::style::plain(&warning)));
    }
    let mut inputs = Inputs::open(&arguments.inputs, &options(arguments)).context("cannot learn")?;
    let mut output = BufWriter::new(io::stdout().lock());
    let zone = institution.time_zone.clone();
    let mut reporter = Reporter::new(&mut output, Form::Tables, style, zone, Privacy::new(None));
    if !arguments.quiet {
        reporter.show_progress(started);
    }
    let studied = study(&institution, &known, &mut inputs, &mut reporter)?;
    let (floods, privacy, zone) = reporter.finish()?;
    let now = intake::collect::now();
    let joined = join(&studied, &known, now);
    let saved = state::save_all(folder, joined.clone(), known.entries, now)?;
    let report = Report {
        entries: &joined,
        recalled: studied.recalled,
        saved,
        path: state::path(folder),
        summary: summary(&inputs.summaries(), &studied.ran, &floods, &privacy, &institution, started),
        floods: floods.count(),
    };
    if arguments.json {
        report.write_json(&mut output)?;
    } else {
        output.write_all(report.text(style, &zone).as_bytes())?;
    }
    Ok(output.flush()?)
}

fn options(arguments: &LearnArguments) -> OpenOptions {
    let mut options = OpenOptions::default();
    if !arguments.flow_ports.is_empty() {
        options.flow_ports.clone_from(&arguments.flow_ports);
    }
    options
}

fn summary(
    inputs: &[InputSummary],
    ran: &Ran,
    floods: &Floods,
    privacy: &Privacy,
    institution: &Institution,
    started: Instant,
) -> crate::replay::summary::Summary {
    crate::replay::summary::Summary::new(inputs, ran, floods, privacy, Some(&institution.name), started)
}

/// What a run brought.
struct Studied {
    learnt: Vec<detect::Learnt>,
    /// Times of the first and the last record.
    span: Option<(Time, Time)>,
    recalled: Recalled,
    ran: Ran,
}

fn study<W: Write>(
    institution: &Institution,
    known: &State,
    inputs: &mut Inputs,
    reporter: &mut Reporter<'_, W>,
) -> Result<Studied> {
    let mut first = None;
    let mut recalled = Recalled::default();
    let mut hourly = |detector: &mut detect::Detector, time: Time| {
        detector.learn(learning(institution, time));
        if first.is_none() {
            first = Some(time);
            recalled = known.recall(detector, time, Some(time));
        }
    };
    let mut pipeline = Pipeline::new(Some(institution.clone()), reporter);
    pipeline.each_hour(&mut hourly);
    inputs.run(&mut pipeline)?;
    let learnt = pipeline.detector().into_iter().flat_map(|detector| detector.learnt());
    let learnt = learnt.filter(|learnt| state::is_own(institution, &learnt.target)).collect();
    let ran = pipeline.finish();
    let last = inputs.summaries().iter().filter_map(|input| input.last).max();
    let span = first.map(|first| (first, last.unwrap_or(first).max(first)));
    Ok(Studied { learnt, span, recalled, ran })
}

/// What was learnt, together with what the folder knows of later times than the first record. Nothing is learnt in
/// the future: what says so has a wrong clock.
fn join(studied: &Studied, known: &State, now: Time) -> BTreeMap<LearntTarget, Entry> {
    let Some((first, last)) = studied.span else { return BTreeMap::new() };
    let (first, at) = (timestamp(first), timestamp(last.min(now)));
    let entries = studied.learnt.iter().map(|learnt| {
        let entry = Entry { at, learnt: learnt.clone() };
        let later = known.entries.get(&learnt.target).filter(|later| later.at > first);
        // Both were tried before, and a pair that does not fit is no loss: what was just learnt holds.
        let joined = later.and_then(|later| state::merged(&entry, later).ok());
        (learnt.target.clone(), joined.unwrap_or(entry))
    });
    entries.collect()
}
