//! Somebody who is signed in at the console of a service.

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use console::people::{Cost, People, Policy, Role, code_at};
use jiff::Timestamp;
use serde_json::Value;

use crate::service::{Service, pause};

/// Nothing here takes longer.
pub(crate) const PATIENCE_SECONDS: u64 = 60;
/// The part of a configuration that makes a console.
pub(crate) const CONSOLE: &str = "[console]\nlisten = [\"127.0.0.1:0\"]\n";

/// Whether what asks is installed; says why not.
pub(crate) fn can_ask(test: &str) -> bool {
    let found = Command::new("curl").arg("--version").output().is_ok();
    if !found {
        println!("skipped: {test}: curl is not installed");
    }
    found
}

/// A session.
pub(crate) struct Person {
    base: String,
    cookie: String,
}

impl Person {
    /// A new account with a role, made where the service keeps its accounts, and a session of it.
    pub(crate) fn of(service: &Service, name: &str, role: Role) -> Self {
        let path = service.folder.join("state/console/people.sqlite3");
        let policy = Policy { cost: Cost::LIGHT, ..Policy::default() };
        let people = People::open(&path, Arc::new(Timestamp::now), policy).unwrap();
        let token = people.invite(name, role, None, "test").unwrap();
        let secret = people.link(&token).unwrap().unwrap().secret;
        let code = code_at(&secret, Timestamp::now().as_second());
        let (account, _) = people.follow_link(&token, name, "correct horse battery", &code).unwrap();
        let session = people.start_session(&account, "127.0.0.1", "test").unwrap();
        let line = service.log.lines().find(|line| line.contains("console on")).unwrap();
        let base = line[line.find("https://").unwrap()..].trim_end_matches('/').to_owned();
        Self { base, cookie: format!("Cookie: __Host-session={}", session.token) }
    }

    fn curl(&self, path: &str, more: &[&str]) -> Vec<u8> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--show-error", "--insecure", "--fail-with-body", "-H", &self.cookie])
            .args(more);
        command.arg(format!("{}{path}", self.base)).output().unwrap().stdout
    }

    /// What an address gives.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        self.curl(path, &[])
    }

    /// The same as text.
    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.get(path)).unwrap()
    }

    /// The same as JSON.
    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path)).unwrap()
    }

    /// Sends a form as a page of the console does.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
        let page = self.text("/settings");
        let csrf = page.split_once("name=\"csrf\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        let origin = format!("Origin: {}", self.base);
        let mut more = vec!["-H".to_owned(), origin, "--data-urlencode".to_owned(), format!("csrf={csrf}")];
        for (name, value) in fields {
            more.extend(["--data-urlencode".to_owned(), format!("{name}={value}")]);
        }
        self.curl(path, &more.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Evidence of a flood, once there is some of this kind: what is said of the file, and the file of which it is said. More
    /// may be added between the two questions, so what is said has to be the same before and after.
    pub(crate) fn waits_for_evidence(&self, flood: &str, kind: &str) -> (Value, Vec<u8>) {
        let link = format!("/api/v1/floods/{flood}/evidence");
        let said = || {
            let list = self.json(&link);
            // Before the record has the flood there is no such thing.
            let mut items = list["items"].as_array().into_iter().flatten();
            items.find(|item| item["kind"] == kind).cloned()
        };
        let started = Instant::now();
        loop {
            if let Some(before) = said() {
                let file = self.get(&format!("{link}/{kind}"));
                if said().as_ref() == Some(&before) {
                    return (before, file);
                }
            }
            assert!(started.elapsed().as_secs() < PATIENCE_SECONDS, "no {kind}");
            pause();
        }
    }
}
