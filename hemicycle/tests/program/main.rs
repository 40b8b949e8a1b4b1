//! Drives the real program, as a person or a script does.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod check;
mod damage;
mod demo;
mod doctor;
mod events;
mod exporter;
mod expose;
mod foresee;
mod inputs;
mod learn;
mod ledger;
mod logs;
mod support;
mod usage;
