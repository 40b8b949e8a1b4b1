//! Evidence: what waits is put into the files of its flood, and an address is taken out of all of them.

use std::net::IpAddr;

use rusqlite::params;

use super::Room;
use crate::evidence::store::{self, Pending};
use crate::evidence::{EvidenceKind, Records};
use crate::shared::Count;
use crate::{Error, Result, persons};

impl Room {
    /// Puts what waits into files; only of floods that have none yet, if only what is new is asked for.
    ///
    /// # Errors
    /// When one cannot be written; what waited for it is counted as lost.
    pub(crate) fn write_evidence(&mut self, only_new: bool) -> Result<()> {
        let folder = self.shared.folder.clone();
        let is_new =
            |flood: &str| !EvidenceKind::ALL.iter().any(|&kind| store::path(&folder, flood, kind).exists());
        while let Some((flood, pending)) = self.gathered.pop(|flood| !only_new || is_new(flood)) {
            let Pending { frames, flows, left_out } = pending;
            let counts = [frames.len(), flows.len()];
            for (records, left) in [Records::Packets(frames), Records::Flows(flows)].into_iter().zip(left_out)
            {
                let kind = if matches!(records, Records::Packets(_)) {
                    EvidenceKind::Packets
                } else {
                    EvidenceKind::Flows
                };
                if records.len() == 0 && left == 0 {
                    continue;
                }
                if let Err(error) = self.add(&flood, kind, records, left) {
                    self.shared.lose(Count::EvidenceLost, counts[kind.index()] as u64);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, flood: &str, kind: EvidenceKind, new: Records, left: u64) -> Result<()> {
        let limits = self.shared.limits();
        let maximum =
            if kind == EvidenceKind::Packets { limits.evidence_frames } else { limits.evidence_flows };
        let (folder, keys) = (&self.shared.folder, &self.shared.keys);
        // A file that is damaged is not a reason to keep nothing from now on.
        let mut all = store::load(folder, keys, flood, kind).unwrap_or(match kind {
            EvidenceKind::Packets => Records::Packets(Vec::new()),
            EvidenceKind::Flows => Records::Flows(Vec::new()),
        });
        let room = maximum.saturating_sub(all.len());
        let left = left + new.len().saturating_sub(room) as u64;
        match (&mut all, new) {
            (Records::Packets(all), Records::Packets(new)) => all.extend(new.into_iter().take(room)),
            (Records::Flows(all), Records::Flows(new)) => all.extend(new.into_iter().take(room)),
            _ => {}
        }
        self.put(flood, kind, &all, left)
    }

    /// Writes the file and its row.
    fn put(&mut self, flood: &str, kind: EvidenceKind, records: &Records, left: u64) -> Result<()> {
        let bytes = store::save(&self.shared.folder, &self.shared.keys, flood, kind, records)?;
        let mut upsert = self.connection.prepare_cached(
            "INSERT INTO evidence VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (flood, kind)
             DO UPDATE SET records = ?3, left_out = left_out + ?4, bytes = ?5, written = ?6",
        )?;
        let (count, index) = (records.len() as i64, kind.index() as i64);
        upsert.execute(params![flood, index, count, left as i64, bytes as i64, self.shared.now()])?;
        Ok(())
    }

    /// Takes an address out of the table of persons and out of all evidence, in files and in memory, and remembers that for a
    /// while, so that it stays out ([`crate::erased`]). Its codes, and how many packets and records that were.
    ///
    /// # Errors
    /// When something cannot be written. It can be done again.
    pub(crate) fn erase(&mut self, address: IpAddr) -> Result<(Vec<String>, u64)> {
        let (now, keys) = (self.shared.now(), &self.shared.keys);
        self.erased.note(address, persons::blind(keys, address, now)?, now);
        let mut removed = self.gathered.remove(address) as u64;
        let mut select = self.connection.prepare("SELECT flood, kind FROM evidence")?;
        let files: Vec<(String, i64)> =
            select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        drop(select);
        for (flood, kind) in files {
            let kind = EvidenceKind::at(kind);
            let mut records = match store::load(&self.shared.folder, &self.shared.keys, &flood, kind) {
                Ok(records) => records,
                // What nobody can open any more holds nothing for anybody, and may go.
                Err(Error::Damaged(_)) => {
                    store::remove(&self.shared.folder, &flood, kind)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let count = records.remove(address);
            if count > 0 {
                removed += count as u64;
                self.put(&flood, kind, &records, 0)?;
            }
        }
        let codes = persons::erase(&self.connection, &self.shared.keys, address)?;
        // What was deleted is overwritten in the file (secure_delete), and must not live on in the log.
        self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok((codes, removed))
    }
}
