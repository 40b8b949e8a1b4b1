//! Frames of any link type: no panic, payloads inside the frame, and a bound on the time for one frame.
//!
//! The first byte chooses the link type, so that the fuzzer reaches each of them.
#![no_main]

use std::time::Duration;

use cpu_time::ThreadTime;
use libfuzzer_sys::fuzz_target;
use wire::packet::{self, LinkType};

const LINKS: [u32; 14] = [1, 0, 9, 12, 50, 51, 101, 104, 108, 113, 219, 228, 229, 276];

/// A frame takes some tens of nanoseconds; this is generous for a sanitized build on a busy machine.
const WORST: Duration = Duration::from_millis(20);

fuzz_target!(|data: &[u8]| {
    let Some((first, frame)) = data.split_first() else { return };
    let link = LinkType(LINKS[usize::from(*first) % LINKS.len()]);
    // A pause of the machine is no finding: the frame has to be slow three times.
    let slow = (0..3).all(|_| {
        let start = ThreadTime::now();
        check(link, frame);
        start.elapsed() > WORST
    });
    assert!(!slow, "a frame of {} bytes takes longer than {WORST:?}", frame.len());
});

fn check(link: LinkType, frame: &[u8]) {
    let Ok(decoded) = packet::decode(link, frame) else { return };
    assert_eq!(decoded.inner.is_some(), decoded.tunnel.is_some());
    for packet in [Some(decoded.outer), decoded.inner].into_iter().flatten() {
        assert!(packet.payload.len() <= frame.len());
        if packet.fragment == wire::Fragment::Later {
            assert_eq!((packet.source_port, packet.destination_port), (0, 0));
        }
    }
}
