//! Configurations of HAProxy and nginx: what is listened on becomes services, servers behind it become nodes that stand in
//! for each other, limits become capacities.
//!
//! Names of servers hold within their backend only: two servers are one where they have the same address and port, and servers at
//! different ports of one address share a cause. What is not looked at is counted, with examples.

mod haproxy;
mod nginx;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::draft::{Draft, quoted, quoted_list, slug};

pub(super) use haproxy::haproxy;
pub(super) use nginx::nginx;

/// Longest line or directive that is looked at.
const MAXIMUM_LINE_BYTES: usize = 16_384;
/// Most servers of one backend.
const MAXIMUM_SERVERS: usize = 200;
/// Most backends that one frontend uses.
const MAXIMUM_USES: usize = 200;
/// Most names of one service.
const MAXIMUM_NAMES: usize = 64;

/// What is listened on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Listen {
    address: Option<IpAddr>,
    is_udp: bool,
    first: u16,
    last: u16,
}

/// A server of a backend: its name there, and where it is.
#[derive(Clone)]
struct Server {
    name: String,
    place: String,
}

/// A part of a configuration that listens or forwards.
#[derive(Default)]
struct Part {
    kind: String,
    name: String,
    line: usize,
    listens: BTreeSet<Listen>,
    /// Whether it says nothing of what is listened on, so that what is usual holds.
    assumes_port: bool,
    names: Vec<String>,
    servers: Vec<Server>,
    uses: BTreeSet<String>,
    connections: Option<f64>,
    connection_rate: Option<f64>,
}

impl Part {
    fn serve(&mut self, name: &str, place: &str, draft: &mut Draft) {
        if self.servers.len() < MAXIMUM_SERVERS {
            self.servers.push(Server { name: name.to_owned(), place: place.to_owned() });
        } else {
            draft.skip_what("servers for which there is no room", name);
        }
    }

    fn use_of(&mut self, target: &str, draft: &mut Draft) {
        if self.uses.len() < MAXIMUM_USES || self.uses.contains(target) {
            self.uses.insert(target.to_owned());
        } else {
            draft.skip_what("backends for which there is no room", target);
        }
    }
}

/// A configuration as it was read.
struct Read {
    program: &'static str,
    parts: Vec<Part>,
    /// Limits of the whole process, each with its word.
    connections: Option<f64>,
    connection_rate: Option<f64>,
    connections_reason: &'static str,
}

/// Makes entries of a configuration.
fn put(read: &Read, draft: &mut Draft) {
    let program = read.program;
    let mut backends: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut nodes = Nodes::default();
    for part in &read.parts {
        let is_backend = matches!(part.kind.as_str(), "backend" | "listen" | "upstream");
        if !is_backend || part.kind == "listen" && part.servers.is_empty() {
            continue;
        }
        let names = backends.entry(&part.name).or_default();
        if part.servers.is_empty() {
            draft.skip_what("backends without a server", &part.name);
        }
        for server in &part.servers {
            let reason = format!("a server of {} in line {} of {program}", part.name, part.line);
            if let Some(name) = nodes.node(server, &part.name, &reason, draft)
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
    }
    let deaf = |part: &&Part| {
        matches!(part.kind.as_str(), "frontend" | "listen" | "server") && part.listens.is_empty()
    };
    for part in read.parts.iter().filter(deaf) {
        let name = part.names.first().cloned().unwrap_or_else(|| format!("{} {}", part.kind, part.name));
        draft.skip_what("parts that listen on nothing that is known", &format!("line {}: {name}", part.line));
    }
    let listening: Vec<&Part> = read.parts.iter().filter(|part| !part.listens.is_empty()).collect();
    if listening.is_empty() && backends.values().all(Vec::is_empty) {
        return;
    }
    let proxy = draft.free_name(&program.to_lowercase());
    let reason = format!("the machine that runs {program}");
    if let Some(entry) = draft.entry("node", &proxy, &reason) {
        let kind = if program == "HAProxy" { "load_balancer" } else { "proxy" };
        entry.text("kind", kind, "it passes requests on");
        let limits = limits(read.connections, read.connection_rate);
        match limits.is_empty() {
            false => entry.set("capacity", limits, read.connections_reason),
            true => entry.missing("capacity", "the configuration sets no limit of connections that is known"),
        }
    }
    for part in listening {
        service(program, part, &backends, &proxy, &mut nodes, draft);
    }
    nodes.share(draft);
}

fn limits(connections: Option<f64>, rate: Option<f64>) -> String {
    let limits = [("table_entries", connections), ("new_connections_per_second", rate)];
    let limits: Vec<String> = limits
        .iter()
        .filter_map(|(unit, value)| {
            value.filter(|value| *value > 0.0).map(|value| format!("{unit} = {value}"))
        })
        .collect();
    if limits.is_empty() { String::new() } else { format!("{{ {} }}", limits.join(", ")) }
}

/// Servers by where they are.
#[derive(Default)]
struct Nodes {
    names: BTreeMap<String, String>,
    by_address: BTreeMap<IpAddr, BTreeSet<String>>,
}

impl Nodes {
    /// The node of a server, made if there is none at its place; none if there is no room.
    fn node(&mut self, server: &Server, backend: &str, reason: &str, draft: &mut Draft) -> Option<String> {
        if let Some(known) = self.names.get(&server.place) {
            return Some(known.clone());
        }
        let mut name = slug(&server.name);
        if draft.table_of(&name).is_some() {
            name = draft.free_name(&format!("{backend}-{}", server.name));
        }
        let entry = draft.entry("node", &name, reason)?;
        entry.text("kind", "server", "requests are passed on to it");
        if let Some(address) = host(&server.place) {
            let list = quoted_list([address.to_string()]);
            entry.set("addresses", list, "its address in the configuration");
            self.by_address.entry(address).or_default().insert(name.clone());
        }
        self.names.insert(server.place.clone(), name.clone());
        Some(name)
    }

    /// Several servers at one address are one machine.
    fn share(&self, draft: &mut Draft) {
        for (address, names) in self.by_address.iter().filter(|(_, names)| names.len() > 1) {
            let cause = format!("[{}]", quoted(&slug(&format!("host-{address}").replace(':', "_"))));
            for name in names {
                if let Some(entry) = draft.entry("node", name, "") {
                    entry.set("shared_cause", cause.clone(), "other servers have the same address");
                }
            }
        }
    }
}

fn service(
    program: &str,
    part: &Part,
    backends: &BTreeMap<&str, Vec<String>>,
    proxy: &str,
    nodes: &mut Nodes,
    draft: &mut Draft,
) {
    let text = part.names.first().map_or(part.name.as_str(), String::as_str);
    let name = draft.free_name(if text.is_empty() { "site" } else { text });
    let reason = format!("{} {} in line {} of {program}", part.kind, part.name, part.line);
    let Some(entry) = draft.entry("service", &name, &reason) else { return };
    entry.missing("zone", "the configuration does not say in which zone it stands");
    let addresses: BTreeSet<String> =
        part.listens.iter().filter_map(|listen| Some(listen.address?.to_string())).collect();
    if !addresses.is_empty() {
        entry.set("addresses", quoted_list(addresses), "what is listened on");
    }
    let port = |listen: &Listen| {
        let transport = if listen.is_udp { "udp" } else { "tcp" };
        match listen.first == listen.last {
            true => format!("{transport}/{}", listen.first),
            false => format!("{transport}/{}-{}", listen.first, listen.last),
        }
    };
    let ports: BTreeSet<String> = part.listens.iter().map(port).collect();
    let said =
        if part.assumes_port { "it says no port, and this is the usual one" } else { "what is listened on" };
    entry.set("ports", quoted_list(ports), said);
    if !part.names.is_empty() {
        entry.set("names", quoted_list(&part.names), "server_name");
    }
    let limits = limits(part.connections, part.connection_rate);
    if !limits.is_empty() {
        entry.set("capacity", limits, "limits of connections");
    }
    draft.need("service", &name, vec![proxy.to_owned()], "it is reached through it");
    let own = (part.kind == "listen" && !part.servers.is_empty()).then_some(&part.name);
    for target in part.uses.iter().chain(own) {
        let servers = match backends.get(target.as_str()) {
            Some(servers) => servers.clone(),
            None if program == "HAProxy" => {
                draft.skip_what("backends that the configuration does not have", target);
                continue;
            }
            None => {
                let server = Server { name: target.replace(':', "-"), place: target.clone() };
                let reason = format!("requests are passed on to {target}");
                nodes.node(&server, &name, &reason, draft).into_iter().collect()
            }
        };
        let reason = "servers that stand in for each other, and what it is reached through";
        draft.need("service", &name, servers, reason);
    }
}

/// What `bind` or `listen` says: an address, and a port or a range of ports.
fn listen(text: &str, is_udp: bool) -> Option<Listen> {
    let (host, ports) = match text.rsplit_once(':') {
        Some((host, ports)) => (host, ports),
        None => ("", text),
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let address = address.filter(|address| !address.is_unspecified());
    // A name could be any address, and is none that can be written down.
    (first > 0 && first <= last).then_some(Listen { address, is_udp, first, last })
}

/// The address in `192.0.2.1:80`, if it is one.
fn host(text: &str) -> Option<IpAddr> {
    text.parse::<SocketAddr>()
        .map(|socket| socket.ip())
        .or_else(|_| text.trim_matches(['[', ']']).parse())
        .ok()
}
