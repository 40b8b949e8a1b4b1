//! Playing at a multiple of real time.

use std::time::{Duration, Instant};

use wire::Time;

/// Waits shorter than this are left to add up: a sleep is not more exact than that.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// Waits until a record's time has come.
pub(crate) struct Pacer {
    times: f64,
    /// When the first record was played, and its time.
    start: Option<(Instant, Time)>,
}

impl Pacer {
    /// `times` real time.
    pub(crate) fn new(times: f64) -> Self {
        Self { times, start: None }
    }

    /// How long to wait before a record of `time`; nothing if it is due.
    pub(crate) fn wait(&mut self, time: Time) -> Option<Duration> {
        let (played, first) = *self.start.get_or_insert_with(|| (Instant::now(), time));
        let seconds = time.seconds_since(first) / self.times;
        let due = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
        due.checked_sub(played.elapsed()).filter(|wait| *wait >= SHORTEST_WAIT)
    }

    /// Waits.
    #[expect(
        clippy::disallowed_methods,
        reason = "playing in real time is waiting; only `--speed N` comes here"
    )]
    pub(crate) fn sleep(wait: Duration) {
        std::thread::sleep(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_waits_for_its_time_divided_by_the_speed() {
        let mut pacer = Pacer::new(10.0);
        assert_eq!(pacer.wait(Time::from_seconds(1000, 0)), None);
        let wait = pacer.wait(Time::from_seconds(1100, 0)).unwrap();
        assert!(wait > Duration::from_secs(9) && wait <= Duration::from_secs(10), "{wait:?}");
        assert_eq!(pacer.wait(Time::from_seconds(900, 0)), None, "what is late does not wait");
    }
}
