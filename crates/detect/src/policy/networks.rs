//! A set of addresses as sorted ranges, so that whether a whole network, service or group lies within is one search
//! for each of its ranges, however the set was written.

use ipnet::IpNet;
use wire::Address;

/// First and last address, by their bits.
type Range = (u128, u128);

/// Networks, merged: neighbours are one range.
#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
    /// The families are kept apart: `::/0` means every IPv6 address, and no IPv4 address in its mapped form.
    v4: Vec<Range>,
    v6: Vec<Range>,
}

impl Networks {
    /// The set of all addresses of these networks.
    pub(super) fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        let mut set = Self::default();
        for network in networks {
            let (is_ipv4, range) = range_of(network);
            if is_ipv4 { set.v4.push(range) } else { set.v6.push(range) }
        }
        set.merge();
        set
    }

    /// What is in any of the sets.
    pub(super) fn union<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for set in sets {
            all.v4.extend(&set.v4);
            all.v6.extend(&set.v6);
        }
        all.merge();
        all
    }

    fn merge(&mut self) {
        for ranges in [&mut self.v4, &mut self.v6] {
            ranges.sort_unstable();
            ranges.dedup_by(|next, before| {
                let touches = next.0 <= before.1.saturating_add(1);
                if touches {
                    before.1 = before.1.max(next.1);
                }
                touches
            });
        }
    }

    /// Whether every address of the network is in the set.
    pub(super) fn contains(&self, network: IpNet) -> bool {
        let (is_ipv4, range) = range_of(network);
        is_within(if is_ipv4 { &self.v4 } else { &self.v6 }, range)
    }

    /// Whether every address of the other set is in this one; an empty one is in none.
    pub(super) fn contains_all(&self, other: &Self) -> bool {
        let is_empty = other.v4.is_empty() && other.v6.is_empty();
        let both = [(&self.v4, &other.v4), (&self.v6, &other.v6)];
        !is_empty && both.iter().all(|(own, other)| other.iter().all(|&range| is_within(own, range)))
    }

    /// How many addresses there are.
    pub(super) fn addresses(&self) -> f64 {
        self.v4.iter().chain(&self.v6).map(|&(first, last)| (last - first) as f64 + 1.0).sum()
    }
}

fn is_within(ranges: &[Range], (first, last): Range) -> bool {
    let after = ranges.partition_point(|range| range.0 <= first);
    after.checked_sub(1).is_some_and(|at| last <= ranges[at].1)
}

/// Whether a network is of IPv4, and its first and last address.
fn range_of(network: IpNet) -> (bool, Range) {
    let (first, last) = (Address::from(network.network()), Address::from(network.broadcast()));
    (first.is_ipv4(), (first.bits(), last.bits()))
}
