//! One transaction.

use rusqlite::{ErrorCode, TransactionBehavior, params};
use serde_json::json;

use super::Room;
use crate::canonical::canonical;
use crate::ledger::Ledger;
use crate::shared::Count;
use crate::{Actor, Entry, Error, Kind, Receipt, Result, SensorSeen};

/// Sensors that are kept; more are not taken.
const MAXIMUM_SENSORS: i64 = 4096;
/// Bytes of what else a sensor said.
const MAXIMUM_DETAIL_BYTES: usize = 16 << 10;

impl Room {
    /// Writes entries and sensors. An entry that is refused costs itself.
    ///
    /// # Errors
    /// When the transaction as a whole failed; then nothing of it is on the disk.
    pub(crate) fn commit(
        &mut self,
        entries: &[Entry],
        sensors: &[SensorSeen],
    ) -> Result<Vec<Result<Option<Receipt>>>> {
        let done = self.transact(entries, sensors);
        self.shared.count(if done.is_ok() { Count::Commits } else { Count::CommitsFailed }, 1);
        done
    }

    fn transact(
        &mut self,
        entries: &[Entry],
        sensors: &[SensorSeen],
    ) -> Result<Vec<Result<Option<Receipt>>>> {
        let shared = self.shared.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (named, body_bytes) = ((&shared.options.own, &self.erased), shared.limits().body_bytes);
        let mut ledger = Ledger::new(&transaction, &shared.keys, named, body_bytes, shared.now())?;
        let mut done = Vec::with_capacity(entries.len());
        for entry in entries {
            match ledger.append(entry) {
                Err(error @ Error::Refused(_)) => done.push(Err(error)),
                Err(error) => return Err(error),
                Ok(receipt) => done.push(Ok(receipt)),
            }
        }
        ledger.finish()?;
        let (written, condensed, concealed) = (ledger.written, ledger.condensed, ledger.concealed);
        sensors.iter().try_for_each(|sensor| put_sensor(&transaction, sensor))?;
        transaction.commit()?;
        shared.count(Count::EntriesWritten, written);
        shared.count(Count::UpdatesCondensed, condensed);
        shared.count(Count::AddressesConcealed, concealed);
        Ok(done)
    }

    /// Writes points: full rows, with `all` every row that changed.
    ///
    /// # Errors
    /// When they cannot be written; they are then kept for the next time.
    pub(crate) fn write_points(&mut self, all: bool) -> Result<()> {
        let shared = self.shared.clone();
        let mut rollup = shared.rollup();
        let write = |room: &mut Self, rollup: &mut crate::rollup::Rollup| -> Result<()> {
            let transaction = room.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            rollup.write(&transaction, shared.now() / 1_000_000_000, all)?;
            Ok(transaction.commit()?)
        };
        let done = write(self, &mut rollup);
        match &done {
            Ok(()) => {
                rollup.written(all);
                shared.count(Count::Commits, 1);
            }
            Err(_) => rollup.undone(),
        }
        done
    }
}

fn put_sensor(connection: &rusqlite::Connection, sensor: &SensorSeen) -> Result<()> {
    let detail = canonical(&sensor.detail).filter(|text| text.len() <= MAXIMUM_DETAIL_BYTES);
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut upsert = connection.prepare_cached(
        "INSERT INTO sensor SELECT ?1, ?2, ?3, ?3, ?4, ?5, ?6 WHERE (SELECT count(*) FROM sensor) < ?7
         OR EXISTS (SELECT 1 FROM sensor WHERE name = ?1)
         ON CONFLICT (name) DO UPDATE SET kind = ?2, last_seen = ?3, records = ?4, lost = ?5, detail = ?6",
    )?;
    let (records, lost) = (number(sensor.records), number(sensor.lost));
    let detail = detail.unwrap_or_else(|| "null".to_owned());
    upsert.execute(params![sensor.name, sensor.kind, sensor.time, records, lost, detail, MAXIMUM_SENSORS])?;
    Ok(())
}

/// Whether it is the disk or the file that does not take anything, and not what is to be written.
pub(crate) fn is_of_the_disk(error: &Error) -> bool {
    match error {
        Error::Database(rusqlite::Error::SqliteFailure(why, _)) => !matches!(
            why.code,
            ErrorCode::ConstraintViolation
                | ErrorCode::TypeMismatch
                | ErrorCode::TooBig
                | ErrorCode::ParameterOutOfRange
        ),
        Error::File { .. } | Error::NotWritten(_) => true,
        _ => false,
    }
}

/// The entry that says what was lost.
pub(crate) fn lost_entry(why: &str, since: i64, lost: u64, held: usize) -> Entry {
    let body = json!({"why": why, "since": since, "lost": lost, "held": held});
    Entry::new(Kind::Lost, Actor::Room("record".to_owned()), "record", body)
}
