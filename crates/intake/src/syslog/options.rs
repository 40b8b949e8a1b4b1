//! Where to listen, and whom to hear.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

/// Longest message where nothing else is said. RFC 5425 section 4.3.1 asks for 8,192.
pub const MESSAGE_BYTES: usize = 64 << 10;
/// Most connections at once where nothing else is said.
pub const CONNECTIONS: usize = 256;
/// How long a connection may be silent where nothing else is said. Sites with little to log are silent for long.
pub const IDLE: Duration = Duration::from_secs(3600);
/// How long a TLS handshake may take.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// Most addresses of each transport.
pub(super) const MAX_LISTEN: usize = 32;

/// Where to listen, and whom to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogOptions {
    /// Addresses for datagrams. Port 0 takes any free one, here as below.
    pub udp: Vec<SocketAddr>,
    /// Addresses for streams.
    pub tcp: Vec<SocketAddr>,
    /// Addresses for encrypted streams.
    pub tls: Vec<SocketAddr>,
    /// Needed for `tls`.
    pub credentials: Option<TlsOptions>,
    /// Who is heard.
    pub senders: Vec<IpNet>,
    /// Longest message in bytes, 480 to 1 MiB.
    pub message_bytes: usize,
    /// Most connections at once, 1 to 4096.
    pub connections: usize,
    /// How long a connection may be silent.
    pub idle: Duration,
}

/// Files with what this side of a TLS connection shows and keeps, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// The certificate and those that lead to its authority.
    pub certificate: PathBuf,
    /// Its secret key.
    pub key: PathBuf,
}

impl SyslogOptions {
    /// Listens nowhere yet; everything else at its default.
    pub fn new(senders: Vec<IpNet>) -> Self {
        Self {
            udp: Vec::new(),
            tcp: Vec::new(),
            tls: Vec::new(),
            credentials: None,
            senders,
            message_bytes: MESSAGE_BYTES,
            connections: CONNECTIONS,
            idle: IDLE,
        }
    }
}
