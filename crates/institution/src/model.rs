//! What an institution file says, resolved: names have become dense numbers, defaults are filled in.
//!
//! Every list is in the order of the file, and an id is the place in its list, so that other rooms can keep
//! arrays beside these lists.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::index::{Index, Lookup};
pub use crate::kinds::{Criticality, Exposure, House, NodeKind, OrganisationKind, Transport};
use crate::needs::Needs;
use crate::problem::Problems;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident($inner:ty) of $item:ident in $list:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize)]
        pub struct $name(pub $inner);

        impl $name {
            /// The place in the list.
            #[inline]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl std::ops::Index<$name> for Institution {
            type Output = $item;

            #[inline]
            fn index(&self, id: $name) -> &$item {
                &self.$list[id.index()]
            }
        }
    )*};
}

ids! {
    /// Place of an organisation in [`Institution::organisations`].
    OrganisationId(u16) of Organisation in organisations;
    /// Place of a zone in [`Institution::zones`].
    ZoneId(u16) of Zone in zones;
    /// Place of a zone's prefix in [`Institution::prefixes`].
    PrefixId(u32) of Prefix in prefixes;
    /// Place of a node in [`Institution::nodes`].
    NodeId(u16) of Node in nodes;
    /// Place of a service in [`Institution::services`].
    ServiceId(u16) of Service in services;
    /// Place of a group in [`Institution::groups`].
    GroupId(u16) of Group in groups;
    /// Place of an exporter in [`Institution::exporters`].
    ExporterId(u16) of Exporter in exporters;
    /// Place of a shared cause in [`Institution::causes`].
    CauseId(u16) of Cause in causes;
}

/// A whole institution file, checked.
#[derive(Clone, Debug)]
pub struct Institution {
    /// Name as shown to people.
    pub name: String,
    /// Time zone of dates and times in the file and on pages.
    pub time_zone: TimeZone,
    /// Two-letter ISO 3166-1 code in capitals, if given.
    pub country: Option<String>,
    /// What kind of house it is.
    pub house: House,
    /// Who runs things.
    pub organisations: Vec<Organisation>,
    /// Parts of the network.
    pub zones: Vec<Zone>,
    /// The prefixes of all zones, in the order of the zones.
    pub prefixes: Vec<Prefix>,
    /// Links, firewalls and other elements that services need.
    pub nodes: Vec<Node>,
    /// What people use.
    pub services: Vec<Service>,
    /// Sets that are watched as one.
    pub groups: Vec<Group>,
    /// Who may send flow records.
    pub exporters: Vec<Exporter>,
    /// What several nodes or services share and can lose together.
    pub causes: Vec<Cause>,
    /// Traffic that may cross from one zone into another.
    pub conduits: Vec<Conduit>,
    /// Whose forwarded-for header is believed.
    pub proxies: Proxies,
    /// Settings of the detector.
    pub detect: Detect,
    /// Networks that are never filtered.
    pub allow: Vec<IpNet>,
    /// Address to everything that the file says of it.
    pub index: Index,
    /// What is probably a mistake, but can be worked with.
    pub warnings: Problems,
}

/// Somebody who runs services or networks.
#[derive(Clone, Debug)]
pub struct Organisation {
    /// Its name in the file.
    pub id: String,
    /// Name as shown to people.
    pub name: String,
    /// Its relation to the institution.
    pub kind: OrganisationKind,
    /// Whether its logs and flow records reach this installation.
    pub monitored: bool,
    /// Whom to call.
    pub contact: Option<String>,
}

/// A part of the network with one exposure and one level of protection.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its name in the file.
    pub id: String,
    /// Name as shown to people.
    pub name: String,
    /// Who runs it.
    pub organisation: OrganisationId,
    /// Its prefixes, a range of [`Institution::prefixes`].
    pub prefixes: Vec<PrefixId>,
    /// Who can reach it.
    pub exposure: Exposure,
    /// The level it shall withstand.
    pub target_level: TargetLevel,
    /// Whether floods on it are looked for and filtered.
    pub protected: bool,
}

/// The security level that a zone shall reach (SL-T of IEC 62443-3-2, nought to four).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetLevel {
    /// A fixed level.
    Fixed(u8),
    /// Rises and falls with the outlook.
    Outlook,
}

/// One prefix of a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    /// The network.
    pub network: IpNet,
    /// The zone that declares it.
    pub zone: ZoneId,
    /// As [`Zone::protected`].
    pub protected: bool,
}

/// The most that an element carries, per unit; none where unknown.
#[derive(Clone, Copy, PartialEq, Debug, Default, serde::Serialize)]
pub struct Capacity {
    /// Bits per second.
    pub bits_per_second: Option<f64>,
    /// Packets per second.
    pub packets_per_second: Option<f64>,
    /// New connections per second.
    pub new_connections_per_second: Option<f64>,
    /// Entries of its state table.
    pub table_entries: Option<f64>,
    /// DNS queries or HTTP requests per second.
    pub queries_per_second: Option<f64>,
}

impl Capacity {
    /// Whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// An element that services need.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name in the file.
    pub id: String,
    /// What it is.
    pub kind: NodeKind,
    /// The zone it stands in.
    pub zone: Option<ZoneId>,
    /// Who runs it.
    pub organisation: OrganisationId,
    /// Who provides it, in words or as an AS number.
    pub provider: Option<String>,
    /// Its own addresses.
    pub addresses: Vec<IpAddr>,
    /// The most that it carries.
    pub capacity: Capacity,
    /// What can take it down together with others.
    pub shared_cause: Vec<CauseId>,
    /// What it needs itself.
    pub needs: Option<Needs>,
}

/// What several elements share: a duct, a power feed, an account.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Its name in the file.
    pub id: String,
}

/// What people use.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its name in the file.
    pub id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The zone it stands in.
    pub zone: ZoneId,
    /// Who runs it.
    pub organisation: OrganisationId,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its ports; empty means every port of its addresses.
    pub ports: Vec<PortRange>,
    /// Its domain names, in lower case.
    pub names: Vec<String>,
    /// What its loss means.
    pub criticality: Criticality,
    /// The most that it serves.
    pub capacity: Capacity,
    /// What can take it down together with others.
    pub shared_cause: Vec<CauseId>,
    /// What it needs.
    pub needs: Option<Needs>,
    /// What people do while it is down.
    pub workaround: Option<String>,
}

impl Transport {
    /// The protocol's number in the IP header (IANA).
    pub const fn protocol(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
        }
    }
}

/// Ports of one transport, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PortRange {
    /// The transport.
    pub transport: Transport,
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

impl PortRange {
    /// Whether a port of an IP protocol is among these.
    #[inline]
    pub const fn contains(self, protocol: u8, port: u16) -> bool {
        self.transport.protocol() == protocol && self.first <= port && port <= self.last
    }

    /// Whether both have a port in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.transport == other.transport && self.first <= other.last && other.first <= self.last
    }
}

/// A set that is watched as one.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name in the file.
    pub id: String,
    /// Services in it.
    pub services: Vec<ServiceId>,
    /// Networks in it, single addresses included.
    pub networks: Vec<IpNet>,
}

/// A device that may send flow records.
#[derive(Clone, Debug)]
pub struct Exporter {
    /// Its name in the file.
    pub id: String,
    /// The address its datagrams come from.
    pub address: IpAddr,
    /// How it samples.
    pub sampling: Sampling,
    /// Interfaces (SNMP index) that face the outside, on which a packet is counted.
    pub external: Vec<u32>,
    /// Interfaces that face the inside.
    pub internal: Vec<u32>,
    /// Zones whose traffic passes it; empty means all.
    pub zones: Vec<ZoneId>,
}

/// The sampling of an exporter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sampling {
    /// As the exporter says; 1 if it says nothing.
    Auto,
    /// One in so many, whatever the exporter says.
    OneIn(u32),
}

/// Traffic that may cross from one zone into another.
#[derive(Clone, Debug)]
pub struct Conduit {
    /// Where it starts.
    pub from: End,
    /// Where it ends.
    pub to: End,
    /// What may cross.
    pub allow: Vec<Permit>,
    /// Why it exists.
    pub reason: Option<String>,
}

/// An end of a conduit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Everything that no zone holds; written `internet`.
    Internet,
    /// A zone.
    Zone(ZoneId),
}

/// One kind of traffic that a conduit lets through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permit {
    /// Destination ports.
    pub ports: PortRange,
    /// What it is for, in the file's words.
    pub purpose: Option<String>,
}

/// Proxies in front of the institution's services.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// Networks whose forwarded-for header is believed.
    pub trusted: Vec<IpNet>,
    /// The header's name in lower case.
    pub header: String,
}

/// Settings of the detector.
#[derive(Clone, Debug)]
pub struct Detect {
    /// How many false alarms in thirty days are accepted, over all targets together.
    pub false_alarms_per_month: f64,
    /// Settings of single targets.
    pub targets: Vec<TargetSettings>,
    /// Times in which alarms are expected.
    pub maintenance: Vec<Maintenance>,
    /// Times in which many people will come.
    pub expected: Vec<Expected>,
    /// Alarms that are not to be raised.
    pub mutes: Vec<Mute>,
}

/// Something that the detector watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A service.
    Service(ServiceId),
    /// A group.
    Group(GroupId),
    /// An address (as a network of one) or a prefix.
    Network(IpNet),
}

/// Settings of one target.
#[derive(Clone, Debug)]
pub struct TargetSettings {
    /// The target.
    pub target: Target,
    /// As [`Detect::false_alarms_per_month`], for this target alone.
    pub false_alarms_per_month: Option<f64>,
    /// Rates above which there is a flood, whatever has been learnt.
    pub ceiling: Ceiling,
}

/// Rates above which there is a flood, whatever has been learnt; none where there is no such limit.
#[derive(Clone, Copy, PartialEq, Debug, Default, serde::Serialize)]
pub struct Ceiling {
    /// Bits per second.
    pub bits_per_second: Option<f64>,
    /// Packets per second.
    pub packets_per_second: Option<f64>,
    /// New connections per second.
    pub new_connections_per_second: Option<f64>,
    /// DNS queries or HTTP requests per second.
    pub queries_per_second: Option<f64>,
    /// Distinct sources per second.
    pub sources_per_second: Option<f64>,
}

/// A time in which alarms are expected: they are kept and marked, not announced.
#[derive(Clone, Debug)]
pub struct Maintenance {
    /// What is worked on; empty means everything.
    pub targets: Vec<Target>,
    /// Start, included.
    pub start: Timestamp,
    /// End, excluded.
    pub end: Timestamp,
    /// Why.
    pub reason: String,
}

/// A time in which many people will come.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Whose readers they are; empty means every service.
    pub services: Vec<ServiceId>,
    /// Start, included.
    pub start: Timestamp,
    /// End, excluded.
    pub end: Timestamp,
    /// How many times the usual readers may come, from 1 to 1000.
    pub times: f64,
    /// What it is.
    pub reason: String,
}

/// Alarms that are not to be raised until a set time.
#[derive(Clone, Debug)]
pub struct Mute {
    /// The target; none means every target.
    pub target: Option<Target>,
    /// Vector names; empty means all.
    pub vectors: Vec<String>,
    /// Only alarms whose sources are in these networks; empty means any source.
    pub sources: Vec<IpNet>,
    /// End, excluded.
    pub end: Timestamp,
    /// Why.
    pub reason: String,
}

/// What the file says of one address, with names instead of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Match<'a> {
    /// The institution.
    pub institution: &'a Institution,
    /// What the index found.
    pub lookup: &'a Lookup,
}

impl<'a> Match<'a> {
    /// The zone of the longest prefix that holds the address.
    pub fn zone(&self) -> Option<&'a Zone> {
        self.lookup.zone.map(|id| &self.institution[id])
    }

    /// That prefix.
    pub fn prefix(&self) -> Option<&'a Prefix> {
        self.lookup.prefix.map(|id| &self.institution[id])
    }

    /// The services that have the address.
    pub fn services(&self) -> impl Iterator<Item = &'a Service> + use<'a> {
        let institution = self.institution;
        self.lookup.services.iter().map(move |&id| &institution[id])
    }

    /// The groups that hold the address, directly or through a service.
    pub fn groups(&self) -> impl Iterator<Item = &'a Group> + use<'a> {
        let institution = self.institution;
        self.lookup.groups.iter().map(move |&id| &institution[id])
    }

    /// The service that answers on a port of an IP protocol: the one that names the port, or else the one that
    /// names no ports at all.
    pub fn service_on(&self, protocol: u8, port: u16) -> Option<ServiceId> {
        let services = &self.lookup.services;
        let named =
            |id: &ServiceId| self.institution[*id].ports.iter().any(|range| range.contains(protocol, port));
        let unnamed = |id: &ServiceId| self.institution[*id].ports.is_empty();
        services
            .iter()
            .copied()
            .find(|id| named(id))
            .or_else(|| services.iter().copied().find(|id| unnamed(id)))
    }
}

impl Institution {
    /// What the file says of an address.
    pub fn lookup(&self, address: IpAddr) -> Match<'_> {
        Match { institution: self, lookup: self.index.lookup(address) }
    }

    /// An institution that holds every address, for a replay without a file: one protected zone `everything`.
    pub fn everything() -> Self {
        let zone = ZoneId(0);
        let networks = [IpNet::V4(ipnet::Ipv4Net::default()), IpNet::V6(ipnet::Ipv6Net::default())];
        let prefixes = networks.map(|network| Prefix { network, zone, protected: true }).to_vec();
        let mut institution = Self {
            name: "everything".to_owned(),
            time_zone: TimeZone::UTC,
            country: None,
            house: House::Parliament,
            organisations: vec![Organisation {
                id: "own".to_owned(),
                name: "own".to_owned(),
                kind: OrganisationKind::Own,
                monitored: true,
                contact: None,
            }],
            zones: vec![Zone {
                id: "everything".to_owned(),
                name: "everything".to_owned(),
                organisation: OrganisationId(0),
                prefixes: vec![PrefixId(0), PrefixId(1)],
                exposure: Exposure::Internet,
                target_level: TargetLevel::Outlook,
                protected: true,
            }],
            prefixes,
            nodes: Vec::new(),
            services: Vec::new(),
            groups: Vec::new(),
            exporters: Vec::new(),
            causes: Vec::new(),
            conduits: Vec::new(),
            proxies: Proxies::default(),
            detect: Detect::default(),
            allow: Vec::new(),
            index: Index::default(),
            warnings: Problems::default(),
        };
        institution.index = Index::new(&institution);
        institution
    }
}

impl Default for Detect {
    fn default() -> Self {
        Self {
            false_alarms_per_month: 1.0,
            targets: Vec::new(),
            maintenance: Vec::new(),
            expected: Vec::new(),
            mutes: Vec::new(),
        }
    }
}
