//! What the institution is exposed to, as it is shown: a picture and tables of words.
//!
//! The room `expose` computes it and the binary puts it into these words; the console only shows them, on its page and as
//! a document that stands alone ([`document`]). There is one view for who sees the whole house and one for each organisation,
//! so that nothing has to be left out here.

use std::collections::BTreeMap;

use serde::Serialize;

/// Views by who sees them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exposure {
    /// For who sees the whole house.
    pub house: View,
    /// For accounts of one organisation, by its key.
    pub organisations: BTreeMap<String, View>,
}

impl Exposure {
    /// What somebody sees; nothing known is an empty view.
    pub(crate) fn of(&self, organisation: Option<&str>) -> View {
        match organisation {
            None => self.house.clone(),
            Some(key) => self.organisations.get(key).cloned().unwrap_or_default(),
        }
    }
}

/// Everything that one kind of reader sees.
#[derive(Debug, Clone, Default, PartialEq, Serialize, schemars::JsonSchema)]
pub struct View {
    /// The graph, an SVG element made by the room; every name in it is escaped.
    #[serde(skip)]
    pub picture: String,
    /// Elements that there was no room for in the picture.
    pub omitted: usize,
    /// In a few sentences.
    pub remarks: Vec<String>,
    /// Single points of failure, the worst first.
    pub single_points: Vec<SinglePoint>,
    /// Every other element, for the links of the picture.
    pub elements: Vec<Element>,
    /// The flood coupling table.
    pub couplings: Vec<Coupling>,
    /// Floods that came: what they were predicted to take down, and what was seen.
    pub tested: Vec<Tested>,
    /// What to do first.
    pub fixes: Vec<Fix>,
    /// Rules that fail or are unknown, the failed first.
    pub rules: Vec<Rule>,
}

/// What stops services alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SinglePoint {
    /// Its place in the picture; none for a cause, which has none.
    pub place: Option<usize>,
    /// Its name.
    pub element: String,
    /// What it is.
    pub kind: String,
    /// Who runs it, if that is outside own control.
    pub outside_control: Option<String>,
    /// The services, the most critical first.
    pub services: Vec<String>,
    /// A path from outside to each of the first few of them.
    pub witnesses: Vec<Vec<String>>,
}

/// An element that stops nothing alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Element {
    /// Its place in the picture.
    pub place: usize,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Who runs it, if that is outside own control.
    pub outside_control: Option<String>,
    /// What it needs, in words.
    pub needs: String,
    /// What stops it: how many sets of which size, in words.
    pub stopped_by: String,
    /// What it carries, in words.
    pub capacity: String,
}

/// A row of the coupling table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Coupling {
    /// The public service.
    pub target: String,
    /// What gives way.
    pub elements: Vec<String>,
    /// At which size, in words.
    pub size: String,
    /// Whether the target asks it, instead of traffic passing it.
    pub asked: bool,
    /// Whether the size is one known number, or not known at all.
    pub certain: bool,
    /// What else is lost.
    pub inside: Vec<String>,
}

/// A flood that came beside its prediction, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Tested {
    /// When it began.
    pub at: String,
    /// What it hit.
    pub target: String,
    /// What it was predicted to take down.
    pub predicted: String,
    /// What was seen.
    pub shown: String,
    /// Whether that is as predicted, or cannot be told.
    pub verdict: String,
}

/// Something to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Fix {
    /// What.
    pub text: String,
    /// Who is helped.
    pub services: Vec<String>,
}

/// A rule that is not passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Rule {
    /// `fail` or `unknown`.
    pub state: String,
    /// Its id.
    pub id: String,
    /// What is asked.
    pub question: String,
    /// What it is about.
    pub subject: String,
    /// Why.
    pub detail: String,
    /// Where the rule comes from.
    pub sources: String,
}

pub use crate::pages::exposure::document;
