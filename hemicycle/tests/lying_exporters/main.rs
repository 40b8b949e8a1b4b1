//! Exporters that lie: floods that others see are found in time, and nothing is found that only absurd numbers say.
//!
//! Each lie is told twice: in data time, where the flood of the honest exporter must begin when it begins without the
//! liar, and over loopback to the real service, which must say what it did with the lie.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

#[allow(dead_code, reason = "shared with the tests of the service")]
#[path = "../serve/service.rs"]
mod service;

mod copies;
mod export;
mod lies;
mod numbers;
mod stage;
mod strangers;
mod templates;
