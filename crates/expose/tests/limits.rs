//! Where a limit is reached: the worst is kept, and nothing that is missing for it is taken for an improvement.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;

use expose::{Change, Exposure, MAXIMUM_ROWS, MAXIMUM_ROWS_OF_TARGET, Model, Reach, Unit, difference};

const HEAD: &str = "[institution]\nname = \"n\"\n[zone.out]\nprefixes = [\"192.0.2.0/24\"]\nexposure = \"internet\"\n\
    [zone.in]\nprefixes = [\"198.51.100.0/24\"]\n";

fn exposure(text: &str) -> Exposure {
    let institution = institution::parse("n", text).unwrap_or_else(|problems| panic!("{problems}"));
    Exposure::of(Model::of(&institution)).unwrap()
}

/// Firewalls that public services pass, each shared with one service inside; the last of those is essential.
fn shared(firewalls: usize, targets: usize) -> String {
    let mut text = HEAD.to_owned();
    let names: Vec<String> = (0..firewalls).map(|number| format!("\"f{number}\"")).collect();
    for number in 0..firewalls {
        let criticality = if number + 1 == firewalls { "essential" } else { "supporting" };
        let _ = write!(
            text,
            "[node.f{number}]\nkind = \"firewall\"\n[service.i{number}]\nzone = \"in\"\nneeds = [\"f{number}\"]\ncriticality = \"{criticality}\"\n"
        );
    }
    for target in 0..targets {
        let _ = write!(text, "[service.t{target}]\nzone = \"out\"\nneeds = [{}]\n", names.join(", "));
    }
    text
}

#[test]
fn of_one_target_the_worst_rows_are_kept() {
    let exposure = exposure(&shared(MAXIMUM_ROWS_OF_TARGET + 100, 1));
    let table = &exposure.couplings;
    assert_eq!((table.rows.len(), table.omitted), (MAXIMUM_ROWS_OF_TARGET, 100));
    let worst = format!("i{}", MAXIMUM_ROWS_OF_TARGET + 99);
    assert!(table.rows.iter().any(|row| row.inside == [worst.as_str()]));
}

#[test]
fn of_all_targets_the_worst_rows_are_kept() {
    let targets = MAXIMUM_ROWS / MAXIMUM_ROWS_OF_TARGET + 10;
    let exposure = exposure(&shared(MAXIMUM_ROWS_OF_TARGET, targets));
    let table = &exposure.couplings;
    assert_eq!((table.rows.len(), table.omitted), (MAXIMUM_ROWS, 10 * MAXIMUM_ROWS_OF_TARGET));
    // The last target has its worst row as the first one has.
    let worst = format!("f{}", MAXIMUM_ROWS_OF_TARGET - 1);
    for target in 0..targets {
        let target = format!("t{target}");
        assert!(table.rows.iter().any(|row| row.target == target && row.element == worst), "{target}");
    }
}

/// What is asked need not be asked for every request, so there is no size at which it surely gives way.
#[test]
fn what_is_asked_has_no_upper_end() {
    let text = format!(
        "{HEAD}[node.dns]\nkind = \"name_server\"\ncapacity = {{ queries_per_second = 100 }}\n\
         [node.fw]\nkind = \"firewall\"\ncapacity = {{ table_entries = 1000 }}\n\
         [service.site]\nzone = \"out\"\nneeds = [\"dns\", \"fw\"]\n[service.inside]\nzone = \"in\"\nneeds = [\"dns\", \"fw\"]\n"
    );
    let exposure = exposure(&text);
    let table = &exposure.couplings;
    let row = |element: &str| table.rows.iter().find(|row| row.element == element).unwrap();
    let asked = row("dns");
    assert_eq!(
        (asked.reach, asked.at, asked.low, asked.high),
        (Reach::Asked, Some(100.0), Some(100.0), None)
    );
    assert!(!asked.is_certain());
    let lost = |unit, size, surely| table.lost_at("site", unit, size, surely).contains_key("inside");
    // Packets and connections of the firewall are not written down: they can give way at any size.
    assert!(!lost(Unit::QueriesPerSecond, 1e9, true) && lost(Unit::QueriesPerSecond, 100.0, false));
    assert!(!lost(Unit::QueriesPerSecond, 99.0, false));
    assert!(lost(Unit::TableEntries, 1000.0, true) && !lost(Unit::TableEntries, 999.0, true));
    assert!(lost(Unit::TableEntries, 1.0, false));
    // Nothing is predicted in a unit of which nothing is written down.
    assert!(!lost(Unit::BitsPerSecond, 1e12, true) && !lost(Unit::BitsPerSecond, 1e12, false));
}

/// Among a thousand services each may have 2,000 sets: four groups, each stopped by any three of fifteen, have fewer; with
/// one group more there are too many.
#[test]
fn a_limit_that_is_reached_is_no_improvement() {
    let mut text = HEAD.to_owned();
    let mut group = |name: &str| {
        let names: Vec<String> = (0..15).map(|number| format!("\"{name}-{number}\"")).collect();
        for name in &names {
            let _ = write!(text, "[node.{name}]\nkind = \"server\"\n");
        }
        let of = names.join(", ");
        let _ = write!(text, "[node.{name}]\nkind = \"server\"\nneeds = {{ any = 13, of = [{of}] }}\n");
        format!("\"{name}\"")
    };
    let groups: Vec<String> = (0..4).map(|number| group(&format!("g{number}"))).collect();
    group("c");
    for number in 0..999 {
        let _ = write!(text, "[service.s{number}]\nzone = \"in\"\n");
    }
    let _ = write!(text, "[service.top]\nzone = \"out\"\nneeds = [{}]\n", groups.join(", "));
    let before = exposure(&text);
    let change: Change = "need:top:c".parse().unwrap();
    let after = Exposure::of(before.model.changed(&change).unwrap()).unwrap();
    let top = before.model.find("top").unwrap();
    let complete = |exposure: &Exposure| exposure.cuts[top].as_ref().unwrap().complete;
    assert_eq!((complete(&before), complete(&after)), (3, 2));
    let found = difference(&before, &after).unwrap();
    assert_eq!((found.gone.len(), found.undecided), (0, 0));
    assert_eq!(found.new, [("top".to_owned(), vec!["c".to_owned()])]);
    // The other way around something is really gone.
    let found = difference(&after, &before).unwrap();
    assert_eq!(found.gone, [("top".to_owned(), vec!["c".to_owned()])]);
    assert!(found.new.is_empty());
}

/// A firewall whose name is a cause of a service that does not stand behind it: it stops it, and holds nothing up.
#[test]
fn a_cause_is_no_bottleneck() {
    let text = format!(
        "{HEAD}[node.isp]\nkind = \"link\"\ncapacity = {{ bits_per_second = 10e9, packets_per_second = 1e6 }}\n\
         [node.fw]\nkind = \"firewall\"\ncapacity = {{ bits_per_second = 1e6, packets_per_second = 10 }}\n\
         [node.lan]\nkind = \"switch\"\ncapacity = {{ bits_per_second = 1e3, packets_per_second = 1 }}\n\
         [node.directory]\nkind = \"identity_provider\"\nneeds = [\"lan\"]\n\
         [service.site]\nzone = \"out\"\nneeds = [\"isp\", \"directory\"]\nshared_cause = [\"fw\"]\n"
    );
    let exposure = exposure(&text);
    let site = exposure.model.find("site").unwrap();
    assert!(
        exposure.cuts[site].as_ref().unwrap().single().any(|event| exposure.model.event_name(event) == "fw")
    );
    let range = exposure.through(site, Unit::BitsPerSecond).unwrap();
    // Nor does the switch behind what the site asks.
    assert_eq!((range.low, range.high), (10e9, Some(10e9)));
}
