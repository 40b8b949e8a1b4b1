//! STIX 2.1 in and out, without loss: each object is kept as it came, with every property, known here or not.
//!
//! [`read`] takes a bundle apart object by object, so that a large one never lies in memory twice. A bad element costs itself and is
//! counted. What is exported passes TLP ([`Library::export`]): objects that may not reach the audience stay here, and nothing that leaves names one of them.

mod export;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::indicator::{Indicator, Kind};
use crate::pattern;
use crate::time;
use crate::tlp::{Audience, Tlp};
use crate::uuid;

/// Most objects of a library.
pub const MAXIMUM_OBJECTS: usize = 2_000_000;

/// Why a bundle gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum StixError {
    /// It is not JSON, or breaks off.
    #[error("not a STIX bundle: {0}")]
    Json(#[from] serde_json::Error),
    /// It has no list of objects.
    #[error("not a STIX bundle: it has no `objects`")]
    NoObjects,
}

/// Hands each object of a bundle to `take`, in their order. Gives how many elements were none.
///
/// # Errors
/// When it is not JSON or has no objects. What was handed over before an end that comes too early stays handed over.
pub fn read(from: impl Read, mut take: impl FnMut(Map<String, Value>)) -> Result<usize, StixError> {
    let mut deserializer = serde_json::Deserializer::from_reader(from);
    let mut found = Found { skipped: 0, lists: 0 };
    let bundle = Bundle { take: &mut take, found: &mut found };
    bundle.deserialize(&mut deserializer)?;
    if found.lists == 0 { Err(StixError::NoObjects) } else { Ok(found.skipped) }
}

struct Found {
    skipped: usize,
    lists: usize,
}

struct Bundle<'a, F> {
    take: &'a mut F,
    found: &'a mut Found,
}

impl<'de, F: FnMut(Map<String, Value>)> DeserializeSeed<'de> for Bundle<'_, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Map<String, Value>)> Visitor<'de> for Bundle<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a STIX bundle")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if name == "objects" {
                self.found.lists += 1;
                map.next_value_seed(Objects { take: self.take, found: self.found })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Objects<'a, F> {
    take: &'a mut F,
    found: &'a mut Found,
}

impl<'de, F: FnMut(Map<String, Value>)> DeserializeSeed<'de> for Objects<'_, F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Map<String, Value>)> Visitor<'de> for Objects<'_, F> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of STIX objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<Value>()? {
            match item {
                Value::Object(object) if is_object(&object) => (self.take)(object),
                _ => self.found.skipped += 1,
            }
        }
        Ok(())
    }
}

/// Whether it has a type and an id that begins with it (STIX 2.1, 2.9).
#[must_use]
pub fn is_object(object: &Map<String, Value>) -> bool {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    match (text("type"), text("id")) {
        (Some(kind), Some(id)) => {
            id.strip_prefix(kind).is_some_and(|rest| rest.starts_with("--") && rest.len() > 2)
        }
        _ => false,
    }
}

/// Which version of an object: `modified`, else `created`, else none.
#[must_use]
pub fn version(object: &Map<String, Value>) -> &str {
    ["modified", "created"].iter().find_map(|name| object.get(*name)?.as_str()).unwrap_or_default()
}

/// Objects by id and version.
#[derive(Clone, Debug, Default)]
pub struct Library {
    objects: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
    count: usize,
    /// Objects that came again in the same version.
    pub repeated: usize,
    /// Elements that were no objects.
    pub skipped: usize,
    /// Objects for which there was no room.
    pub refused: usize,
}

/// What left, and what did not.
#[derive(Clone, PartialEq, Debug)]
pub struct Exported {
    /// The bundle.
    pub text: String,
    /// Objects in it.
    pub objects: usize,
    /// Objects that may not reach the audience, or name what may not.
    pub withheld: usize,
    /// Objects that leave without a reference to something that stays.
    pub shortened: usize,
}

impl Library {
    /// Takes up a bundle.
    ///
    /// # Errors
    /// When it is none.
    pub fn import(&mut self, from: impl Read) -> Result<(), StixError> {
        let skipped = read(from, |object| self.add(object))?;
        self.skipped += skipped;
        Ok(())
    }

    /// Takes up one object.
    pub fn add(&mut self, object: Map<String, Value>) {
        if self.count >= MAXIMUM_OBJECTS {
            self.refused += 1;
            return;
        }
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let version = version(&object).to_owned();
        match self.objects.entry(id).or_default().insert(version, object) {
            Some(_) => self.repeated += 1,
            None => self.count += 1,
        }
    }

    /// How many versions of objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every object in every version.
    pub fn objects(&self) -> impl Iterator<Item = &Map<String, Value>> {
        self.objects.values().flat_map(BTreeMap::values)
    }

    /// The newest version of an object.
    #[must_use]
    pub fn newest(&self, id: &str) -> Option<&Map<String, Value>> {
        self.objects.get(id)?.values().next_back()
    }

    /// How an object may be given on: the narrowest of its markings; [`Tlp::UNMARKED`] if there is none of TLP. Parts may be marked more narrowly
    /// (granular markings); the whole then goes only where its narrowest part may.
    #[must_use]
    pub fn tlp(&self, object: &Map<String, Value>) -> Tlp {
        self.marked(object).unwrap_or(Tlp::UNMARKED)
    }

    /// Nothing where no marking restricts it. A marking that is not known here may, and is taken to.
    fn marked(&self, object: &Map<String, Value>) -> Option<Tlp> {
        let list = |name: &str| object.get(name).and_then(Value::as_array).into_iter().flatten();
        let whole = list("object_marking_refs").filter_map(Value::as_str);
        let parts = list("granular_markings").filter_map(|part| part["marking_ref"].as_str());
        let marked = whole.chain(parts).filter_map(|id| self.tlp_of_marking(id)).max();
        let is_marking = object.get("type").and_then(Value::as_str) == Some("marking-definition");
        // Whoever is given an object is given its markings, which are for everybody unless they say otherwise themselves.
        marked.or(is_marking.then_some(Tlp::Clear))
    }

    /// A statement, such as a copyright, restricts nothing (STIX 2.1, 7.2.1.3). A definition that says two things means the narrower one.
    fn tlp_of_marking(&self, id: &str) -> Option<Tlp> {
        if let Some(tlp) = Tlp::of_marking(id) {
            return Some(tlp);
        }
        let Some(definition) = self.newest(id) else { return Some(Tlp::UNMARKED) };
        let text = |name: &str| definition.get(name)?.as_str();
        let inner = definition.get("definition").and_then(|inner| inner["tlp"].as_str());
        let extensions = definition.get("extensions").and_then(Value::as_object);
        let extended = extensions
            .into_iter()
            .flat_map(Map::values)
            .filter_map(|extension| extension["tlp_2_0"].as_str());
        let said = inner.into_iter().chain(text("name")).chain(extended).filter_map(Tlp::of).max();
        match text("definition_type") {
            Some("statement") => said,
            _ => Some(said.unwrap_or(Tlp::UNMARKED)),
        }
    }

    /// What of its indicators can be matched, and how many patterns ask for more than one observation and cannot.
    #[must_use]
    pub fn indicators(&self) -> (Vec<Indicator>, usize) {
        let (mut found, mut complex) = (Vec::new(), 0);
        for versions in self.objects.values() {
            let Some(object) = versions.values().next_back() else { continue };
            let tlp = self.tlp(object);
            if let Some(mut values) = indicators_of(object, tlp) {
                complex += usize::from(values.is_empty());
                // Who may be told of the indicator may not be told of its maker as well.
                let maker = values.first().and_then(|value| self.newest(&value.source));
                if maker.is_some_and(|maker| self.tlp(maker) > tlp) {
                    values.iter_mut().for_each(|value| "stix".clone_into(&mut value.source));
                }
                found.extend(values);
            }
        }
        (found, complex)
    }
}

/// The values of an indicator; nothing if the object is no indicator or is revoked, empty if its pattern cannot be matched here.
#[must_use]
pub fn indicators_of(object: &Map<String, Value>, tlp: Tlp) -> Option<Vec<Indicator>> {
    #[derive(Deserialize)]
    struct Needed {
        #[serde(rename = "type")]
        kind: String,
        pattern: String,
        #[serde(default)]
        pattern_type: String,
        #[serde(default)]
        revoked: bool,
        confidence: Option<u8>,
        valid_from: Option<String>,
        created: Option<String>,
        valid_until: Option<String>,
        created_by_ref: Option<String>,
    }
    if object.get("type").and_then(Value::as_str) != Some("indicator") {
        return None;
    }
    let needed =
        Needed::deserialize(object).ok().filter(|needed| needed.kind == "indicator" && !needed.revoked)?;
    if !needed.pattern_type.is_empty() && needed.pattern_type != "stix" {
        return Some(Vec::new());
    }
    let first = [needed.valid_from, needed.created]
        .iter()
        .flatten()
        .find_map(|text| time::seconds(text))
        .unwrap_or(0);
    let until = needed.valid_until.as_deref().and_then(time::seconds);
    let source = needed.created_by_ref.unwrap_or_else(|| "stix".to_owned());
    let make = |(kind, value): (Kind, String)| Indicator {
        kind,
        value,
        tlp,
        confidence: needed.confidence.unwrap_or(50).min(100),
        first,
        until,
        source: source.clone(),
    };
    Some(pattern::values(&needed.pattern).unwrap_or_default().into_iter().map(make).collect())
}

/// Indicators as STIX objects, each with its marking, for an audience. What may not reach it is left out and counted.
#[must_use]
pub fn of_indicators(indicators: &[Indicator], audience: Audience) -> (Library, usize) {
    let (mut library, mut withheld) = (Library::default(), 0);
    for indicator in indicators {
        if !indicator.tlp.may_reach(audience) {
            withheld += 1;
            continue;
        }
        library.add(marking_definition(indicator.tlp));
        let mut object = json!({
            "type": "indicator",
            "spec_version": "2.1",
            "id": format!("indicator--{}", uuid::of(&["indicator", indicator.kind.name(), &indicator.value])),
            "created": time::text(indicator.first),
            "modified": time::text(indicator.first),
            "name": indicator.value,
            "indicator_types": ["malicious-activity"],
            "pattern": pattern::of(indicator.kind, &indicator.value),
            "pattern_type": "stix",
            "valid_from": time::text(indicator.first),
            "confidence": indicator.confidence,
            "object_marking_refs": [indicator.tlp.marking()],
        });
        if let Some(until) = indicator.until.filter(|until| *until > indicator.first) {
            object["valid_until"] = json!(time::text(until));
        }
        if let Value::Object(object) = object {
            library.add(object);
        }
    }
    (library, withheld)
}

/// The marking definition of TLP 2.0 as OASIS publishes it, with its extension.
fn marking_definition(tlp: Tlp) -> Map<String, Value> {
    let extension = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d";
    let word = tlp.label().trim_start_matches("TLP:").to_ascii_lowercase();
    let value = json!({
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": tlp.marking(),
        "created": "2022-10-01T00:00:00.000Z",
        "name": tlp.label(),
        "extensions": {extension: {"extension_type": "property-extension", "tlp_2_0": word}},
    });
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(text: &str) -> Library {
        let mut library = Library::default();
        library.import(text.as_bytes()).unwrap();
        library
    }

    const MIXED: &str = r#"{"type":"bundle","id":"bundle--1","objects":[
        {"type":"identity","id":"identity--1","name":"x","object_marking_refs":["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"]},
        {"type":"tool","id":"tool--1","x_odd":{"deep":[1,2.50,null]},"object_marking_refs":["marking-definition--own"]},
        {"type":"malware","id":"malware--1","object_marking_refs":["marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1"]},
        {"type":"relationship","id":"relationship--1","source_ref":"tool--1","target_ref":"malware--1","object_marking_refs":["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"]},
        {"type":"report","id":"report--1","name":"unmarked"},
        {"type":"note","id":"note--1","object_marking_refs":["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"],
         "granular_markings":[{"marking_ref":"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1","selectors":["content"]}]},
        {"type":"marking-definition","id":"marking-definition--own","definition_type":"tlp","definition":{"tlp":"white"}},
        {"type":"marking-definition","id":"marking-definition--right","definition_type":"statement","definition":{"statement":"(c)"}},
        {"type":"course-of-action","id":"course-of-action--1","object_marking_refs":["marking-definition--right"]},
        {"type":"course-of-action","id":"course-of-action--2","object_marking_refs":["marking-definition--unknown"]},
        17, {"type":"tool","id":"identity--2"}, {"no":"id"}]}"#;

    #[test]
    fn every_property_is_kept_and_a_bad_element_costs_itself() {
        let library = library(MIXED);
        assert_eq!((library.len(), library.skipped), (10, 3));
        assert_eq!(library.newest("tool--1").unwrap()["x_odd"], json!({"deep": [1, 2.50, null]}));
    }

    #[test]
    fn what_may_not_be_given_on_stays_and_so_does_what_points_at_it() {
        let library = library(MIXED);
        let ids = |audience, unmarked| {
            let exported = library.export(audience, unmarked).unwrap();
            let value: Value = serde_json::from_str(&exported.text).unwrap();
            let ids: Vec<String> = value["objects"]
                .as_array()
                .unwrap()
                .iter()
                .map(|object| object["id"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(ids.len(), exported.objects);
            assert_eq!(exported.withheld, library.len() - ids.len());
            ids
        };
        assert_eq!(
            ids(Audience::Public, Tlp::UNMARKED),
            ["marking-definition--own", "marking-definition--right", "tool--1"]
        );
        let clear = ids(Audience::Public, Tlp::Clear);
        assert!(clear.contains(&"course-of-action--1".to_owned()), "a copyright restricts nothing");
        assert!(!clear.contains(&"course-of-action--2".to_owned()), "a marking that is not known may");
        let own = ids(Audience::Organisation, Tlp::UNMARKED);
        assert!(own.contains(&"identity--1".to_owned()) && own.contains(&"report--1".to_owned()));
        for red in ["malware--1", "relationship--1", "note--1"] {
            assert!(!own.contains(&red.to_owned()), "{red} is red, in part, or points at it");
        }
        assert!(
            ids(Audience::Public, Tlp::Clear).contains(&"report--1".to_owned()),
            "the house says that it is clear"
        );
    }

    #[test]
    fn the_narrower_of_two_markings_and_the_maker_of_an_indicator() {
        let text = r#"{"type":"bundle","id":"bundle--1","objects":[
          {"type":"marking-definition","id":"marking-definition--two","definition_type":"tlp","name":"TLP:Red","definition":{"tlp":"white"}},
          {"type":"marking-definition","id":"marking-definition--ext","name":"x","extensions":{"extension-definition--1":{"tlp_2_0":"amber+strict"}}},
          {"type":"marking-definition","id":"marking-definition--said","definition_type":"statement","name":"TLP:AMBER","definition":{"statement":"x"}},
          {"type":"tool","id":"tool--1","object_marking_refs":["marking-definition--two"]},
          {"type":"tool","id":"tool--2","object_marking_refs":["marking-definition--ext"]},
          {"type":"tool","id":"tool--3","object_marking_refs":["marking-definition--said"]},
          {"type":"identity","id":"identity--1","name":"secret source"},
          {"type":"indicator","id":"indicator--1","created_by_ref":"identity--1","pattern":"[ipv4-addr:value = '198.51.100.7']","created":"2024-01-01T00:00:00Z",
           "object_marking_refs":["marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487"]}]}"#;
        let library = library(text);
        let tlp = |id: &str| library.tlp(library.newest(id).unwrap());
        assert_eq!(
            [tlp("tool--1"), tlp("tool--2"), tlp("tool--3")],
            [Tlp::Red, Tlp::AmberStrict, Tlp::Amber]
        );
        let (indicators, _) = library.indicators();
        assert_eq!((indicators[0].source.as_str(), indicators[0].first), ("stix", 1_704_067_200));
    }

    #[test]
    fn indicators_are_taken_out_and_made() {
        let text = r#"{"type":"bundle","id":"bundle--1","objects":[
          {"type":"indicator","id":"indicator--1","pattern":"[ipv4-addr:value = '198.51.100.7' OR domain-name:value = 'evil.example']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z","confidence":70},
          {"type":"indicator","id":"indicator--2","pattern":"[a:b = 'c'] FOLLOWEDBY [d:e = 'f']","pattern_type":"stix","valid_from":"2024-01-01T00:00:00Z"},
          {"type":"indicator","id":"indicator--3","pattern":"[ipv4-addr:value = '198.51.100.8']","pattern_type":"stix","revoked":true}]}"#;
        let (indicators, complex) = library(text).indicators();
        assert_eq!((indicators.len(), complex), (2, 1));
        assert_eq!((indicators[0].confidence, indicators[0].tlp), (70, Tlp::UNMARKED));
        let (out, withheld) = of_indicators(&indicators, Audience::Public);
        assert_eq!((out.len(), withheld), (0, 2), "what is not marked is not for everybody");
        let (out, withheld) = of_indicators(&indicators, Audience::Organisation);
        assert_eq!((out.len(), withheld), (3, 0));
        let (again, _) = out.indicators();
        assert_eq!(again.len(), 2);
    }

    #[test]
    fn what_is_no_bundle_is_said_to_be_none() {
        let mut library = Library::default();
        for text in ["", "[]", "{}", "{\"objects\":{}}", "{\"objects\":[{\"type\":\"a\""] {
            assert!(library.import(text.as_bytes()).is_err(), "{text}");
        }
    }
}
