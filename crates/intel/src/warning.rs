//! Warning lists: what must never become a rule, whoever says that it is evil. Own networks and those never filtered, addresses of nobody in
//! particular, big providers and resolvers.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use crate::indicator::Kind;

/// Most entries.
pub const MAXIMUM_WARNINGS: usize = 1 << 18;

/// Networks and names that are warned of, each with the list that it is on.
#[derive(Clone, Debug, Default)]
pub struct Warnings {
    networks: Vec<(IpNet, String)>,
    domains: std::collections::BTreeMap<String, String>,
    /// Entries that could not be read or had no room.
    pub skipped: usize,
}

/// Networks that belong to nobody or to everybody (IANA's special-purpose registries, RFC 6890), and public resolvers.
const GENERAL: [(&str, &str); 21] = [
    ("special", "0.0.0.0/8"),
    ("special", "10.0.0.0/8"),
    ("special", "100.64.0.0/10"),
    ("special", "127.0.0.0/8"),
    ("special", "169.254.0.0/16"),
    ("special", "172.16.0.0/12"),
    ("special", "192.168.0.0/16"),
    ("special", "224.0.0.0/4"),
    ("special", "240.0.0.0/4"),
    ("special", "::/127"),
    ("special", "fc00::/7"),
    ("special", "fe80::/10"),
    ("special", "ff00::/8"),
    ("public resolver", "1.1.1.1/32"),
    ("public resolver", "1.0.0.1/32"),
    ("public resolver", "8.8.8.8/32"),
    ("public resolver", "8.8.4.4/32"),
    ("public resolver", "9.9.9.9/32"),
    ("public resolver", "2606:4700:4700::1111/128"),
    ("public resolver", "2001:4860:4860::8888/128"),
    ("public resolver", "2620:fe::fe/128"),
];

impl Warnings {
    /// What is warned of everywhere.
    #[must_use]
    pub fn general() -> Self {
        let mut warnings = Self::default();
        for (list, network) in GENERAL {
            match network.parse() {
                Ok(network) => warnings.network(list, network),
                Err(_) => warnings.skipped += 1,
            }
        }
        warnings
    }

    /// Warns of a network.
    pub fn network(&mut self, list: &str, network: IpNet) {
        if self.networks.len() < MAXIMUM_WARNINGS {
            self.networks.push((network.trunc(), list.to_owned()));
        } else {
            self.skipped += 1;
        }
    }

    /// Warns of a name and everything below it.
    pub fn domain(&mut self, list: &str, name: &str) {
        if self.domains.len() < MAXIMUM_WARNINGS {
            self.domains.insert(name.trim_matches('.').to_ascii_lowercase(), list.to_owned());
        } else {
            self.skipped += 1;
        }
    }

    /// Reads a list in MISP's form: `{"name": …, "type": "cidr|hostname|string", "list": […]}`.
    pub fn read_misp(&mut self, text: &str) {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            self.skipped += 1;
            return;
        };
        let name = value["name"].as_str().unwrap_or("unnamed list").to_owned();
        for entry in value["list"].as_array().into_iter().flatten() {
            let Some(text) = entry.as_str() else {
                self.skipped += 1;
                continue;
            };
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            match text.parse::<IpNet>().ok().or_else(address) {
                Some(network) => self.network(&name, network),
                None if text.contains('.') && !text.contains('/') => self.domain(&name, text),
                None => self.skipped += 1,
            }
        }
    }

    /// Whether a value lies in, or covers, something that is warned of.
    #[must_use]
    pub fn holds(&self, kind: Kind, value: &str) -> bool {
        self.list_of(kind, value).is_some()
    }

    /// The list that a value is on.
    #[must_use]
    pub fn list_of(&self, kind: Kind, value: &str) -> Option<&str> {
        match kind {
            Kind::Address | Kind::Network => {
                let network =
                    value.parse::<IpNet>().ok().or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from))?;
                let touches =
                    |(other, _): &&(IpNet, String)| other.contains(&network) || network.contains(other);
                self.networks.iter().find(touches).map(|(_, list)| list.as_str())
            }
            Kind::Domain => self.name(value),
            Kind::Url => {
                let host = value.split_once("://").map_or(value, |(_, rest)| rest);
                let host = host.split(['/', '?', '#', ':']).next().unwrap_or_default();
                self.name(host).or_else(|| self.list_of(Kind::Address, host))
            }
            Kind::Email => self.name(value.rsplit_once('@')?.1),
            Kind::Hash => None,
        }
    }

    fn name(&self, name: &str) -> Option<&str> {
        let name = name.trim_matches('.').to_ascii_lowercase();
        let mut rest = name.as_str();
        loop {
            if let Some(list) = self.domains.get(rest) {
                return Some(list);
            }
            rest = rest.split_once('.')?.1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_what_lies_in_them_and_what_covers_them() {
        let mut warnings = Warnings::general();
        warnings
            .read_misp(r#"{"name":"big","list":["198.51.100.0/24","203.0.113.5","cdn.example",7,"???"]}"#);
        assert_eq!(warnings.skipped, 2);
        assert_eq!(warnings.list_of(Kind::Address, "198.51.100.9"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Network, "198.0.0.0/8"), Some("big"), "what covers it is as bad");
        assert_eq!(warnings.list_of(Kind::Url, "https://a.cdn.example/x"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Url, "https://203.0.113.5/x"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Email, "a@cdn.example"), Some("big"));
        assert_eq!(warnings.list_of(Kind::Address, "10.1.1.1"), Some("special"));
        assert_eq!(warnings.list_of(Kind::Domain, "notcdn.example"), None);
    }
}
