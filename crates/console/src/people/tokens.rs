//! API tokens: what programs show instead of a session.
//!
//! A token never sees more than the account that made it: its reach is the account's or narrower, it ends with the
//! account, and what the account's role may not read, the token may not either. Whom the provider vouches for has to sign in by
//! it now and then ([`super::Policy::vouched_seconds`]), or the tokens rest: somebody who was removed there is not asked here.

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::secret::{digest, token};
use super::{Account, Error, MAXIMUM_TOKENS, People, Result, accounts};

/// How a token begins, so that people and scanners for lost secrets know one when they see it.
const PREFIX: &str = "hemicycle_";
/// Longest life of a token in days.
const LONGEST_DAYS: i64 = 366;
/// Seconds between two notes that a token is in use.
const USED_EVERY_SECONDS: i64 = 60;

/// What a token may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Services, floods, series, sensors and the stream of events.
    Read,
    /// Entries of the ledger.
    Ledger,
    /// Figures for Prometheus.
    Metrics,
    /// Tell of floods that others saw.
    Webhook,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Ledger, Self::Metrics, Self::Webhook];

    /// The word in forms and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ledger => "ledger",
            Self::Metrics => "metrics",
            Self::Webhook => "webhook",
        }
    }

    /// What it lets a program do.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Read => "services, floods, series, sensors, events",
            Self::Ledger => "entries of the ledger",
            Self::Metrics => "figures for Prometheus",
            Self::Webhook => "tell of floods that others saw",
        }
    }
}

/// A token, as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: i64,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// The organisation that it sees; without one, the whole house.
    pub organisation: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created_seconds: i64,
    /// Until when it is good.
    pub expires_seconds: i64,
    /// When it was last used, to a minute.
    pub used_seconds: Option<i64>,
}

/// Whether the owner's account is open and, where the provider vouches for it, did so lately enough: after `?3`.
const OWNED: &str = "NOT disabled AND (subject IS NULL OR signed_in > ?3)";

const COLUMNS: &str = "token.id, token.name, scopes, token.organisation, token.created, expires, used";

fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Token> {
    let scopes: String = row.get(at + 2)?;
    let scopes = Scope::ALL.into_iter().filter(|scope| scopes.split(' ').any(|word| word == scope.name()));
    Ok(Token {
        id: row.get(at)?,
        name: row.get(at + 1)?,
        scopes: scopes.collect(),
        organisation: row.get(at + 3)?,
        created_seconds: row.get(at + 4)?,
        expires_seconds: row.get(at + 5)?,
        used_seconds: row.get(at + 6)?,
    })
}

impl People {
    /// Makes a token; its text is given once and never again.
    pub fn create_token(
        &self,
        by: &Account,
        name: &str,
        scopes: &[Scope],
        organisation: Option<&str>,
        days: i64,
    ) -> Result<String> {
        accounts::acceptable(name)?;
        if scopes.is_empty() {
            return Err(Error::Refused("Choose what the token may be used for."));
        }
        if !(1..=LONGEST_DAYS).contains(&days) {
            return Err(Error::Refused("A token lives between 1 and 366 days."));
        }
        if by.organisation.is_some() && by.organisation.as_deref() != organisation {
            return Err(Error::Refused("A token cannot see more than who makes it."));
        }
        let text = format!("{PREFIX}{}", token()?);
        let words: Vec<&str> = scopes.iter().map(|scope| scope.name()).collect();
        let now = self.now();
        let store = self.store();
        store.execute("DELETE FROM token WHERE expires <= ?1", [now])?;
        let count: i64 = store.query_row("SELECT count(*) FROM token", [], |row| row.get(0))?;
        if count >= MAXIMUM_TOKENS {
            return Err(Error::Refused("There are 200 tokens already; withdraw one that is not used."));
        }
        store.execute(
            "INSERT INTO token (hash, account, name, scopes, organisation, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![digest("token", &text), by.id, name, words.join(" "), organisation, now, now + days * 86_400],
        )?;
        Ok(text)
    }

    /// Whose token a text is, if it is one.
    pub fn token(&self, text: &str) -> Result<Option<(Account, Token)>> {
        if !text.starts_with(PREFIX) {
            return Ok(None);
        }
        let now = self.now();
        let store = self.store();
        let query = format!(
            "SELECT {}, {COLUMNS} FROM token JOIN account ON account.id = token.account WHERE token.hash = ?1 AND expires > ?2 AND {OWNED}",
            accounts::COLUMNS
        );
        let mut statement = store.prepare_cached(&query)?;
        let found = statement
            .query_row(params![digest("token", text), now, now - self.policy.vouched_seconds], |row| {
                Ok((accounts::read(row)?, read(row, 7)?))
            })
            .optional()?;
        if let Some((_, token)) = &found
            && token.used_seconds.is_none_or(|used| now - used >= USED_EVERY_SECONDS)
        {
            store.execute("UPDATE token SET used = ?2 WHERE id = ?1", params![token.id, now])?;
        }
        Ok(found)
    }

    /// Whether a token is still one: for streams that stay open.
    pub fn token_lasts(&self, id: i64) -> Result<bool> {
        let now = self.now();
        let query = format!(
            "SELECT EXISTS (SELECT 1 FROM token JOIN account ON account.id = token.account
             WHERE token.id = ?1 AND expires > ?2 AND {OWNED})"
        );
        let limits = params![id, now, now - self.policy.vouched_seconds];
        Ok(self.store().query_row(&query, limits, |row| row.get(0))?)
    }

    /// The tokens of an account, the newest first.
    pub fn tokens(&self, account: i64) -> Result<Vec<Token>> {
        let store = self.store();
        let mut statement = store.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM token WHERE account = ?1 AND expires > ?2 ORDER BY id DESC"
        ))?;
        let tokens = statement.query_map(params![account, self.now()], |row| read(row, 0))?;
        Ok(tokens.collect::<rusqlite::Result<_>>()?)
    }

    /// Withdraws a token of an account.
    pub fn withdraw_token(&self, account: i64, id: i64) -> Result<bool> {
        let gone =
            self.store().execute("DELETE FROM token WHERE id = ?1 AND account = ?2", params![id, account])?;
        Ok(gone == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::super::fixtures::{member, people};
    use super::*;

    #[test]
    fn a_token_is_good_until_it_ends_is_withdrawn_or_its_account_is_closed() {
        let (hand, people) = people();
        member(&hand, &people, "root", Role::Administrator, None);
        let (ada, _) = member(&hand, &people, "ada", Role::Viewer, None);
        let make = || people.create_token(&ada, "grafana", &[Scope::Read, Scope::Metrics], None, 1).unwrap();
        let text = make();
        let (account, token) = people.token(&text).unwrap().unwrap();
        assert_eq!((account.id, token.scopes.as_slice()), (ada.id, [Scope::Read, Scope::Metrics].as_slice()));
        assert!(people.token(&text.replace("hemicycle_", "")).unwrap().is_none());
        assert!(!people.withdraw_token(ada.id + 1, token.id).unwrap(), "not somebody else's");
        assert!(people.withdraw_token(ada.id, token.id).unwrap());
        assert!(people.token(&text).unwrap().is_none());
        let text = make();
        hand.clone().on(86_400);
        assert!(people.token(&text).unwrap().is_none(), "too old");
        let text = make();
        people.change(ada.id, Role::Viewer, None, true).unwrap();
        assert!(people.token(&text).unwrap().is_none(), "closed");
    }

    #[test]
    fn a_token_sees_no_more_than_who_made_it() {
        let (hand, people) = people();
        let (eve, _) = member(&hand, &people, "eve", Role::Analyst, Some("party-x"));
        assert!(people.create_token(&eve, "t", &[Scope::Read], None, 1).is_err());
        assert!(people.create_token(&eve, "t", &[Scope::Read], Some("party-y"), 1).is_err());
        assert!(people.create_token(&eve, "t", &[Scope::Read], Some("party-x"), 1).is_ok());
        assert!(people.create_token(&eve, "t", &[], Some("party-x"), 1).is_err());
        assert!(people.create_token(&eve, "t", &[Scope::Read], Some("party-x"), 367).is_err());
    }
}
