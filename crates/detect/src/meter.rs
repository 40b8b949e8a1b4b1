//! How much comes to the addresses of services in each second, for whoever keeps figures of them. Nothing that finds floods
//! reads it.
//!
//! Limits: only addresses that the institution file gives to services are metered, so that nobody who sends chooses how
//! many there are. Of long flow records whose packets fall into steps in which nothing else came, bytes are as many as
//! packets of the address have in the mean.

use std::collections::VecDeque;

use hashbrown::HashMap;
use sketch::KeyedState;
use wire::Address;

use crate::target::STEPS_PER_SECOND;

/// Seconds that wait to be taken; the oldest goes first.
const MAXIMUM_SECONDS: usize = 8;
/// Packets over which the mean size of a packet goes.
const MEAN_PACKETS: f64 = 100_000.0;

/// What came to addresses of services in one second.
#[derive(Clone, PartialEq, Debug)]
pub struct Metered {
    /// The second, since 1970.
    pub second: i64,
    /// Addresses to which something came, with packets and bytes at the IP layer, corrected for sampling.
    pub addresses: Vec<(Address, f64, f64)>,
}

/// Counts of one address.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Of the running second.
    packets: f64,
    bytes: f64,
    /// What the mean size of a packet follows from.
    known: (f64, f64),
}

/// The running second, and those that are over.
pub(crate) struct Meter {
    second: Option<i64>,
    entries: HashMap<Address, Entry, KeyedState>,
    over: VecDeque<Metered>,
    /// Seconds that nobody took in time.
    pub(crate) lost: u64,
}

impl Meter {
    /// Nothing came yet.
    pub(crate) fn new(hash: KeyedState) -> Self {
        Self { second: None, entries: HashMap::with_hasher(hash), over: VecDeque::new(), lost: 0 }
    }

    /// A step is about to be closed: the second before it is over if it is of another one.
    pub(crate) fn begin_step(&mut self, step: i64) {
        let second = step.div_euclid(STEPS_PER_SECOND as i64);
        if self.second.is_some_and(|running| running != second) {
            self.turn();
        }
        self.second = Some(second);
    }

    /// The running second is over.
    pub(crate) fn turn(&mut self) {
        let Some(second) = self.second.take() else { return };
        let mut addresses = Vec::new();
        for (address, entry) in &mut self.entries {
            let (packets, bytes) = (std::mem::take(&mut entry.packets), std::mem::take(&mut entry.bytes));
            if packets > 0.0 {
                addresses.push((*address, packets, bytes));
            }
        }
        if addresses.is_empty() {
            return;
        }
        if self.over.len() >= MAXIMUM_SECONDS {
            self.over.pop_front();
            self.lost += 1;
        }
        self.over.push_back(Metered { second, addresses });
    }

    /// Adds what came in a step. Of `late` packets it is known only now that they came.
    pub(crate) fn add(&mut self, address: Address, packets: f32, bytes: f32, late: f32) {
        let (packets, bytes, late) = (f64::from(packets), f64::from(bytes), f64::from(late));
        if packets + late <= 0.0 {
            return;
        }
        let entry = self.entries.entry(address).or_default();
        entry.known = (entry.known.0 + packets, entry.known.1 + bytes);
        if entry.known.0 > MEAN_PACKETS {
            entry.known = (entry.known.0 / 2.0, entry.known.1 / 2.0);
        }
        entry.packets += packets + late;
        entry.bytes += bytes + late * entry.known.1 / entry.known.0.max(1.0);
    }

    /// The oldest second that is over.
    pub(crate) fn take(&mut self) -> Option<Metered> {
        self.over.pop_front()
    }

    /// Addresses may be of services no more: those that still are come again.
    pub(crate) fn forget_addresses(&mut self) {
        self.turn();
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Address {
        Address::from_ipv4([192, 0, 2, last])
    }

    #[test]
    fn a_second_is_what_came_in_its_ten_steps() {
        let mut meter = Meter::new(KeyedState::new([7; 16]));
        for step in 100..121 {
            meter.begin_step(step);
            meter.add(address(10), 2.0, 120.0, 0.0);
        }
        meter.add(address(25), 0.0, 0.0, 0.0);
        let first = meter.take().unwrap();
        assert_eq!((first.second, &first.addresses[..]), (10, &[(address(10), 20.0, 1200.0)][..]));
        assert_eq!(meter.take().unwrap().second, 11);
        assert_eq!(meter.take(), None, "the last one runs");
        meter.turn();
        assert_eq!(meter.take().unwrap().addresses, [(address(10), 2.0, 120.0)]);
    }

    #[test]
    fn late_packets_are_of_the_usual_size() {
        let mut meter = Meter::new(KeyedState::new([7; 16]));
        meter.begin_step(0);
        meter.add(address(10), 10.0, 1_000.0, 0.0);
        meter.add(address(10), 0.0, 0.0, 5.0);
        meter.turn();
        assert_eq!(meter.take().unwrap().addresses, [(address(10), 15.0, 1_500.0)]);
    }

    #[test]
    fn who_takes_nothing_loses_the_oldest_and_it_is_counted() {
        let mut meter = Meter::new(KeyedState::new([7; 16]));
        for second in 0..20 {
            meter.begin_step(second * 10);
            meter.add(address(1), 1.0, 1.0, 0.0);
        }
        assert_eq!((meter.over.len(), meter.lost), (MAXIMUM_SECONDS, 11));
        assert_eq!(meter.take().unwrap().second, 11);
    }
}
