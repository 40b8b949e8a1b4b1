//! One service at the web layer: counts of the running second, what is ordinary, and the flood or surge that goes on.

use sketch::{KeyedState, TextKey};
use wire::Time;
use wire::web::Request;

use super::Seen;
use super::class::{CLASSES, Class};
use super::flood::{Course, Line};
use super::hours::Hours;
use super::looped::Swarm;
use super::surge::{Came, Crowd};
use super::usual::Usual;
use super::watch::Watch;
use crate::campaign::Campaigns;
use crate::event::{Event, ExpectedCrowd, Target};
use crate::fade::faded;
use crate::shape::Pause;

/// Queries that are remembered to tell a new one.
const QUERIES: usize = 2_048;
/// A part of an alarm at which a closer look is worth it.
const WATCH_WEIGHT: f32 = 0.2;
/// Slow connections that anybody may have at once.
const SLOW_MINIMUM: f32 = 24.0;
/// The same as a multiple of what is usual.
const SLOW_TIMES: f32 = 3.0;
/// Slow connections have to stay so many for so long.
const SLOW_SECONDS: u32 = 3;
/// Seconds over which the usual number of slow connections goes.
const SLOW_MEMORY_SECONDS: f32 = 3_600.0;

/// What is known of one service.
pub(crate) struct Service {
    pub(crate) target: Target,
    pub(crate) counts: [u32; CLASSES],
    /// Readers who came in the running second.
    readers: u32,
    /// Clients that ask for the same again and again.
    pub(crate) swarm: Swarm,
    /// Connections whose streams are reset.
    pub(crate) resetting: Swarm,
    pub(crate) usual: Usual,
    pub(crate) hours: Hours,
    /// Second up to which everything is closed.
    pub(crate) closed: u32,
    queries: Option<Box<[u32; QUERIES]>>,
    pub(crate) watch: Option<Box<Watch>>,
    /// Classes that the watch takes, one bit each; all while a crowd is looked at.
    watched: u32,
    pub(crate) flood: Option<Course>,
    pub(crate) surge: Option<Course>,
    /// The flood before.
    pause: Option<Pause>,
    pub(crate) crowd: Crowd,
    /// Connections that are open and hardly move.
    pub(crate) slow: u32,
    pub(crate) usual_slow: f32,
    slow_seconds: u32,
    /// What was lost makes figures lower bounds until then.
    pub(crate) lost_until: u32,
    /// So do packets of which the capture left out what would have been counted; that is no reason not to learn.
    pub(crate) cut_until: u32,
    /// Whether a connection was seen here, and not only lines of a log.
    pub(crate) has_connections: bool,
}

/// What a service is closed with.
pub(crate) struct Closing<'a> {
    pub(crate) second: u32,
    /// When this is known.
    pub(crate) now: Time,
    pub(crate) key: &'a [u8; 16],
    pub(crate) hash: &'a KeyedState,
    /// Whether another service may be watched.
    pub(crate) may_watch: bool,
    /// What the calendar says.
    pub(crate) expected: Option<&'a ExpectedCrowd>,
    pub(crate) campaigns: &'a mut Campaigns,
    pub(crate) events: &'a mut Vec<Event>,
}

impl Closing<'_> {
    fn expected_times(&self) -> f32 {
        self.expected.map_or(1.0, |expected| expected.times as f32)
    }
}

impl Service {
    pub(crate) fn new(target: Target, second: u32) -> Self {
        Self {
            target,
            counts: [0; CLASSES],
            readers: 0,
            swarm: Swarm::default(),
            resetting: Swarm::default(),
            usual: Usual::default(),
            hours: Hours::new(second),
            closed: second,
            queries: None,
            watch: None,
            watched: 0,
            flood: None,
            surge: None,
            pause: None,
            crowd: Crowd::default(),
            slow: 0,
            usual_slow: 0.0,
            slow_seconds: 0,
            lost_until: 0,
            cut_until: 0,
            has_connections: false,
        }
    }

    /// Whether a query was not asked lately; from now on it was.
    pub(crate) fn is_novel(&mut self, hash: u64) -> bool {
        let queries = self.queries.get_or_insert_with(|| Box::new([0; QUERIES]));
        let (place, tag) = (hash as usize % QUERIES, (hash >> 32) as u32 | 1);
        std::mem::replace(&mut queries[place], tag) != tag
    }

    /// A client loads what belongs to a page, and did not lately if it `is_new`.
    pub(crate) fn note_reader(&mut self, is_new: bool) {
        self.readers = self.readers.saturating_add(u32::from(is_new));
    }

    /// Counts a request.
    pub(crate) fn note(&mut self, request: &Request<'_>, seen: &Seen, keys: (&KeyedState, &TextKey)) {
        self.counts[seen.class as usize] = self.counts[seen.class as usize].saturating_add(1);
        if self.watched >> seen.class as u32 & 1 != 0
            && let Some(watch) = &mut self.watch
        {
            watch.note(request, seen, keys);
        }
    }

    /// Requests of the running second.
    pub(crate) fn requests(&self) -> u64 {
        let requests = Class::ALL.iter().filter(|class| class.is_request());
        requests.map(|&class| u64::from(self.counts[class as usize])).sum()
    }

    /// Whether there is something to close although nothing came.
    pub(crate) fn is_restless(&self) -> bool {
        self.flood.is_some()
            || self.surge.is_some()
            || self.watch.is_some()
            || self.slow as f32 >= SLOW_MINIMUM
            || self.crowd.is_near()
            || self.usual.has_excess()
    }

    /// Closes a second: tests, lines, what is learnt.
    pub(crate) fn close(&mut self, closing: &mut Closing<'_>) {
        let second = closing.second;
        let counts = std::mem::replace(&mut self.counts, [0; CLASSES]);
        let readers = std::mem::take(&mut self.readers);
        self.catch_up(second);
        self.closed = second;
        self.usual.raised = closing.expected_times();
        self.count_swarms(second);
        self.usual.test(&counts, second);
        self.move_slow();
        self.look(closing);
        self.move_flood(&counts, closing);
        self.move_surge(&counts, readers, closing);
        let is_lost = second < self.lost_until;
        let holds = self.flood.is_some() || is_lost;
        self.usual.learn(&counts, second, holds);
        self.hours.note(readers as f32, second, is_lost || self.surge.is_some());
        let is_calm = !self.crowd.is_near() && !self.usual.has_excess();
        if self.flood.is_none() && self.surge.is_none() && is_calm {
            (self.watch, self.watched) = (None, 0);
        }
    }

    fn count_swarms(&mut self, second: u32) {
        self.usual.loopers = self.swarm.clients(second);
        self.usual.resetting = self.resetting.clients(second);
    }

    /// Seconds in which nothing came.
    fn catch_up(&mut self, second: u32) {
        let silent = second.saturating_sub(self.closed).saturating_sub(1);
        if silent > 0 {
            self.usual.skip(silent, self.closed.saturating_add(1));
            self.crowd.skip(silent);
        }
    }

    /// Looks at a part of a second: what would be too much for a whole one need not wait for its end.
    pub(crate) fn look_early(&mut self, closing: &mut Closing<'_>) {
        let second = closing.second;
        if self.flood.is_some() || !self.usual.is_near_alarm(&self.counts) {
            return;
        }
        let before = (self.usual.clone(), self.crowd);
        if self.closed.saturating_add(1) < second {
            self.catch_up(second);
        }
        self.usual.raised = closing.expected_times();
        self.count_swarms(second);
        self.usual.test(&self.counts, second);
        if Class::ALL.iter().any(|class| self.usual.alarms_early(*class)) {
            let flood = self.begin_flood(closing);
            let (flood, shown) = flood.told_early(&self.usual, &self.counts, second);
            self.tell(&shown, Line::Start, closing);
            self.flood = Some(flood);
        }
        (self.usual, self.crowd) = before;
    }

    fn begin_flood(&self, closing: &Closing<'_>) -> Course {
        let second = closing.second;
        Course::begin(&self.target, closing.key, self.onset(second), second)
            .after(self.pause.as_ref(), second)
    }

    /// When what alarms began.
    fn onset(&self, second: u32) -> u32 {
        let alarming = Class::ALL.iter().filter(|class| self.usual.alarms(**class));
        let since = alarming.map(|class| self.usual.since(*class, second));
        since.min().unwrap_or(second).min(second)
    }

    fn move_slow(&mut self) {
        let slow = self.slow as f32;
        if self.flood.is_none() {
            let more = (slow.min(SLOW_MINIMUM) - self.usual_slow) / SLOW_MEMORY_SECONDS;
            self.usual_slow = faded(self.usual_slow + more);
        }
        let is_much = slow >= SLOW_MINIMUM + SLOW_TIMES * self.usual_slow;
        self.slow_seconds = if is_much { self.slow_seconds.saturating_add(1) } else { 0 };
    }

    /// Whether there are too many slow connections.
    fn has_many_slow(&self) -> bool {
        self.slow_seconds >= SLOW_SECONDS
    }

    /// Chooses what is looked at closer in the next second.
    fn look(&mut self, closing: &Closing<'_>) {
        let mut classes = 0_u32;
        let excess = self.usual.has_excess();
        for class in Class::ALL.into_iter().filter(|_| excess) {
            let kind = &self.usual.kinds[class as usize];
            if kind.sum > WATCH_WEIGHT * kind.alarm {
                classes |= 1 << class as u32;
            }
        }
        if self.crowd.is_near() || self.surge.is_some() {
            classes = u32::MAX;
        }
        if classes == 0 {
            return;
        }
        if self.watch.is_none() && closing.may_watch {
            self.watch = Watch::new(closing.hash).map(Box::new);
        }
        self.watched = classes;
    }

    fn move_flood(&mut self, counts: &[u32; CLASSES], closing: &mut Closing<'_>) {
        let second = closing.second;
        let alarms = self.usual.any_alarms() || self.has_many_slow();
        if self.flood.is_none() && alarms {
            self.flood = Some(self.begin_flood(closing));
        }
        let Some(mut flood) = self.flood.take() else { return };
        flood.step(&self.usual, counts, second, self.slow_seconds.min(1) * self.slow);
        let line = flood.next(second);
        if let Some(line) = line {
            self.tell(&flood, line, closing);
        }
        if line != Some(Line::End) {
            self.flood = Some(flood);
        } else {
            self.usual.begin_again();
            self.pause = Some(flood.pause(second));
        }
    }

    fn move_surge(&mut self, counts: &[u32; CLASSES], readers: u32, closing: &mut Closing<'_>) {
        let second = closing.second;
        let excess = self.flood.as_ref().map_or(0.0, Course::excess_now);
        let came = Came {
            readers,
            requests: (counts.iter().sum::<u32>() as f32 - excess).max(0.0),
            usual_requests: self.usual.mean(),
            expected_times: closing.expected_times(),
        };
        let is_crowd = self.crowd.step(&self.hours, came, second);
        if self.surge.is_none() && is_crowd {
            let onset = self.crowd.began(second).min(second);
            self.surge = Some(Course::begin(&self.target, closing.key, onset, second).into_surge());
        }
        let Some(mut surge) = self.surge.take() else { return };
        surge.step_surge(&self.usual, counts, second, excess, &self.crowd);
        let line = surge.next(second);
        if let Some(line) = line {
            self.tell(&surge, line, closing);
        }
        if line != Some(Line::End) {
            self.surge = Some(surge);
        }
    }

    /// Ends what goes on.
    pub(crate) fn finish(&mut self, closing: &mut Closing<'_>, ended_by: &'static str) {
        if let Some(mut flood) = self.flood.take() {
            flood.end_by(ended_by);
            self.tell(&flood, Line::End, closing);
            // What comes after that is a flood of its own, with an onset and an identity of its own.
            self.usual.begin_again();
        }
        if let Some(mut surge) = self.surge.take() {
            surge.end_by(ended_by);
            self.tell(&surge, Line::End, closing);
        }
        // Who comes after a silence is not the crowd of before.
        self.crowd.begin_again();
    }

    /// Says a line.
    fn tell(&self, course: &Course, line: Line, closing: &mut Closing<'_>) {
        let is_short = closing.second < self.lost_until.max(self.cut_until);
        let mut event = Box::new(course.line(line, self, closing.now, is_short));
        if let (Some(web), Some(expected)) = (event.evidence.web.as_mut(), closing.expected) {
            let ExpectedCrowd { reason, times } = expected;
            web.lines.push(format!("{times} times the usual readers are expected: {reason}"));
            web.expected = Some(expected.clone());
        }
        if course.is_surge() {
            return closing.events.push(Event::Surge(event));
        }
        closing.campaigns.join(&mut event, self.watch.as_ref().map(|watch| &watch.clients));
        closing.events.push(Event::Flood(event));
    }

    /// Forgets all that has a time, after the clock was set back.
    pub(crate) fn begin_again(&mut self, second: u32) {
        (self.counts, self.readers) = ([0; CLASSES], 0);
        (self.swarm, self.resetting) = (Swarm::default(), Swarm::default());
        self.closed = second;
        (self.lost_until, self.cut_until) = (0, 0);
        // The table of connections is emptied too, so that nobody else would take these back.
        (self.slow, self.slow_seconds) = (0, 0);
        (self.watch, self.watched) = (None, 0);
        self.crowd.begin_again();
        self.pause = None;
        self.hours.spoil();
        self.usual.begin_again();
        for kind in &mut self.usual.kinds {
            (kind.sum, kind.now) = (0.0, 0.0);
        }
    }
}
