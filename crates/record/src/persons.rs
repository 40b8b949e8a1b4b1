//! The table of persons' addresses, apart from everything else.
//!
//! A code is a keyed hash of week, address and a random salt that stands beside the sealed address. Within a week an address
//! keeps its code; in the next it gets another. Once the row is gone nothing leads from the code to the address or back, also
//! not for who has the key: the salt is gone too.

use std::net::IpAddr;

use rusqlite::{Connection, OptionalExtension, params};

use crate::Result;
use crate::keys::Keys;

/// `last_seen` is moved on no more often than this: an hour.
const SEEN_NANOSECONDS: i64 = 3_600_000_000_000;
/// How often a code is drawn that somebody else has already; a second time is one in 2^48.
const DRAWS: usize = 8;

/// The week in which codes are the same, as `2026W48` (ISO 8601, UTC).
pub(crate) fn period(now: i64) -> String {
    let timestamp = jiff::Timestamp::from_nanosecond(i128::from(now)).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let week = timestamp.to_zoned(jiff::tz::TimeZone::UTC).date().iso_week_date();
    format!("{:04}W{:02}", week.year(), week.week())
}

/// The code of an address, given if it has none in this week.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn code(connection: &Connection, keys: &Keys, address: IpAddr, now: i64) -> Result<String> {
    let period = period(now);
    let place = keys.lookup(&period, address);
    let mut select = connection.prepare_cached("SELECT code, last_seen FROM person WHERE place = ?1")?;
    let known: Option<(String, i64)> =
        select.query_row([place.as_slice()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    if let Some((code, seen)) = known {
        if now.saturating_sub(seen) > SEEN_NANOSECONDS {
            let mut update = connection.prepare_cached("UPDATE person SET last_seen = ?2 WHERE code = ?1")?;
            update.execute(params![code, now])?;
        }
        return Ok(code);
    }
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO person VALUES (?1, ?2, ?3, ?4, ?5, ?5)")?;
    for _ in 0..DRAWS {
        let salt = keys.salt()?;
        let code = keys.code(&period, &salt, address);
        let sealed = keys.seal_address(&code, address)?;
        if insert.execute(params![code, place.as_slice(), salt.as_slice(), sealed, now])? == 1 {
            return Ok(code);
        }
    }
    Err(crate::Error::NotWritten("no code is free".to_owned()))
}

/// The plain address of a code, if it is kept.
///
/// # Errors
/// When it cannot be read, or was changed.
pub(crate) fn plain(connection: &Connection, keys: &Keys, code: &str) -> Result<Option<IpAddr>> {
    let mut select = connection.prepare_cached("SELECT sealed FROM person WHERE code = ?1")?;
    let sealed: Option<Vec<u8>> = select.query_row([code], |row| row.get(0)).optional()?;
    sealed.map(|sealed| keys.open_address(code, &sealed)).transpose()
}

/// A code of an address, with when it was first and last seen.
pub(crate) type Seen = (String, i64, i64);

/// All codes of an address that lead to it.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn codes(connection: &Connection, keys: &Keys, address: IpAddr) -> Result<Vec<Seen>> {
    let mut periods = connection.prepare("SELECT DISTINCT substr(code, 3, 7) FROM person")?;
    let periods = periods.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut select =
        connection.prepare_cached("SELECT code, first_seen, last_seen FROM person WHERE place = ?1")?;
    let mut found = Vec::new();
    for period in periods {
        let place = keys.lookup(&period, address);
        let row = select.query_row([place.as_slice()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        found.extend(row.optional()?);
    }
    Ok(found)
}

/// A code that leads nowhere from the start: its salt is kept nowhere.
///
/// # Errors
/// When there is no randomness.
pub(crate) fn blind(keys: &Keys, address: IpAddr, now: i64) -> Result<String> {
    Ok(keys.code(&period(now), &keys.salt()?, address))
}

/// Removes an address and what links it to its codes, which are given.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn erase(connection: &Connection, keys: &Keys, address: IpAddr) -> Result<Vec<String>> {
    let codes: Vec<String> = codes(connection, keys, address)?.into_iter().map(|(code, ..)| code).collect();
    for code in &codes {
        connection.execute("DELETE FROM person WHERE code = ?1", [code])?;
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_has_one_code_and_an_erased_address_gets_another() {
        let folder = tempfile::tempdir().unwrap();
        let connection = crate::schema::open(&folder.path().join("r"), true).unwrap();
        let keys = Keys::new([3; 16]).unwrap();
        let address: IpAddr = "198.51.100.7".parse().unwrap();
        let now = 1_795_780_800_000_000_000;
        let first = code(&connection, &keys, address, now).unwrap();
        assert!(first.starts_with("p-2026W48-"), "{first}");
        assert_eq!(code(&connection, &keys, address, now + 86_400_000_000_000).unwrap(), first);
        let next = code(&connection, &keys, address, now + 7 * 86_400_000_000_000).unwrap();
        assert!(next.starts_with("p-2026W49-") && next[10..] != first[10..]);
        assert_eq!(plain(&connection, &keys, &first).unwrap(), Some(address));
        assert_eq!(codes(&connection, &keys, address).unwrap().len(), 2);
        assert_eq!(erase(&connection, &keys, address).unwrap().len(), 2);
        assert_eq!(plain(&connection, &keys, &first).unwrap(), None);
        assert_ne!(code(&connection, &keys, address, now).unwrap(), first, "the salt is gone");
    }
}
