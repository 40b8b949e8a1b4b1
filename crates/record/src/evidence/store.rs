//! Files of evidence: sealed, one for each flood and kind, written whole and renamed into place.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::rows::{decode, encode};
use super::{EvidenceKind, FlowRow, Frame, Records};
use crate::chain::body_hash;
use crate::keys::{Keys, hexadecimal};
use crate::{Error, Limits, Result};

/// Name of the folder in the record's.
const FOLDER: &str = "evidence";
/// Hexadecimal digits of a name: ids are not trusted to be names of files.
const NAME_DIGITS: usize = 32;
/// What is kept of a flood is spread over so many writes at least, a minute apart.
const SPREAD: usize = 8;
/// No file of evidence is larger.
const MAXIMUM_FILE_BYTES: u64 = 64 << 20;

/// The folder.
pub(crate) fn folder(record: &Path) -> PathBuf {
    record.join(FOLDER)
}

/// The file of a flood and a kind.
pub(crate) fn path(record: &Path, flood: &str, kind: EvidenceKind) -> PathBuf {
    let name: String = hexadecimal(&body_hash(flood)).chars().take(NAME_DIGITS).collect();
    folder(record).join(format!("{name}.{}", kind.name()))
}

fn seal_name(flood: &str, kind: EvidenceKind) -> String {
    format!("{}:{flood}", kind.name())
}

/// What is kept of a flood; nothing if there is no file.
///
/// # Errors
/// When the file cannot be read or opened under this key.
pub(crate) fn load(record: &Path, keys: &Keys, flood: &str, kind: EvidenceKind) -> Result<Records> {
    let path = path(record, flood, kind);
    let sealed = match File::open(&path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            io::Read::read_to_end(&mut io::Read::take(file, MAXIMUM_FILE_BYTES), &mut bytes)
                .map_err(|error| Error::file(&path, error))?;
            bytes
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(match kind {
                EvidenceKind::Packets => Records::Packets(Vec::new()),
                EvidenceKind::Flows => Records::Flows(Vec::new()),
            });
        }
        Err(error) => return Err(Error::file(&path, error)),
    };
    let bytes = keys.open_evidence(&seal_name(flood, kind), &sealed)?;
    decode(kind, &bytes).ok_or_else(|| Error::Damaged(path.display().to_string()))
}

/// Writes what is kept of a flood; its bytes on the disk.
///
/// # Errors
/// When it cannot be written; the file before is then still there.
pub(crate) fn save(
    record: &Path,
    keys: &Keys,
    flood: &str,
    kind: EvidenceKind,
    records: &Records,
) -> Result<u64> {
    let path = path(record, flood, kind);
    let sealed = keys.seal_evidence(&seal_name(flood, kind), &encode(records))?;
    let unfinished = path.with_extension(format!("{}.new-{}", kind.name(), std::process::id()));
    let written = write(record, &unfinished, &sealed).and_then(|()| fs::rename(&unfinished, &path));
    if let Err(error) = written {
        let _ = fs::remove_file(&unfinished);
        return Err(Error::file(&path, error));
    }
    Ok(sealed.len() as u64)
}

fn write(record: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder(record))?;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Removes the file of a flood and a kind, if it is there.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn remove(record: &Path, flood: &str, kind: EvidenceKind) -> Result<()> {
    let path = path(record, flood, kind);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(&path, error)),
        _ => Ok(()),
    }
}

/// What waits to be put into files.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    floods: BTreeMap<String, Pending>,
}

/// What waits of one flood.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) frames: Vec<Frame>,
    pub(crate) flows: Vec<FlowRow>,
    /// What did not fit, by kind.
    pub(crate) left_out: [u64; 2],
}

impl Gathered {
    /// Takes frames, without what is no header. How many were not taken.
    pub(crate) fn frames(&mut self, flood: &str, frames: Vec<Frame>, limits: &Limits) -> u64 {
        let Some(pending) = self.of(flood, limits) else { return frames.len() as u64 };
        let room = (limits.evidence_frames / SPREAD).max(1).saturating_sub(pending.frames.len());
        let left = frames.len().saturating_sub(room) as u64;
        pending.left_out[0] += left;
        pending.frames.extend(frames.into_iter().take(room).map(Frame::cut));
        left
    }

    /// Takes flow records. How many were not taken.
    pub(crate) fn flows(&mut self, flood: &str, flows: Vec<FlowRow>, limits: &Limits) -> u64 {
        let Some(pending) = self.of(flood, limits) else { return flows.len() as u64 };
        let room = (limits.evidence_flows / SPREAD).max(1).saturating_sub(pending.flows.len());
        let left = flows.len().saturating_sub(room) as u64;
        pending.left_out[1] += left;
        pending.flows.extend(flows.into_iter().take(room));
        left
    }

    fn of(&mut self, flood: &str, limits: &Limits) -> Option<&mut Pending> {
        if !self.floods.contains_key(flood) && self.floods.len() >= limits.evidence_floods {
            return None;
        }
        Some(self.floods.entry(flood.to_owned()).or_default())
    }

    /// Everything that waits of floods that are wanted, one at a time.
    pub(crate) fn pop(&mut self, is_wanted: impl Fn(&str) -> bool) -> Option<(String, Pending)> {
        let flood = self.floods.keys().find(|flood| is_wanted(flood))?.clone();
        self.floods.remove_entry(&flood)
    }

    /// Removes what names an address; how many that were.
    pub(crate) fn remove(&mut self, address: std::net::IpAddr) -> usize {
        let mut removed = 0;
        for pending in self.floods.values_mut() {
            let mut packets = Records::Packets(std::mem::take(&mut pending.frames));
            let mut flows = Records::Flows(std::mem::take(&mut pending.flows));
            removed += packets.remove(address) + flows.remove(address);
            if let (Records::Packets(frames), Records::Flows(flows)) = (packets, flows) {
                (pending.frames, pending.flows) = (frames, flows);
            }
        }
        removed
    }
}
