//! From the first start to signing in and out again, over HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use client::{Console, PASSWORD};
use console::people::{Role, code_at};

/// Base 32 back to bytes.
fn unbase32(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for letter in text.chars().filter(|letter| !letter.is_whitespace()) {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        bits = bits << 5 | u32::try_from(value).unwrap();
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    bytes
}

#[test]
fn the_first_start_leads_to_the_first_administrator() {
    let console = Console::new();
    let link = console.handle.first_link().unwrap().to_owned();
    assert_eq!(console.get("/", None).field("location"), Some("/signin"));
    let page = console.get(&link, None);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("class=\"qr\""));
    let secret = unbase32(page.between("<code class=\"secret\">", "</code>").unwrap());
    let code = code_at(&secret, console.now());
    let form = |again: &str, code: &str| {
        format!("name=ada&password=correct+horse+battery&again={again}&code={code}")
    };
    assert!(console.form(&link, "", &form("other", &code)).body.contains("differ"));
    assert!(console.form(&link, "", &form("correct+horse+battery", "000000")).body.contains("clock"));
    assert!(
        console.form(&link, "", "name=ada&password=short&again=short&code=1").body.contains("12 characters")
    );
    let done = console.form(&link, "", &form("correct+horse+battery", &code));
    assert_eq!(done.status, 200);
    assert_eq!(done.body.matches("<li><code>").count(), 10, "recovery codes");
    let session = done.cookie("__Host-session").unwrap();
    for cookie in done.head.lines().filter(|line| line.starts_with("set-cookie")) {
        assert!(cookie.contains("; Path=/; Secure; HttpOnly; SameSite=Strict"), "{cookie}");
    }
    assert!(console.get("/settings", Some(&session)).body.contains("id=\"people\""));
    assert_eq!(console.get(&link, None).status, 404, "a link is good once");
    assert_eq!(console.form(&link, "", &form("correct+horse+battery", &code)).status, 404);
    assert!(!done.body.contains(&link));
}

#[test]
fn signing_in_takes_password_and_code_and_signing_out_ends_it() {
    let console = Console::new();
    let (_, secret) = console.member("ada", Role::Viewer, None);
    let code = code_at(&secret, console.now());
    let form = |password: &str, code: &str| format!("name=ada&password={password}&code={code}&next=/floods");
    assert_eq!(console.form("/signin", "", &form("wrong+password", &code)).status, 401);
    assert_eq!(console.form("/signin", "", &form("correct+horse+battery", "000000")).status, 401);
    let done = console.form("/signin", "", &form("correct+horse+battery", &code));
    assert_eq!((done.status, done.field("location")), (303, Some("/floods")));
    let session = done.cookie("__Host-session").unwrap();
    assert_eq!(console.get("/floods", Some(&session)).status, 200);
    assert_eq!(
        console.form("/signin", "", &form("correct+horse+battery", &code)).status,
        401,
        "a code is good once"
    );
    assert_eq!(console.form_as(&session, "/signout", "").field("location"), Some("/signin"));
    assert_eq!(console.get("/floods", Some(&session)).status, 303, "signed out");
    let written: Vec<String> = console
        .memory
        .written()
        .iter()
        .filter(|entry| entry.kind == "signed_in")
        .filter_map(|entry| entry.body.clone())
        .collect();
    assert_eq!(written.iter().filter(|body| body.contains("refused")).count(), 3);
    assert!(
        written.iter().all(|body| !body.contains("battery") && !body.contains(&code)),
        "no secret is written down"
    );
}

#[test]
fn a_session_ends_by_itself() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let session = console.session(&ada);
    console.later(12 * 3_600 - 1);
    assert_eq!(console.get("/", Some(&session)).status, 200);
    console.later(12 * 3_600);
    assert_eq!(console.get("/", Some(&session)).status, 303);
}

/// Issue 5: throttling must not be a way to keep the duty officer out.
#[test]
fn a_thousand_guesses_do_not_keep_the_duty_officer_out() {
    let console = Console::new();
    let (_, secret) = console.member("duty", Role::Operator, None);
    let typed = |code: &str| format!("name=duty&password=correct+horse+battery&code={code}");
    let first = console.form("/signin", "", &typed(&code_at(&secret, console.now())));
    let device = first.cookie("__Host-device").unwrap();
    let mut delayed = 0;
    for _ in 0..60 {
        let answer = console.form("/signin", "", "name=duty&password=guess&code=123456");
        delayed += usize::from(answer.status == 429);
        if answer.status == 429 {
            assert!(answer.field("retry-after").is_some());
        }
    }
    assert_eq!(delayed, 50, "ten tries, then waiting");
    console.later(1);
    let code = code_at(&secret, console.now() + 30);
    assert_eq!(console.form("/signin", "", &typed(&code)).status, 429, "a stranger's address has to wait");
    let known = console.form("/signin", &format!("__Host-device={device}"), &typed(&code));
    assert_eq!(known.status, 303, "the known device of the same address has not");
}

#[test]
fn a_broken_disk_keeps_nobody_out_and_says_so() {
    let console = Console::new();
    let (_, secret) = console.member("ada", Role::Analyst, None);
    console.memory.broken.store(true, std::sync::atomic::Ordering::Relaxed);
    let typed = format!("name=ada&password=correct+horse+battery&code={}", code_at(&secret, console.now()));
    let done = console.form("/signin", "", &typed);
    let session = done.cookie("__Host-session").unwrap();
    assert_eq!(console.get("/", Some(&session)).status, 200, "now needs no record");
    assert_eq!(console.get("/settings", Some(&session)).status, 200);
    assert_eq!(console.get("/floods", Some(&session)).status, 503);
    let answer = console.get("/api/v1/floods", Some(&session));
    assert_eq!((answer.status, answer.field("content-type")), (503, Some("application/problem+json")));
    let path = format!("/floods/{}/notes", house::OWN_FLOOD);
    assert_eq!(
        console.form_as(&session, &path, "note=x").status,
        503,
        "a note that is not kept was not taken"
    );
    let opened =
        console.form_as(&session, "/data-protection/open", "code=p-7kq2m9&purpose=to+ask+the+provider");
    assert_eq!(opened.status, 503);
    assert!(!opened.body.contains("198.51.100.77"), "no address without an entry");
    assert!(console.handle.figures().contains("hemicycle_console_journal_failures_total 1"));
}

#[test]
fn an_administrator_brings_people_in_and_locks_them_out() {
    let console = Console::new();
    let (root, _) = console.member("root", Role::Administrator, None);
    let session = console.session(&root);
    let page = console.form_as(&session, "/settings/people", "name=bob&role=viewer&organisation=party-x");
    let link = page.between("<code>/welcome/", "</code>").unwrap().to_owned();
    let secret = console.people.link(&link).unwrap().unwrap().secret;
    let (bob, _) =
        console.people.follow_link(&link, "bob", PASSWORD, &code_at(&secret, console.now())).unwrap();
    assert_eq!(bob.organisation.as_deref(), Some("party-x"));
    let his = console.session(&bob);
    assert_eq!(console.get("/", Some(&his)).status, 200);
    assert_eq!(console.form_as(&session, "/settings/people", "name=eve&role=king").status, 400);
    assert_eq!(
        console.form_as(&session, "/settings/people", "name=eve&role=viewer&organisation=nobody").status,
        400
    );
    let closed = console.form_as(
        &session,
        &format!("/settings/people/{}", bob.id),
        "role=viewer&organisation=party-x&closed=1",
    );
    assert_eq!(closed.status, 303);
    assert_eq!(console.get("/", Some(&his)).status, 303, "closed at once");
    let last = console.form_as(&session, &format!("/settings/people/{}", root.id), "role=viewer");
    assert_eq!(last.status, 400);
    assert!(last.body.contains("last local administrator"));
}
