//! `hemicycle serve`, built from the same workspace as this program.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::live::RECEIVE_BUFFER_BYTES;

/// Services that the institution of the load declares; the other hosts are known by their prefix.
const SERVICES: u32 = 64;

/// The program beside this one.
pub(crate) fn binary() -> Result<PathBuf> {
    let file = std::env::current_exe()?.with_file_name("hemicycle");
    ensure!(file.is_file(), "{} is not built (cargo build --release -p hemicycle)", file.display());
    Ok(file)
}

pub(super) fn command(folder: &Path, port: u16, workers: usize) -> Result<Command> {
    detecting(folder, &institution(), &[format!("127.0.0.1:{port}")], workers)
}

/// The institution file of the load.
pub(crate) fn institution() -> String {
    let mut institution = String::from(
        "[institution]\nname = \"Load\"\ntime_zone = \"UTC\"\n\n[zone.hosts]\nprefixes = [\"10.20.0.0/16\"]\n\
         exposure = \"internet\"\n\n[exporter.local]\naddress = \"127.0.0.1\"\n",
    );
    for number in 0..SERVICES {
        let _ = write!(
            institution,
            "\n[service.s{number}]\nzone = \"hosts\"\naddresses = [\"10.20.0.{number}\"]\n"
        );
    }
    institution
}

/// The service for an institution file, listening on these addresses.
pub(crate) fn detecting(
    folder: &Path,
    institution: &str,
    listen: &[String],
    workers: usize,
) -> Result<Command> {
    fs::write(folder.join("institution.toml"), institution)?;
    let state = folder.join("state");
    fs::create_dir_all(&state)?;
    let listen: Vec<String> = listen.iter().map(|address| format!("\"{address}\"")).collect();
    let configuration = format!(
        "institution = \"institution.toml\"\nwatch = false\n\n[listen]\nflows = [{}]\nworkers = {workers}\n\
         receive_buffer_bytes = {RECEIVE_BUFFER_BYTES}\n\n[metrics]\nlisten = \"127.0.0.1:9464\"\n\n[state]\nfolder = \"{}\"\n",
        listen.join(", "),
        state.display()
    );
    let file = folder.join("serve.toml");
    fs::write(&file, configuration)?;
    let mut command = Command::new(binary()?);
    command.arg("serve").arg("--config").arg(file);
    Ok(command)
}

/// Records of its last line, the summary: all that are decoded get to the detector.
pub(super) fn count(folder: &Path) -> Result<u64> {
    let text = fs::read_to_string(folder.join("out"))?;
    let last = text.lines().last().context("hemicycle serve said nothing at its end")?;
    let summary: serde_json::Value = serde_json::from_str(last).context("hemicycle's last line")?;
    summary["records"].as_u64().context("the last line is no summary")
}
