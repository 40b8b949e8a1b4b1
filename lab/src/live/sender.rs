//! A paced sender: prebuilt datagrams, stamped one by one, in batches of `sendmmsg` over several source ports.
//!
//! Each source port is an observation domain of its own with its own templates and sequence numbers, so that
//! SO_REUSEPORT has something to spread. Batches rotate over the ports.

use std::io::IoSlice;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::prctl::set_timerslack;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};

use super::datagram::{Datagram, Exporter, Protocol};
use super::ring::{self, Mix};
use super::{SENDING_CORE, pace, processor};

/// Source ports, each a domain.
const PORTS: u32 = 8;
/// Most datagrams of one system call.
const BATCH: usize = 32;
/// How exact waiting has to be.
const TIMER_SLACK_NANOSECONDS: u64 = 1_000;
/// Pause of the sender when nothing is due.
const PAUSE: Duration = Duration::from_micros(50);

/// What to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// The export protocol.
    pub(crate) protocol: Protocol,
    /// Protected hosts that records name.
    pub(crate) hosts: u32,
    /// What the records say.
    pub(crate) mix: Mix,
}

/// What was sent.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Sent {
    /// Datagrams with records.
    pub(crate) datagrams: u64,
    /// Datagrams with templates.
    pub(crate) templates: u64,
    /// Records.
    pub(crate) records: u64,
    /// How long it took.
    pub(crate) seconds: f64,
    /// System calls that failed: nobody listens any more.
    pub(crate) errors: u64,
}

impl Sent {
    /// Datagrams a second.
    pub(crate) fn rate(&self) -> f64 {
        self.datagrams as f64 / self.seconds.max(1e-9)
    }
}

/// A sender with its sockets and its prebuilt datagrams.
pub(crate) struct Sender {
    lanes: Vec<(UdpSocket, Exporter)>,
    ring: Vec<Datagram>,
    records: u64,
    place: usize,
    lane: usize,
}

impl Sender {
    /// Sockets towards a receiver on loopback, and the ring.
    ///
    /// # Errors
    /// When no socket can be opened.
    pub(crate) fn new(load: &Load, to: SocketAddr) -> Result<Self> {
        let epoch = pace::now();
        let mut lanes = Vec::new();
        for domain in 1..=PORTS {
            let socket = UdpSocket::bind("127.0.0.1:0").context("sender")?;
            socket.connect(to).context("sender")?;
            lanes.push((socket, Exporter::new(load.protocol, domain, epoch)));
        }
        // The domain stands in the header of a datagram, so lanes share no datagrams: see `batch`.
        let exporter = Exporter::new(load.protocol, 1, epoch);
        let ring = ring::datagrams(&exporter, load.protocol, load.hosts, load.mix);
        Ok(Self { lanes, ring, records: load.protocol.records() as u64, place: 0, lane: 0 })
    }

    /// Sends at that many datagrams a second, from the sending core.
    ///
    /// # Errors
    /// When this machine has no such core.
    pub(crate) fn run(&mut self, rate: f64, seconds: f64) -> Result<Sent> {
        // A thread of its own, since its timer slack and its core are nobody else's.
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                set_timerslack(TIMER_SLACK_NANOSECONDS)?;
                processor::on_cores(&[SENDING_CORE], || Ok(self.send(rate, seconds)))
            });
            sending.join().unwrap_or_else(|_| anyhow::bail!("the sender panicked"))
        })
    }

    fn send(&mut self, rate: f64, seconds: f64) -> Sent {
        let mut sent = Sent::default();
        self.templates(&mut sent);
        let begin = Instant::now();
        let total = (rate * seconds) as u64;
        let mut templates_at = 1.0;
        loop {
            let elapsed = begin.elapsed().as_secs_f64();
            if sent.datagrams >= total || elapsed > seconds * 1.5 {
                sent.seconds = elapsed;
                sent.records = sent.datagrams * self.records;
                return sent;
            }
            if elapsed > templates_at {
                templates_at += 1.0;
                self.templates(&mut sent);
            }
            let due = ((elapsed * rate) as u64).min(total).saturating_sub(sent.datagrams);
            match due {
                0 => pace::wait(PAUSE),
                due => self.batch(due.min(BATCH as u64) as usize, &mut sent),
            }
        }
    }

    fn templates(&mut self, sent: &mut Sent) {
        let now = pace::now();
        for (socket, exporter) in &mut self.lanes {
            let Some(templates) = exporter.templates(now) else { return };
            match socket.send(&templates) {
                Ok(_) => sent.templates += 1,
                Err(_) => sent.errors += 1,
            }
        }
    }

    fn batch(&mut self, count: usize, sent: &mut Sent) {
        self.lane = (self.lane + 1) % self.lanes.len();
        // The ring does not wrap inside a batch.
        self.place = if self.place >= self.ring.len() { 0 } else { self.place };
        let end = (self.place + count).min(self.ring.len());
        let (Some((socket, exporter)), Some(batch)) =
            (self.lanes.get_mut(self.lane), self.ring.get_mut(self.place..end))
        else {
            return;
        };
        let now = pace::now();
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(batch.len(), None);
        let before = exporter.clone();
        for datagram in batch.iter_mut() {
            exporter.stamp(now, datagram);
            exporter.name(datagram);
        }
        let slices: Vec<[IoSlice<'_>; 1]> =
            batch.iter().map(|datagram| [IoSlice::new(&datagram.bytes)]).collect();
        let nowhere = vec![None::<SockaddrStorage>; slices.len()];
        let done = sendmmsg(socket.as_raw_fd(), &mut headers, &slices, &nowhere, [], MsgFlags::empty());
        match done.map(Iterator::count) {
            Ok(done) => {
                if done < slices.len() {
                    exporter.take_back((slices.len() - done) as u32);
                }
                self.place += done;
                sent.datagrams += done as u64;
            }
            Err(_) => {
                *exporter = before;
                sent.errors += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::flow::{FlowDecoder, FlowSink, Limits};
    use wire::{Address, FlowRecord, Time};

    struct Nothing;

    impl FlowSink for Nothing {
        fn flow(&mut self, _: &FlowRecord) {}
    }

    /// What arrives is what was sent: all records, no gap in any domain's sequence, several source ports.
    #[test]
    fn what_is_sent_is_whole() {
        for protocol in Protocol::ALL {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            let load = Load { protocol, hosts: 1_000, mix: Mix::Conversations };
            let mut sender = Sender::new(&load, socket.local_addr().unwrap()).unwrap();
            // As many as the default receive buffer holds for sure.
            let sent = match sender.run(400.0, 0.1) {
                Ok(sent) => sent,
                Err(error) => {
                    println!("skipped: what_is_sent_is_whole: {error:#}");
                    return;
                }
            };
            let mut decoder = FlowDecoder::new(Limits::default(), [1; 16]);
            let (mut records, mut ports, mut bytes) = (0, Vec::new(), [0; 2_048]);
            while let Ok((length, from)) = socket.recv_from(&mut bytes) {
                let exporter = Address::from(from.ip());
                let outcome = decoder.decode(exporter, Time::default(), &bytes[..length], &mut Nothing);
                assert_eq!((outcome.lost, outcome.skipped), (0, 0), "{protocol:?}");
                records += u64::from(outcome.records);
                ports.push(from.port());
            }
            ports.sort_unstable();
            ports.dedup();
            assert!(sent.records > 0 && ports.len() > 1);
            assert_eq!(records, sent.records, "{protocol:?}");
        }
    }
}
