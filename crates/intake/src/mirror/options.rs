//! Which interfaces, with how many workers and how much memory.

use std::ops::RangeInclusive;

/// Most interfaces of one [`super::Mirror`].
pub const MAX_INTERFACES: usize = 16;
/// Most workers.
pub const MAX_MIRROR_WORKERS: usize = 64;
/// Ring of each worker and interface where nothing else is said: 80 ms of a million packets a second of 400 bytes.
pub const RING_BYTES: usize = 32 << 20;
/// Bytes taken of each frame where nothing else is said: all of it, without jumbo frames.
pub const SNAP_BYTES: u32 = 2048;
/// After so long the kernel hands over a block of the ring that is not full. A shorter time wakes the reader more
/// often; a longer one delays the alarm.
pub const RETIRE_MILLISECONDS: u32 = 10;
/// One block of a ring: the unit that the kernel hands over. Some 2,000 small frames.
pub(super) const BLOCK_BYTES: usize = 256 << 10;
/// Possible rings; the kernel's memory for one is not swapped.
pub(super) const RING_BYTES_POSSIBLE: RangeInclusive<usize> = 2 * BLOCK_BYTES..=1 << 30;
/// Possible lengths: headers at the least, and what fits into a block.
pub(super) const SNAP_BYTES_POSSIBLE: RangeInclusive<u32> = 64..=65_536;

/// Which interfaces to read and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorOptions {
    /// Names of interfaces, 1 to [`MAX_INTERFACES`], each once.
    pub interfaces: Vec<String>,
    /// Workers that share the packets of every interface, 1 to [`MAX_MIRROR_WORKERS`].
    pub workers: usize,
    /// One frame in so many is given, chosen at random; 1 for all.
    pub sampling: u32,
    /// Seed of that choice. Whoever knows it could send between the samples, so it is to be secret.
    pub seed: u64,
    /// Bytes taken of each frame, 64 to 65,536; the rest stays out of the ring.
    pub snap_bytes: u32,
    /// Memory of each ring in bytes, 512 KiB to 1 GiB; rounded down to whole blocks.
    pub ring_bytes: usize,
    /// Whether the interface is told to take frames for other stations, as a mirror port must.
    pub promiscuous: bool,
    /// Whether frames that this machine sends are given too. On a loopback interface each packet then comes twice.
    pub outgoing: bool,
}

impl MirrorOptions {
    /// All packets of one interface to one worker, everything else at its default.
    pub fn new(interface: &str) -> Self {
        Self {
            interfaces: vec![interface.to_owned()],
            workers: 1,
            sampling: 1,
            seed: 0,
            snap_bytes: SNAP_BYTES,
            ring_bytes: RING_BYTES,
            promiscuous: true,
            outgoing: false,
        }
    }
}
