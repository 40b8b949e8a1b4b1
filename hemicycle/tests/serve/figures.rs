//! What `/metrics` says adds up with what was sent, and is what Prometheus reads.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpStream;

use crate::export::{ELEMENTS, Exporter};
use crate::service::{CONFIG, Service, request};

#[test]
fn figures_add_up_with_what_was_sent() {
    let service = Service::start("figures", CONFIG);
    let mut edge = Exporter::at([127, 0, 0, 1], service.flows());
    let mut core = Exporter::at([127, 0, 0, 3], service.flows());
    for _ in 0..50 {
        edge.netflow9([192, 0, 2, 10]);
    }
    for _ in 0..30 {
        core.sflow([192, 0, 2, 25], 100);
    }
    service.reaches(&service.socket("socket_datagrams_total"), 80.0);
    service.reaches("exporter_datagrams_total{exporter=\"edge\"}", 50.0);
    service.reaches("exporter_datagrams_total{exporter=\"core\"}", 30.0);
    service.reaches("exporter_records_total{exporter=\"edge\"}", f64::from(50 * ELEMENTS));
    service.reaches("exporter_records_total{exporter=\"core\"}", f64::from(30 * ELEMENTS));
    service.reaches("flow_netflow9_datagrams_total", 50.0);
    service.reaches("flow_sflow5_datagrams_total", 30.0);
    service.reaches("flow_templates_added_total", 1.0);
    service.reaches("detect_observations_total", f64::from(80 * ELEMENTS));
    service.reaches(&service.socket("socket_kernel_drops_total"), 0.0);
    service.reaches("losses_noted_total", 0.0);
    let bytes = service.figure(&service.socket("socket_bytes_total")).unwrap();
    let of = |name: &str| service.figure(&format!("exporter_bytes_total{{exporter=\"{name}\"}}")).unwrap();
    assert_eq!(bytes, of("edge") + of("core"));
    let offset = service.figure("exporter_clock_offset_seconds{exporter=\"edge\"}").unwrap();
    assert!(offset.abs() < 5.0, "{offset}");
}

#[test]
fn undeclared_senders_are_counted_proposed_and_not_believed() {
    let config = CONFIG.replace("[metrics]", "undeclared = \"propose\"\n[metrics]");
    let mut service = Service::start("undeclared", &config);
    let mut stranger = Exporter::at([127, 0, 0, 2], service.flows());
    for _ in 0..200 {
        stranger.netflow9([192, 0, 2, 10]);
    }
    service.reaches("undeclared_datagrams_total", 200.0);
    service.reaches("undeclared_senders", 1.0);
    service.hears("127.0.0.2 sends NetFlow v9");
    service.hears("address = \"127.0.0.2\"");
    assert_eq!(service.figure("flow_datagrams_total"), Some(0.0));
    let (_, lines) = service.stop("TERM");
    assert_eq!(lines.len(), 1, "no flood, only the summary: {lines:?}");
    assert_eq!(lines[0]["undeclared_datagrams"], 200);
    assert_eq!(lines[0]["detector"]["observations"], 0);
}

#[test]
fn figures_are_what_prometheus_reads() {
    let service = Service::start("prometheus", CONFIG);
    Exporter::at([127, 0, 0, 1], service.flows()).netflow9([192, 0, 2, 10]);
    service.reaches("exporter_datagrams_total{exporter=\"edge\"}", 1.0);
    let (status, text) = service.get("/metrics");
    assert_eq!(status, 200);
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helps = BTreeSet::new();
    let mut series = BTreeSet::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(helps.insert(name) && help.len() > 3, "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(helps.contains(name) && kinds.insert(name, kind).is_none(), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
        } else {
            let (named, value) = line.rsplit_once(' ').unwrap();
            let name = named.split('{').next().unwrap();
            assert!(kinds.contains_key(name), "{line} has no type");
            assert!(
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
            );
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
            assert!(series.insert(named), "{line} is there twice");
        }
    }
    for name in ["hemicycle_process_cpu_seconds_total", "hemicycle_process_resident_memory_bytes"] {
        assert!(series.contains(name), "{name}");
    }
}

#[test]
fn only_figures_and_health_are_answered() {
    let service = Service::start("answers", CONFIG);
    assert_eq!(service.get("/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(service.get("/").0, 404);
    let to = service.web();
    assert_eq!(request(to, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").0, 405);
    let (status, body) = request(to, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((status, body.as_str()), (200, ""));
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(8000));
    assert_eq!(request(to, &long).0, 200);
}

#[test]
fn whoever_asks_slowly_is_cut_off_and_stops_nobody() {
    let service = Service::start("slow", CONFIG);
    // More than are served at once; none of them ever sends a request.
    let idle: Vec<TcpStream> = (0..80).map(|_| TcpStream::connect(service.web()).unwrap()).collect();
    let mut edge = Exporter::at([127, 0, 0, 1], service.flows());
    for _ in 0..20 {
        edge.netflow9([192, 0, 2, 10]);
    }
    service.reaches("exporter_datagrams_total{exporter=\"edge\"}", 20.0);
    assert_eq!(service.get("/healthz").0, 200);
    drop(idle);
}
