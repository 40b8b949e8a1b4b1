//! Exposure: single points of failure, what a flood takes down, what to do first. Nothing here needs the script: a box of
//! the picture is a link to where its witness stands.

use std::collections::BTreeMap;

use axum::response::Response;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Visit, proposals, words};
use crate::exposure::{Coupling, Element, Rule, SinglePoint, Tested, View};

/// Rows of a table that are shown; the API has all of them.
const ROWS: usize = 60;
/// Names in one cell.
const NAMES: usize = 12;
/// Lines of one rule.
const DETAILS: usize = 20;
/// Fixes that are shown.
const FIXES: usize = 10;

/// `GET /exposure`.
pub(crate) async fn page(visit: Visit) -> Response {
    let view = visit.app.exposure().of(visit.principal.organisation());
    let proposed = proposals::gather(&visit).await;
    let content = html! {
        header class="title" { h1 { "Exposure" } }
        (body(&view))
        (proposals::section(&visit, &view, proposed.as_deref()))
    };
    visit.page("/exposure", "Exposure", &content)
}

/// A document that stands alone, for a browser and for paper; `made` says when and of what it was made.
pub fn document(institution: &str, made: &str, view: &View) -> String {
    let markup = html! {
        (DOCTYPE)
        html lang="en" data-theme="light" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { "Exposure of " (institution) }
                style { (PreEscaped(include_str!("../../assets/console.css"))) }
            }
            body class="report" {
                main id="content" {
                    header class="title" { h1 { "Exposure of " (institution) } p class="hint" { (made) } }
                    (body(view))
                }
            }
        }
    };
    markup.into_string()
}

fn body(view: &View) -> Markup {
    html! {
        @if view.picture.is_empty() { p class="empty" { "There is nothing to show: no institution file, or nothing in it that you see." } } @else {
            @for remark in &view.remarks { p class="reason" { (remark) } }
            section class="panel exposure-panel" id="picture" {
                h2 { "From outside to inside" small { "a box leads to its witness" } }
                (legend())
                div class="exposure-scroll" { (PreEscaped(&view.picture)) }
                @if view.omitted > 0 { p class="hint" { (view.omitted) " more elements have no room here; the tables have them." } }
            }
            (fixes(view))
            (single_points(&view.single_points))
            (couplings(&view.couplings))
            (tested(&view.tested))
            (rules(&view.rules))
            (elements(&view.elements))
        }
    }
}

fn legend() -> Markup {
    html! {
        ul class="exposure-legend" {
            li { span class="key service" {} "service" }
            li { span class="key node" {} "node" }
            li { span class="key alone" { "3" } "stops so many services alone" }
            li { span class="key other" {} "run by others" }
            li { span class="key" { "?" } "capacity not written down" }
        }
    }
}

fn names(list: &[String]) -> String {
    few(&list.iter().map(String::as_str).collect::<Vec<_>>())
}

fn few(list: &[&str]) -> String {
    words::few(list, NAMES)
}

fn more(shown: usize, all: usize) -> Markup {
    html! { @if all > shown { p class="hint" { (all - shown) " more; the API and " code { "hemicycle expose --json" } " have all of them." } } }
}

fn witness(path: &[String]) -> Markup {
    html! { span class="witness" { @for (number, step) in path.iter().enumerate() { @if number > 0 { span class="to" aria-hidden="true" { " → " } } span class="step" { (step) } } } }
}

fn single_points(list: &[SinglePoint]) -> Markup {
    html! {
        section class="panel flush" id="single-points" {
            h2 { "Single points of failure" small { (list.len()) } }
            @if list.is_empty() { p class="empty" { "Nothing that the file names stops a service alone." } } @else {
                table class="exposure-table stacked" {
                    thead { tr { th { "Element" } th { "Kind" } th class="number" { "Stops" } th { "Services" } th { "Witness" } } }
                    tbody { @for point in list.iter().take(ROWS) {
                        tr id=[point.place.map(|place| format!("w{place}"))] {
                            th scope="row" { (point.element) @if let Some(other) = &point.outside_control { " " span class="tag" { "run by " (other) } } }
                            td data-of="Kind" { (point.kind) }
                            td class="number" data-of="Stops" { (point.services.len()) }
                            td data-of="Services" { (names(&point.services)) }
                            td data-of="Witness" { @for path in &point.witnesses { div { (witness(path)) } } }
                        }
                    } }
                }
                (more(ROWS, list.len()))
            }
        }
    }
}

/// Rows that name the same elements, the same size and, counting the target itself, the same services.
struct Together<'a> {
    targets: Vec<&'a str>,
    row: &'a Coupling,
    down: Vec<&'a str>,
}

/// A flood on one service behind a firewall takes down the others behind it, and the other way round: one row says it.
fn together(list: &[Coupling]) -> Vec<Together<'_>> {
    let mut rows: Vec<Together<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for row in list {
        let mut down: Vec<&str> =
            row.inside.iter().map(String::as_str).chain([row.target.as_str()]).collect();
        down.sort_unstable();
        down.dedup();
        let place = *places
            .entry((&row.elements, &row.size, row.asked, row.certain, down.clone()))
            .or_insert(rows.len());
        match rows.get_mut(place) {
            Some(together) => together.targets.push(&row.target),
            None => rows.push(Together { targets: vec![&row.target], row, down }),
        }
    }
    rows
}

fn couplings(list: &[Coupling]) -> Markup {
    let rows = together(list);
    html! {
        section class="panel flush" id="couplings" {
            h2 { "What a flood outside takes down inside" small { "predicted; the one that is flooded is among them" } }
            @if rows.is_empty() { p class="empty" { "Nothing that the file names is shared by a public service and another one." } } @else {
                table class="exposure-table stacked" {
                    thead { tr { th { "Flood on" } th { "Through" } th { "At" } th { "Takes down" } } }
                    tbody { @for Together { targets, row, down } in rows.iter().take(ROWS) {
                        tr {
                            th scope="row" { (few(targets)) }
                            td data-of="Through" { (row.elements.join(" + ")) @if row.asked { " " span class="tag" { "asked" } } }
                            td data-of="At" { (row.size) @if !row.certain { " " span class="tag" { "range" } } }
                            td data-of="Takes down" { (few(down)) }
                        }
                    } }
                }
                (more(ROWS, rows.len()))
            }
        }
    }
}

fn tested(list: &[Tested]) -> Markup {
    html! {
        @if !list.is_empty() {
            section class="panel flush" id="tested" {
                h2 { "What its floods were predicted to take down" small { "and what was seen" } }
                table class="exposure-table stacked" {
                    thead { tr { th { "Flood on" } th { "At" } th { "Predicted" } th { "Seen" } th { "Verdict" } } }
                    tbody { @for row in list.iter().take(ROWS) {
                        tr {
                            th scope="row" { (row.target) }
                            td data-of="At" { (row.at) }
                            td data-of="Predicted" { (row.predicted) }
                            td data-of="Seen" { (row.shown) }
                            td data-of="Verdict" { span class="tag" { (row.verdict) } }
                        }
                    } }
                }
                (more(ROWS, list.len()))
            }
        }
    }
}

fn fixes(view: &View) -> Markup {
    html! {
        section class="panel" id="fixes" {
            h2 { "Do first" small { "by how much it takes away" } }
            @if view.fixes.is_empty() { p class="empty" { "There is nothing that the file would let one propose." } } @else {
                ol class="exposure-fixes" { @for fix in view.fixes.iter().take(FIXES) { li { b { (fix.text) } ": " (names(&fix.services)) } } }
            }
        }
    }
}

/// What one rule says, in one state: each detail once, with everything that it is said of.
struct Finding<'a> {
    rule: &'a Rule,
    details: Vec<(&'a str, Vec<&'a str>)>,
}

fn by_rule(list: &[Rule]) -> Vec<Finding<'_>> {
    let mut findings: Vec<Finding<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    let mut lines = BTreeMap::new();
    for rule in list {
        let place = *places.entry((&rule.state, &rule.id)).or_insert(findings.len());
        if place == findings.len() {
            findings.push(Finding { rule, details: Vec::new() });
        }
        let details = &mut findings[place].details;
        let line = *lines.entry((place, &rule.detail)).or_insert(details.len());
        match details.get_mut(line) {
            Some((_, subjects)) => subjects.push(&rule.subject),
            None => details.push((&rule.detail, vec![&rule.subject])),
        }
    }
    findings
}

fn rules(list: &[Rule]) -> Markup {
    html! {
        section class="panel flush" id="rules" {
            h2 { "Kept apart or not" small { "ANSSI interconnection guide v3, annex of (EU) 2024/2690, SP 800-53 r5" } }
            @if list.is_empty() { p class="empty" { "Every rule is passed." } } @else {
                table class="exposure-table stacked" {
                    thead { tr { th { "Rule" } th { "Of what, and why" } th { "Sources" } } }
                    tbody { @for Finding { rule, details } in by_rule(list) {
                        tr class=(rule.state) {
                            th scope="row" { (rule.id) " " span class={ "tag " @if rule.state == "fail" { "warning" } } { (rule.state) } small { (rule.question) } }
                            td {
                                @for (detail, subjects) in details.iter().take(DETAILS) { div class="detail" { b { (few(subjects)) } ": " (detail) } }
                                (more(DETAILS, details.len()))
                            }
                            td class="sources" data-of="Sources" { (rule.sources) }
                        }
                    } }
                }
            }
        }
    }
}

fn elements(list: &[Element]) -> Markup {
    html! {
        section class="panel flush" id="elements" {
            h2 { "All other elements" small { (list.len()) } }
            table class="exposure-table stacked" {
                thead { tr { th { "Element" } th { "Kind" } th { "Needs" } th { "Stopped by" } th { "Carries" } } }
                tbody { @for element in list {
                    tr id={ "w" (element.place) } {
                        th scope="row" { (element.name) @if let Some(other) = &element.outside_control { " " span class="tag" { "run by " (other) } } }
                        td data-of="Kind" { (element.kind) }
                        td data-of="Needs" { (element.needs) }
                        td data-of="Stopped by" { (element.stopped_by) }
                        td data-of="Carries" { (element.capacity) }
                    }
                } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: &str, size: &str, inside: &[&str]) -> Coupling {
        let inside = inside.iter().map(|&name| name.to_owned()).collect();
        let (target, size) = (target.to_owned(), size.to_owned());
        Coupling { target, size, inside, elements: vec!["firewall".into()], ..Coupling::default() }
    }

    #[test]
    fn floods_that_take_down_the_same_are_one_row_and_others_are_not() {
        let list = [
            row("www", "1 M", &["mail", "vpn"]),
            row("mail", "1 M", &["vpn", "www"]),
            row("vpn", "2 M", &["mail", "www"]),
            row("www", "1 M", &["files"]),
        ];
        let rows: Vec<_> = together(&list).into_iter().map(|row| (row.targets, row.down)).collect();
        let all = vec!["mail", "vpn", "www"];
        assert_eq!(
            rows,
            [(vec!["www", "mail"], all.clone()), (vec!["vpn"], all), (vec!["www"], vec!["files", "www"])]
        );
    }

    #[test]
    fn a_rule_is_asked_once_and_names_everything_that_fails_it() {
        let rule = |state: &str, id: &str, subject: &str, detail: &str| Rule {
            state: state.into(),
            id: id.into(),
            subject: subject.into(),
            detail: detail.into(),
            ..Rule::default()
        };
        let list = [
            rule("fail", "A", "www", "no scrubber"),
            rule("fail", "A", "mail", "no scrubber"),
            rule("fail", "A", "vpn", "other"),
            rule("unknown", "A", "dns", "no scrubber"),
        ];
        let found: Vec<_> = by_rule(&list).into_iter().map(|finding| finding.details).collect();
        assert_eq!(
            found,
            [
                vec![("no scrubber", vec!["www", "mail"]), ("other", vec!["vpn"])],
                vec![("no scrubber", vec!["dns"])]
            ]
        );
    }
}
