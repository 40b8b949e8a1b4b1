//! Faults of the service itself in words: a record that is not written, sensors that fall silent or lose, a certificate of
//! the console that is refused. Each leads to what to do about it.
//!
//! Limit: they concern the whole house, so that a channel for some services or organisations is not told of them.

use std::collections::BTreeMap;

use console::live::{Hearing, Sensor};
use notify::{Notice, Phase, Severity};
use serde_json::{Value, json};

use super::channels::Channels;
use super::links::Links;
use super::now_nanoseconds;

/// What is told of faults, from look to look.
#[derive(Default)]
pub(super) struct Troubles {
    links: Links,
    /// Whether it was told that the console's certificate is refused.
    certificate: bool,
    /// Whether it was told that nothing is recorded.
    disk: bool,
    /// Sensors by kind and name, and what was told of them.
    sensors: BTreeMap<(String, String), Hearing>,
}

impl Troubles {
    /// From now on notices lead there.
    pub(super) fn lead(&mut self, links: &Links) {
        self.links = links.clone();
    }

    /// Sends notices on, each with where to read what to do.
    fn tell(&self, notices: impl IntoIterator<Item = Notice>, channels: &Channels) {
        for mut notice in notices {
            let runbook = console::runbook(alarm(&notice));
            notice.link = self.links.runbook(runbook);
            channels.notify(notice);
        }
    }

    /// The console's certificate: why it is refused, if it is.
    pub(super) fn certificate(&mut self, why: Option<&str>, channels: &Channels) {
        let told = self.of_certificate(why);
        self.tell(told, channels);
    }

    fn of_certificate(&mut self, why: Option<&str>) -> Option<Notice> {
        let phase = match (self.certificate, why) {
            (false, Some(_)) => Phase::Start,
            (true, Some(_)) => Phase::Update,
            (true, None) => Phase::End,
            (false, None) => return None,
        };
        self.certificate = why.is_some();
        let title = if self.certificate {
            "the console's certificate is refused"
        } else {
            "the console's certificate is taken"
        };
        let text = why.unwrap_or("what was wrong is mended");
        let body = json!({ "refused": self.certificate });
        Some(notice("certificate", ("console", Severity::Warning, phase), (title, text), body))
    }

    /// The record: why it is not written, if it is not.
    pub(super) fn record(&mut self, why: Option<&str>, channels: &Channels) {
        let told = self.of_record(why);
        self.tell(told, channels);
    }

    fn of_record(&mut self, why: Option<&str>) -> Option<Notice> {
        let phase = match (self.disk, why) {
            (false, Some(_)) => Phase::Start,
            (true, None) => Phase::End,
            _ => return None,
        };
        self.disk = why.is_some();
        let title = if self.disk { "nothing is recorded" } else { "the record is written again" };
        let text = why.unwrap_or("what happened meanwhile is not in it");
        let body = json!({ "writes": !self.disk });
        Some(notice("disk", ("record", Severity::Warning, phase), (title, text), body))
    }

    /// Every sensor as it is now.
    pub(super) fn sensors(&mut self, seen: &[Sensor], channels: &Channels) {
        let told = self.of_sensors(seen);
        self.tell(told, channels);
    }

    fn of_sensors(&mut self, seen: &[Sensor]) -> Vec<Notice> {
        let mut notices = Vec::new();
        for sensor in seen {
            let key = (sensor.kind.clone(), sensor.name.clone());
            let before = self.sensors.get(&key).copied();
            let is_faulty = matches!(sensor.state, Hearing::Silent | Hearing::Losing);
            if before == Some(sensor.state) || before.is_none() && !is_faulty {
                continue;
            }
            let phase = match (before, is_faulty) {
                (_, false) => Phase::End,
                (None, true) => Phase::Start,
                (Some(_), true) => Phase::Update,
            };
            if is_faulty {
                self.sensors.insert(key, sensor.state);
            } else {
                self.sensors.remove(&key);
            }
            notices.push(of_sensor(sensor, phase));
        }
        // Those that another institution file does not have.
        self.sensors.retain(|(kind, name), _| {
            let is_there = seen.iter().any(|sensor| sensor.kind == *kind && sensor.name == *name);
            if !is_there {
                let gone = Sensor { name: name.clone(), kind: kind.clone(), ..Sensor::default() };
                notices.push(of_sensor(&gone, Phase::End));
            }
            is_there
        });
        notices
    }
}

/// Which alarm a notice of a fault is.
fn alarm(notice: &Notice) -> console::Alarm<'static> {
    match (notice.kind.as_str(), notice.body["state"].as_str()) {
        ("disk", _) => console::Alarm::RecordNotWritten,
        ("certificate", _) => console::Alarm::CertificateRefused,
        (_, Some("losing")) => console::Alarm::SensorLosing,
        _ => console::Alarm::SensorSilent,
    }
}

/// A night without readers makes a log silent: that is worth knowing, and no fault by itself.
fn severity(sensor: &Sensor) -> Severity {
    match (sensor.state, sensor.kind.as_str()) {
        (Hearing::Silent, "access_log" | "syslog") => Severity::Info,
        (Hearing::Silent | Hearing::Losing, _) => Severity::Warning,
        _ => Severity::Info,
    }
}

fn of_sensor(sensor: &Sensor, phase: Phase) -> Notice {
    let (name, kind) = (&sensor.name, sensor.kind.replace('_', " "));
    let (title, text) = match sensor.state {
        Hearing::Silent => (
            format!("{kind} {name} is silent"),
            "Nothing has come from it for five minutes: what it alone sees is not seen.".to_owned(),
        ),
        Hearing::Losing => (
            format!("{kind} {name} loses"),
            format!("{} units were lost since the start: figures are lower bounds.", sensor.lost),
        ),
        _ if sensor.heard.is_none() => {
            (format!("{kind} {name} is no longer watched"), "The configuration is another one.".to_owned())
        }
        _ => (format!("{kind} {name} is well again"), "It is heard, and nothing is lost.".to_owned()),
    };
    let body =
        json!({ "sensor": name, "sensor_kind": sensor.kind, "state": sensor.state, "lost": sensor.lost });
    let subject = format!("{} {name}", sensor.kind);
    notice("sensor", (&subject, severity(sensor), phase), (&title, &text), body)
}

fn notice(
    kind: &str,
    (subject, severity, phase): (&str, Severity, Phase),
    (title, text): (&str, &str),
    body: Value,
) -> Notice {
    Notice {
        time: now_nanoseconds(),
        severity,
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        topic: format!("{kind} {subject}"),
        phase,
        title: title.to_owned(),
        text: text.to_owned(),
        services: Vec::new(),
        organisations: Vec::new(),
        link: None,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sensor(state: Hearing) -> Sensor {
        let heard = (state != Hearing::Waiting).then_some(jiff::Timestamp::UNIX_EPOCH);
        Sensor { name: "edge".to_owned(), kind: "exporter".to_owned(), state, heard, ..Sensor::default() }
    }

    #[test]
    fn a_sensor_that_loses_and_falls_silent_is_one_fault_with_an_end() {
        let mut troubles = Troubles::default();
        let mut phases = Vec::new();
        for state in [
            Hearing::Waiting,
            Hearing::Hearing,
            Hearing::Losing,
            Hearing::Losing,
            Hearing::Silent,
            Hearing::Hearing,
            Hearing::Hearing,
        ] {
            phases.extend(troubles.of_sensors(&[sensor(state)]).iter().map(|notice| notice.phase));
        }
        assert_eq!(phases, [Phase::Start, Phase::Update, Phase::End]);
    }

    #[test]
    fn a_record_that_is_not_written_is_told_once_and_to_its_end() {
        let mut troubles = Troubles::default();
        let looks = [None, Some("the disk is full; 1 lost"), Some("the disk is full; 2 lost"), None, None];
        let told: Vec<_> = looks.into_iter().filter_map(|why| troubles.of_record(why)).collect();
        let phases: Vec<_> = told.iter().map(|notice| notice.phase).collect();
        assert_eq!(phases, [Phase::Start, Phase::End]);
        assert!(told[0].text.contains("the disk is full") && told[0].kind == "disk", "{told:?}");
    }

    #[test]
    fn a_certificate_that_is_refused_is_told_until_one_is_taken() {
        let mut troubles = Troubles::default();
        let looks = [None, Some("no key"), Some("no chain"), None, None];
        let told: Vec<_> = looks.into_iter().filter_map(|why| troubles.of_certificate(why)).collect();
        let phases: Vec<_> = told.iter().map(|notice| notice.phase).collect();
        assert_eq!(phases, [Phase::Start, Phase::Update, Phase::End]);
        assert_eq!(console::runbook(alarm(&told[0])), "certificate-refused");
    }

    #[test]
    fn every_fault_leads_to_what_to_do() {
        let mut troubles = Troubles::default();
        let runbook = |notice: &Notice| console::runbook(alarm(notice));
        assert_eq!(runbook(&troubles.of_record(Some("the disk is full")).unwrap()), "record-not-written");
        assert_eq!(runbook(&troubles.of_sensors(&[sensor(Hearing::Losing)])[0]), "sensor-losing");
        assert_eq!(runbook(&troubles.of_sensors(&[sensor(Hearing::Silent)])[0]), "sensor-silent");
    }

    #[test]
    fn a_sensor_that_the_file_has_no_more_is_told_to_its_end() {
        let mut troubles = Troubles::default();
        assert_eq!(troubles.of_sensors(&[sensor(Hearing::Silent)]).len(), 1);
        let told = troubles.of_sensors(&[]);
        assert_eq!((told.len(), told[0].phase), (1, Phase::End));
        assert!(told[0].title.contains("no longer watched"), "{told:?}");
        assert!(troubles.of_sensors(&[]).is_empty());
    }
}
