//! `hemicycle demo`: the recorded day of an invented parliament, through the same pipeline as `replay`.
//!
//! Each scene of the day is a recording that is part of the program. Its times are moved to the day (and stretched and
//! repeated, as the composition says), its addresses are mapped onto the example institution, and all scenes together
//! are one time line, as if a mirror port had seen them.

mod activity;
mod addresses;
mod day;
mod forecast;
mod outcome;
mod prediction;
mod showing;
mod stage;

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::time::Instant;

use anyhow::{Context, Result};
use hemicycle::pipeline::Pipeline;
use intake::{Clock, InputSummary, Inputs, OpenOptions};
use jiff::tz::TimeZone;
use serde::Serialize;
use wire::Time;

use crate::cli::DemoArguments;
use crate::files;
use crate::replay::privacy::Privacy;
use crate::replay::reporter::{Form, Reporter};
use crate::replay::summary::Summary;
use crate::style::Style;
use activity::Activity;
use addresses::AddressMap;
use day::{Day, INSTITUTION, INSTITUTION_NAME, Kind, Recordings, Scene};
use outcome::{Attack, Outcome};
use prediction::Prediction;
use showing::Showing;
use stage::{Announcement, Stage};

/// The last line of `--json`: that of `replay`, and how each scene came out.
#[derive(Serialize)]
struct DemoSummary<'a> {
    #[serde(flatten)]
    summary: &'a Summary,
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// What each flood was predicted to take down, and what the day shows.
    predictions: &'a [Prediction],
    /// Packets of services that had no room and are no part of that.
    #[serde(rename = "packets_of_services_omitted")]
    omitted: u64,
}

/// Plays the day.
///
/// # Errors
/// When what is part of the program does not fit together, or the output fails. Floods that were not found are no
/// error: the table at the end says so.
pub(crate) fn run(arguments: &DemoArguments) -> Result<()> {
    let started = Instant::now();
    let style = Style::new(arguments.color.color, &io::stdout());
    let day = Day::bundled()?;
    let zone = day.time_zone()?;
    let institution = institution::parse(INSTITUTION_NAME, INSTITUTION)
        .map_err(|problems| files::unusable(INSTITUTION_NAME, &problems))?;
    let name = institution.name.clone();
    let played = Played::new(&day, &zone)?;
    let mut output = BufWriter::new(io::stdout().lock());
    let form = if arguments.json { Form::Json } else { Form::Text };
    if form == Form::Text {
        output.write_all(introduction(&day, &name, style).as_bytes())?;
        output.flush()?;
    }
    let mut reporter = Reporter::new(&mut output, form, style, zone.clone(), Privacy::new(None));
    reporter.show_progress(started);
    let stays_open = !arguments.exit && !arguments.json;
    if stays_open {
        reporter.keep_events();
    }
    let Played { mut inputs, map_of_input, maps, attacks, mut announcements, scene_of_input } = played;
    announcements.sort_by_key(|announcement| announcement.time);
    let pipeline = Pipeline::new(Some(institution.clone()), &mut reporter);
    let mut stage = Stage {
        pipeline,
        map_of_input,
        maps,
        announcements: announcements.into(),
        activity: Activity::new(institution.clone()),
    };
    inputs.run(&mut stage)?;
    let Stage { pipeline, activity, .. } = stage;
    let ran = pipeline.finish();
    let events = reporter.take_events();
    let (floods, privacy, _) = reporter.finish()?;
    let inputs = together(&inputs.summaries(), &scene_of_input);
    let outcome = Outcome::new(&attacks, &floods);
    let (predictions, omitted) = prediction::compare(&institution, &floods, &activity)?;
    let summary = Summary::new(&inputs, &ran, &floods, &privacy, Some(&name), started);
    if arguments.json {
        let line = DemoSummary { summary: &summary, outcome: &outcome, predictions: &predictions, omitted };
        writeln!(output, "{}", serde_json::to_string(&line)?)?;
    } else {
        output.write_all(floods.table(style, &zone).as_bytes())?;
        output.write_all(summary.remarks_text(style).as_bytes())?;
        output.write_all(outcome.text(style, &zone).as_bytes())?;
        output.write_all(prediction::text(&predictions, omitted, style, &zone).as_bytes())?;
    }
    if stays_open {
        let records = inputs.iter().map(|input| input.records).sum();
        let tested = predictions.iter().map(|prediction| prediction.row(&zone)).collect();
        let start = day.time(jiff::civil::Time::midnight(), &zone)?;
        let showing = Showing { institution, events, start, records, tested };
        showing.run(&mut |line| {
            writeln!(output, "{line}")?;
            Ok(output.flush()?)
        })?;
    }
    Ok(output.flush()?)
}

/// The scenes, ready to be played.
struct Played {
    inputs: Inputs,
    map_of_input: Vec<usize>,
    scene_of_input: Vec<usize>,
    maps: Vec<AddressMap>,
    attacks: Vec<Attack>,
    announcements: Vec<Announcement>,
}

impl Played {
    fn new(day: &Day, zone: &TimeZone) -> Result<Self> {
        let mut played = Self {
            inputs: Inputs::new(&OpenOptions::default()),
            map_of_input: Vec::new(),
            scene_of_input: Vec::new(),
            maps: Vec::new(),
            attacks: Vec::new(),
            announcements: Vec::new(),
        };
        let mut recordings = Recordings::default();
        for (number, scene) in day.scenes.iter().enumerate() {
            let start = day.time(scene.at, zone)?;
            let map = AddressMap::new(&scene.map, &day.day).with_context(|| scene.title.clone())?;
            played.maps.push(map);
            played.add(number, scene, start, &mut recordings)?;
        }
        Ok(played)
    }

    fn add(&mut self, number: usize, scene: &Scene, start: Time, recordings: &mut Recordings) -> Result<()> {
        let recording = recordings.get(&scene.file)?;
        let span_seconds = recording.span_seconds / scene.speed;
        let loop_seconds = scene.loop_seconds.unwrap_or(span_seconds);
        let after = |seconds: f64| start.plus_nanoseconds((seconds * 1e9) as i64);
        for play in 0..scene.repeat {
            let clock = Clock { start: after(loop_seconds * f64::from(play)), speed: scene.speed };
            self.inputs.add_memory_at(scene.file.as_str(), recording.bytes.clone(), clock)?;
            self.map_of_input.push(number);
            self.scene_of_input.push(number);
        }
        if let Some(expect) = &scene.expect {
            let end = after(loop_seconds * f64::from(scene.repeat - 1) + span_seconds);
            let (title, expect) = (scene.title.clone(), expect.clone());
            self.attacks.push(Attack { title, start, end, expect });
        }
        let (title, note, is_attack) = (scene.title.clone(), scene.note.clone(), scene.kind == Kind::Attack);
        self.announcements.push(Announcement { time: start, title, note, is_attack });
        Ok(())
    }
}

/// What is played, honestly, before it is.
fn introduction(day: &Day, name: &str, style: Style) -> String {
    let mut files: BTreeMap<&str, bool> = BTreeMap::new();
    for scene in &day.scenes {
        files.insert(&scene.file, scene.file.starts_with("recorded/"));
    }
    let own = files.values().filter(|&&is_own| is_own).count();
    let others = files.len() - own;
    let plays: u32 = day.scenes.iter().map(|scene| scene.repeat).sum();
    format!(
        "{}\n\
         The parliament and its day are invented. What is played are recordings: {others} by others (real traffic, and\n\
         traffic of other people's labs) and {own} made for this project with real tools in a lab, {plays} plays in all; each\n\
         scene says which. Addresses are mapped onto the example institution, and no real address is shown. Times are moved\n\
         to that day: ordinary traffic is slowed down and repeated to fill it, floods are repeated to last, and the\n\
         24 hours are played in seconds. Rates are those of a small lab, far below those of large attacks.\n\n",
        style.bold(&format!("A recorded day: {name}, {} ({})", day.day.date, day.day.time_zone)),
    )
}

/// The plays of each scene as one input.
fn together(plays: &[InputSummary], scene_of_input: &[usize]) -> Vec<InputSummary> {
    let mut scenes: BTreeMap<usize, InputSummary> = BTreeMap::new();
    for (play, &scene) in plays.iter().zip(scene_of_input) {
        match scenes.get_mut(&scene) {
            None => {
                scenes.insert(scene, play.clone());
            }
            Some(sum) => {
                sum.records += play.records;
                sum.bytes += play.bytes;
                sum.skipped += play.skipped;
                sum.lost += play.lost;
                sum.counters.add(&play.counters);
                sum.last = sum.last.max(play.last);
            }
        }
    }
    scenes.into_values().collect()
}
