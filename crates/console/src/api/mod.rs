//! What programs ask under `/api/v1`, with `/healthz` and `/metrics` beside it.

pub(crate) mod events;
pub(crate) mod evidence;
pub(crate) mod openapi;
pub(crate) mod query;
pub(crate) mod types;
pub(crate) mod webhooks;

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use record::{Filter, FloodRow, Kind, Resolution};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::http::{App, Fault, Principal, Shared};
use crate::live::{Service, Snapshot};
use query::Asked;

/// Seconds of a series that are given at most for each resolution: about what 20,000 points hold.
const LONGEST_SERIES_POINTS: i64 = 20_000;

/// The schema of a type, referred to by its name.
pub(crate) fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

/// `GET /healthz`: says nothing but that somebody answers.
pub(crate) async fn health() -> Json<types::Health> {
    Json(types::Health { status: "ok" })
}

/// `GET /metrics`.
pub(crate) async fn metrics(State(app): State<Shared>) -> Result<Response, Fault> {
    let text = app.wait(|app| Ok::<_, Fault>((app.options.figures)() + &app.counts.text())).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// Services that somebody sees.
pub(crate) fn visible<'a>(snapshot: &'a Snapshot, principal: &Principal) -> Vec<&'a Service> {
    snapshot.services.iter().filter(|service| principal.sees([&service.organisation])).collect()
}

/// Floods of the snapshot that somebody sees: those with a service of theirs.
pub(crate) fn visible_floods<'a>(
    snapshot: &'a Snapshot,
    principal: &Principal,
) -> Vec<&'a serde_json::Value> {
    let ids: Vec<&str> =
        visible(snapshot, principal).into_iter().filter_map(|service| service.flood.as_deref()).collect();
    let seen = |flood: &&serde_json::Value| {
        principal.sees_house() || flood["id"].as_str().is_some_and(|id| ids.contains(&id))
    };
    snapshot.floods.iter().filter(seen).collect()
}

/// Sensors that somebody sees: those that see a service of theirs.
pub(crate) fn visible_sensors(snapshot: &Snapshot, principal: &Principal) -> Vec<crate::live::Sensor> {
    let services = visible(snapshot, principal);
    let seen = |sensor: &&crate::live::Sensor| {
        principal.sees_house() || services.iter().any(|service| service.seen_by.contains(&sensor.name))
    };
    snapshot.sensors.iter().filter(seen).cloned().collect()
}

/// The outlook as somebody may see it: what is listed of others, and what is to be prepared here, is not for accounts of one organisation.
pub(crate) fn visible_outlook(snapshot: &Snapshot, principal: &Principal) -> Option<crate::outlook::Outlook> {
    let mut outlook = crate::outlook::Outlook::clone(snapshot.outlook.as_deref()?);
    if principal.sees_house() {
        return Some(outlook);
    }
    outlook.listed.retain(|listed| principal.sees([&listed.organisation]));
    outlook.odds.retain(|odds| odds.who == "country");
    outlook.likely.iter_mut().for_each(|likely| likely.hits.clear());
    outlook.readiness_reasons.clear();
    outlook.checklist.clear();
    outlook.became.clear();
    outlook.reliability.retain(|shown| shown.who == "country");
    outlook.notes.clear();
    if !outlook.stale.is_empty() {
        // Why may name files.
        outlook.stale = "it could not be made anew".to_owned();
    }
    // The words for the house hang on what is listed of it; who does not see that sees what is left.
    let listed = !outlook.listed.is_empty();
    outlook.state = match () {
        () if listed => "listed".to_owned(),
        () if outlook.odds.iter().any(|odds| odds.state == "raised") => "raised".to_owned(),
        () => "quiet".to_owned(),
    };
    let (level, meaning) = match outlook.state.as_str() {
        "listed" => ("high", "you are on a list of targets"),
        "raised" => ("medium", "the odds are higher than usual"),
        _ => ("low", "nothing points at more than the usual"),
    };
    (outlook.level, outlook.level_meaning) = (level.to_owned(), meaning.to_owned());
    outlook.readiness = if outlook.state == "quiet" { "calm" } else { "watch" }.to_owned();
    Some(outlook)
}

/// Readiness as somebody may see it: its reasons name what is listed of others, so it is not for accounts of one organisation.
pub(crate) fn visible_readiness<'a>(
    snapshot: &'a Snapshot,
    principal: &Principal,
) -> Option<&'a crate::outlook::Readiness> {
    snapshot.readiness.as_ref().filter(|_| principal.sees_house())
}

/// `GET /api/v1/outlook`.
pub(crate) async fn outlook(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
) -> Json<types::CurrentOutlook> {
    Json(types::CurrentOutlook { outlook: visible_outlook(&app.snapshot(), &principal) })
}

/// `GET /api/v1/now`.
pub(crate) async fn now(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
) -> Json<types::Now> {
    let snapshot = app.snapshot();
    Json(types::Now {
        institution: snapshot.institution.clone(),
        time: snapshot.time.to_string(),
        started: snapshot.started.to_string(),
        mode: snapshot.mode.clone(),
        warnings: if principal.sees_house() { snapshot.warnings.clone() } else { Vec::new() },
        readiness: visible_readiness(&snapshot, &principal).cloned(),
        services: visible(&snapshot, &principal).into_iter().cloned().collect(),
        floods: visible_floods(&snapshot, &principal).into_iter().cloned().collect(),
    })
}

/// `GET /api/v1/services`.
pub(crate) async fn services(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
) -> Json<types::Services> {
    let items = visible(&app.snapshot(), &principal).into_iter().cloned().collect();
    Json(types::Services { items })
}

/// `GET /api/v1/exposure`.
pub(crate) async fn exposure(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
) -> Json<crate::exposure::View> {
    Json(app.exposure().of(principal.organisation()))
}

/// `GET /api/v1/sensors`.
pub(crate) async fn sensors(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
) -> Json<types::Sensors> {
    Json(types::Sensors { items: visible_sensors(&app.snapshot(), &principal) })
}

/// `GET /api/v1/services/{name}/series`.
pub(crate) async fn service_series(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    asked: Asked,
) -> Result<Json<types::Series>, Fault> {
    let snapshot = app.snapshot();
    if !visible(&snapshot, &principal).iter().any(|service| service.name == name) {
        return Err(Fault::Missing);
    }
    let resolution = match asked.get("resolution") {
        None | Some("1min") => Resolution::Minute,
        Some("1s") => Resolution::Second,
        Some("1h") => Resolution::Hour,
        Some(_) => return Err(Fault::Bad("resolution is one of 1s, 1min, 1h.")),
    };
    let to = asked.time("to", &app.zone())?.unwrap_or(app.now()).as_second();
    let from =
        asked.time("from", &app.zone())?.map_or(to - resolution.seconds() * 120, jiff::Timestamp::as_second);
    if from > to || (to - from) / resolution.seconds() > LONGEST_SERIES_POINTS {
        return Err(Fault::Bad("from and to span more than 20,000 points, or less than none."));
    }
    let vector = asked.get("vector").unwrap_or("all").to_owned();
    let points = {
        let (name, vector) = (name.clone(), vector.clone());
        app.wait(move |app| app.archive.series(&name, &vector, resolution, from..to)).await?
    };
    let items = points.into_iter().map(Into::into).collect();
    Ok(Json(types::Series { target: name, vector, resolution_seconds: resolution.seconds(), items }))
}

/// `GET /api/v1/floods`.
pub(crate) async fn floods(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    asked: Asked,
) -> Result<Json<types::Floods>, Fault> {
    let filter = Filter { organisations: principal.filter(), ..asked.floods(&app.zone())? };
    let page = asked.page()?;
    let found = app.wait(move |app| app.archive.floods(&filter, &page)).await?;
    Ok(Json(types::Floods { items: found.items.into_iter().map(Into::into).collect(), next: found.next }))
}

/// A flood that somebody may see; else there is none.
pub(crate) fn flood_of(app: &App, principal: &Principal, id: &str) -> Result<FloodRow, Fault> {
    let found = app.archive.flood(id)?;
    found.filter(|flood| principal.sees(&flood.organisations)).ok_or(Fault::Missing)
}

/// `GET /api/v1/floods/{id}`.
pub(crate) async fn flood(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<types::Flood>, Fault> {
    let found = app.wait(move |app| flood_of(app, &principal, &id)).await?;
    Ok(Json(found.into()))
}

/// `GET /api/v1/floods/{id}/series`.
pub(crate) async fn flood_series(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<types::Series>, Fault> {
    let work = move |app: &App| {
        let flood = flood_of(app, &principal, &id)?;
        Ok::<_, Fault>((flood.target, app.archive.flood_points(&id)?))
    };
    let (target, points) = app.wait(work).await?;
    let items = points.into_iter().map(Into::into).collect();
    Ok(Json(types::Series { target, vector: "all".into(), resolution_seconds: 1, items }))
}

/// `GET /api/v1/entries`.
pub(crate) async fn entries(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    asked: Asked,
) -> Result<Json<types::Entries>, Fault> {
    let zone = app.zone();
    let kinds = match asked.get("kind") {
        None => Vec::new(),
        Some(name) => vec![Kind::of(name).ok_or(Fault::Bad("There is no such kind of entry."))?],
    };
    let filter = Filter {
        from: asked.nanoseconds("from", &zone)?,
        to: asked.nanoseconds("to", &zone)?,
        organisations: principal.filter(),
        kinds,
        actor: asked.get("actor").map(str::to_owned),
        ..Filter::default()
    };
    let page = asked.page()?;
    let found = app.wait(move |app| app.archive.entries(&filter, &page)).await?;
    Ok(Json(types::Entries { items: found.items.into_iter().map(Into::into).collect(), next: found.next }))
}
