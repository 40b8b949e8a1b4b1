//! The service and other collectors on one core each, fed over loopback in a namespace of their own.
//!
//! CPU time is that of the whole process tree between two readings, over the datagrams that the kernel did not drop. It
//! is taken at fixed rates that every receiver can follow; runs of all receivers alternate, and medians are compared.
//! The loss-free rate is found by bisection with the kernel's own count of drops.
//!
//! Limits: nfcapd and sfcapd store records and detect nothing, FastNetMon detects and stores nothing, pmacct counts by
//! destination: the comparison is of collectors that an operator would choose between, not of equal work. Receiver and
//! sender have one core each, so that two workers cannot be shown at full rate on two cores: their CPU time is.

use clap::Args;
use serde_json::json;

use super::subject::{Plan, Subject};
use crate::live::datagram::Protocol;
use crate::live::namespace;
use crate::live::ring::Mix;
use crate::live::tools::{Kind, Tool};
use crate::report::{Bar, Report, median, spread};
use crate::table::Table;

/// Hosts of a middle institution, and of a whole /16.
const HOSTS: [u32; 2] = [1_000, 65_536];
/// Share of received records that a receiver has to have taken in; the rest are a few lost templates' records.
const LEAST_COUNTED: f64 = 0.999;

/// Why a receiver that was not named did not run.
const LEFT_OUT: &str = "left out by --only";

/// Options of the live part.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Interleaved runs of each receiver
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Seconds of each load
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Datagrams a second at which CPU time is taken
    #[arg(long, value_delimiter = ',', default_values_t = [30_000.0, 60_000.0])]
    rates: Vec<f64>,
    /// Steps of the search for the loss-free rate
    #[arg(long, default_value_t = 7)]
    steps: usize,
    /// Only the live part, and of it only runs whose name contains this, such as "NetFlow v9 hemicycle, 1000 hosts"
    /// (the bars of others are skipped)
    #[arg(long, value_name = "TEXT", num_args = 0..=1, default_missing_value = "")]
    only: Option<String>,
    /// Leave out decoding and replay
    #[arg(long)]
    pub(crate) only_live: bool,
}

/// Measures all receivers: tables and bars.
pub(crate) fn run(options: &Options, report: &mut Report) {
    let mut subjects = subjects(options);
    let plan = Plan {
        rates: options.rates.clone(),
        seconds: options.seconds,
        steps: options.steps,
        range: (20_000.0, 900_000.0),
    };
    match namespace::enter() {
        Ok(()) => measure(&mut subjects, &plan, options.runs),
        Err(error) => {
            let reason = format!("{error:#}");
            subjects.iter_mut().for_each(|subject| subject.problem = Some(reason.clone()));
        }
    }
    tell(&subjects, &plan, report);
    bars(&subjects, report);
}

fn measure(subjects: &mut [Subject], plan: &Plan, runs: usize) {
    for run in 1..=runs {
        for subject in subjects.iter_mut() {
            if subject.problem.is_some() {
                continue;
            }
            subject.measure(plan);
            let figures: Vec<String> = subject.microseconds.iter().map(|runs| last(runs)).collect();
            eprintln!(
                "run {run} of {runs}: {}: {} us a datagram, loss-free {}/s, counted {:.4} {}",
                subject.title(),
                figures.join(" and "),
                last(&subject.loss_free),
                subject.counted,
                subject.problem.as_deref().unwrap_or_default()
            );
        }
    }
}

fn last(values: &[f64]) -> String {
    values.last().map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

/// Everybody in the order of one run.
fn subjects(options: &Options) -> Vec<Subject> {
    let [_, all] = HOSTS;
    let mut subjects = Vec::new();
    for protocol in Protocol::ALL {
        let subject = |kind, hosts| Subject::new(Tool { kind, protocol, hosts }, Mix::Conversations);
        subjects.extend(HOSTS.map(|hosts| subject(Kind::Hemicycle(1), hosts)));
        let peers = [Kind::Nfdump, Kind::Pmacct, Kind::FastNetMon, Kind::Bare];
        subjects.extend(peers.map(|kind| subject(kind, all)));
    }
    let protocol = Protocol::Netflow9;
    let tool = |workers| Tool { kind: Kind::Hemicycle(workers), protocol, hosts: all };
    subjects.push(Subject::new(tool(1), Mix::Forged));
    subjects.push(Subject { both_cores: true, ..Subject::new(tool(1), Mix::Conversations) });
    subjects.push(Subject { both_cores: true, ..Subject::new(tool(2), Mix::Conversations) });
    for subject in &mut subjects {
        let named = matches!(subject.tool.kind, Kind::Hemicycle(_) | Kind::Nfdump);
        subject.search =
            named && subject.tool.hosts == all && !subject.both_cores && subject.mix == Mix::Conversations;
        let wanted = options.only.as_ref().is_none_or(|text| subject.title().contains(text.as_str()));
        subject.problem = (!wanted).then(|| LEFT_OUT.to_owned());
    }
    subjects
}

fn tell(subjects: &[Subject], plan: &Plan, report: &mut Report) {
    let rates: Vec<String> = plan.rates.iter().map(|rate| format!("us CPU at {rate:.0}/s")).collect();
    let mut header = vec!["receiver", "input", "hosts", "cores"];
    for rate in &rates {
        header.extend([rate.as_str(), "range"]);
    }
    header.extend(["by bare", "loss-free datagrams/s", "range", "counted", "peak MiB"]);
    let mut table = Table::new("Datagrams over loopback", &header);
    for subject in subjects {
        report.line(&line(subject));
        if subject.problem.as_deref() != Some(LEFT_OUT) {
            let mut row = row(subject, subjects);
            row.resize(header.len(), String::new());
            table.row(row);
        }
    }
    report.table(table);
}

fn row(subject: &Subject, subjects: &[Subject]) -> Vec<String> {
    let mut row = vec![
        subject.tool.name(),
        format!("{}, {}", subject.tool.protocol.name(), subject.mix.name()),
        subject.tool.hosts.to_string(),
        if subject.both_cores { "2" } else { "1" }.to_owned(),
    ];
    if let Some(problem) = &subject.problem {
        row.push(format!("skipped: {problem}"));
        return row;
    }
    for runs in &subject.microseconds {
        row.push(median(runs).map_or_else(String::new, |value| format!("{value:.2}")));
        row.push(spread(runs));
    }
    let is_bare =
        |other: &&Subject| other.tool == Tool { kind: Kind::Bare, hosts: other.tool.hosts, ..subject.tool };
    let bare = subjects.iter().find(is_bare);
    let ratio = Found::ratio(Some(subject), bare).0;
    row.push(ratio.map_or_else(String::new, |ratio| format!("{ratio:.1}")));
    let limit = if subject.sender_limit { " (the sender's limit)" } else { "" };
    row.push(median(&subject.loss_free).map_or_else(String::new, |value| format!("{value:.0}{limit}")));
    row.push(if subject.search { range(&subject.loss_free) } else { String::new() });
    row.push(format!("{:.4}", subject.counted));
    row.push(format!("{:.0}", subject.peak_memory as f64 / f64::from(1 << 20)));
    row
}

fn range(values: &[f64]) -> String {
    let rounded: Vec<f64> = values.iter().map(|value| (value / 1e3).round()).collect();
    format!("{} k", spread(&rounded).replace(".00", ""))
}

fn line(subject: &Subject) -> serde_json::Value {
    json!({"kind": "throughput", "what": subject.tool.name(), "input": subject.tool.protocol.name(),
        "mix": subject.mix.name(), "hosts": subject.tool.hosts, "both_cores": subject.both_cores,
        "microseconds_per_datagram": subject.microseconds, "loss_free_datagrams_per_second": subject.loss_free,
        "sender_limit": subject.sender_limit, "counted": subject.counted, "peak_bytes": subject.peak_memory,
        "skipped": subject.problem})
}

/// The subjects by what they are.
struct Found<'a>(&'a [Subject]);

impl Found<'_> {
    fn get(&self, kind: Kind, protocol: Protocol, hosts: u32, both_cores: bool) -> Option<&Subject> {
        let wanted = Tool { kind, protocol, hosts };
        self.0.iter().find(|subject| {
            subject.tool == wanted && subject.both_cores == both_cores && subject.mix == Mix::Conversations
        })
    }

    /// CPU time of one by that of another: the worst of the rates.
    fn ratio(one: Option<&Subject>, other: Option<&Subject>) -> (Option<f64>, String) {
        let (Some(one), Some(other)) = (one, other) else { return (None, "not run".to_owned()) };
        if let Some(reason) = unfit(one).or_else(|| unfit(other)) {
            return (None, reason);
        }
        let pairs = one.microseconds.iter().zip(&other.microseconds);
        let ratios = pairs.filter_map(|(one, other)| Some(median(one)? / median(other)?));
        (ratios.reduce(f64::max), "not run".to_owned())
    }
}

/// Why the figures of a subject cannot be used. One that lost records inside has not done the work.
fn unfit(subject: &Subject) -> Option<String> {
    let name = subject.tool.name();
    if let Some(problem) = &subject.problem {
        return Some(format!("{name}: {problem}"));
    }
    let lost_inside =
        subject.counted < LEAST_COUNTED && matches!(subject.tool.kind, Kind::Hemicycle(_) | Kind::Nfdump);
    lost_inside.then(|| format!("{name} took in only {:.4} of what it received", subject.counted))
}

fn bars(subjects: &[Subject], report: &mut Report) {
    let found = Found(subjects);
    let [_, all] = HOSTS;
    let wanted = [
        (Protocol::Netflow9, Kind::Nfdump, 0.6),
        (Protocol::Ipfix, Kind::Nfdump, 0.6),
        (Protocol::Sflow, Kind::Nfdump, 0.5),
        (Protocol::Netflow9, Kind::FastNetMon, 0.25),
        (Protocol::Sflow, Kind::FastNetMon, 0.5),
    ];
    for (protocol, kind, most) in wanted {
        for hosts in HOSTS {
            let peer = Tool { kind, protocol, hosts: all };
            let name = format!("CPU a datagram, {}, {hosts} hosts, by {}'s", protocol.name(), peer.name());
            let (one, other) = (
                found.get(Kind::Hemicycle(1), protocol, hosts, false),
                found.get(kind, protocol, all, false),
            );
            let (ratio, reason) = Found::ratio(one, other);
            report.bar(Bar::at_most(&name, ratio, most, "", &reason));
        }
    }
    for protocol in Protocol::ALL {
        loss_free(&found, protocol, all, report);
    }
    let one = found.get(Kind::Hemicycle(1), Protocol::Netflow9, all, true);
    let two = found.get(Kind::Hemicycle(2), Protocol::Netflow9, all, true);
    let (ratio, reason) = Found::ratio(two, one);
    // 1.8 times the work on two cores is at most 1 / 0.9 of the CPU time for each piece of it.
    let name = "CPU a datagram of two workers (sum) by that of one, free of each other on both cores";
    report.bar(Bar::at_most(name, ratio, 1.0 / 0.9, "", &reason));
}

fn loss_free(found: &Found<'_>, protocol: Protocol, hosts: u32, report: &mut Report) {
    let peer = Tool { kind: Kind::Nfdump, protocol, hosts };
    let name = format!("loss-free rate, {}, {hosts} hosts, by {}'s", protocol.name(), peer.name());
    let ours = found.get(Kind::Hemicycle(1), protocol, hosts, false);
    let theirs = found.get(Kind::Nfdump, protocol, hosts, false);
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return };
    let reason = unfit(ours).or_else(|| unfit(theirs));
    let ratio = || Some(median(&ours.loss_free)? / median(&theirs.loss_free).filter(|rate| *rate > 0.0)?);
    let value = if reason.is_none() { ratio() } else { None };
    report.bar(Bar::at_least(&name, value, 1.5, "", &reason.unwrap_or_else(|| "no rate found".to_owned())));
}
