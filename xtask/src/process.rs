//! Starts other programs: output to a log and kept for reading, a sign of life while it is quiet, a time limit.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::repo;

/// Lines kept in memory of one program; the log file has them all.
const MAX_LINES_KEPT: usize = 200_000;
/// Lines waiting between the readers and the log.
const MAX_LINES_WAITING: usize = 1_000;
/// How often a quiet program is mentioned.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// What a program left behind.
pub(crate) struct Finished {
    /// Exit code 0.
    pub(crate) success: bool,
    /// How it ended, for people.
    pub(crate) status: String,
    /// Standard output and standard error, in the order in which the lines came.
    pub(crate) lines: Vec<String>,
    /// Where all of its output is.
    pub(crate) log: PathBuf,
}

impl Finished {
    /// The last lines of the output.
    pub(crate) fn tail(&self, count: usize) -> &[String] {
        &self.lines[self.lines.len().saturating_sub(count)..]
    }

    /// Whether any line contains this text.
    pub(crate) fn mentions(&self, text: &str) -> bool {
        self.lines.iter().any(|line| line.contains(text))
    }
}

/// The cargo that runs this task, so that `cargo +toolchain xtask` stays with its toolchain.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(repo::root()).env("CARGO_TERM_COLOR", "never");
    command
}

/// The folder that cargo builds into.
///
/// # Errors
/// When cargo cannot read the workspace.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let output = cargo().args(["metadata", "--format-version=1", "--no-deps"]).output()?;
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
    let folder = metadata["target_directory"].as_str().context("cargo metadata names no target_directory")?;
    Ok(PathBuf::from(folder))
}

/// Where everything lies that this task makes or fetches: `<target>/xtask`.
///
/// # Errors
/// When cargo cannot read the workspace.
pub(crate) fn own_folder() -> Result<PathBuf> {
    Ok(target_folder()?.join("xtask"))
}

/// Runs a program to its end, quietly: its output goes to `<target>/xtask/<name>.log`.
///
/// A line a minute says that it is alive. After `limit` it is ended and counts as failed.
///
/// # Errors
/// When the program cannot be started or the log not written.
pub(crate) fn run(name: &str, command: &mut Command, limit: Duration) -> Result<Finished> {
    let folder = own_folder()?;
    fs::create_dir_all(&folder)?;
    run_logged(command, limit, &folder.join(format!("{name}.log")))
}

fn run_logged(command: &mut Command, limit: Duration, log: &Path) -> Result<Finished> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    writeln!(file, "$ {command:?}")?;
    // Cargo and its tools print a trace of their own errors when this is set, and hide the error by it.
    command.env_remove("RUST_BACKTRACE");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let (sender, lines) = mpsc::sync_channel(MAX_LINES_WAITING);
    read_lines(child.stdout.take(), sender.clone());
    read_lines(child.stderr.take(), sender);

    let started = Instant::now();
    let mut kept = VecDeque::new();
    let mut too_long = false;
    loop {
        match lines.recv_timeout(SIGN_OF_LIFE.min(limit)) {
            Ok(line) => {
                writeln!(file, "{line}")?;
                if kept.len() == MAX_LINES_KEPT {
                    kept.pop_front();
                }
                kept.push_back(line);
            }
            Err(RecvTimeoutError::Timeout) => {
                let last = kept.back().map_or("", |line: &String| line.trim());
                println!("      … {:.0} s: {last}", started.elapsed().as_secs_f64());
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if started.elapsed() > limit {
            too_long = true;
            child.kill()?;
            break;
        }
    }
    let status = child.wait()?;
    let status_text =
        if too_long { format!("ended after {} s", limit.as_secs()) } else { status.to_string() };
    Ok(Finished {
        success: status.success() && !too_long,
        status: status_text,
        lines: kept.into(),
        log: log.to_path_buf(),
    })
}

/// Sends each line on, with what is not UTF-8 replaced. Ends with the stream or with the receiver.
fn read_lines(stream: Option<impl Read + Send + 'static>, lines: SyncSender<String>) {
    let Some(stream) = stream else { return };
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if lines.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Finished {
        let folder = tempfile::tempdir().unwrap();
        run_logged(Command::new("sh").args(["-c", script]), limit, &folder.path().join("log")).unwrap()
    }

    #[test]
    fn both_streams_are_kept_and_the_exit_code_is_seen() {
        let finished = shell("echo out; echo err >&2; exit 3", Duration::from_secs(20));
        assert!(!finished.success);
        assert!(finished.mentions("out") && finished.mentions("err"));
        assert!(finished.status.contains('3'));
    }

    #[test]
    fn a_program_that_does_not_end_is_ended() {
        let finished = shell("exec sleep 600", Duration::from_millis(200));
        assert!(!finished.success);
        assert!(finished.status.starts_with("ended after"));
    }

    #[test]
    fn the_tail_is_no_longer_than_the_output() {
        let finished = shell("echo one; echo two", Duration::from_secs(20));
        assert_eq!(finished.tail(1), ["two"]);
        assert_eq!(finished.tail(9).len(), 2);
    }
}
