//! Floods as they fall out of the ledger's events.
//!
//! The first and the last line of a flood are entries, and of those between the ones that say something new: other vectors,
//! another certainty, higher severity, and one a minute. The rest is in the time line, which has every line's rates.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use crate::event::{Line, rank};
use crate::{Point, Resolution, Result, block, chain};

/// A flood that goes on has an entry at least so often.
const ENTRY_EVERY_NANOSECONDS: i64 = 60_000_000_000;
const NANOSECONDS: i64 = 1_000_000_000;
/// Points to a row of a time line.
const ROW_POINTS: usize = 300;
/// Points of one flood that are kept: a week of seconds.
const MAXIMUM_ROWS: i64 = 7 * 86_400 / ROW_POINTS as i64;

/// What is known of a flood.
struct Known {
    entered: i64,
    vectors: String,
    certainty: String,
    severity: i64,
    ended: Option<i64>,
}

fn known(connection: &Connection, id: &str) -> Result<Option<Known>> {
    let mut select = connection
        .prepare_cached("SELECT entered, vectors, certainty, severity, ended FROM flood WHERE id = ?1")?;
    let row = select.query_row([id], |row| {
        Ok(Known {
            entered: row.get(0)?,
            vectors: row.get(1)?,
            certainty: row.get(2)?,
            severity: row.get(3)?,
            ended: row.get(4)?,
        })
    });
    Ok(row.optional()?)
}

/// Whether a line says enough that is new to be an entry.
///
/// # Errors
/// When the flood cannot be looked up.
pub(crate) fn deserves_entry(connection: &Connection, line: &Line) -> Result<bool> {
    let Some(known) = known(connection, &line.id)? else { return Ok(true) };
    let before = chain::split(&known.vectors);
    let is_new = line.vectors.iter().any(|vector| !before.contains(vector))
        || line.vectors.first() != before.first()
        || line.certainty != known.certainty
        || rank(line.severity) > known.severity;
    Ok(line.is_start || line.is_end || is_new || line.time >= known.entered + ENTRY_EVERY_NANOSECONDS)
}

/// Vectors of the last line first, then those named before.
fn all_vectors(line: &Line, before: Option<&Known>) -> String {
    let mut vectors = line.vectors.clone();
    let before = before.map(|known| chain::split(&known.vectors)).unwrap_or_default();
    for vector in before {
        if !vectors.contains(&vector) {
            vectors.push(vector);
        }
    }
    chain::joined(&vectors)
}

/// Takes a line up that is no entry: only what is highest and when it was last told.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn condense(connection: &Connection, line: &Line) -> Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE flood SET updated = max(updated, ?2), packets = max(ifnull(packets, ?3), ifnull(?3, packets)),
         bits = max(ifnull(bits, ?4), ifnull(?4, bits)), requests = max(ifnull(requests, ?5), ifnull(?5, requests))
         WHERE id = ?1",
    )?;
    let (packets, requests) = peaks(line);
    update.execute(params![line.id, line.time, packets, line.bits, requests])?;
    Ok(())
}

fn peaks(line: &Line) -> (Option<f64>, Option<f64>) {
    let highest = |rate: Option<f64>, peak: Option<f64>| match (rate, peak) {
        (Some(rate), Some(peak)) => Some(rate.max(peak)),
        (rate, peak) => rate.or(peak),
    };
    (highest(line.packets, line.peak_packets), highest(line.requests, line.peak_requests))
}

/// Takes an entry's line up.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn take_up(
    connection: &Connection,
    line: &Line,
    event: &Value,
    scope: (&[String], &[String]),
    (seq, body): (i64, &str),
) -> Result<()> {
    let before = known(connection, &line.id)?;
    let (organisations, services) = scope;
    let mut upsert = connection.prepare_cached(
        "INSERT INTO flood VALUES
         (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?18, ?4, ?19, ?20)
         ON CONFLICT (id) DO UPDATE SET updated = max(updated, ?4), ended = ?5, vectors = ?9, services = ?10,
         organisations = ?11, severity = max(severity, ?12), packets = max(ifnull(packets, ?13), ifnull(?13, packets)),
         bits = max(ifnull(bits, ?14), ifnull(?14, bits)), requests = max(ifnull(requests, ?15), ifnull(?15, requests)),
         certainty = ?16, reason = ?17, last_seq = ?18, entered = ?4, last = ?19, words = ?20",
    )?;
    let (packets, requests) = peaks(line);
    // A line that comes after the end opens a flood again only if it is a start.
    let was_over = before.as_ref().and_then(|known| known.ended).filter(|_| !line.is_start);
    let ended = if line.is_end { Some(line.time) } else { was_over };
    upsert.execute(params![
        line.id,
        line.event,
        line.onset,
        line.time,
        ended,
        line.direction,
        line.target_kind,
        line.target,
        all_vectors(line, before.as_ref()),
        chain::joined(services),
        chain::joined(organisations),
        rank(line.severity),
        packets,
        line.bits,
        requests,
        line.certainty,
        line.reason,
        seq,
        body,
        line.words(event, services),
    ])?;
    Ok(())
}

/// Puts points behind the time line of a flood, in its last row as long as there is room.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn lengthen(connection: &Connection, flood: &str, points: &[Point]) -> Result<()> {
    let mut select = connection.prepare_cached(
        "SELECT start, points FROM flood_point WHERE flood = ?1 ORDER BY start DESC LIMIT 1",
    )?;
    let last: Option<(i64, Vec<u8>)> =
        select.query_row([flood], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let mut rows = connection.prepare_cached("SELECT count(*) FROM flood_point WHERE flood = ?1")?;
    if rows.query_row([flood], |row| row.get::<_, i64>(0))? > MAXIMUM_ROWS {
        return Ok(());
    }
    let (mut latest, before) = last.unwrap_or((0, Vec::new()));
    let mut row = block::decode(&before, Resolution::Second).unwrap_or_default();
    let mut key = if row.is_empty() { None } else { Some(latest) };
    let mut write = connection.prepare_cached("INSERT OR REPLACE INTO flood_point VALUES (?1, ?2, ?3)")?;
    for (at, point) in points.iter().enumerate() {
        if row.len() >= ROW_POINTS {
            row.clear();
            key = None;
        }
        row.push(*point);
        // Rows are numbered by their first second, and never before the row that is there.
        let key = *key.get_or_insert(point.second.max(latest + 1));
        latest = key;
        if row.len() >= ROW_POINTS || at + 1 == points.len() {
            write.execute(params![flood, key, block::encode(&row, Resolution::Second)])?;
        }
    }
    Ok(())
}

/// The point of a line. The last line has the rates of the whole flood, at a time at which nothing comes any more.
pub(crate) fn point(line: &Line) -> Point {
    let rate = |rate: Option<f64>| rate.filter(|_| !line.is_end).unwrap_or(0.0);
    Point {
        second: line.time.div_euclid(NANOSECONDS),
        packets_per_second: rate(line.packets),
        bits_per_second: rate(line.bits),
        requests_per_second: rate(line.requests),
        peak_packets_per_second: rate(line.packets),
        peak_bits_per_second: rate(line.bits),
        peak_requests_per_second: rate(line.requests),
    }
}
