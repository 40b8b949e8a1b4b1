//! A crowd: many times the usual readers, who do what readers do.
//!
//! That is worth a line for the person on duty (the site may need help), and it is no flood. What counts are readers who come,
//! not what they ask for: a reader is a client that loads what belongs to a page and did not within ten minutes. At night three
//! readers of long pages make ten times the usual requests of a small service, and are no crowd; a tool loads no assets,
//! so a flood is none either. A busy minute is not yet a crowd: it is several times what is usual at this hour of the week.
//!
//! Limits: a service without assets of its own has no readers here, and no surges.

use super::hours::Hours;
use super::usual::LEARNT_SECONDS;
use crate::fade::faded;

/// Seconds over which readers are counted: a clear crowd in a minute, a small one in five.
const WINDOWS: [f32; 2] = [60.0, 300.0];
/// From so many times the usual on it is a surge.
const TIMES: [f32; 2] = [4.0, 3.5];
/// And so many readers more than usual.
const LEAST_READERS: [f32; 2] = [25.0, 25.0];
/// Where there are as many times the usual requests over the longer window, these are enough of the usual readers, and more
/// readers.
const LONG_TIMES: f32 = 1.15;
const LONG_READERS: f32 = 12.0;
/// So many times as much where no other day is known: the morning may come.
const UNKNOWN_HOUR: f32 = 1.3;
/// And so many times what the calendar expects.
const EXPECTED_TIMES: f32 = 1.5;
/// It is over below so many times the usual.
const OVER_TIMES: f32 = 1.8;
/// From so many times the usual over a minute on there may be one.
const NEAR_TIMES: f32 = 2.0;
const NEAR_READERS: f32 = 6.0;
/// Seconds over which the usual goes, and its first ones.
const USUAL_SECONDS: f32 = 1_800.0;
const BEFORE_SECONDS: f32 = 120.0;
/// The same while there may be a crowd, and while one goes on: what stays for half a day is usual.
const NEAR_SECONDS: f32 = 7_200.0;
const SURGE_SECONDS: f32 = 14_400.0;
/// How far the mean of half an hour is behind.
const BEHIND_SECONDS: u32 = 1_800;
/// This part of what the hour has on other days is usual, whatever was lately: a site that was down is not crowded when
/// it is back.
const PART_OF_HOUR: f32 = 0.85;
/// Fewer readers a second are not told apart.
const LEAST_USUAL: f32 = 0.002;

/// What came in a second.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    /// Readers who were not here lately.
    pub(crate) readers: u32,
    /// Requests that no flood explains.
    pub(crate) requests: f32,
    /// Ordinary requests a second.
    pub(crate) usual_requests: f32,
    /// How many times the usual the calendar expects.
    pub(crate) expected_times: f32,
}

/// How many readers come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Crowd {
    /// Ordinary readers a second.
    pub(crate) mean: f32,
    /// Seconds that were learnt from.
    pub(crate) seconds: u32,
    windows: [f32; 2],
    /// Requests a second over the longer window.
    requests: f32,
    usual_requests: f32,
    usual: f32,
    near_since: Option<u32>,
    is_on: bool,
}

impl Crowd {
    /// Takes a second. Says whether there is a surge.
    pub(crate) fn step(&mut self, hours: &Hours, came: Came, second: u32) -> bool {
        let count = came.readers as f32;
        self.requests = faded(self.requests + (came.requests - self.requests) / WINDOWS[1]);
        self.usual_requests = came.usual_requests;
        for (mean, seconds) in self.windows.iter_mut().zip(WINDOWS) {
            *mean = faded(*mean + (count - *mean) / seconds);
        }
        let longest = match (self.is_on, self.near_since) {
            (true, _) => SURGE_SECONDS,
            (false, Some(_)) => NEAR_SECONDS,
            (false, None) => USUAL_SECONDS,
        };
        self.mean = faded(self.mean + (count - self.mean) / self.memory(longest));
        self.seconds = self.seconds.saturating_add(1);
        if self.seconds < LEARNT_SECONDS {
            return false;
        }
        let of_hour = hours.at(second);
        let rising = self.mean * hours.rise(second, BEHIND_SECONDS);
        self.usual = rising.max(of_hour.map_or(0.0, |mean| PART_OF_HOUR * mean)).max(LEAST_USUAL);
        // A crowd that was expected is none as long as it is not much larger than that.
        let expected = (EXPECTED_TIMES * came.expected_times / TIMES[0]).max(1.0);
        let strict = if of_hour.is_some() { 1.0 } else { UNKNOWN_HOUR } * expected;
        let is_much = |window: usize| {
            let (now, seconds) = (self.windows[window], WINDOWS[window]);
            now > strict * TIMES[window] * self.usual && (now - self.usual) * seconds >= LEAST_READERS[window]
        };
        let is_near = self.is_above(NEAR_TIMES, NEAR_READERS);
        self.near_since = is_near.then(|| self.near_since.unwrap_or(second));
        // Readers who stay long: fewer of them make as many requests.
        let more = (self.windows[1] - self.usual) * WINDOWS[1];
        let is_long = self.requests > strict * TIMES[0] * came.usual_requests
            && self.windows[1] > strict * LONG_TIMES * self.usual
            && more >= LONG_READERS.max(3.0 * (self.usual * WINDOWS[1]).sqrt());
        self.is_on = is_much(0) || is_much(1) || is_long || self.is_on && self.goes_on();
        self.is_on
    }

    /// Seconds over which the usual goes: in the first half hour fewer, unless there may be a crowd.
    fn memory(&self, longest: f32) -> f32 {
        if self.is_near() { longest } else { (BEFORE_SECONDS + self.seconds as f32).min(longest) }
    }

    fn is_above(&self, times: f32, readers: f32) -> bool {
        self.windows[0] > times * self.usual && (self.windows[0] - self.usual) * WINDOWS[0] >= readers
    }

    /// Seconds in which nothing came.
    pub(crate) fn skip(&mut self, seconds: u32) {
        let kept = |window: f32| (-(seconds as f32) / window).exp();
        for (mean, window) in self.windows.iter_mut().zip(WINDOWS) {
            *mean = faded(*mean * kept(window));
        }
        self.requests = faded(self.requests * kept(WINDOWS[1]));
        self.mean = faded(self.mean * kept(USUAL_SECONDS));
        self.seconds = self.seconds.saturating_add(seconds);
    }

    /// Whether there may soon be one.
    pub(crate) const fn is_near(&self) -> bool {
        self.near_since.is_some() || self.is_on
    }

    /// The second in which readers began to come.
    pub(crate) fn began(&self, second: u32) -> u32 {
        self.near_since.unwrap_or(second)
    }

    /// How many times the usual readers come now.
    pub(crate) fn times(&self) -> f32 {
        self.windows[0].max(self.windows[1]) / self.usual.max(LEAST_USUAL)
    }

    /// Whether there is still more than usual.
    pub(crate) fn goes_on(&self) -> bool {
        self.windows.iter().any(|now| *now > OVER_TIMES * self.usual)
            || self.requests > OVER_TIMES * self.usual_requests
    }

    /// What comes after a silence is not the crowd of before.
    pub(crate) fn begin_again(&mut self) {
        *self = Self { windows: [self.mean; 2], requests: 0.0, near_since: None, is_on: false, ..*self };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readers at a rate, so evenly as whole numbers can be.
    fn come(crowd: &mut Crowd, hours: &Hours, rate: f64, seconds: std::ops::Range<u32>) -> Option<u32> {
        let mut told = None;
        for second in seconds {
            let until = |second: u32| (rate * f64::from(second)) as u32;
            let readers = until(second + 1) - until(second);
            let came = Came { readers, requests: 1.0, usual_requests: 1.0, expected_times: 1.0 };
            if crowd.step(hours, came, second) && told.is_none() {
                told = Some(second);
            }
        }
        told
    }

    #[test]
    fn eight_times_the_readers_are_a_crowd_on_a_small_service_too() {
        const DAY: u32 = 86_400;
        for rate in [0.03, 0.3, 3.0] {
            let (mut crowd, mut hours) = (Crowd::default(), Hours::new(0));
            (0..DAY).for_each(|second| hours.note(rate as f32, second, false));
            assert_eq!(come(&mut crowd, &hours, rate, DAY..DAY + 7_200), None);
            let told = come(&mut crowd, &hours, 8.0 * rate, DAY + 7_200..DAY + 7_800);
            assert!(told.is_some_and(|second| second < DAY + 7_500), "{rate}: {told:?}");
            assert!(crowd.began(0) < DAY + 7_260);
            come(&mut crowd, &hours, rate, DAY + 7_800..DAY + 9_600);
            assert!(!crowd.is_near(), "{rate}: it is over");
        }
    }

    #[test]
    fn what_the_calendar_expects_is_no_surge_and_more_than_that_is() {
        const DAY: u32 = 86_400;
        let mut hours = Hours::new(0);
        (0..DAY).for_each(|second| hours.note(1.0, second, false));
        for (times, wanted) in [(8, false), (40, true)] {
            let mut crowd = Crowd::default();
            come(&mut crowd, &hours, 1.0, DAY..DAY + 7_200);
            let told = (DAY + 7_200..DAY + 7_800).any(|second| {
                let came = Came { readers: times, requests: 1.0, usual_requests: 1.0, expected_times: 10.0 };
                crowd.step(&hours, came, second)
            });
            assert_eq!(told, wanted, "{times} times");
        }
    }

    #[test]
    fn readers_who_stay_long_are_a_crowd_by_their_requests_too() {
        const DAY: u32 = 86_400;
        let mut hours = Hours::new(0);
        (0..DAY).for_each(|second| hours.note(1.0, second, false));
        for (every, wanted) in [(u32::MAX, false), (2, true)] {
            let mut crowd = Crowd::default();
            come(&mut crowd, &hours, 1.0, DAY..DAY + 7_200);
            let told = (DAY + 7_200..DAY + 7_800).any(|second| {
                let readers = 1 + u32::from(second % every == 0);
                let came = Came { readers, requests: 9.0, usual_requests: 1.0, expected_times: 1.0 };
                crowd.step(&hours, came, second)
            });
            assert_eq!(told, wanted, "one more reader every {every} s");
        }
    }

    #[test]
    fn a_few_readers_and_a_rise_are_none() {
        let (mut crowd, hours) = (Crowd::default(), Hours::new(0));
        come(&mut crowd, &hours, 0.02, 0..7_200);
        assert_eq!(come(&mut crowd, &hours, 0.2, 7_200..7_290), None, "sixteen readers");
        let (mut crowd, hours) = (Crowd::default(), Hours::new(0));
        come(&mut crowd, &hours, 1.0, 0..7_200);
        assert_eq!(come(&mut crowd, &hours, 2.7, 7_200..9_000), None);
    }
}
