//! The stream of events, webhooks, TLS, and what every page has.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use client::{Console, SECRET, answer};
use console::people::{Account, Role, Scope};
use console::{Look, ROUTES, Tls};
use ring::hmac;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

fn listen(console: &Console, account: &Account, last: Option<u64>) -> (String, BufReader<TcpStream>) {
    let session = console.session(account);
    let last = last.map(|number| format!("Last-Event-ID: {number}\r\n")).unwrap_or_default();
    let mut stream = console.connect();
    let request =
        format!("GET /api/v1/events HTTP/1.1\r\nHost: x\r\n{last}Cookie: __Host-session={session}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    // Up to the first line of the stream, so that the reader listens from here on.
    until(&mut reader, "retry: ");
    (session, reader)
}

/// The next line that begins so; empty at the end.
fn until(reader: &mut BufReader<TcpStream>, start: &str) -> String {
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap_or(0) > 0 {
        if line.starts_with(start) {
            return line.trim_end().to_owned();
        }
        line.clear();
    }
    String::new()
}

#[test]
fn everybody_hears_what_is_theirs_and_nobody_hears_more() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let (eve, _) = console.member("eve", Role::Viewer, Some("party-x"));
    let (_, mut house) = listen(&console, &ada, None);
    let (_, mut party) = listen(&console, &eve, None);
    console.live.publish("flood", &["own".to_owned()], "{\"n\":1}");
    console.live.publish("sign", &[], "{\"n\":2}");
    console.live.publish("flood", &["own".to_owned(), "party-x".to_owned()], "{\"n\":\n3}");
    assert_eq!(until(&mut party, "data: "), "data: {\"n\": 3}", "and one event stays one");
    assert_eq!(until(&mut house, "event: "), "event: flood");
    assert_eq!(until(&mut house, "data: "), "data: {\"n\":1}");
    assert_eq!(until(&mut house, "data: "), "data: {\"n\":2}");
    let (_, mut again) = listen(&console, &eve, Some(0));
    assert_eq!(until(&mut again, "id: "), "id: 3", "what was missed comes, but for what is not theirs");
}

#[test]
fn who_is_signed_out_stops_listening() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let (session, mut reader) = listen(&console, &ada, None);
    let handle = console.people.session(&session).unwrap().unwrap().1.handle;
    assert!(console.people.end_session(ada.id, &handle).unwrap());
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ended");
}

#[test]
fn a_reader_that_is_too_slow_is_dropped_and_counted() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let (_, _reader) = listen(&console, &ada, None);
    let line = format!("{{\"text\":\"{}\"}}", "x".repeat(200_000));
    let dropped = |console: &Console| console.handle.figures().contains("event_readers_dropped_total 1\n");
    let begun = std::time::Instant::now();
    // It takes nothing: sockets fill, then it falls behind what is kept. Nobody who publishes waits.
    while !dropped(&console) && begun.elapsed().as_secs() < 20 {
        for _ in 0..2 * console::live::KEPT_LINES {
            console.live.publish("flood", &["own".to_owned()], &line);
        }
        // It is noticed when its connection moves again.
        let mut some = vec![0; 4 << 20];
        let _ = _reader.get_ref().read(&mut some);
    }
    assert!(dropped(&console));
}

fn signature(time: i64, body: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), format!("{time}.{body}").as_bytes());
    let digits: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={time},v1={digits}")
}

#[test]
fn webhooks_are_signed_and_taken_once() {
    let console = Console::new();
    let body = r#"{"ip":"192.0.2.10","action":"ban","attack_details":{"attack_type":"syn_flood","total_incoming_pps":5}}"#;
    let path = "/api/v1/webhooks/fastnetmon";
    let send =
        |signature: &str| console.ask("POST", path, &[("Hemicycle-Signature", signature)], body).status;
    let good = signature(console.now(), body);
    assert_eq!(send(""), 401);
    assert_eq!(send(&signature(console.now() - 301, body)), 401, "old");
    assert_eq!(send(&good), 200);
    assert_eq!(send(&good), 401, "replayed");
    assert_eq!(console.told.lock().unwrap().len(), 1);
    let (ada, _) = console.member("ada", Role::Operator, None);
    let token = console.people.create_token(&ada, "prometheus", &[Scope::Webhook], None, 1).unwrap();
    let alerts = r#"{"alerts":[{"status":"firing","labels":{"service":"www"}}]}"#;
    let bearer = format!("Bearer {token}");
    let answer = console.ask("POST", "/api/v1/webhooks/alertmanager", &[("Authorization", &bearer)], alerts);
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"taken":1,"refused":0}"#));
    assert_eq!(console.told.lock().unwrap()[1].told_by, "prometheus");
    for broken in ["", "[]", "{\"alerts\":5}", "nonsense"] {
        assert_eq!(
            console
                .ask("POST", "/api/v1/webhooks/alertmanager", &[("Authorization", &bearer)], broken)
                .status,
            400
        );
    }
}

#[test]
fn the_own_certificate_protects_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_path_buf();
    let console =
        Console::with(|options| (options.tls, options.folder) = (Tls::Own { names: Vec::new() }, place));
    assert_eq!(console.handle.fingerprint().unwrap().len(), 95);
    let certificate = CertificateDer::from_pem_file(folder.path().join("console-certificate.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let mut client =
        rustls::ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let mut socket = console.connect();
    let mut stream = rustls::Stream::new(&mut client, &mut socket);
    stream.write_all(b"GET /signin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("strict-transport-security"));
    let mut plain = console.connect();
    plain.write_all(b"GET /signin HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_ne!(answer(&mut plain).status, 200);
}

#[test]
fn no_page_has_anything_inline_or_from_elsewhere() {
    let console = Console::new();
    let (root, _) = console.member("root", Role::Administrator, None);
    let session = console.session(&root);
    let mut seen = 0;
    for route in ROUTES.iter().filter(|route| route.method == "GET" && route.look == Look::Page) {
        let path = route.path.replace("{id}", house::OWN_FLOOD).replace("{token}", "none");
        let answer = console.get(&path, Some(&session));
        seen += 1;
        let policy = answer.field("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("x-frame-options"), Some("DENY"));
        for bad in
            ["style=", "<style", "onclick", "javascript:", "src=\"http", "href=\"http", "<script>", "@import"]
        {
            assert!(!answer.body.contains(bad), "{path} has {bad}");
        }
        assert_eq!(
            answer.body.matches("<script").count(),
            answer.body.matches("<script defer src=\"/static/").count(),
            "{path}"
        );
        assert!(
            answer.body.contains("<html lang=\"en\"") && answer.body.contains("<main id=\"content\""),
            "{path}"
        );
        assert_eq!(answer.body.matches("<h1").count(), 1, "{path} has one heading");
    }
    assert!(seen > 8);
    let style = console.get("/static/0/console.css", None);
    assert!(!style.body.contains("url(") && !style.body.contains("@import"));
    assert!(style.field("cache-control").unwrap().contains("immutable"));
}

#[test]
fn stopping_is_quick_and_ends_streams() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Viewer, None);
    let (_, mut reader) = listen(&console, &ada, None);
    let begun = std::time::Instant::now();
    console.handle.stop();
    let mut rest = Vec::new();
    let _ = reader.read_to_end(&mut rest);
    assert!(begun.elapsed().as_secs() < 3, "{:?}", begun.elapsed());
}

#[test]
fn what_people_do_is_written_down_before_it_counts() {
    let console = Console::new();
    let (ada, _) = console.member("ada", Role::Analyst, None);
    let session = console.session(&ada);
    let page = console.form_as(&session, "/data-protection/open", "code=p-7kq2m9&purpose=short");
    assert_eq!(page.status, 400, "a purpose is needed");
    let page =
        console.form_as(&session, "/data-protection/open", "code=p-7kq2m9&purpose=to+ask+the+provider");
    assert!(page.body.contains("198.51.100.77"));
    let entry = console.memory.written().pop().unwrap();
    assert_eq!(
        (entry.kind.as_str(), entry.actor.as_str(), entry.subject.as_str()),
        ("opened", "person:ada", "p-7kq2m9")
    );
    assert!(entry.body.unwrap().contains("to ask the provider"));
    let (officer, _) = console.member("officer", Role::DataProtection, None);
    let seen = console.get("/data-protection", Some(&console.session(&officer)));
    assert!(seen.body.contains("to ask the provider") && seen.body.contains(">ada<"));
    assert!(
        !seen.body.contains("action=\"/data-protection/open\""),
        "the officer sees who looked, and opens nothing"
    );
}
