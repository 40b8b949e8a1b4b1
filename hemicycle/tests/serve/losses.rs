//! Loss is counted, and shown beside what it taints.

use crate::export::Exporter;
use crate::service::{CONFIG, Service};

/// Sends a flood until there is an event about it; gives the certainty of the event.
fn certainty(service: &Service, exporter: &mut Exporter) -> String {
    for _ in 0..6000 {
        exporter.netflow9([192, 0, 2, 10]);
        if let Some(event) = service.event_soon() {
            return event["certainty"].as_str().unwrap().to_owned();
        }
    }
    panic!("no flood is found");
}

/// Waits until each datagram sent is counted as received or as dropped; gives how many were dropped.
fn all_counted(service: &Service, sent: u32) -> f64 {
    let received = service.socket("socket_datagrams_total");
    let dropped = service.socket("socket_kernel_drops_total");
    for _ in 0..6000 {
        let (received, dropped) = (service.figure(&received).unwrap(), service.figure(&dropped).unwrap());
        if received + dropped == f64::from(sent) {
            return dropped;
        }
        crate::service::pause();
    }
    panic!("not all of {sent} datagrams are counted");
}

#[test]
fn what_the_kernel_drops_is_counted_and_makes_a_lower_bound() {
    let config = CONFIG.replace("[metrics]", "receive_buffer_bytes = 16384\n[metrics]");
    let service = Service::start("drops", &config);
    let mut edge = Exporter::at([127, 0, 0, 1], service.flows());
    service.signal("STOP");
    for _ in 0..1000 {
        edge.netflow9([192, 0, 2, 10]);
    }
    service.signal("CONT");
    let dropped = all_counted(&service, 1000);
    assert!(dropped > 0.0);
    // What comes after the gap shows it in the sequence numbers too. It comes once there is room: were it dropped
    // itself, the numbers would still show nothing.
    edge.netflow9([192, 0, 2, 10]);
    assert_eq!(all_counted(&service, 1001), dropped);
    service.reaches("exporter_lost_total{exporter=\"edge\"}", dropped);
    assert!(service.figure("losses_noted_total") > Some(0.0));
    assert_eq!(certainty(&service, &mut edge), "lower_bound");
    let (_, lines) = service.stop("TERM");
    let summary = lines.last().unwrap();
    // More may have been dropped since: the buffer is small.
    assert!(summary["sockets"][0]["kernel_drops"].as_f64() >= Some(dropped));
}

#[test]
fn gaps_in_sequence_numbers_are_counted_and_make_a_lower_bound() {
    let service = Service::start("gaps", CONFIG);
    let mut edge = Exporter::at([127, 0, 0, 1], service.flows());
    edge.netflow9([192, 0, 2, 10]);
    edge.lose(41);
    edge.netflow9([192, 0, 2, 10]);
    service.reaches("exporter_lost_total{exporter=\"edge\"}", 41.0);
    service.reaches("flow_lost_datagrams_total", 41.0);
    service.reaches(&service.socket("socket_kernel_drops_total"), 0.0);
    assert_eq!(certainty(&service, &mut edge), "lower_bound");
}
