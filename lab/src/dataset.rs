//! Folders of captures with labels: MANIFEST.tsv says what a file is, EXPECTED.tsv what a detector should say.

use std::fs;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;

/// How far a row can be judged from packets and flow records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// Visible by volume or kind: counted.
    Network,
    /// Needs connections, requests or logs: shown.
    Behaviour,
    /// Shown.
    NotCounted,
}

/// One row of EXPECTED.tsv with its file.
#[derive(Clone, Debug)]
pub(crate) struct Labelled {
    /// Path below the folder.
    pub(crate) path: String,
    /// Names that are equally right; empty: no flood.
    pub(crate) names: Vec<String>,
    /// What is flooded, if one address was named.
    pub(crate) target: Option<IpAddr>,
    /// What is flooded, as it is written: the host name of a log has no address.
    pub(crate) target_text: String,
    /// `train`, `held_out`, or nothing.
    pub(crate) set: String,
    /// How it is judged.
    pub(crate) stage: Stage,
    /// The file, unpacked.
    pub(crate) bytes: Arc<[u8]>,
}

impl Labelled {
    /// Whether a flood is in it.
    pub(crate) fn is_attack(&self) -> bool {
        !self.names.is_empty()
    }

    /// Whether it is a capture and no log.
    pub(crate) fn is_capture(&self) -> bool {
        !self.path.starts_with("weblogs/") && !self.path.contains(".log")
    }

    /// Path without kind of file.
    pub(crate) fn short(&self) -> &str {
        let end = self.path.find(".pcap").or_else(|| self.path.rfind('.')).unwrap_or(self.path.len());
        self.path.get(..end).unwrap_or(&self.path)
    }
}

/// These folders, or those of the repository if none is named.
pub(crate) fn folders(named: &[PathBuf]) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match named {
        [] => vec![root.join("data/captures"), root.join("data/recorded")],
        named => named.to_vec(),
    }
}

/// All rows of the folders, in their order.
pub(crate) fn read(folders: &[PathBuf]) -> Result<Vec<Labelled>> {
    let mut rows = Vec::new();
    for folder in folders {
        let table = folder.join("EXPECTED.tsv");
        let text = fs::read_to_string(&table).with_context(|| format!("cannot read {}", table.display()))?;
        let mut lines = text.lines();
        let columns = Columns::of(lines.next().unwrap_or_default());
        for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let row =
                row(folder, &columns, line).with_context(|| format!("{}:{}", table.display(), number + 2))?;
            rows.push(row);
        }
    }
    Ok(rows)
}

struct Columns(Vec<String>);

impl Columns {
    fn of(header: &str) -> Self {
        Self(header.split('\t').map(|name| name.trim().to_owned()).collect())
    }

    fn cell<'a>(&self, line: &'a str, name: &str) -> &'a str {
        let place = self.0.iter().position(|column| column == name);
        place.and_then(|place| line.split('\t').nth(place)).unwrap_or_default().trim()
    }
}

fn row(folder: &Path, columns: &Columns, line: &str) -> Result<Labelled> {
    let path = columns.cell(line, "path");
    let expected = columns.cell(line, "expected_vectors");
    let names = match expected {
        "none" | "-" => Vec::new(),
        names => names.split('|').map(str::to_owned).collect(),
    };
    let stage = match columns.cell(line, "stage") {
        "network" => Stage::Network,
        "behaviour" => Stage::Behaviour,
        "not_counted" => Stage::NotCounted,
        other => bail!("unknown stage {other:?}"),
    };
    let target_text = columns.cell(line, "target").to_owned();
    let set = columns.cell(line, "set").to_owned();
    let bytes = unpacked(&folder.join(path))?.into();
    let target = target_text.parse().ok();
    Ok(Labelled { path: path.to_owned(), names, target, target_text, set, stage, bytes })
}

/// A file's content, unpacked if it is gzip.
pub(crate) fn unpacked(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut content = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .read_to_end(&mut content)
        .with_context(|| format!("cannot unpack {}", path.display()))?;
    Ok(content)
}
