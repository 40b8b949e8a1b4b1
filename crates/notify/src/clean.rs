//! What a channel makes of a notice before it does anything with it: within limits, without foreign addresses, without
//! characters that end a line or a header, or turn the direction of writing.

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::limits::{
    MAX_BODY_BYTES, MAX_BODY_DEPTH, MAX_BODY_VALUES, MAX_LINK_CHARACTERS, MAX_NAME_CHARACTERS, MAX_NAMES,
    MAX_TEXT_CHARACTERS, MAX_TITLE_CHARACTERS,
};
use crate::mask::mask;
use crate::notice::Notice;

/// A notice that may go out, and what was done to it.
pub(crate) struct Cleaned {
    pub(crate) notice: Notice,
    /// Addresses that were masked.
    pub(crate) masked: u64,
    /// Fields that were cut or left out.
    pub(crate) cut: u64,
}

/// Masks and cuts.
pub(crate) fn clean(notice: &Notice, own: &[IpNet]) -> Cleaned {
    let mut cleaner = Cleaner { own, masked: 0, cut: 0 };
    let link = notice.link.as_deref().and_then(|link| cleaner.link(link));
    let notice = Notice {
        time: notice.time,
        severity: notice.severity,
        phase: notice.phase,
        kind: cleaner.line(&notice.kind, MAX_NAME_CHARACTERS),
        subject: cleaner.line(&notice.subject, MAX_NAME_CHARACTERS),
        topic: cleaner.line(&notice.topic, MAX_NAME_CHARACTERS),
        title: cleaner.line(&notice.title, MAX_TITLE_CHARACTERS),
        text: cleaner.text(&notice.text, MAX_TEXT_CHARACTERS),
        services: cleaner.names(&notice.services),
        organisations: cleaner.names(&notice.organisations),
        link,
        body: cleaner.body(&notice.body),
    };
    Cleaned { notice, masked: cleaner.masked, cut: cleaner.cut }
}

/// The first `characters` of a text; the last of them says so if there were more.
pub(crate) fn shorten(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The same within a number of bytes.
pub(crate) fn shorten_bytes(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let mut end = bytes.saturating_sub('…'.len_utf8());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &text[..end])
}

/// Ends a line, or turns the direction of writing so that a text reads as what it is not.
fn is_unfit(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

struct Cleaner<'a> {
    own: &'a [IpNet],
    masked: u64,
    cut: u64,
}

impl Cleaner<'_> {
    fn line(&mut self, text: &str, characters: usize) -> String {
        let line: String = text
            .chars()
            .take(characters + 1)
            .map(|character| if is_unfit(character) { ' ' } else { character })
            .collect();
        self.finish(&line, characters)
    }

    fn text(&mut self, text: &str, characters: usize) -> String {
        let text: String = text
            .chars()
            .filter(|character| *character != '\r')
            .take(characters + 1)
            .map(|character| if is_unfit(character) && character != '\n' { ' ' } else { character })
            .collect();
        self.finish(&text, characters)
    }

    /// Masks before it cuts: half an address would be none any more.
    fn finish(&mut self, text: &str, characters: usize) -> String {
        let (masked, count) = mask(text, self.own);
        self.masked += count;
        self.cut += u64::from(text.chars().nth(characters).is_some());
        shorten(&masked, characters)
    }

    fn names(&mut self, names: &[String]) -> Vec<String> {
        self.cut += u64::from(names.len() > MAX_NAMES);
        names.iter().take(MAX_NAMES).map(|name| self.line(name, MAX_NAME_CHARACTERS)).collect()
    }

    /// As it is, or not at all: half a link leads elsewhere.
    fn link(&mut self, link: &str) -> Option<String> {
        let begins = link.starts_with("https://") || link.starts_with("http://");
        let is_fit = begins
            && link.len() <= MAX_LINK_CHARACTERS
            && link.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>\"\\^`{|}".contains(&byte));
        self.cut += u64::from(!is_fit);
        is_fit.then(|| link.to_owned())
    }

    fn body(&mut self, body: &Value) -> Value {
        let mut left = MAX_BODY_VALUES;
        let cleaned = self.value(body, &mut left, MAX_BODY_DEPTH);
        let is_fit =
            |value: &Value| serde_json::to_vec(value).is_ok_and(|bytes| bytes.len() <= MAX_BODY_BYTES);
        match cleaned.filter(is_fit) {
            Some(value) => value,
            None => {
                self.cut += 1;
                Value::Null
            }
        }
    }

    /// `None` if there is too much of it.
    fn value(&mut self, value: &Value, left: &mut usize, depth: usize) -> Option<Value> {
        *left = left.checked_sub(1)?;
        Some(match value {
            Value::String(text) => Value::String(self.text(text, MAX_BODY_BYTES)),
            Value::Array(values) => {
                let depth = depth.checked_sub(1)?;
                let values: Option<Vec<Value>> =
                    values.iter().map(|value| self.value(value, left, depth)).collect();
                Value::Array(values?)
            }
            Value::Object(fields) => {
                let depth = depth.checked_sub(1)?;
                let mut cleaned = Map::new();
                for (name, value) in fields {
                    let value = self.value(value, left, depth)?;
                    cleaned.insert(self.line(name, MAX_NAME_CHARACTERS), value);
                }
                Value::Object(cleaned)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::notice::{Phase, Severity};

    fn notice() -> Notice {
        Notice {
            time: 0,
            severity: Severity::Info,
            kind: "flood".into(),
            subject: "01J".into(),
            topic: String::new(),
            phase: Phase::Start,
            title: "a\r\nBcc: x@example.org\u{202e}".into(),
            text: "one\r\ntwo\u{0}".into(),
            services: vec!["www".into(); 40],
            organisations: vec![],
            link: Some("https://console.example/f/1".into()),
            body: json!({"198.51.100.7": ["x 2001:db8::1", 4, {"a": null}]}),
        }
    }

    #[test]
    fn lines_stay_lines_and_bodies_are_masked() {
        let Cleaned { notice, masked, cut } = clean(&notice(), &[]);
        assert_eq!(notice.title, "a  Bcc: x@example.org ");
        assert_eq!(notice.text, "one\ntwo ");
        assert_eq!(notice.services.len(), MAX_NAMES);
        assert_eq!(notice.body, json!({"[address]": ["x [address]", 4, {"a": null}]}));
        assert_eq!((masked, cut), (2, 1));
    }

    #[test]
    fn what_is_too_large_is_cut_or_left_out() {
        let mut large = notice();
        large.services.clear();
        large.title = "é".repeat(300);
        large.link = Some("https://console.example/a b".into());
        large.body = json!(vec![0; MAX_BODY_VALUES]);
        let Cleaned { notice, cut, .. } = clean(&large, &[]);
        assert_eq!(notice.title.chars().count(), MAX_TITLE_CHARACTERS);
        assert!(notice.title.ends_with('…'));
        assert_eq!((notice.link, notice.body), (None, Value::Null));
        assert_eq!(cut, 3);
        let mut deep = json!(1);
        for _ in 0..40 {
            deep = json!([deep]);
        }
        large.body = deep;
        assert_eq!(clean(&large, &[]).notice.body, Value::Null);
        large.body = json!("x".repeat(MAX_BODY_BYTES));
        assert_eq!(clean(&large, &[]).notice.body, Value::Null);
        assert_eq!(shorten_bytes("ééé", 5), "é…");
    }
}
