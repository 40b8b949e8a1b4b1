//! The outlook of a moment: what is known then put together, each number with its reasons, its interval and the usual beside it.
//!
//! What is not known is said to be not known. A model is shown only where it beat both baselines on the past ([`crate::backtest`]). Lists beat every
//! number: who is on one is LISTED.

use std::collections::BTreeSet;

use institution::Institution;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::backtest::{self, LENGTHS, MODEL, Shown, WITH_FACTORS};
use crate::baseline::{self, Baseline};
use crate::day::Day;
use crate::event::Event;
use crate::factor::Factor;
use crate::listed::{FRESH_HOURS, Listing, Whose, look_up};
use crate::memory::{HALF_LIFE_DAYS, Remembered, since_words};
use crate::mix::{ActorShare, Claim, Mix, OLD_DAYS, TechniqueShare, actors};
use crate::model::{Ground, Inputs, Model, VERSION};
use crate::own::{self, Class, Incident, Share};
use crate::panel::{Label, Panel};
use crate::problem::Problem;
use crate::readiness::{self, Readiness, Signs};
use crate::score::Bin;
use crate::targets::List;
use crate::walk::{Answers, EventInputs, Walk};
use crate::words;

/// Days of the calendar that are shown.
pub const CALENDAR_DAYS: i32 = 14;
/// Below this a doubled probability is no reason to do anything.
const NEGLIGIBLE: f64 = 0.02;
/// Fewest days of history for a number.
const FEWEST_DAYS: usize = 60;
/// A history whose last snapshot is older than this many days says nothing of tomorrow.
pub const STALE_DAYS: i32 = 30;

/// Everything that an outlook may look at. What lies after the moment is not looked at.
pub struct Past<'a> {
    /// The labels, if there are any.
    pub panel: Option<&'a Panel>,
    /// Events.
    pub events: &'a [Event],
    /// Claims.
    pub claims: &'a [Claim],
    /// Techniques.
    pub mix: &'a Mix,
    /// Own incidents and drills.
    pub incidents: &'a [Incident],
    /// Lists.
    pub lists: &'a [List],
    /// Whose outlook it is.
    pub institution: Option<&'a Institution>,
    /// The country's two letters in lower case, or `eu`.
    pub place: &'a str,
    /// What kind of house it is.
    pub class: Class,
}

/// The state of an outlook.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As on any day.
    #[default]
    Quiet,
    /// At least twice the usual, and not negligible.
    Raised,
    /// On a fresh list.
    Listed,
}

/// One number.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Forecast {
    /// `outlook`.
    pub kind: &'static str,
    /// The first day.
    pub date: Day,
    /// Days.
    pub days: usize,
    /// `country`, `own` or `degraded`.
    pub who: &'static str,
    /// The country, or the bloc.
    pub place: String,
    /// The probability; nothing where it is not known.
    pub probability: Option<f64>,
    /// The lower end of the 90 % interval.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The usual.
    pub base: Option<f64>,
    /// The state.
    pub state: State,
    /// Why, at most a handful.
    pub reasons: Vec<String>,
    /// Which model.
    pub model: String,
    /// Its version.
    pub version: &'static str,
    /// The last day with data.
    pub cutoff: Option<Day>,
    /// For members.
    pub words: String,
}

/// The whole outlook.
#[derive(Clone, Debug, Serialize)]
pub struct Outlook {
    /// The moment.
    pub time: Timestamp,
    /// Its day in the institution's zone.
    pub date: Day,
    /// The numbers.
    pub forecasts: Vec<Forecast>,
    /// What of ours is listed.
    pub listings: Vec<Listing>,
    /// Events of the next days that are known.
    pub calendar: Vec<Event>,
    /// What types of events do.
    pub factors: Vec<Factor>,
    /// Techniques of the last half-year.
    pub techniques: Vec<TechniqueShare>,
    /// Days since the newest of them.
    pub techniques_age_days: Option<i32>,
    /// Who is active.
    pub actors: Vec<ActorShare>,
    /// How ready to be.
    pub readiness: Readiness,
    /// Which models are shown, and why.
    pub shown: Vec<Shown>,
    /// How often it happened at each height of what the model said on the past, for three days.
    pub reliability: Vec<Bin>,
    /// What is known besides, in sentences.
    pub notes: Vec<String>,
    /// The highest state.
    pub state: State,
}

/// The outlook of a moment.
///
/// # Errors
/// When an event is used before it was known.
pub fn outlook(past: &Past<'_>, at: Timestamp, zone: &TimeZone) -> Result<Outlook, Problem> {
    let date = Day::of(at.to_zoned(zone.clone()).date());
    let events: Vec<Event> = past.events.iter().filter(|event| event.known_from <= date).cloned().collect();
    let listings = listings(past, at);
    let mut forecasts = Vec::new();
    let (mut factors, mut shown, mut reliability) = (Vec::new(), Vec::new(), Vec::new());
    match numbers(past, &events, date)? {
        Some(mut numbers) => {
            forecasts.append(&mut numbers.forecasts);
            (factors, shown, reliability) = (numbers.factors, numbers.shown, numbers.reliability);
        }
        None => forecasts.extend(unknown(past, date)),
    }
    let own_listed = listings.iter().any(|listing| listing.whose == Whose::Own);
    for forecast in forecasts.iter_mut().filter(|forecast| own_listed && forecast.who != "country") {
        forecast.state = State::Listed;
        forecast.reasons.insert(0, "we are on a fresh list: that is a fact, not a probability".to_owned());
        if forecast.who == "own" {
            forecast.words = "listed".to_owned();
        }
    }
    let (techniques, techniques_age_days) =
        past.mix.shares(date).map_or((Vec::new(), None), |(shares, age)| (shares, Some(age)));
    let mut outlook = Outlook {
        time: at,
        date,
        state: forecasts.iter().map(|forecast| forecast.state).max().unwrap_or_default(),
        notes: notes(past, &events, date, techniques_age_days),
        calendar: calendar(&events, past.place, date),
        readiness: ready(past, &events, (&factors, &listings, &forecasts), at, date),
        actors: actors(past.claims, date),
        forecasts,
        listings,
        factors,
        techniques,
        techniques_age_days,
        shown,
        reliability,
    };
    if own_listed {
        outlook.state = State::Listed;
    }
    Ok(outlook)
}

/// What stands on lists that are fresh at the moment.
fn listings(past: &Past<'_>, at: Timestamp) -> Vec<Listing> {
    let Some(institution) = past.institution else { return Vec::new() };
    let fresh = |list: &&List| list.time <= at && at < list.time + SignedDuration::from_hours(FRESH_HOURS);
    past.lists.iter().filter(fresh).flat_map(|list| look_up(list, institution)).collect()
}

fn calendar(events: &[Event], place: &str, date: Day) -> Vec<Event> {
    let mut near: Vec<Event> = events
        .iter()
        .filter(|event| event.concerns(place) || event.scope == "own")
        .filter(|event| (-1..CALENDAR_DAYS).contains(&event.date.since(date)))
        .cloned()
        .collect();
    near.sort_by(|a, b| (a.date, &a.kind, &a.title).cmp(&(b.date, &b.kind, &b.title)));
    near.dedup_by(|a, b| (a.date, &a.kind, &a.title) == (b.date, &b.kind, &b.title));
    near
}

struct Numbers {
    forecasts: Vec<Forecast>,
    factors: Vec<Factor>,
    shown: Vec<Shown>,
    reliability: Vec<Bin>,
}

/// Numbers, or nothing where the past is too short or too old.
fn numbers(past: &Past<'_>, events: &[Event], date: Day) -> Result<Option<Numbers>, Problem> {
    let Some(panel) = past.panel else { return Ok(None) };
    let panel = panel.before(date);
    let Some((cutoff, place)) = panel.last_covered().zip(panel.place(past.place)) else { return Ok(None) };
    let covered = panel.covered.iter().filter(|covered| **covered).count();
    if covered < FEWEST_DAYS || date.since(cutoff) > STALE_DAYS {
        return Ok(None);
    }
    let walk = Walk::new(&panel, Label::Public, HALF_LIFE_DAYS);
    // With less than a year there is nothing to grade on: the usual is shown.
    let graded = backtest::run(&panel, Label::Public, events, None).ok();
    let shown = graded.as_ref().map(|graded| graded.shown.clone()).unwrap_or_default();
    let reliability = graded.as_ref().map(|graded| graded.reliability.clone()).unwrap_or_default();
    let factors = match graded {
        Some(graded) => graded.factors,
        None => backtest::factors_of(&panel, Label::Public, events, &walk)?,
    };
    let mut numbers = Numbers { forecasts: Vec::new(), factors, shown, reliability };
    for length in LENGTHS {
        let answers = Answers::new(&panel, Label::Public, length);
        let inputs = EventInputs::new(&panel, events, length)?;
        let ground = Ground { panel: &panel, walk: &walk, answers: &answers, events: &inputs };
        let about = About { past, events, date, cutoff, place, length };
        numbers.add(&about, &ground);
    }
    Ok(Some(numbers))
}

/// What one number is about.
struct About<'a> {
    past: &'a Past<'a>,
    events: &'a [Event],
    date: Day,
    cutoff: Day,
    place: usize,
    length: usize,
}

impl Numbers {
    fn add(&mut self, about: &About<'_>, ground: &Ground<'_>) {
        let country = self.country(about, ground);
        let share = own::share_of_waves(ground.panel, about.place, about.past.class);
        let own = ours(&country, &share, about);
        let degraded = hard_to_reach(&own, about);
        self.forecasts.extend([country, own, degraded]);
    }

    fn country(&self, about: &About<'_>, ground: &Ground<'_>) -> Forecast {
        let day = ground.panel.days();
        let said = baseline::forecasts(ground.panel, ground.walk, ground.answers);
        let of = |which: Baseline| {
            let index = Baseline::ALL.into_iter().position(|baseline| baseline == which).unwrap_or(0);
            said[index][day * ground.panel.places.len() + about.place]
        };
        let usual = of(Baseline::Base);
        let shown = self.shown.iter().find(|shown| shown.days == about.length);
        let name = shown.map_or(Baseline::Base.name(), |shown| shown.model.as_str());
        let remembered = ground.walk.at(day, about.place);
        let mut reasons = vec![since_words(remembered.since, about.date)];
        let (probability, low, high) = if name == MODEL || name == WITH_FACTORS {
            let model = Model::new(ground, Inputs { recency: true, events: false }, day, None);
            let (middle, low, high) = model.interval(ground, day, about.place);
            let with = |probability| {
                let all = (if name == WITH_FACTORS { &self.factors[..] } else { &[] }, about.events);
                backtest::multiply(probability, all, about.past.place, about.date, about.length)
            };
            let (probability, times, events) = with(middle);
            reasons.extend(events.iter().map(|event| {
                let times = if times < 1.5 {
                    "a little".to_owned()
                } else {
                    format!("about {} times", times.round())
                };
                format!("{} on {}: raises the odds {times}", event.title, event.date)
            }));
            (probability, with(low).0, with(high).0)
        } else {
            let p = if name == Baseline::Markov.name() { of(Baseline::Markov) } else { usual };
            let half = 1.645 * remembered.variance().sqrt();
            let move_by = |by: f64| crate::numbers::logistic(crate::numbers::logit(p) + by);
            (p, move_by(-half), move_by(half))
        };
        reasons.extend(more_reasons(remembered, shown, about));
        let state = if raised(probability, usual) { State::Raised } else { State::Quiet };
        about.forecast("country", (probability, low, high, usual), (state, reasons), name)
    }
}

fn raised(probability: f64, usual: f64) -> bool {
    probability >= 2.0 * usual && probability >= NEGLIGIBLE
}

fn more_reasons(remembered: &Remembered, shown: Option<&Shown>, about: &About<'_>) -> Vec<String> {
    let mut reasons = Vec::new();
    if remembered.is_quiet() {
        reasons.push("it has been quiet: first strikes are mostly not foreseen".to_owned());
    } else {
        reasons.push(
            "a wave is going on: waves last two days in the middle, seven at most in nine of ten".to_owned(),
        );
    }
    match shown {
        None => reasons.push("too little history to grade a model on, so the usual is shown".to_owned()),
        Some(shown) if shown.model != MODEL && shown.model != WITH_FACTORS => {
            reasons.push(shown.reason.clone());
        }
        Some(_) => {}
    }
    let age = about.date.since(about.cutoff);
    if age > 2 {
        reasons.push(format!("the newest list that we have is {age} days old"));
    }
    reasons
}

impl About<'_> {
    fn forecast(
        &self,
        who: &'static str,
        (probability, low, high, base): (f64, f64, f64, f64),
        (state, reasons): (State, Vec<String>),
        model: &str,
    ) -> Forecast {
        Forecast {
            kind: "outlook",
            date: self.date,
            days: self.length,
            who,
            place: self.past.place.to_owned(),
            probability: Some(probability),
            low: Some(low.min(probability)),
            high: Some(high.max(probability)),
            base: Some(base),
            state,
            words: format!(
                "{} ({}), {}",
                words::odds(Some(probability)),
                words::one_in(probability),
                words::against_usual(probability, base)
            ),
            reasons,
            model: model.to_owned(),
            version: VERSION,
            cutoff: Some(self.cutoff),
        }
    }
}

/// The product of a forecast and a share, with both uncertainties.
fn times(forecast: &Forecast, share: &Share) -> (f64, f64, f64, f64) {
    let (p, base) = (forecast.probability.unwrap_or(0.0), forecast.base.unwrap_or(0.0));
    let wide = |end: Option<f64>| (end.unwrap_or(p).max(1e-9) / p.max(1e-9)).ln();
    let spread = |end: f64| (end * end + share.log_variance() * 1.645 * 1.645).sqrt();
    let mean = p * share.mean;
    let low = mean * (-spread(wide(forecast.low))).exp();
    let high = (mean * spread(wide(forecast.high)).exp()).min(1.0);
    (mean, low, high, base * share.mean)
}

fn ours(country: &Forecast, share: &Share, about: &About<'_>) -> Forecast {
    let numbers = times(country, share);
    let mut reasons = vec![match about.past.class {
        Class::Parliament => format!(
            "of {} waves of {} on the lists that we have, {} named its parliament",
            share.of,
            about.past.place.to_uppercase(),
            share.hits
        ),
        Class::Other => {
            "lists do not say how often a house like ours is named; a wide guess is used".to_owned()
        }
    }];
    reasons.extend(country.reasons.iter().cloned());
    reasons.truncate(4);
    let state = if raised(numbers.0, numbers.3) { State::Raised } else { State::Quiet };
    about.forecast("own", numbers, (state, reasons), &country.model)
}

fn hard_to_reach(own: &Forecast, about: &About<'_>) -> Forecast {
    let share = own::degraded(about.past.incidents, about.date);
    let numbers = times(own, &share);
    let reason = if share.of == 0 {
        "no own incident or drill yet: published shares of what a listing does go from a fiftieth to more than a half".to_owned()
    } else {
        format!("own incidents and drills: {} of {} made something hard to reach", share.hits, share.of)
    };
    let mut forecast = about.forecast("degraded", numbers, (State::Quiet, vec![reason]), &own.model);
    forecast.state = if own.state == State::Raised { State::Raised } else { State::Quiet };
    forecast
}

/// Says of every window that nothing is known.
fn unknown(past: &Past<'_>, date: Day) -> Vec<Forecast> {
    let why = match past.panel {
        None => "no lists of targets were given".to_owned(),
        Some(panel) if panel.place(past.place).is_none() => format!("there is no history for {}", past.place),
        Some(panel) => match panel.before(date).last_covered() {
            None => format!("our lists of targets begin on {}: nothing is known of before", panel.first),
            Some(last) if date.since(last) > STALE_DAYS => {
                format!("the newest list is of {last}: too old to say anything")
            }
            Some(_) => format!("our lists of targets begin on {}: too few days for a number", panel.first),
        },
    };
    let forecast = |days: usize, who: &'static str| Forecast {
        kind: "outlook",
        date,
        days,
        who,
        place: past.place.to_owned(),
        probability: None,
        low: None,
        high: None,
        base: None,
        state: State::Quiet,
        reasons: vec![why.clone()],
        model: "none".to_owned(),
        version: VERSION,
        cutoff: past.panel.and_then(|panel| panel.before(date).last_covered()),
        words: words::odds(None).to_owned(),
    };
    LENGTHS
        .into_iter()
        .flat_map(|days| ["country", "own", "degraded"].map(|who| forecast(days, who)))
        .collect()
}

/// What is known besides: how often events like those of today brought something for us, and the newest claims.
fn notes(past: &Past<'_>, events: &[Event], date: Day, techniques_age: Option<i32>) -> Vec<String> {
    let mut notes = Vec::new();
    let today =
        events.iter().filter(|event| (0..=1).contains(&event.date.since(date)) && event.concerns(past.place));
    let kinds: BTreeSet<&str> = today.map(|event| event.kind.as_str()).collect();
    for kind in kinds {
        let dates = past
            .events
            .iter()
            .filter(|event| event.kind == kind && event.concerns(past.place))
            .map(|event| &event.date);
        let share = own::after_events(dates, past.incidents, date);
        let days = if share.of == 1 { "1 day".to_owned() } else { format!("{} days", share.of) };
        notes.push(format!(
            "{days} with an event of the type {kind} in the past that we know, {} with an incident for us",
            share.hits
        ));
    }
    let mut recent: Vec<&Claim> =
        past.claims.iter().filter(|claim| claim.date < date && date.since(claim.date) <= 14).collect();
    recent.sort_by(|a, b| b.date.cmp(&a.date).then_with(|| a.actor.cmp(&b.actor)));
    notes.extend(recent.iter().take(5).map(|claim| {
        format!("{}: {} claimed {}{}", claim.date, claim.actor, claim.target, country(&claim.country))
    }));
    if let Some(age) = techniques_age.filter(|age| *age > OLD_DAYS) {
        notes.push(format!("the techniques shown are {age} days old"));
    }
    notes
}

fn country(country: &str) -> String {
    if country.is_empty() { String::new() } else { format!(" ({country})") }
}

fn ready(
    past: &Past<'_>,
    events: &[Event],
    (factors, listings, forecasts): (&[Factor], &[Listing], &[Forecast]),
    at: Timestamp,
    date: Day,
) -> Readiness {
    let mut supported: Vec<String> = Vec::new();
    for ahead in 0..3 {
        let (_, found) = crate::factor::at(factors, events, past.place, date, date.plus(ahead));
        supported.extend(found.iter().map(|event| format!("{} on {}", event.title, event.date)));
    }
    let near = |event: &&Event| {
        event.kind.starts_with("election")
            && (0..=7).contains(&event.date.since(date))
            && event.concerns(past.place)
    };
    let elections: Vec<String> =
        events.iter().filter(near).map(|event| format!("{} on {}", event.title, event.date)).collect();
    let raised = forecasts
        .iter()
        .any(|forecast| forecast.who != "degraded" && forecast.days == 3 && forecast.state == State::Raised);
    readiness::of(&Signs { listings, raised, events: &supported, elections: &elections }, at)
}
