//! Records to floods: which target, made of what, since when, how sure.
//!
//! Read in this order: [`Observation`] is what comes in, [`Vector::of`] its kind; `judge` asks the memory of
//! conversations whether it was wanted; `target` counts and tests, with the floors of [`rules`]; `confirm` looks
//! at the sketches of a suspect; [`Detector`] ties them together and writes [`Event`]s.
//!
//! The room is pure: time comes with the records, nothing is random, and memory is bounded by
//! [`Limits`], whatever comes. It does not know how anything is filtered.

mod campaign;
mod confirm;
mod conversation;
mod counters;
mod detector;
pub mod event;
mod fade;
mod flood;
mod judge;
mod learning;
mod meter;
mod near;
mod observation;
pub mod policy;
mod prepare;
mod readiness;
mod reason;
mod reservoir;
pub mod rules;
mod sampled;
mod scope;
mod sequential;
mod shape;
mod suspect;
mod tally;
mod target;
mod targets;
mod vector;
pub mod web;

pub use conversation::DEFAULT_CONVERSATIONS;
pub use counters::Counters;
pub use detector::{Detector, LATE_AFTER_SECONDS, LOSS_SECONDS, Learnt, LearntTarget, Limits, Usually};
pub use event::{Event, FloodEvent, Phase};
pub use flood::HOLD_SECONDS;
pub use learning::{Learning, SETTLE_PACKETS_PER_SECOND, SETTLE_SECONDS};
pub use meter::Metered;
pub use observation::{Observation, Opening, Quoted, are_bytes_enough, possible_packets};
pub use prepare::{Batch, Preparer};
pub use readiness::{
    FALSE_ALARMS_FACTOR, FLOOR_FALSE_ALARMS, LEAST_FLOORS, LEVEL_FALSE_ALARMS, LoweredFloors, Readiness,
    ReadinessState,
};
pub use scope::{MAXIMUM_AUTOMATIC_PREFIXES, Scope};
pub use suspect::DEFAULT_SUSPECTS;
pub use target::STEP_NANOSECONDS;
pub use targets::DEFAULT_TARGETS;
pub use vector::{VECTOR_COUNT, Vector};
