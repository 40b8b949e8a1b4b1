//! `hemicycle doctor`: looks at this machine with the eyes of the service, before it is started or when something is odd.
//!
//! It changes nothing and sends nothing: files are read, ports are opened for a moment, and what the kernel says of itself
//! is compared with what the configuration asks for. Each finding says what to do. What cannot be found out is said to be
//! unknown.

mod checks;
mod clock;

use std::io::{self, Write};

use anyhow::{Result, bail};
use serde::Serialize;

use crate::cli::DoctorArguments;
use crate::serve::config_of;
use crate::style::{Style, plain};

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// As it should be.
    Fine,
    /// It works, and something will be missed or be slower.
    Warning,
    /// The service would not start, or would see nothing.
    Problem,
    /// This machine does not tell.
    Unknown,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    kind: &'static str,
    /// What was looked at: `clock`, `receive_buffer`, …
    name: &'static str,
    state: State,
    /// What was found.
    found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn new(name: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { kind: "finding", name, state, found: found.into(), advice: None }
    }

    fn fine(name: &'static str, found: impl Into<String>) -> Self {
        Self::new(name, State::Fine, found)
    }

    fn do_this(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// The last line of `--json`.
#[derive(Serialize)]
struct Summary {
    kind: &'static str,
    findings: usize,
    warnings: usize,
    problems: usize,
}

/// Looks at everything and says it.
///
/// # Errors
/// When the configuration cannot be used, or there is a problem (exit code 1, after everything is said).
pub(crate) fn run(arguments: &DoctorArguments) -> Result<()> {
    let (config, institution) = config_of(&arguments.config, arguments.color.color)?;
    let mut findings = vec![clock::look()];
    findings.extend(checks::all(&config, &institution));
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let summary = Summary {
        kind: "summary",
        findings: findings.len(),
        warnings: count(State::Warning),
        problems: count(State::Problem),
    };
    let mut output = io::stdout().lock();
    if arguments.json {
        for finding in &findings {
            writeln!(output, "{}", serde_json::to_string(finding)?)?;
        }
        writeln!(output, "{}", serde_json::to_string(&summary)?)?;
    } else {
        let style = Style::new(arguments.color.color, &io::stdout());
        findings.iter().try_for_each(|finding| writeln!(output, "{}", line(finding, style)))?;
        writeln!(
            output,
            "{} looked at: {} problems, {} warnings",
            summary.findings, summary.problems, summary.warnings
        )?;
    }
    output.flush()?;
    if summary.problems > 0 {
        bail!("{} problems", summary.problems);
    }
    Ok(())
}

/// A finding for a person: a word, what, and what to do on a line of its own.
fn line(finding: &Finding, style: Style) -> String {
    let word = match finding.state {
        State::Fine => style.green("fine   "),
        State::Warning => style.yellow("warning"),
        State::Problem => style.red("PROBLEM"),
        State::Unknown => style.dim("unknown"),
    };
    let mut text = format!("{word}  {:<15} {}", finding.name.replace('_', " "), plain(&finding.found));
    if let Some(advice) = &finding.advice {
        text.push_str(&format!("\n{:26}{}", "", style.bold(&plain(advice))));
    }
    text
}
