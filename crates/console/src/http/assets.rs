//! Style, script and icon: part of the program, under names that change with their content.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Fault;
use crate::people::secret::{digest, hex};

const STYLE: &str = include_str!("../../assets/console.css");
const SCRIPT: &str = include_str!("../../assets/console.js");
const ICON: &str = include_str!("../../assets/icon.svg");

fn path(cell: &'static OnceLock<String>, name: &str, content: &str) -> &'static str {
    cell.get_or_init(|| format!("/static/{}/{name}", &hex(&digest("asset", content))[..12]))
}

/// Where the style sheet is.
pub(crate) fn stylesheet_path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    path(&PATH, "console.css", STYLE)
}

/// Where the script is.
pub(crate) fn script_path() -> &'static str {
    static PATH: OnceLock<String> = OnceLock::new();
    path(&PATH, "console.js", SCRIPT)
}

/// Any of them; the hash in the name only makes sure that browsers ask again after an upgrade.
pub(crate) async fn asset(Path((_, name)): Path<(String, String)>) -> Response {
    let (content, kind) = match name.as_str() {
        "console.css" => (STYLE, "text/css; charset=utf-8"),
        "console.js" => (SCRIPT, "text/javascript; charset=utf-8"),
        "icon.svg" => (ICON, "image/svg+xml"),
        _ => return Fault::Missing.into_response(),
    };
    let headers =
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, content).into_response()
}
