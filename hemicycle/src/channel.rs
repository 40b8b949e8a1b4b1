//! `hemicycle notify`: whether a channel of the configuration reaches anybody, for whoever stands at the server.
//!
//! Nothing of a running service is touched: the channel is opened anew, one message goes out, and it is closed.

use std::io::{self, Write};

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::cli::{NotifyArguments, NotifyTask};
use crate::files::shown;
use crate::serve::config_of;
use crate::serve::office::channels;
use crate::style::plain;

/// Does what was asked for.
///
/// # Errors
/// When there is no such channel, it cannot be opened, or the message did not get through.
pub(crate) fn run(arguments: &NotifyArguments) -> Result<()> {
    let NotifyTask::Test { name, config: path, json: as_json, color } = &arguments.task;
    let (config, institution) = config_of(path, color.color)?;
    let Some(options) = config.notify.iter().find(|options| options.name == *name) else {
        let names: Vec<&str> = config.notify.iter().map(|options| options.name.as_str()).collect();
        let names = if names.is_empty() { "it has none".to_owned() } else { names.join(", ") };
        bail!("{} has no channel {name}: {names}", shown(path));
    };
    let kind = options.kind.name();
    let outcome = channels::test(options, &institution);
    let mut output = io::stdout().lock();
    if *as_json {
        let milliseconds = outcome.as_ref().ok().map(|took| took.as_millis() as u64);
        let error = outcome.as_ref().err().map(|error| format!("{error:#}"));
        let line = json!({
            "kind": "test",
            "channel": name,
            "channel_kind": kind,
            "delivered": outcome.is_ok(),
            "milliseconds": milliseconds,
            "error": error,
        });
        writeln!(output, "{line}")?;
    } else if let Ok(took) = &outcome {
        let milliseconds = took.as_millis();
        writeln!(output, "{}: the {kind} took the test, in {milliseconds} ms", plain(name))?;
    }
    output.flush()?;
    outcome.map(|_| ()).with_context(|| format!("the test of {name} did not get through"))
}
