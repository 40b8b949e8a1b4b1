//! The shape of a flood in time: pulses and their period, and which vector came when.
//!
//! A pulse wave is one attack: it goes off so that defences that were put up for it are taken down, and comes again. So a
//! flood that came in pulses is waited for longer than others, by its own period. Time is in seconds of the data since any
//! fixed moment; both layers use it, the network layer with tenths.
//!
//! Limits: [`PERIODS`] last periods; pulses at least [`SHORTEST_SECONDS`] apart; [`MAXIMUM_SPANS`] spans of
//! vectors.

use crate::event::VectorSpan;
use crate::vector::Vector;
use wire::Time;

/// Periods that are remembered.
const PERIODS: usize = 8;
/// Pulses closer to each other are one.
const SHORTEST_SECONDS: f64 = 2.0;
/// None is waited for longer than this.
const LONGEST_SECONDS: f64 = 300.0;
/// A flood that begins so long after the end of one on the same target may be its next pulse.
const LONGEST_PAUSE_SECONDS: f64 = 180.0;
/// On is above this part of the peak, off below the other.
const ON_PART: f64 = 0.4;
const OFF_PART: f64 = 0.15;
/// The peak goes over this many seconds, so that one burst does not make all that follows a pause.
const PEAK_SECONDS: f64 = 300.0;
/// A wave has at least so many begins of pulses.
const LEAST_BEGINS: usize = 3;
/// The standard deviation of its periods is at most this part of their mean.
const IRREGULAR: f64 = 0.35;
/// A wave is waited for so many periods.
const PERIODS_WAITED: f64 = 1.5;
/// Spans of vectors that are told.
pub(crate) const MAXIMUM_SPANS: usize = 16;

/// Pulses of one flood.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulses {
    peak: f64,
    last: f64,
    is_on: bool,
    begun: Option<f64>,
    quiet_since: Option<f64>,
    /// Times between begins, the newest last.
    periods: Vec<f64>,
    /// Whether a flood of before goes on with it.
    is_carried: bool,
}

/// A flood that ended, which may be a pulse.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    /// Its identity.
    pub(crate) id: String,
    pulses: Pulses,
    ended: f64,
}

impl Pause {
    /// A flood ended at a time.
    pub(crate) const fn new(id: String, pulses: Pulses, ended: f64) -> Self {
        Self { id, pulses, ended }
    }

    /// The pulses of a flood that begins at `now`, if it may be the next pulse of this one.
    pub(crate) fn carried(&self, now: f64) -> Option<Pulses> {
        let is_next = (0.0..=LONGEST_PAUSE_SECONDS).contains(&(now - self.ended));
        is_next.then(|| Pulses { is_on: false, is_carried: true, ..self.pulses.clone() })
    }
}

impl Pulses {
    /// Takes the rate of the last step, which ends at `now`.
    pub(crate) fn step(&mut self, now: f64, rate: f64) {
        let seconds = (now - self.last).clamp(0.0, PEAK_SECONDS);
        self.last = now;
        self.peak = rate.max(self.peak * (-seconds / PEAK_SECONDS).exp());
        if self.is_on && rate < OFF_PART * self.peak {
            let since = *self.quiet_since.get_or_insert(now);
            if now - since >= 0.5 * SHORTEST_SECONDS {
                self.is_on = false;
            }
        } else if self.is_on {
            self.quiet_since = None;
        } else if rate > ON_PART * self.peak && rate > 0.0 {
            self.begin(now);
        }
    }

    fn begin(&mut self, now: f64) {
        (self.is_on, self.quiet_since) = (true, None);
        let since = self.begun.map(|begun| now - begun);
        if let Some(period) = since.filter(|period| *period >= SHORTEST_SECONDS) {
            if self.periods.len() >= PERIODS {
                self.periods.remove(0);
            }
            self.periods.push(period);
        }
        if since.is_none_or(|period| period >= SHORTEST_SECONDS) {
            self.begun = Some(now);
        }
    }

    /// The period of a pulse wave, in seconds; `None` if it is none.
    pub(crate) fn period_seconds(&self) -> Option<f64> {
        if self.periods.len() + 1 < LEAST_BEGINS {
            return None;
        }
        let count = self.periods.len() as f64;
        let mean = self.periods.iter().sum::<f64>() / count;
        let variance = self.periods.iter().map(|period| (period - mean).powi(2)).sum::<f64>() / count;
        (variance.sqrt() <= IRREGULAR * mean).then_some(mean)
    }

    /// How long an end is waited for: `least`, or longer in a wave and where a flood of before seems to go on.
    pub(crate) fn hold_seconds(&self, least: f64) -> f64 {
        if !self.is_carried && self.period_seconds().is_none() {
            return least;
        }
        let longest = self.periods.iter().copied().fold(0.0, f64::max);
        least.max((PERIODS_WAITED * longest).min(LONGEST_SECONDS))
    }
}

/// Which vectors a flood had when.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans(Vec<VectorSpan>);

impl Spans {
    /// These vectors are in it at a time; spans that are older than `gap_seconds` are over.
    pub(crate) fn note(&mut self, now: Time, names: impl Iterator<Item = Vector>, gap_seconds: f64) {
        for name in names {
            let running = self.0.iter_mut().rev().find(|span| span.name == name);
            if let Some(span) = running.filter(|span| now.seconds_since(span.to) <= gap_seconds) {
                span.to = now;
            } else if self.0.len() < MAXIMUM_SPANS {
                self.0.push(VectorSpan { name, from: now, to: now });
            }
        }
    }

    /// The spans, where there is more than one.
    pub(crate) fn told(&self) -> Vec<VectorSpan> {
        if self.0.len() > 1 { self.0.clone() } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pulses(on: u32, off: u32, seconds: u32) -> Pulses {
        let mut pulses = Pulses::default();
        for second in 0..seconds {
            let is_on = second % (on + off) < on;
            // Chance in what comes, and a little between.
            let rate = if is_on { 80.0 + f64::from(second * 7 % 40) } else { f64::from(second % 3) };
            pulses.step(f64::from(second), rate);
        }
        pulses
    }

    #[test]
    fn a_wave_has_its_period() {
        for (on, off) in [(5, 5), (10, 20), (30, 90), (3, 60)] {
            let pulses = pulses(on, off, 6 * (on + off));
            let period = pulses.period_seconds().unwrap();
            assert!((period - f64::from(on + off)).abs() < 1.0, "{on} {off}: {period}");
            assert!(pulses.hold_seconds(10.0) > f64::from(off), "{on} {off}");
        }
    }

    #[test]
    fn what_is_steady_or_irregular_is_no_wave() {
        assert_eq!(pulses(10, 0, 600).period_seconds(), None);
        assert_eq!(pulses(10, 30, 70).period_seconds(), None, "two pulses are no wave");
        let mut irregular = Pulses::default();
        for begin in [0, 7, 60, 67, 200, 210, 390] {
            for second in 0..4 {
                irregular.step(f64::from(begin + second), if second < 2 { 90.0 } else { 0.0 });
            }
        }
        assert_eq!(irregular.period_seconds(), None);
        assert!(pulses(10, 0, 600).hold_seconds(10.0) == 10.0);
    }

    #[test]
    fn a_flood_soon_after_another_is_its_next_pulse() {
        let first = pulses(20, 0, 20);
        let pause = Pause::new("A".to_owned(), first, 19.0);
        assert!(pause.carried(18.0).is_none() && pause.carried(400.0).is_none());
        let mut next = pause.carried(80.0).unwrap();
        next.step(80.0, 100.0);
        assert!(next.hold_seconds(10.0) > 100.0, "it is waited for the third");
        assert_eq!(next.period_seconds(), None, "two pulses are no wave yet");
    }

    #[test]
    fn a_change_of_vector_is_a_span_of_its_own() {
        let (mut spans, at) = (Spans::default(), |second| Time::from_seconds(second, 0));
        spans.note(at(0), [Vector::SynFlood].into_iter(), 5.0);
        assert!(spans.told().is_empty(), "one vector needs no time line");
        for second in 1..20 {
            spans.note(at(second), [Vector::SynFlood].into_iter(), 5.0);
        }
        for second in 20..40 {
            spans.note(at(second), [Vector::UdpFlood].into_iter(), 5.0);
        }
        spans.note(at(40), [Vector::SynFlood].into_iter(), 5.0);
        let told: Vec<_> = spans.told().iter().map(|span| (span.name, span.from, span.to)).collect();
        let wanted = [
            (Vector::SynFlood, at(0), at(19)),
            (Vector::UdpFlood, at(20), at(39)),
            (Vector::SynFlood, at(40), at(40)),
        ];
        assert_eq!(told, wanted);
        for second in (100..10_000).step_by(10) {
            spans.note(at(second), [Vector::SynFlood].into_iter(), 5.0);
        }
        assert_eq!(spans.told().len(), MAXIMUM_SPANS);
    }
}
