//! SipHash-1-3 (Aumasson and Bernstein, 2012) of one and of two words: what `siphasher` gives for their bytes, without the steps that bytes of any length need.
//! Two of these stand in the way of every record.

/// A state with its key in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sip([u64; 4]);

impl Sip {
    pub(crate) const fn new(key: (u64, u64)) -> Self {
        Self([
            key.0 ^ 0x736f_6d65_7073_6575,
            key.1 ^ 0x646f_7261_6e64_6f6d,
            key.0 ^ 0x6c79_6765_6e65_7261,
            key.1 ^ 0x7465_6462_7974_6573,
        ])
    }

    /// Of four bytes.
    #[inline]
    pub(crate) const fn of_u32(self, bits: u32) -> u64 {
        // A cast and not `u64::from`, which is none of a constant function.
        self.take(4 << 56 | bits as u64).end()
    }

    /// Of sixteen bytes.
    #[inline]
    pub(crate) const fn of_pair(self, pair: [u64; 2]) -> u64 {
        self.take(pair[0]).take(pair[1]).take(16 << 56).end()
    }

    #[inline]
    const fn take(self, word: u64) -> Self {
        let [a, b, c, d] = self.0;
        let [a, b, c, d] = Self([a, b, c, d ^ word]).round().0;
        Self([a ^ word, b, c, d])
    }

    #[inline]
    const fn end(self) -> u64 {
        let [a, b, c, d] = self.0;
        let [a, b, c, d] = Self([a, b, c ^ 0xff, d]).round().round().round().0;
        a ^ b ^ c ^ d
    }

    #[inline]
    const fn round(self) -> Self {
        let [a, b, c, d] = self.0;
        let (a, c) = (a.wrapping_add(b), c.wrapping_add(d));
        let (b, d) = (b.rotate_left(13) ^ a, d.rotate_left(16) ^ c);
        let a = a.rotate_left(32);
        let (c, a) = (c.wrapping_add(b), a.wrapping_add(d));
        let (b, d) = (b.rotate_left(17) ^ c, d.rotate_left(21) ^ a);
        Self([a, b, c.rotate_left(32), d])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    use super::*;

    proptest! {
        #[test]
        fn it_is_that_of_the_crate(key: (u64, u64), bits: u32, pair: [u64; 2]) {
            let crates = SipHasher13::new_with_keys(key.0, key.1);
            prop_assert_eq!(Sip::new(key).of_u32(bits), crates.hash(&bits.to_le_bytes()));
            let bytes: Vec<u8> = pair.iter().flat_map(|word| word.to_le_bytes()).collect();
            prop_assert_eq!(Sip::new(key).of_pair(pair), crates.hash(&bytes));
        }
    }
}
