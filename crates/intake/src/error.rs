//! What can be wrong with an input.

use crate::kind::Foreign;

/// Why an input cannot be used at all. The texts name the input and what to do.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The file cannot be opened or its beginning cannot be read.
    #[error("{name}: {source}")]
    Unreadable {
        /// The input.
        name: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A directory was named.
    #[error("{name}: is a directory; name the files in it")]
    Directory {
        /// The input.
        name: String,
    },
    /// There is not a single byte.
    #[error("{name}: is empty")]
    Empty {
        /// The input.
        name: String,
    },
    /// Content that is recognised and belongs to a later release.
    #[error("{name}: this looks like {kind}; reading that arrives with a later release")]
    NotYet {
        /// The input.
        name: String,
        /// What the content looks like.
        kind: Foreign,
    },
    /// An access log in a format that is not recognised.
    #[error(
        "{name}: this looks like an access log in a format that is not known here; declare it with --log-format"
    )]
    LogFormat {
        /// The input.
        name: String,
    },
    /// Content that is nothing that can be replayed.
    #[error(
        "{name}: {kind} is not an input; give pcap, pcapng or flow export datagrams (NetFlow v5 or v9, IPFIX, \
         sFlow v5) or an access log, plain or compressed with gzip"
    )]
    WrongKind {
        /// The input.
        name: String,
        /// What the content looks like.
        kind: Foreign,
    },
    /// Standard input was named twice.
    #[error("standard input can be named only once")]
    StandardInputTwice,
    /// More inputs than [`crate::MAX_INPUTS`].
    #[error("more than {limit} inputs", limit = crate::MAX_INPUTS)]
    TooManyInputs,
    /// The inputs were read already; they cannot be read again.
    #[error("the inputs were read already")]
    AlreadyRun,
}

/// Where and why an input ended before its end. Offsets are in bytes of the input, after decompression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// The capture file's framing.
    #[error(transparent)]
    Capture(#[from] wire::capture::Damage),
    /// The system or the decompressor failed.
    #[error("reading failed at byte {offset}: {message}")]
    Read {
        /// How far reading came.
        offset: u64,
        /// What was said.
        message: String,
    },
    /// The decompressed size is beyond the bound.
    #[error("more than {limit} bytes after decompression; the rest is not read")]
    TooLarge {
        /// The bound, in bytes.
        limit: u64,
    },
    /// A dump goes on with something that is no export datagram.
    #[error("no export datagram at byte {offset}")]
    NotADatagram {
        /// Where that is.
        offset: u64,
    },
    /// A dump ends inside a datagram; what there is of it was decoded.
    #[error("cut off: the datagram at byte {offset} has {present} of {length} bytes")]
    DatagramCutOff {
        /// Where it begins.
        offset: u64,
        /// How much of it there is, in bytes.
        present: u64,
        /// How long it should be, in bytes.
        length: u64,
    },
}
