//! What would be different if something were changed: a second of something, a firewall of one's own, a cause taken
//! apart, a capacity.

use crate::model::{Element, Error, Expression, Model};
use crate::unit::Unit;

/// A change that can be tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A second one of an element, with the same needs and no cause in common: `second:NAME`.
    Second(String),
    /// An own one for these services, everybody else keeps the old: `split:NAME:SERVICE,SERVICE`.
    Split(String, Vec<String>),
    /// An element does not share this cause any more: `apart:NAME:CAUSE`.
    Apart(String, String),
    /// Another capacity: `capacity:NAME:UNIT=NUMBER`.
    Capacity(String, Unit, f64),
    /// One more need, together with the others: `need:NAME:ELEMENT`.
    Need(String, String),
}

impl std::str::FromStr for Change {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            let forms = "second:NAME, split:NAME:SERVICE,..., apart:NAME:CAUSE, capacity:NAME:UNIT=NUMBER, need:NAME:ELEMENT";
            Error::Change(format!("{text:?} is no change; the forms are {forms}"))
        };
        let mut parts = text.splitn(3, ':');
        let (verb, name) = (parts.next().unwrap_or_default(), parts.next().ok_or_else(wrong)?);
        let rest = parts.next();
        let name = name.to_owned();
        match (verb, rest) {
            ("second", None) => Ok(Self::Second(name)),
            ("split", Some(rest)) => Ok(Self::Split(name, rest.split(',').map(str::to_owned).collect())),
            ("apart", Some(cause)) => Ok(Self::Apart(name, cause.to_owned())),
            ("need", Some(other)) => Ok(Self::Need(name, other.to_owned())),
            ("capacity", Some(rest)) => {
                let (unit, number) = rest.split_once('=').ok_or_else(wrong)?;
                let unit = Unit::named(unit).ok_or_else(wrong)?;
                let number: f64 = number.parse().map_err(|_| wrong())?;
                let good = number.is_finite() && number > 0.0;
                good.then_some(Self::Capacity(name, unit, number)).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }
}

impl Model {
    /// The model with a change made.
    ///
    /// # Errors
    /// When the change names something that is not there.
    pub fn changed(&self, change: &Change) -> Result<Self, Error> {
        let mut model = self.clone();
        match change {
            Change::Second(name) => {
                let place = self.find(name)?;
                let twin = model.twin(place, "second");
                model.elements[place].needs.clone_from(&self.elements[place].needs);
                for (at, element) in model.elements.iter_mut().enumerate().filter(|(at, _)| *at != twin) {
                    if at != place
                        && let Some(needs) = &mut element.needs
                    {
                        add_to(needs, place, twin);
                    }
                }
            }
            Change::Split(name, services) => {
                let place = self.find(name)?;
                let places: Vec<usize> =
                    services.iter().map(|name| self.find(name)).collect::<Result<_, _>>()?;
                let own = model.twin(place, "own");
                for place_of_service in places {
                    if let Some(needs) = &mut model.elements[place_of_service].needs {
                        replace(needs, place, own);
                    }
                }
            }
            Change::Apart(name, cause) => {
                let place = self.find(name)?;
                let which = self.causes.iter().position(|known| known == cause);
                let which =
                    which.ok_or_else(|| Error::Unknown { what: "shared cause", name: cause.clone() })?;
                model.elements[place].causes.retain(|&known| known != which);
            }
            Change::Capacity(name, unit, number) => {
                let place = self.find(name)?;
                unit.set(&mut model.elements[place].capacity, Some(*number));
            }
            Change::Need(name, other) => {
                let (place, other) = (self.find(name)?, self.find(other)?);
                let more = Expression::Element(other);
                let needs = model.elements[place].needs.take();
                model.elements[place].needs = Some(match needs {
                    Some(needs) => Expression::All(vec![needs, more]),
                    None => more,
                });
                model.order()?;
            }
        }
        Ok(model)
    }

    /// A copy of an element at the end, without causes: what is meant to stand in must not share them.
    fn twin(&mut self, place: usize, word: &str) -> usize {
        let mut name = format!("{}-{word}", self.elements[place].name);
        while self.elements.iter().any(|element| element.name == name) {
            name.push('+');
        }
        let twin = Element { name, causes: Vec::new(), ..self.elements[place].clone() };
        self.elements.push(twin);
        self.elements.len() - 1
    }
}

/// Wherever one is needed, one of both is enough from now on.
fn add_to(needs: &mut Expression, place: usize, twin: usize) {
    match needs {
        Expression::Element(at) if *at == place => {
            let of = vec![Expression::Element(place), Expression::Element(twin)];
            *needs = Expression::Any { count: 1, of };
        }
        Expression::Element(_) => {}
        Expression::All(list) | Expression::Any { of: list, .. } => {
            list.iter_mut().for_each(|part| add_to(part, place, twin));
        }
    }
}

fn replace(needs: &mut Expression, place: usize, other: usize) {
    match needs {
        Expression::Element(at) if *at == place => *at = other,
        Expression::Element(_) => {}
        Expression::All(list) | Expression::Any { of: list, .. } => {
            list.iter_mut().for_each(|part| replace(part, place, other));
        }
    }
}
