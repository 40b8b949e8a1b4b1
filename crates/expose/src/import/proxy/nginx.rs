//! Configurations of nginx, word by word.

use std::net::IpAddr;

use super::{MAXIMUM_LINE_BYTES, MAXIMUM_NAMES, Part, Read, listen, put};
use crate::import::draft::Draft;

/// Most nested blocks.
const MAXIMUM_BLOCKS: usize = 32;
/// Most words of one directive.
const MAXIMUM_WORDS: usize = 512;

/// Reads a configuration of nginx.
pub(in crate::import) fn nginx(text: &str, draft: &mut Draft) {
    let mut parts: Vec<Part> = vec![Part { kind: "global".to_owned(), ..Part::default() }];
    let mut processes = Processes::One;
    // For each open block, which part its directives belong to.
    let mut open: Vec<usize> = vec![0];
    let mut words: Vec<String> = Vec::new();
    for (token, line) in Tokens::new(text) {
        match token.as_str() {
            "{" => {
                if open.len() >= MAXIMUM_BLOCKS {
                    draft.skip_what(
                        "blocks that are nested too deeply, and what follows",
                        &format!("line {line}"),
                    );
                    break;
                }
                open.push(block(&words, line, open.last().copied().unwrap_or(0), &mut parts, draft));
                words.clear();
            }
            "}" => {
                if !words.is_empty() {
                    draft.skip_what("directives without an end", &words.join(" "));
                }
                if open.len() > 1 {
                    open.pop();
                }
                words.clear();
            }
            ";" => {
                if words.first().is_some_and(|word| word == "worker_processes") {
                    processes = Processes::read(words.get(1));
                } else if let Some(part) = open.last().and_then(|&place| parts.get_mut(place)) {
                    directive(&words, part, draft);
                }
                words.clear();
            }
            _ if words.len() < MAXIMUM_WORDS => words.push(token),
            _ => draft.skip_what("words for which there is no room", &token),
        }
    }
    if !words.is_empty() {
        draft.skip_what("directives without an end", &words.join(" "));
    }
    let each = parts.first().and_then(|global| global.connections);
    let (connections, connections_reason) = match (each, processes) {
        (Some(each), Processes::Several(count)) => {
            (Some(each * count), "worker_connections of all worker_processes, those to servers counted too")
        }
        (Some(each), Processes::One) => {
            (Some(each), "worker_connections of one worker, those to servers counted too")
        }
        _ => (None, ""),
    };
    put(&Read { program: "nginx", parts, connections, connection_rate: None, connections_reason }, draft);
}

/// How many workers there are.
#[derive(Clone, Copy)]
enum Processes {
    /// What nginx takes if nothing is said.
    One,
    Several(f64),
    /// As many as the machine has cores.
    Unknown,
}

impl Processes {
    fn read(word: Option<&String>) -> Self {
        let count = word.and_then(|word| word.parse::<u16>().ok()).filter(|&count| count > 0);
        count.map_or(Self::Unknown, |count| Self::Several(f64::from(count)))
    }
}

/// The part that the directives of a block belong to.
fn block(words: &[String], line: usize, outer: usize, parts: &mut Vec<Part>, draft: &mut Draft) -> usize {
    let kind = words.first().map(String::as_str).unwrap_or_default();
    match kind {
        "server" | "upstream" => {
            let name = words.get(1).cloned().unwrap_or_default();
            parts.push(Part { kind: kind.to_owned(), name, line, ..Part::default() });
            parts.len() - 1
        }
        "http" | "stream" | "mail" | "events" | "location" | "if" | "limit_except" => outer,
        other => {
            draft.skip_what("directives that are not looked at", other);
            outer
        }
    }
}

fn directive(words: &[String], part: &mut Part, draft: &mut Draft) {
    let value = words.get(1).map(String::as_str).unwrap_or_default();
    match words.first().map(String::as_str).unwrap_or_default() {
        "listen" if part.kind == "server" => {
            let is_udp = words.iter().skip(2).any(|word| word == "udp" || word == "quic");
            let address_alone = || {
                let address: IpAddr = value.trim_matches(['[', ']']).parse().ok()?;
                listen(&format!("[{address}]:80"), is_udp)
            };
            let found = if value.starts_with("unix:") { None } else { address_alone() };
            match found.or_else(|| listen(value, is_udp)) {
                Some(listen) => {
                    part.listens.insert(listen);
                }
                None => draft.skip_what("what is listened on and has no port", value),
            }
        }
        "server_name" => {
            for name in words.iter().skip(1) {
                let is_name = name.contains('.') && !name.starts_with(['~', '*', '.']) && !name.contains('*');
                if is_name && part.names.len() < MAXIMUM_NAMES {
                    part.names.push(name.clone());
                } else {
                    draft.skip_what("names that are patterns, or for which there is no room", name);
                }
            }
        }
        "server" if part.kind == "upstream" => match words.iter().skip(2).any(|word| word == "down") {
            true => draft.skip_what("servers that are down", value),
            false => part.serve(&value.replace(':', "-"), value, draft),
        },
        "proxy_pass" | "fastcgi_pass" | "uwsgi_pass" | "scgi_pass" | "grpc_pass" => {
            let target = value.split_once("://").map_or(value, |(_, rest)| rest);
            let target = target.split('/').next().unwrap_or_default();
            if target.contains('$') || target.is_empty() || target.starts_with("unix:") {
                draft.skip_what("targets that are chosen while it runs, or are on the same machine", value);
            } else {
                part.use_of(target, draft);
            }
        }
        "worker_connections" if part.kind == "global" => part.connections = value.parse().ok(),
        "include" => draft.skip_what("files that are included; nginx -T prints them too", value),
        other => draft.skip_what("directives that are not looked at", other),
    }
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
