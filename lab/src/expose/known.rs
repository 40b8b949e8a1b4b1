//! Answers that were worked out by hand, or stand in books.

use std::collections::BTreeSet;

use anyhow::{Context, Result, anyhow};
use expose::{Exposure, Model};

use super::LEFT_OUT;
use crate::report::{Bar, Report};
use crate::table::Table;

/// The example parliament, as it is shipped.
const EXAMPLIA: &str = include_str!("../../../data/institution/examplia.toml");

/// A service whose cut sets are known: where from, its file, the service, the sets.
struct Case {
    source: &'static str,
    file: Source,
    service: &'static str,
    sets: &'static [&'static str],
    larger: bool,
}

enum Source {
    Examplia,
    Nodes(&'static [(&'static str, &'static str)], &'static str),
}

const CASES: [Case; 6] = [
    Case {
        source: "example parliament: the site",
        file: Source::Examplia,
        service: "www",
        sets: &[
            "lb-1",
            "power-main",
            "dns-public",
            "fw-software",
            "fw-edge-1 fw-edge-2",
            "fw-edge-1 power-backup",
            "isp-a isp-b",
            "duct-south isp-a",
            "duct-north isp-b",
            "duct-north duct-south",
            "ns-1 ns-2",
            "isp-hosting ns-1",
        ],
        larger: false,
    },
    Case {
        source: "example parliament: remote access",
        file: Source::Examplia,
        service: "vpn",
        sets: &[
            "directory",
            "vm-cluster",
            "fw-software",
            "fw-edge-1 fw-edge-2",
            "fw-edge-1 power-backup",
            "fw-edge-2 power-main",
            "power-backup power-main",
            "isp-a isp-b",
            "duct-south isp-a",
            "duct-north isp-b",
            "duct-north duct-south",
        ],
        larger: false,
    },
    Case {
        source: "example parliament: documents",
        file: Source::Examplia,
        service: "documents",
        sets: &["files", "directory", "vm-cluster", "storage", "power-main"],
        larger: false,
    },
    Case {
        source: "the bridge (Barlow and Proschan, 1975)",
        file: Source::Nodes(
            &[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", "")],
            "{ any = 1, of = [{ all = [\"a\", \"d\"] }, { all = [\"b\", \"e\"] }, { all = [\"a\", \"c\", \"e\"] }, { all = [\"b\", \"c\", \"d\"] }] }",
        ),
        service: "top",
        sets: &["a b", "d e", "a c e", "b c d"],
        larger: false,
    },
    Case {
        source: "the pressure tank (NUREG-0492, 1981)",
        file: Source::Nodes(
            &[("tank", ""), ("k2", ""), ("s", ""), ("s1", ""), ("k1", ""), ("r", "")],
            "{ all = [\"tank\", \"k2\", { any = 1, of = [\"s\", { all = [\"s1\", \"k1\", \"r\"] }] }] }",
        ),
        service: "top",
        sets: &["tank", "k2", "s s1", "k1 s", "r s"],
        larger: false,
    },
    Case {
        source: "a host of a fat tree, k = 4 (Al-Fares et al., 2008)",
        file: Source::Nodes(
            &[
                ("core-1", ""),
                ("core-2", ""),
                ("core-3", ""),
                ("core-4", ""),
                ("pod-1", "{ any = 1, of = [\"core-1\", \"core-2\"] }"),
                ("pod-2", "{ any = 1, of = [\"core-3\", \"core-4\"] }"),
                ("edge", "{ any = 1, of = [\"pod-1\", \"pod-2\"] }"),
            ],
            "[\"edge\"]",
        ),
        service: "top",
        sets: &["edge", "pod-1 pod-2", "core-3 core-4 pod-1", "core-1 core-2 pod-2"],
        larger: true,
    },
];

pub(super) fn run(asked: bool, report: &mut Report) -> Result<()> {
    let name = "answers worked out by hand, and of three published topologies";
    if !asked {
        report.bar(Bar::skipped(name, "all", LEFT_OUT));
        return Ok(());
    }
    let mut table =
        Table::new("Known answers", &["source", "service", "sets", "equal", "larger ones are said"]);
    let mut right = 0;
    for case in &CASES {
        let (equal, said, count) = case.check()?;
        right += usize::from(equal && said);
        let yes = |value: bool| if value { "yes" } else { "NO" }.to_owned();
        table.row(vec![
            case.source.to_owned(),
            case.service.to_owned(),
            count.to_string(),
            yes(equal),
            yes(said),
        ]);
    }
    report.table(table);
    let measured = format!("{right} of {}", CASES.len());
    report.bar(Bar::new(name, "all", measured, right == CASES.len()));
    Ok(())
}

impl Case {
    fn check(&self) -> Result<(bool, bool, usize)> {
        let text = match self.file {
            Source::Examplia => EXAMPLIA.to_owned(),
            Source::Nodes(nodes, needs) => file(nodes, needs),
        };
        let institution = institution::parse(self.source, &text).map_err(|problems| anyhow!("{problems}"))?;
        let exposure = Exposure::of(Model::of(&institution))?;
        let place = exposure.model.find(self.service)?;
        let cuts = exposure.cuts[place].as_ref().context("the service has no cut sets")?;
        let sorted = |set| {
            let mut names = exposure.names(set);
            names.sort();
            names.join(" ")
        };
        let found: BTreeSet<String> = cuts.sets.iter().map(sorted).collect();
        let wanted: BTreeSet<String> = self.sets.iter().map(|set| (*set).to_owned()).collect();
        Ok((found == wanted, cuts.truncated == self.larger, found.len()))
    }
}

fn file(nodes: &[(&str, &str)], needs: &str) -> String {
    let mut text = String::from(
        "[institution]\nname = \"known\"\n[zone.out]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n",
    );
    for (name, needs) in nodes {
        let needs = if needs.is_empty() { String::new() } else { format!("needs = {needs}\n") };
        text.push_str(&format!("[node.{name}]\nkind = \"router\"\n{needs}"));
    }
    text + &format!("[service.top]\nzone = \"out\"\nneeds = {needs}\n")
}
