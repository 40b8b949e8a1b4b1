//! Where the traffic of a flood came from, by network: what can be told without naming anybody.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::headers::{self, measure};
use super::{FlowRow, Frame};
use crate::OwnAddresses;
use crate::conceal::{is_persons, network};

/// What came from one network, of what is kept as evidence.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NetworkShare {
    /// A /24 or /48.
    pub network: String,
    /// An address of it that is nobody's: the first.
    pub address: IpAddr,
    /// Packets, scaled up for flow records.
    pub packets: u64,
}

/// Networks outside, the one with the most packets first. Flow records say more than single packets; where there are
/// some, they count alone.
pub(crate) fn of(flows: &[FlowRow], frames: &[Frame], own: &OwnAddresses) -> Vec<NetworkShare> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |source: IpAddr, packets: u64| {
        let source = source.to_canonical();
        if is_persons(source) && !own(source) {
            let sum = sums.entry(network(source)).or_default();
            *sum = sum.saturating_add(packets);
        }
    };
    flows.iter().for_each(|flow| add(flow.source, flow.packets));
    if flows.is_empty() {
        for frame in frames {
            let source = measure(frame.link_type, &frame.bytes).addresses;
            if let Some(source) = source.and_then(|[source, _]| headers::address(&frame.bytes, &source)) {
                add(source, 1);
            }
        }
    }
    let share = |(network, packets): (String, u64)| {
        let address = network.split_once('/')?.0.parse().ok()?;
        Some(NetworkShare { network, address, packets })
    };
    let mut shares: Vec<NetworkShare> = sums.into_iter().filter_map(share).collect();
    shares.sort_by_key(|share| std::cmp::Reverse(share.packets));
    shares
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn sources_are_added_up_by_network_and_own_ones_left_out() {
        let own: OwnAddresses = Arc::new(|address| address.to_string().starts_with("192.0.2."));
        let flow = |source: &str, packets| FlowRow {
            first: 0,
            last: 0,
            exporter: "192.0.2.254".parse().unwrap(),
            source: source.parse().unwrap(),
            destination: "192.0.2.10".parse().unwrap(),
            protocol: 17,
            tcp_flags: 0,
            source_port: 1,
            destination_port: 1,
            packets,
            bytes: 1,
            sampling: 1,
        };
        let flows = [
            flow("198.51.100.7", 5),
            flow("198.51.100.9", 6),
            flow("2001:db8:5:1::1", 100),
            flow("192.0.2.10", 1_000),
        ];
        let told: Vec<_> =
            of(&flows, &[], &own).into_iter().map(|share| (share.network, share.packets)).collect();
        assert_eq!(told, [("2001:db8:5::/48".to_owned(), 100), ("198.51.100.0/24".to_owned(), 11)]);
    }
}
