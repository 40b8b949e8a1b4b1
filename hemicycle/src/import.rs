//! `hemicycle import`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use expose::import::{self, Draft, MAXIMUM_BYTES};
use serde_json::json;

use crate::cli::ImportArguments;
use crate::files;
use crate::style::plain;

/// Reads the file and prints what is proposed.
///
/// # Errors
/// When it cannot be read, is not in the format, or holds nothing of use.
pub(crate) fn run(arguments: &ImportArguments) -> Result<()> {
    let name = files::shown(&arguments.file);
    let bytes = read(&arguments.file).with_context(|| format!("cannot read {name}"))?;
    let draft = import::read(arguments.kind.format(), &bytes).with_context(|| name.clone())?;
    let mut output = io::stdout().lock();
    if arguments.json {
        output.write_all(lines(&draft)?.as_bytes())?;
    } else {
        output.write_all(plain_text(&draft.text(arguments.name.as_deref())).as_bytes())?;
        let open = draft
            .entries()
            .iter()
            .flat_map(|entry| &entry.settings)
            .filter(|setting| setting.value.is_none());
        let open = open.count();
        let skipped: u64 = draft.skipped().values().sum();
        files::eprint_text(&format!(
            "{} proposed tables, {open} settings left open, {skipped} elements skipped; nothing is taken in by itself\n",
            draft.entries().len()
        ));
    }
    Ok(output.flush()?)
}

/// Tabs do no harm in a comment; anything else that could steer a terminal does.
fn plain_text(text: &str) -> String {
    plain(text).into_owned()
}

/// No more than is read anyway.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let limit = MAXIMUM_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn lines(draft: &Draft) -> Result<String> {
    let mut text = String::new();
    for entry in draft.entries() {
        let mut value = serde_json::to_value(entry)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("kind".to_owned(), json!("proposed"));
        }
        text.push_str(&format!("{value}\n"));
    }
    let summary = json!({"kind": "summary", "tables": draft.entries().len(), "skipped": draft.skipped(), "examples": draft.examples(), "notes": draft.notes()});
    text.push_str(&format!("{summary}\n"));
    Ok(text)
}
