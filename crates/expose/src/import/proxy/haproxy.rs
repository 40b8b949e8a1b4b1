//! Configurations of HAProxy, line by line.

use super::{Listen, MAXIMUM_LINE_BYTES, Part, Read, listen, put};
use crate::import::draft::Draft;

/// Words that begin a section.
const SECTIONS: [&str; 21] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "peers",
    "resolvers",
    "mailers",
    "userlist",
    "cache",
    "program",
    "ring",
    "fcgi-app",
    "http-errors",
    "log-forward",
    "log-profile",
    "crt-store",
    "acme",
    "traces",
    "dynamic-update",
    "namespace_list",
];

/// Reads a configuration of HAProxy.
pub(in crate::import) fn haproxy(text: &str, draft: &mut Draft) {
    let mut parts: Vec<Part> = Vec::new();
    // What the section of defaults before a frontend says.
    let mut defaults = (None, None);
    for (number, line) in text.lines().enumerate() {
        if line.len() > MAXIMUM_LINE_BYTES {
            draft.skip_what("lines that are too long", &format!("line {}", number + 1));
            continue;
        }
        let words = words(line);
        let Some(first) = words.first().map(String::as_str) else { continue };
        if SECTIONS.contains(&first) {
            if let Some(part) = parts.last().filter(|part| part.kind == "defaults") {
                defaults = (part.connections, part.connection_rate);
            }
            if first == "defaults" {
                defaults = (None, None);
            }
            let inherits = matches!(first, "frontend" | "listen");
            let (connections, connection_rate) = if inherits { defaults } else { (None, None) };
            let name = words.get(1).cloned().unwrap_or_default();
            let kind = first.to_owned();
            parts.push(Part {
                kind,
                name,
                line: number + 1,
                connections,
                connection_rate,
                ..Part::default()
            });
            continue;
        }
        match parts.last_mut() {
            Some(part) => directive(&words, part, draft),
            None => draft.skip_what("lines outside every section", first),
        }
    }
    let global = |of: fn(&Part) -> Option<f64>| {
        parts.iter().filter(|part| part.kind == "global").filter_map(of).next_back()
    };
    let (connections, connection_rate) =
        (global(|part| part.connections), global(|part| part.connection_rate));
    let connections_reason = "maxconn and maxconnrate of the whole process";
    put(&Read { program: "HAProxy", parts, connections, connection_rate, connections_reason }, draft);
}

/// Words of a line: quotes and backslashes keep blanks together, a `#` outside them begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(characters.next()),
            (end, Some(begin)) if end == begin => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            ('#', None) => break,
            (blank, None) if blank.is_whitespace() => words.extend(word.take()),
            (other, _) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn directive(words: &[String], part: &mut Part, draft: &mut Draft) {
    let value = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let listens = matches!(part.kind.as_str(), "frontend" | "listen");
    let serves = matches!(part.kind.as_str(), "backend" | "listen");
    let number = |at: usize| value(at).parse::<f64>().ok().filter(|number| number.is_finite());
    match value(0) {
        "bind" if listens => {
            for address in value(1).split(',') {
                match bound(address) {
                    Some(listen) => {
                        part.listens.insert(listen);
                    }
                    None => draft.skip_what("what is listened on and has no port", address),
                }
            }
        }
        "server" if serves => match words.iter().skip(3).any(|word| word == "disabled") {
            true => draft.skip_what("servers that are disabled", value(1)),
            false => part.serve(value(1), value(2), draft),
        },
        "default_backend" | "use_backend" if listens => match value(1).starts_with('%') {
            true => draft.skip_what("backends that are chosen while it runs", value(1)),
            false => part.use_of(value(1), draft),
        },
        "maxconn" if listens || matches!(part.kind.as_str(), "global" | "defaults") => {
            part.connections = number(1).or(part.connections);
        }
        "maxconnrate" if part.kind == "global" => part.connection_rate = number(1),
        "rate-limit" if value(1) == "sessions" && (listens || part.kind == "defaults") => {
            part.connection_rate = number(2).or(part.connection_rate);
        }
        "server-template" => draft.skip_what("servers made of a template", value(1)),
        other => match part.kind.as_str() {
            "global" | "defaults" | "frontend" | "backend" | "listen" => {
                draft.skip_what("directives that are not looked at", other);
            }
            kind => draft.skip_what("lines of sections that are not looked at", kind),
        },
    }
}

/// `192.0.2.1:80`, `:443`, `*:80`, `quic4@:443`; sockets in the file system and variables are none.
fn bound(text: &str) -> Option<Listen> {
    let (family, rest) = text.split_once('@').unwrap_or(("", text));
    let is_udp = family.starts_with("quic") || family.starts_with("udp");
    let is_known = matches!(family, "" | "ipv4" | "ipv6" | "tcp" | "tcp4" | "tcp6") || is_udp;
    (is_known && rest.contains(':')).then(|| listen(rest, is_udp)).flatten()
}
