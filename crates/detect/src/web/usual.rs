//! What is ordinary for each kind of request of one service, and the test against it.
//!
//! Readers come in crowds: ten times as many as usual is no flood as long as they do what readers do. So no kind is
//! compared with its own past alone. A crowd multiplies all kinds alike, so the others say how large the crowd is: pages
//! are measured by the assets loaded with them, assets by pages, and searches, forms and sign-ins by both. What is
//! beyond that is excess, and excess is summed up (Page 1954) until it is too much for chance.
//!
//! What is learnt: the mean of each kind over half an hour, and the highest excess of ten seconds that ordinary days
//! have (crawlers, monitors, a school class), which goes within days. Of a kind whose sum stands nothing is learnt, and a
//! highest excess counts only when two minutes went by without an alarm.
//!
//! Limits: before [`LEARNT_SECONDS`] fixed floors hold ([`FLOORS`]), with the assets as a measure of pages as on any site. A
//! service without assets of its own (an interface for programs, pictures served elsewhere) has nothing that tells a crowd.

use super::class::{CLASSES, Class};
use super::record::Record;
use super::slow::{SLOW_LEARNT_SECONDS, Slows};
use crate::fade::faded;
use crate::sequential::bits;

/// Seconds over which the mean of a kind goes.
const MEAN_SECONDS: f32 = 1_800.0;
/// Learning begins as if nothing had come for so long: what floods from the first second on is not ordinary.
const BEFORE_SECONDS: f32 = 120.0;
/// What the variance of a kind is divided by at least.
const LEAST_MEAN: f32 = 0.05;
const LEAST_MEAN_BEFORE: f32 = 1.0;
/// Seconds over which "now" goes.
const NOW_SECONDS: f32 = 10.0;
/// Seconds with requests before what was learnt counts.
pub(crate) const LEARNT_SECONDS: u32 = 900;
/// Seconds between two looks at the records of long windows.
const HOUR_SECONDS: u32 = 3_600;
/// After this many seconds without an alarm an excess was ordinary.
const SETTLE_SECONDS: u32 = 120;
/// Requests a second of an anchor that make it one.
const ANCHOR_MINIMUM: f32 = 0.05;
/// No crowd is taken for larger than this many times the usual.
const CROWD_MAXIMUM: f32 = 200.0;

/// Requests a second of a kind beyond what is explained that anybody may have, before anything is learnt.
pub(crate) const FLOORS: [f32; CLASSES] = {
    let mut floors = [30.0; CLASSES];
    floors[Class::Asset as usize] = 300.0;
    floors[Class::PageReferred as usize] = 100.0;
    floors[Class::PageBare as usize] = 100.0;
    floors[Class::QueryKnown as usize] = 100.0;
    floors[Class::Sealed as usize] = 300.0;
    // Monitors and health checks of balancers.
    floors[Class::Hello as usize] = 2.5;
    // Programs that keep to themselves: a script, a mirror, maps that are dragged about.
    floors[Class::Steady as usize] = 60.0;
    // Screens, open pages, devices: each once a second or two.
    floors[Class::Polled as usize] = 150.0;
    // Feed readers, monitors, previews of links; where readers are many there are more.
    floors[Class::Brief as usize] = 12.0;
    // What browsers open beside what they need is taken off before.
    floors[Class::Held as usize] = 6.0;
    floors[Class::Quic as usize] = 10.0;
    floors[Class::QueryNovel as usize] = 4.0;
    floors[Class::Post as usize] = 15.0;
    floors[Class::Login as usize] = 5.0;
    floors[Class::Aborted as usize] = 15.0;
    floors[Class::TimedOut as usize] = 2.0;
    floors[Class::Tool as usize] = 3.0;
    // One program that asks for one page as fast as it is answered is a script somebody wrote.
    floors[Class::Paced as usize] = 130.0;
    floors
};
/// The same where readers are seen beside it: then a site is used, and a script that asks more than all of them is none of
/// theirs.
const FLOOR_BESIDE_READERS: f32 = 25.0;
/// Programs at an even pace there: monitors, a mirror.
const PROGRAMS_BESIDE_READERS: f32 = 20.0;
/// Monitors and a script that ask for the same pages again and again: so many requests a second while there are few of them,
/// where no readers are seen and where they are.
const LOOPS_OF_FEW: [f32; 2] = [20.0, 15.0];
/// Where no readers are seen and fewer clients than these, it is a script somebody wrote.
const LOOPS_LEAST: u32 = 3;
/// From so many clients on fewer, by one for each down to the least.
const SWARM_LEAST: u32 = 12;
const SWARM_MOST: f32 = 20.0;
const LOOPS_OF_SWARM: [f32; 2] = [8.0, 4.0];
/// Requests given up where so many connections do nothing else: a crowd at a slow server waits for some of its answers.
const RESETTING_LEAST: u32 = 4;
const RESETS_OF_MANY: f32 = 6.0;
/// Assets a second that make readers.
const READERS_ASSETS: f32 = 0.5;
/// The same where what is ordinary is known: what a crawler or a script adds.
const LEAST_FLOORS: [f32; CLASSES] = {
    let mut floors = [2.0; CLASSES];
    floors[Class::Asset as usize] = 40.0;
    floors[Class::QueryNovel as usize] = 1.5;
    floors[Class::Login as usize] = 1.5;
    floors[Class::TimedOut as usize] = 0.7;
    floors[Class::Tool as usize] = 1.5;
    floors[Class::Paced as usize] = 15.0;
    floors[Class::Steady as usize] = 10.0;
    floors[Class::Looped as usize] = 10.0;
    floors[Class::Polled as usize] = 10.0;
    floors[Class::Brief as usize] = 8.0;
    // Inside TLS nothing tells a crowd.
    floors[Class::Sealed as usize] = 300.0;
    floors
};
/// Pages where nothing tells the size of the crowd: a school class may open them all at once.
const LEAST_WITHOUT_MEASURE: f32 = 6.0;
/// A service with so many requests a second has these floors; a smaller one has smaller ones, down to a part.
const FULL_SIZE: f32 = 6.0;
const SMALLEST_PART: f32 = 0.2;
/// Requests of a kind for each asset on any site; pages come with several.
pub(crate) const FOR_EACH_ASSET: [f32; CLASSES] = {
    let mut shares = [0.0; CLASSES];
    shares[Class::PageReferred as usize] = 1.0;
    shares[Class::PageBare as usize] = 0.7;
    shares[Class::QueryKnown as usize] = 0.7;
    shares[Class::QueryNovel as usize] = 0.2;
    shares[Class::Post as usize] = 0.2;
    shares[Class::Login as usize] = 0.1;
    shares[Class::Aborted as usize] = 0.1;
    shares[Class::Other as usize] = 0.2;
    // Some press reload.
    shares[Class::Looped as usize] = 0.02;
    shares
};
/// Connections of programs for each request of readers inside TLS.
const BRIEF_FOR_EACH_SEALED: f32 = 0.05;
/// Requests for the same again for each, of readers whose pages are all in their caches.
const LOOPED_FOR_EACH_SEALED: f32 = 0.04;
/// Assets for each page on any site.
const ASSETS_FOR_EACH_PAGE: f32 = 80.0;
/// Before a second is over, so many times what raises an alarm.
const EARLY_TIMES: f32 = 1.15;
/// And so many times the highest sum of ordinary days.
const TIMES_HEIGHT: f32 = 1.5;
/// Where readers grow, so many assets come with a page more, and this part of what any site has with an asset more: the readers
/// of one page have other proportions than those of all.
const ASSETS_FOR_EACH_GROWN_PAGE: f32 = 30.0;
const GROWN_PART: f32 = 0.7;
/// What raises an alarm: so many requests in excess, or those of so many seconds of the floor if that is more; and so many
/// standard deviations of a second's expectation beside it.
const ALARM: [f32; 3] = [20.0, 3.0, 5.0];
const STEADY_SECONDS: f32 = 1.0;
/// Of requests inside TLS nothing is known but that they are many: one second of them may be a page that all open at once, and
/// has to have so many times as much.
const FIRST_SECOND_SEALED: f32 = 4.0;
/// The three where what is ordinary is known.
const LEARNT_ALARM: [f32; 3] = [6.0, 2.0, 4.0];
/// So many requests of pages, and of all kinds before a day was seen.
const LEARNT_ALARM_PAGES: f32 = 8.0;
/// Standard deviations of a second's expectation that are no excess.
const LEARNT_DEVIATIONS: f32 = 0.7;

/// Requests a second that so many clients in loops may make before anything is learnt.
fn loops(clients: u32, has_readers: bool) -> f32 {
    if !has_readers && clients < LOOPS_LEAST {
        return FLOORS[Class::Paced as usize];
    }
    let site = usize::from(has_readers);
    let (few, least) = (LOOPS_OF_FEW[site], LOOPS_OF_SWARM[site]);
    if clients < SWARM_LEAST { few } else { (SWARM_MOST - clients as f32).clamp(least, few) }
}

/// Requests a second of a kind beyond what is explained that anybody may have, before anything is learnt and by what is seen
/// beside them.
fn unlearnt_floor(class: Class, has_readers: bool, loopers: u32, resetting: u32) -> f32 {
    if has_readers && class.is_by_page() {
        FLOOR_BESIDE_READERS
    } else if class == Class::Aborted && resetting >= RESETTING_LEAST {
        RESETS_OF_MANY
    } else if class == Class::Looped {
        loops(loopers, has_readers)
    } else if has_readers && class == Class::Steady {
        PROGRAMS_BESIDE_READERS
    } else {
        FLOORS[class as usize]
    }
}

/// One kind of request of one service.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Kind {
    /// Ordinary requests a second.
    pub(crate) mean: f32,
    /// Variance of a second by its mean, at least 1.
    pub(crate) dispersion: f32,
    /// Requests a second now.
    pub(crate) now: f32,
    /// The same over two seconds if that is more: a crowd may come at once.
    present: f32,
    /// Requests of the second before.
    last: u32,
    /// The highest excess of ordinary days.
    pub(crate) excess: Record,
    /// The highest sum of ordinary days.
    pub(crate) height: Record,
    /// Excess so far.
    pub(crate) sum: f32,
    /// What raises the alarm.
    pub(crate) alarm: f32,
    /// What is explained in this second, the floor apart.
    pub(crate) expected: f32,
    /// The floor of this second.
    pub(crate) floor: f32,
    /// Second in which the sum left nought.
    pub(crate) since: u32,
}

impl Kind {
    /// Whether there is so many times too much of it. Of what was never met there is not: it has no alarm either.
    pub(crate) const fn alarms(&self, times: f32) -> bool {
        self.sum > 0.0 && self.sum >= times * self.alarm
    }
}

/// How many times the usual crowd is here, by who sees it; `None` for who is too few to say.
#[derive(Clone, Copy, Debug)]
struct Crowds {
    by_pages: Option<f32>,
    by_assets: Option<f32>,
    by_both: Option<f32>,
}

impl Crowds {
    /// As seen by other kinds than this.
    const fn seen_by_others(&self, class: Class) -> Option<f32> {
        match class {
            Class::Asset => self.by_pages,
            Class::PageReferred | Class::PageBare => self.by_assets,
            _ => self.by_both,
        }
    }
}

/// All kinds of one service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usual {
    pub(crate) kinds: [Kind; CLASSES],
    /// Kinds that were ever met, a bit each. Of others there is nothing to learn, and nothing is too much: most services never
    /// meet half of them.
    met: u32,
    /// Seconds that were learnt from.
    pub(crate) seconds: u32,
    /// Seconds since the last alarm or standing sum.
    calm_seconds: u32,
    /// Seconds since the last flood.
    peace_seconds: u32,
    pub(crate) slows: Slows,
    /// How many times the usual readers the calendar expects; 0 and 1 are no event.
    pub(crate) raised: f32,
    /// Clients that ask for the same again and again now.
    pub(crate) loopers: u32,
    /// Connections whose streams are reset now.
    pub(crate) resetting: u32,
}

impl Usual {
    /// Whether what is ordinary is known.
    pub(crate) const fn is_learnt(&self) -> bool {
        self.seconds >= LEARNT_SECONDS
    }

    /// All ordinary requests a second.
    pub(crate) fn mean(&self) -> f32 {
        self.kinds.iter().map(|kind| kind.mean).sum()
    }

    /// All requests a second now.
    pub(crate) fn now(&self) -> f32 {
        self.kinds.iter().map(|kind| kind.now).sum()
    }

    /// How many times the usual crowd is here now.
    fn crowds(&self) -> Crowds {
        let ratio = |class: Class| {
            let kind = &self.kinds[class as usize];
            (kind.mean >= ANCHOR_MINIMUM).then(|| kind.present / kind.mean)
        };
        let (referred, bare) = (ratio(Class::PageReferred), ratio(Class::PageBare));
        let pages = referred.into_iter().chain(bare).reduce(f32::max);
        let assets = ratio(Class::Asset);
        let both = assets.into_iter().chain(pages).reduce(f32::min);
        let bounded = |seen: Option<f32>| seen.map(|times| times.clamp(1.0, CROWD_MAXIMUM));
        Crowds { by_pages: bounded(pages), by_assets: bounded(assets), by_both: bounded(both) }
    }

    /// What is explained of a kind now.
    fn expected(&self, class: Class, crowd: Option<f32>) -> f32 {
        let kind = &self.kinds[class as usize];
        if self.is_learnt()
            && let Some(crowd) = crowd
        {
            // Readers of one page have other proportions than those of all: what came with assets is explained as on any site.
            let assets = &self.kinds[Class::Asset as usize];
            let pages = |kind: &Kind| (kind.now - kind.mean).max(0.0);
            let grown = match class {
                Class::Asset => {
                    let of = |class: Class| pages(&self.kinds[class as usize]);
                    ASSETS_FOR_EACH_GROWN_PAGE
                        * (of(Class::PageReferred) + of(Class::PageBare) + of(Class::QueryKnown))
                }
                _ => GROWN_PART * FOR_EACH_ASSET[class as usize] * (assets.now - assets.mean).max(0.0),
            };
            return (kind.mean * crowd).max(kind.mean + grown);
        }
        let now = |class: Class| self.kinds[class as usize].present;
        let on_any_site = match class {
            Class::Asset => {
                let pages = now(Class::PageReferred) + now(Class::PageBare) + now(Class::QueryKnown);
                ASSETS_FOR_EACH_PAGE * pages
            }
            Class::Brief => BRIEF_FOR_EACH_SEALED * now(Class::Sealed),
            Class::Looped => (LOOPED_FOR_EACH_SEALED * now(Class::Sealed))
                .max(FOR_EACH_ASSET[class as usize] * now(Class::Asset)),
            _ => FOR_EACH_ASSET[class as usize] * now(Class::Asset),
        };
        // Where nothing tells the size of a crowd, what is known beforehand does.
        let is_of_readers = class.is_by_page() || matches!(class, Class::Asset | Class::Polled);
        let raised = if is_of_readers && self.is_learnt() { self.raised.max(1.0) } else { 1.0 };
        (raised * kind.mean).max(on_any_site)
    }

    /// Takes a second's counts: moves every test on. Nothing is learnt yet.
    pub(crate) fn test(&mut self, counts: &[u32; CLASSES], second: u32) {
        for class in Class::ALL.iter().filter(|class| counts[**class as usize] > 0) {
            self.meet(*class);
        }
        let met = self.met;
        let is_met = |class: &Class| met >> *class as u32 & 1 != 0;
        for class in Class::ALL.into_iter().filter(is_met) {
            let (kind, count) = (&mut self.kinds[class as usize], counts[class as usize]);
            kind.now = faded(kind.now + (count as f32 - kind.now) / NOW_SECONDS);
            kind.present = kind.now.max((count as f32 + kind.last as f32) / 2.0);
            kind.last = count;
        }
        let is_learnt = self.is_learnt();
        let now = |class: Class| self.kinds[class as usize].now;
        let has_readers = now(Class::Asset) >= READERS_ASSETS || now(Class::Sealed) >= 2.0 * READERS_ASSETS;
        let size = (self.mean() / FULL_SIZE).clamp(SMALLEST_PART, 1.0);
        let crowds = self.crowds();
        for class in Class::ALL.into_iter().filter(is_met) {
            let index = class as usize;
            let crowd = crowds.seen_by_others(class);
            let (expected, has_measure) = (self.expected(class, crowd), crowd.is_some());
            let kind = &mut self.kinds[index];
            // Loops come all at once, and what comes so has no variance yet.
            let most = if class == Class::Looped && !is_learnt { 1.0 } else { 50.0 };
            let dispersion = kind.dispersion.clamp(1.0, most);
            let deviation = (dispersion * expected.max(0.05)).sqrt();
            let floor = if is_learnt {
                let part = if class == Class::Sealed { 1.0 } else { size };
                let least = part * LEAST_FLOORS[index];
                let least =
                    if class.is_by_page() && !has_measure { least.max(LEAST_WITHOUT_MEASURE) } else { least };
                (1.2 * kind.excess.highest).max(least)
            } else {
                unlearnt_floor(class, has_readers, self.loopers, self.resetting)
            };
            kind.expected = expected;
            let slack = if is_learnt { LEARNT_DEVIATIONS } else { 1.0 };
            kind.floor = floor + 0.3 * expected + slack * deviation;
            let [requests, seconds, deviations] = if is_learnt { LEARNT_ALARM } else { ALARM };
            // That it is a program took its time to say.
            let seconds =
                if matches!(class, Class::Steady | Class::Looped) { STEADY_SECONDS } else { seconds };
            let is_careful = class.is_by_page() || self.seconds < SLOW_LEARNT_SECONDS;
            let requests = if is_learnt && is_careful { requests.max(LEARNT_ALARM_PAGES) } else { requests };
            let record = if is_learnt { TIMES_HEIGHT * kind.height.highest } else { 0.0 };
            let excess = counts[index] as f32 - expected - kind.floor;
            if kind.sum <= 0.0 && excess > 0.0 {
                kind.since = second;
            }
            let is_moment = class == Class::Sealed && !is_learnt && kind.since == second;
            let times = if is_moment { FIRST_SECOND_SEALED } else { 1.0 };
            kind.alarm = times * (requests.max(record).max(seconds * floor) + deviations * deviation);
            // A flood that was long must not stand long after its end.
            kind.sum = (kind.sum + excess).clamp(0.0, 4.0 * kind.alarm);
        }
        let is_lasting = self.seconds >= SLOW_LEARNT_SECONDS;
        self.slows.test(counts, &self.kinds, is_lasting);
    }

    /// A kind is there from now on.
    pub(crate) const fn meet(&mut self, class: Class) {
        self.met |= 1 << class as u32;
    }

    /// The kinds that were ever met.
    fn met(&self) -> impl Iterator<Item = &Kind> {
        bits(u64::from(self.met)).map(|index| &self.kinds[index])
    }

    /// Whether there is an excess of any kind.
    pub(crate) fn has_excess(&self) -> bool {
        self.met().any(|kind| kind.sum > 0.0)
    }

    /// Whether any kind has too many requests.
    pub(crate) fn any_alarms(&self) -> bool {
        self.met().any(|kind| kind.alarms(1.0)) || self.slows.any()
    }

    /// Whether a kind has too many requests.
    pub(crate) fn alarms(&self, class: Class) -> bool {
        self.kinds[class as usize].alarms(1.0) || self.slows.0[class as usize].stands
    }

    /// When what alarms began: of what is slow, ten minutes ago at most, since it is not known better.
    pub(crate) fn since(&self, class: Class, second: u32) -> u32 {
        let kind = &self.kinds[class as usize];
        if kind.alarms(1.0) { kind.since } else { self.slows.0[class as usize].since(second) }
    }

    /// Whether a part of a second may raise an alarm: a bound that costs little. What was never met always may.
    pub(crate) fn is_near_alarm(&self, counts: &[u32; CLASSES]) -> bool {
        self.kinds
            .iter()
            .zip(counts)
            .any(|(kind, &count)| count > 1 && kind.sum + count as f32 > 0.5 * kind.alarm)
    }

    /// Whether a part of a second that was tested is too much for a whole one. What pages bring with them comes a little after
    /// them, so that a bit more is asked for.
    pub(crate) fn alarms_early(&self, class: Class) -> bool {
        self.kinds[class as usize].alarms(EARLY_TIMES)
    }

    /// Learns from a second that was tested. `holds`: a flood goes on, or too much is lost to learn from it.
    pub(crate) fn learn(&mut self, counts: &[u32; CLASSES], second: u32, holds: bool) {
        if holds {
            self.peace_seconds = 0;
            self.kinds.iter_mut().for_each(|kind| kind.height.forget());
            self.slows.forget();
        } else {
            self.peace_seconds = self.peace_seconds.saturating_add(1);
            self.settle(second);
        }
        let stands = |kind: &Kind| kind.sum > 0.25 * kind.alarm;
        if holds || self.met().any(stands) {
            self.calm_seconds = 0;
            self.kinds.iter_mut().for_each(|kind| kind.excess.forget());
            return;
        }
        self.seconds = self.seconds.saturating_add(1);
        self.calm_seconds = self.calm_seconds.saturating_add(1);
        let part = 1.0 / (BEFORE_SECONDS + self.seconds as f32).min(MEAN_SECONDS);
        // Before a mean is known, what is divided by it says little of chance and much of who comes first.
        let least = if self.is_learnt() { LEAST_MEAN } else { LEAST_MEAN_BEFORE };
        for index in bits(u64::from(self.met)) {
            let (kind, count) = (&mut self.kinds[index], counts[index]);
            let most = kind.expected + kind.floor + kind.alarm;
            let seen = (count as f32).min(most);
            let off = seen - kind.mean;
            kind.mean = faded(kind.mean + off * part);
            let spread = off * off / kind.mean.max(least);
            kind.dispersion = faded(kind.dispersion + (spread - kind.dispersion) * part);
            kind.excess.see(kind.now - kind.expected);
        }
        self.slows.learn(counts, self.seconds);
    }

    /// Ends the periods of the records.
    fn settle(&mut self, second: u32) {
        let minute = SETTLE_SECONDS / 2;
        for index in bits(u64::from(self.met)) {
            let kind = &mut self.kinds[index];
            kind.height.see(kind.sum);
        }
        if second.is_multiple_of(minute) {
            let (is_calm, is_peace) =
                (self.calm_seconds >= SETTLE_SECONDS, self.peace_seconds >= SETTLE_SECONDS);
            for kind in &mut self.kinds {
                kind.excess.settle(is_calm);
                kind.excess.age(minute as f32);
                kind.height.settle(is_peace);
                kind.height.age(minute as f32);
            }
        }
        if second.is_multiple_of(HOUR_SECONDS) {
            self.slows.settle(self.peace_seconds >= HOUR_SECONDS, HOUR_SECONDS as f32);
        }
    }

    /// A flood is over: what comes then is looked at anew.
    pub(crate) fn begin_again(&mut self) {
        self.kinds.iter_mut().for_each(|kind| kind.sum = 0.0);
        self.slows.begin_again();
    }

    /// Seconds in which nothing came, all at once.
    pub(crate) fn skip(&mut self, seconds: u32, second: u32) {
        const ONE_BY_ONE: u32 = 120;
        for step in 0..seconds.min(ONE_BY_ONE) {
            let at = second.saturating_add(step);
            self.test(&[0; CLASSES], at);
            self.learn(&[0; CLASSES], at, false);
        }
        let Some(rest) = seconds.checked_sub(ONE_BY_ONE).filter(|rest| *rest > 0) else { return };
        let kept = (-(rest as f32) / MEAN_SECONDS).exp();
        self.seconds = self.seconds.saturating_add(rest);
        for kind in &mut self.kinds {
            kind.mean = faded(kind.mean * kept);
            kind.excess.age(rest as f32);
            kind.height.age(rest as f32);
            (kind.now, kind.sum) = (0.0, 0.0);
        }
        self.slows.skip(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Requests of readers, and in some seconds a few of another kind, as chance has it.
    fn counts(second: u32, rare: Class, state: &mut u64) -> [u32; CLASSES] {
        let mut counts = [0; CLASSES];
        let mut chance = |most: u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((*state >> 33) % most) as u32
        };
        counts[Class::Asset as usize] = chance(20);
        counts[Class::PageReferred as usize] = chance(4);
        counts[Class::PageBare as usize] = chance(3);
        if second > 1_500 {
            counts[rare as usize] += chance(60).saturating_sub(50);
        }
        counts
    }

    #[test]
    fn a_kind_that_was_never_met_is_looked_at_as_one_that_always_was() {
        for rare in [Class::Login, Class::Tool, Class::Paced, Class::Held, Class::Looped] {
            let (mut usual, mut always) = (Usual::default(), Usual::default());
            Class::ALL.into_iter().for_each(|class| always.meet(class));
            let (mut state, mut alarms) = (7, 0);
            for second in 1..4_000 {
                let mut counts = counts(second, rare, &mut state);
                if second > 3_900 {
                    counts[rare as usize] += 200;
                }
                // Early ones are only a bound: no alarm is missed by it.
                let is_near = usual.is_near_alarm(&counts);
                usual.test(&counts, second);
                always.test(&counts, second);
                for class in Class::ALL {
                    let alarms = usual.alarms(class);
                    assert_eq!(alarms, always.alarms(class), "{class:?} in second {second}");
                    assert!(is_near || !alarms || second < 3_900);
                    let (one, other) = (&usual.kinds[class as usize], &always.kinds[class as usize]);
                    assert_eq!((one.sum, one.now, one.mean), (other.sum, other.now, other.mean));
                }
                alarms += u32::from(usual.any_alarms());
                assert_eq!(usual.any_alarms(), always.any_alarms());
                usual.learn(&counts, second, false);
                always.learn(&counts, second, false);
            }
            assert!(alarms > 50, "{rare:?}: {alarms}");
        }
    }

    #[test]
    fn one_second_of_many_requests_inside_tls_is_no_flood_and_two_are() {
        let alarms = |requests: &[u32]| {
            let mut usual = Usual::default();
            for (second, &requests) in (10..).zip(requests) {
                let mut counts = [0; CLASSES];
                counts[Class::Sealed as usize] = requests;
                usual.test(&counts, second);
            }
            usual.any_alarms()
        };
        assert!(!alarms(&[1_400]), "a page that all open at once");
        assert!(alarms(&[1_400, 1_400]));
        assert!(alarms(&[8_000]), "nothing that is opened");
    }

    #[test]
    fn what_came_once_leaves_no_numbers_next_to_nought() {
        let (mut usual, mut state) = (Usual::default(), 3);
        let is_whole = |number: f32| number == 0.0 || number.is_normal();
        for second in 1..400_000 {
            let mut counts = counts(0, Class::Other, &mut state);
            counts[Class::Login as usize] = u32::from(second == 5);
            usual.test(&counts, second);
            usual.learn(&counts, second, false);
        }
        let login = &usual.kinds[Class::Login as usize];
        assert!(is_whole(login.now) && is_whole(login.mean) && is_whole(login.dispersion), "{login:?}");
        assert!(login.now == 0.0 && login.mean < 1e-6);
    }
}
