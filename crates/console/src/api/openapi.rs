//! The OpenAPI 3.1 document, made of the table of routes and the types of the answers.

use std::future::{Ready, ready};
use std::sync::OnceLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::http::{Door, Look, Problem, ROUTES, Route};

/// `GET /api/v1/openapi.json`. Not `async`, for the reason that `pages::api::page` has.
pub(crate) fn document() -> Ready<Response> {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| serde_json::to_string(&build()).unwrap_or_default());
    ready(([(header::CONTENT_TYPE, "application/json")], text.as_str()).into_response())
}

/// The whole document.
pub(crate) fn build() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let problem = generator.subschema_for::<Problem>();
    let mut paths = Map::new();
    for route in ROUTES.iter().filter(|route| route.look == Look::Program) {
        let operation = operation(route, &mut generator, problem.as_value());
        let place = paths.entry(route.path).or_insert_with(|| json!({}));
        place[route.method.to_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Hemicycle",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            "description": "Times are RFC 3339, rates are numbers in the unit that the name ends with, null is unknown. \
                Lists are cut into pages: send `next` back as `after`. What goes wrong is application/problem+json (RFC 9457).",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "An API token; made under Settings."},
                "session": {"type": "apiKey", "in": "cookie", "name": "__Host-session", "description": "A signed-in browser."},
                "signature": {"type": "apiKey", "in": "header", "name": "Hemicycle-Signature",
                    "description": "t=SECONDS,v1=HEX: HMAC-SHA-256 under the shared secret of SECONDS.BODY; good for 300 s and once."},
            },
        },
    })
}

fn operation(route: &Route, generator: &mut schemars::SchemaGenerator, problem: &Value) -> Value {
    let mut parameters: Vec<Value> = placeholders(route.path)
        .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
        .collect();
    for (name, description, values) in route.query {
        let schema = match *name {
            "limit" => json!({"type": "integer", "minimum": 1, "maximum": 1000}),
            _ if values.is_empty() => json!({"type": "string", "maxLength": 512}),
            _ => json!({"type": "string", "enum": values}),
        };
        parameters.push(json!({"name": name, "in": "query", "description": description, "schema": schema}));
    }
    let mut responses = Map::new();
    if let Some((content, answer)) = route.answer {
        let schema = answer(generator);
        responses.insert(
            "200".into(),
            json!({"description": "The answer.", "content": {content: {"schema": schema}}}),
        );
    }
    for (status, text) in problems(route) {
        let content = json!({"application/problem+json": {"schema": problem}});
        responses.insert((*status).into(), json!({"description": text, "content": content}));
    }
    let scope: Vec<&str> = route.scope.iter().map(|scope| scope.name()).collect();
    let security = match route.door {
        Door::Open => json!([]),
        Door::Signed => json!([{"signature": []}, {"token": scope}]),
        Door::Roles(_) => json!([{"token": scope}, {"session": []}]),
    };
    let mut operation = json!({
        "operationId": format!("{} {}", route.method.to_lowercase(), route.path).replace(['/', '{', '}', ' ', '.'], "_"),
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses,
        "security": security,
    });
    if route.method == "POST" {
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": {"type": "object"}}}});
    }
    operation
}

/// What may go wrong, by what the route is.
fn problems(route: &Route) -> &'static [(&'static str, &'static str)] {
    const OPEN: &[(&str, &str)] = &[("405", "Another method.")];
    const SIGNED: &[(&str, &str)] = &[
        ("400", "Not understood."),
        ("401", "Not signed, signed wrongly, too late or twice."),
        ("403", "The token has not the scope."),
        ("405", "Another method."),
        ("408", "The body did not arrive in time."),
        ("413", "The body is too large."),
        ("503", "No room; send it again."),
    ];
    const READ: &[(&str, &str)] = &[
        ("400", "A parameter is not understood."),
        ("401", "Nobody is signed in, or the token is not good."),
        ("403", "The role, reach or scope does not include this."),
        ("404", "There is no such thing, or it belongs to another organisation."),
        ("405", "Another method."),
        ("503", "The record cannot be read, or too many listen."),
    ];
    match route.door {
        Door::Open => OPEN,
        Door::Signed => SIGNED,
        Door::Roles(_) => READ,
    }
}

/// Names between braces.
pub(crate) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_for_programs_is_described_and_every_reference_leads_somewhere() {
        let document = build();
        for route in ROUTES.iter().filter(|route| route.look == Look::Program) {
            let operation = &document["paths"][route.path][route.method.to_lowercase()];
            assert_eq!(operation["summary"], route.summary);
            let names = operation["parameters"].as_array().unwrap().len();
            assert_eq!(names, route.query.len() + placeholders(route.path).count());
        }
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        assert!(document["components"]["schemas"]["Flood"]["properties"]["severity"].is_object());
        assert!(!text.contains("$schema"));
    }
}
