//! How ready to be, for how long and why: what windows of the calendar, odds and lists come to.
//!
//! The floors of `detect` are multiplied by [`Readiness::floors`]: with a reason to expect a flood, less is needed to say that there is one. This room
//! does not reach into the detector; whoever wires them hands the value over. Filtering reads the state when it comes.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::listed::{FRESH_HOURS, Listing, Whose};

/// How ready to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As on any day.
    #[default]
    Calm,
    /// Something makes a flood likelier than usual.
    Watch,
    /// We are on a list.
    Ready,
}

impl State {
    /// What the floors of the detector are multiplied by. Never below half: a floor that is too low makes every busy hour a flood.
    #[must_use]
    pub const fn floors(self) -> f64 {
        match self {
            Self::Calm => 1.0,
            Self::Watch => 0.75,
            Self::Ready => 0.5,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Watch => "watch",
            Self::Ready => "ready",
        }
    }
}

/// A state with its end and its reasons. Without an end it would stay by accident.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Readiness {
    /// `readiness`.
    pub kind: String,
    /// How ready to be.
    pub state: State,
    /// From when on.
    pub from: Timestamp,
    /// When it ends unless something new comes.
    pub until: Timestamp,
    /// What the floors of the detector are multiplied by.
    pub floors: f64,
    /// Why.
    pub reasons: Vec<String>,
    /// What people do.
    pub checklist: Vec<String>,
}

/// What makes readiness rise.
#[derive(Clone, Copy, Default)]
pub struct Signs<'a> {
    /// What of ours is listed.
    pub listings: &'a [Listing],
    /// Whether the odds of the next days are at least twice the usual, and not negligible.
    pub raised: bool,
    /// Events of the next days that the past says raise the odds.
    pub events: &'a [String],
    /// Elections of the next week, whatever the past says.
    pub elections: &'a [String],
}

/// What is looked at whatever it is that may come.
const PREPARED: [&str; 3] = [
    "The person on call and a second one can be reached.",
    "The provider's number for floods is at hand and answers.",
    "The static copy is fresh and can be switched to.",
];

/// The readiness of a moment.
#[must_use]
pub fn of(signs: &Signs<'_>, at: Timestamp) -> Readiness {
    let mut reasons = Vec::new();
    let mut checklist: Vec<String> = Vec::new();
    let own = signs.listings.iter().filter(|listing| listing.whose == Whose::Own);
    let mut named: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let (mut state, mut until) = (State::Calm, at + SignedDuration::from_hours(24));
    for listing in own {
        let ends = listing.time + SignedDuration::from_hours(FRESH_HOURS);
        until = if state == State::Ready { until.max(ends) } else { ends };
        state = State::Ready;
        named.entry(name(&listing.actor)).or_default().push(&listing.named);
        listing.checks.iter().for_each(|check| push(&mut checklist, check.clone()));
    }
    for (actor, of) in named {
        push(&mut reasons, on_the_list(&of, actor));
    }
    for listing in signs.listings.iter().filter(|listing| listing.whose != Whose::Own) {
        state = state.max(State::Watch);
        push(
            &mut reasons,
            format!(
                "{} of {} is on the list of {}",
                listing.named,
                listing.organisation,
                name(&listing.actor)
            ),
        );
        listing.checks.iter().for_each(|check| push(&mut checklist, check.clone()));
    }
    if signs.raised {
        state = state.max(State::Watch);
        push(&mut reasons, "the odds of the next days are at least twice the usual".to_owned());
    }
    for event in signs.events {
        state = state.max(State::Watch);
        push(&mut reasons, format!("{event}: events of this kind raised the odds in the past"));
    }
    for event in signs.elections {
        state = state.max(State::Watch);
        push(&mut reasons, format!("{event} is near"));
    }
    if state >= State::Watch {
        PREPARED.iter().for_each(|line| push(&mut checklist, (*line).to_owned()));
    }
    if reasons.is_empty() {
        reasons.push("nothing points to more than the usual".to_owned());
    }
    Readiness {
        kind: "readiness".to_owned(),
        state,
        from: at,
        until,
        floors: state.floors(),
        reasons,
        checklist,
    }
}

impl Readiness {
    /// The state at a moment: over when it is over.
    #[must_use]
    pub fn state_at(&self, time: Timestamp) -> State {
        if (self.from..self.until).contains(&time) { self.state } else { State::Calm }
    }
}

fn push(lines: &mut Vec<String>, line: String) {
    if lines.len() < 64 && !lines.contains(&line) {
        lines.push(line);
    }
}

/// A list names dozens of addresses of one house: that is one reason.
fn on_the_list(names: &[&str], actor: &str) -> String {
    match names {
        [one] => format!("{one} is on the list of {actor}"),
        [first, others @ ..] => {
            format!("{first} and {} more of ours are on the list of {actor}", others.len())
        }
        [] => String::new(),
    }
}

fn name(actor: &str) -> &str {
    if actor.is_empty() { "somebody unnamed" } else { actor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_of_ours_on_one_list_are_one_reason() {
        assert_eq!(on_the_list(&["www"], "N"), "www is on the list of N");
        assert_eq!(on_the_list(&["www", "a", "b"], "N"), "www and 2 more of ours are on the list of N");
    }

    #[test]
    fn readiness_has_reasons_and_an_end() {
        let at: Timestamp = "2024-06-07T08:00:00Z".parse().unwrap();
        let calm = of(&Signs::default(), at);
        assert_eq!((calm.state, calm.floors, calm.checklist.len()), (State::Calm, 1.0, 0));
        let events = ["Election in Belgium".to_owned()];
        let watch = of(&Signs { events: &events, ..Signs::default() }, at);
        assert_eq!((watch.state, watch.floors), (State::Watch, 0.75));
        assert!(!watch.checklist.is_empty() && watch.reasons[0].starts_with("Election"));
        assert_eq!(watch.state_at(watch.until), State::Calm, "it ends by itself");
        assert_eq!(watch.state_at(at), State::Watch);
    }
}
