//! What the table of floods needs of an event's JSON.
//!
//! Events come as the detector prints them and stay as they are; fields that are not known here are kept in the entry.
//! A field that is missing or of another type is as if it were null.

use serde_json::Value;

use crate::point::parse_time;
use crate::{Sample, Severity};

/// How many times over the alarm a flood is severe, and critical.
const SEVERE_RATIO: f64 = 10.0;
const CRITICAL_RATIO: f64 = 100.0;
const NANOSECONDS: i64 = 1_000_000_000;
/// Vectors that are kept of one flood.
const MAXIMUM_VECTORS: usize = 32;
/// Bytes of the words by which a flood is found.
const MAXIMUM_WORDS_BYTES: usize = 4096;

/// A line about a flood or surge.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) is_start: bool,
    pub(crate) is_end: bool,
    pub(crate) time: i64,
    pub(crate) onset: i64,
    pub(crate) direction: String,
    pub(crate) target_kind: String,
    pub(crate) target: String,
    pub(crate) vectors: Vec<String>,
    /// Of each of them, 0 to 1.
    pub(crate) shares: Vec<f64>,
    pub(crate) packets: Option<f64>,
    pub(crate) bits: Option<f64>,
    pub(crate) requests: Option<f64>,
    pub(crate) peak_packets: Option<f64>,
    pub(crate) peak_requests: Option<f64>,
    pub(crate) certainty: String,
    pub(crate) reason: String,
    pub(crate) severity: Severity,
}

impl Line {
    /// The line of an event; none if it is no flood and no surge, or lacks id, phase or time.
    pub(crate) fn of(event: &Value) -> Option<Self> {
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_f64);
        let time = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).and_then(parse_time);
        let kind = text("/kind");
        let (id, phase) = (text("/id"), text("/phase"));
        let is_known = matches!(kind.as_str(), "flood" | "surge")
            && matches!(phase.as_str(), "start" | "update" | "end");
        if !is_known || id.is_empty() {
            return None;
        }
        let at = time("/time")?;
        Some(Self {
            is_start: phase == "start",
            is_end: phase == "end",
            time: at,
            onset: time("/onset").unwrap_or(at),
            direction: text("/direction"),
            target_kind: text("/target/kind"),
            target: text("/target/name"),
            vectors: vectors(event).map(|(name, _)| name).collect(),
            shares: vectors(event).map(|(_, share)| share).collect(),
            packets: number("/packets_per_second"),
            bits: number("/bits_per_second"),
            requests: number("/requests_per_second"),
            peak_packets: number("/evidence/peak_packets_per_second").filter(|peak| *peak > 0.0),
            peak_requests: number("/evidence/web/peak_requests_per_second"),
            certainty: text("/certainty"),
            reason: text("/evidence/reason"),
            severity: severity(event, &kind),
            id,
            event: kind,
        })
    }

    /// The samples of its vectors in its second; none of a last line, whose rates are those of the whole flood.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        if self.is_end || self.direction == "out" {
            return Vec::new();
        }
        let sample = |(vector, share): (&String, &f64)| Sample {
            target: self.target.clone(),
            vector: vector.clone(),
            second: self.time.div_euclid(NANOSECONDS),
            packets: self.packets.unwrap_or(0.0) * share,
            bits: self.bits.unwrap_or(0.0) * share,
            requests: self.requests.unwrap_or(0.0) * share,
        };
        self.vectors.iter().zip(&self.shares).map(sample).collect()
    }

    /// The words by which a flood is found, in lower case.
    pub(crate) fn words(&self, event: &Value, services: &[String]) -> String {
        let mut words = vec![self.id.as_str(), &self.target, &self.reason];
        words.extend(self.vectors.iter().chain(services).map(String::as_str));
        let list = |pointer: &str| event.pointer(pointer).and_then(Value::as_array).into_iter().flatten();
        words.extend(list("/target/addresses").filter_map(Value::as_str));
        words.extend(list("/sources/top").filter_map(|source| source.get("address").and_then(Value::as_str)));
        words.extend(list("/sources/top").filter_map(|source| source.get("network").and_then(Value::as_str)));
        let mut words = words.join(" ").to_lowercase();
        let end = (0..=MAXIMUM_WORDS_BYTES.min(words.len())).rev().find(|end| words.is_char_boundary(*end));
        words.truncate(end.unwrap_or(0));
        words
    }
}

/// Addresses of the target that an event names as the institution's: those of the target of what comes in.
pub(crate) fn own_addresses(event: &Value) -> Vec<std::net::IpAddr> {
    let is_event = event.get("phase").is_some() && event.get("target").is_some_and(Value::is_object);
    if !is_event || event.get("direction").and_then(Value::as_str) != Some("in") {
        return Vec::new();
    }
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut targets = list(event.pointer("/evidence/also"));
    targets.extend(event.get("target").cloned());
    let texts = targets.iter().flat_map(|target| list(target.get("addresses")));
    texts.filter_map(|text| text.as_str().and_then(|text| text.parse().ok())).collect()
}

fn vectors(event: &Value) -> impl Iterator<Item = (String, f64)> {
    let list = event.get("vectors").and_then(Value::as_array).into_iter().flatten();
    let named = list.filter_map(|vector| {
        let share = vector.get("share").and_then(Value::as_f64).unwrap_or(1.0);
        Some((vector.get("name")?.as_str()?.to_owned(), share))
    });
    named.take(MAXIMUM_VECTORS)
}

/// `severity` of the event where the wiring knows better, otherwise how far above the alarm the flood is.
fn severity(event: &Value, kind: &str) -> Severity {
    if let Some(given) = event.get("severity").and_then(|given| serde_json::from_value(given.clone()).ok()) {
        return given;
    }
    let ratio = event.pointer("/evidence/excess_ratio").and_then(Value::as_f64).unwrap_or(1.0);
    match ratio {
        _ if kind == "surge" => Severity::Notice,
        ratio if ratio >= CRITICAL_RATIO => Severity::Critical,
        ratio if ratio >= SEVERE_RATIO => Severity::Severe,
        _ => Severity::Warning,
    }
}

/// How a severity is stored.
pub(crate) const fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Notice => 0,
        Severity::Warning => 1,
        Severity::Severe => 2,
        Severity::Critical => 3,
    }
}

/// The severity of a rank.
pub(crate) const fn of_rank(rank: i64) -> Severity {
    match rank {
        0 => Severity::Notice,
        1 => Severity::Warning,
        2 => Severity::Severe,
        _ => Severity::Critical,
    }
}
