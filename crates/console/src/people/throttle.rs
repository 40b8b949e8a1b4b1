//! How often somebody may try to sign in, so that guessing is hopeless and nobody can be kept out.
//!
//! A lock on an account that closes after some wrong passwords is a weapon: whoever knows the duty officer's name closes
//! it. Here no account is ever closed. The rule:
//!
//! 1. A **device that has signed in to this account before** (it holds a cookie that says so) has an allowance of its own.
//!    What others do never touches it.
//! 2. Everybody else shares the allowance of their address: [`BURST`] wrong tries, then one every [`REFILL_SECONDS`]. Of
//!    IPv6 the /64 counts, since that is what one customer has.
//! 3. When strangers have failed at one account [`SIEGE_FAILURES`] times in [`SIEGE_SECONDS`], it is under siege: each
//!    address then has one try at it every [`SIEGE_WAIT_SECONDS`]. From a new device the duty officer has that one too.
//!
//! Since a sign-in needs the code of the app together with the password, what is left to a guesser is not worth having.
//! Tries cost the server work, so at most two are worked on at once: one of known devices, one of strangers (`signin`).
//! And whoever stands at the server can always print a new link. Memory: [`MAXIMUM_ENTRIES`] of each kind, whatever comes.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Wrong tries before somebody has to wait.
const BURST: i64 = 10;
/// Seconds until one more.
const REFILL_SECONDS: i64 = 6;
/// Wrong tries of strangers at one account before it counts as under siege.
const SIEGE_FAILURES: usize = 20;
/// Seconds in which they are counted.
const SIEGE_SECONDS: i64 = 900;
/// Seconds between two tries of one address at an account under siege.
const SIEGE_WAIT_SECONDS: i64 = 60;
/// Most addresses, devices and names that are remembered, each.
const MAXIMUM_ENTRIES: usize = 16_384;

/// Who tries: by address (IPv4 whole, IPv6 its /64), or a device by the digest of its cookie.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Address(IpAddr),
    Device([u8; 32]),
}

impl Source {
    pub(super) fn address(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                IpAddr::V6(network.into())
            }
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// What was tried lately.
#[derive(Default)]
pub(crate) struct Throttle {
    /// When the allowance is full again, in seconds; each wrong try moves it [`REFILL_SECONDS`] on.
    full: BTreeMap<Source, i64>,
    /// Wrong tries of strangers, by name.
    failures: BTreeMap<String, Vec<i64>>,
    /// The last try at a name under siege.
    besieging: BTreeMap<(String, Source), i64>,
}

impl Throttle {
    /// Whether a try may go on; if not, after how many seconds the next.
    pub(super) fn ask(&mut self, source: &Source, name: &str, now: i64) -> Result<(), i64> {
        let debt = self.full.get(source).map_or(0, |full| full - now);
        let wait = debt - (BURST - 1) * REFILL_SECONDS;
        if wait > 0 {
            return Err(wait);
        }
        if matches!(source, Source::Address(_)) && self.besieged(name, now) {
            let key = (name.to_lowercase(), source.clone());
            if let Some(last) = self.besieging.get(&key).filter(|last| now - **last < SIEGE_WAIT_SECONDS) {
                return Err(SIEGE_WAIT_SECONDS - (now - last));
            }
            make_room(&mut self.besieging, |last| now - last >= SIEGE_WAIT_SECONDS);
            self.besieging.insert(key, now);
        }
        Ok(())
    }

    /// A try that went wrong.
    pub(super) fn failed(&mut self, source: &Source, name: &str, now: i64) {
        make_room(&mut self.full, |full| *full <= now);
        let full = self.full.entry(source.clone()).or_insert(now);
        *full = (*full).max(now) + REFILL_SECONDS;
        if matches!(source, Source::Address(_)) {
            make_room(&mut self.failures, |times| times.last().is_none_or(|last| now - last > SIEGE_SECONDS));
            let times = self.failures.entry(name.to_lowercase()).or_default();
            times.push(now);
            if times.len() > SIEGE_FAILURES {
                times.remove(0);
            }
        }
    }

    /// Whether strangers have tried an account too often.
    pub(super) fn besieged(&self, name: &str, now: i64) -> bool {
        let times = self.failures.get(&name.to_lowercase());
        times.is_some_and(|times| times.len() >= SIEGE_FAILURES && now - times[0] <= SIEGE_SECONDS)
    }
}

/// Keeps a map below its bound: first what says nothing any more goes, then the first half, for lack of a better choice.
fn make_room<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, stale: impl Fn(&V) -> bool) {
    if map.len() < MAXIMUM_ENTRIES {
        return;
    }
    map.retain(|_, value| !stale(value));
    if map.len() >= MAXIMUM_ENTRIES
        && let Some(middle) = map.keys().nth(MAXIMUM_ENTRIES / 2).cloned()
    {
        *map = map.split_off(&middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Source {
        Source::address(text.parse().unwrap())
    }

    /// Tries until told to wait.
    fn tries(throttle: &mut Throttle, source: &Source, name: &str, now: i64) -> usize {
        let mut count = 0;
        while count < 1_000 && throttle.ask(source, name, now).is_ok() {
            throttle.failed(source, name, now);
            count += 1;
        }
        count
    }

    #[test]
    fn an_address_has_ten_tries_and_then_one_every_six_seconds() {
        let mut throttle = Throttle::default();
        let source = address("192.0.2.1");
        assert_eq!(tries(&mut throttle, &source, "ada", 1_000), 10);
        assert_eq!(throttle.ask(&source, "bob", 1_000), Err(6), "whichever name");
        assert!(throttle.ask(&address("192.0.2.2"), "ada", 1_000).is_ok());
        assert_eq!(tries(&mut throttle, &source, "ada", 1_006), 1);
        assert_eq!(
            tries(&mut throttle, &source, "bob", 1_000_000),
            10,
            "an allowance does not grow beyond its size"
        );
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one_and_a_mapped_address_as_ipv4() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }

    #[test]
    fn the_duty_officer_is_never_kept_out() {
        let mut throttle = Throttle::default();
        // Ten thousand addresses guess at once, at one name.
        for number in 0..10_000_u32 {
            let stranger = Source::address(IpAddr::from((0x0a00_0000 + number).to_be_bytes()));
            tries(&mut throttle, &stranger, "duty", 1_000);
        }
        assert!(throttle.besieged("Duty", 1_000));
        // The known device has all of its own tries, and a new one in a new place has one, then one a minute.
        assert!(throttle.ask(&Source::Device([1; 32]), "duty", 1_000).is_ok());
        let hotel = address("198.51.100.7");
        assert!(throttle.ask(&hotel, "duty", 1_000).is_ok());
        assert_eq!(throttle.ask(&hotel, "duty", 1_010), Err(50));
        assert!(throttle.ask(&hotel, "duty", 1_060).is_ok());
        assert!(throttle.ask(&hotel, "other", 1_060).is_ok(), "another account is not under siege");
        assert!(!throttle.besieged("duty", 1_000 + SIEGE_SECONDS + 1), "a siege ends by itself");
    }

    #[test]
    fn memory_is_bounded_whatever_is_tried() {
        let mut throttle = Throttle::default();
        for number in 0..3 * u32::try_from(MAXIMUM_ENTRIES).unwrap() {
            let stranger = Source::address(IpAddr::from(number.to_be_bytes()));
            let name = format!("name {number}");
            assert!(throttle.ask(&stranger, &name, 1_000).is_ok());
            throttle.failed(&stranger, &name, 1_000);
        }
        assert!(throttle.full.len() <= MAXIMUM_ENTRIES);
        assert!(throttle.failures.len() <= MAXIMUM_ENTRIES);
    }
}
