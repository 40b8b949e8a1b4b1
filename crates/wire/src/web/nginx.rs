//! nginx: `log_format` (ngx_http_log_module) with `escape=default`, `json` or `none`.
//!
//! Either the bare string or the whole directive, whose quoted parts are put together as nginx does it. With `escape=json`
//! a variable is still a field between literals, so that one pattern reads both; an absent value is empty there and `-` otherwise.
//! Unknown variables are passed over.

use super::error::FormatError;
use super::field::Field;
use super::names::{self, Known};
use super::pattern::{Builder, Pattern};

const NOTHING: Known = Known { field: Field::Nothing, rank: 0 };

/// Compiles a format.
pub(super) fn parse(text: &str) -> Result<Pattern, FormatError> {
    let text = text.trim();
    let bytes = text.as_bytes();
    let characters: Vec<(u8, usize)> = if bytes.starts_with(b"log_format") {
        directive(bytes)?
    } else {
        bytes.iter().enumerate().map(|(offset, byte)| (*byte, offset)).collect()
    };
    compile(&characters)
}

/// The string of `log_format NAME [escape=…] 'STRING' …;`, each byte with where it stands.
fn directive(text: &[u8]) -> Result<Vec<(u8, usize)>, FormatError> {
    let mut words = Words { text, at: 0 };
    let mut all = Vec::new();
    let mut number = 0;
    while let Some(word) = words.next()? {
        let plain = word.bytes.iter().map(|(byte, _)| *byte).collect::<Vec<u8>>();
        // The directive, the name, and perhaps how values are escaped.
        if number >= 2 && !(number == 2 && !word.is_quoted && plain.starts_with(b"escape=")) {
            all.extend(word.bytes);
        }
        number += 1;
    }
    if all.is_empty() { Err(FormatError::Unfinished { offset: 0 }) } else { Ok(all) }
}

struct Word {
    bytes: Vec<(u8, usize)>,
    is_quoted: bool,
}

/// The words of a directive, up to its semicolon.
struct Words<'a> {
    text: &'a [u8],
    at: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Result<Option<Word>, FormatError> {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let begin = self.at;
        let quote = match self.text.get(begin) {
            None | Some(b';') => return Ok(None),
            Some(quote @ (b'"' | b'\'')) => Some(*quote),
            Some(_) => None,
        };
        self.at += usize::from(quote.is_some());
        let mut bytes = Vec::new();
        loop {
            let offset = self.at;
            let Some(byte) = self.text.get(self.at).copied() else {
                if quote.is_some() {
                    return Err(FormatError::Unfinished { offset: begin });
                }
                break;
            };
            if Some(byte) == quote {
                self.at += 1;
                break;
            }
            if quote.is_none() && (byte.is_ascii_whitespace() || byte == b';') {
                break;
            }
            self.at += 1;
            if byte == b'\\'
                && let Some(next) = self.text.get(self.at).copied()
                && let Some(meant) = escaped(next)
            {
                self.at += 1;
                bytes.push((meant, offset));
                continue;
            }
            bytes.push((byte, offset));
        }
        Ok(Some(Word { bytes, is_quoted: quote.is_some() }))
    }
}

/// What a backslash makes of the next character, as nginx's configuration has it.
fn escaped(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\'' | b'\\' => Some(byte),
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        _ => None,
    }
}

fn compile(text: &[(u8, usize)]) -> Result<Pattern, FormatError> {
    let mut builder = Builder::default();
    let mut at = 0;
    while let Some((byte, offset)) = text.get(at).copied() {
        at += 1;
        if byte != b'$' {
            builder.literal(byte);
            continue;
        }
        let is_braced = text.get(at).is_some_and(|(byte, _)| *byte == b'{');
        at += usize::from(is_braced);
        let rest = text.get(at..).unwrap_or_default();
        let in_name = |(byte, _): &&(u8, usize)| byte.is_ascii_alphanumeric() || *byte == b'_';
        let name: Vec<u8> = rest.iter().take_while(in_name).map(|(byte, _)| *byte).collect();
        at += name.len();
        if is_braced {
            if text.get(at).is_none_or(|(byte, _)| *byte != b'}') {
                return Err(FormatError::Unfinished { offset });
            }
            at += 1;
        }
        if name.is_empty() {
            builder.literal(b'$');
            continue;
        }
        builder.field(names::of(&name).unwrap_or(NOTHING), offset, None)?;
    }
    builder.build()
}
