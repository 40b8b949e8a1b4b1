//! Every day of a panel with what was remembered on its morning, and the inputs of the models.

use crate::event::Event;
use crate::memory::{Memory, Remembered, window};
use crate::panel::{Label, Panel};
use crate::problem::Problem;

/// What was remembered on each morning of each place.
#[derive(Clone, Debug)]
pub struct Walk {
    places: usize,
    rows: Vec<Remembered>,
    /// The rate of all countries on each morning.
    pub pooled: Vec<f64>,
}

impl Walk {
    /// Walks through a panel and one day beyond it: the morning after its last day.
    #[must_use]
    pub fn new(panel: &Panel, label: Label, half_life: f64) -> Self {
        let places = panel.places.len();
        let mut memory = Memory::new(places, panel.countries, half_life);
        let (mut rows, mut pooled) = (Vec::with_capacity((panel.days() + 1) * places), Vec::new());
        for day in 0..=panel.days() {
            rows.extend((0..places).map(|place| memory.of(place)));
            pooled.push(memory.pooled());
            memory.take(panel, label, day);
        }
        Self { places, rows, pooled }
    }

    /// What was remembered of a place on the morning of a day; the last morning for later days.
    #[must_use]
    pub fn at(&self, day: usize, place: usize) -> &Remembered {
        let day = day.min(self.pooled.len() - 1);
        &self.rows[day * self.places + place.min(self.places - 1)]
    }
}

/// Answers of windows of one length, for each day and place.
#[derive(Clone, Debug)]
pub struct Answers {
    places: usize,
    rows: Vec<Option<bool>>,
    /// Days of a window.
    pub length: usize,
}

impl Answers {
    /// Of all windows that begin within a panel.
    #[must_use]
    pub fn new(panel: &Panel, label: Label, length: usize) -> Self {
        let places = panel.places.len();
        let rows = (0..panel.days())
            .flat_map(|day| (0..places).map(move |place| window(panel, label, day, length, place)))
            .collect();
        Self { places, rows, length }
    }

    /// Of the window that begins on a day.
    #[must_use]
    pub fn at(&self, day: usize, place: usize) -> Option<bool> {
        self.rows.get(day * self.places + place).copied().flatten()
    }
}

/// Events around a window, as inputs of a regression: six flags for each day and place.
#[derive(Clone, Debug)]
pub struct EventInputs {
    places: usize,
    rows: Vec<[u8; 6]>,
}

/// A type of event, how far it may lie before the window, and how far behind its first day.
type Flag = (&'static str, i32, fn(i32) -> i32);

/// Which type, and where the event lies from the first day of the window of `length` days.
const FLAGS: [Flag; 6] = [
    ("election_national", -1, |length| length),
    // The days behind the window: an election throws its shadow ahead.
    ("election_national", i32::MIN, |length| length + 5),
    ("election_ep", -1, |length| length - 1),
    ("summit_host", -1, |length| length),
    ("sanctions_package", -1, |length| length - 1),
    ("ep_vote_resolution", -2, |length| length - 1),
];

impl EventInputs {
    /// Of all windows of a length. Whoever is not known yet on the morning of a day is not there.
    ///
    /// # Errors
    /// When an event would be used before it was known, which cannot happen.
    pub fn new(panel: &Panel, events: &[Event], length: usize) -> Result<Self, Problem> {
        let (places, days) = (panel.places.len(), panel.days() + 1);
        let mut inputs = Self { places, rows: vec![[0; 6]; days * places] };
        let length = i32::try_from(length).unwrap_or(i32::MAX / 2);
        for event in events {
            let date = event.date.since(panel.first);
            for (flag, (_, from, to)) in FLAGS.iter().enumerate().filter(|(_, flag)| flag.0 == event.kind) {
                let from = if *from == i32::MIN { length + 1 } else { *from };
                let (first, last) = (date - to(length), date - from);
                for day in first.max(event.known_from.since(panel.first)).max(0)..=last {
                    inputs.set(panel, event, day, flag)?;
                }
            }
        }
        Ok(inputs)
    }

    fn set(&mut self, panel: &Panel, event: &Event, day: i32, flag: usize) -> Result<(), Problem> {
        event.known_at(panel.first.plus(day))?;
        let day = usize::try_from(day).unwrap_or(usize::MAX);
        for (place, _) in panel.places.iter().enumerate().filter(|(_, name)| event.concerns(name)) {
            if let Some(row) = day.checked_mul(self.places).and_then(|at| self.rows.get_mut(at + place)) {
                row[flag] = 1;
            }
        }
        Ok(())
    }

    /// The flags of the window that begins on a day.
    #[must_use]
    pub fn at(&self, day: usize, place: usize) -> [f64; 6] {
        self.rows.get(day * self.places + place).copied().unwrap_or_default().map(f64::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day::Day;
    use crate::event;

    #[test]
    fn an_event_is_an_input_from_the_day_it_is_known() {
        let first = Day::parse("2024-01-01").unwrap();
        let panel = Panel::empty(first, first.plus(60), &["be".to_owned(), "ua".to_owned()], "x").unwrap();
        let text = "date,scope,type,title,known_from\n2024-02-10,be,election_national,e,2024-02-07\n\
                    2024-02-20,eu,sanctions_package,s,2024-02-20\n";
        let (events, _) = event::read("e", text).unwrap();
        let inputs = EventInputs::new(&panel, &events, 3).unwrap();
        let at = |day: &str| inputs.at(panel.number(Day::parse(day).unwrap()).unwrap(), 0);
        assert_eq!(at("2024-02-06"), [0.0; 6], "nobody knows yet");
        assert_eq!(at("2024-02-07")[..2], [1.0, 0.0]);
        assert_eq!(at("2024-02-11")[0], 1.0);
        assert_eq!(at("2024-02-12")[0], 0.0);
        assert_eq!((at("2024-02-19")[4], at("2024-02-20")[4], at("2024-02-21")[4]), (0.0, 1.0, 1.0));
        assert_eq!(inputs.at(panel.number(Day::parse("2024-02-20").unwrap()).unwrap(), 1)[4], 0.0);
    }
}
