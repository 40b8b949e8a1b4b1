//! The reference back-test (half-life 120 days, origins 2024-06-01 to 2025-11, monthly fits), and how far the product may be from it.
//!
//! It was made independently, in another language. Differences that remain: the product uses an event only from the day on that it is known, and gives
//! the factors' model beside the reference's flags of events.

use foresee::backtest::Outcome;

use crate::report::{Bar, Report};

/// How far a skill may be off.
const SKILL: f64 = 0.03;
/// How far an area under the ROC may be off.
const AREA: f64 = 0.02;

/// Days, subset, model, skill over the country's rate, area under the ROC.
const REFERENCE: [(usize, &str, &str, f64, f64); 24] = [
    (1, "all", "country_rate", 0.0, 0.852),
    (1, "all", "markov", 0.285, 0.805),
    (1, "all", "base_recency", 0.310, 0.938),
    (1, "all", "base_recency_events", 0.310, 0.939),
    (1, "onset", "markov", 0.129, 0.492),
    (1, "onset", "base_recency", 0.146, 0.735),
    (1, "onset", "base_recency_events", 0.146, 0.739),
    (1, "all", "base_events", -0.009, 0.855),
    (3, "all", "country_rate", 0.0, 0.834),
    (3, "all", "markov", 0.151, 0.723),
    (3, "all", "base_recency", 0.273, 0.903),
    (3, "all", "base_recency_events", 0.273, 0.905),
    (3, "onset", "markov", 0.028, 0.499),
    (3, "onset", "base_recency", 0.073, 0.743),
    (3, "onset", "base_recency_events", 0.074, 0.749),
    (3, "all", "base_events", 0.0, 0.845),
    (7, "all", "country_rate", 0.0, 0.809),
    (7, "all", "markov", 0.042, 0.666),
    (7, "all", "base_recency", 0.181, 0.859),
    (7, "all", "base_recency_events", 0.179, 0.863),
    (7, "onset", "markov", -0.046, 0.507),
    (7, "onset", "base_recency", 0.033, 0.742),
    (7, "onset", "base_recency_events", 0.033, 0.751),
    (7, "all", "base_events", -0.006, 0.825),
];

/// Bars: every value of the reference within its bound, and the simple ways fail.
pub(super) fn bars(outcome: &Outcome, report: &mut Report) {
    let find = |days: usize, subset: &str, model: &str| {
        outcome.rows.iter().find(|row| row.days == days && row.subset == subset && row.model == model)
    };
    let (mut worst_skill, mut worst_area, mut missing) = (0.0f64, 0.0f64, 0);
    for (days, subset, model, skill, area) in REFERENCE {
        match find(days, subset, model) {
            Some(row) => {
                worst_skill = worst_skill.max((row.skill.skill - skill).abs());
                worst_area = worst_area.max((row.score.auc.unwrap_or(0.0) - area).abs());
            }
            None => missing += 1,
        }
    }
    let named = format!("of {} rows, {missing} missing", REFERENCE.len());
    report.bar(Bar::new(
        "largest difference of skill to the reference",
        format!("<= {SKILL}"),
        format!("{worst_skill:.4} {named}"),
        missing == 0 && worst_skill <= SKILL,
    ));
    report.bar(Bar::new(
        "largest difference of AUC to the reference",
        format!("<= {AREA}"),
        format!("{worst_area:.4} {named}"),
        missing == 0 && worst_area <= AREA,
    ));
    for days in [1, 3, 7] {
        let shown = outcome.shown.iter().find(|shown| shown.days == days);
        report.bar(Bar::new(
            format!("{days} days: what is shown beats the country's rate and the Markov table"),
            "lower ends of both 90 % intervals above 0",
            shown.map_or_else(String::new, |shown| {
                format!("{}: {:+.3} and {:+.3}", shown.model, shown.over_base.low, shown.over_markov.low)
            }),
            shown.is_some_and(|shown| shown.over_base.low > 0.0 && shown.over_markov.low > 0.0),
        ));
    }
}
