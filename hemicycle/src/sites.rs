//! Which service a logged request was for, and who asked: the two things that a log line does not say by itself.
//!
//! The service is the one that the institution file gives the line's host name to; without a host name, or an
//! institution, it is named after the host or the log. The client is whoever is connected, or, where that is a proxy
//! of the institution file, the nearest address in front of it that is not.
//!
//! Limits: a `Host` header is chosen by whoever asks, so without an institution only the first
//! [`HOSTS_MAXIMUM`] become services; requests for others count for their log.

use std::net::IpAddr;

use detect::web::WebDetector;
use hashbrown::HashMap;
use institution::Institution;
use ipnet::IpNet;
use sketch::KeyedState;
use wire::Address;
use wire::web::{Client, Request};

/// Host names that become services without an institution.
pub const HOSTS_MAXIMUM: usize = 64;
/// Addresses of a forwarding chain that are looked at, the nearest first.
const CHAIN_MAXIMUM: usize = 16;
/// The longest host name (RFC 1035 section 2.3.4).
const HOST_BYTES_MAXIMUM: usize = 253;

/// Names of services, logs and proxies.
pub struct Sites {
    by_host: HashMap<Box<[u8]>, u32, KeyedState>,
    /// Hosts that may still become services.
    hosts_left: usize,
    proxies: Vec<IpNet>,
    logs: Vec<Option<u32>>,
    /// Requests whose service had no room.
    pub refused: u64,
}

impl Sites {
    /// Those of an institution, or of whatever the logs name.
    pub fn new(institution: Option<&Institution>, detector: &mut WebDetector, key: KeyedState) -> Self {
        let mut by_host = HashMap::with_hasher(key);
        let mut proxies = Vec::new();
        if let Some(institution) = institution {
            proxies.clone_from(&institution.proxies.trusted);
            for service in &institution.services {
                let Some(index) = detector.service(&service.id, &[]) else { continue };
                for name in &service.names {
                    by_host.insert(name.to_ascii_lowercase().into_bytes().into_boxed_slice(), index);
                }
            }
        }
        let hosts_left = if institution.is_some() { 0 } else { HOSTS_MAXIMUM };
        Self { by_host, hosts_left, proxies, logs: Vec::new(), refused: 0 }
    }

    /// Requests of log number `log` are for this service where they name none.
    pub fn log(&mut self, log: usize, service: Option<u32>) {
        if self.logs.len() <= log {
            self.logs.resize(log + 1, None);
        }
        if let Some(place) = self.logs.get_mut(log) {
            *place = service;
        }
    }

    /// Gives a request of a log to the detector.
    pub fn observe(&mut self, detector: &mut WebDetector, log: usize, request: &Request<'_>) {
        let service = self.service(detector, request.host).or_else(|| self.logs.get(log).copied().flatten());
        let Some(service) = service else {
            self.refused += 1;
            return;
        };
        if self.proxies.is_empty() {
            return detector.observe(service, request);
        }
        detector.observe(service, &Request { client: self.client(request), ..*request });
    }

    fn service(&mut self, detector: &mut WebDetector, host: &[u8]) -> Option<u32> {
        if host.is_empty() || host.len() > HOST_BYTES_MAXIMUM {
            return None;
        }
        let name = without_port(host);
        if let Some(&index) = self.by_host.get(name) {
            return Some(index);
        }
        let lower = name.to_ascii_lowercase().into_boxed_slice();
        if let Some(&index) = self.by_host.get(&lower) {
            return Some(index);
        }
        if self.hosts_left == 0 {
            return None;
        }
        self.hosts_left -= 1;
        let index = detector.service(std::str::from_utf8(&lower).ok()?, &[])?;
        self.by_host.insert(lower, index);
        Some(index)
    }

    /// Who asked: the nearest one that is no proxy of ours.
    pub fn client<'a>(&self, request: &Request<'a>) -> Client<'a> {
        let Client::Address(nearest) = request.client else { return request.client };
        if !self.is_proxy(nearest.to_ip()) {
            return request.client;
        }
        let mut seen = nearest;
        let chain = request.forwarded_for.rsplit(|&byte| byte == b',').take(CHAIN_MAXIMUM);
        for text in chain {
            let Some(address) = address(text) else { break };
            seen = Address::from(address);
            if !self.is_proxy(address) {
                break;
            }
        }
        Client::Address(seen)
    }

    fn is_proxy(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|&byte| byte == b':') {
        Some(at) if host[at + 1..].iter().all(u8::is_ascii_digit) && !host.ends_with(b"]") => &host[..at],
        _ => host,
    }
}

/// An address of a forwarding chain: bare, in brackets, with a port, or `for=` of RFC 7239.
fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let text = text.split(';').next().unwrap_or(text).trim();
    let text =
        text.strip_prefix("for=").or_else(|| text.strip_prefix("For=")).unwrap_or(text).trim_matches('"');
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
        return inside.parse().ok();
    }
    text.rsplit_once(':').and_then(|(before, _)| before.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites(proxies: &[&str]) -> Sites {
        let mut detector = WebDetector::new([1; 16]);
        let mut sites = Sites::new(None, &mut detector, KeyedState::new([1; 16]));
        sites.proxies = proxies.iter().map(|text| text.parse().unwrap()).collect();
        sites
    }

    fn asked(sites: &Sites, from: &str, forwarded_for: &str) -> String {
        let nearest = Address::from(from.parse::<IpAddr>().unwrap());
        let request = Request {
            client: Client::Address(nearest),
            forwarded_for: forwarded_for.as_bytes(),
            ..Request::default()
        };
        let Client::Address(address) = sites.client(&request) else { return String::new() };
        address.to_ip().to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_the_nearest_stranger_before_it() {
        let sites = sites(&["203.0.113.0/24", "2001:db8:f::/48"]);
        assert_eq!(
            asked(&sites, "198.51.100.7", "192.0.2.1"),
            "198.51.100.7",
            "whoever sends the header himself"
        );
        assert_eq!(asked(&sites, "203.0.113.5", "192.0.2.1"), "192.0.2.1");
        assert_eq!(asked(&sites, "203.0.113.5", "10.0.0.1, 192.0.2.1, 203.0.113.9"), "192.0.2.1");
        assert_eq!(
            asked(&sites, "2001:db8:f::1", "for=\"[2001:db8:1::7]:443\";proto=https"),
            "2001:db8:1::7"
        );
        assert_eq!(asked(&sites, "203.0.113.5", "unknown"), "203.0.113.5");
        assert_eq!(asked(&sites, "203.0.113.5", ""), "203.0.113.5");
    }

    #[test]
    fn hosts_that_anybody_may_name_make_few_services() {
        let mut detector = WebDetector::new([1; 16]);
        let mut sites = Sites::new(None, &mut detector, KeyedState::new([1; 16]));
        let own = detector.service("access.log", &[]);
        sites.log(0, own);
        for number in 0..500 {
            let host = format!("host{number}.example:8080");
            let request = Request { host: host.as_bytes(), ..Request::default() };
            sites.observe(&mut detector, 0, &request);
        }
        assert_eq!(detector.counters().services, HOSTS_MAXIMUM as u64 + 1);
        assert_eq!((detector.counters().requests, sites.refused), (500, 0));
    }
}
