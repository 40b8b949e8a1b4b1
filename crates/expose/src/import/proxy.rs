//! Configurations of HAProxy and nginx: what is listened on becomes services, servers behind it become nodes that stand in
//! for each other, limits become capacities.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use super::draft::{Draft, quoted_list, slug};

/// Longest line or directive that is looked at.
const MAXIMUM_LINE_BYTES: usize = 16_384;
/// Most servers of one backend.
const MAXIMUM_SERVERS: usize = 200;
/// Most nested blocks of nginx.
const MAXIMUM_BLOCKS: usize = 32;

/// A part of a configuration that listens or forwards.
#[derive(Default)]
struct Part {
    kind: String,
    name: String,
    line: usize,
    listens: Vec<(Option<IpAddr>, u16)>,
    names: Vec<String>,
    servers: Vec<(String, Option<IpAddr>)>,
    uses: Vec<String>,
    connections: Option<f64>,
    connection_rate: Option<f64>,
}

/// Reads a configuration of HAProxy.
pub(super) fn haproxy(text: &str, draft: &mut Draft) {
    let mut parts: Vec<Part> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.len() > MAXIMUM_LINE_BYTES {
            draft.skip("lines that are too long");
            continue;
        }
        let line = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(&first) = words.first() else { continue };
        if ["global", "defaults", "frontend", "backend", "listen"].contains(&first) {
            let name = words.get(1).copied().unwrap_or_default();
            parts.push(Part {
                kind: first.to_owned(),
                name: name.to_owned(),
                line: number + 1,
                ..Part::default()
            });
            continue;
        }
        if let Some(part) = parts.last_mut() {
            haproxy_line(&words, part);
        }
    }
    put("HAProxy", &parts, draft);
}

fn haproxy_line(words: &[&str], part: &mut Part) {
    let value = |at: usize| words.get(at).copied().unwrap_or_default();
    match value(0) {
        "bind" => {
            for address in value(1).split(',') {
                part.listens.extend(listen(address.trim_start_matches("ipv4@").trim_start_matches("ipv6@")));
            }
        }
        "server" if part.servers.len() < MAXIMUM_SERVERS => {
            part.servers.push((value(1).to_owned(), host(value(2))));
        }
        "default_backend" | "use_backend" => part.uses.push(value(1).to_owned()),
        "maxconn" => part.connections = value(1).parse().ok(),
        "maxconnrate" => part.connection_rate = value(1).parse().ok(),
        "rate-limit" if value(1) == "sessions" => part.connection_rate = value(2).parse().ok(),
        _ => {}
    }
}

/// Reads a configuration of nginx.
pub(super) fn nginx(text: &str, draft: &mut Draft) {
    let mut parts: Vec<Part> = vec![Part { kind: "global".to_owned(), ..Part::default() }];
    // For each open block, which part its directives belong to.
    let mut open: Vec<usize> = vec![0];
    let mut line = 1;
    let mut words: Vec<String> = Vec::new();
    for (token, at_line) in Tokens::new(text) {
        line = at_line;
        match token.as_str() {
            "{" => {
                let kind = words.first().map(String::as_str).unwrap_or_default();
                let part = if ["server", "upstream"].contains(&kind) && open.len() < MAXIMUM_BLOCKS {
                    let name = words.get(1).cloned().unwrap_or_default();
                    parts.push(Part { kind: kind.to_owned(), name, line, ..Part::default() });
                    parts.len() - 1
                } else {
                    open.last().copied().unwrap_or(0)
                };
                if open.len() >= MAXIMUM_BLOCKS {
                    draft.skip("blocks that are nested too deeply");
                    return;
                }
                open.push(part);
                words.clear();
            }
            "}" => {
                if open.len() > 1 {
                    open.pop();
                }
                words.clear();
            }
            ";" => {
                if let Some(part) = open.last().and_then(|&place| parts.get_mut(place)) {
                    nginx_directive(&words, part);
                }
                words.clear();
            }
            _ if words.len() < 64 => words.push(token),
            _ => {}
        }
    }
    let _ = line;
    put("nginx", &parts, draft);
}

fn nginx_directive(words: &[String], part: &mut Part) {
    let value = words.get(1).map(String::as_str).unwrap_or_default();
    match words.first().map(String::as_str).unwrap_or_default() {
        "listen" if part.kind == "server" => {
            let port_alone = value.parse().ok().map(|port: u16| (None, port));
            let address_alone = value.parse().ok().map(|address: IpAddr| (Some(address), 80));
            part.listens.extend(listen(value).or(port_alone).or(address_alone));
        }
        "server_name" => {
            let good = |name: &&String| name.contains('.') && !name.starts_with(['~', '*', '.', '"']);
            part.names.extend(words.iter().skip(1).filter(good).cloned());
        }
        "server" if part.kind == "upstream" && part.servers.len() < MAXIMUM_SERVERS => {
            part.servers.push((value.to_owned(), host(value)));
        }
        "proxy_pass" | "fastcgi_pass" | "uwsgi_pass" | "grpc_pass" => {
            let target = value.split_once("://").map_or(value, |(_, rest)| rest);
            let target = target.split('/').next().unwrap_or_default();
            if !target.starts_with('$') && !target.is_empty() {
                part.uses.push(target.to_owned());
            }
        }
        "worker_connections" => part.connections = value.parse().ok(),
        _ => {}
    }
}

/// Makes entries of the parts of a configuration.
fn put(program: &str, parts: &[Part], draft: &mut Draft) {
    let mut backends: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut connections = None;
    for part in parts {
        if matches!(part.kind.as_str(), "global" | "defaults") {
            connections = part.connections.or(connections);
        }
        if !part.servers.is_empty() {
            let mut names = Vec::new();
            for (name, address) in &part.servers {
                let name = slug(&if program == "nginx" { name.replace(':', "-") } else { name.clone() });
                let reason = format!("a server of {} in line {} of {program}", part.name, part.line);
                if let Some(entry) = draft.entry("node", &name, &reason) {
                    entry.text("kind", "server", "requests are passed on to it");
                    if let Some(address) = address {
                        entry.set(
                            "addresses",
                            quoted_list([address.to_string()]),
                            "its address in the configuration",
                        );
                    }
                    names.push(name);
                }
            }
            names.dedup();
            backends.insert(part.name.clone(), names);
        }
    }
    let listening: Vec<&Part> = parts.iter().filter(|part| !part.listens.is_empty()).collect();
    if listening.is_empty() && backends.is_empty() {
        return;
    }
    let proxy = draft.free_name(&program.to_lowercase());
    let reason = format!("the machine that runs {program}");
    if let Some(entry) = draft.entry("node", &proxy, &reason) {
        entry.text(
            "kind",
            if program == "HAProxy" { "load_balancer" } else { "proxy" },
            "it passes requests on",
        );
        match connections.filter(|count| *count > 0.0) {
            Some(count) => {
                let word = if program == "HAProxy" { "maxconn" } else { "worker_connections, of one worker" };
                entry.set("capacity", format!("{{ table_entries = {count} }}"), word);
            }
            None => entry.missing("capacity", "the configuration sets no limit of connections"),
        }
    }
    for part in listening {
        service(program, part, &backends, &proxy, draft);
    }
}

fn service(
    program: &str,
    part: &Part,
    backends: &BTreeMap<String, Vec<String>>,
    proxy: &str,
    draft: &mut Draft,
) {
    let text = part.names.first().map_or(part.name.as_str(), String::as_str);
    let name = draft.free_name(if text.is_empty() { "site" } else { text });
    let reason = format!("{} {} in line {} of {program}", part.kind, part.name, part.line);
    let Some(entry) = draft.entry("service", &name, &reason) else { return };
    entry.missing("zone", "the configuration does not say in which zone it stands");
    let addresses: std::collections::BTreeSet<String> =
        part.listens.iter().filter_map(|(address, _)| address.map(|address| address.to_string())).collect();
    if !addresses.is_empty() {
        entry.set("addresses", quoted_list(addresses), "what is listened on");
    }
    let ports: std::collections::BTreeSet<String> =
        part.listens.iter().map(|(_, port)| format!("tcp/{port}")).collect();
    entry.set("ports", quoted_list(ports), "what is listened on");
    if !part.names.is_empty() {
        entry.set("names", quoted_list(part.names.iter().take(64)), "server_name");
    }
    let limits = [("table_entries", part.connections), ("new_connections_per_second", part.connection_rate)];
    let limits: Vec<String> = limits
        .iter()
        .filter_map(|(unit, value)| {
            value.filter(|value| *value > 0.0).map(|value| format!("{unit} = {value}"))
        })
        .collect();
    if !limits.is_empty() {
        entry.set("capacity", format!("{{ {} }}", limits.join(", ")), "limits of connections");
    }
    draft.need("service", &name, vec![proxy.to_owned()], "it is reached through it");
    let mut uses = part.uses.clone();
    if backends.contains_key(&part.name) && part.kind == "listen" {
        uses.push(part.name.clone());
    }
    for target in uses {
        let servers = match backends.get(&target) {
            Some(servers) => servers.clone(),
            None => {
                let server = slug(&target.replace(':', "-"));
                if let Some(entry) =
                    draft.entry("node", &server, &format!("requests are passed on to {target}"))
                {
                    entry.text("kind", "server", "requests are passed on to it");
                    if let Some(address) = host(&target) {
                        entry.set(
                            "addresses",
                            quoted_list([address.to_string()]),
                            "its address in the configuration",
                        );
                    }
                }
                vec![server]
            }
        };
        draft.need(
            "service",
            &name,
            servers,
            "servers that stand in for each other, and what it is reached through",
        );
    }
}

/// What `bind` or `listen` says: an address and a port.
fn listen(text: &str) -> Option<(Option<IpAddr>, u16)> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        let address = Some(socket.ip()).filter(|address| !address.is_unspecified());
        return (socket.port() > 0).then_some((address, socket.port()));
    }
    let (_, port) = text.rsplit_once(':')?;
    let port = port.split('-').next()?.parse().ok().filter(|&port: &u16| port > 0)?;
    Some((None, port))
}

/// The address in `192.0.2.1:80`, if it is one.
fn host(text: &str) -> Option<IpAddr> {
    text.parse::<SocketAddr>()
        .map(|socket| socket.ip())
        .or_else(|_| text.trim_matches(['[', ']']).parse())
        .ok()
}

/// Words of nginx: quoted, bare, and `{ } ;` alone; comments are left out.
struct Tokens<'t> {
    characters: std::iter::Peekable<std::str::Chars<'t>>,
    line: usize,
}

impl<'t> Tokens<'t> {
    fn new(text: &'t str) -> Self {
        Self { characters: text.chars().peekable(), line: 1 }
    }

    fn take(&mut self) -> Option<char> {
        let character = self.characters.next()?;
        self.line += usize::from(character == '\n');
        Some(character)
    }
}

impl Iterator for Tokens<'_> {
    type Item = (String, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let character = self.take()?;
            match character {
                '#' => while self.take().is_some_and(|character| character != '\n') {},
                blank if blank.is_whitespace() => {}
                '{' | '}' | ';' => return Some((character.to_string(), self.line)),
                quote @ ('"' | '\'') => {
                    let mut word = String::new();
                    while let Some(character) = self.take().filter(|&character| character != quote) {
                        if word.len() < MAXIMUM_LINE_BYTES {
                            word.push(character);
                        }
                    }
                    return Some((word, self.line));
                }
                first => {
                    let mut word = String::from(first);
                    while let Some(&next) = self.characters.peek() {
                        if next.is_whitespace() || matches!(next, '{' | '}' | ';') && !word.ends_with('$') {
                            break;
                        }
                        self.take();
                        if word.len() < MAXIMUM_LINE_BYTES {
                            word.push(next);
                        }
                    }
                    return Some((word, self.line));
                }
            }
        }
    }
}
