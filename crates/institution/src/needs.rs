//! What a service or node needs, as a tree of `all` and `any k of`.

use crate::model::{NodeId, ServiceId};

/// A condition on other elements. Depth and size are bounded by the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Needs {
    /// One element.
    Element(Element),
    /// Every one of these.
    All(Vec<Needs>),
    /// At least so many of these.
    Any {
        /// How many; at least one and at most the length of the list.
        count: usize,
        /// Of which.
        of: Vec<Needs>,
    },
}

/// What can be needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    /// A node.
    Node(NodeId),
    /// A service.
    Service(ServiceId),
}

impl Needs {
    /// Calls `visit` for every element, from left to right.
    pub fn for_each(&self, visit: &mut impl FnMut(Element)) {
        match self {
            Self::Element(element) => visit(*element),
            Self::All(list) | Self::Any { of: list, .. } => {
                for needs in list {
                    needs.for_each(visit);
                }
            }
        }
    }

    /// Whether some part of it can fail without the whole failing.
    pub fn has_redundancy(&self) -> bool {
        match self {
            Self::Element(_) => false,
            Self::All(list) => list.iter().any(Self::has_redundancy),
            Self::Any { count, of } => *count < of.len() || of.iter().any(Self::has_redundancy),
        }
    }
}
