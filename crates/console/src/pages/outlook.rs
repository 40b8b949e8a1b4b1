//! Outlook: what the next days may bring, how sure that is, and what is prepared.

use axum::response::Response;
use maud::{Markup, html};

use super::{Visit, judgement, listed, reliability, words};
use crate::api::{visible_outlook, visible_readiness};
use crate::outlook::{Odds, Outlook, Readiness};

/// `GET /outlook`.
pub(crate) async fn page(visit: Visit) -> Response {
    let judged = judgement::last(&visit).await;
    let snapshot = visit.app.snapshot();
    let readiness = visible_readiness(&snapshot, &visit.principal);
    let content = match visible_outlook(&snapshot, &visit.principal) {
        None => html! {
            header class="title" { h1 { "Outlook" } }
            p class="empty" { "Nothing is known of the next days: no lists of targets and no calendar are set up." }
        },
        Some(outlook) => html! {
            (shown(&visit, &outlook, readiness))
            (judgement::section(&visit, judged.as_deref()))
        },
    };
    visit.page("/outlook", "Outlook", &content)
}

fn shown(visit: &Visit, outlook: &Outlook, readiness: Option<&Readiness>) -> Markup {
    html! {
        header class="title" { h1 { "Outlook" } }
        p class="reason" {
            "Of " (words::date_time(outlook.time, &visit.zone)) ". Threat level "
            b { (outlook.level) } ": " (outlook.level_meaning) ". Readiness: " b { (outlook.readiness) } " until " (outlook.readiness_until) "."
        }
        @if !outlook.stale.is_empty() {
            p class="notice warning" role="alert" id="stale" { "This outlook is old: " (outlook.stale) ". What it says of lists and odds may not hold any more." }
        }
        (listed::panels(visit, &outlook.listed))
        @if !outlook.became.is_empty() {
            section class="panel" id="became" { h2 { "What became of it" } ul { @for line in &outlook.became { li { (line) } } } }
        }
        section class="panel flush" id="odds" { h2 { "How likely" } (odds(outlook)) }
        section class="panel flush" id="coming" { h2 { "The next fourteen days" } (coming(outlook)) }
        section class="panel flush" id="likely" { h2 { "How they attack, and what of ours it would hit" } (likely(outlook)) }
        @match readiness {
            // The same reasons and checks as they hold now, for the detector too.
            Some(readiness) => (super::now::ready(visit, readiness)),
            None => (prepared(outlook)),
        }
        section class="panel" id="record" {
            h2 { "How past forecasts did" }
            @if outlook.record.is_empty() { p class="empty" { "Nothing can be said of that yet." } }
            ul { @for line in &outlook.record { li { (line) } } }
            @for shown in &outlook.reliability { (reliability::plot(shown)) }
            p class="hint" { "First strikes, after a quiet week, are mostly not foreseen. Most votes bring nothing." }
        }
        @if !outlook.notes.is_empty() {
            section class="panel" { h2 { "What else is known" } ul { @for note in &outlook.notes { li { (note) } } } }
        }
    }
}

/// What the outlook itself asks for, where no window is open.
fn prepared(outlook: &Outlook) -> Markup {
    html! {
        @if !outlook.readiness_reasons.is_empty() || !outlook.checklist.is_empty() {
            section class="panel" id="prepared" {
                h2 { "What to prepare" }
                ul { @for reason in &outlook.readiness_reasons { li { (reason) } } }
                @if !outlook.checklist.is_empty() { ol class="checklist" { @for check in &outlook.checklist { li { (check) } } } }
            }
        }
    }
}

fn whom(who: &str) -> &'static str {
    match who {
        "country" => "Public institutions of the country are listed",
        "own" => "Our house is listed",
        _ => "Something of ours is hard to reach",
    }
}

/// The spans of days that odds are given for, today included.
const SPANS: [(usize, &str); 3] = [(1, "Today"), (3, "Within three days"), (7, "Within seven days")];

fn odds(outlook: &Outlook) -> Markup {
    let of = |who: &str| outlook.odds.iter().filter(|odds| odds.who == who).collect::<Vec<&Odds>>();
    html! {
        table class="odds stacked" {
            thead { tr { th { "What" } @for (_, name) in SPANS { th { (name) } } } }
            tbody { @for who in ["country", "own", "degraded"] {
                @let mine = of(who);
                @if !mine.is_empty() {
                    tr {
                        th scope="row" { (whom(who)) @if let Some(odds) = mine.iter().find(|odds| odds.days == 3) { small { (odds.reasons.join("; ")) } } }
                        @for (days, name) in SPANS { td data-of=(name) {
                            @for odds in mine.iter().filter(|odds| odds.days == days) {
                                (odds.words) @if odds.state != "quiet" && odds.state != odds.words { " " span class="tag warning" { (odds.state) } }
                            }
                        } }
                    }
                }
            } }
        }
    }
}

fn coming(outlook: &Outlook) -> Markup {
    html! {
        @if outlook.coming.is_empty() { p class="empty" { "Nothing is on the calendar." } } @else {
            table class="coming stacked" {
                thead { tr { th { "What" } th { "Day" } th { "Type" } th { "What such days did in the past" } } }
                tbody { @for event in &outlook.coming { tr { th scope="row" { (event.title) } td class="when" data-of="Day" { (event.date) } td data-of="Type" { (event.kind.replace('_', " ")) } td data-of="In the past" { (event.effect) } } } }
            }
        }
    }
}

fn likely(outlook: &Outlook) -> Markup {
    html! {
        @if outlook.likely.is_empty() { p class="empty" { "No list says how." } } @else {
            table class="likely stacked" {
                thead { tr { th { "Technique" } th class="number" { "Of ten listings" } th { "It would hit" } } }
                tbody { @for likely in &outlook.likely { tr { th scope="row" { (likely.technique) } td class="number" data-of="Of ten listings" { (likely.of_ten) } td data-of="It would hit" { @if likely.hits.is_empty() { "–" } @else { (likely.hits.join("; ")) } } } } }
            }
        }
    }
}
