//! What a reader asks for.

use serde::{Deserialize, Serialize};

use crate::{Kind, Severity};

/// Which floods or entries. Everything that is given must hold; the default is everything.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// At or after, nanoseconds since 1970. Of floods: not over before this.
    pub from: Option<i64>,
    /// Before. Of floods: begun before this.
    pub to: Option<i64>,
    /// The name of the target, or one of its addresses, in full.
    pub target: Option<String>,
    /// A vector, by its name.
    pub vector: Option<String>,
    /// A service, by its name.
    pub service: Option<String>,
    /// Only what one of these organisations may see. None: everything, for who may see everything. An empty list is
    /// nothing at all.
    pub organisations: Option<Vec<String>>,
    /// Words that all stand in names, addresses, vectors, reasons; without regard to case. At most 8 of 128 bytes.
    pub text: Option<String>,
    /// At least so severe (floods only).
    pub severity: Option<Severity>,
    /// `flood` or `surge` (floods only).
    pub event: Option<String>,
    /// Only those that are not over (floods only).
    pub ongoing: bool,
    /// One of these kinds (entries only); empty: all.
    pub kinds: Vec<Kind>,
    /// Who did it, as `person:anna` (entries only).
    pub actor: Option<String>,
    /// What it is about (entries only).
    pub subject: Option<String>,
}

/// Which part of what was found, newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Page {
    /// Go on after this: [`PageOf::next`] of the page before.
    pub after: Option<String>,
    /// At most so many; 1,000 at most are given.
    pub limit: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

/// One page of what was found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct PageOf<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last one.
    pub next: Option<String>,
}
