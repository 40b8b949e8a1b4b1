//! Closed lists of words that the file may use, each with what it means; the reference prints them from here.

use serde::{Serialize, Serializer};

/// A word that the file may use for a value.
pub struct Choice<T> {
    /// The word.
    pub word: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// What it is read as.
    pub value: T,
}

macro_rules! choices {
    ($($(#[$meta:meta])* $name:ident { $(#[doc = $doc:literal] $variant:ident = $word:literal,)* })*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $(#[doc = $doc] $variant,)*
        }

        impl $name {
            pub(crate) const CHOICES: &'static [Choice<Self>] =
                &[$(Choice { word: $word, doc: $doc, value: Self::$variant },)*];

            /// The word that the file uses for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )*};
}

choices! {
    /// The relation of an organisation to the institution.
    OrganisationKind {
        /// The institution itself.
        Own = "own",
        /// A political party or group with its own IT.
        Party = "party",
        /// Runs something for the institution under contract.
        Contractor = "contractor",
        /// Sells connectivity or another utility.
        Provider = "provider",
        /// A public authority, such as a national CSIRT.
        Authority = "authority",
    }

    /// What kind of house the institution is.
    House {
        /// A parliament.
        Parliament = "parliament",
        /// A ministry or another authority of the state.
        Ministry = "ministry",
        /// A political party.
        Party = "party",
        /// Who runs elections.
        ElectionAuthority = "election_authority",
        /// Anything else.
        Other = "other",
    }

    /// Who can reach a zone.
    Exposure {
        /// Nobody outside it, or by hand only.
        Isolated = "isolated",
        /// The institution's own zones.
        Internal = "internal",
        /// Named outsiders, through a VPN or a private link.
        Partners = "partners",
        /// Everybody.
        Internet = "internet",
    }

    /// What a node is.
    NodeKind {
        /// A line to a provider or between sites.
        Link = "link",
        /// A router.
        Router = "router",
        /// A switch.
        Switch = "switch",
        /// A packet filter with state.
        Firewall = "firewall",
        /// A load balancer.
        LoadBalancer = "load_balancer",
        /// A reverse or forward proxy.
        Proxy = "proxy",
        /// A scrubbing service or appliance.
        Scrubber = "scrubber",
        /// An endpoint of a virtual private network.
        VpnGateway = "vpn_gateway",
        /// A resolver or authoritative name server.
        NameServer = "name_server",
        /// A directory or identity provider.
        IdentityProvider = "identity_provider",
        /// A machine.
        Server = "server",
        /// A machine that runs others.
        Hypervisor = "hypervisor",
        /// A storage system.
        Storage = "storage",
        /// Power supply.
        Power = "power",
        /// A room or building.
        Site = "site",
        /// Anything else.
        Other = "other",
    }

    /// What the loss of a service means.
    Criticality {
        /// Work goes on.
        Supporting = "supporting",
        /// Work is slower.
        Important = "important",
        /// The institution cannot do its duty.
        Essential = "essential",
    }

    /// A transport protocol whose ports can be named.
    Transport {
        /// TCP, protocol number 6.
        Tcp = "tcp",
        /// UDP, protocol number 17.
        Udp = "udp",
        /// SCTP, protocol number 132.
        Sctp = "sctp",
    }
}
