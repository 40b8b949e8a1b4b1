//! Which notices a channel is told, and when it is left in peace.

use jiff::{Timestamp, tz::TimeZone};

use crate::notice::{Notice, Severity};

/// Which notices a channel is told. What has begun to be told is told to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The least severity.
    pub least: Severity,
    /// If there are any: a notice must concern one of these services.
    pub services: Vec<String>,
    /// If there are any: a notice must concern only these organisations, and at least one. A notice is sent whole, so one
    /// that also names others is kept from a channel that is for one party.
    pub organisations: Vec<String>,
    /// If there are any: a notice must be of one of these kinds.
    pub kinds: Vec<String>,
    /// When only what is urgent is told; the rest follows together afterwards.
    pub quiet: Option<QuietHours>,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            least: Severity::Info,
            services: Vec::new(),
            organisations: Vec::new(),
            kinds: Vec::new(),
            quiet: None,
        }
    }
}

/// Hours of every day.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietHours {
    /// First minute of the day, 0 to 1439.
    pub from_minute: u16,
    /// First minute after them. Before the first: they last over midnight.
    pub to_minute: u16,
    /// Whose day it is.
    pub time_zone: TimeZone,
    /// What is told even then.
    pub least: Severity,
}

/// Names in one list of a rule.
const MAX_LISTED: usize = 1_024;
const MINUTES: u16 = 24 * 60;

impl Rule {
    /// Whether a notice is told.
    pub fn admits(&self, notice: &Notice) -> bool {
        let among = |list: &[String], name: &String| list.contains(name);
        notice.severity >= self.least
            && (self.kinds.is_empty() || among(&self.kinds, &notice.kind))
            && (self.services.is_empty() || notice.services.iter().any(|name| among(&self.services, name)))
            && self.may_see(notice)
    }

    /// Whether every organisation of a notice is among those of the rule. This holds to its end even for what is told.
    pub fn may_see(&self, notice: &Notice) -> bool {
        let all = &notice.organisations;
        self.organisations.is_empty()
            || !all.is_empty() && all.iter().all(|name| self.organisations.contains(name))
    }

    /// The least severity that is told at a time (nanoseconds since 1970), if that is restricted now.
    pub fn quiet_least(&self, time: i64) -> Option<Severity> {
        self.quiet.as_ref().filter(|quiet| quiet.contains(time)).map(|quiet| quiet.least)
    }

    pub(crate) fn problem(&self) -> Option<String> {
        let lists = [&self.services, &self.organisations, &self.kinds];
        if lists.iter().any(|list| list.len() > MAX_LISTED) {
            return Some(format!("a list has more than {MAX_LISTED} names"));
        }
        let quiet = self.quiet.as_ref()?;
        if quiet.from_minute >= MINUTES || quiet.to_minute >= MINUTES || quiet.from_minute == quiet.to_minute
        {
            return Some("quiet hours need two different minutes of a day, 0 to 1439".into());
        }
        None
    }
}

impl QuietHours {
    /// Whether they hold at a time, nanoseconds since 1970.
    pub fn contains(&self, time: i64) -> bool {
        let Ok(time) = Timestamp::from_nanosecond(time.into()) else { return false };
        let local = self.time_zone.to_datetime(time);
        let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
        let (from, to) = (i32::from(self.from_minute), i32::from(self.to_minute));
        if from <= to { (from..to).contains(&minute) } else { minute >= from || minute < to }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::notice::Phase;

    fn notice(severity: Severity, services: &[&str], organisations: &[&str]) -> Notice {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        Notice {
            time: 0,
            severity,
            kind: "flood".into(),
            subject: "a".into(),
            topic: String::new(),
            phase: Phase::Start,
            title: String::new(),
            text: String::new(),
            services: names(services),
            organisations: names(organisations),
            link: None,
            body: Value::Null,
        }
    }

    #[test]
    fn severity_service_kind_and_organisation_are_asked() {
        let all = Rule::default();
        assert!(all.admits(&notice(Severity::Info, &[], &[])));
        let rule = Rule {
            least: Severity::Warning,
            services: vec!["www".into()],
            organisations: vec!["party-x".into()],
            kinds: vec!["flood".into()],
            quiet: None,
        };
        assert!(rule.admits(&notice(Severity::Warning, &["dns", "www"], &["party-x"])));
        assert!(!rule.admits(&notice(Severity::Info, &["www"], &["party-x"])));
        assert!(!rule.admits(&notice(Severity::Critical, &["dns"], &["party-x"])));
        assert!(!rule.admits(&notice(Severity::Critical, &["www"], &[])));
        assert!(!rule.admits(&notice(Severity::Critical, &["www"], &["party-x", "party-y"])));
        let other = Notice { kind: "disk".into(), ..notice(Severity::Critical, &["www"], &["party-x"]) };
        assert!(!rule.admits(&other));
    }

    #[test]
    fn quiet_hours_are_the_institutions_own() {
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let quiet = QuietHours {
            from_minute: 22 * 60,
            to_minute: 6 * 60,
            time_zone: zone,
            least: Severity::Critical,
        };
        let at = |text: &str| i64::try_from(text.parse::<Timestamp>().unwrap().as_nanosecond()).unwrap();
        // Summer: two hours ahead of UTC. Winter: one.
        assert!(quiet.contains(at("2026-07-01T20:00:00Z")));
        assert!(!quiet.contains(at("2026-12-01T20:59:59Z")));
        assert!(quiet.contains(at("2026-12-01T21:00:00Z")));
        assert!(quiet.contains(at("2026-12-01T04:59:00Z")));
        assert!(!quiet.contains(at("2026-12-01T05:00:00Z")));
        let rule = Rule { quiet: Some(quiet), ..Rule::default() };
        assert_eq!(rule.quiet_least(at("2026-12-01T23:00:00Z")), Some(Severity::Critical));
        assert_eq!(rule.quiet_least(at("2026-12-01T12:00:00Z")), None);
    }
}
