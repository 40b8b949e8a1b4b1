//! The outlook of the day before, and what became of it.
//!
//! Like the recordings of the day, real lists of targets are moved to it: those until 13 December 2023 as the past, and that of the morning of 14
//! December, in which names and addresses are replaced, as what comes at twenty past seven. What they say of the days before is what they said then.

use std::sync::Arc;

use anyhow::{Context, Result};
use console::outlook::Outlook;
use foresee::mix::Mix;
use foresee::own::Class;
use foresee::panel::{Panel, places};
use foresee::targets::List;
use foresee::{Day, Past, event};
use institution::Institution;
use jiff::{SignedDuration, Timestamp};
use wire::Time;

use crate::foresight::graded::past;
use crate::foresight::shown::shown;

const COVERED: &str = include_str!("../../../data/foresee/ddosia/ddosia_covered_days.csv");
const DAYS: &str = include_str!("../../../data/foresee/ddosia/ddosia_country_days.csv");
const TECHNIQUES: &str = include_str!("../../../data/foresee/ddosia/ddosia_techniques.csv");
const EVENTS: &str = include_str!("../../../data/foresee/events/political_events.csv");
const LIST: &str = include_str!("../../../data/foresee/ddosia/list-2023-12-14-redacted.json");
/// The day of the list, and when it was seen on it.
const LISTED: (&str, i64) = ("2023-12-14", 7 * 60 + 20);

/// Two outlooks: that of noon of the day before, and that of the moment at which the list comes.
pub(super) struct Forecast {
    before: Arc<Outlook>,
    listed: Arc<Outlook>,
    from: Time,
}

impl Forecast {
    /// For the day that begins then; `floods` of it are what became of the outlook.
    ///
    /// # Errors
    /// When what is part of the program does not fit together.
    pub(super) fn new(institution: &Institution, start: Time, floods: usize) -> Result<Self> {
        let start =
            Timestamp::from_nanosecond(start.nanoseconds().into()).context("the day is out of range")?;
        let today = Day::of(start.to_zoned(institution.time_zone.clone()).date());
        let real = Day::parse(LISTED.0).context("the day of the list")?;
        let moved = today.since(real);
        let place = institution.country.clone().unwrap_or_else(|| "eu".to_owned()).to_ascii_lowercase();
        let until = Day::parse("9000-01-01").context("a day")?;
        let mut panel = Panel::read(
            ("covered days", COVERED),
            ("listed days", DAYS),
            &places(Some(&place), true),
            until,
        )?;
        panel.first = panel.first.plus(moved);
        let (mut events, _) = event::read("events", EVENTS)?;
        for event in &mut events {
            (event.date, event.known_from) = (event.date.plus(moved), event.known_from.plus(moved));
        }
        let mix = Mix::read("techniques", TECHNIQUES)?.moved(moved);
        let seen = start + SignedDuration::from_mins(LISTED.1);
        let lists = [List::read("a list of targets", "NoName057(16)", seen, LIST)?];
        let at = |time: Timestamp, became: Vec<String>| -> Result<Arc<Outlook>> {
            let known = Past {
                panel: Some(&panel),
                events: &events,
                claims: &[],
                mix: &mix,
                incidents: &[],
                lists: &lists,
                institution: Some(institution),
                place: &place,
                class: Class::Parliament,
            };
            let outlook = foresee::outlook(&known, time, &institution.time_zone)?;
            let mut seen = shown(&outlook, institution, became);
            seen.reliability = past(&outlook.reliability);
            Ok(Arc::new(seen))
        };
        let became = vec![
            format!(
                "{floods} floods came on the day after this outlook, and at twenty past seven a list that names us."
            ),
            "Lists and their dates are real and moved to this day; names and addresses in them are replaced."
                .to_owned(),
        ];
        Ok(Self {
            before: at(start - SignedDuration::from_hours(12), became)?,
            listed: at(seen, vec![format!("{floods} floods came on this day.")])?,
            from: Time::from_nanoseconds(i64::try_from(seen.as_nanosecond()).context("out of range")?),
        })
    }

    /// The one that holds at a time.
    pub(super) fn at(&self, now: Time) -> Arc<Outlook> {
        if now < self.from { self.before.clone() } else { self.listed.clone() }
    }
}
