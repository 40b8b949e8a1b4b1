//! Reads an institution file from disk.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use institution::{Institution, MAXIMUM_FILE_BYTES, Problems};

use crate::style::plain;

/// The file's name as it is shown.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        plain(&path.display().to_string()).into_owned()
    }
}

/// Bits of a mode that let others than the owner at a file.
const OTHERS: u32 = 0o077;

/// The mode of a file that others than its owner can reach; nothing if it is private, as a secret has to be.
pub(crate) fn exposed(data: &Metadata) -> Option<u32> {
    let mode = data.permissions().mode() & 0o777;
    (mode & OTHERS != 0).then_some(mode)
}

/// The text of an institution file; `-` is standard input. Reads no more than such a file may have.
///
/// # Errors
/// When it cannot be read, is too long or is not UTF-8; the place is named.
pub(crate) fn read(path: &Path) -> Result<String> {
    let name = shown(path);
    let mut bytes = Vec::new();
    let limit = MAXIMUM_FILE_BYTES as u64 + 1;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    }
    .with_context(|| format!("cannot read {name}"))?;
    if bytes.len() > MAXIMUM_FILE_BYTES {
        bail!("{name} has more than {MAXIMUM_FILE_BYTES} bytes; no such file is that long");
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        anyhow::anyhow!("{name}:{line}: the byte at offset {at} is not UTF-8; save the file as UTF-8")
    })
}

/// An institution file for a command that needs one. Problems are printed as `check` prints them.
///
/// # Errors
/// When it cannot be read, or has problems.
pub(crate) fn institution(path: &Path, color: bool) -> Result<Institution> {
    parse(path, &read(path)?, color)
}

/// The institution that a file's text describes. Problems are printed as `check` prints them.
///
/// # Errors
/// When it has problems.
pub(crate) fn parse(path: &Path, text: &str, color: bool) -> Result<Institution> {
    let name = shown(path);
    institution::parse(&name, text).map_err(|problems| {
        eprint_text(&problems.render(color));
        unusable(&name, &problems)
    })
}

/// The last word on a file with problems.
pub(crate) fn unusable(name: &str, problems: &Problems) -> anyhow::Error {
    let count = problems.list().len() + problems.omitted();
    let plural = if count == 1 { "" } else { "s" };
    anyhow::anyhow!("{name} has {count} problem{plural}")
}

/// Text on standard error; where that is closed nobody is left to tell.
pub(crate) fn eprint_text(text: &str) {
    use io::Write;
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
