//! What was said against what happened: floods found and how soon, false floods, surges called surges.
//!
//! A flood counts as found when the first word of it, with any flood's name and on the right service, comes between its begin
//! and [`GRACE_SECONDS`] after its end: logs tell of a request when it is over. What is said before an event began, and is
//! still said during it, is false. A flood that is said during a surge is false, and is counted apart as well.

use super::event::{Event, FACTORS, Kind};

/// How long after its end an event may still be told of.
pub(super) const GRACE_SECONDS: f64 = 90.0;

/// How long after that a flood may be said to go on.
const HANGING_SECONDS: f64 = 600.0;

/// Something that an answer said.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Found {
    pub(crate) service: u32,
    /// A name of the contract: `http_flood`, …, or `surge`.
    pub(crate) name: String,
    /// When it was said, in seconds since the first one of the traffic, and not when it is said to have begun.
    pub(crate) said: f64,
    /// When it was said to be over.
    pub(crate) ended: f64,
    /// What it was told with: shown where it is false.
    pub(crate) why: String,
}

impl Found {
    fn is_surge(&self) -> bool {
        self.name == "surge"
    }
}

/// What came of one event.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) event: Event,
    /// Seconds from its begin to the first flood (of a surge: to the first surge) that was said.
    pub(crate) delay: Option<f64>,
    /// Whether one of the right names was among what was said.
    pub(crate) is_named: bool,
    /// Whether a surge was called a flood, or a flood a surge and nothing else.
    pub(crate) is_mistaken: bool,
}

/// The judgement of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Score {
    pub(crate) outcomes: Vec<Outcome>,
    /// Floods that nothing explains, in the order in which they were given.
    pub(crate) false_floods: Vec<Found>,
    /// Surges that nothing explains: shown.
    pub(crate) false_surges: Vec<Found>,
    /// Floods that are said to go on for long after they were over: shown.
    pub(crate) hanging: usize,
    pub(crate) service_days: f64,
}

/// A point of the curve of detection.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Point {
    pub(crate) factor: f64,
    pub(crate) floods: usize,
    pub(crate) found: usize,
    pub(crate) named: usize,
    /// Of those that were found.
    pub(crate) median_delay: Option<f64>,
}

/// Judges what was said.
pub(crate) fn judge(events: &[Event], found: &[Found], service_days: f64) -> Score {
    let outcomes = events.iter().map(|event| outcome(event, found)).collect();
    let mut score = Score { outcomes, service_days, ..Score::default() };
    for said in found {
        let near: Vec<&Event> = events.iter().filter(|event| within(event, said)).collect();
        let flood = near.iter().find(|event| event.kind.is_flood());
        match (said.is_surge(), flood) {
            (true, _) => {
                if near.is_empty() {
                    score.false_surges.push(said.clone());
                }
            }
            (false, None) => score.false_floods.push(said.clone()),
            (false, Some(flood)) => {
                let latest = flood.end as f64 + GRACE_SECONDS + HANGING_SECONDS;
                score.hanging += usize::from(said.ended > latest);
            }
        }
    }
    score
}

/// Whether something was said on the right service and in the time of an event.
fn within(event: &Event, said: &Found) -> bool {
    let time = event.start as f64..event.end as f64 + GRACE_SECONDS;
    said.service == event.service && time.contains(&said.said)
}

fn outcome(event: &Event, found: &[Found]) -> Outcome {
    let said = || found.iter().filter(|said| within(event, said));
    let right = || said().filter(|said| said.is_surge() != event.kind.is_flood());
    let delay = right().map(|said| said.said - event.start as f64).reduce(f64::min);
    let is_named = right().any(|said| event.kind.names().contains(&said.name.as_str()));
    let other = said().count() > right().count();
    let is_mistaken = if event.kind.is_flood() { other && delay.is_none() } else { other };
    Outcome { event: event.clone(), delay, is_named, is_mistaken }
}

impl Score {
    /// Of how many floods that `wanted` chooses, how many were found.
    pub(crate) fn floods(&self, wanted: impl Fn(&Event) -> bool) -> (usize, usize) {
        let chosen = || self.outcomes.iter().filter(|one| one.event.kind.is_flood() && wanted(&one.event));
        (chosen().filter(|one| one.delay.is_some()).count(), chosen().count())
    }

    /// How many surges were called so, called a flood, and were there.
    pub(crate) fn surges(&self, kind: Option<Kind>) -> (usize, usize, usize) {
        let is_it = |event: &Event| !event.kind.is_flood() && kind.is_none_or(|kind| kind == event.kind);
        let chosen = || self.outcomes.iter().filter(|one| is_it(&one.event));
        let called = chosen().filter(|one| one.delay.is_some() && !one.is_mistaken).count();
        (called, chosen().filter(|one| one.is_mistaken).count(), chosen().count())
    }

    /// False floods for each day of a service.
    pub(crate) fn false_floods_per_service_day(&self) -> f64 {
        self.false_floods.len() as f64 / self.service_days.max(f64::MIN_POSITIVE)
    }

    /// What was found of floods of each factor that `wanted` chooses.
    pub(crate) fn curve(&self, wanted: impl Fn(&Event) -> bool) -> Vec<Point> {
        let of = |factor: f64| {
            let is_it = |one: &&Outcome| {
                one.event.kind.is_flood() && (one.event.factor - factor).abs() < 1e-9 && wanted(&one.event)
            };
            let chosen: Vec<&Outcome> = self.outcomes.iter().filter(is_it).collect();
            let delays: Vec<f64> = chosen.iter().filter_map(|one| one.delay).collect();
            Point {
                factor,
                floods: chosen.len(),
                found: delays.len(),
                named: chosen.iter().filter(|one| one.is_named).count(),
                median_delay: crate::report::median(&delays),
            }
        };
        FACTORS.into_iter().map(of).collect()
    }

    /// The share of delays of floods that `wanted` chooses; what was not found is infinite. `None` if there are none.
    pub(crate) fn delay(&self, share: f64, wanted: impl Fn(&Event) -> bool) -> Option<f64> {
        let chosen = self.outcomes.iter().filter(|one| one.event.kind.is_flood() && wanted(&one.event));
        let mut delays: Vec<f64> = chosen.map(|one| one.delay.unwrap_or(f64::INFINITY)).collect();
        delays.sort_by(f64::total_cmp);
        delays.get(((delays.len() as f64 * share).ceil() as usize).saturating_sub(1)).copied()
    }
}

/// Answers without a detector.
pub(crate) const CONTROLS: [&str; 4] = [
    "nothing",
    "a flood everywhere, every minute",
    "a surge everywhere, every minute",
    "one flood at noon on the busiest service",
];

/// What such an answer says of some services over some seconds.
pub(crate) fn control(place: usize, services: u32, seconds: i64) -> Vec<Found> {
    let said = |service: u32, name: &str, at: i64, lasts: f64| Found {
        service,
        name: name.to_owned(),
        said: at as f64,
        ended: at as f64 + lasts,
        why: String::new(),
    };
    let minutes = (0..seconds).step_by(60);
    match place {
        0 => Vec::new(),
        1 | 2 => {
            let name = if place == 1 { "http_flood" } else { "surge" };
            minutes.flat_map(|at| (0..services).map(move |service| said(service, name, at, 60.0))).collect()
        }
        _ => (0..seconds)
            .step_by(86_400)
            .map(|day| said(services.saturating_sub(1), "http_flood", day + 43_200, 600.0))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind, service: u32, start: i64, factor: f64) -> Event {
        Event { kind, service, start, end: start + 300, factor, clients: 9, pulses: None, ordinary: 1.0 }
    }

    fn events() -> Vec<Event> {
        vec![
            event(Kind::FixedPath, 0, 1_000, 2.0),
            event(Kind::Login, 1, 1_000, 1.1),
            event(Kind::NewsLink, 0, 9_000, 8.0),
            event(Kind::RandomSearch, 2, 20_000, 2.0),
        ]
    }

    fn say(service: u32, name: &str, said: f64) -> Found {
        Found { service, name: name.to_owned(), said, ended: said + 30.0, why: String::new() }
    }

    #[test]
    fn floods_are_found_on_their_service_in_their_time() {
        let found = [
            say(0, "http_flood", 1_010.0),
            say(0, "http_flood", 1_200.0),
            say(1, "slow_http", 1_380.0),
            say(0, "surge", 9_050.0),
        ];
        let score = judge(&events(), &found, 4.0);
        let delays: Vec<Option<f64>> = score.outcomes.iter().map(|one| one.delay).collect();
        assert_eq!(delays, [Some(10.0), Some(380.0), Some(50.0), None]);
        let named: Vec<bool> = score.outcomes.iter().map(|one| one.is_named).collect();
        assert_eq!(named, [true, false, true, false], "slow_http is no login flood");
        assert!(score.false_floods.is_empty(), "a second word of a flood is none: {:?}", score.false_floods);
        assert_eq!(score.surges(None), (1, 0, 1));
        assert_eq!(score.floods(|_| true), (2, 3));
        assert_eq!(score.floods(|event| event.factor > 1.5), (1, 2));
    }

    #[test]
    fn early_late_and_misplaced_floods_are_false() {
        let found = [
            say(0, "http_flood", 999.0),
            say(1, "http_flood", 1_391.0),
            say(2, "http_flood", 1_010.0),
            say(0, "http_flood", 9_010.0),
            say(7, "surge", 5.0),
        ];
        let score = judge(&events(), &found, 4.0);
        assert_eq!(score.false_floods.len(), 4);
        assert_eq!((score.false_surges.len(), score.false_floods_per_service_day()), (1, 1.0));
        assert_eq!(score.floods(|_| true), (0, 3));
        assert_eq!(score.surges(Some(Kind::NewsLink)), (0, 1, 1), "the surge was called a flood");
        assert_eq!(score.surges(Some(Kind::ElectionNight)), (0, 0, 0));
    }

    #[test]
    fn a_surge_that_is_called_both_is_mistaken_and_a_flood_called_both_is_found() {
        let found = [
            say(0, "surge", 9_010.0),
            say(0, "http_flood", 9_020.0),
            say(0, "surge", 1_005.0),
            say(0, "http_flood", 1_006.0),
            say(1, "surge", 1_010.0),
        ];
        let score = judge(&events(), &found, 1.0);
        assert_eq!(score.surges(None), (0, 1, 1));
        assert!(score.outcomes[0].delay == Some(6.0) && !score.outcomes[0].is_mistaken);
        assert!(score.outcomes[1].delay.is_none() && score.outcomes[1].is_mistaken);
    }

    #[test]
    fn floods_that_never_end_are_counted() {
        let mut found = [say(0, "http_flood", 1_010.0), say(2, "http_flood", 20_010.0)];
        assert_eq!(judge(&events(), &found, 1.0).hanging, 0);
        found[1].ended = 21_500.0;
        assert_eq!(judge(&events(), &found, 1.0).hanging, 1);
    }

    #[test]
    fn the_curve_counts_by_factor() {
        let found = [say(0, "http_flood", 1_010.0), say(2, "http_cache_bypass", 20_040.0)];
        let curve = judge(&events(), &found, 1.0).curve(|_| true);
        let two = curve.iter().find(|point| point.factor == 2.0).unwrap();
        assert_eq!((two.floods, two.found, two.named, two.median_delay), (2, 2, 2, Some(40.0)));
        let least = curve.first().unwrap();
        assert_eq!((least.floods, least.found, least.median_delay), (1, 0, None));
        let score = judge(&events(), &found, 1.0);
        assert_eq!(score.delay(0.5, |_| true), Some(40.0));
        assert_eq!(score.delay(0.95, |_| true), Some(f64::INFINITY));
        assert_eq!(score.delay(0.5, |event| event.service > 9), None);
    }

    #[test]
    fn answers_without_a_detector_are_judged_as_what_they_are() {
        let judged = |place| judge(&events(), &control(place, 3, 86_400), 3.0);
        assert_eq!(judged(0).floods(|_| true), (0, 3));
        let everything = judged(1);
        assert_eq!(everything.floods(|_| true), (3, 3), "it finds all");
        assert!(everything.false_floods_per_service_day() > 1_000.0, "and says so all the time");
        assert_eq!(judged(2).floods(|_| true), (0, 3));
        assert_eq!(judged(2).surges(None), (1, 0, 1));
        assert_eq!(judged(3).floods(|_| true), (0, 3));
        assert_eq!(judged(3).false_floods.len(), 1);
    }
}
