//! nfcapd and sfcapd: every record is stored, uncompressed and in memory, which is their fastest way.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::live::RECEIVE_BUFFER_BYTES;

pub(super) fn command(folder: &Path, program: &str, port: u16) -> Result<Command> {
    let flows = folder.join("flows");
    std::fs::create_dir_all(&flows)?;
    let mut command = Command::new(program);
    command
        .args(["-p", &port.to_string(), "-b", "127.0.0.1", "-t", "3600"])
        .args(["-B", &RECEIVE_BUFFER_BYTES.to_string(), "-w"])
        .arg(flows);
    Ok(command)
}

/// Records in the files that it left.
pub(super) fn count(folder: &Path) -> Result<u64> {
    let output = Command::new("nfdump").arg("-R").arg(folder.join("flows")).arg("-I").output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let flows = text.lines().find_map(|line| line.strip_prefix("Flows: "));
    flows.and_then(|flows| flows.trim().parse().ok()).with_context(|| format!("nfdump -I says: {text}"))
}
