//! People, for administrators of the whole house.

use axum::Form;
use axum::extract::Path;
use axum::response::Response;
use maud::{Markup, html};
use record::Kind;
use serde::Deserialize;
use serde_json::json;

use super::{Visit, see_other, settings, words};
use crate::http::{App, Fault};
use crate::live::Snapshot;
use crate::people::{Account, Role};

/// The section of the page of settings.
pub(super) fn section(visit: &Visit, people: &[Account], snapshot: &Snapshot) -> Markup {
    html! {
        table class="people" { thead { tr { th { "Name" } th { "Role" } th { "Sees" } th { "Last sign-in" } th { span class="visually-hidden" { "Change" } } } }
            tbody { @for person in people { (row(visit, person, snapshot)) } } }
        form class="row" method="post" action="/settings/people" {
            (visit.csrf())
            label { span { "Name of somebody new" } input name="name" required maxlength="64"; }
            (role_field(Role::Viewer))
            (reach_field(snapshot, None, true))
            button { "Make a link" }
        }
    }
}

fn row(visit: &Visit, person: &Account, snapshot: &Snapshot) -> Markup {
    let form = format!("person-{}", person.id);
    let time =
        |seconds| words::date_time(jiff::Timestamp::from_second(seconds).unwrap_or_default(), &visit.zone);
    html! {
        tr class=[person.disabled.then_some("closed")] {
            th scope="row" { (person.name) @if person.disabled { " " span class="tag" { "closed" } } }
            td { select name="role" form=(form) aria-label={ "Role of " (person.name) } {
                @for role in Role::ALL { option value=(role.name()) selected[role == person.role] { (role.title()) } } } }
            td { select name="organisation" form=(form) aria-label={ "Reach of " (person.name) } { (reaches(snapshot, person.organisation.as_deref(), true)) } }
            td { @match person.signed_in_seconds { Some(seconds) => (time(seconds)), None => "never" } }
            td class="act" {
                form id=(form) class="inline" method="post" action={ "/settings/people/" (person.id) } {
                    (visit.csrf())
                    label class="check" { input type="checkbox" name="closed" value="1" checked[person.disabled]; span { "closed" } }
                    button class="small" { "Save" }
                }
                form class="inline" method="post" action={ "/settings/people/" (person.id) "/reset" } { (visit.csrf()) button class="small" { "New link" } }
            }
        }
    }
}

fn role_field(chosen: Role) -> Markup {
    html! { label { span { "Role" } select name="role" {
    @for role in Role::ALL { option value=(role.name()) selected[role == chosen] { (role.title()) ": " (role.description()) } } } } }
}

fn reaches(snapshot: &Snapshot, chosen: Option<&str>, house: bool) -> Markup {
    html! {
        @if house { option value="" selected[chosen.is_none()] { "The whole house" } }
        @for organisation in snapshot.organisations.iter().filter(|one| house || chosen == Some(one.name.as_str())) {
            option value=(organisation.name) selected[chosen == Some(organisation.name.as_str())] { "Only " (organisation.title) }
        }
    }
}

/// The choice of a reach.
pub(super) fn reach_field(snapshot: &Snapshot, chosen: Option<&str>, house: bool) -> Markup {
    html! { label { span { "Sees" } select name="organisation" { (reaches(snapshot, chosen, house)) } } }
}

/// The form of an account.
#[derive(Deserialize)]
pub(crate) struct Person {
    #[serde(default)]
    name: String,
    role: String,
    #[serde(default)]
    organisation: String,
    closed: Option<String>,
}

impl Person {
    /// Role and reach, if both are ones that there are.
    fn read(&self, snapshot: &Snapshot) -> Result<(Role, Option<String>), Fault> {
        let role = Role::named(&self.role).ok_or(Fault::Bad("There is no such role."))?;
        let organisation = Some(self.organisation.clone()).filter(|name| !name.is_empty());
        let known =
            |name: &String| snapshot.organisations.iter().any(|organisation| organisation.name == *name);
        if organisation.as_ref().is_some_and(|name| !known(name)) {
            return Err(Fault::Bad("There is no such organisation."));
        }
        Ok((role, organisation))
    }
}

/// A link, shown once.
fn once(link: &str, name: &str) -> Markup {
    html! { div class="notice once" role="status" {
    p { "The link for " b { (name) } ", good for an hour and once; give it to them over a way that you trust:" }
    p { code { "/welcome/" (link) } } } }
}

/// `POST /settings/people`.
pub(crate) async fn invite(visit: Visit, Form(form): Form<Person>) -> Result<Response, Fault> {
    let (role, organisation) = form.read(&visit.app.snapshot())?;
    let (name, actor, by) =
        (form.name.trim().to_owned(), visit.principal.actor(), visit.principal.account.name.clone());
    let shown = name.clone();
    let work = move |app: &App| {
        let link = app.people.invite(&name, role, organisation.as_deref(), &by)?;
        app.write_down(
            Kind::Configured,
            actor,
            &name,
            json!({"what": "invited", "role": role.name(), "organisation": organisation}),
        )?;
        Ok::<_, Fault>(link)
    };
    let link = visit.app.wait(work).await?;
    settings::show(&visit, Some(once(&link, &shown))).await
}

/// `POST /settings/people/{id}`.
pub(crate) async fn change(
    visit: Visit,
    Path(id): Path<i64>,
    Form(form): Form<Person>,
) -> Result<Response, Fault> {
    let (role, organisation) = form.read(&visit.app.snapshot())?;
    let actor = visit.principal.actor();
    let closed = form.closed.is_some();
    let work = move |app: &App| {
        let account = app.people.change(id, role, organisation.as_deref(), closed)?;
        let body =
            json!({"what": "changed", "role": role.name(), "organisation": organisation, "closed": closed});
        Ok::<_, Fault>(app.write_down(Kind::Configured, actor, &account.name, body)?)
    };
    visit.app.wait(work).await?;
    Ok(see_other("/settings?done=person"))
}

/// `POST /settings/people/{id}/reset`.
pub(crate) async fn reset(visit: Visit, Path(id): Path<i64>) -> Result<Response, Fault> {
    let (actor, by) = (visit.principal.actor(), visit.principal.account.name.clone());
    let work = move |app: &App| {
        let accounts = app.people.accounts()?;
        let name = accounts.into_iter().find(|account| account.id == id).ok_or(Fault::Missing)?.name;
        let link = app.people.reset(&name, &by)?;
        app.write_down(Kind::Configured, actor, &name, json!({"what": "reset"}))?;
        Ok::<_, Fault>((link, name))
    };
    let (link, name) = visit.app.wait(work).await?;
    settings::show(&visit, Some(once(&link, &name))).await
}
