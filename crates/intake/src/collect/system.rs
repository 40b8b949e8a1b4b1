//! The two system calls that no safe wrapper offers as they are needed here: `recvmmsg` into memory that is
//! prepared once, and the kernel's count of dropped datagrams. All `unsafe` of the collectors is in this file.
//!
//! `nix` has `recvmmsg`, but builds the headers anew in each call and writes through shared references to the
//! buffers; `rustix` and `socket2` have only the call for one datagram. The count of drops (`SO_MEMINFO`) is in
//! none of them. It is preferred to a control message with each datagram (`SO_RXQ_OVFL`), which costs time for
//! each and tells of a drop only with the next datagram that is not dropped.
#![expect(unsafe_code, reason = "recvmmsg and getsockopt(SO_MEMINFO) have no safe wrapper that fits")]

use std::{
    io, mem,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::{AsRawFd, BorrowedFd},
    ptr, slice,
};

/// Datagrams taken by one system call.
pub(super) const BATCH: usize = 64;
/// Room for the largest socket address that can come (`sockaddr_in6`, 28 bytes).
const NAME_BYTES: usize = 32;
/// From one slot to the next there are this many bytes more than a datagram can have. With slots a power of two
/// apart, the beginnings of all datagrams would compete for the same few lines of the processor's caches.
const SKEW_BYTES: usize = 2112;
/// `SO_MEMINFO` of `asm-generic/socket.h` (Linux 4.12).
const SO_MEMINFO: libc::c_int = 55;
/// Values that `SO_MEMINFO` gives (`SK_MEMINFO_VARS` of `linux/sock_diag.h`).
const MEMINFO_VALUES: usize = 9;

/// The address of a sender as the kernel writes it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Name([u8; NAME_BYTES]);

/// Memory for [`BATCH`] datagrams and their senders, made once.
///
/// Datagrams of any length fit, which costs address space and no memory: the pages of a slot that no datagram has
/// reached are never touched.
pub(super) struct Batch {
    /// One for each slot; they point into `vectors` and `names`.
    headers: Box<[libc::mmsghdr]>,
    /// One for each slot; they point into `buffer`. Owned, from a box.
    vectors: *mut [libc::iovec],
    /// One for each slot. Owned, from a box.
    names: *mut [Name],
    /// The slots, one after the other. Owned, from a box.
    buffer: *mut [u8],
    /// How many of the slots hold a datagram of the last call.
    filled: usize,
}

// SAFETY: the pointers lead to memory that this value owns and that nothing else points to, so it can move to
// another thread as the boxes could from which they came.
unsafe impl Send for Batch {}

/// One datagram of a batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Received<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) from: SocketAddr,
    pub(super) truncated: bool,
}

impl Batch {
    /// Memory for datagrams of up to `datagram_bytes`.
    pub(super) fn new(datagram_bytes: usize) -> Self {
        let stride = datagram_bytes.max(1) + SKEW_BYTES;
        // Zeroed by the system, page by page as it is touched.
        let buffer = Box::into_raw(vec![0; stride * BATCH].into_boxed_slice());
        let names = Box::into_raw(vec![Name([0; NAME_BYTES]); BATCH].into_boxed_slice());
        let vectors: Box<[libc::iovec]> = (0..BATCH)
            .map(|slot| libc::iovec {
                iov_base: buffer.cast::<u8>().wrapping_add(slot * stride).cast(),
                iov_len: datagram_bytes.max(1),
            })
            .collect();
        let vectors = Box::into_raw(vectors);
        let headers = (0..BATCH).map(|slot| header(vectors, names, slot)).collect();
        Self { headers, vectors, names, buffer, filled: 0 }
    }

    /// Takes what a socket has, [`BATCH`] datagrams at most, without waiting. Gives their number.
    pub(super) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        for header in self.headers.iter_mut().take(self.filled) {
            header.msg_hdr.msg_namelen = NAME_BYTES as libc::socklen_t;
        }
        self.filled = 0;
        // SAFETY: every header points to a name, to one vector and through it to a slot of the buffer, each valid for
        // the length that stands beside it, each owned by this value and apart from those of the other headers; nobody
        // else holds a reference into them, because `get` borrows this value. No time-out is given.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        self.filled = usize::try_from(received).map_err(|_| io::Error::last_os_error())?.min(BATCH);
        Ok(self.filled)
    }

    /// A datagram of the last call, with `slot` below the number that it gave.
    #[inline]
    pub(super) fn get(&self, slot: usize) -> Option<Received<'_>> {
        let header = self.headers.get(..self.filled)?.get(slot)?;
        let vector = self.vectors.cast::<libc::iovec>().wrapping_add(slot);
        let name = self.names.cast::<Name>().wrapping_add(slot);
        // SAFETY: `slot` is below `filled` and so below BATCH, the length of `vectors` and `names`, which live as long
        // as `self` and are written only by `receive`, through `&mut self`.
        let (vector, name) = unsafe { (&*vector, &*name) };
        let length = (header.msg_len as usize).min(vector.iov_len);
        // SAFETY: `iov_base` begins a slot of at least `iov_len` bytes of `buffer`, which were zeroed when it was made,
        // lives as long as `self` and is written only by `receive`, through `&mut self`.
        let bytes = unsafe { slice::from_raw_parts(vector.iov_base.cast::<u8>(), length) };
        let truncated = header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0;
        Some(Received { bytes, from: name.address(), truncated })
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // SAFETY: the three pointers came from `Box::into_raw` in `new` and nothing borrows from them any more.
        unsafe {
            drop(Box::from_raw(self.vectors));
            drop(Box::from_raw(self.names));
            drop(Box::from_raw(self.buffer));
        }
    }
}

/// The header of one slot.
fn header(vectors: *mut [libc::iovec], names: *mut [Name], slot: usize) -> libc::mmsghdr {
    // SAFETY: all fields are integers and pointers, for which zero is a value. (The type has padding on some
    // systems and cannot be written as a literal.)
    let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
    header.msg_hdr.msg_name = names.cast::<Name>().wrapping_add(slot).cast();
    header.msg_hdr.msg_namelen = NAME_BYTES as libc::socklen_t;
    header.msg_hdr.msg_iov = vectors.cast::<libc::iovec>().wrapping_add(slot);
    header.msg_hdr.msg_iovlen = 1;
    header
}

impl Name {
    /// Read as bytes, in the layout of `sockaddr_in` and `sockaddr_in6`; the kernel writes no other for these sockets.
    #[inline]
    fn address(&self) -> SocketAddr {
        let [f0, f1, p0, p1, a, b, c, d, rest @ ..] = self.0;
        let family = libc::c_int::from(u16::from_ne_bytes([f0, f1]));
        let port = u16::from_be_bytes([p0, p1]);
        if family == libc::AF_INET6 {
            let (address, rest) = rest.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
            let scope = rest.first_chunk::<4>().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
            let flow = u32::from_be_bytes([a, b, c, d]);
            return std::net::SocketAddrV6::new(Ipv6Addr::from(*address), port, flow, scope).into();
        }
        SocketAddr::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), port)
    }
}

/// How many datagrams the kernel has dropped at a socket since it was opened, modulo 2^32.
pub(super) fn kernel_drops(socket: BorrowedFd<'_>) -> io::Result<u32> {
    let mut values = [0_u32; MEMINFO_VALUES];
    let mut length = mem::size_of_val(&values) as libc::socklen_t;
    // SAFETY: the pointers lead to `values` and to its length in bytes, which the call does not exceed.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    values.get(libc::SK_MEMINFO_DROPS as usize).copied().ok_or_else(|| io::ErrorKind::Unsupported.into())
}
