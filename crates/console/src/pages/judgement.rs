//! What analysts think of the next days: a note, a number, or both. Kept in the ledger with author and time, and graded apart from the model's.

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use record::{Filter, Kind, Page, StoredEntry};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Visit, see_other, words};
use crate::http::Fault;
use crate::options::Judgement;
use crate::people::Roles;

/// What entries of the ledger are about.
const SUBJECT: &str = "outlook";
/// Judgements that are shown.
const SHOWN: usize = 20;

/// The last ones, the newest first; none for who does not see the whole house. Nothing where the record cannot be read, which
/// costs the rest of the page nothing.
pub(super) async fn last(visit: &Visit) -> Option<Vec<StoredEntry>> {
    if !visit.principal.sees_house() {
        return Some(Vec::new());
    }
    let filter =
        Filter { subject: Some(SUBJECT.to_owned()), kinds: vec![Kind::Decided], ..Filter::default() };
    let page = Page { after: None, limit: SHOWN };
    Some(visit.app.wait(move |app| app.archive.entries(&filter, &page)).await.ok()?.items)
}

/// What was judged, and the form for the next one.
pub(super) fn section(visit: &Visit, judged: Option<&[StoredEntry]>) -> Markup {
    let may_write = Roles::ANALYSTS.has(visit.principal.account.role);
    html! {
        @if visit.principal.sees_house() {
            section class="panel" id="judgement" {
                h2 { "What analysts think" }
                @match judged {
                    None => p class="notice warning" { "What was judged cannot be read now." },
                    Some([]) => p class="empty" { "Nobody has said anything yet." },
                    Some(_) => {},
                }
                ol class="notes" { @for entry in judged.unwrap_or_default() { @if let Some((note, percent)) = said(entry) { li {
                    p class="by" { b { (entry.actor.trim_start_matches("person:")) } " " (words::date_time(words::at(entry.time), &visit.zone))
                        @if let Some(percent) = percent { ": " (percent) " in a hundred within three days" } }
                    @if !note.is_empty() { p { (note) } }
                } } } }
                @if may_write { (form(visit)) }
            }
        }
    }
}

fn form(visit: &Visit) -> Markup {
    html! {
        form method="post" action="/outlook/judgement" {
            (visit.csrf())
            label for="percent" { "That our house is listed within three days, in a hundred" }
            input id="percent" name="percent" type="number" min="0" max="100" step="1" inputmode="numeric";
            label for="judged" { "Why" }
            textarea id="judged" name="note" rows="3" maxlength=(super::NOTE_CHARACTERS) {}
            button { "Write down" }
            span class="hint" { " It goes into the ledger with your name and stays there. The first number of a day is graded, beside the model's and not with it." }
        }
    }
}

fn said(entry: &StoredEntry) -> Option<(String, Option<u64>)> {
    let body: Value = serde_json::from_str(entry.body.as_deref()?).ok()?;
    let note = body["note"].as_str().unwrap_or_default().to_owned();
    let percent = body["percent"].as_u64();
    (!note.is_empty() || percent.is_some()).then_some((note, percent))
}

/// The form of a judgement.
#[derive(Deserialize)]
pub(crate) struct Judging {
    #[serde(default)]
    percent: String,
    #[serde(default)]
    note: String,
}

impl Judging {
    fn checked(&self) -> Result<(Option<u8>, String), Fault> {
        let note = super::note(&self.note)?;
        let percent = match self.percent.trim() {
            "" => None,
            text => {
                let percent = text.parse::<u8>().ok().filter(|percent| *percent <= 100);
                Some(percent.ok_or(Fault::Bad("A number is a whole one from 0 to 100."))?)
            }
        };
        if note.is_empty() && percent.is_none() {
            return Err(Fault::Bad("Say a number, or why, or both."));
        }
        Ok((percent, note))
    }
}

/// `POST /outlook/judgement`.
pub(crate) async fn judge(visit: Visit, Form(form): Form<Judging>) -> Result<Response, Fault> {
    let (percent, note) = form.checked()?;
    let principal = visit.principal.clone();
    let (by, time) = (principal.account.name.clone(), visit.now());
    visit
        .app
        .wait(move |app| {
            let body = json!({"what": "judgement", "days": 3, "percent": percent, "note": note});
            app.journal.append(record::Entry::new(Kind::Decided, principal.actor(), SUBJECT, body))?;
            if let Some(percent) = percent {
                (app.options.judge)(Judgement { percent, by, time });
            }
            Ok::<_, Fault>(())
        })
        .await?;
    Ok(see_other("/outlook?done=note"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judgement_has_a_number_or_a_reason_and_is_bounded() {
        let checked =
            |percent: &str, note: &str| Judging { percent: percent.into(), note: note.into() }.checked();
        assert_eq!(checked(" 5 ", "").unwrap(), (Some(5), String::new()));
        assert_eq!(checked("", " why ").unwrap(), (None, "why".to_owned()));
        assert_eq!(checked("100", "x").unwrap().0, Some(100));
        for (percent, note) in
            [("", " "), ("101", "x"), ("-1", "x"), ("5.5", "x"), ("many", "x"), ("300", "")]
        {
            assert!(checked(percent, note).is_err(), "{percent}");
        }
        assert!(checked("", &"x".repeat(2_000)).is_ok() && checked("", &"x".repeat(2_001)).is_err());
    }
}
