//! Every socket of syslog on one thread.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, TcpListener},
    os::fd::AsFd,
    sync::Arc,
    time::{Duration, Instant},
};

use ipnet::IpNet;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use rustls::ServerConfig;
use wire::Address;

use super::{
    Message, SyslogCounters, SyslogError, SyslogOptions, Transport,
    options::MAX_LISTEN,
    split::SplitCounters,
    stream::{Ended, Stream},
    tls,
};
use crate::collect::{self, CollectorOptions, Worker, now};

/// Memory for one read.
const BUFFER_BYTES: usize = 64 << 10;
/// Connections taken up in one turn of one listener.
const ACCEPTS_PER_TURN: usize = 32;
/// After a connection could not be taken up, mostly for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
/// Between two looks for silent connections.
const LOOK: Duration = Duration::from_secs(1);
/// Longest wait.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Receives syslog. For one thread.
pub struct Syslog {
    udp: Option<Worker>,
    /// With the addresses that were found, UDP first, then TCP, then TLS.
    listening: Vec<(Transport, SocketAddr)>,
    listeners: Vec<(TcpListener, bool)>,
    tls: Option<Arc<ServerConfig>>,
    streams: Vec<Stream>,
    senders: Vec<IpNet>,
    options: SyslogOptions,
    buffer: Vec<u8>,
    counters: SyslogCounters,
    looked: Instant,
    accept_from: Instant,
}

impl fmt::Debug for Syslog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Syslog").field("listening", &self.listening).finish_non_exhaustive()
    }
}

impl Syslog {
    /// Opens every address, or none.
    ///
    /// # Errors
    /// [`SyslogError`] for options outside their limits, credentials that cannot be used and whatever the system refuses.
    pub fn open(options: &SyslogOptions) -> Result<Self, SyslogError> {
        check(options)?;
        let tls = match &options.credentials {
            Some(credentials) if !options.tls.is_empty() => Some(tls::configuration(credentials)?),
            _ => None,
        };
        let mut listening = Vec::new();
        let mut udp = None;
        if !options.udp.is_empty() {
            let mut bound = collect::bind(&CollectorOptions::new(options.udp.clone()))?;
            listening.extend(bound.sockets.iter().map(|socket| (Transport::Udp, socket.address)));
            udp = bound.workers.pop();
        }
        let mut listeners = Vec::new();
        let tcp = options.tcp.iter().map(|address| (address, false));
        for (&address, is_tls) in tcp.chain(options.tls.iter().map(|address| (address, true))) {
            let failed = |source| SyslogError::Listen { address, source };
            let listener = TcpListener::bind(address).map_err(failed)?;
            listener.set_nonblocking(true).map_err(failed)?;
            let transport = if is_tls { Transport::Tls } else { Transport::Tcp };
            listening.push((transport, listener.local_addr().map_err(failed)?));
            listeners.push((listener, is_tls));
        }
        Ok(Self {
            udp,
            listening,
            listeners,
            tls,
            streams: Vec::new(),
            senders: options.senders.clone(),
            options: options.clone(),
            buffer: vec![0; BUFFER_BYTES],
            counters: SyslogCounters::default(),
            looked: Instant::now(),
            accept_from: Instant::now(),
        })
    }

    /// Where it listens, with ports that were found.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// Hears others from now on. Open connections of who is not among them are closed.
    pub fn declare(&mut self, senders: Vec<IpNet>) {
        self.senders = senders;
        let Self { streams, senders, .. } = self;
        streams.retain(|stream| is_heard(senders, stream.peer.ip()));
    }

    /// Waits up to `timeout` (half a second at most) for messages and gives them to `take`: a bounded part of what every
    /// socket has. Gives how many there were.
    ///
    /// # Errors
    /// [`SyslogError::Wait`] if the system refuses to wait. What fails at a single socket is only counted.
    pub fn receive(
        &mut self,
        timeout: Duration,
        take: &mut impl FnMut(Message<'_>),
    ) -> Result<u64, SyslogError> {
        let before = self.counters.messages;
        let ready = self.wait(timeout.min(LONGEST_WAIT))?;
        self.datagrams(take);
        self.connections(&ready, take);
        self.accept();
        self.close_silent(take);
        self.counters.open_connections = self.streams.len() as u64;
        Ok(self.counters.messages - before)
    }

    /// Which streams have something.
    fn wait(&self, timeout: Duration) -> Result<Vec<bool>, SyslogError> {
        let udp = self.udp.iter().flat_map(Worker::descriptors);
        let accepts = Instant::now() >= self.accept_from;
        let listeners = self.listeners.iter().filter(|_| accepts).map(|(listener, _)| listener.as_fd());
        let mut waits: Vec<PollFd<'_>> = udp
            .chain(listeners)
            .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
            .collect();
        let others = waits.len();
        waits.extend(self.streams.iter().map(|stream| {
            let write = if stream.wants_write() { PollFlags::OUT } else { PollFlags::empty() };
            PollFd::from_borrowed_fd(stream.socket.as_fd(), PollFlags::IN | write)
        }));
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        };
        match poll(&mut waits, Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(cause) => return Err(SyslogError::Wait(cause.into())),
        }
        Ok(waits.iter().skip(others).map(|wait| !wait.revents().is_empty()).collect())
    }

    fn datagrams(&mut self, take: &mut impl FnMut(Message<'_>)) {
        let Self { udp: Some(udp), senders, counters, .. } = self else { return };
        let received = udp.receive(Duration::ZERO, |datagram| {
            let sender = datagram.from.ip();
            if !is_heard(senders, sender) {
                counters.undeclared_datagrams += 1;
                return;
            }
            counters.messages += 1;
            counters.bytes += datagram.bytes.len() as u64;
            take(Message {
                bytes: datagram.bytes,
                sender: Address::from(sender),
                arrival: datagram.arrival,
                transport: Transport::Udp,
            });
        });
        counters.errors += u64::from(received.is_err());
    }

    fn connections(&mut self, ready: &[bool], take: &mut impl FnMut(Message<'_>)) {
        let Self { streams, buffer, counters, .. } = self;
        let arrival = now();
        let mut ready = ready.iter();
        streams.retain_mut(|stream| {
            if !ready.next().copied().unwrap_or(false) {
                return true;
            }
            let (sender, transport) = (Address::from(stream.peer.ip()), stream.transport());
            let mut give = |bytes: &[u8]| {
                counters.bytes += bytes.len() as u64;
                take(Message { bytes, sender, arrival, transport });
            };
            let ended = stream.turn(buffer, &mut give);
            let is_over = !matches!(ended, Ended::No | Ended::Full);
            if is_over {
                stream.splitter.finish(&mut give);
            }
            counters.count(&mut stream.splitter.counters);
            counters.full_reads += u64::from(ended == Ended::Full);
            counters.broken_connections += u64::from(matches!(ended, Ended::Broken | Ended::Tls));
            counters.tls_failures += u64::from(ended == Ended::Tls);
            !is_over
        });
    }

    fn accept(&mut self) {
        if Instant::now() < self.accept_from {
            return;
        }
        let Self { listeners, streams, senders, counters, tls, options, .. } = self;
        for (listener, is_tls) in listeners {
            for _ in 0..ACCEPTS_PER_TURN {
                let (socket, peer) = match listener.accept() {
                    Ok(accepted) => accepted,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => {
                        counters.errors += 1;
                        self.accept_from = Instant::now() + ACCEPT_PAUSE;
                        break;
                    }
                };
                // Closed by being dropped.
                if !is_heard(senders, peer.ip()) {
                    counters.undeclared_connections += 1;
                } else if streams.len() >= options.connections {
                    counters.refused_connections += 1;
                } else {
                    let tls = tls.as_ref().filter(|_| *is_tls);
                    match Stream::new(socket, peer, tls, options.message_bytes) {
                        Ok(stream) => {
                            counters.connections += 1;
                            streams.push(stream);
                        }
                        Err(_) => counters.errors += 1,
                    }
                }
            }
        }
    }

    fn close_silent(&mut self, take: &mut impl FnMut(Message<'_>)) {
        let now_instant = Instant::now();
        if now_instant.duration_since(self.looked) < LOOK.min(self.options.idle) {
            return;
        }
        self.looked = now_instant;
        let Self { streams, counters, options, .. } = self;
        let arrival = now();
        streams.retain_mut(|stream| {
            let is_idle = stream.is_idle(now_instant, options.idle);
            if is_idle {
                counters.idle_connections += 1;
                let (sender, transport) = (Address::from(stream.peer.ip()), stream.transport());
                stream.splitter.finish(&mut |bytes| take(Message { bytes, sender, arrival, transport }));
                counters.count(&mut stream.splitter.counters);
            }
            !is_idle
        });
    }

    /// Asks the kernel how many datagrams it dropped since the last call.
    pub fn kernel_drops(&mut self) -> u64 {
        let drops = self.udp.as_mut().map_or(0, Worker::kernel_drops);
        self.counters.kernel_drops += drops;
        drops
    }

    /// What was counted so far.
    pub fn counters(&self) -> SyslogCounters {
        self.counters
    }
}

impl SyslogCounters {
    /// Takes over what a splitter has counted.
    fn count(&mut self, counted: &mut SplitCounters) {
        let SplitCounters { messages, oversized, malformed, unfinished } = std::mem::take(counted);
        self.messages += messages;
        self.oversized += oversized;
        self.malformed += malformed;
        self.unfinished += unfinished;
    }
}

fn is_heard(senders: &[IpNet], address: IpAddr) -> bool {
    senders.iter().any(|network| network.contains(&address))
}

fn check(options: &SyslogOptions) -> Result<(), SyslogError> {
    let lists = [&options.udp, &options.tcp, &options.tls];
    if lists.iter().all(|list| list.is_empty()) {
        return Err(SyslogError::NothingToListenOn);
    }
    if let Some(list) = lists.iter().find(|list| list.len() > MAX_LISTEN) {
        return Err(SyslogError::TooManyAddresses(list.len()));
    }
    if options.senders.is_empty() {
        return Err(SyslogError::NoSenders);
    }
    if !options.tls.is_empty() && options.credentials.is_none() {
        return Err(SyslogError::NoCredentials);
    }
    // RFC 5426 section 3.2 asks for 480 at the least.
    range("message_bytes", options.message_bytes, 480, 1 << 20)?;
    range("connections", options.connections, 1, 4096)
}

fn range(name: &'static str, value: usize, least: usize, most: usize) -> Result<(), SyslogError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(SyslogError::Range { name, value, least, most })
    }
}
