//! How good forecasts were: Brier score and skill, logarithmic score, ROC, reliability, alerts at a fixed budget.

use serde::Serialize;

use crate::numbers::{Random, sorted_quantile};

/// Days of a block of the bootstrap: waves last days, so single days are not independent.
pub const BLOCK_DAYS: usize = 14;
/// Resamples of the bootstrap.
pub const RESAMPLES: usize = 2_000;
/// The share of place-days on which an alert would be given.
pub const ALERT_SHARE: f64 = 0.05;
/// Edges of the reliability table.
const EDGES: [f64; 10] = [0.0, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.7, 1.01];

/// Forecasts and what was so.
#[derive(Clone, Debug, Default)]
pub struct Graded {
    /// Probability, outcome, day.
    pub rows: Vec<(f64, bool, usize)>,
}

/// How good they were.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Score {
    /// Mean squared difference of probability and outcome.
    pub brier: f64,
    /// Mean negative logarithm of the probability of the outcome.
    pub log: f64,
    /// The area under the ROC; nothing where one kind of outcome is missing.
    pub auc: Option<f64>,
    /// Expected calibration error over ten bins of equal size.
    pub ece: f64,
    /// The share of what happened that the alerts of [`ALERT_SHARE`] held.
    pub recall: f64,
    /// The share of those alerts after which it happened.
    pub precision: f64,
    /// Forecasts.
    pub n: usize,
    /// Of them, those after which it happened.
    pub positives: usize,
}

/// One bin of a reliability table.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Bin {
    /// From this probability.
    pub from: f64,
    /// To below this one.
    pub to: f64,
    /// Forecasts in it.
    pub n: usize,
    /// Their mean.
    pub said: f64,
    /// How often it happened.
    pub observed: f64,
}

impl Graded {
    /// Takes up one forecast; the probability is held away from nought and one.
    pub fn push(&mut self, probability: f64, outcome: bool, day: usize) {
        self.rows.push((probability.clamp(1e-4, 1.0 - 1e-4), outcome, day));
    }

    /// How good they were; nothing of none.
    #[must_use]
    pub fn score(&self) -> Option<Score> {
        let n = self.rows.len();
        if n == 0 {
            return None;
        }
        let count = n as f64;
        let positives = self.rows.iter().filter(|row| row.1).count();
        let brier = self.rows.iter().map(error).sum::<f64>() / count;
        let log =
            -self.rows.iter().map(|(p, y, _)| if *y { p.ln() } else { (1.0 - p).ln() }).sum::<f64>() / count;
        let mut sorted: Vec<(f64, bool)> = self.rows.iter().map(|(p, y, _)| (*p, *y)).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let values: Vec<f64> = sorted.iter().map(|row| row.0).collect();
        let limit = sorted_quantile(&values, 1.0 - ALERT_SHARE);
        let alerts = sorted.iter().filter(|row| row.0 >= limit);
        let (alerts, hits) =
            alerts.fold((0usize, 0usize), |(all, hits), row| (all + 1, hits + usize::from(row.1)));
        Some(Score {
            brier,
            log,
            auc: auc(&sorted, positives),
            ece: calibration(&sorted, &values),
            recall: hits as f64 / positives.max(1) as f64,
            precision: hits as f64 / alerts.max(1) as f64,
            n,
            positives,
        })
    }

    /// How often it happened at each height of the forecast.
    #[must_use]
    pub fn reliability(&self) -> Vec<Bin> {
        let bins = EDGES.iter().zip(EDGES.iter().skip(1)).map(|(&from, &to)| {
            let inside = self.rows.iter().filter(|row| row.0 >= from && row.0 < to);
            let (n, said, observed) = inside.fold((0usize, 0.0, 0.0), |(n, p, y), row| {
                (n + 1, p + row.0, y + f64::from(u8::from(row.1)))
            });
            let count = n.max(1) as f64;
            Bin { from, to: to.min(1.0), n, said: said / count, observed: observed / count }
        });
        bins.filter(|bin| bin.n > 0).collect()
    }

    /// Sums of squared errors by block of days.
    fn blocks(&self, count: usize) -> Vec<f64> {
        let mut sums = vec![0.0; count];
        for row in &self.rows {
            if let Some(sum) = sums.get_mut(row.2 / BLOCK_DAYS) {
                *sum += error(row);
            }
        }
        sums
    }
}

fn error(&(p, y, _): &(f64, bool, usize)) -> f64 {
    (p - f64::from(u8::from(y))).powi(2)
}

/// By ranks; ties have their mean rank.
fn auc(sorted: &[(f64, bool)], positives: usize) -> Option<f64> {
    let negatives = sorted.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let (mut ranks, mut at) = (0.0, 0);
    while let Some(first) = sorted.get(at) {
        let ties = sorted[at..].iter().take_while(|row| row.0 == first.0);
        let (count, hits) = ties.fold((0usize, 0usize), |(n, hits), row| (n + 1, hits + usize::from(row.1)));
        ranks += hits as f64 * (at as f64 + (count as f64 + 1.0) / 2.0);
        at += count;
    }
    let (positives, negatives) = (positives as f64, negatives as f64);
    Some((ranks - positives * (positives + 1.0) / 2.0) / (positives * negatives))
}

fn calibration(sorted: &[(f64, bool)], values: &[f64]) -> f64 {
    let mut sum = 0.0;
    let edge = |index: u8| sorted_quantile(values, f64::from(index) / 10.0);
    for bin in 0..10 {
        let (from, to) = (edge(bin), if bin == 9 { f64::INFINITY } else { edge(bin + 1) });
        let inside = sorted.iter().filter(|row| row.0 >= from && row.0 < to);
        sum += inside.map(|row| row.0 - f64::from(u8::from(row.1))).sum::<f64>().abs();
    }
    sum / sorted.len() as f64
}

/// Skill over a reference: one less the ratio of Brier scores, with a 90 % interval from resampled blocks of days.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Skill {
    /// Over all.
    pub skill: f64,
    /// 5 % of resamples are below.
    pub low: f64,
    /// 5 % of resamples are above.
    pub high: f64,
}

/// How much better `model` was than `reference` on the same forecasts.
#[must_use]
pub fn skill(model: &Graded, reference: &Graded, seed: u64) -> Skill {
    let last = model.rows.iter().chain(&reference.rows).map(|row| row.2).max().unwrap_or(0);
    let count = last / BLOCK_DAYS + 1;
    let (a, b) = (model.blocks(count), reference.blocks(count));
    // Blocks before the first forecast are no blocks.
    let used: Vec<usize> = (0..count).filter(|block| b[*block] > 0.0 || a[*block] > 0.0).collect();
    let ratio = |blocks: &mut dyn Iterator<Item = usize>| {
        let (mut above, mut below) = (0.0, 0.0);
        for block in blocks {
            above += a[block];
            below += b[block];
        }
        if below > 0.0 { 1.0 - above / below } else { 0.0 }
    };
    let mut random = Random::new(seed);
    let mut resampled: Vec<f64> =
        (0..RESAMPLES).map(|_| ratio(&mut (0..used.len()).map(|_| used[random.below(used.len())]))).collect();
    resampled.sort_by(f64::total_cmp);
    Skill {
        skill: ratio(&mut used.iter().copied()),
        low: sorted_quantile(&resampled, 0.05),
        high: sorted_quantile(&resampled, 0.95),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graded(rows: &[(f64, bool)]) -> Graded {
        let mut graded = Graded::default();
        rows.iter().enumerate().for_each(|(day, (p, y))| graded.push(*p, *y, day));
        graded
    }

    #[test]
    fn scores_are_those_of_a_hand_calculation() {
        let score = graded(&[(0.1, false), (0.4, true), (0.35, false), (0.8, true)]).score().unwrap();
        assert!((score.brier - (0.01 + 0.36 + 0.1225 + 0.04) / 4.0).abs() < 1e-12);
        assert_eq!(score.auc, Some(1.0));
        assert_eq!((score.n, score.positives), (4, 2));
        let ties = graded(&[(0.5, false), (0.5, true), (0.2, false), (0.2, true)]).score().unwrap();
        assert_eq!(ties.auc, Some(0.5), "ties count half");
        assert_eq!(graded(&[(0.2, false)]).score().unwrap().auc, None);
        assert!(Graded::default().score().is_none());
    }

    #[test]
    fn constants_have_no_skill_and_the_truth_has_all() {
        let truth: Vec<bool> = (0..400).map(|day| day % 10 == 0).collect();
        let of = |p: &dyn Fn(bool) -> f64| graded(&truth.iter().map(|y| (p(*y), *y)).collect::<Vec<_>>());
        let base = of(&|_| 0.1);
        let found = skill(&of(&|y| f64::from(u8::from(y))), &base, 1);
        assert!(found.skill > 0.99 && found.low > 0.99);
        assert!(skill(&of(&|_| 0.5), &base, 1).high < 0.0, "a constant answer fails");
        assert!(skill(&of(&|_| 1.0), &base, 1).high < 0.0, "who cries wolf every day fails");
        assert!(skill(&of(&|_| 0.0), &base, 1).skill < 0.0, "who never says anything fails");
        assert!(skill(&base, &base, 1).skill.abs() < 1e-12);
        let reliability = base.reliability();
        assert_eq!(reliability.len(), 1);
        assert!((reliability[0].observed - 0.1).abs() < 1e-12 && reliability[0].n == 400);
    }
}
