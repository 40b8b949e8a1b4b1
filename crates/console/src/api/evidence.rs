//! Evidence of floods as files: headers of packets as pcap, flow records as Parquet, with hosts hidden. Accounts of one
//! organisation get what goes to its addresses or comes from them, and nothing else, however many organisations a flood hits.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use record::{EvidenceKind, Mine};

use super::own::Own;
use super::{flood_of, types};
use crate::http::{App, Fault, Principal, Shared};

/// Longest name of a file.
const LONGEST_NAME: usize = 64;

/// `GET /api/v1/floods/{id}/evidence`.
pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<types::EvidenceList>, Fault> {
    let work = move |app: &App| {
        let flood = flood_of(app, &principal, &id)?;
        Ok::<_, Fault>(app.archive.evidence(&flood.id)?)
    };
    let items = app.wait(work).await?.into_iter().map(Into::into).collect();
    Ok(Json(types::EvidenceList { items }))
}

/// `GET /api/v1/floods/{id}/evidence/{kind}`.
pub(crate) async fn file(
    State(app): State<Shared>,
    Extension(principal): Extension<Principal>,
    Path((id, kind)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let kind = kind_of(&kind)?;
    let work = move |app: &App| {
        let flood = flood_of(app, &principal, &id)?;
        let own = Own::of(app, &principal);
        let mine = own.as_ref().map(|own| |address| own.address(address));
        let mine = mine.as_ref().map(|mine| mine as &Mine<'_>);
        let bytes = app.archive.evidence_file(&flood.id, kind, mine)?.ok_or(Fault::Missing)?;
        Ok::<_, Fault>((flood.id, bytes))
    };
    let (id, bytes) = app.wait(work).await?;
    Ok(download(&id, kind, bytes))
}

/// The kind of this name.
pub(crate) fn kind_of(name: &str) -> Result<EvidenceKind, Fault> {
    EvidenceKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or(Fault::Missing)
}

/// A file to be saved.
pub(crate) fn download(flood: &str, kind: EvidenceKind, bytes: Vec<u8>) -> Response {
    // Ids of floods are ours, and yet no quote gets into a header.
    let id: String = flood.chars().filter(char::is_ascii_alphanumeric).take(LONGEST_NAME).collect();
    let name = format!("attachment; filename=\"{id}-{}.{}\"", kind.name(), kind.extension());
    let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("attachment"));
    let kind = HeaderValue::from_static("application/octet-stream");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], Body::from(bytes)).into_response()
}
