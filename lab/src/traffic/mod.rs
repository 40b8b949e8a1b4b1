//! Traffic made from the protocols' point of view: what hosts say to each other on an ordinary day, and floods.
//!
//! Rates and sizes are what an operator would call ordinary or a flood; they are not taken from the detector.

pub(crate) mod busy;
pub(crate) mod captured;
pub(crate) mod export;
pub(crate) mod flood;
pub(crate) mod hosts;
pub(crate) mod ordinary;
pub(crate) mod packet;
pub(crate) mod service;
