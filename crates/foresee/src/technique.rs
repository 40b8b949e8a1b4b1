//! What lists ask attackers to do, and what it is called elsewhere.

use serde::{Deserialize, Serialize};

/// A way of flooding that lists name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Technique {
    /// TCP SYN packets.
    TcpSyn,
    /// TCP ACK packets of no conversation.
    TcpAck,
    /// TCP SYN-ACK packets of no conversation.
    TcpSynAck,
    /// Connections that are opened and left.
    TcpConnect,
    /// Requests that never end.
    SlowHttp,
    /// Pages, searches and documents asked for with HTTP/1.1.
    HttpGet,
    /// Forms sent with HTTP/1.1.
    HttpPost,
    /// The same over HTTP/2.
    Http2,
    /// The same over HTTP/3.
    Http3,
    /// UDP packets.
    Udp,
    /// A word that is not known here.
    Unknown,
}

impl Technique {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::TcpSyn,
        Self::TcpAck,
        Self::TcpSynAck,
        Self::TcpConnect,
        Self::SlowHttp,
        Self::HttpGet,
        Self::HttpPost,
        Self::Http2,
        Self::Http3,
        Self::Udp,
        Self::Unknown,
    ];

    /// From a type and a method as lists write them: `http` and `GET`, `tcp` and `syn`, `nginx_loris`; or both in one, `tcp-syn`.
    #[must_use]
    pub fn of(kind: &str, method: &str) -> Self {
        let (kind, method) = (kind.trim().to_ascii_lowercase(), method.trim().to_ascii_lowercase());
        let (kind, method) = match kind.split_once('-') {
            Some((kind, rest)) if method.is_empty() => (kind.to_owned(), rest.to_owned()),
            _ => (kind, method),
        };
        match (kind.as_str(), method.as_str()) {
            ("tcp", "ack") => Self::TcpAck,
            ("tcp", "syn_ack" | "synack") => Self::TcpSynAck,
            ("tcp", "ping" | "connect" | "") => Self::TcpConnect,
            ("tcp" | "syn" | "tcp_syn" | "syn_flood", _) => Self::TcpSyn,
            ("ack" | "tcp_ack" | "ack_flood", _) => Self::TcpAck,
            ("nginx_loris" | "slowloris" | "slow" | "slow_http" | "loris", _) => Self::SlowHttp,
            ("http2" | "h2", _) => Self::Http2,
            ("http3" | "h3" | "quic", _) => Self::Http3,
            ("udp" | "udp_flood", _) => Self::Udp,
            ("http" | "https", "post" | "put") | ("post" | "http_post", _) => Self::HttpPost,
            ("http" | "https" | "get" | "http_get" | "http_flood", _) => Self::HttpGet,
            _ => Self::Unknown,
        }
    }

    /// The name of the vector by which `detect` would report it.
    #[must_use]
    pub const fn vector(self) -> &'static str {
        match self {
            Self::TcpSyn => "syn_flood",
            Self::TcpAck => "ack_flood",
            Self::TcpSynAck => "syn_ack_flood",
            Self::TcpConnect => "connection_flood",
            Self::SlowHttp => "slow_http",
            Self::HttpGet | Self::HttpPost | Self::Http2 | Self::Http3 | Self::Unknown => "http_flood",
            Self::Udp => "udp_flood",
        }
    }

    /// Its techniques in MITRE ATT&CK.
    #[must_use]
    pub const fn attack(self) -> &'static str {
        match self {
            Self::TcpSyn | Self::TcpAck | Self::TcpSynAck => "T1498.001, T1499.001",
            Self::Udp => "T1498.001",
            Self::TcpConnect => "T1499.001",
            Self::SlowHttp => "T1499.002",
            Self::HttpGet | Self::HttpPost | Self::Http2 | Self::Http3 | Self::Unknown => "T1499.003",
        }
    }

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::TcpSyn => "floods of connection attempts (SYN)",
            Self::TcpAck => "floods of packets of no conversation (ACK)",
            Self::TcpSynAck => "floods of packets of no conversation (SYN-ACK)",
            Self::TcpConnect => "connections that are opened and left",
            Self::SlowHttp => "requests that never end",
            Self::HttpGet => "pages and searches asked for en masse",
            Self::HttpPost => "forms sent en masse",
            Self::Http2 => "requests over HTTP/2 en masse",
            Self::Http3 => "requests over HTTP/3 en masse",
            Self::Udp => "floods of UDP packets",
            Self::Unknown => "something that the list does not explain",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TcpSyn => "tcp_syn",
            Self::TcpAck => "tcp_ack",
            Self::TcpSynAck => "tcp_syn_ack",
            Self::TcpConnect => "tcp_connect",
            Self::SlowHttp => "slow_http",
            Self::HttpGet => "http_get",
            Self::HttpPost => "http_post",
            Self::Http2 => "http2",
            Self::Http3 => "http3",
            Self::Udp => "udp",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_lists_are_understood() {
        for (kind, method, wanted) in [
            ("tcp", "syn", Technique::TcpSyn),
            ("tcp", "syn_ack", Technique::TcpSynAck),
            ("tcp", "PING", Technique::TcpConnect),
            ("nginx_loris", "udp_flood", Technique::SlowHttp),
            ("http", "GET", Technique::HttpGet),
            ("http-post", "", Technique::HttpPost),
            ("http2-udp_flood", "", Technique::Http2),
            ("tcp-ack", "", Technique::TcpAck),
            ("udp-syn", "", Technique::Udp),
            ("magic", "", Technique::Unknown),
        ] {
            assert_eq!(Technique::of(kind, method), wanted, "{kind} {method}");
        }
        assert!(Technique::ALL.iter().all(|technique| technique.attack().starts_with("T149")));
    }
}
