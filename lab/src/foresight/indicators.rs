//! A million indicators: loaded, held and matched; and the STIX fixture that must come back as it was.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use cpu_time::ProcessTime;
use intel::decay::Expiry;
use intel::indicator::Indicators;
use intel::list;
use intel::stix::Library;
use intel::tlp::{Audience, Tlp};
use intel::warning::Warnings;
use serde_json::{Value, json};

use crate::random::Random;
use crate::report::{Bar, Report};

/// Indicators.
const COUNT: usize = 1_000_000;
/// Records that are matched.
const RECORDS: usize = 2_000_000;
/// Records that are looked up together, as `serve` does with the batches that its workers hand over.
const BATCH: usize = 1_024;

/// Bars of both.
pub(super) fn run(folder: &Path, report: &mut Report) {
    million(report);
    fixture(folder, report);
}

fn million(report: &mut Report) {
    let found = inside_child();
    let (found, reason) = match &found {
        Ok(found) => (Some(found), String::new()),
        Err(error) => (None, format!("{error:#}")),
    };
    let number = |name: &str| found.and_then(|found| found[name].as_f64());
    if let Some(found) = found {
        report.line(found);
    }
    report.bar(Bar::at_most("a million indicators: load", number("load_seconds"), 60.0, " s", &reason));
    report.bar(Bar::at_most(
        "a million indicators: peak memory",
        number("peak_mebibytes"),
        500.0,
        " MiB",
        &reason,
    ));
    report.bar(Bar::at_most(
        "a match of a record's two addresses, in batches as serve looks them up",
        number("match_nanoseconds"),
        100.0,
        " ns",
        &reason,
    ));
    report.bar(Bar::new(
        "a million indicators: what is in it is found and nothing else is",
        "all and none",
        found.map_or(reason, |found| {
            format!("{} of {} hits, {} false", found["hits"], found["expected"], found["false"])
        }),
        found.is_some_and(|found| {
            ["hits", "hits_one_by_one"].iter().all(|hits| found[*hits] == found["expected"])
                && found["false"] == 0
        }),
    ));
}

fn inside_child() -> Result<Value> {
    let output = Command::new(std::env::current_exe()?).args(["foresee", "--inside"]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("figures of the million")
}

/// The value of one indicator.
fn value(random: &mut Random, index: usize) -> String {
    let bits = random.bits();
    match index % 10 {
        0..=5 => Ipv4Addr::from((bits >> 32) as u32 | 0x0b00_0000).to_string(),
        6 => Ipv6Addr::from(0x2a00_u128 << 112 | u128::from(bits) << 16).to_string(),
        7 | 8 => format!("h{:x}.d{index}.example", bits >> 40),
        _ => format!("{bits:016x}{:016x}", random.bits()),
    }
}

/// Loads and matches here; figures as JSON.
pub(super) fn inside() -> Value {
    let mut random = Random::named(1, "indicators");
    let mut text = "value,tlp,confidence,first\n".to_owned();
    let mut addresses: Vec<IpAddr> = Vec::new();
    for index in 0..COUNT {
        let value = value(&mut random, index);
        if let Ok(address) = value.parse()
            && addresses.len() < RECORDS / 4
        {
            addresses.push(address);
        }
        text.push_str(&value);
        text.push_str(",TLP:GREEN,70,2026-01-01\n");
    }
    let warnings = Warnings::general();
    let mut table = Indicators::new((1, 2), Expiry::Own);
    let started = Instant::now();
    list::read(&text, "made", Tlp::UNMARKED, |indicator| table.add(&indicator, &warnings));
    let load_seconds = started.elapsed().as_secs_f64();
    drop(text);
    let known: BTreeSet<IpAddr> = table
        .each(0)
        .filter(|(_, _, warned)| !warned)
        .filter_map(|(indicator, _, _)| indicator.value.parse().ok())
        .collect();
    // One record in four has an indicator as its source; its target is one of ours.
    let ours = |index: usize| IpAddr::V4(Ipv4Addr::new(192, 0, 2, index as u8));
    let records: Vec<(IpAddr, IpAddr)> = (0..RECORDS)
        .map(|index| {
            let other = IpAddr::V4(Ipv4Addr::from((random.bits() >> 32) as u32));
            let source = if index % 4 == 0 { random.pick(&addresses).unwrap_or(other) } else { other };
            (source, ours(index))
        })
        .collect();
    let expected = records.iter().filter(|record| known.contains(&record.0)).count();
    let started = ProcessTime::now();
    let mut hits = 0usize;
    let mut ends = Vec::new();
    for records in records.chunks(BATCH) {
        ends.clear();
        ends.extend(records.iter().flat_map(|(source, target)| [*source, *target]));
        table.addresses(&ends, |_, _| hits += 1);
    }
    let match_nanoseconds = started.elapsed().as_secs_f64() * 1e9 / RECORDS as f64;
    let started = ProcessTime::now();
    let mut again = 0usize;
    for (source, target) in &records {
        again +=
            usize::from(table.address(*source).is_some()) + usize::from(table.address(*target).is_some());
    }
    let one_by_one_nanoseconds = started.elapsed().as_secs_f64() * 1e9 / RECORDS as f64;
    let wrong = records
        .iter()
        .filter(|record| table.address(record.0).is_some() != known.contains(&record.0))
        .count();
    json!({"kind": "indicators", "indicators": table.len(), "load_seconds": load_seconds, "match_nanoseconds": match_nanoseconds,
        "one_by_one_nanoseconds": one_by_one_nanoseconds, "hits": hits, "hits_one_by_one": again, "expected": expected, "false": wrong, "peak_mebibytes": peak_mebibytes()})
}

/// VmHWM, counted by the kernel; making the text is in it.
fn peak_mebibytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

fn fixture(folder: &Path, report: &mut Report) {
    let path = folder.join("actors/attack_v18_parliament_bundle_stix21.json");
    let (name, needed) = ("STIX fixture of 1,233 objects comes back as it was", "equal, object by object");
    if !path.is_file() {
        report.bar(Bar::skipped(
            name,
            needed,
            "the folder has no actors/attack_v18_parliament_bundle_stix21.json",
        ));
        return;
    }
    match round_trip(&path) {
        Ok((objects, equal)) => {
            report.bar(Bar::new(
                name,
                needed,
                format!("{equal} of {objects}"),
                equal == objects && objects == 1_233,
            ));
        }
        Err(error) => report.bar(Bar::new(name, needed, format!("{error:#}"), false)),
    }
}

fn round_trip(path: &Path) -> Result<(usize, usize)> {
    let mut library = Library::default();
    library.import(BufReader::new(File::open(path)?))?;
    // The house says what carries no marking of TLP is clear, as MITRE's data is.
    let out = library.export(Audience::Public, Tlp::Clear)?;
    let objects = |text: &str| -> Result<BTreeSet<String>> {
        let value: Value = serde_json::from_str(text)?;
        let objects = value["objects"].as_array().context("no objects")?;
        Ok(objects.iter().map(Value::to_string).collect())
    };
    let before = objects(&fs::read_to_string(path)?)?;
    let after = objects(&out.text)?;
    Ok((before.len(), before.intersection(&after).count()))
}
