//! Who sends: declared exporters are believed, everybody else is counted.
//!
//! The check comes before anything of a datagram is decoded, so that somebody who is not declared costs a look-up
//! and no more. Senders are told apart by address only: the port of an exporter changes when it restarts.
//!
//! Limits: over UDP an address can be forged; this keeps out mistakes and strangers, not somebody who knows a
//! declared address and can send with it. Filter that at the edge of the management network.

use std::collections::BTreeMap;

use hashbrown::HashTable;
use sketch::KeyedState;
use wire::{
    Address, Time,
    flow::{self, Protocol},
};

use super::table::{Added, Table};

/// Undeclared addresses that are kept apart; those beyond it are counted together.
pub const UNDECLARED_SENDERS: usize = 1024;
/// Seconds of silence after which an undeclared address may leave for another.
pub const UNDECLARED_IDLE_SECONDS: u32 = 60;
/// Datagrams of an undeclared address that are looked at to find out what it sends.
const LOOKS: u8 = 16;

/// Whether a sender is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Declared: its position in the list that was given to [`Senders::declare`].
    Declared(usize),
    /// Nobody has declared it; its datagram was counted and is to be dropped.
    Undeclared,
}

/// A declared exporter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeclaredSender {
    /// Its address.
    pub address: Address,
    /// Datagrams that came from it.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the last of them came; `None`: it has never sent anything.
    pub last: Option<Time>,
}

/// Somebody who sends without being declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UndeclaredSender {
    /// Its address.
    pub address: Address,
    /// Datagrams that came from it.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the first of them came.
    pub first: Time,
    /// When the last of them came.
    pub last: Time,
    /// The export protocol that one of its first datagrams agrees with in all its counts and lengths; `None` if
    /// none did: then it is hardly an exporter.
    pub protocol: Option<Protocol>,
}

/// Everything of senders that are not declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UndeclaredTotals {
    /// Datagrams.
    pub datagrams: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Datagrams of addresses for which there was no room: counted here and in `datagrams` only.
    pub without_room: u64,
    /// Addresses that were silent and left for others.
    pub left: u64,
}

/// Declared and undeclared senders of one worker.
#[derive(Debug)]
pub struct Senders {
    declared: Vec<DeclaredSender>,
    /// Positions in `declared`.
    index: HashTable<u32>,
    /// The address that came last, and its place: most datagrams come in runs.
    latest: Option<(Address, usize)>,
    undeclared: Table<Address, Undeclared>,
    totals: UndeclaredTotals,
    state: KeyedState,
}

#[derive(Clone, Copy, Debug)]
struct Undeclared {
    sender: UndeclaredSender,
    /// How many more datagrams are looked at.
    looks: u8,
}

impl Senders {
    /// Nobody is declared. `key` is the secret of the deployment.
    pub fn new(key: [u8; 16]) -> Self {
        Self {
            declared: Vec::new(),
            index: HashTable::new(),
            latest: None,
            undeclared: Table::new(UNDECLARED_SENDERS, UNDECLARED_IDLE_SECONDS),
            totals: UndeclaredTotals::default(),
            state: KeyedState::new(key),
        }
    }

    /// Declares these addresses and no others. What was counted of those that were declared before stays; one that
    /// was counted as undeclared begins anew. Of equal addresses the first one counts.
    pub fn declare(&mut self, addresses: impl IntoIterator<Item = Address>) {
        let before: BTreeMap<Address, DeclaredSender> =
            self.declared.drain(..).map(|sender| (sender.address, sender)).collect();
        self.index.clear();
        self.latest = None;
        for address in addresses {
            let new = DeclaredSender { address, datagrams: 0, bytes: 0, last: None };
            self.declared.push(before.get(&address).copied().unwrap_or(new));
            let hash = self.state.hash_address(address.bits());
            self.undeclared.remove(&address, hash);
            if self.find(address, hash).is_none() {
                let (state, declared) = (self.state, &self.declared);
                let rehash = |&place: &u32| {
                    declared.get(place as usize).map_or(0, |sender| state.hash_address(sender.address.bits()))
                };
                self.index.insert_unique(hash, declared.len() as u32 - 1, rehash);
            }
        }
    }

    /// Says whether a sender is believed, and counts its datagram.
    #[inline]
    pub fn judge(&mut self, from: Address, datagram: &[u8], arrival: Time) -> Standing {
        if let Some((address, place)) = self.latest
            && address == from
        {
            return self.count_declared(place, datagram, arrival);
        }
        let hash = self.state.hash_address(from.bits());
        if let Some(place) = self.find(from, hash) {
            self.latest = Some((from, place));
            return self.count_declared(place, datagram, arrival);
        }
        self.count_undeclared(from, hash, datagram, arrival);
        Standing::Undeclared
    }

    /// The declared exporters, in the order of [`Senders::declare`].
    pub fn declared(&self) -> &[DeclaredSender] {
        &self.declared
    }

    /// Undeclared senders that there was room for, in no particular order.
    pub fn undeclared(&self) -> impl Iterator<Item = UndeclaredSender> + '_ {
        self.undeclared.iter().map(|(_, undeclared)| undeclared.sender)
    }

    /// Totals of all undeclared senders.
    pub fn undeclared_totals(&self) -> UndeclaredTotals {
        self.totals
    }

    #[inline]
    fn find(&self, address: Address, hash: u64) -> Option<usize> {
        let declared = &self.declared;
        let same =
            |&place: &u32| declared.get(place as usize).is_some_and(|sender| sender.address == address);
        self.index.find(hash, same).map(|&place| place as usize)
    }

    #[inline]
    fn count_declared(&mut self, place: usize, datagram: &[u8], arrival: Time) -> Standing {
        if let Some(sender) = self.declared.get_mut(place) {
            sender.datagrams += 1;
            sender.bytes += datagram.len() as u64;
            sender.last = Some(arrival);
        }
        Standing::Declared(place)
    }

    fn count_undeclared(&mut self, from: Address, hash: u64, datagram: &[u8], arrival: Time) {
        self.totals.datagrams += 1;
        self.totals.bytes += datagram.len() as u64;
        if let Some(known) = self.undeclared.get(&from, hash, arrival) {
            known.count(datagram, arrival);
            return;
        }
        let sender = UndeclaredSender {
            address: from,
            datagrams: 0,
            bytes: 0,
            first: arrival,
            last: arrival,
            protocol: None,
        };
        match self.undeclared.add(from, hash, arrival, Undeclared { sender, looks: LOOKS }) {
            Added::In(new, left) => {
                new.count(datagram, arrival);
                self.totals.left += u64::from(left.is_some());
            }
            Added::Refused => self.totals.without_room += 1,
        }
    }
}

impl Undeclared {
    fn count(&mut self, datagram: &[u8], arrival: Time) {
        self.sender.datagrams += 1;
        self.sender.bytes += datagram.len() as u64;
        self.sender.last = arrival;
        if self.looks > 0 {
            self.sender.protocol = flow::looks_like(datagram);
            self.looks = if self.sender.protocol.is_some() { 0 } else { self.looks - 1 };
        }
    }
}

/// One list of what several workers counted, those that send most first.
pub fn merge_undeclared(lists: impl IntoIterator<Item = UndeclaredSender>) -> Vec<UndeclaredSender> {
    let mut merged: BTreeMap<Address, UndeclaredSender> = BTreeMap::new();
    for sender in lists {
        merged
            .entry(sender.address)
            .and_modify(|known| {
                known.datagrams += sender.datagrams;
                known.bytes += sender.bytes;
                known.first = known.first.min(sender.first);
                known.last = known.last.max(sender.last);
                known.protocol = known.protocol.or(sender.protocol);
            })
            .or_insert(sender);
    }
    let mut list: Vec<UndeclaredSender> = merged.into_values().collect();
    list.sort_by_key(|sender| (std::cmp::Reverse(sender.datagrams), sender.address));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 16] = [7; 16];

    fn address(text: &str) -> Address {
        Address::from(text.parse::<std::net::IpAddr>().unwrap())
    }

    fn at(seconds: i64) -> Time {
        Time::from_seconds(seconds, 0)
    }

    /// A NetFlow v5 datagram of one record.
    fn netflow5() -> Vec<u8> {
        let mut bytes = vec![0; 24 + 48];
        (bytes[1], bytes[3]) = (5, 1);
        bytes
    }

    #[test]
    fn declared_addresses_are_believed_in_both_families_and_counted() {
        let mut senders = Senders::new(KEY);
        let known = [address("192.0.2.254"), address("2001:db8::1")];
        senders.declare(known);
        assert_eq!(senders.judge(known[1], b"12", at(1)), Standing::Declared(1));
        assert_eq!(senders.judge(known[0], b"123", at(2)), Standing::Declared(0));
        assert_eq!(senders.judge(address("::ffff:192.0.2.254"), b"1", at(3)), Standing::Declared(0));
        assert_eq!(senders.judge(address("192.0.2.253"), b"1", at(4)), Standing::Undeclared);
        let counted: Vec<_> =
            senders.declared().iter().map(|sender| (sender.datagrams, sender.bytes, sender.last)).collect();
        assert_eq!(counted, [(2, 4, Some(at(3))), (1, 2, Some(at(1)))]);
        assert_eq!(senders.undeclared_totals().datagrams, 1);
    }

    #[test]
    fn undeclared_ones_are_counted_by_address_with_what_they_send() {
        let mut senders = Senders::new(KEY);
        let (exporter, stranger) = (address("192.0.2.1"), address("2001:db8::bad"));
        senders.judge(exporter, b"first something else", at(5));
        senders.judge(exporter, &netflow5(), at(6));
        senders.judge(exporter, b"then something else", at(8));
        senders.judge(stranger, &[0; 30], at(7));
        let mut found: Vec<UndeclaredSender> = senders.undeclared().collect();
        found.sort_by_key(|sender| sender.address);
        let stranger_found = found.iter().find(|sender| sender.address == stranger).unwrap();
        assert_eq!(stranger_found.protocol, None);
        let exporter_found = found.iter().find(|sender| sender.address == exporter).unwrap();
        let expected = UndeclaredSender {
            address: exporter,
            datagrams: 3,
            bytes: 20 + 72 + 19,
            first: at(5),
            last: at(8),
            protocol: Some(Protocol::Netflow5),
        };
        assert_eq!(*exporter_found, expected);
    }

    #[test]
    fn what_has_no_room_is_counted_in_one_total_until_others_are_silent() {
        let mut senders = Senders::new(KEY);
        let forged = |number: u32| Address::from_bits(0xffff_0a00_0000 + u128::from(number));
        let rounds = 10 * UNDECLARED_SENDERS as u32;
        for number in 0..rounds {
            assert_eq!(senders.judge(forged(number), b"x", at(0)), Standing::Undeclared);
        }
        let totals = senders.undeclared_totals();
        assert_eq!((totals.datagrams, totals.left), (u64::from(rounds), 0));
        assert_eq!(senders.undeclared().count(), UNDECLARED_SENDERS);
        assert_eq!(totals.without_room, u64::from(rounds) - UNDECLARED_SENDERS as u64);
        // The flood is over; a real exporter that was refused comes again.
        let late = address("2001:db8::5");
        senders.judge(late, &netflow5(), at(i64::from(UNDECLARED_IDLE_SECONDS)));
        assert!(senders.undeclared().any(|sender| sender.address == late));
        assert_eq!(senders.undeclared_totals().left, 1);
    }

    #[test]
    fn a_new_list_keeps_the_counts_of_those_that_stay() {
        let mut senders = Senders::new(KEY);
        let [one, two, three] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(address);
        senders.declare([one, two]);
        senders.judge(two, b"12345", at(1));
        senders.judge(three, b"1", at(1));
        senders.declare([three, two, three]);
        assert_eq!(senders.judge(two, b"1", at(2)), Standing::Declared(1));
        assert_eq!(senders.judge(three, b"1", at(2)), Standing::Declared(0));
        assert_eq!(senders.judge(one, b"1", at(2)), Standing::Undeclared);
        assert_eq!(senders.declared()[1].bytes, 6);
        assert_eq!(senders.declared()[0].datagrams, 1);
        let undeclared: Vec<Address> = senders.undeclared().map(|sender| sender.address).collect();
        assert_eq!(undeclared, [one]);
    }

    #[test]
    fn lists_of_workers_become_one() {
        let (one, two) = (address("192.0.2.1"), address("192.0.2.2"));
        let [mut first, mut second] = [Senders::new(KEY), Senders::new([8; 16])];
        first.judge(one, b"x", at(4));
        second.judge(one, &netflow5(), at(2));
        for _ in 0..3 {
            second.judge(two, b"x", at(9));
        }
        let merged = merge_undeclared(first.undeclared().chain(second.undeclared()));
        assert_eq!(merged.iter().map(|sender| sender.address).collect::<Vec<_>>(), [two, one]);
        let expected = UndeclaredSender {
            address: one,
            datagrams: 2,
            bytes: 73,
            first: at(2),
            last: at(4),
            protocol: Some(Protocol::Netflow5),
        };
        assert_eq!(merged[1], expected);
    }
}
