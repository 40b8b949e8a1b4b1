//! The least that a receiver can do: a loop of `recvmmsg` that looks at nothing, and that rests for a moment when it has
//! emptied the socket, so that it is not woken for every datagram. What others cost above it is theirs.

use std::io::IoSliceMut;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt};

use super::{RECEIVE_BUFFER_BYTES, pace};

/// Datagrams of one system call.
const BATCH: usize = 64;
/// Rest after a call that did not fill the batch.
const REST: Duration = Duration::from_millis(1);
/// Room for one datagram.
const DATAGRAM_BYTES: usize = 2_048;

/// Options of the bare receiver.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// UDP port on loopback
    #[arg(long, default_value_t = 2055)]
    port: u16,
}

/// Receives until it is ended by a signal.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, options.port)).context("bare receiver")?;
    setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_BYTES)?;
    let mut memory = vec![0u8; BATCH * DATAGRAM_BYTES];
    let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    loop {
        let mut slices: Vec<[IoSliceMut<'_>; 1]> =
            memory.chunks_mut(DATAGRAM_BYTES).map(|chunk| [IoSliceMut::new(chunk)]).collect();
        let flags = MsgFlags::MSG_WAITFORONE;
        let received = recvmmsg(socket.as_raw_fd(), &mut headers, slices.iter_mut(), flags, None)?.count();
        if received < BATCH {
            pace::wait(REST);
        }
    }
}
