//! What was issued, graded, for the console's plots; and what an analyst says, issued beside the model's own number.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use console::outlook::{Height, Reliability};
use foresee::Day;
use foresee::issued::{Issued, scorecards};
use foresee::listed::{Whose, look_up};
use foresee::score::Bin;
use institution::Institution;

use super::moment;
use super::store::Store;
use hemicycle::intelligence::Folder;

/// Days of the windows that are plotted.
const DAYS: usize = 3;

/// The days on which something of our own stood on a list.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn own_days(store: &Store, institution: &Institution) -> Result<BTreeSet<Day>> {
    let mut days = BTreeSet::new();
    store.each_list(None, |list| {
        if look_up(&list, institution).iter().any(|listing| listing.whose == Whose::Own) {
            days.insert(moment::day(list.time, &institution.time_zone));
        }
    })?;
    Ok(days)
}

/// How the model's forecasts of three days would have done on the past.
pub(crate) fn past(bins: &[Bin]) -> Vec<Reliability> {
    let plot = || Reliability {
        who: "country".to_owned(),
        title: "The model, on the past".to_owned(),
        words: "What the model would have said on each morning of the past, for all countries.".to_owned(),
        heights: heights(bins),
    };
    (!bins.is_empty()).then(plot).into_iter().collect()
}

/// How forecasts of three days did: the model's on the past, and those that were issued, analysts' apart.
pub(super) fn reliability(
    on_the_past: &[Bin],
    folder: &Folder,
    store: Option<&Store>,
    institution: &Institution,
) -> Vec<Reliability> {
    let mut plots = past(on_the_past);
    let (Some(store), Some(panel)) = (store, folder.panel.as_ref()) else { return plots };
    // What cannot be read is no reason to have no outlook; the scorecard says it.
    let issued = store.issued(&institution.time_zone).map(|read| read.0).unwrap_or_default();
    let own = own_days(store, institution).unwrap_or_default();
    for card in scorecards(&issued, panel, &own, &institution.time_zone) {
        if card.days != DAYS || card.graded == 0 {
            continue;
        }
        let whom = if card.who == "own" { "our house" } else { "the country" };
        let by = if card.model == "analyst" { "Analysts" } else { "The model" };
        plots.push(Reliability {
            who: card.who.clone(),
            title: format!("{by}, for {whom}"),
            words: card.words.clone(),
            heights: heights(&card.reliability),
        });
    }
    plots
}

fn heights(bins: &[Bin]) -> Vec<Height> {
    let percent = |share: f64| (share * 100.0).round().clamp(0.0, 100.0) as u8;
    let height = |bin: &Bin| Height {
        said_percent: percent(bin.said),
        happened_percent: percent(bin.observed),
        forecasts: u32::try_from(bin.n).unwrap_or(u32::MAX),
    };
    bins.iter().map(height).collect()
}

/// Issues what an analyst says, and the model's own number of the same day, so that both are graded on the same days. Of each the first of a day
/// counts.
///
/// # Errors
/// When the store cannot be written.
pub(crate) fn judge(store: &Path, model: &Issued, percent: u8, now: jiff::Timestamp) -> Result<()> {
    let probability = f64::from(percent.min(100)) / 100.0;
    let analyst = Issued {
        model: "analyst".to_owned(),
        version: "1".to_owned(),
        issued: Some(now),
        probability,
        low: probability,
        high: probability,
        ..model.clone()
    };
    Store::open(store)?.issue(&[model.clone(), analyst])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_analyst_says_is_issued_beside_the_model_and_not_as_the_model() {
        let folder = std::env::temp_dir().join(format!("hemicycle-judged-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let date = Day::parse("2026-11-28").unwrap();
        let now: jiff::Timestamp = "2026-11-28T07:00:00Z".parse().unwrap();
        let model = Issued {
            kind: "issued".to_owned(),
            issued: Some(now),
            date,
            days: 3,
            who: "own".to_owned(),
            place: "be".to_owned(),
            model: "base_recency".to_owned(),
            version: "1".to_owned(),
            cutoff: date.plus(-1),
            probability: 0.04,
            low: 0.02,
            high: 0.08,
            base: 0.01,
        };
        judge(&folder, &model, 30, now).unwrap();
        judge(&folder, &model, 90, now).unwrap();
        let (issued, skipped) = Store::open(&folder).unwrap().issued(&jiff::tz::TimeZone::UTC).unwrap();
        let said: Vec<_> = issued.iter().map(|item| (item.model.as_str(), item.probability)).collect();
        assert_eq!(
            (said, skipped),
            (vec![("base_recency", 0.04), ("analyst", 0.3)], 0),
            "the first of a day counts"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
