//! `hemicycle foresee intel`: what others give, given on, matched and fetched.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use institution::Institution;
use intel::decay::Expiry;
use intel::indicator::{Indicator, Indicators};
use intel::taxii::{Answer, Cursor, MAXIMUM_ANSWER_BYTES, MEDIA_TYPE, Run, State};
use intel::technique::Names;
use intel::tlp::{Audience, Tlp};
use intel::warning::Warnings;
use intel::{list, misp, profile, stix};
use jiff::tz::TimeZone;
use notify::{FetchLimits, Source};
use serde_json::json;

use super::matching::{self, Sought};
use super::store::Store;
use super::{feed, line, moment, output};
use crate::cli::{Form, IntelTask};
use crate::files;
use crate::style::plain;
use hemicycle::intelligence::text;

/// Does what was asked for.
///
/// # Errors
/// When an input cannot be used, or a server keeps something back.
pub(super) fn run(task: &IntelTask) -> Result<()> {
    match task {
        IntelTask::Export { store, audience, form } => export(&Store::open(store)?, *audience, *form),
        IntelTask::Match { store, files, institution, warnings, audience, at, color } => {
            let color = crate::style::Style::new(color.color, &io::stderr()).color;
            let institution = institution.as_ref().map(|path| files::institution(path, color)).transpose()?;
            let at = moment::of(at.as_deref(), &TimeZone::UTC)?;
            let now = u32::try_from(at.as_second()).unwrap_or(0);
            let (indicators, complex) = rows(&Store::open(store)?)?;
            let warnings = warned(institution.as_ref(), warnings)?;
            matching::run(Sought { indicators, complex, warnings, audience: *audience, now }, files)
        }
        IntelTask::Fetch { url, store, authorization, ca_file, allow_plain, timeout, json } => {
            let source = Source::open(url, *allow_plain, ca_file.as_deref())?;
            let limits = FetchLimits {
                timeout: Duration::from_secs((*timeout).into()),
                body_bytes: MAXIMUM_ANSWER_BYTES,
            };
            fetch((&source, url, limits), &Store::open(store)?, authorization.as_deref(), *json)
        }
        IntelTask::Feed { source, store, ca_file, allow_plain, timeout, json } => {
            let from = (source.as_str(), *allow_plain, ca_file.as_deref());
            feed::take(from, Duration::from_secs((*timeout).into()), &Store::open(store)?, *json)
        }
        IntelTask::WriteFeed { store, audience, folder, organisation } => {
            let known = folded(&rows(&Store::open(store)?)?.0);
            feed::write(&each(&known), *audience, folder, organisation)
        }
        IntelTask::Profiles { file, techniques, audience, json } => {
            profiles(file, &named(techniques)?, *audience, *json)
        }
    }
}

/// Every indicator of a store as it was taken, those of tables and then those of STIX objects, and how many patterns ask for more than one observation. One
/// value may come several times: nothing of this may go out before it is [`folded`].
fn rows(store: &Store) -> Result<(Vec<Indicator>, usize)> {
    let mut found = Vec::new();
    list::read(&store.indicators()?, "store", Tlp::UNMARKED, |indicator| found.push(indicator));
    let (mut of_stix, complex) = store.library()?.indicators();
    found.append(&mut of_stix);
    Ok((found, complex))
}

/// One indicator for each value, marked as narrowly as whoever gave it most narrowly: a source that corrects itself, or somebody else who knows better, decides
/// for what was given before.
fn folded(rows: &[Indicator]) -> Indicators {
    let mut known = Indicators::new(matching::key(), Expiry::Earlier);
    let nothing = Warnings::default();
    rows.iter().for_each(|indicator| known.add(indicator, &nothing));
    if known.refused > 0 {
        files::eprint_text(&format!("{} values are none, or had no room, and stay\n", known.refused));
    }
    known
}

fn each(known: &Indicators) -> Vec<Indicator> {
    known.each(0).map(|(indicator, ..)| indicator).collect()
}

fn export(store: &Store, audience: Audience, form: Form) -> Result<()> {
    let mut output = output();
    let known = folded(&rows(store)?.0);
    let withheld = match form {
        Form::Stix => {
            let mut library = store.library()?;
            library.narrow(|kind, value| known.tlp_of(kind, value));
            // Objects that came as such leave as they came; what stands in tables is made into new ones.
            let mut of_tables = Vec::new();
            list::read(&store.indicators()?, "store", Tlp::UNMARKED, |indicator| of_tables.push(indicator));
            let mut of_tables = each(&folded(&of_tables));
            for indicator in &mut of_tables {
                let narrowest = known.tlp_of(indicator.kind, &indicator.value);
                indicator.tlp = narrowest.unwrap_or(Tlp::Red);
            }
            let (made, withheld) = stix::of_indicators(&of_tables, audience);
            made.objects().for_each(|object| library.add(object.clone()));
            let exported = library.export(audience, Tlp::UNMARKED)?;
            writeln!(output, "{}", exported.text)?;
            if exported.shortened > 0 {
                let count = exported.shortened;
                files::eprint_text(&format!(
                    "{count} leave without a reference to something that is withheld\n"
                ));
            }
            exported.withheld + withheld
        }
        Form::Misp => {
            let found = each(&known);
            let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
            let (event, withheld) =
                misp::event("Indicators given on by Hemicycle", "Hemicycle", &found, audience, now);
            writeln!(output, "{}", serde_json::to_string_pretty(&event)?)?;
            withheld
        }
        Form::Csv => {
            let found = each(&known);
            let (table, withheld) = list::write(&found, audience);
            write!(output, "{table}")?;
            withheld
        }
    };
    output.flush()?;
    files::eprint_text(&format!("{withheld} withheld: their marking does not reach this audience\n"));
    Ok(())
}

/// What must never become a rule.
pub(super) fn warned(institution: Option<&Institution>, lists: &[PathBuf]) -> Result<Warnings> {
    let mut warnings = Warnings::general();
    // What is ours comes first: no list, however long, may take its room.
    if let Some(institution) = institution {
        institution.prefixes.iter().for_each(|prefix| warnings.network("own", prefix.network));
        institution.allow.iter().for_each(|network| warnings.network("never filtered", *network));
        institution.proxies.trusted.iter().for_each(|network| warnings.network("own proxies", *network));
        for service in &institution.services {
            service.names.iter().for_each(|name| warnings.domain("own", name));
            service.addresses.iter().for_each(|address| warnings.network("own", (*address).into()));
        }
    }
    let own_skipped = warnings.skipped;
    for path in lists {
        warnings.read_misp(&text(path)?);
    }
    if own_skipped > 0 {
        bail!("the institution file has more networks and names than can be warned of");
    }
    if warnings.skipped > 0 {
        files::eprint_text(&format!(
            "{} entries of warning lists are none that are known here, and warn of nothing\n",
            warnings.skipped
        ));
    }
    Ok(warnings)
}

fn fetch(
    (source, url, limits): (&Source, &str, FetchLimits),
    store: &Store,
    authorization: Option<&Path>,
    as_json: bool,
) -> Result<()> {
    let secret = authorization.map(secret).transpose()?;
    let mut cursors: BTreeMap<String, Cursor> = match store.small("cursors.json")? {
        Some(text) => serde_json::from_str(&text).context("cursors.json of the store is broken")?,
        None => BTreeMap::new(),
    };
    let begun = Instant::now();
    let mut run = Run::new(cursors.get(url).unwrap_or(&Cursor::default()));
    let mut library = store.library()?;
    let before = library.len();
    while let Some(request) = run.request() {
        let mut fields = vec![("Accept", MEDIA_TYPE)];
        if let Some(secret) = &secret {
            fields.push(("Authorization", secret));
        }
        match source.get(&request.query, &fields, limits) {
            Ok(fetched) => {
                let field = |name: &str| {
                    fetched.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
                };
                let answer = Answer {
                    status: fetched.status,
                    content_type: field("content-type").unwrap_or_default(),
                    added_last: field("x-taxii-date-added-last"),
                    body: &fetched.body,
                };
                run.answer(&answer, begun.elapsed().as_secs())
                    .into_iter()
                    .for_each(|object| library.add(object));
            }
            Err(why) => run.failed(&why),
        }
    }
    // First what was given, then the place behind it: a crash between the two asks again and repeats nothing.
    store.keep(&library)?;
    if let Some(cursor) = place(&run, library.refused) {
        cursors.insert(url.to_owned(), cursor);
        store.replace("cursors.json", &serde_json::to_string(&cursors)?)?;
    }
    let new = library.len() - before;
    let mut output = output();
    if as_json {
        line(
            &mut output,
            &json!({"kind": "fetched", "source": source.target(), "objects": new,
            "repeated": run.repeated, "skipped": run.skipped, "refused": library.refused,
            "complete": *run.state() == State::Complete && library.refused == 0}),
        )?;
    } else {
        writeln!(output, "{new} objects of {}", plain(&source.target()))?;
    }
    output.flush()?;
    if library.refused > 0 {
        bail!("{} objects had no room in the store, and are asked for again", library.refused);
    }
    match run.state() {
        State::Incomplete(why) => bail!("{} did not give everything: {why}", source.target()),
        _ => Ok(()),
    }
}

/// Where to go on: nowhere else than before if something that was given was not kept.
fn place(run: &Run, refused: usize) -> Option<Cursor> {
    (refused == 0).then(|| run.cursor())
}

/// A secret of a file that only its owner can read.
fn secret(path: &Path) -> Result<String> {
    let data = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(mode) = files::exposed(&data) {
        bail!("{} can be read by others (mode {mode:o}): chmod 600 it", path.display());
    }
    let text = text(path)?;
    let text = text.trim().to_owned();
    if text.is_empty() || text.contains(['\r', '\n']) {
        bail!("{} holds no single line", path.display());
    }
    Ok(text)
}

/// What techniques are called.
fn named(paths: &[PathBuf]) -> Result<Names> {
    let mut names = Names::default();
    for path in paths {
        names.read(&text(path)?);
    }
    if names.skipped > 0 {
        files::eprint_text(&format!("{} rows name no technique and were skipped\n", names.skipped));
    }
    Ok(names)
}

fn profiles(path: &Path, names: &Names, audience: Audience, as_json: bool) -> Result<()> {
    let profiles = profile::read(&text(path)?).with_context(|| format!("cannot use {}", path.display()))?;
    let mut output = output();
    for profile in profile::visible(&profiles, audience) {
        let techniques = profile.techniques.iter().filter_map(|id| names.named(id));
        if as_json {
            let mut value = serde_json::to_value(profile)?;
            value["kind"] = json!("profile");
            value["techniques_named"] = json!(techniques.collect::<Vec<_>>());
            line(&mut output, &value)?;
            continue;
        }
        writeln!(
            output,
            "{} ({}), threat level {}: {}",
            plain(&profile.name),
            plain(&profile.category),
            profile.level.name(),
            plain(&profile.level_reason)
        )?;
        for technique in techniques {
            let name = technique.name.as_deref().unwrap_or(&technique.link);
            writeln!(output, "  {} ({}) {}", technique.id, technique.framework.name(), plain(name))?;
        }
        for statement in &profile.statements {
            writeln!(
                output,
                "  {}\n    {}, {}: {}",
                plain(&statement.text),
                plain(&statement.source),
                plain(&statement.date),
                statement.admiralty.words()
            )?;
        }
    }
    Ok(output.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_had_no_room_is_asked_for_again() {
        let mut run = Run::new(&Cursor::default());
        let body = br#"{"objects":[{"type":"tool","id":"tool--1"},{"type":"tool","id":"tool--2"}]}"#;
        let added_last = Some("2024-01-01T00:00:00Z");
        let answer = Answer { status: 200, content_type: MEDIA_TYPE, added_last, body };
        let mut library = stix::Library::of_at_most(1);
        run.answer(&answer, 0).into_iter().for_each(|object| library.add(object));
        assert_eq!((run.state(), library.len(), library.refused), (&State::Complete, 1, 1));
        assert_eq!(
            place(&run, library.refused),
            None,
            "behind what was not kept there is no place to go on from"
        );
        assert!(place(&run, 0).unwrap().added_after.is_some());
    }
}
