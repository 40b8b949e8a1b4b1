//! Every relative link in a Markdown file leads to a file of this repository and, with `#part`, to a heading in it.
//!
//! Reads inline links `[text](target)` and definitions `[name]: target`; code is left out. Links to the network are
//! not followed: a check that needs somebody else's server fails for reasons that no change here can mend.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use anyhow::Result;

use super::Complaint;
use crate::repo;

/// All Markdown files below `root`.
pub(super) fn check(root: &Path) -> Result<Vec<Complaint>> {
    let mut complaints = Vec::new();
    for path in repo::files(root)?.into_iter().filter(|path| repo::has_extension(path, "md")) {
        let text = fs::read_to_string(root.join(&path))?;
        for (line, target) in links(&text) {
            if let Some(text) = broken(root, &path, &target) {
                complaints.push(Complaint::new(format!("{}:{line}", path.display()), text));
            }
        }
    }
    Ok(complaints)
}

/// What is wrong with a link, if anything.
fn broken(root: &Path, page: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, part) = target.split_once('#').map_or((target, None), |(file, part)| (file, Some(part)));
    let path = if file.is_empty() { page.to_path_buf() } else { page.parent()?.join(file) };
    let Some(path) = inside(&path) else { return Some(format!("{target} leads out of the repository")) };
    let full = root.join(path);
    if !full.exists() {
        return Some(format!("{target} leads nowhere"));
    }
    let part = part.filter(|_| repo::has_extension(&full, "md"))?;
    let text = fs::read_to_string(&full).ok()?;
    (!anchors(&text).contains(part)).then(|| format!("{target}: no such heading"))
}

/// The path without `.` and `..`, or nothing when it climbs above the top.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                if !clean.pop() {
                    return None;
                }
            }
            Component::Normal(name) => clean.push(name),
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(clean)
}

/// Every link with the number of its line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        if let Some((_, target)) = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("]: "))
        {
            found.push((number, target.split_whitespace().next().unwrap_or_default().to_owned()));
        }
        for (start, _) in line.match_indices("](") {
            let rest = &line[start + 2..];
            let Some(end) = rest.find(')') else { continue };
            // `(target "title")`
            let target = rest[..end].split_whitespace().next().unwrap_or_default();
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
        }
    }
    found
}

/// The lines outside fenced code, numbered from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The anchors that a page's headings get: lower case, spaces to hyphens, punctuation dropped; repeats numbered.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, line) in prose(text) {
        let Some(heading) = line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#'))
        else {
            continue;
        };
        let keep = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let anchor = heading.trim().to_lowercase().chars().filter(keep).collect::<String>().replace(' ', "-");
        let repeats = (0..).map(|n| if n == 0 { anchor.clone() } else { format!("{anchor}-{n}") });
        found.extend(repeats.into_iter().find(|name| !found.contains(name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_code_do_not_count() {
        let text = "see [a](b.md) and `[x](y)`\n```\n[c](d.md)\n```\n[e]: f.md \"title\"\n";
        assert_eq!(links(text), [(1, "b.md".to_owned()), (5, "f.md".to_owned())]);
    }

    #[test]
    fn broken_links_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("docs")).unwrap();
        fs::write(folder.path().join("A.md"), "# The `top` page, again\n").unwrap();
        let page = Path::new("docs/b.md");
        fs::write(folder.path().join(page), "# Own\n## Own\n").unwrap();
        let check = |target| broken(folder.path(), page, target);
        for good in
            ["../A.md", "../A.md#the-top-page-again", "#own", "#own-1", "https://example.org/x", "../docs"]
        {
            assert_eq!(check(good), None, "{good}");
        }
        assert!(check("A.md").unwrap().contains("nowhere"));
        assert!(check("../A.md#other").unwrap().contains("heading"));
        assert!(check("../../A.md").unwrap().contains("out of"));
        assert!(check("/etc/passwd").unwrap().contains("out of"));
    }
}
