//! Accounts: who there is, and the changes an administrator makes.

use rusqlite::{OptionalExtension, Row, params};

use super::password::{Cost, Hashed};
use super::{Error, People, Result, Role};

/// Longest name of an account, in characters.
pub(super) const LONGEST_NAME_CHARACTERS: usize = 64;

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number, never given twice to two people that exist at the same time.
    pub id: i64,
    /// What it signs in with.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The organisation whose services it sees; without one, the whole house.
    pub organisation: Option<String>,
    /// Whether it is closed.
    pub disabled: bool,
    /// When it was made, in seconds since 1970.
    pub created_seconds: i64,
    /// When it last signed in, in seconds since 1970.
    pub signed_in_seconds: Option<i64>,
}

/// What signing in needs beside the account.
pub(super) struct Credentials {
    pub(super) account: Account,
    pub(super) password: Hashed,
    pub(super) secret: Vec<u8>,
    pub(super) last_step: i64,
}

pub(super) const COLUMNS: &str = "account.id, account.name, account.role, account.organisation, account.disabled, account.created, account.signed_in";

/// An account from the first seven columns of a row.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    let role: String = row.get(2)?;
    Ok(Account {
        id: row.get(0)?,
        name: row.get(1)?,
        // A word that this version does not know gives the least.
        role: Role::named(&role).unwrap_or(Role::Viewer),
        organisation: row.get(3)?,
        disabled: row.get(4)?,
        created_seconds: row.get(5)?,
        signed_in_seconds: row.get(6)?,
    })
}

/// Whether a name can be one: letters, digits and a few signs, so that it is the same wherever it is written.
pub(super) fn acceptable(name: &str) -> Result<()> {
    let fits = |letter: char| letter.is_alphanumeric() || "._-@ ".contains(letter);
    if name.trim() != name
        || name.is_empty()
        || name.chars().count() > LONGEST_NAME_CHARACTERS
        || !name.chars().all(fits)
    {
        return Err(Error::Refused("A name has 1 to 64 letters, digits, spaces or . _ - @."));
    }
    Ok(())
}

impl People {
    /// Every account, by name.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        let store = self.store();
        let mut statement = store.prepare_cached(&format!("SELECT {COLUMNS} FROM account ORDER BY name"))?;
        let accounts = statement.query_map([], read)?.collect::<rusqlite::Result<_>>()?;
        Ok(accounts)
    }

    /// Whether nobody has an account yet.
    pub fn is_empty(&self) -> Result<bool> {
        Ok(self.store().query_row("SELECT NOT EXISTS (SELECT 1 FROM account)", [], |row| row.get(0))?)
    }

    /// Whether a name is somebody's already.
    pub(super) fn is_taken(&self, name: &str) -> Result<bool> {
        let query = "SELECT EXISTS (SELECT 1 FROM account WHERE name = ?1)";
        Ok(self.store().query_row(query, [name], |row| row.get(0))?)
    }

    /// Of a local account: whom the provider vouches for has none.
    pub(super) fn credentials(&self, name: &str) -> Result<Option<Credentials>> {
        let store = self.store();
        let query = format!(
            "SELECT {COLUMNS}, salt, hash, memory_kib, passes, secret, last_step FROM account WHERE name = ?1 AND subject IS NULL"
        );
        let mut statement = store.prepare_cached(&query)?;
        let found = statement.query_row([name], |row| {
            let cost = Cost { memory_kib: row.get(9)?, passes: row.get(10)? };
            let password = Hashed { salt: row.get(7)?, hash: row.get(8)?, cost };
            Ok(Credentials { account: read(row)?, password, secret: row.get(11)?, last_step: row.get(12)? })
        });
        Ok(found.optional()?)
    }

    /// Gives an account another role and reach. The last administrator of the house stays one.
    pub fn change(&self, id: i64, role: Role, organisation: Option<&str>, disabled: bool) -> Result<Account> {
        let mut store = self.store();
        let transaction = store.transaction()?;
        let changed = transaction.execute(
            "UPDATE account SET role = ?2, organisation = ?3, disabled = ?4 WHERE id = ?1",
            params![id, role.name(), organisation, disabled],
        )?;
        if changed == 0 {
            return Err(Error::Refused("There is no such account."));
        }
        // Local ones only: they are the way in when the provider is down.
        let administrators: i64 = transaction.query_row(
            "SELECT count(*) FROM account WHERE role = 'administrator' AND organisation IS NULL AND NOT disabled AND subject IS NULL",
            [],
            |row| row.get(0),
        )?;
        if administrators == 0 {
            return Err(Error::Refused("The last local administrator of the whole house stays one."));
        }
        if disabled {
            transaction.execute("DELETE FROM session WHERE account = ?1", [id])?;
            transaction.execute("DELETE FROM device WHERE account = ?1", [id])?;
        }
        let account =
            transaction.query_row(&format!("SELECT {COLUMNS} FROM account WHERE id = ?1"), [id], read)?;
        transaction.commit()?;
        Ok(account)
    }

    /// Sets a new password after the old one, and ends every other session.
    pub fn change_password(&self, name: &str, old: &str, new: &str, keep_session: &str) -> Result<()> {
        super::password::acceptable(name, new)?;
        let wrong = Error::Refused("The present password is another one.");
        let Some(found) = self.credentials(name)? else { return Err(wrong) };
        if !found.password.is(old)? {
            return Err(wrong);
        }
        let hashed = Hashed::new(new, self.policy.cost)?;
        let store = self.store();
        store.execute(
            "UPDATE account SET salt = ?2, hash = ?3, memory_kib = ?4, passes = ?5 WHERE id = ?1",
            params![found.account.id, hashed.salt, hashed.hash, hashed.cost.memory_kib, hashed.cost.passes],
        )?;
        store.execute(
            "DELETE FROM session WHERE account = ?1 AND handle <> ?2",
            params![found.account.id, keep_session],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{member, people};
    use super::*;

    #[test]
    fn the_last_administrator_stays_one() {
        let (hand, people) = people();
        let (ada, _) = member(&hand, &people, "ada", Role::Administrator, None);
        assert!(people.change(ada.id, Role::Viewer, None, false).is_err());
        assert!(people.change(ada.id, Role::Administrator, Some("party-x"), false).is_err());
        assert!(people.change(ada.id, Role::Administrator, None, true).is_err());
        let (bob, _) = member(&hand, &people, "bob", Role::Administrator, None);
        assert_eq!(people.change(ada.id, Role::Viewer, None, false).unwrap().role, Role::Viewer);
        assert!(people.change(bob.id, Role::Viewer, None, false).is_err());
        assert!(people.change(99, Role::Viewer, None, false).is_err());
    }

    #[test]
    fn names_are_plain() {
        for bad in ["", " ada", "a\nb", "<b>", &"x".repeat(65)] {
            assert!(acceptable(bad).is_err(), "{bad:?}");
        }
        assert!(acceptable("Zoë.O-Neill@press").is_ok());
    }

    #[test]
    fn a_new_password_ends_the_other_sessions() {
        let (hand, people) = people();
        let (ada, _) = member(&hand, &people, "ada", Role::Administrator, None);
        let here = people.start_session(&ada, "192.0.2.1", "here").unwrap();
        let there = people.start_session(&ada, "192.0.2.2", "there").unwrap();
        let handle = people.session(&here.token).unwrap().unwrap().1.handle;
        assert!(people.change_password("ada", "wrong", "another horse battery", &handle).is_err());
        people.change_password("ada", "correct horse battery", "another horse battery", &handle).unwrap();
        assert!(people.session(&here.token).unwrap().is_some());
        assert!(people.session(&there.token).unwrap().is_none());
    }
}
