//! The one place that reports errors and turns them into an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::style::plain;

/// 0 for what was done, 1 with the chain of causes on standard error for what could not be. Who closes the pipe that
/// is written to has seen enough, which is no failure.
pub(crate) fn exit_code(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Where standard error is closed too, there is nobody left to tell.
            let _ = io::stderr().lock().write_all(report(&error).as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn report(error: &anyhow::Error) -> String {
    let mut text = String::new();
    let mut before = String::new();
    for cause in error.chain() {
        let message = cause.to_string();
        // Some errors print their source in their own text.
        if !before.is_empty() && before.contains(&message) {
            continue;
        }
        let lead = if text.is_empty() { "error" } else { "  caused by" };
        text.push_str(&format!("{lead}: {}\n", plain(&message)));
        before = message;
    }
    text
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let is = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(is)
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn every_cause_has_its_line_and_none_is_said_twice() {
        let lowest = Err::<(), _>(io::Error::other("disk on fire"));
        let error = lowest.context("cannot read x: disk on fire").context("cannot replay").unwrap_err();
        assert_eq!(report(&error), "error: cannot replay\n  caused by: cannot read x: disk on fire\n");
    }

    #[test]
    fn a_broken_pipe_is_found_under_its_context() {
        let error = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe)).context("output");
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&anyhow::anyhow!("Broken pipe")));
    }
}
