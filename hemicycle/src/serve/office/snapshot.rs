//! The console's snapshot: the institution file, what goes on, and how sensors are.

use std::sync::Arc;

use console::live::{Criticality, Hearing, Organisation, Sensor, Service, Snapshot, State, Zone};
use institution::{Exposure, Institution};
use jiff::Timestamp;
use record::SensorSeen;
use serde_json::json;

use super::board::Running;
use crate::serve::config::Config;
use crate::serve::metrics::Sources;
use crate::serve::shared::Shared;
use crate::serve::summary::inputs_of;

/// A sensor that was heard and says nothing for so long is silent.
const SILENT_SECONDS: i64 = 300;
/// A loss is shown for so long.
const LOSING_SECONDS: i64 = 60;
/// Between two looks that are written down.
const MINUTE_SECONDS: i64 = 60;

/// The console's clock: the system's.
pub(crate) fn clock() -> console::people::Clock {
    Arc::new(Timestamp::now)
}

/// Before anything is known.
pub(super) fn first(institution: &Institution) -> Snapshot {
    of(institution, &[], (Vec::new(), &|_, _| false), [])
}

/// Whether a sensor sees the traffic of a service.
pub(crate) type Sees<'a> = &'a dyn Fn(&Sensor, &institution::Service) -> bool;

/// What a sensor of this institution sees: an exporter the zones that the file gives it, a mirror whatever passes it, a log the
/// service that it was declared for, or without one every service that has a name.
pub(super) fn sees(
    institution: &Institution,
    logs: &[(String, Option<String>)],
    sensor: &Sensor,
    service: &institution::Service,
) -> bool {
    match sensor.kind.as_str() {
        "exporter" => {
            let exporter = institution.exporters.iter().find(|exporter| exporter.id == sensor.name);
            exporter
                .is_some_and(|exporter| exporter.zones.is_empty() || exporter.zones.contains(&service.zone))
        }
        "mirror" => true,
        _ => {
            let log = logs.iter().find(|(name, _)| *name == sensor.name);
            let declared = log.and_then(|(_, declared)| declared.as_ref());
            declared.map_or(!service.names.is_empty(), |declared| *declared == service.id)
        }
    }
}

/// As things are.
pub(crate) fn of(
    institution: &Institution,
    running: &[(String, Running)],
    (sensors, sees): (Vec<Sensor>, Sees<'_>),
    warnings: impl IntoIterator<Item = String>,
) -> Snapshot {
    let zone_name = institution.time_zone.iana_name().unwrap_or("UTC");
    let mut snapshot = Snapshot::empty(&institution.name, zone_name, Timestamp::now());
    snapshot.warnings.extend(warnings);
    // A party's own zone is not ours to protect, and its services have seats all the same.
    let has_services =
        |zone: &institution::Zone| institution.services.iter().any(|s| institution[s.zone].id == zone.id);
    let zones = institution.zones.iter().filter(|zone| zone.protected || has_services(zone));
    snapshot.zones = zones
        .map(|zone| Zone {
            name: zone.id.clone(),
            title: zone.name.clone(),
            public: zone.exposure == Exposure::Internet,
        })
        .collect();
    let organisations = institution.organisations.iter();
    snapshot.organisations = organisations
        .map(|organisation| Organisation { name: organisation.id.clone(), title: organisation.name.clone() })
        .collect();
    let services = institution.services.iter();
    snapshot.services = services
        .map(|service| {
            let seeing: Vec<&Sensor> = sensors.iter().filter(|sensor| sees(sensor, service)).collect();
            seat(service, institution, running, &seeing)
        })
        .collect();
    snapshot.floods = running.iter().map(|(_, running)| running.line.clone()).collect();
    snapshot.sensors = sensors;
    snapshot
}

/// A service: under a flood, in a surge, calm, or unknown where no sensor that sees it hears anything.
fn seat(
    service: &institution::Service,
    institution: &Institution,
    running: &[(String, Running)],
    seeing: &[&Sensor],
) -> Service {
    let hears = seeing.iter().any(|sensor| matches!(sensor.state, Hearing::Hearing | Hearing::Losing));
    let of_it = || running.iter().filter(|(_, running)| running.concerned.services.contains(&service.id));
    let flood = of_it().find(|(_, running)| running.is_flood).or_else(|| of_it().next());
    let state = match flood {
        Some((_, running)) if running.is_flood => State::Flood,
        Some(_) => State::Surge,
        None if hears => State::Calm,
        None => State::Unknown,
    };
    Service {
        name: service.id.clone(),
        organisation: institution[service.organisation].id.clone(),
        zone: institution[service.zone].id.clone(),
        criticality: match service.criticality {
            institution::Criticality::Essential => Criticality::Essential,
            institution::Criticality::Important => Criticality::Important,
            institution::Criticality::Supporting => Criticality::Supporting,
        },
        state,
        flood: flood.map(|(id, _)| id.clone()),
        addresses: service.addresses.iter().map(ToString::to_string).collect(),
        names: service.names.clone(),
        packets_per_second: flood.and_then(|(_, running)| running.packets_per_second),
        ordinary_packets_per_second: flood.and_then(|(_, running)| running.baseline_packets_per_second),
        seen_by: seeing.iter().map(|sensor| sensor.name.clone()).collect(),
        workaround: service.workaround.clone(),
    }
}

/// For the page of data protection: what is kept, and for how long.
pub(super) fn retention(config: &Config) -> Vec<(String, String)> {
    let Some(kept) = &config.record else { return Vec::new() };
    let days = |days: u32| format!("{days} days");
    let some = |limit: Option<u32>| limit.map_or_else(|| "without end".to_owned(), days);
    let kept = kept.retention;
    [
        ("floods and surges, with their time lines", some(kept.observed_days)),
        ("what people and the service did", some(kept.acts_days)),
        ("plain addresses of persons, sealed", days(kept.addresses_days)),
        ("headers of packets and flow records around floods", days(kept.evidence_days)),
        ("figures of each second", days(kept.seconds_days)),
        ("figures of each minute", days(kept.minutes_days)),
        ("figures of each hour", days(kept.hours_days)),
    ]
    .map(|(what, long)| (what.to_owned(), long))
    .to_vec()
}

/// A sensor as the record keeps it.
pub(super) fn seen(sensor: &Sensor) -> SensorSeen {
    SensorSeen {
        name: sensor.name.clone(),
        kind: sensor.kind.clone(),
        time: sensor.heard.map_or(0, |heard| i64::try_from(heard.as_nanosecond()).unwrap_or(0)),
        records: sensor.records,
        lost: sensor.lost,
        detail: json!({ "state": sensor.state }),
    }
}

/// How sensors do, from look to look.
pub(in crate::serve) struct Sensors {
    sources: Sources,
    before: Vec<Before>,
    looked: Option<Timestamp>,
    written: Option<Timestamp>,
    is_minute: bool,
}

#[derive(Clone, Debug, Default)]
struct Before {
    records: u64,
    lost: u64,
    heard: Option<Timestamp>,
    lost_at: Option<Timestamp>,
}

impl Sensors {
    /// Reads the same reports as `/metrics` does.
    pub(in crate::serve) fn new(sources: Sources) -> Self {
        Self { sources, before: Vec::new(), looked: None, written: None, is_minute: false }
    }

    /// Whether a minute has passed since the last look for which this was so.
    pub(super) fn is_minute(&self) -> bool {
        self.is_minute
    }

    /// Every exporter, interface, log and syslog.
    pub(super) fn look(&mut self, shared: &Shared) -> Vec<Sensor> {
        let now = Timestamp::now();
        let seconds = self.looked.map(|looked| now.duration_since(looked).as_secs_f64()).filter(|s| *s > 0.0);
        let inputs = inputs_of(&self.sources);
        self.before.resize_with(inputs.len(), Before::default);
        let institution = shared.institution();
        let mut sensors = Vec::with_capacity(inputs.len());
        for (input, before) in inputs.iter().zip(&mut self.before) {
            let more = input.records.saturating_sub(before.records);
            if more > 0 {
                before.heard = Some(now);
            }
            if input.lost > before.lost {
                before.lost_at = Some(now);
            }
            (before.records, before.lost) = (input.records, input.lost);
            let exporter = institution.exporters.iter().find(|exporter| exporter.id == input.name);
            sensors.push(Sensor {
                name: input.name.clone(),
                kind: input.kind.to_owned(),
                state: hearing(before, now),
                heard: before.heard,
                records: input.records,
                records_per_second: seconds.map(|seconds| more as f64 / seconds),
                lost: input.lost,
                lost_share: None,
                sampling: exporter.and_then(|exporter| match exporter.sampling {
                    institution::Sampling::OneIn(rate) => Some(u64::from(rate)),
                    institution::Sampling::Auto => None,
                }),
                blind_to: blind_to(input.kind),
            });
        }
        self.looked = Some(now);
        self.is_minute = self.written.is_none_or(|written| age(written, now) >= MINUTE_SECONDS);
        if self.is_minute {
            self.written = Some(now);
        }
        sensors
    }
}

fn age(then: Timestamp, now: Timestamp) -> i64 {
    now.as_second().saturating_sub(then.as_second())
}

fn hearing(before: &Before, now: Timestamp) -> Hearing {
    match (before.heard, before.lost_at) {
        (_, Some(lost)) if age(lost, now) < LOSING_SECONDS => Hearing::Losing,
        (Some(heard), _) if age(heard, now) < SILENT_SECONDS => Hearing::Hearing,
        (Some(_), _) => Hearing::Silent,
        (None, _) => Hearing::Waiting,
    }
}

/// By kind of [`inputs_of`].
fn blind_to(kind: &str) -> Vec<String> {
    let blind: &[&str] = match kind {
        "exporter" => {
            &["payload and requests", "what is not sampled", "paths that pass no external interface"]
        }
        "mirror" => &["requests inside TLS", "traffic that passes another link"],
        _ => &["packets and connections without a request", "servers whose log does not come here"],
    };
    blind.iter().map(|text| (*text).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensor_waits_hears_loses_and_falls_silent() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut before = Before::default();
        assert_eq!(hearing(&before, at(0)), Hearing::Waiting);
        before.heard = Some(at(10));
        assert_eq!(hearing(&before, at(11)), Hearing::Hearing);
        before.lost_at = Some(at(11));
        assert_eq!(hearing(&before, at(12)), Hearing::Losing);
        assert_eq!(hearing(&before, at(10 + SILENT_SECONDS)), Hearing::Silent);
    }
}
