//! `hemicycle check`.

use std::io::{self, Write};

use anyhow::Result;
use institution::{Problem, Problems};
use serde::Serialize;

use crate::cli::CheckArguments;
use crate::files;
use crate::style::{Style, plain};

/// One problem as a line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    kind: &'static str,
    severity: &'static str,
    file: &'a str,
    line: usize,
    column: usize,
    message: &'a str,
    help: Option<&'a str>,
}

/// Reads the file and prints its summary or its problems.
///
/// # Errors
/// When it cannot be read or has problems.
pub(crate) fn run(arguments: &CheckArguments) -> Result<()> {
    let text = files::read(&arguments.file)?;
    let name = files::shown(&arguments.file);
    let mut output = io::stdout().lock();
    let color = Style::new(arguments.color.color, &io::stderr()).color;
    match institution::parse(&name, &text) {
        Err(problems) if arguments.json => {
            for problem in problems.list() {
                writeln!(output, "{}", line(&name, problem)?)?;
            }
            output.flush()?;
            Err(files::unusable(&name, &problems))
        }
        Err(problems) => {
            files::eprint_text(&problems.render(color));
            Err(files::unusable(&name, &problems))
        }
        Ok(institution) => {
            let summary = institution::describe(&institution);
            if arguments.json {
                writeln!(output, "{}", serde_json::to_string(&summary)?)?;
            } else {
                warn(&institution.warnings, color);
                write!(output, "{}", plain(&summary.to_string()))?;
            }
            Ok(output.flush()?)
        }
    }
}

fn warn(warnings: &Problems, color: bool) {
    if !warnings.is_empty() {
        files::eprint_text(&warnings.render(color));
    }
}

fn line(file: &str, problem: &Problem) -> Result<String> {
    let Problem { message, line, column, help, .. } = problem;
    let (kind, severity) = ("problem", "error");
    let line = Line { kind, severity, file, line: *line, column: *column, message, help: help.as_deref() };
    Ok(serde_json::to_string(&line)?)
}
