//! The table of routes: who may ask what. The router, the OpenAPI document and the test of every route with every role
//! are made of it, so none of them can say something else than the others.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use schemars::{Schema, SchemaGenerator};

use super::gate::{Gate, gate};
use super::{Fault, Shared, asset, headers};
use crate::api::{self, types};
use crate::pages;
use crate::people::{Roles, Scope};

/// Who comes in at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Everybody, without a session: sign-in, health, assets.
    Open,
    /// Who signed the request, or shows a token with the route's scope.
    Signed,
    /// People with one of these roles, and tokens of theirs with the route's scope.
    Roles(Roles),
}

/// What of the house is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing of any organisation.
    Nothing,
    /// A list, from which what belongs to other organisations is left out.
    Filtered,
    /// One thing; of another organisation it is as if there were none.
    Thing,
    /// The house as a whole: not for accounts of one organisation.
    House,
}

/// In which form it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A page or a form of one.
    Page,
    /// JSON, problems as RFC 9457; part of the OpenAPI document.
    Program,
    /// Files of pages.
    Asset,
}

/// A parameter of the query: name, what it is, one of these (empty: any).
pub type Parameter = (&'static str, &'static str, &'static [&'static str]);
/// What makes the schema of an answer.
pub type Answer = fn(&mut SchemaGenerator) -> Schema;

/// One line of the table.
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path; `{name}` stands for a part.
    pub path: &'static str,
    /// Who comes in.
    pub door: Door,
    /// What is seen.
    pub reach: Reach,
    /// The scope that a token needs; without one, tokens are no use here.
    pub scope: Option<Scope>,
    /// The form of the answer.
    pub look: Look,
    /// One sentence.
    pub summary: &'static str,
    /// Parameters of the query.
    pub query: &'static [Parameter],
    /// The kind of content and the schema of the answer.
    pub answer: Option<(&'static str, Answer)>,
    pub(crate) handler: fn() -> MethodRouter<Shared>,
}

const EVERYBODY: Door = Door::Roles(Roles::EVERYBODY);
const ANALYSTS: Door = Door::Roles(Roles::ANALYSTS);
const AUDITORS: Door = Door::Roles(Roles::AUDITORS);
const GUARDIANS: Door = Door::Roles(Roles::GUARDIANS);
const ADMINISTRATORS: Door = Door::Roles(Roles::ADMINISTRATORS);
const JSON: &str = "application/json";

const fn page(
    path: &'static str,
    door: Door,
    reach: Reach,
    summary: &'static str,
    handler: fn() -> MethodRouter<Shared>,
) -> Route {
    Route {
        method: "GET",
        path,
        door,
        reach,
        scope: None,
        look: Look::Page,
        summary,
        query: &[],
        answer: None,
        handler,
    }
}

const fn form(
    path: &'static str,
    door: Door,
    reach: Reach,
    summary: &'static str,
    handler: fn() -> MethodRouter<Shared>,
) -> Route {
    Route { method: "POST", ..page(path, door, reach, summary, handler) }
}

const fn read(
    path: &'static str,
    reach: Reach,
    summary: &'static str,
    answer: Answer,
    handler: fn() -> MethodRouter<Shared>,
) -> Route {
    Route {
        method: "GET",
        path,
        door: EVERYBODY,
        reach,
        scope: Some(Scope::Read),
        look: Look::Program,
        summary,
        query: &[],
        answer: Some((JSON, answer)),
        handler,
    }
}

const PAGING: [Parameter; 2] = [
    ("after", "Go on after this: `next` of the page before.", &[]),
    ("limit", "At most so many, 1 to 1000; 100 if not said.", &[]),
];
const SPAN: [Parameter; 2] = [("from", "From when on, RFC 3339.", &[]), ("to", "Until when, RFC 3339.", &[])];
const SERIES: [Parameter; 4] = [
    SPAN[0],
    SPAN[1],
    ("resolution", "How far points are apart; 1min if not said.", &["1s", "1min", "1h"]),
    ("vector", "A vector; `all`, packets and bits of everything, if not said; `requests`.", &[]),
];
const FLOODS: [Parameter; 9] = [
    PAGING[0],
    PAGING[1],
    SPAN[0],
    SPAN[1],
    ("service", "A service by its key.", &[]),
    ("vector", "A vector by its name.", &[]),
    ("kind", "One kind.", &["flood", "surge"]),
    ("severity", "At least so severe.", &["notice", "warning", "severe", "critical"]),
    ("q", "Words that all stand in names, vectors and reasons.", &[]),
];
const ENTRIES: [Parameter; 6] = [
    PAGING[0],
    PAGING[1],
    SPAN[0],
    SPAN[1],
    ("kind", "One kind of entry, such as `observed` or `opened`.", &[]),
    ("actor", "Who did it, as `person:anna`.", &[]),
];

/// Every route there is.
pub const ROUTES: &[Route] = &[
    // Without a session.
    Route {
        look: Look::Asset,
        ..page("/static/{hash}/{name}", Door::Open, Reach::Nothing, "Style, script, icon.", || get(asset))
    },
    page("/signin", Door::Open, Reach::Nothing, "The form to sign in.", || get(pages::signin::page)),
    form("/signin", Door::Open, Reach::Nothing, "Signs in.", || post(pages::signin::sign_in)),
    page("/signin/oidc", Door::Open, Reach::Nothing, "Goes to the house's provider.", || {
        get(pages::oidc::begin)
    }),
    page("/signin/oidc/callback", Door::Open, Reach::Nothing, "Comes back from there.", || {
        get(pages::oidc::callback)
    }),
    page("/welcome/{token}", Door::Open, Reach::Nothing, "Follows a one-time link.", || {
        get(pages::welcome::page)
    }),
    form("/welcome/{token}", Door::Open, Reach::Nothing, "Sets name, password and app.", || {
        post(pages::welcome::follow)
    }),
    Route {
        door: Door::Open,
        scope: None,
        ..read(
            "/healthz",
            Reach::Nothing,
            "Whether the console answers.",
            api::schema::<types::Health>,
            || get(api::health),
        )
    },
    Route {
        method: "POST",
        door: Door::Signed,
        scope: Some(Scope::Webhook),
        ..read(
            "/api/v1/webhooks/fastnetmon",
            Reach::House,
            "A flood that FastNetMon saw.",
            api::schema::<types::Taken>,
            || post(api::webhooks::fastnetmon),
        )
    },
    Route {
        method: "POST",
        door: Door::Signed,
        scope: Some(Scope::Webhook),
        ..read(
            "/api/v1/webhooks/alertmanager",
            Reach::House,
            "Alerts of Alertmanager.",
            api::schema::<types::Taken>,
            || post(api::webhooks::alertmanager),
        )
    },
    // Pages.
    page("/", EVERYBODY, Reach::Filtered, "Now.", || get(pages::now::page)),
    page("/outlook", EVERYBODY, Reach::Filtered, "What the next days may bring.", || {
        get(pages::outlook::page)
    }),
    form(
        "/outlook/judgement",
        ANALYSTS,
        Reach::House,
        "Keeps what an analyst thinks of the next days.",
        || post(pages::judgement::judge),
    ),
    page("/floods", EVERYBODY, Reach::Filtered, "History.", || get(pages::history::page)),
    page("/floods/{id}", EVERYBODY, Reach::Thing, "One flood.", || get(pages::flood::page)),
    form("/floods/{id}/notes", ANALYSTS, Reach::Thing, "Adds a note to a flood.", || {
        post(pages::flood::note)
    }),
    page("/institution", EVERYBODY, Reach::Filtered, "What is protected, and what is seen of it.", || {
        get(pages::institution::page)
    }),
    page("/exposure", EVERYBODY, Reach::Filtered, "Single points, and what a flood takes down.", || {
        get(pages::exposure::page)
    }),
    form("/exposure/proposals", ANALYSTS, Reach::Filtered, "Proposes a value of an own element.", || {
        post(pages::proposals::propose)
    }),
    page("/data-protection", EVERYBODY, Reach::Nothing, "What is kept of persons.", || {
        get(pages::privacy::page)
    }),
    form(
        "/data-protection/open",
        ANALYSTS,
        Reach::House,
        "Opens the address of a code, for a purpose.",
        || post(pages::privacy::open),
    ),
    form(
        "/data-protection/report",
        GUARDIANS,
        Reach::House,
        "Says what is held about an address, for a purpose.",
        || post(pages::person::report),
    ),
    form("/data-protection/erase", GUARDIANS, Reach::House, "Erases an address, for a purpose.", || {
        post(pages::person::erase)
    }),
    form(
        "/evidence/open",
        ANALYSTS,
        Reach::House,
        "Gives evidence with plain addresses, for a purpose.",
        || post(pages::flood::open_evidence),
    ),
    page("/runbooks", EVERYBODY, Reach::Nothing, "What to do about each alarm.", || {
        get(pages::runbooks::list)
    }),
    page("/runbooks/{page}", EVERYBODY, Reach::Nothing, "What to do about one.", || {
        get(pages::runbooks::page)
    }),
    page("/api", EVERYBODY, Reach::Nothing, "The API, described.", || get(pages::api::page)),
    page("/settings", EVERYBODY, Reach::Nothing, "Own account; people, for administrators.", || {
        get(pages::settings::page)
    }),
    form("/settings/theme", EVERYBODY, Reach::Nothing, "Chooses colours.", || post(pages::settings::theme)),
    form("/settings/password", EVERYBODY, Reach::Nothing, "Sets another password.", || {
        post(pages::settings::password)
    }),
    form("/settings/recovery", EVERYBODY, Reach::Nothing, "Makes new recovery codes.", || {
        post(pages::settings::recovery)
    }),
    form("/settings/sessions/{handle}/end", EVERYBODY, Reach::Nothing, "Ends an own session.", || {
        post(pages::settings::end_session)
    }),
    form("/settings/tokens", EVERYBODY, Reach::Nothing, "Makes an API token.", || {
        post(pages::settings::create_token)
    }),
    form("/settings/tokens/{id}/withdraw", EVERYBODY, Reach::Nothing, "Withdraws an own token.", || {
        post(pages::settings::withdraw_token)
    }),
    form("/settings/people", ADMINISTRATORS, Reach::House, "Makes a link for somebody new.", || {
        post(pages::people::invite)
    }),
    form("/settings/people/{id}", ADMINISTRATORS, Reach::House, "Changes role and reach.", || {
        post(pages::people::change)
    }),
    form(
        "/settings/people/{id}/reset",
        ADMINISTRATORS,
        Reach::House,
        "Makes a link for somebody locked out.",
        || post(pages::people::reset),
    ),
    form("/signout", EVERYBODY, Reach::Nothing, "Signs out.", || post(pages::signin::sign_out)),
    // For programs.
    Route {
        door: AUDITORS,
        scope: Some(Scope::Metrics),
        answer: Some(("text/plain", api::schema::<String>)),
        ..read("/metrics", Reach::House, "Figures for Prometheus.", api::schema::<String>, || {
            get(api::metrics)
        })
    },
    read("/api/v1/openapi.json", Reach::Nothing, "This document.", api::schema::<serde_json::Value>, || {
        get(api::openapi::document)
    }),
    read("/api/v1/now", Reach::Filtered, "How everything is now.", api::schema::<types::Now>, || {
        get(api::now)
    }),
    read(
        "/api/v1/outlook",
        Reach::Filtered,
        "What the next days may bring.",
        api::schema::<types::CurrentOutlook>,
        || get(api::outlook),
    ),
    read(
        "/api/v1/services",
        Reach::Filtered,
        "Services and how they are.",
        api::schema::<types::Services>,
        || get(api::services),
    ),
    read(
        "/api/v1/exposure",
        Reach::Filtered,
        "Single points of failure, and what a flood on a public service takes down.",
        api::schema::<crate::exposure::View>,
        || get(api::exposure),
    ),
    read(
        "/api/v1/sensors",
        Reach::Filtered,
        "Sensors and what they lose.",
        api::schema::<types::Sensors>,
        || get(api::sensors),
    ),
    Route {
        query: &SERIES,
        ..read(
            "/api/v1/services/{name}/series",
            Reach::Thing,
            "Rates of a service over time.",
            api::schema::<types::Series>,
            || get(api::service_series),
        )
    },
    Route {
        query: &FLOODS,
        ..read(
            "/api/v1/floods",
            Reach::Filtered,
            "Floods and surges, newest first.",
            api::schema::<types::Floods>,
            || get(api::floods),
        )
    },
    read(
        "/api/v1/floods/{id}",
        Reach::Thing,
        "One flood with its last event.",
        api::schema::<types::Flood>,
        || get(api::flood),
    ),
    read(
        "/api/v1/floods/{id}/series",
        Reach::Thing,
        "The time line of a flood.",
        api::schema::<types::Series>,
        || get(api::flood_series),
    ),
    read(
        "/api/v1/floods/{id}/evidence",
        Reach::Thing,
        "What is kept of the traffic of a flood.",
        api::schema::<types::EvidenceList>,
        || get(api::evidence::list),
    ),
    Route {
        answer: Some(("application/octet-stream", api::schema::<String>)),
        ..read(
            "/api/v1/floods/{id}/evidence/{kind}",
            Reach::Thing,
            "Headers of packets as pcap, or flow records as Parquet, with hosts hidden.",
            api::schema::<String>,
            || get(api::evidence::file),
        )
    },
    Route {
        door: AUDITORS,
        scope: Some(Scope::Ledger),
        query: &ENTRIES,
        ..read(
            "/api/v1/entries",
            Reach::Filtered,
            "Entries of the ledger, newest first.",
            api::schema::<types::Entries>,
            || get(api::entries),
        )
    },
    Route {
        answer: Some(("text/event-stream", api::schema::<String>)),
        ..read("/api/v1/events", Reach::Filtered, "Events as they come (SSE).", api::schema::<String>, || {
            get(api::events::stream)
        })
    },
];

/// What is asked for beside the table: everything else, for people who are signed in.
static ELSEWHERE: Route =
    page("/{*path}", EVERYBODY, Reach::Nothing, "Nothing.", || get(|| async { Fault::Missing }));

/// The router of the table.
pub(crate) fn router(app: &Shared) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let state = Gate { app: app.clone(), route };
        let methods = (route.handler)().layer(from_fn_with_state(state, gate));
        router = router.route(route.path, methods);
    }
    let state = Gate { app: app.clone(), route: &ELSEWHERE };
    let elsewhere = axum::routing::any(|| async { Fault::Missing }).layer(from_fn_with_state(state, gate));
    router
        .fallback_service(elsewhere.with_state(app.clone()))
        .method_not_allowed_fallback(|| async { Fault::Method })
        .layer(from_fn_with_state(app.clone(), headers::add))
        .with_state(app.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sign_in_health_signed_webhooks_and_assets_are_open() {
        let open: Vec<&str> = ROUTES
            .iter()
            .filter(|route| !matches!(route.door, Door::Roles(_)))
            .map(|route| route.path)
            .collect();
        let expected = [
            "/static/{hash}/{name}",
            "/signin",
            "/signin",
            "/signin/oidc",
            "/signin/oidc/callback",
            "/welcome/{token}",
            "/welcome/{token}",
            "/healthz",
            "/api/v1/webhooks/fastnetmon",
            "/api/v1/webhooks/alertmanager",
        ];
        assert_eq!(open, expected);
    }

    #[test]
    fn no_route_stands_twice_and_each_says_what_it_is() {
        for (index, route) in ROUTES.iter().enumerate() {
            let twins = ROUTES[..index]
                .iter()
                .filter(|other| (other.method, other.path) == (route.method, route.path));
            assert_eq!(twins.count(), 0, "{} {}", route.method, route.path);
            assert!(route.summary.ends_with('.'), "{}", route.path);
            assert_eq!(
                route.path.contains("{id}") && route.path.contains("floods"),
                route.reach == Reach::Thing && route.path.contains("floods")
            );
            if route.look == Look::Program {
                assert!(route.answer.is_some(), "{}", route.path);
            }
        }
    }
}
