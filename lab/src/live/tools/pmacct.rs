//! nfacctd and sfacctd with the memory plugin, counting by destination, with the buffers that its manual asks for under load.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::live::RECEIVE_BUFFER_BYTES;
use crate::live::datagram::Protocol;

/// Packets of each record that is sent.
const PACKETS_PER_RECORD: u64 = 10;

pub(super) fn command(folder: &Path, program: &str, port: u16) -> Result<Command> {
    let pipe = folder.join("pipe");
    let lines = [
        format!("{program}_port: {port}"),
        format!("{program}_ip: 127.0.0.1"),
        format!("{program}_pipe_size: {RECEIVE_BUFFER_BYTES}"),
        "plugins: memory".to_owned(),
        "aggregate: dst_host".to_owned(),
        format!("imt_path: {}", pipe.display()),
        "imt_buckets: 65537".to_owned(),
        "imt_mem_pools_number: 0".to_owned(),
        "imt_mem_pools_size: 1048576".to_owned(),
        "plugin_pipe_size: 67108864".to_owned(),
        "plugin_buffer_size: 131072".to_owned(),
        "daemonize: false".to_owned(),
    ];
    let file = folder.join("pmacct.conf");
    std::fs::write(&file, lines.join("\n") + "\n")?;
    let mut command = Command::new(program);
    command.arg("-f").arg(file);
    Ok(command)
}

/// Records in its table: packets by the packets of each.
pub(super) fn count(folder: &Path, protocol: Protocol) -> Result<u64> {
    let output =
        Command::new("pmacct").arg("-p").arg(folder.join("pipe")).args(["-s", "-O", "json"]).output()?;
    let mut packets = 0;
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with('{')) {
        let row: serde_json::Value = serde_json::from_str(line).context("pmacct -O json")?;
        packets += row["packets"].as_u64().unwrap_or(0);
    }
    Ok(if protocol == Protocol::Sflow { packets } else { packets / PACKETS_PER_RECORD })
}
