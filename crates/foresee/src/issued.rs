//! Every forecast that was issued is kept and graded, whether it looks good or not.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::memory::window;
use crate::panel::{Label, Panel};
use crate::score::{Bin, Graded, Skill, skill};

/// Most forecasts that are read.
pub const MAXIMUM_ISSUED: usize = 1 << 20;

/// A forecast as it was issued: one line of a file that is only ever added to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// `issued`.
    pub kind: String,
    /// The first day of its window.
    pub date: Day,
    /// Days of its window.
    pub days: usize,
    /// `country`, `own`, `degraded`.
    pub who: String,
    /// The place: a country or the bloc.
    pub place: String,
    /// Which model, or `analyst`.
    pub model: String,
    /// The model's version.
    pub version: String,
    /// The last day that it knew.
    pub cutoff: Day,
    /// What it said.
    pub probability: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The usual at that time.
    pub base: f64,
}

/// How issued forecasts did.
#[derive(Clone, Debug, Serialize)]
pub struct Scorecard {
    /// `scorecard`.
    pub kind: &'static str,
    /// For whom.
    pub who: String,
    /// Days of the windows.
    pub days: usize,
    /// By which model.
    pub model: String,
    /// Windows that have closed.
    pub graded: usize,
    /// Of them, those in which it happened.
    pub happened: usize,
    /// Windows that have not closed yet, or of which too little is known.
    pub open: usize,
    /// Brier score.
    pub brier: Option<f64>,
    /// Skill over the usual that was said beside it.
    pub skill: Option<Skill>,
    /// How often it happened at each height of the forecast.
    pub reliability: Vec<Bin>,
    /// In words.
    pub words: String,
}

/// Reads lines; those that cannot be read are counted. A second forecast for the same is not counted: the first one counts.
#[must_use]
pub fn read(text: &str) -> (Vec<Issued>, usize) {
    let (mut issued, mut skipped, mut seen) = (Vec::new(), 0, BTreeSet::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match serde_json::from_str::<Issued>(line) {
            Ok(item) if issued.len() < MAXIMUM_ISSUED && (0.0..=1.0).contains(&item.probability) => {
                if seen.insert((
                    item.date,
                    item.days,
                    item.who.clone(),
                    item.place.clone(),
                    item.model.clone(),
                )) {
                    issued.push(item);
                }
            }
            _ => skipped += 1,
        }
    }
    (issued, skipped)
}

/// Grades forecasts: those of countries by the panel, own ones by the days on which we were listed.
#[must_use]
pub fn scorecards(issued: &[Issued], panel: &Panel, own: &BTreeSet<Day>) -> Vec<Scorecard> {
    let mut kinds: Vec<(&str, usize, &str)> =
        issued.iter().map(|item| (item.who.as_str(), item.days, item.model.as_str())).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
        .into_iter()
        .map(|(who, days, model)| {
            let mine =
                issued.iter().filter(|item| item.who == who && item.days == days && item.model == model);
            let (mut said, mut usual, mut open) = (Graded::default(), Graded::default(), 0);
            let first = issued.iter().map(|item| item.date).min().unwrap_or(panel.first);
            for item in mine {
                let Some(answer) = answer(item, panel, own) else {
                    open += 1;
                    continue;
                };
                let day = item.date.since(first).unsigned_abs() as usize;
                said.push(item.probability, answer, day);
                usual.push(item.base, answer, day);
            }
            let score = said.score();
            let skill = score.as_ref().map(|_| skill(&said, &usual, 7));
            let graded = said.rows.len();
            let words = match skill {
                Some(skill) if graded >= 60 => {
                    format!("{graded} forecasts: {}", crate::words::skill(skill.low, skill.skill))
                }
                _ => format!("{graded} forecasts so far: too few to say how good they are"),
            };
            Scorecard {
                kind: "scorecard",
                who: who.to_owned(),
                days,
                model: model.to_owned(),
                graded,
                happened: score.as_ref().map_or(0, |score| score.positives),
                open,
                brier: score.map(|score| score.brier),
                skill,
                reliability: said.reliability(),
                words,
            }
        })
        .collect()
}

fn answer(item: &Issued, panel: &Panel, own: &BTreeSet<Day>) -> Option<bool> {
    let day = panel.number(item.date)?;
    let place = panel.place(&item.place)?;
    let country = window(panel, Label::Public, day, item.days, place)?;
    match item.who.as_str() {
        "country" => Some(country),
        "own" => Some((0..item.days).any(|ahead| {
            let ahead = i32::try_from(ahead).unwrap_or(0);
            own.contains(&item.date.plus(ahead))
                || panel.cell(day + ahead.unsigned_abs() as usize, place).parliament > 0
        })),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn item(date: Day, probability: f64) -> Issued {
        Issued {
            kind: "issued".to_owned(),
            date,
            days: 1,
            who: "country".to_owned(),
            place: "be".to_owned(),
            model: "m".to_owned(),
            version: "1".to_owned(),
            cutoff: date.plus(-1),
            probability,
            low: 0.0,
            high: 1.0,
            base: 0.1,
        }
    }

    #[test]
    fn forecasts_are_graded_once_their_window_is_over() {
        let panel = synthetic::waves(200, 1).unwrap();
        let be = panel.place("be").unwrap();
        let mut text = String::new();
        for day in 50..210 {
            let truth = f64::from(u8::from(panel.listed(day, be, Label::Public)));
            let date = panel.first.plus(i32::try_from(day).unwrap());
            text.push_str(&format!("{}\n", serde_json::to_string(&item(date, truth)).unwrap()));
            // Said again later with hindsight: does not count.
            text.push_str(&format!("{}\n", serde_json::to_string(&item(date, 0.5)).unwrap()));
        }
        text.push_str("broken\n");
        let (issued, skipped) = read(&text);
        assert_eq!((issued.len(), skipped), (160, 1));
        let cards = scorecards(&issued, &panel, &BTreeSet::new());
        assert_eq!((cards.len(), cards[0].graded, cards[0].open), (1, 150, 10));
        assert!(cards[0].skill.unwrap().skill > 0.99 && cards[0].words.contains("clearly better"));
    }
}
