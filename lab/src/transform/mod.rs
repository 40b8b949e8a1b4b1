//! The same traffic, changed in what a detector must not depend on: addresses, time, family.

pub(crate) mod address;
pub(crate) mod ipv6;
pub(crate) mod mix;

#[cfg(test)]
mod tests;
