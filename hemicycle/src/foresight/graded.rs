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
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::moment;
use super::store::Store;
use hemicycle::intelligence::Folder;

/// Days of the windows that are plotted.
const DAYS: usize = 3;

/// The days on which something of our own stood on a list. With a time, only those after it are sure to be among them.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn own_days(
    store: &Store,
    institution: &Institution,
    from: Option<Timestamp>,
) -> Result<BTreeSet<Day>> {
    let mut own = BTreeSet::new();
    store.each_list(from, |list| {
        if from.is_none_or(|from| list.time >= from)
            && look_up(&list, institution).iter().any(|listing| listing.whose == Whose::Own)
        {
            own.insert(moment::day(list.time, &institution.time_zone));
        }
    })?;
    Ok(own)
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
    let zone = &institution.time_zone;
    let issued = store.issued(zone).map(|read| read.0).unwrap_or_default();
    let own = match first(&issued, zone) {
        // Nothing of the years before is read again and again.
        Some(first) => own_days(store, institution, Some(first)).unwrap_or_default(),
        None => BTreeSet::new(),
    };
    for card in scorecards(&issued, panel, &own, zone) {
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

/// When the first day begins of which a list tells whether a forecast for the own house came true; nothing where there is no such forecast, and no list is
/// needed.
fn first(issued: &[Issued], zone: &TimeZone) -> Option<Timestamp> {
    let own = issued.iter().filter(|item| item.days == DAYS && item.who == "own");
    let day = own.map(|item| item.date).min()?;
    Some(day.date().to_zoned(zone.clone()).map_or(Timestamp::MIN, |begin| begin.timestamp()))
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
pub(crate) fn judge(store: &Path, model: &Issued, percent: u8, time: Timestamp) -> Result<()> {
    let probability = f64::from(percent.min(100)) / 100.0;
    let analyst = Issued {
        model: "analyst".to_owned(),
        version: "1".to_owned(),
        issued: Some(time),
        probability,
        low: probability,
        high: probability,
        ..model.clone()
    };
    Store::open(store)?.issue(&[model.clone(), analyst])
}

#[cfg(test)]
mod tests {
    use foresee::targets::List;

    use super::*;

    fn issued(who: &str, days: usize, date: &str) -> Issued {
        let date = Day::parse(date).unwrap();
        Issued {
            kind: "issued".to_owned(),
            issued: None,
            date,
            days,
            who: who.to_owned(),
            place: "be".to_owned(),
            model: "base_recency".to_owned(),
            version: "1".to_owned(),
            cutoff: date.plus(-1),
            probability: 0.04,
            low: 0.02,
            high: 0.08,
            base: 0.01,
        }
    }

    #[test]
    fn lists_are_read_from_the_first_day_that_is_graded_and_not_at_all_without_one() {
        let zone = TimeZone::get("Europe/Brussels").unwrap();
        let mut all = vec![issued("country", 3, "2024-01-01"), issued("own", 7, "2024-01-01")];
        assert_eq!(first(&all, &zone), None);
        all.extend([issued("own", 3, "2024-06-07"), issued("own", 3, "2024-06-05")]);
        assert_eq!(first(&all, &zone), Some("2024-06-04T22:00:00Z".parse().unwrap()));
    }

    #[test]
    fn only_days_that_are_asked_for_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let text = include_str!("../../../data/institution/examplia.toml");
        let institution = institution::parse("examplia", text).unwrap();
        let name = institution.services.iter().find_map(|service| service.names.first()).unwrap();
        for time in ["2024-06-01T08:00:00Z", "2024-06-07T08:00:00Z"] {
            let list = List::read("list", "actor", time.parse().unwrap(), &format!("{name}\n")).unwrap();
            store.add_list(&list).unwrap();
        }
        let days = |from: Option<&str>| {
            own_days(&store, &institution, from.map(|from| from.parse().unwrap())).unwrap().len()
        };
        assert_eq!((days(None), days(Some("2024-06-02T00:00:00Z"))), (2, 1));
    }

    #[test]
    fn what_an_analyst_says_is_issued_beside_the_model_and_not_as_the_model() {
        let folder = std::env::temp_dir().join(format!("hemicycle-judged-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let now: Timestamp = "2026-11-27T20:00:00Z".parse().unwrap();
        let model = Issued { issued: Some(now), ..issued("own", 3, "2026-11-28") };
        judge(&folder, &model, 30, now).unwrap();
        judge(&folder, &model, 90, now).unwrap();
        let (kept, skipped) = Store::open(&folder).unwrap().issued(&TimeZone::UTC).unwrap();
        let said: Vec<_> = kept.iter().map(|item| (item.model.as_str(), item.probability)).collect();
        assert_eq!(
            (said, skipped),
            (vec![("base_recency", 0.04), ("analyst", 0.3)], 0),
            "the first of a day counts"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
