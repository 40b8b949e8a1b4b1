//! Why nothing can be received.

use std::{io, net::SocketAddr};

use super::options::{MAX_LISTEN, MAX_WORKERS};

/// Why the collectors cannot start, or had to stop. The texts name the address and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// No address was given.
    #[error("no address to listen on")]
    NothingToListenOn,
    /// More than [`MAX_LISTEN`] addresses.
    #[error("{0} addresses to listen on; {MAX_LISTEN} at most")]
    TooManyAddresses(usize),
    /// No worker, or more than [`MAX_WORKERS`].
    #[error("{0} workers; 1 to {MAX_WORKERS} are possible")]
    Workers(usize),
    /// Two addresses that would take each other's datagrams.
    #[error("{first} and {second} overlap; name one of them")]
    Overlap {
        /// The one named first.
        first: SocketAddr,
        /// The other.
        second: SocketAddr,
    },
    /// Some other program, or another instance of this one, listens there.
    #[error("{0} is in use by another program; `ss -lunp` names it")]
    InUse(SocketAddr),
    /// Ports below 1024 need a privilege.
    #[error("no permission to listen on {0}; ports below 1024 need CAP_NET_BIND_SERVICE")]
    NotPermitted(SocketAddr),
    /// The address belongs to no interface of this machine.
    #[error("{0} is no address of this machine")]
    NotHere(SocketAddr),
    /// The system refused something else while the socket was made.
    #[error("{address}: cannot {doing}")]
    Socket {
        /// The address that was to be listened on.
        address: SocketAddr,
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused to wait for datagrams.
    #[error("cannot wait for datagrams")]
    Wait(#[source] io::Error),
}
