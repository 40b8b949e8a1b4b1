//! Evidence, sensors, totals, and what is held about an address.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use rusqlite::{Connection, Row};

use crate::evidence::store;
use crate::keys::hexadecimal;
use crate::shared::Shared;
use crate::{AddressReport, CodeReport, EvidenceItem, EvidenceKind, Result, SensorRow, Totals};
use crate::{ledger, persons, schema};

/// Numbers of entries and ids of floods that a report names.
const MAXIMUM_NAMED: i64 = 1000;

fn item(row: &Row<'_>) -> rusqlite::Result<EvidenceItem> {
    let number =
        |column: usize| Ok::<_, rusqlite::Error>(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0));
    Ok(EvidenceItem {
        flood: row.get(0)?,
        kind: EvidenceKind::at(row.get(1)?),
        records: number(2)?,
        left_out: number(3)?,
        bytes: number(4)?,
        written: row.get(5)?,
    })
}

/// The evidence of a flood.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn evidence(connection: &Connection, flood: &str) -> Result<Vec<EvidenceItem>> {
    let mut select = connection.prepare_cached(
        "SELECT flood, kind, records, left_out, bytes, written FROM evidence WHERE flood = ?1 ORDER BY kind",
    )?;
    Ok(select.query_map([flood], item)?.collect::<Result<_, _>>()?)
}

/// Sensors by name.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn sensors(connection: &Connection) -> Result<Vec<SensorRow>> {
    let mut select = connection.prepare_cached(
        "SELECT name, kind, first_seen, last_seen, records, lost, detail FROM sensor ORDER BY name",
    )?;
    let rows = select.query_map([], |row| {
        Ok(SensorRow {
            name: row.get(0)?,
            kind: row.get(1)?,
            first_seen: row.get(2)?,
            last_seen: row.get(3)?,
            records: u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0),
            lost: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
            detail: serde_json::from_str(&row.get::<_, String>(6)?).unwrap_or_default(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How much there is.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn totals(connection: &Connection, folder: &Path) -> Result<Totals> {
    let (last, hash) = ledger::head(connection)?;
    let count = |sql: &str| -> Result<u64> {
        let count: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    };
    let size = |name: &str| fs::metadata(folder.join(name)).map_or(0, |file| file.len());
    Ok(Totals {
        entries: count("SELECT count(*) FROM entry")?,
        last_seq: u64::try_from(last).unwrap_or(0),
        last_hash: hexadecimal(&hash),
        oldest: connection.query_row("SELECT min(written) FROM entry WHERE seq = 1", [], |row| row.get(0))?,
        floods: count("SELECT count(*) FROM flood WHERE event = 'flood'")?,
        floods_ongoing: count("SELECT count(*) FROM flood WHERE event = 'flood' AND ended IS NULL")?,
        surges: count("SELECT count(*) FROM flood WHERE event = 'surge'")?,
        series: count("SELECT count(*) FROM series")?,
        addresses: count("SELECT count(*) FROM person")?,
        database_bytes: size(schema::FILE_NAME) + size(&format!("{}-wal", schema::FILE_NAME)),
        evidence_bytes: count("SELECT ifnull(sum(bytes), 0) FROM evidence")?,
    })
}

/// What is held about an address.
///
/// # Errors
/// When something cannot be read.
pub(crate) fn about(connection: &Connection, shared: &Shared, address: IpAddr) -> Result<AddressReport> {
    let mut entries =
        connection.prepare_cached("SELECT seq FROM entry WHERE instr(body, ?1) > 0 ORDER BY seq LIMIT ?2")?;
    let mut floods = connection
        .prepare_cached("SELECT id FROM flood WHERE instr(last, ?1) > 0 ORDER BY started LIMIT ?2")?;
    let mut codes = Vec::new();
    for (code, first_seen, last_seen) in persons::codes(connection, &shared.keys, address)? {
        let seqs = entries.query_map((&code, MAXIMUM_NAMED), |row| row.get::<_, i64>(0))?;
        let seqs =
            seqs.map(|seq| seq.map(|seq| u64::try_from(seq).unwrap_or(0))).collect::<Result<_, _>>()?;
        let ids = floods.query_map((&code, MAXIMUM_NAMED), |row| row.get(0))?.collect::<Result<_, _>>()?;
        codes.push(CodeReport { code, first_seen, last_seen, entries: seqs, floods: ids });
    }
    let mut select = connection.prepare("SELECT DISTINCT flood FROM evidence ORDER BY flood")?;
    let named = select.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut evidence = Vec::new();
    for flood in named {
        let mut held = false;
        for kind in EvidenceKind::ALL {
            // A file that cannot be opened holds nothing for anybody.
            held |=
                store::load(&shared.folder, &shared.keys, &flood, kind).is_ok_and(|file| file.names(address));
        }
        if held {
            evidence.push(flood);
        }
    }
    Ok(AddressReport { plain_kept: !codes.is_empty(), codes, evidence })
}
