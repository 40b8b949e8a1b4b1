//! A scene in real time: every datagram goes to `hemicycle serve` and to FastNetMon, in one namespace.
//!
//! Time to alarm of the service is when the first line about the flood is read from its standard output, of FastNetMon
//! when it starts its notify script; both count from the first datagram of the flood. FastNetMon's threshold is static,
//! so it is set where an operator would: half as much again as the ordinary rate.

use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use super::scene::{Export, Scene};
use super::score::{Alarm, Outcome, judge, network};
use super::traffic::Traffic;
use crate::live::tools::{self, find, folder};
use crate::live::{kernel, pace};

/// NetFlow and sFlow ports of the service, and of FastNetMon.
const PORTS: (u16, u16) = (2055, 6343);
const PEER_PORTS: (u16, u16) = (2056, 6344);
/// FastNetMon's threshold by the ordinary rate.
const PEER_THRESHOLD: f64 = 1.5;
/// What programs get to start and to say their last words.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one live run says of each.
pub(super) struct Run {
    pub(super) ours: Result<Outcome>,
    pub(super) peer: Result<Outcome>,
    /// Datagrams that the kernel dropped at the service's sockets.
    pub(super) dropped: u64,
}

/// Two sockets towards each receiver, from the addresses of the two exporters.
struct Senders {
    sflow: UdpSocket,
    netflow: UdpSocket,
}

impl Senders {
    fn new() -> Result<Self> {
        Ok(Self { sflow: UdpSocket::bind("127.0.0.1:0")?, netflow: UdpSocket::bind("127.0.0.2:0")? })
    }

    fn send(&self, export: Export, bytes: &[u8]) {
        let (socket, ports) = match export {
            Export::Netflow => (&self.netflow, [PORTS.0, PEER_PORTS.0]),
            Export::Sflow => (&self.sflow, [PORTS.1, PEER_PORTS.1]),
        };
        // Nobody may listen at one of them; what a receiver misses shows in its result.
        ports.into_iter().for_each(|port| drop(socket.send_to(bytes, ("127.0.0.1", port))));
    }
}

/// The service and its lines, each with the time at which it was read.
struct Service {
    child: Child,
    lines: Receiver<(i64, String)>,
}

/// Runs a scene with a seed. The namespace was entered before.
pub(super) fn run(scene: &Scene, seed: u64) -> Run {
    let (folder, other) = match (folder(), folder()) {
        (Ok(folder), Ok(other)) => (folder, other),
        (Err(error), _) | (_, Err(error)) => {
            let text = format!("{error:#}");
            return Run { ours: Err(error), peer: Err(anyhow::anyhow!(text)), dropped: 0 };
        }
    };
    let mut service = start(scene, folder.path());
    let mut peer = start_peer(scene, other.path());
    let (epoch, flooded) = match play(scene, seed) {
        Ok(played) => played,
        Err(error) => return Run { ours: Err(error), peer: Err(anyhow::anyhow!("not played")), dropped: 0 },
    };
    // The last act's alarm may be under way.
    pace::wait(Duration::from_secs(2));
    let dropped = kernel::drops(PORTS.0).unwrap_or(0) + kernel::drops(PORTS.1).unwrap_or(0);
    let ours = match &mut service {
        Ok(service) => finish(service).map(|lines| judge(scene, &flooded, &alarms(&lines, epoch))),
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    let peer = match &mut peer {
        Ok(peer) => finish_peer(peer, epoch).map(|alarms| judge(scene, &flooded, &alarms)),
        Err(error) => Err(anyhow::anyhow!("{error:#}")),
    };
    Run { ours, peer, dropped }
}

fn start(scene: &Scene, folder: &std::path::Path) -> Result<Service> {
    let listen = [PORTS.0, PORTS.1].map(|port| format!("127.0.0.1:{port}"));
    let mut command = tools::hemicycle_detecting(folder, &scene.institution(), &listen, 1)?;
    let log = std::fs::File::create(folder.join("log"))?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn()?;
    let output = child.stdout.take().context("its standard output")?;
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send((pace::now(), line)).is_err() {
                break;
            }
        }
    });
    if !pace::until(PATIENCE, || kernel::drops(PORTS.1).is_some()) {
        tools::end(&mut child, Signal::SIGTERM)?;
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        anyhow::bail!("hemicycle serve does not listen: {}", log.lines().last().unwrap_or_default());
    }
    Ok(Service { child, lines })
}

fn finish(service: &mut Service) -> Result<Vec<(i64, String)>> {
    ensure!(service.child.try_wait()?.is_none(), "hemicycle serve ended before its time");
    tools::end(&mut service.child, Signal::SIGTERM)?;
    // Its end closes its output, and so the reader's loop.
    Ok(service.lines.iter().collect())
}

fn alarms(lines: &[(i64, String)], epoch: i64) -> Vec<Alarm> {
    let alarm = |(read, line): &(i64, String)| {
        let event = serde_json::from_str(line).ok()?;
        Alarm::of_event((read - epoch) as f64 / 1e9, &event)
    };
    lines.iter().filter_map(alarm).collect()
}

fn start_peer(scene: &Scene, folder: &std::path::Path) -> Result<tools::Detecting> {
    find("fastnetmon").context("FastNetMon is not installed")?;
    let threshold = (scene.rate * PEER_THRESHOLD) as u64;
    let mut peer = tools::fastnetmon_detecting(folder, &scene.networks(), threshold, PEER_PORTS)?;
    if !pace::until(PATIENCE, || kernel::drops(PEER_PORTS.1).is_some()) {
        tools::end(&mut peer.child, Signal::SIGTERM)?;
        anyhow::bail!("FastNetMon does not listen");
    }
    Ok(peer)
}

/// Its bans: a line for each with the time and the address.
fn finish_peer(peer: &mut tools::Detecting, epoch: i64) -> Result<Vec<Alarm>> {
    tools::end(&mut peer.child, Signal::SIGTERM)?;
    let text = std::fs::read_to_string(&peer.bans).unwrap_or_default();
    let alarm = |line: &str| {
        let mut words = line.split(' ');
        let seconds: f64 = words.next()?.parse().ok()?;
        let target = network(words.next()?)?;
        (words.next()? == "ban").then(|| Alarm::on(seconds - epoch as f64 / 1e9, target))
    };
    Ok(text.lines().filter_map(alarm).collect())
}

/// Sends the scene. Gives when it began and when each act's flood did.
fn play(scene: &Scene, seed: u64) -> Result<(i64, Vec<Option<f64>>)> {
    let senders = Senders::new()?;
    let epoch = pace::now();
    let mut traffic = Traffic::new(scene, seed, epoch);
    let mut flooded: Vec<Option<f64>> = vec![None; scene.acts.len()];
    while let Some(time) = traffic.next() {
        let due = epoch + (time * 1e9) as i64;
        let ahead = due - pace::now();
        if ahead > 0 {
            pace::wait(Duration::from_nanos(ahead.unsigned_abs()));
        }
        let now = pace::now();
        let datagrams = traffic.tick(now);
        // A flood begins with its first datagram on the wire, not with the plan.
        let begun = (now - epoch) as f64 / 1e9;
        for (is, of_traffic) in flooded.iter_mut().zip(&traffic.flooded) {
            if is.is_none() && of_traffic.is_some() {
                *is = Some(begun);
            }
        }
        datagrams.iter().for_each(|sent| senders.send(sent.export, &sent.bytes));
    }
    Ok((epoch, flooded))
}
