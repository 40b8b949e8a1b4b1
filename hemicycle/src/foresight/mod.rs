//! `hemicycle foresee`: the forecast's room on files, for people and programs.

mod backtest;
mod calendar;
mod feed;
pub(crate) mod graded;
mod import;
mod intel;
pub(crate) mod known;
mod matching;
mod moment;
mod outlook;
mod scorecard;
pub(crate) mod shown;
mod store;

use std::io::{self, Write};

use anyhow::{Context, Result};
use foresee::Day;
use foresee::issued::Issued;
use foresee::own::Class;
use institution::Institution;
use serde::Serialize;

use self::store::Store;
use crate::cli::{ForeseeArguments, ForeseeTask, House, KnownArguments, WhoArguments};
use crate::files;
use crate::serve::config::Foresight;
use hemicycle::intelligence::Folder;

/// Does what was asked for.
///
/// # Errors
/// When an input cannot be used, or would make a run look ahead.
pub(crate) fn run(arguments: &ForeseeArguments) -> Result<()> {
    match &arguments.task {
        ForeseeTask::Outlook(arguments) => outlook::run(arguments),
        ForeseeTask::Backtest(arguments) => backtest::run(arguments),
        ForeseeTask::Import(arguments) => import::run(arguments),
        ForeseeTask::Scorecard(arguments) => scorecard::run(arguments),
        ForeseeTask::Calendar(arguments) => calendar::run(arguments),
        ForeseeTask::Intel(arguments) => intel::run(&arguments.task),
    }
}

/// For whom something is said.
struct Who {
    institution: Option<Institution>,
    place: String,
    class: Class,
}

impl Who {
    fn of(arguments: &WhoArguments, color: bool) -> Result<Self> {
        let institution =
            arguments.institution.as_ref().map(|path| files::institution(path, color)).transpose()?;
        let country = institution.as_ref().and_then(|institution| institution.country.clone());
        let place = as_in_names(&arguments.place.clone().or(country).unwrap_or_else(|| "eu".to_owned()));
        let class = match arguments.house {
            Some(House::Parliament) => Class::Parliament,
            Some(House::Other) => Class::Other,
            None => institution.as_ref().map(class_of).unwrap_or_default(),
        };
        Ok(Self { institution, place, class })
    }
}

/// What a house is to those who make lists.
fn class_of(institution: &Institution) -> Class {
    if institution.house == institution::House::Parliament { Class::Parliament } else { Class::Other }
}

/// What is known: the folder, and what the store adds to it.
fn known(arguments: &KnownArguments, place: &str, until: Day) -> Result<(Folder, Option<Store>)> {
    let own = (place.len() == 2).then_some(place);
    let mut folder = match &arguments.data {
        Some(path) => Folder::read(path, own, until)?,
        None => Folder::default(),
    };
    let store = arguments.store.as_ref().map(|path| Store::open(path)).transpose()?;
    if let Some(store) = &store {
        store.add_to(&mut folder)?;
    }
    for (file, count) in folder.skipped.iter().filter(|(_, count)| *count > 0) {
        files::eprint_text(&format!("{count} rows of {file} could not be read and were skipped\n"));
    }
    Ok((folder, store))
}

/// What a service knows of the next days.
pub(crate) struct Now {
    /// As its console shows it.
    pub(crate) shown: console::outlook::Outlook,
    /// How ready to be.
    pub(crate) readiness: foresee::readiness::Readiness,
    /// The model's number for the own house within three days, if there is one: what an analyst's is graded beside.
    pub(crate) beside: Option<Issued>,
}

/// The outlook of now for a service.
///
/// # Errors
/// When an input cannot be used.
pub(crate) fn now(settings: &Foresight, institution: &Institution) -> Result<Now> {
    let place = settings.place.clone().or_else(|| institution.country.clone());
    let place = as_in_names(&place.unwrap_or_else(|| "eu".to_owned()));
    let at = jiff::Timestamp::now();
    let today = moment::day(at, &institution.time_zone);
    let arguments = KnownArguments { data: settings.data.clone(), store: settings.store.clone() };
    let (folder, store) = known(&arguments, &place, today)?;
    let lists = store.as_ref().map(|store| store.lists(at)).transpose()?.unwrap_or_default();
    let past = foresee::Past {
        panel: folder.panel.as_ref(),
        events: &folder.events,
        claims: &folder.claims,
        mix: &folder.mix,
        incidents: &folder.incidents,
        lists: &lists,
        institution: Some(institution),
        place: &place,
        class: class_of(institution),
    };
    let outlook = foresee::outlook(&past, at, &institution.time_zone)?;
    let mut shown = shown::shown(&outlook, institution, Vec::new());
    shown.reliability = graded::reliability(&outlook.reliability, &folder, store.as_ref(), institution);
    let own = |item: &Issued| item.days == 3 && item.who == "own";
    let beside = outlook::issued(&outlook, None, at).into_iter().find(own);
    Ok(Now { shown, readiness: outlook.readiness, beside })
}

/// Greece and the United Kingdom are written differently in ISO 3166 and in names of domains.
fn as_in_names(place: &str) -> String {
    match place.to_ascii_lowercase().as_str() {
        "el" => "gr".to_owned(),
        "uk" => "gb".to_owned(),
        place => place.to_owned(),
    }
}

/// One line of JSON.
fn line(output: &mut impl Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *output, value).context("cannot write JSON")?;
    Ok(writeln!(output)?)
}

/// Standard output, in one piece.
fn output() -> io::BufWriter<io::StdoutLock<'static>> {
    io::BufWriter::new(io::stdout().lock())
}
