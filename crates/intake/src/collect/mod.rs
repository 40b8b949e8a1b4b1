//! Live collectors: flow export datagrams from the network.
//!
//! [`bind()`] opens one socket for each worker and address, with a receive buffer as large as the kernel lets; a
//! [`Worker`] gives datagrams as they come, many for each system call, without copying or allocating.
//!
//! * What the kernel dropped is counted exactly ([`Worker::kernel_drops`]); so is what was cut off.
//! * All sockets open, or none does.
//! * [`Senders`] says whom to believe before anything is decoded, [`Skew`] by how much an exporter's clock is wrong,
//!   [`Repeats`] whether a datagram came before, [`LinkUse`] how full the links of sFlow agents are. They belong to
//!   one worker and take no locks.
//! * A busy worker that has emptied its sockets rests for up to a millisecond, so that the next system call brings
//!   many datagrams; after a silence the first datagram is taken at once.
//!
//! Limits: Linux only. All datagrams of one sender's port go to one worker, so one exporter cannot be spread over
//! several. Nothing is decoded here.

mod bind;
mod clock;
mod counters;
mod error;
mod links;
mod options;
mod repeats;
mod senders;
mod skew;
mod system;
mod table;
mod worker;

pub use bind::{Bound, BoundSocket, bind};
pub use clock::now;
pub use counters::SocketCounters;
pub use error::CollectError;
pub use links::{
    DirectionRate, INTERFACES, INTERFACES_PER_EXPORTER, LONGEST_INTERVAL_SECONDS, LinkCounters, LinkRate,
    LinkUse, MOST_BITS_PER_SECOND, SHORTEST_INTERVAL_SECONDS,
};
pub use options::{
    COALESCE, CollectorOptions, DATAGRAM_BYTES, MAX_LISTEN, MAX_WORKERS, RECEIVE_BUFFER_BYTES,
};
pub use repeats::{FingerprintKey, PLACES as REMEMBERED_DATAGRAMS, Repeats};
pub use senders::{
    DeclaredSender, Senders, Standing, UNDECLARED_IDLE_SECONDS, UNDECLARED_SENDERS, UndeclaredSender,
    UndeclaredTotals, merge_undeclared,
};
pub use skew::Skew;
pub use worker::{Datagram, Worker};
