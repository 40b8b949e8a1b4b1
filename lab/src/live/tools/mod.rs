//! Receivers that are measured: started in a folder of their own, pinned to their cores, asked what they counted, ended.
//!
//! All of them get the same receive buffer. Peers come from Debian packages; one that is missing is skipped by name.

mod bare;
mod fastnetmon;
mod hemicycle;
mod nfdump;
mod pmacct;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

pub(crate) use self::fastnetmon::{
    Detecting, count as fastnetmon_count, detecting as fastnetmon_detecting,
    mirroring as fastnetmon_mirroring,
};
pub(crate) use self::hemicycle::{
    binary as hemicycle_binary, detecting as hemicycle_detecting, institution as load_institution,
};
use super::datagram::Protocol;
use super::{kernel, pace, processor};

/// How long a receiver may take to open its socket, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The receivers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `hemicycle serve` with so many workers.
    Hemicycle(usize),
    /// nfcapd, or sfcapd for sFlow: stores every record, detects nothing.
    Nfdump,
    /// nfacctd, or sfacctd: counts by destination in memory.
    Pmacct,
    /// FastNetMon Community.
    FastNetMon,
    /// A loop of `recvmmsg` that looks at nothing.
    Bare,
}

/// A receiver and what it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tool {
    /// Which receiver.
    pub(crate) kind: Kind,
    /// What it is sent.
    pub(crate) protocol: Protocol,
    /// Hosts that the traffic names.
    pub(crate) hosts: u32,
}

/// A receiver that runs.
pub(crate) struct Running {
    tool: Tool,
    child: Child,
    folder: TempDir,
    /// The UDP port that it listens on.
    pub(crate) port: u16,
}

impl Tool {
    /// As people know it.
    pub(crate) fn name(&self) -> String {
        let sflow = self.protocol == Protocol::Sflow;
        match self.kind {
            Kind::Hemicycle(1) => "hemicycle".to_owned(),
            Kind::Hemicycle(workers) => format!("hemicycle, {workers} workers"),
            Kind::Nfdump => if sflow { "sfcapd" } else { "nfcapd" }.to_owned(),
            Kind::Pmacct => if sflow { "sfacctd" } else { "nfacctd" }.to_owned(),
            Kind::FastNetMon => "FastNetMon".to_owned(),
            Kind::Bare => "bare recvmmsg".to_owned(),
        }
    }

    /// The program that has to be there.
    fn program(&self) -> String {
        match self.kind {
            Kind::FastNetMon => "fastnetmon".to_owned(),
            _ => self.name(),
        }
    }

    /// Why it cannot run here, if it cannot.
    pub(crate) fn missing(&self) -> Option<String> {
        let found = match self.kind {
            Kind::Bare => true,
            Kind::Hemicycle(_) => hemicycle::binary().is_ok(),
            _ => find(&self.program()).is_some(),
        };
        (!found).then(|| format!("{} is not installed", self.name()))
    }

    const fn port(&self) -> u16 {
        match (self.kind, self.protocol) {
            (Kind::FastNetMon, Protocol::Sflow) => 6343,
            _ => 2055,
        }
    }

    /// Starts it on these cores and waits until it listens.
    ///
    /// # Errors
    /// When it does not start; its last words are in the error.
    pub(crate) fn start(&self, cores: &[usize]) -> Result<Running> {
        let folder = folder()?;
        let mut command = match self.kind {
            Kind::Hemicycle(workers) => hemicycle::command(folder.path(), self.port(), workers)?,
            Kind::Nfdump => nfdump::command(folder.path(), &self.program(), self.port())?,
            Kind::Pmacct => pmacct::command(folder.path(), &self.program(), self.port())?,
            Kind::FastNetMon => fastnetmon::command(folder.path())?,
            Kind::Bare => bare::command(self.port())?,
        };
        let child = processor::on_cores(cores, || spawn(&mut command, folder.path()))?;
        let running = Running { tool: *self, child, folder, port: self.port() };
        running.wait_for_socket()?;
        // What a program does after it has opened its socket (threads, tables) is not measured.
        pace::wait(if self.kind == Kind::FastNetMon {
            Duration::from_secs(2)
        } else {
            Duration::from_millis(500)
        });
        Ok(running)
    }
}

impl Running {
    fn wait_for_socket(&self) -> Result<()> {
        if pace::until(PATIENCE, || kernel::drops(self.port).is_some()) {
            return Ok(());
        }
        bail!("{} does not listen: {}", self.tool.name(), last_words(self.folder.path()))
    }

    /// CPU time so far, of the whole process tree.
    pub(crate) fn cpu_time(&self) -> Duration {
        processor::time_of_tree(self.child.id())
    }

    /// Highest resident memory so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        processor::peak_memory_of_tree(self.child.id())
    }

    /// Datagrams that the kernel dropped at its sockets so far.
    ///
    /// # Errors
    /// When it no longer listens.
    pub(crate) fn drops(&self) -> Result<u64> {
        kernel::drops(self.port)
            .with_context(|| format!("{} ended: {}", self.tool.name(), last_words(self.folder.path())))
    }

    /// Ends it and gives how many records it says that it took in; `None`: it does not count.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub(crate) fn finish(mut self) -> Result<Option<u64>> {
        let protocol = self.tool.protocol;
        match self.tool.kind {
            Kind::FastNetMon => {
                let counted = fastnetmon::count();
                self.end(Signal::SIGTERM)?;
                counted.map(Some)
            }
            Kind::Pmacct => {
                let counted = pmacct::count(self.folder.path(), protocol);
                self.end(Signal::SIGINT)?;
                counted.map(Some)
            }
            Kind::Nfdump => {
                self.end(Signal::SIGTERM)?;
                nfdump::count(self.folder.path()).map(Some)
            }
            Kind::Hemicycle(_) => {
                self.end(Signal::SIGTERM)?;
                hemicycle::count(self.folder.path()).map(Some)
            }
            Kind::Bare => self.end(Signal::SIGTERM).map(|()| None),
        }
    }

    fn end(&mut self, signal: Signal) -> Result<()> {
        end(&mut self.child, signal)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = end(&mut self.child, Signal::SIGTERM);
    }
}

/// Asks a program to end, and ends it if it does not.
pub(crate) fn end(child: &mut Child, signal: Signal) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    kill(Pid::from_raw(i32::try_from(child.id())?), signal)?;
    let mut ended = false;
    pace::until(PATIENCE, || {
        ended = child.try_wait().is_ok_and(|status| status.is_some());
        ended
    });
    if !ended {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

/// A folder in memory, so that no disk is measured.
pub(crate) fn folder() -> Result<TempDir> {
    let memory = Path::new("/dev/shm");
    let mut builder = tempfile::Builder::new();
    builder.prefix("hemicycle-lab-");
    if memory.is_dir() { builder.tempdir_in(memory) } else { builder.tempdir() }.context("a temporary folder")
}

/// Starts a program with its output in `log` (standard error) and `out` (standard output) of the folder.
pub(crate) fn spawn(command: &mut Command, folder: &Path) -> Result<Child> {
    command
        .stdin(Stdio::null())
        .stdout(File::create(folder.join("out"))?)
        .stderr(File::create(folder.join("log"))?)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().to_string_lossy()))
}

fn last_words(folder: &Path) -> String {
    let text = ["log", "out"].map(|name| fs::read_to_string(folder.join(name)).unwrap_or_default()).concat();
    let start = text.char_indices().rev().nth(600).map_or(0, |(place, _)| place);
    text.get(start..).unwrap_or_default().trim().to_owned()
}

/// A program by its name, in PATH or where Debian puts daemons.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let daemons = ["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(daemons).map(|folder| folder.join(program)).find(|file| file.is_file())
}
