//! The clock of the web layer: time comes with the records, in seconds that are closed one after the other.

use wire::Time;

use super::service::{Closing, Service};
use super::{MAXIMUM_WATCHED, QUARTER_NANOSECONDS, WebDetector, connections, quic};
use crate::event::Event;

/// Requests older than the running second by more than this are late: they are counted and left out.
const LATE_SECONDS: u32 = 30;
/// After so many late ones in a row the clock is taken to have been set back.
const CLOCK_RESET_AFTER: u32 = 1_024;
/// Seconds that are closed one by one while something goes on; a longer silence ends it.
const SILENCE_SECONDS_MAXIMUM: u32 = 120;

impl WebDetector {
    /// Closes every second before that of a time. Says whether what has this time counts.
    #[inline]
    pub(super) fn clock(&mut self, time: Time) -> bool {
        let second = u32::try_from(time.nanoseconds().div_euclid(1_000_000_000)).unwrap_or(0);
        match self.second {
            Some(current) if second == current => {
                self.late_in_a_row = 0;
                let quarter = (time.nanoseconds().rem_euclid(1_000_000_000) / QUARTER_NANOSECONDS) as u32;
                if quarter > self.quarter {
                    self.look_early(second, quarter);
                }
                true
            }
            Some(current) if second > current => {
                self.move_on(current, second);
                true
            }
            Some(current) => self.late(current, second),
            None => {
                self.second = Some(second);
                self.services.iter_mut().for_each(|service| service.begin_again(second));
                true
            }
        }
    }

    /// A part of a second is over.
    #[cold]
    fn look_early(&mut self, second: u32, quarter: u32) {
        self.quarter = quarter;
        let told = self.events.len();
        let now = Time::from_seconds(i64::from(second), i64::from(quarter) * QUARTER_NANOSECONDS);
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        self.for_each(&touched, second, now, |_, service, closing| service.look_early(closing));
        self.touched = touched;
        self.count_begun(told);
    }

    fn late(&mut self, current: u32, second: u32) -> bool {
        if current - second <= LATE_SECONDS {
            // Lines are written when a request is over: some are a little late, and count now.
            return true;
        }
        self.counters.late += 1;
        self.late_in_a_row += 1;
        if self.late_in_a_row < CLOCK_RESET_AFTER {
            return false;
        }
        self.counters.clock_resets += 1;
        self.finish();
        self.late_in_a_row = 0;
        self.second = Some(second);
        self.services.iter_mut().for_each(|service| service.begin_again(second));
        self.connections.begin_again();
        self.quic.begin_again();
        self.calendar.begin_again();
        true
    }

    fn move_on(&mut self, current: u32, second: u32) {
        self.late_in_a_row = 0;
        self.close(current);
        let mut at = current + 1;
        while at < second && !(self.restless.is_empty() && self.is_calm()) {
            if at - current > SILENCE_SECONDS_MAXIMUM {
                self.end_all(at, "quiet");
                break;
            }
            self.close(at);
            at += 1;
        }
        (self.second, self.quarter) = (Some(second), 0);
    }

    /// Whether nothing is waited for: then time may jump.
    fn is_calm(&self) -> bool {
        self.connections.is_calm() && self.quic.is_calm()
    }

    /// Closes a second of every service that has something in it or that is not at rest.
    pub(super) fn close(&mut self, second: u32) {
        let told = self.events.len();
        connections::close(self, second);
        quic::close(self, second);
        let mut due = std::mem::take(&mut self.touched);
        for &service in &self.restless {
            if !std::mem::replace(&mut self.is_touched[service as usize], true) {
                due.push(service);
            }
        }
        due.sort_unstable();
        due.iter().for_each(|index| self.is_touched[*index as usize] = false);
        let mut watched = self.services.iter().filter(|service| service.watch.is_some()).count();
        let mut restless = std::mem::take(&mut self.restless);
        restless.clear();
        let now = Time::from_seconds(i64::from(second) + 1, 0);
        let mut metered = self.metered.take();
        self.for_each(&due, second, now, |index, service, closing| {
            if let Some(meter) = &mut metered {
                meter.add(second, index, service.requests());
            }
            let had = service.watch.is_some();
            closing.may_watch = watched < MAXIMUM_WATCHED;
            service.close(closing);
            watched += usize::from(!had && service.watch.is_some());
            if service.is_restless() {
                restless.push(index);
            }
        });
        (self.restless, self.metered) = (restless, metered);
        due.clear();
        self.touched = due;
        self.count_begun(told);
    }

    /// Ends what goes on, at the end of a second.
    pub(super) fn end_all(&mut self, second: u32, ended_by: &'static str) {
        let restless = std::mem::take(&mut self.restless);
        let now = Time::from_seconds(i64::from(second) + 1, 0);
        self.for_each(&restless, second, now, |_, service, closing| service.finish(closing, ended_by));
    }

    /// Calls for some services, each with what it is closed with.
    fn for_each(
        &mut self,
        services: &[u32],
        second: u32,
        now: Time,
        mut call: impl FnMut(u32, &mut Service, &mut Closing<'_>),
    ) {
        self.calendar.turn(second);
        for &index in services {
            let Some(service) = self.services.get_mut(index as usize) else { continue };
            let mut closing = Closing {
                second,
                now,
                key: &self.key,
                hash: &self.hash,
                may_watch: false,
                expected: self.calendar.at(index),
                campaigns: &mut self.campaigns,
                events: &mut self.events,
            };
            call(index, service, &mut closing);
        }
    }

    /// Counts what began among the events from the one at `from` on.
    fn count_begun(&mut self, from: usize) {
        for event in self.events.iter().skip(from) {
            let is_start = event.line().phase == crate::Phase::Start;
            match event {
                Event::Flood(_) => self.counters.floods += u64::from(is_start),
                Event::Surge(_) => self.counters.surges += u64::from(is_start),
            }
        }
    }
}
