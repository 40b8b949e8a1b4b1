//! A scene through the pipeline without sockets and without waiting: many seeds in the time of one live run.

use anyhow::{Context, Result};
use wire::{Address, Time};

use super::scene::{Export, Scene};
use super::score::{Alarm, Outcome, judge};
use super::traffic::{TICK_SECONDS, Traffic};
use crate::live::feed::{Feed, Starts};

/// When simulated runs begin, in nanoseconds since 1970.
const EPOCH: i64 = 1_780_000_000_000_000_000;
/// Ticks after which the pipeline is told the time, as the service does.
const ADVANCE_TICKS: u64 = 10;

/// Runs a scene with a seed.
pub(super) fn run(scene: &Scene, seed: u64) -> Result<Outcome> {
    let institution = institution::parse("latency.toml", &scene.institution());
    let institution = institution.ok().context("the institution of the scene is not valid")?;
    let mut starts = Starts::default();
    let mut feed = Feed::new(institution, &mut starts);
    let mut traffic = Traffic::new(scene, seed, EPOCH);
    let mut ticks = 0u64;
    while let Some(time) = traffic.next() {
        let now = EPOCH + (time * 1e9) as i64;
        feed.pipeline().listener().now = time;
        for sent in traffic.tick(now) {
            let last = if sent.export == Export::Sflow { 1 } else { 2 };
            feed.datagram(
                Address::from_ipv4([127, 0, 0, last]),
                Time::from_seconds(0, 0).plus_nanoseconds(now),
                &sent.bytes,
            );
        }
        ticks += 1;
        if ticks.is_multiple_of(ADVANCE_TICKS) {
            // A tick's alarms are known when it is over.
            feed.pipeline().listener().now = time + TICK_SECONDS;
            let over = now + (TICK_SECONDS * 1e9) as i64;
            feed.pipeline().advance(Time::from_seconds(0, 0).plus_nanoseconds(over));
        }
    }
    let flooded = traffic.flooded;
    let alarms: Vec<Alarm> =
        starts.list.iter().filter_map(|(time, event)| Alarm::of_event(*time, event)).collect();
    Ok(judge(scene, &flooded, &alarms))
}
