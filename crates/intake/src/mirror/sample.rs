//! Which frames are looked at: one in so many on average, not every so-manieth, since traffic that beats in the same
//! time would be seen always or never.

/// Chooses frames.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    one_in: u32,
    /// Frames to pass over before the next one.
    left: u32,
    state: u64,
}

impl Sampler {
    /// One in `one_in`; 0 counts as 1.
    pub(super) fn new(one_in: u32, seed: u64) -> Self {
        let mut sampler = Self { one_in: one_in.max(1), left: 0, state: seed };
        sampler.left = sampler.gap();
        sampler
    }

    /// Whether the next frame is looked at.
    #[inline]
    pub(super) fn takes(&mut self) -> bool {
        if self.left > 0 {
            self.left -= 1;
            return false;
        }
        self.left = self.gap();
        true
    }

    /// 0 to twice the average, each as likely.
    #[inline]
    fn gap(&mut self) -> u32 {
        if self.one_in == 1 {
            return 0;
        }
        // SplitMix64: one step of a counter, well mixed.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let possible = 2 * (u64::from(self.one_in) - 1) + 1;
        ((u128::from(mixed) * u128::from(possible)) >> 64) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_so_many_is_taken_on_average_and_not_in_step() {
        for one_in in [2_u32, 7, 100, 4096] {
            let mut sampler = Sampler::new(one_in, 5);
            let frames = 4_000 * one_in;
            let taken: Vec<u32> = (0..frames).filter(|_| sampler.takes()).collect();
            assert!((3_800..4_200).contains(&taken.len()), "{} of one in {one_in}", taken.len());
            let gaps: std::collections::BTreeSet<u32> = taken.windows(2).map(|two| two[1] - two[0]).collect();
            assert!(gaps.len() > 2, "one in {one_in}: {gaps:?}");
        }
    }

    #[test]
    fn one_in_one_is_all_of_them() {
        let mut sampler = Sampler::new(1, 5);
        assert!((0..1_000).all(|_| sampler.takes()));
        let mut most = Sampler::new(u32::MAX, 5);
        assert!(!most.takes());
    }
}
