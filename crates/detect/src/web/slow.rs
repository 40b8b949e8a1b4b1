//! Floods that grow so slowly, or are so weak, that no second of them is out of the ordinary.
//!
//! The mean of half an hour (`usual`) follows a flood that grows within an hour, and the excess of a second is lost in
//! chance where a flood adds a quarter. So pages, queries, forms and sign-ins are also compared over one and over ten minutes with
//! what the assets of the same time explain, by the proportion that days had and not the last half hour. How far ordinary days
//! go beyond that is learnt as a record, and an alarm is what is far above it.
//!
//! Limits: nothing is said before a day was learnt, nor of a service without assets, whose readers cannot be told from
//! programs. A flood that grows over more than about half a day becomes ordinary.

use super::class::{CLASSES, Class};
use super::record::Record;
use super::usual::{FOR_EACH_ASSET, Kind};
use crate::fade::faded;

/// Seconds of the two windows.
const WINDOWS: [f32; 2] = [60.0, 600.0];
/// Seconds over which the lasting mean goes.
const LASTING_SECONDS: f32 = 86_400.0;
/// Learning begins as if nothing had come for so long.
const BEFORE_SECONDS: f32 = 600.0;
/// Seconds to be learnt from before anything is said.
pub(crate) const SLOW_LEARNT_SECONDS: u32 = 86_400;
/// Assets a second, over days, that make a measure.
const ANCHOR_MINIMUM: f32 = 0.02;
/// An alarm is so many times the record.
const TIMES_RECORD: f32 = 2.5;
/// And so many times what is explained.
const TIMES_EXPLAINED: f32 = 1.0;
/// And so many standard deviations of the window beside it.
const DEVIATIONS: f32 = 5.0;
/// And so many requests a second beside that.
const LEAST: [f32; 2] = [0.6, 0.3];
/// It stands until the last minute has less than this part of what raises the alarm.
const OVER_PART: f32 = 0.4;
/// The last minute has to have so much of the excess of ten minutes: what is over raises no alarm.
const NOW_PART: f32 = 0.8;

/// The slow side of one kind of request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slow {
    /// Requests a second over the windows.
    means: [f32; 2],
    /// The same over days.
    pub(crate) lasting: f32,
    /// The highest excess of ordinary days.
    pub(crate) records: [Record; 2],
    /// What the assets explain.
    pub(crate) explained: [f32; 2],
    limits: [f32; 2],
    /// Whether there is too much.
    pub(crate) stands: bool,
}

impl Slow {
    fn excess(&self, window: usize) -> f32 {
        self.means[window] - self.explained[window]
    }

    /// Requests beyond what is explained before an alarm.
    pub(crate) fn before(&self) -> f32 {
        (self.excess(1) * WINDOWS[1]).max(self.excess(0) * WINDOWS[0]).max(0.0)
    }

    /// When it began, to the length of a window.
    pub(crate) fn since(&self, second: u32) -> u32 {
        let window = usize::from(self.excess(0) <= self.limits[0]);
        second.saturating_sub(WINDOWS[window] as u32)
    }

    fn test(&mut self, class: Class, anchor: &Self, dispersions: [f32; 2]) {
        let share = FOR_EACH_ASSET[class as usize];
        let ratio = self.lasting / anchor.lasting.max(ANCHOR_MINIMUM);
        for window in 0..2 {
            let assets = anchor.means[window];
            let by_crowd = ratio * assets;
            let grown = assets - anchor.lasting;
            self.explained[window] =
                if grown > 0.0 { by_crowd.max(self.lasting + share * grown) } else { by_crowd };
        }
        let minute = self.excess(0);
        let least = [0, 1].map(|window| LEAST[window] + TIMES_EXPLAINED * self.explained[window]);
        if minute <= least[0].min(least[1]) && !self.stands {
            // No limit is lower, and most seconds end here.
            return;
        }
        for window in 0..2 {
            let own = dispersions[0] * self.explained[window].max(0.02);
            let others = ratio * ratio * dispersions[1] * anchor.means[window].max(0.02);
            let deviation = ((own + others) / WINDOWS[window]).sqrt();
            let record = self.records[window].highest.max(0.0);
            self.limits[window] = TIMES_RECORD * record + DEVIATIONS * deviation + least[window];
        }
        let is_much = minute > self.limits[0]
            || (self.excess(1) > self.limits[1] && minute > self.limits[1].max(NOW_PART * self.excess(1)));
        let goes_on = self.stands && minute > OVER_PART * self.limits[0].min(self.limits[1]);
        self.stands = is_much || goes_on;
    }
}

/// All kinds of one service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slows(pub(crate) [Slow; CLASSES]);

impl Slows {
    /// Kinds that are compared.
    const CLASSES: [Class; 6] = [
        Class::PageReferred,
        Class::PageBare,
        Class::QueryKnown,
        Class::QueryNovel,
        Class::Post,
        Class::Login,
    ];

    /// They and what they are compared with; of others nothing is known here.
    const MEASURED: [Class; 7] = {
        let [a, b, c, d, e, f] = Self::CLASSES;
        [Class::Asset, a, b, c, d, e, f]
    };

    /// Takes a second's counts. `is_learnt`: enough was seen to say anything.
    pub(crate) fn test(&mut self, counts: &[u32; CLASSES], kinds: &[Kind; CLASSES], is_learnt: bool) {
        for class in Self::MEASURED {
            let (slow, count) = (&mut self.0[class as usize], counts[class as usize]);
            for (mean, seconds) in slow.means.iter_mut().zip(WINDOWS) {
                *mean = faded(*mean + (count as f32 - *mean) / seconds);
            }
        }
        let anchor = self.0[Class::Asset as usize];
        let has_measure = is_learnt && anchor.lasting >= ANCHOR_MINIMUM;
        let of = |class: Class| kinds[class as usize].dispersion.clamp(1.0, 50.0);
        for class in Self::CLASSES {
            let slow = &mut self.0[class as usize];
            slow.test(class, &anchor, [of(class), of(Class::Asset)]);
            slow.stands &= has_measure;
        }
    }

    /// Whether anything stands.
    pub(crate) fn any(&self) -> bool {
        Self::CLASSES.iter().any(|class| self.0[*class as usize].stands)
    }

    /// Learns from an ordinary second.
    pub(crate) fn learn(&mut self, counts: &[u32; CLASSES], seconds: u32) {
        let part = 1.0 / (BEFORE_SECONDS + seconds as f32).min(LASTING_SECONDS);
        for class in Self::MEASURED {
            let (slow, count) = (&mut self.0[class as usize], counts[class as usize]);
            slow.lasting = faded(slow.lasting + (count as f32 - slow.lasting) * part);
            // What the first hours have is no record: the proportion is not known yet.
            if seconds > 7_200 {
                for window in 0..2 {
                    let excess = slow.excess(window);
                    slow.records[window].see(excess);
                }
            }
        }
    }

    /// An hour is over.
    pub(crate) fn settle(&mut self, was_calm: bool, seconds: f32) {
        for record in self.0.iter_mut().flat_map(|slow| &mut slow.records) {
            record.settle(was_calm);
            record.age(seconds);
        }
    }

    /// A flood goes on: what came lately is not ordinary.
    pub(crate) fn forget(&mut self) {
        self.0.iter_mut().flat_map(|slow| &mut slow.records).for_each(Record::forget);
    }

    /// A flood is over: the long window begins with what there is now.
    pub(crate) fn begin_again(&mut self) {
        for slow in &mut self.0 {
            slow.means[1] = slow.means[0].min(slow.explained[0]);
            slow.stands = false;
        }
    }

    /// Seconds in which nothing came, after others.
    pub(crate) fn skip(&mut self, seconds: u32) {
        for slow in &mut self.0 {
            for (mean, window) in slow.means.iter_mut().zip(WINDOWS) {
                *mean = faded(*mean * (-(seconds as f32) / window).exp());
            }
            slow.stands = false;
        }
    }
}
