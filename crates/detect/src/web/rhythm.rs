//! How evenly a client asks.
//!
//! A reader loads a page with all that belongs to it and reads; so counts of equal spans of time vary several times as much as
//! chance alone would have them (an index of dispersion, variance by mean, well above 1), and those of a crowd behind one
//! address as much, however large the crowd is. A program that asks when it was answered, or when its timer rings, varies less
//! than chance (below 1). Fast ones are seen in quarters of a second within four seconds, slow ones in seconds within twelve.
//!
//! Limits: says nothing of a program that waits at random for long, or that is slowed down by a server that stumbles. Where a
//! log has whole seconds only, fast ones need twelve seconds too.

/// Places for quarters and seconds, the running ones included.
const QUARTERS: usize = 16;
const SECONDS: usize = 13;
/// What is later than that has another clock.
const CLOCK_QUARTERS: u32 = 240;
/// Requests of whole quarters that make a fast client: twenty a second.
const FAST_REQUESTS: u32 = 75;
/// Requests of whole seconds that make one that goes on: two in three seconds.
const SLOW_REQUESTS: u32 = 8;
/// Requests of whole seconds of an open page: one in three seconds to two and a half in each.
const POLLING_REQUESTS: std::ops::RangeInclusive<u32> = 4..=30;
const POLLING_DISPERSION: f32 = 0.7;
/// From so many on seconds are told as quarters are: a server that stumbles is seen in them.
const MANY_REQUESTS: u32 = 240;
/// Variance by mean up to which a fast client is even, and a slow one; a crowd has 1.5 and more in its most even four seconds.
const FAST_DISPERSION: f32 = 1.0;
const SLOW_DISPERSION: f32 = 0.6;
/// The same for one that is only asked not to come in bursts.
const LONE_DISPERSION: f32 = 1.5;

/// What a client asked lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rhythm {
    quarters: [u16; QUARTERS],
    seconds: [u16; SECONDS],
    /// The running quarter; its second is a quarter of it.
    at: u32,
    pub(crate) is_fast: bool,
    pub(crate) is_slow: bool,
    /// It asks evenly and seldom, as an open page does.
    pub(crate) is_polling: bool,
    /// It goes on without bursts, evenly or not.
    pub(crate) is_lone: bool,
}

/// Sum of whole spans.
fn whole(counts: &[u16], running: usize) -> u32 {
    counts.iter().map(|count| u32::from(*count)).sum::<u32>() - u32::from(counts[running])
}

/// Variance of whole spans by their mean, of which the sum is known and not nought.
fn dispersion(counts: &[u16], running: usize, sum: u32) -> f32 {
    let square = |count: u16| u64::from(u32::from(count) * u32::from(count));
    let squares = counts.iter().map(|count| square(*count)).sum::<u64>() - square(counts[running]);
    let (spans, sum) = (counts.len() as u64 - 1, u64::from(sum));
    (spans * squares - sum * sum) as f32 / ((spans - 1) * sum) as f32
}

impl Rhythm {
    /// Counts a request at a time in quarters of a second. Gives how many there are in this quarter.
    pub(crate) fn note(&mut self, at: u32) -> u16 {
        let ahead = at.wrapping_sub(self.at);
        if ahead != 0 && ahead < 1 << 31 {
            self.turn(at, ahead as usize);
        } else {
            let late = self.at.wrapping_sub(at);
            if late > CLOCK_QUARTERS {
                *self = Self { at, ..Self::default() };
            } else if late as usize >= QUARTERS - 1 {
                // Written so late that its place is another's by now.
                return 0;
            }
        }
        let quarter = &mut self.quarters[at as usize % QUARTERS];
        *quarter = quarter.saturating_add(1);
        let second = &mut self.seconds[(at / 4) as usize % SECONDS];
        *second = second.saturating_add(1);
        *quarter
    }

    /// A later quarter begins.
    #[cold]
    fn turn(&mut self, at: u32, ahead: usize) {
        if ahead >= QUARTERS {
            self.quarters = [0; QUARTERS];
        } else {
            for gone in 0..ahead {
                self.quarters[at.wrapping_sub(gone as u32) as usize % QUARTERS] = 0;
            }
        }
        let (second, before) = (at / 4, self.at / 4);
        let turns = second.wrapping_sub(before) as usize;
        if turns >= SECONDS {
            self.seconds = [0; SECONDS];
        } else {
            for gone in 0..turns {
                self.seconds[second.wrapping_sub(gone as u32) as usize % SECONDS] = 0;
            }
        }
        self.at = at;
        let running = at as usize % QUARTERS;
        let sum = whole(&self.quarters, running);
        self.is_fast = sum >= FAST_REQUESTS && dispersion(&self.quarters, running, sum) <= FAST_DISPERSION;
        if turns > 0 {
            self.turn_second(second as usize % SECONDS);
        }
    }

    /// A later second begins, which has this place.
    fn turn_second(&mut self, running: usize) {
        let sum = whole(&self.seconds, running);
        if sum < *POLLING_REQUESTS.start() {
            (self.is_slow, self.is_polling, self.is_lone) = (false, false, false);
            return;
        }
        let varies = dispersion(&self.seconds, running, sum);
        let most = if sum >= MANY_REQUESTS { FAST_DISPERSION } else { SLOW_DISPERSION };
        self.is_slow = sum >= SLOW_REQUESTS && varies <= most;
        self.is_polling = POLLING_REQUESTS.contains(&sum) && varies <= POLLING_DISPERSION;
        self.is_lone = sum >= SLOW_REQUESTS && varies <= LONE_DISPERSION;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_by_mean_is_that_of_the_definition() {
        let counts = [3, 0, 9, 65_535, 1, 65_535, 2, 40];
        for running in 0..counts.len() {
            let kept = || {
                counts.iter().enumerate().filter(|(place, _)| *place != running).map(|(_, c)| f64::from(*c))
            };
            let (sum, spans) = (kept().sum::<f64>(), kept().count() as f64);
            let squares: f64 = kept().map(|count| (count - sum / spans).powi(2)).sum();
            let expected = squares / (spans - 1.0) / (sum / spans);
            let seen = f64::from(dispersion(&counts, running, whole(&counts, running)));
            assert!((seen - expected).abs() <= 1e-5 * expected, "{running}: {seen} {expected}");
        }
    }

    /// Numbers that look like chance.
    fn chance(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Share of the requests after the first twelve seconds at which the client was even: fast, slow.
    fn shares(times: &[f64]) -> [f64; 2] {
        let (mut rhythm, mut even, mut all) = (Rhythm::default(), [0, 0], 0);
        for time in times {
            rhythm.note((time * 4.0) as u32 + 4_000);
            if *time > 13.0 {
                all += 1;
                even[0] += u32::from(rhythm.is_fast);
                even[1] += u32::from(rhythm.is_slow);
            }
        }
        even.map(|count| f64::from(count) / f64::from(all.max(1)))
    }

    /// Times of somebody who waits so long between requests, within so much of it.
    fn loops(seconds: f64, spread: f64) -> Vec<f64> {
        let (mut state, mut now, mut times) = (7, 0.0, Vec::new());
        while now < 120.0 {
            times.push(now);
            now += seconds * (1.0 + spread * (2.0 * chance(&mut state) - 1.0));
        }
        times
    }

    /// Readers behind one address: so many visits a second of so many requests each.
    fn visits(rate: f64, each: u32) -> Vec<f64> {
        let (mut state, mut now, mut times) = (9, 0.0, Vec::new());
        while now < 120.0 {
            now -= chance(&mut state).max(1e-12).ln() / rate;
            times.extend((0..each).map(|number| now + f64::from(number) * 0.02));
        }
        times.sort_by(f64::total_cmp);
        times
    }

    #[test]
    fn a_program_is_even_and_so_is_a_loop_that_waits_a_little_at_random() {
        assert!(shares(&loops(0.02, 0.5))[0] > 0.95, "as fast as it is answered");
        assert!(shares(&loops(0.4, 0.1))[1] > 0.95, "a monitor that is too eager");
        assert!(shares(&loops(1.1, 0.5))[1] > 0.7, "a loop that sleeps");
    }

    #[test]
    fn readers_are_not_however_many_share_an_address() {
        for (rate, each) in [(0.3, 8), (6.0, 8), (60.0, 8), (6.0, 30), (200.0, 12)] {
            let [fast, slow] = shares(&visits(rate, each));
            assert!(fast < 0.02 && slow < 0.02, "{rate} of {each}: {fast} {slow}");
        }
        let [fast, slow] = shares(&visits(0.1, 1));
        assert!(fast + slow < 0.01, "one page now and then");
    }

    #[test]
    fn what_is_written_late_has_its_place_and_what_is_later_has_none() {
        let mut rhythm = Rhythm::default();
        rhythm.note(1_000);
        assert_eq!((rhythm.note(990), rhythm.note(990), rhythm.note(900)), (1, 2, 0));
        assert_eq!((rhythm.note(1_000), rhythm.note(500)), (2, 1), "the clock was set back");
    }
}
