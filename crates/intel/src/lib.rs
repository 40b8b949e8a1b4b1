//! Intelligence that others give: STIX 2.1, TAXII 2.1, MISP, CSV; indicators, markings, decay, profiles.
//!
//! Bytes and texts come in, values go out: this room opens no file and no socket and has no clock. [`stix`] keeps every object as it came;
//! [`indicator`] holds what can be matched, a million of them and more; [`tlp`] decides on every way out; [`taxii`] says what to ask of a server and is told
//! what came.
//!
//! # Limits
//! * Every list has a named bound; a bad element costs itself and is counted.
//! * Patterns that ask for more than one observation are kept and not matched ([`pattern`]).
//! * What expires is never deleted: it is worth nothing until it is seen again ([`decay`]).

pub mod decay;
pub mod feed;
mod filter;
mod flat;
pub mod host;
mod index;
pub mod indicator;
pub mod list;
pub mod misp;
pub mod pattern;
pub mod profile;
pub mod scale;
pub mod source;
pub mod stix;
pub mod table;
pub mod taxii;
pub mod technique;
pub mod time;
pub mod tlp;
mod uuid;
pub mod warning;
pub mod words;
