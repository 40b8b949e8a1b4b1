//! What is looked for: the indicators of a store, without those that must never match.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use institution::Institution;
use intel::decay::Expiry;
use intel::indicator::{Indicators, Kind, Match};
use intel::tlp::{Audience, Tlp};
use sketch::KeyedState;

use crate::foresight::known::read;
use crate::serve::reload::{Stamp, stamp};

/// What of a store has indicators.
const FILES: [&str; 2] = ["indicators.csv", "stix.json"];

/// Indicators, and which of them are worth something.
pub(super) struct Known {
    table: Indicators,
    alive: Vec<bool>,
    pub(super) expired: usize,
    /// Those that are TLP:RED.
    pub(super) withheld: usize,
    /// Patterns that ask for more than one observation.
    pub(super) patterns: usize,
    /// Of what was read.
    pub(super) stamps: Stamps,
}

/// Of the last look, and of what was read.
#[derive(Default)]
pub(super) struct Stamps {
    seen: Vec<Option<Stamp>>,
    read: Option<Vec<Option<Stamp>>>,
}

impl Known {
    /// Nothing.
    pub(super) fn new(key: [u8; 16]) -> Self {
        let table = Indicators::new(self::key(key), Expiry::Earlier);
        Self { table, alive: Vec::new(), expired: 0, withheld: 0, patterns: 0, stamps: Stamps::default() }
    }

    /// Everything of a store; [`Self::succeed`] says what of it is worth something.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) fn read(
        store: &Path,
        warning_lists: &[PathBuf],
        institution: &Institution,
        key: [u8; 16],
    ) -> Result<Self> {
        let mut known = Self::new(key);
        known.patterns = read(store, warning_lists, institution, &mut known.table)?;
        Ok(known)
    }

    /// Stands in for what was read before: what was seen here of the same values is still known, and restores them.
    pub(super) fn succeed(&mut self, before: &mut Self, now: u32) {
        self.stamps = std::mem::take(&mut before.stamps);
        self.table.take_sightings(&before.table);
        self.weigh(now);
    }

    /// Whether the files are others than those that were read, and no longer being written: two looks agree.
    pub(super) fn has_changed(&mut self, store: &Path, warning_lists: &[PathBuf]) -> bool {
        let files = FILES.iter().map(|name| store.join(name)).chain(warning_lists.iter().cloned());
        let now: Vec<_> = files.map(|path| stamp(&path)).collect();
        let is_first = self.stamps.read.is_none();
        let is_settled = std::mem::replace(&mut self.stamps.seen, now.clone()) == now;
        let has_changed = is_first || (is_settled && self.stamps.read.as_ref() != Some(&now));
        if has_changed {
            self.stamps.read = Some(now);
        }
        has_changed
    }

    /// Which are worth something at a time.
    pub(super) fn weigh(&mut self, now: u32) {
        // What anybody marked as red stays red, whoever else gave it too.
        let may_be_told = |tlp: Tlp| tlp.may_reach(Audience::Organisation);
        let (mut expired, mut withheld) = (0, 0);
        let judged = self.table.each(now).map(|(indicator, worth, is_warned)| {
            expired += usize::from(worth == 0);
            withheld += usize::from(!may_be_told(indicator.tlp));
            worth > 0 && !is_warned && may_be_told(indicator.tlp)
        });
        self.alive = judged.collect();
        (self.expired, self.withheld) = (expired, withheld);
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) const fn warned(&self) -> usize {
        self.table.warned
    }

    pub(super) const fn refused(&self) -> usize {
        self.table.refused
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        let live = self.alive.iter().filter(|alive| **alive).count();
        format!(
            "looking for {live} of {} indicators: {} are expired, {} on warning lists or our own, {} are TLP:RED, {} ask for more than one observation",
            self.len(),
            self.expired,
            self.warned(),
            self.withheld,
            self.patterns
        )
    }

    pub(super) fn is_alive(&self, index: u32) -> bool {
        self.alive.get(index as usize).copied().unwrap_or(false)
    }

    /// The indicators of addresses: the nearest that is worth something, or else the nearest.
    pub(super) fn addresses(&self, addresses: &[IpAddr], take: impl FnMut(usize, u32)) {
        self.table.addresses_preferring(addresses, |index| self.is_alive(index), take);
    }

    /// The indicator of one address, as [`Self::addresses`] finds it.
    pub(super) fn address(&self, address: IpAddr) -> Option<u32> {
        let mut found = None;
        self.addresses(&[address], |_, index| found = Some(index));
        found
    }

    /// The indicator of a name or of one above it: the nearest that is worth something, or else the nearest.
    pub(super) fn domain(&self, name: &str) -> Option<u32> {
        if name.is_empty() {
            return None;
        }
        self.table.domain_preferring(name, |index| self.is_alive(index))
    }

    /// An indicator by what it is.
    pub(super) fn find(&self, kind: Kind, value: &str) -> Option<u32> {
        self.table.value(kind, value)
    }

    pub(super) fn sight(&mut self, index: u32, now: u32) -> Option<Match> {
        self.table.sight(index, now)
    }
}

/// Secret, and another one than that of the detector's tables.
fn key(key: [u8; 16]) -> (u64, u64) {
    let state = KeyedState::new(key);
    (state.hash_one("indicators 0"), state.hash_one("indicators 1"))
}
