//! What the forecast would have been worth: every day of the past forecast with what was known on its morning, and graded.
//!
//! Rolling origin, monthly fits, only windows that had closed, missing days unknown, intervals from blocks of fourteen days, first
//! strikes apart. The model is shown only if its skill over the place's own rate *and* over the Markov table is above nought with 95 %
//! certainty; else the better of the two is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::baseline::{self, Baseline};
use crate::day::Day;
use crate::event::Event;
use crate::factor::{self, Factor};
use crate::memory::HALF_LIFE_DAYS;
use crate::model::{Ground, Inputs, Model, REFIT_DAYS};
use crate::panel::{Label, Panel};
use crate::problem::Problem;
use crate::score::{Bin, Graded, Score, Skill, skill};
use crate::walk::{Answers, EventInputs, Walk};

/// Lengths of windows that are forecast.
pub const LENGTHS: [usize; 3] = [1, 3, 7];
/// Days that are learnt from before the first graded forecast.
pub const LEARN_DAYS: usize = 362;
/// The seed of resampling and of moved dates.
const SEED: u64 = 7;
/// The model that is shown where it has earned it.
pub const MODEL: &str = "base_recency";
/// The same with the factors that the past supports: what the outlook uses where it beats the baselines too.
pub const WITH_FACTORS: &str = "base_recency_factors";

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The model's name.
    pub model: String,
    /// Days of the window.
    pub days: usize,
    /// Which forecasts: `all`, `onset`, `election`, or a half-year.
    pub subset: String,
    /// How good it was.
    #[serde(flatten)]
    pub score: Score,
    /// Over the place's own rate.
    #[serde(flatten)]
    pub skill: Skill,
}

/// What a back-test gives.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The table.
    pub rows: Vec<Row>,
    /// The factors on all of the past.
    pub factors: Vec<Factor>,
    /// Reliability of the model for three days.
    pub reliability: Vec<Bin>,
    /// Which model is shown for each length, and why.
    pub shown: Vec<Shown>,
    /// The first and the last day that is forecast.
    pub span: (Day, Day),
    /// Days without a snapshot between them.
    pub unknown_days: usize,
}

/// Which model is shown for a length of window.
#[derive(Clone, Debug, Serialize)]
pub struct Shown {
    /// Days of the window.
    pub days: usize,
    /// Its name.
    pub model: String,
    /// Skill over the place's rate.
    pub over_base: Skill,
    /// Skill over the Markov table.
    pub over_markov: Skill,
    /// Why.
    pub reason: String,
}

/// Probabilities of all models for one length, by name, each `[day * countries + place]` from `start` on.
struct Said {
    models: BTreeMap<&'static str, Vec<f64>>,
    start: usize,
    countries: usize,
}

/// Runs the back-test. `start` is the first day that is graded.
///
/// # Errors
/// When an event is used before it was known, or when there is nothing to grade.
pub fn run(panel: &Panel, label: Label, events: &[Event], start: Option<Day>) -> Result<Outcome, Problem> {
    let first = start.map_or(Some(LEARN_DAYS), |day| panel.number(day)).unwrap_or(0).max(REFIT_DAYS * 2);
    if first + 30 > panel.days() {
        return Err(Problem::Empty { file: format!("the time after {} days of learning", first) });
    }
    let walk = Walk::new(panel, label, HALF_LIFE_DAYS);
    let mut outcome = Outcome {
        rows: Vec::new(),
        factors: Vec::new(),
        reliability: Vec::new(),
        shown: Vec::new(),
        span: (panel.day(first), panel.day(panel.days() - 1)),
        unknown_days: (first..panel.days()).filter(|day| !panel.is_covered(*day)).count(),
    };
    let daily = daily_factors(panel, label, events, &walk, first)?;
    for length in LENGTHS {
        let answers = Answers::new(panel, label, length);
        let inputs = EventInputs::new(panel, events, length)?;
        let ground = Ground { panel, walk: &walk, answers: &answers, events: &inputs };
        let said = say(&ground, events, &daily, first);
        grade(&ground, &said, &mut outcome);
    }
    outcome.factors = daily.into_iter().next_back().map(|(_, factors)| factors).unwrap_or_default();
    Ok(outcome)
}

/// The factors as they were known on each day of a fit, the last on all of the past.
fn daily_factors(
    panel: &Panel,
    label: Label,
    events: &[Event],
    walk: &Walk,
    first: usize,
) -> Result<Vec<(usize, Vec<Factor>)>, Problem> {
    let answers = Answers::new(panel, label, 1);
    let inputs = EventInputs::new(panel, &[], 1)?;
    let ground = Ground { panel, walk, answers: &answers, events: &inputs };
    let recency = Inputs { recency: true, events: false };
    let mut remembered = vec![f64::NAN; panel.days() * panel.countries];
    let mut model: Option<Model> = None;
    let mut found = Vec::new();
    for from in fits(2 * REFIT_DAYS, panel.days()) {
        let fitted = Model::new(&ground, recency, from, model.as_ref());
        for day in from..(from + REFIT_DAYS).min(panel.days()) {
            for place in 0..panel.countries {
                remembered[day * panel.countries + place] = fitted.probability(&ground, day, place);
            }
        }
        model = Some(fitted);
    }
    let expectation = |day: usize, place: usize| {
        let base = walk.at(day, place).rate;
        let memory = remembered.get(day * panel.countries + place).copied().unwrap_or(base);
        (base, if memory.is_nan() { base } else { memory })
    };
    for until in fits(first, panel.days()).chain([panel.days()]) {
        found.push((until, factor::factors(panel, label, events, until, &expectation, SEED)));
    }
    Ok(found)
}

/// Factors on all of a panel, as an outlook uses them.
///
/// # Errors
/// When an event is used before it was known.
pub fn factors_of(
    panel: &Panel,
    label: Label,
    events: &[Event],
    walk: &Walk,
) -> Result<Vec<Factor>, Problem> {
    let found = daily_factors(panel, label, events, walk, panel.days())?;
    Ok(found.into_iter().next_back().map(|(_, factors)| factors).unwrap_or_default())
}

/// The days on which something is fitted.
fn fits(first: usize, days: usize) -> impl Iterator<Item = usize> {
    (first..days).step_by(REFIT_DAYS)
}

/// What every model says for windows of one length, from the day `first` on. For tests of looking ahead.
#[cfg(test)]
pub(crate) fn said(
    panel: &Panel,
    events: &[Event],
    length: usize,
    first: usize,
) -> Result<BTreeMap<&'static str, Vec<f64>>, Problem> {
    let walk = Walk::new(panel, Label::Public, HALF_LIFE_DAYS);
    let daily = daily_factors(panel, Label::Public, events, &walk, first)?;
    let answers = Answers::new(panel, Label::Public, length);
    let inputs = EventInputs::new(panel, events, length)?;
    let ground = Ground { panel, walk: &walk, answers: &answers, events: &inputs };
    Ok(say(&ground, events, &daily, first).models)
}

fn say(ground: &Ground<'_>, events: &[Event], daily: &[(usize, Vec<Factor>)], start: usize) -> Said {
    let (panel, countries) = (ground.panel, ground.panel.countries);
    let mut models: BTreeMap<&'static str, Vec<f64>> = BTreeMap::new();
    for (which, values) in
        Baseline::ALL.into_iter().zip(baseline::forecasts(panel, ground.walk, ground.answers))
    {
        let rows = values.chunks(panel.places.len()).take(panel.days()).skip(start);
        models.insert(which.name(), rows.flat_map(|row| &row[..countries]).copied().collect());
    }
    let kinds = [
        ("base_events", Inputs { recency: false, events: true }),
        (MODEL, Inputs { recency: true, events: false }),
        ("base_recency_events", Inputs { recency: true, events: true }),
    ];
    for (name, inputs) in kinds {
        let mut values = Vec::with_capacity((panel.days() - start) * countries);
        let mut model: Option<Model> = None;
        for from in fits(start, panel.days()) {
            let fitted = Model::new(ground, inputs, from, model.as_ref());
            for day in from..(from + REFIT_DAYS).min(panel.days()) {
                values.extend((0..countries).map(|place| fitted.probability(ground, day, place)));
            }
            model = Some(fitted);
        }
        models.insert(name, values);
    }
    let memory = models.get(MODEL).cloned().unwrap_or_default();
    let mut values = Vec::with_capacity(memory.len());
    for (index, probability) in memory.into_iter().enumerate() {
        let (day, place) = (start + index / countries, index % countries);
        let factors = daily.iter().rev().find(|(from, _)| *from <= day).map_or(&[][..], |found| &found.1);
        values.push(with_factors(probability, ground, (factors, events), day, place));
    }
    models.insert(WITH_FACTORS, values);
    Said { models, start, countries }
}

/// A probability with the factors of events in its window: its rate times their mean over the days.
fn with_factors(
    probability: f64,
    ground: &Ground<'_>,
    (factors, events): (&[Factor], &[Event]),
    day: usize,
    place: usize,
) -> f64 {
    if !factors.iter().any(|factor| factor.used) {
        return probability;
    }
    let name = ground.panel.places.get(place).map_or("", String::as_str);
    multiply(probability, (factors, events), name, ground.panel.day(day), ground.answers.length).0
}

/// The same for a day, with the events that had a part in it.
#[must_use]
pub fn multiply<'a>(
    probability: f64,
    (factors, events): (&'a [Factor], &'a [Event]),
    place: &str,
    origin: Day,
    length: usize,
) -> (f64, f64, Vec<&'a Event>) {
    let (mut sum, mut reasons): (f64, Vec<&Event>) = (0.0, Vec::new());
    for ahead in 0..i32::try_from(length).unwrap_or(1) {
        let (product, events) = factor::at(factors, events, place, origin, origin.plus(ahead));
        sum += product;
        for event in events {
            if !reasons.contains(&event) {
                reasons.push(event);
            }
        }
    }
    let mean = sum / length.max(1) as f64;
    let rate = -(1.0 - probability.min(1.0 - 1e-9)).ln();
    (1.0 - (-rate * mean).exp(), mean, reasons)
}

fn grade(ground: &Ground<'_>, said: &Said, outcome: &mut Outcome) {
    let elections = |day: usize, place: usize| ground.events.at(day, place)[0] > 0.0;
    let quiet = |day: usize, place: usize| ground.walk.at(day, place).is_quiet();
    let half = |day: usize| {
        let date = ground.panel.day(day).date();
        format!("{}-H{}", date.year(), if date.month() <= 6 { 1 } else { 2 })
    };
    let mut subsets: BTreeMap<String, BTreeMap<&str, Graded>> = BTreeMap::new();
    for (&name, values) in &said.models {
        for (index, &probability) in values.iter().enumerate() {
            let (day, place) = (said.start + index / said.countries, index % said.countries);
            let Some(answer) = ground.answers.at(day, place) else { continue };
            let mut names = vec!["all".to_owned(), half(day)];
            if quiet(day, place) {
                names.push("onset".to_owned());
            }
            if elections(day, place) {
                names.push("election".to_owned());
            }
            for subset in names {
                subsets.entry(subset).or_default().entry(name).or_default().push(
                    probability,
                    answer,
                    day - said.start,
                );
            }
        }
    }
    let length = ground.answers.length;
    for (subset, models) in &subsets {
        let Some(reference) = models.get(Baseline::Base.name()) else { continue };
        for (&model, graded) in models {
            let Some(score) = graded.score() else { continue };
            outcome.rows.push(Row {
                model: model.to_owned(),
                days: length,
                subset: subset.clone(),
                score,
                skill: skill(graded, reference, SEED),
            });
        }
    }
    if let Some(models) = subsets.get("all") {
        outcome.shown.extend(shown(models, length));
        if length == 3 {
            outcome.reliability = models.get(MODEL).map(Graded::reliability).unwrap_or_default();
        }
    }
}

fn shown(models: &BTreeMap<&str, Graded>, length: usize) -> Option<Shown> {
    let of = |name: &str| models.get(name);
    let (base, markov) = (of(Baseline::Base.name())?, of(Baseline::Markov.name())?);
    let judge = |name: &'static str| {
        let model = of(name)?;
        Some((name, skill(model, base, SEED), skill(model, markov, SEED)))
    };
    let beats = |judged: &(&str, Skill, Skill)| judged.1.low > 0.0 && judged.2.low > 0.0;
    let (plain, factors) = (judge(MODEL)?, judge(WITH_FACTORS)?);
    // Factors may stay as long as they do no measurable harm: they repair how sure the forecast is around elections.
    let chosen = if beats(&factors) && factors.1.skill >= plain.1.skill - 0.005 { factors } else { plain };
    let (model, reason) = if beats(&chosen) {
        (chosen.0, "beats the country's own rate and the Markov table on the past, with 95 % certainty each")
    } else {
        let markov_better = skill(markov, base, SEED).skill > 0.0;
        let name = if markov_better { Baseline::Markov.name() } else { Baseline::Base.name() };
        (
            name,
            "the model does not beat both baselines on the past with 95 % certainty, so the better baseline is shown",
        )
    };
    Some(Shown {
        days: length,
        model: model.to_owned(),
        over_base: chosen.1,
        over_markov: chosen.2,
        reason: reason.to_owned(),
    })
}
