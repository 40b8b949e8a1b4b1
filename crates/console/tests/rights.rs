//! Who may ask what, written down a second time. The table of routes makes the router, the authorisation and their test, so a mistake in it
//! would be a mistake in all three: here is what was meant. A new route without a line here fails, and so does one that changed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use console::people::Role;
use console::{Door, ROUTES, Reach, Route};

/// Method, path, who (roles by their first letters: Viewer, Analyst, Operator, administrator as M for manager, Data protection),
/// what of the house (`house`: only who sees all of it), and the scope that a token needs.
const MEANT: &str = "
GET  /static/{hash}/{name}             everybody  nothing   -
GET  /signin                           everybody  nothing   -
POST /signin                           everybody  nothing   -
GET  /signin/oidc                      everybody  nothing   -
GET  /signin/oidc/callback             everybody  nothing   -
GET  /welcome/{token}                  everybody  nothing   -
POST /welcome/{token}                  everybody  nothing   -
GET  /healthz                          everybody  nothing   -
POST /api/v1/webhooks/fastnetmon       signed     house     webhook
POST /api/v1/webhooks/alertmanager     signed     house     webhook
GET  /                                 VAOMD      filtered  -
GET  /floods                           VAOMD      filtered  -
GET  /floods/{id}                      VAOMD      thing     -
POST /floods/{id}/notes                AOM        thing     -
GET  /institution                      VAOMD      filtered  -
GET  /outlook                          VAOMD      filtered  -
POST /outlook/judgement                AOM        house     -
GET  /exposure                         VAOMD      filtered  -
POST /exposure/proposals               AOM        filtered  -
GET  /runbooks                         VAOMD      nothing   -
GET  /runbooks/{page}                  VAOMD      nothing   -
GET  /data-protection                  VAOMD      nothing   -
POST /data-protection/open             AOM        house     -
POST /data-protection/report           MD         house     -
POST /data-protection/erase            MD         house     -
POST /evidence/open                    AOM        house     -
GET  /api                              VAOMD      nothing   -
GET  /settings                         VAOMD      nothing   -
POST /settings/theme                   VAOMD      nothing   -
POST /settings/password                VAOMD      nothing   -
POST /settings/recovery                VAOMD      nothing   -
POST /settings/sessions/{handle}/end   VAOMD      nothing   -
POST /settings/tokens                  VAOMD      nothing   -
POST /settings/tokens/{id}/withdraw    VAOMD      nothing   -
POST /settings/people                  M          house     -
POST /settings/people/{id}             M          house     -
POST /settings/people/{id}/reset       M          house     -
POST /signout                          VAOMD      nothing   -
GET  /metrics                          AOMD       house     metrics
GET  /api/v1/openapi.json              VAOMD      nothing   read
GET  /api/v1/now                       VAOMD      filtered  read
GET  /api/v1/services                  VAOMD      filtered  read
GET  /api/v1/sensors                   VAOMD      filtered  read
GET  /api/v1/services/{name}/series    VAOMD      thing     read
GET  /api/v1/floods                    VAOMD      filtered  read
GET  /api/v1/floods/{id}               VAOMD      thing     read
GET  /api/v1/floods/{id}/series        VAOMD      thing     read
GET  /api/v1/floods/{id}/evidence      VAOMD      thing     read
GET  /api/v1/floods/{id}/evidence/{kind} VAOMD    thing     read
GET  /api/v1/outlook                   VAOMD      filtered  read
GET  /api/v1/exposure                  VAOMD      filtered  read
GET  /api/v1/entries                   AOMD       filtered  ledger
GET  /api/v1/events                    VAOMD      filtered  read
";

/// A route in the words of the table above.
fn line(route: &Route) -> String {
    let letters = |has: &dyn Fn(Role) -> bool| -> String {
        Role::ALL
            .into_iter()
            .zip("VAOMD".chars())
            .filter(|(role, _)| has(*role))
            .map(|(_, letter)| letter)
            .collect()
    };
    let who = match route.door {
        Door::Open => "everybody".to_owned(),
        Door::Signed => "signed".to_owned(),
        Door::Roles(roles) => letters(&|role| roles.has(role)),
    };
    let reach = match route.reach {
        Reach::Nothing => "nothing",
        Reach::Filtered => "filtered",
        Reach::Thing => "thing",
        Reach::House => "house",
    };
    let scope = route.scope.map_or("-", |scope| scope.name());
    [route.method, route.path, &who, reach, scope].join(" ")
}

#[test]
fn every_route_has_the_rights_that_were_meant() {
    let meant: BTreeSet<String> = MEANT
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    let found: BTreeSet<String> = ROUTES.iter().map(line).collect();
    let unknown: Vec<&String> = found.difference(&meant).collect();
    let gone: Vec<&String> = meant.difference(&found).collect();
    assert!(
        unknown.is_empty() && gone.is_empty(),
        "say here who may ask it: {unknown:#?}\nno such route: {gone:#?}"
    );
    assert_eq!(found.len(), ROUTES.len());
}

/// The source files of a folder.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn nothing_is_routed_beside_the_table() {
    let ways = [
        ".route(",
        ".route_service(",
        ".nest(",
        ".nest_service(",
        ".merge(",
        ".fallback(",
        ".fallback_service(",
    ];
    let mut places = Vec::new();
    for (path, text) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let count: usize = ways.iter().map(|way| text.matches(way).count()).sum();
        if count > 0 {
            places.push((path.rsplit('/').next().unwrap().to_owned(), count));
        }
    }
    // One for the lines of the table, one for everything else, which needs a session.
    assert_eq!(places, [("routes.rs".to_owned(), 2)]);
}
