//! What the channels told, and what they could not.

use notify::ChannelState;

use crate::serve::text::Kind::{self, Counter, Gauge};
use crate::serve::text::Text;

/// Nothing if there are none. Names are the configuration's.
pub(super) fn channels(text: &mut Text, states: &[ChannelState]) {
    type Row = (&'static str, Kind, &'static str, fn(&ChannelState) -> u64);
    const ROWS: &[Row] = &[
        ("notify_sent_total", Counter, "Messages that arrived, as far as the receiver says.", |state| {
            state.sent
        }),
        ("notify_failed_total", Counter, "Attempts that failed.", |state| state.failed),
        ("notify_retried_total", Counter, "Attempts after the first.", |state| state.retried),
        ("notify_dropped_total", Counter, "Notices that nobody will be told, by whatever cause.", |state| {
            state.dropped
        }),
        ("notify_queued", Gauge, "Notices that wait.", |state| state.queued),
        ("notify_dead", Gauge, "1 for a channel through which nobody is reached.", |state| {
            u64::from(state.is_dead())
        }),
    ];
    if states.is_empty() {
        return;
    }
    for (name, kind, help, value) in ROWS {
        text.metric(name, *kind, help);
        for state in states {
            text.value(name, &[("channel", &state.name)], value(state));
        }
    }
}
