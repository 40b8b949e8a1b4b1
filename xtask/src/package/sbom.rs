//! The list of what the product is made of (CycloneDX 1.5, JSON), from what cargo knows.
//!
//! Own code, since it is short and must give the same bytes each time: no serial number, no time, sorted. Source of the
//! form: <https://cyclonedx.org/docs/1.5/json/>.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{captured, cargo_in};

/// The list for the product in a checkout: what it is built from, without what only tests use.
pub(super) fn of(source: &Path, version: &str) -> Result<String> {
    let arguments = ["metadata", "--format-version=1", "--locked"];
    let metadata: Value = serde_json::from_str(&captured(cargo_in(source).args(arguments))?)?;
    let lock = fs::read_to_string(source.join("Cargo.lock"))?;
    Ok(serde_json::to_string_pretty(&list(&metadata, &checksums(&lock), version)?)? + "\n")
}

/// By name and version, from the lock file.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(&format!("{key} = \"")))?;
            line.strip_suffix('"').map(str::to_owned)
        };
        if let (Some(name), Some(version), Some(sum)) = (value("name"), value("version"), value("checksum")) {
            found.insert((name, version), sum);
        }
    }
    found
}

fn list(metadata: &Value, sums: &BTreeMap<(String, String), String>, version: &str) -> Result<Value> {
    let packages = by_id(&metadata["packages"])?;
    let nodes = by_id(&metadata["resolve"]["nodes"])?;
    let root = packages.iter().find(|(_, package)| package["name"] == "hemicycle").context("no hemicycle")?.0;
    let used = used(&nodes, root);
    let reference = |id: &str| packages.get(id).map(|package| purl(package)).unwrap_or_default();
    let components: Vec<Value> = used
        .iter()
        .filter(|id| *id != root)
        .filter_map(|id| packages.get(id))
        .map(|p| component(p, sums))
        .collect();
    let dependencies: Vec<Value> = used
        .iter()
        .map(|id| {
            let on: BTreeSet<String> = needed(nodes.get(id)).map(reference).collect();
            json!({ "ref": reference(id), "dependsOn": on })
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": {
            "type": "application", "name": "hemicycle", "version": version, "bom-ref": reference(root),
            "licenses": [{ "license": { "id": "Apache-2.0" } }],
        } },
        "components": components,
        "dependencies": dependencies,
    }))
}

fn by_id(list: &Value) -> Result<BTreeMap<&str, &Value>> {
    let list = list.as_array().context("cargo metadata lists nothing")?;
    Ok(list.iter().filter_map(|item| Some((item["id"].as_str()?, item))).collect())
}

/// Everything that is needed to build it or to run it, itself included.
fn used<'a>(nodes: &BTreeMap<&'a str, &'a Value>, root: &'a str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::from([root]);
    let mut waiting = vec![root];
    while let Some(id) = waiting.pop() {
        waiting.extend(needed(nodes.get(id)).filter(|id| found.insert(id)));
    }
    found
}

/// Not what tests alone need.
fn needed<'a>(node: Option<&&'a Value>) -> impl Iterator<Item = &'a str> + use<'a> {
    let list = node.and_then(|node| node["deps"].as_array()).into_iter().flatten();
    let is_needed = |item: &&Value| {
        item["dep_kinds"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
    };
    list.filter(is_needed).filter_map(|item| item["pkg"].as_str())
}

/// <https://github.com/package-url/purl-spec>, type cargo.
fn purl(package: &Value) -> String {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    format!("pkg:cargo/{}@{}", text("name"), text("version"))
}

fn component(package: &Value, sums: &BTreeMap<(String, String), String>) -> Value {
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let mut component = json!({
        "type": "library", "name": text("name"), "version": text("version"),
        "bom-ref": purl(package), "purl": purl(package),
    });
    if let Some(license) = package["license"].as_str() {
        // Older manifests write MIT/Apache-2.0, which is no expression of SPDX.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    if let Some(sum) = sums.get(&(text("name"), text("version"))) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_tests_need_is_left_out_and_sums_are_those_of_the_lock_file() {
        let metadata = json!({
            "packages": [
                { "id": "h", "name": "hemicycle", "version": "1.0.0" },
                { "id": "a", "name": "a", "version": "2.0.0", "license": "MIT/Apache-2.0" },
                { "id": "t", "name": "t", "version": "3.0.0" },
            ],
            "resolve": { "nodes": [
                { "id": "h", "deps": [
                    { "pkg": "a", "dep_kinds": [{ "kind": null }] }, { "pkg": "t", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "a", "deps": [] }, { "id": "t", "deps": [] },
            ] },
        });
        let lock = "[[package]]\nname = \"a\"\nversion = \"2.0.0\"\nchecksum = \"abc\"\n";
        let list = list(&metadata, &checksums(lock), "1.0.0").unwrap();
        let components = list["components"].as_array().unwrap();
        assert_eq!(components.len(), 1);
        assert_eq!(components[0]["purl"], "pkg:cargo/a@2.0.0");
        assert_eq!(components[0]["hashes"][0]["content"], "abc");
        assert_eq!(components[0]["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(list["dependencies"].as_array().unwrap().len(), 2);
    }
}
