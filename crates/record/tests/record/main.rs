//! The record from outside: what is acknowledged, what is found, what is hidden, what survives.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod crash;
mod damage;
mod disks;
mod evidence;
mod floods;
mod ledger;
mod persons;
mod series;
mod support;
