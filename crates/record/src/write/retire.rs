//! Removes what is past its time, or too much.
//!
//! Bodies of entries go, their headers stay: the chain holds, and an entry says which kinds lost their bodies up to which number,
//! so that [`crate::verify`] can tell a removal that was due from one that somebody made.

use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::Room;
use crate::evidence::EvidenceKind;
use crate::evidence::store;
use crate::shared::Count;
use crate::{Actor, Entry, Kind, Result};

const DAY_NANOSECONDS: i64 = 86_400_000_000_000;
const DAY_SECONDS: i64 = 86_400;
/// Rows that one pass removes of each kind at most; the next pass goes on.
const PASS: i64 = 20_000;
/// Pages given back to the file system in one pass.
const PAGES: i64 = 20_000;

impl Room {
    /// One pass. What fails is tried again at the next.
    pub(crate) fn retire(&mut self) {
        let done = self
            .retire_points()
            .and_then(|points| Ok(points + self.retire_persons()?))
            .and_then(|rows| Ok(rows + self.retire_evidence()?))
            .and_then(|rows| Ok(rows + self.retire_bodies()?))
            .and_then(|rows| Ok(rows + self.shrink()?));
        match done {
            Ok(rows) => self.shared.count(Count::Retired, rows),
            Err(error) if super::commit::is_of_the_disk(&error) => self.degrade(&error),
            Err(_) => {}
        }
    }

    fn retire_points(&mut self) -> Result<u64> {
        let (now, retention) = (self.shared.now() / 1_000_000_000, *self.shared.retention());
        let days = [retention.seconds_days, retention.minutes_days, retention.hours_days];
        let mut removed = 0;
        for (resolution, days) in days.into_iter().enumerate() {
            let before = now - i64::from(days) * DAY_SECONDS;
            removed += self.connection.execute(
                "DELETE FROM point WHERE rowid IN
                 (SELECT rowid FROM point WHERE resolution = ?1 AND finish < ?2 LIMIT ?3)",
                params![resolution as i64, before, PASS],
            )?;
        }
        Ok(removed as u64)
    }

    fn retire_persons(&mut self) -> Result<u64> {
        let before = self.shared.now() - i64::from(self.shared.retention().addresses_days) * DAY_NANOSECONDS;
        let old = self.connection.execute("DELETE FROM person WHERE last_seen < ?1", [before])?;
        let count: i64 = self.connection.query_row("SELECT count(*) FROM person", [], |row| row.get(0))?;
        let maximum = i64::try_from(self.shared.limits().addresses).unwrap_or(i64::MAX);
        let many = self.connection.execute(
            "DELETE FROM person WHERE code IN (SELECT code FROM person ORDER BY last_seen LIMIT ?1)",
            [count.saturating_sub(maximum).clamp(0, PASS)],
        )?;
        Ok((old + many) as u64)
    }

    fn retire_evidence(&mut self) -> Result<u64> {
        let retention = *self.shared.retention();
        let before = self.shared.now() - i64::from(retention.evidence_days) * DAY_NANOSECONDS;
        let mut removed = 0;
        loop {
            let all: i64 =
                self.connection
                    .query_row("SELECT ifnull(sum(bytes), 0) FROM evidence", [], |row| row.get(0))?;
            let is_too_much = all as u64 > retention.evidence_bytes;
            let mut select = self
                .connection
                .prepare_cached("SELECT flood, kind, written FROM evidence ORDER BY written LIMIT 1")?;
            let oldest = select.query_row([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
            let Some((flood, kind, written)) = oldest.optional()? else { break };
            drop(select);
            if !is_too_much && written >= before {
                break;
            }
            store::remove(&self.shared.folder, &flood, EvidenceKind::at(kind))?;
            self.connection
                .execute("DELETE FROM evidence WHERE flood = ?1 AND kind = ?2", params![flood, kind])?;
            removed += 1;
        }
        Ok(removed)
    }

    fn retire_bodies(&mut self) -> Result<u64> {
        let retention = *self.shared.retention();
        let limit =
            |days: Option<u32>| days.map(|days| self.shared.now() - i64::from(days) * DAY_NANOSECONDS);
        let (observed, acts) = (limit(retention.observed_days), limit(retention.acts_days));
        let mut removed = 0;
        if let Some(before) = observed {
            removed += self.remove_bodies("kind = 'observed'", &["observed"], before)?;
            removed += self.remove_floods(before)?;
        }
        if let Some(before) = acts {
            // What says that something was erased is what the chain's holes are judged by.
            let kinds: Vec<&str> = Kind::ALL
                .into_iter()
                .map(Kind::name)
                .filter(|name| !matches!(*name, "observed" | "erased"))
                .collect();
            removed += self.remove_bodies("kind NOT IN ('observed', 'erased')", &kinds, before)?;
        }
        Ok(removed)
    }

    /// Removes bodies written before a time, and says so in the same transaction.
    fn remove_bodies(&mut self, which: &str, kinds: &[&str], before: i64) -> Result<u64> {
        let sql = format!(
            "SELECT max(seq) FROM (SELECT seq FROM entry WHERE {which} AND body IS NOT NULL AND written < ?1
             ORDER BY seq LIMIT {PASS})"
        );
        let last: Option<i64> = self.connection.query_row(&sql, [before], |row| row.get(0))?;
        let Some(last) = last else { return Ok(0) };
        let body = json!({"what": "bodies", "kinds": kinds, "up_to": last, "reason": "retention"});
        let entry = Entry::new(Kind::Erased, Actor::Room("record".to_owned()), "bodies", body);
        // Said first: a crash between the two leaves a removal that was announced and not made, which harms nothing.
        if let Some(Err(error)) = self.commit(&[entry], &[])?.pop() {
            return Err(error);
        }
        let sql = format!(
            "UPDATE entry SET body = NULL WHERE {which} AND body IS NOT NULL AND written < ?1 AND seq <= ?2"
        );
        Ok(self.connection.execute(&sql, [before, last])? as u64)
    }

    fn remove_floods(&mut self, before: i64) -> Result<u64> {
        let ids = "SELECT id FROM flood WHERE updated < ?1 ORDER BY updated LIMIT ?2";
        let transaction = self.connection.transaction()?;
        transaction.execute(&format!("DELETE FROM flood_point WHERE flood IN ({ids})"), [before, PASS])?;
        let removed =
            transaction.execute(&format!("DELETE FROM flood WHERE id IN ({ids})"), [before, PASS])?;
        transaction.commit()?;
        Ok(removed as u64)
    }

    /// Makes the file smaller where it is too large, and gives free pages back.
    fn shrink(&mut self) -> Result<u64> {
        let number = |room: &Self, name: &str| -> Result<i64> {
            Ok(room.connection.pragma_query_value(None, name, |row| row.get(0))?)
        };
        let page = number(self, "page_size")?;
        let maximum = i64::try_from(self.shared.retention().database_bytes).unwrap_or(i64::MAX);
        let mut removed = 0;
        for resolution in 0..3 {
            loop {
                let used = (number(self, "page_count")? - number(self, "freelist_count")?) * page;
                if used <= maximum {
                    break;
                }
                let rows = self.connection.execute(
                    "DELETE FROM point WHERE rowid IN
                     (SELECT rowid FROM point WHERE resolution = ?1 ORDER BY finish LIMIT 256)",
                    [resolution],
                )?;
                if rows == 0 {
                    break;
                }
                removed += rows as u64;
            }
        }
        let used = (number(self, "page_count")? - number(self, "freelist_count")?) * page;
        if used > maximum {
            let half: Option<i64> = self.connection.query_row(
                "SELECT max(written) FROM (SELECT written FROM entry WHERE kind = 'observed' AND body IS NOT NULL
                 ORDER BY seq LIMIT ?1)",
                [PASS],
                |row| row.get(0),
            )?;
            if let Some(before) = half {
                removed += self.remove_bodies("kind = 'observed'", &["observed"], before)?;
            }
        }
        let mut vacuum = self.connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        Ok(removed)
    }
}
