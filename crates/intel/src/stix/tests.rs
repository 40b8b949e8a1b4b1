//! Tests of [`super`].

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
    assert_eq!([tlp("tool--1"), tlp("tool--2"), tlp("tool--3")], [Tlp::Red, Tlp::AmberStrict, Tlp::Amber]);
    let (indicators, _) = library.indicators();
    assert_eq!((indicators[0].source.as_str(), indicators[0].first), ("stix", 1_704_067_200));
}

#[test]
fn what_another_source_marks_more_narrowly_stays_in_every_version() {
    let clear = Tlp::Clear.marking();
    let indicator = |id: u8, version: &str, value: &str| {
        json!({"type": "indicator", "id": format!("indicator--{id}"), "pattern_type": "stix", "modified": version,
            "pattern": format!("[ipv4-addr:value = '{value}']"), "object_marking_refs": [clear]})
    };
    let text = json!({"type": "bundle", "id": "bundle--1", "objects": [indicator(1, "2024-01-01T00:00:00Z", "198.51.100.7"),
        indicator(1, "2024-01-02T00:00:00Z", "198.51.100.9"), indicator(2, "2024-01-01T00:00:00Z", "198.51.100.8"),
        {"type": "indicator", "id": "indicator--3", "pattern": "[ipv4-addr:value = '198.51.100.7']", "object_marking_refs": []}]});
    let mut library = library(&text.to_string());
    let count = |library: &Library, audience, unmarked| library.export(audience, unmarked).unwrap().objects;
    assert_eq!(count(&library, Audience::Public, Tlp::Clear), 4);
    library.narrow(|_, value| (value == "198.51.100.7").then_some(Tlp::Amber));
    assert_eq!(count(&library, Audience::Public, Tlp::Clear), 1, "the other one alone");
    assert_eq!(count(&library, Audience::Clients, Tlp::UNMARKED), 3, "what is not marked is narrower still");
    library.narrow(|_, value| (value == "198.51.100.7").then_some(Tlp::Red));
    assert_eq!(count(&library, Audience::Organisation, Tlp::Clear), 1);
}

#[test]
fn observables_and_patterns_of_several_observations_are_narrowed_too() {
    let clear = Tlp::Clear.marking();
    let mut objects = vec![
        json!({"type": "indicator", "id": "indicator--1", "pattern": "[ipv4-addr:value = '198.51.100.7' AND a:b = 'c'] FOLLOWEDBY [d:e = 1]"}),
        json!({"type": "ipv4-addr", "id": "ipv4-addr--1", "value": "198.51.100.7"}),
        json!({"type": "file", "id": "file--1", "hashes": {"SHA-256": "ab".repeat(32), "MD5": 7}}),
        json!({"type": "indicator", "id": "indicator--2", "pattern": "[ipv4-addr:value = '198.51.100.8' AND a:b = 'c']"}),
        json!({"type": "ipv4-addr", "id": "ipv4-addr--2", "value": "198.51.100.8"}),
    ];
    objects.iter_mut().for_each(|object| object["object_marking_refs"] = json!([clear]));
    let mut library = library(&json!({"type": "bundle", "id": "bundle--1", "objects": objects}).to_string());
    let known = [(Kind::Address, "198.51.100.7".to_owned()), (Kind::Hash, "ab".repeat(32))];
    library.narrow(|kind, value| known.iter().any(|one| one.0 == kind && one.1 == value).then_some(Tlp::Red));
    let exported = library.export(Audience::Organisation, Tlp::Clear).unwrap();
    assert_eq!((exported.objects, exported.withheld), (2, 3), "{}", exported.text);
    assert!(!exported.text.contains("198.51.100.7") && exported.text.contains("198.51.100.8"));
}

#[test]
fn what_has_no_room_is_refused_and_what_is_known_needs_none() {
    let object = |id: usize| match json!({"type": "tool", "id": format!("tool--{id}")}) {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    let mut library = Library::of_at_most(2);
    (0..3).chain(0..2).for_each(|id| library.add(object(id)));
    assert_eq!((library.len(), library.refused, library.repeated), (2, 1, 2));
    assert!(is_object(&object(1)));
    let long = json!({"type": "tool", "id": format!("tool--{}", "1".repeat(MAXIMUM_ID_BYTES))});
    assert!(!is_object(long.as_object().unwrap()), "ids are remembered, and have a bound");
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
