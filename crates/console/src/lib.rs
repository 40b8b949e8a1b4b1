//! What people see and touch: an HTTP API, pages, sign-in and roles.
//!
//! ```text
//!  binary ──▶ Live (a snapshot, lines of events) ─┐
//!  record ──▶ Archive, Journal ───────────────────┼──▶ table of routes ──▶ gate ──▶ pages, API, stream of events
//!  people.sqlite3 ──▶ People ─────────────────────┘     (who may what)
//! ```
//!
//! [`start`] runs it on two threads of its own and returns a [`Handle`] that stops it. The console computes nothing that a
//! room should: how a service is, is told to it in [`live::Snapshot`]; what was, it reads through [`Archive`].
//!
//! # What holds
//! * Only sign-in, health, signed webhooks and static assets answer without a session ([`ROUTES`]).
//! * What belongs to another organisation is as if it were not there.
//! * No page has anything inline or from elsewhere; every page is readable without the script.
//! * Nobody who is slow, silent or many keeps others out: every queue, table, head, body and time has a limit.
//!
//! # Limits
//! HTTP/1.1 only. Behind a proxy every client has the proxy's address, so the allowance of addresses
//! (see `people/throttle.rs`) is then shared by all strangers; known devices are not touched by it.

pub(crate) mod api;
mod archive;
mod countries;
pub mod exposure;
mod http;
pub mod live;
mod oidc;
mod options;
pub mod outlook;
pub(crate) mod pages;
pub mod people;
mod runbooks;

pub use archive::{Archive, Journal};
pub use countries::Countries;
pub use http::{
    Answer, Door, ExternalFlood, Handle, Look, Parameter, ROUTES, Reach, Route, start, start_with,
};
pub use live::Live;
pub use oidc::{Provider, Rule};
pub use options::{
    Belongs, Complain, Error, Figures, Judge, Judgement, MAXIMUM_CONNECTIONS, MAXIMUM_CONNECTIONS_OF_ADDRESS,
    MAXIMUM_EVENT_READERS, Options, Outside, Patience, Signer, Tls,
};
pub use runbooks::{Alarm, RUNBOOKS, runbook};
