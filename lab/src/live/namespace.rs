//! A network namespace in which there is nothing but a loopback interface.

use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::sched::{CloneFlags, unshare};

/// Moves this process into a new network namespace and brings its loopback interface up. Programs and threads that are
/// started afterwards are in it too; to be called from the main thread before any other thread runs.
///
/// # Errors
/// Without the right to do so (root, or CAP_SYS_ADMIN), or without the program `ip`.
pub(crate) fn enter() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace (needs root)")?;
    let output = Command::new("ip").args(["link", "set", "lo", "up"]).output().context("ip (iproute2)")?;
    if !output.status.success() {
        bail!("ip link set lo up: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
