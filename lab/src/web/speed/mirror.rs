//! A mirror port at full speed: a cable in a namespace of our own, `tcpreplay` at its top speed at one end, `hemicycle serve`
//! and after it `FastNetMon` at the other, each on a core.
//!
//! What they need of a core is their CPU time, all threads, from the first frame to the last. Limit: FastNetMon pins its workers
//! itself, and with frames that come from the sending core works there; CPU time does not mind, its drops may.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::json;

use super::Figure;
use super::packets::FILE;
use crate::live::tools::{
    end, fastnetmon_count, fastnetmon_mirroring, find, folder, hemicycle_detecting, spawn,
};
use crate::live::{RECEIVING_CORE, SENDING_CORE, pace, processor};
use crate::report::Report;
use crate::table::Table;

/// Where the service tells its counters.
const METRICS_PORT: u16 = 9464;
/// How long a receiver may take to start, and to see the last frame.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a receiver does before it is ready (threads, tables) is not measured.
const SETTLING: Duration = Duration::from_secs(1);
/// What both protect: the network that the recordings are of. Other packets of the mixture pass by.
const NETWORK: &str = "192.0.2.0/24";

/// One receiver's pass over the capture.
struct Pass {
    /// Frames that were sent.
    sent: f64,
    /// Seconds of sending.
    seconds: f64,
    /// Frames that it looked at.
    seen: f64,
    /// Frames that the kernel dropped, if it tells.
    drops: Option<f64>,
    /// CPU seconds.
    cpu: f64,
}

impl Pass {
    /// Million packets that it looked at, for each second of a core.
    fn rate(&self) -> f64 {
        self.seen / self.cpu / 1e6
    }
}

/// Share of the frames that were sent which the service looked at, 0 if the kernel dropped one at its ring; and how many
/// times as many packets as `FastNetMon` it looks at in a second of a core.
pub(super) fn run(files: &Path, capture: &Arc<[u8]>, report: &mut Report) -> Result<[Figure; 2]> {
    cable()?;
    eprintln!("speed: the mirror");
    let ours = hemicycle(files)?;
    eprintln!("speed: the mirror, FastNetMon");
    let peer = fastnetmon(files).map_err(|error| format!("{error:#}"));
    let times = peer.as_ref().map(|peer| ours.rate() / peer.rate()).map_err(String::clone);
    let looked_at = if ours.drops.is_none_or(|drops| drops > 0.0) { 0.0 } else { ours.seen / ours.sent };
    let mut table = Table::new(
        format!(
            "Mirror at the top speed of tcpreplay, {} MB, {NETWORK} protected; CPU time of all threads",
            capture.len() / 1_000_000
        ),
        &[
            "receiver",
            "frames sent",
            "a second",
            "looked at",
            "dropped by the kernel",
            "M packets/s of a core",
        ],
    );
    for (name, pass) in [("hemicycle serve", Ok(ours)), ("FastNetMon", peer)] {
        table.row(row(name, &pass));
        let pass = pass.as_ref().ok();
        report.line(&json!({
            "kind": "mirror",
            "receiver": name,
            "sent": pass.map(|pass| pass.sent),
            "seconds": pass.map(|pass| pass.seconds),
            "looked_at": pass.map(|pass| pass.seen),
            "kernel_drops": pass.and_then(|pass| pass.drops),
            "million_packets_per_core_second": pass.map(Pass::rate),
        }));
    }
    report.table(table);
    Ok([Ok(looked_at.min(1.0)), times])
}

fn row(name: &str, pass: &Result<Pass, String>) -> Vec<String> {
    let pass = match pass {
        Ok(pass) => pass,
        Err(reason) => {
            let mut cells = vec![String::new(); 6];
            cells.splice(..2, [name.to_owned(), format!("skipped: {reason}")]);
            return cells;
        }
    };
    vec![
        name.to_owned(),
        format!("{:.0}", pass.sent),
        format!("{:.0}", pass.sent / pass.seconds),
        format!("{:.0}", pass.seen),
        pass.drops.map_or_else(|| "not told".to_owned(), |drops| format!("{drops:.0}")),
        format!("{:.3}", pass.rate()),
    ]
}

fn hemicycle(files: &Path) -> Result<Pass> {
    let folder = folder()?;
    let institution = format!(
        "[institution]\nname = \"Mirror\"\ntime_zone = \"UTC\"\n\n[zone.hosts]\nprefixes = [\"{NETWORK}\"]\nexposure = \"internet\"\n"
    );
    let mut service = hemicycle_detecting(folder.path(), &institution, &[], 1)?;
    let mut file = OpenOptions::new().append(true).open(folder.path().join("serve.toml"))?;
    file.write_all(b"\n[[mirror]]\ninterface = \"span\"\n")?;
    let mut child = processor::on_cores(&[RECEIVING_CORE], || spawn(&mut service, folder.path()))?;
    let seen = || figure("mirror_frames_total");
    let passed = pass(files, folder.path(), &child, &seen, &|| figure("mirror_kernel_drops_total").ok());
    end(&mut child, Signal::SIGTERM)?;
    passed
}

fn fastnetmon(files: &Path) -> Result<Pass> {
    let folder = folder()?;
    let mut command = fastnetmon_mirroring(folder.path(), "span", &format!("{NETWORK}\n"))?;
    let mut child = processor::on_cores(&[RECEIVING_CORE], || spawn(&mut command, folder.path()))?;
    let passed = pass(files, folder.path(), &child, &|| Ok(fastnetmon_count()? as f64), &|| None);
    end(&mut child, Signal::SIGTERM)?;
    passed
}

/// Plays the capture once to a receiver that was started.
fn pass(
    files: &Path,
    folder: &Path,
    child: &Child,
    seen: &impl Fn() -> Result<f64>,
    drops: &impl Fn() -> Option<f64>,
) -> Result<Pass> {
    let tcpreplay = find("tcpreplay").context("tcpreplay is not installed")?;
    let is_ready = pace::until(PATIENCE, || seen().is_ok());
    let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
    ensure!(is_ready, "the receiver does not start: {}", log.trim());
    pace::wait(SETTLING);
    let before = processor::time_of_tree(child.id());
    let output = processor::on_cores(&[SENDING_CORE], || {
        let mut command = Command::new(&tcpreplay);
        command.args(["-q", "-K", "--topspeed", "-i", "sender", FILE]).current_dir(files);
        command.output().context("tcpreplay")
    })?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let sent = number(&said, "Actual: ").with_context(|| format!("tcpreplay said: {}", said.trim()))?;
    let seconds = said.split(" sent in ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
    // Until nothing more comes: what one receiver calls a packet is not what another does.
    let mut last = -1.0;
    pace::until(PATIENCE, || {
        pace::wait(SETTLING / 2);
        let now = seen().unwrap_or(0.0);
        std::mem::replace(&mut last, now) >= now
    });
    let cpu = (processor::time_of_tree(child.id()) - before).as_secs_f64();
    let seconds = seconds.context("tcpreplay told no time")?;
    Ok(Pass { sent, seconds, seen: seen()?, drops: drops(), cpu })
}

/// Two ends of a cable on which nobody else speaks.
fn cable() -> Result<()> {
    ip(&["link", "add", "name", "sender", "type", "veth", "peer", "name", "span"])?;
    for end in ["sender", "span"] {
        let quiet = format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6");
        if Path::new(&quiet).exists() {
            fs::write(&quiet, "1").with_context(|| quiet.clone())?;
        }
        ip(&["link", "set", end, "arp", "off", "up"])?;
    }
    Ok(())
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output().context("ip (iproute2)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", arguments.join(" "), said.trim());
    Ok(())
}

/// The sum of a figure of the service over its labels.
fn figure(name: &str) -> Result<f64> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, METRICS_PORT)).context("metrics")?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    sum(&text, name).with_context(|| format!("the metrics have no {name}"))
}

fn sum(text: &str, name: &str) -> Option<f64> {
    let begins = format!("hemicycle_{name}");
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(&begins)?;
        if rest.starts_with('{') || rest.starts_with(' ') {
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        } else {
            None
        }
    });
    values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
}

/// The number behind a word.
fn number(text: &str, word: &str) -> Option<f64> {
    text.split(word).nth(1)?.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_summed_over_their_labels() {
        let text = "# HELP hemicycle_a_total x\nhemicycle_a_total{worker=\"0\"} 3\nhemicycle_a_total{worker=\"1\"} 4\nhemicycle_a_totals 9\n";
        assert_eq!(sum(text, "a_total"), Some(7.0));
        assert_eq!(sum(text, "b_total"), None);
    }

    #[test]
    fn what_tcpreplay_sent_is_read() {
        let said = "Actual: 3002 packets (180102 bytes) sent in 0.51 seconds\n";
        assert_eq!(number(said, "Actual: "), Some(3_002.0));
    }
}
