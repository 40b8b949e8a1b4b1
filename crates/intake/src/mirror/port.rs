//! One interface of one worker: its socket and ring, and what becomes of them when the interface goes.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use rustix::{
    io::Errno,
    net::{self, AddressFamily, SocketFlags, SocketType, netdevice, sockopt},
};

use super::{
    counters::{SharedCounters, add},
    error::MirrorError,
    options::{BLOCK_BYTES, MirrorOptions, RETIRE_MILLISECONDS},
    ring::{self, Entry, TAG_BYTES},
    system::{self, Memory},
};

/// Blocks read in one turn, so that a full ring of one interface does not keep others waiting.
const BLOCKS_PER_TURN: usize = 8;
/// Between two looks whether the interface is still what it was, and two attempts to open it again.
const LOOK: Duration = Duration::from_millis(250);
/// How long a ring is read after its interface has gone: the kernel hands over what it has begun within a tenth of that.
const LEAVING: Duration = Duration::from_millis(10 * RETIRE_MILLISECONDS as u64);

/// The sockets of all workers on one interface share its packets by a group that the kernel numbers.
#[derive(Debug, Default)]
pub(super) struct Group(Mutex<Option<(u32, u16)>>);

/// One interface of one worker.
#[derive(Debug)]
pub(super) struct Port {
    name: String,
    group: Arc<Group>,
    counters: Arc<SharedCounters>,
    capture: Option<Capture>,
    /// The interface has gone; until then the ring is still read.
    leaving: Option<Instant>,
    looked: Instant,
}

/// An open socket with its ring.
#[derive(Debug)]
struct Capture {
    // Before the socket, so that it is unmapped first.
    memory: Memory,
    socket: OwnedFd,
    /// The interface has this number as long as it is the same.
    index: u32,
    /// The block that the kernel hands over next.
    next: usize,
}

impl Port {
    /// Opens an interface. Nothing comes before [`Port::begin`].
    pub(super) fn open(
        name: &str,
        group: &Arc<Group>,
        counters: Arc<SharedCounters>,
        options: &MirrorOptions,
    ) -> Result<Self, MirrorError> {
        let capture = Capture::open(name, group, options)?;
        let (name, group) = (name.to_owned(), group.clone());
        let port =
            Self { name, group, counters, capture: Some(capture), leaving: None, looked: Instant::now() };
        port.note_state();
        Ok(port)
    }

    /// Takes frames from now on.
    pub(super) fn begin(&self, options: &MirrorOptions) -> Result<(), MirrorError> {
        let Some(capture) = &self.capture else { return Ok(()) };
        system::accept(capture.socket.as_fd(), options.snap_bytes).map_err(failed(&self.name, "take frames"))
    }

    /// What to wait for, unless the interface is not there.
    pub(super) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.capture.as_ref().map(|capture| capture.socket.as_fd())
    }

    /// Gives the frames of the blocks that are ready. Gives the number of blocks.
    #[inline]
    pub(super) fn take(&mut self, mut take: impl FnMut(Entry<'_>)) -> usize {
        let Some(capture) = &mut self.capture else { return 0 };
        for turn in 0..BLOCKS_PER_TURN {
            let Some(block) = capture.memory.block(capture.next) else { return turn };
            let unusable = ring::walk(block, &mut take);
            add(&self.counters.unusable, unusable);
            capture.memory.release(capture.next);
            capture.next = if capture.next + 1 < capture.memory.blocks() { capture.next + 1 } else { 0 };
        }
        BLOCKS_PER_TURN
    }

    /// The kernel says that something is wrong: mostly that the interface went down or away.
    pub(super) fn trouble(&mut self, options: &MirrorOptions) {
        if let Some(capture) = &self.capture {
            match sockopt::socket_error(&capture.socket) {
                Ok(Err(Errno::NETDOWN)) if is_same(&capture.socket, &self.name, capture.index) => {
                    add(&self.counters.downs, 1);
                }
                Ok(Ok(()) | Err(Errno::NETDOWN)) => {}
                Ok(Err(_)) | Err(_) => add(&self.counters.errors, 1),
            }
        }
        self.look(options);
    }

    /// Looks after the interface, if it is time to.
    pub(super) fn look_sometimes(&mut self, options: &MirrorOptions) {
        if self.looked.elapsed() >= LOOK || self.leaving.is_some() {
            self.look(options);
        }
    }

    #[cold]
    fn look(&mut self, options: &MirrorOptions) {
        self.looked = Instant::now();
        let is_gone = match &self.capture {
            Some(capture) => !is_same(&capture.socket, &self.name, capture.index),
            None => return self.reopen(options),
        };
        match self.leaving {
            None if is_gone => {
                add(&self.counters.removals, 1);
                self.leaving = Some(self.looked + LEAVING);
            }
            Some(until) if self.looked >= until => {
                self.kernel_drops();
                (self.capture, self.leaving) = (None, None);
                self.reopen(options);
            }
            _ => {}
        }
        self.note_state();
    }

    fn reopen(&mut self, options: &MirrorOptions) {
        match Capture::open(&self.name, &self.group, options) {
            Ok(capture) => self.capture = Some(capture),
            Err(_) => return add(&self.counters.errors, 1),
        }
        if self.begin(options).is_ok() {
            add(&self.counters.reopenings, 1);
        } else {
            add(&self.counters.errors, 1);
            self.capture = None;
        }
        self.note_state();
    }

    fn note_state(&self) {
        let is_up = self.leaving.is_none()
            && self
                .capture
                .as_ref()
                .is_some_and(|capture| system::is_up(capture.socket.as_fd(), &self.name).unwrap_or(false));
        self.counters.is_up.store(is_up, Ordering::Relaxed);
    }

    /// What the kernel has counted since the last call. Gives the drops.
    pub(super) fn kernel_drops(&self) -> u64 {
        let Some(capture) = &self.capture else { return 0 };
        match system::statistics(capture.socket.as_fd()) {
            Ok([frames, drops, freezes]) => {
                add(&self.counters.kernel_frames, u64::from(frames));
                add(&self.counters.kernel_drops, u64::from(drops));
                add(&self.counters.freezes, u64::from(freezes));
                u64::from(drops)
            }
            Err(_) => {
                add(&self.counters.errors, 1);
                0
            }
        }
    }

    pub(super) fn counters(&self) -> &SharedCounters {
        &self.counters
    }
}

/// Whether a name still belongs to the same interface.
fn is_same(socket: &OwnedFd, name: &str, index: u32) -> bool {
    netdevice::name_to_index(socket, name) == Ok(index)
}

impl Capture {
    /// A socket in its group, of which no frame is accepted yet: between being bound and being in the group it would
    /// have those of all workers.
    fn open(name: &str, group: &Group, options: &MirrorOptions) -> Result<Self, MirrorError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None);
        let socket = socket.map_err(|cause| match cause {
            Errno::PERM | Errno::ACCESS => MirrorError::NotPermitted(name.to_owned()),
            cause => failed(name, "open a socket")(cause.into()),
        })?;
        let index = netdevice::name_to_index(&socket, name).map_err(|cause| match cause {
            Errno::NODEV => MirrorError::NotHere(name.to_owned()),
            cause => failed(name, "find the interface")(cause.into()),
        })?;
        let memory = prepare(socket.as_fd(), options).map_err(failed(name, "make the ring"))?;
        system::bind(socket.as_fd(), index).map_err(failed(name, "bind to the interface"))?;
        if options.promiscuous {
            let membership = libc::packet_mreq {
                mr_ifindex: index as libc::c_int,
                mr_type: libc::PACKET_MR_PROMISC as libc::c_ushort,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            system::set_packet(socket.as_fd(), libc::PACKET_ADD_MEMBERSHIP, &membership)
                .map_err(failed(name, "make it promiscuous"))?;
        }
        if options.workers > 1 {
            group.join(socket.as_fd(), index, options).map_err(failed(name, "share it among workers"))?;
        }
        Ok(Self { memory, socket, index, next: 0 })
    }
}

fn prepare(socket: BorrowedFd<'_>, options: &MirrorOptions) -> io::Result<Memory> {
    system::accept(socket, 0)?;
    let version = libc::tpacket_versions::TPACKET_V3 as libc::c_int;
    system::set_packet(socket, libc::PACKET_VERSION, &version)?;
    // Room to put a VLAN tag back.
    system::set_packet(socket, libc::PACKET_RESERVE, &(TAG_BYTES as u32))?;
    let blocks = options.ring_bytes / BLOCK_BYTES;
    let request = libc::tpacket_req3 {
        tp_block_size: BLOCK_BYTES as u32,
        tp_block_nr: blocks as u32,
        // Without meaning in this version, but checked.
        tp_frame_size: BLOCK_BYTES as u32,
        tp_frame_nr: blocks as u32,
        tp_retire_blk_tov: RETIRE_MILLISECONDS,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    system::set_packet(socket, libc::PACKET_RX_RING, &request)?;
    if !options.outgoing {
        // Linux before 4.20 does not know it; such frames are passed over when they are read, too.
        let _ = system::set_packet(socket, libc::PACKET_IGNORE_OUTGOING, &1_i32);
    }
    Memory::map(socket, BLOCK_BYTES, blocks)
}

impl Group {
    /// Joins the group of an interface, or founds it under a number that the kernel chooses: a number of our own could be
    /// that of another program, which would then get a part of the packets.
    fn join(&self, socket: BorrowedFd<'_>, index: u32, options: &MirrorOptions) -> io::Result<()> {
        let ignore = if options.outgoing { 0 } else { libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING };
        let kind = libc::PACKET_FANOUT_HASH | ignore;
        let with = |number: u16, kind: u32| {
            system::set_packet(socket, libc::PACKET_FANOUT, &(u32::from(number) | (kind << 16)))
        };
        let mut group = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, number)) = *group
            && of == index
            && with(number, kind).is_ok()
        {
            return Ok(());
        }
        with(0, kind | libc::PACKET_FANOUT_FLAG_UNIQUEID)?;
        *group = Some((index, system::fanout_group(socket)?));
        Ok(())
    }
}

fn failed(name: &str, doing: &'static str) -> impl Fn(io::Error) -> MirrorError {
    move |source| MirrorError::System { interface: name.to_owned(), doing, source }
}
