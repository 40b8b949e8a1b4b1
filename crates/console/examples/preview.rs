//! Serves the console with made-up data, so that pages can be looked at without the rest.
//!
//! `cargo run -p console --example preview [-- [--calm] [--first] [PORT]]`: `--first` shows the first start; otherwise an
//! administrator is made and what a browser needs to be signed in is printed. Loopback only, without TLS, nothing kept.

#![expect(clippy::print_stdout, reason = "it tells where it listens")]

#[path = "../tests/house/mod.rs"]
mod house;

use std::sync::Arc;
use std::time::Duration;

use console::people::{Clock, Cost, People, Policy, Role, code_at};
use console::{Live, Options, Signer, Tls, start_with};
use jiff::Timestamp;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The accounts of the preview; gives the session of the administrator.
fn populate(people: &People, now: Timestamp) -> Outcome<String> {
    let join = |link: &str, name: &str| -> Outcome<_> {
        let secret = people.link(link)?.ok_or("no link")?.secret;
        Ok(people.follow_link(link, name, "correct horse battery", &code_at(&secret, now.as_second()))?.0)
    };
    let first = people.first_link()?.ok_or("somebody is there")?;
    let duty = join(&first, "duty")?;
    for (name, role, organisation) in [
        ("m.duval", Role::Analyst, None),
        ("dpo", Role::DataProtection, None),
        ("it@party-x", Role::Viewer, Some("party-x")),
    ] {
        join(&people.invite(name, role, organisation, "duty")?, name)?;
    }
    people.create_token(
        &duty,
        "grafana",
        &[console::people::Scope::Read, console::people::Scope::Metrics],
        None,
        90,
    )?;
    people.start_session(&duty, "192.0.2.130", "Mozilla/5.0 Firefox/140.0")?;
    Ok(people.start_session(&duty, "127.0.0.1", "Mozilla/5.0 Chrome/150.0")?.token)
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    let port: u16 = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(8_480);
    let now = Timestamp::now();
    let clock: Clock = Arc::new(Timestamp::now);
    let people =
        Arc::new(People::in_memory(clock.clone(), Policy { cost: Cost::LIGHT, ..Policy::default() })?);
    let session = if has("--first") { None } else { Some(populate(&people, now)?) };
    let live = Live::new(if has("--calm") { house::calm(now) } else { house::snapshot(now) });
    let memory = Arc::new(house::Memory::new(now));
    let mut options = Options::new(std::env::temp_dir(), vec![([127, 0, 0, 1], port).into()], clock);
    options.tls = Tls::Off;
    options.signers = vec![Signer { name: "preview".into(), secret: b"a secret of the preview".to_vec() }];
    options.retention = [
        ("Series of 1 s", "1 day"),
        ("Series of 1 min", "7 days"),
        ("Series of 1 h", "90 days"),
        ("Evidence", "30 days"),
        ("Addresses behind codes", "14 days"),
        ("Ledger", "2 years"),
    ]
    .map(|(what, time)| (what.to_owned(), time.to_owned()))
    .to_vec();
    let handle = start_with(options, live.clone(), people, memory.clone(), memory)?;
    println!("http://127.0.0.1:{port}{}", handle.first_link().unwrap_or("/"));
    if let Some(session) = session {
        println!("cookie __Host-session={session}");
    }
    loop {
        // An event now and then, so that the stream can be listened to.
        std::thread::park_timeout(Duration::from_secs(10));
        if !has("--calm") {
            let event = house::flood_event(Timestamp::now());
            live.publish("flood", &["own".to_owned()], &event.to_string());
        }
    }
}
