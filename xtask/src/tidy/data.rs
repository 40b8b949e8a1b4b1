//! Every file in `data/` has a known origin and a licence that lets everybody have it.
//!
//! The record is `MANIFEST.tsv`, in the file's own folder or in one above it: tab-separated, first line the column
//! names, with at least `path` (relative to the manifest), `licence` and `sha256`. READMEs, notices and the
//! `EXPECTED*.tsv` labels are written here and need no line.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::Complaint;
use crate::repo;

/// Longest that `data/` may get: everybody clones it.
const MAX_DATA_BYTES: u64 = 30 << 20;
/// How a licence begins that may be bundled without a condition but its notice.
const PERMISSIVE: &[&str] = &[
    "MIT",
    "MIT-style",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-style",
    "Apache-2.0",
    "NCSA",
    "ISC",
    "Unlicense",
    "CC0-1.0",
    "CC0",
    "0BSD",
];
/// Data licences that ask for attribution: only in a folder of their own with a notice.
const WITH_NOTICE: &[&str] = &["CC-BY-4.0", "CC-BY-SA-4.0"];

/// What a manifest says about one file.
struct Entry {
    licence: String,
    sha256: String,
    line: usize,
}

/// All of `data/` below `root`.
pub(super) fn check(root: &Path) -> Result<Vec<Complaint>> {
    let data = root.join("data");
    let mut complaints = Vec::new();
    if !data.is_dir() {
        return Ok(complaints);
    }
    let files = repo::files(&data)?;
    let mut entries: BTreeMap<PathBuf, Entry> = BTreeMap::new();
    for manifest in files.iter().filter(|path| path.ends_with("MANIFEST.tsv")) {
        let text = fs::read_to_string(data.join(manifest))?;
        let folder = manifest.parent().unwrap_or(Path::new(""));
        match read_manifest(&text) {
            Ok(read) => entries.extend(read.into_iter().map(|(path, entry)| (folder.join(path), entry))),
            Err(error) => {
                complaints.push(Complaint::new(format!("data/{}", manifest.display()), format!("{error:#}")));
            }
        }
    }
    let mut total = 0;
    for path in &files {
        total += fs::metadata(data.join(path))?.len();
        let entry = entries.remove(path);
        if needs_entry(path)
            && let Some(text) = complaint(&data, path, entry.as_ref())?
        {
            complaints.push(Complaint::new(format!("data/{}", path.display()), text));
        }
    }
    for (path, entry) in entries {
        complaints.push(Complaint::new(
            format!("data/{}", path.display()),
            format!("in a manifest (line {}) but not there", entry.line),
        ));
    }
    if total > MAX_DATA_BYTES {
        complaints.push(Complaint::new("data", format!("{total} bytes; the limit is {MAX_DATA_BYTES}")));
    }
    Ok(complaints)
}

fn needs_entry(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ours = ["README", "NOTICE", "LICENSE", "MANIFEST.tsv", "EXPECTED"];
    !ours.iter().any(|start| name.starts_with(start))
}

/// What is wrong with one file, if anything.
fn complaint(data: &Path, path: &Path, entry: Option<&Entry>) -> Result<Option<String>> {
    let Some(entry) = entry else {
        return Ok(Some("in no MANIFEST.tsv: add its origin, licence and sha256".to_owned()));
    };
    let noticed = path.parent().is_some_and(|folder| data.join(folder).join("NOTICE").exists());
    // "Apache-2.0; data under other terms" is as free as its least free part.
    let free = entry
        .licence
        .split(';')
        .map(first_word)
        .all(|licence| PERMISSIVE.contains(&licence) || (noticed && WITH_NOTICE.contains(&licence)));
    if !free {
        return Ok(Some(format!(
            "licence {:?} may not be bundled here (see CONTRIBUTING.md)",
            entry.licence
        )));
    }
    let found = sha256(&data.join(path))?;
    Ok((found != entry.sha256).then(|| format!("sha256 is {found}, the manifest says {:?}", entry.sha256)))
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

fn sha256(path: &Path) -> Result<String> {
    // Read whole: all of data/ together is bounded by MAX_DATA_BYTES.
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read_manifest(text: &str) -> Result<Vec<(PathBuf, Entry)>> {
    let mut lines = text.lines().enumerate();
    let (_, header) = lines.next().context("empty; the first line names the columns")?;
    let names: Vec<&str> = header.split('\t').collect();
    let column =
        |name: &str| names.iter().position(|n| *n == name).with_context(|| format!("has no column {name:?}"));
    let (path, licence, sha256) = (column("path")?, column("licence")?, column("sha256")?);
    let mut entries = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let field = |column: usize| {
            let value = fields.get(column).copied();
            value.with_context(|| format!("line {} has only {} columns", index + 1, fields.len()))
        };
        let entry =
            Entry { licence: field(licence)?.to_owned(), sha256: field(sha256)?.to_owned(), line: index + 1 };
        entries.push((PathBuf::from(field(path)?), entry));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    // echo -n x | sha256sum
    const SHA256_OF_X: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";

    fn complaints(manifest: &str, notice: bool) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data/flows");
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("a.pcap"), "x").unwrap();
        fs::write(folder.path().join("data/MANIFEST.tsv"), manifest).unwrap();
        if notice {
            fs::write(data.join("NOTICE"), "thanks").unwrap();
        }
        check(folder.path()).unwrap().into_iter().map(|complaint| complaint.text).collect()
    }

    fn manifest(licence: &str, sha256: &str) -> String {
        format!("path\tlicence\tsha256\nflows/a.pcap\t{licence}\t{sha256}\n")
    }

    #[test]
    fn a_file_with_licence_and_hash_is_fine() {
        assert!(complaints(&manifest("MIT (derived)", SHA256_OF_X), false).is_empty());
        assert!(complaints(&manifest("CC-BY-4.0", SHA256_OF_X), true).is_empty());
    }

    #[test]
    fn each_fault_is_named() {
        let first = |manifest: &str| complaints(manifest, false).swap_remove(0);
        assert!(first(&manifest("GPL-3.0", SHA256_OF_X)).contains("may not be bundled"));
        assert!(first(&manifest("MIT; data under other terms", SHA256_OF_X)).contains("may not be bundled"));
        assert!(first(&manifest("none stated", SHA256_OF_X)).contains("may not be bundled"));
        assert!(first(&manifest("CC-BY-4.0", SHA256_OF_X)).contains("may not be bundled"));
        assert!(first(&manifest("MIT", "00")).contains("sha256 is"));
        assert!(first("path\tlicence\tsha256\n").contains("in no MANIFEST.tsv"));
        assert!(first("path\tsha256\n").contains("no column \"licence\""));
        let missing = manifest("MIT", SHA256_OF_X) + "flows/b.pcap\tMIT\t00\n";
        assert!(first(&missing).contains("line 3"));
    }
}
