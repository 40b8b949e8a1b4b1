//! What was said of a recording, held against its label; and answers without a detector.

use std::collections::BTreeMap;

use detect::{Event, Phase};

/// Floods beside the right one that a recording may have, as in `lab detect`.
const EXTRA_FLOODS_ALLOWED: usize = 1;

/// A flood or a surge, from its first and its last line.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Said {
    /// Leading vector of the last line, or `surge`.
    pub(super) name: String,
    /// Name of the target, and its addresses.
    pub(super) targets: Vec<String>,
    /// When the first line was known, nanoseconds since 1970.
    pub(super) alarm: i64,
}

/// What should be said of a recording.
#[derive(Clone, Debug)]
pub(super) struct Label {
    /// Names that are equally right; empty: no flood.
    pub(super) names: Vec<String>,
    /// Address or host name; empty: any.
    pub(super) target: String,
}

/// How a recording went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Verdict {
    pub(super) held: bool,
    /// Place of the right flood.
    pub(super) right: Option<usize>,
    /// Floods that are not right ones.
    pub(super) extra: usize,
}

impl Said {
    fn is_surge(&self) -> bool {
        self.name == "surge"
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        format!("{} on {}", self.name, self.targets.first().map_or("?", String::as_str))
    }
}

impl Label {
    /// Judges what was said. A surge is neither right nor wrong.
    pub(super) fn judge(&self, said: &[Said]) -> Verdict {
        let is_right = |one: &Said| {
            self.names.contains(&one.name) && (self.target.is_empty() || one.targets.contains(&self.target))
        };
        let extra = said.iter().filter(|one| !one.is_surge() && !is_right(one)).count();
        let right = said.iter().position(is_right);
        let held = match self.names.is_empty() {
            true => extra == 0,
            false => right.is_some() && extra <= EXTRA_FLOODS_ALLOWED,
        };
        Verdict { held, right, extra }
    }

    /// In words.
    pub(super) fn text(&self) -> String {
        match (self.names.is_empty(), self.target.is_empty()) {
            (true, _) => "no flood".to_owned(),
            (_, true) => self.names.join(" or "),
            _ => format!("{} on {}", self.names.join(" or "), self.target),
        }
    }
}

/// What the events of a run say.
pub(super) fn said(events: &[Event]) -> Vec<Said> {
    let mut said: Vec<Said> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for event in events {
        let line = event.line();
        let lead = line.vectors.first().map_or("unnamed", |vector| vector.name.name());
        let name = if matches!(event, Event::Surge(_)) { "surge" } else { lead }.to_owned();
        let targets = [&line.target.name].into_iter().chain(&line.target.addresses).cloned().collect();
        let known = places.get(line.id.as_str()).copied().filter(|_| line.phase != Phase::Start);
        match known.and_then(|place| said.get_mut(place)) {
            Some(known) => (known.name, known.targets) = (name, targets),
            None => {
                places.insert(&line.id, said.len());
                said.push(Said { name, targets, alarm: line.time.nanoseconds() });
            }
        }
    }
    said
}

/// Answers without a detector.
pub(super) const CONTROLS: [&str; 3] =
    ["recordings: nothing", "recordings: floods everywhere", "recordings: http_flood on one address"];

/// What such an answer says of a recording, whose destinations and hosts are `targets`.
pub(super) fn control(place: usize, targets: &[String]) -> Vec<Said> {
    let flood =
        |name: &str, target: &str| Said { name: name.to_owned(), targets: vec![target.to_owned()], alarm: 0 };
    match place {
        0 => Vec::new(),
        1 => targets.iter().map(|target| flood("http_flood", target)).collect(),
        _ => vec![flood("http_flood", "192.0.2.10")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(name: &str, target: &str) -> Said {
        Said { name: name.to_owned(), targets: vec!["www".to_owned(), target.to_owned()], alarm: 0 }
    }

    fn label(names: &[&str], target: &str) -> Label {
        Label { names: names.iter().map(|name| (*name).to_owned()).collect(), target: target.to_owned() }
    }

    #[test]
    fn a_flood_is_right_by_name_and_target() {
        let expected = label(&["http_flood", "login_flood"], "192.0.2.10");
        let right = say("login_flood", "192.0.2.10");
        let verdict = expected.judge(&[say("surge", "192.0.2.10"), right.clone()]);
        assert_eq!(verdict, Verdict { held: true, right: Some(1), extra: 0 });
        assert!(!expected.judge(&[]).held);
        assert!(!expected.judge(&[say("slow_http", "192.0.2.10")]).held);
        assert!(!expected.judge(&[say("http_flood", "192.0.2.11")]).held);
        assert!(!expected.judge(&[say("surge", "192.0.2.10")]).held, "a surge is no flood");
        let other = say("slow_http", "192.0.2.10");
        assert!(expected.judge(&[right.clone(), other.clone()]).held);
        assert!(!expected.judge(&[right, other.clone(), other]).held, "too many false ones");
        assert!(label(&["slow_http"], "").judge(&[say("slow_http", "any.log")]).held);
    }

    #[test]
    fn where_nothing_is_flooded_only_a_surge_may_be_said() {
        let quiet = label(&[], "");
        assert!(quiet.judge(&[]).held && quiet.judge(&[say("surge", "192.0.2.10")]).held);
        assert!(!quiet.judge(&[say("http_flood", "192.0.2.10")]).held);
    }

    #[test]
    fn answers_without_a_detector_say_what_they_are_called() {
        let targets = ["192.0.2.10".to_owned(), "www.parliament.example".to_owned()];
        let quiet = label(&[], "");
        assert!(control(0, &targets).is_empty());
        assert_eq!(quiet.judge(&control(1, &targets)).extra, 2);
        assert_eq!(quiet.judge(&control(2, &targets)).extra, 1);
    }
}
