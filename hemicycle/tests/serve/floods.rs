//! Floods are found while they come, and end.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use serde_json::Value;

use crate::export::Exporter;
use crate::service::{CONFIG, Service, pause};

/// The most events or pauses of a test that waits for one.
const MOST: usize = 6000;

/// Sends both floods until every name in `wanted` has started; gives the first lines.
fn until_started(service: &Service, exporters: &mut [Exporter; 2], wanted: &[&str]) -> Vec<Value> {
    let mut started: Vec<Value> = Vec::new();
    for _ in 0..MOST {
        exporters[0].netflow9([192, 0, 2, 10]);
        exporters[1].sflow([192, 0, 2, 25], 100);
        if let Some(event) = service.event_soon()
            && event["phase"] == "start"
        {
            started.push(event);
        }
        if wanted.iter().all(|name| started.iter().any(|event| event["target"]["name"] == *name)) {
            return started;
        }
    }
    panic!("found only {started:?}");
}

fn exporters(service: &Service) -> [Exporter; 2] {
    [[127, 0, 0, 1], [127, 0, 0, 3]].map(|address| Exporter::at(address, service.flows()))
}

fn named<'a>(events: &'a [Value], name: &str) -> &'a Value {
    events.iter().find(|event| event["target"]["name"] == name).unwrap()
}

#[test]
fn netflow_and_sflow_floods_start_at_their_service_and_end_when_they_stop() {
    let service = Service::start("floods", CONFIG);
    let started = until_started(&service, &mut exporters(&service), &["www", "mail"]);
    assert_eq!(named(&started, "www")["vectors"][0]["name"], "syn_flood");
    assert_eq!(named(&started, "www")["certainty"], "exact");
    assert_eq!(named(&started, "mail")["vectors"][0]["name"], "ntp_amplification");
    assert_eq!(named(&started, "mail")["certainty"], "sampled");
    assert_eq!(named(&started, "mail")["sampling"], 100);
    let text = started[0].to_string();
    assert!(text.contains(".0/24\""), "sources are shown as networks: {text}");
    // Nothing is sent any more; the clock alone ends them.
    let mut ended = Vec::new();
    for _ in 0..MOST {
        ended.extend(service.event_soon().filter(|event| event["phase"] == "end"));
        if ended.len() == started.len() {
            break;
        }
    }
    for start in &started {
        let end = ended.iter().find(|end| end["id"] == start["id"]).unwrap();
        assert_eq!(end["evidence"]["ended_by"], "quiet");
    }
    service.reaches("floods_running", 0.0);
    service.reaches("detect_floods_total", started.len() as f64);
}

#[test]
fn a_stop_ends_floods_sums_up_and_exits_with_0() {
    for (signal, workers) in [("TERM", 1), ("INT", 2)] {
        let config = CONFIG.replace("[metrics]", &format!("workers = {workers}\n[metrics]"));
        let service = Service::start(&format!("stop_{workers}"), &config);
        let started = until_started(&service, &mut exporters(&service), &["www", "mail"]);
        let (status, mut lines) = service.stop(signal);
        assert_eq!(status.code(), Some(0));
        let summary = lines.pop().unwrap();
        assert_eq!(summary["kind"], "summary");
        assert_eq!(summary["floods"], started.len());
        assert_eq!(summary["institution"], "Parliament of Examplia");
        let edge = summary["inputs"].as_array().unwrap().iter().find(|input| input["name"] == "edge");
        assert!(edge.unwrap()["records"].as_u64().unwrap() > 0, "{summary}");
        let records = summary["records"].as_u64().unwrap();
        assert_eq!(summary["detector"]["observations"], records, "everything received was given on");
        for start in started {
            let last = lines.iter().rev().find(|line| line["id"] == start["id"]).unwrap();
            assert_eq!(last["phase"], "end", "{last}");
        }
    }
}

/// Workers take turns at the detector; whose turn it is not gathers. Nothing may stay with them or be lost between them.
#[test]
fn what_several_workers_receive_at_once_is_counted_once_and_all_of_it() {
    const SENDERS: usize = 8;
    let config = CONFIG.replace("[metrics]", "workers = 4\n[metrics]");
    let service = Service::start("together", &config);
    let to = service.flows();
    let threads: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (from, host) = if sender % 2 == 0 { ([127, 0, 0, 1], 10) } else { ([127, 0, 0, 3], 25) };
            std::thread::spawn(move || {
                let mut exporter = Exporter::at(from, to);
                (0..2_000).for_each(|_| exporter.netflow9([192, 0, 2, host]));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let mut started = Vec::new();
    for _ in 0..MOST {
        started.extend(service.event_soon().filter(|event| event["phase"] == "start"));
        if started.len() == 2 {
            break;
        }
    }
    assert_eq!((named(&started, "www")["phase"].as_str(), started.len()), (Some("start"), 2), "{started:?}");
    // A stop takes what comes in a quarter of a second; a loaded machine has more than that in its sockets.
    let received = |name: &str| {
        let of = |worker| format!("socket_{name}_total{{listen=\"{to}\",worker=\"{worker}\"}}");
        (0..4).map(|worker| service.figure(&of(worker)).unwrap()).sum::<f64>()
    };
    while received("datagrams") + received("kernel_drops") < (SENDERS * 2_000) as f64 {
        pause();
    }
    let (_, lines) = service.stop("TERM");
    let summary = lines.last().unwrap();
    let sum = |key: &str| {
        summary["sockets"].as_array().unwrap().iter().map(|socket| socket[key].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(sum("datagrams") + sum("kernel_drops"), SENDERS as u64 * 2_000);
    // Each has ten records; the exporters' ports share a sequence, so that none of them is a repetition of another.
    assert_eq!(summary["detector"]["observations"], summary["records"]);
    assert_eq!(
        summary["records"].as_u64().unwrap() + 10 * summary["replayed_datagrams"].as_u64().unwrap(),
        10 * sum("datagrams")
    );
}

/// Floods on some hosts until so many events were dropped.
fn until_dropped(service: &Service, events: f64) {
    let mut exporter = Exporter::at([127, 0, 0, 1], service.flows());
    for round in 0..MOST {
        for host in [10, 25, 40, 50, 60, 70] {
            exporter.netflow9([192, 0, 2, host]);
        }
        pause();
        if round % 10 == 0 && service.figure("events_dropped_total") >= Some(events) {
            return;
        }
    }
    panic!("{:?} events, of which {:?} were dropped", service.figure("events_total"), events);
}

#[test]
fn who_closes_the_output_does_not_stop_the_service() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut service = Service::start_with("closed", CONFIG, Stdio::from(writer));
    until_dropped(&service, 2.0);
    service.hears("standard output is closed");
    assert!(service.runs());
    assert_eq!(service.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(service.stop("TERM").0.code(), Some(0));
}

#[test]
fn who_does_not_read_the_output_does_not_stop_the_service() {
    // Full from the beginning.
    let (reader, mut writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    while writer.write(b"\n").is_ok() {}
    writer.set_nonblocking(false).unwrap();
    let config = format!("{CONFIG}[events]\nqueue = 16\n");
    let mut service = Service::start_with("unread", &config, Stdio::from(OwnedFd::from(writer)));
    until_dropped(&service, 5.0);
    let taken = service.figure("events_total").unwrap();
    assert!(taken <= 17.0, "{taken} events for 16 places and the one that is being written");
    assert!(service.runs());
    assert_eq!(service.get("/healthz").0, 200);
    assert_eq!(service.stop("TERM").0.code(), Some(0));
    drop(reader);
}
