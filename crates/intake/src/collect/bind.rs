//! Opens all sockets, or none.

use std::{
    net::{IpAddr, SocketAddr},
    os::fd::OwnedFd,
    sync::Arc,
};

use rustix::{
    io::Errno,
    net::{self, AddressFamily, SocketFlags, SocketType, sockopt},
};

use super::{
    counters::{SharedCounters, SocketCounters},
    error::CollectError,
    options::{CollectorOptions, MAX_LISTEN, MAX_WORKERS, RECEIVE_BUFFER_BYTES},
    worker::{Socket, Worker},
};

/// Sockets that are open, and the workers that read them.
#[derive(Debug)]
pub struct Bound {
    /// Every socket, those of the first worker first, in the order of [`CollectorOptions::listen`].
    pub sockets: Vec<BoundSocket>,
    /// The workers, each for a thread of its own. Datagrams are kept from now on, whether they are read or not.
    pub workers: Vec<Worker>,
}

/// An open socket, as it is seen from outside its worker.
#[derive(Clone, Debug)]
pub struct BoundSocket {
    /// Where it listens; with the port that was found if port 0 was asked for.
    pub address: SocketAddr,
    /// Which worker reads it.
    pub worker: usize,
    /// Receive buffer that was asked for, in bytes.
    pub wanted_bytes: usize,
    /// Receive buffer that was granted, in bytes. The kernel sets aside twice as much, because it counts its own
    /// overhead too: a datagram of 1.4 kB takes 2.3 kB of it.
    pub granted_bytes: usize,
    /// Whether the limit of the system (`net.core.rmem_max`) was passed over, which needs `CAP_NET_ADMIN`.
    pub forced: bool,
    counters: Arc<SharedCounters>,
}

impl BoundSocket {
    /// What was counted so far.
    pub fn counters(&self) -> SocketCounters {
        self.counters.read()
    }
}

/// Opens one socket for each worker and address: the kernel spreads the senders over the workers of an address by
/// a hash of address and port (`SO_REUSEPORT`), so that what one sender sends stays in order and with one worker.
///
/// A second instance of this program cannot take a share of the datagrams by listening on the same port, and with one
/// worker no other program can. With several, a program of the same user that asks to share the port can.
///
/// # Errors
/// [`CollectError`] for options outside their limits and whatever the system refuses. Nothing stays open then.
pub fn bind(options: &CollectorOptions) -> Result<Bound, CollectError> {
    check(options)?;
    let wanted_bytes = options.receive_buffer_bytes.unwrap_or(RECEIVE_BUFFER_BYTES);
    let mut addresses = options.listen.clone();
    let mut bound = Bound { sockets: Vec::new(), workers: Vec::new() };
    for worker in 0..options.workers {
        let mut sockets = Vec::with_capacity(addresses.len());
        for address in &mut addresses {
            let descriptor = open(address, worker, options.workers)?;
            let (granted_bytes, forced) = receive_buffer(&descriptor, *address, wanted_bytes)?;
            let counters = Arc::new(SharedCounters::default());
            let number = bound.sockets.len();
            sockets.push(Socket::new(descriptor, number, Arc::clone(&counters)));
            let address = *address;
            bound.sockets.push(BoundSocket {
                address,
                worker,
                wanted_bytes,
                granted_bytes,
                forced,
                counters,
            });
        }
        let least = bound.sockets.iter().map(|socket| socket.granted_bytes).min().unwrap_or(0);
        bound.workers.push(Worker::new(sockets, options.datagram_bytes, rest(options, least)));
    }
    Ok(bound)
}

fn check(options: &CollectorOptions) -> Result<(), CollectError> {
    if options.listen.is_empty() {
        return Err(CollectError::NothingToListenOn);
    }
    if options.listen.len() > MAX_LISTEN {
        return Err(CollectError::TooManyAddresses(options.listen.len()));
    }
    if !(1..=MAX_WORKERS).contains(&options.workers) {
        return Err(CollectError::Workers(options.workers));
    }
    for (index, &second) in options.listen.iter().enumerate() {
        let earlier = options.listen.iter().take(index);
        if let Some(&first) = earlier.into_iter().find(|first| overlap(**first, second)) {
            return Err(CollectError::Overlap { first, second });
        }
    }
    Ok(())
}

/// Whether a datagram could be for both.
fn overlap(first: SocketAddr, second: SocketAddr) -> bool {
    first.port() == second.port()
        && first.port() != 0
        && first.is_ipv4() == second.is_ipv4()
        && (first.ip() == second.ip() || first.ip().is_unspecified() || second.ip().is_unspecified())
}

/// A socket of a worker that listens on `address`, in which port 0 is replaced by the one that was found. The first
/// one on an address is opened as if it were to be alone, and so finds out whether anybody else is there; only then
/// does it allow others beside it.
fn open(address: &mut SocketAddr, worker: usize, workers: usize) -> Result<OwnedFd, CollectError> {
    let share = |socket: &OwnedFd| sockopt::set_socket_reuseport(socket, true);
    let wanted = *address;
    let failed =
        |doing| move |cause: Errno| CollectError::Socket { address: wanted, doing, source: cause.into() };
    let family = match wanted.ip() {
        IpAddr::V4(_) => AddressFamily::INET,
        IpAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = net::socket_with(family, SocketType::DGRAM, flags, None).map_err(failed("open a socket"))?;
    if wanted.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true).map_err(failed("keep it to IPv6"))?;
    }
    if worker > 0 {
        share(&socket).map_err(failed("share the port among workers"))?;
    }
    net::bind(&socket, &wanted).map_err(|cause| match cause {
        Errno::ADDRINUSE => CollectError::InUse(wanted),
        Errno::ACCESS | Errno::PERM => CollectError::NotPermitted(wanted),
        Errno::ADDRNOTAVAIL => CollectError::NotHere(wanted),
        cause => failed("listen")(cause),
    })?;
    if worker == 0 {
        if workers > 1 {
            share(&socket).map_err(failed("share the port among workers"))?;
        }
        let found = net::getsockname(&socket).map_err(failed("ask for its port"))?;
        *address = SocketAddr::try_from(found).map_err(failed("ask for its port"))?;
    }
    Ok(socket)
}

/// Asks for a receive buffer, first as everybody may, then by force. Gives what was granted and whether by force.
fn receive_buffer(
    socket: &OwnedFd,
    address: SocketAddr,
    wanted_bytes: usize,
) -> Result<(usize, bool), CollectError> {
    let failed = |cause: Errno| CollectError::Socket {
        address,
        doing: "set its receive buffer",
        source: cause.into(),
    };
    // The kernel doubles what it is given and tells the double.
    let granted = || sockopt::socket_recv_buffer_size(socket).map(|bytes| bytes / 2).map_err(failed);
    let wanted = wanted_bytes.min(i32::MAX as usize / 2);
    sockopt::set_socket_recv_buffer_size(socket, wanted).map_err(failed)?;
    let ordinary = granted()?;
    if ordinary >= wanted || sockopt::set_socket_recv_buffer_size_force(socket, wanted).is_err() {
        return Ok((ordinary, false));
    }
    Ok((granted()?, true))
}

/// How long a worker may rest: no longer than it takes to fill half of the smallest buffer at 10 Gbit/s.
fn rest(options: &CollectorOptions, least_granted_bytes: usize) -> std::time::Duration {
    // 1.25 bytes a nanosecond on the wire, which take about 1.7 times as much in the buffer; the buffer has twice
    // the bytes that were granted.
    let nanoseconds = least_granted_bytes as u64 * 10 / 21;
    options.coalesce.min(std::time::Duration::from_nanos(nanoseconds))
}
