//! `hemicycle user`: accounts of the console, for whoever stands at the server. It works while the service runs.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result, bail};
use console::people::{People, Policy};

use crate::cli::{UserArguments, UserTask};
use crate::files::shown;
use crate::serve::config_of;
use crate::serve::office::snapshot;

/// Does what was asked for.
///
/// # Errors
/// When there is no console in the configuration, nobody has signed in yet, there is no such account, or the accounts are
/// somebody else's.
pub(crate) fn run(arguments: &UserArguments) -> Result<()> {
    let UserTask::Link { name, config: path, color } = &arguments.task;
    let (config, _) = config_of(path, color.color)?;
    let Some(desk) = &config.console else { bail!("{} has no [console]", shown(path)) };
    let file = desk.folder.join("people.sqlite3");
    let data = fs::metadata(&file).with_context(|| format!("cannot look at {}", shown(&file)))?;
    // Files that SQLite makes beside it would be ours, and the service could not write them.
    if data.uid() != nix::unistd::geteuid().as_raw() {
        bail!(
            "the accounts belong to another user; run this as the one that the service runs as (uid {})",
            data.uid()
        );
    }
    let people = People::open(&file, snapshot::clock(), Policy::default())?;
    let token = people.reset(name, "command line")?;
    let mut output = io::stdout().lock();
    for address in &desk.listen {
        writeln!(output, "https://{address}/welcome/{token}")?;
    }
    writeln!(
        output,
        "good once, for {} minutes; until it is used everything stays as it is",
        Policy::default().link_seconds / 60
    )?;
    Ok(output.flush()?)
}
