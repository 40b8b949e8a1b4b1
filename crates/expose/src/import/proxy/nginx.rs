//! Configurations of nginx, word by word.

use std::net::IpAddr;

use super::{MAXIMUM_LINE_BYTES, MAXIMUM_NAMES, Part, Read, listen, put};
use crate::import::draft::Draft;

/// Most nested blocks.
const MAXIMUM_BLOCKS: usize = 32;
/// Where a server of HTTP listens that does not say where.
const USUAL_PORT: &str = "80";
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
    parts.iter_mut().filter(|part| part.assumes_port).for_each(|part| {
        part.listens.extend(listen(USUAL_PORT, false));
    });
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
            let is_http =
                parts.get(outer).is_none_or(|outer| !matches!(outer.kind.as_str(), "stream" | "mail"));
            let assumes_port = kind == "server" && is_http;
            parts.push(Part { kind: kind.to_owned(), name, line, assumes_port, ..Part::default() });
            parts.len() - 1
        }
        "stream" | "mail" => {
            parts.push(Part { kind: kind.to_owned(), line, ..Part::default() });
            parts.len() - 1
        }
        "http" | "events" | "location" | "if" | "limit_except" => outer,
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
            part.assumes_port = false;
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
        "include" => {
            // It may say what is listened on.
            part.assumes_port = false;
            draft.skip_what("files that are included; nginx -T prints them too", value);
        }
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

    /// The rest of a word in quotes. After a `\` the next character does not end it.
    fn quoted(&mut self, quote: char) -> String {
        let mut word = String::new();
        while let Some(character) = self.take().filter(|&character| character != quote) {
            self.push(&mut word, character);
        }
        word
    }

    /// The rest of a word without quotes: up to a blank, `;` or `{`. What stands in `${ }` is a part of it, and so is `}`.
    fn bare(&mut self, first: char) -> String {
        let mut word = String::new();
        self.push(&mut word, first);
        // Whether a `{` that comes next belongs to the name of a variable.
        let mut is_name = first == '$';
        while let Some(&next) = self.characters.peek() {
            if next.is_whitespace() || next == ';' || next == '{' && !is_name {
                break;
            }
            self.take();
            self.push(&mut word, next);
            is_name = next == '$';
        }
        word
    }

    /// Adds a character to a word while there is room. A `\` takes the next one with it, and stays unless it stands before a quote or
    /// another one: patterns keep theirs.
    fn push(&mut self, word: &mut String, character: char) {
        let mut add = |character| {
            if word.len() < MAXIMUM_LINE_BYTES {
                word.push(character);
            }
        };
        if character != '\\' {
            add(character);
            return;
        }
        let next = self.take();
        if !matches!(next, Some('"' | '\'' | '\\')) {
            add('\\');
        }
        next.into_iter().for_each(add);
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
                quote @ ('"' | '\'') => return Some((self.quoted(quote), self.line)),
                first => return Some((self.bare(first), self.line)),
            }
        }
    }
}
