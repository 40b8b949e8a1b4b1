//! The record from outside: what is acknowledged, what is found, what is hidden, what survives.

mod crash;
mod disks;
mod evidence;
mod floods;
mod ledger;
mod persons;
mod series;
mod support;
