//! `hemicycle ledger`: what can be done to a record from outside, while its service runs or not.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use record::{AddressReport, Copied, Erasure, Options, Reader, Record, Verification};
use serde::Serialize;
use serde_json::json;

use crate::cli::{KeyArgument, LedgerArguments, LedgerTask, PersonArguments};
use crate::files;
use crate::serve::key;
use crate::style::plain;

type Key = [u8; 16];

/// Does what was asked for.
///
/// # Errors
/// When a record or an export cannot be used, or does not hold.
pub(crate) fn run(arguments: &LedgerArguments) -> Result<()> {
    match &arguments.task {
        LedgerTask::Verify { record, head, whole, key, json } => {
            let check = if *whole { record::verify_all } else { record::verify };
            verify(record, head.as_ref(), key, (check, *json))
        }
        LedgerTask::Export { record, show_addresses, by, key } => {
            export(record, show_addresses.as_deref(), by.as_deref(), key)
        }
        LedgerTask::Backup { record, copy, key, json } => {
            let done = record::backup(record, copy, read_key(key.key_file.as_ref())?);
            copied(
                "backup",
                &done.with_context(|| format!("cannot back {} up", files::shown(record)))?,
                *json,
            )
        }
        LedgerTask::Restore { copy, record, key, json } => {
            let done = record::restore(copy, record, read_key(key.key_file.as_ref())?);
            copied("restore", &done.with_context(|| format!("cannot restore {}", files::shown(copy)))?, *json)
        }
        LedgerTask::HeldAbout(person) => held_about(person),
        LedgerTask::Erase(person) => erase(person),
    }
}

fn read_key(path: Option<&PathBuf>) -> Result<Option<Key>> {
    let Some(path) = path else { return Ok(None) };
    key::read(path)?.with_context(|| format!("there is no {}", files::shown(path))).map(Some)
}

/// Looks at the ledger of a folder.
type Check = fn(&Path, Option<Key>, Option<&record::Head>) -> record::Result<Verification>;

fn verify(
    path: &Path,
    head: Option<&record::Head>,
    key: &KeyArgument,
    (check, json): (Check, bool),
) -> Result<()> {
    let key = read_key(key.key_file.as_ref())?;
    let name = files::shown(path);
    let failed = || format!("cannot read {name}");
    let found = if path.is_dir() {
        check(path, key, head).with_context(failed)?
    } else {
        let file = File::open(path).with_context(failed)?;
        record::verify_export(BufReader::new(file), key, head).with_context(failed)?
    };
    let mut output = io::stdout().lock();
    if json {
        writeln!(output, "{}", line("verification", &found)?)?;
    } else {
        write!(output, "{}", plain(&told(&found)))?;
    }
    output.flush()?;
    if found.holds {
        return Ok(());
    }
    let plural = if found.fault_count == 1 { "fault" } else { "faults" };
    bail!("the ledger of {name} does not hold: {} {plural}", found.fault_count)
}

/// What was found, for a person.
fn told(found: &Verification) -> String {
    let mut text = String::new();
    for fault in &found.faults {
        match fault.seq {
            Some(seq) => text.push_str(&format!("entry {seq}: {}\n", fault.what)),
            None => text.push_str(&format!("{}\n", fault.what)),
        }
    }
    let state = if found.holds { "holds" } else { "does not hold" };
    let seals = if found.sealed { "seals checked" } else { "seals not checked: no --key-file" };
    text.push_str(&format!("{} entries, the chain {state}, {seals}\n", found.entries));
    if found.bodies_removed > 0 {
        text.push_str(&format!("{} bodies were removed when their time was up\n", found.bodies_removed));
    }
    text.push_str(&format!("head {}\n", found.head));
    text
}

fn export(path: &Path, purpose: Option<&str>, by: Option<&str>, key: &KeyArgument) -> Result<()> {
    let mut output = BufWriter::new(io::stdout().lock());
    let failed = || format!("cannot export {}", files::shown(path));
    let done = match (purpose, by, read_key(key.key_file.as_ref())?) {
        (Some(purpose), Some(by), Some(key)) => {
            let record = open(path, key)?;
            record::export(&record.reader(), &mut output, Some((&record.writer(), purpose, by)))
        }
        _ => record::export(&Reader::open(path).with_context(failed)?, &mut output, None),
    };
    done.map(drop)
        .or_else(|error| if is_broken_pipe(&error) { Ok(()) } else { Err(error) })
        .with_context(failed)
}

/// Who closes the pipe has seen enough.
fn is_broken_pipe(error: &record::Error) -> bool {
    matches!(error, record::Error::File { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
}

fn copied(kind: &str, done: &Copied, json: bool) -> Result<()> {
    let mut output = io::stdout().lock();
    if json {
        writeln!(output, "{}", line(kind, done)?)?;
    } else {
        let Copied { entries, head, database_bytes, evidence_files } = done;
        writeln!(
            output,
            "{entries} entries, {database_bytes} bytes, {evidence_files} files of evidence; the copy holds"
        )?;
        writeln!(output, "head {head}")?;
    }
    Ok(output.flush()?)
}

/// The record, for one command beside a service that may be running.
fn open(path: &Path, key: Key) -> Result<Record> {
    #[expect(clippy::disallowed_methods, reason = "entries say when they were written")]
    let clock = || {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    };
    Record::open_beside(path, Options::new(key, Arc::new(clock)))
        .with_context(|| format!("cannot open {}", files::shown(path)))
}

fn record_of(person: &PersonArguments) -> Result<Record> {
    let key = read_key(Some(&person.key_file))?.context("there is no key")?;
    open(&person.record, key)
}

fn held_about(person: &PersonArguments) -> Result<()> {
    let report = record_of(person)?.writer().held_about(person.address, &person.purpose, &person.by)?;
    let mut output = io::stdout().lock();
    if person.json {
        writeln!(output, "{}", line("held_about", &report)?)?;
        return Ok(output.flush()?);
    }
    let AddressReport { codes, plain_kept, evidence } = &report;
    let kept = if *plain_kept { "is kept, sealed" } else { "is not kept" };
    writeln!(output, "The plain address {kept}.")?;
    for code in codes {
        let (first, last) = (day(code.first_seen), day(code.last_seen));
        let (entries, floods) = (code.entries.len(), code.floods.join(" "));
        writeln!(output, "{}  {first} to {last}  {entries} entries  floods: {floods}", code.code)?;
    }
    for flood in evidence {
        writeln!(output, "evidence of flood {}", plain(flood))?;
    }
    Ok(output.flush()?)
}

fn day(nanoseconds: i64) -> String {
    let time = Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%d").to_string()
}

fn erase(person: &PersonArguments) -> Result<()> {
    let done = record_of(person)?.writer().erase(person.address, &person.purpose, &person.by)?;
    let mut output = io::stdout().lock();
    if person.json {
        writeln!(output, "{}", line("erasure", &done)?)?;
    } else {
        let Erasure { codes, evidence_records, seq } = &done;
        let count = codes.len();
        writeln!(
            output,
            "{count} codes lead nowhere now, {evidence_records} records of evidence removed; entry {seq}"
        )?;
    }
    Ok(output.flush()?)
}

/// A JSON object with its kind.
fn line(kind: &str, value: &impl Serialize) -> Result<String> {
    let mut object = json!({"kind": kind});
    if let (Some(fields), serde_json::Value::Object(more)) =
        (object.as_object_mut(), serde_json::to_value(value)?)
    {
        fields.extend(more);
    }
    Ok(object.to_string())
}
