//! What the kernel offers for packet rings and no safe wrapper does: the options of packet sockets, the shared memory and
//! who owns a block of it. All `unsafe` of the mirror is in this file.
//!
//! `rustix` has neither the packet options nor the address of an interface; `nix` has the address only. Memory is mapped
//! by `libc` as well, since the rest of the file needs it anyway.
#![expect(unsafe_code, reason = "packet sockets and their rings have no safe wrapper")]

use std::{
    io, mem,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::{self, NonNull},
    slice,
    sync::atomic::{AtomicU32, Ordering},
};

use libc::{c_int, c_void, socklen_t};

/// Where in a block its status is (`tpacket_block_desc` of `linux/if_packet.h`).
const BLOCK_STATUS_AT: usize = 8;
/// `ETH_P_ALL` in network order.
const EVERY_PROTOCOL: u16 = (libc::ETH_P_ALL as u16).to_be();

/// Sets an option of a socket.
fn set<T>(socket: BorrowedFd<'_>, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    // SAFETY: the pointer leads to `value`, whose size stands beside it; the kernel only reads from it.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            ptr::from_ref(value).cast(),
            mem::size_of::<T>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Sets an option of a packet socket.
pub(super) fn set_packet<T>(socket: BorrowedFd<'_>, option: c_int, value: &T) -> io::Result<()> {
    set(socket, libc::SOL_PACKET, option, value)
}

/// Lets the first `bytes` of each frame into the ring, or nothing at all.
pub(super) fn accept(socket: BorrowedFd<'_>, bytes: u32) -> io::Result<()> {
    // "Return this number": the length to keep, 0 to drop the frame.
    let mut program =
        [libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: bytes }];
    // The kernel copies the program; the pointer is not used after the call.
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

/// Takes every protocol of one interface from now on.
pub(super) fn bind(socket: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: EVERY_PROTOCOL,
        sll_ifindex: c_int::try_from(index).map_err(|_| io::ErrorKind::InvalidInput)?,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the pointer leads to `address`, whose size stands beside it; the kernel only reads from it.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            ptr::from_ref(&address).cast(),
            mem::size_of::<libc::sockaddr_ll>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Reads an option of a packet socket into values of a type of which every bit pattern is one.
fn get<const VALUES: usize>(socket: BorrowedFd<'_>, option: c_int) -> io::Result<[u32; VALUES]> {
    let mut values = [0_u32; VALUES];
    let mut length = mem::size_of_val(&values) as socklen_t;
    // SAFETY: the pointers lead to `values` and to its length in bytes, which the call does not exceed.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(values) } else { Err(io::Error::last_os_error()) }
}

/// Frames that the kernel had for a socket since the last call, those it dropped, and how often the ring was full
/// (`tpacket_stats_v3`). The kernel begins anew with each call.
pub(super) fn statistics(socket: BorrowedFd<'_>) -> io::Result<[u32; 3]> {
    get::<3>(socket, libc::PACKET_STATISTICS)
}

/// Number of the group of sockets that share the packets of an interface.
pub(super) fn fanout_group(socket: BorrowedFd<'_>) -> io::Result<u16> {
    get::<1>(socket, libc::PACKET_FANOUT).map(|[value]| (value & 0xffff) as u16)
}

/// Whether an interface is up.
pub(super) fn is_up(socket: BorrowedFd<'_>, name: &str) -> io::Result<bool> {
    // SAFETY: all fields are integers, arrays of them and a union of such, for which zero is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    // One byte less than there is room for: the name ends with a zero.
    for (to, from) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: the pointer leads to a whole `ifreq`, which is what this request reads and writes.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS as _, &raw mut request) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the request has written the flags; the union was zeroed before, so its bytes are all initialised.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    Ok(c_int::from(flags) & libc::IFF_UP != 0)
}

/// The memory that a socket shares with the kernel: blocks, each of which belongs to either side.
#[derive(Debug)]
pub(super) struct Memory {
    /// Where the mapping begins; it has `blocks * block_bytes` bytes.
    begins: NonNull<u8>,
    block_bytes: usize,
    blocks: usize,
}

// SAFETY: the mapping belongs to this value alone and not to a thread, so it can move to another one.
unsafe impl Send for Memory {}

impl Memory {
    /// Maps the ring that was made for `socket` with so many blocks of so many bytes (`PACKET_RX_RING`).
    pub(super) fn map(socket: BorrowedFd<'_>, block_bytes: usize, blocks: usize) -> io::Result<Self> {
        if block_bytes < BLOCK_STATUS_AT + mem::size_of::<AtomicU32>() || !block_bytes.is_multiple_of(8) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let length = block_bytes.checked_mul(blocks).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address that the kernel chooses; nothing that exists is replaced. The kernel
        // refuses a length that is not that of the ring.
        let begins = unsafe {
            libc::mmap(
                ptr::null_mut::<c_void>(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                socket.as_raw_fd(),
                0,
            )
        };
        if begins == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let begins = NonNull::new(begins.cast::<u8>()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { begins, block_bytes, blocks })
    }

    /// Number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    fn block_begins(&self, number: usize) -> Option<NonNull<u8>> {
        // SAFETY: below `blocks`, so the offset is inside the mapping.
        (number < self.blocks).then(|| unsafe { self.begins.add(number * self.block_bytes) })
    }

    /// The word that says whose a block is.
    fn status(&self, number: usize) -> Option<&AtomicU32> {
        let begins = self.block_begins(number)?;
        // SAFETY: inside the block (see `map`), aligned because blocks begin at multiples of 8 in a mapping of whole
        // pages, and valid as long as `self`. The kernel writes it too, which is why it is atomic; this program has no
        // other reference to it, since the slice of `block` borrows `self` mutably.
        Some(unsafe { AtomicU32::from_ptr(begins.as_ptr().add(BLOCK_STATUS_AT).cast()) })
    }

    /// A block, if the kernel has handed it over.
    pub(super) fn block(&mut self, number: usize) -> Option<&mut [u8]> {
        // Acquire: what the kernel wrote before it handed the block over is seen.
        if self.status(number)?.load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        let begins = self.block_begins(number)?;
        // SAFETY: `block_bytes` bytes inside the mapping, which lives as long as `self`; zeroed by the kernel when it was
        // made. The kernel does not touch a block that it has handed over until `release`, which takes `&mut self` and so
        // cannot be called while this slice lives; nothing else in this program refers to the mapping meanwhile.
        Some(unsafe { slice::from_raw_parts_mut(begins.as_ptr(), self.block_bytes) })
    }

    /// Gives a block back to the kernel.
    pub(super) fn release(&mut self, number: usize) {
        if let Some(status) = self.status(number) {
            // Release: everything that was read from the block was read before.
            status.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `map` with this length, and nothing borrows from it any more.
        unsafe { libc::munmap(self.begins.as_ptr().cast(), self.blocks * self.block_bytes) };
    }
}
