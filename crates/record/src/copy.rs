//! Backup while the service writes, and restore.
//!
//! A backup is a folder like a record's: the database, copied page by page from one snapshot by SQLite's own way (the writer goes on
//! meanwhile), and the sealed files of evidence. It does not hold the key, without which addresses and evidence stay closed.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use serde::Serialize;

use crate::evidence::store;
use crate::verify::{Head, verify_all};
use crate::{Error, Result, schema};

/// How often a locked page is waited for.
const TRIES: usize = 100;

/// What was copied.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Copied {
    /// Entries.
    pub entries: u64,
    /// The last entry.
    pub head: Head,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Files of evidence.
    pub evidence_files: u64,
}

/// Copies a record, which may be written meanwhile, into a folder that is made or empty, and checks the copy.
///
/// # Errors
/// When it cannot be read or written, when the folder is not empty, or the copy does not hold.
pub fn backup(from: &Path, to: &Path, key: Option<[u8; 16]>) -> Result<Copied> {
    copy(from, to, key)
}

/// Puts a backup where there is no record, after checking it.
///
/// # Errors
/// As [`backup`]. Where there is a record already nothing is done.
pub fn restore(from: &Path, to: &Path, key: Option<[u8; 16]>) -> Result<Copied> {
    let found = verify_all(from, key, None)?;
    if !found.holds {
        let what = found.faults.first().map(|fault| fault.what.clone()).unwrap_or_default();
        return Err(Error::Damaged(format!("the backup does not hold: {what}")));
    }
    copy(from, to, key)
}

fn copy(from: &Path, to: &Path, key: Option<[u8; 16]>) -> Result<Copied> {
    let failed = |error| Error::file(to, error);
    DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(failed)?;
    if fs::read_dir(to).map_err(failed)?.next().is_some() {
        return Err(Error::Refused(format!("{} is not empty", to.display())));
    }
    let path = to.join(schema::FILE_NAME);
    let unfinished = path.with_extension("unfinished");
    pages(&schema::open_to_read(&from.join(schema::FILE_NAME))?, &unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600)).map_err(failed)?;
    let file = File::open(&unfinished).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let evidence_files = evidence(from, to)?;
    // Only what is whole has the name of a record.
    fs::rename(&unfinished, &path).and_then(|()| File::open(to)?.sync_all()).map_err(failed)?;
    let found = verify_all(to, key, None)?;
    if !found.holds {
        let what = found.faults.first().map(|fault| fault.what.clone()).unwrap_or_default();
        return Err(Error::Damaged(format!("the copy does not hold: {what}")));
    }
    let database_bytes = fs::metadata(&path).map_err(failed)?.len();
    Ok(Copied { entries: found.entries, head: found.head, database_bytes, evidence_files })
}

/// All pages in one step: one snapshot, and a writer that is busy cannot make it begin again for ever.
fn pages(from: &Connection, to: &Path) -> Result<()> {
    let mut copy = Connection::open(to)?;
    let backup = Backup::new(from, &mut copy)?;
    for _ in 0..TRIES {
        match backup.step(-1)? {
            StepResult::Done => {
                drop(backup);
                // One file, without a log beside it.
                copy.pragma_update(None, "journal_mode", "DELETE")?;
                return copy.close().map_err(|(_, error)| error.into());
            }
            _ => std::thread::yield_now(),
        }
    }
    Err(Error::NotWritten("the database is locked".to_owned()))
}

fn evidence(from: &Path, to: &Path) -> Result<u64> {
    let (from, to) = (store::folder(from), store::folder(to));
    let files = match fs::read_dir(&from) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Error::file(&from, error)),
    };
    let failed = |error| Error::file(&to, error);
    DirBuilder::new().recursive(true).mode(0o700).create(&to).map_err(failed)?;
    let mut count = 0;
    for file in files {
        let file = file.map_err(failed)?;
        let target = to.join(file.file_name());
        match fs::copy(file.path(), &target) {
            Ok(_) => count += 1,
            // Its time was up meanwhile, or it was put into place under its name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        }
        File::open(&target).and_then(|file| file.sync_all()).map_err(failed)?;
    }
    Ok(count)
}
