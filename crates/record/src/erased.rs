//! Addresses that were erased lately.
//!
//! A running service remembers more than its record: the sample of traffic that evidence is taken from, the sources of a flood
//! that goes on, events in queues. An erasure would not hold if that brought the address back a second later. So for
//! [`HOLD_NANOSECONDS`] nothing of an address that was erased goes into evidence, and it gets a code that leads nowhere:
//! nothing is stored that would lead back. After that it is somebody who comes again, as after any erasure.
//!
//! Limits: in memory only, since what it guards against is there only and goes with the process; the last [`MAXIMUM`].

use std::collections::VecDeque;
use std::net::IpAddr;

/// Longer than a flood goes on and its sources are remembered: a day.
const HOLD_NANOSECONDS: i64 = 86_400_000_000_000;
/// Each is asked for by a person, with a purpose; of more than these the oldest goes.
const MAXIMUM: usize = 1024;

/// One of them.
#[derive(Debug)]
struct Lately {
    address: IpAddr,
    code: String,
    until: i64,
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Erased(VecDeque<Lately>);

impl Erased {
    /// An address is erased now, and is called by this code as long as that is remembered.
    pub(crate) fn note(&mut self, address: IpAddr, code: String, now: i64) {
        self.0.retain(|lately| lately.address != address && lately.until > now);
        if self.0.len() >= MAXIMUM {
            self.0.pop_front();
        }
        self.0.push_back(Lately { address, code, until: now.saturating_add(HOLD_NANOSECONDS) });
    }

    /// What an address is called, if it was erased lately.
    pub(crate) fn code(&self, address: IpAddr, now: i64) -> Option<&str> {
        let lately = self.0.iter().find(|lately| lately.address == address && lately.until > now)?;
        Some(&lately.code)
    }

    /// Those of which nothing is to be taken up now.
    pub(crate) fn addresses(&self, now: i64) -> impl Iterator<Item = IpAddr> + '_ {
        self.0.iter().filter(move |lately| lately.until > now).map(|lately| lately.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_erasure_is_remembered_for_a_day_and_there_are_never_too_many() {
        let mut erased = Erased::default();
        let address = |number: u32| IpAddr::from(number.to_be_bytes());
        erased.note(address(1), "first".to_owned(), 0);
        erased.note(address(1), "again".to_owned(), 5);
        assert_eq!(erased.code(address(1), HOLD_NANOSECONDS), Some("again"));
        assert_eq!((erased.code(address(1), HOLD_NANOSECONDS + 5), erased.code(address(2), 5)), (None, None));
        assert_eq!(erased.addresses(5).collect::<Vec<_>>(), [address(1)]);
        for number in 2..2 + MAXIMUM as u32 {
            erased.note(address(number), String::new(), 6);
        }
        assert_eq!(erased.0.len(), MAXIMUM);
        assert_eq!((erased.code(address(1), 6), erased.code(address(2), 6)), (None, Some("")));
        erased.note(address(1), String::new(), 2 * HOLD_NANOSECONDS);
        assert_eq!(erased.0.len(), 1, "what is over goes");
    }
}
