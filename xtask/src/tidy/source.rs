//! Rules about source files: length, leftovers, and no word about a place that only one machine has.

use std::fs;
use std::path::{Component, Path};

use anyhow::Result;

use super::Complaint;
use crate::repo;

/// Longest file that is not a table.
const MAX_LINES: usize = 600;
/// Longer files, each with the reason. A table that grows with a standard is the usual one.
const LONG_FILES: &[(&str, &str)] = &[];
/// Files larger than this are data, not text that people write.
const MAX_TEXT_BYTES: u64 = 4 << 20;
/// What people write.
const TEXT_EXTENSIONS: &[&str] =
    &["rs", "toml", "md", "yml", "yaml", "sh", "service", "conf", "tsv", "txt", "html", "css", "js"];

/// No file of logic longer than [`MAX_LINES`]; and no exception that is not needed any more.
pub(super) fn lengths(root: &Path) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    let mut exceptions: Vec<&str> = LONG_FILES.iter().map(|(path, _)| *path).collect();
    for (path, text) in texts(root, &["rs"])? {
        let lines = text.lines().count();
        if lines <= MAX_LINES {
            continue;
        }
        match exceptions.iter().position(|exception| *exception == path) {
            Some(index) => {
                exceptions.swap_remove(index);
            }
            None => complaints.push(Complaint::new(
                path,
                format!("{lines} lines; split it, or (only a table) add it to LONG_FILES with the reason"),
            )),
        }
    }
    complaints.extend(
        exceptions.into_iter().map(|path| Complaint::new(path, "no longer long: take it out of LONG_FILES")),
    );
    Ok(complaints)
}

/// Nothing that says "later". Clippy denies these macros in the workspace; this holds for fuzz/ and examples too.
pub(super) fn unfinished(root: &Path) -> Result<Vec<Complaint>> {
    // In two parts, so that this file does not complain about itself.
    let leftovers = [["todo", "!("].concat(), ["unimplemented", "!("].concat(), ["FIX", "ME"].concat()];
    let mut complaints = Vec::new();
    for (path, text) in texts(root, &["rs"])? {
        for (number, line) in text.lines().enumerate() {
            if let Some(leftover) = leftovers.iter().find(|leftover| line.contains(leftover.as_str())) {
                complaints.push(Complaint::new(
                    format!("{path}:{}", number + 1),
                    format!("{leftover} is left over"),
                ));
            }
        }
    }
    Ok(complaints)
}

/// An ignore attribute without a reason hides a test without saying why.
pub(super) fn ignored_tests(root: &Path) -> Result<Vec<Complaint>> {
    let bare = ["#[ign", "ore]"].concat();
    let mut complaints = Vec::new();
    for (path, text) in texts(root, &["rs"])? {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| line.trim() == bare) {
            let place = format!("{path}:{}", number + 1);
            complaints.push(Complaint::new(
                place,
                format!("{line} gives no reason; write #[ignore = \"…\"]").trim(),
            ));
        }
    }
    Ok(complaints)
}

/// No path that leaves the repository or that only one machine has.
pub(super) fn outside_places(root: &Path) -> Result<Vec<Complaint>> {
    let mut private = vec![format!("{}/", root.display())];
    private.extend([["/ho", "me/"], ["/Us", "ers/"], ["/ro", "ot/"]].map(|parts| parts.concat()));
    let mut complaints = Vec::new();
    for (path, text) in texts(root, TEXT_EXTENSIONS)? {
        // A fixture is the words of somebody else; the notes about it are ours.
        if path.starts_with("data/") && !path.ends_with(".md") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let outside = private.iter().find(|place| line.contains(place.as_str())).cloned();
            if let Some(found) = outside.or_else(|| leaving(&path, line)) {
                let place = format!("{path}:{}", number + 1);
                complaints.push(Complaint::new(place, format!("{found} is outside the repository")));
            }
        }
    }
    Ok(complaints)
}

/// The first `../…` in a line that climbs above the top folder.
fn leaving(path: &str, line: &str) -> Option<String> {
    let depth = Path::new(path).components().count() - 1;
    let is_document = path.ends_with(".md");
    for word in line.split(|c: char| c.is_whitespace() || "\"'`()<>[]{},;=|".contains(c)) {
        // A path in a string may start with a slash: `concat!(env!("CARGO_MANIFEST_DIR"), "/../../data")`.
        let relative = word.trim_start_matches('/');
        if !relative.starts_with("../") {
            continue;
        }
        let climbs =
            Path::new(relative).components().take_while(|part| *part == Component::ParentDir).count();
        // Commands in documents are run at the top, wherever the document lies, so there one step up already leaves. Links begin at the document, and
        // so do values of files (`key = "../x"`).
        let is_command = ![format!("]({word}"), format!("= \"{word}")].iter().any(|form| line.contains(form));
        if climbs > depth || (is_document && is_command) {
            return Some(word.to_owned());
        }
    }
    None
}

/// Every text file with one of these extensions, with its path as text.
fn texts(root: &Path, extensions: &[&str]) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for path in repo::files(root)? {
        let full = root.join(&path);
        let wanted = extensions.iter().any(|extension| repo::has_extension(&path, extension));
        if !wanted || fs::metadata(&full).is_ok_and(|metadata| metadata.len() > MAX_TEXT_BYTES) {
            continue;
        }
        // What is not UTF-8 is not ours to read.
        if let Ok(text) = fs::read_to_string(&full) {
            found.push((path.to_string_lossy().into_owned(), text));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_long_file_is_refused_and_one_of_the_limit_is_not() {
        let folder = folder(&[("a.rs", &"x\n".repeat(MAX_LINES + 1)), ("b.rs", &"x\n".repeat(MAX_LINES))]);
        let complaints = lengths(folder.path()).unwrap();
        let here: Vec<_> =
            complaints.iter().filter(|c| !LONG_FILES.iter().any(|(path, _)| *path == c.place)).collect();
        assert_eq!(here.len(), 1);
        assert_eq!(here[0].place, "a.rs");
    }

    #[test]
    fn leftovers_and_bare_ignores_are_found_with_their_line() {
        let text = ["fn a() {\n    to", "do!()\n}\n    #[ign", "ore]\n"].concat();
        let folder = folder(&[("a.rs", &text)]);
        assert_eq!(unfinished(folder.path()).unwrap()[0].place, "a.rs:2");
        assert_eq!(ignored_tests(folder.path()).unwrap()[0].place, "a.rs:4");
    }

    #[test]
    fn paths_that_climb_out_are_found_and_inner_ones_are_not() {
        let up = ["..", "/.."].concat();
        let folder = folder(&[
            ("crates/a/src/lib.rs", &format!("\"/{up}/data\"\n\"{up}/{up}/other\"\n")),
            ("docs/a.md", "[top](../README.md)\n"),
            ("b.md", "run x --data ../else\n"),
            (
                "docs/measured/c.md",
                "`lab x --data ../else --write`\n[up](../../b.md)\n`file = \"../else.toml\"`\n",
            ),
        ]);
        let places: Vec<_> = outside_places(folder.path()).unwrap().into_iter().map(|c| c.place).collect();
        assert_eq!(places, ["b.md:1", "crates/a/src/lib.rs:2", "docs/measured/c.md:1"]);
    }
}
