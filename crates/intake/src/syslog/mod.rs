//! Syslog messages from the network: UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425), as raw bytes with who sent them.
//!
//! [`Syslog::open`] opens every address or none; [`Syslog::receive`] waits for messages on one thread. Nothing in a message is
//! interpreted here, not even its priority.
//!
//! * Only declared senders are heard. Others' datagrams are counted and their connections closed before a byte is read. Over
//!   UDP an address can be forged; over TCP and TLS it cannot.
//! * Streams are cut by octet counting or by line feeds, each message by what it begins with ([`Splitter`]).
//! * Connections, the bytes kept of each, and the time that one may be silent have limits. Who reads too slowly makes TCP
//!   senders wait (counted in [`SyslogCounters::full_reads`]) and UDP datagrams drop in the kernel (counted exactly).
//! * TLS is rustls with *ring*: TLS 1.2 and 1.3, and memory-safe but for the cryptography itself.
//!
//! Limits: certificates of clients are not asked for, so a sender is known by its address. A certificate is read at the start
//! and when it is asked for again. All of it runs on one thread.

mod counters;
mod error;
mod options;
mod receive;
mod split;
mod stream;
mod tls;

pub use counters::SyslogCounters;
pub use error::SyslogError;
pub use options::{CONNECTIONS, IDLE, MESSAGE_BYTES, SyslogOptions, TlsOptions};
pub use receive::Syslog;
pub use split::{SplitCounters, Splitter};

use wire::{Address, Time};

/// How a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram, one message.
    Udp,
    /// A stream.
    Tcp,
    /// An encrypted stream.
    Tls,
}

/// A message, borrowed from the memory of its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What was sent, without its framing.
    pub bytes: &'a [u8],
    /// Who sent it; a declared sender.
    pub sender: Address,
    /// When it was read.
    pub arrival: Time,
    /// How it came.
    pub transport: Transport,
}
