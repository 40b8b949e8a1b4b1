//! What the room finds in random models against what trying everything finds.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod common;

use std::collections::BTreeSet;

use common::{Random, by_force, by_the_room, fails, model};
use expose::{Change, Exposure, Reach, Remedy, Unit, cut_sets, difference, fixes, limits_of};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cut_sets_are_what_trying_everything_finds(seed: u64) {
        let model = model(&mut Random(seed));
        let cuts = cut_sets(&model).unwrap();
        for service in model.services() {
            let cuts = cuts[service].as_ref().unwrap();
            prop_assert_eq!(cuts.complete, 3);
            prop_assert_eq!(by_the_room(&model, cuts), by_force(&model, service, 3));
            // Where larger sets exist it is said; that they can exist may be said without need.
            let all = by_force(&model, service, 14);
            prop_assert!(cuts.truncated || all.iter().all(|set| set.len() <= 3));
        }
    }

    #[test]
    fn what_fails_is_what_the_names_say(seed: u64) {
        let mut random = Random(seed);
        let model = model(&mut random);
        let events: Vec<u32> = (0..model.elements.len() as u32).filter(|_| random.chance(20)).collect();
        let names: BTreeSet<&str> = events.iter().map(|&event| model.event_name(event)).collect();
        let failing = model.failing(&events).unwrap();
        for (place, failing) in failing.into_iter().enumerate() {
            prop_assert_eq!(failing, fails(&model, place, &names));
        }
    }

    #[test]
    fn a_second_of_something_never_makes_a_smaller_cut_set(seed: u64) {
        let mut random = Random(seed);
        let before = model(&mut random);
        let name = before.elements[random.below(before.elements.len())].name.clone();
        let after = before.changed(&Change::Second(name.clone())).unwrap();
        let (old, new) = (cut_sets(&before).unwrap(), cut_sets(&after).unwrap());
        for service in before.services() {
            let (old, new) = (old[service].as_ref().unwrap(), new[service].as_ref().unwrap());
            let smallest = |cuts: &expose::CutSets| cuts.sets.first().map_or(4, |set| set.order());
            prop_assert!(smallest(new) >= smallest(old), "{} of {}", name, before.elements[service].name);
            let old = by_the_room(&before, old);
            for set in by_the_room(&after, new) {
                // Without the twin it was enough before.
                let known: BTreeSet<String> =
                    set.into_iter().filter(|name| !name.ends_with("-second")).collect();
                let known_names: BTreeSet<&str> = known.iter().map(String::as_str).collect();
                prop_assert!(
                    old.iter().any(|smaller| smaller.is_subset(&known)) || fails(&before, service, &known_names)
                );
            }
        }
    }

    #[test]
    fn forgetting_a_capacity_removes_no_row_and_no_finding(seed: u64) {
        let mut random = Random(seed);
        let known = model(&mut random);
        let mut forgotten = known.clone();
        for element in &mut forgotten.elements {
            for unit in Unit::ALL {
                // A unit in which such an element has no end by its nature counts only where it is written down.
                let has_end = limits_of(element.kind, Reach::Carried).contains(&unit);
                if has_end && random.chance(50) {
                    unit.set(&mut element.capacity, None);
                }
            }
        }
        let (known, forgotten) = (Exposure::of(known).unwrap(), Exposure::of(forgotten).unwrap());
        prop_assert_eq!(known.all_findings(), forgotten.all_findings());
        for row in &known.couplings.rows {
            let same = forgotten.couplings.rows.iter().find(|other| {
                (&other.target, &other.elements, &other.inside) == (&row.target, &row.elements, &row.inside)
            });
            let other = same.unwrap();
            // What is known less well says less: its range is at least as wide.
            let low = |row: &expose::Coupling| row.low.unwrap_or(0.0);
            if row.elements.len() == 1 && other.unit == row.unit {
                prop_assert!(low(other) <= low(row));
                prop_assert!(other.high.unwrap_or(f64::INFINITY) >= row.high.unwrap_or(f64::INFINITY));
            }
        }
        for (service, _) in known.services() {
            for unit in Unit::ALL {
                let (known, less) = (known.through(service, unit).unwrap(), forgotten.through(service, unit).unwrap());
                prop_assert!(less.low <= known.low);
                prop_assert!(less.high.unwrap_or(f64::INFINITY) >= known.high.unwrap_or(f64::INFINITY));
            }
        }
    }

    #[test]
    fn couplings_are_what_the_failure_of_their_elements_takes_down(seed: u64) {
        let exposure = Exposure::of(model(&mut Random(seed))).unwrap();
        let model = &exposure.model;
        for row in &exposure.couplings.rows {
            let events: Vec<u32> = row.elements.iter().map(|name| model.find(name).unwrap() as u32).collect();
            let failing = model.failing(&events).unwrap();
            let lost: BTreeSet<&str> = model
                .services()
                .filter(|&place| failing[place] && model.elements[place].name != row.target)
                .map(|place| model.elements[place].name.as_str())
                .collect();
            prop_assert_eq!(lost, row.inside.iter().map(String::as_str).collect::<BTreeSet<_>>());
            prop_assert_eq!(row.target_lost, failing[model.find(&row.target).unwrap()]);
        }
    }

    #[test]
    fn what_gets_through_is_the_least_cut(seed: u64) {
        let exposure = Exposure::of(model(&mut Random(seed))).unwrap();
        for (service, cuts) in exposure.services() {
            let all = by_force(&exposure.model, service, 14);
            let elements = |set: &&BTreeSet<String>| set.iter().all(|name| exposure.model.find(name).is_ok());
            let smallest = all.iter().filter(elements).map(BTreeSet::len).min();
            let found = exposure.connectivity(service);
            match (smallest, found) {
                // Where larger sets can exist it may be that nothing is said.
                (_, None) => prop_assert!(cuts.truncated || smallest.is_none()),
                (Some(order), Some(found)) => prop_assert!(found == order || order > 3 && found >= order),
                (None, Some(found)) => prop_assert!(found > 3),
            }
        }
    }

    #[test]
    fn no_single_point_of_failure_is_without_advice(seed: u64) {
        let exposure = Exposure::of(model(&mut Random(seed))).unwrap();
        let fixes = fixes(&exposure).unwrap();
        for (service, cuts) in exposure.services() {
            let name = &exposure.model.elements[service].name;
            for event in cuts.single() {
                let element = exposure.model.event_name(event);
                let has_advice = fixes.iter().any(|fix| {
                    fix.remedy != Remedy::Split && fix.element == element && fix.services.contains(name)
                });
                prop_assert!(has_advice, "{} stops {}", element, name);
            }
        }
    }

    /// The effect beside a command is what the command gives.
    #[test]
    fn a_fix_does_what_is_said_of_it(seed: u64) {
        let before = Exposure::of(model(&mut Random(seed))).unwrap();
        for fix in fixes(&before).unwrap() {
            let Some(command) = &fix.what_if else { continue };
            let change: Change = command.parse().unwrap();
            let after = Exposure::of(before.model.changed(&change).unwrap()).unwrap();
            let said: BTreeSet<&str> = fix.services.iter().map(String::as_str).collect();
            prop_assert!(!said.is_empty());
            if fix.remedy == Remedy::Split {
                let through = |exposure: &Exposure| -> BTreeSet<String> {
                    let own = format!("{}-own", fix.element);
                    let rows = exposure.couplings.rows.iter().filter(|row| {
                        row.elements.len() == 1 && row.element != row.target && (row.element == fix.element || row.element == own)
                    });
                    rows.flat_map(|row| row.inside.iter().filter(|name| !row.public.contains(name) && **name != fix.element)).cloned().collect()
                };
                let (old, new) = (through(&before), through(&after));
                let gone: BTreeSet<&str> = old.difference(&new).map(String::as_str).collect();
                prop_assert_eq!(said, gone, "{}", command);
            } else {
                let found = difference(&before, &after).unwrap();
                let gone = found.gone.iter().filter(|(_, elements)| *elements == [fix.element.clone()]);
                let gone: BTreeSet<&str> = gone.map(|(service, _)| service.as_str()).collect();
                prop_assert_eq!(said, gone, "{}", command);
            }
        }
    }
}
