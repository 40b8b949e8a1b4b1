//! A packet of a mirror as evidence: its headers and nothing else, from the moment on that it is remembered.

use intake::mirror::MirrorFrame;
use record::{EvidenceKind, Frame, Writer};
use wire::Packet;
use wire::packet::Decoded;

use super::tap::Trace;
use super::wanted::Wish;

/// Headers of a packet, and whom it is from and to.
#[derive(Clone, Debug)]
pub(in crate::serve) struct SeenFrame {
    /// Source and destination, of a tunnel those inside too.
    addresses: [u128; 4],
    frame: Frame,
}

impl SeenFrame {
    /// The headers of a frame.
    pub(in crate::serve) fn new(frame: &MirrorFrame<'_>, decoded: &Decoded<'_>) -> Self {
        let both = |packet: &Packet<'_>| (packet.source.bits(), packet.destination.bits());
        let (outer, inner) = (both(&decoded.outer), decoded.inner.as_ref().map(both));
        let inner = inner.unwrap_or(outer);
        let time = frame.time.nanoseconds();
        Self {
            addresses: [outer.0, outer.1, inner.0, inner.1],
            frame: Frame::of_headers(time, frame.link.0, frame.original_length, frame.bytes),
        }
    }
}

impl Trace for SeenFrame {
    const KIND: EvidenceKind = EvidenceKind::Packets;
    const RING: usize = 8_192;
    const EACH_TICK: u32 = 100;
    const BURST: usize = 600;
    const FOLLOWING: u32 = 1;

    fn time(&self) -> i64 {
        self.frame.time
    }

    fn touches(&self, wish: &Wish) -> bool {
        self.addresses.iter().any(|&bits| wish.holds(bits))
    }

    fn offer(writer: &Writer, flood: &str, rows: Vec<Self>) -> bool {
        writer.offer_frames(flood, rows.into_iter().map(|row| row.frame).collect())
    }
}
