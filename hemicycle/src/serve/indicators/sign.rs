//! A sign: that something known passed by, as events say it.

use std::net::IpAddr;

use institution::Institution;
use intel::indicator::{Kind, Match};
use intel::tlp::{Audience, Tlp};
use serde_json::{Value, json};
use wire::Time;

use super::scout::What;
use crate::replay::privacy::Privacy;

/// Longest name that is told.
const MAXIMUM_NAME: usize = 253;

/// One side of a conversation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::serve) struct Party {
    text: String,
    /// Whether it is an address that may be a person's.
    is_person: bool,
    /// Of ours: services and organisations.
    services: Vec<String>,
    organisations: Vec<String>,
}

impl Party {
    /// An address; those of the institution are nobody's personal data.
    pub(super) fn of(address: IpAddr, institution: &Institution) -> Self {
        // A URL may write IPv4 as IPv6.
        let address = address.to_canonical();
        let here = institution.lookup(address);
        let services: Vec<_> = here.services().collect();
        let mut organisations: Vec<String> =
            services.iter().map(|service| institution[service.organisation].id.clone()).collect();
        organisations.extend(here.zone().map(|zone| institution[zone.organisation].id.clone()));
        organisations.sort();
        organisations.dedup();
        Self {
            text: address.to_string(),
            is_person: here.zone().is_none(),
            services: services.iter().map(|service| service.id.clone()).collect(),
            organisations,
        }
    }

    /// A name, made harmless.
    pub(super) fn named(name: &str) -> Self {
        let text = name.chars().filter(|character| !character.is_control()).take(MAXIMUM_NAME).collect();
        Self { text, is_person: false, services: Vec::new(), organisations: Vec::new() }
    }

    fn shown(&self, privacy: &Privacy) -> String {
        if self.is_person { privacy.address(&self.text) } else { self.text.clone() }
    }
}

/// What was matched, and how often it was since it was told last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::serve) struct Found {
    pub(super) found: Match,
    pub(super) further: u64,
}

/// Something known passed by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::serve) struct Sign {
    pub(super) time: Time,
    pub(super) source: Party,
    pub(super) target: Party,
    pub(super) seen_in: What,
    pub(super) found: Found,
}

impl Sign {
    /// As the service and its people may see it; addresses as far as `privacy` shows them.
    pub(in crate::serve) fn shown(&self, privacy: &Privacy) -> Value {
        let Match { value, kind, .. } = &self.found.found;
        let shown = match kind {
            Kind::Address => privacy.address(value),
            Kind::Network => privacy.network(value),
            _ => value.clone(),
        };
        self.value(&shown, &|party| party.shown(privacy))
    }

    /// Whole, for the record, which puts codes in place of persons' addresses.
    pub(in crate::serve) fn whole(&self) -> Value {
        self.value(&self.found.found.value, &|party| party.text.clone())
    }

    fn value(&self, indicator: &str, show: &dyn Fn(&Party) -> String) -> Value {
        let found = &self.found.found;
        let target = Some(&self.target).filter(|target| !target.text.is_empty()).map(show);
        json!({
            "kind": "sign", "time": detect::event::format_time(self.time), "name": "indicator_matched",
            "source": show(&self.source), "target": target, "attack_technique": null,
            "detail": {
                "seen_in": self.seen_in.name(),
                "further": self.found.further,
                "indicator": {
                    "value": indicator, "kind": found.kind.name(), "source": found.source, "tlp": found.tlp,
                    "worth": found.worth, "sightings": found.sightings,
                },
            },
        })
    }

    /// Whether a machine may give it on at all.
    pub(in crate::serve) fn may_be_told(&self) -> bool {
        self.found.found.tlp.may_reach(Audience::Organisation)
    }

    /// Services of ours that it is about.
    pub(in crate::serve) fn services(&self) -> Vec<String> {
        [&self.source, &self.target].into_iter().flat_map(|party| party.services.clone()).collect()
    }

    /// The organisations that may see it beside the house: nobody where the marking says the own organisation alone.
    pub(in crate::serve) fn organisations(&self) -> Vec<String> {
        let tlp: Tlp = self.found.found.tlp;
        if !tlp.may_reach(Audience::Clients) {
            return Vec::new();
        }
        let mut names: Vec<String> =
            [&self.source, &self.target].into_iter().flat_map(|party| party.organisations.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(tlp: Tlp) -> Sign {
        let text = include_str!("../../../../data/institution/examplia.toml");
        let institution = institution::parse("examplia", text).unwrap();
        let service = institution.services.iter().find(|service| !service.addresses.is_empty()).unwrap();
        let found = Match {
            value: "198.51.100.77".to_owned(),
            kind: Kind::Address,
            worth: 80,
            tlp,
            source: "feed".to_owned(),
            sightings: 1,
        };
        Sign {
            time: Time::from_seconds(1_795_000_000, 0),
            source: Party::of("203.0.113.200".parse().unwrap(), &institution),
            target: Party::of(service.addresses[0], &institution),
            seen_in: What::Flow,
            found: Found { found, further: 3 },
        }
    }

    #[test]
    fn persons_are_shown_as_networks_and_our_own_in_full() {
        let sign = Sign {
            source: Party { text: "198.51.100.77".to_owned(), is_person: true, ..Party::named("") },
            ..sign(Tlp::Green)
        };
        let shown = sign.shown(&Privacy::new(None));
        assert_eq!(
            (&shown["source"], &shown["detail"]["indicator"]["value"]),
            (&json!("198.51.100.0/24"), &json!("198.51.100.0/24"))
        );
        assert!(!shown["target"].as_str().unwrap().contains('/'), "ours: {shown}");
        assert!(!shown.to_string().contains("198.51.100.77"), "{shown}");
        assert_eq!(sign.shown(&Privacy::new(Some("case 7".to_owned())))["source"], "198.51.100.77");
        assert_eq!(sign.whole()["detail"]["indicator"]["value"], "198.51.100.77");
    }

    #[test]
    fn each_marking_reaches_whom_it_may() {
        assert!(!sign(Tlp::Clear).organisations().is_empty() && !sign(Tlp::Amber).organisations().is_empty());
        assert!(sign(Tlp::AmberStrict).organisations().is_empty(), "the house alone");
        assert!(sign(Tlp::AmberStrict).may_be_told() && !sign(Tlp::Red).may_be_told());
    }
}
