//! LISTED: a name, address or prefix of ours, of a party or of a supplier stands on a fresh list. Not a probability, a fact.
//!
//! What is asked of the attackers is turned into proposals: as data, for people and for whatever filters. Nothing here filters.

use std::collections::{BTreeMap, BTreeSet};

use institution::{Institution, OrganisationId, OrganisationKind, Service, ServiceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::targets::{Asked, List};
use crate::technique::Technique;

/// For how long a list is fresh. Waves last two days in the middle and seven in nine of ten cases.
pub const FRESH_HOURS: i64 = 48;
/// Most proposals of one listing.
const MAXIMUM_PROPOSALS: usize = 128;

/// How a line of a list met us.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Met {
    /// A name of a service.
    Name,
    /// A name below a name of a service, or the same with or without `www`.
    NameBelow,
    /// An address of a service.
    Address,
    /// An address within a prefix of a zone.
    Prefix,
    /// A network that a prefix of ours lies in or overlaps.
    Network,
}

/// Whose it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// The institution's.
    Own,
    /// A party's.
    Party,
    /// A supplier's.
    Supplier,
    /// An authority's.
    Authority,
}

/// One thing of ours on a list.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Listing {
    /// `listed`.
    pub kind: &'static str,
    /// When the list was seen.
    pub time: Timestamp,
    /// Where it comes from.
    pub source: String,
    /// Whose list it is.
    pub actor: String,
    /// The organisation of the institution file.
    pub organisation: String,
    /// Whose that is.
    pub whose: Whose,
    /// The service, if the line names one.
    pub service: Option<String>,
    /// What the list names: host, address or network.
    pub named: String,
    /// How it met us.
    pub met: Met,
    /// What is asked of the attackers.
    pub techniques: Vec<Technique>,
    /// At which ports.
    pub ports: Vec<u16>,
    /// Filters to look at.
    pub proposals: Vec<Proposal>,
    /// What people should look at.
    pub checks: Vec<String>,
}

/// A filter that somebody may set. Layers from the outside in: `provider`, `edge`, `proxy`, `application`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Proposal {
    /// Where it belongs.
    pub layer: &'static str,
    /// What it meets.
    #[serde(rename = "match")]
    pub matches: BTreeMap<&'static str, String>,
    /// What it would do.
    pub action: &'static str,
    /// The technique that it is against.
    pub technique: Technique,
    /// Why.
    pub reason: String,
}

/// Everything of an institution that stands on a list.
#[must_use]
pub fn look_up(list: &List, institution: &Institution) -> Vec<Listing> {
    let names = names(institution);
    let mut found: BTreeMap<(OrganisationId, Option<ServiceId>, String, Met), Vec<&Asked>> = BTreeMap::new();
    for line in &list.lines {
        for (organisation, service, met) in meet(line, institution, &names) {
            let named = match met {
                Met::Name | Met::NameBelow => line.host.clone(),
                Met::Address | Met::Prefix => {
                    line.address.map_or_else(String::new, |address| address.to_string())
                }
                Met::Network => line.network.map_or_else(String::new, |network| network.to_string()),
            };
            found.entry((organisation, service, named, met)).or_default().push(line);
        }
    }
    let mut listings: Vec<Listing> = found
        .into_iter()
        .map(|((organisation, service, named, met), lines)| {
            listing(list, institution, (organisation, service, named, met), &lines)
        })
        .collect();
    listings.sort_by(|a, b| {
        (a.whose, a.service.is_none(), &a.service, a.met).cmp(&(
            b.whose,
            b.service.is_none(),
            &b.service,
            b.met,
        ))
    });
    listings
}

/// Names of services in lower case.
fn names(institution: &Institution) -> BTreeMap<&str, ServiceId> {
    let mut names = BTreeMap::new();
    for (index, service) in institution.services.iter().enumerate() {
        for name in &service.names {
            names.entry(name.as_str()).or_insert(ServiceId(index as u16));
        }
    }
    names
}

fn meet(
    line: &Asked,
    institution: &Institution,
    names: &BTreeMap<&str, ServiceId>,
) -> Vec<(OrganisationId, Option<ServiceId>, Met)> {
    let mut met = Vec::new();
    let of = |service: ServiceId| institution[service].organisation;
    if let Some((service, how)) = by_name(&line.host, names) {
        met.push((of(service), Some(service), how));
    }
    if let Some(address) = line.address {
        let lookup = institution.index.lookup(address);
        met.extend(lookup.services.iter().map(|service| (of(*service), Some(*service), Met::Address)));
        if let (true, Some(zone)) = (lookup.services.is_empty(), lookup.zone) {
            met.push((institution[zone].organisation, None, Met::Prefix));
        }
    }
    if let Some(network) = line.network {
        let touches = |prefix: &&institution::Prefix| {
            network.contains(&prefix.network) || prefix.network.contains(&network)
        };
        let zones: BTreeSet<OrganisationId> = institution
            .prefixes
            .iter()
            .filter(touches)
            .map(|prefix| institution[prefix.zone].organisation)
            .collect();
        met.extend(zones.into_iter().map(|organisation| (organisation, None, Met::Network)));
    }
    // A line that names a service needs no second mention by its address.
    met.dedup_by_key(|(organisation, service, _)| (*organisation, *service));
    met
}

fn by_name(host: &str, names: &BTreeMap<&str, ServiceId>) -> Option<(ServiceId, Met)> {
    if host.is_empty() {
        return None;
    }
    if let Some(service) = names.get(host) {
        return Some((*service, Met::Name));
    }
    let other = host.strip_prefix("www.").map_or_else(|| format!("www.{host}"), str::to_owned);
    if let Some(service) = names.get(other.as_str()) {
        return Some((*service, Met::NameBelow));
    }
    let mut rest = host;
    while let Some((_, parent)) = rest.split_once('.') {
        if let Some(service) = names.get(parent) {
            return Some((*service, Met::NameBelow));
        }
        rest = parent;
    }
    None
}

fn listing(
    list: &List,
    institution: &Institution,
    (organisation, service, named, met): (OrganisationId, Option<ServiceId>, String, Met),
    lines: &[&Asked],
) -> Listing {
    let whose = match institution[organisation].kind {
        OrganisationKind::Own => Whose::Own,
        OrganisationKind::Party => Whose::Party,
        OrganisationKind::Contractor | OrganisationKind::Provider => Whose::Supplier,
        OrganisationKind::Authority => Whose::Authority,
    };
    let techniques: BTreeSet<Technique> = lines.iter().map(|line| line.technique).collect();
    let ports: BTreeSet<u16> = lines.iter().filter_map(|line| line.port).collect();
    let service = service.map(|service| &institution[service]);
    Listing {
        kind: "listed",
        time: list.time,
        source: list.source.clone(),
        actor: list.actor.clone(),
        organisation: institution[organisation].id.clone(),
        whose,
        service: service.map(|service| service.id.clone()),
        proposals: proposals(lines, service, &named),
        checks: checks(&techniques, service, whose),
        named,
        met,
        techniques: techniques.into_iter().collect(),
        ports: ports.into_iter().collect(),
    }
}

fn proposals(lines: &[&Asked], service: Option<&Service>, named: &str) -> Vec<Proposal> {
    let mut proposals = BTreeSet::new();
    for line in lines {
        if proposals.len() == MAXIMUM_PROPOSALS {
            break;
        }
        proposals.insert(proposal(line, service, named));
    }
    proposals.into_iter().collect()
}

/// Whether a service answers at a port; not known where the file names no ports.
fn serves(service: Option<&Service>, technique: Technique, port: u16) -> Option<bool> {
    let protocol = if matches!(technique, Technique::Udp | Technique::Http3) { 17 } else { 6 };
    let ports = &service?.ports;
    (!ports.is_empty()).then(|| ports.iter().any(|range| range.contains(protocol, port)))
}

fn proposal(line: &Asked, service: Option<&Service>, named: &str) -> Proposal {
    let technique = line.technique;
    let mut matches = BTreeMap::from([(
        "destination",
        service.map_or_else(|| named.to_owned(), |service| service.id.clone()),
    )]);
    let protocol = if matches!(technique, Technique::Udp | Technique::Http3) { "udp" } else { "tcp" };
    matches.insert("protocol", protocol.to_owned());
    if let Some(port) = line.port {
        matches.insert("port", port.to_string());
    }
    if let Some(port) = line.port.filter(|port| serves(service, technique, *port) == Some(false)) {
        let reason = format!(
            "the list asks for {} at port {port}, which the service does not offer",
            technique.words()
        );
        return Proposal { layer: "edge", matches, action: "drop", technique, reason };
    }
    let (layer, action, detail): (&str, &str, &str) = match technique {
        Technique::TcpSyn => {
            ("edge", "answer with SYN cookies, and limit new connections of each source", "flags=syn")
        }
        Technique::TcpAck => ("edge", "drop what belongs to no conversation", "flags=ack, state=none"),
        Technique::TcpSynAck => ("edge", "drop what belongs to no conversation", "flags=syn+ack, state=none"),
        Technique::TcpConnect => {
            ("edge", "limit connections of each source", "state=established, bytes=none")
        }
        Technique::SlowHttp => (
            "proxy",
            "time limit for heads and bodies, least rate, connections of each source",
            "request=unfinished",
        ),
        Technique::HttpGet => (
            "proxy",
            "limit requests of each source; answer pages from the cache whatever the query",
            "method=GET",
        ),
        Technique::HttpPost => {
            ("proxy", "limit forms of each source; refuse forms where there are none", "method=POST")
        }
        Technique::Http2 => ("proxy", "limit streams and resets of each connection", "version=2"),
        Technique::Http3 => ("proxy", "limit handshakes of each source; withdraw HTTP/3", "version=3"),
        Technique::Udp => {
            ("provider", "drop UDP that the service does not offer, before the line is full", "protocol=udp")
        }
        Technique::Unknown => ("proxy", "limit requests of each source", "any"),
    };
    matches.insert("what", detail.to_owned());
    if layer == "proxy" && !line.path.is_empty() && line.path != "/" {
        matches.insert("path", line.path.clone());
    }
    let reason = format!("the list asks for {}", technique.words());
    Proposal { layer, matches, action, technique, reason }
}

fn checks(techniques: &BTreeSet<Technique>, service: Option<&Service>, whose: Whose) -> Vec<String> {
    let mut checks = Vec::new();
    match whose {
        Whose::Own => {}
        Whose::Party => checks.push("Call the party: its site is listed, and ours may follow.".to_owned()),
        Whose::Supplier => {
            checks.push("Call the supplier: what hits it hits what it runs for us.".to_owned());
        }
        Whose::Authority => checks.push("Tell the authority that it is listed.".to_owned()),
    }
    if let Some(workaround) = service.and_then(|service| service.workaround.as_deref()) {
        checks.push(format!("Rehearse the workaround: {workaround}"));
    }
    let any = |wanted: &[Technique]| wanted.iter().any(|technique| techniques.contains(technique));
    use Technique as T;
    if any(&[T::TcpSyn, T::TcpAck, T::TcpSynAck, T::TcpConnect]) {
        checks.push("SYN cookies are on, and the firewall's state table has room.".to_owned());
    }
    if any(&[T::SlowHttp]) {
        checks.push("The proxy ends requests whose head is not whole after a few seconds.".to_owned());
    }
    if any(&[T::HttpGet, T::HttpPost, T::Http2, T::Http3, T::Unknown]) {
        checks.push(
            "Pages that are asked for come from the cache; searches and forms have a limit of their own."
                .to_owned(),
        );
    }
    if any(&[T::Udp]) {
        checks.push("The provider knows whom to call at night, and filters before the line.".to_owned());
    }
    checks.push("Who is on call knows of the list.".to_owned());
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLIA: &str = include_str!("../../../data/institution/examplia.toml");

    fn institution() -> Institution {
        institution::parse("examplia", EXAMPLIA).unwrap()
    }

    fn look(text: &str) -> Vec<Listing> {
        let list = List::read("list", "somebody", Timestamp::UNIX_EPOCH, text).unwrap();
        look_up(&list, &institution())
    }

    #[test]
    fn names_addresses_and_prefixes_of_ours_and_of_others_are_met() {
        let one = |text: &str| {
            let found = look(text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            (found[0].whose, found[0].met, found[0].service.clone())
        };
        let www = Some("www".to_owned());
        assert_eq!(one("www.parliament.example"), (Whose::Own, Met::Name, www.clone()));
        assert_eq!(one("https://Agenda.Parliament.Example/x"), (Whose::Own, Met::NameBelow, www.clone()));
        assert_eq!(one("192.0.2.10"), (Whose::Own, Met::Address, www));
        assert_eq!(one("192.0.2.99"), (Whose::Own, Met::Prefix, None));
        assert_eq!(one("2001:db8:1::77"), (Whose::Own, Met::Prefix, None));
        assert_eq!(one("party-x.example"), (Whose::Party, Met::NameBelow, Some("party-x-site".to_owned())));
        assert_eq!(one("198.51.100.130"), (Whose::Supplier, Met::Address, Some("static-copy".to_owned())));
        assert_eq!(one("203.0.113.64/26"), (Whose::Party, Met::Network, None));
        assert!(look("example\nwww.somebody.example\n203.0.113.250\nexample.com").is_empty());
        assert!(look("notparliament.example").is_empty(), "a name that only ends alike is another");
    }

    #[test]
    fn proposals_answer_what_is_asked() {
        let text = "host,methods,ports\nwww.parliament.example,tcp-syn tcp-ack nginx_loris http-get,443\n\
                    www.parliament.example,tcp-syn,7070\n";
        let found = look(text);
        let proposed: BTreeSet<Technique> =
            found[0].proposals.iter().map(|proposal| proposal.technique).collect();
        assert_eq!(proposed.into_iter().collect::<Vec<_>>(), found[0].techniques);
        let closed = found[0].proposals.iter().find(|proposal| proposal.matches["port"] == "7070").unwrap();
        assert_eq!((closed.layer, closed.action), ("edge", "drop"));
        let slow =
            found[0].proposals.iter().find(|proposal| proposal.technique == Technique::SlowHttp).unwrap();
        assert_eq!(slow.layer, "proxy");
        assert!(found[0].checks.iter().any(|check| check.contains("static.parliament.example")));
    }
}
