//! What leaves of a library: what may reach an audience, and nothing in it that says what stays here.
//!
//! A marking decides for each object in all its versions. What stays must not be told by what leaves either: an object that needs it (a relationship, a sighting, a
//! report of nothing else, a text that names its id) stays too, and so on along the chain; one that can do without (who made it, one of many objects of a
//! report) leaves without the reference and is counted as shortened. Ids that the library never had are kept: nobody here decided on them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Exported, Library, StixError, version};
use crate::tlp::{Audience, Tlp};
use crate::uuid;

/// Steps of a chain that are looked at closely; behind them whatever names something that stays, stays.
const MAXIMUM_STEPS: usize = 64;
/// References that are markings: nothing leaves without them.
const MARKINGS: [&str; 2] = ["object_marking_refs", "granular_markings"];

type Object = Map<String, Value>;

impl Library {
    /// A bundle of what may reach the audience. A marking that this library gives to objects without one (`unmarked`) decides for those.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which cannot happen.
    pub fn export(&self, audience: Audience, unmarked: Tlp) -> Result<Exported, StixError> {
        let kept = self.kept(audience, unmarked);
        let stays = |id: &str| self.objects.contains_key(id) && !kept.contains(id);
        let leaves = self.objects.iter().filter(|(id, _)| kept.contains(id.as_str()));
        let objects: Vec<Cow<'_, Object>> = leaves
            .flat_map(|(_, versions)| versions.values())
            .map(|object| without(object, &stays))
            .collect();
        let count = objects.len();
        let shortened = objects.iter().filter(|object| matches!(object, Cow::Owned(_))).count();
        let seed = objects.iter().map(|object| version(object)).collect::<Vec<_>>().join("");
        let id = format!("bundle--{}", uuid::of(&["bundle", &seed, &count.to_string()]));
        let text = serde_json::to_string_pretty(&json!({"type": "bundle", "id": id, "objects": objects}))?;
        Ok(Exported { text, objects: count, withheld: self.count - count, shortened })
    }

    /// Ids of what may leave.
    fn kept(&self, audience: Audience, unmarked: Tlp) -> BTreeSet<&str> {
        let may = |object: &Object| self.marked(object).unwrap_or(unmarked).may_reach(audience);
        let (mut kept, mut stay) = (BTreeSet::new(), Vec::new());
        for (id, versions) in &self.objects {
            if versions.values().all(may) {
                kept.insert(id.as_str());
            } else {
                stay.push(id.as_str());
            }
        }
        let mut named_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for id in &kept {
            let mut named = BTreeSet::new();
            for object in self.objects.get(*id).into_iter().flat_map(BTreeMap::values) {
                object.values().for_each(|value| ids(value, &mut |id| _ = named.insert(id)));
            }
            for other in named.into_iter().filter(|other| other != id && self.objects.contains_key(*other)) {
                named_by.entry(other).or_default().push(id);
            }
        }
        for step in 0.. {
            let touched: BTreeSet<&str> =
                stay.iter().filter_map(|id| named_by.get(id)).flatten().copied().collect();
            let needs = |id: &&str| {
                let stays = |id: &str| self.objects.contains_key(id) && !kept.contains(id);
                let mut versions = self.objects.get(*id).into_iter().flat_map(BTreeMap::values);
                kept.contains(id) && (step >= MAXIMUM_STEPS || versions.any(|object| needs(object, &stays)))
            };
            stay = touched.into_iter().filter(needs).collect();
            if stay.is_empty() {
                break;
            }
            stay.iter().for_each(|id| _ = kept.remove(id));
        }
        kept
    }
}

/// Whether a property is a list of references that may be shorter.
fn is_list(name: &str, value: &Value) -> bool {
    name.ends_with("_refs")
        && !MARKINGS.contains(&name)
        && value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
}

/// Whether an object cannot leave without what stays.
fn needs(object: &Object, stays: &impl Fn(&str) -> bool) -> bool {
    let is_one = |value: &Value| value.as_str().is_some_and(stays);
    // A selector counts the places of a list.
    let is_fixed = object.contains_key("granular_markings");
    object.iter().any(|(name, value)| {
        if name == "created_by_ref" && value.is_string() {
            return is_fixed && is_one(value);
        }
        if !is_list(name, value) {
            let mut named = false;
            ids(value, &mut |id| named |= stays(id));
            return named;
        }
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let gone = list.iter().filter(|value| is_one(value)).count();
        gone > 0 && (is_fixed || name == "object_refs" && gone == list.len())
    })
}

/// An object without references to what stays.
fn without<'a>(object: &'a Object, stays: &impl Fn(&str) -> bool) -> Cow<'a, Object> {
    let is_one = |value: &Value| value.as_str().is_some_and(stays);
    let touches = |name: &str, value: &Value| match name {
        "created_by_ref" => is_one(value),
        _ => is_list(name, value) && value.as_array().is_some_and(|list| list.iter().any(is_one)),
    };
    if !object.iter().any(|(name, value)| touches(name, value)) {
        return Cow::Borrowed(object);
    }
    let short = |(name, value): (&String, &Value)| {
        if !touches(name, value) {
            return Some((name.clone(), value.clone()));
        }
        let left: Vec<Value> = value.as_array()?.iter().filter(|value| !is_one(value)).cloned().collect();
        (!left.is_empty()).then(|| (name.clone(), Value::Array(left)))
    };
    Cow::Owned(object.iter().filter_map(short).collect())
}

/// Hands what may be an id of a STIX object in a value to `take`, wherever it stands.
fn ids<'a>(value: &'a Value, take: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) if text.contains("--") => {
            let apart = |character: char| !character.is_ascii_alphanumeric() && !"-_".contains(character);
            text.split(apart).filter(|word| word.contains("--")).for_each(take);
        }
        Value::Array(values) => values.iter().for_each(|value| ids(value, take)),
        Value::Object(values) => values.iter().for_each(|(name, value)| {
            // Dictionaries may have ids as their keys.
            if name.contains("--") {
                take(name);
            }
            ids(value, take);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: &str = "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487";
    const RED: &str = "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1";

    fn library(objects: &[Value]) -> Library {
        let mut library = Library::default();
        library
            .import(json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string().as_bytes())
            .unwrap();
        library
    }

    fn object(id: &str, marking: &str, more: &Value) -> Value {
        let kind = id.split("--").next().unwrap();
        let mut object = json!({"type": kind, "id": id, "object_marking_refs": [marking]});
        more.as_object().unwrap().iter().for_each(|(name, value)| object[name] = value.clone());
        object
    }

    #[test]
    fn nothing_that_leaves_names_what_stays() {
        let secret = "identity--5ec2e700-0000-4000-8000-000000000001";
        let tool = "tool--70010000-0000-4000-8000-000000000002";
        let library = library(&[
            object(secret, RED, &json!({"name": "x"})),
            object(tool, CLEAR, &json!({"created_by_ref": secret})),
            object(
                "report--1",
                CLEAR,
                &json!({"object_refs": [secret, tool], "where_sighted_refs": [secret]}),
            ),
            object("report--2", CLEAR, &json!({"object_refs": [secret]})),
            object("relationship--1", CLEAR, &json!({"source_ref": tool, "target_ref": secret})),
            // Named by a chain: a sighting of a relationship that stays, a note about the sighting alone.
            object("sighting--1", CLEAR, &json!({"sighting_of_ref": "relationship--1"})),
            object("note--1", CLEAR, &json!({"object_refs": ["sighting--1"]})),
            object("note--2", CLEAR, &json!({"content": format!("see {secret}."), "object_refs": [tool]})),
            object(
                "note--3",
                CLEAR,
                &json!({"extensions": {"x": {"deep": [{"of_ref": secret}]}}, "object_refs": [tool]}),
            ),
            object(
                "note--4",
                CLEAR,
                &json!({"object_refs": [secret, tool],
                "granular_markings": [{"marking_ref": CLEAR, "selectors": ["object_refs.[1]"]}]}),
            ),
            object("note--5", CLEAR, &json!({"object_refs": [tool, "tool--elsewhere"]})),
        ]);
        let out = library.export(Audience::Public, Tlp::UNMARKED).unwrap();
        for stays in [
            secret,
            "report--2",
            "relationship--1",
            "sighting--1",
            "note--1",
            "note--2",
            "note--3",
            "note--4",
        ] {
            assert!(!out.text.contains(stays), "{stays}");
        }
        let value: Value = serde_json::from_str(&out.text).unwrap();
        let ids: Vec<&str> = value["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|object| object["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["note--5", "report--1", tool]);
        assert_eq!(
            value["objects"][0]["object_refs"],
            json!([tool, "tool--elsewhere"]),
            "nobody decided on that here"
        );
        assert_eq!(value["objects"][1]["object_refs"], json!([tool]));
        assert!(value["objects"][1].get("where_sighted_refs").is_none(), "no list is empty");
        assert_eq!((out.objects, out.withheld, out.shortened), (3, 8, 2));
    }

    #[test]
    fn a_long_chain_stays_whole_and_costs_little() {
        let count = 20_000;
        let mut objects = vec![object("tool--0", RED, &json!({}))];
        objects.extend((1..count).map(|number| {
            object(&format!("sighting--{number}"), CLEAR, &json!({"sighting_of_ref": format!("{}--{}", if number == 1 { "tool" } else { "sighting" }, number - 1)}))
        }));
        let out = library(&objects).export(Audience::Public, Tlp::UNMARKED).unwrap();
        assert_eq!((out.objects, out.withheld), (0, count));
    }
}
