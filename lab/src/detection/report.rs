//! Outcomes to tables and bars.

use serde_json::json;

use super::case::Outcome;
use super::score::{Expected, Found, Verdict};
use crate::table::Table;

/// Share of attacks that a bar over captures asks for: 13 of the 14 that were at hand when it was set.
const CAPTURES_SHARE: f64 = 13.0 / 14.0;

/// How a bar went.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// Its name.
    pub(crate) name: String,
    /// Cases as they should be.
    pub(crate) held_cases: usize,
    /// Cases.
    pub(crate) cases: usize,
    /// Cases that it asks for.
    pub(crate) needed: usize,
}

impl Bar {
    /// Judges the outcomes that count for it.
    pub(crate) fn of<'a>(name: &str, outcomes: impl Iterator<Item = (&'a str, bool)>) -> Self {
        let held: Vec<bool> = outcomes.filter(|(bar, _)| *bar == name).map(|(_, held)| held).collect();
        let cases = held.len();
        let share = if name.ends_with(": attacks") { CAPTURES_SHARE } else { 1.0 };
        // 13 of 14 allows one miss; a smaller folder gets the same share, rounded up.
        let needed = (cases as f64 * share - 1e-9).ceil() as usize;
        Self { name: name.to_owned(), held_cases: held.iter().filter(|held| **held).count(), cases, needed }
    }

    /// Whether it holds. Without cases it does not.
    pub(crate) const fn holds(&self) -> bool {
        self.cases > 0 && self.held_cases >= self.needed
    }

    /// Its row.
    pub(crate) fn row(&self) -> Vec<String> {
        let result = match (self.cases, self.holds()) {
            (0, _) => "skipped: no case was run for it",
            (_, true) => "holds",
            (_, false) => "does not hold",
        };
        let needed = format!("{} of {}", self.needed, self.cases);
        vec![self.name.clone(), needed, self.held_cases.to_string(), result.to_owned()]
    }
}

/// The bars of these names for the detector's outcomes.
pub(crate) fn bars(names: &[String], outcomes: &[Outcome]) -> Vec<Bar> {
    let held = || outcomes.iter().map(|outcome| (outcome.bar.as_str(), outcome.verdict.held));
    names.iter().map(|name| Bar::of(name, held())).collect()
}

/// Something that answers without detecting.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Control {
    /// Never says anything.
    Nothing,
    /// Says that every destination is flooded with what it gets most of.
    Everything,
    /// Always says `udp_flood` on the busiest destination.
    Constant,
}

impl Control {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Nothing, Self::Everything, Self::Constant];

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "do nothing",
            Self::Everything => "flag everything",
            Self::Constant => "constant answer: udp_flood on the busiest destination",
        }
    }

    /// The bars of these names for its answers.
    pub(crate) fn bars(self, names: &[String], outcomes: &[Outcome]) -> Vec<Bar> {
        let held: Vec<bool> = outcomes.iter().map(|outcome| self.verdict(outcome).held).collect();
        let pairs = || outcomes.iter().zip(&held).map(|(outcome, held)| (outcome.bar.as_str(), *held));
        names.iter().map(|name| Bar::of(name, pairs())).collect()
    }

    fn verdict(self, outcome: &Outcome) -> Verdict {
        let floods: Vec<Found> = match self {
            Self::Nothing => Vec::new(),
            Self::Everything => {
                outcome.survey.all().map(|(address, kind)| claim(&address.to_string(), kind.name())).collect()
            }
            Self::Constant => outcome
                .survey
                .busiest()
                .map(|address| claim(&address.to_string(), "udp_flood"))
                .into_iter()
                .collect(),
        };
        outcome.expected.judge(&floods)
    }
}

fn claim(address: &str, name: &str) -> Found {
    Found {
        id: address.to_owned(),
        addresses: vec![address.to_owned()],
        lead: name.to_owned(),
        share: 1.0,
        first_lead: name.to_owned(),
        confidence: 1.0,
        alarm: 0,
        onset: 0,
        out: false,
        reason: String::new(),
    }
}

/// Every outcome as a row.
pub(crate) fn outcomes_table(title: &str, outcomes: &[&Outcome]) -> Table {
    let mut table = Table::new(title, &["case", "expected", "found", "false", "delay s", "packets", ""]);
    for outcome in outcomes {
        table.row(vec![
            outcome.name.clone(),
            outcome.expected.text(),
            found_text(outcome),
            false_text(outcome),
            outcome.delay_seconds.map_or_else(String::new, |delay| format!("{delay:.2}")),
            outcome.records.to_string(),
            mark(outcome).to_owned(),
        ]);
    }
    table
}

/// The right flood, or the first one.
fn found_text(outcome: &Outcome) -> String {
    if let Some(failure) = &outcome.failure {
        return format!("error: {failure}");
    }
    let place = outcome.verdict.right.unwrap_or(0);
    outcome.floods.get(place).map_or_else(|| "-".to_owned(), |flood| flood.text())
}

fn false_text(outcome: &Outcome) -> String {
    let shown = outcome.verdict.right.unwrap_or(0);
    let others = outcome.floods.iter().enumerate();
    let names: Vec<String> = others
        .filter(|(place, _)| *place != shown)
        .take(3)
        .map(|(_, flood)| format!("{} on {}", flood.lead, flood.addresses.join(",")))
        .collect();
    match outcome.verdict.extra {
        0 => String::new(),
        extra => format!("{extra}: {}", names.join("; ")),
    }
}

fn mark(outcome: &Outcome) -> &'static str {
    match (outcome.bar.is_empty(), outcome.verdict.held) {
        (true, true) => "right, not counted",
        (true, false) => "not counted",
        (false, true) => "right",
        (false, false) => "WRONG",
    }
}

/// What went wrong, told while the others run.
pub(crate) fn wrong_line(outcome: &Outcome) -> String {
    let found: Vec<String> =
        outcome.floods.iter().take(3).map(|flood| format!("{}: {}", flood.text(), flood.reason)).collect();
    let found = if found.is_empty() { "nothing".to_owned() } else { found.join("; ") };
    let failure = outcome.failure.as_deref().unwrap_or_default();
    format!("WRONG {}: expected {}, found {found} {failure}", outcome.name, outcome.expected.text())
}

/// One line of JSON for an outcome.
pub(crate) fn json_line(outcome: &Outcome) -> String {
    let floods = outcome.floods.iter().map(|flood| {
        json!({"lead": flood.lead, "first_lead": flood.first_lead, "share": flood.share,
            "addresses": flood.addresses, "confidence": flood.confidence, "out": flood.out, "reason": flood.reason,
            "onset": flood.onset, "alarm": flood.alarm})
    });
    let floods: Vec<_> = floods.collect();
    json!({"kind": "case", "bar": outcome.bar, "name": outcome.name, "expected": outcome.expected.text(),
        "held": outcome.verdict.held, "extra_floods": outcome.verdict.extra, "floods": floods,
        "delay_seconds": outcome.delay_seconds, "records": outcome.records,
        "elapsed_seconds": outcome.elapsed_seconds, "failure": outcome.failure})
    .to_string()
}

/// How good the stated probabilities are: each case gives one, 0 where nothing was said.
pub(crate) fn confidence_table(outcomes: &[Outcome]) -> (Table, f64) {
    const BINS: usize = 10;
    let mut bins = [(0usize, 0.0, 0usize); BINS];
    let mut squares = 0.0;
    // Rows that are only shown have no truth at this layer.
    let outcomes: Vec<_> = outcomes.iter().filter(|outcome| !outcome.bar.is_empty()).collect();
    for outcome in &outcomes {
        let stated = match outcome.verdict.right.and_then(|right| outcome.floods.get(right)) {
            Some(flood) => flood.confidence,
            // A flood that is wrong in name or place is still said to be a flood; in quiet traffic all are wrong.
            None => outcome.floods.iter().map(|flood| flood.confidence).fold(0.0, f64::max),
        };
        let truth = f64::from(u8::from(matches!(outcome.expected, Expected::Flood { .. })));
        squares += (stated - truth).powi(2);
        let bin = ((stated * BINS as f64) as usize).min(BINS - 1);
        if let Some((cases, sum, floods)) = bins.get_mut(bin) {
            *cases += 1;
            *sum += stated;
            *floods += truth as usize;
        }
    }
    let brier = squares / outcomes.len().max(1) as f64;
    let mut table = Table::new(
        format!("Stated confidence against the truth (Brier score {brier:.4}, {} cases)", outcomes.len()),
        &["stated", "cases", "mean stated", "share that are floods"],
    );
    for (bin, (cases, sum, floods)) in bins.iter().enumerate().filter(|(_, (cases, ..))| *cases > 0) {
        let count = *cases as f64;
        table.row(vec![
            format!("{:.1} to {:.1}", bin as f64 / 10.0, (bin + 1) as f64 / 10.0),
            cases.to_string(),
            format!("{:.3}", sum / count),
            format!("{:.3}", *floods as f64 / count),
        ]);
    }
    (table, brier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_over_captures_allows_one_miss_in_fourteen() {
        let outcomes = |held: usize, cases: usize| (0..cases).map(move |at| ("x: attacks", at < held));
        assert!(Bar::of("x: attacks", outcomes(13, 14)).holds());
        assert!(!Bar::of("x: attacks", outcomes(12, 14)).holds());
        assert!(!Bar::of("x: attacks", outcomes(5, 6)).holds());
        assert!(!Bar::of("x: attacks", outcomes(0, 0)).holds(), "no case is no success");
        assert!(!Bar::of("x: quiet", [("x: quiet", true), ("x: quiet", false)].into_iter()).holds());
    }
}
