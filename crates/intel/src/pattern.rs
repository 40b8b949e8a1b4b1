//! STIX patterns (STIX 2.1, 9), as far as one observation can answer them: comparisons of values that are joined by `OR`.
//!
//! `AND`, `FOLLOWEDBY`, qualifiers and other operators ask for more; such a pattern is kept and not matched, and whoever asks is told so.

use crate::indicator::Kind;

/// Longest pattern that is looked at.
const MAXIMUM_BYTES: usize = 64 << 10;
/// Most values of one pattern.
const MAXIMUM_VALUES: usize = 4_096;

/// The values of a pattern; nothing if it asks for more than one of them.
#[must_use]
pub fn values(pattern: &str) -> Option<Vec<(Kind, String)>> {
    if pattern.len() > MAXIMUM_BYTES {
        return None;
    }
    let mut rest = pattern.trim();
    let mut found = Vec::new();
    loop {
        rest = rest.trim_start().strip_prefix('[')?;
        loop {
            let (path, after) = take_path(rest)?;
            let after = after.trim_start();
            let after = after.strip_prefix("ISSUBSET").or_else(|| after.strip_prefix('='))?;
            let (value, after) = take_text(after.trim_start())?;
            found.push((kind(path, &value)?, value));
            if found.len() > MAXIMUM_VALUES {
                return None;
            }
            rest = after.trim_start();
            match rest.strip_prefix(']') {
                Some(after) => {
                    rest = after;
                    break;
                }
                None => rest = rest.strip_prefix("OR")?.trim_start(),
            }
        }
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(found);
        }
        rest = rest.strip_prefix("OR")?;
    }
}

/// Every text in single quotes, in patterns that [`values`] cannot answer too: names of algorithms are among them, and nothing says of what kind one is.
#[must_use]
pub fn texts(pattern: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), pattern);
    while let Some(at) = rest.find('\'') {
        let Some((text, after)) = rest.get(at..).and_then(take_text) else { break };
        found.push(text);
        rest = after;
    }
    found
}

fn take_path(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '\'' => quoted = !quoted,
            '=' | ' ' | '\t' if !quoted => return Some((&text[..at], &text[at..])),
            _ => {}
        }
    }
    None
}

/// A text in single quotes; `\'` and `\\` stand for one.
fn take_text(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('\'')?;
    let (mut value, mut escaped) = (String::new(), false);
    for (at, character) in inner.char_indices() {
        match character {
            _ if escaped => {
                value.push(character);
                escaped = false;
            }
            '\\' => escaped = true,
            '\'' => return Some((value, &inner[at + 1..])),
            other => value.push(other),
        }
    }
    None
}

fn kind(path: &str, value: &str) -> Option<Kind> {
    Some(match path {
        "ipv4-addr:value" | "ipv6-addr:value" if value.contains('/') => Kind::Network,
        "ipv4-addr:value" | "ipv6-addr:value" => Kind::Address,
        "domain-name:value" => Kind::Domain,
        "url:value" => Kind::Url,
        "email-addr:value" => Kind::Email,
        path if path.starts_with("file:hashes.") => Kind::Hash,
        _ => return None,
    })
}

/// The pattern of one value.
#[must_use]
pub fn of(kind: Kind, value: &str) -> String {
    let path = match kind {
        Kind::Address | Kind::Network if value.contains(':') => "ipv6-addr:value".to_owned(),
        Kind::Address | Kind::Network => "ipv4-addr:value".to_owned(),
        Kind::Domain => "domain-name:value".to_owned(),
        Kind::Url => "url:value".to_owned(),
        Kind::Email => "email-addr:value".to_owned(),
        Kind::Hash => match value.len() {
            32 => "file:hashes.MD5".to_owned(),
            40 => "file:hashes.'SHA-1'".to_owned(),
            _ => "file:hashes.'SHA-256'".to_owned(),
        },
    };
    format!("[{path} = '{}']", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_joined_by_or_are_found_and_more_is_refused() {
        let found = values(
            "[ipv4-addr:value = '198.51.100.7' OR ipv4-addr:value ISSUBSET '203.0.113.0/24'] OR [file:hashes.'SHA-256' = 'ab\\'c']",
        );
        let wanted = vec![
            (Kind::Address, "198.51.100.7".to_owned()),
            (Kind::Network, "203.0.113.0/24".to_owned()),
            (Kind::Hash, "ab'c".to_owned()),
        ];
        assert_eq!(found, Some(wanted));
        for pattern in [
            "[a:value = 'b']",
            "[url:value = 'a' AND url:value = 'b']",
            "[url:value = 'a'] FOLLOWEDBY [url:value = 'b']",
            "[url:value LIKE 'a%']",
            "[url:value != 'a']",
            "[url:value = 'a'] WITHIN 5 SECONDS",
            "[url:value = 'a",
            "",
        ] {
            assert_eq!(values(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn texts_are_found_in_patterns_that_ask_for_more() {
        let pattern = "[url:value = 'a\\'b' AND file:hashes.'MD5' != 'c'] FOLLOWEDBY [a:b LIKE 'd%'] WITHIN 5 SECONDS 'cut off";
        assert_eq!(texts(pattern), ["a'b", "MD5", "c", "d%"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in "\\PC{1,40}") {
            let url = value.trim().to_owned();
            prop_assert_eq!(values(&of(Kind::Url, &url)), Some(vec![(Kind::Url, url)]));
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,80}") {
            let _ = values(&text);
            let _ = values(&format!("[url:value = {text}"));
            let length: usize = texts(&text).iter().map(String::len).sum();
            prop_assert!(length <= text.len());
        }
    }
}
