//! Dependencies between the crates of the workspace point one way, and ARCHITECTURE.md names every crate.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Complaint;
use crate::process;

/// Each crate and the crates of this workspace that it may use. Data flows from left to right in ARCHITECTURE.md, and
/// nothing on the left knows anything on the right. Tests may use more, but never the top level (see [`TOP`]).
const ALLOWED: &[(&str, &[&str])] = &[
    ("institution", &[]),
    ("sketch", &[]),
    ("intel", &["sketch"]),
    ("foresee", &["institution", "intel"]),
    ("wire", &[]),
    ("baseline", &[]),
    ("intake", &["wire", "sketch"]),
    ("detect", &["wire", "sketch", "baseline", "institution"]),
    ("expose", &["institution"]),
    ("record", &[]),
    ("notify", &[]),
    ("console", &["record", "notify"]),
    (
        "hemicycle",
        &[
            "institution",
            "intel",
            "foresee",
            "wire",
            "sketch",
            "baseline",
            "intake",
            "detect",
            "expose",
            "record",
            "console",
            "notify",
        ],
    ),
    (
        "lab",
        &[
            "hemicycle",
            "institution",
            "intel",
            "foresee",
            "wire",
            "sketch",
            "baseline",
            "intake",
            "detect",
            "expose",
            "record",
            "console",
            "notify",
        ],
    ),
    ("xtask", &[]),
];
/// Crates that wire the others together: no room may use them, not even in its tests.
const TOP: &[&str] = &["hemicycle", "lab", "xtask"];

/// One use of a workspace crate by another.
struct Use {
    from: String,
    to: String,
    for_tests: bool,
}

/// The table above against what cargo says.
pub(super) fn check(root: &Path) -> Result<Vec<Complaint>> {
    let (crates, uses) = read(&metadata(root)?)?;
    Ok(judge(&crates, &uses))
}

/// Every crate stands in ARCHITECTURE.md, in backticks.
pub(super) fn architecture(root: &Path) -> Result<Vec<Complaint>> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md")).context("cannot read ARCHITECTURE.md")?;
    let (crates, _) = read(&metadata(root)?)?;
    let unnamed =
        crates.iter().filter(|name| !["`", "/"].iter().any(|end| text.contains(&format!("{name}{end}"))));
    Ok(unnamed.map(|name| Complaint::new(name, "ARCHITECTURE.md does not name this crate")).collect())
}

fn metadata(root: &Path) -> Result<Value> {
    let output =
        process::cargo().current_dir(root).args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn read(metadata: &Value) -> Result<(Vec<String>, Vec<Use>)> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let crates: Vec<String> = packages.iter().map(name).collect();
    let mut uses = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = name(dependency);
            // A crate of this workspace has a path and no source.
            if crates.contains(&to) && dependency["source"].is_null() {
                uses.push(Use { from: name(package), to, for_tests: dependency["kind"] == "dev" });
            }
        }
    }
    Ok((crates, uses))
}

fn judge(crates: &[String], uses: &[Use]) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    let allowed = |name: &str| ALLOWED.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    for name in crates.iter().filter(|name| allowed(name).is_none()) {
        complaints.push(Complaint::new(name, "not in the table of layers: say there what it may use"));
    }
    for Use { from, to, for_tests } in uses {
        let forbidden = if *for_tests {
            TOP.contains(&to.as_str()) && !TOP.contains(&from.as_str())
        } else {
            allowed(from).is_some_and(|list| !list.contains(&to.as_str()))
        };
        if forbidden {
            complaints.push(Complaint::new(
                from,
                format!("may not use {to} (see the invariants in ARCHITECTURE.md)"),
            ));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(crates: &[&str], uses: &[(&str, &str, bool)]) -> Vec<String> {
        let crates: Vec<String> = crates.iter().map(|name| (*name).to_owned()).collect();
        let uses: Vec<Use> = uses
            .iter()
            .map(|(from, to, for_tests)| Use {
                from: (*from).into(),
                to: (*to).into(),
                for_tests: *for_tests,
            })
            .collect();
        judge(&crates, &uses).into_iter().map(|complaint| complaint.place).collect()
    }

    #[test]
    fn only_edges_of_the_table_are_allowed() {
        assert!(places(&["wire", "intake"], &[("intake", "wire", false)]).is_empty());
        assert_eq!(places(&["wire", "intake"], &[("wire", "intake", false)]), ["wire"]);
        assert_eq!(places(&["newcomer"], &[]), ["newcomer"]);
    }

    #[test]
    fn tests_may_use_more_but_not_the_top() {
        assert!(places(&["detect", "intake"], &[("detect", "intake", true)]).is_empty());
        assert_eq!(places(&["detect", "lab"], &[("detect", "lab", true)]), ["detect"]);
    }

    #[test]
    fn the_table_has_no_circle() {
        let position = |name: &str| ALLOWED.iter().position(|(from, _)| *from == name);
        for (index, (from, to)) in ALLOWED.iter().enumerate() {
            for name in *to {
                assert!(
                    position(name).is_some_and(|earlier| earlier < index),
                    "{from} uses {name}, which comes later"
                );
            }
        }
    }

    #[test]
    fn cargo_metadata_is_read() {
        let metadata = serde_json::json!({"packages": [
            {"name": "wire", "dependencies": []},
            {"name": "intake", "dependencies": [
                {"name": "wire", "source": null, "kind": null},
                {"name": "wire", "source": "registry", "kind": "dev"},
            ]},
        ]});
        let (crates, uses) = read(&metadata).unwrap();
        assert_eq!(crates, ["wire", "intake"]);
        assert_eq!(uses.len(), 1);
        assert!(!uses[0].for_tests);
    }
}
