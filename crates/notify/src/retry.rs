//! How long to wait after a failure.

use std::time::Duration;

use crate::options::RetryOptions;

/// The wait of one channel. The same seed gives the same waits.
#[derive(Debug)]
pub(crate) struct Backoff {
    options: RetryOptions,
    state: u64,
}

impl Backoff {
    pub(crate) fn new(options: RetryOptions, seed: u64) -> Self {
        Self { options, state: seed }
    }

    /// The wait after a number of failures in a row: half of it certain, half of it by chance.
    pub(crate) fn wait(&mut self, failures: u64) -> Duration {
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
        let longest = u64::from(self.options.longest_seconds) * 1_000;
        let full = (u64::from(self.options.first_milliseconds) << doublings).min(longest);
        Duration::from_millis(full / 2 + self.random() % (full / 2 + 1))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): chance enough to spread senders; nothing secret depends on it.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_differ() {
        let options =
            RetryOptions { first_milliseconds: 1_000, longest_seconds: 60, ..RetryOptions::default() };
        let waits = |seed| {
            let mut backoff = Backoff::new(options, seed);
            (1..=40).map(|failures| backoff.wait(failures).as_millis()).collect::<Vec<_>>()
        };
        for seed in 0..50 {
            for (index, &wait) in waits(seed).iter().enumerate() {
                let full = (1_000u128 << index.min(20)).min(60_000);
                assert!((full / 2..=full).contains(&wait), "{index} {wait}");
            }
        }
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
        assert!(Backoff::new(options, 1).wait(u64::MAX).as_secs() <= 60);
    }
}
