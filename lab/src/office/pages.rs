//! Every page, and everything that programs ask, with 10,000 floods and their 20,000 entries in the record.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use record::{Entry, Record, Sample};
use serde_json::json;

use super::client::Connection;
use super::site::{Asker, Beside, Site};
use super::{Options, quantile};
use crate::live::pace;
use crate::report::{Bar, Report};
use crate::table::Table;

/// What has to hold.
pub(super) const BAR: &str = "slowest answer of any page with the floods in the record";
/// Most milliseconds.
const MOST_MILLISECONDS: f64 = 300.0;
/// Times that each page is asked for.
const TIMES: usize = 15;
/// The example that is shipped.
const INSTITUTION: &str = include_str!("../../../data/institution/examplia.toml");
/// Seconds from one flood to the next: 10,000 of them are ten weeks.
const APART_SECONDS: i64 = 600;

/// Floods of the services of the example, each with a start, updates, an end and its figures.
fn fill(record: &Record, floods: usize) -> Result<Vec<String>> {
    let institution = institution::parse("examplia.toml", INSTITUTION)
        .map_err(|error| anyhow::anyhow!("the example institution: {error:?}"))?;
    let writer = record.writer();
    let now = pace::now() / 1_000_000_000;
    let vectors = ["syn_flood", "dns_amplification", "http_flood", "udp_flood", "ntp_amplification"];
    let mut ids = Vec::new();
    for number in 0..floods {
        let begin = now - APART_SECONDS * (floods - number) as i64;
        let service = &institution.services[number % institution.services.len()];
        let owner = institution[service.organisation].id.clone();
        let address = service.addresses.first().map(ToString::to_string).unwrap_or_default();
        let id = format!("01LAB{number:08}");
        for (phase, second) in [("start", begin), ("update", begin + 5), ("end", begin + 60)] {
            let at = |second: i64| jiff::Timestamp::from_second(second).unwrap_or_default().to_string();
            let packets = 1e3 * (1 + number * 7_919 % 400) as f64;
            let event = json!({"kind": "flood", "phase": phase, "id": id, "time": at(second), "onset": at(begin - 1), "direction": "in",
                "target": {"kind": "service", "name": service.id, "addresses": [address]},
                "vectors": [{"name": vectors[number % vectors.len()], "share": 0.9}, {"name": "ack_flood", "share": 0.1}],
                "packets_per_second": packets, "bits_per_second": packets * 4e3, "baseline_packets_per_second": 900.0,
                "sources": {"distinct": 900, "spoofing": "unlikely", "top": [
                    {"address": format!("198.51.{}.{}", number / 250 % 250, number % 250), "share": 0.1}]},
                "certainty": "exact", "confidence": 0.97,
                "evidence": {"reason": "far more packets than anybody asked for", "excess_ratio": 12.0}});
            let entry = Entry::observed(event).scoped(vec![owner.clone()], vec![service.id.clone()]);
            while !writer.offer(entry.clone()) {
                writer.flush()?;
            }
            let (target, vector) = (service.id.clone(), "all".to_owned());
            writer.offer_points(vec![Sample {
                target,
                vector,
                second,
                packets,
                bits: packets * 4e3,
                requests: 0.0,
            }]);
        }
        ids.push(id);
    }
    writer.flush()?;
    Ok(ids)
}

/// What is asked: for the house or for a party, and the path.
fn paths(newest: &str, oldest: &str) -> Vec<String> {
    let mut paths: Vec<String> = [
        "/",
        "/floods",
        "/floods?q=nothing+like+it",
        "/floods?q=www+syn",
        "/floods?service=www&kind=flood&severity=severe",
        "/floods?from=2020-01-01&to=2021-01-01",
        "/institution",
        "/settings",
        "/data-protection",
        "/api",
        "/api/v1/openapi.json",
        "/api/v1/now",
        "/api/v1/services",
        "/api/v1/sensors",
        "/api/v1/services/www/series?resolution=1h",
        "/api/v1/floods",
        "/api/v1/floods?limit=1000",
        "/api/v1/floods?vector=http_flood&q=nothing",
        "/api/v1/entries",
        "/api/v1/entries?kind=done",
        "/api/v1/entries?actor=person:nobody",
        "/metrics",
    ]
    .map(str::to_owned)
    .to_vec();
    for id in [newest, oldest] {
        paths.push(format!("/floods/{id}"));
        paths.push(format!("/api/v1/floods/{id}"));
        paths.push(format!("/api/v1/floods/{id}/series"));
    }
    paths
}

pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let site = Site::new(INSTITUTION, Beside::All, true)?;
    let record = site.record()?;
    let ids = fill(&record, options.floods)?;
    drop(record);
    let askers = site.accounts("party-x")?;
    let running = site.start(None)?;
    let (address, trust) = running.console()?;
    let (newest, oldest) = (ids.last().context("no floods")?, ids.first().context("no floods")?);
    let mut table = Table::new(
        format!("Answers with {} floods in the record, {TIMES} times each", options.floods),
        &["path", "who", "status", "KiB", "median ms", "slowest ms"],
    );
    let (mut slowest, mut deep) = (0.0_f64, None);
    for (who, asker) in ["house", "party"].iter().zip(&askers) {
        let mut connection = Connection::open(address, &trust)?;
        let mut all = paths(newest, oldest);
        if *who == "house" {
            deep = last_page(&mut connection, asker)?;
        }
        all.extend(deep.iter().map(|after| format!("/floods?after={after}")));
        for path in all {
            let (status, bytes, mut times) = ask(&mut connection, &path, asker)?;
            let (middle, most) = (quantile(&mut times, 0.5), quantile(&mut times, 1.0));
            // Pages that are not this account's are refused, at once.
            ensure!(matches!(status, 200 | 403 | 404), "{path}: {status}");
            slowest = slowest.max(most);
            report.line(&json!({"kind": "page", "path": path, "who": who, "status": status, "median_milliseconds": middle, "slowest_milliseconds": most}));
            let kibibytes = format!("{:.0}", bytes as f64 / 1024.0);
            let row = [
                path,
                (*who).to_owned(),
                status.to_string(),
                kibibytes,
                format!("{middle:.1}"),
                format!("{most:.1}"),
            ];
            table.row(row.to_vec());
        }
    }
    report.table(table);
    report.bar(Bar::at_most(BAR, Some(slowest), MOST_MILLISECONDS, " ms", ""));
    Ok(())
}

/// The place of the last page of the list, walked to as a program would.
fn last_page(connection: &mut Connection, asker: &Asker) -> Result<Option<String>> {
    let mut after: Option<String> = None;
    loop {
        let more = after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let answer = connection.ask(&format!("/api/v1/floods?limit=1000{more}"), asker)?;
        let value: serde_json::Value = serde_json::from_slice(&answer.body)?;
        match value["next"].as_str() {
            Some(next) => after = Some(next.replace('+', "%2B").replace(' ', "%20")),
            None => return Ok(after),
        }
    }
}

/// Status and bytes of the answer, and the milliseconds until each was whole.
fn ask(connection: &mut Connection, path: &str, asker: &Asker) -> Result<(u16, usize, Vec<f64>)> {
    let (mut times, mut last) = (Vec::new(), (0, 0));
    for _ in 0..TIMES {
        let begin = Instant::now();
        let answer = connection.ask(path, asker)?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
        last = (answer.status, answer.body.len());
    }
    Ok((last.0, last.1, times))
}
