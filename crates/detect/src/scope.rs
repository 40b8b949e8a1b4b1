//! Which addresses are watched, and what wider targets they belong to.

use hashbrown::HashMap;
use institution::Institution;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use sketch::KeyedState;
use std::net::IpAddr;
use wire::Address;

use crate::event::{Target, TargetKind};
use crate::policy::Policy;
use crate::targets::{MAXIMUM_WIDER, Place};

/// Prefixes that a replay without an institution file makes of what it sees, at most.
pub const MAXIMUM_AUTOMATIC_PREFIXES: usize = 8_192;
/// Their lengths: the longest that are routed on the Internet (IPv4), one network (IPv6).
const AUTOMATIC_LENGTHS: (u8, u8) = (24, 64);

/// What is protected.
pub struct Scope {
    institution: Option<Institution>,
    wider: Vec<Target>,
    services: Vec<Option<u32>>,
    groups: Vec<u32>,
    prefixes: Vec<u32>,
    automatic: HashMap<u128, u32, KeyedState>,
    /// Prefixes that were not made because there were too many.
    pub(crate) prefixes_refused: u64,
}

impl Scope {
    /// Every destination is protected, and its /24 or /64 is watched as a whole.
    pub fn everything(key: KeyedState) -> Self {
        Self {
            institution: None,
            wider: Vec::new(),
            services: Vec::new(),
            groups: Vec::new(),
            prefixes: Vec::new(),
            automatic: HashMap::with_hasher(key),
            prefixes_refused: 0,
        }
    }

    /// The protected prefixes of an institution, with its services and groups.
    pub fn of(institution: Institution, key: KeyedState) -> Self {
        let mut scope = Self::everything(key);
        for service in &institution.services {
            let addresses = service.addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>();
            let several = addresses.len() > 1;
            scope.services.push(several.then_some(scope.wider.len() as u32));
            if several {
                scope.wider.push(Target { kind: TargetKind::Service, name: service.id.clone(), addresses });
            }
        }
        for group in &institution.groups {
            let of_services =
                group.services.iter().flat_map(|&id| &institution[id].addresses).map(IpAddr::to_string);
            let addresses = of_services.chain(group.networks.iter().map(IpNet::to_string)).collect();
            scope.groups.push(scope.wider.len() as u32);
            scope.wider.push(Target { kind: TargetKind::Group, name: group.id.clone(), addresses });
        }
        for prefix in &institution.prefixes {
            let text = prefix.network.to_string();
            scope.prefixes.push(scope.wider.len() as u32);
            scope.wider.push(Target { kind: TargetKind::Prefix, name: text.clone(), addresses: vec![text] });
        }
        scope.institution = Some(institution);
        scope
    }

    /// What the operator said beside what is learnt; nothing without an institution.
    pub(crate) fn policy(&self) -> Policy {
        self.institution.as_ref().map(Policy::of).unwrap_or_default()
    }

    /// Whether packets to this address are towards the institution.
    #[inline]
    pub(crate) fn protects(&self, address: Address) -> bool {
        match &self.institution {
            None => true,
            Some(institution) => institution.index.is_protected(address.bits()),
        }
    }

    /// What the institution says of an address: its place among the wider targets.
    pub(crate) fn place(&mut self, address: Address) -> Place {
        let mut place = Place::default();
        let Some(institution) = &self.institution else {
            if let Some(index) = self.automatic_prefix(address) {
                place.push(index);
            }
            return place;
        };
        let lookup = institution.index.lookup_bits(address.bits());
        place.is_outside = !lookup.protected;
        place.is_of_service = lookup.protected && !lookup.services.is_empty();
        for &id in &lookup.services {
            if let Some(index) = self.services[id.0 as usize] {
                place.push(index);
            }
        }
        for &id in &lookup.groups {
            place.push(self.groups[id.0 as usize]);
        }
        if let Some(id) = lookup.prefix
            && lookup.protected
        {
            place.push(self.prefixes[id.0 as usize]);
        }
        place
    }

    fn automatic_prefix(&mut self, address: Address) -> Option<u32> {
        let (network, key) = network_of(address);
        if let Some(&index) = self.automatic.get(&key) {
            return Some(index);
        }
        if self.automatic.len() >= MAXIMUM_AUTOMATIC_PREFIXES {
            self.prefixes_refused += 1;
            return None;
        }
        let index = self.wider.len() as u32;
        let name = network.to_string();
        self.wider.push(Target { kind: TargetKind::Prefix, addresses: vec![name.clone()], name });
        self.automatic.insert(key, index);
        Some(index)
    }

    /// The wider targets that are known so far.
    pub(crate) fn wider(&self) -> &[Target] {
        &self.wider
    }

    /// An address as the target of an event, with the name of its service where it has just one.
    pub(crate) fn target_of(&self, address: Address) -> Target {
        let ip = address.to_ip();
        let name = self.institution.as_ref().and_then(|institution| {
            let mut services = institution.index.lookup_bits(address.bits()).services.iter();
            match (services.next(), services.next()) {
                (Some(&id), None) => Some(institution[id].id.as_str()),
                _ => None,
            }
        });
        Target::of_address(name, ip)
    }
}

impl Place {
    fn push(&mut self, index: u32) {
        let count = usize::from(self.wider_count);
        if count < MAXIMUM_WIDER && !self.wider[..count].contains(&index) {
            self.wider[count] = index;
            self.wider_count += 1;
        }
    }

    /// The wider targets of this address.
    #[inline]
    pub(crate) fn wider(&self) -> &[u32] {
        &self.wider[..usize::from(self.wider_count)]
    }
}

/// The /24 or /64 of an address, and its key.
fn network_of(address: Address) -> (IpNet, u128) {
    match address.to_ip() {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits() & !0xff;
            let network = Ipv4Net::new(bits.into(), AUTOMATIC_LENGTHS.0).unwrap_or_default();
            (IpNet::V4(network), u128::from(bits) | 0xffff << 32)
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits() >> 64 << 64;
            let network = Ipv6Net::new(bits.into(), AUTOMATIC_LENGTHS.1).unwrap_or_default();
            (IpNet::V6(network), bits)
        }
    }
}
