//! When which service was seen to send something: all that a mirror port shows of whether it works.
//!
//! Limits: [`MAXIMUM_SLICES`] slices of time of each service; what comes in others is not kept but counted, and nothing is said any more of
//! whether that service was silent.

use std::collections::BTreeMap;
use std::net::IpAddr;

use institution::{Institution, ServiceId};
use wire::Time;

/// Length of a slice.
const SLICE_NANOSECONDS: i64 = 1_000_000_000;
/// Most slices of one service: more than a day has.
const MAXIMUM_SLICES: usize = 100_000;

/// Packets that services sent, by slices of time.
pub(crate) struct Activity {
    institution: Institution,
    sent: BTreeMap<ServiceId, Sent>,
    maximum_slices: usize,
}

/// Packets of one service.
#[derive(Default)]
struct Sent {
    slices: BTreeMap<i64, u64>,
    /// Packets of slices for which there was no room.
    omitted: u64,
}

/// What a service sent in the whole slices of a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Heard {
    pub(crate) packets: u64,
    /// How long these slices are together.
    pub(crate) seconds: f64,
    /// The longest time in it without a packet, that before the first and after the last too.
    pub(crate) longest_pause_seconds: f64,
}

impl Activity {
    pub(crate) const fn new(institution: Institution) -> Self {
        Self { institution, sent: BTreeMap::new(), maximum_slices: MAXIMUM_SLICES }
    }

    /// A packet was seen.
    pub(crate) fn see(&mut self, time: Time, source: IpAddr, protocol: u8, source_port: u16) {
        let Some(service) = self.institution.lookup(source).service_on(protocol, source_port) else { return };
        let sent = self.sent.entry(service).or_default();
        let slice = time.nanoseconds().div_euclid(SLICE_NANOSECONDS);
        if sent.slices.len() < self.maximum_slices || sent.slices.contains_key(&slice) {
            *sent.slices.entry(slice).or_default() += 1;
        } else {
            sent.omitted += 1;
        }
    }

    /// What a service sent in the slices that lie wholly between two times; none if there is no such slice.
    pub(crate) fn within(&self, service: ServiceId, from: Time, to: Time) -> Option<Heard> {
        let from = from.nanoseconds().div_euclid(SLICE_NANOSECONDS)
            + i64::from(from.nanoseconds().rem_euclid(SLICE_NANOSECONDS) > 0);
        let to = to.nanoseconds().div_euclid(SLICE_NANOSECONDS);
        if from >= to {
            return None;
        }
        let sent = self.sent.get(&service).into_iter().flat_map(|sent| sent.slices.range(from..to));
        let (mut packets, mut next, mut longest_pause) = (0, from, 0);
        for (&slice, count) in sent {
            packets += count;
            longest_pause = longest_pause.max(slice - next);
            next = slice + 1;
        }
        let seconds = |slices: i64| slices as f64 * (SLICE_NANOSECONDS as f64 / 1e9);
        Some(Heard {
            packets,
            seconds: seconds(to - from),
            longest_pause_seconds: seconds(longest_pause.max(to - next)),
        })
    }

    /// Packets of a service for which there was no room.
    pub(crate) fn omitted(&self, service: ServiceId) -> u64 {
        self.sent.get(&service).map_or(0, |sent| sent.omitted)
    }

    /// The same of all services.
    pub(crate) fn all_omitted(&self) -> u64 {
        self.sent.values().map(|sent| sent.omitted).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_slices_are_looked_at_and_what_has_no_room_is_counted() {
        let institution = institution::parse("n", crate::demo::day::INSTITUTION).unwrap();
        let mail = institution.services.iter().position(|service| service.id == "mail").unwrap();
        let mail = ServiceId(mail as u16);
        let mut activity = Activity { maximum_slices: 8, ..Activity::new(institution) };
        let at = |seconds: f64| Time::from_nanoseconds((seconds * 1e9) as i64);
        for half in 0..20 {
            activity.see(at(f64::from(half) / 2.0), "192.0.2.25".parse().unwrap(), 6, 25);
        }
        let packets = |from: f64, to: f64| activity.within(mail, at(from), at(to)).map(|heard| heard.packets);
        assert_eq!((packets(1.0, 2.0), packets(0.9, 3.9), packets(1.1, 2.9)), (Some(2), Some(4), None));
        assert_eq!(packets(5.0, 20.0), Some(6));
        let heard = activity.within(mail, at(0.5), at(3.0)).unwrap();
        assert_eq!(heard, Heard { packets: 4, seconds: 2.0, longest_pause_seconds: 0.0 });
        assert_eq!((activity.omitted(mail), activity.all_omitted()), (4, 4));
    }
    #[test]
    fn a_pause_is_the_longest_time_without_a_packet() {
        let institution = institution::parse("n", crate::demo::day::INSTITUTION).unwrap();
        let mail = institution.services.iter().position(|service| service.id == "mail").unwrap();
        let mail = ServiceId(mail as u16);
        let mut activity = Activity::new(institution);
        let at = |seconds: i64| Time::from_nanoseconds(seconds * 1_000_000_000);
        for second in [10, 11, 20, 24] {
            activity.see(at(second), "192.0.2.25".parse().unwrap(), 6, 25);
        }
        let pause = |from, to| activity.within(mail, at(from), at(to)).unwrap().longest_pause_seconds;
        assert_eq!((pause(9, 25), pause(0, 25), pause(10, 40), pause(30, 35)), (8.0, 10.0, 15.0, 5.0));
    }
}
