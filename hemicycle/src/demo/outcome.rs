//! What is known to be in each scene beside what was found.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use serde::Serialize;
use wire::Time;

use super::day::{Expect, Stage};
use crate::replay::floods::{Flood, Floods};
use crate::replay::timeline::{clock, target};
use crate::style::{Style, duration, table};

/// A flood that begins this long before its scene or after it still belongs to it.
const MARGIN_NANOSECONDS: i64 = 5_000_000_000;
/// Characters of a title in the table.
const TITLE_CHARACTERS: usize = 52;

/// An attack scene as it was played.
pub(crate) struct Attack {
    pub(crate) title: String,
    pub(crate) start: Time,
    pub(crate) end: Time,
    pub(crate) expect: Expect,
}

/// How a scene came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// A right name led a flood on the right target.
    Found,
    /// A flood on the right target had another name.
    OtherName,
    /// Nothing was found.
    Missed,
    /// Nothing was found, and this needs connections or requests to be understood, which a later release does.
    NotLookedFor,
}

/// One attack scene of the summary.
#[derive(Serialize)]
pub(crate) struct Scene {
    title: String,
    start: String,
    expected_vectors: Vec<String>,
    expected_target: String,
    verdict: Verdict,
    found: Option<String>,
    found_on: Option<String>,
    floods: usize,
    /// From the first packet of the scene, ordinary traffic included, to the first line about the flood.
    alarm_after_seconds: Option<f64>,
    /// From the onset, as the detector dates it, to the first line about the flood.
    delay_seconds: Option<f64>,
    #[serde(skip)]
    begins: Time,
}

/// All scenes, and the floods that none of them explains.
#[derive(Serialize)]
pub(crate) struct Outcome {
    scenes: Vec<Scene>,
    unexplained: Vec<Unexplained>,
}

/// A flood outside every attack scene.
#[derive(Serialize)]
struct Unexplained {
    onset: String,
    target: String,
    vectors: String,
    /// It is a network around an attacked address, which was reported a second time.
    is_wider: bool,
    #[serde(skip)]
    at: Time,
}

impl Outcome {
    /// Compares.
    pub(crate) fn new(attacks: &[Attack], floods: &Floods) -> Self {
        let explained = |flood: &Flood| attacks.iter().any(|attack| attack.holds(flood));
        let unexplained = floods.list().iter().filter(|flood| !explained(flood)).map(|flood| Unexplained {
            onset: detect::event::format_time(flood.onset),
            target: target(&flood.target),
            vectors: flood.vector_names(),
            is_wider: attacks.iter().any(|attack| attack.is_within(flood)),
            at: flood.onset,
        });
        Self {
            scenes: attacks.iter().map(|attack| attack.compare(floods)).collect(),
            unexplained: unexplained.collect(),
        }
    }

    /// A row for each scene and a sentence at the end.
    pub(crate) fn text(&self, style: Style, zone: &TimeZone) -> String {
        let rows: Vec<Vec<String>> = self.scenes.iter().map(|scene| scene.row(zone)).collect();
        let headings = ["AT", "SCENE", "EXPECTED", "FOUND", "ALARM AFTER", "DELAY"];
        let right = [false, false, false, false, true, true];
        let mut text = format!("\n{}", table(&headings, &right, &rows, style));
        let note = "Alarm after: from the scene's first packet, ordinary traffic included. Delay: from the onset as dated.\n";
        text.push_str(&style.dim(note));
        let count = |verdict| self.scenes.iter().filter(|scene| scene.verdict == verdict).count();
        let later = count(Verdict::NotLookedFor);
        let (found, all) = (count(Verdict::Found), self.scenes.len() - later);
        text.push_str(&format!("\n{found} of {all} attacks were found and named"));
        if later > 0 {
            text.push_str(&format!(
                "; for {later}, requests have to be understood, which a later release does"
            ));
        }
        text.push_str(&format!(". {} floods were found that no scene explains", self.unexplained.len()));
        text.push_str(if self.unexplained.is_empty() { ".\n" } else { ":\n" });
        for flood in &self.unexplained {
            let wider = if flood.is_wider { ", around an attacked address: reported twice" } else { "" };
            let at = clock(flood.at, zone);
            text.push_str(&format!("  {at}  {}: {}{wider}\n", flood.target, flood.vectors));
        }
        text
    }
}

impl Attack {
    /// Whether a flood belongs to this scene: its time, and a target that is the attacked one or a part of it.
    fn holds(&self, flood: &Flood) -> bool {
        self.has_target(flood, |expected, address| expected.contains(address))
    }

    /// Whether a flood at the time of this scene has a target around the attacked one.
    fn is_within(&self, flood: &Flood) -> bool {
        self.has_target(flood, |expected, address| address.contains(expected))
    }

    fn has_target(&self, flood: &Flood, fits: impl Fn(&IpNet, &IpNet) -> bool) -> bool {
        let from = self.start.plus_nanoseconds(-MARGIN_NANOSECONDS);
        let to = self.end.plus_nanoseconds(MARGIN_NANOSECONDS);
        let Some(expected) = network(&self.expect.target) else { return false };
        let mut addresses = flood.target.addresses.iter().filter_map(|address| network(address));
        from <= flood.onset && flood.onset <= to && addresses.any(|address| fits(&expected, &address))
    }

    fn compare(&self, floods: &Floods) -> Scene {
        let names: Vec<&str> = self.expect.vectors.split('|').collect();
        let mine: Vec<&Flood> = floods.list().iter().filter(|flood| self.holds(flood)).collect();
        let right = mine.iter().find(|flood| flood.leads.iter().any(|lead| names.contains(lead)));
        let shown = right.or(mine.first());
        let verdict = match (right, shown, self.expect.stage) {
            (Some(_), ..) => Verdict::Found,
            (None, Some(_), _) => Verdict::OtherName,
            (None, None, Stage::Network) => Verdict::Missed,
            (None, None, Stage::Behaviour) => Verdict::NotLookedFor,
        };
        Scene {
            title: self.title.clone(),
            start: detect::event::format_time(self.start),
            expected_vectors: names.iter().map(|&name| name.to_owned()).collect(),
            expected_target: self.expect.target.clone(),
            verdict,
            found: shown.map(|flood| flood.vector_names()),
            found_on: shown.map(|flood| target(&flood.target)),
            floods: mine.len(),
            alarm_after_seconds: shown.map(|flood| flood.told.seconds_since(self.start)),
            delay_seconds: shown.map(|flood| flood.told.seconds_since(flood.onset)),
            begins: self.start,
        }
    }
}

impl Scene {
    fn row(&self, zone: &TimeZone) -> Vec<String> {
        let found = match (self.verdict, &self.found) {
            (Verdict::Found, Some(found)) => found.clone(),
            (Verdict::OtherName, Some(found)) => format!("other name: {found}"),
            (Verdict::NotLookedFor, _) => "not looked for yet".to_owned(),
            _ => "MISSED".to_owned(),
        };
        let times = if self.floods > 1 { format!(" ({} floods)", self.floods) } else { String::new() };
        let seconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), duration);
        vec![
            clock(self.begins, zone),
            shortened(&self.title),
            format!("{} on {}", self.expected_vectors.join(" or "), self.expected_target),
            format!("{found}{times}"),
            seconds(self.alarm_after_seconds),
            seconds(self.delay_seconds),
        ]
    }
}

fn shortened(title: &str) -> String {
    match title.char_indices().nth(TITLE_CHARACTERS) {
        None => title.to_owned(),
        Some((at, _)) => format!("{}…", title.get(..at).unwrap_or(title).trim_end()),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}
