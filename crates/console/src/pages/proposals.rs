//! What organisations propose for what the institution file does not say of their own elements: a capacity, a zone, a need.
//!
//! A proposal is an entry of the ledger with who, what and why; who sees the whole house finds it on the page Exposure with the
//! lines to copy. Nothing of it is taken in by itself: the file is written by people, and read again when they say so. Only
//! elements that the organisation sees as its own can be written about. Limits: [`MAXIMUM_OPEN`] of one organisation in
//! [`OPEN_DAYS`] days, after which a proposal is no longer shown; values are numbers and keys, reasons are short.

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use record::{Entry, Filter, Kind, Page, StoredEntry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Visit, see_other, words};
use crate::exposure::View;
use crate::http::{App, Fault, Principal};
use crate::people::Roles;

/// What entries of proposals are about.
const SUBJECT: &str = "exposure proposal";
/// Proposals of one organisation that are shown, and taken, in so many days.
const MAXIMUM_OPEN: usize = 50;
/// Proposals of all of them that are shown.
const MAXIMUM_SHOWN: usize = 500;
/// For so long a proposal is shown.
const OPEN_DAYS: i64 = 60;
/// Longest key of an element or a zone, as long as the institution file takes.
const LONGEST_KEY: usize = 64;
/// No capacity of the file is larger.
const LARGEST: f64 = 1e15;
/// Characters of a reason, the most.
const LONGEST_REASON: usize = 300;
/// What can be proposed: the key in the file, and what the form says.
const WHAT: [(&str, &str); 7] = [
    ("bits_per_second", "Capacity, bits a second"),
    ("packets_per_second", "Capacity, packets a second"),
    ("new_connections_per_second", "Capacity, new connections a second"),
    ("table_entries", "Capacity, entries of its table"),
    ("queries_per_second", "Capacity, queries a second"),
    ("zone", "Zone"),
    ("needs", "It needs"),
];

/// The form, and what of it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    element: String,
    what: String,
    value: String,
    reason: String,
}

/// Elements of a view that are the reader's own, each with whether it is a service.
fn own(view: &View) -> impl Iterator<Item = (&str, bool)> {
    let alone = view.single_points.iter().filter(|point| point.place.is_some());
    let alone = alone.map(|point| (point.element.as_str(), point.kind == "service"));
    alone.chain(view.elements.iter().map(|element| (element.name.as_str(), element.kind == "service")))
}

/// A key as the institution file takes them, which needs no quoting but for a full stop.
fn is_key(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    !text.is_empty() && text.len() <= LONGEST_KEY && text.chars().all(fits)
}

/// The line as it stands in the file: a key with its value, or for a capacity one pair of those in its braces.
fn line(proposal: &Proposal) -> Result<String, Fault> {
    let text = proposal.value.trim();
    if matches!(proposal.what.as_str(), "zone" | "needs") {
        return match is_key(text) {
            true if proposal.what == "zone" => Ok(format!("zone = \"{text}\"")),
            true => Ok(format!("needs = [\"{text}\"]")),
            false => Err(Fault::Bad(
                "A zone or a need is the key of one: letters, digits, - _ and a full stop, 64 at most.",
            )),
        };
    }
    let number = text.parse::<f64>().ok().filter(|number| *number >= 1.0 && *number <= LARGEST);
    let number = number.ok_or(Fault::Bad("A capacity is a number, 1 to 1e15, such as 2e6."))?;
    Ok(format!("{} = {number:.0}", proposal.what))
}

/// What was typed, if it can be one about an own element.
fn checked(typed: &Proposal, view: &View) -> Result<Proposal, Fault> {
    if !WHAT.iter().any(|(key, _)| *key == typed.what) {
        return Err(Fault::Bad("That cannot be proposed."));
    }
    // Of others, and of none, the same.
    if !own(view).any(|(name, _)| name == typed.element) || !is_key(&typed.element) {
        return Err(Fault::Bad("There is no such element of your organisation."));
    }
    line(typed)?;
    let reason: String =
        typed.reason.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    if !(10..=LONGEST_REASON).contains(&reason.chars().count()) {
        return Err(Fault::Bad("A reason has 10 to 300 characters."));
    }
    Ok(Proposal { value: typed.value.trim().to_owned(), reason, ..typed.clone() })
}

/// What to copy into the institution file. The table stands there already, and no file has one twice, so that its name is a
/// comment, with the reason.
fn lines(proposal: &Proposal, is_service: bool) -> Option<String> {
    let table = if is_service { "service" } else { "node" };
    let quote = if proposal.element.contains('.') { "\"" } else { "" };
    let place = match proposal.what.as_str() {
        "zone" => "",
        "needs" => ", beside what it needs already",
        _ => ", into its capacity",
    };
    let line = line(proposal).ok()?;
    Some(format!("# for [{table}.{quote}{}{quote}]{place}: {}\n{line}\n", proposal.element, proposal.reason))
}

/// What was proposed lately, by those whose things somebody sees.
fn read(
    app: &App,
    organisations: Option<Vec<String>>,
    limit: usize,
) -> Result<Vec<StoredEntry>, record::Error> {
    let from = app.now().as_second().saturating_sub(OPEN_DAYS * 86_400).saturating_mul(1_000_000_000);
    let filter = Filter {
        from: Some(from),
        subject: Some(SUBJECT.to_owned()),
        kinds: vec![Kind::Decided],
        organisations,
        ..Filter::default()
    };
    Ok(app.archive.entries(&filter, &Page { after: None, limit })?.items)
}

/// What the page shows; nothing where the record cannot be read, which costs the rest of the page nothing.
pub(super) async fn gather(visit: &Visit) -> Option<Vec<StoredEntry>> {
    let own = visit.principal.filter();
    visit.app.wait(move |app| read(app, own, MAXIMUM_SHOWN)).await.ok()
}

/// `POST /exposure/proposals`.
pub(crate) async fn propose(visit: Visit, Form(typed): Form<Proposal>) -> Result<Response, Fault> {
    let principal = visit.principal.clone();
    visit.app.wait(move |app| write(app, &principal, &typed)).await?;
    Ok(see_other("/exposure?done=proposal"))
}

fn write(app: &App, principal: &Principal, typed: &Proposal) -> Result<(), Fault> {
    let Some(organisation) = principal.organisation() else {
        return Err(Fault::Bad("Whoever sees the whole house writes the institution file."));
    };
    let view = app.exposure().of(Some(organisation));
    let proposal = checked(typed, &view)?;
    let is_service = own(&view).any(|(name, is_service)| name == proposal.element && is_service);
    if read(app, principal.filter(), MAXIMUM_OPEN)?.len() >= MAXIMUM_OPEN {
        return Err(Fault::Bad(
            "Your organisation has proposed 50 times in 60 days; that is as much as is taken.",
        ));
    }
    let services = if is_service { vec![proposal.element.clone()] } else { Vec::new() };
    let body = json!({"proposal": proposal, "service": is_service});
    let entry = Entry::new(Kind::Decided, principal.actor(), SUBJECT, body);
    Ok(app.journal.append(entry.scoped(vec![organisation.to_owned()], services))?)
}

/// What was proposed, and the form for who can propose.
pub(super) fn section(visit: &Visit, view: &View, entries: Option<&[StoredEntry]>) -> Markup {
    let of_house = visit.principal.sees_house();
    let may = !of_house && Roles::ANALYSTS.has(visit.principal.account.role);
    let Some(entries) = entries else {
        return html! { section class="panel" id="proposals" { h2 { "Proposed" } p class="notice warning" { "What was proposed cannot be read now." } } };
    };
    html! {
        @if may || !entries.is_empty() {
            section class="panel" id="proposals" {
                h2 { "Proposed" small { @if of_house { "by others, of what is theirs" } @else { "for the institution file" } } }
                @if entries.is_empty() { p class="empty" { "Nothing, in the last sixty days." } }
                ol class="notes" { @for entry in entries { (shown(visit, entry)) } }
                @if may { (form(visit, view)) }
                p class="hint" { "Nothing of this is taken in by itself. Whoever writes the institution file puts each line into the table that is named before it, in place of what stands there, checks the file and has it read again." }
            }
        }
    }
}

fn shown(visit: &Visit, entry: &StoredEntry) -> Markup {
    let body: Value =
        entry.body.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let proposal = serde_json::from_value::<Proposal>(body["proposal"].clone()).ok();
    let lines = proposal.as_ref().and_then(|proposal| lines(proposal, body["service"] == true));
    let snapshot = visit.app.snapshot();
    html! {
        @if let (Some(proposal), Some(lines)) = (&proposal, lines) { li {
            p class="by" { b { (proposal.element) } " by " (entry.actor.trim_start_matches("person:"))
                @for organisation in &entry.organisations { ", " (words::organisation(&snapshot, organisation)) }
                " " (words::date_time(words::at(entry.time), &visit.zone)) }
            pre { code { (lines) } }
        } }
    }
}

fn form(visit: &Visit, view: &View) -> Markup {
    let mut names: Vec<&str> = own(view).map(|(name, _)| name).collect();
    names.sort_unstable();
    html! {
        @if !names.is_empty() {
            form class="row" method="post" action="/exposure/proposals" {
                (visit.csrf())
                label { span { "Element" } select name="element" { @for name in names { option value=(name) { (name) } } } }
                label { span { "What" } select name="what" { @for (key, said) in WHAT { option value=(key) { (said) } } } }
                label { span { "Value" } input name="value" required maxlength=(LONGEST_KEY) placeholder="2e6" autocomplete="off" spellcheck="false"; }
                label class="wide" { span { "Reason" } input name="reason" required minlength="10" maxlength=(LONGEST_REASON) placeholder="data sheet of the provider, page 3"; }
                button { "Propose" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exposure::Element;

    fn view() -> View {
        let element =
            |name: &str, kind: &str| Element { name: name.into(), kind: kind.into(), ..Element::default() };
        View {
            elements: vec![element("lb.ours", "load balancer"), element("www-ours", "service")],
            ..View::default()
        }
    }

    fn proposal(element: &str, what: &str, value: &str) -> Proposal {
        let reason = "data sheet\nof the provider".to_owned();
        Proposal { element: element.into(), what: what.into(), value: value.into(), reason }
    }

    #[test]
    fn lines_are_those_of_an_institution_file_and_a_reason_stays_a_comment() {
        let said = |element, what, value, is_service| {
            lines(&checked(&proposal(element, what, value), &view()).unwrap(), is_service).unwrap()
        };
        assert_eq!(
            said("lb.ours", "table_entries", " 2e6 ", false),
            "# for [node.\"lb.ours\"], into its capacity: data sheet of the provider\ntable_entries = 2000000\n"
        );
        assert_eq!(
            said("www-ours", "needs", "lb.ours", true),
            "# for [service.www-ours], beside what it needs already: data sheet of the provider\nneeds = [\"lb.ours\"]\n"
        );
        assert_eq!(
            said("www-ours", "zone", "party-x", true),
            "# for [service.www-ours]: data sheet of the provider\nzone = \"party-x\"\n"
        );
    }

    const FILE: &str = include_str!("../../../../data/institution/examplia.toml");

    /// The file with the lines where they say that they belong, in place of what stands there.
    fn with(table: &str, copied: &str) -> String {
        let (comment, line) = copied.trim_end().split_once('\n').unwrap();
        let (key, _) = line.split_once(" = ").unwrap();
        let start = FILE.find(&format!("{table}\n")).unwrap() + table.len() + 1;
        let end = start + FILE[start..].find("\n[").unwrap();
        let mut rows: Vec<String> = FILE[start..end].lines().map(str::to_owned).collect();
        if comment.contains(", into its capacity: ") {
            let stands = rows.iter().position(|row| row.starts_with("capacity = {"));
            let row = stands.map(|at| rows.remove(at)).unwrap_or_default();
            let pairs =
                row.trim_start_matches("capacity = {").trim_end_matches('}').split(',').map(str::trim);
            let mut pairs: Vec<&str> =
                pairs.filter(|pair| !pair.is_empty() && !pair.starts_with(&format!("{key} ="))).collect();
            pairs.push(line);
            rows.push(format!("capacity = {{ {} }}", pairs.join(", ")));
        } else {
            rows.retain(|row| !row.starts_with(&format!("{key} =")));
            rows.push(line.to_owned());
        }
        rows.insert(0, comment.to_owned());
        format!("{}{}{}", &FILE[..start], rows.join("\n"), &FILE[end..])
    }

    /// They began with the header of a table that the file has already, and with a second `capacity`: no file is read with those.
    #[test]
    fn what_is_copied_into_the_file_is_taken() {
        assert!(institution::parse("examplia.toml", FILE).is_ok());
        let cases = [
            ("[node.lb-1]", "zone", "hosted"),
            ("[node.storage]", "table_entries", "2e6"),
            ("[node.fw-edge-1]", "table_entries", "1e15"),
            ("[node.fw-edge-1]", "bits_per_second", "40e9"),
            ("[node.vm-cluster]", "needs", "storage"),
            ("[service.www]", "new_connections_per_second", "3e4"),
            ("[service.mail]", "packets_per_second", "1"),
            ("[service.party-x-site]", "queries_per_second", "2000"),
            ("[service.vpn]", "needs", "directory"),
            ("[service.party-x-site]", "zone", "party-x"),
        ];
        for (table, what, value) in cases {
            let (kind, element) = table.trim_matches(['[', ']']).split_once('.').unwrap();
            let proposal = Proposal { reason: "data sheet".into(), ..proposal(element, what, value) };
            let copied = lines(&proposal, kind == "service").unwrap();
            assert!(copied.starts_with(&format!("# for {table}")), "{copied}");
            let read = institution::parse("examplia.toml", &with(table, &copied));
            assert!(read.is_ok(), "{copied}{read:?}");
        }
    }

    #[test]
    fn what_is_no_value_or_nothing_of_theirs_is_refused() {
        for (element, what, value) in [
            ("fw-house", "table_entries", "2e6"),
            ("", "table_entries", "2e6"),
            ("www-ours", "organisation", "own"),
            ("www-ours", "table_entries", "many"),
            ("www-ours", "table_entries", "0"),
            ("www-ours", "table_entries", "-5"),
            ("www-ours", "table_entries", "inf"),
            ("www-ours", "table_entries", "NaN"),
            ("www-ours", "table_entries", "1e16"),
            ("www-ours", "zone", "a\"]\n[allow]"),
            ("www-ours", "needs", ""),
        ] {
            assert!(checked(&proposal(element, what, value), &view()).is_err(), "{element} {what} {value}");
        }
        let short = Proposal { reason: "so".into(), ..proposal("www-ours", "zone", "a") };
        let long = Proposal { reason: "x".repeat(301), ..short.clone() };
        assert!(checked(&short, &view()).is_err() && checked(&long, &view()).is_err());
    }
}
