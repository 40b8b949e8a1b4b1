//! Live runs: a network namespace of our own, one core that sends and one that receives, and counters that do not
//! depend on what a receiver says of itself.
//!
//! Nothing leaves the machine: all traffic goes over the loopback interface of a namespace that has no other one.

pub(crate) mod bare;
pub(crate) mod datagram;
pub(crate) mod feed;
pub(crate) mod kernel;
pub(crate) mod namespace;
pub(crate) mod pace;
pub(crate) mod processor;
pub(crate) mod ring;
pub(crate) mod sender;
pub(crate) mod tools;

/// The core that sends.
pub(crate) const SENDING_CORE: usize = 0;
/// The core that receives.
pub(crate) const RECEIVING_CORE: usize = 1;
/// Receive buffer that every receiver is given, in bytes, as asked of the kernel (which doubles it).
pub(crate) const RECEIVE_BUFFER_BYTES: usize = 4_194_304;
