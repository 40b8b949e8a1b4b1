//! Sessions and known devices. A session is a row here; the cookie holds a random name for it and nothing else.

use rusqlite::{Connection, OptionalExtension, params};

use super::secret::{digest, hex, token};
use super::{Account, MAXIMUM_DEVICES, MAXIMUM_SESSIONS, People, Result, accounts};

/// Seconds between two notes that a session is in use, so that reading pages is not writing to the disk.
const SEEN_EVERY_SECONDS: i64 = 60;
/// Longest name of a browser that is kept.
const LONGEST_AGENT_CHARACTERS: usize = 200;

/// A session, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name for forms; says nothing about the cookie.
    pub handle: String,
    /// When it began, in seconds since 1970.
    pub created_seconds: i64,
    /// When it was last used, to a minute.
    pub seen_seconds: i64,
    /// From which address it began.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// What a browser keeps.
#[derive(Debug, Clone)]
pub struct Started {
    /// The cookie of the session.
    pub token: String,
    /// The cookie of the device.
    pub device: String,
}

impl People {
    /// Starts a session on a device that is known from now on.
    pub fn start_session(&self, account: &Account, address: &str, agent: &str) -> Result<Started> {
        let started = Started { token: token()?, device: token()? };
        self.start(account, (address, agent), &started.token, Some(&started.device))?;
        Ok(started)
    }

    /// Starts a session by the provider's word, which asks for no device: the cookie's text.
    pub fn start_vouched_session(&self, account: &Account, address: &str, agent: &str) -> Result<String> {
        let token = token()?;
        self.start(account, (address, agent), &token, None)?;
        Ok(token)
    }

    fn start(
        &self,
        account: &Account,
        (address, agent): (&str, &str),
        token: &str,
        device: Option<&str>,
    ) -> Result<()> {
        let handle = hex(&super::secret::random::<8>()?);
        let agent: String =
            agent.chars().filter(|letter| !letter.is_control()).take(LONGEST_AGENT_CHARACTERS).collect();
        let now = self.now();
        let mut store = self.store();
        let transaction = store.transaction()?;
        transaction.execute(
            "INSERT INTO session (hash, handle, account, created, seen, address, agent) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)",
            params![digest("session", token), handle, account.id, now, address, agent],
        )?;
        transaction.execute(
            "DELETE FROM session WHERE created <= ?1 OR seen <= ?2",
            params![now - self.policy.session_seconds, now - self.policy.idle_seconds],
        )?;
        make_room(&transaction, ("session", MAXIMUM_SESSIONS), account.id, &digest("session", token))?;
        transaction.execute("DELETE FROM device WHERE seen <= ?1", [now - self.policy.device_seconds])?;
        if let Some(device) = device {
            transaction.execute(
                "INSERT INTO device (hash, account, seen) VALUES (?1, ?2, ?3)",
                params![digest("device", device), account.id, now],
            )?;
            make_room(&transaction, ("device", MAXIMUM_DEVICES), account.id, &digest("device", device))?;
        }
        transaction.execute("UPDATE account SET signed_in = ?2 WHERE id = ?1", params![account.id, now])?;
        transaction.commit()?;
        Ok(())
    }

    /// Whose session a cookie names, if it is still one.
    pub fn session(&self, token: &str) -> Result<Option<(Account, Session)>> {
        let now = self.now();
        let hash = digest("session", token);
        let store = self.store();
        let query = format!(
            "SELECT {}, handle, session.created, seen, address, agent FROM session JOIN account ON account.id = session.account
             WHERE session.hash = ?1 AND NOT disabled AND session.created > ?2 AND seen > ?3",
            accounts::COLUMNS
        );
        let mut statement = store.prepare_cached(&query)?;
        let limits = params![hash, now - self.policy.session_seconds, now - self.policy.idle_seconds];
        let found = statement
            .query_row(limits, |row| {
                let session = Session {
                    handle: row.get(7)?,
                    created_seconds: row.get(8)?,
                    seen_seconds: row.get(9)?,
                    address: row.get(10)?,
                    agent: row.get(11)?,
                };
                Ok((accounts::read(row)?, session))
            })
            .optional()?;
        if let Some((_, session)) = &found
            && now - session.seen_seconds >= SEEN_EVERY_SECONDS
        {
            store
                .prepare_cached("UPDATE session SET seen = ?2 WHERE hash = ?1")?
                .execute(params![hash, now])?;
        }
        Ok(found)
    }

    /// Whether a session is still one, without counting as its use: for streams that stay open by themselves.
    pub fn session_lasts(&self, token: &str) -> Result<bool> {
        let now = self.now();
        let lasts = self.store().query_row(
            "SELECT EXISTS (SELECT 1 FROM session JOIN account ON account.id = session.account
             WHERE session.hash = ?1 AND NOT disabled AND session.created > ?2 AND seen > ?3)",
            params![
                digest("session", token),
                now - self.policy.session_seconds,
                now - self.policy.idle_seconds
            ],
            |row| row.get(0),
        )?;
        Ok(lasts)
    }

    /// Whether a device has signed in to this account before.
    pub(super) fn knows_device(&self, device: &str, name: &str) -> Result<bool> {
        let found = self.store().query_row(
            "SELECT EXISTS (SELECT 1 FROM device JOIN account ON account.id = device.account WHERE device.hash = ?1 AND name = ?2 AND device.seen > ?3)",
            params![digest("device", device), name, self.now() - self.policy.device_seconds],
            |row| row.get(0),
        )?;
        Ok(found)
    }

    /// Every session of an account that is still one, the latest first.
    pub fn sessions(&self, id: i64) -> Result<Vec<Session>> {
        let now = self.now();
        let store = self.store();
        let mut statement = store.prepare_cached(
            "SELECT handle, created, seen, address, agent FROM session
             WHERE account = ?1 AND created > ?2 AND seen > ?3 ORDER BY seen DESC, handle",
        )?;
        let limits = params![id, now - self.policy.session_seconds, now - self.policy.idle_seconds];
        let sessions = statement.query_map(limits, |row| {
            Ok(Session {
                handle: row.get(0)?,
                created_seconds: row.get(1)?,
                seen_seconds: row.get(2)?,
                address: row.get(3)?,
                agent: row.get(4)?,
            })
        })?;
        Ok(sessions.collect::<rusqlite::Result<_>>()?)
    }

    /// Ends one session of an account.
    pub fn end_session(&self, id: i64, handle: &str) -> Result<bool> {
        let ended = self
            .store()
            .execute("DELETE FROM session WHERE account = ?1 AND handle = ?2", params![id, handle])?;
        Ok(ended == 1)
    }
}

/// Keeps an account below a limit. The new one stays, whatever else began in the same second.
fn make_room(store: &Connection, (table, limit): (&str, i64), account: i64, new: &[u8; 32]) -> Result<()> {
    store.execute(
        &format!(
            "DELETE FROM {table} WHERE account = ?1 AND hash <> ?3 AND hash NOT IN
             (SELECT hash FROM {table} WHERE account = ?1 AND hash <> ?3 ORDER BY seen DESC, hash LIMIT ?2)"
        ),
        params![account, limit - 1, new],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::super::fixtures::{member, people};

    #[test]
    fn a_session_ends_when_idle_and_when_old() {
        let (hand, people) = people();
        let (ada, _) = member(&hand, &people, "ada", Role::Viewer, None);
        let idle = people.start_session(&ada, "192.0.2.1", "a\u{7}gent").unwrap();
        let (account, session) = people.session(&idle.token).unwrap().unwrap();
        assert_eq!((account.name.as_str(), session.agent.as_str()), ("ada", "agent"));
        hand.clone().on(12 * 3_600);
        assert!(people.session(&idle.token).unwrap().is_none());
        let used = people.start_session(&ada, "192.0.2.1", "").unwrap();
        for hour in 0..7 * 24 {
            assert!(people.session(&used.token).unwrap().is_some(), "hour {hour}");
            hand.clone().on(3_600);
        }
        assert!(people.session(&used.token).unwrap().is_none(), "a week is the end however much it was used");
    }

    #[test]
    fn sessions_are_bounded_and_end_one_by_one() {
        let (hand, people) = people();
        let (ada, _) = member(&hand, &people, "ada", Role::Viewer, None);
        let (bob, _) = member(&hand, &people, "bob", Role::Viewer, None);
        for _ in 0..30 {
            let started = people.start_session(&ada, "192.0.2.1", "").unwrap();
            assert!(
                people.session(&started.token).unwrap().is_some(),
                "a new one is never the one that goes"
            );
        }
        let sessions = people.sessions(ada.id).unwrap();
        assert_eq!(sessions.len(), 20);
        assert!(!people.end_session(bob.id, &sessions[0].handle).unwrap(), "not somebody else's");
        assert!(people.end_session(ada.id, &sessions[0].handle).unwrap());
        assert_eq!(people.sessions(ada.id).unwrap().len(), 19);
    }

    #[test]
    fn a_closed_account_has_no_session() {
        let (hand, people) = people();
        member(&hand, &people, "root", Role::Administrator, None);
        let (ada, _) = member(&hand, &people, "ada", Role::Viewer, None);
        let started = people.start_session(&ada, "192.0.2.1", "").unwrap();
        assert!(people.knows_device(&started.device, "Ada").unwrap());
        assert!(!people.knows_device(&started.device, "root").unwrap());
        people.change(ada.id, Role::Viewer, None, true).unwrap();
        assert!(people.session(&started.token).unwrap().is_none());
        assert!(!people.knows_device(&started.device, "ada").unwrap());
    }
}
