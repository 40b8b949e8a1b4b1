//! A list that names us lowers the floors of a running service, and what only they find says so.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::export::Exporter;
use crate::indicators::import;
use crate::service::{CONFIG, Service, pause};

/// Between two datagrams of ten packets each: fifty packets a second, and the floor for answers of time servers is sixty.
const BETWEEN: Duration = Duration::from_millis(200);
/// Long enough for what a floor of thirty finds in four seconds.
const CALM: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends no faster than that, until there is an event or the time is over.
fn play(service: &Service, exporter: &mut Exporter, time: Duration) -> Option<Value> {
    let (started, mut last) = (Instant::now(), None::<Instant>);
    while started.elapsed() < time {
        if last.is_none_or(|last| last.elapsed() >= BETWEEN) {
            last = Some(Instant::now());
            exporter.sflow([192, 0, 2, 10], 1);
        }
        if let Some(event) = service.event_soon() {
            return Some(event);
        }
    }
    None
}

#[test]
fn a_list_that_names_us_lowers_floors_until_the_end_of_its_window() {
    let config = format!("{CONFIG}[record]\nenabled = false\n[foresee]\nstore = \"store\"\n");
    let mut service = Service::start("ready", &config);
    let mut exporter = Exporter::at([127, 0, 0, 3], service.flows());
    let found = play(&service, &mut exporter, CALM);
    assert!(found.is_none(), "below the usual floor nothing is told: {found:?}");
    assert_eq!(service.figure("readiness"), Some(0.0));
    assert_eq!(service.figure("readiness_floors_ratio"), Some(1.0));
    import(&service.folder, "list.txt", "192.0.2.10\n", &["--actor", "NoName057(16)"]);
    service.has_said("readiness is `ready`");
    assert!(service.log.contains("floors are multiplied by 0.5"), "{}", service.log);
    let start = play(&service, &mut exporter, PATIENCE).unwrap();
    let evidence = &start["evidence"];
    assert_eq!(
        (&start["phase"], &start["vectors"][0]["name"]),
        (&"start".into(), &"ntp_amplification".into())
    );
    assert_eq!(evidence["lowered_floors"]["times"], 0.5);
    assert_eq!(evidence["lowered_floors"]["was_needed"], true);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (reason, why) = (text(&evidence["reason"]), text(&evidence["lowered_floors"]["reason"]));
    assert!(why.contains("192.0.2.10 is on the list of NoName057(16)"), "{why}");
    assert!(reason.ends_with("; floor lowered") && !reason.contains("NoName057(16)"), "{reason}");
    service.reaches("readiness", 2.0);
    service.reaches("readiness_floors_ratio", 0.5);
    service.reaches("readiness_floods_earlier_total", 1.0);
    let until = service.figure("readiness_until_timestamp_seconds").unwrap();
    let hours = (until - f64::from(crate::export::now().0)) / 3_600.0;
    assert!((47.0..=48.0).contains(&hours), "a list is fresh for two days: {hours}");
    assert_eq!(service.stop("TERM").1.last().unwrap()["kind"], "summary");
}

#[test]
fn who_keeps_the_floors_is_told_of_the_list_and_of_no_flood() {
    let config =
        format!("{CONFIG}[record]\nenabled = false\n[foresee]\nstore = \"store\"\nlower_floors = false\n");
    let mut service = Service::start("ready_kept", &config);
    import(&service.folder, "list.txt", "192.0.2.10\n", &[]);
    service.has_said("readiness is `ready`");
    let mut exporter = Exporter::at([127, 0, 0, 3], service.flows());
    assert!(play(&service, &mut exporter, CALM).is_none());
    service.reaches("readiness", 2.0);
    assert_eq!(service.figure("readiness_floors_ratio"), Some(1.0));
    pause();
}
