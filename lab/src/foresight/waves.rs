//! How long waves last and how often a country that was listed is listed again: what the pages say of waves in words.

use foresee::panel::{Label, Panel};
use serde_json::json;

use crate::report::Report;
use crate::table::Table;

/// Days without a listing that do not end a wave.
const QUIET_DAYS: usize = 1;

/// What is seen of waves.
#[derive(Default, Debug, PartialEq)]
struct Waves {
    /// Days of each, the shortest first.
    days: Vec<usize>,
    /// Days after one on which the country was listed, of which something is known.
    after: usize,
    /// Of them, those on which it was listed again.
    again: usize,
}

/// Tells it.
pub(super) fn tell(panel: &Panel, report: &mut Report) {
    let waves = of(panel);
    let at = |share: f64| waves.days.get((waves.days.len() as f64 * share) as usize).copied().unwrap_or(0);
    let again = waves.again as f64 / waves.after.max(1) as f64;
    report.line(&json!({"kind": "waves", "waves": waves.days.len(), "median_days": at(0.5), "ninth_days": at(0.9), "listed_again": again}));
    let mut table = Table::new(
        "Waves: days on which a country's public institutions are listed; one quiet day between them ends none",
        &["waves", "days, middle", "days, nine of ten", "listed again the next day"],
    );
    table.row(vec![
        waves.days.len().to_string(),
        at(0.5).to_string(),
        at(0.9).to_string(),
        format!("{again:.2}"),
    ]);
    report.table(table);
}

fn of(panel: &Panel) -> Waves {
    let mut waves = Waves::default();
    for place in 0..panel.countries {
        let (mut first, mut last, mut quiet) = (None, 0, 0);
        for day in (0..panel.days()).filter(|day| panel.is_covered(*day)) {
            let listed = panel.listed(day, place, Label::Public);
            if day > 0 && panel.is_covered(day - 1) && panel.listed(day - 1, place, Label::Public) {
                waves.after += 1;
                waves.again += usize::from(listed);
            }
            if listed {
                (first, last, quiet) = (first.or(Some(day)), day, 0);
                continue;
            }
            quiet += 1;
            if quiet > QUIET_DAYS
                && let Some(first) = first.take()
            {
                waves.days.push(last - first + 1);
            }
        }
        waves.days.extend(first.map(|first| last - first + 1));
    }
    waves.days.sort_unstable();
    waves
}

#[cfg(test)]
mod tests {
    use foresee::Day;
    use foresee::panel::Cell;

    use super::*;

    #[test]
    fn one_quiet_day_ends_no_wave_and_an_unknown_one_says_nothing() {
        let first = Day::parse("2024-01-01").unwrap();
        let mut panel = Panel::empty(first, first.plus(9), &["be".to_owned()], "x").unwrap();
        panel.covered.fill(true);
        for day in [1, 2, 4, 9] {
            panel.set(day, 0, Cell { hosts: 1, public: 1, parliament: 0 });
        }
        assert_eq!(of(&panel), Waves { days: vec![1, 4], after: 3, again: 1 });
        panel.covered[3] = false;
        panel.covered[5] = false;
        assert_eq!(of(&panel), Waves { days: vec![1, 4], after: 1, again: 1 });
    }
}
