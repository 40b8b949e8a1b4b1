//! A small generator of numbers that are the same on every machine for the same seed.
//!
//! SplitMix64 (Steele, Lea and Flood, 2014): enough for traffic, of no use for secrets.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed ^ 0x6c61_6220_7365_6564)
    }

    /// The stream of a seed and a name, so that cases do not depend on their order.
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        Self::new(seed ^ hash(name.as_bytes()))
    }

    /// 64 bits.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; 0 if `end` is 0.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        ((self.bits() as u128 * end as u128) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// From 0 to just under 1.
    pub(crate) const fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// An exponentially distributed number with that mean: the gap between independent arrivals.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// 16 bits.
    pub(crate) const fn short(&mut self) -> u16 {
        (self.bits() >> 48) as u16
    }

    /// A port that a client uses (IANA's dynamic range and what Linux takes).
    pub(crate) const fn client_port(&mut self) -> u16 {
        self.between(32_768, 60_999) as u16
    }

    /// Fills with bytes that have no structure.
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let bits = self.bits().to_le_bytes();
            chunk.iter_mut().zip(bits).for_each(|(to, from)| *to = from);
        }
    }

    /// That many bytes without structure.
    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes);
        bytes
    }

    /// One of several.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        items.get(self.below(items.len() as u64) as usize).copied()
    }
}

/// The finalizer of SplitMix64: a bijection of 64 bits.
pub(crate) const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// FNV-1a, for names.
fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_repeat_and_stay_in_range() {
        let mut first = Random::named(7, "a");
        let mut second = Random::named(7, "a");
        assert!((0..100).all(|_| first.bits() == second.bits()));
        assert_ne!(Random::named(7, "a").bits(), Random::named(7, "b").bits());
        assert!((0..1000).all(|_| (3..=5).contains(&first.between(3, 5))));
        let mean = (0..10_000).map(|_| first.exponential(2.0)).sum::<f64>() / 10_000.0;
        assert!((1.9..2.1).contains(&mean), "{mean}");
    }
}
