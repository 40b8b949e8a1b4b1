//! What the record did, and what it lost.

use record::{Counts, State, Writer};

use crate::serve::text::Kind::{Counter, Gauge};
use crate::serve::text::Text;
use crate::serve::witness::Witness;

/// Nothing if nothing is kept.
pub(super) fn record(text: &mut Text, writer: Option<&Writer>) {
    let Some(writer) = writer else { return };
    let health = writer.health();
    let writes = u8::from(health.state == State::Writing);
    text.single(
        "record_writing",
        Gauge,
        "Whether the record is written; 0 with a full or read-only disk.",
        writes,
    );
    type Value = fn(&Counts) -> u64;
    let counters: [(&str, &str, Value); 11] = [
        ("record_entries_total", "Entries of the ledger on the disk.", |counts| counts.entries_written),
        ("record_entries_lost_total", "Entries that did not fit or could not be written.", |counts| {
            counts.entries_lost
        }),
        ("record_entries_refused_total", "Entries that were too large or malformed.", |counts| {
            counts.entries_refused
        }),
        ("record_commits_total", "Transactions.", |counts| counts.commits),
        ("record_commits_failed_total", "Transactions that the disk refused.", |counts| {
            counts.commits_failed
        }),
        ("record_samples_total", "Figures of a second that were taken up.", |counts| counts.samples),
        ("record_samples_lost_total", "Figures that did not fit or came too late.", |counts| {
            counts.samples_lost
        }),
        ("record_evidence_total", "Headers and flow records taken up as evidence.", |counts| {
            counts.evidence_taken
        }),
        (
            "record_evidence_lost_total",
            "Headers and flow records that did not fit, or could not be written.",
            |counts| counts.evidence_lost,
        ),
        (
            "record_evidence_erased_total",
            "Headers and flow records left out because they name an address that was erased within the last day.",
            |counts| counts.evidence_erased,
        ),
        ("record_addresses_concealed_total", "Addresses of persons that became codes.", |counts| {
            counts.addresses_concealed
        }),
    ];
    for (name, help, value) in counters {
        text.single(name, Counter, help, value(&health.counts));
    }
    text.single("record_queue", Gauge, "Things that wait for the disk.", health.counts.queue_length);
}

/// What was gathered of floods; nothing if nothing is kept.
pub(super) fn evidence(text: &mut Text, witness: Option<&Witness>) {
    for (name, help, value) in witness.into_iter().flat_map(|witness| witness.counts().rows()) {
        text.single(name, Counter, help, value);
    }
}
