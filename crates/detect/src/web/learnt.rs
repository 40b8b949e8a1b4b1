//! What was learnt of a service, out of the detector and back into it.
//!
//! A restart must not cost a day of learning, nor make the first crowd after it a flood. What is kept are rates and records by kind of
//! request, the hours of the week, and how many readers come; no client, path or query is in it.
//!
//! What was learnt before a pause is brought to the hour: a rate of four in the morning is not that of nine.

use serde::{Deserialize, Serialize};
use wire::Time;

use super::WebDetector;
use super::class::{CLASSES, Class};
use super::hours::HOURS;
use super::service::Service;

/// No rate is believed to be higher.
const MAXIMUM: f32 = 1e9;
/// What was learnt longer ago than this many seconds is brought to the hour.
const SAME_HOUR_SECONDS: u64 = 600;
/// By so many times at most.
const HOUR_TIMES: f32 = 8.0;

/// What was learnt of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearntWeb {
    /// Its name.
    pub service: String,
    /// Seconds that were learnt from.
    pub seconds: u32,
    /// Each kind of request that there was.
    pub kinds: Vec<LearntKind>,
    /// Readers a second for each hour of the week in UTC, from Thursday 0:00 as 1970 began; below 0 where none is known.
    pub hours: Vec<f32>,
    /// Readers a second.
    pub readers: f32,
    /// Seconds that they were learnt from.
    pub readers_seconds: u32,
    /// Connections that hardly move, as is usual.
    pub slow_connections: f32,
}

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearntKind {
    /// Which.
    pub kind: String,
    /// Requests a second, and the variance of a second by that.
    pub mean: f32,
    /// Variance of a second by its mean.
    pub dispersion: f32,
    /// Requests a second over days.
    pub lasting: f32,
    /// The most that ordinary days had beyond what was explained: in ten seconds, as a sum, in one and in ten minutes.
    pub records: [f32; 4],
}

/// Why what was kept is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LearntError {
    /// A number that cannot be a rate.
    #[error("a number is not from 0 to 10^9")]
    Number,
    /// Not the hours of a week.
    #[error("a week does not have 168 hours")]
    Hours,
    /// More kinds than there are.
    #[error("there are more kinds than are known")]
    Kinds,
}

impl LearntWeb {
    /// Whether it can be what a detector learnt.
    ///
    /// # Errors
    /// [`LearntError`] says what it cannot be.
    pub fn check(&self) -> Result<(), LearntError> {
        if self.kinds.len() > CLASSES {
            return Err(LearntError::Kinds);
        }
        if self.hours.len() != HOURS {
            return Err(LearntError::Hours);
        }
        let kinds = self.kinds.iter().flat_map(|kind| {
            [kind.mean, kind.dispersion, kind.lasting].into_iter().chain(kind.records.iter().copied())
        });
        let hours = self.hours.iter().map(|mean| mean.max(0.0));
        let mut all = kinds.chain(hours).chain([self.readers, self.slow_connections]);
        // A number that is none is nought after `max`, so hours are looked at twice.
        let is_whole = !self.hours.iter().any(|mean| mean.is_nan());
        let is_rate = |number: f32| (0.0..=MAXIMUM).contains(&number);
        if is_whole && all.all(is_rate) { Ok(()) } else { Err(LearntError::Number) }
    }
}

impl Service {
    fn learnt(&self) -> LearntWeb {
        let kinds = Class::ALL.into_iter().filter_map(|class| {
            let (kind, slow) = (&self.usual.kinds[class as usize], &self.usual.slows.0[class as usize]);
            let records =
                [kind.excess.highest, kind.height.highest, slow.records[0].highest, slow.records[1].highest];
            let is_there = kind.mean > 1e-6 || records.iter().any(|record| *record > 0.0);
            is_there.then(|| LearntKind {
                kind: class.name().to_owned(),
                mean: kind.mean,
                dispersion: kind.dispersion,
                lasting: slow.lasting,
                records: records.map(|record| record.max(0.0)),
            })
        });
        LearntWeb {
            service: self.target.name.clone(),
            seconds: self.usual.seconds,
            kinds: kinds.collect(),
            hours: self.hours.means().to_vec(),
            readers: self.crowd.mean,
            readers_seconds: self.crowd.seconds,
            slow_connections: self.usual_slow,
        }
    }

    fn recall(&mut self, learnt: &LearntWeb, now: u32, seconds_ago: u64) {
        self.hours.recall(&learnt.hours);
        let ago = u32::try_from(seconds_ago).unwrap_or(u32::MAX);
        let times = match (self.hours.at(now), self.hours.at(now.saturating_sub(ago))) {
            (Some(now), Some(before)) if seconds_ago > SAME_HOUR_SECONDS => {
                (now.max(0.001) / before.max(0.001)).clamp(1.0 / HOUR_TIMES, HOUR_TIMES)
            }
            _ => 1.0,
        };
        self.usual.seconds = learnt.seconds;
        for kept in &learnt.kinds {
            let Some(class) = Class::ALL.into_iter().find(|class| class.name() == kept.kind) else {
                continue;
            };
            self.usual.meet(class);
            let kind = &mut self.usual.kinds[class as usize];
            (kind.mean, kind.dispersion) = (kept.mean * times, kept.dispersion);
            let slow = &mut self.usual.slows.0[class as usize];
            slow.lasting = kept.lasting;
            let [first, second] = &mut slow.records;
            let records = [&mut kind.excess, &mut kind.height, first, second];
            for (record, highest) in records.into_iter().zip(kept.records) {
                record.highest = highest;
                record.age(seconds_ago as f32);
            }
        }
        (self.crowd.mean, self.crowd.seconds) = (learnt.readers * times, learnt.readers_seconds);
        self.crowd.begin_again();
        self.usual_slow = learnt.slow_connections;
    }
}

impl WebDetector {
    /// What was learnt, of services of which enough is known.
    pub fn learnt(&self) -> impl Iterator<Item = LearntWeb> + '_ {
        self.services.iter().filter(|service| service.usual.is_learnt()).map(Service::learnt)
    }

    /// Takes back what was learnt `seconds_ago`. Call it before the first record. False if there is no such service.
    ///
    /// # Errors
    /// [`LearntError`] if it is not what a detector learns; nothing is taken then.
    pub fn recall(&mut self, learnt: &LearntWeb, now: Time, seconds_ago: u64) -> Result<bool, LearntError> {
        learnt.check()?;
        let second = u32::try_from(now.nanoseconds().div_euclid(1_000_000_000)).unwrap_or(0);
        let index = self.by_name.get(learnt.service.as_bytes()).copied();
        let Some(service) = index.and_then(|index| self.services.get_mut(index as usize)) else {
            return Ok(false);
        };
        service.recall(learnt, second, seconds_ago);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use wire::web::{Client, Method, Request};

    use super::*;
    use crate::event::Event;

    const START: i64 = 1_700_000_000;

    /// Readers, and so many further pages by others in each second.
    fn play(web: &mut WebDetector, seconds: std::ops::Range<i64>, others: u32) -> Vec<Event> {
        let www = web.service("www", &[]).unwrap();
        let ask = |web: &mut WebDetector, second: i64, client: u64, target: &[u8], referrer: &[u8]| {
            let address = wire::Address::from(std::net::IpAddr::from([
                10,
                (client >> 16) as u8,
                (client >> 8) as u8,
                client as u8,
            ]));
            let (time, client) = (Time::from_seconds(START + second, 0), Client::Address(address));
            web.observe(
                www,
                &Request { time, client, method: Method::Get, target, referrer, ..Request::default() },
            );
        };
        for second in seconds {
            let reader = second as u64 / 2;
            let (page, asset): (&[u8], &[u8]) = (b"/agenda", b"/a.css");
            ask(web, second, reader, page, b"https://www.example/");
            (0..4).for_each(|_| ask(web, second, reader, asset, b"https://www.example/agenda"));
            // Somebody else each time: who comes back is known without what was learnt.
            let first = 900_000 + 100 * second as u64;
            (0..others).for_each(|other| ask(web, second, first + u64::from(other), page, b""));
        }
        web.take_events()
    }

    #[test]
    fn what_was_learnt_is_known_after_a_restart_and_a_flood_is_told_by_it() {
        let mut before = WebDetector::new([5; 16]);
        assert!(play(&mut before, 0..4_000, 0).is_empty());
        let kept: Vec<_> = before.learnt().collect();
        assert_eq!(kept.len(), 1);
        let text = serde_json::to_string(&kept[0]).unwrap();
        let kept: LearntWeb = serde_json::from_str(&text).unwrap();
        for (recalls, wanted) in [(false, false), (true, true)] {
            let mut after = WebDetector::new([5; 16]);
            after.service("www", &[]);
            if recalls {
                let now = Time::from_seconds(START + 4_060, 0);
                assert_eq!(after.recall(&kept, now, 60), Ok(true));
            }
            assert!(play(&mut after, 4_060..4_120, 0).is_empty(), "recalled: {recalls}");
            let told = play(&mut after, 4_120..4_130, 20).len();
            assert_eq!(told > 0, wanted, "twenty pages a second more; recalled: {recalls}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_and_what_is_not_there_left_out() {
        let mut web = WebDetector::new([5; 16]);
        play(&mut web, 0..2_000, 0);
        let kept = web.learnt().next().unwrap();
        let now = Time::from_seconds(START, 0);
        let mut recall = |change: &dyn Fn(&mut LearntWeb)| {
            let mut kept = kept.clone();
            change(&mut kept);
            web.recall(&kept, now, 0)
        };
        assert_eq!(recall(&|kept| kept.kinds[0].mean = f32::NAN), Err(LearntError::Number));
        assert_eq!(recall(&|kept| kept.readers = -1.0), Err(LearntError::Number));
        assert_eq!(recall(&|kept| kept.hours[3] = f32::NAN), Err(LearntError::Number));
        assert_eq!(recall(&|kept| kept.hours.truncate(24)), Err(LearntError::Hours));
        assert_eq!(recall(&|kept| kept.kinds = vec![kept.kinds[0].clone(); 99]), Err(LearntError::Kinds));
        assert_eq!(recall(&|kept| kept.service = "other".to_owned()), Ok(false));
        assert_eq!(recall(&|kept| kept.kinds[0].kind = "other".to_owned()), Ok(true), "of another version");
    }
}
