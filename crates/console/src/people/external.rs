//! Accounts of people whom the house's own provider vouches for. They have no password and no app here, and no way in but by
//! it; local accounts never become one of them.

use rusqlite::{OptionalExtension, params};

use super::accounts::{COLUMNS, LONGEST_NAME_CHARACTERS, acceptable, read};
use super::{Account, Error, MAXIMUM_ACCOUNTS, People, Result, Role};

/// Names that are tried before somebody is sent away: others have them.
const MAXIMUM_TRIES: usize = 20;

impl People {
    /// The account of a subject, made at its first sign-in, with the role and reach that the provider's word gives now.
    ///
    /// # Errors
    /// When it is closed here, or there is no place or no name for another one.
    pub fn vouched(
        &self,
        subject: &str,
        name: &str,
        role: Role,
        organisation: Option<&str>,
    ) -> Result<Account> {
        let now = self.now();
        let mut store = self.store();
        let transaction = store.transaction()?;
        let known: Option<(i64, bool)> = transaction
            .query_row("SELECT id, disabled FROM account WHERE subject = ?1", [subject], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let id = match known {
            Some((_, true)) => return Err(Error::Refused("This account is closed here.")),
            Some((id, false)) => {
                transaction.execute(
                    "UPDATE account SET role = ?2, organisation = ?3 WHERE id = ?1",
                    params![id, role.name(), organisation],
                )?;
                id
            }
            None => {
                let count: i64 =
                    transaction.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
                if count >= MAXIMUM_ACCOUNTS {
                    return Err(Error::Refused("There are 1,000 accounts already."));
                }
                let name = free_name(&transaction, name)?;
                // Nothing hashes to nothing: `credentials` does not even look at these.
                transaction.execute(
                    "INSERT INTO account (name, role, organisation, created, salt, hash, memory_kib, passes, secret, subject)
                     VALUES (?1, ?2, ?3, ?4, x'', x'', 0, 0, x'', ?5)",
                    params![name, role.name(), organisation, now, subject],
                )?;
                transaction.last_insert_rowid()
            }
        };
        let query = format!("SELECT {COLUMNS} FROM account WHERE id = ?1");
        let account = transaction.query_row(&query, [id], read)?;
        transaction.commit()?;
        Ok(account)
    }

    /// The provider's word gives a subject nothing any more: its sessions, devices and tokens end. Whether
    /// anything did.
    pub fn not_vouched(&self, subject: &str) -> Result<bool> {
        let mut store = self.store();
        let transaction = store.transaction()?;
        let query = "SELECT id FROM account WHERE subject = ?1";
        let known: Option<i64> = transaction.query_row(query, [subject], |row| row.get(0)).optional()?;
        let mut ended = 0;
        if let Some(id) = known {
            for table in ["session", "device", "token"] {
                ended += transaction.execute(&format!("DELETE FROM {table} WHERE account = ?1"), [id])?;
            }
        }
        transaction.commit()?;
        Ok(ended > 0)
    }
}

/// The name, or one with a number behind it if somebody else has it.
fn free_name(store: &rusqlite::Connection, name: &str) -> Result<String> {
    let fits = |letter: &char| letter.is_alphanumeric() || "._-@ ".contains(*letter);
    let name: String = name.chars().filter(fits).take(LONGEST_NAME_CHARACTERS - 4).collect();
    let name = if name.trim().is_empty() { "member" } else { name.trim() };
    for number in 1..=MAXIMUM_TRIES {
        let name = if number == 1 { name.to_owned() } else { format!("{name} {number}") };
        acceptable(&name)?;
        let taken: bool = store.query_row(
            "SELECT EXISTS (SELECT 1 FROM account WHERE name = ?1) OR EXISTS (SELECT 1 FROM link WHERE name = ?1)",
            [&name],
            |row| row.get(0),
        )?;
        if !taken {
            return Ok(name);
        }
    }
    Err(Error::Refused("Too many accounts have this name."))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{member, people};
    use super::super::{Attempt, Refusal, Scope};
    use super::*;

    #[test]
    fn whom_the_provider_vouches_for_has_an_account_of_their_own_and_no_password() {
        let (hand, people) = people();
        let (local, _) = member(&hand, &people, "anna", Role::Administrator, None);
        let account = people.vouched("https://idp 1", "anna", Role::Viewer, Some("party-x")).unwrap();
        assert_eq!((account.name.as_str(), account.role), ("anna 2", Role::Viewer));
        assert_ne!(account.id, local.id, "a local account is nobody else's");
        let again = people.vouched("https://idp 1", "anna renamed", Role::Operator, None).unwrap();
        assert_eq!((again.id, again.role, again.organisation), (account.id, Role::Operator, None));
        for password in ["", "correct horse battery"] {
            let attempt = Attempt {
                name: "anna 2".into(),
                password: password.into(),
                code: "000000".into(),
                device: None,
                address: [192, 0, 2, 1].into(),
                agent: String::new(),
            };
            assert_eq!(people.sign_in(&attempt).unwrap().err(), Some(Refusal::Wrong));
        }
        assert!(people.reset("anna 2", "test").is_err(), "no link gives it a password");
        assert!(people.invite("anna 2", Role::Viewer, None, "test").is_err());
        people.change(again.id, Role::Operator, None, true).unwrap();
        assert!(people.vouched("https://idp 1", "anna", Role::Operator, None).is_err(), "closed is closed");
    }

    #[test]
    fn tokens_rest_when_the_provider_has_not_vouched_for_a_month_and_end_when_it_does_not_any_more() {
        let (hand, people) = people();
        let (local, _) = member(&hand, &people, "root", Role::Administrator, None);
        let sign_in = || {
            let account = people.vouched("https://idp 1", "anna", Role::Analyst, None).unwrap();
            (people.start_vouched_session(&account, "192.0.2.1", "").unwrap(), account)
        };
        let (_, account) = sign_in();
        let make = |by| people.create_token(by, "siem", &[Scope::Read], None, 366).unwrap();
        let (theirs, ours) = (make(&account), make(&local));
        let id = people.token(&theirs).unwrap().unwrap().1.id;
        let good = |text: &str| people.token(text).unwrap().is_some();
        hand.clone().on(30 * 86_400 - 1);
        assert!(good(&theirs) && people.token_lasts(id).unwrap());
        hand.clone().on(1);
        assert!(!good(&theirs) && !people.token_lasts(id).unwrap(), "nobody vouched for a month");
        assert!(good(&ours), "a local account needs nobody's word");
        let (session, _) = sign_in();
        assert!(good(&theirs), "and rests no more");
        assert!(people.session(&session).unwrap().is_some());
        assert!(people.not_vouched("https://idp 1").unwrap());
        assert!(!good(&theirs) && people.session(&session).unwrap().is_none());
        assert!(!people.not_vouched("https://idp 1").unwrap(), "nothing is left to end");
        sign_in();
        assert!(!good(&theirs), "what was withdrawn stays so");
        assert!(good(&ours) && !people.not_vouched("https://idp 2").unwrap());
    }

    /// Nobody holds the cookie of such a device: it signs in by the provider, where no device is asked for.
    #[test]
    fn a_session_by_the_provider_leaves_no_device() {
        let (_, people) = people();
        let account = people.vouched("https://idp 1", "anna", Role::Viewer, None).unwrap();
        for _ in 0..30 {
            people.start_vouched_session(&account, "192.0.2.1", "").unwrap();
        }
        let count = |table: &str| -> i64 {
            let query = format!("SELECT count(*) FROM {table}");
            people.store().query_row(&query, [], |row| row.get(0)).unwrap()
        };
        assert_eq!((count("device"), count("session")), (0, 20));
    }

    #[test]
    fn the_last_local_administrator_stays_one_whoever_is_vouched_for() {
        let (hand, people) = people();
        let (local, _) = member(&hand, &people, "anna", Role::Administrator, None);
        people.vouched("https://idp 1", "root", Role::Administrator, None).unwrap();
        assert!(
            people.change(local.id, Role::Viewer, None, false).is_err(),
            "the way in when the provider is down"
        );
    }
}
