//! Floods and surges in words for whoever is on duty.
//!
//! A notice has figures and names of the institution's own things, and nothing of a source: no address, no network, no
//! path that somebody asked for. What concerns several organisations is told to each of them by itself, without the
//! services of the others.
//!
//! Limits: an update comes every second, and is handed on every ten, or where the vectors or the severity are others, so
//! that starts and ends have room in the queues. Whom a flood concerns is what it was at its start.

use std::collections::BTreeMap;
use std::net::IpAddr;

use detect::event::{Certainty, Direction, FloodEvent, TargetKind, VectorShare};
use detect::{Event, Phase, Vector};
use institution::{Criticality, Institution, Service};
use ipnet::IpNet;
use notify::{Notice, Severity};
use serde_json::json;

use super::board::Concerned;
use super::channels::Channels;
use super::links::Links;
use crate::style::{duration, percent, short};

/// Floods and surges that are remembered as told of; the detectors' own limits are below.
const MAXIMUM_TOLD: usize = 8192;
/// Between two updates of one flood, in the time of the data.
const UPDATE_SECONDS: f64 = 10.0;
/// Vectors that are named.
const NAMED_VECTORS: usize = 4;
/// The key that ends a flood because the service does.
const END_OF_INPUT: &str = "end_of_input";

/// Hands over what happens, from the thread of events.
pub(super) struct Notices {
    channels: Channels,
    links: Links,
    told: BTreeMap<String, Told>,
}

/// What was handed over last of one.
struct Told {
    concerned: Concerned,
    severity: Severity,
    vectors: Vec<Vector>,
    nanoseconds: i64,
}

impl Notices {
    /// None if there is nobody to tell.
    pub(super) fn new(channels: &Channels, links: &Links) -> Option<Self> {
        let (links, told) = (links.clone(), BTreeMap::new());
        (!channels.is_empty()).then(|| Self { channels: channels.clone(), links, told })
    }

    /// Tells of it, unless it is an update that says nothing new. Never waits.
    pub(super) fn event(&mut self, event: &Event, institution: &Institution) {
        for notice in self.notices(event, institution) {
            self.channels.notify(notice);
        }
    }

    fn notices(&mut self, event: &Event, institution: &Institution) -> Vec<Notice> {
        let line = event.line();
        let severity = severity(event, institution);
        let before = self.told.get(&line.id);
        if before.is_some_and(|before| line.phase == Phase::Update && !before.is_news(line, severity)) {
            return Vec::new();
        }
        let concerned = before
            .map_or_else(|| Concerned::by(&line.target, institution), |before| before.concerned.clone());
        if line.phase == Phase::End {
            self.told.remove(&line.id);
        } else if self.told.len() < MAXIMUM_TOLD || before.is_some() {
            let (concerned, vectors) = (concerned.clone(), names(line).collect());
            let told = Told { concerned, severity, vectors, nanoseconds: line.time.nanoseconds() };
            self.told.insert(line.id.clone(), told);
        }
        let parties = parties(&concerned, institution);
        parties.iter().map(|party| notice(event, severity, party, &self.links)).collect()
    }
}

impl Told {
    fn is_news(&self, line: &FloodEvent, severity: Severity) -> bool {
        let seconds = seconds_between(self.nanoseconds, line.time.nanoseconds());
        seconds >= UPDATE_SECONDS || severity > self.severity || !names(line).eq(self.vectors.iter().copied())
    }
}

fn seconds_between(from: i64, to: i64) -> f64 {
    to.saturating_sub(from) as f64 / 1e9
}

fn names(line: &FloodEvent) -> impl Iterator<Item = Vector> {
    line.vectors.iter().map(|vector| vector.name)
}

/// A flood of what the house cannot do without is critical, any other a warning; readers are good news.
fn severity(event: &Event, institution: &Institution) -> Severity {
    let Event::Flood(line) = event else { return Severity::Info };
    let is_essential = |service: &Service| service.criticality == Criticality::Essential;
    let target = &line.target;
    let named = Concerned::by(target, institution).services;
    let networks: Vec<IpNet> = match target.kind {
        TargetKind::Prefix => target.addresses.iter().filter_map(|text| text.parse().ok()).collect(),
        _ => Vec::new(),
    };
    let is_hit = |service: &Service| {
        let within = |address: &IpAddr| networks.iter().any(|network| network.contains(address));
        named.contains(&service.id) || service.addresses.iter().any(within)
    };
    let hits = institution.services.iter().any(|service| is_essential(service) && is_hit(service));
    if hits { Severity::Critical } else { Severity::Warning }
}

/// Whom one notice is for.
struct Party {
    /// Where there are several.
    name: Option<String>,
    concerned: Concerned,
}

fn parties(concerned: &Concerned, institution: &Institution) -> Vec<Party> {
    if concerned.organisations.len() < 2 {
        return vec![Party { name: None, concerned: concerned.clone() }];
    }
    let runs = |organisation: &str, service: &str| {
        let service = institution.services.iter().find(|known| known.id == service);
        service.is_some_and(|service| institution[service.organisation].id == organisation)
    };
    let party = |organisation: &String| {
        let services = concerned.services.iter().filter(|service| runs(organisation, service));
        let concerned =
            Concerned { services: services.cloned().collect(), organisations: vec![organisation.clone()] };
        Party { name: Some(organisation.clone()), concerned }
    };
    concerned.organisations.iter().map(party).collect()
}

fn notice(event: &Event, severity: Severity, party: &Party, links: &Links) -> Notice {
    let line = event.line();
    let kind = if matches!(event, Event::Flood(_)) { "flood" } else { "surge" };
    let for_one = party.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let target_kind = match line.target.kind {
        TargetKind::Address => "address",
        TargetKind::Service => "service",
        TargetKind::Group => "group",
        TargetKind::Prefix => "prefix",
    };
    Notice {
        time: line.time.nanoseconds(),
        severity,
        kind: kind.to_owned(),
        subject: format!("{}{for_one}", line.id),
        topic: format!("{kind} {target_kind} {}{for_one}", line.target.name),
        phase: match line.phase {
            Phase::Start => notify::Phase::Start,
            Phase::Update => notify::Phase::Update,
            Phase::End => notify::Phase::End,
        },
        title: title(event),
        text: text(event),
        services: party.concerned.services.clone(),
        organisations: party.concerned.organisations.clone(),
        link: links.flood(&line.id),
        body: json!({
            "id": line.id,
            "runbook": links.runbook(runbook(event)),
            "direction": line.direction,
            "target": { "kind": line.target.kind, "name": line.target.name },
            "onset": detect::event::format_time(line.onset),
            "vectors": line.vectors,
            "packets_per_second": line.packets_per_second,
            "bits_per_second": line.bits_per_second,
            "requests_per_second": line.requests_per_second,
            "baseline_packets_per_second": line.baseline_packets_per_second,
            "confidence": line.confidence,
            "certainty": line.certainty,
            "sampling": line.sampling,
            "ended_by": line.evidence.ended_by,
        }),
    }
}

/// What to do is written there.
fn runbook(event: &Event) -> &'static str {
    let line = event.line();
    let lead = line.vectors.first().map_or("", |vector| vector.name.name());
    console::runbook(if matches!(event, Event::Surge(_)) {
        console::Alarm::Surge
    } else if line.direction == Direction::Out {
        console::Alarm::Outgoing
    } else {
        console::Alarm::Vector(lead)
    })
}

fn title(event: &Event) -> String {
    let line = event.line();
    let what = match (event, line.vectors.as_slice()) {
        (Event::Surge(_), _) => "more readers than usual".to_owned(),
        (_, []) => "flood".to_owned(),
        (_, [VectorShare { name, .. }]) => name.name().to_owned(),
        (_, [first, others @ ..]) => format!("{} and {} more", first.name.name(), others.len()),
    };
    let place = match line.direction {
        Direction::In => format!("on {}", line.target.name),
        Direction::Out => format!("from own hosts to {}", line.target.name),
    };
    let state = match line.phase {
        Phase::Start => "",
        Phase::Update => " goes on",
        Phase::End if is_cut_off(line) => ": no longer watched",
        Phase::End => " is over",
    };
    format!("{what} {place}{state}")
}

/// Whether nobody knows if it is over.
fn is_cut_off(line: &FloodEvent) -> bool {
    line.evidence.ended_by.is_some_and(|why| why != "quiet")
}

fn text(event: &Event) -> String {
    let line = event.line();
    let mut lines = vec![if line.phase == Phase::End { totals(line) } else { figures(line) }];
    if !line.vectors.is_empty() {
        let of = line.vectors.iter().take(NAMED_VECTORS);
        let shares: Vec<_> =
            of.map(|vector| format!("{} {}", vector.name.name(), percent(vector.share))).collect();
        lines.push(format!("Vectors: {}.", shares.join(", ")));
    }
    if !line.evidence.reason.is_empty() {
        lines.push(format!("Why: {}.", line.evidence.reason));
    }
    let certainty = match line.certainty {
        Certainty::Exact => "the figures are exact".to_owned(),
        Certainty::Sampled => format!("the figures are scaled up from 1 in {} packets", line.sampling),
        Certainty::LowerBound => "the figures are lower bounds, since something was lost".to_owned(),
    };
    let what = if matches!(event, Event::Flood(_)) { "a flood" } else { "readers" };
    lines.push(format!("Confidence that it is {what}: {}; {certainty}.", percent(line.confidence)));
    lines.push(format!("Since {}.", detect::event::format_time(line.onset)));
    match line.evidence.ended_by {
        Some(END_OF_INPUT) => lines.push("The service stops: whether it goes on is not known.".to_owned()),
        Some("not_watched") => lines.push("The institution file does not protect it any more.".to_owned()),
        _ => {}
    }
    lines.join("\n")
}

/// How much it is now.
fn figures(line: &FloodEvent) -> String {
    let mut parts = Vec::new();
    if let Some(rate) = line.requests_per_second {
        parts.push(format!("{} requests a second", short(rate)));
    }
    if let Some(rate) = line.packets_per_second {
        parts.push(format!("{} packets a second", short(rate)));
    }
    if let Some(rate) = line.bits_per_second {
        parts.push(format!("{}bit/s", with_prefix(rate)));
    }
    if let Some(rate) = line.baseline_packets_per_second {
        parts.push(format!("{} packets a second before", short(rate)));
    }
    if let Some(rate) = line.evidence.web.as_ref().and_then(|web| web.usual_requests_per_second) {
        parts.push(format!("{} requests a second are usual", short(rate)));
    }
    if parts.is_empty() {
        "How much it is is not known.".to_owned()
    } else {
        format!("{}.", parts.join(", "))
    }
}

/// A prefix belongs to its unit.
fn with_prefix(rate: f64) -> String {
    let text = short(rate);
    if text.ends_with(|last: char| last.is_ascii_digit()) { format!("{text} ") } else { text }
}

/// How much it was.
fn totals(line: &FloodEvent) -> String {
    let seconds = seconds_between(line.onset.nanoseconds(), line.time.nanoseconds());
    let peak = match &line.evidence.web {
        Some(web) if line.requests_per_second.is_some() => {
            format!("{} requests a second", short(web.peak_requests_per_second))
        }
        _ => format!("{} packets a second", short(line.evidence.peak_packets_per_second)),
    };
    format!("It lasted {}; at its highest {peak}.", duration(seconds.max(0.0)))
}

#[cfg(test)]
mod tests;
