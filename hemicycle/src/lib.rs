//! The wiring between the rooms, without any logic of theirs. The binary and the laboratory use it alike.

pub mod baselines;
pub mod exporters;
pub mod intelligence;
pub mod pipeline;
pub mod sites;
pub mod web_baselines;
