//! Points.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, params};

use crate::rollup::index;
use crate::{Point, Resolution, Result, block};

/// Most points of one answer.
const MAXIMUM_POINTS: usize = 20_000;
/// Most series that are listed.
const MAXIMUM_NAMES: i64 = 65_536;

/// The time line of a flood.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn of_flood(connection: &Connection, id: &str) -> Result<Vec<Point>> {
    let mut select =
        connection.prepare_cached("SELECT points FROM flood_point WHERE flood = ?1 ORDER BY start")?;
    let rows = select.query_map([id], |row| row.get::<_, Vec<u8>>(0))?;
    let mut points = Vec::new();
    for row in rows {
        points.extend(block::decode(&row?, Resolution::Second)?);
    }
    Ok(points)
}

/// Points of a series in a time, with those that only memory has.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn of_series(
    connection: &Connection,
    (target, vector): (&str, &str),
    resolution: Resolution,
    seconds: &Range<i64>,
    newest: Vec<Point>,
) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    let mut number = connection.prepare_cached("SELECT id FROM series WHERE target = ?1 AND vector = ?2")?;
    let id: Option<i64> = number.query_row([target, vector], |row| row.get(0)).optional()?;
    if let Some(id) = id {
        let mut select = connection.prepare_cached(
            "SELECT points FROM point WHERE series = ?1 AND resolution = ?2 AND start < ?3 AND finish >= ?4
             ORDER BY start",
        )?;
        let values = params![id, index(resolution) as i64, seconds.end, seconds.start];
        for row in select.query_map(values, |row| row.get::<_, Vec<u8>>(0))? {
            points.extend(block::decode(&row?, resolution)?);
            if points.len() > MAXIMUM_POINTS {
                break;
            }
        }
    }
    let last = points.last().map_or(i64::MIN, |point| point.second);
    points.extend(newest.into_iter().filter(|point| point.second > last));
    points.retain(|point| seconds.contains(&point.second));
    points.truncate(MAXIMUM_POINTS);
    Ok(points)
}

/// Targets and vectors of which there are points.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn names(connection: &Connection) -> Result<Vec<(String, String)>> {
    let mut select = connection.prepare_cached("SELECT target, vector FROM series LIMIT ?1")?;
    let rows = select.query_map([MAXIMUM_NAMES], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
