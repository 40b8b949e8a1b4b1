//! First strikes: an attempt to foresee them better than base rate and memory do, registered before it was run.
//!
//! Candidates, time spans and the rule by which one is kept stand in docs/measured/foresee-first-strikes.md, written before the first run. Each candidate is the
//! model's inputs and a few more, fitted on quiet days only; it is compared on quiet days with the model of [`crate::model`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::day::Day;
use crate::memory::HALF_LIFE_DAYS;
use crate::mix::Claim;
use crate::model::{Ground, Inputs, Model, REFIT_DAYS, YOUNG_DAYS};
use crate::numbers::{Fit, Sample, fit, logit};
use crate::panel::{Label, Panel};
use crate::problem::Problem;
use crate::score::{Graded, Score, Skill, skill};
use crate::walk::{Answers, EventInputs, Walk};

/// Countries that are looked at together.
const REGIONS: [&[&str]; 6] = [
    &["dk", "ee", "fi", "is", "lt", "lv", "no", "se"],
    &["at", "ch", "cz", "de", "hu", "pl", "si", "sk"],
    &["be", "fr", "gb", "ie", "lu", "nl"],
    &["cy", "es", "gr", "hr", "il", "it", "mt", "pt"],
    &["bg", "md", "ro", "ua"],
    &["au", "ca", "jp", "kr", "nz", "tw"],
];
/// Further inputs: claims of others, composition of lists (2), day of the week (2), neighbours and the whole (2).
const FURTHER: usize = 7;
/// The ridge of the regression, as the model's.
const RIDGE: f64 = 3.0;

/// What is tried. The names are those of the registration.
pub const CANDIDATES: [(&str, [bool; FURTHER]); 6] = [
    ("quiet_only", [false; FURTHER]),
    ("claims", [true, false, false, false, false, false, false]),
    ("composition", [false, true, true, false, false, false, false]),
    ("weekday", [false, false, false, true, true, false, false]),
    ("neighbours", [false, false, false, false, false, true, true]),
    ("everything", [true; FURTHER]),
];

/// How one candidate did.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// Its name.
    pub candidate: &'static str,
    /// On quiet days.
    pub score: Score,
    /// Over the model.
    pub skill: Skill,
    /// The model's own score on the same days.
    pub reference: Score,
}

/// Further inputs of each day and place, from what was known on its morning.
fn further(panel: &Panel, claims: &[Claim]) -> Vec<[f64; FURTHER]> {
    let places = panel.places.len();
    let mut rows = Vec::with_capacity(panel.days() * places);
    let mut by_day: BTreeMap<Day, Vec<&Claim>> = BTreeMap::new();
    claims.iter().for_each(|claim| by_day.entry(claim.date).or_default().push(claim));
    let (mut claimed, mut others, mut public) = (vec![0.0; places], vec![0.0; places], vec![0.0; places]);
    let (mut yesterday, mut all) = (vec![0.0; places], 0.0);
    let regions: Vec<Vec<usize>> =
        REGIONS.iter().map(|region| region.iter().filter_map(|name| panel.place(name)).collect()).collect();
    for day in 0..panel.days() {
        let date = panel.day(day);
        let weekday = date.weekday().to_monday_zero_offset();
        for place in 0..places {
            let region = regions.iter().find(|region| region.contains(&place));
            let near = region.map_or(0.0, |region| {
                let sum: f64 =
                    region.iter().filter(|other| **other != place).map(|other| public[*other]).sum();
                sum / (region.len().max(2) - 1) as f64
            });
            rows.push([
                f64::ln_1p(claimed[place]),
                f64::ln_1p(others[place]),
                yesterday[place],
                f64::from(u8::from(weekday == 4)),
                f64::from(u8::from(weekday >= 5)),
                logit(0.01 + 0.98 * (near / 5.0).min(1.0)),
                all / 5.0,
            ]);
        }
        let fade = |values: &mut Vec<f64>, days: f64| {
            values.iter_mut().for_each(|value| *value *= (-1.0 / days).exp());
        };
        fade(&mut claimed, 10.0);
        fade(&mut others, 10.0);
        fade(&mut public, 5.0);
        all *= (-1.0f64 / 5.0).exp();
        for claim in by_day.get(&date).into_iter().flatten() {
            if let Some(place) = panel.place(&claim.country) {
                claimed[place] += 1.0;
            }
        }
        if panel.is_covered(day) {
            for place in 0..places {
                let cell = panel.cell(day, place);
                let private = f64::from(cell.hosts.saturating_sub(cell.public));
                others[place] += private;
                yesterday[place] = f64::from(u8::from(private > 0.0));
                let listed = f64::from(u8::from(cell.public > 0));
                public[place] += listed;
                all += listed / places as f64;
            }
        }
    }
    rows
}

/// What all candidates share.
struct Bench<'a> {
    ground: Ground<'a>,
    further: Vec<[f64; FURTHER]>,
}

impl Bench<'_> {
    fn row(&self, day: usize, place: usize, used: &[bool; FURTHER], into: &mut Vec<f64>) {
        let remembered = self.ground.walk.at(day, place);
        into.extend(remembered.base());
        into.extend(remembered.recency());
        let further = self.further[day * self.ground.panel.places.len() + place];
        into.extend(further.iter().zip(used).filter(|(_, used)| **used).map(|(value, _)| *value));
    }

    fn fit(&self, used: &[bool; FURTHER], until: usize) -> Fit {
        let width = 6 + used.iter().filter(|used| **used).count();
        let mut sample = Sample { width, ..Sample::default() };
        for day in YOUNG_DAYS..(until + 1).saturating_sub(self.ground.answers.length) {
            for place in 0..self.ground.panel.countries {
                let quiet = self.ground.walk.at(day, place).is_quiet();
                let Some(answer) = self.ground.answers.at(day, place).filter(|_| quiet) else { continue };
                self.row(day, place, used, &mut sample.inputs);
                sample.answers.push(f64::from(u8::from(answer)));
                sample.weights.push(0.5f64.powf((until - day) as f64 / HALF_LIFE_DAYS));
            }
        }
        let mut centre = vec![0.0; width];
        centre[1] = 1.0;
        fit(&sample, RIDGE, &centre, None)
    }
}

/// Tries all candidates on the quiet days from `from` until before `to`, each forecast with what was known on its morning.
///
/// # Errors
/// When the span is not within the panel.
pub fn run(
    panel: &Panel,
    claims: &[Claim],
    length: usize,
    from: Day,
    to: Day,
) -> Result<Vec<Tried>, Problem> {
    let span = panel.number(from).zip(panel.number(to)).filter(|(from, to)| from < to && *to <= panel.days());
    let (from, to) = span.ok_or_else(|| Problem::Empty { file: "the span of the attempt".to_owned() })?;
    let walk = Walk::new(panel, Label::Public, HALF_LIFE_DAYS);
    let answers = Answers::new(panel, Label::Public, length);
    let events = EventInputs::new(panel, &[], length)?;
    let ground = Ground { panel, walk: &walk, answers: &answers, events: &events };
    let bench = Bench { ground, further: further(panel, claims) };
    let mut reference = Graded::default();
    let mut graded = vec![Graded::default(); CANDIDATES.len()];
    for start in (from..to).step_by(REFIT_DAYS) {
        let model = Model::new(&ground, Inputs { recency: true, events: false }, start, None);
        let fits: Vec<Fit> = CANDIDATES.iter().map(|(_, used)| bench.fit(used, start)).collect();
        for day in start..(start + REFIT_DAYS).min(to) {
            for place in (0..panel.countries).filter(|place| walk.at(day, *place).is_quiet()) {
                let Some(answer) = answers.at(day, place) else { continue };
                reference.push(model.probability(&ground, day, place), answer, day - from);
                for (((_, used), fit), graded) in CANDIDATES.iter().zip(&fits).zip(&mut graded) {
                    let mut row = Vec::with_capacity(16);
                    bench.row(day, place, used, &mut row);
                    graded.push(fit.probability(&row), answer, day - from);
                }
            }
        }
    }
    let all = CANDIDATES.iter().zip(&graded).filter_map(|((candidate, _), graded)| {
        Some(Tried {
            candidate,
            score: graded.score()?,
            skill: skill(graded, &reference, 7),
            reference: reference.score()?,
        })
    });
    Ok(all.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    #[test]
    fn a_sign_that_is_planted_is_found_and_noise_is_not() {
        let mut panel = synthetic::waves(500, 2).unwrap();
        let (from, to) = (panel.day(250), panel.day(500));
        let find = |panel: &Panel| {
            run(panel, &[], 3, from, to)
                .unwrap()
                .into_iter()
                .find(|tried| tried.candidate == "composition")
                .unwrap()
        };
        // Without a sign: a private host stands on the list only where a public one does.
        assert!(find(&panel).skill.skill < 0.02, "{:?}", find(&panel).skill);
        // With it: private hosts come two days before a wave.
        for place in 0..panel.countries {
            for day in 2..panel.days() {
                let begins =
                    panel.listed(day, place, Label::Public) && !panel.listed(day - 1, place, Label::Public);
                let before = panel.cell(day - 2, place);
                if begins && before.public == 0 {
                    panel.set(day - 2, place, crate::panel::Cell { hosts: 9, ..before });
                }
            }
        }
        assert!(find(&panel).skill.low > 0.1, "{:?}", find(&panel).skill);
    }
}
