//! Exposure: single points of failure, what a flood takes down, what to do first. Nothing here needs the script: a box of
//! the picture is a link to where its witness stands.

use axum::response::Response;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Visit, proposals};
use crate::exposure::{Coupling, Element, Rule, SinglePoint, View};

/// Rows of a table that are shown; the API has all of them.
const ROWS: usize = 60;
/// Fixes that are shown.
const FIXES: usize = 10;

/// `GET /exposure`.
pub(crate) async fn page(visit: Visit) -> Response {
    let view = visit.app.exposure().of(visit.principal.organisation());
    let proposed = proposals::gather(&visit).await;
    let content = html! {
        header class="title" { h1 { "Exposure" } }
        (body(&view))
        (proposals::section(&visit, proposed.as_deref()))
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
            (single_points(&view.single_points))
            (couplings(&view.couplings))
            (fixes(view))
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

fn names(list: &[String]) -> Markup {
    html! { @for (number, name) in list.iter().take(12).enumerate() { @if number > 0 { ", " } (name) } @if list.len() > 12 { " and " (list.len() - 12) " more" } }
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
                table class="exposure-table" {
                    thead { tr { th { "Element" } th { "Kind" } th class="number" { "Stops" } th { "Services" } th { "Witness" } } }
                    tbody { @for point in list.iter().take(ROWS) {
                        tr id=[point.place.map(|place| format!("w{place}"))] {
                            th scope="row" { (point.element) @if let Some(other) = &point.outside_control { " " span class="tag" { "run by " (other) } } }
                            td { (point.kind) }
                            td class="number" { (point.services.len()) }
                            td { (names(&point.services)) }
                            td { @for path in &point.witnesses { div { (witness(path)) } } }
                        }
                    } }
                }
                (more(ROWS, list.len()))
            }
        }
    }
}

fn couplings(list: &[Coupling]) -> Markup {
    html! {
        section class="panel flush" id="couplings" {
            h2 { "What a flood outside takes down inside" small { "predicted" } }
            @if list.is_empty() { p class="empty" { "Nothing that the file names is shared by a public service and another one." } } @else {
                table class="exposure-table" {
                    thead { tr { th { "Flood on" } th { "Through" } th { "At" } th { "Takes down" } } }
                    tbody { @for row in list.iter().take(ROWS) {
                        tr {
                            th scope="row" { (row.target) }
                            td { (row.elements.join(" + ")) @if row.asked { " " span class="tag" { "asked" } } }
                            td { (row.size) @if !row.certain { " " span class="tag" { "range" } } }
                            td { (names(&row.inside)) }
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

fn rules(list: &[Rule]) -> Markup {
    html! {
        section class="panel flush" id="rules" {
            h2 { "Kept apart or not" small { "ANSSI interconnection guide v3, annex of (EU) 2024/2690, SP 800-53 r5" } }
            @if list.is_empty() { p class="empty" { "Every rule is passed." } } @else {
                table class="exposure-table" {
                    thead { tr { th { "Rule" } th { "About" } th { "Why" } th { "Sources" } } }
                    tbody { @for rule in list.iter().take(ROWS) {
                        tr class=(rule.state) {
                            th scope="row" { (rule.id) " " span class={ "tag " @if rule.state == "fail" { "warning" } } { (rule.state) } small { (rule.question) } }
                            td { (rule.subject) }
                            td { (rule.detail) }
                            td class="sources" { (rule.sources) }
                        }
                    } }
                }
                (more(ROWS, list.len()))
            }
        }
    }
}

fn elements(list: &[Element]) -> Markup {
    html! {
        section class="panel flush" id="elements" {
            h2 { "All other elements" small { (list.len()) } }
            table class="exposure-table" {
                thead { tr { th { "Element" } th { "Kind" } th { "Needs" } th { "Stopped by" } th { "Carries" } } }
                tbody { @for element in list {
                    tr id={ "w" (element.place) } {
                        th scope="row" { (element.name) @if let Some(other) = &element.outside_control { " " span class="tag" { "run by " (other) } } }
                        td { (element.kind) }
                        td { (element.needs) }
                        td { (element.stopped_by) }
                        td { (element.capacity) }
                    }
                } }
            }
        }
    }
}
