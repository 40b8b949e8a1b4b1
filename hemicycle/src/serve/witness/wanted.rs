//! Floods of which evidence is gathered, told by the thread of events to those who see traffic.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use detect::{Event, Phase};
use ipnet::IpNet;
use wire::Address;

use super::{Counts, MAXIMUM_FLOODS};

/// Ranges of addresses of one flood; those of a larger group are left out.
const MAXIMUM_RANGES: usize = 1024;

/// A flood of which evidence is gathered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Wish {
    pub(super) flood: Arc<str>,
    /// When it began, nanoseconds since 1970.
    pub(super) onset: i64,
    /// Sorted, and apart from each other.
    ranges: Vec<(u128, u128)>,
}

impl Wish {
    /// Of a flood, by what it hits; none if that is no address.
    pub(super) fn of(flood: &str, onset: i64, targets: &[String]) -> Option<Self> {
        let mut ranges: Vec<_> = targets.iter().take(MAXIMUM_RANGES).filter_map(|text| range(text)).collect();
        ranges.sort_unstable();
        ranges.dedup_by(|next, before| {
            let touches = next.0 <= before.1.saturating_add(1);
            if touches {
                before.1 = before.1.max(next.1);
            }
            touches
        });
        (!ranges.is_empty()).then(|| Self { flood: flood.into(), onset, ranges })
    }

    /// Whether an address is one of those that are hit.
    #[inline]
    pub(super) fn holds(&self, bits: u128) -> bool {
        let place = self.ranges.partition_point(|range| range.1 < bits);
        self.ranges.get(place).is_some_and(|range| range.0 <= bits)
    }
}

/// First and last address of an address or prefix.
fn range(text: &str) -> Option<(u128, u128)> {
    let bits = |address: IpAddr| Address::from(address).bits();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((bits(address), bits(address)));
    }
    let network: IpNet = text.parse().ok()?;
    Some((bits(network.network()), bits(network.broadcast())))
}

/// All of them as they are now.
pub(super) type Wishes = Arc<Vec<Arc<Wish>>>;

/// What goes on, readable from every thread.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    generation: AtomicU64,
    wishes: Mutex<Wishes>,
}

impl Wanted {
    /// A flood starts, goes on or ends. Surges are not asked for: nobody attacks.
    pub(super) fn take(&self, event: &Event, counts: &Counts) {
        let Event::Flood(line) = event else { return };
        if line.phase == Phase::Update {
            return;
        }
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now: Vec<_> = wishes.iter().filter(|wish| *wish.flood != *line.id).cloned().collect();
        if line.phase == Phase::Start {
            let wish = Wish::of(&line.id, line.onset.nanoseconds(), &line.target.addresses);
            match wish {
                Some(wish) if now.len() < MAXIMUM_FLOODS => {
                    now.push(Arc::new(wish));
                    Counts::add(&counts.floods, 1);
                }
                Some(_) => Counts::add(&counts.floods_refused, 1),
                // Of a log alone no address of the target is known, and no packet.
                None => {}
            }
        }
        *wishes = Arc::new(now);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// What goes on, if it is something else than at `seen`, which is brought up to date.
    pub(super) fn newer(&self, seen: &mut u64) -> Option<Wishes> {
        let generation = self.generation.load(Ordering::Acquire);
        if generation == *seen {
            return None;
        }
        // The thread of events holds it for as long as it takes to copy 64 pointers.
        let wishes = self.wishes.try_lock().ok()?;
        *seen = generation;
        Some(wishes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_prefixes_of_both_families_are_held() {
        let texts =
            ["192.0.2.10", "192.0.2.11", "198.51.100.0/24", "2001:db8:1::/48", "a name"].map(str::to_owned);
        let wish = Wish::of("f", 0, &texts).unwrap();
        let holds = |text: &str| wish.holds(Address::from(text.parse::<IpAddr>().unwrap()).bits());
        assert_eq!(wish.ranges.len(), 3, "neighbours are one");
        for inside in ["192.0.2.10", "192.0.2.11", "198.51.100.255", "2001:db8:1:ffff::1"] {
            assert!(holds(inside), "{inside}");
        }
        for outside in ["192.0.2.12", "192.0.2.9", "198.51.101.0", "2001:db8:2::", "::"] {
            assert!(!holds(outside), "{outside}");
        }
        assert_eq!(Wish::of("f", 0, &["a name".to_owned()]), None);
    }
}
