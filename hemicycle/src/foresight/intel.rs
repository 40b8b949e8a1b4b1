//! `hemicycle foresee intel`: what others give, given on, matched and fetched.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use institution::Institution;
use intel::decay::Expiry;
use intel::indicator::{Indicator, Indicators, Kind};
use intel::taxii::{Answer, Cursor, MAXIMUM_ANSWER_BYTES, MEDIA_TYPE, Run, State};
use intel::technique::Names;
use intel::tlp::{Audience, Tlp};
use intel::warning::Warnings;
use intel::{list, misp, profile, stix};
use jiff::tz::TimeZone;
use notify::{FetchLimits, Source};
use serde_json::json;

use super::store::Store;
use super::{feed, line, moment, output};
use crate::cli::{Form, IntelTask};
use crate::files;
use crate::style::plain;
use hemicycle::intelligence::text;

/// Longest line that is looked at.
const MAXIMUM_LINE_BYTES: usize = 1 << 20;
/// The key of the table: a run over files is nobody's to attack twice.
const KEY: (u64, u64) = (0x1f83_d9ab_fb41_bd6b, 0x5be0_cd19_137e_2179);

/// Does what was asked for.
///
/// # Errors
/// When an input cannot be used, or a server keeps something back.
pub(super) fn run(task: &IntelTask) -> Result<()> {
    match task {
        IntelTask::Export { store, audience, form } => export(&Store::open(store)?, *audience, *form),
        IntelTask::Match { store, files, institution, warnings, at, color } => {
            let color = crate::style::Style::new(color.color, &io::stderr()).color;
            let institution = institution.as_ref().map(|path| files::institution(path, color)).transpose()?;
            let at = moment::of(at.as_deref(), &TimeZone::UTC)?;
            let now = u32::try_from(at.as_second()).unwrap_or(0);
            match_lines(&Store::open(store)?, files, &warned(institution.as_ref(), warnings)?, now)
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
            feed::write(&indicators(&Store::open(store)?)?.0, *audience, folder, organisation)
        }
        IntelTask::Profiles { file, techniques, audience, json } => {
            profiles(file, &named(techniques)?, *audience, *json)
        }
    }
}

/// Every indicator of a store: those of tables, and those of STIX objects.
fn indicators(store: &Store) -> Result<(Vec<Indicator>, usize)> {
    let mut found = Vec::new();
    list::read(&store.indicators()?, "store", Tlp::UNMARKED, |indicator| found.push(indicator));
    let (mut of_stix, complex) = store.library()?.indicators();
    found.append(&mut of_stix);
    Ok((found, complex))
}

fn export(store: &Store, audience: Audience, form: Form) -> Result<()> {
    let mut output = output();
    let withheld = match form {
        Form::Stix => {
            let mut library = store.library()?;
            let mut found = Vec::new();
            list::read(&store.indicators()?, "store", Tlp::UNMARKED, |indicator| found.push(indicator));
            let (made, withheld) = stix::of_indicators(&found, audience);
            made.objects().for_each(|object| library.add(object.clone()));
            let exported = library.export(audience, Tlp::UNMARKED)?;
            writeln!(output, "{}", exported.text)?;
            exported.withheld + withheld
        }
        Form::Misp => {
            let (found, _) = indicators(store)?;
            let now = u32::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
            let (event, withheld) =
                misp::event("Indicators given on by Hemicycle", "Hemicycle", &found, audience, now);
            writeln!(output, "{}", serde_json::to_string_pretty(&event)?)?;
            withheld
        }
        Form::Csv => {
            let (found, _) = indicators(store)?;
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
    for path in lists {
        warnings.read_misp(&text(path)?);
    }
    if let Some(institution) = institution {
        institution.prefixes.iter().for_each(|prefix| warnings.network("own", prefix.network));
        institution.allow.iter().for_each(|network| warnings.network("never filtered", *network));
        institution.proxies.trusted.iter().for_each(|network| warnings.network("own proxies", *network));
        for service in &institution.services {
            service.names.iter().for_each(|name| warnings.domain("own", name));
            service.addresses.iter().for_each(|address| warnings.network("own", (*address).into()));
        }
    }
    Ok(warnings)
}

fn match_lines(store: &Store, paths: &[PathBuf], warnings: &Warnings, now: u32) -> Result<()> {
    let (found, complex) = indicators(store)?;
    let mut table = Indicators::new(KEY, Expiry::Earlier);
    found.iter().for_each(|indicator| table.add(indicator, warnings));
    drop(found);
    let mut output = output();
    let (mut lines, mut matched) = (0u64, 0u64);
    for path in paths {
        let reader: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::new(file))
        };
        each_line(reader, |number, text| {
            lines += 1;
            for (index, word) in words(&table, text) {
                let Some(found) = table.sight(index, now) else { continue };
                matched += 1;
                let sign = json!({"kind": "sign", "name": "indicator_matched", "source": path.display().to_string(),
                    "target": word, "detail": {"line": number, "indicator": found}});
                line(&mut output, &sign)?;
            }
            Ok(())
        })?;
    }
    let summary = json!({"kind": "summary", "lines": lines, "matched": matched, "indicators": table.len(),
        "warned": table.warned, "refused": table.refused, "patterns_not_matched": complex});
    line(&mut output, &summary)?;
    Ok(output.flush()?)
}

/// Lines without their ends; a longer one than [`MAXIMUM_LINE_BYTES`] is cut into several.
fn each_line(mut reader: impl BufRead, mut take: impl FnMut(u64, &str) -> Result<()>) -> Result<()> {
    let mut number = 0;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let count = io::Read::take(&mut reader, MAXIMUM_LINE_BYTES as u64).read_until(b'\n', &mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        number += 1;
        take(number, &String::from_utf8_lossy(&bytes))?;
    }
}

/// Words of a line that an indicator meets.
fn words(table: &Indicators, text: &str) -> Vec<(u32, String)> {
    let apart = |character: char| character.is_whitespace() || ",;\"'<>()[]{}|".contains(character);
    let look = |word: &str| -> Option<u32> {
        if let Ok(address) = word.parse::<IpAddr>() {
            return table.address(address);
        }
        if word.contains("://") {
            let host = word
                .split_once("://")
                .map_or("", |(_, rest)| rest.split(['/', ':', '?']).next().unwrap_or_default());
            return table.value(Kind::Url, word).or_else(|| table.domain(host));
        }
        if word.len() >= 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return table.value(Kind::Hash, word);
        }
        if word.contains('@') {
            return table.value(Kind::Email, word);
        }
        word.contains('.').then(|| table.domain(word)).flatten()
    };
    text.split(apart)
        .filter(|word| word.len() > 3)
        .filter_map(|word| Some((look(word)?, word.to_owned())))
        .collect()
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
                run.answer(&answer).into_iter().for_each(|object| library.add(object));
            }
            Err(why) => run.failed(&why),
        }
    }
    // First what was given, then the place behind it: a crash between the two asks again and repeats nothing.
    store.keep(&library)?;
    cursors.insert(url.to_owned(), run.cursor());
    store.replace("cursors.json", &serde_json::to_string(&cursors)?)?;
    let new = library.len() - before;
    let mut output = output();
    if as_json {
        line(
            &mut output,
            &json!({"kind": "fetched", "source": source.target(), "objects": new,
            "repeated": run.repeated, "skipped": run.skipped, "complete": *run.state() == State::Complete}),
        )?;
    } else {
        writeln!(output, "{new} objects of {}", plain(&source.target()))?;
    }
    output.flush()?;
    match run.state() {
        State::Incomplete(why) => bail!("{} did not give everything: {why}", source.target()),
        _ => Ok(()),
    }
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
