//! The clock of live runs, and waiting. Everything else in the laboratory is given the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Waits.
#[expect(clippy::disallowed_methods, reason = "a live run takes as long as it takes")]
pub(crate) fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Nanoseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "datagrams of a live run carry the time at which they are sent"
)]
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

/// Waits until `done` or until `limit` has passed. Gives whether it was done.
pub(crate) fn until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > limit {
            return false;
        }
        wait(Duration::from_millis(20));
    }
    true
}
