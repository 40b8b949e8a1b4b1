//! Roll-ups.

use record::{Reader, Record, Resolution, Sample};

use crate::support::{Hand, NOON, open};

fn sample(second: i64, packets: f64) -> Sample {
    let (target, vector) = ("www".to_owned(), "all".to_owned());
    Sample { target, vector, second, packets, bits: packets * 1000.0, requests: 0.0 }
}

fn close(rate: f64, expected: f64) -> bool {
    (rate - expected).abs() <= expected * 0.001 + 0.001
}

#[test]
fn seconds_become_minutes_and_hours_with_mean_and_peak() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let record = Record::open(folder.path(), hand.options()).unwrap();
    let writer = record.writer();
    hand.set(NOON + 7300);
    for second in 0..7200 {
        let packets = if second % 60 == 30 { 1000.0 } else { 10.0 };
        assert!(writer.offer_points(vec![sample(NOON + second, packets)]));
        if second % 1000 == 0 {
            writer.flush().unwrap();
        }
    }
    writer.flush().unwrap();
    assert_eq!(record.reader().series("www", "all", Resolution::Hour, 0..i64::MAX).unwrap().len(), 1);
    // Nothing came since the last time, so that what is over by the clock is over.
    writer.flush().unwrap();
    let check = |reader: &Reader| {
        let series = |resolution| reader.series("www", "all", resolution, NOON..NOON + 7200).unwrap();
        let seconds = series(Resolution::Second);
        assert_eq!(seconds.len(), 7200);
        assert!(seconds.iter().zip(NOON..).all(|(point, second)| point.second == second));
        let minutes = series(Resolution::Minute);
        assert_eq!(minutes.len(), 120);
        assert!(
            close(minutes[7].packets_per_second, 26.5) && close(minutes[7].peak_packets_per_second, 1000.0)
        );
        let hours = series(Resolution::Hour);
        assert_eq!(hours.iter().map(|point| point.second).collect::<Vec<_>>(), [NOON, NOON + 3600]);
        assert!(close(hours[1].bits_per_second, 26_500.0) && close(hours[1].peak_bits_per_second, 1e6));
        assert_eq!(reader.series("www", "all", Resolution::Second, NOON + 5..NOON + 8).unwrap().len(), 3);
        assert!(reader.series("www", "udp_flood", Resolution::Second, 0..i64::MAX).unwrap().is_empty());
        assert_eq!(reader.series_names().unwrap(), [("www".to_owned(), "all".to_owned())]);
    };
    check(&record.reader());
    drop(record);
    check(&Reader::open(folder.path()).unwrap());
}

#[test]
fn the_newest_points_are_seen_before_they_are_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    record.writer().offer_points(vec![sample(NOON - 2, 5.0), sample(NOON - 1, 6.0)]);
    // An entry that is acknowledged comes behind what was offered before.
    record.writer().append(crate::support::act(1)).unwrap();
    let points = record.reader().series("www", "all", Resolution::Second, 0..i64::MAX).unwrap();
    assert_eq!(points.len(), 2);
    assert!(Reader::open(folder.path()).unwrap().series_names().unwrap().is_empty());
}

#[test]
fn a_minute_and_an_hour_survive_a_restart_in_their_midst() {
    let folder = tempfile::tempdir().unwrap();
    for part in 0..3 {
        let hand = Hand::new();
        hand.set(NOON + 1300 * (part + 1));
        let record = Record::open(folder.path(), hand.options()).unwrap();
        let samples = (0..1300).map(|second| sample(NOON + part * 1300 + second, 60.0)).collect();
        record.writer().offer_points(samples);
        record.writer().flush().unwrap();
    }
    let reader = Reader::open(folder.path()).unwrap();
    let minutes = reader.series("www", "all", Resolution::Minute, 0..i64::MAX).unwrap();
    assert!(minutes.iter().all(|point| close(point.packets_per_second, 60.0)), "{minutes:?}");
    assert!(minutes.len() >= 64 && minutes.windows(2).all(|pair| pair[0].second + 60 == pair[1].second));
    let hours = reader.series("www", "all", Resolution::Hour, 0..i64::MAX).unwrap();
    assert_eq!(hours.len(), 1);
    assert!(close(hours[0].packets_per_second, 60.0), "{hours:?}");
}

#[test]
fn late_early_and_too_many_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = Hand::new().options();
    options.limits.series = 2;
    let record = Record::open(folder.path(), options).unwrap();
    let writer = record.writer();
    let other = |vector: &str| Sample { vector: vector.to_owned(), ..sample(NOON, 1.0) };
    let samples = vec![
        sample(NOON, 1.0),
        sample(NOON, 1.0),
        sample(NOON - 1, 1.0),
        sample(NOON + 9999, 1.0),
        sample(-1, 1.0),
    ];
    writer.offer_points(samples);
    writer.offer_points(vec![
        other("a"),
        other("b"),
        Sample { target: "x".repeat(300), ..sample(NOON, 1.0) },
    ]);
    writer.flush().unwrap();
    let counts = writer.health().counts;
    assert_eq!((counts.samples, counts.samples_lost), (2, 6));
}

#[test]
fn points_go_when_their_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let hand = Hand::new();
    let record = Record::open(folder.path(), hand.options()).unwrap();
    hand.set(NOON + 3 * 86_400);
    for hour in 0..72 {
        let samples = (0..60).map(|minute| sample(NOON + hour * 3600 + minute * 60, 60.0)).collect();
        record.writer().offer_points(samples);
    }
    record.writer().flush().unwrap();
    record.writer().retire().unwrap();
    let reader = record.reader();
    let first = |resolution| reader.series("www", "all", resolution, 0..i64::MAX).unwrap()[0].second;
    assert_eq!(first(Resolution::Minute), NOON);
    assert!(
        first(Resolution::Second) >= NOON + 2 * 86_400 - 300 * 60,
        "a row goes when its last point is old"
    );
}

#[test]
fn a_target_that_may_be_a_person_is_kept_as_its_network() {
    let folder = tempfile::tempdir().unwrap();
    let record = open(folder.path());
    for target in ["198.51.100.7", "192.0.2.10", "2001:db8:1:2::3"] {
        record.writer().offer_points(vec![Sample { target: target.to_owned(), ..sample(NOON, 1.0) }]);
    }
    record.writer().flush().unwrap();
    let names: Vec<String> =
        record.reader().series_names().unwrap().into_iter().map(|(target, _)| target).collect();
    assert_eq!(names, ["192.0.2.10", "198.51.100.0/24", "2001:db8:1::/48"]);
}
