//! Every forecast that was issued is kept and graded, whether it looks good or not; only hindsight is not.
//!
//! A forecast counts if it was issued on the first day of its window at the latest, and knew nothing of that day. When it was issued is written down by the
//! clock of the machine beside it, whatever moment the outlook was asked for. Lines without that time are from before it was kept: nobody can say that
//! they are no hindsight. The file is the user's own: who writes into it by hand deceives nobody else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::day::Day;
use crate::memory::window;
use crate::panel::{Label, Panel};
use crate::score::{Bin, Graded, Skill, skill};

/// Most forecasts that are read.
pub const MAXIMUM_ISSUED: usize = 1 << 20;

/// Longest window.
const MAXIMUM_WINDOW_DAYS: usize = 366;

/// A forecast as it was issued: one line of a file that is only ever added to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// `issued`.
    pub kind: String,
    /// When it was made, by the machine's clock.
    #[serde(default)]
    pub issued: Option<Timestamp>,
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
    /// Forecasts that do not count: made after their first day, with what it brought, or nobody knows when.
    pub hindsight: usize,
    /// Brier score.
    pub brier: Option<f64>,
    /// Skill over the usual that was said beside it.
    pub skill: Option<Skill>,
    /// How often it happened at each height of the forecast.
    pub reliability: Vec<Bin>,
    /// In words.
    pub words: String,
}

impl Issued {
    /// Whether it was made without knowing anything of its window; days are those of a zone.
    #[must_use]
    pub fn is_foresight(&self, zone: &TimeZone) -> bool {
        let made = self.issued.map(|issued| Day::of(issued.to_zoned(zone.clone()).date()));
        made.is_some_and(|made| made <= self.date) && self.cutoff < self.date
    }
}

/// Reads lines; those that cannot be read are counted. A second forecast for the same is not counted: the first one that is no hindsight counts.
#[must_use]
pub fn read(text: &str, zone: &TimeZone) -> (Vec<Issued>, usize) {
    let mut issued: Vec<Issued> = Vec::new();
    let (mut skipped, mut places) = (0, BTreeMap::new());
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let item = match serde_json::from_str::<Issued>(line) {
            Ok(item) if issued.len() < MAXIMUM_ISSUED && is_sound(&item) => item,
            _ => {
                skipped += 1;
                continue;
            }
        };
        let about = (item.date, item.days, item.who.clone(), item.place.clone(), item.model.clone());
        match places.get(&about).and_then(|place: &usize| issued.get_mut(*place)) {
            None => {
                places.insert(about, issued.len());
                issued.push(item);
            }
            Some(first) if !first.is_foresight(zone) && item.is_foresight(zone) => *first = item,
            Some(_) => {}
        }
    }
    (issued, skipped)
}

fn is_sound(item: &Issued) -> bool {
    let share = |value: f64| (0.0..=1.0).contains(&value);
    share(item.probability) && share(item.base) && (1..=MAXIMUM_WINDOW_DAYS).contains(&item.days)
}

/// Grades forecasts: those of countries by the panel, own ones by the days on which we were listed.
#[must_use]
pub fn scorecards(issued: &[Issued], panel: &Panel, own: &BTreeSet<Day>, zone: &TimeZone) -> Vec<Scorecard> {
    let mut kinds: Vec<(&str, usize, &str)> =
        issued.iter().map(|item| (item.who.as_str(), item.days, item.model.as_str())).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
        .into_iter()
        .map(|(who, days, model)| {
            let mine =
                issued.iter().filter(|item| item.who == who && item.days == days && item.model == model);
            let (mut said, mut usual, mut open, mut hindsight) = (Graded::default(), Graded::default(), 0, 0);
            let first = issued.iter().map(|item| item.date).min().unwrap_or(panel.first);
            for item in mine {
                if !item.is_foresight(zone) {
                    hindsight += 1;
                    continue;
                }
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
                hindsight,
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
            issued: Some(format!("{date}T06:00:00Z").parse().unwrap()),
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
        let (issued, skipped) = read(&text, &TimeZone::UTC);
        assert_eq!((issued.len(), skipped), (160, 1));
        let cards = scorecards(&issued, &panel, &BTreeSet::new(), &TimeZone::UTC);
        assert_eq!((cards.len(), cards[0].graded, cards[0].open), (1, 150, 10));
        assert!(cards[0].skill.unwrap().skill > 0.99 && cards[0].words.contains("clearly better"));
    }

    #[test]
    fn hindsight_does_not_count() {
        let panel = synthetic::waves(200, 1).unwrap();
        let be = panel.place("be").unwrap();
        let mut text = String::new();
        let mut add = |item: &Issued| text.push_str(&format!("{}\n", serde_json::to_string(item).unwrap()));
        for day in 50..70 {
            let date = panel.first.plus(day);
            let truth = f64::from(u8::from(panel.listed(day.unsigned_abs() as usize, be, Label::Public)));
            // Made on the day after, with what came; without a time; with data of the day itself.
            let late = Issued {
                issued: Some(format!("{}T00:30:00Z", date.plus(1)).parse().unwrap()),
                ..item(date, truth)
            };
            let undated = Issued { issued: None, place: "fr".to_owned(), ..item(date, truth) };
            let knowing = Issued { cutoff: date, place: "de".to_owned(), ..item(date, truth) };
            [&late, &undated, &knowing].into_iter().for_each(&mut add);
        }
        // An honest one for the same day is not shut out by one that came before it in the file.
        add(&item(panel.first.plus(50), 0.5));
        let (issued, skipped) = read(&text, &TimeZone::UTC);
        assert_eq!((issued.len(), skipped), (60, 0));
        let cards = scorecards(&issued, &panel, &BTreeSet::new(), &TimeZone::UTC);
        assert_eq!((cards[0].graded, cards[0].hindsight), (1, 59));
        // Half past midnight of the next day is still the same evening further west.
        let west = TimeZone::fixed(jiff::tz::offset(-5));
        assert_eq!(scorecards(&issued, &panel, &BTreeSet::new(), &west)[0].hindsight, 40);
        let odd = serde_json::to_string(&Issued { days: usize::MAX, ..item(panel.first, 0.5) }).unwrap();
        assert_eq!(read(&odd, &TimeZone::UTC).1, 1, "a window without an end is none");
    }
}
