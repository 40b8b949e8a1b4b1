//! What one client did lately: a fixed table, the least recent ones make room.
//!
//! It answers two questions of every request: does this client change its `User-Agent` as it goes, and is it faster than
//! people are? Both only of clients that load no assets: behind one address of a mobile network are many readers, with
//! many agents, but they load what belongs to their pages.
//!
//! Limits: [`CLIENTS`] in all, in sets of [`WAYS`] under a secret hash. An IPv6 client is its /64.

use sketch::TableKey;

/// Clients remembered.
pub(crate) const CLIENTS: usize = 1 << 15;
const WAYS: usize = 4;
/// What is counted decays over this many seconds.
const MEMORY_SECONDS: f32 = 10.0;
/// Requests, decayed, before anything is said of a client.
const REQUESTS_MINIMUM: f32 = 12.0;
/// Share of requests with another agent than the one before that makes a tool.
const SWITCHES_SHARE: f32 = 0.4;
/// Share of assets above which a client is taken for readers.
const ASSETS_SHARE: f32 = 0.15;
/// A reader who loaded nothing for so long comes again.
const VISIT_SECONDS: u32 = 600;
/// Requests a second above which a client alone is faster than people, and than polite programs.
pub(crate) const PACE_REQUESTS_PER_SECOND: f32 = 25.0;

/// One client at one service.
#[derive(Clone, Copy, Default)]
struct Entry {
    tag: u32,
    second: u32,
    requests: f32,
    assets: f32,
    switches: f32,
    agent: u32,
    /// The last second in which it loaded what belongs to a page.
    asset_second: u32,
}

/// How a client behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// As people do, or not seen often enough.
    Ordinary,
    /// It changes its agent as it goes.
    Switching,
    /// It is alone faster than people.
    Fast,
}

/// The table.
pub(crate) struct Clients {
    key: TableKey<3>,
    entries: Box<[Entry]>,
    /// Clients that made room while they were still counted.
    pub(crate) evicted: u64,
}

impl Clients {
    /// An empty table.
    pub(crate) fn new(key: TableKey<3>) -> Self {
        Self { key, entries: vec![Entry::default(); CLIENTS].into_boxed_slice(), evicted: 0 }
    }

    /// Counts a request and says how its client behaves, and whether it is a reader who was not here lately. `bits` are the client's address or a hash of its name.
    pub(crate) fn note(
        &mut self,
        service: u32,
        bits: u128,
        agent: u64,
        is_asset: bool,
        second: u32,
    ) -> (Manner, bool) {
        let hash = self.key.hash([u64::from(service), (bits >> 64) as u64, bits as u64]);
        let set = (hash as usize % (CLIENTS / WAYS)) * WAYS;
        let tag = (hash >> 32) as u32 | 1;
        let Some(entries) = self.entries.get_mut(set..set + WAYS) else { return (Manner::Ordinary, false) };
        let way = entries.iter().position(|entry| entry.tag == tag).unwrap_or_else(|| {
            let oldest = (0..WAYS).min_by_key(|&way| entries[way].second).unwrap_or(0);
            let entry = &entries[oldest];
            self.evicted +=
                u64::from(entry.tag != 0 && second.saturating_sub(entry.second) < MEMORY_SECONDS as u32);
            entries[oldest] = Entry { tag, second, agent: agent as u32, ..Entry::default() };
            oldest
        });
        entries[way].note(agent as u32, is_asset, second)
    }
}

impl Entry {
    fn note(&mut self, agent: u32, is_asset: bool, second: u32) -> (Manner, bool) {
        let silent = second.saturating_sub(self.second);
        if silent > 0 {
            let kept = (-(silent as f32) / MEMORY_SECONDS).exp();
            self.requests *= kept;
            self.assets *= kept;
            self.switches *= kept;
            self.second = second;
        }
        self.requests += 1.0;
        self.assets += f32::from(u8::from(is_asset));
        self.switches += f32::from(u8::from(agent != self.agent));
        self.agent = agent;
        let is_new_reader =
            is_asset && (self.asset_second == 0 || second.saturating_sub(self.asset_second) > VISIT_SECONDS);
        if is_asset {
            self.asset_second = second;
        }
        (self.manner(), is_new_reader)
    }

    fn manner(&self) -> Manner {
        if self.requests < REQUESTS_MINIMUM || self.assets > ASSETS_SHARE * self.requests {
            Manner::Ordinary
        } else if self.requests > PACE_REQUESTS_PER_SECOND * MEMORY_SECONDS {
            Manner::Fast
        } else if self.switches >= SWITCHES_SHARE * self.requests {
            Manner::Switching
        } else {
            Manner::Ordinary
        }
    }
}

#[cfg(test)]
mod tests {
    use sketch::KeyedState;

    use super::*;

    fn table() -> Clients {
        Clients::new(TableKey::new(&KeyedState::new([1; 16]), 1))
    }

    #[test]
    fn a_client_that_changes_its_agent_is_a_tool_unless_it_loads_assets() {
        let (mut table, mut last) = (table(), Manner::Ordinary);
        for number in 0..40 {
            last = table.note(0, 7, number, false, 100 + number as u32 / 4).0;
        }
        assert_eq!(last, Manner::Switching);
        for number in 0..40 {
            last = table.note(0, 8, number, number % 3 > 0, 100).0;
        }
        assert_eq!(last, Manner::Ordinary, "many readers behind one address");
    }

    #[test]
    fn a_client_is_fast_only_while_it_is() {
        let (mut table, mut manners) = (table(), Vec::new());
        for number in 0..4_000_u32 {
            manners.push(table.note(1, 9, 5, false, 50 + number / 100).0);
        }
        assert_eq!(manners.last(), Some(&Manner::Fast));
        assert_eq!(table.note(1, 9, 5, false, 200).0, Manner::Ordinary);
        let script: Vec<_> =
            (0..1_000_u32).map(|number| table.note(1, 10, 5, false, 300 + number / 13).0).collect();
        assert!(script.iter().all(|manner| *manner == Manner::Ordinary), "thirteen a second is a script");
    }

    #[test]
    fn a_reader_is_new_with_the_first_asset_of_a_visit() {
        let mut table = table();
        let new: Vec<_> = [(100, false), (100, true), (101, true), (400, true), (1_000, true), (1_700, true)]
            .map(|(second, is_asset)| table.note(0, 3, 1, is_asset, second).1)
            .into();
        assert_eq!(new, [false, true, false, false, false, true]);
    }

    #[test]
    fn more_clients_than_there_is_room_for_are_counted_and_harm_nobody() {
        let mut table = table();
        for number in 0..3 * CLIENTS as u128 {
            table.note(0, number, 1, false, 10);
        }
        assert!(table.evicted > CLIENTS as u64);
    }
}
