//! A feed in MISP's form: `manifest.json` and an event a file. What of one is new, and one of our own.
//!
//! # Limits
//! * An event is wanted if the manifest has another time for it than when it was taken. A manifest that says nothing of time gives each event once.
//! * What goes out has an event for each marking and each [`EVENT_INDICATORS`] indicators, so that every event carries the marking of all that is in it. The list
//!   of hashes (`hashes.csv`) that MISP can look things up in before it takes events is not written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::indicator::Indicator;
use crate::misp::{self, Listed, MAXIMUM_EVENTS};
use crate::tlp::{Audience, Tlp};

/// Longest manifest in bytes.
pub const MAXIMUM_MANIFEST_BYTES: usize = 64 << 20;
/// Most indicators of one event that goes out.
pub const EVENT_INDICATORS: usize = 10_000;

/// Which events of a feed were taken, and of what time they were.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Taken(BTreeMap<String, u32>);

impl Taken {
    /// The events of a manifest that are new or have changed, the oldest first: an end in the middle leaves no gap behind.
    #[must_use]
    pub fn wanted<'a>(&self, manifest: &'a [Listed]) -> Vec<&'a Listed> {
        let is_wanted = |event: &&Listed| self.0.get(&event.uuid) != Some(&event.timestamp);
        let mut wanted: Vec<&Listed> = manifest.iter().filter(is_wanted).collect();
        wanted.sort_by(|a, b| (a.timestamp, &a.uuid).cmp(&(b.timestamp, &b.uuid)));
        wanted
    }

    /// It was taken.
    pub fn note(&mut self, event: &Listed) {
        if self.0.len() < MAXIMUM_EVENTS || self.0.contains_key(&event.uuid) {
            self.0.insert(event.uuid.clone(), event.timestamp);
        }
    }

    /// Forgets events that the manifest has no more: a feed that names others each day does not make this grow.
    pub fn keep(&mut self, manifest: &[Listed]) {
        let names: std::collections::BTreeSet<&str> =
            manifest.iter().map(|event| event.uuid.as_str()).collect();
        self.0.retain(|uuid, _| names.contains(uuid.as_str()));
    }
}

/// A feed that goes out.
#[derive(Clone, PartialEq, Debug)]
pub struct Feed {
    /// Names of files, and what is in them; the manifest is not among them.
    pub events: Vec<(String, Value)>,
    /// What is in `manifest.json`.
    pub manifest: Value,
    /// Indicators that may not reach the audience.
    pub withheld: usize,
}

/// Indicators as a feed for an audience.
#[must_use]
pub fn of_indicators(indicators: &[Indicator], organisation: &str, audience: Audience, now: u32) -> Feed {
    let mut events = Vec::new();
    for tlp in Tlp::ALL.into_iter().filter(|tlp| tlp.may_reach(audience)) {
        let marked: Vec<Indicator> =
            indicators.iter().filter(|indicator| indicator.tlp == tlp).cloned().collect();
        for (part, some) in marked.chunks(EVENT_INDICATORS).enumerate() {
            let info = format!("{organisation}: indicators, {}, part {}", tlp.label(), part + 1);
            let (event, _) = misp::event(&info, organisation, some, audience, now);
            if let Some(uuid) = event["Event"]["uuid"].as_str() {
                events.push((format!("{uuid}.json"), event));
            }
        }
    }
    let values: Vec<Value> = events.iter().map(|(_, event)| event.clone()).collect();
    let may = indicators.iter().filter(|indicator| indicator.tlp.may_reach(audience)).count();
    Feed { events, manifest: misp::manifest_of(&values), withheld: indicators.len() - may }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::indicator::Kind;

    fn indicator(number: usize, tlp: Tlp) -> Indicator {
        Indicator {
            kind: Kind::Domain,
            value: format!("n{number}.example"),
            tlp,
            confidence: 80,
            first: 1_700_000_000,
            until: None,
            source: "s".to_owned(),
        }
    }

    #[test]
    fn only_what_is_new_or_has_changed_is_wanted() {
        let listed = |number: u32, timestamp| Listed {
            uuid: format!("{number:08}-0000-4000-8000-000000000000"),
            timestamp,
            info: String::new(),
        };
        let manifest = [listed(1, 30), listed(2, 10), listed(3, 20)];
        let mut taken = Taken::default();
        let order: Vec<u32> = taken.wanted(&manifest).iter().map(|event| event.timestamp).collect();
        assert_eq!(order, [10, 20, 30]);
        manifest.iter().for_each(|event| taken.note(event));
        assert!(taken.wanted(&manifest).is_empty());
        let changed = [listed(1, 31), listed(2, 10)];
        assert_eq!(taken.wanted(&changed), [&changed[0]]);
        taken.keep(&changed);
        assert_eq!(taken.0.len(), 2);
        let text = serde_json::to_string(&taken).unwrap();
        assert_eq!(serde_json::from_str::<Taken>(&text).unwrap(), taken);
    }

    #[test]
    fn a_feed_has_an_event_for_each_marking_and_comes_in_again() {
        let mut all: Vec<Indicator> =
            (0..EVENT_INDICATORS + 1).map(|number| indicator(number, Tlp::Clear)).collect();
        all.push(indicator(1, Tlp::Green));
        all.push(indicator(2, Tlp::Amber));
        all.push(indicator(3, Tlp::Red));
        let feed = of_indicators(&all, "Examplia", Audience::Community, 1_700_000_100);
        assert_eq!((feed.events.len(), feed.withheld), (3, 2));
        let (listed, skipped) = misp::manifest(&feed.manifest.to_string()).unwrap();
        assert_eq!((listed.len(), skipped), (3, 0));
        let mut back = Vec::new();
        for event in &listed {
            let name = format!("{}.json", event.uuid);
            let (_, value) = feed.events.iter().find(|(known, _)| *known == name).unwrap();
            back.extend(misp::read(&value.to_string()).unwrap().indicators);
        }
        assert_eq!(back.len(), all.len() - 2);
        assert!(back.iter().all(|indicator| indicator.tlp <= Tlp::Green));
        assert_eq!(of_indicators(&all, "E", Audience::Public, 1).withheld, 3);
        assert!(of_indicators(&[], "E", Audience::Public, 1).events.is_empty());
    }
}
