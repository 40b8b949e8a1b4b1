//! Why nothing can be captured.

use std::io;

use super::options::{MAX_INTERFACES, MAX_MIRROR_WORKERS};

/// Why a mirror cannot be opened. The texts name the interface and what to do.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// No interface, or more than [`MAX_INTERFACES`].
    #[error("{0} interfaces; 1 to {MAX_INTERFACES} are possible")]
    Interfaces(usize),
    /// The same interface twice: each packet would count twice.
    #[error("{0} is named twice")]
    Twice(String),
    /// A name that no interface can have.
    #[error("`{0}` is no name of an interface: 1 to 15 bytes without `/` and spaces")]
    Name(String),
    /// No worker, or more than [`MAX_MIRROR_WORKERS`].
    #[error("{0} workers; 1 to {MAX_MIRROR_WORKERS} are possible")]
    Workers(usize),
    /// A value outside its limits.
    #[error("{name} is {value}; {least} to {most} are possible")]
    Range {
        /// Name of the option.
        name: &'static str,
        /// What it is.
        value: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// There is no such interface.
    #[error("there is no interface {0}; `ip link` lists them")]
    NotHere(String),
    /// Capturing needs a privilege.
    #[error("no permission to capture on {0}; it needs CAP_NET_RAW")]
    NotPermitted(String),
    /// The system refused something else.
    #[error("{interface}: cannot {doing}")]
    System {
        /// The interface.
        interface: String,
        /// What was being done.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The system refused to wait for packets.
    #[error("cannot wait for packets")]
    Wait(#[source] io::Error),
}
