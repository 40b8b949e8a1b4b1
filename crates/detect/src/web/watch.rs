//! A closer look at the requests of a service that has too many of a kind: who asks, for what, how.
//!
//! Made when the first sum stands, kept while one does. What was before is not in it, so its shares are those of the
//! requests since then.
//!
//! Limits: about 30 KiB each, of fixed size; [`crate::web::MAXIMUM_WATCHED`] services at once.

use sketch::{DistinctCount, HeavyHitters, KeyedState, TextKey};
use wire::Address;
use wire::web::{Request, Version};

use super::class::{self, CLASSES, Class};

/// Bits of the distinct counts: a standard error of 3.3 %.
const PRECISION: u8 = 10;
/// Clients and paths that are told apart.
const HITTERS: usize = 64;
/// Bytes of a path that are kept.
const PATH_BYTES: usize = 128;
/// Paths whose text is kept.
const PATHS_KEPT: usize = 64;
/// Fingerprints that are told apart, and whose text is kept.
const PRINTS: usize = 32;
/// Bytes of a fingerprint that are kept: JA4 has 36, JA3 32.
const PRINT_BYTES: usize = 40;

/// Sketches of the requests of some classes.
pub(crate) struct Watch {
    pub(crate) clients: DistinctCount,
    pub(crate) agents: DistinctCount,
    pub(crate) referrers: DistinctCount,
    pub(crate) top_clients: HeavyHitters<u128>,
    pub(crate) top_paths: HeavyHitters<u64>,
    /// Text of the first paths, cut.
    paths: Vec<(u64, String)>,
    top_prints: HeavyHitters<u64>,
    prints: Vec<(u64, String)>,
    /// Requests of each class since it is watched.
    pub(crate) counts: [u64; CLASSES],
    pub(crate) searches: u64,
    pub(crate) with_referrer: u64,
    pub(crate) failed: u64,
    /// Over HTTP/2 or 3.
    pub(crate) multiplexed: u64,
    /// Clients that are names and not addresses.
    pub(crate) named: u64,
}

impl Watch {
    /// An empty one; `None` only if the sizes above were impossible.
    pub(crate) fn new(hash: &KeyedState) -> Option<Self> {
        let distinct = || DistinctCount::new(PRECISION, hash).ok();
        Some(Self {
            clients: distinct()?,
            agents: distinct()?,
            referrers: distinct()?,
            top_clients: HeavyHitters::new(HITTERS, *hash).ok()?,
            top_paths: HeavyHitters::new(HITTERS, *hash).ok()?,
            paths: Vec::with_capacity(PATHS_KEPT),
            top_prints: HeavyHitters::new(PRINTS, *hash).ok()?,
            prints: Vec::new(),
            counts: [0; CLASSES],
            searches: 0,
            with_referrer: 0,
            failed: 0,
            multiplexed: 0,
            named: 0,
        })
    }

    /// Takes a request of the flood, or of all where nothing is told apart yet.
    pub(crate) fn note(
        &mut self,
        request: &Request<'_>,
        seen: &super::Seen,
        (hash, texts): (&KeyedState, &TextKey),
    ) {
        self.counts[seen.class as usize] += 1;
        self.clients.insert_hash(hash.hash_address(seen.client));
        self.agents.insert_hash(hash.hash_u64(seen.agent));
        self.top_clients.add(seen.client, 1);
        let path = hash.hash_u64(seen.path);
        self.top_paths.add_hashed(seen.path, path, 1);
        if self.paths.len() < PATHS_KEPT && !self.paths.iter().any(|kept| kept.0 == seen.path) {
            self.paths.push((seen.path, shown(request.path())));
        }
        if !request.fingerprint.is_empty() {
            let print = texts.hash(request.fingerprint);
            self.top_prints.add(print, 1);
            if self.prints.len() < 2 * PRINTS && !self.prints.iter().any(|kept| kept.0 == print) {
                let cut = &request.fingerprint[..request.fingerprint.len().min(PRINT_BYTES)];
                self.prints.push((print, shown(cut)));
            }
        }
        if !request.referrer.is_empty() {
            self.with_referrer += 1;
            self.referrers.insert_hash(hash.hash_u64(texts.hash(request.referrer)));
        }
        self.searches += u64::from(seen.class == Class::QueryNovel && class::is_search(request));
        self.failed += u64::from(request.status >= 500 || request.status == 429);
        self.multiplexed += u64::from(matches!(request.version, Version::Http2 | Version::Http3));
        self.named += u64::from(seen.is_named);
    }

    /// Requests since it is watched.
    pub(crate) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The path asked for most, with its share.
    pub(crate) fn top_path(&self) -> Option<(String, f64)> {
        let top = self.top_paths.top(1);
        let hitter = top.first()?;
        let share = (hitter.count - hitter.error) as f64 / self.top_paths.total().max(1) as f64;
        let text = self.paths.iter().find(|kept| kept.0 == hitter.key)?.1.clone();
        Some((text, share))
    }

    /// The fingerprint of most TLS clients, its share of those that have one, and how many have.
    pub(crate) fn top_print(&self) -> Option<(String, f64, u64)> {
        let top = self.top_prints.top(1);
        let hitter = top.first()?;
        let total = self.top_prints.total();
        let share = (hitter.count - hitter.error) as f64 / total.max(1) as f64;
        let text = self.prints.iter().find(|kept| kept.0 == hitter.key)?.1.clone();
        Some((text, share, total))
    }

    /// The heaviest clients with addresses and their shares.
    pub(crate) fn top_clients(&self, limit: usize) -> Vec<(Address, f64)> {
        let total = self.top_clients.total().max(1) as f64;
        let addresses = self.top_clients.top(limit).into_iter().filter(|_| self.named == 0);
        addresses
            .map(|hitter| (Address::from_bits(hitter.key), (hitter.count - hitter.error) as f64 / total))
            .filter(|client| client.1 > 0.0)
            .collect()
    }
}

/// A path as it may be shown.
fn shown(path: &[u8]) -> String {
    let cut = &path[..path.len().min(PATH_BYTES)];
    String::from_utf8_lossy(cut).chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
