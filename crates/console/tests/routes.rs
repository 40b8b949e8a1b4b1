//! Every route, asked as nobody and by every role and token, of the house and of one organisation, about own things and
//! foreign ones. The table says what is right; this asks whether it is so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::io::{BufRead, BufReader, Write};

use client::{Answer, Console};
use console::people::{Account, Role, Scope};
use console::{Door, Look, ROUTES, Reach, Route};

/// Who asks.
enum Asker {
    Nobody,
    Person(Account),
    Token(Account, Scope, Option<&'static str>, String),
}

impl Asker {
    fn organisation(&self) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Person(account) => account.organisation.as_deref(),
            Self::Token(.., organisation, _) => *organisation,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Nobody => "nobody".into(),
            Self::Person(account) => account.name.clone(),
            Self::Token(account, scope, organisation, _) => {
                format!("token {} {scope:?} {organisation:?}", account.name)
            }
        }
    }
}

fn askers(console: &Console) -> Vec<Asker> {
    let mut all = vec![Asker::Nobody];
    // Somebody who keeps being an administrator, whatever the forms do.
    console.member("root", Role::Administrator, None);
    for role in Role::ALL {
        for organisation in [None, Some("party-x")] {
            let name = format!("{} {}", role.name(), organisation.unwrap_or("house"));
            let (account, _) = console.member(&name, role, organisation);
            for scope in Scope::ALL {
                let text = console.people.create_token(&account, "t", &[scope], organisation, 1).unwrap();
                all.push(Asker::Token(account.clone(), scope, organisation, text));
            }
            if organisation.is_none() {
                // A narrow token of a wide account.
                let text =
                    console.people.create_token(&account, "t", &[Scope::Read], Some("party-x"), 1).unwrap();
                all.push(Asker::Token(account.clone(), Scope::Read, Some("party-x"), text));
            }
            all.push(Asker::Person(account));
        }
    }
    all
}

/// The paths of a route with a thing of the own house and one of party X, each with whose it is.
fn paths(route: &Route) -> Vec<(String, Option<&'static str>)> {
    let fill = |flood: &str, service: &str| {
        let path = route
            .path
            .replace("{token}", "none")
            .replace("{hash}", "0")
            .replace("{handle}", "none")
            .replace("{kind}", "packets");
        let path = path.replace("{page}", "syn-flood");
        let path = if path.contains("/static/") { path.replace("{name}", "console.css") } else { path };
        let id = if path.contains("floods") { flood } else { "999999" };
        path.replace("{id}", id).replace("{name}", service)
    };
    let own = fill(house::OWN_FLOOD, "www");
    if route.reach == Reach::Thing {
        vec![(own, Some("own")), (fill(house::PARTY_FLOOD, "party-x-www"), Some("party-x"))]
    } else {
        vec![(own, None)]
    }
}

/// What is right. `None`: let in, whatever comes of what was asked.
fn right(route: &Route, asker: &Asker, whose: Option<&str>) -> Option<u16> {
    let roles = match route.door {
        Door::Open => return None,
        Door::Signed => None,
        Door::Roles(roles) => Some(roles),
    };
    let role = match asker {
        Asker::Nobody => return Some(if route.look == Look::Page { 303 } else { 401 }),
        Asker::Person(_) if route.door == Door::Signed => return Some(403),
        Asker::Person(account) => account.role,
        Asker::Token(_, scope, ..) if route.scope != Some(*scope) => return Some(403),
        Asker::Token(account, ..) => account.role,
    };
    if roles.is_some_and(|roles| !roles.has(role))
        || (route.reach == Reach::House && asker.organisation().is_some())
    {
        return Some(403);
    }
    match (whose, asker.organisation()) {
        (Some(whose), Some(own)) if whose != own => Some(404),
        _ => None,
    }
}

fn ask(console: &Console, route: &Route, path: &str, asker: &Asker) -> Answer {
    match asker {
        Asker::Nobody if route.method == "GET" => console.get(path, None),
        Asker::Nobody => console.form(path, "", "a=b"),
        Asker::Token(.., text) => {
            let bearer = format!("Bearer {text}");
            let origin = format!("http://{}", console.address);
            console.ask(route.method, path, &[("Authorization", &bearer), ("Origin", &origin)], "{}")
        }
        Asker::Person(account) => {
            // A session for each: signing out is one of the routes.
            let session = console.session(account);
            if route.method == "GET" {
                console.get(path, Some(&session))
            } else {
                console.form_as(&session, path, &fields(path))
            }
        }
    }
}

/// The beginning of an answer that does not end: its head.
fn listen(console: &Console, path: &str, asker: &Asker) -> Answer {
    let proof = match asker {
        Asker::Nobody => String::new(),
        Asker::Token(.., text) => format!("Authorization: Bearer {text}"),
        Asker::Person(account) => format!("Cookie: __Host-session={}", console.session(account)),
    };
    let mut stream = console.connect();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\n{proof}\r\n\r\n", console.address).unwrap();
    let mut head = String::new();
    let mut lines = BufReader::new(stream);
    while !head.ends_with("\r\n\r\n") {
        assert!(lines.read_line(&mut head).unwrap() > 0, "{head}");
    }
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: String::new() }
}

/// What makes the forms complete whose answer depends on more than who asks.
fn fields(path: &str) -> String {
    if path.ends_with("/notes") { "note=seen".into() } else { String::new() }
}

#[test]
fn every_route_answers_every_role_as_the_table_says() {
    let console = Console::new();
    let askers = askers(&console);
    let (mut asked, mut wrong) = (0, Vec::new());
    for route in ROUTES {
        for asker in &askers {
            for (path, whose) in paths(route) {
                let right = right(route, asker, whose);
                let answer = if route.path == "/api/v1/events" && right.is_none() {
                    listen(&console, &path, asker)
                } else {
                    ask(&console, route, &path, asker)
                };
                asked += 1;
                let fine = match right {
                    Some(status) => answer.status == status,
                    // Let in: not sent away, and nothing of ours broke. Where a form was empty it may say so.
                    None if route.path == "/signin" => matches!(answer.status, 200 | 400),
                    // There is no provider here: `oidc.rs` asks these.
                    None if route.path.starts_with("/signin/oidc") => answer.status == 404,
                    None if route.method == "GET" && !route.path.contains("{token}") => answer.status == 200,
                    None => {
                        matches!(answer.status, 200 | 303 | 400 | 404)
                            && answer.field("location") != Some("/signin?next=/")
                    }
                };
                if !fine {
                    wrong.push(format!(
                        "{} {path} as {}: {} instead of {right:?}",
                        route.method,
                        asker.name(),
                        answer.status
                    ));
                }
            }
        }
    }
    assert!(asked > 1_000, "{asked}");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn lists_hold_nothing_of_others() {
    let console = Console::new();
    console.member("root", Role::Administrator, None);
    let (eve, _) = console.member("eve", Role::DataProtection, Some("party-x"));
    let session = console.session(&eve);
    for path in [
        "/",
        "/floods",
        "/institution",
        "/api/v1/now",
        "/api/v1/services",
        "/api/v1/floods",
        "/api/v1/sensors",
        "/api/v1/entries",
        "/data-protection",
    ] {
        let answer = console.get(path, Some(&session));
        assert_eq!(answer.status, 200, "{path}");
        for foreign in [
            "petitions",
            "voting",
            house::OWN_FLOOD,
            "01J9EXAMPLE0SURGE0STREAM",
            "mirror-core",
            "party-y-www",
            "Provider A called",
            "p-7kq2m9",
        ] {
            assert!(!answer.body.contains(foreign), "{path} shows {foreign}");
        }
    }
    assert!(console.get("/", Some(&session)).body.contains("party-x-www"), "its own is there");
    assert!(console.get("/api/v1/floods", Some(&session)).body.contains(house::PARTY_FLOOD));
}

#[test]
fn what_is_not_there_needs_a_session_too() {
    let console = Console::new();
    let answer = console.get("/no/such/place", None);
    assert_eq!((answer.status, answer.field("location")), (303, Some("/signin?next=/no/such/place")));
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let session = console.session(&ada);
    assert_eq!(console.get("/no/such/place", Some(&session)).status, 404);
    assert_eq!(
        console
            .ask("DELETE", "/api/v1/floods", &[("Cookie", &format!("__Host-session={session}"))], "")
            .status,
        405,
        "another method is nobody's"
    );
}

#[test]
fn a_form_from_elsewhere_or_without_its_word_is_refused() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Analyst, None);
    let session = console.session(&ada);
    let cookie = format!("__Host-session={session}");
    let csrf =
        console.get("/settings", Some(&session)).between("name=\"csrf\" value=\"", "\"").unwrap().to_owned();
    let path = format!("/floods/{}/notes", house::OWN_FLOOD);
    let before = console.memory.written().len();
    let body = format!("csrf={csrf}&note=x");
    let kind = ("Content-Type", "application/x-www-form-urlencoded");
    for origin in ["http://evil.example", "null", "https://127.0.0.1"] {
        assert_eq!(
            console.ask("POST", &path, &[("Origin", origin), ("Cookie", &cookie), kind], &body).status,
            403,
            "{origin}"
        );
    }
    assert_eq!(console.ask("POST", &path, &[("Cookie", &cookie), kind], &body).status, 403, "no origin");
    for word in ["", "csrf=&", "csrf=00&"] {
        assert_eq!(console.form(&path, &cookie, &format!("{word}note=x")).status, 403, "{word}");
    }
    let other = console.session(&ada);
    let foreign =
        console.get("/settings", Some(&other)).between("name=\"csrf\" value=\"", "\"").unwrap().to_owned();
    assert_eq!(
        console.form(&path, &cookie, &format!("csrf={foreign}&note=x")).status,
        403,
        "another session's word"
    );
    assert_eq!(console.memory.written().len(), before);
    assert_eq!(console.form(&path, &cookie, &body).status, 303);
    assert_eq!(console.memory.written().len(), before + 1);
}
