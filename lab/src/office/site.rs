//! A site: a folder with key, configuration, record and accounts, and the service that runs there.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use console::people::{Clock, People, Policy, Role, Scope, code_at};
use jiff::Timestamp;
use nix::sys::signal::Signal;
use record::Record;
use tempfile::TempDir;

use super::client::Trust;
use crate::live::RECEIVE_BUFFER_BYTES;
use crate::live::tools::{end, folder, hemicycle_binary};
use crate::live::{pace, processor};

/// The secret of the deployment.
const KEY: [u8; 16] = *b"laboratory's key";
/// What accounts sign in with.
const PASSWORD: &str = "correct horse battery";
/// How long a service may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is switched on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Beside {
    /// Neither record nor console.
    Nothing,
    /// Both.
    All,
}

/// Who may ask.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// The cookie of a signed-in browser.
    pub(crate) session: String,
    /// A token with every scope.
    pub(crate) token: String,
}

/// A folder, before a service runs there.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
}

impl Site {
    /// A folder with key and configuration for an institution.
    ///
    /// # Errors
    /// When nothing can be written.
    pub(crate) fn new(institution: &str, beside: Beside, learn: bool) -> Result<Self> {
        let folder = folder()?;
        let state = folder.path().join("state");
        fs::create_dir_all(&state)?;
        let digits: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = state.join("key");
        fs::write(&key, digits)?;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600))?;
        fs::write(folder.path().join("institution.toml"), institution)?;
        let more = match beside {
            Beside::Nothing => "[record]\nenabled = false\n",
            Beside::All => "[console]\nlisten = [\"127.0.0.1:0\"]\n",
        };
        let configuration = format!(
            "institution = \"institution.toml\"\nwatch = false\n[listen]\nflows = [\"127.0.0.1:0\"]\n\
             receive_buffer_bytes = {RECEIVE_BUFFER_BYTES}\n[metrics]\nlisten = \"127.0.0.1:0\"\n[state]\nfolder = \"state\"\n\
             [learn]\nenabled = {learn}\n{more}"
        );
        fs::write(folder.path().join("serve.toml"), configuration)?;
        Ok(Self { folder })
    }

    /// The record, as the service will open it.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn record(&self) -> Result<Record> {
        let options = record::Options::new(KEY, Arc::new(pace::now));
        Ok(Record::open(&self.folder.path().join("state/record"), options)?)
    }

    /// Accounts: one that sees the house, and one of an organisation.
    ///
    /// # Errors
    /// When they cannot be made.
    pub(crate) fn accounts(&self, organisation: &str) -> Result<[Asker; 2]> {
        let desk = self.folder.path().join("state/console");
        fs::create_dir_all(&desk)?;
        fs::set_permissions(&desk, fs::Permissions::from_mode(0o700))?;
        let clock: Clock = Arc::new(Timestamp::now);
        let people = People::open(&desk.join("people.sqlite3"), clock, Policy::default())?;
        let first = people.first_link()?.context("somebody has an account already")?;
        let house = join(&people, &first, "lab", None)?;
        let link = people.invite("party", Role::Analyst, Some(organisation), "lab")?;
        let party = join(&people, &link, "party", Some(organisation))?;
        Ok([house, party])
    }

    /// Starts the service, on these cores if they are named, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not start; what it said is in the error.
    pub(crate) fn start(self, cores: Option<&[usize]>) -> Result<Running> {
        let mut command = Command::new(hemicycle_binary()?);
        command.arg("serve").arg("--config").arg(self.folder.path().join("serve.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut spawn = || command.spawn().context("cannot start hemicycle");
        let mut child = match cores {
            Some(cores) => processor::on_cores(cores, spawn)?,
            None => spawn()?,
        };
        let output = lines(child.stdout.take().context("no output")?);
        let errors = lines(child.stderr.take().context("no errors")?);
        let mut log = String::new();
        loop {
            match errors.recv_timeout(PATIENCE) {
                Ok(line) => log.push_str(&format!("{line}\n")),
                Err(_) => bail!("hemicycle does not start: {log}"),
            }
            if log.ends_with(" ready\n") || log.ends_with("\nready\n") {
                break;
            }
        }
        // What is said later goes nowhere, and does not stop it.
        std::thread::spawn(move || errors.iter().for_each(drop));
        Ok(Running { site: self, child, output: Some(output), log })
    }
}

fn join(people: &People, link: &str, name: &str, organisation: Option<&str>) -> Result<Asker> {
    let secret = people.link(link)?.context("no such link")?.secret;
    let code = code_at(&secret, Timestamp::now().as_second());
    let (account, _) = people.follow_link(link, name, PASSWORD, &code)?;
    Ok(Asker {
        session: people.start_session(&account, "127.0.0.1", "lab")?.token,
        token: people.create_token(&account, "lab", &Scope::ALL, organisation, 1)?,
    })
}

fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// A service that runs; ended when it is dropped.
pub(crate) struct Running {
    site: Site,
    child: Child,
    output: Option<Receiver<String>>,
    log: String,
}

impl Running {
    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its events, to be taken once.
    pub(crate) fn output(&mut self) -> Option<Receiver<String>> {
        self.output.take()
    }

    /// Where it listens for flows.
    ///
    /// # Errors
    /// When it did not say so.
    pub(crate) fn flows(&self) -> Result<SocketAddr> {
        self.said("listening on ")
    }

    /// The console: where it is, and how it is known.
    ///
    /// # Errors
    /// When there is none, or its certificate cannot be read.
    pub(crate) fn console(&self) -> Result<(SocketAddr, Trust)> {
        let certificate: PathBuf = self.folder().join("state/console/console-certificate.pem");
        Ok((self.said("console on https://")?, Trust::of(&certificate)?))
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.site.folder.path()
    }

    fn said(&self, before: &str) -> Result<SocketAddr> {
        let at = self.log.find(before).with_context(|| format!("`{before}` was not said:\n{}", self.log))?;
        let rest = self.log.get(at + before.len()..).unwrap_or_default();
        let end = rest.find(|letter: char| !"0123456789.:[]".contains(letter)).unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default().trim_end_matches(':');
        text.parse().with_context(|| format!("{text} is no address"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = end(&mut self.child, Signal::SIGTERM);
    }
}
