//! Datagrams that come more than once.

use crate::export::{FIELDS, Flow, Moment, ipfix, netflow9, set, template};
use crate::stage::{CLAIMED, Honest, Live, Script};

/// What is sent before the flood is over, in all.
const COPIES: u32 = 1_000;

/// A datagram of ordinary traffic, a thousand times; it would be a flood of its own.
fn replayed() -> Script {
    let mut datagram = None;
    Box::new(move |moment: Moment| {
        let datagram = datagram.get_or_insert_with(|| {
            let flows = (0..10).flat_map(|last| {
                let flow = Flow { protocol: 6, flags: 2, ..Flow::to(CLAIMED, moment) };
                Flow { source: [20, 1, 2, last], ..flow }.record(&FIELDS)
            });
            let sets = [set(0, &template(256, &FIELDS)), set(256, &flows.collect::<Vec<u8>>())];
            netflow9((moment.seconds(), moment.uptime()), 5, 3, &sets)
        });
        let copies = if moment.step < COPIES / 10 { 10 } else { 0 };
        vec![datagram.clone(); copies]
    })
}

#[test]
fn a_datagram_that_is_replayed_a_thousand_times_counts_once() {
    let mut live = Live::new("replayed", replayed(), Honest::new().script());
    live.finds_the_flood();
    live.service.reaches("exporter_datagrams_total{exporter=\"core\"}", f64::from(COPIES));
    live.service.reaches("exporter_replayed_datagrams_total{exporter=\"core\"}", f64::from(COPIES - 1));
    live.service.reaches("exporter_records_total{exporter=\"core\"}", 10.0);
    live.service.reaches("exporter_replayed_datagrams_total{exporter=\"edge\"}", 0.0);
    let summary = live.stop().1;
    assert_eq!(summary["replayed_datagrams"], COPIES - 1);
}

#[test]
fn what_the_network_duplicates_counts_once() {
    let mut honest = Honest::new();
    let twice =
        Box::new(move |moment| honest.send(moment).into_iter().flat_map(|d| [d.clone(), d]).collect());
    let mut live = Live::new("duplicated", Box::new(|_| Vec::new()), twice);
    live.finds_the_flood();
    let sent = f64::from(live.honest.sent);
    live.service.reaches("exporter_datagrams_total{exporter=\"edge\"}", sent);
    live.service.reaches("exporter_replayed_datagrams_total{exporter=\"edge\"}", sent / 2.0);
    live.service.reaches("flow_datagrams_total", sent / 2.0);
    live.service.reaches("flow_reordered_datagrams_total", 0.0);
    live.stop();
}

/// IPFIX whose sequence number always is 0, as softflowd writes it: nothing but the records differs within a second.
fn unnumbered() -> Script {
    let mut honest = Honest::new();
    Box::new(move |moment: Moment| {
        let data = |honest: &mut Honest| {
            let sets = [set(2, &template(256, &FIELDS)), set(256, &honest.flood(moment))];
            ipfix(moment.seconds(), 0, 7, &sets)
        };
        vec![data(&mut honest), data(&mut honest)]
    })
}

#[test]
fn an_exporter_without_sequence_numbers_loses_nothing() {
    let mut live = Live::new("unnumbered", replayed(), unnumbered());
    live.finds_the_flood();
    for _ in 0..50 {
        live.step();
    }
    let sent = f64::from(live.honest.sent);
    assert!(sent > 100.0);
    live.service.reaches("exporter_records_total{exporter=\"edge\"}", 10.0 * sent);
    live.service.reaches("exporter_replayed_datagrams_total{exporter=\"edge\"}", 0.0);
    live.stop();
}
