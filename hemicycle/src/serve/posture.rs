//! How ready to be: what the forecast says, held until its own end, for the detector and whoever looks.
//!
//! Readiness rises at once. It goes down when the window that raised it is over, and not before, whatever the next outlook says: odds that
//! waver about their threshold do not make the floors waver. What raises it again in the meantime moves the end.
//!
//! Limit: who takes a list out of the store by hand gets the usual floors back at the end of its window, or with a restart.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use console::outlook::Readiness as Shown;
use foresee::readiness::{Readiness, State};
use jiff::Timestamp;
use wire::Time;

/// Reasons that a flood's evidence names; the console has all of them.
const NAMED_REASONS: usize = 2;

/// A window that is open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub(crate) state: State,
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// What floors are multiplied by.
    floors: f64,
    reasons: Vec<String>,
    checklist: Vec<String>,
}

/// The window that is open, if one is.
#[derive(Debug, Default)]
pub(crate) struct Posture {
    standing: Mutex<Option<Standing>>,
    generation: AtomicU64,
}

impl Posture {
    /// Takes up what the forecast says. What is to be said of it, if something changed that people have to know.
    pub(crate) fn take(&self, said: &Readiness, keeps_floors: bool, now: Timestamp) -> Option<String> {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(standing.as_ref(), said, keeps_floors, now);
        if *standing == next {
            return None;
        }
        let is_news = standing.as_ref().map(|before| before.state) != next.as_ref().map(|next| next.state);
        let line = is_news.then(|| line(next.as_ref()));
        *standing = next;
        self.generation.fetch_add(1, Ordering::Release);
        line
    }

    /// The window, or that there is none, if that changed since `seen`, which is brought up to date.
    pub(crate) fn newer(&self, seen: &mut u64) -> Option<Option<Standing>> {
        let generation = self.generation.load(Ordering::Acquire);
        if generation == *seen {
            return None;
        }
        *seen = generation;
        Some(self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// The window that is open now.
    pub(crate) fn now(&self) -> Option<Standing> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        standing.clone().filter(|standing| Timestamp::now() < standing.until)
    }
}

fn next(before: Option<&Standing>, said: &Readiness, keeps_floors: bool, now: Timestamp) -> Option<Standing> {
    let before = before.filter(|before| now < before.until);
    let is_open = said.state > State::Calm && now < said.until;
    match before {
        Some(before) if !is_open || said.state < before.state => Some(before.clone()),
        _ if !is_open => None,
        before => {
            let same = before.filter(|before| before.state == said.state);
            Some(Standing {
                state: said.state,
                from: same.map_or(now, |before| before.from),
                until: same.map_or(said.until, |before| before.until.max(said.until)),
                floors: if keeps_floors { 1.0 } else { said.floors },
                reasons: said.reasons.clone(),
                checklist: said.checklist.clone(),
            })
        }
    }
}

fn line(standing: Option<&Standing>) -> String {
    let Some(standing) = standing else { return "readiness is as on other days again".to_owned() };
    let floors = if standing.floors < 1.0 {
        format!("; floors are multiplied by {}", standing.floors)
    } else {
        String::new()
    };
    let (state, until, why) = (standing.state.name(), standing.until, standing.reasons.join("; "));
    format!("readiness is `{state}` until {until}{floors}: {why}")
}

impl Standing {
    /// What the detector is told: a number, two ends and a sentence.
    pub(crate) fn for_detector(&self) -> detect::Readiness {
        let reasons: Vec<&str> = self.reasons.iter().take(NAMED_REASONS).map(String::as_str).collect();
        detect::Readiness::new(self.floors, time(self.from), time(self.until), &reasons.join("; "))
    }

    /// What people are shown.
    pub(crate) fn shown(&self, detector: &detect::ReadinessState) -> Shown {
        Shown {
            state: self.state.name().to_owned(),
            from: self.from.to_string(),
            until: self.until.to_string(),
            floors_percent: (detector.floors * 100.0).round().clamp(0.0, 100.0) as u8,
            is_spent: detector.is_spent,
            reasons: self.reasons.clone(),
            checklist: self.checklist.clone(),
        }
    }
}

fn time(at: Timestamp) -> Time {
    Time::from_nanoseconds(i64::try_from(at.as_nanosecond()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + hour * 3_600).unwrap()
    }

    fn said(state: State, hour: i64, hours: i64, reason: &str) -> Readiness {
        Readiness {
            kind: "readiness".to_owned(),
            state,
            from: at(hour),
            until: at(hour + hours),
            floors: state.floors(),
            reasons: vec![reason.to_owned()],
            checklist: vec!["call".to_owned()],
        }
    }

    #[test]
    fn readiness_rises_at_once_and_goes_down_at_the_end_of_its_window_only() {
        let (posture, mut seen) = (Posture::default(), 0);
        assert_eq!(posture.take(&said(State::Calm, 0, 24, "nothing"), false, at(0)), None);
        assert!(posture.newer(&mut seen).is_none(), "on a calm day the detector hears nothing at all");
        let line = posture.take(&said(State::Watch, 0, 24, "a vote"), false, at(0)).unwrap();
        assert!(line.contains("`watch`") && line.contains("0.75") && line.contains("a vote"), "{line}");
        let standing = posture.newer(&mut seen).unwrap().unwrap();
        assert_eq!((standing.from, standing.until), (at(0), at(24)));
        assert_eq!(standing.for_detector().floors(), 0.75);
        // The odds waver.
        for hour in 1..24 {
            let state = if hour % 2 == 0 { State::Watch } else { State::Calm };
            posture.take(&said(state, 0, 24, "a vote"), false, at(hour));
            assert!(posture.newer(&mut seen).is_none(), "nothing changes at {hour}");
        }
        let ready = posture.take(&said(State::Ready, 23, 48, "a list"), false, at(23)).unwrap();
        assert!(ready.contains("`ready`") && ready.contains("0.5"));
        assert_eq!(
            posture.take(&said(State::Watch, 30, 24, "a vote"), false, at(30)),
            None,
            "a lower one waits"
        );
        assert!(
            posture.take(&said(State::Calm, 72, 24, "nothing"), false, at(72)).unwrap().contains("again")
        );
        assert_eq!(posture.newer(&mut seen), Some(None));
    }

    #[test]
    fn who_keeps_the_floors_gets_the_checklist_alone() {
        let posture = Posture::default();
        let line = posture.take(&said(State::Ready, 0, 24, "a list"), true, at(0)).unwrap();
        assert!(!line.contains("floors"), "{line}");
        let standing = posture.newer(&mut 0).unwrap().unwrap();
        assert_eq!((standing.for_detector().floors(), standing.checklist.len()), (1.0, 1));
    }
}
