//! Does a type of event raise the odds? One rate ratio for each type and distance, and whether the past supports it.
//!
//! The ratio is `(2 + observed) / (2 + expected)`: a Gamma(2, 2) prior holds what little was seen near one. It is used only if its 90 %
//! interval lies above one *and* the same events, moved by whole weeks to other dates, seldom look as good: dates are moved as
//! wholes, so that a decision about 27 states counts once, and by weeks, so that elections stay on Sundays. The limit of that test is
//! divided by the number of tests (Bonferroni). Else it is one, and labelled "no evidence".

use std::collections::BTreeMap;

use serde::Serialize;

use crate::day::Day;
use crate::event::Event;
use crate::numbers::{Random, gamma_quantile};
use crate::panel::{BLOC, Label, Panel, UNION};

/// Distances from the event in days, first and last.
pub const OFFSETS: [(i32, i32); 4] = [(-7, -3), (-2, 0), (1, 3), (4, 6)];
/// Shape and rate of the prior.
const PRIOR: f64 = 2.0;
/// How often dates are moved.
const MOVES: usize = 20_000;
/// How often any factor at all may be believed by chance.
const FAMILY: f64 = 0.01;
/// Most types.
pub const MAXIMUM_TYPES: usize = 64;

/// One type at one distance.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Factor {
    /// The type of event.
    #[serde(rename = "type")]
    pub kind: String,
    /// Distance in days: `-2..0`.
    pub offset: String,
    /// First day of it.
    #[serde(skip)]
    pub from: i32,
    /// Last day of it.
    #[serde(skip)]
    pub to: i32,
    /// Events behind it.
    pub events: usize,
    /// Place-days that were listed.
    pub observed: f64,
    /// How many would have been by the base rate.
    pub expected: f64,
    /// How often the usual.
    pub ratio: f64,
    /// 5 % lie below.
    pub low: f64,
    /// 5 % lie above.
    pub high: f64,
    /// How often moved dates look as good.
    pub chance: f64,
    /// The ratio to what memory already says: what a forecast is multiplied by.
    pub carried: f64,
    /// Whether it is used.
    pub used: bool,
    /// In words.
    pub verdict: &'static str,
}

/// Sums over days, so that any span costs two look-ups.
struct Sums {
    listed: Vec<f64>,
    expected: Vec<f64>,
    remembered: Vec<f64>,
}

impl Sums {
    fn over(values: &[f64], from: i64, to: i64) -> f64 {
        let last = values.len() as i64 - 1;
        let at = |day: i64| values.get(day.clamp(0, last) as usize).copied().unwrap_or(0.0);
        at(to + 1) - at(from)
    }
}

/// What is expected of a place on a day: by the base rate, and by memory.
pub type Expectation<'a> = &'a dyn Fn(usize, usize) -> (f64, f64);

/// Tests every type and distance on the days before `until`.
#[must_use]
pub fn factors(
    panel: &Panel,
    label: Label,
    events: &[Event],
    until: usize,
    expectation: Expectation<'_>,
    seed: u64,
) -> Vec<Factor> {
    let until = until.min(panel.days());
    let morning = panel.day(until);
    let first = panel.first;
    let mut sums: BTreeMap<&str, Sums> = BTreeMap::new();
    let mut types: BTreeMap<&str, BTreeMap<Day, Vec<&str>>> = BTreeMap::new();
    for event in events.iter().filter(|event| event.date < morning && event.date >= first.plus(-7)) {
        let scope = event.scope.as_str();
        let places: Vec<usize> = (0..panel.countries)
            .filter(|place| panel.places.get(*place).is_some_and(|name| event.concerns(name)))
            .collect();
        if places.is_empty() || (types.len() >= MAXIMUM_TYPES && !types.contains_key(event.kind.as_str())) {
            continue;
        }
        sums.entry(scope).or_insert_with(|| sum(panel, label, &places, until, expectation));
        types.entry(&event.kind).or_default().entry(event.date).or_default().push(scope);
    }
    let limit = FAMILY / (types.len() * OFFSETS.len()).max(1) as f64;
    let mut found = Vec::new();
    for (kind, dates) in &types {
        for (from, to) in OFFSETS {
            found.push(judge(kind, (from, to), dates, &sums, (panel, until), (limit, seed)));
        }
    }
    found
}

fn sum(panel: &Panel, label: Label, places: &[usize], until: usize, expectation: Expectation<'_>) -> Sums {
    let mut sums = Sums {
        listed: vec![0.0; until + 1],
        expected: vec![0.0; until + 1],
        remembered: vec![0.0; until + 1],
    };
    for day in 0..until {
        let (mut listed, mut expected, mut remembered) = (0.0, 0.0, 0.0);
        if panel.is_covered(day) {
            for &place in places {
                listed += f64::from(u8::from(panel.listed(day, place, label)));
                let (base, memory) = expectation(day, place);
                expected += base;
                remembered += memory;
            }
        }
        sums.listed[day + 1] = sums.listed[day] + listed;
        sums.expected[day + 1] = sums.expected[day] + expected;
        sums.remembered[day + 1] = sums.remembered[day] + remembered;
    }
    sums
}

fn judge(
    kind: &str,
    (from, to): (i32, i32),
    dates: &BTreeMap<Day, Vec<&str>>,
    sums: &BTreeMap<&str, Sums>,
    (panel, until): (&Panel, usize),
    (limit, seed): (f64, u64),
) -> Factor {
    let count = |shift: &mut dyn FnMut(i64) -> i64| {
        let (mut listed, mut expected, mut remembered) = (0.0, 0.0, 0.0);
        for (date, scopes) in dates {
            let day = shift(i64::from(date.since(panel.first)));
            let (first, last) = (day + i64::from(from), day + i64::from(to));
            for sums in scopes.iter().filter_map(|scope| sums.get(scope)) {
                listed += Sums::over(&sums.listed, first, last);
                expected += Sums::over(&sums.expected, first, last);
                remembered += Sums::over(&sums.remembered, first, last);
            }
        }
        (listed, expected, remembered)
    };
    let (observed, expected, remembered) = count(&mut |day| day);
    let ratio = |observed: f64, expected: f64| (PRIOR + observed) / (PRIOR + expected);
    let actual = ratio(observed, expected);
    let low = gamma_quantile(PRIOR + observed, PRIOR + expected, 0.05);
    let high = gamma_quantile(PRIOR + observed, PRIOR + expected, 0.95);
    let weeks = until / 7;
    let chance = if low > 1.0 && weeks > 8 {
        let mut random = Random::new(seed ^ u64::from(from.unsigned_abs()));
        let span = weeks as i64 * 7;
        let as_good = (0..MOVES)
            .filter(|_| {
                let moved = count(&mut |day| (day + 7 * random.below(weeks) as i64).rem_euclid(span));
                ratio(moved.0, moved.1) >= actual
            })
            .count();
        (as_good + 1) as f64 / (MOVES + 1) as f64
    } else {
        1.0
    };
    let used = low > 1.0 && chance < limit;
    Factor {
        kind: kind.to_owned(),
        offset: format!("{from}..{to}"),
        from,
        to,
        events: dates.values().map(Vec::len).sum(),
        observed,
        expected,
        ratio: actual,
        low,
        high,
        chance,
        carried: if used { ratio(observed, remembered).max(1.0) } else { 1.0 },
        used,
        verdict: if used { "raises the odds" } else { "no evidence" },
    }
}

/// The factors that hold on a day for a place, of events that are known on the morning of `origin`: product and their names.
#[must_use]
pub fn at<'a>(
    factors: &'a [Factor],
    events: &'a [Event],
    place: &str,
    origin: Day,
    day: Day,
) -> (f64, Vec<&'a Event>) {
    let (mut product, mut reasons) = (1.0, Vec::new());
    // Two events of one type do not count twice: the strongest does.
    let mut strongest: BTreeMap<&str, (f64, &Event)> = BTreeMap::new();
    for event in events.iter().filter(|event| event.known_from <= origin && event.concerns(place)) {
        let distance = day.since(event.date);
        let fits = |factor: &&Factor| {
            factor.used && factor.kind == event.kind && (factor.from..=factor.to).contains(&distance)
        };
        if let Some(factor) = factors.iter().find(fits) {
            let entry = strongest.entry(&event.kind).or_insert((factor.carried, event));
            if factor.carried > entry.0 {
                *entry = (factor.carried, event);
            }
        }
    }
    for (carried, event) in strongest.into_values() {
        product *= carried;
        reasons.push(event);
    }
    (product, reasons)
}

/// The same events on other dates: each date is moved by another number of weeks within the panel. For tests of the test.
#[must_use]
pub fn shuffled(panel: &Panel, events: &[Event], seed: u64) -> Vec<Event> {
    let weeks = panel.days() / 7;
    let mut random = Random::new(seed);
    let mut moves: BTreeMap<(String, Day), i32> = BTreeMap::new();
    let mut moved = events.to_vec();
    for event in &mut moved {
        let shift = *moves
            .entry((event.kind.clone(), event.date))
            .or_insert_with(|| i32::try_from(random.below(weeks.max(1))).unwrap_or(0));
        let at = event.date.since(panel.first) + 7 * shift;
        let date = panel.first.plus(at.rem_euclid(i32::try_from(weeks * 7).unwrap_or(7).max(7)));
        event.known_from = event.known_from.plus(date.since(event.date));
        event.date = date;
    }
    moved
}

/// Whether a scope is the bloc or one of its states.
#[must_use]
pub fn in_union(place: &str) -> bool {
    place == BLOC || UNION.contains(&place)
}
