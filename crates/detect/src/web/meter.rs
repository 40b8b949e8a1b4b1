//! How much each service is asked for in each second, for whoever keeps figures of it.

use std::collections::VecDeque;

/// Seconds that wait to be taken; the oldest goes first. A log of yesterday is read many seconds at a time.
const MAXIMUM_SECONDS: usize = 1024;
/// Services of all of them; beyond that the oldest second goes.
const MAXIMUM_ROWS: usize = 65_536;

/// One second.
#[derive(Debug)]
pub(super) struct Second {
    pub(super) second: u32,
    /// Numbers of services, with their requests.
    pub(super) services: Vec<(u32, u64)>,
}

/// The seconds that are over, and the one that is closed.
#[derive(Debug, Default)]
pub(super) struct Meter {
    seconds: VecDeque<Second>,
    rows: usize,
    /// Seconds that made room before they were taken.
    pub(super) lost: u64,
}

impl Meter {
    /// A service was asked for so much in a second that is closed.
    pub(super) fn add(&mut self, second: u32, service: u32, requests: u64) {
        if requests == 0 {
            return;
        }
        while self.rows >= MAXIMUM_ROWS || self.seconds.len() >= MAXIMUM_SECONDS {
            let Some(oldest) = self.seconds.pop_front() else { break };
            self.rows -= oldest.services.len();
            self.lost += 1;
        }
        self.rows += 1;
        match self.seconds.back_mut() {
            Some(last) if last.second == second => last.services.push((service, requests)),
            _ => self.seconds.push_back(Second { second, services: vec![(service, requests)] }),
        }
    }

    /// The oldest second. Call it when no second is being closed.
    pub(super) fn take(&mut self) -> Option<Second> {
        let oldest = self.seconds.pop_front()?;
        self.rows -= oldest.services.len();
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_come_whole_and_there_are_never_too_many() {
        let mut meter = Meter::default();
        meter.add(7, 1, 5);
        meter.add(7, 2, 0);
        meter.add(7, 3, 6);
        meter.add(8, 1, 7);
        let first = meter.take().unwrap();
        assert_eq!((first.second, first.services), (7, vec![(1, 5), (3, 6)]));
        assert_eq!(meter.take().unwrap().services, [(1, 7)]);
        assert!(meter.take().is_none() && meter.rows == 0);
        for second in 0..5_000 {
            meter.add(second, 0, 1);
        }
        assert_eq!((meter.seconds.len(), meter.rows), (MAXIMUM_SECONDS, MAXIMUM_SECONDS));
        assert_eq!(meter.lost, 5_000 - MAXIMUM_SECONDS as u64);
        assert_eq!(meter.take().unwrap().second, 5_000 - MAXIMUM_SECONDS as u32);
    }
}
