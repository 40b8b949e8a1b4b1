//! Predictions against real programs: nginx, named and a firewall with connection tracking in network namespaces.
//!
//! Each topology has a public site, an inside service that shares one finite element with it and one that does not. The
//! institution file of the topology is read by the product, which predicts from it what a flood on the site takes down and at which
//! size. Then floods are made: at the predicted size exactly the predicted services may be down, at half of it none; and the
//! size at which the shared service goes down is measured in steps.
//!
//! A service is down if fewer than half of [`PROBES`] requests are answered within [`DEADLINE_SECONDS`]. All traffic stays in
//! namespaces that are made for one run and deleted after it.

pub(super) mod flood;
mod house;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use expose::{Exposure, Model, Unit};

use self::house::House;
use super::LEFT_OUT;
use crate::live::pace;
use crate::report::{Bar, Report};
use crate::table::Table;

/// Requests by which it is judged whether a service is up.
const PROBES: usize = 12;
/// How long an answer may take.
const DEADLINE_SECONDS: f64 = 0.5;
/// Sizes by the predicted one at which it is measured, one after the other.
const STEPS: [f64; 11] = [0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.35, 1.5];
/// How far the measured size may be from the predicted one.
const FACTOR: f64 = 1.5;
/// Programs that are needed.
const PROGRAMS: [&str; 6] = ["ip", "nft", "tc", "nginx", "named", "curl"];

/// What is shared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shared {
    /// The table of the firewall's connections.
    Table,
    /// The line to the outside.
    Uplink,
    /// The resolver.
    Resolver,
}

/// Entries of the firewall's table.
pub(super) const TABLE_ENTRIES: f64 = 3_000.0;
/// What the line carries.
pub(super) const UPLINK_BITS: f64 = 20e6;
/// What the resolver answers.
pub(super) const RESOLVER_QUERIES: f64 = 100.0;

impl Shared {
    const ALL: [Self; 3] = [Self::Table, Self::Uplink, Self::Resolver];

    const fn name(self) -> &'static str {
        match self {
            Self::Table => "shared firewall table",
            Self::Uplink => "shared uplink",
            Self::Resolver => "shared resolver",
        }
    }

    const fn element(self) -> &'static str {
        match self {
            Self::Table => "firewall",
            Self::Uplink => "uplink",
            Self::Resolver => "resolver",
        }
    }

    const fn unit(self) -> Unit {
        match self {
            Self::Table => Unit::TableEntries,
            Self::Uplink => Unit::BitsPerSecond,
            Self::Resolver => Unit::QueriesPerSecond,
        }
    }

    /// What an operator would write down of this topology.
    fn file(self) -> String {
        let (firewall, uplink, resolver) = match self {
            Self::Table => {
                (format!("capacity = {{ table_entries = {TABLE_ENTRIES} }}\n"), String::new(), String::new())
            }
            Self::Uplink => {
                (String::new(), format!("capacity = {{ bits_per_second = {UPLINK_BITS} }}\n"), String::new())
            }
            Self::Resolver => (
                String::new(),
                String::new(),
                format!("capacity = {{ queries_per_second = {RESOLVER_QUERIES} }}\n"),
            ),
        };
        let (site, shared) = match self {
            Self::Resolver => ("\"firewall\", \"resolver\"", "\"resolver\""),
            Self::Table | Self::Uplink => ("\"firewall\"", "\"firewall\""),
        };
        format!(
            "[institution]\nname = \"topology\"\n\
             [zone.public]\nprefixes = [\"10.90.1.0/24\"]\nexposure = \"internet\"\n\
             [zone.internal]\nprefixes = [\"10.90.2.0/24\"]\n\
             [node.uplink]\nkind = \"link\"\n{uplink}\
             [node.firewall]\nkind = \"firewall\"\nneeds = [\"uplink\"]\n{firewall}\
             [node.resolver]\nkind = \"name_server\"\n{resolver}\
             [service.site]\nzone = \"public\"\naddresses = [\"10.90.1.2\"]\nneeds = [{site}]\n\
             [service.remote]\nzone = \"internal\"\naddresses = [\"10.90.2.2\"]\nneeds = [{shared}]\n\
             [service.registry]\nzone = \"internal\"\naddresses = [\"10.90.2.3\"]\nneeds = {{ all = [\"archive\"] }}\n\
             [node.archive]\nkind = \"server\"\n"
        )
    }
}

/// What is predicted, in the unit of the shared element.
struct Prediction {
    size: f64,
    inside: BTreeSet<String>,
}

fn predict(shared: Shared) -> Result<Prediction> {
    let institution =
        institution::parse("topology", &shared.file()).map_err(|problems| anyhow!("{problems}"))?;
    let exposure = Exposure::of(Model::of(&institution))?;
    let rows = exposure.couplings.rows.iter();
    let row = rows.into_iter().find(|row| row.target == "site" && row.element == shared.element());
    let row = row.with_context(|| format!("no row for {}", shared.element()))?;
    ensure!(row.unit == Some(shared.unit()), "another unit is predicted: {:?}", row.unit);
    let size = row.at.context("no size is predicted")?;
    let lost = exposure.couplings.lost_at("site", shared.unit(), size, false);
    Ok(Prediction { size, inside: lost.keys().map(|name| (*name).to_owned()).collect() })
}

/// One topology, measured.
struct Measured {
    predicted: Prediction,
    at_size: BTreeSet<String>,
    at_half: BTreeSet<String>,
    size: Option<f64>,
}

pub(super) fn run(asked: bool, report: &mut Report) {
    let mut table = Table::new(
        "Floods on the public site of three topologies",
        &[
            "shared",
            "predicted size",
            "predicted inside",
            "down at that size",
            "down at half",
            "measured size",
        ],
    );
    let reason = if asked { missing() } else { Some(LEFT_OUT.to_owned()) };
    for shared in Shared::ALL {
        let measured = match &reason {
            Some(reason) => Err(Bar::skipped("", "", reason.as_str())),
            // What goes wrong although everything is there is a prediction that was not kept.
            None => measure(shared).map_err(|error| Bar::new("", "", format!("{error:#}"), false)),
        };
        bars(shared, measured, &mut table, report);
    }
    report.table(table);
}

fn bars(shared: Shared, measured: Result<Measured, Bar>, table: &mut Table, report: &mut Report) {
    let name = |what: &str| format!("{}: {what}", shared.name());
    let names = [
        name("exactly what is predicted is down"),
        name("at half the size nothing is"),
        name("measured size by the predicted one"),
    ];
    let within = format!("within a factor of {FACTOR}");
    let needed = ["equal", "none", within.as_str()];
    let measured = match measured {
        Ok(measured) => measured,
        Err(bar) => {
            for (name, needed) in names.iter().zip(needed) {
                report.bar(Bar { name: name.clone(), needed: needed.to_owned(), ..bar.clone() });
            }
            return;
        }
    };
    let list = |set: &BTreeSet<String>| {
        if set.is_empty() { "none".to_owned() } else { set.iter().cloned().collect::<Vec<_>>().join(", ") }
    };
    let unit = shared.unit().short();
    let size = measured.size.map_or_else(|| "not reached".to_owned(), |size| format!("{size:.0} {unit}"));
    table.row(vec![
        shared.name().to_owned(),
        format!("{:.0} {unit}", measured.predicted.size),
        list(&measured.predicted.inside),
        list(&measured.at_size),
        list(&measured.at_half),
        size,
    ]);
    let equal = measured.at_size == measured.predicted.inside && !measured.predicted.inside.is_empty();
    report.bar(Bar::new(names[0].as_str(), needed[0], list(&measured.at_size), equal));
    report.bar(Bar::new(names[1].as_str(), needed[1], list(&measured.at_half), measured.at_half.is_empty()));
    let ratio = measured.size.map(|size| size / measured.predicted.size);
    let good = ratio.is_some_and(|ratio| (1.0 / FACTOR..=FACTOR).contains(&ratio));
    let shown = ratio.map_or_else(|| "not reached".to_owned(), |ratio| format!("{ratio:.2}"));
    report.bar(Bar::new(names[2].as_str(), needed[2], shown, good));
}

/// Why this cannot run here.
fn missing() -> Option<String> {
    if !nix::unistd::geteuid().is_root() {
        return Some("needs root, for network namespaces".to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let absent = PROGRAMS.iter().find(|program| !folders.iter().any(|folder| folder.join(program).is_file()));
    absent.map(|program| format!("{program} is not installed"))
}

fn measure(shared: Shared) -> Result<Measured> {
    let predicted = predict(shared)?;
    let down = |factor: f64| -> Result<BTreeSet<String>> {
        // A house of its own for each flood, so that none finds what another left.
        let house = House::build(shared)?;
        let before = house.down()?;
        ensure!(before.is_empty(), "down without a flood: {before:?}; {}", house.log());
        let flood = house.flood(predicted.size * factor)?;
        pace::wait(flood.warm);
        let down = house.down();
        drop(flood);
        down
    };
    let at_size = down(1.0)?;
    let at_half = down(0.5)?;
    let mut size = None;
    for factor in STEPS {
        if down(factor)?.is_superset(&predicted.inside) {
            size = Some(predicted.size * factor);
            break;
        }
    }
    Ok(Measured { predicted, at_size, at_half, size })
}

/// Long enough for queues to fill and tables to be full.
const WARM: Duration = Duration::from_secs(8);
