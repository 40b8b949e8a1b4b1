//! Roll-ups: samples of a second become points of a second, a minute and an hour.
//!
//! The newest points of each series are held in memory, for readers too, until there are enough for a row; every minute
//! all that changed are written, so that a crash costs a minute of points. Minutes and hours that were open then are made
//! again from the points of a second.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use crate::{Point, Resolution, Result, Sample, block};

/// A sample may be so far ahead of the clock.
const AHEAD_SECONDS: i64 = 300;
/// A minute or hour is over for certain so long after its end.
const GRACE_SECONDS: i64 = 5;
/// Longest names of a target and a vector.
const MAXIMUM_NAME_BYTES: usize = 256;

/// Points to a row.
const fn row_points(resolution: Resolution) -> usize {
    match resolution {
        Resolution::Second => 300,
        Resolution::Minute => 120,
        Resolution::Hour => 72,
    }
}

/// Where a resolution stands in arrays and in the table.
pub(crate) const fn index(resolution: Resolution) -> usize {
    match resolution {
        Resolution::Second => 0,
        Resolution::Minute => 1,
        Resolution::Hour => 2,
    }
}

/// All series that had a sample since the start.
#[derive(Debug, Default)]
pub(crate) struct Rollup {
    series: BTreeMap<(String, String), Series>,
}

/// One series.
#[derive(Debug, Default)]
struct Series {
    /// Its number, once it has been written.
    id: Option<i64>,
    tails: [Tail; 3],
    /// Whether a sample came since all was last written.
    is_busy: bool,
    /// The minute and the hour that are gathered.
    gathers: [Gather; 2],
}

/// The newest points of one resolution.
#[derive(Debug, Default)]
struct Tail {
    points: Vec<Point>,
    /// How many of them are on the disk.
    written: usize,
    /// Full rows that are not yet on the disk.
    full: Vec<Vec<Point>>,
    /// The last second that a point began at, on the disk too.
    last: Option<i64>,
}

/// Sums over a minute or an hour.
#[derive(Clone, Copy, Debug, Default)]
struct Gather {
    begin: Option<i64>,
    sums: [f64; 3],
    peaks: [f64; 3],
}

impl Gather {
    fn add(&mut self, point: &Point) {
        let rates = [point.packets_per_second, point.bits_per_second, point.requests_per_second];
        for ((sum, peak), rate) in self.sums.iter_mut().zip(&mut self.peaks).zip(rates) {
            *sum += rate;
            *peak = peak.max(rate);
        }
    }

    /// The point, if something was gathered before `begin`; what comes is gathered for `begin` from now on.
    fn turn(&mut self, begin: Option<i64>, seconds: i64) -> Option<Point> {
        let before = self.begin.filter(|before| begin.is_none_or(|begin| begin != *before));
        let point = before.map(|second| {
            let [packets, bits, requests] = self.sums.map(|sum| sum / seconds as f64);
            Point {
                second,
                packets_per_second: packets,
                bits_per_second: bits,
                requests_per_second: requests,
                peak_packets_per_second: self.peaks[0],
                peak_bits_per_second: self.peaks[1],
                peak_requests_per_second: self.peaks[2],
            }
        });
        if before.is_some() || self.begin.is_none() {
            *self = Self { begin, ..Self::default() };
        }
        point
    }
}

impl Tail {
    fn push(&mut self, point: Point, resolution: Resolution) {
        if self.last.is_some_and(|last| point.second <= last) {
            return;
        }
        self.last = Some(point.second);
        self.points.push(point);
        if self.points.len() >= row_points(resolution) {
            self.full.push(std::mem::take(&mut self.points));
            self.written = 0;
        }
    }
}

impl Series {
    /// Takes up the point of a second that is later than all before.
    fn push(&mut self, point: Point) {
        self.is_busy = true;
        self.gather(&point);
        self.tails[0].push(point, Resolution::Second);
    }

    fn gather(&mut self, point: &Point) {
        for (at, resolution) in [Resolution::Minute, Resolution::Hour].into_iter().enumerate() {
            let begin = point.second - point.second.rem_euclid(resolution.seconds());
            if let Some(over) = self.gathers[at].turn(Some(begin), resolution.seconds()) {
                self.tails[at + 1].push(over, resolution);
            }
            self.gathers[at].add(point);
        }
    }

    /// Closes minutes and hours that are over by the clock, of a series from which nothing came for a while. Others are
    /// closed by their next sample: those may be behind the clock.
    fn close(&mut self, now_second: i64) {
        if std::mem::take(&mut self.is_busy) {
            return;
        }
        for (at, resolution) in [Resolution::Minute, Resolution::Hour].into_iter().enumerate() {
            let end = self.gathers[at].begin.map(|begin| begin + resolution.seconds() + GRACE_SECONDS);
            if end.is_some_and(|end| end <= now_second)
                && let Some(over) = self.gathers[at].turn(None, resolution.seconds())
            {
                self.tails[at + 1].push(over, resolution);
            }
        }
    }
}

impl Rollup {
    /// Takes a sample up. Whether it was: not if it is too late, far ahead of the clock, or of one series too many.
    ///
    /// # Errors
    /// When a series that is new here cannot be looked up.
    pub(crate) fn push(
        &mut self,
        connection: &Connection,
        sample: Sample,
        now_second: i64,
        maximum: usize,
    ) -> Result<bool> {
        let Sample { target, vector, second, packets, bits, requests } = sample;
        let is_long = target.len() > MAXIMUM_NAME_BYTES || vector.len() > MAXIMUM_NAME_BYTES;
        if is_long || !(0..=now_second.saturating_add(AHEAD_SECONDS)).contains(&second) {
            return Ok(false);
        }
        let key = (target, vector);
        if !self.series.contains_key(&key) {
            if self.series.len() >= maximum {
                return Ok(false);
            }
            let Some(series) = find(connection, &key, maximum)? else { return Ok(false) };
            self.series.insert(key.clone(), series);
        }
        let Some(series) = self.series.get_mut(&key) else { return Ok(false) };
        if series.tails[0].last.is_some_and(|last| second <= last) {
            return Ok(false);
        }
        series.push(Point {
            second,
            packets_per_second: packets,
            bits_per_second: bits,
            requests_per_second: requests,
            peak_packets_per_second: packets,
            peak_bits_per_second: bits,
            peak_requests_per_second: requests,
        });
        Ok(true)
    }

    /// Writes full rows, and with `all` the others that changed. What is written is marked by [`Rollup::written`] once the
    /// transaction holds.
    ///
    /// # Errors
    /// When they cannot be written.
    pub(crate) fn write(&mut self, connection: &Connection, now_second: i64, all: bool) -> Result<()> {
        let mut insert = connection.prepare_cached(
            "INSERT INTO point (series, resolution, start, finish, points) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (series, resolution, start) DO UPDATE SET finish = ?4, points = ?5",
        )?;
        for (key, series) in &mut self.series {
            if all {
                series.close(now_second);
            }
            let id = match series.id {
                Some(id) => id,
                None => *series.id.insert(number(connection, key)?),
            };
            for resolution in Resolution::ALL {
                let tail = &series.tails[index(resolution)];
                let rest = (all && tail.points.len() > tail.written).then_some(&tail.points);
                for points in tail.full.iter().chain(rest) {
                    let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
                    let blob = block::encode(points, resolution);
                    insert.execute(params![id, index(resolution) as i64, first.second, last.second, blob])?;
                }
            }
        }
        Ok(())
    }

    /// What [`Rollup::write`] wrote is on the disk.
    pub(crate) fn written(&mut self, all: bool) {
        for tail in self.series.values_mut().flat_map(|series| &mut series.tails) {
            tail.full.clear();
            if all {
                tail.written = tail.points.len();
            }
        }
    }

    /// Nothing of what [`Rollup::write`] wrote is on the disk.
    pub(crate) fn undone(&mut self) {
        self.series.values_mut().for_each(|series| series.id = None);
    }

    /// Nothing more will come: what is over by the clock is over.
    pub(crate) fn rest(&mut self) {
        self.series.values_mut().for_each(|series| series.is_busy = false);
    }

    /// Full rows that wait for the disk are dropped beyond so many; how many points that were. For disks that stay full.
    pub(crate) fn shed(&mut self, maximum_rows: usize) -> u64 {
        let mut lost = 0;
        for tail in self.series.values_mut().flat_map(|series| &mut series.tails) {
            while tail.full.len() > maximum_rows {
                lost += tail.full.remove(0).len() as u64;
            }
        }
        lost
    }

    /// Whether a row waits that is full.
    pub(crate) fn has_full_rows(&self) -> bool {
        self.series.values().flat_map(|series| &series.tails).any(|tail| !tail.full.is_empty())
    }

    /// The points that are held in memory, from a second on.
    pub(crate) fn newest(&self, target: &str, vector: &str, resolution: Resolution, from: i64) -> Vec<Point> {
        let Some(series) = self.series.get(&(target.to_owned(), vector.to_owned())) else {
            return Vec::new();
        };
        let tail = &series.tails[index(resolution)];
        tail.full.iter().flatten().chain(&tail.points).filter(|point| point.second >= from).copied().collect()
    }

    /// Names of series that are in memory.
    pub(crate) fn names(&self) -> impl Iterator<Item = &(String, String)> {
        self.series.keys()
    }
}

/// The number of a series, given if it has none.
fn number(connection: &Connection, (target, vector): &(String, String)) -> Result<i64> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO series (target, vector) VALUES (?1, ?2)")?
        .execute([target, vector])?;
    let mut select = connection.prepare_cached("SELECT id FROM series WHERE target = ?1 AND vector = ?2")?;
    Ok(select.query_row([target, vector], |row| row.get(0))?)
}

/// A series as the disk knows it; none if it is new and there are too many.
fn find(
    connection: &Connection,
    (target, vector): &(String, String),
    maximum: usize,
) -> Result<Option<Series>> {
    let mut select = connection.prepare_cached("SELECT id FROM series WHERE target = ?1 AND vector = ?2")?;
    let known: Option<i64> = select.query_row([target, vector], |row| row.get(0)).optional()?;
    let Some(id) = known else {
        let count: i64 = connection.query_row("SELECT count(*) FROM series", [], |row| row.get(0))?;
        let is_full = usize::try_from(count).unwrap_or(usize::MAX) >= maximum;
        return Ok((!is_full).then(Series::default));
    };
    let mut series = Series { id: Some(id), ..Series::default() };
    let mut newest =
        connection.prepare_cached("SELECT max(finish) FROM point WHERE series = ?1 AND resolution = ?2")?;
    for resolution in Resolution::ALL {
        let at = index(resolution);
        series.tails[at].last = newest.query_row([id, at as i64], |row| row.get(0))?;
    }
    resume(connection, id, &mut series)?;
    Ok(Some(series))
}

/// Gathers the last minute and hour again, from the points of a second.
fn resume(connection: &Connection, id: i64, series: &mut Series) -> Result<()> {
    let Some(last) = series.tails[0].last else { return Ok(()) };
    let begin = last - last.rem_euclid(Resolution::Hour.seconds());
    let mut select = connection.prepare_cached(
        "SELECT points FROM point WHERE series = ?1 AND resolution = 0 AND finish >= ?2 ORDER BY start",
    )?;
    let rows = select.query_map([id, begin], |row| row.get::<_, Vec<u8>>(0))?;
    for row in rows {
        // A row that is damaged costs itself.
        for point in block::decode(&row?, Resolution::Second).unwrap_or_default() {
            if point.second >= begin {
                series.gather(&point);
            }
        }
    }
    Ok(())
}
