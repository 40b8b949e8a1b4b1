//! Which elements fail when events happen, asked often: the order of the elements and their causes are worked out once.
//!
//! This is the plain meaning of the model ([`Model::failing`]), without any cut set, so it decides what a list that reached a limit does not
//! have. A change can be tried on it without making another model; [`Trial`] means what [`crate::Change`] makes.

use crate::model::{Error, Event, Model, fails};

/// A change of which the effect is asked.
#[derive(Clone, Copy)]
pub(crate) enum Trial<'t> {
    /// None.
    Nothing,
    /// A second one of this element.
    Second(usize),
    /// An own one of this element for these, by place.
    Split(usize, &'t [bool]),
}

/// A model of which it is asked often what fails.
pub(crate) struct Failing<'m> {
    model: &'m Model,
    order: Vec<usize>,
    causes: Vec<Event>,
    happening: Vec<bool>,
    failing: Vec<bool>,
}

impl<'m> Failing<'m> {
    /// # Errors
    /// When needs go in a circle.
    pub(crate) fn new(model: &'m Model) -> Result<Self, Error> {
        Ok(Self {
            model,
            order: model.order()?,
            causes: model.cause_events(),
            happening: vec![false; model.events()],
            failing: vec![false; model.elements.len()],
        })
    }

    /// Which elements fail, by place; one pass over everything.
    pub(crate) fn of(&mut self, events: &[Event]) -> &[bool] {
        self.with(events, Trial::Nothing)
    }

    /// The same with a change made; what is said of the changed element is what those who need it now meet.
    pub(crate) fn with(&mut self, events: &[Event], trial: Trial<'_>) -> &[bool] {
        self.happening.fill(false);
        for &event in events {
            if let Some(mark) = self.happening.get_mut(event as usize) {
                *mark = true;
            }
        }
        self.failing.fill(false);
        for &place in &self.order {
            let element = &self.model.elements[place];
            let own_one = match trial {
                Trial::Split(split, users) if users.get(place) == Some(&true) => Some(split),
                _ => None,
            };
            // An own one, or a second one, shares no cause: it fails with its needs only.
            let needs_of = |failing: &[bool], at: usize| {
                self.model.elements[at].needs.as_ref().is_some_and(|needs| fails(needs, failing))
            };
            let kept = own_one.map(|split| (split, self.failing[split]));
            if let Some((split, _)) = kept {
                self.failing[split] = needs_of(&self.failing, split);
            }
            let needs = needs_of(&self.failing, place);
            if let Some((split, before)) = kept {
                self.failing[split] = before;
            }
            let itself = self.happening[place]
                || element.causes.iter().any(|&cause| self.happening[self.causes[cause] as usize]);
            let has_twin = matches!(trial, Trial::Second(twin) if twin == place);
            self.failing[place] = needs || itself && !has_twin;
        }
        &self.failing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_is_what_the_change_makes() {
        let text = "[institution]\nname = \"n\"\n[zone.a]\nprefixes = [\"192.0.2.0/24\"]\n[node.isp]\nkind = \"link\"\n\
            [node.fw]\nkind = \"firewall\"\nneeds = [\"isp\"]\nshared_cause = [\"power\"]\n\
            [service.s]\nzone = \"a\"\nneeds = [\"fw\"]\n[service.t]\nzone = \"a\"\nneeds = [\"fw\"]\n\
            [service.u]\nzone = \"a\"\nneeds = [\"s\"]\nshared_cause = [\"fw\"]\n";
        let model = Model::of(&institution::parse("n", text).unwrap());
        let place = |name: &str| model.find(name).unwrap();
        let mut failing = Failing::new(&model).unwrap();
        let fw = [place("fw") as Event];
        let lost = |failing: &[bool]| -> Vec<&str> {
            ["s", "t", "u"].into_iter().filter(|name| failing[place(name)]).collect()
        };
        assert_eq!(lost(failing.of(&fw)), ["s", "t", "u"]);
        // The cause that has the name of the firewall still stops what shares it.
        assert_eq!(lost(failing.with(&fw, Trial::Second(place("fw")))), ["u"]);
        let mut users = vec![false; model.elements.len()];
        users[place("s")] = true;
        assert_eq!(lost(failing.with(&fw, Trial::Split(place("fw"), &users))), ["t", "u"]);
        let isp = [place("isp") as Event];
        assert_eq!(lost(failing.with(&isp, Trial::Second(place("fw")))), ["s", "t", "u"]);
        assert_eq!(lost(failing.with(&isp, Trial::Split(place("fw"), &users))), ["s", "t", "u"]);
    }
}
