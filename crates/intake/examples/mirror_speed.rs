//! What the bare ring costs: processor time of the reading thread for each packet, and what the kernel drops.
//!
//! As root, in a namespace of its own, with a capture of the repository unpacked to `syn.pcap`:
//!
//! ```text
//! cargo build --release -p intake --example mirror_speed
//! ip netns add speed && ip netns exec speed sh -c '
//!   ip link add name sender type veth peer name mirror; ip link set sender arp off up; ip link set mirror arp off up
//!   target/release/examples/mirror_speed mirror 20 &
//!   tcpreplay -q -i sender --topspeed --preload-pcap --loop=500 syn.pcap; wait'
//! ip netns del speed
//! ```
//!
//! Arguments: interface, seconds, and how many packets a read touches (default: every packet, headers decoded; `none`
//! only counts).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "an example for the maintainers")]

use std::time::{Duration, Instant};

use intake::mirror::{Mirror, MirrorOptions};
use rustix::time::{ClockId, clock_gettime};
use wire::packet::decode;

fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let interface = arguments.next().expect("an interface");
    let seconds: f64 = arguments.next().map_or(10.0, |text| text.parse().expect("seconds"));
    let is_bare = arguments.next().is_some_and(|word| word == "none");
    let mut mirror = Mirror::open(&MirrorOptions::new(&interface)).expect("the interface").remove(0);
    let (mut packets, mut first, mut last, mut spent) = (0_u64, None, Instant::now(), 0.0);
    let started = Instant::now();
    while started.elapsed().as_secs_f64() < seconds {
        let before = thread_seconds();
        let blocks = mirror
            .read(Duration::from_millis(100), &mut |frame| {
                packets += 1;
                if !is_bare {
                    let _ = std::hint::black_box(decode(frame.link, frame.bytes));
                }
            })
            .expect("packets");
        if blocks > 0 {
            spent += thread_seconds() - before;
            first.get_or_insert_with(Instant::now);
            last = Instant::now();
        }
    }
    mirror.kernel_drops();
    let counters = mirror.ports()[0].counters();
    let span = first.map_or(0.0, |first| (last - first).as_secs_f64());
    println!(
        "{} frames in {span:.1} s: {:.0} frames/s, {} dropped ({:.3} %), {} freezes, {:.0} ns of processor a frame ({})",
        counters.kernel_frames,
        counters.kernel_frames as f64 / span.max(1e-9),
        counters.kernel_drops,
        100.0 * counters.kernel_drops as f64 / (counters.kernel_frames as f64).max(1.0),
        counters.freezes,
        spent * 1e9 / (packets as f64).max(1.0),
        if is_bare { "bare ring" } else { "with the headers decoded" },
    );
}
