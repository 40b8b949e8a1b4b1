//! What people see and touch.
#![allow(missing_docs, dead_code)]
pub mod people;
