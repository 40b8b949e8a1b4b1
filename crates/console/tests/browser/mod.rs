//! A headless Chromium for tests, spoken to over its own protocol (CDP).
//!
//! The protocol goes over two pipes of the process, which a shell puts where the browser looks for them: no port is
//! opened, and no WebDriver, WebSocket or crate for either is needed. The browser reaches loopback only, whatever a page
//! asks for. A test without a browser is skipped by name.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(clippy::needless_pass_by_value, reason = "parameters are made where they are passed")]

mod page;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use page::{DESKTOP, PHONE, Page};

/// Programs that are a Chromium.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Nothing here takes this long; who waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that nobody has looked at are kept up to here.
const KEPT: usize = 4_096;

/// Where a tool of the tests is that `cargo xtask setup` fetches: below `xtask` in the folder that cargo builds into.
pub fn fetched(path: &str) -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    own.ancestors().map(|folder| folder.join("xtask").join(path)).find(|found| found.is_file())
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// A browser that runs until it is dropped.
pub struct Browser {
    child: Child,
    commands: RefCell<ChildStdin>,
    messages: Receiver<Value>,
    unread: RefCell<VecDeque<Value>>,
    next: Cell<u64>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one, or says by name that a test is skipped.
    pub fn start(test: &str) -> Option<Self> {
        let Some(program) = program() else {
            println!("skipped: {test}: no chromium is installed");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        // Commands are read from descriptor 3 and answers written to 4.
        let shell = "exec \"$0\" \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";
        let mut child = Command::new("sh")
            .args(["-c", shell])
            .arg(program)
            .args(SWITCHES)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = RefCell::new(child.stdin.take().unwrap());
        let messages = read(child.stdout.take().unwrap());
        let (unread, next) = (RefCell::default(), Cell::new(1));
        Some(Self { child, commands, messages, unread, next, _profile: profile })
    }

    /// A tab with nothing of another one: no cookies, no cache.
    pub fn page(&self) -> Page<'_> {
        let context = self.call(None, "Target.createBrowserContext", json!({}));
        let target = self.call(
            None,
            "Target.createTarget",
            json!({"url": "about:blank", "browserContextId": context["browserContextId"]}),
        );
        let attached = self.call(
            None,
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        Page::new(self, attached["sessionId"].as_str().unwrap().to_owned())
    }

    /// Sends a command and waits for what it gives.
    fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        self.ask(session, method, &parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The same where it may fail, as while a page goes away.
    fn ask(&self, session: Option<&str>, method: &str, parameters: &Value) -> Result<Value, Value> {
        let id = self.next.replace(self.next.get() + 1);
        let mut message = json!({"id": id, "method": method, "params": parameters});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.commands.borrow_mut().write_all(&bytes).unwrap();
        let started = Instant::now();
        loop {
            assert!(started.elapsed() < PATIENCE, "{method} has no answer");
            let Some(mut message) = self.receive(Duration::from_secs(1)) else { continue };
            if message["id"] != id {
                self.keep(message);
            } else if message["error"].is_object() {
                return Err(message["error"].take());
            } else {
                return Ok(message["result"].take());
            }
        }
    }

    fn receive(&self, longest: Duration) -> Option<Value> {
        match self.messages.recv_timeout(longest) {
            Ok(message) => Some(message),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => panic!("the browser has ended"),
        }
    }

    fn keep(&self, message: Value) {
        let mut unread = self.unread.borrow_mut();
        if unread.len() == KEPT {
            unread.pop_front();
        }
        unread.push_back(message);
    }

    /// Lets a moment go by, in which messages may come.
    fn moment(&self) {
        if let Some(message) = self.receive(Duration::from_millis(20)) {
            self.keep(message);
        }
    }

    /// Events of a tab with this name, taken away.
    fn events(&self, session: &str, method: &str) -> Vec<Value> {
        let mut unread = self.unread.borrow_mut();
        let is_wanted = |message: &Value| message["sessionId"] == session && message["method"] == method;
        let (wanted, rest) = unread.drain(..).partition(is_wanted);
        *unread = rest;
        let wanted: VecDeque<Value> = wanted;
        wanted.into_iter().map(|mut message| message["params"].take()).collect()
    }
}

/// Loopback only; the certificate is the service's own, and looked at by the tests that say so.
const SWITCHES: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--ignore-certificate-errors",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
];

/// Messages end with a zero.
fn read(output: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        while output.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
            bytes.pop();
            let Ok(message) = serde_json::from_slice(&bytes) else { break };
            if sender.send(message).is_err() {
                break;
            }
            bytes.clear();
        }
    });
    receiver
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
