//! The institution file: what is protected, who runs it, what needs what, and which address is whose.
//!
//! [`parse`] reads the whole file, or says everything that is wrong with it in one go. The result is fully
//! resolved: names have become dense numbers, and [`Index`] answers for any address in about ten nanoseconds.
//!
//! Limits: this room opens no file, no socket and no clock; text comes in, values go out. What a file may be
//! at most is in the constants here.

mod describe;
mod index;
mod kinds;
mod model;
mod needs;
mod parse;
mod problem;
mod protected;
pub mod reader;
mod reference;
mod schema;

pub use describe::{Counts, Notice, Summary, describe};
pub use index::{Index, Lookup};
pub use kinds::Choice;
pub use model::*;
pub use needs::{Element, Needs};
pub use parse::{
    INTERNET, MAXIMUM_FILE_BYTES, MAXIMUM_ITEMS, MAXIMUM_NEEDS_DEPTH, MAXIMUM_NEEDS_ELEMENTS,
    MAXIMUM_SERVICES_PER_ADDRESS, MAXIMUM_TARGET_SETTINGS, OWN, SHORTEST_ALLOWED_IPV4, SHORTEST_ALLOWED_IPV6,
    parse,
};
pub use problem::{MAXIMUM_PROBLEMS, MAXIMUM_SHOWN_LINE_BYTES, Problem, Problems, Severity};
pub use reader::{MAXIMUM_NAME_CHARACTERS, MAXIMUM_TEXT_CHARACTERS};
pub use reference::reference;
pub use schema::{Key, Kind, Section, VECTOR_NAMES};
