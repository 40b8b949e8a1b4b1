//! What is ordinary for the requests of a service is known after a restart.

use std::fs;
use std::process::Stdio;

use jiff::{Timestamp, tz::TimeZone};

use crate::service::{CONFIG, INSTITUTION, Service, folder};

const LOG: &str = "[[log]]\npath = \"access.log\"\nservice = \"www\"\nfrom = \"beginning\"\n";

/// One reader of a page with what belongs to it, in each second, and pages of others.
fn requests(begin: i64, seconds: std::ops::Range<i64>, others: i64) -> String {
    let mut text = String::new();
    let mut ask = |second: i64, client: [i64; 2], target: &str, referrer: &str| {
        let time = Timestamp::from_second(begin + second).unwrap().to_zoned(TimeZone::UTC);
        let (time, [c, d]) = (time.strftime("%d/%b/%Y:%H:%M:%S %z"), client);
        text.push_str(&format!(
            "20.0.{c}.{d} - - [{time}] \"GET {target} HTTP/1.1\" 200 500 \"{referrer}\" \"Mozilla/5.0\"\n"
        ));
    };
    for second in seconds {
        let reader = [second / 2 / 250 % 250, second / 2 % 250];
        ask(second, reader, "/agenda", "https://www.example/");
        (0..4).for_each(|_| ask(second, reader, "/a.css", "https://www.example/agenda"));
        (0..others).for_each(|other| ask(second, [251, other], "/agenda", "-"));
    }
    text
}

#[test]
fn what_is_ordinary_for_requests_is_known_after_a_restart() {
    let config = CONFIG
        .replace("flows = [\"127.0.0.1:0\"]", "flows = []")
        .replace("enabled = false", "enabled = true");
    for (name, is_kept) in [("web_kept", true), ("web_forgotten", false)] {
        let folder = folder(name, &format!("{config}{LOG}"), INSTITUTION);
        let (log, begin) = (folder.join("access.log"), Timestamp::now().as_second() - 5_000);
        let before = requests(begin, 0..4_000, 0);
        fs::write(&log, &before).unwrap();
        let service = Service::run(folder.clone(), Stdio::piped());
        assert!(!service.log.contains("at the web layer of"), "{}", service.log);
        service.reaches("web_requests_total", before.lines().count() as f64);
        let (status, lines) = service.stop("TERM");
        assert_eq!((status.code(), &lines.last().unwrap()["web"]["floods"]), (Some(0), &0.into()));
        if !is_kept {
            fs::remove_file(folder.join("state/web-baselines.json.gz")).unwrap();
        }
        // A minute later the same, and then twenty pages a second more: a flood for who knows what is usual.
        let after = requests(begin, 4_060..4_120, 0) + &requests(begin, 4_120..4_135, 20);
        fs::write(&log, before + &after).unwrap();
        let service = Service::run(folder.clone(), Stdio::piped());
        let says = service.log.contains("recalled what is ordinary at the web layer of 1 services");
        assert_eq!(says, is_kept, "{}", service.log);
        assert_eq!(service.figure("learnt_web_services_recalled"), Some(f64::from(u8::from(is_kept))));
        service.reaches("web_requests_total", after.lines().count() as f64);
        let (status, lines) = service.stop("TERM");
        let floods = lines.last().unwrap()["web"]["floods"].as_u64().unwrap();
        assert_eq!((status.code(), floods > 0), (Some(0), is_kept), "{lines:?}");
        assert!(folder.join("state/web-baselines.json.gz").exists() == is_kept, "a minute teaches nothing");
    }
}
