//! MISP: a feed's `manifest.json`, events as JSON in and out.
//!
//! Attributes that say something about one value become indicators; others are counted. What is not meant for detection (`to_ids` false) comes in
//! with half the confidence. Events go out with one marking each, and only what may reach the audience.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::indicator::{Indicator, Kind, MAXIMUM_VALUE_BYTES};
use crate::source;
use crate::time;
use crate::tlp::{Audience, Tlp};
use crate::uuid;

/// Longest event in bytes.
pub const MAXIMUM_EVENT_BYTES: usize = 64 << 20;
/// Most events of a manifest.
pub const MAXIMUM_EVENTS: usize = 200_000;
/// Most attributes of one event.
pub const MAXIMUM_ATTRIBUTES: usize = 1_000_000;

/// Longest text of what an event is about, in characters.
const MAXIMUM_INFO_CHARACTERS: usize = 500;

/// Why an event gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum MispError {
    /// It is not JSON.
    #[error("not a MISP event: {0}")]
    Json(#[from] serde_json::Error),
    /// It is too long.
    #[error("a MISP event has more than {MAXIMUM_EVENT_BYTES} bytes")]
    TooLong,
    /// It has no event.
    #[error("not a MISP event: it has no `Event`")]
    NoEvent,
}

/// An event of a feed's manifest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Listed {
    /// Its id, which is the name of its file without `.json`.
    pub uuid: String,
    /// When it was changed.
    pub timestamp: u32,
    /// What it is about.
    pub info: String,
}

/// What an event gave.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Event {
    /// What it is about.
    pub info: String,
    /// Its indicators.
    pub indicators: Vec<Indicator>,
    /// Attributes that say nothing about one value.
    pub other: usize,
    /// Attributes that could not be read, or whose value is longer than any that is kept.
    pub skipped: usize,
}

/// The events of a manifest, in the order of their ids. A name that is no UUID is skipped: it would become a path.
///
/// # Errors
/// When it is not JSON.
pub fn manifest(text: &str) -> Result<(Vec<Listed>, usize), MispError> {
    let value: Value = serde_json::from_str(text)?;
    let mut skipped = 0;
    let mut events = Vec::new();
    for (uuid, entry) in value.as_object().ok_or(MispError::NoEvent)? {
        if !is_uuid(uuid) || events.len() >= MAXIMUM_EVENTS {
            skipped += 1;
            continue;
        }
        let timestamp = number(&entry["timestamp"]).unwrap_or(0);
        events.push(Listed { uuid: uuid.clone(), timestamp, info: info(entry) });
    }
    Ok((events, skipped))
}

fn info(of: &Value) -> String {
    of["info"].as_str().unwrap_or_default().chars().take(MAXIMUM_INFO_CHARACTERS).collect()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| {
            if [8, 13, 18, 23].contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
        _ => None,
    }
}

/// Reads an event.
///
/// # Errors
/// When it is not JSON, too long, or no event.
pub fn read(text: &str) -> Result<Event, MispError> {
    if text.len() > MAXIMUM_EVENT_BYTES {
        return Err(MispError::TooLong);
    }
    let value: Value = serde_json::from_str(text)?;
    let inner = value.get("Event").or_else(|| value.get("event")).unwrap_or(&value);
    if inner.get("info").is_none() && inner.get("Attribute").is_none() {
        return Err(MispError::NoEvent);
    }
    let mut event = Event { info: info(inner), ..Event::default() };
    let tlp = marking(inner).unwrap_or(Tlp::UNMARKED);
    let first = number(&inner["timestamp"]).unwrap_or(0);
    let maker = inner["Orgc"]["name"].as_str().unwrap_or("unnamed");
    let source = format!("misp {}", source::cut(maker));
    let source = source::cut(&source);
    let own = inner["Attribute"].as_array().into_iter().flatten();
    let objects = inner["Object"].as_array().into_iter().flatten();
    let within = objects.flat_map(|object| object["Attribute"].as_array().into_iter().flatten());
    for attribute in own.chain(within).take(MAXIMUM_ATTRIBUTES) {
        event.take(attribute, (tlp, source, first));
    }
    Ok(event)
}

impl Event {
    fn take(&mut self, attribute: &Value, (tlp, source, first): (Tlp, &str, u32)) {
        let (Some(kind), Some(value)) = (attribute["type"].as_str(), attribute["value"].as_str()) else {
            self.skipped += 1;
            return;
        };
        let found = of_type(kind, value);
        if found.is_empty() || attribute["deleted"] == json!(true) {
            self.other += 1;
            return;
        }
        let ids =
            matches!(&attribute["to_ids"], Value::Bool(true)) || attribute["to_ids"].as_str() == Some("1");
        let first = number(&attribute["timestamp"]).unwrap_or(first);
        // A marking of its own may narrow what the event says, never widen it.
        let tlp = marking(attribute).map_or(tlp, |own| own.max(tlp));
        for (kind, value) in found {
            if value.len() > MAXIMUM_VALUE_BYTES {
                self.skipped += 1;
                continue;
            }
            self.indicators.push(Indicator {
                kind,
                value,
                tlp,
                confidence: if ids { 70 } else { 35 },
                first,
                until: None,
                source: source.to_owned(),
            });
        }
    }
}

/// The narrowest tag of TLP, in each of the forms in which MISP writes tags.
fn marking(of: &Value) -> Option<Tlp> {
    let list = |name: &str| of[name].as_array().into_iter().flatten();
    let within = list("EventTag").chain(list("AttributeTag")).map(|tag| &tag["Tag"]);
    list("Tag").chain(within).filter_map(|tag| Tlp::of_tag(tag["name"].as_str().or(tag.as_str())?)).max()
}

fn of_type(kind: &str, value: &str) -> Vec<(Kind, String)> {
    let address = |value: &str| {
        let kind = if value.contains('/') { Kind::Network } else { Kind::Address };
        (kind, value.to_owned())
    };
    match kind {
        "ip-src" | "ip-dst" => vec![address(value)],
        "ip-src|port" | "ip-dst|port" => vec![address(value.split('|').next().unwrap_or_default())],
        "domain" | "hostname" => vec![(Kind::Domain, value.to_owned())],
        "domain|ip" => match value.split_once('|') {
            Some((name, ip)) => vec![(Kind::Domain, name.to_owned()), address(ip)],
            None => Vec::new(),
        },
        "url" | "uri" => vec![(Kind::Url, value.to_owned())],
        "md5" | "sha1" | "sha256" | "sha512" => vec![(Kind::Hash, value.to_owned())],
        kind if kind.starts_with("filename|") => {
            value.split_once('|').map(|(_, hash)| (Kind::Hash, hash.to_owned())).into_iter().collect()
        }
        "email-src" | "email-dst" | "email" => vec![(Kind::Email, value.to_owned())],
        _ => Vec::new(),
    }
}

const fn type_of(kind: Kind, length: usize) -> (&'static str, &'static str) {
    match kind {
        Kind::Address | Kind::Network => ("ip-src", "Network activity"),
        Kind::Domain => ("domain", "Network activity"),
        Kind::Url => ("url", "Network activity"),
        Kind::Email => ("email-src", "Payload delivery"),
        Kind::Hash => match length {
            32 => ("md5", "Payload delivery"),
            40 => ("sha1", "Payload delivery"),
            _ => ("sha256", "Payload delivery"),
        },
    }
}

/// Indicators as a MISP event for an audience, marked as narrowly as its narrowest; and how many were withheld.
#[must_use]
pub fn event(
    info: &str,
    organisation: &str,
    indicators: &[Indicator],
    audience: Audience,
    now: u32,
) -> (Value, usize) {
    let may: Vec<&Indicator> =
        indicators.iter().filter(|indicator| indicator.tlp.may_reach(audience)).collect();
    let tlp = may.iter().map(|indicator| indicator.tlp).max().unwrap_or(Tlp::Clear);
    let attributes: Vec<Value> = may
        .iter()
        .map(|indicator| {
            let (kind, category) = type_of(indicator.kind, indicator.value.len());
            json!({
                "uuid": uuid::of(&["attribute", indicator.kind.name(), &indicator.value]),
                "type": kind,
                "category": category,
                "value": indicator.value,
                "to_ids": indicator.confidence >= 50,
                "timestamp": indicator.first.to_string(),
                "comment": format!("confidence {}", indicator.confidence),
                "distribution": "5",
                "Tag": [{"name": tag(indicator.tlp)}],
            })
        })
        .collect();
    let organisation = json!({"name": organisation, "uuid": uuid::of(&["organisation", organisation])});
    let event = json!({"Event": {
        "uuid": uuid::of(&["event", info]),
        "info": info,
        "date": time::text(now).get(..10),
        "timestamp": now.to_string(),
        "published": false,
        "analysis": "2",
        "threat_level_id": "4",
        "distribution": "0",
        "Orgc": organisation,
        "Tag": [{"name": tag(tlp)}],
        "Attribute": attributes,
    }});
    (event, indicators.len() - may.len())
}

fn tag(tlp: Tlp) -> String {
    tlp.label().to_ascii_lowercase()
}

/// The manifest of a feed with these events.
#[must_use]
pub fn manifest_of(events: &[Value]) -> Value {
    let entries: BTreeMap<String, Value> = events
        .iter()
        .filter_map(|event| {
            let event = &event["Event"];
            let entry = json!({
                "info": event["info"], "date": event["date"], "timestamp": event["timestamp"],
                "Orgc": event["Orgc"], "Tag": event["Tag"], "analysis": event["analysis"], "threat_level_id": event["threat_level_id"],
            });
            Some((event["uuid"].as_str()?.to_owned(), entry))
        })
        .collect();
    json!(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"Event":{"info":"test","timestamp":"1690000000","Orgc":{"name":"CSIRT"},"Tag":[{"name":"tlp:amber"},{"name":"x"}],
        "Attribute":[{"type":"ip-dst","value":"198.51.100.7","to_ids":true,"timestamp":"1700000000"},
          {"type":"domain|ip","value":"evil.example|198.51.100.8","to_ids":false},
          {"type":"sha256","value":"ab","Tag":[{"name":"tlp:clear"}]},{"type":"md5","value":"cd","Tag":[{"name":"tlp:red"}]},
          {"type":"comment","value":"x"},{"type":7},{"value":"x"}],
        "Object":[{"Attribute":[{"type":"url","value":"https://evil.example/a","to_ids":true}]}]}}"#;

    #[test]
    fn attributes_become_indicators_with_their_marking() {
        let event = read(EVENT).unwrap();
        assert_eq!((event.indicators.len(), event.other, event.skipped), (6, 1, 2));
        let of = |value: &str| event.indicators.iter().find(|indicator| indicator.value == value).unwrap();
        assert_eq!((of("198.51.100.7").tlp, of("198.51.100.7").confidence), (Tlp::Amber, 70));
        assert_eq!(
            (of("ab").tlp, of("cd").tlp),
            (Tlp::Amber, Tlp::Red),
            "an attribute may narrow and not widen"
        );
        assert_eq!((of("198.51.100.8").confidence, of("198.51.100.8").first), (35, 1_690_000_000));
        for (tag, wanted) in [
            (r#""Tag":[{"name":"TLP:RED"}]"#, Tlp::Red),
            (r#""Tag":[{"name":"tlp:Amber+Strict"},{"name":"tlp:clear"}]"#, Tlp::AmberStrict),
            (r#""EventTag":[{"Tag":{"name":"Tlp:Amber"}}]"#, Tlp::Amber),
            (r#""Tag":[{"name":"tlp:unclear"}]"#, Tlp::UNMARKED),
            (r#""Tag":[{"name":"tlp:clear"}]"#, Tlp::Clear),
            (r#""Tag":[]"#, Tlp::UNMARKED),
        ] {
            let text = format!(
                r#"{{"Event":{{"info":"x",{tag},"Attribute":[{{"type":"ip-dst","value":"198.51.100.7"}}]}}}}"#
            );
            assert_eq!(read(&text).unwrap().indicators[0].tlp, wanted, "{tag}");
        }
        assert!(read("{}").is_err() && read("x").is_err());
    }

    #[test]
    fn what_is_longer_than_anything_that_is_kept_is_skipped_or_cut() {
        let (long, fits) = ("a".repeat(MAXIMUM_VALUE_BYTES + 1), "b".repeat(MAXIMUM_VALUE_BYTES));
        let maker = "\u{e4}".repeat(1 << 20);
        let text = json!({"Event": {"info": &maker, "Orgc": {"name": &maker}, "Attribute": [
            {"type": "url", "value": long}, {"type": "url", "value": fits}, {"type": "domain|ip", "value": format!("{long}|192.0.2.7")},
        ]}});
        let event = read(&text.to_string()).unwrap();
        assert_eq!((event.indicators.len(), event.skipped), (2, 2));
        assert_eq!(event.indicators[0].value, fits);
        assert_eq!(event.indicators[0].source.chars().count(), source::MAXIMUM_CHARACTERS);
        assert_eq!(event.info.chars().count(), MAXIMUM_INFO_CHARACTERS);
    }

    #[test]
    fn what_goes_out_passes_tlp_and_comes_in_again() {
        let indicators = read(EVENT).unwrap().indicators;
        let (out, withheld) = event("our event", "Examplia", &indicators, Audience::Clients, 1_700_000_000);
        assert_eq!((out["Event"]["Attribute"].as_array().unwrap().len(), withheld), (5, 1));
        let again = read(&out.to_string()).unwrap();
        assert_eq!(again.indicators.len(), 5);
        assert!(again.indicators.iter().all(|indicator| indicator.tlp == Tlp::Amber));
        let (out, withheld) = event("our event", "Examplia", &indicators, Audience::Community, 1);
        assert_eq!((out["Event"]["Attribute"].as_array().unwrap().len(), withheld), (0, 6));
        let manifest = manifest_of(&[out]);
        let (listed, skipped) = super::manifest(&manifest.to_string()).unwrap();
        assert_eq!((listed.len(), listed[0].info.as_str(), skipped), (1, "our event", 0));
        assert_eq!(super::manifest(r#"{"../../etc/passwd":{"info":"x"}}"#).unwrap(), (vec![], 1));
    }
}
