//! What the floods of the day were predicted to take down, beside what the day shows.
//!
//! The prediction is that of the coupling table ([`expose::Couplings::lost_at`]), made from the institution file alone, at the size that
//! was measured. What the day shows is which services went on answering: a mirror port sees no more. A service that sends too little, or too seldom,
//! for silence to mean something is not judged, and neither is one of which the prediction says that it may be lost or not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use detect::event::Direction;
use expose::{Exposure, HOLD_SECONDS, Model, Unit};
use institution::{Institution, ServiceId};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use serde::Serialize;
use wire::Time;

use super::activity::Activity;
use crate::replay::floods::{Flood, Floods};
use crate::replay::timeline::{clock, target};
use crate::style::{Style, few, percent, short, table};

/// Time before a flood from which it is known how much a service sends.
const BEFORE_NANOSECONDS: i64 = 3_600_000_000_000;
/// Fewer packets than this may fail to come without anything being down.
const LEAST_EXPECTED: f64 = 10.0;
/// A silence says something if it is so many times as long as the longest one before the flood: packets come in bunches, and many of one
/// session that did not begin say no more than one.
const LEAST_PAUSES: f64 = 2.0;
/// Names of each list that are printed; the rest is counted.
const NAMES: usize = 4;

/// Whether a prediction came true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Agreement {
    /// Everything that can be told is as predicted.
    Agrees,
    /// Something is not.
    Disagrees,
    /// Nothing can be told.
    CannotTell,
}

impl Agreement {
    const fn words(self) -> &'static str {
        match self {
            Self::Agrees => "as predicted",
            Self::Disagrees => "NOT AS PREDICTED",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// The end that a flood is nearest to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Nearest {
    elements: Vec<String>,
    unit: Unit,
    at: f64,
    /// How much of that the flood was.
    share: f64,
}

/// One flood, predicted and seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Prediction {
    onset: String,
    target: String,
    /// What it surely takes down beside its target.
    surely: Vec<String>,
    /// What it takes down if everything is as weak as the file lets it be.
    possibly: Vec<String>,
    nearest: Option<Nearest>,
    /// Of what a flood on this target can take down at some size: seen to answer while it went on.
    answering: Vec<String>,
    /// Fell silent although it should have been heard.
    silent: Vec<String>,
    /// Sends too little in this recording.
    not_told: Vec<String>,
    agreement: Agreement,
    #[serde(skip)]
    at: Time,
}

/// Compares every flood on a declared service. With it, how many packets of services had no room and are no part of that.
///
/// # Errors
/// When needs go in a circle, which the parser has refused already.
pub(crate) fn compare(
    institution: &Institution,
    floods: &Floods,
    activity: &Activity,
) -> Result<(Vec<Prediction>, u64), expose::Error> {
    let exposure = Exposure::of(Model::of(institution))?;
    let inbound = floods.list().iter().filter(|flood| flood.direction != Direction::Out);
    let list = inbound.filter_map(|flood| of_flood(institution, &exposure, flood, activity)).collect();
    Ok((list, activity.all_omitted()))
}

fn of_flood(
    institution: &Institution,
    exposure: &Exposure,
    flood: &Flood,
    activity: &Activity,
) -> Option<Prediction> {
    let targets = targets(institution, flood);
    if targets.is_empty() {
        return None;
    }
    let sizes = sizes(flood);
    let mut prediction = Prediction {
        onset: detect::event::format_time(flood.onset),
        target: target(&flood.target),
        surely: Vec::new(),
        possibly: Vec::new(),
        nearest: None,
        answering: Vec::new(),
        silent: Vec::new(),
        not_told: Vec::new(),
        agreement: Agreement::CannotTell,
        at: flood.onset,
    };
    let (mut surely, mut possibly, mut any) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for id in &targets {
        let name = institution[*id].id.as_str();
        for (&unit, &size) in &sizes {
            surely.extend(exposure.couplings.lost_at(name, unit, size, true).into_keys());
            possibly.extend(exposure.couplings.lost_at(name, unit, size, false).into_keys());
        }
        for row in exposure.couplings.rows.iter().filter(|row| row.target == name) {
            any.extend(row.inside.iter().map(String::as_str));
            let near = sizes.iter().filter_map(|(&unit, &size)| {
                let at = row.limit(unit, true).or_else(|| row.limit(unit, false)).filter(|at| *at > 0.0)?;
                Some(Nearest { elements: row.elements.clone(), unit, at, share: size / at })
            });
            let nearest = near.chain(prediction.nearest.take());
            prediction.nearest = nearest.max_by(|one, other| one.share.total_cmp(&other.share));
        }
    }
    // What is hit itself is no consequence.
    let own: BTreeSet<&str> = targets.iter().map(|id| institution[*id].id.as_str()).collect();
    let list = |set: &BTreeSet<&str>| -> Vec<String> {
        set.iter().filter(|name| !own.contains(*name)).map(|name| (*name).to_owned()).collect()
    };
    prediction.surely = list(&surely);
    prediction.possibly = list(&possibly.difference(&surely).copied().collect());
    for name in list(&any) {
        let Some(id) = institution.services.iter().position(|service| service.id == name) else { continue };
        let heard = heard(activity, ServiceId(id as u16), flood.onset, flood.last_packet);
        match heard {
            Some(true) => prediction.answering.push(name),
            Some(false) => prediction.silent.push(name),
            None => prediction.not_told.push(name),
        }
    }
    prediction.agreement = prediction.judged();
    Some(prediction)
}

/// Declared services at the addresses of a flood, in zones that everybody can reach.
fn targets(institution: &Institution, flood: &Flood) -> Vec<ServiceId> {
    let networks: Vec<IpNet> = flood
        .target
        .addresses
        .iter()
        .filter_map(|text| text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)))
        .collect();
    let is_hit = |service: &institution::Service| {
        institution[service.zone].exposure == institution::Exposure::Internet
            && service
                .addresses
                .iter()
                .any(|address| networks.iter().any(|network| network.contains(address)))
    };
    let services = institution.services.iter().enumerate();
    services.filter(|(_, service)| is_hit(service)).map(|(place, _)| ServiceId(place as u16)).collect()
}

/// How large a flood was in the units that it uses up, by its strongest second.
fn sizes(flood: &Flood) -> BTreeMap<Unit, f64> {
    let packets = flood.peak_packets_per_second;
    let mut sizes = BTreeMap::from([
        (Unit::BitsPerSecond, flood.peak_bits_per_second),
        (Unit::PacketsPerSecond, packets),
    ]);
    let led_by = |names: &[&str]| flood.leads.iter().any(|lead| names.contains(lead));
    if led_by(&["syn_flood", "connection_flood"]) {
        // An entry is held so long, or as long as the flood has gone on.
        let held = HOLD_SECONDS.min(flood.last_packet.seconds_since(flood.onset).max(1.0));
        sizes.insert(Unit::NewConnectionsPerSecond, packets);
        sizes.insert(Unit::TableEntries, packets * held);
    }
    let queries = if led_by(&["dns_query_flood"]) { packets } else { flood.peak_requests_per_second };
    sizes.insert(Unit::QueriesPerSecond, queries);
    sizes.retain(|_, size| *size > 0.0);
    sizes
}

/// Whether a service went on while a flood did, from its onset to its last packet; none if it cannot be told.
fn heard(activity: &Activity, service: ServiceId, onset: Time, last: Time) -> Option<bool> {
    // What was on its way when it began says nothing: the second half of it.
    let middle = onset.plus_nanoseconds(last.nanoseconds().saturating_sub(onset.nanoseconds()) / 2);
    let during = activity.within(service, middle, last)?;
    if during.packets > 0 {
        return Some(true);
    }
    let before = onset.plus_nanoseconds(-BEFORE_NANOSECONDS);
    let sent = activity.within(service, before, onset)?;
    let expected = sent.packets as f64 / sent.seconds * during.seconds;
    let is_unusual =
        expected >= LEAST_EXPECTED && during.seconds >= LEAST_PAUSES * sent.longest_pause_seconds;
    (is_unusual && activity.omitted(service) == 0).then_some(false)
}

impl Prediction {
    fn judged(&self) -> Agreement {
        let wrong = self.surely.iter().any(|name| self.answering.contains(name))
            || self.silent.iter().any(|name| !self.surely.contains(name) && !self.possibly.contains(name));
        // What may be lost or not is no test.
        let told = self.answering.iter().chain(&self.silent).any(|name| !self.possibly.contains(name));
        match (wrong, told) {
            (true, _) => Agreement::Disagrees,
            (false, true) => Agreement::Agrees,
            (false, false) => Agreement::CannotTell,
        }
    }

    /// What was predicted, in words.
    pub(crate) fn predicted(&self) -> String {
        let mut text = match (self.surely.is_empty(), self.possibly.is_empty()) {
            (true, true) => "nothing".to_owned(),
            (true, false) => format!("perhaps {}", few(&self.possibly, NAMES)),
            (false, true) => few(&self.surely, NAMES),
            (false, false) => format!("{}; perhaps {}", few(&self.surely, NAMES), few(&self.possibly, NAMES)),
        };
        if let Some(near) = &self.nearest {
            let share = percent(near.share);
            let through = near.elements.join(" + ");
            text.push_str(&format!(" ({share} of {} {} of {through})", short(near.at), near.unit.short()));
        }
        text
    }

    /// What the day shows, in words.
    pub(crate) fn shown(&self) -> String {
        let parts = [("answers", &self.answering), ("silent", &self.silent), ("not told", &self.not_told)];
        let parts = parts.iter().filter(|(_, list)| !list.is_empty());
        parts.map(|(word, list)| format!("{word}: {}", few(list, NAMES))).collect::<Vec<_>>().join("; ")
    }

    /// For the page of the console.
    pub(crate) fn row(&self, zone: &TimeZone) -> console::exposure::Tested {
        console::exposure::Tested {
            at: clock(self.at, zone),
            target: self.target.clone(),
            predicted: self.predicted(),
            shown: self.shown(),
            verdict: self.agreement.words().to_lowercase(),
        }
    }
}

/// A row for each flood and a sentence at the end. `omitted` packets of services had no room.
pub(crate) fn text(predictions: &[Prediction], omitted: u64, style: Style, zone: &TimeZone) -> String {
    if predictions.is_empty() {
        return String::new();
    }
    let row = |it: &Prediction| {
        vec![
            clock(it.at, zone),
            it.target.clone(),
            it.predicted(),
            it.shown(),
            it.agreement.words().to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = predictions.iter().map(row).collect();
    let count = |agreement| predictions.iter().filter(|it| it.agreement == agreement).count();
    let nothing = predictions.iter().filter(|it| it.surely.is_empty() && it.possibly.is_empty()).count();
    let headings = ["AT", "FLOOD ON", "PREDICTED TO TAKE DOWN", "THE DAY SHOWS", ""];
    let mut text = format!(
        "\n{}{}Of {} floods {nothing} were predicted to take down nothing else. As far as was seen, {} went as predicted and {} did not; of {} it cannot be told.\n",
        table(&headings, &[], &rows, style),
        style.dim(
            "Predicted from the institution file alone, at the measured size; a share is that of the nearest capacity. The scenes were recorded apart from\neach other, so that no service in them suffers from another's flood: what is shown is that nothing was predicted that did not happen.\n"
        ),
        predictions.len(),
        count(Agreement::Agrees),
        count(Agreement::Disagrees),
        count(Agreement::CannotTell),
    );
    if omitted > 0 {
        text.push_str(&format!("{omitted} packets of services were not looked at for want of room.\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(surely: &[&str], possibly: &[&str], answering: &[&str], silent: &[&str]) -> Agreement {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let prediction = Prediction {
            onset: String::new(),
            target: String::new(),
            surely: list(surely),
            possibly: list(possibly),
            nearest: None,
            answering: list(answering),
            silent: list(silent),
            not_told: Vec::new(),
            agreement: Agreement::CannotTell,
            at: Time::from_nanoseconds(0),
        };
        prediction.judged()
    }

    #[test]
    fn only_what_can_be_told_is_a_test() {
        assert_eq!(prediction(&[], &[], &["mail"], &[]), Agreement::Agrees);
        assert_eq!(prediction(&["mail"], &[], &["mail"], &[]), Agreement::Disagrees);
        assert_eq!(prediction(&["mail"], &[], &[], &["mail"]), Agreement::Agrees);
        assert_eq!(prediction(&[], &[], &[], &["mail"]), Agreement::Disagrees);
        // It may be lost or not: either is no test.
        assert_eq!(prediction(&[], &["mail"], &["mail"], &[]), Agreement::CannotTell);
        assert_eq!(prediction(&[], &["mail"], &[], &["mail"]), Agreement::CannotTell);
        assert_eq!(prediction(&["mail"], &[], &[], &[]), Agreement::CannotTell);
    }

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    /// When the flood of these tests begins.
    const ONSET: i64 = 10 * HOUR;

    /// What is said of a service that sends a packet in each of some seconds, while a flood goes on for so long.
    fn said(seconds: impl IntoIterator<Item = i64>, flood_milliseconds: i64) -> Option<bool> {
        let institution = institution::parse("n", crate::demo::day::INSTITUTION).unwrap();
        let mail = institution.services.iter().position(|service| service.id == "mail").unwrap();
        let mut activity = Activity::new(institution);
        let at = |milliseconds: i64| Time::from_nanoseconds(milliseconds * 1_000_000);
        for second in seconds {
            activity.see(at(second * 1_000 + 500), "192.0.2.25".parse().unwrap(), 6, 25);
        }
        heard(&activity, ServiceId(mail as u16), at(ONSET * 1_000), at(ONSET * 1_000 + flood_milliseconds))
    }

    #[test]
    fn silence_means_something_only_of_what_was_heard() {
        let (usual, ten_minutes) = (ONSET - HOUR..ONSET, 600_000);
        assert_eq!(said(usual.clone(), ten_minutes), Some(false), "it fell silent");
        let middle = ONSET + 5 * MINUTE;
        assert_eq!(said(usual.clone().chain([middle + 1]), ten_minutes), Some(true), "it answers");
        assert_eq!(said(usual.clone().chain(ONSET..middle), ten_minutes), Some(false), "that was on its way");
        let after = ONSET + 10 * MINUTE;
        assert_eq!(said(usual.chain(after..after + HOUR), ten_minutes), Some(false), "that came after it");
        assert_eq!(said((ONSET - HOUR..ONSET).step_by(34), ten_minutes), None, "9 packets would have come");
        assert_eq!(said((ONSET - HOUR..ONSET).step_by(29), ten_minutes), Some(false), "10 would have");
        assert_eq!(said(ONSET - 9 * HOUR..ONSET - HOUR, ten_minutes), None, "it was silent before");
        let ever_less = (0..ONSET - HOUR).chain((ONSET - HOUR..ONSET).step_by(34));
        assert_eq!(said(ever_less, ten_minutes), None, "what it sent hours ago says nothing");
    }

    /// The sessions of few people come in bunches: between two of them ten expected packets say nothing. Found by the day of the demo itself.
    #[test]
    fn a_pause_that_is_usual_is_no_silence() {
        let bunches = |pause: i64| (ONSET - HOUR..ONSET).filter(move |second| second % (pause + 30) >= pause);
        assert_eq!(said(bunches(150), 600_000), Some(false), "five minutes are twice as long");
        assert_eq!(said(bunches(151), 600_000), None, "they are not");
        assert_eq!(said(ONSET - HOUR..ONSET - 151, 600_000), None, "it was silent when the flood began");
    }

    /// A flood of seconds: what came in its first half is not taken for its second.
    #[test]
    fn of_a_short_flood_only_whole_seconds_of_its_second_half_are_looked_at() {
        let usual = ONSET - HOUR..ONSET;
        assert_eq!(said(usual.clone().chain([ONSET + 2]), 6_000), None, "three packets are too few");
        assert_eq!(said(usual.clone().chain([ONSET + 3]), 6_000), Some(true));
        assert_eq!(said(usual.clone().chain([ONSET + 6]), 6_400), None, "that second ends after it");
        assert_eq!(said(usual.chain([ONSET, ONSET + 1]), 1_500), None, "no second lies within its half");
    }
}
