//! Floods of which evidence is gathered, told by the thread of events to those who see traffic.
//!
//! The queue that leads here drops what does not fit, so that the end of a flood may never be heard of. One that was not
//! heard of for [`SILENCE`] is therefore over, and its place is somebody else's.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use detect::{Event, Phase};
use ipnet::IpNet;
use wire::Address;

use super::{Counts, MAXIMUM_FLOODS};
use crate::serve::office::SILENCE;

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
    going: Mutex<Going>,
}

/// What goes on, and when each of it was heard of last, in the same order.
#[derive(Debug, Default)]
struct Going {
    wishes: Wishes,
    heard: Vec<Instant>,
}

impl Going {
    /// Leaves only some.
    fn retain(&mut self, stays: impl Fn(&Wish, Instant) -> bool) {
        let both = self.wishes.iter().cloned().zip(self.heard.iter().copied());
        let (wishes, heard) = both.filter(|(wish, heard)| stays(wish, *heard)).unzip();
        (self.wishes, self.heard) = (Arc::new(wishes), heard);
    }
}

impl Wanted {
    /// A flood starts, goes on or ends. Surges are not asked for: nobody attacks.
    pub(super) fn take(&self, event: &Event, counts: &Counts, now: Instant) {
        let Event::Flood(line) = event else { return };
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        if line.phase == Phase::Update {
            let place = going.wishes.iter().position(|wish| *wish.flood == *line.id);
            if let Some(heard) = place.and_then(|place| going.heard.get_mut(place)) {
                *heard = now;
            }
            return;
        }
        going.retain(|wish, _| *wish.flood != *line.id);
        if line.phase == Phase::Start {
            let wish = Wish::of(&line.id, line.onset.nanoseconds(), &line.target.addresses);
            if wish.is_some() && going.wishes.len() >= MAXIMUM_FLOODS {
                forget_silent(&mut going, counts, now);
            }
            match wish {
                Some(wish) if going.wishes.len() < MAXIMUM_FLOODS => {
                    Arc::make_mut(&mut going.wishes).push(Arc::new(wish));
                    going.heard.push(now);
                    Counts::add(&counts.floods, 1);
                }
                Some(_) => Counts::add(&counts.floods_refused, 1),
                // Of a log alone no address of the target is known, and no packet.
                None => {}
            }
        }
        drop(going);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Forgets floods that were not heard of for long: of nobody is anything kept longer because an end was lost.
    pub(super) fn forget_silent(&self, counts: &Counts, now: Instant) {
        let mut going = self.going.lock().unwrap_or_else(PoisonError::into_inner);
        if forget_silent(&mut going, counts, now) {
            drop(going);
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    /// What goes on, if it is something else than at `seen`, which is brought up to date.
    pub(super) fn newer(&self, seen: &mut u64) -> Option<Wishes> {
        let generation = self.generation.load(Ordering::Acquire);
        if generation == *seen {
            return None;
        }
        // The thread of events holds it for as long as it takes to copy 64 pointers.
        let going = self.going.try_lock().ok()?;
        *seen = generation;
        Some(going.wishes.clone())
    }
}

/// Whether any was.
fn forget_silent(going: &mut Going, counts: &Counts, now: Instant) -> bool {
    let before = going.wishes.len();
    if going.heard.iter().all(|&heard| now.saturating_duration_since(heard) <= SILENCE) {
        return false;
    }
    going.retain(|_, heard| now.saturating_duration_since(heard) <= SILENCE);
    Counts::add(&counts.floods_silent, before - going.wishes.len());
    true
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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

    #[test]
    fn floods_whose_end_was_lost_make_room() {
        let (wanted, counts) = (Wanted::default(), Counts::default());
        let began = Instant::now();
        let told = |number: usize, phase: Phase| {
            let target = format!("192.0.2.{number}");
            crate::serve::office::told(&format!("flood {number}"), phase, &[&target])
        };
        let refused = || counts.floods_refused.load(Ordering::Relaxed);
        for number in 0..MAXIMUM_FLOODS {
            wanted.take(&told(number, Phase::Start), &counts, began);
        }
        let later = began + SILENCE;
        wanted.take(&told(200, Phase::Start), &counts, later);
        assert_eq!(refused(), 1, "all of them go on");
        wanted.take(&told(7, Phase::Update), &counts, later);
        let now = later + Duration::from_secs(1);
        wanted.take(&told(200, Phase::Start), &counts, now);
        assert_eq!(refused(), 1);
        let floods = |wanted: &Wanted| {
            let wishes = wanted.newer(&mut 0).unwrap();
            wishes.iter().map(|wish| wish.flood.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(floods(&wanted), ["flood 7", "flood 200"]);
        assert_eq!(counts.floods_silent.load(Ordering::Relaxed), 63);
        // Also where nothing else comes.
        let mut seen = 0;
        wanted.newer(&mut seen);
        wanted.forget_silent(&counts, now);
        assert_eq!(wanted.newer(&mut seen), None, "nothing changed");
        wanted.forget_silent(&counts, later + SILENCE + Duration::from_millis(1));
        assert_eq!(floods(&wanted), ["flood 200"]);
    }
}
