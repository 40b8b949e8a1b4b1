//! Source addresses are personal data: without a purpose, only their networks are shown.
//!
//! The heaviest sources of an event are shown as /24 (IPv4) or /48 (IPv6); several of one network become one. With a
//! purpose they are shown in full, and the purpose is part of the output. Addresses of targets are shown always: they
//! are the institution's own, or those of the capture's owner.

use std::net::IpAddr;

use detect::FloodEvent;
use detect::event::SourceShare;
use ipnet::IpNet;

use crate::style::plain;

/// Bits of an address that are shown, for IPv4 and IPv6.
const SHOWN_BITS: (u8, u8) = (24, 48);

/// How much of source addresses is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Privacy {
    purpose: Option<String>,
}

impl Privacy {
    /// In full for a purpose, as networks without one.
    pub(crate) fn new(purpose: Option<String>) -> Self {
        let purpose = purpose.map(|purpose| plain(&purpose).into_owned());
        Self { purpose }
    }

    /// What the addresses were opened for.
    pub(crate) fn purpose(&self) -> Option<&str> {
        self.purpose.as_deref()
    }

    /// The event as it may be shown.
    pub(crate) fn apply(&self, event: &mut FloodEvent) {
        if self.purpose.is_some() {
            return;
        }
        let mut shown: Vec<SourceShare> = Vec::with_capacity(event.sources.top.len());
        for source in &event.sources.top {
            let address = network(&source.address);
            match shown.iter_mut().find(|other| other.address == address) {
                Some(other) => other.share += source.share,
                None => shown.push(SourceShare { address, share: source.share }),
            }
        }
        shown.sort_by(|a, b| b.share.total_cmp(&a.share));
        event.sources.top = shown;
    }
}

impl Privacy {
    /// An address as it may be shown.
    pub(crate) fn address(&self, address: &str) -> String {
        if self.purpose.is_some() { address.to_owned() } else { network(address) }
    }

    /// A network as it may be shown: no narrower than an address would be.
    pub(crate) fn network(&self, text: &str) -> String {
        let Ok(known) = text.parse::<IpNet>() else { return self.address(text) };
        let bits = if known.addr().is_ipv4() { SHOWN_BITS.0 } else { SHOWN_BITS.1 };
        let is_wide = known.prefix_len() <= bits;
        if self.purpose.is_some() || is_wide { text.to_owned() } else { network(&known.addr().to_string()) }
    }
}

/// The network that stands for an address. What is no address is hidden altogether.
fn network(address: &str) -> String {
    let Ok(address) = address.parse::<IpAddr>() else { return "hidden".to_owned() };
    let bits = if address.is_ipv4() { SHOWN_BITS.0 } else { SHOWN_BITS.1 };
    IpNet::new(address, bits).map_or_else(|_| "hidden".to_owned(), |network| network.trunc().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_its_network() {
        assert_eq!(network("198.51.100.77"), "198.51.100.0/24");
        assert_eq!(network("2001:db8:1:2::77"), "2001:db8:1::/48");
        assert_eq!(network("198.51.100.0/24"), "hidden");
        let (hidden, open) = (Privacy::new(None), Privacy::new(Some("x".to_owned())));
        assert_eq!(hidden.network("198.51.100.64/28"), "198.51.100.0/24");
        assert_eq!(hidden.network("198.51.0.0/16"), "198.51.0.0/16");
        assert_eq!(open.network("198.51.100.64/28"), "198.51.100.64/28");
    }
}
