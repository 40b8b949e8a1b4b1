//! Lists of targets as attackers publish them: who is to be attacked, and how.
//!
//! Three forms: the JSON of DDoSia (`{"targets": [...]}`), JSON of any list of objects with a host or an address, and CSV. A target that
//! cannot be read costs itself. Paths and bodies of what is asked may hold anything; they are kept short and are never run or opened.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::panel::table;
use crate::problem::Problem;
use crate::technique::Technique;

/// Longest list in bytes.
pub const MAXIMUM_LIST_BYTES: usize = 16 << 20;
/// Most lines of a list that are taken up.
pub const MAXIMUM_LINES: usize = 200_000;
/// Longest name of a host.
const MAXIMUM_HOST_BYTES: usize = 253;
/// Longest path that is kept.
const MAXIMUM_PATH_BYTES: usize = 200;

/// One line of a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Asked {
    /// The host's name in lower case, or empty.
    pub host: String,
    /// Its address, as the list says.
    pub address: Option<IpAddr>,
    /// A whole network, where the list names one.
    pub network: Option<IpNet>,
    /// How it is to be attacked.
    pub technique: Technique,
    /// At which port.
    pub port: Option<u16>,
    /// Which path, for requests.
    pub path: String,
    /// Whether within TLS.
    pub tls: bool,
}

/// A list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct List {
    /// Where it comes from.
    pub source: String,
    /// Whose it is.
    pub actor: String,
    /// When it was seen.
    pub time: Timestamp,
    /// Its lines, without repetitions.
    pub lines: Vec<Asked>,
    /// Lines that could not be read.
    pub skipped: usize,
    /// Lines for which there was no room.
    pub refused: usize,
}

impl List {
    /// Reads a list in any of the three forms.
    ///
    /// # Errors
    /// When it is too long, or in none of them.
    pub fn read(source: &str, actor: &str, time: Timestamp, text: &str) -> Result<Self, Problem> {
        if text.len() > MAXIMUM_LIST_BYTES {
            return Err(Problem::TooMuch {
                file: source.to_owned(),
                limit: MAXIMUM_LIST_BYTES,
                what: "bytes",
            });
        }
        let (source, actor) = (source.to_owned(), actor.to_owned());
        let mut list = Self { source, actor, time, lines: Vec::new(), skipped: 0, refused: 0 };
        match text.trim_start_matches('\u{feff}').trim_start().as_bytes().first() {
            Some(b'{' | b'[') => list.json(text)?,
            _ => list.csv(text)?,
        }
        list.lines.sort_unstable();
        list.lines.dedup();
        Ok(list)
    }

    fn json(&mut self, text: &str) -> Result<(), Problem> {
        let text = text.trim_start_matches('\u{feff}');
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(items)) => items.iter().for_each(|item| self.object(item)),
            Ok(Value::Object(fields)) => match fields.get("targets").or_else(|| fields.get("items")) {
                Some(Value::Array(items)) => items.iter().for_each(|item| self.object(item)),
                _ => self.object(&Value::Object(fields)),
            },
            Ok(_) => return Err(Problem::Empty { file: self.source.clone() }),
            // One object a line, of which any may be broken.
            Err(_) => {
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    match serde_json::from_str::<Value>(line) {
                        Ok(item) => self.object(&item),
                        Err(_) => self.skipped += 1,
                    }
                }
                if self.lines.is_empty() {
                    return Err(Problem::Empty { file: self.source.clone() });
                }
            }
        }
        Ok(())
    }

    fn object(&mut self, item: &Value) {
        let asked = match item {
            Value::Object(fields) => of_fields(fields),
            Value::String(host) => of_texts(host, "", Technique::Unknown, None),
            _ => None,
        };
        self.take(asked);
    }

    fn csv(&mut self, text: &str) -> Result<(), Problem> {
        let header = text.lines().next().unwrap_or_default().to_ascii_lowercase();
        let known = ["host", "domain", "target", "name", "ip", "address", "url"];
        if !known.iter().any(|name| header.split([',', ';', '\t']).any(|column| column.trim() == *name)) {
            // A bare list of names or addresses, one a line.
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                self.take(of_texts(line, "", Technique::Unknown, None));
            }
            return if self.lines.is_empty() {
                Err(Problem::Empty { file: self.source.clone() })
            } else {
                Ok(())
            };
        }
        let mut table = table(&self.source.clone(), text, &[])?;
        while let Some(row) = table.next_row() {
            let get = |names: &[&str]| {
                names
                    .iter()
                    .map(|name| table.get(&row, name))
                    .find(|text| !text.is_empty())
                    .unwrap_or_default()
            };
            let host = get(&["host", "domain", "target", "name", "url"]);
            let address = get(&["ip", "address"]);
            let methods = get(&["method", "methods", "technique", "type"]);
            let ports = get(&["port", "ports"]);
            let path = get(&["path"]);
            let words = |text: &str| {
                text.split([' ', '|', '+'])
                    .filter(|word| !word.is_empty())
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let (mut methods, mut ports) = (words(methods), words(ports));
            methods.truncate(32);
            ports.truncate(32);
            if methods.is_empty() {
                methods.push(String::new());
            }
            if ports.is_empty() {
                ports.push(String::new());
            }
            for (method, port) in
                methods.iter().flat_map(|method| ports.iter().map(move |port| (method, port)))
            {
                let asked = of_texts(host, address, Technique::of(method, ""), port.parse().ok());
                self.take(asked.map(|asked| Asked { path: short(path), ..asked }));
            }
        }
        self.skipped += table.skipped;
        Ok(())
    }

    fn take(&mut self, asked: Option<Asked>) {
        match asked {
            None => self.skipped += 1,
            Some(_) if self.lines.len() >= MAXIMUM_LINES => self.refused += 1,
            Some(asked) => self.lines.push(asked),
        }
    }

    /// Hosts on it.
    #[must_use]
    pub fn hosts(&self) -> usize {
        let mut hosts: Vec<(&str, Option<IpAddr>)> = self
            .lines
            .iter()
            .map(|line| (line.host.as_str(), if line.host.is_empty() { line.address } else { None }))
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts.len()
    }
}

fn of_fields(fields: &Map<String, Value>) -> Option<Asked> {
    let text = |names: &[&str]| names.iter().find_map(|name| fields.get(*name)?.as_str()).unwrap_or_default();
    let host = text(&["host", "domain", "target", "name", "url"]);
    let technique = match (text(&["type"]), text(&["method", "technique"])) {
        ("", method) => Technique::of(method, ""),
        (kind, method) => Technique::of(kind, method),
    };
    let port = fields.get("port").and_then(|port| match port {
        Value::Number(port) => port.as_u64().and_then(|port| u16::try_from(port).ok()),
        Value::String(port) => port.parse().ok(),
        _ => None,
    });
    let asked = of_texts(host, text(&["ip", "address"]), technique, port)?;
    let tls = fields.get("use_ssl").and_then(Value::as_bool).unwrap_or(port == Some(443));
    Some(Asked { path: short(text(&["path"])), tls, ..asked })
}

/// Of a name, an address, a prefix or a URL.
fn of_texts(host: &str, address: &str, technique: Technique, port: Option<u16>) -> Option<Asked> {
    let host = host.trim();
    let (tls, host) = match host.split_once("://") {
        Some((scheme, rest)) => (scheme.eq_ignore_ascii_case("https"), rest),
        None => (port == Some(443), host),
    };
    let (host, path) = match host.find('/') {
        // A prefix is no path.
        Some(_) if host.parse::<IpNet>().is_ok() => (host, ""),
        Some(at) => host.split_at(at),
        None => (host, ""),
    };
    let mut asked = Asked {
        host: String::new(),
        address: address.trim().parse().ok(),
        network: address.trim().parse::<IpNet>().ok().map(|network| network.trunc()),
        technique,
        port,
        path: short(path),
        tls,
    };
    if let Ok(network) = host.parse::<IpNet>() {
        asked.network = Some(network.trunc());
    } else if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
        asked.address = Some(address);
    } else {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().ok()),
            None => (host, None),
        };
        asked.port = asked.port.or(port);
        if is_name(name) {
            asked.host = name.trim_end_matches('.').to_ascii_lowercase();
        }
    }
    (!asked.host.is_empty() || asked.address.is_some() || asked.network.is_some()).then_some(asked)
}

fn is_name(text: &str) -> bool {
    text.len() <= MAXIMUM_HOST_BYTES
        && text.contains('.')
        && text.chars().all(|character| character.is_alphanumeric() || ".-_".contains(character))
}

fn short(text: &str) -> String {
    let mut end = text.len().min(MAXIMUM_PATH_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<List, Problem> {
        List::read("list", "actor", Timestamp::UNIX_EPOCH, text)
    }

    #[test]
    fn the_form_of_ddosia_is_read_and_a_broken_line_costs_itself() {
        let text = r#"{"targets":[
            {"host":"WWW.Parliament.example","ip":"192.0.2.10","type":"tcp","method":"syn","port":443,"use_ssl":true,"path":""},
            {"host":"www.parliament.example","ip":"192.0.2.10","type":"http","method":"GET","port":443,"use_ssl":true,"path":"/search?q=x"},
            {"host":7}, 12, {"host":"a.example","port":"99999","type":["x"]}],"randoms":[]}"#;
        let list = read(text).unwrap();
        assert_eq!((list.lines.len(), list.skipped, list.hosts()), (3, 2, 2));
        assert_eq!(list.lines[0].host, "a.example");
        assert!(list.lines.iter().any(|line| line.technique == Technique::TcpSyn && line.port == Some(443)));
        assert!(list.lines.iter().any(|line| line.path == "/search?q=x"));
    }

    #[test]
    fn tables_lines_and_bare_lists_are_read() {
        let list = read("host,methods,ports\nwww.a.example,tcp-syn http-get,80 443\nno name,x,1\n").unwrap();
        assert_eq!((list.lines.len(), list.skipped), (4, 1));
        let list = read("https://www.a.example/path\n# remark\n192.0.2.0/24\n2001:db8::1\n192.0.2.9\n???\n")
            .unwrap();
        assert_eq!((list.lines.len(), list.skipped), (4, 1));
        assert!(
            list.lines.iter().any(|line| line.network.is_some()) && list.lines.iter().any(|line| line.tls)
        );
        let list = read("{\"domain\":\"a.example\"}\n{broken\n{\"ip\":\"192.0.2.1\"}\n").unwrap();
        assert_eq!((list.lines.len(), list.skipped), (2, 1));
        assert!(read("").is_err() && read("12").is_err());
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,300}") {
            let _ = read(&text);
            let _ = read(&format!("{{\"targets\":[{{\"host\":{text:?}}}]}}"));
        }
    }
}
