//! Captures as they are, and changed in what a detector must not depend on.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use wire::Address;
use wire::packet::{LinkType, decode};

use super::case::{Case, Input};
use super::score::{Expected, On};
use crate::dataset::{Labelled, Stage};
use crate::random::mix;
use crate::trace::Trace;
use crate::traffic::captured::Conversations;
use crate::transform::address::Mapping;
use crate::transform::ipv6;
use crate::transform::mix::Shape;

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
pub(crate) fn plain(captures: &[Capture]) -> Vec<Case> {
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

/// Every capture with other addresses.
pub(crate) fn readdressed(captures: &[Capture], seed: u64) -> Vec<Case> {
    captures
        .iter()
        .map(|capture| {
            let (trace, begins) = (Arc::clone(&capture.trace), capture.begins());
            let mapping = Mapping::new(mix(seed));
            let name = format!("re-addressed/{}", capture.row.short());
            let expected = capture.expected(|target| mapping.of(target));
            Case::new(capture.bar("re-addressed"), name, expected, move || {
                Ok(Input::new(mapping.apply(&trace).to_pcap(), begins))
            })
        })
        .collect()
}

/// Every capture with its times stretched (or, by less than 1, squeezed) around its first packet.
pub(crate) fn retimed(captures: &[Capture], set: &'static str, factor: f64) -> Vec<Case> {
    captures
        .iter()
        .map(|capture| {
            let (trace, first) = (Arc::clone(&capture.trace), capture.trace.span().0);
            let change = move |time: i64| first + ((time - first) as f64 * factor) as i64;
            let begins = change(capture.begins());
            let name = format!("{set}/{}", capture.row.short());
            Case::new(capture.bar(set), name, capture.expected(|target| target), move || {
                let mut trace = Trace::clone(&trace);
                trace.retime(change);
                Ok(Input::new(trace.to_pcap(), begins))
            })
        })
        .collect()
}

/// Every capture in IPv6.
pub(crate) fn in_ipv6(captures: &[Capture]) -> Vec<Case> {
    captures
        .iter()
        .map(|capture| {
            let (trace, begins) = (Arc::clone(&capture.trace), capture.begins());
            let name = format!("ipv6/{}", capture.row.short());
            Case::new(capture.bar("ipv6"), name, capture.expected(ipv6::address), move || {
                Ok(Input::new(ipv6::apply(&trace).to_pcap(), begins))
            })
        })
        .collect()
}

/// Every counted attack with as much ordinary traffic of its protocol and port, and that traffic alone.
pub(crate) fn mixed(captures: &[Capture], seed: u64) -> Vec<Case> {
    let mut known = Conversations::default();
    let ordinary = |capture: &&Capture| !capture.row.is_attack() && capture.row.stage == Stage::Network;
    captures.iter().filter(ordinary).for_each(|capture| known.add(&capture.trace));
    let known = Arc::new(known);
    let mut cases = Vec::new();
    let counted = |capture: &&Capture| capture.row.is_attack() && capture.row.stage == Stage::Network;
    for capture in captures.iter().filter(counted) {
        let reflection =
            capture.row.names.iter().any(|name| name.contains("amplification") || name == "tcp_reflection");
        let target = capture.row.target;
        let shape = target.and_then(|target| Shape::of(&capture.trace, target, reflection));
        let Some(shape) = shape else { continue };
        let (trace, begins) = (Arc::clone(&capture.trace), capture.begins());
        let (with, alone) = (Arc::clone(&known), Arc::clone(&known));
        let name = format!("mixed/{}", capture.row.short());
        cases.push(Case::new(capture.bar("mixed"), name, capture.expected(|target| target), move || {
            let mut trace = Trace::clone(&trace);
            trace.merge(&shape.ordinary(&with, seed));
            Ok(Input::new(trace.to_pcap(), begins))
        }));
        let name = format!("mixed-alone/{}", capture.row.short());
        cases.push(Case::new("mixed: quiet", name, Expected::Quiet, move || {
            Ok(Input::new(shape.ordinary(&alone, seed).to_pcap(), begins))
        }));
    }
    cases
}
