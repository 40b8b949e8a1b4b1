//! The XML output of nmap: each host with open ports becomes a service of its address.
//!
//! The document is read as a stream of tags. Entities other than the five of XML are not resolved, and no document type is
//! looked at, so that nothing in it can grow.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Error;
use super::draft::{Draft, quoted_list, slug};

/// Most open ports of one host that are taken up.
const MAXIMUM_PORTS: usize = 256;
/// Most addresses of one host.
const MAXIMUM_ADDRESSES: usize = 64;
/// Most names of one host.
const MAXIMUM_NAMES: usize = 16;
/// Most nested elements.
const MAXIMUM_DEPTH: usize = 64;

#[derive(Default)]
struct Host {
    addresses: Vec<String>,
    names: Vec<String>,
    ports: Vec<(String, String)>,
    /// The port whose state comes next.
    port: Option<String>,
    is_open: bool,
    is_down: bool,
}

pub(super) fn read(text: &str, draft: &mut Draft) -> Result<(), Error> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let mut host: Option<Host> = None;
    let mut depth = 0_usize;
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match reader.read_event() {
            Ok(Event::Eof) => {
                if host.is_some() {
                    draft.skip("hosts whose element has no end");
                }
                return Ok(());
            }
            Ok(Event::Start(tag)) => {
                depth += 1;
                if depth > MAXIMUM_DEPTH {
                    return Err(syntax(text, at, "elements are nested too deeply"));
                }
                if tag.name().as_ref() == "host" {
                    if host.replace(Host::default()).is_some() {
                        draft.skip("hosts that have another one inside");
                    }
                } else if let Some(host) = &mut host {
                    inside(&tag, host, draft);
                }
            }
            Ok(Event::Empty(tag)) => {
                if let Some(host) = &mut host {
                    inside(&tag, host, draft);
                }
            }
            Ok(Event::End(tag)) => {
                depth = depth.saturating_sub(1);
                if tag.name().as_ref() == "host"
                    && let Some(host) = host.take()
                {
                    put(&host, draft);
                }
            }
            Ok(_) => {}
            Err(error) => return Err(syntax(text, at, &error.to_string())),
        }
    }
}

fn syntax(text: &str, at: usize, message: &str) -> Error {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    Error::Syntax { line, message: message.chars().take(200).collect() }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok().flatten()?;
    let raw = found.value.into_owned();
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(plain.iter().fold(raw, |text, (entity, character)| text.replace(entity, character)))
}

fn inside(tag: &BytesStart<'_>, host: &mut Host, draft: &mut Draft) {
    let mut leave = |why, what: Option<String>| draft.skip_what(why, &what.unwrap_or_default());
    match tag.name().as_ref() {
        "address" => {
            let kind = attribute(tag, "addrtype").unwrap_or_default();
            let address = attribute(tag, "addr").filter(|text| text.parse::<std::net::IpAddr>().is_ok());
            match address.filter(|_| kind == "ipv4" || kind == "ipv6") {
                Some(address) if host.addresses.len() < MAXIMUM_ADDRESSES => host.addresses.push(address),
                Some(address) => leave("addresses for which there is no room", Some(address)),
                None => {}
            }
        }
        "hostname" if host.names.len() < MAXIMUM_NAMES => host.names.extend(attribute(tag, "name")),
        "hostname" => leave("names for which there is no room", attribute(tag, "name")),
        "status" => host.is_down = attribute(tag, "state").is_some_and(|state| state != "up"),
        "port" => {
            let (protocol, number) = (attribute(tag, "protocol"), attribute(tag, "portid"));
            let transport = protocol.clone().filter(|name| ["tcp", "udp", "sctp"].contains(&name.as_str()));
            let port = number.clone().and_then(|port| port.parse::<u16>().ok()).filter(|&port| port > 0);
            host.port = transport.zip(port).map(|(transport, port)| format!("{transport}/{port}"));
            host.is_open = false;
            if host.port.is_none() {
                let text = format!("{}/{}", protocol.unwrap_or_default(), number.unwrap_or_default());
                leave("ports that are none", Some(text));
            }
        }
        "state" => {
            host.is_open = false;
            // A port that is none was counted as that.
            let Some(port) = host.port.take() else { return };
            let state = attribute(tag, "state").unwrap_or_default();
            if state != "open" {
                leave("ports that are not known to be open", Some(format!("{port} {state}")));
            } else if host.ports.len() < MAXIMUM_PORTS {
                host.is_open = true;
                host.ports.push((port, String::new()));
            } else {
                leave("ports for which there is no room", Some(port));
            }
        }
        "service" if host.is_open => {
            if let (Some(last), Some(name)) = (host.ports.last_mut(), attribute(tag, "name")) {
                last.1 = name;
            }
        }
        _ => {}
    }
}

fn put(host: &Host, draft: &mut Draft) {
    if host.ports.is_empty() || host.addresses.is_empty() || host.is_down {
        let name = host.addresses.first().map_or("", String::as_str);
        draft.skip_what("hosts without an open port", name);
        return;
    }
    let text = host.names.first().map_or(host.addresses[0].as_str(), String::as_str);
    let name = draft.free_name(&slug(&text.replace(['.', ':'], "-")));
    let found: Vec<&str> = host
        .ports
        .iter()
        .map(|(_, service)| service.as_str())
        .filter(|name| !name.is_empty())
        .take(8)
        .collect();
    let reason = format!("nmap found {} open ({})", host.addresses[0], found.join(", "));
    let Some(entry) = draft.entry("service", &name, &reason) else { return };
    entry.missing("zone", "nmap does not say in which zone it stands");
    entry.set("addresses", quoted_list(&host.addresses), "address of the host");
    entry.set("ports", quoted_list(host.ports.iter().map(|(port, _)| port)), "open ports");
    let names: Vec<&String> = host.names.iter().filter(|name| name.contains('.')).collect();
    if !names.is_empty() {
        entry.set("names", quoted_list(names), "names of the host");
    }
}
