//! What fails with what: the elements of an institution file as reliability blocks.
//!
//! An element (a node or a service) fails by itself, with one of the causes that it shares, or when its needs fail:
//! `all` fails with its first, `any k of n` when fewer than k are left. A cause is a name that fails; a cause that has
//! the name of a node or service is that name, so `vm-cluster` fails once, however often it is written. What follows from
//! other failures does not make a cause happen: only `needs` carries failures on.
//!
//! The model is separate from the file so that a change can be tried on it ([`crate::change`]).

use std::collections::BTreeMap;

use institution::{Capacity, Criticality, Exposure, Institution, Needs, NodeKind, OrganisationKind};
use serde::Serialize;

use crate::failing::Failing;

/// What can fail by itself: places of [`Model::elements`], and behind them the causes.
pub type Event = u32;

/// A condition on other elements, by their places in [`Model::elements`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// One element.
    Element(usize),
    /// Every one of these.
    All(Vec<Expression>),
    /// At least `count` of these.
    Any {
        /// How many.
        count: usize,
        /// Of which.
        of: Vec<Expression>,
    },
}

impl Expression {
    /// Calls `visit` for every element, from left to right.
    pub fn for_each(&self, visit: &mut impl FnMut(usize)) {
        match self {
            Self::Element(element) => visit(*element),
            Self::All(list) | Self::Any { of: list, .. } => {
                list.iter().for_each(|part| part.for_each(visit));
            }
        }
    }

    /// The elements, from left to right, repetitions included.
    pub fn elements(&self) -> Vec<usize> {
        let mut elements = Vec::new();
        self.for_each(&mut |element| elements.push(element));
        elements
    }

    fn of(needs: &Needs, place: &impl Fn(institution::Element) -> usize) -> Self {
        match needs {
            Needs::Element(element) => Self::Element(place(*element)),
            Needs::All(list) => Self::All(list.iter().map(|part| Self::of(part, place)).collect()),
            Needs::Any { count, of } => {
                let of = of.iter().map(|part| Self::of(part, place)).collect();
                Self::Any { count: *count, of }
            }
        }
    }
}

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A node of the file.
    Node(NodeKind),
    /// A service.
    Service,
}

impl Kind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Node(kind) => kind.as_str(),
            Self::Service => "service",
        }
    }
}

/// Somebody who runs elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its key in the file.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Whether it is the institution itself; everybody else is outside its control.
    pub own: bool,
}

/// A part of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    /// Its key in the file.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Who can reach it.
    pub exposure: Exposure,
    /// Place of who runs it.
    pub party: usize,
}

/// A node or a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Its key in the file.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Place of its zone in [`Model::areas`].
    pub area: Option<usize>,
    /// Place of who runs it in [`Model::parties`].
    pub party: usize,
    /// Who provides it.
    pub provider: Option<String>,
    /// The most that it carries.
    pub capacity: Capacity,
    /// Causes that it shares, as places of [`Model::causes`].
    pub causes: Vec<usize>,
    /// What it needs; none if the file says nothing.
    pub needs: Option<Expression>,
    /// What its loss means; of a service.
    pub criticality: Criticality,
    /// Whether the file says what people do without it; of a service.
    pub has_workaround: bool,
}

/// Elements, what they share and who runs them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// Name of the institution.
    pub name: String,
    /// Nodes and services.
    pub elements: Vec<Element>,
    /// Names of causes.
    pub causes: Vec<String>,
    /// Zones.
    pub areas: Vec<Area>,
    /// Organisations.
    pub parties: Vec<Party>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// An element needs itself, directly or through others.
    #[error("needs go in a circle through {0}")]
    Circle(String),
    /// A name that is not in the file.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// What was looked for.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A change that cannot be read or made.
    #[error("{0}")]
    Change(String),
}

impl Model {
    /// The model of a file.
    pub fn of(institution: &Institution) -> Self {
        let nodes = institution.nodes.len();
        let place = |element: institution::Element| match element {
            institution::Element::Node(id) => id.index(),
            institution::Element::Service(id) => nodes + id.index(),
        };
        let node = |node: &institution::Node| Element {
            name: node.id.clone(),
            kind: Kind::Node(node.kind),
            area: node.zone.map(institution::ZoneId::index),
            party: node.organisation.index(),
            provider: node.provider.clone(),
            capacity: node.capacity,
            causes: node.shared_cause.iter().map(|cause| cause.index()).collect(),
            needs: node.needs.as_ref().map(|needs| Expression::of(needs, &place)),
            criticality: Criticality::Supporting,
            has_workaround: false,
        };
        let service = |service: &institution::Service| Element {
            name: service.id.clone(),
            kind: Kind::Service,
            area: Some(service.zone.index()),
            party: service.organisation.index(),
            provider: None,
            capacity: service.capacity,
            causes: service.shared_cause.iter().map(|cause| cause.index()).collect(),
            needs: service.needs.as_ref().map(|needs| Expression::of(needs, &place)),
            criticality: service.criticality,
            has_workaround: service.workaround.is_some(),
        };
        let elements = institution.nodes.iter().map(node).chain(institution.services.iter().map(service));
        Self {
            name: institution.name.clone(),
            elements: elements.collect(),
            causes: institution.causes.iter().map(|cause| cause.id.clone()).collect(),
            areas: areas(institution),
            parties: parties(institution),
        }
    }

    /// How many events there are; an event of a cause that has the name of an element is the element's.
    pub fn events(&self) -> usize {
        self.elements.len() + self.causes.len()
    }

    /// The name of what fails in an event.
    pub fn event_name(&self, event: Event) -> &str {
        let place = event as usize;
        match self.elements.get(place) {
            Some(element) => &element.name,
            None => self.causes.get(place - self.elements.len()).map_or("", String::as_str),
        }
    }

    /// The element of an event, if it is not a cause alone.
    pub fn event_element(&self, event: Event) -> Option<&Element> {
        self.elements.get(event as usize)
    }

    /// The event of each cause, in the order of [`Model::causes`].
    pub fn cause_events(&self) -> Vec<Event> {
        let names: BTreeMap<&str, usize> = self.names();
        let event = |(place, name): (usize, &String)| {
            names.get(name.as_str()).copied().unwrap_or(self.elements.len() + place) as Event
        };
        self.causes.iter().enumerate().map(event).collect()
    }

    /// The place of each node or service, by name.
    pub fn names(&self) -> BTreeMap<&str, usize> {
        self.elements.iter().enumerate().map(|(place, element)| (element.name.as_str(), place)).collect()
    }

    /// The place of a node or service.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn find(&self, name: &str) -> Result<usize, Error> {
        let found = self.elements.iter().position(|element| element.name == name);
        found.ok_or_else(|| Error::Unknown { what: "node or service", name: name.to_owned() })
    }

    /// Places of the services, in the order of the file.
    pub fn services(&self) -> impl Iterator<Item = usize> + '_ {
        let is_service = |&place: &usize| self.elements[place].kind == Kind::Service;
        (0..self.elements.len()).filter(is_service)
    }

    /// Whether everybody can reach the zone that it stands in.
    pub fn is_public(&self, place: usize) -> bool {
        self.exposure(place) == Some(Exposure::Internet)
    }

    /// The exposure of the zone that it stands in.
    pub fn exposure(&self, place: usize) -> Option<Exposure> {
        let area = self.elements.get(place)?.area?;
        self.areas.get(area).map(|area| area.exposure)
    }

    /// Whether the institution itself runs it.
    pub fn is_own(&self, place: usize) -> bool {
        self.elements.get(place).is_none_or(|element| self.party(element).is_none_or(|party| party.own))
    }

    /// Who runs it.
    pub fn party(&self, element: &Element) -> Option<&Party> {
        self.parties.get(element.party)
    }

    /// Elements in an order in which what is needed comes before what needs it.
    ///
    /// # Errors
    /// When needs go in a circle.
    pub fn order(&self) -> Result<Vec<usize>, Error> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let needed = self.needed();
        let mut marks = vec![Mark::New; self.elements.len()];
        let mut order = Vec::with_capacity(self.elements.len());
        for start in 0..self.elements.len() {
            if marks[start] != Mark::New {
                continue;
            }
            marks[start] = Mark::Open;
            let mut path = vec![(start, 0)];
            while let Some((at, followed)) = path.last_mut() {
                let Some(&next) = needed[*at].get(*followed) else {
                    marks[*at] = Mark::Done;
                    order.push(*at);
                    path.pop();
                    continue;
                };
                *followed += 1;
                match marks[next] {
                    Mark::Done => {}
                    Mark::Open => return Err(Error::Circle(self.elements[next].name.clone())),
                    Mark::New => {
                        marks[next] = Mark::Open;
                        path.push((next, 0));
                    }
                }
            }
        }
        Ok(order)
    }

    /// What each element needs, each thing once.
    pub fn needed(&self) -> Vec<Vec<usize>> {
        let list = |element: &Element| {
            let mut list = element.needs.as_ref().map(Expression::elements).unwrap_or_default();
            list.retain(|&place| place < self.elements.len());
            let mut seen = std::collections::BTreeSet::new();
            list.retain(|place| seen.insert(*place));
            list
        };
        self.elements.iter().map(list).collect()
    }

    /// Everything that an element needs, directly or through others, itself left out.
    pub fn needed_by(&self, place: usize) -> Vec<usize> {
        let mut seen = vec![false; self.elements.len()];
        let mut list = Vec::new();
        let mut open = vec![place];
        while let Some(at) = open.pop() {
            let Some(needs) = self.elements.get(at).and_then(|element| element.needs.as_ref()) else {
                continue;
            };
            for next in needs.elements() {
                if let Some(mark) = seen.get_mut(next)
                    && !std::mem::replace(mark, true)
                {
                    list.push(next);
                    open.push(next);
                }
            }
        }
        list
    }

    /// The same without any cause.
    pub(crate) fn without_causes(&self) -> Self {
        let mut model = self.clone();
        model.elements.iter_mut().for_each(|element| element.causes.clear());
        model.causes.clear();
        model
    }

    /// Which elements fail when these events happen. The plain meaning of the model, without any cut set; it takes one
    /// pass over everything.
    ///
    /// # Errors
    /// When needs go in a circle.
    pub fn failing(&self, events: &[Event]) -> Result<Vec<bool>, Error> {
        Ok(Failing::new(self)?.of(events).to_vec())
    }
}

pub(crate) fn fails(needs: &Expression, failing: &[bool]) -> bool {
    match needs {
        Expression::Element(place) => failing.get(*place).copied().unwrap_or(false),
        Expression::All(list) => list.iter().any(|part| fails(part, failing)),
        Expression::Any { count, of } => of.iter().filter(|part| !fails(part, failing)).count() < *count,
    }
}

fn areas(institution: &Institution) -> Vec<Area> {
    let area = |zone: &institution::Zone| Area {
        name: zone.id.clone(),
        title: zone.name.clone(),
        exposure: zone.exposure,
        party: zone.organisation.index(),
    };
    institution.zones.iter().map(area).collect()
}

fn parties(institution: &Institution) -> Vec<Party> {
    let party = |organisation: &institution::Organisation| Party {
        name: organisation.id.clone(),
        title: organisation.name.clone(),
        own: organisation.kind == OrganisationKind::Own,
    };
    institution.organisations.iter().map(party).collect()
}
