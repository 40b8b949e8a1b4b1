//! Reads the sockets of one worker.

use std::{
    array, fmt, io,
    net::SocketAddr,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};
use wire::{Address, Time};

use super::{
    clock::now,
    counters::SharedCounters,
    error::CollectError,
    options::MAX_LISTEN,
    system::{self, BATCH, Batch},
};

/// A datagram, borrowed from the memory of its worker.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// What was sent, or the beginning of it if `truncated`.
    pub bytes: &'a [u8],
    /// Who sent it, by its own word: over UDP addresses can be forged.
    pub from: SocketAddr,
    /// When it was taken from its socket. One reading of the clock serves a batch of up to 64.
    pub arrival: Time,
    /// Which socket it came by, as a position in [`super::Bound::sockets`].
    pub socket: usize,
    /// It was longer than [`super::CollectorOptions::datagram_bytes`]; the end is missing.
    pub truncated: bool,
}

impl Datagram<'_> {
    /// The address of the sender, without the port: what an exporter is known by.
    #[inline]
    pub fn sender(&self) -> Address {
        Address::from(self.from.ip())
    }
}

/// One socket of a worker.
#[derive(Debug)]
pub(super) struct Socket {
    descriptor: OwnedFd,
    number: usize,
    counters: Arc<SharedCounters>,
    /// The kernel's count of drops when it was last asked, modulo 2^32.
    drops: u32,
}

impl Socket {
    pub(super) fn new(descriptor: OwnedFd, number: usize, counters: Arc<SharedCounters>) -> Self {
        Self { descriptor, number, counters, drops: 0 }
    }
}

/// Reads the sockets of one worker, on the thread that calls it.
pub struct Worker {
    sockets: Vec<Socket>,
    batch: Batch,
    /// How long to rest after the sockets were emptied.
    rest: Duration,
    /// The sockets were emptied while much came.
    may_rest: bool,
    /// When datagrams were last taken.
    last: Option<Time>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Worker").field("sockets", &self.sockets).finish_non_exhaustive()
    }
}

impl Worker {
    pub(super) fn new(sockets: Vec<Socket>, datagram_bytes: usize, rest: Duration) -> Self {
        Self { sockets, batch: Batch::new(datagram_bytes), rest, may_rest: false, last: None }
    }

    /// Its sockets, for who waits for others beside them.
    pub(crate) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.sockets.iter().map(|socket| socket.descriptor.as_fd())
    }

    /// Waits up to `timeout` for datagrams and gives each of them to `take`, up to 64 from each socket. Gives how
    /// many there were: 0 when the time is over, a signal came, or all that came was damaged on the way.
    ///
    /// Nothing is allocated or copied. With a `timeout` of zero it takes what is there, which empties the
    /// sockets at the end if it is called until it gives 0.
    ///
    /// # Errors
    /// [`CollectError::Wait`] if the system refuses to wait. What fails at a single socket is only counted, in
    /// [`super::SocketCounters::errors`].
    pub fn receive(
        &mut self,
        timeout: Duration,
        mut take: impl FnMut(Datagram<'_>),
    ) -> Result<usize, CollectError> {
        if self.may_rest {
            self.may_rest = false;
            wait(&mut [], self.rest.min(timeout))?;
        }
        let Self { sockets, batch, .. } = self;
        let Some(spare) = sockets.first() else { return Ok(0) };
        // A table of fixed size, so that nothing is allocated; places beyond the sockets are not given to the system.
        let mut waits: [PollFd<'_>; MAX_LISTEN] = array::from_fn(|place| {
            PollFd::new(&sockets.get(place).unwrap_or(spare).descriptor, PollFlags::IN)
        });
        let waits = waits.get_mut(..sockets.len()).unwrap_or_default();
        if wait(waits, timeout)? == 0 {
            return Ok(0);
        }
        let arrival = now();
        let (mut total, mut emptied) = (0, true);
        for (socket, _) in sockets.iter().zip(waits.iter()).filter(|(_, wait)| !wait.revents().is_empty()) {
            let received = read(socket, batch, arrival, &mut take);
            total += received;
            emptied &= received < BATCH;
        }
        // After a silence whoever waits for the first datagram has it at once.
        let busy = self.last.is_some_and(|last| {
            let since = arrival.nanoseconds_since(last);
            (0..=2 * self.rest.as_nanos() as i64).contains(&since)
        });
        self.may_rest = emptied && busy && total > 0 && !self.rest.is_zero();
        self.last = Some(arrival);
        Ok(total)
    }

    /// Asks the kernel how many datagrams it has dropped at the sockets of this worker since the last call, and
    /// counts them. Exact whether anything arrives or not, as long as fewer than 2^32 are dropped between two calls;
    /// it costs one short system call for each socket, so ten times a second is often enough.
    pub fn kernel_drops(&mut self) -> u64 {
        let mut total = 0;
        for socket in &mut self.sockets {
            match system::kernel_drops(socket.descriptor.as_fd()) {
                Ok(drops) => {
                    let more = u64::from(drops.wrapping_sub(socket.drops));
                    socket.drops = drops;
                    socket.counters.add_kernel_drops(more);
                    total += more;
                }
                Err(_) => socket.counters.add_error(),
            }
        }
        total
    }
}

/// One batch from one socket.
fn read(socket: &Socket, batch: &mut Batch, arrival: Time, take: &mut impl FnMut(Datagram<'_>)) -> usize {
    let received = match batch.receive(socket.descriptor.as_fd()) {
        Ok(received) => received,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return 0,
        Err(_) => {
            socket.counters.add_error();
            return 0;
        }
    };
    let (mut bytes, mut truncated) = (0, 0);
    for datagram in (0..received).filter_map(|slot| batch.get(slot)) {
        bytes += datagram.bytes.len() as u64;
        truncated += u64::from(datagram.truncated);
        take(Datagram {
            bytes: datagram.bytes,
            from: datagram.from,
            arrival,
            socket: socket.number,
            truncated: datagram.truncated,
        });
    }
    socket.counters.add_batch(received as u64, bytes, truncated);
    received
}

/// Waits for one of some sockets, or only for the time. A signal ends it early.
fn wait(sockets: &mut [PollFd<'_>], timeout: Duration) -> Result<usize, CollectError> {
    let timeout = Timespec {
        tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(timeout.subsec_nanos()),
    };
    match poll(sockets, Some(&timeout)) {
        Ok(ready) => Ok(ready),
        Err(Errno::INTR) => Ok(0),
        Err(cause) => Err(CollectError::Wait(cause.into())),
    }
}
