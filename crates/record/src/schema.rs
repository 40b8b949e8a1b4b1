//! The tables, and the way to them from whatever version is found.
//!
//! `user_version` is the number of migrations that were made. A newer one than this program knows is refused: an older
//! program must not write into what it does not understand.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::{Error, Result};

/// Name of the database in its folder.
pub(crate) const FILE_NAME: &str = "record.sqlite3";
/// Tells the file from databases of others: "HEMI".
const APPLICATION: i64 = 0x4845_4d49;
/// How long a statement waits for another process.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);
/// Longest text or blob that SQLite takes from a file.
const MAXIMUM_VALUE_BYTES: i32 = 16 << 20;

/// From one version to the next.
const MIGRATIONS: &[&str] = &["
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, written INTEGER NOT NULL, kind TEXT NOT NULL,
  actor TEXT NOT NULL, subject TEXT NOT NULL, organisations TEXT NOT NULL, services TEXT NOT NULL,
  body TEXT, body_hash BLOB NOT NULL, hash BLOB NOT NULL, seal BLOB NOT NULL);
CREATE INDEX entry_of_kind ON entry (kind, seq);
CREATE INDEX entry_about ON entry (subject, seq);
CREATE TRIGGER entry_stays BEFORE DELETE ON entry
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_is_fixed BEFORE UPDATE ON entry
  WHEN NEW.body IS NOT NULL OR NEW.seq IS NOT OLD.seq OR NEW.time IS NOT OLD.time OR NEW.written IS NOT OLD.written
    OR NEW.kind IS NOT OLD.kind OR NEW.actor IS NOT OLD.actor OR NEW.subject IS NOT OLD.subject
    OR NEW.organisations IS NOT OLD.organisations OR NEW.services IS NOT OLD.services
    OR NEW.body_hash IS NOT OLD.body_hash OR NEW.hash IS NOT OLD.hash OR NEW.seal IS NOT OLD.seal
  BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TABLE flood (
  id TEXT PRIMARY KEY, event TEXT NOT NULL, onset INTEGER NOT NULL, started INTEGER NOT NULL,
  updated INTEGER NOT NULL, ended INTEGER, direction TEXT NOT NULL, target_kind TEXT NOT NULL,
  target TEXT NOT NULL, vectors TEXT NOT NULL, services TEXT NOT NULL, organisations TEXT NOT NULL,
  severity INTEGER NOT NULL, packets REAL, bits REAL, requests REAL, certainty TEXT NOT NULL,
  reason TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, entered INTEGER NOT NULL,
  last TEXT NOT NULL, words TEXT NOT NULL);
CREATE INDEX flood_by_start ON flood (started, id);
CREATE TABLE flood_point (flood TEXT NOT NULL, start INTEGER NOT NULL, points BLOB NOT NULL,
  PRIMARY KEY (flood, start));
CREATE TABLE series (id INTEGER PRIMARY KEY, target TEXT NOT NULL, vector TEXT NOT NULL, UNIQUE (target, vector));
CREATE TABLE point (series INTEGER NOT NULL, resolution INTEGER NOT NULL, start INTEGER NOT NULL,
  finish INTEGER NOT NULL, points BLOB NOT NULL);
CREATE UNIQUE INDEX point_of_series ON point (series, resolution, start);
CREATE INDEX point_by_age ON point (resolution, finish);
CREATE TABLE person (code TEXT PRIMARY KEY, place BLOB NOT NULL UNIQUE, salt BLOB NOT NULL, sealed BLOB NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX person_by_age ON person (last_seen);
CREATE TABLE sensor (name TEXT PRIMARY KEY, kind TEXT NOT NULL, first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL, records INTEGER NOT NULL, lost INTEGER NOT NULL, detail TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE evidence (flood TEXT NOT NULL, kind INTEGER NOT NULL, records INTEGER NOT NULL,
  left_out INTEGER NOT NULL, bytes INTEGER NOT NULL, written INTEGER NOT NULL,
  PRIMARY KEY (flood, kind)) WITHOUT ROWID;
"];

/// The last version that this program knows.
pub(crate) const VERSION: i64 = MIGRATIONS.len() as i64;

/// Opens a database for writing, and makes it what this version needs.
///
/// # Errors
/// When it cannot be opened, is newer, or is something else. With `create` a missing one is made.
pub(crate) fn open(path: &Path, create: bool) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let mut connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    let is_new = check(&connection, path)? == 0;
    if is_new {
        // Before the first table: it cannot be chosen later.
        connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;")?;
    }
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;
         PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -4096; PRAGMA foreign_keys = OFF;
         PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;",
    )?;
    migrate(&mut connection, path)?;
    Ok(connection)
}

/// Opens a database for reading.
///
/// # Errors
/// When it is not there, newer, older than this program reads, or something else.
pub(crate) fn open_to_read(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.execute_batch(
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -4096;
         PRAGMA temp_store = MEMORY;",
    )?;
    if check(&connection, path)? != VERSION {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    Ok(connection)
}

/// The version of a database; 0 of an empty one.
fn check(connection: &Connection, path: &Path) -> Result<i64> {
    connection.set_limit(rusqlite::limits::Limit::SQLITE_LIMIT_LENGTH, MAXIMUM_VALUE_BYTES)?;
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, found) = match number("application_id").and_then(|id| Ok((id, number("user_version")?)))
    {
        Ok(both) => both,
        Err(rusqlite::Error::SqliteFailure(why, _)) if why.code == rusqlite::ErrorCode::NotADatabase => {
            return Err(Error::Foreign { path: path.to_owned() });
        }
        Err(error) => return Err(error.into()),
    };
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 && found == 0 && application == 0 {
        return Ok(0);
    }
    if application != APPLICATION || found < 1 {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    if found > VERSION {
        return Err(Error::Newer { path: path.to_owned(), found, known: VERSION });
    }
    Ok(found)
}

/// One transaction for all steps: a crash leaves the old version or the new one.
fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let found = usize::try_from(check(&transaction, path)?).unwrap_or(0);
    if found < MIGRATIONS.len() {
        for step in MIGRATIONS.iter().skip(found) {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_file_and_a_foreign_one_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        open(&path, true).unwrap().pragma_update(None, "user_version", VERSION + 1).unwrap();
        for error in [open(&path, true).unwrap_err(), open_to_read(&path).unwrap_err()] {
            assert!(
                matches!(error, Error::Newer { .. }) && error.to_string().contains("version 2"),
                "{error}"
            );
        }
        let other = folder.path().join("other.sqlite3");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
        assert!(matches!(open(&other, true).unwrap_err(), Error::Foreign { .. }));
        std::fs::write(&other, "no database at all, but long enough to be looked at").unwrap();
        assert!(matches!(open(&other, true).unwrap_err(), Error::Foreign { .. }));
        assert!(matches!(open(&folder.path().join("missing"), false), Err(Error::Database(_))));
    }

    #[test]
    fn entries_cannot_be_changed_or_deleted_by_statement() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open(&folder.path().join(FILE_NAME), true).unwrap();
        let insert =
            "INSERT INTO entry VALUES (1, 0, 0, 'done', 'a', 's', '', '', '{}', x'00', x'00', x'00')";
        connection.execute(insert, []).unwrap();
        for statement in ["DELETE FROM entry", "UPDATE entry SET actor = 'b'", "UPDATE entry SET body = '[]'"]
        {
            let error = connection.execute(statement, []).unwrap_err().to_string();
            assert!(error.contains("append-only"), "{error}");
        }
        assert_eq!(connection.execute("UPDATE entry SET body = NULL", []).unwrap(), 1);
    }
}
