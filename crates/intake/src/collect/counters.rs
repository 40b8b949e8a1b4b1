//! What a socket counted; written by its worker, read by anybody.

use std::sync::atomic::{AtomicU64, Ordering};

/// What was counted at one moment. The counts of one reading may be some datagrams apart from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// Datagrams received.
    pub datagrams: u64,
    /// Their bytes, as far as they were read.
    pub bytes: u64,
    /// System calls that brought at least one datagram.
    pub batches: u64,
    /// Datagrams longer than [`super::CollectorOptions::datagram_bytes`], of which the end was lost.
    pub truncated: u64,
    /// Datagrams that the kernel dropped, mostly for want of room in the receive buffer. Exact, as of the last
    /// [`super::Worker::kernel_drops`].
    pub kernel_drops: u64,
    /// Calls that failed for another reason than that nothing was there.
    pub errors: u64,
}

/// The same for one writer and many readers, without locks.
#[derive(Debug, Default)]
pub(super) struct SharedCounters {
    datagrams: AtomicU64,
    bytes: AtomicU64,
    batches: AtomicU64,
    truncated: AtomicU64,
    kernel_drops: AtomicU64,
    errors: AtomicU64,
}

impl SharedCounters {
    pub(super) fn read(&self) -> SocketCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SocketCounters {
            datagrams: read(&self.datagrams),
            bytes: read(&self.bytes),
            batches: read(&self.batches),
            truncated: read(&self.truncated),
            kernel_drops: read(&self.kernel_drops),
            errors: read(&self.errors),
        }
    }

    pub(super) fn add_batch(&self, datagrams: u64, bytes: u64, truncated: u64) {
        add(&self.datagrams, datagrams);
        add(&self.bytes, bytes);
        add(&self.batches, 1);
        if truncated > 0 {
            add(&self.truncated, truncated);
        }
    }

    pub(super) fn add_kernel_drops(&self, drops: u64) {
        add(&self.kernel_drops, drops);
    }

    pub(super) fn add_error(&self) {
        add(&self.errors, 1);
    }
}

/// There is one writer, so no locked instruction is needed.
fn add(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
}
