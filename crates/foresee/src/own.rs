//! From the country to the own house: how often a wave that hits the country's public institutions hits ours, and what a listing does.
//!
//! Two questions that are kept apart: being on a list of targets, and being hard to reach because of it. Most of what is listed stays
//! up; how much differs widely between sources, so the prior of the second question is wide until own incidents and drills speak.

use serde::Serialize;

use crate::day::Day;
use crate::numbers::beta_quantile;
use crate::panel::{Label, Panel, table};
use crate::problem::Problem;

/// What a house is to those who make lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A national parliament, or the parliament of the bloc.
    #[default]
    Parliament,
    /// Anything else: lists do not say which hosts are of one kind, so only own history speaks.
    Other,
}

/// A share with its 90 % interval, and what stands behind it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Share {
    /// Its mean.
    pub mean: f64,
    /// 5 % lie below.
    pub low: f64,
    /// 5 % lie above.
    pub high: f64,
    /// How often it was so.
    pub hits: usize,
    /// Of how many.
    pub of: usize,
}

impl Share {
    /// Hits of tries, drawn to a prior mean that weighs as much as `weight` tries.
    #[must_use]
    pub fn new(hits: f64, of: f64, prior: f64, weight: f64) -> Self {
        let (a, b) = (prior * weight + hits, (1.0 - prior) * weight + (of - hits).max(0.0));
        Self {
            mean: a / (a + b),
            low: beta_quantile(a, b, 0.05),
            high: beta_quantile(a, b, 0.95),
            hits: hits.round() as usize,
            of: of.round() as usize,
        }
    }

    /// The variance of the logarithm of the share, roughly.
    #[must_use]
    pub fn log_variance(&self) -> f64 {
        ((self.high.max(1e-9) / self.low.max(1e-9)).ln() / 3.29).powi(2)
    }
}

/// Waves of a place, and of them those that held a parliament: runs of listed days; a day without a snapshot ends none.
#[must_use]
pub fn waves(panel: &Panel, place: usize) -> (usize, usize) {
    let (mut all, mut own, mut inside, mut hit) = (0, 0, false, false);
    for day in 0..=panel.days() {
        if day < panel.days() && !panel.is_covered(day) {
            continue;
        }
        if day < panel.days() && panel.listed(day, place, Label::Public) {
            inside = true;
            hit |= panel.cell(day, place).parliament > 0;
        } else if inside {
            all += 1;
            own += usize::from(hit);
            (inside, hit) = (false, false);
        }
    }
    (all, own)
}

/// How often a wave of the place hits a house of this class.
#[must_use]
pub fn share_of_waves(panel: &Panel, place: usize, class: Class) -> Share {
    match class {
        Class::Parliament => {
            let pooled = (0..panel.countries).map(|place| waves(panel, place));
            let (all, own) = pooled.fold((0, 0), |sum, found| (sum.0 + found.0, sum.1 + found.1));
            let prior = (own as f64 + 2.0) / (all as f64 + 10.0);
            let (all, own) = waves(panel, place);
            Share::new(own as f64, all as f64, prior, 10.0)
        }
        Class::Other => Share::new(0.0, 0.0, 0.1, 2.0),
    }
}

/// Something that was lived through or played through.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Incident {
    /// The day.
    pub date: Day,
    /// Whether it was a drill.
    pub drill: bool,
    /// Whether a service was hard to reach.
    pub degraded: bool,
    /// What happened.
    pub note: String,
}

/// Reads `date,kind,degraded,note`; the kind is `incident` or `drill`. Gives how many rows were skipped.
///
/// # Errors
/// When a column is missing, or a row lies after `until`.
pub fn incidents(file: &str, text: &str, until: Day) -> Result<(Vec<Incident>, usize), Problem> {
    let mut table = table(file, text, &["date", "kind", "degraded"])?;
    let (mut incidents, mut skipped) = (Vec::new(), 0);
    while let Some(row) = table.next_row() {
        let Some(date) = Day::parse(table.get(&row, "date")) else {
            skipped += 1;
            continue;
        };
        if date > until {
            return Err(Problem::LabelFromFuture {
                file: file.to_owned(),
                line: row.line,
                date,
                last: until,
            });
        }
        let drill = table.get(&row, "kind") == "drill";
        let degraded = table.get(&row, "degraded") == "yes";
        incidents.push(Incident { date, drill, degraded, note: table.get(&row, "note").to_owned() });
    }
    Ok((incidents, skipped + table.skipped))
}

/// How often a listing makes a service hard to reach. The prior is wide: published shares go from a fiftieth to more than a half
/// (ENISA's reports on DoS and on public administration, as docs/foresee.md says). A drill counts half of an incident.
#[must_use]
pub fn degraded(incidents: &[Incident], before: Day) -> Share {
    let past = incidents.iter().filter(|incident| incident.date < before);
    let (hits, of) = past.fold((0.0, 0.0), |(hits, of), incident| {
        let weight = if incident.drill { 0.5 } else { 1.0 };
        (hits + if incident.degraded { weight } else { 0.0 }, of + weight)
    });
    Share::new(hits, of, 0.25, 2.0)
}

/// How often an event of a type was followed by an incident of ours on the same day or one of the two days around it.
#[must_use]
pub fn after_events<'a>(dates: impl Iterator<Item = &'a Day>, incidents: &[Incident], before: Day) -> Share {
    let mut dates: Vec<Day> = dates.copied().filter(|date| *date < before).collect();
    dates.sort_unstable();
    dates.dedup();
    let hit = |date: &&Day| {
        incidents.iter().any(|incident| {
            !incident.drill && incident.date < before && incident.date.since(**date).abs() <= 1
        })
    };
    Share::new(dates.iter().filter(hit).count() as f64, dates.len() as f64, 0.02, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Cell;

    #[test]
    fn waves_are_runs_and_gaps_do_not_end_them() {
        let first = Day::parse("2024-01-01").unwrap();
        let mut panel = Panel::empty(first, first.plus(9), &["be".to_owned()], "x").unwrap();
        panel.covered.fill(true);
        for (day, parliament) in [(1, 0), (2, 1), (4, 0), (7, 0), (9, 1)] {
            panel.set(day, 0, Cell { hosts: 1, public: 1, parliament });
        }
        assert_eq!(waves(&panel, 0), (4, 2));
        panel.covered[3] = false;
        assert_eq!(waves(&panel, 0), (3, 2), "what is not known does not end a wave");
        let share = share_of_waves(&panel, 0, Class::Parliament);
        assert!(share.low < share.mean && share.mean < share.high && share.mean > 0.3);
    }

    #[test]
    fn what_a_listing_does_is_wide_until_somebody_has_seen_it() {
        let day = |text: &str| Day::parse(text).unwrap();
        let prior = degraded(&[], day("2024-01-01"));
        assert!(prior.low < 0.02 && prior.high > 0.57, "{prior:?}");
        let text =
            "date,kind,degraded,note\n2022-11-23,incident,yes,site away\n2023-05-01,drill,no,\nx,drill,no,\n";
        let (incidents, skipped) = incidents("i", text, day("2024-01-01")).unwrap();
        assert_eq!((incidents.len(), skipped), (2, 1));
        assert!(degraded(&incidents, day("2023-01-01")).mean > prior.mean);
        let votes = [day("2022-11-23"), day("2022-10-06"), day("2022-11-23")];
        let share = after_events(votes.iter(), &incidents, day("2024-01-01"));
        assert_eq!((share.hits, share.of), (1, 2));
        assert_eq!(
            after_events(votes.iter(), &incidents, day("2022-11-23")).of,
            1,
            "nothing of the day itself"
        );
        let problem = super::incidents("i", text, day("2022-01-01")).unwrap_err();
        assert!(matches!(problem, Problem::LabelFromFuture { line: 2, .. }));
    }
}
