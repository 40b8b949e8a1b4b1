//! Apache httpd: `LogFormat` (mod_log_config, mod_logio).
//!
//! The bare string, the same in quotes, or the whole directive. Modifiers (`%>s`, `%400,501{User-agent}i`) do not change what a
//! field is; `%{…}t` is taken apart by strftime's letters. Unknown directives are passed over.

use super::error::FormatError;
use super::field::{Field, Part, Unit};
use super::names::{self, Known};
use super::pattern::{Builder, Pattern};

/// Compiles a format.
pub(super) fn parse(text: &str) -> Result<Pattern, FormatError> {
    let characters = unquoted(text)?;
    let mut compiler = Compiler { text: &characters, at: 0, builder: Builder::default() };
    compiler.run()?;
    compiler.builder.build()
}

/// The string itself, each byte with where it stands in the text.
fn unquoted(text: &str) -> Result<Vec<(u8, usize)>, FormatError> {
    const DIRECTIVE: &[u8] = b"LogFormat";
    let bytes = text.trim_end().as_bytes();
    let blanks = |from: usize| bytes.iter().skip(from).take_while(|byte| byte.is_ascii_whitespace()).count();
    let mut at = blanks(0);
    let is_directive = bytes.get(at..).is_some_and(|rest| rest.starts_with(DIRECTIVE));
    if is_directive {
        at += DIRECTIVE.len();
        at += blanks(at);
    }
    let begin = at;
    let quote = bytes.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let quote = quote.filter(|quote| is_directive || is_in_quotes(bytes, at, *quote));
    at += usize::from(quote.is_some());
    let mut characters = Vec::new();
    while let Some(byte) = bytes.get(at).copied() {
        if Some(byte) == quote {
            return Ok(characters);
        }
        let meant = match (byte, bytes.get(at + 1)) {
            (b'\\', Some(next @ (b'"' | b'\'' | b'\\'))) => Some(*next),
            (b'\\', Some(b't')) => Some(b'\t'),
            (b'\\', Some(b'n')) => Some(b'\n'),
            _ => None,
        };
        characters.push((meant.unwrap_or(byte), at));
        at += 1 + usize::from(meant.is_some());
    }
    if quote.is_some() { Err(FormatError::Unfinished { offset: begin }) } else { Ok(characters) }
}

/// Whether the quote at the beginning is that of the configuration file, not of the first field: the only other bare one
/// ends the string then, and at most a nickname follows.
fn is_in_quotes(bytes: &[u8], begin: usize, quote: u8) -> bool {
    let mut is_escaped = false;
    let mut bare = Vec::new();
    for (at, byte) in bytes.iter().enumerate().skip(begin) {
        if *byte == quote && !is_escaped {
            bare.push(at);
        }
        is_escaped = *byte == b'\\' && !is_escaped;
    }
    matches!(bare.as_slice(), [_, end] if !bytes.iter().skip(*end).any(|byte| *byte == b'%'))
}

struct Compiler<'a> {
    text: &'a [(u8, usize)],
    at: usize,
    builder: Builder,
}

impl Compiler<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).map(|(byte, _)| *byte)
    }

    fn run(&mut self) -> Result<(), FormatError> {
        while let Some((byte, offset)) = self.text.get(self.at).copied() {
            self.at += 1;
            if byte != b'%' {
                self.builder.literal(byte);
            } else if self.peek() == Some(b'%') {
                self.at += 1;
                self.builder.literal(b'%');
            } else {
                self.directive(offset)?;
            }
        }
        Ok(())
    }

    /// `%[modifiers][{argument}]letter`.
    fn directive(&mut self, offset: usize) -> Result<(), FormatError> {
        let unfinished = FormatError::Unfinished { offset };
        let mut argument = Vec::new();
        loop {
            let byte = self.peek().ok_or(unfinished)?;
            self.at += 1;
            match byte {
                b'!' | b',' | b'<' | b'>' | b'0'..=b'9' => {}
                b'{' => loop {
                    let (byte, at) = self.text.get(self.at).copied().ok_or(unfinished)?;
                    self.at += 1;
                    if byte == b'}' {
                        break;
                    }
                    argument.push((byte, at));
                },
                // Trailers of HTTP, and keep-alive of requests and answers, have two letters.
                b'^' => self.at += 1,
                b't' => return self.time(&argument, offset),
                letter => {
                    let plain: Vec<u8> = argument.iter().map(|(byte, _)| *byte).collect();
                    return self.builder.field(known(letter, &plain), offset, None);
                }
            }
        }
    }

    /// `%t` with its brackets, or `%{format}t`.
    fn time(&mut self, argument: &[(u8, usize)], offset: usize) -> Result<(), FormatError> {
        let plain: Vec<u8> = argument.iter().map(|(byte, _)| *byte).collect();
        let (is_begin, skip) = match plain.as_slice() {
            [b'e', b'n', b'd', b':', ..] => (false, 4),
            b"end" => (false, 3),
            [b'b', b'e', b'g', b'i', b'n', b':', ..] => (true, 6),
            b"begin" => (true, 5),
            _ => (true, 0),
        };
        let field = Field::Time { is_begin };
        let fraction = Known { field: Field::Part(Part::Fraction), rank: 1 };
        match plain.get(skip..).unwrap_or_default() {
            b"" => {
                self.builder.literal(b'[');
                self.builder.field(Known { field, rank: 4 }, offset, None)?;
                self.builder.literal(b']');
                Ok(())
            }
            b"sec" => self.builder.field(Known { field, rank: 4 }, offset, None),
            b"msec" => self.builder.field(Known { field, rank: 5 }, offset, None),
            b"usec" => self.builder.field(Known { field, rank: 6 }, offset, None),
            b"msec_frac" => self.builder.field(fraction, offset, Some(3)),
            b"usec_frac" => self.builder.field(fraction, offset, Some(6)),
            _ => self.strftime(argument.get(skip..).unwrap_or_default(), is_begin),
        }
    }

    /// The letters of strftime(3) whose texts have a fixed width.
    fn strftime(&mut self, format: &[(u8, usize)], is_begin: bool) -> Result<(), FormatError> {
        let mut letters = format.iter().copied();
        while let Some((byte, offset)) = letters.next() {
            if byte != b'%' {
                self.builder.literal(byte);
                continue;
            }
            let letter = letters.next().ok_or(FormatError::Unfinished { offset })?.0;
            let parts: &[(Option<(Part, u8)>, &str)] = match letter {
                b'Y' => &[(Some((Part::Year, 4)), "")],
                b'm' => &[(Some((Part::Month, 2)), "")],
                b'b' | b'h' => &[(Some((Part::MonthName, 3)), "")],
                b'd' | b'e' => &[(Some((Part::Day, 2)), "")],
                b'H' | b'k' => &[(Some((Part::Hour, 2)), "")],
                b'M' => &[(Some((Part::Minute, 2)), "")],
                b'S' => &[(Some((Part::Second { is_begin }, 2)), "")],
                b'z' => &[(Some((Part::Zone, 5)), "")],
                b'T' => &[
                    (Some((Part::Hour, 2)), ":"),
                    (Some((Part::Minute, 2)), ":"),
                    (Some((Part::Second { is_begin }, 2)), ""),
                ],
                b'F' => {
                    &[(Some((Part::Year, 4)), "-"), (Some((Part::Month, 2)), "-"), (Some((Part::Day, 2)), "")]
                }
                b's' => {
                    self.builder.field(Known { field: Field::Time { is_begin }, rank: 4 }, offset, None)?;
                    continue;
                }
                b'%' => &[(None, "%")],
                b't' => &[(None, "\t")],
                _ => {
                    self.builder.field(Known { field: Field::Nothing, rank: 0 }, offset, None)?;
                    continue;
                }
            };
            for (part, literal) in parts {
                if let Some((part, width)) = part {
                    let known = Known { field: Field::Part(*part), rank: 1 };
                    self.builder.field(known, offset, Some(*width))?;
                }
                literal.bytes().for_each(|byte| self.builder.literal(byte));
            }
        }
        Ok(())
    }
}

/// What a directive is, other than a time.
fn known(letter: u8, argument: &[u8]) -> Known {
    let known = |field, rank| Some(Known { field, rank });
    match (letter, argument) {
        (b'a', b"c") => known(Field::Client, 2),
        (b'a', _) => known(Field::Client, 6),
        (b'h', b"c") => known(Field::Client, 1),
        (b'h', _) => known(Field::Client, 4),
        (b'r', _) => known(Field::RequestLine, 6),
        (b'm', _) => known(Field::Method, 6),
        (b'U', _) => known(Field::Target, 6),
        (b'q', _) => known(Field::Query, 6),
        (b'H', _) => known(Field::Version, 6),
        (b's', _) => known(Field::Status, 6),
        (b'B' | b'b', _) => known(Field::ResponseBytes, 4),
        (b'O', _) => known(Field::ResponseBytes, 6),
        (b'I', _) => known(Field::RequestBytes, 6),
        (b'D', _) => known(Field::Duration(Unit::Microseconds), 8),
        (b'T', b"us") => known(Field::Duration(Unit::Microseconds), 7),
        (b'T', b"ms") => known(Field::Duration(Unit::Milliseconds), 6),
        (b'T', _) => known(Field::Duration(Unit::Seconds), 4),
        (b'v', _) => known(Field::Host, 4),
        (b'V', _) => known(Field::Host, 6),
        (b'X', _) => known(Field::Connection, 6),
        (b'i', name) => names::request_header(name).or_else(|| names::of(name).filter(is_fingerprint)),
        (b'o' | b'e' | b'n' | b'x', name) => {
            names::of(name).filter(|known| is_fingerprint(known) || is_cache(known))
        }
        _ => None,
    }
    .unwrap_or(Known { field: Field::Nothing, rank: 0 })
}

fn is_fingerprint(known: &Known) -> bool {
    known.field == Field::Fingerprint
}

fn is_cache(known: &Known) -> bool {
    known.field == Field::Cache
}
