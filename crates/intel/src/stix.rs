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
use crate::list;
use crate::pattern;
use crate::time;
use crate::tlp::{Audience, Tlp};
use crate::uuid;

/// Most objects of a library.
pub const MAXIMUM_OBJECTS: usize = 2_000_000;

/// Longest id: a type and a UUID with room to spare. What is longer is no object, since ids are remembered.
pub const MAXIMUM_ID_BYTES: usize = 256;

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

/// Whether it has a type and an id that begins with it (STIX 2.1, 2.9) and is no longer than [`MAXIMUM_ID_BYTES`].
#[must_use]
pub fn is_object(object: &Map<String, Value>) -> bool {
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    match (text("type"), text("id")) {
        (Some(kind), Some(id)) if id.len() <= MAXIMUM_ID_BYTES => {
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
#[derive(Clone, Debug)]
pub struct Library {
    objects: BTreeMap<String, BTreeMap<String, Map<String, Value>>>,
    count: usize,
    maximum: usize,
    /// Markings that others gave to what these objects say, where they are narrower than the objects' own.
    narrowed: BTreeMap<String, Tlp>,
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

impl Default for Library {
    fn default() -> Self {
        Self::of_at_most(MAXIMUM_OBJECTS)
    }
}

impl Library {
    /// One that has room for so many versions of objects.
    #[must_use]
    pub const fn of_at_most(maximum: usize) -> Self {
        Self {
            objects: BTreeMap::new(),
            count: 0,
            maximum,
            narrowed: BTreeMap::new(),
            repeated: 0,
            skipped: 0,
            refused: 0,
        }
    }

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
        let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
        let version = version(&object).to_owned();
        let is_known = self.objects.get(id).is_some_and(|versions| versions.contains_key(&version));
        if !is_known && self.count >= self.maximum {
            self.refused += 1;
            return;
        }
        let id = id.to_owned();
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
        let narrowed = object.get("id").and_then(Value::as_str).and_then(|id| self.narrowed.get(id)).copied();
        if let Some(narrowed) = narrowed {
            // What carries no marking is as narrow as that at least.
            return Some(marked.unwrap_or(Tlp::UNMARKED).max(narrowed));
        }
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

    /// Narrows each object that is a value or whose pattern names one that `tlp_of` knows to be marked more narrowly, in whichever version: somebody else, or a
    /// later word of the same source, decides for the value whoever gave it. What stands in running text is not looked for.
    pub fn narrow(&mut self, tlp_of: impl Fn(Kind, &str) -> Option<Tlp>) {
        self.narrowed.clear();
        let mut narrowed = BTreeMap::new();
        for object in self.objects() {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            let Some(id) = text("id") else { continue };
            let narrowest = values_of(object).iter().filter_map(|(kind, value)| tlp_of(*kind, value)).max();
            if let Some(tlp) = narrowest.filter(|tlp| self.marked(object).is_none_or(|own| *tlp > own)) {
                let known = narrowed.entry(id.to_owned()).or_insert(tlp);
                *known = (*known).max(tlp);
            }
        }
        self.narrowed = narrowed;
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

/// Every value that an object is or that its pattern names, of the kind that it looks like where the pattern asks for more than one observation.
fn values_of(object: &Map<String, Value>) -> Vec<(Kind, String)> {
    let guessed = |value: &str| Some((list::guess(value)?, value.to_owned()));
    let pattern = object.get("pattern").and_then(Value::as_str).unwrap_or_default();
    let mut values = pattern::values(pattern)
        .unwrap_or_else(|| pattern::texts(pattern).iter().filter_map(|text| guessed(text)).collect());
    // Cyber-observable objects (STIX 2.1, 6): addresses, names and URLs are their `value`, files have hashes.
    values.extend(object.get("value").and_then(Value::as_str).and_then(guessed));
    let hashes = object.get("hashes").and_then(Value::as_object).into_iter().flat_map(Map::values);
    values.extend(hashes.filter_map(Value::as_str).map(|hash| (Kind::Hash, hash.to_owned())));
    values
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
mod tests;
