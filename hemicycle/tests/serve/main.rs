//! Drives the real service over loopback, as exporters, operators and those who ask for figures do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod browser;
mod certificate;
#[path = "../../../crates/console/tests/browser/mod.rs"]
mod chromium;
mod disk;
mod evidence;
mod export;
mod figures;
mod floods;
mod hostile;
mod indicators;
mod learning;
mod logs;
mod losses;
mod mirror;
mod notify;
mod office;
mod person;
mod ready;
mod reload;
mod requests;
mod same;
mod service;
mod start;
mod system;
mod traces;
mod web;
mod web_learning;
