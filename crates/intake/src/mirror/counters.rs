//! What a worker counted on one interface; written by the worker, read by anybody.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// What was counted at one moment. The counts of one reading may be some frames apart from each other. Once the ring is
/// empty, `kernel_frames` is the sum of `kernel_drops`, `frames`, `sampled_out`, `outgoing` and `unusable`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MirrorCounters {
    /// Frames given.
    pub frames: u64,
    /// Their bytes on the link.
    pub bytes: u64,
    /// Of these frames, those of which the end was cut off.
    pub cut: u64,
    /// Of these frames, those that the card or the driver had merged from several packets.
    pub merged: u64,
    /// Frames passed over because one in [`super::MirrorOptions::sampling`] is looked at.
    pub sampled_out: u64,
    /// Frames passed over because this machine sent them.
    pub outgoing: u64,
    /// Entries of the ring that could not be read as a frame.
    pub unusable: u64,
    /// Frames that the kernel had for this worker, as of the last [`super::Mirror::kernel_drops`].
    pub kernel_frames: u64,
    /// Of these, those that it dropped because the ring was full.
    pub kernel_drops: u64,
    /// Times that the ring was full and the kernel stopped filling it.
    pub freezes: u64,
    /// Times that the interface went down.
    pub downs: u64,
    /// Times that the interface was removed or named otherwise.
    pub removals: u64,
    /// Times that it was opened again after that.
    pub reopenings: u64,
    /// Calls that failed, each attempt to open it again while it is not there included.
    pub errors: u64,
}

/// An interface as one worker has it, seen from outside.
#[derive(Clone, Debug)]
pub struct MirrorPort {
    /// Name of the interface.
    pub interface: String,
    /// Which worker reads it.
    pub worker: usize,
    /// Memory of the ring in bytes.
    pub ring_bytes: usize,
    pub(super) counters: Arc<SharedCounters>,
}

impl MirrorPort {
    /// What was counted so far.
    pub fn counters(&self) -> MirrorCounters {
        self.counters.read()
    }

    /// Whether the interface is there and up, as of a quarter of a second ago.
    pub fn is_up(&self) -> bool {
        self.counters.is_up.load(Ordering::Relaxed)
    }
}

macro_rules! shared {
    ($($name:ident),*) => {
        /// The same for one writer and many readers, without locks.
        #[derive(Debug, Default)]
        pub(super) struct SharedCounters {
            $(pub(super) $name: AtomicU64,)*
            pub(super) is_up: AtomicBool,
        }

        impl SharedCounters {
            pub(super) fn read(&self) -> MirrorCounters {
                MirrorCounters { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

shared!(
    frames,
    bytes,
    cut,
    merged,
    sampled_out,
    outgoing,
    unusable,
    kernel_frames,
    kernel_drops,
    freezes,
    downs,
    removals,
    reopenings,
    errors
);

/// There is one writer, so no locked instruction is needed.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    if by > 0 {
        counter.store(counter.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }
}
