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

    /// A normally distributed number (Box and Muller, 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// A gamma distributed number with mean 1 and that coefficient of variation (Marsaglia and Tsang, 2000).
    pub(crate) fn gamma(&mut self, variation: f64) -> f64 {
        if variation <= 0.0 {
            return 1.0;
        }
        let shape = 1.0 / (variation * variation);
        // Below 1 the method asks for a shape one higher and a correction.
        let (boosted, correction) =
            if shape < 1.0 { (shape + 1.0, (1.0 - self.unit()).powf(1.0 / shape)) } else { (shape, 1.0) };
        let d = boosted - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - self.unit()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v * correction / shape;
            }
        }
    }

    /// A Poisson distributed number: by products below a mean of 30, above it by the normal approximation, whose error
    /// in the variance is below a hundredth there.
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        if mean <= 0.0 {
            return 0;
        }
        if mean > 30.0 {
            return (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64;
        }
        let (end, mut product, mut count) = ((-mean).exp(), self.unit(), 0);
        while product > end {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// A number with a heavy tail (Pareto) from `least` to `most`; the smaller `shape`, the heavier.
    pub(crate) fn pareto(&mut self, least: f64, most: f64, shape: f64) -> f64 {
        (least / (1.0 - self.unit()).powf(1.0 / shape)).min(most)
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

    /// Mean and variance over 40,000 numbers.
    fn moments(mut number: impl FnMut() -> f64) -> (f64, f64) {
        let numbers: Vec<f64> = (0..40_000).map(|_| number()).collect();
        let mean = numbers.iter().sum::<f64>() / 4e4;
        (mean, numbers.iter().map(|number| (number - mean).powi(2)).sum::<f64>() / 4e4)
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut random = Random::new(3);
        let near = |found: (f64, f64), wanted: (f64, f64)| {
            assert!((found.0 - wanted.0).abs() < 0.03 * wanted.0.max(1.0), "{found:?} {wanted:?}");
            assert!((found.1 - wanted.1).abs() < 0.06 * wanted.1.max(0.1), "{found:?} {wanted:?}");
        };
        near(moments(|| random.normal()), (0.0, 1.0));
        for variation in [0.1, 0.3, 1.0, 1.5] {
            near(moments(|| random.gamma(variation)), (1.0, variation * variation));
        }
        for mean in [0.2, 5.0, 29.0, 400.0] {
            near(moments(|| random.poisson(mean) as f64), (mean, mean));
        }
        assert!((0..1000).all(|_| (2.0..=50.0).contains(&random.pareto(2.0, 50.0, 1.5))));
    }
}
