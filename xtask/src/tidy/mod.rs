//! Rules of the house that no other tool checks. Each is a function from the checkout to complaints, so each can be
//! tested on a folder made for it.

mod data;
mod layers;
mod links;
mod source;

use std::path::Path;

use anyhow::Result;

use crate::repo;
use crate::test::report::Report;

/// One thing that is not as it should be: where, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    place: String,
    text: String,
}

impl Complaint {
    fn new(place: impl std::fmt::Display, text: impl Into<String>) -> Self {
        Self { place: place.to_string(), text: text.into() }
    }
}

type Check = fn(&Path) -> Result<Vec<Complaint>>;

const CHECKS: &[(&str, Check)] = &[
    ("file length", source::lengths),
    ("unfinished code", source::unfinished),
    ("ignored tests say why", source::ignored_tests),
    ("no place outside the repository", source::outside_places),
    ("links in Markdown", links::check),
    ("provenance of data", data::check),
    ("layers", layers::check),
    ("architecture names every crate", layers::architecture),
];

/// All rules. A rule that holds counts as one passed check, each complaint as one failure.
pub(crate) fn check() -> Report {
    let root = repo::root();
    let mut report = Report::default();
    for (name, check) in CHECKS {
        // A rule that cannot be checked is broken, and the others still count.
        let complaints =
            check(&root).unwrap_or_else(|error| vec![Complaint::new("cannot check", format!("{error:#}"))]);
        if complaints.is_empty() {
            report.passed += 1;
        }
        for complaint in complaints {
            report.fail(&format!("tidy, {name}: {}", complaint.place), &complaint.text);
        }
    }
    report
}
