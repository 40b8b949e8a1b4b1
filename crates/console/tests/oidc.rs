//! Signing in by a provider, against a small one that can be told to lie.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod client;
mod house;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use client::{Answer, Console};
use console::people::{Role, Scope};
use console::{Options, Provider, Rule};
use ring::digest;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a token is made of; a lie changes it before it is signed.
#[derive(Clone)]
struct Draft {
    header: Value,
    claims: Value,
    /// Signed by a key that the provider does not publish.
    by_stranger: bool,
    without_signature: bool,
}

type Lie = Arc<dyn Fn(&mut Draft) + Send + Sync>;

struct State {
    keys: Vec<(String, EcdsaKeyPair)>,
    stranger: EcdsaKeyPair,
    lie: Lie,
    /// Codes with challenge and nonce. A good provider takes each once; this one does not, so that we have to.
    codes: BTreeMap<String, (String, String)>,
    claims: Value,
    now: i64,
    /// Paths that were asked for.
    asked: Vec<String>,
    /// Whether it answers everything with an error.
    broken: bool,
}

#[derive(Clone)]
struct Idp {
    issuer: String,
    state: Arc<Mutex<State>>,
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

impl Idp {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            keys: vec![("one".into(), key())],
            stranger: key(),
            lie: Arc::new(|_| {}),
            codes: BTreeMap::new(),
            claims: json!({"sub": "248289761001", "preferred_username": "anna", "groups": ["staff", "soc"]}),
            now: 1_790_000_000,
            asked: Vec::new(),
            broken: false,
        };
        let idp = Self { issuer, state: Arc::new(Mutex::new(state)) };
        let running = idp.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                running.answer(&stream);
            }
        });
        idp
    }

    fn lies(&self, lie: impl Fn(&mut Draft) + Send + Sync + 'static) {
        self.state.lock().unwrap().lie = Arc::new(lie);
    }

    /// What the browser does there: somebody signs in and is sent back with a code.
    fn authorise(&self, place: &str) -> (String, String) {
        let query = place.split_once('?').unwrap().1;
        let fields: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        assert_eq!((fields["response_type"], fields["client_id"]), ("code", "hemicycle"));
        assert_eq!(fields["code_challenge_method"], "S256");
        assert!(fields["scope"].starts_with("openid"));
        let mut state = self.state.lock().unwrap();
        let code = format!("code-{}", state.codes.len());
        state.codes.insert(code.clone(), (fields["code_challenge"].into(), fields["nonce"].into()));
        (fields["state"].to_owned(), code)
    }

    fn answer(&self, mut stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let path = line.split(' ').nth(1)?.to_owned();
        let (mut length, mut authorization) = (0, String::new());
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "content-length" => length = value.parse().ok()?,
                "authorization" => authorization = value.to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (status, said) = self.says(&path, &authorization, &String::from_utf8_lossy(&body));
        let text = said.to_string();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        stream.write_all(format!("{head}{text}").as_bytes()).ok()
    }

    fn says(&self, path: &str, authorization: &str, body: &str) -> (&'static str, Value) {
        let mut state = self.state.lock().unwrap();
        state.asked.push(path.to_owned());
        if state.broken {
            return ("500 Internal Server Error", json!({}));
        }
        let issuer = &self.issuer;
        match path {
            "/.well-known/openid-configuration" => (
                "200 OK",
                json!({
                    "issuer": issuer,
                    "authorization_endpoint": format!("{issuer}/authorise"),
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/keys"),
                }),
            ),
            "/keys" => {
                let keys = state.keys.iter().map(|(id, key)| {
                    let point = key.public_key().as_ref();
                    json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "alg": "ES256",
                        "x": base64url(&point[1..33]), "y": base64url(&point[33..])})
                });
                ("200 OK", json!({"keys": keys.collect::<Vec<_>>()}))
            }
            "/token" => state.token(issuer, authorization, body),
            _ => ("404 Not Found", json!({})),
        }
    }
}

impl State {
    fn token(&self, issuer: &str, authorization: &str, body: &str) -> (&'static str, Value) {
        // hemicycle:s%2Bcret, as RFC 6749 section 2.3.1 has it.
        if authorization != "Basic aGVtaWN5Y2xlOnMlMkJjcmV0" {
            return ("401 Unauthorized", json!({"error": "invalid_client"}));
        }
        let fields: BTreeMap<&str, &str> = body.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let Some((challenge, nonce)) = self.codes.get(fields["code"]) else {
            return ("400 Bad Request", json!({"error": "invalid_grant"}));
        };
        let verifier = digest::digest(&digest::SHA256, fields["code_verifier"].as_bytes());
        if base64url(verifier.as_ref()) != *challenge {
            return ("400 Bad Request", json!({"error": "invalid_grant"}));
        }
        let (id, newest) = self.keys.last().unwrap();
        let mut claims = self.claims.clone();
        let more = json!({"iss": issuer, "aud": "hemicycle", "nonce": nonce, "iat": self.now, "exp": self.now + 300});
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let header = json!({"alg": "ES256", "kid": id});
        let mut draft = Draft { header, claims, by_stranger: false, without_signature: false };
        (self.lie)(&mut draft);
        let message = format!(
            "{}.{}",
            base64url(draft.header.to_string().as_bytes()),
            base64url(draft.claims.to_string().as_bytes())
        );
        let key = if draft.by_stranger { &self.stranger } else { newest };
        let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        let signature = if draft.without_signature { String::new() } else { base64url(signature.as_ref()) };
        (
            "200 OK",
            json!({"access_token": "x", "token_type": "Bearer", "id_token": format!("{message}.{signature}")}),
        )
    }
}

fn console(idp: &Idp) -> Console {
    console_with(idp, |_| {})
}

fn console_with(idp: &Idp, change: impl FnOnce(&mut Options)) -> Console {
    let rule = |group: &str, role, organisation: Option<&str>| Rule {
        group: group.into(),
        role,
        organisation: organisation.map(str::to_owned),
    };
    let provider = Provider {
        issuer: idp.issuer.clone(),
        client_id: "hemicycle".into(),
        client_secret: Some("s+cret".into()),
        redirect: "https://hemicycle.parliament.example/signin/oidc/callback".into(),
        scopes: vec!["profile".into(), "groups".into()],
        name_claim: "preferred_username".into(),
        groups_claim: "groups".into(),
        rules: vec![rule("soc", Role::Operator, None), rule("party-x", Role::Analyst, Some("party-x"))],
        ca: None,
        title: "the parliament's account".into(),
    };
    let console = Console::with(|options| {
        options.provider = Some(provider);
        change(options);
    });
    idp.state.lock().unwrap().now = console.now();
    console
}

/// There and back; the answer to the way back, with the cookie and the way, so that it can be gone again.
fn sign_in(console: &Console, idp: &Idp) -> (Answer, String, String) {
    idp.state.lock().unwrap().now = console.now();
    let there = console.get("/signin/oidc", None);
    assert_eq!(there.status, 303, "{}", there.body);
    let ticket = there.cookie("__Host-ticket").unwrap();
    let (state, code) = idp.authorise(there.field("location").unwrap());
    let path = format!("/signin/oidc/callback?state={state}&code={code}");
    (back(console, &path, &ticket), path, ticket)
}

fn back(console: &Console, path: &str, ticket: &str) -> Answer {
    console.ask("GET", path, &[("Cookie", &format!("__Host-ticket={ticket}"))], "")
}

/// Not let in, for this reason.
fn refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 401, "{}", answer.body);
    assert!(answer.cookie("__Host-session").is_none(), "no session");
    let shown = answer.between("role=\"alert\">", "<").unwrap_or_default();
    assert!(shown.contains(why), "`{why}` is not in `{shown}`");
}

#[test]
fn a_provider_lets_people_in_with_the_role_of_their_group() {
    let idp = Idp::start();
    let console = console(&idp);
    assert!(console.get("/signin", None).body.contains("Sign in with the parliament"));
    let (answer, ..) = sign_in(&console, &idp);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let session = answer.cookie("__Host-session").unwrap();
    assert!(answer.body.contains("http-equiv=\"refresh\""), "it goes on by itself");
    let page = console.get("/settings", Some(&session));
    assert!(page.body.contains("anna") && page.body.contains("Operator"));
    let written = console.memory.written();
    let last = written.iter().rev().find(|entry| entry.kind == "signed_in").unwrap();
    assert!(last.body.as_ref().unwrap().contains("\"by\":\"provider\""), "{last:?}");
    // Another group: another role and reach, at the next sign-in, of the same account.
    idp.state.lock().unwrap().claims["groups"] = json!(["party-x"]);
    let (answer, ..) = sign_in(&console, &idp);
    let session = answer.cookie("__Host-session").unwrap();
    let services = console.get("/api/v1/services", Some(&session));
    assert!(
        services.body.contains("party-x-www") && !services.body.contains("petitions"),
        "{}",
        services.body
    );
    let accounts = console.people.accounts().unwrap();
    assert_eq!(accounts.len(), 1);
    assert_eq!((accounts[0].role, accounts[0].organisation.as_deref()), (Role::Analyst, Some("party-x")));
    // No group: no way in, and whom the house closes out stays out.
    idp.state.lock().unwrap().claims["groups"] = json!(["cleaners"]);
    let token =
        console.people.create_token(&accounts[0], "siem", &[Scope::Read], Some("party-x"), 366).unwrap();
    let bearer = format!("Bearer {token}");
    let asks = || console.ask("GET", "/api/v1/services", &[("Authorization", &bearer)], "").status;
    assert_eq!((asks(), console.get("/settings", Some(&session)).status), (200, 200));
    refused(&sign_in(&console, &idp).0, "o group of this account");
    assert_eq!(asks(), 401, "tokens end with the role");
    assert_eq!(console.get("/settings", Some(&session)).status, 303, "and sessions");
    let written = console.memory.written();
    let last = written.iter().rev().find(|entry| entry.kind == "signed_in").unwrap();
    assert!(last.actor == "person:anna" && last.body.as_ref().unwrap().contains("refused"), "{last:?}");
    console.member("root", Role::Administrator, None);
    console.people.change(accounts[0].id, Role::Analyst, None, true).unwrap();
    idp.state.lock().unwrap().claims["groups"] = json!(["soc"]);
    let (answer, ..) = sign_in(&console, &idp);
    assert_eq!(answer.status, 400, "closed here: {}", answer.body);
    assert!(answer.cookie("__Host-session").is_none());
}

#[test]
fn a_token_that_lies_lets_nobody_in() {
    let idp = Idp::start();
    let console = console(&idp);
    let now = console.now();
    type Case = (&'static str, Lie);
    let cases: Vec<Case> = vec![
        ("nonce", Arc::new(|draft| draft.claims["nonce"] = json!("another"))),
        ("nonce", Arc::new(|draft| draft.claims["nonce"] = Value::Null)),
        ("issuer", Arc::new(|draft| draft.claims["iss"] = json!("https://evil.example"))),
        ("somebody else", Arc::new(|draft| draft.claims["aud"] = json!("another client"))),
        ("somebody else", Arc::new(|draft| draft.claims["aud"] = json!(["hemicycle", "another"]))),
        ("too old", Arc::new(move |draft| draft.claims["exp"] = json!(now - 61))),
        ("too old", Arc::new(move |draft| draft.claims["iat"] = json!(now - 3_600))),
        ("too old", Arc::new(move |draft| draft.claims["iat"] = json!(now + 3_600))),
        ("too old", Arc::new(move |draft| draft.claims["nbf"] = json!(now + 3_600))),
        ("too old", Arc::new(|draft| draft.claims["exp"] = Value::Null)),
        ("names nobody", Arc::new(|draft| draft.claims["sub"] = json!(""))),
        ("signature does not fit", Arc::new(|draft| draft.by_stranger = true)),
        ("signature does not fit", Arc::new(|draft| draft.without_signature = true)),
        (
            "kind that is not taken",
            Arc::new(|draft| {
                draft.header = json!({"alg": "none"});
                draft.without_signature = true;
            }),
        ),
        ("kind that is not taken", Arc::new(|draft| draft.header["alg"] = json!("HS256"))),
        ("key is not one of", Arc::new(|draft| draft.header["alg"] = json!("RS256"))),
        ("key is not one of", Arc::new(|draft| draft.header["kid"] = json!("unknown"))),
        ("kind that is not taken", Arc::new(|draft| draft.header["crit"] = json!(["x"]))),
    ];
    for (why, lie) in cases {
        idp.lies(move |draft| lie(draft));
        refused(&sign_in(&console, &idp).0, why);
    }
    assert!(console.people.accounts().unwrap().is_empty());
    idp.lies(|_| {});
    assert_eq!(sign_in(&console, &idp).0.status, 200, "and the truth does");
}

#[test]
fn a_way_back_is_good_once_for_ten_minutes_and_in_one_browser() {
    let idp = Idp::start();
    let console = console(&idp);
    let (answer, path, ticket) = sign_in(&console, &idp);
    assert_eq!(answer.status, 200);
    refused(&back(&console, &path, &ticket), "used already");
    let start = || {
        let there = console.get("/signin/oidc", None);
        let (state, code) = idp.authorise(there.field("location").unwrap());
        (there.cookie("__Host-ticket").unwrap(), state, code)
    };
    let (mine, _, _) = start();
    let (theirs, state, code) = start();
    let path = format!("/signin/oidc/callback?state={state}&code={code}");
    refused(&back(&console, &path, &mine), "another browser");
    refused(&back(&console, &path, ""), "another browser");
    refused(
        &back(&console, &format!("/signin/oidc/callback?state=&code={code}"), &theirs),
        "another browser",
    );
    // A code of another sign-in: the verifier does not fit its challenge.
    let (other, other_state, _) = start();
    refused(
        &back(&console, &format!("/signin/oidc/callback?state={other_state}&code={code}"), &other),
        "invalid_grant",
    );
    let declined = "/signin/oidc/callback?error=access_denied";
    refused(&back(&console, declined, &theirs), "another browser");
    refused(&back(&console, &format!("{declined}&state={state}"), &mine), "another browser");
    let (fourth, fourth_state, _) = start();
    let declined = format!("{declined}&state={fourth_state}");
    refused(&back(&console, &declined, &fourth), "access_denied");
    refused(&back(&console, &declined, &fourth), "used already");
    console.later(601);
    refused(&back(&console, &path, &theirs), "too old");
}

#[test]
fn keys_are_asked_for_again_when_they_change_and_not_more_often() {
    let idp = Idp::start();
    let console = console(&idp);
    assert_eq!(sign_in(&console, &idp).0.status, 200);
    let asked = |idp: &Idp| idp.state.lock().unwrap().asked.iter().filter(|path| *path == "/keys").count();
    assert_eq!(sign_in(&console, &idp).0.status, 200);
    assert_eq!(asked(&idp), 1, "known keys are not asked for");
    console.later(31);
    idp.state.lock().unwrap().keys = vec![("two".into(), key())];
    assert_eq!(sign_in(&console, &idp).0.status, 200, "the new key is found");
    assert_eq!(asked(&idp), 2);
    for _ in 0..5 {
        idp.lies(|draft| draft.header["kid"] = json!("made up"));
        refused(&sign_in(&console, &idp).0, "key is not one of");
    }
    assert_eq!(asked(&idp), 2, "made-up keys do not make us ask");
    console.later(31);
    idp.lies(|draft| draft.header["kid"] = json!("one"));
    refused(&sign_in(&console, &idp).0, "key is not one of");
    assert_eq!(asked(&idp), 3, "a key that was withdrawn is not believed");
}

#[test]
fn a_provider_that_is_down_keeps_no_local_account_out() {
    let idp = Idp::start();
    let mut gone = idp.clone();
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    gone.issuer = format!("http://{unused}");
    let console = console(&gone);
    let answer = console.get("/signin/oidc", None);
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("cannot be asked"), "{}", answer.body);
    let (ada, secret) = console.member("ada", Role::Administrator, None);
    let code = console::people::code_at(&secret, console.now());
    let form = format!("name={}&password=correct+horse+battery&code={code}", ada.name);
    assert_eq!(console.form("/signin", "", &form).status, 303);
}

/// Each of these was a line of the log, and none an entry.
#[test]
fn strangers_do_not_write_the_log_and_refusals_are_entries() {
    let idp = Idp::start();
    let said = Arc::new(Mutex::new(Vec::<String>::new()));
    let sink = Arc::clone(&said);
    let console = console_with(&idp, move |options| {
        options.complain = Arc::new(move |text| sink.lock().unwrap().push(text.to_owned()));
    });
    let entries = || console.memory.written().iter().filter(|entry| entry.kind == "signed_in").count();
    for _ in 0..50 {
        refused(&back(&console, "/signin/oidc/callback?error=forged&state=x", "made up"), "another browser");
        refused(&back(&console, "/signin/oidc/callback?code=x&state=x", ""), "another browser");
    }
    assert_eq!((said.lock().unwrap().len(), entries()), (0, 0), "nobody's word is no line and no entry");
    let decline = || {
        let there = console.get("/signin/oidc", None);
        let (state, _) = idp.authorise(there.field("location").unwrap());
        let path = format!("/signin/oidc/callback?error=access_denied&state={state}");
        refused(&back(&console, &path, &there.cookie("__Host-ticket").unwrap()), "access_denied");
    };
    (0..20).for_each(|_| decline());
    assert_eq!((said.lock().unwrap().len(), entries()), (1, 1), "one in ten seconds");
    console.later(10);
    decline();
    let said = said.lock().unwrap();
    assert!(said.len() == 2 && said[1].contains("access_denied (19 more were refused"), "{said:?}");
    assert_eq!(entries(), 2);
}

/// Whoever has an account at the provider, or one that is closed here, wrote an entry with each way back.
#[test]
fn who_has_no_role_writes_one_entry_and_not_one_for_each_way_back() {
    let idp = Idp::start();
    let console = console(&idp);
    let (answer, ..) = sign_in(&console, &idp);
    let session = answer.cookie("__Host-session").unwrap();
    let account = console.people.accounts().unwrap().remove(0);
    let token = console.people.create_token(&account, "siem", &[Scope::Read], None, 366).unwrap();
    let bearer = format!("Bearer {token}");
    let asks = || console.ask("GET", "/api/v1/services", &[("Authorization", &bearer)], "").status;
    let refusals = || {
        let written = console.memory.written();
        written.iter().filter(|entry| entry.body.as_ref().unwrap().contains("\"refused\"")).count()
    };
    // A refusal just before leaves no room for a line: what ends something is written nevertheless.
    idp.lies(|draft| draft.claims["nonce"] = json!("another"));
    refused(&sign_in(&console, &idp).0, "nonce");
    idp.lies(|_| {});
    assert_eq!((asks(), refusals()), (200, 1));
    idp.state.lock().unwrap().claims["groups"] = json!(["cleaners"]);
    refused(&sign_in(&console, &idp).0, "o group of this account");
    assert_eq!((asks(), refusals()), (401, 2), "tokens end at the first");
    assert_eq!(console.get("/settings", Some(&session)).status, 303, "and sessions");
    (0..20).for_each(|_| refused(&sign_in(&console, &idp).0, "o group of this account"));
    assert_eq!(refusals(), 2);
    console.later(10);
    refused(&sign_in(&console, &idp).0, "o group of this account");
    assert_eq!(refusals(), 3, "one in ten seconds");
    // Closed here: the same pace.
    console.member("root", Role::Administrator, None);
    console.people.change(account.id, Role::Operator, None, true).unwrap();
    idp.state.lock().unwrap().claims["groups"] = json!(["soc"]);
    (0..20).for_each(|_| assert_eq!(sign_in(&console, &idp).0.status, 400));
    assert_eq!(refusals(), 4, "and no more in the next ten");
}

#[test]
fn a_provider_that_does_not_answer_is_not_asked_by_everybody() {
    let idp = Idp::start();
    let console = console(&idp);
    idp.state.lock().unwrap().broken = true;
    let asked = || idp.state.lock().unwrap().asked.len();
    for _ in 0..20 {
        let answer = console.get("/signin/oidc", None);
        assert!(answer.status == 503 && answer.body.contains("cannot be asked"), "{}", answer.body);
    }
    assert_eq!(asked(), 1, "it said no, and that is believed for ten seconds");
    console.later(10);
    idp.state.lock().unwrap().broken = false;
    assert_eq!(sign_in(&console, &idp).0.status, 200);
}
