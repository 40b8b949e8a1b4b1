//! FastNetMon Community, with the configuration that its package installs and few changes: no reports to the vendor, our
//! networks, and a larger receive buffer, which it cannot be asked for and gets from a preloaded library.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::{find, spawn};
use crate::live::RECEIVE_BUFFER_BYTES;

/// Where it tells its counters.
const METRICS_PORT: u16 = 9209;
/// Where Debian puts its configuration.
const SHIPPED: &str = "/etc/fastnetmon.conf";

/// For throughput: no bans.
pub(super) fn command(folder: &Path) -> Result<Command> {
    let keys = [("enable_ban", "off".to_owned()), ("enable_ban_ipv6", "off".to_owned())];
    let configuration = configuration(folder, "10.20.0.0/16\n", &keys)?;
    program(folder, &configuration)
}

fn program(folder: &Path, configuration: &Path) -> Result<Command> {
    let mut command = Command::new(find("fastnetmon").context("fastnetmon is not installed")?);
    command
        .arg("--configuration_file")
        .arg(configuration)
        .args(["--log_to_console", "--disable_pid_logic"])
        .env("LD_PRELOAD", larger_buffer(folder)?);
    Ok(command)
}

/// Writes a configuration: the shipped one with these keys set over it.
fn configuration(folder: &Path, networks: &str, keys: &[(&str, String)]) -> Result<PathBuf> {
    let file = |name: &str| folder.join(name).display().to_string();
    fs::write(folder.join("networks"), networks)?;
    fs::write(folder.join("whitelist"), "")?;
    let own = [
        ("disable_usage_report", "on".to_owned()),
        ("networks_list_path", file("networks")),
        ("white_list_path", file("whitelist")),
        ("netflow", "on".to_owned()),
        ("sflow", "on".to_owned()),
        ("netflow_host", "127.0.0.1".to_owned()),
        ("sflow_host", "127.0.0.1".to_owned()),
        ("notify_script_path", file("notify")),
        ("monitor_local_ip_addresses", "off".to_owned()),
        ("pid_path", file("pid")),
        ("cli_stats_file_path", file("statistics")),
        ("cli_stats_ipv6_file_path", file("statistics6")),
    ];
    let mut text = fs::read_to_string(SHIPPED).with_context(|| SHIPPED.to_owned())?;
    for (key, value) in own.iter().chain(keys) {
        let begins = format!("{key} = ");
        let changed: Vec<String> = text
            .lines()
            .map(|line| if line.starts_with(&begins) { format!("{begins}{value}") } else { line.to_owned() })
            .collect();
        ensure!(text.lines().any(|line| line.starts_with(&begins)), "{SHIPPED} has no key {key}");
        text = changed.join("\n") + "\n";
    }
    let path = folder.join("fastnetmon.conf");
    fs::write(&path, text)?;
    Ok(path)
}

/// A library that asks for a receive buffer when a UDP socket is bound.
fn larger_buffer(folder: &Path) -> Result<PathBuf> {
    let source = format!(
        r#"#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
int bind(int socket, const struct sockaddr *address, socklen_t length) {{
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  int kind = 0, bytes = {RECEIVE_BUFFER_BYTES};
  socklen_t size = sizeof kind;
  getsockopt(socket, SOL_SOCKET, SO_TYPE, &kind, &size);
  if (kind == SOCK_DGRAM) setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  return real(socket, address, length);
}}
"#
    );
    let (source_file, library) = (folder.join("buffer.c"), folder.join("buffer.so"));
    fs::write(&source_file, source)?;
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-o"])
        .arg(&library)
        .arg(&source_file)
        .arg("-ldl")
        .output();
    let output = output.context("cc, for FastNetMon's receive buffer")?;
    ensure!(output.status.success(), "cc: {}", String::from_utf8_lossy(&output.stderr));
    Ok(library)
}

/// It reads a mirror port, and bans nobody. It shares the frames out by core, on workers that it pins itself.
pub(crate) fn mirroring(folder: &Path, interface: &str, networks: &str) -> Result<Command> {
    let keys = [
        ("enable_ban", "off".to_owned()),
        ("enable_ban_ipv6", "off".to_owned()),
        ("netflow", "off".to_owned()),
        ("sflow", "off".to_owned()),
        ("mirror_afpacket", "on".to_owned()),
        ("interfaces", interface.to_owned()),
    ];
    let configuration = configuration(folder, networks, &keys)?;
    program(folder, &configuration)
}

/// Records or packets that it processed.
pub(crate) fn count() -> Result<u64> {
    let mut stream =
        TcpStream::connect((Ipv4Addr::LOCALHOST, METRICS_PORT)).context("FastNetMon's metrics")?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let key = "fastnetmon_total_simple_packets_processed ";
    let Some(value) = text.lines().find_map(|line| line.strip_prefix(key)) else {
        bail!("FastNetMon's metrics have no {key}");
    };
    value.trim().parse().context("FastNetMon's metrics")
}

/// FastNetMon that bans, for the time to alarm.
pub(crate) struct Detecting {
    /// The process.
    pub(crate) child: Child,
    /// Where its notify script writes a line for each ban: seconds since 1970, then the address.
    pub(crate) bans: PathBuf,
}

/// Starts it with a threshold of packets a second for every host.
pub(crate) fn detecting(
    folder: &Path,
    networks: &str,
    threshold: u64,
    ports: (u16, u16),
) -> Result<Detecting> {
    let bans = folder.join("bans");
    let script = format!("#!/bin/sh\necho \"$(date +%s.%N) $1 $4\" >> {}\ncat > /dev/null\n", bans.display());
    let notify = folder.join("notify");
    fs::write(&notify, script)?;
    make_executable(&notify)?;
    let keys = [
        ("threshold_pps", threshold.to_string()),
        ("ban_for_bandwidth", "off".to_owned()),
        ("netflow_port", ports.0.to_string()),
        ("sflow_port", ports.1.to_string()),
    ];
    let configuration = configuration(folder, networks, &keys)?;
    let child = spawn(&mut program(folder, &configuration)?, folder)?;
    Ok(Detecting { child, bans })
}

fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}
