//! Webhooks and chats against receivers that are slow, down, rude or hostile; loopback only.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, io::Write};

use common::{Answer, KEY, NOW, PATIENCE, Request, Web, certificate, notice, open, status, until, webhook};
use notify::{
    ChannelKind, ChannelOptions, ChatOptions, DamperOptions, Dead, Phase, RetryOptions, Rule, Secret,
    Severity, TestError,
};
use ring::hmac;

/// As a receiver does it.
fn is_signed(request: &Request) -> bool {
    let signed = [request.field("Hemicycle-Timestamp").as_bytes(), b".", &request.body].concat();
    let digits = request.field("Hemicycle-Signature").strip_prefix("v1=").unwrap();
    let tag: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()).collect();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes()), &signed, &tag).is_ok()
}

fn with_url(options: ChannelOptions, url: String, ca_file: Option<PathBuf>) -> ChannelOptions {
    let ChannelKind::Webhook(mut webhook) = options.kind else { panic!() };
    webhook.url = Secret::Value(url);
    webhook.ca_file = ca_file;
    ChannelOptions { kind: ChannelKind::Webhook(webhook), ..options }
}

#[test]
fn a_webhook_is_signed_and_says_what_happened() {
    let web = Web::new(vec![status(204)]);
    let notifier = open(&[webhook(web.address)]);
    assert_eq!(notifier.notify(notice("a", Phase::Start)), 1);
    let request = web.next();
    assert_eq!(request.line, "POST /hook/token-in-path HTTP/1.1");
    assert!(is_signed(&request));
    assert_eq!(request.field("Hemicycle-Timestamp"), "1795795200");
    let json = request.json();
    assert_eq!(json["id"], request.field("Hemicycle-Delivery"));
    assert_eq!((&json["kind"], &json["severity"]), (&"notice".into(), &"critical".into()));
    assert_eq!(json["notices"][0]["subject"], "a");
    assert_eq!(json["notices"][0]["body"]["packets_per_second"], 210_000);
    let state = until(&notifier, |state| state.sent == 1);
    assert_eq!((state.failed, state.last_success, state.dead), (0, Some(NOW), None));
    assert!(notifier.stop(PATIENCE));
}

#[test]
fn the_code_in_the_documentation_verifies_a_webhook() {
    let name = "the_code_in_the_documentation_verifies_a_webhook";
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/notifications.md");
    let page = fs::read_to_string(page).unwrap();
    let code = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let web = Web::new(vec![status(204)]);
    let notifier = open(&[webhook(web.address)]);
    notifier.notify(notice("a", Phase::Start));
    let request = web.next();
    let script = format!(
        "{code}\nimport sys\nbody = sys.stdin.buffer.read()\nfields = {:?}\nimport ast\n\
         fields = dict(ast.literal_eval(fields))\nkey = {KEY:?}.encode()\n\
         print(verify(key, fields, body, now=1795795201), verify(key, fields, body + b' ', now=1795795201), \
         verify(key, fields, body, now=1795799999))",
        format!("{:?}", request.fields.iter().map(|(a, b)| vec![a, b]).collect::<Vec<_>>()),
    );
    let python =
        Command::new("python3").args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        println!("skipped: {name}: python3 is not installed");
        return;
    };
    python.stdin.take().unwrap().write_all(&request.body).unwrap();
    let output = python.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "True False False");
}

#[test]
fn tls_is_believed_only_with_the_right_authority() {
    let (file, tls) = certificate("webhook_right");
    let (other, _) = certificate("webhook_wrong");
    let web = Web::on(TcpListener::bind("127.0.0.1:0").unwrap(), vec![status(200)], Some(tls));
    let url = format!("https://localhost:{}/hook", web.address.port());
    let right = open(&[with_url(webhook(web.address), url.clone(), Some(file))]);
    assert!(right.test("channel").is_ok());
    assert!(is_signed(&web.next()));
    let wrong = open(&[with_url(webhook(web.address), url, Some(other))]);
    let TestError::Failed(why) = wrong.test("channel").unwrap_err() else { panic!() };
    assert!(why.starts_with("TLS: invalid peer certificate"), "{why}");
    assert!(web.is_idle());
}

#[test]
fn a_receiver_that_was_down_gets_it_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let notifier = open(&[webhook(address)]);
    notifier.notify(notice("a", Phase::Start));
    let state = until(&notifier, |state| state.failed >= 4);
    assert_eq!((state.dead, state.queued), (Some(Dead::Failures), 1));
    assert!(state.last_error.unwrap().starts_with("cannot connect"));
    // What happens meanwhile is put together.
    notifier.notify(notice("a", Phase::Update));
    notifier.notify(notice("a", Phase::End));
    let web = Web::on(TcpListener::bind(address).unwrap(), vec![status(200)], None);
    assert_eq!(web.next().json()["notices"][0]["phase"], "start");
    let end = web.next().json();
    assert_eq!(end["notices"][0]["covers"], serde_json::json!({"starts": 0, "updates": 1, "ends": 1}));
    let state = until(&notifier, |state| state.sent == 2);
    assert_eq!((state.queued, state.dropped, state.dead, state.last_error), (0, 0, None, None));
    assert!(state.retried >= 4 && web.is_idle());
}

#[test]
fn what_may_pass_is_tried_again_with_the_same_id() {
    let busy = Answer::Text("HTTP/1.1 429 x\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n".into());
    let web = Web::new(vec![
        status(500),
        busy,
        Answer::Text(String::new()),
        Answer::Text("hello\r\n\r\n".into()),
        status(200),
    ]);
    let notifier = open(&[webhook(web.address)]);
    notifier.notify(notice("a", Phase::Start));
    let first = web.next();
    web.next();
    let answered = Instant::now();
    let third = web.next();
    assert!(answered.elapsed() >= Duration::from_millis(900), "it asked for a second");
    let last = [web.next(), web.next()];
    for later in [&third].into_iter().chain(&last) {
        assert_eq!(later.field("Hemicycle-Delivery"), first.field("Hemicycle-Delivery"));
        assert_eq!(later.body, first.body);
    }
    let state = until(&notifier, |state| state.sent == 1);
    assert_eq!((state.failed, state.retried, state.refused), (4, 4, 0));
}

#[test]
fn a_refusal_is_final_and_the_next_message_says_what_is_missing() {
    let elsewhere = Web::new(vec![status(200)]);
    let redirect =
        format!("HTTP/1.1 307 x\r\nLocation: http://{}/\r\nContent-Length: 0\r\n\r\n", elsewhere.address);
    let web = Web::new(vec![status(400), Answer::Text(redirect), status(200)]);
    let notifier = open(&[webhook(web.address)]);
    for (number, subject) in ["a", "b"].into_iter().enumerate() {
        notifier.notify(notice(subject, Phase::Start));
        // It leaves the queue a moment after it was refused.
        let state = until(&notifier, |state| state.refused == number as u64 + 1 && state.queued == 0);
        assert_eq!((state.retried, state.dropped, state.queued), (0, number as u64 + 1, 0));
    }
    notifier.notify(notice("c", Phase::Start));
    let requests = [web.next(), web.next(), web.next()];
    assert_eq!(requests[2].json()["lost"], 2);
    assert!(web.is_idle() && elsewhere.is_idle());
    let state = until(&notifier, |state| state.sent == 1);
    assert_eq!(state.failures_in_row, 0);
}

#[test]
fn silence_and_endless_answers_end_with_the_deadline() {
    let web = Web::new(vec![Answer::Silence, Answer::Endless, status(200)]);
    let notifier = open(&[ChannelOptions { timeout_milliseconds: 500, ..webhook(web.address) }]);
    let started = Instant::now();
    notifier.notify(notice("a", Phase::Start));
    let error = until(&notifier, |state| state.failed == 1).last_error.unwrap();
    assert_eq!(error, "no answer: it took too long");
    assert!(started.elapsed() >= Duration::from_millis(500));
    let state = until(&notifier, |state| state.sent == 1);
    assert_eq!((state.failed, state.retried), (2, 2));
}

#[test]
fn who_hands_over_never_waits() {
    let web = Web::new(vec![Answer::Silence]);
    let options = ChannelOptions { queue: 4, timeout_milliseconds: 20_000, ..webhook(web.address) };
    let notifier = open(&[options]);
    notifier.notify(notice("a", Phase::Start));
    web.next();
    let started = Instant::now();
    let taken: usize =
        (0..10_000).map(|number| notifier.notify(notice(&number.to_string(), Phase::Start))).sum();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let state = notifier.states().remove(0);
    assert_eq!((taken, state.dropped), (4, 9_996));
    assert_eq!(state.queued, 5);
    assert!(!notifier.stop(Duration::from_millis(50)), "it is still at it, and is not waited for");
}

#[test]
fn foreign_addresses_stay_here() {
    let web = Web::new(vec![status(200)]);
    let notifier = open(&[webhook(web.address)]);
    let mut told = notice("a", Phase::Start);
    told.title = "198.51.100.7 floods 192.0.2.10\r\nX-Evil: 1".into();
    told.text = "from 2001:db8::7".into();
    told.body = serde_json::json!({"sources": {"top": [{"address": "203.0.113.9"}]}});
    notifier.notify(told);
    let text = String::from_utf8(web.next().body).unwrap();
    for foreign in ["198.51.100.7", "2001:db8::7", "203.0.113.9"] {
        assert!(!text.contains(foreign), "{text}");
    }
    assert!(text.contains("[address] floods 192.0.2.10  X-Evil"), "{text}");
    assert_eq!(until(&notifier, |state| state.sent == 1).masked, 3);
    notifier.declare(vec!["198.51.100.0/24".parse().unwrap()]);
    let mut own = notice("b", Phase::Start);
    own.text = "198.51.100.7 192.0.2.10".into();
    notifier.notify(own);
    assert_eq!(web.next().json()["notices"][0]["text"], "198.51.100.7 [address]");
}

#[test]
fn what_has_begun_to_be_told_is_told_to_its_end() {
    let web = Web::new(vec![status(200)]);
    let rule = Rule { least: Severity::Critical, organisations: vec!["own".into()], ..Rule::default() };
    let notifier = open(&[ChannelOptions { rule, ..webhook(web.address) }]);
    let mut other = notice("other", Phase::Start);
    other.organisations.push("party-x".into());
    notifier.notify(other);
    let mut mild = notice("mild", Phase::Start);
    mild.severity = Severity::Info;
    notifier.notify(mild.clone());
    notifier.notify(notice("a", Phase::Start));
    assert_eq!(web.next().json()["notices"][0]["subject"], "a");
    notifier.notify(notify::Notice { subject: "a".into(), phase: Phase::End, ..mild });
    assert_eq!(web.next().json()["notices"][0]["phase"], "end");
    assert_eq!(until(&notifier, |state| state.sent == 2).filtered, 2);
}

#[test]
fn a_test_says_what_became_of_it_and_no_secret() {
    let web = Web::new(vec![status(403)]);
    let notifier = open(&[ChannelOptions { dead_failures: 1, ..webhook(web.address) }]);
    assert_eq!(notifier.test("nobody"), Err(TestError::Unknown));
    assert_eq!(notifier.test("channel"), Err(TestError::Failed("the receiver answered 403".into())));
    assert_eq!(notifier.test("channel"), Err(TestError::TooSoon));
    assert_eq!(web.next().json()["kind"], "test");
    let state = notifier.states().remove(0);
    assert_eq!((state.tests, state.dead), (1, Some(Dead::Failures)));
    let shown = format!("{state:?} {notifier:?} {:?}", webhook(web.address));
    assert!(!shown.contains("token-in-path") && !shown.contains(KEY), "{shown}");
}

#[test]
fn a_test_that_gets_through_wakes_what_waits() {
    let web = Web::new(vec![status(500), status(200)]);
    let retry =
        RetryOptions { first_milliseconds: 600_000, longest_seconds: 3_600, ..RetryOptions::default() };
    let notifier = open(&[ChannelOptions { retry, ..webhook(web.address) }]);
    notifier.notify(notice("a", Phase::Start));
    until(&notifier, |state| state.failed == 1);
    notifier.test("channel").unwrap();
    assert_eq!(until(&notifier, |state| state.sent == 1).queued, 0);
}

#[test]
fn a_message_is_given_up_by_attempts_and_a_stop_tells_what_waits() {
    let web = Web::new(vec![status(500), status(500), status(200)]);
    let retry = RetryOptions { attempts: 2, first_milliseconds: 10, ..RetryOptions::default() };
    let damper = DamperOptions { burst: 2, digest_seconds: 300, ..DamperOptions::default() };
    let notifier = open(&[ChannelOptions { retry, damper, ..webhook(web.address) }]);
    notifier.notify(notice("a", Phase::Start));
    let state = until(&notifier, |state| state.given_up == 1);
    assert_eq!((state.dropped, state.queued, state.sent), (1, 0, 0));
    notifier.notify(notice("b", Phase::Start));
    notifier.notify(notice("c", Phase::Start));
    until(&notifier, |state| state.damper.taken.total() == 3);
    assert!(notifier.stop(PATIENCE));
    let requests = [web.next(), web.next(), web.next()];
    let last = requests[2].json();
    assert_eq!((&last["kind"], &last["lost"]), (&"digest".into(), &1.into()));
    assert_eq!(last["notices"].as_array().unwrap().len(), 2);
}

#[test]
fn a_chat_gets_its_shape() {
    let web = Web::new(vec![status(200)]);
    let url = Secret::Value(format!("http://{}/hooks/x", web.address));
    let chat = ChatOptions { url, ca_file: None, allow_plain: false };
    let notifier = open(&[common::hasty(ChannelKind::Chat(chat))]);
    let mut told = notice("a", Phase::Start);
    told.title = "@channel <!everyone>".into();
    notifier.notify(told);
    let json = web.next().json();
    assert_eq!(json["text"], "critical: @\u{200b}channel &lt;!\u{200b}everyone&gt;");
    assert_eq!(json["attachments"][0]["color"], "#c62828");
    assert!(json["attachments"][0]["text"].as_str().unwrap().contains("Services: www"));
}

#[test]
fn wrong_options_are_all_named() {
    let mut options = webhook("127.0.0.1:1".parse().unwrap());
    options = with_url(options, "http://192.0.2.1/".into(), None);
    options.damper.burst = 1;
    options.timeout_milliseconds = 0;
    let named: Vec<&str> = options.validate().iter().map(|problem| problem.option).collect();
    assert_eq!(named, ["timeout_milliseconds", "burst", "url"]);
    let surroundings = notify::Surroundings { clock: std::sync::Arc::new(|| 0), own: vec![], seed: 0 };
    assert!(notify::Notifier::open(&[options], &surroundings).is_err());
    let fit = webhook("127.0.0.1:1".parse().unwrap());
    let twice = notify::Notifier::open(&[fit.clone(), fit], &surroundings).unwrap_err();
    assert_eq!(twice.to_string(), "two channels are called \"channel\"");
}
