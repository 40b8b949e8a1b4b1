//! A mirror port at full speed: a cable in a namespace of our own, `tcpreplay` at its top speed at one end, `hemicycle serve`
//! at the other, each on a core.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;
use serde_json::json;

use super::packets::FILE;
use crate::live::tools::{end, find, hemicycle_detecting, spawn};
use crate::live::{RECEIVING_CORE, SENDING_CORE, pace, processor};
use crate::report::Report;
use crate::table::Table;

/// Where the service tells its counters.
const METRICS_PORT: u16 = 9464;
/// How long the service may take to start, and to see the last frame.
const PATIENCE: Duration = Duration::from_secs(20);
/// Every destination is protected, since the captures are of many networks.
const INSTITUTION: &str = "[institution]\nname = \"Mirror\"\ntime_zone = \"UTC\"\n\n[zone.hosts]\n\
    prefixes = [\"192.0.2.0/24\", \"2001:db8:1::/48\"]\nexposure = \"internet\"\n";

/// Share of the frames that were sent which the service looked at; 0 if the kernel dropped one at its ring.
pub(super) fn run(folder: &Path, capture: &Arc<[u8]>, report: &mut Report) -> Result<f64> {
    let tcpreplay = find("tcpreplay").context("tcpreplay is not installed")?;
    cable()?;
    let mut service = hemicycle_detecting(folder, INSTITUTION, &[], 1)?;
    let mut file = OpenOptions::new().append(true).open(folder.join("serve.toml"))?;
    file.write_all(b"\n[[mirror]]\ninterface = \"span\"\n")?;
    let mut child = processor::on_cores(&[RECEIVING_CORE], || spawn(&mut service, folder))?;
    let result = (|| {
        let is_ready = pace::until(PATIENCE, || figure("mirror_frames_total").is_ok());
        let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
        ensure!(is_ready, "hemicycle serve does not start: {}", log.trim());
        let output = processor::on_cores(&[SENDING_CORE], || {
            let mut command = Command::new(&tcpreplay);
            command.args(["-q", "-K", "--topspeed", "-i", "sender", FILE]).current_dir(folder);
            command.output().context("tcpreplay")
        })?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let sent = number(&said, "Actual: ").with_context(|| format!("tcpreplay said: {}", said.trim()))?;
        let seconds =
            said.split(" sent in ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<f64>().ok());
        let seen = || figure("mirror_frames_total").unwrap_or(0.0);
        pace::until(PATIENCE, || seen() + figure("mirror_kernel_drops_total").unwrap_or(0.0) >= sent);
        Ok((sent, seconds.unwrap_or(f64::NAN), seen(), figure("mirror_kernel_drops_total")?))
    })();
    end(&mut child, Signal::SIGTERM)?;
    let (sent, seconds, seen, drops) = result?;
    let mut table = Table::new(
        format!("Mirror at the top speed of tcpreplay, {} MB", capture.len() / 1_000_000),
        &["frames sent", "a second", "looked at", "dropped by the kernel"],
    );
    table.row(vec![
        format!("{sent}"),
        format!("{:.0}", sent / seconds),
        format!("{seen}"),
        format!("{drops}"),
    ]);
    report.line(&json!({"kind": "mirror", "sent": sent, "seconds": seconds, "looked_at": seen, "kernel_drops": drops}));
    report.table(table);
    Ok(if drops > 0.0 { 0.0 } else { (seen / sent.max(1.0)).min(1.0) })
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
