//! Days that were made up, with effects that are known: for tests of the back-test and of the factors.

use crate::day::Day;
use crate::event::Event;
use crate::numbers::Random;
use crate::panel::{Cell, Panel};
use crate::problem::Problem;

/// Fifty events of the type `planted` on days of a panel, one for a country each, none of them near another of its country.
#[must_use]
pub fn planted_events(panel: &Panel, count: usize, seed: u64) -> Vec<Event> {
    let mut random = Random::new(seed);
    let mut events: Vec<Event> = Vec::new();
    let days = panel.days();
    for attempt in 0..count * 50 {
        if events.len() == count {
            break;
        }
        let place = random.below(panel.countries);
        let date = panel.day(60 + random.below(days.saturating_sub(80).max(1)));
        let Some(scope) = panel.places.get(place) else { continue };
        if events.iter().any(|event| event.scope == *scope && event.date.since(date).abs() < 14) {
            continue;
        }
        events.push(Event {
            date,
            scope: scope.clone(),
            kind: "planted".to_owned(),
            title: format!("planted {attempt}"),
            known_from: date.plus(-30),
            verified: true,
            source: "synthetic".to_owned(),
            place: ("synthetic".to_owned(), events.len() + 1),
        });
    }
    events
}

/// A panel with the rate of listings in the three days up to each event multiplied: further days are listed so that the whole is
/// `times` of what is expected. `times` of 1 changes nothing.
#[must_use]
pub fn plant(panel: &Panel, events: &[Event], times: f64, rate: f64, seed: u64) -> Panel {
    let mut random = Random::new(seed);
    let mut changed = panel.clone();
    for event in events {
        let Some(place) = panel.place(&event.scope) else { continue };
        for back in 0..3 {
            let Some(day) = panel.number(event.date.plus(-back)) else { continue };
            if panel.is_covered(day)
                && panel.cell(day, place).public == 0
                && random.unit() < (times - 1.0) * rate
            {
                changed.set(day, place, Cell { hosts: 1, public: 1, parliament: 0 });
            }
        }
    }
    changed
}

/// Waves in forty countries over so many days: a country is listed at its rate, and again the next day one time in two.
///
/// # Errors
/// When there are too many days.
pub fn waves(days: i32, seed: u64) -> Result<Panel, Problem> {
    let first = Day::parse("2023-06-05").unwrap_or_else(|| Day::of(jiff::civil::Date::ZERO));
    let mut panel =
        Panel::empty(first, first.plus(days - 1), &crate::panel::places(None, false), "synthetic")?;
    panel.covered.fill(true);
    let mut random = Random::new(seed);
    for place in 0..panel.countries {
        let rate = 0.005 + 0.03 * random.unit();
        let mut yesterday = false;
        for day in 0..panel.days() {
            yesterday = random.unit() < if yesterday { 0.5 } else { rate };
            if yesterday {
                panel.set(
                    day,
                    place,
                    Cell { hosts: 2, public: 1, parliament: u32::from(random.unit() < 0.2) },
                );
            }
        }
    }
    Ok(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backtest;
    use crate::factor::{self, Factor};
    use crate::memory::HALF_LIFE_DAYS;
    use crate::panel::Label;
    use crate::walk::Walk;

    fn factors(panel: &Panel, events: &[Event]) -> Vec<Factor> {
        let walk = Walk::new(panel, Label::Public, HALF_LIFE_DAYS);
        backtest::factors_of(panel, Label::Public, events, &walk).unwrap()
    }

    #[test]
    fn a_planted_effect_of_four_is_found_and_none_is_not() {
        let panel = waves(880, 3).unwrap();
        let events = planted_events(&panel, 50, 5);
        assert_eq!(events.len(), 50);
        // Twelve days in a hundred: what is added is three times the mean rate of a wave's days.
        let found = factors(&plant(&panel, &events, 4.0, 0.06, 9), &events);
        let near = found.iter().find(|factor| factor.offset == "-2..0").unwrap();
        assert!(near.used && near.ratio > 2.5, "{near:?}");
        let none = factors(&plant(&panel, &events, 1.0, 0.06, 9), &events);
        assert!(none.iter().all(|factor| !factor.used), "{none:?}");
    }

    #[test]
    fn shuffled_dates_leave_no_evidence() {
        let panel = waves(880, 4).unwrap();
        let events = planted_events(&panel, 50, 6);
        let planted = plant(&panel, &events, 4.0, 0.06, 9);
        for seed in 0..3 {
            let found = factors(&planted, &factor::shuffled(&planted, &events, seed));
            assert!(found.iter().all(|factor| !factor.used && factor.verdict == "no evidence"), "{found:?}");
        }
    }

    #[test]
    fn memory_beats_the_rates_on_waves_and_not_on_noise() {
        let outcome = backtest::run(&waves(700, 5).unwrap(), Label::Public, &[], None).unwrap();
        assert!(
            outcome.shown.iter().take(2).all(|shown| shown.model != "country_rate"),
            "{:?}",
            outcome.shown
        );
        let mut noise = waves(700, 6).unwrap();
        let mut random = Random::new(8);
        for day in 0..noise.days() {
            for place in 0..noise.countries {
                let public = u32::from(random.unit() < 0.05);
                noise.set(day, place, Cell { hosts: public, public, parliament: 0 });
            }
        }
        let outcome = backtest::run(&noise, Label::Public, &[], None).unwrap();
        assert!(outcome.shown.iter().all(|shown| shown.model != backtest::MODEL), "{:?}", outcome.shown);
    }

    #[test]
    fn what_comes_later_changes_no_earlier_forecast() {
        // The same past with two different futures gives the same forecasts up to where they part.
        let one = waves(500, 7).unwrap();
        let mut other = one.clone();
        for day in 440..other.days() {
            for place in 0..other.countries {
                other.set(day, place, Cell { hosts: 5, public: 5, parliament: 5 });
            }
        }
        let events = planted_events(&one, 30, 1);
        let said = |panel: &Panel| backtest::said(panel, &events, 3, 365).unwrap();
        let (a, b) = (said(&one), said(&other));
        for (model, forecasts) in &a {
            let until = (441 - 365) * one.countries;
            assert_eq!(forecasts[..until], b[model][..until], "{model} looked ahead");
            assert_ne!(forecasts[until..], b[model][until..], "{model} learns");
        }
        let walk = |panel: &Panel| Walk::new(panel, Label::Public, HALF_LIFE_DAYS);
        let (a, b) = (walk(&one), walk(&other));
        assert!((0..=440).all(|day| (0..one.countries).all(|place| a.at(day, place) == b.at(day, place))));
        assert_ne!(a.at(441, 0), b.at(441, 0));
    }
}
