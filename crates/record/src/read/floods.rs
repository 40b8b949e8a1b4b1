//! Floods.

use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::{Where, barred, common, limit};
use crate::chain::split;
use crate::event::{of_rank, rank};
use crate::{Error, Filter, FloodRow, Page, PageOf, Result};

const SELECT: &str =
    "SELECT id, event, onset, started, updated, ended, direction, target_kind, target, vectors, services,
  organisations, severity, packets, bits, requests, certainty, reason, first_seq, last_seq, last FROM flood";
/// Between the two parts of where a page goes on.
const AND: char = '.';

fn read(row: &Row<'_>) -> rusqlite::Result<FloodRow> {
    let list = |column: usize| Ok::<_, rusqlite::Error>(split(&row.get::<_, String>(column)?));
    let number =
        |column: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0));
    Ok(FloodRow {
        id: row.get(0)?,
        event: row.get(1)?,
        onset: row.get(2)?,
        started: row.get(3)?,
        updated: row.get(4)?,
        ended: row.get(5)?,
        direction: row.get(6)?,
        target_kind: row.get(7)?,
        target: row.get(8)?,
        vectors: list(9)?,
        services: list(10)?,
        organisations: list(11)?,
        severity: of_rank(row.get(12)?),
        peak_packets_per_second: row.get(13)?,
        peak_bits_per_second: row.get(14)?,
        peak_requests_per_second: row.get(15)?,
        certainty: row.get(16)?,
        reason: row.get(17)?,
        first_seq: number(18)?,
        last_seq: number(19)?,
        last: serde_json::from_str(&row.get::<_, String>(20)?).unwrap_or_default(),
    })
}

/// One flood.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn one(connection: &Connection, id: &str) -> Result<Option<FloodRow>> {
    let mut select = connection.prepare_cached(&format!("{SELECT} WHERE id = ?1"))?;
    Ok(select.query_row([id], read).optional()?)
}

fn conditions(filter: &Filter) -> Where {
    let mut conditions = Where::default();
    common(filter, &mut conditions);
    if let Some(from) = filter.from {
        conditions.and("ifnull(ended, updated) >= ?", from);
    }
    if let Some(to) = filter.to {
        conditions.and("onset < ?", to);
    }
    if let Some(target) = &filter.target {
        // The name, or one of the addresses, which stand in quotation marks in the last event.
        let quoted = format!("\"{target}\"");
        conditions.and_two("(target = ? OR instr(last, ?) > 0)", [target.clone().into(), quoted.into()]);
    }
    if let Some(vector) = &filter.vector {
        conditions.and("instr(vectors, ?) > 0", barred(vector));
    }
    if let Some(event) = &filter.event {
        conditions.and("event = ?", event.clone());
    }
    if let Some(severity) = filter.severity {
        conditions.and("severity >= ?", rank(severity));
    }
    if filter.ongoing {
        conditions.plain("ended IS NULL");
    }
    conditions.words("words", filter.text.as_deref());
    conditions
}

/// A page of floods.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn list(connection: &Connection, filter: &Filter, page: &Page) -> Result<PageOf<FloodRow>> {
    let mut conditions = conditions(filter);
    if let Some(after) = &page.after {
        let (started, id) =
            after.split_once(AND).ok_or_else(|| Error::Refused("there is no such page".to_owned()))?;
        let started: i64 = started.parse().map_err(|_| Error::Refused("there is no such page".to_owned()))?;
        conditions.and_two("(started, id) < (?, ?)", [started.into(), id.to_owned().into()]);
    }
    let limit = limit(page);
    let sql =
        format!("{SELECT} WHERE {} ORDER BY started DESC, id DESC LIMIT {}", conditions.text(), limit + 1);
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map(params_from_iter(conditions.values), read)?;
    let mut items = rows.collect::<Result<Vec<_>, _>>()?;
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|flood| format!("{}{AND}{}", flood.started, flood.id));
    Ok(PageOf { items, next })
}
