//! What the file would have to say before a rule could be passed.
//!
//! A rule that finds nothing has looked at what is written down. Where that is not enough to answer the question, the answer is
//! unknown, so that leaving something out of the file never turns a finding into a pass. Two things are taken as the file's reference
//! has them and are no gaps: a default that is written there, and that a node which carries no traffic and needs nothing stands by itself.

use std::collections::BTreeSet;

use institution::{Criticality, Exposure as Reachable, Institution, NodeKind};

use super::checks::{Answer, is_inside, listed, serves_directory};
use super::rules::State;
use crate::analysis::Exposure;
use crate::cuts::CutSets;
use crate::model::{Expression, Kind, Model};
use crate::set::MAXIMUM_ORDER;
use crate::unit::carries;

/// Machines on which services run.
pub(super) const MACHINES: [NodeKind; 4] =
    [NodeKind::Hypervisor, NodeKind::Storage, NodeKind::Server, NodeKind::Switch];

/// Why a rule cannot be passed, whatever its checks found.
pub(super) fn gaps(id: &str, institution: &Institution, exposure: &Exposure) -> Vec<Answer> {
    let model = &exposure.model;
    let look = Look { model, exposure };
    let conduits = || match institution.conduits.is_empty() {
        true => vec!["the file declares no conduit".to_owned()],
        false => Vec::new(),
    };
    let details: Vec<String> = match id {
        "SPOF-01" => {
            look.not_searched(1, |place| model.elements[place].criticality != Criticality::Supporting)
        }
        "SPOF-02" => [look.silent(|_| true), look.alternatives()].concat(),
        "SPOF-04" => look.not_searched(1, |_| true),
        "CAP-01" => [look.silent(|place| model.is_public(place)), look.open_ends(), look.left_out()].concat(),
        "SEG-01" => [
            look.silent(|_| true),
            look.open_ends(),
            look.left_out(),
            look.not_searched(MAXIMUM_ORDER, |_| true),
        ]
        .concat(),
        "SEG-03" => [look.silent(|_| true), look.without(&[NodeKind::Firewall], "firewall")].concat(),
        "SEG-04" => [look.silent(|place| model.is_public(place)), look.directory(), conduits()].concat(),
        "SEG-05" => [look.silent(|place| model.is_public(place)), look.isolated()].concat(),
        "SEG-02" | "SEG-07" | "SEG-08" | "SEG-09" | "SEG-11" => conduits(),
        "SEG-10" => [look.silent(|_| true), look.without(&MACHINES, "machine")].concat(),
        _ => Vec::new(),
    };
    details.into_iter().map(|detail| (State::Unknown, String::new(), detail)).collect()
}

struct Look<'e> {
    model: &'e Model,
    exposure: &'e Exposure,
}

impl Look<'_> {
    fn named(&self, places: impl IntoIterator<Item = usize>, before: &str, after: &str) -> Vec<String> {
        let names: Vec<&str> =
            places.into_iter().map(|place| self.model.elements[place].name.as_str()).collect();
        match names.is_empty() {
            true => Vec::new(),
            false => vec![format!("{before} {} {after}", listed(names)).trim_end().to_owned()],
        }
    }

    /// Services of which the file does not say what they need.
    fn silent(&self, concerns: impl Fn(usize) -> bool) -> Vec<String> {
        let silent = self.model.services().filter(|&place| {
            let stands_somewhere = self
                .model
                .exposure(place)
                .is_some_and(|exposure| exposure == Reachable::Internet || is_inside(exposure));
            stands_somewhere && concerns(place) && self.model.elements[place].needs.is_none()
        });
        self.named(silent, "the file does not say what is needed by", "")
    }

    /// Services of which not all cut sets up to an order, or larger ones, were looked for.
    fn not_searched(&self, order: usize, concerns: impl Fn(usize) -> bool) -> Vec<String> {
        let is_short = |cuts: &CutSets| cuts.complete < order || order == MAXIMUM_ORDER && cuts.truncated;
        let short = self.exposure.services().filter(|(_, cuts)| is_short(cuts)).map(|(place, _)| place);
        self.named(short.filter(|&place| concerns(place)), "not everything was looked for that stops", "")
    }

    /// What traffic of public services passes and where it comes from is not said.
    fn open_ends(&self) -> Vec<String> {
        let model = self.model;
        let public = model.services().filter(|&place| model.is_public(place));
        let ends = |&place: &usize| {
            let element = &model.elements[place];
            let is_line = element.kind == Kind::Node(NodeKind::Link);
            matches!(element.kind, Kind::Node(kind) if carries(kind)) && !is_line && element.needs.is_none()
        };
        let passed: BTreeSet<usize> = self.exposure.needed_by_all(public).into_iter().filter(ends).collect();
        self.named(passed, "the file does not say what lies before", "")
    }

    /// Rows of the coupling table that are not there.
    fn left_out(&self) -> Vec<String> {
        let table = &self.exposure.couplings;
        let mut details = Vec::new();
        if table.omitted > 0 {
            details.push(format!("{} rows of the coupling table were left out", table.omitted));
        }
        if !self.model.services().any(|place| self.model.is_public(place)) {
            details.push("no service stands in a zone that everybody can reach".to_owned());
        }
        details
    }

    /// Elements that stand in for each other and of which neither a cause nor a provider is said.
    fn alternatives(&self) -> Vec<String> {
        let (mut any, mut silent) = (false, BTreeSet::new());
        for needs in self.model.elements.iter().filter_map(|element| element.needs.as_ref()) {
            super::checks::gates(needs, &mut |_, of| {
                any = true;
                let members = of.iter().filter_map(|part| match part {
                    Expression::Element(at) => Some(*at),
                    _ => None,
                });
                silent.extend(members.filter(|&at| {
                    let element = &self.model.elements[at];
                    element.causes.is_empty() && element.provider.is_none()
                }));
            });
        }
        if !any {
            return vec!["the file names nothing that stands in for something else".to_owned()];
        }
        self.named(silent, "neither a shared cause nor a provider is written down of", "")
    }

    /// Public and inside services that need none of some kinds of nodes.
    fn without(&self, kinds: &[NodeKind], word: &str) -> Vec<String> {
        let model = self.model;
        let concerned = model.services().filter(|&place| {
            let exposure = model.exposure(place);
            exposure.is_some_and(|exposure| exposure == Reachable::Internet || is_inside(exposure))
                && model.elements[place].needs.is_some()
        });
        let wanted =
            |place: &usize| matches!(model.elements[*place].kind, Kind::Node(kind) if kinds.contains(&kind));
        let without: Vec<usize> =
            concerned.filter(|&place| !self.exposure.needed_by_all([place]).iter().any(wanted)).collect();
        self.named(without, &format!("the file names no {word} that is needed by"), "")
    }

    /// Whether a directory is named at all.
    fn directory(&self) -> Vec<String> {
        let has = self.model.elements.iter().any(|element| serves_directory(element.kind));
        if has { Vec::new() } else { vec!["the file names no directory".to_owned()] }
    }

    /// What stands in isolated zones and of which the needs are not said.
    fn isolated(&self) -> Vec<String> {
        let model = self.model;
        let silent = (0..model.elements.len()).filter(|&place| {
            model.exposure(place) == Some(Reachable::Isolated) && model.elements[place].needs.is_none()
        });
        self.named(silent, "the file does not say what is needed by", "")
    }
}
