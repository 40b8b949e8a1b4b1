//! Figures of the web layer.

use crate::serve::shared::Slot;
use crate::serve::text::Kind::{self, Counter, Gauge};
use crate::serve::text::Text;
use crate::serve::web::WebReport;

type Row = (&'static str, Kind, &'static str, fn(&WebReport) -> u64);

const ROWS: &[Row] = &[
    ("requests_total", Counter, "Requests taken, from lines and from packets.", |web| web.counters.requests),
    ("late_total", Counter, "Requests left out because they came more than 30 s after later ones.", |web| {
        web.counters.late
    }),
    ("clock_resets_total", Counter, "Times that the clock of what came was taken to be set back.", |web| {
        web.counters.clock_resets
    }),
    ("services", Gauge, "Services that are told apart, those of logs that name none included.", |web| {
        web.counters.services
    }),
    ("services_refused_total", Counter, "Services that there was no room for.", |web| {
        web.counters.services_refused
    }),
    ("clients_evicted_total", Counter, "Clients that made room while they were still counted.", |web| {
        web.counters.clients_evicted
    }),
    ("connections", Gauge, "Connections that are followed.", |web| web.counters.connections),
    ("connections_evicted_total", Counter, "Connections that made room before they ended.", |web| {
        web.counters.connections_evicted
    }),
    ("fingerprints_total", Counter, "ClientHellos whose fingerprint was read.", |web| {
        web.counters.fingerprints
    }),
    ("hellos_unread_total", Counter, "ClientHellos that were cut, odd, or one too many at a time.", |web| {
        web.counters.hellos_unread
    }),
    ("floods_total", Counter, "Floods begun.", |web| web.counters.floods),
    ("surges_total", Counter, "Surges begun: crowds that are no attack.", |web| web.counters.surges),
    ("campaigns_total", Counter, "Campaigns found: floods on several services by the same clients.", |web| {
        web.counters.campaigns
    }),
    (
        "campaign_floods_left_out_total",
        Counter,
        "Floods that were not compared with all others of their time, since there were too many.",
        |web| web.counters.campaign_floods_left_out,
    ),
    (
        "metered_seconds_lost_total",
        Counter,
        "Seconds whose figures for the record made room before they were taken.",
        |web| web.counters.metered_seconds_lost,
    ),
    ("floods_running", Gauge, "Floods of the web layer that go on now.", |web| web.floods_running),
    ("surges_running", Gauge, "Surges that go on now.", |web| web.surges_running),
    ("requests_refused_total", Counter, "Requests whose service had no room.", |web| web.requests_refused),
    (
        "ahead_total",
        Counter,
        "Lines whose time was ahead of our clock; they counted when they came.",
        |web| web.ahead,
    ),
];

/// Nothing if there is no log, no syslog and no mirror.
pub(super) fn web(text: &mut Text, reports: &[Slot<WebReport>]) {
    let Some(report) = reports.first().map(Slot::read) else { return };
    for (name, kind, help, value) in ROWS {
        text.single(&format!("web_{name}"), *kind, help, value(&report));
    }
}

#[cfg(test)]
mod tests {
    use detect::web::WebCounters;

    use super::*;

    #[test]
    fn every_counter_of_the_web_layer_has_a_row() {
        let shown = format!("{:?}", WebCounters::default());
        let fields: Vec<&str> = shown.split(": ").filter_map(|part| part.rsplit([' ', '{']).next()).collect();
        let fields = &fields[..fields.len() - 1];
        assert!(fields.len() > 8, "{fields:?}");
        for field in fields {
            assert!(ROWS.iter().any(|row| row.0.trim_end_matches("_total") == *field), "{field} has no row");
        }
    }
}
