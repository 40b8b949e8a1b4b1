//! Words of a line of text that an indicator may meet, however the line writes them: `src=192.0.2.1`, `192.0.2.1:443`, `[2001:db8::1]:443`, `192.0.2.1.443` as
//! tcpdump has it, a host within a URL, with a comma or a full stop behind it.
//!
//! A line is cut at blanks and quotes; each piece is tried whole, then its parts. A part may be found more than once: whoever counts counts an indicator
//! once a line. Work grows with the length of the line and not faster.

use std::net::IpAddr;

use crate::host::{Host, of_url};

/// One word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Word<'a> {
    /// An address.
    Address(IpAddr),
    /// What may be a name.
    Name(&'a str),
    /// A URL.
    Url(&'a str),
    /// What may be a hash.
    Hash(&'a str),
    /// What may be an address of mail.
    Email(&'a str),
}

/// What stands around words and not in them.
const AROUND: [char; 12] = ['.', ',', ':', ';', '!', '?', '-', '\'', '*', '~', '\\', '%'];
/// Where parts of a piece end.
const APART: [char; 18] =
    ['=', '/', '\\', '?', '&', '#', '@', ',', ';', '\'', '(', ')', '[', ']', '{', '}', '|', '>'];

/// Hands each word of a line to `take`, with the text that it was read from.
pub fn each<'a>(line: &'a str, mut take: impl FnMut(Word<'a>, &'a str)) {
    let ends = |character: char| {
        character.is_whitespace() || matches!(character, '"' | '<' | '>' | '`') || character.is_control()
    };
    for piece in line.split(ends).filter(|piece| piece.len() > 3) {
        urls(piece, &mut take);
        if piece.contains('@') {
            mails(piece, &mut take);
        }
        for part in piece.split(APART).filter(|part| part.len() > 1) {
            one(part, &mut take);
        }
    }
}

/// Each URL of a piece begins with a scheme; it ends with the piece, or where the next one begins.
fn urls<'a>(piece: &'a str, take: &mut impl FnMut(Word<'a>, &'a str)) {
    let (mut from, mut is_first) = (0, true);
    while let Some(at) = piece[from..].find("://").map(|at| from + at) {
        let before = &piece[from..at];
        let scheme =
            before.rfind(|character: char| !character.is_ascii_alphanumeric() && !"+-.".contains(character));
        let start = from + scheme.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        if std::mem::take(&mut is_first) {
            take(Word::Url(&piece[start..]), &piece[start..]);
        }
        let next = piece[at + 3..].find("://").map_or(piece.len(), |next| at + 3 + next);
        let url = &piece[start..next.max(at + 3)];
        take(Word::Url(url), url);
        let trimmed = url.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '}', '\'', '|']);
        let cut = url.split([',', ';', '\'', '|', ')', '}']).next().unwrap_or(url);
        for other in [trimmed, cut] {
            if other.len() < url.len() {
                take(Word::Url(other), other);
            }
        }
        if let Some(Host::Address(address)) = of_url(cut) {
            take(Word::Address(address), cut);
        }
        from = at + 3;
    }
}

fn mails<'a>(piece: &'a str, take: &mut impl FnMut(Word<'a>, &'a str)) {
    let ends = ['=', ',', ';', ':', '\'', '(', ')', '[', ']', '{', '}', '|', '/'];
    for part in piece.split(ends).filter(|part| part.contains('@')) {
        let part = part.trim_matches(AROUND);
        take(Word::Email(part), part);
    }
}

/// A part without separators: an address or a name, with or without a port or a key.
fn one<'a>(part: &'a str, take: &mut impl FnMut(Word<'a>, &'a str)) {
    // A zone of IPv6 (RFC 4007), and the blank in front that %20 stands for.
    let bare = part.split('%').next().unwrap_or(part);
    for text in [part, bare] {
        if let Some(address) = address(text) {
            take(Word::Address(address), text);
            return;
        }
    }
    let trimmed = part.trim_matches(AROUND);
    if let Some(address) = address(trimmed) {
        take(Word::Address(address), trimmed);
        return;
    }
    if trimmed.contains(':') {
        // A key in front of an address of IPv6, or a port behind it.
        let halves =
            [trimmed.split_once(':').map(|(_, rest)| rest), trimmed.rsplit_once(':').map(|(rest, _)| rest)];
        let found = halves.into_iter().flatten().find_map(|text| Some((text.parse::<IpAddr>().ok()?, text)));
        if let Some((address, text)) = found {
            take(Word::Address(address), text);
            return;
        }
    }
    for text in trimmed.split(':').map(|text| text.trim_matches(AROUND)) {
        if let Some(address) = address(text) {
            take(Word::Address(address), text);
        } else if text.len() >= 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            take(Word::Hash(text), text);
        } else if text.contains('.') {
            take(Word::Name(text), text);
        }
    }
}

/// An address, alone or with a port behind a colon or a dot.
fn address(text: &str) -> Option<IpAddr> {
    if !text.bytes().next().is_some_and(|byte| byte.is_ascii_hexdigit() || byte == b':') || text.len() > 64 {
        return None;
    }
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let (host, port) = text.rsplit_once(['.', ':'])?;
    port.parse::<u16>().ok()?;
    let address = host.parse::<IpAddr>().ok()?;
    // The last group of IPv6 is no port.
    (address.is_ipv4() || text.as_bytes().get(host.len()) == Some(&b'.')).then_some(address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<String> {
        let mut found = Vec::new();
        each(line, |word, _| {
            found.push(match word {
                Word::Address(address) => address.to_string(),
                Word::Name(text) | Word::Url(text) | Word::Hash(text) | Word::Email(text) => text.to_owned(),
            });
        });
        found
    }

    #[test]
    fn words_are_found_however_they_are_written() {
        for (line, wanted) in [
            ("src=198.51.100.7 dst=192.0.2.10", "198.51.100.7"),
            ("SRC=198.51.100.7,DPT=443", "198.51.100.7"),
            ("198.51.100.7:443", "198.51.100.7"),
            ("198.51.100.7:443->192.0.2.1:80", "198.51.100.7"),
            ("IP 198.51.100.7.51234 > 192.0.2.1.443: Flags [S]", "198.51.100.7"),
            ("IP6 2001:db8::7.51234 > 2001:db8::1.443: Flags", "2001:db8::7"),
            ("from [2001:db8::7]:443", "2001:db8::7"),
            ("[::ffff:198.51.100.7]", "::ffff:198.51.100.7"),
            ("client 198.51.100.7#53211: query", "198.51.100.7"),
            ("denied 198.51.100.7.", "198.51.100.7"),
            ("(198.51.100.7),", "198.51.100.7"),
            ("src_ip:198.51.100.7", "198.51.100.7"),
            ("src:2001:db8::7", "2001:db8::7"),
            ("fe80::7%eth0", "fe80::7"),
            ("GET https://198.51.100.7/x", "198.51.100.7"),
            ("GET https://[2001:db8::7]:8443/x", "2001:db8::7"),
            ("GET http://3325256711/x", "198.51.100.7"),
            ("url=https://evil.example:8443/a?b=c,", "evil.example"),
            ("\"https://evil.example/a\",", "https://evil.example/a"),
            ("see https://evil.example/a.", "https://evil.example/a"),
            ("https://good.example/?to=https://evil.example/a", "https://evil.example/a"),
            ("https://user@evil.example/", "evil.example"),
            ("query: evil.example. IN A", "evil.example"),
            ("host=evil.example;", "evil.example"),
            ("evil.example:443", "evil.example"),
            ("from=<a@evil.example>, size=1", "a@evil.example"),
            ("mailto:a@evil.example", "a@evil.example"),
            ("mail a@evil.example", "evil.example"),
            ("SHA256=d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e"),
            ("md5:d41d8cd98f00b204e9800998ecf8427e,", "d41d8cd98f00b204e9800998ecf8427e"),
            ("{\"ip\":\"198.51.100.7\"}", "198.51.100.7"),
            ("ip=198.51.100.7&x=1", "198.51.100.7"),
        ] {
            let found = words(line);
            assert!(found.iter().any(|word| word == wanted), "{line}: {found:?}");
        }
        for line in ["1.2.3", "12:30:45", "a.b", "2026-01-01T00:00:00Z", "300.1.1.1"] {
            assert!(words(line).iter().all(|word| word.parse::<IpAddr>().is_err()), "{line}");
        }
        assert!(!words("2001:db8::7:443").contains(&"2001:db8::7".to_owned()), "a group is no port");
    }

    proptest! {
        #[test]
        fn nothing_panics(line in "[ -~äß。\u{85}]{0,120}", rest in "\\PC{0,60}") {
            let _ = words(&line);
            let _ = words(&format!("https://{rest} a://b{line}://{rest}"));
        }

        /// An address is found behind any key and before any port or punctuation.
        #[test]
        fn addresses_are_found(bits: u32, key in "(|[a-z_]{1,8}[=:]|\\(|\"|<|https?://|[a-z]+://u@)", tail in "(|:[0-9]{1,4}|/|/x|,|;|\\)|\\.|\"|>|#1)") {
            let address = std::net::Ipv4Addr::from(bits).to_string();
            let found = words(&format!("x {key}{address}{tail} y"));
            prop_assert!(found.contains(&address), "{:?}", found);
        }
    }
}
