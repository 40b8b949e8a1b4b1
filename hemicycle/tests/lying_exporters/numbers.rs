//! Sampling, counts and times that cannot be.

use crate::lies;
use crate::service::INSTITUTION;
use crate::stage::{BEGINS, Honest, Live, Script, play, told_in_data_time};

fn honest() -> Script {
    Honest::new().script()
}

#[test]
fn sampling_of_0_and_of_all_ones() {
    let played = told_in_data_time(lies::sampling, honest);
    assert!(played.exporters.implausible_sampling_records > 0, "{:?}", played.exporters);
    let mut live = Live::new("sampling", lies::sampling(), honest());
    live.finds_the_flood();
    assert!(live.service.figure("implausible_sampling_records_total") > Some(0.0));
    let bytes = live.stop().1["traffic_bytes"].as_u64().unwrap();
    assert!(bytes < 1 << 30, "{bytes} bytes are those of packets that were seen");
}

#[test]
fn counts_that_no_link_carries_and_counts_that_contradict_each_other() {
    let played = told_in_data_time(lies::counters, honest);
    // 7 and 2 of each 10; 35 are told, and of the last 5 it is 4 and none.
    let counted = (played.exporters.implausible_records, played.exporters.contradictory_records);
    assert_eq!(counted, (3 * 7 + 4, 3 * 2), "{:?}", played.exporters);
    let mut live = Live::new("counters", lies::counters(), honest());
    let event = live.finds_the_flood();
    assert_eq!(event["certainty"], "lower_bound", "what the liar means is missing");
    assert!(live.service.figure("exporter_implausible_records_total{exporter=\"core\"}") > Some(0.0));
    live.service.reaches("exporter_implausible_records_total{exporter=\"edge\"}", 0.0);
    assert!(live.service.figure("contradictory_records_total") > Some(0.0));
    let summary = live.stop().1;
    assert!(summary["traffic_bytes"].as_u64().unwrap() < 1 << 30, "{summary}");
    assert!(summary["exporters"]["implausible_records"].as_u64() > Some(0), "{summary}");
}

#[test]
fn times_of_other_centuries() {
    told_in_data_time(lies::times, honest);
    let mut live = Live::new("times", lies::times(), honest());
    live.finds_the_flood();
    for _ in 0..50 {
        live.step();
    }
    let offset = live.service.figure("exporter_clock_offset_seconds{exporter=\"edge\"}").unwrap();
    assert!(offset.abs() < 5.0, "the honest clock is not touched: {offset}");
    let end = live.stop().0;
    let at = |value: &serde_json::Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let last = at(&end["evidence"]["last_packet"]).duration_since(at(&end["time"]));
    assert!(last.as_secs_f64().abs() < 2.0, "the last packet came before the end: {end}");
}

/// The prefix that holds both targets must not take absurd counts for what is ordinary, or for a flood.
#[test]
fn absurd_counts_alone_are_no_flood() {
    for lie in [lies::sampling, lies::counters, lies::times, lies::shapes] {
        let mut silent: Script = Box::new(|_| Vec::new());
        let played = play(INSTITUTION, &mut lie(), &mut silent);
        assert_eq!(played.starts, [], "from step {BEGINS} on nothing honest was said");
    }
}
