//! By how much the clock of an exporter is wrong.
//!
//! Every datagram carries when it was exported, by the exporter's clock, and comes when it was exported plus some
//! delay, by ours. Delays are never negative, and headers of NetFlow v9 and IPFIX drop the part of a second, which
//! looks like a delay of up to a second. So of the differences `exported - arrival` the largest is the nearest to
//! the truth: delayed datagrams cannot disturb it. What can is a datagram that claims a time in the future;
//! therefore the second largest of each window counts where there are enough, and of the last windows the median.
//!
//! One lying datagram changes nothing, a drift of 100 parts in a million is followed with 2 ms, and a clock that is
//! set is followed once more than half of the windows have seen it. Limits: whoever forges most of an exporter's
//! datagrams can also forge its clock. One clock for each exporter: line cards that disagree are seen as one.

use wire::Time;

/// Length of a window, in nanoseconds of arrival time.
const WINDOW_NANOSECONDS: i64 = 4_000_000_000;
/// Windows of which the median is taken.
const WINDOWS: usize = 7;
/// Datagrams in a window from which on its largest difference is not believed without a second one.
const ENOUGH: u32 = 8;
const SECOND: i64 = 1_000_000_000;

/// The estimate for one exporter; 96 bytes, nothing allocated.
#[derive(Clone, Copy, Debug)]
pub struct Skew {
    /// Differences of windows that are over, in nanoseconds.
    closed: [i64; WINDOWS],
    /// How many of them are filled.
    filled: usize,
    /// Which one the next window replaces.
    next: usize,
    /// Their median.
    median: i64,
    /// When the current window began.
    start: Time,
    /// Datagrams in it.
    datagrams: u32,
    /// Largest and second largest difference in it, in nanoseconds.
    largest: [i64; 2],
}

impl Skew {
    /// Nothing is known.
    pub const fn new() -> Self {
        Self {
            closed: [0; WINDOWS],
            filled: 0,
            next: 0,
            median: 0,
            start: Time::from_nanoseconds(0),
            datagrams: 0,
            largest: [i64::MIN; 2],
        }
    }

    /// Takes in a datagram that came at `arrival` and says that it was exported at `exported`.
    #[inline]
    pub fn observe(&mut self, arrival: Time, exported: Time) {
        // Outside also if our own clock was set back.
        let inside = (0..WINDOW_NANOSECONDS).contains(&arrival.nanoseconds_since(self.start));
        if self.datagrams > 0 && !inside {
            self.close();
        }
        if self.datagrams == 0 {
            self.start = arrival;
            self.largest = [i64::MIN; 2];
        }
        self.datagrams = self.datagrams.saturating_add(1);
        let difference = exported.nanoseconds_since(arrival);
        let [largest, second] = self.largest;
        if difference > second {
            self.largest = [largest.max(difference), largest.min(difference)];
        }
    }

    /// By how much the exporter's clock is ahead of ours, in nanoseconds, negative if it is behind; `None` as long
    /// as nothing came. Too small by the shortest delay on the way, and where headers drop the part of a second, by up
    /// to a second if few datagrams come.
    pub fn offset_nanoseconds(&self) -> Option<i64> {
        if self.filled > 0 {
            return Some(self.median);
        }
        (self.datagrams > 0).then(|| self.current())
    }

    /// What to add to the times that a datagram gives (first and last switched) to have them by our clock, in
    /// nanoseconds. A datagram was exported before it came, but not earlier than its header says.
    #[inline]
    pub fn correction_nanoseconds(&self, arrival: Time, exported: Time) -> i64 {
        let late = arrival.nanoseconds_since(exported);
        let Some(offset) = self.offset_nanoseconds() else { return late };
        // Where the header drops the part of a second, it was up to a second later than it says.
        let dropped = if exported.nanoseconds() % SECOND == 0 { SECOND } else { 0 };
        late.min(dropped.saturating_sub(offset))
    }

    /// The difference of the current window.
    fn current(&self) -> i64 {
        let [largest, second] = self.largest;
        if self.datagrams >= ENOUGH { second } else { largest }
    }

    fn close(&mut self) {
        let current = self.current();
        if let Some(place) = self.closed.get_mut(self.next) {
            *place = current;
        }
        self.next = (self.next + 1) % WINDOWS;
        self.filled = (self.filled + 1).min(WINDOWS);
        let mut sorted = self.closed;
        let sorted = sorted.get_mut(..self.filled).unwrap_or_default();
        sorted.sort_unstable();
        // Of an even number the smaller one, as a claim can lie into the future more easily than into the past.
        self.median = sorted.get((self.filled - 1) / 2).copied().unwrap_or(current);
        self.datagrams = 0;
    }
}

impl Default for Skew {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: i64 = 1_700_000_000 * SECOND;
    const MILLISECOND: i64 = 1_000_000;

    /// A source of delays that repeats from run to run: a multiplicative generator (Lehmer, modulus 2^31 - 1).
    struct Delays(u64);

    impl Delays {
        fn below(&mut self, bound: i64) -> i64 {
            self.0 = self.0 * 48_271 % 0x7fff_ffff;
            self.0 as i64 % bound
        }
    }

    /// Sends datagrams every `every` nanoseconds for `seconds` with a clock that `clock` gives for our time. Headers
    /// have whole seconds. `delay` gives what comes on top of up to 5 ms on the way.
    fn send(
        skew: &mut Skew,
        (from_second, seconds): (i64, i64),
        every: i64,
        clock: impl Fn(i64) -> i64,
        mut delay: impl FnMut(i64) -> i64,
    ) {
        let mut delays = Delays(42);
        let mut arrivals: Vec<(i64, i64)> = (0..seconds * SECOND / every)
            .map(|number| {
                let now = START + from_second * SECOND + number * every;
                let arrival = now + delays.below(5 * MILLISECOND) + delay(number);
                (arrival, clock(now) / SECOND * SECOND)
            })
            .collect();
        // What is still on its way at the end is not seen.
        arrivals.retain(|&(arrival, _)| arrival < START + (from_second + seconds) * SECOND);
        arrivals.sort_unstable();
        for (arrival, exported) in arrivals {
            skew.observe(Time::from_nanoseconds(arrival), Time::from_nanoseconds(exported));
        }
    }

    fn error(skew: &Skew, truth: i64) -> i64 {
        (skew.offset_nanoseconds().unwrap() - truth).abs()
    }

    #[test]
    fn an_hour_ahead_is_found_and_corrected() {
        let ahead = 3_600 * SECOND;
        let mut skew = Skew::new();
        assert_eq!(skew.offset_nanoseconds(), None);
        send(&mut skew, (0, 60), 10 * MILLISECOND, |now| now + ahead, |_| 0);
        assert!(error(&skew, ahead) < 20 * MILLISECOND, "{:?}", skew.offset_nanoseconds());
        // A flow that was first seen 30 s before its export, which happened 20 ms ago and 0.4 s after a full second.
        let exported_truly = START + 90 * SECOND + 400 * MILLISECOND;
        let arrival = Time::from_nanoseconds(exported_truly + 20 * MILLISECOND);
        let exported = Time::from_nanoseconds(START + 90 * SECOND + ahead);
        let first = exported.plus_nanoseconds(-30 * SECOND);
        let corrected = first.plus_nanoseconds(skew.correction_nanoseconds(arrival, exported));
        let wrong_by = corrected.nanoseconds() - (exported_truly - 30 * SECOND);
        assert!(wrong_by.abs() <= 20 * MILLISECOND, "{wrong_by}");
        // The same datagram, but a minute late: the correction does not take the delay for a wrong clock.
        let late = arrival.plus_nanoseconds(60 * SECOND);
        let corrected = first.plus_nanoseconds(skew.correction_nanoseconds(late, exported));
        let wrong_by = corrected.nanoseconds() - (exported_truly - 30 * SECOND);
        assert!(wrong_by.abs() <= SECOND, "{wrong_by}");
    }

    #[test]
    fn a_drift_is_followed() {
        let drift = |now: i64| now + 5 * SECOND + (now - START) / 10_000;
        let mut skew = Skew::new();
        for day_part in 0..24 {
            let from = day_part * 3_600;
            send(&mut skew, (from, 60), 20 * MILLISECOND, drift, |_| 0);
            let now = START + (from + 60) * SECOND;
            assert!(error(&skew, drift(now) - now) < 30 * MILLISECOND, "after {day_part} hours");
        }
    }

    #[test]
    fn a_jump_is_followed_in_half_of_the_windows() {
        for jump in [30 * SECOND, -30 * SECOND] {
            let mut skew = Skew::new();
            send(&mut skew, (0, 60), 50 * MILLISECOND, |now| now, |_| 0);
            assert!(error(&skew, 0) < 60 * MILLISECOND);
            send(&mut skew, (60, 4), 50 * MILLISECOND, |now| now + jump, |_| 0);
            assert!(error(&skew, 0) < 60 * MILLISECOND, "one window is not believed");
            send(&mut skew, (64, 20), 50 * MILLISECOND, |now| now + jump, |_| 0);
            assert!(error(&skew, jump) < 60 * MILLISECOND, "{:?} after {jump}", skew.offset_nanoseconds());
        }
    }

    #[test]
    fn datagrams_that_come_a_minute_late_change_nothing() {
        for one_in in [2, 3, 10] {
            let mut skew = Skew::new();
            let late = |number| if number % one_in == 0 { 60 * SECOND } else { 0 };
            send(&mut skew, (0, 180), 10 * MILLISECOND, |now| now - 7 * SECOND, late);
            assert!(error(&skew, -7 * SECOND) < 50 * MILLISECOND, "one in {one_in}");
        }
    }

    #[test]
    fn before_a_window_is_over_there_is_a_first_estimate() {
        let mut skew = Skew::new();
        skew.observe(Time::from_nanoseconds(START), Time::from_nanoseconds(START + 9 * SECOND));
        assert_eq!(skew.offset_nanoseconds(), Some(9 * SECOND));
    }

    #[test]
    fn an_exporter_that_sends_once_a_minute_is_known_within_a_second() {
        let mut skew = Skew::new();
        send(&mut skew, (0, 1_200), 60 * SECOND + 337 * MILLISECOND, |now| now + 100 * SECOND, |_| 0);
        assert!(error(&skew, 100 * SECOND) <= SECOND);
    }

    proptest! {
        /// One lie, of any size and at any time, is within what an honest exporter shows.
        #[test]
        fn one_liar_changes_nothing(offset in -86_400_i64..86_400, lie: i64, place in 400_usize..3_000) {
            let run = |lying: bool| {
                let (mut skew, mut number) = (Skew::new(), 0);
                let mut delays = Delays(7);
                for step in 0..3_000_i64 {
                    let now = START + step * 20 * MILLISECOND;
                    let arrival = now + delays.below(5 * MILLISECOND);
                    let honest = (now + offset * SECOND).div_euclid(SECOND) * SECOND;
                    let exported = if lying && number == place { lie } else { honest };
                    skew.observe(Time::from_nanoseconds(arrival), Time::from_nanoseconds(exported));
                    number += 1;
                }
                skew
            };
            let (honest, lied_to) = (run(false), run(true));
            prop_assert!(error(&honest, offset * SECOND) < 30 * MILLISECOND);
            prop_assert!(error(&lied_to, offset * SECOND) < 30 * MILLISECOND);
        }

        /// Nothing overflows, and a corrected export is never after the arrival.
        #[test]
        fn any_times_are_survived(times in proptest::collection::vec((any::<i64>(), any::<i64>()), 1..100)) {
            let mut skew = Skew::new();
            for (arrival, exported) in times {
                let (arrival, exported) = (Time::from_nanoseconds(arrival), Time::from_nanoseconds(exported));
                skew.observe(arrival, exported);
                let correction = skew.correction_nanoseconds(arrival, exported);
                prop_assert!(correction <= arrival.nanoseconds_since(exported));
                prop_assert!(skew.offset_nanoseconds().is_some());
            }
        }
    }
}
