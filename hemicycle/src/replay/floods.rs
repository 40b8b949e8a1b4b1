//! What is remembered of each flood for the table at the end.

use std::collections::BTreeMap;

use detect::FloodEvent;
use detect::event::{Certainty, Direction, Spoofing, Target, VectorShare};
use jiff::tz::TimeZone;
use wire::Time;

use super::timeline::{certainty, spaced, spoofing, target, timestamp};
use crate::style::{Style, duration, percent, short, table};

/// Floods remembered; further ones are counted.
const MAXIMUM_REMEMBERED: usize = 10_000;
/// Rows printed.
const MAXIMUM_ROWS: usize = 200;
/// Vectors named in a row.
const SHOWN_VECTORS: usize = 3;

/// One flood, over all of its events.
#[derive(Clone, Debug)]
pub(crate) struct Flood {
    pub(crate) onset: Time,
    /// When it was first told.
    pub(crate) told: Time,
    pub(crate) last_packet: Time,
    pub(crate) direction: Direction,
    pub(crate) target: Target,
    /// As of the last event, whose shares are those of the whole flood.
    pub(crate) vectors: Vec<VectorShare>,
    /// Every name that led it in some event.
    pub(crate) leads: Vec<&'static str>,
    /// Of the strongest second.
    pub(crate) peak_packets_per_second: f64,
    /// Of the strongest second.
    pub(crate) peak_bits_per_second: f64,
    /// Of the strongest second.
    pub(crate) peak_requests_per_second: f64,
    sources: Option<u64>,
    spoofing: Spoofing,
    confidence: f64,
    certainty: Certainty,
}

/// All floods of a run.
#[derive(Default)]
pub(crate) struct Floods {
    order: Vec<Flood>,
    by_id: BTreeMap<String, usize>,
    omitted: u64,
}

impl Floods {
    /// Takes an event.
    pub(crate) fn add(&mut self, event: &FloodEvent) {
        let known = self.by_id.get(&event.id).and_then(|&at| self.order.get_mut(at));
        if let Some(flood) = known {
            return flood.add(event);
        }
        if self.order.len() >= MAXIMUM_REMEMBERED {
            self.omitted += u64::from(event.phase == detect::Phase::Start);
            return;
        }
        self.by_id.insert(event.id.clone(), self.order.len());
        self.order.push(Flood::new(event));
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.order.len() as u64 + self.omitted
    }

    /// Those that are remembered, in the order of their first event.
    pub(crate) fn list(&self) -> &[Flood] {
        &self.order
    }

    /// A row for each.
    pub(crate) fn table(&self, style: Style, zone: &TimeZone) -> String {
        if self.order.is_empty() {
            return "\nNo floods.\n".to_owned();
        }
        let headings = [
            "ONSET",
            "DURATION",
            "TARGET",
            "VECTORS",
            "PACKETS/S",
            "REQUESTS/S",
            "BIT/S",
            "SOURCES",
            "SPOOFING",
            "CONFIDENCE",
            "CERTAINTY",
        ];
        let right = [false, true, false, false, true, true, true, true, false, true, false];
        let rows: Vec<_> = self.order.iter().take(MAXIMUM_ROWS).map(|flood| flood.row(zone)).collect();
        let mut text = format!("\n{}", table(&headings, &right, &rows, style));
        let more = self.count() - rows.len() as u64;
        if more > 0 {
            text.push_str(&format!("... and {more} more\n"));
        }
        text.push_str(&style.dim("Rates are those of the strongest second.\n"));
        text
    }
}

/// A rate, or a dash where this layer has none.
fn rate(value: f64, text: impl Fn(f64) -> String) -> String {
    if value > 0.0 { text(value) } else { "-".to_owned() }
}

impl Flood {
    fn new(event: &FloodEvent) -> Self {
        let mut flood = Self {
            onset: event.onset,
            told: event.time,
            last_packet: event.evidence.last_packet,
            direction: event.direction,
            target: event.target.clone(),
            vectors: Vec::new(),
            leads: Vec::new(),
            peak_packets_per_second: 0.0,
            peak_bits_per_second: 0.0,
            peak_requests_per_second: 0.0,
            sources: None,
            spoofing: event.sources.spoofing,
            confidence: 0.0,
            certainty: event.certainty,
        };
        flood.add(event);
        flood
    }

    fn add(&mut self, event: &FloodEvent) {
        let peak = event.evidence.peak_packets_per_second.max(event.packets_per_second.unwrap_or(0.0));
        let requests = event.evidence.web.as_ref().map_or(0.0, |web| web.peak_requests_per_second);
        self.peak_requests_per_second = self.peak_requests_per_second.max(requests);
        self.last_packet = self.last_packet.max(event.evidence.last_packet);
        self.vectors.clone_from(&event.vectors);
        if let Some(lead) = event.vectors.first().map(|vector| vector.name.name())
            && !self.leads.contains(&lead)
        {
            self.leads.push(lead);
        }
        self.peak_packets_per_second = self.peak_packets_per_second.max(peak);
        self.peak_bits_per_second = self.peak_bits_per_second.max(event.bits_per_second.unwrap_or(0.0));
        self.sources = self.sources.max(event.sources.distinct);
        self.spoofing = event.sources.spoofing;
        self.confidence = self.confidence.max(event.confidence);
        self.certainty = event.certainty;
    }

    fn row(&self, zone: &TimeZone) -> Vec<String> {
        let onset = timestamp(self.onset).to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.1f");
        let outbound = if self.direction == Direction::Out { "outbound: " } else { "" };
        vec![
            onset.to_string(),
            duration(self.last_packet.seconds_since(self.onset)),
            format!("{outbound}{}", target(&self.target)),
            self.vector_names(),
            rate(self.peak_packets_per_second, short),
            rate(self.peak_requests_per_second, short),
            rate(self.peak_bits_per_second, |bits| spaced(bits).trim_end().to_owned()),
            self.sources.map_or_else(|| "-".to_owned(), |count| short(count as f64)),
            spoofing(self.spoofing).to_owned(),
            percent(self.confidence),
            certainty(self.certainty).to_owned(),
        ]
    }

    /// Names of the largest vectors, with shares if there are several.
    pub(crate) fn vector_names(&self) -> String {
        let mut text = super::timeline::vectors(self.vectors.get(..SHOWN_VECTORS).unwrap_or(&self.vectors));
        let more = self.vectors.len().saturating_sub(SHOWN_VECTORS);
        if more > 0 {
            text.push_str(&format!(", {more} more"));
        }
        text
    }
}
