//! A mail (RFC 5322) in plain text.
//!
//! Nothing from a notice can end a header field: the only one that holds words of it is the subject, which is one line
//! of printable ASCII, or encoded words (RFC 2047). Texts with other letters or long lines are in Base64.

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use crate::clean::shorten_bytes;
use crate::delivery::{Delivery, hex, mail_date};
use crate::limits::MAX_PROSE_BYTES;

/// Longest line that is not folded (RFC 5322 section 2.1.1 wants 78).
const LINE_BYTES: usize = 78;
/// Bytes of text in one encoded word, which must not be longer than 75 characters with its frame.
const WORD_BYTES: usize = 42;
/// Bytes of one line of Base64.
const BASE64_LINE: usize = 76;

/// Whether a text is a mail address that needs no quoting: `local@domain` in ASCII.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    text.len() <= 254
        && (1..=64).contains(&local.len())
        && local.bytes().all(atom)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && super::url::is_host(domain)
}

/// The whole mail, with CRLF and without the dot at its end.
pub(super) fn compose(delivery: &Delivery, now: i64, from: &str, to: &[String]) -> String {
    let domain = from.split_once('@').map_or("localhost", |(_, domain)| domain);
    let mut mail = String::new();
    let mut field = |name: &str, value: &str| {
        let _ = write!(mail, "{name}: {value}\r\n");
    };
    field("Date", &mail_date(now));
    field("From", from);
    field("To", &to.join(",\r\n "));
    field("Subject", &subject(&format!("[hemicycle] {}", shorten_bytes(&delivery.headline(), 400))));
    field("Message-ID", &format!("<{}@{domain}>", delivery.id));
    if let Some(newest) = delivery.newest().filter(|_| !delivery.is_digest()) {
        // What is about one subject stands together in a mail program.
        let hash = digest::digest(&digest::SHA256, newest.notice.subject.as_bytes());
        field("References", &format!("<{}@{domain}>", hex(hash.as_ref().get(..16).unwrap_or_default())));
    }
    // RFC 3834: nobody's holiday answers this.
    field("Auto-Submitted", "auto-generated");
    field("MIME-Version", "1.0");
    let text = format!("{}\n\n{}\n", delivery.headline(), delivery.prose(MAX_PROSE_BYTES));
    let is_simple = text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
        && text.lines().all(|line| line.len() <= 900);
    if is_simple {
        field("Content-Type", "text/plain; charset=us-ascii");
        field("Content-Transfer-Encoding", "7bit");
        mail.push_str("\r\n");
        mail.extend(text.lines().flat_map(|line| [line, "\r\n"]));
    } else {
        field("Content-Type", "text/plain; charset=utf-8");
        field("Content-Transfer-Encoding", "base64");
        mail.push_str("\r\n");
        let encoded = STANDARD.encode(text.replace('\n', "\r\n").as_bytes());
        for line in encoded.as_bytes().chunks(BASE64_LINE) {
            mail.extend(line.iter().map(|&byte| char::from(byte)));
            mail.push_str("\r\n");
        }
    }
    mail
}

/// A subject: as it is if it is short and plain, else in encoded words.
fn subject(text: &str) -> String {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && !text.contains("=?");
    if is_plain && text.len() + "Subject: ".len() <= LINE_BYTES {
        return text.to_owned();
    }
    let mut words = vec![String::new()];
    for character in text.chars() {
        // A new line would be one even in an encoded word, once it is shown.
        let character = if character.is_control() { ' ' } else { character };
        if words.last().is_none_or(|word| word.len() + character.len_utf8() > WORD_BYTES) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(character);
        }
    }
    let words: Vec<String> =
        words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word.as_bytes()))).collect();
    words.join("\r\n ")
}

/// The mail as it follows `DATA`: a dot before each line that begins with one (RFC 5321 section 4.5.2), and the end.
pub(super) fn stuffed(mail: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_terminator("\r\n") {
        if line.starts_with('.') {
            bytes.push(b'.');
        }
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b".\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        for fit in ["duty@parliament.example", "a.b+c@x", "o'neil@mail.example", "x@192.0.2.1"] {
            assert!(is_address(fit), "{fit}");
        }
        for unfit in [
            "",
            "duty",
            "@x",
            "a@",
            "a b@x",
            "a@x\r\nRCPT TO:<b@x>",
            "<a@x>",
            "a@x>",
            "\"a\"@x",
            "a@b@c",
            ".a@x",
            "a..b@x",
            "ä@x",
            "a@x y",
        ] {
            assert!(!is_address(unfit), "{unfit}");
        }
    }

    #[test]
    fn subjects_are_one_line_or_encoded_words() {
        assert_eq!(subject("plain"), "plain");
        for text in ["é".repeat(200), "x".repeat(200), "a\r\nBcc: b@x".into(), "=?UTF-8?B?eA==?=".into()] {
            let subject = subject(&text);
            for line in subject.split("\r\n ") {
                assert!(line.starts_with("=?UTF-8?B?") && line.ends_with("?=") && line.len() <= 75, "{line}");
            }
            assert!(!subject.contains("Bcc"));
        }
    }

    #[test]
    fn dots_are_doubled() {
        assert_eq!(stuffed("a\r\n.\r\n..b\r\n"), b"a\r\n..\r\n...b\r\n.\r\n");
    }
}
