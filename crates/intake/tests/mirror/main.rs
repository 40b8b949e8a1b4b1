//! The mirror on real interfaces, in network namespaces of its own.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod namespace;

use std::{
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use intake::mirror::{Mirror, MirrorCounters, MirrorError, MirrorOptions};
use namespace::{Namespace, capture};
use wire::packet::LinkType;

/// 4,000 SYNs from forged sources, all small.
const SYNS: &str = "recorded/attacks/syn_flood/hping_random_sources.pcap.gz";
/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than the kernel keeps frames in a block.
const SILENCE: Duration = Duration::from_millis(100);

fn open(options: &MirrorOptions) -> Vec<Mirror> {
    Mirror::open(options).unwrap()
}

/// Reads until nothing comes any more; gives the frames in order.
fn drain(mirror: &mut Mirror) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut last = Instant::now();
    while last.elapsed() < SILENCE {
        let blocks = mirror
            .read(Duration::from_millis(10), &mut |frame| {
                assert_eq!(frame.link, LinkType::ETHERNET);
                all.push(frame.bytes.to_vec());
            })
            .unwrap();
        if blocks > 0 {
            last = Instant::now();
        }
    }
    mirror.kernel_drops();
    all
}

/// Reads until the counters are as wanted.
fn until(mirror: &mut Mirror, what: &str, is_so: impl Fn(&MirrorCounters, bool) -> bool) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let started = Instant::now();
    loop {
        let port = &mirror.ports()[0];
        if is_so(&port.counters(), port.is_up()) {
            return all;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: {:?}", port.counters());
        mirror.read(Duration::from_millis(10), &mut |frame| all.push(frame.bytes.to_vec())).unwrap();
    }
}

fn counters(mirror: &Mirror) -> MirrorCounters {
    let counters = mirror.ports()[0].counters();
    let sum = counters.kernel_drops
        + counters.frames
        + counters.sampled_out
        + counters.outgoing
        + counters.unusable;
    assert_eq!(counters.kernel_frames, sum, "{counters:?}");
    counters
}

#[test]
fn every_packet_is_seen_once_as_it_was_sent() {
    let Some(namespace) = Namespace::enter("every_packet_is_seen_once_as_it_was_sent") else { return };
    let (path, sent) = capture(SYNS);
    let mut mirror = open(&MirrorOptions::new("mirror")).remove(0);
    namespace.replay(&path, "--pps=20000");
    assert_eq!(drain(&mut mirror), sent);
    let counted = counters(&mirror);
    assert_eq!(counted.frames, sent.len() as u64);
    assert_eq!(counted.bytes, sent.iter().map(|frame| frame.len() as u64).sum::<u64>());
    assert_eq!((counted.kernel_drops, counted.cut, counted.errors), (0, 0, 0));
}

#[test]
fn the_time_is_that_of_the_kernel() {
    let Some(namespace) = Namespace::enter("the_time_is_that_of_the_kernel") else { return };
    let (path, _) = capture(SYNS);
    let mut mirror = open(&MirrorOptions::new("mirror")).remove(0);
    let before = intake::collect::now();
    namespace.replay(&path, "--pps=20000");
    let mut times = Vec::new();
    while mirror.read(SILENCE, &mut |frame| times.push(frame.time)).unwrap() > 0 {}
    let after = intake::collect::now();
    assert!(times.iter().all(|&time| (before..=after).contains(&time)));
    assert!(times.is_sorted());
    assert!(times.iter().any(|time| time.nanoseconds() % 1_000 != 0), "nanoseconds are kept");
}

#[test]
fn workers_share_the_packets_and_none_is_seen_twice() {
    let Some(namespace) = Namespace::enter("workers_share_the_packets_and_none_is_seen_twice") else {
        return;
    };
    let (path, mut sent) = capture(SYNS);
    let mirrors = open(&MirrorOptions { workers: 3, ..MirrorOptions::new("mirror") });
    let (sender, receiver) = channel();
    std::thread::scope(|scope| {
        for mut mirror in mirrors {
            let sender = sender.clone();
            scope.spawn(move || {
                let until = Instant::now() + Duration::from_secs(2);
                let mut all = Vec::new();
                while Instant::now() < until {
                    let mut take = |frame: intake::mirror::MirrorFrame<'_>| all.push(frame.bytes.to_vec());
                    mirror.read(Duration::from_millis(10), &mut take).unwrap();
                }
                mirror.kernel_drops();
                sender.send((all, counters(&mirror))).unwrap();
            });
        }
        namespace.replay(&path, "--pps=20000");
    });
    drop(sender);
    let mut all = Vec::new();
    for (frames, counted) in receiver {
        assert_eq!((counted.frames, counted.kernel_drops), (frames.len() as u64, 0));
        assert!(frames.len() > sent.len() / 10, "{} of {} frames for one worker", frames.len(), sent.len());
        all.extend(frames);
    }
    all.sort();
    sent.sort();
    assert!(all == sent, "{} frames of {}", all.len(), sent.len());
}

#[test]
fn vlan_tags_are_where_they_were() {
    let Some(namespace) = Namespace::enter("vlan_tags_are_where_they_were") else { return };
    let (path, sent) = capture("packets/vlan.pcap");
    let tagged = sent.iter().filter(|frame| frame[12..14] == [0x81, 0x00]).count();
    assert!(tagged > 10, "the capture has tags");
    let mut mirror = open(&MirrorOptions::new("mirror")).remove(0);
    namespace.replay(&path, "--pps=5000");
    assert_eq!(drain(&mut mirror), sent);
}

#[test]
fn what_is_cut_off_and_sampled_out_is_counted() {
    let Some(namespace) = Namespace::enter("what_is_cut_off_and_sampled_out_is_counted") else { return };
    let (path, sent) = capture("recorded/attacks/udp_flood/big_packets_one_port.pcap.gz");
    let options = MirrorOptions { snap_bytes: 64, sampling: 10, seed: 3, ..MirrorOptions::new("mirror") };
    let mut mirror = open(&options).remove(0);
    namespace.replay(&path, "--pps=20000");
    let seen = drain(&mut mirror);
    assert!(seen.iter().all(|frame| frame.len() <= 64));
    let counted = counters(&mirror);
    assert_eq!(counted.frames, seen.len() as u64);
    assert_eq!(counted.frames + counted.sampled_out, sent.len() as u64);
    assert!(counted.cut > 0 && counted.bytes > 64 * counted.frames, "{counted:?}");
    let expected = sent.len() as f64 / 10.0;
    assert!((seen.len() as f64 - expected).abs() < 5.0 * expected.sqrt(), "{} of {}", seen.len(), sent.len());
}

#[test]
fn what_this_machine_sends_is_seen_once_or_not_at_all() {
    let Some(namespace) = Namespace::enter("what_this_machine_sends_is_seen_once_or_not_at_all") else {
        return;
    };
    let (path, sent) = capture(SYNS);
    let mut without = open(&MirrorOptions::new("sender")).remove(0);
    let mut with = open(&MirrorOptions { outgoing: true, ..MirrorOptions::new("sender") }).remove(0);
    namespace.replay(&path, "--pps=20000");
    assert_eq!(drain(&mut without).len(), 0);
    assert_eq!(drain(&mut with), sent);
}

#[test]
fn a_full_ring_drops_and_every_drop_is_counted() {
    let Some(namespace) = Namespace::enter("a_full_ring_drops_and_every_drop_is_counted") else { return };
    let (path, sent) = capture(SYNS);
    let mut mirror = open(&MirrorOptions { ring_bytes: 512 << 10, ..MirrorOptions::new("mirror") }).remove(0);
    for _ in 0..4 {
        namespace.replay(&path, "--topspeed");
    }
    let seen = drain(&mut mirror);
    let counted = counters(&mirror);
    assert!(counted.kernel_drops > 0 && counted.freezes > 0, "{counted:?}");
    assert_eq!(seen.len() as u64 + counted.kernel_drops, 4 * sent.len() as u64);
    // And it goes on.
    namespace.replay(&path, "--pps=1000000");
    assert!(!drain(&mut mirror).is_empty());
}

#[test]
fn an_interface_that_goes_down_is_read_again_when_it_is_up() {
    let Some(namespace) = Namespace::enter("an_interface_that_goes_down_is_read_again_when_it_is_up") else {
        return;
    };
    let (path, sent) = capture(SYNS);
    for workers in [1, 2] {
        let mut mirrors = open(&MirrorOptions { workers, ..MirrorOptions::new("mirror") });
        let down = |counters: &MirrorCounters, is_up: bool| counters.downs == 1 && !is_up;
        namespace.replay(&path, "--pps=20000");
        namespace.ip("link set mirror down");
        let before: usize = mirrors.iter_mut().map(|mirror| until(mirror, "down", down).len()).sum();
        assert_eq!(before, sent.len(), "what was in the ring is given");
        namespace.ip("link set mirror up");
        for mirror in &mut mirrors {
            until(mirror, "up", |_, is_up| is_up);
        }
        namespace.replay(&path, "--pps=20000");
        assert_eq!(mirrors.iter_mut().map(|mirror| drain(mirror).len()).sum::<usize>(), sent.len());
        for mirror in &mirrors {
            let counted = counters(mirror);
            assert_eq!((counted.downs, counted.removals, counted.reopenings), (1, 0, 0));
        }
    }
}

#[test]
fn an_interface_that_is_removed_and_made_again_is_taken_up_again() {
    let Some(namespace) = Namespace::enter("an_interface_that_is_removed") else { return };
    let (path, sent) = capture(SYNS);
    for workers in [1, 2] {
        let mut mirrors = open(&MirrorOptions { workers, ..MirrorOptions::new("mirror") });
        namespace.replay(&path, "--pps=20000");
        namespace.ip("link del mirror");
        let mut before = 0;
        for mirror in &mut mirrors {
            before += until(mirror, "gone", |counters, is_up| counters.errors > 0 && !is_up).len();
            let counted = mirror.ports()[0].counters();
            assert_eq!((counted.removals, counted.reopenings, counted.kernel_drops), (1, 0, 0));
        }
        assert_eq!(before, sent.len(), "what was in the ring is given");
        namespace.cable();
        for mirror in &mut mirrors {
            until(mirror, "back", |counters, is_up| counters.reopenings == 1 && is_up);
        }
        namespace.replay(&path, "--pps=20000");
        let after: usize = mirrors.iter_mut().map(|mirror| drain(mirror).len()).sum();
        assert_eq!(after, sent.len());
        let all: u64 = mirrors.iter().map(|mirror| counters(mirror).frames).sum();
        assert_eq!(all, 2 * sent.len() as u64);
    }
}

#[test]
fn an_interface_that_is_not_there_is_an_error_at_the_start() {
    let Some(_namespace) = Namespace::enter("an_interface_that_is_not_there") else { return };
    let options =
        MirrorOptions { interfaces: vec!["mirror".into(), "ry".into()], ..MirrorOptions::new("mirror") };
    let error = Mirror::open(&options).unwrap_err();
    assert!(matches!(&error, MirrorError::NotHere(name) if name == "ry"), "{error}");
}
