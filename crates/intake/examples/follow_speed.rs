//! What the bare follower costs: lines a second of a log that is there already, and of one that grows.
//!
//! ```text
//! cargo run --release -p intake --example follow_speed
//! ```

#![allow(clippy::unwrap_used, reason = "an example for the maintainers")]

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    time::Instant,
};

use intake::follow::{FollowOptions, Follower, StartAt};
use rustix::time::{ClockId, clock_gettime};
use wire::Time;

/// As a server writes it; 180 bytes.
const LINE: &str = "198.51.100.23 - - [27/Nov/2026:13:00:00 +0000] \"GET /agenda/2026-11-27?lang=en HTTP/1.1\" 200 15230 \
                    \"https://www.parliament.example/\" \"Mozilla/5.0 (X11; Linux x86_64) Firefox/132.0\"\n";
const LINES: u64 = 5_000_000;
const PIECE: u64 = 1_000;

fn processor_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn main() {
    let path = std::env::temp_dir().join(format!("hemicycle-follow-speed-{}", std::process::id()));
    let piece = LINE.repeat(PIECE as usize);
    let mut file = File::create(&path).unwrap();
    (0..LINES / PIECE).for_each(|_| file.write_all(piece.as_bytes()).unwrap());
    let options = FollowOptions { start_at: StartAt::Beginning, ..FollowOptions::new(&path, [1; 16]) };
    let mut follower = Follower::new(options, &[]);
    let (started, before, mut bytes) = (Instant::now(), processor_seconds(), 0);
    let mut take = |line: intake::follow::Line<'_>| bytes += line.bytes.len();
    while follower.turn(Time::from_seconds(1, 0), &mut take).bytes > 0 {}
    let (elapsed, spent) = (started.elapsed().as_secs_f64(), processor_seconds() - before);
    println!(
        "there already: {:.1} million lines/s, {:.0} ns of processor a line",
        LINES as f64 / elapsed / 1e6,
        spent * 1e9 / LINES as f64
    );
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    let (mut spent, rounds) = (0.0, 2_000);
    for round in 0..rounds {
        file.write_all(piece.as_bytes()).unwrap();
        let before = processor_seconds();
        follower.turn(Time::from_seconds(round, 0), &mut take);
        spent += processor_seconds() - before;
    }
    println!(
        "in pieces of {PIECE} lines: {:.0} ns of processor a line",
        spent * 1e9 / (rounds as u64 * PIECE) as f64
    );
    let before = processor_seconds();
    (0..10_000).for_each(|look| {
        follower.turn(Time::from_seconds(look, 0), &mut take);
    });
    println!("a look at a file at rest: {:.1} microseconds", (processor_seconds() - before) * 1e6 / 1e4);
    println!("{bytes} bytes, {:?}", follower.counters());
    fs::remove_file(path).unwrap();
}
