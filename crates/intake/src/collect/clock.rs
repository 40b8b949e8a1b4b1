//! The clock of arrivals.

use rustix::time::{ClockId, clock_gettime};
use wire::Time;

/// Now, by the system's clock (`CLOCK_REALTIME`); the same that datagrams are stamped with. Whoever mixes arrivals
/// with moments at which nothing arrived takes both from here.
pub fn now() -> Time {
    let now = clock_gettime(ClockId::Realtime);
    Time::from_seconds(now.tv_sec, now.tv_nsec)
}
