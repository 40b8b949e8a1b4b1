//! Whether the ledger is what was written.
//!
//! Found are: a changed entry or body, a removed one, one put in, other order, a body that was removed without an entry that says
//! so, and, against a head that was written down elsewhere, entries cut off at the end. With the key also a chain that somebody made
//! anew without it, and entries cut off by somebody who could not seal another head.

use std::collections::BTreeMap;
use std::io::{BufRead, Read};
use std::path::Path;
use std::str::FromStr;

use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chain::{self, HASH_BYTES, NOTHING};
use crate::keys::{Keys, SEAL_BYTES, from_hexadecimal, hexadecimal};
use crate::ledger::HEAD;
use crate::read::entries;
use crate::{Error, Kind, Result, StoredEntry, schema};

/// Faults that are told one by one.
const MAXIMUM_FAULTS: usize = 100;
/// Longest line of an export.
const MAXIMUM_LINE_BYTES: u64 = 1 << 20;

/// The last entry at some time, as an auditor writes it down: `1234:9f86d0…`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// Its number; 0 before the first.
    pub seq: u64,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
}

impl FromStr for Head {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts =
            text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.to_lowercase())));
        parts
            .filter(|(_, hash)| from_hexadecimal(hash).is_some_and(|bytes| bytes.len() == HASH_BYTES))
            .map(|(seq, hash)| Self { seq, hash })
            .ok_or_else(|| Error::Refused(format!("a head is NUMBER:HASH, not {text}")))
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.seq, self.hash)
    }
}

/// Something that is not as it was written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fault {
    /// The entry; none where it is the file.
    pub seq: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Verification {
    /// Whether everything holds.
    pub holds: bool,
    /// Entries.
    pub entries: u64,
    /// Bodies that were removed, as other entries say.
    pub bodies_removed: u64,
    /// The last entry: to be written down where nobody changes it.
    pub head: Head,
    /// Whether seals were checked too, which needs the key.
    pub sealed: bool,
    /// Faults, the first hundred.
    pub faults: Vec<Fault>,
    /// How many faults there are.
    pub fault_count: u64,
}

/// Checks the ledger of a folder, while it is written too. `head` is one that was written down earlier. Of the file the tables
/// of the ledger are looked at; figures and floods, which may be a hundred times as much, by [`verify_all`] only.
///
/// # Errors
/// When the file cannot be read at all; what is wrong with the ledger is no error but a finding.
pub fn verify(folder: &Path, key: Option<[u8; 16]>, head: Option<&Head>) -> Result<Verification> {
    check(folder, key, head, &["entry", "meta"])
}

/// The same, and every page of the file.
///
/// # Errors
/// As [`verify`].
pub fn verify_all(folder: &Path, key: Option<[u8; 16]>, head: Option<&Head>) -> Result<Verification> {
    check(folder, key, head, &[])
}

/// `tables`: which are looked at for damage; all without one.
fn check(folder: &Path, key: Option<[u8; 16]>, head: Option<&Head>, tables: &[&str]) -> Result<Verification> {
    let connection = schema::open_to_read(&folder.join(schema::FILE_NAME))?;
    let mut checker = Checker::new(key, head)?;
    // One snapshot for all questions.
    connection.execute_batch("BEGIN")?;
    let all = if tables.is_empty() { &["1"] } else { tables };
    for part in all {
        let sound: String =
            connection.query_row(&format!("PRAGMA quick_check({part})"), [], |row| row.get(0))?;
        if sound != "ok" {
            checker.fault(None, format!("the file is damaged: {sound}"));
        }
    }
    let kept = kept_head(&connection)?;
    if let Err(error) = entries::each(&connection, 0, |entry| {
        checker.take(&entry);
        Ok(())
    }) {
        checker.fault(None, format!("entries cannot be read: {error}"));
    }
    checker.kept_head(kept);
    Ok(checker.finish())
}

/// Checks an export, without the folder it came from.
///
/// # Errors
/// When it cannot be read.
pub fn verify_export(
    mut export: impl BufRead,
    key: Option<[u8; 16]>,
    head: Option<&Head>,
) -> Result<Verification> {
    let mut checker = Checker::new(key, head)?;
    let mut line = String::new();
    let mut number = 0_u64;
    let mut last: Option<Head> = None;
    loop {
        line.clear();
        number += 1;
        let read = (&mut export).take(MAXIMUM_LINE_BYTES).read_line(&mut line);
        match read {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return Err(Error::file(Path::new("export"), error)),
        }
        let Ok(value) = serde_json::from_str::<Value>(&line) else {
            checker.fault(None, format!("line {number} is no JSON"));
            break;
        };
        match value.get("line").and_then(Value::as_str) {
            Some("entry") => match serde_json::from_value::<StoredEntry>(value) {
                Ok(entry) => checker.take(&entry),
                Err(error) => checker.fault(None, format!("line {number}: {error}")),
            },
            Some("head") => last = serde_json::from_value(value).ok(),
            _ => checker.fault(None, format!("line {number} is no entry and no head")),
        }
    }
    checker.exported_head(last);
    Ok(checker.finish())
}

fn kept_head(connection: &Connection) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    Ok(connection.query_row(sql, [HEAD], |row| row.get(0)).optional()?)
}

/// Goes along the chain.
struct Checker {
    keys: Option<Keys>,
    wanted: Option<Head>,
    wanted_found: bool,
    seq: u64,
    hash: String,
    entries: u64,
    bodies_removed: u64,
    /// The last entry of each kind that lacks its body, and up to where another entry says so.
    lacking: BTreeMap<String, u64>,
    said: BTreeMap<String, u64>,
    faults: Vec<Fault>,
    fault_count: u64,
}

impl Checker {
    fn new(key: Option<[u8; 16]>, wanted: Option<&Head>) -> Result<Self> {
        Ok(Self {
            keys: key.map(Keys::new).transpose()?,
            wanted_found: wanted.is_none_or(|head| head.seq == 0),
            wanted: wanted.cloned(),
            seq: 0,
            hash: hexadecimal(&NOTHING),
            entries: 0,
            bodies_removed: 0,
            lacking: BTreeMap::new(),
            said: BTreeMap::new(),
            faults: Vec::new(),
            fault_count: 0,
        })
    }

    fn fault(&mut self, seq: Option<u64>, what: String) {
        self.fault_count += 1;
        if self.faults.len() < MAXIMUM_FAULTS {
            self.faults.push(Fault { seq, what });
        }
    }

    fn take(&mut self, entry: &StoredEntry) {
        let seq = Some(entry.seq);
        self.entries += 1;
        let expected = self.seq + 1;
        if entry.seq > expected {
            self.fault(seq, format!("entries {expected} to {} are missing", entry.seq - 1));
        } else if entry.seq < expected {
            self.fault(seq, "is out of order".to_owned());
        } else if entry.previous != self.hash {
            self.fault(seq, "does not follow the entry before".to_owned());
        }
        let fault = chain::fault(entry);
        let seals = self.seals(entry);
        if fault.is_none() && seals {
            self.bodies(entry);
        }
        if let Some(fault) = fault {
            self.fault(seq, fault);
        } else if !seals {
            self.fault(seq, "was not sealed under this key".to_owned());
        }
        if self.wanted.as_ref().is_some_and(|head| head.seq == entry.seq) {
            self.wanted_found = true;
            if self.wanted.as_ref().is_some_and(|head| head.hash != entry.hash) {
                self.fault(seq, "is another one than was written down".to_owned());
            }
        }
        (self.seq, self.hash) = (entry.seq, entry.hash.clone());
    }

    fn seals(&self, entry: &StoredEntry) -> bool {
        let Some(keys) = &self.keys else { return true };
        from_hexadecimal(&entry.hash).is_some_and(|hash| hexadecimal(&keys.seal(&hash)) == entry.seal)
    }

    /// Which bodies are gone, and which are said to be.
    fn bodies(&mut self, entry: &StoredEntry) {
        let Some(body) = &entry.body else {
            self.bodies_removed += 1;
            self.lacking.insert(entry.kind.clone(), entry.seq);
            return;
        };
        if entry.kind != Kind::Erased.name() {
            return;
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        if body.get("what").and_then(Value::as_str) != Some("bodies") {
            return;
        }
        let up_to = body.get("up_to").and_then(Value::as_u64).unwrap_or(0).min(entry.seq);
        for kind in body.get("kinds").and_then(Value::as_array).into_iter().flatten() {
            let said = self.said.entry(kind.as_str().unwrap_or_default().to_owned()).or_insert(0);
            *said = up_to.max(*said);
        }
    }

    /// The head that is kept beside the entries.
    fn kept_head(&mut self, kept: Option<Vec<u8>>) {
        let Some(kept) = kept else {
            if self.seq > 0 {
                self.fault(None, "the head that is kept beside the entries is missing".to_owned());
            }
            return;
        };
        let Some((content, seal)) =
            kept.split_at_checked(8 + HASH_BYTES).filter(|(_, seal)| seal.len() == SEAL_BYTES)
        else {
            self.fault(None, "the head that is kept beside the entries is damaged".to_owned());
            return;
        };
        if self.keys.as_ref().is_some_and(|keys| keys.seal(content) != seal) {
            self.fault(
                None,
                "the head that is kept beside the entries was not sealed under this key".to_owned(),
            );
        }
        let seq = content.iter().take(8).fold(0_u64, |seq, byte| seq << 8 | u64::from(*byte));
        if seq > self.seq {
            self.fault(None, format!("entries {} to {seq} were cut off at the end", self.seq + 1));
        } else if seq != self.seq || hexadecimal(content.get(8..).unwrap_or_default()) != self.hash {
            self.fault(None, "the head that is kept beside the entries is that of another chain".to_owned());
        }
    }

    /// The head at the end of an export.
    fn exported_head(&mut self, last: Option<Head>) {
        match last {
            Some(head) if head.seq == self.seq && head.hash == self.hash => {}
            Some(_) => self.fault(None, "the head at the end is not that of the last entry".to_owned()),
            None => self.fault(None, "the export ends without its head: something is cut off".to_owned()),
        }
    }

    fn finish(mut self) -> Verification {
        for (kind, last) in std::mem::take(&mut self.lacking) {
            let said = self.said.get(&kind).copied().unwrap_or(0);
            if last > said {
                let what = format!(
                    "the body is gone, and no entry says that bodies of {kind} up to here were removed"
                );
                self.fault(Some(last), what);
            }
        }
        if !self.wanted_found {
            let seq = self.wanted.as_ref().map(|head| head.seq);
            self.fault(seq, "was written down, and is not there: entries were cut off".to_owned());
        }
        Verification {
            holds: self.fault_count == 0,
            entries: self.entries,
            bodies_removed: self.bodies_removed,
            head: Head { seq: self.seq, hash: self.hash },
            sealed: self.keys.is_some(),
            faults: self.faults,
            fault_count: self.fault_count,
        }
    }
}
