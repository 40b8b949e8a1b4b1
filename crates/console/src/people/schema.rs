//! The form of `people.sqlite3`, and how an older file is brought to it.

use rusqlite::Connection;

use super::{Error, Result};

/// Today's form.
pub(super) const FORM: i64 = 2;
/// What brings a file from form `n` to `n + 1` stands at place `n`. Never changed once released, only added to.
const STEPS: &[&str] = &[
    "
    CREATE TABLE account (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE COLLATE NOCASE,
        role TEXT NOT NULL,
        organisation TEXT,
        disabled INTEGER NOT NULL DEFAULT 0,
        created INTEGER NOT NULL,
        signed_in INTEGER,
        salt BLOB NOT NULL, hash BLOB NOT NULL, memory_kib INTEGER NOT NULL, passes INTEGER NOT NULL,
        secret BLOB NOT NULL,
        last_step INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE TABLE recovery (
        hash BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE session (
        hash BLOB PRIMARY KEY,
        handle TEXT NOT NULL UNIQUE,
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        created INTEGER NOT NULL, seen INTEGER NOT NULL,
        address TEXT NOT NULL, agent TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX session_of ON session (account, seen);
    CREATE TABLE device (
        hash BLOB PRIMARY KEY,
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        seen INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE link (
        hash BLOB PRIMARY KEY,
        purpose TEXT NOT NULL,
        name TEXT, role TEXT NOT NULL, organisation TEXT,
        secret BLOB NOT NULL,
        expires INTEGER NOT NULL,
        by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE token (
        id INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
        name TEXT NOT NULL,
        scopes TEXT NOT NULL,
        organisation TEXT,
        created INTEGER NOT NULL, expires INTEGER NOT NULL, used INTEGER
    ) STRICT;
",
    "
    ALTER TABLE account ADD COLUMN subject TEXT;
    CREATE UNIQUE INDEX account_of ON account (subject) WHERE subject IS NOT NULL;
",
];

/// Sets the connection up and brings the file to today's form, in one transaction.
pub(super) fn prepare(connection: &mut Connection) -> Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Erased rows are overwritten: what was withdrawn is not left lying in free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    let transaction = connection.transaction()?;
    let form: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if form > FORM {
        return Err(Error::Newer(form));
    }
    for step in STEPS.iter().skip(usize::try_from(form).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", FORM)?;
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_prepared_twice_alike_and_a_newer_one_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        prepare(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", FORM + 1).unwrap();
        assert!(matches!(prepare(&mut connection), Err(Error::Newer(_))));
        assert_eq!(STEPS.len(), usize::try_from(FORM).unwrap());
    }
}
