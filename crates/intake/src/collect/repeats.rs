//! Datagrams that come twice: duplicated on the network, sent by two relays, or replayed by somebody.
//!
//! A datagram that is byte for byte one of the last that its exporter sent counts once. Sequence numbers alone would
//! not do: some exporters always send 0 or count what they should not, and one that starts again
//! repeats its numbers. Bytes do: two different exports of an exporter differ at least in a record, in
//! their time or in their number.
//!
//! Limits: kept for each exporter by each worker, so a copy that comes by another worker counts. A datagram displaces an
//! older one with a chance of one in [`PLACES`], so most of the last hundred are known, and what is replayed later
//! than that counts again. An exporter that sends the same bytes twice and means it loses the second one; that would
//! take two sets of flows that agree in everything, exported at one time without a sequence number.

use std::fmt;

use sketch::KeyedState;

/// Datagrams kept for each exporter, each by its fingerprint of eight bytes: 2 KiB.
pub const PLACES: usize = 256;
/// Bytes that are taken in at once.
const BLOCK_BYTES: usize = 64;
/// Words that are taken in beside each other, each with a factor of its own: products take their time.
const LANES: usize = 4;

/// Secret factors of fingerprints, the same for every exporter of a worker.
///
/// Not a cryptographic hash: who can choose what an exporter sends can make two datagrams collide and so have one of
/// its own left out. Who cannot meets a collision once in 2^64 pairs.
#[derive(Clone, Copy)]
pub struct FingerprintKey([[u64; 2]; LANES]);

impl FingerprintKey {
    /// The factors of a secret.
    pub fn new(key: [u8; 16]) -> Self {
        let state = KeyedState::new(key);
        let factor = |lane: usize, half: u64| state.hash_words([lane as u64, half]);
        Self(std::array::from_fn(|lane| [factor(lane, 0), factor(lane, 1)]))
    }

    /// The fingerprint of a datagram; never 0.
    #[inline]
    fn of(&self, datagram: &[u8]) -> u64 {
        let (blocks, rest) = datagram.as_chunks::<BLOCK_BYTES>();
        let mut lanes = self.0.map(|factors| factors[1]);
        lanes[0] ^= datagram.len() as u64;
        for block in blocks {
            self.take_in(&mut lanes, block);
        }
        let mut last = [0; BLOCK_BYTES];
        last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        self.take_in(&mut lanes, &last);
        let [[a, _], [b, _], [c, _], [d, _]] = self.0;
        let half = [fold(lanes[0] ^ a, lanes[1] ^ b), fold(lanes[2] ^ c, lanes[3] ^ d)];
        fold(half[0] ^ b, half[1] ^ d).max(1)
    }

    #[inline]
    fn take_in(&self, lanes: &mut [u64; LANES], block: &[u8; BLOCK_BYTES]) {
        for (place, (lane, factors)) in lanes.iter_mut().zip(&self.0).enumerate() {
            let (first, second) = (word(block, 2 * place), word(block, 2 * place + 1));
            *lane = fold(first ^ factors[0] ^ *lane, second ^ factors[1]);
        }
    }
}

/// Never shows the factors.
impl fmt::Debug for FingerprintKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FingerprintKey")
    }
}

#[inline]
fn word(block: &[u8; BLOCK_BYTES], place: usize) -> u64 {
    let bytes = block.get(8 * place..).and_then(|bytes| bytes.first_chunk());
    bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Both halves of a product.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

/// What one exporter sent lately. Takes no memory before something comes.
#[derive(Clone, Debug, Default)]
pub struct Repeats(Vec<u64>);

impl Repeats {
    /// Nothing has come.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes a datagram up. Says whether it is one that came lately.
    #[inline]
    pub fn is_repeated(&mut self, key: &FingerprintKey, datagram: &[u8]) -> bool {
        if self.0.is_empty() {
            self.0.resize(PLACES, 0);
        }
        let fingerprint = key.of(datagram);
        match self.0.get_mut(fingerprint as usize % PLACES) {
            Some(place) => std::mem::replace(place, fingerprint) == fingerprint,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> FingerprintKey {
        FingerprintKey::new([7; 16])
    }

    /// A datagram of records that all look alike, under a number.
    fn numbered(number: u32) -> Vec<u8> {
        let mut datagram = vec![0x2a; 1_400];
        datagram[8..12].copy_from_slice(&number.to_be_bytes());
        datagram
    }

    #[test]
    fn the_factors_are_not_shown() {
        assert_eq!(format!("{:?}", key()), "FingerprintKey");
    }

    #[test]
    fn a_copy_counts_once_however_often_it_comes() {
        let (key, mut repeats) = (key(), Repeats::new());
        assert!(!repeats.is_repeated(&key, &numbered(1)));
        for _ in 0..1_000 {
            assert!(repeats.is_repeated(&key, &numbered(1)));
        }
        assert!(!repeats.is_repeated(&key, &numbered(2)));
    }

    #[test]
    fn most_of_the_last_twenty_are_known_and_new_ones_never_are() {
        let (key, mut repeats) = (key(), Repeats::new());
        let mut known = 0;
        for number in 0..10_000 {
            assert!(!repeats.is_repeated(&key, &numbered(number)), "{number} is new");
            if number >= 20 {
                known += u32::from(repeats.clone().is_repeated(&key, &numbered(number - 20)));
            }
        }
        assert!(known > 9_000, "{known} of 9,980");
    }

    #[test]
    fn numbers_that_stand_still_lose_nothing() {
        // One bit of one record differs, the header does not.
        let (key, mut repeats) = (key(), Repeats::new());
        for bit in 0..8 * 1_400 {
            let mut datagram = numbered(0);
            datagram[bit / 8] ^= 1 << (bit % 8);
            assert!(!repeats.is_repeated(&key, &datagram), "bit {bit}");
        }
    }

    proptest! {
        /// Nothing but the same bytes has the same fingerprint: also not with zeros at the end.
        #[test]
        fn different_bytes_differ(a in proptest::collection::vec(0_u8..3, 0..140), b in proptest::collection::vec(0_u8..3, 0..140)) {
            prop_assert_eq!(key().of(&a) == key().of(&b), a == b);
        }
    }
}
