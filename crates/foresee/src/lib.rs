//! Graded odds of being a target, the look-up in lists of targets, the calendar.
//!
//! Texts come in, values go out: this room opens no file and no socket and has no clock. Three things it says, from sure to unsure:
//!
//! 1. **LISTED** ([`listed`]): something of ours stands on a fresh list of targets. A fact.
//! 2. **Odds** ([`outlook`](mod@outlook)): how likely the country, our house, and a degradation are within days; base rate times memory times the factors of
//!    events that the past supports ([`factor`]). Shown only as far as [`backtest`] says that it is better than knowing how often it happens.
//! 3. **Readiness** ([`readiness`]): what follows for people and for the detector, with an end.
//!
//! Most votes bring nothing, national elections matter, waves cluster, and first strikes are mostly not foreseen; docs/foresee.md has the measurements.
//!
//! # Limits
//! * Nothing is said of the size or the hour of an attack, of its success, or of actors without a list of their own.
//! * A day without a snapshot is unknown, an event is used from the day on that it is known, and a row that would make a run look ahead stops it.
//! * Every table has a named bound.

pub mod backtest;
pub mod baseline;
pub mod calendar;
mod day;
pub mod event;
pub mod factor;
pub mod issued;
pub mod listed;
pub mod memory;
pub mod mix;
pub mod model;
pub mod numbers;
pub mod onset;
pub mod outlook;
pub mod own;
pub mod panel;
mod problem;
pub mod readiness;
pub mod scenario;
pub mod score;
pub mod synthetic;
pub mod targets;
mod technique;
pub mod walk;
pub mod words;

pub use day::Day;
pub use outlook::{Outlook, Past, outlook};
pub use problem::Problem;
pub use technique::Technique;
