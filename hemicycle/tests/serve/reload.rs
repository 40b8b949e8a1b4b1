//! The institution file of a running service.

use std::fs;
use std::process::Stdio;

use crate::export::Exporter;
use crate::service::{CONFIG, INSTITUTION, Service, folder, pause};

fn first_name(service: &Service, exporter: &mut Exporter) -> String {
    for _ in 0..6000 {
        exporter.netflow9([192, 0, 2, 10]);
        if let Some(event) = service.event_soon()
            && event["phase"] == "start"
        {
            return event["target"]["name"].as_str().unwrap().to_owned();
        }
    }
    panic!("no flood is found");
}

#[test]
fn a_broken_file_is_refused_and_a_good_one_is_taken() {
    let mut service = Service::start("reload", CONFIG);
    let path = service.folder.join("institution.toml");
    fs::write(&path, INSTITUTION.replace("zone = \"public\"", "zone = \"pubic\"")).unwrap();
    service.signal("HUP");
    service.hears("there is no zone `pubic`");
    service.hears("institution.toml:");
    service.hears("^^^");
    service.hears("did you mean `public`");
    service.hears("is refused; the one before stays");
    assert_eq!(service.figure("reloads_refused_total"), Some(1.0));
    assert_eq!(service.figure("reloads_total"), Some(0.0));
    let mut edge = Exporter::at([127, 0, 0, 1], service.flows());
    assert_eq!(first_name(&service, &mut edge), "www", "the one before stays");

    let next = INSTITUTION.replace("service.www", "service.site").replace("127.0.0.3", "127.0.0.2");
    fs::write(&path, next).unwrap();
    service.signal("HUP");
    service.hears("took ");
    service.reaches("reloads_total", 1.0);
    let before = service.figure("exporter_datagrams_total{exporter=\"edge\"}").unwrap();
    assert!(before > 0.0, "counts of those that stay are kept");
    // Another exporter is believed from now on (each worker takes the change within its next tick), and the one whose
    // line is gone is not.
    let mut core = Exporter::at([127, 0, 0, 2], service.flows());
    while service.figure("exporter_datagrams_total{exporter=\"core\"}") == Some(0.0) {
        core.sflow([192, 0, 2, 25], 10);
        pause();
    }
    Exporter::at([127, 0, 0, 3], service.flows()).sflow([192, 0, 2, 25], 10);
    service.reaches("undeclared_senders", 1.0);
    service.signal("HUP");
    service.hears("says the same as before");
    assert_eq!(service.stop("TERM").0.code(), Some(0));
}

#[test]
fn a_change_is_taken_without_a_signal_where_the_file_is_watched() {
    let mut service = Service::start("watch", &CONFIG.replace("watch = false", "watch = true"));
    let path = service.folder.join("institution.toml");
    fs::write(&path, "[institution]\nname = \n").unwrap();
    service.hears("institution.toml:2:");
    service.hears("is refused");
    fs::write(&path, INSTITUTION.replace("service.mail", "service.post")).unwrap();
    service.hears("took ");
    service.reaches("reloads_total", 1.0);
    service.reaches("reloads_refused_total", 1.0);
}

#[test]
fn ceilings_that_are_not_watched_are_said_at_the_start_and_after_a_reload() {
    let ceiling =
        |target: &str| format!("[detect.target.\"{target}\"]\nceiling = {{ packets_per_second = 3000 }}\n");
    let lost = format!("{INSTITUTION}{}{}", ceiling("www"), ceiling("203.0.113.1"));
    let mut service = Service::run(folder("unwatched", CONFIG, &lost), Stdio::piped());
    assert!(service.log.contains("warning: 1 ceiling is not watched"), "{}", service.log);
    let path = service.folder.join("institution.toml");
    fs::write(&path, format!("{lost}{}", ceiling("203.0.113.2"))).unwrap();
    service.signal("HUP");
    service.hears("warning: 2 ceilings are not watched");
    service.reaches("detect_ceilings_unwatched", 2.0);
    fs::write(&path, format!("{INSTITUTION}{}", ceiling("www"))).unwrap();
    service.signal("HUP");
    service.reaches("detect_ceilings_unwatched", 0.0);
    let said = service.log.matches("not watched").count();
    assert_eq!(service.stop("TERM").0.code(), Some(0));
    assert_eq!(said, 2, "a file that is good is not complained of");
}

#[test]
fn a_flood_goes_on_over_a_reload() {
    let mut service = Service::start("goes_on", CONFIG);
    let mut edge = Exporter::at([127, 0, 0, 1], service.flows());
    let events = |service: &Service, edge: &mut Exporter, until: &dyn Fn(&serde_json::Value) -> bool| {
        let mut events = Vec::new();
        for _ in 0..6000 {
            edge.netflow9([192, 0, 2, 10]);
            events.extend(service.event_soon());
            if events.last().is_some_and(until) {
                return events;
            }
        }
        panic!("nothing is told: {events:?}");
    };
    let start = events(&service, &mut edge, &|event| event["phase"] == "start").remove(0);
    let observations = service.figure("detect_observations_total").unwrap();
    let text =
        INSTITUTION.replace("[service.www]", "[zone.more]\nprefixes = [\"198.51.100.0/24\"]\n[service.www]");
    let text = text.replace("[zone.more]", "[zone.more]\nexposure = \"internet\"");
    fs::write(service.folder.join("institution.toml"), text).unwrap();
    service.signal("HUP");
    service.hears("took ");
    pause();
    let more = events(&service, &mut edge, &|event| event["phase"] == "update");
    assert!(more.iter().all(|event| event["id"] == start["id"] && event["phase"] == "update"), "{more:?}");
    assert!(service.figure("detect_observations_total") > Some(observations), "counters go on");
    service.reaches("reloads_total", 1.0);
    service.reaches("floods_running", 1.0);
    let (_, lines) = service.stop("TERM");
    let others: Vec<_> =
        lines.iter().filter(|line| line["kind"] == "flood" && line["id"] != start["id"]).collect();
    assert!(others.is_empty(), "{others:?}");
    assert_eq!(lines.last().unwrap()["floods"], 1);
}
