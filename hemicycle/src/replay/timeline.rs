//! Events as lines that a person reads while they come: when a flood starts, changes and ends.
//!
//! An update is a line only if it says something new: other vectors, twice the rate, or another certainty.

use std::collections::BTreeMap;

use detect::event::{Certainty, Direction, Spoofing, Target, VectorShare};
use detect::{FloodEvent, Phase};
pub(crate) use hemicycle::baselines::timestamp;
use jiff::tz::TimeZone;
use wire::Time;

use super::privacy::Privacy;
use crate::style::{Style, duration, percent, plain, short};

/// Floods remembered to see what is new; beyond it, updates are not shown.
const MAXIMUM_REMEMBERED: usize = 4096;
/// An update is shown when the rate is this many times the one last shown.
const RATE_CHANGE: f64 = 2.0;
/// Shares below this are not a change of vectors.
const SMALLEST_SHARE: f64 = 0.1;
/// Sources with less are not named in a line.
const NAMED_SHARE: f64 = 0.01;
/// Sources named in a line.
const SHOWN_SOURCES: usize = 3;
/// Under the target of a line.
const INDENT: &str = "                    ";

struct Shown {
    vectors: Vec<&'static str>,
    /// Packets, or requests at the web layer.
    rate_per_second: f64,
    certainty: Certainty,
}

/// Turns events into lines.
pub(crate) struct Timeline {
    style: Style,
    zone: TimeZone,
    date: Option<String>,
    shown: BTreeMap<String, Shown>,
}

impl Timeline {
    /// Times are shown in `zone`.
    pub(crate) fn new(style: Style, zone: TimeZone) -> Self {
        Self { style, zone, date: None, shown: BTreeMap::new() }
    }

    /// The zone, given back.
    pub(crate) fn zone(self) -> TimeZone {
        self.zone
    }

    /// The beginning of a scene of the demonstration: what is played and where it comes from.
    pub(crate) fn scene(&mut self, time: Time, title: &str, note: &str, is_attack: bool) -> String {
        let mut lines = self.new_date(time);
        let clock = self.style.dim(&clock(time, &self.zone));
        let note = self.style.dim(&plain(note));
        let title = plain(title);
        if is_attack {
            lines.push_str(&format!("\n{clock}  {}  {title}\n{INDENT}{note}\n", self.style.bold("ATTACK")));
        } else {
            lines.push_str(&format!("{clock}  {title}. {note}\n"));
        }
        lines
    }

    /// The lines of an event; empty for an update without news.
    pub(crate) fn lines(&mut self, flood: &FloodEvent, privacy: &Privacy) -> String {
        if !self.is_news(flood) {
            return String::new();
        }
        let mut lines = self.new_date(flood.time);
        let word = match flood.phase {
            Phase::Start if flood.vectors.is_empty() => self.style.yellow("SURGE "),
            Phase::Start => self.style.red("START "),
            Phase::Update => self.style.yellow("CHANGE"),
            Phase::End => self.style.green("END   "),
        };
        let direction = if flood.direction == Direction::Out { "outbound: " } else { "" };
        let target = self.style.bold(&target(&flood.target));
        let clock = self.style.dim(&clock(flood.time, &self.zone));
        let what = if flood.vectors.is_empty() { "many readers".to_owned() } else { vectors(&flood.vectors) };
        lines.push_str(&format!("{clock}  {word}  {direction}{target}: {what}\n"));
        let details = if flood.phase == Phase::End { ending(flood) } else { rates(flood) };
        lines.push_str(&format!("{INDENT}{details}\n"));
        if flood.phase == Phase::Start {
            lines.push_str(&self.reasons(flood, privacy));
        }
        lines
    }

    fn reasons(&self, flood: &FloodEvent, privacy: &Privacy) -> String {
        let mut lines = format!("{INDENT}{}\n", flood.evidence.reason);
        let mut shown = flood.clone();
        privacy.apply(&mut shown);
        let top = shown.sources.top.iter().filter(|source| source.share >= NAMED_SHARE).take(SHOWN_SOURCES);
        let top: Vec<String> =
            top.map(|source| format!("{} {}", source.address, percent(source.share))).collect();
        if !top.is_empty() {
            let line = format!("{INDENT}most from {}\n", top.join(", "));
            lines.push_str(&self.style.dim(&line));
        }
        lines
    }

    fn is_news(&mut self, flood: &FloodEvent) -> bool {
        if flood.phase == Phase::End {
            self.shown.remove(&flood.id);
            return true;
        }
        let large = flood.vectors.iter().filter(|vector| vector.share >= SMALLEST_SHARE);
        let mut vectors: Vec<&str> = large.map(|vector| vector.name.name()).collect();
        vectors.sort_unstable();
        let rate_per_second = flood.packets_per_second.or(flood.requests_per_second).unwrap_or(0.0);
        let now = Shown { vectors, rate_per_second, certainty: flood.certainty };
        if let Some(before) = self.shown.get_mut(&flood.id) {
            let is_news = before.vectors != now.vectors
                || before.certainty != now.certainty
                || now.rate_per_second > before.rate_per_second * RATE_CHANGE;
            if is_news {
                *before = now;
            }
            return is_news;
        }
        if self.shown.len() < MAXIMUM_REMEMBERED {
            self.shown.insert(flood.id.clone(), now);
        }
        flood.phase == Phase::Start
    }

    /// A line with the date, when it is another one than before.
    fn new_date(&mut self, time: Time) -> String {
        let date = timestamp(time).to_zoned(self.zone.clone()).strftime("%A, %-d %B %Y (%Q)").to_string();
        if self.date.as_ref() == Some(&date) {
            return String::new();
        }
        let line = format!("{}\n", self.style.bold(&date));
        self.date = Some(date);
        line
    }
}

/// Hours, minutes, seconds and tenths.
pub(crate) fn clock(time: Time, zone: &TimeZone) -> String {
    timestamp(time).to_zoned(zone.clone()).strftime("%H:%M:%S%.1f").to_string()
}

/// A target's name, and its address where that is not the name.
pub(crate) fn target(target: &Target) -> String {
    let name = plain(&target.name);
    match target.addresses.as_slice() {
        [address] if *address != target.name => format!("{name} ({address})"),
        [] | [_] => name.into_owned(),
        several => format!("{name} ({} addresses)", several.len()),
    }
}

/// Vectors with their shares; a single one without.
pub(crate) fn vectors(vectors: &[VectorShare]) -> String {
    if let [only] = vectors {
        return only.name.name().to_owned();
    }
    let each = vectors.iter().map(|vector| format!("{} {}", vector.name.name(), percent(vector.share)));
    each.collect::<Vec<_>>().join(", ")
}

/// `exact`, `sampled` or `lower bound`.
pub(crate) const fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Exact => "exact",
        Certainty::Sampled => "sampled",
        Certainty::LowerBound => "lower bound",
    }
}

/// Whether sources are forged.
pub(crate) const fn spoofing(spoofing: Spoofing) -> &'static str {
    match spoofing {
        Spoofing::Likely => "likely",
        Spoofing::Unlikely => "unlikely",
        Spoofing::Unknown => "unknown",
    }
}

fn rates(flood: &FloodEvent) -> String {
    let at_least = if flood.certainty == Certainty::LowerBound { "at least " } else { "" };
    let mut parts = Vec::new();
    if let Some(packets) = flood.packets_per_second {
        parts.push(format!(
            "{at_least}{} packets/s, {}bit/s",
            short(packets),
            spaced(flood.bits_per_second.unwrap_or(0.0))
        ));
    }
    if let Some(requests) = flood.requests_per_second {
        parts.push(format!("{at_least}{} requests/s", short(requests)));
    }
    parts.push(sources(flood));
    if flood.evidence.carpet_bombing {
        let hit = flood.evidence.distinct_destinations;
        parts.push(
            hit.map_or_else(
                || "carpet bombing".to_owned(),
                |hit| format!("carpet bombing of {hit} addresses"),
            ),
        );
    }
    parts.extend(campaign(flood));
    parts.push(format!("confidence {}", percent(flood.confidence)));
    parts.push(match flood.certainty {
        Certainty::Sampled => format!("sampled 1 in {}", flood.sampling),
        other => certainty(other).to_owned(),
    });
    parts.join("; ")
}

fn sources(flood: &FloodEvent) -> String {
    let forged = spoofing(flood.sources.spoofing);
    match flood.sources.distinct {
        Some(1) => format!("1 source, spoofing {forged}"),
        Some(count) => format!("{} sources, spoofing {forged}", short(count as f64)),
        None => format!("spoofing {forged}"),
    }
}

/// With whom it is attacked together.
fn campaign(flood: &FloodEvent) -> Option<String> {
    const NAMED: usize = 3;
    let campaign = flood.evidence.campaign.as_ref()?;
    let named: Vec<_> = campaign.also.iter().take(NAMED).map(|name| plain(name).into_owned()).collect();
    let more = (campaign.targets as usize).saturating_sub(named.len() + 1);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("together with {}{more}", named.join(", ")))
}

fn ending(flood: &FloodEvent) -> String {
    let evidence = &flood.evidence;
    let lasted = evidence.last_packet.seconds_since(flood.onset);
    let why = match evidence.ended_by {
        Some("end_of_input") => "still going on when the input ended",
        _ => "it is quiet",
    };
    let much = match &evidence.web {
        Some(web) => format!(
            "{} requests, at most {} requests/s",
            short(web.requests),
            short(web.peak_requests_per_second)
        ),
        None => format!(
            "{} packets, at most {} packets/s",
            short(evidence.packets),
            short(evidence.peak_packets_per_second)
        ),
    };
    let with = campaign(flood).map_or_else(String::new, |with| format!("; {with}"));
    format!("lasted {}; {much}; {}{with}; {why}", duration(lasted), sources(flood))
}

/// A short number that ends so that a unit can follow: `12.3 M` and `bit/s` to `12.3 Mbit/s`.
pub(crate) fn spaced(value: f64) -> String {
    let text = short(value);
    if text.ends_with(|character: char| character.is_ascii_digit()) { format!("{text} ") } else { text }
}
