//! What goes on right now: the floods and surges that were told and are not over, and whom they concern.
//!
//! Filled by the thread that writes events, read once a second for the console's snapshot. That thread's queue drops what
//! does not fit, an end too: what was not heard of for [`SILENCE`] does not go on any more, as far as anybody knows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use detect::event::{Target, TargetKind};
use detect::{Event, Phase};
use institution::{Institution, Service};
use serde_json::Value;

/// Floods and surges that are remembered as going on; the detectors' own limits are below.
const MAXIMUM_RUNNING: usize = 8192;
/// Longer than between any two lines of one flood or surge, however it pulses.
pub(in crate::serve) const SILENCE: Duration = Duration::from_secs(15 * 60);

/// Whom an event concerns, by the names of the institution file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Concerned {
    pub(crate) services: Vec<String>,
    pub(crate) organisations: Vec<String>,
}

impl Concerned {
    /// The services that are the target, or stand on it, and those who run them.
    pub(crate) fn by(target: &Target, institution: &Institution) -> Self {
        let mut concerned = Self::default();
        match target.kind {
            TargetKind::Service => {
                let named = institution.services.iter().find(|service| service.id == target.name);
                named.into_iter().for_each(|service| concerned.add(service, institution));
            }
            TargetKind::Group => {
                let group = institution.groups.iter().find(|group| group.id == target.name);
                let members = group.into_iter().flat_map(|group| &group.services);
                members.for_each(|&id| concerned.add(&institution[id], institution));
            }
            TargetKind::Address | TargetKind::Prefix => {}
        }
        for address in target.addresses.iter().filter_map(|text| text.parse::<IpAddr>().ok()) {
            concerned.stands_on(address, institution);
        }
        concerned
    }

    /// Whether an address concerns an organisation, by the same rule.
    pub(crate) fn belongs(address: IpAddr, organisation: &str, institution: &Institution) -> bool {
        let mut concerned = Self::default();
        concerned.stands_on(address, institution);
        concerned.organisations.iter().any(|name| name == organisation)
    }

    fn stands_on(&mut self, address: IpAddr, institution: &Institution) {
        let here = institution.lookup(address);
        here.services().for_each(|service| self.add(service, institution));
        // What is no service's is its zone's.
        if let Some(zone) = here.zone() {
            self.organisation(&institution[zone.organisation].id);
        }
    }

    fn add(&mut self, service: &Service, institution: &Institution) {
        if !self.services.contains(&service.id) {
            self.services.push(service.id.clone());
        }
        self.organisation(&institution[service.organisation].id);
    }

    fn organisation(&mut self, name: &str) {
        if !self.organisations.iter().any(|other| other == name) {
            self.organisations.push(name.to_owned());
        }
    }
}

/// One that goes on.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// Its last line, as it may be shown.
    pub(crate) line: Value,
    pub(crate) is_flood: bool,
    pub(crate) concerned: Concerned,
    pub(crate) packets_per_second: Option<f64>,
    pub(crate) baseline_packets_per_second: Option<f64>,
    /// When it was heard of last.
    heard: Instant,
}

/// Everything that goes on.
#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<BTreeMap<String, Running>>);

impl Board {
    /// Takes up an event, with its line as it may be shown.
    pub(crate) fn take(&self, event: &Event, concerned: Concerned, line: Value, now: Instant) {
        let told = event.line();
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.phase == Phase::End {
            running.remove(&told.id);
            return;
        }
        if running.len() >= MAXIMUM_RUNNING && !running.contains_key(&told.id) {
            forget_silent(&mut running, now);
        }
        if running.len() < MAXIMUM_RUNNING || running.contains_key(&told.id) {
            let running_now = Running {
                line,
                is_flood: matches!(event, Event::Flood(_)),
                concerned,
                packets_per_second: told.packets_per_second,
                baseline_packets_per_second: told.baseline_packets_per_second,
                heard: now,
            };
            running.insert(told.id.clone(), running_now);
        }
    }

    /// All of them, by their ids.
    pub(crate) fn running(&self, now: Instant) -> Vec<(String, Running)> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        forget_silent(&mut running, now);
        running.iter().map(|(id, running)| (id.clone(), running.clone())).collect()
    }
}

fn forget_silent(running: &mut BTreeMap<String, Running>, now: Instant) {
    running.retain(|_, running| now.saturating_duration_since(running.heard) <= SILENCE);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = include_str!("../../../../data/institution/examplia.toml");

    fn target(kind: TargetKind, name: &str, addresses: &[&str]) -> Target {
        let addresses = addresses.iter().map(|text| (*text).to_owned()).collect();
        Target { kind, name: name.to_owned(), addresses }
    }

    #[test]
    fn a_target_concerns_the_services_on_it_and_who_runs_them() {
        let institution = institution::parse("examplia.toml", FILE).unwrap();
        let service = institution.services.iter().find(|service| service.id == "www").unwrap();
        let address = service.addresses.first().unwrap().to_string();
        let own = institution[service.organisation].id.clone();
        for target in [target(TargetKind::Service, "www", &[]), target(TargetKind::Address, "x", &[&address])]
        {
            let concerned = Concerned::by(&target, &institution);
            assert!(concerned.services.contains(&"www".to_owned()), "{concerned:?}");
            assert!(concerned.organisations.contains(&own));
        }
        let belongs = |address: &str, organisation: &str| {
            Concerned::belongs(address.parse().unwrap(), organisation, &institution)
        };
        assert!(belongs(&address, &own) && !belongs(&address, "party-x"));
        assert!(belongs("203.0.113.10", "party-x") && !belongs("203.0.113.10", "party-y"));
        assert!(!belongs("8.8.8.8", &own), "nobody's here");
        let nobody =
            Concerned::by(&target(TargetKind::Prefix, "203.0.113.0/24", &["203.0.113.0/24"]), &institution);
        assert_eq!(nobody, Concerned::default());
    }

    #[test]
    fn what_was_not_heard_of_for_long_does_not_go_on() {
        let (board, began) = (Board::default(), Instant::now());
        let take = |id: &str, phase: Phase, now: Instant| {
            board.take(&super::super::told(id, phase, &[]), Concerned::default(), Value::Null, now);
        };
        let ids = |now: Instant| board.running(now).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        for number in 0..MAXIMUM_RUNNING {
            take(&format!("{number:04}"), Phase::Start, began);
        }
        let later = began + SILENCE;
        take("one more", Phase::Start, later);
        take("0007", Phase::Update, later);
        assert_eq!(ids(later).len(), MAXIMUM_RUNNING, "all of them go on");
        let now = later + Duration::from_secs(1);
        take("one more", Phase::Start, now);
        assert_eq!(ids(now), ["0007", "one more"]);
        take("0007", Phase::End, now);
        assert_eq!(ids(now), ["one more"]);
        assert_eq!(ids(now + SILENCE + Duration::from_millis(1)), [""; 0]);
    }
}
