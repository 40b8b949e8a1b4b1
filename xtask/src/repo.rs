//! Where things are in this checkout, and what is in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Folders that hold what tools make, at any depth. They are never read by a check.
const MADE_BY_TOOLS: &[&str] = &["target", ".git", "corpus", "artifacts", "node_modules"];

/// The top folder of this checkout.
pub(crate) fn root() -> PathBuf {
    // Cargo sets it for what it runs; the compile-time value serves a binary that is started by hand.
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// Every file below `folder` that people write, as paths relative to it, in a stable order.
///
/// Symbolic links are listed and not followed.
///
/// # Errors
/// When a folder cannot be read.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(current) = waiting.pop() {
        let entries = fs::read_dir(&current).with_context(|| format!("cannot list {}", current.display()))?;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                if !MADE_BY_TOOLS.iter().any(|name| entry.file_name() == *name) {
                    waiting.push(entry.path());
                }
            } else if let Ok(relative) = entry.path().strip_prefix(folder) {
                found.push(relative.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a path ends in this extension (without the dot).
pub(crate) fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}

/// A program that can be started: looked for in `PATH` and where Debian keeps programs for root.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/local/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_leaves_out_what_tools_make() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["a.rs", "b/c.md", "target/d.rs", "b/corpus/e"] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        assert_eq!(files(folder.path()).unwrap(), [PathBuf::from("a.rs"), PathBuf::from("b/c.md")]);
    }

    #[test]
    fn find_program_knows_a_shell_and_no_nonsense() {
        assert!(find_program("sh").is_some());
        assert!(find_program("no-such-program-anywhere").is_none());
    }
}
