//! Where to listen and with how much.

use std::{net::SocketAddr, time::Duration};

/// Most addresses to listen on; each worker has one socket for each.
pub const MAX_LISTEN: usize = 32;
/// Most workers.
pub const MAX_WORKERS: usize = 64;
/// Receive buffer asked for where [`CollectorOptions::receive_buffer_bytes`] says nothing: about 14,000 datagrams
/// of 1.4 kB with the kernel's own overhead, or 50 ms of 300,000 a second.
pub const RECEIVE_BUFFER_BYTES: usize = 16 << 20;
/// Longest datagram that is read whole where [`CollectorOptions::datagram_bytes`] says nothing: no UDP payload is
/// longer, but for jumbograms (RFC 2675).
pub const DATAGRAM_BYTES: usize = 65_535;
/// Longest rest where [`CollectorOptions::coalesce`] says nothing.
pub const COALESCE: Duration = Duration::from_millis(2);

/// Where to listen and with how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectorOptions {
    /// Addresses and ports to listen on, [`MAX_LISTEN`] at most. Port 0 takes any free one. An IPv6 address takes
    /// IPv6 only, so `0.0.0.0` and `[::]` are named side by side.
    pub listen: Vec<SocketAddr>,
    /// How many workers share the load of each address, 1 to [`MAX_WORKERS`].
    pub workers: usize,
    /// Receive buffer of each socket, in bytes as in `net.core.rmem_max`; `None` asks for
    /// [`RECEIVE_BUFFER_BYTES`].
    pub receive_buffer_bytes: Option<usize>,
    /// Longest datagram that is read whole; what is longer is cut off, marked and counted.
    pub datagram_bytes: usize,
    /// How long a busy worker that has emptied its sockets may rest before it looks again, so that datagrams are
    /// taken many at a time; zero for never. The rest is shorter where the receive buffer is small.
    pub coalesce: Duration,
}

impl CollectorOptions {
    /// One worker on some addresses, everything else at its default.
    pub fn new(listen: Vec<SocketAddr>) -> Self {
        Self {
            listen,
            workers: 1,
            receive_buffer_bytes: None,
            datagram_bytes: DATAGRAM_BYTES,
            coalesce: COALESCE,
        }
    }
}
