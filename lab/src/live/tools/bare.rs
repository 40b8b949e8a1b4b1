//! This program itself, as a receiver that looks at nothing.

use std::process::Command;

use anyhow::{Context, Result};

pub(super) fn command(port: u16) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("the laboratory's own program")?);
    command.args(["receive", "--port", &port.to_string()]);
    Ok(command)
}
