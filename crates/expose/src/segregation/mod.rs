//! What is kept apart and what is not: rules with their sources, what was seen against what is declared, what depends on
//! what by the looks of it, and what has changed between two versions of a file.

mod checks;
mod conduits;
mod drift;
mod gaps;
mod mining;
mod reach;
mod rules;
mod watch;

pub use drift::{Drift, MAXIMUM_DRIFTS, MAXIMUM_OF_PAIR, MAXIMUM_WITNESSES};
pub use mining::{LEAST_OBSERVATIONS, Proposal};
pub use reach::{Opening, Reachability, differences};
pub use rules::{RULES, Rule, State, Verdict, judge};
pub use watch::{MAXIMUM_FLOWS, Observed, Seen, Watch};
