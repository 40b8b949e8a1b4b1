//! Every table and key of the file: the reader refuses what is not here, and the reference is printed from here.

use crate::kinds::{Choice, Criticality, Exposure, House, NodeKind, OrganisationKind};

/// One table of the file.
pub struct Section {
    /// How it is written, `NAME` standing for a name that the writer chooses.
    pub path: &'static str,
    /// What it is for.
    pub doc: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
}

/// One key of a table.
pub struct Key {
    /// How it is written.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What holds when it is left out; none for a key that must be there.
    pub default: Option<&'static str>,
    /// What it says.
    pub doc: &'static str,
}

/// What a key's value is.
pub enum Kind {
    /// As described.
    Is(&'static str),
    /// One of these words, each with its meaning.
    OneOf(fn() -> Vec<(&'static str, &'static str)>),
}

fn words<T>(choices: &[Choice<T>]) -> Vec<(&'static str, &'static str)> {
    choices.iter().map(|choice| (choice.word, choice.doc.trim())).collect()
}

const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, default: None, doc }
}

const fn optional(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Some(default), doc }
}

const TEXT: Kind = Kind::Is("text");
const FLAG: Kind = Kind::Is("true or false");
const RATE: Kind = Kind::Is("number above 0");
const TIME: Kind = Kind::Is("date and time");
const NETWORKS: Kind = Kind::Is("list of prefixes or addresses");
const ADDRESSES: Kind = Kind::Is("list of addresses");
const NEEDS: Kind = Kind::Is("needs expression");

const NEEDS_DOC: &str = "What it cannot work without: the name of a node or service, a list of such (all of them), \
    `{ all = [...] }`, or `{ any = K, of = [...] }` (at least K of them), nested as needed.";
const CAUSE_DOC: &str = "Free names of what can take it down together with others that name the same: a duct, a power \
    feed, a hypervisor, an account.";
const ORGANISATION_DOC: &str = "Who runs it.";

pub(crate) const INSTITUTION: Section = Section {
    path: "[institution]",
    doc: "The institution itself. Must be there.",
    keys: &[
        required("name", TEXT, "Name as shown to people."),
        optional(
            "time_zone",
            Kind::Is("IANA time zone"),
            "\"UTC\"",
            "Zone of the dates and times in this file that state no offset, and of pages and reports.",
        ),
        optional(
            "country",
            Kind::Is("two capital letters"),
            "unknown",
            "ISO 3166-1 code; which target lists and calendars concern the institution.",
        ),
        optional(
            "house",
            Kind::OneOf(|| words(House::CHOICES)),
            "\"parliament\"",
            "What kind of house it is; lists of targets say how often a wave against a country names its parliament.",
        ),
    ],
};

pub(crate) const ORGANISATION: Section = Section {
    path: "[organisation.NAME]",
    doc: "Somebody who runs services or networks. `own` always exists and is the institution itself; parties and \
        contractors are organisations of their own, outside our control.",
    keys: &[
        optional("name", TEXT, "NAME", "Name as shown to people."),
        optional(
            "kind",
            Kind::OneOf(|| words(OrganisationKind::CHOICES)),
            "\"own\" for `own`; must be there for others",
            "Its relation to the institution.",
        ),
        optional(
            "monitored",
            FLAG,
            "true if its kind is `own`, else false",
            "Whether its logs and flow records reach this installation, so that silence means that nothing happened.",
        ),
        optional("contact", TEXT, "unknown", "Whom to call."),
    ],
};

pub(crate) const ZONE: Section = Section {
    path: "[zone.NAME]",
    doc: "A part of the network. An address belongs to the zone with the longest prefix that holds it, so a zone may \
        lie within a prefix of another. `internet` is not declared: it is everything that no zone holds.",
    keys: &[
        required("prefixes", NETWORKS, "Its networks, IPv4 and IPv6. No two zones may have the same one."),
        optional("name", TEXT, "NAME", "Name as shown to people."),
        optional("organisation", Kind::Is("organisation"), "\"own\"", ORGANISATION_DOC),
        optional("exposure", Kind::OneOf(|| words(Exposure::CHOICES)), "\"internal\"", "Who can reach it."),
        optional(
            "target_level",
            Kind::Is("0 to 4, or \"outlook\""),
            "\"outlook\"",
            "Security level that it shall reach (SL-T of IEC 62443-3-2); `outlook` rises and falls with the outlook.",
        ),
        optional(
            "protected",
            FLAG,
            "true if its organisation is of kind `own`, else false",
            "Whether floods on it are looked for and filtered. The networks of a party or contractor are theirs, so \
             they are protected only where this file says so.",
        ),
    ],
};

pub(crate) const NODE: Section = Section {
    path: "[node.NAME]",
    doc: "An element that services need. Nodes, services and groups share one set of names.",
    keys: &[
        required("kind", Kind::OneOf(|| words(NodeKind::CHOICES)), "What it is."),
        optional("zone", Kind::Is("zone"), "none", "Where it stands."),
        optional("organisation", Kind::Is("organisation"), "\"own\"", ORGANISATION_DOC),
        optional("provider", TEXT, "unknown", "Who provides it, in words or as an AS number."),
        optional("addresses", ADDRESSES, "[]", "Its own addresses."),
        optional("capacity", Kind::Is("table"), "unknown", "The most that it carries; see below."),
        optional("shared_cause", Kind::Is("list of names"), "[]", CAUSE_DOC),
        optional("needs", NEEDS, "nothing known", NEEDS_DOC),
    ],
};

pub(crate) const CAPACITY: Section = Section {
    path: "capacity = { ... }",
    doc: "Of a node or service: the most that it carries, in each unit in which it is known.",
    keys: &[
        optional("bits_per_second", RATE, "unknown", "Bits per second."),
        optional("packets_per_second", RATE, "unknown", "Packets per second."),
        optional("new_connections_per_second", RATE, "unknown", "New connections per second."),
        optional("table_entries", RATE, "unknown", "Entries of its connection or translation table."),
        optional("queries_per_second", RATE, "unknown", "DNS queries or HTTP requests per second."),
    ],
};

pub(crate) const SERVICE: Section = Section {
    path: "[service.NAME]",
    doc: "What people use. Several services may share an address if their ports differ.",
    keys: &[
        required("zone", Kind::Is("zone"), "Where it stands; its addresses must belong to this zone."),
        optional("description", TEXT, "none", "What it is for."),
        optional("organisation", Kind::Is("organisation"), "\"own\"", ORGANISATION_DOC),
        optional("addresses", ADDRESSES, "[]", "Its addresses, IPv4 and IPv6."),
        optional(
            "ports",
            Kind::Is("list of ports"),
            "every port",
            "Such as `[\"tcp/443\", \"udp/8000-8100\"]`; `tcp`, `udp` and `sctp` are known.",
        ),
        optional("names", Kind::Is("list of domain names"), "[]", "Its domain names."),
        optional(
            "criticality",
            Kind::OneOf(|| words(Criticality::CHOICES)),
            "\"supporting\"",
            "What its loss means.",
        ),
        optional("capacity", Kind::Is("table"), "unknown", "The most that it serves; as for a node."),
        optional("shared_cause", Kind::Is("list of names"), "[]", CAUSE_DOC),
        optional("needs", NEEDS, "nothing known", NEEDS_DOC),
        optional("workaround", TEXT, "none", "What people do while it is down."),
    ],
};

pub(crate) const NEEDS_TABLE: Section = Section {
    path: "needs = { ... }",
    doc: "Either `all`, or `any` with `of`.",
    keys: &[
        optional("all", Kind::Is("list of needs"), "", "All of these."),
        optional("any", Kind::Is("whole number above 0"), "", "How many of `of`."),
        optional("of", Kind::Is("list of needs"), "", "Of which so many are enough."),
    ],
};

pub(crate) const GROUP: Section = Section {
    path: "[group.NAME]",
    doc: "A set that is watched as one. At least one of the keys must name something.",
    keys: &[
        optional("services", Kind::Is("list of services"), "[]", "Services in it."),
        optional("addresses", ADDRESSES, "[]", "Addresses in it."),
        optional("prefixes", NETWORKS, "[]", "Networks in it."),
    ],
};

pub(crate) const EXPORTER: Section = Section {
    path: "[exporter.NAME]",
    doc: "A device that may send flow records (NetFlow, IPFIX, sFlow). Datagrams of others are counted and dropped.",
    keys: &[
        required("address", Kind::Is("address"), "Where its datagrams come from."),
        optional(
            "sampling",
            Kind::Is("whole number above 0, or \"auto\""),
            "\"auto\"",
            "One packet in so many is seen, whatever the exporter says; `auto` believes the exporter.",
        ),
        optional("interfaces", Kind::Is("table"), "none", "Which of its interfaces face where; see below."),
        optional("zones", Kind::Is("list of zones"), "all", "The zones whose traffic passes it."),
    ],
};

pub(crate) const INTERFACES: Section = Section {
    path: "interfaces = { ... }",
    doc: "Of an exporter: interface numbers (SNMP ifIndex). A packet is counted where it crosses an external one, so \
        once, however many interfaces and exporters saw it.",
    keys: &[
        optional("external", Kind::Is("list of whole numbers"), "[]", "Interfaces that face the outside."),
        optional("internal", Kind::Is("list of whole numbers"), "[]", "Interfaces that face the inside."),
    ],
};

pub(crate) const PROXIES: Section = Section {
    path: "[proxies]",
    doc: "Proxies, content delivery networks and scrubbing services in front of the institution's services.",
    keys: &[
        optional("trusted", NETWORKS, "[]", "Whose forwarded-for header is believed."),
        optional(
            "header",
            Kind::Is("header name"),
            "\"x-forwarded-for\"",
            "The header that names the client.",
        ),
    ],
};

pub(crate) const DETECT: Section = Section {
    path: "[detect]",
    doc: "Settings of the detector. All optional: it learns what is ordinary by itself.",
    keys: &[
        optional(
            "false_alarms_per_month",
            RATE,
            "1",
            "How many false alarms in thirty days are accepted, over all targets together.",
        ),
        optional("target", Kind::Is("tables"), "none", "Settings of single targets; see below."),
        optional("maintenance", Kind::Is("tables"), "none", "Times in which alarms are expected; see below."),
        optional("expected", Kind::Is("tables"), "none", "Times in which many people will come; see below."),
        optional("mute", Kind::Is("tables"), "none", "Alarms that are not to be raised; see below."),
    ],
};

pub(crate) const TARGET: Section = Section {
    path: "[detect.target.NAME]",
    doc: "Settings of one target. `NAME` is a service, a group, or an address or prefix in quotes.",
    keys: &[
        optional(
            "false_alarms_per_month",
            RATE,
            "its share of the whole",
            "As above, for this target alone.",
        ),
        optional("ceiling", Kind::Is("table"), "none", "Rates above which there is a flood; see below."),
    ],
};

pub(crate) const CEILING: Section = Section {
    path: "ceiling = { ... }",
    doc: "Of a target: rates above which there is a flood, whatever has been learnt.",
    keys: &[
        optional("bits_per_second", RATE, "none", "Bits per second."),
        optional("packets_per_second", RATE, "none", "Packets per second."),
        optional("new_connections_per_second", RATE, "none", "New connections per second."),
        optional("queries_per_second", RATE, "none", "DNS queries or HTTP requests per second."),
        optional("sources_per_second", RATE, "none", "Distinct sources per second."),
    ],
};

pub(crate) const MAINTENANCE: Section = Section {
    path: "[[detect.maintenance]]",
    doc: "A time in which alarms are expected: they are recorded and marked, but nobody is called.",
    keys: &[
        required("start", TIME, "Start, included."),
        required("end", TIME, "End, excluded; later than the start."),
        required("reason", TEXT, "Why."),
        optional("targets", Kind::Is("list of targets"), "everything", "What is worked on."),
    ],
};

pub(crate) const EXPECTED: Section = Section {
    path: "[[detect.expected]]",
    doc: "A time in which many people will come: an election night, a vote that is broadcast. Readers are called a surge only \
        when there are more than this, and a flood is one as at any other time: an event silences nothing.",
    keys: &[
        required("start", TIME, "Start, included."),
        required("end", TIME, "End, excluded; later than the start."),
        required("reason", TEXT, "What it is; shown with what is found then."),
        required("times", Kind::Is("number from 1 to 1000"), "How many times the usual readers may come."),
        optional("services", Kind::Is("list of services"), "all", "Whose readers they are."),
    ],
};

pub(crate) const MUTE: Section = Section {
    path: "[[detect.mute]]",
    doc: "Alarms that are not to be raised until a set time. A mute without an end is refused.",
    keys: &[
        required("end", TIME, "End, excluded."),
        required("reason", TEXT, "Why."),
        optional("target", Kind::Is("target"), "every target", "A service, a group, an address or a prefix."),
        optional("vectors", Kind::Is("list of vector names"), "all", "Such as `[\"syn_flood\"]`."),
        optional("sources", NETWORKS, "any", "Only alarms whose sources are in these."),
    ],
};

pub(crate) const CONDUIT: Section = Section {
    path: "[[conduit]]",
    doc: "Traffic that may cross from one zone into another (a conduit in IEC 62443 terms).",
    keys: &[
        required("from", Kind::Is("zone or \"internet\""), "Where connections start."),
        required("to", Kind::Is("zone or \"internet\""), "Where they end."),
        required("allow", Kind::Is("list of permits"), "Such as `\"tcp/443 app-db\"`: ports, then what for."),
        optional("reason", TEXT, "none", "Why it exists."),
    ],
};

pub(crate) const ALLOW: Section = Section {
    path: "[allow]",
    doc: "Networks that are never filtered, at any layer. A mistake here stops the start.",
    keys: &[required("prefixes", NETWORKS, "The networks; none shorter than /8 (IPv4) or /16 (IPv6).")],
};

/// All sections in the order of the reference.
pub(crate) const SECTIONS: &[&Section] = &[
    &INSTITUTION,
    &ORGANISATION,
    &ZONE,
    &NODE,
    &CAPACITY,
    &SERVICE,
    &NEEDS_TABLE,
    &GROUP,
    &EXPORTER,
    &INTERFACES,
    &PROXIES,
    &DETECT,
    &TARGET,
    &CEILING,
    &MAINTENANCE,
    &EXPECTED,
    &MUTE,
    &CONDUIT,
    &ALLOW,
];

/// The tables at the top of the file.
pub(crate) const TOP: Section = Section {
    path: "the file",
    doc: "",
    keys: &[
        required("institution", Kind::Is("table"), "Write `[institution]` and under it `name = \"...\"`."),
        optional("organisation", Kind::Is("tables"), "", ""),
        optional("zone", Kind::Is("tables"), "", ""),
        optional("node", Kind::Is("tables"), "", ""),
        optional("service", Kind::Is("tables"), "", ""),
        optional("group", Kind::Is("tables"), "", ""),
        optional("exporter", Kind::Is("tables"), "", ""),
        optional("proxies", Kind::Is("table"), "", ""),
        optional("detect", Kind::Is("table"), "", ""),
        optional("conduit", Kind::Is("tables"), "", ""),
        optional("allow", Kind::Is("table"), "", ""),
    ],
};

/// Names of flood vectors, as in the events; a mute may name them.
pub const VECTOR_NAMES: &[&str] = &[
    "dns_amplification",
    "ntp_amplification",
    "ssdp_amplification",
    "cldap_amplification",
    "memcached_amplification",
    "chargen_amplification",
    "snmp_amplification",
    "portmap_amplification",
    "tftp_amplification",
    "netbios_amplification",
    "mdns_amplification",
    "ws_discovery_amplification",
    "coap_amplification",
    "arms_amplification",
    "stun_amplification",
    "sip_amplification",
    "qotd_amplification",
    "rip_amplification",
    "mssql_amplification",
    "steam_amplification",
    "ubiquiti_amplification",
    "openvpn_amplification",
    "dtls_amplification",
    "l2tp_amplification",
    "udp_amplification",
    "tcp_reflection",
    "udp_flood",
    "icmp_flood",
    "gre_flood",
    "esp_flood",
    "ip_protocol_flood",
    "fragment_flood",
    "syn_flood",
    "syn_ack_flood",
    "ack_flood",
    "rst_flood",
    "fin_flood",
    "tcp_flag_flood",
    "connection_flood",
    "tls_handshake_flood",
    "quic_flood",
    "dns_query_flood",
    "http_flood",
    "slow_http",
    "http2_rapid_reset",
    "http_cache_bypass",
    "login_flood",
];
