//! Why nothing can be received.

use std::{io, net::SocketAddr, path::PathBuf};

use super::options::MAX_LISTEN;
use crate::collect::CollectError;

/// Why a receiver of syslog cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SyslogError {
    /// No address was given.
    #[error("no address to listen on")]
    NothingToListenOn,
    /// Nobody would be heard.
    #[error("no sender is declared, so nobody would be heard")]
    NoSenders,
    /// More than 32 addresses of one transport.
    #[error("{0} addresses to listen on; {MAX_LISTEN} at most")]
    TooManyAddresses(usize),
    /// A value outside its limits.
    #[error("{name} is {value}; {least} to {most} are possible")]
    Range {
        /// Name of the option.
        name: &'static str,
        /// What it is.
        value: usize,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// TLS needs a certificate and its key.
    #[error("TLS needs a certificate and its key")]
    NoCredentials,
    /// A certificate or key file cannot be used.
    #[error("cannot use {path}: {why}")]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// UDP cannot be listened for.
    #[error(transparent)]
    Udp(#[from] CollectError),
    /// TCP cannot be listened for.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused to wait.
    #[error("cannot wait for messages")]
    Wait(#[source] io::Error),
}
