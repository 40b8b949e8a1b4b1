//! What a receiver of syslog counted.

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyslogCounters {
    /// Messages given.
    pub messages: u64,
    /// Their bytes without framing.
    pub bytes: u64,
    /// Messages longer than allowed, skipped.
    pub oversized: u64,
    /// Streams that broke the framing; up to the next line feed it is skipped.
    pub malformed: u64,
    /// Messages whose connection ended before they did.
    pub unfinished: u64,
    /// Datagrams of undeclared senders.
    pub undeclared_datagrams: u64,
    /// Connections of undeclared senders, closed at once.
    pub undeclared_connections: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections open now.
    pub open_connections: u64,
    /// Connections of declared senders closed because there were too many.
    pub refused_connections: u64,
    /// Connections closed because nothing came for too long.
    pub idle_connections: u64,
    /// Connections that ended by an error.
    pub broken_connections: u64,
    /// Of these, those by an error of TLS.
    pub tls_failures: u64,
    /// Times that a connection had more to give than is read at once: senders wait.
    pub full_reads: u64,
    /// Datagrams that the kernel dropped, as of the last [`super::Syslog::kernel_drops`].
    pub kernel_drops: u64,
    /// Calls that failed.
    pub errors: u64,
}
