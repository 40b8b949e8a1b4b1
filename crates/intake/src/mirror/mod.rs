//! Packets of a mirror port (SPAN, TAP), from the kernel's packet rings.
//!
//! [`Mirror::open`] opens one ring of shared memory (AF_PACKET, TPACKET_V3) for each worker and interface; a [`Mirror`]
//! gives frames as they lie there, without copying. The workers of an interface share its packets by a hash of the
//! conversation, the same in both directions (PACKET_FANOUT), so each packet comes once.
//!
//! * What the kernel dropped for want of room is counted exactly ([`Mirror::kernel_drops`]).
//! * An interface that goes down, is removed and made again, or renamed and named back, is taken up again by itself.
//!   What the ring still holds is given first.
//! * A VLAN tag that the network card took out is put back: frames are as they were on the link.
//! * What this machine sends itself is passed over, unless it is asked for.
//! * Sampling is done here and not in the kernel, so that what was passed over is counted too.
//!
//! Limits: Linux only, and it needs `CAP_NET_RAW`. A card or driver that merges packets before they come here (GRO, LRO)
//! gives one frame for several packets; they are counted ([`MirrorCounters::merged`]), and `ethtool -K NAME gro off lro
//! off` ends it. Frames wait in the ring for up to [`RETIRE_MILLISECONDS`] where few come. Nothing is interpreted.

mod counters;
mod error;
mod options;
mod port;
mod ring;
mod sample;
mod system;
mod worker;

pub use counters::{MirrorCounters, MirrorPort};
pub use error::MirrorError;
pub use options::{
    MAX_INTERFACES, MAX_MIRROR_WORKERS, MirrorOptions, RETIRE_MILLISECONDS, RING_BYTES, SNAP_BYTES,
};
pub use worker::{Mirror, MirrorFrame};
