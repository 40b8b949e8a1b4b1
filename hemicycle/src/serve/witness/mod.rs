//! What the record gets of traffic: figures of each service second by second, and evidence of floods.
//!
//! Everything here runs on threads that receive, so nothing waits: what is handed to the record goes over its bounded queue,
//! and what does not fit is counted there. Evidence is a sample. Each worker remembers a little of what came lately
//! ([`Tap`]), so that the evidence of a flood shows how it began, which is known only afterwards.
//!
//! Limits: [`MAXIMUM_FLOODS`] floods at a time, the first ones; lines of logs are no evidence, of which only the floods'
//! own figures are kept.

mod figures;
mod frames;
mod tap;
mod wanted;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use detect::Event;
use record::Writer;

pub(super) use figures::Figures;
pub(super) use frames::SeenFrame;
pub(super) use tap::{Tap, flow_row};
use wanted::Wanted;

/// Floods of which evidence is gathered at a time: as many as the record takes.
const MAXIMUM_FLOODS: usize = 64;

/// What was counted, for `/metrics`.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    packets: AtomicU64,
    flows: AtomicU64,
    refused: AtomicU64,
    floods: AtomicU64,
    floods_refused: AtomicU64,
    floods_silent: AtomicU64,
    floods_hurried: AtomicU64,
}

impl Counts {
    fn add(counter: &AtomicU64, by: usize) {
        counter.fetch_add(by as u64, Ordering::Relaxed);
    }

    /// Names, what they are, and values.
    pub(crate) fn rows(&self) -> [(&'static str, &'static str, u64); 7] {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            (
                "evidence_packets_total",
                "Headers of packets handed to the record as evidence.",
                get(&self.packets),
            ),
            ("evidence_flows_total", "Flow records handed to the record as evidence.", get(&self.flows)),
            (
                "evidence_refused_total",
                "Headers and flow records for which the record's queue had no room.",
                get(&self.refused),
            ),
            ("evidence_floods_total", "Floods of which evidence was gathered.", get(&self.floods)),
            (
                "evidence_floods_refused_total",
                "Floods of which none was, since too many went on at a time.",
                get(&self.floods_refused),
            ),
            (
                "evidence_floods_silent_total",
                "Floods whose end was never heard of; evidence was gathered until a quarter of an hour after the last word.",
                get(&self.floods_silent),
            ),
            (
                "evidence_floods_hurried_total",
                "Floods, by worker, that were over before the sample was looked through for them, with no room to do it later.",
                get(&self.floods_hurried),
            ),
        ]
    }
}

/// A way to the record, for all who see traffic; clones are the same.
#[derive(Clone)]
pub(super) struct Witness(Arc<Inner>);

struct Inner {
    writer: Writer,
    wanted: Wanted,
    counts: Counts,
}

impl Witness {
    /// Evidence and figures go to this record.
    pub(super) fn new(writer: Writer) -> Self {
        Self(Arc::new(Inner { writer, wanted: Wanted::default(), counts: Counts::default() }))
    }

    /// A flood starts, goes on or ends.
    pub(super) fn event(&self, event: &Event) {
        self.0.wanted.take(event, &self.0.counts, Instant::now());
    }

    /// Now and then: a flood whose end was lost is not followed for ever.
    pub(super) fn forget_silent(&self) {
        self.0.wanted.forget_silent(&self.0.counts, Instant::now());
    }

    /// Where figures go.
    pub(super) fn writer(&self) -> Writer {
        self.0.writer.clone()
    }

    /// What was counted.
    pub(super) fn counts(&self) -> &Counts {
        &self.0.counts
    }
}
