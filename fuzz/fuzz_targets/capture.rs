//! Capture files: no panic, an end, the same frames however the bytes come, and a bound on the time.
#![no_main]

use std::time::Duration;

use cpu_time::ThreadTime;
use libfuzzer_sys::fuzz_target;
use wire::capture::{self, Framer, MAX_RECORD_BYTES, Step};

/// Per input; an input is at most some kilobytes. Generous for a sanitized build on a busy machine.
const WORST: Duration = Duration::from_millis(100);

fuzz_target!(|data: &[u8]| {
    let slow = (0..3).all(|_| {
        let start = ThreadTime::now();
        check(data);
        start.elapsed() > WORST
    });
    assert!(!slow, "a file of {} bytes takes longer than {WORST:?}", data.len());
});

fn check(data: &[u8]) {
    let whole = capture::frames(data).filter(Result::is_ok).count();
    assert_eq!(whole, in_pieces(data, 7));
}

/// Frames found when no more than was asked for is at hand, rounded up to `piece` bytes.
fn in_pieces(data: &[u8], piece: usize) -> usize {
    let (mut framer, mut at, mut end, mut count) = (Framer::new(), 0_usize, 0_usize, 0);
    loop {
        match framer.next(&data[at..end]) {
            Step::Frame { frame, data_at, used } => {
                assert_eq!(data[at + data_at..].get(..frame.data.len()), Some(frame.data));
                at += used;
                count += 1;
            }
            Step::Pass { used } => {
                let Some(next) = usize::try_from(used).ok().and_then(|used| at.checked_add(used)) else {
                    return count;
                };
                if next > data.len() {
                    return count;
                }
                at = next;
                end = end.max(at);
            }
            Step::More { needed } => {
                assert!(needed <= MAX_RECORD_BYTES && needed > end - at);
                if end == data.len() {
                    return count;
                }
                end = (at + needed.next_multiple_of(piece)).min(data.len());
            }
            Step::Damaged(_) => return count,
        }
    }
}
