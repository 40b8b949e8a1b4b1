//! A service of a test: its own folder, ports that the system chooses, and everything that it says.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_hemicycle");
/// Nothing here takes this long; who waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks, and between two datagrams of a flood.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);

/// What is protected.
pub(crate) const INSTITUTION: &str = r#"
[institution]
name = "Parliament of Examplia"
time_zone = "UTC"
[zone.public]
prefixes = ["192.0.2.0/25"]
exposure = "internet"
[service.www]
zone = "public"
addresses = ["192.0.2.10"]
[service.mail]
zone = "public"
addresses = ["192.0.2.25"]
[exporter.edge]
address = "127.0.0.1"
[exporter.core]
address = "127.0.0.3"
"#;

/// Listens on one address, with figures. Nothing is learnt: what comes in the first minute would be ordinary.
pub(crate) const CONFIG: &str = r#"
institution = "institution.toml"
watch = false
[listen]
flows = ["127.0.0.1:0"]
[metrics]
listen = "127.0.0.1:0"
[state]
folder = "state"
[learn]
enabled = false
"#;

/// A folder with a configuration and an institution file; the name has to be the test's own.
pub(crate) fn folder(name: &str, config: &str, institution: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("serve").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("serve.toml"), config).unwrap();
    fs::write(folder.join("institution.toml"), institution).unwrap();
    folder
}

/// The command that runs the service of a folder.
pub(crate) fn command(folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("serve").arg("--config").arg(folder.join("serve.toml")).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running service.
pub(crate) struct Service {
    pub(crate) folder: PathBuf,
    child: Child,
    output: Receiver<String>,
    errors: Receiver<String>,
    /// What it said on standard error so far.
    pub(crate) log: String,
}

impl Service {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(name: &str, config: &str) -> Self {
        Self::start_with(name, config, Stdio::piped())
    }

    /// The same with another standard output.
    pub(crate) fn start_with(name: &str, config: &str, output: Stdio) -> Self {
        Self::run(folder(name, config, INSTITUTION), output)
    }

    /// Starts that of a folder and waits until it is ready.
    pub(crate) fn run(folder: PathBuf, output: Stdio) -> Self {
        Self::run_with(folder, output, &[])
    }

    /// The same with variables in its environment.
    pub(crate) fn run_with(folder: PathBuf, output: Stdio, variables: &[(&str, &str)]) -> Self {
        let mut command = command(&folder, &[]);
        command.stdout(output).envs(variables.iter().copied());
        Self::of(command, folder)
    }

    /// Starts it by a command and waits until it is ready.
    pub(crate) fn of(mut command: Command, folder: PathBuf) -> Self {
        let mut child = command.spawn().unwrap();
        let output = lines::<ChildStdout>(child.stdout.take());
        let errors = lines::<ChildStderr>(child.stderr.take());
        let mut service = Self { folder, child, output, errors, log: String::new() };
        service.hears("ready");
        service
    }

    /// Waits for a line on standard error that contains something.
    pub(crate) fn hears(&mut self, what: &str) -> String {
        loop {
            let Ok(line) = self.errors.recv_timeout(PATIENCE) else {
                panic!("`{what}` was not said:\n{}", self.log)
            };
            self.log.push_str(&line);
            self.log.push('\n');
            if line.contains(what) {
                return line;
            }
        }
    }

    fn said(&self, before: &str) -> SocketAddr {
        let at = self.log.find(before).unwrap() + before.len();
        let rest = &self.log[at..];
        let end = rest.find(|character: char| !"0123456789.:[]".contains(character)).unwrap_or(rest.len());
        rest[..end].parse().unwrap()
    }

    /// Where it listens for flows.
    pub(crate) fn flows(&self) -> SocketAddr {
        self.said("listening on ")
    }

    /// Where it answers for figures.
    pub(crate) fn web(&self) -> SocketAddr {
        self.said("metrics on http://")
    }

    /// Waits for such a line, unless it was said already.
    pub(crate) fn has_said(&mut self, what: &str) {
        if !self.log.contains(what) {
            self.hears(what);
        }
    }

    /// The next line of its output, if there is one within a pause.
    pub(crate) fn line_soon(&self) -> Option<String> {
        self.output.recv_timeout(PAUSE).ok()
    }

    /// The next event, if there is one within a pause.
    pub(crate) fn event_soon(&self) -> Option<Value> {
        Some(serde_json::from_str(&self.line_soon()?).unwrap())
    }

    /// The answer to a request: its status and its body.
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        request(self.web(), &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
    }

    /// One figure, by its name with labels.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").1;
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("hemicycle_{name} ")))?;
        Some(line.parse().unwrap())
    }

    /// Waits until a figure is what it should be.
    pub(crate) fn reaches(&self, name: &str, value: f64) {
        let started = Instant::now();
        while self.figure(name) != Some(value) {
            let found = self.figure(name);
            assert!(started.elapsed() < PATIENCE, "{name} is {found:?} and not {value}");
            pause();
        }
    }

    /// The same of a figure that may be above it by then.
    pub(crate) fn passes(&self, name: &str, least: f64) {
        let started = Instant::now();
        while self.figure(name).is_none_or(|found| found < least) {
            let found = self.figure(name);
            assert!(started.elapsed() < PATIENCE, "{name} is {found:?} and not {least}");
            pause();
        }
    }

    /// The label of its one socket.
    pub(crate) fn socket(&self, name: &str) -> String {
        format!("{name}{{listen=\"{}\",worker=\"0\"}}", self.flows())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{signal} {}", self.child.id())]).status();
        assert!(sent.unwrap().success());
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Stops it by a signal; gives how it ended and the lines that were left.
    pub(crate) fn stop(self, signal: &str) -> (ExitStatus, Vec<Value>) {
        let (status, lines) = self.stop_with_text(signal);
        (status, lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// The same with the lines as they were written.
    pub(crate) fn stop_with_text(mut self, signal: &str) -> (ExitStatus, Vec<String>) {
        self.signal(signal);
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end");
            pause();
        };
        (status, self.output.iter().collect())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A request and its answer.
pub(crate) fn request(to: SocketAddr, text: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split_whitespace().nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Waits a little.
#[expect(clippy::disallowed_methods, reason = "the service runs in real time")]
pub(crate) fn pause() {
    std::thread::sleep(PAUSE);
}

fn lines<R: Read + Send + 'static>(stream: Option<R>) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(stream) = stream {
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
    }
    receiver
}
