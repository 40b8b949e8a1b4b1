//! Captures as they are.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use wire::Address;
use wire::packet::{LinkType, decode};

use super::case::{Case, Input};
use super::score::{Expected, On};
use crate::dataset::{Labelled, Stage};
use crate::trace::Trace;

/// A labelled capture, read.
pub(crate) struct Capture {
    /// Its row.
    pub(crate) row: Labelled,
    /// Its IP packets.
    pub(crate) trace: Arc<Trace>,
}

/// Reads the captures among the rows; what cannot be read is an error.
pub(crate) fn read(rows: &[Labelled]) -> Result<Vec<Capture>> {
    let captures = rows.iter().filter(|row| row.is_capture());
    captures
        .map(|row| {
            let trace = Trace::of_capture(&row.bytes).with_context(|| row.path.clone())?;
            Ok(Capture { row: row.clone(), trace: Arc::new(trace) })
        })
        .collect()
}

impl Capture {
    /// What should be said of it, with the target as `map` makes it.
    pub(crate) fn expected(&self, map: impl Fn(IpAddr) -> IpAddr) -> Expected {
        if !self.row.is_attack() {
            return Expected::Quiet;
        }
        let on = self.row.target.map_or(On::Any, |target| On::Address(map(target)));
        Expected::Flood { names: self.row.names.clone(), on, out: false }
    }

    /// The bar that it counts for, of those that begin with `set`.
    pub(crate) fn bar(&self, set: &str) -> String {
        match (self.row.stage, self.row.is_attack()) {
            (Stage::Network, true) => format!("{set}: attacks"),
            (Stage::Network, false) => format!("{set}: quiet"),
            _ => String::new(),
        }
    }

    /// First packet towards the target, or of the capture.
    pub(crate) fn begins(&self) -> i64 {
        let target = self.row.target.map(Address::from);
        let mut towards = self.trace.iter().filter(|seen| {
            decode(LinkType::RAW, seen.bytes).is_ok_and(|packet| Some(packet.outer.destination) == target)
        });
        towards.next().map_or(self.trace.span().0, |seen| seen.time)
    }
}

/// Every capture as it is.
pub(crate) fn cases(captures: &[Capture]) -> Vec<Case> {
    captures
        .iter()
        .map(|capture| {
            let bytes = Arc::clone(&capture.row.bytes);
            let begins = capture.begins();
            let name = format!("plain/{}", capture.row.short());
            let expected = capture.expected(|target| target);
            Case::new(capture.bar("plain"), name, expected, move || {
                Ok(Input::new(Arc::clone(&bytes), begins))
            })
        })
        .collect()
}
