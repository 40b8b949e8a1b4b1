//! A table in sets under a secret hash, and a wheel of seconds that names the places to be looked at: what connections of TCP
//! and handshakes of QUIC have in common.

use sketch::TableKey;
use wire::Packet;

/// Ways of a set.
pub(super) const WAYS: usize = 4;

/// Where something is in a table or would be.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) hash: u64,
    /// The first place of its set.
    pub(super) set: usize,
    pub(super) tag: u32,
}

impl Place {
    /// That of the conversation of a packet, the same for both directions, in a table of so many places.
    #[inline]
    pub(super) fn of(key: &TableKey<5>, packet: &Packet<'_>, to_server: bool, places: usize) -> Self {
        let (client, server) = if to_server {
            ((packet.source, packet.source_port), (packet.destination, packet.destination_port))
        } else {
            ((packet.destination, packet.destination_port), (packet.source, packet.source_port))
        };
        let ports = u64::from(client.1) << 16 | u64::from(server.1);
        let halves = |bits: u128| ((bits >> 64) as u64, bits as u64);
        let ((a, b), (c, d)) = (halves(client.0.bits()), halves(server.0.bits()));
        let hash = key.hash([ports, a, b, c, d]);
        Self { hash, set: (hash as usize % (places / WAYS)) * WAYS, tag: (hash >> 32) as u32 | 1 }
    }

    /// Its places.
    pub(super) const fn ways(self) -> std::ops::Range<usize> {
        self.set..self.set + WAYS
    }
}

/// Places to be looked at, by the second in which that is due. Whoever is on it is so once.
pub(super) struct Wheel<const SECONDS: usize>([Vec<u32>; SECONDS]);

impl<const SECONDS: usize> Default for Wheel<SECONDS> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Vec::new()))
    }
}

impl<const SECONDS: usize> Wheel<SECONDS> {
    /// A place is to be looked at in a second, which is less than a turn ahead.
    pub(super) fn push(&mut self, second: u32, place: u32) {
        self.0[second as usize % SECONDS].push(place);
    }

    /// The places of a second. Whoever took them gives the memory back with [`Wheel::give_back`].
    pub(super) fn take(&mut self, second: u32) -> Vec<u32> {
        std::mem::take(&mut self.0[second as usize % SECONDS])
    }

    /// Memory to be used again.
    pub(super) fn give_back(&mut self, second: u32, mut places: Vec<u32>) {
        places.clear();
        let slot = &mut self.0[second as usize % SECONDS];
        if slot.is_empty() {
            *slot = places;
        }
    }

    /// Whether nothing is to be looked at.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(Vec::clear);
    }
}
