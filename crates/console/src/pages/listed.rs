//! What of ours is on lists of targets: one panel for each list, however many of ours it names.
//!
//! A list often names dozens of addresses of one house and asks the same of the attackers for most of them. The names, the
//! techniques and the checks are therefore said once; filters that differ only in what they stand before are one row, and
//! wait behind a click, because who opens the page asks first how likely what is.

use maud::{Markup, html};

use super::{Visit, words};
use crate::outlook::{Listed, Proposal};

/// Names of one list that are written out.
const NAMES: usize = 24;
/// Destinations of one filter that are written out.
const DESTINATIONS: usize = 12;

/// All that one list says of ours.
struct OneList<'a> {
    actor: &'a str,
    seen: &'a str,
    of: Vec<&'a Listed>,
}

pub(super) fn panels(visit: &Visit, listed: &[Listed]) -> Markup {
    html! { @for list in by_list(listed) { (panel(visit, &list)) } }
}

fn by_list(listed: &[Listed]) -> Vec<OneList<'_>> {
    let mut lists: Vec<OneList<'_>> = Vec::new();
    for one in listed {
        match lists.iter_mut().find(|list| list.actor == one.actor && list.seen == one.seen) {
            Some(list) => list.of.push(one),
            None => lists.push(OneList { actor: &one.actor, seen: &one.seen, of: vec![one] }),
        }
    }
    lists
}

fn panel(visit: &Visit, list: &OneList<'_>) -> Markup {
    let proposals = proposals(&list.of);
    html! {
        section class="panel listed" {
            h2 {
                span class="tag live" { "LISTED" } " "
                @if let [one] = list.of[..] { (name(one)) } @else { (list.of.len()) " of ours" }
            }
            p {
                "On the list of " @if list.actor.is_empty() { "somebody unnamed" } @else { (list.actor) }
                ", seen " (words::local(list.seen, &visit.zone))
                @if list.of.len() > 1 { ": " (names(&list.of)) } "."
            }
            p { "Asked of the attackers: " (said_once(&list.of, |one| &one.techniques).join("; ")) "." }
            ol class="checklist" { @for check in said_once(&list.of, |one| &one.checks) { li { (check) } } }
            @if !proposals.is_empty() {
                details {
                    summary { "Filters to look at (" (proposals.len()) "); nothing applies them" }
                    table {
                        thead { tr { th { "Layer" } th { "What it meets" } th { "What it would do" } th { "Before" } } }
                        tbody { @for (proposal, before) in &proposals { tr {
                            th scope="row" { (proposal.layer) } td { (proposal.matches) } td { (proposal.action) } td { (words::few(before, DESTINATIONS)) }
                        } } }
                    }
                }
            }
        }
    }
}

fn name(listed: &Listed) -> String {
    match &listed.service {
        Some(service) if *service != listed.named => format!("{} ({service})", listed.named),
        _ => listed.named.clone(),
    }
}

/// Services first: they are what people know by name.
fn names(of: &[&Listed]) -> String {
    let (services, others): (Vec<&Listed>, Vec<&Listed>) = of.iter().partition(|one| one.service.is_some());
    let all: Vec<String> = services.into_iter().chain(others).map(name).collect();
    words::few(&all.iter().map(String::as_str).collect::<Vec<_>>(), NAMES)
}

/// Each line once, in the order in which it is met.
fn said_once<'a>(of: &[&'a Listed], lines: impl Fn(&'a Listed) -> &'a [String]) -> Vec<&'a str> {
    let mut said: Vec<&str> = Vec::new();
    for line in of.iter().flat_map(|one| lines(one)) {
        // At most a dozen techniques and as many checks exist, so that this stays short.
        if !said.contains(&line.as_str()) {
            said.push(line);
        }
    }
    said
}

/// Filters that are the same but for what they stand before.
fn proposals<'a>(of: &[&'a Listed]) -> Vec<(&'a Proposal, Vec<&'a str>)> {
    let mut rows = std::collections::BTreeMap::<_, (&Proposal, Vec<&str>)>::new();
    for proposal in of.iter().flat_map(|one| &one.proposals) {
        let key = (&proposal.layer, &proposal.matches, &proposal.action);
        let (_, before) = rows.entry(key).or_insert((proposal, Vec::new()));
        if !before.contains(&proposal.destination.as_str()) {
            before.push(&proposal.destination);
        }
    }
    rows.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(named: &str, service: Option<&str>, port: u16) -> Listed {
        Listed {
            named: named.into(),
            service: service.map(Into::into),
            seen: "2026-11-23T06:20:00Z".into(),
            actor: "N".into(),
            techniques: vec!["forms".into()],
            checks: vec!["Look.".into()],
            proposals: vec![Proposal {
                layer: "edge".into(),
                matches: format!("tcp/{port}"),
                action: "drop".into(),
                destination: named.into(),
            }],
            ..Listed::default()
        }
    }

    #[test]
    fn what_one_list_says_of_many_is_said_once() {
        let listed =
            [one("192.0.2.1", None, 443), one("192.0.2.2", Some("www"), 443), one("192.0.2.3", None, 80)];
        let lists = by_list(&listed);
        assert_eq!(lists.len(), 1);
        assert_eq!(names(&lists[0].of), "192.0.2.2 (www), 192.0.2.1, 192.0.2.3");
        assert_eq!(said_once(&lists[0].of, |one| &one.techniques), ["forms"]);
        let rows: Vec<_> =
            proposals(&lists[0].of).into_iter().map(|(row, before)| (&*row.matches, before)).collect();
        assert_eq!(rows, [("tcp/443", vec!["192.0.2.1", "192.0.2.2"]), ("tcp/80", vec!["192.0.2.3"])]);
        let other = Listed { actor: "K".into(), ..one("192.0.2.1", None, 443) };
        assert_eq!(by_list(&[listed[0].clone(), other]).len(), 2, "another list is another panel");
    }

    #[test]
    fn many_names_are_counted() {}
}
