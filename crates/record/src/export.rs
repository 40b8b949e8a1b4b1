//! The ledger as JSON lines: every entry, then the head.
//!
//! `{"line":"entry",…}` has the fields of [`StoredEntry`](crate::StoredEntry) and is checked without the record by
//! [`crate::verify_export`]. Bodies hold codes in place of addresses. Where those are opened, for a purpose, each line has them
//! beside its body, which stays what was hashed: `"opened":{"p-2026W48-…":"198.51.100.7"}`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use crate::read::entries;
use crate::verify::Head;
use crate::{Actor, Entry, Error, Kind, Reader, Result, StoredEntry, Writer};

/// Length of a code: `p-2026W48-` and twelve digits.
const CODE_BYTES: usize = 22;

/// What was exported.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Exported {
    /// Entries.
    pub entries: u64,
    /// Codes that were opened.
    pub opened: u64,
    /// The last entry.
    pub head: Head,
}

#[derive(Serialize)]
struct Line<'a> {
    line: &'static str,
    #[serde(flatten)]
    entry: &'a StoredEntry,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    opened: BTreeMap<String, String>,
}

/// Writes the whole ledger. With `opened` (a writer, the purpose, who asks) the codes whose addresses are still kept are opened; the
/// entry that says so is on the disk first.
///
/// # Errors
/// When something cannot be read or written.
pub fn export(
    reader: &Reader,
    output: &mut dyn Write,
    opened: Option<(&Writer, &str, &str)>,
) -> Result<Exported> {
    let writer = match opened {
        Some((_, purpose, _)) if purpose.trim().is_empty() => {
            return Err(Error::Refused("say what it is needed for".to_owned()));
        }
        Some((writer, purpose, who)) => {
            let body = json!({"what": "export", "purpose": purpose.trim()});
            writer.append(Entry::new(Kind::Opened, Actor::Person(who.to_owned()), "export", body))?;
            Some(writer)
        }
        None => None,
    };
    let failed = |error| Error::file(Path::new("export"), error);
    let mut done = Exported { entries: 0, opened: 0, head: Head { seq: 0, hash: String::new() } };
    reader.with(|connection| {
        entries::each(connection, 0, |entry| {
            let opened = match writer {
                Some(writer) => open(writer, entry.body.as_deref().unwrap_or_default())?,
                None => BTreeMap::new(),
            };
            done.entries += 1;
            done.opened += opened.len() as u64;
            let text = serde_json::to_string(&Line { line: "entry", entry: &entry, opened });
            let text = text.map_err(|error| Error::Damaged(error.to_string()))?;
            done.head = Head { seq: entry.seq, hash: entry.hash };
            writeln!(output, "{text}").map_err(failed)
        })
    })?;
    let Head { seq, hash } = &done.head;
    writeln!(output, "{}", json!({"line": "head", "seq": seq, "hash": hash})).map_err(failed)?;
    output.flush().map_err(failed)?;
    Ok(done)
}

/// The codes in a text with their addresses.
fn open(writer: &Writer, text: &str) -> Result<BTreeMap<String, String>> {
    let mut opened = BTreeMap::new();
    for (at, _) in text.match_indices("p-") {
        let code = text.get(at..at + CODE_BYTES).filter(|code| is_code(code));
        if let Some(code) = code.filter(|code| !opened.contains_key(*code))
            && let Some(address) = writer.reader.plain(code)?
        {
            opened.insert(code.to_owned(), address.to_string());
        }
    }
    Ok(opened)
}

fn is_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    bytes.len() == CODE_BYTES
        && digits(&bytes[2..6])
        && bytes[6] == b'W'
        && digits(&bytes[7..9])
        && bytes[9] == b'-'
        && bytes[10..].iter().all(u8::is_ascii_hexdigit)
}
