//! Every table and key of the file: the reader refuses what is not here.

use institution::{Choice, Key, Kind, Section};
use intake::follow::StartAt;

use super::Undeclared;

const fn required(name: &'static str, kind: &'static str, doc: &'static str) -> Key {
    Key { name, kind: Kind::Is(kind), default: None, doc }
}

const fn optional(name: &'static str, kind: &'static str, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind: Kind::Is(kind), default: Some(default), doc }
}

pub(super) const UNDECLARED: &[Choice<Undeclared>] = &[
    Choice { word: "count", doc: "They are counted.", value: Undeclared::Count },
    Choice {
        word: "propose",
        doc: "They are counted, and the log has lines for the institution file.",
        value: Undeclared::Propose,
    },
];

pub(super) const TOP: Section = Section {
    path: "the top level",
    doc: "What the service works with.",
    keys: &[
        required("institution", "path", "The institution file; `hemicycle check` checks it."),
        optional("watch", "true or false", "true", "Read the institution file again when it changes."),
        optional("listen", "table", "as described", "Where flow exports come in."),
        optional("mirror", "tables", "none", "Interfaces that get a copy of the traffic."),
        optional("log", "tables", "none", "Log files that are followed."),
        optional("syslog", "table", "none", "Where syslog comes in."),
        optional("metrics", "table", "none", "Where figures can be read."),
        required("state", "table", "Where the service keeps what it must remember: `[state]` with `folder`."),
        optional("record", "table", "as described", "What is kept of what was seen and done."),
        optional("console", "table", "none", "What people see in their browsers."),
        optional("oidc", "table", "none", "By whose word people may sign in, beside local accounts."),
        optional("webhook", "tables", "none", "Programs that tell of floods that they saw."),
        optional("notify", "tables", "none", "Whom to tell of floods and faults."),
        optional("foresee", "table", "none", "Lists of targets and a calendar, for the page Outlook."),
        optional("learn", "table", "as described", "Whether what is ordinary is learnt."),
        optional("events", "table", "as described", "What is written on standard output."),
        optional("service", "table", "none", "Whom the service runs as."),
        optional("limits", "table", "as described", "How much the detector remembers."),
    ],
};

pub(super) const LISTEN: Section = Section {
    path: "[listen]",
    doc: "Where flow exports come in.",
    keys: &[
        optional(
            "flows",
            "list of address:port",
            "every address at ports 2055, 4739 and 6343",
            "Where to listen.",
        ),
        optional("workers", "whole number", "1", "Threads that receive and decode."),
        optional(
            "receive_buffer_bytes",
            "whole number",
            "16 MiB",
            "Receive buffer of each socket to ask for.",
        ),
        optional("undeclared", "`count` or `propose`", "`count`", "What becomes of undeclared senders."),
    ],
};

pub(super) const MIRROR: Section = Section {
    path: "[[mirror]]",
    doc: "An interface that gets a copy of the traffic.",
    keys: &[
        required("interface", "text", "Its name, as in `ip link`."),
        optional("workers", "whole number", "1", "Threads that share its packets."),
        optional("sampling", "whole number", "1", "One packet in so many is looked at."),
        optional("snap_bytes", "whole number", "2048", "Bytes taken of each packet."),
        optional("ring_bytes", "whole number", "32 MiB", "Memory of each worker's ring."),
        optional("promiscuous", "true or false", "true", "Take packets for other stations."),
        optional("outgoing", "true or false", "false", "Take what this machine sends, too."),
    ],
};

pub(super) const FROM: &[Choice<StartAt>] = &[
    Choice { word: "end", doc: "What is written from now on.", value: StartAt::End },
    Choice { word: "beginning", doc: "What the file holds, too.", value: StartAt::Beginning },
    Choice { word: "history", doc: "What rotated files beside it hold, too.", value: StartAt::History },
];

pub(super) const LOG: Section = Section {
    path: "[[log]]",
    doc: "Log files that are followed.",
    keys: &[
        required("path", "path", "A file, or a pattern with `*` and `?` in its last part."),
        optional("format", "text", "`auto`", "How its lines are written."),
        optional("service", "service", "none", "The service of the institution file whose log it is."),
        optional("from", "`end`, `beginning` or `history`", "`end`", "Where to begin at the first start."),
    ],
};

pub(super) const SYSLOG: Section = Section {
    path: "[syslog]",
    doc: "Where syslog comes in.",
    keys: &[
        optional("listen_udp", "list of address:port", "none", "Where datagrams come in."),
        optional("listen_tcp", "list of address:port", "none", "Where streams come in."),
        optional("listen_tls", "list of address:port", "none", "Where encrypted streams come in."),
        optional("certificate", "path", "none", "The certificate that is shown, with its chain; PEM."),
        optional("key", "path", "none", "The secret key of the certificate; PEM."),
        required("senders", "list of prefixes", "Who is heard."),
        optional("format", "text", "`auto`", "How lines are written."),
        optional("service", "service", "none", "The service of the institution file whose logs these are."),
        optional("connections", "whole number", "256", "Connections at once."),
    ],
};

pub(super) const METRICS: Section = Section {
    path: "[metrics]",
    doc: "Where figures can be read.",
    keys: &[required("listen", "address:port", "Where `/metrics` and `/healthz` are served.")],
};

pub(super) const STATE: Section = Section {
    path: "[state]",
    doc: "What the service must remember.",
    keys: &[
        required("folder", "path", "Where it is kept; made if it is missing."),
        optional("key_file", "path", "`key`", "The secret of this deployment, from the folder on."),
    ],
};

pub(super) const LEARN: Section = Section {
    path: "[learn]",
    doc: "Whether what is ordinary is learnt.",
    keys: &[optional(
        "enabled",
        "true or false",
        "true",
        "Learn what is ordinary for each target, keep it in the state folder, and report more than that.",
    )],
};

pub(super) const FORESEE: Section = Section {
    path: "[foresee]",
    doc: "Lists of targets and a calendar, for the page Outlook (docs/foresee.md).",
    keys: &[
        optional("data", "path", "none", "The folder of lists and events."),
        optional("store", "path", "none", "The folder of what `hemicycle foresee import` took up."),
        optional("place", "text", "the institution's country", "The country's two letters, or `eu`."),
        optional(
            "match_indicators",
            "true or false",
            "true",
            "Whether what passes by is looked at for the indicators of the store.",
        ),
        optional(
            "warning_lists",
            "list of path",
            "none",
            "Lists in MISP's form: what is on them never matches.",
        ),
        optional(
            "lower_floors",
            "true or false",
            "true",
            "Whether a window of the calendar or a list that names us lowers the floors of the detector.",
        ),
    ],
};

pub(super) const RECORD: Section = Section {
    path: "[record]",
    doc: "What is kept of what was seen and done, and for how long.",
    keys: &[
        optional("enabled", "true or false", "true", "Keep a record at all."),
        optional("observed_days", "whole number", "730", "Floods, surges and signs."),
        optional("acts_days", "whole number", "without end", "What people and the service did."),
        optional("addresses_days", "whole number", "30", "Plain addresses of persons, sealed."),
        optional("evidence_days", "whole number", "90", "Headers of packets and flow records around floods."),
        optional("seconds_days", "whole number", "1", "Figures of each second."),
        optional("minutes_days", "whole number", "7", "Figures of each minute."),
        optional("hours_days", "whole number", "90", "Figures of each hour."),
        optional(
            "database_mebibytes",
            "whole number",
            "4096",
            "Size of the database; the oldest goes first.",
        ),
        optional(
            "evidence_mebibytes",
            "whole number",
            "2048",
            "Size of all evidence; the oldest goes first.",
        ),
    ],
};

pub(super) const CONSOLE: Section = Section {
    path: "[console]",
    doc: "What people see in their browsers.",
    keys: &[
        required("listen", "list of address:port", "Where it listens, with TLS."),
        optional("certificate", "path", "made at the first start", "The certificate, with its chain; PEM."),
        optional("key", "path", "made at the first start", "The secret key of the certificate; PEM."),
        optional(
            "names",
            "list of text",
            "none",
            "Names in the certificate that is made, beside `localhost`.",
        ),
        optional(
            "url",
            "text",
            "the first of `names`, with the port",
            "Where people reach it: what links in notices begin with.",
        ),
        optional(
            "countries",
            "path",
            "none",
            "A file in the MMDB format that says which network is of which country.",
        ),
    ],
};

pub(super) const OIDC: Section = Section {
    path: "[oidc]",
    doc: "By whose word people may sign in, beside local accounts: OpenID Connect.",
    keys: &[
        required("issuer", "text", "The issuer, exactly as the provider writes it."),
        required("client_id", "text", "Who the console is there."),
        optional("client_secret_file", "path", "none", "The file of the secret; a client without has none."),
        optional("ca_file", "path", "the system's", "Authorities that are believed; PEM."),
        optional("scopes", "list of text", "`profile`, `groups`", "What is asked for beside `openid`."),
        optional("name_claim", "text", "`preferred_username`", "The claim with the name."),
        optional("groups_claim", "text", "`groups`", "The claim with the groups."),
        optional("title", "text", "the house's account", "What the button calls it."),
        optional(
            "role",
            "tables",
            "at least one must be there",
            "`[[oidc.role]]`: which group has which role; the first that fits counts.",
        ),
    ],
};

pub(super) const OIDC_ROLE: Section = Section {
    path: "[[oidc.role]]",
    doc: "Which group has which role.",
    keys: &[
        required("group", "text", "The group, as the provider writes it."),
        required(
            "role",
            "`viewer`, `analyst`, `operator`, `administrator` or `data_protection`",
            "What its members may do.",
        ),
        optional(
            "organisation",
            "organisation",
            "the whole house",
            "Whose services they see, of the institution file.",
        ),
    ],
};

pub(super) const WEBHOOK: Section = Section {
    path: "[[webhook]]",
    doc: "A program that tells of floods that it saw, by signed messages to the console.",
    keys: &[
        required("name", "text", "Who it is, for the ledger."),
        required(
            "secret_file",
            "path",
            "The secret that both know: at least 16 bytes, readable by its owner only.",
        ),
    ],
};

pub(super) const NOTIFY: Section = Section {
    path: "[[notify]]",
    doc: "A channel: whom to tell, how, and of what.",
    keys: &[
        required("name", "text", "What it is called."),
        required("kind", "`webhook`, `chat`, `mail` or `syslog`", "How it is told."),
        optional("url_file", "path", "none", "The file of the address."),
        optional("key_file", "path", "none", "The file of the key of the signature."),
        optional("ca_file", "path", "the system's", "Authorities that are believed; PEM."),
        optional("allow_plain", "true or false", "false", "Whether it may leave this machine unprotected."),
        optional("host", "text", "none", "The relay, or the syslog server."),
        optional("port", "whole number", "the usual one", "Its port."),
        optional("security", "`tls`, `starttls` or `plain`", "`starttls`", "How mail is protected."),
        optional("user", "text", "none", "The account at the relay."),
        optional("password_file", "path", "none", "The file of its password."),
        optional("from", "text", "none", "The sender's address."),
        optional("to", "list of text", "none", "The recipients' addresses."),
        optional("hello", "text", "`localhost`", "The name by which the relay is greeted."),
        optional("transport", "`udp`, `tcp` or `tls`", "`tls`", "How syslog travels."),
        optional("facility", "whole number", "16", "Facility of syslog."),
        optional("host_name", "text", "`hemicycle`", "Name of this machine in syslog."),
        optional("data_id", "text", "`hemicycle@32473`", "Name of the structured data."),
        optional("least_severity", "`info`, `warning` or `critical`", "`info`", "What is told at all."),
        optional("services", "list of services", "all", "Only what concerns one of them."),
        optional("organisations", "list of organisations", "all", "Only what concerns none but these."),
        optional("kinds", "list of text", "all", "Only notices of these kinds."),
        optional("repeat_seconds", "whole number", "300", "Least time between two updates."),
        optional("burst", "whole number", "10", "Messages in a minute."),
        optional("quiet_from", "time of day", "none", "When quiet hours begin."),
        optional("quiet_to", "time of day", "none", "When they end."),
        optional("quiet_least_severity", "a severity", "`critical`", "What is told even then."),
    ],
};

pub(super) const EVENTS: Section = Section {
    path: "[events]",
    doc: "What is written on standard output.",
    keys: &[
        optional(
            "show_addresses",
            "text",
            "none",
            "The purpose for which source addresses are shown in full.",
        ),
        optional("queue", "whole number", "4096", "Events that may wait for whoever reads."),
    ],
};

pub(super) const SERVICE: Section = Section {
    path: "[service]",
    doc: "Whom the service runs as.",
    keys: &[optional(
        "user",
        "text",
        "whoever starts it",
        "The user that a start as root becomes once everything is open.",
    )],
};

pub(super) const LIMITS: Section = Section {
    path: "[limits]",
    doc: "How much the detector remembers.",
    keys: &[
        optional("targets", "whole number", "65536", "Addresses counted at once."),
        optional("conversations", "whole number", "262144", "Conversations remembered at once."),
        optional("suspects", "whole number", "2048", "Targets looked at closer at once."),
    ],
};

/// All of them.
pub(super) const SECTIONS: &[&Section] = &[
    &TOP, &LISTEN, &MIRROR, &LOG, &SYSLOG, &METRICS, &STATE, &RECORD, &CONSOLE, &OIDC, &OIDC_ROLE, &WEBHOOK,
    &NOTIFY, &FORESEE, &LEARN, &EVENTS, &SERVICE, &LIMITS,
];
