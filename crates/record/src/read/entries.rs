//! Entries.

use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::{Where, common, limit};
use crate::chain::{NOTHING, split};
use crate::keys::hexadecimal;
use crate::{Error, Filter, Kind, Page, PageOf, Result, StoredEntry};

/// The columns of an entry; `before` is the hash of the one before.
const SELECT: &str =
    "SELECT seq, time, written, kind, actor, subject, organisations, services, body, body_hash, hash, seal,
  (SELECT p.hash FROM entry p WHERE p.seq = e.seq - 1) AS before FROM entry e";
/// The same where entries are read in order: the one before was read just now.
const SELECT_ALL: &str =
    "SELECT seq, time, written, kind, actor, subject, organisations, services, body, body_hash, hash, seal
  FROM entry WHERE seq >= ?1 ORDER BY seq";

fn read(row: &Row<'_>) -> rusqlite::Result<StoredEntry> {
    let before: Option<Vec<u8>> = row.get(12)?;
    let previous = hexadecimal(before.as_deref().unwrap_or(&NOTHING));
    read_after(row, previous)
}

fn read_after(row: &Row<'_>, previous: String) -> rusqlite::Result<StoredEntry> {
    let blob = |column: usize| Ok::<_, rusqlite::Error>(hexadecimal(row.get_ref(column)?.as_blob()?));
    Ok(StoredEntry {
        seq: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
        time: row.get(1)?,
        written: row.get(2)?,
        kind: row.get(3)?,
        actor: row.get(4)?,
        subject: row.get(5)?,
        organisations: split(&row.get::<_, String>(6)?),
        services: split(&row.get::<_, String>(7)?),
        body: row.get(8)?,
        body_hash: blob(9)?,
        hash: blob(10)?,
        seal: blob(11)?,
        previous,
    })
}

/// One entry.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn one(connection: &Connection, seq: u64) -> Result<Option<StoredEntry>> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE seq = ?1"))?;
    Ok(select.query_row([i64::try_from(seq).unwrap_or(i64::MAX)], read).optional()?)
}

/// A page of entries.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn list(connection: &Connection, filter: &Filter, page: &Page) -> Result<PageOf<StoredEntry>> {
    let mut conditions = Where::default();
    common(filter, &mut conditions);
    let kinds =
        |kinds: &[Kind]| kinds.iter().map(|kind| format!("'{}'", kind.name())).collect::<Vec<_>>().join(",");
    if !filter.kinds.is_empty() {
        conditions.plain(&format!("kind IN ({})", kinds(&filter.kinds)));
    }
    for (part, value) in [("time >= ?", filter.from), ("time < ?", filter.to)] {
        if let Some(value) = value {
            conditions.and(part, value);
        }
    }
    for (part, value) in [("actor = ?", &filter.actor), ("subject = ?", &filter.subject)] {
        if let Some(value) = value {
            conditions.and(part, value.clone());
        }
    }
    for word in [&filter.target, &filter.vector].into_iter().flatten() {
        conditions.words("lower(ifnull(body, ''))", Some(&format!("\"{word}\"")));
    }
    conditions.words("lower(subject || ' ' || actor || ' ' || ifnull(body, ''))", filter.text.as_deref());
    if let Some(after) = &page.after {
        let after: i64 = after.parse().map_err(|_| Error::Refused("there is no such page".to_owned()))?;
        conditions.and("seq < ?", after);
    }
    let limit = limit(page);
    let sql = format!("{SELECT} WHERE {} ORDER BY seq DESC LIMIT {}", conditions.text(), limit + 1);
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map(params_from_iter(conditions.values), read)?;
    let mut items = rows.collect::<Result<Vec<_>, _>>()?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|entry| entry.seq.to_string());
    Ok(PageOf { items, next })
}

/// Every entry from a number on, in order.
///
/// # Errors
/// When one cannot be read, or what is done with it fails.
pub(crate) fn each(
    connection: &Connection,
    from: u64,
    mut take: impl FnMut(StoredEntry) -> Result<()>,
) -> Result<()> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let mut before = match one(connection, u64::try_from(from - 1).unwrap_or(0))? {
        Some(entry) => (entry.seq, entry.hash),
        None => (0, hexadecimal(&NOTHING)),
    };
    let mut select = connection.prepare(SELECT_ALL)?;
    let mut rows = select.query([from])?;
    while let Some(row) = rows.next()? {
        let seq = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
        // Where the one before is missing, nothing is before it.
        let follows = before.0.checked_add(1) == Some(seq);
        let previous = if follows { before.1 } else { hexadecimal(&NOTHING) };
        let entry = read_after(row, previous)?;
        before = (entry.seq, entry.hash.clone());
        take(entry)?;
    }
    Ok(())
}
