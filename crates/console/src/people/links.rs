//! One-time links: how the first administrator, everybody after and everybody who lost everything get in.
//!
//! A link is shown or printed once, kept as a digest, good for an hour and for one account. It carries the secret of
//! the authenticator app from its making on, so that opening the page twice shows the same picture.

use rusqlite::{OptionalExtension, params};

use super::password::Hashed;
use super::secret::{base32, digest, random, token};
use super::totp::{SECRET_BYTES, STEP_SECONDS, step_of};
use super::{Account, Error, MAXIMUM_ACCOUNTS, MAXIMUM_LINKS, People, Result, Role, accounts};

/// Recovery codes of one account.
const RECOVERY_CODES: usize = 10;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A new account.
    Join,
    /// New means to sign in for an account that there is.
    Reset,
}

/// A link that is good.
#[derive(Debug, Clone)]
pub struct Link {
    /// What for.
    pub purpose: Purpose,
    /// For whom; whoever opens the first link chooses the name.
    pub name: Option<String>,
    /// The role it gives.
    pub role: Role,
    /// The reach it gives.
    pub organisation: Option<String>,
    /// The secret of the authenticator app.
    pub secret: Vec<u8>,
    /// Until when, in seconds since 1970.
    pub expires_seconds: i64,
}

impl People {
    /// The link that makes the first administrator, if nobody has an account yet. Earlier ones are worth nothing any more.
    pub fn first_link(&self) -> Result<Option<String>> {
        if !self.is_empty()? {
            return Ok(None);
        }
        self.store().execute("DELETE FROM link", [])?;
        self.make_link("join", None, Role::Administrator, None, "first start").map(Some)
    }

    /// A link for a new account.
    pub fn invite(&self, name: &str, role: Role, organisation: Option<&str>, by: &str) -> Result<String> {
        accounts::acceptable(name)?;
        if self.is_taken(name)? {
            return Err(Error::Refused("There is an account of this name."));
        }
        self.make_link("join", Some(name), role, organisation, by)
    }

    /// A link with which somebody who has an account sets everything anew.
    pub fn reset(&self, name: &str, by: &str) -> Result<String> {
        let Some(found) = self.credentials(name)? else {
            return Err(Error::Refused("There is no local account of this name."));
        };
        let account = found.account;
        self.make_link("reset", Some(&account.name), account.role, account.organisation.as_deref(), by)
    }

    fn make_link(
        &self,
        purpose: &str,
        name: Option<&str>,
        role: Role,
        organisation: Option<&str>,
        by: &str,
    ) -> Result<String> {
        let (link, secret) = (token()?, random::<SECRET_BYTES>()?);
        let expires = self.now() + self.policy.link_seconds;
        let store = self.store();
        store.execute("DELETE FROM link WHERE expires <= ?1", [self.now()])?;
        store.execute("DELETE FROM link WHERE name = ?1", [name])?;
        let open: i64 = store.query_row("SELECT count(*) FROM link", [], |row| row.get(0))?;
        if open >= MAXIMUM_LINKS {
            return Err(Error::Refused("There are too many links that nobody has used."));
        }
        store.execute(
            "INSERT INTO link (hash, purpose, name, role, organisation, secret, expires, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![digest("link", &link), purpose, name, role.name(), organisation, secret, expires, by],
        )?;
        Ok(link)
    }

    /// What a link is for, if it is good.
    pub fn link(&self, token: &str) -> Result<Option<Link>> {
        let store = self.store();
        let mut statement = store.prepare_cached(
            "SELECT purpose, name, role, organisation, secret, expires FROM link WHERE hash = ?1 AND expires > ?2",
        )?;
        let found = statement.query_row(params![digest("link", token), self.now()], |row| {
            let (purpose, role): (String, String) = (row.get(0)?, row.get(2)?);
            Ok(Link {
                purpose: if purpose == "reset" { Purpose::Reset } else { Purpose::Join },
                name: row.get(1)?,
                role: Role::named(&role).unwrap_or(Role::Viewer),
                organisation: row.get(3)?,
                secret: row.get(4)?,
                expires_seconds: row.get(5)?,
            })
        });
        Ok(found.optional()?)
    }

    /// Uses a link up: sets name, password and app of an account, and gives its recovery codes, which are never shown again.
    pub fn follow_link(
        &self,
        token: &str,
        name: &str,
        password: &str,
        code: &str,
    ) -> Result<(Account, Vec<String>)> {
        let gone = Error::Refused("This link was used already or is too old. Ask for another one.");
        let Some(link) = self.link(token)? else { return Err(gone) };
        let name = link.name.as_deref().unwrap_or(name).to_owned();
        accounts::acceptable(&name)?;
        super::password::acceptable(&name, password)?;
        let Some(step) = step_of(&link.secret, code, self.now(), 0) else {
            return Err(Error::Refused(
                "The code is not the one that the app shows now. Is the phone's clock right?",
            ));
        };
        let hashed = Hashed::new(password, self.policy.cost)?;
        let codes = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<Vec<_>>>()?;
        let mut store = self.store();
        let transaction = store.transaction()?;
        // Whoever deletes the row has used the link; a second one at the same moment finds nothing to delete.
        if transaction.execute("DELETE FROM link WHERE hash = ?1", [digest("link", token)])? == 0 {
            return Err(gone);
        }
        let count: i64 = transaction.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
        if count >= MAXIMUM_ACCOUNTS {
            return Err(Error::Refused("There are 1,000 accounts already."));
        }
        let account = write(&transaction, &link, &name, &hashed, step, self.now())?;
        transaction.execute("DELETE FROM session WHERE account = ?1", [account.id])?;
        transaction.execute("DELETE FROM device WHERE account = ?1", [account.id])?;
        replace_codes(&transaction, account.id, &codes)?;
        transaction.commit()?;
        Ok((account, codes))
    }

    /// New recovery codes in place of the old ones.
    pub fn new_recovery_codes(&self, id: i64) -> Result<Vec<String>> {
        let codes = (0..RECOVERY_CODES).map(|_| recovery_code()).collect::<Result<Vec<_>>>()?;
        let mut store = self.store();
        let transaction = store.transaction()?;
        replace_codes(&transaction, id, &codes)?;
        transaction.commit()?;
        Ok(codes)
    }

    /// How many recovery codes an account has left.
    pub fn recovery_codes_left(&self, id: i64) -> Result<i64> {
        Ok(self
            .store()
            .query_row("SELECT count(*) FROM recovery WHERE account = ?1", [id], |row| row.get(0))?)
    }

    /// Uses a recovery code up.
    pub(super) fn use_recovery_code(&self, id: i64, code: &str) -> Result<bool> {
        let hash = code_digest(id, code);
        Ok(self
            .store()
            .execute("DELETE FROM recovery WHERE hash = ?1 AND account = ?2", params![hash, id])?
            == 1)
    }

    /// Takes the step of a code, unless it or a later one was taken: two sign-ins with one code are decided here.
    pub(super) fn take_step(&self, id: i64, step: i64) -> Result<bool> {
        let changed = self.store().execute(
            "UPDATE account SET last_step = ?2 WHERE id = ?1 AND last_step < ?2",
            params![id, step],
        )?;
        Ok(changed == 1)
    }
}

fn write(
    store: &rusqlite::Connection,
    link: &Link,
    name: &str,
    hashed: &Hashed,
    step: i64,
    now: i64,
) -> Result<Account> {
    let (query, taken) = match link.purpose {
        Purpose::Join => (
            "INSERT OR IGNORE INTO account (name, salt, hash, memory_kib, passes, secret, last_step, role, organisation, created)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            "There is an account of this name.",
        ),
        Purpose::Reset => (
            "UPDATE account SET salt = ?2, hash = ?3, memory_kib = ?4, passes = ?5, secret = ?6, last_step = ?7
             WHERE name = ?1 AND ?8 IS NOT NULL AND (?9 IS NULL OR ?9 IS NOT NULL) AND ?10 > 0",
            "There is no account of this name.",
        ),
    };
    // The step before counts as used: the code that was typed here does not sign in again.
    let last_step = step.min(now / STEP_SECONDS);
    let cost = hashed.cost;
    let changed = store.execute(
        query,
        params![
            name,
            hashed.salt,
            hashed.hash,
            cost.memory_kib,
            cost.passes,
            link.secret,
            last_step,
            link.role.name(),
            link.organisation,
            now
        ],
    )?;
    if changed == 0 {
        return Err(Error::Refused(taken));
    }
    let query = format!("SELECT {} FROM account WHERE name = ?1", accounts::COLUMNS);
    Ok(store.query_row(&query, [name], accounts::read)?)
}

fn replace_codes(store: &rusqlite::Connection, id: i64, codes: &[String]) -> Result<()> {
    store.execute("DELETE FROM recovery WHERE account = ?1", [id])?;
    for code in codes {
        store.execute(
            "INSERT INTO recovery (hash, account) VALUES (?1, ?2)",
            params![code_digest(id, code), id],
        )?;
    }
    Ok(())
}

/// 80 random bits, in four groups that people can copy.
fn recovery_code() -> Result<String> {
    let text = base32(&random::<10>()?).to_lowercase();
    Ok(format!("{}-{}-{}-{}", &text[..4], &text[4..8], &text[8..12], &text[12..]))
}

/// The digest of a code as somebody may type it: case and dashes do not count.
fn code_digest(id: i64, code: &str) -> [u8; 32] {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    digest("recovery", &format!("{id}:{}", plain.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::code_at;
    use super::super::fixtures::{member, people};
    use super::*;

    const PASSWORD: &str = "correct horse battery";

    #[test]
    fn the_first_link_makes_an_administrator_once_and_only_for_an_hour() {
        let (hand, people) = people();
        let old = people.first_link().unwrap().unwrap();
        let token = people.first_link().unwrap().unwrap();
        assert!(people.link(&old).unwrap().is_none(), "a restart makes the earlier link worthless");
        let secret = people.link(&token).unwrap().unwrap().secret;
        hand.clone().on(3_601);
        assert!(
            people.follow_link(&token, "ada", PASSWORD, &code_at(&secret, hand.now())).is_err(),
            "too old"
        );
        let token = people.first_link().unwrap().unwrap();
        let secret = people.link(&token).unwrap().unwrap().secret;
        assert!(
            people.follow_link(&token, "ada", PASSWORD, "000000").is_err(),
            "a wrong code uses nothing up"
        );
        let code = code_at(&secret, hand.now());
        let (ada, codes) = people.follow_link(&token, "ada", PASSWORD, &code).unwrap();
        assert_eq!((ada.role, ada.organisation, codes.len()), (Role::Administrator, None, 10));
        hand.clone().on(60);
        assert!(people.follow_link(&token, "eve", PASSWORD, &code_at(&secret, hand.now())).is_err(), "used");
        assert!(people.first_link().unwrap().is_none(), "somebody is there");
    }

    #[test]
    fn a_reset_keeps_role_and_reach_and_ends_sessions() {
        let (hand, people) = people();
        member(&hand, &people, "ada", Role::Administrator, None);
        let (bob, _) = member(&hand, &people, "bob", Role::Viewer, Some("party-x"));
        let session = people.start_session(&bob, "192.0.2.1", "").unwrap();
        let token = people.reset("bob", "ada").unwrap();
        let secret = people.link(&token).unwrap().unwrap().secret;
        let (again, _) =
            people.follow_link(&token, "mallory", PASSWORD, &code_at(&secret, hand.now())).unwrap();
        assert_eq!(
            (again.id, again.role, again.organisation.as_deref()),
            (bob.id, Role::Viewer, Some("party-x"))
        );
        assert!(people.session(&session.token).unwrap().is_none());
        assert!(people.reset("nobody", "ada").is_err());
        assert!(people.invite("BOB", Role::Viewer, None, "ada").is_err(), "names do not differ by case");
    }

    #[test]
    fn a_recovery_code_is_good_once_and_only_for_its_account() {
        let (hand, people) = people();
        let (ada, _) = member(&hand, &people, "ada", Role::Administrator, None);
        let (bob, _) = member(&hand, &people, "bob", Role::Viewer, None);
        let codes = people.new_recovery_codes(ada.id).unwrap();
        assert!(!people.use_recovery_code(bob.id, &codes[0]).unwrap());
        assert!(people.use_recovery_code(ada.id, &codes[0].to_uppercase().replace('-', " ")).unwrap());
        assert!(!people.use_recovery_code(ada.id, &codes[0]).unwrap());
        assert_eq!(people.recovery_codes_left(ada.id).unwrap(), 9);
        people.new_recovery_codes(ada.id).unwrap();
        assert!(!people.use_recovery_code(ada.id, &codes[1]).unwrap(), "new codes replace the old ones");
    }
}
