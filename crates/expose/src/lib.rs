//! What an institution is exposed to: single points of failure, what a flood outside takes down inside, and what is
//! kept apart and what is not.
//!
//! ```text
//! institution file ──▶ Model ──▶ cut sets ──▶ findings with a witness, importance, fixes
//!                                    └──────▶ flood coupling table: the prediction that an explanation is tested by
//!                  flows ──▶ Watch ──▶ drift from the conduits, dependencies as proposals
//! ```
//!
//! [`Exposure::of`] works everything out once; [`Couplings`] is the table. The room computes from names and numbers that
//! somebody wrote down: what is not written down is unknown, which is a value of its own here, and never guessed.
//!
//! # What holds
//! * Cut sets are exactly the minimal ones up to [`MAXIMUM_ORDER`] events; where a limit was reached, [`CutSets::complete`] says so.
//! * A second of something never makes a smaller cut set, and removing knowledge of a capacity never removes a row or a finding.
//!
//! # Limits
//! No files, sockets or clocks. Failures are taken as they are declared: what shares a cause without saying so is not seen.

mod analysis;
mod capacity;
mod change;
mod coupling;
mod cuts;
mod difference;
mod dominators;
mod failing;
mod fixes;
pub mod import;
mod importance;
mod model;
mod network;
pub mod picture;
pub mod segregation;
mod set;
mod unit;
mod witness;

pub use analysis::{Exposure, Finding, Weight, worth};
pub use capacity::{MAXIMUM_CHOICES, MAXIMUM_ELEMENTS, Range};
pub use change::Change;
pub use coupling::{Coupling, Couplings, MAXIMUM_ROWS, MAXIMUM_ROWS_OF_TARGET, loaded};
pub use cuts::{CutSets, MAXIMUM_SETS, MAXIMUM_SETS_OF_ALL, MAXIMUM_STEPS, SMALLEST_SHARE, cut_sets};
pub use difference::{Difference, MAXIMUM_QUESTIONS, Row, difference};
pub use dominators::{chain, dominators};
pub use fixes::{Fix, Remedy, fixes};
pub use importance::{ASSUMED_PROBABILITY, Importance, importance, probability};
pub use model::{Area, Element, Error, Event, Expression, Kind, Model, Party};
pub use set::{CutSet, MAXIMUM_ORDER};
pub use unit::{
    End, HOLD_SECONDS, NAME_QUERY_BITS, Reach, SMALLEST_PACKET_BITS, Unit, WEB_REQUEST_BITS, carries, end_of,
    is_finite, limits_of,
};
pub use witness::{INTERNET, Witness};
