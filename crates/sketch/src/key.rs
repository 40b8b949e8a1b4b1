//! The keyed hash that stands between chosen keys and every table and summary.
//!
//! SipHash-1-3 (Aumasson and Bernstein 2012, with one compression and three finalisation rounds, as in the
//! standard library's hash maps). Addresses, by far the most frequent key, have a path that is unrolled for
//! sixteen bytes and gives the same value as the general one.

use std::fmt;
use std::hash::{BuildHasher, Hasher};

use siphasher::sip::SipHasher13;

/// The key of runs that must repeat and need no secrecy: replays of files, tests, benchmarks. Never for a
/// service that listens to a network.
pub const PUBLISHED_KEY: [u8; 16] = *b"hemicycle replay";

/// A secret key, ready to hash with; 24 bytes, cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyedState {
    key0: u64,
    key1: u64,
    identity: u64,
}

impl KeyedState {
    /// The state of one secret. Equal secrets give equal hashes, in every process and on every machine.
    pub fn new(key: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = key;
        let key0 = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let key1 = u64::from_le_bytes([i, j, k, l, m, n, o, p]);
        let identity = SipHasher13::new_with_keys(key0, key1).hash(b"identity of the key");
        Self { key0, key1, identity }
    }

    /// The state of [`PUBLISHED_KEY`].
    pub fn published() -> Self {
        Self::new(PUBLISHED_KEY)
    }

    /// A number that tells keys apart without telling the key, for logs and for the check before a merge.
    #[inline]
    pub const fn identity(self) -> u64 {
        self.identity
    }

    /// The hash of an address given as 128 bits (IPv4 in IPv4-mapped form): SipHash-1-3 of its 16 bytes in
    /// little-endian order.
    #[inline]
    pub const fn hash_address(&self, bits: u128) -> u64 {
        let mut sip = Sip::new(self.key0, self.key1);
        sip.compress(bits as u64);
        sip.compress((bits >> 64) as u64);
        sip.compress(16 << 56);
        sip.finish()
    }

    /// The hash of up to 31 words: SipHash-1-3 of their bytes in little-endian order.
    #[inline]
    pub const fn hash_words<const N: usize>(&self, words: [u64; N]) -> u64 {
        const { assert!(N < 32, "the length has eight bits") };
        let mut sip = Sip::new(self.key0, self.key1);
        let mut place = 0;
        while place < N {
            sip.compress(words[place]);
            place += 1;
        }
        sip.compress((N as u64 * 8) << 56);
        sip.finish()
    }

    /// The hash of a 64-bit key: SipHash-1-3 of its 8 bytes in little-endian order.
    #[inline]
    pub const fn hash_u64(&self, value: u64) -> u64 {
        let mut sip = Sip::new(self.key0, self.key1);
        sip.compress(value);
        sip.compress(8 << 56);
        sip.finish()
    }
}

/// A secret key for hash tables: a fraction of [`KeyedState`]'s cost, for keys of up to `N` words.
///
/// Multilinear hashing (Lemire and Kaser, "Strongly universal string hashing is fast", The Computer Journal 2014):
/// the upper half of a sum of products with secret 128-bit factors. Any two different keys collide with a chance of
/// 2^-64, whoever chose them, as long as the factors are not known. It is no good for sketches: the hashes of
/// regular keys are regular.
#[derive(Clone, Copy)]
pub struct TableKey<const N: usize> {
    first: u128,
    factors: [u128; N],
}

impl<const N: usize> TableKey<N> {
    /// The factors of a secret. Different domains under one secret have nothing to do with each other.
    pub fn new(state: &KeyedState, domain: u64) -> Self {
        let number = |place: usize| {
            let half = |which: u64| state.hash_words([domain, place as u64, which]);
            u128::from(half(0)) << 64 | u128::from(half(1))
        };
        Self { first: number(N), factors: std::array::from_fn(number) }
    }

    /// The hash of a key.
    #[inline]
    pub const fn hash(&self, words: [u64; N]) -> u64 {
        let mut sum = self.first;
        let mut place = 0;
        while place < N {
            sum = sum.wrapping_add(self.factors[place].wrapping_mul(words[place] as u128));
            place += 1;
        }
        mix(sum)
    }
}

impl TableKey<2> {
    /// The hash of an address given as 128 bits: that of its two halves, the lower one first.
    #[inline]
    pub const fn hash_address(&self, bits: u128) -> u64 {
        let [lower, upper] = self.factors;
        let mut sum = self.first.wrapping_add(lower.wrapping_mul(bits as u64 as u128));
        // Of IPv4-mapped addresses nothing is left to add.
        if bits >> 64 != 0 {
            sum = sum.wrapping_add(upper.wrapping_mul(bits >> 64));
        }
        mix(sum)
    }
}

/// Pairs of words of a text that are hashed at once.
const TEXT_PAIRS: usize = 32;
const PAIR_BYTES: usize = 16;

/// A secret key for texts of any length: to find them in tables and to tell them apart, at a fraction of the cost of
/// [`KeyedState`].
///
/// NH of UMAC (Black, Halevi, Krawczyk, Krovetz and Rogaway, CRYPTO 1999; RFC 4418 section 5.2) with words of 64 bits: the sum of
/// the products of pairs of words to which a secret was added, 512 bytes at once; a [`TableKey`] makes 64 bits of each sum, of
/// the length and of what came before. Any two different texts collide with a chance of at most 2^-63 for each 512
/// bytes, whoever chose them. It is no good for sketches, as [`TableKey`] is not.
#[derive(Clone)]
pub struct TextKey {
    pairs: Box<[[u64; 2]; TEXT_PAIRS]>,
    sums: TableKey<3>,
}

impl TextKey {
    /// The secrets of a domain; see [`TableKey::new`].
    pub fn new(state: &KeyedState, domain: u64) -> Self {
        let word =
            |place: usize, which: u64| state.hash_words([domain, place as u64, which, TEXT_PAIRS as u64]);
        let pair = |place: usize| [word(place, 0), word(place, 1)];
        Self { pairs: Box::new(std::array::from_fn(pair)), sums: TableKey::new(state, domain) }
    }

    /// The hash of a text.
    #[inline]
    pub fn hash(&self, text: &[u8]) -> u64 {
        let mut so_far = text.len() as u64;
        let mut rest = text;
        while let Some((block, after)) = rest.split_at_checked(TEXT_PAIRS * PAIR_BYTES) {
            so_far = self.hash_on(so_far, block);
            rest = after;
        }
        self.hash_on(so_far, rest)
    }

    #[inline]
    fn hash_on(&self, so_far: u64, block: &[u8]) -> u64 {
        let (whole, last) = block.as_chunks::<PAIR_BYTES>();
        let mut sum = whole
            .iter()
            .zip(&*self.pairs)
            .fold(0_u128, |sum, (bytes, secrets)| sum.wrapping_add(product(bytes, secrets)));
        if let (false, Some(secrets)) = (last.is_empty(), self.pairs.get(whole.len())) {
            sum = sum.wrapping_add(product(&end_of(block), secrets));
        }
        self.sums.hash([so_far, sum as u64, (sum >> 64) as u64])
    }
}

/// The last bytes of a text, some of them twice if there are fewer: with the length they are known from it.
#[inline]
fn end_of(text: &[u8]) -> [u8; PAIR_BYTES] {
    if let Some(last) = text.last_chunk() {
        return *last;
    }
    let pair = |one: u64, other: u64| (u128::from(other) << 64 | u128::from(one)).to_le_bytes();
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return pair(u64::from_le_bytes(*first), u64::from_le_bytes(*last));
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return pair(u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into());
    }
    let at = |place: usize| text.get(place).map_or(0, |byte| u64::from(*byte));
    pair(at(0) | at(1) << 8 | at(2) << 16, 0)
}

/// The product of two words after a secret was added to each.
#[inline]
const fn product(bytes: &[u8; PAIR_BYTES], secrets: &[u64; 2]) -> u128 {
    let words = u128::from_le_bytes(*bytes);
    let (one, other) = (words as u64, (words >> 64) as u64);
    one.wrapping_add(secrets[0]) as u128 * other.wrapping_add(secrets[1]) as u128
}

/// Never shows the key.
impl fmt::Debug for TextKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TextKey")
    }
}

/// The upper half of the sum, torn apart.
#[inline]
const fn mix(sum: u128) -> u64 {
    // What follows can be undone, so it makes no collisions; it tears regular keys apart (the first half of the
    // finaliser of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
    let half = (sum >> 64) as u64;
    let mixed = (half ^ half >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ mixed >> 27
}

/// Never shows the key.
impl<const N: usize> fmt::Debug for TableKey<N> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TableKey")
    }
}

/// Shows which key it is, never the key.
impl fmt::Debug for KeyedState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "KeyedState({:016x})", self.identity)
    }
}

impl BuildHasher for KeyedState {
    type Hasher = KeyedHasher;

    #[inline]
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher(SipHasher13::new_with_keys(self.key0, self.key1))
    }
}

/// Hashes one key of any type under a [`KeyedState`].
#[derive(Clone, Copy, Debug)]
pub struct KeyedHasher(SipHasher13);

impl Hasher for KeyedHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

struct Sip {
    v0: u64,
    v1: u64,
    v2: u64,
    v3: u64,
}

impl Sip {
    #[inline]
    const fn new(key0: u64, key1: u64) -> Self {
        Self {
            v0: key0 ^ 0x736f_6d65_7073_6575,
            v1: key1 ^ 0x646f_7261_6e64_6f6d,
            v2: key0 ^ 0x6c79_6765_6e65_7261,
            v3: key1 ^ 0x7465_6462_7974_6573,
        }
    }

    #[inline]
    const fn round(&mut self) {
        self.v0 = self.v0.wrapping_add(self.v1);
        self.v2 = self.v2.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(13) ^ self.v0;
        self.v3 = self.v3.rotate_left(16) ^ self.v2;
        self.v0 = self.v0.rotate_left(32);
        self.v2 = self.v2.wrapping_add(self.v1);
        self.v0 = self.v0.wrapping_add(self.v3);
        self.v1 = self.v1.rotate_left(17) ^ self.v2;
        self.v3 = self.v3.rotate_left(21) ^ self.v0;
        self.v2 = self.v2.rotate_left(32);
    }

    #[inline]
    const fn compress(&mut self, word: u64) {
        self.v3 ^= word;
        self.round();
        self.v0 ^= word;
    }

    #[inline]
    const fn finish(mut self) -> u64 {
        self.v2 ^= 0xff;
        self.round();
        self.round();
        self.round();
        self.v0 ^ self.v1 ^ self.v2 ^ self.v3
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fast_paths_are_siphash_1_3(key: [u8; 16], bits: u128, value: u64) {
            let oracle = SipHasher13::new_with_key(&key);
            let state = KeyedState::new(key);
            prop_assert_eq!(state.hash_address(bits), oracle.hash(&bits.to_le_bytes()));
            prop_assert_eq!(state.hash_u64(value), oracle.hash(&value.to_le_bytes()));
            let words = [value, bits as u64, (bits >> 64) as u64];
            prop_assert_eq!(state.hash_words(words), oracle.hash(&words.map(u64::to_le_bytes).concat()));
            if cfg!(target_endian = "little") {
                prop_assert_eq!(state.hash_address(bits), state.hash_one(bits));
            }
        }
    }

    #[test]
    fn debug_output_does_not_hold_the_key() {
        let shown = format!("{:?}", KeyedState::new([0x41; 16]));
        assert!(!shown.contains("4141") && !shown.contains("AAAA"), "{shown}");
    }

    #[test]
    fn texts_that_differ_anywhere_have_different_hashes_and_the_same_one_has_the_same() {
        let key = TextKey::new(&KeyedState::new([3; 16]), 1);
        // Over two blocks of 512 bytes, and all the ways in which the end of one is read.
        let text: Vec<u8> = (0..1_100_u32).map(|place| (place * 7) as u8).collect();
        let mut seen = std::collections::BTreeSet::new();
        for length in 0..text.len() {
            let part = &text[..length];
            assert!(seen.insert(key.hash(part)), "{length} bytes are as another length");
            let same = [part, b"and more"].concat();
            assert_eq!(key.hash(part), key.hash(&same[..length]), "wherever it stands");
            for place in [0, 1, 3, 4, 7, 8, 15, 16, 511, 512, 1_023, length.wrapping_sub(1)] {
                let mut other = part.to_vec();
                let Some(byte) = other.get_mut(place) else { continue };
                *byte ^= 0x10;
                assert_ne!(key.hash(&other), key.hash(part), "{length} bytes, changed at {place}");
            }
        }
        let zeros = [0; 40];
        let lengths: std::collections::BTreeSet<_> =
            (0..40).map(|length| key.hash(&zeros[..length])).collect();
        assert_eq!(lengths.len(), 40, "what is filled up with noughts is not the same");
        let other = TextKey::new(&KeyedState::new([4; 16]), 1);
        assert_ne!(other.hash(b"GET /"), key.hash(b"GET /"), "the key matters");
        let domain = TextKey::new(&KeyedState::new([3; 16]), 2);
        assert_ne!(domain.hash(b"GET /"), key.hash(b"GET /"), "and the domain");
    }

    #[test]
    fn regular_texts_fill_a_table_evenly() {
        let key = TextKey::new(&KeyedState::new([5; 16]), 1);
        let mut buckets = [0_u32; 256];
        for number in 0..65_536 {
            buckets[key.hash(format!("/agenda/{number}").as_bytes()) as usize % 256] += 1;
        }
        assert!(buckets.iter().all(|count| (150..400).contains(count)), "{buckets:?}");
    }

    #[test]
    fn regular_keys_fill_a_table_evenly() {
        for secret in 0..20 {
            let key = TableKey::<2>::new(&KeyedState::new([secret; 16]), 1);
            let mut buckets = vec![0_u32; 1 << 10];
            let mut tags = vec![0_u32; 1 << 10];
            for number in 0..1_u64 << 16 {
                let hash = key.hash([number, number * 37]);
                buckets[hash as usize & 0x3ff] += 1;
                tags[(hash >> 54) as usize] += 1;
            }
            // 64 are expected in each; 8 deviations of a random function.
            assert!(buckets.iter().chain(&tags).all(|&count| count < 128), "secret {secret}");
        }
    }

    #[test]
    fn domains_and_words_are_told_apart() {
        let state = KeyedState::new([7; 16]);
        let (one, other) = (TableKey::<2>::new(&state, 1), TableKey::<2>::new(&state, 2));
        assert_ne!(one.hash([1, 2]), other.hash([1, 2]));
        assert_ne!(one.hash([1, 2]), one.hash([2, 1]));
        assert_eq!(format!("{one:?}"), "TableKey");
    }

    #[test]
    fn keys_are_told_apart() {
        let (one, other) = (KeyedState::new([1; 16]), KeyedState::new([2; 16]));
        assert_ne!(one.identity(), other.identity());
        assert_ne!(one.hash_address(7), other.hash_address(7));
    }
}
