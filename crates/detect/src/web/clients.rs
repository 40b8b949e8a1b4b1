//! What one client did lately: a fixed table, the least recent ones make room.
//!
//! It answers four questions of every request: does this client change its `User-Agent` as it goes, is it faster than
//! people are, does it ask for the same again and again (`looped`), and does it ask as evenly as only a program does (`rhythm`)?
//! The first three only of clients that load no assets:
//! behind one address of a mobile network are many readers, with many agents, but they load what belongs to their pages.
//! Inside TLS what belongs to a page is known by its coming at once; who never asks for several things at once, and goes
//! on, is a program there.
//!
//! Limits: [`CLIENTS`] in all, in sets of [`WAYS`] under a secret hash. An IPv6 client is its /64.

use sketch::TableKey;

use super::looped::{self, Loop, MEMORY_SECONDS};
use super::rhythm::Rhythm;
use crate::fade::faded;

/// Clients remembered.
pub(crate) const CLIENTS: usize = 1 << 15;
const WAYS: usize = 4;
/// Requests, decayed, before anything is said of a client.
const REQUESTS_MINIMUM: f32 = 12.0;
/// Share of requests with another agent than the one before that makes a tool.
const SWITCHES_SHARE: f32 = 0.4;
/// Share of assets above which a client is taken for readers.
const ASSETS_SHARE: f32 = 0.15;
/// A reader who loaded nothing for so long comes again.
const VISIT_SECONDS: u32 = 600;
/// Who was silent for so long comes anew.
const AGAIN_SECONDS: u32 = 30;
/// Before so long nobody can be known to poll: who asks for a few figures, and no oftener than three times a second, may.
const POLLING_SECONDS: u32 = 14;
const POLLING_REQUESTS: f32 = 3.0 * MEMORY_SECONDS;
/// Share of requests with another agent up to which it is one program.
const ONE_AGENT_SHARE: f32 = 0.1;
/// Pages, decayed, that a program with assets has asked for: a page with hundreds of pictures is one.
const PAGES_MINIMUM: f32 = 4.0;
/// Requests inside TLS within a quarter of a second that are a page with what belongs to it.
const SEALED_BURST: u16 = 4;
/// Requests a second above which a client alone is faster than people, and than polite programs.
pub(crate) const PACE_REQUESTS_PER_SECOND: f32 = 25.0;

/// One client at one service. Never in more than two cache lines.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
struct Entry {
    second: u32,
    /// The second in which it came, or came again.
    since: u32,
    requests: f32,
    assets: f32,
    switches: f32,
    agent: u32,
    /// The last second in which it loaded what belongs to a page.
    asset_second: u32,
    rhythm: Rhythm,
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
    /// It asks for the same again and again.
    Looping(looped::Seen),
    /// It asks for a few figures now and then, evenly.
    Polling,
    /// It asks evenly.
    Even,
}

/// Which client asks, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) service: u32,
    /// Its address, or a hash of its name.
    pub(crate) client: u128,
    /// A hash of its agent, or of what its TLS looks like.
    pub(crate) agent: u64,
    pub(crate) second: u32,
    /// The time in quarters of a second, wrapping.
    pub(crate) quarter: u32,
    /// A hash of its path, if it may be one of a loop.
    pub(crate) page: Option<u64>,
    /// It asks for a few figures.
    pub(crate) is_for_news: bool,
    /// It asks over a connection over which it asked before.
    pub(crate) is_kept: bool,
}

/// The table.
pub(crate) struct Clients {
    key: TableKey<3>,
    /// The tag of each entry, and nought where there is no client: four of them are in one line of the cache, where the entries
    /// are in many.
    tags: Box<[u32]>,
    entries: Box<[Entry]>,
    /// What each asked for: apart, since most requests are of readers, of whom nobody wants to know.
    loops: Box<[Loop]>,
    /// Clients that made room while they were still counted.
    pub(crate) evicted: u64,
}

impl Clients {
    /// An empty table.
    pub(crate) fn new(key: TableKey<3>) -> Self {
        Self {
            key,
            tags: vec![0; CLIENTS].into_boxed_slice(),
            entries: vec![Entry::default(); CLIENTS].into_boxed_slice(),
            loops: vec![Loop::default(); CLIENTS].into_boxed_slice(),
            evicted: 0,
        }
    }

    /// Counts a request and says how its client behaves, and whether it is a reader who was not here lately.
    pub(crate) fn note(&mut self, asked: &Asked, is_asset: bool) -> (Manner, bool) {
        self.entry(asked, 0).map_or((Manner::Ordinary, false), |(tag, entry, looped)| {
            entry.note(asked, is_asset, (tag, looped))
        })
    }

    /// Counts a request inside TLS and says how its client behaves. What is seen of a client in a log beside it is another
    /// entry.
    pub(crate) fn note_sealed(&mut self, asked: &Asked) -> Manner {
        self.entry(asked, 1 << 32).map_or(Manner::Ordinary, |(tag, entry, looped)| {
            looped.begin(tag, asked.second);
            entry.note_sealed(asked, looped)
        })
    }

    /// A client's request inside TLS was answered with so many bytes.
    pub(crate) fn note_answer(&mut self, asked: &Asked, bytes: u32) {
        if let Some((tag, _, looped)) = self.entry(asked, 1 << 32) {
            looped.begin(tag, asked.second);
            looped.note_answer(bytes, asked.second);
        }
    }

    /// The place of a client, made if there is none, and the mark that it is known by.
    fn entry(&mut self, asked: &Asked, layer: u64) -> Option<(u32, &mut Entry, &mut Loop)> {
        let Asked { service, client, agent, second, .. } = *asked;
        let hash = self.key.hash([u64::from(service) | layer, (client >> 64) as u64, client as u64]);
        let set = (hash as usize % (CLIENTS / WAYS)) * WAYS;
        let tag = (hash >> 32) as u32 | 1;
        let tags = self.tags.get_mut(set..set + WAYS)?;
        let entries = self.entries.get_mut(set..set + WAYS)?;
        let way = tags.iter().position(|known| *known == tag).unwrap_or_else(|| {
            let oldest = (0..WAYS).min_by_key(|&way| entries[way].second).unwrap_or(0);
            let is_counted = second.saturating_sub(entries[oldest].second) < MEMORY_SECONDS as u32;
            self.evicted += u64::from(tags[oldest] != 0 && is_counted);
            tags[oldest] = tag;
            entries[oldest] = Entry { second, since: second, agent: agent as u32, ..Entry::default() };
            oldest
        });
        Some((tag, entries.get_mut(way)?, self.loops.get_mut(set + way)?))
    }
}

impl Entry {
    /// Lets what was counted fade.
    fn fade(&mut self, second: u32) {
        let silent = second.saturating_sub(self.second);
        if silent > AGAIN_SECONDS {
            self.since = second;
        }
        if silent > 0 {
            let kept = looped::kept(silent);
            self.requests = faded(self.requests * kept);
            self.assets = faded(self.assets * kept);
            self.switches = faded(self.switches * kept);
            self.second = second;
        }
    }

    fn note(&mut self, asked: &Asked, is_asset: bool, (tag, looped): (u32, &mut Loop)) -> (Manner, bool) {
        let Asked { agent, second, quarter, .. } = *asked;
        let agent = agent as u32;
        self.fade(second);
        self.requests += 1.0;
        self.assets += f32::from(u8::from(is_asset));
        self.switches += f32::from(u8::from(agent != self.agent));
        self.agent = agent;
        self.rhythm.note(quarter);
        let is_new_reader = is_asset && !self.has_read(second);
        if is_asset {
            self.asset_second = second;
        }
        let seen = match asked.page {
            Some(page) if !self.is_reader(second) => {
                looped.begin(tag, second);
                looped.note_path(page, second);
                looped.goes_on(second)
            }
            _ => None,
        };
        (self.manner(asked, seen), is_new_reader)
    }

    fn note_sealed(&mut self, asked: &Asked, looped: &mut Loop) -> Manner {
        self.fade(asked.second);
        if self.rhythm.note(asked.quarter) >= SEALED_BURST {
            self.asset_second = asked.second;
        }
        looped.note_time(asked.quarter);
        // Who gets a few bytes each time waits for something.
        if self.is_reader(asked.second) || looped.is_small() {
            return Manner::Ordinary;
        }
        let even = if self.rhythm.is_lone { Manner::Even } else { Manner::Ordinary };
        if asked.is_kept && looped.is_timed() {
            return even;
        }
        looped.goes_on(asked.second).map_or(even, Manner::Looping)
    }

    /// Whether it loaded what belongs to a page in this visit.
    const fn has_read(&self, second: u32) -> bool {
        self.asset_second > 0 && second.saturating_sub(self.asset_second) <= VISIT_SECONDS
    }

    /// Whether it did since it came, however long that is ago: who reloads a page for an hour loads little else.
    const fn is_reader(&self, second: u32) -> bool {
        self.has_read(second) || (self.asset_second > 0 && self.asset_second >= self.since)
    }

    fn manner(&self, asked: &Asked, seen: Option<looped::Seen>) -> Manner {
        let second = asked.second;
        let Self { since, requests, assets, switches, rhythm, .. } = self;
        if *requests >= REQUESTS_MINIMUM && *assets <= ASSETS_SHARE * *requests {
            if *requests > PACE_REQUESTS_PER_SECOND * MEMORY_SECONDS {
                return Manner::Fast;
            }
            if *switches >= SWITCHES_SHARE * *requests {
                return Manner::Switching;
            }
        }
        if let Some(seen) = seen {
            return Manner::Looping(seen);
        }
        let may_poll = second.saturating_sub(*since) < POLLING_SECONDS && *requests < POLLING_REQUESTS;
        if asked.is_for_news && (rhythm.is_polling || may_poll) {
            return Manner::Polling;
        }
        let is_even = if self.has_read(second) {
            rhythm.is_fast && *requests - *assets >= PAGES_MINIMUM
        } else {
            rhythm.is_fast || rhythm.is_slow
        };
        if is_even && *switches <= ONE_AGENT_SHARE * *requests { Manner::Even } else { Manner::Ordinary }
    }
}

#[cfg(test)]
mod tests {
    use sketch::KeyedState;

    use super::*;

    fn asked(client: u128, agent: u64, second: u32) -> Asked {
        Asked {
            service: 0,
            client,
            agent,
            second,
            quarter: second * 4,
            page: None,
            is_for_news: false,
            is_kept: false,
        }
    }

    fn table() -> Clients {
        Clients::new(TableKey::new(&KeyedState::new([1; 16]), 1))
    }

    #[test]
    fn a_client_that_changes_its_agent_is_a_tool_unless_it_loads_assets() {
        let (mut table, mut last) = (table(), Manner::Ordinary);
        for number in 0..40 {
            last = table.note(&asked(7, number, 100 + number as u32 / 4), false).0;
        }
        assert_eq!(last, Manner::Switching);
        for number in 0..40 {
            last = table.note(&asked(8, number, 100), number % 3 > 0).0;
        }
        assert_eq!(last, Manner::Ordinary, "many readers behind one address");
    }

    #[test]
    fn a_client_is_fast_only_while_it_is() {
        let (mut table, mut manners) = (table(), Vec::new());
        for number in 0..4_000_u32 {
            manners.push(table.note(&asked(9, 5, 50 + number / 100), false).0);
        }
        assert_eq!(manners.last(), Some(&Manner::Fast));
        assert_eq!(table.note(&asked(9, 5, 200), false).0, Manner::Ordinary);
        let script: Vec<_> =
            (0..1_000_u32).map(|number| table.note(&asked(10, 5, 300 + number / 13), false).0).collect();
        assert!(!script.contains(&Manner::Fast), "thirteen a second is a script");
        assert_eq!(script.last(), Some(&Manner::Even), "and an even one");
    }

    #[test]
    fn a_client_that_goes_on_for_an_hour_leaves_no_numbers_next_to_nought() {
        let mut table = table();
        for second in 100..3_700 {
            // It changed its agent once, and loaded an asset once.
            table.note(&asked(4, u64::from(second > 110), second), second == 105);
        }
        let entry = table.entries.iter().find(|entry| entry.second == 3_699).unwrap();
        let numbers = [entry.requests, entry.assets, entry.switches];
        assert!(numbers.iter().all(|number| *number == 0.0 || number.is_normal()), "{numbers:?}");
        assert!(entry.requests > 9.0 && entry.switches == 0.0);
    }

    #[test]
    fn a_reader_is_new_with_the_first_asset_of_a_visit() {
        let mut table = table();
        let new: Vec<_> = [(100, false), (100, true), (101, true), (400, true), (1_000, true), (1_700, true)]
            .map(|(second, is_asset)| table.note(&asked(3, 1, second), is_asset).1)
            .into();
        assert_eq!(new, [false, true, false, false, false, true]);
    }

    #[test]
    fn who_reloads_a_page_for_an_hour_is_a_reader_and_who_only_asks_for_it_is_not() {
        let (mut table, mut loops) = (table(), [0, 0]);
        for second in (100..1_300).step_by(4) {
            for (client, loops) in [1, 2].into_iter().zip(&mut loops) {
                let is_asset = client == 1 && second == 100;
                let page = (!is_asset).then_some(7 << 48);
                let manner = table.note(&Asked { page, ..asked(client, 1, second) }, is_asset).0;
                *loops += u32::from(matches!(manner, Manner::Looping(_)));
            }
        }
        assert!(loops[0] == 0 && loops[1] > 290, "{loops:?}");
    }

    #[test]
    fn a_program_that_loads_assets_too_is_known_by_its_pace() {
        let (mut table, mut last) = (table(), Manner::Ordinary);
        for number in 0..600_u32 {
            let asked = Asked { quarter: 400 + number / 10, ..asked(5, 1, 100 + number / 40) };
            last = table.note(&asked, number % 8 > 0).0;
        }
        assert_eq!(last, Manner::Even);
        for number in 0..600_u32 {
            let asked = Asked { quarter: 800 + number / 10, ..asked(6, 1, 200 + number / 40) };
            last = table.note(&asked, number > 0).0;
        }
        assert_eq!(last, Manner::Ordinary, "one page with hundreds of pictures");
    }

    #[test]
    fn inside_tls_who_goes_on_and_never_loads_a_page_is_a_program() {
        let mut table = table();
        let mut says = |client: u128, times: &dyn Fn(u32) -> u32| {
            let mut last = false;
            for number in 0..60 {
                let quarter = 4_000 + times(number);
                last = table.note_sealed(&Asked { quarter, ..asked(client, 1, quarter / 4) }) == Manner::Even;
            }
            last
        };
        assert!(says(1, &|number| number * 5), "a request every second and a quarter");
        assert!(!says(2, &|number| if number < 5 { 0 } else { number * 4 }), "a page, and its open ticker");
        assert!(!says(3, &|number| number * 40), "one every ten seconds");
    }

    #[test]
    fn more_clients_than_there_is_room_for_are_counted_and_harm_nobody() {
        let mut table = table();
        for number in 0..3 * CLIENTS as u128 {
            table.note(&asked(number, 1, 10), false);
        }
        assert!(table.evicted > CLIENTS as u64);
    }
}
